//! What handlers take and answer, read off their signatures.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Web;
use crate::context::{Context, Visitor};
use crate::operation::Answering;
use crate::wire::{At, At2, Json, OnWire, Query};

/// What an operation takes and answers.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// The schemas of what stands in the path, in order; the path has their names.
    pub path: Vec<Value>,
    /// The parameters in the query string, as OpenAPI has them.
    pub query: Vec<Value>,
    /// The parameters in headers, as OpenAPI has them.
    pub headers: Vec<Value>,
    /// The body, and whether it may be left out.
    pub body: Option<Taken>,
    /// The answers when all is well.
    pub answers: BTreeMap<u16, Given>,
}

/// A body that goes in.
#[derive(Debug)]
pub(crate) struct Taken {
    pub schema: Value,
    pub is_needed: bool,
}

/// A body that comes out.
#[derive(Debug)]
pub(crate) struct Given {
    pub description: &'static str,
    /// Its content type and schema; none for an empty body.
    pub content: Vec<(&'static str, Value)>,
    /// Headers that are special to it, each with what it says.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// What one argument of a handler says about its operation.
pub(crate) trait Takes {
    /// Whether it reads the query string.
    const IS_QUERY: bool = false;

    /// Writes down what it takes.
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator);
}

/// What a handler answers with.
pub(crate) trait Answers {
    /// Writes it down.
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator);
}

/// A handler whose signature tells what it takes and answers.
pub(crate) trait Described<I, O>: Clone + Send + Sync + 'static {
    /// Whether it reads the query string.
    const HAS_QUERY: bool;

    /// What it takes and answers.
    fn shape(taken: &mut SchemaGenerator, answered: &mut SchemaGenerator) -> Shape;
}

macro_rules! described {
    ($($argument:ident),*) => {
        impl<F, U, O, $($argument),*> Described<($($argument,)*), O> for F
        where
            F: Fn($($argument),*) -> U + Clone + Send + Sync + 'static,
            U: Answering<Answer = O>,
            O: Answers,
            $($argument: Takes,)*
        {
            const HAS_QUERY: bool = false $(|| $argument::IS_QUERY)*;

            #[allow(unused_variables, reason = "a handler may take nothing")]
            fn shape(taken: &mut SchemaGenerator, answered: &mut SchemaGenerator) -> Shape {
                let mut shape = Shape::default();
                $($argument::describe(&mut shape, taken);)*
                O::describe(&mut shape, answered);
                shape
            }
        }
    };
}

described!();
described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);

impl Takes for Context {
    fn describe(_: &mut Shape, _: &mut SchemaGenerator) {}
}

impl Takes for Visitor {
    fn describe(_: &mut Shape, _: &mut SchemaGenerator) {}
}

impl Takes for State<Web> {
    fn describe(_: &mut Shape, _: &mut SchemaGenerator) {}
}

impl<T: OnWire> Takes for At<T> {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.path.push(T::schema().to_value());
    }
}

impl<A: OnWire, B: OnWire> Takes for At2<A, B> {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.path.extend([A::schema().to_value(), B::schema().to_value()]);
    }
}

impl<T: JsonSchema> Takes for Query<T> {
    const IS_QUERY: bool = true;

    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.query.extend(query_parameters::<T>(schemas));
    }
}

impl<T: JsonSchema> Takes for Json<T> {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        let schema = schemas.subschema_for::<T>().to_value();
        // An empty body is taken for `{}`, which is enough where no field is needed.
        let is_needed = T::json_schema(schemas).get("required").is_some_and(|fields| *fields != json!([]));
        shape.body = Some(Taken { schema, is_needed });
    }
}

/// The fields of an object as parameters of a query string.
pub(crate) fn query_parameters<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Vec<Value> {
    let schema = T::json_schema(schemas);
    let needed: Vec<&str> = match schema.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        plain(&mut schema);
        let mut parameter = json!({
            "name": name, "in": "query", "required": needed.contains(&&**name), "schema": schema,
        });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameter
    };
    fields.map(parameter).collect()
}

/// A query string has no null: what may be missing is left out.
fn plain(schema: &mut Value) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            schema["type"] = kind.clone();
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(kinds)) = schema.get("anyOf") {
        let kinds: Vec<Value> = kinds.iter().filter(|kind| **kind != json!({"type": "null"})).cloned().collect();
        if let [kind] = kinds.as_slice() {
            *schema = kind.clone();
        }
    }
}

/// 200 with a body.
#[derive(Debug)]
pub(crate) struct Answer<T>(pub T);

/// 201 with a body, and where it is from now on.
#[derive(Debug)]
pub(crate) struct Created<T> {
    /// Its path.
    pub place: String,
    pub body: T,
}

/// 204: done, and nothing to say.
#[derive(Debug)]
pub(crate) struct NoContent;

/// A PDF with its name.
#[derive(Debug)]
pub(crate) struct Pdf(pub String, pub Vec<u8>);

/// An XML document with its name.
#[derive(Debug)]
pub(crate) struct Xml(pub String, pub Vec<u8>);

/// 200 with a body, and the version that it is (RFC 9110, section 8.8.3).
#[derive(Debug)]
pub(crate) struct Versioned<T>(pub i64, pub T);

pub(crate) fn json_given<T: JsonSchema>(description: &'static str, schemas: &mut SchemaGenerator) -> Given {
    let schema = schemas.subschema_for::<T>().to_value();
    Given { description, content: vec![("application/json", schema)], headers: Vec::new() }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: JsonSchema> Answers for Answer<T> {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        shape.answers.insert(200, json_given::<T>("It worked.", schemas));
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(LOCATION, self.place)], axum::Json(self.body)).into_response()
    }
}

impl<T: JsonSchema> Answers for Created<T> {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        let mut given = json_given::<T>("It was made.", schemas);
        given.headers.push(("Location", "Where it is."));
        shape.answers.insert(201, given);
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Answers for NoContent {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.answers.insert(204, Given { description: "It is done.", content: Vec::new(), headers: Vec::new() });
    }
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let Self(version, body) = self;
        ([(axum::http::header::ETAG, etag(version))], axum::Json(body)).into_response()
    }
}

/// A version as an entity tag.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

impl<T: JsonSchema> Answers for Versioned<T> {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        let mut given = json_given::<T>("It worked.", schemas);
        given.headers.push(("ETag", "Its version: give it back as `If-Match` with a change."));
        shape.answers.insert(200, given);
    }
}

impl IntoResponse for Pdf {
    fn into_response(self) -> Response {
        download("application/pdf", &self.0, self.1)
    }
}

impl IntoResponse for Xml {
    fn into_response(self) -> Response {
        download("application/xml", &self.0, self.1)
    }
}

fn file_given(kind: &'static str) -> Given {
    let headers = vec![("Content-Disposition", "Its name.")];
    Given { description: "The file.", content: vec![(kind, json!({"type": "string", "format": "binary"}))], headers }
}

impl Answers for Pdf {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.answers.insert(200, file_given("application/pdf"));
    }
}

impl Answers for Xml {
    fn describe(shape: &mut Shape, _: &mut SchemaGenerator) {
        shape.answers.insert(200, file_given("application/xml"));
    }
}

/// A file with its name. Names are made of letters, digits and hyphens; those outside ASCII are written as RFC 8187 has it.
fn download(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let encoded: String =
        name.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    let disposition = format!("inline; filename*=UTF-8''{encoded}");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response()
}
