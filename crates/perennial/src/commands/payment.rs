//! `perennial payment list|record|refund`.

use anyhow::{Context as _, Result};
use perennial_app::{App, Caller, NewPayment, NewRefund};
use perennial_billing::{Currency, CustomerId, InvoiceId, Money, PaymentId};
use perennial_store::customers;
use perennial_store::payments::Transaction;
use serde::Serialize;

use crate::args::{Args, Format, PaymentCommand};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    kind: &'static str,
    customer_id: String,
    amount: String,
    currency: String,
    method: String,
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<String>,
    at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    payment_id: String,
    known_already: bool,
    paid: Vec<Part>,
    credited: String,
    currency: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    invoice_id: String,
    amount: String,
}

/// Money in and out.
pub async fn run(args: &Args, command: &PaymentCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        PaymentCommand::List { limit, format } => {
            let found = app.transactions(&caller, *limit, 0).await?;
            list(found.into_iter().map(row), format.format)?;
        }
        PaymentCommand::Record { customer, amount, currency, method, reference, paid_on, invoices, format } => {
            let customer: CustomerId = open::id("customer", customer)?;
            let amount = money(&app, &caller, customer, amount, currency.as_deref()).await?;
            let invoices =
                invoices.iter().map(|text| open::id("invoice", text)).collect::<Result<Vec<InvoiceId>, _>>()?;
            let (method, reference) = (method.clone(), reference.clone());
            let new = NewPayment { customer, amount, method, reference, paid_on: *paid_on, invoices };
            recorded(&app.record_payment(&caller, &new).await?, format.format)?;
        }
        PaymentCommand::Refund { customer, amount, currency, method, reference, payment, format } => {
            let customer: CustomerId = open::id("customer", customer)?;
            let amount = money(&app, &caller, customer, amount, currency.as_deref()).await?;
            let payment = payment.as_deref().map(|text| open::id::<PaymentId>("payment", text)).transpose()?;
            let (method, reference) = (method.clone(), reference.clone());
            let refund = app.refund(&caller, &NewRefund { customer, amount, method, reference, payment }).await?;
            match format.format {
                Format::Json => output::json(&serde_json::json!({
                    "refundId": refund.id.to_string(),
                    "amount": refund.amount.amount(),
                    "currency": refund.amount.currency.code(),
                }))?,
                Format::Table => output::note(format!("Refund {}: {} went back.", refund.id, refund.amount)),
            }
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

/// An amount in a currency, or in the customer's.
pub(crate) async fn money(
    app: &App,
    caller: &Caller,
    customer: CustomerId,
    amount: &str,
    currency: Option<&str>,
) -> Result<Money> {
    let currency: Currency = match currency {
        Some(code) => open::id("currency", code)?,
        None => {
            let known = customers::get(&mut app.store.read().await?, caller.seller, customer).await?;
            known.with_context(|| format!("there is no customer {customer}"))?.currency
        }
    };
    Money::parse(amount, currency).with_context(|| format!("amount {amount:?}"))
}

fn row(one: Transaction) -> Row {
    Row {
        id: one.id.to_string(),
        kind: if one.is_refund { "refund" } else { "payment" },
        customer_id: one.customer.to_string(),
        amount: one.amount.amount(),
        currency: one.amount.currency.to_string(),
        method: one.method,
        reference: one.reference,
        invoice_id: one.invoice.map(|id| id.to_string()),
        at: one.at.to_string(),
    }
}

fn list(rows: impl Iterator<Item = Row>, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let cells = |r: Row| {
        let invoice = r.invoice_id.unwrap_or_default();
        vec![r.id, r.kind.to_owned(), r.customer_id, r.amount, r.currency, r.method, r.reference, invoice, r.at]
    };
    let heads = ["id", "kind", "customer", "amount", "", "method", "reference", "invoice", "at"];
    output::table(&heads, &[3], rows.map(cells))
}

fn recorded(done: &perennial_app::Recorded, format: Format) -> Result<()> {
    let part =
        |(invoice, amount): &(InvoiceId, Money)| Part { invoice_id: invoice.to_string(), amount: amount.amount() };
    if format == Format::Json {
        return output::json(&Recorded {
            payment_id: done.payment.id.to_string(),
            known_already: done.is_known,
            paid: done.paid.iter().map(part).collect(),
            credited: done.credited.amount(),
            currency: done.credited.currency.to_string(),
        });
    }
    let known = if done.is_known { " was known already; nothing was done again" } else { "" };
    output::note(format!("Payment {} of {}{known}.", done.payment.id, done.payment.amount));
    for (invoice, amount) in &done.paid {
        output::note(format!("  invoice {invoice}: {amount} paid"));
    }
    if done.credited.minor > 0 {
        output::note(format!("  credit of customer {}: {} more", done.payment.customer, done.credited));
    }
    Ok(())
}
