//! `If-Match`: which version of a thing the caller has read (RFC 9110, section 13.1.1).

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use schemars::SchemaGenerator;
use serde_json::json;

use crate::ApiError;
use crate::describe::{Shape, Takes};

/// The version that a change is meant for; none for whatever it is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(pub Option<i64>);

impl IfMatch {
    /// Reads an entity tag, `"7"`. One that a proxy has made weak on its way, `W/"7"`, is the same version.
    fn read(text: &str) -> Option<Self> {
        // An empty header says as little as none.
        if text.is_empty() || text == "*" {
            return Some(Self(None));
        }
        let digits = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"')?.strip_suffix('"')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        Some(Self(Some(digits.parse().ok().filter(|_| is_number)?)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut given = parts.headers.get_all(IF_MATCH).iter();
        let Some(tag) = given.next() else { return Ok(Self(None)) };
        let read = tag.to_str().ok().and_then(|text| Self::read(text.trim())).filter(|_| given.next().is_none());
        read.ok_or_else(|| ApiError::bad_request("If-Match must be one ETag that was answered, such as \"7\", or *"))
    }
}

impl Takes for IfMatch {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.headers.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` of what was read: if it has changed since, nothing is done and the answer is 412. \
                Without it, or with `*`, it is changed whatever it is by now.",
            "schema": {"type": "string", "pattern": "^(\\*|(W/)?\"[0-9]{1,18}\")?$", "examples": ["\"7\""]},
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tag_is_read_and_nothing_else() {
        for (text, version) in [("", None), ("*", None), ("\"7\"", Some(7)), ("W/\"7\"", Some(7)), ("\"0\"", Some(0))] {
            assert_eq!(IfMatch::read(text), Some(IfMatch(version)), "{text}");
        }
        for text in
            ["7", "\"\"", "\"", "\"+7\"", "\"-7\"", "\"x\"", "\"7\", \"8\"", "w/\"7\"", "\"99999999999999999999\""]
        {
            assert_eq!(IfMatch::read(text), None, "{text}");
        }
    }
}
