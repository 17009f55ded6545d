//! API keys, kept as hashes.

use jiff::Timestamp;
use perennial_billing::{ApiKeyId, CustomerId, SellerId};

use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Whose installation it opens.
    pub seller: SellerId,
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// Its first characters, to recognise it by.
    pub hint: String,
    /// Its scopes, separated by spaces.
    pub scopes: String,
    /// The only customer it may see; none for a key of staff.
    pub customer: Option<CustomerId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// The key with this hash (SHA-256 in hexadecimal).
pub async fn by_hash(conn: &mut Conn, hash: &str) -> Result<Option<ApiKey>> {
    let sql = "select seller_id, id, name, hint, scopes, customer_id, created_at, expires_at, revoked_at from api_keys \
        where hash = $1";
    conn.row(sql, params![hash]).await?.map(|row| read(&row)).transpose()
}

/// All keys of a seller, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<ApiKey>> {
    let sql = "select seller_id, id, name, hint, scopes, customer_id, created_at, expires_at, revoked_at from api_keys \
        where seller_id = $1 order by id";
    conn.rows(sql, params![seller.0]).await?.iter().map(read).collect()
}

/// Writes a new key.
pub async fn insert(tx: &mut Tx, key: &ApiKey, hash: &str) -> Result<()> {
    let sql = "insert into api_keys (seller_id, id, name, hint, hash, scopes, customer_id, created_at, expires_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = params![
        key.seller.0,
        key.id.0,
        key.name.as_str(),
        key.hint.as_str(),
        hash,
        key.scopes.as_str(),
        key.customer.map(|customer| customer.0),
        key.created_at,
        key.expires_at,
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Revokes a key; one that is revoked already keeps its first time. Tells whether it exists.
pub async fn revoke(tx: &mut Tx, seller: SellerId, id: ApiKeyId, at: Timestamp) -> Result<bool> {
    let sql = "update api_keys set revoked_at = coalesce(revoked_at, $3) where seller_id = $1 and id = $2";
    Ok(tx.execute(sql, params![seller.0, id.0, at]).await? == 1)
}

fn read(row: &Row) -> Result<ApiKey> {
    Ok(ApiKey {
        seller: SellerId(row.int("seller_id")?),
        id: ApiKeyId(row.int("id")?),
        name: row.text("name")?,
        hint: row.text("hint")?,
        scopes: row.text("scopes")?,
        customer: row.opt_int("customer_id")?.map(CustomerId),
        created_at: row.instant("created_at")?,
        expires_at: row.opt_instant("expires_at")?,
        revoked_at: row.opt_instant("revoked_at")?,
    })
}
