//! Periods that are free again: given back whole, they can be billed once more.

use perennial_billing::change::TakenBack;
use perennial_billing::{InvoiceId, PeriodNumber, ServiceId};
use perennial_store::invoices::{self, InvoiceLine};
use perennial_store::sellers::Seller;
use perennial_store::settlements::{self, BilledPeriod};
use perennial_store::{Tx, addons, renewals, services};

use crate::service::renew_on;
use crate::{App, AppError, Result};

impl App {
    /// Frees the periods that an invoice has billed and that were given back whole, with all of its lines or with those that
    /// are given, and lets the services be billed from the first of them on again, where no later one is billed.
    pub(crate) async fn free_periods(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        id: InvoiceId,
        given: Option<&[i64]>,
    ) -> Result<Vec<(ServiceId, PeriodNumber)>> {
        let invoice = invoices::get(tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
        let lines = invoices::lines(tx, seller.id, &invoice).await?;
        let is_given = |line: &InvoiceLine| given.is_none_or(|given| given.contains(&line.line));
        let own_line = |billed: &BilledPeriod| {
            let is_own = |line: &&InvoiceLine| {
                line.addon.is_none() && line.service == Some(billed.service) && line.period == Some(billed.period)
            };
            lines.iter().find(is_own).is_some_and(is_given)
        };
        let periods = settlements::periods(tx, seller.id, id).await?;
        // What a change has billed, or given a part of back, is not a whole period any more.
        let whole: Vec<BilledPeriod> =
            periods.into_iter().filter(|billed| !billed.is_given_back && own_line(billed)).collect();
        settlements::free(tx, seller.id, id, &whole).await?;
        let mut services: Vec<ServiceId> = whole.iter().map(|billed| billed.service).collect();
        services.dedup();
        for service in services {
            let of_it: Vec<&BilledPeriod> = whole.iter().filter(|billed| billed.service == service).collect();
            let given = lines.iter().filter(|line| line.service == Some(service) && is_given(line));
            step_back(tx, seller, (id, service), &of_it, given).await?;
        }
        Ok(whole.iter().map(|billed| (billed.service, billed.number)).collect())
    }
}

/// Lets a service be billed again from the first of its freed periods on, if they are the last that were billed.
async fn step_back<'a>(
    tx: &mut Tx,
    seller: &Seller,
    (billed_by, id): (InvoiceId, ServiceId),
    freed: &[&BilledPeriod],
    given: impl Iterator<Item = &'a InvoiceLine>,
) -> Result<()> {
    let mut gathered = renewals::gather(tx, seller, &[id]).await?;
    let (Some(found), Some(mut service)) = (gathered.get_mut(&id), services::get(tx, seller.id, id).await?) else {
        return Ok(());
    };
    let facts = &mut found.facts;
    // In a row up to the last one that is billed, and within the schedule that the service has.
    let mut from = facts.next_period;
    for billed in freed.iter().rev() {
        if Some(billed.number) == from.previous() && billed.number >= facts.schedule.first {
            from = billed.number;
        }
    }
    let invoice = facts.open_invoice;
    if from != facts.next_period {
        // What was given back earlier, while a later period was billed, is billed again too.
        from = settlements::free_before(tx, seller.id, id, from).await?.max(facts.schedule.first);
        let said = |line: &InvoiceLine| (line.addon, line.allowance.as_ref().map(|off| off.reason.clone()));
        TakenBack::of(billed_by, from, given.map(said)).applied(facts);
        let terms: Vec<_> = facts.addons.iter().filter_map(|addon| Some((addon.id, addon.term?))).collect();
        addons::set_terms(tx, seller.id, &terms).await?;
        service.discount.clone_from(&facts.discount);
        service.next_period = from;
        service.billed_through = facts.billed_through();
        service.paid_through = service.paid_through.min(service.billed_through.or(service.paid_through));
        service.renew_on = renew_on(seller, &service);
    }
    services::upsert(tx, seller.id, &[service]).await?;
    if let Some(invoice) = invoice {
        settlements::release_freed(tx, seller.id, id, invoice).await?;
    }
    Ok(())
}
