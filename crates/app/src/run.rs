//! The renewal run: everything of a seller that is due, in parts that any number of nodes share.
//!
//! A run writes down what it has found. A part of it is held for a while by the node that works on it; one whose node died
//! is taken by another when that time is over. What is renewed leaves the list in the transaction that writes its invoice,
//! so a run can die anywhere and goes on where it was; if two nodes should ever work on the same part, the second finds
//! nothing left of it.

mod look;
mod runner;

use jiff::civil::{Date, Time};
use jiff::{Span, Timestamp};
use perennial_billing::run::{PART_SERVICES, cut_part};
use perennial_billing::{CustomerId, RunId, SellerId, ServiceId};
use perennial_store::audit::{self, AuditEntry};
use perennial_store::ids::{self, IdKind};
use perennial_store::runs::{self, Due, Run, RunOrigin};
use perennial_store::sellers::{self, Seller};
use perennial_store::{StoreError, cancellations};
use tokio::sync::watch;

use crate::run_report::{DryRun, RunReport};
use crate::{Actor, App, AppError, Problem, Result};

pub(crate) use look::Looked;
use runner::Runner;
pub use runner::{RETRY_AFTER_DAYS, RUN_LEASE};

/// Services that are ended in one transaction.
const ENDED_TOGETHER: i64 = 1_000;

/// Tells that it is time to stop.
pub type Stop = watch::Receiver<bool>;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunProgress {
    /// Periods that were found.
    pub found: i64,
    /// Of these, how many are not looked at yet.
    pub left: i64,
}

impl App {
    /// Renews everything of a seller that falls due through a day, or through today. If a run of the seller is under way
    /// already, or was left behind by a node that died, this one helps to finish it first. What cannot be renewed is
    /// reported and never stops the run.
    ///
    /// # Errors
    /// Only what concerns the whole run: the database is away. The run stays open and is resumed by the next one.
    pub async fn run(
        &self,
        seller: SellerId,
        origin: RunOrigin,
        through: Option<Date>,
        stop: Stop,
        mut progress: impl FnMut(RunProgress),
    ) -> Result<RunReport> {
        loop {
            let (run, is_new) = self.start_run(seller, origin, through).await?;
            let runner = Runner { app: self.clone(), seller, run, node: self.node()?, stop: stop.clone() };
            let is_finished = runner.finish(&mut progress).await?;
            let wanted = through.unwrap_or(runner.run.day);
            let today = self.today(seller).await?;
            if is_new || !is_finished || (runner.run.day == today && runner.run.through >= wanted) {
                return self.run_report(seller, runner.run.id).await;
            }
        }
    }

    /// Starts the run of today at the seller's time of day, unless that was done, and finishes one that was left behind.
    /// Tells what came of it, if there was anything to do. A seller's first run is after it was set up.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn run_if_due(&self, seller: SellerId, stop: Stop) -> Result<Option<RunReport>> {
        let mut conn = self.store.read().await?;
        let rules = sellers::get(&mut conn, seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let left_behind = runs::open(&mut conn, seller).await?;
        let now = self.clock.now();
        let today = self.clock.today(&rules.time_zone);
        let at = run_at(&rules, today);
        let is_due = rules.runs.is_daily
            && at.is_some_and(|at| at <= now && at >= rules.created_at)
            && !runs::is_scheduled(&mut conn, seller, today).await?;
        drop(conn);
        if is_due {
            self.settle_rehearsed(seller).await?;
            return match self.run(seller, RunOrigin::Schedule, None, stop, |_| {}).await {
                // Another node has started and finished it in this very moment.
                Err(AppError::Store(StoreError::Unique { .. })) => Ok(None),
                outcome => outcome.map(Some),
            };
        }
        match left_behind {
            Some(run) => self.resume_run(seller, run, stop).await.map(Some),
            None => Ok(None),
        }
    }

    /// Goes on with a run that was started, and with nothing else.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn resume_run(&self, seller: SellerId, run: Run, stop: Stop) -> Result<RunReport> {
        let runner = Runner { app: self.clone(), seller, run, node: self.node()?, stop };
        runner.finish(&mut |_| {}).await?;
        self.run_report(seller, runner.run.id).await
    }

    /// What a run would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn preview_run(
        &self,
        seller: SellerId,
        through: Option<Date>,
        mut progress: impl FnMut(RunProgress),
    ) -> Result<DryRun> {
        let rules = self.seller_rules(seller).await?;
        let today = self.clock.today(&rules.time_zone);
        let due = due(&rules, checked_through(today, through)?);
        let mut report = DryRun::new(today, due.through);
        report.ending = cancellations::ending(&mut self.store.read().await?, seller, today).await?;
        let found = runs::count_due(&mut self.store.read().await?, seller, due).await?;
        let limit = i64::try_from(PART_SERVICES + 1).unwrap_or(i64::MAX);
        let mut after = (CustomerId(0), ServiceId(0));
        loop {
            // The same parts that a run is divided into.
            let mut part = runs::due_page(&mut self.store.read().await?, seller, due, after, limit).await?;
            cut_part(&mut part);
            let Some(last) = part.last() else { return Ok(report) };
            after = *last;
            let looked = self.look_at_alone(seller, &part, due.through).await?;
            report.add(part.len(), &looked);
            progress(RunProgress { found, left: (found - report.found).max(0) });
        }
    }

    /// Writes down what is due; or finds the run that is not finished, and tells that it is not new. [`App::run`] does it.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a day before today.
    pub async fn start_run(&self, seller: SellerId, origin: RunOrigin, through: Option<Date>) -> Result<(Run, bool)> {
        let rules = self.seller_rules(seller).await?;
        let day = self.clock.today(&rules.time_zone);
        let through = checked_through(day, through)?;
        loop {
            if let Some(open) = runs::open(&mut self.store.read().await?, seller).await? {
                return Ok((open, false));
            }
            self.end_cancelled(seller, day).await?;
            let mut tx = self.store.begin().await?;
            let id = RunId(ids::take(&mut tx, IdKind::Run, 1).await?[0]);
            let started_at = self.clock.now();
            let run = Run { id, day, through, origin, started_at, finished_at: None, found: 0, chunks: 0 };
            let inserted = runs::insert(&mut tx, seller, &run).await;
            if matches!(inserted, Err(StoreError::Unique { .. })) {
                // Another node was faster. If it has not finished yet, it is helped; if it has, there may be more by now,
                // but a day has only one scheduled run.
                drop(tx);
                if origin == RunOrigin::Request || runs::open(&mut self.store.read().await?, seller).await?.is_some() {
                    continue;
                }
            } else if inserted.is_ok() {
                runs::find(&mut tx, seller, &run, due(&rules, through)).await?;
                tx.commit().await?;
                return Ok((run, true));
            }
            inserted?;
        }
    }

    /// Ends the services whose cancellation takes effect.
    async fn end_cancelled(&self, seller: SellerId, today: Date) -> Result<()> {
        loop {
            let mut tx = self.store.begin().await?;
            let ended = cancellations::end_due(&mut tx, seller, today, ENDED_TOGETHER).await?;
            if ended.is_empty() {
                return Ok(());
            }
            let (at, actor) = (self.clock.now(), Actor::Schedule.to_string());
            let entry = |service: &ServiceId| AuditEntry {
                at,
                actor: actor.clone(),
                action: "service.ended",
                subject: "service",
                subject_id: service.0,
                on_behalf_of: None,
            };
            audit::append(&mut tx, seller, &ended.iter().map(entry).collect::<Vec<_>>()).await?;
            tx.commit().await?;
        }
    }

    /// This process among those that share runs.
    fn node(&self) -> Result<String> {
        let bytes: [u8; 8] = self.random.bytes()?;
        Ok(format!("{}-{:016x}", std::process::id(), u64::from_le_bytes(bytes)))
    }

    pub(crate) async fn seller_rules(&self, seller: SellerId) -> Result<Seller> {
        let mut conn = self.store.read().await?;
        sellers::get(&mut conn, seller).await?.ok_or(AppError::NotFound("Seller"))
    }

    pub(crate) async fn today(&self, seller: SellerId) -> Result<Date> {
        Ok(self.clock.today(&self.seller_rules(seller).await?.time_zone))
    }
}

/// The moment of a day at which a seller's run starts.
pub(crate) fn run_at(seller: &Seller, day: Date) -> Option<Timestamp> {
    let minute = i64::from(seller.runs.minute);
    let at = day.to_datetime(Time::midnight()).checked_add(Span::new().minutes(minute)).ok()?;
    Some(at.to_zoned(seller.time_zone.clone()).ok()?.timestamp())
}

/// What falls due by a seller's rules.
fn due(seller: &Seller, through: Date) -> Due {
    Due {
        through,
        joined_through: through.saturating_add(Span::new().days(i64::from(seller.runs.consolidation_days))),
        invoicing: seller.runs.invoicing,
        suspended: seller.runs.renew_suspended,
    }
}

fn checked_through(today: Date, through: Option<Date>) -> Result<Date> {
    match through {
        Some(through) if through < today => {
            let reason = format!("must not be before today, {today}: what is overdue is renewed anyway");
            Err(AppError::Invalid(vec![Problem::new("until", reason)]))
        }
        through => Ok(through.unwrap_or(today)),
    }
}
