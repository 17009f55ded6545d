//! `POST /api/billing/invoice/pdf`.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use perennial_app::Scope;
use perennial_billing::InvoiceId;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::ApiError;
use crate::context::Context;

/// The body: ids as strings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wanted {
    invoice_ids: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Data {
    pdf: String,
    success: bool,
}

/// Invoices as one PDF, in base64.
pub(crate) async fn pdf(context: Context, Json(wanted): Json<Wanted>) -> Result<Response, ApiError> {
    context.require(Scope::ReadBilling)?;
    let ids = wanted.invoice_ids.iter().map(|id| {
        id.parse().map_err(|_| ApiError::bad_request(format!("invoiceIds: {id:?} is not an integer of at least 1")))
    });
    let ids: Vec<InvoiceId> = ids.collect::<Result<_, _>>()?;
    let bytes = context.app.papers(&context.caller, &ids).await?;
    Ok(context.success(Data { pdf: BASE64.encode(bytes), success: true }))
}
