//! `perennial service show|auto-renew|change|changes|price|cancel|keep`.

use anyhow::{Result, bail};
use perennial_app::{Actor, AppError, CancelRequest, ChangeRequest, MAX_CHANGES_LISTED, ServiceChange};
use perennial_billing::change::Sold;
use perennial_billing::{Currency, Money, PriceRule, ServiceId};
use perennial_store::cancellations::{Cancellation, CancellationTiming};
use perennial_store::customers;
use perennial_store::services::{self, Service};
use serde::Serialize;

use super::preview::{Invoice, invoice, print_invoice};
use crate::args::{Args, Format, PriceRuleCommand, ServiceCommand, Switch};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    customer_id: String,
    product_id: String,
    label: String,
    status: &'static str,
    cycle: String,
    billed_through: Option<String>,
    paid_through: Option<String>,
    price: String,
    auto_renew: bool,
    renew_on: Option<String>,
    cancellation: Option<&'static str>,
    ends_on: Option<String>,
}

/// Looks at a service, or changes it.
pub async fn run(args: &Args, command: &ServiceCommand) -> Result<Exit> {
    match command {
        ServiceCommand::Show { service, format } => show(args, open::id("service", service)?, format.format).await,
        ServiceCommand::AutoRenew { service, switch } => {
            let id: ServiceId = open::id("service", service)?;
            let (app, caller) = open::for_staff(args).await?;
            app.set_auto_renew(&caller, id, *switch == Switch::On, None).await?;
            app.store.close().await;
            output::note(match switch {
                Switch::On => format!("The run renews service {id}."),
                Switch::Off => format!("The run renews service {id} no more."),
            });
            Ok(Exit::Done)
        }
        ServiceCommand::Cancel { service, dry_run: true, .. } => unused(args, open::id("service", service)?).await,
        ServiceCommand::Cancel { service, immediately, reason, dry_run: false } => {
            let id: ServiceId = open::id("service", service)?;
            let timing = if *immediately { CancellationTiming::Immediate } else { CancellationTiming::EndOfPeriod };
            let request = CancelRequest { timing, reason: reason.clone(), other_reason: String::new() };
            let (app, caller) = open::for_staff(args).await?;
            let cancelled = app.cancel_service(&caller, id, request).await?;
            app.store.close().await;
            let already = if cancelled.existed { "already " } else { "" };
            output::note(format!("Service {id} is {already}cancelled and ends on {}.", cancelled.cancellation.ends_on));
            Ok(Exit::Done)
        }
        ServiceCommand::Change { service, to, take_back_open_invoice, dry_run, format } => {
            let request = ChangeRequest {
                product: to.product.as_deref().map(|text| open::id("product", text)).transpose()?,
                quantity: to.quantity.as_deref().map(|text| open::id("quantity", text)).transpose()?,
                cycle: to.cycle.as_deref().map(|text| open::id("cycle", text)).transpose()?,
                takes_back: *take_back_open_invoice,
            };
            change(args, open::id("service", service)?, request, *dry_run, format.format).await
        }
        ServiceCommand::Changes { service, format } => {
            changes(args, open::id("service", service)?, format.format).await
        }
        ServiceCommand::Price { service, rule } => set_price(args, open::id("service", service)?, rule).await,
        ServiceCommand::Keep { service } => {
            let id: ServiceId = open::id("service", service)?;
            let (app, caller) = open::for_staff(args).await?;
            app.keep_service(&caller, id).await?;
            app.store.close().await;
            output::note(format!("Service {id} goes on."));
            Ok(Exit::Done)
        }
    }
}

/// What would be left of what is billed if a service ended today.
async fn unused(args: &Args, id: ServiceId) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let (left, lines) = app.unused(&caller, id).await?;
    app.store.close().await;
    for line in &lines {
        output::line(format!("{} = {}", line.description, line.unit_price.amount()))?;
    }
    output::line(format!(
        "If service {id} ended today, {left} without VAT of what is billed would not have been used."
    ))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    dry_run: bool,
    effective_on: String,
    difference: String,
    currency: String,
    invoice_id: Option<String>,
    invoice_number: Option<String>,
    taken_back_invoice_id: Option<String>,
    billed_now: Option<Invoice>,
}

async fn change(args: &Args, id: ServiceId, request: ChangeRequest, dry_run: bool, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let changed = match dry_run {
        true => app.preview_change(&caller, id, request).await,
        false => app.change(&caller, id, request).await,
    };
    app.store.close().await;
    let changed = match changed {
        Err(AppError::Blocked(invoice)) => {
            bail!("invoice {invoice} is not paid yet: have it paid, or take it back with --take-back-open-invoice")
        }
        changed => changed?,
    };
    let change = &changed.change;
    let made = Made {
        dry_run,
        effective_on: change.effective_on.to_string(),
        difference: change.difference.amount(),
        currency: change.difference.currency.to_string(),
        invoice_id: changed.invoice.as_ref().map(|invoice| invoice.id.to_string()),
        invoice_number: changed.invoice.as_ref().map(|invoice| invoice.number.clone()),
        taken_back_invoice_id: changed.taken_back.map(|invoice| invoice.to_string()),
        billed_now: change.invoice.as_ref().map(invoice),
    };
    if format == Format::Json {
        output::json(&made)?;
        return Ok(Exit::Done);
    }
    if let Some(invoice) = &made.billed_now {
        print_invoice(invoice)?;
    }
    let would = if dry_run { "would be" } else { "is" };
    let taken = changed.taken_back.map(|invoice| format!(" Invoice {invoice} {would} taken back."));
    let billed = match (&changed.invoice, &made.billed_now) {
        (Some(invoice), _) => format!("invoice {} ({}) bills the difference", invoice.number, invoice.id),
        (None, Some(_)) => "the invoice above would be issued".to_owned(),
        (None, None) => "nothing is billed now, and nothing is given back".to_owned(),
    };
    output::note(format!(
        "Service {id} {would} changed from {} on; {billed}.{}",
        made.effective_on,
        taken.unwrap_or_default()
    ));
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeRow {
    id: String,
    at: String,
    by: String,
    addon_id: Option<String>,
    from: String,
    to: String,
    effective_on: String,
    invoice_id: Option<String>,
}

async fn changes(args: &Args, id: ServiceId, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let changes = app.changes_of(&caller, id, None, MAX_CHANGES_LISTED).await?;
    app.store.close().await;
    let sold = |sold: Sold| format!("{} × product {}, {}", sold.quantity, sold.product, sold.cycle.name());
    let rows = changes.into_iter().map(|change| ChangeRow {
        id: change.id.to_string(),
        at: change.at.to_string(),
        by: change.actor,
        addon_id: change.addon.map(|addon| addon.to_string()),
        from: if change.addon.is_some() { "sold".to_owned() } else { sold(change.from) },
        to: sold(change.to),
        effective_on: change.effective_on.to_string(),
        invoice_id: change.invoice.map(|invoice| invoice.to_string()),
    });
    if format == Format::Json {
        output::json(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let row = |row: ChangeRow| {
        let (addon, invoice) = (row.addon_id.unwrap_or_default(), row.invoice_id.unwrap_or_default());
        vec![row.id, row.at, row.by, addon, row.from, row.to, row.effective_on, invoice]
    };
    output::table(&["id", "at", "by", "add-on", "from", "to", "effective", "invoice"], &[0, 3, 7], rows.map(row))?;
    Ok(Exit::Done)
}

async fn set_price(args: &Args, id: ServiceId, rule: &PriceRuleCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let service = services::get(&mut conn, caller.seller, id).await?.ok_or(AppError::NotFound("Service"))?;
    let customer = customers::get(&mut conn, caller.seller, service.customer).await?;
    let customer = customer.ok_or(AppError::NotFound("Customer"))?;
    drop(conn);
    let rule = match rule {
        PriceRuleCommand::Follow => PriceRule::Follow,
        PriceRuleCommand::Keep { as_of } => PriceRule::Kept(as_of.unwrap_or(service.schedule.anchor)),
        PriceRuleCommand::Own { amount, until } => {
            let price = Money::parse(amount, customer.currency);
            let price = price.map_err(|error| UsageError(format!("amount {amount:?}: {error}")))?;
            PriceRule::Own { price, through: *until }
        }
    };
    let change = ServiceChange { price: Some(rule), ..ServiceChange::default() };
    app.change_service(caller.seller, Actor::Cli, id, change).await?;
    app.store.close().await;
    output::note(format!("Service {id} is renewed at {rule}."));
    Ok(Exit::Done)
}

async fn show(args: &Args, id: ServiceId, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let (service, cancellation) = app.service_of(&caller, id).await?;
    let customer = customers::get(&mut app.store.read().await?, caller.seller, service.customer).await?;
    let currency = customer.ok_or(AppError::NotFound("Customer"))?.currency;
    app.store.close().await;
    let shown = shown(service, currency, cancellation.as_ref());
    if format == Format::Json {
        output::json(&shown)?;
        return Ok(Exit::Done);
    }
    let serde_json::Value::Object(fields) = serde_json::to_value(&shown)? else { return Ok(Exit::Done) };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    output::table(&["", ""], &[], fields.into_iter().map(|(name, value)| vec![name, text(value)]))?;
    Ok(Exit::Done)
}

fn shown(service: Service, currency: Currency, cancellation: Option<&Cancellation>) -> Shown {
    let price = service.price_rule(currency).to_string();
    Shown {
        id: service.id.to_string(),
        customer_id: service.customer.to_string(),
        product_id: service.product.to_string(),
        label: service.label,
        status: service.status.as_str(),
        cycle: service.schedule.cycle.name(),
        billed_through: service.billed_through.map(|day| day.to_string()),
        paid_through: service.paid_through.map(|day| day.to_string()),
        price,
        auto_renew: service.auto_renew,
        renew_on: service.renew_on.map(|day| day.to_string()),
        cancellation: cancellation.map(|cancellation| cancellation.state.as_str()),
        ends_on: service.ends_on.map(|day| day.to_string()),
    }
}
