//! What was sent to webhooks, sending it again, and trying whether anything arrives.

use jiff::Timestamp;
use perennial_billing::{EventId, WebhookId};
use perennial_store::events::{self, Event};
use perennial_store::webhook_deliveries::{self, DeliveryState, WebhookDelivery};
use perennial_store::{Tx, webhooks};

use crate::webhook_sender::{Message, Tried, WEBHOOK_DELIVERY_KEPT};
use crate::{App, AppError, Caller, Result};

/// Events that one call sends again at most; it tells where to go on.
pub const MAX_REPLAYED_EVENTS: i64 = 10_000;

/// Deliveries that are forgotten in one transaction.
const FORGOTTEN_TOGETHER: i64 = 1_000;

/// From where on events are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayFrom {
    /// All that happened at this moment or later.
    Instant(Timestamp),
    /// This one and all after it.
    Event(EventId),
}

/// What a call to send again came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Events that are queued now.
    pub queued: u64,
    /// Where the next call goes on; none if that was all.
    pub next: Option<EventId>,
}

/// A delivery with the event that it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownDelivery {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// What it tells.
    pub event: Event,
}

impl App {
    /// Sends a webhook again what it wants to be told, from a moment or an event on: under the same `webhook-id`s as the first
    /// time, in the same order for each thing, and up to [`MAX_REPLAYED_EVENTS`] with one call.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] for a webhook that is disabled.
    pub async fn replay(&self, caller: &Caller, id: WebhookId, from: ReplayFrom) -> Result<Replayed> {
        let mut tx = self.store.begin().await?;
        listening(&mut tx, caller, id).await?;
        let first = match from {
            ReplayFrom::Instant(at) => events::first_since(&mut tx, caller.seller, at).await?,
            ReplayFrom::Event(id) => Some(id),
        };
        let Some(first) = first else { return Ok(Replayed { queued: 0, next: None }) };
        let bounds = events::block(&mut tx, caller.seller, first, MAX_REPLAYED_EVENTS).await?;
        let Some((through, next)) = bounds else { return Ok(Replayed { queued: 0, next: None }) };
        let place = (caller.seller, id);
        let queued = webhook_deliveries::replay(&mut tx, place, (first, through), self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "webhook.replayed", "webhook", id.0).await?;
        tx.commit().await?;
        Ok(Replayed { queued, next })
    }

    /// Sends a webhook one event again, whether it wants such events or not.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for the webhook or the event; [`AppError::Conflict`] for a webhook that is disabled.
    pub async fn redeliver(&self, caller: &Caller, id: WebhookId, event: EventId) -> Result<ShownDelivery> {
        let mut tx = self.store.begin().await?;
        listening(&mut tx, caller, id).await?;
        let event = events::get(&mut tx, caller.seller, event).await?.ok_or(AppError::NotFound("Event"))?;
        let place = (caller.seller, id);
        let delivery = webhook_deliveries::again(&mut tx, place, event.id, self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "webhook.redelivered", "webhook", id.0).await?;
        tx.commit().await?;
        Ok(ShownDelivery { delivery, event })
    }

    /// Deliveries to a webhook of events before this one, newest first.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn webhook_deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        state: Option<DeliveryState>,
        before: Option<EventId>,
        limit: i64,
    ) -> Result<Vec<ShownDelivery>> {
        let mut conn = self.store.read().await?;
        webhooks::get(&mut conn, caller.seller, id).await?.ok_or(AppError::NotFound("Webhook"))?;
        let page = webhook_deliveries::page(&mut conn, (caller.seller, id), state, before, limit).await?;
        let ids: Vec<EventId> = page.iter().map(|delivery| delivery.event).collect();
        let told = events::some(&mut conn, caller.seller, &ids).await?;
        let with_event = |delivery: WebhookDelivery| {
            let event = told.iter().find(|event| event.id == delivery.event)?.clone();
            Some(ShownDelivery { delivery, event })
        };
        Ok(page.into_iter().filter_map(with_event).collect())
    }

    /// Forgets deliveries that were settled [`WEBHOOK_DELIVERY_KEPT`] ago. The events stay. Tells how many.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn forget_deliveries(&self) -> Result<u64> {
        let before = self.clock.now().saturating_sub(WEBHOOK_DELIVERY_KEPT).unwrap_or(Timestamp::MIN);
        let mut forgotten = 0;
        loop {
            let mut tx = self.store.begin().await?;
            let some = webhook_deliveries::forget(&mut tx, before, FORGOTTEN_TOGETHER).await?;
            tx.commit().await?;
            forgotten += some;
            if i64::try_from(some).is_ok_and(|some| some < FORGOTTEN_TOGETHER) {
                return Ok(forgotten);
            }
        }
    }

    /// Sends a webhook a `webhook.test` at once, and tells what became of it. It is no event: it is kept nowhere, and not tried
    /// again.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] where this program cannot send.
    pub async fn test_webhook(&self, caller: &Caller, id: WebhookId) -> Result<Tried> {
        let (webhook, secrets, now) = {
            let mut conn = self.store.read().await?;
            let webhook = webhooks::get(&mut conn, caller.seller, id).await?.ok_or(AppError::NotFound("Webhook"))?;
            let now = self.clock.now();
            let secrets = webhooks::secrets(&mut conn, caller.seller, id, now).await?;
            (webhook, secrets, now)
        };
        let sender = self.webhook_sender().ok_or_else(|| {
            AppError::Conflict("No messages can be sent from here: are root certificates installed?".to_owned())
        })?;
        let name = u64::from_le_bytes(self.random.bytes()?);
        let message = Message::test(format!("{}test_{name:016x}", EventId::PREFIX), &webhook, now);
        Ok(sender.send(&webhook.url, &message, &secrets).await)
    }
}

/// Holds a webhook until the transaction ends, if it is told anything.
async fn listening(tx: &mut Tx, caller: &Caller, id: WebhookId) -> Result<()> {
    let webhook = webhooks::hold(tx, caller.seller, id).await?.ok_or(AppError::NotFound("Webhook"))?;
    match webhook.is_enabled {
        true => Ok(()),
        false => Err(AppError::Conflict("The webhook is disabled: enable it first".to_owned())),
    }
}
