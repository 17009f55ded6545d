//! `perennial customer set|contact|align`.

use anyhow::{Context, Result};
use jiff::civil::Date;
use perennial_app::Actor;
use perennial_billing::{CustomerId, ServiceId};
use perennial_store::customers;
use serde::Serialize;

use super::preview::{Invoice, invoice, print_invoice};
use crate::args::{Args, CustomerCommand, CustomerInvoicing, Format};
use crate::exit::Exit;
use crate::{open, output};

/// Changes a customer, or brings its services to one day.
pub async fn run(args: &Args, command: &CustomerCommand) -> Result<Exit> {
    match command {
        CustomerCommand::Set { customer, invoicing, vat_number, exempt, exemption_reason, group } => {
            let tax = Tax {
                vat_number: vat_number.as_deref(),
                is_exempt: *exempt,
                exemption_reason: exemption_reason.as_deref(),
            };
            set(args, open::id("customer", customer)?, *invoicing, &tax, group.as_deref()).await
        }
        CustomerCommand::Contact { command } => super::contact::run(args, command).await,
        CustomerCommand::Align { customer, day, services, dry_run, format } => {
            let services = services.iter().map(|text| open::id("service", text)).collect::<Result<Vec<_>>>()?;
            let services = Some(services).filter(|services| !services.is_empty());
            let customer = open::id("customer", customer)?;
            align(args, customer, *day, services.as_deref(), *dry_run, format.format).await
        }
    }
}

/// What is to change about how a customer is taxed.
#[derive(PartialEq, Eq, Default)]
struct Tax<'a> {
    vat_number: Option<&'a str>,
    is_exempt: Option<bool>,
    exemption_reason: Option<&'a str>,
}

async fn set(
    args: &Args,
    id: CustomerId,
    invoicing: Option<CustomerInvoicing>,
    tax: &Tax<'_>,
    group: Option<&str>,
) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let customer = customers::get(&mut app.store.read().await?, caller.seller, id).await?;
    let mut customer = customer.with_context(|| format!("there is no customer {id}"))?;
    let name = customer.party.display_name().to_owned();
    if let Some(group) = group {
        app.set_customer_group(&caller, id, group).await?;
        output::note(match group.trim() {
            "" => format!("{name} is in no group."),
            group => format!("{name} is in the group {group}."),
        });
    }
    if *tax != Tax::default() {
        customer.tax_exempt = tax.is_exempt.unwrap_or(customer.tax_exempt);
        for (new, known) in [
            (tax.vat_number, &mut customer.party.vat_number),
            (tax.exemption_reason, &mut customer.party.exemption_reason),
        ] {
            if let Some(new) = new {
                new.trim().clone_into(known);
            }
        }
        customer = app.change_customer(caller.seller, Actor::Cli, customer).await?;
        let number = match customer.party.vat_number.as_str() {
            "" => "no VAT number".to_owned(),
            number => format!("VAT number {number} ({})", customer.vat_number_status.as_str()),
        };
        let exempt = if customer.tax_exempt { ", exempt from VAT" } else { "" };
        output::note(format!("{name}: {number}{exempt}."));
    }
    if let Some(invoicing) = invoicing {
        customer.invoicing = invoicing.into();
        let changed = app.change_customer(caller.seller, Actor::Cli, customer).await?;
        let way = changed.invoicing.map_or("as the seller does", |way| way.as_str());
        output::note(format!("What falls due together for {name} is invoiced {way}."));
    }
    app.store.close().await;
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    dry_run: bool,
    services: Vec<Brought>,
    left: Vec<Left>,
    invoice_id: Option<String>,
    invoice_number: Option<String>,
    billed: Option<Invoice>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Brought {
    service: String,
    next_period_starts: String,
}

#[derive(Serialize)]
struct Left {
    service: String,
    reason: String,
}

async fn align(
    args: &Args,
    customer: CustomerId,
    day: Date,
    services: Option<&[ServiceId]>,
    dry_run: bool,
    format: Format,
) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let done = match dry_run {
        true => app.preview_alignment(&caller, customer, day, services).await?,
        false => app.align(&caller, customer, day, services).await?,
    };
    app.store.close().await;
    let shown = Shown {
        dry_run,
        services: done
            .services
            .iter()
            .map(|(id, day)| Brought { service: id.to_string(), next_period_starts: day.to_string() })
            .collect(),
        left: done.left.iter().map(|(id, why)| Left { service: id.to_string(), reason: why.clone() }).collect(),
        invoice_id: done.invoice.as_ref().map(|invoice| invoice.id.to_string()),
        invoice_number: done.invoice.as_ref().map(|invoice| invoice.number.clone()),
        billed: done.plan.as_ref().map(invoice),
    };
    if format == Format::Json {
        output::json(&shown)?;
        return Ok(Exit::Done);
    }
    if let Some(billed) = &shown.billed {
        print_invoice(billed)?;
    }
    for left in &shown.left {
        output::line(format!("not brought there: service {}: {}", left.service, left.reason))?;
    }
    let count = shown.services.len();
    output::note(match &done.invoice {
        Some(invoice) => {
            format!("{count} services are brought to that day; invoice {} ({}).", invoice.number, invoice.id)
        }
        None => format!("Nothing is written; {count} services would be brought to that day."),
    });
    Ok(Exit::Done)
}
