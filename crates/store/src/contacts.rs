//! Billing contacts: who else gets a customer's invoices.

use perennial_billing::{ContactId, CustomerId, SellerId};

use crate::rows::Rows;
use crate::value::{Row, params};
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
    conn.rows(sql, params![seller.0]).await?.iter().map(read).collect()
}

/// The contacts of one customer, by id.
pub async fn of_customer(conn: &mut Conn, seller: SellerId, customer: CustomerId) -> Result<Vec<BillingContact>> {
    let sql = "select id, customer_id, email, description from billing_contacts \
        where seller_id = $1 and customer_id = $2 order by id";
    conn.rows(sql, params![seller.0, customer.0]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<BillingContact> {
    Ok(BillingContact {
        id: ContactId(row.int("id")?),
        customer: CustomerId(row.int("customer_id")?),
        email: row.text("email")?,
        description: row.text("description")?,
    })
}

/// Writes a contact, or what the customer calls the one with this address now. The id is that of the one that stays.
pub async fn put(tx: &mut Tx, seller: SellerId, contact: &BillingContact) -> Result<ContactId> {
    let sql = "insert into billing_contacts (seller_id, id, customer_id, email, description) values ($1, $2, $3, $4, $5) \
        on conflict (seller_id, customer_id, email) do update set description = excluded.description returning id";
    let BillingContact { id, customer, email, description } = contact.clone();
    let row = tx.row(sql, params![seller.0, id.0, customer.0, email, description]).await?;
    row.map_or(Ok(id), |row| Ok(ContactId(row.int("id")?)))
}

/// Removes a contact. Tells whether there was one.
pub async fn remove(tx: &mut Tx, seller: SellerId, customer: CustomerId, contact: ContactId) -> Result<bool> {
    let sql = "delete from billing_contacts where seller_id = $1 and customer_id = $2 and id = $3";
    Ok(tx.execute(sql, params![seller.0, customer.0, contact.0]).await? == 1)
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
