//! Who is calling and with which request: what a handler starts from.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use perennial_app::{Actor, Answered, App, AppError, Caller, Once, OnceRenewal, RenewalQueue, Renewed, Scope};
use perennial_billing::{CustomerId, SellerId};
use serde::Serialize;

use crate::address::ClientAddress;
use crate::error::Code;
use crate::idempotency::Afterwards;
use crate::limit::StandingSlot;
use crate::operation::{Access, Door};
use crate::request_id::RequestId;
use crate::v1::envelope::{Envelope, Success};
use crate::v2;
use crate::wire::OnWire as _;
use crate::{ApiError, Web};

/// The customer for which staff asks.
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("x-on-behalf-of");

/// A request from a known key that is within its limit.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub app: Arc<App>,
    pub caller: Caller,
    pub renewals: RenewalQueue,
    request_id: String,
    /// The request's name, if it has one and is to be carried out once, and where work is left for afterwards.
    pub once: Option<(Once, Afterwards)>,
}

impl Context {
    /// Refuses a customer's key, whatever it allows.
    pub fn require_staff(&self) -> Result<(), ApiError> {
        if self.caller.customer.is_none() { Ok(()) } else { Err(ApiError::staff_only()) }
    }

    /// How a renewal is answered for good, if the request has a name.
    pub fn once_renewed<T: Serialize>(
        &self,
        answer: impl Fn(&Renewed) -> T + Send + Sync + 'static,
    ) -> Option<OnceRenewal> {
        let (once, _) = self.once.clone()?;
        let answer = move |renewed: &Renewed| Answered {
            status: 200,
            headers: r#"{"content-type":"application/json"}"#.to_owned(),
            body: serde_json::to_string(&answer(renewed)).unwrap_or_default(),
        };
        Some(OnceRenewal { once, answer: Arc::new(answer) })
    }

    /// What puts data into the v1 envelope, as of this moment.
    pub fn envelope<T>(&self, now: Timestamp) -> impl Fn(T) -> Envelope<T> + Send + Sync + 'static
    where
        T: 'static,
    {
        let request_id = self.request_id.clone();
        move |data| Envelope::new(now, request_id.clone(), data)
    }

    /// Goes on with something by itself, once what this request writes is durable.
    pub fn afterwards(&self, work: impl Future<Output = ()> + Send + 'static) {
        match &self.once {
            Some((_, afterwards)) => afterwards.push(Box::pin(work)),
            None => drop(tokio::spawn(work)),
        }
    }

    /// 200 with `data` in the v1 envelope.
    pub fn success<T>(&self, data: T) -> Success<T> {
        Success(Envelope::new(self.app.clock.now(), self.request_id.clone(), data))
    }
}

impl FromRequestParts<Web> for Context {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        // A request with a name has passed already.
        if let Some(context) = parts.extensions.remove::<Self>() {
            return Ok(context);
        }
        let key = key_of(&parts.headers).ok_or_else(ApiError::unauthorized)?;
        let caller = authenticated(web, key, parts.extensions.get().copied()).await?;
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
        let caller = on_behalf(web, caller, &parts.headers).await?;
        pass(&caller, parts)?;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Ok(Self { app: web.app.clone(), caller, renewals: web.renewals.clone(), request_id, once: None })
    }
}

/// A request that needs no key. One that works tells who asks all the same; one that does not is as good as none.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub app: Arc<App>,
    caller: Option<Caller>,
    request_id: String,
}

impl Visitor {
    /// Whether a key came along that may see the invoices of this customer.
    pub fn may_see(&self, seller: SellerId, customer: CustomerId) -> bool {
        self.caller.is_some_and(|caller| {
            caller.seller == seller && caller.may_see(customer) && caller.scopes.allow(Scope::ReadBilling)
        })
    }

    /// 200 with `data` in the v1 envelope.
    pub fn success<T>(&self, data: T) -> Success<T> {
        Success(Envelope::new(self.app.clock.now(), self.request_id.clone(), data))
    }
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        // Whatever is not said to be for everybody stays closed.
        if !parts.extensions.get::<Door>().is_some_and(|door| matches!(door.access, Access::Public)) {
            return Err(ApiError::internal());
        }
        let mut caller = None;
        if let Some(key) = key_of(&parts.headers) {
            caller = match authenticated(web, key, parts.extensions.get().copied()).await {
                Ok(caller) => Some(on_behalf(web, caller, &parts.headers).await?),
                Err(error) if matches!(error.code(), Code::Unauthorized | Code::TooManyRequests) => None,
                Err(error) => return Err(error),
            };
        }
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Ok(Self { app: web.app.clone(), caller, request_id })
    }
}

/// Who holds this key. Whoever tries many keys that do not work has to wait, with a good one too.
async fn authenticated(web: &Web, key: &str, from: Option<ClientAddress>) -> Result<Caller, ApiError> {
    let (now, from) = (web.app.clock.now(), from.map(|ClientAddress(address)| address));
    if let Some(seconds) = from.and_then(|address| web.limits.guessing(address, now)) {
        return Err(ApiError::too_many(seconds));
    }
    if let Some(caller) = web.app.authenticate(key, from).await? {
        return Ok(caller);
    }
    if let Some(address) = from {
        web.limits.guessed(address, now);
    }
    Err(ApiError::unauthorized())
}

/// Staff that asks for a customer is narrowed to what that customer may see and do.
async fn on_behalf(web: &Web, caller: Caller, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let mut given = headers.get_all(ON_BEHALF_OF).iter();
    let Some(value) = given.next() else { return Ok(caller) };
    if caller.customer.is_some() {
        return Err(ApiError::staff_only().saying("X-On-Behalf-Of is for keys of staff"));
    }
    let text = value.to_str().ok().filter(|_| given.next().is_none()).unwrap_or_default();
    let refused = |reason: String| ApiError::bad_request(format!("X-On-Behalf-Of {reason}"));
    let customer = CustomerId::read(text.trim()).map_err(refused)?;
    match web.app.on_behalf_of(caller, customer).await {
        Err(AppError::NotFound(_)) => Err(ApiError::bad_request("X-On-Behalf-Of names a customer that is not there")),
        outcome => Ok(outcome?),
    }
}

/// Lets a caller through the door of an operation, or says why not.
fn pass(caller: &Caller, parts: &Parts) -> Result<(), ApiError> {
    // A route without a door is a mistake of ours, and stays closed.
    let Some(door) = parts.extensions.get::<Door>() else { return Err(ApiError::internal()) };
    let scopes = door.access.scopes();
    if !scopes.is_empty() && !scopes.iter().any(|scope| caller.scopes.allow(*scope)) {
        return Err(ApiError::forbidden(scopes));
    }
    if matches!(door.access, Access::Staff(_)) && caller.customer.is_some() {
        return Err(ApiError::staff_only());
    }
    let has_query = parts.uri.query().is_some_and(|query| !query.is_empty());
    if has_query && !door.has_query && v2::owns(parts.uri.path()) {
        return Err(ApiError::bad_request("This takes no parameters in the query string"));
    }
    Ok(())
}

/// The key in `X-API-Key`, or in `Authorization: Bearer`, as real clients of the original send it.
fn key_of(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        return key.to_str().ok().map(str::trim).filter(|key| !key.is_empty());
    }
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(key.trim()).filter(|key| scheme.eq_ignore_ascii_case("bearer") && !key.is_empty())
}
