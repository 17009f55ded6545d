//! Requests that are carried out once, however often they are sent: the first answer is kept in the transaction that did what it
//! tells of, and given again to a repeat.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use perennial_billing::{ApiKeyId, SellerId};
use perennial_store::StoreError;
use perennial_store::answers::{self, Answer};
use sha2::{Digest, Sha256};

use crate::key::hexadecimal;
use crate::{App, Renewed, Result};

/// How long an answer is kept: two days, so that who repeats a request on the next day still gets it.
pub const ANSWER_KEPT: SignedDuration = SignedDuration::from_hours(48);
/// Answers that are forgotten in one transaction at most.
const PRUNED_TOGETHER: i64 = 1_000;

/// A request with a name of its caller's choice.
#[derive(Debug, Clone)]
pub struct Once {
    seller: SellerId,
    api_key: ApiKeyId,
    key: String,
    fingerprint: String,
    is_kept: Arc<AtomicBool>,
}

/// What a request was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status, from 200 to 299.
    pub status: u16,
    /// Headers that belong to it, as a JSON object.
    pub headers: String,
    /// The body.
    pub body: String,
}

/// What is known of a request's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownAnswer {
    /// It is this request's: its first answer.
    Same(Answered),
    /// It is another request's.
    Other,
}

impl Once {
    /// A request: who sends it, what they call it, and what it is: the parts of its head, and its body.
    #[must_use]
    pub fn new(seller: SellerId, api_key: ApiKeyId, key: String, head: &[&str], body: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        for part in head {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hasher.update(body);
        let fingerprint = hexadecimal(&hasher.finalize());
        Self { seller, api_key, key, fingerprint, is_kept: Arc::default() }
    }

    /// Whether its answer is kept already.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Acquire)
    }

    pub(crate) fn kept(&self) {
        self.is_kept.store(true, Ordering::Release);
    }

    pub(crate) fn answer(&self, answered: Answered, at: jiff::Timestamp) -> Answer {
        let Answered { status, headers, body } = answered;
        Answer {
            api_key: self.api_key,
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            status: i64::from(status),
            headers,
            body,
            at,
        }
    }
}

/// A renewal that is asked for once, and how it will be answered if an invoice is issued.
#[derive(Clone)]
pub struct OnceRenewal {
    /// The request.
    pub once: Once,
    /// Its answer.
    pub answer: Arc<dyn Fn(&Renewed) -> Answered + Send + Sync>,
}

impl fmt::Debug for OnceRenewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceRenewal").field(&self.once).finish()
    }
}

impl App {
    /// The same app, all of whose writing becomes one transaction: nothing of it lasts before [`App::keep_answer`].
    #[must_use]
    pub fn jointly(&self) -> Self {
        Self { store: self.store.jointly(), ..self.clone() }
    }

    /// What is known of a request's name.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn known_answer(&self, once: &Once) -> Result<Option<KnownAnswer>> {
        let mut conn = self.store.read().await?;
        let known = answers::get(&mut conn, once.seller, once.api_key, &once.key).await?;
        Ok(known.map(|known| {
            if known.fingerprint != once.fingerprint {
                return KnownAnswer::Other;
            }
            let status = u16::try_from(known.status).unwrap_or(200);
            KnownAnswer::Same(Answered { status, headers: known.headers, body: known.body })
        }))
    }

    /// Makes durable what was written [jointly](App::jointly), and the answer that tells of it. False, and nothing is written,
    /// when another request of that name was faster.
    ///
    /// # Errors
    /// Those of the database; then nothing is written.
    pub async fn keep_answer(&self, once: &Once, answered: Answered) -> Result<bool> {
        let answer = once.answer(answered, self.clock.now());
        let mut tx = self.store.begin().await?;
        match answers::insert(&mut tx, once.seller, &answer).await {
            Err(StoreError::Unique { .. }) => return Ok(false),
            outcome => outcome?,
        }
        tx.commit().await?;
        self.store.settle().await?;
        once.kept();
        Ok(true)
    }

    /// Forgets answers that were kept long enough. Tells how many.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn forget_answers(&self) -> Result<u64> {
        let before = self.clock.now().saturating_sub(ANSWER_KEPT).unwrap_or(jiff::Timestamp::MIN);
        let mut forgotten = 0;
        loop {
            let mut tx = self.store.begin().await?;
            let some = answers::prune(&mut tx, before, PRUNED_TOGETHER).await?;
            tx.commit().await?;
            forgotten += some;
            if i64::try_from(some).is_ok_and(|some| some < PRUNED_TOGETHER) {
                return Ok(forgotten);
            }
        }
    }
}
