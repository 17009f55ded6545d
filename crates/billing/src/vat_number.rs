//! VAT identification numbers, checked without asking anybody: their form and, where a country has them, check digits.
//!
//! That a number is right here does not mean that it was given to somebody: only the country's register knows. It keeps
//! slips of the pen out of the books, and questions that can only be answered with no out of VIES.
//!
//! To add a country: a row in [`SCHEMES`] and its rule in `vat_number/rules.rs`, rows in the tables of the tests, and a
//! template in `tests/vat_numbers.rs`, which compares every verdict with another implementation.

mod rules;

use std::fmt;
use std::str::FromStr;

use rules::{Fault, Rule};

/// A VAT identification number in its canonical form: capitals and digits without spaces, dots, hyphens or slashes,
/// beginning with its prefix.
///
/// Written otherwise it is read all the same: `se 556677-8899 01` is `SE556677889901`. The prefix may be `GR` for `EL` and
/// `UK` for `GB`, and `MVA` may lack at the end of a Norwegian one; the canonical form is the authority's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VatNumber(String);

/// Why a text is no VAT number. The messages read on from the name of a field: "`vat_number` has a wrong check digit for
/// Germany".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VatNumberError {
    /// It does not begin with two letters.
    #[error("must begin with the two letters of its country, such as SE")]
    UnknownPrefix,
    /// A number of the one-stop shop (`EU…`, `IM…`), under which a seller declares what it sells to consumers (Directive
    /// 2006/112/EC, articles 362 and 369q): nobody buys under one.
    #[error("is a number of the one-stop shop, under which nobody buys: give the number of the customer's own country")]
    OneStopShop,
    /// The wrong length, or characters where they do not belong.
    #[error("is not a VAT number of {country}: it looks like {example}")]
    Malformed {
        /// The country's English name.
        country: &'static str,
        /// A number of that country's form.
        example: &'static str,
    },
    /// The form is right, but the digits contradict each other: one is probably mistyped.
    #[error("has a wrong check digit for {country}")]
    WrongCheckDigit {
        /// The country's English name.
        country: &'static str,
    },
}

/// How one tax authority makes its numbers.
struct Scheme {
    /// The two letters numbers begin with.
    prefix: &'static str,
    /// The country as ISO 3166-1 has it.
    country: &'static str,
    /// The country's English name.
    name: &'static str,
    /// A number that is right.
    example: &'static str,
    /// Whether VIES can be asked about it.
    vies: bool,
    /// What must hold for all that follows the prefix.
    rule: Rule,
}

const fn member(code: &'static str, name: &'static str, example: &'static str, rule: Rule) -> Scheme {
    Scheme { prefix: code, country: code, name, example, vies: true, rule }
}

const fn outside(code: &'static str, name: &'static str, example: &'static str, rule: Rule) -> Scheme {
    Scheme { prefix: code, country: code, name, example, vies: false, rule }
}

/// Every country whose rule is known. Northern Ireland stays in the EU's VAT area for goods and has a prefix there.
const SCHEMES: [Scheme; 32] = [
    member("AT", "Austria", "ATU13585627", rules::austria),
    member("BE", "Belgium", "BE0428759497", rules::belgium),
    member("BG", "Bulgaria", "BG175074752", rules::bulgaria),
    member("CY", "Cyprus", "CY10259033P", rules::cyprus),
    member("CZ", "Czechia", "CZ25123891", rules::czechia),
    member("DE", "Germany", "DE136695976", rules::germany),
    member("DK", "Denmark", "DK13585628", rules::denmark),
    member("EE", "Estonia", "EE100931558", rules::estonia),
    Scheme { country: "GR", ..member("EL", "Greece", "EL094259216", rules::greece) },
    member("ES", "Spain", "ESA13585625", rules::spain),
    member("FI", "Finland", "FI20774740", rules::finland),
    member("FR", "France", "FR40303265045", rules::france),
    member("HR", "Croatia", "HR33392005961", rules::croatia),
    member("HU", "Hungary", "HU12892312", rules::hungary),
    member("IE", "Ireland", "IE6433435F", rules::ireland),
    member("IT", "Italy", "IT00743110157", rules::italy),
    member("LT", "Lithuania", "LT119511515", rules::lithuania),
    member("LU", "Luxembourg", "LU15027442", rules::luxembourg),
    member("LV", "Latvia", "LV40003521600", rules::latvia),
    member("MT", "Malta", "MT11679112", rules::malta),
    member("NL", "the Netherlands", "NL004495445B01", rules::netherlands),
    member("PL", "Poland", "PL8567346215", rules::poland),
    member("PT", "Portugal", "PT501964843", rules::portugal),
    member("RO", "Romania", "RO18547290", rules::romania),
    member("SE", "Sweden", "SE556677889901", rules::sweden),
    member("SI", "Slovenia", "SI50223054", rules::slovenia),
    member("SK", "Slovakia", "SK2022749619", rules::slovakia),
    Scheme { country: "GB", ..member("XI", "Northern Ireland", "XI980780684", rules::united_kingdom) },
    outside("GB", "the United Kingdom", "GB980780684", rules::united_kingdom),
    outside("CH", "Switzerland", "CHE107787577MWST", rules::switzerland),
    outside("NO", "Norway", "NO995525828MVA", rules::norway),
    outside("IS", "Iceland", "IS00621", rules::iceland),
];

/// What stands for a prefix in other places, such as ISO 3166-1 or everyday use.
const ALIASES: [(&str, &str); 2] = [("GR", "EL"), ("UK", "GB")];

/// The prefixes of the one-stop shop: sellers from outside the EU, and imports.
const ONE_STOP_SHOP: [&str; 2] = ["EU", "IM"];

/// How many capitals and digits follow the prefix of a country whose rule is not known.
const UNKNOWN_LENGTHS: std::ops::RangeInclusive<usize> = 2..=13;

impl Scheme {
    fn of(prefix: &str) -> Option<&'static Self> {
        SCHEMES.iter().find(|scheme| scheme.prefix == prefix)
    }

    fn check(&self, rest: &str) -> Result<(), VatNumberError> {
        // Zeros satisfy many a check digit, and stand in forms that want some number.
        let nothing = rest.bytes().all(|b| b == b'0');
        let verdict = if nothing { Err(Fault::Form) } else { (self.rule)(rest) };
        verdict.map_err(|fault| match fault {
            Fault::Form => VatNumberError::Malformed { country: self.name, example: self.example },
            Fault::CheckDigit => VatNumberError::WrongCheckDigit { country: self.name },
        })
    }
}

impl VatNumber {
    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The two letters it begins with, as VIES names the country: `EL` for Greece, `XI` for Northern Ireland.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.parts().0
    }

    /// The ISO 3166-1 code of the country whose tax authority gave it: `GR` for `EL`, `GB` for `XI`, else the prefix. It
    /// need not be the country of the customer's address.
    #[must_use]
    pub fn country(&self) -> &str {
        Scheme::of(self.prefix()).map_or(self.prefix(), |scheme| scheme.country)
    }

    /// Whether the country's rule is known, so that the number was really checked. Of any other only the characters and
    /// the length were looked at.
    #[must_use]
    pub fn is_known_scheme(&self) -> bool {
        Scheme::of(self.prefix()).is_some()
    }

    /// The country code and the number as VIES wants them, if VIES can be asked: for members of the EU and Northern
    /// Ireland.
    #[must_use]
    pub fn vies(&self) -> Option<(&str, &str)> {
        Scheme::of(self.prefix()).is_some_and(|scheme| scheme.vies).then(|| self.parts())
    }

    /// The prefix and the rest. The text is ASCII and longer than that, or it would not have been made.
    fn parts(&self) -> (&str, &str) {
        self.0.split_at(2)
    }
}

/// Capitals, without what people put between digits.
fn normalise(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '/')).map(|c| c.to_ascii_uppercase()).collect()
}

/// A number of a country whose rule is not known.
fn check_unknown(rest: &str) -> Result<(), VatNumberError> {
    let right = UNKNOWN_LENGTHS.contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    if right { Ok(()) } else { Err(VatNumberError::Malformed { country: "any country", example: "US123456789" }) }
}

impl FromStr for VatNumber {
    type Err = VatNumberError;

    fn from_str(text: &str) -> Result<Self, VatNumberError> {
        let text = normalise(text);
        let (written, rest) = text.split_at_checked(2).ok_or(VatNumberError::UnknownPrefix)?;
        if !written.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(VatNumberError::UnknownPrefix);
        }
        if ONE_STOP_SHOP.contains(&written) {
            return Err(VatNumberError::OneStopShop);
        }
        let prefix = ALIASES.iter().find(|(alias, _)| *alias == written).map_or(written, |(_, prefix)| prefix);
        let ending = if prefix == "NO" && !rest.ends_with("MVA") { "MVA" } else { "" };
        let number = Self(format!("{prefix}{rest}{ending}"));
        let (_, rest) = number.parts();
        match Scheme::of(prefix) {
            Some(scheme) => scheme.check(rest)?,
            None => check_unknown(rest)?,
        }
        Ok(number)
    }
}

impl fmt::Display for VatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests;
