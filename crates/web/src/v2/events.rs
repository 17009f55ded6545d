//! `/api/v2/events`: what happened, also for who would rather ask than be told.

use jiff::Timestamp;
use perennial_app::Message;
use perennial_billing::{EventId, InvoiceId};
use perennial_store::events::{self, Event};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::audit;
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Page, Paging, Query, Text, maybe};

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Event")]
pub(crate) struct Told {
    /// The same as the `webhook-id` of the messages that tell it.
    id: Text<EventId>,
    /// What happened, such as `invoice.paid`.
    r#type: String,
    at: Text<Timestamp>,
    /// To what kind of thing, such as `service`.
    subject: String,
    /// To which one: its id, with a prefix.
    subject_id: String,
    /// The invoice that it is about, where it happened to something else.
    invoice: Option<Text<InvoiceId>>,
}

impl Told {
    pub fn of(event: Event) -> Self {
        Self {
            id: Text(event.id),
            r#type: event.name,
            at: Text(event.at),
            subject_id: format!("{}{}", audit::prefix(&event.subject), event.subject_id),
            subject: event.subject,
            invoice: maybe(event.invoice),
        }
    }
}

/// Something that happened, and the message that tells it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventWithMessage")]
pub(crate) struct WithMessage {
    #[serde(flatten)]
    event: Told,
    /// What webhooks are sent: `type`, `timestamp` and `data`, with what it happened to as that is now.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    message: Box<RawValue>,
}

/// A page of what happened, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Told>>, ApiError> {
    let (limit, before) = (paging.limit(), paging.after()?.map(EventId));
    let page = events::page(&mut context.app.store.read().await?, context.caller.seller, before, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |event| event.id.0, Told::of)))
}

/// One of them.
pub(crate) async fn detail(context: Context, At(id): At<EventId>) -> Result<Answer<WithMessage>, ApiError> {
    let mut conn = context.app.store.read().await?;
    let event = events::get(&mut conn, context.caller.seller, id).await?;
    let event = event.ok_or_else(|| ApiError::not_found("Event not found"))?;
    let message = Message::of(&mut conn, context.caller.seller, &event).await?;
    let message = RawValue::from_string(message.body).map_err(|_| ApiError::internal())?;
    Ok(Answer(WithMessage { event: Told::of(event), message }))
}
