//! Sellers: the legal entities that issue invoices.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{
    AmountRules, Conversion, Country, Currency, CustomerId, Cycle, DayCount, DocumentKind, ExchangeRate, HomeRates,
    Invoicing, LatePayment, LeadScope, LeadTime, NumberPattern, NumberReset, OwnRate, ProductId, QuietHours, Rate,
    Rounding, SellerId, TaxRounding, TaxRules, UnitRate, UnknownCountry, VatNumberPolicy, is_in_vat_area,
};
use serde::{Deserialize, Serialize};

use crate::customers::Customer;
use crate::value::{Row, corrupt, params};
use crate::{Conn, Result, Tx};

/// A legal entity that issues invoices, and its rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Seller {
    /// Its id; chosen by [`insert`] when it is new.
    pub id: SellerId,
    /// Who it is, as invoices show it.
    pub party: SellerParty,
    /// The currency of its books and of new customers by default.
    pub currency: Currency,
    /// The time zone in which its days begin.
    pub time_zone: TimeZone,
    /// How it taxes.
    pub tax: TaxSettings,
    /// How its documents are numbered.
    pub numbering: Numbering,
    /// Days a customer has to pay, at least.
    pub payment_terms_days: u16,
    /// Months ahead of today in which a period may start to be renewed.
    pub renew_ahead_months: u16,
    /// What renewing does while a renewal invoice is unpaid.
    pub open_invoice_policy: OpenInvoicePolicy,
    /// Whether an issued invoice is mailed at once.
    pub mail_invoices: bool,
    /// How its mails go out.
    pub mail: MailRules,
    /// What becomes of an invoice for a company whose e-invoice the official rules would refuse.
    pub e_invoices: EInvoicePolicy,
    /// How the amounts of its documents are made.
    pub amounts: AmountRules,
    /// Whether a new invoice is paid from the customer's credit, as far as that goes.
    pub applies_credit: bool,
    /// What becomes of a service's dates when it is paid late.
    pub late_payment: LatePayment,
    /// How the days of a period are counted when a part of it is billed or given back.
    pub day_count: DayCount,
    /// Days in which customers have to be told before their price changes.
    pub price_notice_days: u16,
    /// Whether a price that the catalogue does not have in a customer's currency is converted from the seller's own.
    pub converts_prices: bool,
    /// What converted prices end in.
    pub converted_ending: PriceEnding,
    /// What its currency is worth in others; written by [`add_exchange_rate`] and not with the seller.
    pub exchange_rates: Vec<ExchangeRate>,
    /// The rules of its renewal runs.
    pub runs: RunRules,
    /// When it was set up.
    pub created_at: Timestamp,
    /// Moves with every change; the database's own counting.
    pub version: i64,
}

impl Seller {
    /// How it converts prices, if it does.
    #[must_use]
    pub fn conversion(&self) -> Option<Conversion> {
        let (home, ending) = (self.currency, self.converted_ending);
        self.converts_prices.then(|| Conversion { home, ending, rates: self.exchange_rates.clone() })
    }

    /// The legal number of the `number`th invoice of the series in which the day lies.
    #[must_use]
    pub fn invoice_number(&self, issued_on: Date, number: i64) -> String {
        self.numbering.invoices.format(issued_on, self.numbering.reset, number)
    }

    /// What its currency is worth in another one; nothing for its own, or without rates.
    #[must_use]
    pub fn home_rates(&self, currency: Currency) -> Option<Arc<HomeRates>> {
        let rates = || self.exchange_rates.iter().filter(move |rate| rate.currency == currency);
        let is_foreign = currency != self.currency && rates().next().is_some();
        is_foreign.then(|| Arc::new(HomeRates { home: self.currency, rates: rates().cloned().collect() }))
    }

    /// Whether a document for this customer is mailed when it is issued.
    #[must_use]
    pub fn mails_to(&self, customer: &Customer) -> bool {
        self.mail_invoices && !customer.party.email.is_empty()
    }

    /// When a mail is sent that nobody waits for, and which is queued now.
    #[must_use]
    pub fn mails_from(&self, now: Timestamp) -> Timestamp {
        self.mail.quiet_hours.map_or(now, |hours| hours.after(now, &self.time_zone))
    }

    /// What of it decides its customers' tax; nothing if its country is none.
    ///
    /// # Errors
    /// Its country is not one of ISO 3166-1.
    pub fn tax_rules(&self) -> std::result::Result<TaxRules, UnknownCountry> {
        let country: Country = self.party.country.parse()?;
        Ok(TaxRules {
            country,
            is_in_vat_area: is_in_vat_area(country.code(), &self.party.postcode),
            is_registered: self.tax.is_registered,
            home_rate: self.tax.home_rate,
            own_rates: self.tax.own_rates.clone(),
            oss_from: self.tax.oss_from,
            number_policy: self.tax.number_policy,
        })
    }
}

/// The seller as an invoice freezes it (EN 16931 BG-4 and BG-16).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerParty {
    /// Legal name.
    pub name: String,
    /// Street.
    pub address1: String,
    /// Second line.
    pub address2: String,
    /// Postal code.
    pub postcode: String,
    /// City.
    pub city: String,
    /// ISO 3166-1, two capitals.
    pub country: String,
    /// VAT number, or empty.
    pub vat_number: String,
    /// Registration number, or empty.
    pub company_number: String,
    /// Where customers write to.
    pub email: String,
    /// Bank account, or empty.
    pub iban: String,
    /// Bank, or empty.
    pub bic: String,
    /// Swedish giro number, or empty.
    pub bankgiro: String,
    /// Telephone, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// Where more is to be read, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub website: String,
    /// The other Swedish giro number, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plusgiro: String,
    /// A payee's number for Swish, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub swish: String,
    /// A Danish creditor number, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fik_creditor: String,
    /// The word of the scheme of payment references; empty for the one that is usual in its country.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub payment_reference: String,
    /// The number of the look of its documents ([`crate::brands`]); nought for the usual one.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub brand: i64,
}

/// What an empty setting is left out by.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_nought(number: &i64) -> bool {
    *number == 0
}

/// How a seller taxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxSettings {
    /// Whether it is registered for VAT.
    pub is_registered: bool,
    /// The standard rate at home, if it is not the one that its country has on the day of an invoice.
    pub home_rate: Option<Rate>,
    /// Rates of countries that it knows better than the program; written by [`add_tax_rate`] and not with the seller.
    pub own_rates: Vec<OwnRate>,
    /// From which day it declares in the one-stop shop what consumers in other member states pay.
    pub oss_from: Option<Date>,
    /// What it wants to know about a VAT number.
    pub number_policy: VatNumberPolicy,
}

impl Default for TaxSettings {
    fn default() -> Self {
        let number_policy = VatNumberPolicy::default();
        Self { is_registered: true, home_rate: None, own_rates: Vec::new(), oss_from: None, number_policy }
    }
}

/// How a seller's documents are numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    /// The pattern of invoice numbers.
    pub invoices: NumberPattern,
    /// The pattern of credit notes' numbers.
    pub credit_notes: NumberPattern,
    /// The pattern of deposits' numbers, which are no legal ones.
    pub deposits: NumberPattern,
    /// When numbers start anew.
    pub reset: NumberReset,
}

impl Numbering {
    /// The pattern for a kind of document.
    #[must_use]
    pub fn pattern(&self, kind: DocumentKind) -> &NumberPattern {
        match kind {
            DocumentKind::Invoice => &self.invoices,
            DocumentKind::CreditNote => &self.credit_notes,
            DocumentKind::Deposit => &self.deposits,
        }
    }
}

/// The rules of a seller's renewal runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRules {
    /// Days before a period starts, unless a nearer setting says otherwise.
    pub lead_days: u16,
    /// Those settings; written by [`set_lead_time`] and not with the seller.
    pub lead_times: Vec<LeadTime>,
    /// Whether the server starts a run every day.
    pub is_daily: bool,
    /// When it does: minutes since midnight in the seller's time zone.
    pub minute: u16,
    /// Whether suspended services are renewed.
    pub renew_suspended: bool,
    /// How many periods of a service may have begun unbilled; one that is further behind is parked.
    pub max_periods_behind: u16,
    /// Days after today in which what falls due joins an invoice that is issued today.
    pub consolidation_days: u16,
    /// How what falls due together is invoiced, unless a customer wants it otherwise.
    pub invoicing: Invoicing,
}

impl RunRules {
    /// Periods that may have begun unbilled at most.
    pub const MAX_PERIODS_BEHIND: u16 = 1_000;
    /// The longest window, in days.
    pub const MAX_CONSOLIDATION_DAYS: u16 = 31;

    /// The time of day at which it is started: `03:00`.
    #[must_use]
    pub fn time_of_day(&self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }

    /// How long before a period of a service the run bills it.
    #[must_use]
    pub fn lead(&self, customer: CustomerId, product: ProductId, cycle: Cycle) -> LeadTime {
        LeadTime::nearest(&self.lead_times, self.lead_days, customer, product, cycle)
    }
}

impl Default for RunRules {
    fn default() -> Self {
        Self {
            lead_days: LeadTime::DEFAULT_DAYS,
            lead_times: Vec::new(),
            is_daily: true,
            minute: 3 * 60,
            renew_suspended: true,
            max_periods_behind: 3,
            consolidation_days: 0,
            invoicing: Invoicing::Together,
        }
    }
}

/// How a seller's mails go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailRules {
    /// When nobody is mailed who did not ask for it.
    pub quiet_hours: Option<QuietHours>,
    /// Which e-invoice a company's invoice brings along as a file of its own; the PDF contains one anyway.
    pub xml: MailXml,
}

/// Which e-invoice a mail brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MailXml {
    /// None.
    #[default]
    Off,
    /// UBL, as Peppol has it.
    Ubl,
    /// CII.
    Cii,
}

impl MailXml {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Ubl, Self::Cii];

    /// The word kept in the database: `off`, `ubl` or `cii`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ubl => "ubl",
            Self::Cii => "cii",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|xml| xml.as_str() == word)
    }
}

/// What renewing does while a renewal invoice is unpaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenInvoicePolicy {
    /// Answer with that invoice, so that a retry after a lost answer is safe.
    Return,
    /// Refuse and name that invoice.
    Conflict,
}

impl OpenInvoicePolicy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Return, Self::Conflict];

    /// The word kept in the database: `return` or `conflict`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Conflict => "conflict",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }
}

/// What becomes of an invoice for a company whose e-invoice the official rules would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EInvoicePolicy {
    /// Nobody looks.
    Off,
    /// It is issued, and the log says what is wrong.
    Warn,
    /// It is not issued before that is mended.
    Block,
}

impl EInvoicePolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Warn, Self::Block];

    /// The word kept in the database: `off`, `warn` or `block`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }
}

pub(crate) fn rounding_from_word(word: &str) -> Option<Rounding> {
    Rounding::ALL.into_iter().find(|rounding| rounding.as_str() == word)
}

const COLUMNS: &str = "select id, name, address1, address2, postcode, city, country, vat_number, company_number, email, \
    iban, bic, bankgiro, currency, time_zone, tax_rate_ppm, number_pattern, payment_terms_days, renew_ahead_months, \
    open_invoice_policy, mail_invoices, rounding, created_at, version, lead_days, daily_run, run_minute, renew_suspended, \
    max_periods_behind, consolidation_days, invoicing, day_count, price_notice_days, convert_prices, \
    converted_ending, own_tax_rate, vat_registered, oss_from, vat_number_policy, prices_include_tax, tax_rounding, \
    cash_rounding_minor, auto_apply_credit, late_payment, credit_note_pattern, deposit_pattern, number_reset, \
    fiscal_year_month, phone, website, plusgiro, swish, fik_creditor, payment_reference, brand, e_invoices, quiet_hours, \
    mail_xml from sellers where id = $1";

/// The seller with this id.
pub async fn get(conn: &mut Conn, id: SellerId) -> Result<Option<Seller>> {
    let Some(row) = conn.row(COLUMNS, params![id.0]).await? else { return Ok(None) };
    let mut seller = read(&row)?;
    seller.runs.lead_times = lead_times(conn, id).await?;
    seller.exchange_rates = exchange_rates(conn, id).await?;
    seller.tax.own_rates = tax_rates(conn, id).await?;
    Ok(Some(seller))
}

/// The seller's lead times that are nearer than its own.
async fn lead_times(conn: &mut Conn, seller: SellerId) -> Result<Vec<LeadTime>> {
    let sql = "select customer_id, product_id, cycle, days from lead_times where seller_id = $1 \
        order by customer_id, product_id, cycle";
    let rows = conn.rows(sql, params![seller.0]).await?;
    rows.iter()
        .map(|row| {
            let cycle = row.text("cycle")?;
            let cycle: Option<Cycle> = if cycle.is_empty() { None } else { Some(row.parsed("cycle")?) };
            let scope = match (row.int("customer_id")?, row.int("product_id")?, cycle) {
                (0, 0, None) => LeadScope::Seller,
                (0, 0, Some(cycle)) => LeadScope::Cycle(cycle),
                (0, product, None) => LeadScope::Product(ProductId(product)),
                (0, product, Some(cycle)) => LeadScope::ProductCycle(ProductId(product), cycle),
                (customer, ..) => LeadScope::Customer(CustomerId(customer)),
            };
            Ok(LeadTime { scope, days: row.small("days")? })
        })
        .collect()
}

/// What a unit of the seller's currency is worth in others, by currency and day.
pub async fn exchange_rates(conn: &mut Conn, seller: SellerId) -> Result<Vec<ExchangeRate>> {
    let sql = "select currency, starts, rate_billionths, source from exchange_rates where seller_id = $1 \
        order by currency, starts";
    let rows = conn.rows(sql, params![seller.0]).await?;
    rows.iter()
        .map(|row| {
            Ok(ExchangeRate {
                currency: row.parsed("currency")?,
                starts: row.date("starts")?,
                rate: UnitRate::from_billionths(row.int("rate_billionths")?),
                source: row.text("source")?,
            })
        })
        .collect()
}

/// The standard rates that a seller knows better than the program, by country and day.
async fn tax_rates(conn: &mut Conn, seller: SellerId) -> Result<Vec<OwnRate>> {
    let sql = "select country, starts, rate_ppm from tax_rates where seller_id = $1 order by country, starts";
    let rows = conn.rows(sql, params![seller.0]).await?;
    rows.iter()
        .map(|row| {
            let rate = Rate::from_parts_per_million(row.int("rate_ppm")?);
            Ok(OwnRate { country: row.parsed("country")?, starts: row.date("starts")?, rate })
        })
        .collect()
}

/// Adds such a rate, and moves the seller's version.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) when there is one for the country that starts on that day.
pub async fn add_tax_rate(tx: &mut Tx, seller: SellerId, rate: &OwnRate) -> Result<()> {
    let sql = "insert into tax_rates (seller_id, country, starts, rate_ppm) values ($1, $2, $3, $4)";
    let values = params![seller.0, rate.country.code(), rate.starts, rate.rate.parts_per_million()];
    tx.execute(sql, values).await?;
    tx.execute("update sellers set version = version + 1 where id = $1", params![seller.0]).await?;
    Ok(())
}

/// Adds a rate, and moves the seller's version.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) when there is one that starts on that day.
pub async fn add_exchange_rate(tx: &mut Tx, seller: SellerId, rate: &ExchangeRate) -> Result<()> {
    let sql = "insert into exchange_rates (seller_id, currency, starts, rate_billionths, source) \
        values ($1, $2, $3, $4, $5)";
    let values = params![seller.0, rate.currency.code(), rate.starts, rate.rate.billionths(), rate.source.clone()];
    tx.execute(sql, values).await?;
    tx.execute("update sellers set version = version + 1 where id = $1", params![seller.0]).await?;
    Ok(())
}

/// What prices end in, as a column of hundredths.
pub(crate) fn ending_to_row(ending: PriceEnding) -> Option<i64> {
    match ending {
        PriceEnding::Any => None,
        PriceEnding::Hundredths(hundredths) => Some(i64::from(hundredths)),
    }
}

pub(crate) fn ending_from_row(row: &Row, column: &'static str) -> Result<PriceEnding> {
    Ok(match row.opt_int(column)? {
        None => PriceEnding::Any,
        Some(_) => PriceEnding::Hundredths(row.small(column)?),
    })
}

/// Sets or, without days, removes a lead time, and moves the seller's version. The seller's own is set with [`update`].
pub async fn set_lead_time(tx: &mut Tx, seller: SellerId, scope: LeadScope, days: Option<u16>) -> Result<()> {
    let (customer, product, cycle) = match scope {
        LeadScope::Seller => (0, 0, String::new()),
        LeadScope::Cycle(cycle) => (0, 0, cycle.to_string()),
        LeadScope::Product(product) => (0, product.0, String::new()),
        LeadScope::ProductCycle(product, cycle) => (0, product.0, cycle.to_string()),
        LeadScope::Customer(customer) => (customer.0, 0, String::new()),
    };
    let scope = params![seller.0, customer, product, cycle];
    match days {
        Some(days) => {
            let sql = "insert into lead_times (seller_id, customer_id, product_id, cycle, days) values ($1, $2, $3, $4, $5) \
                on conflict (seller_id, customer_id, product_id, cycle) do update set days = excluded.days";
            tx.execute(sql, [scope, params![i64::from(days)]].concat()).await?;
        }
        None => {
            let sql =
                "delete from lead_times where seller_id = $1 and customer_id = $2 and product_id = $3 and cycle = $4";
            tx.execute(sql, scope).await?;
        }
    }
    tx.execute("update sellers set version = version + 1 where id = $1", params![seller.0]).await?;
    Ok(())
}

/// The ids of all sellers, ascending.
pub async fn ids(conn: &mut Conn) -> Result<Vec<SellerId>> {
    let rows = conn.rows("select id from sellers order by id", Vec::new()).await?;
    rows.iter().map(|row| row.int("id").map(SellerId)).collect()
}

/// Holds a seller until the transaction ends, so that only one of those who ask for this goes on. Tells whether it exists.
pub async fn hold(tx: &mut Tx, id: SellerId) -> Result<bool> {
    let sql = "select id from sellers where id = $1 {for update}";
    Ok(tx.row(sql, params![id.0]).await?.is_some())
}

/// Writes a new seller under its id.
pub async fn insert(tx: &mut Tx, seller: &Seller) -> Result<()> {
    let sql = "insert into sellers (id, name, address1, address2, postcode, city, country, vat_number, company_number, \
        email, iban, bic, bankgiro, currency, time_zone, tax_rate_ppm, number_pattern, payment_terms_days, \
        renew_ahead_months, open_invoice_policy, mail_invoices, rounding, created_at, lead_days, daily_run, run_minute, \
        renew_suspended, max_periods_behind, consolidation_days, invoicing, day_count, price_notice_days, convert_prices, \
        converted_ending, own_tax_rate, vat_registered, oss_from, vat_number_policy, prices_include_tax, tax_rounding, \
        cash_rounding_minor, auto_apply_credit, late_payment, credit_note_pattern, deposit_pattern, number_reset, \
        fiscal_year_month, phone, website, plusgiro, swish, fik_creditor, payment_reference, e_invoices, \
        quiet_hours, mail_xml, brand, version) values ($1, $2, $3, $4, $5, $6, $7, \
        $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, \
        $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, 1)";
    let mut values = values(seller);
    values.extend(params![seller.party.brand]);
    tx.execute(sql, values).await?;
    Ok(())
}

/// Writes what has changed about a seller, but for its look ([`crate::brands::add`]). Issued invoices keep their copy. Tells whether it exists.
pub async fn update(tx: &mut Tx, seller: &Seller) -> Result<bool> {
    let sql = "update sellers set name = $2, address1 = $3, address2 = $4, postcode = $5, city = $6, country = $7, \
        vat_number = $8, company_number = $9, email = $10, iban = $11, bic = $12, bankgiro = $13, currency = $14, \
        time_zone = $15, tax_rate_ppm = $16, number_pattern = $17, payment_terms_days = $18, renew_ahead_months = $19, \
        open_invoice_policy = $20, mail_invoices = $21, rounding = $22, created_at = $23, \
        lead_days = $24, daily_run = $25, run_minute = $26, renew_suspended = $27, max_periods_behind = $28, \
        consolidation_days = $29, invoicing = $30, day_count = $31, price_notice_days = $32, convert_prices = $33, converted_ending = $34, own_tax_rate = $35, vat_registered = $36, oss_from = $37, vat_number_policy = $38, \
        prices_include_tax = $39, tax_rounding = $40, cash_rounding_minor = $41, auto_apply_credit = $42, \
        late_payment = $43, credit_note_pattern = $44, deposit_pattern = $45, number_reset = $46, \
        fiscal_year_month = $47, phone = $48, website = $49, plusgiro = $50, swish = $51, fik_creditor = $52, \
        payment_reference = $53, e_invoices = $54, quiet_hours = $55, mail_xml = $56, version = version + 1 where id = $1";
    Ok(tx.execute(sql, values(seller)).await? == 1)
}

fn values(seller: &Seller) -> Vec<crate::value::Value> {
    let party = seller.party.clone();
    params![
        seller.id.0,
        party.name,
        party.address1,
        party.address2,
        party.postcode,
        party.city,
        party.country,
        party.vat_number,
        party.company_number,
        party.email,
        party.iban,
        party.bic,
        party.bankgiro,
        seller.currency.code(),
        seller.time_zone.iana_name().unwrap_or("UTC"),
        seller.tax.home_rate.unwrap_or(Rate::ZERO).parts_per_million(),
        seller.numbering.invoices.to_string(),
        i64::from(seller.payment_terms_days),
        i64::from(seller.renew_ahead_months),
        seller.open_invoice_policy.as_str(),
        seller.mail_invoices,
        seller.amounts.rounding.as_str(),
        seller.created_at,
        i64::from(seller.runs.lead_days),
        seller.runs.is_daily,
        i64::from(seller.runs.minute),
        seller.runs.renew_suspended,
        i64::from(seller.runs.max_periods_behind),
        i64::from(seller.runs.consolidation_days),
        seller.runs.invoicing.as_str(),
        seller.day_count.as_str(),
        i64::from(seller.price_notice_days),
        seller.converts_prices,
        ending_to_row(seller.converted_ending),
        seller.tax.home_rate.is_some(),
        seller.tax.is_registered,
        seller.tax.oss_from,
        seller.tax.number_policy.as_str(),
        seller.amounts.includes_tax,
        seller.amounts.tax_rounding.as_str(),
        seller.amounts.payable_step,
        seller.applies_credit,
        seller.late_payment.as_str(),
        seller.numbering.credit_notes.to_string(),
        seller.numbering.deposits.to_string(),
        seller.numbering.reset.as_str(),
        i64::from(seller.numbering.reset.month()),
        party.phone,
        party.website,
        party.plusgiro,
        party.swish,
        party.fik_creditor,
        party.payment_reference,
        seller.e_invoices.as_str(),
        seller.mail.quiet_hours.map(|hours| hours.to_string()).unwrap_or_default(),
        seller.mail.xml.as_str(),
    ]
}

fn read(row: &Row) -> Result<Seller> {
    let zone = row.text("time_zone")?;
    let fiscal_year_month = row.small("fiscal_year_month")?;
    Ok(Seller {
        id: SellerId(row.int("id")?),
        party: SellerParty {
            name: row.text("name")?,
            address1: row.text("address1")?,
            address2: row.text("address2")?,
            postcode: row.text("postcode")?,
            city: row.text("city")?,
            country: row.text("country")?,
            vat_number: row.text("vat_number")?,
            company_number: row.text("company_number")?,
            email: row.text("email")?,
            iban: row.text("iban")?,
            bic: row.text("bic")?,
            bankgiro: row.text("bankgiro")?,
            phone: row.text("phone")?,
            website: row.text("website")?,
            plusgiro: row.text("plusgiro")?,
            swish: row.text("swish")?,
            fik_creditor: row.text("fik_creditor")?,
            payment_reference: row.text("payment_reference")?,
            brand: row.int("brand")?,
        },
        currency: row.parsed("currency")?,
        time_zone: TimeZone::get(&zone).map_err(|error| corrupt("time_zone", &zone, error))?,
        tax: TaxSettings {
            is_registered: row.bool("vat_registered")?,
            home_rate: row
                .bool("own_tax_rate")?
                .then(|| row.int("tax_rate_ppm").map(Rate::from_parts_per_million))
                .transpose()?,
            own_rates: Vec::new(),
            oss_from: row.opt_date("oss_from")?,
            number_policy: row.word("vat_number_policy", VatNumberPolicy::from_word)?,
        },
        numbering: Numbering {
            invoices: row.parsed("number_pattern")?,
            credit_notes: row.parsed("credit_note_pattern")?,
            deposits: row.parsed("deposit_pattern")?,
            reset: row.word("number_reset", |word| NumberReset::from_word(word, fiscal_year_month))?,
        },
        payment_terms_days: row.small("payment_terms_days")?,
        renew_ahead_months: row.small("renew_ahead_months")?,
        open_invoice_policy: row.word("open_invoice_policy", OpenInvoicePolicy::from_word)?,
        e_invoices: row.word("e_invoices", EInvoicePolicy::from_word)?,
        mail_invoices: row.bool("mail_invoices")?,
        mail: MailRules {
            quiet_hours: match row.text("quiet_hours")?.as_str() {
                "" => None,
                hours => Some(hours.parse().map_err(|error| corrupt("quiet_hours", hours, error))?),
            },
            xml: row.word("mail_xml", MailXml::from_word)?,
        },
        amounts: AmountRules {
            rounding: row.word("rounding", rounding_from_word)?,
            tax_rounding: row.word("tax_rounding", TaxRounding::from_word)?,
            includes_tax: row.bool("prices_include_tax")?,
            payable_step: row.int("cash_rounding_minor")?,
        },
        applies_credit: row.bool("auto_apply_credit")?,
        late_payment: row.word("late_payment", LatePayment::from_word)?,
        day_count: row.word("day_count", DayCount::from_word)?,
        price_notice_days: row.small("price_notice_days")?,
        converts_prices: row.bool("convert_prices")?,
        converted_ending: ending_from_row(row, "converted_ending")?,
        exchange_rates: Vec::new(),
        runs: RunRules {
            lead_days: row.small("lead_days")?,
            lead_times: Vec::new(),
            is_daily: row.bool("daily_run")?,
            minute: row.small("run_minute")?,
            renew_suspended: row.bool("renew_suspended")?,
            max_periods_behind: row.small("max_periods_behind")?,
            consolidation_days: row.small("consolidation_days")?,
            invoicing: row.word("invoicing", Invoicing::from_word)?,
        },
        created_at: row.instant("created_at")?,
        version: row.int("version")?,
    })
}
