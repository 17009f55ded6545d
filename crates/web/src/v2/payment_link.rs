//! `/api/v2/invoices/{id}/payment-link`: the address at which an invoice is paid without a key.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use perennial_app::{MadeLink, PreviousLink};
use perennial_billing::InvoiceId;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use super::ROOT;
use super::invoices::{Summary, now};
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Answers, NoContent, Shape, json_given};
use crate::pay::payment_link_url;
use crate::public_url::PublicUrl;
use crate::wire::{At, Text, maybe};

/// Where the links to an invoice stand.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PaymentLinkStatus")]
pub(crate) struct Status {
    /// Whether a link opens it now.
    has_active_link: bool,
    /// That link.
    payment_url: Option<String>,
    expires_at: Option<Text<Timestamp>>,
    /// How often it was opened.
    view_count: i64,
    last_viewed_at: Option<Text<Timestamp>>,
    /// Those that open it no more, newest first: the last 20.
    previous_links: Vec<Previous>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PreviousPaymentLink")]
struct Previous {
    created_at: Text<Timestamp>,
    /// Whether its time had run out.
    expired: bool,
    /// Since when it opens nothing, where that is known.
    invalidated_at: Option<Text<Timestamp>>,
    /// `replaced`, `revoked`, `expired`, or what became of the invoice, such as `paid`.
    invalidation_reason: &'static str,
    /// How often it was opened.
    views: i64,
}

/// A link, and what it leads to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PaymentLink")]
pub(crate) struct Made {
    payment_url: String,
    expires_at: Text<Timestamp>,
    invoice: Summary,
}

/// A link that is new, or the one that was there.
#[derive(Debug)]
pub(crate) enum LinkAnswer {
    /// 201, with its place.
    New(String, Made),
    /// 200.
    Known(Made),
}

impl IntoResponse for LinkAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::New(place, made) => (StatusCode::CREATED, [(LOCATION, place)], axum::Json(made)).into_response(),
            Self::Known(made) => Answer(made).into_response(),
        }
    }
}

impl Answers for LinkAnswer {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        let mut new = json_given::<Made>("It was made.", schemas);
        new.headers.push(("Location", "Where it stands."));
        shape.answers.insert(201, new);
        shape.answers.insert(200, json_given::<Made>("The link that opens it already.", schemas));
    }
}

/// Where the links to an invoice stand.
pub(crate) async fn status(
    context: Context,
    PublicUrl(base): PublicUrl,
    At(id): At<InvoiceId>,
) -> Result<Answer<Status>, ApiError> {
    let links = context.app.payment_links(&context.caller, id).await?;
    let active = links.active.as_ref();
    Ok(Answer(Status {
        has_active_link: active.is_some(),
        payment_url: active.map(|link| payment_link_url(&base, &link.uuid)),
        expires_at: maybe(active.map(|link| link.expires_at)),
        view_count: active.map_or(0, |link| link.views),
        last_viewed_at: maybe(active.and_then(|link| link.last_viewed_at)),
        previous_links: links.previous.iter().map(previous).collect(),
    }))
}

fn previous(one: &PreviousLink) -> Previous {
    Previous {
        created_at: Text(one.link.created_at),
        expired: one.is_expired,
        invalidated_at: maybe(one.invalidated_at),
        invalidation_reason: one.reason,
        views: one.link.views,
    }
}

/// The link to an unpaid invoice: the one there is, or a new one.
pub(crate) async fn make(
    context: Context,
    PublicUrl(base): PublicUrl,
    At(id): At<InvoiceId>,
) -> Result<LinkAnswer, ApiError> {
    let MadeLink { link, is_known, .. } = context.app.make_payment_link(&context.caller, id).await?;
    let made = Made {
        payment_url: payment_link_url(&base, &link.uuid),
        expires_at: Text(link.expires_at),
        invoice: now(&context, id).await?,
    };
    let place = format!("{ROOT}/invoices/{}/payment-link", Text(id));
    Ok(if is_known { LinkAnswer::Known(made) } else { LinkAnswer::New(place, made) })
}

/// Ends the link before its time.
pub(crate) async fn revoke(context: Context, At(id): At<InvoiceId>) -> Result<NoContent, ApiError> {
    context.app.revoke_payment_link(&context.caller, id).await?;
    Ok(NoContent)
}
