//! The statements that write invoices, in their order, and the rows that go into them.

use jiff::{Timestamp, civil::Date};
use perennial_billing::line::{Line, PriceOrigin};
use perennial_billing::renewal::Claim;
use perennial_billing::{InvoiceId, RunId, SellerId};

use super::NewInvoice;
use crate::audit::{self, AuditEntry};
use crate::rows::Rows;
use crate::sellers::Seller;
use crate::{Result, StoreError, addons, outbox, runs};

/// What a column of a step holds when the rows are sent by place ([`by_place`]).
pub(super) enum Given {
    /// What it says.
    AsSent,
    /// The place of an invoice among the new ones.
    Invoice,
    /// A new row of the outbox.
    Outbox,
    /// A new entry of the trail.
    Audit,
    /// The distance of a legal number from the first of the group's.
    SeriesNumber,
    /// Nothing: the text of the number at that distance.
    Number,
}

impl Given {
    pub fn of(text: &str, column: &str) -> Self {
        match column {
            "invoice_id" | "open_invoice_id" | "free_invoice_id" => Self::Invoice,
            "id" if text.starts_with("insert into outbox") => Self::Outbox,
            "id" if text.starts_with("insert into audit") => Self::Audit,
            "series_number" => Self::SeriesNumber,
            "number" => Self::Number,
            _ => Self::AsSent,
        }
    }
}

/// What stands before and after the digits of this group's numbers, and how many digits there are at least.
pub(super) fn around_numbers(seller: &Seller, new: &[&NewInvoice]) -> (String, i64, String) {
    let (before, width, after) =
        new.first().map_or_else(Default::default, |new| seller.number_pattern.around(new.plan.issued_on));
    (before, i64::try_from(width).unwrap_or(0), after)
}

/// The same statements for a database that gives ids and numbers itself: the rows name an invoice, a mail and an entry of
/// the trail by its place, from 1, and a legal number by its distance from the first.
pub(super) fn by_place(
    seller: &Seller,
    new: &[&NewInvoice],
    at: Timestamp,
    run: Option<RunId>,
) -> Result<Vec<(&'static str, Rows)>> {
    let invoices: Vec<New<'_>> = (1..).map(InvoiceId).zip(new.iter().copied()).collect();
    let places = |count| (1..).take(count).collect();
    let mut steps = before_the_number(seller.id, &invoices, at, run, places(mails(new)), places(claims(new)));
    let numbers = new.iter().map(|_| String::new());
    steps.push((INSERT_INVOICES, invoice_rows(seller, &invoices, at, run, 0, numbers)?));
    Ok(steps)
}

pub(super) type New<'a> = (InvoiceId, &'a NewInvoice);

/// All plans of a batch are made on the same day of the same seller.
pub(super) fn fiscal_year(new: &[&NewInvoice]) -> i64 {
    new.first().map_or(0, |new| i64::from(new.plan.issued_on.year()))
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

/// A number of things as a parameter.
pub(super) fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}

/// Takes `$3` numbers of a year's series, which the transaction then holds. One that fails gives them back.
pub(super) const TAKE_NUMBERS: &str = "insert into number_series (seller_id, kind, fiscal_year, first_number, next_number) \
    values ($1, 'invoice', $2, 1, 1 + $3) on conflict (seller_id, kind, fiscal_year) \
    do update set next_number = number_series.next_number + $3 returning next_number - $3 as first";

pub(super) const INSERT_INVOICES: &str = "insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, \
    customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, \
    status, paid_at, run_id) select seller_id, invoice_id, 'invoice', fiscal_year, series_number, number, customer_id, \
    issued_on, due_on, issued_at, currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, status, paid_at, \
    run_id from {rows}";

/// Everything that belongs to the invoices and needs no number.
pub(super) fn before_the_number(
    seller: SellerId,
    invoices: &[New<'_>],
    at: Timestamp,
    run: Option<RunId>,
    outbox_ids: Vec<i64>,
    audit_ids: Vec<i64>,
) -> Vec<(&'static str, Rows)> {
    let mailed: Vec<InvoiceId> = invoices.iter().filter(|(_, new)| new.mail).map(|(id, _)| *id).collect();
    let trail: Vec<AuditEntry> = claimed(invoices).map(|(_, new, claim)| renewed(new, claim, at)).collect();
    let mut steps = vec![
        periods(seller, invoices),
        lines(seller, invoices),
        taxes(seller, invoices),
        entries(seller, invoices),
        advanced_services(seller, invoices),
        addons::terms_of(seller, || invoices.iter().flat_map(|(_, new)| new.plan.terms.iter())),
        outbox::invoice_mails(seller, &mailed, at, outbox_ids),
        audit::entries(seller, &trail, audit_ids),
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

fn renewed(new: &NewInvoice, claim: &Claim, at: Timestamp) -> AuditEntry {
    let service = claim.service.0;
    AuditEntry { at, actor: new.actor.clone(), action: "service.renewed", subject: "service", subject_id: service }
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
    let lines: Vec<(InvoiceId, i64, &Line)> = invoices
        .iter()
        .flat_map(|(id, new)| (1..).zip(&new.plan.lines).map(|(number, line)| (*id, number, line)))
        .collect();
    let l = || lines.iter();
    let origin = |line: &Line| match line.price_origin {
        PriceOrigin::Own => ("own", None),
        PriceOrigin::Catalogue(version) => ("catalogue", Some(version.0)),
        PriceOrigin::Feed => ("feed", None),
        PriceOrigin::Campaign(campaign) => ("campaign", Some(campaign.0)),
        PriceOrigin::Converted(version) => ("converted", Some(version.0)),
        PriceOrigin::Billed => ("billed", None),
    };
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", l().map(|(id, ..)| id.0))
        .int("line", l().map(|(_, number, _)| *number))
        .int("service_id", l().map(|(.., line)| line.service.0))
        .int("addon_id", l().map(|(.., line)| line.addon.map(|addon| addon.0)))
        .int("product_id", l().map(|(.., line)| line.product.0))
        .text("description", l().map(|(.., line)| line.description.clone()))
        .int("quantity_millionths", l().map(|(.., line)| line.quantity.millionths()))
        .int("unit_price_minor", l().map(|(.., line)| line.unit_price.minor))
        .int("net_minor", l().map(|(.., line)| line.net.minor))
        .text("tax_category", l().map(|(.., line)| line.tax.category.code().to_owned()))
        .int("tax_rate_ppm", l().map(|(.., line)| line.tax.rate.parts_per_million()))
        .date("period_starts", l().map(|(.., line)| line.period.starts))
        .date("period_ends", l().map(|(.., line)| line.period.ends))
        .text("price_origin", l().map(|(.., line)| origin(line).0.to_owned()))
        .int("price_id", l().map(|(.., line)| origin(line).1))
        .int("allowance_minor", l().map(|(.., line)| line.allowance.as_ref().map(|off| off.amount.minor)))
        .text("allowance_reason", l().map(|(.., line)| line.allowance.as_ref().map(|off| off.reason.clone())))
        .text("discount_code", l().map(|(.., line)| line.discount.clone()))
        .int("whole_minor", l().map(|(.., line)| line.part.map(|part| part.whole.minor)))
        .date("whole_starts", l().map(|(.., line)| line.part.map(|part| part.starts)))
        .int("share_days", l().map(|(.., line)| line.part.map(|part| i64::from(part.share.days))))
        .int("share_of", l().map(|(.., line)| line.part.map(|part| i64::from(part.share.of))));
    let sql = "insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description, \
        quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, \
        price_origin, price_id, allowance_minor, allowance_reason, discount_code, whole_minor, \
        whole_starts, share_days, share_of) select seller_id, invoice_id, line, service_id, addon_id, product_id, description, \
        quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, \
        price_origin, price_id, allowance_minor, allowance_reason, discount_code, whole_minor, \
        whole_starts, share_days, share_of from {rows}";
    (sql, rows)
}

fn taxes(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let groups: Vec<_> =
        invoices.iter().flat_map(|(id, new)| new.plan.tax_groups.iter().map(|group| (*id, *group))).collect();
    let g = || groups.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", g().map(|(id, _)| id.0))
        .text("tax_category", g().map(|(_, group)| group.profile.category.code().to_owned()))
        .int("tax_rate_ppm", g().map(|(_, group)| group.profile.rate.parts_per_million()))
        .int("base_minor", g().map(|(_, group)| group.base.minor))
        .int("tax_minor", g().map(|(_, group)| group.tax.minor));
    let sql = "insert into invoice_taxes (seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor) \
        select seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor from {rows}";
    (sql, rows)
}

/// Double entry: the customer owes the total (debit), the seller earned the net and owes the tax (credit).
fn entries(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let entries: Vec<_> = invoices
        .iter()
        .flat_map(|(id, new)| {
            let plan = &new.plan;
            let sides = [("receivable", plan.total.minor), ("revenue", -plan.net.minor), ("vat", -plan.tax.minor)];
            let booked = sides.into_iter().filter(|(_, minor)| *minor != 0);
            (1i64..).zip(booked).map(move |(entry, (account, minor))| (*id, plan, entry, account, minor))
        })
        .collect();
    let e = || entries.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", e().map(|(id, ..)| id.0))
        .int("entry", e().map(|(_, _, entry, ..)| *entry))
        .text("account", e().map(|(_, _, _, account, _)| (*account).to_owned()))
        .text("currency", e().map(|(_, plan, ..)| plan.total.currency.code().to_owned()))
        .int("amount_minor", e().map(|(.., minor)| *minor))
        .same("booked_on", issued_on(invoices));
    let sql = "insert into ledger_entries (seller_id, invoice_id, entry, account, currency, amount_minor, booked_on) \
        select seller_id, invoice_id, entry, account, currency, amount_minor, booked_on from {rows}";
    (sql, rows)
}

fn advanced_services(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
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
    let sql = "update services set next_period = n.next_period, billed_through = n.billed_through, \
        paid_through = coalesce(n.paid_through, services.paid_through), renew_on = n.renew_on, \
        discount_periods = n.discount_periods, open_invoice_id = n.open_invoice_id, free_invoice_id = n.free_invoice_id, \
        version = services.version + 1 from {rows} where services.seller_id = n.seller_id and services.id = n.id";
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
    let seller_copy = frozen(&seller.party)?;
    let buyers = invoices.iter().map(|(_, new)| frozen(&new.customer.party)).collect::<Result<Vec<_>>>()?;
    let i = || invoices.iter();
    Ok(Rows::new()
        .same("seller_id", seller.id.0)
        .int("invoice_id", i().map(|(id, _)| id.0))
        .same("fiscal_year", issued_on(invoices).map(|day| i64::from(day.year())))
        .int("series_number", i().zip(first_number..).map(|(_, nth)| nth))
        .text("number", numbers)
        .int("customer_id", i().map(|(_, new)| new.customer.id.0))
        .same("issued_on", issued_on(invoices))
        .date("due_on", i().map(|(_, new)| new.plan.due_on))
        .same("issued_at", at)
        .text("currency", i().map(|(_, new)| new.plan.total.currency.code().to_owned()))
        .int("net_minor", i().map(|(_, new)| new.plan.net.minor))
        .int("tax_minor", i().map(|(_, new)| new.plan.tax.minor))
        .int("total_minor", i().map(|(_, new)| new.plan.total.minor))
        .text("rounding", i().map(|(_, new)| new.plan.rounding.as_str().to_owned()))
        .same("seller", seller_copy)
        .text("buyer", buyers)
        .text("status", i().map(|(_, new)| (if new.plan.is_settled() { "paid" } else { "issued" }).to_owned()))
        .instant("paid_at", i().map(|(_, new)| new.plan.is_settled().then_some(at)))
        .same("run_id", run.map(|run| run.0)))
}

/// A party as it is copied into an invoice.
fn frozen(party: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(party).map_err(|error| StoreError::Statement(sqlx::Error::Encode(error.into())))
}
