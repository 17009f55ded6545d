//! Payment links: addresses at which an invoice is looked at and paid without a key.

use jiff::Timestamp;
use perennial_billing::{InvoiceId, SellerId};

use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// A link to an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLink {
    /// What stands in its address: a UUID in lower case.
    pub uuid: String,
    /// To which invoice.
    pub invoice: InvoiceId,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
    /// How often it was opened.
    pub views: i64,
    /// When last.
    pub last_viewed_at: Option<Timestamp>,
    /// When somebody ended it, and why.
    pub ended: Option<(Timestamp, LinkEnd)>,
}

/// Why a link was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// Another one was made after it had expired.
    Replaced,
    /// Somebody took it back.
    Revoked,
}

impl LinkEnd {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Replaced, Self::Revoked];

    /// The word kept in the database and shown by the APIs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == word)
    }
}

/// Reads links: all columns that make one.
macro_rules! select_links {
    ($which:literal) => {
        concat!(
            "select seller_id, uuid, invoice_id, created_at, expires_at, views, last_viewed_at, ended_at, end_reason ",
            "from payment_links ",
            $which
        )
    };
}

/// The link with this UUID, and whose invoice it is to: who asks by it says nothing about the seller.
pub async fn by_uuid(conn: &mut Conn, uuid: &str) -> Result<Option<(SellerId, PaymentLink)>> {
    let sql = select_links!("where uuid = $1");
    let row = conn.row(sql, params![uuid]).await?;
    row.map(|row| Ok((SellerId(row.int("seller_id")?), read(&row)?))).transpose()
}

/// The link to an invoice that nobody has ended, if there is one. It may have expired.
pub async fn unended(conn: &mut Conn, seller: SellerId, invoice: InvoiceId) -> Result<Option<PaymentLink>> {
    let sql = select_links!("where seller_id = $1 and invoice_id = $2 and ended_at is null");
    conn.row(sql, params![seller.0, invoice.0]).await?.map(|row| read(&row)).transpose()
}

/// The links to an invoice, newest first: at most so many.
pub async fn of_invoice(conn: &mut Conn, seller: SellerId, invoice: InvoiceId, limit: i64) -> Result<Vec<PaymentLink>> {
    let sql = select_links!("where seller_id = $1 and invoice_id = $2 order by created_at desc, uuid limit $3");
    conn.rows(sql, params![seller.0, invoice.0, limit]).await?.iter().map(read).collect()
}

/// Writes a new link.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) while another one to the invoice is not ended.
pub async fn insert(tx: &mut Tx, seller: SellerId, link: &PaymentLink) -> Result<()> {
    let sql = "insert into payment_links (seller_id, uuid, invoice_id, created_at, expires_at, views, last_viewed_at, \
        ended_at, end_reason) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (ended_at, end_reason) = (link.ended.map(|ended| ended.0), link.ended.map(|ended| ended.1.as_str().to_owned()));
    let values = params![
        seller.0,
        link.uuid.as_str(),
        link.invoice.0,
        link.created_at,
        link.expires_at,
        link.views,
        link.last_viewed_at,
        ended_at,
        end_reason,
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Ends the link to an invoice that nobody has ended yet. Tells whether there was one.
pub async fn end(tx: &mut Tx, seller: SellerId, invoice: InvoiceId, why: LinkEnd, at: Timestamp) -> Result<bool> {
    let sql = "update payment_links set ended_at = $3, end_reason = $4 \
        where seller_id = $1 and invoice_id = $2 and ended_at is null";
    Ok(tx.execute(sql, params![seller.0, invoice.0, at, why.as_str()]).await? == 1)
}

/// Counts that a link was opened.
pub async fn viewed(tx: &mut Tx, seller: SellerId, uuid: &str, at: Timestamp) -> Result<()> {
    let sql = "update payment_links set views = views + 1, last_viewed_at = $3 where seller_id = $1 and uuid = $2";
    tx.execute(sql, params![seller.0, uuid, at]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<PaymentLink> {
    let why = row.opt_word("end_reason", LinkEnd::from_word)?;
    Ok(PaymentLink {
        uuid: row.text("uuid")?,
        invoice: InvoiceId(row.int("invoice_id")?),
        created_at: row.instant("created_at")?,
        expires_at: row.instant("expires_at")?,
        views: row.int("views")?,
        last_viewed_at: row.opt_instant("last_viewed_at")?,
        ended: row.opt_instant("ended_at")?.zip(why),
    })
}
