//! What becomes of a service's dates when its renewal is paid late.

use jiff::{Timestamp, civil::Date};
use perennial_billing::{InvoiceId, LatePayment, Period, ServiceId};
use perennial_store::sellers::{self, Seller};
use perennial_store::services::{self, Service};
use perennial_store::settlements::{self, BilledPeriod};
use perennial_store::{Conn, Tx, products};

use crate::invoice;
use crate::service::renew_on;
use crate::{App, AppError, Caller, Result};

/// Where a period of an invoice lies when it is paid, under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatePeriod {
    /// Of which service.
    pub service: ServiceId,
    /// Under which policy.
    pub policy: LatePayment,
    /// Whether that is the service's.
    pub is_chosen: bool,
    /// Its days.
    pub period: Period,
}

impl App {
    /// Where the periods of an unpaid invoice would lie if it were paid on a day, under each policy.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn preview_late_payment(
        &self,
        caller: &Caller,
        id: InvoiceId,
        paid_on: Option<Date>,
    ) -> Result<Vec<LatePeriod>> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        invoice::visible(&mut conn, caller, id).await?;
        let paid_on = paid_on.unwrap_or_else(|| self.clock.today(&seller.time_zone));
        let mut found = Vec::new();
        for billed in settlements::periods(&mut conn, seller.id, id).await? {
            let Some(service) = services::get(&mut conn, seller.id, billed.service).await? else { continue };
            let chosen = late_policy(&mut conn, &seller, &service).await?;
            let may_move = may_move(&service, &billed);
            for policy in [LatePayment::Keep, LatePayment::Restart, LatePayment::Skip] {
                let moved = policy.moved(service.schedule, billed.number, billed.period, paid_on).ok().flatten();
                let period = moved.filter(|_| may_move).map_or(billed.period, |moved| moved.period);
                found.push(LatePeriod { service: service.id, policy, is_chosen: policy == chosen, period });
            }
        }
        Ok(found)
    }

    /// Moves periods that were paid late, as the product's or the seller's policy has it. A period after which another one is
    /// billed already stays.
    pub(crate) async fn move_late_periods(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        invoice: InvoiceId,
        paid_on: Date,
        at: Timestamp,
    ) -> Result<()> {
        for billed in settlements::periods(tx, seller.id, invoice).await? {
            let Some(mut service) = services::get(tx, seller.id, billed.service).await? else { continue };
            let policy = late_policy(tx, seller, &service).await?;
            let moved = policy.moved(service.schedule, billed.number, billed.period, paid_on);
            let Some(moved) = moved.ok().flatten().filter(|_| may_move(&service, &billed)) else { continue };
            settlements::move_period(tx, seller.id, invoice, &billed, &moved, policy, at).await?;
            service.schedule = moved.schedule;
            service.next_period = moved.number.next();
            service.billed_through = Some(moved.period.ends);
            service.renew_on = renew_on(seller, &service);
            services::upsert(tx, seller.id, &[service]).await?;
        }
        Ok(())
    }
}

/// What becomes of this service's dates when it is paid late.
async fn late_policy(conn: &mut Conn, seller: &Seller, service: &Service) -> Result<LatePayment> {
    let product = products::get(conn, seller.id, service.product).await?;
    Ok(product.and_then(|(product, _)| product.late_payment).unwrap_or(seller.late_payment))
}

/// A period can move while it is the last that is billed, no part of it was given back, and the service does not end.
fn may_move(service: &Service, billed: &BilledPeriod) -> bool {
    service.next_period == billed.number.next() && service.ends_on.is_none() && !billed.is_given_back
}
