//! The v1 API: the shapes of the documented contract, kept field for field.

pub(crate) mod accounts;
pub(crate) mod autorenew;
pub(crate) mod billing_cc;
pub(crate) mod billing_cycle;
pub(crate) mod cancel_hosting;
pub(crate) mod credit;
pub(crate) mod envelope;
pub(crate) mod invoice_pdf;
pub(crate) mod invoices;
pub(crate) mod renew;
pub(crate) mod resend_email;
pub(crate) mod transactions;

use std::str::FromStr;

use axum::extract::{FromRequest, Path, Request, rejection::PathRejection};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::ApiError;

/// An integer of at least 1 in the path.
pub(crate) fn path_id<T: FromStr>(name: &str, path: Result<Path<String>, PathRejection>) -> Result<T, ApiError> {
    let refused = || ApiError::bad_request(format!("{name} must be an integer of at least 1"));
    path.map_err(|_| refused())?.0.parse().map_err(|_| refused())
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

/// The bytes of a body within its limit.
pub(crate) struct Body(pub axum::body::Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = axum::body::Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(|rejection| ApiError::from_status(rejection.status()))
    }
}

/// A decimal text as a JSON number, digit for digit: no float in between.
pub(crate) fn number(decimal: &str) -> Box<RawValue> {
    RawValue::from_string(decimal.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
