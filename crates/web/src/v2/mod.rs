//! The v2 API: our own. Plain bodies, ids with a prefix, amounts as text, cursor pages, problem documents for errors.

pub(crate) mod addons;
pub(crate) mod alignment;
pub(crate) mod campaigns;
pub(crate) mod cancellation;
pub(crate) mod changes;
pub(crate) mod contacts;
mod day;
pub(crate) mod discount;
pub(crate) mod explanation;
pub(crate) mod mails;
pub(crate) mod papers;
pub(crate) mod preview;
pub(crate) mod problem;
pub(crate) mod renew;
pub(crate) mod runs;
pub(crate) mod services;

use std::str::FromStr;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::v1::Body;
use day::Day;

/// Where its routes begin.
const ROOT: &str = "/api/v2";
/// Rows on a page unless the caller says otherwise.
const DEFAULT_PAGE_ROWS: i64 = 20;
/// Rows on a page at most.
const MAX_PAGE_ROWS: i64 = 100;

/// Whether a path belongs to this API, known or not.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An id in the path: `run_7`, or the bare integer.
fn path_id<T: FromStr>(prefix: &str, path: Result<Path<String>, PathRejection>) -> Result<T, ApiError> {
    let refused =
        || ApiError::bad_request(format!("an id is {prefix} and an integer of at least 1, such as {prefix}7"));
    let Path(text) = path.map_err(|_| refused())?;
    text.strip_prefix(prefix).unwrap_or(&text).parse().map_err(|_| refused())
}

/// A query string in which every parameter is known.
#[derive(Debug)]
pub(crate) struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let refused = |rejection: QueryRejection| ApiError::bad_request(rejection.body_text());
        query.map(|axum::extract::Query(query)| Self(query)).map_err(refused)
    }
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Which page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    limit: Option<i64>,
    cursor: Option<i64>,
}

impl Paging {
    fn limit(&self) -> Result<i64, ApiError> {
        match self.limit.unwrap_or(DEFAULT_PAGE_ROWS) {
            limit @ 1..=MAX_PAGE_ROWS => Ok(limit),
            _ => Err(ApiError::bad_request(format!("limit must be an integer from 1 to {MAX_PAGE_ROWS}"))),
        }
    }
}

/// A day to look at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct On {
    on: Option<Day>,
}

/// An id in a body: `prd_1912`, or the bare integer as text.
fn body_id<T: FromStr>(field: &str, prefix: &str, text: &str) -> Result<T, ApiError> {
    let refused = |_| ApiError::bad_request(format!("{field} must be {prefix} and an integer of at least 1"));
    text.strip_prefix(prefix).unwrap_or(text).parse().map_err(refused)
}

/// A value in a body that is written as text: a quantity, a cycle.
fn body_value<T: FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error| ApiError::bad_request(format!("{field}: {error}")))
}

/// A page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    data: Vec<T>,
    /// What to give as `cursor` to get the next page; none after the last one.
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` rows, read with one too many; `key` is what the next page begins after.
    fn of<R>(mut rows: Vec<R>, limit: i64, key: impl Fn(&R) -> i64, show: impl Fn(R) -> T) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| !is_last).map(|row| key(row).to_string());
        Self { data: rows.into_iter().map(show).collect(), next_cursor }
    }
}

/// A JSON object in which every field is known; an empty body is taken for `{}`.
#[derive(Debug)]
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Body(body) = Body::from_request(request, state).await?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // A list would be taken for the fields in their order.
        if text.trim_ascii_start().first() == Some(&b'[') {
            return Err(ApiError::bad_request("The request body must be a JSON object"));
        }
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| ApiError::bad_request(format!("The request body is not as documented: {error}")))
    }
}
