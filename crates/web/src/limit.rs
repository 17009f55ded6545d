//! How often a key and an address may call, and how often a key may be guessed: fixed windows.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use perennial_app::Network;
use perennial_billing::{ApiKeyId, SellerId};

use crate::v1::envelope::iso;

/// The length of a window.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// The usual limit of guesses.
pub const MAX_GUESSES: u32 = 20;
/// The time within which they are counted.
pub const GUESS_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// How long no key from that address is looked up.
pub const GUESS_REST: SignedDuration = SignedDuration::from_mins(10);
/// Windows of each kind that are remembered at most. When there are more, those that ended are forgotten, and all if most
/// go on.
pub const MAX_WINDOWS: usize = 100_000;

/// Requests that may be made in one [`WINDOW`]; `None` counts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimit(pub Option<u32>);

/// What is limited, and who is believed when it tells whose request it passes on.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Of each key.
    pub per_key: RateLimit,
    /// Of each address, before a key is looked at.
    pub per_address: RateLimit,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Keys that do not work and may come from one address within [`GUESS_WINDOW`]; then no key from there is looked up.
    pub guesses: RateLimit,
}

impl Default for Limits {
    /// Calls are not limited, guesses are.
    fn default() -> Self {
        Self {
            per_key: RateLimit(None),
            per_address: RateLimit(None),
            trusted_proxies: Vec::new(),
            guesses: RateLimit(Some(MAX_GUESSES)),
        }
    }
}

impl From<RateLimit> for Limits {
    fn from(per_key: RateLimit) -> Self {
        Self { per_key, ..Self::default() }
    }
}

/// What has been used of each window.
#[derive(Debug)]
pub struct RateLimits {
    limits: Limits,
    keys: Windows<(SellerId, ApiKeyId)>,
    addresses: Windows<IpAddr>,
    guesses: Windows<IpAddr>,
}

/// The windows of one kind.
#[derive(Debug)]
struct Windows<K>(Mutex<HashMap<K, Window>>);

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug, Clone, Copy)]
struct Window {
    ends: Timestamp,
    used: u32,
}

impl Window {
    /// Whole seconds until it ends, rounded up: whoever waits that long finds a new one.
    fn wait(self, now: Timestamp) -> u64 {
        let left = self.ends.duration_since(now);
        let seconds = u64::try_from(left.as_secs()).unwrap_or(0) + u64::from(left.subsec_nanos() > 0);
        seconds.max(1)
    }
}

impl<K: Copy + Eq + Hash> Windows<K> {
    /// Does something with the window that a key is in; a new one of this length if there is none.
    fn with<T>(&self, key: K, now: Timestamp, length: SignedDuration, act: impl FnOnce(&mut Window) -> T) -> T {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_WINDOWS && !windows.contains_key(&key) {
            windows.retain(|_, window| now < window.ends);
            // Looking through all of them again for each new key would cost more than it saves.
            if windows.len() > MAX_WINDOWS / 2 {
                windows.clear();
            }
        }
        let fresh = Window { ends: now.saturating_add(length).unwrap_or(now), used: 0 };
        let window = windows.entry(key).or_insert(fresh);
        if now >= window.ends {
            *window = fresh;
        }
        act(window)
    }

    /// The window that a key is in, if there is one.
    fn get(&self, key: K, now: Timestamp) -> Option<Window> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.get(&key).copied().filter(|window| now < window.ends)
    }
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
    pub fn new(limits: Limits) -> Self {
        Self { limits, keys: Windows::default(), addresses: Windows::default(), guesses: Windows::default() }
    }

    /// Whether an address is that of a proxy that is believed.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.limits.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// Counts one call of a key; none when calls are not limited.
    pub(crate) fn count(&self, seller: SellerId, key: ApiKeyId, now: Timestamp) -> Option<Standing> {
        let limit = self.limits.per_key.0?;
        Some(self.keys.with((seller, key), now, WINDOW, |window| {
            let is_over = window.used >= limit;
            window.used = window.used.saturating_add(1);
            Standing {
                limit,
                remaining: limit.saturating_sub(window.used),
                resets: window.ends,
                wait: is_over.then(|| window.wait(now)),
            }
        }))
    }

    /// Counts one call from an address; seconds to wait if it was one too many.
    pub(crate) fn count_address(&self, address: IpAddr, now: Timestamp) -> Option<u64> {
        let limit = self.limits.per_address.0?;
        self.addresses.with(counted(address), now, WINDOW, |window| {
            let is_over = window.used >= limit;
            window.used = window.used.saturating_add(1);
            is_over.then(|| window.wait(now))
        })
    }

    /// Seconds for which no key from this address is looked up, because too many did not work.
    pub(crate) fn guessing(&self, address: IpAddr, now: Timestamp) -> Option<u64> {
        let limit = self.limits.guesses.0?;
        let window = self.guesses.get(counted(address), now)?;
        (window.used >= limit).then(|| window.wait(now))
    }

    /// A key from this address did not work.
    pub(crate) fn guessed(&self, address: IpAddr, now: Timestamp) {
        let Some(limit) = self.limits.guesses.0 else { return };
        self.guesses.with(counted(address), now, GUESS_WINDOW, |window| {
            window.used = window.used.saturating_add(1);
            if window.used == limit {
                window.ends = now.saturating_add(GUESS_REST).unwrap_or(now);
            }
        });
    }
}

/// What an address counts as: whoever has one of IPv6 has its whole /64.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

/// Where the handler leaves its [`Standing`].
#[derive(Debug, Clone, Default)]
pub(crate) struct StandingSlot(Arc<OnceLock<Standing>>);

impl StandingSlot {
    /// An empty one that goes with this request.
    pub(crate) fn on(request: &mut Request) -> Self {
        let slot = Self::default();
        request.extensions_mut().insert(slot.clone());
        slot
    }

    pub(crate) fn set(&self, standing: Standing) {
        // A request is counted once.
        let _ = self.0.set(standing);
    }

    /// Puts the limit on every answer to a known key, success or not.
    pub(crate) fn put(&self, mut response: Response) -> Response {
        let Some(standing) = self.0.get() else { return response };
        for (name, value) in [
            (HeaderName::from_static("x-ratelimit-limit"), standing.limit.to_string()),
            (HeaderName::from_static("x-ratelimit-remaining"), standing.remaining.to_string()),
            (HeaderName::from_static("x-ratelimit-reset"), iso(standing.resets)),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-11-23T08:00:00.5Z".parse().unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        start() + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn a_key_has_its_limit_in_each_window_and_no_other_key_pays_for_it() {
        let limits = RateLimits::new(RateLimit(Some(2)).into());
        let (seller, anna, bo) = (SellerId(1), ApiKeyId(1), ApiKeyId(2));
        let wait = |key, seconds| limits.count(seller, key, after(seconds)).unwrap().wait;
        assert_eq!([wait(anna, 0), wait(anna, 1), wait(anna, 2)], [None, None, Some(58)]);
        assert_eq!(wait(bo, 2), None);
        assert_eq!(wait(anna, 59), Some(1));
        assert_eq!(wait(anna, 60), None);
        assert!(RateLimits::new(RateLimit(None).into()).count(seller, anna, start()).is_none());
    }

    #[test]
    fn an_address_has_its_limit_and_a_64_is_one() {
        let limits = RateLimits::new(Limits { per_address: RateLimit(Some(1)), ..Limits::default() });
        let wait = |address: &str, seconds| limits.count_address(address.parse().unwrap(), after(seconds));
        assert_eq!([wait("192.0.2.7", 0), wait("192.0.2.7", 1), wait("192.0.2.8", 1)], [None, Some(59), None]);
        assert_eq!(wait("::ffff:192.0.2.7", 2), Some(58), "the same one");
        assert_eq!([wait("2001:db8::1", 0), wait("2001:db8::2:0:0:1", 0)], [None, Some(60)]);
        assert_eq!(wait("2001:db8:0:1::1", 0), None);
        assert_eq!(wait("192.0.2.7", 60), None);
        let unlimited = RateLimits::new(Limits::default());
        assert_eq!(unlimited.count_address("192.0.2.7".parse().unwrap(), start()), None);
    }

    #[test]
    fn who_guesses_has_to_wait_from_the_last_guess() {
        let limits = RateLimits::new(Limits::default());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.7".parse().unwrap(), "192.0.2.8".parse().unwrap());
        for guess in 0..19 {
            limits.guessed(one, after(guess));
            assert_eq!(limits.guessing(one, after(guess)), None);
        }
        limits.guessed(one, after(30));
        assert_eq!(limits.guessing(one, after(30)), Some(600));
        assert_eq!(limits.guessing(other, after(30)), None);
        assert_eq!(limits.guessing(one, after(629)), Some(1));
        assert_eq!(limits.guessing(one, after(630)), None);
        limits.guessed(one, after(630));
        assert_eq!(limits.guessing(one, after(630)), None, "a new window");
    }

    #[test]
    fn the_tables_are_bounded() {
        let limits = RateLimits::new(Limits { per_address: RateLimit(Some(1)), ..Limits::default() });
        let address = |n: usize| IpAddr::V4(u32::try_from(n).unwrap().into());
        for n in 0..MAX_WINDOWS {
            limits.count_address(address(n), start());
        }
        let known = || limits.addresses.0.lock().unwrap().len();
        assert_eq!(known(), MAX_WINDOWS);
        assert_eq!(limits.count_address(address(0), start()), Some(60), "who is known needs no room");
        limits.count_address(address(MAX_WINDOWS), start());
        assert_eq!(known(), 1, "none had ended");
    }
}
