//! Many rows in one statement.

use jiff::{Timestamp, civil::Date};

/// Rows to write or to join with, column by column: the parameter of a statement with `{rows}` in it.
///
/// PostgreSQL gets one array a column (`unnest`), SQLite one JSON text (`json_each`); both see a table `n` with these
/// columns.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<(&'static str, Column)>,
    pub(crate) len: usize,
}

#[derive(Debug)]
pub(crate) enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bool(Vec<bool>),
    Date(Vec<Option<Date>>),
    Instant(Vec<Option<Timestamp>>),
}

macro_rules! column {
    ($method:ident, $variant:ident, $type:ty) => {
        pub fn $method<T: Into<$type>>(self, name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
            let values: Vec<$type> = values.into_iter().map(Into::into).collect();
            let len = values.len();
            self.with(name, Column::$variant(values), len)
        }
    };
}

impl Rows {
    pub fn new() -> Self {
        Self::default()
    }

    column!(int, Int, Option<i64>);
    column!(text, Text, Option<String>);
    column!(bool, Bool, bool);
    column!(date, Date, Option<Date>);
    column!(instant, Instant, Option<Timestamp>);

    fn with(mut self, name: &'static str, column: Column, len: usize) -> Self {
        debug_assert!(self.columns.is_empty() || self.len == len, "column `{name}` has another length");
        self.len = len;
        self.columns.push((name, column));
        self
    }
}
