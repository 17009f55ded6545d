//! The status of a service.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a service stands in its life (the words are HostBill's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceStatus {
    /// Ordered, not set up yet.
    Pending,
    /// In use.
    Active,
    /// Switched off until paid; it can be renewed.
    Suspended,
    /// Ended by the customer.
    Cancelled,
    /// Ended by the provider.
    Terminated,
    /// Marked as fraud.
    Fraud,
}

/// The text is no status of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a status is one of pending, active, suspended, cancelled, terminated, fraud")]
pub struct ParseStatusError;

impl ServiceStatus {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Active, Self::Suspended, Self::Cancelled, Self::Terminated, Self::Fraud];

    /// The word kept in the database and in CSV files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::Fraud => "fraud",
        }
    }

    /// The word as the v1 API shows it, with a capital.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Suspended => "Suspended",
            Self::Cancelled => "Cancelled",
            Self::Terminated => "Terminated",
            Self::Fraud => "Fraud",
        }
    }
}

impl FromStr for ServiceStatus {
    type Err = ParseStatusError;

    fn from_str(text: &str) -> Result<Self, ParseStatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(ParseStatusError)
    }
}

impl fmt::Display for ServiceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
