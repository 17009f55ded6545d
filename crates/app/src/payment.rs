//! Money that comes in: it is recorded once, pays what is owed, and what is left becomes the customer's credit.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{CustomerId, InvoiceId, Money, PaymentId, SellerId};
use perennial_store::credits::{CreditReason, NewCreditMove};
use perennial_store::ids::{self, IdKind};
use perennial_store::payments::{self, Payment, Transaction};
use perennial_store::sellers::{self, Seller};
use perennial_store::settlements::{self, OpenInvoice, SettledBy};
use perennial_store::{Conn, StoreError, Tx, credits, customers, invoices, ledger};

use crate::error::{check_text, refuse};
use crate::{App, AppError, Caller, Problem, Result};

/// Invoices that one payment pays at most.
pub const MAX_PAID_INVOICES: usize = 1_000;

/// Money that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// Whose money it is.
    pub customer: CustomerId,
    /// How much.
    pub amount: Money,
    /// How it came: `bank`, `card`, a provider's name.
    pub method: String,
    /// The payer's or the provider's own word for it. With the method it is recorded once.
    pub reference: String,
    /// The day on which it was paid; today, if nobody says.
    pub paid_on: Option<Date>,
    /// What it pays, in this order; without, what is owed the longest first. Deposits are only paid when they are named.
    pub invoices: Vec<InvoiceId>,
}

/// What a payment that is known has paid, and what of it became credit.
async fn became_of(conn: &mut Conn, seller: SellerId, payment: Payment) -> Result<Recorded> {
    let currency = payment.amount.currency;
    let settled = settlements::of_payment(conn, seller, payment.id.0, currency).await?;
    let paid: Vec<(InvoiceId, Money)> = settled.iter().map(|part| (part.invoice, part.amount)).collect();
    let used: i64 = paid.iter().map(|(_, amount)| amount.minor).sum();
    let credited = Money::new(payment.amount.minor - used, currency);
    Ok(Recorded { payment, paid, credited, is_known: true })
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The payment.
    pub payment: Payment,
    /// What it paid of which invoices.
    pub paid: Vec<(InvoiceId, Money)>,
    /// What became the customer's credit.
    pub credited: Money,
    /// Whether it was known already; then nothing was done.
    pub is_known: bool,
}

impl App {
    /// Records money that came in. The same method and reference a second time is the same payment: the answer is what
    /// became of it, and nothing is done again.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown customer or invoice; [`AppError::Invalid`]; [`AppError::Conflict`] when another
    /// amount or customer is known by that reference, or a named invoice is not to be paid.
    pub async fn record_payment(&self, caller: &Caller, new: &NewPayment) -> Result<Recorded> {
        check(new)?;
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        if let Some(known) = self.known_payment(&mut tx, &seller, new).await? {
            return Ok(known);
        }
        customers::get(&mut tx, seller.id, new.customer).await?.ok_or(AppError::NotFound("Customer"))?;
        let now = self.clock.now();
        let payment = Payment {
            id: PaymentId(ids::take_one(&mut tx, IdKind::Payment).await?),
            customer: new.customer,
            amount: new.amount,
            method: new.method.clone(),
            reference: new.reference.clone(),
            paid_on: new.paid_on.unwrap_or_else(|| self.clock.today(&seller.time_zone)),
            at: now,
            actor: caller.actor.to_string(),
        };
        match payments::insert(&mut tx, seller.id, &payment).await {
            Ok(()) => {}
            // Another one was faster with the same reference.
            Err(StoreError::Unique { .. }) => {
                drop(tx);
                let mut tx = self.store.begin().await?;
                let known = self.known_payment(&mut tx, &seller, new).await?;
                return known.ok_or(AppError::Contention);
            }
            Err(error) => return Err(error.into()),
        }
        let owed = self.owed(&mut tx, &seller, new).await?;
        let (paid, credited) = self.pay(&mut tx, &seller, &payment, &owed).await?;
        self.note(&mut tx, seller.id, caller, "payment.recorded", "payment", payment.id.0).await?;
        tx.commit().await?;
        Ok(Recorded { payment, paid, credited, is_known: false })
    }

    /// What became of a payment that is known by the same method and reference.
    async fn known_payment(&self, tx: &mut Tx, seller: &Seller, new: &NewPayment) -> Result<Option<Recorded>> {
        let Some(payment) = payments::known_as(tx, seller.id, &new.method, &new.reference).await? else {
            return Ok(None);
        };
        if (payment.customer, payment.amount) != (new.customer, new.amount) {
            return Err(AppError::Conflict(format!(
                "Payment {} is known as {} {:?} already: {} of customer {}",
                payment.id, new.method, new.reference, payment.amount, payment.customer
            )));
        }
        Ok(Some(became_of(tx, seller.id, payment).await?))
    }

    /// A payment, and what became of it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown one, or another customer's.
    pub async fn payment(&self, caller: &Caller, id: PaymentId) -> Result<Recorded> {
        let mut conn = self.store.read().await?;
        let known = payments::get(&mut conn, caller.seller, id).await?;
        let known = known.filter(|known| caller.may_see(known.customer)).ok_or(AppError::NotFound("Payment"))?;
        became_of(&mut conn, caller.seller, known).await
    }

    /// The invoices that a payment is for, held until the transaction ends, in the order in which they are paid.
    async fn owed(&self, tx: &mut Tx, seller: &Seller, new: &NewPayment) -> Result<Vec<OpenInvoice>> {
        let currency = new.amount.currency;
        let wanted = match new.invoices.as_slice() {
            [] => {
                let open = settlements::open_of_customer(tx, seller.id, new.customer, currency).await?;
                open.iter().map(|invoice| invoice.id).take(MAX_PAID_INVOICES).collect()
            }
            named => named.to_vec(),
        };
        let held = settlements::hold(tx, seller.id, &wanted).await?;
        let find = |id: &InvoiceId| held.iter().find(|invoice| invoice.id == *id).copied();
        if new.invoices.is_empty() {
            return Ok(wanted.iter().filter_map(find).collect());
        }
        let mut owed = Vec::new();
        for id in &new.invoices {
            match find(id) {
                Some(invoice) if invoice.customer != new.customer => return Err(AppError::NotFound("Invoice")),
                Some(invoice) if invoice.open.currency != currency => {
                    return Err(AppError::Conflict(format!(
                        "Invoice {id} is in {}, the payment in {currency}",
                        invoice.open.currency
                    )));
                }
                Some(invoice) => owed.push(invoice),
                None => {
                    let known = invoices::get(tx, seller.id, *id).await?;
                    let known = known.filter(|invoice| invoice.customer == new.customer);
                    let invoice = known.ok_or(AppError::NotFound("Invoice"))?;
                    // Paid twice is paid: what came a second time becomes credit.
                    if invoice.status != invoices::InvoiceStatus::Paid {
                        return Err(AppError::Conflict(format!(
                            "Nothing is to be paid for invoice {id}: it is {}",
                            invoice.status.as_str()
                        )));
                    }
                }
            }
        }
        Ok(owed)
    }

    /// Pays what is owed, as far as the payment goes; the rest becomes credit.
    async fn pay(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        payment: &Payment,
        owed: &[OpenInvoice],
    ) -> Result<(Vec<(InvoiceId, Money)>, Money)> {
        let mut left = payment.amount;
        let (mut paid, mut entries) = (Vec::new(), Vec::new());
        for invoice in owed.iter().filter(|invoice| invoice.open.minor > 0) {
            if left.minor == 0 {
                break;
            }
            let part = Money::new(left.minor.min(invoice.open.minor), left.currency);
            left.minor -= part.minor;
            let source = Some(payment.id.0);
            let (_, is_last) =
                settlements::settle(tx, seller.id, invoice, part, SettledBy::Payment, source, payment.at).await?;
            if invoice.is_deposit {
                let moved = self.credit_move(payment, CreditReason::Deposited, part, Some(invoice.id));
                credits::move_credit(tx, seller.id, &moved).await?;
                entries.extend(Entry::moving(Account::Bank, Account::Credit, part));
            } else {
                entries.extend(Entry::moving(Account::Bank, Account::Receivable, part));
            }
            if is_last {
                self.invoice_paid(tx, seller, invoice.id, payment.paid_on, payment.at).await?;
            }
            paid.push((invoice.id, part));
        }
        if left.minor > 0 {
            let moved = self.credit_move(payment, CreditReason::Overpaid, left, None);
            credits::move_credit(tx, seller.id, &moved).await?;
            entries.extend(Entry::moving(Account::Bank, Account::Credit, left));
        }
        ledger::book(tx, seller.id, Source::Payment, payment.id.0, payment.paid_on, entries).await?;
        Ok((paid, left))
    }

    fn credit_move(
        &self,
        payment: &Payment,
        reason: CreditReason,
        amount: Money,
        invoice: Option<InvoiceId>,
    ) -> NewCreditMove {
        NewCreditMove {
            customer: payment.customer,
            amount,
            reason,
            invoice,
            payment: Some(payment.id),
            refund: None,
            at: payment.at,
            actor: payment.actor.clone(),
        }
    }

    /// What follows when the last of an invoice is paid.
    pub(crate) async fn invoice_paid(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        invoice: InvoiceId,
        paid_on: Date,
        at: Timestamp,
    ) -> Result<()> {
        self.move_late_periods(tx, seller, invoice, paid_on, at).await?;
        Ok(settlements::paid(tx, seller.id, &[invoice], at).await?)
    }

    /// Money that moved, newest first: one page, of the caller's customer or of all.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn transactions(&self, caller: &Caller, limit: i64, offset: i64) -> Result<Vec<Transaction>> {
        let mut conn = self.store.read().await?;
        Ok(payments::transactions(&mut conn, caller.seller, caller.customer, limit, offset).await?)
    }
}

fn check(new: &NewPayment) -> Result<()> {
    let mut problems = Vec::new();
    if new.amount.minor <= 0 {
        problems.push(Problem::new("amount", "must be more than 0"));
    }
    check_text(&mut problems, "method", &new.method, true);
    check_text(&mut problems, "reference", &new.reference, true);
    if new.invoices.len() > MAX_PAID_INVOICES {
        problems.push(Problem::new("invoices", format!("must be at most {MAX_PAID_INVOICES}")));
    }
    if new.invoices.iter().collect::<HashSet<_>>().len() < new.invoices.len() {
        problems.push(Problem::new("invoices", "names one twice"));
    }
    refuse(problems)
}
