//! `POST /api/billing/invoice/pdf`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use perennial_billing::InvoiceId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

/// The body: ids as strings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoicesWanted {
    invoice_ids: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct InvoicePdf {
    pdf: String,
    success: bool,
}

/// Invoices as one PDF, in base64.
pub(crate) async fn pdf(context: Context, Json(wanted): Json<InvoicesWanted>) -> Result<Success<InvoicePdf>, ApiError> {
    let ids = wanted.invoice_ids.iter().map(|id| {
        id.parse().map_err(|_| ApiError::bad_request(format!("invoiceIds: {id:?} is not an integer of at least 1")))
    });
    let ids: Vec<InvoiceId> = ids.collect::<Result<_, _>>()?;
    let bytes = context.app.papers(&context.caller, &ids).await?;
    Ok(context.success(InvoicePdf { pdf: BASE64.encode(bytes), success: true }))
}
