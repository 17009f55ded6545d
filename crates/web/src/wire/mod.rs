//! How values are written on the wire of v2: one way for each kind, with its schema beside it.

mod amount;
mod body;
mod id;
mod if_match;
mod page;
mod patch;
mod query;
mod text;
mod word;

pub(crate) use amount::Amount;
pub(crate) use body::Json;
pub(crate) use id::{At, At2};
pub(crate) use if_match::IfMatch;
pub(crate) use page::{Cursor, Limit, List, Page, Paging};
pub(crate) use patch::{Edit, Patch};
pub(crate) use query::Query;
pub(crate) use text::{OnWire, Text, maybe, signed_quantity};
pub(crate) use word::Word;
