//! What a coupon takes off the price of a service.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::line::Allowance;
use crate::{Money, Rate, Rounding};

/// How much is taken off a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Off {
    /// A share of it.
    Percent(Rate),
    /// So many minor units of the customer's currency, at most all of it.
    Amount(i64),
}

/// What is taken off the periods of a service, for as long as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// The coupon's code, as lines name it.
    pub code: String,
    /// How much.
    pub off: Off,
    /// How many periods are still to be billed with it; none is any number.
    pub periods: Option<u16>,
    /// The last day on which a period may begin to be billed with it; none is for ever.
    pub through: Option<Date>,
}

impl Discount {
    /// Whether a period that begins on this day is billed with it.
    #[must_use]
    pub fn holds(&self, starts: Date) -> bool {
        self.periods != Some(0) && self.through.is_none_or(|through| starts <= through)
    }

    /// The same with one period less to go.
    #[must_use]
    pub fn used(&self) -> Self {
        Self { periods: self.periods.map(|periods| periods.saturating_sub(1)), ..self.clone() }
    }

    /// What it takes off a line.
    #[must_use]
    pub fn of(&self, gross: Money, rounding: Rounding) -> Allowance {
        let off = match self.off {
            // A share of what fits, which is never more than it, fits.
            Off::Percent(rate) => gross.share(rate, rounding).map_or(gross.minor, |off| off.minor),
            Off::Amount(minor) => minor,
        };
        let amount = Money::new(off.clamp(0, gross.minor.max(0)), gross.currency);
        let reason = match self.off {
            Off::Percent(rate) => format!("{}: {rate}", self.code),
            Off::Amount(_) => self.code.clone(),
        };
        Allowance { amount, reason }
    }
}

impl fmt::Display for Discount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "coupon {}", self.code)?;
        if let Some(periods) = self.periods {
            write!(f, ", for {periods} more {}", if periods == 1 { "period" } else { "periods" })?;
        }
        if let Some(through) = self.through {
            write!(f, ", for periods that begin through {through}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn discount(off: Off) -> Discount {
        Discount { code: "JUL26".to_owned(), off, periods: None, through: None }
    }

    #[test]
    fn a_share_is_rounded_and_an_amount_takes_off_what_there_is() {
        let sek = |minor| Money::new(minor, "SEK".parse().unwrap());
        let off = |off, gross| discount(off).of(sek(gross), Rounding::HalfUp).amount.minor;
        let percent = |text| Off::Percent(Rate::parse_percent(text).unwrap());
        assert_eq!(off(percent("20"), 7_900), 1_580);
        assert_eq!(off(percent("33.3333"), 1_000), 333);
        assert_eq!(off(percent("50"), 1), 1, "half an öre is rounded up");
        assert_eq!(off(percent("100"), i64::MAX), i64::MAX);
        assert_eq!(off(Off::Amount(2_000), 7_900), 2_000);
        assert_eq!(off(Off::Amount(9_000), 7_900), 7_900);
        assert_eq!(off(Off::Amount(9_000), 0), 0);
    }

    #[test]
    fn it_holds_for_its_periods_and_through_its_day() {
        let mut two = Discount { periods: Some(2), ..discount(Off::Amount(1)) };
        let day = date(2026, 12, 1);
        for left in [true, true, false, false] {
            assert_eq!(two.holds(day), left);
            two = two.used();
        }
        let until = Discount { through: Some(day), ..discount(Off::Amount(1)) };
        assert!(until.holds(day) && !until.holds(date(2026, 12, 2)) && until.used() == until);
    }
}
