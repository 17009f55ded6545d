//! `/api/v2/reports/…`: sums for accountants and tax authorities, and the ledger they are made of.

use jiff::civil::Date;
use perennial_app::{Ageing, JournalRow, TaxRow};
use perennial_billing::ledger::{Account, Source};
use perennial_billing::{
    Currency, CustomerId, DocumentKind, InvoiceId, Money, PaymentId, ProductId, Rate, RefundId, SettlementId,
    TaxCategory, TaxProfile,
};
use perennial_store::reports::SeriesReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{Amount, Cursor, Limit, List, Page, Paging, Query, Text, Word, maybe};

/// A stretch of days.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    /// The first day.
    from: Text<Date>,
    /// The last day.
    through: Text<Date>,
}

/// A stretch of days, and which page of what was booked on them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerWanted {
    /// The first day.
    from: Text<Date>,
    /// The last day.
    through: Text<Date>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// The tax on what was invoiced, in the seller's currency; credit notes are off, deposits and void invoices left out.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VatReport")]
pub(crate) struct Vat {
    from: Text<Date>,
    through: Text<Date>,
    currency: Text<Currency>,
    /// By country, category and rate.
    rows: Vec<VatRow>,
    /// What is not in the rows, because no rate of exchange was known when it was issued.
    unconverted: Vec<Unconverted>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "VatReportRow")]
struct VatRow {
    /// Whose tax it is (ISO 3166-1).
    country: String,
    /// As EN 16931 has it (UNTDID 5305).
    category: Word<TaxCategory>,
    rate_percent: Text<Rate>,
    /// How many documents.
    documents: i64,
    /// Without tax.
    base: Amount,
    tax: Amount,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "VatReportUnconverted")]
struct Unconverted {
    country: String,
    category: Word<TaxCategory>,
    rate_percent: Text<Rate>,
    base: Amount,
    tax: Amount,
    currency: Text<Currency>,
}

/// What a customer owes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Owing")]
pub(crate) struct Owing {
    customer: Text<CustomerId>,
    /// By currency.
    owed: Vec<Owed>,
}

/// What is owed in a currency, by how many days it is overdue.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Owed")]
struct Owed {
    currency: Text<Currency>,
    not_due: Amount,
    days1_to30: Amount,
    days31_to60: Amount,
    days61_to90: Amount,
    /// More than 90 days.
    older: Amount,
    total: Amount,
}

/// A series of legal numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "NumberSeries")]
pub(crate) struct Series {
    kind: Word<DocumentKind>,
    /// The year in which its fiscal year began; null where numbers never start anew.
    year: Option<i64>,
    /// The first number that was to be given.
    first: i64,
    /// The last number that was given.
    last: i64,
    /// How many documents have one.
    documents: i64,
    /// The lowest and the highest as they are written; null while there is none.
    first_number: Option<String>,
    last_number: Option<String>,
    first_issued_on: Option<Text<Date>>,
    last_issued_on: Option<Text<Date>>,
    /// Numbers of void documents, 1,000 at most.
    voids: Vec<String>,
    /// Numbers that no document has: none, unless somebody meddled.
    gaps: Vec<Gap>,
}

/// From one number through another.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NumberGap")]
struct Gap {
    from: i64,
    through: i64,
}

/// A row of the ledger: an amount moves from one account to another.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LedgerRow")]
pub(crate) struct Row {
    /// What happened.
    source: Word<Source>,
    /// The document, payment, refund or settlement.
    source_id: String,
    /// Its place among what that has booked, from 1.
    entry: i64,
    /// The number of the document, or the reference of the payment or refund.
    number: Option<String>,
    customer: Option<Text<CustomerId>>,
    booked_on: Text<Date>,
    /// The account that it is debited to.
    debit: Word<Account>,
    /// The account that it is credited to.
    credit: Word<Account>,
    amount: Amount,
    currency: Text<Currency>,
    /// Which product, for revenue of one.
    product: Option<Text<ProductId>>,
    /// Whose tax, for revenue and tax (ISO 3166-1).
    tax_country: Option<String>,
    tax_category: Option<Word<TaxCategory>>,
    tax_rate_percent: Option<Text<Rate>>,
}

/// The tax on what was invoiced in a stretch of days.
pub(crate) async fn vat(context: Context, Query(days): Query<Days>) -> Result<Answer<Vat>, ApiError> {
    let (Text(from), Text(through)) = (days.from, days.through);
    let report = context.app.tax_report(&context.caller, from, through).await?;
    Ok(Answer(Vat {
        from: days.from,
        through: days.through,
        currency: Text(report.currency),
        rows: report.rows.iter().map(vat_row).collect(),
        unconverted: report.unconverted.iter().map(unconverted).collect(),
    }))
}

/// A page of the customers who owe something today.
pub(crate) async fn ageing(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Owing>>, ApiError> {
    let limit = paging.limit();
    let after = CustomerId(paging.after()?.unwrap_or(0));
    let customers = usize::try_from(limit + 1).unwrap_or(usize::MAX);
    let mut owing: Vec<Owing> = Vec::new();
    for one in context.app.ageing_page(&context.caller, after, customers).await? {
        match owing.last_mut() {
            Some(last) if last.customer == Text(one.customer) => last.owed.push(owed(&one)),
            _ => owing.push(Owing { customer: Text(one.customer), owed: vec![owed(&one)] }),
        }
    }
    Ok(Answer(Page::of(owing, limit, |owing| owing.customer.0.0, |owing| owing)))
}

/// All series of numbers.
pub(crate) async fn series(context: Context) -> Result<Answer<List<Series>>, ApiError> {
    let series = context.app.series_report(&context.caller).await?;
    Ok(Answer(List::of(series, one_series)))
}

/// A page of what was booked in a stretch of days.
pub(crate) async fn ledger(
    context: Context,
    Query(wanted): Query<LedgerWanted>,
) -> Result<Answer<Page<Row>>, ApiError> {
    let paging = Paging::of(wanted.limit, wanted.cursor);
    let limit = paging.limit();
    let days = (wanted.from.0, wanted.through.0);
    let rows = context.app.journal(&context.caller, days, paging.after()?, limit + 1).await?;
    let place = |row: &JournalRow| (row.booked.source, row.booked.source_id, row.booked.entry);
    Ok(Answer(Page::of(rows, limit, place, row)))
}

fn vat_row(row: &TaxRow) -> VatRow {
    VatRow {
        country: row.profile.country.to_string(),
        category: Word(row.profile.category),
        rate_percent: Text(row.profile.rate),
        documents: row.documents,
        base: row.base.into(),
        tax: row.tax.into(),
    }
}

fn unconverted((profile, base, tax): &(TaxProfile, Money, Money)) -> Unconverted {
    Unconverted {
        country: profile.country.to_string(),
        category: Word(profile.category),
        rate_percent: Text(profile.rate),
        base: (*base).into(),
        tax: (*tax).into(),
        currency: Text(base.currency),
    }
}

fn owed(one: &Ageing) -> Owed {
    let [not_due, days1_to30, days31_to60, days61_to90, older] =
        one.minor.map(|minor| Amount::from(Money::new(minor, one.currency)));
    let total = one.total().into();
    Owed { currency: Text(one.currency), not_due, days1_to30, days31_to60, days61_to90, older, total }
}

fn one_series(series: SeriesReport) -> Series {
    let (first_number, last_number) = series.numbers.unzip();
    let (first_day, last_day) = series.days.unzip();
    Series {
        kind: Word(series.kind),
        year: Some(series.series).filter(|year| *year != 0),
        first: series.first,
        last: series.last,
        documents: series.documents,
        first_number,
        last_number,
        first_issued_on: maybe(first_day),
        last_issued_on: maybe(last_day),
        voids: series.voids,
        gaps: series.gaps.into_iter().map(|(from, through)| Gap { from, through }).collect(),
    }
}

fn row(row: JournalRow) -> Row {
    let booked = row.booked;
    let moved = booked.moved;
    let (number, customer) = row.called.map(|called| (called.number, called.customer)).unzip();
    let id = booked.source_id;
    Row {
        source: Word(booked.source),
        source_id: match booked.source {
            Source::Invoice | Source::CreditNote => Text(InvoiceId(id)).to_string(),
            Source::Payment => Text(PaymentId(id)).to_string(),
            Source::Refund => Text(RefundId(id)).to_string(),
            Source::Settlement => Text(SettlementId(id)).to_string(),
        },
        entry: booked.entry,
        number,
        customer: maybe(customer),
        booked_on: Text(booked.booked_on),
        debit: Word(moved.debit),
        credit: Word(moved.credit),
        amount: moved.amount.into(),
        currency: Text(moved.amount.currency),
        product: maybe(moved.product),
        tax_country: moved.tax.map(|tax| tax.country.to_string()),
        tax_category: moved.tax.map(|tax| Word(tax.category)),
        tax_rate_percent: moved.tax.map(|tax| Text(tax.rate)),
    }
}
