//! `POST /api/billing/invoice/{id}/resend-email`.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use perennial_app::Scope;
use serde::Serialize;

use super::{Body, path_id};
use crate::ApiError;
use crate::context::Context;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    sent_to: String,
    message: &'static str,
}

/// Queues the mail of an invoice again.
pub(crate) async fn resend_email(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _body: Body,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let resent = context.app.resend_invoice(&context.caller, path_id("id", path)?).await?;
    Ok(context.success(Data { sent_to: resent.sent_to, message: "Invoice email queued" }))
}
