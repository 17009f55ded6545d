//! The renewal run: what it takes, what it leaves alone, and how it is explained.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{
    Actor, App, AppError, CancelRequest, Clock, Outcome, PreviewOf, PriceFeeds, Random, RunReport, Stop,
};
use perennial_billing::{Invoicing, LeadScope, RunId, ServiceId, ServiceStatus};
use perennial_store::cancellations::CancellationTiming;
use perennial_store::runs::{self, RunOrigin};
use perennial_store::{customers, sellers, services};
use perennial_testkit::{FeedBehaviour, Provider, TestFeed, on_both_databases};
use tokio::sync::watch;

use crate::{ledger_of, outcome};

/// Nobody tells it to stop.
fn never() -> Stop {
    watch::channel(false).1
}

/// Runs what is due today.
async fn run(provider: &Provider) -> RunReport {
    provider.app.run(provider.id(), RunOrigin::Request, None, never(), |_| {}).await.expect("a run")
}

/// A run in a line, with what it did not renew.
async fn told(provider: &Provider, report: &RunReport) -> String {
    let mut conn = provider.app.store.read().await.unwrap();
    let problems = runs::problems(&mut conn, provider.id(), report.run.id, ServiceId(0), 100).await.unwrap();
    let mut text = format!(
        "{}: found {}, renewed {} on {} invoices, skipped {}, failed {}",
        report.run.day,
        report.run.found,
        report.renewed,
        report.invoices(),
        report.counts.skipped,
        report.counts.failed
    );
    for problem in problems {
        text.push_str(&format!("\n  service {}, {} in a row: {}", problem.service, problem.failures, problem.reason));
    }
    text
}

async fn explained(provider: &Provider, service: ServiceId) -> String {
    provider.app.explain(&provider.staff(), service, None).await.expect("an explanation").sentences.join("\n")
}

async fn change_rules(provider: &Provider, change: impl FnOnce(&mut sellers::RunRules)) {
    let mut conn = provider.app.store.read().await.unwrap();
    let mut seller = sellers::get(&mut conn, provider.id()).await.unwrap().unwrap();
    drop(conn);
    change(&mut seller.runs);
    provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
}

on_both_databases! {
    async fn what_falls_due_together_stands_on_one_invoice(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let backup = provider.product("Backup", "39.50").await;
        let anna = provider.customer("Anna Ek").await;
        let bo = provider.customer_with("Bo Dahl", |new| new.invoicing = Some(Invoicing::Separate)).await;
        // The run of 23 November takes what begins by 7 December.
        let first = provider.service(anna, server, date(2026, 12, 7)).await;
        provider.addon(first, backup, "2").await;
        provider.service(anna, backup, date(2026, 12, 1)).await;
        provider.service(anna, server, date(2026, 12, 10)).await;
        provider.service(bo, server, date(2026, 12, 7)).await;
        provider.service(bo, backup, date(2026, 12, 7)).await;
        let preview = provider.app.preview_run(provider.id(), None, |_| {}).await.unwrap();
        let report = run(&provider).await;
        assert_eq!((preview.renewed, &preview.totals), (report.renewed, &report.totals));
        assert_snapshot!(told(&provider, &report).await, @"2026-11-23: found 4, renewed 4 on 3 invoices, skipped 0, failed 0");
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Anna Ek: issued 2026-11-23, due 2026-12-07, 218.50 + 54.63 VAT = 273.13 SEK
          Server vps.example.net, 2026-12-07 – 2027-01-06 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2026-12-07 – 2027-01-06 | 2 × 39.50 = 79.00 | S 25 %
          Backup vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 39.50 = 39.50 | S 25 %
        202600002 Bo Dahl: issued 2026-11-23, due 2026-12-07, 100.00 + 25.00 VAT = 125.00 SEK
          Server vps.example.net, 2026-12-07 – 2027-01-06 | 1 × 100.00 = 100.00 | S 25 %
        202600003 Bo Dahl: issued 2026-11-23, due 2026-12-07, 39.50 + 9.88 VAT = 49.38 SEK
          Backup vps.example.net, 2026-12-07 – 2027-01-06 | 1 × 39.50 = 39.50 | S 25 %
        ");
        provider.assert_well().await;
        // With a window of a week, what begins a little later comes along.
        change_rules(&provider, |rules| rules.consolidation_days = 7).await;
        provider.service(anna, server, date(2026, 12, 6)).await;
        provider.service(bo, server, date(2026, 12, 6)).await;
        provider.service(bo, server, date(2026, 12, 9)).await;
        let report = run(&provider).await;
        assert_snapshot!(told(&provider, &report).await, @"2026-11-23: found 3, renewed 3 on 2 invoices, skipped 0, failed 0");
        assert_snapshot!(ledger_of(&provider).await.lines().skip(9).collect::<Vec<_>>().join("\n"), @"
          Server vps.example.net, 2026-12-10 – 2027-01-09 | 1 × 100.00 = 100.00 | S 25 %
          Server vps.example.net, 2026-12-06 – 2027-01-05 | 1 × 100.00 = 100.00 | S 25 %
        202600005 Bo Dahl: issued 2026-11-23, due 2026-12-07, 100.00 + 25.00 VAT = 125.00 SEK
          Server vps.example.net, 2026-12-06 – 2027-01-05 | 1 × 100.00 = 100.00 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn the_nearest_lead_time_decides_when(kind) {
        let provider = Provider::new(kind).await;
        let (server, domain) = (provider.product("Server", "100.00").await, provider.product("Domain", "9.00").await);
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let plain = provider.service(anna, server, date(2027, 1, 20)).await;
        let of_domain = provider.service(anna, domain, date(2027, 1, 20)).await;
        let of_bo = provider.service(bo, domain, date(2027, 1, 20)).await;
        let set = async |scope, days| provider.app.set_lead_time(provider.id(), Actor::Cli, scope, days).await;
        set(LeadScope::Product(domain), Some(45)).await.unwrap();
        set(LeadScope::Customer(bo), Some(3)).await.unwrap();
        let mut conn = provider.app.store.read().await.unwrap();
        let mut days = Vec::new();
        for id in [plain, of_domain, of_bo] {
            let service = services::get(&mut conn, provider.id(), id).await.unwrap().unwrap();
            days.push(service.renew_on.unwrap().to_string());
        }
        assert_eq!(days, ["2027-01-06", "2026-12-06", "2027-01-17"]);
        drop(conn);
        assert_snapshot!(explained(&provider, of_bo).await, @"
        Service 3 (Domain vps.example.net) of customer 2 is active, is renewed monthly, and billed up to 2027-01-20.
        From 2027-01-17 on, 3 days before its next period begins on 2027-01-20; that lead time is set for customer 2, the run at 03:00 renews it.
        Renewing it on 2027-01-17 bills 2027-01-20 to 2027-02-19 for 9.00 + 2.25 VAT = 11.25 SEK, due on 2027-01-31.
        Domain vps.example.net: 1 × 9.00 SEK, version 2 of the catalogue's price, valid from 2020-01-01.
        ");
        // The next period's day follows from the same setting.
        provider.set_day(date(2026, 12, 6));
        assert_eq!(run(&provider).await.renewed, 1);
        let mut conn = provider.app.store.read().await.unwrap();
        let renewed = services::get(&mut conn, provider.id(), of_domain).await.unwrap().unwrap();
        assert_eq!(renewed.renew_on, Some(date(2027, 1, 6)), "45 days before 20 February");
        drop(conn);
        set(LeadScope::Product(domain), None).await.unwrap();
        let mut conn = provider.app.store.read().await.unwrap();
        let moved = services::get(&mut conn, provider.id(), of_domain).await.unwrap().unwrap();
        assert_eq!(moved.renew_on, Some(date(2027, 2, 6)));
        assert!(matches!(set(LeadScope::Customer(bo), Some(366)).await, Err(AppError::Invalid(_))));
        assert!(matches!(set(LeadScope::Seller, Some(3)).await, Err(AppError::Conflict(_))));
    }

    async fn what_the_run_leaves_alone_and_why(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let due = date(2026, 12, 1);
        let off = provider.service_with(anna, server, due, |new| new.auto_renew = false).await;
        let suspended = provider.service_with(anna, server, due, |new| new.status = ServiceStatus::Suspended).await;
        let once = provider.service_with(anna, server, due, |new| new.cycle = "once".parse().unwrap()).await;
        let ending = provider.service(anna, server, due).await;
        let behind = provider.service(anna, server, date(2026, 7, 15)).await;
        let open = provider.service(anna, server, due).await;
        provider.app.renew(&provider.staff(), &[open]).await.unwrap();
        let end = CancelRequest { timing: CancellationTiming::EndOfPeriod, reason: "moving".into(), other_reason: String::new() };
        provider.app.cancel_service(&provider.staff(), ending, end).await.unwrap();
        change_rules(&provider, |rules| rules.renew_suspended = false).await;
        let report = run(&provider).await;
        assert_snapshot!(told(&provider, &report).await, @"
        2026-11-23: found 1, renewed 0 on 0 invoices, skipped 1, failed 0
          service 5, 1 in a row: more than 3 of its periods have begun and are not billed: it is parked; renew it by hand, or raise the number of periods behind
        ");
        let mut why = Vec::new();
        for service in [off, suspended, once, ending, behind, open] {
            why.push(explained(&provider, service).await);
        }
        assert_snapshot!(why.join("\n\n"), @"
        Service 1 (Server vps.example.net) of customer 1 is active, is renewed monthly, and billed up to 2026-12-01.
        The run does not renew it: auto-renew is off.

        Service 2 (Server vps.example.net) of customer 1 is suspended, is renewed monthly, and billed up to 2026-12-01.
        The run does not renew it: it is suspended, and suspended services are not renewed by the run.

        Service 3 (Server vps.example.net) of customer 1 is active, was sold once.
        The run does not renew it: Service is one-time and has nothing to renew.

        Service 4 (Server vps.example.net) of customer 1 is active, is renewed monthly, and billed up to 2026-12-01.
        The run does not renew it: it is cancelled and ends on 2026-12-01.

        Service 5 (Server vps.example.net) of customer 1 is active, is renewed monthly, and billed up to 2026-07-15.
        From 2026-11-24 on, which is when it is tried again, the run at 03:00 renews it.
        Run 1 did not renew it: more than 3 of its periods have begun and are not billed: it is parked; renew it by hand, or raise the number of periods behind.
        Renewing it on 2026-11-24 bills 2026-07-15 to 2026-08-14 for 100.00 + 25.00 VAT = 125.00 SEK, due on 2026-12-08.
        Server vps.example.net: 1 × 100.00 SEK, version 1 of the catalogue's price, valid from 2020-01-01.

        Service 6 (Server vps.example.net) of customer 1 is active, is renewed monthly, and billed up to 2027-01-01.
        The run waits until invoice 1, which is due on 2026-12-07, is paid.
        From 2026-12-18 on, 14 days before its next period begins on 2027-01-01; that lead time is set for the seller, the run at 03:00 renews it.
        Renewing it on 2026-12-18 bills 2027-01-01 to 2027-01-31 for 100.00 + 25.00 VAT = 125.00 SEK, due on 2027-01-01.
        Server vps.example.net: 1 × 100.00 SEK, version 1 of the catalogue's price, valid from 2020-01-01.
        ");
        // Renewed by hand, the parked one goes on by itself.
        provider.app.renew(&provider.staff(), &[behind]).await.unwrap();
        change_rules(&provider, |rules| rules.renew_suspended = true).await;
        provider.app.set_auto_renew(&provider.staff(), off, true, None).await.unwrap();
        provider.set_day(date(2026, 11, 24));
        let report = run(&provider).await;
        assert_eq!((report.run.found, report.renewed), (2, 2), "the suspended one, and the one that was switched on");
        provider.assert_well().await;
    }

    async fn a_price_that_fails_is_tried_again_some_days_later(kind) {
        let feed = TestFeed::start("12.50").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from("Domain", "feed:registrar").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, domain, date(2026, 12, 1)).await;
        provider.service(provider.customer("Bo Dahl").await, provider.product("Server", "100.00").await, date(2026, 12, 1)).await;
        feed.behave(FeedBehaviour::Answer(404, String::new()));
        let mut days = Vec::new();
        for day in 23..=30 {
            provider.set_day(date(2026, 11, day));
            let report = run(&provider).await;
            if report.run.found > 0 {
                days.push(told(&provider, &report).await);
            }
        }
        assert_snapshot!(days.join("\n"), @"
        2026-11-23: found 2, renewed 1 on 1 invoices, skipped 0, failed 1
          service 1, 1 in a row: price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 404 Not Found
        2026-11-24: found 1, renewed 0 on 0 invoices, skipped 0, failed 1
          service 1, 2 in a row: price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 404 Not Found
        2026-11-25: found 1, renewed 0 on 0 invoices, skipped 0, failed 1
          service 1, 3 in a row: price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 404 Not Found
        2026-11-27: found 1, renewed 0 on 0 invoices, skipped 0, failed 1
          service 1, 4 in a row: price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 404 Not Found
        ");
        assert_snapshot!(explained(&provider, service).await, @"
        Service 1 (Domain vps.example.net) of customer 1 is active, is renewed monthly, and billed up to 2026-12-01.
        From 2026-12-01 on, which is when it is tried again, the run at 03:00 renews it.
        Run 5 did not renew it, 4 times in a row: price feed `registrar`, product 1, cycle 1m, currency SEK: it answered 404 Not Found.
        Renewing it on 2026-12-01 is not possible: no price for product 1, cycle 1m, currency SEK on 2026-12-01.
        ");
        feed.set_price("12.50");
        provider.set_day(date(2026, 12, 1));
        assert_snapshot!(told(&provider, &run(&provider).await).await, @"2026-12-01: found 1, renewed 1 on 1 invoices, skipped 0, failed 0");
        provider.assert_well().await;
    }

    async fn a_customer_whose_data_is_broken_stops_nobody(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let mut sick = Vec::new();
        for nth in 0..60 {
            let customer = provider.customer(&format!("Customer {nth}")).await;
            for _ in 0..2 {
                let service = provider.service(customer, server, date(2026, 12, 1)).await;
                if nth == 31 {
                    sick.push((customer, service));
                }
            }
        }
        let (customer, service) = sick[1];
        // One service of one customer, and everything of another one.
        provider.database.sql(&format!("update services set cycle = 'sometimes' where id = {service}")).unwrap();
        provider.database.sql(&format!("update customers set currency = '???' where id = {}", customer.0 + 7)).unwrap();
        let report = run(&provider).await;
        assert_snapshot!(told(&provider, &report).await, @r#"
        2026-11-23: found 120, renewed 117 on 59 invoices, skipped 0, failed 3
          service 64, 1 in a row: `cycle` holds "sometimes", which is not valid: `sometimes` is no cycle: write a count and a unit such as `30d`, `2w`, `3m`, `1y`, a name such as `Quarterly`, or `once`, `free`
          service 77, 1 in a row: `currency` holds "???", which is not valid: `???` is not an active ISO 4217 currency code
          service 78, 1 in a row: `currency` holds "???", which is not valid: `???` is not an active ISO 4217 currency code
        "#);
        let together = "select count(*) from invoice_lines group by invoice_id having count(*) <> 2";
        assert_eq!(provider.database.sql(together).unwrap().trim(), "1", "all others have their two on one invoice");
        // Their data is mended: the next day they are renewed.
        provider.database.sql(&format!("update services set cycle = '1m' where id = {service}")).unwrap();
        provider.database.sql(&format!("update customers set currency = 'SEK' where id = {}", customer.0 + 7)).unwrap();
        provider.set_day(date(2026, 11, 24));
        assert_snapshot!(told(&provider, &run(&provider).await).await, @"2026-11-24: found 3, renewed 3 on 2 invoices, skipped 0, failed 0");
        provider.assert_well().await;
    }

    async fn missed_days_are_caught_up_one_period_after_the_other(kind) {
        let provider = Provider::new(kind).await;
        let free = provider.product("Parking", "0.00").await;
        let server = provider.product("Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        // Three periods have begun; they cost nothing, so nothing has to be paid between them.
        provider.service(provider.customer("Bo Dahl").await, free, date(2026, 9, 15)).await;
        provider.service(anna, server, date(2026, 10, 15)).await;
        let report = run(&provider).await;
        assert_snapshot!(told(&provider, &report).await, @"2026-11-23: found 4, renewed 4 on 4 invoices, skipped 0, failed 0");
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Anna Ek: issued 2026-11-23, due 2026-12-07, 100.00 + 25.00 VAT = 125.00 SEK
          Server vps.example.net, 2026-10-15 – 2026-11-14 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Bo Dahl: issued 2026-11-23, due 2026-12-07, 0.00 + 0.00 VAT = 0.00 SEK
          Parking vps.example.net, 2026-09-15 – 2026-10-14 | 1 × 0.00 = 0.00 | S 25 %
        202600003 Bo Dahl: issued 2026-11-23, due 2026-12-07, 0.00 + 0.00 VAT = 0.00 SEK
          Parking vps.example.net, 2026-10-15 – 2026-11-14 | 1 × 0.00 = 0.00 | S 25 %
        202600004 Bo Dahl: issued 2026-11-23, due 2026-12-07, 0.00 + 0.00 VAT = 0.00 SEK
          Parking vps.example.net, 2026-11-15 – 2026-12-14 | 1 × 0.00 = 0.00 | S 25 %
        ");
        provider.settle(perennial_billing::InvoiceId(1)).await;
        let report = run(&provider).await;
        assert_snapshot!(told(&provider, &report).await, @"2026-11-23: found 1, renewed 1 on 1 invoices, skipped 0, failed 0");
        provider.assert_well().await;
    }

    async fn two_runs_at_the_same_second_are_one(kind) {
        let provider = Provider::new(kind).await;
        stock(&provider, 1_200).await;
        let nodes = [provider.second_node().await, provider.second_node().await, provider.second_node().await];
        let start = |node: &App, origin| {
            let (node, seller) = (node.clone(), provider.id());
            tokio::spawn(async move { node.run(seller, origin, None, never(), |_| {}).await })
        };
        let runs = [
            start(&nodes[0], RunOrigin::Schedule),
            start(&nodes[1], RunOrigin::Schedule),
            start(&nodes[2], RunOrigin::Request),
        ];
        for run in runs {
            match run.await.unwrap() {
                Ok(report) => assert_eq!((report.counts.left, report.counts.failed), (0, 0)),
                // It came when the other was done with the day.
                Err(AppError::Store(perennial_store::StoreError::Unique { .. })) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let billed = "select count(*), count(distinct service_id) from periods";
        assert_eq!(provider.database.sql(billed).unwrap().trim(), "1200|1200");
        assert_eq!(provider.app.run_if_due(provider.id(), never()).await.unwrap(), None, "the day is done");
        provider.assert_well().await;
    }

    async fn a_run_that_died_is_gone_on_with_and_its_report_too(kind) {
        let provider = Provider::new(kind).await;
        stock(&provider, 1_700).await;
        // It has found everything, holds a part of it, and is no more.
        let (dead, is_new) = provider.app.start_run(provider.id(), RunOrigin::Schedule, None).await.unwrap();
        assert!(is_new && dead.found == 0);
        let mut tx = provider.app.store.begin().await.unwrap();
        let now = provider.app.clock.now();
        let a_moment = now.checked_add(jiff::SignedDuration::from_millis(300)).unwrap();
        assert!(runs::claim(&mut tx, provider.id(), dead.id, "dead", now, a_moment).await.unwrap().is_some());
        tx.commit().await.unwrap();
        let node = provider.second_node().await;
        let clock = node.clock.clone();
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            clock.set(a_moment);
        });
        let report = node.run_if_due(provider.id(), never()).await.unwrap().expect("something to do");
        assert_eq!((report.run.id, report.run.found, report.renewed), (dead.id, 1_700, 1_700));
        assert_eq!(report.numbers, Some(("202600001".to_owned(), "202600850".to_owned())));
        provider.assert_well().await;
    }

    async fn a_run_stops_when_it_is_told_and_goes_on_later(kind) {
        let provider = Provider::new(kind).await;
        stock(&provider, 3_000).await;
        let (told, stop) = watch::channel(false);
        // It is told at once: each worker finishes the part it has taken, and takes no other.
        let stopped = provider.app.run(provider.id(), RunOrigin::Request, None, stop, |_| {
            told.send_replace(true);
        });
        let stopped = stopped.await.unwrap();
        assert!(stopped.counts.left > 0 && stopped.run.finished_at.is_none(), "{stopped:?}");
        let report = run(&provider).await;
        assert_eq!((report.run.id, report.run.found, report.renewed), (stopped.run.id, 3_000, 3_000));
        assert!(report.run.finished_at.is_some());
        provider.assert_well().await;
    }

    async fn a_cancelled_service_ends_when_its_time_is_up_unless_it_is_kept(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let [leaves, stays, goes] = [
            provider.service(anna, server, date(2026, 12, 1)).await,
            provider.service(anna, server, date(2026, 12, 1)).await,
            provider.service(anna, server, date(2026, 12, 1)).await,
        ];
        let staff = provider.staff();
        let end = |timing| CancelRequest { timing, reason: "Too expensive".into(), other_reason: "Moving".into() };
        for service in [leaves, stays] {
            let cancelled = provider.app.cancel_service(&staff, service, end(CancellationTiming::EndOfPeriod)).await.unwrap();
            assert_eq!((cancelled.cancellation.ends_on, cancelled.existed), (date(2026, 12, 1), false));
        }
        let again = provider.app.cancel_service(&staff, leaves, end(CancellationTiming::EndOfPeriod)).await.unwrap();
        assert!(again.existed, "asking twice changes nothing");
        let Outcome::Refused(refusal) = outcome(provider.app.renew(&staff, &[leaves]).await) else { panic!("refused") };
        assert_eq!(refusal.to_string(), "Service is cancelled and ends on 2026-12-01: take the cancellation back to renew it");
        provider.app.cancel_service(&staff, goes, end(CancellationTiming::Immediate)).await.unwrap();
        provider.app.keep_service(&staff, stays).await.unwrap();
        assert!(matches!(provider.app.keep_service(&staff, stays).await, Err(AppError::Conflict(_))));
        let again = provider.app.cancel_service(&staff, goes, end(CancellationTiming::EndOfPeriod)).await;
        assert!(matches!(again, Err(AppError::Conflict(_))), "it has ended");
        assert_eq!(run(&provider).await.renewed, 1, "the one that stays");
        let mut states = Vec::new();
        for day in [date(2026, 11, 30), date(2026, 12, 1)] {
            provider.set_day(day);
            run(&provider).await;
            for service in [leaves, stays, goes] {
                let (service, _) = provider.app.service_of(&staff, service).await.unwrap();
                states.push(format!("{day} {} {}", service.id, service.status));
            }
        }
        assert_snapshot!(states.join("\n"), @"
        2026-11-30 1 active
        2026-11-30 2 active
        2026-11-30 3 cancelled
        2026-12-01 1 cancelled
        2026-12-01 2 active
        2026-12-01 3 cancelled
        ");
        provider.assert_well().await;
    }

    async fn a_sandbox_is_rehearsed_and_a_real_database_is_not(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let bo = provider.customer("Bo Dahl").await;
        provider.service(bo, server, date(2026, 12, 31)).await;
        let advance = async |app: &App, day| app.advance_clock(provider.id(), day, never(), |_| {}).await;
        assert!(matches!(advance(&provider.app, date(2027, 3, 1)).await, Err(AppError::Conflict(_))));
        let preview = provider.app.preview(&provider.staff(), PreviewOf::Customer(bo), Some(date(2027, 3, 1))).await.unwrap();
        provider.app.make_sandbox().await.unwrap();
        let feeds = PriceFeeds::new(Default::default(), Random::seeded(1)).unwrap();
        let rehearsal = App::new(provider.database.open().await, Clock::ahead(0), Random::seeded(1), feeds);
        rehearsal.clock.set(provider.app.clock.now());
        advance(&rehearsal, date(2027, 3, 1)).await.unwrap();
        assert_eq!(rehearsal.clock.today(&provider.seller.time_zone), date(2027, 3, 1));
        assert!(matches!(advance(&rehearsal, date(2027, 2, 1)).await, Err(AppError::Conflict(_))), "never back");
        assert_eq!(preview.forecast.invoices.len(), 3);
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Bo Dahl: issued 2026-12-17, due 2026-12-31, 100.00 + 25.00 VAT = 125.00 SEK
          Server vps.example.net, 2026-12-31 – 2027-01-30 | 1 × 100.00 = 100.00 | S 25 %
        202700001 Bo Dahl: issued 2027-01-17, due 2027-01-31, 100.00 + 25.00 VAT = 125.00 SEK
          Server vps.example.net, 2027-01-31 – 2027-02-27 | 1 × 100.00 = 100.00 | S 25 %
        202700002 Bo Dahl: issued 2027-02-14, due 2027-02-28, 100.00 + 25.00 VAT = 125.00 SEK
          Server vps.example.net, 2027-02-28 – 2027-03-30 | 1 × 100.00 = 100.00 | S 25 %
        ");
        let unpaid = "select count(*) from invoices where status = 'issued'";
        assert_eq!(provider.database.sql(unpaid).unwrap().trim(), "0");
        provider.assert_well().await;
    }

    async fn a_daily_run_starts_at_its_time_and_once(kind) {
        let provider = Provider::new(kind).await;
        stock(&provider, 2).await;
        let at = |text: &str| provider.app.clock.set(text.parse().unwrap());
        let run = async || provider.app.run_if_due(provider.id(), never()).await.unwrap().map(|report| report.renewed);
        // It was set up at noon, so the time of the first day is past.
        assert_eq!(run().await, None);
        at("2026-11-24T01:59:59Z");
        assert_eq!(run().await, None, "02:59 in Sundsvall");
        at("2026-11-24T02:00:00Z");
        assert_eq!(run().await, Some(2));
        assert_eq!(run().await, None);
        at("2026-11-26T12:00:00Z");
        assert_eq!(run().await, Some(0), "two days were missed, one run is enough");
        change_rules(&provider, |rules| rules.is_daily = false).await;
        at("2026-11-28T12:00:00Z");
        assert_eq!(run().await, None);
        let mut conn = provider.app.store.read().await.unwrap();
        let runs = runs::page(&mut conn, provider.id(), None, 10).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [RunId(2), RunId(1)]);
    }
}

/// Customers with two services each that are due.
async fn stock(provider: &Provider, services: i64) {
    let server = provider.product("Server", "100.00").await;
    let first = provider.customer("Customer").await;
    let second = provider.service(first, server, date(2026, 12, 1)).await;
    let mut conn = provider.app.store.read().await.unwrap();
    let customer = customers::get(&mut conn, provider.id(), first).await.unwrap().unwrap();
    let service = services::get(&mut conn, provider.id(), second).await.unwrap().unwrap();
    drop(conn);
    let customers: Vec<_> = (0..services / 2)
        .map(|nth| customers::Customer { id: perennial_billing::CustomerId(first.0 + nth), ..customer.clone() })
        .collect();
    let services: Vec<_> = (0..services)
        .map(|nth| services::Service {
            id: ServiceId(second.0 + nth),
            customer: perennial_billing::CustomerId(first.0 + nth / 2),
            ..service.clone()
        })
        .collect();
    let mut tx = provider.app.store.begin().await.unwrap();
    customers::upsert(&mut tx, provider.id(), &customers).await.unwrap();
    services::upsert(&mut tx, provider.id(), &services).await.unwrap();
    tx.commit().await.unwrap();
}
