//! Issued invoices.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use perennial_billing::line::Allowance;
use perennial_billing::{
    AddonId, AmountRules, Currency, CustomerId, DocumentKind, HomeRate, HomeTax, InvoiceId, Money, Part, Period,
    ProductId, Quantity, Rate, SellerId, ServiceId, Share, TaxCategory, TaxGroup, TaxProfile, TaxRounding, UnitRate,
};

use crate::customers::CustomerParty;
use crate::sellers::{SellerParty, rounding_from_word};
use crate::value::{Row, corrupt, params};
use crate::{Conn, Result, Tx, outbox};

/// An issued document, without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its integer id.
    pub id: InvoiceId,
    /// What it is.
    pub kind: DocumentKind,
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
    /// What the total is rounded by (EN 16931 BT-114).
    pub rounding: Money,
    /// What it asks for.
    pub total: Money,
    /// What of it is still to be paid.
    pub open: Money,
    /// How its amounts were made.
    pub rules: AmountRules,
    /// The tax in the seller's own currency, where that is another one.
    pub home_tax: Option<HomeTax>,
    /// The invoice that it corrects.
    pub corrects: Option<InvoiceId>,
    /// Why it was issued, as the customer reads it.
    pub reason: Option<String>,
    /// Who issued it, as it was then.
    pub seller: SellerParty,
    /// Who was billed, as it was then.
    pub buyer: CustomerParty,
    /// The language that it read then; empty for documents from before that was kept.
    pub language: String,
    /// Whether it is paid.
    pub status: InvoiceStatus,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
}

impl Invoice {
    /// Where it stands on a day, as people say it.
    #[must_use]
    pub fn standing(&self, today: Date) -> Standing {
        match self.status {
            InvoiceStatus::Issued if self.due_on < today => Standing::Overdue,
            InvoiceStatus::Issued if self.open != self.total => Standing::PartlyPaid,
            InvoiceStatus::Issued => Standing::Open,
            InvoiceStatus::Paid => Standing::Paid,
            InvoiceStatus::Credited => Standing::Credited,
            InvoiceStatus::WrittenOff => Standing::WrittenOff,
            InvoiceStatus::Void => Standing::Void,
        }
    }
}

/// Where an invoice stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is paid yet, and it is not due.
    Open,
    /// Some of it is paid, and the rest is not due.
    PartlyPaid,
    /// It was due, and something is still to be paid.
    Overdue,
    /// Nothing is to be paid any more.
    Paid,
    /// A credit note took the last of it.
    Credited,
    /// What was left will not be paid.
    WrittenOff,
    /// It was taken back.
    Void,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Open, Self::PartlyPaid, Self::Overdue, Self::Paid, Self::Credited, Self::WrittenOff, Self::Void];

    /// The word that the v2 API and the command line show.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::PartlyPaid => "partly_paid",
            Self::Overdue => "overdue",
            Self::Paid => "paid",
            Self::Credited => "credited",
            Self::WrittenOff => "written_off",
            Self::Void => "void",
        }
    }
}

/// What is kept about where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceStatus {
    /// Something is to be paid.
    Issued,
    /// Nothing is to be paid any more.
    Paid,
    /// A credit note took the last of it.
    Credited,
    /// What was left will not be paid.
    WrittenOff,
    /// Taken back before anybody had it; its periods are free again.
    Void,
}

impl InvoiceStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Issued, Self::Paid, Self::Credited, Self::WrittenOff, Self::Void];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Paid => "paid",
            Self::Credited => "credited",
            Self::WrittenOff => "written_off",
            Self::Void => "void",
        }
    }

    /// The word the v1 API shows, with a capital: the original knows these, and calls what was credited refunded.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Issued => "Unpaid",
            Self::Paid => "Paid",
            Self::Credited => "Refunded",
            Self::WrittenOff => "Collections",
            Self::Void => "Cancelled",
        }
    }

    /// The status that the v1 API calls so, in any case.
    #[must_use]
    pub fn from_title(title: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.title().eq_ignore_ascii_case(title))
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// One line of an issued invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLine {
    /// Its place, from 1.
    pub line: i64,
    /// Which service it bills, if any.
    pub service: Option<ServiceId>,
    /// Which add-on of it, if any.
    pub addon: Option<AddonId>,
    /// Which product, if any.
    pub product: Option<ProductId>,
    /// What the customer reads.
    pub description: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one, without tax.
    pub unit_price: Money,
    /// `unit_price × quantity`, less the allowance; where prices contain the tax, what is left of that without it.
    pub net: Money,
    /// The same with tax, where prices contain it.
    pub gross: Option<Money>,
    /// What is taken off it.
    pub allowance: Option<Allowance>,
    /// Country, category and rate.
    pub tax: TaxProfile,
    /// The days it bills, if any.
    pub period: Option<Period>,
    /// Where its price came from: `own`, `feed`, `catalogue`, `campaign`, `converted`, `billed`, or `written` by a person.
    pub price_origin: String,
    /// Which price, where there are several.
    pub price_id: Option<i64>,
    /// The code of the discount it was billed with.
    pub discount: Option<String>,
    /// The line of the invoice that it corrects.
    pub corrects_line: Option<i64>,
    /// What it is a part of, if it bills a part of a period or gives one back.
    pub part: Option<Part>,
}

impl InvoiceLine {
    /// A line that bills no service: a person wrote it, or it stands for an amount.
    #[must_use]
    pub fn written(
        line: i64,
        description: String,
        quantity: Quantity,
        unit_price: Money,
        net: Money,
        tax: TaxProfile,
    ) -> Self {
        Self {
            line,
            service: None,
            addon: None,
            product: None,
            description,
            quantity,
            unit_price,
            net,
            gross: None,
            allowance: None,
            tax,
            period: None,
            price_origin: "written".to_owned(),
            price_id: None,
            discount: None,
            corrects_line: None,
            part: None,
        }
    }
}

/// What a list of invoices is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct InvoiceFilter {
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Only those that stand so.
    pub status: Option<InvoiceStatus>,
    /// Credit notes as well.
    pub with_credit_notes: bool,
}

/// What a list of documents is narrowed to; nothing narrows it to less than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InvoiceQuery {
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Only those that stand so.
    pub status: Option<InvoiceStatus>,
    /// Only documents of this kind.
    pub kind: Option<DocumentKind>,
}

/// Reads invoices: all columns that make one.
macro_rules! select_invoices {
    ($which:literal) => {
        concat!(
            "select id, kind, number, customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, ",
            "rounding_minor, total_minor, open_minor, rounding, tax_rounding, includes_tax, corrects_id, reason, ",
            "home_currency, home_rate_billionths, home_rate_on, home_rate_source, home_tax_minor, seller, buyer, status, ",
            "paid_at from invoices ",
            $which
        )
    };
}

/// One page of invoices, newest first.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    filter: InvoiceFilter,
    limit: i64,
    offset: i64,
) -> Result<Vec<Invoice>> {
    let of_all = select_invoices!(
        "where seller_id = $1 and ($2 is null or status = $2) and ($3 or kind <> 'credit_note') \
            order by id desc limit $4 offset $5"
    );
    let of_one = select_invoices!(
        "where seller_id = $1 and ($2 is null or status = $2) and ($3 or kind <> 'credit_note') and customer_id = $6 \
            order by id desc limit $4 offset $5"
    );
    let mut values = params![
        seller.0,
        filter.status.map(|status| status.as_str().to_owned()),
        filter.with_credit_notes,
        limit,
        offset
    ];
    let rows = match filter.customer {
        Some(customer) => {
            values.push(customer.0.into());
            conn.rows(of_one, values).await?
        }
        None => conn.rows(of_all, values).await?,
    };
    rows.iter().map(read).collect()
}

/// Documents, newest first, from before this one on: at most so many. Each text finds its rows in an index that has them in
/// order, however far back it begins; a partial index is only used where the text itself says what it holds.
pub async fn newest(
    conn: &mut Conn,
    seller: SellerId,
    query: InvoiceQuery,
    before: Option<InvoiceId>,
    limit: i64,
) -> Result<Vec<Invoice>> {
    let of_all = select_invoices!("where seller_id = $1 and id < $2 order by id desc limit $3");
    let open = select_invoices!("where seller_id = $1 and id < $2 and status = 'issued' order by id desc limit $3");
    let invoices = select_invoices!("where seller_id = $1 and id < $2 and kind = 'invoice' order by id desc limit $3");
    let open_invoices = select_invoices!(
        "where seller_id = $1 and id < $2 and status = 'issued' and kind = 'invoice' order by id desc limit $3"
    );
    let settled = select_invoices!(
        "where seller_id = $1 and id < $2 and status = $4 and status <> 'issued' order by id desc limit $3"
    );
    let settled_invoices = select_invoices!(
        "where seller_id = $1 and id < $2 and status = $4 and status <> 'issued' and kind = 'invoice' \
            order by id desc limit $3"
    );
    let of_kind = select_invoices!(
        "where seller_id = $1 and id < $2 and kind = $4 and kind <> 'invoice' order by id desc limit $3"
    );
    let of_kind_and_status = select_invoices!(
        "where seller_id = $1 and id < $2 and kind = $4 and kind <> 'invoice' and status = $5 order by id desc limit $3"
    );
    let of_customer = select_invoices!(
        "where seller_id = $1 and customer_id = $4 and id < $2 and ($5 is null or status = $5) \
            and ($6 is null or kind = $6) order by id desc limit $3"
    );
    let mut values = params![seller.0, before.map_or(i64::MAX, |before| before.0), limit];
    let sql = match (query.customer, query.status, query.kind) {
        (Some(customer), status, kind) => {
            let status = status.map(|status| status.as_str().to_owned());
            values.extend(params![customer.0, status, kind.map(|kind| kind.as_str().to_owned())]);
            of_customer
        }
        (None, None, None) => of_all,
        (None, Some(InvoiceStatus::Issued), None) => open,
        (None, None, Some(DocumentKind::Invoice)) => invoices,
        (None, Some(InvoiceStatus::Issued), Some(DocumentKind::Invoice)) => open_invoices,
        (None, Some(status), None) => {
            values.extend(params![status.as_str()]);
            settled
        }
        (None, Some(status), Some(DocumentKind::Invoice)) => {
            values.extend(params![status.as_str()]);
            settled_invoices
        }
        (None, None, Some(kind)) => {
            values.extend(params![kind.as_str()]);
            of_kind
        }
        (None, Some(status), Some(kind)) => {
            values.extend(params![kind.as_str(), status.as_str()]);
            of_kind_and_status
        }
    };
    conn.rows(sql, values).await?.iter().map(read).collect()
}

/// How many invoices there are.
pub async fn count(conn: &mut Conn, seller: SellerId, filter: InvoiceFilter) -> Result<i64> {
    let of_all = "select count(*) as invoices from invoices where seller_id = $1 and ($2 is null or status = $2) \
        and ($3 or kind <> 'credit_note')";
    let of_one = "select count(*) as invoices from invoices \
        where seller_id = $1 and ($2 is null or status = $2) and ($3 or kind <> 'credit_note') and customer_id = $4";
    let status = filter.status.map(|status| status.as_str().to_owned());
    let row = match filter.customer {
        Some(customer) => conn.row(of_one, params![seller.0, status, filter.with_credit_notes, customer.0]).await?,
        None => conn.row(of_all, params![seller.0, status, filter.with_credit_notes]).await?,
    };
    row.map_or(Ok(0), |row| row.int("invoices"))
}

/// The invoice with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: InvoiceId) -> Result<Option<Invoice>> {
    let sql = select_invoices!("where seller_id = $1 and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// Voids a document of which nothing is paid: a deposit that is called off. Tells whether it could be.
pub async fn void_unpaid(tx: &mut Tx, seller: SellerId, id: InvoiceId, at: Timestamp) -> Result<bool> {
    let sql = "update invoices set status = 'void', open_minor = 0 where seller_id = $1 and id = $2 \
        and status = 'issued' and open_minor = total_minor";
    if tx.execute(sql, params![seller.0, id.0]).await? != 1 {
        return Ok(false);
    }
    let sql = "update outbox set state = 'called_off', settled_at = $3 where seller_id = $1 and invoice_id = $2 \
        and state = 'queued'";
    tx.execute(sql, params![seller.0, id.0, at]).await?;
    Ok(true)
}

/// Whether an invoice may be voided: nothing of it is paid, nobody was sent it, and no number of its series follows, so that
/// its voiding cannot be taken for a gap.
pub async fn may_be_voided(tx: &mut Tx, seller: SellerId, id: InvoiceId) -> Result<bool> {
    let sql = "select i.id from invoices i join number_series s on s.seller_id = i.seller_id and s.kind = i.kind \
        and s.fiscal_year = i.fiscal_year where i.seller_id = $1 and i.id = $2 and i.status = 'issued' \
        and i.open_minor = i.total_minor and s.next_number = i.series_number + 1";
    Ok(tx.row(sql, params![seller.0, id.0]).await?.is_some() && outbox::is_unseen(tx, seller, id).await?)
}

/// What of these invoices was paid from the customer's credit.
pub async fn paid_from_credit(
    conn: &mut Conn,
    seller: SellerId,
    invoices: &[InvoiceId],
) -> Result<HashMap<InvoiceId, i64>> {
    let sql = "select invoice_id, cast(sum(amount_minor) as bigint) as minor from settlements where seller_id = $1 \
        and invoice_id {in $2} and source = 'credit' group by invoice_id";
    let ids: Vec<i64> = invoices.iter().map(|invoice| invoice.0).collect();
    let rows = conn.rows(sql, params![seller.0, ids]).await?;
    rows.iter().map(|row| Ok((InvoiceId(row.int("invoice_id")?), row.int("minor")?))).collect()
}

/// The credit notes that correct an invoice, oldest first.
pub async fn correcting(conn: &mut Conn, seller: SellerId, id: InvoiceId) -> Result<Vec<Invoice>> {
    let sql = select_invoices!("where seller_id = $1 and corrects_id = $2 order by id");
    conn.rows(sql, params![seller.0, id.0]).await?.iter().map(read).collect()
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
        net_minor, tax_country, tax_category, tax_rate_ppm, period_starts, period_ends, price_origin, price_id, \
        allowance_minor, allowance_reason, whole_minor, whole_starts, share_days, share_of, discount_code, gross_minor, \
        corrects_line from invoice_lines \
        where seller_id = $1 and invoice_id = $2 order by line";
    let currency = invoice.total.currency;
    let rows = conn.rows(sql, params![seller.0, invoice.id.0]).await?;
    rows.iter().map(|row| read_line(row, currency)).collect()
}

fn read_line(row: &Row, currency: Currency) -> Result<InvoiceLine> {
    let money = |column| row.int(column).map(|minor| Money::new(minor, currency));
    let ends = row.opt_date("period_ends")?;
    Ok(InvoiceLine {
        line: row.int("line")?,
        service: row.opt_int("service_id")?.map(ServiceId),
        addon: row.opt_int("addon_id")?.map(AddonId),
        product: row.opt_int("product_id")?.map(ProductId),
        description: row.text("description")?,
        quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
        unit_price: money("unit_price_minor")?,
        net: money("net_minor")?,
        gross: row.opt_int("gross_minor")?.map(|minor| Money::new(minor, currency)),
        tax: profile(row)?,
        period: row.opt_date("period_starts")?.zip(ends).map(|(starts, ends)| Period { starts, ends }),
        price_origin: row.text("price_origin")?,
        price_id: row.opt_int("price_id")?,
        discount: row.opt_text("discount_code")?,
        corrects_line: row.opt_int("corrects_line")?,
        allowance: allowance(row, currency)?,
        part: part(row, currency)?,
    })
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
    let sql = "select tax_country, tax_category, tax_rate_ppm, base_minor, tax_minor from invoice_taxes \
        where seller_id = $1 and invoice_id = $2 order by tax_country, tax_category, tax_rate_ppm";
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
        country: row.parsed("tax_country")?,
        category: row.word("tax_category", TaxCategory::from_code)?,
        rate: Rate::from_parts_per_million(row.int("tax_rate_ppm")?),
    })
}

fn read(row: &Row) -> Result<Invoice> {
    let currency: Currency = row.parsed("currency")?;
    let money = |column| row.int(column).map(|minor| Money::new(minor, currency));
    Ok(Invoice {
        id: InvoiceId(row.int("id")?),
        kind: row.word("kind", DocumentKind::from_word)?,
        number: row.text("number")?,
        customer: CustomerId(row.int("customer_id")?),
        issued_on: row.date("issued_on")?,
        due_on: row.date("due_on")?,
        issued_at: row.instant("issued_at")?,
        net: money("net_minor")?,
        tax: money("tax_minor")?,
        rounding: money("rounding_minor")?,
        total: money("total_minor")?,
        open: money("open_minor")?,
        rules: AmountRules {
            rounding: row.word("rounding", rounding_from_word)?,
            tax_rounding: row.word("tax_rounding", TaxRounding::from_word)?,
            includes_tax: row.bool("includes_tax")?,
            payable_step: 1,
        },
        home_tax: home_tax(row)?,
        corrects: row.opt_int("corrects_id")?.map(InvoiceId),
        reason: row.opt_text("reason")?,
        seller: frozen(row, "seller")?,
        buyer: frozen(row, "buyer")?,
        language: frozen::<BuyersLanguage>(row, "buyer")?.language,
        status: row.word("status", InvoiceStatus::from_word)?,
        paid_at: row.opt_instant("paid_at")?,
    })
}

/// The tax in the seller's currency, with the rate it was converted at.
fn home_tax(row: &Row) -> Result<Option<HomeTax>> {
    let Some(rate) = home_rate(row)? else { return Ok(None) };
    let tax = Money::new(row.int("home_tax_minor")?, rate.home);
    Ok(Some(HomeTax { rate, tax }))
}

/// The rate at which an invoice's tax was converted to the seller's currency.
pub(crate) fn home_rate(row: &Row) -> Result<Option<HomeRate>> {
    let Some(billionths) = row.opt_int("home_rate_billionths")? else { return Ok(None) };
    Ok(Some(HomeRate {
        home: row.parsed("home_currency")?,
        rate: UnitRate::from_billionths(billionths),
        starts: row.date("home_rate_on")?,
        source: row.text("home_rate_source")?,
    }))
}

/// The language in the copy of a buyer.
#[derive(serde::Deserialize)]
struct BuyersLanguage {
    #[serde(default)]
    language: String,
}

fn frozen<T: serde::de::DeserializeOwned>(row: &Row, column: &'static str) -> Result<T> {
    let text = row.text(column)?;
    serde_json::from_str(&text).map_err(|error| corrupt(column, "(a frozen copy)", error))
}
