//! `GET /api/client-accounts` and `GET /api/hosting-accounts`: services under their v1 name.

use axum::extract::{Query, rejection::QueryRejection};
use perennial_billing::{Conversion, Currency, Cycle, Money, PriceTerms, PriceVersion, ProductId, Rounding};
use perennial_store::prices;
use perennial_store::sellers::{self, Seller};
use perennial_store::services::{self, Service, ServiceFilter, ServiceView};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;
use crate::wire::Text;

/// Services on one page, unless the caller wants fewer.
const MAX_PAGE_ACCOUNTS: i64 = 1_000;
/// The kind of products that `GET /api/hosting-accounts` lists.
const HOSTING_KIND: &str = "hosting";

/// Which page of a long list; the documented calls have none of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Paging {
    #[schemars(range(min = 1))]
    page: Option<i64>,
    #[schemars(range(min = 1))]
    per_page: Option<i64>,
}

/// A page from 1 and its size.
fn paging(query: Result<Query<Paging>, QueryRejection>) -> Result<(i64, i64), ApiError> {
    let refused = || ApiError::bad_request("page and perPage must be integers of at least 1");
    let Query(paging) = query.map_err(|_| refused())?;
    let (page, size) = (paging.page.unwrap_or(1), paging.per_page.unwrap_or(MAX_PAGE_ACCOUNTS));
    if page < 1 || size < 1 { Err(refused()) } else { Ok((page, size.min(MAX_PAGE_ACCOUNTS))) }
}

/// One account; every scalar is a string, as documented.
#[derive(Debug, Serialize, JsonSchema)]
struct ClientAccount {
    id: String,
    manual: &'static str,
    domain: String,
    billingcycle: String,
    qty: String,
    status: &'static str,
    total: String,
    next_due: String,
    product_id: String,
    name: String,
    r#type: String,
    lastname: String,
    firstname: String,
    companyname: String,
    client_id: String,
    currency_id: String,
    group_id: &'static str,
    service_group_id: &'static str,
    sort_order: &'static str,
    label: String,
    paytype: &'static str,
    component_form_name: &'static str,
    component_value_name: &'static str,
    extra_details: [(); 0],
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ClientAccounts {
    accounts: Vec<ClientAccount>,
}

/// The caller's services; staff sees all, a page at a time.
pub(crate) async fn client_accounts(
    context: Context,
    query: Result<Query<Paging>, QueryRejection>,
) -> Result<Success<ClientAccounts>, ApiError> {
    let Listing { seller, accounts, .. } = listing(&context, None, paging(query)?).await?;
    let accounts = accounts
        .into_iter()
        .map(|(view, price)| {
            let service = view.service;
            let (firstname, lastname) = view.customer_name.rsplit_once(' ').unwrap_or((&view.customer_name, ""));
            ClientAccount {
                id: service.id.to_string(),
                manual: "0",
                domain: service.label.clone(),
                billingcycle: service.schedule.cycle.name(),
                qty: service.quantity.to_string(),
                status: service.status.title(),
                total: price.amount(),
                next_due: next_due(&service),
                product_id: service.product.to_string(),
                name: view.product_name,
                r#type: view.service_type.to_string(),
                lastname: lastname.to_owned(),
                firstname: firstname.to_owned(),
                companyname: view.company,
                client_id: service.customer.to_string(),
                currency_id: currency_id(view.currency, seller.currency),
                group_id: "0",
                service_group_id: "0",
                sort_order: "0",
                label: service.label,
                paytype: match service.schedule.cycle {
                    Cycle::Free => "Free",
                    Cycle::Once => "Once",
                    Cycle::Every { .. } => "Regular",
                },
                component_form_name: "",
                component_value_name: "",
                extra_details: [],
            }
        })
        .collect();
    Ok(context.success(ClientAccounts { accounts }))
}

#[derive(Debug, Serialize, JsonSchema)]
struct HostingAccount {
    id: String,
    name: String,
    domain: String,
    status: &'static str,
    r#type: String,
    #[serde(rename = "billingCycle")]
    billing_cycle: String,
    price: Number,
    currency: Text<Currency>,
    #[serde(rename = "nextDue")]
    next_due: Option<String>,
    expires: Option<String>,
    product_id: String,
    tags: [(); 0],
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct HostingAccounts {
    hosting_accounts: Vec<HostingAccount>,
    pagination: Pagination,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    current_page: i64,
    per_page: i64,
    total_pages: i64,
    total_records: i64,
    total_all_accounts: i64,
}

/// The caller's hosting services.
pub(crate) async fn hosting_accounts(
    context: Context,
    query: Result<Query<Paging>, QueryRejection>,
) -> Result<Success<HostingAccounts>, ApiError> {
    let (current_page, per_page) = paging(query)?;
    let Listing { total_records, total_all_accounts, accounts, .. } =
        listing(&context, Some(HOSTING_KIND), (current_page, per_page)).await?;
    let hosting_accounts = accounts
        .into_iter()
        .map(|(view, price)| {
            let service = view.service;
            HostingAccount {
                id: service.id.to_string(),
                name: view.product_name,
                domain: service.label,
                status: service.status.title(),
                r#type: view.service_type.to_string(),
                billing_cycle: service.schedule.cycle.name(),
                price: Number::of(&price.short_amount()),
                currency: Text(view.currency),
                next_due: service.billed_through.map(|date| date.to_string()),
                expires: service.paid_through.map(|date| date.to_string()),
                product_id: service.product.to_string(),
                tags: [],
            }
        })
        .collect();
    let total_pages = total_records.div_euclid(per_page) + i64::from(total_records.rem_euclid(per_page) > 0);
    let pagination = Pagination { current_page, per_page, total_pages, total_records, total_all_accounts };
    Ok(context.success(HostingAccounts { hosting_accounts, pagination }))
}

/// One page of services.
struct Listing {
    seller: Seller,
    /// How many there are of this kind.
    total_records: i64,
    /// How many there are of every kind.
    total_all_accounts: i64,
    /// This page, each with the price of its next period.
    accounts: Vec<(ServiceView, Money)>,
}

/// Reads one page over one connection: who holds one and waits for another can wait for ever.
async fn listing(context: &Context, kind: Option<&'static str>, (page, size): (i64, i64)) -> Result<Listing, ApiError> {
    let filter = ServiceFilter { customer: context.caller.customer, kind };
    let mut conn = context.app.store.read().await?;
    let seller = sellers::get(&mut conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    let total_records = services::count(&mut conn, seller.id, filter).await?;
    let total_all_accounts = match kind {
        Some(_) => services::count(&mut conn, seller.id, ServiceFilter { kind: None, ..filter }).await?,
        None => total_records,
    };
    let offset = (page - 1).saturating_mul(size);
    let views = services::page(&mut conn, seller.id, filter, size, offset).await?;
    let mut wanted: Vec<(ProductId, Cycle, Currency)> =
        views.iter().map(|v| (v.service.product, v.service.schedule.cycle, v.currency)).collect();
    let conversion = seller.conversion();
    if let Some(conversion) = &conversion {
        wanted.extend(views.iter().map(|v| (v.service.product, v.service.schedule.cycle, conversion.home)));
    }
    wanted.sort_unstable();
    wanted.dedup();
    let versions = prices::versions(&mut conn, seller.id, &wanted).await?;
    let today = context.app.clock.today(&seller.time_zone);
    let priced = views.into_iter().map(|view| {
        let price = next_price(&view, &versions, conversion.as_ref(), today);
        (view, price)
    });
    Ok(Listing { total_records, total_all_accounts, accounts: priced.collect(), seller })
}

/// What the service itself will cost for its next period, without tax and add-ons; nothing where only a feed knows.
fn next_price(
    view: &ServiceView,
    versions: &[PriceVersion],
    conversion: Option<&Conversion>,
    today: jiff::civil::Date,
) -> Money {
    let service = &view.service;
    let zero = Money::zero(view.currency);
    let starts = service.billed_through.unwrap_or(today);
    let terms = PriceTerms {
        product: service.product,
        cycle: service.schedule.cycle,
        currency: view.currency,
        quantity: service.quantity,
        rule: service.price_rule(view.currency),
        campaign: service.campaign,
    };
    let converted = || {
        let (unit, ..) = terms.converted(versions, conversion?, starts, Rounding::HalfUp)?;
        Some(unit)
    };
    let unit = terms.price(versions, starts).map(|(unit, _)| unit).or_else(converted);
    unit.and_then(|unit| unit.times(service.quantity, Rounding::HalfUp).ok()).unwrap_or(zero)
}

/// How far a service is billed, as v1 writes it.
pub(super) fn next_due(service: &Service) -> String {
    service.billed_through.map_or_else(|| "0000-00-00".to_owned(), |date| date.to_string())
}

/// `0` for the seller's own currency, as the back end numbers its main one; the code for any other.
pub(crate) fn currency_id(currency: Currency, home: Currency) -> String {
    if currency == home { "0".to_owned() } else { currency.code().to_owned() }
}
