//! What happened, for those who want to be told.

use perennial_billing::SellerId;
use perennial_store::events::{self, Event, NewEvent};
use perennial_testkit::on_both_databases;

use crate::shop::{ODD_TEXTS, Shop, far_instants, noon};

on_both_databases! {
    async fn events_are_read_as_they_were_written_by_what_they_happened_to(kind) {
        let shop = Shop::bare(kind).await;
        let with = |data: &str| NewEvent { data: data.to_owned(), ..NewEvent::of("invoice.paid", "invoice", i64::MAX) };
        let new: Vec<NewEvent> = ODD_TEXTS.map(with).into_iter().collect();
        let elsewhere = [
            NewEvent::of("invoice.paid", "invoice", 1),
            NewEvent::of("service.renewed", "service", i64::MAX),
        ];
        let mut tx = shop.begin().await;
        events::insert(&mut tx, shop.id(), &elsewhere[..1], noon()).await.unwrap();
        events::insert(&mut tx, shop.id(), &new, noon()).await.unwrap();
        events::insert(&mut tx, shop.id(), &elsewhere[1..], noon()).await.unwrap();
        events::insert(&mut tx, shop.id(), &[], noon()).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let expected: Vec<Event> = (2..)
            .zip(ODD_TEXTS)
            .map(|(id, data)| Event { id, at: noon(), name: "invoice.paid".to_owned(), data: data.to_owned() })
            .collect();
        assert_eq!(events::of_subject(&mut conn, shop.id(), "invoice", i64::MAX).await.unwrap(), expected);
        let renewed = events::of_subject(&mut conn, shop.id(), "service", i64::MAX).await.unwrap();
        assert_eq!(renewed.iter().map(|event| (event.name.as_str(), event.data.as_str())).collect::<Vec<_>>(), [("service.renewed", "{}")]);
        assert_eq!(events::of_subject(&mut conn, shop.id(), "invoice", 2).await.unwrap(), []);
        assert_eq!(events::of_subject(&mut conn, SellerId(2), "invoice", 1).await.unwrap(), []);
    }

    async fn they_stand_in_the_order_in_which_they_were_written_whatever_the_clock_says(kind) {
        let shop = Shop::bare(kind).await;
        let mut instants = far_instants();
        instants.reverse();
        let mut tx = shop.begin().await;
        for at in &instants {
            events::insert(&mut tx, shop.id(), &[NewEvent::of("invoice.paid", "invoice", 1)], *at).await.unwrap();
        }
        tx.commit().await.unwrap();
        let found = events::of_subject(&mut shop.read().await, shop.id(), "invoice", 1).await.unwrap();
        assert_eq!(found.iter().map(|event| event.at).collect::<Vec<_>>(), instants);
    }

    async fn what_did_not_happen_is_not_told(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        events::insert(&mut tx, shop.id(), &[NewEvent::of("invoice.paid", "invoice", 1)], noon()).await.unwrap();
        drop(tx);
        assert_eq!(events::of_subject(&mut shop.read().await, shop.id(), "invoice", 1).await.unwrap(), []);
    }
}
