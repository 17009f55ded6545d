//! Products: what is sold.

use perennial_billing::{LatePayment, PriceSource, ProductId, SellerId, TaxClass};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// What is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name, as lines show it.
    pub name: String,
    /// The number the v1 API shows as `serviceType`.
    pub service_type: i64,
    /// Hosting, vps, domain, …: the provider's own word.
    pub kind: String,
    /// Which tax rules apply.
    pub tax_class: TaxClass,
    /// Where its current price comes from.
    pub price_source: PriceSource,
    /// What becomes of a service's dates when it is paid late; the seller's way if it says nothing.
    pub late_payment: Option<LatePayment>,
}

/// All products of a seller, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<Product>> {
    let sql = "select id, name, service_type, kind, tax_class, price_source, late_payment from products where seller_id = $1 order by id";
    conn.rows(sql, params![seller.0]).await?.iter().map(read).collect()
}

/// The product with this id, and its version.
pub async fn get(conn: &mut Conn, seller: SellerId, id: ProductId) -> Result<Option<(Product, i64)>> {
    let sql = "select id, name, service_type, kind, tax_class, price_source, late_payment, version from products \
        where seller_id = $1 and id = $2";
    let row = conn.row(sql, params![seller.0, id.0]).await?;
    row.map(|row| Ok((read(&row)?, row.int("version")?))).transpose()
}

/// Holds a product until the transaction ends, so that one after the other changes it. Tells whether it exists.
pub async fn hold(tx: &mut Tx, seller: SellerId, id: ProductId) -> Result<bool> {
    let sql = "select id from products where seller_id = $1 and id = $2 {for update}";
    Ok(tx.row(sql, params![seller.0, id.0]).await?.is_some())
}

/// A page of a seller's products, newest first.
pub async fn page(conn: &mut Conn, seller: SellerId, before: Option<ProductId>, limit: i64) -> Result<Vec<Product>> {
    let sql = "select id, name, service_type, kind, tax_class, price_source, late_payment from products \
        where seller_id = $1 and id < $2 order by id desc limit $3";
    let before = before.map_or(i64::MAX, |id| id.0);
    conn.rows(sql, params![seller.0, before, limit]).await?.iter().map(read).collect()
}

/// Writes products: new ones, and what has changed about known ones.
pub async fn upsert(tx: &mut Tx, seller: SellerId, products: &[Product]) -> Result<()> {
    let p = || products.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", p().map(|p| p.id.0))
        .text("name", p().map(|p| p.name.clone()))
        .int("service_type", p().map(|p| p.service_type))
        .text("kind", p().map(|p| p.kind.clone()))
        .text("tax_class", p().map(|p| p.tax_class.as_str().to_owned()))
        .text("price_source", p().map(|p| p.price_source.to_string()))
        .text("late_payment", p().map(|p| p.late_payment.map(|policy| policy.as_str().to_owned())));
    let sql = "insert into products (seller_id, id, name, service_type, kind, tax_class, price_source, late_payment, \
        version) select seller_id, id, name, service_type, kind, tax_class, price_source, late_payment, 1 from {rows} where true \
        on conflict (seller_id, id) do update set name = excluded.name, service_type = excluded.service_type, \
        kind = excluded.kind, tax_class = excluded.tax_class, price_source = excluded.price_source, \
        late_payment = excluded.late_payment, \
        version = products.version + 1";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Product> {
    Ok(Product {
        id: ProductId(row.int("id")?),
        name: row.text("name")?,
        service_type: row.int("service_type")?,
        kind: row.text("kind")?,
        tax_class: row.word("tax_class", TaxClass::from_word)?,
        price_source: row.parsed("price_source")?,
        late_payment: row.opt_word("late_payment", LatePayment::from_word)?,
    })
}
