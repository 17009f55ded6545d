//! `/api/v2/services/{id}/changes`: another product, quantity or cycle.

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::{ChangeRequest, Changed};
use perennial_billing::change::Sold;
use perennial_billing::{AddonId, Currency, Cycle, InvoiceId, ProductId, Quantity, ServiceChangeId, ServiceId};
use perennial_store::changes::ServiceChange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, InvoiceLine, invoice, line};
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{Amount, At, Json, Page, Paging, Query, Text};

/// What a service is to become; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewChange {
    product: Option<Text<ProductId>>,
    quantity: Option<Text<Quantity>>,
    cycle: Option<Text<Cycle>>,
    #[serde(default)]
    take_back_open_invoice: bool,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ServiceTerms")]
pub(crate) struct Terms {
    product: Text<ProductId>,
    quantity: Text<Quantity>,
    cycle: Text<Cycle>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceChangeMade")]
pub(crate) struct Made {
    dry_run: bool,
    service: Text<ServiceId>,
    from: Terms,
    to: Terms,
    effective_on: Text<Date>,
    /// What it would cost from today, without tax: less than nothing if it is cheaper.
    difference: Amount,
    currency: Text<Currency>,
    invoice: Option<Text<InvoiceId>>,
    invoice_number: Option<String>,
    taken_back_invoice: Option<Text<InvoiceId>>,
    /// What is invoiced now.
    billed_now: Option<Invoice>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceChange")]
pub(crate) struct Listed {
    id: Text<ServiceChangeId>,
    at: Text<Timestamp>,
    actor: String,
    addon: Option<Text<AddonId>>,
    from: Terms,
    to: Terms,
    effective_on: Text<Date>,
    invoice: Option<Text<InvoiceId>>,
    taken_back_invoice: Option<Text<InvoiceId>>,
}

/// Changes a service, or tells what that would come to. A customer's own key can change the cycle and nothing else.
pub(crate) async fn make(
    context: Context,
    At(service): At<ServiceId>,
    Json(new): Json<NewChange>,
) -> Result<Answer<Made>, ApiError> {
    if new.product.is_some() || new.quantity.is_some() || new.take_back_open_invoice {
        context.require_staff()?;
    }
    let request = ChangeRequest {
        product: new.product.map(|Text(product)| product),
        quantity: new.quantity.map(|Text(quantity)| quantity),
        cycle: new.cycle.map(|Text(cycle)| cycle),
        takes_back: new.take_back_open_invoice,
    };
    let changed = match new.dry_run {
        true => context.app.preview_change(&context.caller, service, request).await?,
        false => context.app.change(&context.caller, service, request).await?,
    };
    Ok(Answer(made(service, &changed, new.dry_run)))
}

/// The changes of a service, newest first.
pub(crate) async fn list(
    context: Context,
    At(service): At<ServiceId>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Page<Listed>>, ApiError> {
    let limit = paging.limit();
    let before = paging.after()?.map(ServiceChangeId);
    let changes = context.app.changes_of(&context.caller, service, before, limit + 1).await?;
    Ok(Answer(Page::of(changes, limit, |change| change.id.0, listed)))
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnusedValue")]
pub(crate) struct Unused {
    service: Text<ServiceId>,
    net: Amount,
    currency: Text<Currency>,
    lines: Vec<InvoiceLine>,
}

/// What is left today of all that is billed, with the lines that would give it back.
pub(crate) async fn unused(context: Context, At(service): At<ServiceId>) -> Result<Answer<Unused>, ApiError> {
    let (left, lines) = context.app.unused(&context.caller, service).await?;
    Ok(Answer(Unused {
        service: Text(service),
        net: left.into(),
        currency: Text(left.currency),
        lines: lines.iter().map(line).collect(),
    }))
}

fn made(service: ServiceId, changed: &Changed, dry_run: bool) -> Made {
    let change = &changed.change;
    Made {
        dry_run,
        service: Text(service),
        from: terms(changed.from),
        to: terms(changed.to),
        effective_on: Text(change.effective_on),
        difference: change.difference.into(),
        currency: Text(change.difference.currency),
        invoice: changed.invoice.as_ref().map(|invoice| Text(invoice.id)),
        invoice_number: changed.invoice.as_ref().map(|invoice| invoice.number.clone()),
        taken_back_invoice: changed.taken_back.map(Text),
        billed_now: change.invoice.as_ref().map(invoice),
    }
}

fn listed(change: ServiceChange) -> Listed {
    Listed {
        id: Text(change.id),
        at: Text(change.at),
        actor: change.actor,
        addon: change.addon.map(Text),
        from: terms(change.from),
        to: terms(change.to),
        effective_on: Text(change.effective_on),
        invoice: change.invoice.map(Text),
        taken_back_invoice: change.taken_back.map(Text),
    }
}

fn terms(sold: Sold) -> Terms {
    Terms { product: Text(sold.product), quantity: Text(sold.quantity), cycle: Text(sold.cycle) }
}
