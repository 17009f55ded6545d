//! What every v1 success is wrapped in.

use jiff::Timestamp;
use serde::Serialize;

/// `success`, `timestamp`, `requestId`, `data`, in this order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope<'a, T> {
    success: bool,
    timestamp: String,
    request_id: &'a str,
    data: T,
}

impl<'a, T> Envelope<'a, T> {
    pub fn new(now: Timestamp, request_id: &'a str, data: T) -> Self {
        Self { success: true, timestamp: iso(now), request_id, data }
    }
}

/// An instant as the API writes it: UTC with milliseconds.
pub(crate) fn iso(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
