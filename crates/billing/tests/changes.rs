//! Three years of a service that is changed again and again: what was billed is the price of the days that were used.

use std::str::FromStr;

use jiff::{Span, civil::Date, civil::date};
use perennial_billing::align::{LAST_COMMON_DAY, align};
use perennial_billing::change::{self, Ahead, Billed, Sold};
use perennial_billing::line::Line;
use perennial_billing::renewal::{self, Addon, Facts, Item, Policy};
use perennial_billing::{
    AddonId, AmountRules, Currency, CustomerId, Cycle, DayCount, Invoicing, LeadScope, LeadTime, Money, Period,
    PeriodNumber, PriceId, PriceRule, PriceVersion, ProductId, Quantity, Rounding, Schedule, ServiceId, ServiceStatus,
    TaxClass, Taxation,
};
use proptest::prelude::*;

const START: Date = date(2026, 1, 31);
const CYCLES: [&str; 6] = ["1w", "30d", "1m", "3m", "1y", "2y"];
const PRODUCTS: i64 = 4;
const BACKUP: ProductId = ProductId(9);

/// What one of a product costs for a cycle, in minor units: odd numbers, so that hardly any share of it is whole.
fn price(product: ProductId, cycle: Cycle) -> i64 {
    let nth = CYCLES.iter().position(|code| Cycle::from_str(code) == Ok(cycle)).unwrap();
    let monthly = [997, 2_503, 4_999, 12_007, 0, 0, 0, 0, 331][usize::try_from(product.0 - 1).unwrap()];
    monthly * [23, 99, 100, 289, 1_013, 1_907][nth] / 100
}

fn service(currency: Currency, cycle: &str, count: DayCount, rounding: Rounding) -> Facts {
    let item = |product| Item {
        product,
        name: "Hosting".to_owned(),
        tax_class: TaxClass::Standard,
        quantity: Quantity::ONE,
        rule: PriceRule::Follow,
        campaign: None,
        fed_price: None,
        is_fed: false,
    };
    let mut prices = Vec::new();
    for product in (1..=PRODUCTS).map(ProductId).chain([BACKUP]) {
        for code in CYCLES {
            let cycle = code.parse().unwrap();
            let amount = Money::new(price(product, cycle), currency);
            let id = PriceId(prices.len() as i64 + 1);
            prices.push(PriceVersion {
                id,
                product,
                cycle,
                amount,
                starts: date(2020, 1, 1),
                from_quantity: Quantity::from_millionths(0),
            });
        }
    }
    Facts {
        service: ServiceId(20000),
        customer: CustomerId(1),
        status: ServiceStatus::Active,
        label: String::new(),
        schedule: Schedule::new(START, cycle.parse().unwrap()),
        next_period: PeriodNumber(0),
        open_invoice: None,
        free_invoice: None,
        auto_renew: true,
        ends_on: None,
        renew_on: None,
        lead: LeadTime { scope: LeadScope::Seller, days: 14 },
        invoicing: Invoicing::Together,
        item: item(ProductId(1)),
        discount: None,
        addons: vec![Addon { id: AddonId(7), item: item(BACKUP), term: None }],
        currency,
        tax: Taxation::at_home("SE".parse().unwrap(), None),
        home_rates: None,
        prices,
        conversion: None,
        policy: Policy {
            payment_terms_days: 14,
            renew_ahead_months: 36,
            amounts: AmountRules { rounding, ..AmountRules::default() },
            day_count: count,
            renew_suspended: true,
            max_periods_behind: 1_000,
            consolidation_days: 0,
        },
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    RenewAhead,
    Become { product: i64, quantity: i64 },
    Recur(usize),
    Align(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1i64..60).prop_map(Step::Wait),
        1 => Just(Step::RenewAhead),
        2 => (1..=PRODUCTS, 1i64..4).prop_map(|(product, quantity)| Step::Become { product, quantity }),
        1 => (0..CYCLES.len()).prop_map(Step::Recur),
        1 => (-400i64..400).prop_map(Step::Align),
    ]
}

/// A stretch of days that was used at a price: the days from one to another of a period that costs so much.
#[derive(Debug, Clone)]
struct Used {
    addon: Option<AddonId>,
    number: PeriodNumber,
    period: Period,
    whole: i64,
    /// The first day that was billed.
    first: Date,
    from: Date,
    to: Date,
}

/// What a service has become, told twice: by the lines that were billed, and by the days that were used.
struct Life {
    facts: Facts,
    /// What it is billed as, where that is not what it is.
    waiting: Option<Sold>,
    today: Date,
    lines: Vec<Line>,
    used: Vec<Used>,
}

impl Life {
    /// What is billed and not over, as the store would tell it: the last word on every period.
    fn billed(&self) -> Vec<Billed> {
        let alive = self.used.iter().filter(|used| used.from < used.to && used.to == used.period.ends);
        let alive = alive.filter(|used| used.to > self.today);
        alive
            .map(|used| Billed {
                number: used.number,
                addon: used.addon,
                product: self.product_of(used),
                name: "Hosting".to_owned(),
                period: used.period,
                from: used.first,
                whole: Money::new(used.whole, self.facts.currency),
                discount: None,
                tax: self.facts.tax.on(TaxClass::Standard, START),
            })
            .collect()
    }

    /// Any product will do, as long as another price is another product.
    fn product_of(&self, used: &Used) -> ProductId {
        ProductId(1_000_000 + used.whole)
    }

    fn renew(&mut self) {
        let Ok(plan) = renewal::plan(&self.facts, self.today) else { return };
        let claim = plan.claims[0];
        self.bill(claim.number, claim.period, claim.period.starts, None);
        self.lines.extend(plan.lines);
        self.facts.next_period = claim.number.next();
        self.waiting = None;
    }

    /// Notes that the days of a period are used from now on, for what the service and its add-on are.
    fn bill(&mut self, number: PeriodNumber, period: Period, from: Date, only: Option<()>) {
        let cycle = self.facts.schedule.cycle;
        let item = &self.facts.item;
        let whole = price(item.product, cycle) * item.quantity.millionths() / 1_000_000;
        let mut used = |addon, whole| {
            self.used.push(Used { addon, number, period, whole, first: from, from, to: period.ends });
        };
        used(None, whole);
        if only.is_none() {
            used(Some(AddonId(7)), price(BACKUP, cycle));
        }
    }

    fn change(&mut self, after: &Facts) {
        let billed = self.billed();
        let ahead = Ahead { billed_as: self.waiting.unwrap_or(Sold::of(&self.facts)), billed };
        let Ok(change) = change::change(&self.facts, after, &ahead, self.today) else { return };
        self.waiting = change.invoice.is_none().then_some(ahead.billed_as).filter(|was| *was != Sold::of(after));
        let has_other_cycle = after.schedule.cycle != self.facts.schedule.cycle;
        let next_period = self.facts.next_period;
        self.facts = Facts { schedule: change.schedule, next_period, ..after.clone() };
        let Some(plan) = change.invoice else { return };
        assert!(plan.net.minor >= 0, "what is given back is never more than what is billed");
        let from = change.effective_on;
        let mut ended = Vec::new();
        let is_left = |used: &Used| used.from < used.to && used.to > from;
        for used in self.used.iter_mut().filter(|used| is_left(used) && (has_other_cycle || used.addon.is_none())) {
            used.to = used.from.max(from);
            ended.push((used.number, used.period, used.first));
        }
        if has_other_cycle {
            let claim = plan.claims[0];
            self.bill(claim.number, claim.period, claim.period.starts, None);
            self.facts.next_period = claim.number.next();
        } else {
            assert!(plan.claims.is_empty());
            ended.sort_by_key(|(number, ..)| *number);
            ended.dedup_by_key(|(number, ..)| *number);
            for (number, period, first) in ended {
                self.bill(number, period, first.max(from), Some(()));
            }
        }
        self.lines.extend(plan.lines);
    }

    /// Brings the service to a day.
    fn align(&mut self, day: Date) {
        let Ok(Some(aligned)) = align(&self.facts, day, self.today) else { return };
        let claim = aligned.plan.claims[0];
        let part = aligned.plan.lines[0].part.unwrap();
        let whole = Period { starts: part.starts, ends: claim.period.ends };
        self.bill(claim.number, whole, claim.period.starts, None);
        self.lines.extend(aligned.plan.lines);
        self.facts.schedule = aligned.schedule;
        self.waiting = None;
        self.facts.next_period = claim.number.next();
    }

    /// What a stretch of days costs: what was left on its first day less what was left on the day after its last.
    fn cost(&self, used: &Used) -> i64 {
        let count = self.facts.policy.day_count;
        let left = |day: Date| {
            let share = perennial_billing::Share::rest(used.period, day, count);
            let exact = i128::from(used.whole) * i128::from(share.days);
            let (quotient, twice) = (exact / i128::from(share.of), 2 * (exact % i128::from(share.of)));
            let is_odd = quotient % 2 != 0;
            let up = match twice.cmp(&i128::from(share.of)) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal => self.facts.policy.amounts.rounding == Rounding::HalfUp || is_odd,
                std::cmp::Ordering::Greater => true,
            };
            i64::try_from(quotient).unwrap() + i64::from(up)
        };
        left(used.from) - left(used.to)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_was_billed_is_the_price_of_the_days_that_were_used(
        currency in prop::sample::select(vec!["JPY", "SEK", "KWD"]),
        cycle in prop::sample::select(CYCLES.to_vec()),
        thirty: bool,
        half_even: bool,
        steps in prop::collection::vec(step(), 10..120),
    ) {
        let count = if thirty { DayCount::ThirtyDayMonths } else { DayCount::Actual };
        let rounding = if half_even { Rounding::HalfEven } else { Rounding::HalfUp };
        let facts = service(currency.parse().unwrap(), cycle, count, rounding);
        let mut life = Life { facts, waiting: None, today: START, lines: Vec::new(), used: Vec::new() };
        let end = START.saturating_add(Span::new().years(3));
        for step in steps.iter().cycle().take(400) {
            if life.today >= end {
                break;
            }
            match step {
                Step::Wait(days) => life.today = life.today.saturating_add(Span::new().days(*days)),
                Step::RenewAhead => life.renew(),
                Step::Become { product, quantity } => {
                    let mut after = life.facts.clone();
                    after.item.product = ProductId(*product);
                    after.item.quantity = Quantity::from_millionths(quantity * 1_000_000);
                    life.change(&after);
                }
                Step::Align(days) => {
                    let day = START.saturating_add(Span::new().days(*days));
                    if day.day() <= LAST_COMMON_DAY {
                        life.align(day);
                    }
                }
                Step::Recur(nth) => {
                    let mut after = life.facts.clone();
                    after.schedule.cycle = CYCLES[*nth].parse().unwrap();
                    life.change(&after);
                }
            }
            // What has begun is billed, as the daily run would have.
            while life.facts.schedule.period(life.facts.next_period).unwrap().unwrap().starts <= life.today {
                life.renew();
            }
        }
        // It ends today: what is left of what is billed is what would be given back.
        let billed = life.billed();
        let (unused, _) = change::unused(&life.facts, &billed, life.today).unwrap();
        let today = life.today;
        for used in life.used.iter_mut().filter(|used| used.from < used.to && used.to > today) {
            used.to = used.from.max(today);
        }
        let billed: i64 = life.lines.iter().map(|line| line.net.minor).sum();
        let worth: i64 = life.used.iter().map(|used| life.cost(used)).sum();
        prop_assert_eq!(billed - unused.minor, worth);
        // No day was used twice, and none was left out.
        for addon in [None, Some(AddonId(7))] {
            let mut days: Vec<(Date, Date)> = life
                .used
                .iter()
                .filter(|used| used.addon == addon && used.from < used.to)
                .map(|used| (used.from, used.to))
                .collect();
            days.sort_unstable();
            prop_assert_eq!(days.first().map_or(START, |(from, _)| *from), START);
            prop_assert!(days.windows(2).all(|pair| pair[0].1 == pair[1].0), "{:?}", days);
        }
    }
}
