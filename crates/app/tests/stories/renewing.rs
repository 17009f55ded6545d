//! Renewing on demand.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{Actor, Outcome, ServiceChange};
use perennial_billing::{CustomerKind, InvoiceId, Refusal, ServiceId, ServiceStatus};
use perennial_store::sellers::OpenInvoicePolicy;
use perennial_store::{audit, invoices, outbox, services};
use perennial_testkit::{Provider, TODAY, on_both_databases};

use crate::{ledger_of, outcome};

on_both_databases! {
    async fn anna_renews_her_server_and_presses_the_button_twice(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let backup = provider.product("Backup", "39.50").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, server, date(2026, 11, 30)).await;
        provider.addon(service, backup, "2").await;

        let Outcome::Renewed(first) = outcome(provider.app.renew(&provider.staff(), &[service]).await) else {
            panic!("renewed")
        };
        assert!(first.mailed);
        let again = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(again, Outcome::Open { invoice, .. } if invoice == first.invoice.id));
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Anna Ek: issued 2026-11-23, due 2026-12-07, 179.00 + 44.75 VAT = 223.75 SEK
          Cloud Server vps.example.net, 2026-11-30 – 2026-12-29 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2026-11-30 – 2026-12-29 | 2 × 39.50 = 79.00 | S 25 %
        ");

        let mut conn = provider.app.store.read().await.unwrap();
        let renewed = services::get(&mut conn, provider.id(), service).await.unwrap().unwrap();
        assert_eq!(renewed.billed_through, Some(date(2026, 12, 30)), "issuing moves what is billed");
        assert_eq!(renewed.paid_through, Some(date(2026, 11, 30)), "and not what is paid");
        assert_eq!(outbox::mails_of(&mut conn, provider.id(), first.invoice.id).await.unwrap().len(), 1);
        assert_eq!(audit::count(&mut conn, provider.id(), "service.renewed").await.unwrap(), 1);
        provider.assert_well().await;
    }

    async fn the_31st_of_january_does_not_drift(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let bo = provider.customer("Bo Dahl").await;
        let service = provider.service(bo, server, date(2027, 1, 31)).await;
        let mut days = Vec::new();
        for today in [date(2027, 1, 20), date(2027, 2, 20), date(2027, 4, 15), date(2027, 4, 20), date(2027, 5, 20)] {
            provider.set_day(today);
            let Outcome::Renewed(renewed) = outcome(provider.app.renew(&provider.staff(), &[service]).await) else {
                panic!("renewed on {today}")
            };
            let plan = renewed.plan;
            let period = plan.claims[0].period;
            days.push(format!("{today}: {} up to {}, due {}", period.starts, period.ends, plan.due_on));
            provider.settle(renewed.invoice.id).await;
        }
        assert_snapshot!(days.join("\n"), @"
        2027-01-20: 2027-01-31 up to 2027-02-28, due 2027-02-03
        2027-02-20: 2027-02-28 up to 2027-03-31, due 2027-03-06
        2027-04-15: 2027-03-31 up to 2027-04-30, due 2027-04-29
        2027-04-20: 2027-04-30 up to 2027-05-31, due 2027-05-04
        2027-05-20: 2027-05-31 up to 2027-06-30, due 2027-06-03
        ");
        provider.assert_well().await;
    }

    async fn a_new_price_holds_from_the_period_it_starts_in(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        provider.price(server, "1m", "110.00", date(2026, 12, 15)).await;
        let clara = provider.customer("Clara Friis").await;
        let before = provider.service(clara, server, date(2026, 12, 14)).await;
        let after = provider.service(clara, server, date(2026, 12, 15)).await;
        let own = provider.service_with(clara, server, date(2026, 12, 20), |new| new.own_price_minor = Some(7777)).await;
        let renewals = provider.app.renew(&provider.staff(), &[before, after, own]).await.unwrap();
        assert_eq!(renewals.len(), 3);
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Clara Friis: issued 2026-11-23, due 2026-12-14, 100.00 + 25.00 VAT = 125.00 SEK
          Cloud Server vps.example.net, 2026-12-14 – 2027-01-13 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Clara Friis: issued 2026-11-23, due 2026-12-15, 110.00 + 27.50 VAT = 137.50 SEK
          Cloud Server vps.example.net, 2026-12-15 – 2027-01-14 | 1 × 110.00 = 110.00 | S 25 %
        202600003 Clara Friis: issued 2026-11-23, due 2026-12-20, 77.77 + 19.44 VAT = 97.21 SEK
          Cloud Server vps.example.net, 2026-12-20 – 2027-01-19 | 1 × 77.77 = 77.77 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn each_customer_is_taxed_by_country_and_kind(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "99.99").await;
        let company = |country: &'static str, vat: &'static str| move |new: &mut perennial_app::NewCustomer| {
            new.party.kind = CustomerKind::Company;
            new.party.company = format!("{country} Company");
            new.party.country = country.to_owned();
            new.party.vat_number = vat.to_owned();
        };
        let customers = [
            provider.customer("Elsa Svensk").await,
            provider.customer_with("Gerd Deutsch", company("DE", "DE123456788")).await,
            provider.customer_with("Nils Norsk", company("NO", "")).await,
            provider.customer_with("Fri Exempt", |new| new.tax_exempt = true).await,
        ];
        let mut all = Vec::new();
        for customer in customers {
            all.push(provider.service(customer, server, date(2026, 12, 1)).await);
        }
        provider.app.renew(&provider.staff(), &all).await.unwrap();
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Elsa Svensk: issued 2026-11-23, due 2026-12-07, 99.99 + 25.00 VAT = 124.99 SEK
          Cloud Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 99.99 = 99.99 | S 25 %
        202600002 DE Company: issued 2026-11-23, due 2026-12-07, 99.99 + 0.00 VAT = 99.99 SEK
          Cloud Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 99.99 = 99.99 | AE 0 %
        202600003 NO Company: issued 2026-11-23, due 2026-12-07, 99.99 + 0.00 VAT = 99.99 SEK
          Cloud Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 99.99 = 99.99 | G 0 %
        202600004 Fri Exempt: issued 2026-11-23, due 2026-12-07, 99.99 + 0.00 VAT = 99.99 SEK
          Cloud Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 99.99 = 99.99 | E 0 %
        ");
        provider.assert_well().await;
    }

    async fn one_refusal_takes_nothing_down_with_it(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let daniel = provider.customer("Daniel Ek").await;
        let good = provider.service(daniel, server, date(2026, 12, 1)).await;
        let ended = provider.service_with(daniel, server, date(2026, 12, 1), |new| new.status = ServiceStatus::Cancelled).await;
        let far = provider.service(daniel, server, date(2030, 1, 1)).await;
        let unpriced = provider
            .service_with(daniel, server, date(2026, 12, 1), |new| new.cycle = "2y".parse().unwrap())
            .await;
        let free = provider.service_with(daniel, server, date(2026, 12, 1), |new| new.cycle = "free".parse().unwrap()).await;
        let asked = [ended, good, far, unpriced, free, ServiceId(999_999), good];
        let renewals = provider.app.renew(&provider.staff(), &asked).await.unwrap();
        let told: Vec<String> = renewals
            .iter()
            .map(|renewal| match &renewal.outcome {
                Outcome::Renewed(renewed) => format!("renewed as {}", renewed.invoice.number),
                Outcome::Refused(refusal) => refusal.to_string(),
                Outcome::PriceUnavailable(reason) => reason.clone(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_snapshot!(told.join("\n"), @"
        Service is cancelled and cannot be renewed
        renewed as 202600001
        Service is billed through 2030-01-01, too far ahead: it can be renewed from 2027-01-01
        no price for product 1, cycle 2y, currency SEK on 2026-12-01
        Service is free and has nothing to renew
        NotFound
        renewed as 202600001
        ");
        provider.assert_well().await;
    }

    async fn a_preview_equals_the_invoice_and_writes_nothing(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "33.33").await;
        let farid = provider.customer("Farid Hakimi").await;
        let service = provider
            .service_with(farid, server, date(2026, 12, 5), |new| new.quantity = "1.5".parse().unwrap())
            .await;
        let Outcome::Planned(preview) = outcome(provider.app.preview_renewal(&provider.staff(), &[service]).await) else {
            panic!("planned")
        };
        let nothing = ledger_of(&provider).await;
        assert_eq!(nothing, "");
        let Outcome::Renewed(renewed) = outcome(provider.app.renew(&provider.staff(), &[service]).await) else {
            panic!("renewed")
        };
        assert_eq!(*preview, renewed.plan);
        assert_eq!(renewed.invoice.number, "202600001");
    }

    async fn nothing_to_pay_is_paid_and_the_next_period_can_be_renewed(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let greta = provider.customer("Greta Ek").await;
        let service = provider.service_with(greta, server, date(2026, 12, 1), |new| new.own_price_minor = Some(0)).await;
        for (day, number) in [(TODAY, "202600001"), (date(2026, 12, 1), "202600002")] {
            provider.set_day(day);
            let Outcome::Renewed(renewed) = outcome(provider.app.renew(&provider.staff(), &[service]).await) else {
                panic!("renewed")
            };
            assert_eq!(renewed.invoice.number, number);
            let again = outcome(provider.app.renew(&provider.staff(), &[service]).await);
            assert!(matches!(again, Outcome::Open { invoice, .. } if invoice == renewed.invoice.id), "a repeat is a repeat");
        }
        let mut conn = provider.app.store.read().await.unwrap();
        let renewed = services::get(&mut conn, provider.id(), service).await.unwrap().unwrap();
        assert_eq!((renewed.billed_through, renewed.paid_through), (Some(date(2027, 2, 1)), Some(date(2027, 2, 1))));
        provider.assert_well().await;
    }

    async fn an_invoice_keeps_who_was_billed(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let hugo = provider.customer("Hugo Almgren").await;
        let service = provider.service(hugo, server, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();

        let mut conn = provider.app.store.read().await.unwrap();
        let mut moved = perennial_store::customers::get(&mut conn, provider.id(), hugo).await.unwrap().unwrap();
        moved.party.name = "Hugo Bergström".to_owned();
        moved.party.address1 = "Nya vägen 9".to_owned();
        provider.app.change_customer(provider.id(), Actor::Cli, moved).await.unwrap();
        let mut seller = provider.seller.clone();
        seller.party.name = "Renamed AB".to_owned();
        provider.app.change_seller(Actor::Cli, &seller).await.unwrap();

        let invoice = invoices::get(&mut conn, provider.id(), InvoiceId(1)).await.unwrap().unwrap();
        assert_eq!((invoice.buyer.name.as_str(), invoice.buyer.address1.as_str()), ("Hugo Almgren", "Storgatan 1"));
        assert_eq!(invoice.seller.name, "Norrsken Hosting AB");
    }

    async fn a_customers_caller_sees_only_its_own(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let (ines, johan) = (provider.customer("Ines Ek").await, provider.customer("Johan Dahl").await);
        let hers = provider.service(ines, server, date(2026, 12, 1)).await;
        let his = provider.service(johan, server, date(2026, 12, 1)).await;
        let key = provider.key("write:billing", Some(ines)).await;
        let caller = provider.app.authenticate(&key, None).await.unwrap().unwrap();
        assert!(matches!(outcome(provider.app.renew(&caller, &[his]).await), Outcome::NotFound));
        assert!(matches!(outcome(provider.app.renew(&caller, &[hers]).await), Outcome::Renewed(_)));
    }

    async fn the_year_turns_at_midnight_of_the_seller(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let katja = provider.customer("Katja Ek").await;
        let first = provider.service(katja, server, date(2027, 1, 10)).await;
        let second = provider.service(katja, server, date(2027, 1, 10)).await;
        // 23:30 UTC on New Year's Eve is half past midnight in Sundsvall.
        provider.app.clock.set("2026-12-31T22:30:00Z".parse().unwrap());
        provider.app.renew(&provider.staff(), &[first]).await.unwrap();
        provider.app.clock.set("2026-12-31T23:30:00Z".parse().unwrap());
        provider.app.renew(&provider.staff(), &[second]).await.unwrap();
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Katja Ek: issued 2026-12-31, due 2027-01-14, 100.00 + 25.00 VAT = 125.00 SEK
          Cloud Server vps.example.net, 2027-01-10 – 2027-02-09 | 1 × 100.00 = 100.00 | S 25 %
        202700001 Katja Ek: issued 2027-01-01, due 2027-01-15, 100.00 + 25.00 VAT = 125.00 SEK
          Cloud Server vps.example.net, 2027-01-10 – 2027-02-09 | 1 × 100.00 = 100.00 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn the_seller_decides_about_mail_terms_and_open_invoices(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let lars = provider.customer("Lars Isaksson").await;
        let silent = provider.customer_with("No Mail", |new| new.party.email.clear()).await;
        let service = provider.service(lars, server, date(2026, 11, 24)).await;
        let unmailed = provider.service(silent, server, date(2026, 11, 24)).await;
        let mut seller = provider.seller.clone();
        seller.payment_terms_days = 30;
        seller.open_invoice_policy = OpenInvoicePolicy::Conflict;
        (seller.renew_ahead_months, seller.runs.lead_days) = (0, 0);
        seller.numbering.invoices = "F-{YY}-{NNN}".parse().unwrap();
        provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
        let too_early = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(too_early, Outcome::Refused(Refusal::TooFarAhead { .. })));

        provider.set_day(date(2026, 11, 24));
        let Outcome::Renewed(renewed) = outcome(provider.app.renew(&provider.staff(), &[service]).await) else {
            panic!("renewed")
        };
        assert_eq!((renewed.invoice.number.as_str(), renewed.plan.due_on), ("F-26-001", date(2026, 12, 24)));
        let open = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(open, Outcome::Open { policy: OpenInvoicePolicy::Conflict, .. }));
        let Outcome::Renewed(renewed) = outcome(provider.app.renew(&provider.staff(), &[unmailed]).await) else {
            panic!("renewed")
        };
        assert!(!renewed.mailed, "there is no address to mail to");
    }

    async fn a_change_of_the_service_counts_at_once(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, server, TODAY).await;
        let change = |status| ServiceChange { status: Some(status), ..ServiceChange::default() };
        let suspended = change(ServiceStatus::Terminated);
        provider.app.change_service(provider.id(), Actor::Cli, service, suspended).await.unwrap();
        let refused = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(refused, Outcome::Refused(Refusal::Terminated)));
        let active = change(ServiceStatus::Suspended);
        provider.app.change_service(provider.id(), Actor::Cli, service, active).await.unwrap();
        let renewed = outcome(provider.app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(renewed, Outcome::Renewed(_)), "a suspended service can be renewed");
    }

    async fn what_another_node_changes_counts_at_once(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let (first, second) =
            (provider.service(anna, server, date(2026, 12, 1)).await, provider.service(anna, server, date(2026, 12, 1)).await);
        let node = provider.second_node().await;
        // The node has seen the seller and the price, and could remember both.
        node.renew(&provider.staff(), &[first]).await.unwrap();
        provider.price(server, "1m", "120.00", date(2026, 12, 1)).await;
        let mut seller = provider.seller.clone();
        seller.payment_terms_days = 60;
        seller.numbering.invoices = "{YYYY}-{N}".parse().unwrap();
        provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
        node.renew(&provider.staff(), &[second]).await.unwrap();
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Anna Ek: issued 2026-11-23, due 2026-12-07, 100.00 + 25.00 VAT = 125.00 SEK
          Cloud Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        2026-2 Anna Ek: issued 2026-11-23, due 2027-01-22, 120.00 + 30.00 VAT = 150.00 SEK
          Cloud Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 120.00 = 120.00 | S 25 %
        ");
        provider.assert_well().await;
    }
}
