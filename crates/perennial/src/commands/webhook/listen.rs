//! `perennial webhook listen`: what happens, as it happens.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use perennial_app::{App, Caller, Message, Wanted, WebhookSecret, WebhookSender};
use perennial_billing::EventId;
use perennial_store::events::{self, Event};

use super::told;
use crate::args::Format;
use crate::{open, output};

/// How often it is looked whether something happened.
const LISTEN_INTERVAL: Duration = Duration::from_millis(500);
/// Events that are read together.
const LISTEN_EVENTS: i64 = 500;
/// Events that are looked at again: transactions may end in another order than that in which they took their ids.
const LOOK_BACK_EVENTS: i64 = 200;

/// Prints what happens, and sends it on, until it is told to stop.
pub async fn run(
    app: &App,
    caller: &Caller,
    forward_to: Option<&str>,
    wanted: &Wanted,
    from: Option<Timestamp>,
    format: Format,
) -> Result<()> {
    let forward = match forward_to {
        Some(url) => {
            let secret = WebhookSecret::new(&app.random)?;
            output::note(format!("Messages to {url} are signed with\n{secret}"));
            Some((url, secret, WebhookSender::to_anywhere().context("nothing can be sent from here")?))
        }
        None => None,
    };
    output::note("Listening; Ctrl-C ends it.");
    let mut conn = app.store.read().await?;
    let last = events::last(&mut conn, caller.seller).await?.map_or(0, |event| event.0);
    let begin = match from {
        Some(at) => events::first_since(&mut conn, caller.seller, at).await?.map_or(last, |first| first.0 - 1),
        None => last,
    };
    drop(conn);
    let mut stop = open::stop_on_signal()?;
    let (mut seen, mut newest) = (BTreeSet::new(), begin);
    while !*stop.borrow() {
        let after = EventId((newest - LOOK_BACK_EVENTS).max(begin));
        let happened = events::after(&mut app.store.read().await?, caller.seller, after, LISTEN_EVENTS).await?;
        let news: Vec<&Event> = happened.iter().filter(|event| !seen.contains(&event.id.0)).collect();
        let is_idle = news.is_empty();
        for event in news {
            seen.insert(event.id.0);
            newest = newest.max(event.id.0);
            if !is_wanted(wanted, &event.name) {
                continue;
            }
            let message = Message::of(&mut app.store.read().await?, caller.seller, event).await?;
            match format {
                Format::Json => output::line(&message.body)?,
                Format::Table => {
                    let at = output::instant(event.at);
                    output::line(format!(
                        "{at}  {}  {}  {} {}",
                        message.id, event.name, event.subject, event.subject_id
                    ))?;
                }
            }
            if let Some((url, secret, sender)) = &forward {
                let tried = sender.send(url, &message, &secret.signing()).await;
                output::note(format!("  {}", told(&tried)));
            }
        }
        seen = seen.split_off(&(newest - LOOK_BACK_EVENTS));
        if is_idle {
            let _ = tokio::time::timeout(LISTEN_INTERVAL, stop.wait_for(|stop| *stop)).await;
        }
    }
    Ok(())
}

fn is_wanted(wanted: &Wanted, name: &str) -> bool {
    match wanted {
        Wanted::All => true,
        Wanted::Only(some) => some.iter().any(|event| event.as_str() == name),
    }
}
