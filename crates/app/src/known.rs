//! What renewals read again and again and what hardly ever changes: sellers and price versions.
//!
//! What is remembered is never older than the service it is used with. A seller and a product carry a version that moves
//! with every change; a renewal reads the versions together with its service, and what is remembered under another version
//! is read anew. What changes after that reading counts from the next renewal on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use perennial_billing::{Cycle, PriceVersion, ProductId, SellerId};
use perennial_store::renewals::Gathered;
use perennial_store::sellers::{self, Seller};
use perennial_store::{Conn, prices};

use crate::{AppError, Result};

/// Products whose prices are remembered at most; then all are forgotten.
const MAX_KNOWN_PRODUCTS: usize = 10_000;
/// Sellers that are remembered at most; then all are forgotten.
const MAX_KNOWN_SELLERS: usize = 1_000;

/// Remembered rows, each under its version.
#[derive(Debug, Default)]
pub(crate) struct Known {
    sellers: Mutex<HashMap<SellerId, Arc<Seller>>>,
    prices: Mutex<HashMap<(SellerId, ProductId), VersionedPrices>>,
}

/// All price versions of a product, and the product's version they were read under.
type VersionedPrices = (i64, Arc<[PriceVersion]>);

impl Known {
    /// A seller as it was when it was last read.
    pub async fn seller(&self, conn: &mut Conn, id: SellerId) -> Result<Arc<Seller>> {
        let known = self.sellers.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        match known {
            Some(seller) => Ok(seller),
            None => self.read_seller(conn, id).await,
        }
    }

    /// A seller as it is.
    pub async fn read_seller(&self, conn: &mut Conn, id: SellerId) -> Result<Arc<Seller>> {
        let seller = Arc::new(sellers::get(conn, id).await?.ok_or(AppError::NotFound("Seller"))?);
        let mut sellers = self.sellers.lock().unwrap_or_else(PoisonError::into_inner);
        if sellers.len() >= MAX_KNOWN_SELLERS {
            sellers.clear();
        }
        sellers.insert(id, seller.clone());
        Ok(seller)
    }

    /// Gives each service the price versions that its lines may need.
    pub async fn fill_prices<'a>(
        &self,
        conn: &mut Conn,
        seller: SellerId,
        gathered: impl Iterator<Item = &'a mut Gathered>,
    ) -> Result<()> {
        let gathered: Vec<&mut Gathered> = gathered.collect();
        let wanted: HashSet<(ProductId, i64)> = gathered.iter().flat_map(|found| found.catalogue_products()).collect();
        let mut known = self.remembered(seller, &wanted);
        let missing: Vec<(ProductId, i64)> = wanted.into_iter().filter(|(id, _)| !known.contains_key(id)).collect();
        if !missing.is_empty() {
            let ids: Vec<ProductId> = missing.iter().map(|(product, _)| *product).collect();
            let read = prices::of_products(conn, seller, &ids).await?;
            known.extend(self.remember(seller, &missing, &read));
        }
        for found in gathered {
            let currency = found.facts.currency;
            let home = found.facts.conversion.as_ref().map(|conversion| conversion.home);
            let terms = found.facts.addons.iter().filter_map(|addon| addon.term);
            let mut cycles: Vec<Cycle> = terms.map(|term| term.schedule.cycle).collect();
            cycles.push(found.facts.schedule.cycle);
            let products: Vec<ProductId> = found.catalogue_products().map(|(product, _)| product).collect();
            let versions =
                products.iter().filter_map(|product| known.get(product)).flat_map(|versions| versions.iter());
            let fitting = versions.filter(|v| {
                let of = v.amount.currency;
                cycles.contains(&v.cycle) && (of == currency || Some(of) == home)
            });
            found.facts.prices = fitting.copied().collect();
        }
        Ok(())
    }

    fn remembered(
        &self,
        seller: SellerId,
        wanted: &HashSet<(ProductId, i64)>,
    ) -> HashMap<ProductId, Arc<[PriceVersion]>> {
        let prices = self.prices.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |(product, version): &(ProductId, i64)| {
            let (known, versions) = prices.get(&(seller, *product))?;
            (known == version).then(|| (*product, versions.clone()))
        };
        wanted.iter().filter_map(find).collect()
    }

    fn remember(
        &self,
        seller: SellerId,
        missing: &[(ProductId, i64)],
        read: &[PriceVersion],
    ) -> HashMap<ProductId, Arc<[PriceVersion]>> {
        let mut prices = self.prices.lock().unwrap_or_else(PoisonError::into_inner);
        if prices.len() + missing.len() > MAX_KNOWN_PRODUCTS {
            prices.clear();
        }
        let mut new = HashMap::new();
        for (product, version) in missing {
            let versions: Arc<[PriceVersion]> = read.iter().filter(|v| v.product == *product).copied().collect();
            prices.insert((seller, *product), (*version, versions.clone()));
            new.insert(*product, versions);
        }
        new
    }
}
