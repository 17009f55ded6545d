//! `POST /api/v2/services/{id}/actions/renew`: one period or several, with all add-ons or with those that are chosen; and
//! `POST /api/v2/renewals`: many services.

use perennial_app::{AppError, MAX_BATCH_SERVICES, Order, Outcome};
use perennial_billing::renewal::{MAX_CHOSEN_ADDONS, MAX_ORDERED_PERIODS};
use perennial_billing::{AddonId, InvoiceId, Plan, ServiceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preview::{Invoice, invoice};
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Json, List, Text};

/// How much to renew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRenewal {
    /// One, if it is left out.
    #[schemars(range(min = 1, max = MAX_ORDERED_PERIODS))]
    periods: Option<u16>,
    /// All of them, if it is left out.
    #[schemars(length(max = MAX_CHOSEN_ADDONS))]
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
    if new.dry_run {
        let mut renewals = context.app.preview_ordered(&context.caller, &[service], &order).await?;
        let outcome = renewals.pop().ok_or_else(ApiError::internal)?.outcome;
        let Outcome::Planned(plan) = outcome else { return Err(refused(outcome)) };
        return Ok(Answer(planned(service, &plan)));
    }
    let once = context.once_renewed(move |renewed| issued(service, renewed));
    match context.renewals.renew_once(context.caller, service, order, once).await? {
        Outcome::Renewed(renewed) => Ok(Answer(issued(service, &renewed))),
        outcome => Err(refused(outcome)),
    }
}

fn planned(service: ServiceId, plan: &Plan) -> Renewed {
    Renewed {
        dry_run: true,
        service: Text(service),
        invoice: None,
        invoice_number: None,
        is_mailed: false,
        billed: invoice(plan),
    }
}

fn issued(service: ServiceId, renewed: &perennial_app::Renewed) -> Renewed {
    Renewed {
        dry_run: false,
        invoice: Some(Text(renewed.invoice.id)),
        invoice_number: Some(renewed.invoice.number.clone()),
        is_mailed: renewed.mailed,
        ..planned(service, &renewed.plan)
    }
}

/// Why nothing was issued.
fn refused(outcome: Outcome) -> ApiError {
    match outcome {
        Outcome::Open { invoice, .. } => AppError::Blocked(invoice).into(),
        Outcome::Refused(refusal) => ApiError::conflict(refusal.to_string()),
        Outcome::PriceUnavailable(reason) => AppError::PriceUnavailable(reason).into(),
        Outcome::NotFound => ApiError::not_found("Service not found"),
        Outcome::Failed(_) => ApiError::unavailable(),
        Outcome::Renewed(_) | Outcome::Planned(_) => ApiError::internal(),
    }
}

/// Which services to renew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewRenewals")]
pub(crate) struct Many {
    /// Each of them for its next period, with all add-ons.
    #[schemars(length(min = 1, max = MAX_BATCH_SERVICES))]
    services: Vec<Text<ServiceId>>,
    /// Only tell what would be issued.
    #[serde(default)]
    dry_run: bool,
}

/// What became of one of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RenewalOutcome")]
pub(crate) struct OfOne {
    service: Text<ServiceId>,
    #[schemars(extend("enum" = ["renewed", "planned", "existing_invoice", "refused", "price_unavailable", "not_found", "failed"]))]
    outcome: &'static str,
    /// The invoice that was issued, or the one that is in the way.
    invoice: Option<Text<InvoiceId>>,
    invoice_number: Option<String>,
    is_mailed: bool,
    /// Why nothing was issued.
    reason: Option<String>,
    billed: Option<Invoice>,
}

/// Renews many services, each by itself: one that is refused takes nothing down with it.
pub(crate) async fn renew_many(context: Context, Json(new): Json<Many>) -> Result<Answer<List<OfOne>>, ApiError> {
    let services: Vec<ServiceId> = new.services.into_iter().map(|Text(id)| id).collect();
    if services.is_empty() || services.len() > MAX_BATCH_SERVICES {
        return Err(ApiError::bad_request(format!("services must be from 1 to {MAX_BATCH_SERVICES}")));
    }
    let renewals = match new.dry_run {
        true => context.app.preview_renewal(&context.caller, &services).await?,
        false => context.app.renew(&context.caller, &services).await?,
    };
    Ok(Answer(List::of(renewals, |renewal| of_one(renewal.service, &renewal.outcome))))
}

fn of_one(service: ServiceId, outcome: &Outcome) -> OfOne {
    let one = |outcome, reason: Option<String>| OfOne {
        service: Text(service),
        outcome,
        invoice: None,
        invoice_number: None,
        is_mailed: false,
        reason,
        billed: None,
    };
    match outcome {
        Outcome::Renewed(renewed) => OfOne {
            invoice: Some(Text(renewed.invoice.id)),
            invoice_number: Some(renewed.invoice.number.clone()),
            is_mailed: renewed.mailed,
            billed: Some(invoice(&renewed.plan)),
            ..one("renewed", None)
        },
        Outcome::Planned(plan) => OfOne { billed: Some(invoice(plan)), ..one("planned", None) },
        Outcome::Open { invoice, .. } => OfOne {
            invoice: Some(Text(*invoice)),
            ..one("existing_invoice", Some("an unpaid renewal invoice exists for this service".to_owned()))
        },
        Outcome::Refused(refusal) => one("refused", Some(refusal.to_string())),
        // The reason is for the log and for staff.
        Outcome::PriceUnavailable(_) => one("price_unavailable", Some("its price could not be refreshed".to_owned())),
        Outcome::NotFound => one("not_found", Some("Service not found".to_owned())),
        Outcome::Failed(_) => one("failed", Some("it could not be settled now; try again".to_owned())),
    }
}
