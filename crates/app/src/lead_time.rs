//! Setting how long before a period the run bills it.

use jiff::civil::Date;
use perennial_billing::{LeadScope, LeadTime, PeriodNumber, SellerId, ServiceId};
use perennial_store::{customers, products, sellers, services};

use crate::service::renew_on;
use crate::{Actor, App, AppError, LOAD_BATCH_ROWS, Problem, Result};

impl App {
    /// Sets a lead time, or without days removes it, and moves the days from which services are renewed. Those that wait for
    /// another try are tried by the next run.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for more than [`LeadTime::MAX_DAYS`], [`AppError::NotFound`] for an unknown customer or product,
    /// [`AppError::Conflict`] for the seller's own, which is a rule of the seller.
    pub async fn set_lead_time(
        &self,
        seller: SellerId,
        actor: Actor,
        scope: LeadScope,
        days: Option<u16>,
    ) -> Result<()> {
        if days.is_some_and(|days| days > LeadTime::MAX_DAYS) {
            let reason = format!("must be at most {} days", LeadTime::MAX_DAYS);
            return Err(AppError::Invalid(vec![Problem::new("days", reason)]));
        }
        let mut tx = self.store.begin().await?;
        let (subject, id) = match scope {
            LeadScope::Seller => {
                return Err(AppError::Conflict("the seller's own lead time is one of its rules".to_owned()));
            }
            LeadScope::Cycle(_) => ("seller", seller.0),
            LeadScope::Product(product) | LeadScope::ProductCycle(product, _) => {
                let known = products::all(&mut tx, seller).await?;
                known.iter().find(|known| known.id == product).ok_or(AppError::NotFound("Product"))?;
                ("product", product.0)
            }
            LeadScope::Customer(customer) => {
                customers::get(&mut tx, seller, customer).await?.ok_or(AppError::NotFound("Customer"))?;
                ("customer", customer.0)
            }
        };
        sellers::set_lead_time(&mut tx, seller, scope, days).await?;
        self.note(&mut tx, seller, actor, "lead_time.set", subject, id).await?;
        tx.commit().await?;
        self.apply_lead_times(seller).await
    }

    /// Moves every service's day to what the lead times say now, a page at a time. Running it again does no harm.
    pub(crate) async fn apply_lead_times(&self, seller: SellerId) -> Result<()> {
        let rules = self.seller_rules(seller).await?;
        let mut after = ServiceId(0);
        loop {
            let limit = i64::try_from(LOAD_BATCH_ROWS).unwrap_or(i64::MAX);
            let page = services::after(&mut self.store.read().await?, seller, after, limit).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            let moved: Vec<(ServiceId, PeriodNumber, Date)> = page
                .iter()
                .filter_map(|service| Some((service, renew_on(&rules, service)?)))
                .filter(|(service, day)| service.renew_on != Some(*day))
                .map(|(service, day)| (service.id, service.next_period, day))
                .collect();
            if moved.is_empty() {
                continue;
            }
            let mut tx = self.store.begin().await?;
            services::set_renew_on(&mut tx, seller, &moved).await?;
            tx.commit().await?;
        }
    }
}
