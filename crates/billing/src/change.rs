//! Another product, quantity or cycle for a service in the middle of what is billed: what that costs, from when it
//! holds, and on which lines.
//!
//! What is left of the billed periods is given back at what it was billed for, and billed again as it is from now on. If
//! that costs more, it is invoiced now and holds from today; if it costs less, nothing is given back and the change holds
//! from the first day that is not billed. Another product or quantity keeps the periods as they are. A longer cycle begins
//! its first period today, a shorter one on the first day that is not billed.

use jiff::civil::Date;

use crate::line::{Line, PriceOrigin, describe, line, own_line, unit_price};
use crate::renewal::{Addon, Bill, Claim, Facts, Plan, Refusal, Term};
use crate::{
    AddonId, Cycle, Discount, InvoiceId, Money, Part, Period, PeriodNumber, ProductId, Quantity, Schedule, Share,
    TaxProfile, due_date,
};

/// Billed periods that a change reaches at most.
pub const MAX_CHANGED_PERIODS: usize = 400;

/// A period of a service or of an add-on that is billed and not over, as it was billed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// The period of the service with which it was billed.
    pub number: PeriodNumber,
    /// Which add-on, if it is not the service itself.
    pub addon: Option<AddonId>,
    /// What was billed.
    pub product: ProductId,
    /// Its name.
    pub name: String,
    /// The days of the whole period.
    pub period: Period,
    /// The first day of it that is billed: later than its first where a short period was billed.
    pub from: Date,
    /// What the whole period costs.
    pub whole: Money,
    /// The code of the discount it was billed with.
    pub discount: Option<String>,
    /// How it was taxed.
    pub tax: TaxProfile,
}

/// What a service is: what a change changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// What.
    pub product: ProductId,
    /// How many.
    pub quantity: Quantity,
    /// For periods of which length.
    pub cycle: Cycle,
}

impl Sold {
    /// What these facts say.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        Self { product: facts.item.product, quantity: facts.item.quantity, cycle: facts.schedule.cycle }
    }
}

/// What is billed and not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// What the service was when that was billed: not what it is, if a change that costs less waits for the first day that is
    /// not billed.
    pub billed_as: Sold,
    /// The periods, by number and add-on.
    pub billed: Vec<Billed>,
}

impl Billed {
    /// What is left of it from a day on.
    fn rest(&self, facts: &Facts, from: Date) -> Part {
        let share = Share::rest(self.period, from.max(self.from), facts.policy.day_count);
        Part { whole: self.whole, starts: self.period.starts, share }
    }
}

/// What a change comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The first day on which it holds.
    pub effective_on: Date,
    /// The periods of the service from then on.
    pub schedule: Schedule,
    /// What is issued now; none if it holds from the first day that is not billed, or is billed so already.
    pub invoice: Option<Plan>,
    /// Billed periods that end before their last day, each with the first day that is given back.
    pub given_back: Vec<(PeriodNumber, Date)>,
    /// What it would cost from today, without tax: less than nothing if it is cheaper.
    pub difference: Money,
}

/// Why a service is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// It is so already.
    #[error("Service is so already: nothing changes")]
    Nothing,
    /// It would have no periods.
    #[error("Service cannot become {0}: choose a cycle that recurs")]
    NoCycle(Cycle),
    /// It waits for another cycle.
    #[error("Service becomes {cycle} on {on}: change it from then on, or give it back the cycle that is billed first")]
    Waiting {
        /// The other cycle.
        cycle: Cycle,
        /// From which day.
        on: Date,
    },
    /// What has begun is not billed.
    #[error("Service is not billed from {0} on, which is over: renew it first")]
    Behind(Date),
    /// It is billed too far ahead, in too many periods.
    #[error("Service has more than {MAX_CHANGED_PERIODS} billed periods ahead")]
    TooManyPeriods,
    /// A renewal would be refused too.
    #[error(transparent)]
    Renewal(#[from] Refusal),
}

impl From<crate::AmountOutOfRange> for ChangeRefusal {
    fn from(error: crate::AmountOutOfRange) -> Self {
        Self::Renewal(error.into())
    }
}

impl From<crate::DateOutOfRange> for ChangeRefusal {
    fn from(error: crate::DateOutOfRange) -> Self {
        Self::Renewal(error.into())
    }
}

/// Whether a service can be changed at all, whatever it is to become.
pub fn changeable(facts: &Facts) -> Result<(), Refusal> {
    facts.recurs()?;
    if let Some(invoice) = facts.open_invoice {
        return Err(Refusal::OpenInvoice(invoice));
    }
    facts.ends_on.map_or(Ok(()), |day| Err(Refusal::Ending(day)))
}

/// What changing a service today comes to. `before` is the service as it is; `after` the same with the product, quantity,
/// price rule and cycle it is to have, and the prices of those; `ahead` is all of it and of its add-ons that is billed and
/// not over.
pub fn change(before: &Facts, after: &Facts, ahead: &Ahead, today: Date) -> Result<Change, ChangeRefusal> {
    let Ahead { billed_as, billed } = ahead;
    changeable(before)?;
    if !after.schedule.cycle.is_recurring() {
        return Err(ChangeRefusal::NoCycle(after.schedule.cycle));
    }
    let has_other_cycle = before.schedule.cycle != after.schedule.cycle;
    if Sold::of(before) == Sold::of(after) {
        return Err(ChangeRefusal::Nothing);
    }
    if billed.len() > MAX_CHANGED_PERIODS {
        return Err(ChangeRefusal::TooManyPeriods);
    }
    let next = before.schedule.period(before.next_period)?.ok_or(Refusal::OneTime)?.starts;
    if next < today {
        return Err(ChangeRefusal::Behind(next));
    }
    let later = Later { before, after, next, has_other_cycle };
    let left: Vec<&Billed> = billed.iter().filter(|billed| billed.period.ends > today).collect();
    let own: Vec<&Billed> = left.iter().copied().filter(|billed| billed.addon.is_none()).collect();
    // Before its first period begins, a service is what it becomes from that day.
    let Some(from) = own.iter().map(|billed| billed.from).min().map(|first| first.max(today)) else {
        return later.change(Money::zero(before.currency));
    };
    // A change that waits is called off: it is billed as it is to be.
    if Sold::of(after) == *billed_as {
        return later.called_off(billed);
    }
    if billed_as.cycle != before.schedule.cycle && !has_other_cycle {
        return Err(ChangeRefusal::Waiting { cycle: before.schedule.cycle, on: next });
    }
    let now = if has_other_cycle {
        // Add-ons without a cycle of their own are billed with the service, and so given back with it.
        let follows = |billed: &Billed| {
            let has_term = |id| before.addons.iter().any(|addon| addon.id == id && addon.term.is_some());
            !billed.addon.is_some_and(has_term)
        };
        let left = left.into_iter().filter(|billed| follows(billed)).collect();
        Now { before, after, left, from, today }.with_a_new_cycle(next, billed_as.cycle)?
    } else {
        Now { before, after, left: own, from, today }.in_the_same_periods()?
    };
    match now {
        (_, Some(change)) => Ok(change),
        (difference, None) => later.change(difference),
    }
}

/// A change that holds from the first day that is not billed.
struct Later<'a> {
    before: &'a Facts,
    after: &'a Facts,
    next: Date,
    has_other_cycle: bool,
}

impl Later<'_> {
    /// It goes on as it is billed, from where its periods are.
    fn called_off(&self, billed: &[Billed]) -> Result<Change, ChangeRefusal> {
        let difference = Money::zero(self.before.currency);
        if !self.has_other_cycle {
            let (schedule, given_back) = (self.before.schedule, Vec::new());
            return Ok(Change { effective_on: self.next, schedule, invoice: None, given_back, difference });
        }
        // The last period that is billed knows the anchor, unless its month was too short for it.
        let last = billed.iter().filter(|billed| billed.addon.is_none()).max_by_key(|billed| billed.number);
        let cycle = self.after.schedule.cycle;
        let as_before = last.map(|last| Schedule { anchor: last.period.starts, cycle, first: last.number });
        let goes_on = |schedule: &Schedule| {
            let next = schedule.period(self.before.next_period).ok().flatten();
            next.is_some_and(|next| next.starts == self.next)
        };
        let change = self.change(difference)?;
        Ok(Change { schedule: as_before.filter(goes_on).unwrap_or(change.schedule), ..change })
    }

    fn change(&self, difference: Money) -> Result<Change, ChangeRefusal> {
        let schedule = match self.has_other_cycle {
            true => Schedule { anchor: self.next, cycle: self.after.schedule.cycle, first: self.before.next_period },
            false => self.before.schedule,
        };
        // It must be possible to bill it when its day comes.
        let period = schedule.period(self.before.next_period)?.ok_or(Refusal::OneTime)?;
        Bill::new(&Facts { schedule, ..self.after.clone() }, self.next).add(period)?;
        Ok(Change { effective_on: self.next, schedule, invoice: None, given_back: Vec::new(), difference })
    }
}

/// A change that holds from a day within what is billed.
struct Now<'a> {
    before: &'a Facts,
    after: &'a Facts,
    left: Vec<&'a Billed>,
    from: Date,
    today: Date,
}

impl Now<'_> {
    /// The same days, as something else. None if it costs less.
    fn in_the_same_periods(&self) -> Result<(Money, Option<Change>), ChangeRefusal> {
        let mut lines = self.given_back();
        for billed in &self.left {
            // What was billed with a discount stays so, whether or not it holds for later periods.
            let of_it = |discount: &&Discount| Some(&discount.code) == billed.discount.as_ref();
            let discount = self.after.discount.as_ref().filter(of_it);
            lines.push(line_of_rest(
                self.after,
                None,
                discount,
                billed.period,
                self.from.max(billed.from),
                self.today,
            )?);
        }
        let schedule = self.before.schedule;
        let plan = self.plan(Vec::new(), Vec::new(), lines)?;
        Ok(self.if_not_cheaper(plan, schedule, Vec::new()))
    }

    /// A whole period of the new cycle from today. None if it costs less, is shorter, or ends before what is billed already.
    fn with_a_new_cycle(&self, billed_through: Date, was: Cycle) -> Result<(Money, Option<Change>), ChangeRefusal> {
        let number = self.before.next_period;
        let schedule = Schedule { anchor: self.from, cycle: self.after.schedule.cycle, first: number };
        let period = schedule.period(number)?.ok_or(Refusal::OneTime)?;
        let facts = Facts { schedule, ..self.after.clone() };
        let mut bill = Bill::new(&facts, self.today);
        bill.add(period)?;
        let claim = bill.claim(number, period)?;
        let mut lines = self.given_back();
        lines.extend(bill.lines);
        let plan = self.plan(vec![claim], bill.terms, lines)?;
        let old = Schedule { cycle: was, ..schedule }.period(number)?.ok_or(Refusal::OneTime)?;
        if period.ends <= billed_through.max(old.ends) {
            return Ok((plan.net, None));
        }
        let own = self.left.iter().filter(|billed| billed.addon.is_none());
        let given_back = own.map(|billed| (billed.number, billed.from.max(self.from))).collect();
        Ok(self.if_not_cheaper(plan, schedule, given_back))
    }

    fn if_not_cheaper(
        &self,
        plan: Plan,
        schedule: Schedule,
        given_back: Vec<(PeriodNumber, Date)>,
    ) -> (Money, Option<Change>) {
        let difference = plan.net;
        let is_now = difference.minor >= 0;
        let change =
            is_now.then_some(Change { effective_on: self.from, schedule, invoice: Some(plan), given_back, difference });
        (difference, change)
    }

    fn plan(&self, claims: Vec<Claim>, terms: Vec<(AddonId, Term)>, lines: Vec<Line>) -> Result<Plan, Refusal> {
        let due_on = due_date(self.from, self.today, self.before.policy.payment_terms_days)?;
        Plan::of(claims, terms, lines, self.today, due_on, self.before)
    }

    fn given_back(&self) -> Vec<Line> {
        self.left.iter().map(|billed| given_back(self.before, billed, self.from, self.today)).collect()
    }
}

/// The line that gives back the rest of a billed period.
fn given_back(facts: &Facts, billed: &Billed, from: Date, today: Date) -> Line {
    let rest = Period { starts: billed.from.max(from), ends: billed.period.ends };
    let part = billed.rest(facts, from);
    let what = describe(billed.addon, &billed.name, &facts.label, rest);
    let line = part_line(facts, billed.addon, billed.product, rest, part, (billed.tax, today));
    Line {
        description: format!("Unused: {what}: {part}"),
        quantity: Quantity::from_millionths(-Quantity::ONE.millionths()),
        net: Money::new(-line.net.minor, line.net.currency),
        discount: billed.discount.clone(),
        ..line
    }
}

/// The line of a part of a period, at its price.
fn part_line(
    facts: &Facts,
    addon: Option<AddonId>,
    product: ProductId,
    period: Period,
    part: Part,
    (tax, today): (TaxProfile, Date),
) -> Line {
    let price = part.price(facts.policy.amounts.rounding);
    Line {
        service: facts.service,
        period,
        addon,
        product,
        description: String::new(),
        quantity: Quantity::ONE,
        unit_price: price,
        price_origin: PriceOrigin::Billed,
        net: price,
        allowance: None,
        discount: None,
        part: Some(part),
        tax,
        gross: None,
        contained: facts.tax.contained(tax, today),
    }
}

/// The line that bills the rest of a period, from its own first day or a later one, for what is sold from then on.
pub(crate) fn line_of_rest(
    facts: &Facts,
    addon: Option<&Addon>,
    discount: Option<&Discount>,
    whole_period: Period,
    from: Date,
    today: Date,
) -> Result<Line, Refusal> {
    let rest = Period { starts: whole_period.starts.max(from), ends: whole_period.ends };
    let whole = match addon {
        None => own_line(facts, discount, rest, today)?,
        Some(addon) => line(facts, Some(addon.id), &addon.item, facts.schedule.cycle, rest, today)?,
    };
    let share = Share::rest(whole_period, rest.starts, facts.policy.day_count);
    let part = Part { whole: whole.net, starts: whole_period.starts, share };
    let price = match (&whole.allowance, whole.quantity) {
        (None, Quantity::ONE) => String::new(),
        (None, quantity) => format!("{quantity} × {} = {}; ", whole.unit_price.amount(), whole.net.amount()),
        (Some(off), quantity) => format!(
            "{quantity} × {} − {} ({}) = {}; ",
            whole.unit_price.amount(),
            off.amount.amount(),
            off.reason,
            whole.net.amount()
        ),
    };
    let description = format!("{}: {price}{part}", whole.description);
    let (price_origin, discount) = (whole.price_origin, whole.discount);
    let tax = (whole.tax, today);
    Ok(Line { description, price_origin, discount, ..part_line(facts, whole.addon, whole.product, rest, part, tax) })
}

/// All that is billed of a service and of the add-ons that follow its periods, and is not over on a day: what is known, and
/// for what was billed before the service came here, what it costs by its rule on the first day of the period.
///
/// That rule is the one it came with: what was billed of a service that was changed since is not made up.
pub fn all_billed(facts: &Facts, known: Vec<Billed>, was_changed: bool, today: Date) -> Result<Vec<Billed>, Refusal> {
    let mut all = known;
    let mut number = facts.next_period.previous().filter(|_| !was_changed);
    while let Some(nth) = number.filter(|nth| *nth >= facts.schedule.first) {
        let Some(period) = facts.schedule.period(nth)?.filter(|period| period.ends > today) else { break };
        if !all.iter().any(|billed| billed.number == nth && billed.addon.is_none()) {
            let follow = facts.addons.iter().filter(|addon| addon.term.is_none());
            let items = std::iter::once((None, &facts.item)).chain(follow.map(|addon| (Some(addon.id), &addon.item)));
            for (addon, item) in items {
                let (unit_price, ..) = unit_price(facts, item, facts.schedule.cycle, period.starts)?;
                let whole = unit_price.times(item.quantity, facts.policy.amounts.rounding)?;
                let (product, name) = (item.product, item.name.clone());
                let (from, discount, tax) = (period.starts, None, facts.tax.on(item.tax_class, today));
                all.push(Billed { number: nth, addon, product, name, period, from, whole, discount, tax });
            }
        }
        if all.len() > MAX_CHANGED_PERIODS {
            break;
        }
        number = nth.previous();
    }
    let is_sold = |id| facts.addons.iter().any(|addon| addon.id == id);
    all.retain(|billed| billed.addon.is_none_or(is_sold));
    all.sort_by_key(|billed| (billed.number, billed.addon, billed.period.starts));
    Ok(all)
}

/// What is left of all that is billed from a day on, without tax: what a service that ends on that day has not used. The
/// lines are those that would give it back.
pub fn unused(facts: &Facts, billed: &[Billed], from: Date) -> Result<(Money, Vec<Line>), Refusal> {
    let left = billed.iter().filter(|billed| billed.period.ends > from);
    let mut lines: Vec<Line> = left.map(|billed| given_back(facts, billed, from, from)).collect();
    let net = facts.policy.amounts.amounts_of(facts.currency, &mut lines)?.net;
    Ok((Money::new(-net.minor, net.currency), lines))
}

/// What selling an add-on today bills for what is billed of its service already: the rest of each of those periods, or, if
/// it has a cycle of its own, its own periods that begin within them. None if nothing is billed ahead: then it is billed
/// with the next renewal.
pub fn addon_sold(facts: &Facts, addon: &Addon, ahead: &Ahead, today: Date) -> Result<Option<Plan>, ChangeRefusal> {
    let Ahead { billed_as, billed } = ahead;
    changeable(&Facts { open_invoice: None, ..facts.clone() })?;
    if billed.len() > MAX_CHANGED_PERIODS {
        return Err(ChangeRefusal::TooManyPeriods);
    }
    let own = billed.iter().filter(|billed| billed.addon.is_none() && billed.period.ends > today);
    let periods: Vec<(Period, Date)> = own.map(|billed| (billed.period, billed.from)).collect();
    let Some(from) = periods.iter().map(|(_, from)| *from).min().map(|first| first.max(today)) else {
        return Ok(None);
    };
    if addon.term.is_none() && billed_as.cycle != facts.schedule.cycle {
        let on = facts.schedule.period(facts.next_period)?.map_or(today, |period| period.starts);
        return Err(ChangeRefusal::Waiting { cycle: facts.schedule.cycle, on });
    }
    let ends = periods.iter().map(|(period, _)| period.ends).max().unwrap_or(from);
    let (lines, terms) = match addon.term {
        None => {
            let rest = |(period, billed): &(Period, Date)| {
                line_of_rest(facts, Some(addon), None, *period, from.max(*billed), today)
            };
            (periods.iter().map(rest).collect::<Result<Vec<_>, _>>()?, Vec::new())
        }
        Some(mut term) => {
            let taken = term.take(Period { starts: from, ends })?;
            let whole = |period| line(facts, Some(addon.id), &addon.item, term.schedule.cycle, period, today);
            (taken.into_iter().map(whole).collect::<Result<Vec<_>, _>>()?, vec![(addon.id, term)])
        }
    };
    let due_on = due_date(from, today, facts.policy.payment_terms_days)?;
    Ok(Some(Plan::of(Vec::new(), terms, lines, today, due_on, facts)?))
}

/// What a service itself costs for one period that begins on a day, without tax.
pub fn price_of(facts: &Facts, starts: Date) -> Result<Money, Refusal> {
    let (price, ..) = unit_price(facts, &facts.item, facts.schedule.cycle, starts)?;
    Ok(price.times(facts.item.quantity, facts.policy.amounts.rounding)?)
}

/// An unpaid renewal invoice that a change takes back, so that its periods are free again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The first period it bills.
    pub from: PeriodNumber,
    /// How many periods it bills of add-ons, by add-on.
    pub addons: Vec<(AddonId, u32)>,
    /// Why something was taken off, for each period of the service that was billed so.
    pub discounts: Vec<String>,
}

impl TakenBack {
    /// Of an invoice whose first period of the service is this one, by what its lines say: which add-on each bills, if it bills
    /// one, and why something was taken off it.
    #[must_use]
    pub fn of(
        invoice: InvoiceId,
        from: PeriodNumber,
        lines: impl IntoIterator<Item = (Option<AddonId>, Option<String>)>,
    ) -> Self {
        let mut taken = Self { invoice, from, addons: Vec::new(), discounts: Vec::new() };
        for (addon, allowance) in lines {
            match addon {
                None => taken.discounts.extend(allowance),
                Some(addon) => match taken.addons.iter_mut().find(|(known, _)| *known == addon) {
                    Some((_, periods)) => *periods += 1,
                    None => taken.addons.push((addon, 1)),
                },
            }
        }
        taken
    }

    /// The service as if that invoice had never been.
    pub fn applied(&self, facts: &mut Facts) {
        facts.open_invoice = None;
        facts.next_period = self.from;
        for addon in &mut facts.addons {
            let billed = self.addons.iter().find(|(id, _)| *id == addon.id).map_or(0, |(_, periods)| *periods);
            if let Some(term) = &mut addon.term {
                let next = term.next_period.0.saturating_sub(billed).max(term.schedule.first.0);
                term.next_period = PeriodNumber(next);
            }
        }
        if let Some(discount) = &mut facts.discount {
            // The reason of an allowance begins with the code it was given for.
            let of_it = |reason: &&String| reason.split(':').next() == Some(discount.code.as_str());
            let used = u16::try_from(self.discounts.iter().filter(of_it).count()).unwrap_or(u16::MAX);
            discount.periods = discount.periods.map(|periods| periods.saturating_add(used));
        }
    }
}
