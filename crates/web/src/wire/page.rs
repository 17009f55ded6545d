//! Lists in pages: a limit, and a cursor that says after which row the next page begins.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use perennial_billing::ledger::Source;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ApiError;

/// Rows on a page unless the caller says otherwise.
const DEFAULT_PAGE_ROWS: i64 = 20;
/// Rows on a page at most.
const MAX_PAGE_ROWS: i64 = 100;
/// Characters of a cursor at most.
const MAX_CURSOR_CHARACTERS: usize = 200;

/// Where a list stands: the row that the next page begins after, in a form that callers give back as they got it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline, description = "The `nextCursor` of the page before.")]
pub(crate) struct Cursor(String);

/// What a cursor remembers of a row.
pub(crate) trait CursorKey: Sized {
    /// Writes it.
    fn write(&self) -> String;
    /// Reads it back.
    fn read(text: &str) -> Option<Self>;
}

impl CursorKey for i64 {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|key| *key >= 0)
    }
}

impl CursorKey for (Date, i64) {
    fn write(&self) -> String {
        format!("{}/{}", self.0, self.1)
    }

    fn read(text: &str) -> Option<Self> {
        let (date, id) = text.split_once('/')?;
        Some((date.parse().ok()?, i64::read(id)?))
    }
}

impl CursorKey for (Source, i64, i64) {
    fn write(&self) -> String {
        format!("{}/{}/{}", self.0.as_str(), self.1, self.2)
    }

    fn read(text: &str) -> Option<Self> {
        let (source, place) = text.split_once('/')?;
        let (id, entry) = place.split_once('/')?;
        Some((Source::from_word(source)?, i64::read(id)?, i64::read(entry)?))
    }
}

impl Cursor {
    fn of(key: &impl CursorKey) -> Self {
        Self(URL_SAFE_NO_PAD.encode(key.write()))
    }

    /// What it remembers.
    pub fn key<K: CursorKey>(&self) -> Result<K, ApiError> {
        let bytes = Some(&self.0).filter(|text| text.len() <= MAX_CURSOR_CHARACTERS);
        let bytes = bytes.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.and_then(|text| K::read(&text)).ok_or_else(ApiError::invalid_cursor)
    }
}

/// How many rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(i64);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = i64::deserialize(deserializer)?;
        let refused = || D::Error::custom(format!("must be an integer from 1 to {MAX_PAGE_ROWS}"));
        if (1..=MAX_PAGE_ROWS).contains(&limit) { Ok(Self(limit)) } else { Err(refused()) }
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer", "minimum": 1, "maximum": MAX_PAGE_ROWS, "default": DEFAULT_PAGE_ROWS,
            "description": "Rows on a page.",
        })
    }
}

/// Which page of a list that has no filters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

impl Paging {
    /// Of a list with filters, which has the two beside them.
    pub fn of(limit: Option<Limit>, cursor: Option<Cursor>) -> Self {
        Self { limit, cursor }
    }

    /// Rows on the page.
    pub fn limit(&self) -> i64 {
        self.limit.map_or(DEFAULT_PAGE_ROWS, |Limit(limit)| limit)
    }

    /// The row that it begins after; none for the first page.
    pub fn after<K: CursorKey>(&self) -> Result<Option<K>, ApiError> {
        self.cursor.as_ref().map(Cursor::key).transpose()
    }
}

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PageOf{T}")]
pub(crate) struct Page<T> {
    data: Vec<T>,
    /// What to give as `cursor` to get the next page; null on the last one.
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` rows, read with one too many; `key` is what the next page begins after.
    pub fn of<R, K: CursorKey>(mut rows: Vec<R>, limit: i64, key: impl Fn(&R) -> K, show: impl Fn(R) -> T) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| !is_last).map(|row| Cursor::of(&key(row)).0);
        Self { data: rows.into_iter().map(show).collect(), next_cursor }
    }
}

/// A list that is short enough to need no pages.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListOf{T}")]
pub(crate) struct List<T> {
    data: Vec<T>,
}

impl<T> List<T> {
    /// All of them.
    pub fn of<R>(rows: impl IntoIterator<Item = R>, show: impl Fn(R) -> T) -> Self {
        Self { data: rows.into_iter().map(show).collect() }
    }
}
