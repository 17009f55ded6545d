//! Billing contacts.

use perennial_billing::CustomerId;
use perennial_store::contacts::{self, BillingContact};
use perennial_store::{StoreError, customers};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, ODD_TEXTS, Shop, contact, customer};

on_both_databases! {
    async fn contacts_are_read_as_they_were_written(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(8, "Bertil Berg")]).await.unwrap();
        // The same address may be told of two customers' invoices: a bookkeeper has many clients.
        let bookkeeper = "books@example.com";
        let written = [contact(i64::MAX, ASTRID, bookkeeper), contact(1, CustomerId(8), bookkeeper)];
        contacts::insert(&mut tx, shop.id(), &written).await.unwrap();
        contacts::insert(&mut tx, shop.id(), &[]).await.unwrap();
        tx.commit().await.unwrap();
        let [astrids, bertils] = written;
        assert_eq!(contacts::all(&mut shop.read().await, shop.id()).await.unwrap(), [bertils, astrids]);
    }

    async fn odd_texts_survive(kind) {
        let shop = Shop::new(kind).await;
        let odd =
            |(id, text): (i64, &str)| BillingContact { description: text.to_owned(), ..contact(id, ASTRID, text) };
        let all: Vec<_> = (1..).zip(ODD_TEXTS).map(odd).collect();
        let mut tx = shop.begin().await;
        contacts::insert(&mut tx, shop.id(), &all).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(contacts::all(&mut shop.read().await, shop.id()).await.unwrap(), all);
    }

    async fn nobody_is_mailed_twice(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        let twice = [contact(1, ASTRID, "books@example.com"), contact(2, ASTRID, "books@example.com")];
        let error = contacts::insert(&mut tx, shop.id(), &twice).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unique { table, .. } if table == "billing_contacts"), "{error}");
        drop(tx);
        assert_eq!(contacts::all(&mut shop.read().await, shop.id()).await.unwrap(), []);
    }
}
