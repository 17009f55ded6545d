//! API keys: made once, shown once, kept as a hash.

use std::fmt::Write;

use jiff::Timestamp;
use perennial_billing::{ApiKeyId, CustomerId, SellerId};
use perennial_store::ids::{self, IdKind};
use perennial_store::keys::{self, ApiKey};
use perennial_store::{StoreError, customers};
use sha2::{Digest, Sha256};

use crate::error::{check_text, refuse};
use crate::{Actor, App, AppError, Caller, Problem, Result, Scopes};

/// What is needed to make a key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// The only customer it may see; none for staff.
    pub customer: Option<CustomerId>,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made: the only time its secret can be seen.
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
/// Random bytes in a key.
const SECRET_BYTES: usize = 24;
/// Characters of a key that are kept to recognise it by.
const HINT_CHARACTERS: usize = 9;
/// Characters of a key; what is not so long or begins otherwise is not even looked up.
const KEY_CHARACTERS: usize = PREFIX.len() + 2 * SECRET_BYTES;

impl App {
    /// Makes a key.
    ///
    /// # Errors
    /// [`AppError::Invalid`] without a name or scopes, [`AppError::NotFound`] for an unknown customer.
    pub async fn create_key(&self, seller: SellerId, actor: Actor, new: NewKey) -> Result<CreatedKey> {
        let now = self.clock.now();
        let mut problems = Vec::new();
        check_text(&mut problems, "name", &new.name, true);
        if new.scopes.is_empty() {
            problems.push(Problem::new("scopes", "is missing: say what the key allows"));
        }
        if new.customer.is_some() && new.scopes.allow(crate::Scope::Admin) {
            problems.push(Problem::new("scopes", "of a customer's key cannot be admin"));
        }
        if new.expires_at.is_some_and(|at| at <= now) {
            problems.push(Problem::new("expires", "must lie in the future"));
        }
        refuse(problems)?;
        let secret = format!("{PREFIX}{}", hexadecimal(&self.random.bytes::<SECRET_BYTES>()?));
        let mut tx = self.store.begin().await?;
        if let Some(customer) = new.customer {
            customers::get(&mut tx, seller, customer).await?.ok_or(AppError::NotFound("Customer"))?;
        }
        let key = ApiKey {
            seller,
            id: ApiKeyId(ids::take(&mut tx, IdKind::ApiKey, 1).await?[0]),
            name: new.name,
            hint: secret.chars().take(HINT_CHARACTERS).collect(),
            scopes: new.scopes.to_string(),
            customer: new.customer,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        match keys::insert(&mut tx, &key, &hash(&secret)).await {
            Err(StoreError::Reference(_)) => Err(AppError::NotFound("Seller")),
            outcome => {
                outcome?;
                self.note(&mut tx, seller, actor, "key.created", "api_key", key.id.0).await?;
                tx.commit().await?;
                Ok(CreatedKey { key, secret })
            }
        }
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such key.
    pub async fn revoke_key(&self, seller: SellerId, actor: Actor, id: ApiKeyId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        if !keys::revoke(&mut tx, seller, id, self.clock.now()).await? {
            return Err(AppError::NotFound("API key"));
        }
        self.note(&mut tx, seller, actor, "key.revoked", "api_key", id.0).await?;
        tx.commit().await?;
        self.keys.clear();
        Ok(())
    }

    /// Who holds this key; none if it is unknown, revoked or expired. A look-up is believed for
    /// [`KEY_CACHE_TIME`](crate::KEY_CACHE_TIME).
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Caller>> {
        if secret.len() != KEY_CHARACTERS || !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        // A look-up by hash tells nothing about the secret by how long it takes.
        let hash = hash(secret);
        let key = match self.keys.get(&hash) {
            Some(key) => key,
            None => {
                let Some(key) = keys::by_hash(&mut self.store.read().await?, &hash).await? else { return Ok(None) };
                self.keys.insert(hash, key.clone());
                key
            }
        };
        let is_over = key.revoked_at.is_some() || key.expires_at.is_some_and(|at| at <= self.clock.now());
        let Ok(scopes) = key.scopes.parse() else { return Ok(None) };
        let caller = Caller { seller: key.seller, customer: key.customer, scopes, actor: Actor::Key(key.id) };
        Ok((!is_over).then_some(caller))
    }
}

fn hash(secret: &str) -> String {
    hexadecimal(&Sha256::digest(secret.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
