//! The ledger as plain-text accounting: a journal that hledger reads, and Ledger and the like with little change.
//!
//! hledger's manual has the rules, under "Journal". It knows no escapes, so what would end a field is replaced by what looks
//! most like it. Accounts and currencies are declared where they are first used; hledger takes them wherever they stand, and
//! `hledger check --strict` refuses what is not declared.

use std::collections::BTreeSet;
use std::io;

use perennial_billing::{Currency, Money};

use crate::journal::{sums, whole, words};
use crate::{Books, Chart, ExportError, Format, Voucher};

/// The whole ledger as hledger reads it.
///
/// # Errors
/// Those of [`Export`](crate::Export).
pub fn plain_text<'v>(books: &Books, vouchers: impl IntoIterator<Item = &'v Voucher>) -> Result<String, ExportError> {
    whole(Format::PlainText, books, vouchers).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// What was declared so far.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    accounts: BTreeSet<String>,
    currencies: BTreeSet<Currency>,
}

impl Declared {
    /// Declares what was not yet, in lines of their own.
    fn declare<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k (String, Currency)>,
        out: &mut impl io::Write,
    ) -> io::Result<()> {
        let mut lines = Vec::new();
        for (account, currency) in keys {
            if self.currencies.insert(*currency) {
                lines.push(format!("commodity {} {currency}", sample(*currency)));
            }
            if !self.accounts.contains(account) {
                self.accounts.insert(account.clone());
                lines.push(format!("account {account}"));
            }
        }
        if lines.is_empty() { Ok(()) } else { writeln!(out, "\n{}", lines.join("\n")) }
    }
}

/// Whose books these are. The mark is declared, so that nobody has to guess whether `0.125` is an eighth.
pub(crate) fn begin(books: &Books, out: &mut impl io::Write) -> Result<(), ExportError> {
    let Books { from, through, exported_on, .. } = books;
    let of = |text: &str| if text.is_empty() { String::new() } else { format!(" ({text})") };
    writeln!(out, "; {}{}", line(&books.seller_name), of(&line(&books.company_number)))?;
    writeln!(out, "; {from} through {through}, exported by Perennial on {exported_on}")?;
    writeln!(out, "decimal-mark .")?;
    Ok(())
}

/// One transaction, with a posting for each account and currency.
pub(crate) fn voucher(voucher: &Voucher, declared: &mut Declared, out: &mut impl io::Write) -> Result<(), ExportError> {
    let sums = sums(voucher, |account, entry| Ok(Chart::name(account, entry.tax, entry.product)))?;
    if sums.is_empty() {
        return Ok(());
    }
    declared.declare(sums.keys(), out)?;
    let Voucher { id, customer, booked_on, .. } = voucher;
    let (number, source) = (code(&voucher.number), words(voucher.source));
    writeln!(out, "\n{booked_on} ({number}) {} | {source} {id}", payee(&voucher.customer_name, *customer))?;
    writeln!(out, "    ; customer:{customer}")?;
    for ((account, currency), minor) in &sums {
        writeln!(out, "    {account}  {}", Money::new(*minor, *currency))?;
    }
    Ok(())
}

/// How a currency is written: a thousand with all its digits, and a mark in any case, from which hledger learns how many
/// there are.
fn sample(currency: Currency) -> String {
    format!("1000.{}", "0".repeat(currency.exponent() as usize))
}

/// A text on one line: control characters and runs of spaces become a space.
fn line(text: &str) -> String {
    let spaced: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A number in parentheses, which ends with the first that closes.
fn code(number: &str) -> String {
    line(number).replace('(', "[").replace(')', "]")
}

/// Who: everything before a bar. A semicolon would begin a comment.
fn payee(name: &str, customer: i64) -> String {
    let name = line(name).replace(';', ",").replace('|', "/");
    if name.is_empty() { format!("customer {customer}") } else { name }
}
