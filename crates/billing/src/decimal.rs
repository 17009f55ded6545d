//! Fixed-point decimal text: the one place where digits become integers and back.

/// Why a decimal text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseDecimalError {
    /// Not an optional minus sign, digits, and optionally a point with digits.
    #[error("not a decimal number such as `12.50`")]
    Malformed,
    /// More digits after the point than can be kept without loss.
    #[error("at most {0} digits after the decimal point are possible")]
    TooPrecise(u32),
    /// Larger than 64 bits hold.
    #[error("the number is too large")]
    OutOfRange,
}

/// Reads `text` as a number of units of 10^-`scale`: `parse("12.5", 2)` is 1250. Zeros beyond the scale are no loss and
/// are accepted; any other digit there is an error.
pub(crate) fn parse(text: &str, scale: u32) -> Result<i64, ParseDecimalError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || (digits.contains('.') && fraction.is_empty())
    {
        return Err(ParseDecimalError::Malformed);
    }
    let kept = fraction.len().min(scale as usize);
    if fraction.as_bytes()[kept..].iter().any(|&b| b != b'0') {
        return Err(ParseDecimalError::TooPrecise(scale));
    }
    let padding = std::iter::repeat_n(b'0', scale as usize - kept);
    let mut units: i64 = 0;
    for digit in whole.bytes().chain(fraction.bytes().take(kept)).chain(padding) {
        let digit = i64::from(digit - b'0');
        // Counted downwards for negatives, so that the smallest integer survives a round trip.
        units = units
            .checked_mul(10)
            .and_then(|u| if negative { u.checked_sub(digit) } else { u.checked_add(digit) })
            .ok_or(ParseDecimalError::OutOfRange)?;
    }
    Ok(units)
}

/// Writes `units` of 10^-`scale` with exactly `scale` digits after the point.
pub(crate) fn print(units: i64, scale: u32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let magnitude = units.unsigned_abs();
    if scale == 0 {
        return format!("{sign}{magnitude}");
    }
    let divisor = 10u64.pow(scale);
    format!("{sign}{}.{:0width$}", magnitude / divisor, magnitude % divisor, width = scale as usize)
}

/// Like [`print`], without zeros at the end: `25` and `25.5`, not `25.0000`.
pub(crate) fn print_short(units: i64, scale: u32) -> String {
    let text = print(units, scale);
    if scale == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}
