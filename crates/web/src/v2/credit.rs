//! `/api/v2/customers/{id}/credit` and `/api/v2/customers/{id}/actions/add-funds`: what a customer has with the seller.

use jiff::Timestamp;
use perennial_billing::{CreditMoveId, Currency, CustomerId, InvoiceId, Money, PaymentId, RefundId};
use perennial_store::credits::{CreditMove, CreditReason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use super::invoices::{Summary, now};
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created};
use crate::wire::{Amount, At, Json, Page, Paging, Query, Text, Word, maybe};

/// What a customer has.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Credit")]
pub(crate) struct Shown {
    customer: Text<CustomerId>,
    /// By currency; what there is nothing of is left out.
    balances: Vec<Balance>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreditBalance")]
struct Balance {
    amount: Amount,
    currency: Text<Currency>,
}

/// A move of a customer's credit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreditMove")]
pub(crate) struct Move {
    id: Text<CreditMoveId>,
    at: Text<Timestamp>,
    /// How much more; less if negative.
    amount: Amount,
    /// What there was afterwards.
    balance: Amount,
    currency: Text<Currency>,
    reason: Word<CreditReason>,
    /// The invoice, deposit or credit note that it is about.
    invoice: Option<Text<InvoiceId>>,
    /// The payment that it came with.
    payment: Option<Text<PaymentId>>,
    /// The refund that it went with.
    refund: Option<Text<RefundId>>,
    actor: String,
}

/// How much is to become credit, in the customer's currency.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FundsToAdd")]
pub(crate) struct FundsToAdd {
    amount: Amount,
    currency: Text<Currency>,
}

/// What a customer has, by currency.
pub(crate) async fn balances(context: Context, At(id): At<CustomerId>) -> Result<Answer<Shown>, ApiError> {
    let (customer, balances) = context.app.credit_of(&context.caller, id).await?;
    let balance = |has: Money| Balance { amount: has.into(), currency: Text(has.currency) };
    Ok(Answer(Shown { customer: Text(customer.id), balances: balances.into_iter().map(balance).collect() }))
}

/// A page of the moves of a customer's credit, newest first.
pub(crate) async fn moves(
    context: Context,
    At(id): At<CustomerId>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Page<Move>>, ApiError> {
    let limit = paging.limit();
    let moves = context.app.credit_moves(&context.caller, id, paging.after()?, limit + 1).await?;
    Ok(Answer(Page::of(moves, limit, |one| one.id, shown)))
}

/// Asks a customer for money that becomes its credit when it is paid.
pub(crate) async fn add_funds(
    context: Context,
    At(id): At<CustomerId>,
    Json(funds): Json<FundsToAdd>,
) -> Result<Created<Summary>, ApiError> {
    let amount = funds.amount.read("amount", funds.currency.0)?;
    let deposit = context.app.add_funds(&context.caller, id, amount).await?;
    let place = format!("{ROOT}/invoices/{}", Text(deposit.id));
    Ok(Created { place, body: now(&context, deposit.id).await? })
}

fn shown(one: CreditMove) -> Move {
    let moved = one.moved;
    Move {
        id: Text(CreditMoveId(one.id)),
        at: Text(moved.at),
        amount: moved.amount.into(),
        balance: one.balance.into(),
        currency: Text(moved.amount.currency),
        reason: Word(moved.reason),
        invoice: maybe(moved.invoice),
        payment: maybe(moved.payment),
        refund: maybe(moved.refund),
        actor: moved.actor,
    }
}
