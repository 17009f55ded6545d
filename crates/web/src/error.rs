//! Errors of both surfaces, built in one place: exactly `error`, `message`, `code`, `timestamp` and `requestId` in v1, a
//! problem document in v2.

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use perennial_app::{AppError, Scope};
use perennial_billing::InvoiceId;
use perennial_store::StoreError;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::openapi;
use crate::pay::Page;
use crate::v1::envelope::iso;
use crate::v2;
use crate::v2::problem::{self, Problem};
pub(crate) use crate::v2::problem::{Code, FieldCode, FieldError};
use crate::wire::Text;

/// Seconds after which to try again when the database is away.
const RETRY_AFTER_UNAVAILABLE: u64 = 5;

/// Seconds after which to send a request again whose first one is under way.
const RETRY_AFTER_RUNNING: u64 = 1;

/// An error on its way to the caller. It rides on the response until `Surface::render` gives it its body.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: Code,
    message: String,
    details: Option<Box<Details>>,
    /// Seconds to wait.
    retry_after: Option<u64>,
}

/// What only some errors have.
#[derive(Debug, Clone, Default)]
struct Details {
    /// A status that the framework answered with and for which there is no code of its own.
    status: Option<StatusCode>,
    /// The invoice that is in the way.
    invoice: Option<InvoiceId>,
    /// What is wrong with which fields.
    errors: Vec<FieldError>,
    /// Scopes of which one would do.
    scopes: Vec<&'static str>,
}

impl ApiError {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retry_after: None }
    }

    fn detailed(mut self, detail: impl FnOnce(&mut Details)) -> Self {
        detail(self.details.get_or_insert_default());
        self
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }

    /// 400: a field of the body cannot be understood.
    pub(crate) fn invalid_body(error: FieldError) -> Self {
        let field = error.pointer.trim_start_matches('/');
        let field =
            if error.code == FieldCode::Invalid && !field.is_empty() { format!("`{field}` ") } else { String::new() };
        let message = format!("The request body is not as documented: {field}{}", error.detail);
        Self::new(Code::InvalidRequest, message).detailed(|details| details.errors.push(error))
    }

    /// 422: the cursor is none that was given out.
    pub(crate) fn invalid_cursor() -> Self {
        Self::new(Code::InvalidCursor, "cursor must be the nextCursor of the page before")
    }

    /// 422 in v2, 400 in v1: the value of a field is understood and cannot be taken.
    pub(crate) fn invalid_value(field: &str, reason: impl Into<String>) -> Self {
        let detail = reason.into();
        let message = format!("{field}: {detail}");
        let error = FieldError { pointer: format!("/{field}"), detail, code: FieldCode::Invalid };
        Self::new(Code::InvalidValue, message).detailed(|details| details.errors.push(error))
    }

    /// 401: no key, or one that is unknown, revoked or expired.
    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "Authentication required")
    }

    /// 403: the key has none of the scopes.
    pub(crate) fn forbidden(scopes: &[Scope]) -> Self {
        let scopes: Vec<&'static str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let message = format!("This API key lacks the scope {}", scopes.join(" or "));
        Self::new(Code::Forbidden, message).detailed(|details| details.scopes = scopes)
    }

    /// 403: the key belongs to a customer.
    pub(crate) fn staff_only() -> Self {
        Self::new(Code::Forbidden, "This is for keys of staff")
    }

    /// 404: it does not exist, or is not the caller's to see.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// 410: it was good once.
    pub(crate) fn gone(message: impl Into<String>) -> Self {
        Self::new(Code::Gone, message)
    }

    /// 409: it contradicts how things stand.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// 409 with the invoice that is in the way.
    pub(crate) fn blocked_by(invoice: InvoiceId, message: impl Into<String>) -> Self {
        Self::new(Code::ExistingInvoiceBlocking, message).detailed(|details| details.invoice = Some(invoice))
    }

    /// 409: the first request of that name is under way.
    pub(crate) fn key_in_use() -> Self {
        let message = "A request with this Idempotency-Key is still under way; send it again in a moment";
        Self { retry_after: Some(RETRY_AFTER_RUNNING), ..Self::new(Code::IdempotencyKeyInUse, message) }
    }

    /// 422: the name belongs to another request.
    pub(crate) fn key_reused() -> Self {
        Self::new(Code::IdempotencyKeyReused, "This Idempotency-Key was sent before, with another request")
    }

    /// 412: it changed since it was read.
    pub(crate) fn changed() -> Self {
        Self::new(Code::PreconditionFailed, "It has changed since you read it: read it again, then change it")
    }

    /// 429: too many requests.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let message = format!("Too many requests. Please try again in {seconds} seconds.");
        Self { retry_after: Some(seconds), ..Self::new(Code::TooManyRequests, message) }
    }

    /// 500 of the contract: the price source failed. Nothing was written.
    pub(crate) fn price_unavailable() -> Self {
        Self::new(Code::PriceUnavailable, "Could not refresh pricing for this service. Please try again later.")
    }

    /// 500: a mistake of ours, told without detail.
    pub(crate) fn internal() -> Self {
        Self::new(Code::InternalError, "An unexpected error occurred")
    }

    /// 503: the same call may succeed later.
    pub(crate) fn unavailable() -> Self {
        let message = "The service is temporarily unavailable. Please try again later.";
        Self { retry_after: Some(RETRY_AFTER_UNAVAILABLE), ..Self::new(Code::ServiceUnavailable, message) }
    }

    /// The error for a bare status that the framework answered with.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("The requested resource was not found"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(Code::MethodNotAllowed, "This method is not allowed for this resource")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Code::PayloadTooLarge, "The request body is too large"),
            StatusCode::REQUEST_TIMEOUT => Self::new(Code::RequestTimeout, "The request body took too long to arrive"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(Code::UnsupportedMediaType, "The request body must be JSON")
            }
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(),
            status if status.is_client_error() => {
                Self::bad_request("The request is not valid").detailed(|details| details.status = Some(status))
            }
            _ => Self::internal(),
        }
    }

    /// The same with another message.
    pub(crate) fn saying(self, message: &'static str) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Its code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Its status and body in v1.
    fn as_v1(&self, request_id: &str, timestamp: String) -> (StatusCode, Vec<u8>) {
        let (status, code) = self.code.in_v1();
        let status = self.details.as_ref().and_then(|details| details.status).unwrap_or(status);
        let (error, message) = (status.canonical_reason().unwrap_or("Error"), &*self.message);
        let body = match (self.code, self.retry_after) {
            (Code::TooManyRequests, Some(seconds)) => {
                serde_json::to_vec(&TooManyBody { error, message, retry_after: seconds.to_string(), request_id })
            }
            _ => {
                let invoice_id = self.details.as_ref().and_then(|details| details.invoice).map(|id| id.to_string());
                serde_json::to_vec(&Body { error, message, code, timestamp, request_id, invoice_id })
            }
        };
        (status, body.unwrap_or_default())
    }

    /// Its status and body in v2.
    fn as_problem(&self, instance: &str, request_id: &str, timestamp: String) -> (StatusCode, Vec<u8>) {
        let details = self.details.as_deref();
        let status = details.and_then(|details| details.status).unwrap_or(self.code.status());
        let document = Problem {
            r#type: format!("{}/{}", problem::PAGES, self.code.as_str()),
            title: self.code.title(),
            status: status.as_u16(),
            detail: &self.message,
            code: self.code.as_str(),
            instance,
            request_id,
            timestamp,
            errors: details.map_or(&[], |details| &details.errors),
            invoice: details.and_then(|details| details.invoice).map(|invoice| Text(invoice).to_string()),
            scopes: details.map(|details| details.scopes.clone()).unwrap_or_default(),
            retry_after: self.retry_after,
        };
        (status, serde_json::to_vec(&document).unwrap_or_default())
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Invalid(ref problems) => {
                let errors = problems.iter().map(|problem| FieldError {
                    pointer: format!("/{}", camel(problem.field)),
                    detail: problem.reason.clone(),
                    code: FieldCode::Invalid,
                });
                let errors = errors.collect();
                Self::new(Code::InvalidValue, error.to_string()).detailed(|details| details.errors = errors)
            }
            AppError::NotFound(_) => Self::not_found(error.to_string()),
            AppError::Gone(_) => Self::gone(error.to_string()),
            AppError::Conflict(message) => Self::conflict(message),
            AppError::Blocked(invoice) => {
                Self::blocked_by(invoice, "An unpaid renewal invoice exists for this service")
            }
            AppError::Changed => Self::changed(),
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

/// A field's name as the wire has it.
fn camel(field: &str) -> String {
    let mut words = field.split(['_', ' ']);
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
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
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// An error of v1.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1Error")]
struct Body<'a> {
    error: &'static str,
    message: &'a str,
    code: String,
    timestamp: String,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<String>,
}

/// Too many requests in v1, with fields of its own.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1TooManyRequests")]
struct TooManyBody<'a> {
    error: &'static str,
    message: &'a str,
    retry_after: String,
    request_id: &'a str,
}

/// The schemas of v1's errors.
pub(crate) fn v1_schemas(schemas: &mut SchemaGenerator) {
    openapi::name::<Body<'static>>(schemas);
    openapi::name::<TooManyBody<'static>>(schemas);
}

/// In which format a request is answered if it goes wrong.
pub(crate) enum Surface {
    V1,
    /// The path is named in the answer.
    V2 {
        path: String,
    },
}

impl Surface {
    /// That of a request.
    pub fn of(request: &Request) -> Self {
        let path = request.uri().path();
        if v2::owns(path) { Self::V2 { path: path.to_owned() } } else { Self::V1 }
    }

    /// Gives every error answer its body, whether it comes from a handler or from the framework.
    pub fn render(&self, mut response: Response, request_id: &str, now: Timestamp) -> Response {
        let status = response.status();
        let error = match response.extensions_mut().remove::<ApiError>() {
            Some(error) => error,
            None if response.extensions().get::<Page>().is_some() => return response,
            None if status.is_client_error() || status.is_server_error() => ApiError::from_status(status),
            None => return response,
        };
        let now = iso(now);
        let (content_type, (status, body)) = match self {
            Self::V1 => ("application/json", error.as_v1(request_id, now)),
            Self::V2 { path } => (problem::CONTENT_TYPE, error.as_problem(path, request_id, now)),
        };
        let mut rendered = (status, body).into_response();
        // What the framework said stays: `Allow`, the rate limit.
        keep(rendered.headers_mut(), response.headers());
        rendered.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(seconds) = error.retry_after {
            rendered.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::V2 { .. }) && status == StatusCode::UNAUTHORIZED {
            rendered.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        rendered
    }
}

fn keep(to: &mut HeaderMap, from: &HeaderMap) {
    for (name, value) in from {
        if !matches!(name.as_str(), "content-type" | "content-length") {
            to.insert(name, value.clone());
        }
    }
}
