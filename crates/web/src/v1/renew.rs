//! `POST /api/services/{accountId}/renew`: the seed of it all.

use perennial_app::{Order, Outcome, Renewed};
use perennial_billing::{InvoiceId, ServiceId};
use perennial_store::sellers::OpenInvoicePolicy;
use schemars::JsonSchema;
use serde::Serialize;

use super::At;
use crate::ApiError;
use crate::body::Body;
use crate::context::Context;
use crate::v1::envelope::Success;

/// The answer, in the documented order.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Renewal {
    success: bool,
    invoice_id: String,
    message: &'static str,
    info: &'static [&'static str],
    service_type: String,
    raw: RenewalRaw,
}

/// The back end's own answer, which the documented API passes through; its names are in snake case.
#[derive(Debug, Serialize, JsonSchema)]
struct RenewalRaw {
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
    At(service): At<ServiceId>,
    _body: Body,
) -> Result<Success<Renewal>, ApiError> {
    // One moment for the answer, whether it is given now or to a repeat.
    let now = context.app.clock.now();
    let answer = Answer { server_time: now.as_second() };
    let envelope = context.envelope(now);
    let once = context.once_renewed(move |renewed| envelope(answer.issued(renewed)));
    let success = |renewal: Renewal| Ok(Success(context.envelope(now)(renewal)));
    match context.renewals.renew_once(context.caller, service, Order::default(), once).await? {
        Outcome::Renewed(renewed) => success(answer.issued(&renewed)),
        Outcome::Open { invoice, service_type, policy: OpenInvoicePolicy::Return } => {
            success(answer.of(invoice, "Renewal invoice already exists", EXISTING, service_type))
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

/// What all answers of one moment have in common.
#[derive(Debug, Clone, Copy)]
struct Answer {
    server_time: i64,
}

impl Answer {
    fn issued(self, renewed: &Renewed) -> Renewal {
        let info = if renewed.mailed { MAILED } else { NOT_MAILED };
        self.of(renewed.invoice.id, "Renewal invoice generated successfully", info, renewed.service_type)
    }

    fn of(
        self,
        invoice: InvoiceId,
        message: &'static str,
        info: &'static [&'static str],
        service_type: i64,
    ) -> Renewal {
        let invoice_id = invoice.to_string();
        let raw = RenewalRaw {
            success: true,
            invoice_id: invoice_id.clone(),
            call: "generateNextInvoice",
            server_time: self.server_time,
            info,
        };
        Renewal { success: true, invoice_id, message, info, service_type: service_type.to_string(), raw }
    }
}
