//! Issued documents never change, not even for a person with a database client.

use perennial_store::invoices::{self, InvoiceStatus};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::Shop;

const NEVER_CHANGES: &str = "an issued invoice never changes";
const NEVER_DELETED: &str = "an issued invoice is never deleted";
const BOOKED: &str = "a booked entry never changes";
const TRAIL: &str = "the audit trail never changes";
const PRICE: &str = "a price version never changes";

/// What of an invoice may change: whether and when it was paid.
const LIVING: [&str; 2] = ["status", "paid_at"];

/// Another value for each frozen column of an invoice.
fn forgeries(shop: &Shop) -> Vec<(&'static str, &'static str)> {
    vec![
        ("seller_id", "2"),
        ("id", "99"),
        ("kind", "'credit_note'"),
        ("fiscal_year", "2025"),
        ("series_number", "99"),
        ("number", "'202600099'"),
        ("customer_id", "8"),
        ("issued_on", "'2026-01-01'"),
        ("due_on", "'2030-01-01'"),
        ("issued_at", shop.epoch()),
        ("currency", "'EUR'"),
        ("net_minor", "1"),
        ("tax_minor", "0"),
        ("total_minor", "1"),
        ("rounding", "'half_even'"),
        ("seller", "'{}'"),
        ("buyer", "'{}'"),
        ("run_id", "1"),
    ]
}

/// Tries every column of a table, even with the value it has.
fn assert_no_column_can_be_set(shop: &Shop, table: &str, guard: &str) {
    let columns = shop.columns(table);
    assert!(columns.len() > 1, "{table} has columns");
    for column in columns {
        shop.assert_refused(&format!("update {table} set {column} = {column}"), guard);
    }
}

/// Everything a frozen table holds, as text.
fn photograph(shop: &Shop) -> Vec<Vec<String>> {
    let tables = ["invoices", "invoice_lines", "invoice_taxes", "ledger_entries", "audit", "prices"];
    tables.iter().map(|table| shop.look(&format!("select * from {table} order by 1, 2, 3"))).collect()
}

/// `insert or replace` is a deletion that triggers only see with this setting, which the program's connections have.
fn replace(statement: &str) -> String {
    format!("pragma recursive_triggers = on; insert or replace into {statement}")
}

on_both_databases! {
    async fn no_frozen_column_of_an_invoice_can_be_updated(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        let forgeries = forgeries(&shop);
        let mut known: Vec<&str> = forgeries.iter().map(|(column, _)| *column).chain(LIVING).collect();
        known.sort_unstable();
        let mut columns = shop.columns("invoices");
        columns.sort_unstable();
        assert_eq!(columns, known, "a new column is frozen or living: say which");
        for (column, value) in forgeries {
            shop.assert_refused(&format!("update invoices set {column} = {value}"), NEVER_CHANGES);
            // Nor under cover of a change that is allowed.
            shop.assert_refused(&format!("update invoices set status = 'paid', {column} = {value}"), NEVER_CHANGES);
        }
        assert_eq!(shop.invoice(invoice.id).await, invoice);
    }

    async fn an_invoice_can_be_paid_and_voided(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        shop.meddle(&format!("update invoices set status = 'paid', paid_at = {}", shop.epoch()));
        let paid = shop.invoice(invoice.id).await;
        assert_eq!((paid.status, paid.paid_at), (InvoiceStatus::Paid, Some(jiff::Timestamp::UNIX_EPOCH)));
        shop.meddle("update invoices set status = 'void', paid_at = null");
        let void = shop.invoice(invoice.id).await;
        assert_eq!(void, invoices::Invoice { status: InvoiceStatus::Void, ..invoice });
    }

    async fn no_invoice_can_be_deleted(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        shop.assert_refused("delete from invoices", NEVER_DELETED);
        shop.meddle("update invoices set status = 'void'");
        shop.assert_refused(&format!("delete from invoices where id = {}", invoice.id), NEVER_DELETED);
        shop.invoice(invoice.id).await;
    }

    async fn the_lines_of_an_invoice_are_closed(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        assert_no_column_can_be_set(&shop, "invoice_lines", NEVER_CHANGES);
        shop.assert_refused("delete from invoice_lines", NEVER_CHANGES);
        shop.assert_refused(&late_copy(&shop, "invoice_lines", "line", "99"), NEVER_CHANGES);
        assert_eq!(shop.look_number("select count(*) from invoice_lines"), 1);
    }

    async fn the_tax_of_an_invoice_is_closed(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        assert_no_column_can_be_set(&shop, "invoice_taxes", NEVER_CHANGES);
        shop.assert_refused("delete from invoice_taxes", NEVER_CHANGES);
        shop.assert_refused(&late_copy(&shop, "invoice_taxes", "tax_rate_ppm", "60000"), NEVER_CHANGES);
        assert_eq!(shop.look_number("select count(*) from invoice_taxes"), 1);
    }

    async fn a_line_cannot_hide_among_lines_of_a_new_invoice(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        // One row for an invoice that is not there yet, one for the issued one, in one statement.
        let columns = shop.columns("invoice_lines");
        let select = |invoice: &str, line: &str| {
            columns
                .iter()
                .map(|column| match column.as_str() {
                    "invoice_id" => invoice.to_owned(),
                    "line" => line.to_owned(),
                    other => other.to_owned(),
                })
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mixed = format!(
            "insert into invoice_lines select {} from invoice_lines union all select {} from invoice_lines",
            select("99", "1"),
            select("1", "2")
        );
        let mixed = format!("begin; {mixed}; rollback");
        shop.assert_refused(&mixed, NEVER_CHANGES);
    }

    async fn what_is_booked_stays_booked(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        assert_no_column_can_be_set(&shop, "ledger_entries", BOOKED);
        shop.assert_refused("delete from ledger_entries where account = 'vat'", BOOKED);
        assert_eq!(shop.look_number("select count(*) from ledger_entries"), 3);
    }

    async fn the_trail_stays_as_it_is(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        assert_no_column_can_be_set(&shop, "audit", TRAIL);
        shop.assert_refused("delete from audit", TRAIL);
        assert_eq!(shop.look_number("select count(*) from audit"), 1);
    }

    async fn a_price_version_never_changes(kind) {
        let shop = Shop::new(kind).await;
        assert_no_column_can_be_set(&shop, "prices", PRICE);
        shop.assert_refused("update prices set amount_minor = amount_minor + 1", PRICE);
        // A line tells which version its price came from, so a version that was used must stay.
        shop.assert_refused("delete from prices", PRICE);
        assert_eq!(shop.look_number("select amount_minor from prices"), 10_000);
    }

    async fn an_upsert_is_no_way_around(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        let before = photograph(&shop);
        for (table, key, change, guard) in [
            ("invoices", "seller_id, id", "number = 'x'", NEVER_CHANGES),
            ("ledger_entries", "seller_id, invoice_id, entry", "amount_minor = 0", BOOKED),
            ("audit", "seller_id, id", "actor = 'nobody'", TRAIL),
            ("prices", "seller_id, id", "amount_minor = 0", PRICE),
        ] {
            // `where true` tells SQLite that `on conflict` belongs to the insert and not to a join.
            let upsert = format!(
                "insert into {table} select * from {table} where true on conflict ({key}) do update set {change}"
            );
            shop.assert_refused(&upsert, guard);
        }
        assert_eq!(photograph(&shop), before);
    }
}

/// Adds a copy of every row of a table with one column changed, after its invoice was issued.
fn late_copy(shop: &Shop, table: &str, column: &str, value: &str) -> String {
    let columns = shop.columns(table);
    let values: Vec<&str> = columns.iter().map(|name| if name == column { value } else { name }).collect();
    format!("insert into {table} select {} from {table}", values.join(", "))
}

#[tokio::test]
async fn sqlite_replaces_nothing_that_is_frozen() {
    let shop = Shop::new(Kind::Sqlite).await;
    shop.renew().await;
    let before = photograph(&shop);
    for (table, guard) in [
        ("invoices", NEVER_DELETED),
        ("invoice_lines", NEVER_CHANGES),
        ("invoice_taxes", NEVER_CHANGES),
        ("ledger_entries", BOOKED),
        ("audit", TRAIL),
    ] {
        shop.assert_refused(&replace(&format!("{table} select * from {table}")), guard);
    }
    assert_eq!(photograph(&shop), before);
}

#[tokio::test]
async fn sqlite_replaces_no_price() {
    let shop = Shop::new(Kind::Sqlite).await;
    let cheaper = "prices select seller_id, id, product_id, cycle, currency, starts, 1, 0 from prices";
    shop.assert_refused(&replace(cheaper), PRICE);
}

#[tokio::test]
async fn postgres_empties_no_frozen_table() {
    let shop = Shop::new(Kind::Postgres).await;
    shop.renew().await;
    let before = photograph(&shop);
    shop.assert_refused("truncate invoices cascade", NEVER_DELETED);
    shop.assert_refused("truncate invoice_lines", NEVER_CHANGES);
    shop.assert_refused("truncate invoice_taxes", NEVER_CHANGES);
    // Emptying what they refer to would empty them too.
    shop.assert_refused("truncate sellers cascade", "never");
    assert_eq!(photograph(&shop), before);
}

#[tokio::test]
async fn postgres_empties_no_books() {
    let shop = Shop::new(Kind::Postgres).await;
    shop.renew().await;
    shop.assert_refused("truncate ledger_entries", BOOKED);
}

#[tokio::test]
async fn postgres_empties_no_trail() {
    let shop = Shop::new(Kind::Postgres).await;
    shop.renew().await;
    shop.assert_refused("truncate audit", TRAIL);
}

#[tokio::test]
async fn postgres_empties_no_price_list() {
    let shop = Shop::new(Kind::Postgres).await;
    shop.assert_refused("truncate prices", PRICE);
}
