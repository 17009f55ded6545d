//! The one rounding function.

use serde::{Deserialize, Serialize};

/// How a fraction of a minor unit becomes a whole one. The choice is stored on the invoice and reused by its credit note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// A half goes away from zero: 0.5 becomes 1, -0.5 becomes -1.
    #[default]
    HalfUp,
    /// A half goes to the even neighbour: 0.5 becomes 0, 1.5 becomes 2.
    HalfEven,
}

impl Rounding {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::HalfUp, Self::HalfEven];

    /// `numerator / denominator`, rounded to a whole number. `denominator` is positive.
    #[must_use]
    pub fn divide(self, numerator: i128, denominator: i128) -> i128 {
        debug_assert!(denominator > 0);
        let quotient = numerator / denominator;
        let remainder = (numerator % denominator).abs();
        let away = match (remainder * 2).cmp(&denominator) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => self == Self::HalfUp || quotient % 2 != 0,
        };
        if away { quotient + numerator.signum() } else { quotient }
    }

    /// The word kept in the database: `half_up` or `half_even`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HalfUp => "half_up",
            Self::HalfEven => "half_even",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_where_the_policy_says() {
        for (numerator, up, even) in
            [(5, 1, 0), (15, 2, 2), (25, 3, 2), (-5, -1, 0), (-15, -2, -2), (4, 0, 0), (-6, -1, -1)]
        {
            assert_eq!(Rounding::HalfUp.divide(numerator, 10), up, "{numerator}");
            assert_eq!(Rounding::HalfEven.divide(numerator, 10), even, "{numerator}");
        }
    }
}
