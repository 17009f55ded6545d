//! One node's work on one run: part after part, until nothing is left.

use std::collections::HashSet;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Span};
use perennial_billing::{CustomerId, SellerId, ServiceId};
use perennial_store::StoreError;
use perennial_store::renewals::Round;
use perennial_store::runs::{self, Part, Run, RunProblem};
use tokio::task::JoinSet;

use super::{RunProgress, Stop, due};
use crate::fed::Fed;
use crate::renew::MAX_ATTEMPTS;
use crate::{Actor, App, AppError, Result};

/// How long a node holds a part of a run without saying so again; then another one may take it.
pub const RUN_LEASE: SignedDuration = SignedDuration::from_secs(20);
/// How long a node waits before it looks again for a part that another one holds.
const RUN_POLL: Duration = Duration::from_millis(250);
/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// Parts that a node works on beside those that the database can write at once: while some wait for a price feed, others
/// are written.
const RUN_WORKERS_ASIDE: usize = 2;
/// How often a run looks again for what is due: a period that costs nothing makes the next one due.
const MAX_RUN_PASSES: u32 = 1_000;
/// How often a small transaction is run again when others were in the way.
const MAX_RETRIES: u32 = 3;
/// Days until the next try after the first, second, … time in a row that a period was not renewed; then the last of them.
pub const RETRY_AFTER_DAYS: [i64; 5] = [1, 1, 2, 4, 7];

/// Runs a small transaction of the store again when others were in the way.
macro_rules! again {
    ($work:block) => {{
        let mut tries = 0;
        loop {
            let outcome: std::result::Result<_, StoreError> = async { $work }.await;
            match outcome {
                Err(StoreError::Retry(_)) if tries < MAX_RETRIES => tries += 1,
                outcome => return Ok(outcome?),
            }
        }
    }};
}

/// One node's work on one run.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    pub app: App,
    pub seller: SellerId,
    pub run: Run,
    pub node: String,
    pub stop: Stop,
}

impl Runner {
    /// Works until nothing is left, or it is time to stop. Tells whether the run is finished.
    pub async fn finish(&self, progress: &mut impl FnMut(RunProgress)) -> Result<bool> {
        for _ in 0..MAX_RUN_PASSES {
            let outcome = self.pass(progress).await;
            if !matches!(outcome, Ok(true)) {
                self.release().await;
                return outcome;
            }
            if !self.look_for_more().await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Works on the parts there are. Tells whether they are all done, by whomever.
    async fn pass(&self, progress: &mut impl FnMut(RunProgress)) -> Result<bool> {
        let mut workers = JoinSet::new();
        for _ in 0..self.app.store.useful_writers() + RUN_WORKERS_ASIDE {
            let runner = self.clone();
            workers.spawn(async move { runner.work().await });
        }
        let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
        let mut is_done = true;
        let mut failed = None;
        loop {
            tokio::select! {
                ended = workers.join_next() => match ended {
                    None => break,
                    Some(Ok(Ok(all))) => is_done &= all,
                    Some(Ok(Err(error))) => failed = Some(error),
                    Some(Err(error)) => {
                        tracing::error!(%error, "a worker of run {} was lost: {error}", self.run.id);
                        is_done = false;
                    }
                },
                _ = tick.tick() => progress(self.progress().await?),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => {
                progress(self.progress().await?);
                Ok(is_done)
            }
        }
    }

    async fn progress(&self) -> Result<RunProgress> {
        let mut conn = self.app.store.read().await?;
        let found = runs::get(&mut conn, self.seller, self.run.id).await?.map_or(0, |run| run.found);
        Ok(RunProgress { found, left: runs::counts(&mut conn, self.seller, self.run.id).await?.left })
    }

    /// Takes one part after the other. Tells whether all are done.
    async fn work(self) -> Result<bool> {
        let mut done = None;
        loop {
            let is_stopped = *self.stop.borrow();
            match self.next(done.take(), is_stopped).await? {
                _ if is_stopped => return Ok(false),
                Some(part) => {
                    self.settle_part(part).await?;
                    done = Some(part);
                }
                None => {
                    let mut conn = self.app.store.read().await?;
                    let others = runs::chunks_of_others(&mut conn, self.seller, self.run.id, &self.node).await?;
                    if others == 0 {
                        return Ok(true);
                    }
                    drop(conn);
                    tokio::time::sleep(RUN_POLL).await;
                }
            }
        }
    }

    /// Ends the part that was done, and takes another one unless it is time to stop.
    async fn next(&self, done: Option<Part>, is_stopped: bool) -> Result<Option<Part>> {
        let now = self.app.clock.now();
        let until = now.saturating_add(RUN_LEASE).unwrap_or(now);
        again!({
            let mut tx = self.app.store.begin().await?;
            if let Some(part) = done {
                runs::finish_part(&mut tx, self.seller, self.run.id, part).await?;
            }
            let next = match is_stopped {
                true => None,
                false => runs::claim(&mut tx, self.seller, self.run.id, &self.node, now, until).await?,
            };
            tx.commit().await?;
            Ok(next)
        })
    }

    /// Lets others go on at once with what this node held. If it cannot be told, they wait a little.
    async fn release(&self) {
        let released = async {
            let mut tx = self.app.store.begin().await?;
            runs::release(&mut tx, self.seller, self.run.id, &self.node).await?;
            tx.commit().await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "the parts of run {} are free in {RUN_LEASE:#}: {error}", self.run.id);
        }
    }

    /// Renews a part. What fails as a whole is divided until the sick service stands alone.
    async fn settle_part(&self, part: Part) -> Result<()> {
        let mut conn = self.app.store.read().await?;
        let todo = runs::todo(&mut conn, self.seller, self.run.id, part).await?;
        drop(conn);
        let mut groups = vec![todo];
        while let Some(group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            match self.settle(&group).await {
                Ok(()) => {}
                Err(AppError::Store(error)) if error.is_unavailable() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "{} services of run {} failed together: {error}", group.len(), self.run.id);
                    groups.extend(self.divide(group, &error).await?);
                }
            }
        }
        Ok(())
    }

    /// Smaller groups than one that failed: by customer, or, for one customer, without the services that fail by
    /// themselves, which are recorded.
    async fn divide(
        &self,
        mut group: Vec<(CustomerId, ServiceId)>,
        error: &AppError,
    ) -> Result<Vec<Vec<(CustomerId, ServiceId)>>> {
        if let [alone] = group[..] {
            self.record_failures(&[(alone, error.to_string())]).await?;
            return Ok(Vec::new());
        }
        let middle = group.len() / 2;
        let customer = group[middle].0;
        let starts = group.partition_point(|(known, _)| *known < customer);
        let ends = group.partition_point(|(known, _)| *known <= customer);
        match (starts, ends) {
            (0, ends) if ends == group.len() => {
                let mut sick = Vec::new();
                for one in &group {
                    if let Err(error) = self.app.look_at_alone(self.seller, &[*one], self.run.through).await {
                        sick.push((*one, error.to_string()));
                    }
                }
                if sick.is_empty() {
                    let second = group.split_off(middle);
                    return Ok(vec![second, group]);
                }
                self.record_failures(&sick).await?;
                group.retain(|one| sick.iter().all(|(known, _)| known != one));
                Ok(vec![group])
            }
            (0, ends) => {
                let second = group.split_off(ends);
                Ok(vec![second, group])
            }
            (starts, _) => {
                let second = group.split_off(starts);
                Ok(vec![second, group])
            }
        }
    }

    async fn record_failures(&self, failures: &[((CustomerId, ServiceId), String)]) -> Result<()> {
        let failed = |((customer, service), reason): &((CustomerId, ServiceId), String)| RunProblem {
            customer: *customer,
            service: *service,
            period: None,
            is_failure: true,
            reason: reason.clone(),
            failures: 1,
        };
        self.record(failures.iter().map(failed).collect()).await
    }

    /// Renews services of whole customers and records what is not renewed.
    async fn settle(&self, services: &[(CustomerId, ServiceId)]) -> Result<()> {
        let mut left = services.to_vec();
        let mut fed = Fed::new();
        let mut attempts = 0;
        while attempts < MAX_ATTEMPTS {
            let mut round = Round::begin(&self.app.store).await?;
            let actor = Actor::Run(self.run.id);
            let looked = self.app.look(&mut round, self.seller, &left, &fed, self.run.through, actor).await?;
            if !looked.missing.is_empty() {
                // Nothing is held while feeds are asked. Each answers once, so this comes to an end.
                drop(round);
                fed.extend(self.app.ask_feeds(looked.missing).await);
                continue;
            }
            attempts += 1;
            let written = self.app.write(round, &looked.seller, &looked.invoices, Some(self.run.id), None).await?;
            let again = looked.invoices.iter().zip(written).filter(|(_, written)| written.is_none());
            let again: HashSet<ServiceId> =
                again.flat_map(|(new, _)| new.plan.claims.iter().map(|claim| claim.service)).collect();
            self.record(looked.problems).await?;
            left.retain(|(_, service)| again.contains(service));
            if left.is_empty() {
                return Ok(());
            }
        }
        let contended = |one: &(CustomerId, ServiceId)| (*one, AppError::Contention.to_string());
        self.record_failures(&left.iter().map(contended).collect::<Vec<_>>()).await
    }

    /// Keeps why services were not renewed, and when to try again.
    async fn record(&self, problems: Vec<RunProblem>) -> Result<()> {
        if problems.is_empty() {
            return Ok(());
        }
        let services: Vec<ServiceId> = problems.iter().map(|problem| problem.service).collect();
        let mut conn = self.app.store.read().await?;
        let last = runs::last_problems(&mut conn, self.seller, &services).await?;
        drop(conn);
        let put_off = |mut problem: RunProblem| {
            if let Some((before, run)) = last.get(&problem.service)
                && before.period == problem.period
                && *run != self.run.id
            {
                problem.failures = before.failures + 1;
            }
            let nth = usize::try_from(problem.failures - 1).unwrap_or(0).min(RETRY_AFTER_DAYS.len() - 1);
            let retry_on = self.run.through.saturating_add(Span::new().days(RETRY_AFTER_DAYS[nth]));
            (problem, retry_on)
        };
        let problems: Vec<(RunProblem, Date)> = problems.into_iter().map(put_off).collect();
        again!({
            let mut tx = self.app.store.begin().await?;
            runs::record(&mut tx, self.seller, &self.run, &problems).await?;
            tx.commit().await
        })
    }

    /// Divides what has become due meanwhile, or ends the run. Tells whether there is more.
    async fn look_for_more(&self) -> Result<bool> {
        let rules = self.app.seller_rules(self.seller).await?;
        again!({
            let mut tx = self.app.store.begin().await?;
            let Some(run) = runs::hold_open(&mut tx, self.seller, self.run.id).await? else { return Ok(false) };
            let found = runs::find(&mut tx, self.seller, &run, due(&rules, run.through)).await?;
            let is_finished = found == 0 && runs::finish(&mut tx, self.seller, run.id, self.app.clock.now()).await?;
            tx.commit().await?;
            Ok(!is_finished)
        })
    }
}
