//! The audit trail: who changed what, when.

use jiff::Timestamp;
use perennial_billing::{CustomerId, SellerId};

use crate::events::{self, EventType, NewEvent};
use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// One row of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: `key:7`, `cli`, `import`.
    pub actor: String,
    /// What was done: `service.renewed`.
    pub action: &'static str,
    /// To what kind of thing: `service`.
    pub subject: &'static str,
    /// To which one.
    pub subject_id: i64,
    /// For which customer staff did it, if they said so.
    pub on_behalf_of: Option<CustomerId>,
}

/// Adds to the trail, and tells who listens what is not our own matter. All happened at the same moment.
pub async fn append(tx: &mut Tx, seller: SellerId, entries: &[AuditEntry]) -> Result<()> {
    let ids = ids::take(tx, IdKind::Audit, entries.len()).await?;
    let (sql, rows) = self::entries(seller, entries, ids);
    tx.execute_with(sql, rows).await?;
    let told = |entry: &AuditEntry| {
        EventType::of_action(entry.action).map(|name| NewEvent::of(name, entry.subject, entry.subject_id))
    };
    let told: Vec<NewEvent> = entries.iter().filter_map(told).collect();
    match entries.first() {
        Some(first) => events::insert(tx, seller, &told, first.at).await,
        None => Ok(()),
    }
}

/// Entries of the trail, under these ids.
pub(crate) fn entries(seller: SellerId, entries: &[AuditEntry], ids: Vec<i64>) -> (&'static str, Rows) {
    let e = || entries.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", ids)
        .instant("at", e().map(|e| e.at))
        .text("actor", e().map(|e| e.actor.clone()))
        .text("action", e().map(|e| e.action.to_owned()))
        .text("subject", e().map(|e| e.subject.to_owned()))
        .int("subject_id", e().map(|e| e.subject_id))
        .int("on_behalf_of", e().map(|e| e.on_behalf_of.map(|customer| customer.0)));
    let sql = "insert into audit (seller_id, id, at, actor, action, subject, subject_id, on_behalf_of) \
        select seller_id, id, at, actor, action, subject, subject_id, on_behalf_of from {rows}";
    (sql, rows)
}

/// An entry of the trail, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEntry {
    /// Its id; later entries have larger ones.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: `key:7`, `cli`, `import`.
    pub actor: String,
    /// For which customer, where staff said that they did it for one.
    pub on_behalf_of: Option<CustomerId>,
    /// What was done: `service.renewed`.
    pub action: String,
    /// To what kind of thing: `service`.
    pub subject: String,
    /// To which one.
    pub subject_id: i64,
}

/// A page of a seller's trail, newest first.
pub async fn page(conn: &mut Conn, seller: SellerId, before: Option<i64>, limit: i64) -> Result<Vec<KeptEntry>> {
    let sql = "select id, at, actor, on_behalf_of, action, subject, subject_id from audit \
        where seller_id = $1 and id < $2 order by id desc limit $3";
    let before = before.unwrap_or(i64::MAX);
    conn.rows(sql, params![seller.0, before, limit]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<KeptEntry> {
    Ok(KeptEntry {
        id: row.int("id")?,
        at: row.instant("at")?,
        actor: row.text("actor")?,
        on_behalf_of: row.opt_int("on_behalf_of")?.map(CustomerId),
        action: row.text("action")?,
        subject: row.text("subject")?,
        subject_id: row.int("subject_id")?,
    })
}

/// How many entries tell of `action`.
pub async fn count(conn: &mut Conn, seller: SellerId, action: &str) -> Result<i64> {
    let sql = "select count(*) as entries from audit where seller_id = $1 and action = $2";
    conn.row(sql, params![seller.0, action]).await?.map_or(Ok(0), |row| row.int("entries"))
}
