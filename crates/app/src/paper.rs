//! Documents as others get them: PDF and e-invoice.

use std::sync::Arc;

use perennial_billing::{Country, CustomerKind, DocumentKind, InvoiceId, SellerId, TaxClass, Taxation, TaxedCustomer};
use perennial_render::document::Document;
use perennial_render::einvoice::{self, Syntax, XmlError, XmlProblem};
use perennial_render::pdf::{Brand, Paper, PdfError};
use perennial_render::sample::{Issuer, sample};
use perennial_render::words;
use perennial_store::invoices::Invoice;
use perennial_store::sellers;

use crate::brand::brand_of;
use crate::document::{document, payment, seller_party};
use crate::press::press;
use crate::{App, AppError, Caller, Problem, Result, invoice};

/// Documents that are put into one file at most.
pub const MAX_PAPERS_TOGETHER: usize = 50;

/// The id in the reference of a sample.
const SAMPLE_INVOICE: InvoiceId = InvoiceId(12_345);

/// A document as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperFile {
    /// What to call it: the number, with `.pdf`.
    pub name: String,
    /// The PDF.
    pub paper: Paper,
}

/// An e-invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlFile {
    /// What to call it: the number, with `.xml`.
    pub name: String,
    /// The XML.
    pub text: String,
    /// What the rules of EN 16931 would find wrong with it.
    pub problems: Vec<XmlProblem>,
}

impl App {
    /// A document as it is put on paper. The same document gives the same bytes: what it shows was frozen when it was issued.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown document or another customer's; [`AppError::Conflict`] when it cannot be put on
    /// paper, saying why.
    pub async fn paper(&self, caller: &Caller, id: InvoiceId) -> Result<PaperFile> {
        let invoice = invoice::visible(&mut self.store.read().await?, caller, id).await?;
        self.paper_of(caller.seller, &invoice).await
    }

    /// The same for whoever may see it.
    pub(crate) async fn paper_of(&self, seller: SellerId, invoice: &Invoice) -> Result<PaperFile> {
        let mut conn = self.store.read().await?;
        let document = document(&mut conn, seller, invoice).await?;
        let brand = brand_of(&mut conn, seller, invoice.seller.brand).await?;
        drop(conn);
        let name = file_name(&invoice.number, "pdf");
        let paper = set(document, brand).await;
        let paper = paper.map_err(|error| AppError::Conflict(format!("Invoice {} has no PDF: {error}", invoice.id)))?;
        Ok(PaperFile { name, paper })
    }

    /// Several documents in one file, in this order: at most [`MAX_PAPERS_TOGETHER`].
    ///
    /// # Errors
    /// As [`App::paper`]; [`AppError::Invalid`] for none or too many.
    pub async fn papers(&self, caller: &Caller, ids: &[InvoiceId]) -> Result<Vec<u8>> {
        if ids.is_empty() || ids.len() > MAX_PAPERS_TOGETHER {
            let reason = format!("must be from 1 to {MAX_PAPERS_TOGETHER}");
            return Err(AppError::Invalid(vec![Problem::new("invoiceIds", reason)]));
        }
        if let [alone] = ids {
            return Ok(self.paper(caller, *alone).await?.paper.bytes);
        }
        let mut documents = Vec::with_capacity(ids.len());
        let mut conn = self.store.read().await?;
        for id in ids {
            let invoice = invoice::visible(&mut conn, caller, *id).await?;
            let brand = brand_of(&mut conn, caller.seller, invoice.seller.brand).await?;
            documents.push((document(&mut conn, caller.seller, &invoice).await?, brand));
        }
        drop(conn);
        let made = press(move |press| {
            let documents: Vec<_> = documents.iter().map(|(document, brand)| (document, brand)).collect();
            press.bundle(&documents)
        });
        let paper = made.await.map_err(|error| AppError::Conflict(format!("There is no PDF: {error}")))?;
        warn_of(&paper);
        Ok(paper.bytes)
    }

    /// A document as an e-invoice. What is wrong with it is told beside it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown document or another customer's; [`AppError::Conflict`] for a deposit, which is no
    /// invoice.
    pub async fn e_invoice(&self, caller: &Caller, id: InvoiceId, syntax: Syntax) -> Result<XmlFile> {
        let mut conn = self.store.read().await?;
        let invoice = invoice::visible(&mut conn, caller, id).await?;
        let document = document(&mut conn, caller.seller, &invoice).await?;
        let text = einvoice::xml(&document, syntax).map_err(|error| match error {
            XmlError::NoInvoice => AppError::Conflict(format!("{} is a deposit, which is no invoice", invoice.number)),
            error => AppError::Conflict(format!("Invoice {id} has no e-invoice: {error}")),
        })?;
        Ok(XmlFile { name: file_name(&invoice.number, "xml"), text, problems: einvoice::problems(&document) })
    }

    /// Samples of what is issued now, an invoice and a credit note in every language, each with the name of its file.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such seller; [`AppError::Conflict`] when they cannot be put on paper.
    pub async fn sample_papers(&self, caller: &Caller) -> Result<Vec<PaperFile>> {
        let issuer = self.sample_issuer(caller).await?;
        let brand = self.brand(caller).await?;
        let made = press(move |press| {
            let mut files = Vec::new();
            for words in words::ALL {
                for (kind, name) in [(DocumentKind::Invoice, "invoice"), (DocumentKind::CreditNote, "credit-note")] {
                    let document = sample(&issuer, kind, words.language).map_err(|error| error.to_string())?;
                    let made = press.pdf(&document, &brand, None);
                    let name = format!("{name}-{}.pdf", words.language);
                    files.push(PaperFile { name, paper: made.map_err(|error| error.to_string())? });
                }
            }
            Ok::<_, String>(files)
        });
        made.await.map_err(|error| AppError::Conflict(format!("There are no samples: {error}")))
    }

    /// Who issues samples: the seller as it is today.
    pub(crate) async fn sample_issuer(&self, caller: &Caller) -> Result<Issuer> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        drop(conn);
        let day = self.clock.today(&seller.time_zone);
        let country: Country = seller
            .party
            .country
            .parse()
            .map_err(|error| AppError::Conflict(format!("The seller's country {error}")))?;
        let rules = seller.tax_rules().map_err(|error| AppError::Conflict(format!("The seller's country {error}")))?;
        let at_home = TaxedCustomer::at(country, &seller.party.postcode, CustomerKind::Private);
        let taxation = Taxation { rules: Arc::new(rules), customer: at_home };
        Ok(Issuer {
            seller: seller_party(&seller.party),
            payment: payment(&seller.party, seller.currency.code(), &seller.party.country, SAMPLE_INVOICE),
            currency: seller.currency,
            tax: taxation.on(TaxClass::Standard, day),
            contained: taxation.contained(taxation.on(TaxClass::Standard, day), day),
            rules: seller.amounts,
            day,
        })
    }

    /// What of a document others read.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown document or another customer's.
    pub async fn document(&self, caller: &Caller, id: InvoiceId) -> Result<Document> {
        let mut conn = self.store.read().await?;
        let invoice = invoice::visible(&mut conn, caller, id).await?;
        document(&mut conn, caller.seller, &invoice).await
    }
}

/// Puts a document on paper, with the e-invoice inside if the rules find nothing wrong with it. A reminder is none.
pub(crate) async fn set(document: Document, brand: Brand) -> std::result::Result<Paper, PdfError> {
    let paper = press(move |press| {
        let has_inside = document.reminded_on.is_none() && einvoice::problems(&document).is_empty();
        let inside = if has_inside { einvoice::xml(&document, Syntax::Cii).ok() } else { None };
        press.pdf(&document, &brand, inside.as_deref())
    });
    let paper = paper.await?;
    warn_of(&paper);
    Ok(paper)
}

fn warn_of(paper: &Paper) {
    if let Some(lacking) = paper.lacking() {
        tracing::warn!("{lacking}");
    }
}

/// A number as the name of a file: what file systems and mails may take amiss becomes a hyphen.
pub(crate) fn file_name(number: &str, ending: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    format!("{}.{ending}", number.chars().map(plain).collect::<String>())
}
