//! Value added tax as EN 16931 wants it: a category and a rate per line, a tax amount per group, rounded once per group.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AmountOutOfRange, AmountRules, Country, Money, Rate, TaxRounding};

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
    /// All of them.
    pub const ALL: [Self; 7] = [Self::S, Self::Z, Self::E, Self::AE, Self::K, Self::G, Self::O];

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

/// The tax on a line: its category, rate, and whose tax it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaxProfile {
    /// Whose tax: the seller's country, or the customer's under the one-stop shop.
    pub country: Country,
    /// The category.
    pub category: TaxCategory,
    /// The rate; zero in every category but `S`.
    pub rate: Rate,
}

/// The lines of one category and rate, and the tax on them (EN 16931 BG-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxGroup {
    /// The country, category and rate all its lines share.
    pub profile: TaxProfile,
    /// The sum of its lines, without tax.
    pub base: Money,
    /// The tax, rounded once, or once a line if the seller wants it so.
    pub tax: Money,
}

impl TaxGroup {
    /// Groups amounts by country, category and rate, in the order of their codes.
    pub fn of_lines(
        lines: impl IntoIterator<Item = (TaxProfile, Money)>,
        rules: AmountRules,
    ) -> Result<Vec<Self>, AmountOutOfRange> {
        let mut groups: Vec<Self> = Vec::new();
        for (profile, net) in lines {
            let nothing = Money::zero(net.currency);
            let place = groups.iter().position(|group| group.profile == profile).unwrap_or_else(|| {
                groups.push(Self { profile, base: nothing, tax: nothing });
                groups.len() - 1
            });
            let group = &mut groups[place];
            group.base = group.base.plus(net)?;
            if rules.tax_rounding == TaxRounding::Line {
                group.tax = group.tax.plus(net.share(profile.rate, rules.rounding)?)?;
            }
        }
        if rules.tax_rounding == TaxRounding::Group {
            for group in &mut groups {
                group.tax = group.base.share(group.profile.rate, rules.rounding)?;
            }
        }
        groups.sort_by_key(|group| group.profile);
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_rounded_once_or_once_a_line() {
        let sek = "SEK".parse().unwrap();
        let rate = Rate::parse_percent("25").unwrap();
        let profile = TaxProfile { country: "SE".parse().unwrap(), category: TaxCategory::S, rate };
        let lines = || [10, 10, 10].map(|minor| (profile, Money::new(minor, sek)));
        let groups = TaxGroup::of_lines(lines(), AmountRules::default()).unwrap();
        // 30 × 25 % = 7.5 → 8; line by line 2.5 → 3, three times.
        assert_eq!((groups.len(), groups[0].base.minor, groups[0].tax.minor), (1, 30, 8));
        let rules = AmountRules { tax_rounding: TaxRounding::Line, ..AmountRules::default() };
        assert_eq!(TaxGroup::of_lines(lines(), rules).unwrap()[0].tax.minor, 9);
    }
}
