//! What a seller writes instead of the usual mails.

use jiff::Timestamp;
use perennial_billing::SellerId;

use crate::value::params;
use crate::{Conn, Result, Tx};

/// All templates of a seller, by name: name and text.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<(String, String)>> {
    let sql = "select name, body from mail_templates where seller_id = $1 order by name";
    let rows = conn.rows(sql, params![seller.0]).await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.text("body")?))).collect()
}

/// Keeps a template, instead of the one that had its name.
pub async fn put(tx: &mut Tx, seller: SellerId, name: &str, body: &str, at: Timestamp) -> Result<()> {
    let sql = "insert into mail_templates (seller_id, name, body, changed_at) values ($1, $2, $3, $4) \
        on conflict (seller_id, name) do update set body = excluded.body, changed_at = excluded.changed_at";
    tx.execute(sql, params![seller.0, name, body, at]).await?;
    Ok(())
}

/// Removes a template. Tells whether there was one.
pub async fn remove(tx: &mut Tx, seller: SellerId, name: &str) -> Result<bool> {
    let sql = "delete from mail_templates where seller_id = $1 and name = $2";
    Ok(tx.execute(sql, params![seller.0, name]).await? == 1)
}
