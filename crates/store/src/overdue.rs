//! Invoices that were not paid by the day they were due, told once each.

use jiff::{Timestamp, civil::Date};
use perennial_billing::{InvoiceId, SellerId, ServiceId};

use crate::events::{self, EventType, NewEvent};
use crate::value::params;
use crate::{Conn, Result, Tx};

/// Through which day a seller's overdue invoices have been told; none if nobody has looked yet.
pub async fn told_through(conn: &mut Conn, seller: SellerId) -> Result<Option<Date>> {
    let row = conn.row("select overdue_through from sellers where id = $1", params![seller.0]).await?;
    row.map_or(Ok(None), |row| row.opt_date("overdue_through"))
}

/// Tells which invoices that were due after the last day that was told, through this one, are not paid, and which services
/// they renewed. The first time, nothing is told: what was overdue before anybody listened is no news. How many invoices.
pub async fn tell(tx: &mut Tx, seller: SellerId, through: Date, at: Timestamp) -> Result<usize> {
    let sql = "select overdue_through from sellers where id = $1 {for update}";
    let Some(row) = tx.row(sql, params![seller.0]).await? else { return Ok(0) };
    let told = row.opt_date("overdue_through")?;
    if told.is_some_and(|told| told >= through) {
        return Ok(0);
    }
    tx.execute("update sellers set overdue_through = $2 where id = $1", params![seller.0, through]).await?;
    let Some(after) = told else { return Ok(0) };
    let sql = "select id from invoices where seller_id = $1 and status = 'issued' and kind = 'invoice' \
        and due_on > $2 and due_on <= $3 order by id";
    let rows = tx.rows(sql, params![seller.0, after, through]).await?;
    let invoices = rows.iter().map(|row| row.int("id")).collect::<Result<Vec<i64>>>()?;
    let sql = "select distinct invoice_id, service_id from periods where seller_id = $1 and invoice_id {in $2} \
        and state = 'invoiced' order by invoice_id, service_id";
    let rows = tx.rows(sql, params![seller.0, invoices.clone()]).await?;
    let overdue = |id: &i64| NewEvent::of_invoice(EventType::InvoiceOverdue, InvoiceId(*id));
    let mut news: Vec<NewEvent> = invoices.iter().map(overdue).collect();
    for row in &rows {
        let (service, invoice) = (ServiceId(row.int("service_id")?), InvoiceId(row.int("invoice_id")?));
        let event = NewEvent::of(EventType::ServiceOverdue, "service", service.0);
        news.push(NewEvent { invoice: Some(invoice), ..event });
    }
    events::insert(tx, seller, &news, at).await?;
    Ok(invoices.len())
}
