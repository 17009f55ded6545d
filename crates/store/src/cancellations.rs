//! Cancellations: wishes to end a service, now or at the end of what is billed.

use jiff::{Timestamp, civil::Date};
use perennial_billing::{CancellationId, SellerId, ServiceId};

use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// A wish to end a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// Its id.
    pub id: CancellationId,
    /// The service.
    pub service: ServiceId,
    /// When it takes effect.
    pub timing: CancellationTiming,
    /// Why, as the customer chose from a list; may be empty.
    pub reason: String,
    /// Why, in the customer's own words; may be empty.
    pub other_reason: String,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub requested_at: Timestamp,
    /// The day on which the service ends.
    pub ends_on: Date,
    /// Where it stands.
    pub state: CancellationState,
}

/// When a cancellation takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancellationTiming {
    /// At once.
    Immediate,
    /// At the end of what is billed.
    EndOfPeriod,
}

impl CancellationTiming {
    /// The word kept in the database: `immediate` or `end_of_period`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::EndOfPeriod => "end_of_period",
        }
    }

    /// The timing with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Immediate, Self::EndOfPeriod].into_iter().find(|timing| timing.as_str() == word)
    }
}

/// Where a cancellation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancellationState {
    /// The service ends on its day.
    Pending,
    /// The service has ended.
    Done,
    /// It was taken back.
    Revoked,
}

impl CancellationState {
    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Revoked => "revoked",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Done, Self::Revoked].into_iter().find(|state| state.as_str() == word)
    }
}

/// Writes a cancellation. A service has one pending at most.
pub async fn insert(tx: &mut Tx, seller: SellerId, new: &Cancellation) -> Result<()> {
    let sql = "insert into cancellations (seller_id, id, service_id, timing, reason, other_reason, actor, requested_at, \
        ends_on, state) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = params![
        seller.0,
        new.id.0,
        new.service.0,
        new.timing.as_str(),
        new.reason.clone(),
        new.other_reason.clone(),
        new.actor.clone(),
        new.requested_at,
        new.ends_on,
        new.state.as_str(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// The last cancellation of a service, whatever became of it.
pub async fn last(conn: &mut Conn, seller: SellerId, service: ServiceId) -> Result<Option<Cancellation>> {
    let sql = "select id, service_id, timing, reason, other_reason, actor, requested_at, ends_on, state from cancellations \
        where seller_id = $1 and service_id = $2 order by id desc limit 1";
    conn.row(sql, params![seller.0, service.0]).await?.map(|row| read(&row)).transpose()
}

/// Takes back what is pending for a service. Tells whether anything was.
pub async fn revoke(tx: &mut Tx, seller: SellerId, service: ServiceId) -> Result<bool> {
    let sql =
        "update cancellations set state = 'revoked' where seller_id = $1 and service_id = $2 and state = 'pending'";
    Ok(tx.execute(sql, params![seller.0, service.0]).await? > 0)
}

/// How many services end by this day.
pub async fn ending(conn: &mut Conn, seller: SellerId, today: Date) -> Result<i64> {
    let sql =
        "select count(*) as services from services where seller_id = $1 and ends_on is not null and ends_on <= $2";
    conn.row(sql, params![seller.0, today]).await?.map_or(Ok(0), |row| row.int("services"))
}

/// Ends the services whose last day is over, at most so many, and tells which.
pub async fn end_due(tx: &mut Tx, seller: SellerId, today: Date, limit: i64) -> Result<Vec<ServiceId>> {
    let sql = "select id from services where seller_id = $1 and ends_on is not null and ends_on <= $2 \
        order by id limit $3 {for update}";
    let rows = tx.rows(sql, params![seller.0, today, limit]).await?;
    let ids = rows.iter().map(|row| row.int("id")).collect::<Result<Vec<i64>>>()?;
    let sql = "update services set status = 'cancelled', ends_on = null, version = version + 1 \
        where seller_id = $1 and id {in $2}";
    tx.execute(sql, params![seller.0, ids.clone()]).await?;
    let sql =
        "update cancellations set state = 'done' where seller_id = $1 and service_id {in $2} and state = 'pending'";
    tx.execute(sql, params![seller.0, ids.clone()]).await?;
    Ok(ids.into_iter().map(ServiceId).collect())
}

fn read(row: &Row) -> Result<Cancellation> {
    Ok(Cancellation {
        id: CancellationId(row.int("id")?),
        service: ServiceId(row.int("service_id")?),
        timing: row.word("timing", CancellationTiming::from_word)?,
        reason: row.text("reason")?,
        other_reason: row.text("other_reason")?,
        actor: row.text("actor")?,
        requested_at: row.instant("requested_at")?,
        ends_on: row.date("ends_on")?,
        state: row.word("state", CancellationState::from_word)?,
    })
}
