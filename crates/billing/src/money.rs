//! Money: whole minor units of a currency.

use std::fmt;
use std::iter;

use serde::{Deserialize, Serialize};

use crate::decimal::{self, ParseDecimalError};
use crate::{Currency, Quantity, Rate, Rounding};

/// An amount in minor units (öre, cent, yen) of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative for what is owed the other way.
    pub minor: i64,
    /// The currency the units belong to.
    pub currency: Currency,
}

/// A sum or product does not fit into 64 bits of minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large")]
pub struct AmountOutOfRange;

impl Money {
    /// `minor` units of `currency`.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Reads major units such as `168.75`, without loss: more digits than the currency has are an error.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, ParseDecimalError> {
        decimal::parse(text, currency.exponent()).map(|minor| Self::new(minor, currency))
    }

    /// Major units with exactly the currency's digits and no currency: `168.75`, `1223`, `0.500`.
    #[must_use]
    pub fn amount(&self) -> String {
        decimal::print(self.minor, self.currency.exponent())
    }

    /// Major units without needless zeros: `708`, `168.75`.
    #[must_use]
    pub fn short_amount(&self) -> String {
        decimal::print_short(self.minor, self.currency.exponent())
    }

    /// The sum of amounts that all are in `currency`.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, AmountOutOfRange> {
        amounts.into_iter().try_fold(Self::zero(currency), |sum, next| sum.plus(next))
    }

    /// `self + other`. Both are in the same currency: one invoice has one.
    pub fn plus(self, other: Self) -> Result<Self, AmountOutOfRange> {
        debug_assert_eq!(self.currency, other.currency);
        self.minor.checked_add(other.minor).map(|minor| Self::new(minor, self.currency)).ok_or(AmountOutOfRange)
    }

    /// This unit price times a quantity, rounded to a minor unit.
    pub fn times(self, quantity: Quantity, rounding: Rounding) -> Result<Self, AmountOutOfRange> {
        self.scaled(i128::from(quantity.millionths()), rounding)
    }

    /// This share of the amount (a tax rate of a base), rounded to a minor unit.
    pub fn share(self, rate: Rate, rounding: Rounding) -> Result<Self, AmountOutOfRange> {
        self.scaled(i128::from(rate.parts_per_million()), rounding)
    }

    fn scaled(self, millionths: i128, rounding: Rounding) -> Result<Self, AmountOutOfRange> {
        let exact = i128::from(self.minor) * millionths;
        let minor = rounding.divide(exact, 1_000_000);
        i64::try_from(minor).map(|minor| Self::new(minor, self.currency)).map_err(|_| AmountOutOfRange)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&iter::once(self.amount()).chain([self.currency.code().to_owned()]).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency() -> impl Strategy<Value = Currency> {
        prop::sample::select(Currency::all().collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(minor: i64, currency in currency()) {
            let money = Money::new(minor, currency);
            prop_assert_eq!(Money::parse(&money.amount(), currency), Ok(money));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,24}", currency in currency()) {
            if let Ok(money) = Money::parse(&text, currency) {
                prop_assert_eq!(Money::parse(&money.amount(), currency), Ok(money));
            }
        }
    }

    #[test]
    fn digits_that_would_be_lost_are_refused() {
        let (sek, jpy, kwd) = ("SEK".parse().unwrap(), "JPY".parse().unwrap(), "KWD".parse().unwrap());
        assert_eq!(Money::parse("168.75", sek), Ok(Money::new(16875, sek)));
        assert_eq!(Money::parse("168.7500", sek), Ok(Money::new(16875, sek)));
        assert_eq!(Money::parse("-0.5", sek), Ok(Money::new(-50, sek)));
        assert_eq!(Money::parse("168.755", sek), Err(ParseDecimalError::TooPrecise(2)));
        assert_eq!(Money::parse("1223", jpy), Ok(Money::new(1223, jpy)));
        assert_eq!(Money::parse("1223.5", jpy), Err(ParseDecimalError::TooPrecise(0)));
        assert_eq!(Money::parse("0.125", kwd), Ok(Money::new(125, kwd)));
        for bad in ["", "-", ".5", "5.", "1,50", "1e3", "+1", "٣", "1 000", "NaN"] {
            assert_eq!(Money::parse(bad, sek), Err(ParseDecimalError::Malformed), "{bad:?}");
        }
        assert_eq!(Money::parse("92233720368547758.08", sek), Err(ParseDecimalError::OutOfRange));
    }
}
