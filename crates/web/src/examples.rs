//! Examples of requests and answers: what a test recorded from a server, so that they are true.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

/// One exchange.
#[derive(Debug, Deserialize)]
struct Exchange {
    request: Option<Value>,
    status: u16,
    answer: Option<Value>,
}

fn all() -> &'static HashMap<String, Exchange> {
    static ALL: OnceLock<HashMap<String, Exchange>> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default())
}

/// The body of a request to this operation.
pub(crate) fn request(operation: &str) -> Option<&'static Value> {
    all().get(operation)?.request.as_ref()
}

/// The body of its answer with this status.
pub(crate) fn answer(operation: &str, status: u16) -> Option<&'static Value> {
    all().get(operation).filter(|exchange| exchange.status == status)?.answer.as_ref()
}
