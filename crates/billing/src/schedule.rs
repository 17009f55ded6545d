//! The periods of a service, each computed from the anchor and never from the one before.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Cycle, CycleUnit};

/// The number of a period of a service: 0, 1, 2, …
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeriodNumber(pub u32);

impl PeriodNumber {
    /// The period before this one, if there is one.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// The period after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for PeriodNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stretch of days: from `starts` up to, not including, `ends`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub starts: Date,
    /// The day after the last one; the next period starts on it.
    pub ends: Date,
}

impl Period {
    /// The last day that belongs to the period, as documents show it (EN 16931 BT-135).
    #[must_use]
    pub fn last_day(&self) -> Date {
        self.ends.yesterday().unwrap_or(self.ends)
    }
}

/// A date past the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the date lies past the year 9999")]
pub struct DateOutOfRange;

/// An anchor date and a cycle: all that is needed to know every period.
///
/// Period `n` starts at `anchor + (n - first) × cycle`. Month arithmetic clamps to the month's end and, because each
/// period is computed from the anchor, returns to the anchor's day: 31 January, 28 February, 31 March.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The first day of period `first`.
    pub anchor: Date,
    /// The length of a period.
    pub cycle: Cycle,
    /// The number of the period that starts on the anchor; above 0 after a change of cycle.
    pub first: PeriodNumber,
}

impl Schedule {
    /// A schedule whose period 0 starts on `anchor`.
    #[must_use]
    pub fn new(anchor: Date, cycle: Cycle) -> Self {
        Self { anchor, cycle, first: PeriodNumber(0) }
    }

    /// Period `number`, or `None` for a one-time or free service.
    ///
    /// # Errors
    /// [`DateOutOfRange`] past the year 9999 and before period `first`.
    pub fn period(&self, number: PeriodNumber) -> Result<Option<Period>, DateOutOfRange> {
        if !self.cycle.is_recurring() {
            return Ok(None);
        }
        let nth = i64::from(number.0.checked_sub(self.first.0).ok_or(DateOutOfRange)?);
        let starts = self.cycle.shifted(self.anchor, nth)?;
        let ends = self.cycle.shifted(self.anchor, nth + 1)?;
        Ok(Some(Period { starts, ends }))
    }

    /// The period that starts exactly on `date`, if there is one.
    #[must_use]
    pub fn number_starting(&self, date: Date) -> Option<PeriodNumber> {
        let Cycle::Every { count, unit } = self.cycle else { return None };
        let count = i64::from(count);
        // Exact for days and weeks; for months and years the only candidate, whatever the day of the month.
        let nth = match unit {
            CycleUnit::Day => days_between(self.anchor, date) / count,
            CycleUnit::Week => days_between(self.anchor, date) / (7 * count),
            CycleUnit::Month => months_between(self.anchor, date) / count,
            CycleUnit::Year => months_between(self.anchor, date) / (12 * count),
        };
        let number = PeriodNumber(self.first.0.checked_add(u32::try_from(nth).ok()?)?);
        let period = self.period(number).ok()??;
        (period.starts == date).then_some(number)
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    // Days are the default unit of a difference between civil dates.
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

fn months_between(from: Date, to: Date) -> i64 {
    let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
    months(to) - months(from)
}

#[cfg(test)]
mod tests {
    use jiff::{Span, civil::date};
    use proptest::prelude::*;

    use super::*;

    fn schedule() -> impl Strategy<Value = Schedule> {
        let unit = prop::sample::select(vec![CycleUnit::Day, CycleUnit::Week, CycleUnit::Month, CycleUnit::Year]);
        (1900i16..2100, 1i8..=12, 1i8..=31, 1u16..=60, unit, 0u32..50).prop_map(|(y, m, d, count, unit, first)| {
            Schedule {
                anchor: date(y, m, 1)
                    .last_of_month()
                    .min(date(y, m, 1).saturating_add(Span::new().days(i64::from(d) - 1))),
                cycle: Cycle::Every { count, unit },
                first: PeriodNumber(first),
            }
        })
    }

    proptest! {
        #[test]
        fn periods_tile_four_centuries(schedule in schedule()) {
            let end = schedule.anchor.saturating_add(Span::new().years(400));
            let mut number = schedule.first;
            let mut next_start = schedule.anchor;
            while next_start < end {
                let period = schedule.period(number).unwrap().unwrap();
                prop_assert_eq!(period.starts, next_start, "no gap, no overlap");
                prop_assert!(period.ends > period.starts);
                if matches!(schedule.cycle, Cycle::Every { unit: CycleUnit::Month | CycleUnit::Year, .. }) {
                    let day = schedule.anchor.day().min(period.starts.last_of_month().day());
                    prop_assert_eq!(period.starts.day(), day, "the anchor's day, or the month's last");
                }
                prop_assert_eq!(schedule.number_starting(period.starts), Some(number));
                next_start = period.ends;
                number = number.next();
            }
        }

        #[test]
        fn a_day_inside_a_period_starts_none(schedule in schedule(), nth in 0u32..100, offset in 1i64..3000) {
            let period = schedule.period(PeriodNumber(schedule.first.0 + nth)).unwrap().unwrap();
            let inside = period.starts.saturating_add(Span::new().days(offset));
            if inside < period.ends {
                prop_assert_eq!(schedule.number_starting(inside), None);
            }
        }
    }

    #[test]
    fn the_last_day_of_january_comes_back_in_march() {
        let schedule = Schedule::new(date(2027, 1, 31), "1m".parse().unwrap());
        let starts: Vec<_> =
            (0..5).map(|n| schedule.period(PeriodNumber(n)).unwrap().unwrap().starts.to_string()).collect();
        assert_eq!(starts, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]);
    }

    #[test]
    fn the_leap_day_comes_back_every_fourth_year() {
        let schedule = Schedule::new(date(2024, 2, 29), "1y".parse().unwrap());
        let starts: Vec<_> =
            (0..5).map(|n| schedule.period(PeriodNumber(n)).unwrap().unwrap().starts.to_string()).collect();
        assert_eq!(starts, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]);
    }

    #[test]
    fn before_the_anchor_and_past_the_calendar_there_is_nothing() {
        let schedule = Schedule { first: PeriodNumber(3), ..Schedule::new(date(2026, 1, 1), "1y".parse().unwrap()) };
        assert_eq!(schedule.number_starting(date(2025, 1, 1)), None);
        assert_eq!(schedule.period(PeriodNumber(2)), Err(DateOutOfRange));
        assert_eq!(schedule.period(PeriodNumber(8000)), Err(DateOutOfRange));
        assert_eq!(Schedule::new(date(2026, 1, 1), Cycle::Once).period(PeriodNumber(0)), Ok(None));
    }
}
