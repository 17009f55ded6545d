//! The ledger on its way out: vouchers, the books they are from, and the one door to all formats.

use std::collections::BTreeMap;
use std::io;

use jiff::civil::Date;
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{Currency, ExchangeRate, Rounding};

use crate::{Chart, ChartKey, csv, plain, sie};

/// What one event booked on one day.
///
/// An invoice that was taken back has booked twice: what it was issued with, and on the day it was taken back the same
/// undone. Those are two vouchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// What happened.
    pub source: Source,
    /// To which one: the id of the invoice, payment and so on.
    pub id: i64,
    /// The legal number of the document, or the payment's reference; may be empty.
    pub number: String,
    /// Whose.
    pub customer: i64,
    /// Their name.
    pub customer_name: String,
    /// The day it is booked on.
    pub booked_on: Date,
    /// What was moved.
    pub entries: Vec<Entry>,
}

impl Voucher {
    /// How people call it: the number of the document, or the id without one.
    pub(crate) fn reference(&self) -> String {
        if self.number.trim().is_empty() { self.id.to_string() } else { self.number.clone() }
    }

    /// How messages name it: `invoice 202600001`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", words(self.source), self.reference())
    }
}

/// What happened, in words.
pub(crate) fn words(source: Source) -> &'static str {
    match source {
        Source::Invoice => "invoice",
        Source::CreditNote => "credit note",
        Source::Payment => "payment",
        Source::Refund => "refund",
        Source::Settlement => "settlement",
    }
}

/// Whose books these are, of which days, and what is needed to write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// The seller.
    pub seller_name: String,
    /// The number of the company in its register; may be empty.
    pub company_number: String,
    /// The seller's own currency.
    pub currency: Currency,
    /// Today.
    pub exported_on: Date,
    /// The first day of what is exported.
    pub from: Date,
    /// And the last.
    pub through: Date,
    /// The month in which a fiscal year begins: 1 for January.
    pub fiscal_year_month: u8,
    /// Which account an amount belongs to.
    pub chart: Chart,
    /// What the seller's currency is worth in others.
    pub rates: Vec<ExchangeRate>,
    /// How converted amounts are rounded.
    pub rounding: Rounding,
}

/// What the ledger can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain-text accounting, as hledger reads it.
    PlainText,
    /// SIE type 4I, as Swedish accounting programs import it.
    Sie,
    /// A table of all entries (RFC 4180).
    Csv,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::PlainText, Self::Sie, Self::Csv];

    /// Its name on the command line and in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PlainText => "plain",
            Self::Sie => "sie",
            Self::Csv => "csv",
        }
    }

    /// The format with that name, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// How its files end. The SIE rules want `.SI` for files of type 4I; programs look for it in either case.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::PlainText => "journal",
            Self::Sie => "si",
            Self::Csv => "csv",
        }
    }

    /// What HTTP says it is. A SIE file is neither UTF-8 nor Latin-1, so nobody may take it for text.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::PlainText => "text/plain; charset=utf-8",
            Self::Sie => "application/octet-stream",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// Why the ledger cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A voucher is in a currency that cannot be converted.
    #[error(
        "{voucher} of {day} is in {currency}, and there is no exchange rate for {currency} on that day: add one with \
         `perennial exchange-rate add {currency} RATE --source WHO --from {day}`"
    )]
    NoRate {
        /// Which voucher.
        voucher: String,
        /// Its currency.
        currency: Currency,
        /// The day it is booked on.
        day: Date,
    },
    /// The chart has no account for an amount.
    #[error("{voucher}: the chart has no account for `{wanted}`: add a line `{wanted} = NUMBER` to it")]
    NoAccount {
        /// Which voucher.
        voucher: String,
        /// What a line of the chart would begin with.
        wanted: ChartKey,
    },
    /// The amounts of a voucher do not fit into 64 bits.
    #[error("{voucher}: the amounts are too large")]
    TooLarge {
        /// Which voucher.
        voucher: String,
    },
    /// A voucher is from another day than is exported.
    #[error("{voucher} is booked on {day}, and only {from} through {through} is exported")]
    OtherDay {
        /// Which voucher.
        voucher: String,
        /// The day it is booked on.
        day: Date,
        /// The first day that is exported.
        from: Date,
        /// The last.
        through: Date,
    },
    /// A SIE file is of one fiscal year.
    #[error(
        "a SIE file is of one fiscal year, and {from} through {through} is of two: export what is before {begins} and what \
         is from {begins} on each for itself"
    )]
    TwoYears {
        /// The first day that was asked for.
        from: Date,
        /// The last.
        through: Date,
        /// When the second of the years begins.
        begins: Date,
    },
    /// There is no such month.
    #[error("a fiscal year begins in a month from 1 to 12, not {0}")]
    NoSuchMonth(u8),
    /// The seller's currency has more digits than a SIE file.
    #[error("amounts in a SIE file have at most two decimals, and {0} has more: export as plain text or CSV")]
    TooFine(Currency),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// The ledger being written: the beginning at once, each voucher when it is added.
#[derive(Debug)]
pub struct Export<'a, W> {
    books: &'a Books,
    form: Form,
    out: W,
}

/// What has to be remembered from one voucher to the next.
#[derive(Debug)]
enum Form {
    Plain(plain::Declared),
    Sie(sie::Home),
    Csv,
}

impl<'a, W: io::Write> Export<'a, W> {
    /// Writes the beginning.
    ///
    /// # Errors
    /// When the books cannot be in that format, or the beginning not be written.
    pub fn new(format: Format, books: &'a Books, mut out: W) -> Result<Self, ExportError> {
        let form = match format {
            Format::PlainText => {
                plain::begin(books, &mut out)?;
                Form::Plain(plain::Declared::default())
            }
            Format::Sie => Form::Sie(sie::begin(books, &mut out)?),
            Format::Csv => {
                csv::begin(&mut out)?;
                Form::Csv
            }
        };
        Ok(Self { books, form, out })
    }

    /// Writes one voucher. One that moves nothing is left out, but for the table, which has all entries.
    ///
    /// # Errors
    /// When it is of another day, an amount has no account or no rate, or it cannot be written.
    pub fn add(&mut self, voucher: &Voucher) -> Result<(), ExportError> {
        let Books { from, through, .. } = *self.books;
        if !(from..=through).contains(&voucher.booked_on) {
            return Err(ExportError::OtherDay { voucher: voucher.name(), day: voucher.booked_on, from, through });
        }
        match &mut self.form {
            Form::Plain(declared) => plain::voucher(voucher, declared, &mut self.out),
            Form::Sie(home) => sie::voucher(voucher, self.books, home, &mut self.out),
            Form::Csv => Ok(csv::voucher(voucher, &mut self.out)?),
        }
    }

    /// Where it is written to: a buffer can be emptied there between two vouchers.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// The end: every format ends with its last voucher.
    ///
    /// # Errors
    /// When what is still in a buffer cannot be written.
    pub fn finish(mut self) -> Result<W, ExportError> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The whole ledger at once.
pub(crate) fn whole<'v>(
    format: Format,
    books: &Books,
    vouchers: impl IntoIterator<Item = &'v Voucher>,
) -> Result<Vec<u8>, ExportError> {
    let mut export = Export::new(format, books, Vec::new())?;
    for voucher in vouchers {
        export.add(voucher)?;
    }
    export.finish()
}

/// What a voucher comes to, by account and currency: debit is positive, credit negative, what cancels out is gone.
pub(crate) type Sums<A> = BTreeMap<(A, Currency), i64>;

/// Sums the entries of a voucher by the accounts that `account_of` gives.
pub(crate) fn sums<A: Ord>(
    voucher: &Voucher,
    account_of: impl Fn(Account, &Entry) -> Result<A, ChartKey>,
) -> Result<Sums<A>, ExportError> {
    let mut sums = Sums::new();
    for entry in &voucher.entries {
        let back = entry.amount.minor.checked_neg().ok_or_else(|| too_large(voucher))?;
        for (account, minor) in [(entry.debit, entry.amount.minor), (entry.credit, back)] {
            let account = account_of(account, entry).map_err(|wanted| no_account(voucher, wanted))?;
            let sum: &mut i64 = sums.entry((account, entry.amount.currency)).or_default();
            *sum = sum.checked_add(minor).ok_or_else(|| too_large(voucher))?;
        }
    }
    sums.retain(|_, minor| *minor != 0);
    Ok(sums)
}

/// That the chart has no account for an amount of a voucher.
pub(crate) fn no_account(voucher: &Voucher, wanted: ChartKey) -> ExportError {
    ExportError::NoAccount { voucher: voucher.name(), wanted }
}

/// That the amounts of a voucher do not fit.
pub(crate) fn too_large(voucher: &Voucher) -> ExportError {
    ExportError::TooLarge { voucher: voucher.name() }
}

/// That a voucher cannot be converted.
pub(crate) fn no_rate(voucher: &Voucher, currency: Currency) -> ExportError {
    ExportError::NoRate { voucher: voucher.name(), currency, day: voucher.booked_on }
}
