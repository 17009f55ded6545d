//! Price campaigns: what changing the prices of many services would do, doing it, and taking it back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use perennial_billing::campaign::{NoEffect, PriceChange, PriceEnding, effect};
use perennial_billing::renewal::Facts;
use perennial_billing::{CampaignId, CampaignPrice, Currency, CustomerId, Money, PriceRule, SellerId, ServiceId};
use perennial_store::campaigns::{self, Campaign, CampaignService, CampaignState, PriceColumns, Selection};
use perennial_store::ids::{self, IdKind};
use perennial_store::renewals::{self, Gathered, Round};
use perennial_store::{StoreError, Tx};

use crate::error::{check_text, refuse};
use crate::renew::MAX_ATTEMPTS;
use crate::{App, AppError, Caller, Problem, Result};

/// Services that one campaign changes at most.
pub const MAX_CAMPAIGN_SERVICES: usize = 100_000;
/// How far ahead a campaign may begin.
pub const MAX_CAMPAIGN_MONTHS: i32 = 36;
/// Services looked at together.
const PART_SERVICES: usize = 500;
/// Services that are left alone and named in a preview at most; more are only counted.
pub const MAX_CAMPAIGN_REMARKS: usize = 100;
/// Services named in one call to leave them out at most.
pub const MAX_OPT_OUTS: usize = 1_000;

/// What a campaign is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCampaign {
    /// What the seller calls it.
    pub name: String,
    /// Which services it chooses from.
    pub selection: Selection,
    /// Only those that cost less than this.
    pub below: Option<Money>,
    /// Only those that cost more than this.
    pub above: Option<Money>,
    /// How prices are changed.
    pub change: PriceChange,
    /// What they end in.
    pub ending: PriceEnding,
    /// The first day on which a period may begin to be billed at the new price.
    pub from: Date,
}

/// What a campaign does, or would.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CampaignEffect {
    /// How many services were looked at.
    pub chosen: usize,
    /// What becomes of those that it changes, by customer and service.
    pub services: Vec<CampaignService>,
    /// How many are left alone, by reason.
    pub left: BTreeMap<String, usize>,
    /// The first of them.
    pub remarks: Vec<(ServiceId, String)>,
    /// What the difference comes to in a year, by currency, without tax.
    pub yearly: BTreeMap<Currency, Money>,
    /// How many customers have to be told.
    pub customers: usize,
}

impl App {
    /// What a campaign would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// [`AppError::Invalid`], and [`AppError::Conflict`] for too many services.
    pub async fn preview_campaign(
        &self,
        seller: SellerId,
        new: &NewCampaign,
        progress: impl FnMut(usize),
    ) -> Result<CampaignEffect> {
        self.check_campaign(seller, new).await?;
        Ok(self.campaign_effect(seller, new, progress).await?.0)
    }

    /// Changes the prices of all that a campaign chooses, in one transaction, and queues a notice for each customer.
    ///
    /// # Errors
    /// [`AppError::Invalid`]; [`AppError::Conflict`] for too many services, for none, and for a day before which customers
    /// cannot be told in time.
    pub async fn start_campaign(
        &self,
        caller: &Caller,
        new: &NewCampaign,
        mut progress: impl FnMut(usize),
    ) -> Result<(Campaign, CampaignEffect)> {
        self.check_campaign(caller.seller, new).await?;
        let rules = self.seller_rules(caller.seller).await?;
        let today = self.clock.today(&rules.time_zone);
        let earliest = today.saturating_add(Span::new().days(i64::from(rules.price_notice_days)));
        if new.from < earliest {
            return Err(AppError::Conflict(format!(
                "customers have to be told {} days before: begin on {earliest} or later, or set the seller's price notice",
                rules.price_notice_days
            )));
        }
        for _ in 0..MAX_ATTEMPTS {
            let (effect, prices) = self.campaign_effect(caller.seller, new, &mut progress).await?;
            if effect.services.is_empty() {
                return Err(AppError::Conflict(nothing(&effect)));
            }
            match self.commit_campaign(caller, new, &effect, prices, rules.mails_from(self.clock.now())).await {
                Ok(Some(campaign)) => return Ok((campaign, effect)),
                // A service was renewed or changed meanwhile.
                Ok(None) | Err(AppError::Store(StoreError::Retry(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AppError::Contention)
    }

    async fn check_campaign(&self, seller: SellerId, new: &NewCampaign) -> Result<()> {
        let mut problems = Vec::new();
        check_text(&mut problems, "name", &new.name, true);
        let bounds = [("below", new.below), ("above", new.above)];
        let currency = new.change.currency().or(new.selection.currency);
        for (field, bound) in bounds {
            if bound.is_some_and(|bound| Some(bound.currency) != new.selection.currency) {
                problems.push(Problem::new(field, "needs the currency to choose by"));
            }
        }
        if currency != new.selection.currency && new.selection.currency.is_some() {
            problems.push(Problem::new("currency", "is another one than that of the change"));
        }
        if let PriceChange::To(price) = new.change
            && price.minor < 0
        {
            problems.push(Problem::new("to", "must not be negative"));
        }
        if let PriceChange::Percent(rate) = new.change
            && rate.parts_per_million() < -1_000_000
        {
            problems.push(Problem::new("percent", "must not be less than -100"));
        }
        if new.selection.group.as_ref().is_some_and(|group| group.trim().is_empty()) {
            problems.push(Problem::new("group", "is empty: leave it out to choose from all"));
        }
        let today = self.today(seller).await?;
        let latest = today.saturating_add(Span::new().months(MAX_CAMPAIGN_MONTHS));
        if new.from < today || new.from > latest {
            problems.push(Problem::new("from", format!("must be a day from {today} to {latest}")));
        }
        refuse(problems)
    }

    /// What a campaign does to each service, and what their price columns become.
    async fn campaign_effect(
        &self,
        seller: SellerId,
        new: &NewCampaign,
        mut progress: impl FnMut(usize),
    ) -> Result<(CampaignEffect, HashMap<ServiceId, Columns>)> {
        let mut found = CampaignEffect::default();
        let mut prices = HashMap::new();
        let mut customers = BTreeSet::new();
        let limit = i64::try_from(PART_SERVICES).unwrap_or(i64::MAX);
        let mut after = (CustomerId(0), ServiceId(0));
        loop {
            let mut round = Round::look(&self.store).await?;
            let part = campaigns::select(round.conn().await?, seller, &new.selection, after, limit).await?;
            let Some(last) = part.last() else { break };
            after = *last;
            let services: Vec<ServiceId> = part.iter().map(|(_, service)| *service).collect();
            let (_, gathered) = self.gather(&mut round, seller, services).await?;
            for (customer, service) in part {
                let Some(gathered) = gathered.get(&service) else { continue };
                found.chosen += 1;
                match of_one(new, &gathered.facts, customer) {
                    Ok(changed) => {
                        customers.insert(customer);
                        let currency = changed.yearly.currency;
                        let sum = found.yearly.entry(currency).or_insert_with(|| Money::zero(currency));
                        sum.minor = sum.minor.saturating_add(changed.yearly.minor);
                        prices.insert(service, Columns::of(gathered, &changed, new.from));
                        found.services.push(changed);
                    }
                    Err(Left::NotChosen) => found.chosen -= 1,
                    Err(Left::Because(reason)) => {
                        if found.remarks.len() < MAX_CAMPAIGN_REMARKS {
                            found.remarks.push((service, reason.clone()));
                        }
                        *found.left.entry(reason).or_default() += 1;
                    }
                }
            }
            if found.services.len() > MAX_CAMPAIGN_SERVICES {
                return Err(AppError::Conflict(format!(
                    "a campaign changes at most {MAX_CAMPAIGN_SERVICES} services: choose fewer at a time"
                )));
            }
            progress(found.chosen);
        }
        found.customers = customers.len();
        Ok((found, prices))
    }

    /// Writes a campaign; nothing if a service has changed since it was looked at.
    async fn commit_campaign(
        &self,
        caller: &Caller,
        new: &NewCampaign,
        effect: &CampaignEffect,
        prices: HashMap<ServiceId, Columns>,
        notices_from: Timestamp,
    ) -> Result<Option<Campaign>> {
        let seller = caller.seller;
        let mut tx = self.store.begin().await?;
        let campaign = Campaign {
            id: CampaignId(ids::take(&mut tx, IdKind::Campaign, 1).await?[0]),
            name: new.name.clone(),
            change: new.change,
            ending: new.ending,
            from: new.from,
            at: self.clock.now(),
            actor: caller.actor.to_string(),
            state: CampaignState::Planned,
        };
        campaigns::insert(&mut tx, seller, &campaign).await?;
        // Locks are taken in the order of ids.
        let mut services: Vec<&CampaignService> = effect.services.iter().collect();
        services.sort_unstable_by_key(|changed| changed.service);
        for part in services.chunks(PART_SERVICES) {
            let ids: Vec<ServiceId> = part.iter().map(|changed| changed.service).collect();
            let versions = renewals::lock(&mut tx, seller, &ids).await?;
            let mut written = Vec::with_capacity(part.len());
            let mut set = Vec::with_capacity(part.len());
            for changed in part {
                let Some(columns) = prices.get(&changed.service) else { return Ok(None) };
                if versions.get(&changed.service) != Some(&columns.version) {
                    return Ok(None);
                }
                written.push(((*changed).clone(), columns.before));
                set.push((changed.service, columns.after(campaign.id)));
            }
            campaigns::insert_services(&mut tx, seller, campaign.id, &written).await?;
            campaigns::set_prices(&mut tx, seller, &set).await?;
        }
        let customers: BTreeSet<CustomerId> = services.iter().map(|changed| changed.customer).collect();
        let customers: Vec<CustomerId> = customers.into_iter().collect();
        for part in customers.chunks(PART_SERVICES) {
            campaigns::queue_notices(&mut tx, seller, campaign.id, part, (campaign.at, notices_from)).await?;
        }
        self.note(&mut tx, seller, caller, "campaign.started", "campaign", campaign.id.0).await?;
        tx.commit().await?;
        Ok(Some(campaign))
    }

    /// A page of campaigns, newest first, before this one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn campaigns(&self, seller: SellerId, before: Option<CampaignId>, limit: i64) -> Result<Vec<Campaign>> {
        Ok(campaigns::page(&mut self.store.read().await?, seller, before, limit).await?)
    }

    /// A campaign, and a page of its services, by id, after this one.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn campaign(
        &self,
        seller: SellerId,
        id: CampaignId,
        after: ServiceId,
        limit: i64,
    ) -> Result<(Campaign, Vec<CampaignService>)> {
        let mut conn = self.store.read().await?;
        let campaign = campaigns::get(&mut conn, seller, id).await?.ok_or(AppError::NotFound("Campaign"))?;
        let services = campaigns::services(&mut conn, seller, id, after, limit).await?;
        Ok((campaign, services))
    }

    /// Takes a campaign back: every service has the price again that it had before, and notices that wait are called off.
    /// Tells how many services that were.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when it was taken back before, or a period was billed with it.
    pub async fn undo_campaign(&self, caller: &Caller, id: CampaignId) -> Result<usize> {
        let mut tx = self.store.begin().await?;
        campaigns::get(&mut tx, caller.seller, id).await?.ok_or(AppError::NotFound("Campaign"))?;
        if !campaigns::undo(&mut tx, caller.seller, id).await? {
            return Err(AppError::Conflict(format!("Campaign {id} was taken back already")));
        }
        let returned = let_go(&mut tx, caller.seller, id, None, CampaignState::Undone).await?;
        campaigns::call_off_notices(&mut tx, caller.seller, id, self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "campaign.undone", "campaign", id.0).await?;
        tx.commit().await?;
        Ok(returned)
    }

    /// Leaves services out of a campaign: they have the price again that they had before. Tells how many.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a campaign, or a service that is not in it; [`AppError::Conflict`] when a period was billed
    /// with it; [`AppError::Invalid`] for too many at once.
    pub async fn opt_out(&self, caller: &Caller, id: CampaignId, services: &[ServiceId]) -> Result<usize> {
        if services.is_empty() || services.len() > MAX_OPT_OUTS {
            refuse(vec![Problem::new("services", format!("must be from 1 to {MAX_OPT_OUTS}"))])?;
        }
        let mut tx = self.store.begin().await?;
        campaigns::get(&mut tx, caller.seller, id).await?.ok_or(AppError::NotFound("Campaign"))?;
        let named: BTreeSet<ServiceId> = services.iter().copied().collect();
        let named: Vec<ServiceId> = named.into_iter().collect();
        let returned = let_go(&mut tx, caller.seller, id, Some(&named), CampaignState::OptedOut).await?;
        campaigns::call_off_notices(&mut tx, caller.seller, id, self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "campaign.opted_out", "campaign", id.0).await?;
        tx.commit().await?;
        Ok(returned)
    }
}

/// Puts services of a campaign back to what they were: all of them, or those that are named.
async fn let_go(
    tx: &mut Tx,
    seller: SellerId,
    id: CampaignId,
    named: Option<&[ServiceId]>,
    state: CampaignState,
) -> Result<usize> {
    let limit = i64::try_from(PART_SERVICES).unwrap_or(i64::MAX);
    let (mut after, mut seen, mut returned) = (ServiceId(0), 0, 0);
    loop {
        let part = campaigns::returning(tx, seller, id, named, after, limit).await?;
        let Some(last) = part.last() else { break };
        after = last.service;
        seen += part.len();
        if let Some(billed) = part.iter().find(|service| service.is_billed && service.is_its_own) {
            return Err(AppError::Conflict(format!(
                "service {} has been billed at the price of campaign {id}: only what is not billed can be taken back",
                billed.service
            )));
        }
        if let Some(under) = part.iter().find(|service| service.is_built_on) {
            return Err(AppError::Conflict(format!(
                "a later campaign has changed the price of service {}, too: take that one back first",
                under.service
            )));
        }
        // Whoever has another price by now keeps that.
        let back: Vec<(ServiceId, PriceColumns)> =
            part.iter().filter(|s| s.is_its_own).map(|s| (s.service, s.before)).collect();
        campaigns::set_prices(tx, seller, &back).await?;
        returned += back.len();
        let all: Vec<ServiceId> = part.iter().map(|service| service.service).collect();
        campaigns::let_go(tx, seller, id, &all, state).await?;
    }
    match named {
        Some(named) if seen < named.len() => Err(AppError::NotFound("Service in this campaign")),
        _ => Ok(returned),
    }
}

/// Why a service is not changed.
enum Left {
    /// Its price is not within the bounds.
    NotChosen,
    Because(String),
}

fn of_one(new: &NewCampaign, facts: &Facts, customer: CustomerId) -> std::result::Result<CampaignService, Left> {
    let effect = match effect(facts, new.change, new.ending, new.from) {
        Ok(effect) => effect,
        Err(reason) => return Err(Left::Because(reason_of(&reason))),
    };
    let is_below = new.below.is_none_or(|bound| effect.old.minor < bound.minor);
    let is_above = new.above.is_none_or(|bound| effect.old.minor > bound.minor);
    if !is_below || !is_above {
        return Err(Left::NotChosen);
    }
    Ok(CampaignService {
        service: facts.service,
        customer,
        old: effect.old,
        new: effect.new,
        yearly: effect.yearly,
        first_starts: effect.starts,
        state: CampaignState::Planned,
    })
}

fn reason_of(reason: &NoEffect) -> String {
    match reason {
        NoEffect::Refused(perennial_billing::Refusal::NoPrice { .. }) => "it has no price on that day".to_owned(),
        reason => reason.to_string(),
    }
}

/// What a service's price columns were, and what they become.
struct Columns {
    version: i64,
    before: PriceColumns,
    own_price_minor: Option<i64>,
    own_price_through: Option<Date>,
    price_kept_on: Option<Date>,
    minor: i64,
    from: Date,
}

impl Columns {
    fn of(gathered: &Gathered, changed: &CampaignService, from: Date) -> Self {
        let facts = &gathered.facts;
        let before = PriceColumns {
            own_price_minor: match facts.item.rule {
                PriceRule::Own { price, .. } => Some(price.minor),
                PriceRule::Follow | PriceRule::Kept(_) => None,
            },
            own_price_through: match facts.item.rule {
                PriceRule::Own { through, .. } => through,
                PriceRule::Follow | PriceRule::Kept(_) => None,
            },
            price_kept_on: match facts.item.rule {
                PriceRule::Kept(day) => Some(day),
                PriceRule::Follow | PriceRule::Own { .. } => None,
            },
            campaign: facts.item.campaign,
        };
        let mut own = (before.own_price_minor, before.own_price_through, before.price_kept_on);
        // The price of an earlier campaign, which has begun, holds until this one begins: as a price of its own.
        if let Some(earlier) = facts.item.campaign {
            let terms = facts.item.terms(facts.schedule.cycle, facts.currency);
            let follows = facts.item.rule.on(changed.first_starts) == PriceRule::Follow;
            // Or, for what follows the catalogue, until a version that starts before that.
            let ends = facts.prices.iter().map(|version| version.starts).filter(|starts| *starts > earlier.from);
            let ends = ends.filter(|day| terms.version(&facts.prices, *day).is_some_and(|v| v.starts == *day)).min();
            let ends = ends.map_or(changed.first_starts, |day| day.min(changed.first_starts));
            let through = if follows { ends.yesterday().ok() } else { None };
            own = (Some(earlier.minor), through, None);
        }
        let (own_price_minor, own_price_through, price_kept_on) = own;
        let minor = changed.new.minor;
        Self { version: gathered.version, before, own_price_minor, own_price_through, price_kept_on, minor, from }
    }

    fn after(&self, campaign: CampaignId) -> PriceColumns {
        PriceColumns {
            own_price_minor: self.own_price_minor,
            own_price_through: self.own_price_through,
            price_kept_on: self.price_kept_on,
            campaign: Some(CampaignPrice { campaign, minor: self.minor, from: self.from }),
        }
    }
}

/// That a campaign changes nothing, and why.
fn nothing(effect: &CampaignEffect) -> String {
    if effect.chosen == 0 {
        return "the campaign chooses no service: nothing would change".to_owned();
    }
    let reasons: Vec<String> = effect.left.iter().map(|(reason, count)| format!("{count}: {reason}")).collect();
    format!("the campaign changes none of {} services ({})", effect.chosen, reasons.join("; "))
}
