//! `/api/v2/me`: what the key is that asks.

use perennial_app::{Actor, Scope};
use perennial_billing::{ApiKeyId, CustomerId, SellerId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{Text, maybe};

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Me")]
pub(crate) struct Shown {
    key: Text<ApiKeyId>,
    /// What it allows.
    scopes: Vec<&'static str>,
    seller: Text<SellerId>,
    /// The only customer that it may see; null for a key of staff.
    customer: Option<Text<CustomerId>>,
}

/// The key itself.
pub(crate) async fn detail(context: Context) -> Result<Answer<Shown>, ApiError> {
    let caller = &context.caller;
    // Whoever comes in here has a key.
    let Actor::Key(key) = caller.actor else { return Err(ApiError::internal()) };
    Ok(Answer(Shown {
        key: Text(key),
        scopes: caller.scopes.iter().map(Scope::as_str).collect(),
        seller: Text(caller.seller),
        customer: maybe(caller.customer),
    }))
}
