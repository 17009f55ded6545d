//! What a part of a period costs: an exact fraction of the whole, rounded once.
//!
//! A split always takes what is *left* of a period: the rest of 31 days from the tenth on is 22/31. What was used before is
//! the whole less the rest, and what lies between two days is the rest from the first less the rest from the second. So
//! the parts of a period sum to its price to the minor unit, however often and wherever it is split.

use std::fmt;

use jiff::{Span, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{Money, Period, Rounding};

/// How the days of a period are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayCount {
    /// Every day of the calendar counts the same.
    #[default]
    Actual,
    /// Every month has 30 days and is worth the same: a 31st day is free, and the last day of a shorter month counts for
    /// those it lacks. A period that is no number of months is counted by its calendar days.
    ThirtyDayMonths,
}

impl DayCount {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Actual, Self::ThirtyDayMonths];

    /// The word kept in the database: `actual` or `thirty_day_months`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Actual => "actual",
            Self::ThirtyDayMonths => "thirty_day_months",
        }
    }

    /// The way of counting with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|count| count.as_str() == word)
    }

    /// How many days of `period` lie before `day`, which is not outside of it.
    fn before(self, period: Period, day: Date) -> u32 {
        match (self, months_of(period)) {
            (Self::ThirtyDayMonths, Some(months)) => thirty_day_position(period, months, day),
            _ => days_between(period.starts, day),
        }
    }
}

/// How much of a period: so many days of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The days taken.
    pub days: u32,
    /// The days of the whole period; at least 1.
    pub of: u32,
}

impl Share {
    /// What is left of a period from a day on, that day included: all of it from before its start, nothing from its end.
    #[must_use]
    pub fn rest(period: Period, from: Date, count: DayCount) -> Self {
        let of = count.before(period, period.ends);
        let from = from.clamp(period.starts, period.ends);
        Self { days: of - count.before(period, from), of }
    }

    /// This share of what the whole period costs.
    #[must_use]
    pub fn of(self, whole: Money, rounding: Rounding) -> Money {
        let exact = i128::from(whole.minor) * i128::from(self.days);
        let minor = rounding.divide(exact, i128::from(self.of.max(1)));
        // A share is never more than the whole, which fits.
        Money::new(i64::try_from(minor).unwrap_or(whole.minor), whole.currency)
    }

    /// Whether it is the whole period.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.days == self.of
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.days, self.of)
    }
}

/// The part of a period that a line bills or gives back, and what the whole period costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What the whole period costs.
    pub whole: Money,
    /// The first day of the whole period; it ends with the part.
    pub starts: Date,
    /// How much of it.
    pub share: Share,
}

impl Part {
    /// What it costs.
    #[must_use]
    pub fn price(self, rounding: Rounding) -> Money {
        self.share.of(self.whole, rounding)
    }
}

/// The formula, as it stands on a line: `270.00 × 21/31`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.whole.amount(), self.share)
    }
}

/// How many months a period has, if it is a number of months: it ends on the day of the month on which it starts, where
/// one of the two may be the last day of a month that is too short for the other.
fn months_of(period: Period) -> Option<u32> {
    let (starts, ends) = (period.starts, period.ends);
    let index = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
    let months = u32::try_from(index(ends) - index(starts)).ok().filter(|months| *months > 0)?;
    let is_last = |date: Date| date == date.last_of_month();
    let is_clamped = (is_last(starts) && ends.day() > starts.day()) || (is_last(ends) && starts.day() > ends.day());
    (starts.day() == ends.day() || is_clamped).then_some(months)
}

/// How many days of `period` lie before `day` if each of its months has thirty.
fn thirty_day_position(period: Period, months: u32, day: Date) -> u32 {
    if day >= period.ends {
        return months * 30;
    }
    let start_of = |month: u32| period.starts.saturating_add(Span::new().months(i64::from(month)));
    // The month of the period in which the day lies: the last one that has begun.
    let month = (0..months).rev().find(|month| start_of(*month) <= day).unwrap_or(0);
    month * 30 + days_between(start_of(month), day).min(30)
}

fn days_between(from: Date, to: Date) -> u32 {
    // Days are the default unit of a difference between civil dates.
    from.until(to).ok().and_then(|span| u32::try_from(span.get_days()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::{Cycle, CycleUnit, PeriodNumber, Schedule};

    fn period() -> impl Strategy<Value = Period> {
        let unit = prop::sample::select(vec![CycleUnit::Day, CycleUnit::Week, CycleUnit::Month, CycleUnit::Year]);
        (0i64..3000, 1u16..=36, unit, 0u32..40).prop_map(|(offset, count, unit, nth)| {
            let anchor = date(2024, 1, 1).saturating_add(Span::new().days(offset));
            let schedule = Schedule::new(anchor, Cycle::Every { count, unit });
            schedule.period(PeriodNumber(nth)).unwrap().unwrap()
        })
    }

    fn way() -> impl Strategy<Value = DayCount> {
        prop::sample::select(vec![DayCount::Actual, DayCount::ThirtyDayMonths])
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole_however_it_is_split(
            period in period(),
            count in way(),
            whole in -1_000_000_000i64..1_000_000_000,
            splits in prop::collection::vec(0i64..14_000, 0..20),
            half_even: bool,
        ) {
            let rounding = if half_even { Rounding::HalfEven } else { Rounding::HalfUp };
            let whole = Money::new(whole, "SEK".parse().unwrap());
            let rest = |day| Share::rest(period, day, count).of(whole, rounding).minor;
            let mut days: Vec<Date> =
                splits.into_iter().map(|days| period.starts.saturating_add(Span::new().days(days))).collect();
            days.extend([period.starts, period.ends]);
            days.sort_unstable();
            let parts = days.windows(2).map(|pair| rest(pair[0]) - rest(pair[1]));
            prop_assert_eq!(parts.sum::<i64>(), whole.minor);
        }

        #[test]
        fn a_share_only_shrinks_and_a_part_is_within_half_a_minor_unit(
            period in period(), count in way(), whole in 0i64..1_000_000_000,
        ) {
            let whole = Money::new(whole, "KWD".parse().unwrap());
            let mut before = Share::rest(period, period.starts, count);
            prop_assert!(before.is_whole());
            let mut day = period.starts;
            while day < period.ends {
                day = day.tomorrow().unwrap();
                let share = Share::rest(period, day, count);
                prop_assert!(share.days <= before.days && share.of == before.of);
                let part = i128::from(share.of(whole, Rounding::HalfUp).minor);
                let error = part * i128::from(share.of) - i128::from(whole.minor) * i128::from(share.days);
                prop_assert!(error.abs() * 2 <= i128::from(share.of));
                before = share;
            }
            prop_assert_eq!(before.days, 0);
        }
    }

    fn rest(starts: Date, ends: Date, from: Date, count: DayCount) -> String {
        Share::rest(Period { starts, ends }, from, count).to_string()
    }

    #[test]
    fn calendar_days_count_the_leap_day() {
        use DayCount::Actual;
        assert_eq!(rest(date(2027, 1, 1), date(2028, 1, 1), date(2027, 9, 3), Actual), "120/365");
        assert_eq!(rest(date(2028, 1, 1), date(2029, 1, 1), date(2028, 2, 29), Actual), "307/366");
        assert_eq!(rest(date(2027, 1, 31), date(2027, 2, 28), date(2027, 2, 1), Actual), "27/28");
        assert_eq!(rest(date(2027, 1, 1), date(2027, 2, 1), date(2026, 1, 1), Actual), "31/31");
        assert_eq!(rest(date(2027, 1, 1), date(2027, 2, 1), date(2028, 1, 1), Actual), "0/31");
    }

    #[test]
    fn months_of_thirty_days_are_worth_the_same() {
        use DayCount::ThirtyDayMonths;
        let thirty = |starts, ends, from| rest(starts, ends, from, ThirtyDayMonths);
        assert_eq!(thirty(date(2027, 1, 1), date(2027, 2, 1), date(2027, 1, 16)), "15/30");
        // The 31st is free; the 28th of February counts for three.
        assert_eq!(thirty(date(2027, 1, 1), date(2027, 2, 1), date(2027, 1, 31)), "0/30");
        assert_eq!(thirty(date(2027, 2, 1), date(2027, 3, 1), date(2027, 2, 28)), "3/30");
        assert_eq!(thirty(date(2027, 1, 1), date(2028, 1, 1), date(2027, 9, 1)), "120/360");
        // From 31 January to 28 February is a month, from the anchor's day to the last day of a shorter one.
        assert_eq!(thirty(date(2027, 1, 31), date(2027, 2, 28), date(2027, 2, 15)), "15/30");
        assert_eq!(thirty(date(2027, 2, 28), date(2027, 3, 31), date(2027, 3, 15)), "15/30");
        // Thirty days in a row are no month.
        assert_eq!(thirty(date(2027, 1, 10), date(2027, 2, 9), date(2027, 1, 20)), "20/30");
        assert_eq!(thirty(date(2027, 1, 10), date(2027, 1, 24), date(2027, 1, 20)), "4/14");
    }
}
