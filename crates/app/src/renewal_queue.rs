//! Group commit: concurrent renewals are committed together.
//!
//! While one batch is gathered, planned and committed, the requests that arrive queue up and form the next one. There is
//! no timer: a request that finds nobody working is a batch of one and is committed at once. Every request gets its own
//! outcome; one whose price has to be asked for steps aside, so that a slow feed holds up nobody; a batch that fails as a
//! whole is halved until the sick request stands alone. A caller that goes away leaves its request in the queue.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use perennial_billing::{SellerId, ServiceId};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::once::OnceRenewal;
use crate::panic_text::panic_text;
use crate::renew::{Ask, MAX_ATTEMPTS, Order, Step};
use crate::{App, AppError, Caller, Outcome, Result};

/// Requests that wait at most; more are turned away with a time to come back.
pub const QUEUE_CAPACITY_REQUESTS: usize = 4_096;
/// Requests that wait for a price feed at most; more are turned away too.
pub const MAX_WAITING_FOR_PRICES: usize = 1_024;
/// Requests committed together at most.
pub const MAX_GROUP_REQUESTS: usize = 256;

/// The way in: hand it a request and wait for its outcome. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RenewalQueue {
    sender: mpsc::Sender<Job>,
}

/// The tasks that commit; they end when every [`RenewalQueue`] is gone, or when they are told to, and what was queued is
/// done.
#[derive(Debug)]
pub struct RenewalWorkers {
    tasks: JoinSet<()>,
    closing: watch::Sender<bool>,
}

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
        let (closing, is_closing) = watch::channel(false);
        let aside = Arc::new(Semaphore::new(MAX_WAITING_FOR_PRICES));
        let mut tasks = JoinSet::new();
        for _ in 0..app.store.useful_writers() {
            let worker = Worker { app: app.clone(), sender: sender.downgrade(), aside: aside.clone() };
            let work = worker.run(receiver.clone(), is_closing.clone());
            if app.store.writes_in_place() {
                let runtime = Handle::current();
                tasks.spawn_blocking(move || runtime.block_on(work));
            } else {
                tasks.spawn(work);
            }
        }
        (Self { sender }, RenewalWorkers { tasks, closing })
    }

    /// Renews one service together with whatever else is asked for at the moment. The request is carried out even if the
    /// caller stops waiting.
    ///
    /// # Errors
    /// [`AppError::Busy`] when the queue is full; otherwise as [`App::renew`].
    pub async fn renew(&self, caller: Caller, service: ServiceId) -> Result<Outcome> {
        self.renew_ordered(caller, service, Order::default()).await
    }

    /// As [`RenewalQueue::renew`], with several periods, or without some of the add-ons.
    ///
    /// # Errors
    /// As [`RenewalQueue::renew`], and [`AppError::Invalid`] for too many periods or add-ons.
    pub async fn renew_ordered(&self, caller: Caller, service: ServiceId, order: Order) -> Result<Outcome> {
        self.renew_once(caller, service, order, None).await
    }

    /// As [`RenewalQueue::renew_ordered`], for a request that is to be carried out once: if an invoice is issued, its answer is
    /// kept in the same transaction.
    ///
    /// # Errors
    /// As [`RenewalQueue::renew_ordered`].
    pub async fn renew_once(
        &self,
        caller: Caller,
        service: ServiceId,
        order: Order,
        once: Option<OnceRenewal>,
    ) -> Result<Outcome> {
        order.check()?;
        let (reply, outcome) = oneshot::channel();
        let ask = Ask { once, ..Ask::new(caller, service, order) };
        self.sender.try_send(Job { ask, attempts: 0, reply }).map_err(|_| AppError::Busy)?;
        outcome.await.map_err(|_| AppError::Lost)?
    }
}

impl RenewalWorkers {
    /// Lets the workers go on by themselves until the queue ends.
    pub fn detach(mut self) {
        self.tasks.detach_all();
    }

    /// Takes no new requests and waits until everything that was queued is done.
    pub async fn finish(mut self) {
        self.closing.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Worker {
    app: App,
    /// Weak, so that a worker does not keep its own queue open.
    sender: mpsc::WeakSender<Job>,
    /// Room for requests that wait for a price.
    aside: Arc<Semaphore>,
}

impl Worker {
    async fn run(self, receiver: Arc<Mutex<mpsc::Receiver<Job>>>, mut is_closing: watch::Receiver<bool>) {
        let mut jobs = Vec::with_capacity(MAX_GROUP_REQUESTS);
        loop {
            // Waits for one request and takes along all that are there.
            if take(&receiver, &mut is_closing, &mut jobs).await == 0 {
                return;
            }
            // A transaction belongs to one seller: its day, its rules, its number series.
            while let Some(seller) = jobs.first().map(|job| job.ask.caller.seller) {
                let (group, rest) = jobs.drain(..).partition(|job| job.ask.caller.seller == seller);
                jobs = rest;
                // A panic costs the group its answers, never the queue its worker.
                if let Err(panic) = AssertUnwindSafe(self.settle(seller, group)).catch_unwind().await {
                    tracing::error!(panic = panic_text(&*panic), "a group of renewals was lost");
                }
            }
        }
    }

    /// Attempts a group until each request is settled, stands aside, or stands alone and fails.
    async fn settle(&self, seller: SellerId, group: Vec<Job>) {
        let mut groups = vec![group];
        while let Some(mut group) = groups.pop() {
            let mut asks: Vec<Ask> = group.iter().map(|job| job.ask.clone()).collect();
            let outcome = self.app.attempt(seller, &mut asks, false).await;
            // What was learned about a request stays with it.
            group.iter_mut().zip(asks).for_each(|(job, ask)| job.ask = ask);
            match outcome {
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
                    let Ok(room) = self.aside.clone().try_acquire_owned() else {
                        tell(job, Err(AppError::Busy));
                        continue;
                    };
                    let (app, sender) = (self.app.clone(), self.sender.clone());
                    tokio::spawn(async move {
                        let _room = room;
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

/// Waits for requests; none come any more when the queue is closed and empty.
async fn take(
    receiver: &Mutex<mpsc::Receiver<Job>>,
    is_closing: &mut watch::Receiver<bool>,
    jobs: &mut Vec<Job>,
) -> usize {
    let mut receiver = receiver.lock().await;
    let closed = async {
        // When nobody can close the queue any more, it ends with its last holder.
        if is_closing.wait_for(|is_closing| *is_closing).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        taken = receiver.recv_many(jobs, MAX_GROUP_REQUESTS) => return taken,
        _ = closed => receiver.close(),
    }
    receiver.recv_many(jobs, MAX_GROUP_REQUESTS).await
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
