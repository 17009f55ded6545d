//! Sums for accountants and tax authorities.

use std::collections::HashMap;

use jiff::civil::Date;
use perennial_billing::ledger::Source;
use perennial_billing::{Currency, CustomerId, DocumentKind, HomeRate, InvoiceId, Money, SellerId, TaxProfile};

use crate::invoices::{home_rate, profile};
use crate::value::params;
use crate::{Conn, Result};

/// What was supplied, and the tax on it, in a stretch of days: one currency, rate of exchange and tax. Credit notes are off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxSum {
    /// Whose tax, which category and rate.
    pub profile: TaxProfile,
    /// How many documents.
    pub documents: i64,
    /// Without tax.
    pub base: Money,
    /// The tax.
    pub tax: Money,
    /// What it is converted at, if it is not in the seller's currency and a rate was known.
    pub rate: Option<HomeRate>,
}

/// The tax on what was invoiced from one day through another, by country, category, rate, currency and rate of exchange. What
/// was voided is left out: nobody was sent it.
pub async fn tax(conn: &mut Conn, seller: SellerId, from: Date, through: Date) -> Result<Vec<TaxSum>> {
    let sql = "select t.tax_country, t.tax_category, t.tax_rate_ppm, i.currency, i.home_currency, i.home_rate_billionths, \
        i.home_rate_on, i.home_rate_source, count(*) as documents, \
        cast(sum(case when i.kind = 'credit_note' then -t.base_minor else t.base_minor end) as bigint) as base_minor, \
        cast(sum(case when i.kind = 'credit_note' then -t.tax_minor else t.tax_minor end) as bigint) as tax_minor \
        from invoices i join invoice_taxes t on t.seller_id = i.seller_id and t.invoice_id = i.id \
        where i.seller_id = $1 and i.issued_on >= $2 and i.issued_on <= $3 and i.kind <> 'deposit' and i.status <> 'void' \
        group by t.tax_country, t.tax_category, t.tax_rate_ppm, i.currency, i.home_currency, i.home_rate_billionths, \
        i.home_rate_on, i.home_rate_source order by t.tax_country, t.tax_category, t.tax_rate_ppm, i.currency, i.home_rate_on";
    let rows = conn.rows(sql, params![seller.0, from, through]).await?;
    rows.iter()
        .map(|row| {
            let currency: Currency = row.parsed("currency")?;
            Ok(TaxSum {
                profile: profile(row)?,
                documents: row.int("documents")?,
                base: Money::new(row.int("base_minor")?, currency),
                tax: Money::new(row.int("tax_minor")?, currency),
                rate: home_rate(row)?,
            })
        })
        .collect()
}

/// An invoice of which something is to be paid, for a list by age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Its id.
    pub invoice: InvoiceId,
    /// Its number.
    pub number: String,
    /// Whose.
    pub customer: CustomerId,
    /// When it was due.
    pub due_on: Date,
    /// What is to be paid.
    pub open: Money,
}

/// What is to be paid, by customer: one page, after this customer and invoice.
pub async fn owed(conn: &mut Conn, seller: SellerId, after: (CustomerId, InvoiceId), limit: i64) -> Result<Vec<Owed>> {
    let sql = "select id, number, customer_id, due_on, currency, open_minor from invoices where seller_id = $1 \
        and status = 'issued' and kind = 'invoice' and (customer_id, id) > ($2, $3) order by customer_id, id limit $4";
    let rows = conn.rows(sql, params![seller.0, after.0.0, after.1.0, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Owed {
                invoice: InvoiceId(row.int("id")?),
                number: row.text("number")?,
                customer: CustomerId(row.int("customer_id")?),
                due_on: row.date("due_on")?,
                open: Money::new(row.int("open_minor")?, row.parsed("currency")?),
            })
        })
        .collect()
}

/// A series of numbers as an auditor wants to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesReport {
    /// Of which documents.
    pub kind: DocumentKind,
    /// The year in which its fiscal year began; 0 where numbers never start anew.
    pub series: i64,
    /// The first number that was to be given.
    pub first: i64,
    /// The last number that was given.
    pub last: i64,
    /// How many documents have one.
    pub documents: i64,
    /// The text of the lowest and of the highest.
    pub numbers: Option<(String, String)>,
    /// The first and the last day of issue.
    pub days: Option<(Date, Date)>,
    /// The numbers of those that are void.
    pub voids: Vec<String>,
    /// Numbers that no document has, as stretches; there are none unless somebody meddled.
    pub gaps: Vec<(i64, i64)>,
}

/// Void documents and gaps that are named per series at most.
pub const MAX_NUMBERS_NAMED: i64 = 1_000;

/// All series, by kind and year.
pub async fn series(conn: &mut Conn, seller: SellerId) -> Result<Vec<SeriesReport>> {
    let sql = "select s.kind, s.fiscal_year, s.first_number, s.next_number, count(i.id) as documents, \
        min(i.series_number) as lowest, max(i.series_number) as highest, min(i.issued_on) as first_day, \
        max(i.issued_on) as last_day from number_series s left join invoices i on i.seller_id = s.seller_id \
        and i.kind = s.kind and i.fiscal_year = s.fiscal_year where s.seller_id = $1 \
        group by s.kind, s.fiscal_year, s.first_number, s.next_number order by s.kind, s.fiscal_year";
    let mut found = Vec::new();
    for row in conn.rows(sql, params![seller.0]).await? {
        let kind = row.word("kind", DocumentKind::from_word)?;
        let series = row.int("fiscal_year")?;
        let key = || params![seller.0, kind.as_str(), series];
        let (first, next) = (row.int("first_number")?, row.int("next_number")?);
        let sql = "select number from invoices where seller_id = $1 and kind = $2 and fiscal_year = $3 and status = 'void' \
            order by series_number limit $4";
        let voids = conn.rows(sql, [key(), params![MAX_NUMBERS_NAMED]].concat()).await?;
        let mut gaps = Vec::new();
        let sql = "select before, series_number from (select series_number, \
            lag(series_number, 1, $4) over (order by series_number) as before from invoices \
            where seller_id = $1 and kind = $2 and fiscal_year = $3) n where series_number > before + 1 limit $5";
        let values = [key(), params![first - 1, MAX_NUMBERS_NAMED]].concat();
        for gap in conn.rows(sql, values).await? {
            gaps.push((gap.int("before")? + 1, gap.int("series_number")? - 1));
        }
        let (lowest, highest) = (row.opt_int("lowest")?, row.opt_int("highest")?);
        let after = highest.unwrap_or(first - 1) + 1;
        if after < next {
            gaps.push((after, next - 1));
        }
        let sql = "select number from invoices where seller_id = $1 and kind = $2 and fiscal_year = $3 and series_number = $4";
        let mut numbers = Vec::new();
        for nth in [lowest, highest].into_iter().flatten() {
            let row = conn.row(sql, [key(), params![nth]].concat()).await?;
            numbers.extend(row.map(|row| row.text("number")).transpose()?);
        }
        found.push(SeriesReport {
            kind,
            series,
            first,
            last: next - 1,
            documents: row.int("documents")?,
            numbers: numbers.first().cloned().zip(numbers.last().cloned()),
            days: row.opt_date("first_day")?.zip(row.opt_date("last_day")?),
            voids: voids.iter().map(|row| row.text("number")).collect::<Result<_>>()?,
            gaps,
        });
    }
    Ok(found)
}

/// What documents and payments are called, and whose they are: for who lists what was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Its number, or the payer's reference.
    pub number: String,
    /// Whose.
    pub customer: CustomerId,
    /// What the customer is called.
    pub name: String,
}

/// What these are called: documents, payments, refunds or settlements, by id.
pub async fn called(conn: &mut Conn, seller: SellerId, source: Source, ids: &[i64]) -> Result<HashMap<i64, Called>> {
    let sql = match source {
        Source::Invoice | Source::CreditNote => {
            "select i.id, i.number, i.customer_id, c.name, c.company from invoices i join customers c \
            on c.seller_id = i.seller_id and c.id = i.customer_id where i.seller_id = $1 and i.id {in $2}"
        }
        Source::Payment => {
            "select p.id, p.reference as number, p.customer_id, c.name, c.company from payments p join customers c \
            on c.seller_id = p.seller_id and c.id = p.customer_id where p.seller_id = $1 and p.id {in $2}"
        }
        Source::Refund => {
            "select r.id, r.reference as number, r.customer_id, c.name, c.company from refunds r join customers c \
            on c.seller_id = r.seller_id and c.id = r.customer_id where r.seller_id = $1 and r.id {in $2}"
        }
        Source::Settlement => {
            "select s.id, i.number, i.customer_id, c.name, c.company from settlements s join invoices i \
            on i.seller_id = s.seller_id and i.id = s.invoice_id join customers c on c.seller_id = i.seller_id \
            and c.id = i.customer_id where s.seller_id = $1 and s.id {in $2}"
        }
    };
    let rows = conn.rows(sql, params![seller.0, ids.to_vec()]).await?;
    rows.iter()
        .map(|row| {
            let (name, company) = (row.text("name")?, row.text("company")?);
            let name = if company.is_empty() { name } else { company };
            let called = Called { number: row.text("number")?, customer: CustomerId(row.int("customer_id")?), name };
            Ok((row.int("id")?, called))
        })
        .collect()
}
