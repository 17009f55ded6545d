//! The digest that the program keeps of every document (store/src/digest.rs), written a second time: as bytes, and as the
//! expressions with which a database makes them. If the two ever part, `perennial doctor` says so after the first cell.

use std::fmt::Write;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};
use sha2::{Digest as _, Sha256};

/// Hexadecimal digits of the hash that are kept.
pub const DIGITS_OF_DIGEST: usize = 32;

/// The columns of a document, one after the other, so that none can run into the next.
#[derive(Debug, Default)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// Columns that hold nothing.
    pub fn nothing(&mut self, columns: usize) -> &mut Self {
        self.0.resize(self.0.len() + columns, 0);
        self
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.text_bytes(text.as_bytes())
    }

    fn text_bytes(&mut self, text: &[u8]) -> &mut Self {
        self.0.push(1);
        self.0.extend((text.len() as u64).to_be_bytes());
        self.0.extend(text);
        self
    }

    /// A number.
    pub fn int(&mut self, number: i64) -> &mut Self {
        self.0.push(2);
        self.0.extend(number.to_be_bytes());
        self
    }

    /// A number, if there is one.
    pub fn opt_int(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.int(number),
            None => self.nothing(1),
        }
    }

    /// What was taken up elsewhere.
    pub fn all_of(&mut self, other: &Self) -> &mut Self {
        self.0.extend(&other.0);
        self
    }

    /// The digest of all of it.
    pub fn digest(&self) -> String {
        let mut digits = String::with_capacity(DIGITS_OF_DIGEST);
        for byte in Sha256::digest(&self.0).iter().take(DIGITS_OF_DIGEST / 2) {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }
}

/// A day as the number that is taken up for it: 20261231.
pub fn day(text: &str) -> i64 {
    text.bytes().filter(u8::is_ascii_digit).fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

/// One column, as an expression in SQL.
#[derive(Debug, Clone, Copy)]
enum Column<'a> {
    Text(&'a str),
    Int(&'a str),
    /// Perhaps null.
    OptInt(&'a str),
    /// Always this text.
    Always(&'static str),
    AlwaysInt(i64),
    Nothing,
}

/// Where the columns of an invoice stand. Days are numbers already.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    pub customer: &'a str,
    pub issued_on: &'a str,
    pub due_on: &'a str,
    pub issued_at: &'a str,
    pub currency: &'a str,
    pub net: &'a str,
    pub tax: &'a str,
    pub total: &'a str,
    pub rounding: &'a str,
    pub seller: &'a str,
    pub buyer: &'a str,
}

impl<'a> Head<'a> {
    fn columns(self) -> Vec<Column<'a>> {
        use Column::{Always, AlwaysInt, Int, Nothing, Text};
        let mut columns = vec![
            Always("invoice"),
            Int(self.customer),
            Int(self.issued_on),
            Int(self.due_on),
            Int(self.issued_at),
            Text(self.currency),
            Int(self.net),
            Int(self.tax),
            AlwaysInt(0),
            Int(self.total),
            Text(self.rounding),
            Always("group"),
            AlwaysInt(0),
            Text(self.seller),
            Text(self.buyer),
        ];
        // The run, what it corrects and why, and the tax in another currency.
        columns.extend([Nothing; NOTHING_IN_HEAD]);
        columns
    }
}

/// Columns of an invoice that a renewal by hand leaves empty.
pub const NOTHING_IN_HEAD: usize = 8;
/// The same of a line: no part, allowance, discount, gross amount or correction.
pub const NOTHING_IN_LINE: usize = 9;

/// Where the columns of a line stand.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    pub service: &'a str,
    pub addon: Option<&'a str>,
    pub product: &'a str,
    pub description: &'a str,
    pub quantity: &'a str,
    pub price: &'a str,
    pub net: &'a str,
    pub tax: Profile<'a>,
    pub starts: &'a str,
    pub ends: &'a str,
    pub origin: &'a str,
    pub price_id: &'a str,
}

impl<'a> Line<'a> {
    fn columns(self) -> Vec<Column<'a>> {
        use Column::{Int, Nothing, OptInt, Text};
        let mut columns = vec![
            Int(self.service),
            self.addon.map_or(Nothing, OptInt),
            Int(self.product),
            Text(self.description),
            Int(self.quantity),
            Int(self.price),
            Int(self.net),
        ];
        columns.extend(self.tax.columns());
        columns.extend([Int(self.starts), Int(self.ends), Text(self.origin), OptInt(self.price_id)]);
        columns.extend([Nothing; NOTHING_IN_LINE]);
        columns
    }
}

/// Where country, category and rate stand.
#[derive(Debug, Clone, Copy)]
pub struct Profile<'a> {
    pub country: &'a str,
    pub category: &'a str,
    pub rate: &'a str,
}

impl<'a> Profile<'a> {
    fn columns(self) -> [Column<'a>; 3] {
        [Column::Text(self.country), Column::Text(self.category), Column::Int(self.rate)]
    }
}

/// An expression in the words of one database.
#[derive(Debug, Clone, Copy)]
pub enum Sql {
    Postgres,
    Sqlite,
}

impl Sql {
    /// The bytes of an invoice itself.
    pub fn head(self, head: Head<'_>) -> String {
        self.bytes(&head.columns())
    }

    /// The bytes of a line.
    pub fn line(self, line: Line<'_>) -> String {
        self.bytes(&line.columns())
    }

    /// The bytes of a tax group.
    pub fn tax(self, profile: Profile<'_>, base: &str, tax: &str) -> String {
        let mut columns = profile.columns().to_vec();
        columns.extend([Column::Int(base), Column::Int(tax)]);
        self.bytes(&columns)
    }

    /// What is the same for every document is one literal, not made again for each.
    fn bytes(self, columns: &[Column<'_>]) -> String {
        let mut parts = Vec::new();
        let mut fixed = Bytes::default();
        let flush = |fixed: &mut Bytes, parts: &mut Vec<String>| {
            let bytes = std::mem::take(fixed).0;
            if !bytes.is_empty() {
                parts.push(self.literal(&bytes));
            }
        };
        for column in columns {
            match column {
                Column::Always(text) => drop(fixed.text(text)),
                Column::AlwaysInt(number) => drop(fixed.int(*number)),
                Column::Nothing => drop(fixed.nothing(1)),
                Column::Text(value) | Column::Int(value) | Column::OptInt(value) if matches!(self, Self::Sqlite) => {
                    flush(&mut fixed, &mut parts);
                    parts.push((*value).to_owned());
                }
                Column::Text(value) => {
                    fixed.0.push(1);
                    flush(&mut fixed, &mut parts);
                    parts.push(format!("int8send(octet_length({value})) || convert_to({value}, 'UTF8')"));
                }
                Column::Int(value) => {
                    fixed.0.push(2);
                    flush(&mut fixed, &mut parts);
                    parts.push(format!("int8send({value})"));
                }
                Column::OptInt(value) => {
                    flush(&mut fixed, &mut parts);
                    parts.push(format!("coalesce('\\x02'::bytea || int8send({value}), '\\x00'::bytea)"));
                }
            }
        }
        flush(&mut fixed, &mut parts);
        match self {
            Self::Postgres => parts.join(" || "),
            Self::Sqlite => format!("bench_bytes({})", parts.join(", ")),
        }
    }

    fn literal(self, bytes: &[u8]) -> String {
        let digits = bytes.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        match self {
            Self::Postgres => format!("'\\x{digits}'::bytea"),
            Self::Sqlite => format!("x'{digits}'"),
        }
    }
}

/// Teaches SQLite to make digests: `bench_bytes` of columns, which takes a blob as it is, `bench_join` of such bytes, and
/// `bench_digest`.
pub fn teach(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("bench_bytes", -1, flags, |values| bytes_of(values).map(|bytes| bytes.0))?;
    connection.create_scalar_function("bench_digest", -1, flags, |values| bytes_of(values).map(|b| b.digest()))?;
    connection.create_aggregate_function("bench_join", 1, flags, Join)
}

fn bytes_of(values: &Context<'_>) -> Result<Bytes> {
    let mut bytes = Bytes::default();
    for place in 0..values.len() {
        match values.get_raw(place) {
            ValueRef::Null => drop(bytes.nothing(1)),
            ValueRef::Integer(number) => drop(bytes.int(number)),
            ValueRef::Text(text) => drop(bytes.text_bytes(text)),
            ValueRef::Blob(blob) => bytes.0.extend(blob),
            value @ ValueRef::Real(_) => {
                return Err(Error::InvalidFunctionParameterType(place, value.data_type()));
            }
        }
    }
    Ok(bytes)
}

struct Join;

impl Aggregate<Vec<u8>, Vec<u8>> for Join {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn step(&self, values: &mut Context<'_>, joined: &mut Vec<u8>) -> Result<()> {
        joined.extend(values.get_raw(0).as_blob()?);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, joined: Option<Vec<u8>>) -> Result<Vec<u8>> {
        Ok(joined.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_number() {
        assert_eq!(day("2026-02-10"), 20_260_210);
    }

    #[test]
    fn what_is_always_the_same_is_one_literal() {
        let profile = Profile { country: "c", category: "k", rate: "r" };
        assert_eq!(
            Sql::Postgres.tax(profile, "b", "t"),
            "'\\x01'::bytea || int8send(octet_length(c)) || convert_to(c, 'UTF8') || '\\x01'::bytea || \
            int8send(octet_length(k)) || convert_to(k, 'UTF8') || '\\x02'::bytea || int8send(r) || '\\x02'::bytea || \
            int8send(b) || '\\x02'::bytea || int8send(t)"
        );
        let columns = [Column::Always("a"), Column::Nothing, Column::OptInt("i"), Column::AlwaysInt(1)];
        assert_eq!(Sql::Sqlite.bytes(&columns), "bench_bytes(x'0100000000000000016100', i, x'020000000000000001')");
    }
}
