//! Databases that were made to rehearse in: a clock that runs ahead, and invoices that are taken for paid.

use jiff::{Timestamp, civil::Date};
use perennial_billing::SellerId;

use crate::value::params;
use crate::{Conn, Result, Tx};

/// Makes a database a sandbox, for ever.
pub async fn create(tx: &mut Tx) -> Result<()> {
    tx.execute("insert into sandbox (id, ahead) values (1, 0)", Vec::new()).await?;
    Ok(())
}

/// How far a sandbox's clock runs ahead of the machine's, in microseconds; none for a real database.
pub async fn ahead(conn: &mut Conn) -> Result<Option<i64>> {
    let row = conn.row("select ahead from sandbox", Vec::new()).await?;
    row.map(|row| row.int("ahead")).transpose()
}

/// Sets how far the clock runs ahead. It never goes back.
pub async fn set_ahead(tx: &mut Tx, microseconds: i64) -> Result<()> {
    tx.execute("update sandbox set ahead = $1 where ahead < $1", params![microseconds]).await?;
    Ok(())
}

/// Takes every invoice that is due by this day for paid, and tells how many.
pub async fn settle_due(tx: &mut Tx, seller: SellerId, through: Date, at: Timestamp) -> Result<u64> {
    let sql = "update services set open_invoice_id = null, version = version + 1, paid_through = coalesce( \
        (select p.ends from periods p where p.seller_id = services.seller_id and p.service_id = services.id \
        and p.invoice_id = services.open_invoice_id and p.state <> 'void'), paid_through) \
        where seller_id = $1 and open_invoice_id is not null and open_invoice_id in \
        (select id from invoices where seller_id = $1 and status = 'issued' and due_on <= $2)";
    tx.execute(sql, params![seller.0, through]).await?;
    let sql = "update periods set state = 'paid' where seller_id = $1 and state = 'invoiced' and invoice_id in \
        (select id from invoices where seller_id = $1 and status = 'issued' and due_on <= $2)";
    tx.execute(sql, params![seller.0, through]).await?;
    let sql = "update invoices set status = 'paid', paid_at = $3 \
        where seller_id = $1 and status = 'issued' and due_on <= $2";
    tx.execute(sql, params![seller.0, through, at]).await
}
