//! Coupons: what takes off a part of a price, and for which services it was used.

use jiff::{Timestamp, civil::Date};
use perennial_billing::{CouponId, Currency, CustomerId, Off, ProductId, Rate, SellerId, ServiceId};

use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// Something that takes off a part of a price, for whoever has its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    /// Its id.
    pub id: CouponId,
    /// What is typed in; capitals, digits and `-`.
    pub code: String,
    /// How much it takes off a period.
    pub off: Off,
    /// The currency of an amount.
    pub currency: Option<Currency>,
    /// For how many periods; none is any number.
    pub periods: Option<u16>,
    /// For periods that begin through this day; none is for ever.
    pub through: Option<Date>,
    /// Only for this product.
    pub product: Option<ProductId>,
    /// Only for this customer.
    pub customer: Option<CustomerId>,
    /// The last day on which it can be used.
    pub redeem_through: Option<Date>,
    /// For how many services it can be used.
    pub max_uses: Option<u32>,
    /// For how many it was used.
    pub uses: u32,
}

/// The coupons of a seller, which is `$1`, that are as the rest says.
macro_rules! coupons_where {
    () => {
        "select id, code, percent_ppm, amount_minor, currency, periods, through, product_id, customer_id, \
        redeem_through, max_uses, uses from coupons where seller_id = $1 "
    };
}

/// All coupons of a seller, by code.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<Coupon>> {
    conn.rows(concat!(coupons_where!(), "order by code"), params![seller.0]).await?.iter().map(read).collect()
}

/// The coupon with this code.
pub async fn get(conn: &mut Conn, seller: SellerId, code: &str) -> Result<Option<Coupon>> {
    let sql = concat!(coupons_where!(), "and code = $2");
    conn.row(sql, params![seller.0, code]).await?.map(|row| read(&row)).transpose()
}

/// Writes a coupon.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) when there is one with that code.
pub async fn insert(tx: &mut Tx, seller: SellerId, coupon: &Coupon) -> Result<()> {
    let sql = "insert into coupons (seller_id, id, code, percent_ppm, amount_minor, currency, periods, through, product_id, \
        customer_id, redeem_through, max_uses, uses) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let (percent, amount) = match coupon.off {
        Off::Percent(rate) => (Some(rate.parts_per_million()), None),
        Off::Amount(minor) => (None, Some(minor)),
    };
    let values = params![
        seller.0,
        coupon.id.0,
        coupon.code.clone(),
        percent,
        amount,
        coupon.currency.map(|currency| currency.code().to_owned()),
        coupon.periods.map(i64::from),
        coupon.through,
        coupon.product.map(|product| product.0),
        coupon.customer.map(|customer| customer.0),
        coupon.redeem_through,
        coupon.max_uses.map(i64::from),
        i64::from(coupon.uses),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Counts one more use, and holds the coupon until the transaction ends; not if its limit is reached. Tells whether it did.
pub async fn count_use(tx: &mut Tx, seller: SellerId, coupon: CouponId) -> Result<bool> {
    let sql = "update coupons set uses = uses + 1 where seller_id = $1 and id = $2 \
        and (max_uses is null or uses < max_uses)";
    Ok(tx.execute(sql, params![seller.0, coupon.0]).await? == 1)
}

/// Notes that a coupon was used for a service.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) when it was used for that service before.
pub async fn note_use(
    tx: &mut Tx,
    seller: SellerId,
    coupon: CouponId,
    service: ServiceId,
    at: Timestamp,
    actor: &str,
) -> Result<()> {
    let sql = "insert into coupon_uses (seller_id, coupon_id, service_id, at, actor) values ($1, $2, $3, $4, $5)";
    tx.execute(sql, params![seller.0, coupon.0, service.0, at, actor]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Coupon> {
    let off = match row.opt_int("percent_ppm")? {
        Some(ppm) => Off::Percent(Rate::from_parts_per_million(ppm)),
        None => Off::Amount(row.int("amount_minor")?),
    };
    let currency = match row.opt_text("currency")? {
        Some(_) => Some(row.parsed("currency")?),
        None => None,
    };
    Ok(Coupon {
        id: CouponId(row.int("id")?),
        code: row.text("code")?,
        off,
        currency,
        periods: row.opt_int("periods")?.map(|_| row.small("periods")).transpose()?,
        through: row.opt_date("through")?,
        product: row.opt_int("product_id")?.map(ProductId),
        customer: row.opt_int("customer_id")?.map(CustomerId),
        redeem_through: row.opt_date("redeem_through")?,
        max_uses: row.opt_int("max_uses")?.map(|_| row.small("max_uses")).transpose()?,
        uses: row.small("uses")?,
    })
}
