//! `perennial invoice list|show`.

use anyhow::Result;
use perennial_billing::{CustomerId, InvoiceId, TaxGroup};
use perennial_store::invoices::{self, Invoice, InvoiceFilter, InvoiceLine, InvoiceStatus};
use serde::Serialize;

use crate::args::{Args, Format, InvoiceCommand};
use crate::exit::Exit;
use crate::{open, output};

/// Looks at invoices.
pub async fn run(args: &Args, command: &InvoiceCommand) -> Result<Exit> {
    match command {
        InvoiceCommand::List { customer, status, limit, format } => {
            let filter = InvoiceFilter {
                customer: customer.as_deref().map(|text| open::id::<CustomerId>("customer", text)).transpose()?,
                status: status.as_deref().and_then(InvoiceStatus::from_title),
            };
            list(args, filter, *limit, format.format).await
        }
        InvoiceCommand::Show { invoice, format } => show(args, open::id("invoice", invoice)?, format.format).await,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    id: String,
    number: String,
    status: &'static str,
    customer_id: String,
    customer: String,
    issued_on: String,
    due_on: String,
    net: String,
    tax: String,
    total: String,
    currency: String,
}

impl Summary {
    fn of(invoice: &Invoice) -> Self {
        Self {
            id: invoice.id.to_string(),
            number: invoice.number.clone(),
            status: invoice.status.title(),
            customer_id: invoice.customer.to_string(),
            customer: invoice.buyer.display_name().to_owned(),
            issued_on: invoice.issued_on.to_string(),
            due_on: invoice.due_on.to_string(),
            net: invoice.net.amount(),
            tax: invoice.tax.amount(),
            total: invoice.total.amount(),
            currency: invoice.total.currency.to_string(),
        }
    }
}

async fn list(args: &Args, filter: InvoiceFilter, limit: i64, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let found = invoices::page(&mut conn, caller.seller, filter, limit, 0).await?;
    let total = invoices::count(&mut conn, caller.seller, filter).await?;
    let rows: Vec<Summary> = found.iter().map(Summary::of).collect();
    if format == Format::Json {
        output::json(&rows)?;
        return Ok(Exit::Done);
    }
    let shown = rows.len();
    let lines = rows
        .into_iter()
        .map(|r| vec![r.id, r.number, r.status.to_owned(), r.customer, r.issued_on, r.due_on, r.total, r.currency]);
    output::table(&["id", "number", "status", "customer", "issued", "due", "total", ""], &[6], lines)?;
    output::note(format!("{shown} of {total} invoices"));
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    summary: Summary,
    rounding: &'static str,
    seller: &'a perennial_store::sellers::SellerParty,
    buyer: &'a perennial_store::customers::CustomerParty,
    lines: Vec<Line>,
    taxes: Vec<Tax>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    service_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    addon_id: Option<String>,
    product_id: String,
    description: String,
    period_starts: String,
    period_ends: String,
    quantity: String,
    unit_price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowance: Option<Allowance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<Part>,
    net: String,
    tax_category: &'static str,
    tax_rate_percent: String,
    price_origin: String,
}

/// What is taken off a line, and why.
#[derive(Serialize)]
struct Allowance {
    amount: String,
    reason: String,
}

/// What a line is a part of: `days` of `of` days of a period that costs `whole`.
#[derive(Serialize)]
struct Part {
    whole: String,
    days: u32,
    of: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tax {
    category: &'static str,
    rate_percent: String,
    base: String,
    tax: String,
}

async fn show(args: &Args, id: InvoiceId, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let invoice = invoices::get(&mut conn, caller.seller, id).await?;
    let invoice = invoice.ok_or_else(|| anyhow::anyhow!("there is no invoice {id}: see `perennial invoice list`"))?;
    let lines = invoices::lines(&mut conn, caller.seller, &invoice).await?;
    let taxes = invoices::taxes(&mut conn, caller.seller, &invoice).await?;
    match format {
        Format::Json => output::json(&document(&invoice, &lines, &taxes))?,
        Format::Table => print(&invoice, &lines, &taxes)?,
    }
    Ok(Exit::Done)
}

fn document<'a>(invoice: &'a Invoice, lines: &[InvoiceLine], taxes: &[TaxGroup]) -> Document<'a> {
    let line = |line: &InvoiceLine| Line {
        service_id: line.service.to_string(),
        addon_id: line.addon.map(|addon| addon.to_string()),
        product_id: line.product.to_string(),
        description: line.description.clone(),
        period_starts: line.period.starts.to_string(),
        period_ends: line.period.ends.to_string(),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_price.amount(),
        allowance: line
            .allowance
            .as_ref()
            .map(|off| Allowance { amount: off.amount.amount(), reason: off.reason.clone() }),
        part: line.part.map(|part| Part { whole: part.whole.amount(), days: part.share.days, of: part.share.of }),
        net: line.net.amount(),
        tax_category: line.tax.category.code(),
        tax_rate_percent: line.tax.rate.percent(),
        price_origin: line.price_origin.clone(),
    };
    let tax = |group: &TaxGroup| Tax {
        category: group.profile.category.code(),
        rate_percent: group.profile.rate.percent(),
        base: group.base.amount(),
        tax: group.tax.amount(),
    };
    Document {
        summary: Summary::of(invoice),
        rounding: invoice.rounding.as_str(),
        seller: &invoice.seller,
        buyer: &invoice.buyer,
        lines: lines.iter().map(line).collect(),
        taxes: taxes.iter().map(tax).collect(),
    }
}

fn print(invoice: &Invoice, lines: &[InvoiceLine], taxes: &[TaxGroup]) -> Result<()> {
    let (seller, buyer) = (&invoice.seller, &invoice.buyer);
    output::line(format!("INVOICE {}   id {}   {}", invoice.number, invoice.id, invoice.status.title()))?;
    output::line(format!("issued {}   due {}\n", invoice.issued_on, invoice.due_on))?;
    let address = |street: &str, postcode: &str, city: &str, country: &str| {
        [street, &format!("{postcode} {city}"), country].map(str::trim).join(", ")
    };
    let from = address(&seller.address1, &seller.postcode, &seller.city, &seller.country);
    output::line(format!("from  {}, {from}{}", seller.name, vat(&seller.vat_number)))?;
    let person = if buyer.company.is_empty() { String::new() } else { format!(" ({})", buyer.name) };
    let to = address(&buyer.address1, &buyer.postcode, &buyer.city, &buyer.country);
    output::line(format!("to    {}{person}, {to}{}", buyer.display_name(), vat(&buyer.vat_number)))?;
    output::line(format!("      customer {}\n", invoice.customer))?;
    let rows = lines.iter().map(|line| {
        let off = line.allowance.as_ref().map(|off| format!("; less {} ({})", off.amount.amount(), off.reason));
        vec![
            format!("{}{}", line.description, off.unwrap_or_default()),
            line.quantity.to_string(),
            line.unit_price.amount(),
            format!("{} {}", line.tax.category, line.tax.rate),
            line.net.amount(),
        ]
    });
    output::table(&["", "quantity", "price", "VAT", "net"], &[1, 2, 4], rows)?;
    output::line("")?;
    for group in taxes {
        let profile = group.profile;
        output::line(format!("VAT {} {} on {}: {}", profile.category, profile.rate, group.base, group.tax))?;
    }
    output::line(format!("net {}   VAT {}   TOTAL {}", invoice.net, invoice.tax, invoice.total))
}

fn vat(number: &str) -> String {
    if number.is_empty() { String::new() } else { format!(", VAT {number}") }
}
