//! `perennial webhook …`.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp, civil::Date};
use perennial_app::{
    App, Caller, CreatedWebhook, NewWebhook, ReplayFrom, ShownDelivery, Tried, Wanted, WebhookChange, WebhookStanding,
};
use perennial_billing::{EventId, WebhookId};
use perennial_store::events::EventType;
use perennial_store::sellers;
use perennial_store::webhook_deliveries::DeliveryState;
use perennial_store::webhooks::Webhook;
use serde::Serialize;

use crate::args::{Args, Format, WebhookCommand};
use crate::config::Config;
use crate::exit::{Exit, UsageError};
use crate::{open, output};

mod listen;

/// Says who is told what happens.
pub async fn run(args: &Args, command: &WebhookCommand) -> Result<Exit> {
    if let WebhookCommand::Events { format } = command {
        return events(format.format);
    }
    let (app, caller) = open::for_staff(args).await?;
    let app = open::with_webhooks(app, &Config::load(&args.config)?)?;
    let exit = carry_out(&app, &caller, command).await;
    app.store.close().await;
    exit
}

async fn carry_out(app: &App, caller: &Caller, command: &WebhookCommand) -> Result<Exit> {
    match command {
        WebhookCommand::Events { .. } => {}
        WebhookCommand::List { format } => list(&app.webhooks(caller).await?, format.format)?,
        WebhookCommand::Add { url, description, events, format } => {
            let new = NewWebhook {
                url: url.clone(),
                description: description.clone().unwrap_or_default(),
                events: if events.is_empty() { Wanted::All } else { wanted(events)? },
            };
            show_once(app.create_webhook(caller, new).await?, format.format)?;
        }
        WebhookCommand::Set { webhook, url, description, events } => {
            let change = WebhookChange {
                url: url.clone(),
                description: description.clone(),
                events: events.as_deref().map(wanted).transpose()?,
                ..WebhookChange::default()
            };
            change_one(app, caller, webhook, change, "changed").await?;
        }
        WebhookCommand::Enable { webhook } => switch(app, caller, webhook, true).await?,
        WebhookCommand::Disable { webhook } => switch(app, caller, webhook, false).await?,
        WebhookCommand::Remove { webhook } => {
            let id: WebhookId = id(webhook)?;
            app.remove_webhook(caller, id).await?;
            output::note(format!("Webhook {id} is removed."));
        }
        WebhookCommand::Rotate { webhook, overlap_hours, format } => {
            let overlap = SignedDuration::from_hours(i64::from(*overlap_hours));
            let rotated = app.rotate_webhook(caller, id(webhook)?, overlap).await?;
            let until = rotated.webhook.previous_until;
            show_once(rotated, format.format)?;
            if let (Some(until), Format::Table) = (until, format.format) {
                output::note(format!("Messages are signed with the old one too until {}.", output::instant(until)));
            }
        }
        WebhookCommand::Test { webhook, format } => {
            let tried = app.test_webhook(caller, id(webhook)?).await?;
            show_try(&tried, format.format)?;
            return Ok(if tried.is_taken() { Exit::Done } else { Exit::Incomplete });
        }
        WebhookCommand::Deliveries { webhook, state, limit, format } => {
            let state = state.as_deref().map(read_state).transpose()?;
            let page = app.webhook_deliveries(caller, id(webhook)?, state, None, i64::from(*limit)).await?;
            deliveries(&page, format.format)?;
        }
        WebhookCommand::Replay { webhook, from, event, format } => {
            let webhook = id(webhook)?;
            let queued = match (from, event) {
                (_, Some(event)) => {
                    app.redeliver(caller, webhook, event_id(event)?).await?;
                    1
                }
                (Some(from), None) => replay(app, caller, webhook, instant(app, caller, "--from", from).await?).await?,
                (None, None) => return Err(UsageError("from when on? Add --from or --event".to_owned()).into()),
            };
            match format.format {
                Format::Json => output::json(&serde_json::json!({ "queued": queued }))?,
                Format::Table => output::note(format!("{queued} events are queued; the running server sends them.")),
            }
        }
        WebhookCommand::Listen { forward_to, events, from, format } => {
            let wanted = if events.is_empty() { Wanted::All } else { wanted(events)? };
            let from = match from {
                Some(text) => Some(instant(app, caller, "--from", text).await?),
                None => None,
            };
            listen::run(app, caller, forward_to.as_deref(), &wanted, from, format.format).await?;
        }
    }
    Ok(Exit::Done)
}

/// A webhook as it is shown: never with its secret, but for the once when it gets one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: String,
    url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    events: Vec<&'static str>,
    is_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    disabled_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

fn row(webhook: &Webhook) -> Row<'_> {
    Row {
        id: webhook.id.to_string(),
        url: &webhook.url,
        description: &webhook.description,
        events: match Wanted::by(webhook) {
            Wanted::All => vec!["all"],
            Wanted::Only(some) => some.into_iter().map(EventType::as_str).collect(),
        },
        is_enabled: webhook.is_enabled,
        disabled_at: webhook.disabled_at.map(output::instant),
        disabled_reason: &webhook.disabled_reason,
        failing_since: webhook.failing_since.map(output::instant),
        queued: None,
        failed: None,
        secret: None,
    }
}

fn list(all: &[WebhookStanding], format: Format) -> Result<()> {
    let rows = all.iter().map(|one| Row { queued: Some(one.queued), failed: Some(one.failed), ..row(&one.webhook) });
    if format == Format::Json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let lines = rows.map(|row| {
        let state = match (row.is_enabled, &row.failing_since) {
            (false, _) => format!("disabled: {}", row.disabled_reason),
            (true, Some(since)) => format!("takes nothing since {since}"),
            (true, None) => "works".to_owned(),
        };
        let count = |count: Option<i64>| count.unwrap_or_default().to_string();
        vec![row.id, row.url.to_owned(), row.events.join(" "), count(row.queued), count(row.failed), state]
    });
    output::table(&["id", "url", "events", "queued", "failed", "state"], &[3, 4], lines)
}

fn events(format: Format) -> Result<Exit> {
    let all = EventType::ALL.into_iter();
    match format {
        Format::Json => {
            let rows = all.map(|event| serde_json::json!({ "event": event.as_str(), "tells": event.tells() }));
            output::json(&rows.collect::<Vec<_>>())?;
        }
        Format::Table => {
            let lines = all.map(|event| vec![event.as_str().to_owned(), event.tells().to_owned()]);
            output::table(&["event", "tells"], &[], lines)?;
        }
    }
    Ok(Exit::Done)
}

/// Shows a new secret, for the only time.
fn show_once(created: CreatedWebhook, format: Format) -> Result<()> {
    match format {
        Format::Json => output::json(&Row { secret: Some(&created.secret), ..row(&created.webhook) }),
        Format::Table => {
            let CreatedWebhook { webhook, secret } = created;
            output::note(format!("The secret of webhook {} ({}) is shown only this once:", webhook.id, webhook.url));
            output::line(secret)
        }
    }
}

async fn switch(app: &App, caller: &Caller, webhook: &str, is_enabled: bool) -> Result<()> {
    let change = WebhookChange { is_enabled: Some(is_enabled), ..WebhookChange::default() };
    let did = if is_enabled { "told what happens from now on" } else { "told nothing any more" };
    change_one(app, caller, webhook, change, did).await
}

async fn change_one(app: &App, caller: &Caller, webhook: &str, change: WebhookChange, did: &str) -> Result<()> {
    let changed = app.change_webhook(caller, id(webhook)?, change).await?;
    output::note(format!("Webhook {} ({}) is {did}.", changed.id, changed.url));
    Ok(())
}

fn show_try(tried: &Tried, format: Format) -> Result<()> {
    match format {
        Format::Json => output::json(&serde_json::json!({
            "isTaken": tried.is_taken(),
            "status": tried.status,
            "milliseconds": u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX),
            "reason": tried.reason,
        })),
        Format::Table => output::line(told(tried)),
    }
}

/// What a try came to, in a line.
fn told(tried: &Tried) -> String {
    let took = tried.took.as_millis();
    match tried.status {
        Some(status) if tried.is_taken() => format!("taken: {status} after {took} ms"),
        _ => format!("not taken after {took} ms: {}", tried.reason),
    }
}

fn deliveries(page: &[ShownDelivery], format: Format) -> Result<()> {
    let rows = page.iter().map(|ShownDelivery { delivery, event }| {
        let next = Some(delivery.next_attempt_at).filter(|_| delivery.state == DeliveryState::Queued);
        serde_json::json!({
            "event": event.id.to_string(),
            "type": event.name,
            "subject": event.subject,
            "subjectId": event.subject_id.to_string(),
            "at": output::instant(event.at),
            "state": delivery.state.as_str(),
            "attempts": delivery.attempts,
            "status": delivery.status,
            "milliseconds": delivery.milliseconds,
            "reason": delivery.reason,
            "nextAttemptAt": next.map(output::instant),
            "settledAt": delivery.settled_at.map(output::instant),
        })
    });
    if format == Format::Json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let lines = page.iter().map(|ShownDelivery { delivery, event }| {
        let next = match delivery.state {
            DeliveryState::Queued => output::instant(delivery.next_attempt_at),
            DeliveryState::Delivered | DeliveryState::Failed => String::new(),
        };
        vec![
            event.id.to_string(),
            event.name.clone(),
            format!("{} {}", event.subject, event.subject_id),
            output::instant(event.at),
            delivery.state.as_str().to_owned(),
            delivery.attempts.to_string(),
            next,
            delivery.reason.clone(),
        ]
    });
    output::table(&["event", "type", "about", "at", "state", "tries", "next", "reason"], &[5], lines)
}

/// Queues all of it, a part at a time.
async fn replay(app: &App, caller: &Caller, webhook: WebhookId, from: Timestamp) -> Result<u64> {
    let mut queued = 0;
    let mut next = ReplayFrom::Instant(from);
    loop {
        let replayed = app.replay(caller, webhook, next).await?;
        queued += replayed.queued;
        match replayed.next {
            Some(event) => next = ReplayFrom::Event(event),
            None => return Ok(queued),
        }
        output::note(format!("{queued} events …"));
    }
}

fn wanted(words: &[String]) -> Result<Wanted> {
    if let [word] = words
        && matches!(word.as_str(), "all" | "*")
    {
        return Ok(Wanted::All);
    }
    let read = |word: &String| {
        EventType::from_word(word.trim())
            .ok_or_else(|| UsageError(format!("--events: {word:?} is no event; `perennial webhook events` lists them")))
    };
    Ok(Wanted::Only(words.iter().map(read).collect::<Result<_, _>>()?))
}

fn read_state(text: &str) -> Result<DeliveryState, UsageError> {
    let words = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
    DeliveryState::from_word(text).ok_or_else(|| UsageError(format!("--state {text:?}: must be one of {words}")))
}

fn id(text: &str) -> Result<WebhookId> {
    open::id("webhook", text.strip_prefix(WebhookId::PREFIX).unwrap_or(text))
}

fn event_id(text: &str) -> Result<EventId> {
    open::id("event", text.strip_prefix(EventId::PREFIX).unwrap_or(text))
}

/// An instant, or the beginning of a day in the seller's time zone.
async fn instant(app: &App, caller: &Caller, option: &str, text: &str) -> Result<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let refused = || UsageError(format!("{option} {text:?}: not a date such as 2026-11-30 and not an instant"));
    let date: Date = text.parse().map_err(|_| refused())?;
    let seller = sellers::get(&mut app.store.read().await?, caller.seller).await?.ok_or_else(refused)?;
    Ok(date.to_zoned(seller.time_zone).map_err(|_| refused())?.timestamp())
}
