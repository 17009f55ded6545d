//! Selling a service and changing one.

use jiff::civil::Date;
use perennial_billing::{
    CustomerId, Cycle, PeriodNumber, PriceRule, ProductId, Quantity, Schedule, SellerId, ServiceId, ServiceStatus,
    price_on,
};
use perennial_store::ids::{self, IdKind};
use perennial_store::sellers::{self, Seller};
use perennial_store::services::{self, Service};
use perennial_store::{Conn, StoreError, Tx, customers, prices, renewals};

use crate::error::{check_text, refuse};
use crate::{Actor, App, AppError, Caller, Problem, Result};

/// How many of a thing at most: what nobody sells, so that sums stay within an amount.
pub const MAX_QUANTITY: Quantity = Quantity::from_millionths(1_000_000_000_000_000);

/// What is needed to sell a service. Its first period starts on the anchor and is not billed yet.
#[derive(Debug, Clone)]
pub struct NewService {
    /// To whom.
    pub customer: CustomerId,
    /// What.
    pub product: ProductId,
    /// A domain name or another label.
    pub label: String,
    /// Where it stands in its life.
    pub status: ServiceStatus,
    /// How often it is renewed.
    pub cycle: Cycle,
    /// The first day of its first period.
    pub anchor: Date,
    /// How many.
    pub quantity: Quantity,
    /// A price of its own for one, in minor units of the customer's currency.
    pub own_price_minor: Option<i64>,
    /// Whether the renewal run renews it.
    pub auto_renew: bool,
}

/// What may be changed about a service; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ServiceChange {
    /// The status.
    pub status: Option<ServiceStatus>,
    /// The label.
    pub label: Option<String>,
    /// How many.
    pub quantity: Option<Quantity>,
    /// At which price it is renewed.
    pub price: Option<PriceRule>,
    /// Whether the renewal run renews it.
    pub auto_renew: Option<bool>,
    /// The version that the change is meant for; none for whatever it is by now.
    pub expected: Option<i64>,
}

impl App {
    /// Sells a service.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted, [`AppError::NotFound`] for an unknown customer or product.
    pub async fn create_service(&self, seller: SellerId, actor: Actor, new: NewService) -> Result<Service> {
        let schedule = Schedule::new(new.anchor, new.cycle);
        let due = schedule.period(PeriodNumber(0)).ok().flatten().map(|period| period.starts);
        let mut tx = self.store.begin().await?;
        let rules = sellers::get(&mut tx, seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let service = Service {
            id: ServiceId(ids::take(&mut tx, IdKind::Service, 1).await?[0]),
            customer: new.customer,
            product: new.product,
            label: new.label,
            status: new.status,
            schedule,
            next_period: PeriodNumber(0),
            billed_through: due,
            paid_through: due,
            quantity: new.quantity,
            own_price_minor: new.own_price_minor,
            own_price_through: None,
            price_kept_on: None,
            discount: None,
            campaign: None,
            auto_renew: new.auto_renew,
            renew_on: None,
            ends_on: None,
        };
        let service = Service { renew_on: renew_on(&rules, &service), ..service };
        refuse(problems(&service))?;
        match services::upsert(&mut tx, seller, std::slice::from_ref(&service)).await {
            Err(StoreError::Reference(_)) => Err(AppError::NotFound("Customer or product")),
            outcome => {
                outcome?;
                self.note(&mut tx, seller, actor, "service.created", "service", service.id.0).await?;
                tx.commit().await?;
                Ok(service)
            }
        }
    }

    /// Changes a service. A renewal that was planned before the change is planned again, and one that the run has put off
    /// is tried again by the next run.
    ///
    /// # Errors
    /// [`AppError::Invalid`], [`AppError::NotFound`]; [`AppError::Changed`] when it is not of the expected version any more.
    pub async fn change_service(
        &self,
        seller: SellerId,
        actor: Actor,
        id: ServiceId,
        change: ServiceChange,
    ) -> Result<Service> {
        let mut tx = self.store.begin().await?;
        hold(&mut tx, seller, id, change.expected).await?;
        let mut service = services::get(&mut tx, seller, id).await?.ok_or(AppError::NotFound("Service"))?;
        service.status = change.status.unwrap_or(service.status);
        service.label = change.label.unwrap_or(service.label);
        service.quantity = change.quantity.unwrap_or(service.quantity);
        service.auto_renew = change.auto_renew.unwrap_or(service.auto_renew);
        if let Some(rule) = change.price {
            set_price(&mut tx, seller, &mut service, rule).await?;
        }
        let rules = sellers::get(&mut tx, seller).await?.ok_or(AppError::NotFound("Seller"))?;
        service.renew_on = renew_on(&rules, &service);
        refuse(problems(&service))?;
        services::upsert(&mut tx, seller, std::slice::from_ref(&service)).await?;
        self.note(&mut tx, seller, actor, "service.changed", "service", id.0).await?;
        tx.commit().await?;
        Ok(service)
    }
}

/// Gives a service another price, which it must be possible to bill.
async fn set_price(tx: &mut Tx, seller: SellerId, service: &mut Service, rule: PriceRule) -> Result<()> {
    let customer = customers::get(tx, seller, service.customer).await?.ok_or(AppError::NotFound("Customer"))?;
    let currency = customer.currency;
    let mut problems = Vec::new();
    let next = service.billed_through;
    match rule {
        PriceRule::Follow => {}
        PriceRule::Own { price, .. } if price.currency != currency => {
            problems.push(Problem::new(
                "price",
                format!("must be in {currency}, the currency of customer {}", customer.id),
            ));
        }
        PriceRule::Own { through: Some(through), .. } if next.is_some_and(|next| next > through) => {
            let next = next.map(|next| next.to_string()).unwrap_or_default();
            problems.push(Problem::new("until", format!("is before the next period, which begins on {next}")));
        }
        PriceRule::Own { .. } => {}
        PriceRule::Kept(day) => {
            let (product, cycle) = (service.product, service.schedule.cycle);
            let versions = prices::versions(tx, seller, &[(product, cycle, currency)]).await?;
            if price_on(&versions, product, cycle, currency, service.quantity, day).is_none() {
                let first = versions.iter().map(|version| version.starts).min();
                let first = first.map(|day| format!("; the first one is valid from {day}")).unwrap_or_default();
                let reason = format!("product {product} had no price for {cycle} in {currency} on {day}{first}");
                problems.push(Problem::new("as_of", reason));
            }
        }
    }
    refuse(problems)?;
    // Whoever sets a price has the last word, whatever a campaign wanted.
    service.campaign = None;
    (service.own_price_minor, service.own_price_through, service.price_kept_on) = match rule {
        PriceRule::Follow => (None, None, None),
        PriceRule::Kept(day) => (None, None, Some(day)),
        PriceRule::Own { price, through } => (Some(price.minor), through, None),
    };
    Ok(())
}

/// The day from which the run renews a service: the lead time before the first day that is not billed.
pub(crate) fn renew_on(seller: &Seller, service: &Service) -> Option<Date> {
    let lead = seller.runs.lead(service.customer, service.product, service.schedule.cycle);
    lead.before(service.billed_through?).ok()
}

/// What cannot be accepted about a service; the fields are named as in `services.csv`.
pub(crate) fn problems(service: &Service) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_text(&mut problems, "label", &service.label, false);
    problems.extend(quantity_and_price(service.quantity, service.own_price_minor));
    if service.schedule.period(service.next_period).is_err() {
        problems.push(Problem::new("anchor", "lies too far in the future"));
    }
    problems
}

/// What cannot be accepted about how many and at which price.
pub(crate) fn quantity_and_price(quantity: Quantity, own_price_minor: Option<i64>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if quantity.millionths() <= 0 {
        problems.push(Problem::new("quantity", "must be more than 0"));
    }
    if quantity > MAX_QUANTITY {
        problems.push(Problem::new("quantity", format!("must be at most {MAX_QUANTITY}")));
    }
    if own_price_minor.is_some_and(|minor| minor < 0) {
        problems.push(Problem::new("own_price", "must not be negative"));
    }
    problems
}

/// A service that the caller may see.
pub(crate) async fn visible(conn: &mut Conn, caller: &Caller, id: ServiceId) -> Result<Service> {
    let known = services::get(conn, caller.seller, id).await?;
    known.filter(|known| caller.may_see(known.customer)).ok_or(AppError::NotFound("Service"))
}

/// Holds a service until the transaction ends, if it is still of this version.
pub(crate) async fn hold(tx: &mut Tx, seller: SellerId, id: ServiceId, expected: Option<i64>) -> Result<()> {
    let version = renewals::lock(tx, seller, &[id]).await?.get(&id).copied();
    match (version, expected) {
        (Some(version), Some(expected)) if version != expected => Err(AppError::Changed),
        _ => Ok(()),
    }
}

/// A service that the caller may see, held until the transaction ends.
pub(crate) async fn locked(tx: &mut Tx, caller: &Caller, id: ServiceId) -> Result<Service> {
    renewals::lock(tx, caller.seller, &[id]).await?;
    visible(tx, caller, id).await
}
