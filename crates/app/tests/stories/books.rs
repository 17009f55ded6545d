//! A whole provider's invoices and books, judged by programs of other people: Python's decimal recomputes every invoice, and
//! hledger reads the books and adds them up.
//!
//! `scripts/test` installs them and sets `PERENNIAL_ORACLES`; `PERENNIAL_ORACLES=skip` leaves them out.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::civil::date;
use perennial_app::{Actor, CreditOf, MAX_BATCH_SERVICES, NewPayment};
use perennial_billing::{DocumentKind, ExchangeRate, Money, ServiceId};
use perennial_render::einvoice::Syntax;
use perennial_render::{Chart, Format};
use perennial_store::invoices::{self, Invoice, InvoiceFilter};
use perennial_store::services;
use perennial_testkit::{Provider, on_both_databases, oracles, provider_csv};
use serde_json::json;

/// An invoice as the script reads it.
async fn as_json(provider: &Provider, conn: &mut perennial_store::Conn, invoice: &Invoice) -> String {
    let lines = invoices::lines(conn, provider.id(), invoice).await.unwrap();
    let groups = invoices::taxes(conn, provider.id(), invoice).await.unwrap();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "description": line.description,
                "quantity": line.quantity.to_string(),
                "unitPrice": line.unit_price.amount(),
                "allowance": line.allowance.as_ref().map(|off| off.amount.amount()),
                "part": line.part.map(|part| (part.whole.amount(), part.share.days, part.share.of)),
                "net": line.net.amount(),
                "country": line.tax.country.code(),
                "category": line.tax.category.code(),
                "rate": line.tax.rate.percent(),
            })
        })
        .collect();
    let groups: Vec<_> = groups
        .iter()
        .map(|group| {
            json!({
                "country": group.profile.country.code(),
                "category": group.profile.category.code(),
                "rate": group.profile.rate.percent(),
                "base": group.base.amount(),
                "tax": group.tax.amount(),
            })
        })
        .collect();
    json!({
        "number": invoice.number,
        "digits": invoice.total.currency.exponent(),
        "rounding": invoice.rules.rounding.as_str(),
        "taxRounding": invoice.rules.tax_rounding.as_str(),
        "net": invoice.net.amount(),
        "tax": invoice.tax.amount(),
        "roundingAmount": invoice.rounding.amount(),
        "total": invoice.total.amount(),
        "lines": lines,
        "groups": groups,
    })
    .to_string()
}

fn ask(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}. Run scripts/test."));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    let asking = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    asking.join().unwrap().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every document passes the official rules as an e-invoice: all of them in UBL, every twentieth in CII, whose rules take ten
/// times as long.
async fn assert_valid_e_invoices(provider: &Provider, oracles: &Path) {
    let filter = InvoiceFilter { with_credit_notes: true, ..InvoiceFilter::default() };
    let documents = invoices::page(&mut provider.read().await, provider.id(), filter, 10_000, 0).await.unwrap();
    let mut texts = String::new();
    let mut count = 0;
    for (nth, document) in documents.iter().enumerate() {
        for (syntax, word) in [(Syntax::Ubl, "ubl"), (Syntax::Cii, "cii")] {
            if syntax == Syntax::Cii && nth % 20 != 0 {
                continue;
            }
            let file = provider.app.e_invoice(&provider.staff(), document.id, syntax).await.unwrap();
            assert_eq!(file.problems, [], "{}", document.number);
            texts += &json!({ "name": document.number, "syntax": word, "xml": file.text }).to_string();
            texts.push('\n');
            count += 1;
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/en16931.py");
    let said = ask(Command::new(oracles.join("bin/python")).arg(script), &texts);
    let refused: Vec<&str> = said.lines().filter(|line| !line.ends_with("\"faults\": [], \"second\": []}")).collect();
    assert!(refused.is_empty(), "{} of {count}: {:#?}", refused.len(), &refused[..refused.len().min(10)]);
    assert_eq!(said.lines().count(), count);
    assert!(documents.iter().any(|document| document.kind == DocumentKind::CreditNote) && count > 3_000);
}

on_both_databases! {
    async fn every_invoice_and_the_books_of_a_provider_are_right_to_the_cent(kind) {
        let Some(oracles) = oracles() else { return };
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        for (code, rate) in [("EUR", "0.0876"), ("DKK", "0.653"), ("NOK", "1.03"), ("USD", "0.095")] {
            let (currency, rate) = (code.parse().unwrap(), rate.parse().unwrap());
            let new = ExchangeRate { currency, starts: date(2026, 1, 1), rate, source: "ECB".to_owned() };
            app.add_exchange_rate(provider.id(), Actor::Cli, &new).await.unwrap();
        }
        app.import_csv(provider.id(), provider_csv(), |_, _| {}).await.unwrap();
        let all = services::all(&mut provider.read().await, provider.id()).await.unwrap();
        let all: Vec<ServiceId> = all.iter().map(|service| service.id).collect();
        for batch in all.chunks(MAX_BATCH_SERVICES) {
            app.renew(&staff, batch).await.unwrap();
        }
        // Some are paid, in part, in full or too much; some are given back.
        let mut conn = provider.read().await;
        let known = invoices::page(&mut conn, provider.id(), InvoiceFilter::default(), 10_000, 0).await.unwrap();
        for (nth, invoice) in known.iter().enumerate().filter(|(nth, invoice)| nth % 20 == 0 && invoice.open.minor > 1) {
            let minor = invoice.total.minor / 2 * i64::try_from(nth / 20 % 3 + 1).unwrap();
            let (amount, reference) = (Money::new(minor, invoice.total.currency), invoice.number.clone());
            let (customer, method) = (invoice.customer, "bank".to_owned());
            let new = NewPayment { customer, amount, method, reference, paid_on: None, invoices: vec![invoice.id] };
            app.record_payment(&staff, &new).await.unwrap();
            if nth % 60 == 0 {
                app.credit_invoice(&staff, invoice.id, &CreditOf::Amount(minor / 3 + 1), "Was down").await.unwrap();
            }
        }

        let mut texts = String::new();
        for invoice in &known {
            texts += &as_json(&provider, &mut conn, invoice).await;
            texts.push('\n');
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/recompute_invoices.py");
        let said = ask(Command::new(oracles.join("bin/python")).arg(script), &texts);
        assert_eq!(said.trim(), format!("{} invoices", known.len()));
        assert!(known.len() > 2_900);

        assert_valid_e_invoices(&provider, &oracles).await;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("books.journal");
        let days = (date(2026, 1, 1), date(2026, 12, 31));
        let out = std::fs::File::create(&file).unwrap();
        app.export_ledger(&staff, days, Format::PlainText, Chart::default(), out).await.unwrap();
        let hledger = |args: &[&str]| ask(Command::new("hledger").arg("-f").arg(&file).args(args), "");
        hledger(&["check", "--strict"]);
        // What is owed and what customers have, by currency, as hledger adds it up and as it stands in the database.
        let balances = |account: &str| {
            let table = hledger(&["balance", account, "--flat", "--no-total", "-O", "csv", "--layout", "bare"]);
            let cells = table.lines().skip(1).map(|row| row.trim_matches('"').split("\",\"").collect::<Vec<_>>());
            cells.map(|cells| (cells[1].to_owned(), cells[2].to_owned())).collect::<BTreeMap<_, _>>()
        };
        let stored = |sql: &str| {
            let rows = provider.database.sql(sql).unwrap();
            let row = |row: &str| {
                let (code, minor) = row.split_once('|').unwrap();
                (code.to_owned(), Money::new(minor.parse().unwrap(), code.parse().unwrap()).amount())
            };
            rows.lines().map(row).collect::<BTreeMap<_, _>>()
        };
        let open = "select currency, sum(open_minor) from invoices where kind = 'invoice' group by currency \
            having sum(open_minor) <> 0";
        assert_eq!(balances("assets:receivable"), stored(open));
        let credit = "select currency, -sum(balance_minor) from credits group by currency having sum(balance_minor) <> 0";
        assert_eq!(balances("liabilities:customer credit"), stored(credit));
        provider.assert_well().await;
    }
}
