//! Mailing an invoice again.

use perennial_billing::InvoiceId;
use perennial_store::{customers, outbox};

use crate::{App, AppError, Caller, Result, invoice};

/// A mail that was queued again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resent {
    /// To which address.
    pub sent_to: String,
}

impl App {
    /// Queues the mail of an invoice again, to the address the customer has now. While a mail of this invoice waits to be
    /// sent, no second one is added.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown invoice or another customer's; [`AppError::Conflict`] when the customer has no
    /// address.
    pub async fn resend_invoice(&self, caller: &Caller, id: InvoiceId) -> Result<Resent> {
        let mut tx = self.store.begin().await?;
        let invoice = invoice::visible(&mut tx, caller, id).await?;
        let customer = customers::get(&mut tx, caller.seller, invoice.customer).await?;
        let sent_to = customer.map(|customer| customer.party.email).unwrap_or_default();
        if sent_to.is_empty() {
            return Err(AppError::Conflict("The customer has no email address".to_owned()));
        }
        // One that still waits is as good as another.
        if outbox::mails_of(&mut tx, caller.seller, id).await?.is_empty() {
            outbox::queue_invoice_mails(&mut tx, caller.seller, &[id], self.clock.now()).await?;
            self.note(&mut tx, caller.seller, caller.actor, "invoice.resent", "invoice", id.0).await?;
            tx.commit().await?;
        }
        Ok(Resent { sent_to })
    }
}
