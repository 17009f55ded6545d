//! What time it is: the only way for the wall clock to enter.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A source of the current time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is set, for tests and rehearsals.
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `now` until it is set.
    #[must_use]
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(now)))
    }

    /// The current instant, in whole microseconds, which is what both databases keep.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            #[expect(clippy::disallowed_methods, reason = "this is where the wall clock enters")]
            Self::System => Timestamp::now(),
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// The current date in a seller's time zone.
    #[must_use]
    pub fn today(&self, zone: &TimeZone) -> Date {
        zone.to_datetime(self.now()).date()
    }

    /// Sets a manual clock; the machine's clock is not ours to set.
    pub fn set(&self, now: Timestamp) {
        if let Self::Manual(clock) = self {
            *clock.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }
}
