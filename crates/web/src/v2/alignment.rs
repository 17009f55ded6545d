//! `POST /api/v2/customers/{id}/alignment`: services brought to one day.

use jiff::civil::Date;
use perennial_billing::{CustomerId, InvoiceId, ServiceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, invoice};
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Json, Text};

/// To which day, and which services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAlignment {
    day: Text<Date>,
    /// All that can be brought there, if they are not named.
    services: Option<Vec<Text<ServiceId>>>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Alignment")]
pub(crate) struct Shown {
    dry_run: bool,
    services: Vec<Brought>,
    left: Vec<Left>,
    invoice: Option<Text<InvoiceId>>,
    invoice_number: Option<String>,
    billed: Option<Invoice>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AlignedService")]
struct Brought {
    service: Text<ServiceId>,
    next_period_starts: Text<Date>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ServiceLeft")]
struct Left {
    service: Text<ServiceId>,
    reason: String,
}

/// Brings services to a day, or tells what that would bill.
pub(crate) async fn align(
    context: Context,
    At(id): At<CustomerId>,
    Json(new): Json<NewAlignment>,
) -> Result<Answer<Shown>, ApiError> {
    let services = new.services.map(|ids| ids.into_iter().map(|Text(id)| id).collect::<Vec<_>>());
    let (day, services) = (new.day.0, services.as_deref());
    let done = match new.dry_run {
        true => context.app.preview_alignment(&context.caller, id, day, services).await?,
        false => context.app.align(&context.caller, id, day, services).await?,
    };
    let brought =
        |(service, starts): (ServiceId, Date)| Brought { service: Text(service), next_period_starts: Text(starts) };
    let left = |(service, reason): (ServiceId, String)| Left { service: Text(service), reason };
    Ok(Answer(Shown {
        dry_run: new.dry_run,
        services: done.services.into_iter().map(brought).collect(),
        left: done.left.into_iter().map(left).collect(),
        invoice: done.invoice.as_ref().map(|invoice| Text(invoice.id)),
        invoice_number: done.invoice.map(|invoice| invoice.number),
        billed: done.plan.as_ref().map(invoice),
    }))
}
