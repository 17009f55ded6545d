//! Add-ons: what is sold on top of a service.

use perennial_billing::renewal::Term;
use perennial_billing::{AddonId, Cycle, PeriodNumber, ProductId, Quantity, Schedule, SellerId, ServiceId};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// Something sold on top of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// Its id.
    pub id: AddonId,
    /// On which service.
    pub service: ServiceId,
    /// What.
    pub product: ProductId,
    /// How many.
    pub quantity: Quantity,
    /// A price of its own for one, in minor units of the customer's currency.
    pub own_price_minor: Option<i64>,
    /// Its own periods; none if it is billed for those of its service.
    pub term: Option<Term>,
    /// Whether it is renewed with its service.
    pub active: bool,
}

/// The add-ons of a seller, which is `$1`, that are as the rest says.
macro_rules! addons_where {
    () => {
        "select id, service_id, product_id, quantity_millionths, own_price_minor, cycle, anchor, first_period, \
        next_period, status from addons where seller_id = $1 "
    };
}

/// All add-ons of a seller, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<Addon>> {
    conn.rows(concat!(addons_where!(), "order by id"), params![seller.0]).await?.iter().map(read).collect()
}

/// The add-on with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: AddonId) -> Result<Option<Addon>> {
    let sql = concat!(addons_where!(), "and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// The add-ons of a service, by id, ended ones too.
pub async fn of_service(conn: &mut Conn, seller: SellerId, service: ServiceId) -> Result<Vec<Addon>> {
    let sql = concat!(addons_where!(), "and service_id = $2 order by id");
    conn.rows(sql, params![seller.0, service.0]).await?.iter().map(read).collect()
}

/// Writes add-ons: new ones, and what has changed about known ones.
pub async fn upsert(tx: &mut Tx, seller: SellerId, addons: &[Addon]) -> Result<()> {
    let a = || addons.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", a().map(|a| a.id.0))
        .int("service_id", a().map(|a| a.service.0))
        .int("product_id", a().map(|a| a.product.0))
        .int("quantity_millionths", a().map(|a| a.quantity.millionths()))
        .int("own_price_minor", a().map(|a| a.own_price_minor))
        .text("cycle", a().map(|a| a.term.map(|term| term.schedule.cycle.to_string())))
        .date("anchor", a().map(|a| a.term.map(|term| term.schedule.anchor)))
        .int("first_period", a().map(|a| a.term.map(|term| i64::from(term.schedule.first.0))))
        .int("next_period", a().map(|a| a.term.map(|term| i64::from(term.next_period.0))))
        .text("status", a().map(|a| (if a.active { "active" } else { "cancelled" }).to_owned()));
    let sql = "insert into addons (seller_id, id, service_id, product_id, quantity_millionths, own_price_minor, \
        cycle, anchor, first_period, next_period, status) select seller_id, id, service_id, product_id, \
        quantity_millionths, own_price_minor, cycle, anchor, first_period, next_period, status from {rows} where true \
        on conflict (seller_id, id) do update set product_id = excluded.product_id, \
        quantity_millionths = excluded.quantity_millionths, own_price_minor = excluded.own_price_minor, \
        cycle = excluded.cycle, anchor = excluded.anchor, first_period = excluded.first_period, \
        next_period = excluded.next_period, status = excluded.status";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Moves add-ons that have periods of their own.
pub async fn set_terms(tx: &mut Tx, seller: SellerId, terms: &[(AddonId, Term)]) -> Result<()> {
    let (sql, rows) = terms_of(seller, || terms.iter());
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// The statement that moves these add-ons, and its rows.
pub(crate) fn terms_of<'a, I>(seller: SellerId, terms: impl Fn() -> I) -> (&'static str, Rows)
where
    I: Iterator<Item = &'a (AddonId, Term)>,
{
    let rows = Rows::new()
        .int("seller_id", terms().map(|_| seller.0))
        .int("id", terms().map(|(addon, _)| addon.0))
        .date("anchor", terms().map(|(_, term)| term.schedule.anchor))
        .int("first_period", terms().map(|(_, term)| i64::from(term.schedule.first.0)))
        .int("next_period", terms().map(|(_, term)| i64::from(term.next_period.0)));
    let sql = "update addons set anchor = n.anchor, first_period = n.first_period, next_period = n.next_period \
        from {rows} where addons.seller_id = n.seller_id and addons.id = n.id";
    (sql, rows)
}

fn read(row: &Row) -> Result<Addon> {
    Ok(Addon {
        id: AddonId(row.int("id")?),
        service: ServiceId(row.int("service_id")?),
        product: ProductId(row.int("product_id")?),
        quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
        own_price_minor: row.opt_int("own_price_minor")?,
        term: term(row, "cycle", "anchor", "first_period", "next_period")?,
        active: row.text("status")? == "active",
    })
}

/// The periods of its own that an add-on has, under these names.
pub(crate) fn term(
    row: &Row,
    cycle: &'static str,
    anchor: &'static str,
    first: &'static str,
    next: &'static str,
) -> Result<Option<Term>> {
    if row.opt_text(cycle)?.is_none() {
        return Ok(None);
    }
    let cycle: Cycle = row.parsed(cycle)?;
    let schedule = Schedule { anchor: row.date(anchor)?, cycle, first: PeriodNumber(row.small(first)?) };
    Ok(Some(Term { schedule, next_period: PeriodNumber(row.small(next)?) }))
}
