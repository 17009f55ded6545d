//! What a customer has with the seller: adding to it, paying with it, giving it back.

use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{
    Amounts, CustomerId, DocumentKind, InvoiceId, Money, PaymentId, Quantity, RefundId, TaxClass, TaxGroup, due_date,
};
use perennial_store::credits::{self, CreditMove, CreditReason, NewCreditMove};
use perennial_store::documents::{self, NewDocument};
use perennial_store::ids::{self, IdKind};
use perennial_store::invoices::{self, InvoiceLine};
use perennial_store::payments::{self, Refund};
use perennial_store::renewals::WrittenInvoice;
use perennial_store::sellers::{self, Seller};
use perennial_store::settlements::{self, SettledBy};
use perennial_store::{StoreError, Tx, customers, ledger};

use crate::error::{check_text, refuse};
use crate::seller::taxation;
use crate::{App, AppError, Caller, Problem, Result, customer, invoice};

/// What a customer may add to its credit at once, in major units of any currency: as the original API has it.
pub const MAX_DEPOSIT_MAJOR: i64 = 100_000;
/// Invoices that are paid from credit in one go at most.
const MAX_APPLIED_INVOICES: usize = 1_000;

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefund {
    /// To whom.
    pub customer: CustomerId,
    /// How much, out of its credit.
    pub amount: Money,
    /// How it goes: `bank`, `card`, a provider's name.
    pub method: String,
    /// What it is known by there. With the method it is recorded once.
    pub reference: String,
    /// The payment that it gives back, if it is known.
    pub payment: Option<PaymentId>,
}

impl App {
    /// Pays an invoice with the customer's credit: an amount, or as much as there is and is needed.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`] for no positive amount; [`AppError::Conflict`] when nothing is to be
    /// paid, the credit is smaller, or the amount is larger than what is to be paid.
    pub async fn apply_credit(&self, caller: &Caller, invoice: InvoiceId, amount: Option<i64>) -> Result<Money> {
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let known = invoice::visible(&mut tx, caller, invoice).await?;
        let held = settlements::hold(&mut tx, seller.id, &[invoice]).await?;
        let Some(open) = held.first().filter(|open| !open.is_deposit) else {
            return Err(AppError::Conflict(format!("Nothing is to be paid for invoice {invoice} with credit")));
        };
        let currency = open.open.currency;
        let has = credits::balance(&mut tx, seller.id, known.customer, currency).await?;
        let amount = Money::new(amount.unwrap_or(has.minor.min(open.open.minor)), currency);
        if amount.minor <= 0 {
            let why =
                if has.minor == 0 { "the customer has no credit in its currency" } else { "it is not more than 0" };
            return Err(AppError::Invalid(vec![Problem::new("amount", format!("cannot be applied: {why}"))]));
        }
        if amount.minor > open.open.minor {
            return Err(AppError::Conflict(format!("Only {} is to be paid for invoice {invoice}", open.open)));
        }
        if !self.spend(&mut tx, &seller, caller, open, amount).await? {
            return Err(AppError::Conflict(format!("The customer's credit is only {has}")));
        }
        self.note(&mut tx, seller.id, caller, "credit.applied", "invoice", invoice.0).await?;
        tx.commit().await?;
        Ok(amount)
    }

    /// Pays a part of an invoice with credit; nothing if there is not so much.
    async fn spend(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        caller: &Caller,
        open: &settlements::OpenInvoice,
        amount: Money,
    ) -> Result<bool> {
        let now = self.clock.now();
        let today = self.clock.today(&seller.time_zone);
        let moved = NewCreditMove {
            customer: open.customer,
            amount: Money::new(-amount.minor, amount.currency),
            reason: CreditReason::Applied,
            invoice: Some(open.id),
            payment: None,
            refund: None,
            at: now,
            actor: caller.actor.to_string(),
        };
        if credits::move_credit(tx, seller.id, &moved).await?.is_none() {
            return Ok(false);
        }
        let (id, is_last) = settlements::settle(tx, seller.id, open, amount, SettledBy::Credit, None, now).await?;
        let moved = Entry::moving(Account::Credit, Account::Receivable, amount);
        ledger::book(tx, seller.id, Source::Settlement, id, today, moved).await?;
        if is_last {
            self.invoice_paid(tx, seller, open.id, today, now).await?;
        }
        Ok(true)
    }

    /// Pays what a customer owes with its credit, what is owed the longest first, as far as it goes. For sellers who want
    /// that done whenever an invoice is issued.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn apply_all_credit(&self, caller: &Caller, customer: CustomerId) -> Result<Vec<(InvoiceId, Money)>> {
        // Most have none, and then nobody needs to wait for a turn to write.
        if credits::balances(&mut self.store.read().await?, caller.seller, customer).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let mut applied = Vec::new();
        for has in credits::balances(&mut tx, seller.id, customer).await? {
            let open = settlements::open_of_customer(&mut tx, seller.id, customer, has.currency).await?;
            let ids: Vec<InvoiceId> = open.iter().map(|open| open.id).take(MAX_APPLIED_INVOICES).collect();
            let held = settlements::hold(&mut tx, seller.id, &ids).await?;
            let mut left = credits::balance(&mut tx, seller.id, customer, has.currency).await?.minor;
            for id in ids {
                let Some(open) = held.iter().find(|open| open.id == id).filter(|_| left > 0) else { continue };
                let amount = Money::new(left.min(open.open.minor), has.currency);
                if !self.spend(&mut tx, &seller, caller, open, amount).await? {
                    break;
                }
                left -= amount.minor;
                applied.push((id, amount));
            }
        }
        if !applied.is_empty() {
            self.note(&mut tx, seller.id, caller, "credit.applied", "customer", customer.0).await?;
            tx.commit().await?;
        }
        Ok(applied)
    }

    /// Asks a customer for money that becomes its credit when it is paid.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`] for an amount that is not more than nothing, or too much.
    pub async fn add_funds(&self, caller: &Caller, customer: CustomerId, amount: Money) -> Result<WrittenInvoice> {
        let most = MAX_DEPOSIT_MAJOR.saturating_mul(10i64.pow(amount.currency.exponent()));
        if !(1..=most).contains(&amount.minor) {
            let reason = format!("must be more than 0 and at most {MAX_DEPOSIT_MAJOR}");
            return Err(AppError::Invalid(vec![Problem::new("amount", reason)]));
        }
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let customer = customer::visible(&mut tx, caller, customer).await?;
        if customer.currency != amount.currency {
            let reason = format!("must be in {}, the customer's currency", customer.currency);
            return Err(AppError::Invalid(vec![Problem::new("amount", reason)]));
        }
        let today = self.clock.today(&seller.time_zone);
        let tax = taxation(&seller, &customer)?.on(TaxClass::Outside, today);
        let nothing = Money::zero(amount.currency);
        let description = "Deposit: becomes credit when it is paid".to_owned();
        let line = InvoiceLine::written(1, description, Quantity::ONE, amount, amount, tax);
        let amounts = Amounts {
            tax_groups: vec![TaxGroup { profile: tax, base: amount, tax: nothing }],
            net: amount,
            tax: nothing,
            rounding: nothing,
            total: amount,
        };
        let document = NewDocument {
            kind: DocumentKind::Deposit,
            mail: seller.mails_to(&customer),
            customer,
            issued_on: today,
            due_on: due_date(today, today, seller.payment_terms_days)?,
            lines: vec![line],
            amounts,
            rules: seller.amounts,
            home_tax: None,
            corrects: None,
            reason: None,
            entries: Vec::new(),
        };
        let written = documents::issue(&mut tx, &seller, &document, self.clock.now()).await?;
        self.note(&mut tx, seller.id, caller, "deposit.asked", "invoice", written.id.0).await?;
        tx.commit().await?;
        Ok(written)
    }

    /// Calls a deposit off that nobody has paid anything of.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when it is no deposit, or something of it is paid.
    pub async fn cancel_deposit(&self, caller: &Caller, id: InvoiceId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let known = invoice::visible(&mut tx, caller, id).await?;
        if known.kind != DocumentKind::Deposit {
            return Err(AppError::Conflict(
                "Only an Add Funds invoice can be cancelled; an invoice that was issued is corrected by a credit note"
                    .to_owned(),
            ));
        }
        if !invoices::void_unpaid(&mut tx, caller.seller, id, self.clock.now()).await? {
            return Err(AppError::Conflict(format!("Add Funds invoice {id} is paid or cancelled already")));
        }
        self.note(&mut tx, caller.seller, caller, "deposit.cancelled", "invoice", id.0).await?;
        Ok(tx.commit().await?)
    }

    /// Records money that went back to a customer, out of its credit. The same method and reference a second time is the
    /// same refund, and nothing is done again.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`]; [`AppError::Conflict`] when the credit is smaller, or another amount or
    /// customer is known by that reference.
    pub async fn refund(&self, caller: &Caller, new: &NewRefund) -> Result<Refund> {
        let mut problems = Vec::new();
        if new.amount.minor <= 0 {
            problems.push(Problem::new("amount", "must be more than 0"));
        }
        check_text(&mut problems, "method", &new.method, true);
        check_text(&mut problems, "reference", &new.reference, true);
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        if let Some(known) = known_refund(&mut tx, &seller, new).await? {
            return Ok(known);
        }
        customers::get(&mut tx, seller.id, new.customer).await?.ok_or(AppError::NotFound("Customer"))?;
        if let Some(payment) = new.payment {
            let known = payments::get(&mut tx, seller.id, payment).await?;
            known.filter(|known| known.customer == new.customer).ok_or(AppError::NotFound("Payment"))?;
        }
        let refund = Refund {
            id: RefundId(ids::take_one(&mut tx, IdKind::Refund).await?),
            customer: new.customer,
            payment: new.payment,
            amount: new.amount,
            method: new.method.clone(),
            reference: new.reference.clone(),
            paid_on: self.clock.today(&seller.time_zone),
            at: self.clock.now(),
            actor: caller.actor.to_string(),
        };
        match payments::insert_refund(&mut tx, seller.id, &refund).await {
            Ok(()) => {}
            // Another one was faster with the same reference.
            Err(StoreError::Unique { .. }) => {
                drop(tx);
                let mut tx = self.store.begin().await?;
                return known_refund(&mut tx, &seller, new).await?.ok_or(AppError::Contention);
            }
            Err(error) => return Err(error.into()),
        }
        let moved = NewCreditMove {
            customer: new.customer,
            amount: Money::new(-new.amount.minor, new.amount.currency),
            reason: CreditReason::Refunded,
            invoice: None,
            payment: new.payment,
            refund: Some(refund.id),
            at: refund.at,
            actor: refund.actor.clone(),
        };
        if credits::move_credit(&mut tx, seller.id, &moved).await?.is_none() {
            let has = credits::balance(&mut tx, seller.id, new.customer, new.amount.currency).await?;
            return Err(AppError::Conflict(format!(
                "The customer's credit is only {has}: issue a credit note first, which gives it more"
            )));
        }
        let moved = Entry::moving(Account::Credit, Account::Bank, new.amount);
        ledger::book(&mut tx, seller.id, Source::Refund, refund.id.0, refund.paid_on, moved).await?;
        self.note(&mut tx, seller.id, caller, "payment.refunded", "refund", refund.id.0).await?;
        tx.commit().await?;
        Ok(refund)
    }

    /// What a customer has, by currency.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn credit_of(&self, caller: &Caller, customer: CustomerId) -> Result<(customers::Customer, Vec<Money>)> {
        let mut conn = self.store.read().await?;
        let customer = customer::visible(&mut conn, caller, customer).await?;
        let balances = credits::balances(&mut conn, caller.seller, customer.id).await?;
        Ok((customer, balances))
    }

    /// The moves of a customer's credit, newest first, from before this one on: at most so many.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn credit_moves(
        &self,
        caller: &Caller,
        customer: CustomerId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<CreditMove>> {
        let mut conn = self.store.read().await?;
        customer::visible(&mut conn, caller, customer).await?;
        Ok(credits::newest(&mut conn, caller.seller, customer, before, limit).await?)
    }

    /// The moves of a customer's credit, newest first: one page.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn credit_log(
        &self,
        caller: &Caller,
        customer: CustomerId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<CreditMove>> {
        let mut conn = self.store.read().await?;
        customer::visible(&mut conn, caller, customer).await?;
        Ok(credits::log(&mut conn, caller.seller, customer, limit, offset).await?)
    }
}

/// The refund that is known by the same method and reference.
async fn known_refund(tx: &mut Tx, seller: &Seller, new: &NewRefund) -> Result<Option<Refund>> {
    let Some(known) = payments::refund_known_as(tx, seller.id, &new.method, &new.reference).await? else {
        return Ok(None);
    };
    if (known.customer, known.amount) != (new.customer, new.amount) {
        return Err(AppError::Conflict(format!(
            "Refund {} is known as {} {:?} already: {} to customer {}",
            known.id, new.method, new.reference, known.amount, known.customer
        )));
    }
    Ok(Some(known))
}
