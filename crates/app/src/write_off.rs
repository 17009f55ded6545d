//! Giving up what nobody will pay.

use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{InvoiceId, Money};
use perennial_store::settlements::{self, SettledBy};
use perennial_store::{invoices, ledger, sellers};

use crate::{App, AppError, Caller, Result};

impl App {
    /// Gives up what is still to be paid for an invoice. The invoice stays as it is, and so do its periods; the services can
    /// be renewed again.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when nothing is to be paid.
    pub async fn write_off(&self, caller: &Caller, id: InvoiceId) -> Result<Money> {
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let held = settlements::hold(&mut tx, seller.id, &[id]).await?;
        let Some(open) = held.first().filter(|open| !open.is_deposit) else {
            invoices::get(&mut tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
            return Err(AppError::Conflict(format!("Nothing is to be paid for invoice {id}")));
        };
        let (today, now) = (self.clock.today(&seller.time_zone), self.clock.now());
        let (settlement, _) =
            settlements::settle(&mut tx, seller.id, open, open.open, SettledBy::WriteOff, None, now).await?;
        let moved = Entry::moving(Account::BadDebt, Account::Receivable, open.open);
        ledger::book(&mut tx, seller.id, Source::Settlement, settlement, today, moved).await?;
        settlements::release_services(&mut tx, seller.id, id).await?;
        self.note(&mut tx, seller.id, caller, "invoice.written_off", "invoice", id.0).await?;
        tx.commit().await?;
        Ok(open.open)
    }
}
