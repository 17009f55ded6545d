//! What price feeds are asked for services, and what they answered: between two looks at the database, never within a
//! transaction.

use std::collections::{HashMap, HashSet};

use perennial_billing::renewal::{Addon, Facts, Item, Refusal};
use perennial_billing::{Cycle, Money, PriceSource};
use perennial_store::renewals::Gathered;
use tokio::task::JoinSet;

use crate::feed::{FeedReport, PriceQuery};
use crate::{App, PriceUnavailable};

/// What price feeds answered, or why they gave nothing.
pub(crate) type Fed = HashMap<PriceQuery, Result<Money, PriceUnavailable>>;

impl App {
    /// What was counted about each price feed since the program started.
    #[must_use]
    pub fn feed_reports(&self) -> Vec<FeedReport> {
        self.feeds.report()
    }

    /// Asks price feeds, all at once; those that tell many prices in one answer, for all of theirs.
    pub(crate) async fn ask_feeds(&self, queries: impl IntoIterator<Item = PriceQuery>) -> Fed {
        let (bulk, single) = self.feeds.bulk(queries.into_iter().collect());
        let mut asked = JoinSet::new();
        let mut told = Fed::new();
        let mut many = JoinSet::new();
        for (name, queries) in bulk {
            let feeds = self.feeds.clone();
            many.spawn(async move { feeds.prices(&name, queries).await });
        }
        for query in single {
            let feeds = self.feeds.clone();
            asked.spawn(async move {
                let price = feeds.price(&query).await;
                (query, price)
            });
        }
        told.extend(asked.join_all().await);
        told.extend(many.join_all().await.into_iter().flatten());
        told
    }
}

/// What the feeds have to be asked for and have not been yet.
pub(crate) fn missing_prices(found: &Gathered, fed: &Fed) -> HashSet<PriceQuery> {
    queries_of(found).filter(|query| !fed.contains_key(query)).collect()
}

/// Why there is no price: what a feed said, or that the catalogue has none.
pub(crate) fn why_no_price(found: &Gathered, fed: &Fed, refusal: &Refusal) -> String {
    feed_failure(found, fed).unwrap_or_else(|| refusal.to_string())
}

/// What a feed said instead of a price.
pub(crate) fn feed_failure(found: &Gathered, fed: &Fed) -> Option<String> {
    queries_of(found).find_map(|query| fed.get(&query)?.as_ref().err().map(ToString::to_string))
}

/// What the feeds have to be asked for one service and its add-ons.
fn queries_of(gathered: &Gathered) -> impl Iterator<Item = PriceQuery> {
    let facts = &gathered.facts;
    let own = std::iter::once((&facts.item, &gathered.price_source));
    let addons = facts.addons.iter().zip(&gathered.addon_price_sources);
    let own = own.map(|(item, source)| (item, facts.schedule.cycle, source));
    let addons = addons.map(|(addon, source)| (&addon.item, cycle_of(facts, addon), source));
    own.chain(addons).filter_map(|(item, cycle, source)| query(facts, item, cycle, source))
}

/// For which cycle an add-on is priced.
fn cycle_of(facts: &Facts, addon: &Addon) -> Cycle {
    addon.term.map_or(facts.schedule.cycle, |term| term.schedule.cycle)
}

fn query(facts: &Facts, item: &Item, cycle: Cycle, source: &PriceSource) -> Option<PriceQuery> {
    match source {
        // Also while a price of its own holds that will end: previews look beyond that day.
        PriceSource::Feed(feed) if item.rule.may_follow() => {
            Some(PriceQuery { feed: feed.clone(), product: item.product, cycle, currency: facts.currency })
        }
        _ => None,
    }
}

/// Puts what the feeds answered into the facts.
pub(crate) fn fill_in(gathered: &mut Gathered, fed: &Fed) {
    let facts = &gathered.facts;
    let price = |item: &Item, cycle: Cycle, source: &PriceSource| {
        query(facts, item, cycle, source).and_then(|query| fed.get(&query)?.as_ref().ok().copied())
    };
    let own = price(&facts.item, facts.schedule.cycle, &gathered.price_source);
    let addons = facts.addons.iter().zip(&gathered.addon_price_sources);
    let addons: Vec<_> = addons.map(|(addon, source)| price(&addon.item, cycle_of(facts, addon), source)).collect();
    gathered.facts.item.fed_price = own;
    for (addon, price) in gathered.facts.addons.iter_mut().zip(addons) {
        addon.item.fed_price = price;
    }
}
