//! Fields of a partial update (RFC 7396): left out, they stay; null empties them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// A field that may be left out, emptied or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Patch<T> {
    /// It was left out.
    #[default]
    Keep,
    /// It was null.
    Clear,
    /// It was given.
    Set(T),
}

impl<T> Patch<T> {
    /// What the field becomes.
    pub fn over<U: From<T>>(self, old: Option<U>) -> Option<U> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(new) => Some(new.into()),
        }
    }
}

impl<T: Default> Patch<T> {
    /// What the field becomes, if it changes; null empties it.
    pub fn or_empty(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(T::default()),
            Self::Set(new) => Some(new),
        }
    }
}

impl Patch<String> {
    /// What a text becomes; null empties it.
    pub fn onto(self, text: &mut String) {
        match self {
            Self::Keep => {}
            Self::Clear => text.clear(),
            Self::Set(new) => *text = new,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Patch".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(schemas)
    }

    fn _schemars_private_is_option() -> bool {
        true
    }
}
