//! The rules of the countries, one function each: the form, then the check digits.
//!
//! The forms are those of the FAQ of VIES ("VAT identification number structure"), the check digits those of the
//! Commission's "VIES-VAT Validation Routines", unless a function names another source. Where that paper restricts what had
//! been given out when it was written, such as the first digits of Estonia or the ranges of Britain, the restriction is left
//! out: it ages, and hardly a slip of the pen is caught by it.

use jiff::civil::Date;

use crate::check_digits::{luhn_sum, modulo_97};

/// What is wrong with a number.
pub(super) enum Fault {
    /// Its length or its characters.
    Form,
    /// Its check digits.
    CheckDigit,
}

/// Whether what follows the prefix is right.
pub(super) type Rule = fn(&str) -> Verdict;

type Verdict = Result<(), Fault>;

/// What the check digits of a number in the right form say.
fn check(is_right: bool) -> Verdict {
    if is_right { Ok(()) } else { Err(Fault::CheckDigit) }
}

/// What a number's form must be, beyond its length and its characters.
fn form(is_right: bool) -> Verdict {
    if is_right { Ok(()) } else { Err(Fault::Form) }
}

/// The text as exactly `N` digits.
fn digits<const N: usize>(text: &str) -> Result<[u32; N], Fault> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    digits.and_then(|digits| digits.try_into().ok()).ok_or(Fault::Form)
}

/// As [`digits`], for numbers that do not begin with a zero.
fn digits_from_one<const N: usize>(text: &str) -> Result<[u32; N], Fault> {
    form(!text.starts_with('0'))?;
    digits(text)
}

/// The digits as one number.
fn value(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit))
}

/// Each digit times its weight, added up; digits without a weight count nothing.
fn weigh(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Modulus 11 with a second row of weights for where the first leaves 10; where both do, the digit is 0 (Bulgaria,
/// Lithuania).
fn two_rows(digits: &[u32], first: &[u32], second: &[u32]) -> u32 {
    match weigh(digits, first) % 11 {
        10 => weigh(digits, second) % 11 % 10,
        remainder => remainder,
    }
}

/// ISO 7064, MOD 11,10 (Germany, Croatia).
fn is_iso_7064_mod_11_10(digits: &[u32]) -> bool {
    let product = digits.iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    // The check digit has gone through the last step too: what must be 1 before the doubling is 2 after it.
    product == 2
}

/// Whether there was or will be such a day.
fn is_day(year: u32, month: u32, day: u32) -> bool {
    let date = || Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    date().is_some()
}

/// Where a letter stands in an alphabet, from zero.
fn place(alphabet: &str, letter: char) -> Option<u32> {
    alphabet.find(letter).and_then(|place| u32::try_from(place).ok())
}

/// The last character and all before it.
fn split_last(text: &str) -> Result<(&str, char), Fault> {
    let mut chars = text.chars();
    let last = chars.next_back().ok_or(Fault::Form)?;
    Ok((chars.as_str(), last))
}

/// The first character and all after it.
fn split_first(text: &str) -> Result<(char, &str), Fault> {
    let mut chars = text.chars();
    let first = chars.next().ok_or(Fault::Form)?;
    Ok((first, chars.as_str()))
}

/// `U` and eight digits, a variant of Luhn.
pub(super) fn austria(rest: &str) -> Verdict {
    let number: [u32; 8] = digits(rest.strip_prefix('U').ok_or(Fault::Form)?)?;
    check((luhn_sum(&number[..7]) + number[7] + 4).is_multiple_of(10))
}

/// Ten digits, the first 0 or 1; the last two are 97 less the rest modulo 97.
pub(super) fn belgium(rest: &str) -> Verdict {
    let number: [u32; 10] = digits(rest)?;
    form(number[0] <= 1)?;
    check(value(&number[8..]) == 97 - value(&number[..8]) % 97)
}

/// Nine digits for legal entities, ten for persons, foreigners and others.
pub(super) fn bulgaria(rest: &str) -> Verdict {
    if rest.len() == 9 {
        let number: [u32; 9] = digits(rest)?;
        return check(number[8] == two_rows(&number[..8], &[1, 2, 3, 4, 5, 6, 7, 8], &[3, 4, 5, 6, 7, 8, 9, 10]));
    }
    let number: [u32; 10] = digits(rest)?;
    let (body, last) = (&number[..9], number[9]);
    let person = is_bulgarian_birthday(&number) && weigh(body, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == last;
    let foreigner = weigh(body, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10 == last;
    let other = (weigh(body, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) + last).is_multiple_of(11);
    check(person || foreigner || other)
}

/// The first six digits of a Bulgarian civil number (EGN): the month says the century too.
fn is_bulgarian_birthday(number: &[u32; 10]) -> bool {
    let [year, month, day] = pairs(number);
    match month {
        0..=20 => is_day(1900 + year, month, day),
        21..=40 => is_day(1800 + year, month - 20, day),
        _ => is_day(2000 + year, month - 40, day),
    }
}

/// The first six digits as three numbers.
fn pairs<const N: usize>(number: &[u32; N]) -> [u32; 3] {
    [0, 2, 4].map(|i| number[i] * 10 + number[i + 1])
}

/// Eight digits, which do not begin with 12, and a letter modulo 26.
pub(super) fn cyprus(rest: &str) -> Verdict {
    /// What the digits at the first, third, fifth and seventh place count.
    const ODD_PLACES: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let (body, letter) = split_last(rest)?;
    let number: [u32; 8] = digits(body)?;
    form(letter.is_ascii_uppercase() && !body.starts_with("12"))?;
    let count = |(i, digit): (usize, &u32)| if i % 2 == 0 { ODD_PLACES[*digit as usize] } else { *digit };
    let sum: u32 = number.iter().enumerate().map(count).sum();
    check(place("ABCDEFGHIJKLMNOPQRSTUVWXYZ", letter) == Some(sum % 26))
}

/// Eight digits for legal entities; nine that begin with 6 for groups and other special cases; nine or ten, which are a
/// birth number, for persons.
pub(super) fn czechia(rest: &str) -> Verdict {
    const WEIGHTS: [u32; 7] = [8, 7, 6, 5, 4, 3, 2];
    match rest.len() {
        8 => {
            let number: [u32; 8] = digits(rest)?;
            form(number[0] != 9)?;
            check((11 - weigh(&number, &WEIGHTS) % 11) % 10 == number[7])
        }
        9 if rest.starts_with('6') => {
            let number: [u32; 9] = digits(rest)?;
            let step = 11 - weigh(&number[1..], &WEIGHTS) % 11;
            check((19 - step) % 10 == number[8])
        }
        9 => czech_birth_number_to_1953(digits(rest)?),
        _ => czech_birth_number(digits(rest)?),
    }
}

/// A birth number given until 1953, which has no check digit.
fn czech_birth_number_to_1953(number: [u32; 9]) -> Verdict {
    let [year, month, day] = pairs(&number);
    form(year <= 53 || year >= 80)?;
    form(is_czech_birthday(if year <= 53 { 1900 + year } else { 1800 + year }, month, day))
}

/// A birth number given since 1954: divisible by 11; or, given until 1985, the first nine leave 10 and a zero follows.
fn czech_birth_number(number: [u32; 10]) -> Verdict {
    let [year, month, day] = pairs(&number);
    let year = if year >= 54 { 1900 + year } else { 2000 + year };
    form(is_czech_birthday(year, month, day))?;
    let remainder = value(&number[..9]) % 11;
    check(u64::from(number[9]) == remainder || (remainder == 10 && number[9] == 0 && year <= 1985))
}

/// Women's months are 50 more, and both may be 20 more where a day has run out of numbers (act 133/2000 Sb., § 13).
fn is_czech_birthday(year: u32, month: u32, day: u32) -> bool {
    is_day(year, month % 50 % 20, day)
}

/// Nine digits, ISO 7064.
pub(super) fn germany(rest: &str) -> Verdict {
    check(is_iso_7064_mod_11_10(&digits_from_one::<9>(rest)?))
}

/// Eight digits, modulus 11.
pub(super) fn denmark(rest: &str) -> Verdict {
    let number: [u32; 8] = digits_from_one(rest)?;
    check(weigh(&number, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

/// Nine digits, modulus 10 with weights.
pub(super) fn estonia(rest: &str) -> Verdict {
    let number: [u32; 9] = digits(rest)?;
    check(weigh(&number, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10))
}

/// Nine digits, modulus 11 with powers of two.
pub(super) fn greece(rest: &str) -> Verdict {
    let number: [u32; 9] = digits(rest)?;
    check(weigh(&number, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == number[8])
}

/// A letter, seven digits and a control character for entities (orden EHA/451/2008); a personal number with a control
/// letter for persons (real decreto 1065/2007, articles 18 to 22).
pub(super) fn spain(rest: &str) -> Verdict {
    let (body, control) = split_last(rest)?;
    let (first, seven) = split_first(body)?;
    let number: [u32; 7] = digits(seven)?;
    match first {
        '0'..='9' => check_spanish_person(value(&digits::<8>(body)?), control),
        'K' | 'L' | 'M' | 'X' => check_spanish_person(value(&number), control),
        'Y' => check_spanish_person(10_000_000 + value(&number), control),
        'Z' => check_spanish_person(20_000_000 + value(&number), control),
        'A'..='H' | 'J' | 'N' | 'P'..='S' | 'U'..='W' => check_spanish_entity(first, number, control),
        _ => Err(Fault::Form),
    }
}

fn check_spanish_person(number: u64, control: char) -> Verdict {
    form(control.is_ascii_uppercase())?;
    check(place("TRWAGMYFPDXBNJZSQVHLCKE", control).map(u64::from) == Some(number % 23))
}

/// The control of an entity is the digit of Luhn: as a digit for companies, as a letter for public bodies, churches and
/// foreigners, and for the others as either.
fn check_spanish_entity(kind: char, number: [u32; 7], control: char) -> Verdict {
    let is_foreign = number[..2] == [0, 0];
    let digit = match (control.to_digit(10), kind) {
        (Some(_), 'N' | 'P'..='S' | 'W') => return Err(Fault::Form),
        (Some(digit), _) => digit,
        (None, 'A' | 'B' | 'E' | 'H') if !is_foreign => return Err(Fault::Form),
        (None, _) => place("JABCDEFGHI", control).ok_or(Fault::Form)?,
    };
    let [a, b, c, d, e, f, g] = number;
    check(luhn_sum(&[a, b, c, d, e, f, g, digit]).is_multiple_of(10))
}

/// Eight digits, modulus 11.
pub(super) fn finland(rest: &str) -> Verdict {
    let number: [u32; 8] = digits(rest)?;
    check(weigh(&number, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11))
}

/// A key of two digits or letters, but I and O, and the nine digits of the SIREN, which obeys Luhn; numbers of Monaco begin
/// with 000 instead and do not.
pub(super) fn france(rest: &str) -> Verdict {
    /// What a key is made of.
    const KEY: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let (first, after) = split_first(rest)?;
    let (second, siren) = split_first(after)?;
    let number: [u32; 9] = digits(siren)?;
    let key = place(KEY, first).zip(place(KEY, second)).ok_or(Fault::Form)?;
    let is_siren = siren.starts_with("000") || luhn_sum(&number).is_multiple_of(10);
    check(is_siren && is_french_key(key, value(&number)))
}

/// Whether the key, as places in the alphabet of keys, is that of the SIREN.
fn is_french_key(key: (u32, u32), siren: u64) -> bool {
    let (first, second) = (u64::from(key.0), u64::from(key.1));
    if first < 10 && second < 10 {
        return first * 10 + second == (siren * 100 + 12) % 97;
    }
    // A digit that is followed by a letter, or a letter that is followed by either: numbered one after the other.
    let serial = if first < 10 { first * 24 + second - 10 } else { first * 34 + second - 100 };
    (siren + serial / 11 + 1) % 11 == serial % 11
}

/// Eleven digits, ISO 7064.
pub(super) fn croatia(rest: &str) -> Verdict {
    check(is_iso_7064_mod_11_10(&digits::<11>(rest)?))
}

/// Eight digits, modulus 10 with weights.
pub(super) fn hungary(rest: &str) -> Verdict {
    let number: [u32; 8] = digits(rest)?;
    check(weigh(&number, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10))
}

/// Seven digits, a check letter modulo 23 and, since 2013, perhaps a second letter; before, the second character may be a
/// letter, `+` or `*`.
pub(super) fn ireland(rest: &str) -> Verdict {
    /// Check letters in their order; also what a second letter counts.
    const LETTERS: &str = "WABCDEFGHIJKLMNOPQRSTUV";
    form(rest.is_ascii() && matches!(rest.len(), 8 | 9))?;
    let (body, end) = rest.split_at(7);
    let (letter, extra) = split_first(end)?;
    let letter = place(LETTERS, letter).ok_or(Fault::Form)?;
    let (number, is_old) = irish_digits(body)?;
    let extra = match extra.chars().next() {
        Some(_) if is_old => return Err(Fault::Form),
        Some(extra) => place(LETTERS, extra).ok_or(Fault::Form)?,
        None => 0,
    };
    check((weigh(&number, &[8, 7, 6, 5, 4, 3, 2]) + 9 * extra) % 23 == letter)
}

/// The seven digits that are checked, and whether the form is the old one: there the first digit is the last, and a zero
/// comes first.
fn irish_digits(body: &str) -> Result<([u32; 7], bool), Fault> {
    let (first, after) = split_first(body)?;
    let (second, five) = split_first(after)?;
    if second.is_ascii_digit() {
        return Ok((digits(body)?, false));
    }
    form(matches!(second, 'A'..='Z' | '+' | '*'))?;
    Ok((digits(&format!("0{five}{first}"))?, true))
}

/// Eleven digits by Luhn: seven of the taxpayer, which are not all zero, and three of the office that gave the number
/// (decree of 23 December 1976).
pub(super) fn italy(rest: &str) -> Verdict {
    let number: [u32; 11] = digits(rest)?;
    form(value(&number[..7]) > 0)?;
    form(matches!(value(&number[7..10]), 1..=100 | 120 | 121 | 888 | 999))?;
    check(luhn_sum(&number).is_multiple_of(10))
}

/// Nine digits for legal entities, twelve for temporary registrations; the last but one is 1.
pub(super) fn lithuania(rest: &str) -> Verdict {
    const FIRST: [u32; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2];
    const SECOND: [u32; 11] = [3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4];
    let number = match rest.len() {
        9 => digits::<9>(rest)?.to_vec(),
        _ => digits::<12>(rest)?.to_vec(),
    };
    let (body, last) = number.split_at(number.len() - 1);
    form(body.ends_with(&[1]))?;
    check(two_rows(body, &FIRST, &SECOND) == last[0])
}

/// Eight digits; the last two are the rest modulo 89.
pub(super) fn luxembourg(rest: &str) -> Verdict {
    let number: [u32; 8] = digits(rest)?;
    check(value(&number[..6]) % 89 == value(&number[6..]))
}

/// Eleven digits: legal entities begin with 4 to 9, persons with their birthday. What begins with 32 to 39 was drawn by the
/// register of persons since July 2017, and nothing in it can be checked (pmlp.gov.lv, "Personas koda maiņa").
pub(super) fn latvia(rest: &str) -> Verdict {
    let number: [u32; 11] = digits(rest)?;
    if number[0] > 3 {
        return check(weigh(&number, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3);
    }
    let [day, month, year] = pairs(&number);
    if day >= 32 {
        return Ok(());
    }
    form(number[6] <= 2 && is_day(1800 + 100 * number[6] + year, month, day))?;
    check((1 + weigh(&number, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10 == number[10])
}

/// Eight digits, modulus 37.
pub(super) fn malta(rest: &str) -> Verdict {
    let number: [u32; 8] = digits_from_one(rest)?;
    check(weigh(&number, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37))
}

/// Nine digits, `B` and two digits from 01. The nine obey the modulus 11 of the BSN and RSIN or, for sole traders since
/// 2020, the whole number with its prefix obeys modulus 97 (Belastingdienst).
pub(super) fn netherlands(rest: &str) -> Verdict {
    let (number, branch) = rest.split_once('B').ok_or(Fault::Form)?;
    let number: [u32; 9] = digits(number)?;
    form(value(&digits::<2>(branch)?) > 0)?;
    let eleven = weigh(&number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == number[8];
    check(eleven || modulo_97(&format!("NL{rest}")) == 1)
}

/// Ten digits, modulus 11.
pub(super) fn poland(rest: &str) -> Verdict {
    let number: [u32; 10] = digits(rest)?;
    check(weigh(&number, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == number[9])
}

/// Nine digits, modulus 11, where 10 is 0.
pub(super) fn portugal(rest: &str) -> Verdict {
    let number: [u32; 9] = digits_from_one(rest)?;
    check((11 - weigh(&number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == number[8])
}

/// Two to ten digits, modulus 11, where 10 is 0.
pub(super) fn romania(rest: &str) -> Verdict {
    form((2..=10).contains(&rest.len()) && !rest.starts_with('0'))?;
    let number: [u32; 10] = digits(&format!("{rest:0>10}"))?;
    check(10 * weigh(&number, &[7, 5, 3, 2, 1, 7, 5, 3, 2]) % 11 % 10 == number[9])
}

/// Ten digits by Luhn and two from 01 to 94 for the registration.
pub(super) fn sweden(rest: &str) -> Verdict {
    let number: [u32; 12] = digits(rest)?;
    form((1..=94).contains(&value(&number[10..])))?;
    check(luhn_sum(&number[..10]).is_multiple_of(10))
}

/// Eight digits, modulus 11, where 10 is 0 and 11 is not given.
pub(super) fn slovenia(rest: &str) -> Verdict {
    let number: [u32; 8] = digits_from_one(rest)?;
    let remainder = 11 - weigh(&number, &[8, 7, 6, 5, 4, 3, 2]) % 11;
    check(remainder != 11 && remainder % 10 == number[7])
}

/// Ten digits, divisible by 11.
pub(super) fn slovakia(rest: &str) -> Verdict {
    let number: [u32; 10] = digits_from_one(rest)?;
    form(matches!(number[2], 2..=4 | 7..=9))?;
    check(value(&number).is_multiple_of(11))
}

/// Nine digits, twelve with a branch, `GD` and 000 to 499 for government departments, `HA` and 500 to 999 for health
/// authorities. The last two of the nine are modulus 97 or, from 100 on, modulus 97 less 55 (HMRC, "9755").
pub(super) fn united_kingdom(rest: &str) -> Verdict {
    if let Some(department) = rest.strip_prefix("GD") {
        return form(value(&digits::<3>(department)?) < 500);
    }
    if let Some(authority) = rest.strip_prefix("HA") {
        return form(value(&digits::<3>(authority)?) >= 500);
    }
    let (number, branch) = rest.split_at_checked(9).ok_or(Fault::Form)?;
    let number: [u32; 9] = digits(number)?;
    form(branch.is_empty() || digits::<3>(branch).is_ok())?;
    match weigh(&number, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97 {
        0 => Ok(()),
        42 => check(number[0] > 0),
        _ => Err(Fault::CheckDigit),
    }
}

/// `E`, nine digits with modulus 11, and perhaps VAT in one of the four languages (UID-Verordnung, SR 431.031).
pub(super) fn switzerland(rest: &str) -> Verdict {
    let number = rest.strip_prefix('E').ok_or(Fault::Form)?;
    let number = ["MWST", "TVA", "IVA", "TPV"].iter().find_map(|vat| number.strip_suffix(vat)).unwrap_or(number);
    let number: [u32; 9] = digits(number)?;
    check(weigh(&number, &[5, 4, 3, 2, 7, 6, 5, 4, 1]).is_multiple_of(11))
}

/// The nine digits of the organisation, modulus 11, and `MVA` (Brønnøysundregistrene, "Organisasjonsnummeret").
pub(super) fn norway(rest: &str) -> Verdict {
    let number: [u32; 9] = digits(rest.strip_suffix("MVA").ok_or(Fault::Form)?)?;
    check(weigh(&number, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

/// Five or six digits, without a check.
pub(super) fn iceland(rest: &str) -> Verdict {
    form(matches!(rest.len(), 5 | 6) && rest.bytes().all(|b| b.is_ascii_digit()))
}
