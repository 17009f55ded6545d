//! Whether the program lives, and whether it can work.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::{ApiError, Web};

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
}

const HEALTHY: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// 200 while the process answers.
pub(crate) async fn healthz() -> Json<Health> {
    Json(HEALTHY)
}

/// 200 while the database answers and has this program's schema; 503 otherwise.
pub(crate) async fn readyz(State(web): State<Web>) -> Response {
    match web.app.store.require_current_schema().await {
        Ok(()) => Json(HEALTHY).into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            ApiError::unavailable().into_response()
        }
    }
}
