//! `/api/v2/customers/{id}/contacts`: who else gets a customer's mails.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use perennial_app::Scope;
use perennial_billing::{ContactId, CustomerId};
use perennial_store::contacts::BillingContact;
use serde::{Deserialize, Serialize};

use super::{Json, Nothing, Query, body_id, path_id};
use crate::ApiError;
use crate::context::Context;

/// Somebody new, or another name for somebody known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    email: String,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Serialize)]
struct List {
    data: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    email: String,
    description: String,
}

/// All of them: there are few.
pub(crate) async fn list(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadBilling)?;
    let contacts = context.app.contacts(&context.caller, path_id("cus_", path)?).await?;
    Ok(context.plain(List { data: contacts.into_iter().map(shown).collect() }))
}

/// Adds one, or changes what the one with this address is called.
pub(crate) async fn put(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(new): Json<New>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let customer = path_id("cus_", path)?;
    let contact = context.app.put_contact(&context.caller, customer, &new.email, &new.description).await?;
    Ok((StatusCode::CREATED, context.plain(shown(contact))).into_response())
}

/// Removes one.
pub(crate) async fn remove(
    context: Context,
    path: Result<Path<(String, String)>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let Path((customer, contact)) = path.map_err(|_| ApiError::bad_request("the path holds two ids"))?;
    let customer: CustomerId = body_id("the customer", "cus_", &customer)?;
    let contact: ContactId = body_id("the contact", "con_", &contact)?;
    context.app.remove_contact(&context.caller, customer, contact).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(contact: BillingContact) -> Shown {
    Shown { id: format!("con_{}", contact.id), email: contact.email, description: contact.description }
}
