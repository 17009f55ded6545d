//! The one writer of a SQLite file, and its transactions.
//!
//! Its statements run on the thread that asks for them. A connection that lives on a thread of its own, as those that read
//! do, makes two threads wake each other for each statement, and that takes longer than a small statement.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OpenFlags};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::timeout;

use crate::checkpoint::OVERLONG_LOG_PAGES;
use crate::conn::{ACQUIRE_TIMEOUT, BUSY_TIMEOUT, STATEMENT_CACHE};
use crate::{Result, StoreError};

mod error;
mod row;

use error::WriterError;
use row::Places;

pub(crate) use row::WriterRow;

/// Memory that it keeps pages in, in KiB. More makes it slower: SQLite looks through all of them after most commits (a page is
/// renamed to a number beyond the end of the file when a tree is balanced, and what lies beyond the end is dropped), and a page
/// that it no longer has it finds in the memory of the system.
const WRITER_CACHE_KIB: i64 = 4 * 1024;

/// The only connection of this process that writes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    seat: Arc<Mutex<Seat>>,
    path: Arc<PathBuf>,
    /// Told of each transaction that was committed.
    written: Arc<Notify>,
}

/// Where that connection is.
#[derive(Debug)]
enum Seat {
    Open(File),
    /// It failed; the next one to write opens another.
    Lost,
    Closed,
}

/// A turn at the writer, which keeps out all others.
#[derive(Debug)]
pub(crate) struct Turn(OwnedMutexGuard<Seat>);

impl Writer {
    pub fn open(path: PathBuf) -> Result<Self> {
        let file = in_place(|| File::open(&path))?;
        Ok(Self { seat: Arc::new(Mutex::new(Seat::Open(file))), path: Arc::new(path), written: Arc::default() })
    }

    /// Tells of each transaction that was committed.
    pub fn written(&self) -> Arc<Notify> {
        self.written.clone()
    }

    /// Waits for its turn.
    pub async fn turn(&self) -> Result<Turn> {
        let turn = timeout(ACQUIRE_TIMEOUT, self.seat.clone().lock_owned()).await;
        let mut seat = turn.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?;
        if matches!(*seat, Seat::Lost) {
            let opened = in_place(|| File::open(&self.path));
            *seat = Seat::Open(opened.map_err(|error| StoreError::Unavailable(WriterError::from(error).into()))?);
        }
        let mut turn = Turn(seat);
        turn.file().map(drop)?;
        Ok(turn)
    }

    /// Waits for its turn and begins a transaction.
    pub async fn begin(&self) -> Result<Writing> {
        let mut writing = Writing { turn: self.turn().await?, is_open: true, written: self.written.clone() };
        // Immediate: a transaction that means to write waits at its start, not half-way.
        writing.run("begin immediate", &[])?;
        Ok(writing)
    }

    pub async fn close(&self) {
        let mut seat = self.seat.lock().await;
        // The last one to close a file copies its log.
        in_place(|| *seat = Seat::Closed);
    }
}

impl Turn {
    /// Runs a statement and tells how many rows it changed.
    fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<u64> {
        let file = self.file()?;
        in_place(|| file.run(sql, values))
    }

    fn file(&mut self) -> Result<&mut File> {
        match &mut *self.0 {
            Seat::Open(file) => Ok(file),
            _ => Err(StoreError::Unavailable(sqlx::Error::PoolClosed)),
        }
    }
}

/// A transaction. Dropped before it was committed, it rolls back, and only then is it the next one's turn.
#[derive(Debug)]
pub(crate) struct Writing {
    turn: Turn,
    is_open: bool,
    written: Arc<Notify>,
}

impl Writing {
    /// The rows a statement answers with.
    pub fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<WriterRow>> {
        let file = self.turn.file()?;
        in_place(|| file.rows(sql, values))
    }

    /// Runs a statement and tells how many rows it changed.
    pub fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<u64> {
        self.turn.run(sql, values)
    }

    pub fn commit(mut self) -> Result<()> {
        self.turn.run("commit", &[])?;
        self.is_open = false;
        self.written.notify_one();
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // It fails when none has begun, or when the database has ended it by itself, as when the disk is full; whatever the reason,
        // a new connection is in no doubt.
        if self.is_open && self.turn.file().and_then(|file| file.run("rollback", &[])).is_err() {
            *self.turn.0 = Seat::Lost;
        }
    }
}

/// The connection.
#[derive(Debug)]
struct File {
    connection: Connection,
    /// Where the columns of each statement stand.
    places: HashMap<&'static str, Arc<Places>>,
}

impl File {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "recursive_triggers", true)?;
        // What a statement would have to undo is kept in memory too, not in a file per statement.
        connection.pragma_update(None, "temp_store", "memory")?;
        // SQLite takes a positive number for pages, a negative one for KiB.
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", OVERLONG_LOG_PAGES)?;
        Ok(Self { connection, places: HashMap::new() })
    }

    fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<WriterRow>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let places = self.places.entry(sql).or_insert_with(|| Arc::new(Places::of(&statement)));
        bind(&mut statement, values)?;
        let mut answers = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = answers.next()? {
            rows.push(WriterRow::read(row, places)?);
        }
        Ok(rows)
    }

    fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let changed = statement.raw_execute()?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }
}

/// Sets the parameters of a statement: `$3` is the third of these values, wherever it stands.
fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> Result<()> {
    for place in 1..=statement.parameter_count() {
        let value = number(statement, place).and_then(|number| values.get(number.wrapping_sub(1)));
        statement.raw_bind_parameter(place, value.ok_or_else(|| unknown(place))?)?;
    }
    Ok(())
}

/// The number in the name of the parameter at this place.
fn number(statement: &CachedStatement<'_>, place: usize) -> Option<usize> {
    statement.parameter_name(place)?.strip_prefix('$')?.parse().ok()
}

fn unknown(place: usize) -> StoreError {
    StoreError::Statement(sqlx::Error::ColumnNotFound(format!("parameter {place}")))
}

/// Does what blocks its thread, and lets the other tasks of that thread go on elsewhere meanwhile.
fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // There are no others, or they have no other thread.
        _ => work(),
    }
}
