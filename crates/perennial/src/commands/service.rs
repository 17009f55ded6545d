//! `perennial service show|auto-renew|cancel|keep`.

use anyhow::Result;
use perennial_app::CancelRequest;
use perennial_billing::ServiceId;
use perennial_store::cancellations::{Cancellation, CancellationTiming};
use perennial_store::services::Service;
use serde::Serialize;

use crate::args::{Args, Format, ServiceCommand, Switch};
use crate::exit::Exit;
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

async fn show(args: &Args, id: ServiceId, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let (service, cancellation) = app.service_of(&caller, id).await?;
    app.store.close().await;
    let shown = shown(service, cancellation.as_ref());
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

fn shown(service: Service, cancellation: Option<&Cancellation>) -> Shown {
    Shown {
        id: service.id.to_string(),
        customer_id: service.customer.to_string(),
        product_id: service.product.to_string(),
        label: service.label,
        status: service.status.as_str(),
        cycle: service.schedule.cycle.name(),
        billed_through: service.billed_through.map(|day| day.to_string()),
        paid_through: service.paid_through.map(|day| day.to_string()),
        auto_renew: service.auto_renew,
        renew_on: service.renew_on.map(|day| day.to_string()),
        cancellation: cancellation.map(|cancellation| cancellation.state.as_str()),
        ends_on: service.ends_on.map(|day| day.to_string()),
    }
}
