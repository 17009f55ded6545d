//! All doors, and what stands before each of them.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use perennial_app::Scope::ReadBilling;
use perennial_app::panic_text;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::error::Surface;
use crate::limit::StandingSlot;
use crate::operation::Access::Staff;
use crate::operation::{Operations, at};
use crate::{ApiError, Web, address, docs, health, linger, metrics, pay, request_id, security_headers, v1, v2};

/// How long a request may take, its body included. What was committed by then stays and is answered to a repeat.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// All doors of the program.
pub fn router(web: Web) -> Router {
    let routes = operations().router(&web).merge(docs::routes()).merge(pay::routes());
    let routes = routes.route("/healthz", get(health::healthz)).route("/readyz", get(health::readyz));
    guarded(routes, web)
}

/// Every operation of both surfaces.
pub(crate) fn operations() -> Operations {
    let system =
        [at(SYSTEM, "/metrics").get("getMetrics", Staff(&[ReadBilling]), metrics::metrics, "What was counted")];
    let mut operations = Operations::from_iter(system);
    operations.0.extend(v1::operations().0);
    operations.0.extend(v2::operations().0);
    operations
}

/// The heading of what belongs to no surface.
const SYSTEM: &str = "System";

/// Routes behind everything that stands before each of them: limits, time-outs, request ids, errors in the house format, headers
/// for browsers, bodies heard out.
pub fn guarded(routes: Router<Web>, web: Web) -> Router {
    let routes = routes
        .fallback(async || ApiError::not_found("The requested resource was not found"))
        .method_not_allowed_fallback(async || ApiError::from_status(StatusCode::METHOD_NOT_ALLOWED))
        .with_state(web.clone());
    Router::new().fallback(move |request: Request| answer(web.clone(), routes.clone(), request))
}

/// Answers one request. One function around all routes: a layer is copied for every request, with all that it lies around.
async fn answer(web: Web, routes: Router, request: Request) -> Response {
    let mut request = linger::hear_out(request);
    let named = request_id::assign(&web, &mut request);
    let surface = Surface::of(&request);
    let standing = StandingSlot::on(&mut request);
    let response = match address::limit(&web, &mut request) {
        Ok(()) => carried_out(routes, request).instrument(named.span()).await,
        Err(refused) => refused.into_response(),
    };
    let response = standing.put(response);
    let response = surface.render(response, named.id(), web.app.clock.now());
    security_headers::put(named.answered(response))
}

/// What the routes say, in time and without a panic.
async fn carried_out(routes: Router, request: Request) -> Response {
    let work = AssertUnwindSafe(TowerToHyperService::new(routes).call(request)).catch_unwind();
    match timeout(REQUEST_TIMEOUT, work).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(panic)) => panicked(&*panic),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// A panic is ours to mend; the caller learns only that it happened.
fn panicked(panic: &(dyn Any + Send)) -> Response {
    tracing::error!(panic = panic_text(panic), "a handler panicked");
    ApiError::internal().into_response()
}
