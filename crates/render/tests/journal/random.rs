//! Random vouchers in currencies with no, two and three digits, read back.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{Money, ProductId, Rounding, TaxCategory, TaxProfile};
use perennial_render::{Books, Chart, Voucher, csv, plain_text, sie};
use proptest::prelude::*;

use crate::readers::{self, Read};
use crate::{balances, books, currency, tax};

const CURRENCIES: [&str; 4] = ["SEK", "EUR", "JPY", "KWD"];

fn taxes() -> Vec<TaxProfile> {
    use TaxCategory::{AE, E, G, K, O, S, Z};
    let rated = [("SE", "25"), ("SE", "12"), ("SE", "6"), ("DE", "19"), ("FI", "25.5")];
    let rated = rated.map(|(country, percent)| tax(country, S, percent));
    rated.into_iter().chain([Z, E, AE, K, G, O].map(|category| tax("SE", category, "0"))).collect()
}

/// Any text, and more often one that tries to get out.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,24}",
        r#"["\\;|(){}#=,\r\n\t \x00\x7f\u{85}\u{a0}\u{2028}åÖŁ€x0-]{0,24}"#,
        "[A-ZÅÄÖ][a-zåäöé]{1,8} [A-ZÅÄÖ][a-zåäöé]{1,12}",
    ]
}

fn entry(code: &'static str) -> impl Strategy<Value = Entry> {
    let accounts = prop::sample::subsequence(Account::ALL.to_vec(), 2).prop_shuffle();
    let tax = prop::sample::select(taxes());
    let product = prop::option::of(1i64..4);
    (accounts, 1i64..1_000_000_000, product, tax).prop_map(move |(accounts, minor, product, mut tax)| {
        // Only a rate gives tax.
        if accounts.contains(&Account::Vat) && tax.category != TaxCategory::S {
            tax = crate::tax("SE", TaxCategory::S, "25");
        }
        Entry {
            debit: accounts[0],
            credit: accounts[1],
            amount: Money::new(minor, currency(code)),
            product: product.map(ProductId),
            tax: Some(tax),
        }
    })
}

pub fn voucher() -> impl Strategy<Value = Voucher> {
    let source = prop::sample::select(vec![
        Source::Invoice,
        Source::CreditNote,
        Source::Payment,
        Source::Refund,
        Source::Settlement,
    ]);
    let entries =
        prop::sample::select(CURRENCIES.to_vec()).prop_flat_map(|code| prop::collection::vec(entry(code), 0..8));
    (source, 1i64..100, text(), 1i64..20, text(), 1i8..=30, entries).prop_map(
        |(source, id, number, customer, customer_name, day, entries)| Voucher {
            source,
            id,
            number,
            customer,
            customer_name,
            booked_on: date(2026, 11, day),
            entries,
        },
    )
}

/// Those that move something, whatever they move.
pub fn moving(vouchers: &[Voucher]) -> Vec<&Voucher> {
    let moves = |voucher: &&Voucher| {
        let name = |account, entry: &Entry| Chart::name(account, entry.tax, entry.product);
        !balances(std::slice::from_ref(*voucher), name).is_empty()
    };
    vouchers.iter().filter(moves).collect()
}

/// What vouchers come to as they were read, by account and currency.
fn read_balances(read: &[Read]) -> BTreeMap<(String, String), i128> {
    let mut balances = BTreeMap::new();
    for (account, amount) in read.iter().flat_map(|voucher| &voucher.postings) {
        *balances.entry((account.clone(), amount.currency.to_string())).or_default() += i128::from(amount.minor);
    }
    balances.retain(|_, minor| *minor != 0);
    balances
}

/// An amount in kronor, worked out with fractions: half a öre and more is a öre.
fn in_kronor(minor: i128, code: &str, day: Date) -> i128 {
    let digits = currency(code).exponent();
    // A krona is so many billionths of the other currency.
    let billionths = match code {
        "SEK" => return minor,
        "EUR" if day >= date(2026, 11, 20) => 91_200_000,
        "EUR" => 87_500_000,
        "JPY" => 14_200_000_000,
        "KWD" => 29_100_000,
        _ => unreachable!(),
    };
    let (above, below) = (minor.abs() * 100_000_000_000, billionths * 10i128.pow(digits));
    minor.signum() * (above / below + i128::from(above % below * 2 >= below))
}

/// What the vouchers come to in kronor, by number of account, and what rounding leaves goes to 3740.
fn expected_sie(vouchers: &[Voucher], books: &Books) -> BTreeMap<(String, String), i128> {
    let mut expected: BTreeMap<(String, String), i128> = BTreeMap::new();
    for voucher in vouchers {
        let number =
            |account, entry: &Entry| books.chart.number(account, entry.tax, entry.product).unwrap().to_string();
        for ((account, code), minor) in balances(std::slice::from_ref(voucher), number) {
            let kronor = in_kronor(minor, &code, voucher.booked_on);
            *expected.entry((account, "SEK".to_owned())).or_default() += kronor;
            *expected.entry(("3740".to_owned(), "SEK".to_owned())).or_default() -= kronor;
        }
    }
    expected.retain(|_, minor| *minor != 0);
    expected
}

/// A text without what a file of characters cannot have.
fn letters(text: &str) -> String {
    text.chars().filter(|char| char.is_alphanumeric()).collect()
}

proptest! {
    #[test]
    fn plain_text_is_read_back(vouchers in prop::collection::vec(voucher(), 0..20)) {
        let read = readers::plain(&plain_text(&books(), &vouchers).unwrap());
        let moving = moving(&vouchers);
        prop_assert_eq!(read.len(), moving.len());
        for (read, voucher) in read.iter().zip(moving) {
            prop_assert!(read.rest().is_empty(), "{:?}", read);
            prop_assert_eq!(&read.day, &voucher.booked_on.to_string());
            prop_assert_eq!(letters(&read.code), letters(&voucher.number));
            let text = String::from_utf8(read.text.clone()).unwrap();
            let (name, _) = text.split_once(" | ").unwrap();
            let name = if name == format!("customer {}", voucher.customer) { "" } else { name };
            prop_assert_eq!(letters(name), letters(&voucher.customer_name));
        }
        let expected = balances(&vouchers, |account, entry| Chart::name(account, entry.tax, entry.product));
        prop_assert_eq!(read_balances(&read), expected);
    }

    #[test]
    fn sie_is_read_back(vouchers in prop::collection::vec(voucher(), 0..20)) {
        let books = books();
        let read = readers::sie(&sie(&books, &vouchers).unwrap());
        prop_assert_eq!(read_balances(&read.vouchers), expected_sie(&vouchers, &books));
    }

    #[test]
    fn a_table_is_read_back(vouchers in prop::collection::vec(voucher(), 0..20)) {
        let rows = readers::table(&csv(&books(), &vouchers).unwrap());
        let entries = vouchers.iter().flat_map(|voucher| voucher.entries.iter().map(move |entry| (voucher, entry)));
        prop_assert_eq!(rows.len(), entries.clone().count());
        for (row, (voucher, entry)) in rows.iter().zip(entries) {
            prop_assert_eq!((&row["number"], &row["customer_name"]), (&voucher.number, &voucher.customer_name));
            prop_assert_eq!(Account::from_word(&row["debit"]), Some(entry.debit));
            prop_assert_eq!(Account::from_word(&row["credit"]), Some(entry.credit));
            prop_assert_eq!(Money::parse(&row["amount"], currency(&row["currency"])), Ok(entry.amount));
            prop_assert_eq!(row["product"].parse().ok(), entry.product);
            let profile = crate::tax(
                &row["tax_country"],
                TaxCategory::from_code(&row["tax_category"]).unwrap(),
                &row["tax_rate_percent"],
            );
            prop_assert_eq!(Some(profile), entry.tax);
        }
    }

    #[test]
    fn every_day_is_in_its_fiscal_year(month in 1u8..=12, days in 0i32..3000, half_even: bool) {
        let day = date(2020, 1, 1) + days.days();
        let rounding = if half_even { Rounding::HalfEven } else { Rounding::HalfUp };
        let books = Books { from: day, through: day, fiscal_year_month: month, rounding, ..books() };
        let read = readers::sie(&sie(&books, []).unwrap());
        let [_, first, last] = &read.head["#RAR"][..] else { panic!("{:?}", read.head) };
        let (first, last) = (Date::strptime("%Y%m%d", first).unwrap(), Date::strptime("%Y%m%d", last).unwrap());
        prop_assert!((first..=last).contains(&day));
        prop_assert_eq!((first.day(), first.month().unsigned_abs()), (1, month));
        prop_assert_eq!(last.tomorrow().unwrap(), first + 1.year());
    }
}
