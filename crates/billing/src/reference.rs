//! What a payer writes with a payment, so that it is known which invoice it pays.

use std::fmt;

use crate::InvoiceId;
use crate::check_digits::{digits_of, luhn_sum, modulo_97};

/// How references are made, which depends on who moves the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReferenceScheme {
    /// ISO 11649, `RF18539007547034`: two check digits by ISO 7064 mod 97-10. For SEPA, and for Swiss QR-bills (SCOR).
    #[default]
    Rf,
    /// Swedish OCR for bankgiro and plusgiro, at level 3 or 4 of Bankgirot: a digit for the length, then one by the Luhn rule
    /// (mod 10).
    Ocr,
    /// Norwegian KID with a check digit by the Luhn rule (mod 10).
    Kid,
    /// Norwegian KID with a check digit by mod 11, which is `-` where it would be ten.
    KidMod11,
    /// Finnish viitenumero: a check digit by the weights 7, 3 and 1.
    Viitenumero,
    /// Danish FIK of card type 71: fifteen digits, the last by the Luhn rule.
    Fik71,
    /// Danish FIK of card type 75: sixteen digits, the last by the Luhn rule.
    Fik75,
    /// Danish giro card of type 04: sixteen digits, the last by the Luhn rule.
    Gik04,
    /// Danish giro card of type 15: sixteen digits, the last by the Luhn rule.
    Gik15,
}

/// A reference: canonical text without blanks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PaymentReference {
    scheme: ReferenceScheme,
    text: String,
}

/// Why a text is no reference of a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has other characters, or too many or too few.
    #[error("does not have the form of such a reference")]
    Form,
    /// A check digit is wrong.
    #[error("has a wrong check digit")]
    CheckDigit,
}

impl ReferenceScheme {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rf,
        Self::Ocr,
        Self::Kid,
        Self::KidMod11,
        Self::Viitenumero,
        Self::Fik71,
        Self::Fik75,
        Self::Gik04,
        Self::Gik15,
    ];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rf => "rf",
            Self::Ocr => "ocr",
            Self::Kid => "kid",
            Self::KidMod11 => "kid-mod11",
            Self::Viitenumero => "viitenumero",
            Self::Fik71 => "fik-71",
            Self::Fik75 => "fik-75",
            Self::Gik04 => "gik-04",
            Self::Gik15 => "gik-15",
        }
    }

    /// The scheme with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == word)
    }

    /// What payers in a country are used to.
    #[must_use]
    pub fn of_country(country: &str) -> Self {
        match country {
            "SE" => Self::Ocr,
            "NO" => Self::Kid,
            "FI" | "AX" => Self::Viitenumero,
            "DK" => Self::Fik71,
            _ => Self::Rf,
        }
    }

    /// The scheme for money of this currency from a payer in this country: a national one where its banks can use it, and
    /// ISO 11649 everywhere else.
    #[must_use]
    pub fn for_payer(self, currency: &str, country: &str) -> Self {
        let is_usable = match self {
            Self::Rf => true,
            Self::Ocr => currency == "SEK",
            Self::Kid | Self::KidMod11 => currency == "NOK",
            Self::Viitenumero => currency == "EUR" && matches!(country, "FI" | "AX"),
            Self::Fik71 | Self::Fik75 | Self::Gik04 | Self::Gik15 => currency == "DKK",
        };
        if is_usable { self } else { Self::Rf }
    }

    /// The Danish card type, if the scheme has one.
    #[must_use]
    pub fn card_type(self) -> Option<&'static str> {
        match self {
            Self::Fik71 => Some("71"),
            Self::Fik75 => Some("75"),
            Self::Gik04 => Some("04"),
            Self::Gik15 => Some("15"),
            _ => None,
        }
    }

    /// The length that every reference has, where there is one.
    fn length(self) -> Option<usize> {
        match self {
            Self::Fik71 => Some(15),
            Self::Fik75 | Self::Gik04 | Self::Gik15 => Some(16),
            _ => None,
        }
    }

    /// How many characters there may be.
    fn lengths(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Rf => 5..=25,
            Self::Ocr | Self::Kid | Self::KidMod11 => 2..=25,
            Self::Viitenumero => 4..=20,
            Self::Fik71 | Self::Fik75 | Self::Gik04 | Self::Gik15 => {
                let length = self.length().unwrap_or_default();
                length..=length
            }
        }
    }
}

impl PaymentReference {
    /// The reference of an invoice.
    #[must_use]
    pub fn of(scheme: ReferenceScheme, invoice: InvoiceId) -> Self {
        let digits = invoice.0.to_string();
        let text = match scheme {
            ReferenceScheme::Rf => format!("RF{:02}{digits}", rf_check(&digits)),
            ReferenceScheme::Ocr => {
                let with_length = format!("{digits}{}", (digits.len() + 2) % 10);
                format!("{with_length}{}", luhn(&with_length))
            }
            ReferenceScheme::Kid => format!("{digits}{}", luhn(&digits)),
            ReferenceScheme::KidMod11 => format!("{digits}{}", mod11(&digits)),
            ReferenceScheme::Viitenumero => {
                let digits = format!("{digits:0>3}");
                format!("{digits}{}", by_731(&digits))
            }
            _ => {
                let width = scheme.length().unwrap_or_default() - 1;
                let digits = format!("{digits:0>width$}");
                format!("{digits}{}", luhn(&digits))
            }
        };
        Self { scheme, text }
    }

    /// Reads what a payer or a bank has written; blanks do not count.
    ///
    /// # Errors
    /// [`ReferenceError`] when it is none, or a digit was mistyped.
    pub fn read(scheme: ReferenceScheme, written: &str) -> Result<Self, ReferenceError> {
        let text: String = written.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        if !scheme.lengths().contains(&text.len()) {
            return Err(ReferenceError::Form);
        }
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_right = if scheme == ReferenceScheme::Rf {
            let (head, rest) = text.split_at_checked(4).ok_or(ReferenceError::Form)?;
            let check = head.strip_prefix("RF").filter(|check| is_digits(check)).ok_or(ReferenceError::Form)?;
            if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(ReferenceError::Form);
            }
            check == format!("{:02}", rf_check(rest))
        } else {
            let (body, check) = text.split_at_checked(text.len() - 1).ok_or(ReferenceError::Form)?;
            let may_be_dash = scheme == ReferenceScheme::KidMod11 && check == "-";
            if !is_digits(body) || !(is_digits(check) || may_be_dash) {
                return Err(ReferenceError::Form);
            }
            let has_length = scheme != ReferenceScheme::Ocr || ends_with_digit(body, text.len() % 10);
            let right = match scheme {
                ReferenceScheme::KidMod11 => mod11(body),
                ReferenceScheme::Viitenumero => digit(by_731(body)),
                _ => digit(luhn(body)),
            };
            has_length && check.starts_with(right)
        };
        if is_right { Ok(Self { scheme, text }) } else { Err(ReferenceError::CheckDigit) }
    }

    /// How it was made.
    #[must_use]
    pub fn scheme(&self) -> ReferenceScheme {
        self.scheme
    }

    /// As machines take it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The invoice that it is the reference of, if it is one of those made by [`PaymentReference::of`].
    #[must_use]
    pub fn invoice(&self) -> Option<InvoiceId> {
        let digits = match self.scheme {
            ReferenceScheme::Rf => self.text.get(4..)?,
            ReferenceScheme::Ocr => self.text.get(..self.text.len().checked_sub(2)?)?,
            _ => self.text.get(..self.text.len().checked_sub(1)?)?,
        };
        let id = InvoiceId(digits.parse().ok()?);
        (Self::of(self.scheme, id) == *self).then_some(id)
    }
}

impl fmt::Display for PaymentReference {
    /// As people read it: RF in groups of four from the left, the Finnish one in groups of five from the right.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, offset) = match self.scheme {
            ReferenceScheme::Rf => (4, 0),
            ReferenceScheme::Viitenumero => (5, self.text.len() % 5),
            _ => return f.write_str(&self.text),
        };
        for (place, character) in self.text.chars().enumerate() {
            if place > 0 && (place + size - offset) % size == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

fn digit(value: u32) -> char {
    char::from_digit(value, 10).unwrap_or('0')
}

fn ends_with_digit(text: &str, value: usize) -> bool {
    text.chars().last().and_then(|c| c.to_digit(10)).is_some_and(|last| last as usize == value)
}

/// The check digit by the Luhn rule.
fn luhn(text: &str) -> u32 {
    let mut digits = digits_of(text);
    digits.push(0);
    (10 - luhn_sum(&digits) % 10) % 10
}

/// The check character by mod 11 with the weights 2 to 7 from the right, `-` where it would be ten.
fn mod11(text: &str) -> char {
    let sum: u32 = digits_of(text).into_iter().rev().zip((2..=7).cycle()).map(|(digit, weight)| digit * weight).sum();
    match (11 - sum % 11) % 11 {
        10 => '-',
        check => digit(check),
    }
}

/// The check digit by the weights 7, 3 and 1 from the right (Finanssiala: Viitenumeron rakenneohje).
fn by_731(text: &str) -> u32 {
    let sum: u32 =
        digits_of(text).into_iter().rev().zip([7, 3, 1].into_iter().cycle()).map(|(d, weight)| d * weight).sum();
    (10 - sum % 10) % 10
}

fn rf_check(text: &str) -> u32 {
    98 - modulo_97(&format!("{text}RF00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scheme: ReferenceScheme, invoice: i64) -> String {
        PaymentReference::of(scheme, InvoiceId(invoice)).to_string()
    }

    #[test]
    fn every_scheme_has_its_form() {
        let made = ReferenceScheme::ALL.map(|scheme| format!("{} {}", scheme.as_str(), of(scheme, 49_961)));
        let expected = [
            "rf RF36 4996 1",
            "ocr 4996179",
            "kid 499616",
            "kid-mod11 499617",
            "viitenumero 4 99611",
            "fik-71 000000000499616",
            "fik-75 0000000000499616",
            "gik-04 0000000000499616",
            "gik-15 0000000000499616",
        ];
        assert_eq!(made.as_slice(), expected);
    }

    #[test]
    fn payers_abroad_get_what_their_banks_know() {
        let of = |scheme: ReferenceScheme, currency, country| scheme.for_payer(currency, country).as_str();
        assert_eq!(of(ReferenceScheme::Ocr, "SEK", "SE"), "ocr");
        assert_eq!(of(ReferenceScheme::Ocr, "EUR", "FR"), "rf");
        assert_eq!(of(ReferenceScheme::Viitenumero, "EUR", "FI"), "viitenumero");
        assert_eq!(of(ReferenceScheme::Viitenumero, "EUR", "EE"), "rf");
        assert_eq!(of(ReferenceScheme::Fik71, "DKK", "DK"), "fik-71");
    }

    #[test]
    fn examples_of_the_norms_are_read() {
        let read = |scheme, text| PaymentReference::read(scheme, text).map(|reference| reference.to_string());
        assert_eq!(read(ReferenceScheme::Rf, "rf18 5390 0754 7034"), Ok("RF18 5390 0754 7034".to_owned()));
        assert_eq!(read(ReferenceScheme::Viitenumero, "1234561"), Ok("12 34561".to_owned()));
        assert_eq!(read(ReferenceScheme::Kid, "12345674"), Ok("12345674".to_owned()));
        assert_eq!(read(ReferenceScheme::Rf, "RF19 5390 0754 7034"), Err(ReferenceError::CheckDigit));
        assert_eq!(read(ReferenceScheme::Kid, "1234567A"), Err(ReferenceError::Form));
        assert_eq!(read(ReferenceScheme::Fik71, "12345674"), Err(ReferenceError::Form));
        assert_eq!(read(ReferenceScheme::Rf, "Ünicode"), Err(ReferenceError::Form));
    }

    #[test]
    fn the_digit_for_the_length_is_checked_too() {
        let right = PaymentReference::of(ReferenceScheme::Ocr, InvoiceId(49_961));
        let shorter = format!("4996{}", "8");
        let wrong = format!("{shorter}{}", luhn(&shorter));
        assert_eq!(right.as_str().len() % 10, 7);
        assert_eq!(PaymentReference::read(ReferenceScheme::Ocr, &wrong), Err(ReferenceError::CheckDigit));
    }

    proptest::proptest! {
        #[test]
        fn a_reference_leads_back_to_its_invoice(id in 1..=i64::from(u32::MAX) * 1_000) {
            for scheme in ReferenceScheme::ALL {
                let made = PaymentReference::of(scheme, InvoiceId(id));
                let read = PaymentReference::read(scheme, &made.to_string());
                proptest::prop_assert_eq!(read.as_ref(), Ok(&made));
                proptest::prop_assert_eq!(made.invoice(), Some(InvoiceId(id)));
            }
        }

        #[test]
        fn one_wrong_digit_is_found(id in 1..1_000_000_000i64, place in 0usize..20, by in 1u32..10) {
            for scheme in ReferenceScheme::ALL {
                let made = PaymentReference::of(scheme, InvoiceId(id)).text;
                let mut mistyped: Vec<char> = made.chars().collect();
                let place = place % mistyped.len();
                let Some(digit) = mistyped[place].to_digit(10) else { continue };
                mistyped[place] = super::digit((digit + by) % 10);
                let mistyped: String = mistyped.into_iter().collect();
                proptest::prop_assert!(PaymentReference::read(scheme, &mistyped).is_err(), "{mistyped} for {made}");
            }
        }
    }
}
