//! Events on their way to webhooks: taken by one node at a time, in order for each thing that they are about.

use jiff::Timestamp;
use perennial_billing::{EventId, SellerId, WebhookId};

use crate::dialect::Dialect;
use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, StoreError, Tx};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits.
    Queued,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Queued, Self::Delivered, Self::Failed];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// What it tells.
    pub event: EventId,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it is tried next, if it waits.
    pub next_attempt_at: Timestamp,
    /// The how manieth time somebody asked for it.
    pub round: i64,
    /// How often it was tried in this round.
    pub attempts: i64,
    /// When it was first tried in this round.
    pub first_attempt_at: Option<Timestamp>,
    /// The HTTP status that the last try was answered with; none if it was not answered.
    pub status: Option<i64>,
    /// How long the last try took.
    pub milliseconds: Option<i64>,
    /// Why the last try did not succeed, or empty.
    pub reason: String,
    /// When it was taken or given up.
    pub settled_at: Option<Timestamp>,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What was told.
    pub event: EventId,
    /// In which round.
    pub round: i64,
    /// Where it stands now: delivered, failed, or queued for another try.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was first tried.
    pub first_attempt_at: Timestamp,
    /// When it is tried again, if it is.
    pub next_attempt_at: Timestamp,
    /// The HTTP status that it was answered with.
    pub status: Option<i64>,
    /// How long it took.
    pub milliseconds: i64,
    /// Why it waits or was given up, or empty.
    pub reason: String,
}

macro_rules! deliveries {
    ($from:literal) => {
        concat!(
            "select d.event_id, d.state, d.queued_at, d.next_attempt_at, d.round, d.attempts, d.first_attempt_at, d.status, \
            d.milliseconds, d.reason, d.settled_at from webhook_deliveries d ",
            $from
        )
    };
}

/// So that two nodes do not look for the same rows at the same time; any number that nobody else uses.
const CLAIM_LOCK: i64 = 0x7765_6268_6f6f_6b73;

/// Takes what is due for a webhook and nobody holds, until a moment: for each thing, the first event only.
pub async fn claim(
    tx: &mut Tx,
    (seller, webhook): (SellerId, WebhookId),
    node: &str,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<WebhookDelivery>> {
    if tx.dialect() == Dialect::Postgres {
        tx.rows("select pg_advisory_xact_lock($1)", params![CLAIM_LOCK]).await?;
    }
    let sql = deliveries!(
        "where d.seller_id = $1 and d.webhook_id = $2 and d.state = 'queued' and d.next_attempt_at <= $3 \
        and (d.claimed_until is null or d.claimed_until <= $3) and not exists (select 1 from webhook_deliveries e \
        where e.seller_id = $1 and e.webhook_id = $2 and e.subject = d.subject and e.subject_id = d.subject_id \
        and e.state = 'queued' and e.event_id < d.event_id) order by d.next_attempt_at, d.event_id limit $4 \
        {for update skip locked}"
    );
    let rows = tx.rows(sql, params![seller.0, webhook.0, now, limit]).await?;
    let taken = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
    let rows = Rows::new()
        .int("event_id", taken.iter().map(|delivery| delivery.event.0))
        .int("seller_id", taken.iter().map(|_| seller.0))
        .int("webhook_id", taken.iter().map(|_| webhook.0))
        .text("node", taken.iter().map(|_| node.to_owned()))
        .instant("until", taken.iter().map(|_| until));
    let sql = "update webhook_deliveries set claimed_by = n.node, claimed_until = n.until from {rows} \
        where webhook_deliveries.seller_id = n.seller_id and webhook_deliveries.webhook_id = n.webhook_id \
        and webhook_deliveries.event_id = n.event_id";
    tx.execute_with(sql, rows).await?;
    Ok(taken)
}

/// Keeps what tries came to, and lets others take what was not tried. What was taken stays taken, whoever says otherwise
/// later.
pub async fn record(
    tx: &mut Tx,
    (seller, webhook): (SellerId, WebhookId),
    node: &str,
    told: &[Told],
    at: Timestamp,
) -> Result<()> {
    let t = || told.iter();
    let rows = Rows::new()
        .int("event_id", t().map(|t| t.event.0))
        .int("seller_id", t().map(|_| seller.0))
        .int("webhook_id", t().map(|_| webhook.0))
        .text("node", t().map(|_| node.to_owned()))
        .text("state", t().map(|t| t.state.as_str().to_owned()))
        .int("round", t().map(|t| t.round))
        .int("attempts", t().map(|t| t.attempts))
        .instant("first_attempt_at", t().map(|t| t.first_attempt_at))
        .instant("next_attempt_at", t().map(|t| t.next_attempt_at))
        .int("status", t().map(|t| t.status))
        .int("milliseconds", t().map(|t| t.milliseconds))
        .text("reason", t().map(|t| t.reason.clone()))
        .instant("settled_at", t().map(|t| (t.state != DeliveryState::Queued).then_some(at)));
    let sql = "update webhook_deliveries set state = n.state, attempts = n.attempts, first_attempt_at = n.first_attempt_at, \
        next_attempt_at = n.next_attempt_at, status = n.status, milliseconds = n.milliseconds, reason = n.reason, \
        settled_at = n.settled_at, claimed_until = null from {rows} where webhook_deliveries.seller_id = n.seller_id \
        and webhook_deliveries.webhook_id = n.webhook_id and webhook_deliveries.event_id = n.event_id \
        and webhook_deliveries.round = n.round and webhook_deliveries.state <> 'delivered' \
        and (n.state = 'delivered' or (webhook_deliveries.state = 'queued' and webhook_deliveries.claimed_by = n.node))";
    tx.execute_with(sql, rows).await?;
    let sql = "update webhook_deliveries set claimed_until = null where seller_id = $1 and webhook_id = $2 \
        and state = 'queued' and claimed_by = $3 and claimed_until is not null";
    tx.execute(sql, params![seller.0, webhook.0, node]).await?;
    Ok(())
}

/// Tells a webhook again, from the event `from` on through `through`, what it wants to be told. How many events that is.
pub async fn replay(
    tx: &mut Tx,
    (seller, webhook): (SellerId, WebhookId),
    (from, through): (EventId, EventId),
    at: Timestamp,
) -> Result<u64> {
    let sql = "insert into webhook_deliveries (seller_id, webhook_id, event_id, subject, subject_id, state, queued_at, \
        next_attempt_at) select e.seller_id, w.id, e.id, e.subject, e.subject_id, 'queued', $5, $5 from events e \
        join webhooks w on w.seller_id = e.seller_id and w.id = $2 \
        and (w.events = '*' or ' ' || w.events || ' ' like '% ' || e.name || ' %') \
        where e.seller_id = $1 and e.id between $3 and $4 \
        on conflict (seller_id, webhook_id, event_id) do update set state = 'queued', queued_at = $5, next_attempt_at = $5, \
        round = webhook_deliveries.round + 1, attempts = 0, first_attempt_at = null, reason = '', status = null, \
        milliseconds = null, settled_at = null, claimed_until = null";
    tx.execute(sql, params![seller.0, webhook.0, from.0, through.0, at]).await
}

/// Tells a webhook one event again, whether it wants to be told or not.
pub async fn again(
    tx: &mut Tx,
    (seller, webhook): (SellerId, WebhookId),
    event: EventId,
    at: Timestamp,
) -> Result<WebhookDelivery> {
    let sql = "insert into webhook_deliveries (seller_id, webhook_id, event_id, subject, subject_id, state, queued_at, \
        next_attempt_at) select e.seller_id, $2, e.id, e.subject, e.subject_id, 'queued', $4, $4 from events e \
        where e.seller_id = $1 and e.id = $3 on conflict (seller_id, webhook_id, event_id) do update set state = 'queued', \
        queued_at = $4, next_attempt_at = $4, round = webhook_deliveries.round + 1, attempts = 0, first_attempt_at = null, \
        reason = '', status = null, milliseconds = null, settled_at = null, claimed_until = null \
        returning event_id, state, queued_at, next_attempt_at, round, attempts, \
        first_attempt_at, status, milliseconds, reason, settled_at";
    let row = tx.row(sql, params![seller.0, webhook.0, event.0, at]).await?;
    read(&row.ok_or(StoreError::Statement(sqlx::Error::RowNotFound))?)
}

/// A page of deliveries to a webhook, newest first, before this event.
pub async fn page(
    conn: &mut Conn,
    (seller, webhook): (SellerId, WebhookId),
    state: Option<DeliveryState>,
    before: Option<EventId>,
    limit: i64,
) -> Result<Vec<WebhookDelivery>> {
    const ALL: &str = deliveries!(
        "where d.seller_id = $1 and d.webhook_id = $2 and d.event_id < $3 order by d.event_id desc limit $4"
    );
    const FAILED: &str = deliveries!(
        "where d.seller_id = $1 and d.webhook_id = $2 and d.event_id < $3 and d.state = 'failed' \
        order by d.event_id desc limit $4"
    );
    const OF_STATE: &str = deliveries!(
        "where d.seller_id = $1 and d.webhook_id = $2 and d.event_id < $3 and d.state = $5 \
        order by d.event_id desc limit $4"
    );
    let before = before.map_or(i64::MAX, |id| id.0);
    let page = params![seller.0, webhook.0, before, limit];
    let rows = match state {
        None => conn.rows(ALL, page).await?,
        Some(DeliveryState::Failed) => conn.rows(FAILED, page).await?,
        Some(state) => conn.rows(OF_STATE, [page, params![state.as_str()]].concat()).await?,
    };
    rows.iter().map(read).collect()
}

/// How many wait, and how many were given up.
pub async fn counts(conn: &mut Conn, seller: SellerId, webhook: WebhookId) -> Result<(i64, i64)> {
    let sql = "select (select count(*) from webhook_deliveries where seller_id = $1 and webhook_id = $2 \
        and state = 'queued') as queued, (select count(*) from webhook_deliveries where seller_id = $1 \
        and webhook_id = $2 and state = 'failed') as failed";
    let row = conn.row(sql, params![seller.0, webhook.0]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int("queued")?, row.int("failed")?)))
}

/// Forgets at most so many deliveries that were settled before a moment. The events themselves stay.
pub async fn forget(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "delete from webhook_deliveries where (seller_id, webhook_id, event_id) in (select seller_id, webhook_id, \
        event_id from webhook_deliveries where settled_at < $1 order by settled_at limit $2)";
    tx.execute(sql, params![before, limit]).await
}

fn read(row: &Row) -> Result<WebhookDelivery> {
    Ok(WebhookDelivery {
        event: EventId(row.int("event_id")?),
        state: row.word("state", DeliveryState::from_word)?,
        queued_at: row.instant("queued_at")?,
        next_attempt_at: row.instant("next_attempt_at")?,
        round: row.int("round")?,
        attempts: row.int("attempts")?,
        first_attempt_at: row.opt_instant("first_attempt_at")?,
        status: row.opt_int("status")?,
        milliseconds: row.opt_int("milliseconds")?,
        reason: row.text("reason")?,
        settled_at: row.opt_instant("settled_at")?,
    })
}
