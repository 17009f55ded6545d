//! What renewing a service would issue: the heart of the program, and pure.

use std::sync::Arc;

use jiff::{Span, civil::Date};

use crate::line::{Line, line};
use crate::{
    AddonId, AmountOutOfRange, AmountRules, Amounts, CampaignPrice, Conversion, Currency, CustomerId, Cycle,
    DateOutOfRange, DayCount, Discount, HomeRate, HomeRates, HomeTax, InvoiceId, Invoicing, LeadTime, Money, Period,
    PeriodNumber, PriceRule, PriceTerms, PriceVersion, ProductId, Quantity, Schedule, ServiceId, ServiceStatus,
    TaxClass, TaxGroup, Taxation, due_date,
};

/// Services on one invoice at most.
pub const MAX_INVOICE_SERVICES: usize = 500;
/// Periods of one add-on within one period of its service at most: a year of days, and some.
pub const MAX_ADDON_PERIODS: usize = 400;
/// Periods of one service that are renewed in one call at most.
pub const MAX_ORDERED_PERIODS: u16 = 120;
/// Add-ons that one call may choose at most.
pub const MAX_CHOSEN_ADDONS: usize = 20;

/// Everything that decides a renewal.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The service.
    pub service: ServiceId,
    /// Whose it is.
    pub customer: CustomerId,
    /// Its status.
    pub status: ServiceStatus,
    /// Its label, usually a domain name.
    pub label: String,
    /// Its anchor and cycle.
    pub schedule: Schedule,
    /// The next period to bill.
    pub next_period: PeriodNumber,
    /// An unpaid renewal invoice of this service.
    pub open_invoice: Option<InvoiceId>,
    /// The last renewal invoice, if there was nothing to pay.
    pub free_invoice: Option<InvoiceId>,
    /// Whether the renewal run renews it.
    pub auto_renew: bool,
    /// The day on which it ends, if it was cancelled at the end of what is billed.
    pub ends_on: Option<Date>,
    /// The day from which the renewal run renews it: the lead time before the next period, or the day of the next try
    /// after one that failed.
    pub renew_on: Option<Date>,
    /// How long before a period the run bills it.
    pub lead: LeadTime,
    /// How what falls due together is invoiced.
    pub invoicing: Invoicing,
    /// The service's own line.
    pub item: Item,
    /// What is taken off it.
    pub discount: Option<Discount>,
    /// What is sold on top, and renewed with it.
    pub addons: Vec<Addon>,
    /// The customer's currency.
    pub currency: Currency,
    /// How the customer is taxed.
    pub tax: Taxation,
    /// What the seller's own currency is worth in the customer's, where they differ.
    pub home_rates: Option<Arc<HomeRates>>,
    /// The catalogue's versions for the products of this service, and what price feeds answered.
    pub prices: Vec<PriceVersion>,
    /// How a price that the catalogue does not have in the customer's currency is converted, if it is.
    pub conversion: Option<Arc<Conversion>>,
    /// The seller's rules.
    pub policy: Policy,
}

/// One thing sold: a product, how many, and at which price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What.
    pub product: ProductId,
    /// Its name, for the line.
    pub name: String,
    /// What kind of supply it is.
    pub tax_class: TaxClass,
    /// How many.
    pub quantity: Quantity,
    /// At which price.
    pub rule: PriceRule,
    /// What a campaign has made of that.
    pub campaign: Option<CampaignPrice>,
    /// What the product's price feed answered, if it has one: valid now, whatever the period.
    pub fed_price: Option<Money>,
    /// Whether the price comes from a feed and not from the catalogue.
    pub is_fed: bool,
}

impl Item {
    /// What decides its price.
    #[must_use]
    pub fn terms(&self, cycle: Cycle, currency: Currency) -> PriceTerms {
        let Self { product, quantity, rule, campaign, .. } = *self;
        PriceTerms { product, cycle, currency, quantity, rule, campaign }
    }

    /// Whether its price may come from the catalogue.
    #[must_use]
    pub fn needs_catalogue(&self) -> bool {
        match self.rule {
            PriceRule::Kept(_) => true,
            rule => rule.may_follow() && !self.is_fed,
        }
    }
}

impl Facts {
    /// The first day that is not billed: none without periods, or past the calendar.
    #[must_use]
    pub fn billed_through(&self) -> Option<Date> {
        self.schedule.period(self.next_period).ok().flatten().map(|period| period.starts)
    }

    /// Whether it has periods to bill, as it stands in its life.
    pub(crate) fn recurs(&self) -> Result<(), Refusal> {
        match self.status {
            ServiceStatus::Active | ServiceStatus::Suspended => {}
            ServiceStatus::Pending => return Err(Refusal::Pending),
            ServiceStatus::Cancelled => return Err(Refusal::Cancelled),
            ServiceStatus::Terminated => return Err(Refusal::Terminated),
            ServiceStatus::Fraud => return Err(Refusal::Fraud),
        }
        match self.schedule.cycle {
            Cycle::Free => Err(Refusal::Free),
            Cycle::Once => Err(Refusal::OneTime),
            Cycle::Every { .. } => Ok(()),
        }
    }
}

/// Something sold on top of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// Its id.
    pub id: AddonId,
    /// What it is.
    pub item: Item,
    /// Its own periods; none if it is billed for the periods of its service.
    pub term: Option<Term>,
}

/// The periods of an add-on with a cycle of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Its anchor and cycle.
    pub schedule: Schedule,
    /// The next period to bill.
    pub next_period: PeriodNumber,
}

impl Term {
    /// The first day that is not billed.
    ///
    /// # Errors
    /// [`DateOutOfRange`] past the year 9999.
    pub fn billed_through(&self) -> Result<Option<Date>, DateOutOfRange> {
        Ok(self.schedule.period(self.next_period)?.map(|period| period.starts))
    }

    /// Takes the periods that begin within a period of its service, and moves past them. One that lies behind was left out
    /// meanwhile: it begins anew, and the days between are not billed.
    pub(crate) fn take(&mut self, within: Period) -> Result<Vec<Period>, Refusal> {
        if self.billed_through()?.is_some_and(|starts| starts < within.starts) {
            self.schedule = Schedule { anchor: within.starts, first: self.next_period, ..self.schedule };
        }
        let mut taken = Vec::new();
        while let Some(period) = self.schedule.period(self.next_period)?.filter(|next| next.starts < within.ends) {
            if taken.len() == MAX_ADDON_PERIODS {
                return Err(Refusal::TooManyAddonPeriods);
            }
            taken.push(period);
            self.next_period = self.next_period.next();
        }
        Ok(taken)
    }
}

/// The seller's rules for renewals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Days from issue to due, at least.
    pub payment_terms_days: u16,
    /// How many months ahead of today a period may start to be renewed.
    pub renew_ahead_months: u16,
    /// How the amounts of an invoice are made.
    pub amounts: AmountRules,
    /// How the days of a period are counted when a part of it is billed or given back.
    pub day_count: DayCount,
    /// Whether the run renews services that are suspended.
    pub renew_suspended: bool,
    /// How many periods may have begun unbilled for the run to still bill them, one after the other.
    pub max_periods_behind: u16,
    /// Days after today in which what falls due is put on an invoice that the run issues today anyway.
    pub consolidation_days: u16,
}

/// The invoice that renewals would issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The periods it claims, by service and number.
    pub claims: Vec<Claim>,
    /// Where the periods of add-ons with a cycle of their own stand afterwards.
    pub terms: Vec<(AddonId, Term)>,
    /// The legal issue date, in the seller's time zone.
    pub issued_on: Date,
    /// When it is due.
    pub due_on: Date,
    /// The lines by service: the service itself first, then its add-ons by id.
    pub lines: Vec<Line>,
    /// Tax per category and rate.
    pub tax_groups: Vec<TaxGroup>,
    /// The sum of the lines.
    pub net: Money,
    /// The sum of the groups' tax.
    pub tax: Money,
    /// What the total is rounded by (EN 16931 BT-114).
    pub rounding: Money,
    /// `net + tax + rounding`.
    pub total: Money,
    /// The tax in the seller's own currency, where that is another one and its rate is known.
    pub home_tax: Option<HomeTax>,
    /// How the amounts were made.
    pub rules: AmountRules,
}

/// One period of one service that an invoice claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The service.
    pub service: ServiceId,
    /// The number of the period.
    pub number: PeriodNumber,
    /// Its days.
    pub period: Period,
    /// The lead time before the period after it.
    pub next_renew_on: Date,
    /// How many periods are still to be billed with the service's discount afterwards; none if there is none, or any number.
    pub discount_periods: Option<u16>,
}

/// Why a service is not renewed now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The customer ended it.
    #[error("Service is cancelled and cannot be renewed")]
    Cancelled,
    /// The provider ended it.
    #[error("Service is terminated and cannot be renewed")]
    Terminated,
    /// It is marked as fraud.
    #[error("Service is marked as fraud and cannot be renewed")]
    Fraud,
    /// It is not set up yet.
    #[error("Service is pending and cannot be renewed before it is active")]
    Pending,
    /// The customer has cancelled it, and it ends before its next period.
    #[error("Service is cancelled and ends on {0}: take the cancellation back to renew it")]
    Ending(Date),
    /// It costs nothing.
    #[error("Service is free and has nothing to renew")]
    Free,
    /// It was sold once.
    #[error("Service is one-time and has nothing to renew")]
    OneTime,
    /// Its next period starts later than the seller renews ahead.
    #[error("Service is billed through {billed_through}, too far ahead: it can be renewed from {renewable_from}")]
    TooFarAhead {
        /// The first day that is not billed yet.
        billed_through: Date,
        /// The first day on which renewing is possible.
        renewable_from: Date,
    },
    /// The official rules would refuse its e-invoice, and the seller wants that mended first.
    #[error("The e-invoice would be refused: {0}")]
    EInvoice(String),
    /// A renewal invoice is not paid yet, or cost nothing and its period has not begun.
    #[error("An unpaid renewal invoice exists for this service")]
    OpenInvoice(InvoiceId),
    /// The price source has no price for this.
    #[error("no price for product {product}, cycle {cycle}, currency {currency} on {day}")]
    NoPrice {
        /// Of which product.
        product: ProductId,
        /// For which cycle.
        cycle: Cycle,
        /// In which currency.
        currency: Currency,
        /// For a period that starts on this day.
        day: Date,
    },
    /// Some of the periods start later than the seller renews ahead.
    #[error("Only {possible} of these periods can be renewed now: the others start too far ahead")]
    TooManyPeriods {
        /// How many can.
        possible: u16,
    },
    /// An add-on that was chosen is none of the service's, or has ended.
    #[error("Service has no active add-on {0}")]
    UnknownAddon(AddonId),
    /// An add-on with short periods on a service with long ones.
    #[error("An add-on of this service has more than {MAX_ADDON_PERIODS} periods within one of the service's")]
    TooManyAddonPeriods,
    /// The sum does not fit.
    #[error("The amount of this renewal is too large")]
    AmountTooLarge,
    /// The period lies past the calendar.
    #[error("The next period of this service lies past the year 9999")]
    PastCalendar,
}

impl From<AmountOutOfRange> for Refusal {
    fn from(_: AmountOutOfRange) -> Self {
        Self::AmountTooLarge
    }
}

impl From<DateOutOfRange> for Refusal {
    fn from(_: DateOutOfRange) -> Self {
        Self::PastCalendar
    }
}

/// The period that renewing today would bill, or why there is none. It needs no price, so that a service that cannot be
/// renewed never waits for its price source.
pub fn claimable(facts: &Facts, today: Date) -> Result<Period, Refusal> {
    facts.recurs()?;
    let period = facts.schedule.period(facts.next_period)?.ok_or(Refusal::OneTime)?;
    if let Some(invoice) = facts.open_invoice {
        return Err(Refusal::OpenInvoice(invoice));
    }
    if let Some(day) = facts.ends_on.filter(|day| *day <= period.starts) {
        return Err(Refusal::Ending(day));
    }
    // What costs nothing is never unpaid: until its period begins, asking again is taken for a repeat.
    if let (Some(invoice), Some(last)) = (facts.free_invoice, facts.next_period.previous())
        && facts.schedule.period(last).is_ok_and(|last| last.is_some_and(|last| last.starts > today))
    {
        return Err(Refusal::OpenInvoice(invoice));
    }
    let (latest, run_ahead) = latest_start(facts, today)?;
    if period.starts > latest {
        let ahead = Span::new().months(i64::from(facts.policy.renew_ahead_months));
        let by_run = period.starts.checked_sub(run_ahead).map_err(|_| DateOutOfRange)?;
        let renewable_from = first_day_within(period.starts, ahead)?.min(by_run);
        return Err(Refusal::TooFarAhead { billed_through: period.starts, renewable_from });
    }
    Ok(period)
}

/// The last day on which a period may begin that is renewed today, and how far ahead of a period the run bills it.
fn latest_start(facts: &Facts, today: Date) -> Result<(Date, Span), DateOutOfRange> {
    let ahead = Span::new().months(i64::from(facts.policy.renew_ahead_months));
    // What the run bills today may be renewed today, however short the seller looks ahead.
    let run_ahead = Span::new().days(i64::from(facts.lead.days) + i64::from(facts.policy.consolidation_days));
    let day_after = |span: Span| today.checked_add(span).map_err(|_| DateOutOfRange);
    Ok((day_after(ahead)?.max(day_after(run_ahead)?), run_ahead))
}

/// The first day from which `starts` is within `ahead`.
fn first_day_within(starts: Date, ahead: Span) -> Result<Date, DateOutOfRange> {
    // Clamping makes subtraction an estimate: walk the few days to the exact one.
    let mut day = starts.checked_sub(ahead).map_err(|_| DateOutOfRange)?;
    while day.checked_add(ahead).map_err(|_| DateOutOfRange)? < starts {
        day = day.tomorrow().map_err(|_| DateOutOfRange)?;
    }
    Ok(day)
}

/// The invoice that renewing the service today would issue, or why it is not renewed. The same facts and day always give
/// the same answer, so a preview equals the invoice to the cent.
pub fn plan(facts: &Facts, today: Date) -> Result<Plan, Refusal> {
    plan_periods(facts, 1, today)
}

/// As [`plan`], for several periods in a row, each at the price of its own first day. All of them or none.
pub fn plan_periods(facts: &Facts, periods: u16, today: Date) -> Result<Plan, Refusal> {
    let first = claimable(facts, today)?;
    let (latest, _) = latest_start(facts, today)?;
    let mut bill = Bill::new(facts, today);
    let mut claims = Vec::with_capacity(usize::from(periods));
    let mut number = facts.next_period;
    for nth in 0..periods.clamp(1, MAX_ORDERED_PERIODS) {
        let period = facts.schedule.period(number)?.ok_or(Refusal::OneTime)?;
        if nth > 0 && period.starts > latest {
            return Err(Refusal::TooManyPeriods { possible: nth });
        }
        if let Some(day) = facts.ends_on.filter(|day| *day <= period.starts) {
            return Err(Refusal::Ending(day));
        }
        bill.add(period)?;
        claims.push(bill.claim(number, period)?);
        number = number.next();
    }
    let due_on = due_date(first.starts, today, facts.policy.payment_terms_days)?;
    Plan::of(claims, bill.terms, bill.lines, today, due_on, facts)
}

/// The lines that bill periods of a service, and where those add-ons stand afterwards that have periods of their own.
pub(crate) struct Bill<'a> {
    facts: &'a Facts,
    today: Date,
    /// By id.
    addons: Vec<&'a Addon>,
    /// The service's own line of each period first, then those of its add-ons by id.
    pub lines: Vec<Line>,
    pub terms: Vec<(AddonId, Term)>,
    discount: Option<Discount>,
}

impl<'a> Bill<'a> {
    pub fn new(facts: &'a Facts, today: Date) -> Self {
        let mut addons: Vec<&Addon> = facts.addons.iter().collect();
        addons.sort_unstable_by_key(|addon| addon.id);
        Self { facts, today, addons, lines: Vec::new(), terms: Vec::new(), discount: facts.discount.clone() }
    }

    /// The claim of a period that was just billed.
    pub fn claim(&self, number: PeriodNumber, period: Period) -> Result<Claim, DateOutOfRange> {
        Ok(Claim {
            service: self.facts.service,
            number,
            period,
            next_renew_on: self.facts.lead.before(period.ends)?,
            discount_periods: self.discount.as_ref().and_then(|discount| discount.periods),
        })
    }

    /// Bills a period.
    pub fn add(&mut self, period: Period) -> Result<(), Refusal> {
        let facts = self.facts;
        let own = line(facts, None, &facts.item, facts.schedule.cycle, period, self.today)?;
        match self.discount.take_if(|discount| discount.holds(period.starts)) {
            Some(discount) => {
                self.lines.push(own.with(&discount, facts.policy.amounts.rounding));
                self.discount = Some(discount.used());
            }
            None => self.lines.push(own),
        }
        for addon in &self.addons {
            let (cycle, periods) = match addon.term {
                None => (facts.schedule.cycle, vec![period]),
                Some(before) => {
                    let moved = self.terms.iter().position(|(id, _)| *id == addon.id);
                    let mut term = moved.map_or(before, |place| self.terms[place].1);
                    let taken = term.take(period)?;
                    match moved {
                        Some(place) => self.terms[place].1 = term,
                        None if taken.is_empty() => {}
                        None => self.terms.push((addon.id, term)),
                    }
                    (term.schedule.cycle, taken)
                }
            };
            for period in periods {
                self.lines.push(line(facts, Some(addon.id), &addon.item, cycle, period, self.today)?);
            }
        }
        Ok(())
    }
}

impl Plan {
    pub(crate) fn of(
        claims: Vec<Claim>,
        terms: Vec<(AddonId, Term)>,
        lines: Vec<Line>,
        issued_on: Date,
        due_on: Date,
        facts: &Facts,
    ) -> Result<Self, Refusal> {
        let home_rate = facts.home_rates.as_ref().and_then(|rates| rates.on(issued_on));
        Self::at(claims, terms, lines, issued_on, due_on, facts.policy.amounts, home_rate)
    }

    fn at(
        claims: Vec<Claim>,
        terms: Vec<(AddonId, Term)>,
        mut lines: Vec<Line>,
        issued_on: Date,
        due_on: Date,
        rules: AmountRules,
        home_rate: Option<HomeRate>,
    ) -> Result<Self, Refusal> {
        // A plan has a line for each service it bills.
        let currency = lines.first().ok_or(Refusal::OneTime)?.net.currency;
        let Amounts { tax_groups, net, tax, rounding, total } = rules.amounts_of(currency, &mut lines)?;
        let home_tax = home_rate.map(|rate| HomeTax::of(tax, rate, rules.rounding)).transpose()?;
        Ok(Self { claims, terms, issued_on, due_on, lines, tax_groups, net, tax, rounding, total, home_tax, rules })
    }

    /// One invoice for several renewals of one customer on one day. It is due when the first of them is; tax is computed
    /// anew over all lines. Plans of different days, currencies or roundings cannot be put together, and none of none.
    ///
    /// # Errors
    /// The plans as they were, when the sum does not fit or they do not belong together.
    pub fn together(mut plans: Vec<Self>) -> Result<Self, Vec<Self>> {
        plans.sort_by_key(|plan| plan.claims.first().map(|claim| claim.service));
        let together = || {
            let first = plans.first()?;
            let home_rate = |plan: &Self| plan.home_tax.as_ref().map(|home| home.rate.clone());
            let key = |plan: &Self| (plan.issued_on, plan.net.currency, plan.rules, home_rate(plan));
            if plans.iter().any(|plan| key(plan) != key(first)) {
                return None;
            }
            let claims = plans.iter().flat_map(|plan| plan.claims.iter().copied()).collect();
            let terms = plans.iter().flat_map(|plan| plan.terms.iter().copied()).collect();
            let lines = plans.iter().flat_map(|plan| plan.lines.iter().cloned()).collect();
            let due_on = plans.iter().map(|plan| plan.due_on).min()?;
            Self::at(claims, terms, lines, first.issued_on, due_on, first.rules, home_rate(first)).ok()
        };
        match together() {
            Some(plan) => Ok(plan),
            None => Err(plans),
        }
    }

    /// From which day the run bills the period after this one. What costs nothing is never unpaid, so that nothing but its
    /// days keeps it from being billed again and again: the next one waits until this one has begun.
    #[must_use]
    pub fn next_renew_on(&self, claim: &Claim) -> Date {
        if self.is_settled() { claim.next_renew_on.max(claim.period.starts) } else { claim.next_renew_on }
    }

    /// The last period that is claimed of each service.
    pub fn last_claims(&self) -> impl Iterator<Item = &Claim> {
        // Those of one service stand together, in their order.
        let next = self.claims.iter().skip(1).map(Some).chain([None]);
        let is_last = |(claim, next): &(&Claim, Option<&Claim>)| next.is_none_or(|next| next.service != claim.service);
        self.claims.iter().zip(next).filter(is_last).map(|(claim, _)| claim)
    }

    /// Nothing to pay is paid.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.total.minor == 0
    }
}

/// The invoices for renewals of one customer that fall due together; at most [`MAX_INVOICE_SERVICES`] of them.
#[must_use]
pub fn invoices(plans: Vec<Plan>, invoicing: Invoicing) -> Vec<Plan> {
    if plans.len() < 2 || invoicing == Invoicing::Separate {
        return plans;
    }
    Plan::together(plans).map_or_else(|apart| apart, |together| vec![together])
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::line::PriceOrigin;
    use crate::{PriceId, Rate, Rounding};

    fn sek(minor: i64) -> Money {
        Money::new(minor, "SEK".parse().unwrap())
    }

    fn own(price: Money) -> PriceRule {
        PriceRule::Own { price, through: None }
    }

    fn item(product: i64, name: &str, quantity: i64) -> Item {
        Item {
            product: ProductId(product),
            name: name.to_owned(),
            tax_class: TaxClass::Standard,
            quantity: Quantity::from_millionths(quantity * 1_000_000),
            rule: PriceRule::Follow,
            campaign: None,
            fed_price: None,
            is_fed: false,
        }
    }

    /// Anna's virtual server: billed through 2026-11-30, with extra storage.
    fn facts() -> Facts {
        let monthly: Cycle = "1m".parse().unwrap();
        let version = |id, product, minor| PriceVersion {
            id: PriceId(id),
            product: ProductId(product),
            cycle: monthly,
            amount: sek(minor),
            starts: date(2020, 1, 1),
            from_quantity: Quantity::from_millionths(0),
        };
        Facts {
            service: ServiceId(20000),
            customer: CustomerId(30001),
            status: ServiceStatus::Active,
            label: "vps20000.example.net".to_owned(),
            schedule: Schedule::new(date(2022, 1, 31), monthly),
            next_period: PeriodNumber(58),
            open_invoice: None,
            free_invoice: None,
            auto_renew: true,
            ends_on: None,
            renew_on: Some(date(2026, 11, 16)),
            lead: LeadTime { scope: crate::LeadScope::Seller, days: 14 },
            invoicing: Invoicing::Together,
            item: item(2001, "VPS S", 1),
            discount: None,
            addons: vec![Addon { id: AddonId(700), item: item(5003, "Extra storage 50 GB", 2), term: None }],
            currency: "SEK".parse().unwrap(),
            tax: Taxation::at_home("SE".parse().unwrap(), None),
            home_rates: None,
            prices: vec![version(1, 2001, 13500), version(2, 5003, 4950)],
            conversion: None,
            policy: Policy {
                payment_terms_days: 14,
                renew_ahead_months: 36,
                amounts: AmountRules::default(),
                day_count: DayCount::Actual,
                renew_suspended: true,
                max_periods_behind: 3,
                consolidation_days: 0,
            },
        }
    }

    const TODAY: Date = date(2026, 11, 23);

    #[test]
    fn anna_renews_her_server() {
        let plan = plan(&facts(), TODAY).unwrap();
        assert_eq!(plan.claims[0].period, Period { starts: date(2026, 11, 30), ends: date(2026, 12, 31) });
        assert_eq!((plan.issued_on, plan.due_on), (TODAY, date(2026, 12, 7)));
        let lines: Vec<_> =
            plan.lines.iter().map(|l| format!("{} × {} = {}", l.description, l.quantity, l.net)).collect();
        assert_eq!(
            lines,
            [
                "VPS S vps20000.example.net, 2026-11-30 – 2026-12-30 × 1 = 135.00 SEK",
                "+ Extra storage 50 GB, 2026-11-30 – 2026-12-30 × 2 = 99.00 SEK",
            ]
        );
        assert_eq!((plan.net, plan.tax, plan.total), (sek(23400), sek(5850), sek(29250)));
    }

    #[test]
    fn every_reason_has_its_name() {
        let with = |change: fn(&mut Facts)| {
            let mut facts = facts();
            change(&mut facts);
            plan(&facts, TODAY).unwrap_err()
        };
        assert_eq!(with(|f| f.status = ServiceStatus::Cancelled), Refusal::Cancelled);
        assert_eq!(with(|f| f.status = ServiceStatus::Terminated), Refusal::Terminated);
        assert_eq!(with(|f| f.status = ServiceStatus::Fraud), Refusal::Fraud);
        assert_eq!(with(|f| f.status = ServiceStatus::Pending), Refusal::Pending);
        assert_eq!(with(|f| f.schedule.cycle = Cycle::Free), Refusal::Free);
        assert_eq!(with(|f| f.schedule.cycle = Cycle::Once), Refusal::OneTime);
        assert_eq!(with(|f| f.open_invoice = Some(InvoiceId(7))), Refusal::OpenInvoice(InvoiceId(7)));
        assert_eq!(
            with(|f| f.next_period = PeriodNumber(12 * 8)),
            Refusal::TooFarAhead { billed_through: date(2030, 1, 31), renewable_from: date(2027, 1, 31) }
        );
        // Period 57 began on 31 October; what cost nothing then is no obstacle now.
        let mut free = facts();
        free.free_invoice = Some(InvoiceId(8));
        assert!(plan(&free, TODAY).is_ok());
        assert_eq!(plan(&free, date(2026, 10, 30)), Err(Refusal::OpenInvoice(InvoiceId(8))));
        assert!(matches!(with(|f| f.prices.clear()), Refusal::NoPrice { .. }));
        assert!(matches!(with(|f| f.item.is_fed = true), Refusal::NoPrice { .. }));
        assert!(matches!(with(|f| f.item.rule = own(Money::new(1, "EUR".parse().unwrap()))), Refusal::NoPrice { .. }));
        assert_eq!(with(|f| f.item.rule = own(sek(i64::MAX))), Refusal::AmountTooLarge);
        assert_eq!(with(|f| f.next_period = PeriodNumber(u32::MAX)), Refusal::PastCalendar);
    }

    #[test]
    fn the_look_ahead_ends_on_the_day_it_says() {
        let mut facts = facts();
        facts.next_period = PeriodNumber(12 * 8);
        let Err(Refusal::TooFarAhead { renewable_from, .. }) = plan(&facts, TODAY) else { panic!("too far ahead") };
        assert!(plan(&facts, renewable_from).is_ok());
        assert!(plan(&facts, renewable_from.yesterday().unwrap()).is_err());
    }

    #[test]
    fn an_own_price_beats_the_feed_and_the_feed_beats_the_catalogue() {
        let mut facts = facts();
        facts.item.is_fed = true;
        facts.item.fed_price = Some(sek(9900));
        assert_eq!(plan(&facts, TODAY).unwrap().lines[0].price_origin, PriceOrigin::Feed);
        facts.item.rule = own(sek(100));
        assert_eq!(plan(&facts, TODAY).unwrap().lines[0].price_origin, PriceOrigin::Own);
    }

    #[test]
    fn the_first_day_of_the_period_decides_under_every_rule() {
        let mut facts = facts();
        let first = facts.prices[0];
        let version = |id, starts, minor| PriceVersion { id: PriceId(id), amount: sek(minor), starts, ..first };
        // Two changes within the period before, one within the next: 2026-11-30 – 2026-12-30.
        facts.prices.push(version(11, date(2026, 11, 1), 14000));
        facts.prices.push(version(12, date(2026, 11, 30), 15000));
        facts.prices.push(version(13, date(2026, 12, 1), 16000));
        let priced = |rule, fed: bool| {
            let mut facts = facts.clone();
            (facts.item.rule, facts.item.is_fed, facts.item.fed_price) = (rule, fed, fed.then(|| sek(99)));
            let plan = plan(&facts, TODAY).unwrap();
            (plan.lines[0].unit_price.minor, plan.lines[0].price_origin)
        };
        let through = |day| PriceRule::Own { price: sek(100), through: Some(day) };
        let (last, day_before) = (date(2026, 11, 30), date(2026, 11, 29));
        assert_eq!(priced(PriceRule::Follow, false), (15000, PriceOrigin::Catalogue(PriceId(12))));
        assert_eq!(priced(PriceRule::Kept(date(2026, 11, 15)), false), (14000, PriceOrigin::Catalogue(PriceId(11))));
        assert_eq!(priced(PriceRule::Kept(date(2020, 1, 1)), true), (13500, PriceOrigin::Catalogue(PriceId(1))));
        assert_eq!(priced(own(sek(100)), true), (100, PriceOrigin::Own));
        assert_eq!(priced(through(last), true), (100, PriceOrigin::Own));
        assert_eq!(priced(through(day_before), false), (15000, PriceOrigin::Catalogue(PriceId(12))));
        assert_eq!(priced(through(day_before), true), (99, PriceOrigin::Feed));
        facts.item.rule = PriceRule::Kept(date(2019, 12, 31));
        let Err(Refusal::NoPrice { day, .. }) = plan(&facts, TODAY) else { panic!("there was no price yet") };
        assert_eq!(day, date(2019, 12, 31));
    }

    proptest! {
        #[test]
        fn planning_twice_gives_the_same_and_totals_equal_their_lines(
            price in 0i64..1_000_000_000,
            addon_price in 0i64..1_000_000_000,
            quantity in 1i64..5_000_000_000,
            rate in 0i64..400_000,
            next in 0u32..90,
            half_even: bool,
        ) {
            let mut facts = facts();
            facts.item.rule = own(sek(price));
            facts.item.quantity = Quantity::from_millionths(quantity);
            facts.addons[0].item.rule = own(sek(addon_price));
            facts.tax = Taxation::at_home("SE".parse().unwrap(), Some(Rate::from_parts_per_million(rate)));
            facts.next_period = PeriodNumber(next);
            if half_even {
                facts.policy.amounts.rounding = Rounding::HalfEven;
            }
            let first = plan(&facts, TODAY);
            prop_assert_eq!(&first, &plan(&facts, TODAY));
            let plan = first.unwrap();
            prop_assert_eq!(plan.net.minor, plan.lines.iter().map(|l| l.net.minor).sum::<i64>());
            prop_assert_eq!(plan.net.minor, plan.tax_groups.iter().map(|g| g.base.minor).sum::<i64>());
            prop_assert_eq!(plan.tax.minor, plan.tax_groups.iter().map(|g| g.tax.minor).sum::<i64>());
            prop_assert_eq!(plan.total.minor, plan.net.minor + plan.tax.minor);
            prop_assert!(plan.due_on >= plan.issued_on && plan.due_on >= plan.claims[0].period.starts);
        }
    }
}
