//! A question to a feed, for one price or for many, and its answer.

use std::collections::HashMap;
use std::time::Duration;

use perennial_billing::{Currency, Cycle, Money, ProductId};
use reqwest::{RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize};

use super::{FEED_ATTEMPT_TIMEOUT, FEED_DEADLINE, FeedConfig, PriceQuery};
use crate::http::{self, Unread};

/// Prices that one question asks for at most.
pub const MAX_BULK_PRICES: usize = 200;
/// How long a feed has for many prices, all tries together.
pub const FEED_BULK_DEADLINE: Duration = Duration::from_secs(15);
/// How long one try for many prices may take.
const BULK_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// Bytes of an answer with one price that are read at most.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Bytes of an answer with many prices that are read at most.
const MAX_BULK_ANSWER_BYTES: usize = 1024 * 1024;

/// For each price that was asked for: it, or why there is none, which will not change.
pub(super) type Prices = Vec<Result<Money, String>>;

/// What is asked in one request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question<'a> {
    /// One price, at the feed's address.
    One(&'a PriceQuery),
    /// Many, at its address for many.
    Many(&'a str, &'a [&'a PriceQuery]),
}

#[derive(Deserialize)]
struct Answer {
    price: String,
    currency: String,
}

#[derive(Serialize)]
struct Questions {
    questions: Vec<Asked>,
}

#[derive(Serialize)]
struct Asked {
    product: i64,
    cycle: String,
    currency: String,
}

#[derive(Deserialize)]
struct Answers {
    prices: Vec<Priced>,
}

#[derive(Deserialize)]
struct Priced {
    product: i64,
    cycle: Cycle,
    currency: String,
    price: String,
}

impl Question<'_> {
    /// How many prices it asks for.
    pub fn prices(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(_, queries) => queries.len(),
        }
    }

    /// How long the feed has, all tries together.
    pub fn deadline(self) -> Duration {
        match self {
            Self::One(_) => FEED_DEADLINE,
            Self::Many(..) => FEED_BULK_DEADLINE,
        }
    }

    /// Asks once. The error is that there was no answer, and that asking again may help.
    pub async fn ask(self, client: &reqwest::Client, feed: &FeedConfig) -> Result<Prices, String> {
        let mut request = self.request(client, feed).header("accept", "application/json");
        if let Some(token) = &feed.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(http::told)?;
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(format!("it answered {status}"));
        }
        let no_price = |reason: String| Ok(vec![Err(reason); self.prices()]);
        if status != StatusCode::OK {
            return no_price(format!("it answered {status}"));
        }
        let limit = if matches!(self, Self::One(_)) { MAX_ANSWER_BYTES } else { MAX_BULK_ANSWER_BYTES };
        let body = match http::body(response, limit).await {
            Ok(body) => body,
            Err(Unread::Broken(reason)) => return Err(reason),
            Err(Unread::TooLarge(limit)) => return no_price(format!("its answer is larger than {limit} bytes")),
        };
        match self {
            Self::One(query) => Ok(vec![read(&body, query.currency)]),
            Self::Many(_, queries) => read_many(&body, queries).or_else(no_price),
        }
    }

    fn request(self, client: &reqwest::Client, feed: &FeedConfig) -> RequestBuilder {
        match self {
            Self::One(query) => {
                let url = fill_in(&feed.url, query.product, &query.cycle.to_string(), query.currency.code());
                client.get(url).timeout(FEED_ATTEMPT_TIMEOUT)
            }
            Self::Many(url, queries) => {
                let asked = |query: &&PriceQuery| Asked {
                    product: query.product.0,
                    cycle: query.cycle.to_string(),
                    currency: query.currency.code().to_owned(),
                };
                let questions = Questions { questions: queries.iter().map(asked).collect() };
                client.post(url).timeout(BULK_ATTEMPT_TIMEOUT).json(&questions)
            }
        }
    }
}

/// Ids, cycles and currencies are plain letters and digits, so nothing needs escaping.
pub(super) fn fill_in(url: &str, product: ProductId, cycle: &str, currency: &str) -> String {
    url.replace("{product}", &product.to_string()).replace("{cycle}", cycle).replace("{currency}", currency)
}

fn read(body: &[u8], currency: Currency) -> Result<Money, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))?;
    price(&answer.price, &answer.currency, currency)
}

fn read_many(body: &[u8], queries: &[&PriceQuery]) -> Result<Prices, String> {
    let answers: Answers =
        serde_json::from_slice(body).map_err(|error| format!("its answer cannot be read: {error}"))?;
    // A price in another currency than was asked for is found, and refused, like the one of a single question.
    let mut found: HashMap<(i64, Cycle), Vec<Priced>> = HashMap::new();
    for priced in answers.prices {
        found.entry((priced.product, priced.cycle)).or_default().push(priced);
    }
    let one = |query: &&PriceQuery| {
        let known = found.get(&(query.product.0, query.cycle)).map_or(&[][..], Vec::as_slice);
        let fitting = known.iter().find(|priced| priced.currency == query.currency.code()).or(known.first());
        let priced = fitting.ok_or_else(|| "its answer has no price for it".to_owned())?;
        price(&priced.price, &priced.currency, query.currency)
    };
    Ok(queries.iter().map(one).collect())
}

fn price(text: &str, code: &str, currency: Currency) -> Result<Money, String> {
    if code != currency.code() {
        return Err(format!("it answered in {code:?}"));
    }
    let price = Money::parse(text, currency).map_err(|error| format!("its price {text:?}: {error}"))?;
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
    fn each_of_many_prices_is_found_whatever_the_order() {
        let sek: Currency = "SEK".parse().unwrap();
        let query = |product, cycle: &str| PriceQuery {
            feed: "registrar".to_owned(),
            product: ProductId(product),
            cycle: cycle.parse().unwrap(),
            currency: sek,
        };
        let queries = [query(1, "1y"), query(1, "2y"), query(2, "1y"), query(3, "1y"), query(4, "1y")];
        let body = br#"{"prices":[{"product":2,"cycle":"1y","currency":"EUR","price":"9.00"},
            {"product":1,"cycle":"2y","currency":"SEK","price":"180.00"},
            {"product":1,"cycle":"1y","currency":"EUR","price":"9.00"},
            {"product":1,"cycle":"1y","currency":"SEK","price":"99.00"},
            {"product":4,"cycle":"1y","currency":"SEK","price":"-1.00"},
            {"product":9,"cycle":"1y","currency":"SEK","price":"1.00"}]}"#;
        let queries: Vec<&PriceQuery> = queries.iter().collect();
        let told: Vec<String> = read_many(body, &queries)
            .unwrap()
            .into_iter()
            .map(|price| price.map_or_else(|reason| reason, |price| price.to_string()))
            .collect();
        assert_eq!(
            told,
            [
                "99.00 SEK",
                "180.00 SEK",
                "it answered in \"EUR\"",
                "its answer has no price for it",
                "its price is negative: -1.00 SEK"
            ]
        );
        for bad in [&b""[..], b"[]", b"{}", br#"{"prices":[{"product":"1"}]}"#] {
            assert!(read_many(bad, &queries).is_err());
        }
    }
}
