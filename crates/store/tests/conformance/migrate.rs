//! Migrations, and the schema a program insists on.

use perennial_store::migrate::SchemaState;
use perennial_store::{Store, StoreError, sellers};
use perennial_testkit::{Kind, TestDatabase, on_both_databases};
use tempfile::TempDir;

use crate::shop::{Shop, seller};

/// The newest step there is; a new one changes this number and nothing else here.
const NEWEST: i64 = 2;

/// A database without a schema, and what it lives in.
struct Empty {
    url: String,
    _folder: Option<TempDir>,
}

impl Empty {
    async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = TempDir::new().unwrap();
                let url = format!("sqlite:{}", folder.path().join("empty.db").display());
                Self { url, _folder: Some(folder) }
            }
            Kind::Postgres => Self { url: TestDatabase::empty_postgres().await.url, _folder: None },
        }
    }

    async fn open(&self) -> Store {
        Store::create(&self.url).await.unwrap()
    }
}

fn complaint(outcome: Result<(), StoreError>) -> String {
    match outcome {
        Err(StoreError::Schema(message)) => message,
        other => panic!("a complaint about the schema: {other:?}"),
    }
}

on_both_databases! {
    async fn an_empty_database_is_not_worked_with(kind) {
        let empty = Empty::new(kind).await;
        let store = empty.open().await;
        assert_eq!(store.schema_state().await.unwrap(), SchemaState { applied: 0, newest: NEWEST });
        let message = complaint(store.require_current_schema().await);
        assert_eq!(message, "the database is empty: run `perennial init`");
    }

    async fn a_migrated_database_is_current(kind) {
        let empty = Empty::new(kind).await;
        let store = empty.open().await;
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

    async fn of_several_nodes_one_migrates(kind) {
        let empty = Empty::new(kind).await;
        let nodes = [empty.open().await, empty.open().await, empty.open().await];
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
        assert_eq!(message, format!("the database is at schema 1 of {NEWEST}: run `perennial migrate`"));
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
