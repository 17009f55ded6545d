//! `/api/v2/mails` and `/api/v2/invoices/{id}/mails`: what is sent, and what became of it.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use perennial_app::{MailHistory, Scope};
use perennial_billing::{InvoiceId, OutboxId};
use perennial_store::outbox::{MailFilter, MailState};
use serde::{Deserialize, Serialize};

use super::{Nothing, Page, Paging, Query, body_id, path_id};
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::iso;

const PREFIX: &str = "mail_";

/// Which mails, and which page of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    state: Option<String>,
    invoice: Option<String>,
    limit: Option<i64>,
    cursor: Option<i64>,
}

#[derive(Debug, Serialize)]
struct List {
    data: Vec<Shown>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    kind: &'static str,
    customer: String,
    invoice: Option<String>,
    campaign: Option<String>,
    state: &'static str,
    /// Why it waits or was given up, or empty.
    reason: String,
    attempts: i64,
    queued_at: String,
    next_attempt_at: Option<String>,
    settled_at: Option<String>,
    message_id: Option<String>,
    deliveries: Vec<Delivered>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    attempt: i64,
    email: String,
    is_copy: bool,
    outcome: &'static str,
    reply: String,
    at: String,
}

/// What was queued.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Queued {
    queued_at: String,
    email: String,
}

/// A page of mails, newest first.
pub(crate) async fn list(context: Context, Query(wanted): Query<Wanted>) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let state = |word: &String| {
        MailState::from_word(word).ok_or_else(|| {
            let words = MailState::ALL.map(MailState::as_str).join(", ");
            ApiError::bad_request(format!("state must be one of {words}"))
        })
    };
    let invoice = |text: &String| body_id::<InvoiceId>("invoice", "inv_", text);
    let filter = MailFilter {
        state: wanted.state.as_ref().map(state).transpose()?,
        invoice: wanted.invoice.as_ref().map(invoice).transpose()?,
    };
    let limit = Paging { limit: wanted.limit, cursor: wanted.cursor }.limit()?;
    let mails = context.app.mails(&context.caller, filter, wanted.cursor.map(OutboxId), limit + 1).await?;
    Ok(context.plain(Page::of(mails, limit, |history| history.mail.id.0, |history| shown(&history))))
}

/// One mail.
pub(crate) async fn detail(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    Ok(context.plain(shown(&context.app.mail(&context.caller, path_id(PREFIX, path)?).await?)))
}

/// Tries a mail again, now and for a full round.
pub(crate) async fn retry(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    let id = path_id(PREFIX, path)?;
    context.app.retry_mails(&context.caller, Some(&[id])).await?;
    Ok(context.plain(shown(&context.app.mail(&context.caller, id).await?)))
}

/// Calls a mail off.
pub(crate) async fn call_off(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    context.app.call_off_mail(&context.caller, path_id(PREFIX, path)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The mails with a document, newest first.
pub(crate) async fn of_invoice(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadBilling)?;
    let mails = context.app.mails_of_invoice(&context.caller, path_id("inv_", path)?).await?;
    Ok(context.plain(List { data: mails.iter().map(shown).collect() }))
}

/// Mails a document again, to the address that the customer has now.
pub(crate) async fn resend(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let resent = context.app.resend_invoice(&context.caller, path_id("inv_", path)?).await?;
    Ok(context.plain(Queued { queued_at: iso(context.app.clock.now()), email: resent.sent_to }))
}

/// Reminds of an invoice that is overdue.
pub(crate) async fn remind(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    let reminded = context.app.remind(&context.caller, path_id("inv_", path)?).await?;
    Ok(context.plain(Queued { queued_at: iso(context.app.clock.now()), email: reminded.sent_to }))
}

fn shown(history: &MailHistory) -> Shown {
    let mail = &history.mail;
    let delivered = history.deliveries.iter().map(|delivery| Delivered {
        attempt: delivery.attempt,
        email: delivery.email.clone(),
        is_copy: delivery.is_copy,
        outcome: delivery.outcome.as_str(),
        reply: delivery.reply.clone(),
        at: iso(delivery.at),
    });
    Shown {
        id: format!("{PREFIX}{}", mail.id),
        kind: mail.kind.as_str(),
        customer: format!("cus_{}", mail.customer),
        invoice: mail.invoice.map(|id| format!("inv_{id}")),
        campaign: mail.campaign.map(|id| format!("cmp_{id}")),
        state: mail.state.as_str(),
        reason: mail.reason.clone(),
        attempts: mail.attempts,
        queued_at: iso(mail.created_at),
        next_attempt_at: (mail.state == MailState::Queued).then(|| iso(mail.next_attempt_at)),
        settled_at: mail.settled_at.map(iso),
        message_id: Some(mail.message_id.clone()).filter(|id| !id.is_empty()),
        deliveries: delivered.collect(),
    }
}
