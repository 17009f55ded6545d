//! Errors of the v2 API: problem documents (RFC 9457) with a stable code.

use serde::Serialize;

/// What their content type is.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// A problem document. The type is `about:blank`, so the title is that of the status; `code` tells problems apart.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem<'a> {
    pub r#type: &'static str,
    pub title: &'static str,
    pub status: u16,
    pub detail: &'a str,
    pub code: String,
    pub request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// Seconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// The v2 code for a v1 code: the same word in small letters, but for a bad request.
pub(crate) fn code(of_v1: &str) -> String {
    match of_v1 {
        "BAD_REQUEST" => "invalid_request".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}
