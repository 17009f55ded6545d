//! Migrations, and the schema a program insists on.

use perennial_billing::{AmountRules, InvoiceId, LatePayment, Rate, Rounding, SellerId, ServiceId};
use perennial_store::ids::{self, IdKind};
use perennial_store::migrate::SchemaState;
use perennial_store::sellers::{self, TaxSettings};
use perennial_store::{Store, StoreError};
use perennial_testkit::{Kind, TestDatabase, on_both_databases};

use crate::shop::{Shop, TODAY, numbering, seller};

/// The newest step there is; a new one changes this number and nothing else here.
const NEWEST: i64 = 21;

/// What an issued invoice leaves behind, in every table whose shape a step has changed.
const KEPT: [&str; 4] = [
    "select seller_id, invoice_id, line, service_id, addon_id, product_id, description, quantity_millionths, \
        unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, price_id \
        from invoice_lines order by invoice_id, line",
    "select seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor from invoice_taxes order by invoice_id",
    "select seller_id, service_id, period, invoice_id, starts, ends, state from periods order by invoice_id",
    "select seller_id, id, at, actor, action, subject, subject_id from audit order by id",
];

/// What each account moved by, as it was booked up to step 10.
const BOOKS_BEFORE: &str = "select seller_id, invoice_id, booked_on, currency, account, sum(amount_minor) \
    from ledger_entries group by seller_id, invoice_id, booked_on, currency, account \
    having sum(amount_minor) <> 0 order by seller_id, invoice_id, booked_on, account";

/// The same, as it is booked from step 11 on.
const BOOKS: &str = "select seller_id, source_id, booked_on, currency, account, sum(minor) from ( \
    select seller_id, source_id, booked_on, currency, debit as account, amount_minor as minor from ledger \
    where source = 'invoice' union all \
    select seller_id, source_id, booked_on, currency, credit, -amount_minor from ledger where source = 'invoice') as m \
    group by seller_id, source_id, booked_on, currency, account \
    having sum(minor) <> 0 order by seller_id, source_id, booked_on, account";

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

/// A seller as step 10 had it.
fn seller_of_step_10(id: i64, country: &str, rate: i64, epoch: &str) -> String {
    format!(
        "insert into sellers (id, name, address1, address2, postcode, city, country, vat_number, company_number, email, iban, \
        bic, bankgiro, currency, time_zone, tax_rate_ppm, number_pattern, payment_terms_days, renew_ahead_months, \
        open_invoice_policy, mail_invoices, rounding, created_at, version) values ({id}, 'Norrsken Hosting AB', '', '', '', '', \
        '{country}', '', '', '', '', '', '', 'SEK', 'Europe/Stockholm', {rate}, '{{YYYY}}{{NNNNN}}', 10, 12, 'return', true, \
        'half_even', {epoch}, 1); "
    )
}

/// An invoice of a service that has its id, as step 10 had it: its lines by product, net and tax, and its tax by category
/// and rate.
struct Before {
    id: i64,
    lines: &'static [(i64, i64, &'static str, i64)],
    taxes: &'static [(&'static str, i64, i64, i64)],
    status: &'static str,
}

/// The day on which [`Before`]s are issued, and a later one on which a void one was taken back.
const ISSUED: &str = "2026-11-23";
const TAKEN_BACK: &str = "2026-11-25";

/// One to be paid for several products and taxes, one paid that gives some back, one taken back, one for nothing, one for
/// nothing that nobody marked as paid, and one for nothing that moved something between net and tax.
const BEFORE: [Before; 6] = [
    Before {
        id: 901,
        lines: &[
            (3, 10_000, "S", 250_000),
            (4, 500, "S", 60_000),
            (3, 999, "S", 250_000),
            (4, 300, "AE", 0),
            (5, 0, "S", 250_000),
        ],
        taxes: &[("S", 250_000, 10_999, 2_750), ("S", 60_000, 500, 30), ("AE", 0, 300, 0)],
        status: "issued",
    },
    Before {
        id: 902,
        lines: &[(3, 10_000, "S", 250_000), (4, -4_000, "S", 250_000)],
        taxes: &[("S", 250_000, 6_000, 1_500)],
        status: "paid",
    },
    Before {
        id: 903,
        lines: &[(3, 10_000, "S", 250_000), (4, -400, "S", 250_000)],
        taxes: &[("S", 250_000, 9_600, 2_400)],
        status: "void",
    },
    Before { id: 904, lines: &[(3, 0, "S", 250_000)], taxes: &[("S", 250_000, 0, 0)], status: "paid" },
    Before {
        id: 905,
        lines: &[(3, 700, "S", 250_000), (4, -700, "S", 250_000)],
        taxes: &[("S", 250_000, 0, 0)],
        status: "issued",
    },
    Before {
        id: 906,
        lines: &[(3, 400, "S", 250_000), (4, -500, "E", 0)],
        taxes: &[("S", 250_000, 400, 100), ("E", 0, -500, 0)],
        status: "paid",
    },
];

impl Before {
    fn net(&self) -> i64 {
        self.lines.iter().map(|(_, net, ..)| net).sum()
    }

    fn tax(&self) -> i64 {
        self.taxes.iter().map(|(.., tax)| tax).sum()
    }

    /// Everything that it left behind, in the order in which it was written.
    fn sql(&self, seller: i64, epoch: &str) -> String {
        let Self { id, status, .. } = self;
        let (net, tax) = (self.net(), self.tax());
        let total = net + tax;
        let (is_void, is_paid) = (*status == "void", *status == "paid" || total == 0);
        let (next, billed) = if is_void { (0, "2026-12-01") } else { (1, "2027-01-01") };
        let paid = if is_paid { "2027-01-01" } else { "2026-12-01" };
        let open = if is_void || is_paid { "null".to_owned() } else { id.to_string() };
        let mut sql = format!(
            "insert into services (seller_id, id, customer_id, product_id, label, status, cycle, anchor, first_period, \
            next_period, billed_through, paid_through, quantity_millionths, auto_renew, open_invoice_id, version, renew_on) \
            values ({seller}, {id}, 7, 3, '', 'active', '1m', '2026-12-01', 0, {next}, '{billed}', '{paid}', 1000000, true, \
            {open}, 2, '2026-12-18'); "
        );
        let state = if is_void {
            "void"
        } else if is_paid {
            "paid"
        } else {
            "invoiced"
        };
        let given_back = if *id == 901 { "'2026-12-31'" } else { "null" };
        sql += &format!(
            "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state, given_back_from) values \
            ({seller}, {id}, 0, {id}, '2026-12-01', '2027-01-01', '{state}', {given_back}); "
        );
        for ((product, net, category, rate), line) in self.lines.iter().zip(1..) {
            let quantity = if *net < 0 { -1_000_000 } else { 1_000_000 };
            sql += &format!(
                "insert into invoice_lines (seller_id, invoice_id, line, service_id, product_id, description, \
                quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, \
                price_origin, allowance_minor, allowance_reason, discount_code, whole_minor, whole_starts, share_days, share_of) \
                values ({seller}, {id}, {line}, {id}, {product}, 'a''b', {quantity}, abs({net}), {net}, '{category}', {rate}, \
                '2026-12-01', '2027-01-01', 'own', 5, 'because', 'TEN', abs({net}), '2026-12-01', 31, 31); "
            );
        }
        for (category, rate, base, tax) in self.taxes {
            sql += &format!("insert into invoice_taxes values ({seller}, {id}, '{category}', {rate}, {base}, {tax}); ");
        }
        let sides = [("receivable", total), ("revenue", -net), ("vat", -tax)];
        let booked: Vec<_> = sides.into_iter().filter(|(_, minor)| *minor != 0).collect();
        for ((account, minor), entry) in booked.iter().zip(1..) {
            sql += &format!(
                "insert into ledger_entries values ({seller}, {id}, {entry}, '{account}', 'SEK', {minor}, '{ISSUED}'); "
            );
            if is_void {
                let (entry, minor) = (entry + booked.len(), -minor);
                sql += &format!(
                    "insert into ledger_entries values ({seller}, {id}, {entry}, '{account}', 'SEK', {minor}, '{TAKEN_BACK}'); "
                );
            }
        }
        let mail = if is_void {
            "called_off"
        } else if is_paid {
            "sent"
        } else {
            "queued"
        };
        let (paid_at, number) = (if *status == "paid" { epoch } else { "null" }, id - 900);
        sql + &format!(
            "insert into outbox values ({seller}, {id}, 'invoice_mail', {id}, '{mail}', 0, {epoch}, {epoch}, null, null); \
            insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, \
            issued_at, currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, status, paid_at, run_id) values \
            ({seller}, {id}, 'invoice', 2026, {number}, '20260000{number}', 7, '{ISSUED}', '2026-12-03', {epoch}, 'SEK', {net}, \
            {tax}, {total}, 'half_even', '{{\"a\":1}}', '{{}}', '{status}', {paid_at}, 17); "
        )
    }
}

/// An installation as step 10 had it, where these sellers have issued [`BEFORE`].
fn data_of_step_10(sellers: &[i64], epoch: &str) -> String {
    let mut sql = String::new();
    for id in sellers {
        sql += &format!(
            "insert into customers (seller_id, id, kind, name, company, email, address1, address2, postcode, city, country, \
            vat_number, language, currency, tax_exempt, tax_category, tax_rate_ppm, created_on, customer_group) values \
            ({id}, 7, 'private', 'Astrid Nyman', '', '', '', '', '', '', 'SE', '', 'sv', 'SEK', false, 'S', 250000, '2020-02-29', \
            'friends'); "
        );
        for product in 3..=5 {
            sql += &format!(
                "insert into products values ({id}, {product}, 'Cloud Server', 3, 'vps', 'standard', 'catalogue', 1); "
            );
        }
        sql += &format!(
            "insert into prices values ({id}, 1, 3, '1m', 'SEK', '2020-01-01', 10000, 0); \
            insert into number_series values ({id}, 'invoice', 2026, 1, 7); \
            insert into outbox values ({id}, 999, 'price_notice', null, 'queued', 2, {epoch}, {epoch}, 4, 7); begin; "
        );
        sql.extend(BEFORE.map(|before| before.sql(*id, epoch)));
        sql += "commit; ";
    }
    sql
}

/// A database without a schema.
async fn empty(kind: Kind) -> (TestDatabase, Store) {
    let database = TestDatabase::empty(kind).await;
    let store = Store::create(&database.url).await.unwrap();
    (database, store)
}

/// Whether everything that was frozen before is frozen still.
fn assert_guarded(shop: &Shop) {
    for change in [
        "update invoices set net_minor = 1",
        "update invoices set run_id = 1",
        "update invoices set digest = 'x'",
        "delete from invoices",
        "update invoice_lines set net_minor = 1",
        "update invoice_lines set tax_country = 'DE'",
        "delete from invoice_lines",
        "update invoice_taxes set tax_country = 'DE'",
        "delete from invoice_taxes",
        "insert into invoice_taxes select seller_id, invoice_id, tax_category, tax_rate_ppm, 0, 0, 'FI' from invoice_taxes",
        "update ledger set amount_minor = 1",
        "delete from ledger",
        "update audit set actor = 'nobody'",
    ] {
        // A trigger sees rows only: there are no changes to refuse where there is nothing.
        let table = change
            .split(' ')
            .find(|word| ["invoices", "invoice_lines", "invoice_taxes", "ledger", "audit"].contains(word));
        if shop.look_number(&format!("select count(*) from {}", table.unwrap())) > 0 {
            shop.assert_refused(change, "never ");
        }
    }
}

/// A database at step 10.
async fn at_step_10(kind: Kind) -> Shop {
    let (database, store) = empty(kind).await;
    store.migrate_to(10).await.unwrap();
    Shop { database, store, seller: seller(1) }
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
        let before = (KEPT.map(|sql| shop.look(sql)), shop.look(BOOKS_BEFORE));
        assert!(before.0.iter().all(|rows| !rows.is_empty()), "{before:?}");

        shop.store.apply_migrations().await.unwrap();
        assert_eq!((KEPT.map(|sql| shop.look(sql)), shop.look(BOOKS)), before);
        assert_guarded(&shop);
        let twice = "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
            select seller_id, service_id, period, 902, starts, ends, state from periods";
        assert!(shop.database.sql(twice).is_err(), "a period is billed once");
        let renew_on = shop.look("select id, renew_on from services order by id");
        assert_eq!(renew_on, ["70|2026-12-18", "71|", "72|2028-02-29"], "the default lead time before what is billed");
        shop.pay(InvoiceId(901)).await;
        let renewed = shop.planned(&[ServiceId(70)]).await;
        assert_eq!(shop.write(&renewed).await.unwrap()[0].number, "202600002");
    }

    async fn books_of_step_10_are_booked_again_by_product_and_tax(kind) {
        let shop = at_step_10(kind).await;
        let epoch = shop.epoch();
        shop.meddle(&(seller_of_step_10(1, "SE", 250_000, epoch) + &seller_of_step_10(2, "DE", 250_000, epoch)));
        shop.meddle(&data_of_step_10(&[1, 2], epoch));
        let same = [
            "select seller_id, invoice_id, line, service_id, addon_id, product_id, description, quantity_millionths, \
                unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, price_id, \
                allowance_minor, allowance_reason, discount_code, whole_minor, whole_starts, share_days, share_of \
                from invoice_lines order by seller_id, invoice_id, line",
            "select seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor from invoice_taxes \
                order by seller_id, invoice_id, tax_category, tax_rate_ppm",
            "select seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency, \
                net_minor, tax_minor, total_minor, rounding, seller, buyer, run_id from invoices order by seller_id, id",
            "select seller_id, service_id, period, invoice_id, starts, ends, state, given_back_from from periods \
                order by seller_id, invoice_id",
            // Whose a mail is was told by its invoice, once.
            "select o.seller_id, o.id, o.kind, o.invoice_id, o.state, o.attempts, o.created_at, o.next_attempt_at, \
                o.campaign_id, coalesce(o.customer_id, i.customer_id) from outbox o \
                left join invoices i on i.seller_id = o.seller_id and i.id = o.invoice_id order by o.seller_id, o.id",
            "select seller_id, id, name, customer_group, created_on from customers order by seller_id, id",
            "select * from number_series order by seller_id",
            "select * from prices order by seller_id",
        ];
        let before = (same.map(|sql| shop.look(sql)), shop.look(BOOKS_BEFORE));
        assert!(before.0.iter().all(|rows| !rows.is_empty()), "{before:?}");

        shop.store.apply_migrations().await.unwrap();
        assert_eq!((same.map(|sql| shop.look(sql)), shop.look(BOOKS)), before);
        assert_guarded(&shop);
        // Each move with what it was for, numbered from 1; what was taken back is undone on the later day.
        let moves = |invoice: i64| {
            shop.look(&format!(
                "select entry, debit, credit, amount_minor, booked_on, product_id, tax_country, tax_category, tax_rate_ppm, currency \
                from ledger where source = 'invoice' and seller_id = 2 and source_id = {invoice} order by entry"
            ))
        };
        let open = [
            "1|receivable|revenue|10999|2026-11-23|3|DE|S|250000|SEK",
            "2|receivable|revenue|300|2026-11-23|4|DE|AE|0|SEK",
            "3|receivable|revenue|500|2026-11-23|4|DE|S|60000|SEK",
            "4|receivable|vat|30|2026-11-23||DE|S|60000|SEK",
            "5|receivable|vat|2750|2026-11-23||DE|S|250000|SEK",
        ];
        assert_eq!(moves(901), open, "nothing is booked for what costs nothing");
        let undone = [
            "1|receivable|revenue|10000|2026-11-23|3|DE|S|250000|SEK",
            "2|revenue|receivable|400|2026-11-23|4|DE|S|250000|SEK",
            "3|receivable|vat|2400|2026-11-23||DE|S|250000|SEK",
            "4|revenue|receivable|10000|2026-11-25|3|DE|S|250000|SEK",
            "5|receivable|revenue|400|2026-11-25|4|DE|S|250000|SEK",
            "6|vat|receivable|2400|2026-11-25||DE|S|250000|SEK",
        ];
        assert_eq!(moves(903), undone);
        assert_eq!(moves(904), [""; 0]);
        let between_products = [
            "1|receivable|revenue|700|2026-11-23|3|DE|S|250000|SEK",
            "2|revenue|receivable|700|2026-11-23|4|DE|S|250000|SEK",
        ];
        assert_eq!(moves(905), between_products);
        let wrongly_numbered = "select source_id from ledger group by seller_id, source, source_id \
            having min(entry) <> 1 or max(entry) <> count(*)";
        assert_eq!(shop.look(wrongly_numbered), [""; 0]);

        // What is to be paid, what was paid for nothing, and whose the tax is.
        let standing = "select id, status, open_minor, case when paid_at is null then '' else 'paid' end, rounding_minor, \
            tax_rounding, digest, corrects_id from invoices where seller_id = 1 order by id";
        let expected = [
            "901|issued|14579||0|group||",
            "902|paid|0|paid|0|group||",
            "903|void|0||0|group||",
            "904|paid|0|paid|0|group||",
            "905|paid|0|paid|0|group||",
            "906|paid|0|paid|0|group||",
        ];
        assert_eq!(shop.look(standing), expected);
        for table in ["invoice_lines", "invoice_taxes"] {
            let countries = format!("select distinct seller_id, tax_country from {table} order by seller_id");
            assert_eq!(shop.look(&countries), ["1|SE", "2|DE"]);
        }
        // What was taken for paid was paid by somebody.
        let paid = "select p.seller_id, p.id, p.customer_id, p.amount_minor, p.paid_on, s.invoice_id, s.amount_minor, l.debit, \
            l.credit, l.amount_minor, l.booked_on from payments p join settlements s on s.seller_id = p.seller_id \
            and s.source = 'payment' and s.source_id = p.id join ledger l on l.seller_id = p.seller_id and l.source = 'payment' \
            and l.source_id = p.id order by p.seller_id";
        let both = [1, 2].map(|seller| format!("{seller}|902|7|7500|1970-01-01|902|7500|bank|receivable|7500|1970-01-01"));
        assert_eq!(shop.look(paid), both);
        for seller in [1, 2] {
            let findings = shop.store.examine(SellerId(seller)).await.unwrap();
            let problems: Vec<String> = findings.into_iter().flat_map(|finding| finding.problems).collect();
            assert_eq!(problems, [""; 0]);
        }

        // And it goes on: the books, the numbers and the ids.
        shop.pay(InvoiceId(901)).await;
        assert_eq!(shop.look("select id from payments where seller_id = 1 order by id"), ["902", "903"]);
        assert_eq!(shop.look("select id from settlements where seller_id = 1 order by id"), ["902", "903"]);
        shop.meddle("update services set label = 'x'");
        let mut tx = shop.begin().await;
        ids::skip_past(&mut tx, IdKind::Invoice, 906).await.unwrap();
        ids::skip_past(&mut tx, IdKind::Outbox, 999).await.unwrap();
        tx.commit().await.unwrap();
        let renewed = shop.planned(&[ServiceId(901)]).await;
        assert_eq!(shop.write(&renewed).await.unwrap()[0].number, "202600007");
    }

    async fn an_installation_of_step_10_without_anything_becomes_one_of_today(kind) {
        let shop = at_step_10(kind).await;
        shop.store.apply_migrations().await.unwrap();
        shop.store.require_current_schema().await.unwrap();
        for table in ["invoices", "ledger", "payments", "settlements", "periods", "outbox"] {
            assert_eq!(shop.look(&format!("select * from {table}")), [""; 0], "{table}");
        }
        shop.open_for(&shop.seller).await;
        shop.stock(shop.id(), "Astrid Nyman", "Cloud Server").await;
        let invoice = shop.renew().await;
        shop.pay(invoice.id).await;
        assert_eq!(shop.look("select id from payments"), ["1"]);
        assert_eq!(shop.look("select id from settlements"), ["1"]);
    }

    async fn a_rate_that_is_the_country_s_own_follows_it_from_now_on(kind) {
        let shop = at_step_10(kind).await;
        let table = [("SE", 250_000, None), ("SE", 190_000, Some(190_000)), ("DE", 190_000, None), ("CH", 81_000, None), ("CH", 0, Some(0)), ("US", 0, Some(0)), ("FI", 240_000, Some(240_000))];
        for ((country, rate, _), id) in table.iter().zip(1..) {
            shop.meddle(&seller_of_step_10(id, country, *rate, shop.epoch()));
        }
        shop.store.apply_migrations().await.unwrap();
        let mut conn = shop.read().await;
        for ((country, rate, own), id) in table.iter().zip(1..) {
            let seller = sellers::get(&mut conn, SellerId(id)).await.unwrap().unwrap();
            let expected = TaxSettings { home_rate: own.map(Rate::from_parts_per_million), ..TaxSettings::default() };
            assert_eq!(seller.tax, expected, "{country} {rate}");
            let rules = seller.tax_rules().unwrap();
            assert_eq!(rules.home_rate_on(TODAY).parts_per_million(), *rate, "{country}: the same rate as before");
            assert_eq!(seller.amounts, AmountRules { rounding: Rounding::HalfEven, ..AmountRules::default() });
            assert_eq!(seller.numbering, numbering("{YYYY}{NNNNN}"));
            assert_eq!((seller.applies_credit, seller.late_payment), (false, LatePayment::Keep));
        }
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
