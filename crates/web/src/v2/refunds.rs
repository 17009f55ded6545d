//! `/api/v2/refunds`: money that went back, out of a customer's credit.

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::NewRefund;
use perennial_billing::{Currency, CustomerId, PaymentId, RefundId};
use perennial_store::payments::Refund;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use crate::ApiError;
use crate::context::Context;
use crate::describe::Created;
use crate::wire::{Amount, Json, Text, maybe};

/// Money that went back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewRefund")]
pub(crate) struct New {
    customer: Text<CustomerId>,
    amount: Amount,
    currency: Text<Currency>,
    /// How it went: `bank`, `card`, a provider's name.
    method: String,
    /// What it is known by there. With the method it is recorded once.
    reference: String,
    /// The payment that it gives back, if it is known.
    payment: Option<Text<PaymentId>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Refund")]
pub(crate) struct Shown {
    id: Text<RefundId>,
    customer: Text<CustomerId>,
    payment: Option<Text<PaymentId>>,
    amount: Amount,
    currency: Text<Currency>,
    method: String,
    reference: String,
    paid_on: Text<Date>,
    /// When it was recorded.
    at: Text<Timestamp>,
    /// Who recorded it.
    actor: String,
}

/// Records money that went back. It is seen among the moves of the customer's credit.
pub(crate) async fn record(context: Context, Json(new): Json<New>) -> Result<Created<Shown>, ApiError> {
    let refund = NewRefund {
        customer: new.customer.0,
        amount: new.amount.read("amount", new.currency.0)?,
        method: new.method,
        reference: new.reference,
        payment: new.payment.map(|Text(payment)| payment),
    };
    let refund = context.app.refund(&context.caller, &refund).await?;
    let place = format!("{ROOT}/customers/{}/credit/moves", Text(refund.customer));
    Ok(Created { place, body: shown(refund) })
}

fn shown(refund: Refund) -> Shown {
    Shown {
        id: Text(refund.id),
        customer: Text(refund.customer),
        payment: maybe(refund.payment),
        amount: refund.amount.into(),
        currency: Text(refund.amount.currency),
        method: refund.method,
        reference: refund.reference,
        paid_on: Text(refund.paid_on),
        at: Text(refund.at),
        actor: refund.actor,
    }
}
