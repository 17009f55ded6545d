//! Documents as others get them: PDF and e-invoice.

use std::sync::Arc;

use perennial_billing::{
    Country, CustomerKind, DocumentKind, InvoiceId, PaymentReference, ReferenceScheme, TaxCategory, TaxClass, Taxation,
    TaxedCustomer, entered_account,
};
use perennial_render::document::{Document, HomeTax, Line, Party, Payment, Preceding, Tax};
use perennial_render::einvoice::{self, Syntax, XmlError, XmlProblem};
use perennial_render::pdf::{Paper, Press};
use perennial_render::sample::{Issuer, sample};
use perennial_render::words;
use perennial_store::Conn;
use perennial_store::brands;
use perennial_store::customers::{self, CustomerParty};
use perennial_store::invoices::{self, Invoice};
use perennial_store::sellers::{self, SellerParty};
use tokio::sync::Semaphore;

use crate::brand::read_brand;
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
        let mut conn = self.store.read().await?;
        let invoice = invoice::visible(&mut conn, caller, id).await?;
        let document = document(&mut conn, caller, &invoice).await?;
        let stored = brands::get(&mut conn, caller.seller, invoice.seller.brand).await?;
        drop(conn);
        let name = file_name(&invoice.number, "pdf");
        let made = press(move |press| {
            let brand = stored.map(|stored| read_brand(&stored)).unwrap_or_default();
            let inside = match einvoice::problems(&document).is_empty() {
                true => einvoice::xml(&document, Syntax::Cii).ok(),
                false => None,
            };
            press.pdf(&document, &brand, inside.as_deref())
        });
        let paper = made.await.map_err(|error| AppError::Conflict(format!("Invoice {id} has no PDF: {error}")))?;
        if !paper.missing.is_empty() {
            let letters: String = paper.missing.iter().collect();
            tracing::warn!(
                "no font has the letters {letters} of invoice {id}: install one, such as Debian's fonts-noto-core"
            );
        }
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
            let stored = brands::get(&mut conn, caller.seller, invoice.seller.brand).await?;
            let brand = stored.map(|stored| read_brand(&stored)).unwrap_or_default();
            documents.push((document(&mut conn, caller, &invoice).await?, brand));
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
        let document = document(&mut conn, caller, &invoice).await?;
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
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        drop(conn);
        let brand = self.brand(caller).await?;
        let day = self.clock.today(&seller.time_zone);
        let country: Country = seller
            .party
            .country
            .parse()
            .map_err(|error| AppError::Conflict(format!("The seller's country {error}")))?;
        let rules = seller.tax_rules().map_err(|error| AppError::Conflict(format!("The seller's country {error}")))?;
        let at_home = TaxedCustomer::at(country, &seller.party.postcode, CustomerKind::Private);
        let taxation = Taxation { rules: Arc::new(rules), customer: at_home };
        let issuer = Issuer {
            seller: seller_party(&seller.party),
            payment: payment(&seller.party, seller.currency.code(), &seller.party.country, SAMPLE_INVOICE),
            currency: seller.currency,
            tax: taxation.on(TaxClass::Standard, day),
            contained: taxation.contained(taxation.on(TaxClass::Standard, day), day),
            rules: seller.amounts,
            day,
        };
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

    /// What of a document others read.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown document or another customer's.
    pub async fn document(&self, caller: &Caller, id: InvoiceId) -> Result<Document> {
        let mut conn = self.store.read().await?;
        let invoice = invoice::visible(&mut conn, caller, id).await?;
        document(&mut conn, caller, &invoice).await
    }
}

thread_local! {
    /// One for each thread: to read the fonts takes longer than to set a document.
    static PRESS: std::cell::RefCell<Press> = std::cell::RefCell::new(Press::new());
}

/// Documents that are set at the same time at most: each takes a core, and a press some memory.
pub const MAX_PRESSES: usize = 4;
static PRESSES: Semaphore = Semaphore::const_new(MAX_PRESSES);

/// Does something with a press, apart from where requests are answered.
async fn press<T: Send + 'static>(work: impl FnOnce(&mut Press) -> T + Send + 'static) -> T {
    // It is never closed.
    let _turn = PRESSES.acquire().await;
    match tokio::task::spawn_blocking(move || PRESS.with_borrow_mut(work)).await {
        Ok(done) => done,
        Err(lost) => std::panic::resume_unwind(lost.into_panic()),
    }
}

fn warn_of(paper: &Paper) {
    if !paper.missing.is_empty() {
        let letters: String = paper.missing.iter().collect();
        tracing::warn!("no font has the letters {letters}: install one, such as Debian's fonts-noto-core");
    }
}

/// A number as the name of a file: what file systems and mails may take amiss becomes a hyphen.
fn file_name(number: &str, ending: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    format!("{}.{ending}", number.chars().map(plain).collect::<String>())
}

async fn document(conn: &mut Conn, caller: &Caller, invoice: &Invoice) -> Result<Document> {
    let lines = invoices::lines(conn, caller.seller, invoice).await?;
    let taxes = invoices::taxes(conn, caller.seller, invoice).await?;
    let corrects = match invoice.corrects {
        Some(id) => invoices::get(conn, caller.seller, id).await?,
        None => None,
    };
    let language = match invoice.language.as_str() {
        "" => customers::get(conn, caller.seller, invoice.customer).await?.map(|customer| customer.language),
        language => Some(language.to_owned()),
    };
    let lines = lines.into_iter().map(|line| Line {
        description: line.description,
        quantity: line.quantity,
        unit_price: line.unit_price,
        net: line.net,
        gross: line.gross,
        allowance: line.allowance.map(|allowance| (allowance.amount, allowance.reason)),
        tax: line.tax,
        period: line.period,
    });
    let taxes = taxes.into_iter().map(|group| Tax {
        profile: group.profile,
        base: group.base,
        tax: group.tax,
        own_reason: match group.profile.category {
            TaxCategory::E => invoice.buyer.exemption_reason.clone(),
            _ => String::new(),
        },
    });
    Ok(Document {
        kind: invoice.kind,
        number: invoice.number.clone(),
        issued_on: invoice.issued_on,
        due_on: invoice.due_on,
        currency: invoice.total.currency,
        language: language.unwrap_or_default(),
        note: invoice.reason.clone().unwrap_or_default(),
        corrects: corrects.map(|corrected| Preceding { number: corrected.number, issued_on: corrected.issued_on }),
        seller: seller_party(&invoice.seller),
        buyer: buyer_party(&invoice.buyer),
        buyer_reference: invoice.customer.to_string(),
        payment: payment(&invoice.seller, invoice.total.currency.code(), &invoice.buyer.country, invoice.id),
        lines: lines.collect(),
        taxes: taxes.collect(),
        net: invoice.net,
        tax: invoice.tax,
        rounding: invoice.rounding,
        total: invoice.total,
        // It is what it was when it was issued; what was paid since is told by a statement of the account.
        paid: perennial_billing::Money::zero(invoice.total.currency),
        home_tax: invoice.home_tax.as_ref().map(|home| HomeTax {
            tax: home.tax,
            rate: home.rate.rate.to_string(),
            rate_on: home.rate.starts,
            source: home.rate.source.clone(),
        }),
    })
}

fn seller_party(party: &SellerParty) -> Party {
    Party {
        name: party.name.clone(),
        contact: String::new(),
        address1: party.address1.clone(),
        address2: party.address2.clone(),
        postcode: party.postcode.clone(),
        city: party.city.clone(),
        country: party.country.clone(),
        vat_number: party.vat_number.clone(),
        company_number: party.company_number.clone(),
        email: party.email.clone(),
        phone: party.phone.clone(),
        website: party.website.clone(),
    }
}

fn buyer_party(party: &CustomerParty) -> Party {
    let has_company = !party.company.is_empty();
    Party {
        name: party.display_name().to_owned(),
        contact: if has_company { party.name.clone() } else { String::new() },
        address1: party.address1.clone(),
        address2: party.address2.clone(),
        postcode: party.postcode.clone(),
        city: party.city.clone(),
        country: party.country.clone(),
        vat_number: party.vat_number.clone(),
        company_number: String::new(),
        email: party.email.clone(),
        phone: String::new(),
        website: String::new(),
    }
}

/// How an invoice is paid. An account that was entered before accounts were checked, and is none, is left out.
fn payment(seller: &SellerParty, currency: &str, payer: &str, id: InvoiceId) -> Payment {
    let chosen = ReferenceScheme::from_word(&seller.payment_reference);
    let scheme = chosen.unwrap_or_else(|| ReferenceScheme::of_country(&seller.country)).for_payer(currency, payer);
    // What only moves crowns is not offered for other money.
    let only = |wanted: &str, text: &str| if currency == wanted { text.to_owned() } else { String::new() };
    Payment {
        iban: entered_account(&seller.iban).unwrap_or_default(),
        bic: entered_account(&seller.bic).unwrap_or_default(),
        bankgiro: entered_account(&only("SEK", &seller.bankgiro)).unwrap_or_default(),
        plusgiro: entered_account(&only("SEK", &seller.plusgiro)).unwrap_or_default(),
        fik: entered_account(&only("DKK", &seller.fik_creditor)).unwrap_or_default(),
        swish: entered_account(&only("SEK", &seller.swish)).unwrap_or_default(),
        reference: Some(PaymentReference::of(scheme, id)),
    }
}
