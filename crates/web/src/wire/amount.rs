//! Amounts: decimal text in the currency that stands beside them.

use std::borrow::Cow;

use perennial_billing::{Currency, Money};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::ApiError;

/// An amount as text. It is read when its currency is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Amount(String);

impl Amount {
    /// The amount that was given in a field.
    pub fn read(&self, field: &str, currency: Currency) -> Result<Money, ApiError> {
        Money::parse(&self.0, currency).map_err(|error| ApiError::invalid_value(field, error.to_string()))
    }
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self(money.amount())
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^-?[0-9]{1,16}(\.[0-9]{1,3})?$", "examples": ["125.00"]})
    }
}
