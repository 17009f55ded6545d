//! `POST /api/billing/invoice/{id}/resend-email`.

use perennial_billing::InvoiceId;
use schemars::JsonSchema;
use serde::Serialize;

use super::At;
use crate::ApiError;
use crate::body::Body;
use crate::context::Context;
use crate::v1::envelope::Success;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmailQueued {
    sent_to: String,
    message: &'static str,
}

/// Queues the mail of an invoice again.
pub(crate) async fn resend_email(
    context: Context,
    At(id): At<InvoiceId>,
    _body: Body,
) -> Result<Success<EmailQueued>, ApiError> {
    let resent = context.app.resend_invoice(&context.caller, id).await?;
    Ok(context.success(EmailQueued { sent_to: resent.sent_to, message: "Invoice email queued" }))
}
