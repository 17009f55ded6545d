//! Tax rates and other shares, as exact decimals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decimal::{self, ParseDecimalError};

/// A share in parts per million: 25 % is 250,000. Four digits after the point of a per cent, because rates such as
/// Finland's 25.5 % exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(i64);

/// Digits after the point of a rate given in per cent.
const PERCENT_SCALE: u32 = 4;

impl Rate {
    /// No share at all.
    pub const ZERO: Self = Self(0);

    /// A share from its parts per million.
    #[must_use]
    pub const fn from_parts_per_million(parts: i64) -> Self {
        Self(parts)
    }

    /// Reads a rate given in per cent, such as `25` or `25.5`.
    pub fn parse_percent(text: &str) -> Result<Self, ParseDecimalError> {
        decimal::parse(text, PERCENT_SCALE).map(Self)
    }

    /// Parts per million.
    #[must_use]
    pub const fn parts_per_million(self) -> i64 {
        self.0
    }

    /// The rate in per cent, without a sign: `25`, `25.5`.
    #[must_use]
    pub fn percent(self) -> String {
        decimal::print_short(self.0, PERCENT_SCALE)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}
