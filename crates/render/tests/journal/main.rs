//! The ledger's exports: a month as snapshots, random books read back by strict readers, and programs of other people as
//! judges.

mod judges;
mod month;
mod random;
mod readers;
mod refusals;

use std::collections::BTreeMap;

use jiff::civil::date;
use perennial_billing::ledger::{Account, Entry};
use perennial_billing::{Currency, ExchangeRate, Money, ProductId, Rate, Rounding, TaxCategory, TaxProfile};
use perennial_render::{Books, Chart, Voucher};

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// `12.50 SEK`.
fn money(text: &str) -> Money {
    let (amount, code) = text.split_once(' ').unwrap();
    Money::parse(amount, currency(code)).unwrap()
}

/// A tax of a country, such as 25 % of Sweden; of nought in every category but S.
fn tax(country: &str, category: TaxCategory, percent: &str) -> TaxProfile {
    TaxProfile { country: country.parse().unwrap(), category, rate: Rate::parse_percent(percent).unwrap() }
}

fn moved(debit: Account, credit: Account, amount: &str) -> Entry {
    Entry::moving(debit, credit, money(amount)).unwrap()
}

fn earned(amount: &str, product: i64, tax: TaxProfile) -> Entry {
    let entry = moved(Account::Receivable, Account::Revenue, amount);
    Entry { product: Some(ProductId(product)), tax: Some(tax), ..entry }
}

fn taxed(amount: &str, tax: TaxProfile) -> Entry {
    Entry { tax: Some(tax), ..moved(Account::Receivable, Account::Vat, amount) }
}

fn rate(code: &str, starts: jiff::civil::Date, rate: &str) -> ExchangeRate {
    ExchangeRate { currency: currency(code), starts, rate: rate.parse().unwrap(), source: "ECB".to_owned() }
}

/// November 2026, in a fiscal year from July through June.
fn books() -> Books {
    Books {
        seller_name: "Värd & \"Moln\" AB".to_owned(),
        company_number: "5566778899".to_owned(),
        currency: currency("SEK"),
        exported_on: date(2026, 12, 1),
        from: date(2026, 11, 1),
        through: date(2026, 11, 30),
        fiscal_year_month: 7,
        chart: Chart::default(),
        rates: vec![
            rate("EUR", date(2026, 11, 20), "0.0912"),
            rate("EUR", date(2026, 1, 1), "0.0875"),
            rate("EUR", date(2026, 12, 1), "2"),
            rate("JPY", date(2026, 1, 1), "14.2"),
            rate("KWD", date(2026, 1, 1), "0.0291"),
        ],
        rounding: Rounding::HalfUp,
    }
}

/// What the entries of vouchers come to, by account and currency, the plainest way there is.
fn balances<A: Ord + Clone>(
    vouchers: &[Voucher],
    account: impl Fn(Account, &Entry) -> A,
) -> BTreeMap<(A, String), i128> {
    let mut balances = BTreeMap::new();
    for entry in vouchers.iter().flat_map(|voucher| &voucher.entries) {
        let minor = i128::from(entry.amount.minor);
        let currency = entry.amount.currency.to_string();
        *balances.entry((account(entry.debit, entry), currency.clone())).or_default() += minor;
        *balances.entry((account(entry.credit, entry), currency)).or_default() -= minor;
    }
    balances.retain(|_, minor| *minor != 0);
    balances
}
