//! The id of a request: taken from the caller or made here, in every answer and every log line.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use tracing::Span;

use crate::Web;

/// The header that carries it in and out.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id from outside at most.
const MAX_CHARACTERS: usize = 64;

/// The id of the request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub String);

/// A request that has its id and waits for its answer.
pub(crate) struct Named {
    id: String,
    method: Method,
    path: String,
    began: Instant,
}

/// Gives the request its id.
pub(crate) fn assign(web: &Web, request: &mut Request) -> Named {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_acceptable(id));
    let id = given.map_or_else(|| new_id(web), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    Named { id, method: request.method().clone(), path: request.uri().path().to_owned(), began: Instant::now() }
}

impl Named {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is logged meanwhile is logged with the id.
    pub fn span(&self) -> Span {
        tracing::info_span!("request", id = %self.id)
    }

    /// Logs the request, and puts the id on its answer.
    pub fn answered(self, mut response: Response) -> Response {
        let Self { id, method, path, began } = self;
        let (status, ms) = (response.status().as_u16(), u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        tracing::info!(status, ms, request_id = %id, "{method} {path}");
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    }
}

/// Letters, digits, `-`, `_` and `.`: nothing that could forge a log line or a header.
fn is_acceptable(id: &str) -> bool {
    (1..=MAX_CHARACTERS).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn new_id(web: &Web) -> String {
    let bytes = web.app.random.bytes::<16>().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
