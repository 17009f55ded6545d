//! `/api/v2/payments`: money that came in.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::{NewPayment, Recorded};
use perennial_billing::{Currency, CustomerId, InvoiceId, Money, PaymentId};
use perennial_store::payments::{self, Payment};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{ROOT, whose};
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Answers, Shape, json_given};
use crate::wire::{Amount, At, Cursor, Json, Limit, Page, Paging, Query, Text};

/// Whose payments, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaymentsWanted {
    customer: Option<Text<CustomerId>>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// Money that came in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewPayment")]
pub(crate) struct New {
    customer: Text<CustomerId>,
    amount: Amount,
    currency: Text<Currency>,
    /// How it came: `bank`, `card`, a provider's name.
    method: String,
    /// The payer's or the provider's own word for it. With the method it is recorded once.
    reference: String,
    /// The day on which it was paid; today without it.
    paid_on: Option<Text<Date>>,
    /// What it pays, in this order; without, what is owed the longest first. Deposits are only paid when they are named.
    #[serde(default)]
    invoices: Vec<Text<InvoiceId>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Payment")]
pub(crate) struct Shown {
    id: Text<PaymentId>,
    customer: Text<CustomerId>,
    amount: Amount,
    currency: Text<Currency>,
    /// How it came.
    method: String,
    /// The payer's or the provider's own word for it.
    reference: String,
    paid_on: Text<Date>,
    /// When it was recorded.
    at: Text<Timestamp>,
    /// Who recorded it.
    actor: String,
}

/// A payment, and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PaymentDetail")]
pub(crate) struct Detail {
    #[serde(flatten)]
    payment: Shown,
    /// What it paid of which invoices.
    paid: Vec<Paid>,
    /// What was more than that, and became the customer's credit.
    credited: Amount,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PaidInvoice")]
struct Paid {
    invoice: Text<InvoiceId>,
    amount: Amount,
}

/// A payment that is recorded.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PaymentRecorded")]
pub(crate) struct Outcome {
    #[serde(flatten)]
    detail: Detail,
    /// Whether it was known already; then nothing was done.
    is_known: bool,
}

/// A payment that is new, or one that was known by its method and reference.
#[derive(Debug)]
pub(crate) enum PaymentAnswer {
    /// 201, with its place.
    New(String, Outcome),
    /// 200.
    Known(Outcome),
}

impl IntoResponse for PaymentAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::New(place, outcome) => {
                (StatusCode::CREATED, [(LOCATION, place)], axum::Json(outcome)).into_response()
            }
            Self::Known(outcome) => Answer(outcome).into_response(),
        }
    }
}

impl Answers for PaymentAnswer {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        let mut new = json_given::<Outcome>("It is recorded.", schemas);
        new.headers.push(("Location", "Where it is."));
        shape.answers.insert(201, new);
        let known = "It was recorded before: what became of it. Nothing was done again.";
        shape.answers.insert(200, json_given::<Outcome>(known, schemas));
    }
}

/// A page of payments, newest first.
pub(crate) async fn list(
    context: Context,
    Query(wanted): Query<PaymentsWanted>,
) -> Result<Answer<Page<Shown>>, ApiError> {
    let customer = whose(&context, wanted.customer)?;
    let paging = Paging::of(wanted.limit, wanted.cursor);
    let (seller, limit) = (context.caller.seller, paging.limit());
    let before = paging.after()?.map(PaymentId);
    let mut conn = context.app.store.read().await?;
    let found = payments::newest(&mut conn, seller, customer, before, limit + 1).await?;
    Ok(Answer(Page::of(found, limit, |payment| payment.id.0, shown)))
}

/// One payment.
pub(crate) async fn detail(context: Context, At(id): At<PaymentId>) -> Result<Answer<Detail>, ApiError> {
    let Recorded { payment, paid, credited, .. } = context.app.payment(&context.caller, id).await?;
    Ok(Answer(outcome(payment, &paid, credited)))
}

/// Records money that came in.
pub(crate) async fn record(context: Context, Json(new): Json<New>) -> Result<PaymentAnswer, ApiError> {
    let payment = NewPayment {
        customer: new.customer.0,
        amount: new.amount.read("amount", new.currency.0)?,
        method: new.method,
        reference: new.reference,
        paid_on: new.paid_on.map(|Text(day)| day),
        invoices: new.invoices.into_iter().map(|Text(id)| id).collect(),
    };
    let recorded = context.app.record_payment(&context.caller, &payment).await?;
    let Recorded { payment, paid, credited, is_known } = recorded;
    let place = format!("{ROOT}/payments/{}", Text(payment.id));
    let outcome = Outcome { detail: outcome(payment, &paid, credited), is_known };
    Ok(if is_known { PaymentAnswer::Known(outcome) } else { PaymentAnswer::New(place, outcome) })
}

fn shown(payment: Payment) -> Shown {
    Shown {
        id: Text(payment.id),
        customer: Text(payment.customer),
        amount: payment.amount.into(),
        currency: Text(payment.amount.currency),
        method: payment.method,
        reference: payment.reference,
        paid_on: Text(payment.paid_on),
        at: Text(payment.at),
        actor: payment.actor,
    }
}

fn outcome(payment: Payment, paid: &[(InvoiceId, Money)], credited: Money) -> Detail {
    let paid = paid.iter().map(|(invoice, amount)| Paid { invoice: Text(*invoice), amount: (*amount).into() });
    Detail { paid: paid.collect(), credited: credited.into(), payment: shown(payment) }
}
