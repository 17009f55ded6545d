//! What came of each try of a mail with each address.

use jiff::Timestamp;
use perennial_billing::{CustomerId, OutboxId, SellerId};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// What came of one try with one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which mail.
    pub mail: OutboxId,
    /// Which of its tries, from 1.
    pub attempt: i64,
    /// The address.
    pub email: String,
    /// Whether it got a copy, or was whom the mail is for.
    pub is_copy: bool,
    /// What came of it.
    pub outcome: DeliveryOutcome,
    /// What the other side said, or what was in the way.
    pub reply: String,
    /// When.
    pub at: Timestamp,
}

/// What came of handing a mail over for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The mail server has taken it.
    Accepted,
    /// Not now.
    Deferred,
    /// Never.
    Refused,
    /// It was taken, and came back later.
    Bounced,
}

impl DeliveryOutcome {
    /// The word kept in the database: `accepted`, `deferred`, `refused` or `bounced`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Bounced => "bounced",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Accepted, Self::Deferred, Self::Refused, Self::Bounced].into_iter().find(|one| one.as_str() == word)
    }
}

/// An address that was refused or came back, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAddress {
    /// Whose mail it was.
    pub customer: CustomerId,
    /// What came of it.
    pub delivery: Delivery,
}

/// Adds what became of addresses. What is known already stays.
pub async fn add(tx: &mut Tx, deliveries: &[(SellerId, &Delivery)]) -> Result<()> {
    let d = || deliveries.iter().map(|(_, delivery)| delivery);
    let rows = Rows::new()
        .int("seller_id", deliveries.iter().map(|(seller, _)| seller.0))
        .int("outbox_id", d().map(|d| d.mail.0))
        .int("attempt", d().map(|d| d.attempt))
        .text("email", d().map(|d| d.email.clone()))
        .bool("is_copy", d().map(|d| d.is_copy))
        .text("outcome", d().map(|d| d.outcome.as_str().to_owned()))
        .text("reply", d().map(|d| d.reply.clone()))
        .instant("at", d().map(|d| d.at));
    // The condition keeps SQLite from taking `on conflict` for a join.
    let sql = "insert into deliveries (seller_id, outbox_id, attempt, email, is_copy, outcome, reply, at) \
        select seller_id, outbox_id, attempt, email, is_copy, outcome, reply, at from {rows} where true \
        on conflict do nothing";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// What became of the addresses of these mails, by mail and try.
pub async fn of_mails(conn: &mut Conn, seller: SellerId, mails: &[OutboxId]) -> Result<Vec<Delivery>> {
    let sql = "select outbox_id, attempt, email, is_copy, outcome, reply, at from deliveries \
        where seller_id = $1 and outbox_id {in $2} order by outbox_id, attempt, is_copy, email, at";
    let ids: Vec<i64> = mails.iter().map(|mail| mail.0).collect();
    conn.rows(sql, params![seller.0, ids]).await?.iter().map(read).collect()
}

/// Addresses that were refused or came back since a moment, newest first.
pub async fn bad_addresses(conn: &mut Conn, seller: SellerId, since: Timestamp, limit: i64) -> Result<Vec<BadAddress>> {
    let sql = "select d.outbox_id, d.attempt, d.email, d.is_copy, d.outcome, d.reply, d.at, o.customer_id \
        from deliveries d join outbox o on o.seller_id = d.seller_id and o.id = d.outbox_id \
        where d.seller_id = $1 and d.outcome in ('refused', 'bounced') and d.at >= $2 order by d.at desc limit $3";
    let rows = conn.rows(sql, params![seller.0, since, limit]).await?;
    rows.iter()
        .map(|row| Ok(BadAddress { customer: CustomerId(row.int("customer_id")?), delivery: read(row)? }))
        .collect()
}

fn read(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        mail: OutboxId(row.int("outbox_id")?),
        attempt: row.int("attempt")?,
        email: row.text("email")?,
        is_copy: row.bool("is_copy")?,
        outcome: row.word("outcome", DeliveryOutcome::from_word)?,
        reply: row.text("reply")?,
        at: row.instant("at")?,
    })
}
