//! Whether an invoice may be issued whose e-invoice the official rules would refuse.

use perennial_billing::{Currency, CustomerKind, DocumentKind, Plan, Refusal, TaxCategory};
use perennial_render::einvoice::{Given, Mend, Named, problems_of};
use perennial_store::customers::Customer;
use perennial_store::sellers::{EInvoicePolicy, Seller};

use crate::{AppError, Result};

/// What of an invoice decides that.
pub(crate) struct Planned<'a> {
    pub categories: Vec<TaxCategory>,
    /// Its currency, and the seller's where its tax is told in that too.
    pub currencies: (Currency, Option<Currency>),
    pub texts: Vec<&'a str>,
}

impl<'a> Planned<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        Self {
            categories: plan.tax_groups.iter().map(|group| group.profile.category).collect(),
            currencies: (plan.total.currency, plan.home_tax.as_ref().map(|home| home.tax.currency)),
            texts: plan.lines.iter().map(|line| line.description.as_str()).collect(),
        }
    }
}

/// Why an invoice for a company must not be issued, if the seller wants its e-invoice to be right. If it is only to be warned,
/// the log says the same.
pub(crate) fn blocked(seller: &Seller, customer: &Customer, planned: &Planned<'_>) -> Option<String> {
    // Consumers get no e-invoices.
    if seller.e_invoices == EInvoicePolicy::Off || customer.party.kind != CustomerKind::Company {
        return None;
    }
    let (issuer, buyer) = (&seller.party, &customer.party);
    let found = problems_of(Given {
        kind: DocumentKind::Invoice,
        currencies: planned.currencies,
        seller: Named {
            name: &issuer.name,
            country: &issuer.country,
            vat_number: &issuer.vat_number,
            company_number: &issuer.company_number,
        },
        buyer: Named {
            name: buyer.display_name(),
            country: &buyer.country,
            vat_number: &buyer.vat_number,
            company_number: "",
        },
        categories: &planned.categories,
        is_line_nameless: planned.texts.iter().any(|text| text.trim().is_empty()),
    });
    if found.is_empty() {
        return None;
    }
    let told: Vec<String> = found
        .iter()
        .map(|problem| {
            let mend = match problem.mend {
                Mend::Customer(option) => format!("`perennial customer set {} {option}`", customer.id),
                mend => mend.to_string(),
            };
            format!("{} ({}): {}; mend {mend}", problem.rule, problem.term, problem.problem)
        })
        .collect();
    let told = told.join("; ");
    if seller.e_invoices == EInvoicePolicy::Block {
        return Some(told);
    }
    tracing::warn!(customer = customer.id.0, "an e-invoice for customer {} would be refused: {told}", customer.id);
    None
}

/// Whether an invoice may be issued.
///
/// # Errors
/// [`AppError::Conflict`], as [`blocked`] says.
pub(crate) fn may_be_issued(seller: &Seller, customer: &Customer, planned: &Planned<'_>) -> Result<()> {
    match blocked(seller, customer, planned) {
        Some(why) => Err(AppError::Conflict(Refusal::EInvoice(why).to_string())),
        None => Ok(()),
    }
}
