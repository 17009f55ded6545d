//! API keys: made once, shown once, kept as a hash.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{ApiKeyId, CustomerId};
use perennial_store::ids::{self, IdKind};
use perennial_store::keys::{self, ApiKey};
use perennial_store::{Conn, StoreError, Tx, customers, sandbox};
use sha2::{Digest, Sha256};

use crate::address_list::AddressList;
use crate::error::{check_text, refuse};
use crate::key_cache::{KeyHash, KnownKey};
use crate::{Actor, App, AppError, Caller, Problem, Result, Scope, Scopes};

/// What is needed to make a key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// More about it, or empty.
    pub description: String,
    /// What it allows.
    pub scopes: Scopes,
    /// The only customer it may see; none for staff. A customer makes only keys of its own.
    pub customer: Option<CustomerId>,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// Addresses and networks it may be used from; none is from anywhere.
    pub addresses: Vec<String>,
    /// Whether it opens sandboxes only.
    pub is_test: bool,
}

impl NewKey {
    /// A key of staff that works for ever and from anywhere.
    #[must_use]
    pub fn of(name: &str, scopes: Scopes) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            scopes,
            customer: None,
            expires_at: None,
            addresses: Vec::new(),
            is_test: false,
        }
    }
}

/// What is to change of a key; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// What it is for.
    pub name: Option<String>,
    /// More about it, or empty.
    pub description: Option<String>,
    /// What it allows.
    pub scopes: Option<Scopes>,
    /// When it stops working, if ever.
    pub expires_at: Option<Option<Timestamp>>,
    /// Addresses and networks it may be used from; an empty list is from anywhere.
    pub addresses: Option<Vec<String>>,
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was ended.
    Revoked,
}

impl KeyState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expired, Self::Revoked];

    /// Where a key stands.
    #[must_use]
    pub fn of(key: &ApiKey, now: Timestamp) -> Self {
        match key.expires_at {
            _ if key.revoked_at.is_some() => Self::Revoked,
            Some(at) if at <= now => Self::Expired,
            _ => Self::Active,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key with a secret that was just made: the only time it can be seen.
#[derive(Clone)]
pub struct CreatedKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// The key itself.
    pub secret: String,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// How every key begins, so that people and secret scanners recognise one.
const PREFIX: &str = "pn_";
/// How a key for sandboxes begins.
const TEST_PREFIX: &str = "pn_test_";
/// Random bytes in a key.
const SECRET_BYTES: usize = 24;
/// Characters after the prefix that are kept to recognise a key by.
const HINT_CHARACTERS: usize = 6;
/// How long the old secret of a rotated key works unless somebody says otherwise.
pub const DEFAULT_KEY_OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// How long it may work at most.
pub const MAX_KEY_OVERLAP: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Keys of one customer that are not revoked at most.
pub const MAX_CUSTOMER_KEYS: i64 = 100;

/// A new secret.
struct Secret {
    text: String,
    hint: String,
}

impl Secret {
    fn new(app: &App, is_test: bool) -> Result<Self> {
        let prefix = if is_test { TEST_PREFIX } else { PREFIX };
        let text = format!("{prefix}{}", hexadecimal(&app.random.bytes::<SECRET_BYTES>()?));
        let hint = text.chars().take(prefix.len() + HINT_CHARACTERS).collect();
        Ok(Self { text, hint })
    }

    /// Whether this could be one; what could not is not even looked up.
    fn is_possible(text: &str) -> bool {
        let random = text.strip_prefix(TEST_PREFIX).or_else(|| text.strip_prefix(PREFIX));
        random.is_some_and(|random| random.len() == 2 * SECRET_BYTES)
    }
}

impl App {
    /// Makes a key, which allows nothing that its maker may not.
    ///
    /// # Errors
    /// [`AppError::Invalid`] without a name or scopes, or with more scopes than the caller has; [`AppError::NotFound`] for an
    /// unknown customer; [`AppError::Conflict`] when the customer has [`MAX_CUSTOMER_KEYS`].
    pub async fn create_key(&self, caller: &Caller, new: NewKey) -> Result<CreatedKey> {
        let seller = caller.seller;
        let secret = Secret::new(self, new.is_test)?;
        let mut key = ApiKey {
            seller,
            id: ApiKeyId(0),
            name: new.name,
            description: new.description,
            hint: secret.hint,
            scopes: new.scopes.to_string(),
            customer: caller.customer.or(new.customer),
            is_test: new.is_test,
            addresses: String::new(),
            created_at: self.clock.now(),
            expires_at: new.expires_at,
            revoked_at: None,
            previous_until: None,
            last_used_at: None,
        };
        let mut problems = problems(caller, &key, new.scopes);
        if new.customer.is_some_and(|customer| !caller.may_see(customer)) {
            problems.push(Problem::new("customer", "must be your own"));
        }
        check_expiry(&mut problems, key.expires_at, key.created_at);
        key.addresses = read_addresses(&mut problems, &new.addresses);
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        if let Some(customer) = key.customer {
            customers::get(&mut tx, seller, customer).await?.ok_or(AppError::NotFound("Customer"))?;
            if keys::count_of_customer(&mut tx, seller, customer).await? >= MAX_CUSTOMER_KEYS {
                return Err(AppError::Conflict(format!(
                    "customer {customer} has {MAX_CUSTOMER_KEYS} keys already: revoke what is not used"
                )));
            }
        }
        key.id = ApiKeyId(ids::take(&mut tx, IdKind::ApiKey, 1).await?[0]);
        match keys::insert(&mut tx, &key, &hash(&secret.text)).await {
            Err(StoreError::Reference(_)) => Err(AppError::NotFound("Seller")),
            outcome => {
                outcome?;
                self.note(&mut tx, seller, caller, "key.created", "api_key", key.id.0).await?;
                tx.commit().await?;
                Ok(CreatedKey { key, secret: secret.text })
            }
        }
    }

    /// Changes what a key is called, what it allows, how long and from where.
    ///
    /// # Errors
    /// [`AppError::NotFound`], [`AppError::Invalid`] as for a new key, [`AppError::Conflict`] for one that is revoked.
    pub async fn change_key(&self, caller: &Caller, id: ApiKeyId, change: KeyChange) -> Result<ApiKey> {
        let mut tx = self.store.begin().await?;
        let mut key = held(&mut tx, caller, id).await?;
        key.name = change.name.unwrap_or(key.name);
        key.description = change.description.unwrap_or(key.description);
        let scopes = match change.scopes {
            Some(scopes) => scopes,
            None => scopes_of(&key),
        };
        key.scopes = scopes.to_string();
        let mut problems = problems(caller, &key, scopes);
        if let Some(expires_at) = change.expires_at {
            key.expires_at = expires_at;
            check_expiry(&mut problems, expires_at, self.clock.now());
        }
        if let Some(addresses) = change.addresses {
            key.addresses = read_addresses(&mut problems, &addresses);
        }
        refuse(problems)?;
        keys::change(&mut tx, &key).await?;
        self.note(&mut tx, caller.seller, caller, "key.changed", "api_key", id.0).await?;
        tx.commit().await?;
        self.keys.clear();
        Ok(key)
    }

    /// Gives a key a new secret. The one that it has now works on for `overlap`; the one that it had before that does not.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`] for an overlap that is negative or longer than [`MAX_KEY_OVERLAP`], and
    /// for a key that allows what the caller may not; [`AppError::Conflict`] for one that is revoked or expired.
    pub async fn rotate_key(&self, caller: &Caller, id: ApiKeyId, overlap: SignedDuration) -> Result<CreatedKey> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut key = held(&mut tx, caller, id).await?;
        if KeyState::of(&key, now) == KeyState::Expired {
            return Err(AppError::Conflict("the key has expired: let it work longer first".to_owned()));
        }
        let mut problems = Vec::new();
        // Who gets the secret can do what the key allows.
        check_scopes(&mut problems, caller, scopes_of(&key));
        if overlap.is_negative() || overlap > MAX_KEY_OVERLAP {
            let most = MAX_KEY_OVERLAP.as_hours();
            problems.push(Problem::new("overlap_hours", format!("must be from 0 to {most}")));
        }
        refuse(problems)?;
        let secret = Secret::new(self, key.is_test)?;
        let until = if overlap.is_zero() { None } else { Some(now.saturating_add(overlap).unwrap_or(now)) };
        keys::rotate(&mut tx, caller.seller, id, &hash(&secret.text), &secret.hint, until).await?;
        self.note(&mut tx, caller.seller, caller, "key.rotated", "api_key", id.0).await?;
        tx.commit().await?;
        self.keys.clear();
        (key.hint, key.previous_until) = (secret.hint, until);
        Ok(CreatedKey { key, secret: secret.text })
    }

    /// Revokes a key, with the secret that it had before too.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such key, or it is not the caller's to see.
    pub async fn revoke_key(&self, caller: &Caller, id: ApiKeyId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        visible(&mut tx, caller, id).await?;
        keys::revoke(&mut tx, caller.seller, id, self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "key.revoked", "api_key", id.0).await?;
        tx.commit().await?;
        self.keys.clear();
        Ok(())
    }

    /// One key.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such key, or it is not the caller's to see.
    pub async fn key(&self, caller: &Caller, id: ApiKeyId) -> Result<ApiKey> {
        visible(&mut self.store.read().await?, caller, id).await
    }

    /// Keys with ids below `before`, newest first; a customer's caller sees its own.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn keys(&self, caller: &Caller, before: Option<ApiKeyId>, limit: i64) -> Result<Vec<ApiKey>> {
        let mut conn = self.store.read().await?;
        Ok(keys::page(&mut conn, caller.seller, caller.customer, before, limit).await?)
    }

    /// Who holds this key, asking from this address; none if it is unknown, revoked, expired, replaced, not for this address,
    /// or for sandboxes where this is none. A look-up is believed for [`KEY_CACHE_TIME`](crate::KEY_CACHE_TIME).
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn authenticate(&self, secret: &str, from: Option<IpAddr>) -> Result<Option<Caller>> {
        if !Secret::is_possible(secret) {
            return Ok(None);
        }
        // The search compares hashes, never secrets. How long it takes may tell how far a hash agrees with one that is
        // known, but nobody can choose the hash of a guess (SHA-256), so that tells nothing about a secret; and a secret has
        // 192 random bits. That is why no comparison in constant time is needed here, and why none may be made by the secret.
        let digest: KeyHash = Sha256::digest(secret.as_bytes()).into();
        let known = match self.keys.get(&digest) {
            Some(known) => known,
            None => {
                let Some(known) = self.look_up(&hexadecimal(&digest)).await?.map(Arc::new) else { return Ok(None) };
                self.keys.insert(digest, Arc::clone(&known));
                known
            }
        };
        let (key, now) = (&known.found.key, self.clock.now());
        let is_replaced = known.found.until.is_some_and(|until| until <= now);
        if is_replaced || KeyState::of(key, now) != KeyState::Active || !known.addresses.allows(from) {
            return Ok(None);
        }
        self.key_uses.note(key.seller, key.id, now);
        let (seller, customer, actor) = (key.seller, key.customer, Actor::Key(key.id));
        Ok(Some(Caller { seller, customer, scopes: known.scopes, actor, on_behalf_of: None }))
    }

    /// The key with this hash, if it is one for this installation: a test key opens sandboxes only. None, too, for one that says
    /// what only another program understands.
    async fn look_up(&self, hash: &str) -> Result<Option<KnownKey>> {
        let mut conn = self.store.read().await?;
        let Some(found) = keys::by_hash(&mut conn, hash).await? else { return Ok(None) };
        if found.key.is_test && sandbox::ahead(&mut conn).await?.is_none() {
            return Ok(None);
        }
        let Ok(addresses) = AddressList::read(found.key.addresses.split_whitespace()) else { return Ok(None) };
        let Ok(scopes) = found.key.scopes.parse() else { return Ok(None) };
        Ok(Some(KnownKey { found, scopes, addresses }))
    }

    /// Staff that sees and does only what this customer may; the trail names both.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown customer, and for a caller that is a customer itself.
    pub async fn on_behalf_of(&self, caller: Caller, customer: CustomerId) -> Result<Caller> {
        if caller.customer.is_some() {
            return Err(AppError::NotFound("Customer"));
        }
        let known = customers::get(&mut self.store.read().await?, caller.seller, customer).await?;
        known.ok_or(AppError::NotFound("Customer"))?;
        Ok(Caller { customer: Some(customer), on_behalf_of: Some(customer), ..caller })
    }
}

/// Whether a key is the caller's to see: a customer sees its own, and never one of staff.
fn is_visible(caller: &Caller, key: &ApiKey) -> bool {
    caller.customer.is_none() || caller.customer == key.customer
}

async fn visible(conn: &mut Conn, caller: &Caller, id: ApiKeyId) -> Result<ApiKey> {
    let key = keys::get(conn, caller.seller, id).await?.filter(|key| is_visible(caller, key));
    key.ok_or(AppError::NotFound("API key"))
}

/// A key that is to be changed.
async fn held(tx: &mut Tx, caller: &Caller, id: ApiKeyId) -> Result<ApiKey> {
    let key = keys::hold(tx, caller.seller, id).await?.filter(|key| is_visible(caller, key));
    let key = key.ok_or(AppError::NotFound("API key"))?;
    match key.revoked_at {
        Some(_) => Err(AppError::Conflict("the key is revoked, for good: make another one".to_owned())),
        None => Ok(key),
    }
}

/// What a key allows; nothing if an older or newer program wrote it in words that are not known here.
fn scopes_of(key: &ApiKey) -> Scopes {
    key.scopes.parse().unwrap_or_default()
}

/// What cannot be accepted about a key, but for its expiry and its addresses.
fn problems(caller: &Caller, key: &ApiKey, scopes: Scopes) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_text(&mut problems, "name", &key.name, true);
    check_text(&mut problems, "description", &key.description, false);
    if scopes.is_empty() {
        problems.push(Problem::new("scopes", "is missing: say what the key allows"));
    }
    if key.customer.is_some() && scopes.allow(Scope::Admin) {
        problems.push(Problem::new("scopes", "of a customer's key cannot be admin"));
    }
    check_scopes(&mut problems, caller, scopes);
    problems
}

/// Complains about scopes that the caller does not have: nobody gets more by a key than by who made it.
fn check_scopes(problems: &mut Vec<Problem>, caller: &Caller, scopes: Scopes) {
    if !caller.scopes.include(scopes) {
        let more = scopes.iter().filter(|scope| !caller.scopes.allow(*scope)).map(Scope::as_str);
        let more = more.collect::<Vec<_>>().join(", ");
        problems.push(Problem::new("scopes", format!("are more than your own key allows: {more}")));
    }
}

fn check_expiry(problems: &mut Vec<Problem>, expires_at: Option<Timestamp>, now: Timestamp) {
    if expires_at.is_some_and(|at| at <= now) {
        problems.push(Problem::new("expires_at", "must lie in the future"));
    }
}

/// Addresses as they are kept.
fn read_addresses(problems: &mut Vec<Problem>, given: &[String]) -> String {
    match AddressList::read(given) {
        Ok(list) => list.to_string(),
        Err(reason) => {
            problems.push(Problem::new("addresses", reason));
            String::new()
        }
    }
}

fn hash(secret: &str) -> String {
    hexadecimal(&Sha256::digest(secret.as_bytes()))
}

/// Bytes as text, two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
