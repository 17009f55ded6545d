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

impl<T> Patch<T> {
    /// The same with another kind of value.
    pub fn map<U>(self, value: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(new) => Patch::Set(value(new)),
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

/// A field that may be left out or set, and is never empty: null is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Edit<T> {
    /// It was left out.
    #[default]
    Keep,
    /// It was given.
    Set(T),
}

impl<T> Edit<T> {
    /// What was given.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Set(new) => Some(new),
        }
    }

    /// What the field becomes, made of what was given.
    pub fn onto<U>(self, field: &mut U, value: impl FnOnce(T) -> U) {
        if let Self::Set(new) = self {
            *field = value(new);
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Set)
    }
}

impl<T: JsonSchema> JsonSchema for Edit<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Edit".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        T::json_schema(schemas)
    }

    fn _schemars_private_is_option() -> bool {
        true
    }
}
