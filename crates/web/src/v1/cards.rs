//! `POST /api/billing/pay` and `GET /api/billing/cards`: cards are not stored here, so that none can be charged.

use perennial_billing::InvoiceId;
use perennial_store::invoices;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

/// Which invoice is to be paid with which card.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardPayment {
    invoice_id: String,
    #[expect(dead_code, reason = "it has to be there, and can name none that is known")]
    card_id: String,
}

/// What the original answers, which then charges the card by itself.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CardCharged {
    success: bool,
    message: &'static str,
}

/// Refuses to pay an invoice of the caller by card.
pub(crate) async fn pay(context: Context, Json(payment): Json<CardPayment>) -> Result<Success<CardCharged>, ApiError> {
    let refused = |_| ApiError::bad_request("invoiceId must be an integer of at least 1");
    let id: InvoiceId = payment.invoice_id.parse().map_err(refused)?;
    let mut conn = context.app.store.read().await?;
    let known = invoices::get(&mut conn, context.caller.seller, id).await?;
    known
        .filter(|known| context.caller.may_see(known.customer))
        .ok_or_else(|| ApiError::not_found("Invoice not found"))?;
    Err(ApiError::bad_request("No payment card is stored for this account."))
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Cards {
    cards: [(); 0],
    success: bool,
}

/// The caller's stored cards: none.
pub(crate) async fn list(context: Context) -> Result<Success<Cards>, ApiError> {
    Ok(context.success(Cards { cards: [], success: true }))
}
