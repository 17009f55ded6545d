//! Check digits that several kinds of numbers share.

/// The sum of Luhn (ISO/IEC 7812-1, annex B): from the right, every second digit is doubled and counts by the digits of the
/// result. Of a whole number, its check digit included, it is a multiple of ten.
pub(crate) fn luhn_sum(digits: &[u32]) -> u32 {
    let cross_sum = |doubled: u32| doubled / 10 + doubled % 10;
    digits.iter().rev().enumerate().map(|(i, digit)| if i % 2 == 1 { cross_sum(2 * digit) } else { *digit }).sum()
}

/// The text as one number modulo 97, with 10 to 35 for letters (ISO 7064, MOD 97-10).
pub(crate) fn modulo_97(text: &str) -> u32 {
    text.chars().filter_map(|character| character.to_digit(36)).fold(0, |remainder, digit| {
        let shift = if digit < 10 { 10 } else { 100 };
        (remainder * shift + digit) % 97
    })
}

/// The digits of a text, in order; other characters count nothing.
pub(crate) fn digits_of(text: &str) -> Vec<u32> {
    text.chars().filter_map(|character| character.to_digit(10)).collect()
}
