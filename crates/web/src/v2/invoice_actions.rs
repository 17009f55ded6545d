//! `/api/v2/invoices/{id}/actions/…`: what is done with an invoice once it is issued.

use perennial_app::CreditOf;
use perennial_billing::{Currency, InvoiceId, PeriodNumber, ServiceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::invoices::{Summary, now, visible};
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{Amount, At, Json, Text};

/// What of an invoice is given back: all that is not given back yet, unless the body says otherwise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewCreditNote")]
pub(crate) struct NewCreditNote {
    /// Why, as the customer reads it.
    reason: String,
    /// Only these lines, by their numbers.
    lines: Option<Vec<i64>>,
    /// Only so much, with tax, in the invoice's currency: of each tax its share.
    amount: Option<Amount>,
}

/// How much credit; without an amount, as much as there is and is needed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "CreditToApply")]
pub(crate) struct CreditToApply {
    /// In the invoice's currency.
    amount: Option<Amount>,
}

/// A credit note that was issued.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CreditNoteIssued")]
pub(crate) struct Credited {
    credit_note: Text<InvoiceId>,
    credit_note_number: String,
    currency: Text<Currency>,
    /// What it gives, with tax.
    total: Amount,
    /// What of it the invoice no longer asks for.
    settled: Amount,
    /// What of it became the customer's credit, because it was paid already.
    credited: Amount,
    /// The periods that can be billed again.
    freed: Vec<Freed>,
    /// The invoice as it stands now.
    invoice: Summary,
}

/// A period that can be billed again.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FreedPeriod")]
struct Freed {
    service: Text<ServiceId>,
    /// Its number in the service's schedule, from 0.
    period: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InvoiceVoided")]
pub(crate) struct Voided {
    /// The periods that can be billed again.
    freed: Vec<Freed>,
    /// The invoice as it stands now.
    invoice: Summary,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceWrittenOff")]
pub(crate) struct WrittenOff {
    /// What will not be paid.
    written_off: Amount,
    currency: Text<Currency>,
    /// The invoice as it stands now.
    invoice: Summary,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreditApplied")]
pub(crate) struct Applied {
    /// What was paid with credit.
    applied: Amount,
    currency: Text<Currency>,
    /// The invoice as it stands now.
    invoice: Summary,
}

/// Issues a credit note for an invoice.
pub(crate) async fn credit(
    context: Context,
    At(id): At<InvoiceId>,
    Json(new): Json<NewCreditNote>,
) -> Result<Answer<Credited>, ApiError> {
    let of = match (new.lines, new.amount) {
        (None, None) => CreditOf::Everything,
        (Some(lines), None) => CreditOf::Lines(lines),
        (None, Some(amount)) => CreditOf::Amount(amount.read("amount", currency_of(&context, id).await?)?.minor),
        (Some(_), Some(_)) => return Err(ApiError::invalid_value("amount", "cannot be given together with lines")),
    };
    let noted = context.app.credit_invoice(&context.caller, id, &of, &new.reason).await?;
    Ok(Answer(Credited {
        credit_note: Text(noted.note.id),
        credit_note_number: noted.note.number,
        currency: Text(noted.total.currency),
        total: noted.total.into(),
        settled: noted.settled.into(),
        credited: noted.credited.into(),
        freed: freed(noted.freed),
        invoice: now(&context, id).await?,
    }))
}

/// Voids an invoice that nobody has seen.
pub(crate) async fn void(context: Context, At(id): At<InvoiceId>) -> Result<Answer<Voided>, ApiError> {
    let periods = context.app.void_invoice(&context.caller, id).await?;
    Ok(Answer(Voided { freed: freed(periods), invoice: now(&context, id).await? }))
}

/// Gives up what is still to be paid.
pub(crate) async fn write_off(context: Context, At(id): At<InvoiceId>) -> Result<Answer<WrittenOff>, ApiError> {
    let lost = context.app.write_off(&context.caller, id).await?;
    let invoice = now(&context, id).await?;
    Ok(Answer(WrittenOff { written_off: lost.into(), currency: Text(lost.currency), invoice }))
}

/// Pays an invoice with its customer's credit.
pub(crate) async fn apply_credit(
    context: Context,
    At(id): At<InvoiceId>,
    Json(wanted): Json<CreditToApply>,
) -> Result<Answer<Applied>, ApiError> {
    let minor = match wanted.amount {
        Some(amount) => Some(amount.read("amount", currency_of(&context, id).await?)?.minor),
        None => None,
    };
    let applied = context.app.apply_credit(&context.caller, id, minor).await?;
    let invoice = now(&context, id).await?;
    Ok(Answer(Applied { applied: applied.into(), currency: Text(applied.currency), invoice }))
}

/// The currency of an invoice that the caller may see.
async fn currency_of(context: &Context, id: InvoiceId) -> Result<Currency, ApiError> {
    let mut conn = context.app.store.read().await?;
    Ok(visible(context, &mut conn, id).await?.total.currency)
}

fn freed(periods: Vec<(ServiceId, PeriodNumber)>) -> Vec<Freed> {
    periods.into_iter().map(|(service, PeriodNumber(period))| Freed { service: Text(service), period }).collect()
}
