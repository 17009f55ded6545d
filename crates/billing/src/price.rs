//! Price versions: prices are dated and never overwritten.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use crate::line::PriceOrigin;
use crate::{CampaignId, Conversion, Currency, Cycle, ExchangeRate, Money, PriceId, ProductId, Quantity, Rounding};

/// The price of a product for one cycle and currency, from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceVersion {
    /// Its id; the invoice line keeps it.
    pub id: PriceId,
    /// What it is the price of.
    pub product: ProductId,
    /// For which cycle.
    pub cycle: Cycle,
    /// The price of one for one period, without tax.
    pub amount: Money,
    /// The first day it is valid.
    pub starts: Date,
    /// From how many on one costs so much: a volume price. 0 for the price that all pay.
    pub from_quantity: Quantity,
}

/// The version that is valid for so many of `product`, for `cycle` and in `currency`, on `day`: the latest that has started
/// and is not for more; of several with the same start, the one for the most.
#[must_use]
pub fn price_on(
    versions: &[PriceVersion],
    product: ProductId,
    cycle: Cycle,
    currency: Currency,
    quantity: Quantity,
    day: Date,
) -> Option<&PriceVersion> {
    versions
        .iter()
        .filter(|v| v.product == product && v.cycle == cycle && v.amount.currency == currency)
        .filter(|v| v.starts <= day && v.from_quantity <= quantity)
        .max_by_key(|v| (v.starts, v.from_quantity))
}

/// The price that a campaign gave one service: one of it costs so much from a day on.
///
/// It stands among the versions of the catalogue: a service that follows the catalogue pays a later version when that
/// starts. One that has kept a price or has one of its own pays this instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignPrice {
    /// The campaign.
    pub campaign: CampaignId,
    /// In minor units of the customer's currency, for one and for one period.
    pub minor: i64,
    /// The first day on which a period may begin to be billed at it.
    pub from: Date,
}

/// What decides, with the versions of the catalogue, what one of something costs for a period; but for price feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceTerms {
    /// Which product.
    pub product: ProductId,
    /// For which cycle.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// How many.
    pub quantity: Quantity,
    /// By which rule.
    pub rule: PriceRule,
    /// What a campaign has made of that.
    pub campaign: Option<CampaignPrice>,
}

impl PriceTerms {
    /// The catalogue's version on a day.
    #[must_use]
    pub fn version<'a>(&self, versions: &'a [PriceVersion], day: Date) -> Option<&'a PriceVersion> {
        price_on(versions, self.product, self.cycle, self.currency, self.quantity, day)
    }

    /// The campaign whose price holds for a period that begins on a day. Of what follows the catalogue, a version that
    /// started later has the last word.
    #[must_use]
    pub fn campaign_on(&self, versions: &[PriceVersion], starts: Date) -> Option<CampaignPrice> {
        let campaign = self.campaign.filter(|campaign| campaign.from <= starts)?;
        let follows = self.rule.on(starts) == PriceRule::Follow;
        let later = || self.version(versions, starts).is_some_and(|version| version.starts > campaign.from);
        (!follows || !later()).then_some(campaign)
    }

    /// What one costs for a period that begins on a day, and where that comes from. None if the catalogue has no price.
    #[must_use]
    pub fn price(&self, versions: &[PriceVersion], starts: Date) -> Option<(Money, PriceOrigin)> {
        if let Some(campaign) = self.campaign_on(versions, starts) {
            return Some((Money::new(campaign.minor, self.currency), PriceOrigin::Campaign(campaign.campaign)));
        }
        let day = match self.rule.on(starts) {
            PriceRule::Own { price, .. } => return Some((price, PriceOrigin::Own)),
            PriceRule::Kept(day) => day,
            PriceRule::Follow => starts,
        };
        self.version(versions, day).map(|version| (version.amount, PriceOrigin::Catalogue(version.id)))
    }

    /// What one costs if the seller's own currency has a price and this one has none; and at which rate.
    #[must_use]
    pub fn converted<'a>(
        &self,
        versions: &[PriceVersion],
        conversion: &'a Conversion,
        starts: Date,
        rounding: Rounding,
    ) -> Option<(Money, PriceOrigin, &'a ExchangeRate)> {
        let day = match self.rule.on(starts) {
            PriceRule::Own { .. } => return None,
            PriceRule::Kept(day) => day,
            PriceRule::Follow => starts,
        };
        let at_home = Self { currency: conversion.home, ..*self };
        let version = at_home.version(versions, day)?;
        let (price, rate) = conversion.convert(version.amount, self.currency, day, rounding)?;
        Some((price, PriceOrigin::Converted(version.id), rate))
    }
}

/// At which price a service or an add-on is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceRule {
    /// What the product's price source says: the catalogue's version for the period's first day, or the feed now.
    Follow,
    /// What the catalogue said on a day, usually the one it was sold on.
    Kept(Date),
    /// A price of its own, for one and for one period.
    Own {
        /// The price.
        price: Money,
        /// The last day on which a period may begin to be billed at it; later ones follow. None is for ever.
        through: Option<Date>,
    },
}

impl PriceRule {
    /// The rule for a period that begins on this day.
    #[must_use]
    pub fn on(self, starts: Date) -> Self {
        match self {
            Self::Own { through: Some(through), .. } if starts > through => Self::Follow,
            rule => rule,
        }
    }

    /// Whether a period may follow the price source, this one or a later one.
    #[must_use]
    pub fn may_follow(self) -> bool {
        matches!(self, Self::Follow | Self::Own { through: Some(_), .. })
    }
}

impl fmt::Display for PriceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Follow => f.write_str("what its product costs"),
            Self::Kept(day) => write!(f, "what its product cost on {day}"),
            Self::Own { price, through: None } => write!(f, "{price}, a price of its own"),
            Self::Own { price, through: Some(day) } => {
                write!(
                    f,
                    "{price}, a price of its own for periods that begin through {day}; then what its product costs"
                )
            }
        }
    }
}

/// Where the current price of a product comes from at renewal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PriceSource {
    /// The provider's own price versions.
    Catalogue,
    /// An HTTP price feed of that name in the configuration.
    Feed(String),
}

impl FromStr for PriceSource {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            None if text == "catalogue" => Ok(Self::Catalogue),
            Some(("feed", name)) if is_name(name) => Ok(Self::Feed(name.to_owned())),
            _ => {
                Err("a price source is `catalogue` or `feed:NAME`, the name in lower-case letters, digits, `-` and `_`")
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

impl fmt::Display for PriceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalogue => f.write_str("catalogue"),
            Self::Feed(name) => write!(f, "feed:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_latest_version_that_has_started_wins() {
        let sek: Currency = "SEK".parse().unwrap();
        let monthly: Cycle = "1m".parse().unwrap();
        let version = |id, starts, minor| PriceVersion {
            id: PriceId(id),
            product: ProductId(1912),
            cycle: monthly,
            amount: Money::new(minor, sek),
            starts,
            from_quantity: Quantity::from_millionths(0),
        };
        let versions = [
            version(2, date(2026, 3, 1), 8374),
            version(1, date(2020, 1, 1), 7900),
            version(3, date(2027, 1, 1), 8848),
        ];
        let on = |day| price_on(&versions, ProductId(1912), monthly, sek, Quantity::ONE, day).map(|v| v.id.0);
        assert_eq!(on(date(2019, 12, 31)), None);
        assert_eq!(on(date(2026, 2, 28)), Some(1));
        assert_eq!(on(date(2026, 3, 1)), Some(2));
        assert_eq!(on(date(2030, 1, 1)), Some(3));
        let eur = "EUR".parse().unwrap();
        assert_eq!(price_on(&versions, ProductId(1912), monthly, eur, Quantity::ONE, date(2027, 1, 1)), None);
        let ten =
            |id, starts, minor| PriceVersion { from_quantity: "10".parse().unwrap(), ..version(id, starts, minor) };
        let mut steps = versions.to_vec();
        steps.push(ten(4, date(2026, 3, 1), 7000));
        let so_many = |quantity: &str, day| {
            price_on(&steps, ProductId(1912), monthly, sek, quantity.parse().unwrap(), day).map(|v| v.id.0)
        };
        assert_eq!([so_many("9.999999", date(2026, 3, 1)), so_many("10", date(2026, 3, 1))], [Some(2), Some(4)]);
        assert_eq!(so_many("10", date(2026, 2, 28)), Some(1), "the step starts with its version");
        assert_eq!(so_many("10", date(2027, 1, 1)), Some(3), "a later version without the step ends it");
    }
}
