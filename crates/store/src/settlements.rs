//! What takes something off what is to be paid for an invoice, and what becomes of its periods then.

use jiff::{Timestamp, civil::Date};
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{
    Currency, CustomerId, InvoiceId, LatePayment, Money, Moved, Period, PeriodNumber, SellerId, ServiceId,
};

use crate::events::{self, EventType, NewEvent};
use crate::ids::{self, IdKind};
use crate::invoices::InvoiceStatus;
use crate::payments::{self, Payment};
use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx, ledger};

/// What took something off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettledBy {
    /// A payment.
    Payment,
    /// The customer's credit.
    Credit,
    /// A credit note.
    CreditNote,
    /// It will not be paid.
    WriteOff,
}

impl SettledBy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Payment, Self::Credit, Self::CreditNote, Self::WriteOff];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Credit => "credit",
            Self::CreditNote => "credit_note",
            Self::WriteOff => "write_off",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == word)
    }

    /// Where an invoice stands of which this took the last.
    fn leaves(self) -> InvoiceStatus {
        match self {
            Self::Payment | Self::Credit => InvoiceStatus::Paid,
            Self::CreditNote => InvoiceStatus::Credited,
            Self::WriteOff => InvoiceStatus::WrittenOff,
        }
    }
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Its id.
    pub id: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// By what.
    pub by: SettledBy,
    /// The payment's or the credit note's id; its own for the others.
    pub source: i64,
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// An invoice of which something is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenInvoice {
    /// Its id.
    pub id: InvoiceId,
    /// Whose it is.
    pub customer: CustomerId,
    /// What is to be paid.
    pub open: Money,
    /// When it is due.
    pub due_on: Date,
    /// Whether it is a deposit.
    pub is_deposit: bool,
}

/// Holds an invoice until the transaction ends, with the services that it bills, whatever is to be paid for it.
pub async fn lock(tx: &mut Tx, seller: SellerId, invoice: InvoiceId) -> Result<()> {
    lock_services(tx, seller, vec![invoice.0]).await?;
    tx.rows("select id from invoices where seller_id = $1 and id = $2 {for update}", params![seller.0, invoice.0])
        .await?;
    Ok(())
}

/// What of a customer is to be paid in a currency, the oldest due first; deposits are left out.
pub async fn open_of_customer(
    conn: &mut Conn,
    seller: SellerId,
    customer: CustomerId,
    currency: Currency,
) -> Result<Vec<OpenInvoice>> {
    let sql = "select id, customer_id, currency, open_minor, due_on, kind from invoices where seller_id = $1 \
        and customer_id = $2 and currency = $3 and status = 'issued' and kind = 'invoice' order by due_on, id";
    conn.rows(sql, params![seller.0, customer.0, currency.code()]).await?.iter().map(read_open).collect()
}

/// Holds invoices until the transaction ends, with the services that they bill, and tells which of them are to be paid.
/// Locks are taken in one order: services, then invoices, each by id.
pub async fn hold(tx: &mut Tx, seller: SellerId, invoices: &[InvoiceId]) -> Result<Vec<OpenInvoice>> {
    let ids: Vec<i64> = invoices.iter().map(|id| id.0).collect();
    lock_services(tx, seller, ids.clone()).await?;
    let sql = "select id, customer_id, currency, open_minor, due_on, kind from invoices where seller_id = $1 \
        and id {in $2} and status = 'issued' order by id {for update}";
    tx.rows(sql, params![seller.0, ids]).await?.iter().map(read_open).collect()
}

/// Holds the services that invoices bill.
async fn lock_services(tx: &mut Tx, seller: SellerId, invoices: Vec<i64>) -> Result<()> {
    let sql = "select id from services where seller_id = $1 and id in (select service_id from periods \
        where seller_id = $1 and invoice_id {in $2}) order by id {for update}";
    tx.rows(sql, params![seller.0, invoices]).await?;
    Ok(())
}

fn read_open(row: &Row) -> Result<OpenInvoice> {
    Ok(OpenInvoice {
        id: InvoiceId(row.int("id")?),
        customer: CustomerId(row.int("customer_id")?),
        open: Money::new(row.int("open_minor")?, row.parsed("currency")?),
        due_on: row.date("due_on")?,
        is_deposit: row.text("kind")? == "deposit",
    })
}

/// Takes an amount off what is to be paid for an invoice that the transaction holds. Without a source, its own id is that.
/// Tells the settlement's id, and whether nothing is left.
pub async fn settle(
    tx: &mut Tx,
    seller: SellerId,
    invoice: &OpenInvoice,
    amount: Money,
    by: SettledBy,
    source: Option<i64>,
    at: Timestamp,
) -> Result<(i64, bool)> {
    let id = ids::take_one(tx, IdKind::Settlement).await?;
    let sql = "insert into settlements (seller_id, id, invoice_id, source, source_id, amount_minor, at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    let values = params![seller.0, id, invoice.id.0, by.as_str(), source.unwrap_or(id), amount.minor, at];
    tx.execute(sql, values).await?;
    let is_last = amount.minor == invoice.open.minor;
    let status = if is_last { by.leaves() } else { InvoiceStatus::Issued };
    let sql =
        "update invoices set open_minor = open_minor - $3, status = $4, paid_at = $5 where seller_id = $1 and id = $2";
    let paid_at = (status == InvoiceStatus::Paid).then_some(at);
    tx.execute(sql, params![seller.0, invoice.id.0, amount.minor, status.as_str(), paid_at]).await?;
    Ok((id, is_last))
}

/// A period that an invoice has billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BilledPeriod {
    /// By which invoice.
    pub invoice: InvoiceId,
    /// Of which service.
    pub service: ServiceId,
    /// Its number.
    pub number: PeriodNumber,
    /// Its days.
    pub period: Period,
    /// Whether a change has given a part of it back.
    pub is_given_back: bool,
}

/// The periods that an invoice has billed and that are not free again, by service and number.
pub async fn periods(conn: &mut Conn, seller: SellerId, invoice: InvoiceId) -> Result<Vec<BilledPeriod>> {
    periods_of(conn, seller, &[invoice]).await
}

/// The same for several invoices.
async fn periods_of(conn: &mut Conn, seller: SellerId, invoices: &[InvoiceId]) -> Result<Vec<BilledPeriod>> {
    let ids: Vec<i64> = invoices.iter().map(|id| id.0).collect();
    let sql = "select invoice_id, service_id, period, starts, ends, given_back_from from periods where seller_id = $1 \
        and invoice_id {in $2} and state <> 'void' order by service_id, period";
    let rows = conn.rows(sql, params![seller.0, ids]).await?;
    rows.iter()
        .map(|row| {
            Ok(BilledPeriod {
                invoice: InvoiceId(row.int("invoice_id")?),
                service: ServiceId(row.int("service_id")?),
                number: PeriodNumber(row.small("period")?),
                period: Period { starts: row.date("starts")?, ends: row.date("ends")? },
                is_given_back: row.opt_date("given_back_from")?.is_some(),
            })
        })
        .collect()
}

/// What follows when the last of invoices is paid: their periods are paid, the services they belong to are paid through their
/// ends and have no open invoice, and whoever wants to know is told.
pub async fn paid(tx: &mut Tx, seller: SellerId, invoices: &[InvoiceId], at: Timestamp) -> Result<()> {
    let ids: Vec<i64> = invoices.iter().map(|id| id.0).collect();
    let periods = periods_of(tx, seller, invoices).await?;
    let sql = "update periods set state = 'paid' where seller_id = $1 and invoice_id {in $2} and state = 'invoiced'";
    tx.execute(sql, params![seller.0, ids.clone()]).await?;
    let sql = "update services set open_invoice_id = null, due_from = renew_on, version = version + 1 where seller_id = $1 \
        and open_invoice_id {in $2} and id in (select service_id from periods where seller_id = $1 and invoice_id {in $2})";
    tx.execute(sql, params![seller.0, ids]).await?;
    let services = paid_through(&periods);
    let s = || services.iter();
    let rows = Rows::new()
        .int("seller_id", s().map(|_| seller.0))
        .int("id", s().map(|(service, ..)| service.0))
        .date("paid_through", s().map(|(.., ends)| *ends));
    let sql = "update services set paid_through = case when services.paid_through > n.paid_through \
        then services.paid_through when n.paid_through > services.billed_through then services.billed_through \
        else n.paid_through end, version = services.version + 1 from {rows} where services.seller_id = n.seller_id \
        and services.id = n.id";
    tx.execute_with(sql, rows).await?;
    let mut told: Vec<_> = invoices.iter().map(|id| NewEvent::of_invoice(EventType::InvoicePaid, *id)).collect();
    told.extend(services.iter().map(|(service, invoice, ends)| NewEvent::of_renewal(*service, *invoice, *ends)));
    events::insert(tx, seller, &told, at).await
}

/// Each service with the end of its last period, and the invoice that billed it; days that were given back are not its.
fn paid_through(periods: &[BilledPeriod]) -> Vec<(ServiceId, InvoiceId, Date)> {
    let mut services: Vec<(ServiceId, InvoiceId, Date)> = Vec::new();
    for billed in periods.iter().filter(|billed| !billed.is_given_back) {
        match services.last_mut() {
            Some(last) if last.0 == billed.service && last.2 < billed.period.ends => {
                (last.1, last.2) = (billed.invoice, billed.period.ends);
            }
            Some(last) if last.0 == billed.service => {}
            _ => services.push((billed.service, billed.invoice, billed.period.ends)),
        }
    }
    services
}

/// Pays invoices that the transaction holds, each in full by a payment of its own, in a constant number of statements.
pub async fn pay_in_full(tx: &mut Tx, seller: SellerId, paid: &[(OpenInvoice, Payment)]) -> Result<()> {
    let Some((_, first)) = paid.first() else { return Ok(()) };
    payments::insert_many(tx, seller, paid.iter().map(|(_, payment)| payment)).await?;
    let p = || paid.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", ids::take(tx, IdKind::Settlement, paid.len()).await?)
        .int("invoice_id", p().map(|(open, _)| open.id.0))
        .int("source_id", p().map(|(_, payment)| payment.id.0))
        .int("amount_minor", p().map(|(open, _)| open.open.minor))
        .same("at", first.at);
    let sql = "insert into settlements (seller_id, id, invoice_id, source, source_id, amount_minor, at) \
        select seller_id, id, invoice_id, 'payment', source_id, amount_minor, at from {rows}";
    tx.execute_with(sql, rows).await?;
    let booked = p().filter_map(|(open, payment)| {
        Some((payment.id.0, 1, Entry::moving(Account::Bank, Account::Receivable, open.open)?))
    });
    let (sql, rows) = ledger::entry_rows(seller, Source::Payment, first.paid_on, booked.collect());
    tx.execute_with(sql, rows).await?;
    let invoices: Vec<InvoiceId> = p().map(|(open, _)| open.id).collect();
    let ids: Vec<i64> = invoices.iter().map(|id| id.0).collect();
    let sql = "update invoices set open_minor = 0, status = 'paid', paid_at = $3 where seller_id = $1 and id {in $2}";
    tx.execute(sql, params![seller.0, ids, first.at]).await?;
    self::paid(tx, seller, &invoices, first.at).await
}

/// Invoices that are to be paid and due by a day, in order: at most so many.
pub async fn due(conn: &mut Conn, seller: SellerId, through: Date, limit: i64) -> Result<Vec<InvoiceId>> {
    let sql = "select id from invoices where seller_id = $1 and status = 'issued' and kind = 'invoice' and due_on <= $2 \
        order by id limit $3";
    let rows = conn.rows(sql, params![seller.0, through, limit]).await?;
    rows.iter().map(|row| row.int("id").map(InvoiceId)).collect()
}

/// An invoice that nobody will pay holds nothing up: its services can be renewed again.
pub async fn release_services(tx: &mut Tx, seller: SellerId, invoice: InvoiceId) -> Result<()> {
    let sql = "update services set open_invoice_id = null, due_from = renew_on, version = version + 1 where seller_id = $1 \
        and open_invoice_id = $2 and id in (select service_id from periods where seller_id = $1 and invoice_id = $2)";
    tx.execute(sql, params![seller.0, invoice.0]).await?;
    Ok(())
}

/// A service whose period is free again does not wait for the invoice that billed it.
pub async fn release_freed(tx: &mut Tx, seller: SellerId, service: ServiceId, invoice: InvoiceId) -> Result<()> {
    let sql = "update services set open_invoice_id = null, due_from = renew_on \
        where seller_id = $1 and id = $2 and open_invoice_id = $3 and not exists \
        (select 1 from periods where seller_id = $1 and invoice_id = $3 and service_id = $2 \
        and state = 'invoiced')";
    tx.execute(sql, params![seller.0, service.0, invoice.0]).await?;
    Ok(())
}

/// The first of the periods in a row before this one that were billed once and are free again; this one if there is none.
pub async fn free_before(
    conn: &mut Conn,
    seller: SellerId,
    service: ServiceId,
    number: PeriodNumber,
) -> Result<PeriodNumber> {
    let sql = "select period, cast(max(case when state <> 'void' then 1 else 0 end) as bigint) as billed from periods \
        where seller_id = $1 and service_id = $2 and period < $3 group by period order by period desc";
    let mut first = number;
    for row in conn.rows(sql, params![seller.0, service.0, i64::from(number.0)]).await? {
        let before = PeriodNumber(row.small("period")?);
        if Some(before) != first.previous() || row.int("billed")? == 1 {
            break;
        }
        first = before;
    }
    Ok(first)
}

/// Frees periods that an invoice has billed.
pub async fn free(tx: &mut Tx, seller: SellerId, invoice: InvoiceId, periods: &[BilledPeriod]) -> Result<()> {
    let p = || periods.iter();
    let rows = Rows::new()
        .int("seller_id", p().map(|_| seller.0))
        .int("invoice_id", p().map(|_| invoice.0))
        .int("service_id", p().map(|billed| billed.service.0))
        .int("period", p().map(|billed| i64::from(billed.number.0)));
    let sql = "update periods set state = 'void' from {rows} where periods.seller_id = n.seller_id \
        and periods.invoice_id = n.invoice_id and periods.service_id = n.service_id and periods.period = n.period";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// What took something off what is to be paid for an invoice, in order.
pub async fn of_invoice(
    conn: &mut Conn,
    seller: SellerId,
    invoice: InvoiceId,
    currency: Currency,
) -> Result<Vec<Settlement>> {
    let sql = "select id, invoice_id, source, source_id, amount_minor, at from settlements \
        where seller_id = $1 and invoice_id = $2 order by id";
    let rows = conn.rows(sql, params![seller.0, invoice.0]).await?;
    rows.iter().map(|row| read(row, currency)).collect()
}

/// What a payment has settled, in order.
pub async fn of_payment(
    conn: &mut Conn,
    seller: SellerId,
    payment: i64,
    currency: Currency,
) -> Result<Vec<Settlement>> {
    let sql = "select id, invoice_id, source, source_id, amount_minor, at from settlements \
        where seller_id = $1 and source = 'payment' and source_id = $2 order by id";
    let rows = conn.rows(sql, params![seller.0, payment]).await?;
    rows.iter().map(|row| read(row, currency)).collect()
}

fn read(row: &Row, currency: Currency) -> Result<Settlement> {
    Ok(Settlement {
        id: row.int("id")?,
        invoice: InvoiceId(row.int("invoice_id")?),
        by: row.word("source", SettledBy::from_word)?,
        source: row.int("source_id")?,
        amount: Money::new(row.int("amount_minor")?, currency),
        at: row.instant("at")?,
    })
}

/// Remembers the days of a period as its invoice has them, and gives it others, because it was paid late.
pub async fn move_period(
    tx: &mut Tx,
    seller: SellerId,
    invoice: InvoiceId,
    billed: &BilledPeriod,
    to: &Moved,
    policy: LatePayment,
    at: Timestamp,
) -> Result<()> {
    let key = || params![seller.0, invoice.0, billed.service.0, i64::from(billed.number.0)];
    let sql = "insert into moved_periods (seller_id, invoice_id, service_id, period, starts, ends, to_period, \
        policy, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let to_period = i64::from(to.number.0);
    let was = params![billed.period.starts, billed.period.ends, to_period, policy.as_str(), at];
    tx.execute(sql, [key(), was].concat()).await?;
    let sql = "update periods set period = $5, starts = $6, ends = $7 where seller_id = $1 and invoice_id = $2 and service_id = $3 \
        and period = $4";
    tx.execute(sql, [key(), params![to_period, to.period.starts, to.period.ends]].concat()).await?;
    Ok(())
}
