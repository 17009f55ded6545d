//! Prices in a currency in which there are none: converted from the seller's own, at a stated rate.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use crate::campaign::PriceEnding;
use crate::decimal::{self, ParseDecimalError};
use crate::{AmountOutOfRange, Currency, Money, Rounding};

/// Digits after the point of a rate.
const SCALE: u32 = 9;

/// How many units of one currency a unit of another is worth, as an exact decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitRate(i64);

impl UnitRate {
    /// A rate from its billionths.
    #[must_use]
    pub const fn from_billionths(billionths: i64) -> Self {
        Self(billionths)
    }

    /// Billionths.
    #[must_use]
    pub const fn billionths(self) -> i64 {
        self.0
    }
}

impl FromStr for UnitRate {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        decimal::parse(text, SCALE).map(Self)
    }
}

impl fmt::Display for UnitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::print_short(self.0, SCALE))
    }
}

/// What a unit of the seller's currency is worth in another one, from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeRate {
    /// The other currency.
    pub currency: Currency,
    /// The first day on which it holds.
    pub starts: Date,
    /// So many units of it for one of the seller's.
    pub rate: UnitRate,
    /// Who says so, as lines name it: `ECB`.
    pub source: String,
}

impl ExchangeRate {
    /// The latest of these that holds on a day.
    fn latest<'a>(rates: impl Iterator<Item = &'a Self>, day: Date) -> Option<&'a Self> {
        rates.filter(|rate| rate.starts <= day).max_by_key(|rate| rate.starts)
    }
}

/// How a seller converts prices, if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The currency it converts from: its own.
    pub home: Currency,
    /// What converted prices end in.
    pub ending: PriceEnding,
    /// The rates it knows.
    pub rates: Vec<ExchangeRate>,
}

impl Conversion {
    /// A price in another currency, at the latest rate that holds on a day, rounded once and brought to its ending; and that
    /// rate. None without a rate, or if it does not fit.
    #[must_use]
    pub fn convert(&self, price: Money, to: Currency, day: Date, rounding: Rounding) -> Option<(Money, &ExchangeRate)> {
        let found = ExchangeRate::latest(self.rates.iter().filter(|rate| rate.currency == to), day)?;
        let exact = i128::from(price.minor)
            .checked_mul(i128::from(found.rate.billionths()))?
            .checked_mul(10i128.pow(to.exponent()))?;
        let minor = rounding.divide(exact, 10i128.pow(SCALE + price.currency.exponent()));
        let converted = Money::new(i64::try_from(minor).ok()?, to);
        Some((self.ending.nearest(converted), found))
    }
}

/// What the seller's currency is worth in a customer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeRates {
    /// The seller's currency.
    pub home: Currency,
    /// The rates of the customer's currency, in any order.
    pub rates: Vec<ExchangeRate>,
}

impl HomeRates {
    /// The latest rate that holds on a day.
    #[must_use]
    pub fn on(&self, day: Date) -> Option<HomeRate> {
        let found = ExchangeRate::latest(self.rates.iter(), day)?;
        Some(HomeRate { home: self.home, rate: found.rate, starts: found.starts, source: found.source.clone() })
    }
}

/// The rate at which an invoice's tax is told in the seller's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeRate {
    /// The seller's currency.
    pub home: Currency,
    /// So many units of the invoice's currency for one of it.
    pub rate: UnitRate,
    /// From which day on it holds.
    pub starts: Date,
    /// Who says so.
    pub source: String,
}

/// The tax of an invoice in the seller's own currency, which the invoice must show (Directive 2006/112/EC, articles 91 and
/// 230; EN 16931 BT-111).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeTax {
    /// The rate it was converted at.
    pub rate: HomeRate,
    /// How much that is.
    pub tax: Money,
}

impl HomeTax {
    /// The tax, converted and rounded once.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] when it does not fit.
    pub fn of(tax: Money, rate: HomeRate, rounding: Rounding) -> Result<Self, AmountOutOfRange> {
        Ok(Self { tax: rate.home_amount(tax, rounding)?, rate })
    }
}

impl HomeRate {
    /// An amount in the invoice's currency, in the seller's.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] when it does not fit.
    pub fn home_amount(&self, amount: Money, rounding: Rounding) -> Result<Money, AmountOutOfRange> {
        let scale = 10i128.pow(SCALE).checked_mul(10i128.pow(self.home.exponent())).ok_or(AmountOutOfRange)?;
        let exact = i128::from(amount.minor).checked_mul(scale).ok_or(AmountOutOfRange)?;
        let unit = i128::from(self.rate.billionths().max(1)) * 10i128.pow(amount.currency.exponent());
        let minor = i64::try_from(rounding.divide(exact, unit)).map_err(|_| AmountOutOfRange)?;
        Ok(Money::new(minor, self.home))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_latest_rate_of_the_day_converts_whatever_the_digits() {
        let rate = |code: &str, starts, rate: &str| ExchangeRate {
            currency: code.parse().unwrap(),
            starts,
            rate: rate.parse().unwrap(),
            source: "ECB".to_owned(),
        };
        let (early, late) = (date(2026, 1, 1), date(2026, 11, 20));
        let mut conversion = Conversion {
            home: "SEK".parse().unwrap(),
            ending: PriceEnding::Any,
            rates: vec![
                rate("EUR", late, "0.0912"),
                rate("EUR", early, "0.0875"),
                rate("JPY", early, "14.2"),
                rate("KWD", early, "0.0291"),
            ],
        };
        let convert = |conversion: &Conversion, price: &str, code: &str, day| {
            let price = Money::parse(price, conversion.home).unwrap();
            let found = conversion.convert(price, code.parse().unwrap(), day, Rounding::HalfUp);
            found.map(|(money, rate)| format!("{money} at {} of {}", rate.rate, rate.starts))
        };
        let told = |price, code, day| convert(&conversion, price, code, day).unwrap_or_default();
        assert_eq!(told("79.00", "EUR", date(2026, 11, 19)), "6.91 EUR at 0.0875 of 2026-01-01");
        assert_eq!(told("79.00", "EUR", late), "7.20 EUR at 0.0912 of 2026-11-20");
        assert_eq!(told("79.00", "JPY", late), "1122 JPY at 14.2 of 2026-01-01");
        assert_eq!(told("79.00", "KWD", late), "2.299 KWD at 0.0291 of 2026-01-01");
        assert_eq!(told("79.00", "USD", late), "", "there is no rate");
        assert_eq!(told("79.00", "EUR", date(2025, 12, 31)), "", "it had not begun");
        conversion.ending = PriceEnding::Hundredths(90);
        assert_eq!(convert(&conversion, "79.00", "EUR", late).unwrap(), "6.90 EUR at 0.0912 of 2026-11-20");
        conversion.rates = vec![rate("EUR", early, "9223372036.854775807")];
        assert_eq!(convert(&conversion, "92233720368547758.07", "EUR", late), None, "it does not fit");
    }
}
