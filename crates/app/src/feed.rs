//! HTTP price feeds: today's price from a registrar or another system.
//!
//! A feed is asked with `GET` at its configured address, in which `{product}`, `{cycle}` and `{currency}` are replaced,
//! and answers `{"price": "99.00", "currency": "SEK"}`: the price of one for one period without tax, as a decimal text.
//! Everything else (another status, another currency, a number instead of a text) means that there is no price now. A feed
//! that can tell many prices at once is asked for those with one `POST`.

mod breaker;
mod memory;
mod metrics;
mod question;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use perennial_billing::{Currency, Cycle, Money, ProductId};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use self::breaker::Breaker;
use self::memory::Memory;
use self::metrics::Metrics;
use self::question::{Prices, Question, fill_in};
use crate::{Random, http};

pub use self::breaker::{FEED_FAILURES_TO_REST, FEED_REST};
pub use self::metrics::{FEED_TIME_CLASSES_MS, FeedOutcome, FeedReport};
pub use self::question::{FEED_BULK_DEADLINE, MAX_BULK_PRICES};

/// How long a feed has for a price, all tries together.
pub const FEED_DEADLINE: Duration = Duration::from_secs(5);
/// How long one try may take, so that a second one fits into the deadline.
pub const FEED_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Tries after the first.
pub const FEED_RETRIES: u32 = 2;
/// The pause before a retry: this, times the number of the try, plus up to as much again at random.
const RETRY_PAUSE_MS: u64 = 100;
/// Questions that a feed is asked at the same time; more wait for their turn.
const MAX_QUESTIONS: usize = 32;
/// How long a question waits for its turn.
const QUESTION_WAIT: Duration = Duration::from_secs(5);

/// A configured feed.
#[derive(Clone)]
pub struct FeedConfig {
    /// The address, with `{product}`, `{cycle}` and `{currency}` in it.
    pub url: String,
    /// The address at which it tells many prices at once, if it can.
    pub bulk_url: Option<String>,
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
        shown
            .field("url", &self.url)
            .field("bulk_url", &self.bulk_url)
            .field("cache_for", &self.cache_for)
            .field("stale_for", &self.stale_for);
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
    metrics: Metrics,
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
            if let Some(bulk) = &feed.bulk_url {
                let url = reqwest::Url::parse(bulk).map_err(|e| error(&format!("its bulk_url is not valid: {e}")))?;
                if !matches!(url.scheme(), "http" | "https") {
                    return Err(error("its bulk_url must begin with http:// or https://"));
                }
            }
        }
        let client = match feeds.keys().next() {
            Some(name) => {
                let client = http::client(FEED_ATTEMPT_TIMEOUT, FEED_ATTEMPT_TIMEOUT);
                Some(client.map_err(|reason| FeedConfigError { name: name.clone(), reason })?)
            }
            None => None,
        };
        let feed = |config| Feed {
            config,
            memory: Memory::default(),
            breaker: Mutex::default(),
            questions: Semaphore::new(MAX_QUESTIONS),
            metrics: Metrics::default(),
        };
        let feeds = feeds.into_iter().map(|(name, config)| (name, feed(config))).collect();
        Ok(Self { feeds, client, random })
    }

    /// The names of the configured feeds.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.feeds.keys().map(String::as_str)
    }

    /// What was counted about each feed.
    pub(crate) fn report(&self) -> Vec<FeedReport> {
        let now = Instant::now();
        self.feeds.iter().map(|(name, feed)| feed.metrics.report(name, feed.breaker().is_resting(now))).collect()
    }

    /// The current price, from an answer that is still good or by asking, which takes [`FEED_DEADLINE`] at most once it is
    /// its turn.
    pub(crate) async fn price(&self, query: &PriceQuery) -> Result<Money, PriceUnavailable> {
        let (Some(feed), Some(client)) = (self.feeds.get(&query.feed), &self.client) else {
            return Err(query.unavailable("no such feed is configured"));
        };
        if let Some(price) = feed.remembered(query) {
            return Ok(price);
        }
        let ask = async {
            match self.ask(client, feed, Question::One(query)).await {
                Ok(prices) => prices.into_iter().next().unwrap_or_else(|| Err(String::new())).map_err(Failure::Final),
                Err(reason) => Err(Failure::Passing(reason)),
            }
        };
        feed.settled(query, feed.memory.once(query, ask).await)
    }

    /// The feeds that tell many prices at once, with what they are asked for here, as far as that is more than one price
    /// that is not known; and what is left to be asked one by one.
    pub(crate) fn bulk(&self, queries: Vec<PriceQuery>) -> (HashMap<String, Vec<PriceQuery>>, Vec<PriceQuery>) {
        let (mut bulk, mut single) = (HashMap::<String, Vec<PriceQuery>>::new(), Vec::new());
        for query in queries {
            let feed = self.feeds.get(&query.feed).filter(|feed| feed.config.bulk_url.is_some());
            let is_known = |feed: &Feed| feed.memory.answer(&query, feed.config.cache_for).is_some();
            match feed {
                Some(feed) if !is_known(feed) => bulk.entry(query.feed.clone()).or_default().push(query),
                _ => single.push(query),
            }
        }
        bulk.retain(|_, queries| {
            let is_many = queries.len() > 1;
            if !is_many {
                single.append(queries);
            }
            is_many
        });
        (bulk, single)
    }

    /// The current prices from one feed that tells many at once, [`MAX_BULK_PRICES`] a question.
    pub(crate) async fn prices(
        &self,
        name: &str,
        queries: Vec<PriceQuery>,
    ) -> Vec<(PriceQuery, Result<Money, PriceUnavailable>)> {
        let mut told = Vec::with_capacity(queries.len());
        let feed = self.feeds.get(name);
        let (Some(feed), Some(client)) = (feed, &self.client) else { return told };
        let url = feed.config.bulk_url.as_deref().unwrap_or_default();
        for part in queries.chunks(MAX_BULK_PRICES) {
            let asked: Vec<&PriceQuery> = part.iter().collect();
            let answered = self.ask(client, feed, Question::Many(url, &asked)).await;
            let mut prices = match answered {
                Ok(prices) => prices.into_iter().map(|price| price.map_err(Failure::Final)).collect::<Vec<_>>(),
                Err(reason) => vec![Err(Failure::Passing(reason)); part.len()],
            }
            .into_iter();
            for query in part {
                let price = prices.next().unwrap_or_else(|| Err(Failure::Final("it told nothing".to_owned())));
                told.push((query.clone(), feed.settled(query, price)));
            }
        }
        told
    }

    /// Asks, unless the feed is left alone, and remembers what it says. The error is that it did not answer.
    async fn ask(&self, client: &reqwest::Client, feed: &Feed, question: Question<'_>) -> Result<Prices, String> {
        let count = |outcome| feed.metrics.count(outcome, question.prices());
        // Nobody closes it, so it is time that is up. That many ask is not the feed's fault.
        let Ok(_turn) = timeout(QUESTION_WAIT, feed.questions.acquire()).await else {
            count(FeedOutcome::Busy);
            let seconds = QUESTION_WAIT.as_secs();
            return Err(format!(
                "{MAX_QUESTIONS} other questions are under way, and this one had to wait for {seconds} s"
            ));
        };
        let begun = Instant::now();
        if let Err(rest) = feed.breaker().enter(begun) {
            count(FeedOutcome::Resting);
            let seconds = rest.as_secs() + 1;
            return Err(format!("it did not answer several times, and is not asked for another {seconds} s"));
        }
        let answered = timeout(question.deadline(), self.ask_again(client, &feed.config, question)).await;
        let answered =
            answered.unwrap_or_else(|_| Err(format!("no answer within {} s", question.deadline().as_secs())));
        feed.metrics.took(begun.elapsed());
        match &answered {
            Err(_) => {
                count(FeedOutcome::Failed);
                feed.breaker().failed(Instant::now());
            }
            Ok(prices) => {
                feed.breaker().answered();
                let good = prices.iter().filter(|price| price.is_ok()).count();
                feed.metrics.count(FeedOutcome::Answered, good);
                feed.metrics.count(FeedOutcome::Refused, prices.len() - good);
            }
        }
        answered
    }

    async fn ask_again(
        &self,
        client: &reqwest::Client,
        feed: &FeedConfig,
        question: Question<'_>,
    ) -> Result<Prices, String> {
        let mut tries = 0;
        loop {
            match question.ask(client, feed).await {
                Err(_) if tries < FEED_RETRIES => {
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

impl PriceQuery {
    fn unavailable(&self, reason: impl Into<String>) -> PriceUnavailable {
        PriceUnavailable {
            feed: self.feed.clone(),
            product: self.product,
            cycle: self.cycle,
            currency: self.currency,
            reason: reason.into(),
        }
    }
}

impl Feed {
    /// An answer that is still good.
    fn remembered(&self, query: &PriceQuery) -> Option<Money> {
        let (_, price) = self.memory.answer(query, self.config.cache_for)?;
        self.metrics.remembered();
        Some(price)
    }

    /// Remembers a price, or takes an old one where there is none and that is allowed.
    fn settled(&self, query: &PriceQuery, answered: Answered) -> Result<Money, PriceUnavailable> {
        match answered {
            Ok(price) => {
                if self.config.cache_for + self.config.stale_for > Duration::ZERO {
                    self.memory.remember(query, price);
                }
                Ok(price)
            }
            Err(Failure::Final(reason)) => Err(query.unavailable(reason)),
            Err(Failure::Passing(reason)) => {
                let stale = self.memory.answer(query, self.config.stale_for);
                let unavailable = query.unavailable(reason);
                let Some((age, price)) = stale else { return Err(unavailable) };
                self.metrics.stale();
                tracing::warn!("{unavailable}; {price}, its answer of {} s ago, is taken", age.as_secs());
                Ok(price)
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_needs_an_address_that_names_the_product() {
        let config = |url: &str, bulk: Option<&str>| {
            let (url, bulk_url) = (url.to_owned(), bulk.map(str::to_owned));
            let (cache_for, stale_for) = (Duration::ZERO, Duration::ZERO);
            let feed = FeedConfig { url, bulk_url, cache_for, stale_for, token: None };
            PriceFeeds::new(BTreeMap::from([("registrar".to_owned(), feed)]), Random::seeded(1))
        };
        let good = "https://prices.example/{product}?cycle={cycle}&currency={currency}";
        assert!(config(good, None).is_ok() && config(good, Some("https://prices.example/all")).is_ok());
        for bad in ["", "prices.example/all", "ftp://prices.example/all"] {
            assert!(config(good, Some(bad)).is_err(), "{bad:?}");
        }
        for bad in ["ftp://prices.example/{product}", "https://prices.example/", "{product}", ""] {
            assert!(config(bad, None).is_err(), "{bad:?}");
        }
    }
}
