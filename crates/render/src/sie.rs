//! The ledger as a SIE file of type 4I, which Swedish accounting programs import.
//!
//! The rules are those of SIE-gruppen, "SIE filformat" 4B of 2008-09-30, which 4C of 2025-08-06 leaves as they were:
//!
//! - Type 4 has two kinds. 4E is a whole year with opening and closing balances, which only the program that keeps the books
//!   can write. 4I holds vouchers of a program before it, such as this one, and no balances.
//! - `#FLAGGA` is first, then who and what (`#PROGRAM` to `#KPTYP`), then the accounts, then the vouchers.
//! - The characters are those of code page 437. A field with anything but letters and digits stands in quotes, a quote in it
//!   is `\"`, and no character below 32 is allowed. A backslash has no escape, so it becomes a slash.
//! - Amounts have a point and at most two decimals; debit is positive, credit negative, and a voucher sums to nought.
//! - An empty field before a field with a value is `""`. Series and number of a 4I voucher may be empty.
//!
//! The number is left to the program that imports: it has to be without a gap in its series there, other vouchers may be in
//! that series, and an invoice that was taken back is booked twice under one legal number. That number is in the text.

use std::collections::BTreeMap;
use std::io;

use jiff::ToSpan;
use jiff::civil::Date;
use perennial_billing::ledger::{Account, Source};
use perennial_billing::{Currency, HomeRate, Money, UnitRate};

use crate::journal::{no_account, no_rate, sums, too_large, whole};
use crate::{AccountNumber, Books, ExportError, Format, Voucher, cp437};

/// Digits after the point that an amount may have.
const DECIMALS: u32 = 2;

/// The whole ledger as a SIE file.
///
/// # Errors
/// Those of [`Export`](crate::Export).
pub fn sie<'v>(books: &Books, vouchers: impl IntoIterator<Item = &'v Voucher>) -> Result<Vec<u8>, ExportError> {
    whole(Format::Sie, books, vouchers)
}

/// What the seller's currency is worth: by currency and first day.
#[derive(Debug)]
pub(crate) struct Home {
    rates: BTreeMap<(Currency, Date), UnitRate>,
}

/// Everything before the vouchers.
pub(crate) fn begin(books: &Books, out: &mut impl io::Write) -> Result<Home, ExportError> {
    if books.currency.exponent() > DECIMALS {
        return Err(ExportError::TooFine(books.currency));
    }
    let (first, last) = fiscal_year(books)?;
    let mut items = vec![
        "#FLAGGA 0".to_owned(),
        format!("#PROGRAM \"Perennial\" {}", quoted(env!("CARGO_PKG_VERSION"))),
        "#FORMAT PC8".to_owned(),
        format!("#GEN {}", day(books.exported_on)),
        "#SIETYP 4".to_owned(),
    ];
    items.extend(swedish_number(&books.company_number).map(|number| format!("#ORGNR {number}")));
    items.push(format!("#FNAMN {}", quoted(&books.seller_name)));
    items.push(format!("#RAR 0 {} {}", day(first), day(last)));
    // The only word of the rules for a chart such as the default one; without it BAS 95 is meant.
    items.push("#KPTYP EUBAS97".to_owned());
    items.push(format!("#VALUTA {}", books.currency));
    // A voucher that is to come may need any of them.
    items.extend(books.chart.accounts().map(|(number, name)| format!("#KONTO {number} {}", quoted(&name))));
    write(&items, out)?;
    let rates = books.rates.iter().map(|rate| ((rate.currency, rate.starts), rate.rate)).collect();
    Ok(Home { rates })
}

/// One voucher, in the seller's currency.
pub(crate) fn voucher(
    voucher: &Voucher,
    books: &Books,
    home: &Home,
    out: &mut impl io::Write,
) -> Result<(), ExportError> {
    let sums = sums(voucher, |account, entry| books.chart.number(account, entry.tax, entry.product))?;
    let mut postings = Vec::new();
    let mut rest = 0i64;
    for ((account, currency), minor) in &sums {
        let amount = Money::new(*minor, *currency);
        let converted = home.amount(amount, voucher, books)?;
        rest = rest.checked_sub(converted.minor).ok_or_else(|| too_large(voucher))?;
        // What it was before is worth telling the bookkeeper.
        let text = (*currency != books.currency).then(|| amount.to_string());
        postings.push((*account, converted, text));
    }
    if rest != 0 {
        let account = books.chart.number(Account::Rounding, None, None);
        let account = account.map_err(|wanted| no_account(voucher, wanted))?;
        postings.push((account, Money::new(rest, books.currency), Some("Avrundning vid omräkning".to_owned())));
    }
    postings.retain(|(_, amount, _)| amount.minor != 0);
    if postings.is_empty() {
        return Ok(());
    }
    let date = day(voucher.booked_on);
    let mut items =
        vec![format!("#VER {} \"\" {date} {}", series(voucher.source), quoted(&text(voucher))), "{".to_owned()];
    items.extend(postings.into_iter().map(|posting| transaction(posting, &date)));
    items.push("}".to_owned());
    write(&items, out)?;
    Ok(())
}

fn transaction((account, amount, text): (AccountNumber, Money, Option<String>), date: &str) -> String {
    let text = text.map(|text| format!(" {}", quoted(&text))).unwrap_or_default();
    format!("#TRANS {account} {{}} {} {date}{text}", amount.amount())
}

impl Home {
    /// An amount in the seller's currency, at the latest rate that holds on the voucher's day, rounded.
    ///
    /// An invoice and its payment are converted each on its own day, and what the rate moved in between is left on the
    /// receivable: that difference is booked by whoever keeps the books, when they value what is owed.
    fn amount(&self, amount: Money, voucher: &Voucher, books: &Books) -> Result<Money, ExportError> {
        if amount.currency == books.currency {
            return Ok(amount);
        }
        let (currency, day) = (amount.currency, voucher.booked_on);
        let latest = self.rates.range((currency, Date::MIN)..=(currency, day)).next_back();
        let (&(_, starts), &rate) = latest.ok_or_else(|| no_rate(voucher, currency))?;
        let rate = HomeRate { home: books.currency, rate, starts, source: String::new() };
        rate.home_amount(amount, books.rounding).map_err(|_| too_large(voucher))
    }
}

/// The series of each kind, by the letters that Swedish programs use: F for invoices to customers, K for credit notes,
/// I for money in, U for money out, S for settlements.
fn series(source: Source) -> char {
    match source {
        Source::Invoice => 'F',
        Source::CreditNote => 'K',
        Source::Payment => 'I',
        Source::Refund => 'U',
        Source::Settlement => 'S',
    }
}

/// What a bookkeeper reads: `Faktura 202600001, Anna Andersson`.
fn text(voucher: &Voucher) -> String {
    let what = match voucher.source {
        Source::Invoice => "Faktura",
        Source::CreditNote => "Kreditfaktura",
        Source::Payment => "Inbetalning",
        Source::Refund => "Återbetalning",
        Source::Settlement => "Avräkning",
    };
    let reference = voucher.reference();
    match voucher.customer_name.trim() {
        "" => format!("{what} {reference}, kund {}", voucher.customer),
        name => format!("{what} {reference}, {name}"),
    }
}

/// The fiscal year that all days of the books are in.
fn fiscal_year(books: &Books) -> Result<(Date, Date), ExportError> {
    let month = i8::try_from(books.fiscal_year_month).ok().filter(|month| (1..=12).contains(month));
    let month = month.ok_or(ExportError::NoSuchMonth(books.fiscal_year_month))?;
    let Books { from, through, .. } = *books;
    let year = if through.month() < month { through.year().saturating_sub(1) } else { through.year() };
    let first = Date::new(year, month, 1).unwrap_or(Date::MIN);
    if from < first {
        return Err(ExportError::TwoYears { from, through, begins: first });
    }
    Ok((first, first.saturating_add(1.year()).saturating_sub(1.day())))
}

/// The number of a Swedish company with the hyphen that the rules want, from ten digits with or without it, or twelve with
/// a century before them. Other numbers have no place in the file.
fn swedish_number(number: &str) -> Option<String> {
    let digits: String = number.chars().filter(|char| !matches!(char, ' ' | '-')).collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ten = match digits.len() {
        10 => &digits[..],
        12 => &digits[2..],
        _ => return None,
    };
    Some(format!("{}-{}", &ten[..6], &ten[6..]))
}

fn day(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

/// A text as a field.
fn quoted(text: &str) -> String {
    let mut field = String::from('"');
    for char in text.chars() {
        match char {
            '"' => field.push_str("\\\""),
            '\\' => field.push('/'),
            '\n' | '\r' | '\t' => field.push(' '),
            char if char.is_control() => {}
            char => field.push(char),
        }
    }
    field.push('"');
    field
}

/// Each item is a line.
fn write(items: &[String], out: &mut impl io::Write) -> io::Result<()> {
    for item in items {
        out.write_all(&cp437::encode(item))?;
        out.write_all(b"\r\n")?;
    }
    Ok(())
}
