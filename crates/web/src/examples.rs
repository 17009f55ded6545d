//! An example of every operation: what was sent, and what was answered. Nobody writes them: a test plays a story and records it,
//! and fails when the server answers otherwise than it did (`tests/contract/examples.rs`).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What was recorded, by operation.
const RECORDED: &str = include_str!("../../../docs/api/examples/recorded.json");

/// One call that was made and answered.
#[derive(Debug, Deserialize)]
pub(crate) struct Example {
    #[serde(default)]
    path: BTreeMap<String, Value>,
    #[serde(default)]
    query: BTreeMap<String, Value>,
    #[serde(default)]
    header: BTreeMap<String, Value>,
    /// As it was sent: the keys of v1 have an order.
    body: Option<Box<RawValue>>,
    pub status: u16,
    /// As it came; none if there was nothing, or a file.
    answer: Option<Box<RawValue>>,
}

/// The example of an operation.
pub(crate) fn of(id: &str) -> Option<&'static Example> {
    static EXAMPLES: OnceLock<BTreeMap<String, Example>> = OnceLock::new();
    // A unit test sees to it that it can be read.
    EXAMPLES.get_or_init(|| serde_json::from_str(RECORDED).unwrap_or_default()).get(id)
}

impl Example {
    /// Puts it into the description of its operation. An answer that is described elsewhere, among these responses, is described
    /// in place, so that it can have an example of its own.
    pub fn put(&self, operation: &mut Value, responses: &Value) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            let group = match parameter["in"].as_str() {
                Some("path") => &self.path,
                Some("query") => &self.query,
                _ => &self.header,
            };
            if let Some(value) = parameter["name"].as_str().and_then(|name| group.get(name)) {
                parameter["example"] = value.clone();
            }
        }
        if let (Some(taken), Some(body)) = (operation.get_mut("requestBody"), value(self.body.as_deref())) {
            show(taken, &body);
        }
        let response = operation.pointer_mut(&format!("/responses/{}", self.status));
        if let (Some(response), Some(answer)) = (response, value(self.answer.as_deref())) {
            if let Some(name) = response["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
                *response = responses[name].clone();
            }
            show(response, &answer);
        }
    }

    /// What stood in the path under this name.
    pub fn in_path(&self, name: &str) -> Option<String> {
        self.path.get(name).map(plain)
    }

    /// What stood behind the path.
    pub fn query_string(&self) -> String {
        let pairs: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    /// The headers that belong to the operation.
    pub fn headers(&self) -> impl Iterator<Item = (&str, String)> {
        self.header.iter().map(|(name, value)| (&**name, plain(value)))
    }

    /// What was sent.
    pub fn body(&self) -> Option<String> {
        self.body.as_deref().map(|body| outdented(body.get()))
    }

    /// What came back, and the kind of it.
    pub fn answer(&self) -> Option<(&'static str, String)> {
        let answer = self.answer.as_deref()?;
        Some(match serde_json::from_str::<String>(answer.get()) {
            Ok(text) => ("text", text),
            Err(_) => ("json", outdented(answer.get())),
        })
    }
}

fn value(text: Option<&RawValue>) -> Option<Value> {
    serde_json::from_str(text?.get()).ok()
}

/// Puts an example beside the schema of a body.
fn show(body: &mut Value, example: &Value) {
    for (_, content) in body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
        content["example"] = example.clone();
    }
}

/// A text without its quotes, or another value as it is written.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// JSON without the indentation that it has in the middle of the file.
fn outdented(text: &str) -> String {
    let depth = text.lines().skip(1).map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let lines = text.lines().enumerate();
    let lines = lines.map(|(nth, line)| if nth == 0 { line } else { line.get(depth..).unwrap_or_default() });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_can_be_read() {
        let examples: BTreeMap<String, Example> = serde_json::from_str(RECORDED).unwrap();
        assert!(examples.len() > 100, "{}", examples.len());
    }

    #[test]
    fn json_is_moved_to_the_left() {
        assert_eq!(outdented("{\n      \"a\": [\n        1\n      ]\n    }"), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
