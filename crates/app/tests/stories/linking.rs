//! Anna pays by a link: whoever has it sees the invoice, as long as something is to be paid.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{AppError, CreditOf, FoundLink, PAYMENT_LINK_LIFE};
use perennial_billing::InvoiceId;
use perennial_testkit::{Provider, on_both_databases};

use crate::paying::{pay, payment, renewed, sek};

/// Anna's server, renewed: 125.00 SEK to pay.
async fn invoiced(provider: &Provider) -> InvoiceId {
    let anna = provider.customer("Anna Ek").await;
    let server = provider.product("Cloud Server", "100.00").await;
    let service = provider.service(anna, server, date(2026, 12, 1)).await;
    renewed(provider, service).await
}

async fn made(provider: &Provider, invoice: InvoiceId) -> (String, bool) {
    let made = provider.app.make_payment_link(&provider.staff(), invoice).await.unwrap();
    (made.link.uuid, made.is_known)
}

async fn opened(provider: &Provider, uuid: &str) -> Result<FoundLink, AppError> {
    provider.app.open_payment_link(uuid).await?.valid()
}

/// Where the links to an invoice stand, without their addresses.
async fn told(provider: &Provider, invoice: InvoiceId) -> String {
    let links = provider.app.payment_links(&provider.staff(), invoice).await.unwrap();
    let mut lines = vec![match links.active {
        Some(link) => {
            format!("active through {:.0}, {} views, last {:?}", link.expires_at, link.views, link.last_viewed_at)
        }
        None => "none".to_owned(),
    }];
    lines.extend(links.previous.iter().map(|one| {
        let since = one.invalidated_at.map_or("?".to_owned(), |at| at.to_string());
        let expired = if one.is_expired { ", expired" } else { "" };
        format!("{} since {since}{expired}, {} views", one.reason, one.link.views)
    }));
    lines.join("\n")
}

on_both_databases! {
    async fn a_link_is_opened_until_the_invoice_is_paid(kind) {
        let provider = Provider::new(kind).await;
        let invoice = invoiced(&provider).await;
        assert_snapshot!(told(&provider, invoice).await, @"none");
        let (uuid, is_known) = made(&provider, invoice).await;
        assert!(!is_known);
        assert_eq!(uuid.as_bytes()[14], b'4', "version 4: {uuid}");
        assert_eq!(made(&provider, invoice).await, (uuid.clone(), true));
        let found = opened(&provider, &uuid).await.unwrap();
        assert_eq!((found.seller, found.invoice.id, found.link.views), (provider.id(), invoice, 1));
        provider.set_day(date(2026, 11, 25));
        opened(&provider, &uuid.to_uppercase()).await.unwrap();
        assert_snapshot!(told(&provider, invoice).await, @"active through 2026-12-23T11:00:00Z, 2 views, last Some(2026-11-25T11:00:00Z)");
        // Some of it is paid: the rest is asked for.
        let anna = found.invoice.customer;
        pay(&provider, payment(anna, "25", "part")).await.unwrap();
        let found = opened(&provider, &uuid).await.unwrap();
        let document = provider.app.linked_document(&found).await.unwrap();
        assert_eq!((document.total, document.to_pay()), (sek("125"), sek("100")));
        assert!(provider.app.linked_paper(&found).await.unwrap().paper.bytes.starts_with(b"%PDF-"));
        provider.settle(invoice).await;
        assert!(matches!(opened(&provider, &uuid).await, Err(AppError::Gone(_))));
        let again = provider.app.make_payment_link(&provider.staff(), invoice).await.unwrap_err();
        assert_snapshot!(again, @"Invoice 202600001 is paid already: there is nothing to pay");
        assert_snapshot!(told(&provider, invoice).await, @"
        none
        paid since 2026-11-25T11:00:00Z, 3 views
        ");
        provider.assert_well().await;
    }

    async fn a_link_that_expired_is_replaced(kind) {
        let provider = Provider::new(kind).await;
        let invoice = invoiced(&provider).await;
        let (first, _) = made(&provider, invoice).await;
        let start = provider.app.clock.now();
        provider.app.clock.set(start + PAYMENT_LINK_LIFE - jiff::SignedDuration::from_secs(1));
        opened(&provider, &first).await.unwrap();
        provider.app.clock.set(start + PAYMENT_LINK_LIFE);
        assert!(matches!(opened(&provider, &first).await, Err(AppError::Gone(_))));
        assert_snapshot!(told(&provider, invoice).await, @"
        none
        expired since 2026-12-23T11:00:00Z, expired, 1 views
        ");
        let none = provider.app.revoke_payment_link(&provider.staff(), invoice).await;
        assert!(matches!(none, Err(AppError::NotFound(_))), "{none:?}");
        provider.set_day(date(2026, 12, 24));
        let (second, is_known) = made(&provider, invoice).await;
        assert!(!is_known && second != first);
        opened(&provider, &second).await.unwrap();
        assert!(matches!(opened(&provider, &first).await, Err(AppError::Gone(_))));
        assert_snapshot!(told(&provider, invoice).await, @"
        active through 2027-01-23T11:00:00Z, 1 views, last Some(2026-12-24T11:00:00Z)
        replaced since 2026-12-24T11:00:00Z, expired, 1 views
        ");
        provider.assert_well().await;
    }

    async fn a_link_is_revoked_and_another_one_made(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let invoice = invoiced(&provider).await;
        let (first, _) = made(&provider, invoice).await;
        app.revoke_payment_link(&staff, invoice).await.unwrap();
        assert!(matches!(opened(&provider, &first).await, Err(AppError::Gone(_))));
        assert!(matches!(app.revoke_payment_link(&staff, invoice).await, Err(AppError::NotFound(_))));
        let (second, _) = made(&provider, invoice).await;
        opened(&provider, &second).await.unwrap();
        assert_snapshot!(told(&provider, invoice).await, @"
        active through 2026-12-23T11:00:00Z, 1 views, last Some(2026-11-23T11:00:00Z)
        revoked since 2026-11-23T11:00:00Z, 0 views
        ");
        let audit = "select action from audit where action like 'payment_link%' order by id";
        assert_eq!(
            provider.database.sql(audit).unwrap().split_whitespace().collect::<Vec<_>>(),
            ["payment_link.made", "payment_link.revoked", "payment_link.made"],
        );
        provider.assert_well().await;
    }

    async fn what_nobody_can_pay_has_no_link(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let invoice = invoiced(&provider).await;
        let (uuid, _) = made(&provider, invoice).await;
        let noted = app.credit_invoice(&staff, invoice, &CreditOf::Everything, "Sold by mistake").await.unwrap();
        assert!(matches!(opened(&provider, &uuid).await, Err(AppError::Gone(_))));
        assert_snapshot!(told(&provider, invoice).await, @"
        none
        credited since ?, 0 views
        ");
        let why = app.make_payment_link(&staff, invoice).await.unwrap_err();
        assert_snapshot!(why, @"Invoice 202600001 has been credited: there is nothing to pay");
        let why = app.make_payment_link(&staff, noted.note.id).await.unwrap_err();
        assert_snapshot!(why, @"CN-2026-00001 is a credit note: there is nothing to pay");
        for uuid in ["", "x", "550e8400-e29b-41d4-a716-446655440000", &uuid.replace('-', ""), &format!("{{{uuid}}}")] {
            assert!(matches!(opened(&provider, uuid).await, Err(AppError::NotFound(_))), "{uuid}");
        }
        // What asks for money that becomes credit can be paid by link as well.
        let bo = provider.customer("Bo Ek").await;
        let deposit = app.add_funds(&staff, bo, sek("500")).await.unwrap();
        let (uuid, _) = made(&provider, deposit.id).await;
        assert_eq!(opened(&provider, &uuid).await.unwrap().invoice.open, sek("500"));
        provider.assert_well().await;
    }

    async fn many_ask_at_once_and_get_the_same_link(kind) {
        let provider = Provider::new(kind).await;
        let invoice = invoiced(&provider).await;
        let (app, staff) = (&provider.app, provider.staff());
        let asking = (0..16).map(|_| {
            let app = app.clone();
            tokio::spawn(async move { app.make_payment_link(&staff, invoice).await.unwrap().link.uuid })
        });
        let mut links = Vec::new();
        for one in asking.collect::<Vec<_>>() {
            links.push(one.await.unwrap());
        }
        links.dedup();
        assert_eq!(links.len(), 1, "{links:?}");
        provider.assert_well().await;
    }
}
