//! `/api/v2/keys`: API keys, never their secrets but for the once.

use jiff::{SignedDuration, Timestamp};
use perennial_app::{CreatedKey, DEFAULT_KEY_OVERLAP, KeyChange, KeyState, NewKey, Scope, Scopes};
use perennial_billing::{ApiKeyId, CustomerId};
use perennial_store::keys::ApiKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created, NoContent};
use crate::wire::{At, Json, Page, Paging, Patch, Query, Text, Word, maybe};

/// What a key is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewApiKey")]
pub(crate) struct NewApiKey {
    /// What it is for.
    name: String,
    #[serde(default)]
    description: String,
    /// What it allows: nothing that your own key does not.
    scopes: Vec<Word<Scope>>,
    /// The only customer it may see; without it, it is a key of staff.
    customer: Option<Text<CustomerId>>,
    /// When it stops working; without it, never.
    expires_at: Option<Text<Timestamp>>,
    /// Addresses and networks (CIDR) it may be used from, at most 50; none is from anywhere.
    #[serde(default)]
    addresses: Vec<String>,
    /// Whether it opens sandboxes only.
    #[serde(default)]
    is_test: bool,
}

/// What is to change of a key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ApiKeyPatch")]
pub(crate) struct KeyPatch {
    #[serde(default)]
    name: Patch<String>,
    #[serde(default)]
    description: Patch<String>,
    /// What it allows: nothing that your own key does not.
    #[serde(default)]
    scopes: Patch<Vec<Word<Scope>>>,
    /// When it stops working; null is never.
    #[serde(default)]
    expires_at: Patch<Text<Timestamp>>,
    /// Addresses and networks (CIDR) it may be used from; null or an empty list is from anywhere.
    #[serde(default)]
    addresses: Patch<Vec<String>>,
}

/// How a key gets a new secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ApiKeyRotation")]
pub(crate) struct Rotation {
    /// Hours for which the old secret works too, at most 720; 24 if it is left out.
    #[schemars(range(max = 720))]
    overlap_hours: Option<u16>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ApiKey")]
pub(crate) struct Shown {
    id: Text<ApiKeyId>,
    name: String,
    description: String,
    /// Its first characters, to recognise it by.
    hint: String,
    scopes: Vec<Word<Scope>>,
    /// The only customer it may see; null for a key of staff.
    customer: Option<Text<CustomerId>>,
    is_test: bool,
    /// Addresses and networks it may be used from; none is from anywhere.
    addresses: Vec<String>,
    state: Word<KeyState>,
    created_at: Text<Timestamp>,
    expires_at: Option<Text<Timestamp>>,
    revoked_at: Option<Text<Timestamp>>,
    /// Through when the secret works that it had before.
    previous_until: Option<Text<Timestamp>>,
    /// When it was last used, to about a minute.
    last_used_at: Option<Text<Timestamp>>,
}

/// A key with its secret, which is shown only this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ApiKeyWithSecret")]
pub(crate) struct WithSecret {
    /// What to send as the key.
    secret: String,
    #[serde(flatten)]
    key: Shown,
}

/// A page of keys, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Shown>>, ApiError> {
    let limit = paging.limit();
    let keys = context.app.keys(&context.caller, paging.after()?.map(ApiKeyId), limit + 1).await?;
    let now = context.app.clock.now();
    Ok(Answer(Page::of(keys, limit, |key| key.id.0, |key| shown(key, now))))
}

/// Makes a key.
pub(crate) async fn create(context: Context, Json(new): Json<NewApiKey>) -> Result<Created<WithSecret>, ApiError> {
    let new = NewKey {
        name: new.name,
        description: new.description,
        scopes: scopes(new.scopes),
        customer: new.customer.map(|Text(customer)| customer),
        expires_at: new.expires_at.map(|Text(at)| at),
        addresses: new.addresses,
        is_test: new.is_test,
    };
    let created = context.app.create_key(&context.caller, new).await?;
    let place = format!("{ROOT}/keys/{}", Text(created.key.id));
    Ok(Created { place, body: with_secret(created, context.app.clock.now()) })
}

/// One key.
pub(crate) async fn detail(context: Context, At(id): At<ApiKeyId>) -> Result<Answer<Shown>, ApiError> {
    let key = context.app.key(&context.caller, id).await?;
    Ok(Answer(shown(key, context.app.clock.now())))
}

/// Changes a key.
pub(crate) async fn change(
    context: Context,
    At(id): At<ApiKeyId>,
    Json(patch): Json<KeyPatch>,
) -> Result<Answer<Shown>, ApiError> {
    let change = KeyChange {
        name: patch.name.or_empty(),
        description: patch.description.or_empty(),
        scopes: patch.scopes.or_empty().map(scopes),
        expires_at: match patch.expires_at {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(Text(at)) => Some(Some(at)),
        },
        addresses: patch.addresses.or_empty(),
    };
    let key = context.app.change_key(&context.caller, id, change).await?;
    Ok(Answer(shown(key, context.app.clock.now())))
}

/// Revokes a key.
pub(crate) async fn revoke(context: Context, At(id): At<ApiKeyId>) -> Result<NoContent, ApiError> {
    context.app.revoke_key(&context.caller, id).await?;
    Ok(NoContent)
}

/// Gives a key a new secret.
pub(crate) async fn rotate(
    context: Context,
    At(id): At<ApiKeyId>,
    Json(rotation): Json<Rotation>,
) -> Result<Answer<WithSecret>, ApiError> {
    let overlap = rotation.overlap_hours.map_or(DEFAULT_KEY_OVERLAP, |hours| SignedDuration::from_hours(hours.into()));
    let rotated = context.app.rotate_key(&context.caller, id, overlap).await?;
    Ok(Answer(with_secret(rotated, context.app.clock.now())))
}

fn scopes(words: Vec<Word<Scope>>) -> Scopes {
    Scopes::of(&words.into_iter().map(|Word(scope)| scope).collect::<Vec<_>>())
}

fn with_secret(created: CreatedKey, now: Timestamp) -> WithSecret {
    WithSecret { secret: created.secret, key: shown(created.key, now) }
}

fn shown(key: ApiKey, now: Timestamp) -> Shown {
    let scopes: Scopes = key.scopes.parse().unwrap_or_default();
    Shown {
        id: Text(key.id),
        state: Word(KeyState::of(&key, now)),
        name: key.name,
        description: key.description,
        hint: key.hint,
        scopes: scopes.iter().map(Word).collect(),
        customer: maybe(key.customer),
        is_test: key.is_test,
        addresses: key.addresses.split_whitespace().map(str::to_owned).collect(),
        created_at: Text(key.created_at),
        expires_at: maybe(key.expires_at),
        revoked_at: maybe(key.revoked_at),
        previous_until: maybe(key.previous_until.filter(|until| *until > now)),
        last_used_at: maybe(key.last_used_at),
    }
}
