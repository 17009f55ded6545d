//! The whole difference between the two databases.
//!
//! Migrations: type words. Statements: `{in $1}` (a list parameter), `{for update}` and `{for update skip locked}` (row
//! locks), `{rows}` (many rows).
//! Ids: a counter row or a sequence, in `ids.rs`.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::Hash;
use std::sync::{LazyLock, PoisonError, RwLock};

use crate::rows::{Column, Rows};
use crate::value::{Value, microseconds};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// Statements that were made from others already. The program has a fixed number of them, so leaking each once is bounded.
pub(crate) struct Texts<K>(LazyLock<RwLock<HashMap<K, &'static str>>>);

impl<K: Eq + Hash> Texts<K> {
    pub const fn new() -> Self {
        Self(LazyLock::new(RwLock::default))
    }

    /// The text under this key, made if it is not there yet.
    pub fn get(&self, key: K, make: impl FnOnce() -> String) -> &'static str {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known;
        }
        let made: &'static str = Box::leak(make().into_boxed_str());
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, made);
        made
    }
}

/// Texts that were translated already.
static TRANSLATED: Texts<(Dialect, &'static str)> = Texts::new();

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
        TRANSLATED.get((self, text), || self.translate(text, rows))
    }

    fn translate(self, text: &str, rows: Option<&Rows>) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (fragment, after) = after.split_once('}').unwrap_or((after, ""));
            match (fragment, self) {
                ("for update", Self::Sqlite) => {}
                ("for update skip locked", Self::Sqlite) => {}
                ("for update" | "for update skip locked", Self::Postgres) => out.push_str(fragment),
                ("rows", _) => self.table_of(rows, &mut out),
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

    /// `{rows}` as a table called `n`.
    fn table_of(self, rows: Option<&Rows>, out: &mut String) {
        let none = Rows::new();
        let rows = rows.unwrap_or(&none);
        out.push_str(&match self {
            Self::Sqlite => json_table(1, rows.fields(1).map(|(name, field)| format!("{field} as {name}"))),
            Self::Postgres => {
                let parameters = rows.postgres_types().enumerate();
                let parameters: Vec<String> = parameters.map(|(i, kind)| format!("${}::{kind}", i + 1)).collect();
                let (arrays, same) = parameters.split_at(rows.columns.len());
                let same = rows.same.iter().zip(same).map(|((name, _), value)| format!("{value} as {name}, "));
                format!("(select {}n.* from {}) as n", same.collect::<String>(), unnest(&rows.columns, arrays))
            }
        });
    }
}

/// The rows in this parameter as a SQLite table called `n`. Their inner arrays stay in SQLite's own form of JSON, so that
/// a row is not written out and read again for each of its columns.
fn json_table(parameter: usize, columns: impl Iterator<Item = String>) -> String {
    format!("(select {} from jsonb_each(${parameter})) as n", columns.collect::<Vec<_>>().join(", "))
}

/// Arrays as a PostgreSQL table called `n`.
pub(crate) fn unnest(columns: &[(&'static str, Column)], arrays: &[String]) -> String {
    let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    format!("unnest({}) as n({names})", arrays.join(", "))
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

impl Value {
    /// The type of it on PostgreSQL.
    pub fn postgres_type(&self) -> &'static str {
        match self {
            Self::Int(_) => "bigint",
            Self::Text(_) => "text",
            Self::Bool(_) => "boolean",
            Self::Date(_) => "date",
            Self::Instant(_) => "timestamptz",
            Self::Ints(_) => "bigint[]",
        }
    }
}

impl Rows {
    /// The types of its parameters on PostgreSQL: an array for each column, then what is the same in every row.
    pub fn postgres_types(&self) -> impl Iterator<Item = &'static str> {
        let columns = self.columns.iter().map(|(_, column)| column.postgres_array());
        columns.chain(self.same.iter().map(|(_, value)| value.postgres_type()))
    }

    /// The columns and the expressions by which SQLite reads them: from the JSON in this parameter, or, what is the same in
    /// every row, from the parameters after it.
    pub fn fields(&self, parameter: usize) -> impl Iterator<Item = (&'static str, String)> {
        let columns = self.columns.iter().enumerate().map(|(place, (name, _))| (*name, format!("value->>{place}")));
        let same = (parameter + 1..).zip(&self.same).map(|(parameter, (name, _))| (*name, format!("${parameter}")));
        columns.chain(same)
    }

    /// The rows as SQLite takes them: a JSON array of arrays.
    pub fn json(&self) -> String {
        let mut out = Vec::with_capacity(16 * self.len * self.columns.len() + 2);
        out.push(b'[');
        for row in 0..self.len {
            out.extend(if row == 0 { "[".as_bytes() } else { b",[" });
            for (i, (_, column)) in self.columns.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                // Writing to memory cannot fail.
                let _ = match column {
                    Column::Int(v) => serde_json::to_writer(&mut out, &v[row]),
                    Column::Bool(v) => serde_json::to_writer(&mut out, &i64::from(v[row])),
                    Column::Instant(v) => serde_json::to_writer(&mut out, &v[row].map(microseconds)),
                    Column::Date(v) => serde_json::to_writer(&mut out, &v[row]),
                    Column::Text(v) => serde_json::to_writer(&mut out, &v[row]),
                };
            }
            out.push(b']');
        }
        out.push(b']');
        // JSON is always UTF-8.
        String::from_utf8(out).unwrap_or_default()
    }
}
