//! `/api/keys`: API keys in the shapes of the original.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use jiff::{SignedDuration, Timestamp};
use perennial_app::{CreatedKey, DEFAULT_KEY_OVERLAP, KeyChange, KeyState, NewKey, Scope, Scopes};
use perennial_billing::ApiKeyId;
use perennial_store::keys::ApiKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::ApiError;
use crate::body::Body;
use crate::context::Context;
use crate::v1::envelope::{Success, iso};
use crate::wire::{At, OnWire as _, Text};

/// Keys in the list at most: the newest ones.
const MAX_KEYS_LISTED: i64 = 1_000;
/// Days after which a key can be made to expire at most.
const MAX_EXPIRY_DAYS: u32 = 3_650;
/// Said with every new secret.
const ONCE: &str = "Store this API key now: it is not shown again";

/// What a key is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "V1NewApiKey")]
pub(crate) struct NewApiKey {
    name: String,
    scopes: Vec<String>,
    is_test: bool,
    #[serde(default)]
    description: Option<String>,
    /// Days after which it stops working.
    expires_in_days: Option<u32>,
    /// There is no DNS here: must be empty.
    #[serde(default)]
    allowed_dns_zones: Option<Vec<String>>,
    /// There is no DNS here: must be empty.
    #[serde(default)]
    dns_permissions: Option<Vec<String>>,
}

/// What a key becomes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "V1ApiKeyChange")]
pub(crate) struct ChangedApiKey {
    name: String,
    scopes: Vec<String>,
    /// False revokes it, for good.
    is_active: bool,
    /// There is no DNS here: must be empty.
    #[serde(default)]
    allowed_dns_zones: Option<Vec<String>>,
    /// There is no DNS here: must be empty.
    #[serde(default)]
    dns_permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    key_id: String,
}

/// A key with its secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1ApiKeyWithSecret")]
pub(crate) struct WithSecret {
    key_id: Text<ApiKeyId>,
    key: String,
    name: String,
    description: String,
    scopes: Vec<&'static str>,
    dns_permissions: [&'static str; 0],
    created_at: String,
    message: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1ApiKeys")]
pub(crate) struct Listed {
    keys: Vec<Shown>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1ApiKey")]
struct Shown {
    key_id: Text<ApiKeyId>,
    /// Its first characters.
    key_prefix: String,
    name: String,
    description: String,
    scopes: Vec<&'static str>,
    dns_permissions: [&'static str; 0],
    is_test: bool,
    is_active: bool,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1Scopes")]
pub(crate) struct KnownScopes {
    scopes: Vec<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1ApiKeyDone")]
pub(crate) struct Done {
    message: &'static str,
}

/// Keys, newest first; a customer's key sees its customer's.
pub(crate) async fn list(context: Context) -> Result<Success<Listed>, ApiError> {
    let keys = context.app.keys(&context.caller, None, MAX_KEYS_LISTED).await?;
    let now = context.app.clock.now();
    Ok(context.success(Listed { keys: keys.into_iter().map(|key| shown(key, now)).collect() }))
}

/// Every scope there is.
pub(crate) async fn scopes(context: Context) -> Result<Success<KnownScopes>, ApiError> {
    Ok(context.success(KnownScopes { scopes: Scope::ALL.map(Scope::as_str).to_vec() }))
}

/// Makes a key; a customer's key makes one of its customer's.
pub(crate) async fn create(context: Context, Json(new): Json<NewApiKey>) -> Result<Success<WithSecret>, ApiError> {
    refuse_dns(new.allowed_dns_zones, new.dns_permissions)?;
    let expires_at = match new.expires_in_days {
        None => None,
        Some(days @ 1..=MAX_EXPIRY_DAYS) => {
            let at = context.app.clock.now().checked_add(SignedDuration::from_hours(i64::from(days) * 24));
            Some(at.map_err(|_| ApiError::bad_request("expires_in_days is too large"))?)
        }
        Some(_) => return Err(ApiError::bad_request(format!("expires_in_days must be from 1 to {MAX_EXPIRY_DAYS}"))),
    };
    let new = NewKey {
        description: new.description.unwrap_or_default(),
        expires_at,
        is_test: new.is_test,
        ..NewKey::of(&new.name, read_scopes(&new.scopes)?)
    };
    let created = context.app.create_key(&context.caller, new).await?;
    Ok(context.success(with_secret(created)))
}

/// Changes a key, or revokes it.
pub(crate) async fn change(
    context: Context,
    At(id): At<ApiKeyId>,
    Json(new): Json<ChangedApiKey>,
) -> Result<Success<Done>, ApiError> {
    refuse_dns(new.allowed_dns_zones, new.dns_permissions)?;
    let scopes = read_scopes(&new.scopes)?;
    let change = KeyChange { name: Some(new.name), scopes: Some(scopes), ..KeyChange::default() };
    match new.is_active {
        true => drop(context.app.change_key(&context.caller, id, change).await?),
        // What does not work any more need not be called otherwise.
        false => context.app.revoke_key(&context.caller, id).await?,
    }
    Ok(context.success(Done { message: "API key updated successfully" }))
}

/// Gives a key a new secret; the old one works on for a day. The body is read, so that its limit holds, and ignored.
pub(crate) async fn roll(context: Context, At(id): At<ApiKeyId>, _body: Body) -> Result<Success<WithSecret>, ApiError> {
    let rotated = context.app.rotate_key(&context.caller, id, DEFAULT_KEY_OVERLAP).await?;
    Ok(context.success(with_secret(rotated)))
}

/// Revokes a key.
pub(crate) async fn revoke(
    context: Context,
    query: Result<Query<Which>, QueryRejection>,
) -> Result<Success<Done>, ApiError> {
    let Query(Which { key_id }) = query.map_err(|_| ApiError::bad_request("key_id is missing"))?;
    let id = ApiKeyId::read(&key_id).map_err(|reason| ApiError::bad_request(format!("key_id {reason}")))?;
    context.app.revoke_key(&context.caller, id).await?;
    Ok(context.success(Done { message: "API key deleted successfully" }))
}

/// A restriction that cannot be kept is refused, not forgotten.
fn refuse_dns(zones: Option<Vec<String>>, permissions: Option<Vec<String>>) -> Result<(), ApiError> {
    for (field, given) in [("allowed_dns_zones", zones), ("dns_permissions", permissions)] {
        if given.is_some_and(|given| !given.is_empty()) {
            return Err(ApiError::bad_request(format!("{field} must be empty: there is no DNS here")));
        }
    }
    Ok(())
}

fn read_scopes(words: &[String]) -> Result<Scopes, ApiError> {
    let mut scopes = Vec::with_capacity(words.len().min(Scope::ALL.len()));
    for word in words {
        let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == word);
        scopes.push(known.ok_or_else(|| ApiError::bad_request(format!("scopes: {word:?} is no scope")))?);
    }
    Ok(Scopes::of(&scopes))
}

fn scope_words(key: &ApiKey) -> Vec<&'static str> {
    key.scopes.parse::<Scopes>().unwrap_or_default().iter().map(Scope::as_str).collect()
}

fn with_secret(CreatedKey { key, secret }: CreatedKey) -> WithSecret {
    WithSecret {
        key_id: Text(key.id),
        key: secret,
        scopes: scope_words(&key),
        name: key.name,
        description: key.description,
        dns_permissions: [],
        created_at: iso(key.created_at),
        message: ONCE,
    }
}

fn shown(key: ApiKey, now: Timestamp) -> Shown {
    Shown {
        key_id: Text(key.id),
        scopes: scope_words(&key),
        is_active: KeyState::of(&key, now) == KeyState::Active,
        key_prefix: key.hint,
        name: key.name,
        description: key.description,
        dns_permissions: [],
        is_test: key.is_test,
        created_at: iso(key.created_at),
        expires_at: key.expires_at.map(iso),
        last_used_at: key.last_used_at.map(iso),
    }
}
