//! The statements that write invoices, in their order, and the rows that go into them.

use jiff::{Timestamp, civil::Date};
use perennial_billing::ledger::{Source, of_invoice};
use perennial_billing::renewal::{Claim, Plan};
use perennial_billing::{CustomerId, DocumentKind, InvoiceId, RunId, SellerId};

use super::NewInvoice;
use crate::audit::{self, AuditEntry};
use crate::documents::{Batch, Head, LineRow, Ready};
use crate::events::{EventType, NewEvent};
use crate::rows::Rows;
use crate::sellers::Seller;
use crate::{Result, addons, documents, ledger, outbox, runs};

/// How renewals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Asked for and to be paid. Such a service is still found by the day from which it was due, which is moved when the invoice
    /// is paid: the index is left alone by those who wait.
    Asked,
    /// Asked for, and some of them have nothing to pay.
    Settled,
    /// By a run.
    Run,
}

impl Way {
    /// How many there are.
    pub const COUNT: usize = 3;

    /// How these are.
    pub fn of<'a>(new: impl IntoIterator<Item = &'a NewInvoice>, run: Option<RunId>) -> Self {
        if run.is_some() {
            return Self::Run;
        }
        if new.into_iter().any(|new| new.plan.is_settled()) { Self::Settled } else { Self::Asked }
    }
}

pub(super) type New<'a> = (InvoiceId, &'a NewInvoice);

/// The series of their numbers: all plans of a batch are made on the same day of the same seller.
pub(super) fn series(seller: &Seller, new: &[&NewInvoice]) -> i64 {
    new.first().map_or(0, |new| seller.numbering.reset.series(new.plan.issued_on))
}

/// That day.
fn issued_on(invoices: &[New<'_>]) -> Option<Date> {
    invoices.first().map(|(_, new)| new.plan.issued_on)
}

/// How many of them are mailed.
pub(super) fn mails(new: &[&NewInvoice]) -> usize {
    new.iter().filter(|new| new.mail).count()
}

/// How many periods they claim.
pub(super) fn claims(new: &[&NewInvoice]) -> usize {
    new.iter().map(|new| new.plan.claims.len()).sum()
}

/// How many events tell of them.
pub(super) fn events(new: &[&NewInvoice]) -> usize {
    let of_one = |new: &&NewInvoice| if new.plan.is_settled() { 2 + new.plan.last_claims().count() } else { 1 };
    new.iter().map(of_one).sum()
}

/// Ids of what is written beside the invoices.
pub(super) struct NewIds {
    /// Of mails.
    pub outbox: Vec<i64>,
    /// Of entries of the trail.
    pub audit: Vec<i64>,
    /// Of events.
    pub events: Vec<i64>,
}

/// A number of things as a parameter.
pub(super) fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}

/// Takes `$3` numbers of a year's series, which the transaction then holds. One that fails gives them back.
pub(super) const TAKE_NUMBERS: &str = "insert into number_series (seller_id, kind, fiscal_year, first_number, next_number) \
    values ($1, 'invoice', $2, 1, 1 + $3) on conflict (seller_id, kind, fiscal_year) \
    do update set next_number = number_series.next_number + $3 returning next_number - $3 as first";

/// Everything that belongs to the invoices and needs no number.
pub(super) fn before_the_number(
    seller: &Seller,
    invoices: &[New<'_>],
    at: Timestamp,
    run: Option<RunId>,
    ids: NewIds,
) -> Vec<(&'static str, Rows)> {
    let mailed = invoices.iter().filter(|(_, new)| new.mail).map(|(id, new)| (*id, new.customer.id));
    let mailed: Vec<(InvoiceId, CustomerId)> = mailed.collect();
    // Who asked for an invoice waits for it.
    let mails_from = if run.is_some() { seller.mails_from(at) } else { at };
    let seller = seller.id;
    let [told, queued] = crate::events::steps(seller, &told(invoices), at, &ids.events);
    let trail: Vec<AuditEntry> = claimed(invoices).map(|(_, new, claim)| renewed(new, claim, at)).collect();
    let mut steps = vec![
        periods(seller, invoices),
        lines(seller, invoices),
        taxes(seller, invoices),
        entries(seller, invoices),
        advanced_services(seller, invoices, Way::of(invoices.iter().map(|(_, new)| *new), run)),
        addons::terms_of(seller, || invoices.iter().flat_map(|(_, new)| new.plan.terms.iter())),
        outbox::invoice_mails(seller, &mailed, at, mails_from, ids.outbox),
        audit::entries(seller, &trail, ids.audit),
        told,
        queued,
    ];
    steps.extend(run.map(|run| {
        runs::renewed(seller, run, claimed(invoices).map(|(_, new, claim)| (new.customer.id, claim.service)))
    }));
    steps
}

/// Every period that is claimed, with its invoice.
fn claimed<'a>(invoices: &'a [New<'a>]) -> impl Iterator<Item = (InvoiceId, &'a NewInvoice, &'a Claim)> {
    invoices.iter().flat_map(|(id, new)| new.plan.claims.iter().map(|claim| (*id, *new, claim)))
}

/// What there is to tell of them. One with nothing to pay is paid, and so are its services.
fn told(invoices: &[New<'_>]) -> Vec<NewEvent> {
    let mut told = Vec::with_capacity(invoices.len());
    for (id, new) in invoices {
        told.push(NewEvent::of_invoice(EventType::InvoiceIssued, *id));
        if new.plan.is_settled() {
            told.push(NewEvent::of_invoice(EventType::InvoicePaid, *id));
            let ends = new.plan.last_claims().map(|claim| (claim.service, claim.period.ends));
            told.extend(ends.map(|(service, ends)| NewEvent::of_renewal(service, *id, ends)));
        }
    }
    told
}

fn renewed(new: &NewInvoice, claim: &Claim, at: Timestamp) -> AuditEntry {
    AuditEntry {
        at,
        actor: new.actor.clone(),
        action: "service.renewed",
        subject: "service",
        subject_id: claim.service.0,
        on_behalf_of: new.on_behalf_of,
    }
}

fn periods(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let c = || claimed(invoices);
    let state = |new: &NewInvoice| (if new.plan.is_settled() { "paid" } else { "invoiced" }).to_owned();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("service_id", c().map(|(.., claim)| claim.service.0))
        .int("period", c().map(|(.., claim)| i64::from(claim.number.0)))
        .int("invoice_id", c().map(|(id, ..)| id.0))
        .date("starts", c().map(|(.., claim)| claim.period.starts))
        .date("ends", c().map(|(.., claim)| claim.period.ends))
        .text("state", c().map(|(_, new, _)| state(new)));
    let sql = "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
        select seller_id, service_id, period, invoice_id, starts, ends, state from {rows}";
    (sql, rows)
}

fn lines(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let documents: Vec<_> = invoices.iter().map(|(id, new)| (*id, line_rows(new))).collect();
    documents::line_rows(seller, &documents)
}

fn line_rows(new: &NewInvoice) -> Vec<LineRow<'_>> {
    new.plan.lines.iter().map(LineRow::from).collect()
}

fn taxes(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let groups = invoices.iter().flat_map(|(id, new)| new.plan.tax_groups.iter().map(|group| (*id, *group)));
    documents::tax_rows(seller, groups)
}

fn entries(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let booked = invoices.iter().flat_map(|(id, new)| {
        let Plan { lines, tax_groups, rounding, .. } = &new.plan;
        let earned = lines.iter().map(|line| (Some(line.product), line.tax, line.net));
        (1i64..).zip(of_invoice(earned, tax_groups, *rounding)).map(|(entry, moved)| (id.0, entry, moved))
    });
    ledger::entry_rows(seller, Source::Invoice, issued_on(invoices).unwrap_or_default(), booked.collect())
}

fn advanced_services(seller: SellerId, invoices: &[New<'_>], way: Way) -> (&'static str, Rows) {
    // Of several periods in a row, the last one says where the service stands.
    let c = || invoices.iter().flat_map(|(id, new)| new.plan.last_claims().map(|claim| (*id, *new, claim)));
    let rows = Rows::new()
        .int("seller_id", c().map(|_| seller.0))
        .int("id", c().map(|(.., claim)| claim.service.0))
        .int("next_period", c().map(|(.., claim)| i64::from(claim.number.next().0)))
        .date("billed_through", c().map(|(.., claim)| claim.period.ends))
        .date("paid_through", c().map(|(_, new, claim)| new.plan.is_settled().then_some(claim.period.ends)))
        .date("renew_on", c().map(|(_, new, claim)| new.plan.next_renew_on(claim)))
        .int("discount_periods", c().map(|(.., claim)| claim.discount_periods.map(i64::from)))
        .int("open_invoice_id", c().map(|(id, new, _)| (!new.plan.is_settled()).then_some(id.0)))
        .int("free_invoice_id", c().map(|(id, new, _)| new.plan.is_settled().then_some(id.0)));
    macro_rules! advance {
        ($due:literal) => {
            concat!(
                "update services set next_period = n.next_period, billed_through = n.billed_through, \
                paid_through = coalesce(n.paid_through, services.paid_through), renew_on = n.renew_on, ",
                $due,
                "discount_periods = n.discount_periods, open_invoice_id = n.open_invoice_id, \
                free_invoice_id = n.free_invoice_id, version = services.version + 1 from {rows} \
                where services.seller_id = n.seller_id and services.id = n.id"
            )
        };
    }
    let sql = match way {
        Way::Asked => advance!(""),
        Way::Settled | Way::Run => advance!("due_from = n.renew_on, "),
    };
    (sql, rows)
}

/// The invoices under their numbers, which begin with `first_number`.
pub(super) fn invoice_rows(
    seller: &Seller,
    invoices: &[New<'_>],
    at: Timestamp,
    run: Option<RunId>,
    first_number: i64,
    numbers: impl Iterator<Item = String>,
) -> Result<Rows> {
    let seller_copy = documents::frozen(&seller.party)?;
    let series = issued_on(invoices).map_or(0, |day| seller.numbering.reset.series(day));
    let batch = Batch { seller_copy: &seller_copy, seller: seller.id, series, at, run };
    let mut documents = Vec::with_capacity(invoices.len());
    for (id, new) in invoices {
        let buyer = documents::frozen_buyer(&new.customer)?;
        documents.push(Ready::new(&batch, *id, head(new), buyer, &line_rows(new), &new.plan.tax_groups));
    }
    Ok(documents::head_rows(&batch, &documents, first_number, numbers))
}

fn head(new: &NewInvoice) -> Head<'_> {
    let plan = &new.plan;
    Head {
        kind: DocumentKind::Invoice,
        customer: new.customer.id,
        issued_on: plan.issued_on,
        due_on: plan.due_on,
        net: plan.net,
        tax: plan.tax,
        rounding: plan.rounding,
        total: plan.total,
        rules: plan.rules,
        home_tax: plan.home_tax.as_ref(),
        corrects: None,
        reason: None,
        is_settled: plan.is_settled(),
    }
}
