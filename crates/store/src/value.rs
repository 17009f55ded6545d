//! Values that go into statements and come out of rows, the same for both databases.

use std::fmt::Display;
use std::str::FromStr;

use jiff::{Timestamp, civil::Date};
use jiff_sqlx::ToSqlx;
use rusqlite::types::Value as SqliteValue;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::writer::WriterRow;
use crate::{Result, StoreError};

/// One parameter.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bool(bool),
    Date(Option<Date>),
    Instant(Option<Timestamp>),
    /// A list for `{in $n}`.
    Ints(Vec<i64>),
}

macro_rules! value_from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}
value_from!(i64 => Int, String => Text, Date => Date, Timestamp => Instant);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Vec<i64>> for Value {
    fn from(list: Vec<i64>) -> Self {
        Self::Ints(list)
    }
}

impl From<Value> for SqliteValue {
    /// SQLite has neither dates nor lists: a date is a text, an instant a number, a list JSON.
    fn from(value: Value) -> Self {
        match value {
            Value::Int(value) => value.into(),
            Value::Text(value) => value.into(),
            Value::Bool(value) => i64::from(value).into(),
            Value::Date(value) => value.map(|date| date.to_string()).into(),
            Value::Instant(value) => value.map(microseconds).into(),
            Value::Ints(value) => serde_json::Value::from(value).to_string().into(),
        }
    }
}

/// `params![a, b]`: a list of parameters from anything a [`Value`] can be made of.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use params;

/// One row of an answer. Columns are read by name; a value of the wrong type is a [`StoreError`].
pub(crate) enum Row {
    Sqlite(SqliteRow),
    /// Of the writer of a SQLite file.
    Writer(WriterRow),
    Postgres(PgRow),
}

fn missing(name: &'static str) -> StoreError {
    corrupt(name, "null", "a value is missing")
}

impl Row {
    pub fn int(&self, name: &'static str) -> Result<i64> {
        self.opt_int(name)?.ok_or_else(|| missing(name))
    }

    pub fn opt_int(&self, name: &'static str) -> Result<Option<i64>> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(name)?),
            Self::Writer(row) => row.int(name),
            Self::Postgres(row) => Ok(row.try_get(name)?),
        }
    }

    /// A list of integers; empty for null. Only PostgreSQL has arrays.
    pub fn ints(&self, name: &'static str) -> Result<Vec<i64>> {
        match self {
            Self::Sqlite(_) | Self::Writer(_) => Ok(Vec::new()),
            Self::Postgres(row) => Ok(row.try_get::<Option<Vec<i64>>, _>(name)?.unwrap_or_default()),
        }
    }

    pub fn text(&self, name: &'static str) -> Result<String> {
        self.opt_text(name)?.ok_or_else(|| missing(name))
    }

    pub fn opt_text(&self, name: &'static str) -> Result<Option<String>> {
        Ok(self.opt_str(name)?.map(str::to_owned))
    }

    fn opt_str(&self, name: &'static str) -> Result<Option<&str>> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(name)?),
            Self::Writer(row) => row.text(name),
            Self::Postgres(row) => Ok(row.try_get(name)?),
        }
    }

    pub fn bool(&self, name: &'static str) -> Result<bool> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(name)?),
            Self::Writer(row) => Ok(row.int(name)?.ok_or_else(|| missing(name))? != 0),
            Self::Postgres(row) => Ok(row.try_get(name)?),
        }
    }

    pub fn date(&self, name: &'static str) -> Result<Date> {
        self.opt_date(name)?.ok_or_else(|| missing(name))
    }

    pub fn opt_date(&self, name: &'static str) -> Result<Option<Date>> {
        match self {
            Self::Sqlite(_) | Self::Writer(_) => self.opt_str(name)?.map(|text| parse(name, text)).transpose(),
            Self::Postgres(row) => Ok(row.try_get::<Option<jiff_sqlx::Date>, _>(name)?.map(jiff_sqlx::Date::to_jiff)),
        }
    }

    pub fn instant(&self, name: &'static str) -> Result<Timestamp> {
        self.opt_instant(name)?.ok_or_else(|| missing(name))
    }

    pub fn opt_instant(&self, name: &'static str) -> Result<Option<Timestamp>> {
        match self {
            Self::Sqlite(_) | Self::Writer(_) => self
                .opt_int(name)?
                .map(|us| Timestamp::from_microsecond(us).map_err(|e| corrupt(name, us, e)))
                .transpose(),
            Self::Postgres(row) => {
                Ok(row.try_get::<Option<jiff_sqlx::Timestamp>, _>(name)?.map(jiff_sqlx::Timestamp::to_jiff))
            }
        }
    }

    /// A text column that has a type of its own.
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T> {
        parse(name, self.opt_str(name)?.ok_or_else(|| missing(name))?)
    }

    /// A text column that is one of a few words.
    pub fn word<T>(&self, name: &'static str, from_word: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.opt_word(name, from_word)?.ok_or_else(|| missing(name))
    }

    /// As [`Row::word`], for a column that may be null.
    pub fn opt_word<T>(&self, name: &'static str, from_word: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(text) = self.opt_str(name)? else { return Ok(None) };
        from_word(text).map(Some).ok_or_else(|| corrupt(name, text, "not one of the known words"))
    }

    /// An integer column that fits a smaller type.
    pub fn small<T: TryFrom<i64>>(&self, name: &'static str) -> Result<T> {
        let value = self.int(name)?;
        T::try_from(value).map_err(|_| corrupt(name, value, "out of range"))
    }
}

fn parse<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|error| corrupt(column, text, error))
}

pub(crate) fn corrupt(column: &'static str, value: impl Display, reason: impl Display) -> StoreError {
    StoreError::Corrupt { column, value: value.to_string(), reason: reason.to_string() }
}

/// How SQLite keeps an instant: microseconds since 1970, as PostgreSQL's precision is.
pub(crate) fn microseconds(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// An instant as PostgreSQL takes it.
pub(crate) fn pg_instant(instant: Timestamp) -> jiff_sqlx::Timestamp {
    instant.to_sqlx()
}

/// A date as PostgreSQL takes it.
pub(crate) fn pg_date(date: Date) -> jiff_sqlx::Date {
    date.to_sqlx()
}
