//! `/api/v2/campaigns`: changing the prices of many services, and taking that back.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use perennial_app::{CampaignEffect, NewCampaign, Scope};
use perennial_billing::campaign::{PriceChange, PriceEnding};
use perennial_billing::{CampaignId, Currency, Money, Rate, ServiceId};
use perennial_store::campaigns::{Campaign, CampaignService, Selection};
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::{Json, Nothing, Page, Paging, Query, body_id, body_value, path_id};
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::iso;

const PREFIX: &str = "cmp_";

/// Services that are shown with the effect of a campaign at most; the others are found by page.
const MAX_SERVICES_SHOWN: usize = 100;

/// Which services, and how their prices change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct New {
    name: String,
    product: Option<String>,
    cycle: Option<String>,
    group: Option<String>,
    currency: Option<String>,
    below: Option<String>,
    above: Option<String>,
    percent: Option<String>,
    by: Option<String>,
    to: Option<String>,
    ending: Option<u8>,
    from: Day,
    #[serde(default)]
    dry_run: bool,
}

/// Services to leave out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OptOut {
    services: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Effect {
    dry_run: bool,
    campaign: Option<Shown>,
    chosen: usize,
    changed: usize,
    customers: usize,
    left: Vec<Left>,
    yearly_difference: Vec<Yearly>,
    /// The first of them.
    services: Vec<OfService>,
}

#[derive(Debug, Serialize)]
struct Left {
    reason: String,
    services: usize,
}

#[derive(Debug, Serialize)]
struct Yearly {
    currency: String,
    net: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfService {
    service: String,
    customer: String,
    old_price: String,
    new_price: String,
    currency: String,
    first_period_starts: Date,
    yearly_difference: String,
    state: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    percent: Option<String>,
    by: Option<String>,
    to: Option<String>,
    currency: Option<String>,
    ending: Option<u8>,
    from: Date,
    at: String,
    actor: String,
    state: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Returned {
    returned: usize,
}

/// Starts a campaign, or tells what it would do.
pub(crate) async fn start(context: Context, _: Query<Nothing>, Json(new): Json<New>) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    let dry_run = new.dry_run;
    let new = read(new)?;
    let (campaign, effect) = match dry_run {
        true => (None, context.app.preview_campaign(context.caller.seller, &new, |_| {}).await?),
        false => {
            let (campaign, effect) = context.app.start_campaign(&context.caller, &new, |_| {}).await?;
            (Some(campaign), effect)
        }
    };
    Ok(context.plain(shown_effect(dry_run, campaign, &effect)))
}

/// A page of campaigns, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let limit = paging.limit()?;
    let page = context.app.campaigns(context.caller.seller, paging.cursor.map(CampaignId), limit + 1).await?;
    Ok(context.plain(Page::of(page, limit, |campaign| campaign.id.0, |campaign| shown(&campaign))))
}

/// One campaign.
pub(crate) async fn detail(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let (campaign, _) = context.app.campaign(context.caller.seller, path_id(PREFIX, path)?, ServiceId(0), 1).await?;
    Ok(context.plain(shown(&campaign)))
}

/// A page of its services, by id.
pub(crate) async fn services(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    Query(paging): Query<Paging>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let limit = paging.limit()?;
    let after = ServiceId(paging.cursor.unwrap_or(0));
    let (_, page) = context.app.campaign(context.caller.seller, path_id(PREFIX, path)?, after, limit + 1).await?;
    Ok(context.plain(Page::of(page, limit, |service| service.service.0, |service| of_service(&service))))
}

/// Leaves services out of a campaign.
pub(crate) async fn opt_out(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(out): Json<OptOut>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    let id = |text: &String| body_id::<ServiceId>("services", "svc_", text);
    let services = out.services.iter().map(id).collect::<Result<Vec<_>, _>>()?;
    let returned = context.app.opt_out(&context.caller, path_id(PREFIX, path)?, &services).await?;
    Ok(context.plain(Returned { returned }))
}

/// Takes a campaign back.
pub(crate) async fn undo(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    context.app.undo_campaign(&context.caller, path_id(PREFIX, path)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read(new: New) -> Result<NewCampaign, ApiError> {
    let currency: Option<Currency> = new.currency.as_deref().map(|text| body_value("currency", text)).transpose()?;
    let money = |field: &str, text: &str| {
        let currency = currency.ok_or_else(|| ApiError::bad_request(format!("{field} needs currency")))?;
        Money::parse(text, currency).map_err(|error| ApiError::bad_request(format!("{field}: {error}")))
    };
    let change = match (&new.percent, &new.by, &new.to) {
        (Some(percent), None, None) => {
            let rate = Rate::parse_percent(percent);
            PriceChange::Percent(rate.map_err(|error| ApiError::bad_request(format!("percent: {error}")))?)
        }
        (None, Some(by), None) => PriceChange::By(money("by", by)?),
        (None, None, Some(to)) => PriceChange::To(money("to", to)?),
        _ => return Err(ApiError::bad_request("say how prices change: one of percent, by and to")),
    };
    let ending = match new.ending {
        None => PriceEnding::Any,
        Some(hundredths @ 0..=99) => PriceEnding::Hundredths(hundredths),
        Some(_) => return Err(ApiError::bad_request("ending must be hundredths, from 0 to 99")),
    };
    Ok(NewCampaign {
        selection: Selection {
            product: new.product.as_deref().map(|text| body_id("product", "prd_", text)).transpose()?,
            cycle: new.cycle.as_deref().map(|text| body_value("cycle", text)).transpose()?,
            group: new.group,
            currency,
        },
        below: new.below.as_deref().map(|text| money("below", text)).transpose()?,
        above: new.above.as_deref().map(|text| money("above", text)).transpose()?,
        name: new.name,
        change,
        ending,
        from: new.from.0,
    })
}

fn shown_effect(dry_run: bool, campaign: Option<Campaign>, effect: &CampaignEffect) -> Effect {
    let yearly = |sum: &Money| Yearly { currency: sum.currency.to_string(), net: sum.amount() };
    Effect {
        dry_run,
        campaign: campaign.as_ref().map(shown),
        chosen: effect.chosen,
        changed: effect.services.len(),
        customers: effect.customers,
        left: effect
            .left
            .iter()
            .map(|(reason, services)| Left { reason: reason.clone(), services: *services })
            .collect(),
        yearly_difference: effect.yearly.values().map(yearly).collect(),
        services: effect.services.iter().take(MAX_SERVICES_SHOWN).map(of_service).collect(),
    }
}

fn of_service(service: &CampaignService) -> OfService {
    OfService {
        service: format!("svc_{}", service.service),
        customer: format!("cus_{}", service.customer),
        old_price: service.old.amount(),
        new_price: service.new.amount(),
        currency: service.old.currency.to_string(),
        first_period_starts: service.first_starts,
        yearly_difference: service.yearly.amount(),
        state: service.state.as_str(),
    }
}

fn shown(campaign: &Campaign) -> Shown {
    let (mut percent, mut by, mut to) = (None, None, None);
    match campaign.change {
        PriceChange::Percent(rate) => percent = Some(rate.percent()),
        PriceChange::By(money) => by = Some(money.amount()),
        PriceChange::To(money) => to = Some(money.amount()),
    }
    Shown {
        id: format!("{PREFIX}{}", campaign.id),
        name: campaign.name.clone(),
        percent,
        by,
        to,
        currency: campaign.change.currency().map(|currency| currency.to_string()),
        ending: match campaign.ending {
            PriceEnding::Any => None,
            PriceEnding::Hundredths(hundredths) => Some(hundredths),
        },
        from: campaign.from,
        at: iso(campaign.at),
        actor: campaign.actor.clone(),
        state: campaign.state.as_str(),
    }
}
