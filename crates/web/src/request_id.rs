//! The id of a request: taken from the caller or made here, in every answer and every log line.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::Web;

/// The header that carries it in and out.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id from outside at most.
const MAX_CHARACTERS: usize = 64;

/// The id of the request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub String);

/// Gives the request its id, logs the request when it is answered, and puts the id on the answer.
pub(crate) async fn assign(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_acceptable(id));
    let id = given.map_or_else(|| new_id(&web), str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id = %id);
    request.extensions_mut().insert(RequestId(id.clone()));
    let started = Instant::now();
    let mut response = next.run(request).instrument(span).await;
    let (status, ms) = (response.status().as_u16(), u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
    tracing::info!(status, ms, request_id = %id, "{method} {path}");
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
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
