//! Invoices that a person writes.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{AppError, CreditOf, NewPayment};
use perennial_billing::{CustomerId, DraftId, TaxClass};
use perennial_store::drafts::DraftLine;
use perennial_store::invoices;
use perennial_testkit::{Provider, on_both_databases};

use crate::paying::{books, pay, payment, renewed, sek};

fn line(description: &str, quantity: &str, unit_price_minor: i64, tax_class: TaxClass) -> DraftLine {
    DraftLine { description: description.to_owned(), quantity: quantity.parse().unwrap(), unit_price_minor, tax_class }
}

on_both_databases! {
    async fn a_draft_has_no_number_until_it_is_issued(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let anna = provider.customer("Anna Ek").await;
        let lines = vec![
            line("Moving a server", "2.5", 90_000, TaxClass::Service),
            line("Deposit for the keys", "1", 20_000, TaxClass::Outside),
        ];
        let draft = app.create_draft(&staff, anna, lines.clone()).await.unwrap();
        let thrown_away = app.create_draft(&staff, anna, lines).await.unwrap();
        app.delete_draft(&staff, thrown_away.id).await.unwrap();
        let preview = app.drafts(&staff).await.unwrap();
        assert_eq!(preview.len(), 1);
        let server = provider.product("Cloud Server", "100.00").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        renewed(&provider, service).await;
        let written = app.issue_draft(&staff, draft.id).await.unwrap();
        assert_eq!(written.number, "202600002");
        assert!(matches!(app.issue_draft(&staff, draft.id).await, Err(AppError::NotFound("Draft"))));
        let mut conn = provider.read().await;
        let invoice = invoices::get(&mut conn, provider.id(), written.id).await.unwrap().unwrap();
        assert_eq!((invoice.total, preview[0].amounts.total), (sek("3012.50"), sek("3012.50")));
        assert_eq!(invoices::lines(&mut conn, provider.id(), &invoice).await.unwrap(), preview[0].lines);
        let new = NewPayment { invoices: vec![written.id], ..payment(anna, "3012.50", "1") };
        pay(&provider, new).await.unwrap();
        app.credit_invoice(&staff, written.id, &CreditOf::Lines(vec![2]), "Keys are back").await.unwrap();
        assert_snapshot!(books(&provider).await, @"
        2026-11-23 credit_note 1: 200.00 SEK from credit to receivable
        2026-11-23 credit_note 1: 200.00 SEK from receivable to revenue (SE O 0 %)
        2026-11-23 invoice 1: 100.00 SEK from revenue to receivable (SE S 25 %)
        2026-11-23 invoice 1: 25.00 SEK from vat to receivable (SE S 25 %)
        2026-11-23 invoice 2: 200.00 SEK from revenue to receivable (SE O 0 %)
        2026-11-23 invoice 2: 2250.00 SEK from revenue to receivable (SE S 25 %)
        2026-11-23 invoice 2: 562.50 SEK from vat to receivable (SE S 25 %)
        2026-11-23 payment 1: 3012.50 SEK from receivable to bank
        ");
        provider.assert_well().await;
    }

    async fn a_draft_that_cannot_be_an_invoice_is_refused(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let anna = provider.customer("Anna Ek").await;
        let good = || line("Work", "1", 100, TaxClass::Service);
        for (customer, lines, why) in [
            (anna, Vec::new(), "lines"),
            (anna, vec![good(); 101], "lines"),
            (anna, vec![line(" ", "1", 100, TaxClass::Service)], "description"),
            (anna, vec![line("Work", "0", 100, TaxClass::Service)], "quantity"),
            (anna, vec![line("Work", "1", -1, TaxClass::Service)], "price"),
            (CustomerId(99), vec![good()], "Customer"),
        ] {
            let error = app.create_draft(&staff, customer, lines).await.unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
        assert!(matches!(app.issue_draft(&staff, DraftId(1)).await, Err(AppError::NotFound("Draft"))));
        assert!(matches!(app.delete_draft(&staff, DraftId(1)).await, Err(AppError::NotFound("Draft"))));
        provider.assert_well().await;
    }

    async fn sixteen_who_issue_one_draft_make_one_invoice(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let lines = vec![line("Work", "1", 10_000, TaxClass::Service)];
        let draft = provider.app.create_draft(&provider.staff(), anna, lines).await.unwrap().id;
        let callers = (0..16).map(|_| {
            let (app, staff) = (provider.app.clone(), provider.staff());
            tokio::spawn(async move { app.issue_draft(&staff, draft).await.is_ok() })
        });
        let mut issued = 0;
        for caller in callers.collect::<Vec<_>>() {
            issued += usize::from(caller.await.unwrap());
        }
        assert_eq!(issued, 1);
        assert_eq!(provider.database.sql("select count(*) from invoices").unwrap().trim(), "1");
        provider.assert_well().await;
    }
}
