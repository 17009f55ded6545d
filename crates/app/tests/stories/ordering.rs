//! How much of a service is renewed: several periods in one call, with or without its add-ons.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{AppError, NewAddon, Order, Outcome};
use perennial_billing::{AddonId, Quantity, ServiceId};
use perennial_store::services;
use perennial_testkit::{Kind, Provider, on_both_databases};

use crate::{ledger_of, outcome};

async fn renew(provider: &Provider, service: ServiceId, order: &Order) -> Outcome {
    let shown = outcome(provider.app.preview_ordered(&provider.staff(), &[service], order).await);
    let done = outcome(provider.app.renew_ordered(&provider.staff(), &[service], order).await);
    if let (Outcome::Planned(plan), Outcome::Renewed(renewed)) = (&shown, &done) {
        assert_eq!(**plan, renewed.plan, "what was shown is what was billed");
    }
    done
}

/// Nils and his server, with a backup that follows it and a certificate that has years of its own.
async fn nils(kind: Kind) -> (Provider, ServiceId, AddonId, AddonId) {
    let provider = Provider::new(kind).await;
    let server = provider.product("Server", "100.00").await;
    let backup = provider.product("Backup", "20.00").await;
    let certificate = provider.product_from("Certificate", "catalogue").await;
    provider.price(certificate, "1y", "365.00", date(2020, 1, 1)).await;
    let nils = provider.customer("Nils Ax").await;
    let service = provider.service(nils, server, date(2026, 12, 1)).await;
    let backup = provider.addon(service, backup, "1").await;
    let cycle = Some("1y".parse().unwrap());
    let new = NewAddon { service, product: certificate, quantity: Quantity::ONE, own_price_minor: None, cycle };
    let certificate = provider.app.sell_addon(&provider.staff(), new).await.unwrap();
    assert_eq!(certificate.plan, None, "nothing is billed yet, so that it begins with the first period");
    (provider, service, backup, certificate.addon.id)
}

on_both_databases! {
    async fn three_months_in_one_call_each_at_the_price_of_its_own_first_day(kind) {
        let (provider, service, ..) = nils(kind).await;
        provider.price(perennial_billing::ProductId(1), "1m", "110.00", date(2027, 1, 15)).await;
        let order = Order { periods: 3, addons: None };
        let Outcome::Renewed(renewed) = renew(&provider, service, &order).await else { panic!("renewed") };
        assert_eq!(renewed.plan.claims.len(), 3);
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Nils Ax: issued 2026-11-23, due 2026-12-07, 735.00 + 183.75 VAT = 918.75 SEK
          Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2026-12-01 – 2026-12-31 | 1 × 20.00 = 20.00 | S 25 %
          + Certificate, 2026-12-01 – 2027-11-30 | 1 × 365.00 = 365.00 | S 25 %
          Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2027-01-01 – 2027-01-31 | 1 × 20.00 = 20.00 | S 25 %
          Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 110.00 = 110.00 | S 25 %
          + Backup, 2027-02-01 – 2027-02-28 | 1 × 20.00 = 20.00 | S 25 %
        ");
        // A repeat is answered with that invoice, and nothing is billed twice.
        let again = renew(&provider, service, &order).await;
        assert!(matches!(again, Outcome::Open { invoice, .. } if invoice == renewed.invoice.id), "{again:?}");
        provider.settle(renewed.invoice.id).await;
        let mut conn = provider.app.store.read().await.unwrap();
        let known = services::get(&mut conn, provider.id(), service).await.unwrap().unwrap();
        drop(conn);
        assert_eq!((known.billed_through, known.paid_through), (Some(date(2027, 3, 1)), Some(date(2027, 3, 1))));
        provider.assert_well().await;
    }

    async fn more_periods_than_the_seller_looks_ahead_are_refused_whole(kind) {
        let (provider, service, ..) = nils(kind).await;
        let mut seller = provider.seller.clone();
        seller.renew_ahead_months = 6;
        provider.app.change_seller(perennial_app::Actor::Cli, &seller).await.unwrap();
        let seven = renew(&provider, service, &Order { periods: 7, addons: None }).await;
        let Outcome::Refused(refusal) = seven else { panic!("{seven:?}") };
        assert_snapshot!(refusal, @"Only 6 of these periods can be renewed now: the others start too far ahead");
        assert_eq!(ledger_of(&provider).await, "");
        let six = renew(&provider, service, &Order { periods: 6, addons: None }).await;
        assert!(matches!(six, Outcome::Renewed(_)), "{six:?}");
        for order in [Order { periods: 0, addons: None }, Order { periods: 121, addons: None },
            Order { periods: 1, addons: Some((1..=21).map(AddonId).collect()) }] {
            let error = provider.app.renew_ordered(&provider.staff(), &[service], &order).await.unwrap_err();
            assert!(matches!(error, AppError::Invalid(_)), "{error}");
        }
        provider.assert_well().await;
    }

    async fn addons_are_chosen_or_left_out(kind) {
        let (provider, service, backup, certificate) = nils(kind).await;
        let only = |addons: &[AddonId]| Order { periods: 1, addons: Some(addons.to_vec()) };
        let unknown = renew(&provider, service, &only(&[backup, AddonId(99)])).await;
        let Outcome::Refused(refusal) = unknown else { panic!("{unknown:?}") };
        assert_snapshot!(refusal, @"Service has no active add-on 99");
        for order in [only(&[]), only(&[backup]), Order::default(), Order::default()] {
            let Outcome::Renewed(renewed) = renew(&provider, service, &order).await else { panic!("renewed") };
            provider.settle(renewed.invoice.id).await;
        }
        // Left out for two months, the certificate begins with the third, and then waits a year.
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Nils Ax: issued 2026-11-23, due 2026-12-07, 100.00 + 25.00 VAT = 125.00 SEK
          Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Nils Ax: issued 2026-11-23, due 2027-01-01, 120.00 + 30.00 VAT = 150.00 SEK
          Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2027-01-01 – 2027-01-31 | 1 × 20.00 = 20.00 | S 25 %
        202600003 Nils Ax: issued 2026-11-23, due 2027-02-01, 485.00 + 121.25 VAT = 606.25 SEK
          Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2027-02-01 – 2027-02-28 | 1 × 20.00 = 20.00 | S 25 %
          + Certificate, 2027-02-01 – 2028-01-31 | 1 × 365.00 = 365.00 | S 25 %
        202600004 Nils Ax: issued 2026-11-23, due 2027-03-01, 120.00 + 30.00 VAT = 150.00 SEK
          Server vps.example.net, 2027-03-01 – 2027-03-31 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2027-03-01 – 2027-03-31 | 1 × 20.00 = 20.00 | S 25 %
        ");
        let order = Order { periods: 11, addons: Some(vec![certificate]) };
        let Outcome::Renewed(renewed) = renew(&provider, service, &order).await else { panic!("renewed") };
        let yearly: Vec<_> = renewed.plan.lines.iter().filter(|line| line.addon == Some(certificate)).collect();
        assert_eq!(yearly.len(), 1);
        assert_snapshot!(yearly[0].description, @"+ Certificate, 2028-02-01 – 2029-01-31");
        provider.assert_well().await;
    }

    async fn sixty_four_calls_for_three_months_bill_them_once(kind) {
        let (provider, service, ..) = nils(kind).await;
        let (queue, workers) = perennial_app::RenewalQueue::start(&provider.app);
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (queue, caller) = (queue.clone(), provider.staff());
            calls.spawn(async move { queue.renew_ordered(caller, service, Order { periods: 3, addons: None }).await });
        }
        let mut ids = Vec::new();
        for outcome in calls.join_all().await {
            ids.push(match outcome.unwrap() {
                Outcome::Renewed(renewed) => renewed.invoice.id,
                Outcome::Open { invoice, .. } => invoice,
                other => panic!("{other:?}"),
            });
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
        drop(queue);
        workers.finish().await;
        provider.assert_well().await;
    }

    async fn one_who_leaves_addons_out_leaves_them_to_the_others(kind) {
        let (provider, service, ..) = nils(kind).await;
        let (queue, workers) = perennial_app::RenewalQueue::start(&provider.app);
        let mut calls = tokio::task::JoinSet::new();
        for nth in 0..32 {
            // Half of them ask for too much, without add-ons, and are refused.
            let order = match nth % 2 {
                0 => Order { periods: 60, addons: Some(Vec::new()) },
                _ => Order::default(),
            };
            let (queue, caller) = (queue.clone(), provider.staff());
            calls.spawn(async move { queue.renew_ordered(caller, service, order).await });
        }
        let outcomes = calls.join_all().await;
        let renewed = outcomes.iter().find_map(|outcome| match outcome {
            Ok(Outcome::Renewed(renewed)) => Some(renewed),
            _ => None,
        });
        assert_eq!(renewed.unwrap().plan.lines.len(), 3, "the server, its backup and its certificate");
        drop(queue);
        workers.finish().await;
        provider.assert_well().await;
    }
}
