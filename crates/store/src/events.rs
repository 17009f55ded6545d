//! What happened, for those who want to be told; written in the transaction in which it happens, together with a delivery for
//! each webhook that listens.

use jiff::{Timestamp, civil::Date};
use perennial_billing::{EventId, InvoiceId, SellerId, ServiceId};

use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident: $word:literal, $tells:literal;)+) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EventType {
            $(#[doc = $tells] $name,)+
        }

        impl EventType {
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$name),+];

            /// The name for it: what it happened to, a dot, and what happened.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// When it happens.
            #[must_use]
            pub fn tells(self) -> &'static str {
                match self {
                    $(Self::$name => $tells,)+
                }
            }
        }
    };
}

events! {
    InvoiceIssued: "invoice.issued", "An invoice was issued.";
    InvoicePaid: "invoice.paid", "The last of an invoice was paid, or there was nothing to pay.";
    InvoiceOverdue: "invoice.overdue", "The day an invoice was due is over, and it is not paid.";
    InvoiceVoided: "invoice.voided", "An invoice that nobody had seen was voided: its periods can be billed again.";
    InvoiceWrittenOff: "invoice.written_off", "What was left to pay of an invoice was given up.";
    CreditNoteIssued: "credit_note.issued", "A credit note was issued; `correctsId` is the invoice that it corrects.";
    DepositIssued: "deposit.issued", "Money was asked for that becomes credit when it is paid.";
    ServiceCreated: "service.created", "A service was sold.";
    ServiceChanged: "service.changed", "What is sold, how much of it, its price, its state or its cycle was changed.";
    ServiceRenewed: "service.renewed", "A renewal is paid: the service is paid through `paidThrough`.";
    ServiceOverdue: "service.overdue", "The day is over on which the invoice was due that renewed a service.";
    ServiceCancelled: "service.cancelled", "A service was cancelled, at once or at the end of what is billed.";
    ServiceKept: "service.kept", "A cancellation was taken back.";
    ServiceEnded: "service.ended", "A service that was cancelled has reached its last day.";
    CustomerCreated: "customer.created", "A customer was taken in.";
    CustomerChanged: "customer.changed", "What is known about a customer was changed.";
    VatNumberInvalid: "customer.vat_number_invalid", "A customer's VAT number that was not known as invalid is invalid.";
    PaymentRecorded: "payment.recorded", "Money came in.";
    PaymentRefunded: "payment.refunded", "Money went back.";
    WebhookDisabled: "webhook.disabled", "A webhook is told nothing any more, because it did not answer for days.";
}

impl EventType {
    /// The one with this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// What the rest of the world is told of an entry of the audit trail; nothing of those that are our own matter, or that
    /// are told where they are written.
    #[must_use]
    pub fn of_action(action: &str) -> Option<Self> {
        Some(match action {
            "invoice.written_off" => Self::InvoiceWrittenOff,
            "service.created" => Self::ServiceCreated,
            "service.changed" | "service.auto_renew_on" | "service.auto_renew_off" => Self::ServiceChanged,
            "service.cancelled" => Self::ServiceCancelled,
            "service.kept" => Self::ServiceKept,
            "service.ended" => Self::ServiceEnded,
            "customer.created" => Self::CustomerCreated,
            "customer.changed" => Self::CustomerChanged,
            "payment.recorded" => Self::PaymentRecorded,
            "payment.refunded" => Self::PaymentRefunded,
            _ => return None,
        })
    }
}

/// Something that happened and is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What.
    pub name: EventType,
    /// To what kind of thing: `service`.
    pub subject: &'static str,
    /// To which one. None is to the invoice.
    pub subject_id: Option<i64>,
    /// The invoice that it is about.
    pub invoice: Option<InvoiceId>,
    /// What else is to be known, as a JSON object.
    pub data: String,
}

impl NewEvent {
    /// One of which nothing else is to be known.
    #[must_use]
    pub fn of(name: EventType, subject: &'static str, subject_id: i64) -> Self {
        Self { name, subject, subject_id: Some(subject_id), invoice: None, data: "{}".to_owned() }
    }

    /// A service is paid through this day, by this invoice.
    pub(crate) fn of_renewal(service: ServiceId, invoice: InvoiceId, paid_through: Date) -> Self {
        let data = format!(r#"{{"paidThrough":"{paid_through}"}}"#);
        Self { invoice: Some(invoice), data, ..Self::of(EventType::ServiceRenewed, "service", service.0) }
    }

    /// One of an invoice.
    #[must_use]
    pub fn of_invoice(name: EventType, invoice: InvoiceId) -> Self {
        Self { name, subject: "invoice", subject_id: None, invoice: Some(invoice), data: "{}".to_owned() }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id; later ones have larger ids for one subject.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What: the name of an [`EventType`], or of one that this program does not know.
    pub name: String,
    /// To what kind of thing: `service`.
    pub subject: String,
    /// To which one.
    pub subject_id: i64,
    /// The invoice that it is about, where it happened to something else.
    pub invoice: Option<InvoiceId>,
    /// What else is to be known, as a JSON object.
    pub data: String,
}

/// Writes what happened, and queues it for who listens.
pub async fn insert(tx: &mut Tx, seller: SellerId, events: &[NewEvent], at: Timestamp) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let ids = ids::take(tx, IdKind::Event, events.len()).await?;
    for (sql, rows) in steps(seller, events, at, &ids) {
        tx.execute_with(sql, rows).await?;
    }
    Ok(())
}

/// How an insert of events begins.
pub(crate) const INSERT_EVENTS: &str = "insert into events";
/// How an insert of deliveries begins.
pub(crate) const INSERT_DELIVERIES: &str = "insert into webhook_deliveries";

/// Events under these ids, and their deliveries.
pub(crate) fn steps(seller: SellerId, events: &[NewEvent], at: Timestamp, ids: &[i64]) -> [(&'static str, Rows); 2] {
    let e = || events.iter();
    let rows = || {
        Rows::new()
            .same("seller_id", seller.0)
            .same("at", at)
            .int("id", ids.iter().copied())
            .text("name", e().map(|event| event.name.as_str().to_owned()))
            .text("subject", e().map(|event| event.subject.to_owned()))
            .int("subject_id", e().map(|event| event.subject_id))
            .int("invoice_id", e().map(|event| event.invoice.map(|invoice| invoice.0)))
    };
    let told = "insert into events (seller_id, id, at, name, subject, subject_id, invoice_id, data) \
        select seller_id, id, at, name, subject, coalesce(subject_id, invoice_id), \
        case when subject_id is not null then invoice_id end, data from {rows}";
    let queued = "insert into webhook_deliveries (seller_id, webhook_id, event_id, subject, subject_id, state, queued_at, \
        next_attempt_at) select n.seller_id, w.id, n.id, n.subject, coalesce(n.subject_id, n.invoice_id), 'queued', n.at, \
        n.at from {rows} join webhooks w on w.seller_id = n.seller_id and w.is_enabled \
        and (w.events = '*' or ' ' || w.events || ' ' like '% ' || n.name || ' %')";
    [(told, rows().text("data", e().map(|event| event.data.clone()))), (queued, rows())]
}

/// Reads events: all columns that make one.
macro_rules! select_events {
    ($which:literal) => {
        concat!("select id, at, name, subject, subject_id, invoice_id, data from events ", $which)
    };
}

/// A page of what happened, newest first, before this one.
pub async fn page(conn: &mut Conn, seller: SellerId, before: Option<EventId>, limit: i64) -> Result<Vec<Event>> {
    let sql = select_events!("where seller_id = $1 and id < $2 order by id desc limit $3");
    let before = before.map_or(i64::MAX, |id| id.0);
    conn.rows(sql, params![seller.0, before, limit]).await?.iter().map(read).collect()
}

/// At most so many of what happened after this one, oldest first.
pub async fn after(conn: &mut Conn, seller: SellerId, after: EventId, limit: i64) -> Result<Vec<Event>> {
    let sql = select_events!("where seller_id = $1 and id > $2 order by id limit $3");
    conn.rows(sql, params![seller.0, after.0, limit]).await?.iter().map(read).collect()
}

/// One of them.
pub async fn get(conn: &mut Conn, seller: SellerId, id: EventId) -> Result<Option<Event>> {
    let sql = select_events!("where seller_id = $1 and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// Some of them, by id.
pub async fn some(conn: &mut Conn, seller: SellerId, ids: &[EventId]) -> Result<Vec<Event>> {
    let sql = select_events!("where seller_id = $1 and id {in $2} order by id");
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    conn.rows(sql, params![seller.0, ids]).await?.iter().map(read).collect()
}

/// The id of the last one; none if nothing has happened yet.
pub async fn last(conn: &mut Conn, seller: SellerId) -> Result<Option<EventId>> {
    let sql = "select id from events where seller_id = $1 order by id desc limit 1";
    conn.row(sql, params![seller.0]).await?.map(|row| row.int("id").map(EventId)).transpose()
}

/// The first event from which on all happened at this instant or later. Ids grow with time, so that a few looks are enough.
pub async fn first_since(conn: &mut Conn, seller: SellerId, since: Timestamp) -> Result<Option<EventId>> {
    let sql = "select id, at from events where seller_id = $1 and id >= $2 order by id limit 1";
    let (mut low, mut high) = (1, last(conn, seller).await?.map_or(0, |id| id.0) + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(row) = conn.row(sql, params![seller.0, middle]).await? else {
            high = middle;
            continue;
        };
        if row.instant("at")? < since {
            low = row.int("id")? + 1;
        } else {
            high = middle;
        }
    }
    let row = conn.row(sql, params![seller.0, low]).await?;
    row.map(|row| row.int("id").map(EventId)).transpose()
}

/// The last of at most so many events from this one on, and the one that comes after them; none if there is none.
pub async fn block(
    conn: &mut Conn,
    seller: SellerId,
    from: EventId,
    limit: i64,
) -> Result<Option<(EventId, Option<EventId>)>> {
    let sql = "select id from events where seller_id = $1 and id >= $2 order by id limit $3";
    let rows = conn.rows(sql, params![seller.0, from.0, limit + 1]).await?;
    let mut ids = rows.iter().map(|row| row.int("id").map(EventId)).collect::<Result<Vec<_>>>()?;
    let next = if ids.len() > usize::try_from(limit).unwrap_or(usize::MAX) { ids.pop() } else { None };
    Ok(ids.last().map(|last| (*last, next)))
}

fn read(row: &Row) -> Result<Event> {
    Ok(Event {
        id: EventId(row.int("id")?),
        at: row.instant("at")?,
        name: row.text("name")?,
        subject: row.text("subject")?,
        subject_id: row.int("subject_id")?,
        invoice: row.opt_int("invoice_id")?.map(InvoiceId),
        data: row.text("data")?,
    })
}
