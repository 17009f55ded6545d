//! What the rules of EN 16931 would find wrong with a document, before its number is used.

use perennial_billing::{Currency, DocumentKind, TaxCategory};

use super::fits;
use crate::document::{Document, Party};

/// Something that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlProblem {
    /// The rule that it breaks, as EN 16931-1 names it.
    pub rule: &'static str,
    /// The business term that it is about.
    pub term: &'static str,
    /// What is wrong.
    pub problem: &'static str,
    /// Where that is mended.
    pub mend: Mend,
}

/// Where data is mended. A document that was issued never changes: what is mended counts for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// `perennial seller set` with this option.
    Seller(&'static str),
    /// `perennial customer set` with this option.
    Customer(&'static str),
    /// The line's text.
    Line,
    /// Nowhere: the norm cannot express it.
    Nowhere,
}

/// What decides whether the official rules accept a document; it may not be issued yet.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What it is.
    pub kind: DocumentKind,
    /// Its currency, and the seller's where its tax is told in that too.
    pub currencies: (Currency, Option<Currency>),
    /// Who issues it.
    pub seller: Named<'a>,
    /// Who is billed.
    pub buyer: Named<'a>,
    /// The categories of its taxes.
    pub categories: &'a [TaxCategory],
    /// Whether a line has no text.
    pub is_line_nameless: bool,
}

/// What is known of a party.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its name.
    pub name: &'a str,
    /// ISO 3166-1.
    pub country: &'a str,
    /// VAT number, or empty.
    pub vat_number: &'a str,
    /// Registration number, or empty.
    pub company_number: &'a str,
}

impl<'a> Named<'a> {
    fn of(party: &'a Party) -> Self {
        let Party { name, country, vat_number, company_number, .. } = party;
        Self { name, country, vat_number, company_number }
    }

    /// Whether a VAT number, if there is one, begins with two letters.
    fn has_prefix(self) -> bool {
        self.vat_number.is_empty() || self.vat_number.chars().take(2).filter(char::is_ascii_uppercase).count() == 2
    }
}

/// What the official rules would refuse a document for. Amounts are not checked: they are right by the way they are made,
/// and `doctor` computes them again.
#[must_use]
pub fn problems(document: &Document) -> Vec<XmlProblem> {
    let categories: Vec<TaxCategory> = document.taxes.iter().map(|tax| tax.profile.category).collect();
    problems_of(Given {
        kind: document.kind,
        currencies: (document.currency, document.home_tax.as_ref().map(|home| home.tax.currency)),
        seller: Named::of(&document.seller),
        buyer: Named::of(&document.buyer),
        categories: &categories,
        is_line_nameless: document.lines.iter().any(|line| line.description.trim().is_empty()),
    })
}

/// The same of a document that may not be issued yet.
#[must_use]
pub fn problems_of(given: Given<'_>) -> Vec<XmlProblem> {
    let mut found = Vec::new();
    let mut complain = |is_wrong: bool, rule, term, problem, mend| {
        if is_wrong {
            found.push(XmlProblem { rule, term, problem, mend });
        }
    };
    let Given { kind, currencies: (currency, home), seller, buyer, categories, is_line_nameless } = given;
    let has = |category: TaxCategory| categories.contains(&category);
    let is_out_of_scope = has(TaxCategory::O);

    complain(kind == DocumentKind::Deposit, "BR-04", "BT-3", "a deposit is no invoice", Mend::Nowhere);
    let too_fine = !fits(currency) || home.is_some_and(|home| !fits(home));
    complain(too_fine, "BR-DEC-12", "BT-109", "amounts may have two digits at most", Mend::Nowhere);

    complain(seller.name.is_empty(), "BR-06", "BT-27", "the seller has no name", Mend::Seller("--name"));
    complain(seller.country.is_empty(), "BR-09", "BT-40", "the seller has no country", Mend::Seller("--country"));
    complain(buyer.name.is_empty(), "BR-07", "BT-44", "the buyer has no name", Mend::Customer("--company or --name"));
    complain(buyer.country.is_empty(), "BR-11", "BT-55", "the buyer has no country", Mend::Customer("--country"));

    let seller_vat_shown = !is_out_of_scope && !seller.vat_number.is_empty();
    let is_anonymous = seller.company_number.is_empty() && !seller_vat_shown;
    complain(
        is_anonymous,
        "BR-CO-26",
        "BT-30",
        "the seller has neither a registration number nor a VAT number that may be shown",
        Mend::Seller("--company-number"),
    );
    // What charges tax, or says why it does not, names who would owe it.
    for (category, rule) in [
        (TaxCategory::S, "BR-S-02"),
        (TaxCategory::Z, "BR-Z-02"),
        (TaxCategory::E, "BR-E-02"),
        (TaxCategory::AE, "BR-AE-02"),
        (TaxCategory::K, "BR-IC-02"),
        (TaxCategory::G, "BR-G-02"),
    ] {
        let is_wrong = has(category) && seller.vat_number.is_empty();
        complain(is_wrong, rule, "BT-31", "the seller has no VAT number", Mend::Seller("--vat-number"));
    }
    let buyer_is_known = !buyer.vat_number.is_empty();
    let no_number = "the buyer accounts for the tax and has no VAT number";
    for (category, rule) in [(TaxCategory::AE, "BR-AE-02"), (TaxCategory::K, "BR-IC-02")] {
        complain(has(category) && !buyer_is_known, rule, "BT-48", no_number, Mend::Customer("--vat-number"));
    }
    for (party, term, mend) in
        [(seller, "BT-31", Mend::Seller("--vat-number")), (buyer, "BT-48", Mend::Customer("--vat-number"))]
    {
        complain(!party.has_prefix(), "BR-CO-09", term, "a VAT number begins with two letters", mend);
    }
    let is_mixed = is_out_of_scope && categories.iter().any(|category| *category != TaxCategory::O);
    let mixed = "what is outside the scope of VAT needs a document of its own";
    complain(is_mixed, "BR-O-11", "BT-118", mixed, Mend::Line);
    complain(is_line_nameless, "BR-25", "BT-153", "a line has no text", Mend::Line);
    found
}

impl std::fmt::Display for Mend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seller(option) => write!(f, "`perennial seller set {option}`"),
            Self::Customer(option) => write!(f, "`perennial customer set ID {option}`"),
            Self::Line => f.write_str("the text of the line"),
            Self::Nowhere => f.write_str("nowhere: the norm has no way to say it"),
        }
    }
}
