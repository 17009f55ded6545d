//! The outbox: what is sent after the business change it was written with, and who sends it. What came of it is in
//! [`crate::deliveries`].

use std::collections::HashMap;

use jiff::Timestamp;
use perennial_billing::{CampaignId, CustomerId, InvoiceId, OutboxId, SellerId};

use crate::deliveries::{self, Delivery};
use crate::dialect::Dialect;
use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// What takes the turn of claiming on PostgreSQL: two at once could pass each other with mails of one customer.
const CLAIM_LOCK: i64 = 0x7065_7265_6e6d;

/// Pages that are looked through for mails that nothing is in front of.
const MAX_CLAIM_PAGES: usize = 100;

/// A mail: one that waits, or one that waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who sends it.
    pub seller: SellerId,
    /// Its id.
    pub id: OutboxId,
    /// What it is.
    pub kind: MailKind,
    /// Whom it goes to.
    pub customer: CustomerId,
    /// Which document it carries.
    pub invoice: Option<InvoiceId>,
    /// Which price campaign it tells of.
    pub campaign: Option<CampaignId>,
    /// Where it stands.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: i64,
    /// How many of these tries had been made when somebody asked for another round.
    pub attempts_before: i64,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it is tried, or tried again.
    pub next_attempt_at: Timestamp,
    /// By which its repeats are known (RFC 5322, section 3.6.4); empty until it is tried.
    pub message_id: String,
    /// When it was sent, or given up.
    pub settled_at: Option<Timestamp>,
    /// Why it waits or was given up, or empty.
    pub reason: String,
}

/// What a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// A document, when it is issued or on request.
    Invoice,
    /// A reminder of an unpaid one.
    Reminder,
    /// Word of a price that changes.
    PriceNotice,
}

impl MailKind {
    /// The word kept in the database: `invoice_mail`, `reminder_mail` or `price_notice`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice_mail",
            Self::Reminder => "reminder_mail",
            Self::PriceNotice => "price_notice",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Invoice, Self::Reminder, Self::PriceNotice].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It waits.
    Queued,
    /// A mail server has taken it.
    Sent,
    /// It was given up, and waits for somebody to look.
    Failed,
    /// What it tells of is no more.
    CalledOff,
}

impl MailState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Failed, Self::CalledOff];

    /// The word kept in the database: `queued`, `sent`, `failed` or `called_off`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::CalledOff => "called_off",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Who sends the mail.
    pub seller: SellerId,
    /// Which mail.
    pub mail: OutboxId,
    /// Where it stands now: sent, failed, or queued for another try.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried again, if it is.
    pub next_attempt_at: Timestamp,
    /// Why it waits or was given up, or empty.
    pub reason: String,
    /// What became of each address.
    pub deliveries: Vec<Delivery>,
}

/// Which mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailFilter {
    /// Only in this state.
    pub state: Option<MailState>,
    /// Only with this document.
    pub invoice: Option<InvoiceId>,
}

/// How many mails wait, and since when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailBacklog {
    /// How many are due.
    pub due: i64,
    /// How many wait for a later moment.
    pub later: i64,
    /// How many were given up.
    pub failed: i64,
    /// Since when the first of those waits that are due.
    pub oldest: Option<Timestamp>,
}

/// Queues a mail for each of these invoices, to be sent from now on.
pub async fn queue_invoice_mails(
    tx: &mut Tx,
    seller: SellerId,
    invoices: &[(InvoiceId, CustomerId)],
    at: Timestamp,
) -> Result<()> {
    let ids = ids::take(tx, IdKind::Outbox, invoices.len()).await?;
    let (sql, rows) = invoice_mails(seller, invoices, at, at, ids);
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// The mails of these invoices, under these ids, queued now and to be sent from then on.
pub(crate) fn invoice_mails(
    seller: SellerId,
    invoices: &[(InvoiceId, CustomerId)],
    at: Timestamp,
    from: Timestamp,
    ids: Vec<i64>,
) -> (&'static str, Rows) {
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", ids)
        .int("invoice_id", invoices.iter().map(|(invoice, _)| invoice.0))
        .int("customer_id", invoices.iter().map(|(_, customer)| customer.0))
        .same("at", at)
        .same("send_from", from);
    let sql = "insert into outbox (seller_id, id, kind, invoice_id, customer_id, state, attempts, created_at, \
        next_attempt_at) select seller_id, id, 'invoice_mail', invoice_id, customer_id, 'queued', 0, at, send_from \
        from {rows}";
    (sql, rows)
}

/// Queues a reminder of this invoice.
pub async fn queue_reminder(
    tx: &mut Tx,
    seller: SellerId,
    (invoice, customer): (InvoiceId, CustomerId),
    at: Timestamp,
) -> Result<OutboxId> {
    let id = ids::take_one(tx, IdKind::Outbox).await?;
    let sql = "insert into outbox (seller_id, id, kind, invoice_id, customer_id, state, attempts, created_at, \
        next_attempt_at) values ($1, $2, 'reminder_mail', $3, $4, 'queued', 0, $5, $5)";
    tx.execute(sql, params![seller.0, id, invoice.0, customer.0, at]).await?;
    Ok(OutboxId(id))
}

/// Mails of outbox rows `o`.
macro_rules! mails {
    ($from:literal) => {
        concat!(
            "select o.seller_id, o.id, o.kind, o.customer_id, o.invoice_id, o.campaign_id, o.state, o.attempts, \
            o.attempts_before, o.created_at, o.next_attempt_at, o.message_id, o.settled_at, o.reason from outbox o ",
            $from
        )
    };
}

/// Takes mails that are due and that nobody holds, until a moment, in the order in which they were queued. None passes an
/// earlier one of the same customer that was taken and still waits.
pub async fn claim(tx: &mut Tx, node: &str, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<Mail>> {
    if tx.dialect() == Dialect::Postgres {
        tx.rows("select pg_advisory_xact_lock($1)", params![CLAIM_LOCK]).await?;
    }
    // Two plain questions: as one, PostgreSQL may read the whole table for each mail, as long as it takes the outbox for empty.
    let sql = "select seller_id, customer_id, min(id) as id from outbox \
        where claimed_by is not null and settled_at is null group by seller_id, customer_id";
    let mut first = HashMap::new();
    for row in &tx.rows(sql, params![]).await? {
        first.insert((row.int("seller_id")?, row.int("customer_id")?), row.int("id")?);
    }
    let sql = mails!(
        "where o.state = 'queued' and o.next_attempt_at <= $1 and (o.claimed_until is null or o.claimed_until <= $1) \
        and (o.next_attempt_at, o.seller_id, o.id) > ($2, $3, $4) \
        order by o.next_attempt_at, o.seller_id, o.id limit $5 {for update skip locked}"
    );
    let wanted = usize::try_from(limit).unwrap_or(0);
    let mut after = (Timestamp::UNIX_EPOCH, 0, 0);
    let mut mails = Vec::new();
    for _ in 0..MAX_CLAIM_PAGES {
        let page = tx.rows(sql, params![now, after.0, after.1, after.2, limit]).await?;
        for row in &page {
            let mail = read(row)?;
            after = (mail.next_attempt_at, mail.seller.0, mail.id.0);
            let is_first = first.get(&(mail.seller.0, mail.customer.0)).is_none_or(|first| *first >= mail.id.0);
            if is_first && mails.len() < wanted {
                mails.push(mail);
            }
        }
        if page.len() < wanted || mails.len() == wanted {
            break;
        }
    }
    let taken = Rows::new()
        .int("seller_id", mails.iter().map(|mail| mail.seller.0))
        .int("id", mails.iter().map(|mail| mail.id.0))
        .text("node", mails.iter().map(|_| node.to_owned()))
        .instant("until", mails.iter().map(|_| until));
    let sql = "update outbox set claimed_by = n.node, claimed_until = n.until from {rows} \
        where outbox.seller_id = n.seller_id and outbox.id = n.id";
    tx.execute_with(sql, taken).await?;
    Ok(mails)
}

/// Gives mails what their repeats are known by.
pub async fn name_messages(tx: &mut Tx, mails: &[&Mail]) -> Result<()> {
    let m = || mails.iter();
    let rows = Rows::new()
        .int("seller_id", m().map(|m| m.seller.0))
        .int("id", m().map(|m| m.id.0))
        .text("message_id", m().map(|m| m.message_id.clone()));
    let sql = "update outbox set message_id = n.message_id from {rows} \
        where outbox.seller_id = n.seller_id and outbox.id = n.id and outbox.message_id = ''";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Holds what a node has taken until a later moment.
pub async fn hold(tx: &mut Tx, node: &str, until: Timestamp) -> Result<()> {
    let sql = "update outbox set claimed_until = $2 where state = 'queued' and claimed_by = $1 \
        and claimed_until is not null";
    tx.execute(sql, params![node, until]).await?;
    Ok(())
}

/// Gives back what a node has taken and not tried, so that another may take it at once.
pub async fn release(tx: &mut Tx, node: &str, mails: &[(SellerId, OutboxId)]) -> Result<()> {
    let rows = Rows::new()
        .int("seller_id", mails.iter().map(|(seller, _)| seller.0))
        .int("id", mails.iter().map(|(_, id)| id.0))
        .text("node", mails.iter().map(|_| node.to_owned()));
    let sql = "update outbox set claimed_until = null, \
        claimed_by = case when outbox.attempts = 0 then null else outbox.claimed_by end from {rows} \
        where outbox.seller_id = n.seller_id and outbox.id = n.id and outbox.claimed_by = n.node and outbox.state = 'queued'";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Keeps what tries came to. A mail that was sent stays sent, whoever says otherwise later; one that went out although it
/// was called off meanwhile is told as sent.
pub async fn record(tx: &mut Tx, node: &str, tried: &[Tried], at: Timestamp) -> Result<()> {
    let t = || tried.iter();
    let rows = Rows::new()
        .int("seller_id", t().map(|t| t.seller.0))
        .int("id", t().map(|t| t.mail.0))
        .text("state", t().map(|t| t.state.as_str().to_owned()))
        .int("attempts", t().map(|t| t.attempts))
        .instant("next_attempt_at", t().map(|t| t.next_attempt_at))
        .instant("settled_at", t().map(|t| (t.state != MailState::Queued).then_some(at)))
        .text("reason", t().map(|t| t.reason.clone()))
        .text("node", t().map(|_| node.to_owned()));
    let sql = "update outbox set state = n.state, attempts = n.attempts, next_attempt_at = n.next_attempt_at, \
        claimed_until = null, settled_at = n.settled_at, reason = n.reason from {rows} \
        where outbox.seller_id = n.seller_id and outbox.id = n.id and outbox.state <> 'sent' \
        and (n.state = 'sent' or (outbox.state = 'queued' and outbox.claimed_by = n.node))";
    tx.execute_with(sql, rows).await?;
    let all: Vec<(SellerId, &Delivery)> = t().flat_map(|t| t.deliveries.iter().map(|d| (t.seller, d))).collect();
    deliveries::add(tx, &all).await
}

/// The mail with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: OutboxId) -> Result<Option<Mail>> {
    let sql = mails!("where o.seller_id = $1 and o.id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// A page of mails, newest first, before this one.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    filter: MailFilter,
    before: OutboxId,
    limit: i64,
) -> Result<Vec<Mail>> {
    // The sums keep SQLite from walking through all rows of the seller by id, to spare itself the sorting of a few.
    let rows = match (filter.invoice, filter.state) {
        (Some(invoice), state) => {
            let sql = mails!(
                "where o.seller_id = $1 and o.id < $2 and o.invoice_id = $3 and ($4 is null or o.state = $4) \
                order by o.id + 0 desc limit $5"
            );
            let state = state.map(|state| state.as_str().to_owned());
            conn.rows(sql, params![seller.0, before.0, invoice.0, state, limit]).await?
        }
        (None, Some(MailState::Queued)) => {
            let sql =
                mails!("where o.seller_id = $1 and o.id < $2 and o.state = 'queued' order by o.id + 0 desc limit $3");
            conn.rows(sql, params![seller.0, before.0, limit]).await?
        }
        (None, Some(MailState::Failed)) => {
            let sql = mails!("where o.seller_id = $1 and o.id < $2 and o.state = 'failed' order by o.id desc limit $3");
            conn.rows(sql, params![seller.0, before.0, limit]).await?
        }
        (None, state) => {
            let sql = mails!(
                "where o.seller_id = $1 and o.id < $2 and ($3 is null or o.state = $3) order by o.id desc limit $4"
            );
            let state = state.map(|state| state.as_str().to_owned());
            conn.rows(sql, params![seller.0, before.0, state, limit]).await?
        }
    };
    rows.iter().map(read).collect()
}

/// The mails that wait for this invoice, oldest first.
pub async fn mails_of(conn: &mut Conn, seller: SellerId, invoice: InvoiceId) -> Result<Vec<Mail>> {
    let sql = mails!(
        "where o.seller_id = $1 and o.invoice_id = $2 and o.kind = 'invoice_mail' and o.state = 'queued' order by o.id + 0"
    );
    conn.rows(sql, params![seller.0, invoice.0]).await?.iter().map(read).collect()
}

/// How many mails of a seller, or of all, wait, and since when.
pub async fn backlog(conn: &mut Conn, seller: Option<SellerId>, now: Timestamp) -> Result<MailBacklog> {
    let sql = "select (select count(*) from outbox where state = 'queued' and next_attempt_at <= $1 \
        and ($2 is null or seller_id = $2)) as due, \
        (select count(*) from outbox where state = 'queued' and next_attempt_at > $1 \
        and ($2 is null or seller_id = $2)) as later, \
        (select count(*) from outbox where state = 'failed' and ($2 is null or seller_id = $2)) as failed, \
        (select min(next_attempt_at) from outbox where state = 'queued' and next_attempt_at <= $1 \
        and ($2 is null or seller_id = $2)) as oldest";
    let Some(row) = conn.row(sql, params![now, seller.map(|seller| seller.0)]).await? else {
        return Ok(MailBacklog::default());
    };
    Ok(MailBacklog {
        due: row.int("due")?,
        later: row.int("later")?,
        failed: row.int("failed")?,
        oldest: row.opt_instant("oldest")?,
    })
}

/// Tries mails again that were given up, or that wait for their next try: now, and for a full round. All that were given up
/// if none is named. Tells how many.
pub async fn retry(tx: &mut Tx, seller: SellerId, mails: Option<&[OutboxId]>, at: Timestamp) -> Result<u64> {
    let Some(mails) = mails else {
        let sql = "update outbox set state = 'queued', next_attempt_at = $2, attempts_before = attempts, settled_at = null, \
            claimed_until = null where seller_id = $1 and state = 'failed'";
        return tx.execute(sql, params![seller.0, at]).await;
    };
    let ids: Vec<i64> = mails.iter().map(|mail| mail.0).collect();
    let sql = "update outbox set state = 'queued', next_attempt_at = $2, attempts_before = attempts, settled_at = null, \
        claimed_until = null where seller_id = $1 and id {in $3} \
        and (state = 'failed' or (state = 'queued' and claimed_until is null))";
    tx.execute(sql, params![seller.0, at, ids]).await
}

/// Calls a mail off that waits or was given up, and that nobody is about to send. Tells whether it was one.
pub async fn call_off(tx: &mut Tx, seller: SellerId, mail: OutboxId, at: Timestamp) -> Result<bool> {
    let sql = "update outbox set state = 'called_off', settled_at = $3 where seller_id = $1 and id = $2 \
        and state in ('queued', 'failed') and claimed_until is null";
    Ok(tx.execute(sql, params![seller.0, mail.0, at]).await? == 1)
}

/// Whether nobody was sent a document, or is about to be. No node takes a mail of it until the transaction ends.
pub(crate) async fn is_unseen(tx: &mut Tx, seller: SellerId, invoice: InvoiceId) -> Result<bool> {
    let sql = "select state, claimed_by from outbox where seller_id = $1 and invoice_id = $2 {for update}";
    let mails = tx.rows(sql, params![seller.0, invoice.0]).await?;
    for mail in &mails {
        let state = mail.word("state", MailState::from_word)?;
        if mail.opt_text("claimed_by")?.is_some() || !matches!(state, MailState::Queued | MailState::CalledOff) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(row: &Row) -> Result<Mail> {
    Ok(Mail {
        seller: SellerId(row.int("seller_id")?),
        id: OutboxId(row.int("id")?),
        kind: row.word("kind", MailKind::from_word)?,
        customer: CustomerId(row.int("customer_id")?),
        invoice: row.opt_int("invoice_id")?.map(InvoiceId),
        campaign: row.opt_int("campaign_id")?.map(CampaignId),
        state: row.word("state", MailState::from_word)?,
        attempts: row.int("attempts")?,
        attempts_before: row.int("attempts_before")?,
        created_at: row.instant("created_at")?,
        next_attempt_at: row.instant("next_attempt_at")?,
        message_id: row.text("message_id")?,
        settled_at: row.opt_instant("settled_at")?,
        reason: row.text("reason")?,
    })
}
