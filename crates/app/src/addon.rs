//! Selling an add-on of a service, in the middle of a period or not, changing one and ending one.

use jiff::civil::Date;
use perennial_billing::change::{Sold, addon_sold};
use perennial_billing::renewal::{self, Facts, Item, Plan, Term};
use perennial_billing::{
    AddonId, Cycle, Money, PeriodNumber, PriceRule, PriceSource, ProductId, Quantity, Schedule, SellerId,
    ServiceChangeId, ServiceId,
};
use perennial_store::addons::{self, Addon};
use perennial_store::changes::{self, ServiceChange};
use perennial_store::ids::{self, IdKind};
use perennial_store::products::{self, Product};
use perennial_store::renewals::{Round, WrittenInvoice};
use perennial_store::{StoreError, Tx, renewals, services};

use crate::change::{Found, refused, unchanged};
use crate::error::refuse;
use crate::fed::{Fed, fill_in, missing_prices};
use crate::renew::MAX_ATTEMPTS;
use crate::service::{quantity_and_price, visible};
use crate::{Actor, App, AppError, Caller, Problem, Result};

/// What is needed to sell an add-on.
#[derive(Debug, Clone, Copy)]
pub struct NewAddon {
    /// On which service.
    pub service: ServiceId,
    /// What.
    pub product: ProductId,
    /// How many.
    pub quantity: Quantity,
    /// A price of its own for one, in minor units of the customer's currency.
    pub own_price_minor: Option<i64>,
    /// A cycle of its own; without one, it is billed for the periods of its service.
    pub cycle: Option<Cycle>,
}

/// An add-on as it was sold, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonSold {
    /// The add-on; without an id of its own, 0, if nothing was written.
    pub addon: Addon,
    /// What is billed now; none if it is billed with the next renewal.
    pub plan: Option<Plan>,
    /// The invoice; none if there is none, or nothing was written.
    pub invoice: Option<WrittenInvoice>,
}

impl NewAddon {
    /// What cannot be accepted about it.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = quantity_and_price(self.quantity, self.own_price_minor);
        if let Some(cycle) = self.cycle.filter(|cycle| !cycle.is_recurring()) {
            let reason = format!("must recur, which {cycle} does not; leave it out to bill it with its service");
            problems.push(Problem::new("cycle", reason));
        }
        problems
    }

    /// It under its id, before it is billed.
    pub(crate) fn row(&self, id: AddonId) -> Addon {
        Addon {
            id,
            service: self.service,
            product: self.product,
            quantity: self.quantity,
            own_price_minor: self.own_price_minor,
            term: None,
            active: true,
        }
    }
}

impl App {
    /// Sells an add-on. What is billed of its service already is billed for the add-on now, from today on; without a cycle
    /// of its own, it is billed with its service from then on.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or product, [`AppError::Conflict`] for a service that is not renewed,
    /// [`AppError::Invalid`] and [`AppError::PriceUnavailable`].
    pub async fn sell_addon(&self, caller: &Caller, new: NewAddon) -> Result<AddonSold> {
        self.sell_or_preview(caller, new, false).await
    }

    /// What [`App::sell_addon`] would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// As [`App::sell_addon`].
    pub async fn preview_addon(&self, caller: &Caller, new: NewAddon) -> Result<AddonSold> {
        self.sell_or_preview(caller, new, true).await
    }

    async fn sell_or_preview(&self, caller: &Caller, new: NewAddon, is_preview: bool) -> Result<AddonSold> {
        refuse(new.problems())?;
        let mut fed = Fed::new();
        for _ in 0..MAX_ATTEMPTS {
            let mut round = Round::look(&self.store).await?;
            let (seller, mut gathered) = self.gather_one(&mut round, caller, new.service).await?;
            let known = products::get(round.conn().await?, seller.id, new.product).await?;
            let (product, version) = known.ok_or(AppError::NotFound("Product"))?;
            let today = self.clock.today(&seller.time_zone);
            let addon = addon(&new, &product, &gathered.facts, today);
            gathered.add(addon.clone(), product.price_source.clone(), version);
            self.known.fill_prices(round.conn().await?, seller.id, std::iter::once(&mut gathered)).await?;
            let missing = missing_prices(&gathered, &fed);
            if !missing.is_empty() {
                drop(round);
                fed.extend(self.ask_feeds(missing).await);
                continue;
            }
            fill_in(&mut gathered, &fed);
            // It is not billed yet; what was billed before it was sold is not its own.
            let sold = gathered.facts.addons.pop().unwrap_or(addon);
            let found = self.found(&mut round, seller, gathered, &fed).await?;
            drop(round);
            let plan = addon_sold(&found.gathered.facts, &sold, &found.ahead, found.today)
                .map_err(|refusal| refused(refusal, &found.gathered, &fed))?;
            let term = plan.as_ref().and_then(|plan| plan.terms.first()).map_or(sold.term, |(_, term)| Some(*term));
            let addon = Addon { term, ..new.row(AddonId(0)) };
            if is_preview {
                return Ok(AddonSold { addon, plan, invoice: None });
            }
            match self.commit_addon(caller, &found, addon, plan).await {
                Ok(Some(sold)) => return Ok(sold),
                Ok(None) | Err(AppError::Store(StoreError::Retry(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AppError::Contention)
    }

    /// Writes an add-on, with its invoice; nothing if its service has changed since it was looked at.
    async fn commit_addon(
        &self,
        caller: &Caller,
        found: &Found,
        addon: Addon,
        plan: Option<Plan>,
    ) -> Result<Option<AddonSold>> {
        let (seller, facts) = (caller.seller, &found.gathered.facts);
        let mut tx = self.store.begin().await?;
        let Some(service) = unchanged(&mut tx, caller, &found.gathered).await? else { return Ok(None) };
        let id = AddonId(ids::take(&mut tx, IdKind::Addon, 1).await?[0]);
        let addon = Addon { id, ..addon };
        addons::upsert(&mut tx, seller, std::slice::from_ref(&addon)).await?;
        services::upsert(&mut tx, seller, &[service]).await?;
        let plan = plan.map(|mut plan| {
            plan.terms.iter_mut().for_each(|(of, _)| *of = id);
            plan.lines.iter_mut().for_each(|line| line.addon = Some(id));
            plan
        });
        let invoice = self.issue(&mut tx, caller, found, plan.clone()).await?;
        let cycle = addon.term.map_or(facts.schedule.cycle, |term| term.schedule.cycle);
        let is = Sold { product: addon.product, quantity: addon.quantity, cycle };
        let next = facts.billed_through();
        let record = ServiceChange {
            id: ServiceChangeId(ids::take(&mut tx, IdKind::ServiceChange, 1).await?[0]),
            service: facts.service,
            addon: Some(id),
            at: self.clock.now(),
            actor: caller.actor.to_string(),
            effective_on: if plan.is_some() { found.today } else { next.unwrap_or(found.today) },
            from: is,
            to: is,
            invoice: invoice.as_ref().map(|invoice| invoice.id),
            taken_back: None,
        };
        changes::insert(&mut tx, seller, &record).await?;
        self.note(&mut tx, seller, caller, "addon.sold", "addon", id.0).await?;
        tx.commit().await?;
        Ok(Some(AddonSold { addon, plan, invoice }))
    }

    /// Changes an add-on: its product, quantity, own price, or whether it is renewed at all.
    ///
    /// # Errors
    /// [`AppError::Invalid`], [`AppError::NotFound`]; [`AppError::Conflict`] for a move to another service.
    pub async fn change_addon(&self, seller: SellerId, actor: Actor, addon: &Addon) -> Result<()> {
        refuse(quantity_and_price(addon.quantity, addon.own_price_minor))?;
        let mut tx = self.store.begin().await?;
        touch_service(&mut tx, seller, addon.service).await?;
        let known = addons::get(&mut tx, seller, addon.id).await?.ok_or(AppError::NotFound("Add-on"))?;
        if known.service != addon.service {
            return Err(AppError::Conflict("an add-on cannot move to another service".to_owned()));
        }
        addons::upsert(&mut tx, seller, std::slice::from_ref(addon)).await?;
        self.note(&mut tx, seller, actor, "addon.changed", "addon", addon.id.0).await?;
        Ok(tx.commit().await?)
    }

    /// The add-ons of a service, by id, ended ones too.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's.
    pub async fn addons_of(&self, caller: &Caller, service: ServiceId) -> Result<Vec<Addon>> {
        let mut conn = self.store.read().await?;
        visible(&mut conn, caller, service).await?;
        Ok(addons::of_service(&mut conn, caller.seller, service).await?)
    }

    /// Ends an add-on: it is not renewed any more. What is billed stays billed. One that has ended stays so.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown add-on or another customer's.
    pub async fn end_addon(&self, caller: &Caller, id: AddonId) -> Result<Addon> {
        let unknown = || AppError::NotFound("Add-on");
        let mut tx = self.store.begin().await?;
        let addon = addons::get(&mut tx, caller.seller, id).await?.ok_or_else(unknown)?;
        let service = services::get(&mut tx, caller.seller, addon.service).await?;
        service.filter(|service| caller.may_see(service.customer)).ok_or_else(unknown)?;
        touch_service(&mut tx, caller.seller, addon.service).await?;
        // It may have moved while its service was waited for.
        let addon = addons::get(&mut tx, caller.seller, id).await?.ok_or_else(unknown)?;
        if addon.active {
            let ended = Addon { active: false, ..addon.clone() };
            addons::upsert(&mut tx, caller.seller, std::slice::from_ref(&ended)).await?;
            self.note(&mut tx, caller.seller, caller, "addon.ended", "addon", id.0).await?;
            tx.commit().await?;
            return Ok(ended);
        }
        Ok(addon)
    }
}

/// The add-on that is to be sold, before it has an id.
fn addon(new: &NewAddon, product: &Product, facts: &Facts, today: Date) -> renewal::Addon {
    let own = new.own_price_minor.map(|minor| Money::new(minor, facts.currency));
    let rule = own.map_or(PriceRule::Follow, |price| PriceRule::Own { price, through: None });
    // Its own periods begin today, or with the first day of its service that is billed from now on.
    let starts = facts.billed_through().unwrap_or(today);
    let term = |cycle| Term { schedule: Schedule::new(starts.min(today), cycle), next_period: PeriodNumber(0) };
    renewal::Addon {
        id: AddonId(0),
        item: Item {
            product: product.id,
            name: product.name.clone(),
            tax_class: product.tax_class,
            quantity: new.quantity,
            rule,
            campaign: None,
            fed_price: None,
            is_fed: product.price_source != PriceSource::Catalogue,
        },
        term: new.cycle.map(term),
    }
}

/// Locks the service and moves its version, so that a renewal planned without the change is planned again.
async fn touch_service(tx: &mut Tx, seller: SellerId, id: ServiceId) -> Result<()> {
    renewals::lock(tx, seller, &[id]).await?;
    let service = services::get(tx, seller, id).await?.ok_or(AppError::NotFound("Service"))?;
    Ok(services::upsert(tx, seller, &[service]).await?)
}
