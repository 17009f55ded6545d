//! Keys that were looked up a moment ago, so that a busy key does not cost a database trip per request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use perennial_store::keys::FoundKey;
use tokio::time::Instant;

use crate::Scopes;
use crate::address_list::AddressList;

/// How long a key is believed without asking the database: a revoked key stops working within this time, on every node.
pub const KEY_CACHE_TIME: Duration = Duration::from_secs(1);
/// Keys that are remembered at most; then all are forgotten.
const MAX_CACHED_KEYS: usize = 10_000;

/// What a key is known by here: SHA-256.
pub(crate) type KeyHash = [u8; 32];

/// A key as it was found, with what its texts say.
#[derive(Debug)]
pub(crate) struct KnownKey {
    pub found: FoundKey,
    pub scopes: Scopes,
    pub addresses: AddressList,
}

/// Known keys by hash. Unknown ones are not remembered, so that guessing cannot fill it.
#[derive(Debug, Default)]
pub(crate) struct KeyCache(Mutex<HashMap<KeyHash, (Instant, Arc<KnownKey>)>>);

impl KeyCache {
    /// The key with this hash, if it was looked up less than [`KEY_CACHE_TIME`] ago.
    pub fn get(&self, hash: &KeyHash) -> Option<Arc<KnownKey>> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(hash).filter(|(since, _)| since.elapsed() < KEY_CACHE_TIME).map(|(_, key)| Arc::clone(key))
    }

    /// Remembers a key that was just looked up.
    pub fn insert(&self, hash: KeyHash, key: Arc<KnownKey>) {
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
