//! E-invoices: a [`Document`] in the two syntaxes of EN 16931.

mod check;
mod cii;
mod ubl;
mod xml;

use perennial_billing::{Currency, DocumentKind, Money, Quantity, Rate, Rounding, TaxCategory};

pub use check::{Given, Mend, Named, XmlProblem, problems, problems_of};

use crate::document::{Document, Line, Party, Payment};

/// A syntax of EN 16931 (CEN/TS 16931-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// OASIS UBL 2.1 in the customization of Peppol BIS Billing 3. Peppol's own rules, national ones among them, are not all
    /// checked.
    Ubl,
    /// UN/CEFACT Cross Industry Invoice D16B, as it is attached to a Factur-X PDF.
    Cii,
}

/// Why a document cannot be written as an e-invoice.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// It is a kind of document that EN 16931 does not know.
    #[error("a deposit is no invoice")]
    NoInvoice,
    /// Sums do not fit into what amounts are counted with.
    #[error("an amount is out of range")]
    Amount,
    /// The text could not be written.
    #[error("cannot write XML: {0}")]
    Write(#[from] std::io::Error),
}

/// Writes a document. The same document gives the same text. What is wrong with its data is told by [`problems`].
///
/// # Errors
/// [`XmlError`].
pub fn xml(document: &Document, syntax: Syntax) -> Result<String, XmlError> {
    let facts = Facts::of(document)?;
    Ok(match syntax {
        Syntax::Ubl => ubl::write(&facts)?,
        Syntax::Cii => cii::write(&facts)?,
    })
}

/// A document, and what both syntaxes want to know of it.
struct Facts<'a> {
    document: &'a Document,
    groups: Vec<Group>,
    /// The price of each line.
    prices: Vec<Price>,
    /// The sum of the lines (BT-106).
    lines: Money,
    /// With tax, not rounded (BT-112).
    with_tax: Money,
    /// What is still to be paid (BT-115).
    payable: Money,
    /// Whether VAT numbers may be shown: not where something is outside the scope of VAT (BR-O-02 to BR-O-04).
    shows_vat: bool,
}

impl<'a> Facts<'a> {
    fn of(document: &'a Document) -> Result<Self, XmlError> {
        if document.kind == DocumentKind::Deposit {
            return Err(XmlError::NoInvoice);
        }
        let out_of_range = |_| XmlError::Amount;
        let nets = document.lines.iter().map(|line| line.net);
        Ok(Self {
            document,
            groups: groups(document)?,
            prices: document.lines.iter().map(Price::of).collect::<Result<_, _>>()?,
            lines: Money::sum(document.currency, nets).map_err(out_of_range)?,
            with_tax: document.net.plus(document.tax).map_err(out_of_range)?,
            payable: document.to_pay(),
            shows_vat: document.taxes.iter().all(|tax| tax.profile.category != TaxCategory::O),
        })
    }

    fn is_invoice(&self) -> bool {
        self.document.kind == DocumentKind::Invoice
    }

    /// Whether goods went to another member state.
    fn is_delivered_abroad(&self) -> bool {
        self.groups.iter().any(|group| group.category == TaxCategory::K)
    }

    /// Each line with its place, from 1, and its price.
    fn lines(&self) -> impl Iterator<Item = (usize, &'a Line, &Price)> {
        let lines = (1..).zip(&self.document.lines).zip(&self.prices);
        lines.map(|((place, line), price)| (place, line, price))
    }

    /// The accounts to pay to, and the code of the way (UNTDID 4461), which all of them have in common (UBL-SR-47): 93 is a
    /// Danish FIK payment, 58 a SEPA credit transfer, 30 another one, which Danish sellers may not use (Peppol DK-R-005).
    fn accounts(&self) -> (&'static str, Vec<Account<'a>>) {
        let Payment { iban, bankgiro, plusgiro, fik, reference, .. } = &self.document.payment;
        if !self.is_invoice() {
            return ("30", Vec::new());
        }
        let card = reference.as_ref().and_then(|reference| Some((reference.scheme().card_type()?, reference.as_str())));
        if let (Some(creditor), Some((card, reference))) = (fik, card) {
            return ("93", vec![Account::Fik { creditor: creditor.as_str(), payment: format!("{card}#{reference}") }]);
        }
        let only_iban = bankgiro.is_none() && plusgiro.is_none();
        let is_sepa = only_iban && (self.document.currency.code() == "EUR" || self.document.seller.country == "DK");
        let iban = iban.as_ref().map(|iban| Account::Iban(iban.as_str()));
        let bankgiro = bankgiro.as_ref().map(|giro| Account::Giro(giro.as_str(), "SE:BANKGIRO"));
        let plusgiro = plusgiro.as_ref().map(|giro| Account::Giro(giro.as_str(), "SE:PLUSGIRO"));
        let accounts = iban.into_iter().chain(bankgiro).chain(plusgiro).collect();
        (if is_sepa { "58" } else { "30" }, accounts)
    }
}

/// An account to pay to.
enum Account<'a> {
    Iban(&'a str),
    /// Its number, and the code by which Peppol knows the system.
    Giro(&'a str, &'static str),
    /// A Danish creditor, and the card type with the reference.
    Fik {
        creditor: &'a str,
        payment: String,
    },
}

/// The tax of a category and rate. Countries are no term of EN 16931: what two of them charge at one rate is one group.
struct Group {
    category: TaxCategory,
    rate: Rate,
    base: Money,
    tax: Money,
    reason: Option<String>,
    code: Option<&'static str>,
}

fn groups(document: &Document) -> Result<Vec<Group>, XmlError> {
    let mut groups: Vec<Group> = Vec::new();
    for tax in &document.taxes {
        let (category, rate) = (tax.profile.category, tax.profile.rate);
        match groups.iter_mut().find(|group| (group.category, group.rate) == (category, rate)) {
            Some(group) => {
                group.base = group.base.plus(tax.base).map_err(|_| XmlError::Amount)?;
                group.tax = group.tax.plus(tax.tax).map_err(|_| XmlError::Amount)?;
            }
            None => groups.push(Group {
                category,
                rate,
                base: tax.base,
                tax: tax.tax,
                reason: tax.reason(&document.language),
                code: tax.reason_code(),
            }),
        }
    }
    Ok(groups)
}

/// The price of a line as EN 16931 wants it: not negative (BR-27), and quantity times price is exactly what the line comes to.
struct Price {
    /// How many were sold (BT-129); negative where something is given back.
    quantity: String,
    /// The price (BT-146).
    amount: Money,
    /// For how many that price is (BT-149), if not for one.
    base: Option<String>,
}

impl Price {
    fn of(line: &Line) -> Result<Self, XmlError> {
        let off = allowance(line).map_or(Money::zero(line.net.currency), |(amount, _)| amount);
        let whole = line.net.plus(off).map_err(|_| XmlError::Amount)?;
        let is_negative = whole.minor < 0;
        let magnitude = line.quantity.to_string();
        let magnitude = magnitude.trim_start_matches('-');
        let quantity = if is_negative { format!("-{magnitude}") } else { magnitude.to_owned() };
        let whole = Money::new(whole.minor.abs(), whole.currency);
        if line.quantity == Quantity::ONE || magnitude == "1" {
            return Ok(Self { quantity, amount: whole, base: None });
        }
        // Where the price of one is what the line was computed from without rounding, it is told; else that of all of them.
        let one = Money::new(line.unit_price.minor.abs(), whole.currency);
        let is_exact = line.gross.is_none() && is_product(one, magnitude, whole);
        Ok(match is_exact {
            true => Self { quantity, amount: one, base: None },
            false => Self { quantity, amount: whole, base: Some(magnitude.to_owned()) },
        })
    }
}

/// Whether a whole number of things at this price costs exactly this.
fn is_product(one: Money, quantity: &str, whole: Money) -> bool {
    quantity.parse::<i64>().ok().and_then(|quantity| one.minor.checked_mul(quantity)) == Some(whole.minor)
}

/// What is taken off a line, without tax (BT-136), and why: where prices contain the tax, it is taken out of the allowance as it
/// is of the line.
fn allowance(line: &Line) -> Option<(Money, &str)> {
    let (off, reason) = line.allowance.as_ref()?;
    let off = match line.gross.filter(|gross| gross.minor != 0) {
        None => *off,
        Some(gross) => {
            let part = i128::from(off.minor) * i128::from(line.net.minor);
            let net = Rounding::HalfUp.divide(part, gross.minor.into());
            Money::new(i64::try_from(net).unwrap_or(off.minor), off.currency)
        }
    };
    Some((off, reason))
}

/// The standard rates have a percentage; what is outside the scope of VAT has none (BR-O-05).
fn percent(category: TaxCategory, rate: Rate) -> Option<String> {
    (category != TaxCategory::O).then(|| rate.percent())
}

/// Where a party is reached electronically (BT-34, BT-49): the scheme of the Electronic Address Scheme list, and the address.
fn endpoint(party: &Party) -> Option<(&'static str, String)> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (company, vat) = (digits(&party.company_number), digits(&party.vat_number));
    // Where a VAT number is made of the registration number, the one tells the other.
    let register = |length: usize| {
        let of_vat =
            (vat.len() >= length && party.vat_number.starts_with(&party.country)).then(|| vat[..length].to_owned());
        (company.len() == length).then(|| company.clone()).or(of_vat)
    };
    let by_register = match party.country.as_str() {
        "SE" => register(10).map(|number| ("0007", number)),
        "NO" => register(9).map(|number| ("0192", number)),
        "DK" => register(8).map(|number| ("0184", number)),
        // The OVT code: Finland's own prefix and the business id. The scheme of VAT numbers, 0213, is none of Peppol's.
        "FI" => register(8).map(|number| ("0216", format!("0037{number}"))),
        _ => None,
    };
    let by_vat = || {
        let number = (!party.vat_number.is_empty()).then(|| party.vat_number.clone())?;
        EAS_OF_VAT.iter().find(|(prefix, _)| number.starts_with(prefix)).map(|(_, scheme)| (*scheme, number))
    };
    let by_mail = || (!party.email.is_empty()).then(|| (MAIL_SCHEME, party.email.clone()));
    by_register.or_else(by_vat).or_else(by_mail)
}

/// The scheme of mail addresses.
const MAIL_SCHEME: &str = "EM";

/// Schemes of the Electronic Address Scheme list whose addresses are VAT numbers.
const EAS_OF_VAT: [(&str, &str); 26] = [
    ("AT", "9914"),
    ("BE", "9925"),
    ("BG", "9926"),
    ("CHE", "9927"),
    ("CY", "9928"),
    ("CZ", "9929"),
    ("DE", "9930"),
    ("EE", "9931"),
    ("GB", "9932"),
    ("EL", "9933"),
    ("HR", "9934"),
    ("IE", "9935"),
    ("LT", "9937"),
    ("LU", "9938"),
    ("LV", "9939"),
    ("MT", "9943"),
    ("NL", "9944"),
    ("PL", "9945"),
    ("PT", "9946"),
    ("RO", "9947"),
    ("SI", "9949"),
    ("SK", "9950"),
    ("ES", "9920"),
    ("FR", "9957"),
    ("HU", "9910"),
    ("IT", "0211"),
];

/// An amount as XML has it: a point, the digits of the currency, no currency.
fn amount(money: Money) -> String {
    money.amount()
}

/// The digits after the point that EN 16931 allows at most (BR-DEC).
const MAX_DIGITS: u32 = 2;

fn fits(currency: Currency) -> bool {
    currency.exponent() <= MAX_DIGITS
}
