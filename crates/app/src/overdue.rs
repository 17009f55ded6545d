//! Telling what was not paid in time.

use perennial_billing::SellerId;
use perennial_store::{overdue, sellers};

use crate::{App, AppError, Result};

impl App {
    /// Tells who listens which invoices have become overdue, and which services they renewed: once, on the day after they were
    /// due. How many invoices that is.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown seller.
    pub async fn tell_overdue(&self, seller: SellerId) -> Result<usize> {
        let mut conn = self.store.read().await?;
        let known = sellers::get(&mut conn, seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let Ok(yesterday) = self.clock.today(&known.time_zone).yesterday() else { return Ok(0) };
        if overdue::told_through(&mut conn, seller).await?.is_some_and(|told| told >= yesterday) {
            return Ok(0);
        }
        drop(conn);
        let mut tx = self.store.begin().await?;
        let told = overdue::tell(&mut tx, seller, yesterday, self.clock.now()).await?;
        tx.commit().await?;
        Ok(told)
    }
}
