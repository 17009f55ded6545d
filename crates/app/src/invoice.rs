//! Finding documents.

use perennial_billing::{DocumentKind, InvoiceId};
use perennial_store::invoices::{self, Invoice};
use perennial_store::sellers::Seller;
use perennial_store::{Conn, Tx};

use crate::{AppError, Caller, Result};

/// A document that the caller may see.
pub(crate) async fn visible(conn: &mut Conn, caller: &Caller, id: InvoiceId) -> Result<Invoice> {
    let known = invoices::get(conn, caller.seller, id).await?;
    known.filter(|known| caller.may_see(known.customer)).ok_or(AppError::NotFound("Invoice"))
}

/// An invoice, and no other kind of document.
pub(crate) async fn an_invoice(tx: &mut Tx, seller: &Seller, id: InvoiceId) -> Result<Invoice> {
    let known = invoices::get(tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
    match known.kind {
        DocumentKind::Invoice => Ok(known),
        DocumentKind::CreditNote => Err(AppError::Conflict(format!("{} is a credit note itself", known.number))),
        DocumentKind::Deposit => Err(AppError::Conflict(format!(
            "{} asks for credit and bills nothing: call it off (`perennial credit cancel-funds {id}`), or refund what was paid",
            known.number
        ))),
    }
}
