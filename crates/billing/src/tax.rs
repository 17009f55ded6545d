//! Value added tax as EN 16931 wants it: a category and a rate per line, a tax amount per group, rounded once per group.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AmountOutOfRange, CustomerKind, Money, Rate, Rounding};

/// VAT category codes of EN 16931 (UNTDID 5305 subset).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaxCategory {
    /// Standard or reduced rate.
    S,
    /// Zero rated.
    Z,
    /// Exempt from tax.
    E,
    /// Reverse charge: the buyer accounts for the tax.
    AE,
    /// Intra-Community supply of goods.
    K,
    /// Export outside the EU.
    G,
    /// Outside the scope of VAT.
    O,
}

impl TaxCategory {
    const ALL: [Self; 7] = [Self::S, Self::Z, Self::E, Self::AE, Self::K, Self::G, Self::O];

    /// The code itself.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Z => "Z",
            Self::E => "E",
            Self::AE => "AE",
            Self::K => "K",
            Self::G => "G",
            Self::O => "O",
        }
    }

    /// The category with that code, if there is one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code() == code)
    }
}

impl fmt::Display for TaxCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// How a customer is taxed by a seller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaxProfile {
    /// The category of each line.
    pub category: TaxCategory,
    /// The rate; zero in every category but `S`.
    pub rate: Rate,
}

/// The member states of the European Union, as ISO 3166-1 codes.
const EU_MEMBERS: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Whether a country (ISO 3166-1, two capitals) belongs to the EU's VAT area.
#[must_use]
pub fn is_eu_member(country: &str) -> bool {
    EU_MEMBERS.contains(&country)
}

impl TaxProfile {
    /// No tax, for a category whose rate is always zero.
    fn untaxed(category: TaxCategory) -> Self {
        Self { category, rate: Rate::ZERO }
    }

    /// How a seller in `seller_country`, whose own standard rate is `home_rate`, taxes a customer. Directive 2006/112/EC:
    /// an exempt customer pays none; at home the home rate; a company with a VAT number in another member state accounts
    /// for it itself (articles 44 and 196); other customers in the EU pay the home rate (article 59c, below the
    /// 10,000 EUR threshold); customers outside it none.
    #[must_use]
    pub fn decide(
        seller_country: &str,
        home_rate: Rate,
        customer_country: &str,
        kind: CustomerKind,
        has_vat_number: bool,
        exempt: bool,
    ) -> Self {
        if exempt {
            return Self::untaxed(TaxCategory::E);
        }
        let home = Self { category: TaxCategory::S, rate: home_rate };
        if customer_country == seller_country {
            return home;
        }
        match (is_eu_member(seller_country) && is_eu_member(customer_country), kind) {
            (true, CustomerKind::Company) if has_vat_number => Self::untaxed(TaxCategory::AE),
            (true, _) => home,
            (false, _) => Self::untaxed(TaxCategory::G),
        }
    }
}

/// The lines of one category and rate, and the tax on them (EN 16931 BG-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxGroup {
    /// The category and rate all its lines share.
    pub profile: TaxProfile,
    /// The sum of its lines, without tax.
    pub base: Money,
    /// The tax, rounded once.
    pub tax: Money,
}

impl TaxGroup {
    /// Groups amounts by category and rate, in the order of their codes.
    pub fn of_lines(
        lines: impl IntoIterator<Item = (TaxProfile, Money)>,
        rounding: Rounding,
    ) -> Result<Vec<Self>, AmountOutOfRange> {
        let mut bases: Vec<(TaxProfile, Money)> = Vec::new();
        for (profile, net) in lines {
            match bases.iter_mut().find(|(known, _)| *known == profile) {
                Some((_, base)) => *base = base.plus(net)?,
                None => bases.push((profile, net)),
            }
        }
        bases.sort_by_key(|(profile, _)| *profile);
        bases
            .into_iter()
            .map(|(profile, base)| Ok(Self { profile, base, tax: base.share(profile.rate, rounding)? }))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swedish_seller_taxes_its_customers() {
        let rate = Rate::parse_percent("25").unwrap();
        let decide = |country, kind, vat, exempt| {
            let profile = TaxProfile::decide("SE", rate, country, kind, vat, exempt);
            (profile.category, profile.rate.percent())
        };
        use CustomerKind::{Company, Private};
        use TaxCategory::{AE, E, G, S};
        for (country, kind, vat, exempt, category, percent) in [
            ("SE", Private, false, false, S, "25"),
            ("SE", Company, true, false, S, "25"),
            ("DE", Company, true, false, AE, "0"),
            ("DE", Company, false, false, S, "25"),
            ("FR", Private, false, false, S, "25"),
            ("NO", Company, true, false, G, "0"),
            ("US", Private, false, false, G, "0"),
            ("SE", Company, true, true, E, "0"),
        ] {
            assert_eq!(decide(country, kind, vat, exempt), (category, percent.to_owned()), "{country} {kind:?}");
        }
    }

    #[test]
    fn a_group_is_rounded_once() {
        let sek = "SEK".parse().unwrap();
        let profile = TaxProfile { category: TaxCategory::S, rate: Rate::parse_percent("25").unwrap() };
        let lines = [Money::new(10, sek), Money::new(10, sek), Money::new(10, sek)].map(|net| (profile, net));
        let groups = TaxGroup::of_lines(lines, Rounding::HalfUp).unwrap();
        // 30 × 25 % = 7.5 → 8; line by line it would have been 3 + 3 + 3 = 9.
        assert_eq!((groups.len(), groups[0].base.minor, groups[0].tax.minor), (1, 30, 8));
    }
}
