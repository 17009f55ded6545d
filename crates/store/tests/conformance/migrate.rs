//! Migrations, and the schema a program insists on.

use perennial_billing::{InvoiceId, ServiceId};
use perennial_store::migrate::SchemaState;
use perennial_store::{Store, StoreError, sellers};
use perennial_testkit::{Kind, TestDatabase, on_both_databases};

use crate::shop::{Shop, seller};

/// The newest step there is; a new one changes this number and nothing else here.
const NEWEST: i64 = 10;

/// What an issued invoice leaves behind, in every table whose shape a step has changed.
const KEPT: [&str; 5] = [
    "select seller_id, invoice_id, line, service_id, addon_id, product_id, description, quantity_millionths, \
        unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, price_id \
        from invoice_lines order by invoice_id, line",
    "select * from invoice_taxes order by invoice_id",
    "select seller_id, service_id, period, invoice_id, starts, ends, state from periods order by invoice_id",
    "select * from ledger_entries order by invoice_id, entry",
    "select * from audit order by id",
];

/// An installation as step 2 had it: a service that was renewed once, one with nothing to renew, one billed to a leap day.
fn data_of_step_2(epoch: &str) -> String {
    let service = "insert into services (seller_id, id, customer_id, product_id, label, status, cycle, anchor, first_period, \
        next_period, billed_through, paid_through, quantity_millionths, auto_renew, open_invoice_id, version) values (1,";
    format!(
        "insert into sellers values (1, 'Norrsken Hosting AB', 'Hamngatan 12', '', '', 'Sundsvall', 'SE', '', '', '', '', '', '', \
        'SEK', 'Europe/Stockholm', 250000, '{{YYYY}}{{NNNNN}}', 10, 12, 'return', true, 'half_up', {epoch}, 1); \
        insert into customers values (1, 7, 'private', 'Astrid Nyman', '', '', 'Storgatan 1', '', '', 'Sundsvall', 'SE', '', 'sv', \
        'SEK', false, 'S', 250000, '2020-02-29'); \
        insert into products values (1, 3, 'Cloud Server', 3, 'vps', 'standard', 'catalogue', 1); \
        insert into prices values (1, 1, 3, '1m', 'SEK', '2020-01-01', 10000); \
        {service} 70, 7, 3, 'vps.example.net', 'active', '1m', '2026-12-01', 0, 1, '2027-01-01', '2026-12-01', 1000000, true, 901, 2); \
        {service} 71, 7, 3, '', 'active', 'once', '2026-12-01', 0, 0, null, null, 1000000, true, null, 1); \
        {service} 72, 7, 3, '', 'active', '1m', '2028-02-29', 0, 0, '2028-03-14', '2028-03-14', 1000000, true, null, 1); \
        insert into number_series values (1, 'invoice', 2026, 1, 2); \
        begin; \
        insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
        values (1, 70, 0, 901, '2026-12-01', '2027-01-01', 'invoiced'); \
        insert into invoice_lines values (1, 901, 1, 70, null, 3, 'Cloud Server', 1000000, 10000, 10000, 'S', 250000, '2026-12-01', \
        '2027-01-01', 'catalogue', 1); \
        insert into invoice_taxes values (1, 901, 'S', 250000, 10000, 2500); \
        insert into ledger_entries values (1, 901, 1, 'receivable', 'SEK', 12500, '2026-11-23'), \
        (1, 901, 2, 'revenue', 'SEK', -10000, '2026-11-23'), (1, 901, 3, 'vat', 'SEK', -2500, '2026-11-23'); \
        insert into audit values (1, 901, {epoch}, 'cli', 'service.renewed', 'service', 70); \
        insert into invoices values (1, 901, 'invoice', 2026, 1, '202600001', 7, '2026-11-23', '2026-12-03', {epoch}, 'SEK', 10000, \
        2500, 12500, 'half_up', '{{}}', '{{}}', 'issued', null); \
        commit;"
    )
}

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
        shop.meddle(&data_of_step_2(shop.epoch()));
        let before = KEPT.map(|sql| shop.look(sql));
        assert!(before.iter().all(|rows| !rows.is_empty()), "{before:?}");

        shop.store.apply_migrations().await.unwrap();
        assert_eq!(KEPT.map(|sql| shop.look(sql)), before);
        for change in ["update invoices set net_minor = 1", "update invoices set run_id = 1","update invoice_lines set net_minor = 1", "delete from invoice_taxes", "delete from ledger_entries",
            "update audit set actor = 'nobody'"]
        {
            assert!(shop.database.sql(change).is_err(), "{change}");
        }
        let twice = "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
            select seller_id, service_id, period, 902, starts, ends, state from periods";
        assert!(shop.database.sql(twice).is_err(), "a period is billed once");
        let renew_on = shop.look("select id, renew_on from services order by id");
        assert_eq!(renew_on, ["70|2026-12-18", "71|", "72|2028-02-29"], "the default lead time before what is billed");
        shop.settle(InvoiceId(901));
        let renewed = shop.planned(&[ServiceId(70)]).await;
        assert_eq!(shop.write(&renewed).await.unwrap()[0].number, "202600002");
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
