//! Programs of other people judge what is written: hledger reads the journal and adds it up, Python
//! knows code page 437.
//!
//! `scripts/test` installs hledger from Debian and sets `PERENNIAL_ORACLES`; `PERENNIAL_ORACLES=skip` leaves the judges
//! out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use perennial_billing::Money;
use perennial_render::{Chart, Voucher, plain_text, sie};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::readers::{self, Read};
use crate::{balances, books, currency, month, random};

/// How many random vouchers the judges get besides the month.
const VOUCHERS: usize = 400;

/// The month, and random vouchers from a fixed seed.
fn vouchers() -> Vec<Voucher> {
    let mut runner = TestRunner::deterministic();
    let random = prop::collection::vec(random::voucher(), VOUCHERS).new_tree(&mut runner).unwrap().current();
    month::vouchers().into_iter().chain(random).collect()
}

/// The folder of the oracles, or nothing if they are to be skipped.
fn oracles() -> Option<PathBuf> {
    let folder = std::env::var_os("PERENNIAL_ORACLES").expect(
        "PERENNIAL_ORACLES is not set: run scripts/test, which installs what this compares with, or set it to `skip`",
    );
    (folder != "skip").then(|| folder.into())
}

/// What a program printed.
fn output(program: &mut Command) -> String {
    let output = program.output().unwrap_or_else(|e| panic!("{program:?} does not start: {e}. Run scripts/test."));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?} failed.\n{error}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn hledger(journal: &Path, arguments: &[&str]) -> String {
    let mut program = Command::new("hledger");
    // Without a locale it reads no UTF-8.
    output(program.env("LC_ALL", "C.UTF-8").arg("-f").arg(journal).args(arguments))
}

#[test]
fn hledger_checks_and_adds_up_the_same() {
    if oracles().is_none() {
        return;
    }
    let vouchers = vouchers();
    let text = plain_text(&books(), &vouchers).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("books.journal");
    std::fs::write(&journal, &text).unwrap();

    hledger(&journal, &["check", "--strict"]);

    let rows = readers::table(&crlf(&hledger(
        &journal,
        &["balance", "--flat", "--no-total", "--output-format=csv", "--layout=bare"],
    )));
    let mut theirs = BTreeMap::new();
    for row in rows {
        let amount = Money::parse(&row["balance"], currency(&row["commodity"])).unwrap();
        theirs.insert((row["account"].clone(), row["commodity"].clone()), i128::from(amount.minor));
    }
    theirs.retain(|_, minor| *minor != 0);
    let ours = balances(&vouchers, |account, entry| Chart::name(account, entry.tax, entry.product));
    assert_eq!(theirs, ours);

    // What it takes for number, description and posting is what was meant to be.
    let rows = readers::table(&crlf(&hledger(&journal, &["register", "--output-format=csv"])));
    let theirs = rows.iter().map(|row| {
        let (account, amount) = (row["account"].clone(), row["amount"].clone());
        (row["date"].clone(), row["code"].clone(), row["description"].clone(), account, amount)
    });
    let mut ours = Vec::new();
    for Read { day, code, text, postings } in readers::plain(&text) {
        let text = String::from_utf8(text).unwrap();
        let posting =
            |(account, amount): (String, Money)| (day.clone(), code.clone(), text.clone(), account, amount.to_string());
        ours.extend(postings.into_iter().map(posting));
    }
    // The register is by day.
    ours.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    assert_eq!(theirs.collect::<Vec<_>>(), ours);
}

/// hledger ends the lines of its tables with a line feed alone.
fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

#[test]
fn code_page_437_is_that_of_python() {
    let Some(oracles) = oracles() else { return };
    let script = "import sys; sys.stdout.buffer.write(bytes(range(128, 256)).decode('cp437').encode('utf-8'))";
    let name = output(Command::new(oracles.join("bin/python")).args(["-c", script]));
    assert_eq!(name.chars().count(), 128);
    let mut books = books();
    books.seller_name = name;
    let bytes = sie(&books, []).unwrap();
    let expected: Vec<u8> = (128..=255).collect();
    assert!(bytes.windows(128).any(|window| window == expected));
}
