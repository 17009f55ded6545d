//! kill -9 in the middle of hundreds of messages: none is lost, each is signed, and what is about one thing comes in order.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use perennial_testkit::{Kind, WebhookVerifier};
use serde_json::{Value, json};

use crate::crash::stocked;
use crate::run::Installation;

/// Events that are told, at least.
const EVENTS: usize = 500;
/// How often some services are switched off and on again.
const TURNS: usize = 5;
/// Messages that a server sends before it is killed, about.
const BEFORE_THE_KILL: usize = 40;
/// For how long messages are waited for, in tenths of a second.
const PATIENCE_TENTHS: u32 = 1_200;
/// Messages that a node claims together.
const CLAIMED: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_sqlite_loses_no_message() {
    kill_while_telling(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_postgres_loses_no_message() {
    kill_while_telling(Kind::Postgres).await;
}

/// Says in the configuration that messages may go to this machine.
fn allow_this_machine(installation: &Installation) {
    let file = installation.folder.path().join("perennial.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("private_networks = []", "private_networks = [\"127.0.0.1\"]");
    std::fs::write(&file, text).unwrap();
}

fn number(installation: &Installation, sql: &str) -> usize {
    installation.database.sql(sql).unwrap().trim().parse().unwrap()
}

async fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE_TENTHS {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not happen");
}

fn secret(ended: &crate::run::Ended) -> String {
    assert_eq!(ended.code, 0, "{}", ended.shown());
    let made: Value = serde_json::from_str(&ended.stdout).unwrap();
    made["secret"].as_str().unwrap().to_owned()
}

async fn kill_while_telling(kind: Kind) {
    let Some(receiver) = WebhookVerifier::start(17) else { return };
    let installation = stocked(kind).await;
    allow_this_machine(&installation);
    let first = secret(&installation.run(&["webhook", "add", &receiver.url(), "--format", "json"]));
    receiver.knows(&[&first]);
    let tested = installation.run(&["webhook", "test", "1"]);
    assert_eq!(tested.code, 0, "{}", tested.shown());
    let events = "select count(*) from webhook_deliveries";
    // What is about one service, several times over.
    for _ in 0..TURNS {
        for service in ["20000", "20001", "20002"] {
            for switch in ["off", "on"] {
                let ended = installation.run(&["service", "auto-renew", service, switch]);
                assert_eq!(ended.code, 0, "{}", ended.shown());
            }
        }
    }
    let mut next = 20_000;
    while number(&installation, events) < EVENTS {
        let ids: Vec<String> = (next..next + 100).map(|id: u64| id.to_string()).collect();
        let mut args = vec!["renew"];
        args.extend(ids.iter().map(String::as_str));
        // Some services of a provider cannot be renewed.
        installation.run(&args);
        next += 100;
    }
    let second = secret(&installation.run(&["webhook", "rotate", "1", "--format", "json"]));
    receiver.knows(&[&first, &second]);
    let queued = number(&installation, events);
    let mut kills = 0;
    while receiver.taken().len() + BEFORE_THE_KILL < queued {
        let mut serving = installation.serve();
        let goal = receiver.taken().len() + BEFORE_THE_KILL;
        wait_until(|| receiver.taken().len() >= goal).await;
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        kills += 1;
        let doctor = installation.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "after kill {kills}: {}", doctor.shown());
        // The time goes by in which nobody else takes what the dead server held, or tries again what was not taken.
        let due = "update webhook_deliveries set claimed_until = queued_at, next_attempt_at = queued_at where state = 'queued'";
        installation.database.sql(due).unwrap();
    }
    assert!(kills > 3, "{kills} kills");
    let serving = installation.serve();
    let waiting = "select count(*) from webhook_deliveries where state <> 'delivered'";
    wait_until(|| number(&installation, waiting) == 0).await;
    drop(serving);

    let taken: Vec<Value> = receiver.taken().into_iter().filter(|message| message["type"] != "webhook.test").collect();
    let told: HashSet<&str> = taken.iter().map(|message| message["id"].as_str().unwrap()).collect();
    assert_eq!(told.len(), queued, "none is lost");
    let repeats = taken.len() - queued;
    assert!(repeats <= kills * CLAIMED, "{repeats} repeats of {queued} after {kills} kills");
    for message in &taken {
        assert_eq!(message["verifies"], json!([0, 1]), "by the old secret and the new one: {message}");
    }
    let mut newest: HashMap<&str, u64> = HashMap::new();
    for message in &taken {
        let id: u64 = message["id"].as_str().unwrap().trim_start_matches("evt_").parse().unwrap();
        let newest = newest.entry(message["about"].as_str().unwrap()).or_default();
        assert!(id >= *newest, "{message} after evt_{newest}");
        *newest = id;
    }
    let doctor = installation.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.shown());
}
