//! Who is calling and with which request: what a handler starts from.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use perennial_app::{Actor, App, Caller, RenewalQueue, Scope};
use serde::Serialize;

use crate::limit::StandingSlot;
use crate::request_id::RequestId;
use crate::v1::envelope::Envelope;
use crate::{ApiError, Web};

/// A request from a known key that is within its limit.
#[derive(Debug)]
pub(crate) struct Context {
    pub app: App,
    pub caller: Caller,
    pub renewals: RenewalQueue,
    request_id: String,
}

impl Context {
    /// Refuses a key without this scope.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.caller.scopes.allow(scope) { Ok(()) } else { Err(ApiError::forbidden(scope.as_str())) }
    }

    /// Refuses a key without this scope, and a customer's key whatever it allows.
    pub fn require_staff(&self, scope: Scope) -> Result<(), ApiError> {
        self.require(scope)?;
        if self.caller.customer.is_none() { Ok(()) } else { Err(ApiError::staff_only()) }
    }

    /// 200 with `data` as it is, for v2.
    pub fn plain<T: Serialize>(&self, data: T) -> Response {
        axum::Json(data).into_response()
    }

    /// 200 with `data` in the v1 envelope.
    pub fn success<T: Serialize>(&self, data: T) -> Response {
        axum::Json(Envelope::new(self.app.clock.now(), &self.request_id, data)).into_response()
    }
}

impl FromRequestParts<Web> for Context {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let key = key_of(&parts.headers).ok_or_else(ApiError::unauthorized)?;
        let caller = web.app.authenticate(key).await?.ok_or_else(ApiError::unauthorized)?;
        if let Actor::Key(id) = caller.actor
            && let Some(standing) = web.limits.count(caller.seller, id, web.app.clock.now())
        {
            if let Some(slot) = parts.extensions.get::<StandingSlot>() {
                slot.set(standing);
            }
            if let Some(seconds) = standing.wait {
                return Err(ApiError::too_many(seconds));
            }
        }
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Ok(Self { app: web.app.clone(), caller, renewals: web.renewals.clone(), request_id })
    }
}

/// The key in `X-API-Key`, or in `Authorization: Bearer`, as real clients of the original send it.
fn key_of(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        return key.to_str().ok().map(str::trim).filter(|key| !key.is_empty());
    }
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(key.trim()).filter(|key| scheme.eq_ignore_ascii_case("bearer") && !key.is_empty())
}
