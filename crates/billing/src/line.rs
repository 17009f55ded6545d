//! The lines of invoices: what each bills, at which price, and where that came from.

use jiff::civil::Date;

use crate::renewal::{Facts, Item, Refusal};
use crate::{
    AddonId, CampaignId, Cycle, Discount, Money, Part, Period, PriceId, PriceRule, ProductId, Quantity, Rate, Rounding,
    ServiceId, TaxProfile,
};

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The service.
    pub service: ServiceId,
    /// The days it bills.
    pub period: Period,
    /// The add-on, if the line is not the service itself.
    pub addon: Option<AddonId>,
    /// The product.
    pub product: ProductId,
    /// What the customer reads.
    pub description: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one, without tax.
    pub unit_price: Money,
    /// Where that price came from.
    pub price_origin: PriceOrigin,
    /// `unit_price × quantity`, rounded, less the allowance.
    pub net: Money,
    /// What is taken off it.
    pub allowance: Option<Allowance>,
    /// The code of the discount it was billed with, also where that is within the whole of a part.
    pub discount: Option<String>,
    /// What it is a part of, if it bills a part of a period or gives one back: then `unit_price` is what that part costs,
    /// and `quantity` is 1, or -1 for what is given back (EN 16931 has no negative price, BR-27).
    pub part: Option<Part>,
    /// Country, category and rate.
    pub tax: TaxProfile,
    /// What it comes to with the tax that its price contains, where prices do; `net` is that until the invoice is put together.
    pub gross: Option<Money>,
    /// The rate that its price contains, where prices contain tax.
    pub contained: Rate,
}

/// What is taken off a line, and why (EN 16931 BG-27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// How much; never more than the line. Without tax, or with it where prices contain it.
    pub amount: Money,
    /// Why, as the customer reads it (BT-139).
    pub reason: String,
}

/// Where the price of a line came from; kept with the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceOrigin {
    /// The service's or add-on's own price.
    Own,
    /// This version in the catalogue.
    Catalogue(PriceId),
    /// The product's price feed.
    Feed,
    /// This campaign.
    Campaign(CampaignId),
    /// This version in the catalogue, in the seller's own currency, converted.
    Converted(PriceId),
    /// What was billed for it before: it is given back.
    Billed,
}

/// The line that bills a whole period of a service or of an add-on.
pub(crate) fn line(
    facts: &Facts,
    addon: Option<AddonId>,
    item: &Item,
    cycle: Cycle,
    period: Period,
    today: Date,
) -> Result<Line, Refusal> {
    let (unit_price, price_origin, rate) = unit_price(facts, item, cycle, period.starts)?;
    let what = describe(addon, &item.name, &facts.label, period);
    let tax = facts.tax.on(item.tax_class, today);
    Ok(Line {
        service: facts.service,
        period,
        addon,
        product: item.product,
        description: match rate {
            Some(rate) => format!("{what}; {rate}"),
            None => what,
        },
        quantity: item.quantity,
        unit_price,
        price_origin,
        net: unit_price.times(item.quantity, facts.policy.amounts.rounding)?,
        allowance: None,
        discount: None,
        part: None,
        tax,
        gross: None,
        contained: facts.tax.contained(tax, today),
    })
}

impl Line {
    /// The line with this taken off it.
    pub(crate) fn with(self, discount: &Discount, rounding: Rounding) -> Self {
        let allowance = discount.of(self.net, rounding);
        let net = Money::new(self.net.minor - allowance.amount.minor, self.net.currency);
        Self { net, allowance: Some(allowance), discount: Some(discount.code.clone()), ..self }
    }
}

/// The line of a whole period of the service itself, with this discount.
pub(crate) fn own_line(
    facts: &Facts,
    discount: Option<&Discount>,
    period: Period,
    today: Date,
) -> Result<Line, Refusal> {
    let own = line(facts, None, &facts.item, facts.schedule.cycle, period, today)?;
    Ok(match discount {
        Some(discount) => own.with(discount, facts.policy.amounts.rounding),
        None => own,
    })
}

/// What a customer reads: what it is, and the days it bills.
pub(crate) fn describe(addon: Option<AddonId>, name: &str, label: &str, period: Period) -> String {
    let days = format!("{} – {}", period.starts, period.last_day());
    match (addon, label) {
        (None, "") => format!("{name}, {days}"),
        (None, label) => format!("{name} {label}, {days}"),
        (Some(_), _) => format!("+ {name}, {days}"),
    }
}

/// The price of one for a period that begins on this day, where it comes from, and at which rate it was converted.
pub(crate) fn unit_price(
    facts: &Facts,
    item: &Item,
    cycle: Cycle,
    starts: Date,
) -> Result<(Money, PriceOrigin, Option<String>), Refusal> {
    let terms = item.terms(cycle, facts.currency);
    let follows = item.rule.on(starts) == PriceRule::Follow;
    let price = match item.fed_price {
        price if item.is_fed && follows && terms.campaign_on(&facts.prices, starts).is_none() => {
            price.map(|price| (price, PriceOrigin::Feed))
        }
        _ => terms.price(&facts.prices, starts),
    };
    let price =
        price.filter(|(price, _)| price.currency == facts.currency).map(|(price, origin)| (price, origin, None));
    let converted = || {
        let conversion = facts.conversion.as_ref().filter(|_| !item.is_fed || !follows)?;
        let (price, origin, rate) =
            terms.converted(&facts.prices, conversion, starts, facts.policy.amounts.rounding)?;
        let text =
            format!("1 {} = {} {} ({}, {})", conversion.home, rate.rate, rate.currency, rate.source, rate.starts);
        Some((price, origin, Some(text)))
    };
    let day = if let PriceRule::Kept(day) = item.rule { day } else { starts };
    price.or_else(converted).ok_or(Refusal::NoPrice { product: item.product, cycle, currency: facts.currency, day })
}
