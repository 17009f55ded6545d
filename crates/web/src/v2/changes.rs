//! `/api/v2/services/{id}/changes`: another product, quantity or cycle.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use jiff::civil::Date;
use perennial_app::{ChangeRequest, Changed, Scope};
use perennial_billing::change::Sold;
use perennial_billing::{Cycle, Quantity, ServiceChangeId, ServiceId};
use perennial_store::changes::ServiceChange;
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, InvoiceLine, invoice, line};
use super::{Json, Nothing, Page, Paging, Query, body_id, body_value, path_id};
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::iso;

/// What a service is to become; what is left out stays.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewChange {
    product: Option<String>,
    quantity: Option<String>,
    cycle: Option<String>,
    #[serde(default)]
    take_back_open_invoice: bool,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Terms {
    product: String,
    quantity: String,
    cycle: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    dry_run: bool,
    service: String,
    from: Terms,
    to: Terms,
    effective_on: Date,
    /// What it would cost from today, without tax: less than nothing if it is cheaper.
    difference: String,
    currency: String,
    invoice: Option<String>,
    invoice_number: Option<String>,
    taken_back_invoice: Option<String>,
    /// What is invoiced now.
    billed_now: Option<Invoice>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    at: String,
    actor: String,
    addon: Option<String>,
    from: Terms,
    to: Terms,
    effective_on: Date,
    invoice: Option<String>,
    taken_back_invoice: Option<String>,
}

/// Changes a service, or tells what that would come to. A customer's own key can change the cycle and nothing else.
pub(crate) async fn make(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(new): Json<NewChange>,
) -> Result<Response, ApiError> {
    let service: ServiceId = path_id("svc_", path)?;
    if new.product.is_some() || new.quantity.is_some() || new.take_back_open_invoice {
        context.require_staff(Scope::WriteBilling)?;
    } else {
        context.require(Scope::WriteBilling)?;
    }
    let request = ChangeRequest {
        product: new.product.as_deref().map(|text| body_id("product", "prd_", text)).transpose()?,
        quantity: new.quantity.as_deref().map(|text| body_value::<Quantity>("quantity", text)).transpose()?,
        cycle: new.cycle.as_deref().map(|text| body_value::<Cycle>("cycle", text)).transpose()?,
        takes_back: new.take_back_open_invoice,
    };
    let changed = match new.dry_run {
        true => context.app.preview_change(&context.caller, service, request).await?,
        false => context.app.change(&context.caller, service, request).await?,
    };
    Ok(context.plain(made(service, &changed, new.dry_run)))
}

/// The changes of a service, newest first.
pub(crate) async fn list(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    Query(paging): Query<Paging>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadServices)?;
    let (service, limit) = (path_id("svc_", path)?, paging.limit()?);
    let before = paging.cursor.map(ServiceChangeId);
    let changes = context.app.changes_of(&context.caller, service, before, limit + 1).await?;
    Ok(context.plain(Page::of(changes, limit, |change| change.id.0, listed)))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unused {
    service: String,
    net: String,
    currency: String,
    lines: Vec<InvoiceLine>,
}

/// What is left today of all that is billed, with the lines that would give it back.
pub(crate) async fn unused(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadBilling)?;
    let service: ServiceId = path_id("svc_", path)?;
    let (left, lines) = context.app.unused(&context.caller, service).await?;
    Ok(context.plain(Unused {
        service: format!("svc_{service}"),
        net: left.amount(),
        currency: left.currency.to_string(),
        lines: lines.iter().map(line).collect(),
    }))
}

fn made(service: ServiceId, changed: &Changed, dry_run: bool) -> Made {
    let change = &changed.change;
    Made {
        dry_run,
        service: format!("svc_{service}"),
        from: terms(changed.from),
        to: terms(changed.to),
        effective_on: change.effective_on,
        difference: change.difference.amount(),
        currency: change.difference.currency.to_string(),
        invoice: changed.invoice.as_ref().map(|invoice| format!("inv_{}", invoice.id)),
        invoice_number: changed.invoice.as_ref().map(|invoice| invoice.number.clone()),
        taken_back_invoice: changed.taken_back.map(|invoice| format!("inv_{invoice}")),
        billed_now: change.invoice.as_ref().map(invoice),
    }
}

fn listed(change: ServiceChange) -> Listed {
    Listed {
        id: format!("chg_{}", change.id),
        at: iso(change.at),
        actor: change.actor,
        addon: change.addon.map(|addon| format!("add_{addon}")),
        from: terms(change.from),
        to: terms(change.to),
        effective_on: change.effective_on,
        invoice: change.invoice.map(|invoice| format!("inv_{invoice}")),
        taken_back_invoice: change.taken_back.map(|invoice| format!("inv_{invoice}")),
    }
}

fn terms(sold: Sold) -> Terms {
    Terms {
        product: format!("prd_{}", sold.product),
        quantity: sold.quantity.to_string(),
        cycle: sold.cycle.to_string(),
    }
}
