//! Loading a provider's data in one transaction: what an import read or a demo made up.

use std::collections::HashSet;

use perennial_billing::{ContactId, CustomerId, PriceId, PriceVersion, SellerId};
use perennial_store::addons::{self, Addon};
use perennial_store::contacts::{self, BillingContact};
use perennial_store::customers::{self, Customer};
use perennial_store::ids::{self, IdKind};
use perennial_store::products::{self, Product};
use perennial_store::services::{self, Service};
use perennial_store::{Tx, prices, sellers};

use crate::service::renew_on;
use crate::{Actor, App, AppError, NewPrice, Result};

/// Rows written by one statement at most.
pub const LOAD_BATCH_ROWS: usize = 1_000;

/// A provider's data, with the ids it has had so far.
#[derive(Debug, Clone, Default)]
pub struct ProviderData {
    /// Who is billed, and who else gets each one's invoices.
    pub customers: Vec<(Customer, Vec<String>)>,
    /// What is sold.
    pub products: Vec<Product>,
    /// At which prices.
    pub prices: Vec<NewPrice>,
    /// The sold things; the days from which the run renews them are set by the seller's rules.
    pub services: Vec<Service>,
    /// What is sold on top.
    pub addons: Vec<Addon>,
}

/// What loading did with one kind of row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that were written.
    pub added: usize,
    /// Rows that were there already; they stay as they are.
    pub kept: usize,
}

/// What loading did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Customers.
    pub customers: Tally,
    /// Products.
    pub products: Tally,
    /// Price versions.
    pub prices: Tally,
    /// Services.
    pub services: Tally,
    /// Add-ons.
    pub addons: Tally,
}

impl LoadReport {
    /// Rows that were written, of every kind.
    #[must_use]
    pub fn added(&self) -> usize {
        [self.customers, self.products, self.prices, self.services, self.addons].iter().map(|tally| tally.added).sum()
    }
}

impl App {
    /// Writes all rows whose ids are new, in one transaction, and leaves the others as they are: loading twice changes
    /// nothing, and what has moved on since the first time is not turned back. `progress` is told how many rows were
    /// written so far.
    pub async fn load(
        &self,
        seller: SellerId,
        actor: Actor,
        data: ProviderData,
        progress: impl FnMut(usize) + Send,
    ) -> Result<LoadReport> {
        let mut tx = self.store.begin().await?;
        // One load at a time: what is known must not change while it is compared.
        if !sellers::hold(&mut tx, seller).await? {
            return Err(AppError::NotFound("Seller"));
        }
        let mut loading = Loading { tx: &mut tx, seller, done: 0, progress };
        let report = LoadReport {
            customers: loading.customers(data.customers).await?,
            products: loading.products(data.products).await?,
            prices: loading.prices(data.prices).await?,
            services: loading.services(data.services).await?,
            addons: loading.addons(data.addons).await?,
        };
        if report.added() > 0 {
            self.note(&mut tx, seller, actor, "data.loaded", "seller", seller.0).await?;
        }
        tx.commit().await?;
        Ok(report)
    }
}

/// One load on its way: what refers to a thing is written after it.
struct Loading<'a, P> {
    tx: &'a mut Tx,
    seller: SellerId,
    done: usize,
    progress: P,
}

impl<P: FnMut(usize)> Loading<'_, P> {
    fn advance(&mut self, rows: usize) {
        self.done += rows;
        (self.progress)(self.done);
    }

    /// Ids that are handed out later stay clear of the ids that were brought along.
    async fn skip_past(&mut self, kind: IdKind, taken: impl Iterator<Item = i64>) -> Result<()> {
        match taken.max() {
            Some(highest) => Ok(ids::skip_past(self.tx, kind, highest).await?),
            None => Ok(()),
        }
    }

    async fn customers(&mut self, rows: Vec<(Customer, Vec<String>)>) -> Result<Tally> {
        let known: HashSet<_> = customers::all(self.tx, self.seller).await?.into_iter().map(|c| c.id).collect();
        let (new, tally) = split(rows, |(customer, _)| known.contains(&customer.id));
        for chunk in new.chunks(LOAD_BATCH_ROWS) {
            let customers: Vec<Customer> = chunk.iter().map(|(customer, _)| customer.clone()).collect();
            customers::upsert(self.tx, self.seller, &customers).await?;
            insert_contacts(self.tx, self.seller, chunk).await?;
            self.advance(chunk.len());
        }
        self.skip_past(IdKind::Customer, new.iter().map(|(customer, _)| customer.id.0)).await?;
        Ok(tally)
    }

    async fn products(&mut self, rows: Vec<Product>) -> Result<Tally> {
        let known: HashSet<_> = products::all(self.tx, self.seller).await?.into_iter().map(|p| p.id).collect();
        let (new, tally) = split(rows, |product| known.contains(&product.id));
        for chunk in new.chunks(LOAD_BATCH_ROWS) {
            products::upsert(self.tx, self.seller, chunk).await?;
            self.advance(chunk.len());
        }
        self.skip_past(IdKind::Product, new.iter().map(|product| product.id.0)).await?;
        Ok(tally)
    }

    async fn prices(&mut self, rows: Vec<NewPrice>) -> Result<Tally> {
        let known = prices::all(self.tx, self.seller).await?;
        let known: HashSet<_> =
            known.iter().map(|p| (p.product, p.cycle, p.amount.currency, p.starts, p.from_quantity)).collect();
        let (new, tally) =
            split(rows, |p| known.contains(&(p.product, p.cycle, p.amount.currency, p.starts, p.from_quantity)));
        for chunk in new.chunks(LOAD_BATCH_ROWS) {
            let ids = ids::take(self.tx, IdKind::Price, chunk.len()).await?;
            let versions: Vec<PriceVersion> =
                ids.into_iter().zip(chunk).map(|(id, price)| price.version(PriceId(id))).collect();
            prices::insert(self.tx, self.seller, &versions).await?;
            self.advance(chunk.len());
        }
        Ok(tally)
    }

    async fn services(&mut self, rows: Vec<Service>) -> Result<Tally> {
        let known: HashSet<_> = services::all(self.tx, self.seller).await?.into_iter().map(|s| s.id).collect();
        let (mut new, tally) = split(rows, |service| known.contains(&service.id));
        let rules = sellers::get(self.tx, self.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        new.iter_mut().for_each(|service| service.renew_on = renew_on(&rules, service));
        for chunk in new.chunks(LOAD_BATCH_ROWS) {
            services::upsert(self.tx, self.seller, chunk).await?;
            self.advance(chunk.len());
        }
        self.skip_past(IdKind::Service, new.iter().map(|service| service.id.0)).await?;
        Ok(tally)
    }

    async fn addons(&mut self, rows: Vec<Addon>) -> Result<Tally> {
        let known: HashSet<_> = addons::all(self.tx, self.seller).await?.into_iter().map(|a| a.id).collect();
        let (new, tally) = split(rows, |addon| known.contains(&addon.id));
        for chunk in new.chunks(LOAD_BATCH_ROWS) {
            addons::upsert(self.tx, self.seller, chunk).await?;
            self.advance(chunk.len());
        }
        self.skip_past(IdKind::Addon, new.iter().map(|addon| addon.id.0)).await?;
        Ok(tally)
    }
}

/// Keeps the rows that are not known yet.
fn split<T>(rows: Vec<T>, is_known: impl Fn(&T) -> bool) -> (Vec<T>, Tally) {
    let total = rows.len();
    let new: Vec<T> = rows.into_iter().filter(|row| !is_known(row)).collect();
    let tally = Tally { added: new.len(), kept: total - new.len() };
    (new, tally)
}

async fn insert_contacts(tx: &mut Tx, seller: SellerId, customers: &[(Customer, Vec<String>)]) -> Result<()> {
    let emails: Vec<(CustomerId, &String)> =
        customers.iter().flat_map(|(customer, emails)| emails.iter().map(|email| (customer.id, email))).collect();
    let ids = ids::take(tx, IdKind::Contact, emails.len()).await?;
    let contacts: Vec<BillingContact> = ids
        .into_iter()
        .zip(emails)
        .map(|(id, (customer, email))| BillingContact {
            id: ContactId(id),
            customer,
            email: email.to_lowercase(),
            description: String::new(),
        })
        .collect();
    Ok(contacts::insert(tx, seller, &contacts).await?)
}
