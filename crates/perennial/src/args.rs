//! The command line.

mod catalogue;
mod mail;
mod money;
mod run;
mod seller;
mod service;
mod vat;
mod webhook;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::civil::Date;
use perennial_billing::campaign::PriceEnding;
use perennial_billing::renewal::MAX_ORDERED_PERIODS;
use perennial_billing::{Invoicing, LeadTime};

pub use catalogue::{
    CampaignCommand, CampaignRules, CouponCommand, CouponOff, ExchangeRateCommand, ListFormat, PriceCommand,
    ProductCommand,
};
pub use mail::{ContactCommand, MailCommand, MailView, OutboxCommand, SampleView, TemplateCommand};
pub use money::{
    CreditArgs, CreditCommand, Days, DraftCommand, ExportCommand, LedgerFormat, PaymentCommand, ReportCommand,
    SeriesCommand, TaxRateCommand,
};
pub use run::{PreviewArgs, RunArgs, RunCommand, SimulationFormat};
pub use seller::{Look, SellerCommand, SellerRules};
pub use service::{AddonCommand, PriceRuleCommand, ServiceCommand, Switch};
pub use vat::VatCommand;
pub use webhook::WebhookCommand;

/// Renewal and invoicing server for hosting providers.
///
/// Without configuration everything is kept in one SQLite file, perennial.db. Set DATABASE_URL, or url in the section database of
/// perennial.toml, to use PostgreSQL.
#[derive(Debug, Parser)]
#[command(
    name = "perennial",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done but something was refused or found wrong.\n\
                  Try it: perennial demo"
)]
pub struct Args {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", env = "PERENNIAL_CONFIG", default_value = "perennial.toml")]
    pub config: PathBuf,
    /// Which seller, when the database holds several
    #[arg(long, global = true, value_name = "ID")]
    pub seller: Option<i64>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a seller: writes perennial.toml and the database, prints an admin API key
    Init(Box<InitArgs>),
    /// Answer HTTP requests until SIGTERM or Ctrl-C
    Serve(ServeArgs),
    /// Make a demo provider with a few hundred services, print a curl that renews one, and serve it
    Demo(DemoArgs),
    /// Import a provider's data
    Import {
        #[command(subcommand)]
        from: ImportCommand,
    },
    /// Renew services now: claim the next period of each and issue its invoice
    #[command(after_help = "Exit code 3 if any service was not renewed.")]
    Renew(RenewArgs),
    /// Renew everything that is due, as the server does every day by itself
    #[command(
        args_conflicts_with_subcommands = true,
        long_about = "Renew everything that is due, as the server does every day by itself. It can be started twice, killed \
        and started again, and on several machines at once: every period is billed once. What cannot be renewed is \
        reported, and tried again some days later.",
        after_help = "Exit code 3 if something could not be renewed, or if it was stopped before its end."
    )]
    Run(RunArgs),
    /// Show the invoices to come, to the cent
    #[command(
        long_about = "Show the invoices that the daily runs will issue, to the cent, from the code that issues them. Without \
        --on, those of the next run that issues any. Every invoice is taken for paid on the day it is due."
    )]
    Preview(PreviewArgs),
    /// Say in plain words when a service will be renewed, for how much and why, or why not
    Explain {
        /// The service (the v1 API's accountId)
        #[arg(value_name = "ACCOUNT_ID")]
        service: String,
        /// What the run of this day would do; otherwise the next one that looks at it
        #[arg(value_name = "DATE")]
        day: Option<Date>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Sum up what the daily runs will issue, month by month; nothing is written
    Simulate {
        /// Through this day, at most ten years ahead
        #[arg(long, value_name = "DATE")]
        until: Date,
        /// How to print it
        #[arg(long, value_enum, default_value_t = SimulationFormat::Table)]
        format: SimulationFormat,
    },
    /// Look at a service, switch its auto-renew, cancel it
    Service {
        #[command(subcommand)]
        command: ServiceCommand,
    },
    /// List the add-ons of a service, sell one, end one
    Addon {
        #[command(subcommand)]
        command: AddonCommand,
    },
    /// Record money that came in or went back
    Payment {
        #[command(subcommand)]
        command: PaymentCommand,
    },
    /// Show what a customer has with the seller, pay an invoice from it, ask for more
    Credit {
        #[command(subcommand)]
        command: CreditCommand,
    },
    /// Write an invoice by hand: a draft first, then issued
    Draft {
        #[command(subcommand)]
        command: DraftCommand,
    },
    /// Number series, for an auditor
    Series {
        #[command(subcommand)]
        command: SeriesCommand,
    },
    /// VAT, one-stop shop, what is owed
    Report {
        #[command(subcommand)]
        command: ReportCommand,
    },
    /// Write the books for other programs
    Export {
        #[command(subcommand)]
        what: ExportCommand,
    },
    /// List standard VAT rates, and add what the program does not know
    TaxRate {
        #[command(subcommand)]
        command: TaxRateCommand,
    },
    /// Ask VIES about customers' VAT numbers, and show what it said
    Vat {
        #[command(subcommand)]
        command: VatCommand,
    },
    /// List what is sold
    Product {
        #[command(subcommand)]
        command: ProductCommand,
    },
    /// List the prices of the catalogue, and add one
    #[command(
        long_about = "List the prices of the catalogue, and add one. A price is never changed: a new one begins on a day, and the \
        one that is valid on the first day of a period is what the period costs. `perennial service price` says which services \
        do not follow the catalogue."
    )]
    Price {
        #[command(subcommand)]
        command: PriceCommand,
    },
    /// List coupons, make one, use one for a service
    Coupon {
        #[command(subcommand)]
        command: CouponCommand,
    },
    /// Change the prices of many services from a day on, and take that back
    #[command(
        long_about = "Change the prices of many services from a day on: choose them, look at what would happen, start it. \
        Every customer is told, in time; single services can be left out, and all of it can be taken back, while nothing \
        is billed with it. A service that follows the catalogue follows it again when a later price of the catalogue starts."
    )]
    Campaign {
        #[command(subcommand)]
        command: CampaignCommand,
    },
    /// List the rates at which prices are converted, and add one
    ExchangeRate {
        #[command(subcommand)]
        command: ExchangeRateCommand,
    },
    /// Set how a customer is billed, who else gets its mails, bring its services to one day
    Customer {
        #[command(subcommand)]
        command: CustomerCommand,
    },
    /// Set how long before a period the run bills it
    #[command(
        long_about = "Set how long before a period the run bills it. The nearest setting holds: that of the customer, else of \
        the product with the cycle, else of the product, else of the cycle, else the seller's (seller set --lead-days). \
        `perennial explain` says which one it was."
    )]
    LeadTime {
        #[command(subcommand)]
        command: LeadTimeCommand,
    },
    /// Turn on the clock of a sandbox
    #[command(
        long_about = "Look at the clock, and turn on that of a sandbox: a database that was made by `init --sandbox` or by the \
        demo, to rehearse in. What would have run meanwhile runs, and every invoice is taken for paid on the day it is due."
    )]
    Clock {
        #[command(subcommand)]
        command: ClockCommand,
    },
    /// Look at issued invoices
    Invoice {
        #[command(subcommand)]
        command: InvoiceCommand,
    },
    /// Look at mails that wait, were sent or given up, and try them again
    #[command(
        long_about = "Look at mails that wait, were sent or given up, and try them again. A running server sends what waits, if \
        the section mail of perennial.toml says by which mail server."
    )]
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// Try the mail server, look at what mails say, write your own texts
    Mail {
        #[command(subcommand)]
        command: MailCommand,
    },
    /// Show a seller and set its rules
    Seller {
        #[command(subcommand)]
        command: SellerCommand,
    },
    /// Make, change, rotate and revoke API keys
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Say who is told what happens, look at what was sent, send it again, try it out
    Webhook {
        #[command(subcommand)]
        command: WebhookCommand,
    },
    /// Check that books balance, numbers have no gaps and every period is billed once
    #[command(after_help = "Exit code 3 if anything is wrong.")]
    Doctor(FormatArgs),
    /// Bring the database's schema up to this program
    Migrate,
    /// Print the document that describes the API (OpenAPI 3.1)
    Openapi {
        /// Write it and the reference pages into this folder instead
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Print a completion script for a shell
    #[command(after_help = "Example: perennial completions bash > /etc/bash_completion.d/perennial")]
    Completions { shell: Shell },
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

#[derive(Debug, ClapArgs)]
pub struct FormatArgs {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum CustomerCommand {
    /// Set how a customer is invoiced and taxed, and which group it is in; what is not given stays
    #[command(arg_required_else_help = true)]
    Set {
        /// The customer
        #[arg(value_name = "ID")]
        customer: String,
        /// On one invoice, each on its own, or the seller's way
        #[arg(long, value_enum)]
        invoicing: Option<CustomerInvoicing>,
        /// VAT number, with its country prefix; an empty one is none
        #[arg(long, value_name = "NUMBER")]
        vat_number: Option<String>,
        /// Whether it is exempt from VAT
        #[arg(long, value_name = "true|false")]
        exempt: Option<bool>,
        /// Why, as its invoices have to say
        #[arg(long, value_name = "TEXT")]
        exemption_reason: Option<String>,
        /// A word of your own, by which price campaigns choose; an empty one is none
        #[arg(long)]
        group: Option<String>,
    },
    /// List, add and remove who else gets a customer's mails
    Contact {
        #[command(subcommand)]
        command: ContactCommand,
    },
    /// Bring services of a customer to one day: each gets one short period, all on one invoice
    #[command(after_help = "Example: perennial customer align 1001 --day 2027-01-01 --dry-run")]
    Align {
        /// The customer
        #[arg(value_name = "ID")]
        customer: String,
        /// A day on which their periods are to begin, or so many cycles before or after it
        #[arg(long, value_name = "DATE")]
        day: Date,
        /// Only these services; otherwise all
        #[arg(long, value_name = "ACCOUNT_ID", value_delimiter = ',')]
        services: Vec<String>,
        /// Show what it would bill; write nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// How a customer is invoiced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CustomerInvoicing {
    /// On one invoice
    Together,
    /// Each on its own
    Separate,
    /// As the seller does
    Seller,
}

impl From<CustomerInvoicing> for Option<Invoicing> {
    fn from(choice: CustomerInvoicing) -> Self {
        match choice {
            CustomerInvoicing::Together => Some(Invoicing::Together),
            CustomerInvoicing::Separate => Some(Invoicing::Separate),
            CustomerInvoicing::Seller => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum LeadTimeCommand {
    /// List what is set
    List {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Set one, and move the days on which services are renewed
    Set {
        #[command(flatten)]
        scope: LeadTimeScope,
        /// Days before the period begins
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=i64::from(LeadTime::MAX_DAYS)))]
        days: u16,
    },
    /// Remove one
    Remove {
        #[command(flatten)]
        scope: LeadTimeScope,
    },
}

/// A customer, or a product, a cycle or both.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
pub struct LeadTimeScope {
    /// For this customer
    #[arg(long, value_name = "ID", conflicts_with_all = ["product", "cycle"])]
    pub customer: Option<String>,
    /// For this product
    #[arg(long, value_name = "ID")]
    pub product: Option<String>,
    /// For this cycle: 1m, 1y, Annually
    #[arg(long, value_name = "CYCLE")]
    pub cycle: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Show what time it is for this installation
    Show,
    /// Turn it on, by days (40d, 6w, 3m, 1y) or to a date
    Advance {
        /// 40d, 6w, 3m, 1y, or a date such as 2027-01-31
        #[arg(value_name = "DAYS_OR_DATE")]
        by: String,
    },
}

/// What is not given is asked for on a terminal.
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// Legal name
    #[arg(long)]
    pub name: Option<String>,
    /// Street and number
    #[arg(long)]
    pub address: Option<String>,
    /// Postal code
    #[arg(long)]
    pub postcode: Option<String>,
    /// City
    #[arg(long)]
    pub city: Option<String>,
    /// Country, two capitals (ISO 3166-1): SE
    #[arg(long)]
    pub country: Option<String>,
    /// VAT number, with its country prefix
    #[arg(long)]
    pub vat_number: Option<String>,
    /// Standard VAT rate in per cent, if it is not the one that the country has on the day of an invoice: 25
    #[arg(long, value_name = "PERCENT")]
    pub vat_rate: Option<String>,
    /// Registration number
    #[arg(long)]
    pub company_number: Option<String>,
    /// Where customers write to
    #[arg(long)]
    pub email: Option<String>,
    /// Bank account
    #[arg(long)]
    pub iban: Option<String>,
    /// Bank
    #[arg(long)]
    pub bic: Option<String>,
    /// Swedish giro number
    #[arg(long)]
    pub bankgiro: Option<String>,
    /// Currency (ISO 4217): SEK
    #[arg(long)]
    pub currency: Option<String>,
    /// Time zone in which days begin: Europe/Stockholm
    #[arg(long)]
    pub time_zone: Option<String>,
    /// Pattern of invoice numbers: {YYYY}{NNNNN} makes 202600001
    #[arg(long, value_name = "PATTERN")]
    pub number_pattern: Option<String>,
    /// Database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Make a sandbox to rehearse in: its clock can be turned on, and its invoices are never real
    #[arg(long)]
    pub sandbox: bool,
}

#[derive(Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address to listen on; otherwise listen in the section server of the configuration
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// In a sandbox: turn the clock on to this day first, and run what would have run
    #[arg(long, value_name = "DATE")]
    pub clock: Option<Date>,
}

#[derive(Debug, ClapArgs)]
pub struct DemoArgs {
    /// Folder to keep the demo in; otherwise a temporary one that is removed at the end
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Address to listen on; a free port is taken when this one is in use
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Import customers.csv, products.csv, prices.csv, services.csv and addons.csv, all or nothing
    #[command(
        long_about = "Import customers.csv, products.csv, prices.csv, services.csv and addons.csv from a folder, all or \
        nothing. Every bad row is reported with its file, line, column and reason. Rows whose ids are in the database \
        already stay as they are, so importing twice changes nothing. The columns are described in docs/guides/import.md."
    )]
    Csv {
        /// Folder with the five files
        #[arg(value_name = "FOLDER")]
        dir: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, ClapArgs)]
pub struct RenewArgs {
    /// Services to renew (the v1 API's accountId)
    #[arg(required = true, value_name = "ACCOUNT_ID")]
    pub services: Vec<String>,
    /// How many periods of each, one after the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_ORDERED_PERIODS)))]
    pub periods: u16,
    /// Only with these of its add-ons; otherwise with all
    #[arg(long, value_name = "ADDON_ID", value_delimiter = ',')]
    pub addons: Vec<String>,
    /// Without its add-ons
    #[arg(long, conflicts_with = "addons")]
    pub no_addons: bool,
    /// Show the invoices that would be issued, from the same code, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Subcommand)]
pub enum InvoiceCommand {
    /// List invoices, newest first
    List {
        /// Only this customer's
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        /// Only those with this status
        #[arg(long, value_name = "STATUS", value_parser = ["unpaid", "paid", "refunded", "collections", "cancelled"], ignore_case = true)]
        status: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show one invoice in full
    Show {
        /// The invoice's id (the API's invoiceId)
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write invoices as PDF: one file, or one for each into a folder
    Pdf {
        /// The invoices' ids
        #[arg(value_name = "INVOICE_ID", required = true, num_args = 1..)]
        invoices: Vec<String>,
        /// Where to: a file or, for several, a folder; `-` is standard output. Otherwise here, named by its number
        #[arg(long, short, value_name = "PATH")]
        out: Option<PathBuf>,
    },
    /// Write what documents look like now into a folder, to look at before customers do
    Preview {
        /// Samples in every language, an invoice and a credit note each
        #[arg(long, required = true)]
        sample: bool,
        /// The folder
        #[arg(long, short, value_name = "FOLDER", default_value = "samples")]
        out: PathBuf,
    },
    /// Write an invoice as an e-invoice by EN 16931, and tell what its rules would find wrong
    Xml {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
        /// The syntax
        #[arg(long, value_enum, default_value_t = XmlFormat::Ubl)]
        format: XmlFormat,
        /// Where to: a file; `-` is standard output. Otherwise here, named by its number
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Mail an invoice again, to the address that the customer has now
    Mail {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
    },
    /// Remind the customer of an invoice of which something is still to be paid
    Remind {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
    },
    /// Give back what an invoice asked for, in full, by line or by amount: issues a credit note
    #[command(
        long_about = "Give back what an invoice asked for, in full, by line or by amount: issues a credit note in a series of its \
        own. What was not paid yet is off what is to be paid; what was paid becomes the customer's credit, from which it can be \
        refunded. Periods that are given back whole can be billed again."
    )]
    Credit(CreditArgs),
    /// Take back an invoice that nobody was sent and that is the last of its series
    Void {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
    },
    /// Make an address at which an invoice is looked at and paid without a key, or show the one there is
    #[command(
        long_about = "Make an address at which an invoice is looked at and paid without a key, or show the one there is. It is good \
        for 30 days, until it is revoked, or until nothing is to be paid any more."
    )]
    PaymentLink {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
        /// End the one there is instead
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Give up what is still to be paid for an invoice
    WriteOff {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
    },
    /// Show where the periods of an invoice would lie if it were paid on a day, under each policy for late payment
    LatePayment {
        /// The invoice's id
        #[arg(value_name = "INVOICE_ID")]
        invoice: String,
        /// The day of payment; today if nothing is said
        #[arg(long, value_name = "DATE")]
        paid_on: Option<Date>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; it is shown once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// More about it
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// What it allows: read:billing, write:billing, read:services, …, read:all, write:all, admin
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        /// Addresses and networks it may be used from, such as 192.0.2.7,2001:db8::/32; without it, from anywhere
        #[arg(long, value_delimiter = ',')]
        addresses: Vec<String>,
        /// Only for sandboxes: elsewhere it opens nothing
        #[arg(long)]
        test: bool,
        /// Only this customer's services and invoices
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        /// When it stops working: a date such as 2027-12-31, or an instant such as 2027-12-31T12:00:00Z
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List keys, without their secrets
    List {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Change what a key is called, what it allows, how long and from where
    Set {
        /// The key's id, from `perennial key list`
        #[arg(value_name = "KEY_ID")]
        key: String,
        #[command(flatten)]
        change: KeyChangeArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Give a key a new secret, which is shown once; the old one works on for a while
    Rotate {
        /// The key's id, from `perennial key list`
        #[arg(value_name = "KEY_ID")]
        key: String,
        /// Hours for which the old secret works on; 0 ends it now
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(..=720))]
        overlap_hours: u16,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Revoke a key; it stops working within a second
    Revoke {
        /// The key's id, from `perennial key list`
        #[arg(value_name = "KEY_ID")]
        key: String,
    },
}

/// What is to change of a key.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
pub struct KeyChangeArgs {
    /// What it is for
    #[arg(long)]
    pub name: Option<String>,
    /// More about it; empty for nothing
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// What it allows
    #[arg(long, value_delimiter = ',')]
    pub scopes: Option<Vec<String>>,
    /// When it stops working: a date, an instant, or never
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
    /// Addresses and networks it may be used from, or anywhere
    #[arg(long, value_delimiter = ',')]
    pub addresses: Option<Vec<String>>,
}

/// A syntax of EN 16931.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum XmlFormat {
    /// UBL 2.1, Peppol BIS Billing 3
    Ubl,
    /// UN/CEFACT CII, as in Factur-X
    Cii,
}

/// What prices end in.
fn price_ending(text: &str) -> Result<PriceEnding, String> {
    match text {
        "any" => Ok(PriceEnding::Any),
        "whole" => Ok(PriceEnding::Hundredths(0)),
        _ => match text.parse() {
            Ok(hundredths @ 0..=99) => Ok(PriceEnding::Hundredths(hundredths)),
            _ => Err("write `any`, `whole`, or hundredths such as 90".to_owned()),
        },
    }
}
