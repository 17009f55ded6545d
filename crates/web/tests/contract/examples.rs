//! An example of every operation, recorded from one story, which both databases tell alike.
//!
//! `docs/api/examples/recorded.json` is read into the OpenAPI document and its reference. When an answer is meant to change, or
//! when there is a new operation, which needs its place in the story, it is recorded anew:
//!
//! ```sh
//! PERENNIAL_RECORD=1 cargo test -p perennial-web --test contract examples
//! cargo run -p perennial -- openapi --folder docs/api
//! ```

mod catalogue;
mod customers;
mod invoices;
mod keys;
mod layout;
mod money;
mod office;
mod runs;
mod services;
mod story;
mod v1;
mod webhooks;

use std::io::Write;
use std::process::{Command, Stdio};

use perennial_testkit::{Kind, oracles, tell};
use serde_json::Value;
use story::Story;

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/examples/recorded.json");
const HINT: &str = "Run `PERENNIAL_RECORD=1 cargo test -p perennial-web --test contract examples`, then \
    `cargo run -p perennial -- openapi --folder docs/api`, and read what has changed.";

/// Tells the whole story, and what was recorded of it.
async fn recorded(kind: Kind) -> String {
    let mut story = Story::begin(kind).await;
    let story = &mut story;
    office::settle_in(story).await;
    catalogue::fill(story).await;
    customers::arrive(story).await;
    webhooks::listen(story).await;
    services::begin(story).await;
    services::renew(story).await;
    invoices::look(story).await;
    money::pay(story).await;
    services::change(story).await;
    money::use_credit(story, "inv_5").await;
    invoices::write(story).await;
    runs::raise_prices(story).await;
    let hugo = v1::key(story).await;
    v1::look(story, &hugo).await;
    v1::renew(story, &hugo).await;
    v1::end(story, &hugo).await;
    v1::make_keys(story, &hugo).await;
    keys::make(story).await;
    runs::run(story).await;
    webhooks::look(story).await;
    office::look_back(story).await;
    invoices::correct(story).await;
    story.provider.assert_well().await;
    let untold = story.untold();
    assert!(untold.is_empty(), "operations without an example: {untold:?}. Tell of them in tests/contract/examples.");
    story.written()
}

/// Asserts that two recordings are the same, and shows the first line that is not.
fn assert_same(known: &str, told: &str, hint: &str) {
    let longer = known.lines().count().max(told.lines().count());
    let lines = |text: &str| {
        text.lines().map(str::to_owned).chain(std::iter::repeat(String::new())).take(longer).collect::<Vec<_>>()
    };
    for (nth, (known, told)) in lines(known).iter().zip(lines(told)).enumerate() {
        assert!(*known == told, "line {}:\n  {known}\nis now\n  {told}\n{hint}", nth + 1);
    }
}

#[test]
fn every_operation_has_the_example_that_the_story_tells() {
    tell(async {
        let told = recorded(Kind::Sqlite).await;
        assert_same(&told, &recorded(Kind::Postgres).await, "SQLite and PostgreSQL tell different stories.");
        if std::env::var_os("PERENNIAL_RECORD").is_some() {
            return std::fs::write(RECORDED, told).unwrap();
        }
        assert_same(&std::fs::read_to_string(RECORDED).unwrap(), &told, HINT);
    });
}

/// Every example of the document is judged by the schema beside it, by somebody else.
#[test]
fn every_example_fits_its_schema() {
    let Some(oracles) = oracles() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/examples.py");
    let mut python = Command::new(oracles.join("bin/python"));
    let mut judge = python.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
    // It reads everything before it says anything.
    judge.stdin.take().unwrap().write_all(perennial_web::openapi().as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let (looked_at, problems) = lines.split_last().expect("how many it has looked at");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let looked_at: usize = looked_at.parse().unwrap();
    assert_eq!(looked_at, examples_in(&serde_json::from_str(perennial_web::openapi()).unwrap()));
    assert!(looked_at > 200, "{looked_at}");
}

/// How many examples stand in a part of the document.
fn examples_in(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| usize::from(name == "example") + examples_in(value)).sum()
        }
        Value::Array(values) => values.iter().map(examples_in).sum(),
        _ => 0,
    }
}
