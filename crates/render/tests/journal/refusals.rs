//! What cannot be exported says why, and what to do.

use jiff::civil::date;
use perennial_billing::TaxCategory::S;
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{ExchangeRate, Money};
use perennial_render::{Books, Voucher, csv, plain_text, sie};

use crate::{books, currency, earned, moved, tax};

fn invoice(entries: Vec<Entry>) -> Voucher {
    Voucher {
        source: Source::Invoice,
        id: 1,
        number: "202600001".to_owned(),
        customer: 17,
        customer_name: "Anna Andersson".to_owned(),
        booked_on: date(2026, 11, 26),
        entries,
    }
}

fn refused(books: &Books, voucher: &Voucher) -> String {
    sie(books, [voucher]).unwrap_err().to_string()
}

#[test]
fn no_rate_on_the_day() {
    let voucher = invoice(vec![moved(Account::Bank, Account::Receivable, "1.00 EUR")]);
    let later = |rate: ExchangeRate| ExchangeRate { starts: date(2026, 11, 27), ..rate };
    let books = Books { rates: books().rates.into_iter().map(later).collect(), ..books() };
    assert_eq!(
        refused(&books, &voucher),
        "invoice 202600001 of 2026-11-26 is in EUR, and there is no exchange rate for EUR on that day: add one with \
         `perennial exchange-rate add EUR RATE --source WHO --from 2026-11-26`"
    );
    assert!(plain_text(&books, [&voucher]).is_ok() && csv(&books, [&voucher]).is_ok());
}

#[test]
fn no_account_for_a_tax() {
    let mut books = books();
    let voucher = invoice(vec![earned("1.00 SEK", 2001, tax("SE", S, "17"))]);
    let message = "invoice 202600001: the chart has no account for `revenue SE S 17`: add a line `revenue SE S 17 = NUMBER` \
                   to it";
    assert_eq!(refused(&books, &voucher), message);
    books.chart = "revenue SE S 17 = 3007\n".parse().unwrap();
    let bytes = sie(&books, [&voucher]).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("#TRANS 3007 {} -1.00 20261126\r\n"));
}

#[test]
fn other_days_and_years() {
    let voucher = Voucher { booked_on: date(2026, 12, 1), ..invoice(vec![]) };
    let message = "invoice 202600001 is booked on 2026-12-01, and only 2026-11-01 through 2026-11-30 is exported";
    assert_eq!(refused(&books(), &voucher), message);
    assert_eq!(csv(&books(), [&voucher]).unwrap_err().to_string(), message);
    let years = Books { from: date(2026, 6, 30), through: date(2026, 7, 1), ..books() };
    assert_eq!(
        refused(&years, &voucher),
        "a SIE file is of one fiscal year, and 2026-06-30 through 2026-07-01 is of two: export what is before 2026-07-01 and \
         what is from 2026-07-01 on each for itself"
    );
    for month in [0, 13, 255] {
        let message = format!("a fiscal year begins in a month from 1 to 12, not {month}");
        assert_eq!(refused(&Books { fiscal_year_month: month, ..books() }, &voucher), message);
    }
}

#[test]
fn amounts_that_do_not_fit() {
    let most = |debit, credit| Entry::moving(debit, credit, Money::new(i64::MAX, currency("SEK"))).unwrap();
    let twice = invoice(vec![most(Account::Bank, Account::Receivable), most(Account::Bank, Account::Credit)]);
    let message = "invoice 202600001: the amounts are too large";
    assert_eq!(refused(&books(), &twice), message);
    assert_eq!(plain_text(&books(), [&twice]).unwrap_err().to_string(), message);
    let mut foreign = invoice(vec![most(Account::Bank, Account::Receivable)]);
    foreign.entries[0].amount.currency = currency("KWD");
    assert_eq!(refused(&books(), &foreign), message);
    let fine = Books { currency: currency("KWD"), ..books() };
    let message = "amounts in a SIE file have at most two decimals, and KWD has more: export as plain text or CSV";
    assert_eq!(refused(&fine, &foreign), message);
}

#[test]
fn only_swedish_companies_have_their_number_in_the_file() {
    for (number, expected) in [
        ("5566778899", Some("556677-8899")),
        ("556677-8899", Some("556677-8899")),
        ("16556677-8899", Some("556677-8899")),
        ("19121212 1212", Some("121212-1212")),
        ("HRB 12345", None),
        ("923609016", None),
        ("", None),
    ] {
        let books = Books { company_number: number.to_owned(), ..books() };
        let bytes = sie(&books, []).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let found = text.lines().find_map(|line| line.strip_prefix("#ORGNR "));
        assert_eq!(found, expected, "{number:?}");
    }
}
