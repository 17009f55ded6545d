//! All doors, and what stands before each of them.

use std::time::Duration;

use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Router, response::IntoResponse};
use perennial_app::Scope::ReadBilling;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::operation::Access::Staff;
use crate::operation::{Operations, at};
use crate::{
    ApiError, Web, address, docs, error, health, limit, linger, metrics, pay, request_id, security_headers, v1, v2,
};

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
    routes
        .fallback(async || ApiError::not_found("The requested resource was not found"))
        .method_not_allowed_fallback(async || ApiError::from_status(StatusCode::METHOD_NOT_ALLOWED))
        .layer(from_fn(limit::headers))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(web.clone(), address::limit))
        .layer(from_fn_with_state(web.clone(), error::render))
        .layer(from_fn_with_state(web.clone(), request_id::assign))
        .layer(from_fn(security_headers::put))
        .layer(from_fn(linger::hear_out))
        .with_state(web)
}

/// A panic is ours to mend; the caller learns only that it happened.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("(no message)"), "a handler panicked");
    ApiError::internal().into_response()
}
