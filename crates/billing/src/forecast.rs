//! What the renewal runs of the coming days will issue: the same plans, made day after day in memory.
//!
//! It is assumed that every invoice is paid on the day it is due, and that nothing else changes.

use jiff::civil::Date;

use crate::renewal::{Facts, MAX_INVOICE_SERVICES, Plan, invoices, plan};
use crate::run::{Hold, hold, lasting_hold};
use crate::{InvoiceId, Invoicing, ServiceId};

/// One service of a customer, and what is known about it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What its plans are made from.
    pub facts: Facts,
    /// The day on which its open invoice is due, if it has one.
    pub open_invoice_due: Option<Date>,
}

/// What will be issued.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// The invoices, day by day.
    pub invoices: Vec<Plan>,
    /// What will not be renewed.
    pub held: Vec<Held>,
    /// Whether there would be more invoices than the limit.
    pub is_cut: bool,
}

/// A service that will not be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The service.
    pub service: ServiceId,
    /// From which day.
    pub from: Date,
    /// Why.
    pub hold: Hold,
}

/// What the daily runs from `from` through `until` issue for the services of one customer; at most `limit` invoices.
#[must_use]
pub fn forecast(subjects: Vec<Subject>, from: Date, until: Date, limit: usize) -> Forecast {
    let mut forecast = Forecast::default();
    let mut coming: Vec<Coming> = Vec::new();
    for subject in subjects {
        match lasting_hold(&subject.facts) {
            Some(hold) => forecast.held.push(Held { service: subject.facts.service, from, hold }),
            None => coming.push(Coming::of(subject, from)),
        }
    }
    coming.sort_by_key(|service| service.facts.service);
    let mut day = from;
    while let Some(next) = coming.iter().map(Coming::day).min() {
        day = day.max(next);
        if day > until {
            break;
        }
        let (due, later): (Vec<Coming>, Vec<Coming>) = coming.into_iter().partition(|service| service.is_due(day));
        let (due, later) = pulled(due, later, day);
        coming = later;
        for block in blocks(due) {
            if forecast.invoices.len() >= limit {
                forecast.is_cut = true;
                return forecast;
            }
            coming.extend(issue(block, day, &mut forecast));
        }
    }
    forecast
}

/// A service and the day from which a run can take it.
struct Coming {
    facts: Facts,
    /// Until when an invoice is unpaid.
    free_from: Date,
}

impl Coming {
    fn of(subject: Subject, from: Date) -> Self {
        let Subject { mut facts, open_invoice_due } = subject;
        let free_from = match facts.open_invoice.take() {
            // An overdue one is taken for paid tomorrow.
            Some(_) => open_invoice_due.filter(|due| *due > from).unwrap_or_else(|| from.tomorrow().unwrap_or(from)),
            None => from,
        };
        Self { facts, free_from }
    }

    fn renew_on(&self) -> Date {
        self.facts.renew_on.unwrap_or(Date::MAX)
    }

    fn day(&self) -> Date {
        self.renew_on().max(self.free_from)
    }

    fn is_due(&self, day: Date) -> bool {
        self.day() <= day
    }
}

/// What falls due a little later joins an invoice that is issued anyway.
fn pulled(mut due: Vec<Coming>, later: Vec<Coming>, day: Date) -> (Vec<Coming>, Vec<Coming>) {
    let joins = |service: &Coming| {
        let window = i64::from(service.facts.policy.consolidation_days);
        let through = day.saturating_add(jiff::Span::new().days(window));
        let can_join = service.facts.invoicing == Invoicing::Together && service.facts.free_invoice.is_none();
        can_join && service.free_from <= day && service.renew_on() <= through
    };
    let (joining, rest): (Vec<Coming>, Vec<Coming>) = later.into_iter().partition(joins);
    due.extend(joining);
    due.sort_by_key(|service| service.facts.service);
    (due, rest)
}

/// As many as go on one invoice.
fn blocks(due: Vec<Coming>) -> Vec<Vec<Coming>> {
    let mut blocks = Vec::new();
    let mut due = due.into_iter().peekable();
    while due.peek().is_some() {
        blocks.push(due.by_ref().take(MAX_INVOICE_SERVICES).collect());
    }
    blocks
}

/// Issues what can be issued of a block, and tells what comes after it.
fn issue(block: Vec<Coming>, day: Date, forecast: &mut Forecast) -> Vec<Coming> {
    let mut planned = Vec::new();
    let mut renewed = Vec::new();
    for service in block {
        let outcome = match hold(&service.facts, day, Date::MAX) {
            Some(hold) => Err(hold),
            None => plan(&service.facts, day).map_err(Hold::Refused),
        };
        match outcome {
            Ok(plan) => {
                planned.push(plan);
                renewed.push(service);
            }
            Err(hold) => forecast.held.push(Held { service: service.facts.service, from: day, hold }),
        }
    }
    let invoicing = renewed.first().map_or(Invoicing::Separate, |service| service.facts.invoicing);
    let issued = invoices(planned, invoicing);
    for service in &mut renewed {
        let of = |plan: &Plan| plan.claims.iter().find(|claim| claim.service == service.facts.service).copied();
        let Some((invoice, claim)) = issued.iter().find_map(|plan| Some((plan, of(plan)?))) else { continue };
        service.facts.next_period = claim.number.next();
        service.facts.renew_on = Some(invoice.next_renew_on(&claim));
        if let Some(discount) = &mut service.facts.discount {
            discount.periods = claim.discount_periods;
        }
        for addon in &mut service.facts.addons {
            let moved = invoice.terms.iter().find(|(id, _)| *id == addon.id);
            addon.term = moved.map_or(addon.term, |(_, term)| Some(*term));
        }
        // It has no id yet; that there is one is what counts.
        service.facts.free_invoice = invoice.is_settled().then_some(InvoiceId(0));
        let tomorrow = day.tomorrow().unwrap_or(day);
        service.free_from = if invoice.is_settled() { day } else { invoice.due_on.max(tomorrow) };
    }
    forecast.invoices.extend(issued);
    renewed
}
