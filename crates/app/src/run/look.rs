//! What a run issues, and why it leaves services alone: the same for one that writes and one that does not.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Span;
use jiff::civil::Date;
use perennial_billing::renewal::{Plan, Refusal, invoices, plan};
use perennial_billing::run::{Hold, hold};
use perennial_billing::{CustomerId, PeriodNumber, SellerId, ServiceId};
use perennial_store::renewals::{Gathered, NewInvoice, Round};
use perennial_store::runs::RunProblem;
use perennial_store::sellers::Seller;

use crate::e_invoice::{Planned, blocked};
use crate::fed::{Fed, fill_in, missing_prices, why_no_price};
use crate::feed::PriceQuery;
use crate::renew::new_invoice;
use crate::{Actor, App, Result};

/// One look at what is due.
#[derive(Debug)]
pub(crate) struct Looked {
    pub seller: Arc<Seller>,
    pub invoices: Vec<NewInvoice>,
    pub problems: Vec<RunProblem>,
    /// What price feeds have to be asked for first.
    pub missing: HashSet<PriceQuery>,
}

impl Looked {
    fn problem(
        &mut self,
        (customer, service): (CustomerId, ServiceId),
        period: Option<PeriodNumber>,
        is_failure: bool,
        reason: String,
    ) {
        self.problems.push(RunProblem { customer, service, period, is_failure, reason, failures: 1 });
    }
}

/// The invoices for plans, by customer.
fn together(seller: &Seller, planned: Vec<(Plan, Gathered)>, actor: Actor) -> Vec<NewInvoice> {
    let mut new = Vec::new();
    let mut planned = planned.into_iter().peekable();
    while let Some((first, found)) = planned.next() {
        let (customer, invoicing) = (found.customer, found.facts.invoicing);
        let (mut plans, mut versions) = (vec![first], vec![(found.facts.service, found.version)]);
        while let Some((next, found)) = planned.next_if(|(_, found)| found.customer.id == customer.id) {
            plans.push(next);
            versions.push((found.facts.service, found.version));
        }
        for plan in invoices(plans, invoicing) {
            let version =
                |service| versions.iter().find(|(known, _)| *known == service).map_or(0, |(_, version)| *version);
            let versions = plan.claims.iter().map(|claim| version(claim.service)).collect();
            new.push(new_invoice(seller, plan, versions, customer.clone(), actor));
        }
    }
    new
}

impl App {
    /// What the run would issue for these services today, by customer and service, with a price from the feeds.
    pub(super) async fn look_at_alone(
        &self,
        seller: SellerId,
        services: &[(CustomerId, ServiceId)],
        through: Date,
    ) -> Result<Looked> {
        let mut fed = Fed::new();
        loop {
            let mut round = Round::look(&self.store).await?;
            let looked = self.look(&mut round, seller, services, &fed, through, Actor::Schedule).await?;
            drop(round);
            if looked.missing.is_empty() {
                return Ok(looked);
            }
            fed.extend(self.ask_feeds(looked.missing).await);
        }
    }

    /// What a run issues for these services, and why it does not for others; or the prices that have to be asked for first.
    pub(super) async fn look(
        &self,
        round: &mut Round,
        seller: SellerId,
        services: &[(CustomerId, ServiceId)],
        fed: &Fed,
        through: Date,
        actor: Actor,
    ) -> Result<Looked> {
        let ids = services.iter().map(|(_, service)| *service).collect();
        let (seller, mut gathered) = self.gather(round, seller, ids).await?;
        let today = self.clock.today(&seller.time_zone);
        let joined_through = through.saturating_add(Span::new().days(i64::from(seller.runs.consolidation_days)));
        let mut looked = Looked { seller, invoices: Vec::new(), problems: Vec::new(), missing: HashSet::new() };
        let mut planned: Vec<(Plan, Gathered)> = Vec::new();
        for (customer, service) in services.iter().copied() {
            let Some(mut found) = gathered.remove(&service) else {
                looked.problem((customer, service), None, false, "the service is gone".to_owned());
                continue;
            };
            let period = Some(found.facts.next_period);
            if let Some(hold) = hold(&found.facts, today, joined_through) {
                looked.problem((customer, service), period, false, hold.to_string());
                continue;
            }
            let missing = missing_prices(&found, fed);
            if !missing.is_empty() {
                looked.missing.extend(missing);
                continue;
            }
            fill_in(&mut found, fed);
            match plan(&found.facts, today) {
                Ok(plan) => match blocked(&looked.seller, &found.customer, &Planned::of(&plan)) {
                    None => planned.push((plan, found)),
                    Some(why) => looked.problem((customer, service), period, true, Refusal::EInvoice(why).to_string()),
                },
                Err(refusal @ Refusal::NoPrice { .. }) => {
                    let reason = why_no_price(&found, fed, &refusal);
                    looked.problem((customer, service), period, true, reason);
                }
                Err(refusal @ (Refusal::AmountTooLarge | Refusal::PastCalendar)) => {
                    looked.problem((customer, service), period, true, refusal.to_string());
                }
                Err(refusal) => looked.problem((customer, service), period, false, Hold::Refused(refusal).to_string()),
            }
        }
        looked.invoices = together(&looked.seller, planned, actor);
        Ok(looked)
    }
}
