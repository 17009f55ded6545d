//! Another product, quantity or cycle for a service: what is billed ahead is given back and billed anew, in one
//! transaction with the change.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::civil::Date;
use perennial_billing::change::{self, Ahead, Change, ChangeRefusal, Sold, TakenBack};
use perennial_billing::line::Line;
use perennial_billing::renewal::Plan;
use perennial_billing::{
    AddonId, Cycle, InvoiceId, Money, PeriodNumber, PriceRule, PriceSource, ProductId, Quantity, Refusal, Schedule,
    ServiceChangeId, ServiceId,
};
use perennial_store::changes::{self, BILLED_ELSEWHERE, ServiceChange};
use perennial_store::ids::{self, IdKind};
use perennial_store::renewals::{self, Gathered, Round, WrittenInvoice};
use perennial_store::sellers::Seller;
use perennial_store::services::{self, Service};
use perennial_store::{StoreError, Tx, addons, prices, products};

use crate::e_invoice::{Planned, may_be_issued};
use crate::error::refuse;
use crate::fed::{Fed, feed_failure, fill_in, missing_prices};
use crate::feed::PriceQuery;
use crate::renew::{MAX_ATTEMPTS, new_invoice};
use crate::service::{quantity_and_price, renew_on, visible};
use crate::{App, AppError, Caller, Result};

/// Changes of a service on one page at most.
pub const MAX_CHANGES_LISTED: i64 = 100;

/// The cycles that a price feed is asked about when a customer wants to see what there is; a catalogue says itself.
const FED_CYCLES: [&str; 6] = ["1m", "3m", "6m", "1y", "2y", "3y"];

/// What a service is to become; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeRequest {
    /// Which product.
    pub product: Option<ProductId>,
    /// How many.
    pub quantity: Option<Quantity>,
    /// How often it is renewed.
    pub cycle: Option<Cycle>,
    /// Whether an unpaid renewal invoice is taken back for it, rather than being in the way.
    pub takes_back: bool,
}

/// A change as it was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What it comes to.
    pub change: Change,
    /// What the service was.
    pub from: Sold,
    /// What it is from then on.
    pub to: Sold,
    /// The invoice over the difference; none if there is none, or nothing was written.
    pub invoice: Option<WrittenInvoice>,
    /// The unpaid invoice that was taken back.
    pub taken_back: Option<InvoiceId>,
}

/// A cycle that a service can have, and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CycleOffer {
    /// The cycle.
    pub cycle: Cycle,
    /// What the service itself costs for one period that begins today, without tax.
    pub price: Money,
    /// Whether it has this cycle.
    pub is_current: bool,
}

/// A service as a change finds it, or the sale of an add-on.
pub(crate) struct Found {
    pub seller: Arc<Seller>,
    pub gathered: Gathered,
    /// What is billed and not over.
    pub ahead: Ahead,
    pub today: Date,
}

/// What has to be known before something can be planned.
enum Needs<T> {
    Prices(HashSet<PriceQuery>),
    Nothing(T),
}

impl App {
    /// Changes what a service is, and bills the difference: now if it costs more, from the next period on if it costs less.
    ///
    /// # Errors
    /// [`AppError::Blocked`] by an unpaid renewal invoice, unless it is to be taken back; [`AppError::Conflict`] for a
    /// service that cannot be changed or is so already; [`AppError::NotFound`] for an unknown service or product;
    /// [`AppError::Invalid`] for a quantity of nothing; [`AppError::PriceUnavailable`].
    pub async fn change(&self, caller: &Caller, service: ServiceId, request: ChangeRequest) -> Result<Changed> {
        self.change_or_preview(caller, service, request, false).await
    }

    /// What [`App::change`] would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// As [`App::change`].
    pub async fn preview_change(&self, caller: &Caller, service: ServiceId, request: ChangeRequest) -> Result<Changed> {
        self.change_or_preview(caller, service, request, true).await
    }

    async fn change_or_preview(
        &self,
        caller: &Caller,
        service: ServiceId,
        request: ChangeRequest,
        is_preview: bool,
    ) -> Result<Changed> {
        refuse(quantity_and_price(request.quantity.unwrap_or(Quantity::ONE), None))?;
        let mut fed = Fed::new();
        for _ in 0..MAX_ATTEMPTS {
            let (found, after, taken_back) = match self.look_at_change(caller, service, request, &fed).await? {
                Needs::Prices(queries) => {
                    fed.extend(self.ask_feeds(queries).await);
                    continue;
                }
                Needs::Nothing(looked) => looked,
            };
            let before = &found.gathered.facts;
            let change = change::change(before, &after.facts, &found.ahead, found.today)
                .map_err(|refusal| refused(refusal, &after, &fed))?;
            let changed = Changed {
                change,
                from: Sold::of(&found.gathered.facts),
                to: Sold::of(&after.facts),
                invoice: None,
                taken_back: taken_back.as_ref().map(|taken| taken.invoice),
            };
            if is_preview {
                return Ok(changed);
            }
            match self.commit_change(caller, &found, &after, changed).await {
                Ok(Some(changed)) => return Ok(changed),
                Ok(None) | Err(AppError::Store(StoreError::Retry(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AppError::Contention)
    }

    /// Reads a service as it is and as it is to become.
    async fn look_at_change(
        &self,
        caller: &Caller,
        service: ServiceId,
        request: ChangeRequest,
        fed: &Fed,
    ) -> Result<Needs<(Found, Gathered, Option<TakenBack>)>> {
        let mut round = Round::look(&self.store).await?;
        let (seller, mut before) = self.gather_one(&mut round, caller, service).await?;
        let taken_back = match before.facts.open_invoice.filter(|_| request.takes_back) {
            Some(invoice) => {
                let taken = changes::can_take_back(round.conn().await?, seller.id, service, invoice).await?;
                // A period from before the schedule it has is one that a change of the schedule has billed.
                let taken = taken.filter(|taken| taken.from >= before.facts.schedule.first);
                let shared = || {
                    AppError::Conflict(format!(
                        "Invoice {invoice} bills other services too, or what an earlier change costs, and cannot be taken back for this one: have it paid first"
                    ))
                };
                Some(taken.ok_or_else(shared)?)
            }
            None => None,
        };
        if let Some(taken) = &taken_back {
            taken.applied(&mut before.facts);
        }
        change::changeable(&before.facts).map_err(|refusal| refused(refusal.into(), &before, fed))?;
        let mut after = before.clone();
        if let Some(product) = request.product.filter(|product| *product != before.facts.item.product) {
            let known = products::get(round.conn().await?, seller.id, product).await?;
            let (product, version) = known.ok_or(AppError::NotFound("Product"))?;
            after.becomes(&product, version);
        }
        if let Some(cycle) = request.cycle.filter(|cycle| *cycle != before.facts.schedule.cycle) {
            after.recurs(cycle);
        }
        let facts = &mut after.facts;
        facts.item.quantity = request.quantity.unwrap_or(facts.item.quantity);
        facts.lead = seller.runs.lead(facts.customer, facts.item.product, facts.schedule.cycle);
        self.known.fill_prices(round.conn().await?, seller.id, std::iter::once(&mut after)).await?;
        let missing: HashSet<_> = missing_prices(&before, fed).union(&missing_prices(&after, fed)).cloned().collect();
        if !missing.is_empty() {
            return Ok(Needs::Prices(missing));
        }
        fill_in(&mut before, fed);
        fill_in(&mut after, fed);
        let found = self.found(&mut round, seller, before, fed).await?;
        Ok(Needs::Nothing((found, after, taken_back)))
    }

    /// A service that the caller may see, with what decides its renewal.
    pub(crate) async fn gather_one(
        &self,
        round: &mut Round,
        caller: &Caller,
        service: ServiceId,
    ) -> Result<(Arc<Seller>, Gathered)> {
        let (seller, mut gathered) = self.gather(round, caller.seller, vec![service]).await?;
        let found = gathered.remove(&service).filter(|found| caller.may_see(found.customer.id));
        Ok((seller, found.ok_or(AppError::NotFound("Service"))?))
    }

    /// It with what is billed of it and of its add-ons and not over.
    pub(crate) async fn found(
        &self,
        round: &mut Round,
        seller: Arc<Seller>,
        gathered: Gathered,
        fed: &Fed,
    ) -> Result<Found> {
        let today = self.clock.today(&seller.time_zone);
        let facts = &gathered.facts;
        let own_terms = facts.addons.iter().filter(|addon| addon.term.is_some()).map(|addon| addon.id);
        let own_terms: Vec<AddonId> = own_terms.collect();
        let conn = round.conn().await?;
        let known = changes::billed(conn, seller.id, facts.service, facts.currency, &own_terms, today).await?;
        let known = known.into_iter().filter_map(|mut billed| {
            if billed.number == BILLED_ELSEWHERE {
                billed.number = facts.schedule.number_starting(billed.period.starts)?;
            }
            (billed.number < facts.next_period).then_some(billed)
        });
        let known = known.collect();
        let made = changes::of_service(conn, seller.id, facts.service, None, MAX_CHANGES_LISTED).await?;
        let made: Vec<ServiceChange> = made.into_iter().filter(|change| change.addon.is_none()).collect();
        let next = facts.billed_through();
        // The first of those that wait says what is billed.
        let waits = |change: &&ServiceChange| change.invoice.is_none() && Some(change.effective_on) == next;
        let billed_as = made.iter().take_while(waits).last().map_or(Sold::of(facts), |change| change.from);
        let was_changed = billed_as != Sold::of(facts) || made.iter().any(|change| change.invoice.is_some());
        let billed = change::all_billed(facts, known, was_changed, today);
        let billed = billed.map_err(|no| refused(no.into(), &gathered, fed))?;
        let ahead = Ahead { billed_as, billed };
        Ok(Found { seller, gathered, ahead, today })
    }

    /// Writes a change, with its invoice; nothing if the service has changed since it was looked at.
    async fn commit_change(
        &self,
        caller: &Caller,
        found: &Found,
        after: &Gathered,
        changed: Changed,
    ) -> Result<Option<Changed>> {
        let (seller, id) = (caller.seller, found.gathered.facts.service);
        let mut tx = self.store.begin().await?;
        let Some(mut service) = unchanged(&mut tx, caller, &found.gathered).await? else { return Ok(None) };
        if let Some(invoice) = changed.taken_back {
            let reason = format!("Service {id} is changed");
            if !self.withdraw(&mut tx, &found.seller, caller, invoice, &reason).await? {
                return Ok(None);
            }
            let terms = found.gathered.facts.addons.iter().filter_map(|addon| Some((addon.id, addon.term?)));
            addons::set_terms(&mut tx, seller, &terms.collect::<Vec<_>>()).await?;
            service.discount.clone_from(&found.gathered.facts.discount);
            self.note(&mut tx, seller, caller, "invoice.taken_back", "invoice", invoice.0).await?;
        }
        let (facts, change) = (&found.gathered.facts, &changed.change);
        service.product = after.facts.item.product;
        service.quantity = after.facts.item.quantity;
        service.campaign = after.facts.item.campaign;
        if after.facts.item.rule == PriceRule::Follow {
            (service.own_price_minor, service.own_price_through, service.price_kept_on) = (None, None, None);
        }
        service.schedule = change.schedule;
        service.next_period = facts.next_period;
        let next = change.schedule.period(facts.next_period).ok().flatten();
        service.billed_through = next.map(|period| period.starts);
        if let Some(from) = change.given_back.iter().map(|(_, from)| *from).min() {
            service.paid_through = service.paid_through.map(|paid| paid.min(from));
        }
        service.renew_on = renew_on(&found.seller, &service);
        services::upsert(&mut tx, seller, &[service]).await?;
        changes::give_back(&mut tx, seller, id, &change.given_back).await?;
        let invoice = self.issue(&mut tx, caller, found, change.invoice.clone()).await?;
        let record = ServiceChange {
            id: ServiceChangeId(ids::take(&mut tx, IdKind::ServiceChange, 1).await?[0]),
            service: id,
            addon: None,
            at: self.clock.now(),
            actor: caller.actor.to_string(),
            effective_on: change.effective_on,
            from: changed.from,
            to: changed.to,
            invoice: invoice.as_ref().map(|invoice| invoice.id),
            taken_back: changed.taken_back,
        };
        changes::insert(&mut tx, seller, &record).await?;
        self.note(&mut tx, seller, caller, "service.changed", "service", id.0).await?;
        tx.commit().await?;
        Ok(Some(Changed { invoice, ..changed }))
    }

    /// Issues what a change bills now, or the sale of an add-on.
    pub(crate) async fn issue(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        found: &Found,
        plan: Option<Plan>,
    ) -> Result<Option<WrittenInvoice>> {
        let Some(plan) = plan else { return Ok(None) };
        may_be_issued(&found.seller, &found.gathered.customer, &Planned::of(&plan))?;
        let new = new_invoice(&found.seller, plan, Vec::new(), found.gathered.customer.clone(), caller);
        Ok(Some(renewals::issue(tx, &found.seller, &new, self.clock.now()).await?))
    }

    /// What is left today of all that is billed of a service, without tax, with the lines that would give it back: what it
    /// would not have used if it ended now.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's; [`AppError::Conflict`] when nobody knows what was
    /// billed for it.
    pub async fn unused(&self, caller: &Caller, service: ServiceId) -> Result<(Money, Vec<Line>)> {
        let mut round = Round::look(&self.store).await?;
        let (seller, mut gathered) = self.gather_one(&mut round, caller, service).await?;
        let missing = missing_prices(&gathered, &Fed::new());
        drop(round);
        let fed = self.ask_feeds(missing).await;
        fill_in(&mut gathered, &fed);
        let found = self.found(&mut Round::look(&self.store).await?, seller, gathered, &fed).await?;
        let facts = &found.gathered.facts;
        change::unused(facts, &found.ahead.billed, found.today).map_err(|no| refused(no.into(), &found.gathered, &fed))
    }

    /// The changes of a service, newest first: one page, before this one.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's.
    pub async fn changes_of(
        &self,
        caller: &Caller,
        service: ServiceId,
        before: Option<ServiceChangeId>,
        limit: i64,
    ) -> Result<Vec<ServiceChange>> {
        let mut conn = self.store.read().await?;
        visible(&mut conn, caller, service).await?;
        let limit = limit.clamp(1, MAX_CHANGES_LISTED + 1);
        Ok(changes::of_service(&mut conn, caller.seller, service, before, limit).await?)
    }

    /// The cycles that a service can have, the shortest first, with its own among them.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's; [`AppError::PriceUnavailable`] when there is no
    /// price for the cycle it has.
    pub async fn cycles_of(&self, caller: &Caller, service: ServiceId) -> Result<(Gathered, Vec<CycleOffer>)> {
        let mut round = Round::look(&self.store).await?;
        let (seller, mut gathered) = self.gather_one(&mut round, caller, service).await?;
        let today = self.clock.today(&seller.time_zone);
        let current = gathered.facts.schedule.cycle;
        let product = gathered.facts.item.product;
        let mut fed = Fed::new();
        let mut cycles: HashSet<Cycle> = HashSet::from([current]);
        match &gathered.price_source {
            PriceSource::Catalogue => {
                let versions = prices::of_products(round.conn().await?, seller.id, &[product]).await?;
                cycles.extend(versions.iter().map(|version| version.cycle));
                gathered.facts.prices = versions;
            }
            PriceSource::Feed(feed) => {
                drop(round);
                cycles.extend(FED_CYCLES.iter().filter_map(|cycle| cycle.parse::<Cycle>().ok()));
                let currency = gathered.facts.currency;
                let query = |cycle: &Cycle| PriceQuery { feed: feed.clone(), product, cycle: *cycle, currency };
                fed = self.ask_feeds(cycles.iter().map(query)).await;
            }
        }
        let mut found = Vec::new();
        for cycle in cycles.into_iter().filter(|cycle| cycle.is_recurring()) {
            let mut offered = gathered.clone();
            let is_current = cycle == current;
            if !is_current {
                offered.recurs(cycle);
            }
            fill_in(&mut offered, &fed);
            match change::price_of(&offered.facts, today) {
                Ok(price) => found.push(CycleOffer { cycle, price, is_current }),
                Err(no) if is_current => return Err(refused(no.into(), &offered, &fed)),
                // There is none for this one.
                Err(_) => {}
            }
        }
        // Their periods from one day on say which is the shortest.
        let length = |cycle| Schedule::new(today, cycle).period(PeriodNumber(0)).ok().flatten().map(|p| p.ends);
        found.sort_by_key(|offer| length(offer.cycle));
        Ok((gathered, found))
    }
}

/// The service, held until the transaction ends, if it is as it was looked at.
pub(crate) async fn unchanged(tx: &mut Tx, caller: &Caller, gathered: &Gathered) -> Result<Option<Service>> {
    let id = gathered.facts.service;
    let versions = renewals::lock(tx, caller.seller, &[id]).await?;
    if versions.get(&id) != Some(&gathered.version) {
        return Ok(None);
    }
    Ok(services::get(tx, caller.seller, id).await?)
}

/// Why nothing is changed, as the doors tell it.
pub(crate) fn refused(refusal: ChangeRefusal, asked: &Gathered, fed: &Fed) -> AppError {
    match refusal {
        ChangeRefusal::Renewal(Refusal::OpenInvoice(invoice)) => AppError::Blocked(invoice),
        ChangeRefusal::Renewal(refusal @ Refusal::NoPrice { .. }) => match feed_failure(asked, fed) {
            Some(failure) => AppError::PriceUnavailable(failure),
            None => AppError::Conflict(format!("There is {refusal}")),
        },
        refusal => AppError::Conflict(refusal.to_string()),
    }
}
