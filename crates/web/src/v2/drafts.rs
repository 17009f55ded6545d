//! `/api/v2/drafts`: invoices that a person writes, before they have a number.

use jiff::Timestamp;
use perennial_app::DraftPreview;
use perennial_billing::{Currency, CustomerId, DraftId, Quantity, Rate, TaxCategory, TaxClass};
use perennial_store::customers;
use perennial_store::drafts::DraftLine;
use perennial_store::invoices::InvoiceLine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use super::invoices::{Summary, now};
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created, NoContent};
use crate::wire::{Amount, At, Json, Page, Paging, Query, Text, Word};

/// An invoice to be written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewDraft")]
pub(crate) struct New {
    customer: Text<CustomerId>,
    /// The customer's, in which its prices are.
    currency: Text<Currency>,
    /// From 1 to 100.
    lines: Vec<NewLine>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewDraftLine")]
struct NewLine {
    /// What the customer will read.
    description: String,
    /// One, if it is not said.
    quantity: Option<Text<Quantity>>,
    unit_price: Amount,
    /// `standard`, if it is not said.
    tax_class: Option<Word<TaxClass>>,
}

/// A draft as its invoice would be if it were issued now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Draft")]
pub(crate) struct Shown {
    id: Text<DraftId>,
    customer: Text<CustomerId>,
    created_at: Text<Timestamp>,
    actor: String,
    lines: Vec<Line>,
    currency: Text<Currency>,
    /// Without tax.
    net: Amount,
    tax: Amount,
    /// What the total is rounded by.
    rounding: Amount,
    total: Amount,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DraftLine")]
struct Line {
    description: String,
    quantity: Text<Quantity>,
    unit_price: Amount,
    tax_class: Word<TaxClass>,
    /// Without tax.
    net: Amount,
    /// As EN 16931 has it (UNTDID 5305).
    tax_category: Word<TaxCategory>,
    tax_rate_percent: Text<Rate>,
}

/// A page of drafts, oldest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Shown>>, ApiError> {
    let limit = paging.limit();
    let after = DraftId(paging.after()?.unwrap_or(0));
    let drafts = context.app.draft_page(&context.caller, after, limit + 1).await?;
    Ok(Answer(Page::of(drafts, limit, |preview| preview.draft.id.0, shown)))
}

/// One draft.
pub(crate) async fn detail(context: Context, At(id): At<DraftId>) -> Result<Answer<Shown>, ApiError> {
    Ok(Answer(shown(context.app.draft(&context.caller, id).await?)))
}

/// Begins an invoice for a customer.
pub(crate) async fn create(context: Context, Json(new): Json<New>) -> Result<Created<Shown>, ApiError> {
    let (Text(customer), Text(currency)) = (new.customer, new.currency);
    let mut conn = context.app.store.read().await?;
    let known = customers::get(&mut conn, context.caller.seller, customer).await?;
    drop(conn);
    let known = known.ok_or_else(|| ApiError::not_found("Customer not found"))?;
    if known.currency != currency {
        let reason = format!("must be {}, the customer's currency", known.currency);
        return Err(ApiError::invalid_value("currency", reason));
    }
    let lines = new.lines.into_iter().enumerate().map(|(place, line)| line.read(place, currency));
    let lines = lines.collect::<Result<_, _>>()?;
    let draft = context.app.create_draft(&context.caller, customer, lines).await?;
    let place = format!("{ROOT}/drafts/{}", Text(draft.id));
    Ok(Created { place, body: shown(context.app.draft(&context.caller, draft.id).await?) })
}

/// Throws a draft away.
pub(crate) async fn delete(context: Context, At(id): At<DraftId>) -> Result<NoContent, ApiError> {
    context.app.delete_draft(&context.caller, id).await?;
    Ok(NoContent)
}

/// Issues a draft: it becomes an invoice with a number.
pub(crate) async fn issue(context: Context, At(id): At<DraftId>) -> Result<Created<Summary>, ApiError> {
    let written = context.app.issue_draft(&context.caller, id).await?;
    let place = format!("{ROOT}/invoices/{}", Text(written.id));
    Ok(Created { place, body: now(&context, written.id).await? })
}

impl NewLine {
    /// The line at a place, from 0, with its price in a currency.
    fn read(self, place: usize, currency: Currency) -> Result<DraftLine, ApiError> {
        let field = format!("lines/{place}/unitPrice");
        let unit_price = self.unit_price.read(&field, currency)?;
        if unit_price.minor < 0 {
            return Err(ApiError::invalid_value(&field, "must not be negative"));
        }
        Ok(DraftLine {
            description: self.description,
            quantity: self.quantity.map_or(Quantity::ONE, |Text(quantity)| quantity),
            unit_price_minor: unit_price.minor,
            tax_class: self.tax_class.map(|Word(class)| class).unwrap_or_default(),
        })
    }
}

fn shown(preview: DraftPreview) -> Shown {
    let DraftPreview { draft, lines, amounts } = preview;
    Shown {
        id: Text(draft.id),
        customer: Text(draft.customer),
        created_at: Text(draft.created_at),
        actor: draft.actor,
        lines: draft.lines.into_iter().zip(lines).map(|(written, made)| line(written.tax_class, made)).collect(),
        currency: Text(amounts.total.currency),
        net: amounts.net.into(),
        tax: amounts.tax.into(),
        rounding: amounts.rounding.into(),
        total: amounts.total.into(),
    }
}

fn line(tax_class: TaxClass, made: InvoiceLine) -> Line {
    Line {
        description: made.description,
        quantity: Text(made.quantity),
        unit_price: made.unit_price.into(),
        tax_class: Word(tax_class),
        net: made.net.into(),
        tax_category: Word(made.tax.category),
        tax_rate_percent: Text(made.tax.rate),
    }
}
