//! Checking what is due once a day, beside the renewal runs.

use std::collections::HashMap;
use std::time::Duration;

use jiff::civil::Date;
use perennial_billing::SellerId;
use perennial_store::sellers;
use tokio::task::JoinHandle;

use super::VatPassEnd;
use crate::{Actor, App, AppError, Caller, Result, Stop};

/// The hour of a seller's day from which numbers are checked: several registers are closed at night.
pub const VAT_CHECK_HOUR: i8 = 9;
/// How often it is looked whether that time has come.
const VAT_CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// The same in a sandbox, whose clock may be moved by somebody else.
const SANDBOX_VAT_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Checks the numbers of each seller's customers once a day until it is told to stop; it may be
/// aborted at any time. Without a checker it does nothing. A server that is started again does that day's once more, of which only what was not
/// answered is left.
pub(crate) fn start_daily_vat_checks(app: &App, mut stop: Stop) -> JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        if app.vat_checker().is_none() {
            return;
        }
        let is_sandbox = app.clock.microseconds_ahead().is_some();
        let interval = if is_sandbox { SANDBOX_VAT_CHECK_INTERVAL } else { VAT_CHECK_INTERVAL };
        let mut done = HashMap::new();
        loop {
            if let Err(error) = app.check_vat_numbers_of_today(&mut done, &stop).await {
                tracing::error!(%error, "VAT numbers could not be checked: {error}");
            }
            let told = stop.wait_for(|stop| *stop);
            if tokio::time::timeout(interval, told).await.is_ok() {
                return;
            }
        }
    })
}

impl App {
    /// Checks for each seller whose time has come and for which it was not done today.
    async fn check_vat_numbers_of_today(&self, done: &mut HashMap<SellerId, Date>, stop: &Stop) -> Result<()> {
        let ids = sellers::ids(&mut self.store.read().await?).await?;
        for id in ids {
            let seller = sellers::get(&mut self.store.read().await?, id).await?.ok_or(AppError::NotFound("Seller"))?;
            let local = seller.time_zone.to_datetime(self.clock.now());
            if local.hour() < VAT_CHECK_HOUR || done.get(&id) == Some(&local.date()) {
                continue;
            }
            let caller = Caller { actor: Actor::Schedule, ..Caller::cli(id) };
            let pass = self.check_due_vat_numbers(&caller, stop.clone(), |_| {}).await?;
            if pass.end == VatPassEnd::Stopped {
                return Ok(());
            }
            done.insert(id, local.date());
            if let VatPassEnd::Away(reason) = &pass.end {
                tracing::warn!("VAT numbers of seller {id} are checked tomorrow, because VIES is away: {reason}");
            }
            let (answered, invalid, unanswered) = (pass.answered(), pass.invalid, pass.unanswered);
            if answered + unanswered > 0 {
                tracing::info!(
                    answered,
                    invalid,
                    unanswered,
                    "VAT numbers of seller {id}: {answered} checked, {invalid} of them invalid, {unanswered} without an answer"
                );
            }
        }
        Ok(())
    }
}
