//! `/api/v2/campaigns`: changing the prices of many services, and taking that back.

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::{CampaignEffect, NewCampaign};
use perennial_billing::campaign::{PriceChange, PriceEnding};
use perennial_billing::{CampaignId, Currency, CustomerId, Cycle, Money, ProductId, Rate, ServiceId};
use perennial_store::campaigns::{Campaign, CampaignService, Selection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, NoContent};
use crate::wire::{Amount, At, Json, Page, Paging, Query, Text, maybe};

/// Services that are shown with the effect of a campaign at most; the others are found by page.
const MAX_SERVICES_SHOWN: usize = 100;

/// Which services, and how their prices change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewPriceCampaign {
    name: String,
    product: Option<Text<ProductId>>,
    cycle: Option<Text<Cycle>>,
    /// Of customers.
    group: Option<String>,
    currency: Option<Text<Currency>>,
    /// Only prices below this one.
    below: Option<Amount>,
    /// Only prices above this one.
    above: Option<Amount>,
    percent: Option<Text<Rate>>,
    by: Option<Amount>,
    to: Option<Amount>,
    /// What the hundredths of a price become.
    #[schemars(range(max = 99))]
    ending: Option<u8>,
    from: Text<Date>,
    #[serde(default)]
    dry_run: bool,
}

/// Services to leave out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CampaignOptOut {
    services: Vec<Text<ServiceId>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CampaignEffect")]
pub(crate) struct Effect {
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

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ServicesLeft")]
struct Left {
    reason: String,
    services: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "YearlyDifference")]
struct Yearly {
    currency: Text<Currency>,
    net: Amount,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CampaignService")]
pub(crate) struct OfService {
    service: Text<ServiceId>,
    customer: Text<CustomerId>,
    old_price: Amount,
    new_price: Amount,
    currency: Text<Currency>,
    first_period_starts: Text<Date>,
    yearly_difference: Amount,
    state: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Campaign")]
pub(crate) struct Shown {
    id: Text<CampaignId>,
    name: String,
    percent: Option<Text<Rate>>,
    by: Option<Amount>,
    to: Option<Amount>,
    currency: Option<Text<Currency>>,
    ending: Option<u8>,
    from: Text<Date>,
    at: Text<Timestamp>,
    actor: String,
    state: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PricesReturned")]
pub(crate) struct Returned {
    returned: usize,
}

/// Starts a campaign, or tells what it would do.
pub(crate) async fn start(context: Context, Json(new): Json<NewPriceCampaign>) -> Result<Answer<Effect>, ApiError> {
    let dry_run = new.dry_run;
    let new = read(new)?;
    let (campaign, effect) = match dry_run {
        true => (None, context.app.preview_campaign(context.caller.seller, &new, |_| {}).await?),
        false => {
            let (campaign, effect) = context.app.start_campaign(&context.caller, &new, |_| {}).await?;
            (Some(campaign), effect)
        }
    };
    Ok(Answer(shown_effect(dry_run, campaign, &effect)))
}

/// A page of campaigns, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Shown>>, ApiError> {
    let limit = paging.limit();
    let page = context.app.campaigns(context.caller.seller, paging.after()?.map(CampaignId), limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |campaign| campaign.id.0, |campaign| shown(&campaign))))
}

/// One campaign.
pub(crate) async fn detail(context: Context, At(id): At<CampaignId>) -> Result<Answer<Shown>, ApiError> {
    let (campaign, _) = context.app.campaign(context.caller.seller, id, ServiceId(0), 1).await?;
    Ok(Answer(shown(&campaign)))
}

/// A page of its services, by id.
pub(crate) async fn services(
    context: Context,
    At(id): At<CampaignId>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Page<OfService>>, ApiError> {
    let limit = paging.limit();
    let after = ServiceId(paging.after()?.unwrap_or(0));
    let (_, page) = context.app.campaign(context.caller.seller, id, after, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |service| service.service.0, |service| of_service(&service))))
}

/// Leaves services out of a campaign.
pub(crate) async fn opt_out(
    context: Context,
    At(id): At<CampaignId>,
    Json(out): Json<CampaignOptOut>,
) -> Result<Answer<Returned>, ApiError> {
    let services: Vec<ServiceId> = out.services.into_iter().map(|Text(id)| id).collect();
    let returned = context.app.opt_out(&context.caller, id, &services).await?;
    Ok(Answer(Returned { returned }))
}

/// Takes a campaign back.
pub(crate) async fn undo(context: Context, At(id): At<CampaignId>) -> Result<NoContent, ApiError> {
    context.app.undo_campaign(&context.caller, id).await?;
    Ok(NoContent)
}

fn read(new: NewPriceCampaign) -> Result<NewCampaign, ApiError> {
    let currency = new.currency.map(|Text(currency)| currency);
    let money = |field: &'static str, amount: &Amount| {
        amount.read(field, currency.ok_or_else(|| ApiError::invalid_value(field, "needs currency"))?)
    };
    let change = match (&new.percent, &new.by, &new.to) {
        (Some(Text(percent)), None, None) => PriceChange::Percent(*percent),
        (None, Some(by), None) => PriceChange::By(money("by", by)?),
        (None, None, Some(to)) => PriceChange::To(money("to", to)?),
        _ => return Err(ApiError::invalid_value("percent", "say how prices change: one of percent, by and to")),
    };
    let ending = match new.ending {
        None => PriceEnding::Any,
        Some(hundredths @ 0..=99) => PriceEnding::Hundredths(hundredths),
        Some(_) => return Err(ApiError::invalid_value("ending", "must be hundredths, from 0 to 99")),
    };
    Ok(NewCampaign {
        selection: Selection {
            product: new.product.map(|Text(product)| product),
            cycle: new.cycle.map(|Text(cycle)| cycle),
            group: new.group,
            currency,
        },
        below: new.below.as_ref().map(|amount| money("below", amount)).transpose()?,
        above: new.above.as_ref().map(|amount| money("above", amount)).transpose()?,
        name: new.name,
        change,
        ending,
        from: new.from.0,
    })
}

fn shown_effect(dry_run: bool, campaign: Option<Campaign>, effect: &CampaignEffect) -> Effect {
    let yearly = |sum: &Money| Yearly { currency: Text(sum.currency), net: (*sum).into() };
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
        service: Text(service.service),
        customer: Text(service.customer),
        old_price: service.old.into(),
        new_price: service.new.into(),
        currency: Text(service.old.currency),
        first_period_starts: Text(service.first_starts),
        yearly_difference: service.yearly.into(),
        state: service.state.as_str(),
    }
}

fn shown(campaign: &Campaign) -> Shown {
    let (mut percent, mut by, mut to) = (None, None, None);
    match campaign.change {
        PriceChange::Percent(rate) => percent = Some(Text(rate)),
        PriceChange::By(money) => by = Some(money.into()),
        PriceChange::To(money) => to = Some(money.into()),
    }
    Shown {
        id: Text(campaign.id),
        name: campaign.name.clone(),
        percent,
        by,
        to,
        currency: maybe(campaign.change.currency()),
        ending: match campaign.ending {
            PriceEnding::Any => None,
            PriceEnding::Hundredths(hundredths) => Some(hundredths),
        },
        from: Text(campaign.from),
        at: Text(campaign.at),
        actor: campaign.actor.clone(),
        state: campaign.state.as_str(),
    }
}
