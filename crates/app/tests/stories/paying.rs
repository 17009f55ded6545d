//! Money comes in, once; it pays what is owed, and what is left is the customer's.

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use perennial_app::{AppError, NewPayment, NewRefund, Outcome, Recorded, Result};
use perennial_billing::ledger::Source;
use perennial_billing::{CustomerId, InvoiceId, LatePayment, Money, ServiceId};
use perennial_store::{credits, services};
use perennial_testkit::{Provider, on_both_databases};

pub fn sek(text: &str) -> Money {
    Money::parse(text, "SEK".parse().unwrap()).unwrap()
}

pub async fn renewed(provider: &Provider, service: ServiceId) -> InvoiceId {
    let renewals = provider.app.renew(&provider.staff(), &[service]).await.unwrap();
    match &renewals[0].outcome {
        Outcome::Renewed(renewed) => renewed.invoice.id,
        other => panic!("{other:?}"),
    }
}

pub fn payment(customer: CustomerId, amount: &str, reference: &str) -> NewPayment {
    let (method, reference) = ("bank".to_owned(), reference.to_owned());
    NewPayment { customer, amount: sek(amount), method, reference, paid_on: None, invoices: Vec::new() }
}

pub async fn pay(provider: &Provider, new: NewPayment) -> Result<Recorded> {
    provider.app.record_payment(&provider.staff(), &new).await
}

/// Billed and paid through, and what is open.
pub async fn dates(provider: &Provider, service: ServiceId) -> String {
    let service = services::get(&mut provider.read().await, provider.id(), service).await.unwrap().unwrap();
    let day = |day: Option<Date>| day.map_or("-".to_owned(), |day| day.to_string());
    let sql = format!("select coalesce(cast(open_invoice_id as text), 'none') from services where id = {}", service.id);
    let open = provider.database.sql(&sql).unwrap();
    let open = open.trim();
    format!("billed {}, paid {}, open {open}", day(service.billed_through), day(service.paid_through))
}

pub async fn has(provider: &Provider, customer: CustomerId) -> String {
    let balances = credits::balances(&mut provider.read().await, provider.id(), customer).await.unwrap();
    balances.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What was booked, in the order of events.
pub async fn books(provider: &Provider) -> String {
    let days = (date(2000, 1, 1), date(2999, 12, 31));
    let booked =
        perennial_store::ledger::page(&mut provider.read().await, provider.id(), days, None, 1_000).await.unwrap();
    // Ids may have gaps, where something was tried again: so events are counted.
    let mut ids: Vec<(Source, i64)> = booked.iter().map(|booked| (booked.source, booked.source_id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let nth = |source, id| ids.iter().filter(|known| known.0 == source && known.1 <= id).count();
    let mut lines: Vec<String> = booked
        .iter()
        .map(|booked| {
            let moved = booked.moved;
            let (debit, credit) = (moved.debit.as_str(), moved.credit.as_str());
            let tax =
                moved.tax.map(|tax| format!(" ({} {} {})", tax.country, tax.category, tax.rate)).unwrap_or_default();
            let event = format!("{} {}", booked.source.as_str(), nth(booked.source, booked.source_id));
            format!("{} {event}: {} from {credit} to {debit}{tax}", booked.booked_on, moved.amount)
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

on_both_databases! {
    async fn anna_pays_in_two_parts_and_the_second_is_too_much(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let invoice = renewed(&provider, service).await;
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-01-01, paid 2026-12-01, open 1");
        let first = pay(&provider, payment(anna, "100", "bank 1")).await.unwrap();
        assert_eq!((first.paid, first.credited.minor, first.is_known), (vec![(invoice, sek("100"))], 0, false));
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-01-01, paid 2026-12-01, open 1");
        let second = pay(&provider, payment(anna, "50", "bank 2")).await.unwrap();
        assert_eq!((second.paid, second.credited), (vec![(invoice, sek("25"))], sek("25")));
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-01-01, paid 2027-01-01, open none");
        assert_snapshot!(has(&provider, anna).await, @"25.00 SEK");
        assert_snapshot!(books(&provider).await, @"
        2026-11-23 invoice 1: 100.00 SEK from revenue to receivable (SE S 25 %)
        2026-11-23 invoice 1: 25.00 SEK from vat to receivable (SE S 25 %)
        2026-11-23 payment 1: 100.00 SEK from receivable to bank
        2026-11-23 payment 2: 25.00 SEK from credit to bank
        2026-11-23 payment 2: 25.00 SEK from receivable to bank
        ");
        let told: Vec<String> =
            provider.told_of("service", service.0).await.iter().map(|event| format!("{} {}", event.name, event.data)).collect();
        assert_snapshot!(told.join("\n"), @r#"
        service.created {}
        service.renewed {"paidThrough":"2027-01-01"}
        "#);
        provider.assert_well().await;
    }

    async fn the_same_reference_is_the_same_payment(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let bo = provider.customer("Bo Ek").await;
        let first = pay(&provider, payment(anna, "100", "ch_1")).await.unwrap();
        let again = pay(&provider, payment(anna, "100", "ch_1")).await.unwrap();
        assert_eq!((again.payment, again.is_known), (first.payment, true));
        for other in [payment(anna, "101", "ch_1"), payment(bo, "100", "ch_1")] {
            assert!(matches!(pay(&provider, other).await, Err(AppError::Conflict(_))));
        }
        let card = NewPayment { method: "card".to_owned(), ..payment(anna, "100", "ch_1") };
        assert!(!pay(&provider, card).await.unwrap().is_known);
        assert_snapshot!(has(&provider, anna).await, @"200.00 SEK");
        let bad = [payment(anna, "0", "x"), payment(anna, "-5", "x"), payment(anna, "5", " "), payment(CustomerId(99), "5", "x")];
        for (bad, why) in bad.into_iter().zip(["amount", "amount", "reference", "Customer"]) {
            assert!(pay(&provider, bad).await.unwrap_err().to_string().contains(why));
        }
        provider.assert_well().await;
    }

    async fn sixty_four_reports_of_one_payment_are_one(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        renewed(&provider, service).await;
        let reports = (0..64).map(|_| {
            let (app, staff) = (provider.app.clone(), provider.staff());
            tokio::spawn(async move { app.record_payment(&staff, &payment(anna, "125", "ch_1")).await })
        });
        let mut new = 0;
        for report in reports.collect::<Vec<_>>() {
            // Some may find no turn in time; whoever was answered was told of the one payment.
            if let Ok(recorded) = report.await.unwrap() {
                assert_eq!(recorded.paid.len(), 1);
                new += usize::from(!recorded.is_known);
            }
        }
        assert_eq!(new, 1);
        assert_eq!(provider.database.sql("select count(*) from payments").unwrap().trim(), "1");
        assert_snapshot!(has(&provider, anna).await, @"");
        provider.assert_well().await;
    }

    async fn what_is_owed_the_longest_is_paid_first_unless_it_is_chosen(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let mut invoices = Vec::new();
        for starts in [date(2027, 1, 1), date(2026, 12, 10), date(2026, 12, 20)] {
            let service = provider.service(anna, server, starts).await;
            invoices.push(renewed(&provider, service).await);
        }
        let [january, tenth, twentieth] = invoices[..] else { panic!("three") };
        let oldest = pay(&provider, payment(anna, "150", "1")).await.unwrap();
        assert_eq!(oldest.paid, [(tenth, sek("125")), (twentieth, sek("25"))]);
        let chosen = NewPayment { invoices: vec![january], ..payment(anna, "125", "2") };
        assert_eq!(pay(&provider, chosen).await.unwrap().paid, [(january, sek("125"))]);
        // Paid already: what comes again becomes credit.
        let again = NewPayment { invoices: vec![january], ..payment(anna, "125", "3") };
        assert_eq!(pay(&provider, again).await.unwrap().credited, sek("125"));
        let bo = provider.customer("Bo Ek").await;
        let foreign = NewPayment { invoices: vec![twentieth], ..payment(bo, "5", "4") };
        assert!(matches!(pay(&provider, foreign).await, Err(AppError::NotFound("Invoice"))));
        provider.assert_well().await;
    }

    async fn credit_pays_is_asked_for_and_goes_back(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let deposit = app.add_funds(&staff, anna, sek("200")).await.unwrap();
        assert_eq!(deposit.number, "DEP-2026-00001");
        let other = app.add_funds(&staff, anna, sek("1")).await.unwrap();
        app.cancel_deposit(&staff, other.id).await.unwrap();
        assert!(matches!(app.cancel_deposit(&staff, other.id).await, Err(AppError::Conflict(_))));
        let invoice = renewed(&provider, service).await;
        assert!(matches!(app.cancel_deposit(&staff, invoice).await, Err(AppError::Conflict(_))));
        // A payment that names nothing pays the invoice and not the deposit.
        let named = NewPayment { invoices: vec![deposit.id], ..payment(anna, "200", "1") };
        pay(&provider, named).await.unwrap();
        assert_snapshot!(has(&provider, anna).await, @"200.00 SEK");
        assert!(app.apply_credit(&staff, invoice, Some(12_501)).await.is_err());
        assert_eq!(app.apply_credit(&staff, invoice, Some(5_000)).await.unwrap(), sek("50"));
        assert_eq!(app.apply_credit(&staff, invoice, None).await.unwrap(), sek("75"));
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-01-01, paid 2027-01-01, open none");
        let refund = |amount: &str, reference: &str| NewRefund {
            customer: anna,
            amount: sek(amount),
            method: "bank".to_owned(),
            reference: reference.to_owned(),
            payment: None,
        };
        assert!(matches!(app.refund(&staff, &refund("75.01", "r1")).await, Err(AppError::Conflict(_))));
        let first = app.refund(&staff, &refund("70", "r1")).await.unwrap();
        assert_eq!(app.refund(&staff, &refund("70", "r1")).await.unwrap(), first);
        assert_snapshot!(has(&provider, anna).await, @"5.00 SEK");
        assert_snapshot!(books(&provider).await, @"
        2026-11-23 invoice 1: 100.00 SEK from revenue to receivable (SE S 25 %)
        2026-11-23 invoice 1: 25.00 SEK from vat to receivable (SE S 25 %)
        2026-11-23 payment 1: 200.00 SEK from credit to bank
        2026-11-23 refund 1: 70.00 SEK from bank to credit
        2026-11-23 settlement 1: 50.00 SEK from receivable to credit
        2026-11-23 settlement 2: 75.00 SEK from receivable to credit
        ");
        let log = app.credit_log(&staff, anna, 10, 0).await.unwrap();
        let log: Vec<_> = log.iter().map(|m| format!("{} {} {}", m.moved.reason.as_str(), m.moved.amount, m.balance)).collect();
        assert_snapshot!(log.join("\n"), @"
        refunded -70.00 SEK 5.00 SEK
        applied -75.00 SEK 75.00 SEK
        applied -50.00 SEK 150.00 SEK
        deposited 200.00 SEK 200.00 SEK
        ");
        provider.assert_well().await;
    }

    async fn a_seller_may_want_credit_to_pay_new_invoices(kind) {
        let provider = Provider::new(kind).await;
        let mut seller = provider.seller.clone();
        seller.applies_credit = true;
        provider.app.change_seller(perennial_app::Actor::Cli, &seller).await.unwrap();
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        pay(&provider, payment(anna, "200", "1")).await.unwrap();
        renewed(&provider, service).await;
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-01-01, paid 2027-01-01, open none");
        renewed(&provider, service).await;
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-02-01, paid 2027-01-01, open 2");
        assert_snapshot!(has(&provider, anna).await, @"");
        provider.assert_well().await;
    }

    async fn late_payment_moves_dates_as_the_seller_or_the_product_wants(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let mut services = Vec::new();
        for policy in [None, Some(LatePayment::Restart), Some(LatePayment::Skip)] {
            let server = provider.product("Cloud Server", "100.00").await;
            provider.late_payment(server, policy).await;
            let service = provider.service(anna, server, date(2026, 11, 30)).await;
            services.push((service, renewed(&provider, service).await));
        }
        // Forty days into a period of thirty-one.
        provider.set_day(date(2027, 1, 9));
        let mut seen = Vec::new();
        for (service, invoice) in services {
            let preview = provider.app.preview_late_payment(&provider.staff(), invoice, None).await.unwrap();
            let chosen = preview.iter().find(|late| late.is_chosen).unwrap().clone();
            provider.settle(invoice).await;
            let dates = dates(&provider, service).await;
            seen.push(format!("{}: {} – {}; {dates}", chosen.policy.as_str(), chosen.period.starts, chosen.period.last_day()));
            let next = renewed(&provider, service).await;
            provider.settle(next).await;
        }
        assert_snapshot!(seen.join("\n"), @"
        keep: 2026-11-30 – 2026-12-29; billed 2026-12-30, paid 2026-12-30, open none
        restart: 2027-01-09 – 2027-02-08; billed 2027-02-09, paid 2027-02-09, open none
        skip: 2026-12-30 – 2027-01-29; billed 2027-01-30, paid 2027-01-30, open none
        ");
        provider.assert_well().await;
    }
}
