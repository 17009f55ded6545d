//! `GET|POST /api/hosting/{accountId}/billing-cycle`, and the same for `/api/vm/{vmid}`: how often a service is renewed.

use perennial_app::{AppError, ChangeRequest, CycleOffer};
use perennial_billing::{Cycle, ServiceId};
use perennial_store::renewals::Gathered;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{At, Json};
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

/// The back end's letters for cycles; a cycle without one goes by its own code, such as `30d`.
const LETTERS: [(&str, &str); 8] =
    [("d", "1d"), ("w", "1w"), ("m", "1m"), ("q", "3m"), ("s", "6m"), ("a", "1y"), ("b", "2y"), ("t", "3y")];

/// The letter of a cycle.
fn letter(cycle: Cycle) -> String {
    let code = cycle.to_string();
    LETTERS.iter().find(|(_, known)| *known == code).map_or(code, |(letter, _)| (*letter).to_owned())
}

/// The cycle that goes by this letter, code or name.
fn cycle_of(text: &str) -> Option<Cycle> {
    let text = text.trim();
    let code = LETTERS.iter().find(|(letter, _)| letter.eq_ignore_ascii_case(text)).map_or(text, |(_, code)| *code);
    code.parse().ok()
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cycles {
    current: String,
    current_name: String,
    cycles: Vec<CycleOffered>,
    product_id: String,
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_details: Option<AccountDetails>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CycleOffered {
    id: String,
    name: String,
    price: String,
    is_current: bool,
    billing_cycle: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CycleAccount")]
struct AccountDetails {
    name: String,
    domain: String,
    total: String,
}

/// The cycle a hosting service has, and those it can have.
pub(crate) async fn of_hosting(context: Context, At(service): At<ServiceId>) -> Result<Success<Cycles>, ApiError> {
    let (service, offers) = context.app.cycles_of(&context.caller, service).await?;
    let details = AccountDetails {
        name: service.facts.item.name.clone(),
        domain: service.facts.label.clone(),
        total: total(&offers),
    };
    Ok(context.success(cycles(&service, &offers, Some(details))))
}

/// The same for a virtual machine, without the details of the account.
pub(crate) async fn of_vm(context: Context, At(service): At<ServiceId>) -> Result<Success<Cycles>, ApiError> {
    let (service, offers) = context.app.cycles_of(&context.caller, service).await?;
    Ok(context.success(cycles(&service, &offers, None)))
}

fn cycles(service: &Gathered, offers: &[CycleOffer], account_details: Option<AccountDetails>) -> Cycles {
    let current = service.facts.schedule.cycle;
    let offer = |offer: &CycleOffer| CycleOffered {
        id: letter(offer.cycle),
        name: offer.cycle.name(),
        price: offer.price.amount(),
        is_current: offer.is_current,
        billing_cycle: offer.cycle.name(),
    };
    Cycles {
        current: letter(current),
        current_name: current.name(),
        cycles: offers.iter().map(offer).collect(),
        product_id: service.facts.item.product.to_string(),
        account_id: service.facts.service.to_string(),
        account_details,
    }
}

/// What the service costs for a period of the cycle it has.
fn total(offers: &[CycleOffer]) -> String {
    offers.iter().find(|offer| offer.is_current).map_or_else(|| "0.00".to_owned(), |offer| offer.price.amount())
}

/// What to change: `cycle`, or `cycleId` as an earlier version of the documented API has it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewCycle {
    #[serde(alias = "cycleId")]
    cycle: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CycleChanged {
    success: bool,
    message: &'static str,
    new_cycle: String,
    total: String,
    info: [String; 1],
}

/// Changes the cycle of a hosting service: a longer one begins today and is invoiced less what is left of the old one, a
/// shorter one begins with the next renewal.
pub(crate) async fn change_hosting(
    context: Context,
    At(service): At<ServiceId>,
    body: Json<NewCycle>,
) -> Result<Success<CycleChanged>, ApiError> {
    change(context, service, body).await
}

/// The same for a virtual machine.
pub(crate) async fn change_vm(
    context: Context,
    At(service): At<ServiceId>,
    body: Json<NewCycle>,
) -> Result<Success<CycleChanged>, ApiError> {
    change(context, service, body).await
}

async fn change(
    context: Context,
    service: ServiceId,
    Json(wanted): Json<NewCycle>,
) -> Result<Success<CycleChanged>, ApiError> {
    let cycle = cycle_of(&wanted.cycle)
        .ok_or_else(|| ApiError::bad_request("cycle must be one of d, w, m, q, s, a, b, t, or a length such as 30d"))?;
    let (_, offers) = context.app.cycles_of(&context.caller, service).await?;
    let offer = offers.iter().find(|offer| offer.cycle == cycle).ok_or_else(|| {
        let known: Vec<String> = offers.iter().map(|offer| letter(offer.cycle)).collect();
        ApiError::bad_request(format!("This service has no price for that cycle; it has {}", known.join(", ")))
    })?;
    let request = ChangeRequest { cycle: Some(cycle), ..ChangeRequest::default() };
    match context.app.change(&context.caller, service, request).await {
        Ok(_) => Ok(context.success(CycleChanged {
            success: true,
            message: "Billing cycle changed successfully",
            new_cycle: cycle.name(),
            total: offer.price.amount(),
            info: [format!("Account #{service} changes saved")],
        })),
        Err(AppError::NotFound(_)) => Err(ApiError::not_found("Service not found")),
        Err(error) => Err(error.into()),
    }
}
