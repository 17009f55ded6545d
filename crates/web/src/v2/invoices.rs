//! `/api/v2/invoices`: issued documents: invoices, credit notes and deposits.

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_billing::{
    AddonId, Currency, CustomerId, CustomerKind, DocumentKind, InvoiceId, PaymentId, ProductId, Quantity, Rate,
    ServiceId, SettlementId, TaxCategory, TaxGroup,
};
use perennial_store::customers::CustomerParty;
use perennial_store::invoices::{self, Invoice, InvoiceLine, InvoiceQuery, InvoiceStatus, Standing};
use perennial_store::sellers::{self, SellerParty};
use perennial_store::settlements::{self, SettledBy, Settlement};
use perennial_store::{Conn, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preview::{Allowance, Part};
use super::whose;
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{Amount, At, Cursor, Limit, Page, Paging, Query, Text, Word, maybe};

/// Which documents, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvoicesWanted {
    customer: Option<Text<CustomerId>>,
    status: Option<Word<InvoiceStatus>>,
    kind: Option<Word<DocumentKind>>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// A document without its lines.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceSummary")]
pub(crate) struct Summary {
    id: Text<InvoiceId>,
    /// Its legal number.
    number: String,
    kind: Word<DocumentKind>,
    customer: Text<CustomerId>,
    status: Word<InvoiceStatus>,
    /// Where it stands today: the status, and for what is to be paid whether it is overdue or paid in part.
    standing: Word<Standing>,
    issued_on: Text<Date>,
    due_on: Text<Date>,
    currency: Text<Currency>,
    /// Without tax.
    net: Amount,
    tax: Amount,
    total: Amount,
    /// What of the total is still to be paid.
    open: Amount,
    paid_at: Option<Text<Timestamp>>,
}

/// A document as it was issued, and what has become of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Invoice")]
pub(crate) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    issued_at: Text<Timestamp>,
    /// What the total is rounded by (EN 16931 BT-114).
    rounding: Amount,
    /// The invoice that this credit note corrects.
    corrects: Option<Text<InvoiceId>>,
    /// The credit notes that correct it, oldest first.
    corrected_by: Vec<Text<InvoiceId>>,
    /// Why it was issued, as the customer reads it.
    reason: Option<String>,
    lines: Vec<Line>,
    /// By country, category and rate.
    taxes: Vec<Tax>,
    /// The tax in the seller's own currency, where that is another one.
    home_tax: Option<HomeTax>,
    /// What took something off what is to be paid, in order: payments, credit, credit notes, or that it was written off.
    settlements: Vec<Settled>,
    /// Who issued it, as it was then.
    seller: Seller,
    /// Who was billed, as it was then.
    buyer: Buyer,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceLine")]
struct Line {
    /// Its place, from 1.
    line: i64,
    service: Option<Text<ServiceId>>,
    addon: Option<Text<AddonId>>,
    product: Option<Text<ProductId>>,
    description: String,
    #[schemars(schema_with = "crate::wire::signed_quantity")]
    quantity: Text<Quantity>,
    unit_price: Amount,
    /// What is taken off, without tax.
    allowance: Option<Allowance>,
    /// Without tax.
    net: Amount,
    /// With tax, where prices contain it.
    gross: Option<Amount>,
    /// ISO 3166-1.
    tax_country: String,
    /// As EN 16931 has it (UNTDID 5305).
    tax_category: Word<TaxCategory>,
    tax_rate_percent: Text<Rate>,
    period_starts: Option<Text<Date>>,
    /// The first day after it.
    period_ends: Option<Text<Date>>,
    /// What it is a part of, if it bills a part of a period or gives one back.
    part: Option<Part>,
    /// The line of the corrected invoice that it gives back.
    corrects_line: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceTax")]
struct Tax {
    /// ISO 3166-1.
    country: String,
    /// As EN 16931 has it (UNTDID 5305).
    category: Word<TaxCategory>,
    rate_percent: Text<Rate>,
    /// What it is on.
    base: Amount,
    tax: Amount,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceHomeTax")]
struct HomeTax {
    tax: Amount,
    currency: Text<Currency>,
    /// What one of the seller's currency is worth in the document's.
    rate: String,
    /// From which day that was so.
    rate_on: Text<Date>,
    /// Who says so.
    rate_source: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceSettlement")]
struct Settled {
    id: Text<SettlementId>,
    by: Word<SettledBy>,
    payment: Option<Text<PaymentId>>,
    credit_note: Option<Text<InvoiceId>>,
    amount: Amount,
    at: Text<Timestamp>,
}

/// What there was nothing of is empty.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceSeller")]
struct Seller {
    name: String,
    address1: String,
    address2: String,
    postcode: String,
    city: String,
    country: String,
    vat_number: String,
    company_number: String,
    email: String,
    phone: String,
    website: String,
    iban: String,
    bic: String,
    bankgiro: String,
    plusgiro: String,
}

/// What there was nothing of is empty.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InvoiceBuyer")]
struct Buyer {
    kind: Word<CustomerKind>,
    name: String,
    company: String,
    email: String,
    address1: String,
    address2: String,
    postcode: String,
    city: String,
    country: String,
    vat_number: String,
    /// Why it was exempt from tax.
    exemption_reason: String,
}

/// A page of documents, newest first.
pub(crate) async fn list(
    context: Context,
    Query(wanted): Query<InvoicesWanted>,
) -> Result<Answer<Page<Summary>>, ApiError> {
    let query = InvoiceQuery {
        customer: whose(&context, wanted.customer)?,
        status: wanted.status.map(|Word(status)| status),
        kind: wanted.kind.map(|Word(kind)| kind),
    };
    let paging = Paging::of(wanted.limit, wanted.cursor);
    let (seller, limit) = (context.caller.seller, paging.limit());
    let before = paging.after()?.map(InvoiceId);
    let mut conn = context.app.store.read().await?;
    let today = today(&context, &mut conn).await?;
    let found = invoices::newest(&mut conn, seller, query, before, limit + 1).await?;
    Ok(Answer(Page::of(found, limit, |invoice| invoice.id.0, |invoice| summary(&invoice, today))))
}

/// One document.
pub(crate) async fn detail(context: Context, At(id): At<InvoiceId>) -> Result<Answer<Detail>, ApiError> {
    let mut conn = context.app.store.read().await?;
    let today = today(&context, &mut conn).await?;
    let invoice = visible(&context, &mut conn, id).await?;
    Ok(Answer(read(&context, &mut conn, invoice, today).await?))
}

/// A document as it stands now, after something was done with it.
pub(super) async fn now(context: &Context, id: InvoiceId) -> Result<Summary, ApiError> {
    let mut conn = context.app.store.read().await?;
    let today = today(context, &mut conn).await?;
    Ok(summary(&visible(context, &mut conn, id).await?, today))
}

/// A document that the caller may see.
pub(super) async fn visible(context: &Context, conn: &mut Conn, id: InvoiceId) -> Result<Invoice, ApiError> {
    let known = invoices::get(conn, context.caller.seller, id).await?;
    let known = known.filter(|known| context.caller.may_see(known.customer));
    known.ok_or_else(|| ApiError::not_found("Invoice not found"))
}

async fn today(context: &Context, conn: &mut Conn) -> Result<Date, ApiError> {
    let seller = sellers::get(conn, context.caller.seller).await?.ok_or_else(ApiError::internal)?;
    Ok(context.app.clock.today(&seller.time_zone))
}

/// All that belongs to a document.
async fn read(context: &Context, conn: &mut Conn, invoice: Invoice, today: Date) -> Result<Detail, StoreError> {
    let (seller, currency) = (context.caller.seller, invoice.total.currency);
    let lines = invoices::lines(conn, seller, &invoice).await?;
    let taxes = invoices::taxes(conn, seller, &invoice).await?;
    let corrected_by = invoices::correcting(conn, seller, invoice.id).await?;
    let settled = settlements::of_invoice(conn, seller, invoice.id, currency).await?;
    Ok(Detail {
        summary: summary(&invoice, today),
        issued_at: Text(invoice.issued_at),
        rounding: invoice.rounding.into(),
        corrects: maybe(invoice.corrects),
        corrected_by: corrected_by.iter().map(|note| Text(note.id)).collect(),
        reason: invoice.reason,
        lines: lines.into_iter().map(line).collect(),
        taxes: taxes.iter().map(tax).collect(),
        home_tax: invoice.home_tax.map(|home| HomeTax {
            tax: home.tax.into(),
            currency: Text(home.tax.currency),
            rate: home.rate.rate.to_string(),
            rate_on: Text(home.rate.starts),
            rate_source: home.rate.source,
        }),
        settlements: settled.iter().map(settlement).collect(),
        seller: issuer(invoice.seller),
        buyer: buyer(invoice.buyer),
    })
}

pub(super) fn summary(invoice: &Invoice, today: Date) -> Summary {
    Summary {
        id: Text(invoice.id),
        number: invoice.number.clone(),
        kind: Word(invoice.kind),
        customer: Text(invoice.customer),
        status: Word(invoice.status),
        standing: Word(invoice.standing(today)),
        issued_on: Text(invoice.issued_on),
        due_on: Text(invoice.due_on),
        currency: Text(invoice.total.currency),
        net: invoice.net.into(),
        tax: invoice.tax.into(),
        total: invoice.total.into(),
        open: invoice.open.into(),
        paid_at: maybe(invoice.paid_at),
    }
}

fn line(line: InvoiceLine) -> Line {
    Line {
        line: line.line,
        service: maybe(line.service),
        addon: maybe(line.addon),
        product: maybe(line.product),
        description: line.description,
        quantity: Text(line.quantity),
        unit_price: line.unit_price.into(),
        allowance: line.allowance.as_ref().map(Allowance::from),
        net: line.net.into(),
        gross: line.gross.map(Amount::from),
        tax_country: line.tax.country.to_string(),
        tax_category: Word(line.tax.category),
        tax_rate_percent: Text(line.tax.rate),
        period_starts: line.period.map(|period| Text(period.starts)),
        period_ends: line.period.map(|period| Text(period.ends)),
        part: line.part.map(Part::from),
        corrects_line: line.corrects_line,
    }
}

fn tax(group: &TaxGroup) -> Tax {
    Tax {
        country: group.profile.country.to_string(),
        category: Word(group.profile.category),
        rate_percent: Text(group.profile.rate),
        base: group.base.into(),
        tax: group.tax.into(),
    }
}

fn settlement(settled: &Settlement) -> Settled {
    let source = |by| (settled.by == by).then_some(settled.source);
    Settled {
        id: Text(SettlementId(settled.id)),
        by: Word(settled.by),
        payment: source(SettledBy::Payment).map(|id| Text(PaymentId(id))),
        credit_note: source(SettledBy::CreditNote).map(|id| Text(InvoiceId(id))),
        amount: settled.amount.into(),
        at: Text(settled.at),
    }
}

fn issuer(party: SellerParty) -> Seller {
    Seller {
        name: party.name,
        address1: party.address1,
        address2: party.address2,
        postcode: party.postcode,
        city: party.city,
        country: party.country,
        vat_number: party.vat_number,
        company_number: party.company_number,
        email: party.email,
        phone: party.phone,
        website: party.website,
        iban: party.iban,
        bic: party.bic,
        bankgiro: party.bankgiro,
        plusgiro: party.plusgiro,
    }
}

fn buyer(party: CustomerParty) -> Buyer {
    Buyer {
        kind: Word(party.kind),
        name: party.name,
        company: party.company,
        email: party.email,
        address1: party.address1,
        address2: party.address2,
        postcode: party.postcode,
        city: party.city,
        country: party.country,
        vat_number: party.vat_number,
        exemption_reason: party.exemption_reason,
    }
}
