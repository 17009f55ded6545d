//! `GET /api/vm/{vmid}/autorenew`: whether and when a service renews itself.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use perennial_app::Scope;
use perennial_billing::ServiceStatus;
use serde::Serialize;

use super::path_id;
use crate::ApiError;
use crate::context::Context;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    autorenew: bool,
    autorenew_raw: &'static str,
    next_due: Option<String>,
    next_invoice: Option<String>,
}

/// The switch, the day on which the next period begins, and the day on which the run invoices it.
pub(crate) async fn autorenew(
    context: Context,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadServices)?;
    let (service, _) = context.app.service_of(&context.caller, path_id("vmid", path)?).await?;
    let is_alive = matches!(service.status, ServiceStatus::Active | ServiceStatus::Suspended);
    let is_renewed = service.auto_renew && is_alive && service.ends_on.is_none();
    Ok(context.success(Data {
        autorenew: service.auto_renew,
        autorenew_raw: if service.auto_renew { "1" } else { "0" },
        next_due: service.billed_through.map(|day| day.to_string()),
        next_invoice: service.renew_on.filter(|_| is_renewed).map(|day| day.to_string()),
    }))
}
