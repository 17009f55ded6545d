//! `perennial addon list|sell|end`.

use anyhow::Result;
use perennial_app::{AppError, NewAddon};
use perennial_billing::{AddonId, Money, ServiceId};
use perennial_store::addons::Addon;
use perennial_store::{customers, services};
use serde::Serialize;

use super::preview::{Invoice, invoice, print_invoice};
use crate::args::{AddonCommand, Args, Format};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    product_id: String,
    quantity: String,
    /// The periods it is billed for: its service's, or those of its own cycle.
    billed: String,
    billed_through: Option<String>,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sold {
    dry_run: bool,
    addon_id: Option<String>,
    invoice_id: Option<String>,
    invoice_number: Option<String>,
    billed_now: Option<Invoice>,
}

/// Lists add-ons, sells one, or ends one.
pub async fn run(args: &Args, command: &AddonCommand) -> Result<Exit> {
    match command {
        AddonCommand::List { service, format } => list(args, open::id("service", service)?, format.format).await,
        AddonCommand::Sell { service, product, quantity, cycle, own_price, dry_run, format } => {
            let new = NewAddon {
                service: open::id("service", service)?,
                product: open::id("product", product)?,
                quantity: open::id("quantity", quantity)?,
                own_price_minor: None,
                cycle: cycle.as_deref().map(|text| open::id("cycle", text)).transpose()?,
            };
            sell(args, new, own_price.as_deref(), *dry_run, format.format).await
        }
        AddonCommand::End { addon } => {
            let id: AddonId = open::id("addon", addon)?;
            let (app, caller) = open::for_staff(args).await?;
            app.end_addon(&caller, id).await?;
            app.store.close().await;
            output::note(format!("Add-on {id} is not renewed any more. What is billed stays billed."));
            Ok(Exit::Done)
        }
    }
}

async fn list(args: &Args, service: ServiceId, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let addons = app.addons_of(&caller, service).await?;
    app.store.close().await;
    let rows = addons.iter().map(row);
    if format == Format::Json {
        output::json(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let head = ["id", "product", "quantity", "billed", "billed through", "status"];
    let cells = |row: Row| {
        let through = row.billed_through.unwrap_or_default();
        vec![row.id, row.product_id, row.quantity, row.billed, through, row.status.to_owned()]
    };
    output::table(&head, &[0, 1, 2], rows.map(cells))?;
    Ok(Exit::Done)
}

fn row(addon: &Addon) -> Row {
    Row {
        id: addon.id.to_string(),
        product_id: addon.product.to_string(),
        quantity: addon.quantity.to_string(),
        billed: addon.term.map_or_else(|| "with its service".to_owned(), |term| term.schedule.cycle.name()),
        billed_through: addon.term.and_then(|term| term.billed_through().ok().flatten()).map(|day| day.to_string()),
        status: if addon.active { "active" } else { "ended" },
    }
}

async fn sell(args: &Args, mut new: NewAddon, own_price: Option<&str>, dry_run: bool, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    if let Some(amount) = own_price {
        let mut conn = app.store.read().await?;
        let service =
            services::get(&mut conn, caller.seller, new.service).await?.ok_or(AppError::NotFound("Service"))?;
        let customer = customers::get(&mut conn, caller.seller, service.customer).await?;
        let currency = customer.ok_or(AppError::NotFound("Customer"))?.currency;
        let price = Money::parse(amount, currency);
        new.own_price_minor = Some(price.map_err(|error| UsageError(format!("own price {amount:?}: {error}")))?.minor);
    }
    let sold = match dry_run {
        true => app.preview_addon(&caller, new).await?,
        false => app.sell_addon(&caller, new).await?,
    };
    app.store.close().await;
    let shown = Sold {
        dry_run,
        addon_id: (!dry_run).then(|| sold.addon.id.to_string()),
        invoice_id: sold.invoice.as_ref().map(|invoice| invoice.id.to_string()),
        invoice_number: sold.invoice.as_ref().map(|invoice| invoice.number.clone()),
        billed_now: sold.plan.as_ref().map(invoice),
    };
    if format == Format::Json {
        output::json(&shown)?;
        return Ok(Exit::Done);
    }
    if let Some(invoice) = &shown.billed_now {
        print_invoice(invoice)?;
    }
    let billed = match (&sold.invoice, &shown.billed_now) {
        (Some(invoice), _) => format!("invoice {} ({}) bills it", invoice.number, invoice.id),
        (None, Some(_)) => "the invoice above would be issued".to_owned(),
        (None, None) => "it is billed with the next renewal".to_owned(),
    };
    output::note(match shown.addon_id {
        Some(id) => format!("Add-on {id} is sold; {billed}."),
        None => format!("Nothing is written; {billed}."),
    });
    Ok(Exit::Done)
}
