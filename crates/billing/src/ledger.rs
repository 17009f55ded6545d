//! Double entry: every row moves an amount from one account to another, so that the books cannot but balance.

use crate::{Money, ProductId, TaxGroup, TaxProfile};

/// An account of the seller's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What customers owe.
    Receivable,
    /// What was earned, by product and tax.
    Revenue,
    /// Tax that is owed, by country, category and rate.
    Vat,
    /// Money that came in and went out.
    Bank,
    /// What customers have with the seller.
    Credit,
    /// What will not be paid.
    BadDebt,
    /// What totals were rounded by.
    Rounding,
}

impl Account {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Receivable, Self::Revenue, Self::Vat, Self::Bank, Self::Credit, Self::BadDebt, Self::Rounding];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receivable => "receivable",
            Self::Revenue => "revenue",
            Self::Vat => "vat",
            Self::Bank => "bank",
            Self::Credit => "credit",
            Self::BadDebt => "bad_debt",
            Self::Rounding => "rounding",
        }
    }

    /// The account with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.as_str() == word)
    }
}

/// What happened that is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An invoice was issued, or taken back.
    Invoice,
    /// A credit note was issued.
    CreditNote,
    /// Money came in.
    Payment,
    /// Money went back.
    Refund,
    /// Credit was used, or an invoice written off.
    Settlement,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Invoice, Self::CreditNote, Self::Payment, Self::Refund, Self::Settlement];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Settlement => "settlement",
        }
    }

    /// The source with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// One move: the amount is debited to one account and credited to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where it goes.
    pub debit: Account,
    /// Where it comes from.
    pub credit: Account,
    /// How much; more than nothing.
    pub amount: Money,
    /// Which product, for revenue of one.
    pub product: Option<ProductId>,
    /// Which tax, for revenue and tax.
    pub tax: Option<TaxProfile>,
}

impl Entry {
    /// A move between two accounts; the other way round if the amount is negative, none if it is nothing.
    #[must_use]
    pub fn moving(debit: Account, credit: Account, amount: Money) -> Option<Self> {
        let (debit, credit) = if amount.minor < 0 { (credit, debit) } else { (debit, credit) };
        let amount = Money::new(amount.minor.saturating_abs(), amount.currency);
        (amount.minor != 0).then_some(Self { debit, credit, amount, product: None, tax: None })
    }

    /// The same, undone.
    #[must_use]
    pub fn undone(self) -> Self {
        Self { debit: self.credit, credit: self.debit, ..self }
    }
}

/// What an invoice books: the customer owes what was earned with each product, by tax, and the tax on it. `earned` is the
/// product, the tax and the net of each line.
#[must_use]
pub fn of_invoice(
    earned: impl IntoIterator<Item = (Option<ProductId>, TaxProfile, Money)>,
    groups: &[TaxGroup],
    rounding: Money,
) -> Vec<Entry> {
    let mut sums: Vec<(Option<ProductId>, TaxProfile, Money)> = Vec::new();
    for (product, tax, net) in earned {
        match sums.iter_mut().find(|sum| (sum.0, sum.1) == (product, tax)) {
            // The sum of all lines was found to fit.
            Some((.., sum)) => sum.minor = sum.minor.saturating_add(net.minor),
            None => sums.push((product, tax, net)),
        }
    }
    let owed = |to, amount| Entry::moving(Account::Receivable, to, amount);
    let mut entries = Vec::new();
    for (product, tax, net) in sums {
        entries.extend(owed(Account::Revenue, net).map(|entry| Entry { product, tax: Some(tax), ..entry }));
    }
    for group in groups {
        entries.extend(owed(Account::Vat, group.tax).map(|entry| Entry { tax: Some(group.profile), ..entry }));
    }
    entries.extend(owed(Account::Rounding, rounding));
    entries
}
