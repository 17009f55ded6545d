//! The document that describes every operation (OpenAPI 3.1), made from the same list as the routes.

use std::sync::OnceLock;

use axum::http::StatusCode;
use perennial_store::events::EventType;
use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::describe::{Given, Shape};
use crate::operation::{Access, Operation, Operations};
use crate::v2::problem::{self, Problem};
use crate::{error, examples, idempotency, v2};

/// Where its schemas are.
const SCHEMAS: &str = "/components/schemas";

/// The document as JSON, with line breaks.
pub fn openapi() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut text = serde_json::to_string_pretty(document()).unwrap_or_default();
        text.push('\n');
        text
    })
}

/// The document.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| describe(&crate::router::operations()))
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = SCHEMAS.into();
        settings.contract = contract;
    });
    settings.into_generator()
}

fn describe(operations: &Operations) -> Value {
    let (mut taken, mut answered) = (generator(Contract::Deserialize), generator(Contract::Serialize));
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for operation in &operations.0 {
        let shape = operation.shape(&mut taken, &mut answered);
        let place = paths.entry(operation.path.to_owned()).or_insert_with(|| json!({}));
        place[operation.method.as_str().to_ascii_lowercase()] = described(operation, &shape);
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    let mut schemas = Map::new();
    name::<Problem<'static>>(&mut answered);
    error::v1_schemas(&mut answered);
    schemas.extend(taken.take_definitions(true));
    schemas.extend(answered.take_definitions(true));
    let tags: Vec<Value> = tags.iter().map(|tag| json!({"name": tag})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Perennial",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Renewals and invoices of hosting providers.",
            "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": schemas,
            "responses": responses(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer pn_…`"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    })
}

/// The messages that webhooks are sent.
fn webhooks() -> Value {
    let header = |name: &str, description: &str| {
        let schema = json!({"type": "string"});
        json!({"name": name, "in": "header", "required": true, "description": description, "schema": schema})
    };
    let message = |event: EventType| {
        let schema = json!({
            "type": "object",
            "properties": {
                "type": {"const": event.as_str()},
                "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
                "data": {"type": "object", "description": "What is known of it, and what it happened to, as that is now."},
            },
            "required": ["type", "timestamp", "data"],
        });
        json!({"post": {
            "summary": event.tells(),
            "parameters": [
                header("webhook-id", "What the message is known by: the same for each try."),
                header("webhook-timestamp", "When it was sent, in Unix seconds."),
                header("webhook-signature", "`v1,` and the signature (HMAC-SHA256, base64) of id, timestamp and body with dots \
                    between; several with spaces between while a secret is replaced."),
            ],
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
            "responses": {
                "2XX": {"description": "It is taken."},
                "410": {"description": "No more messages are wanted: the webhook is disabled."},
                "default": {"description": "It is sent again, for three days."},
            },
        }})
    };
    let messages: Map<String, Value> =
        EventType::ALL.into_iter().map(|event| (event.as_str().to_owned(), message(event))).collect();
    messages.into()
}

const DESCRIPTION: &str = "v2 (`/api/v2`) is the API of this product; v1 keeps the shapes of another one, field for field.\n\n\
    Every answer has an `X-Request-Id`; one of up to 64 letters, digits, `-`, `_`, `.` in the request is taken over. Days are in the \
    seller's time zone, instants in UTC. Amounts are decimal text in the currency beside them. Lists have the newest first and come in \
    pages: give `nextCursor` back as `cursor`. POST and PATCH take an `Idempotency-Key`: the same request with the same key is carried \
    out once, and its first answer is given again, with `Idempotent-Replayed: true`. Staff may send `X-On-Behalf-Of: cus_7` to see and do \
    only what that customer may.";

fn described(operation: &Operation, shape: &Shape) -> Value {
    let mut value = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": answers(operation, shape),
        "security": security(operation.door.access),
    });
    let who = who(operation.door.access);
    let description = if operation.details.is_empty() { who } else { format!("{}\n\n{who}", operation.details) };
    value["description"] = json!(description);
    let parameters = parameters(operation, shape);
    if !parameters.is_empty() {
        value["parameters"] = json!(parameters);
    }
    if let Some(body) = &shape.body {
        let content = json!({"application/json": {"schema": body.schema}});
        value["requestBody"] = json!({"required": body.is_needed, "content": content});
    }
    if let Some(example) = examples::of(operation.id) {
        example.put(&mut value, &responses());
    }
    value
}

/// Who may call it, in words.
fn who(access: Access) -> String {
    let scopes: Vec<String> = access.scopes().iter().map(|scope| format!("`{}`", scope.as_str())).collect();
    let scopes = scopes.join(" or ");
    match access {
        Access::Public => "No key is needed.".to_owned(),
        Access::Key => "For every key.".to_owned(),
        Access::Scoped(_) => format!("Scope {scopes}. A customer's own key reaches what is that customer's."),
        Access::Staff(_) => format!("Scope {scopes}, for keys of staff."),
    }
}

/// One of the scopes, in either header; nothing where no key is needed.
fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Key => json!([{"bearer": []}, {"apiKey": []}]),
        Access::Scoped(scopes) | Access::Staff(scopes) => {
            let either = scopes.iter().flat_map(|scope| {
                let scope = scope.as_str();
                [json!({"bearer": [scope]}), json!({"apiKey": [scope]})]
            });
            either.collect()
        }
    }
}

/// The names in braces in a path.
pub(crate) fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

fn parameters(operation: &Operation, shape: &Shape) -> Vec<Value> {
    let in_path = path_names(operation.path)
        .zip(&shape.path)
        .map(|(name, schema)| json!({"name": name, "in": "path", "required": true, "schema": schema}));
    let mut parameters: Vec<Value> =
        in_path.chain(shape.query.iter().cloned()).chain(shape.headers.iter().cloned()).collect();
    if operation.is_repeatable {
        parameters.push(json!({
            "name": idempotency::HEADER, "in": "header", "required": false,
            "description": "A name for this request, such as a UUID: a repeat with the same one is carried out once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": idempotency::MAX_KEY_CHARACTERS, "pattern": "^[!-~]+$"},
        }));
    }
    parameters
}

fn answers(operation: &Operation, shape: &Shape) -> Value {
    let mut answers = Map::new();
    for (status, given) in &shape.answers {
        answers.insert(status.to_string(), answer(operation, given));
    }
    let is_v2 = v2::owns(operation.path);
    let surface = if is_v2 { "V2" } else { "V1" };
    for status in errors(operation, shape, is_v2) {
        answers.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{surface}Error{status}")}));
    }
    answers.into()
}

fn answer(operation: &Operation, given: &Given) -> Value {
    let mut value = json!({"description": given.description});
    for (kind, schema) in &given.content {
        value["content"] = json!({*kind: {"schema": schema}});
    }
    let mut headers = Map::new();
    for (name, description) in &given.headers {
        headers.insert((*name).to_owned(), json!({"description": description, "schema": {"type": "string"}}));
    }
    if operation.is_repeatable {
        let replayed = json!({"description": "`true` on a repeat.", "schema": {"type": "string"}});
        headers.insert(idempotency::REPLAYED.to_owned(), replayed);
    }
    if !headers.is_empty() {
        value["headers"] = headers.into();
    }
    value
}

/// The statuses of errors that an operation can answer with.
fn errors(operation: &Operation, shape: &Shape, is_v2: bool) -> Vec<u16> {
    let mut statuses = vec![400, 429, 500, 503];
    let has_input = !shape.path.is_empty() || !shape.query.is_empty() || shape.body.is_some();
    match operation.door.access {
        // What needs no key is there as long as it is good.
        Access::Public => statuses.push(410),
        Access::Key => statuses.push(401),
        Access::Scoped(_) | Access::Staff(_) => statuses.extend([401, 403]),
    }
    if !shape.path.is_empty() || operation.writes() {
        statuses.push(404);
    }
    if operation.can_conflict {
        statuses.push(409);
    }
    if operation.writes() {
        statuses.extend([408, 413]);
    }
    if operation.is_repeatable || (is_v2 && has_input) {
        statuses.push(422);
    }
    if !shape.headers.is_empty() {
        statuses.push(412);
    }
    statuses
}

/// Every error answer of both surfaces, by name.
fn responses() -> Value {
    let mut responses = Map::new();
    for status in [400, 401, 403, 404, 408, 409, 410, 412, 413, 422, 429, 500, 503] {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
        let schema = if status == 429 { "V1TooManyRequests" } else { "V1Error" };
        responses.insert(
            format!("V1Error{status}"),
            json!({"description": reason, "content": {"application/json": {"schema": {"$ref": format!("#{SCHEMAS}/{schema}")}}}}),
        );
        let known = problem::Code::ALL.into_iter().filter(|code| code.status().as_u16() == status);
        let words: Vec<String> = known.map(|code| format!("[`{0}`]({1}/{0})", code.as_str(), problem::PAGES)).collect();
        responses.insert(
            format!("V2Error{status}"),
            json!({
                "description": if words.is_empty() { reason.to_owned() } else { words.join(", ") },
                "content": {(problem::CONTENT_TYPE): {"schema": {"$ref": format!("#{SCHEMAS}/Problem")}}},
            }),
        );
    }
    responses.into()
}

/// A schema under its own name, for what no operation names.
pub(crate) fn name<T: JsonSchema>(schemas: &mut SchemaGenerator) {
    let _ = schemas.subschema_for::<T>();
}
