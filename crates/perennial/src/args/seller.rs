//! The seller and its rules.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use jiff::civil::Date;
use perennial_app::{NewSeller, read_color};
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{
    DayCount, Invoicing, LatePayment, LeadTime, NumberPattern, NumberReset, QuietHours, QuietHoursError, Rate,
    Rounding, TaxRounding, VatNumberPolicy,
};
use perennial_render::pdf::{Color, Column};
use perennial_store::sellers::{EInvoicePolicy, MailXml, OpenInvoicePolicy, RunRules};

use super::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum SellerCommand {
    /// Show who the seller is and its rules
    Show {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show or set how documents look that are issued from now on; those that were issued stay as they are
    Brand {
        #[command(flatten)]
        look: Look,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Set rules; what is not given stays. Issued invoices keep what they were issued with
    Set {
        #[command(flatten)]
        rules: Box<SellerRules>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// How documents look; what is not given stays.
#[derive(Debug, ClapArgs)]
pub struct Look {
    /// The colour of what stands out: #1f4e79
    #[arg(long, value_name = "#RRGGBB", value_parser = color)]
    pub accent: Option<Color>,
    /// A picture instead of the name: PNG, JPEG or SVG; `none` takes it away
    #[arg(long, value_name = "FILE|none")]
    pub logo: Option<String>,
    /// What the foot of each page says besides who the seller is
    #[arg(long, value_name = "TEXT")]
    pub footer: Option<String>,
    /// What stands under the amounts: terms, thanks
    #[arg(long, value_name = "TEXT")]
    pub closing: Option<String>,
    /// The columns between a line's text and its amount: quantity,price,vat
    #[arg(long, value_name = "COLUMNS", value_parser = column, value_delimiter = ',', num_args = 0..)]
    pub columns: Option<Vec<Column>>,
}

fn color(text: &str) -> Result<Color, String> {
    read_color(text).ok_or_else(|| "write a colour such as #1f4e79".to_owned())
}

fn column(text: &str) -> Result<Column, String> {
    let words = Column::ALL.map(Column::as_str).join(", ");
    Column::from_word(text).ok_or_else(|| format!("there are the columns {words}"))
}

/// At least one of them is given.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
pub struct SellerRules {
    /// Legal name
    #[arg(long)]
    pub name: Option<String>,
    /// Street and number
    #[arg(long)]
    pub address: Option<String>,
    /// Second line of the address
    #[arg(long)]
    pub address2: Option<String>,
    /// Postal code
    #[arg(long)]
    pub postcode: Option<String>,
    /// City
    #[arg(long)]
    pub city: Option<String>,
    /// VAT number, with its country prefix
    #[arg(long)]
    pub vat_number: Option<String>,
    /// Registration number
    #[arg(long)]
    pub company_number: Option<String>,
    /// Where customers write to
    #[arg(long)]
    pub email: Option<String>,
    /// Telephone
    #[arg(long)]
    pub phone: Option<String>,
    /// Where more is to be read
    #[arg(long)]
    pub website: Option<String>,
    /// Bank account
    #[arg(long)]
    pub iban: Option<String>,
    /// Bank
    #[arg(long)]
    pub bic: Option<String>,
    /// Swedish bankgiro number
    #[arg(long)]
    pub bankgiro: Option<String>,
    /// Swedish plusgiro number
    #[arg(long)]
    pub plusgiro: Option<String>,
    /// Payee's number for Swish
    #[arg(long)]
    pub swish: Option<String>,
    /// Danish creditor number for FIK payments
    #[arg(long)]
    pub fik_creditor: Option<String>,
    /// What payers write: rf, ocr, kid, kid-mod11, viitenumero, fik-71, fik-75, gik-04, gik-15; `country` is what its country uses
    #[arg(long, value_name = "SCHEME")]
    pub payment_reference: Option<String>,
    /// Days a customer has to pay, at least
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=i64::from(LeadTime::MAX_DAYS)))]
    pub payment_terms_days: Option<u16>,
    /// Months ahead of today in which a period may start to be renewed
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(u16).range(0..=i64::from(NewSeller::MAX_RENEW_AHEAD_MONTHS)))]
    pub renew_ahead_months: Option<u16>,
    /// What renewing does while a renewal invoice is unpaid
    #[arg(long, value_enum)]
    pub open_invoice: Option<OpenInvoice>,
    /// What becomes of an invoice for a company whose e-invoice the rules of EN 16931 would refuse
    #[arg(long, value_enum)]
    pub e_invoices: Option<EInvoices>,
    /// Whether an issued invoice is mailed at once
    #[arg(long, value_name = "true|false")]
    pub mail_invoices: Option<bool>,
    /// When the run mails nobody, in the seller's time zone: 22:00-07:00; its mails wait until then. `none` is never
    #[arg(long, value_name = "HH:MM-HH:MM", value_parser = quiet_hours)]
    pub quiet_hours: Option<Quiet>,
    /// Which e-invoice goes along with a company's invoice as a file of its own; the PDF contains one anyway
    #[arg(long, value_enum)]
    pub mail_xml: Option<MailXmlChoice>,
    /// Days before a period begins in which the run bills it, where no nearer lead time is set
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=i64::from(LeadTime::MAX_DAYS)))]
    pub lead_days: Option<u16>,
    /// Whether the server starts a run every day
    #[arg(long, value_name = "true|false")]
    pub daily_run: Option<bool>,
    /// The time of day at which it does, in the seller's time zone: 03:00
    #[arg(long, value_name = "HH:MM", value_parser = minute_of_day)]
    pub run_at: Option<u16>,
    /// Whether the run renews services that are suspended
    #[arg(long, value_name = "true|false")]
    pub renew_suspended: Option<bool>,
    /// Periods of a service that may have begun unbilled; the run parks one that is further behind
    #[arg(long, value_name = "PERIODS", value_parser = clap::value_parser!(u16).range(0..=i64::from(RunRules::MAX_PERIODS_BEHIND)))]
    pub max_periods_behind: Option<u16>,
    /// Days after today in which what falls due joins an invoice that the run issues today
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=i64::from(RunRules::MAX_CONSOLIDATION_DAYS)))]
    pub consolidation_days: Option<u16>,
    /// How what falls due together is invoiced, unless a customer wants it otherwise
    #[arg(long, value_enum)]
    pub invoicing: Option<SellerInvoicing>,
    /// How the days of a period are counted when a part of it is billed or given back
    #[arg(long, value_enum)]
    pub day_count: Option<DayCounting>,
    /// Days in which customers have to be told before their price changes
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=i64::from(LeadTime::MAX_DAYS)))]
    pub price_notice_days: Option<u16>,
    /// Whether a price that the catalogue does not have in a customer's currency is converted from the seller's own
    #[arg(long, value_name = "true|false")]
    pub convert_prices: Option<bool>,
    /// What converted prices end in: `any`, `whole`, or hundredths such as 90 for 6.90
    #[arg(long, value_name = "any|whole|00..99", value_parser = super::price_ending)]
    pub converted_ending: Option<PriceEnding>,
    /// Standard VAT rate in per cent, or `country` for the one that the country has on the day of an invoice
    #[arg(long, value_name = "PERCENT|country", value_parser = vat_rate)]
    pub vat_rate: Option<VatRate>,
    /// Whether the seller is registered for VAT; one that is not charges none
    #[arg(long, value_name = "true|false")]
    pub vat_registered: Option<bool>,
    /// From which day consumers in other EU countries pay their own country's VAT (one-stop shop), or `never`: needed from
    /// 10,000 EUR a year on
    #[arg(long, value_name = "DATE|never", value_parser = day_or_never)]
    pub oss_from: Option<DayOrNever>,
    /// Whether a VAT number has to be found valid before the customer accounts for the tax
    #[arg(long, value_enum)]
    pub vat_numbers: Option<VatNumbers>,
    /// Whether prices contain the VAT of the seller's country; before the first invoice
    #[arg(long, value_name = "true|false")]
    pub prices_include_vat: Option<bool>,
    /// How fractions of a minor unit are rounded
    #[arg(long, value_enum)]
    pub rounding: Option<Halves>,
    /// Whether VAT is rounded once for all lines of a rate, or for each line
    #[arg(long, value_enum)]
    pub vat_rounding: Option<VatRounding>,
    /// Minor units of which a total is a multiple: 100 for whole crowns, 5 for Swiss five-centime pieces, 1 for any
    #[arg(long, value_name = "UNITS")]
    pub cash_rounding: Option<i64>,
    /// Whether a new invoice is paid from the customer's credit, as far as that goes
    #[arg(long, value_name = "true|false")]
    pub apply_credit: Option<bool>,
    /// What becomes of a service's dates when a renewal is paid late
    #[arg(long, value_enum)]
    pub late_payment: Option<LatePaid>,
    /// Pattern of invoice numbers
    #[arg(long, value_name = "PATTERN")]
    pub number_pattern: Option<NumberPattern>,
    /// Pattern of credit notes' numbers: CN-{YYYY}-{NNNNN}
    #[arg(long, value_name = "PATTERN")]
    pub credit_note_pattern: Option<NumberPattern>,
    /// Pattern of deposits' numbers: DEP-{YYYY}-{NNNNN}
    #[arg(long, value_name = "PATTERN")]
    pub deposit_pattern: Option<NumberPattern>,
    /// When numbers start anew: `never`, or the month in which the fiscal year begins; before the first invoice
    #[arg(long, value_name = "never|1..12", value_parser = number_reset)]
    pub number_reset: Option<NumberReset>,
}

/// A standard rate of one's own, or the country's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VatRate(pub Option<Rate>);

fn vat_rate(text: &str) -> Result<VatRate, String> {
    match text {
        "country" => Ok(VatRate(None)),
        percent => Rate::parse_percent(percent).map(|rate| VatRate(Some(rate))).map_err(|error| error.to_string()),
    }
}

/// A day, or no day at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayOrNever(pub Option<Date>);

fn day_or_never(text: &str) -> Result<DayOrNever, String> {
    match text {
        "never" => Ok(DayOrNever(None)),
        day => day
            .parse()
            .map(|day| DayOrNever(Some(day)))
            .map_err(|_| "write a day such as 2027-01-01, or never".to_owned()),
    }
}

fn number_reset(text: &str) -> Result<NumberReset, String> {
    match (text, text.parse()) {
        ("never", _) => Ok(NumberReset::Never),
        (_, Ok(month @ 1..=12)) => Ok(NumberReset::Yearly { month }),
        _ => Err("write never, or a month from 1 to 12".to_owned()),
    }
}

/// Which VAT numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VatNumbers {
    /// All until a check says that one is invalid
    Trust,
    /// Those that a check has found valid
    Require,
}

impl From<VatNumbers> for VatNumberPolicy {
    fn from(choice: VatNumbers) -> Self {
        match choice {
            VatNumbers::Trust => Self::Trust,
            VatNumbers::Require => Self::Require,
        }
    }
}

/// Where halves go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Halves {
    /// Away from zero
    HalfUp,
    /// To the even neighbour
    HalfEven,
}

impl From<Halves> for Rounding {
    fn from(choice: Halves) -> Self {
        match choice {
            Halves::HalfUp => Self::HalfUp,
            Halves::HalfEven => Self::HalfEven,
        }
    }
}

/// What VAT is rounded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VatRounding {
    /// All lines of a rate together
    Group,
    /// Each line
    Line,
}

impl From<VatRounding> for TaxRounding {
    fn from(choice: VatRounding) -> Self {
        match choice {
            VatRounding::Group => Self::Group,
            VatRounding::Line => Self::Line,
        }
    }
}

/// What becomes of the dates of what is paid late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LatePaid {
    /// They stay
    Keep,
    /// The period begins anew on the day of payment
    Restart,
    /// Whole periods that passed unpaid are skipped
    Skip,
}

impl From<LatePaid> for LatePayment {
    fn from(choice: LatePaid) -> Self {
        match choice {
            LatePaid::Keep => Self::Keep,
            LatePaid::Restart => Self::Restart,
            LatePaid::Skip => Self::Skip,
        }
    }
}

/// How the days of a period are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DayCounting {
    /// Every day of the calendar the same
    Actual,
    /// As if every month had 30 days
    ThirtyDayMonths,
}

impl From<DayCounting> for DayCount {
    fn from(choice: DayCounting) -> Self {
        match choice {
            DayCounting::Actual => Self::Actual,
            DayCounting::ThirtyDayMonths => Self::ThirtyDayMonths,
        }
    }
}

/// How a seller invoices what falls due together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SellerInvoicing {
    /// On one invoice
    Together,
    /// Each on its own
    Separate,
}

impl From<SellerInvoicing> for Invoicing {
    fn from(choice: SellerInvoicing) -> Self {
        match choice {
            SellerInvoicing::Together => Self::Together,
            SellerInvoicing::Separate => Self::Separate,
        }
    }
}

/// Minutes since midnight.
fn minute_of_day(text: &str) -> Result<u16, String> {
    let time: jiff::civil::Time = text.parse().map_err(|_| "write a time of day such as 03:00".to_owned())?;
    u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).map_err(|error| error.to_string())
}

/// What renewing does while a renewal invoice is unpaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OpenInvoice {
    /// Answer with that invoice
    Return,
    /// Refuse with 409 and name that invoice
    Conflict,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum EInvoices {
    /// Nobody looks
    Off,
    /// It is issued, and the log says what is wrong
    Warn,
    /// It is not issued before that is mended
    Block,
}

impl From<EInvoices> for EInvoicePolicy {
    fn from(choice: EInvoices) -> Self {
        match choice {
            EInvoices::Off => Self::Off,
            EInvoices::Warn => Self::Warn,
            EInvoices::Block => Self::Block,
        }
    }
}

impl From<OpenInvoice> for OpenInvoicePolicy {
    fn from(choice: OpenInvoice) -> Self {
        match choice {
            OpenInvoice::Return => Self::Return,
            OpenInvoice::Conflict => Self::Conflict,
        }
    }
}

/// A quiet time, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet(pub Option<QuietHours>);

fn quiet_hours(text: &str) -> Result<Quiet, QuietHoursError> {
    if text == "none" { Ok(Quiet(None)) } else { text.parse().map(|hours| Quiet(Some(hours))) }
}

/// Which e-invoice goes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MailXmlChoice {
    /// None
    Off,
    /// UBL
    Ubl,
    /// CII
    Cii,
}

impl From<MailXmlChoice> for MailXml {
    fn from(choice: MailXmlChoice) -> Self {
        match choice {
            MailXmlChoice::Off => Self::Off,
            MailXmlChoice::Ubl => Self::Ubl,
            MailXmlChoice::Cii => Self::Cii,
        }
    }
}
