//! The v1 API: the shapes of the documented contract, kept field for field.

pub(crate) mod account;
pub(crate) mod accounts;
pub(crate) mod autorenew;
pub(crate) mod billing_cc;
pub(crate) mod billing_cycle;
pub(crate) mod cancel_hosting;
pub(crate) mod cards;
pub(crate) mod credit;
pub(crate) mod envelope;
pub(crate) mod invoice_pdf;
pub(crate) mod invoices;
pub(crate) mod keys;
pub(crate) mod payment_link;
pub(crate) mod renew;
pub(crate) mod resend_email;
mod routes;
pub(crate) mod transactions;

use std::borrow::Cow;
use std::str::FromStr;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

pub(crate) use routes::operations;

use crate::ApiError;
use crate::body::Body;
use crate::describe::{Shape, Taken, Takes, query_parameters};
use perennial_billing::MAX_ID;

/// The integer of at least 1 in the path.
#[derive(Debug)]
pub(crate) struct At<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let refused = |name: &str| ApiError::bad_request(format!("{name} must be an integer of at least 1"));
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| refused("an id"))?;
        let (name, value) = params.iter().next().ok_or_else(ApiError::internal)?;
        value.parse().map(Self).map_err(|_| refused(name))
    }
}

impl<T> Takes for At<T> {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.path.push(json!({"type": "integer", "minimum": 1, "maximum": MAX_ID}));
    }
}

impl<T: JsonSchema> Takes for Result<Query<T>, QueryRejection> {
    const IS_QUERY: bool = true;

    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.query.extend(query_parameters::<T>(schemas));
    }
}

/// A JSON body in the house's error format, whatever its `Content-Type`.
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Body(body) = Body::from_request(request, state).await?;
        let refused = |error: serde_json::Error| {
            let what = if error.is_data() { "is not of the documented shape" } else { "is not valid JSON" };
            ApiError::bad_request(format!(
                "The request body {what} at line {}, column {}",
                error.line(),
                error.column()
            ))
        };
        serde_json::from_slice(&body).map(Self).map_err(refused)
    }
}

impl<T: JsonSchema> Takes for Json<T> {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.body = Some(Taken { schema: schemas.subschema_for::<T>().to_value(), is_needed: true });
    }
}

impl<T: JsonSchema> Takes for Result<Json<T>, ApiError> {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        Json::<T>::describe(shape, schemas);
    }
}

impl Takes for Body {
    fn describe(_: &mut Shape, _: &mut SchemaGenerator) {}
}

/// A JSON number, digit for digit: no float in between.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Number(Box<RawValue>);

impl Number {
    /// A decimal text as a number.
    pub fn of(decimal: &str) -> Self {
        Self(RawValue::from_string(decimal.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number"})
    }
}
