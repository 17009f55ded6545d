//! What a feed has answered, and what it is being asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use perennial_billing::Money;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::{Answered, PriceQuery};

/// Answers that are remembered at most; then all are forgotten.
const MAX_CACHED_ANSWERS: usize = 10_000;

/// What a feed has answered, and what it is being asked.
#[derive(Debug, Default)]
pub(super) struct Memory {
    answers: Mutex<HashMap<PriceQuery, (Instant, Money)>>,
    under_way: Mutex<HashMap<PriceQuery, Arc<OnceCell<Answered>>>>,
}

impl Memory {
    /// An answer that is not older than this.
    pub fn answer(&self, query: &PriceQuery, at_most: Duration) -> Option<(Duration, Money)> {
        let answers = lock(&self.answers);
        let (age, price) = answers.get(query).map(|(since, price)| (since.elapsed(), *price))?;
        (age < at_most).then_some((age, price))
    }

    /// Remembers an answer.
    pub fn remember(&self, query: &PriceQuery, price: Money) {
        let mut answers = lock(&self.answers);
        if answers.len() >= MAX_CACHED_ANSWERS {
            answers.clear();
        }
        answers.insert(query.clone(), (Instant::now(), price));
    }

    /// Asks, or waits for the answer to the same question of somebody else. If that one goes away, the next one asks.
    pub async fn once(&self, query: &PriceQuery, ask: impl Future<Output = Answered>) -> Answered {
        let shared = lock(&self.under_way).entry(query.clone()).or_default().clone();
        let answered = shared.get_or_init(|| ask).await.clone();
        let mut under_way = lock(&self.under_way);
        if under_way.get(query).is_some_and(|known| Arc::ptr_eq(known, &shared)) {
            under_way.remove(query);
        }
        answered
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
