//! Price campaigns: one rule that changes the prices of many services from a day on.

use jiff::civil::Date;

use crate::line::unit_price;
use crate::renewal::{Facts, Refusal};
use crate::{AmountOutOfRange, Currency, Cycle, CycleUnit, Money, PeriodNumber, PriceRule, Rate, Rounding};

/// How a price is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceChange {
    /// By so much more, or less if it is negative.
    By(Money),
    /// By a share of it: 5 % more, or less if it is negative.
    Percent(Rate),
    /// To this, whatever it was.
    To(Money),
}

impl PriceChange {
    /// The only currency it makes sense in; none if any.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        match self {
            Self::By(money) | Self::To(money) => Some(money.currency),
            Self::Percent(_) => None,
        }
    }

    /// The new price: changed, then brought to the nearest price that ends so, and never below nothing.
    pub fn apply(&self, old: Money, ending: PriceEnding) -> Result<Money, AmountOutOfRange> {
        let exact = match self {
            Self::By(more) => old.plus(*more)?,
            Self::Percent(rate) => old.plus(old.share(*rate, Rounding::HalfUp)?)?,
            Self::To(price) => *price,
        };
        Ok(ending.nearest(Money::new(exact.minor.max(0), exact.currency)))
    }
}

/// What the new prices end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PriceEnding {
    /// Whatever comes out, to the minor unit.
    #[default]
    Any,
    /// So many hundredths of a major unit: 90 for 83.90, 0 for whole amounts.
    Hundredths(u8),
}

impl PriceEnding {
    /// The price nearest to this one that ends so; of two that are as near, the higher one. A currency without so many digits
    /// takes the whole amount.
    pub(crate) fn nearest(self, price: Money) -> Money {
        let Self::Hundredths(hundredths) = self else { return price };
        let unit = 10i64.pow(price.currency.exponent());
        let ending = i64::from(hundredths.min(99)) * unit / 100;
        let below = price.minor - (price.minor - ending).rem_euclid(unit);
        let nearest = if below < 0 || (price.minor - below) * 2 >= unit { below.saturating_add(unit) } else { below };
        // Nothing stays nothing.
        if price.minor == 0 { price } else { Money::new(nearest, price.currency) }
    }
}

/// What a campaign does to one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The price of one that its first period under the campaign would have had.
    pub old: Money,
    /// The price of one that it has.
    pub new: Money,
    /// The first day of that period.
    pub starts: Date,
    /// The period.
    pub period: PeriodNumber,
    /// What the difference comes to in a year, for all of it.
    pub yearly: Money,
}

/// Why a campaign leaves a service alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEffect {
    /// Its price comes from a feed.
    #[error("its price comes from a price feed")]
    Fed,
    /// It costs what it would cost anyway.
    #[error("its price stays as it is")]
    Same,
    /// An earlier campaign is still to take effect.
    #[error("campaign {0} changes its price already, from {1}")]
    Pending(crate::CampaignId, Date),
    /// It has a price of its own for a while, which the campaign would make last.
    #[error("it has a price of its own through {0}")]
    Temporary(Date),
    /// Its customer pays in another currency.
    #[error("its customer pays in {0}")]
    OtherCurrency(Currency),
    /// It is not renewed, or it has no price.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl From<AmountOutOfRange> for NoEffect {
    fn from(error: AmountOutOfRange) -> Self {
        Self::Refused(error.into())
    }
}

/// What changing the price from a day on does to a service: its first period that begins on that day or later, and is not
/// billed yet, is the first one at the new price.
pub fn effect(facts: &Facts, change: PriceChange, ending: PriceEnding, from: Date) -> Result<Effect, NoEffect> {
    if change.currency().is_some_and(|currency| currency != facts.currency) {
        return Err(NoEffect::OtherCurrency(facts.currency));
    }
    let schedule = facts.schedule;
    let mut number = facts.next_period;
    let mut period = schedule.period(number).map_err(Refusal::from)?.ok_or(Refusal::OneTime)?;
    // Until a period is billed at its price, an earlier one has not taken effect.
    let last = number.previous().filter(|last| *last >= schedule.first);
    let last = last.and_then(|last| schedule.period(last).ok().flatten()).map(|last| last.starts);
    if let Some(pending) = facts.item.campaign.filter(|campaign| last.is_none_or(|last| campaign.from > last)) {
        return Err(NoEffect::Pending(pending.campaign, pending.from));
    }
    while period.starts < from {
        number = number.next();
        period = schedule.period(number).map_err(Refusal::from)?.ok_or(Refusal::OneTime)?;
    }
    if let PriceRule::Own { through: Some(through), .. } = facts.item.rule
        && period.starts <= through
    {
        return Err(NoEffect::Temporary(through));
    }
    if facts.item.is_fed && facts.item.rule.on(period.starts) == PriceRule::Follow {
        return Err(NoEffect::Fed);
    }
    let (old, ..) = unit_price(facts, &facts.item, schedule.cycle, period.starts)?;
    let new = change.apply(old, ending)?;
    if new == old {
        return Err(NoEffect::Same);
    }
    let difference =
        Money::new(new.minor - old.minor, old.currency).times(facts.item.quantity, facts.policy.amounts.rounding)?;
    Ok(Effect { old, new, starts: period.starts, period: number, yearly: per_year(difference, schedule.cycle) })
}

/// What an amount for one period comes to in a year of 365 days or of twelve months.
fn per_year(amount: Money, cycle: Cycle) -> Money {
    let Cycle::Every { count, unit } = cycle else { return amount };
    let (times, of) = match unit {
        CycleUnit::Day => (365, 1),
        CycleUnit::Week => (365, 7),
        CycleUnit::Month => (12, 1),
        CycleUnit::Year => (1, 1),
    };
    let exact = Rounding::HalfUp.divide(i128::from(amount.minor) * times, of * i128::from(count));
    let fits = exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Money::new(i64::try_from(fits).unwrap_or(amount.minor), amount.currency)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(text: &str, currency: &str) -> Money {
        Money::parse(text, currency.parse().unwrap()).unwrap()
    }

    #[test]
    fn prices_are_changed_and_brought_to_their_ending() {
        let percent = |text| PriceChange::Percent(Rate::parse_percent(text).unwrap());
        let (any, whole, ninety) = (PriceEnding::Any, PriceEnding::Hundredths(0), PriceEnding::Hundredths(90));
        for (old, currency, change, ending, new) in [
            ("79.00", "SEK", percent("6"), any, "83.74"),
            ("79.00", "SEK", percent("6"), whole, "84.00"),
            ("79.00", "SEK", percent("6"), ninety, "83.90"),
            ("79.00", "SEK", percent("-100"), any, "0.00"),
            ("79.00", "SEK", percent("-200"), ninety, "0.00"),
            ("83.40", "SEK", percent("0"), ninety, "83.90"),
            ("83.39", "SEK", percent("0"), ninety, "82.90"),
            ("0.30", "SEK", percent("0"), ninety, "0.90"),
            ("79.00", "SEK", PriceChange::By(money("5.50", "SEK")), any, "84.50"),
            ("79.00", "SEK", PriceChange::By(money("-80", "SEK")), any, "0.00"),
            ("79.00", "SEK", PriceChange::To(money("99", "SEK")), any, "99.00"),
            ("1480", "JPY", percent("3.5"), ninety, "1532"),
            ("4.500", "KWD", percent("10"), ninety, "4.900"),
        ] {
            let found = change.apply(money(old, currency), ending).unwrap();
            assert_eq!(found, money(new, currency), "{old} {change:?} {ending:?}");
        }
    }

    #[test]
    fn a_year_has_twelve_months_and_365_days() {
        for (cycle, yearly) in [("1m", 1_200), ("3m", 400), ("1y", 100), ("2y", 50), ("1d", 36_500), ("1w", 5_214)] {
            assert_eq!(per_year(money("1.00", "SEK"), cycle.parse().unwrap()).minor, yearly, "{cycle}");
        }
    }

    proptest! {
        #[test]
        fn an_ending_is_reached_within_half_a_unit(minor in 1i64..10_000_000, hundredths in 0u8..100) {
            let price = Money::new(minor, "SEK".parse().unwrap());
            let found = PriceEnding::Hundredths(hundredths).nearest(price);
            prop_assert_eq!(found.minor % 100, i64::from(hundredths));
            prop_assert!(found.minor >= 0);
            prop_assert!((found.minor - minor).abs() <= 50 || (minor < 100 && found.minor < 100));
        }
    }
}
