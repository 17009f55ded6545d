//! Price versions.

use perennial_billing::{Currency, Cycle, Money, PriceId, PriceVersion, ProductId, Quantity, SellerId};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// All price versions of a seller, by product, cycle, currency and start.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<PriceVersion>> {
    let sql = "select id, product_id, cycle, currency, starts, amount_minor, from_quantity_millionths from prices \
        where seller_id = $1 order by product_id, cycle, currency, starts, from_quantity_millionths";
    conn.rows(sql, params![seller.0]).await?.iter().map(read).collect()
}

/// The versions for these products, cycles and currencies.
pub async fn versions(
    conn: &mut Conn,
    seller: SellerId,
    wanted: &[(ProductId, Cycle, Currency)],
) -> Result<Vec<PriceVersion>> {
    let rows = Rows::new()
        .int("seller_id", wanted.iter().map(|_| seller.0))
        .int("product_id", wanted.iter().map(|(product, _, _)| product.0))
        .text("cycle", wanted.iter().map(|(_, cycle, _)| cycle.to_string()))
        .text("currency", wanted.iter().map(|(_, _, currency)| currency.code().to_owned()));
    let sql = "select p.id, p.product_id, p.cycle, p.currency, p.starts, p.amount_minor, p.from_quantity_millionths \
        from {rows} join prices p on p.seller_id = n.seller_id and p.product_id = n.product_id and p.cycle = n.cycle \
        and p.currency = n.currency";
    conn.rows_with(sql, rows).await?.iter().map(read).collect()
}

/// All versions of these products.
pub async fn of_products(conn: &mut Conn, seller: SellerId, products: &[ProductId]) -> Result<Vec<PriceVersion>> {
    let sql = "select id, product_id, cycle, currency, starts, amount_minor, from_quantity_millionths from prices \
        where seller_id = $1 and product_id {in $2}";
    let ids: Vec<i64> = products.iter().map(|product| product.0).collect();
    conn.rows(sql, params![seller.0, ids]).await?.iter().map(read).collect()
}

/// A page of the versions of a product, newest first.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    product: ProductId,
    before: Option<PriceId>,
    limit: i64,
) -> Result<Vec<PriceVersion>> {
    // Found by its product first: a product has few versions, and walking back by id would pass those of all others.
    let sql = "with versions as materialized (select id, product_id, cycle, currency, starts, amount_minor, \
        from_quantity_millionths from prices where seller_id = $1 and product_id = $2) \
        select id, product_id, cycle, currency, starts, amount_minor, from_quantity_millionths from versions \
        where id < $3 order by id desc limit $4";
    let before = before.map_or(i64::MAX, |id| id.0);
    conn.rows(sql, params![seller.0, product.0, before, limit]).await?.iter().map(read).collect()
}

/// Writes new versions, and moves the versions of their products so that everybody reads them.
pub async fn insert(tx: &mut Tx, seller: SellerId, prices: &[PriceVersion]) -> Result<()> {
    let p = || prices.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", p().map(|p| p.id.0))
        .int("product_id", p().map(|p| p.product.0))
        .text("cycle", p().map(|p| p.cycle.to_string()))
        .text("currency", p().map(|p| p.amount.currency.code().to_owned()))
        .date("starts", p().map(|p| p.starts))
        .int("amount_minor", p().map(|p| p.amount.minor))
        .int("from_quantity_millionths", p().map(|p| p.from_quantity.millionths()));
    let sql = "insert into prices (seller_id, id, product_id, cycle, currency, starts, amount_minor, \
        from_quantity_millionths) select seller_id, id, product_id, cycle, currency, starts, amount_minor, \
        from_quantity_millionths from {rows}";
    tx.execute_with(sql, rows).await?;
    let mut products: Vec<i64> = p().map(|p| p.product.0).collect();
    products.sort_unstable();
    products.dedup();
    let moved = "update products set version = version + 1 where seller_id = $1 and id {in $2}";
    tx.execute(moved, params![seller.0, products]).await?;
    Ok(())
}

/// Whom a price of the catalogue reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PriceReach {
    /// Services and add-ons that follow the catalogue.
    pub following: i64,
    /// Services that keep what it said on some day.
    pub keeping: i64,
    /// Services and add-ons with a price of their own.
    pub own: i64,
}

/// Whom the price of a product for this cycle and currency reaches, of what is renewed at all.
pub async fn reach(
    conn: &mut Conn,
    seller: SellerId,
    product: ProductId,
    cycle: Cycle,
    currency: Currency,
) -> Result<PriceReach> {
    let sql = "select count(*) filter (where rule = 'follow') as following, \
        count(*) filter (where rule = 'keep') as keeping, count(*) filter (where rule = 'own') as own from ( \
        select case when s.own_price_minor is not null then 'own' when s.price_kept_on is not null then 'keep' \
        else 'follow' end as rule from services s \
        join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
        where s.seller_id = $1 and s.product_id = $2 and s.cycle = $3 and c.currency = $4 \
        and s.status in ('pending', 'active', 'suspended') \
        union all \
        select case when a.own_price_minor is not null then 'own' else 'follow' end as rule from addons a \
        join services s on s.seller_id = a.seller_id and s.id = a.service_id \
        join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
        where a.seller_id = $1 and a.product_id = $2 and coalesce(a.cycle, s.cycle) = $3 and c.currency = $4 \
        and a.status = 'active' and s.status in ('pending', 'active', 'suspended')) sold";
    let values = params![seller.0, product.0, cycle.to_string(), currency.code()];
    let Some(row) = conn.row(sql, values).await? else { return Ok(PriceReach::default()) };
    Ok(PriceReach { following: row.int("following")?, keeping: row.int("keeping")?, own: row.int("own")? })
}

fn read(row: &Row) -> Result<PriceVersion> {
    Ok(PriceVersion {
        id: PriceId(row.int("id")?),
        product: ProductId(row.int("product_id")?),
        cycle: row.parsed("cycle")?,
        amount: Money::new(row.int("amount_minor")?, row.parsed("currency")?),
        starts: row.date("starts")?,
        from_quantity: Quantity::from_millionths(row.int("from_quantity_millionths")?),
    })
}
