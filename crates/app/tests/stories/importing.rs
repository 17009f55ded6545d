//! Importing a provider's CSV files.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{CSV_COLUMNS_ADDED, CSV_FILES, ImportError, MAX_BATCH_SERVICES, Outcome, Tally};
use perennial_billing::{AddonId, PeriodNumber, ServiceId};
use perennial_store::invoices::{self, InvoiceFilter};
use perennial_store::{addons, contacts, customers, services};
use perennial_testkit::{Kind, Provider, on_both_databases, provider_csv};
use tempfile::TempDir;

on_both_databases! {
    async fn a_provider_moves_in_and_importing_twice_changes_nothing(kind) {
        let provider = Provider::new(kind).await;
        let first = provider.app.import_csv(provider.id(), provider_csv(), |_, _| {}).await.unwrap();
        let tally = |added, kept| Tally { added, kept };
        assert_eq!(
            (first.report.customers, first.report.products, first.report.prices, first.report.services, first.report.addons),
            (tally(1500, 0), tally(17, 0), tally(392, 0), tally(3691, 0), tally(466, 0))
        );
        let mut conn = provider.app.store.read().await.unwrap();
        let service = services::get(&mut conn, provider.id(), ServiceId(20006)).await.unwrap().unwrap();
        assert_eq!(service.schedule.anchor, date(2024, 2, 29));
        assert_eq!((service.next_period, service.billed_through), (PeriodNumber(12), Some(date(2027, 2, 28))));
        assert_eq!((service.paid_through, service.own_price_minor), (Some(date(2027, 2, 28)), Some(346_800)));
        let addon = addons::get(&mut conn, provider.id(), AddonId(700)).await.unwrap().unwrap();
        assert_eq!(addon.service, ServiceId(20000));
        assert_eq!(contacts::all(&mut conn, provider.id()).await.unwrap().len(), 246);

        provider.app.renew(&provider.staff(), &[ServiceId(20006)]).await.unwrap();
        let second = provider.app.import_csv(provider.id(), provider_csv(), |_, _| {}).await.unwrap();
        assert_eq!(second.report.added(), 0);
        let renewed = services::get(&mut conn, provider.id(), ServiceId(20006)).await.unwrap().unwrap();
        assert_eq!(renewed.billed_through, Some(date(2027, 5, 29)), "what has moved on is not turned back");
        // What is sold from now on gets ids beyond the imported ones.
        assert!(provider.customer("Next Customer").await.0 > 31_499);
        provider.assert_well().await;
    }

    async fn volume_prices_and_addons_with_years_of_their_own_are_read(kind) {
        let provider = Provider::new(kind).await;
        let customer = "1,private,Anna Ek,,anna@example.com,,Storgatan 1,,852 30,Sundsvall,SE,,sv,SEK,0,2020-01-01";
        let addons = "7,20,11,1,,,,\n8,20,11,1,,1y,2026-03-01,2027-03-01\n";
        let files = |addons| folder_with(&[
            ("customers.csv", customer),
            ("products.csv", "10,Server,3,vps,standard,catalogue\n11,Certificate,7,addon,standard,catalogue"),
            ("prices.csv", "10,1m,SEK,100.00,2020-01-01,\n10,1m,SEK,90.00,2020-01-01,10\n11,1m,SEK,5.00,2020-01-01,\n\
                11,1y,SEK,50.00,2020-01-01,0"),
            ("services.csv", "20,1,10,vps,active,1m,2026-01-01,2027-03-01,10,,1"),
            ("addons.csv", addons),
        ]);
        provider.app.import_csv(provider.id(), files(addons).path(), |_, _| {}).await.unwrap();
        let renewals = provider.app.renew(&provider.staff(), &[ServiceId(20)]).await.unwrap();
        let Outcome::Renewed(renewed) = &renewals[0].outcome else { panic!("{renewals:?}") };
        let lines: Vec<_> = renewed.plan.lines.iter().map(|line| format!("{} = {}", line.description, line.net)).collect();
        assert_snapshot!(lines.join("\n"), @"
        Server vps, 2027-03-01 – 2027-03-31 = 900.00 SEK
        + Certificate, 2027-03-01 – 2027-03-31 = 5.00 SEK
        + Certificate, 2027-03-01 – 2028-02-29 = 50.00 SEK
        ");
        let bad = "7,20,11,1,,1y,2026-03-01,2027-04-01\n8,20,11,1,,1y,,2027-03-01\n9,20,11,1,,once,2026-03-01,2027-03-01\n";
        let problems = provider.app.import_csv(provider.id(), files(bad).path(), |_, _| {}).await.unwrap_err();
        let ImportError::Problems { problems, .. } = problems else { panic!("{problems}") };
        assert_snapshot!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), @"
        addons.csv:2: next_due: 2027-04-01 is not 2026-03-01 plus a whole number of cycles of 1y
        addons.csv:3: anchor: is missing
        addons.csv:4: cycle: once does not recur; leave it empty to bill it with its service
        ");
        provider.assert_well().await;
    }

    async fn every_bad_row_is_named_and_nothing_is_imported(kind) {
        let provider = Provider::new(kind).await;
        let folder = folder_with(&[
            ("customers.csv", "1,private,Anna Ek,,anna@example.com,,Gatan 1,,111 11,Lund,SE,,sv,SEK,0,2026-01-01\n\
                2,alien,Bo,,not-an-address,,,,,,Sverige,,sv,XYZ,maybe,yesterday\n\
                1,private,Anna Again,,,,,,,,SE,,sv,SEK,0,2026-01-01\n\
                3,company,,,,cc@example.com;oops,,,,,SE,12,sv,SEK,0,2026-01-01\n"),
            ("products.csv", "10,Server,3,vps,standard,catalogue\n11,Odd,x,vps,reduced,feed:\n12,Fed,3,domain,standard,feed:nowhere\n"),
            ("prices.csv", "10,1m,SEK,100.00,2020-01-01\n10,1m,SEK,100.005,2021-01-01\n10,1m,SEK,90,2020-01-01\n\
                99,1m,SEK,1.00,2020-01-01\n10,sometimes,SEK,1.00,2020-13-01\n"),
            ("services.csv", "100,1,10,ok.example,active,1m,2026-01-31,2026-12-31,1,,1\n\
                101,1,10,drift.example,active,1m,2026-01-31,2026-12-30,1,,1\n\
                102,1,10,early.example,active,1m,2026-01-31,2025-12-31,1,,1\n\
                103,1,10,once.example,active,once,2026-01-31,2026-12-31,1,,1\n\
                104,1,10,nodue.example,active,1m,2026-01-31,,0,,1\n\
                105,77,10,nobody.example,asleep,1m,2026-01-31,2026-12-31,-1,1.999,2\n\
                106,1,10,short.example,active\n"),
            ("addons.csv", "700,100,10,1,\n701,555,10,1,\n702,100,10,1,abc\n"),
        ]);
        let error = provider.app.import_csv(provider.id(), folder.path(), |_, _| {}).await.unwrap_err();
        let ImportError::Problems { problems, total } = error else { panic!("problems") };
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), total);
        assert_snapshot!(told.join("\n"), @r#"
        customers.csv:3: kind: "alien": must be private or company
        customers.csv:3: currency: "XYZ": `XYZ` is not an active ISO 4217 currency code
        customers.csv:3: tax_exempt: "maybe": must be 0 or 1
        customers.csv:3: created: "yesterday": not a date such as 2026-11-30
        customers.csv:4: id: 1 stands on line 2 already
        customers.csv:5: cc_emails: is not a mail address: "oops"
        customers.csv:5: company: is missing
        customers.csv:5: vat_number: must begin with the two letters of its country, such as SE: "12"
        products.csv:3: service_type: "x": invalid digit found in string
        products.csv:3: price_source: "feed:": a price source is `catalogue` or `feed:NAME`, the name in lower-case letters, digits, `-` and `_`
        products.csv:3: tax_class: "reduced": must be standard, service, goods, exempt, zero or outside
        products.csv:4: price_source: no price feed `nowhere` is configured: add [feeds.nowhere] to the configuration
        prices.csv:3: amount: "100.005": at most 2 digits after the decimal point are possible
        prices.csv:4: product_id: 10 1m SEK from 2020-01-01 stands on line 2 already
        prices.csv:5: product_id: 99 is neither a good row of products.csv nor in the database
        prices.csv:6: cycle: "sometimes": `sometimes` is no cycle: write a count and a unit such as `30d`, `2w`, `3m`, `1y`, a name such as `Quarterly`, or `once`, `free`
        prices.csv:6: starts: "2020-13-01": not a date such as 2026-11-30
        services.csv:3: next_due: 2026-12-30 is not 2026-01-31 plus a whole number of cycles of 1m
        services.csv:4: next_due: 2025-12-31 is not 2026-01-31 plus a whole number of cycles of 1m
        services.csv:5: next_due: must be empty, because the cycle is once
        services.csv:6: quantity: "0": must be more than 0
        services.csv:6: next_due: is missing, although the cycle is 1m
        services.csv:7: status: "asleep": a status is one of pending, active, suspended, cancelled, terminated, fraud
        services.csv:7: customer_id: 77 is neither a good row of customers.csv nor in the database
        services.csv:7: quantity: "-1": must be more than 0
        services.csv:7: auto_renew: "2": must be 0 or 1
        services.csv:8: has 5 fields instead of 11
        addons.csv:3: service_id: 555 is neither a good row of services.csv nor in the database
        addons.csv:4: own_price: "abc": not a decimal number such as `12.50`
        "#);
        let mut conn = provider.app.store.read().await.unwrap();
        assert!(customers::all(&mut conn, provider.id()).await.unwrap().is_empty());
    }

    async fn missing_files_wrong_headers_and_broken_text_are_named(kind) {
        let provider = Provider::new(kind).await;
        let folder = folder_with(&[("products.csv", ""), ("prices.csv", ""), ("addons.csv", "")]);
        fs::write(folder.path().join("customers.csv"), "id,name\n1,Anna\n").unwrap();
        fs::write(folder.path().join("products.csv"), b"id,name,service_type,kind,tax_class,price_source\n1,\xff,1,a,standard,catalogue\n")
            .unwrap();
        let error = provider.app.import_csv(provider.id(), folder.path(), |_, _| {}).await.unwrap_err();
        let ImportError::Problems { problems, .. } = error else { panic!("problems") };
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_snapshot!(told.join("\n"), @"
        customers.csv:1: the first line must be id,kind,name,company,email,cc_emails,address1,address2,postcode,city,country,vat_number,language,currency,tax_exempt,created
        products.csv:2: is not valid UTF-8 or not valid CSV
        services.csv: cannot be read: No such file or directory (os error 2)
        ");
    }
}

/// Both databases import the same provider and renew all that can be renewed: every invoice is the same.
#[tokio::test(flavor = "multi_thread")]
async fn both_databases_issue_identical_invoices() {
    let (on_sqlite, on_postgres) = (renew_everything(Kind::Sqlite).await, renew_everything(Kind::Postgres).await);
    assert_eq!(on_sqlite.len(), on_postgres.len());
    for (one, other) in on_sqlite.iter().zip(&on_postgres) {
        assert_eq!(one, other);
    }
    assert_snapshot!(format!("{} invoices\n{}", on_sqlite.len(), on_sqlite[..3].join("\n")), @r#"
    2954 invoices
    202600001 30000 2026-11-23 2028-07-02 1544.16 SEK 386.04 SEK 1930.20 SEK ["VPS S vps20000.example.net, 2028-07-02 – 2029-07-01 1 1196.16 SEK Period { starts: 2028-07-02, ends: 2029-07-02 }", "+ Extra storage 50 GB, 2028-07-02 – 2029-07-01 1 348.00 SEK Period { starts: 2028-07-02, ends: 2029-07-02 }"] ["S 25 % 1544.16 SEK 386.04 SEK"] Karin Svensson
    202600002 30001 2026-11-23 2026-12-07 83.74 SEK 20.94 SEK 104.68 SEK ["Start (cPanel) jensen20001.se, 2026-11-30 – 2026-12-30 1 83.74 SEK Period { starts: 2026-11-30, ends: 2026-12-31 }"] ["S 25 % 83.74 SEK 20.94 SEK"] Anna Jensen
    202600003 30001 2026-11-23 2028-07-29 199.00 SEK 49.75 SEK 248.75 SEK [".nu domain jensen20002.se, 2028-07-29 – 2029-07-28 1 199.00 SEK Period { starts: 2028-07-29, ends: 2029-07-29 }"] ["S 25 % 199.00 SEK 49.75 SEK"] Anna Jensen
    "#);
}

async fn renew_everything(kind: Kind) -> Vec<String> {
    let provider = Provider::new(kind).await;
    provider.app.import_csv(provider.id(), provider_csv(), |_, _| {}).await.unwrap();
    let mut conn = provider.app.store.read().await.unwrap();
    let all: Vec<ServiceId> = services::all(&mut conn, provider.id()).await.unwrap().iter().map(|s| s.id).collect();
    for batch in all.chunks(MAX_BATCH_SERVICES) {
        for renewal in provider.app.renew(&provider.staff(), batch).await.unwrap() {
            assert!(matches!(renewal.outcome, Outcome::Renewed(_) | Outcome::Refused(_)), "{renewal:?}");
        }
    }
    provider.assert_well().await;
    let mut documents = Vec::new();
    for invoice in invoices::page(&mut conn, provider.id(), InvoiceFilter::default(), 10_000, 0).await.unwrap() {
        let lines = invoices::lines(&mut conn, provider.id(), &invoice).await.unwrap();
        let taxes = invoices::taxes(&mut conn, provider.id(), &invoice).await.unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|l| format!("{} {} {} {:?}", l.description, l.quantity, l.net, l.period.expect("days")))
            .collect();
        let taxes: Vec<_> =
            taxes.iter().map(|t| format!("{} {} {} {}", t.profile.category, t.profile.rate, t.base, t.tax)).collect();
        documents.push(format!(
            "{} {} {} {} {} {} {} {:?} {:?} {}",
            invoice.number,
            invoice.customer,
            invoice.issued_on,
            invoice.due_on,
            invoice.net,
            invoice.tax,
            invoice.total,
            lines,
            taxes,
            invoice.buyer.display_name()
        ));
    }
    documents.sort();
    documents
}

/// The five files with these rows and the heads that fit them: with the columns that were added later, or without.
fn folder_with(rows: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (file, text) in rows {
        let (_, columns) = CSV_FILES.iter().find(|(name, _)| name == file).unwrap();
        let width = text.lines().next().map_or(0, |row| row.split(',').count());
        let added = CSV_COLUMNS_ADDED.iter().find(|(name, _)| name == file).map_or(0, |(_, added)| *added);
        let columns = if width == columns.len() { columns } else { &columns[..columns.len() - added] };
        let path: &Path = &folder.path().join(file);
        fs::write(path, format!("{}\n{text}", columns.join(","))).unwrap();
    }
    folder
}
