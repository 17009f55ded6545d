//! HTTP price feeds: today's price from a registrar or another system.
//!
//! A feed is asked with `GET` at its configured address, in which `{product}`, `{cycle}` and `{currency}` are replaced,
//! and answers `{"price": "99.00", "currency": "SEK"}`: the price of one for one period without tax, as a decimal text.
//! Everything else (another status, another currency, a number instead of a text) means that there is no price now.

mod breaker;
mod memory;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use perennial_billing::{Currency, Cycle, Money, ProductId};
use reqwest::{StatusCode, redirect};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use self::breaker::Breaker;
use self::memory::Memory;
use crate::Random;

pub use self::breaker::{FEED_FAILURES_TO_REST, FEED_REST};

/// How long a feed has for a price, all tries together.
pub const FEED_DEADLINE: Duration = Duration::from_secs(5);
/// How long one try may take, so that a second one fits into the deadline.
pub const FEED_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Tries after the first.
pub const FEED_RETRIES: u32 = 2;
/// The pause before a retry: this, times the number of the try, plus up to as much again at random.
const RETRY_PAUSE_MS: u64 = 100;
/// Bytes of an answer that are read at most.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Questions that a feed is asked at the same time; more wait for their turn.
const MAX_QUESTIONS: usize = 32;
/// How long a question waits for its turn.
const QUESTION_WAIT: Duration = Duration::from_secs(5);

/// A configured feed.
#[derive(Clone)]
pub struct FeedConfig {
    /// The address, with `{product}`, `{cycle}` and `{currency}` in it.
    pub url: String,
    /// How long an answer is good for; zero asks each time.
    pub cache_for: Duration,
    /// How old an answer may be that is taken when the feed does not answer; zero takes none.
    pub stale_for: Duration,
    /// Sent as `Authorization: Bearer …`, if there is one.
    pub token: Option<String>,
}

impl fmt::Debug for FeedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("FeedConfig");
        shown.field("url", &self.url).field("cache_for", &self.cache_for).field("stale_for", &self.stale_for);
        shown.finish_non_exhaustive()
    }
}

/// The configuration of a feed cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the price feed `{name}` cannot be used: {reason}")]
pub struct FeedConfigError {
    /// Which feed.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Why a feed gave no price. For the log; customers read the contract's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("price feed `{feed}`, product {product}, cycle {cycle}, currency {currency}: {reason}")]
pub struct PriceUnavailable {
    /// Which feed was asked.
    pub feed: String,
    /// For which product.
    pub product: ProductId,
    /// For which cycle.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// What went wrong.
    pub reason: String,
}

/// What a feed is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PriceQuery {
    pub feed: String,
    pub product: ProductId,
    pub cycle: Cycle,
    pub currency: Currency,
}

/// All configured feeds and one pool of connections.
#[derive(Debug)]
pub struct PriceFeeds {
    feeds: BTreeMap<String, Feed>,
    /// Missing when no feed is configured: an HTTP client wants root certificates, which not every machine has.
    client: Option<reqwest::Client>,
    random: Random,
}

/// One feed, and what is known about it.
#[derive(Debug)]
struct Feed {
    config: FeedConfig,
    memory: Memory,
    breaker: Mutex<Breaker>,
    questions: Semaphore,
}

#[derive(Deserialize)]
struct Answer {
    price: String,
    currency: String,
}

/// A price, or why there is none.
type Answered = Result<Money, Failure>;

/// What one try came to.
#[derive(Debug, Clone)]
enum Failure {
    /// There was no answer; asking again may help.
    Passing(String),
    /// There was one, and it will not change.
    Final(String),
}

impl PriceFeeds {
    /// Prepares to ask these feeds.
    ///
    /// # Errors
    /// [`FeedConfigError`] for an address that is no HTTP URL or names no product.
    pub fn new(feeds: BTreeMap<String, FeedConfig>, random: Random) -> Result<Self, FeedConfigError> {
        for (name, feed) in &feeds {
            let error = |reason: &str| FeedConfigError { name: name.clone(), reason: reason.to_owned() };
            let sample = fill_in(&feed.url, ProductId(1), "1m", "SEK");
            let url = reqwest::Url::parse(&sample).map_err(|e| error(&format!("its url is not valid: {e}")))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(error("its url must begin with http:// or https://"));
            }
            if !feed.url.contains("{product}") {
                return Err(error("its url must contain {product}"));
            }
        }
        let client = match feeds.keys().next() {
            Some(name) => Some(client().map_err(|reason| FeedConfigError { name: name.clone(), reason })?),
            None => None,
        };
        let feed = |config| Feed {
            config,
            memory: Memory::default(),
            breaker: Mutex::default(),
            questions: Semaphore::new(MAX_QUESTIONS),
        };
        let feeds = feeds.into_iter().map(|(name, config)| (name, feed(config))).collect();
        Ok(Self { feeds, client, random })
    }

    /// The names of the configured feeds.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.feeds.keys().map(String::as_str)
    }

    /// The current price, from an answer that is still good or by asking, which takes [`FEED_DEADLINE`] at most once it is
    /// its turn.
    pub(crate) async fn price(&self, query: &PriceQuery) -> Result<Money, PriceUnavailable> {
        let unavailable = |reason: String| PriceUnavailable {
            feed: query.feed.clone(),
            product: query.product,
            cycle: query.cycle,
            currency: query.currency,
            reason,
        };
        let (Some(feed), Some(client)) = (self.feeds.get(&query.feed), &self.client) else {
            return Err(unavailable("no such feed is configured".to_owned()));
        };
        if let Some((_, price)) = feed.memory.answer(query, feed.config.cache_for) {
            return Ok(price);
        }
        match feed.memory.once(query, self.ask(client, feed, query)).await {
            Ok(price) => Ok(price),
            Err(Failure::Final(reason)) => Err(unavailable(reason)),
            Err(Failure::Passing(reason)) => {
                let stale = feed.memory.answer(query, feed.config.stale_for);
                let (age, price) = stale.ok_or_else(|| unavailable(reason.clone()))?;
                let unavailable = unavailable(reason);
                tracing::warn!("{unavailable}; {price}, its answer of {} s ago, is taken", age.as_secs());
                Ok(price)
            }
        }
    }

    /// Asks, unless the feed is left alone, and remembers what it says.
    async fn ask(&self, client: &reqwest::Client, feed: &Feed, query: &PriceQuery) -> Answered {
        // Nobody closes it, so it is time that is up. That many ask is not the feed's fault.
        let Ok(_turn) = timeout(QUESTION_WAIT, feed.questions.acquire()).await else {
            let seconds = QUESTION_WAIT.as_secs();
            let reason =
                format!("{MAX_QUESTIONS} other questions are under way, and this one had to wait for {seconds} s");
            return Err(Failure::Passing(reason));
        };
        if let Err(rest) = feed.breaker().enter(Instant::now()) {
            let seconds = rest.as_secs() + 1;
            let reason = format!("it did not answer several times, and is not asked for another {seconds} s");
            return Err(Failure::Passing(reason));
        }
        let late = || Failure::Passing(format!("no answer within {} s", FEED_DEADLINE.as_secs()));
        let answered = timeout(FEED_DEADLINE, self.ask_again(client, &feed.config, query)).await;
        let answered = answered.unwrap_or_else(|_| Err(late()));
        match &answered {
            Err(Failure::Passing(_)) => feed.breaker().failed(Instant::now()),
            Err(Failure::Final(_)) => feed.breaker().answered(),
            Ok(price) => {
                feed.breaker().answered();
                if feed.config.cache_for + feed.config.stale_for > Duration::ZERO {
                    feed.memory.remember(query, *price);
                }
            }
        }
        answered
    }

    async fn ask_again(&self, client: &reqwest::Client, feed: &FeedConfig, query: &PriceQuery) -> Answered {
        let mut tries = 0;
        loop {
            match ask_once(client, feed, query).await {
                Err(Failure::Passing(_)) if tries < FEED_RETRIES => {
                    tries += 1;
                    let pause = RETRY_PAUSE_MS * u64::from(tries);
                    let jitter = self.random.below(pause).unwrap_or(0);
                    sleep(Duration::from_millis(pause + jitter)).await;
                }
                answered => return answered,
            }
        }
    }
}

impl Feed {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client() -> Result<reqwest::Client, String> {
    // One provider for the whole process; a second installation is refused and that is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(FEED_ATTEMPT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("perennial/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("no HTTP client can be made, are root certificates installed? {error}"))
}

async fn ask_once(client: &reqwest::Client, feed: &FeedConfig, query: &PriceQuery) -> Answered {
    let url = fill_in(&feed.url, query.product, &query.cycle.to_string(), query.currency.code());
    let mut request = client.get(url).header("accept", "application/json");
    if let Some(token) = &feed.token {
        request = request.bearer_auth(token);
    }
    let passing = |error: reqwest::Error| Failure::Passing(error.without_url().to_string());
    let mut response = request.send().await.map_err(passing)?;
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Failure::Passing(format!("it answered {status}")));
    }
    if status != StatusCode::OK {
        return Err(Failure::Final(format!("it answered {status}")));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(passing)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(Failure::Final(format!("its answer is larger than {MAX_ANSWER_BYTES} bytes")));
        }
    }
    read(&body, query.currency).map_err(Failure::Final)
}

/// Ids, cycles and currencies are plain letters and digits, so nothing needs escaping.
fn fill_in(url: &str, product: ProductId, cycle: &str, currency: &str) -> String {
    url.replace("{product}", &product.to_string()).replace("{cycle}", cycle).replace("{currency}", currency)
}

fn read(body: &[u8], currency: Currency) -> Result<Money, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))?;
    if answer.currency != currency.code() {
        return Err(format!("it answered in {:?}", answer.currency));
    }
    let price =
        Money::parse(&answer.price, currency).map_err(|error| format!("its price {:?}: {error}", answer.price))?;
    if price.minor < 0 { Err(format!("its price is negative: {price}")) } else { Ok(price) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_exactly_or_not_at_all() {
        let sek = "SEK".parse().unwrap();
        assert_eq!(read(br#"{"price":"99.50","currency":"SEK","extra":1}"#, sek), Ok(Money::new(9950, sek)));
        for bad in [
            &br#"{"price":99.5,"currency":"SEK"}"#[..],
            br#"{"price":"99.505","currency":"SEK"}"#,
            br#"{"price":"-1","currency":"SEK"}"#,
            br#"{"price":"99.50","currency":"EUR"}"#,
            br#"{"price":"99.50"}"#,
            b"<html>",
            b"",
        ] {
            assert!(read(bad, sek).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_feed_needs_an_address_that_names_the_product() {
        let config = |url: &str| {
            let feed =
                FeedConfig { url: url.to_owned(), cache_for: Duration::ZERO, stale_for: Duration::ZERO, token: None };
            PriceFeeds::new(BTreeMap::from([("registrar".to_owned(), feed)]), Random::seeded(1))
        };
        assert!(config("https://prices.example/{product}?cycle={cycle}&currency={currency}").is_ok());
        for bad in ["ftp://prices.example/{product}", "https://prices.example/", "{product}", ""] {
            assert!(config(bad).is_err(), "{bad:?}");
        }
    }
}
