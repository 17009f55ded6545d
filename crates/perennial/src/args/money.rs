//! The arguments of what is about money.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use jiff::civil::Date;
use perennial_billing::DocumentKind;

use super::FormatArgs;

/// What of an invoice is given back.
#[derive(Debug, ClapArgs)]
pub struct CreditArgs {
    /// The invoice's id
    #[arg(value_name = "INVOICE_ID")]
    pub invoice: String,
    /// Only this line; may be given several times
    #[arg(long = "line", value_name = "N", conflicts_with = "amount")]
    pub lines: Vec<i64>,
    /// Only so much, with VAT: of each VAT rate its share
    #[arg(long, value_name = "AMOUNT")]
    pub amount: Option<String>,
    /// Why, as the customer reads it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Subcommand)]
pub enum PaymentCommand {
    /// List payments and refunds, newest first
    List {
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Record money that came in: it pays what is owed the longest, and what is left becomes the customer's credit
    #[command(
        after_help = "The same method and reference a second time is the same payment, and nothing is done again."
    )]
    Record {
        /// Whose money it is
        #[arg(long, value_name = "ID")]
        customer: String,
        /// How much
        #[arg(long, value_name = "AMOUNT")]
        amount: String,
        /// In which currency; the customer's if nothing is said
        #[arg(long, value_name = "CODE")]
        currency: Option<String>,
        /// How it came
        #[arg(long, value_name = "WORD", default_value = "bank")]
        method: String,
        /// The payer's or the bank's own word for it
        #[arg(long, value_name = "TEXT")]
        reference: String,
        /// The day on which it was paid; today if nothing is said
        #[arg(long, value_name = "DATE")]
        paid_on: Option<Date>,
        /// What it pays; may be given several times, and is paid in this order
        #[arg(long = "invoice", value_name = "ID")]
        invoices: Vec<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Record money that went back to a customer, out of its credit
    Refund {
        /// To whom
        #[arg(long, value_name = "ID")]
        customer: String,
        /// How much
        #[arg(long, value_name = "AMOUNT")]
        amount: String,
        /// In which currency; the customer's if nothing is said
        #[arg(long, value_name = "CODE")]
        currency: Option<String>,
        /// How it went
        #[arg(long, value_name = "WORD", default_value = "bank")]
        method: String,
        /// What it is known by there
        #[arg(long, value_name = "TEXT")]
        reference: String,
        /// The payment that it gives back
        #[arg(long, value_name = "ID")]
        payment: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum CreditCommand {
    /// Show what a customer has, and how it came to that
    Show {
        /// The customer's id
        #[arg(value_name = "CUSTOMER_ID")]
        customer: String,
        /// How many moves at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Pay an invoice from its customer's credit
    Apply {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
        /// How much; as much as there is and is needed if nothing is said
        #[arg(long, value_name = "AMOUNT")]
        amount: Option<String>,
    },
    /// Ask a customer for money that becomes its credit when it is paid
    AddFunds {
        /// The customer's id
        #[arg(value_name = "CUSTOMER_ID")]
        customer: String,
        /// How much, in the customer's currency
        #[arg(value_name = "AMOUNT")]
        amount: String,
    },
    /// Call such a request off
    CancelFunds {
        /// The id of the request
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum DraftCommand {
    /// List drafts, as their invoices would be today
    List(FormatArgs),
    /// Begin an invoice; it has no number until it is issued
    #[command(after_help = "Example: perennial draft create 30000 --line 'Moving a server | 2.5 | 900 | service'")]
    Create {
        /// Who is to be billed
        #[arg(value_name = "CUSTOMER_ID")]
        customer: String,
        /// `DESCRIPTION | QUANTITY | PRICE`, and if need be `| standard, service, goods, exempt, zero or outside`; may be
        /// given several times
        #[arg(long = "line", value_name = "LINE", required = true)]
        lines: Vec<String>,
    },
    /// Issue it: it becomes an invoice, with the next number
    Issue {
        /// The draft
        #[arg(value_name = "DRAFT_ID")]
        draft: String,
    },
    /// Throw it away
    Delete {
        /// The draft
        #[arg(value_name = "DRAFT_ID")]
        draft: String,
    },
}

/// Documents that have a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesKind {
    /// Invoices
    Invoice,
    /// Credit notes
    CreditNote,
    /// Requests for money that becomes credit
    Deposit,
}

impl From<SeriesKind> for DocumentKind {
    fn from(choice: SeriesKind) -> Self {
        match choice {
            SeriesKind::Invoice => Self::Invoice,
            SeriesKind::CreditNote => Self::CreditNote,
            SeriesKind::Deposit => Self::Deposit,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum SeriesCommand {
    /// List each series: ranges, void documents, gaps
    Report {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Let a series begin with a number, before one of it is given: where an old system stopped
    Start {
        /// Of which documents
        #[arg(value_enum)]
        kind: SeriesKind,
        /// The first number
        #[arg(value_name = "NUMBER")]
        number: i64,
        /// A day of the fiscal year; today if nothing is said
        #[arg(long, value_name = "DATE")]
        on: Option<Date>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// VAT by country, category and rate, in the seller's currency; credit notes are off
    Vat {
        #[command(flatten)]
        days: Days,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// What is to be declared in the one-stop shop
    Oss {
        #[command(flatten)]
        days: Days,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// What customers owe, by how long it is overdue
    Ageing {
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// A stretch of days.
#[derive(Debug, ClapArgs)]
pub struct Days {
    /// The first day
    #[arg(long, value_name = "DATE")]
    pub from: Date,
    /// The last day
    #[arg(long, value_name = "DATE")]
    pub through: Date,
}

#[derive(Debug, Subcommand)]
pub enum TaxRateCommand {
    /// List the standard VAT rates that are known
    List {
        /// Only this country's
        #[arg(value_name = "COUNTRY")]
        country: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Say which standard VAT rate a country has from a day on: what the program does not know, or not yet
    Add {
        /// Two capitals (ISO 3166-1)
        #[arg(value_name = "COUNTRY")]
        country: String,
        /// In per cent: 25.5
        #[arg(value_name = "PERCENT")]
        rate: String,
        /// The first day on which it holds
        #[arg(long, value_name = "DATE")]
        from: Date,
    },
}

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// What was booked
    Ledger {
        #[command(flatten)]
        days: Days,
        /// How it is written
        #[arg(long, value_enum, default_value_t = LedgerFormat::Hledger)]
        format: LedgerFormat,
        /// Account numbers that differ from the default ones, one a line: `vat SE S 25 = 2611`, `product 2001 = 3041`
        #[arg(long, value_name = "FILE")]
        accounts: Option<std::path::PathBuf>,
        /// Where to; the terminal if nothing is said
        #[arg(long, short, value_name = "FILE")]
        output: Option<std::path::PathBuf>,
    },
}

/// How a ledger is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LedgerFormat {
    /// Plain-text accounting: hledger, Ledger, Beancount's converters
    Hledger,
    /// SIE 4, for Swedish accounting programs
    Sie,
    /// A table
    Csv,
}
