//! Mailing an invoice again, and reminding of it.

use perennial_billing::{DocumentKind, InvoiceId, Money, OutboxId};
use perennial_store::outbox::{MailFilter, MailKind, MailState};
use perennial_store::{customers, outbox, sellers};

use crate::outbox::MAX_MAILS_LISTED;
use crate::{App, AppError, Caller, Result, invoice};

/// A reminder that was queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminded {
    /// Its mail.
    pub mail: OutboxId,
    /// To which address.
    pub sent_to: String,
    /// What is still to be paid.
    pub open: Money,
}

/// A mail that was queued again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resent {
    /// To which address.
    pub sent_to: String,
}

impl App {
    /// Queues the mail of an invoice again, to the address the customer has now. While a mail of this invoice waits to be
    /// sent, no second one is added: it goes at once.
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
        // One that still waits is as good as another, and goes at once.
        let waiting: Vec<OutboxId> =
            outbox::mails_of(&mut tx, caller.seller, id).await?.iter().map(|mail| mail.id).collect();
        let now = self.clock.now();
        if waiting.is_empty() {
            outbox::queue_invoice_mails(&mut tx, caller.seller, &[(id, invoice.customer)], now).await?;
            self.note(&mut tx, caller.seller, caller, "invoice.resent", "invoice", id.0).await?;
        } else {
            outbox::retry(&mut tx, caller.seller, Some(&waiting), now).await?;
        }
        tx.commit().await?;
        Ok(Resent { sent_to })
    }

    /// Queues a reminder of an invoice of which something is still to be paid.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when nothing is to be paid or it is not late, a reminder waits already, or
    /// the customer has no address.
    pub async fn remind(&self, caller: &Caller, id: InvoiceId) -> Result<Reminded> {
        let mut tx = self.store.begin().await?;
        let invoice = invoice::visible(&mut tx, caller, id).await?;
        if invoice.kind != DocumentKind::Invoice || invoice.open.minor <= 0 {
            return Err(AppError::Conflict(format!("Nothing is to be paid for invoice {id}")));
        }
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        if invoice.due_on >= self.clock.today(&seller.time_zone) {
            return Err(AppError::Conflict(format!("Invoice {id} is due on {}: it is not late", invoice.due_on)));
        }
        let customer = customers::get(&mut tx, caller.seller, invoice.customer).await?;
        let sent_to = customer.map(|customer| customer.party.email).unwrap_or_default();
        if sent_to.is_empty() {
            return Err(AppError::Conflict("The customer has no email address".to_owned()));
        }
        let filter = MailFilter { state: Some(MailState::Queued), invoice: Some(id) };
        let waiting = outbox::page(&mut tx, caller.seller, filter, OutboxId(i64::MAX), MAX_MAILS_LISTED).await?;
        if let Some(known) = waiting.iter().find(|mail| mail.kind == MailKind::Reminder) {
            return Err(AppError::Conflict(format!("A reminder of invoice {id} waits already: mail {}", known.id)));
        }
        let whose = (id, invoice.customer);
        let mail = outbox::queue_reminder(&mut tx, caller.seller, whose, self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "invoice.reminded", "invoice", id.0).await?;
        tx.commit().await?;
        Ok(Reminded { mail, sent_to, open: invoice.open })
    }
}
