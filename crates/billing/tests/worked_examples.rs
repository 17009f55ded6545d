//! The rows of `docs/guides/worked-examples.md`, as the program works them out.

use jiff::civil::Date;
use perennial_billing::align::align;
use perennial_billing::change::{self, Ahead, Billed, Sold};
use perennial_billing::line::Line;
use perennial_billing::renewal::{Addon, Facts, Item, Policy, Term};
use perennial_billing::{
    AddonId, AmountRules, Currency, CustomerId, Cycle, DayCount, Invoicing, LeadScope, LeadTime, Money, PeriodNumber,
    PriceId, PriceRule, PriceVersion, ProductId, Quantity, Rounding, Schedule, ServiceId, ServiceStatus, TaxClass,
    Taxation,
};

const TEXT: &str = include_str!("../../../docs/guides/worked-examples.md");
const IT_IS: ProductId = ProductId(1);
const BECOMES: ProductId = ProductId(2);

/// `3 × 50.00 SEK / 1m`: how many, at which price, for which cycle.
fn sold(text: &str) -> (Quantity, String, Option<Currency>, Option<Cycle>) {
    let (quantity, rest) = text.split_once(" × ").expect("a quantity");
    let (price, cycle) = rest.split_once(" / ").map_or((rest, None), |(price, cycle)| (price, cycle.parse().ok()));
    let (amount, currency) = price.split_once(' ').map_or((price, None), |(amount, code)| (amount, code.parse().ok()));
    (quantity.parse().expect("a quantity"), amount.to_owned(), currency, cycle)
}

fn item(product: ProductId, quantity: Quantity) -> Item {
    let (name, rule) = ("Hosting".to_owned(), PriceRule::Follow);
    Item {
        product,
        name,
        tax_class: TaxClass::Standard,
        quantity,
        rule,
        campaign: None,
        fed_price: None,
        is_fed: false,
    }
}

/// The lines of one sign, as the table has them: the formula and what it comes to.
fn lines<'a>(lines: impl Iterator<Item = &'a Line>) -> String {
    let cells: Vec<String> = lines
        .map(|line| match line.part {
            Some(part) => format!("{part} = {}", line.unit_price.amount()),
            None => line.net.amount(),
        })
        .collect();
    if cells.is_empty() { "–".to_owned() } else { cells.join("; ") }
}

/// Works out one row: what is given back, what is billed, what is to be paid, and from when it holds.
fn work_out(row: &[&str]) -> [String; 4] {
    let [days, rounding, it_is, since, through, on, becomes] = row[2..9] else { panic!("{row:?}") };
    let (since, today): (Date, Date) = (since.parse().unwrap(), on.parse().unwrap());
    let next = through.parse::<Date>().unwrap().tomorrow().unwrap();
    let (quantity, amount, currency, cycle) = sold(it_is);
    let (currency, cycle) = (currency.unwrap(), cycle.unwrap());
    let version = |product, cycle, amount: &str| PriceVersion {
        id: PriceId(product),
        product: ProductId(product),
        cycle,
        amount: Money::parse(amount, currency).unwrap(),
        starts: since,
        from_quantity: Quantity::from_millionths(0),
    };
    let schedule = Schedule::new(since, cycle);
    let before = Facts {
        service: ServiceId(1),
        customer: CustomerId(1),
        status: ServiceStatus::Active,
        label: String::new(),
        schedule,
        next_period: schedule.number_starting(next).expect("periods fill what is billed"),
        open_invoice: None,
        free_invoice: None,
        auto_renew: true,
        ends_on: None,
        renew_on: None,
        lead: LeadTime { scope: LeadScope::Seller, days: 14 },
        invoicing: Invoicing::Together,
        item: item(IT_IS, quantity),
        discount: None,
        addons: Vec::new(),
        currency,
        tax: Taxation::at_home("SE".parse().unwrap(), None),
        home_rates: None,
        prices: vec![version(IT_IS.0, cycle, &amount)],
        conversion: None,
        policy: Policy {
            payment_terms_days: 14,
            renew_ahead_months: 36,
            amounts: AmountRules {
                rounding: if rounding == "half even" { Rounding::HalfEven } else { Rounding::HalfUp },
                ..AmountRules::default()
            },
            day_count: if days == "calendar" { DayCount::Actual } else { DayCount::ThirtyDayMonths },
            renew_suspended: true,
            max_periods_behind: 3,
            consolidation_days: 0,
        },
    };
    // It was sold and paid elsewhere: what its periods cost is what the catalogue says.
    let billed: Vec<Billed> = change::all_billed(&before, Vec::new(), false, today).unwrap();
    let ahead = Ahead { billed_as: Sold::of(&before), billed: billed.clone() };
    let show = |given: &[Line], total: Money, from: Date| {
        let back = lines(given.iter().filter(|line| line.net.minor < 0 || line.quantity.millionths() < 0));
        let now = lines(given.iter().filter(|line| line.quantity.millionths() > 0));
        [back, now, total.amount(), from.to_string()]
    };
    if becomes == "ends" {
        let (left, lines) = change::unused(&before, &billed, today).unwrap();
        return show(&lines, Money::new(-left.minor, currency), today);
    }
    if let Some(day) = becomes.strip_prefix("day ") {
        let aligned = align(&before, day.parse().unwrap(), today).unwrap().expect("a short period");
        return show(&aligned.plan.lines, aligned.plan.net, aligned.schedule.anchor);
    }
    if let Some(addon) = becomes.strip_prefix("+ ") {
        let (quantity, amount, _, own) = sold(addon);
        let mut facts = before.clone();
        facts.prices.push(version(BECOMES.0, own.unwrap_or(cycle), &amount));
        let term = own.map(|own| Term { schedule: Schedule::new(today, own), next_period: PeriodNumber(0) });
        let addon = Addon { id: AddonId(1), item: item(BECOMES, quantity), term };
        let plan = change::addon_sold(&facts, &addon, &ahead, today).unwrap().expect("something is billed");
        return show(&plan.lines, plan.net, today);
    }
    let (quantity, amount, _, new_cycle) = sold(becomes);
    let mut after = before.clone();
    after.item = item(BECOMES, quantity);
    after.schedule.cycle = new_cycle.expect("a cycle");
    after.prices.push(version(BECOMES.0, after.schedule.cycle, &amount));
    let change = change::change(&before, &after, &ahead, today).unwrap();
    let (lines, total) = change.invoice.map_or((Vec::new(), Money::zero(currency)), |plan| (plan.lines, plan.net));
    show(&lines, total, change.effective_on)
}

#[test]
fn the_program_agrees_with_every_row() {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let rows: Vec<_> = TEXT.lines().filter(|line| line.starts_with('|')).map(cells).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| row[0].parse::<u32>().is_ok()).collect();
    assert!(rows.len() >= 60, "only {} examples", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let expected: Vec<String> = row[9..].iter().map(|cell| (*cell).to_owned()).collect();
        let found = work_out(&row);
        if expected != found {
            wrong.push(format!("{} {}:\n  the table has {expected:?}\n  it comes to  {found:?}", row[0], row[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
