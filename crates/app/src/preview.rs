//! What the coming runs will issue: the same plans, made ahead in memory.

use std::collections::HashMap;

use jiff::Span;
use jiff::civil::Date;
use perennial_billing::forecast::{Forecast, Subject, forecast};
use perennial_billing::{CustomerId, InvoiceId, SellerId, ServiceId};
use perennial_store::renewals::{Gathered, Round};
use perennial_store::sellers::Seller;
use perennial_store::{invoices, services};

use crate::fed::{Fed, fill_in, missing_prices};
use crate::service::visible;
use crate::{App, AppError, Caller, Problem, Result, customer};

/// How far ahead one can look.
pub const MAX_PREVIEW_MONTHS: i32 = 36;
/// Invoices in one preview at most.
pub const MAX_PREVIEW_INVOICES: usize = 1_000;
/// Services in one preview at most.
pub const MAX_PREVIEW_SERVICES: usize = 1_000;

/// Of whom or what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewOf {
    /// All services of a customer, as they are invoiced together.
    Customer(CustomerId),
    /// One service by itself.
    Service(ServiceId),
}

/// The invoices to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// From this day.
    pub from: Date,
    /// Through this day.
    pub until: Date,
    /// What will be issued, if every invoice is paid on the day it is due and nothing else changes.
    pub forecast: Forecast,
}

impl App {
    /// The invoices that the runs will issue from today through a day; without a day, those of the first run that issues
    /// any. Every invoice is taken for paid on the day it is due. Prices from feeds are asked for now.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a customer or service that is unknown or not the caller's; [`AppError::Invalid`] for a day
    /// before today or more than [`MAX_PREVIEW_MONTHS`] ahead, [`AppError::Conflict`] for too many services.
    pub async fn preview(&self, caller: &Caller, of: PreviewOf, on: Option<Date>) -> Result<Preview> {
        let rules = self.seller_rules(caller.seller).await?;
        let from = self.clock.today(&rules.time_zone);
        let latest = from.saturating_add(Span::new().months(MAX_PREVIEW_MONTHS));
        if on.is_some_and(|on| on < from || on > latest) {
            let reason = format!("must be a day from {from} to {latest}");
            return Err(AppError::Invalid(vec![Problem::new("on", reason)]));
        }
        let services = self.services_of(caller, of).await?;
        if services.len() > MAX_PREVIEW_SERVICES {
            return Err(AppError::Conflict(format!("a preview is for at most {MAX_PREVIEW_SERVICES} services")));
        }
        let (_, subjects) = self.subjects(caller.seller, &services).await?;
        let until = on.unwrap_or(latest);
        let mut forecast = forecast(subjects, from, until, MAX_PREVIEW_INVOICES);
        let first = forecast.invoices.first().map(|plan| plan.issued_on);
        let Some(first) = first.filter(|_| on.is_none()) else { return Ok(Preview { from, until, forecast }) };
        forecast.invoices.retain(|plan| plan.issued_on == first);
        forecast.held.retain(|held| held.from <= first);
        forecast.is_cut = false;
        Ok(Preview { from, until: first, forecast })
    }

    async fn services_of(&self, caller: &Caller, of: PreviewOf) -> Result<Vec<ServiceId>> {
        let mut conn = self.store.read().await?;
        match of {
            PreviewOf::Customer(customer) => {
                customer::visible(&mut conn, caller, customer).await?;
                let limit = i64::try_from(MAX_PREVIEW_SERVICES + 1).unwrap_or(i64::MAX);
                let first = (customer, ServiceId(0));
                let ids = services::ids_by_customer(&mut conn, caller.seller, Some(customer), first, limit).await?;
                Ok(ids.into_iter().map(|(_, service)| service).collect())
            }
            PreviewOf::Service(service) => {
                visible(&mut conn, caller, service).await?;
                Ok(vec![service])
            }
        }
    }

    /// Services with all that their renewals are planned from, in the order they were asked for.
    pub(crate) async fn subjects(
        &self,
        seller: SellerId,
        services: &[ServiceId],
    ) -> Result<(std::sync::Arc<Seller>, Vec<Subject>)> {
        let mut round = Round::look(&self.store).await?;
        let (rules, mut gathered) = self.gather(&mut round, seller, services.to_vec()).await?;
        let open: Vec<InvoiceId> = gathered.values().filter_map(|found| found.facts.open_invoice).collect();
        let due = match open.is_empty() {
            true => HashMap::new(),
            false => invoices::due_days(round.conn().await?, seller, &open).await?,
        };
        drop(round);
        self.feed(gathered.values_mut().collect()).await;
        let subject = |service: &ServiceId| {
            let facts = gathered.remove(service)?.facts;
            let open_invoice_due = facts.open_invoice.and_then(|invoice| due.get(&invoice).copied());
            Some(Subject { facts, open_invoice_due })
        };
        Ok((rules, services.iter().filter_map(subject).collect()))
    }

    /// Asks for the prices that come from feeds and puts them in.
    pub(crate) async fn feed(&self, gathered: Vec<&mut Gathered>) {
        let nothing = Fed::new();
        let missing: std::collections::HashSet<_> =
            gathered.iter().flat_map(|found| missing_prices(found, &nothing)).collect();
        let fed = self.ask_feeds(missing).await;
        gathered.into_iter().for_each(|found| fill_in(found, &fed));
    }
}
