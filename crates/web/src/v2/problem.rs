//! Errors of the v2 API: problem documents (RFC 9457) with a stable code, and a page for each code.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// What the content type of a problem document is.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";
/// Where the page of a code is.
pub(crate) const PAGES: &str = "/docs/errors";

/// A problem document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Problem")]
pub(crate) struct Problem<'a> {
    /// Where the page about this code is.
    pub r#type: String,
    /// What the code means, in a few words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is the matter this time, for people.
    pub detail: &'a str,
    /// What to tell problems apart by.
    #[schemars(schema_with = "codes")]
    pub code: &'static str,
    /// The path of the request.
    pub instance: &'a str,
    /// What to name when asking about it.
    pub request_id: &'a str,
    pub timestamp: String,
    /// What is wrong with which fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    pub errors: &'a [FieldError],
    /// The invoice that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// The scopes of which one is missing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    pub scopes: Vec<&'static str>,
    /// Seconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

fn codes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "enum": Code::ALL.map(Code::as_str)})
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct FieldError {
    /// Where it is in the body (RFC 6901).
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
    /// In a word.
    pub code: FieldCode,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum FieldCode {
    /// It is needed.
    #[serde(rename = "missing_required")]
    Missing,
    /// There is no such field.
    #[serde(rename = "unknown_field")]
    Unknown,
    /// Its value cannot be taken.
    #[serde(rename = "invalid_value")]
    Invalid,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $status:ident, $word:literal, $title:literal;)+) => {
        /// What kind of problem it is. A code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($(#[$doc])* $code,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$code),+];

            /// The word in v2; v1 has the same one in capitals, but for a few.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $word,)+
                }
            }

            /// What it means, in a few words.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$code => $title,)+
                }
            }

            /// The status that comes with it in v2.
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$code => StatusCode::$status,)+
                }
            }

            /// The page about it, in Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$code => include_str!(concat!("../../../../docs/errors/", $word, ".md")),)+
                }
            }
        }
    };
}

codes! {
    /// The request cannot be understood.
    InvalidRequest = BAD_REQUEST, "invalid_request", "Invalid request";
    /// The cursor is none that was given out.
    InvalidCursor = UNPROCESSABLE_ENTITY, "invalid_cursor", "Invalid cursor";
    /// No key, or one that does not work.
    Unauthorized = UNAUTHORIZED, "unauthorized", "Authentication required";
    /// The key does not allow it.
    Forbidden = FORBIDDEN, "forbidden", "Not allowed";
    /// It does not exist, or is not the caller's to see.
    NotFound = NOT_FOUND, "not_found", "Not found";
    /// It was good once, and is not any more.
    Gone = GONE, "gone", "No longer valid";
    /// The path has no such method.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed";
    /// It contradicts how things stand.
    Conflict = CONFLICT, "conflict", "Conflict";
    /// An unpaid renewal invoice is in the way.
    ExistingInvoiceBlocking = CONFLICT, "existing_invoice_blocking", "An unpaid invoice is in the way";
    /// The first request with this `Idempotency-Key` is still under way.
    IdempotencyKeyInUse = CONFLICT, "idempotency_key_in_use", "The first request is still under way";
    /// It changed since it was read.
    PreconditionFailed = PRECONDITION_FAILED, "precondition_failed", "It has changed";
    /// The body took too long to arrive.
    RequestTimeout = REQUEST_TIMEOUT, "request_timeout", "The request was too slow";
    /// The body is too large.
    PayloadTooLarge = PAYLOAD_TOO_LARGE, "payload_too_large", "Body too large";
    /// The body is of another kind.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported body";
    /// The values are understood and cannot be taken.
    InvalidValue = UNPROCESSABLE_ENTITY, "invalid_value", "Invalid value";
    /// The `Idempotency-Key` belongs to another request.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The key belongs to another request";
    /// Too many requests.
    TooManyRequests = TOO_MANY_REQUESTS, "too_many_requests", "Too many requests";
    /// A mistake of ours.
    InternalError = INTERNAL_SERVER_ERROR, "internal_error", "Internal error";
    /// A price source failed or has no price.
    PriceUnavailable = CONFLICT, "price_unavailable", "No price to be had";
    /// The same request may succeed later.
    ServiceUnavailable = SERVICE_UNAVAILABLE, "service_unavailable", "Unavailable for the moment";
}

impl Code {
    /// The code with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    /// Its status and word in v1, whose documented codes are fewer.
    pub fn in_v1(self) -> (StatusCode, String) {
        let as_it_is = || (self.status(), self.as_str().to_ascii_uppercase());
        match self {
            Self::InvalidRequest | Self::InvalidCursor | Self::InvalidValue => {
                (StatusCode::BAD_REQUEST, "BAD_REQUEST".to_owned())
            }
            Self::ExistingInvoiceBlocking => (StatusCode::CONFLICT, "CONFLICT".to_owned()),
            Self::PriceUnavailable => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR".to_owned()),
            _ => as_it_is(),
        }
    }
}
