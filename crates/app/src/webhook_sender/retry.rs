//! When a delivery is tried again, and how long a webhook is left alone that takes nothing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{Random, Result};

/// Seconds until a delivery is tried again after the first, second, … time; then the last of them. They are made longer or
/// shorter by up to a tenth, so that what failed together does not come back together.
pub const WEBHOOK_RETRY_AFTER: [i64; 9] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800];
/// How long after the first try a delivery is given up.
pub const WEBHOOK_RETRY_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How long a webhook is left alone that took nothing of what it was sent, the first time; then twice as long each time.
pub(super) const FIRST_REST: Duration = Duration::from_secs(5);
/// The longest of these times.
pub const MAX_WEBHOOK_REST: Duration = Duration::from_secs(300);

/// When a delivery is tried again that was tried so often; nothing if its time is over.
pub(super) fn next_attempt(
    attempts: i64,
    first_attempt_at: Timestamp,
    now: Timestamp,
    random: &Random,
) -> Result<Option<Timestamp>> {
    let nth = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let seconds = WEBHOOK_RETRY_AFTER[nth.min(WEBHOOK_RETRY_AFTER.len() - 1)];
    let tenths = u64::try_from(seconds).unwrap_or(0);
    // Milliseconds: a tenth of five seconds is not a whole one.
    let wait = tenths * 900 + random.below(tenths * 200 + 1)?;
    let wait = SignedDuration::from_millis(i64::try_from(wait).unwrap_or(0));
    let next = now.saturating_add(wait).unwrap_or(now);
    Ok(Some(next).filter(|next| next.duration_since(first_attempt_at) <= WEBHOOK_RETRY_FOR))
}

/// How a webhook has fared lately, as far as this node knows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Health {
    failures: u32,
    until: Option<Instant>,
}

impl Health {
    /// Whether it is left alone.
    pub fn rests(self) -> bool {
        self.until.is_some_and(|until| until > Instant::now())
    }

    /// Whether it took nothing of what it was sent last.
    pub fn fails(self) -> bool {
        self.failures > 0
    }

    /// It took nothing of what it was sent.
    pub fn failed(&mut self, first: Duration) {
        let rest = first.saturating_mul(1 << self.failures.min(10)).min(MAX_WEBHOOK_REST.max(first));
        self.failures = self.failures.saturating_add(1);
        self.until = Some(Instant::now() + rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_tried_for_three_days_and_less_and_less_often() {
        let random = Random::seeded(7);
        let start: Timestamp = "2026-11-30T08:00:00Z".parse().unwrap();
        let mut now = start;
        let mut waits = Vec::new();
        for attempts in 1.. {
            let Some(next) = next_attempt(attempts, start, now, &random).unwrap() else { break };
            waits.push(next.duration_since(now).as_millis());
            now = next;
        }
        for (wait, seconds) in waits.iter().zip(WEBHOOK_RETRY_AFTER) {
            let seconds = i128::from(seconds);
            assert!((seconds * 900..=seconds * 1_100).contains(wait), "{wait} ms for {seconds} s");
        }
        let hours = now.duration_since(start).as_hours();
        assert!((62..=72).contains(&hours), "{hours} hours, {} tries", waits.len() + 1);
        assert!((15..=18).contains(&waits.len()), "{}", waits.len());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_left_alone_longer_and_longer() {
        let mut health = Health::default();
        assert!(!health.rests() && !health.fails());
        let mut rests = Vec::new();
        for _ in 0..9 {
            let begun = Instant::now();
            health.failed(FIRST_REST);
            assert!(health.rests() && health.fails());
            while health.rests() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            rests.push(begun.elapsed().as_secs());
        }
        assert_eq!(rests, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    }
}
