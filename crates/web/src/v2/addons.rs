//! `/api/v2/services/{id}/addons`: what is sold on top of a service.

use jiff::civil::Date;
use perennial_app::NewAddon;
use perennial_billing::{AddonId, Cycle, InvoiceId, ProductId, Quantity, ServiceId};
use perennial_store::addons::Addon;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, invoice};
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Json, List, Text, maybe};

/// An add-on to sell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAddonSale {
    product: Text<ProductId>,
    /// One, if it is left out.
    quantity: Option<Text<Quantity>>,
    /// A cycle of its own; without, it is billed for the periods of its service.
    cycle: Option<Text<Cycle>>,
    /// Only tell what it would bill.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Addon")]
pub(crate) struct Shown {
    id: Text<AddonId>,
    service: Text<ServiceId>,
    product: Text<ProductId>,
    quantity: Text<Quantity>,
    /// A cycle of its own; none if it is billed for the periods of its service.
    cycle: Option<Text<Cycle>>,
    billed_through: Option<Text<Date>>,
    status: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AddonSale")]
pub(crate) struct Sold {
    dry_run: bool,
    addon: Option<Shown>,
    invoice: Option<Text<InvoiceId>>,
    invoice_number: Option<String>,
    /// What is invoiced now; none if it is billed with the next renewal.
    billed_now: Option<Invoice>,
}

/// The add-ons of a service.
pub(crate) async fn list(context: Context, At(id): At<ServiceId>) -> Result<Answer<List<Shown>>, ApiError> {
    let addons = context.app.addons_of(&context.caller, id).await?;
    Ok(Answer(List::of(&addons, shown)))
}

/// Sells one, or tells what that would bill.
pub(crate) async fn sell(
    context: Context,
    At(id): At<ServiceId>,
    Json(new): Json<NewAddonSale>,
) -> Result<Answer<Sold>, ApiError> {
    let addon = NewAddon {
        service: id,
        product: new.product.0,
        quantity: new.quantity.map_or(Quantity::ONE, |Text(quantity)| quantity),
        own_price_minor: None,
        cycle: new.cycle.map(|Text(cycle)| cycle),
    };
    let sold = match new.dry_run {
        true => context.app.preview_addon(&context.caller, addon).await?,
        false => context.app.sell_addon(&context.caller, addon).await?,
    };
    Ok(Answer(Sold {
        dry_run: new.dry_run,
        addon: Some(shown(&sold.addon)).filter(|_| !new.dry_run),
        invoice: sold.invoice.as_ref().map(|invoice| Text(invoice.id)),
        invoice_number: sold.invoice.map(|invoice| invoice.number),
        billed_now: sold.plan.as_ref().map(invoice),
    }))
}

/// Ends one: it is not renewed any more.
pub(crate) async fn end(context: Context, At(id): At<AddonId>) -> Result<Answer<Shown>, ApiError> {
    let ended = context.app.end_addon(&context.caller, id).await?;
    Ok(Answer(shown(&ended)))
}

fn shown(addon: &Addon) -> Shown {
    Shown {
        id: Text(addon.id),
        service: Text(addon.service),
        product: Text(addon.product),
        quantity: Text(addon.quantity),
        cycle: addon.term.map(|term| Text(term.schedule.cycle)),
        billed_through: maybe(addon.term.and_then(|term| term.billed_through().ok().flatten())),
        status: if addon.active { "active" } else { "ended" },
    }
}
