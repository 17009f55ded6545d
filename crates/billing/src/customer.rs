//! What kind of customer is billed.

use serde::{Deserialize, Serialize};

/// Decides the wording of an invoice and, with the country and a VAT number, its tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerKind {
    /// A consumer.
    Private,
    /// A taxable or non-taxable legal person, or a sole trader.
    Company,
}

impl CustomerKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Private, Self::Company];

    /// The word kept in the database and in CSV files: `private` or `company`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Company => "company",
        }
    }

    /// The kind with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
