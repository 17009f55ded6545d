//! The audit trail.

use jiff::Timestamp;
use perennial_billing::{CustomerId, SellerId};
use perennial_store::audit::{self, AuditEntry, KeptEntry};
use perennial_testkit::on_both_databases;

use crate::shop::{Shop, far_instants, noon};

fn entry(action: &'static str, subject_id: i64) -> AuditEntry {
    AuditEntry { at: noon(), actor: "key:7".to_owned(), action, subject: "service", subject_id, on_behalf_of: None }
}

on_both_databases! {
    async fn entries_are_counted_by_action(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        let first = [entry("service.renewed", 1), entry("service.renewed", 2), entry("service.changed", 1)];
        audit::append(&mut tx, shop.id(), &first).await.unwrap();
        audit::append(&mut tx, shop.id(), &[entry("service.renewed", 1)]).await.unwrap();
        audit::append(&mut tx, shop.id(), &[]).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        for (action, times) in [("service.renewed", 3), ("service.changed", 1), ("service", 0), ("", 0), ("%", 0)] {
            assert_eq!(audit::count(&mut conn, shop.id(), action).await.unwrap(), times, "{action}");
        }
    }

    async fn every_entry_says_who_did_what_when(kind) {
        let shop = Shop::bare(kind).await;
        let actors = ["cli", "import", "key:7", "O'Hara \"x\" \\n $1", "Åsa \u{1f9a5}", ""];
        let entries: Vec<AuditEntry> = actors
            .into_iter()
            .zip(far_instants())
            .zip(1..)
            .map(|((actor, at), id)| {
                let subject_id = if id % 2 == 0 { i64::MIN + id } else { i64::MAX - id };
                let on_behalf_of = (id % 2 == 0).then_some(CustomerId(id));
                AuditEntry { at, actor: actor.to_owned(), action: "it's.done", subject: "thing", subject_id, on_behalf_of }
            })
            .collect();
        let mut tx = shop.begin().await;
        audit::append(&mut tx, shop.id(), &entries).await.unwrap();
        tx.commit().await.unwrap();
        // The trail is for people with a database client, so it is read as they would.
        let microseconds = if shop.is_sqlite() { "at" } else { "(extract(epoch from at) * 1000000)::bigint" };
        let read =
            shop.look(&format!("select {microseconds}, actor, action, subject, subject_id, coalesce(on_behalf_of, 0) from audit order by id"));
        let written: Vec<String> = entries
            .iter()
            .map(|e| {
                let customer = e.on_behalf_of.map_or(0, |customer| customer.0);
                let at = Timestamp::as_microsecond(e.at);
                format!("{at}|{}|{}|{}|{}|{customer}", e.actor, e.action, e.subject, e.subject_id)
            })
            .collect();
        assert_eq!(read, written);
    }

    async fn the_trail_is_read_newest_first(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        let three = [entry("service.created", 5), entry("service.changed", 5), entry("service.renewed", 6)];
        audit::append(&mut tx, shop.id(), &three).await.unwrap();
        tx.commit().await.unwrap();
        let columns = "seller_id, id, at, actor, action, subject, subject_id, on_behalf_of";
        let (seller, at) = (shop.id(), shop.epoch());
        shop.meddle(&format!("insert into audit ({columns}) values ({seller}, 100, {at}, 'key:1', 'a', 'b', 2, 7)"));
        let mut conn = shop.read().await;
        let page = audit::page(&mut conn, shop.id(), None, 3).await.unwrap();
        let for_astrid = KeptEntry {
            id: 100,
            at: Timestamp::UNIX_EPOCH,
            actor: "key:1".to_owned(),
            on_behalf_of: Some(CustomerId(7)),
            action: "a".to_owned(),
            subject: "b".to_owned(),
            subject_id: 2,
        };
        assert_eq!(page[0], for_astrid);
        let last = &page[1];
        assert_eq!((last.at, last.actor.as_str(), last.on_behalf_of), (noon(), "key:7", None));
        assert_eq!((last.action.as_str(), last.subject.as_str(), last.subject_id), ("service.renewed", "service", 6));
        let rest = audit::page(&mut conn, shop.id(), Some(page[2].id), 3).await.unwrap();
        assert_eq!(rest.iter().map(|e| e.action.as_str()).collect::<Vec<_>>(), ["service.created"]);
        assert_eq!(audit::page(&mut conn, SellerId(2), None, 3).await.unwrap(), []);
    }

    async fn what_is_not_committed_did_not_happen(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        audit::append(&mut tx, shop.id(), &[entry("service.renewed", 1)]).await.unwrap();
        assert_eq!(audit::count(&mut tx, shop.id(), "service.renewed").await.unwrap(), 1);
        drop(tx);
        assert_eq!(audit::count(&mut shop.read().await, shop.id(), "service.renewed").await.unwrap(), 0);
    }
}
