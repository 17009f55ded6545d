//! When an invoice is due.

use jiff::{Span, civil::Date};

use crate::DateOutOfRange;

/// The due date of a renewal invoice: the day its period starts, but never earlier than the issue date plus the payment
/// terms, so that a late renewal still leaves the customer the agreed days to pay.
pub fn due_date(period_start: Date, issued_on: Date, payment_terms_days: u16) -> Result<Date, DateOutOfRange> {
    let earliest =
        issued_on.checked_add(Span::new().days(i64::from(payment_terms_days))).map_err(|_| DateOutOfRange)?;
    Ok(period_start.max(earliest))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_later_of_period_start_and_terms() {
        let issued = date(2026, 11, 23);
        assert_eq!(due_date(date(2026, 12, 31), issued, 14), Ok(date(2026, 12, 31)));
        assert_eq!(due_date(date(2026, 11, 30), issued, 14), Ok(date(2026, 12, 7)));
        assert_eq!(due_date(date(2026, 1, 1), issued, 0), Ok(issued));
    }
}
