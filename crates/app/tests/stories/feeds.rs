//! Prices from a feed, and a feed that fails.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{FEED_DEADLINE, FEED_FAILURES_TO_REST, FeedConfig, Outcome};
use perennial_store::runs::RunOrigin;
use perennial_testkit::{FeedBehaviour, Provider, TestFeed, on_both_databases};

use crate::{ledger_of, outcome};

on_both_databases! {
    async fn the_registrar_sets_the_price_of_the_day(kind) {
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service_with(anna, domain, date(2026, 12, 1), |new| new.cycle = "1y".parse().unwrap()).await;
        let own = provider.service_with(anna, domain, date(2026, 12, 1), |new| new.own_price_minor = Some(9900)).await;
        feed.set_price("155.00");
        provider.app.renew(&provider.staff(), &[service, own]).await.unwrap();
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Anna Ek: issued 2026-11-23, due 2026-12-07, 99.00 + 24.75 VAT = 123.75 SEK
          .se domain vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 99.00 = 99.00 | S 25 %
        202600002 Anna Ek: issued 2026-11-23, due 2026-12-07, 155.00 + 38.75 VAT = 193.75 SEK
          .se domain vps.example.net, 2026-12-01 – 2027-11-30 | 1 × 155.00 = 155.00 | S 25 %
        ");
        assert_eq!(feed.requests(), [format!("GET /price?product={domain}&cycle=1y&currency=SEK HTTP/1.1")]);

        // A service that cannot be renewed does not bother the feed.
        let open = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(open, Outcome::Open { .. }));
        assert_eq!(feed.requests().len(), 1);
        provider.assert_well().await;
    }

    async fn whatever_the_feed_does_wrong_nothing_is_written(kind) {
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let other = provider.product_from(".nu domain", "feed:unknown").await;
        let bo = provider.customer("Bo Dahl").await;
        let service = provider.service(bo, domain, date(2026, 12, 1)).await;
        let unconfigured = provider.service(bo, other, date(2026, 12, 1)).await;
        let mut told = Vec::new();
        for behaviour in [
            FeedBehaviour::Answer(404, String::new()),
            FeedBehaviour::Answer(500, String::new()),
            FeedBehaviour::Answer(302, String::new()),
            FeedBehaviour::Answer(200, r#"{"price":149.0,"currency":"SEK"}"#.to_owned()),
            FeedBehaviour::Answer(200, r#"{"price":"149.00","currency":"EUR"}"#.to_owned()),
            FeedBehaviour::Answer(200, r#"{"price":"-1.00","currency":"SEK"}"#.to_owned()),
            FeedBehaviour::Answer(200, "x".repeat(100_000)),
        ] {
            feed.behave(behaviour);
            let Outcome::PriceUnavailable(reason) = outcome(provider.app.renew(&provider.staff(), &[service]).await) else {
                panic!("no price")
            };
            told.push(reason);
        }
        feed.behave(FeedBehaviour::HangUp);
        let hung_up = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(hung_up, Outcome::PriceUnavailable(_)));
        let Outcome::PriceUnavailable(reason) = outcome(provider.app.renew(&provider.staff(), &[unconfigured]).await) else {
            panic!("no price")
        };
        told.push(reason);
        assert_snapshot!(told.join("\n"), @r#"
        price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 404 Not Found
        price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 500 Internal Server Error
        price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 302 Found
        price feed `registrar`, product 1, cycle 1m, currency SEK: its answer cannot be read: invalid type: floating point `149.0`, expected a string at line 1 column 14
        price feed `registrar`, product 1, cycle 1m, currency SEK: it answered in "EUR"
        price feed `registrar`, product 1, cycle 1m, currency SEK: its price is negative: -1.00 SEK
        price feed `registrar`, product 1, cycle 1m, currency SEK: its answer is larger than 65536 bytes
        price feed `unknown`, product 2, cycle 1m, currency SEK: no such feed is configured
        "#);
        assert_eq!(ledger_of(&provider).await, "");
        provider.assert_well().await;
    }

    async fn a_stumble_is_retried_and_forgotten(kind) {
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let clara = provider.customer("Clara Friis").await;
        let service = provider.service(clara, domain, date(2026, 12, 1)).await;
        feed.behave(FeedBehaviour::Flaky(2, r#"{"price":"149.00","currency":"SEK"}"#.to_owned()));
        let renewed = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(renewed, Outcome::Renewed(_)));
        assert_eq!(feed.requests().len(), 3, "two stumbles, then a price");
    }

    async fn the_same_question_is_asked_once_while_it_is_under_way(kind) {
        const CALLERS: usize = 64;
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let disa = provider.customer("Disa Holm").await;
        let mut services = Vec::new();
        for _ in 0..CALLERS {
            services.push(provider.service(disa, domain, date(2026, 12, 1)).await);
        }
        feed.behave(FeedBehaviour::Slow(Duration::from_secs(1), r#"{"price":"149.00","currency":"SEK"}"#.to_owned()));
        let calls = services.into_iter().map(|service| {
            let (app, staff) = (provider.app.clone(), provider.staff());
            tokio::spawn(async move { outcome(app.renew(&staff, &[service]).await) })
        });
        for call in calls.collect::<Vec<_>>() {
            assert!(matches!(call.await.unwrap(), Outcome::Renewed(_)));
        }
        assert!(feed.requests().len() < CALLERS / 8, "{} questions", feed.requests().len());
    }

    async fn a_feed_that_is_away_is_left_alone_after_a_while(kind) {
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let disa = provider.customer("Disa Holm").await;
        let service = provider.service(disa, domain, date(2026, 12, 1)).await;
        feed.behave(FeedBehaviour::HangUp);
        for _ in 0..FEED_FAILURES_TO_REST {
            let failed = outcome(provider.app.renew(&provider.staff(), &[service]).await);
            assert!(matches!(failed, Outcome::PriceUnavailable(_)), "{failed:?}");
        }
        let asked = feed.requests().len();
        feed.set_price("149.00");
        let Outcome::PriceUnavailable(reason) = outcome(provider.app.renew(&provider.staff(), &[service]).await) else {
            panic!("it is left alone")
        };
        assert!(reason.contains("it did not answer several times, and is not asked for another "), "{reason}");
        assert_eq!(feed.requests().len(), asked);
        provider.assert_well().await;
    }

    async fn an_old_answer_is_taken_only_if_the_provider_allows_it(kind) {
        for (stale_for, is_renewed) in [(Duration::from_secs(3_600), true), (Duration::ZERO, false)] {
            let feed = TestFeed::start("149.00").await;
            let provider = Provider::with_stale_feed(kind, Some(feed.url()), stale_for).await;
            let domain = provider.product_from(".se domain", "feed:registrar").await;
            let erik = provider.customer("Erik Lund").await;
            let first = provider.service(erik, domain, date(2026, 12, 1)).await;
            let second = provider.service(erik, domain, date(2026, 12, 1)).await;
            provider.app.renew(&provider.staff(), &[first]).await.unwrap();
            feed.behave(FeedBehaviour::HangUp);
            match outcome(provider.app.renew(&provider.staff(), &[second]).await) {
                Outcome::Renewed(renewed) => assert_eq!(renewed.plan.lines[0].unit_price.minor, 14_900),
                _ => assert!(!is_renewed),
            }
            let issued = ledger_of(&provider).await.matches(".se domain").count();
            assert_eq!(issued, 1 + usize::from(is_renewed));
            // What it says is not put aside for what it said.
            let third = provider.service(erik, domain, date(2026, 12, 1)).await;
            feed.behave(FeedBehaviour::Answer(404, String::new()));
            let gone = outcome(provider.app.renew(&provider.staff(), &[third]).await);
            assert!(matches!(gone, Outcome::PriceUnavailable(_)), "{gone:?}");
            provider.assert_well().await;
        }
    }

    async fn a_silent_feed_holds_up_nobody_else(kind) {
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let daniel = provider.customer("Daniel Ek").await;
        let slow = provider.service(daniel, domain, date(2026, 12, 1)).await;
        let quick = provider.service(daniel, server, date(2026, 12, 1)).await;
        feed.behave(FeedBehaviour::Silent(Duration::from_secs(60)));
        let (app, staff) = (provider.app.clone(), provider.staff());
        let started = Instant::now();
        let waiting = tokio::spawn(async move { outcome(app.renew(&staff, &[slow]).await) });
        let renewed = outcome(provider.app.renew(&provider.staff(), &[quick]).await);
        assert!(matches!(renewed, Outcome::Renewed(_)));
        assert!(!waiting.is_finished(), "the quick one did not wait for the slow one");
        let Outcome::PriceUnavailable(_) = waiting.await.unwrap() else { panic!("no price") };
        assert!(started.elapsed() < FEED_DEADLINE + Duration::from_secs(2), "the deadline holds");
        provider.assert_well().await;
    }

    async fn a_run_asks_for_many_prices_at_once(kind) {
        let feed = TestFeed::start("149.00").await;
        let config = FeedConfig {
            url: feed.url(),
            bulk_url: Some(feed.bulk_url()),
            cache_for: Duration::ZERO,
            stale_for: Duration::ZERO,
            token: None,
        };
        let provider = Provider::with_configured_feed(kind, Some(config)).await;
        let anna = provider.customer("Anna Ek").await;
        let mut domains = Vec::new();
        for name in [".se domain", ".nu domain", ".com domain"] {
            let domain = provider.product_from(name, "feed:registrar").await;
            provider.service(anna, domain, date(2026, 12, 1)).await;
            domains.push(domain);
        }
        // One of them is not told, one in a currency that was not asked for.
        let priced = |product, currency: &str| format!(r#"{{"product":{product},"cycle":"1m","currency":"{currency}","price":"9.90"}}"#);
        let prices = [priced(domains[0], "SEK"), priced(domains[1], "EUR")].join(",");
        feed.behave(FeedBehaviour::Answer(200, format!(r#"{{"prices":[{prices}]}}"#)));
        let stop = tokio::sync::watch::channel(false).1;
        let report = provider.app.run(provider.id(), RunOrigin::Request, None, stop, |_| {}).await.unwrap();
        assert_eq!((report.renewed, report.counts.failed), (1, 2));
        let asked = feed.requests();
        assert_eq!(asked.len(), 1, "{asked:?}");
        let questions = asked[0].strip_prefix("POST /prices HTTP/1.1 ").unwrap();
        let questions: serde_json::Value = serde_json::from_str(questions).unwrap();
        let mut products: Vec<i64> =
            questions["questions"].as_array().unwrap().iter().map(|q| q["product"].as_i64().unwrap()).collect();
        products.sort_unstable();
        assert_eq!(products, domains.iter().map(|domain| domain.0).collect::<Vec<_>>());
        assert_eq!(questions["questions"][0]["cycle"], "1m");
        let failed = provider.database.sql("select reason from run_services order by service_id").unwrap();
        assert_snapshot!(failed.trim(), @r#"
        price feed `registrar`, product 2, cycle 1m, currency SEK: it answered in "EUR"
        price feed `registrar`, product 3, cycle 1m, currency SEK: its answer has no price for it
        "#);
        let counted = provider.app.feed_reports();
        assert_snapshot!(format!("{:?} {} {}", counted[0].outcomes, counted[0].times.iter().sum::<u64>(), counted[0].is_resting), @"[1, 2, 0, 0, 0] 1 false");
        // A single price is asked for as ever.
        feed.set_price("9.90");
        let last = provider.app.renew(&provider.staff(), &[perennial_billing::ServiceId(3)]).await;
        assert!(matches!(outcome(last), Outcome::Renewed(_)));
        assert!(feed.requests()[1].starts_with("GET /price"));
        provider.assert_well().await;
    }
}
