//! The ledger as a table (RFC 4180): a row for each entry, for those who sum for themselves.

use std::io;

use crate::journal::whole;
use crate::{Books, ExportError, Format, Voucher};

const HEAD: &str = "source,id,number,booked_on,customer,customer_name,debit,credit,currency,amount,product,tax_country,\
                    tax_category,tax_rate_percent";

/// The whole ledger as a table.
///
/// # Errors
/// Those of [`Export`](crate::Export).
pub fn csv<'v>(books: &Books, vouchers: impl IntoIterator<Item = &'v Voucher>) -> Result<String, ExportError> {
    whole(Format::Csv, books, vouchers).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The names of the columns.
pub(crate) fn begin(out: &mut impl io::Write) -> io::Result<()> {
    write!(out, "{HEAD}\r\n")
}

/// A row for each entry.
pub(crate) fn voucher(voucher: &Voucher, out: &mut impl io::Write) -> io::Result<()> {
    for entry in &voucher.entries {
        let tax =
            |field: fn(&perennial_billing::TaxProfile) -> String| entry.tax.as_ref().map(field).unwrap_or_default();
        let fields = [
            voucher.source.as_str().to_owned(),
            voucher.id.to_string(),
            field(&voucher.number),
            voucher.booked_on.to_string(),
            voucher.customer.to_string(),
            field(&voucher.customer_name),
            entry.debit.as_str().to_owned(),
            entry.credit.as_str().to_owned(),
            entry.amount.currency.to_string(),
            entry.amount.amount(),
            entry.product.map(|product| product.to_string()).unwrap_or_default(),
            tax(|tax| tax.country.to_string()),
            tax(|tax| tax.category.to_string()),
            tax(|tax| tax.rate.percent()),
        ];
        write!(out, "{}\r\n", fields.join(","))?;
    }
    Ok(())
}

/// A text as a field: in quotes where it needs them, with the quotes in it doubled.
fn field(text: &str) -> String {
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
