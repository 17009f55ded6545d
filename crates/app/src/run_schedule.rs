//! Starting each seller's run at its time of day.

use std::time::Duration;

use perennial_store::{sandbox, sellers};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::vat_check::start_daily_vat_checks;
use crate::{App, Result, Stop};

/// How often it is looked whether a run is to be started.
pub const SCHEDULE_INTERVAL: Duration = Duration::from_secs(30);
/// The same in a sandbox, whose clock may be moved by somebody else.
pub const SANDBOX_INTERVAL: Duration = Duration::from_secs(1);

/// How often what is old is forgotten.
const FORGET_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Starts the daily runs until it is told to stop; a run that is under way then stops after its present part. VAT numbers
/// are checked beside them, if somebody is configured who can be asked: no run waits for that.
pub fn start_schedule(app: &App, mut stop: Stop) -> JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        let checks = start_daily_vat_checks(&app, stop.clone());
        let interval = if app.clock.microseconds_ahead().is_some() { SANDBOX_INTERVAL } else { SCHEDULE_INTERVAL };
        let mut forgotten: Option<Instant> = None;
        loop {
            if forgotten.is_none_or(|at| at.elapsed() >= FORGET_INTERVAL) {
                forgotten = Some(Instant::now());
                if let Err(error) = app.forget_answers().await {
                    tracing::warn!(%error, "old answers could not be forgotten: {error}");
                }
                if let Err(error) = app.forget_deliveries().await {
                    tracing::warn!(%error, "old deliveries to webhooks could not be forgotten: {error}");
                }
            }
            if let Err(error) = app.start_due_runs(&stop).await {
                tracing::error!(%error, "the renewal runs could not be started: {error}");
            }
            let told = stop.wait_for(|stop| *stop);
            if tokio::time::timeout(interval, told).await.is_ok() {
                // What waits for VIES now is due the next time.
                checks.abort();
                let _ = checks.await;
                return;
            }
        }
    })
}

impl App {
    /// Starts the runs whose time has come.
    async fn start_due_runs(&self, stop: &Stop) -> Result<()> {
        let mut conn = self.store.read().await?;
        if let Some(microseconds) = sandbox::ahead(&mut conn).await? {
            self.clock.run_ahead(microseconds);
        }
        let sellers = sellers::ids(&mut conn).await?;
        drop(conn);
        for seller in sellers {
            if *stop.borrow() {
                return Ok(());
            }
            // One seller's trouble is not another's.
            if let Err(error) = self.tell_overdue(seller).await {
                tracing::warn!(%error, "what is overdue of seller {seller} could not be told: {error}");
            }
            match self.run_if_due(seller, stop.clone()).await {
                Ok(None) => {}
                Ok(Some(report)) => tracing::info!(
                    found = report.run.found,
                    renewed = report.renewed,
                    skipped = report.counts.skipped,
                    failed = report.counts.failed,
                    invoices = report.invoices(),
                    "run {} of seller {seller}, {}: {} found, {} renewed",
                    report.run.id,
                    report.run.day,
                    report.run.found,
                    report.renewed
                ),
                Err(error) => tracing::error!(%error, "the run of seller {seller} stopped: {error}"),
            }
        }
        Ok(())
    }
}
