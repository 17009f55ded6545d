//! A day as v2 reads it.

use jiff::civil::Date;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A day that is written as `2026-11-30` and in no other way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let date: Option<Date> = text.parse().ok();
        let date = date.filter(|date| date.to_string() == text);
        date.map(Self).ok_or_else(|| D::Error::custom("not a day such as 2026-11-30"))
    }
}
