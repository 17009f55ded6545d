//! Kinds of documents.

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// An invoice (UNTDID 1001: 380).
    Invoice,
    /// A credit note (381): it corrects an invoice and gives back what that asked for. Its amounts are positive.
    CreditNote,
    /// A request for money that becomes the customer's credit. It is no invoice: nothing is supplied yet, and nobody knows
    /// what will be, so no tax is due (Directive 2006/112/EC, article 65, is about known supplies).
    Deposit,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Invoice, Self::CreditNote, Self::Deposit];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
            Self::Deposit => "deposit",
        }
    }

    /// The kind with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
