//! `POST /api/services/{accountId}/renew`: the seed of it all.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use perennial_app::{Outcome, Scope};
use perennial_billing::{InvoiceId, ServiceId};
use perennial_store::sellers::OpenInvoicePolicy;
use serde::Serialize;

use super::{Body, path_id};
use crate::ApiError;
use crate::context::Context;

/// The answer, in the documented order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    success: bool,
    invoice_id: String,
    message: &'static str,
    info: &'static [&'static str],
    service_type: String,
    raw: Raw,
}

/// The back end's own answer, which the documented API passes through; its names are in snake case.
#[derive(Debug, Serialize)]
struct Raw {
    success: bool,
    invoice_id: String,
    call: &'static str,
    server_time: i64,
    info: &'static [&'static str],
}

const MAILED: &[&str] = &["Invoice sent to client", "Invoice generated"];
const NOT_MAILED: &[&str] = &["Invoice generated"];
const EXISTING: &[&str] = &["Existing unpaid invoice returned"];

/// Renews a service. The body is read, so that its limit holds, and ignored.
pub(crate) async fn renew(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _body: Body,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let service: ServiceId = path_id("accountId", path)?;
    let outcome = context.renewals.renew(context.caller, service).await?;
    let answer = |invoice: InvoiceId, message, info, service_type: i64| {
        let invoice_id = invoice.to_string();
        let server_time = context.app.clock.now().as_second();
        let raw = Raw { success: true, invoice_id: invoice_id.clone(), call: "generateNextInvoice", server_time, info };
        context.success(Data { success: true, invoice_id, message, info, service_type: service_type.to_string(), raw })
    };
    match outcome {
        Outcome::Renewed(renewed) => {
            let info = if renewed.mailed { MAILED } else { NOT_MAILED };
            Ok(answer(renewed.invoice.id, "Renewal invoice generated successfully", info, renewed.service_type))
        }
        Outcome::Open { invoice, service_type, policy: OpenInvoicePolicy::Return } => {
            Ok(answer(invoice, "Renewal invoice already exists", EXISTING, service_type))
        }
        Outcome::Open { invoice, policy: OpenInvoicePolicy::Conflict, .. } => {
            Err(ApiError::blocked_by(invoice, "An unpaid renewal invoice exists for this service"))
        }
        Outcome::Refused(refusal) => Err(ApiError::conflict(refusal.to_string())),
        Outcome::PriceUnavailable(reason) => {
            tracing::warn!(%service, reason, "service {service} was not renewed: {reason}");
            Err(ApiError::price_unavailable())
        }
        Outcome::NotFound => Err(ApiError::not_found("Service not found")),
        Outcome::Failed(_) => Err(ApiError::unavailable()),
        Outcome::Planned(_) => Err(ApiError::internal()),
    }
}
