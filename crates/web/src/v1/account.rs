//! `POST /api/get-account-details` and `GET /api/account/details`: one service, and the customer whose key it is.

use jiff::civil::Date;
use perennial_billing::{Money, Rounding};
use perennial_store::customers::{self, Customer};
use perennial_store::products;
use perennial_store::sellers::{self, Seller};
use perennial_store::services::{self, Service};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::currency_id;
use super::cancel_hosting::AccountId;
use super::credit::own;
use super::{Json, accounts};
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

/// Which service; the documented id is a string.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountWanted {
    account_id: AccountId,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AccountDetails {
    details: Details,
}

/// One service.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccountDetail")]
struct Details {
    id: String,
    domain: String,
    billingcycle: String,
    next_due: String,
    product_name: String,
    /// Always null: addresses are not kept here.
    ip: Option<String>,
    currency: AccountCurrency,
    /// Always null: what is used of a product is not known here.
    product_stats: (),
}

/// How amounts are written.
#[derive(Debug, Serialize, JsonSchema)]
struct AccountCurrency {
    code: String,
    sign: &'static str,
    iso: String,
    id: String,
    rate: String,
    decimal: String,
    format: &'static str,
    rounding: String,
    rounding_mode: &'static str,
}

/// One service of the caller.
pub(crate) async fn service_details(
    context: Context,
    Json(wanted): Json<AccountWanted>,
) -> Result<Success<AccountDetails>, ApiError> {
    let id = wanted.account_id.read()?;
    let mut conn = context.app.store.read().await?;
    let seller = sellers::get(&mut conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    let known = services::get(&mut conn, seller.id, id).await?;
    let service = known
        .filter(|known| context.caller.may_see(known.customer))
        .ok_or_else(|| ApiError::not_found("Service not found"))?;
    let customer = customers::get(&mut conn, seller.id, service.customer).await?.ok_or_else(ApiError::internal)?;
    let (product, _) = products::get(&mut conn, seller.id, service.product).await?.ok_or_else(ApiError::internal)?;
    let today = context.app.clock.today(&seller.time_zone);
    Ok(context.success(AccountDetails { details: details(service, product.name, &customer, &seller, today) }))
}

/// What people write for a currency; the code, where they write that.
fn sign_of(code: &str) -> &str {
    match code {
        "SEK" | "NOK" | "DKK" | "ISK" => "kr",
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        code => code,
    }
}

fn details(service: Service, product_name: String, customer: &Customer, seller: &Seller, today: Date) -> Details {
    let digits = customer.currency.exponent().to_string();
    let rate = seller.home_rates(customer.currency).and_then(|rates| rates.on(today)).map(|rate| rate.rate.to_string());
    Details {
        id: service.id.to_string(),
        billingcycle: service.schedule.cycle.name(),
        next_due: accounts::next_due(&service),
        domain: service.label,
        product_name,
        ip: None,
        currency: AccountCurrency {
            code: sign_of(customer.currency.code()).to_owned(),
            sign: "",
            iso: customer.currency.to_string(),
            id: currency_id(customer.currency, seller.currency),
            rate: rate.unwrap_or_else(|| "1".to_owned()),
            decimal: digits.clone(),
            format: "1 234,56",
            rounding: digits,
            rounding_mode: match seller.amounts.rounding {
                Rounding::HalfUp => "HALF_UP",
                Rounding::HalfEven => "HALF_EVEN",
            },
        },
        product_stats: (),
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CustomerDetails {
    client: Client,
}

/// The customer as it is now; every field is a string, as documented. No password, token or login field exists.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ClientDetails")]
struct Client {
    id: String,
    email: String,
    status: &'static str,
    firstname: String,
    lastname: String,
    companyname: String,
    address1: String,
    address2: String,
    city: String,
    postcode: String,
    country: String,
    language: String,
    datecreated: String,
    credit: String,
    currency_id: String,
    taxexempt: &'static str,
    taxrateoverride: &'static str,
    billing_contact_id: &'static str,
    vat_number: String,
}

/// The customer whose key it is.
pub(crate) async fn customer_details(context: Context) -> Result<Success<CustomerDetails>, ApiError> {
    let (customer, balances) = context.app.credit_of(&context.caller, own(&context)?).await?;
    let mut conn = context.app.store.read().await?;
    let seller = sellers::get(&mut conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    let has = balances.into_iter().find(|balance| balance.currency == customer.currency);
    let credit = has.unwrap_or_else(|| Money::zero(customer.currency)).amount();
    Ok(context.success(CustomerDetails { client: client(customer, credit, &seller) }))
}

fn client(customer: Customer, credit: String, seller: &Seller) -> Client {
    let party = customer.party;
    let (first, last) = party.first_and_last_name();
    Client {
        id: customer.id.to_string(),
        firstname: first.to_owned(),
        lastname: last.to_owned(),
        email: party.email,
        status: "Active",
        companyname: party.company,
        address1: party.address1,
        address2: party.address2,
        city: party.city,
        postcode: party.postcode,
        country: party.country,
        language: customer.language,
        datecreated: customer.created_on.to_string(),
        credit,
        currency_id: currency_id(customer.currency, seller.currency),
        taxexempt: if customer.tax_exempt { "1" } else { "0" },
        taxrateoverride: "0",
        billing_contact_id: "0",
        vat_number: party.vat_number,
    }
}
