//! Rows that the writer of a SQLite file has read.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Statement;
use rusqlite::types::Value;

use crate::value::corrupt;
use crate::{Result, StoreError};

/// Which column stands where.
#[derive(Debug)]
pub(crate) struct Places(HashMap<Box<str>, usize>);

impl Places {
    /// Those of what a statement answers with.
    pub fn of(statement: &Statement<'_>) -> Self {
        Self((0..).zip(statement.column_names()).map(|(place, name)| (name.into(), place)).collect())
    }
}

/// One row.
pub(crate) struct WriterRow {
    places: Arc<Places>,
    values: Vec<Value>,
}

impl WriterRow {
    pub fn read(row: &rusqlite::Row<'_>, places: &Arc<Places>) -> Result<Self> {
        let count = row.as_ref().column_count();
        let values = (0..count).map(|place| Ok(row.get_ref(place)?.try_into()?)).collect::<rusqlite::Result<_>>()?;
        Ok(Self { places: places.clone(), values })
    }

    /// An integer, or null.
    pub fn int(&self, name: &'static str) -> Result<Option<i64>> {
        match self.value(name)? {
            Value::Null => Ok(None),
            Value::Integer(value) => Ok(Some(*value)),
            other => Err(corrupt(name, format!("{other:?}"), "not an integer")),
        }
    }

    /// A text, or null.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>> {
        match self.value(name)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            other => Err(corrupt(name, format!("{other:?}"), "not a text")),
        }
    }

    fn value(&self, name: &'static str) -> Result<&Value> {
        let value = self.places.0.get(name).and_then(|place| self.values.get(*place));
        value.ok_or_else(|| StoreError::Statement(sqlx::Error::ColumnNotFound(name.to_owned())))
    }
}
