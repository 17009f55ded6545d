//! `/api/v2/services`: what is sold, and where it stands.

use jiff::civil::Date;
use perennial_app::{NewService, ServiceChange};
use perennial_billing::{
    Currency, CustomerId, Cycle, InvoiceId, Money, PriceRule, ProductId, Quantity, ServiceId, ServiceStatus,
};
use perennial_store::services::{self, ServiceView};
use perennial_store::{customers, sellers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ROOT, whose};
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created, Versioned};
use crate::wire::{Amount, At, Cursor, Edit, IfMatch, Json, Limit, Page, Paging, Patch, Query, Text, Word, maybe};

/// Which services, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServicesWanted {
    customer: Option<Text<CustomerId>>,
    status: Option<Word<ServiceStatus>>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// A service to sell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewService")]
pub(crate) struct NewServiceBody {
    customer: Text<CustomerId>,
    product: Text<ProductId>,
    /// A domain name or another label.
    #[serde(default)]
    label: String,
    cycle: Text<Cycle>,
    /// The first day of its first period; today, if it is left out.
    starts: Option<Text<Date>>,
    /// One, if it is left out.
    quantity: Option<Text<Quantity>>,
    /// A price of its own for one, without tax, in the customer's currency; without, the price of its product.
    price: Option<Amount>,
    /// Active, if it is left out.
    status: Option<Word<ServiceStatus>>,
    /// Yes, if it is left out.
    auto_renew: Option<bool>,
}

/// What to change; what is left out stays. A customer's own key can change `autoRenew` and nothing else.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "ServiceEdit")]
pub(crate) struct Change {
    auto_renew: Edit<bool>,
    label: Patch<String>,
    status: Edit<Word<ServiceStatus>>,
    /// A price of its own for one, without tax, in the customer's currency; null for the price of its product.
    price: Patch<Amount>,
    /// With `price`: the last day on which a period may begin to be billed at it.
    price_through: Option<Text<Date>>,
    /// The day whose price in the catalogue it keeps, instead of a price of its own.
    price_kept_on: Option<Text<Date>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Service")]
pub(crate) struct Shown {
    id: Text<ServiceId>,
    customer: Text<CustomerId>,
    product: Text<ProductId>,
    product_name: String,
    label: String,
    status: Word<ServiceStatus>,
    cycle: Text<Cycle>,
    quantity: Text<Quantity>,
    currency: Text<Currency>,
    /// A price of its own for one, without tax; null if it has the price of its product.
    own_price: Option<Amount>,
    own_price_through: Option<Text<Date>>,
    /// The day whose price in the catalogue it keeps.
    price_kept_on: Option<Text<Date>>,
    auto_renew: bool,
    /// The first day that is not billed; null for what is not renewed.
    billed_through: Option<Text<Date>>,
    /// The first day that is not paid for.
    paid_through: Option<Text<Date>>,
    /// The day from which a run renews it.
    renew_on: Option<Text<Date>>,
    /// The day on which it ends, while it is cancelled at the end of what is billed.
    ends_on: Option<Text<Date>>,
    /// An unpaid renewal invoice.
    open_invoice: Option<Text<InvoiceId>>,
}

/// A page of services, newest first; a customer's key sees its own.
pub(crate) async fn list(
    context: Context,
    Query(wanted): Query<ServicesWanted>,
) -> Result<Answer<Page<Shown>>, ApiError> {
    let paging = Paging::of(wanted.limit, wanted.cursor);
    let (limit, before) = (paging.limit(), paging.after()?.map(ServiceId));
    let customer = whose(&context, wanted.customer)?;
    let status = wanted.status.map(|Word(status)| status);
    let mut conn = context.app.store.read().await?;
    let page = services::newest(&mut conn, context.caller.seller, customer, status, before, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |view| view.service.id.0, shown)))
}

/// One service.
pub(crate) async fn detail(context: Context, At(id): At<ServiceId>) -> Result<Versioned<Shown>, ApiError> {
    versioned(&context, id).await
}

/// Sells a service.
pub(crate) async fn create(context: Context, Json(new): Json<NewServiceBody>) -> Result<Created<Shown>, ApiError> {
    let seller = context.caller.seller;
    let mut conn = context.app.store.read().await?;
    let customer = customers::get(&mut conn, seller, new.customer.0).await?;
    let customer = customer.ok_or_else(|| ApiError::not_found("Customer not found"))?;
    let rules = sellers::get(&mut conn, seller).await?.ok_or_else(ApiError::internal)?;
    drop(conn);
    let own_price = new.price.as_ref().map(|price| price.read("price", customer.currency)).transpose()?;
    let service = NewService {
        customer: customer.id,
        product: new.product.0,
        label: new.label,
        status: new.status.map_or(ServiceStatus::Active, |Word(status)| status),
        cycle: new.cycle.0,
        anchor: new.starts.map_or_else(|| context.app.clock.today(&rules.time_zone), |Text(day)| day),
        quantity: new.quantity.map_or(Quantity::ONE, |Text(quantity)| quantity),
        own_price_minor: own_price.map(|price| price.minor),
        auto_renew: new.auto_renew.unwrap_or(true),
    };
    let made = context.app.create_service(seller, context.caller.actor, service).await?;
    let Versioned(_, body) = versioned(&context, made.id).await?;
    Ok(Created { place: format!("{ROOT}/services/{}", Text(made.id)), body })
}

/// Changes what is not a matter of billing; see the changes of a service for what is.
pub(crate) async fn change(
    context: Context,
    At(id): At<ServiceId>,
    IfMatch(expected): IfMatch,
    Json(change): Json<Change>,
) -> Result<Versioned<Shown>, ApiError> {
    if context.caller.customer.is_some() {
        let is_only_the_switch = matches!(
            change,
            Change {
                label: Patch::Keep,
                status: Edit::Keep,
                price: Patch::Keep,
                price_through: None,
                price_kept_on: None,
                ..
            }
        );
        if !is_only_the_switch {
            return Err(ApiError::staff_only());
        }
        if let Edit::Set(is_on) = change.auto_renew {
            context.app.set_auto_renew(&context.caller, id, is_on, expected).await?;
        }
        return versioned(&context, id).await;
    }
    let known = view(&context, id).await?;
    let price = price_rule(&change, known.currency)?;
    let wanted = ServiceChange {
        status: change.status.set().map(|Word(status)| status),
        label: change.label.or_empty(),
        quantity: None,
        price,
        auto_renew: change.auto_renew.set(),
        expected,
    };
    context.app.change_service(context.caller.seller, context.caller.actor, id, wanted).await?;
    versioned(&context, id).await
}

/// At which price it is to be renewed, if that is to change.
fn price_rule(change: &Change, currency: Currency) -> Result<Option<PriceRule>, ApiError> {
    let through = change.price_through.map(|Text(day)| day);
    match (&change.price, change.price_kept_on) {
        (Patch::Keep, None) if through.is_some() => Err(ApiError::invalid_value("priceThrough", "needs a price")),
        (Patch::Keep, None) => Ok(None),
        (Patch::Keep, Some(Text(day))) => Ok(Some(PriceRule::Kept(day))),
        (_, Some(_)) => Err(ApiError::invalid_value("priceKeptOn", "cannot stand beside price")),
        (Patch::Clear, None) => Ok(Some(PriceRule::Follow)),
        (Patch::Set(price), None) => Ok(Some(PriceRule::Own { price: price.read("price", currency)?, through })),
    }
}

async fn view(context: &Context, id: ServiceId) -> Result<ServiceView, ApiError> {
    let view = services::view(&mut context.app.store.read().await?, context.caller.seller, id).await?;
    let view = view.filter(|view| context.caller.may_see(view.service.customer));
    view.ok_or_else(|| ApiError::not_found("Service not found"))
}

async fn versioned(context: &Context, id: ServiceId) -> Result<Versioned<Shown>, ApiError> {
    let view = view(context, id).await?;
    Ok(Versioned(view.version, shown(view)))
}

fn shown(view: ServiceView) -> Shown {
    let service = view.service;
    Shown {
        id: Text(service.id),
        customer: Text(service.customer),
        product: Text(service.product),
        product_name: view.product_name,
        label: service.label,
        status: Word(service.status),
        cycle: Text(service.schedule.cycle),
        quantity: Text(service.quantity),
        currency: Text(view.currency),
        own_price: service.own_price_minor.map(|minor| Money::new(minor, view.currency).into()),
        own_price_through: maybe(service.own_price_through),
        price_kept_on: maybe(service.price_kept_on),
        auto_renew: service.auto_renew,
        billed_through: maybe(service.billed_through),
        paid_through: maybe(service.paid_through),
        renew_on: maybe(service.renew_on),
        ends_on: maybe(service.ends_on),
        open_invoice: maybe(view.open_invoice),
    }
}
