//! Adding a price version. Versions are never changed: a new price is another version with a later start.

use jiff::civil::Date;
use perennial_billing::{Currency, Cycle, Money, PriceId, PriceVersion, ProductId, Quantity, SellerId};
use perennial_store::ids::{self, IdKind};
use perennial_store::prices::PriceReach;
use perennial_store::{StoreError, prices, products};

use crate::error::refuse;
use crate::{Actor, App, AppError, Problem, Result};

/// What is needed to add a price version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPrice {
    /// What it is the price of.
    pub product: ProductId,
    /// For which cycle.
    pub cycle: Cycle,
    /// The price of one for one period, without tax.
    pub amount: Money,
    /// The first day it is valid.
    pub starts: Date,
    /// From how many on one costs so much; 0 for the price that all pay.
    pub from_quantity: Quantity,
}

impl NewPrice {
    /// The version under its id.
    pub(crate) fn version(&self, id: PriceId) -> PriceVersion {
        let Self { product, cycle, amount, starts, from_quantity } = *self;
        PriceVersion { id, product, cycle, amount, starts, from_quantity }
    }
}

impl App {
    /// Adds a price version.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a negative price, [`AppError::NotFound`] for an unknown product, [`AppError::Conflict`]
    /// when a version with the same start exists.
    pub async fn create_price(&self, seller: SellerId, actor: Actor, new: NewPrice) -> Result<PriceVersion> {
        refuse(problems(new.amount, new.from_quantity))?;
        let mut tx = self.store.begin().await?;
        if !products::all(&mut tx, seller).await?.iter().any(|known| known.id == new.product) {
            return Err(AppError::NotFound("Product"));
        }
        let version = new.version(PriceId(ids::take(&mut tx, IdKind::Price, 1).await?[0]));
        match prices::insert(&mut tx, seller, &[version]).await {
            Err(StoreError::Unique { .. }) => Err(AppError::Conflict(format!(
                "product {} has a price for {} in {} from {} already; give the new one another start",
                new.product, new.cycle, new.amount.currency, new.starts
            ))),
            outcome => {
                outcome?;
                self.note(&mut tx, seller, actor, "price.created", "price", version.id.0).await?;
                tx.commit().await?;
                Ok(version)
            }
        }
    }

    /// Whom the price of a product for a cycle and currency reaches.
    ///
    /// # Errors
    /// [`AppError::Store`] only.
    pub async fn price_reach(
        &self,
        seller: SellerId,
        product: ProductId,
        cycle: Cycle,
        currency: Currency,
    ) -> Result<PriceReach> {
        Ok(prices::reach(&mut self.store.read().await?, seller, product, cycle, currency).await?)
    }
}

/// What cannot be accepted about a price.
pub(crate) fn problems(amount: Money, from_quantity: Quantity) -> Vec<Problem> {
    let mut problems = Vec::new();
    if amount.minor < 0 {
        problems.push(Problem::new("amount", "must not be negative"));
    }
    if from_quantity.millionths() < 0 {
        problems.push(Problem::new("from_quantity", "must not be negative"));
    }
    problems
}
