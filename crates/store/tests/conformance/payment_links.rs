//! Payment links.

use jiff::SignedDuration;
use perennial_billing::{InvoiceId, SellerId};
use perennial_store::StoreError;
use perennial_store::payment_links::{self, LinkEnd, PaymentLink};
use perennial_testkit::on_both_databases;

use crate::shop::{Shop, far_instants, noon};

const FIRST: &str = "4a56e669-6799-42b5-915a-e87d09b28015";
const SECOND: &str = "550e8400-e29b-41d4-a716-446655440000";

fn link(uuid: &str, invoice: InvoiceId) -> PaymentLink {
    PaymentLink {
        uuid: uuid.to_owned(),
        invoice,
        created_at: noon(),
        expires_at: noon() + SignedDuration::from_hours(24),
        views: 0,
        last_viewed_at: None,
        ended: None,
    }
}

on_both_databases! {
    async fn a_link_is_found_by_its_uuid_and_counts_its_views(kind) {
        let shop = Shop::new(kind).await;
        let (seller, invoice) = (shop.id(), shop.renew().await.id);
        let mut tx = shop.begin().await;
        payment_links::insert(&mut tx, seller, &link(FIRST, invoice)).await.unwrap();
        tx.commit().await.unwrap();
        let found = payment_links::by_uuid(&mut shop.read().await, FIRST).await.unwrap();
        assert_eq!(found, Some((seller, link(FIRST, invoice))));
        assert_eq!(payment_links::by_uuid(&mut shop.read().await, SECOND).await.unwrap(), None);
        let later = noon() + SignedDuration::from_secs(1);
        let mut tx = shop.begin().await;
        for at in [noon(), later] {
            payment_links::viewed(&mut tx, seller, FIRST, at).await.unwrap();
        }
        payment_links::viewed(&mut tx, SellerId(9), FIRST, later).await.unwrap();
        tx.commit().await.unwrap();
        let unended = payment_links::unended(&mut shop.read().await, seller, invoice).await.unwrap();
        let viewed = PaymentLink { views: 2, last_viewed_at: Some(later), ..link(FIRST, invoice) };
        assert_eq!(unended, Some(viewed));
        assert_eq!(payment_links::unended(&mut shop.read().await, SellerId(9), invoice).await.unwrap(), None);
    }

    async fn an_invoice_has_one_link_at_a_time(kind) {
        let shop = Shop::new(kind).await;
        let (seller, invoice) = (shop.id(), shop.renew().await.id);
        let mut tx = shop.begin().await;
        payment_links::insert(&mut tx, seller, &link(FIRST, invoice)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = shop.begin().await;
        let error = payment_links::insert(&mut tx, seller, &link(SECOND, invoice)).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unique { table, .. } if table.starts_with("payment_links")), "{error}");
        drop(tx);
        let later = noon() + SignedDuration::from_hours(25);
        let mut tx = shop.begin().await;
        assert!(!payment_links::end(&mut tx, SellerId(9), invoice, LinkEnd::Replaced, later).await.unwrap());
        assert!(payment_links::end(&mut tx, seller, invoice, LinkEnd::Replaced, later).await.unwrap());
        assert!(!payment_links::end(&mut tx, seller, invoice, LinkEnd::Revoked, later).await.unwrap(), "it is ended");
        let second = PaymentLink { created_at: later, ..link(SECOND, invoice) };
        payment_links::insert(&mut tx, seller, &second).await.unwrap();
        tx.commit().await.unwrap();
        let first = PaymentLink { ended: Some((later, LinkEnd::Replaced)), ..link(FIRST, invoice) };
        let mut conn = shop.read().await;
        let all = payment_links::of_invoice(&mut conn, seller, invoice, 10).await.unwrap();
        assert_eq!(all, [second.clone(), first]);
        assert_eq!(payment_links::of_invoice(&mut conn, seller, invoice, 1).await.unwrap(), all[..1]);
        assert_eq!(payment_links::of_invoice(&mut conn, SellerId(9), invoice, 10).await.unwrap(), []);
        assert_eq!(payment_links::unended(&mut conn, seller, invoice).await.unwrap(), Some(second));
    }

    async fn a_link_leads_to_an_invoice_that_is_there_and_no_uuid_leads_to_two(kind) {
        let shop = Shop::new(kind).await;
        let (seller, invoice) = (shop.id(), shop.renew().await.id);
        let mut tx = shop.begin().await;
        let nowhere = payment_links::insert(&mut tx, seller, &link(FIRST, InvoiceId(4711))).await;
        assert!(nowhere.is_err());
        drop(tx);
        let mut tx = shop.begin().await;
        let ended = PaymentLink { ended: Some((noon(), LinkEnd::Revoked)), ..link(FIRST, invoice) };
        payment_links::insert(&mut tx, seller, &ended).await.unwrap();
        let twice = payment_links::insert(&mut tx, seller, &link(FIRST, invoice)).await;
        assert!(matches!(twice, Err(StoreError::Unique { .. })), "{twice:?}");
    }

    async fn instants_are_kept_to_the_microsecond(kind) {
        let shop = Shop::new(kind).await;
        let (seller, invoice) = (shop.id(), shop.renew().await.id);
        let mut tx = shop.begin().await;
        let mut written = Vec::new();
        for (nth, at) in far_instants().into_iter().enumerate() {
            let uuid = format!("{nth:08x}-e29b-41d4-a716-446655440000");
            let ended = Some((at, LinkEnd::Revoked));
            let link = PaymentLink { created_at: at, expires_at: at, last_viewed_at: Some(at), views: 1, ended, ..link(&uuid, invoice) };
            payment_links::insert(&mut tx, seller, &link).await.unwrap();
            written.push(link);
        }
        tx.commit().await.unwrap();
        written.reverse();
        assert_eq!(payment_links::of_invoice(&mut shop.read().await, seller, invoice, 10).await.unwrap(), written);
    }
}
