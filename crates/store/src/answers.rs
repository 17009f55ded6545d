//! First answers to requests with an `Idempotency-Key`.

use jiff::Timestamp;
use perennial_billing::{ApiKeyId, SellerId};

use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// What a request was answered with, and what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who asked.
    pub api_key: ApiKeyId,
    /// The `Idempotency-Key`.
    pub key: String,
    /// A hash of the request.
    pub fingerprint: String,
    /// The HTTP status, from 200 to 299.
    pub status: i64,
    /// Headers that belong to it, as a JSON object.
    pub headers: String,
    /// The body.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// The answer to the request with this key, if it was given.
pub async fn get(conn: &mut Conn, seller: SellerId, api_key: ApiKeyId, key: &str) -> Result<Option<Answer>> {
    let sql = "select api_key_id, idempotency_key, fingerprint, status, headers, body, at from answers \
        where seller_id = $1 and api_key_id = $2 and idempotency_key = $3";
    conn.row(sql, params![seller.0, api_key.0, key]).await?.map(|row| read(&row)).transpose()
}

/// Writes an answer, in the transaction that did what it tells of.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) for `answers` when another request with this key was faster.
pub async fn insert(tx: &mut Tx, seller: SellerId, answer: &Answer) -> Result<()> {
    let sql = "insert into answers (seller_id, api_key_id, idempotency_key, fingerprint, status, headers, body, at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = params![
        seller.0,
        answer.api_key.0,
        answer.key.as_str(),
        answer.fingerprint.as_str(),
        answer.status,
        answer.headers.as_str(),
        answer.body.as_str(),
        answer.at,
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Forgets answers from before an instant, at most so many. Tells how many there were.
pub async fn prune(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "delete from answers where (seller_id, api_key_id, idempotency_key) in \
        (select seller_id, api_key_id, idempotency_key from answers where at < $1 order by at limit $2)";
    tx.execute(sql, params![before, limit]).await
}

fn read(row: &Row) -> Result<Answer> {
    Ok(Answer {
        api_key: ApiKeyId(row.int("api_key_id")?),
        key: row.text("idempotency_key")?,
        fingerprint: row.text("fingerprint")?,
        status: row.int("status")?,
        headers: row.text("headers")?,
        body: row.text("body")?,
        at: row.instant("at")?,
    })
}
