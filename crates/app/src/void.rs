//! Taking invoices back: one that nobody has seen is voided, another one is given back by a credit note.

use perennial_billing::{InvoiceId, PeriodNumber, ServiceId};
use perennial_store::invoices::{self, InvoiceStatus};
use perennial_store::sellers::{self, Seller};
use perennial_store::{Tx, changes, settlements};

use crate::credit_note::CreditOf;
use crate::invoice::an_invoice;
use crate::{App, AppError, Caller, Result};

impl App {
    /// Voids an invoice that nothing is paid of, nobody was sent, and which is the last of its series. Its periods can be
    /// billed again; its number stays used, as a void one.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when it may not be voided: a credit note corrects it then.
    pub async fn void_invoice(&self, caller: &Caller, id: InvoiceId) -> Result<Vec<(ServiceId, PeriodNumber)>> {
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        settlements::lock(&mut tx, seller.id, id).await?;
        an_invoice(&mut tx, &seller, id).await?;
        if !invoices::may_be_voided(&mut tx, seller.id, id).await? {
            return Err(AppError::Conflict(format!(
                "Invoice {id} was sent, is paid in part, or is not the last of its series: correct it with a credit note \
                 (`perennial invoice credit {id}`)"
            )));
        }
        let freed = self.free_periods(&mut tx, &seller, id, None).await?;
        let now = (self.clock.today(&seller.time_zone), self.clock.now());
        changes::take_back(&mut tx, seller.id, id, now).await?;
        self.note(&mut tx, seller.id, caller, "invoice.voided", "invoice", id.0).await?;
        tx.commit().await?;
        Ok(freed)
    }

    /// Takes an invoice back that nothing is paid of: voids it if it may be, and gives all of it back by a credit note if not.
    /// Its periods are free; the services are left to the caller. Nothing if it is not unpaid any more.
    pub(crate) async fn withdraw(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        caller: &Caller,
        id: InvoiceId,
        reason: &str,
    ) -> Result<bool> {
        let now = (self.clock.today(&seller.time_zone), self.clock.now());
        if invoices::may_be_voided(tx, seller.id, id).await? {
            return Ok(changes::take_back(tx, seller.id, id, now).await?);
        }
        let known = invoices::get(tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
        if known.status != InvoiceStatus::Issued || known.open != known.total {
            return Ok(false);
        }
        self.issue_credit_note(tx, seller, caller, id, &CreditOf::Everything, reason).await?;
        let periods = settlements::periods(tx, seller.id, id).await?;
        settlements::free(tx, seller.id, id, &periods).await?;
        Ok(true)
    }
}
