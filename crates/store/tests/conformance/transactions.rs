//! Transactions: all or nothing, and readers who are not disturbed.

use perennial_billing::{CustomerId, InvoiceId};
use perennial_store::{READER_CONNECTIONS, StoreError, customers, outbox};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, Shop, customer, noon};

async fn name(conn: &mut perennial_store::Conn, shop: &Shop) -> String {
    customers::get(conn, shop.id(), ASTRID).await.unwrap().unwrap().party.name
}

on_both_databases! {
    async fn a_transaction_reads_what_it_wrote_and_others_do_not(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(ASTRID.0, "Astrid Lind")]).await.unwrap();
        assert_eq!(name(&mut tx, &shop).await, "Astrid Lind");
        // As many readers as there are, all at once, while the writer is at work.
        let mut readers = Vec::new();
        for _ in 0..READER_CONNECTIONS {
            readers.push(shop.read().await);
        }
        for reader in &mut readers {
            assert_eq!(name(reader, &shop).await, "Astrid Nyman");
        }
        tx.commit().await.unwrap();
        for reader in &mut readers {
            assert_eq!(name(reader, &shop).await, "Astrid Lind");
        }
    }

    async fn what_is_dropped_is_undone(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(ASTRID.0, "Nobody"), customer(8, "Nobody")]).await.unwrap();
        drop(tx);
        let mut conn = shop.read().await;
        assert_eq!(customers::all(&mut conn, shop.id()).await.unwrap(), [customer(ASTRID.0, "Astrid Nyman")]);
        // And the next writer finds nothing in its way.
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(8, "Bertil Berg")]).await.unwrap();
        tx.commit().await.unwrap();
        let bertil = customers::get(&mut conn, shop.id(), CustomerId(8)).await.unwrap();
        assert_eq!(bertil, Some(customer(8, "Bertil Berg")));
    }

    async fn a_commit_that_fails_undoes_everything_and_frees_the_writer(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(ASTRID.0, "Nobody")]).await.unwrap();
        // Deferred keys speak up at the commit.
        outbox::queue_invoice_mails(&mut tx, shop.id(), &[(InvoiceId(99), ASTRID)], noon()).await.unwrap();
        let error = tx.commit().await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        assert_eq!(name(&mut shop.read().await, &shop).await, "Astrid Nyman");
        let mut tx = shop.begin().await;
        assert_eq!(name(&mut tx, &shop).await, "Astrid Nyman");
        customers::upsert(&mut tx, shop.id(), &[customer(ASTRID.0, "Astrid Lind")]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(name(&mut shop.read().await, &shop).await, "Astrid Lind");
    }

    async fn an_empty_transaction_commits(kind) {
        let shop = Shop::new(kind).await;
        shop.begin().await.commit().await.unwrap();
    }

    async fn what_was_committed_is_there_for_the_next_program(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        shop.store.close().await;
        let next = Shop { store: shop.database.open().await, ..shop };
        assert_eq!(next.invoice(invoice.id).await, invoice);
    }

    async fn a_store_says_what_it_is(kind) {
        let shop = Shop::bare(kind).await;
        let name = match kind {
            perennial_testkit::Kind::Sqlite => "SQLite",
            perennial_testkit::Kind::Postgres => "PostgreSQL",
        };
        assert_eq!(shop.store.kind(), name);
        assert_eq!(shop.store.useful_writers(), if shop.is_sqlite() { 1 } else { 2 });
    }
}
