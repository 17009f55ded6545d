//! Bringing services of a customer to one day, on one invoice.

use std::sync::Arc;

use jiff::civil::Date;
use perennial_billing::align::{Aligned, LAST_COMMON_DAY, align};
use perennial_billing::renewal::{MAX_INVOICE_SERVICES, Plan, Refusal, claimable};
use perennial_billing::{CustomerId, PeriodNumber, Schedule, ServiceId};
use perennial_store::StoreError;
use perennial_store::renewals::{self, Gathered, Round, WrittenInvoice};
use perennial_store::sellers::Seller;
use perennial_store::services::{self, Service};

use crate::e_invoice::{Planned, may_be_issued};
use crate::error::refuse;
use crate::fed::{Fed, fill_in, missing_prices, why_no_price};
use crate::renew::{MAX_ATTEMPTS, new_invoice};
use crate::service::renew_on;
use crate::{App, AppError, Caller, Problem, Result, customer};

/// What bringing services to a day comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alignment {
    /// The services that are brought there, with the day on which their periods then begin.
    pub services: Vec<(ServiceId, Date)>,
    /// Those that are left alone, and why.
    pub left: Vec<(ServiceId, String)>,
    /// The invoice of the short periods before; none if all are there already.
    pub plan: Option<Plan>,
    /// It as it was issued; none if nothing was written.
    pub invoice: Option<WrittenInvoice>,
}

/// Services as they were looked at, and what they become.
struct Found {
    seller: Arc<Seller>,
    aligned: Vec<(Gathered, Schedule, PeriodNumber)>,
    alignment: Alignment,
}

impl App {
    /// Brings services of a customer, all of them or those that are named, to one day: each gets one short period, all on
    /// one invoice, and from then on their periods begin on that day, or so many cycles before or after it.
    ///
    /// # Errors
    /// [`AppError::NotFound`], [`AppError::Invalid`] for a day that not every month has, [`AppError::Conflict`] for too many
    /// services or none that could be brought there.
    pub async fn align(
        &self,
        caller: &Caller,
        customer: CustomerId,
        day: Date,
        services: Option<&[ServiceId]>,
    ) -> Result<Alignment> {
        for _ in 0..MAX_ATTEMPTS {
            let found = self.look_at_alignment(caller, customer, day, services).await?;
            if found.alignment.plan.is_none() {
                return Err(AppError::Conflict(nothing(&found.alignment)));
            }
            match self.commit_alignment(caller, found).await {
                Ok(Some(alignment)) => return Ok(alignment),
                Ok(None) | Err(AppError::Store(StoreError::Retry(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AppError::Contention)
    }

    /// What [`App::align`] would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// As [`App::align`], but for services of which none is brought there.
    pub async fn preview_alignment(
        &self,
        caller: &Caller,
        customer: CustomerId,
        day: Date,
        services: Option<&[ServiceId]>,
    ) -> Result<Alignment> {
        Ok(self.look_at_alignment(caller, customer, day, services).await?.alignment)
    }

    async fn look_at_alignment(
        &self,
        caller: &Caller,
        customer: CustomerId,
        day: Date,
        named: Option<&[ServiceId]>,
    ) -> Result<Found> {
        if day.day() > LAST_COMMON_DAY {
            let reason = format!("must be a day that every month has, from 1 to {LAST_COMMON_DAY}");
            refuse(vec![Problem::new("day", reason)])?;
        }
        let mut round = Round::look(&self.store).await?;
        customer::visible(round.conn().await?, caller, customer).await?;
        let limit = i64::try_from(MAX_INVOICE_SERVICES + 1).unwrap_or(i64::MAX);
        let first = (customer, ServiceId(0));
        let all = services::ids_by_customer(round.conn().await?, caller.seller, Some(customer), first, limit).await?;
        let mut ids: Vec<ServiceId> = all.into_iter().map(|(_, service)| service).collect();
        if let Some(named) = named {
            ids = named.iter().take(MAX_INVOICE_SERVICES + 1).copied().collect();
            ids.sort_unstable();
            ids.dedup();
            for id in &ids {
                let known = services::get(round.conn().await?, caller.seller, *id).await?;
                known.filter(|known| known.customer == customer).ok_or(AppError::NotFound("Service"))?;
            }
        }
        if ids.len() > MAX_INVOICE_SERVICES {
            return Err(AppError::Conflict(format!("at most {MAX_INVOICE_SERVICES} services fit on one invoice")));
        }
        let (seller, mut gathered) = self.gather(&mut round, caller.seller, ids.clone()).await?;
        drop(round);
        let today = self.clock.today(&seller.time_zone);
        let mut fed = Fed::new();
        let renewable = || gathered.values().filter(|found| claimable(&found.facts, today).is_ok());
        let missing: Vec<_> = renewable().flat_map(|found| missing_prices(found, &fed)).collect();
        fed.extend(self.ask_feeds(missing).await);
        let mut found = Found { seller, aligned: Vec::new(), alignment: Alignment::default() };
        let mut plans = Vec::new();
        for id in ids {
            let Some(mut gathered) = gathered.remove(&id) else { continue };
            fill_in(&mut gathered, &fed);
            match align(&gathered.facts, day, today) {
                Ok(Some(Aligned { schedule, plan })) => {
                    let number = gathered.facts.next_period.next();
                    found.alignment.services.push((id, schedule.anchor));
                    found.aligned.push((gathered, schedule, number));
                    plans.push(plan);
                }
                Ok(None) => found.alignment.left.push((id, "its periods begin on that day already".to_owned())),
                Err(refusal) => found.alignment.left.push((id, why(&gathered, &fed, &refusal))),
            }
        }
        if !plans.is_empty() {
            let together = Plan::together(plans);
            let too_large = |_| AppError::Conflict(Refusal::AmountTooLarge.to_string());
            found.alignment.plan = Some(together.map_err(too_large)?);
        }
        Ok(found)
    }

    /// Writes the new schedules and the invoice; nothing if a service has changed since it was looked at.
    async fn commit_alignment(&self, caller: &Caller, found: Found) -> Result<Option<Alignment>> {
        let Found { seller, aligned, alignment } = found;
        let Some(plan) = alignment.plan.clone() else { return Ok(None) };
        let mut tx = self.store.begin().await?;
        let mut ids: Vec<ServiceId> = aligned.iter().map(|(gathered, ..)| gathered.facts.service).collect();
        ids.sort_unstable();
        let held = renewals::lock(&mut tx, seller.id, &ids).await?;
        let mut changed: Vec<Service> = Vec::with_capacity(aligned.len());
        for (gathered, schedule, next_period) in &aligned {
            let id = gathered.facts.service;
            let Some(service) = services::get(&mut tx, seller.id, id).await? else { return Ok(None) };
            if held.get(&id) != Some(&gathered.version) {
                return Ok(None);
            }
            let billed_through = Some(schedule.anchor);
            let service = Service { schedule: *schedule, next_period: *next_period, billed_through, ..service };
            changed.push(Service { renew_on: renew_on(&seller, &service), ..service });
        }
        services::upsert(&mut tx, seller.id, &changed).await?;
        let Some((first, ..)) = aligned.first() else { return Ok(None) };
        may_be_issued(&seller, &first.customer, &Planned::of(&plan))?;
        let new = new_invoice(&seller, plan, Vec::new(), first.customer.clone(), caller);
        let invoice = renewals::issue(&mut tx, &seller, &new, self.clock.now()).await?;
        let customer = first.customer.id.0;
        self.note(&mut tx, seller.id, caller, "services.aligned", "customer", customer).await?;
        tx.commit().await?;
        Ok(Some(Alignment { invoice: Some(invoice), ..alignment }))
    }
}

fn why(gathered: &Gathered, fed: &Fed, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoPrice { .. } => why_no_price(gathered, fed, refusal),
        Refusal::OpenInvoice(invoice) => format!("invoice {invoice} is not paid yet"),
        refusal => refusal.to_string(),
    }
}

fn nothing(alignment: &Alignment) -> String {
    if alignment.left.is_empty() {
        return "there is no service to bring to that day".to_owned();
    }
    let left: Vec<String> = alignment.left.iter().map(|(service, why)| format!("service {service}: {why}")).collect();
    format!("no service is brought to that day ({})", left.join("; "))
}
