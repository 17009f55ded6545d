//! `Idempotency-Key`: a request with a name is carried out once, and its first answer is given to every repeat.
//!
//! What a handler writes becomes one transaction, and the answer is written in it (see [`perennial_app::Once`]). An error
//! writes nothing, so a repeat is carried out anew. A renewal is committed together with others; its answer goes with it.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use perennial_app::{Actor, Answered, KnownAnswer, Once};
use perennial_billing::{ApiKeyId, SellerId};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::{ApiError, Web, body};

/// The header that names a request.
pub(crate) const HEADER: &str = "Idempotency-Key";
/// The header that marks an answer that was given before.
pub(crate) const REPLAYED: &str = "Idempotent-Replayed";
/// Characters of a name at most.
pub(crate) const MAX_KEY_CHARACTERS: usize = 255;
/// Bytes of an answer that is kept at most; the longest one tells of [`perennial_app::MAX_BATCH_SERVICES`] renewals.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The headers that belong to an answer.
const KEPT_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, ETAG, LOCATION];

/// The named requests that this node is carrying out. As many as there are requests at a time, so it needs no limit.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashSet<Name>>);

type Name = (SellerId, ApiKeyId, String);

/// One of them, until it ends.
struct Turn<'a>(&'a Running, Name);

impl Running {
    /// None if a request with this name is under way.
    fn enter(&self, name: Name) -> Option<Turn<'_>> {
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        is_first.then_some(Turn(self, name))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// Work that begins when what the handler wrote is durable.
pub(crate) type Later = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a handler leaves it.
#[derive(Clone, Default)]
pub(crate) struct Afterwards(Arc<Mutex<Vec<Later>>>);

impl Afterwards {
    /// Leaves work.
    pub fn push(&self, work: Later) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    }

    fn begin(&self) {
        for work in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            tokio::spawn(work);
        }
    }
}

impl std::fmt::Debug for Afterwards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Afterwards")
    }
}

/// Carries a request out once if it has a name.
pub(crate) async fn once(State(web): State<Web>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    named(&web, request, next).await.unwrap_or_else(ApiError::into_response)
}

async fn named(web: &Web, request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let mut context = Context::from_request_parts(&mut parts, web).await?;
    let key = name_of(&parts.headers)?;
    let Actor::Key(api_key) = context.caller.actor else { return Err(ApiError::internal()) };
    let body::Body(body) = body::Body::read(&parts.headers, body).await?;
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let customer = context.caller.customer.map_or(0, |customer| customer.0);
    let head = [parts.method.as_str(), target, &customer.to_string()];
    let once = Once::new(context.caller.seller, api_key, key.clone(), &head, &body);
    let running = web.running.clone();
    let turn = running.enter((context.caller.seller, api_key, key)).ok_or_else(ApiError::key_in_use)?;
    if let Some(known) = web.app.known_answer(&once).await? {
        return again(known);
    }
    let app = Arc::new(web.app.jointly());
    let afterwards = Afterwards::default();
    context.app = app.clone();
    context.once = Some((once.clone(), afterwards.clone()));
    parts.extensions.insert(context);
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER_BYTES).await.map_err(|error| {
        tracing::error!(%error, "an answer is too long to be kept: {error}");
        ApiError::internal()
    })?;
    if !once.is_kept() {
        let answered = answered(parts.status, &parts.headers, &body)?;
        // Another node was faster with the same request, or a caller that went away left it in the queue.
        if !app.keep_answer(&once, answered).await? {
            let known = web.app.known_answer(&once).await?;
            return known.map_or_else(|| Err(ApiError::unavailable()), again);
        }
    }
    afterwards.begin();
    drop(turn);
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// The name that a request has.
fn name_of(headers: &HeaderMap) -> Result<String, ApiError> {
    let mut names = headers.get_all(HEADER).iter();
    let name = names.next().and_then(|name| name.to_str().ok()).map(str::trim).unwrap_or_default();
    let is_good = (1..=MAX_KEY_CHARACTERS).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good && names.next().is_none() {
        return Ok(name.to_owned());
    }
    let message =
        format!("{HEADER} must be one text of 1 to {MAX_KEY_CHARACTERS} visible ASCII characters, such as a UUID");
    Err(ApiError::bad_request(message))
}

/// An answer as it is kept.
fn answered(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Result<Answered, ApiError> {
    let mut kept = Map::new();
    for name in KEPT_HEADERS {
        if let Some(value) = headers.get(&name).and_then(|value| value.to_str().ok()) {
            kept.insert(name.to_string(), value.into());
        }
    }
    let body = String::from_utf8(body.to_vec()).map_err(|_| ApiError::internal())?;
    Ok(Answered { status: status.as_u16(), headers: Value::from(kept).to_string(), body })
}

/// The first answer once more.
fn again(known: KnownAnswer) -> Result<Response, ApiError> {
    let KnownAnswer::Same(answered) = known else { return Err(ApiError::key_reused()) };
    let status = StatusCode::from_u16(answered.status).map_err(|_| ApiError::internal())?;
    let mut response = (status, answered.body).into_response();
    let kept: Map<String, Value> = serde_json::from_str(&answered.headers).unwrap_or_default();
    response.headers_mut().remove(CONTENT_TYPE);
    for (name, value) in &kept {
        let name = HeaderName::try_from(name.as_str());
        let value = HeaderValue::try_from(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    Ok(response)
}
