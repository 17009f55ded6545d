//! What happened, for those who want to be told.

use jiff::SignedDuration;
use perennial_billing::{EventId, InvoiceId, SellerId};
use perennial_store::events::{self, Event, EventType, NewEvent};
use perennial_testkit::on_both_databases;

use crate::shop::{ODD_TEXTS, Shop, far_instants, noon};

on_both_databases! {
    async fn events_are_read_as_they_were_written_by_what_they_happened_to(kind) {
        let shop = Shop::bare(kind).await;
        let with = |data: &str| NewEvent { data: data.to_owned(), ..NewEvent::of(EventType::InvoicePaid, "invoice", i64::MAX) };
        let new: Vec<NewEvent> = ODD_TEXTS.map(with).into_iter().collect();
        let elsewhere = [
            NewEvent::of_invoice(EventType::InvoicePaid, InvoiceId(1)),
            NewEvent::of(EventType::ServiceRenewed, "service", i64::MAX),
        ];
        let mut tx = shop.begin().await;
        events::insert(&mut tx, shop.id(), &elsewhere[..1], noon()).await.unwrap();
        events::insert(&mut tx, shop.id(), &new, noon()).await.unwrap();
        events::insert(&mut tx, shop.id(), &elsewhere[1..], noon()).await.unwrap();
        events::insert(&mut tx, shop.id(), &[], noon()).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let paid = |id: i64, of: i64, data: &str| Event {
            id: EventId(id),
            at: noon(),
            name: "invoice.paid".to_owned(),
            subject: "invoice".to_owned(),
            subject_id: of,
            invoice: None,
            data: data.to_owned(),
        };
        let renewed = i64::try_from(ODD_TEXTS.len()).unwrap() + 2;
        let mut expected = vec![paid(1, 1, "{}")];
        expected.extend((2..).zip(ODD_TEXTS).map(|(id, data)| paid(id, i64::MAX, data)));
        let subject = "service".to_owned();
        expected.push(Event { name: "service.renewed".to_owned(), subject, ..paid(renewed, i64::MAX, "{}") });
        let mut page = events::page(&mut conn, shop.id(), None, 1_000).await.unwrap();
        page.reverse();
        assert_eq!(page, expected);
        assert_eq!(events::page(&mut conn, shop.id(), Some(EventId(2)), 1_000).await.unwrap(), expected[..1]);
        assert_eq!(events::after(&mut conn, shop.id(), EventId(1), 2).await.unwrap(), expected[1..3]);
        assert_eq!(events::get(&mut conn, shop.id(), EventId(2)).await.unwrap().as_ref(), Some(&expected[1]));
        let some = events::some(&mut conn, shop.id(), &[EventId(3), EventId(1), EventId(9_999)]).await.unwrap();
        assert_eq!(some, [expected[0].clone(), expected[2].clone()]);
        assert_eq!(events::last(&mut conn, shop.id()).await.unwrap(), Some(EventId(renewed)));
        for (limit, bounds) in [(1, (2, Some(3))), (renewed - 1, (renewed, None)), (1_000, (renewed, None))] {
            let (last, next) = events::block(&mut conn, shop.id(), EventId(2), limit).await.unwrap().unwrap();
            assert_eq!((last.0, next.map(|next| next.0)), bounds);
        }
        assert_eq!(events::block(&mut conn, shop.id(), EventId(renewed + 1), 5).await.unwrap(), None);
        let stranger = SellerId(2);
        assert_eq!(events::page(&mut conn, stranger, None, 1_000).await.unwrap(), []);
        assert_eq!(events::after(&mut conn, stranger, EventId(0), 1_000).await.unwrap(), []);
        assert_eq!(events::get(&mut conn, stranger, EventId(1)).await.unwrap(), None);
        assert_eq!(events::some(&mut conn, stranger, &[EventId(1)]).await.unwrap(), []);
        assert_eq!(events::last(&mut conn, stranger).await.unwrap(), None);
    }

    async fn they_stand_in_the_order_in_which_they_were_written_whatever_the_clock_says(kind) {
        let shop = Shop::bare(kind).await;
        let mut instants = far_instants();
        instants.reverse();
        let mut tx = shop.begin().await;
        for at in &instants {
            events::insert(&mut tx, shop.id(), &[NewEvent::of_invoice(EventType::InvoicePaid, InvoiceId(1))], *at).await.unwrap();
        }
        tx.commit().await.unwrap();
        let found = events::after(&mut shop.read().await, shop.id(), EventId(0), 1_000).await.unwrap();
        assert_eq!(found.iter().map(|event| event.at).collect::<Vec<_>>(), instants);
    }

    async fn what_did_not_happen_is_not_told(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        events::insert(&mut tx, shop.id(), &[NewEvent::of_invoice(EventType::InvoicePaid, InvoiceId(1))], noon()).await.unwrap();
        drop(tx);
        assert_eq!(events::last(&mut shop.read().await, shop.id()).await.unwrap(), None);
    }

    async fn what_happened_from_a_moment_on_begins_with_its_first_event(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        for minute in 0..100 {
            let at = noon() + SignedDuration::from_mins(minute);
            let paid = || NewEvent::of_invoice(EventType::InvoicePaid, InvoiceId(1));
            events::insert(&mut tx, shop.id(), &[paid(), paid()], at).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let second = SignedDuration::from_secs(1);
        for (since, first) in [
            (noon() - second, Some(1)),
            (noon(), Some(1)),
            (noon() + second, Some(3)),
            (noon() + SignedDuration::from_mins(50), Some(101)),
            (noon() + SignedDuration::from_mins(99), Some(199)),
            (noon() + SignedDuration::from_mins(99) + second, None),
        ] {
            let found = events::first_since(&mut conn, shop.id(), since).await.unwrap();
            assert_eq!(found.map(|found| found.0), first, "{since}");
        }
        assert_eq!(events::first_since(&mut conn, SellerId(2), noon()).await.unwrap(), None);
    }
}
