//! Checks of VAT numbers: the evidence, and what is known about a customer's number.

use jiff::Timestamp;
use perennial_billing::{CustomerId, NumberStatus, SellerId};

use crate::ids::{self, IdKind};
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// The evidence of a check that was answered. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatCheck {
    /// Its id; later ones of a customer have larger ids.
    pub id: i64,
    /// Whose number it was.
    pub customer: CustomerId,
    /// The number that was asked about.
    pub number: String,
    /// When the answer came.
    pub at: Timestamp,
    /// Who was asked.
    pub checker: String,
    /// What it came to: valid or invalid.
    pub outcome: NumberStatus,
    /// Whose number it is, as its tax authority says, or empty.
    pub name: String,
    /// Where they are, as it says, or empty.
    pub address: String,
    /// What the consultation can be proved by, or empty.
    pub consultation: String,
}

/// A number that is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNumber {
    /// Whose.
    pub customer: CustomerId,
    /// The number.
    pub number: String,
    /// When it was checked last, if it was.
    pub checked_at: Option<Timestamp>,
}

/// Writes the evidence of a check under a new id, which it gets.
pub async fn insert(tx: &mut Tx, seller: SellerId, check: &mut VatCheck) -> Result<()> {
    check.id = ids::take_one(tx, IdKind::VatCheck).await?;
    let sql = "insert into vat_checks (seller_id, id, customer_id, number, at, checker, outcome, name, address, \
        consultation) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = params![
        seller.0,
        check.id,
        check.customer.0,
        check.number.clone(),
        check.at,
        check.checker.clone(),
        check.outcome.as_str(),
        check.name.clone(),
        check.address.clone(),
        check.consultation.clone(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Writes what is known about a customer's number, unless the customer has another one by now. Tells what was known before,
/// if it was written.
pub async fn set_status(tx: &mut Tx, seller: SellerId, check: &VatCheck) -> Result<Option<NumberStatus>> {
    let held =
        "select vat_number_status from customers where seller_id = $1 and id = $2 and vat_number = $3 {for update}";
    let row = tx.row(held, params![seller.0, check.customer.0, check.number.clone()]).await?;
    let Some(before) = row.map(|row| row.word("vat_number_status", NumberStatus::from_word)).transpose()? else {
        return Ok(None);
    };
    let sql = "update customers set vat_number_status = $3, vat_checked_at = $4, version = version + 1 \
        where seller_id = $1 and id = $2";
    tx.execute(sql, params![seller.0, check.customer.0, check.outcome.as_str(), check.at]).await?;
    Ok(Some(before))
}

/// The checks of a customer's numbers, newest first.
pub async fn of_customer(conn: &mut Conn, seller: SellerId, customer: CustomerId, limit: i64) -> Result<Vec<VatCheck>> {
    let sql = "select id, customer_id, number, at, checker, outcome, name, address, consultation from vat_checks \
        where seller_id = $1 and customer_id = $2 order by id desc limit $3";
    conn.rows(sql, params![seller.0, customer.0, limit]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<VatCheck> {
    Ok(VatCheck {
        id: row.int("id")?,
        customer: CustomerId(row.int("customer_id")?),
        number: row.text("number")?,
        at: row.instant("at")?,
        checker: row.text("checker")?,
        outcome: row.word("outcome", NumberStatus::from_word)?,
        name: row.text("name")?,
        address: row.text("address")?,
        consultation: row.text("consultation")?,
    })
}

/// Numbers that were not checked since `before`, the ones that never were first and then the oldest: a page of them, after
/// the last one of the page before. Whether anybody can be asked about a number is not looked at.
pub async fn due(
    conn: &mut Conn,
    seller: SellerId,
    before: Timestamp,
    after: Option<&DueNumber>,
    limit: i64,
) -> Result<Vec<DueNumber>> {
    // What was never checked counts as checked when nothing was.
    let never = Timestamp::UNIX_EPOCH;
    let (after_at, after_id) = after.map_or((never, 0), |last| (last.checked_at.unwrap_or(never), last.customer.0));
    let sql = "select id, vat_number, vat_checked_at from customers where seller_id = $1 and vat_number <> '' \
        and (vat_checked_at is null or vat_checked_at < $2) and (coalesce(vat_checked_at, $3), id) > ($4, $5) \
        order by coalesce(vat_checked_at, $3), id limit $6";
    let values = params![seller.0, before, never, after_at, after_id, limit];
    let rows = conn.rows(sql, values).await?;
    rows.iter()
        .map(|row| {
            let (customer, number) = (CustomerId(row.int("id")?), row.text("vat_number")?);
            Ok(DueNumber { customer, number, checked_at: row.opt_instant("vat_checked_at")? })
        })
        .collect()
}
