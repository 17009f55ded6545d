//! `/api/v2/services/{id}/addons`: what is sold on top of a service.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use jiff::civil::Date;
use perennial_app::{NewAddon, Scope};
use perennial_billing::{Cycle, Quantity, ServiceId};
use perennial_store::addons::Addon;
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, invoice};
use super::{Json, Nothing, Query, body_id, body_value, path_id};
use crate::ApiError;
use crate::context::Context;

/// An add-on to sell.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct New {
    product: String,
    quantity: Option<String>,
    cycle: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    service: String,
    product: String,
    quantity: String,
    /// A cycle of its own; none if it is billed for the periods of its service.
    cycle: Option<String>,
    billed_through: Option<Date>,
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct List {
    data: Vec<Shown>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sold {
    dry_run: bool,
    addon: Option<Shown>,
    invoice: Option<String>,
    invoice_number: Option<String>,
    /// What is invoiced now; none if it is billed with the next renewal.
    billed_now: Option<Invoice>,
}

/// The add-ons of a service.
pub(crate) async fn list(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadServices)?;
    let addons = context.app.addons_of(&context.caller, path_id("svc_", path)?).await?;
    Ok(context.plain(List { data: addons.iter().map(shown).collect() }))
}

/// Sells one, or tells what that would bill.
pub(crate) async fn sell(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(new): Json<New>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    let service: ServiceId = path_id("svc_", path)?;
    let quantity = new.quantity.as_deref().map(|text| body_value("quantity", text)).transpose()?;
    let addon = NewAddon {
        service,
        product: body_id("product", "prd_", &new.product)?,
        quantity: quantity.unwrap_or(Quantity::ONE),
        own_price_minor: None,
        cycle: new.cycle.as_deref().map(|text| body_value::<Cycle>("cycle", text)).transpose()?,
    };
    let sold = match new.dry_run {
        true => context.app.preview_addon(&context.caller, addon).await?,
        false => context.app.sell_addon(&context.caller, addon).await?,
    };
    Ok(context.plain(Sold {
        dry_run: new.dry_run,
        addon: Some(shown(&sold.addon)).filter(|_| !new.dry_run),
        invoice: sold.invoice.as_ref().map(|invoice| format!("inv_{}", invoice.id)),
        invoice_number: sold.invoice.map(|invoice| invoice.number),
        billed_now: sold.plan.as_ref().map(invoice),
    }))
}

/// Ends one: it is not renewed any more.
pub(crate) async fn end(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let ended = context.app.end_addon(&context.caller, path_id("add_", path)?).await?;
    Ok(context.plain(shown(&ended)))
}

fn shown(addon: &Addon) -> Shown {
    Shown {
        id: format!("add_{}", addon.id),
        service: format!("svc_{}", addon.service),
        product: format!("prd_{}", addon.product),
        quantity: addon.quantity.to_string(),
        cycle: addon.term.map(|term| term.schedule.cycle.to_string()),
        billed_through: addon.term.and_then(|term| term.billed_through().ok().flatten()),
        status: if addon.active { "active" } else { "ended" },
    }
}
