//! API keys, kept as hashes.

use jiff::Timestamp;
use perennial_billing::{ApiKeyId, CustomerId, SellerId};

use crate::rows::Rows;
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
    /// More about it, or empty.
    pub description: String,
    /// Its first characters, to recognise it by.
    pub hint: String,
    /// Its scopes, separated by spaces.
    pub scopes: String,
    /// The only customer it may see; none for a key of staff.
    pub customer: Option<CustomerId>,
    /// Whether it opens sandboxes only.
    pub is_test: bool,
    /// Addresses and networks it may be used from, separated by spaces; empty is anywhere.
    pub addresses: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Through when the secret works that it had before the present one; none if there is none.
    pub previous_until: Option<Timestamp>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key that was found by the hash of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub key: ApiKey,
    /// When this secret stops working because there is a newer one; none for the present one.
    pub until: Option<Timestamp>,
}

/// Every column that is shown; never a hash.
macro_rules! columns {
    () => {
        "seller_id, id, name, description, hint, scopes, customer_id, is_test, addresses, created_at, expires_at, \
            revoked_at, previous_until, last_used_at"
    };
}

/// The key with this hash (SHA-256 in hexadecimal), which is its present one or the one before.
pub async fn by_hash(conn: &mut Conn, hash: &str) -> Result<Option<FoundKey>> {
    // Two searches in one trip, so that each has its index.
    let sql = concat!(
        "select hash, ",
        columns!(),
        " from api_keys where hash = $1 union all select hash, ",
        columns!(),
        " from api_keys where previous_hash = $1"
    );
    let Some(row) = conn.row(sql, params![hash]).await? else { return Ok(None) };
    let key = read(&row)?;
    let is_present = row.text("hash")? == hash;
    let until = if is_present { None } else { key.previous_until };
    Ok(Some(FoundKey { key, until }))
}

/// All keys of a seller, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<ApiKey>> {
    let sql = concat!("select ", columns!(), " from api_keys where seller_id = $1 order by id");
    conn.rows(sql, params![seller.0]).await?.iter().map(read).collect()
}

/// At most `limit` keys with ids below `before`, newest first: all of a seller, or those of one customer.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    customer: Option<CustomerId>,
    before: Option<ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKey>> {
    const OF_ALL: &str =
        concat!("select ", columns!(), " from api_keys where seller_id = $1 and id < $2 order by id desc limit $3");
    const OF_ONE: &str = concat!(
        "select ",
        columns!(),
        " from api_keys where seller_id = $1 and id < $2 and customer_id = $4 order by id desc limit $3"
    );
    let before = before.map_or(i64::MAX, |id| id.0);
    let rows = match customer {
        None => conn.rows(OF_ALL, params![seller.0, before, limit]).await?,
        Some(customer) => conn.rows(OF_ONE, params![seller.0, before, limit, customer.0]).await?,
    };
    rows.iter().map(read).collect()
}

/// One key.
pub async fn get(conn: &mut Conn, seller: SellerId, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let sql = concat!("select ", columns!(), " from api_keys where seller_id = $1 and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// One key, which nobody else changes until the transaction ends.
pub async fn hold(tx: &mut Tx, seller: SellerId, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let sql = concat!("select ", columns!(), " from api_keys where seller_id = $1 and id = $2 {for update}");
    tx.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// How many keys of a customer are not revoked.
pub async fn count_of_customer(conn: &mut Conn, seller: SellerId, customer: CustomerId) -> Result<i64> {
    let sql = "select count(*) as keys from api_keys where seller_id = $1 and customer_id = $2 and revoked_at is null";
    conn.row(sql, params![seller.0, customer.0]).await?.map_or(Ok(0), |row| row.int("keys"))
}

/// Writes a new key.
pub async fn insert(tx: &mut Tx, key: &ApiKey, hash: &str) -> Result<()> {
    let sql = "insert into api_keys (seller_id, id, name, hint, hash, scopes, customer_id, created_at, expires_at, \
        is_test, description, addresses) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
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
        key.is_test,
        key.description.as_str(),
        key.addresses.as_str(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Writes what may change of a key: its name, description, scopes, expiry and addresses. Tells whether it exists.
pub async fn change(tx: &mut Tx, key: &ApiKey) -> Result<bool> {
    let sql = "update api_keys set name = $3, description = $4, scopes = $5, expires_at = $6, addresses = $7 \
        where seller_id = $1 and id = $2";
    let values = params![
        key.seller.0,
        key.id.0,
        key.name.as_str(),
        key.description.as_str(),
        key.scopes.as_str(),
        key.expires_at,
        key.addresses.as_str(),
    ];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a key a new secret. The present one becomes the one before, if it is to work until some time, and the one before
/// that is forgotten. Tells whether the key exists.
pub async fn rotate(
    tx: &mut Tx,
    seller: SellerId,
    id: ApiKeyId,
    hash: &str,
    hint: &str,
    previous_until: Option<Timestamp>,
) -> Result<bool> {
    const WITH_THE_OLD_ONE: &str = "update api_keys set previous_hash = hash, previous_until = $5, hash = $3, hint = $4 \
        where seller_id = $1 and id = $2";
    const ALONE: &str = "update api_keys set previous_hash = null, previous_until = null, hash = $3, hint = $4 \
        where seller_id = $1 and id = $2";
    let changed = match previous_until {
        Some(until) => tx.execute(WITH_THE_OLD_ONE, params![seller.0, id.0, hash, hint, until]).await?,
        None => tx.execute(ALONE, params![seller.0, id.0, hash, hint]).await?,
    };
    Ok(changed == 1)
}

/// Revokes a key; one that is revoked already keeps its first time. Tells whether it exists.
pub async fn revoke(tx: &mut Tx, seller: SellerId, id: ApiKeyId, at: Timestamp) -> Result<bool> {
    let sql = "update api_keys set revoked_at = coalesce(revoked_at, $3) where seller_id = $1 and id = $2";
    Ok(tx.execute(sql, params![seller.0, id.0, at]).await? == 1)
}

/// Writes down when keys were last used; a time that is earlier than what is known changes nothing.
pub async fn used(tx: &mut Tx, uses: &[(SellerId, ApiKeyId, Timestamp)]) -> Result<()> {
    let rows = Rows::new()
        .int("seller_id", uses.iter().map(|(seller, ..)| seller.0))
        .int("id", uses.iter().map(|(_, id, _)| id.0))
        .instant("used_at", uses.iter().map(|(.., at)| *at));
    let sql = "update api_keys set last_used_at = n.used_at from {rows} where api_keys.seller_id = n.seller_id \
        and api_keys.id = n.id and (api_keys.last_used_at is null or api_keys.last_used_at < n.used_at)";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

fn read(row: &Row) -> Result<ApiKey> {
    Ok(ApiKey {
        seller: SellerId(row.int("seller_id")?),
        id: ApiKeyId(row.int("id")?),
        name: row.text("name")?,
        description: row.text("description")?,
        hint: row.text("hint")?,
        scopes: row.text("scopes")?,
        customer: row.opt_int("customer_id")?.map(CustomerId),
        is_test: row.bool("is_test")?,
        addresses: row.text("addresses")?,
        created_at: row.instant("created_at")?,
        expires_at: row.opt_instant("expires_at")?,
        revoked_at: row.opt_instant("revoked_at")?,
        previous_until: row.opt_instant("previous_until")?,
        last_used_at: row.opt_instant("last_used_at")?,
    })
}
