//! Strict readers of what is written, by the rules of each format and without the code that writes it.

use std::collections::{BTreeMap, BTreeSet};

use perennial_billing::{Currency, Money};

/// A voucher as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub day: String,
    /// What stands in parentheses, or the series.
    pub code: String,
    pub text: Vec<u8>,
    /// Account and amount.
    pub postings: Vec<(String, Money)>,
}

impl Read {
    /// What its postings come to, by currency; nothing that is nought.
    pub fn rest(&self) -> BTreeMap<Currency, i128> {
        let mut rest = BTreeMap::new();
        for (_, amount) in &self.postings {
            *rest.entry(amount.currency).or_default() += i128::from(amount.minor);
        }
        rest.retain(|_, minor| *minor != 0);
        rest
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a journal: every account and currency has to be declared before it is used.
pub fn plain(text: &str) -> Vec<Read> {
    let mut accounts = BTreeSet::new();
    let mut currencies = BTreeMap::new();
    let mut read: Vec<Read> = Vec::new();
    let mut blank = false;
    assert!(text.ends_with('\n') && !text.contains('\r'));
    for line in text.split_terminator('\n') {
        if let Some(posting) = line.strip_prefix("    ") {
            assert!(!blank, "no transaction before {line:?}");
            if let Some(tag) = posting.strip_prefix("; customer:") {
                tag.parse::<i64>().unwrap();
                continue;
            }
            let (account, amount) = posting.split_once("  ").unwrap();
            let (amount, code) = amount.split_once(' ').unwrap();
            let currency: Currency = code.parse().unwrap();
            assert!(accounts.contains(account) && currencies.contains_key(code), "not declared: {line:?}");
            let digits = amount.split_once('.').map_or(0, |(_, digits)| digits.len());
            assert_eq!(digits, currencies[code], "{line:?}");
            let amount = Money::parse(amount, currency).unwrap();
            assert_ne!(amount.minor, 0);
            read.last_mut().unwrap().postings.push((account.to_owned(), amount));
        } else if let Some(account) = line.strip_prefix("account ") {
            assert!(accounts.insert(account.to_owned()), "twice: {line:?}");
        } else if let Some(commodity) = line.strip_prefix("commodity 1000.") {
            let (zeros, code) = commodity.split_once(' ').unwrap();
            assert!(currencies.insert(code.to_owned(), zeros.len()).is_none(), "twice: {line:?}");
        } else if !line.is_empty() && !line.starts_with("; ") && line != "decimal-mark ." {
            let (day, rest) = line.split_once(" (").unwrap();
            assert!(day.parse::<jiff::civil::Date>().is_ok() && day.len() == 10, "{line:?}");
            let (code, text) = rest.split_once(") ").unwrap();
            let (payee, note) = text.split_once(" | ").unwrap();
            assert!(!payee.is_empty() && !note.is_empty() && !note.contains('|') && !text.contains(';'), "{line:?}");
            let (day, code, text) = (day.to_owned(), code.to_owned(), text.to_owned().into_bytes());
            read.push(Read { day, code, text, postings: Vec::new() });
        }
        blank = line.is_empty();
    }
    read
}

/// A field of a SIE file.
#[derive(Debug, PartialEq, Eq)]
enum Field {
    Word(String),
    Text(Vec<u8>),
    Objects,
}

impl Field {
    fn word(&self) -> &str {
        let Self::Word(word) = self else { panic!("not a word: {self:?}") };
        word
    }

    fn text(&self) -> &[u8] {
        let Self::Text(text) = self else { panic!("not in quotes: {self:?}") };
        text
    }
}

/// Splits a line into its fields: words of letters, digits, points and hyphens, texts in quotes with `\"` for a quote, and
/// lists of objects, which are empty here; a space between.
fn fields(mut rest: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    loop {
        let field = match rest {
            [b'"', tail @ ..] => {
                rest = tail;
                let mut text = Vec::new();
                loop {
                    match rest {
                        [b'\\', b'"', tail @ ..] => {
                            text.push(b'"');
                            rest = tail;
                        }
                        [b'"', tail @ ..] => {
                            rest = tail;
                            break;
                        }
                        [byte, tail @ ..] => {
                            assert_ne!(*byte, b'\\', "a backslash is before a quote only");
                            text.push(*byte);
                            rest = tail;
                        }
                        [] => panic!("no closing quote"),
                    }
                }
                Field::Text(text)
            }
            [b'{', b'}', tail @ ..] => {
                rest = tail;
                Field::Objects
            }
            _ => {
                let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b".-#".contains(byte);
                let end = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
                assert!(end > 0, "neither a word nor a text: {rest:?}");
                let word = String::from_utf8(rest[..end].to_vec()).unwrap();
                rest = &rest[end..];
                Field::Word(word)
            }
        };
        fields.push(field);
        match rest {
            [] => return fields,
            [b' ', tail @ ..] => rest = tail,
            _ => panic!("no space after a field: {rest:?}"),
        }
    }
}

/// A SIE file of type 4I as it was read.
#[derive(Debug)]
pub struct Sie {
    /// The items before the accounts.
    pub head: BTreeMap<String, Vec<String>>,
    pub accounts: BTreeMap<String, Vec<u8>>,
    pub vouchers: Vec<Read>,
}

/// What a file of type 4I has to have, and what else it may have before the accounts.
const COMPULSORY: [&str; 6] = ["#FLAGGA", "#PROGRAM", "#FORMAT", "#GEN", "#SIETYP", "#FNAMN"];
const OPTIONAL: [&str; 4] = ["#ORGNR", "#RAR", "#KPTYP", "#VALUTA"];

/// An amount: digits, a point, at most two decimals.
fn amount(text: &str, currency: Currency) -> Money {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    assert!(decimals <= 2 && !text.starts_with('+'), "{text}");
    Money::parse(text, currency).unwrap()
}

pub fn sie(bytes: &[u8]) -> Sie {
    let mut sie = Sie { head: BTreeMap::new(), accounts: BTreeMap::new(), vouchers: Vec::new() };
    let mut group = 0;
    let mut open = false;
    assert!(bytes.ends_with(b"\r\n"));
    let lines = bytes[..bytes.len() - 2].split(|byte| *byte == b'\n');
    for line in lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)) {
        assert!(!line.iter().any(|byte| *byte < 32 || *byte == 127), "a control character: {line:?}");
        match line {
            b"{" => {
                assert!(!open && sie.vouchers.last().unwrap().postings.is_empty());
                open = true;
                continue;
            }
            b"}" => {
                let voucher = sie.vouchers.last().unwrap();
                assert!(open && !voucher.postings.is_empty() && voucher.rest().is_empty(), "{voucher:?}");
                open = false;
                continue;
            }
            _ => {}
        }
        let fields = fields(line);
        let label = fields[0].word().to_owned();
        let now = match label.as_str() {
            "#FLAGGA" => 1,
            "#KONTO" => 3,
            "#VER" | "#TRANS" => 4,
            _ => 2,
        };
        assert!(now >= group && group + now > 0, "out of order: {label}");
        assert_eq!(group == 0, now == 1, "the flag is first and once");
        assert_eq!(open, label == "#TRANS");
        group = now;
        match (label.as_str(), &fields[1..]) {
            ("#KONTO", [number, name]) => {
                assert!(is_digits(number.word(), 4));
                assert!(sie.accounts.insert(number.word().to_owned(), name.text().to_owned()).is_none());
            }
            ("#VER", [series, number, day, text]) => {
                assert_eq!(number.text(), b"");
                let year = &sie.head["#RAR"];
                assert!(is_digits(day.word(), 8) && (&*year[1]..=&*year[2]).contains(&day.word()));
                let (day, code, text) = (day.word().to_owned(), series.word().to_owned(), text.text().to_owned());
                sie.vouchers.push(Read { day, code, text, postings: Vec::new() });
            }
            ("#TRANS", [number, Field::Objects, value, day, rest @ ..]) => {
                assert!(sie.accounts.contains_key(number.word()), "not declared: {number:?}");
                assert!(rest.len() <= 1 && rest.iter().all(|text| !text.text().is_empty()));
                let voucher = sie.vouchers.last_mut().unwrap();
                assert_eq!(day.word(), voucher.day);
                let currency = sie.head["#VALUTA"][0].parse().unwrap();
                voucher.postings.push((number.word().to_owned(), amount(value.word(), currency)));
            }
            (head, values) => {
                assert!(COMPULSORY.contains(&head) || OPTIONAL.contains(&head), "{head}");
                let value = |field: &Field| match field {
                    Field::Word(word) => word.clone(),
                    Field::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    Field::Objects => panic!("objects in {head}"),
                };
                assert!(sie.head.insert(label.clone(), values.iter().map(value).collect()).is_none(), "twice: {label}");
            }
        }
    }
    assert!(!open);
    for label in COMPULSORY {
        assert!(sie.head.contains_key(label), "{label}");
    }
    assert_eq!((&*sie.head["#FORMAT"][0], &*sie.head["#SIETYP"][0], &*sie.head["#FLAGGA"][0]), ("PC8", "4", "0"));
    sie
}

/// Reads a table with the csv crate: each row has all columns.
pub fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().terminator(csv::Terminator::CRLF).from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}
