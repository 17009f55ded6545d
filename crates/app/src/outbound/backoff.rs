//! When something is tried again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{Random, Result};

/// Minutes until a mail is tried again after the first, second, … time it was put off; then the last of them. They are made
/// longer or shorter by up to a fifth, so that what was put off together does not come back together.
pub const RETRY_AFTER_MINUTES: [i64; 7] = [1, 5, 15, 30, 60, 120, 240];
/// Tries after which a mail is given up: some five days, as mail servers do (RFC 5321, section 4.5.4.1).
pub const MAX_MAIL_ATTEMPTS: i64 = 36;
/// How long a mail server is left alone that could not be reached, the first time; then twice as long each time.
pub const RELAY_REST: Duration = Duration::from_secs(5);
/// The longest of these times.
pub const MAX_RELAY_REST: Duration = Duration::from_secs(300);

/// When a mail is tried again that was put off so many times; nothing if it was tried often enough.
pub(super) fn next_attempt(attempts: i64, now: Timestamp, random: &Random) -> Result<Option<Timestamp>> {
    if attempts >= MAX_MAIL_ATTEMPTS {
        return Ok(None);
    }
    let nth = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let minutes = RETRY_AFTER_MINUTES[nth.min(RETRY_AFTER_MINUTES.len() - 1)];
    let seconds = u64::try_from(minutes * 60).unwrap_or(0);
    let jittered = seconds - seconds / 5 + random.below(seconds * 2 / 5 + 1)?;
    let wait = SignedDuration::from_secs(i64::try_from(jittered).unwrap_or(0));
    Ok(Some(now.saturating_add(wait).unwrap_or(now)))
}

/// A mail server that could not be reached is left alone for a while, by all connections.
#[derive(Debug)]
pub(super) struct Rest {
    random: Random,
    first: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
    reason: Option<String>,
}

impl Rest {
    pub fn new(random: Random, first: Duration) -> Self {
        Self { random, first, state: Mutex::default() }
    }

    /// Until when it is left alone, if it is.
    pub fn until(&self) -> Option<Instant> {
        let state = self.state();
        state.until.filter(|until| *until > Instant::now())
    }

    /// Why it was left alone last, unless it could be reached since.
    pub fn reason(&self) -> Option<String> {
        self.state().reason.clone()
    }

    /// It could be reached.
    pub fn over(&self) {
        *self.state() = State::default();
    }

    /// It could not be reached. Tells for how long it is left alone; nothing if it was already.
    pub fn begin(&self, reason: &str) -> Option<Duration> {
        let mut state = self.state();
        if state.until.is_some_and(|until| until > Instant::now()) {
            return None;
        }
        let longest = MAX_RELAY_REST.max(self.first);
        let rest = self.first.saturating_mul(1 << state.failures.min(10)).min(longest);
        let jitter = u64::try_from(rest.as_millis() / 5).unwrap_or(0);
        // Without randomness it is not spread, and that is all.
        let rest = rest + Duration::from_millis(self.random.below(jitter + 1).unwrap_or(0));
        state.failures = state.failures.saturating_add(1);
        state.until = Some(Instant::now() + rest);
        state.reason = Some(reason.to_owned());
        Some(rest)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets so many a minute pass, evenly.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Nought is no limit.
    pub fn new(per_minute: u32) -> Self {
        let interval = Duration::from_secs(60).checked_div(per_minute).unwrap_or_default();
        Self { interval, next: Mutex::default() }
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        if self.interval.is_zero() {
            return;
        }
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = next.unwrap_or_else(Instant::now).max(Instant::now());
            *next = Some(turn + self.interval);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_some_five_days_and_less_and_less_often() {
        let random = Random::seeded(7);
        let start: Timestamp = "2026-11-27T08:00:00Z".parse().unwrap();
        let mut now = start;
        let mut waits = Vec::new();
        for attempts in 1.. {
            let Some(next) = next_attempt(attempts, now, &random).unwrap() else { break };
            waits.push(next.duration_since(now).as_secs());
            now = next;
        }
        assert_eq!(waits.len(), 35);
        for (wait, minutes) in waits.iter().zip(RETRY_AFTER_MINUTES) {
            assert!((minutes * 48..=minutes * 72).contains(wait), "{wait} s for {minutes} min");
        }
        let days = now.duration_since(start).as_hours() / 24;
        assert!((4..=5).contains(&days), "{days} days");
        // They are spread.
        assert_ne!(waits[10], waits[11]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_cannot_be_reached_is_left_alone_longer_and_longer() {
        let rest = Rest::new(Random::seeded(1), RELAY_REST);
        let mut rests = Vec::new();
        for _ in 0..8 {
            rests.push(rest.begin("refused").unwrap().as_secs());
            assert_eq!(rest.begin("refused by another connection"), None);
            tokio::time::sleep_until(rest.until().unwrap()).await;
            assert_eq!(rest.until(), None);
        }
        assert_eq!(rest.reason().as_deref(), Some("refused"));
        assert!(rests[..6].is_sorted() && rests[0] >= 5, "{rests:?}");
        assert!(rests[6..].iter().all(|rest| (300..=360).contains(rest)), "{rests:?}");
        rest.over();
        assert_eq!(rest.reason(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_a_minute_pass_and_what_was_not_used_is_not_made_up_for() {
        let pace = Pace::new(60);
        let begun = Instant::now();
        for _ in 0..4 {
            pace.turn().await;
        }
        assert_eq!(begun.elapsed().as_secs(), 3);
        tokio::time::sleep(Duration::from_secs(100)).await;
        let begun = Instant::now();
        pace.turn().await;
        pace.turn().await;
        assert_eq!(begun.elapsed().as_secs(), 1);
    }
}
