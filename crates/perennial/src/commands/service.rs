//! `perennial service show|auto-renew|price|cancel|keep`.

use anyhow::Result;
use perennial_app::{Actor, AppError, CancelRequest, ServiceChange};
use perennial_billing::{Currency, Money, PriceRule, ServiceId};
use perennial_store::cancellations::{Cancellation, CancellationTiming};
use perennial_store::customers;
use perennial_store::services::{self, Service};
use serde::Serialize;

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
            app.set_auto_renew(&caller, id, *switch == Switch::On).await?;
            app.store.close().await;
            output::note(match switch {
                Switch::On => format!("The run renews service {id}."),
                Switch::Off => format!("The run renews service {id} no more."),
            });
            Ok(Exit::Done)
        }
        ServiceCommand::Cancel { service, immediately, reason } => {
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
