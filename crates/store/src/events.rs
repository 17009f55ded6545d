//! What happened, for those who want to be told; written in the transaction in which it happens.

use jiff::Timestamp;
use perennial_billing::SellerId;

use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::value::params;
use crate::{Conn, Result, Tx};

/// Something that happened and is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What: `service.renewed`.
    pub name: &'static str,
    /// To what kind of thing: `service`.
    pub subject: &'static str,
    /// To which one.
    pub subject_id: i64,
    /// What else is to be known, as JSON.
    pub data: String,
}

impl NewEvent {
    /// One of which nothing else is to be known.
    #[must_use]
    pub fn of(name: &'static str, subject: &'static str, subject_id: i64) -> Self {
        Self { name, subject, subject_id, data: "{}".to_owned() }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id; later ones have larger ids for one subject.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub name: String,
    /// What else is to be known, as JSON.
    pub data: String,
}

/// Writes what happened.
pub async fn insert(tx: &mut Tx, seller: SellerId, events: &[NewEvent], at: Timestamp) -> Result<()> {
    let e = || events.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", ids::take(tx, IdKind::Event, events.len()).await?)
        .same("at", at)
        .text("name", e().map(|event| event.name.to_owned()))
        .text("subject", e().map(|event| event.subject.to_owned()))
        .int("subject_id", e().map(|event| event.subject_id))
        .text("data", e().map(|event| event.data.clone()));
    let sql = "insert into events (seller_id, id, at, name, subject, subject_id, data) \
        select seller_id, id, at, name, subject, subject_id, data from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// What happened to one thing, in order.
pub async fn of_subject(conn: &mut Conn, seller: SellerId, subject: &str, subject_id: i64) -> Result<Vec<Event>> {
    let sql =
        "select id, at, name, data from events where seller_id = $1 and subject = $2 and subject_id = $3 order by id";
    let rows = conn.rows(sql, params![seller.0, subject, subject_id]).await?;
    rows.iter()
        .map(|row| {
            let (name, data) = (row.text("name")?, row.text("data")?);
            Ok(Event { id: row.int("id")?, at: row.instant("at")?, name, data })
        })
        .collect()
}
