//! Every route, on one page.

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, patch, post};
use axum::{Router, response::IntoResponse};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::{ApiError, Web, error, health, limit, metrics, request_id, v1, v2};

/// Bytes of a request body at most.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a request may take, its body included. What was committed by then stays and is answered to a repeat.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// All doors of the program.
pub fn router(web: Web) -> Router {
    let routes = Router::new()
        .route("/api/services/{accountId}/renew", post(v1::renew::renew))
        .route("/api/client-accounts", get(v1::accounts::client_accounts))
        .route("/api/hosting-accounts", get(v1::accounts::hosting_accounts))
        .route("/api/billing/invoices", get(v1::invoices::list).post(v1::invoices::query))
        .route("/api/billing/invoice/{id}", get(v1::invoices::detail))
        .route("/api/billing/invoice/pdf", post(v1::invoice_pdf::pdf))
        .route("/api/billing/invoice/{id}/resend-email", post(v1::resend_email::resend_email))
        .route("/api/billing/invoice/{id}/apply-credit", post(v1::credit::apply))
        .route("/api/billing/invoice/{id}/cancel", post(v1::credit::cancel))
        .route("/api/billing/account-summary", get(v1::credit::summary))
        .route("/api/billing/credit-log", get(v1::credit::log))
        .route("/api/billing/transactions", post(v1::transactions::list))
        .route("/api/account/billing-cc", post(v1::billing_cc::add))
        .route("/api/credit/add-funds", post(v1::credit::add_funds))
        .route(
            "/api/hosting/{accountId}/billing-cycle",
            get(v1::billing_cycle::of_hosting).post(v1::billing_cycle::change_hosting),
        )
        .route("/api/vm/{vmid}/billing-cycle", get(v1::billing_cycle::of_vm).post(v1::billing_cycle::change_vm))
        .route("/api/cancel-hosting", post(v1::cancel_hosting::cancel_hosting))
        .route("/api/vm/{vmid}/autorenew", get(v1::autorenew::autorenew))
        .route("/api/v2/runs", get(v2::runs::list).post(v2::runs::start))
        .route("/api/v2/runs/{id}", get(v2::runs::detail))
        .route("/api/v2/runs/{id}/problems", get(v2::runs::problems))
        .route("/api/v2/customers/{id}/preview", get(v2::preview::of_customer))
        .route("/api/v2/customers/{id}/alignment", post(v2::alignment::align))
        .route("/api/v2/services/{id}", patch(v2::services::change))
        .route("/api/v2/services/{id}/renew", post(v2::renew::renew))
        .route("/api/v2/services/{id}/changes", get(v2::changes::list).post(v2::changes::make))
        .route("/api/v2/services/{id}/unused", get(v2::changes::unused))
        .route("/api/v2/services/{id}/addons", get(v2::addons::list).post(v2::addons::sell))
        .route("/api/v2/services/{id}/discount", post(v2::discount::redeem).delete(v2::discount::end))
        .route("/api/v2/campaigns", get(v2::campaigns::list).post(v2::campaigns::start))
        .route("/api/v2/campaigns/{id}", get(v2::campaigns::detail).delete(v2::campaigns::undo))
        .route("/api/v2/campaigns/{id}/services", get(v2::campaigns::services))
        .route("/api/v2/campaigns/{id}/opt-outs", post(v2::campaigns::opt_out))
        .route("/api/v2/addons/{id}", delete(v2::addons::end))
        .route("/api/v2/invoices/{id}/pdf", get(v2::papers::pdf))
        .route("/api/v2/invoices/{id}/xml", get(v2::papers::xml))
        .route("/api/v2/invoices/{id}/mails", get(v2::mails::of_invoice))
        .route("/api/v2/invoices/{id}/actions/mail", post(v2::mails::resend))
        .route("/api/v2/invoices/{id}/actions/remind", post(v2::mails::remind))
        .route("/api/v2/mails", get(v2::mails::list))
        .route("/api/v2/mails/{id}", get(v2::mails::detail).delete(v2::mails::call_off))
        .route("/api/v2/mails/{id}/actions/retry", post(v2::mails::retry))
        .route("/api/v2/customers/{id}/contacts", get(v2::contacts::list).post(v2::contacts::put))
        .route("/api/v2/customers/{id}/contacts/{contact}", delete(v2::contacts::remove))
        .route("/api/v2/services/{id}/preview", get(v2::preview::of_service))
        .route("/api/v2/services/{id}/explanation", get(v2::explanation::explain))
        .route(
            "/api/v2/services/{id}/cancellation",
            get(v2::cancellation::detail).post(v2::cancellation::request).delete(v2::cancellation::revoke),
        )
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz));
    guarded(routes, web)
}

/// Routes behind everything that stands before each of them: limits, time-outs, request ids, errors in the house format.
pub fn guarded(routes: Router<Web>, web: Web) -> Router {
    routes
        .fallback(async || ApiError::not_found("The requested resource was not found"))
        .method_not_allowed_fallback(async || ApiError::from_status(StatusCode::METHOD_NOT_ALLOWED))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(limit::headers))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(web.clone(), error::render))
        .layer(from_fn_with_state(web.clone(), request_id::assign))
        .with_state(web)
}

/// A panic is ours to mend; the caller learns only that it happened.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("(no message)"), "a handler panicked");
    ApiError::internal().into_response()
}
