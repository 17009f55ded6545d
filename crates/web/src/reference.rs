//! The reference as pages: what the OpenAPI document says, as Markdown for readers of every kind.

use std::fmt::Write;
use std::sync::OnceLock;

use serde_json::Value;

use crate::examples::{self, Example};
use crate::openapi::{document, path_names};

/// How deep fields in fields are shown.
const MAX_DEPTH: usize = 5;

/// One page, with the operations under one heading.
#[derive(Debug)]
pub(crate) struct ReferencePage {
    /// The last part of its address.
    pub slug: String,
    /// Its heading.
    pub title: String,
    /// In Markdown.
    pub text: String,
}

/// All pages, in the order of the document: the name of each, and what it says.
pub fn reference() -> impl Iterator<Item = (&'static str, &'static str)> {
    pages().iter().map(|page| (&*page.slug, &*page.text))
}

/// All pages, in the order of the document; made when the first is asked for.
pub(crate) fn pages() -> &'static [ReferencePage] {
    static PAGES: OnceLock<Vec<ReferencePage>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let document = document();
        let tags = document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str());
        tags.map(|tag| ReferencePage { slug: slug(tag), title: tag.to_owned(), text: page(document, tag) }).collect()
    })
}

fn slug(tag: &str) -> String {
    tag.to_lowercase().replace(' ', "-")
}

fn page(document: &Value, tag: &str) -> String {
    let mut text = format!("# {tag}\n\n");
    for (path, method, operation) in operations(document) {
        if operation["tags"][0] == tag {
            // Writing to a string cannot fail.
            let _ = one(&mut text, document, path, method, operation);
        }
    }
    text
}

/// Every operation with its path and method.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (&**path, &**method, operation))
    })
}

fn one(text: &mut String, document: &Value, path: &str, method: &str, operation: &Value) -> std::fmt::Result {
    writeln!(text, "## {}\n", operation["summary"].as_str().unwrap_or_default())?;
    writeln!(text, "`{} {path}`\n", method.to_uppercase())?;
    writeln!(text, "{}\n", operation["description"].as_str().unwrap_or_default())?;
    let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
    if !parameters.is_empty() {
        writeln!(text, "| Parameter | In | Type | |\n|---|---|---|---|")?;
        for parameter in parameters {
            let field = |name: &str| parameter[name].as_str().unwrap_or_default();
            let kind = kind(&parameter["schema"]);
            writeln!(text, "| `{}` | {} | {kind} | {} |", field("name"), field("in"), cell(field("description")))?;
        }
        text.push('\n');
    }
    let body = &operation["requestBody"]["content"]["application/json"];
    if !body.is_null() {
        let is_needed = operation["requestBody"]["required"] == true;
        writeln!(text, "{}\n", if is_needed { "Body:" } else { "Body, which may be left out:" })?;
        fields(text, document, &body["schema"], true)?;
    }
    let has_key = operation["security"].as_array().is_some_and(|ways| !ways.is_empty());
    let example = operation["operationId"].as_str().and_then(examples::of);
    call(text, path, method, has_key, example)?;
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        if !status.starts_with('2') {
            continue;
        }
        writeln!(text, "Answer {status}: {}\n", answer["description"].as_str().unwrap_or_default())?;
        for (kind, content) in answer["content"].as_object().into_iter().flatten() {
            if kind == "application/json" {
                fields(text, document, &content["schema"], false)?;
            } else {
                writeln!(text, "`{kind}`\n")?;
            }
        }
        if let Some(example) = example.filter(|example| *status == example.status.to_string()) {
            answered(text, example)?;
        }
    }
    // What is refused whatever is sent has an error for an example.
    if let Some(refused) = example.filter(|example| example.status >= 400) {
        writeln!(text, "Answer {}:\n", refused.status)?;
        answered(text, refused)?;
    }
    Ok(())
}

/// How to ask for it, as it was asked for when its example was recorded.
fn call(text: &mut String, path: &str, method: &str, has_key: bool, example: Option<&Example>) -> std::fmt::Result {
    let mut place = path.to_owned();
    for name in path_names(path) {
        let value = example.and_then(|example| example.in_path(name)).unwrap_or_else(|| format!("${{{name}}}"));
        place = place.replace(&format!("{{{name}}}"), &value);
    }
    let method = method.to_uppercase();
    let flag = if method == "GET" { String::new() } else { format!(" -X {method}") };
    let key = if has_key { " -H \"Authorization: Bearer $KEY\"" } else { "" };
    let query = example.map(Example::query_string).unwrap_or_default();
    write!(text, "```sh\ncurl -s{flag}{key} \"$BASE{place}{query}\"")?;
    if let Some(example) = example {
        for (name, value) in example.headers() {
            write!(text, " \\\n  -H '{name}: {value}'")?;
        }
        if let Some(body) = example.body() {
            write!(text, " \\\n  -d '{}'", body.replace('\'', "'\\''"))?;
        }
    }
    writeln!(text, "\n```\n")
}

/// What came back.
fn answered(text: &mut String, example: &Example) -> std::fmt::Result {
    match example.answer() {
        Some((kind, answer)) => writeln!(text, "```{kind}\n{}\n```\n", answer.trim_end()),
        None => Ok(()),
    }
}

/// The fields of an object, those of objects in it too.
fn fields(text: &mut String, document: &Value, schema: &Value, is_body: bool) -> std::fmt::Result {
    let mut rows = Vec::new();
    collect(document, schema, "", 0, &mut rows);
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(text, "| Field | Type | |\n|---|---|---|")?;
    for (name, kind, is_needed, description) in rows {
        let needed = if is_body && is_needed { "**required.** " } else { "" };
        writeln!(text, "| `{name}` | {kind} | {needed}{} |", cell(&description))?;
    }
    text.push('\n');
    Ok(())
}

type FieldRow = (String, String, bool, String);

fn collect(document: &Value, schema: &Value, before: &str, depth: usize, rows: &mut Vec<FieldRow>) {
    let schema = resolved(document, schema);
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(items) = schema.get("items") {
        collect(document, items, &format!("{before}[]"), depth, rows);
        return;
    }
    let needed: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let place = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        let target = resolved(document, field);
        let description = field["description"].as_str().or(target["description"].as_str()).unwrap_or_default();
        rows.push((place.clone(), kind(&with_null(field, target)), needed.contains(&&**name), description.to_owned()));
        collect(document, field, &place, depth + 1, rows);
    }
}

/// A schema that is looked up where it refers to another, or may be null.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        return &document["components"]["schemas"][name];
    }
    match schema["anyOf"].as_array().and_then(|kinds| kinds.iter().find(|kind| kind["type"] != "null")) {
        Some(kind) => resolved(document, kind),
        None => schema,
    }
}

/// What a schema resolves to, with the null that stood beside it.
fn with_null(schema: &Value, target: &Value) -> Value {
    let has_null = schema["anyOf"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["type"] == "null"));
    let mut target = target.clone();
    if has_null && let Some(kind) = target["type"].as_str() {
        target["type"] = vec![kind, "null"].into();
    }
    target
}

/// What kind of value it is, in a few words.
fn kind(schema: &Value) -> String {
    fn words(values: &[Value]) -> Vec<&str> {
        values.iter().filter_map(Value::as_str).collect()
    }
    if let Some(values) = schema["enum"].as_array() {
        let known = words(values);
        return if known.len() > 20 { "word".to_owned() } else { code(&known) };
    }
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![&**kind],
        Value::Array(kinds) => words(kinds),
        _ => Vec::new(),
    };
    let name = |kind: &&str| match (*kind, schema["format"].as_str()) {
        ("string", Some("date")) => "day".to_owned(),
        ("string", Some("date-time")) => "instant".to_owned(),
        ("string", _) => match schema["examples"][0].as_str() {
            Some(example) => format!("text such as `{example}`"),
            None => "text".to_owned(),
        },
        ("array", _) if schema["items"]["type"].is_string() => format!("list of {}", self::kind(&schema["items"])),
        ("array", _) => "list".to_owned(),
        (kind, _) => kind.to_owned(),
    };
    kinds.iter().map(name).collect::<Vec<_>>().join(" or ")
}

fn code(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Text for a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_schema_had_to_be_renamed() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let twice: Vec<&String> = schemas.keys().filter(|name| name.ends_with(|c: char| c.is_ascii_digit())).collect();
        assert!(twice.is_empty(), "two types share a name: {twice:?}");
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
        let mut ids = std::collections::HashSet::new();
        for (path, method, operation) in operations(document()) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} is there twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            let named: Vec<&str> = path_names(path).collect();
            let in_path = operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "path");
            assert_eq!(in_path.count(), named.len(), "{method} {path}");
        }
        assert!(ids.len() > 40, "{} operations", ids.len());
    }
}
