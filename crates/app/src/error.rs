//! What can go wrong in a verb.

use std::fmt;

use perennial_billing::{AmountOutOfRange, Country, DateOutOfRange, InvoiceId, VatNumber};
use perennial_store::StoreError;

/// The result of a verb.
pub type Result<T> = std::result::Result<T, AppError>;

/// Why a verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// What was given cannot be accepted.
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
    /// What was named does not exist, or is not the caller's to see.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// It was good once, and is not any more.
    #[error("This {0} is no longer valid")]
    Gone(&'static str),
    /// It contradicts how things stand.
    #[error("{0}")]
    Conflict(String),
    /// It changed since the caller read it.
    #[error("it has changed since it was read: read it again, then change it")]
    Changed,
    /// An unpaid renewal invoice is in the way.
    #[error("An unpaid renewal invoice, {0}, exists for this service")]
    Blocked(InvoiceId),
    /// A price source failed or has no price. The reason is for the log and for staff.
    #[error("{0}")]
    PriceUnavailable(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others changed the same rows again and again; the same call may succeed later.
    #[error("too many changes to the same services at once")]
    Contention,
    /// More is asked for than can be done now; the same call may succeed later.
    #[error("too many requests wait already")]
    Busy,
    /// The request was taken and its answer got lost: a mistake of ours. Asking again tells what became of it.
    #[error("the answer got lost")]
    Lost,
    /// The database is away; the same call may succeed later.
    #[error("the database is not available")]
    Unavailable,
    /// The operating system gave no random bytes.
    #[error("no randomness: {0}")]
    Random(String),
}

impl From<AmountOutOfRange> for AppError {
    fn from(error: AmountOutOfRange) -> Self {
        Self::Conflict(error.to_string())
    }
}

impl From<DateOutOfRange> for AppError {
    fn from(error: DateOutOfRange) -> Self {
        Self::Conflict(error.to_string())
    }
}

/// One thing that is wrong with what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it, as a fragment that reads on from the field's name.
    pub reason: String,
}

impl Problem {
    /// A problem with one field.
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.reason)
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Turns a list of problems into an error, if there are any.
pub(crate) fn refuse(problems: Vec<Problem>) -> Result<()> {
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}

/// Refuses to change what is not at the version any more that the caller has read, if the caller said which one that was.
pub(crate) fn check_version(expected: Option<i64>, version: i64) -> Result<()> {
    if expected.is_none_or(|expected| expected == version) { Ok(()) } else { Err(AppError::Changed) }
}

/// Characters that a name, an address line or a label may have at most.
pub(crate) const MAX_TEXT_CHARACTERS: usize = 200;

/// Complains about text that is too long, has control characters, or is missing although it is needed.
pub(crate) fn check_text(problems: &mut Vec<Problem>, field: &'static str, text: &str, is_needed: bool) {
    if is_needed && text.trim().is_empty() {
        problems.push(Problem::new(field, "is missing"));
    } else if text.chars().count() > MAX_TEXT_CHARACTERS {
        problems.push(Problem::new(field, format!("is longer than {MAX_TEXT_CHARACTERS} characters")));
    } else if text.chars().any(char::is_control) {
        problems.push(Problem::new(field, "contains control characters"));
    }
}

/// Complains about what is certainly no mail address. Whether it is read by someone only a mail can tell.
pub(crate) fn check_email(problems: &mut Vec<Problem>, field: &'static str, email: &str) {
    let is_plausible = match email.split_once('@') {
        Some((local, host)) => {
            let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
            plain(local) && plain(host) && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.')
        }
        None => false,
    };
    if !is_plausible || email.chars().count() > MAX_TEXT_CHARACTERS || email.contains([',', ';', '<', '>', '"']) {
        problems.push(Problem::new(field, format!("is not a mail address: {email:?}")));
    }
}

/// Complains about what is no ISO 3166-1 code of two capitals.
pub(crate) fn check_country(problems: &mut Vec<Problem>, field: &'static str, country: &str) {
    if let Err(error) = country.parse::<Country>() {
        problems.push(Problem::new(field, error.to_string()));
    }
}

/// Complains about what cannot be a VAT number, by the form and the check digits of its country.
pub(crate) fn check_vat_number(problems: &mut Vec<Problem>, field: &'static str, number: &str) {
    if number.is_empty() {
        return;
    }
    if let Err(error) = number.parse::<VatNumber>() {
        problems.push(Problem::new(field, format!("{error}: {number:?}")));
    }
}
