//! How often a service is renewed.

use std::fmt;
use std::str::FromStr;

use jiff::{Span, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::DateOutOfRange;

/// A billing cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cycle {
    /// A period of `count` units, again and again.
    Every {
        /// At least 1, at most [`Cycle::MAX_COUNT`].
        count: u16,
        /// What is counted.
        unit: CycleUnit,
    },
    /// Sold once, never renewed.
    Once,
    /// Costs nothing, never renewed.
    Free,
}

/// The unit of a recurring cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CycleUnit {
    /// Calendar days.
    Day,
    /// Seven days.
    Week,
    /// Calendar months, clamped to the month's end.
    Month,
    /// Twelve calendar months.
    Year,
}

/// The text is no billing cycle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no cycle: write a count and a unit such as `30d`, `2w`, `3m`, `1y`, a name such as `Quarterly`, or `once`, `free`"
)]
pub struct ParseCycleError(pub String);

/// The usual names, as HostBill and the v1 API spell them.
const NAMES: [(&str, Cycle); 10] = [
    ("Daily", Cycle::Every { count: 1, unit: CycleUnit::Day }),
    ("Weekly", Cycle::Every { count: 1, unit: CycleUnit::Week }),
    ("Monthly", Cycle::Every { count: 1, unit: CycleUnit::Month }),
    ("Quarterly", Cycle::Every { count: 3, unit: CycleUnit::Month }),
    ("Semi-Annually", Cycle::Every { count: 6, unit: CycleUnit::Month }),
    ("Annually", Cycle::Every { count: 1, unit: CycleUnit::Year }),
    ("Biennially", Cycle::Every { count: 2, unit: CycleUnit::Year }),
    ("Triennially", Cycle::Every { count: 3, unit: CycleUnit::Year }),
    ("One Time", Cycle::Once),
    ("Free", Cycle::Free),
];

impl Cycle {
    /// The largest count, so that a period stays within a human span (a thousand days, a thousand years).
    pub const MAX_COUNT: u16 = 1000;

    /// Whether there are periods at all.
    #[must_use]
    pub fn is_recurring(self) -> bool {
        matches!(self, Self::Every { .. })
    }

    /// A day so many cycles later, or earlier if that is negative. Months clamp to the month's end.
    ///
    /// # Errors
    /// [`DateOutOfRange`] outside of the calendar, and for what has no length.
    pub fn shifted(self, day: Date, times: i64) -> Result<Date, DateOutOfRange> {
        let Self::Every { count, unit } = self else { return Err(DateOutOfRange) };
        let units = times.checked_mul(i64::from(count)).ok_or(DateOutOfRange)?;
        let span = match unit {
            CycleUnit::Day => Span::new().try_days(units),
            CycleUnit::Week => Span::new().try_weeks(units),
            CycleUnit::Month => Span::new().try_months(units),
            CycleUnit::Year => Span::new().try_years(units),
        };
        span.and_then(|span| day.checked_add(span)).map_err(|_| DateOutOfRange)
    }

    /// The usual name (`Monthly`), or a description (`Every 30 days`) where there is none.
    #[must_use]
    pub fn name(self) -> String {
        if let Some((name, _)) = NAMES.iter().find(|(_, cycle)| *cycle == self) {
            return (*name).to_owned();
        }
        match self {
            Self::Once => "One Time".to_owned(),
            Self::Free => "Free".to_owned(),
            Self::Every { count, unit } => {
                let unit = match unit {
                    CycleUnit::Day => "day",
                    CycleUnit::Week => "week",
                    CycleUnit::Month => "month",
                    CycleUnit::Year => "year",
                };
                if count == 1 { format!("Every {unit}") } else { format!("Every {count} {unit}s") }
            }
        }
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.pad("once"),
            Self::Free => f.pad("free"),
            Self::Every { count, unit } => {
                let unit = match unit {
                    CycleUnit::Day => 'd',
                    CycleUnit::Week => 'w',
                    CycleUnit::Month => 'm',
                    CycleUnit::Year => 'y',
                };
                f.pad(&format!("{count}{unit}"))
            }
        }
    }
}

impl FromStr for Cycle {
    type Err = ParseCycleError;

    fn from_str(text: &str) -> Result<Self, ParseCycleError> {
        let error = || ParseCycleError(text.to_owned());
        if text == "once" {
            return Ok(Self::Once);
        }
        if let Some((_, cycle)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(*cycle);
        }
        let unit = match text.bytes().last() {
            Some(b'd') => CycleUnit::Day,
            Some(b'w') => CycleUnit::Week,
            Some(b'm') => CycleUnit::Month,
            Some(b'y') => CycleUnit::Year,
            _ => return Err(error()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
            return Err(error());
        }
        match digits.parse() {
            Ok(count) if count <= Self::MAX_COUNT => Ok(Self::Every { count, unit }),
            _ => Err(error()),
        }
    }
}

impl Serialize for Cycle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cycle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_mean_the_same() {
        for (code, name) in [
            ("1m", "Monthly"),
            ("3m", "Quarterly"),
            ("6m", "Semi-Annually"),
            ("1y", "Annually"),
            ("2y", "Biennially"),
            ("3y", "Triennially"),
            ("once", "One Time"),
            ("free", "Free"),
        ] {
            let cycle: Cycle = code.parse().unwrap();
            assert_eq!((cycle.to_string().as_str(), cycle.name().as_str()), (code, name));
            assert_eq!(name.to_lowercase().parse(), Ok(cycle));
        }
        assert_eq!("30d".parse::<Cycle>().unwrap().name(), "Every 30 days");
    }

    #[test]
    fn what_is_no_cycle_is_refused() {
        for bad in ["", "m", "0m", "01m", "-1m", "1x", "1.5m", "1001d", "99999999y", "ⅿ", "1ⅿ", "monthly!"] {
            assert!(bad.parse::<Cycle>().is_err(), "{bad:?}");
        }
    }
}
