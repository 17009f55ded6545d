//! Changes of what a service is in the middle of what is billed, and what they need to know and undo.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use perennial_billing::change::{Billed, Sold, TakenBack};
use perennial_billing::ledger::Source;
use perennial_billing::{
    AddonId, Currency, InvoiceId, Money, Period, PeriodNumber, ProductId, Quantity, SellerId, ServiceChangeId,
    ServiceId,
};

use crate::events::{self, EventType, NewEvent};
use crate::invoices::{self, profile};
use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx, ledger};

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceChange {
    /// Its id.
    pub id: ServiceChangeId,
    /// Of which service.
    pub service: ServiceId,
    /// The add-on that was sold, if it is not the service itself that was changed.
    pub addon: Option<AddonId>,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub actor: String,
    /// The first day on which it holds.
    pub effective_on: Date,
    /// What it was before; an add-on that was sold was the same.
    pub from: Sold,
    /// What it is from then on.
    pub to: Sold,
    /// The invoice that bills the difference, if there is one.
    pub invoice: Option<InvoiceId>,
    /// The unpaid invoice that was taken back for it.
    pub taken_back: Option<InvoiceId>,
}

/// Writes a change.
pub async fn insert(tx: &mut Tx, seller: SellerId, change: &ServiceChange) -> Result<()> {
    let sql = "insert into service_changes (seller_id, id, service_id, addon_id, at, actor, effective_on, \
        from_product_id, from_quantity_millionths, from_cycle, product_id, quantity_millionths, cycle, invoice_id, \
        taken_back_invoice_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let values = params![
        seller.0,
        change.id.0,
        change.service.0,
        change.addon.map(|addon| addon.0),
        change.at,
        change.actor.clone(),
        change.effective_on,
        change.from.product.0,
        change.from.quantity.millionths(),
        change.from.cycle.to_string(),
        change.to.product.0,
        change.to.quantity.millionths(),
        change.to.cycle.to_string(),
        change.invoice.map(|invoice| invoice.0),
        change.taken_back.map(|invoice| invoice.0),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// The changes of a service, newest first.
pub async fn of_service(
    conn: &mut Conn,
    seller: SellerId,
    service: ServiceId,
    before: Option<ServiceChangeId>,
    limit: i64,
) -> Result<Vec<ServiceChange>> {
    let sql = "select id, service_id, addon_id, at, actor, effective_on, from_product_id, from_quantity_millionths, \
        from_cycle, product_id, quantity_millionths, cycle, invoice_id, taken_back_invoice_id from service_changes \
        where seller_id = $1 and service_id = $2 and id < $3 order by id desc limit $4";
    let before = before.map_or(i64::MAX, |id| id.0);
    conn.rows(sql, params![seller.0, service.0, before, limit]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<ServiceChange> {
    Ok(ServiceChange {
        id: ServiceChangeId(row.int("id")?),
        service: ServiceId(row.int("service_id")?),
        addon: row.opt_int("addon_id")?.map(AddonId),
        at: row.instant("at")?,
        actor: row.text("actor")?,
        effective_on: row.date("effective_on")?,
        from: Sold {
            product: ProductId(row.int("from_product_id")?),
            quantity: Quantity::from_millionths(row.int("from_quantity_millionths")?),
            cycle: row.parsed("from_cycle")?,
        },
        to: Sold {
            product: ProductId(row.int("product_id")?),
            quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
            cycle: row.parsed("cycle")?,
        },
        invoice: row.opt_int("invoice_id")?.map(InvoiceId),
        taken_back: row.opt_int("taken_back_invoice_id")?.map(InvoiceId),
    })
}

/// The number of a period that was billed before it came here, where only its days are known.
pub const BILLED_ELSEWHERE: PeriodNumber = PeriodNumber(u32::MAX);

/// What is billed of a service and of its add-ons and ends after a day, as it was billed last, by number of the period; but
/// for what was billed before it came here.
pub async fn billed(
    conn: &mut Conn,
    seller: SellerId,
    service: ServiceId,
    currency: Currency,
    own_terms: &[AddonId],
    after: Date,
) -> Result<Vec<Billed>> {
    let sql = "select period, starts, ends from periods where seller_id = $1 and service_id = $2 and state <> 'void' \
        and ends > $3 and given_back_from is null order by period";
    let claims = conn.rows(sql, params![seller.0, service.0, after]).await?;
    let claims = claims
        .iter()
        .map(|row| {
            let period = Period { starts: row.date("starts")?, ends: row.date("ends")? };
            Ok((PeriodNumber(row.small("period")?), period))
        })
        .collect::<Result<Vec<_>>>()?;
    // Later invoices say what is billed for the rest of a period; what they give back is told by a negative quantity.
    let sql = "select l.addon_id, l.product_id, p.name, l.period_starts, l.period_ends, coalesce(l.gross_minor, l.net_minor) as asked_minor, l.whole_minor, \
        l.whole_starts, l.share_days, l.share_of, l.discount_code, l.tax_country, l.tax_category, l.tax_rate_ppm from (select invoice_id from periods where seller_id = $1 and service_id = $2 \
        and state <> 'void' and ends > $3 union select invoice_id from service_changes where seller_id = $1 \
        and service_id = $2 and invoice_id is not null) as b \
        join invoices i on i.seller_id = $1 and i.id = b.invoice_id and i.status <> 'void' \
        join invoice_lines l on l.seller_id = i.seller_id and l.invoice_id = i.id \
        join products p on p.seller_id = l.seller_id and p.id = l.product_id \
        where l.service_id = $2 and l.period_ends > $3 and l.quantity_millionths > 0 order by l.invoice_id, l.line";
    let lines = conn.rows(sql, params![seller.0, service.0, after]).await?;
    // A period is known by its last day: a short one and its rest begin on others.
    let mut billed: HashMap<(PeriodNumber, Option<AddonId>, Date), Billed> = HashMap::new();
    for row in &lines {
        let days = Period { starts: row.date("period_starts")?, ends: row.date("period_ends")? };
        let part = invoices::part(row, currency)?;
        let whole =
            part.map_or_else(|| row.int("asked_minor").map(|minor| Money::new(minor, currency)), |p| Ok(p.whole))?;
        let addon = row.opt_int("addon_id")?.map(AddonId);
        // What follows the service ends with the period it was billed for: a period that was given back whole may lie within
        // one that was billed later.
        let follows = addon.is_none_or(|addon| !own_terms.contains(&addon));
        let is_within = |period: &Period| {
            period.starts <= days.starts && days.starts < period.ends && (!follows || days.ends == period.ends)
        };
        let claimed = claims.iter().find(|(_, period)| is_within(period));
        // What a change has billed of a period that was billed elsewhere says which one, but not its number.
        let elsewhere = part.filter(|_| follows).map(|part| Period { starts: part.starts, ends: days.ends });
        let elsewhere = elsewhere.map(|period| (BILLED_ELSEWHERE, period));
        let Some((number, claimed)) = claimed.copied().or(elsewhere) else { continue };
        // A part says of which period, of which it bills the rest; what was billed before it is no more than claimed.
        let period = part.map_or(days, |part| Period { starts: part.starts, ends: days.ends });
        let from = if follows { claimed.starts.max(period.starts) } else { days.starts };
        let (product, name) = (ProductId(row.int("product_id")?), row.text("name")?);
        let (discount, tax) = (row.opt_text("discount_code")?, profile(row)?);
        let last = Billed { number, addon, product, name, period, from, whole, discount, tax };
        billed.insert((number, addon, period.ends), last);
    }
    let mut billed: Vec<Billed> = billed.into_values().collect();
    billed.sort_by_key(|billed| (billed.number, billed.addon, billed.period.starts));
    Ok(billed)
}

/// Marks billed periods of a service as given back from a day on.
pub async fn give_back(
    tx: &mut Tx,
    seller: SellerId,
    service: ServiceId,
    periods: &[(PeriodNumber, Date)],
) -> Result<()> {
    let p = || periods.iter();
    let rows = Rows::new()
        .int("seller_id", p().map(|_| seller.0))
        .int("service_id", p().map(|_| service.0))
        .int("period", p().map(|(number, _)| i64::from(number.0)))
        .date("given_back_from", p().map(|(_, from)| *from));
    let sql = "update periods set given_back_from = n.given_back_from from {rows} \
        where periods.seller_id = n.seller_id and periods.service_id = n.service_id and periods.period = n.period \
        and periods.state <> 'void'";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// What taking an unpaid invoice back for a change of this service comes to; none if it bills other services too, nothing
/// of this one, what an earlier change was to cost, or periods for which a change has billed more since.
pub async fn can_take_back(
    conn: &mut Conn,
    seller: SellerId,
    service: ServiceId,
    invoice: InvoiceId,
) -> Result<Option<TakenBack>> {
    let sql = "select p.service_id, p.period from periods p join invoices i on i.seller_id = p.seller_id \
        and i.id = p.invoice_id and i.status = 'issued' where p.seller_id = $1 and p.invoice_id = $2 \
        and not exists (select 1 from service_changes c where c.seller_id = p.seller_id and c.invoice_id = p.invoice_id) \
        and not exists (select 1 from service_changes c join invoices o on o.seller_id = c.seller_id \
        and o.id = c.invoice_id and o.status <> 'void' join invoice_lines l on l.seller_id = o.seller_id \
        and l.invoice_id = o.id where c.seller_id = p.seller_id and c.service_id = p.service_id \
        and l.service_id = p.service_id and l.quantity_millionths > 0 and l.period_ends > p.starts) \
        order by p.service_id, p.period";
    let rows = conn.rows(sql, params![seller.0, invoice.0]).await?;
    let claims = rows.iter().map(|row| Ok((ServiceId(row.int("service_id")?), PeriodNumber(row.small("period")?))));
    let claims = claims.collect::<Result<Vec<_>>>()?;
    let is_alone = claims.iter().all(|(claimed, _)| *claimed == service);
    let Some((_, from)) = claims.first().filter(|_| is_alone) else { return Ok(None) };
    let sql =
        "select addon_id, allowance_reason from invoice_lines where seller_id = $1 and invoice_id = $2 order by line";
    let lines = conn.rows(sql, params![seller.0, invoice.0]).await?;
    let lines = lines.iter().map(|row| Ok((row.opt_int("addon_id")?.map(AddonId), row.opt_text("allowance_reason")?)));
    Ok(Some(TakenBack::of(invoice, *from, lines.collect::<Result<Vec<_>>>()?)))
}

/// Takes an unpaid invoice back: it is void, its periods are free, what was booked for it is booked the other way, and a mail
/// that waits is called off. Nothing, if it is not unpaid any more.
pub async fn take_back(
    tx: &mut Tx,
    seller: SellerId,
    invoice: InvoiceId,
    (booked_on, at): (Date, Timestamp),
) -> Result<bool> {
    let this = || params![seller.0, invoice.0];
    if !invoices::void_unpaid(tx, seller, invoice, at).await? {
        return Ok(false);
    }
    tx.execute("update periods set state = 'void' where seller_id = $1 and invoice_id = $2", this()).await?;
    ledger::undo(tx, seller, Source::Invoice, invoice.0, booked_on).await?;
    let sql = "update services set open_invoice_id = null, due_from = renew_on where seller_id = $1 and open_invoice_id = $2 \
        and id {in $3}";
    let services = tx.rows("select service_id from periods where seller_id = $1 and invoice_id = $2", this()).await?;
    let services = services.iter().map(|row| row.int("service_id")).collect::<Result<Vec<_>>>()?;
    tx.execute(sql, params![seller.0, invoice.0, services]).await?;
    events::insert(tx, seller, &[NewEvent::of_invoice(EventType::InvoiceVoided, invoice)], at).await?;
    Ok(true)
}
