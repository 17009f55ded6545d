//! What can go wrong between the program and its database.

/// The result of a store function.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a statement did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, overloaded or out of space: the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(sqlx::Error),
    /// Another transaction was in the way (deadlock, serialisation): run the whole verb again.
    #[error("the transaction has to be run again: {0}")]
    Retry(sqlx::Error),
    /// A unique key of this table is taken.
    #[error("a row with this key exists already in `{table}`")]
    Unique {
        /// The table whose key is taken.
        table: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// Something the row refers to is missing, or something refers to it.
    #[error("a row that is referred to is missing: {0}")]
    Reference(sqlx::Error),
    /// A value in the database is not what this program writes.
    #[error("`{column}` holds {value:?}, which is not valid: {reason}")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// Why it is refused.
        reason: String,
    },
    /// The database address cannot be used.
    #[error("{0}")]
    Address(String),
    /// The schema is older or newer than this program.
    #[error("{0}")]
    Schema(String),
    /// Anything else: a mistake of ours.
    #[error("the database refused a statement: {0}")]
    Statement(sqlx::Error),
}

impl StoreError {
    /// Whether the same call may succeed later without anything being changed.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
                _ => Self::Statement(error),
            };
        };
        match database.code().as_deref() {
            // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
            Some("40001" | "40P01" | "55P03") => return Self::Retry(error),
            // PostgreSQL: connection exceptions, insufficient resources, operator intervention, system errors, a transaction
            // that was idle too long, a read-only standby.
            Some(code) if code.len() == 5 && matches!(&code[..2], "08" | "53" | "57" | "58") => {
                return Self::Unavailable(error);
            }
            Some("25P03" | "25006") => return Self::Unavailable(error),
            // SQLite: busy, locked, I/O error, full, cannot open (with their extended codes), read-only.
            Some(code) if sqlite_primary(code).is_some_and(|code| matches!(code, 5 | 6 | 8 | 10 | 13 | 14)) => {
                return Self::Unavailable(error);
            }
            _ => {}
        }
        match database.kind() {
            ErrorKind::UniqueViolation => Self::Unique { table: table_of(database), source: error },
            ErrorKind::ForeignKeyViolation => Self::Reference(error),
            _ => Self::Statement(error),
        }
    }
}

/// SQLite reports extended codes as decimal text; the primary code is the low byte. PostgreSQL's codes have five characters.
fn sqlite_primary(code: &str) -> Option<u32> {
    (code.len() < 5).then(|| code.parse::<u32>().ok().map(|code| code & 0xff)).flatten()
}

/// PostgreSQL names the table; SQLite says `UNIQUE constraint failed: periods.seller_id, …` or names the index.
fn table_of(error: &dyn sqlx::error::DatabaseError) -> String {
    if let Some(table) = error.table() {
        return table.to_owned();
    }
    let message = error.message();
    let after = message.rsplit("failed: ").next().unwrap_or(message);
    after.split(['.', ',']).next().unwrap_or(after).to_owned()
}
