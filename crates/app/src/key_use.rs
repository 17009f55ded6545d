//! When keys were last used: collected in memory, written down once a minute, never on a request's own path.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use perennial_billing::{ApiKeyId, SellerId};
use perennial_store::keys;
use tokio::task::JoinHandle;

use crate::{App, Result, Stop};

/// How often it is written down when keys were last used.
pub const KEY_USE_INTERVAL: Duration = Duration::from_secs(60);
/// Keys whose use is remembered until then at most; the use of others is not.
const MAX_KEY_USES: usize = 10_000;

/// The last use of each key that has not been written down yet.
#[derive(Debug, Default)]
pub(crate) struct KeyUses(Mutex<HashMap<(SellerId, ApiKeyId), Timestamp>>);

impl KeyUses {
    /// A key was used.
    pub fn note(&self, seller: SellerId, key: ApiKeyId, at: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = uses.len() < MAX_KEY_USES;
        match uses.get_mut(&(seller, key)) {
            Some(last) => *last = at.max(*last),
            None if has_room => drop(uses.insert((seller, key), at)),
            None => {}
        }
    }

    /// Takes all of them out, in the order of the keys, so that two who write lock rows in the same order.
    fn take(&self) -> Vec<(SellerId, ApiKeyId, Timestamp)> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut uses: Vec<_> = uses.into_iter().map(|((seller, key), at)| (seller, key, at)).collect();
        uses.sort_unstable();
        uses
    }
}

/// Writes down once a minute when keys were last used, until it is told to stop. What is used after that is for
/// [`App::write_key_uses`].
pub fn start_key_uses(app: &App, mut stop: Stop) -> JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        loop {
            let told = stop.wait_for(|stop| *stop);
            if tokio::time::timeout(KEY_USE_INTERVAL, told).await.is_ok() {
                return;
            }
            if let Err(error) = app.write_key_uses().await {
                tracing::warn!(%error, "it could not be written down when keys were last used: {error}");
            }
        }
    })
}

impl App {
    /// Writes down when keys were last used. What cannot be written now is written the next time.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn write_key_uses(&self) -> Result<()> {
        let uses = self.key_uses.take();
        if uses.is_empty() {
            return Ok(());
        }
        let written = async {
            let mut tx = self.store.begin().await?;
            keys::used(&mut tx, &uses).await?;
            Ok(tx.commit().await?)
        };
        let outcome = written.await;
        if outcome.is_err() {
            for (seller, key, at) in uses {
                self.key_uses.note(seller, key, at);
            }
        }
        outcome
    }
}
