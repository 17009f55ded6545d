//! Values that are text on the wire: ids, days, instants, quantities, cycles, patterns.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use perennial_billing::{Currency, Cycle, NumberPattern, NumberReset, PriceSource, Quantity, QuietHours, Rate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::v1::envelope::iso;

/// A value that has one way to be written as text, and the schema of that text.
pub(crate) trait OnWire: Sized {
    /// The name of its schema, if that is too long to stand wherever it is used.
    const NAME: Option<&'static str> = None;

    /// Reads it; the error is a fragment that says what it has to be.
    fn read(text: &str) -> Result<Self, String>;
    /// Writes it.
    fn write(&self) -> String;
    /// What a reader may expect.
    fn schema() -> Schema;
}

/// A value as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<T>(pub T);

/// The same for what may be missing.
pub(crate) fn maybe<T>(value: Option<T>) -> Option<Text<T>> {
    value.map(Text)
}

impl<T: OnWire> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.write())
    }
}

impl<T: OnWire> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.write())
    }
}

impl<'de, T: OnWire> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        T::read(&text).map(Self).map_err(D::Error::custom)
    }
}

impl<T: OnWire> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        T::NAME.is_none()
    }

    fn schema_name() -> Cow<'static, str> {
        T::NAME.unwrap_or("Text").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

impl OnWire for Date {
    /// `2026-11-30` and in no other way.
    fn read(text: &str) -> Result<Self, String> {
        let date: Option<Self> = text.parse().ok();
        date.filter(|date| date.to_string() == text).ok_or_else(|| "must be a day such as 2026-11-30".to_owned())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "format": "date", "examples": ["2026-11-30"]})
    }
}

impl OnWire for Timestamp {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be an instant such as 2026-11-30T12:00:00.000Z".to_owned())
    }

    /// UTC with milliseconds.
    fn write(&self) -> String {
        iso(*self)
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "format": "date-time", "examples": ["2026-11-30T12:00:00.000Z"]})
    }
}

impl OnWire for Time {
    /// `03:00` and in no other way.
    fn read(text: &str) -> Result<Self, String> {
        let time: Option<Self> = text.parse().ok();
        time.filter(|time| time.write() == text).ok_or_else(|| "must be a time of day such as 03:00".to_owned())
    }

    /// Hours and minutes.
    fn write(&self) -> String {
        format!("{:02}:{:02}", self.hour(), self.minute())
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["03:00"]})
    }
}

impl OnWire for QuietHours {
    /// `22:00-07:00` and in no other way.
    fn read(text: &str) -> Result<Self, String> {
        let hours: Option<Self> = text.parse().ok();
        let hours = hours.filter(|hours| hours.to_string() == text);
        hours.ok_or_else(|| "must be a time such as 22:00-07:00, the end unlike the beginning".to_owned())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9]";
        let pattern = format!(r"^(?!(.{{5}})-\1$){TIME}-{TIME}$");
        json_schema!({"type": "string", "pattern": pattern, "examples": ["22:00-07:00"]})
    }
}

impl OnWire for NumberPattern {
    fn read(text: &str) -> Result<Self, String> {
        text.parse::<Self>().map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        let around = r"([^{}]|\{(YYYY|YY|MM|FY)\})*";
        let pattern = format!(r"^{around}\{{N(N{{0,9}}|:0[1-9])\}}{around}$");
        json_schema!({
            "type": "string", "maxLength": Self::MAX_LENGTH, "pattern": pattern, "examples": ["{YYYY}{NNNNN}"],
        })
    }
}

impl OnWire for NumberReset {
    /// `never`, or the month in which the fiscal year begins.
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            _ => match text.parse::<u8>() {
                Ok(month @ 1..=12) if month.to_string() == text => Ok(Self::Yearly { month }),
                _ => Err("must be never, or a month from 1 to 12".to_owned()),
            },
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Never => "never".to_owned(),
            Self::Yearly { month } => month.to_string(),
        }
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "pattern": "^(never|[1-9]|1[0-2])$", "examples": ["1"]})
    }
}

impl OnWire for PriceSource {
    fn read(text: &str) -> Result<Self, String> {
        text.parse::<Self>().map_err(str::to_owned)
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "pattern": "^(catalogue|feed:[a-z0-9_-]+)$", "examples": ["catalogue"]})
    }
}

/// A quantity on a line, which is less than nothing where something is given back.
pub(crate) fn signed_quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$", "examples": ["1"]})
}

impl OnWire for Quantity {
    fn read(text: &str) -> Result<Self, String> {
        match text.parse::<Self>() {
            Ok(quantity) if quantity.millionths() > 0 => Ok(quantity),
            _ => Err("must be a decimal above 0 with at most six digits after the point, such as 1 or 2.5".to_owned()),
        }
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "pattern": r"^(?!0+(\.0+)?$)[0-9]{1,6}(\.[0-9]{1,6})?$", "examples": ["1"]})
    }
}

impl OnWire for Rate {
    /// In per cent, without a sign for it.
    fn read(text: &str) -> Result<Self, String> {
        Self::parse_percent(text).map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        self.percent()
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "pattern": r"^-?[0-9]{1,6}(\.[0-9]{1,4})?$", "examples": ["25"]})
    }
}

impl OnWire for Cycle {
    fn read(text: &str) -> Result<Self, String> {
        let cycle: Option<Self> = text.parse().ok();
        let cycle = cycle.filter(|cycle| cycle.to_string() == text);
        cycle.ok_or_else(|| "must be a count and a unit such as 30d, 2w, 3m or 1y, or once, or free".to_owned())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        json_schema!({"type": "string", "pattern": "^([1-9][0-9]{0,2}[dwmy]|once|free)$", "examples": ["1m"]})
    }
}

impl OnWire for Currency {
    const NAME: Option<&'static str> = Some("Currency");

    fn read(text: &str) -> Result<Self, String> {
        text.parse::<Self>().map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        let mut codes: Vec<String> = Self::all().map(|currency| currency.to_string()).collect();
        codes.sort_unstable();
        json_schema!({"type": "string", "description": "ISO 4217.", "enum": codes, "examples": ["SEK"]})
    }
}
