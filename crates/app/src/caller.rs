//! Who asks, and what they may.

use std::fmt;
use std::str::FromStr;

use perennial_billing::{ApiKeyId, CustomerId, RunId, SellerId};

/// Who does something; the audit trail keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A person at the command line.
    Cli,
    /// An import.
    Import,
    /// The holder of an API key.
    Key(ApiKeyId),
    /// A renewal run.
    Run(RunId),
    /// The server by itself, at its time of day.
    Schedule,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cli => f.write_str("cli"),
            Self::Import => f.write_str("import"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Run(id) => write!(f, "run:{id}"),
            Self::Schedule => f.write_str("schedule"),
        }
    }
}

/// Who asks: a seller's staff or one of its customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Whose rows may be touched.
    pub seller: SellerId,
    /// The only customer whose rows may be seen; none for staff.
    pub customer: Option<CustomerId>,
    /// What they may do.
    pub scopes: Scopes,
    /// Who they are.
    pub actor: Actor,
}

impl Caller {
    /// A person at the command line, who may do everything for this seller.
    #[must_use]
    pub fn cli(seller: SellerId) -> Self {
        Self { seller, customer: None, scopes: Scopes::of(&[Scope::Admin]), actor: Actor::Cli }
    }

    /// Whether what belongs to this customer may be seen.
    #[must_use]
    pub fn may_see(&self, customer: CustomerId) -> bool {
        self.customer.is_none_or(|own| own == customer)
    }
}

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See invoices.
    ReadBilling,
    /// Renew, mail, pay.
    WriteBilling,
    /// See services.
    ReadServices,
    /// Everything.
    Admin,
}

/// The text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope: use read:billing, write:billing, read:services or admin")]
pub struct ParseScopeError(String);

impl Scope {
    const ALL: [Self; 4] = [Self::ReadBilling, Self::WriteBilling, Self::ReadServices, Self::Admin];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadBilling => "read:billing",
            Self::WriteBilling => "write:billing",
            Self::ReadServices => "read:services",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// A set of these.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether the set allows this; `admin` allows everything.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Scope::ALL.iter().filter(|scope| self.0 & scope.bit() != 0).map(|scope| scope.as_str());
        f.pad(&words.collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Scopes {
    type Err = ParseScopeError;

    /// Reads scopes separated by spaces or commas.
    fn from_str(text: &str) -> Result<Self, ParseScopeError> {
        let mut scopes = Self::default();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == word);
            scopes.0 |= scope.ok_or_else(|| ParseScopeError(word.to_owned()))?.bit();
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_written_and_asked() {
        let scopes: Scopes = "write:billing, read:services".parse().unwrap();
        assert_eq!(scopes.to_string(), "write:billing read:services");
        assert!(scopes.allow(Scope::WriteBilling) && !scopes.allow(Scope::ReadBilling) && !scopes.allow(Scope::Admin));
        assert!("admin".parse::<Scopes>().unwrap().allow(Scope::ReadBilling));
        assert_eq!("write:all".parse::<Scopes>(), Err(ParseScopeError("write:all".to_owned())));
    }
}
