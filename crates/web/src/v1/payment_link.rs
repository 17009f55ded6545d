//! `POST|GET /api/billing/invoice/{id}/payment-link`, `GET /api/billing/payment-link/{uuid}` and `…/pay`. The last two need no
//! key: who has the link has all that is needed.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use perennial_app::{FoundLink, MadeLink, PreviousLink};
use perennial_billing::{InvoiceId, Money};
use perennial_render::words::Words;
use perennial_store::invoices::{self, InvoiceLine};
use perennial_store::settlements::{self, SettledBy};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{At, Json, Number};
use crate::ApiError;
use crate::body::Body;
use crate::context::{Context, Visitor};
use crate::describe::{Shape, Takes};
use crate::pay::payment_link_url;
use crate::public_url::PublicUrl;
use crate::v1::envelope::{Success, iso};

/// Characters of the name of a way to pay that are said back at most.
const MAX_METHOD_CHARACTERS: usize = 40;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1PaymentLink")]
pub(crate) struct Made {
    payment_url: String,
    uuid: String,
    expires_at: String,
    created: String,
    message: &'static str,
    invoice: MadeFor,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1PaymentLinkInvoice")]
struct MadeFor {
    id: String,
    status: &'static str,
    currency: String,
    total: Number,
}

/// The link to an unpaid invoice: the one there is, or a new one.
pub(crate) async fn make(
    context: Context,
    PublicUrl(base): PublicUrl,
    At(id): At<InvoiceId>,
    _body: Body,
) -> Result<Success<Made>, ApiError> {
    let MadeLink { link, invoice, is_known } = context.app.make_payment_link(&context.caller, id).await?;
    Ok(context.success(Made {
        payment_url: payment_link_url(&base, &link.uuid),
        uuid: link.uuid,
        expires_at: iso(link.expires_at),
        created: iso(link.created_at),
        message: if is_known { "Using existing active payment link" } else { "New payment link created" },
        invoice: MadeFor {
            id: invoice.id.to_string(),
            status: invoice.status.title(),
            currency: invoice.total.currency.to_string(),
            total: Number::of(&invoice.total.short_amount()),
        },
    }))
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1PaymentLinkStatus")]
pub(crate) struct Status {
    has_active_link: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    view_count: i64,
    last_viewed: Option<String>,
    previous_links: Vec<Previous>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1PreviousPaymentLink")]
struct Previous {
    created_at: String,
    expired: bool,
    invalidated_at: Option<String>,
    invalidation_reason: &'static str,
    views: i64,
}

/// Where the links to an invoice stand.
pub(crate) async fn status(
    context: Context,
    PublicUrl(base): PublicUrl,
    At(id): At<InvoiceId>,
) -> Result<Success<Status>, ApiError> {
    let links = context.app.payment_links(&context.caller, id).await?;
    let active = links.active.as_ref();
    Ok(context.success(Status {
        has_active_link: active.is_some(),
        payment_url: active.map(|link| payment_link_url(&base, &link.uuid)),
        uuid: active.map(|link| link.uuid.clone()),
        expires_at: active.map(|link| iso(link.expires_at)),
        view_count: active.map_or(0, |link| link.views),
        last_viewed: active.and_then(|link| link.last_viewed_at).map(iso),
        previous_links: links.previous.iter().map(previous).collect(),
    }))
}

fn previous(one: &PreviousLink) -> Previous {
    Previous {
        created_at: iso(one.link.created_at),
        expired: one.is_expired,
        invalidated_at: one.invalidated_at.map(iso),
        invalidation_reason: one.reason,
        views: one.link.views,
    }
}

/// What stands in the path of a link. What is no UUID leads nowhere, as an unknown one does.
#[derive(Debug)]
pub(crate) struct AtLink(String);

impl<S: Send + Sync> FromRequestParts<S> for AtLink {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map(|axum::extract::Path(uuid)| uuid).unwrap_or_default()))
    }
}

impl Takes for AtLink {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.path.push(json!({"type": "string", "format": "uuid"}));
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1LinkedInvoiceData")]
pub(crate) struct Opened {
    invoice: Linked,
    token: String,
    is_logged_in: bool,
    client_email: String,
}

/// The types are as documented: amounts are numbers, but for the tax and those of the items.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1LinkedInvoice")]
struct Linked {
    id: String,
    number: String,
    total: Number,
    subtotal: Number,
    tax: String,
    currency: String,
    due_date: String,
    status: &'static str,
    date_created: String,
    amount_paid: Number,
    credit_applied: Number,
    outstanding: Number,
    items: Vec<LinkedItem>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1LinkedInvoiceItem")]
struct LinkedItem {
    description: String,
    amount: String,
    quantity: String,
    price: String,
}

/// The invoice that a link leads to.
pub(crate) async fn open(visitor: Visitor, AtLink(uuid): AtLink) -> Result<Success<Opened>, ApiError> {
    let found = visitor.app.open_payment_link(&uuid).await?.valid()?;
    let FoundLink { seller, ref invoice, .. } = found;
    let mut conn = visitor.app.store.read().await?;
    let lines = invoices::lines(&mut conn, seller, invoice).await?;
    let currency = invoice.total.currency;
    let settled = settlements::of_invoice(&mut conn, seller, invoice.id, currency).await?;
    let by = |by: SettledBy| {
        let minor = settled.iter().filter(|one| one.by == by).map(|one| one.amount.minor).sum();
        Number::of(&Money::new(minor, currency).short_amount())
    };
    let is_logged_in = visitor.may_see(seller, invoice.customer);
    let email = &invoice.buyer.email;
    Ok(visitor.success(Opened {
        token: found.link.uuid.clone(),
        is_logged_in,
        client_email: if is_logged_in { email.clone() } else { masked(email) },
        invoice: Linked {
            id: invoice.id.to_string(),
            number: invoice.number.clone(),
            total: Number::of(&invoice.total.short_amount()),
            subtotal: Number::of(&invoice.net.short_amount()),
            tax: invoice.tax.amount(),
            currency: currency.to_string(),
            due_date: invoice.due_on.to_string(),
            status: invoice.status.title(),
            date_created: invoice.issued_on.to_string(),
            amount_paid: by(SettledBy::Payment),
            credit_applied: by(SettledBy::Credit),
            outstanding: Number::of(&invoice.open.short_amount()),
            items: lines.iter().map(item).collect(),
        },
    }))
}

fn item(line: &InvoiceLine) -> LinkedItem {
    LinkedItem {
        description: line.description.clone(),
        amount: line.net.amount(),
        quantity: line.quantity.to_string(),
        price: line.unit_price.amount(),
    }
}

/// An address of which those who know it see that it is theirs, and others no more than that: `a•••@example.com`.
fn masked(email: &str) -> String {
    match email.split_once('@') {
        Some((local, host)) => format!("{}•••@{host}", local.chars().take(1).collect::<String>()),
        None => String::new(),
    }
}

/// By what it is to be paid.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1LinkPayment")]
pub(crate) struct LinkPayment {
    payment_method: String,
}

/// What the original answers, which then leads to the page of who takes the money.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V1LinkPaymentStarted")]
pub(crate) struct Started {
    payment_method: String,
    session_id: String,
    stripe_session_url: String,
}

/// Refuses to begin a payment: nobody takes any here yet. It says how else it is paid.
pub(crate) async fn pay(
    visitor: Visitor,
    AtLink(uuid): AtLink,
    body: Result<Json<LinkPayment>, ApiError>,
) -> Result<Success<Started>, ApiError> {
    let found = visitor.app.find_payment_link(&uuid).await?.valid()?;
    let Json(LinkPayment { payment_method }) = body?;
    let document = visitor.app.linked_document(&found).await?;
    let ways = document.ways_to_pay(document.to_pay(), Words::of("en"));
    let ways: Vec<String> = ways.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    let instead = match ways.as_slice() {
        [] => format!("Please ask {} how to pay.", document.seller.name),
        ways => format!("Please pay it this way instead: {}.", ways.join(", ")),
    };
    let method: String = payment_method.chars().take(MAX_METHOD_CHARACTERS).collect();
    Err(ApiError::bad_request(format!("The payment method {method:?} is not available. {instead}")))
}
