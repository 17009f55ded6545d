//! Group commit: concurrent renewals are committed together.
//!
//! While one batch is gathered, planned and committed, the requests that arrive queue up and form the next one. There is
//! no timer: a request that finds nobody working is a batch of one and is committed at once. Every request gets its own
//! outcome; one whose price has to be asked for steps aside, so that a slow feed holds up nobody; a batch that fails as a
//! whole is halved until the sick request stands alone. A caller that goes away leaves its request in the queue.

use std::sync::Arc;

use perennial_billing::{SellerId, ServiceId};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::renew::{Ask, Fed, MAX_ATTEMPTS, Step};
use crate::{App, AppError, Caller, Outcome, Result};

/// Requests that wait at most; more are turned away with a time to come back.
pub const QUEUE_CAPACITY_REQUESTS: usize = 4_096;
/// Requests committed together at most.
pub const MAX_GROUP_REQUESTS: usize = 256;

/// The way in: hand it a request and wait for its outcome. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RenewalQueue {
    sender: mpsc::Sender<Job>,
}

/// The tasks that commit; they end when every [`RenewalQueue`] is gone and what was queued is done.
#[derive(Debug)]
pub struct RenewalWorkers(JoinSet<()>);

#[derive(Debug)]
struct Job {
    ask: Ask,
    attempts: u32,
    reply: oneshot::Sender<Result<Outcome>>,
}

impl RenewalQueue {
    /// Starts committing renewals in groups, as many at a time as the database can use.
    #[must_use]
    pub fn start(app: &App) -> (Self, RenewalWorkers) {
        let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY_REQUESTS);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut workers = JoinSet::new();
        for _ in 0..app.store.useful_writers() {
            let worker = Worker { app: app.clone(), sender: sender.downgrade(), receiver: receiver.clone() };
            workers.spawn(worker.run());
        }
        (Self { sender }, RenewalWorkers(workers))
    }

    /// Renews one service together with whatever else is asked for at the moment. The request is carried out even if the
    /// caller stops waiting.
    ///
    /// # Errors
    /// [`AppError::Busy`] when the queue is full; otherwise as [`App::renew`].
    pub async fn renew(&self, caller: Caller, service: ServiceId) -> Result<Outcome> {
        let (reply, outcome) = oneshot::channel();
        let ask = Ask { caller, service, fed: Fed::new() };
        self.sender.try_send(Job { ask, attempts: 0, reply }).map_err(|_| AppError::Busy)?;
        outcome.await.map_err(|_| AppError::Busy)?
    }
}

impl RenewalWorkers {
    /// Lets the workers go on by themselves until the queue ends.
    pub fn detach(&mut self) {
        self.0.detach_all();
    }

    /// Waits until everything that was queued is done.
    pub async fn finish(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

struct Worker {
    app: App,
    /// Weak, so that a worker does not keep its own queue open.
    sender: mpsc::WeakSender<Job>,
    receiver: Arc<Mutex<mpsc::Receiver<Job>>>,
}

impl Worker {
    async fn run(self) {
        let mut jobs = Vec::with_capacity(MAX_GROUP_REQUESTS);
        loop {
            // Waits for one request and takes along all that are there.
            let taken = self.receiver.lock().await.recv_many(&mut jobs, MAX_GROUP_REQUESTS).await;
            if taken == 0 {
                return;
            }
            // A transaction belongs to one seller: its day, its rules, its number series.
            while let Some(seller) = jobs.first().map(|job| job.ask.caller.seller) {
                let (group, rest) = jobs.drain(..).partition(|job| job.ask.caller.seller == seller);
                jobs = rest;
                self.settle(seller, group).await;
            }
        }
    }

    /// Attempts a group until each request is settled, stands aside, or stands alone and fails.
    async fn settle(&self, seller: SellerId, group: Vec<Job>) {
        let mut groups = vec![group];
        while let Some(group) = groups.pop() {
            let asks: Vec<Ask> = group.iter().map(|job| job.ask.clone()).collect();
            match self.app.attempt(seller, &asks, false).await {
                Ok(steps) => {
                    let again = self.answer(group, steps);
                    let (tired, fresh): (Vec<_>, Vec<_>) =
                        again.into_iter().partition(|job| job.attempts >= MAX_ATTEMPTS);
                    groups.extend(halves(tired, AppError::Contention));
                    groups.extend((!fresh.is_empty()).then_some(fresh));
                }
                // Nobody can be helped now.
                Err(AppError::Store(error)) if error.is_unavailable() => {
                    tracing::error!(%error, "{} renewals wait for the database: {error}", group.len());
                    group.into_iter().for_each(|job| tell(job, Err(AppError::Unavailable)));
                }
                Err(error) => {
                    tracing::error!(%error, "a group of {} renewals failed: {error}", group.len());
                    groups.extend(halves(group, error));
                }
            }
        }
    }

    /// Answers what is settled, sends off what needs prices, and gives back what has to be attempted again.
    fn answer(&self, group: Vec<Job>, steps: Vec<Step>) -> Vec<Job> {
        let mut again = Vec::new();
        for (mut job, step) in group.into_iter().zip(steps) {
            match step {
                Step::Settled(outcome) => tell(job, Ok(outcome)),
                Step::NeedsPrices(queries) => {
                    let (app, sender) = (self.app.clone(), self.sender.clone());
                    tokio::spawn(async move {
                        job.ask.fed.extend(app.ask_feeds(queries).await);
                        match sender.upgrade() {
                            // If the queue has ended meanwhile, the caller is told by the dropped reply.
                            Some(sender) => drop(sender.send(job).await),
                            None => tell(job, Err(AppError::Unavailable)),
                        }
                    });
                }
                Step::Again => {
                    job.attempts += 1;
                    again.push(job);
                }
            }
        }
        again
    }
}

/// Two halves of a group that failed as a whole, each with fresh attempts; a request that stands alone gets the error.
fn halves(mut group: Vec<Job>, error: AppError) -> Vec<Vec<Job>> {
    if group.len() > 1 {
        group.iter_mut().for_each(|job| job.attempts = 0);
        let second = group.split_off(group.len() / 2);
        return vec![group, second];
    }
    if let Some(job) = group.pop() {
        tell(job, Err(error));
    }
    Vec::new()
}

/// A caller that went away is not told; its renewal is done all the same.
fn tell(job: Job, outcome: Result<Outcome>) {
    let _ = job.reply.send(outcome);
}
