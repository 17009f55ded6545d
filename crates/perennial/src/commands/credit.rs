//! `perennial credit show|apply|add-funds|cancel-funds`.

use anyhow::{Context as _, Result};
use perennial_billing::{CustomerId, InvoiceId, Money};
use perennial_store::credits::CreditMove;
use perennial_store::invoices;
use serde::Serialize;

use super::payment::money;
use crate::args::{Args, CreditCommand, Format};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
struct Shown {
    balances: Vec<Balance>,
    moves: Vec<Move>,
}

#[derive(Serialize)]
struct Balance {
    amount: String,
    currency: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    id: String,
    at: String,
    reason: &'static str,
    amount: String,
    balance: String,
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
}

impl Move {
    fn of(one: &CreditMove) -> Self {
        Self {
            id: one.id.to_string(),
            at: one.moved.at.to_string(),
            reason: one.moved.reason.as_str(),
            amount: one.moved.amount.amount(),
            balance: one.balance.amount(),
            currency: one.balance.currency.to_string(),
            invoice_id: one.moved.invoice.map(|id| id.to_string()),
            payment_id: one.moved.payment.map(|id| id.to_string()),
        }
    }
}

/// What customers have.
pub async fn run(args: &Args, command: &CreditCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        CreditCommand::Show { customer, limit, format } => {
            let customer: CustomerId = open::id("customer", customer)?;
            let (_, balances) = app.credit_of(&caller, customer).await?;
            let moves = app.credit_log(&caller, customer, *limit, 0).await?;
            show(&balances, &moves, format.format)?;
        }
        CreditCommand::Apply { invoice, amount } => {
            let invoice: InvoiceId = open::id("invoice", invoice)?;
            let known = invoices::get(&mut app.store.read().await?, caller.seller, invoice).await?;
            let currency = known.with_context(|| format!("there is no invoice {invoice}"))?.total.currency;
            let amount = match amount {
                Some(text) => Some(Money::parse(text, currency).with_context(|| format!("amount {text:?}"))?.minor),
                None => None,
            };
            let applied = app.apply_credit(&caller, invoice, amount).await?;
            output::note(format!("{applied} of credit paid invoice {invoice}."));
        }
        CreditCommand::AddFunds { customer, amount } => {
            let customer: CustomerId = open::id("customer", customer)?;
            let amount = money(&app, &caller, customer, amount, None).await?;
            let written = app.add_funds(&caller, customer, amount).await?;
            output::note(format!(
                "Request {} (id {}) for {amount}: when it is paid, that is the customer's credit.",
                written.number, written.id
            ));
        }
        CreditCommand::CancelFunds { invoice } => {
            let invoice: InvoiceId = open::id("invoice", invoice)?;
            app.cancel_deposit(&caller, invoice).await?;
            output::note(format!("Request {invoice} is called off."));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

fn show(balances: &[Money], moves: &[CreditMove], format: Format) -> Result<()> {
    let moves: Vec<Move> = moves.iter().map(Move::of).collect();
    if format == Format::Json {
        let balance = |has: &Money| Balance { amount: has.amount(), currency: has.currency.to_string() };
        return output::json(&Shown { balances: balances.iter().map(balance).collect(), moves });
    }
    let has: Vec<String> = balances.iter().map(ToString::to_string).collect();
    output::line(format!("credit: {}\n", if has.is_empty() { "none".to_owned() } else { has.join(", ") }))?;
    let cells = |m: Move| {
        let (invoice, payment) = (m.invoice_id.unwrap_or_default(), m.payment_id.unwrap_or_default());
        vec![m.at, m.reason.to_owned(), m.amount, m.balance, m.currency, invoice, payment]
    };
    output::table(
        &["at", "reason", "amount", "balance", "", "invoice", "payment"],
        &[2, 3],
        moves.into_iter().map(cells),
    )
}
