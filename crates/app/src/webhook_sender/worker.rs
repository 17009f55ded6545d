//! The node's work for webhooks: claim, make, send, write down.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{EventId, SellerId, WebhookId};
use perennial_store::Tx;
use perennial_store::events::{self, Event, EventType, NewEvent};
use perennial_store::webhook_deliveries::{self, DeliveryState, Told, WebhookDelivery};
use perennial_store::webhooks::{self, Secrets, Webhook};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::message::Message;
use super::post::Tried;
use super::retry::{Health, WEBHOOK_RETRY_FOR, next_attempt};
use super::{CLAIM_DELIVERIES, MAX_MESSAGES_AT_ONCE, MAX_WEBHOOKS_AT_ONCE, WebhookSender};
use crate::{Actor, App, Result, Stop};

/// How long it is waited before something is written again that could not be.
const RECORD_PAUSE: Duration = Duration::from_secs(1);
/// How long messages that are on their way are waited for when it is time to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

type Place = (SellerId, WebhookId);

/// One node's work for webhooks.
#[derive(Clone)]
pub(super) struct Worker {
    app: App,
    sender: Arc<WebhookSender>,
    health: Arc<Mutex<HashMap<Place, Health>>>,
}

/// What is to be sent to one webhook.
struct Work {
    webhook: Webhook,
    secrets: Secrets,
    deliveries: Vec<(WebhookDelivery, Option<Message>)>,
    /// Until when this node holds it.
    until: Instant,
}

impl Worker {
    pub fn new(app: App, sender: Arc<WebhookSender>) -> Self {
        Self { app, sender, health: Arc::default() }
    }

    /// Works until it is time to stop.
    pub async fn run(self, mut stop: Stop) {
        let node = match self.app.random.bytes::<8>() {
            Ok(bytes) => format!("{:016x}", u64::from_le_bytes(bytes)),
            Err(error) => {
                tracing::error!(%error, "no webhook is sent: {error}");
                return;
            }
        };
        let mut workers: JoinSet<Place> = JoinSet::new();
        let mut busy: HashSet<Place> = HashSet::new();
        let mut announced: Option<Instant> = None;
        'work: loop {
            let waiting = async { webhooks::waiting(&mut self.app.store.read().await?, self.app.clock.now()).await };
            let waiting = waiting.await.unwrap_or_else(|error| {
                tracing::warn!(%error, "webhooks cannot be read: {error}");
                Vec::new()
            });
            if announced.is_none_or(|at| at.elapsed() >= self.sender.times.notice) {
                announced = Some(Instant::now());
                if let Err(error) = self.app.announce_disabled().await {
                    tracing::warn!(%error, "that a webhook is disabled could not be told: {error}");
                }
            }
            for place in waiting {
                if busy.len() < MAX_WEBHOOKS_AT_ONCE && !self.health(place).rests() && busy.insert(place) {
                    let (worker, node, stop) = (self.clone(), node.clone(), stop.clone());
                    workers.spawn(async move {
                        worker.serve(place, &node, &stop).await;
                        place
                    });
                }
            }
            let pause = Instant::now() + self.sender.times.poll;
            loop {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => break 'work,
                    Some(done) = workers.join_next() => match done {
                        Ok(place) => drop(busy.remove(&place)),
                        Err(error) => {
                            // Nobody knows whose it was: all that are still at work are found out again.
                            tracing::error!(%error, "a webhook's worker was lost: {error}");
                            busy.clear();
                        }
                    },
                    () = tokio::time::sleep_until(pause) => break,
                }
            }
        }
        finish(workers).await;
    }

    fn health(&self, place: Place) -> Health {
        self.healths().get(&place).copied().unwrap_or_default()
    }

    fn healths(&self) -> MutexGuard<'_, HashMap<Place, Health>> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a webhook what is due, until there is nothing, or it takes nothing.
    async fn serve(&self, place: Place, node: &str, stop: &Stop) {
        while !*stop.borrow() && !self.health(place).rests() {
            let work = match self.claim(place, node).await {
                Ok(Some(work)) => work,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "webhook {} cannot be served: {error}", place.1);
                    return;
                }
            };
            let (webhook, tries) = self.send_all(work, stop).await;
            let is_taken = tries.iter().any(|(_, tried)| tried.is_taken());
            if is_taken {
                self.healths().remove(&place);
            } else if !tries.is_empty() {
                self.healths().entry(place).or_default().failed(self.sender.times.rest);
            }
            // What a receiver has taken is not forgotten, however long the database is away.
            while let Err(error) = self.record(&webhook, node, &tries).await {
                tracing::warn!(%error, "what became of {} messages cannot be written down: {error}", tries.len());
                sleep(RECORD_PAUSE).await;
            }
            if tries.is_empty() {
                return;
            }
        }
    }

    /// Claims what is due for a webhook, and makes the messages.
    async fn claim(&self, place: Place, node: &str) -> Result<Option<Work>> {
        // The lease is counted from before it is taken.
        let until = Instant::now() + self.sender.times.lease;
        let now = self.app.clock.now();
        let lease = SignedDuration::try_from(self.sender.times.lease).unwrap_or(SignedDuration::MAX);
        // Who took nothing of what it was sent last is asked with one message whether it does now.
        let limit = if self.health(place).fails() { 1 } else { i64::try_from(CLAIM_DELIVERIES).unwrap_or(1) };
        let mut tx = self.app.store.begin().await?;
        let held_until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
        let deliveries = webhook_deliveries::claim(&mut tx, place, node, now, held_until, limit).await?;
        if deliveries.is_empty() {
            return Ok(None);
        }
        tx.commit().await?;
        let mut conn = self.app.store.read().await?;
        let (seller, id) = place;
        let Some(webhook) = webhooks::get(&mut conn, seller, id).await? else { return Ok(None) };
        let secrets = webhooks::secrets(&mut conn, seller, id, now).await?;
        let ids: Vec<EventId> = deliveries.iter().map(|delivery| delivery.event).collect();
        let told = events::some(&mut conn, seller, &ids).await?;
        let known: HashMap<EventId, &Event> = told.iter().map(|event| (event.id, event)).collect();
        let mut with_messages = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let message = match known.get(&delivery.event) {
                Some(event) => Some(Message::of(&mut conn, seller, event).await?),
                None => None,
            };
            with_messages.push((delivery, message));
        }
        Ok(Some(Work { webhook, secrets, deliveries: with_messages, until }))
    }

    /// Sends messages, a few at a time. What is not begun when it is time to stop, or when the claim may soon be another's, is
    /// left out.
    async fn send_all(&self, work: Work, stop: &Stop) -> (Webhook, Vec<(WebhookDelivery, Tried)>) {
        let Work { webhook, secrets, deliveries, until } = work;
        let (url, secrets) = (Arc::<str>::from(webhook.url.as_str()), Arc::new(secrets));
        let mut on_their_way = JoinSet::new();
        let mut tries = Vec::with_capacity(deliveries.len());
        for (delivery, message) in deliveries {
            if on_their_way.len() >= MAX_MESSAGES_AT_ONCE {
                tries.extend(on_their_way.join_next().await.and_then(std::result::Result::ok));
            }
            if *stop.borrow() || Instant::now() + self.sender.times.answer > until {
                break;
            }
            let (sender, url, secrets) = (Arc::clone(&self.sender), Arc::clone(&url), Arc::clone(&secrets));
            on_their_way.spawn(async move {
                let tried = match message {
                    Some(message) => sender.send(&url, &message, &secrets).await,
                    None => Tried { status: None, took: Duration::ZERO, reason: "there is no such event".to_owned() },
                };
                (delivery, tried)
            });
        }
        while let Some(done) = on_their_way.join_next().await {
            tries.extend(done.ok());
        }
        (webhook, tries)
    }

    /// Writes down what became of messages. A webhook that is gone is disabled, and so is one that has taken nothing since the
    /// first try of a message that is given up now. One that has taken others meanwhile is not.
    async fn record(&self, webhook: &Webhook, node: &str, tries: &[(WebhookDelivery, Tried)]) -> Result<()> {
        let now = self.app.clock.now();
        let place = (webhook.seller, webhook.id);
        let told =
            tries.iter().map(|(delivery, tried)| self.judge(delivery, tried, now)).collect::<Result<Vec<_>>>()?;
        let mut tx = self.app.store.begin().await?;
        webhook_deliveries::record(&mut tx, place, node, &told, now).await?;
        if tries.iter().any(|(_, tried)| tried.is_taken()) {
            webhooks::mark_failing(&mut tx, webhook.seller, webhook.id, None).await?;
        } else if !told.is_empty() {
            webhooks::mark_failing(&mut tx, webhook.seller, webhook.id, Some(now)).await?;
            let current = webhooks::hold(&mut tx, webhook.seller, webhook.id).await?;
            let since = current.and_then(|current| current.failing_since);
            let is_gone = tries.iter().any(|(_, tried)| tried.is_gone());
            let has_failed = told.iter().any(|told| {
                told.state == DeliveryState::Failed && since.is_some_and(|since| since <= told.first_attempt_at)
            });
            let reason = match told.last() {
                _ if is_gone => Some("the receiver answers that it is gone (410)".to_owned()),
                Some(last) if has_failed => {
                    let days = WEBHOOK_RETRY_FOR.as_hours() / 24;
                    Some(format!("nothing was taken for {days} days: {}", last.reason))
                }
                _ => None,
            };
            if let Some(reason) = reason {
                self.disable(&mut tx, webhook, &reason, now).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// What a try comes to.
    fn judge(&self, delivery: &WebhookDelivery, tried: &Tried, now: Timestamp) -> Result<Told> {
        let attempts = delivery.attempts + 1;
        let first_attempt_at = delivery.first_attempt_at.unwrap_or(now);
        let next = match tried.is_taken() {
            true => None,
            false => next_attempt(attempts, first_attempt_at, now, &self.app.random)?,
        };
        let state = match next {
            _ if tried.is_taken() => DeliveryState::Delivered,
            Some(_) => DeliveryState::Queued,
            None => DeliveryState::Failed,
        };
        Ok(Told {
            event: delivery.event,
            round: delivery.round,
            state,
            attempts,
            first_attempt_at,
            next_attempt_at: next.unwrap_or(delivery.next_attempt_at),
            status: tried.status.map(i64::from),
            milliseconds: i64::try_from(tried.took.as_millis()).unwrap_or(i64::MAX),
            reason: tried.reason.clone(),
        })
    }

    async fn disable(&self, tx: &mut Tx, webhook: &Webhook, reason: &str, now: Timestamp) -> Result<()> {
        let (seller, id) = (webhook.seller, webhook.id);
        if !webhooks::disable(tx, seller, id, reason, now).await? {
            return Ok(());
        }
        tracing::error!(
            "webhook {id} of seller {seller} is disabled: {reason}. When its receiver works again: `perennial webhook enable \
             {id}`, then `perennial webhook replay {id} --from …`"
        );
        self.app.note(tx, seller, Actor::Schedule, "webhook.disabled", "webhook", id.0).await?;
        let data = serde_json::json!({ "reason": reason });
        let event = NewEvent { data: data.to_string(), ..NewEvent::of(EventType::WebhookDisabled, "webhook", id.0) };
        Ok(events::insert(tx, seller, &[event], now).await?)
    }
}

/// Waits for what is on its way.
async fn finish(mut workers: JoinSet<Place>) {
    let all = async { while workers.join_next().await.is_some() {} };
    if timeout(STOP_PATIENCE, all).await.is_err() {
        tracing::warn!("a webhook's receiver is too slow to wait for: its last messages may be sent again");
    }
}
