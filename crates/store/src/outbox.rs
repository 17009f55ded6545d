//! The outbox: what is delivered after the business change it was written with.

use jiff::Timestamp;
use perennial_billing::{InvoiceId, OutboxId, SellerId};

use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::value::params;
use crate::{Conn, Result, Tx};

/// A mail that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// Its id.
    pub id: OutboxId,
    /// Which invoice it carries.
    pub invoice: InvoiceId,
    /// When it was queued.
    pub created_at: Timestamp,
}

/// Queues a mail for each of these invoices.
pub async fn queue_invoice_mails(tx: &mut Tx, seller: SellerId, invoices: &[InvoiceId], at: Timestamp) -> Result<()> {
    let ids = ids::take(tx, IdKind::Outbox, invoices.len()).await?;
    let (sql, rows) = invoice_mails(seller, invoices, at, ids);
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// The mails of these invoices, under these ids.
pub(crate) fn invoice_mails(
    seller: SellerId,
    invoices: &[InvoiceId],
    at: Timestamp,
    ids: Vec<i64>,
) -> (&'static str, Rows) {
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", ids)
        .int("invoice_id", invoices.iter().map(|invoice| invoice.0))
        .same("at", at);
    let sql = "insert into outbox (seller_id, id, kind, invoice_id, state, attempts, created_at, next_attempt_at) \
        select seller_id, id, 'invoice_mail', invoice_id, 'queued', 0, at, at from {rows}";
    (sql, rows)
}

/// The mails that wait for this invoice, oldest first.
pub async fn mails_of(conn: &mut Conn, seller: SellerId, invoice: InvoiceId) -> Result<Vec<QueuedMail>> {
    // The sum keeps SQLite from walking through all rows of the seller by id, to spare itself the sorting of a few.
    let sql = "select id, invoice_id, created_at from outbox \
        where seller_id = $1 and invoice_id = $2 and kind = 'invoice_mail' and state = 'queued' order by id + 0";
    let rows = conn.rows(sql, params![seller.0, invoice.0]).await?;
    rows.iter()
        .map(|row| {
            Ok(QueuedMail {
                id: OutboxId(row.int("id")?),
                invoice: InvoiceId(row.int("invoice_id")?),
                created_at: row.instant("created_at")?,
            })
        })
        .collect()
}
