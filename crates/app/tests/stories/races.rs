//! Many who want the same at once.

use std::collections::HashSet;

use jiff::civil::date;
use perennial_app::{Actor, Outcome, RenewalQueue, ServiceChange};
use perennial_billing::{InvoiceId, ServiceStatus};
use perennial_store::invoices::{self, InvoiceFilter};
use perennial_testkit::{Provider, on_both_databases};
use tokio::task::JoinSet;

use crate::outcome;

/// Callers at once.
const CALLERS: usize = 64;

on_both_databases! {
    async fn sixty_four_renewals_of_one_service_make_one_invoice(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let mut calls = JoinSet::new();
        for _ in 0..CALLERS {
            let (app, staff) = (provider.app.clone(), provider.staff());
            calls.spawn(async move { outcome(app.renew(&staff, &[service]).await) });
        }
        let mut renewed = 0;
        let mut ids = HashSet::new();
        for outcome in calls.join_all().await {
            match outcome {
                Outcome::Renewed(r) => {
                    renewed += 1;
                    ids.insert(r.invoice.id);
                }
                Outcome::Open { invoice, .. } => {
                    ids.insert(invoice);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((renewed, ids), (1, HashSet::from([InvoiceId(1)])));
        provider.assert_well().await;
    }

    async fn overlapping_batches_of_many_callers_number_without_gaps(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let bo = provider.customer("Bo Dahl").await;
        let mut services = Vec::new();
        for _ in 0..40 {
            services.push(provider.service(bo, server, date(2026, 12, 1)).await);
        }
        let mut calls = JoinSet::new();
        for caller in 0..16 {
            let (app, staff) = (provider.app.clone(), provider.staff());
            // Each asks for 20 of the 40, in an order of its own.
            let wanted: Vec<_> = (0..20).map(|i| services[(caller * 7 + i * 3) % services.len()]).collect();
            calls.spawn(async move { app.renew(&staff, &wanted).await.map(|renewals| renewals.len()) });
        }
        for answered in calls.join_all().await {
            assert_eq!(answered.expect("nobody is turned away"), 20);
        }
        let mut conn = provider.app.store.read().await.unwrap();
        let issued = invoices::page(&mut conn, provider.id(), InvoiceFilter::default(), 100, 0).await.unwrap();
        let mut numbers: Vec<_> = issued.into_iter().map(|invoice| invoice.number).collect();
        numbers.sort();
        assert_eq!(numbers, (1..=40).map(|n| format!("2026{n:05}")).collect::<Vec<_>>());
        provider.assert_well().await;
    }

    async fn a_service_that_ends_while_it_is_renewed_is_one_or_the_other(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let clara = provider.customer("Clara Friis").await;
        for _ in 0..20 {
            let service = provider.service(clara, server, date(2026, 12, 1)).await;
            let (app, seller, staff) = (provider.app.clone(), provider.id(), provider.staff());
            let ended = ServiceChange { status: Some(ServiceStatus::Cancelled), ..ServiceChange::default() };
            let ending = tokio::spawn(async move { app.change_service(seller, Actor::Cli, service, ended).await });
            let renewed = outcome(provider.app.renew(&staff, &[service]).await);
            ending.await.unwrap().expect("ended");
            assert!(matches!(renewed, Outcome::Renewed(_) | Outcome::Refused(_)), "{renewed:?}");
        }
        provider.assert_well().await;
    }

    async fn sixty_four_renewals_of_what_costs_nothing_claim_one_period(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "0").await;
        let daniel = provider.customer("Daniel Ek").await;
        let service = provider.service(daniel, server, date(2026, 12, 1)).await;
        let (queue, _workers) = RenewalQueue::start(&provider.app);
        let mut calls = JoinSet::new();
        for _ in 0..CALLERS {
            let (queue, staff) = (queue.clone(), provider.staff());
            calls.spawn(async move { queue.renew(staff, service).await });
        }
        while let Some(outcome) = calls.join_next().await {
            assert!(matches!(outcome, Ok(Ok(Outcome::Renewed(_) | Outcome::Open { .. }))), "{outcome:?}");
        }
        let periods = provider.database.sql("select count(*) from periods").unwrap();
        assert_eq!(periods.trim(), "1", "there is nothing to pay, so nothing is open, and yet it is billed once");
        provider.assert_well().await;
    }
}
