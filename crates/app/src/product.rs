//! Adding a product to the catalogue and changing one.

use perennial_billing::{PriceSource, ProductId, SellerId, TaxClass};
use perennial_store::ids::{self, IdKind};
use perennial_store::products::{self, Product};

use crate::error::{check_text, check_version, refuse};
use crate::{Actor, App, AppError, Problem, Result};

/// What is needed to add a product.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// Its name, as lines show it.
    pub name: String,
    /// The number the v1 API shows as `serviceType`.
    pub service_type: i64,
    /// Hosting, vps, domain, …
    pub kind: String,
    /// Which tax rules apply: `standard`.
    pub tax_class: TaxClass,
    /// Where its current price comes from.
    pub price_source: PriceSource,
}

impl App {
    /// Adds a product.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted.
    pub async fn create_product(&self, seller: SellerId, actor: Actor, new: NewProduct) -> Result<Product> {
        let mut tx = self.store.begin().await?;
        let product = Product {
            id: ProductId(ids::take(&mut tx, IdKind::Product, 1).await?[0]),
            name: new.name,
            service_type: new.service_type,
            kind: new.kind,
            tax_class: new.tax_class,
            late_payment: None,
            price_source: new.price_source,
        };
        refuse(problems(&product))?;
        products::upsert(&mut tx, seller, std::slice::from_ref(&product)).await?;
        self.note(&mut tx, seller, actor, "product.created", "product", product.id.0).await?;
        tx.commit().await?;
        Ok(product)
    }

    /// Changes a product, whatever it is by now. Lines that were issued keep its old name.
    ///
    /// # Errors
    /// As [`App::edit_product`].
    pub async fn change_product(&self, seller: SellerId, actor: Actor, product: &Product) -> Result<()> {
        self.edit_product(seller, actor, product.id, None, |known| known.clone_from(product)).await?;
        Ok(())
    }

    /// Changes a product: `edit` is given it as it is, and nobody else changes it meanwhile. With `expected`, only if that is
    /// its version still, which moves with its prices too. Answers with its new version.
    ///
    /// # Errors
    /// [`AppError::Invalid`], [`AppError::NotFound`], [`AppError::Changed`].
    pub async fn edit_product(
        &self,
        seller: SellerId,
        actor: Actor,
        id: ProductId,
        expected: Option<i64>,
        edit: impl FnOnce(&mut Product) + Send,
    ) -> Result<(Product, i64)> {
        let mut tx = self.store.begin().await?;
        let held = products::hold(&mut tx, seller, id).await?;
        let known = products::get(&mut tx, seller, id).await?.filter(|_| held);
        let (known, version) = known.ok_or(AppError::NotFound("Product"))?;
        check_version(expected, version)?;
        let mut changed = known.clone();
        edit(&mut changed);
        changed.id = id;
        refuse(problems(&changed))?;
        if changed == known {
            return Ok((known, version));
        }
        products::upsert(&mut tx, seller, std::slice::from_ref(&changed)).await?;
        self.note(&mut tx, seller, actor, "product.changed", "product", id.0).await?;
        let written = products::get(&mut tx, seller, id).await?.ok_or(AppError::NotFound("Product"))?;
        tx.commit().await?;
        Ok(written)
    }
}

/// What cannot be accepted about a product; the fields are named as in `products.csv`.
pub(crate) fn problems(product: &Product) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_text(&mut problems, "name", &product.name, true);
    check_text(&mut problems, "kind", &product.kind, true);
    if product.service_type < 0 {
        problems.push(Problem::new("service_type", "must not be negative"));
    }
    problems
}
