//! Quantities, as exact decimals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::decimal::{self, ParseDecimalError};

/// How many of a thing, in millionths, so that metered amounts fit too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(i64);

/// Digits after the point of a quantity.
const SCALE: u32 = 6;

impl Quantity {
    /// None at all.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(1_000_000);

    /// A quantity from its millionths.
    #[must_use]
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// Millionths.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }
}

impl FromStr for Quantity {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        decimal::parse(text, SCALE).map(Self)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::print_short(self.0, SCALE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_print_without_needless_zeros() {
        for (text, millionths) in [("1", 1_000_000), ("2.5", 2_500_000), ("0.000001", 1), ("10", 10_000_000)] {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!((quantity.millionths(), quantity.to_string()), (millionths, text.to_owned()));
        }
    }
}
