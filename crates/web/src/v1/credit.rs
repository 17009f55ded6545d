//! `POST /api/billing/invoice/{id}/apply-credit`, `…/cancel`, `POST /api/credit/add-funds`, `GET /api/billing/account-summary`
//! and `GET /api/billing/credit-log`.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use perennial_app::AppError;
use perennial_billing::{CustomerId, InvoiceId, Money};
use perennial_store::credits::CreditMove;
use perennial_store::{customers, invoices, sellers};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::accounts::currency_id;
use super::invoices::date_time;
use super::{At, Json, Number};
use crate::ApiError;
use crate::body::Body;
use crate::context::Context;
use crate::v1::envelope::Success;

/// Moves of credit on one page, as the original has it.
const PAGE_MOVES: i64 = 25;

/// An amount: the original documents a string, and its clients send numbers too.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AmountBody {
    #[schemars(schema_with = "text_or_number")]
    amount: Box<RawValue>,
}

fn text_or_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"anyOf": [{"type": "string", "pattern": "^[0-9]{1,12}([.][0-9]{1,2})?$"}, {"type": "number"}]})
}

impl AmountBody {
    /// The digits as they were sent.
    fn text(&self) -> String {
        let raw = self.amount.get();
        serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Applied {
    message: &'static str,
    invoice_id: String,
    amount: String,
}

/// Pays an invoice with the customer's credit.
pub(crate) async fn apply(
    context: Context,
    At(id): At<InvoiceId>,
    Json(body): Json<AmountBody>,
) -> Result<Success<Applied>, ApiError> {
    let mut conn = context.app.store.read().await?;
    let invoice = invoices::get(&mut conn, context.caller.seller, id).await?;
    drop(conn);
    let invoice = invoice.filter(|invoice| context.caller.may_see(invoice.customer));
    let invoice = invoice.ok_or_else(|| ApiError::not_found("Invoice not found"))?;
    let text = body.text();
    let amount = Money::parse(&text, invoice.total.currency);
    let amount = amount.map_err(|error| ApiError::bad_request(format!("amount {text:?}: {error}")))?;
    match context.app.apply_credit(&context.caller, id, Some(amount.minor)).await {
        Ok(_) => {
            let message = "Credit has been applied to invoice";
            Ok(context.success(Applied { message, invoice_id: id.to_string(), amount: text }))
        }
        // Documented with this status.
        Err(AppError::Conflict(why)) => Err(ApiError::bad_request(format!("Failed to apply credit: {why}"))),
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Cancelled {
    message: &'static str,
    invoice_id: String,
}

/// Calls an unpaid Add Funds invoice off.
pub(crate) async fn cancel(
    context: Context,
    At(id): At<InvoiceId>,
    _body: Body,
) -> Result<Success<Cancelled>, ApiError> {
    context.app.cancel_deposit(&context.caller, id).await?;
    let message = "Add Funds invoice has been cancelled";
    Ok(context.success(Cancelled { message, invoice_id: id.to_string() }))
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Added {
    invoice_id: String,
    amount: Number,
    message: &'static str,
}

/// Asks for money that becomes credit.
pub(crate) async fn add_funds(context: Context, Json(body): Json<AmountBody>) -> Result<Success<Added>, ApiError> {
    let customer = own(&context)?;
    let mut conn = context.app.store.read().await?;
    let known = customers::get(&mut conn, context.caller.seller, customer).await?;
    drop(conn);
    let known = known.ok_or_else(|| ApiError::not_found("Customer not found"))?;
    let text = body.text();
    let amount = Money::parse(&text, known.currency);
    let amount = amount.map_err(|error| ApiError::bad_request(format!("amount {text:?}: {error}")))?;
    let written = context.app.add_funds(&context.caller, customer, amount).await?;
    Ok(context.success(Added {
        invoice_id: written.id.to_string(),
        amount: Number::of(&amount.short_amount()),
        message: "Add Funds invoice has been created",
    }))
}

/// The customer whose key it is: these calls are about one.
pub(super) fn own(context: &Context) -> Result<CustomerId, ApiError> {
    let message = "This call is about a customer's own account: use a key of that customer";
    context.caller.customer.ok_or_else(|| ApiError::bad_request(message))
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Summary {
    success: bool,
    credit: String,
    email: String,
    name: String,
    country: String,
}

/// What the customer has, and who it is.
pub(crate) async fn summary(context: Context) -> Result<Success<Summary>, ApiError> {
    let (customer, balances) = context.app.credit_of(&context.caller, own(&context)?).await?;
    let has = balances.into_iter().find(|balance| balance.currency == customer.currency);
    Ok(context.success(Summary {
        success: true,
        credit: has.unwrap_or_else(|| Money::zero(customer.currency)).amount(),
        email: customer.party.email,
        name: customer.party.name,
        country: customer.party.country,
    }))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Page {
    page: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Log {
    has_more: bool,
    success: bool,
    log: Vec<Move>,
}

/// One move; every field is a string, as documented.
#[derive(Debug, Serialize, JsonSchema)]
struct Move {
    id: String,
    date: String,
    client_id: String,
    r#in: String,
    out: String,
    balance: String,
    description: &'static str,
    invoice_id: String,
    transaction_id: String,
    currency_id: String,
    admin_id: &'static str,
    admin_name: &'static str,
    brand_id: &'static str,
    client_brand_id: &'static str,
    data_edit: Edit,
}

/// The same once more, as the original shows it in a form.
#[derive(Debug, Serialize, JsonSchema)]
struct Edit {
    balance: String,
    client_id: String,
    date: String,
    description: &'static str,
    id: String,
    r#in: String,
    invoice_id: String,
    out: String,
    transaction_id: String,
}

/// The moves of the customer's credit, newest first; pages count from 0.
pub(crate) async fn log(
    context: Context,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Success<Log>, ApiError> {
    let refused = || ApiError::bad_request("page counts from 0 and is not negative");
    let Query(Page { page }) = query.map_err(|_| refused())?;
    let page = page.as_deref().unwrap_or("0").parse::<u32>().map_err(|_| refused())?;
    let customer = own(&context)?;
    let offset = i64::from(page) * PAGE_MOVES;
    let mut moves = context.app.credit_log(&context.caller, customer, PAGE_MOVES + 1, offset).await?;
    let mut conn = context.app.store.read().await?;
    let seller = sellers::get(&mut conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    let has_more = i64::try_from(moves.len()).is_ok_and(|found| found > PAGE_MOVES);
    moves.truncate(usize::try_from(PAGE_MOVES).unwrap_or(usize::MAX));
    let log = moves.iter().map(|one| shown(one, &seller)).collect();
    Ok(context.success(Log { has_more, success: true, log }))
}

fn shown(one: &CreditMove, seller: &sellers::Seller) -> Move {
    let moved = &one.moved;
    let currency = moved.amount.currency;
    let part = |minor: i64| Money::new(minor.max(0), currency).amount();
    let (into, out) = (part(moved.amount.minor), part(moved.amount.minor.saturating_neg()));
    let invoice_id = moved.invoice.map_or(0, |id| id.0).to_string();
    let transaction_id = moved.payment.map_or(0, |id| id.0).to_string();
    let (id, client_id, balance) = (one.id.to_string(), moved.customer.to_string(), one.balance.amount());
    let description = moved.reason.title();
    Move {
        id: id.clone(),
        date: date_time(Some(moved.at), &seller.time_zone),
        client_id: client_id.clone(),
        r#in: into.clone(),
        out: out.clone(),
        balance: balance.clone(),
        description,
        invoice_id: invoice_id.clone(),
        transaction_id: transaction_id.clone(),
        currency_id: currency_id(currency, seller.currency),
        admin_id: "0",
        admin_name: "",
        brand_id: "0",
        client_brand_id: "0",
        data_edit: Edit {
            balance,
            client_id,
            date: seller.time_zone.to_datetime(moved.at).strftime("%d/%m/%Y").to_string(),
            description,
            id,
            r#in: into,
            invoice_id,
            out,
            transaction_id,
        },
    }
}
