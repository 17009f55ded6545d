//! `GET|POST /api/billing/invoices` and `GET /api/billing/invoice/{id}`.

use std::collections::HashMap;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use perennial_billing::{DocumentKind, InvoiceId, Money};
use perennial_store::invoices::{self, Invoice, InvoiceFilter, InvoiceLine, InvoiceStatus};
use perennial_store::sellers::{self, Seller};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::currency_id;
use super::{At, Json, Number};
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

/// Invoices on one page unless the caller asks for another number.
const DEFAULT_PAGE_INVOICES: i64 = 50;
/// Invoices on one page at most.
const MAX_PAGE_INVOICES: i64 = 200;

/// One invoice in a list; every field is a string, as documented.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1InvoiceRow")]
struct Listed {
    id: String,
    locked: &'static str,
    currency_id: String,
    date: String,
    dateorig: String,
    duedate: String,
    paybefore: String,
    datepaid: String,
    subtotal2: String,
    credit: String,
    total: String,
    grandtotal: String,
    paid_id: String,
    status: &'static str,
    firstname: String,
    client_id: String,
    flags: &'static str,
    lastname: String,
    companyname: String,
    module: &'static str,
    recid: &'static str,
    group_id: &'static str,
    formatted_id: String,
}

/// The types of `total`, `pages` and `currentPage` are as documented.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1InvoiceList")]
pub(crate) struct List {
    invoices: Vec<Listed>,
    has_more: bool,
    total: String,
    pages: i64,
    current_page: i64,
    success: bool,
}

/// What a list is narrowed to; pages count from 0.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "V1InvoiceFilters")]
pub(crate) struct Filters {
    status: Option<String>,
    #[schemars(range(min = 0))]
    limit: Option<i64>,
    #[schemars(range(min = 0))]
    page: Option<i64>,
}

/// The body of the query by POST. Nothing is cached here, so `skipCache` and other fields change nothing.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct QueryBody {
    filters: Filters,
}

/// The caller's invoices, newest first.
pub(crate) async fn list(
    context: Context,
    query: Result<Query<Filters>, QueryRejection>,
) -> Result<Success<List>, ApiError> {
    let Query(filters) = query.map_err(|_| ApiError::bad_request("limit and page must be integers"))?;
    page(&context, filters).await
}

/// The same, with the filters in the body.
pub(crate) async fn query(context: Context, Json(body): Json<QueryBody>) -> Result<Success<List>, ApiError> {
    page(&context, body.filters).await
}

async fn page(context: &Context, filters: Filters) -> Result<Success<List>, ApiError> {
    let status = match filters.status.as_deref() {
        None | Some("" | "all" | "All") => None,
        Some(title) => Some(InvoiceStatus::from_title(title).ok_or_else(|| {
            ApiError::bad_request("status must be one of Unpaid, Paid, Refunded, Collections, Cancelled, all")
        })?),
    };
    let limit = match filters.limit {
        None | Some(0) => DEFAULT_PAGE_INVOICES,
        Some(limit) if limit > 0 => limit.min(MAX_PAGE_INVOICES),
        Some(_) => return Err(ApiError::bad_request("limit must not be negative")),
    };
    let current_page = filters.page.unwrap_or(0);
    if current_page < 0 {
        return Err(ApiError::bad_request("page counts from 0 and is not negative"));
    }
    let filter = InvoiceFilter { customer: context.caller.customer, status, with_credit_notes: false };
    let offset = current_page.saturating_mul(limit);
    let mut conn = context.app.store.read().await?;
    let seller = sellers::get(&mut conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    let total = invoices::count(&mut conn, seller.id, filter).await?;
    let found = invoices::page(&mut conn, seller.id, filter, limit, offset).await?;
    let ids: Vec<InvoiceId> = found.iter().map(|invoice| invoice.id).collect();
    let credits = invoices::paid_from_credit(&mut conn, seller.id, &ids).await?;
    Ok(context.success(List {
        has_more: offset.saturating_add(limit) < total,
        total: total.to_string(),
        pages: total.div_euclid(limit) + i64::from(total.rem_euclid(limit) > 0),
        current_page,
        success: true,
        invoices: found.iter().map(|invoice| listed(invoice, credit_of(invoice, &credits), &seller)).collect(),
    }))
}

/// What of an invoice was paid from the customer's credit.
fn credit_of(invoice: &Invoice, credits: &HashMap<InvoiceId, i64>) -> Money {
    Money::new(credits.get(&invoice.id).copied().unwrap_or(0), invoice.total.currency)
}

fn listed(invoice: &Invoice, credit: Money, seller: &Seller) -> Listed {
    let (first, last) = invoice.buyer.first_and_last_name();
    Listed {
        id: invoice.id.to_string(),
        locked: "0",
        currency_id: currency_id(invoice.total.currency, seller.currency),
        date: invoice.issued_on.to_string(),
        dateorig: invoice.issued_on.to_string(),
        duedate: invoice.due_on.to_string(),
        paybefore: invoice.due_on.to_string(),
        datepaid: date_time(invoice.paid_at, &seller.time_zone),
        subtotal2: invoice.net.amount(),
        credit: credit.amount(),
        total: invoice.total.amount(),
        grandtotal: invoice.total.amount(),
        paid_id: invoice.number.clone(),
        status: invoice.status.title(),
        firstname: first.to_owned(),
        client_id: invoice.customer.to_string(),
        flags: "0",
        lastname: last.to_owned(),
        companyname: invoice.buyer.company.clone(),
        module: "",
        recid: "0",
        group_id: "0",
        formatted_id: invoice.number.clone(),
    }
}

/// The back end's own format: no zone, and zeros for never.
pub(crate) fn date_time(instant: Option<Timestamp>, zone: &TimeZone) -> String {
    match instant {
        Some(instant) => zone.to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => "0000-00-00 00:00:00".to_owned(),
    }
}

/// One invoice in full; amounts are numbers here, although they are strings in the list, as documented.
#[derive(Debug, Serialize, JsonSchema)]
struct Detail {
    id: String,
    paid_id: String,
    recurring_id: &'static str,
    status: &'static str,
    client_id: String,
    contact_id: &'static str,
    date: String,
    duedate: String,
    paybefore: String,
    datepaid: String,
    subtotal: Number,
    credit: Number,
    tax: Number,
    taxrate: Number,
    tax2: Number,
    taxrate2: Number,
    taxexempt: &'static str,
    total: Number,
    grandtotal: Number,
    payment_module: &'static str,
    currency_id: String,
    currency: String,
    rate: Number,
    rate2: Number,
    rate3: Number,
    notes: &'static str,
    locked: &'static str,
    items: Vec<Item>,
    metadata: Metadata,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Item {
    id: String,
    invoice_id: String,
    r#type: &'static str,
    item_id: String,
    description: String,
    amount: String,
    taxed: &'static str,
    qty: String,
    linetotal: Number,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Metadata {
    taxconfig: TaxConfig,
    client: Client,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct TaxConfig {
    compound_l2: &'static str,
    tax_type: &'static str,
    tax_rounding: &'static str,
    allow_negative_tax: &'static str,
    tax_credited: &'static str,
}

/// The customer as it was when the invoice was issued. No password, token or login field exists.
#[derive(Debug, Serialize, JsonSchema)]
struct Client {
    id: String,
    firstname: String,
    lastname: String,
    companyname: String,
    email: String,
    address1: String,
    address2: String,
    city: String,
    postcode: String,
    country: String,
    vat_number: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DetailData {
    invoice: Detail,
}

/// One invoice of the caller.
pub(crate) async fn detail(context: Context, At(id): At<InvoiceId>) -> Result<Success<DetailData>, ApiError> {
    let mut conn = context.app.store.read().await?;
    let seller = sellers::get(&mut conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    let invoice = invoices::get(&mut conn, seller.id, id).await?;
    let invoice = invoice
        .filter(|invoice| context.caller.may_see(invoice.customer))
        .ok_or_else(|| ApiError::not_found("Invoice not found"))?;
    let lines = invoices::lines(&mut conn, seller.id, &invoice).await?;
    let taxes = invoices::taxes(&mut conn, seller.id, &invoice).await?;
    let credits = invoices::paid_from_credit(&mut conn, seller.id, &[id]).await?;
    let credit = credit_of(&invoice, &credits);
    let first_rate = taxes.first().map_or_else(|| "0".to_owned(), |group| group.profile.rate.percent());
    Ok(context.success(DetailData { invoice: shown(&invoice, &lines, &first_rate, credit, &seller) }))
}

fn shown(invoice: &Invoice, lines: &[InvoiceLine], tax_rate: &str, credit: Money, seller: &Seller) -> Detail {
    let zero = || Number::of("0");
    let (first, last) = invoice.buyer.first_and_last_name();
    let is_taxed = tax_rate != "0";
    let items = lines.iter().map(|line| Item {
        id: line.line.to_string(),
        invoice_id: invoice.id.to_string(),
        r#type: match (line.addon, line.service, invoice.kind) {
            (Some(_), ..) => "Addon",
            (None, Some(_), _) => "Hosting",
            (None, None, DocumentKind::Deposit) => "AddFunds",
            (None, None, _) => "Other",
        },
        item_id: line.addon.map(|addon| addon.0).or(line.service.map(|service| service.0)).unwrap_or(0).to_string(),
        description: line.description.clone(),
        amount: line.unit_price.amount(),
        taxed: if is_taxed { "1" } else { "0" },
        qty: line.quantity.to_string(),
        linetotal: Number::of(&line.net.short_amount()),
    });
    Detail {
        id: invoice.id.to_string(),
        paid_id: invoice.number.clone(),
        recurring_id: "0",
        status: invoice.status.title(),
        client_id: invoice.customer.to_string(),
        contact_id: "0",
        date: invoice.issued_on.to_string(),
        duedate: invoice.due_on.to_string(),
        paybefore: invoice.due_on.to_string(),
        datepaid: date_time(invoice.paid_at, &seller.time_zone),
        subtotal: Number::of(&invoice.net.short_amount()),
        credit: Number::of(&credit.short_amount()),
        tax: Number::of(&invoice.tax.short_amount()),
        taxrate: Number::of(tax_rate),
        tax2: zero(),
        taxrate2: zero(),
        taxexempt: if is_taxed { "0" } else { "1" },
        total: Number::of(&invoice.total.short_amount()),
        grandtotal: Number::of(&invoice.total.short_amount()),
        payment_module: "0",
        currency_id: currency_id(invoice.total.currency, seller.currency),
        currency: invoice.total.currency.to_string(),
        rate: Number::of("1"),
        rate2: zero(),
        rate3: zero(),
        notes: "",
        locked: "0",
        items: items.collect(),
        metadata: Metadata {
            taxconfig: TaxConfig {
                compound_l2: "0",
                tax_type: "exclusive",
                tax_rounding: "total",
                allow_negative_tax: "0",
                tax_credited: "1",
            },
            client: Client {
                id: invoice.customer.to_string(),
                firstname: first.to_owned(),
                lastname: last.to_owned(),
                companyname: invoice.buyer.company.clone(),
                email: invoice.buyer.email.clone(),
                address1: invoice.buyer.address1.clone(),
                address2: invoice.buyer.address2.clone(),
                city: invoice.buyer.city.clone(),
                postcode: invoice.buyer.postcode.clone(),
                country: invoice.buyer.country.clone(),
                vat_number: invoice.buyer.vat_number.clone(),
            },
        },
    }
}
