//! Whether what falls due together stands on one invoice.

/// How the renewals of one customer that fall due together are invoiced by the renewal run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invoicing {
    /// On one invoice.
    Together,
    /// Each on its own.
    Separate,
}

impl Invoicing {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Together, Self::Separate];

    /// The word kept in the database: `together` or `separate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Together => "together",
            Self::Separate => "separate",
        }
    }

    /// The way with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }
}
