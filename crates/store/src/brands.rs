//! How a seller's documents look.

use jiff::Timestamp;
use perennial_billing::SellerId;

use crate::value::params;
use crate::{Conn, Result, Tx, sellers};

/// A look. It never changes: another one has another number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBrand {
    /// The colour of what stands out, `#rrggbb`.
    pub accent: String,
    /// A picture in base64, or empty.
    pub logo: String,
    /// What the foot of each page says besides who the seller is.
    pub footer: String,
    /// What stands under the amounts.
    pub closing: String,
    /// The columns between a line's text and its amount: words with commas between them.
    pub columns: String,
}

/// The look with this number.
pub async fn get(conn: &mut Conn, seller: SellerId, id: i64) -> Result<Option<StoredBrand>> {
    let sql = "select accent, logo, footer, closing, columns from brands where seller_id = $1 and id = $2";
    let row = conn.row(sql, params![seller.0, id]).await?;
    row.map(|row| {
        Ok(StoredBrand {
            accent: row.text("accent")?,
            logo: row.text("logo")?,
            footer: row.text("footer")?,
            closing: row.text("closing")?,
            columns: row.text("columns")?,
        })
    })
    .transpose()
}

/// Keeps a look for the documents that are issued from now on, and tells its number.
pub async fn add(tx: &mut Tx, seller: SellerId, brand: &StoredBrand, at: Timestamp) -> Result<i64> {
    // Held first, so that two looks cannot get one number.
    sellers::hold(tx, seller).await?;
    let sql = "update sellers set version = version + 1, brand = (select coalesce(max(id), 0) + 1 from brands where seller_id = $1) \
        where id = $1 returning brand";
    let row = tx.row(sql, params![seller.0]).await?;
    let id = row.map_or(Ok(0), |row| row.int("brand"))?;
    let sql = "insert into brands (seller_id, id, accent, logo, footer, closing, columns, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let StoredBrand { accent, logo, footer, closing, columns } = brand.clone();
    tx.execute(sql, params![seller.0, id, accent, logo, footer, closing, columns, at]).await?;
    Ok(id)
}
