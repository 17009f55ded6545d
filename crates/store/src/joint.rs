//! One transaction for all that one request writes: verbs begin and commit as ever, and what they wrote lasts when the whole is
//! settled.
//!
//! Each verb is a savepoint. One that is dropped without a commit is undone when the next one begins, or at the end.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::conn::{ACQUIRE_TIMEOUT, Conn, Inner};
use crate::dialect::Dialect;
use crate::{Result, Store, StoreError, Tx};

/// The transaction that is shared; none before the first verb begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Joint(Arc<Mutex<Option<Shared>>>);

#[derive(Debug)]
struct Shared {
    tx: Tx,
    /// Whether the last verb ended without a commit.
    is_spoiled: bool,
}

impl Shared {
    async fn undo_what_failed(&mut self) -> Result<()> {
        if self.is_spoiled {
            self.tx.execute("rollback to savepoint verb", Vec::new()).await?;
            self.is_spoiled = false;
        }
        Ok(())
    }
}

impl Joint {
    /// A verb's part of it.
    pub async fn enter(&self, store: &Store) -> Result<Joined> {
        let turn = timeout(ACQUIRE_TIMEOUT, self.0.clone().lock_owned()).await;
        let mut seat = turn.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?;
        let shared = match seat.as_mut() {
            Some(shared) => shared,
            None => seat.insert(Shared { tx: store.begin_alone().await?, is_spoiled: false }),
        };
        shared.undo_what_failed().await?;
        shared.tx.execute("savepoint verb", Vec::new()).await?;
        Ok(Joined { seat, is_verb: true })
    }

    /// For a reader between verbs, who sees what they wrote; none while nothing is written, or while a verb is at work.
    pub fn look(&self) -> Option<Joined> {
        let seat = self.0.clone().try_lock_owned().ok()?;
        let is_usable = seat.as_ref().is_some_and(|shared| !shared.is_spoiled);
        is_usable.then_some(Joined { seat, is_verb: false })
    }

    /// Commits the whole of it.
    pub async fn settle(&self) -> Result<()> {
        let Some(mut shared) = self.0.lock().await.take() else { return Ok(()) };
        shared.undo_what_failed().await?;
        shared.tx.commit().await
    }
}

/// The right to use the shared transaction.
#[derive(Debug)]
pub(crate) struct Joined {
    seat: OwnedMutexGuard<Option<Shared>>,
    /// Whether it writes, and is not committed.
    is_verb: bool,
}

impl Joined {
    pub fn inner(&mut self) -> Result<&mut Inner> {
        self.conn()?.inner()
    }

    fn conn(&mut self) -> Result<&mut Conn> {
        let shared = self.seat.as_mut().ok_or(StoreError::Unavailable(sqlx::Error::PoolClosed))?;
        Ok(&mut shared.tx)
    }

    pub fn dialect(&self) -> Dialect {
        self.seat.as_ref().map_or(Dialect::Sqlite, |shared| shared.tx.dialect())
    }

    /// Ends a verb: what it wrote is part of the whole.
    pub async fn commit(mut self) -> Result<()> {
        self.conn()?.execute("release savepoint verb", Vec::new()).await?;
        self.is_verb = false;
        Ok(())
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(shared) = self.seat.as_mut().filter(|_| self.is_verb) {
            shared.is_spoiled = true;
        }
    }
}
