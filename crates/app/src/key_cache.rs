//! Keys that were looked up a moment ago, so that a busy key does not cost a database trip per request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use perennial_store::keys::FoundKey;
use tokio::time::Instant;

/// How long a key is believed without asking the database: a revoked key stops working within this time, on every node.
pub const KEY_CACHE_TIME: Duration = Duration::from_secs(1);
/// Keys that are remembered at most; then all are forgotten.
const MAX_CACHED_KEYS: usize = 10_000;

/// Known keys by hash. Unknown ones are not remembered, so that guessing cannot fill it.
#[derive(Debug, Default)]
pub(crate) struct KeyCache(Mutex<HashMap<String, (Instant, FoundKey)>>);

impl KeyCache {
    /// The key with this hash, if it was looked up less than [`KEY_CACHE_TIME`] ago.
    pub fn get(&self, hash: &str) -> Option<FoundKey> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(hash).filter(|(since, _)| since.elapsed() < KEY_CACHE_TIME).map(|(_, key)| key.clone())
    }

    /// Remembers a key that was just looked up.
    pub fn insert(&self, hash: String, key: FoundKey) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_CACHED_KEYS {
            keys.clear();
        }
        keys.insert(hash, (Instant::now(), key));
    }

    /// Forgets everything: a key was revoked here.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
