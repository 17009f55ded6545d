//! What a payer's telephone reads: the texts of payment codes.

use perennial_billing::{Iban, Money, PaymentReference, ReferenceScheme};

use crate::document::{Document, Party, Payment};

/// A payment code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentCode {
    /// What kind it is.
    pub kind: CodeKind,
    /// What it says.
    pub text: String,
}

/// Kinds of payment codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// SEPA credit transfer (European Payments Council, EPC069-12, version 002).
    Epc,
    /// Swish (Getswish, QR code manual, 6.1).
    Swish,
    /// Swiss QR-bill (SIX, Implementation Guidelines 2.3).
    Swiss,
}

impl CodeKind {
    /// What it is called.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Epc => "EPC QR",
            Self::Swish => "Swish QR",
            Self::Swiss => "Swiss QR",
        }
    }
}

/// How many squares wide the white border of a code is (ISO/IEC 18004, 9.1).
const CODE_BORDER: usize = 4;
/// The longest name that an EPC code holds, in characters.
const EPC_NAME: usize = 70;
/// The longest message that Swish shows, in characters.
const SWISH_MESSAGE: usize = 50;
/// The longest line of an address on a QR-bill, in characters.
const SWISS_LINE: usize = 70;
/// The longest postal code on it, and the longest town.
const SWISS_POSTCODE: usize = 16;
const SWISS_TOWN: usize = 35;

/// The code by which a document is paid, if there is one for its currency and accounts: Swish for crowns, the QR-bill for
/// accounts in Switzerland and Liechtenstein, EPC for euros.
#[must_use]
pub fn payment_code(document: &Document) -> Option<PaymentCode> {
    let to_pay = document.to_pay();
    if to_pay.minor <= 0 || document.kind == perennial_billing::DocumentKind::CreditNote {
        return None;
    }
    let Payment { iban, swish, .. } = &document.payment;
    let is_swiss = iban.as_ref().is_some_and(|iban| matches!(iban.country(), "CH" | "LI"));
    match document.currency.code() {
        "SEK" if swish.is_some() => swish_code(document, to_pay),
        "CHF" | "EUR" if is_swiss => swiss_code(document, to_pay),
        "EUR" => epc_code(document, to_pay),
        _ => None,
    }
}

fn short(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

fn epc_code(document: &Document, to_pay: Money) -> Option<PaymentCode> {
    let iban = document.payment.iban.as_ref()?;
    let bic = document.payment.bic.as_ref().map(|bic| bic.as_str()).unwrap_or_default();
    // The structured reference must be one of ISO 11649; others are written as text.
    let (structured, text) = match &document.payment.reference {
        Some(reference) if reference.scheme() == ReferenceScheme::Rf => (reference.as_str(), String::new()),
        Some(reference) => ("", reference.as_str().to_owned()),
        None => ("", document.number.clone()),
    };
    let name = short(&document.seller.name, EPC_NAME);
    let amount = format!("EUR{}", to_pay.amount());
    let lines = ["BCD", "002", "1", "SCT", bic, &name, iban.as_str(), &amount, "", structured, &text];
    Some(PaymentCode { kind: CodeKind::Epc, text: lines.join("\n").trim_end().to_owned() })
}

fn swish_code(document: &Document, to_pay: Money) -> Option<PaymentCode> {
    let payee = document.payment.swish.as_ref()?;
    let reference = document.payment.reference.as_ref().map_or(document.number.as_str(), PaymentReference::as_str);
    // Crowns with two decimals after a comma; the message as in an address; nothing of it may be changed by the payer.
    let amount = to_pay.amount().replace('.', ",");
    let message: String = short(reference, SWISH_MESSAGE)
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    Some(PaymentCode { kind: CodeKind::Swish, text: format!("C{};{amount};{message};0", payee.as_str()) })
}

fn swiss_code(document: &Document, to_pay: Money) -> Option<PaymentCode> {
    let iban = document.payment.iban.as_ref().filter(|iban| !is_qr_iban(iban))?;
    let (kind, reference, message) = match &document.payment.reference {
        Some(reference) if reference.scheme() == ReferenceScheme::Rf => ("SCOR", reference.as_str(), ""),
        Some(reference) => ("NON", "", reference.as_str()),
        None => ("NON", "", document.number.as_str()),
    };
    let mut lines: Vec<String> = ["SPC", "0200", "1", iban.as_str()].map(str::to_owned).into();
    lines.extend(swiss_address(&document.seller)?);
    // Whom it finally goes to is not in use yet.
    lines.extend(std::iter::repeat_n(String::new(), 7));
    lines.extend([to_pay.amount(), document.currency.code().to_owned()]);
    lines.extend(swiss_address(&document.buyer)?);
    lines.extend([kind, reference, message, "EPD"].map(str::to_owned));
    Some(PaymentCode { kind: CodeKind::Swiss, text: lines.join("\n") })
}

/// Whether an account only takes payments with the reference of Swiss banks (QRR): its bank is one of 30000 to 31999.
fn is_qr_iban(iban: &Iban) -> bool {
    iban.as_str()
        .get(4..9)
        .and_then(|bank| bank.parse().ok())
        .is_some_and(|bank: u32| (30_000..=31_999).contains(&bank))
}

/// A structured address: its kind, name, street, number, postal code, town, country. There is none without a town.
fn swiss_address(party: &Party) -> Option<[String; 7]> {
    let Party { name, address1, postcode, city, country, .. } = party;
    if name.is_empty() || postcode.is_empty() || city.is_empty() {
        return None;
    }
    Some([
        "S".to_owned(),
        short(name, SWISS_LINE),
        short(address1, SWISS_LINE),
        String::new(),
        short(postcode, SWISS_POSTCODE),
        short(city, SWISS_TOWN),
        country.clone(),
    ])
}

/// A text as a QR code (ISO/IEC 18004, level M), with the white border that it needs.
pub(crate) fn squares(text: &str) -> Option<Vec<Vec<bool>>> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let side = width + 2 * CODE_BORDER;
    let is_dark = |row: usize, column: usize| {
        let inner = |place: usize| place.checked_sub(CODE_BORDER).filter(|place| *place < width);
        let place = inner(row).zip(inner(column)).map(|(row, column)| row * width + column);
        place.and_then(|place| colors.get(place)) == Some(&qrcode::Color::Dark)
    };
    Some((0..side).map(|row| (0..side).map(|column| is_dark(row, column)).collect()).collect())
}
