//! Renewing: the one function behind every door, for a list of services. One is a list of one.
//!
//! Gather, refresh prices, plan, commit. Only the commit is a transaction; a service that changed since it was gathered is
//! gathered and planned again.

use std::collections::{HashMap, HashSet};

use perennial_billing::renewal::{Item, Plan, Refusal, claimable, plan};
use perennial_billing::{InvoiceId, Money, PriceSource, ServiceId};
use perennial_store::renewals::{self, Gathered, NewRenewal, WrittenInvoice};
use perennial_store::sellers::{self, OpenInvoicePolicy, Seller};
use perennial_store::{StoreError, Tx};
use tokio::task::JoinSet;

use crate::feed::PriceQuery;
use crate::{App, AppError, Caller, PriceUnavailable, Result};

/// Services in one call at most.
pub const MAX_BATCH_SERVICES: usize = 1_000;
/// How often a batch is gathered, planned and committed before it counts as contended.
const MAX_ATTEMPTS: u32 = 5;

/// What became of one service of a batch.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The service.
    pub service: ServiceId,
    /// What became of it.
    pub outcome: Outcome,
}

/// What renewing a service came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An invoice was issued.
    Renewed(Box<Renewed>),
    /// An invoice would be issued; nothing was written.
    Planned(Box<Plan>),
    /// An unpaid renewal invoice is open.
    Open {
        /// That invoice.
        invoice: InvoiceId,
        /// The number the v1 API shows as `serviceType`.
        service_type: i64,
        /// What the seller wants to be answered.
        policy: OpenInvoicePolicy,
    },
    /// The service cannot be renewed now.
    Refused(Refusal),
    /// The price source failed or has no price. The reason is for the log.
    PriceUnavailable(String),
    /// There is no such service, or it is not the caller's.
    NotFound,
}

/// An issued renewal.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// The invoice's id and number.
    pub invoice: WrittenInvoice,
    /// What was planned and is now issued.
    pub plan: Plan,
    /// The number the v1 API shows as `serviceType`.
    pub service_type: i64,
    /// Whether its mail was queued.
    pub mailed: bool,
}

/// A plan on its way into the database.
struct Planned {
    new: NewRenewal,
    service_type: i64,
}

/// The prices that feeds gave during this call, or why they gave none.
type Fed = HashMap<PriceQuery, std::result::Result<Money, PriceUnavailable>>;

impl App {
    /// Renews services: claims the next period of each and issues its invoice. The answer has one entry per service, in
    /// the order they were asked for; a service named twice is renewed once. One that is refused takes nothing down with it.
    ///
    /// # Errors
    /// Only what concerns the whole batch: the database is away, or others change the same services without pause.
    pub async fn renew(&self, caller: &Caller, services: &[ServiceId]) -> Result<Vec<Renewal>> {
        self.renew_or_preview(caller, services, false).await
    }

    /// What [`App::renew`] would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// As [`App::renew`].
    pub async fn preview_renewal(&self, caller: &Caller, services: &[ServiceId]) -> Result<Vec<Renewal>> {
        self.renew_or_preview(caller, services, true).await
    }

    async fn renew_or_preview(
        &self,
        caller: &Caller,
        services: &[ServiceId],
        is_preview: bool,
    ) -> Result<Vec<Renewal>> {
        if services.len() > MAX_BATCH_SERVICES {
            return Err(AppError::Conflict(format!(
                "at most {MAX_BATCH_SERVICES} services can be renewed in one call"
            )));
        }
        let mut seen = HashSet::new();
        let mut pending: Vec<ServiceId> = services.iter().copied().filter(|service| seen.insert(*service)).collect();
        let mut outcomes: HashMap<ServiceId, Outcome> = HashMap::new();
        let mut fed = Fed::new();
        for _ in 0..MAX_ATTEMPTS {
            let (seller, mut gathered) = self.gather(caller, &pending).await?;
            self.refresh_prices(&seller, &mut gathered, &mut fed).await;
            let planned = self.plan_all(&seller, &pending, gathered, &fed, &mut outcomes);
            if is_preview {
                outcomes
                    .extend(planned.into_iter().map(|p| (p.new.plan.service, Outcome::Planned(Box::new(p.new.plan)))));
                break;
            }
            pending = self.commit(caller, &seller, planned, &mut outcomes).await?;
            if pending.is_empty() {
                break;
            }
        }
        let find = |service: &ServiceId| {
            let outcome = outcomes.get(service).cloned().ok_or(AppError::Contention)?;
            Ok(Renewal { service: *service, outcome })
        };
        services.iter().map(find).collect()
    }

    async fn gather(&self, caller: &Caller, services: &[ServiceId]) -> Result<(Seller, HashMap<ServiceId, Gathered>)> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let gathered = renewals::gather(&mut conn, &seller, caller.customer, services).await?;
        Ok((seller, gathered))
    }

    /// Asks the price feeds that these services need, all at once. Services that cannot be renewed anyway ask nothing.
    async fn refresh_prices(&self, seller: &Seller, gathered: &mut HashMap<ServiceId, Gathered>, fed: &mut Fed) {
        let today = self.clock.today(&seller.time_zone);
        let mut asked = JoinSet::new();
        let queries: HashSet<PriceQuery> =
            gathered.values().filter(|g| claimable(&g.facts, today).is_ok()).flat_map(queries_of).collect();
        for query in queries {
            if !fed.contains_key(&query) {
                let feeds = self.feeds.clone();
                asked.spawn(async move {
                    let price = feeds.price(&query).await;
                    (query, price)
                });
            }
        }
        fed.extend(asked.join_all().await);
        for service in gathered.values_mut() {
            fill_in(service, fed);
        }
    }

    /// Plans each service; what cannot be renewed gets its outcome at once.
    fn plan_all(
        &self,
        seller: &Seller,
        services: &[ServiceId],
        mut gathered: HashMap<ServiceId, Gathered>,
        fed: &Fed,
        outcomes: &mut HashMap<ServiceId, Outcome>,
    ) -> Vec<Planned> {
        let today = self.clock.today(&seller.time_zone);
        let mut planned = Vec::new();
        for service in services {
            let Some(gathered) = gathered.remove(service) else {
                outcomes.insert(*service, Outcome::NotFound);
                continue;
            };
            let outcome = match plan(&gathered.facts, today) {
                Ok(plan) => {
                    planned.push(Planned::new(seller, plan, gathered));
                    continue;
                }
                Err(Refusal::OpenInvoice(invoice)) => {
                    let policy = seller.open_invoice_policy;
                    Outcome::Open { invoice, service_type: gathered.service_type, policy }
                }
                Err(refusal @ Refusal::NoPrice { .. }) => {
                    let failure = queries_of(&gathered).find_map(|query| fed.get(&query)?.as_ref().err());
                    Outcome::PriceUnavailable(failure.map_or_else(|| refusal.to_string(), ToString::to_string))
                }
                Err(refusal) => Outcome::Refused(refusal),
            };
            outcomes.insert(*service, outcome);
        }
        planned
    }

    /// Writes the plans in one transaction. Answers with the services that have to be gathered and planned again.
    async fn commit(
        &self,
        caller: &Caller,
        seller: &Seller,
        planned: Vec<Planned>,
        outcomes: &mut HashMap<ServiceId, Outcome>,
    ) -> Result<Vec<ServiceId>> {
        if planned.is_empty() {
            return Ok(Vec::new());
        }
        let all: Vec<ServiceId> = planned.iter().map(|p| p.new.plan.service).collect();
        let mut tx = self.store.begin().await?;
        let written = match self.write(&mut tx, caller, seller, planned).await {
            Ok(written) => written,
            // Another node was faster or in the way: everything is rolled back and looked at again.
            Err(StoreError::Retry(_)) => return Ok(all),
            Err(StoreError::Unique { table, .. }) if table.starts_with("periods") => return Ok(all),
            Err(error) => return Err(error.into()),
        };
        match tx.commit().await {
            Ok(()) => {}
            Err(StoreError::Retry(_)) => return Ok(all),
            Err(error) => return Err(error.into()),
        }
        outcomes.extend(written);
        Ok(all.into_iter().filter(|service| !outcomes.contains_key(service)).collect())
    }

    async fn write(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        seller: &Seller,
        planned: Vec<Planned>,
    ) -> perennial_store::Result<Vec<(ServiceId, Outcome)>> {
        let ids: Vec<ServiceId> = planned.iter().map(|p| p.new.plan.service).collect();
        let versions = renewals::lock(tx, seller.id, &ids).await?;
        let is_current = |p: &Planned| versions.get(&p.new.plan.service) == Some(&p.new.version);
        let (new, types): (Vec<NewRenewal>, Vec<i64>) =
            planned.into_iter().filter(is_current).map(|p| (p.new, p.service_type)).unzip();
        let at = self.clock.now();
        let invoices = renewals::write(tx, seller, &new, at, &caller.actor.to_string()).await?;
        let renewed = new.into_iter().zip(types).zip(invoices).map(|((new, service_type), invoice)| {
            let service = new.plan.service;
            let renewed = Renewed { invoice, plan: new.plan, service_type, mailed: new.mail };
            (service, Outcome::Renewed(Box::new(renewed)))
        });
        Ok(renewed.collect())
    }
}

impl Planned {
    fn new(seller: &Seller, plan: Plan, gathered: Gathered) -> Self {
        let mail = seller.mail_invoices && !gathered.customer.party.email.is_empty();
        let new = NewRenewal { plan, version: gathered.version, customer: gathered.customer, mail };
        Self { new, service_type: gathered.service_type }
    }
}

/// What the feeds have to be asked for one service and its add-ons.
fn queries_of(gathered: &Gathered) -> impl Iterator<Item = PriceQuery> {
    let facts = &gathered.facts;
    let own = std::iter::once((&facts.item, &gathered.price_source));
    let addons = facts.addons.iter().map(|(_, item)| item).zip(&gathered.addon_price_sources);
    own.chain(addons).filter_map(|(item, source)| query(gathered, item, source))
}

fn query(gathered: &Gathered, item: &Item, source: &PriceSource) -> Option<PriceQuery> {
    match source {
        PriceSource::Feed(feed) if item.own_price.is_none() => Some(PriceQuery {
            feed: feed.clone(),
            product: item.product,
            cycle: gathered.facts.schedule.cycle,
            currency: gathered.facts.currency,
        }),
        _ => None,
    }
}

/// Puts what the feeds answered into the facts.
fn fill_in(gathered: &mut Gathered, fed: &Fed) {
    let price = |gathered: &Gathered, item: &Item, source: &PriceSource| {
        query(gathered, item, source).and_then(|query| fed.get(&query)?.as_ref().ok().copied())
    };
    let own = price(gathered, &gathered.facts.item, &gathered.price_source);
    let addons: Vec<_> = gathered
        .facts
        .addons
        .iter()
        .zip(&gathered.addon_price_sources)
        .map(|((_, item), source)| price(gathered, item, source))
        .collect();
    gathered.facts.item.fed_price = own;
    for ((_, item), price) in gathered.facts.addons.iter_mut().zip(addons) {
        item.fed_price = price;
    }
}
