//! `perennial key create|list|set|rotate|revoke`.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp, civil::Date};
use perennial_app::{App, Caller, CreatedKey, KeyChange, KeyState, NewKey, Scopes};
use perennial_billing::{ApiKeyId, CustomerId};
use perennial_store::keys::{self, ApiKey};
use perennial_store::sellers;
use serde::Serialize;

use crate::args::{Args, Format, KeyChangeArgs, KeyCommand};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

/// A key as it is shown: never with its secret, but for the once when it gets one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    hint: String,
    scopes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    is_test: bool,
    addresses: Vec<String>,
    state: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Makes, lists, changes, rotates and revokes keys.
pub async fn run(args: &Args, command: &KeyCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        KeyCommand::Create { name, description, scopes, addresses, test, customer, expires, format } => {
            let customer = customer.as_deref().map(|text| open::id::<CustomerId>("customer", text)).transpose()?;
            let expires_at = match expires {
                Some(text) => Some(instant(&app, &caller, text).await?),
                None => None,
            };
            let new = NewKey {
                description: description.clone().unwrap_or_default(),
                customer,
                expires_at,
                addresses: addresses.clone(),
                is_test: *test,
                ..NewKey::of(name, read_scopes(scopes)?)
            };
            let created = app.create_key(&caller, new).await?;
            show_once(&app, created, format.format)?;
        }
        KeyCommand::List { format } => list(&app, &caller, format.format).await?,
        KeyCommand::Set { key, change, format } => {
            let id: ApiKeyId = open::id("key", key)?;
            let changed = app.change_key(&caller, id, read_change(&app, &caller, change).await?).await?;
            match format.format {
                Format::Json => output::json(&row(&changed, app.clock.now()))?,
                Format::Table => output::note(format!("Key {id} is changed.")),
            }
        }
        KeyCommand::Rotate { key, overlap_hours, format } => {
            let id: ApiKeyId = open::id("key", key)?;
            let overlap = SignedDuration::from_hours(i64::from(*overlap_hours));
            let rotated = app.rotate_key(&caller, id, overlap).await?;
            let until = rotated.key.previous_until;
            show_once(&app, rotated, format.format)?;
            if let (Some(until), Format::Table) = (until, format.format) {
                output::note(format!("The old one works until {}.", output::instant(until)));
            }
        }
        KeyCommand::Revoke { key } => {
            let id: ApiKeyId = open::id("key", key)?;
            app.revoke_key(&caller, id).await?;
            output::note(format!("Key {id} is revoked."));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

fn read_scopes(words: &[String]) -> Result<Scopes> {
    Ok(words.join(" ").parse::<Scopes>().map_err(|e| UsageError(format!("--scopes: {e}")))?)
}

async fn read_change(app: &App, caller: &Caller, change: &KeyChangeArgs) -> Result<KeyChange> {
    let expires_at = match change.expires.as_deref() {
        None => None,
        Some("never") => Some(None),
        Some(text) => Some(Some(instant(app, caller, text).await?)),
    };
    let is_anywhere = |list: &[String]| matches!(list, [word] if word == "anywhere");
    Ok(KeyChange {
        name: change.name.clone(),
        description: change.description.clone(),
        scopes: change.scopes.as_deref().map(read_scopes).transpose()?,
        expires_at,
        addresses: change.addresses.clone().map(|list| if is_anywhere(&list) { Vec::new() } else { list }),
    })
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

/// Shows a new secret, for the only time.
fn show_once(app: &App, created: CreatedKey, format: Format) -> Result<()> {
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
                let whose = r.customer_id.unwrap_or_else(|| "staff".to_owned());
                let from = if r.addresses.is_empty() { "anywhere".to_owned() } else { r.addresses.join(" ") };
                let (hint, state) = (format!("{}…", r.hint), r.state.to_owned());
                let (expires, used) = (r.expires_at.unwrap_or_default(), r.last_used_at.unwrap_or_default());
                vec![r.id, r.name, hint, r.scopes, whose, from, state, r.created_at, expires, used]
            });
            let head = ["id", "name", "key", "scopes", "customer", "from", "state", "created", "expires", "last used"];
            output::table(&head, &[], lines)
        }
    }
}

fn row(key: &ApiKey, now: Timestamp) -> Row {
    Row {
        id: key.id.to_string(),
        name: key.name.clone(),
        description: key.description.clone(),
        hint: key.hint.clone(),
        scopes: key.scopes.clone(),
        customer_id: key.customer.map(|customer| customer.to_string()),
        is_test: key.is_test,
        addresses: key.addresses.split_whitespace().map(str::to_owned).collect(),
        state: KeyState::of(key, now).as_str(),
        created_at: output::instant(key.created_at),
        expires_at: key.expires_at.map(output::instant),
        previous_until: key.previous_until.filter(|until| *until > now).map(output::instant),
        last_used_at: key.last_used_at.map(output::instant),
        key: None,
    }
}
