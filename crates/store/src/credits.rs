//! What customers have with the seller, and every move of it.

use jiff::Timestamp;
use perennial_billing::{Currency, CustomerId, InvoiceId, Money, PaymentId, RefundId, SellerId};

use crate::ids::{self, IdKind};
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// Why a customer's credit moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditReason {
    /// More was paid than was owed.
    Overpaid,
    /// A deposit was paid.
    Deposited,
    /// A credit note gave more than was still to be paid.
    Credited,
    /// It paid an invoice.
    Applied,
    /// It was paid back.
    Refunded,
}

impl CreditReason {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Overpaid, Self::Deposited, Self::Credited, Self::Applied, Self::Refunded];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overpaid => "overpaid",
            Self::Deposited => "deposited",
            Self::Credited => "credited",
            Self::Applied => "applied",
            Self::Refunded => "refunded",
        }
    }

    /// What the v1 API and the command line say.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Overpaid => "Overpayment added to credit",
            Self::Deposited => "Funds added",
            Self::Credited => "Credit note added to credit",
            Self::Applied => "Credit applied to invoice",
            Self::Refunded => "Credit refunded",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// A move of a customer's credit that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCreditMove {
    /// Whose.
    pub customer: CustomerId,
    /// How much more; less if negative.
    pub amount: Money,
    /// Why.
    pub reason: CreditReason,
    /// The invoice, deposit or credit note that it is about.
    pub invoice: Option<InvoiceId>,
    /// The payment that it came with.
    pub payment: Option<PaymentId>,
    /// The refund that it went with.
    pub refund: Option<RefundId>,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
}

/// A move of a customer's credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditMove {
    /// Its id.
    pub id: i64,
    /// What the customer had afterwards.
    pub balance: Money,
    /// What moved.
    pub moved: NewCreditMove,
}

/// Moves a customer's credit, which never becomes less than nothing. None, and nothing is written, if it would.
pub async fn move_credit(tx: &mut Tx, seller: SellerId, new: &NewCreditMove) -> Result<Option<Money>> {
    let currency = new.amount.currency;
    let key = || params![seller.0, new.customer.0, currency.code()];
    if new.amount.minor > 0 {
        let sql = "insert into credits (seller_id, customer_id, currency, balance_minor) values ($1, $2, $3, 0) \
            on conflict (seller_id, customer_id, currency) do nothing";
        tx.execute(sql, key()).await?;
    }
    let sql = "update credits set balance_minor = balance_minor + $4 where seller_id = $1 and customer_id = $2 \
        and currency = $3 and balance_minor + $4 >= 0 returning balance_minor";
    let Some(row) = tx.row(sql, [key(), params![new.amount.minor]].concat()).await? else { return Ok(None) };
    let balance = row.int("balance_minor")?;
    let sql = "insert into credit_entries (seller_id, id, customer_id, currency, amount_minor, balance_minor, at, kind, \
        invoice_id, payment_id, refund_id, actor) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values = params![
        seller.0,
        ids::take_one(tx, IdKind::CreditEntry).await?,
        new.customer.0,
        currency.code(),
        new.amount.minor,
        balance,
        new.at,
        new.reason.as_str(),
        new.invoice.map(|id| id.0),
        new.payment.map(|id| id.0),
        new.refund.map(|id| id.0),
        new.actor.clone(),
    ];
    tx.execute(sql, values).await?;
    Ok(Some(Money::new(balance, currency)))
}

/// What a customer has, by currency; nothing is left out.
pub async fn balances(conn: &mut Conn, seller: SellerId, customer: CustomerId) -> Result<Vec<Money>> {
    let sql = "select currency, balance_minor from credits where seller_id = $1 and customer_id = $2 \
        and balance_minor > 0 order by currency";
    let rows = conn.rows(sql, params![seller.0, customer.0]).await?;
    rows.iter().map(|row| Ok(Money::new(row.int("balance_minor")?, row.parsed("currency")?))).collect()
}

/// What a customer has in a currency. Within a transaction it is held until that ends.
pub async fn balance(conn: &mut Conn, seller: SellerId, customer: CustomerId, currency: Currency) -> Result<Money> {
    let sql =
        "select balance_minor from credits where seller_id = $1 and customer_id = $2 and currency = $3 {for update}";
    let row = conn.row(sql, params![seller.0, customer.0, currency.code()]).await?;
    Ok(Money::new(row.map_or(Ok(0), |row| row.int("balance_minor"))?, currency))
}

/// The moves of a customer's credit, newest first, from before this one on: at most so many.
pub async fn newest(
    conn: &mut Conn,
    seller: SellerId,
    customer: CustomerId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<CreditMove>> {
    let sql = "select id, customer_id, currency, amount_minor, balance_minor, at, kind, invoice_id, payment_id, refund_id, \
        actor from credit_entries where seller_id = $1 and customer_id = $2 and id < $3 order by id desc limit $4";
    let values = params![seller.0, customer.0, before.unwrap_or(i64::MAX), limit];
    conn.rows(sql, values).await?.iter().map(read).collect()
}

/// The moves of a customer's credit, newest first: one page.
pub async fn log(
    conn: &mut Conn,
    seller: SellerId,
    customer: CustomerId,
    limit: i64,
    offset: i64,
) -> Result<Vec<CreditMove>> {
    let sql = "select id, customer_id, currency, amount_minor, balance_minor, at, kind, invoice_id, payment_id, refund_id, \
        actor from credit_entries where seller_id = $1 and customer_id = $2 order by id desc limit $3 offset $4";
    conn.rows(sql, params![seller.0, customer.0, limit, offset]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<CreditMove> {
    let currency: Currency = row.parsed("currency")?;
    Ok(CreditMove {
        id: row.int("id")?,
        balance: Money::new(row.int("balance_minor")?, currency),
        moved: NewCreditMove {
            customer: CustomerId(row.int("customer_id")?),
            amount: Money::new(row.int("amount_minor")?, currency),
            reason: row.word("kind", CreditReason::from_word)?,
            invoice: row.opt_int("invoice_id")?.map(InvoiceId),
            payment: row.opt_int("payment_id")?.map(PaymentId),
            refund: row.opt_int("refund_id")?.map(RefundId),
            at: row.instant("at")?,
            actor: row.text("actor")?,
        },
    })
}
