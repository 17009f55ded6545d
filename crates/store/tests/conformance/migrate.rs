//! Migrations, and the schema a program insists on.

use perennial_store::migrate::SchemaState;
use perennial_store::{Store, StoreError, sellers};
use perennial_testkit::{Kind, TestDatabase, on_both_databases};

use crate::shop::{Shop, seller};

/// The newest step there is; a new one changes this number and nothing else here.
const NEWEST: i64 = 3;

/// What an issued invoice leaves behind, in every table whose shape a step has changed.
const KEPT: [&str; 5] = [
    "select * from invoice_lines order by invoice_id, line",
    "select * from invoice_taxes order by invoice_id",
    "select seller_id, service_id, period, invoice_id, starts, ends, state from periods order by invoice_id",
    "select * from ledger_entries order by invoice_id, entry",
    "select * from audit order by id",
];

/// A database without a schema.
async fn empty(kind: Kind) -> (TestDatabase, Store) {
    let database = TestDatabase::empty(kind).await;
    let store = Store::create(&database.url).await.unwrap();
    (database, store)
}

fn complaint(outcome: Result<(), StoreError>) -> String {
    match outcome {
        Err(StoreError::Schema(message)) => message,
        other => panic!("a complaint about the schema: {other:?}"),
    }
}

on_both_databases! {
    async fn an_empty_database_is_not_worked_with(kind) {
        let (_database, store) = empty(kind).await;
        assert_eq!(store.schema_state().await.unwrap(), SchemaState { applied: 0, newest: NEWEST });
        let message = complaint(store.require_current_schema().await);
        assert_eq!(message, "the database is empty: run `perennial init`");
    }

    async fn a_migrated_database_is_current(kind) {
        let (_database, store) = empty(kind).await;
        store.apply_migrations().await.unwrap();
        assert_eq!(store.schema_state().await.unwrap(), SchemaState { applied: NEWEST, newest: NEWEST });
        store.require_current_schema().await.unwrap();
        assert_eq!(sellers::ids(&mut store.read().await.unwrap()).await.unwrap(), []);
    }

    async fn migrating_again_changes_nothing(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        shop.store.apply_migrations().await.unwrap();
        assert_eq!(shop.store.schema_state().await.unwrap(), SchemaState { applied: NEWEST, newest: NEWEST });
        assert_eq!(sellers::get(&mut shop.read().await, shop.id()).await.unwrap(), Some(seller(1)));
        assert_eq!(shop.invoice(invoice.id).await, invoice);
    }

    async fn an_installation_of_before_keeps_what_it_has(kind) {
        let (database, store) = empty(kind).await;
        store.migrate_to(2).await.unwrap();
        let shop = Shop { database, store, seller: seller(1) };
        shop.open_for(&shop.seller).await;
        shop.stock(shop.id(), "Astrid Nyman", "Cloud Server").await;
        let invoice = shop.renew().await;
        let before = KEPT.map(|sql| shop.look(sql));
        assert!(before.iter().all(|rows| !rows.is_empty()), "{before:?}");

        shop.store.apply_migrations().await.unwrap();
        assert_eq!(KEPT.map(|sql| shop.look(sql)), before);
        assert_eq!(shop.invoice(invoice.id).await, invoice);
        for change in ["update invoice_lines set net_minor = 1", "delete from invoice_taxes", "delete from ledger_entries",
            "update audit set actor = 'nobody'"]
        {
            assert!(shop.database.sql(change).is_err(), "{change}");
        }
        let twice = "insert into periods select seller_id, service_id, period, 70, starts, ends, state from periods";
        assert!(shop.database.sql(twice).is_err(), "a period is billed once");
        shop.settle(invoice.id);
        assert_eq!(shop.renew().await.number, "202600002");
    }

    async fn of_several_nodes_one_migrates(kind) {
        let (database, a) = empty(kind).await;
        let nodes = [a, database.open().await, database.open().await];
        let [a, b, c] = &nodes;
        let outcomes = tokio::join!(a.apply_migrations(), b.apply_migrations(), c.apply_migrations());
        assert!(matches!(outcomes, (Ok(()), Ok(()), Ok(()))), "{outcomes:?}");
        for node in nodes {
            node.require_current_schema().await.unwrap();
        }
    }

    async fn an_older_schema_is_to_be_migrated(kind) {
        let shop = Shop::bare(kind).await;
        shop.meddle(&format!("delete from _sqlx_migrations where version = {NEWEST}"));
        let message = complaint(shop.store.require_current_schema().await);
        assert_eq!(message, format!("the database is at schema {} of {NEWEST}: run `perennial migrate`", NEWEST - 1));
    }

    async fn a_newer_schema_is_left_to_a_newer_program(kind) {
        let shop = Shop::bare(kind).await;
        shop.meddle(&format!("update _sqlx_migrations set version = 99 where version = {NEWEST}"));
        let message = complaint(shop.store.require_current_schema().await);
        assert!(message.starts_with("the database is at schema 99, newer than this program's"), "{message}");
        let message = complaint(shop.store.apply_migrations().await);
        assert!(message.contains("99"), "{message}");
    }

    async fn a_schema_with_another_history_is_not_migrated(kind) {
        let shop = Shop::bare(kind).await;
        let other = if shop.is_sqlite() { "x'00'" } else { "'\\x00'" };
        shop.meddle(&format!("update _sqlx_migrations set checksum = {other} where version = 1"));
        let message = complaint(shop.store.apply_migrations().await);
        assert!(message.starts_with("the database cannot be migrated: "), "{message}");
    }
}
