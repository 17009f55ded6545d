//! `/api/v2/customers/{id}/contacts`: who else gets a customer's mails.

use perennial_billing::{ContactId, CustomerId};
use perennial_store::contacts::BillingContact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created, NoContent};
use crate::wire::{At, At2, Json, List, Text};

/// Somebody new, or another name for somebody known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBillingContact {
    email: String,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BillingContact")]
pub(crate) struct Shown {
    id: Text<ContactId>,
    email: String,
    description: String,
}

/// All of them: there are few.
pub(crate) async fn list(context: Context, At(id): At<CustomerId>) -> Result<Answer<List<Shown>>, ApiError> {
    let contacts = context.app.contacts(&context.caller, id).await?;
    Ok(Answer(List::of(contacts, shown)))
}

/// Adds one, or changes what the one with this address is called.
pub(crate) async fn put(
    context: Context,
    At(id): At<CustomerId>,
    Json(new): Json<NewBillingContact>,
) -> Result<Created<Shown>, ApiError> {
    let contact = context.app.put_contact(&context.caller, id, &new.email, &new.description).await?;
    Ok(Created { place: format!("{ROOT}/customers/{}/contacts", Text(id)), body: shown(contact) })
}

/// Removes one.
pub(crate) async fn remove(
    context: Context,
    At2(customer, contact): At2<CustomerId, ContactId>,
) -> Result<NoContent, ApiError> {
    context.app.remove_contact(&context.caller, customer, contact).await?;
    Ok(NoContent)
}

fn shown(contact: BillingContact) -> Shown {
    Shown { id: Text(contact.id), email: contact.email, description: contact.description }
}
