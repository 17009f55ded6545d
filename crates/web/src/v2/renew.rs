//! `POST /api/v2/services/{id}/renew`: one period or several, with all add-ons or with those that are chosen.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use perennial_app::{AppError, Order, Outcome, Scope};
use perennial_billing::{AddonId, ServiceId};
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, invoice};
use super::{Json, Nothing, Query, body_id, path_id};
use crate::ApiError;
use crate::context::Context;

/// How much to renew.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRenewal {
    periods: Option<u16>,
    addon_ids: Option<Vec<String>>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Renewed {
    dry_run: bool,
    service: String,
    invoice: Option<String>,
    invoice_number: Option<String>,
    is_mailed: bool,
    billed: Invoice,
}

/// Renews a service, or tells what that would issue.
pub(crate) async fn renew(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(new): Json<NewRenewal>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let service: ServiceId = path_id("svc_", path)?;
    let id = |text: &String| body_id::<AddonId>("addonIds", "add_", text);
    let addons = new.addon_ids.map(|ids| ids.iter().map(id).collect::<Result<Vec<_>, _>>()).transpose()?;
    let order = Order { periods: new.periods.unwrap_or(1), addons };
    let outcome = match new.dry_run {
        true => {
            let mut renewals = context.app.preview_ordered(&context.caller, &[service], &order).await?;
            renewals.pop().ok_or_else(ApiError::internal)?.outcome
        }
        false => context.renewals.renew_ordered(context.caller, service, order).await?,
    };
    let shown = Renewed {
        dry_run: new.dry_run,
        service: format!("svc_{service}"),
        invoice: None,
        invoice_number: None,
        is_mailed: false,
        billed: match &outcome {
            Outcome::Renewed(renewed) => invoice(&renewed.plan),
            Outcome::Planned(plan) => invoice(plan),
            Outcome::Open { invoice, .. } => return Err(AppError::Blocked(*invoice).into()),
            Outcome::Refused(refusal) => return Err(ApiError::conflict(refusal.to_string())),
            Outcome::PriceUnavailable(reason) => return Err(AppError::PriceUnavailable(reason.clone()).into()),
            Outcome::NotFound => return Err(ApiError::not_found("Service not found")),
            Outcome::Failed(_) => return Err(ApiError::unavailable()),
        },
    };
    Ok(context.plain(match outcome {
        Outcome::Renewed(renewed) => Renewed {
            invoice: Some(format!("inv_{}", renewed.invoice.id)),
            invoice_number: Some(renewed.invoice.number),
            is_mailed: renewed.mailed,
            ..shown
        },
        _ => shown,
    }))
}
