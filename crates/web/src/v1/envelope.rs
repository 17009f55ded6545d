//! What every v1 success is wrapped in.

use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::describe::{Answers, Shape, json_given};

/// `success`, `timestamp`, `requestId`, `data`, in this order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EnvelopeOf{T}")]
pub(crate) struct Envelope<T> {
    /// Always true: an error has no such field.
    success: bool,
    timestamp: String,
    request_id: String,
    data: T,
}

impl<T> Envelope<T> {
    pub fn new(now: Timestamp, request_id: String, data: T) -> Self {
        Self { success: true, timestamp: iso(now), request_id, data }
    }
}

/// 200 with what there is to say in its envelope.
#[derive(Debug)]
pub(crate) struct Success<T>(pub Envelope<T>);

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: JsonSchema> Answers for Success<T> {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.answers.insert(200, json_given::<Envelope<T>>("It worked.", schemas));
    }
}

/// An instant as the API writes it: UTC with milliseconds.
pub(crate) fn iso(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
