//! `POST /api/billing/transactions`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use perennial_billing::{CustomerId, Money};
use perennial_store::customers::{self, CustomerParty};
use perennial_store::payments::Transaction;
use perennial_store::sellers::{self, Seller};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use super::accounts::currency_id;
use super::invoices::date_time;
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

/// Transactions on one page unless the caller asks for another number.
const DEFAULT_PAGE_TRANSACTIONS: i64 = 25;
/// Transactions on one page at most.
const MAX_PAGE_TRANSACTIONS: i64 = 200;

/// The body: `filters` must be there. Pages count from 0.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "TransactionQuery")]
pub(crate) struct Query {
    filters: Filters,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "TransactionFilters")]
struct Filters {
    #[schemars(range(min = 0))]
    limit: Option<i64>,
    #[schemars(range(min = 0))]
    page: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TransactionList")]
pub(crate) struct List {
    success: bool,
    has_more: bool,
    transactions: Vec<Listed>,
}

/// One of them; every field is a string, as documented.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TransactionRow")]
struct Listed {
    id: String,
    r#in: String,
    out: String,
    fee: String,
    r#type: &'static str,
    status: &'static str,
    module: String,
    trans_id: String,
    invoice_id: String,
    date: String,
    description: &'static str,
    client_id: String,
    currency_id: String,
    firstname: String,
    lastname: String,
    companyname: String,
}

/// Money that came in and went out, newest first.
pub(crate) async fn list(context: Context, Json(Query { filters }): Json<Query>) -> Result<Success<List>, ApiError> {
    let (limit, page) = (filters.limit.unwrap_or(0), filters.page.unwrap_or(0));
    if limit < 0 || page < 0 {
        return Err(ApiError::bad_request("limit and page must not be negative"));
    }
    let limit = if limit == 0 { DEFAULT_PAGE_TRANSACTIONS } else { limit.min(MAX_PAGE_TRANSACTIONS) };
    let mut found = context.app.transactions(&context.caller, limit + 1, page.saturating_mul(limit)).await?;
    let has_more = i64::try_from(found.len()).is_ok_and(|found| found > limit);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let mut conn = context.app.store.read().await?;
    let seller = sellers::get(&mut conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    let mut parties: HashMap<CustomerId, CustomerParty> = HashMap::new();
    for one in &found {
        if let Entry::Vacant(place) = parties.entry(one.customer) {
            let known = customers::get(&mut conn, seller.id, one.customer).await?.ok_or_else(ApiError::internal)?;
            place.insert(known.party);
        }
    }
    let transactions = found.iter().filter_map(|one| Some(listed(one, parties.get(&one.customer)?, &seller))).collect();
    Ok(context.success(List { success: true, has_more, transactions }))
}

fn listed(one: &Transaction, party: &CustomerParty, seller: &Seller) -> Listed {
    let nothing = Money::zero(one.amount.currency).amount();
    let (first, last) = party.first_and_last_name();
    let amount = one.amount.amount();
    let (into, out) = if one.is_refund { (nothing.clone(), amount) } else { (amount, nothing.clone()) };
    Listed {
        id: one.id.to_string(),
        r#in: into,
        out,
        fee: nothing,
        r#type: if one.invoice.is_some() { "invoice" } else { "credit" },
        status: if one.is_refund || one.is_refunded { "Refunded" } else { "Success" },
        module: one.method.clone(),
        trans_id: one.reference.clone(),
        invoice_id: one.invoice.map_or(0, |id| id.0).to_string(),
        date: date_time(Some(one.at), &seller.time_zone),
        description: if one.is_refund { "Refund" } else { "Invoice payment" },
        client_id: one.customer.to_string(),
        currency_id: currency_id(one.amount.currency, seller.currency),
        firstname: first.to_owned(),
        lastname: last.to_owned(),
        companyname: party.company.clone(),
    }
}
