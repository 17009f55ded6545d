//! Issued documents never change, not even for a person with a database client.

use perennial_billing::{Money, RefundId};
use perennial_store::brands::{self, StoredBrand};
use perennial_store::credits::{self, CreditReason, NewCreditMove};
use perennial_store::invoices::{self, InvoiceStatus};
use perennial_store::payments::{self, Refund};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, Shop, TODAY, noon, sek};

const NEVER_CHANGES: &str = "an issued invoice never changes";
const NEVER_DELETED: &str = "an issued invoice is never deleted";
const BOOKED: &str = "a booked entry never changes";
const TRAIL: &str = "the audit trail never changes";
const PRICE: &str = "a price version never changes";
const MONEY: &str = "money that moved never changes";
const SETTLED: &str = "a settlement never changes";
const EVIDENCE: &str = "evidence never changes";
const LOOK: &str = "a look never changes";

/// What of an invoice may change: whether and when it was paid, and what is still to be paid.
const LIVING: [&str; 3] = ["status", "paid_at", "open_minor"];

/// The tables beside invoices, the trail and the prices whose rows never change, with what guards them.
const KEPT: [(&str, &str); 7] = [
    ("ledger", BOOKED),
    ("payments", MONEY),
    ("refunds", MONEY),
    ("settlements", SETTLED),
    ("credit_entries", BOOKED),
    ("vat_checks", EVIDENCE),
    ("brands", LOOK),
];

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
        ("rounding_minor", "1"),
        ("total_minor", "1"),
        ("rounding", "'half_even'"),
        ("tax_rounding", "'line'"),
        ("includes_tax", "true"),
        ("seller", "'{}'"),
        ("buyer", "'{}'"),
        ("run_id", "1"),
        ("corrects_id", "1"),
        ("reason", "'mistaken'"),
        ("home_currency", "'EUR'"),
        ("home_rate_billionths", "1"),
        ("home_rate_on", "'2026-01-01'"),
        ("home_rate_source", "'ECB'"),
        ("home_tax_minor", "1"),
        ("digest", "null"),
    ]
}

/// A shop where everything that is frozen has a row: an invoice was paid, too much came in, it went back, and a VAT number
/// was checked.
async fn full(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let invoice = shop.renew().await;
    shop.pay(invoice.id).await;
    let mut tx = shop.begin().await;
    let payment = shop.payment(&mut tx, Money::new(500, sek())).await;
    payments::insert(&mut tx, shop.id(), &payment).await.unwrap();
    let refund = Refund {
        id: RefundId(1),
        customer: ASTRID,
        payment: Some(payment.id),
        amount: Money::new(200, sek()),
        method: "bank".to_owned(),
        reference: "back".to_owned(),
        paid_on: TODAY,
        at: noon(),
        actor: "cli".to_owned(),
    };
    payments::insert_refund(&mut tx, shop.id(), &refund).await.unwrap();
    let overpaid = NewCreditMove {
        customer: ASTRID,
        amount: Money::new(500, sek()),
        reason: CreditReason::Overpaid,
        invoice: None,
        payment: Some(payment.id),
        refund: None,
        at: noon(),
        actor: "cli".to_owned(),
    };
    credits::move_credit(&mut tx, shop.id(), &overpaid).await.unwrap().unwrap();
    let look = StoredBrand {
        accent: "#1f4e79".to_owned(),
        logo: String::new(),
        footer: "Approved for F-tax".to_owned(),
        closing: String::new(),
        columns: "quantity".to_owned(),
    };
    assert_eq!(brands::add(&mut tx, shop.id(), &look, noon()).await.unwrap(), 1);
    assert_eq!(brands::get(&mut tx, shop.id(), 1).await.unwrap(), Some(look));
    tx.commit().await.unwrap();
    shop.meddle(&format!(
        "insert into vat_checks values (1, 1, {ASTRID}, 'SE556123456701', {}, 'VIES', 'valid', 'Astrid', '', 'x')",
        shop.epoch()
    ));
    shop
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
    let tables = ["invoices", "invoice_lines", "invoice_taxes", "audit", "prices"];
    let tables = tables.into_iter().chain(KEPT.map(|(table, _)| table));
    tables.map(|table| shop.look(&format!("select * from {table} order by 1, 2, 3, 4"))).collect()
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
        shop.meddle("update invoices set open_minor = 1");
        assert_eq!(shop.invoice(invoice.id).await.open, Money::new(1, sek()));
        shop.meddle(&format!("update invoices set status = 'paid', open_minor = 0, paid_at = {}", shop.epoch()));
        let paid = shop.invoice(invoice.id).await;
        assert_eq!((paid.status, paid.paid_at), (InvoiceStatus::Paid, Some(jiff::Timestamp::UNIX_EPOCH)));
        shop.meddle("update invoices set status = 'void', paid_at = null");
        let void = shop.invoice(invoice.id).await;
        assert_eq!(void, invoices::Invoice { status: InvoiceStatus::Void, open: Money::zero(sek()), ..invoice });
    }

    async fn what_is_open_is_something_and_what_is_not_is_nothing(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        for wrong in ["open_minor = -1", "open_minor = 0", "status = 'paid'", "status = 'void'", "status = 'credited'", "status = 'written_off'", "status = 'lost'"] {
            shop.assert_refused(&format!("update invoices set {wrong}"), "constraint");
        }
    }

    async fn no_invoice_can_be_deleted(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        shop.assert_refused("delete from invoices", NEVER_DELETED);
        shop.meddle("update invoices set status = 'void', open_minor = 0");
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

    async fn what_is_booked_and_what_moved_stays(kind) {
        let shop = full(kind).await;
        let before = photograph(&shop);
        assert!(before.iter().all(|rows| !rows.is_empty()), "{before:?}");
        for (table, guard) in KEPT {
            assert_no_column_can_be_set(&shop, table, guard);
            shop.assert_refused(&format!("delete from {table}"), guard);
        }
        shop.assert_refused("delete from ledger where credit = 'vat'", BOOKED);
        assert_eq!(photograph(&shop), before);
        assert_eq!(shop.look_number("select count(*) from ledger"), 3);
    }

    async fn a_ledger_row_moves_something_between_two_known_accounts(kind) {
        let shop = Shop::new(kind).await;
        let row = |source: &str, entry: i64, debit: &str, credit: &str, minor: i64| {
            format!(
                "insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on) \
                values (1, '{source}', 1, {entry}, '{debit}', '{credit}', 'SEK', {minor}, '2026-11-23')"
            )
        };
        shop.meddle(&row("payment", 1, "bank", "receivable", 1));
        for wrong in [
            row("payment", 1, "bank", "receivable", 1),
            row("payment", 0, "bank", "receivable", 1),
            row("payment", 2, "bank", "receivable", 0),
            row("payment", 2, "bank", "receivable", -1),
            row("payment", 2, "bank", "bank", 1),
            row("payment", 2, "bank", "pocket", 1),
            row("payment", 2, "pocket", "bank", 1),
            row("gift", 2, "bank", "receivable", 1),
        ] {
            shop.assert_refused(&wrong, "constraint");
        }
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
        let shop = full(kind).await;
        let before = photograph(&shop);
        for (table, key, change, guard) in [
            ("invoices", "seller_id, id", "number = 'x'", NEVER_CHANGES),
            ("ledger", "seller_id, source, source_id, entry", "amount_minor = 1", BOOKED),
            ("payments", "seller_id, id", "amount_minor = 1", MONEY),
            ("payments", "seller_id, method, reference", "amount_minor = 1", MONEY),
            ("refunds", "seller_id, id", "amount_minor = 1", MONEY),
            ("settlements", "seller_id, id", "amount_minor = 1", SETTLED),
            ("credit_entries", "seller_id, id", "amount_minor = 1", BOOKED),
            ("vat_checks", "seller_id, id", "outcome = 'invalid'", EVIDENCE),
            ("brands", "seller_id, id", "footer = 'other'", LOOK),
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
    let shop = full(Kind::Sqlite).await;
    let before = photograph(&shop);
    let issued = [
        ("invoices", NEVER_DELETED),
        ("invoice_lines", NEVER_CHANGES),
        ("invoice_taxes", NEVER_CHANGES),
        ("audit", TRAIL),
    ];
    for (table, guard) in issued.into_iter().chain(KEPT) {
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
    let shop = full(Kind::Postgres).await;
    let before = photograph(&shop);
    for (table, guard) in KEPT {
        shop.assert_refused(&format!("truncate {table} cascade"), guard);
    }
    shop.assert_refused("truncate customers cascade", "never");
    assert_eq!(photograph(&shop), before);
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
