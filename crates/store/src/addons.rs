//! Add-ons: what is sold on top of a service.

use perennial_billing::{AddonId, ProductId, Quantity, SellerId, ServiceId};

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
    /// Whether it is renewed with its service.
    pub active: bool,
}

/// All add-ons of a seller, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<Addon>> {
    let sql = "select id, service_id, product_id, quantity_millionths, own_price_minor, status from addons \
        where seller_id = $1 order by id";
    conn.rows(sql, params![seller.0]).await?.iter().map(read).collect()
}

/// The add-on with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: AddonId) -> Result<Option<Addon>> {
    let sql = "select id, service_id, product_id, quantity_millionths, own_price_minor, status from addons \
        where seller_id = $1 and id = $2";
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
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
        .text("status", a().map(|a| (if a.active { "active" } else { "cancelled" }).to_owned()));
    let sql = "insert into addons (seller_id, id, service_id, product_id, quantity_millionths, own_price_minor, status) \
        select seller_id, id, service_id, product_id, quantity_millionths, own_price_minor, status from {rows} where true \
        on conflict (seller_id, id) do update set product_id = excluded.product_id, \
        quantity_millionths = excluded.quantity_millionths, own_price_minor = excluded.own_price_minor, \
        status = excluded.status";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Addon> {
    Ok(Addon {
        id: AddonId(row.int("id")?),
        service: ServiceId(row.int("service_id")?),
        product: ProductId(row.int("product_id")?),
        quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
        own_price_minor: row.opt_int("own_price_minor")?,
        active: row.text("status")? == "active",
    })
}
