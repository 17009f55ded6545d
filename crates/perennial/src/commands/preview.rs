//! `perennial preview`.

use anyhow::Result;
use perennial_app::{Preview, PreviewOf};
use perennial_billing::Plan;
use perennial_billing::forecast::Held;
use serde::Serialize;

use crate::args::{Args, Format, PreviewArgs};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    from: String,
    until: String,
    is_complete: bool,
    invoices: Vec<Invoice>,
    not_renewed: Vec<NotRenewed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invoice {
    issued_on: String,
    due_on: String,
    net: String,
    tax: String,
    total: String,
    currency: String,
    lines: Vec<Line>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    addon: Option<String>,
    description: String,
    quantity: String,
    unit_price: String,
    /// What is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowance: Option<String>,
    net: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NotRenewed {
    service: String,
    from: String,
    reason: String,
}

/// Shows the invoices to come.
pub async fn run(args: &Args, preview: &PreviewArgs) -> Result<Exit> {
    let of = match (&preview.of.customer, &preview.of.service) {
        (Some(customer), _) => PreviewOf::Customer(open::id("customer", customer)?),
        (None, Some(service)) => PreviewOf::Service(open::id("service", service)?),
        (None, None) => return Err(UsageError("name a customer or a service".to_owned()).into()),
    };
    let (app, caller) = open::for_staff(args).await?;
    let coming = app.preview(&caller, of, preview.on).await?;
    app.store.close().await;
    let shown = shown(&coming);
    match preview.format.format {
        Format::Json => output::json(&shown)?,
        Format::Table => print(shown)?,
    }
    Ok(Exit::Done)
}

fn shown(preview: &Preview) -> Shown {
    let held = |Held { service, from, hold }: &Held| NotRenewed {
        service: service.to_string(),
        from: from.to_string(),
        reason: hold.to_string(),
    };
    Shown {
        from: preview.from.to_string(),
        until: preview.until.to_string(),
        is_complete: !preview.forecast.is_cut,
        invoices: preview.forecast.invoices.iter().map(invoice).collect(),
        not_renewed: preview.forecast.held.iter().map(held).collect(),
    }
}

pub(super) fn invoice(plan: &Plan) -> Invoice {
    Invoice {
        issued_on: plan.issued_on.to_string(),
        due_on: plan.due_on.to_string(),
        net: plan.net.amount(),
        tax: plan.tax.amount(),
        total: plan.total.amount(),
        currency: plan.total.currency.to_string(),
        lines: plan
            .lines
            .iter()
            .map(|line| Line {
                service: line.service.to_string(),
                addon: line.addon.map(|addon| addon.to_string()),
                description: line.description.clone(),
                quantity: line.quantity.to_string(),
                unit_price: line.unit_price.amount(),
                allowance: line.allowance.as_ref().map(|off| format!("{} ({})", off.amount.amount(), off.reason)),
                net: line.net.amount(),
            })
            .collect(),
    }
}

pub(super) fn print_invoice(invoice: &Invoice) -> Result<()> {
    output::line(format!(
        "issued {}   due {}   net {}   VAT {}   TOTAL {} {}",
        invoice.issued_on, invoice.due_on, invoice.net, invoice.tax, invoice.total, invoice.currency
    ))?;
    for line in &invoice.lines {
        let off = line.allowance.as_ref().map(|off| format!(" − {off}")).unwrap_or_default();
        output::line(format!(
            "    {:<8} {} | {} × {}{off} = {}",
            line.service, line.description, line.quantity, line.unit_price, line.net
        ))?;
    }
    Ok(())
}

fn print(shown: Shown) -> Result<()> {
    for invoice in &shown.invoices {
        print_invoice(invoice)?;
    }
    if shown.invoices.is_empty() {
        output::line(format!("Nothing is issued through {}.", shown.until))?;
    }
    for held in &shown.not_renewed {
        output::line(format!("not renewed: service {}, from {}: {}", held.service, held.from, held.reason))?;
    }
    if !shown.is_complete {
        output::note("There are more; name an earlier day.");
    }
    Ok(())
}
