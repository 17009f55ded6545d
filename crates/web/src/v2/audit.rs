//! `/api/v2/audit`: who changed what, when.

use jiff::Timestamp;
use perennial_billing::{
    AddonId, ApiKeyId, CampaignId, ContactId, CustomerId, DraftId, InvoiceId, OutboxId, PaymentId, PriceId, ProductId,
    RefundId, RunId, SellerId, ServiceId, WebhookId,
};
use perennial_store::audit::{self, KeptEntry};
use schemars::JsonSchema;
use serde::Serialize;

use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{Page, Paging, Query, Text, maybe};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditEntry")]
pub(crate) struct Shown {
    /// Later entries have larger ones.
    id: String,
    at: Text<Timestamp>,
    /// Who did it: `key:7` is the key `key_7`, `run:3` the run `run_3`; `cli`, `import` and `schedule` are the program.
    actor: String,
    /// The customer for whom staff said that they did it.
    on_behalf_of: Option<Text<CustomerId>>,
    /// What was done, such as `service.renewed`.
    action: String,
    /// To what kind of thing, such as `service`.
    subject: String,
    /// To which one: its id, with a prefix where its kind has one.
    subject_id: String,
}

/// A page of the trail, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Shown>>, ApiError> {
    let (limit, before) = (paging.limit(), paging.after()?);
    let page = audit::page(&mut context.app.store.read().await?, context.caller.seller, before, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |entry| entry.id, shown)))
}

/// What stands before the ids of a kind of thing; nothing for one that v2 knows by no id.
pub(super) fn prefix(subject: &str) -> &'static str {
    match subject {
        "seller" => SellerId::PREFIX,
        "customer" => CustomerId::PREFIX,
        "contact" => ContactId::PREFIX,
        "product" => ProductId::PREFIX,
        "price" => PriceId::PREFIX,
        "service" => ServiceId::PREFIX,
        "addon" => AddonId::PREFIX,
        "campaign" => CampaignId::PREFIX,
        "invoice" => InvoiceId::PREFIX,
        "draft" => DraftId::PREFIX,
        "payment" => PaymentId::PREFIX,
        "refund" => RefundId::PREFIX,
        "run" => RunId::PREFIX,
        "mail" => OutboxId::PREFIX,
        "api_key" => ApiKeyId::PREFIX,
        "webhook" => WebhookId::PREFIX,
        _ => "",
    }
}

fn shown(entry: KeptEntry) -> Shown {
    Shown {
        id: entry.id.to_string(),
        at: Text(entry.at),
        actor: entry.actor,
        on_behalf_of: maybe(entry.on_behalf_of),
        action: entry.action,
        subject_id: format!("{}{}", prefix(&entry.subject), entry.subject_id),
        subject: entry.subject,
    }
}
