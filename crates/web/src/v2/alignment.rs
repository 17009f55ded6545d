//! `POST /api/v2/customers/{id}/alignment`: services brought to one day.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use jiff::civil::Date;
use perennial_app::Scope;
use perennial_billing::{CustomerId, ServiceId};
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::preview::{Invoice, invoice};
use super::{Json, Nothing, Query, body_id, path_id};
use crate::ApiError;
use crate::context::Context;

/// To which day, and which services.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct New {
    day: Day,
    services: Option<Vec<String>>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    dry_run: bool,
    services: Vec<Brought>,
    left: Vec<Left>,
    invoice: Option<String>,
    invoice_number: Option<String>,
    billed: Option<Invoice>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Brought {
    service: String,
    next_period_starts: Date,
}

#[derive(Debug, Serialize)]
struct Left {
    service: String,
    reason: String,
}

/// Brings services to a day, or tells what that would bill.
pub(crate) async fn align(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(new): Json<New>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let customer: CustomerId = path_id("cus_", path)?;
    let id = |text: &String| body_id::<ServiceId>("services", "svc_", text);
    let services = new.services.as_ref().map(|ids| ids.iter().map(id).collect::<Result<Vec<_>, _>>()).transpose()?;
    let (day, services) = (new.day.0, services.as_deref());
    let done = match new.dry_run {
        true => context.app.preview_alignment(&context.caller, customer, day, services).await?,
        false => context.app.align(&context.caller, customer, day, services).await?,
    };
    let brought = |(service, starts): (ServiceId, Date)| Brought {
        service: format!("svc_{service}"),
        next_period_starts: starts,
    };
    let left = |(service, reason): (ServiceId, String)| Left { service: format!("svc_{service}"), reason };
    Ok(context.plain(Shown {
        dry_run: new.dry_run,
        services: done.services.into_iter().map(brought).collect(),
        left: done.left.into_iter().map(left).collect(),
        invoice: done.invoice.as_ref().map(|invoice| format!("inv_{}", invoice.id)),
        invoice_number: done.invoice.map(|invoice| invoice.number),
        billed: done.plan.as_ref().map(invoice),
    }))
}
