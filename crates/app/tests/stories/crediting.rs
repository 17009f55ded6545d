//! Invoices are corrected by other documents.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{AppError, CreditNoted, CreditOf, Result};
use perennial_billing::InvoiceId;
use perennial_store::invoices;
use perennial_testkit::{Provider, on_both_databases};

use crate::paying::{books, dates, has, pay, payment, renewed, sek};

async fn credit(provider: &Provider, id: InvoiceId, of: CreditOf) -> Result<CreditNoted> {
    provider.app.credit_invoice(&provider.staff(), id, &of, "Sold by mistake").await
}

async fn stands(provider: &Provider, id: InvoiceId) -> String {
    let invoice = invoices::get(&mut provider.read().await, provider.id(), id).await.unwrap().unwrap();
    format!("{} {}, to pay {}", invoice.number, invoice.status.as_str(), invoice.open)
}

on_both_databases! {
    async fn an_unpaid_invoice_is_given_back_and_its_period_billed_again(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let invoice = renewed(&provider, service).await;
        let noted = credit(&provider, invoice, CreditOf::Everything).await.unwrap();
        assert_eq!((noted.note.number.as_str(), noted.total, noted.settled), ("CN-2026-00001", sek("125"), sek("125")));
        assert_eq!(noted.freed.len(), 1);
        assert_snapshot!(stands(&provider, invoice).await, @"202600001 credited, to pay 0.00 SEK");
        assert_snapshot!(dates(&provider, service).await, @"billed 2026-12-01, paid 2026-12-01, open none");
        assert!(matches!(credit(&provider, invoice, CreditOf::Everything).await, Err(AppError::Conflict(_))));
        let again = renewed(&provider, service).await;
        assert_snapshot!(stands(&provider, again).await, @"202600002 issued, to pay 125.00 SEK");
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-01-01, paid 2026-12-01, open 3");
        assert_snapshot!(books(&provider).await, @"
        2026-11-23 credit_note 1: 100.00 SEK from receivable to revenue (SE S 25 %)
        2026-11-23 credit_note 1: 25.00 SEK from receivable to vat (SE S 25 %)
        2026-11-23 invoice 1: 100.00 SEK from revenue to receivable (SE S 25 %)
        2026-11-23 invoice 1: 25.00 SEK from vat to receivable (SE S 25 %)
        2026-11-23 invoice 2: 100.00 SEK from revenue to receivable (SE S 25 %)
        2026-11-23 invoice 2: 25.00 SEK from vat to receivable (SE S 25 %)
        ");
        provider.assert_well().await;
    }

    async fn what_was_paid_becomes_credit(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let first = renewed(&provider, service).await;
        provider.settle(first).await;
        let second = renewed(&provider, service).await;
        pay(&provider, payment(anna, "25", "part")).await.unwrap();
        // The earlier period is free, but what is billed after it stays where it is.
        let noted = credit(&provider, first, CreditOf::Everything).await.unwrap();
        assert_eq!((noted.settled.minor, noted.credited), (0, sek("125")));
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-02-01, paid 2027-01-01, open 2");
        let noted = credit(&provider, second, CreditOf::Everything).await.unwrap();
        assert_eq!((noted.settled, noted.credited), (sek("100"), sek("25")));
        assert_snapshot!(dates(&provider, service).await, @"billed 2026-12-01, paid 2026-12-01, open none");
        assert_snapshot!(has(&provider, anna).await, @"150.00 SEK");
        provider.assert_well().await;
    }

    async fn lines_and_amounts_are_given_back_and_never_too_much(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.01").await;
        let backup = provider.product("Backup", "33.33").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        provider.addon(service, backup, "1").await;
        let invoice = renewed(&provider, service).await;
        let line = credit(&provider, invoice, CreditOf::Lines(vec![2])).await.unwrap();
        assert_snapshot!(format!("{} {}", line.total, line.freed.len()), @"41.66 SEK 0");
        assert!(matches!(credit(&provider, invoice, CreditOf::Lines(vec![2])).await, Err(AppError::Conflict(_))));
        assert!(matches!(credit(&provider, invoice, CreditOf::Lines(vec![3])).await, Err(AppError::Conflict(_))));
        let part = credit(&provider, invoice, CreditOf::Amount(1)).await.unwrap();
        assert_eq!(part.total, sek("0.01"));
        let part = credit(&provider, invoice, CreditOf::Amount(9_999)).await.unwrap();
        assert_eq!(part.total, sek("99.99"));
        assert!(matches!(credit(&provider, invoice, CreditOf::Amount(2_503)).await, Err(AppError::Conflict(_))));
        assert_snapshot!(stands(&provider, invoice).await, @"202600001 issued, to pay 25.02 SEK");
        let rest = credit(&provider, invoice, CreditOf::Everything).await.unwrap();
        assert_snapshot!(rest.total, @"25.02 SEK");
        assert_snapshot!(stands(&provider, invoice).await, @"202600001 credited, to pay 0.00 SEK");
        provider.assert_well().await;
    }

    async fn only_the_last_unsent_invoice_is_void(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let (one, two) = (
            provider.service(anna, server, date(2026, 12, 1)).await,
            provider.service(anna, server, date(2026, 12, 1)).await,
        );
        let (first, second) = (renewed(&provider, one).await, renewed(&provider, two).await);
        assert!(matches!(app.void_invoice(&staff, first).await, Err(AppError::Conflict(_))));
        assert_eq!(app.void_invoice(&staff, second).await.unwrap().len(), 1);
        assert!(matches!(app.void_invoice(&staff, second).await, Err(AppError::Conflict(_))));
        assert_snapshot!(dates(&provider, two).await, @"billed 2026-12-01, paid 2026-12-01, open none");
        let again = renewed(&provider, two).await;
        assert_snapshot!(stands(&provider, again).await, @"202600003 issued, to pay 125.00 SEK");
        provider.database.sql("update outbox set state = 'sent'").unwrap();
        assert!(matches!(app.void_invoice(&staff, again).await, Err(AppError::Conflict(_))));
        let series = app.series_report(&staff).await.unwrap();
        assert_eq!((series[0].documents, series[0].voids.as_slice(), series[0].gaps.len()), (3, &["202600002".to_owned()][..], 0));
        provider.assert_well().await;
    }

    async fn what_nobody_will_pay_is_written_off(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let anna = provider.customer("Anna Ek").await;
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let invoice = renewed(&provider, service).await;
        pay(&provider, payment(anna, "25", "part")).await.unwrap();
        provider.set_day(date(2027, 3, 1));
        let ageing = app.ageing(&staff).await.unwrap();
        assert_eq!(ageing[0].minor, [0, 0, 0, 10_000, 0]);
        assert_eq!(app.write_off(&staff, invoice).await.unwrap(), sek("100"));
        assert!(matches!(app.write_off(&staff, invoice).await, Err(AppError::Conflict(_))));
        assert_snapshot!(stands(&provider, invoice).await, @"202600001 written_off, to pay 0.00 SEK");
        assert!(app.ageing(&staff).await.unwrap().is_empty());
        assert_snapshot!(dates(&provider, service).await, @"billed 2027-01-01, paid 2026-12-01, open none");
        provider.assert_well().await;
    }
}
