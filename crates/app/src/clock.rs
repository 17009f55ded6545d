//! What time it is: the only way for the wall clock to enter.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// A source of the current time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// The machine's clock and so many microseconds, in a sandbox.
    Ahead(Arc<AtomicI64>),
    /// A clock that stands still until it is set, for tests.
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `now` until it is set.
    #[must_use]
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(now)))
    }

    /// A clock that runs ahead of the machine's.
    #[must_use]
    pub fn ahead(microseconds: i64) -> Self {
        Self::Ahead(Arc::new(AtomicI64::new(microseconds)))
    }

    /// The current instant, in whole microseconds, which is what both databases keep.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            #[expect(clippy::disallowed_methods, reason = "this is where the wall clock enters")]
            Self::System => Timestamp::now(),
            #[expect(clippy::disallowed_methods, reason = "a sandbox's clock goes on with the machine's")]
            Self::Ahead(microseconds) => {
                let ahead = SignedDuration::from_micros(microseconds.load(Ordering::Relaxed));
                Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
            }
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// The current date in a seller's time zone.
    #[must_use]
    pub fn today(&self, zone: &TimeZone) -> Date {
        zone.to_datetime(self.now()).date()
    }

    /// Sets a manual clock, or how far another runs ahead; the machine's clock is not ours to set.
    pub fn set(&self, now: Timestamp) {
        match self {
            Self::System => {}
            #[expect(clippy::disallowed_methods, reason = "how far it is ahead is the distance to the machine's")]
            Self::Ahead(microseconds) => {
                let ahead = now.duration_since(Timestamp::now()).as_micros();
                microseconds.store(i64::try_from(ahead).unwrap_or(i64::MAX), Ordering::Relaxed);
            }
            Self::Manual(clock) => *clock.lock().unwrap_or_else(PoisonError::into_inner) = now,
        }
    }

    /// How many microseconds it runs ahead of the machine's, if it is a sandbox's.
    #[must_use]
    pub fn microseconds_ahead(&self) -> Option<i64> {
        match self {
            Self::Ahead(microseconds) => Some(microseconds.load(Ordering::Relaxed)),
            Self::System | Self::Manual(_) => None,
        }
    }

    /// Runs so far ahead, if it is a sandbox's.
    pub fn run_ahead(&self, microseconds: i64) {
        if let Self::Ahead(ahead) = self {
            ahead.store(microseconds, Ordering::Relaxed);
        }
    }
}
