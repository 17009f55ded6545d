//! Errors of both surfaces, built in one place: exactly `error`, `message`, `code`, `timestamp` and `requestId` in v1, a
//! problem document in v2.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use perennial_app::AppError;
use perennial_billing::InvoiceId;
use perennial_store::StoreError;
use serde::Serialize;

use crate::Web;
use crate::request_id::RequestId;
use crate::v1::envelope::iso;
use crate::v2::{self, problem};

/// Seconds after which to try again when the database is away.
const RETRY_AFTER_UNAVAILABLE: u64 = 5;

/// An error on its way to the caller. It rides on the response until `render` gives it its body.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// The invoice that is in the way, if the answer names one.
    invoice: Option<InvoiceId>,
    /// Seconds to wait, which turns the body into the one of a 429.
    retry_after: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), invoice: None, retry_after: None }
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// 401: no key, or one that is unknown, revoked or expired.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Authentication required")
    }

    /// 403: the key does not allow it.
    pub(crate) fn forbidden(scope: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", format!("This API key lacks the scope {scope}"))
    }

    /// 403: the key belongs to a customer.
    pub(crate) fn staff_only() -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", "This is for keys of staff")
    }

    /// 404: it does not exist, or is not the caller's to see.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 409: it contradicts how things stand.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    /// 409 with the invoice that is in the way.
    pub(crate) fn blocked_by(invoice: InvoiceId, message: impl Into<String>) -> Self {
        Self { invoice: Some(invoice), ..Self::conflict(message) }
    }

    /// 429: too many requests.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let message = format!("Too many requests. Please try again in {seconds} seconds.");
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", message);
        Self { retry_after: Some(seconds), ..error }
    }

    /// 500 of the contract: the price source failed. Nothing was written.
    pub(crate) fn price_unavailable() -> Self {
        let message = "Could not refresh pricing for this service. Please try again later.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
    }

    /// 500: a mistake of ours, told without detail.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "An unexpected error occurred")
    }

    /// 503: the same call may succeed later.
    pub(crate) fn unavailable() -> Self {
        let message = "The service is temporarily unavailable. Please try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message)
    }

    /// The error for a bare status that the framework answered with.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("The requested resource was not found"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "METHOD_NOT_ALLOWED", "This method is not allowed for this resource")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "PAYLOAD_TOO_LARGE", "The request body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(status, "UNSUPPORTED_MEDIA_TYPE", "The request body must be JSON")
            }
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(),
            status if status.is_client_error() => Self { status, ..Self::bad_request("The request is not valid") },
            _ => Self::internal(),
        }
    }

    /// The same with another message.
    pub(crate) fn saying(self, message: &'static str) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// Seconds after which to try again, if that may help.
    fn wait(&self) -> Option<u64> {
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER_UNAVAILABLE),
            _ => self.retry_after,
        }
    }

    /// Its content type and body in v1.
    fn as_v1(&self, request_id: &str, timestamp: String) -> (&'static str, Vec<u8>) {
        let (error, message) = (self.title(), &*self.message);
        let body = match self.retry_after {
            Some(seconds) => {
                serde_json::to_vec(&TooManyBody { error, message, retry_after: seconds.to_string(), request_id })
            }
            None => {
                let invoice_id = self.invoice.map(|invoice| invoice.to_string());
                serde_json::to_vec(&Body { error, message, code: self.code, timestamp, request_id, invoice_id })
            }
        };
        ("application/json", body.unwrap_or_default())
    }

    /// Its content type and body in v2.
    fn as_problem(&self, request_id: &str) -> (&'static str, Vec<u8>) {
        let document = problem::Problem {
            r#type: "about:blank",
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.message,
            code: match self.invoice {
                Some(_) => "existing_invoice_blocking".to_owned(),
                None => problem::code(self.code),
            },
            request_id,
            invoice: self.invoice.map(|invoice| format!("inv_{invoice}")),
            retry_after: self.wait(),
        };
        (problem::CONTENT_TYPE, serde_json::to_vec(&document).unwrap_or_default())
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Invalid(_) => Self::bad_request(error.to_string()),
            AppError::NotFound(_) => Self::not_found(error.to_string()),
            AppError::Conflict(message) => Self::conflict(message),
            AppError::Blocked(invoice) => {
                Self::blocked_by(invoice, "An unpaid renewal invoice exists for this service")
            }
            AppError::PriceUnavailable(reason) => {
                tracing::warn!(reason, "a price is not to be had: {reason}");
                Self::price_unavailable()
            }
            AppError::Contention | AppError::Busy | AppError::Unavailable => Self::unavailable(),
            AppError::Store(error) => error.into(),
            AppError::Random(_) | AppError::Lost => {
                tracing::error!(%error, "a request failed");
                Self::internal()
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request failed in the database");
        match error {
            StoreError::Unavailable(_) | StoreError::Retry(_) => Self::unavailable(),
            _ => Self::internal(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    error: &'static str,
    message: &'a str,
    code: &'static str,
    timestamp: String,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TooManyBody<'a> {
    error: &'static str,
    message: &'a str,
    retry_after: String,
    request_id: &'a str,
}

/// Gives every error answer its body, whether it comes from a handler or from the framework.
pub(crate) async fn render(
    State(web): State<Web>,
    Extension(RequestId(id)): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    let is_v2 = v2::owns(request.uri().path());
    let mut response = next.run(request).await;
    let status = response.status();
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if status.is_client_error() || status.is_server_error() => ApiError::from_status(status),
        None => return response,
    };
    let (content_type, body) = if is_v2 { error.as_problem(&id) } else { error.as_v1(&id, iso(web.app.clock.now())) };
    let mut rendered = (error.status, body).into_response();
    // What the framework said stays: `Allow`, the rate limit.
    keep(rendered.headers_mut(), response.headers());
    rendered.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = error.wait() {
        rendered.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if is_v2 && error.status == StatusCode::UNAUTHORIZED {
        rendered.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    rendered
}

fn keep(to: &mut HeaderMap, from: &HeaderMap) {
    for (name, value) in from {
        if !matches!(name.as_str(), "content-type" | "content-length") {
            to.insert(name, value.clone());
        }
    }
}
