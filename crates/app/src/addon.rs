//! Selling an add-on of a service and changing one.

use perennial_billing::{AddonId, ProductId, Quantity, SellerId, ServiceId};
use perennial_store::addons::{self, Addon};
use perennial_store::ids::{self, IdKind};
use perennial_store::{StoreError, Tx, renewals, services};

use crate::error::refuse;
use crate::service::quantity_and_price;
use crate::{Actor, App, AppError, Result};

/// What is needed to sell an add-on. It is billed with its service from the next period on.
#[derive(Debug, Clone)]
pub struct NewAddon {
    /// On which service.
    pub service: ServiceId,
    /// What.
    pub product: ProductId,
    /// How many.
    pub quantity: Quantity,
    /// A price of its own for one, in minor units of the customer's currency.
    pub own_price_minor: Option<i64>,
}

impl App {
    /// Sells an add-on.
    ///
    /// # Errors
    /// [`AppError::Invalid`], and [`AppError::NotFound`] for an unknown service or product.
    pub async fn create_addon(&self, seller: SellerId, actor: Actor, new: NewAddon) -> Result<Addon> {
        refuse(quantity_and_price(new.quantity, new.own_price_minor))?;
        let mut tx = self.store.begin().await?;
        touch_service(&mut tx, seller, new.service).await?;
        let addon = Addon {
            id: AddonId(ids::take(&mut tx, IdKind::Addon, 1).await?[0]),
            service: new.service,
            product: new.product,
            quantity: new.quantity,
            own_price_minor: new.own_price_minor,
            active: true,
        };
        match addons::upsert(&mut tx, seller, std::slice::from_ref(&addon)).await {
            Err(StoreError::Reference(_)) => Err(AppError::NotFound("Product")),
            outcome => {
                outcome?;
                self.note(&mut tx, seller, actor, "addon.created", "addon", addon.id.0).await?;
                tx.commit().await?;
                Ok(addon)
            }
        }
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
}

/// Locks the service and moves its version, so that a renewal planned without the change is planned again.
async fn touch_service(tx: &mut Tx, seller: SellerId, id: ServiceId) -> Result<()> {
    renewals::lock(tx, seller, &[id]).await?;
    let service = services::get(tx, seller, id).await?.ok_or(AppError::NotFound("Service"))?;
    Ok(services::upsert(tx, seller, &[service]).await?)
}
