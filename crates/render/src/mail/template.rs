//! The texts of mails: the usual ones, or those a seller writes instead.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::LetterKind;
use crate::words;

/// The largest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 64 * 1024;
/// Steps that a template may take to be filled in: one that goes on and on is stopped.
pub const TEMPLATE_FUEL_STEPS: u64 = 500_000;
/// The longest subject, in characters.
pub const MAX_SUBJECT_CHARACTERS: usize = 250;

/// What of a mail a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePart {
    /// The subject: one line.
    Subject,
    /// The plain text.
    Text,
    /// The same as HTML.
    Html,
}

impl TemplatePart {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    /// What the name of its template ends with: `subject`, `txt` or `html`.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "txt",
            Self::Html => "html",
        }
    }
}

/// The text that is used when a seller has none of its own.
#[must_use]
pub fn usual_template(kind: LetterKind, part: TemplatePart) -> &'static str {
    match (kind, part) {
        (LetterKind::PriceNotice, TemplatePart::Subject) => include_str!("../../templates/mail/price-notice.subject"),
        (LetterKind::PriceNotice, TemplatePart::Text) => include_str!("../../templates/mail/price-notice.txt"),
        (LetterKind::PriceNotice, TemplatePart::Html) => include_str!("../../templates/mail/price-notice.html"),
        (_, TemplatePart::Subject) => include_str!("../../templates/mail/document.subject"),
        (_, TemplatePart::Text) => include_str!("../../templates/mail/document.txt"),
        (_, TemplatePart::Html) => include_str!("../../templates/mail/document.html"),
    }
}

/// Which mails a template is for: `invoice.html` for all, `invoice.sv.html` for those in Swedish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateName {
    /// What the mail is.
    pub kind: LetterKind,
    /// Only in this language.
    pub language: Option<&'static str>,
    /// Which part of it.
    pub part: TemplatePart,
}

impl TemplateName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`TemplateError::Name`], which tells the names there are.
    pub fn read(name: &str) -> Result<Self, TemplateError> {
        let unknown = || TemplateError::Name(name.to_owned());
        let mut words = name.split('.');
        let kind = words.next().and_then(LetterKind::from_word).ok_or_else(unknown)?;
        let ending = words.next_back().ok_or_else(unknown)?;
        let part = TemplatePart::ALL.into_iter().find(|part| part.ending() == ending).ok_or_else(unknown)?;
        let language = match (words.next(), words.next()) {
            (None, _) => None,
            (Some(wanted), None) => {
                let known = words::ALL.into_iter().map(|known| known.language).find(|known| *known == wanted);
                Some(known.ok_or_else(unknown)?)
            }
            _ => return Err(unknown()),
        };
        Ok(Self { kind, language, part })
    }
}

/// A text cannot be used as a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no such mail.
    #[error(
        "there is no mail template {0:?}: use invoice, credit-note, deposit, reminder or price-notice, then a language if it \
         is for one only, then subject, txt or html, as in invoice.html or reminder.sv.txt"
    )]
    Name(String),
    /// It cannot be read or filled in.
    #[error("template {name}: {reason}")]
    Text {
        /// Its name.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// It is too large.
    #[error("template {0} has more than {MAX_TEMPLATE_BYTES} bytes")]
    TooLarge(String),
}

/// The texts of one seller's mails.
#[derive(Debug, Clone, Default)]
pub struct Templates(BTreeMap<String, String>);

impl Templates {
    /// The usual texts but for these, by name.
    #[must_use]
    pub fn with(own: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(own.into_iter().collect())
    }

    /// Fills in a part of a mail.
    pub(super) fn fill(
        &self,
        kind: LetterKind,
        part: TemplatePart,
        language: &str,
        values: &impl Serialize,
    ) -> Result<String, TemplateError> {
        let ending = part.ending();
        let names = [format!("{kind}.{language}.{ending}"), format!("{kind}.{ending}")];
        let own = names.iter().find_map(|name| Some((name.as_str(), self.0.get(name)?.as_str())));
        let (name, text) = own.unwrap_or((&names[1], usual_template(kind, part)));
        let failed = |error: minijinja::Error| TemplateError::Text { name: name.to_owned(), reason: told(&error) };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(TEMPLATE_FUEL_STEPS));
        environment.add_template(name, text).map_err(failed)?;
        let filled = environment
            .get_template(name)
            .and_then(|template| template.render(Value::from(Serde(values))))
            .map_err(failed)?;
        Ok(match part {
            TemplatePart::Subject => one_line(&filled),
            TemplatePart::Text | TemplatePart::Html => filled,
        })
    }
}

/// What is wrong with a template, in one line.
fn told(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{line}{}{detail}", error.kind())
}

/// A subject has one line, and not the longest.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(MAX_SUBJECT_CHARACTERS).collect()
}
