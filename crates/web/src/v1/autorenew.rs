//! `GET /api/vm/{vmid}/autorenew`: whether and when a service renews itself.

use perennial_billing::{ServiceId, ServiceStatus};
use schemars::JsonSchema;
use serde::Serialize;

use super::At;
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AutoRenew {
    autorenew: bool,
    autorenew_raw: &'static str,
    next_due: Option<String>,
    next_invoice: Option<String>,
}

/// The switch, the day on which the next period begins, and the day on which the run invoices it.
pub(crate) async fn autorenew(context: Context, At(service): At<ServiceId>) -> Result<Success<AutoRenew>, ApiError> {
    let (service, _) = context.app.service_of(&context.caller, service).await?;
    let is_alive = matches!(service.status, ServiceStatus::Active | ServiceStatus::Suspended);
    let is_renewed = service.auto_renew && is_alive && service.ends_on.is_none();
    Ok(context.success(AutoRenew {
        autorenew: service.auto_renew,
        autorenew_raw: if service.auto_renew { "1" } else { "0" },
        next_due: service.billed_through.map(|day| day.to_string()),
        next_invoice: service.renew_on.filter(|_| is_renewed).map(|day| day.to_string()),
    }))
}
