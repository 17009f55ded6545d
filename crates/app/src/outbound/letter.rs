//! Making a mail: what it says, whom it goes to, what goes with it.

use lettre::Address;
use perennial_billing::{CustomerKind, DocumentKind, Money, SellerId, ServiceId};
use perennial_render::document::Document;
use perennial_render::einvoice::{self, Syntax};
use perennial_render::mail::{
    Attachment, Envelope, Letter, MAX_NOTICE_SERVICES, Mailbox, NewPrice, PriceNotice, Templates, Written, shown_logo,
};
use perennial_render::pdf::Brand;
use perennial_store::campaigns;
use perennial_store::customers::{self, Customer};
use perennial_store::invoices::{self, InvoiceStatus};
use perennial_store::outbox::{Mail, MailKind};
use perennial_store::sellers::{self, MailXml, Seller};
use perennial_store::{Conn, StoreError, contacts, mail_templates, products, services};

use super::Mailer;
use crate::brand::brand_of;
use crate::document::{buyer_party, document, seller_party};
use crate::paper::{file_name, set};
use crate::{App, AppError, Result};

/// A mail that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeMail {
    /// Who it comes back to if it cannot be delivered.
    pub from: String,
    /// Whom it is for.
    pub to: String,
    /// Who gets a copy.
    pub copies: Vec<String>,
    /// What it says.
    pub written: Written,
    /// As it goes over the wire.
    pub bytes: Vec<u8>,
}

/// Why there is no mail.
#[derive(Debug)]
pub(crate) enum NoMail {
    /// What it tells of is no more.
    CalledOff(&'static str),
    /// Somebody has to do something first.
    Impossible(String),
    /// The database is away.
    Failed(AppError),
}

impl From<AppError> for NoMail {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Store(StoreError::Unavailable(_) | StoreError::Retry(_)) | AppError::Unavailable => {
                Self::Failed(error)
            }
            // A row that cannot be read is not read better the next time.
            error => Self::Impossible(error.to_string()),
        }
    }
}

impl From<StoreError> for NoMail {
    fn from(error: StoreError) -> Self {
        AppError::from(error).into()
    }
}

impl MadeMail {
    /// Everybody it goes to, and whether they get a copy, each once.
    pub(super) fn recipients(&self) -> Vec<(&str, bool)> {
        let mut all = vec![(self.to.as_str(), false)];
        for copy in &self.copies {
            if !all.iter().any(|(known, _)| known.eq_ignore_ascii_case(copy)) {
                all.push((copy, true));
            }
        }
        all
    }
}

/// An address that a server can be told.
pub(super) fn address(email: &str) -> std::result::Result<Address, String> {
    email.parse().map_err(|_| format!("{email:?} is no mail address"))
}

/// A letter, how it looks, and with what.
struct Draft {
    letter: Letter,
    brand: Brand,
    files: Vec<Attachment>,
}

impl App {
    /// Makes a mail as it is now: with the address that the customer has today.
    pub(crate) async fn make_mail(
        &self,
        mailer: Option<&Mailer>,
        mail: &Mail,
    ) -> std::result::Result<MadeMail, NoMail> {
        let mut conn = self.store.read().await?;
        let gone = |what: &str| NoMail::Impossible(format!("there is no {what} any more"));
        let seller = sellers::get(&mut conn, mail.seller).await?.ok_or_else(|| gone("seller"))?;
        let customer = customers::get(&mut conn, mail.seller, mail.customer).await?.ok_or_else(|| gone("customer"))?;
        if customer.party.email.is_empty() {
            return Err(NoMail::Impossible(format!("customer {} has no mail address", customer.id)));
        }
        if seller.party.email.is_empty() {
            return Err(NoMail::Impossible(
                "the seller has no mail address to send from: perennial seller set --email".to_owned(),
            ));
        }
        let copies = contacts::of_customer(&mut conn, mail.seller, mail.customer).await?;
        let own = mail_templates::all(&mut conn, mail.seller).await?;
        let drafted = match mail.kind {
            MailKind::PriceNotice => self.notice(&mut conn, mail, &seller, &customer).await?,
            MailKind::Invoice | MailKind::Reminder => self.papered(conn, mail, &seller, &customer).await?,
        };
        let Draft { letter, brand, files } = drafted;
        let written = letter.write(&Templates::with(own), &brand);
        let written = written.map_err(|error| NoMail::Impossible(error.to_string()))?;
        let name = customer.party.display_name().to_owned();
        let mut to = Mailbox { name, email: customer.party.email };
        let mut copies: Vec<String> = copies.into_iter().map(|contact| contact.email).collect();
        if let Some(redirect) = mailer.and_then(|mailer| mailer.redirect_to.as_ref()) {
            to = Mailbox { name: format!("instead of {}", to.email), email: redirect.clone() };
            copies.clear();
        }
        let envelope = Envelope {
            from: Mailbox { name: seller.party.name.clone(), email: seller.party.email.clone() },
            to,
            copies,
            message_id: mail.message_id.clone(),
            date: mail.created_at,
        };
        let sealed = envelope.seal(&written, shown_logo(&brand), files);
        let bytes = sealed.map_err(|error| NoMail::Impossible(error.to_string()))?;
        let bounces_to = mailer.and_then(|mailer| mailer.bounces_to.clone());
        Ok(MadeMail {
            from: bounces_to.unwrap_or(seller.party.email),
            to: envelope.to.email,
            copies: envelope.copies,
            written,
            bytes,
        })
    }

    /// A mail with a document.
    async fn papered(
        &self,
        mut conn: Conn,
        mail: &Mail,
        seller: &Seller,
        customer: &Customer,
    ) -> std::result::Result<Draft, NoMail> {
        let id = mail.invoice.ok_or_else(|| NoMail::Impossible("it names no document".to_owned()))?;
        let invoice = invoices::get(&mut conn, mail.seller, id).await?;
        let invoice = invoice.ok_or_else(|| NoMail::Impossible(format!("there is no document {id} any more")))?;
        if invoice.status == InvoiceStatus::Void {
            return Err(NoMail::CalledOff("the document is void"));
        }
        let is_reminder = mail.kind == MailKind::Reminder;
        if is_reminder && invoice.open.minor <= 0 {
            return Err(NoMail::CalledOff("nothing is to be paid any more"));
        }
        let mut document = document(&mut conn, mail.seller, &invoice).await?;
        let brand = brand_of(&mut conn, mail.seller, invoice.seller.brand).await?;
        drop(conn);
        if is_reminder {
            document.reminded_on = Some(seller.time_zone.to_datetime(mail.created_at).date());
            document.paid = Money::new(invoice.total.minor.saturating_sub(invoice.open.minor), invoice.total.currency);
        }
        let paper = set(document.clone(), brand.clone()).await;
        let paper = paper.map_err(|error| NoMail::Impossible(format!("document {id} has no PDF: {error}")))?;
        let pdf = Attachment { name: file_name(&invoice.number, "pdf"), kind: "application/pdf", bytes: paper.bytes };
        let xml = if is_reminder { None } else { xml(&document, seller.mail.xml, customer) };
        let xml = xml.map(|text| Attachment {
            name: file_name(&invoice.number, "xml"),
            kind: "application/xml",
            bytes: text.into_bytes(),
        });
        let letter = Letter::Document { document: Box::new(document), open: invoice.open };
        Ok(Draft { letter, brand, files: std::iter::once(pdf).chain(xml).collect() })
    }

    /// A mail that tells of prices.
    async fn notice(
        &self,
        conn: &mut Conn,
        mail: &Mail,
        seller: &Seller,
        customer: &Customer,
    ) -> std::result::Result<Draft, NoMail> {
        let campaign = mail.campaign.ok_or_else(|| NoMail::Impossible("it names no campaign".to_owned()))?;
        let (seller_id, customer_id) = (mail.seller, mail.customer);
        let told = i64::try_from(MAX_NOTICE_SERVICES).unwrap_or(i64::MAX);
        let planned = campaigns::services_of_customer(conn, seller_id, campaign, customer_id, told).await?;
        if planned.is_empty() {
            return Err(NoMail::CalledOff("no price changes any more"));
        }
        let all = campaigns::count_of_customer(conn, seller_id, campaign, customer_id).await?;
        let mut prices = Vec::new();
        for changed in &planned {
            prices.push(NewPrice {
                service: service_name(conn, mail.seller, changed.service).await?,
                old: changed.old,
                new: changed.new,
                from: changed.first_starts,
            });
        }
        let brand = brand_of(conn, mail.seller, seller.party.brand).await?;
        let letter = Letter::PriceNotice(Box::new(PriceNotice {
            seller: seller_party(&seller.party),
            customer: buyer_party(&customer.party),
            customer_number: customer.id.to_string(),
            language: customer.language.clone(),
            more: usize::try_from(all).unwrap_or(0).saturating_sub(prices.len()),
            prices,
            includes_tax: seller.amounts.includes_tax,
        }));
        Ok(Draft { letter, brand, files: Vec::new() })
    }
}

/// What a service is called: what is sold, and its label.
async fn service_name(conn: &mut Conn, seller: SellerId, id: ServiceId) -> Result<String> {
    let Some(service) = services::get(conn, seller, id).await? else { return Ok(id.to_string()) };
    let product =
        products::get(conn, seller, service.product).await?.map(|(product, _)| product.name).unwrap_or_default();
    Ok(format!("{product} {}", service.label).trim().to_owned())
}

/// The e-invoice that goes along as a file of its own: a company's, if the rules find nothing wrong with it.
fn xml(document: &Document, wanted: MailXml, customer: &Customer) -> Option<String> {
    let syntax = match wanted {
        MailXml::Off => return None,
        MailXml::Ubl => Syntax::Ubl,
        MailXml::Cii => Syntax::Cii,
    };
    let is_wanted = customer.party.kind == CustomerKind::Company && document.kind != DocumentKind::Deposit;
    if !is_wanted || !einvoice::problems(document).is_empty() {
        return None;
    }
    einvoice::xml(document, syntax).ok()
}
