//! Rows of many columns as one value.

use std::collections::HashMap;

use serde_json::Value as Json;

use crate::dialect::Dialect;
use crate::value::{Row, Value, corrupt};
use crate::{Conn, Result, StoreError};

/// A query whose rows SQLite gives as one value. Of those that are given one by one, each value is copied by itself to leave
/// SQLite's thread, and each row wakes who waits for it.
pub(crate) struct PackedQuery {
    sqlite: String,
    postgres: String,
    places: HashMap<&'static str, usize>,
}

impl PackedQuery {
    /// The query of these columns (`a.b` or `a.b as c`, with commas between) that goes on with `rest`.
    pub fn new(columns: &'static str, rest: &str) -> Self {
        let (mut values, mut places) = (Vec::new(), HashMap::new());
        for (place, column) in columns.split(',').map(str::trim).enumerate() {
            let value = column.split(' ').next().unwrap_or_default();
            let name = column.rsplit([' ', '.']).next().unwrap_or_default();
            values.push(value);
            places.insert(name, place);
        }
        Self {
            sqlite: format!("select json_group_array(json_array({})) as packed {rest}", values.join(", ")),
            postgres: format!("select {columns} {rest}"),
            places,
        }
    }

    /// Its rows.
    pub async fn rows(&'static self, conn: &mut Conn, params: Vec<Value>) -> Result<Vec<Row>> {
        if conn.dialect() == Dialect::Postgres {
            return conn.rows(&self.postgres, params).await;
        }
        let Some(answered) = conn.row(&self.sqlite, params).await? else { return Ok(Vec::new()) };
        let packed: String = answered.text("packed")?;
        let rows: Vec<Vec<Json>> =
            serde_json::from_str(&packed).map_err(|error| corrupt("packed", packed.len(), error))?;
        Ok(rows.into_iter().map(|values| Row::Packed(PackedRow { places: &self.places, values })).collect())
    }
}

/// One row that came packed.
pub(crate) struct PackedRow {
    places: &'static HashMap<&'static str, usize>,
    values: Vec<Json>,
}

impl PackedRow {
    /// Whether it has this column.
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// An integer, or null.
    pub fn int(&self, name: &'static str) -> Result<Option<i64>> {
        match self.value(name)? {
            Json::Null => Ok(None),
            value => value.as_i64().map(Some).ok_or_else(|| corrupt(name, value, "not an integer")),
        }
    }

    /// A text, or null.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>> {
        match self.value(name)? {
            Json::Null => Ok(None),
            value => value.as_str().map(Some).ok_or_else(|| corrupt(name, value, "not a text")),
        }
    }

    fn value(&self, name: &'static str) -> Result<&Json> {
        let value = self.places.get(name).and_then(|place| self.values.get(*place));
        value.ok_or_else(|| StoreError::Statement(sqlx::Error::ColumnNotFound(name.to_owned())))
    }
}
