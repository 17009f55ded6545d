//! Renewing: the one function behind every door, for a list of requests. One is a list of one.
//!
//! An attempt gathers, plans and commits in a constant number of statements, whatever the size of the list; only the
//! commit is a transaction. What could not be settled is attempted again: a service that changed since it was gathered,
//! or one whose price has to be asked for first, which happens between attempts and outside of any transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use perennial_billing::renewal::{MAX_CHOSEN_ADDONS, MAX_ORDERED_PERIODS, Plan, Refusal, claimable, plan_periods};
use perennial_billing::{AddonId, CustomerId, InvoiceId, PeriodNumber, RunId, SellerId, ServiceId};
use perennial_store::StoreError;
use perennial_store::customers::Customer;
use perennial_store::renewals::{self, AnswersFor, Gathered, NewInvoice, Round, WrittenInvoice};
use perennial_store::sellers::{OpenInvoicePolicy, Seller};

use crate::caller::DoneBy;
use crate::e_invoice::{Planned, blocked};
use crate::error::refuse;
use crate::fed::{Fed, fill_in, missing_prices, why_no_price};
use crate::feed::PriceQuery;
use crate::once::OnceRenewal;
use crate::{Actor, App, AppError, Caller, Problem, Result};

/// Services in one call at most.
pub const MAX_BATCH_SERVICES: usize = 1_000;
/// How often a request is attempted before its service counts as contended.
pub(crate) const MAX_ATTEMPTS: u32 = 5;

/// What became of one service of a list.
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
    /// It could not be settled, while others of the list were. The same call may succeed later.
    Failed(String),
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

/// How much of a service is renewed; by default one period, with all that is sold on top of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// How many periods, at most [`MAX_ORDERED_PERIODS`].
    pub periods: u16,
    /// Which of its add-ons, at most [`MAX_CHOSEN_ADDONS`]; without, all of them. One that is left out is not billed for
    /// these periods.
    pub addons: Option<Vec<AddonId>>,
}

impl Default for Order {
    fn default() -> Self {
        Self { periods: 1, addons: None }
    }
}

impl Order {
    pub(crate) fn check(&self) -> Result<()> {
        let mut problems = Vec::new();
        if !(1..=MAX_ORDERED_PERIODS).contains(&self.periods) {
            problems.push(Problem::new("periods", format!("must be from 1 to {MAX_ORDERED_PERIODS}")));
        }
        if self.addons.as_ref().is_some_and(|addons| addons.len() > MAX_CHOSEN_ADDONS) {
            problems.push(Problem::new("addonIds", format!("must be at most {MAX_CHOSEN_ADDONS}")));
        }
        refuse(problems)
    }
}

/// A request to renew one service.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub caller: Caller,
    pub service: ServiceId,
    pub order: Order,
    /// What price feeds answered for it, or why they gave nothing.
    pub fed: Fed,
    /// The period that was next when the request was first looked at: it is this one that is asked for, and if somebody
    /// else bills it meanwhile, their invoice is the answer.
    pub wanted: Option<PeriodNumber>,
    /// How it is answered for good, if it is to be carried out once.
    pub once: Option<OnceRenewal>,
}

impl Ask {
    pub fn new(caller: Caller, service: ServiceId, order: Order) -> Self {
        Self { caller, service, order, fed: Fed::new(), wanted: None, once: None }
    }
}

/// How far one attempt came with a request.
#[derive(Debug)]
pub(crate) enum Step {
    /// It is settled.
    Settled(Outcome),
    /// These prices have to be asked for first.
    NeedsPrices(HashSet<PriceQuery>),
    /// The service changed in between, or somebody else was faster: look again.
    Again,
}

impl App {
    /// Renews services: claims the next period of each and issues its invoice. The answer has one entry per service, in
    /// the order they were asked for; a service named twice is renewed once. One that is refused takes nothing down with it.
    ///
    /// # Errors
    /// Only what concerns the whole list: the database is away, or others change the same services without pause.
    pub async fn renew(&self, caller: &Caller, services: &[ServiceId]) -> Result<Vec<Renewal>> {
        self.renew_or_preview(caller, services, &Order::default(), false).await
    }

    /// As [`App::renew`], with several periods of each service, or without some of the add-ons.
    ///
    /// # Errors
    /// As [`App::renew`], and [`AppError::Invalid`] for too many periods or add-ons.
    pub async fn renew_ordered(&self, caller: &Caller, services: &[ServiceId], order: &Order) -> Result<Vec<Renewal>> {
        self.renew_or_preview(caller, services, order, false).await
    }

    /// What [`App::renew_ordered`] would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// As [`App::renew_ordered`].
    pub async fn preview_ordered(
        &self,
        caller: &Caller,
        services: &[ServiceId],
        order: &Order,
    ) -> Result<Vec<Renewal>> {
        self.renew_or_preview(caller, services, order, true).await
    }

    /// What [`App::renew`] would do now, from the same code, without writing anything.
    ///
    /// # Errors
    /// As [`App::renew`].
    pub async fn preview_renewal(&self, caller: &Caller, services: &[ServiceId]) -> Result<Vec<Renewal>> {
        self.renew_or_preview(caller, services, &Order::default(), true).await
    }

    async fn renew_or_preview(
        &self,
        caller: &Caller,
        services: &[ServiceId],
        order: &Order,
        is_preview: bool,
    ) -> Result<Vec<Renewal>> {
        order.check()?;
        if services.len() > MAX_BATCH_SERVICES {
            return Err(AppError::Conflict(format!(
                "at most {MAX_BATCH_SERVICES} services can be renewed in one call"
            )));
        }
        let mut seen = HashSet::new();
        let distinct = services.iter().copied().filter(|service| seen.insert(*service));
        let mut asks: Vec<Ask> = distinct.map(|service| Ask::new(*caller, service, order.clone())).collect();
        let mut outcomes: HashMap<ServiceId, Outcome> = HashMap::new();
        for _ in 0..MAX_ATTEMPTS {
            let steps = match self.attempt(caller.seller, &mut asks, is_preview).await {
                Ok(steps) => steps,
                // What is issued already must be told.
                Err(error) if !outcomes.is_empty() => {
                    let failed = asks.drain(..).map(|ask| (ask.service, Outcome::Failed(error.to_string())));
                    outcomes.extend(failed);
                    break;
                }
                Err(error) => return Err(error),
            };
            let mut unsettled = Vec::new();
            let mut queries = HashSet::new();
            for (ask, step) in asks.into_iter().zip(steps) {
                match step {
                    Step::Settled(outcome) => {
                        outcomes.insert(ask.service, outcome);
                        continue;
                    }
                    Step::NeedsPrices(wanted) => queries.extend(wanted),
                    Step::Again => {}
                }
                unsettled.push(ask);
            }
            asks = unsettled;
            if asks.is_empty() {
                break;
            }
            let fed = self.ask_feeds(queries).await;
            asks.iter_mut().for_each(|ask| ask.fed.extend(fed.clone()));
        }
        let find = |service: &ServiceId| {
            let contended = || Outcome::Failed(AppError::Contention.to_string());
            Renewal { service: *service, outcome: outcomes.get(service).cloned().unwrap_or_else(contended) }
        };
        Ok(services.iter().map(find).collect())
    }

    /// Gathers, plans and commits requests of one seller, as far as it goes. The steps are in the order of the requests.
    pub(crate) async fn attempt(&self, seller: SellerId, asks: &mut [Ask], is_preview: bool) -> Result<Vec<Step>> {
        let mut round = if is_preview { Round::look(&self.store).await? } else { Round::begin(&self.store).await? };
        let services: Vec<ServiceId> = asks.iter().map(|ask| ask.service).collect();
        let (seller, gathered) = self.gather(&mut round, seller, services).await?;
        let mut gathered: HashMap<ServiceId, Option<Gathered>> =
            gathered.into_iter().map(|(service, found)| (service, Some(found))).collect();
        let today = self.clock.today(&seller.time_zone);
        let overtaken = self.overtaken(&mut round, seller.id, asks, &gathered).await?;
        let mut steps = Vec::with_capacity(asks.len());
        let mut planned: Vec<(usize, NewInvoice, i64)> = Vec::new();
        for (place, ask) in asks.iter().enumerate() {
            let is_visible = |g: &Gathered| ask.caller.may_see(g.customer.id);
            let step = match gathered.get_mut(&ask.service) {
                Some(Some(found)) if is_visible(found) && overtaken.contains_key(&place) => {
                    let (service_type, policy) = (found.service_type, seller.open_invoice_policy);
                    Step::Settled(Outcome::Open { invoice: overtaken[&place], service_type, policy })
                }
                Some(Some(found)) if is_visible(found) => {
                    let step = look_at(&seller, found, ask, today);
                    if let Step::Settled(Outcome::Planned(plan)) = step {
                        if let Some(why) = blocked(&seller, &found.customer, &Planned::of(&plan)) {
                            Step::Settled(Outcome::Refused(Refusal::EInvoice(why)))
                        } else if is_preview {
                            Step::Settled(Outcome::Planned(plan))
                        } else {
                            planned.extend(gathered.insert(ask.service, None).flatten().map(|found| {
                                let service_type = found.service_type;
                                let versions = vec![found.version; plan.claims.len()];
                                let new = new_invoice(&seller, *plan, versions, found.customer, &ask.caller);
                                (place, new, service_type)
                            }));
                            Step::Again
                        }
                    } else {
                        step
                    }
                }
                // Another request of this list renews it: see what came of that.
                Some(None) => Step::Again,
                Some(Some(_)) | None => Step::Settled(Outcome::NotFound),
            };
            steps.push(step);
        }
        for (place, outcome) in self.commit(round, &seller, planned, asks).await? {
            steps[place] = Step::Settled(outcome);
        }
        Ok(steps)
    }

    /// The requests whose period somebody else has billed since they were first looked at, by place, with the invoice that
    /// did. Without this, a period that costs nothing, or is paid at once, would let a repeat bill the one after it.
    async fn overtaken(
        &self,
        round: &mut Round,
        seller: SellerId,
        asks: &mut [Ask],
        gathered: &HashMap<ServiceId, Option<Gathered>>,
    ) -> Result<HashMap<usize, InvoiceId>> {
        let mut late = Vec::new();
        for (place, ask) in asks.iter_mut().enumerate() {
            let Some(Some(found)) = gathered.get(&ask.service) else { continue };
            let next = found.facts.next_period;
            let wanted = *ask.wanted.get_or_insert(next);
            if wanted < next {
                late.push((place, ask.service, wanted));
            }
        }
        if late.is_empty() {
            return Ok(HashMap::new());
        }
        let claims: Vec<(ServiceId, PeriodNumber)> =
            late.iter().map(|(_, service, wanted)| (*service, *wanted)).collect();
        let billed = renewals::billed(round.conn().await?, seller, &claims).await?;
        let find = |(place, service, wanted)| Some((place, *billed.get(&(service, wanted))?));
        Ok(late.into_iter().filter_map(find).collect())
    }

    /// Services with all that decides their renewal, but for what feeds have to be asked for.
    pub(crate) async fn gather(
        &self,
        round: &mut Round,
        seller: SellerId,
        mut services: Vec<ServiceId>,
    ) -> Result<(Arc<Seller>, HashMap<ServiceId, Gathered>)> {
        services.sort_unstable();
        services.dedup();
        let mut seller = self.known.seller(round.conn().await?, seller).await?;
        let mut gathered = round.gather(&seller, &services).await?;
        if gathered.values().any(|found| found.seller_version != seller.version) {
            seller = self.known.read_seller(round.conn().await?, seller.id).await?;
            gathered = round.gather(&seller, &services).await?;
        }
        self.known.fill_prices(round.conn().await?, seller.id, gathered.values_mut()).await?;
        Ok((seller, gathered))
    }

    /// Writes the plans in one transaction. What is missing in the answer has to be looked at again.
    async fn commit(
        &self,
        round: Round,
        seller: &Seller,
        planned: Vec<(usize, NewInvoice, i64)>,
        asks: &[Ask],
    ) -> Result<Vec<(usize, Outcome)>> {
        let (asked, new): (Vec<(usize, i64)>, Vec<NewInvoice>) =
            planned.into_iter().map(|(place, new, service_type)| ((place, service_type), new)).unzip();
        let once: Vec<Option<&OnceRenewal>> = asked.iter().map(|(place, _)| asks[*place].once.as_ref()).collect();
        let now = self.clock.now();
        let answers = |written: &[Option<WrittenInvoice>]| {
            let mut answers = Vec::new();
            for (place, invoice) in written.iter().enumerate() {
                let (Some(once), Some(invoice)) = (once[place], invoice) else { continue };
                let (invoice, plan) = (invoice.clone(), new[place].plan.clone());
                let renewed = Renewed { invoice, plan, service_type: asked[place].1, mailed: new[place].mail };
                answers.push(once.once.answer((once.answer)(&renewed), now));
            }
            answers
        };
        let is_named = once.iter().any(Option::is_some);
        let written = self.write(round, seller, &new, None, is_named.then_some(&answers as &AnswersFor<'_>)).await?;
        for (once, _) in once.iter().zip(&written).filter(|(_, invoice)| invoice.is_some()) {
            once.iter().for_each(|once| once.once.kept());
        }
        let renewed = new.into_iter().zip(written).zip(asked).filter_map(|((new, invoice), (place, service_type))| {
            let renewed = Renewed { invoice: invoice?, plan: new.plan, service_type, mailed: new.mail };
            Some((place, Outcome::Renewed(Box::new(renewed))))
        });
        Ok(renewed.collect())
    }

    /// Writes invoices in one transaction; none for one that has to be looked at again.
    pub(crate) async fn write(
        &self,
        round: Round,
        seller: &Seller,
        new: &[NewInvoice],
        run: Option<RunId>,
        answers: Option<&AnswersFor<'_>>,
    ) -> Result<Vec<Option<WrittenInvoice>>> {
        match round.commit(seller, new, self.clock.now(), run, answers).await {
            // Another node was faster or in the way: everything is rolled back and looked at again.
            Err(StoreError::Retry(_)) => Ok(vec![None; new.len()]),
            Err(StoreError::Unique { table, .. }) if table.starts_with("periods") || table.starts_with("answers") => {
                Ok(vec![None; new.len()])
            }
            outcome => {
                let written = outcome?;
                if seller.applies_credit {
                    let issued = new.iter().zip(&written).filter(|(_, written)| written.is_some());
                    self.spend_credit(seller.id, issued.map(|(new, _)| new.customer.id).collect()).await;
                }
                Ok(written)
            }
        }
    }

    /// Pays what these customers owe from their credit. The invoices stand, whatever becomes of that: what could not be done
    /// now is done with the next invoice, or by hand.
    async fn spend_credit(&self, seller: SellerId, mut customers: Vec<CustomerId>) {
        customers.sort_unstable();
        customers.dedup();
        let caller = Caller { actor: Actor::Schedule, ..Caller::cli(seller) };
        for customer in customers {
            if let Err(error) = self.apply_all_credit(&caller, customer).await {
                tracing::warn!(%error, "the credit of customer {customer} was not applied: {error}");
            }
        }
    }
}

/// What would be issued for one gathered service, or why it is not; prices that are not known yet are asked for only if
/// the service could be renewed at all.
fn look_at(seller: &Seller, found: &mut Gathered, ask: &Ask, today: jiff::civil::Date) -> Step {
    let mut chosen;
    let found = match &ask.order.addons {
        None => found,
        Some(addons) => {
            // Other requests of this list may be for the same service, with all of its add-ons.
            chosen = found.clone();
            if let Err(unknown) = chosen.choose(addons) {
                return Step::Settled(Outcome::Refused(Refusal::UnknownAddon(unknown)));
            }
            &mut chosen
        }
    };
    if claimable(&found.facts, today).is_ok() {
        let missing = missing_prices(found, &ask.fed);
        if !missing.is_empty() {
            return Step::NeedsPrices(missing);
        }
        fill_in(found, &ask.fed);
    }
    Step::Settled(match plan_periods(&found.facts, ask.order.periods, today) {
        Ok(plan) => Outcome::Planned(Box::new(plan)),
        Err(Refusal::OpenInvoice(invoice)) => {
            Outcome::Open { invoice, service_type: found.service_type, policy: seller.open_invoice_policy }
        }
        Err(refusal @ Refusal::NoPrice { .. }) => Outcome::PriceUnavailable(why_no_price(found, &ask.fed, &refusal)),
        Err(refusal) => Outcome::Refused(refusal),
    })
}

/// An invoice that is to be written, and whether it is mailed.
pub(crate) fn new_invoice(
    seller: &Seller,
    plan: Plan,
    versions: Vec<i64>,
    customer: Customer,
    by: impl Into<DoneBy>,
) -> NewInvoice {
    let mail = seller.mails_to(&customer);
    let DoneBy { actor, on_behalf_of } = by.into();
    NewInvoice { plan, versions, customer, mail, actor: actor.to_string(), on_behalf_of }
}
