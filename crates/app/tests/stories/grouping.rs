//! Group commit: many callers, one transaction, an outcome each.

use std::time::Duration;

use jiff::civil::date;
use perennial_app::{AppError, MAX_GROUP_REQUESTS, Outcome, QUEUE_CAPACITY_REQUESTS, RenewalQueue};
use perennial_billing::{ServiceId, ServiceStatus};
use perennial_testkit::{FeedBehaviour, Kind, Provider, TestFeed, on_both_databases};
use tokio::task::JoinSet;

on_both_databases! {
    async fn everybody_gets_an_outcome_of_their_own(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let mut services = Vec::new();
        for nth in 0..30 {
            let change = |new: &mut perennial_app::NewService| {
                new.status = if nth % 5 == 0 { ServiceStatus::Cancelled } else { ServiceStatus::Active };
            };
            services.push(provider.service_with(anna, server, date(2026, 12, 1), change).await);
        }
        services.push(ServiceId(9_999));
        let bos = provider.app.authenticate(&provider.key("write:billing", Some(bo)).await, None).await.unwrap().unwrap();
        let (queue, workers) = RenewalQueue::start(&provider.app);
        let mut calls = JoinSet::new();
        for service in services {
            for caller in [provider.staff(), provider.staff(), bos] {
                let queue = queue.clone();
                calls.spawn(async move { (caller.customer, queue.renew(caller, service).await.unwrap()) });
            }
        }
        let (mut renewed, mut open, mut refused, mut unseen) = (0, 0, 0, 0);
        for (customer, outcome) in calls.join_all().await {
            match outcome {
                Outcome::Renewed(_) => renewed += 1,
                Outcome::Open { .. } => open += 1,
                Outcome::Refused(_) => refused += 1,
                Outcome::NotFound => unseen += 1,
                other => panic!("{other:?}"),
            }
            assert!(customer.is_none() || unseen > 0, "Bo sees none of Anna's");
        }
        assert_eq!((renewed, open, refused, unseen), (24, 24, 12, 30 + 3));
        drop(queue);
        workers.finish().await;
        provider.assert_well().await;
    }

    async fn a_sick_request_stands_alone(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let sick_product = provider.product("Sick", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let mut healthy = Vec::new();
        for _ in 0..20 {
            healthy.push(provider.service(anna, server, date(2026, 12, 1)).await);
        }
        let sick = provider.service(anna, sick_product, date(2026, 12, 1)).await;
        let break_it = format!("update products set price_source = 'nonsense' where id = {sick_product}");
        provider.database.sql(&break_it).unwrap();
        let (queue, _workers) = RenewalQueue::start(&provider.app);
        let mut calls = JoinSet::new();
        for service in healthy.into_iter().chain([sick]) {
            let (queue, staff) = (queue.clone(), provider.staff());
            calls.spawn(async move { (service, queue.renew(staff, service).await) });
        }
        for (service, outcome) in calls.join_all().await {
            match outcome {
                Ok(Outcome::Renewed(_)) => assert_ne!(service, sick),
                Err(AppError::Store(error)) => assert_eq!(service, sick, "{error}"),
                other => panic!("{service}: {other:?}"),
            }
        }
        provider.database.sql(&break_it.replace("nonsense", "catalogue")).unwrap();
        provider.assert_well().await;
    }

    async fn a_slow_feed_steps_aside(kind) {
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let slow = provider.service(anna, domain, date(2026, 12, 1)).await;
        let fed = provider.service(anna, domain, date(2026, 12, 1)).await;
        let quick = provider.service(anna, server, date(2026, 12, 1)).await;
        let (queue, _workers) = RenewalQueue::start(&provider.app);
        assert!(matches!(queue.renew(provider.staff(), fed).await, Ok(Outcome::Renewed(_))));
        feed.behave(FeedBehaviour::Silent(Duration::from_secs(60)));
        let (aside, staff) = (queue.clone(), provider.staff());
        let waiting = tokio::spawn(async move { aside.renew(staff, slow).await });
        tokio::task::yield_now().await;
        assert!(matches!(queue.renew(provider.staff(), quick).await, Ok(Outcome::Renewed(_))));
        assert!(!waiting.is_finished());
        assert!(matches!(waiting.await.unwrap(), Ok(Outcome::PriceUnavailable(_))));
        provider.assert_well().await;
    }

    async fn a_full_queue_turns_away_and_what_was_taken_is_done(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let (queue, workers) = RenewalQueue::start(&provider.app);
        let mut calls = JoinSet::new();
        for _ in 0..2 * (QUEUE_CAPACITY_REQUESTS + 3 * MAX_GROUP_REQUESTS) {
            let (queue, staff) = (queue.clone(), provider.staff());
            calls.spawn(async move { queue.renew(staff, service).await });
        }
        drop(queue);
        let (mut done, mut busy) = (0, 0);
        for outcome in calls.join_all().await {
            match outcome {
                Ok(Outcome::Renewed(_) | Outcome::Open { .. }) => done += 1,
                Err(AppError::Busy) => busy += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(done > 0 && done + busy == 2 * (QUEUE_CAPACITY_REQUESTS + 3 * MAX_GROUP_REQUESTS), "{done} done, {busy} busy");
        workers.finish().await;
        assert_eq!(provider.database.sql("select count(*) from invoices").unwrap().trim(), "1");
        provider.assert_well().await;
    }

    async fn postgres_writes_in_one_call_and_a_role_that_may_not_create_functions_still_renews(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let mut services = Vec::new();
        for _ in 0..6 {
            services.push(provider.service(anna, server, date(2026, 12, 1)).await);
        }
        provider.app.renew(&provider.staff(), &services[..3]).await.unwrap();
        if kind == Kind::Postgres {
            let functions = "select count(*) from pg_proc where proname like 'perennial_renew%'";
            assert_eq!(provider.database.sql(functions).unwrap().trim(), "1");
            provider.database.sql(
                "do $$ declare f regprocedure; begin \
                 select oid::regprocedure into f from pg_proc where proname like 'perennial_renew%'; \
                 execute 'drop function ' || f; end $$; \
                 create function refuse() returns event_trigger language plpgsql as \
                 $$ begin raise exception 'functions are not yours to create'; end $$; \
                 create event trigger no_functions on ddl_command_start when tag in ('CREATE FUNCTION') \
                 execute function refuse()",
            )
            .unwrap();
        }
        let node = provider.second_node().await;
        node.renew(&provider.staff(), &services[3..]).await.unwrap();
        let numbers = provider.database.sql("select number from invoices order by number").unwrap();
        assert_eq!(numbers.lines().collect::<Vec<_>>(), (1..=6).map(|n| format!("20260000{n}")).collect::<Vec<_>>());
        provider.assert_well().await;
    }
}
