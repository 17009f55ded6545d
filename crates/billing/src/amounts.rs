//! How the amounts of a document are made from its lines.

use serde::{Deserialize, Serialize};

use crate::line::Line;
use crate::{AmountOutOfRange, Currency, Money, Rate, Rounding, TaxCategory, TaxGroup, TaxProfile};

/// The rules by which a document's amounts are made. They are kept with it and used again for what corrects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountRules {
    /// How fractions of a minor unit are rounded.
    pub rounding: Rounding,
    /// Whether tax is rounded once for all lines of a group, or for each line.
    pub tax_rounding: TaxRounding,
    /// Whether prices contain the tax.
    pub includes_tax: bool,
    /// The total is a multiple of so many minor units: 100 for whole crowns, 5 for Swiss five-centime pieces, 1 for any.
    pub payable_step: i64,
}

impl Default for AmountRules {
    fn default() -> Self {
        let (rounding, tax_rounding) = (Rounding::default(), TaxRounding::default());
        Self { rounding, tax_rounding, includes_tax: false, payable_step: 1 }
    }
}

/// What tax is rounded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxRounding {
    /// All lines of a category and rate together, as EN 16931 has it (BR-CO-17).
    #[default]
    Group,
    /// Each line; the group's tax is their sum.
    Line,
}

impl TaxRounding {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Group, Self::Line];

    /// The word kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Line => "line",
        }
    }

    /// The way with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }
}

/// The amounts of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amounts {
    /// Tax per country, category and rate.
    pub tax_groups: Vec<TaxGroup>,
    /// The sum of the lines, without tax.
    pub net: Money,
    /// The sum of the groups' tax.
    pub tax: Money,
    /// What the total is rounded by to what can be paid (EN 16931 BT-114).
    pub rounding: Money,
    /// `net + tax + rounding`.
    pub total: Money,
}

/// What of a line decides the amounts of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxedAmount {
    /// Country, category and rate.
    pub tax: TaxProfile,
    /// The rate that the price contains, where prices contain tax.
    pub contained: Rate,
    /// Without tax; where prices contain it, with it until it is taken out.
    pub net: Money,
    /// With tax, where prices contain it.
    pub gross: Option<Money>,
}

impl AmountRules {
    /// As [`AmountRules::amounts`], of lines that bill services.
    pub(crate) fn amounts_of(self, currency: Currency, lines: &mut [Line]) -> Result<Amounts, AmountOutOfRange> {
        let taxed = |line: &Line| {
            let Line { tax, contained, net, gross, .. } = *line;
            TaxedAmount { tax, contained, net, gross }
        };
        let mut amounts: Vec<TaxedAmount> = lines.iter().map(taxed).collect();
        let made = self.amounts(currency, &mut amounts)?;
        for (line, taxed) in lines.iter_mut().zip(amounts) {
            (line.net, line.gross) = (taxed.net, taxed.gross);
        }
        Ok(made)
    }

    /// The amounts of these lines. Where prices contain the tax, it is taken out of them first.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] when a sum does not fit.
    pub fn amounts(self, currency: Currency, lines: &mut [TaxedAmount]) -> Result<Amounts, AmountOutOfRange> {
        let tax_groups = if self.includes_tax {
            self.take_tax_out(lines)?
        } else {
            TaxGroup::of_lines(lines.iter().map(|line| (line.tax, line.net)), self)?
        };
        let net = Money::sum(currency, lines.iter().map(|line| line.net))?;
        let tax = Money::sum(currency, tax_groups.iter().map(|group| group.tax))?;
        let exact = net.plus(tax)?;
        let step = self.payable_step.max(1);
        let steps = self.rounding.divide(exact.minor.into(), step.into());
        let total = i64::try_from(steps).ok().and_then(|steps| steps.checked_mul(step)).ok_or(AmountOutOfRange)?;
        let (total, rounding) = (Money::new(total, currency), Money::new(total - exact.minor, currency));
        Ok(Amounts { tax_groups, net, tax, rounding, total })
    }

    /// Takes the tax out of lines whose prices contain it. A group's tax is taken out of the sum of its lines, and each line
    /// gets what it adds to the group's net: so the lines sum to the group, and net and tax to what was asked for.
    fn take_tax_out(self, lines: &mut [TaxedAmount]) -> Result<Vec<TaxGroup>, AmountOutOfRange> {
        let mut groups: Vec<(TaxProfile, Rate, TaxGroup)> = Vec::new();
        for line in lines {
            let gross = line.gross.unwrap_or(line.net);
            line.gross = Some(gross);
            let key = (line.tax, line.contained);
            let nothing = Money::zero(gross.currency);
            let place = groups.iter().position(|(profile, rate, _)| (*profile, *rate) == key).unwrap_or_else(|| {
                groups.push((key.0, key.1, TaxGroup { profile: key.0, base: nothing, tax: nothing }));
                groups.len() - 1
            });
            // In `base` and `tax` together stands what the lines so far ask for.
            let group = &mut groups[place].2;
            let (before, so_far) = match self.tax_rounding {
                TaxRounding::Group => (group.base, group.base.plus(group.tax)?.plus(gross)?),
                TaxRounding::Line => (nothing, gross),
            };
            let contained = self.contained_in(so_far, line.contained)?;
            line.net = Money::new(so_far.minor - contained.minor - before.minor, gross.currency);
            match self.tax_rounding {
                TaxRounding::Group => (group.base, group.tax) = (group.base.plus(line.net)?, contained),
                TaxRounding::Line => {
                    (group.base, group.tax) = (group.base.plus(line.net)?, group.tax.plus(contained)?);
                }
            }
        }
        let mut by_profile: Vec<TaxGroup> = Vec::new();
        for (.., group) in groups {
            // What a price contained and is not charged is no tax.
            let tax =
                if group.profile.category == TaxCategory::S { group.tax } else { Money::zero(group.tax.currency) };
            match by_profile.iter_mut().find(|known| known.profile == group.profile) {
                Some(known) => (known.base, known.tax) = (known.base.plus(group.base)?, known.tax.plus(tax)?),
                None => by_profile.push(TaxGroup { tax, ..group }),
            }
        }
        by_profile.sort_by_key(|group| group.profile);
        Ok(by_profile)
    }

    /// The tax in an amount that contains it.
    fn contained_in(self, gross: Money, rate: Rate) -> Result<Money, AmountOutOfRange> {
        let (rate, whole) = (i128::from(rate.parts_per_million()), 1_000_000);
        let minor = self.rounding.divide(i128::from(gross.minor) * rate, whole + rate);
        i64::try_from(minor).map(|minor| Money::new(minor, gross.currency)).map_err(|_| AmountOutOfRange)
    }
}

/// Shares an amount with tax out among what is left of each tax of an invoice, by how much that is; each share is split into
/// net and tax at the group's rate. The shares sum to the amount, which is at most what is left, and none is more than what is
/// left of its tax.
///
/// # Errors
/// [`AmountOutOfRange`] when a sum does not fit.
pub fn credited_shares(
    left: &[TaxGroup],
    amount: Money,
    rules: AmountRules,
) -> Result<Vec<TaxGroup>, AmountOutOfRange> {
    let gross = |group: &TaxGroup| group.base.plus(group.tax).map(|gross| gross.minor.max(0));
    let gross = left.iter().map(gross).collect::<Result<Vec<i64>, _>>()?;
    let whole: i128 = gross.iter().map(|minor| i128::from(*minor)).sum();
    let mut shares = Vec::with_capacity(left.len());
    for of_it in &gross {
        let share = rules.rounding.divide(i128::from(amount.minor) * i128::from(*of_it), whole.max(1));
        shares.push(i64::try_from(share).map_err(|_| AmountOutOfRange)?.min(*of_it));
    }
    // What rounding has left over or taken too much goes to the first that have room for it.
    let mut rest = amount.minor - shares.iter().sum::<i64>();
    for (share, of_it) in shares.iter_mut().zip(&gross) {
        let step = rest.clamp(-*share, of_it - *share);
        (*share, rest) = (*share + step, rest - step);
    }
    let split = |(group, share): (&TaxGroup, i64)| {
        let share = Money::new(share, amount.currency);
        let tax = rules.contained_in(share, group.profile.rate)?.minor;
        let tax = tax.max(share.minor - group.base.minor).min(group.tax.minor);
        let (tax, base) = (Money::new(tax, amount.currency), Money::new(share.minor - tax, amount.currency));
        Ok(TaxGroup { profile: group.profile, base, tax })
    };
    left.iter().zip(shares).map(split).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(percent: &str, base: i64, rules: AmountRules) -> TaxGroup {
        let rate = Rate::parse_percent(percent).unwrap();
        let profile = TaxProfile { country: "SE".parse().unwrap(), category: TaxCategory::S, rate };
        let base = Money::new(base, "SEK".parse().unwrap());
        TaxGroup { profile, base, tax: base.share(rate, rules.rounding).unwrap() }
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_amount_and_are_within_what_is_left(
            bases in prop::collection::vec(0i64..2_000_000, 1..5),
            part in 0u32..=1_000,
        ) {
            let rules = AmountRules::default();
            let rates = ["25", "12", "6", "25.5"];
            let left: Vec<TaxGroup> = bases.iter().zip(rates).map(|(base, rate)| group(rate, *base, rules)).collect();
            let whole: i64 = left.iter().map(|group| group.base.minor + group.tax.minor).sum();
            let amount = Money::new(whole * i64::from(part) / 1_000, "SEK".parse().unwrap());
            let shares = credited_shares(&left, amount, rules).unwrap();
            prop_assert_eq!(shares.iter().map(|share| share.base.minor + share.tax.minor).sum::<i64>(), amount.minor);
            for (share, left) in shares.iter().zip(&left) {
                prop_assert!((0..=left.base.minor).contains(&share.base.minor), "{share:?} of {left:?}");
                prop_assert!((0..=left.tax.minor).contains(&share.tax.minor), "{share:?} of {left:?}");
            }
        }
    }
}
