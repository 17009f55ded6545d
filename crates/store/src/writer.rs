//! The one writer of a SQLite file, and its transactions.
//!
//! A visit to the thread that owns a connection costs more than a small statement. So a transaction here begins together
//! with its first query, and a script that ends with `commit` can end it (see `Conn::finish`); a pool, which asks each
//! connection whether it still lives when it comes back, would double the visits of a lone renewal.

use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::timeout;

use crate::conn::ACQUIRE_TIMEOUT;
use crate::dialect::Texts;
use crate::{Result, StoreError};

/// Immediate: a transaction that means to write waits at its start, not half-way.
const BEGIN: &str = "begin immediate";

/// Queries with [`BEGIN`] in front of them.
static FIRST: Texts<&'static str> = Texts::new();

/// The only connection of this process that writes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    seat: Arc<Mutex<Seat>>,
    options: Arc<SqliteConnectOptions>,
    /// Told of each transaction that has ended.
    written: Arc<Notify>,
}

/// Where that connection is.
#[derive(Debug)]
enum Seat {
    Open(SqliteConnection),
    /// It failed; the next one to write opens another.
    Lost,
    Closed,
}

impl Writer {
    pub async fn open(options: SqliteConnectOptions) -> Result<Self> {
        let connection = SqliteConnection::connect_with(&options).await?;
        Ok(Self {
            seat: Arc::new(Mutex::new(Seat::Open(connection))),
            options: Arc::new(options),
            written: Arc::default(),
        })
    }

    /// Tells of each transaction that has ended.
    pub fn written(&self) -> Arc<Notify> {
        self.written.clone()
    }

    /// Waits for its turn. The transaction itself begins with its first statement.
    pub async fn begin(&self) -> Result<Writing> {
        let turn = timeout(ACQUIRE_TIMEOUT, self.seat.clone().lock_owned()).await;
        let mut seat = turn.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?;
        if matches!(*seat, Seat::Lost) {
            let opened = SqliteConnection::connect_with(&self.options).await;
            *seat = Seat::Open(opened.map_err(StoreError::Unavailable)?);
        }
        let mut writing = Writing { seat: Some(seat), is_open: false, written: self.written.clone() };
        writing.connection()?;
        Ok(writing)
    }

    pub async fn close(&self) {
        let left = std::mem::replace(&mut *self.seat.lock().await, Seat::Closed);
        if let Seat::Open(connection) = left {
            // Nobody is left to be told.
            let _ = connection.close().await;
        }
    }
}

/// A turn at the writer, and the transaction that fills it. Dropped before it was committed, it rolls back, and only then
/// is it the next one's turn.
#[derive(Debug)]
pub(crate) struct Writing {
    /// None only while it is dropped.
    seat: Option<OwnedMutexGuard<Seat>>,
    is_open: bool,
    written: Arc<Notify>,
}

impl Writing {
    pub fn connection(&mut self) -> Result<&mut SqliteConnection> {
        match self.seat.as_deref_mut() {
            Some(Seat::Open(connection)) => Ok(connection),
            _ => Err(StoreError::Unavailable(sqlx::Error::PoolClosed)),
        }
    }

    /// Begins, unless it has begun.
    pub async fn open(&mut self) -> Result<()> {
        if !self.is_open {
            self.is_open = true;
            self.connection()?.execute(BEGIN).await?;
        }
        Ok(())
    }

    /// A query as it is to be run now: the first one begins the transaction.
    pub fn first(&mut self, sql: &'static str) -> &'static str {
        if self.is_open {
            return sql;
        }
        self.is_open = true;
        FIRST.get(sql, || format!("{BEGIN};\n{sql}"))
    }

    pub async fn commit(mut self) -> Result<()> {
        if self.is_open {
            self.connection()?.execute("commit").await?;
        }
        self.is_over();
        Ok(())
    }

    /// A statement has ended the transaction.
    pub fn is_over(&mut self) {
        self.is_open = false;
        self.written.notify_one();
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Some(mut seat) = self.seat.take() else { return };
        if !self.is_open {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            // Closing rolls back too.
            *seat = Seat::Lost;
            return;
        };
        runtime.spawn(async move {
            let Seat::Open(connection) = &mut *seat else { return };
            // It fails when a commit was not waited for; whatever the reason, a new connection is in no doubt.
            if connection.execute("rollback").await.is_err() {
                *seat = Seat::Lost;
            }
        });
    }
}
