//! The whole difference between the two databases.
//!
//! Migrations: type words. Statements: `{in $1}` (a list parameter), `{for update}` (row locks), `{rows}` (many rows).
//! Ids: a counter row or a sequence, in `ids.rs`.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{LazyLock, PoisonError, RwLock};

use crate::rows::{Column, Rows};
use crate::value::microseconds;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// Texts that were translated already. The program has a fixed number of them, so leaking each once is bounded.
static TRANSLATED: LazyLock<RwLock<HashMap<(Dialect, &'static str), &'static str>>> = LazyLock::new(RwLock::default);

/// Scripts that were put together already, by their first statement.
static SCRIPTS: LazyLock<RwLock<HashMap<&'static str, &'static str>>> = LazyLock::new(RwLock::default);

impl Dialect {
    /// A migration in this dialect's type words.
    pub fn schema(self, text: &str) -> String {
        let words: &[(&str, &str)] = match self {
            Self::Sqlite => &[
                ("{int}", "integer"),
                ("{date}", "text"),
                ("{instant}", "integer"),
                ("{bool}", "integer"),
                ("{strict}", "strict"),
            ],
            Self::Postgres => &[
                ("{int}", "bigint"),
                ("{date}", "date"),
                ("{instant}", "timestamptz"),
                ("{bool}", "boolean"),
                (" {strict}", ""),
            ],
        };
        words.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning))
    }

    /// A statement in this dialect.
    pub fn statement(self, text: &'static str, rows: Option<&Rows>) -> &'static str {
        if !text.contains('{') {
            return text;
        }
        if let Some(known) = TRANSLATED.read().unwrap_or_else(PoisonError::into_inner).get(&(self, text)) {
            return known;
        }
        let translated: &'static str = Box::leak(self.translate(text, rows).into_boxed_str());
        TRANSLATED.write().unwrap_or_else(PoisonError::into_inner).insert((self, text), translated);
        translated
    }

    /// Statements with `{rows}` as one text for one visit to SQLite; the rows of the nth are its nth parameter. The first
    /// text stands for all: the same statement is always followed by the same ones.
    pub fn script(self, steps: &[(&'static str, Rows)]) -> &'static str {
        let Some((first, _)) = steps.first() else { return "" };
        if let Some(known) = SCRIPTS.read().unwrap_or_else(PoisonError::into_inner).get(first) {
            return known;
        }
        let texts = (1..).zip(steps).map(|(place, (text, rows))| {
            let mut table = String::new();
            self.table_of(Some(rows), place, &mut table);
            text.replace("{rows}", &table)
        });
        let script: &'static str = Box::leak(texts.collect::<Vec<_>>().join(";\n").into_boxed_str());
        SCRIPTS.write().unwrap_or_else(PoisonError::into_inner).insert(first, script);
        script
    }

    fn translate(self, text: &str, rows: Option<&Rows>) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (fragment, after) = after.split_once('}').unwrap_or((after, ""));
            match (fragment, self) {
                ("for update", Self::Sqlite) => {}
                ("for update", Self::Postgres) => out.push_str("for update"),
                ("rows", _) => self.table_of(rows, 1, &mut out),
                _ => {
                    let parameter = fragment.strip_prefix("in ").unwrap_or(fragment);
                    let _ = match self {
                        Self::Sqlite => write!(out, "in (select value from json_each({parameter}))"),
                        Self::Postgres => write!(out, "= any({parameter})"),
                    };
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// `{rows}` as a table called `n`; on SQLite all of it is one parameter, in this place.
    fn table_of(self, rows: Option<&Rows>, place: usize, out: &mut String) {
        let columns = rows.map_or(&[][..], |rows| &rows.columns);
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Sqlite => {
                let fields = columns.iter().enumerate().map(|(i, (name, _))| format!("value->>{i} as {name}"));
                write!(out, "(select {} from json_each(${place})) as n", fields.collect::<Vec<_>>().join(", "))
            }
            Self::Postgres => {
                let arrays = columns.iter().enumerate();
                let arrays = arrays.map(|(i, (_, column))| format!("${}::{}", i + 1, column.postgres_array()));
                write!(out, "{}", unnest(columns, arrays))
            }
        };
    }
}

/// Arrays as a PostgreSQL table called `n`.
pub(crate) fn unnest(columns: &[(&'static str, Column)], arrays: impl Iterator<Item = String>) -> String {
    let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    format!("unnest({}) as n({names})", arrays.collect::<Vec<_>>().join(", "))
}

impl Column {
    /// The type of an array of these on PostgreSQL.
    pub fn postgres_array(&self) -> &'static str {
        match self {
            Self::Int(_) => "bigint[]",
            Self::Text(_) => "text[]",
            Self::Bool(_) => "boolean[]",
            Self::Date(_) => "date[]",
            Self::Instant(_) => "timestamptz[]",
        }
    }
}

impl Rows {
    /// The rows as SQLite takes them: a JSON array of arrays.
    pub fn json(&self) -> String {
        let mut out = String::with_capacity(16 * self.len * self.columns.len() + 2);
        out.push('[');
        for row in 0..self.len {
            out.push_str(if row == 0 { "[" } else { ",[" });
            for (i, (_, column)) in self.columns.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                // Writing to a string cannot fail.
                let _ = match column {
                    Column::Int(v) => integer(&mut out, v[row]),
                    Column::Bool(v) => integer(&mut out, Some(i64::from(v[row]))),
                    Column::Instant(v) => integer(&mut out, v[row].map(microseconds)),
                    Column::Date(v) => match v[row] {
                        Some(date) => write!(out, "\"{date}\""),
                        None => out.write_str("null"),
                    },
                    Column::Text(v) => match &v[row] {
                        Some(text) => out.write_str(&serde_json::Value::from(text.as_str()).to_string()),
                        None => out.write_str("null"),
                    },
                };
            }
            out.push(']');
        }
        out.push(']');
        out
    }
}

fn integer(out: &mut String, value: Option<i64>) -> std::fmt::Result {
    match value {
        Some(value) => write!(out, "{value}"),
        None => out.write_str("null"),
    }
}
