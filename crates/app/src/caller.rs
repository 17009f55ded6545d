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
    /// The customer for which staff asks, if they said so; they then see and do what that customer may.
    pub on_behalf_of: Option<CustomerId>,
}

impl Caller {
    /// A person at the command line, who may do everything for this seller.
    #[must_use]
    pub fn cli(seller: SellerId) -> Self {
        Self { seller, customer: None, scopes: Scopes::of(&[Scope::Admin]), actor: Actor::Cli, on_behalf_of: None }
    }

    /// Whether what belongs to this customer may be seen.
    #[must_use]
    pub fn may_see(&self, customer: CustomerId) -> bool {
        self.customer.is_none_or(|own| own == customer)
    }
}

/// Who did something, for the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DoneBy {
    pub actor: Actor,
    /// For which customer, if staff said so.
    pub on_behalf_of: Option<CustomerId>,
}

impl From<Actor> for DoneBy {
    fn from(actor: Actor) -> Self {
        Self { actor, on_behalf_of: None }
    }
}

impl From<&Caller> for DoneBy {
    fn from(caller: &Caller) -> Self {
        Self { actor: caller.actor, on_behalf_of: caller.on_behalf_of }
    }
}

/// What a key allows: to read or to write in one area, or everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See invoices, payments, credit, mails and runs.
    ReadBilling,
    /// Renew, mail, pay, credit.
    WriteBilling,
    /// See services and what is sold on top of them.
    ReadServices,
    /// Sell, change and end services.
    WriteServices,
    /// See customers and their contacts.
    ReadCustomers,
    /// Take customers in and change them.
    WriteCustomers,
    /// See products, prices and price campaigns.
    ReadCatalog,
    /// Make products, prices and price campaigns.
    WriteCatalog,
    /// See the seller's own data and policies.
    ReadSellers,
    /// Change them.
    WriteSellers,
    /// See the ledger and the reports for taxes.
    ReadReports,
    /// See API keys, never their secrets.
    ReadKeys,
    /// Make, rotate and revoke API keys.
    WriteKeys,
    /// See who changed what.
    ReadAudit,
    /// See what happened, and who is told of it.
    ReadWebhooks,
    /// Say who is told, and tell it again.
    WriteWebhooks,
    /// Read in every area.
    ReadAll,
    /// Write in every area.
    WriteAll,
    /// Everything.
    Admin,
}

/// The text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope: use {list}", list = Scope::ALL.map(Scope::as_str).join(", "))]
pub struct ParseScopeError(String);

impl Scope {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::ReadBilling,
        Self::WriteBilling,
        Self::ReadServices,
        Self::WriteServices,
        Self::ReadCustomers,
        Self::WriteCustomers,
        Self::ReadCatalog,
        Self::WriteCatalog,
        Self::ReadSellers,
        Self::WriteSellers,
        Self::ReadReports,
        Self::ReadKeys,
        Self::WriteKeys,
        Self::ReadAudit,
        Self::ReadWebhooks,
        Self::WriteWebhooks,
        Self::ReadAll,
        Self::WriteAll,
        Self::Admin,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadBilling => "read:billing",
            Self::WriteBilling => "write:billing",
            Self::ReadServices => "read:services",
            Self::WriteServices => "write:services",
            Self::ReadCustomers => "read:customers",
            Self::WriteCustomers => "write:customers",
            Self::ReadCatalog => "read:catalog",
            Self::WriteCatalog => "write:catalog",
            Self::ReadSellers => "read:sellers",
            Self::WriteSellers => "write:sellers",
            Self::ReadReports => "read:reports",
            Self::ReadKeys => "read:keys",
            Self::WriteKeys => "write:keys",
            Self::ReadAudit => "read:audit",
            Self::ReadWebhooks => "read:webhooks",
            Self::WriteWebhooks => "write:webhooks",
            Self::ReadAll => "read:all",
            Self::WriteAll => "write:all",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u32 {
        1 << (self as u32)
    }

    /// The scopes that include this one.
    fn enough(self) -> u32 {
        let all = match self.as_str().split_once(':') {
            Some(("read", _)) => Self::ReadAll.bit(),
            Some(_) => Self::WriteAll.bit(),
            None => 0,
        };
        self.bit() | all | Self::Admin.bit()
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u32);

impl Scopes {
    /// A set of these.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether the set allows this; `admin` allows everything, `read:all` and `write:all` half of it.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & scope.enough() != 0
    }

    /// Whether it allows all that another set does.
    #[must_use]
    pub fn include(self, other: Self) -> bool {
        Scope::ALL.into_iter().all(|scope| other.0 & scope.bit() == 0 || self.allow(scope))
    }

    /// Its scopes.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.iter().map(Scope::as_str).collect::<Vec<_>>().join(" "))
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
        assert_eq!("write:dns".parse::<Scopes>(), Err(ParseScopeError("write:dns".to_owned())));
    }

    #[test]
    fn all_is_one_half_and_admin_the_whole() {
        let of = |text: &str| text.parse::<Scopes>().unwrap();
        assert!(of("read:all").allow(Scope::ReadAudit) && !of("read:all").allow(Scope::WriteBilling));
        assert!(of("write:all").allow(Scope::WriteKeys) && !of("write:all").allow(Scope::ReadKeys));
        assert!(!of("read:all write:all").allow(Scope::Admin));
        assert!(of("read:all").include(of("read:billing read:audit")) && !of("read:billing").include(of("read:all")));
        assert!(of("admin").include(of("read:all write:all admin")));
    }
}
