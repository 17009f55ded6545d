//! How often a key may call: a fixed window per key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use perennial_billing::{ApiKeyId, SellerId};

use crate::v1::envelope::iso;

/// The length of a window.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Requests a key may make in one [`WINDOW`]; `None` counts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit(pub Option<u32>);

/// What each key has used of its window. One entry per key that has called, so no more than there are keys.
#[derive(Debug)]
pub struct RateLimits {
    limit: RateLimit,
    windows: Mutex<HashMap<(SellerId, ApiKeyId), Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    ends: Timestamp,
    used: u32,
}

/// Where a key stands; it becomes headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    limit: u32,
    remaining: u32,
    resets: Timestamp,
    /// Whole seconds to wait, when nothing remains.
    pub(crate) wait: Option<u64>,
}

impl RateLimits {
    /// Nobody has called yet.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, windows: Mutex::default() }
    }

    /// Counts one call of a key; none when calls are not limited.
    pub(crate) fn count(&self, seller: SellerId, key: ApiKeyId, now: Timestamp) -> Option<Standing> {
        let limit = self.limit.0?;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Window { ends: now.saturating_add(WINDOW).unwrap_or(now), used: 0 };
        let window = windows.entry((seller, key)).or_insert(fresh);
        if now >= window.ends {
            *window = fresh;
        }
        let is_over = window.used >= limit;
        window.used = window.used.saturating_add(1);
        let left = window.ends.duration_since(now);
        // Rounded up: whoever waits that long finds a new window.
        let seconds = u64::try_from(left.as_secs()).unwrap_or(0) + u64::from(left.subsec_nanos() > 0);
        Some(Standing {
            limit,
            remaining: limit.saturating_sub(window.used),
            resets: window.ends,
            wait: is_over.then_some(seconds.max(1)),
        })
    }
}

/// Where the handler leaves its [`Standing`] for [`headers`].
#[derive(Debug, Clone, Default)]
pub(crate) struct StandingSlot(std::sync::Arc<std::sync::OnceLock<Standing>>);

impl StandingSlot {
    pub(crate) fn set(&self, standing: Standing) {
        // A request is counted once.
        let _ = self.0.set(standing);
    }
}

/// Puts the limit on every answer to a known key, success or not.
pub(crate) async fn headers(mut request: Request, next: Next) -> Response {
    let slot = StandingSlot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(standing) = slot.0.get() {
        for (name, value) in [
            (HeaderName::from_static("x-ratelimit-limit"), standing.limit.to_string()),
            (HeaderName::from_static("x-ratelimit-remaining"), standing.remaining.to_string()),
            (HeaderName::from_static("x-ratelimit-reset"), iso(standing.resets)),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_limit_in_each_window_and_no_other_key_pays_for_it() {
        let limits = RateLimits::new(RateLimit(Some(2)));
        let (seller, anna, bo) = (SellerId(1), ApiKeyId(1), ApiKeyId(2));
        let start: Timestamp = "2026-11-23T08:00:00.5Z".parse().unwrap();
        let wait = |key, seconds| {
            let now = start + SignedDuration::from_secs(seconds);
            limits.count(seller, key, now).unwrap().wait
        };
        assert_eq!([wait(anna, 0), wait(anna, 1), wait(anna, 2)], [None, None, Some(58)]);
        assert_eq!(wait(bo, 2), None);
        assert_eq!(wait(anna, 59), Some(1));
        assert_eq!(wait(anna, 60), None);
        assert!(RateLimits::new(RateLimit(None)).count(seller, anna, start).is_none());
    }
}
