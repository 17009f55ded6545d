//! What an add-on of a service is, and changing one. Selling one is in `change.rs`.

use perennial_billing::{AddonId, Cycle, ProductId, Quantity, SellerId, ServiceId};
use perennial_store::addons::{self, Addon};
use perennial_store::{Tx, renewals, services};

use crate::error::refuse;
use crate::service::quantity_and_price;
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
        let known = services::get(&mut conn, caller.seller, service).await?;
        known.filter(|known| caller.may_see(known.customer)).ok_or(AppError::NotFound("Service"))?;
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
            self.note(&mut tx, caller.seller, caller.actor, "addon.ended", "addon", id.0).await?;
            tx.commit().await?;
            return Ok(ended);
        }
        Ok(addon)
    }
}

/// Locks the service and moves its version, so that a renewal planned without the change is planned again.
async fn touch_service(tx: &mut Tx, seller: SellerId, id: ServiceId) -> Result<()> {
    renewals::lock(tx, seller, &[id]).await?;
    let service = services::get(tx, seller, id).await?.ok_or(AppError::NotFound("Service"))?;
    Ok(services::upsert(tx, seller, &[service]).await?)
}
