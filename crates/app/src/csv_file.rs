//! Reading the rows of a CSV file, each problem with its file, line and column.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::path::Path;

use jiff::civil::Date;
use perennial_billing::Quantity;

use crate::{CSV_COLUMNS_ADDED, Problem};

/// Problems that are kept to be shown; more are only counted.
pub const MAX_PROBLEMS_KEPT: usize = 1_000;
/// Characters of a bad field that are repeated to the person who has to mend it.
const MAX_QUOTED_CHARACTERS: usize = 80;
/// Bytes of a CSV file at most.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvProblem {
    /// Which file.
    pub file: &'static str,
    /// On which line, from 1; none when it concerns the whole file.
    pub line: Option<u64>,
    /// In which column.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub reason: String,
}

impl Display for CsvProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ": {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Problems so far.
#[derive(Default)]
pub(crate) struct Problems {
    kept: Vec<CsvProblem>,
    total: usize,
}

impl Problems {
    pub fn add(&mut self, file: &'static str, line: Option<u64>, column: Option<&'static str>, reason: impl Display) {
        self.total += 1;
        if self.kept.len() < MAX_PROBLEMS_KEPT {
            self.kept.push(CsvProblem { file, line, column, reason: reason.to_string() });
        }
    }

    /// The problems that are kept and how many there are, unless there are none.
    pub fn found(self) -> Option<(Vec<CsvProblem>, usize)> {
        (self.total > 0).then_some((self.kept, self.total))
    }
}

/// One row, and where to complain about it.
pub(crate) struct CsvRow<'a> {
    file: &'static str,
    line: u64,
    columns: &'static [&'static str],
    fields: &'a csv::StringRecord,
    problems: &'a mut Problems,
}

impl CsvRow<'_> {
    fn field(&self, column: &'static str) -> &str {
        let place = self.columns.iter().position(|name| *name == column);
        place.and_then(|place| self.fields.get(place)).unwrap_or_default().trim()
    }

    pub fn text(&self, column: &'static str) -> String {
        self.field(column).to_owned()
    }

    /// Complains, and gives nothing.
    pub fn complain<T>(&mut self, column: &'static str, reason: impl Display) -> Option<T> {
        self.problems.add(self.file, Some(self.line), Some(column), reason);
        None
    }

    pub fn report(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            self.complain::<()>(problem.field, problem.reason);
        }
    }

    pub fn read<T, E: Display>(&mut self, column: &'static str, read: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let text = self.field(column);
        if text.is_empty() {
            return self.complain(column, "is missing");
        }
        match read(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let shown: String = text.chars().take(MAX_QUOTED_CHARACTERS).collect();
                let reason = if shown.len() < text.len() {
                    format!("{shown:?}…: not valid")
                } else {
                    format!("{text:?}: {error}")
                };
                self.complain(column, reason)
            }
        }
    }

    pub fn parsed<T: std::str::FromStr<Err: Display>>(&mut self, column: &'static str) -> Option<T> {
        self.read(column, str::parse)
    }

    /// An empty field is `Some(None)`, a bad one `None`.
    pub fn optional<T, E: Display>(
        &mut self,
        column: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        if self.field(column).is_empty() { Some(None) } else { self.read(column, read).map(Some) }
    }

    pub fn date(&mut self, column: &'static str) -> Option<Date> {
        self.read(column, date)
    }

    pub fn quantity(&mut self) -> Option<Quantity> {
        self.read("quantity", |text| match text.parse::<Quantity>() {
            Ok(quantity) if quantity.millionths() > 0 => Ok(quantity),
            Ok(_) => Err("must be more than 0".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }

    pub fn flag(&mut self, column: &'static str) -> Option<bool> {
        self.read(column, |text| match text {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err("must be 0 or 1"),
        })
    }

    /// An id that an earlier file or the database knows.
    pub fn known<T>(&mut self, column: &'static str, file: &str, is_known: impl Fn(&T) -> bool) -> Option<T>
    where
        T: std::str::FromStr<Err: Display> + Display,
    {
        let id = self.parsed(column)?;
        if is_known(&id) {
            Some(id)
        } else {
            self.complain(column, format!("{id} is neither a good row of {file} nor in the database"))
        }
    }
}

pub(crate) fn date(text: &str) -> Result<Date, &'static str> {
    let date: Option<Date> = text.parse().ok();
    // Other notations of ISO 8601 are read too, but a file that mixes them hides a mistake.
    date.filter(|date| date.to_string() == text).ok_or("not a date such as 2026-11-30")
}

/// Reads every row of a file that can be read.
pub(crate) fn rows<T>(
    folder: &Path,
    (file, columns): (&'static str, &'static [&'static str]),
    problems: &mut Problems,
    key: impl Fn(&T) -> String,
    mut read: impl FnMut(&mut CsvRow<'_>) -> Option<T>,
) -> Vec<T> {
    let path = folder.join(file);
    let opened = std::fs::metadata(&path).and_then(|about| {
        if about.len() > MAX_FILE_BYTES {
            return Err(std::io::Error::other(format!("the file is larger than {MAX_FILE_BYTES} bytes")));
        }
        std::fs::read(&path)
    });
    let bytes = match opened {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.add(file, None, None, format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let added = CSV_COLUMNS_ADDED.iter().find(|(name, _)| *name == file).map_or(0, |(_, added)| *added);
    let header = reader.headers().map(|header| header.iter().map(str::trim).collect::<Vec<_>>());
    let fits = header.is_ok_and(|header| header == columns || header == columns[..columns.len() - added]);
    let width = reader.headers().map_or(0, csv::StringRecord::len);
    if !fits {
        problems.add(file, Some(1), None, format!("the first line must be {}", columns.join(",")));
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    for record in reader.records() {
        match record {
            Ok(fields) => {
                let line = fields.position().map_or(0, csv::Position::line);
                if fields.len() != width {
                    let reason = format!("has {} fields instead of {width}", fields.len());
                    problems.add(file, Some(line), None, reason);
                    continue;
                }
                let before = problems.total;
                let row = read(&mut CsvRow { file, line, columns, fields: &fields, problems });
                debug_assert!(row.is_some() || problems.total > before, "a row was dropped in silence");
                if let Some(row) = row {
                    let key = key(&row);
                    if let Some(first) = lines.get(&key) {
                        problems.add(
                            file,
                            Some(line),
                            Some(columns[0]),
                            format!("{key} stands on line {first} already"),
                        );
                    }
                    lines.entry(key).or_insert(line);
                    rows.push(row);
                }
            }
            Err(error) => {
                let line = error.position().map(csv::Position::line);
                problems.add(file, line, None, "is not valid UTF-8 or not valid CSV");
            }
        }
    }
    rows
}
