//! The same request, 64 times at once under one `Idempotency-Key`, with kill -9 in between: one effect, one answer.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use perennial_testkit::{Client, Kind, client};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crash::stocked;
use crate::run::Installation;

/// Times the server is killed.
const KILLS: u64 = 8;
/// Times each request is sent at once.
const REPEATS: usize = 64;
/// Requests of each round.
const REQUESTS: usize = 3;
/// How long to wait for answers before the kill, in milliseconds.
const PATIENCE_MS: usize = 20_000;
/// How long a request that is never answered is sent again, in tenths of a second.
const PATIENCE_TENTHS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_carried_out_once_on_sqlite_whatever_is_killed() {
    kill_in_between(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_carried_out_once_on_postgres_whatever_is_killed() {
    kill_in_between(Kind::Postgres).await;
}

/// A request: its path, its body, and its name.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Request {
    path: String,
    body: String,
    name: String,
}

/// The status and text of the answer; none when the server is gone.
async fn send(client: &Client, address: SocketAddr, key: &str, request: &Request) -> Option<(u16, String)> {
    let call = client.post(format!("http://{address}{}", request.path)).header("x-api-key", key);
    let answer = call.header("idempotency-key", &request.name).body(request.body.clone()).send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.text().await.ok()?))
}

async fn kill_in_between(kind: Kind) {
    let installation = stocked(kind).await;
    let client = client();
    let services = services(&installation, usize::try_from(KILLS).unwrap() * REQUESTS);
    // By request: every text of a 200 that somebody read.
    let answers: Arc<Mutex<HashMap<Request, HashSet<String>>>> = Arc::default();
    let mut all = Vec::new();
    for kill in 0..KILLS {
        let from = usize::try_from(kill).unwrap() * REQUESTS;
        let mut requests = Vec::new();
        for (nth, (customer, service)) in services[from..from + REQUESTS].iter().enumerate() {
            let name = format!("{kill}-{nth}");
            let request = match nth {
                0 => (format!("/api/services/{service}/renew"), String::new()),
                // Nothing but the name keeps these from being done again.
                1 => (
                    format!("/api/billing/invoice/{}/apply-credit", funded(&installation, customer, service)),
                    r#"{"amount":"1"}"#.to_owned(),
                ),
                _ => ("/api/v2/renewals".to_owned(), json!({ "services": [format!("svc_{service}")] }).to_string()),
            };
            requests.push(Request { path: request.0, body: request.1, name });
        }
        let from_earlier = answers.lock().unwrap().len();
        let mut serving = installation.serve();
        let mut callers = JoinSet::new();
        for request in &requests {
            for _ in 0..REPEATS {
                let (client, address, key) = (client.clone(), serving.address, installation.key.clone());
                let (request, answers) = (request.clone(), answers.clone());
                callers.spawn(async move {
                    if let Some((200, text)) = send(&client, address, &key, &request).await {
                        answers.lock().unwrap().entry(request).or_default().insert(text);
                    }
                });
            }
        }
        // Before the first answer, at it, and after more of them.
        tokio::time::sleep(Duration::from_millis(2 + kill)).await;
        let wanted = from_earlier + usize::try_from(kill % 4).unwrap();
        for _ in 0..PATIENCE_MS {
            if answers.lock().unwrap().len() >= wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        callers.join_all().await;
        all.extend(requests);
    }
    let early: usize = answers.lock().unwrap().values().map(HashSet::len).sum();
    let serving = installation.serve();
    for request in &all {
        for attempt in 0.. {
            assert!(attempt < PATIENCE_TENTHS, "{} is never answered", request.path);
            match send(&client, serving.address, &installation.key, request).await {
                Some((200, text)) => {
                    answers.lock().unwrap().entry(request.clone()).or_default().insert(text);
                    break;
                }
                Some((409 | 503, _)) => tokio::time::sleep(Duration::from_millis(100)).await,
                other => panic!("{}: {other:?}", request.path),
            }
        }
    }
    let answers = answers.lock().unwrap();
    assert_eq!(answers.len(), all.len());
    for (request, texts) in answers.iter() {
        assert_eq!(texts.len(), 1, "{} {}: {texts:?}", request.path, request.name);
    }
    assert!(early > 0, "some were answered before the kill");
    let applied = installation.database.sql("select count(*) from settlements where source = 'credit'").unwrap();
    assert_eq!(applied.trim(), KILLS.to_string(), "credit was applied once by each request");
    let kept = installation.database.sql("select count(*) from answers").unwrap();
    assert_eq!(kept.trim(), all.len().to_string());
    let doctor = installation.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.shown());
}

/// Monthly services, each with its customer.
fn services(installation: &Installation, count: usize) -> Vec<(String, String)> {
    let rows = format!(
        "select customer_id, min(id) from services where status = 'active' and cycle = '1m' group by customer_id \
        order by 1 limit {count}"
    );
    let rows = installation.database.sql(&rows).unwrap();
    let pairs = rows.lines().filter_map(|row| row.split_once('|')).map(|(a, b)| (a.to_owned(), b.to_owned()));
    pairs.collect()
}

/// An invoice of a customer who has credit.
fn funded(installation: &Installation, customer: &str, service: &str) -> String {
    let funds = ["payment", "record", "--customer", customer, "--amount", "100000", "--reference", customer];
    let funded = installation.run(&funds);
    assert_eq!(funded.code, 0, "{}", funded.shown());
    let renewed = installation.run(&["renew", service, "--format", "json"]);
    assert_eq!(renewed.code, 0, "{}", renewed.shown());
    let renewed: Value = serde_json::from_str(&renewed.stdout).unwrap();
    let invoice = &renewed[0]["invoiceId"];
    invoice.as_str().map_or_else(|| invoice.to_string(), str::to_owned)
}
