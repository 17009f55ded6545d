//! Legal document numbers: the pattern of a series.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// A seller's pattern for legal numbers, such as `{YYYY}{NNNNN}` for `202600001`.
///
/// `{YYYY}`, `{YY}` and `{MM}` come from the issue date; `{NNNNN}` or `{N:05}` is the number in its series, padded with
/// zeros (a larger number simply has more digits); `{FY}` is the year in which the fiscal year began. Everything else is
/// taken as it is. Whether a pattern has to name the year depends on [`NumberReset`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Year4,
    Year2,
    Month,
    FiscalYear,
    Number { width: usize },
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberPatternError {
    /// A `{…}` that means nothing.
    #[error("`{{{0}}}` is no part of a number pattern: write {{YYYY}}, {{YY}}, {{MM}}, {{FY}}, {{NNNNN}} or {{N:05}}")]
    UnknownPart(String),
    /// A brace without its partner.
    #[error("the braces do not match")]
    Unbalanced,
    /// No number, or more than one.
    #[error("a pattern has exactly one number, such as {{NNNNN}}")]
    NotOneNumber,
    /// No year, so that the next one would give this one's numbers again.
    #[error("the number starts anew each year, so the pattern must name the year: {{YYYY}} or {{YY}}")]
    NoYear,
    /// No fiscal year, although that is no calendar year: two of them lie in one.
    #[error("the number starts anew within a calendar year, so the pattern must name the fiscal year: {{FY}}")]
    NoFiscalYear,
    /// Longer than [`NumberPattern::MAX_LENGTH`].
    #[error("a pattern has at most {max} characters", max = NumberPattern::MAX_LENGTH)]
    TooLong,
}

impl NumberPattern {
    /// Characters at most.
    pub const MAX_LENGTH: usize = 40;
    /// Digits that `{N…}` may ask for at most.
    const MAX_WIDTH: usize = 12;

    /// What stands before and after the number of a document that is issued on this day, and the number's width: for who
    /// has to put numbers together without this type.
    #[must_use]
    pub fn around(&self, issued_on: Date, reset: NumberReset) -> (String, usize, String) {
        let place = self.parts.iter().position(|part| matches!(part, Part::Number { .. })).unwrap_or(self.parts.len());
        let (before, rest) = self.parts.split_at(place);
        let width = match rest.first() {
            Some(Part::Number { width }) => *width,
            _ => 0,
        };
        let text = |parts: &[Part]| parts.iter().map(|part| part.format(issued_on, reset, 0)).collect::<String>();
        (text(before), width, text(rest.get(1..).unwrap_or_default()))
    }

    /// The legal number of the `number`th document of the series in which `issued_on` lies.
    #[must_use]
    pub fn format(&self, issued_on: Date, reset: NumberReset, number: i64) -> String {
        self.parts.iter().map(|part| part.format(issued_on, reset, number)).collect()
    }

    /// Whether no two series can give the same number.
    ///
    /// # Errors
    /// [`NumberPatternError::NoYear`] or [`NumberPatternError::NoFiscalYear`].
    pub fn check(&self, reset: NumberReset) -> Result<(), NumberPatternError> {
        let names = |wanted: &[Part]| self.parts.iter().any(|part| wanted.contains(part));
        match reset {
            NumberReset::Never => Ok(()),
            NumberReset::Yearly { month: 1 } if names(&[Part::Year4, Part::Year2, Part::FiscalYear]) => Ok(()),
            NumberReset::Yearly { month: 1 } => Err(NumberPatternError::NoYear),
            NumberReset::Yearly { .. } if names(&[Part::FiscalYear]) => Ok(()),
            NumberReset::Yearly { .. } => Err(NumberPatternError::NoFiscalYear),
        }
    }
}

/// When a seller's numbers start anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberReset {
    /// With each fiscal year.
    Yearly {
        /// The month in which it begins, from 1: 1 is the calendar year.
        month: u8,
    },
    /// Never.
    Never,
}

impl NumberReset {
    /// With each calendar year.
    pub const CALENDAR_YEAR: Self = Self::Yearly { month: 1 };

    /// The series to which a day belongs: the year in which its fiscal year began, or 0 where there is only one series.
    #[must_use]
    pub fn series(self, day: Date) -> i64 {
        match self {
            Self::Yearly { .. } => self.fiscal_year(day),
            Self::Never => 0,
        }
    }

    fn fiscal_year(self, day: Date) -> i64 {
        let is_before = i64::from(day.month()) < i64::from(self.month());
        i64::from(day.year()) - i64::from(is_before)
    }

    /// The month in which a fiscal year begins; without one, that of the calendar year.
    #[must_use]
    pub fn month(self) -> u8 {
        match self {
            Self::Yearly { month } => month,
            Self::Never => 1,
        }
    }

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yearly { .. } => "yearly",
            Self::Never => "never",
        }
    }

    /// The rule with that word and month, if there is one.
    #[must_use]
    pub fn from_word(word: &str, month: u8) -> Option<Self> {
        [Self::Yearly { month }, Self::Never].into_iter().find(|rule| rule.as_str() == word)
    }
}

impl Part {
    fn format(&self, issued_on: Date, reset: NumberReset, number: i64) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Year4 => format!("{:04}", issued_on.year()),
            Self::Year2 => format!("{:02}", issued_on.year().rem_euclid(100)),
            Self::Month => format!("{:02}", issued_on.month()),
            Self::FiscalYear => format!("{:04}", reset.fiscal_year(issued_on)),
            Self::Number { width } => format!("{number:0width$}"),
        }
    }
}

impl FromStr for NumberPattern {
    type Err = NumberPatternError;

    fn from_str(text: &str) -> Result<Self, NumberPatternError> {
        if text.chars().count() > Self::MAX_LENGTH {
            return Err(NumberPatternError::TooLong);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(open) = rest.find(['{', '}']) else {
                parts.push(Part::Text(rest.to_owned()));
                break;
            };
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inside = rest[open..].strip_prefix('{').ok_or(NumberPatternError::Unbalanced)?;
            let close = inside.find('}').ok_or(NumberPatternError::Unbalanced)?;
            parts.push(part(&inside[..close])?);
            rest = &inside[close + 1..];
        }
        if parts.iter().filter(|part| matches!(part, Part::Number { .. })).count() != 1 {
            return Err(NumberPatternError::NotOneNumber);
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

fn part(name: &str) -> Result<Part, NumberPatternError> {
    let width = |width: usize| (1..=NumberPattern::MAX_WIDTH).contains(&width).then_some(Part::Number { width });
    let part = match name {
        "YYYY" => Some(Part::Year4),
        "YY" => Some(Part::Year2),
        "MM" => Some(Part::Month),
        "FY" => Some(Part::FiscalYear),
        _ if !name.is_empty() && name.bytes().all(|b| b == b'N') => width(name.len()),
        _ => name.strip_prefix("N:").and_then(|digits| digits.parse().ok()).and_then(width),
    };
    part.ok_or_else(|| NumberPatternError::UnknownPart(name.to_owned()))
}

impl fmt::Display for NumberPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn patterns_make_numbers() {
        let day = date(2026, 11, 23);
        for (pattern, number, expected) in [
            ("{YYYY}{NNNNN}", 1, "202600001"),
            ("{YYYY}{N:05}", 100_000, "2026100000"),
            ("INV-{YY}{MM}-{N}", 7, "INV-2611-7"),
            ("{NNN}/{YYYY}", 42, "042/2026"),
        ] {
            let pattern: NumberPattern = pattern.parse().unwrap();
            let reset = NumberReset::CALENDAR_YEAR;
            assert_eq!(pattern.format(day, reset, number), expected);
            let (before, width, after) = pattern.around(day, reset);
            assert_eq!(format!("{before}{number:0width$}{after}"), expected);
        }
    }

    #[test]
    fn fiscal_years_begin_in_their_month() {
        let july = NumberReset::Yearly { month: 7 };
        let pattern: NumberPattern = "{FY}-{NNN}".parse().unwrap();
        for (day, reset, series, number) in [
            (date(2026, 6, 30), july, 2025, "2025-007"),
            (date(2026, 7, 1), july, 2026, "2026-007"),
            (date(2027, 1, 1), july, 2026, "2026-007"),
            (date(2027, 1, 1), NumberReset::CALENDAR_YEAR, 2027, "2027-007"),
            (date(2027, 1, 1), NumberReset::Never, 0, "2027-007"),
        ] {
            assert_eq!((reset.series(day), pattern.format(day, reset, 7).as_str()), (series, number), "{day}");
        }
        let check = |text: &str, reset| text.parse::<NumberPattern>().unwrap().check(reset);
        assert_eq!(check("{YYYY}{N}", july), Err(NumberPatternError::NoFiscalYear));
        assert_eq!(check("{FY}{N}", july), Ok(()));
        assert_eq!(check("{N}", NumberReset::CALENDAR_YEAR), Err(NumberPatternError::NoYear));
        assert_eq!(check("{YY}{N}", NumberReset::CALENDAR_YEAR), Ok(()));
        assert_eq!(check("{N}", NumberReset::Never), Ok(()));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        use NumberPatternError::{NotOneNumber, TooLong, Unbalanced, UnknownPart};
        for (pattern, error) in [
            ("{YYYY}", NotOneNumber),
            ("{YYYY}{N}{N}", NotOneNumber),
            ("{YYYY}{N", Unbalanced),
            ("{YYYY}}{N}", Unbalanced),
            ("{YYYY}{X}", UnknownPart("X".to_owned())),
            ("{YYYY}{N:0}", UnknownPart("N:0".to_owned())),
            ("{YYYY}{N:99}", UnknownPart("N:99".to_owned())),
            ("", NotOneNumber),
        ] {
            assert_eq!(pattern.parse::<NumberPattern>(), Err(error), "{pattern:?}");
        }
        assert_eq!(format!("{{YYYY}}{{N}}{}", "x".repeat(40)).parse::<NumberPattern>(), Err(TooLong));
    }
}
