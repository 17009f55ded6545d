//! Invoices that a person writes: drafts first, without a number, and then issued.

use jiff::civil::Date;
use perennial_billing::ledger::of_invoice;
use perennial_billing::{Amounts, CustomerId, DocumentKind, DraftId, HomeTax, Money, TaxedAmount, due_date};
use perennial_store::Conn;
use perennial_store::customers::{self, Customer};
use perennial_store::documents::{self, NewDocument};
use perennial_store::drafts::{self, Draft, DraftLine};
use perennial_store::ids::{self, IdKind};
use perennial_store::invoices::InvoiceLine;
use perennial_store::renewals::WrittenInvoice;
use perennial_store::sellers::{self, Seller};

use crate::e_invoice::{Planned, may_be_issued};
use crate::error::{check_text, refuse};
use crate::seller::taxation;
use crate::service::quantity_and_price;
use crate::{App, AppError, Caller, Problem, Result};

/// Lines of a draft at most.
pub const MAX_DRAFT_LINES: usize = 100;
/// Drafts in a list at most.
pub const MAX_DRAFTS_LISTED: i64 = 1_000;

/// A draft as its invoice would be if it were issued now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPreview {
    /// The draft.
    pub draft: Draft,
    /// The lines.
    pub lines: Vec<InvoiceLine>,
    /// The amounts.
    pub amounts: Amounts,
}

impl App {
    /// Begins an invoice for a customer; its prices are in the customer's currency.
    ///
    /// # Errors
    /// [`AppError::NotFound`], [`AppError::Invalid`].
    pub async fn create_draft(&self, caller: &Caller, customer: CustomerId, lines: Vec<DraftLine>) -> Result<Draft> {
        let mut problems = Vec::new();
        if lines.is_empty() || lines.len() > MAX_DRAFT_LINES {
            problems.push(Problem::new("lines", format!("must be from 1 to {MAX_DRAFT_LINES}")));
        }
        for line in &lines {
            check_text(&mut problems, "description", &line.description, true);
            problems.extend(quantity_and_price(line.quantity, Some(line.unit_price_minor)));
        }
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        customers::get(&mut tx, caller.seller, customer).await?.ok_or(AppError::NotFound("Customer"))?;
        let draft = Draft {
            id: DraftId(ids::take_one(&mut tx, IdKind::Draft).await?),
            customer,
            created_at: self.clock.now(),
            actor: caller.actor.to_string(),
            lines,
        };
        drafts::insert(&mut tx, caller.seller, &draft).await?;
        self.note(&mut tx, caller.seller, caller, "draft.created", "draft", draft.id.0).await?;
        tx.commit().await?;
        Ok(draft)
    }

    /// Drafts, oldest first, each as its invoice would be today.
    ///
    /// # Errors
    /// Only those of the database, and amounts that do not fit.
    pub async fn drafts(&self, caller: &Caller) -> Result<Vec<DraftPreview>> {
        self.draft_page(caller, DraftId(0), MAX_DRAFTS_LISTED).await
    }

    /// The same from after a draft on: at most so many.
    ///
    /// # Errors
    /// As [`App::drafts`].
    pub async fn draft_page(&self, caller: &Caller, after: DraftId, limit: i64) -> Result<Vec<DraftPreview>> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let mut previews = Vec::new();
        for draft in drafts::page(&mut conn, seller.id, after, limit).await? {
            previews.push(self.preview_draft(&mut conn, &seller, draft).await?);
        }
        Ok(previews)
    }

    /// One draft as its invoice would be today.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] for amounts that do not fit.
    pub async fn draft(&self, caller: &Caller, id: DraftId) -> Result<DraftPreview> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let draft = drafts::get(&mut conn, seller.id, id).await?.ok_or(AppError::NotFound("Draft"))?;
        self.preview_draft(&mut conn, &seller, draft).await
    }

    async fn preview_draft(&self, conn: &mut Conn, seller: &Seller, draft: Draft) -> Result<DraftPreview> {
        let customer = customers::get(conn, seller.id, draft.customer).await?;
        let customer = customer.ok_or(AppError::NotFound("Customer"))?;
        let (lines, amounts) = made(seller, &customer, &draft, self.clock.today(&seller.time_zone))?;
        Ok(DraftPreview { draft, lines, amounts })
    }

    /// Issues a draft: it gets its number, and is no draft any more, in one transaction.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] for amounts that do not fit.
    pub async fn issue_draft(&self, caller: &Caller, id: DraftId) -> Result<WrittenInvoice> {
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let draft = drafts::get(&mut tx, seller.id, id).await?.ok_or(AppError::NotFound("Draft"))?;
        let customer = customers::get(&mut tx, seller.id, draft.customer).await?;
        let customer = customer.ok_or(AppError::NotFound("Customer"))?;
        let today = self.clock.today(&seller.time_zone);
        let (lines, amounts) = made(&seller, &customer, &draft, today)?;
        let home_rate = seller.home_rates(customer.currency).and_then(|rates| rates.on(today));
        let home_tax = home_rate.map(|rate| HomeTax::of(amounts.tax, rate, seller.amounts.rounding));
        let home_tax = home_tax.transpose()?;
        let planned = Planned {
            categories: amounts.tax_groups.iter().map(|group| group.profile.category).collect(),
            currencies: (customer.currency, home_tax.as_ref().map(|home: &HomeTax| home.tax.currency)),
            texts: lines.iter().map(|line| line.description.as_str()).collect(),
        };
        may_be_issued(&seller, &customer, &planned)?;
        let earned = lines.iter().map(|line| (line.product, line.tax, line.net));
        let entries = of_invoice(earned, &amounts.tax_groups, amounts.rounding);
        let document = NewDocument {
            kind: DocumentKind::Invoice,
            mail: seller.mails_to(&customer),
            customer,
            issued_on: today,
            due_on: due_date(today, today, seller.payment_terms_days)?,
            lines,
            amounts,
            rules: seller.amounts,
            home_tax,
            corrects: None,
            reason: None,
            entries,
        };
        let written = documents::issue(&mut tx, &seller, &document, self.clock.now()).await?;
        drafts::delete(&mut tx, seller.id, id).await?;
        self.note(&mut tx, seller.id, caller, "draft.issued", "invoice", written.id.0).await?;
        tx.commit().await?;
        Ok(written)
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn delete_draft(&self, caller: &Caller, id: DraftId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        if !drafts::delete(&mut tx, caller.seller, id).await? {
            return Err(AppError::NotFound("Draft"));
        }
        self.note(&mut tx, caller.seller, caller, "draft.deleted", "draft", id.0).await?;
        Ok(tx.commit().await?)
    }
}

/// The lines and amounts of a draft that is issued on a day.
fn made(seller: &Seller, customer: &Customer, draft: &Draft, day: Date) -> Result<(Vec<InvoiceLine>, Amounts)> {
    let taxation = taxation(seller, customer)?;
    let mut lines = Vec::new();
    let mut taxed = Vec::new();
    for (number, line) in (1..).zip(&draft.lines) {
        let tax = taxation.on(line.tax_class, day);
        let unit_price = Money::new(line.unit_price_minor, customer.currency);
        let net = unit_price.times(line.quantity, seller.amounts.rounding)?;
        taxed.push(TaxedAmount { tax, contained: taxation.contained(tax, day), net, gross: None });
        lines.push(InvoiceLine::written(number, line.description.clone(), line.quantity, unit_price, net, tax));
    }
    let amounts = seller.amounts.amounts(customer.currency, &mut taxed)?;
    for (line, taxed) in lines.iter_mut().zip(taxed) {
        (line.net, line.gross) = (taxed.net, taxed.gross);
    }
    Ok((lines, amounts))
}
