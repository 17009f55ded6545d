//! Mails: what they say, and how they are put together (RFC 5322, MIME).
//!
//! The same letter gives the same bytes: the parts are divided by what is made of the letter's own `Message-ID`.

mod message;
mod template;
mod words;

use std::fmt;

use perennial_billing::{DocumentKind, Money};
use serde::Serialize;

pub use self::message::{Attachment, Envelope, Mailbox, MessageError, check_address};
pub use self::template::{
    MAX_SUBJECT_CHARACTERS, MAX_TEMPLATE_BYTES, TEMPLATE_FUEL_STEPS, TemplateError, TemplateName, TemplatePart,
    Templates, usual_template,
};
use self::words::MailWords;
use crate::document::{Document, Party};
use crate::pdf::{Brand, svg_text};
use crate::words::{Words, fill};

/// Services that a notice lists; of more it tells the number.
pub const MAX_NOTICE_SERVICES: usize = 100;

/// What a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// It brings an invoice.
    Invoice,
    /// It brings a credit note.
    CreditNote,
    /// It asks for a deposit.
    Deposit,
    /// It reminds of an invoice.
    Reminder,
    /// It tells of prices that change.
    PriceNotice,
}

impl LetterKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Invoice, Self::CreditNote, Self::Deposit, Self::Reminder, Self::PriceNotice];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit-note",
            Self::Deposit => "deposit",
            Self::Reminder => "reminder",
            Self::PriceNotice => "price-notice",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for LetterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a mail is about.
#[derive(Debug, Clone)]
pub enum Letter {
    /// A document, of which so much is still to be paid.
    Document {
        /// The document.
        document: Box<Document>,
        /// What is still to be paid today.
        open: Money,
    },
    /// Prices that change.
    PriceNotice(Box<PriceNotice>),
}

/// Word of prices that change.
#[derive(Debug, Clone)]
pub struct PriceNotice {
    /// Who changes them.
    pub seller: Party,
    /// Who pays them.
    pub customer: Party,
    /// Its number.
    pub customer_number: String,
    /// Its language.
    pub language: String,
    /// The prices, at most [`MAX_NOTICE_SERVICES`].
    pub prices: Vec<NewPrice>,
    /// How many services are not among them.
    pub more: usize,
    /// Whether prices contain the tax.
    pub includes_tax: bool,
}

/// A price that changes.
#[derive(Debug, Clone)]
pub struct NewPrice {
    /// What of.
    pub service: String,
    /// The price so far.
    pub old: Money,
    /// The one that follows.
    pub new: Money,
    /// From which day on.
    pub from: jiff::civil::Date,
}

/// A mail as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its subject.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

/// What templates are filled in with.
#[derive(Serialize)]
struct Values<'a> {
    language: &'static str,
    subject: String,
    greeting: String,
    opening: String,
    closing: &'a str,
    accent: String,
    /// Where the picture is, or nothing.
    logo: &'static str,
    seller: Sender<'a>,
    customer: Reader<'a>,
    labels: Labels,
    document: Option<Shown>,
    ways: Vec<Way>,
    prices: Vec<Price>,
    more: String,
    tax_note: &'static str,
}

#[derive(Serialize)]
struct Sender<'a> {
    name: &'a str,
    address: Vec<String>,
    email: &'a str,
    phone: &'a str,
    website: &'a str,
    company_number: &'a str,
    vat_number: &'a str,
}

#[derive(Serialize)]
struct Reader<'a> {
    number: &'a str,
    name: &'a str,
    contact: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
struct Labels {
    number: &'static str,
    date: &'static str,
    due: &'static str,
    description: &'static str,
    amount: &'static str,
    net: &'static str,
    vat: &'static str,
    total: &'static str,
    paid: &'static str,
    to_pay: &'static str,
    payment: &'static str,
    service: &'static str,
    old: &'static str,
    new: &'static str,
    from: &'static str,
}

#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    title: &'static str,
    number: String,
    date: String,
    due: String,
    net: String,
    tax: String,
    total: String,
    /// What was paid already, or empty.
    paid: String,
    to_pay: String,
    is_open: bool,
    note: String,
    lines: Vec<Sold>,
}

#[derive(Serialize)]
struct Sold {
    description: String,
    /// The days it is about, or empty.
    period: String,
    quantity: String,
    amount: String,
}

#[derive(Serialize)]
struct Way {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Price {
    service: String,
    old: String,
    new: String,
    from: String,
}

impl Letter {
    /// What kind of mail it is.
    #[must_use]
    pub fn kind(&self) -> LetterKind {
        match self {
            Self::PriceNotice(_) => LetterKind::PriceNotice,
            Self::Document { document, .. } if document.reminded_on.is_some() => LetterKind::Reminder,
            Self::Document { document, .. } => match document.kind {
                DocumentKind::Invoice => LetterKind::Invoice,
                DocumentKind::CreditNote => LetterKind::CreditNote,
                DocumentKind::Deposit => LetterKind::Deposit,
            },
        }
    }

    /// Writes it, with these texts.
    ///
    /// # Errors
    /// [`TemplateError`] when a text of the seller's own cannot be filled in.
    pub fn write(&self, templates: &Templates, brand: &Brand) -> Result<Written, TemplateError> {
        let values = match self {
            Self::Document { document, open } => of_document(document, *open, brand),
            Self::PriceNotice(notice) => of_notice(notice, brand),
        };
        let kind = self.kind();
        let fill = |part| templates.fill(kind, part, values.language, &values);
        Ok(Written {
            subject: fill(TemplatePart::Subject)?,
            text: fill(TemplatePart::Text)?,
            html: fill(TemplatePart::Html)?,
        })
    }
}

/// The picture that a letter shows: mail programs show no drawings.
#[must_use]
pub fn shown_logo(brand: &Brand) -> Option<&[u8]> {
    brand.logo.as_deref().filter(|logo| svg_text(logo).is_none())
}

/// Where the picture of a letter is found in it (RFC 2392).
pub(crate) const LOGO_ID: &str = "logo@perennial";
const LOGO_URL: &str = "cid:logo@perennial";

fn of_document<'a>(document: &'a Document, open: Money, brand: &Brand) -> Values<'a> {
    let words = Words::of(&document.language);
    let says = MailWords::of(words);
    let (number, seller) = (document.number.as_str(), document.seller.name.as_str());
    let total = words.money(document.total);
    let due = words.day(document.due_on);
    let is_reminder = document.reminded_on.is_some();
    let is_open = open.minor > 0 && document.kind != DocumentKind::CreditNote;
    let opening = match document.kind {
        _ if is_reminder => fill(says.reminder, &[number, &due, &words.money(open)]),
        DocumentKind::CreditNote => fill(says.credit_note, &[number, &total]),
        DocumentKind::Deposit if is_open => fill(says.deposit, &[number, &total, &due]),
        DocumentKind::Invoice if is_open => fill(says.invoice, &[number, &total, &due]),
        DocumentKind::Invoice | DocumentKind::Deposit => fill(says.settled, &[number, &total]),
    };
    let title = words.title(document.kind);
    let subject = match is_reminder {
        true => fill(says.reminder_subject, &[number, seller]),
        false => fill(says.subject, &[title, number, seller]),
    };
    let paid = Money::new(document.total.minor.saturating_sub(open.minor), document.currency);
    let ways = if is_open { document.ways_to_pay(open, words) } else { Vec::new() };
    let lines = document.lines.iter().map(|line| Sold {
        description: line.description.clone(),
        period: line
            .period
            .map(|period| format!("{} \u{2013} {}", words.day(period.starts), words.day(period.last_day())))
            .unwrap_or_default(),
        quantity: words.number(&line.quantity.to_string()),
        amount: words.money(line.gross.unwrap_or(line.net)),
    });
    let shown = Shown {
        kind: document.kind.as_str(),
        title,
        number: number.to_owned(),
        date: words.day(document.issued_on),
        due,
        net: words.money(document.net),
        tax: words.money(document.tax),
        total,
        paid: if is_open && paid.minor > 0 { words.money(paid) } else { String::new() },
        to_pay: words.money(open),
        is_open,
        note: document.note.clone(),
        lines: lines.collect(),
    };
    Values {
        document: Some(shown),
        ways: ways.into_iter().map(|(name, value)| Way { name, value }).collect(),
        ..common(&document.seller, &document.buyer, &document.buyer_reference, words, brand, subject, opening)
    }
}

fn of_notice<'a>(notice: &'a PriceNotice, brand: &Brand) -> Values<'a> {
    let words = Words::of(&notice.language);
    let says = MailWords::of(words);
    let prices = notice.prices.iter().map(|price| Price {
        service: price.service.clone(),
        old: words.money(price.old),
        new: words.money(price.new),
        from: words.day(price.from),
    });
    let subject = fill(says.notice_subject, &[&notice.seller.name]);
    let opening = says.notice.to_owned();
    Values {
        prices: prices.collect(),
        more: if notice.more > 0 { fill(says.notice_more, &[&notice.more.to_string()]) } else { String::new() },
        tax_note: if notice.includes_tax { says.with_tax } else { says.without_tax },
        closing: says.notice_closing,
        ..common(&notice.seller, &notice.customer, &notice.customer_number, words, brand, subject, opening)
    }
}

fn common<'a>(
    seller: &'a Party,
    customer: &'a Party,
    customer_number: &'a str,
    words: &'static Words,
    brand: &Brand,
    subject: String,
    opening: String,
) -> Values<'a> {
    let says = MailWords::of(words);
    let name = if customer.contact.is_empty() { &customer.name } else { &customer.contact };
    let (red, green, blue) = brand.accent;
    let town = format!("{} {}", seller.postcode, seller.city);
    let address = [&seller.address1, &seller.address2, &town].map(|line| line.trim().to_owned());
    Values {
        language: words.language,
        subject,
        greeting: fill(says.greeting, &[name]),
        opening,
        closing: says.closing,
        accent: format!("#{red:02x}{green:02x}{blue:02x}"),
        logo: if shown_logo(brand).is_some() { LOGO_URL } else { "" },
        seller: Sender {
            name: &seller.name,
            address: address.into_iter().filter(|line| !line.is_empty()).collect(),
            email: &seller.email,
            phone: &seller.phone,
            website: &seller.website,
            company_number: &seller.company_number,
            vat_number: &seller.vat_number,
        },
        customer: Reader {
            number: customer_number,
            name: &customer.name,
            contact: &customer.contact,
            email: &customer.email,
        },
        labels: Labels {
            number: words.number,
            date: words.date,
            due: words.due,
            description: words.description,
            amount: words.amount,
            net: words.net,
            vat: words.vat,
            total: words.total,
            paid: words.paid,
            to_pay: words.to_pay,
            payment: words.payment,
            service: says.notice_service,
            old: says.notice_old,
            new: says.notice_new,
            from: says.notice_from,
        },
        document: None,
        ways: Vec::new(),
        prices: Vec::new(),
        more: String::new(),
        tax_note: "",
    }
}
