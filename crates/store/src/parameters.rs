//! What a statement is run with, as each database takes it.

use rusqlite::types::Value as SqliteValue;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::sqlite::Sqlite;

use crate::rows::{Column, Rows};
use crate::value::{Value, pg_date, pg_instant};

type SqliteQuery = Query<'static, Sqlite, <Sqlite as sqlx::Database>::Arguments>;
type PostgresQuery = Query<'static, Postgres, PgArguments>;

/// The parameters of a statement.
pub(crate) enum Parameters {
    Values(Vec<Value>),
    Rows(Rows),
    /// Values, then the columns of several sets of rows: the arguments of a function.
    Call(Vec<Value>, Vec<Rows>),
}

impl Parameters {
    /// For the writer of a SQLite file: rows are one value, and what is the same in all of them follows.
    pub fn for_writer(self) -> Vec<SqliteValue> {
        let (values, rows) = match self {
            Self::Values(values) => (values, Vec::new()),
            Self::Rows(rows) => (Vec::new(), vec![rows]),
            Self::Call(values, rows) => (values, rows),
        };
        let rows = rows.into_iter().flat_map(|rows| {
            let json = SqliteValue::Text(rows.json());
            std::iter::once(json).chain(rows.same.into_iter().map(|(_, value)| value.into()))
        });
        values.into_iter().map(SqliteValue::from).chain(rows).collect()
    }

    /// For a reader of a SQLite file: the same values.
    pub fn for_reader(self, sql: &'static str) -> SqliteQuery {
        self.for_writer().into_iter().fold(sqlx::query(sql), |query, value| match value {
            SqliteValue::Null => query.bind(None::<i64>),
            SqliteValue::Integer(value) => query.bind(value),
            SqliteValue::Real(value) => query.bind(value),
            SqliteValue::Text(value) => query.bind(value),
            SqliteValue::Blob(value) => query.bind(value),
        })
    }

    /// For PostgreSQL: a column is an array, and those of a call are packed.
    pub fn for_postgres(self, sql: &'static str) -> PostgresQuery {
        let query = sqlx::query(sql);
        match self {
            Self::Values(values) => values.into_iter().fold(query, bind),
            Self::Rows(rows) => bind_columns(query, rows),
            Self::Call(values, rows) => rows.into_iter().fold(values.into_iter().fold(query, bind), bind_packed),
        }
    }
}

fn bind_columns(query: PostgresQuery, rows: Rows) -> PostgresQuery {
    let query = rows.columns.into_iter().fold(query, |query, (_, column)| bind_column(query, column));
    rows.same.into_iter().fold(query, |query, (_, value)| bind(query, value))
}

fn bind_packed(query: PostgresQuery, rows: Rows) -> PostgresQuery {
    let (packed, same) = rows.packed();
    let query = packed.into_iter().fold(query, bind_column);
    same.into_iter().fold(query, |query, (_, value)| bind(query, value))
}

fn bind_column(query: PostgresQuery, column: Column) -> PostgresQuery {
    match column {
        Column::Int(v) => query.bind(v),
        Column::Text(v) => query.bind(v),
        Column::Bool(v) => query.bind(v),
        Column::Date(v) => query.bind(v.into_iter().map(|d| d.map(pg_date)).collect::<Vec<_>>()),
        Column::Instant(v) => query.bind(v.into_iter().map(|t| t.map(pg_instant)).collect::<Vec<_>>()),
    }
}

fn bind(query: PostgresQuery, value: Value) -> PostgresQuery {
    match value {
        Value::Int(v) => query.bind(v),
        Value::Text(v) => query.bind(v),
        Value::Bool(v) => query.bind(v),
        Value::Date(v) => query.bind(v.map(pg_date)),
        Value::Instant(v) => query.bind(v.map(pg_instant)),
        Value::Ints(v) => query.bind(v),
    }
}
