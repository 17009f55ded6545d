//! Coupons: making one, and using one for a service.

use jiff::civil::Date;
use perennial_billing::{CouponId, Currency, CustomerId, Discount, Off, ProductId, SellerId, ServiceId, ServiceStatus};
use perennial_store::coupons::{self, Coupon};
use perennial_store::ids::{self, IdKind};
use perennial_store::services::{self, Service};
use perennial_store::{StoreError, customers, products};

use crate::error::refuse;
use crate::service::locked;
use crate::{Actor, App, AppError, Caller, Problem, Result};

/// Characters of a coupon's code at most.
pub const MAX_COUPON_CODE_CHARACTERS: usize = 40;

/// What is needed to make a coupon.
#[derive(Debug, Clone)]
pub struct NewCoupon {
    /// What is typed in; capitals, digits and `-`, whatever the case.
    pub code: String,
    /// How much it takes off a period.
    pub off: Off,
    /// The currency of an amount.
    pub currency: Option<Currency>,
    /// For how many periods; none is any number.
    pub periods: Option<u16>,
    /// For periods that begin through this day; none is for ever.
    pub through: Option<Date>,
    /// Only for this product.
    pub product: Option<ProductId>,
    /// Only for this customer.
    pub customer: Option<CustomerId>,
    /// The last day on which it can be used.
    pub redeem_through: Option<Date>,
    /// For how many services it can be used.
    pub max_uses: Option<u32>,
}

impl App {
    /// Makes a coupon.
    ///
    /// # Errors
    /// [`AppError::Invalid`], and [`AppError::Conflict`] when there is one with that code.
    pub async fn create_coupon(&self, seller: SellerId, actor: Actor, new: NewCoupon) -> Result<Coupon> {
        let code = new.code.trim().to_ascii_uppercase();
        let mut problems = problems(&new, &code);
        let today = self.today(seller).await?;
        for (field, day) in [("through", new.through), ("redeem_through", new.redeem_through)] {
            if day.is_some_and(|day| day < today) {
                problems.push(Problem::new(field, "is over"));
            }
        }
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        if let Some(product) = new.product {
            products::get(&mut tx, seller, product).await?.ok_or(AppError::NotFound("Product"))?;
        }
        if let Some(customer) = new.customer {
            customers::get(&mut tx, seller, customer).await?.ok_or(AppError::NotFound("Customer"))?;
        }
        let coupon = Coupon {
            id: CouponId(ids::take(&mut tx, IdKind::Coupon, 1).await?[0]),
            code,
            off: new.off,
            currency: new.currency.filter(|_| matches!(new.off, Off::Amount(_))),
            periods: new.periods,
            through: new.through,
            product: new.product,
            customer: new.customer,
            redeem_through: new.redeem_through,
            max_uses: new.max_uses,
            uses: 0,
        };
        match coupons::insert(&mut tx, seller, &coupon).await {
            Err(StoreError::Unique { .. }) => {
                Err(AppError::Conflict(format!("there is a coupon {} already", coupon.code)))
            }
            outcome => {
                outcome?;
                self.note(&mut tx, seller, actor, "coupon.created", "coupon", coupon.id.0).await?;
                tx.commit().await?;
                Ok(coupon)
            }
        }
    }

    /// All coupons of a seller, by code.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn coupons(&self, seller: SellerId) -> Result<Vec<Coupon>> {
        Ok(coupons::all(&mut self.store.read().await?, seller).await?)
    }

    /// Uses a coupon for a service: its next periods are billed with the discount. The use is counted in the same
    /// transaction, so that a limit holds whoever asks at the same time.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or coupon, [`AppError::Conflict`] when it cannot be used, saying why.
    pub async fn redeem_coupon(&self, caller: &Caller, service: ServiceId, code: &str) -> Result<Service> {
        let today = self.today(caller.seller).await?;
        let code = code.trim().to_ascii_uppercase();
        let mut tx = self.store.begin().await?;
        let mut service = locked(&mut tx, caller, service).await?;
        let coupon = coupons::get(&mut tx, caller.seller, &code).await?;
        // A coupon of somebody else's is as good as none.
        let is_for = |coupon: &Coupon| coupon.customer.is_none_or(|customer| customer == service.customer);
        let coupon = coupon.filter(is_for).ok_or(AppError::NotFound("Coupon"))?;
        let customer = customers::get(&mut tx, caller.seller, service.customer).await?;
        let currency = customer.ok_or(AppError::NotFound("Customer"))?.currency;
        if let Some(reason) = unusable(&coupon, &service, currency, today) {
            return Err(AppError::Conflict(reason));
        }
        if !coupons::count_use(&mut tx, caller.seller, coupon.id).await? {
            return Err(AppError::Conflict(format!("coupon {code} was used as often as it can be")));
        }
        let (at, actor) = (self.clock.now(), caller.actor.to_string());
        match coupons::note_use(&mut tx, caller.seller, coupon.id, service.id, at, &actor).await {
            Err(StoreError::Unique { .. }) => {
                return Err(AppError::Conflict(format!("coupon {code} was used for this service already")));
            }
            outcome => outcome?,
        }
        let Coupon { code, off, periods, through, .. } = coupon;
        service.discount = Some(Discount { code, off, periods, through });
        services::upsert(&mut tx, caller.seller, std::slice::from_ref(&service)).await?;
        self.note(&mut tx, caller.seller, caller, "coupon.used", "service", service.id.0).await?;
        tx.commit().await?;
        Ok(service)
    }

    /// Takes the discount of a service away: its next periods are billed without. The coupon stays used.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service, [`AppError::Conflict`] when there is no discount.
    pub async fn end_discount(&self, caller: &Caller, service: ServiceId) -> Result<Service> {
        let mut tx = self.store.begin().await?;
        let mut service = locked(&mut tx, caller, service).await?;
        if service.discount.take().is_none() {
            return Err(AppError::Conflict("Service has no discount".to_owned()));
        }
        services::upsert(&mut tx, caller.seller, std::slice::from_ref(&service)).await?;
        self.note(&mut tx, caller.seller, caller, "discount.ended", "service", service.id.0).await?;
        tx.commit().await?;
        Ok(service)
    }
}

/// Why a coupon cannot be used for a service.
fn unusable(coupon: &Coupon, service: &Service, currency: Currency, today: Date) -> Option<String> {
    let code = &coupon.code;
    let next = service.billed_through.unwrap_or(today);
    if coupon.redeem_through.is_some_and(|last| last < today) {
        return Some(format!("coupon {code} could be used through {}", coupon.redeem_through.unwrap_or(today)));
    }
    if coupon.product.is_some_and(|product| product != service.product) {
        return Some(format!("coupon {code} is for another product"));
    }
    if coupon.currency.is_some_and(|known| known != currency) {
        return Some(format!("coupon {code} is for another currency than {currency}"));
    }
    if coupon.through.is_some_and(|through| through < next) {
        return Some(format!("coupon {code} ends before the next period of this service, which begins on {next}"));
    }
    let has_ended =
        matches!(service.status, ServiceStatus::Cancelled | ServiceStatus::Terminated | ServiceStatus::Fraud);
    if has_ended {
        return Some(format!("Service is {}", service.status));
    }
    if !service.schedule.cycle.is_recurring() {
        return Some("Service has no periods to take anything off".to_owned());
    }
    let holds = service.discount.as_ref().filter(|discount| discount.holds(next));
    holds.map(|discount| format!("Service has {discount} already"))
}

fn problems(new: &NewCoupon, code: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_code = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
    if code.is_empty() || code.len() > MAX_COUPON_CODE_CHARACTERS || !is_code(code) {
        let reason = format!("must be letters, digits and `-`, at most {MAX_COUPON_CODE_CHARACTERS} characters");
        problems.push(Problem::new("code", reason));
    }
    match new.off {
        Off::Percent(rate) if !(1..=1_000_000).contains(&rate.parts_per_million()) => {
            problems.push(Problem::new("percent", "must be more than 0 and at most 100"));
        }
        Off::Amount(minor) if minor < 1 => problems.push(Problem::new("amount", "must be more than 0")),
        Off::Amount(_) if new.currency.is_none() => problems.push(Problem::new("currency", "is missing")),
        Off::Percent(_) | Off::Amount(_) => {}
    }
    if new.periods == Some(0) {
        problems.push(Problem::new("periods", "must be at least 1"));
    }
    if new.max_uses == Some(0) {
        problems.push(Problem::new("max_uses", "must be at least 1"));
    }
    problems
}
