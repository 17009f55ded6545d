//! `perennial key create|list|revoke`.

use anyhow::Result;
use jiff::{Timestamp, civil::Date};
use perennial_app::{Actor, App, Caller, NewKey, Scopes};
use perennial_billing::{ApiKeyId, CustomerId};
use perennial_store::keys::{self, ApiKey};
use perennial_store::sellers;
use serde::Serialize;

use crate::args::{Args, Format, KeyCommand};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

/// A key as it is shown: never with its secret, but for the once when it is made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    hint: String,
    scopes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    state: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Makes, lists and revokes keys.
pub async fn run(args: &Args, command: &KeyCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        KeyCommand::Create { name, scopes, customer, expires, format } => {
            let scopes: Scopes = scopes.join(" ").parse().map_err(|e| UsageError(format!("--scopes: {e}")))?;
            let customer = customer.as_deref().map(|text| open::id::<CustomerId>("customer", text)).transpose()?;
            let expires_at = match expires {
                Some(text) => Some(instant(&app, &caller, text).await?),
                None => None,
            };
            create(&app, &caller, NewKey { name: name.clone(), scopes, customer, expires_at }, format.format).await?;
        }
        KeyCommand::List { format } => list(&app, &caller, format.format).await?,
        KeyCommand::Revoke { key } => {
            let id: ApiKeyId = open::id("key", key)?;
            app.revoke_key(caller.seller, Actor::Cli, id).await?;
            output::note(format!("Key {id} is revoked."));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

/// An instant, or the end of a day in the seller's time zone.
async fn instant(app: &App, caller: &Caller, text: &str) -> Result<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let refused = || UsageError(format!("--expires {text:?}: not a date such as 2027-12-31 and not an instant"));
    let date: Date = text.parse().map_err(|_| refused())?;
    let seller = sellers::get(&mut app.store.read().await?, caller.seller).await?.ok_or_else(refused)?;
    let end = date.tomorrow().and_then(|next| next.to_zoned(seller.time_zone));
    Ok(end.map_err(|_| UsageError(format!("--expires {text:?}: too late")))?.timestamp())
}

async fn create(app: &App, caller: &Caller, new: NewKey, format: Format) -> Result<()> {
    let created = app.create_key(caller.seller, Actor::Cli, new).await?;
    match format {
        Format::Json => output::json(&Row { key: Some(created.secret), ..row(&created.key, app.clock.now()) }),
        Format::Table => {
            output::note(format!("Key {} ({}) is shown only this once:", created.key.id, created.key.name));
            output::line(&created.secret)
        }
    }
}

async fn list(app: &App, caller: &Caller, format: Format) -> Result<()> {
    let keys = keys::all(&mut app.store.read().await?, caller.seller).await?;
    let rows: Vec<Row> = keys.iter().map(|key| row(key, app.clock.now())).collect();
    match format {
        Format::Json => output::json(&rows),
        Format::Table => {
            let lines = rows.into_iter().map(|r| {
                let customer = r.customer_id.unwrap_or_else(|| "staff".to_owned());
                vec![r.id, r.name, format!("{}…", r.hint), r.scopes, customer, r.state.to_owned(), r.created_at]
            });
            output::table(&["id", "name", "key", "scopes", "customer", "state", "created"], &[], lines)
        }
    }
}

fn row(key: &ApiKey, now: Timestamp) -> Row {
    let is_expired = key.expires_at.is_some_and(|at| at <= now);
    Row {
        id: key.id.to_string(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        scopes: key.scopes.clone(),
        customer_id: key.customer.map(|customer| customer.to_string()),
        state: match (key.revoked_at, is_expired) {
            (Some(_), _) => "revoked",
            (None, true) => "expired",
            (None, false) => "active",
        },
        created_at: key.created_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        expires_at: key.expires_at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        key: None,
    }
}
