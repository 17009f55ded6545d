//! Words out of a fixed list: statuses, kinds.

use std::borrow::Cow;

use perennial_app::{KeyState, Scope};
use perennial_billing::ledger::{Account, Source};
use perennial_billing::{
    CustomerKind, DayCount, DocumentKind, Invoicing, LatePayment, NumberStatus, ReferenceScheme, Rounding,
    ServiceStatus, TaxCategory, TaxClass, TaxRounding, VatNumberPolicy,
};
use perennial_store::credits::CreditReason;
use perennial_store::events::EventType;
use perennial_store::invoices::{InvoiceStatus, Standing};
use perennial_store::outbox::MailState;
use perennial_store::sellers::{EInvoicePolicy, MailXml, OpenInvoicePolicy};
use perennial_store::settlements::SettledBy;
use perennial_store::webhook_deliveries::DeliveryState;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One of a few values that each have a word.
pub(crate) trait OneOf: Copy + 'static {
    /// All of them, with their words.
    fn all() -> Vec<(&'static str, Self)>;
    /// Its word.
    fn word(self) -> &'static str;
}

/// A value as its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<T>(pub T);

impl<T: OneOf> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<'de, T: OneOf> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let known = T::all();
        match known.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Self(*value)),
            None => {
                let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
                Err(D::Error::custom(format!("must be one of {}", words.join(", "))))
            }
        }
    }
}

impl<T: OneOf> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::all().iter().map(|(word, _)| *word).collect();
        json_schema!({"type": "string", "enum": words})
    }
}

macro_rules! words {
    ($($kind:ty: $word:ident),+ $(,)?) => {
        $(
            impl OneOf for $kind {
                fn all() -> Vec<(&'static str, Self)> {
                    Self::ALL.into_iter().map(|value| (value.$word(), value)).collect()
                }

                fn word(self) -> &'static str {
                    self.$word()
                }
            }
        )+
    };
}

words! {
    Account: as_str,
    CreditReason: as_str,
    CustomerKind: as_str,
    DayCount: as_str,
    DeliveryState: as_str,
    DocumentKind: as_str,
    EInvoicePolicy: as_str,
    EventType: as_str,
    InvoiceStatus: as_str,
    Invoicing: as_str,
    KeyState: as_str,
    LatePayment: as_str,
    MailState: as_str,
    MailXml: as_str,
    NumberStatus: as_str,
    OpenInvoicePolicy: as_str,
    ReferenceScheme: as_str,
    Rounding: as_str,
    Scope: as_str,
    ServiceStatus: as_str,
    SettledBy: as_str,
    Source: as_str,
    Standing: as_str,
    TaxCategory: code,
    TaxClass: as_str,
    TaxRounding: as_str,
    VatNumberPolicy: as_str,
}
