//! Where customers pay to.

use std::fmt;
use std::str::FromStr;

use crate::check_digits::{digits_of, luhn_sum, modulo_97};

/// Why a text is no account number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Its length or its characters.
    #[error("does not have the form of {0}")]
    Form(&'static str),
    /// Its check digits.
    #[error("has wrong check digits")]
    CheckDigits,
}

/// An international bank account number (ISO 13616) in its electronic form, without blanks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Iban(String);

/// A bank (ISO 9362), eight or eleven characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bic(String);

/// A Swedish bankgiro number: seven or eight digits, the last by the Luhn rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bankgiro(String);

/// A Swedish plusgiro number: two to eight digits, the last by the Luhn rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plusgiro(String);

/// A Danish creditor number for FIK payments: eight digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FikCreditor(String);

/// A payee's number for Swish: ten digits, a company's begins with 123; a mobile number may be written instead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SwishNumber(String);

macro_rules! as_machines_take_it {
    ($($account:ty),+) => {$(
        impl $account {
            /// As machines take it, without blanks and hyphens.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+};
}
as_machines_take_it!(Iban, Bic, Bankgiro, Plusgiro, FikCreditor, SwishNumber);

macro_rules! shown_as_it_is {
    ($($account:ty),+) => {$(
        impl fmt::Display for $account {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}
shown_as_it_is!(Bic, FikCreditor, SwishNumber);

const IBAN: &str = "an IBAN such as SE45 5000 0000 0583 9825 7466";
const BIC: &str = "a BIC such as ESSESESS";
const BANKGIRO: &str = "a bankgiro number such as 5050-1055";
const PLUSGIRO: &str = "a plusgiro number such as 4 15 00 72-9";
const FIK: &str = "a creditor number of eight digits";
const SWISH: &str = "a Swish number such as 123 456 78 90";

/// An account that people have entered; none if nothing.
///
/// # Errors
/// [`AccountError`] when it is something else.
pub fn entered_account<T: FromStr<Err = AccountError>>(text: &str) -> Result<Option<T>, AccountError> {
    if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// The lengths of IBANs by country (SWIFT, IBAN registry).
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 \
    EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 \
    LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 \
    RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 TN24 TR26 UA29 VG24";

impl Iban {
    /// Its country, ISO 3166-1.
    #[must_use]
    pub fn country(&self) -> &str {
        &self.0[..2]
    }
}

impl FromStr for Iban {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let text = without_blanks(text);
        if text.len() < 5 || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(AccountError::Form(IBAN));
        }
        let (head, rest) = text.split_at(4);
        let (country, check) = head.split_at(2);
        let known = IBAN_LENGTHS.split(' ').find_map(|entry| entry.strip_prefix(country));
        // A country that joined the registry since is taken at its word.
        let is_long_enough = known.map_or((15..=34).contains(&text.len()), |length| length.parse() == Ok(text.len()));
        let is_formed = country.bytes().all(|b| b.is_ascii_uppercase()) && check.bytes().all(|b| b.is_ascii_digit());
        if !is_long_enough || !is_formed {
            return Err(AccountError::Form(IBAN));
        }
        if modulo_97(&format!("{rest}{head}")) == 1 { Ok(Self(text)) } else { Err(AccountError::CheckDigits) }
    }
}

impl fmt::Display for Iban {
    /// As people read it: in groups of four.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, character) in self.0.chars().enumerate() {
            if place > 0 && place % 4 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

impl FromStr for Bic {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let text = without_blanks(text);
        let is_formed = matches!(text.len(), 8 | 11)
            && text.bytes().all(|b| b.is_ascii_alphanumeric())
            && text.bytes().skip(4).take(2).all(|b| b.is_ascii_uppercase());
        if is_formed { Ok(Self(text)) } else { Err(AccountError::Form(BIC)) }
    }
}

impl FromStr for Bankgiro {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        giro(text, 7..=8, BANKGIRO).map(Self)
    }
}

impl fmt::Display for Bankgiro {
    /// With a hyphen before the last four digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, tail) = self.0.split_at(self.0.len() - 4);
        write!(f, "{head}-{tail}")
    }
}

impl FromStr for Plusgiro {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        giro(text, 2..=8, PLUSGIRO).map(Self)
    }
}

impl fmt::Display for Plusgiro {
    /// In pairs from the right, with a hyphen before the last digit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (body, check) = self.0.split_at(self.0.len() - 1);
        for (place, digit) in body.chars().enumerate() {
            if place > 0 && (body.len() - place) % 2 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        write!(f, "-{check}")
    }
}

impl FromStr for FikCreditor {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        digits(text, 8..=8).map(Self).ok_or(AccountError::Form(FIK))
    }
}

impl FromStr for SwishNumber {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        digits(text, 10..=15).map(Self).ok_or(AccountError::Form(SWISH))
    }
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

/// The digits of a number that people write with blanks and hyphens, if it has so many.
fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

fn giro(text: &str, lengths: std::ops::RangeInclusive<usize>, form: &'static str) -> Result<String, AccountError> {
    let number = digits(text, lengths).ok_or(AccountError::Form(form))?;
    let is_right = luhn_sum(&digits_of(&number)).is_multiple_of(10);
    if is_right { Ok(number) } else { Err(AccountError::CheckDigits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromStr<Err = AccountError> + fmt::Display>(text: &str) -> Result<String, AccountError> {
        text.parse().map(|account: T| account.to_string())
    }

    #[test]
    fn accounts_are_read_as_people_write_them() {
        assert_eq!(read::<Iban>("se4550000000058398257466"), Ok("SE45 5000 0000 0583 9825 7466".to_owned()));
        assert_eq!(read::<Bic>("essesess xxx"), Ok("ESSESESSXXX".to_owned()));
        assert_eq!(read::<Bankgiro>("50501055"), Ok("5050-1055".to_owned()));
        assert_eq!(read::<Bankgiro>("991-2346"), Ok("991-2346".to_owned()));
        assert_eq!(read::<Plusgiro>("4150072-9"), Ok("4 15 00 72-9".to_owned()));
        assert_eq!(read::<SwishNumber>("123 456 78 90"), Ok("1234567890".to_owned()));
        assert_eq!(read::<FikCreditor>("8012 3456"), Ok("80123456".to_owned()));
    }

    #[test]
    fn what_was_mistyped_is_refused() {
        assert_eq!(read::<Iban>("SE46 5000 0000 0583 9825 7466"), Err(AccountError::CheckDigits));
        assert_eq!(read::<Iban>("SE45 5000 0000 0583 9825 746"), Err(AccountError::Form(IBAN)));
        assert_eq!(read::<Iban>("ÅÄÖ"), Err(AccountError::Form(IBAN)));
        assert_eq!(read::<Bankgiro>("5050-1056"), Err(AccountError::CheckDigits));
        assert_eq!(read::<Plusgiro>("1"), Err(AccountError::Form(PLUSGIRO)));
        assert_eq!(read::<Bic>("ESSE5ESS"), Err(AccountError::Form(BIC)));
    }
}
