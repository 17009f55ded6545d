//! Credit notes: they give back what an invoice asked for, in full, by line or by amount.

use perennial_billing::ledger::{Account, Entry, of_invoice};
use perennial_billing::{
    AmountRules, Amounts, DocumentKind, HomeTax, InvoiceId, Money, PeriodNumber, Quantity, ServiceId, TaxGroup,
    credited_shares,
};
use perennial_store::credits::{self, CreditReason, NewCreditMove};
use perennial_store::documents::{self, NewDocument};
use perennial_store::invoices::{self, Invoice, InvoiceLine, InvoiceStatus};
use perennial_store::renewals::WrittenInvoice;
use perennial_store::sellers::{self, Seller};
use perennial_store::settlements::{self, SettledBy};
use perennial_store::{Tx, customers};

use crate::error::{check_text, refuse};
use crate::invoice::an_invoice;
use crate::{App, AppError, Caller, Problem, Result};

/// What of an invoice is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditOf {
    /// All that is not given back yet.
    Everything,
    /// These lines.
    Lines(Vec<i64>),
    /// So much, with tax, in minor units of its currency: of each tax its share.
    Amount(i64),
}

/// A credit note that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoted {
    /// Its id and number.
    pub note: WrittenInvoice,
    /// What it gives, with tax.
    pub total: Money,
    /// What of it the invoice no longer asks for.
    pub settled: Money,
    /// What of it became the customer's credit, because it was paid already.
    pub credited: Money,
    /// The periods that are free to be billed again.
    pub freed: Vec<(ServiceId, PeriodNumber)>,
}

/// An invoice with what is not given back of it yet.
struct Creditable {
    invoice: Invoice,
    lines: Vec<InvoiceLine>,
    /// By tax, what is left.
    left: Vec<TaxGroup>,
    left_rounding: Money,
    /// Whether nothing was given back before.
    is_whole: bool,
    /// Lines that were given back by name.
    credited_lines: Vec<i64>,
}

impl App {
    /// Issues a credit note for an invoice, in a series of its own. What the invoice no longer asks for is off what is to be
    /// paid; what was paid already becomes the customer's credit. Periods that are given back whole can be billed again.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`]; [`AppError::Conflict`] when it is no invoice, was voided or written off,
    /// or nothing, or not so much, is left to give back.
    pub async fn credit_invoice(
        &self,
        caller: &Caller,
        id: InvoiceId,
        of: &CreditOf,
        reason: &str,
    ) -> Result<CreditNoted> {
        let mut problems = Vec::new();
        check_text(&mut problems, "reason", reason, true);
        if matches!(of, CreditOf::Lines(lines) if lines.is_empty()) {
            problems.push(Problem::new("lines", "must name at least one"));
        }
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let mut noted = self.issue_credit_note(&mut tx, &seller, caller, id, of, reason).await?;
        noted.freed = match of {
            CreditOf::Everything => self.free_periods(&mut tx, &seller, id, None).await?,
            CreditOf::Lines(lines) => self.free_periods(&mut tx, &seller, id, Some(lines)).await?,
            CreditOf::Amount(_) => Vec::new(),
        };
        tx.commit().await?;
        Ok(noted)
    }

    /// The credit note alone; whoever asks for it sees to the periods.
    pub(crate) async fn issue_credit_note(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        caller: &Caller,
        id: InvoiceId,
        of: &CreditOf,
        reason: &str,
    ) -> Result<CreditNoted> {
        settlements::lock(tx, seller.id, id).await?;
        let creditable = creditable(tx, seller, id).await?;
        let invoice = &creditable.invoice;
        let (lines, amounts) = what_is_given(&creditable, of)?;
        let (today, now) = (self.clock.today(&seller.time_zone), self.clock.now());
        let customer = customers::get(tx, seller.id, invoice.customer).await?.ok_or(AppError::NotFound("Customer"))?;
        let settled = Money::new(amounts.total.minor.min(invoice.open.minor), amounts.total.currency);
        let credited = Money::new(amounts.total.minor - settled.minor, amounts.total.currency);
        let mut entries = booked(&lines, &amounts);
        entries.extend(Entry::moving(Account::Receivable, Account::Credit, credited));
        let home_tax = match &invoice.home_tax {
            Some(home) => Some(HomeTax::of(amounts.tax, home.rate.clone(), invoice.rules.rounding)?),
            None => None,
        };
        let total = amounts.total;
        let document = NewDocument {
            kind: DocumentKind::CreditNote,
            mail: seller.mails_to(&customer),
            // Who was billed is who is given back to, as it was then.
            customer: customers::Customer { party: invoice.buyer.clone(), ..customer },
            issued_on: today,
            due_on: today,
            lines,
            amounts,
            rules: invoice.rules,
            home_tax,
            corrects: Some(id),
            reason: Some(reason.to_owned()),
            entries,
        };
        let note = documents::issue(tx, seller, &document, now).await?;
        let held = settlements::hold(tx, seller.id, &[id]).await?;
        if let Some(open) = held.first().filter(|_| settled.minor > 0) {
            let by = SettledBy::CreditNote;
            let (_, is_last) = settlements::settle(tx, seller.id, open, settled, by, Some(note.id.0), now).await?;
            if is_last {
                settlements::release_services(tx, seller.id, id).await?;
            }
        }
        if credited.minor > 0 {
            let moved = NewCreditMove {
                customer: invoice.customer,
                amount: credited,
                reason: CreditReason::Credited,
                invoice: Some(note.id),
                payment: None,
                refund: None,
                at: now,
                actor: caller.actor.to_string(),
            };
            credits::move_credit(tx, seller.id, &moved).await?;
        }
        self.note(tx, seller.id, caller, "invoice.credited", "invoice", id.0).await?;
        Ok(CreditNoted { note, total, settled, credited, freed: Vec::new() })
    }
}

/// An invoice with what is not given back of it yet.
async fn creditable(tx: &mut Tx, seller: &Seller, id: InvoiceId) -> Result<Creditable> {
    let invoice = an_invoice(tx, seller, id).await?;
    if matches!(invoice.status, InvoiceStatus::Void | InvoiceStatus::WrittenOff) {
        let status = invoice.status.as_str().replace('_', " ");
        return Err(AppError::Conflict(format!("Invoice {id} is {status}: there is nothing to give back")));
    }
    let lines = invoices::lines(tx, seller.id, &invoice).await?;
    let mut left = invoices::taxes(tx, seller.id, &invoice).await?;
    let mut left_rounding = invoice.rounding;
    let notes = invoices::correcting(tx, seller.id, id).await?;
    let mut credited_lines = Vec::new();
    for note in &notes {
        for given in invoices::taxes(tx, seller.id, note).await? {
            for group in left.iter_mut().filter(|group| group.profile == given.profile) {
                group.base.minor -= given.base.minor;
                group.tax.minor -= given.tax.minor;
            }
        }
        left_rounding.minor -= note.rounding.minor;
        let given = invoices::lines(tx, seller.id, note).await?;
        credited_lines.extend(given.iter().filter_map(|line| line.corrects_line));
    }
    Ok(Creditable { invoice, lines, left, left_rounding, is_whole: notes.is_empty(), credited_lines })
}

/// The lines and amounts of a credit note.
fn what_is_given(creditable: &Creditable, of: &CreditOf) -> Result<(Vec<InvoiceLine>, Amounts)> {
    let Creditable { invoice, left, .. } = creditable;
    let currency = invoice.total.currency;
    let whole: i64 = left.iter().map(|group| group.base.minor + group.tax.minor).sum();
    let asked = whole + creditable.left_rounding.minor;
    if left.iter().all(|group| group.base.minor == 0 && group.tax.minor == 0) {
        return Err(AppError::Conflict(format!("All of invoice {} is given back already", invoice.id)));
    }
    let everything = |lines| (lines, given(left.clone(), creditable.left_rounding));
    match of {
        CreditOf::Everything if creditable.is_whole => Ok(everything(creditable.lines.iter().map(corrected).collect())),
        CreditOf::Everything => Ok(everything(of_groups(invoice, left))),
        CreditOf::Amount(minor) if !(1..=asked).contains(minor) => {
            let most = Money::new(asked, currency);
            Err(AppError::Conflict(format!("At most {most} of invoice {} can be given back", invoice.id)))
        }
        CreditOf::Amount(minor) if *minor == asked => Ok(everything(of_groups(invoice, left))),
        CreditOf::Amount(minor) => {
            let groups = credited_shares(left, Money::new(*minor, currency), invoice.rules)?;
            Ok((of_groups(invoice, &groups), given(groups, Money::zero(currency))))
        }
        CreditOf::Lines(numbers) => {
            let mut lines = Vec::new();
            for number in numbers {
                let known = creditable.lines.iter().find(|line| line.line == *number);
                let line =
                    known.ok_or_else(|| AppError::Conflict(format!("Invoice {} has no line {number}", invoice.id)))?;
                if creditable.credited_lines.contains(number)
                    || lines.iter().any(|l: &InvoiceLine| l.corrects_line == Some(*number))
                {
                    return Err(AppError::Conflict(format!("Line {number} is given back already")));
                }
                lines.push(corrected(line));
            }
            let groups = of_lines(&lines, left, invoice.rules)?;
            // What is left to be rounded goes with the last of it.
            let is_last = groups.iter().map(|group| group.base.minor + group.tax.minor).sum::<i64>() == whole;
            let rounding = if is_last { creditable.left_rounding } else { Money::zero(currency) };
            Ok((lines, given(groups, rounding)))
        }
    }
}

/// The tax of lines that are given back, by the invoice's own rules; what is left of a group goes with its last line.
fn of_lines(lines: &[InvoiceLine], left: &[TaxGroup], rules: AmountRules) -> Result<Vec<TaxGroup>> {
    let net = lines.iter().map(|line| (line.tax, line.net));
    let mut groups = TaxGroup::of_lines(net, rules)?;
    for group in &mut groups {
        let left = left.iter().find(|left| left.profile == group.profile);
        let left = left.filter(|left| left.base.minor >= group.base.minor);
        let left = left.ok_or_else(|| AppError::Conflict("Not so much is left to be given back".to_owned()))?;
        let gross = lines.iter().filter(|line| line.tax == group.profile).map(|line| line.gross);
        if let (true, Some(gross)) =
            (rules.includes_tax, gross.map(|gross| gross.map(|g| g.minor)).sum::<Option<i64>>())
        {
            group.tax.minor = if group.tax.minor == 0 { 0 } else { gross - group.base.minor };
        }
        group.tax.minor = if left.base == group.base { left.tax.minor } else { group.tax.minor.min(left.tax.minor) };
    }
    Ok(groups)
}

/// A line as a credit note gives it back.
fn corrected(line: &InvoiceLine) -> InvoiceLine {
    InvoiceLine { corrects_line: Some(line.line), ..line.clone() }
}

/// A line for each tax, where not whole lines are given back.
fn of_groups(invoice: &Invoice, groups: &[TaxGroup]) -> Vec<InvoiceLine> {
    let groups = groups.iter().filter(|group| group.base.minor != 0 || group.tax.minor != 0);
    let line = |(line, group): (i64, &TaxGroup)| {
        let description = format!("Credit on invoice {}", invoice.number);
        InvoiceLine::written(line, description, Quantity::ONE, group.base, group.base, group.profile)
    };
    (1..).zip(groups).map(line).collect()
}

fn given(groups: Vec<TaxGroup>, rounding: Money) -> Amounts {
    let sum = |of: fn(&TaxGroup) -> i64| Money::new(groups.iter().map(of).sum(), rounding.currency);
    let (net, tax) = (sum(|group| group.base.minor), sum(|group| group.tax.minor));
    let total = Money::new(net.minor + tax.minor + rounding.minor, rounding.currency);
    let tax_groups = groups.into_iter().filter(|group| group.base.minor != 0 || group.tax.minor != 0).collect();
    Amounts { tax_groups, net, tax, rounding, total }
}

/// The opposite of what the invoice has booked.
fn booked(lines: &[InvoiceLine], amounts: &Amounts) -> Vec<Entry> {
    let earned = lines.iter().map(|line| (line.product, line.tax, line.net));
    of_invoice(earned, &amounts.tax_groups, amounts.rounding).into_iter().map(Entry::undone).collect()
}
