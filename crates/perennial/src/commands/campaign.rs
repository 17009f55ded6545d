//! `perennial campaign preview|start|list|show|opt-out|undo`.

use anyhow::Result;
use perennial_app::{CampaignEffect, MAX_CAMPAIGN_SERVICES, NewCampaign};
use perennial_billing::campaign::{PriceChange, PriceEnding};
use perennial_billing::{CampaignId, Currency, Money, Rate, ServiceId};
use perennial_store::campaigns::{Campaign, CampaignService, Selection};
use serde::Serialize;

use crate::args::{Args, CampaignCommand, CampaignRules, Format, ListFormat};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

/// Campaigns that are listed at most.
const MAX_LISTED: i64 = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    customer_id: String,
    service_id: String,
    old_price: String,
    new_price: String,
    currency: String,
    first_period: String,
    yearly_difference: String,
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    chosen: usize,
    changed: usize,
    customers: usize,
    left: Vec<Left>,
    yearly_difference: Vec<Yearly>,
    services: Vec<Row>,
}

#[derive(Serialize)]
struct Left {
    reason: String,
    services: usize,
}

#[derive(Serialize)]
struct Yearly {
    currency: String,
    net: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    name: String,
    change: String,
    from: String,
    at: String,
    by: String,
    state: &'static str,
}

/// Looks at a campaign, starts one, or takes one back.
pub async fn run(args: &Args, command: &CampaignCommand) -> Result<Exit> {
    match command {
        CampaignCommand::Preview { rules, format } => {
            let new = read("preview", rules)?;
            let (app, caller) = open::for_staff(args).await?;
            let bar = output::progress_bar("services");
            let effect = app.preview_campaign(caller.seller, &new, |done| bar.set_position(done as u64)).await?;
            bar.finish_and_clear();
            app.store.close().await;
            print_effect(None, &effect, *format)?;
            if effect.services.is_empty() {
                output::note("Nothing would change: to start it would be refused.");
            }
        }
        CampaignCommand::Start { name, rules, format } => {
            let new = read(name, rules)?;
            let (app, caller) = open::for_staff(args).await?;
            let bar = output::progress_bar("services");
            let started = app.start_campaign(&caller, &new, |done| bar.set_position(done as u64)).await;
            bar.finish_and_clear();
            app.store.close().await;
            let (campaign, effect) = started?;
            if format.format == Format::Json {
                print_effect(Some(&campaign), &effect, ListFormat::Json)?;
            }
            output::note(format!(
                "Campaign {} changes {} services of {} customers from {} on; a notice is queued for each customer. Take it back: \
                 perennial campaign undo {}",
                campaign.id,
                effect.services.len(),
                effect.customers,
                campaign.from,
                campaign.id
            ));
        }
        CampaignCommand::List(format) => {
            let (app, caller) = open::for_staff(args).await?;
            let campaigns = app.campaigns(caller.seller, None, MAX_LISTED).await?;
            app.store.close().await;
            let rows = campaigns.iter().map(listed);
            if format.format == Format::Json {
                output::json(&rows.collect::<Vec<_>>())?;
                return Ok(Exit::Done);
            }
            let cells =
                |row: Listed| vec![row.id, row.name, row.change, row.from, row.at, row.by, row.state.to_owned()];
            output::table(&["id", "name", "change", "from", "started", "by", "state"], &[0], rows.map(cells))?;
        }
        CampaignCommand::Show { campaign, format } => {
            let id: CampaignId = open::id("campaign", campaign)?;
            let (app, caller) = open::for_staff(args).await?;
            let limit = i64::try_from(MAX_CAMPAIGN_SERVICES).unwrap_or(i64::MAX);
            let (campaign, services) = app.campaign(caller.seller, id, ServiceId(0), limit).await?;
            app.store.close().await;
            if *format == ListFormat::Table {
                let Listed { name, change, from, state, .. } = listed(&campaign);
                output::note(format!("Campaign {id}, {name}: {change}, from {from}; {state}."));
            }
            print_rows(&services, *format)?;
        }
        CampaignCommand::OptOut { campaign, services } => {
            let id: CampaignId = open::id("campaign", campaign)?;
            let services = services.iter().map(|text| open::id("service", text)).collect::<Result<Vec<_>>>()?;
            let (app, caller) = open::for_staff(args).await?;
            let returned = app.opt_out(&caller, id, &services).await?;
            app.store.close().await;
            output::note(format!("{returned} services have the price again that they had before campaign {id}."));
        }
        CampaignCommand::Undo { campaign } => {
            let id: CampaignId = open::id("campaign", campaign)?;
            let (app, caller) = open::for_staff(args).await?;
            let returned = app.undo_campaign(&caller, id).await?;
            app.store.close().await;
            output::note(format!(
                "Campaign {id} is taken back: {returned} services have the price again that they had."
            ));
        }
    }
    Ok(Exit::Done)
}

fn read(name: &str, rules: &CampaignRules) -> Result<NewCampaign> {
    let currency: Option<Currency> = rules.currency.as_deref().map(|code| open::id("currency", code)).transpose()?;
    let money = |what: &str, text: &str| -> Result<Money> {
        let currency = currency.ok_or_else(|| UsageError(format!("{what} needs --currency")))?;
        Money::parse(text, currency).map_err(|error| UsageError(format!("{what} {text:?}: {error}")).into())
    };
    let change = match (&rules.change.percent, &rules.change.by, &rules.change.to) {
        (Some(percent), _, _) => {
            let rate = Rate::parse_percent(percent);
            PriceChange::Percent(rate.map_err(|error| UsageError(format!("percent {percent:?}: {error}")))?)
        }
        (None, Some(by), _) => PriceChange::By(money("by", by)?),
        (None, None, to) => PriceChange::To(money("to", to.as_deref().unwrap_or_default())?),
    };
    Ok(NewCampaign {
        name: name.to_owned(),
        selection: Selection {
            product: rules.product.as_deref().map(|text| open::id("product", text)).transpose()?,
            cycle: rules.cycle.as_deref().map(|text| open::id("cycle", text)).transpose()?,
            group: rules.group.clone(),
            currency,
        },
        below: rules.below.as_deref().map(|text| money("below", text)).transpose()?,
        above: rules.above.as_deref().map(|text| money("above", text)).transpose()?,
        change,
        ending: rules.ending,
        from: rules.from,
    })
}

fn print_effect(campaign: Option<&Campaign>, effect: &CampaignEffect, format: ListFormat) -> Result<()> {
    match format {
        ListFormat::Csv => print_rows(&effect.services, format),
        ListFormat::Json => output::json(&shown(campaign, effect)),
        ListFormat::Table => {
            print_rows(&effect.services, format)?;
            let shown = shown(campaign, effect);
            output::line(format!(
                "{} of {} services change, of {} customers.",
                shown.changed, shown.chosen, shown.customers
            ))?;
            for yearly in shown.yearly_difference {
                output::line(format!("In a year: {} {}, without VAT.", yearly.net, yearly.currency))?;
            }
            for left in shown.left {
                output::line(format!("{} stay as they are: {}.", left.services, left.reason))?;
            }
            Ok(())
        }
    }
}

fn shown(campaign: Option<&Campaign>, effect: &CampaignEffect) -> Shown {
    let yearly = |sum: &Money| Yearly { currency: sum.currency.to_string(), net: sum.amount() };
    Shown {
        id: campaign.map(|campaign| campaign.id.to_string()),
        name: campaign.map(|campaign| campaign.name.clone()),
        chosen: effect.chosen,
        changed: effect.services.len(),
        customers: effect.customers,
        left: effect
            .left
            .iter()
            .map(|(reason, services)| Left { reason: reason.clone(), services: *services })
            .collect(),
        yearly_difference: effect.yearly.values().map(yearly).collect(),
        services: effect.services.iter().map(row).collect(),
    }
}

fn print_rows(services: &[CampaignService], format: ListFormat) -> Result<()> {
    let rows = services.iter().map(row);
    let head = ["customer", "service", "old", "new", "", "first period", "in a year", "state"];
    let cells = |row: Row| {
        let Row { customer_id, service_id, old_price, new_price, currency, first_period, yearly_difference, state } =
            row;
        let state = state.to_owned();
        vec![customer_id, service_id, old_price, new_price, currency, first_period, yearly_difference, state]
    };
    match format {
        ListFormat::Json => output::json(&rows.collect::<Vec<_>>()),
        ListFormat::Table => output::table(&head, &[0, 1, 2, 3, 6], rows.map(cells)),
        ListFormat::Csv => {
            output::line("customer,service,old,new,currency,first_period,yearly_difference,state")?;
            // Ids, codes, dates and numbers need no quoting.
            rows.map(cells).try_for_each(|cells| output::line(cells.join(",")))
        }
    }
}

fn row(service: &CampaignService) -> Row {
    Row {
        customer_id: service.customer.to_string(),
        service_id: service.service.to_string(),
        old_price: service.old.amount(),
        new_price: service.new.amount(),
        currency: service.old.currency.to_string(),
        first_period: service.first_starts.to_string(),
        yearly_difference: service.yearly.amount(),
        state: service.state.as_str(),
    }
}

fn listed(campaign: &Campaign) -> Listed {
    let change = match campaign.change {
        PriceChange::Percent(rate) => format!("by {rate}"),
        PriceChange::By(money) => format!("by {money}"),
        PriceChange::To(money) => format!("to {money}"),
    };
    let ending = match campaign.ending {
        PriceEnding::Any => String::new(),
        PriceEnding::Hundredths(0) => ", whole".to_owned(),
        PriceEnding::Hundredths(hundredths) => format!(", ending in .{hundredths:02}"),
    };
    Listed {
        id: campaign.id.to_string(),
        name: campaign.name.clone(),
        change: format!("{change}{ending}"),
        from: campaign.from.to_string(),
        at: campaign.at.to_string(),
        by: campaign.actor.clone(),
        state: campaign.state.as_str(),
    }
}
