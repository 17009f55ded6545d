//! Issued invoices.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use perennial_billing::line::Allowance;
use perennial_billing::{
    AddonId, Currency, CustomerId, InvoiceId, Money, Part, Period, ProductId, Quantity, Rate, Rounding, SellerId,
    ServiceId, Share, TaxCategory, TaxGroup, TaxProfile,
};

use crate::customers::CustomerParty;
use crate::sellers::{SellerParty, rounding_from_word};
use crate::value::{Row, corrupt, params};
use crate::{Conn, Result};

/// An issued invoice, without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its integer id.
    pub id: InvoiceId,
    /// Its legal number.
    pub number: String,
    /// Who is billed.
    pub customer: CustomerId,
    /// The legal issue date.
    pub issued_on: Date,
    /// When it is due.
    pub due_on: Date,
    /// The moment it was written.
    pub issued_at: Timestamp,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
    /// How it was rounded.
    pub rounding: Rounding,
    /// Who issued it, as it was then.
    pub seller: SellerParty,
    /// Who was billed, as it was then.
    pub buyer: CustomerParty,
    /// Whether it is paid.
    pub status: InvoiceStatus,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
}

/// Where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceStatus {
    /// Issued and not paid.
    Issued,
    /// Paid in full.
    Paid,
    /// Taken back; its periods are free again.
    Void,
}

impl InvoiceStatus {
    const ALL: [Self; 3] = [Self::Issued, Self::Paid, Self::Void];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Paid => "paid",
            Self::Void => "void",
        }
    }

    /// The word the v1 API shows, with a capital.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Issued => "Unpaid",
            Self::Paid => "Paid",
            Self::Void => "Cancelled",
        }
    }

    /// The status that the v1 API calls so, in any case.
    #[must_use]
    pub fn from_title(title: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.title().eq_ignore_ascii_case(title))
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// One line of an issued invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLine {
    /// Its place, from 1.
    pub line: i64,
    /// Which service it bills.
    pub service: ServiceId,
    /// Which add-on of it, if any.
    pub addon: Option<AddonId>,
    /// Which product.
    pub product: ProductId,
    /// What the customer reads.
    pub description: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one, without tax.
    pub unit_price: Money,
    /// `unit_price × quantity`, less the allowance.
    pub net: Money,
    /// What is taken off it.
    pub allowance: Option<Allowance>,
    /// Category and rate.
    pub tax: TaxProfile,
    /// The days it bills.
    pub period: Period,
    /// Where its price came from: `own`, `feed` or `catalogue`.
    pub price_origin: String,
    /// What it is a part of, if it bills a part of a period or gives one back.
    pub part: Option<Part>,
}

/// What a list of invoices is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct InvoiceFilter {
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Only those that stand so.
    pub status: Option<InvoiceStatus>,
}

/// One page of invoices, newest first.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    filter: InvoiceFilter,
    limit: i64,
    offset: i64,
) -> Result<Vec<Invoice>> {
    let of_all = "select id, number, customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, \
        total_minor, rounding, seller, buyer, status, paid_at from invoices \
        where seller_id = $1 and ($2 is null or status = $2) order by id desc limit $3 offset $4";
    let of_one = "select id, number, customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, \
        total_minor, rounding, seller, buyer, status, paid_at from invoices \
        where seller_id = $1 and ($2 is null or status = $2) and customer_id = $5 order by id desc limit $3 offset $4";
    let mut values = params![seller.0, filter.status.map(|status| status.as_str().to_owned()), limit, offset];
    let rows = match filter.customer {
        Some(customer) => {
            values.push(customer.0.into());
            conn.rows(of_one, values).await?
        }
        None => conn.rows(of_all, values).await?,
    };
    rows.iter().map(read).collect()
}

/// How many invoices there are.
pub async fn count(conn: &mut Conn, seller: SellerId, filter: InvoiceFilter) -> Result<i64> {
    let of_all = "select count(*) as invoices from invoices where seller_id = $1 and ($2 is null or status = $2)";
    let of_one = "select count(*) as invoices from invoices \
        where seller_id = $1 and ($2 is null or status = $2) and customer_id = $3";
    let status = filter.status.map(|status| status.as_str().to_owned());
    let row = match filter.customer {
        Some(customer) => conn.row(of_one, params![seller.0, status, customer.0]).await?,
        None => conn.row(of_all, params![seller.0, status]).await?,
    };
    row.map_or(Ok(0), |row| row.int("invoices"))
}

/// The invoice with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: InvoiceId) -> Result<Option<Invoice>> {
    let sql = "select id, number, customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, total_minor, \
        rounding, seller, buyer, status, paid_at from invoices where seller_id = $1 and id = $2";
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// When invoices are due.
pub async fn due_days(conn: &mut Conn, seller: SellerId, invoices: &[InvoiceId]) -> Result<HashMap<InvoiceId, Date>> {
    let sql = "select id, due_on from invoices where seller_id = $1 and id {in $2}";
    let ids: Vec<i64> = invoices.iter().map(|invoice| invoice.0).collect();
    let rows = conn.rows(sql, params![seller.0, ids]).await?;
    rows.iter().map(|row| Ok((InvoiceId(row.int("id")?), row.date("due_on")?))).collect()
}

/// The lines of an invoice, in order.
pub async fn lines(conn: &mut Conn, seller: SellerId, invoice: &Invoice) -> Result<Vec<InvoiceLine>> {
    let sql = "select line, service_id, addon_id, product_id, description, quantity_millionths, unit_price_minor, \
        net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, allowance_minor, \
        allowance_reason, whole_minor, whole_starts, share_days, share_of from invoice_lines \
        where seller_id = $1 and invoice_id = $2 order by line";
    let currency = invoice.total.currency;
    let rows = conn.rows(sql, params![seller.0, invoice.id.0]).await?;
    rows.iter()
        .map(|row| {
            Ok(InvoiceLine {
                line: row.int("line")?,
                service: ServiceId(row.int("service_id")?),
                addon: row.opt_int("addon_id")?.map(AddonId),
                product: ProductId(row.int("product_id")?),
                description: row.text("description")?,
                quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
                unit_price: Money::new(row.int("unit_price_minor")?, currency),
                net: Money::new(row.int("net_minor")?, currency),
                tax: profile(row)?,
                period: Period { starts: row.date("period_starts")?, ends: row.date("period_ends")? },
                price_origin: row.text("price_origin")?,
                allowance: allowance(row, currency)?,
                part: part(row, currency)?,
            })
        })
        .collect()
}

/// What is taken off a line.
fn allowance(row: &Row, currency: Currency) -> Result<Option<Allowance>> {
    let Some(minor) = row.opt_int("allowance_minor")? else { return Ok(None) };
    Ok(Some(Allowance { amount: Money::new(minor, currency), reason: row.text("allowance_reason")? }))
}

/// What a line is a part of.
pub(crate) fn part(row: &Row, currency: Currency) -> Result<Option<Part>> {
    let Some(whole) = row.opt_int("whole_minor")? else { return Ok(None) };
    let share = Share { days: row.small("share_days")?, of: row.small("share_of")? };
    Ok(Some(Part { whole: Money::new(whole, currency), starts: row.date("whole_starts")?, share }))
}

/// The tax groups of an invoice.
pub async fn taxes(conn: &mut Conn, seller: SellerId, invoice: &Invoice) -> Result<Vec<TaxGroup>> {
    let sql = "select tax_category, tax_rate_ppm, base_minor, tax_minor from invoice_taxes \
        where seller_id = $1 and invoice_id = $2 order by tax_category, tax_rate_ppm";
    let currency = invoice.total.currency;
    let rows = conn.rows(sql, params![seller.0, invoice.id.0]).await?;
    rows.iter()
        .map(|row| {
            Ok(TaxGroup {
                profile: profile(row)?,
                base: Money::new(row.int("base_minor")?, currency),
                tax: Money::new(row.int("tax_minor")?, currency),
            })
        })
        .collect()
}

pub(crate) fn profile(row: &Row) -> Result<TaxProfile> {
    Ok(TaxProfile {
        category: row.word("tax_category", TaxCategory::from_code)?,
        rate: Rate::from_parts_per_million(row.int("tax_rate_ppm")?),
    })
}

fn read(row: &Row) -> Result<Invoice> {
    let currency: Currency = row.parsed("currency")?;
    Ok(Invoice {
        id: InvoiceId(row.int("id")?),
        number: row.text("number")?,
        customer: CustomerId(row.int("customer_id")?),
        issued_on: row.date("issued_on")?,
        due_on: row.date("due_on")?,
        issued_at: row.instant("issued_at")?,
        net: Money::new(row.int("net_minor")?, currency),
        tax: Money::new(row.int("tax_minor")?, currency),
        total: Money::new(row.int("total_minor")?, currency),
        rounding: row.word("rounding", rounding_from_word)?,
        seller: frozen(row, "seller")?,
        buyer: frozen(row, "buyer")?,
        status: row.word("status", InvoiceStatus::from_word)?,
        paid_at: row.opt_instant("paid_at")?,
    })
}

fn frozen<T: serde::de::DeserializeOwned>(row: &Row, column: &'static str) -> Result<T> {
    let text = row.text(column)?;
    serde_json::from_str(&text).map_err(|error| corrupt(column, "(a frozen copy)", error))
}
