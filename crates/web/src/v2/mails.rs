//! `/api/v2/mails` and `/api/v2/invoices/{id}/mails`: what is sent, and what became of it.

use jiff::Timestamp;
use perennial_app::MailHistory;
use perennial_billing::{CampaignId, CustomerId, InvoiceId, OutboxId};
use perennial_store::outbox::{MailFilter, MailState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, NoContent};
use crate::wire::{At, Cursor, Limit, List, Page, Paging, Query, Text, Word};

/// Which mails, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailsWanted {
    state: Option<Word<MailState>>,
    invoice: Option<Text<InvoiceId>>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Mail")]
pub(crate) struct Shown {
    id: Text<OutboxId>,
    kind: &'static str,
    customer: Text<CustomerId>,
    invoice: Option<Text<InvoiceId>>,
    campaign: Option<Text<CampaignId>>,
    state: Word<MailState>,
    /// Why it waits or was given up, or empty.
    reason: String,
    attempts: i64,
    queued_at: Text<Timestamp>,
    next_attempt_at: Option<Text<Timestamp>>,
    settled_at: Option<Text<Timestamp>>,
    message_id: Option<String>,
    deliveries: Vec<Delivered>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MailDelivery")]
struct Delivered {
    attempt: i64,
    email: String,
    is_copy: bool,
    outcome: &'static str,
    reply: String,
    at: Text<Timestamp>,
}

/// What was queued.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MailQueued")]
pub(crate) struct Queued {
    queued_at: Text<Timestamp>,
    email: String,
}

/// A page of mails, newest first.
pub(crate) async fn list(context: Context, Query(wanted): Query<MailsWanted>) -> Result<Answer<Page<Shown>>, ApiError> {
    let filter = MailFilter {
        state: wanted.state.map(|Word(state)| state),
        invoice: wanted.invoice.map(|Text(invoice)| invoice),
    };
    let paging = Paging::of(wanted.limit, wanted.cursor);
    let limit = paging.limit();
    let mails = context.app.mails(&context.caller, filter, paging.after()?.map(OutboxId), limit + 1).await?;
    Ok(Answer(Page::of(mails, limit, |history| history.mail.id.0, |history| shown(&history))))
}

/// One mail.
pub(crate) async fn detail(context: Context, At(id): At<OutboxId>) -> Result<Answer<Shown>, ApiError> {
    Ok(Answer(shown(&context.app.mail(&context.caller, id).await?)))
}

/// Tries a mail again, now and for a full round.
pub(crate) async fn retry(context: Context, At(id): At<OutboxId>) -> Result<Answer<Shown>, ApiError> {
    context.app.retry_mails(&context.caller, Some(&[id])).await?;
    Ok(Answer(shown(&context.app.mail(&context.caller, id).await?)))
}

/// Calls a mail off.
pub(crate) async fn call_off(context: Context, At(id): At<OutboxId>) -> Result<NoContent, ApiError> {
    context.app.call_off_mail(&context.caller, id).await?;
    Ok(NoContent)
}

/// The mails with a document, newest first.
pub(crate) async fn of_invoice(context: Context, At(id): At<InvoiceId>) -> Result<Answer<List<Shown>>, ApiError> {
    let mails = context.app.mails_of_invoice(&context.caller, id).await?;
    Ok(Answer(List::of(&mails, shown)))
}

/// Mails a document again, to the address that the customer has now.
pub(crate) async fn resend(context: Context, At(id): At<InvoiceId>) -> Result<Answer<Queued>, ApiError> {
    let resent = context.app.resend_invoice(&context.caller, id).await?;
    Ok(Answer(Queued { queued_at: Text(context.app.clock.now()), email: resent.sent_to }))
}

/// Reminds of an invoice that is overdue.
pub(crate) async fn remind(context: Context, At(id): At<InvoiceId>) -> Result<Answer<Queued>, ApiError> {
    let reminded = context.app.remind(&context.caller, id).await?;
    Ok(Answer(Queued { queued_at: Text(context.app.clock.now()), email: reminded.sent_to }))
}

fn shown(history: &MailHistory) -> Shown {
    let mail = &history.mail;
    let delivered = history.deliveries.iter().map(|delivery| Delivered {
        attempt: delivery.attempt,
        email: delivery.email.clone(),
        is_copy: delivery.is_copy,
        outcome: delivery.outcome.as_str(),
        reply: delivery.reply.clone(),
        at: Text(delivery.at),
    });
    Shown {
        id: Text(mail.id),
        kind: mail.kind.as_str(),
        customer: Text(mail.customer),
        invoice: mail.invoice.map(Text),
        campaign: mail.campaign.map(Text),
        state: Word(mail.state),
        reason: mail.reason.clone(),
        attempts: mail.attempts,
        queued_at: Text(mail.created_at),
        next_attempt_at: (mail.state == MailState::Queued).then_some(Text(mail.next_attempt_at)),
        settled_at: mail.settled_at.map(Text),
        message_id: Some(mail.message_id.clone()).filter(|id| !id.is_empty()),
        deliveries: delivered.collect(),
    }
}
