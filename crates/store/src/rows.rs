//! Many rows in one statement.

use jiff::{Timestamp, civil::Date};

use crate::value::Value;

/// Rows to write or to join with, column by column: the parameter of a statement with `{rows}` in it.
///
/// PostgreSQL gets one array a column (`unnest`), SQLite one JSON text (`jsonb_each`); both see a table `n` with these
/// columns. What is the same in every row is sent once.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<(&'static str, Column)>,
    pub(crate) len: usize,
    /// Columns with one value for all rows.
    pub(crate) same: Vec<(&'static str, Value)>,
}

#[derive(Debug)]
pub(crate) enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bool(Vec<bool>),
    Date(Vec<Option<Date>>),
    Instant(Vec<Option<Timestamp>>),
}

impl Column {
    /// Whether it holds values of the same type.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Int(all), Self::Int(more)) => all.extend(more),
            (Self::Text(all), Self::Text(more)) => all.extend(more),
            (Self::Bool(all), Self::Bool(more)) => all.extend(more),
            (Self::Date(all), Self::Date(more)) => all.extend(more),
            (Self::Instant(all), Self::Instant(more)) => all.extend(more),
            // Only what is alike is put together.
            _ => {}
        }
    }
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

    /// A column that has this value in every row. For rows to insert: joined with a table, a value that is the same for all
    /// would let SQLite read that table first, and all of it.
    pub fn same(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.same.push((name, value.into()));
        self
    }

    /// The columns of each type one after the other, in one array a type: a function of PostgreSQL takes at most a hundred
    /// arguments, and there are more columns than that.
    pub fn packed(self) -> (Vec<Column>, Vec<(&'static str, Value)>) {
        let mut packed: Vec<Column> = Vec::new();
        for (_, column) in self.columns {
            match packed.iter_mut().find(|known| known.is_like(&column)) {
                Some(known) => known.append(column),
                None => packed.push(column),
            }
        }
        (packed, self.same)
    }

    fn with(mut self, name: &'static str, column: Column, len: usize) -> Self {
        debug_assert!(self.columns.is_empty() || self.len == len, "column `{name}` has another length");
        self.len = len;
        self.columns.push((name, column));
        self
    }
}
