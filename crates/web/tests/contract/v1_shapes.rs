//! Every answer of v1 beside the answer that the original documents: the same keys in the same order, with the same types, or the
//! difference is listed with its reason.
//!
//! What we answer is taken from the recorded examples, which another test compares with a running server on both databases.

mod documented;

use documented::{CALLS, Call, ERROR, FAILURES, LIMITED, OURS};
use jiff::civil::date;
use perennial_testkit::{Provider, TestServer, on_both_databases};
use perennial_web::RateLimit;
use serde_json::json;

use crate::ordered::Node;

const RECORDED: &str = include_str!("../../../../docs/api/examples/recorded.json");
/// The key by which a documented object tells that it has more keys, which are not known.
const AND_MORE: &str = "…";

/// What type a value has. A number without a fraction may be one that never has any.
fn kind(node: &Node<'_>) -> &'static str {
    match node {
        Node::List(_) => "list",
        Node::Object(_) => "object",
        Node::Leaf("true" | "false") => "boolean",
        Node::Leaf("null") => "null",
        Node::Leaf(text) if text.starts_with('"') => "string",
        Node::Leaf(text) if text.contains('.') => "number",
        Node::Leaf(_) => "integer",
    }
}

fn names<'a>(fields: &'a [(&str, Node<'_>)]) -> Vec<&'a str> {
    fields.iter().map(|(name, _)| name.trim_matches('"')).collect()
}

/// What is other than documented, in words.
fn differences(place: &str, documented: &Node<'_>, ours: &Node<'_>, found: &mut Vec<String>) {
    match (documented, ours) {
        (Node::Object(theirs), Node::Object(own)) => {
            let (their_names, our_names) = (names(theirs), names(own));
            let has_more = their_names.contains(&AND_MORE);
            let missing = their_names.iter().filter(|name| **name != AND_MORE && !our_names.contains(name));
            found.extend(missing.map(|name| format!("{place}.{name} is left out")));
            let more = our_names.iter().filter(|name| !has_more && !their_names.contains(name));
            found.extend(more.map(|name| format!("{place}.{name} is added")));
            let shared = |names: &[&str], others: &[&str]| -> Vec<String> {
                names.iter().filter(|name| others.contains(name)).map(|name| (*name).to_owned()).collect()
            };
            if shared(&their_names, &our_names) != shared(&our_names, &their_names) {
                found.push(format!("{place} has another order"));
            }
            for (name, value) in theirs {
                let name = name.trim_matches('"');
                if let Some(own) = ours.get(name) {
                    differences(&format!("{place}.{name}"), value, own, found);
                }
            }
        }
        (Node::List(theirs), Node::List(own)) => match (theirs.first(), own.first()) {
            (Some(their), Some(our)) => differences(&format!("{place}[]"), their, our, found),
            (Some(_), None) => found.push(format!("{place} is empty")),
            (None, _) => {}
        },
        _ => {
            let (theirs, own) = (kind(documented), kind(ours));
            if theirs != own && (theirs, own) != ("number", "integer") {
                found.push(format!("{place} is {own} instead of {theirs}"));
            }
        }
    }
}

/// Asserts that exactly the listed differences are there.
fn assert_documented(call: &Call, part: &str, documented: &str, ours: &Node<'_>) {
    let mut found = Vec::new();
    differences(part, &Node::of(documented), ours, &mut found);
    let listed = call.choices.iter().map(|(difference, _)| *difference);
    let listed: Vec<&str> = listed.filter(|text| text.starts_with(part)).collect();
    assert_eq!(found, listed, "{}", call.id);
}

#[test]
fn every_documented_call_has_its_shape() {
    let recorded = Node::of(RECORDED);
    for call in CALLS {
        let example = recorded.get(call.id).unwrap_or_else(|| panic!("{} has no example", call.id));
        match (call.body, example.get("body")) {
            (Some(documented), Some(sent)) => assert_documented(call, "body", documented, sent),
            (None, None) => {}
            _ => panic!("{} has a body here and none there", call.id),
        }
        let answer = example.get("answer").unwrap();
        let Some(documented) = call.data else {
            // What is always refused.
            let mut found = Vec::new();
            differences("error", &Node::of(ERROR), answer, &mut found);
            assert!(found.is_empty(), "{}: {found:?}", call.id);
            continue;
        };
        let Node::Object(envelope) = answer else { panic!("{} answers with no object", call.id) };
        assert_eq!(names(envelope), ["success", "timestamp", "requestId", "data"], "{}", call.id);
        let kinds: Vec<&str> = envelope.iter().map(|(_, value)| kind(value)).collect();
        assert_eq!(kinds, ["boolean", "string", "string", "object"], "{}", call.id);
        assert_documented(call, "data", documented, answer.get("data").unwrap());
        // Each of them is about a part that was compared, and has a reason.
        for (difference, why) in call.choices {
            assert!(difference.starts_with("body") || difference.starts_with("data"), "{}: {difference}", call.id);
            assert!(!why.is_empty(), "{}: {difference}", call.id);
        }
    }
}

#[test]
fn every_call_of_v1_is_documented_or_ours() {
    let document: serde_json::Value = serde_json::from_str(perennial_web::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().values().filter_map(|path| path.as_object());
    let ids = paths.flat_map(|methods| methods.values()).filter_map(|one| one["operationId"].as_str());
    let known = |id: &&str| CALLS.iter().any(|call| call.id == *id) || OURS.iter().any(|(ours, _)| ours == id);
    let unknown: Vec<&str> = ids.filter(|id| id.starts_with("v1")).filter(|id| !known(id)).collect();
    assert!(unknown.is_empty(), "with nothing to compare with: {unknown:?}");
}

on_both_databases! {
    async fn every_documented_error_has_its_shape(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        // Nobody knows what it costs.
        let product = provider.product_from("Domain", "feed:registrar").await;
        provider.service(anna, product, date(2026, 12, 1)).await;
        let server = TestServer::start_with(&provider, RateLimit(Some(3))).await;
        let key = provider.key("read:all write:all", Some(anna)).await;
        let wrong = json!({ "accountId": "1", "type": "Now" });
        let unknown = json!({ "accountId": "99", "type": "Immediate" });
        let answers = [
            server.get("/api/billing/account-summary", "").await,
            server.post("/api/services/1/renew", &key).await,
            server.post_json("/api/cancel-hosting", &key, &wrong).await,
            server.post_json("/api/cancel-hosting", &key, &unknown).await,
        ];
        for (answer, (status, title, message, code)) in answers.iter().zip(FAILURES) {
            let mut found = Vec::new();
            differences("error", &Node::of(ERROR), &Node::of(&answer.text), &mut found);
            assert!(found.is_empty(), "{found:?}: {}", answer.text);
            let told = |name: &str| answer.json[name].as_str().unwrap().to_owned();
            let expected = (status, title.to_owned(), message.to_owned(), code.to_owned());
            assert_eq!((answer.status, told("error"), told("message"), told("code")), expected);
        }
        let limited = server.get("/api/billing/invoice/1", &key).await;
        assert_eq!(limited.status, 429, "{}", limited.text);
        let mut found = Vec::new();
        differences("error", &Node::of(LIMITED), &Node::of(&limited.text), &mut found);
        assert!(found.is_empty(), "{found:?}: {}", limited.text);
        for header in ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            assert!(!limited.header(header).is_empty(), "{header}");
        }
    }
}

#[test]
fn what_differs_is_found() {
    let found = |documented: &str, ours: &str| {
        let mut found = Vec::new();
        differences("data", &Node::of(documented), &Node::of(ours), &mut found);
        found
    };
    assert!(found(r#"{"a":0.5,"b":[{"c":""}],"…":0}"#, r#"{"a":1,"b":[{"c":"x"}],"d":1}"#).is_empty());
    assert_eq!(
        found(r#"{"a":1,"b":[{"c":""}],"d":"","e":[1]}"#, r#"{"b":[{"c":null}],"a":1.5,"e":[],"f":1}"#),
        [
            "data.d is left out",
            "data.f is added",
            "data has another order",
            "data.a is number instead of integer",
            "data.b[].c is null instead of string",
            "data.e is empty",
        ]
    );
}
