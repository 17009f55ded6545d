//! Money that came in, and money that went back.

use jiff::{Timestamp, civil::Date};
use perennial_billing::{Currency, CustomerId, InvoiceId, Money, PaymentId, RefundId, SellerId};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// Money that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Whose money it was.
    pub customer: CustomerId,
    /// How much.
    pub amount: Money,
    /// How it came: `bank`, `card`, a provider's name.
    pub method: String,
    /// The payer's or the provider's own word for it. With the method, it comes in once.
    pub reference: String,
    /// The day on which it was paid.
    pub paid_on: Date,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who recorded it.
    pub actor: String,
}

/// Money that went back, out of a customer's credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// To whom.
    pub customer: CustomerId,
    /// The payment that it gives back, if it is known.
    pub payment: Option<PaymentId>,
    /// How much.
    pub amount: Money,
    /// How it went.
    pub method: String,
    /// What it is known by there. With the method, it goes once.
    pub reference: String,
    /// The day on which it went.
    pub paid_on: Date,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who recorded it.
    pub actor: String,
}

/// Writes a payment.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) for `payments` when one with its method and reference is known.
pub async fn insert(tx: &mut Tx, seller: SellerId, payment: &Payment) -> Result<()> {
    insert_many(tx, seller, std::iter::once(payment)).await
}

/// Writes payments.
///
/// # Errors
/// As [`insert`].
pub(crate) async fn insert_many<'a>(
    tx: &mut Tx,
    seller: SellerId,
    payments: impl Iterator<Item = &'a Payment> + Clone,
) -> Result<()> {
    let p = || payments.clone();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", p().map(|payment| payment.id.0))
        .int("customer_id", p().map(|payment| payment.customer.0))
        .text("currency", p().map(|payment| payment.amount.currency.code().to_owned()))
        .int("amount_minor", p().map(|payment| payment.amount.minor))
        .text("method", p().map(|payment| payment.method.clone()))
        .text("reference", p().map(|payment| payment.reference.clone()))
        .date("paid_on", p().map(|payment| payment.paid_on))
        .instant("at", p().map(|payment| payment.at))
        .text("actor", p().map(|payment| payment.actor.clone()));
    let sql = "insert into payments (seller_id, id, customer_id, currency, amount_minor, method, reference, paid_on, at, \
        actor) select seller_id, id, customer_id, currency, amount_minor, method, reference, paid_on, at, actor \
        from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Reads payments: all columns that make one.
macro_rules! select_payments {
    ($which:literal) => {
        concat!(
            "select id, customer_id, currency, amount_minor, method, reference, paid_on, at, actor from payments ",
            $which
        )
    };
}

/// The payment that is known by this method and reference.
pub async fn known_as(conn: &mut Conn, seller: SellerId, method: &str, reference: &str) -> Result<Option<Payment>> {
    let sql = select_payments!("where seller_id = $1 and method = $2 and reference = $3");
    conn.row(sql, params![seller.0, method, reference]).await?.map(|row| read(&row)).transpose()
}

/// The payment with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: PaymentId) -> Result<Option<Payment>> {
    let sql = select_payments!("where seller_id = $1 and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// Payments, newest first, from before this one on: at most so many, of one customer or of all.
pub async fn newest(
    conn: &mut Conn,
    seller: SellerId,
    customer: Option<CustomerId>,
    before: Option<PaymentId>,
    limit: i64,
) -> Result<Vec<Payment>> {
    let of_all = select_payments!("where seller_id = $1 and id < $2 order by id desc limit $3");
    let of_one = select_payments!("where seller_id = $1 and customer_id = $4 and id < $2 order by id desc limit $3");
    let mut values = params![seller.0, before.map_or(i64::MAX, |before| before.0), limit];
    let rows = match customer {
        Some(customer) => {
            values.push(customer.0.into());
            conn.rows(of_one, values).await?
        }
        None => conn.rows(of_all, values).await?,
    };
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Payment> {
    let currency: Currency = row.parsed("currency")?;
    Ok(Payment {
        id: PaymentId(row.int("id")?),
        customer: CustomerId(row.int("customer_id")?),
        amount: Money::new(row.int("amount_minor")?, currency),
        method: row.text("method")?,
        reference: row.text("reference")?,
        paid_on: row.date("paid_on")?,
        at: row.instant("at")?,
        actor: row.text("actor")?,
    })
}

/// Writes a refund.
///
/// # Errors
/// [`StoreError::Unique`](crate::StoreError::Unique) for `refunds` when one with its method and reference is known.
pub async fn insert_refund(tx: &mut Tx, seller: SellerId, refund: &Refund) -> Result<()> {
    let sql = "insert into refunds (seller_id, id, customer_id, payment_id, currency, amount_minor, method, reference, \
        paid_on, at, actor) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = params![
        seller.0,
        refund.id.0,
        refund.customer.0,
        refund.payment.map(|payment| payment.0),
        refund.amount.currency.code(),
        refund.amount.minor,
        refund.method.clone(),
        refund.reference.clone(),
        refund.paid_on,
        refund.at,
        refund.actor.clone(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// The refund that is known by this method and reference.
pub async fn refund_known_as(
    conn: &mut Conn,
    seller: SellerId,
    method: &str,
    reference: &str,
) -> Result<Option<Refund>> {
    let sql = "select id, customer_id, payment_id, currency, amount_minor, method, reference, paid_on, at, actor \
        from refunds where seller_id = $1 and method = $2 and reference = $3";
    conn.row(sql, params![seller.0, method, reference]).await?.map(|row| read_refund(&row)).transpose()
}

/// The refund with this id.
pub async fn refund(conn: &mut Conn, seller: SellerId, id: RefundId) -> Result<Option<Refund>> {
    let sql = "select id, customer_id, payment_id, currency, amount_minor, method, reference, paid_on, at, actor \
        from refunds where seller_id = $1 and id = $2";
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read_refund(&row)).transpose()
}

fn read_refund(row: &Row) -> Result<Refund> {
    let Payment { customer, amount, method, reference, paid_on, at, actor, .. } = read(row)?;
    let id = RefundId(row.int("id")?);
    let payment = row.opt_int("payment_id")?.map(PaymentId);
    Ok(Refund { id, customer, payment, amount, method, reference, paid_on, at, actor })
}

/// Money that moved, in or out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The payment's or the refund's id.
    pub id: i64,
    /// Whether it went out.
    pub is_refund: bool,
    /// Whether it came in and a refund gave it back.
    pub is_refunded: bool,
    /// Whose.
    pub customer: CustomerId,
    /// How much.
    pub amount: Money,
    /// How.
    pub method: String,
    /// What it is known by there.
    pub reference: String,
    /// The first invoice that it paid.
    pub invoice: Option<InvoiceId>,
    /// When it was recorded.
    pub at: Timestamp,
}

/// Money that moved, newest first: one page, of one customer or of all.
pub async fn transactions(
    conn: &mut Conn,
    seller: SellerId,
    customer: Option<CustomerId>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Transaction>> {
    let of_all = "select * from (select p.id, cast(0 as bigint) as refund, p.customer_id, p.currency, p.amount_minor, p.method, p.reference, p.at, \
        (select min(s.invoice_id) from settlements s where s.seller_id = p.seller_id and s.source = 'payment' \
        and s.source_id = p.id) as invoice_id, (select count(*) from refunds r where r.seller_id = p.seller_id \
        and r.payment_id = p.id) as refunds from payments p where p.seller_id = $1 \
        union all select r.id, cast(1 as bigint), r.customer_id, r.currency, r.amount_minor, r.method, r.reference, r.at, null, cast(0 as bigint) \
        from refunds r where r.seller_id = $1) t \
        order by at desc, refund desc, id desc limit $2 offset $3";
    let of_one = "select * from (select p.id, cast(0 as bigint) as refund, p.customer_id, p.currency, p.amount_minor, p.method, p.reference, p.at, \
        (select min(s.invoice_id) from settlements s where s.seller_id = p.seller_id and s.source = 'payment' \
        and s.source_id = p.id) as invoice_id, (select count(*) from refunds r where r.seller_id = p.seller_id \
        and r.payment_id = p.id) as refunds from payments p where p.seller_id = $1 and p.customer_id = $4 \
        union all select r.id, cast(1 as bigint), r.customer_id, r.currency, r.amount_minor, r.method, r.reference, r.at, null, cast(0 as bigint) \
        from refunds r where r.seller_id = $1 and r.customer_id = $4) t \
        order by at desc, refund desc, id desc limit $2 offset $3";
    let mut values = params![seller.0, limit, offset];
    let rows = match customer {
        Some(customer) => {
            values.push(customer.0.into());
            conn.rows(of_one, values).await?
        }
        None => conn.rows(of_all, values).await?,
    };
    rows.iter()
        .map(|row| {
            Ok(Transaction {
                id: row.int("id")?,
                is_refund: row.int("refund")? == 1,
                is_refunded: row.int("refunds")? > 0,
                customer: CustomerId(row.int("customer_id")?),
                amount: Money::new(row.int("amount_minor")?, row.parsed("currency")?),
                method: row.text("method")?,
                reference: row.text("reference")?,
                invoice: row.opt_int("invoice_id")?.map(InvoiceId),
                at: row.instant("at")?,
            })
        })
        .collect()
}
