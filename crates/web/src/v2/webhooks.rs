//! `/api/v2/webhooks`: who is told what happens; never what messages are signed with, but for the once.

use jiff::{SignedDuration, Timestamp};
use perennial_app::{
    CreatedWebhook, DEFAULT_SECRET_OVERLAP, NewWebhook, ReplayFrom, ShownDelivery, Tried, Wanted, WebhookChange,
    WebhookStanding,
};
use perennial_billing::{EventId, WebhookId};
use perennial_store::events::EventType;
use perennial_store::webhook_deliveries::DeliveryState;
use perennial_store::webhooks::Webhook;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use super::events::Told;
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created, NoContent, Versioned};
use crate::wire::{At, At2, Cursor, Edit, IfMatch, Json, Limit, List, Page, Paging, Patch, Query, Text, Word, maybe};

/// Who is to be told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewWebhook")]
pub(crate) struct NewHook {
    /// Where messages go: an `https://` address of the public Internet, or one in a network that the configuration names.
    url: String,
    #[serde(default)]
    description: String,
    /// What it is told; without it, everything, also what does not exist yet.
    events: Option<Vec<Word<EventType>>>,
}

/// What is to change of a webhook.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "WebhookPatch")]
pub(crate) struct HookPatch {
    #[serde(default)]
    url: Edit<String>,
    #[serde(default)]
    description: Patch<String>,
    /// What it is told; null is everything.
    #[serde(default)]
    events: Patch<Vec<Word<EventType>>>,
    /// Whether it is told anything. What was on its way to one that is disabled is given up.
    #[serde(default)]
    is_enabled: Edit<bool>,
}

/// How a webhook gets a new secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "WebhookRotation")]
pub(crate) struct Rotation {
    /// Hours for which messages are signed with the old secret too, at most 720; 24 if it is left out.
    #[schemars(range(max = 720))]
    overlap_hours: Option<u16>,
}

/// From where on events are sent again: a moment or an event, one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "WebhookReplay")]
pub(crate) struct Replay {
    /// All that happened at this moment or later.
    from: Option<Text<Timestamp>>,
    /// This event and all after it.
    from_event: Option<Text<EventId>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Webhook")]
pub(crate) struct Shown {
    id: Text<WebhookId>,
    url: String,
    description: String,
    /// What it is told; null is everything.
    events: Option<Vec<Word<EventType>>>,
    is_enabled: bool,
    disabled_at: Option<Text<Timestamp>>,
    /// Why it is told nothing.
    disabled_reason: Option<String>,
    /// Since when it has taken nothing of what it was sent; null if it took the last message.
    failing_since: Option<Text<Timestamp>>,
    /// Through when messages are signed with the secret that it had before, too.
    previous_until: Option<Text<Timestamp>>,
    created_at: Text<Timestamp>,
}

/// A webhook, and how much is on its way to it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookStanding")]
pub(crate) struct Standing {
    #[serde(flatten)]
    webhook: Shown,
    /// Deliveries that wait.
    queued: i64,
    /// Deliveries of the last 30 days that were given up.
    failed: i64,
}

/// A webhook with its secret, which is shown only this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookWithSecret")]
pub(crate) struct WithSecret {
    /// What messages are signed with, as libraries of Standard Webhooks take it.
    secret: String,
    #[serde(flatten)]
    webhook: Shown,
}

/// What a message was answered with.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookTest")]
pub(crate) struct Tested {
    is_taken: bool,
    /// The HTTP status of the answer; null if there was none.
    status: Option<u16>,
    milliseconds: u64,
    /// Why it is no success.
    reason: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookReplayed")]
pub(crate) struct Replayed {
    /// Deliveries that are queued now.
    queued: u64,
    /// Where to go on, as `fromEvent`; null if that was all.
    next_event: Option<Text<EventId>>,
}

/// An event on its way to a webhook.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookDelivery")]
pub(crate) struct Delivery {
    event: Told,
    state: Word<DeliveryState>,
    attempts: i64,
    queued_at: Text<Timestamp>,
    /// When it is tried next; null if it is settled.
    next_attempt_at: Option<Text<Timestamp>>,
    /// The HTTP status that the last try was answered with.
    status: Option<i64>,
    /// How long the last try took.
    milliseconds: Option<i64>,
    /// Why the last try was no success.
    reason: Option<String>,
    settled_at: Option<Text<Timestamp>>,
}

/// Which deliveries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only those that stand there.
    state: Option<Word<DeliveryState>>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// All of them: there are few.
pub(crate) async fn list(context: Context) -> Result<Answer<List<Standing>>, ApiError> {
    let all = context.app.webhooks(&context.caller).await?;
    let now = context.app.clock.now();
    Ok(Answer(List::of(all, |one| standing(one, now))))
}

/// Makes one.
pub(crate) async fn create(context: Context, Json(new): Json<NewHook>) -> Result<Created<WithSecret>, ApiError> {
    let new = NewWebhook { url: new.url, description: new.description, events: wanted(new.events) };
    let created = context.app.create_webhook(&context.caller, new).await?;
    let place = format!("{ROOT}/webhooks/{}", Text(created.webhook.id));
    Ok(Created { place, body: with_secret(created, context.app.clock.now()) })
}

/// One of them.
pub(crate) async fn detail(context: Context, At(id): At<WebhookId>) -> Result<Versioned<Standing>, ApiError> {
    let known = context.app.webhook(&context.caller, id).await?;
    Ok(Versioned(known.webhook.version, standing(known, context.app.clock.now())))
}

/// Changes one.
pub(crate) async fn change(
    context: Context,
    At(id): At<WebhookId>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<HookPatch>,
) -> Result<Versioned<Shown>, ApiError> {
    let change = WebhookChange {
        url: patch.url.set(),
        description: patch.description.or_empty(),
        events: match patch.events {
            Patch::Keep => None,
            Patch::Clear => Some(Wanted::All),
            Patch::Set(some) => Some(wanted(Some(some))),
        },
        is_enabled: patch.is_enabled.set(),
        expected,
    };
    let changed = context.app.change_webhook(&context.caller, id, change).await?;
    Ok(Versioned(changed.version, shown(changed, context.app.clock.now())))
}

/// Removes one.
pub(crate) async fn remove(context: Context, At(id): At<WebhookId>) -> Result<NoContent, ApiError> {
    context.app.remove_webhook(&context.caller, id).await?;
    Ok(NoContent)
}

/// Gives one a new secret.
pub(crate) async fn rotate(
    context: Context,
    At(id): At<WebhookId>,
    Json(rotation): Json<Rotation>,
) -> Result<Answer<WithSecret>, ApiError> {
    let overlap =
        rotation.overlap_hours.map_or(DEFAULT_SECRET_OVERLAP, |hours| SignedDuration::from_hours(hours.into()));
    let rotated = context.app.rotate_webhook(&context.caller, id, overlap).await?;
    Ok(Answer(with_secret(rotated, context.app.clock.now())))
}

/// Tries whether messages arrive.
pub(crate) async fn test(context: Context, At(id): At<WebhookId>) -> Result<Answer<Tested>, ApiError> {
    let tried = context.app.test_webhook(&context.caller, id).await?;
    Ok(Answer(tested(tried)))
}

/// Sends again what happened.
pub(crate) async fn replay(
    context: Context,
    At(id): At<WebhookId>,
    Json(replay): Json<Replay>,
) -> Result<Answer<Replayed>, ApiError> {
    let from = match (replay.from, replay.from_event) {
        (Some(Text(at)), None) => ReplayFrom::Instant(at),
        (None, Some(Text(event))) => ReplayFrom::Event(event),
        _ => return Err(ApiError::invalid_value("from", "or `fromEvent` is needed, and not both")),
    };
    let replayed = context.app.replay(&context.caller, id, from).await?;
    Ok(Answer(Replayed { queued: replayed.queued, next_event: maybe(replayed.next) }))
}

/// A page of what was sent to one, newest first.
pub(crate) async fn deliveries(
    context: Context,
    At(id): At<WebhookId>,
    Query(which): Query<Which>,
) -> Result<Answer<Page<Delivery>>, ApiError> {
    let paging = Paging::of(which.limit, which.cursor);
    let (limit, before) = (paging.limit(), paging.after()?.map(EventId));
    let state = which.state.map(|Word(state)| state);
    let page = context.app.webhook_deliveries(&context.caller, id, state, before, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |one| one.event.id.0, delivery)))
}

/// Sends one event again.
pub(crate) async fn retry(
    context: Context,
    At2(id, event): At2<WebhookId, EventId>,
) -> Result<Answer<Delivery>, ApiError> {
    let again = context.app.redeliver(&context.caller, id, event).await?;
    Ok(Answer(delivery(again)))
}

fn wanted(events: Option<Vec<Word<EventType>>>) -> Wanted {
    match events {
        None => Wanted::All,
        Some(some) => Wanted::Only(some.into_iter().map(|Word(event)| event).collect()),
    }
}

fn with_secret(created: CreatedWebhook, now: Timestamp) -> WithSecret {
    WithSecret { secret: created.secret, webhook: shown(created.webhook, now) }
}

fn standing(known: WebhookStanding, now: Timestamp) -> Standing {
    Standing { webhook: shown(known.webhook, now), queued: known.queued, failed: known.failed }
}

fn shown(webhook: Webhook, now: Timestamp) -> Shown {
    Shown {
        id: Text(webhook.id),
        events: match Wanted::by(&webhook) {
            Wanted::All => None,
            Wanted::Only(some) => Some(some.into_iter().map(Word).collect()),
        },
        url: webhook.url,
        description: webhook.description,
        is_enabled: webhook.is_enabled,
        disabled_at: maybe(webhook.disabled_at),
        disabled_reason: Some(webhook.disabled_reason).filter(|reason| !reason.is_empty()),
        failing_since: maybe(webhook.failing_since),
        previous_until: maybe(webhook.previous_until.filter(|until| *until > now)),
        created_at: Text(webhook.created_at),
    }
}

fn tested(tried: Tried) -> Tested {
    Tested {
        is_taken: tried.is_taken(),
        status: tried.status,
        milliseconds: u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX),
        reason: Some(tried.reason).filter(|reason| !reason.is_empty()),
    }
}

fn delivery(shown: ShownDelivery) -> Delivery {
    let ShownDelivery { delivery, event } = shown;
    let waits = delivery.state == DeliveryState::Queued;
    Delivery {
        event: Told::of(event),
        state: Word(delivery.state),
        attempts: delivery.attempts,
        queued_at: Text(delivery.queued_at),
        next_attempt_at: maybe(Some(delivery.next_attempt_at).filter(|_| waits)),
        status: delivery.status,
        milliseconds: delivery.milliseconds,
        reason: Some(delivery.reason).filter(|reason| !reason.is_empty()),
        settled_at: maybe(delivery.settled_at),
    }
}
