//! Billing contacts: who else gets a customer's invoices.

use perennial_billing::{ContactId, CustomerId, SellerId};

use crate::rows::Rows;
use crate::value::params;
use crate::{Conn, Result, Tx};

/// An extra recipient of a customer's invoices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingContact {
    /// Its id.
    pub id: ContactId,
    /// Whose invoices.
    pub customer: CustomerId,
    /// The address, in lower case.
    pub email: String,
    /// What the customer calls it.
    pub description: String,
}

/// All contacts of a seller's customers, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<BillingContact>> {
    let sql = "select id, customer_id, email, description from billing_contacts where seller_id = $1 order by id";
    let rows = conn.rows(sql, params![seller.0]).await?;
    rows.iter()
        .map(|row| {
            Ok(BillingContact {
                id: ContactId(row.int("id")?),
                customer: CustomerId(row.int("customer_id")?),
                email: row.text("email")?,
                description: row.text("description")?,
            })
        })
        .collect()
}

/// Writes new contacts.
pub async fn insert(tx: &mut Tx, seller: SellerId, contacts: &[BillingContact]) -> Result<()> {
    let c = || contacts.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", c().map(|c| c.id.0))
        .int("customer_id", c().map(|c| c.customer.0))
        .text("email", c().map(|c| c.email.clone()))
        .text("description", c().map(|c| c.description.clone()));
    let sql = "insert into billing_contacts (seller_id, id, customer_id, email, description) \
        select seller_id, id, customer_id, email, description from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}
