//! The hours in which nobody is written to who did not ask for it.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

/// From one time of day to another, over midnight if the second is the earlier one. Written `22:00-07:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    until: Time,
}

/// The text tells no quiet hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no quiet time: write it as 22:00-07:00, the end unlike the beginning")]
pub struct QuietHoursError(String);

impl QuietHours {
    /// The first moment from this one on that is not quiet. Where clocks are turned over the end, it is as soon as they
    /// show it, or would have.
    #[must_use]
    pub fn after(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let here = zone.to_datetime(now);
        match self.ends_on(here) {
            None => now,
            Some(day) => {
                let end = zone.to_ambiguous_zoned(day.to_datetime(self.until)).compatible();
                end.map_or(now, |end| end.timestamp().max(now))
            }
        }
    }

    /// The day on which the quiet ends that this moment lies in, if it lies in it.
    fn ends_on(self, here: DateTime) -> Option<Date> {
        let (today, time) = (here.date(), here.time());
        if self.from < self.until {
            return (self.from <= time && time < self.until).then_some(today);
        }
        if time >= self.from {
            return today.checked_add(1.day()).ok();
        }
        (time < self.until).then_some(today)
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from, self.until);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.hour(), from.minute(), until.hour(), until.minute())
    }
}

impl FromStr for QuietHours {
    type Err = QuietHoursError;

    fn from_str(text: &str) -> Result<Self, QuietHoursError> {
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let digits = |text: &str| {
                let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
                text.parse().ok().filter(|_| is_number)
            };
            Time::new(digits(hour)?, digits(minute)?, 0, 0).ok()
        };
        let read = || {
            let (from, until) = text.split_once('-')?;
            let (from, until) = (time(from)?, time(until)?);
            (from != until).then_some(Self { from, until })
        };
        read().ok_or_else(|| QuietHoursError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(hours: &str, now: &str) -> String {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let hours: QuietHours = hours.parse().unwrap();
        let now = zone.to_timestamp(now.parse::<DateTime>().unwrap()).unwrap();
        zone.to_datetime(hours.after(now, &zone)).to_string()
    }

    #[test]
    fn the_night_ends_in_the_morning() {
        for (hours, now, then) in [
            ("22:00-07:00", "2026-11-27T21:59:59", "2026-11-27T21:59:59"),
            ("22:00-07:00", "2026-11-27T22:00:00", "2026-11-28T07:00:00"),
            ("22:00-07:00", "2026-11-28T03:00:00", "2026-11-28T07:00:00"),
            ("22:00-07:00", "2026-11-28T07:00:00", "2026-11-28T07:00:00"),
            ("0:00-6:30", "2026-11-28T03:00:00", "2026-11-28T06:30:00"),
            ("0:00-6:30", "2026-11-28T23:00:00", "2026-11-28T23:00:00"),
            // The night in which the clocks are put forward has no half past two.
            ("22:00-02:30", "2026-03-29T01:00:00", "2026-03-29T03:30:00"),
            // The one in which they are put back has two of them: the first counts.
            ("22:00-02:30", "2026-10-25T01:00:00", "2026-10-25T02:30:00"),
        ] {
            assert_eq!(after(hours, now), then, "{hours} at {now}");
        }
    }

    #[test]
    fn what_is_no_quiet_time_is_refused() {
        assert_eq!("22:00-7:00".parse::<QuietHours>().unwrap().to_string(), "22:00-07:00");
        for text in ["", "22:00", "22-07", "22:00-22:00", "24:00-07:00", "22:60-07:00", "+2:00-07:00", "a-b"] {
            assert!(text.parse::<QuietHours>().is_err(), "{text:?}");
        }
    }
}
