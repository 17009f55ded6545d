//! What is counted about a feed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the classes in which times are counted, in milliseconds.
pub const FEED_TIME_CLASSES_MS: [u64; 9] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];

/// How a question to a feed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedOutcome {
    /// With a price.
    Answered,
    /// With an answer that is no price.
    Refused,
    /// Without an answer.
    Failed,
    /// It was not asked, because it is left alone.
    Resting,
    /// It was not asked, because too many others were.
    Busy,
}

impl FeedOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Refused, Self::Failed, Self::Resting, Self::Busy];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Resting => "resting",
            Self::Busy => "busy",
        }
    }
}

/// Counters of one feed, since the program started.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    outcomes: [AtomicU64; FeedOutcome::ALL.len()],
    remembered: AtomicU64,
    stale: AtomicU64,
    /// By class, and one for what is slower than the last.
    times: [AtomicU64; FEED_TIME_CLASSES_MS.len() + 1],
    micros: AtomicU64,
}

/// What was counted about a feed, since the program started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedReport {
    /// Its name.
    pub name: String,
    /// Prices that were asked for, by how that ended, in the order of [`FeedOutcome::ALL`].
    pub outcomes: [u64; FeedOutcome::ALL.len()],
    /// Prices that an answer which was still good gave.
    pub remembered: u64,
    /// Prices that an old answer gave, because the feed did not.
    pub stale: u64,
    /// Questions that were sent, by how long they took: in each class of [`FEED_TIME_CLASSES_MS`], and slower.
    pub times: [u64; FEED_TIME_CLASSES_MS.len() + 1],
    /// How long all of them took together.
    pub total: Duration,
    /// Whether it is left alone at the moment.
    pub is_resting: bool,
}

impl Metrics {
    pub fn count(&self, outcome: FeedOutcome, prices: usize) {
        if let Some(place) = FeedOutcome::ALL.iter().position(|known| *known == outcome) {
            self.outcomes[place].fetch_add(prices as u64, Ordering::Relaxed);
        }
    }

    pub fn remembered(&self) {
        self.remembered.fetch_add(1, Ordering::Relaxed);
    }

    pub fn stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    pub fn took(&self, time: Duration) {
        let is_within = |class: &u64| time <= Duration::from_millis(*class);
        let place = FEED_TIME_CLASSES_MS.iter().position(is_within).unwrap_or(FEED_TIME_CLASSES_MS.len());
        self.times[place].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub fn report(&self, name: &str, is_resting: bool) -> FeedReport {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FeedReport {
            name: name.to_owned(),
            outcomes: std::array::from_fn(|place| read(&self.outcomes[place])),
            remembered: read(&self.remembered),
            stale: read(&self.stale),
            times: std::array::from_fn(|place| read(&self.times[place])),
            total: Duration::from_micros(read(&self.micros)),
            is_resting,
        }
    }
}
