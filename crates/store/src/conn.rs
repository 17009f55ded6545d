//! Connections: who may read, who may write, and how a statement is run.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row as _, Transaction};
use tokio::sync::OnceCell;

use crate::checkpoint::Checkpoints;
use crate::dialect::Dialect;
use crate::joint::{Joined, Joint};
use crate::parameters::Parameters;
use crate::renewals::Way;
use crate::rows::Rows;
use crate::value::{Row, Value};
use crate::writer::{Writer, Writing};
use crate::{Result, StoreError};

/// Connections that read a SQLite file at the same time.
pub const READER_CONNECTIONS: u32 = 4;
/// Connections to PostgreSQL at most: more only make each other slower.
const POSTGRES_CONNECTIONS: u32 = 10;
/// How long a call waits for a connection before the database counts as away.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement on PostgreSQL waits for somebody else's lock before it gives up and is tried again.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction on PostgreSQL may say nothing before the server ends it, so that a node that hangs frees its locks.
const IDLE_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection to PostgreSQL may have been idle to be used without asking whether it still lives.
const TRUSTED_IDLE_TIME: Duration = Duration::from_millis(50);
/// How long SQLite waits for another process that holds the file.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a SQLite file a connection sees as memory, without copying, that looks at whole tables: 2 GiB, SQLite's most.
const LOOK_MAPPED: &str = "pragma mmap_size = 2147418112";
/// Rows that a reader of a SQLite file may be ahead of who asked for them.
const ROWS_AHEAD: usize = 1_000;
/// The advisory lock under which functions are created: "perennia" in ASCII.
const FUNCTION_LOCK: i64 = 0x7065_7265_6e6e_6961;
/// Prepared statements kept per connection. The program has some more, but what is asked for all the time are far fewer.
pub(crate) const STATEMENT_CACHE: usize = 200;

/// The database of an installation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    /// The calls that write renewals on PostgreSQL, for each way to write them, once they are known.
    renewal_calls: Arc<[RenewalCall; Way::COUNT]>,
    /// Connections to PostgreSQL that worked a moment ago, for the next round.
    kept: Arc<Mutex<Vec<Kept>>>,
    /// The transaction that all of its own become part of; none for a store where each stands for itself.
    joint: Option<Joint>,
}

/// A call of a function that writes renewals; none where that could not be made.
type RenewalCall = OnceCell<Option<&'static str>>;

/// A connection to PostgreSQL that was in use a moment ago, and since when it is not.
type Kept = (Instant, PoolConnection<Postgres>);

#[derive(Debug, Clone)]
enum Pool {
    /// One writer, several readers, and one of those who keeps the log short, in one process.
    Sqlite {
        writer: Writer,
        readers: SqlitePool,
        checkpoints: Arc<Checkpoints>,
    },
    Postgres(PgPool),
}

impl Store {
    /// Opens the database at `url`: `sqlite:PATH` or `postgres://…`. A SQLite file must exist.
    ///
    /// # Errors
    /// [`StoreError::Address`] for another kind of URL or a missing file, [`StoreError::Unavailable`] when nobody answers.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::open(url, false).await
    }

    /// Opens the database at `url` and creates a SQLite file that is missing.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn create(url: &str) -> Result<Self> {
        Self::open(url, true).await
    }

    async fn open(url: &str, create: bool) -> Result<Self> {
        let scheme = url.split(':').next().unwrap_or_default();
        let pool = match scheme {
            "sqlite" => open_sqlite(sqlite_path(url), create).await?,
            "postgres" | "postgresql" => open_postgres(url).await?,
            _ => {
                let hint = "a database is `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`";
                return Err(StoreError::Address(format!("cannot use this database address: {hint}")));
            }
        };
        Ok(Self { pool, renewal_calls: Arc::default(), kept: Arc::default(), joint: None })
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is none, whatever the reason.
    pub async fn read(&self) -> Result<Conn> {
        // Who asks while a verb is at work is that verb, and means what others see.
        if let Some(open) = self.joint.as_ref().and_then(Joint::look) {
            return Ok(Conn(Inner::Joined(open)));
        }
        Ok(match &self.pool {
            Pool::Sqlite { readers, .. } => {
                Conn(Inner::Sqlite(readers.acquire().await.map_err(StoreError::Unavailable)?))
            }
            Pool::Postgres(pool) => Conn(Inner::Postgres(pool.acquire().await.map_err(StoreError::Unavailable)?)),
        })
    }

    /// For questions about whole tables, which are never written with. Just after a large import PostgreSQL knows nothing
    /// about them and takes them for small, so it is told not to read one table for each row of another.
    pub(crate) async fn look_at_everything(&self) -> Result<Look> {
        Ok(match &self.pool {
            Pool::Sqlite { .. } => {
                let mut conn = self.read().await?;
                conn.rows(LOOK_MAPPED, Vec::new()).await?;
                Look::Reading(conn)
            }
            Pool::Postgres(_) => {
                let mut tx = self.begin().await?;
                tx.execute("set local enable_nestloop = off", Vec::new()).await?;
                Look::Apart(tx)
            }
        })
    }

    /// Begins a transaction to write with. What is not committed is rolled back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none can begin, whatever the reason.
    pub async fn begin(&self) -> Result<Tx> {
        match &self.joint {
            None => self.begin_alone().await,
            Some(joint) => Ok(Tx(Conn(Inner::Joined(joint.enter(self).await?)))),
        }
    }

    pub(crate) async fn begin_alone(&self) -> Result<Tx> {
        Ok(Tx(Conn(match &self.pool {
            Pool::Sqlite { writer, .. } => Inner::SqliteTx(writer.begin().await?),
            Pool::Postgres(pool) => Inner::PostgresTx(pool.begin().await.map_err(StoreError::Unavailable)?),
        })))
    }

    /// The same database, where all that is written becomes one transaction: nothing of it lasts before
    /// [`Store::settle`], and what was begun and not committed is undone by itself.
    #[must_use]
    pub fn jointly(&self) -> Self {
        Self { joint: Some(Joint::default()), ..self.clone() }
    }

    /// Makes durable what was written through a store that [writes jointly](Store::jointly).
    ///
    /// # Errors
    /// Those of a commit; then nothing was written.
    pub async fn settle(&self) -> Result<()> {
        match &self.joint {
            Some(joint) => joint.settle().await,
            None => Ok(()),
        }
    }

    pub(crate) fn is_joint(&self) -> bool {
        self.joint.is_some()
    }

    /// A connection for reading what decides what is written next: on SQLite a transaction that keeps other writers out
    /// from now on, on PostgreSQL no transaction, so that nobody waits. It is to be given back with [`Store::keep`].
    pub(crate) async fn read_to_write(&self) -> Result<Conn> {
        match &self.pool {
            Pool::Sqlite { .. } => Ok(self.begin().await?.0),
            Pool::Postgres(_) => {
                let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
                match kept.filter(|(since, _)| since.elapsed() < TRUSTED_IDLE_TIME) {
                    Some((_, connection)) => Ok(Conn(Inner::Postgres(connection))),
                    None => self.read().await,
                }
            }
        }
    }

    /// Keeps a connection that worked for whoever needs one next: the pool would make a trip with it to see that it lives.
    pub(crate) fn keep(&self, conn: Conn) {
        let Inner::Postgres(connection) = conn.0 else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < self.useful_writers() {
            kept.push((Instant::now(), connection));
        }
    }

    /// Closes every connection, after the statements that run.
    pub async fn close(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
        match &self.pool {
            Pool::Sqlite { writer, readers, checkpoints } => {
                // It may hold a reader.
                checkpoints.stop();
                readers.close().await;
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    /// The call that writes renewals in this way on PostgreSQL.
    pub(crate) fn renewal_call(&self, way: Way) -> &RenewalCall {
        &self.renewal_calls[way as usize]
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.pool {
            Pool::Sqlite { .. } => Dialect::Sqlite,
            Pool::Postgres(_) => Dialect::Postgres,
        }
    }

    /// How many writers at once are of use: a SQLite file takes one; on PostgreSQL one gathers while another commits.
    #[must_use]
    pub fn useful_writers(&self) -> usize {
        match self.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => 2,
        }
    }

    /// Whether who writes keeps a thread busy until it is written, so that a task that does little else is best on a thread of
    /// its own.
    #[must_use]
    pub fn writes_in_place(&self) -> bool {
        self.dialect() == Dialect::Sqlite
    }

    /// What the database is called in messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.dialect() {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        }
    }

    /// Creates a function that is not there yet. Several nodes may try at once.
    pub(crate) async fn create_function(&self, name: &str, sql: &str) -> Result<()> {
        let Pool::Postgres(pool) = &self.pool else { return Ok(()) };
        let mut tx = pool.begin().await.map_err(StoreError::Unavailable)?;
        // One at a time: PostgreSQL itself does not expect two who create the same function.
        sqlx::query("select pg_advisory_xact_lock($1)").bind(FUNCTION_LOCK).execute(&mut *tx).await?;
        let known = sqlx::query("select to_regproc($1) is not null as known").bind(name).fetch_one(&mut *tx).await?;
        if !known.try_get::<bool, _>("known")? {
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(crate) async fn migrate(&self, migrator: &sqlx::migrate::Migrator) -> Result<()> {
        let outcome = match &self.pool {
            Pool::Sqlite { writer, readers, .. } => {
                // The migrator locks PostgreSQL by itself; here the whole of it is one transaction, so that a second
                // program waits and then finds nothing left to do.
                let _turn = writer.turn().await?;
                let options = SqliteConnectOptions::clone(&readers.connect_options());
                let options = options.pragma("query_only", "off").pragma("recursive_triggers", "on");
                let opened = SqliteConnection::connect_with(&options).await;
                let mut connection = opened.map_err(StoreError::Unavailable)?;
                let begun = connection.begin_with("begin immediate").await;
                let mut tx = begun.map_err(StoreError::Unavailable)?;
                let outcome = migrator.run(&mut *tx).await;
                if outcome.is_ok() {
                    tx.commit().await?;
                    connection.close().await?;
                }
                outcome
            }
            Pool::Postgres(pool) => migrator.run(pool).await,
        };
        outcome.map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(error) => error.into(),
            other => StoreError::Schema(format!("the database cannot be migrated: {other}")),
        })
    }
}

/// `sqlite:PATH` or `sqlite://PATH`.
fn sqlite_path(url: &str) -> &str {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    path.strip_prefix("//").unwrap_or(path)
}

async fn open_sqlite(path: &str, create: bool) -> Result<Pool> {
    if !create && !Path::new(path).exists() {
        let hint = "run `perennial init` to make one";
        return Err(StoreError::Address(format!("there is no database at {path}: {hint}")));
    }
    if create {
        create_private(Path::new(path))
            .map_err(|error| StoreError::Address(format!("cannot create {path}: {error}")))?;
    }
    // It makes the file what it is: one with a log.
    let writer = Writer::open(path.into())?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("temp_store", "memory")
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENT_CACHE);
    let readers = SqlitePoolOptions::new()
        .max_connections(READER_CONNECTIONS)
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.row_buffer_size(ROWS_AHEAD).pragma("query_only", "on"))
        .await?;
    let checkpoints = Arc::new(Checkpoints::keep(writer.written(), writer.clone(), readers.clone()));
    Ok(Pool::Sqlite { writer, readers, checkpoints })
}

/// An empty file that only its owner reads; SQLite gives its companions the same rights.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn open_postgres(url: &str) -> Result<Pool> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::Address(format!("cannot read the PostgreSQL address: {error}")))?
        .statement_cache_capacity(STATEMENT_CACHE)
        .application_name("perennial")
        // Statements are few and prepared once; planning each anew costs more than running it. So a text must be good for
        // every parameter: one that is narrowed to a customer is another text than one that is not.
        .options([
            ("plan_cache_mode", "force_generic_plan".to_owned()),
            ("lock_timeout", LOCK_TIMEOUT.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", IDLE_TRANSACTION_TIMEOUT.as_millis().to_string()),
        ]);
    // The pool tries until its time is over and then tells nothing; one plain attempt tells what is wrong.
    PgConnection::connect_with(&options).await.map_err(StoreError::Unavailable)?.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A trip per use only to ask whether the other side is still there is a trip too many for a busy connection.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for >= TRUSTED_IDLE_TIME {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await?;
    Ok(Pool::Postgres(pool))
}

/// A connection to read with.
#[derive(Debug)]
pub struct Conn(Inner);

/// A transaction to write with; it reads as a [`Conn`] does.
#[derive(Debug)]
pub struct Tx(Conn);

/// A connection for questions about whole tables.
#[derive(Debug)]
pub(crate) enum Look {
    Reading(Conn),
    /// In a transaction, so that what was set for it ends with it.
    Apart(Tx),
}

impl Deref for Look {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        match self {
            Self::Reading(conn) => conn,
            Self::Apart(tx) => tx,
        }
    }
}

impl DerefMut for Look {
    fn deref_mut(&mut self) -> &mut Conn {
        match self {
            Self::Reading(conn) => conn,
            Self::Apart(tx) => tx,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
    SqliteTx(Writing),
    PostgresTx(Transaction<'static, Postgres>),
    /// A part of a transaction that several share.
    Joined(Joined),
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

impl Tx {
    /// The connection that it is on, which stays in the transaction.
    pub(crate) fn into_conn(self) -> Conn {
        self.0
    }

    /// Makes everything that was written durable, or nothing of it.
    pub async fn commit(self) -> Result<()> {
        match self.0.0 {
            Inner::SqliteTx(tx) => tx.commit()?,
            Inner::PostgresTx(tx) => tx.commit().await?,
            Inner::Joined(part) => part.commit().await?,
            Inner::Sqlite(_) | Inner::Postgres(_) => {}
        }
        Ok(())
    }
}

impl Conn {
    pub(crate) fn dialect(&self) -> Dialect {
        match &self.0 {
            Inner::Sqlite(_) | Inner::SqliteTx(_) => Dialect::Sqlite,
            Inner::Postgres(_) | Inner::PostgresTx(_) => Dialect::Postgres,
            Inner::Joined(part) => part.dialect(),
        }
    }

    /// The connection itself, whether it is shared or not.
    pub(crate) fn inner(&mut self) -> Result<&mut Inner> {
        match &mut self.0 {
            Inner::Joined(part) => part.inner(),
            inner => Ok(inner),
        }
    }

    /// The transaction that this connection is in.
    pub(crate) fn into_tx(self) -> Tx {
        Tx(self)
    }

    /// The rows a statement answers with.
    pub(crate) async fn rows(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>> {
        self.fetch(self.dialect().statement(sql, None), Parameters::Values(params)).await
    }

    /// The only row a statement answers with, or none.
    pub(crate) async fn row(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(sql, params).await?.pop())
    }

    /// The rows a statement with `{rows}` in it answers with.
    pub(crate) async fn rows_with(&mut self, sql: &'static str, rows: Rows) -> Result<Vec<Row>> {
        if rows.len == 0 {
            return Ok(Vec::new());
        }
        self.fetch(self.dialect().statement(sql, Some(&rows)), Parameters::Rows(rows)).await
    }

    /// Runs a statement and tells how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u64> {
        self.run(self.dialect().statement(sql, None), Parameters::Values(params)).await
    }

    /// Runs a statement with `{rows}` in it and tells how many rows it changed. No rows, no statement.
    pub(crate) async fn execute_with(&mut self, sql: &'static str, rows: Rows) -> Result<u64> {
        if rows.len == 0 {
            return Ok(0);
        }
        self.run(self.dialect().statement(sql, Some(&rows)), Parameters::Rows(rows)).await
    }

    /// The rows a function answers with that takes these values and then all columns of these rows.
    pub(crate) async fn call(&mut self, sql: &'static str, values: Vec<Value>, rows: Vec<Rows>) -> Result<Vec<Row>> {
        self.fetch(sql, Parameters::Call(values, rows)).await
    }

    async fn fetch(&mut self, sql: &'static str, parameters: Parameters) -> Result<Vec<Row>> {
        Ok(match self.inner()? {
            Inner::Sqlite(c) => {
                parameters.for_reader(sql).fetch_all(&mut **c).await?.into_iter().map(Row::Sqlite).collect()
            }
            Inner::SqliteTx(tx) => tx.rows(sql, &parameters.for_writer())?.into_iter().map(Row::Writer).collect(),
            Inner::Postgres(c) => {
                parameters.for_postgres(sql).fetch_all(&mut **c).await?.into_iter().map(Row::Postgres).collect()
            }
            Inner::PostgresTx(c) => {
                parameters.for_postgres(sql).fetch_all(&mut **c).await?.into_iter().map(Row::Postgres).collect()
            }
            Inner::Joined(_) => return Err(nested()),
        })
    }

    async fn run(&mut self, sql: &'static str, parameters: Parameters) -> Result<u64> {
        Ok(match self.inner()? {
            Inner::Sqlite(c) => parameters.for_reader(sql).execute(&mut **c).await?.rows_affected(),
            Inner::SqliteTx(tx) => tx.run(sql, &parameters.for_writer())?,
            Inner::Postgres(c) => parameters.for_postgres(sql).execute(&mut **c).await?.rows_affected(),
            Inner::PostgresTx(c) => parameters.for_postgres(sql).execute(&mut **c).await?.rows_affected(),
            Inner::Joined(_) => return Err(nested()),
        })
    }
}

/// What is shared is a transaction by itself and never a share of another: `inner` has looked behind it.
fn nested() -> StoreError {
    StoreError::Unavailable(sqlx::Error::PoolClosed)
}
