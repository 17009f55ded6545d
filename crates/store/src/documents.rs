//! Writing documents: the rows of invoices, credit notes and deposits.

use jiff::{Timestamp, civil::Date};
use perennial_billing::ledger::{Entry, Source};
use perennial_billing::line::{Allowance, Line, PriceOrigin};
use perennial_billing::{
    AddonId, AmountRules, Amounts, CustomerId, DocumentKind, HomeTax, InvoiceId, Money, Part, Period, ProductId,
    Quantity, RunId, SellerId, ServiceId, TaxGroup, TaxProfile,
};

use crate::customers::{Customer, CustomerParty};
use crate::digest::Digest;
use crate::events::{self, EventType, NewEvent};
use crate::ids::{self, IdKind};
use crate::invoices::InvoiceLine;
use crate::ledger;
use crate::renewals::WrittenInvoice;
use crate::rows::Rows;
use crate::sellers::Seller;
use crate::value::params;
use crate::{Result, StoreError, Tx, outbox};

/// A line as it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineRow<'a> {
    pub service: Option<ServiceId>,
    pub addon: Option<AddonId>,
    pub product: Option<ProductId>,
    pub description: &'a str,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub net: Money,
    pub tax: TaxProfile,
    pub period: Option<Period>,
    pub price_origin: &'a str,
    pub price_id: Option<i64>,
    pub part: Option<Part>,
    pub allowance: Option<&'a Allowance>,
    pub discount: Option<&'a str>,
    pub gross: Option<Money>,
    pub corrects_line: Option<i64>,
}

impl<'a> From<&'a Line> for LineRow<'a> {
    fn from(line: &'a Line) -> Self {
        let (price_origin, price_id) = match line.price_origin {
            PriceOrigin::Own => ("own", None),
            PriceOrigin::Catalogue(version) => ("catalogue", Some(version.0)),
            PriceOrigin::Feed => ("feed", None),
            PriceOrigin::Campaign(campaign) => ("campaign", Some(campaign.0)),
            PriceOrigin::Converted(version) => ("converted", Some(version.0)),
            PriceOrigin::Billed => ("billed", None),
        };
        Self {
            service: Some(line.service),
            addon: line.addon,
            product: Some(line.product),
            description: &line.description,
            quantity: line.quantity,
            unit_price: line.unit_price,
            net: line.net,
            tax: line.tax,
            period: Some(line.period),
            price_origin,
            price_id,
            part: line.part,
            allowance: line.allowance.as_ref(),
            discount: line.discount.as_deref(),
            gross: line.gross,
            corrects_line: None,
        }
    }
}

impl<'a> From<&'a InvoiceLine> for LineRow<'a> {
    fn from(line: &'a InvoiceLine) -> Self {
        Self {
            service: line.service,
            addon: line.addon,
            product: line.product,
            description: &line.description,
            quantity: line.quantity,
            unit_price: line.unit_price,
            net: line.net,
            tax: line.tax,
            period: line.period,
            price_origin: &line.price_origin,
            price_id: line.price_id,
            part: line.part,
            allowance: line.allowance.as_ref(),
            discount: line.discount.as_deref(),
            gross: line.gross,
            corrects_line: line.corrects_line,
        }
    }
}

/// The lines of documents, each with the id of its document.
pub(crate) fn line_rows(seller: SellerId, documents: &[(InvoiceId, Vec<LineRow<'_>>)]) -> (&'static str, Rows) {
    let lines: Vec<(InvoiceId, i64, &LineRow<'_>)> =
        documents.iter().flat_map(|(id, lines)| (1..).zip(lines).map(|(number, line)| (*id, number, line))).collect();
    let l = || lines.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", l().map(|(id, ..)| id.0))
        .int("line", l().map(|(_, number, _)| *number))
        .int("service_id", l().map(|(.., line)| line.service.map(|service| service.0)))
        .int("addon_id", l().map(|(.., line)| line.addon.map(|addon| addon.0)))
        .int("product_id", l().map(|(.., line)| line.product.map(|product| product.0)))
        .text("description", l().map(|(.., line)| line.description.to_owned()))
        .int("quantity_millionths", l().map(|(.., line)| line.quantity.millionths()))
        .int("unit_price_minor", l().map(|(.., line)| line.unit_price.minor))
        .int("net_minor", l().map(|(.., line)| line.net.minor))
        .text("tax_country", l().map(|(.., line)| line.tax.country.code().to_owned()))
        .text("tax_category", l().map(|(.., line)| line.tax.category.code().to_owned()))
        .int("tax_rate_ppm", l().map(|(.., line)| line.tax.rate.parts_per_million()))
        .date("period_starts", l().map(|(.., line)| line.period.map(|period| period.starts)))
        .date("period_ends", l().map(|(.., line)| line.period.map(|period| period.ends)))
        .text("price_origin", l().map(|(.., line)| line.price_origin.to_owned()))
        .int("price_id", l().map(|(.., line)| line.price_id))
        .int("allowance_minor", l().map(|(.., line)| line.allowance.map(|off| off.amount.minor)))
        .text("allowance_reason", l().map(|(.., line)| line.allowance.map(|off| off.reason.clone())))
        .text("discount_code", l().map(|(.., line)| line.discount.map(str::to_owned)))
        .int("whole_minor", l().map(|(.., line)| line.part.map(|part| part.whole.minor)))
        .date("whole_starts", l().map(|(.., line)| line.part.map(|part| part.starts)))
        .int("share_days", l().map(|(.., line)| line.part.map(|part| i64::from(part.share.days))))
        .int("share_of", l().map(|(.., line)| line.part.map(|part| i64::from(part.share.of))))
        .int("gross_minor", l().map(|(.., line)| line.gross.map(|gross| gross.minor)))
        .int("corrects_line", l().map(|(.., line)| line.corrects_line));
    let sql = "insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description, \
        quantity_millionths, unit_price_minor, net_minor, tax_country, tax_category, tax_rate_ppm, period_starts, \
        period_ends, price_origin, price_id, allowance_minor, allowance_reason, discount_code, whole_minor, \
        whole_starts, share_days, share_of, gross_minor, corrects_line) select seller_id, invoice_id, line, service_id, \
        addon_id, product_id, description, quantity_millionths, unit_price_minor, net_minor, tax_country, tax_category, \
        tax_rate_ppm, period_starts, period_ends, price_origin, price_id, allowance_minor, allowance_reason, \
        discount_code, whole_minor, whole_starts, share_days, share_of, gross_minor, corrects_line from {rows}";
    (sql, rows)
}

/// The tax of documents, each group with the id of its document.
pub(crate) fn tax_rows(seller: SellerId, groups: impl Iterator<Item = (InvoiceId, TaxGroup)>) -> (&'static str, Rows) {
    let groups: Vec<(InvoiceId, TaxGroup)> = groups.collect();
    let g = || groups.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", g().map(|(id, _)| id.0))
        .text("tax_country", g().map(|(_, group)| group.profile.country.code().to_owned()))
        .text("tax_category", g().map(|(_, group)| group.profile.category.code().to_owned()))
        .int("tax_rate_ppm", g().map(|(_, group)| group.profile.rate.parts_per_million()))
        .int("base_minor", g().map(|(_, group)| group.base.minor))
        .int("tax_minor", g().map(|(_, group)| group.tax.minor));
    let sql = "insert into invoice_taxes (seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm, base_minor, \
        tax_minor) select seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm, base_minor, tax_minor \
        from {rows}";
    (sql, rows)
}

/// What a document says beside its lines and tax.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub kind: DocumentKind,
    pub customer: CustomerId,
    pub issued_on: Date,
    pub due_on: Date,
    pub net: Money,
    pub tax: Money,
    pub rounding: Money,
    pub total: Money,
    pub rules: AmountRules,
    pub home_tax: Option<&'a HomeTax>,
    pub corrects: Option<InvoiceId>,
    pub reason: Option<&'a str>,
    /// Whether there is nothing to pay.
    pub is_settled: bool,
}

/// What every document of a batch shares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a> {
    /// The seller as JSON, as it is copied into them.
    pub seller_copy: &'a str,
    pub seller: SellerId,
    pub series: i64,
    pub at: Timestamp,
    pub run: Option<RunId>,
}

/// A document with what it is made of, ready to be written.
pub(crate) struct Ready<'a> {
    pub id: InvoiceId,
    pub head: Head<'a>,
    /// The buyer as JSON.
    pub buyer: String,
    pub digest: String,
}

impl<'a> Ready<'a> {
    pub fn new(
        batch: &Batch<'_>,
        id: InvoiceId,
        head: Head<'a>,
        buyer: String,
        lines: &[LineRow<'_>],
        groups: &[TaxGroup],
    ) -> Self {
        let run = batch.run.map(|run| run.0);
        let digest = Digest::of_new(&head, (batch.seller_copy, &buyer), batch.at, run, lines, groups);
        Self { id, head, buyer, digest }
    }
}

pub(crate) const INSERT_INVOICES: &str = "insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, \
    customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, rounding_minor, total_minor, rounding, \
    tax_rounding, includes_tax, seller, buyer, run_id, corrects_id, reason, home_currency, home_rate_billionths, \
    home_rate_on, home_rate_source, home_tax_minor, digest, status, paid_at, open_minor) select seller_id, invoice_id, \
    kind, fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, \
    rounding_minor, total_minor, rounding, tax_rounding, includes_tax, seller, buyer, run_id, corrects_id, reason, \
    home_currency, home_rate_billionths, home_rate_on, home_rate_source, home_tax_minor, digest, status, paid_at, \
    open_minor from {rows}";

/// The documents under their numbers, which begin with `first_number`. All are issued on one day.
pub(crate) fn head_rows(
    batch: &Batch<'_>,
    documents: &[Ready<'_>],
    first_number: i64,
    numbers: impl Iterator<Item = String>,
) -> Rows {
    let d = || documents.iter();
    let h = || d().map(|document| &document.head);
    let home = || h().map(|head| head.home_tax);
    Rows::new()
        .same("seller_id", batch.seller.0)
        .int("invoice_id", d().map(|document| document.id.0))
        .text("kind", h().map(|head| head.kind.as_str().to_owned()))
        .same("fiscal_year", batch.series)
        .int("series_number", d().zip(first_number..).map(|(_, nth)| nth))
        .text("number", numbers)
        .int("customer_id", h().map(|head| head.customer.0))
        .same("issued_on", documents.first().map(|document| document.head.issued_on))
        .date("due_on", h().map(|head| head.due_on))
        .same("issued_at", batch.at)
        .text("currency", h().map(|head| head.total.currency.code().to_owned()))
        .int("net_minor", h().map(|head| head.net.minor))
        .int("tax_minor", h().map(|head| head.tax.minor))
        .int("rounding_minor", h().map(|head| head.rounding.minor))
        .int("total_minor", h().map(|head| head.total.minor))
        .text("rounding", h().map(|head| head.rules.rounding.as_str().to_owned()))
        .text("tax_rounding", h().map(|head| head.rules.tax_rounding.as_str().to_owned()))
        .bool("includes_tax", h().map(|head| head.rules.includes_tax))
        .same("seller", batch.seller_copy)
        .text("buyer", d().map(|document| document.buyer.clone()))
        .same("run_id", batch.run.map(|run| run.0))
        .int("corrects_id", h().map(|head| head.corrects.map(|id| id.0)))
        .text("reason", h().map(|head| head.reason.map(str::to_owned)))
        .text("home_currency", home().map(|home| home.map(|home| home.rate.home.code().to_owned())))
        .int("home_rate_billionths", home().map(|home| home.map(|home| home.rate.rate.billionths())))
        .date("home_rate_on", home().map(|home| home.map(|home| home.rate.starts)))
        .text("home_rate_source", home().map(|home| home.map(|home| home.rate.source.clone())))
        .int("home_tax_minor", home().map(|home| home.map(|home| home.tax.minor)))
        .text("digest", d().map(|document| document.digest.clone()))
        .text("status", h().map(|head| (if head.is_settled { "paid" } else { "issued" }).to_owned()))
        .instant("paid_at", h().map(|head| head.is_settled.then_some(batch.at)))
        .int("open_minor", h().map(|head| if head.is_settled { 0 } else { head.total.minor }))
}

/// A buyer as it is copied into a document: who it is, and the language that it reads.
#[derive(serde::Serialize)]
struct Buyer<'a> {
    #[serde(flatten)]
    party: &'a CustomerParty,
    language: &'a str,
}

/// A customer as it is copied into a document.
pub(crate) fn frozen_buyer(customer: &Customer) -> Result<String> {
    frozen(&Buyer { party: &customer.party, language: &customer.language })
}

/// A party as it is copied into a document.
pub(crate) fn frozen(party: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(party).map_err(|error| StoreError::Statement(sqlx::Error::Encode(error.into())))
}

/// What there is to tell of a document that was issued. A credit note is not paid.
fn told(kind: DocumentKind, id: InvoiceId, is_settled: bool) -> Vec<NewEvent> {
    let issued = match kind {
        DocumentKind::Invoice => EventType::InvoiceIssued,
        DocumentKind::CreditNote => EventType::CreditNoteIssued,
        DocumentKind::Deposit => EventType::DepositIssued,
    };
    let is_paid = is_settled && kind == DocumentKind::Invoice;
    let names = [Some(issued), is_paid.then_some(EventType::InvoicePaid)];
    names.into_iter().flatten().map(|name| NewEvent::of_invoice(name, id)).collect()
}

/// A document that is to be written on its own: a credit note, a deposit, an invoice that a person has made.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// Who is billed.
    pub customer: Customer,
    /// The legal issue date.
    pub issued_on: Date,
    /// When it is due.
    pub due_on: Date,
    /// Its lines.
    pub lines: Vec<InvoiceLine>,
    /// Its amounts.
    pub amounts: Amounts,
    /// How they were made.
    pub rules: AmountRules,
    /// The tax in the seller's own currency.
    pub home_tax: Option<HomeTax>,
    /// The invoice that it corrects.
    pub corrects: Option<InvoiceId>,
    /// Why it was issued, as the customer reads it.
    pub reason: Option<String>,
    /// What it books.
    pub entries: Vec<Entry>,
    /// Whether it is mailed.
    pub mail: bool,
}

/// Takes one number of a kind and series, which the transaction then holds.
const TAKE_NUMBER: &str = "insert into number_series (seller_id, kind, fiscal_year, first_number, next_number) \
    values ($1, $2, $3, 1, 2) on conflict (seller_id, kind, fiscal_year) \
    do update set next_number = number_series.next_number + 1 returning next_number - 1 as taken";

/// Lets a series begin with a number, before one of it is given. Tells whether none was.
pub async fn start_series(tx: &mut Tx, seller: SellerId, kind: DocumentKind, series: i64, first: i64) -> Result<bool> {
    let sql = "insert into number_series (seller_id, kind, fiscal_year, first_number, next_number) \
        values ($1, $2, $3, $4, $4) on conflict (seller_id, kind, fiscal_year) do update set first_number = $4, \
        next_number = $4 where number_series.first_number = number_series.next_number";
    Ok(tx.execute(sql, params![seller.0, kind.as_str(), series, first]).await? == 1)
}

/// Writes a document: lines, tax, ledger, mail, and last of all its number and itself.
pub async fn issue(tx: &mut Tx, seller: &Seller, new: &NewDocument, at: Timestamp) -> Result<WrittenInvoice> {
    let id = InvoiceId(ids::take_one(tx, IdKind::Invoice).await?);
    let lines: Vec<LineRow<'_>> = new.lines.iter().map(LineRow::from).collect();
    let head = Head {
        kind: new.kind,
        customer: new.customer.id,
        issued_on: new.issued_on,
        due_on: new.due_on,
        net: new.amounts.net,
        tax: new.amounts.tax,
        rounding: new.amounts.rounding,
        total: new.amounts.total,
        rules: new.rules,
        home_tax: new.home_tax.as_ref(),
        corrects: new.corrects,
        reason: new.reason.as_deref(),
        // What a credit note gives is given at once.
        is_settled: new.amounts.total.minor == 0 || new.kind == DocumentKind::CreditNote,
    };
    let (series, copy) = (seller.numbering.reset.series(new.issued_on), frozen(&seller.party)?);
    let batch = Batch { seller_copy: &copy, seller: seller.id, series, at, run: None };
    let buyer = frozen_buyer(&new.customer)?;
    let ready = Ready::new(&batch, id, head, buyer, &lines, &new.amounts.tax_groups);
    for (sql, rows) in [
        line_rows(seller.id, &[(id, lines)]),
        tax_rows(seller.id, new.amounts.tax_groups.iter().map(|group| (id, *group))),
    ] {
        tx.execute_with(sql, rows).await?;
    }
    let source = if new.kind == DocumentKind::CreditNote { Source::CreditNote } else { Source::Invoice };
    ledger::book(tx, seller.id, source, id.0, new.issued_on, new.entries.iter().copied()).await?;
    if new.mail {
        outbox::queue_invoice_mails(tx, seller.id, &[(id, new.customer.id)], at).await?;
    }
    let row = tx.row(TAKE_NUMBER, params![seller.id.0, new.kind.as_str(), series]).await?;
    let taken = row.map_or(Ok(1), |row| row.int("taken"))?;
    let number = seller.numbering.pattern(new.kind).format(new.issued_on, seller.numbering.reset, taken);
    let rows = head_rows(&batch, &[ready], taken, std::iter::once(number.clone()));
    tx.execute_with(INSERT_INVOICES, rows).await?;
    events::insert(tx, seller.id, &told(new.kind, id, head.is_settled), at).await?;
    Ok(WrittenInvoice { id, number })
}
