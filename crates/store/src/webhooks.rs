//! Who wants to be told what happens, and where.

use jiff::Timestamp;
use perennial_billing::{SellerId, WebhookId};

use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// Somebody who wants to be told, without what messages are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Whose events it is told.
    pub seller: SellerId,
    /// Its id.
    pub id: WebhookId,
    /// Where messages go.
    pub url: String,
    /// What it is for, or empty.
    pub description: String,
    /// The names of events it wants, separated by spaces; a star is all of them.
    pub events: String,
    /// Whether it is told anything.
    pub is_enabled: bool,
    /// Since when it is not.
    pub disabled_at: Option<Timestamp>,
    /// Why not, or empty.
    pub disabled_reason: String,
    /// Since when it has taken nothing of what it was sent; none if it took the last message.
    pub failing_since: Option<Timestamp>,
    /// Through when messages are signed with the secret that it had before too.
    pub previous_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Moves with every change that a person makes.
    pub version: i64,
}

/// What messages are signed with: bytes in base64, the present ones first.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(pub Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // They are nobody's to read.
        write!(f, "Secrets({})", self.0.len())
    }
}

/// Every column that is shown; never a secret.
macro_rules! webhooks {
    ($from:literal) => {
        concat!(
            "select w.seller_id, w.id, w.url, w.description, w.events, w.is_enabled, w.disabled_at, w.disabled_reason, \
            w.failing_since, w.previous_until, w.created_at, w.version from webhooks w ",
            $from
        )
    };
}

/// Writes a new one.
pub async fn insert(tx: &mut Tx, new: &Webhook, secret: &str) -> Result<()> {
    let sql = "insert into webhooks (seller_id, id, url, description, events, secret, is_enabled, created_at, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = params![
        new.seller.0,
        new.id.0,
        new.url.as_str(),
        new.description.as_str(),
        new.events.as_str(),
        secret,
        new.is_enabled,
        new.created_at,
        new.version,
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Writes what a person may change of one, as its next version.
pub async fn change(tx: &mut Tx, changed: &Webhook) -> Result<()> {
    let sql = "update webhooks set url = $3, description = $4, events = $5, is_enabled = $6, disabled_at = $7, \
        disabled_reason = $8, failing_since = $9, is_notice_due = (is_notice_due and not $6), \
        version = version + 1 where seller_id = $1 and id = $2";
    let values = params![
        changed.seller.0,
        changed.id.0,
        changed.url.as_str(),
        changed.description.as_str(),
        changed.events.as_str(),
        changed.is_enabled,
        changed.disabled_at,
        changed.disabled_reason.as_str(),
        changed.failing_since,
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Gives one a new secret; the one that it had signs too until some time, if there is any.
pub async fn rotate(
    tx: &mut Tx,
    seller: SellerId,
    id: WebhookId,
    secret: &str,
    previous_until: Option<Timestamp>,
) -> Result<()> {
    let sql = "update webhooks set previous_secret = secret, previous_until = $4, secret = $3, version = version + 1 \
        where seller_id = $1 and id = $2";
    tx.execute(sql, params![seller.0, id.0, secret, previous_until]).await?;
    Ok(())
}

/// Removes one, with all that was on its way to it.
pub async fn remove(tx: &mut Tx, seller: SellerId, id: WebhookId) -> Result<()> {
    let this = || params![seller.0, id.0];
    tx.execute("delete from webhook_deliveries where seller_id = $1 and webhook_id = $2", this()).await?;
    tx.execute("delete from webhooks where seller_id = $1 and id = $2", this()).await?;
    Ok(())
}

/// All of a seller, by id: there are few.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<Webhook>> {
    conn.rows(webhooks!("where w.seller_id = $1 order by w.id"), params![seller.0]).await?.iter().map(read).collect()
}

/// One of them.
pub async fn get(conn: &mut Conn, seller: SellerId, id: WebhookId) -> Result<Option<Webhook>> {
    let sql = webhooks!("where w.seller_id = $1 and w.id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// One of them, which nobody else changes until the transaction ends.
pub async fn hold(tx: &mut Tx, seller: SellerId, id: WebhookId) -> Result<Option<Webhook>> {
    let sql = webhooks!("where w.seller_id = $1 and w.id = $2 {for update}");
    tx.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// What its messages are signed with at this moment.
pub async fn secrets(conn: &mut Conn, seller: SellerId, id: WebhookId, now: Timestamp) -> Result<Secrets> {
    let sql = "select secret, case when previous_until > $3 then previous_secret end as previous from webhooks \
        where seller_id = $1 and id = $2";
    let Some(row) = conn.row(sql, params![seller.0, id.0, now]).await? else { return Ok(Secrets(Vec::new())) };
    Ok(Secrets([Some(row.text("secret")?), row.opt_text("previous")?].into_iter().flatten().collect()))
}

/// Those, of all sellers, for which something is due that no node holds.
pub async fn waiting(conn: &mut Conn, now: Timestamp) -> Result<Vec<(SellerId, WebhookId)>> {
    let sql = "select w.seller_id, w.id from webhooks w where w.is_enabled and exists (select 1 from webhook_deliveries d \
        where d.seller_id = w.seller_id and d.webhook_id = w.id and d.state = 'queued' and d.next_attempt_at <= $1 \
        and (d.claimed_until is null or d.claimed_until <= $1)) order by w.seller_id, w.id";
    let rows = conn.rows(sql, params![now]).await?;
    rows.iter().map(|row| Ok((SellerId(row.int("seller_id")?), WebhookId(row.int("id")?)))).collect()
}

/// Remembers whether it took anything: since when it does not, or that it does.
pub async fn mark_failing(
    tx: &mut Tx,
    seller: SellerId,
    id: WebhookId,
    failing_since: Option<Timestamp>,
) -> Result<()> {
    const FAILS: &str =
        "update webhooks set failing_since = $3 where seller_id = $1 and id = $2 and failing_since is null";
    const WORKS: &str =
        "update webhooks set failing_since = null where seller_id = $1 and id = $2 and failing_since is not null";
    match failing_since {
        Some(since) => tx.execute(FAILS, params![seller.0, id.0, since]).await?,
        None => tx.execute(WORKS, params![seller.0, id.0]).await?,
    };
    Ok(())
}

/// Tells one nothing any more; what is on its way to it is given up. Whether it was told until now.
pub async fn disable(tx: &mut Tx, seller: SellerId, id: WebhookId, reason: &str, at: Timestamp) -> Result<bool> {
    let sql = "update webhooks set is_enabled = $5, disabled_at = $4, disabled_reason = $3, is_notice_due = $6, \
        version = version + 1 where seller_id = $1 and id = $2 and is_enabled";
    if tx.execute(sql, params![seller.0, id.0, reason, at, false, true]).await? == 0 {
        return Ok(false);
    }
    give_up(tx, seller, id, at).await?;
    Ok(true)
}

/// Gives up what is on its way to one.
pub async fn give_up(tx: &mut Tx, seller: SellerId, id: WebhookId, at: Timestamp) -> Result<()> {
    let sql = "update webhook_deliveries set state = 'failed', settled_at = $3, claimed_until = null, \
        reason = case when reason = '' then 'the webhook was disabled' else reason end \
        where seller_id = $1 and webhook_id = $2 and state = 'queued'";
    tx.execute(sql, params![seller.0, id.0, at]).await?;
    Ok(())
}

/// Those, of all sellers, that were disabled because they failed, which nobody was told yet.
pub async fn unannounced(conn: &mut Conn) -> Result<Vec<Webhook>> {
    let sql = webhooks!("where w.is_notice_due and not w.is_enabled order by w.seller_id, w.id");
    conn.rows(sql, params![]).await?.iter().map(read).collect()
}

/// Remembers whether somebody is still to be told that one was disabled. Whether that is news.
pub async fn announce(tx: &mut Tx, seller: SellerId, id: WebhookId, is_due: bool) -> Result<bool> {
    let sql = "update webhooks set is_notice_due = $3 where seller_id = $1 and id = $2 and is_notice_due <> $3";
    Ok(tx.execute(sql, params![seller.0, id.0, is_due]).await? == 1)
}

fn read(row: &Row) -> Result<Webhook> {
    Ok(Webhook {
        seller: SellerId(row.int("seller_id")?),
        id: WebhookId(row.int("id")?),
        url: row.text("url")?,
        description: row.text("description")?,
        events: row.text("events")?,
        is_enabled: row.bool("is_enabled")?,
        disabled_at: row.opt_instant("disabled_at")?,
        disabled_reason: row.text("disabled_reason")?,
        failing_since: row.opt_instant("failing_since")?,
        previous_until: row.opt_instant("previous_until")?,
        created_at: row.instant("created_at")?,
        version: row.int("version")?,
    })
}
