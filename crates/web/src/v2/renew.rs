//! `POST /api/v2/services/{id}/renew`: one period or several, with all add-ons or with those that are chosen.

use perennial_app::{AppError, Order, Outcome};
use perennial_billing::{AddonId, InvoiceId, ServiceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, invoice};
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Json, Text};

/// How much to renew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRenewal {
    periods: Option<u16>,
    /// All of them, if it is left out.
    addon_ids: Option<Vec<Text<AddonId>>>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceRenewal")]
pub(crate) struct Renewed {
    dry_run: bool,
    service: Text<ServiceId>,
    invoice: Option<Text<InvoiceId>>,
    invoice_number: Option<String>,
    is_mailed: bool,
    billed: Invoice,
}

/// Renews a service, or tells what that would issue.
pub(crate) async fn renew(
    context: Context,
    At(service): At<ServiceId>,
    Json(new): Json<NewRenewal>,
) -> Result<Answer<Renewed>, ApiError> {
    let addons = new.addon_ids.map(|ids| ids.into_iter().map(|Text(id)| id).collect());
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
        service: Text(service),
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
    Ok(Answer(match outcome {
        Outcome::Renewed(renewed) => Renewed {
            invoice: Some(Text(renewed.invoice.id)),
            invoice_number: Some(renewed.invoice.number),
            is_mailed: renewed.mailed,
            ..shown
        },
        _ => shown,
    }))
}
