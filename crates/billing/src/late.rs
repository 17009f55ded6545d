//! What becomes of a service's dates when its renewal is paid late.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{DateOutOfRange, Period, PeriodNumber, Schedule};

/// What becomes of a service's dates when a renewal is paid after its period has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatePayment {
    /// The period stays where it is: its days were billed, paid late or not.
    #[default]
    Keep,
    /// The period begins anew on the day of payment, and those after it follow: the days before it are not billed.
    Restart,
    /// The dates stay, but whole periods that passed unpaid are skipped: the payment is for the one in which it comes.
    Skip,
}

impl LatePayment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Restart, Self::Skip];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Restart => "restart",
            Self::Skip => "skip",
        }
    }

    /// The policy with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }
}

/// Where a period lies that was paid late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Its number then.
    pub number: PeriodNumber,
    /// Its days then.
    pub period: Period,
    /// The schedule from then on.
    pub schedule: Schedule,
}

impl LatePayment {
    /// Where the last billed period of a service lies when it is paid on a day; none if it stays where it is.
    ///
    /// # Errors
    /// [`DateOutOfRange`] past the year 9999.
    pub fn moved(
        self,
        schedule: Schedule,
        number: PeriodNumber,
        period: Period,
        paid_on: Date,
    ) -> Result<Option<Moved>, DateOutOfRange> {
        if paid_on <= period.starts {
            return Ok(None);
        }
        match self {
            Self::Keep => Ok(None),
            Self::Restart => {
                let schedule = Schedule { anchor: paid_on, cycle: schedule.cycle, first: number };
                Ok(schedule.period(number)?.map(|period| Moved { number, period, schedule }))
            }
            Self::Skip => {
                let (mut number, mut period) = (number, period);
                let mut is_moved = false;
                while period.ends <= paid_on {
                    number = number.next();
                    let Some(next) = schedule.period(number)? else { return Ok(None) };
                    (period, is_moved) = (next, true);
                }
                Ok(is_moved.then_some(Moved { number, period, schedule }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_month_from_the_31st_is_paid_late() {
        let schedule = Schedule::new(date(2026, 1, 31), "1m".parse().unwrap());
        let number = PeriodNumber(1);
        let period = schedule.period(number).unwrap().unwrap();
        let moved = |policy: LatePayment, paid_on| {
            let moved = policy.moved(schedule, number, period, paid_on).unwrap();
            moved.map(|moved| {
                let next = moved.schedule.period(moved.number.next()).unwrap().unwrap();
                (moved.number.0, moved.period.starts, moved.period.ends, next.ends)
            })
        };
        let (in_time, ten_days, fifty_days) = (date(2026, 2, 28), date(2026, 3, 10), date(2026, 4, 19));
        for policy in [LatePayment::Keep, LatePayment::Restart, LatePayment::Skip] {
            assert_eq!(moved(policy, in_time), None);
        }
        assert_eq!(moved(LatePayment::Keep, fifty_days), None);
        let anew = (1, ten_days, date(2026, 4, 10), date(2026, 5, 10));
        assert_eq!(moved(LatePayment::Restart, ten_days), Some(anew));
        // Still within its own period; later in the next one, whose days go on to come from the 31st.
        assert_eq!(moved(LatePayment::Skip, ten_days), None);
        assert_eq!(
            moved(LatePayment::Skip, fifty_days),
            Some((2, date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)))
        );
    }
}
