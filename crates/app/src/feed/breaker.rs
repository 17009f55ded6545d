//! Leaving a feed alone that does not answer, so that nobody waits for what will not come.

use std::time::Duration;

use tokio::time::Instant;

/// Questions in a row without any answer after which a feed is left alone.
pub const FEED_FAILURES_TO_REST: u32 = 5;
/// How long it is left alone; then one question is a trial.
pub const FEED_REST: Duration = Duration::from_secs(30);

/// What is known about a feed's health.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Whether the feed may be asked now; if not, for how long it is left alone.
    pub fn enter(&mut self, now: Instant) -> Result<(), Duration> {
        match self.rests_until {
            Some(until) if now < until => Err(until - now),
            // This one tries. Until it is known what comes of it, the others are kept away.
            Some(_) => {
                self.rests_until = Some(now + FEED_REST);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether it is left alone.
    pub fn is_resting(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// It answered, whatever it said.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// It did not answer.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FEED_FAILURES_TO_REST {
            self.rests_until = Some(now + FEED_REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_rests_after_failures_in_a_row_and_is_then_tried_once() {
        let start = Instant::now();
        let after = |rests: u32| start + FEED_REST * rests;
        let mut feed = Breaker::default();
        for _ in 1..FEED_FAILURES_TO_REST {
            feed.failed(start);
        }
        feed.answered();
        for _ in 1..FEED_FAILURES_TO_REST {
            feed.failed(start);
        }
        assert_eq!(feed.enter(start), Ok(()), "an answer between them counts");
        feed.failed(start);
        assert_eq!(feed.enter(start), Err(FEED_REST));
        assert_eq!(feed.enter(after(1)), Ok(()), "the trial");
        assert_eq!(feed.enter(after(1)), Err(FEED_REST), "only one");
        feed.failed(after(1));
        assert_eq!(feed.enter(after(1)), Err(FEED_REST), "it has failed again");
        assert_eq!(feed.enter(after(2)), Ok(()));
        assert_eq!(feed.enter(after(3)), Ok(()), "nothing came of the trial: another one");
        feed.answered();
        assert_eq!(feed.enter(after(3)), Ok(()));
        assert_eq!(feed.enter(after(3)), Ok(()), "all may ask again");
    }
}
