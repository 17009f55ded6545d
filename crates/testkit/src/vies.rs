//! VIES on a free port, with answers that are set by hand and every way of failing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::listener::answer_all;

/// What VIES does when it is asked about a number.
#[derive(Debug, Clone)]
pub enum ViesBehaviour {
    /// The number is valid, and belongs to this name and address.
    Valid(&'static str, &'static str),
    /// The number is not valid.
    Invalid,
    /// Answers with this status and this code of VIES.
    Fails(u16, &'static str),
    /// Fails with this code so many times, then finds the number valid.
    Stumbles(u32, &'static str),
    /// Does not take the number of who asks, and finds the number valid if nobody asks.
    NoRequester,
    /// Finds the number valid after this long.
    Slow(Duration),
    /// Closes the connection.
    HangUp,
    /// Answers 200 with this text.
    Says(&'static str),
    /// Answers 200 with so many bytes.
    Large(usize),
}

/// A running VIES.
#[derive(Debug, Clone)]
pub struct TestVies {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    behaviour: ViesBehaviour,
    numbers: HashMap<String, ViesBehaviour>,
    requests: Vec<Value>,
}

impl TestVies {
    /// Starts one that finds every number valid.
    pub async fn start() -> Self {
        let state = State { behaviour: VALID, numbers: HashMap::new(), requests: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let asked = state.clone();
        let address = answer_all(move |head, body| answer(asked.clone(), head, body)).await;
        Self { address, state }
    }

    /// The address to configure.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/vies/rest-api", self.address)
    }

    /// From now on it does this.
    pub fn behave(&self, behaviour: ViesBehaviour) {
        self.state.lock().expect("no panic before").behaviour = behaviour;
    }

    /// From now on it does this when it is asked about this number, which has its country in front.
    pub fn behave_for(&self, number: &str, behaviour: ViesBehaviour) {
        self.state.lock().expect("no panic before").numbers.insert(number.to_owned(), behaviour);
    }

    /// What it was asked.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        self.state.lock().expect("no panic before").requests.clone()
    }

    /// The numbers it was asked about, with their countries in front.
    #[must_use]
    pub fn numbers(&self) -> Vec<String> {
        self.requests().iter().map(number).collect()
    }
}

impl State {
    /// Notes the request and tells what to do now, and the how manieth request it was.
    fn next(&mut self, request: &Value) -> (ViesBehaviour, usize) {
        self.requests.push(request.clone());
        let asked = self.requests.len();
        let Self { behaviour, numbers, .. } = self;
        let behaviour = numbers.get_mut(&number(request)).unwrap_or(behaviour);
        let now = behaviour.clone();
        if let ViesBehaviour::Stumbles(failures, _) = behaviour {
            *failures = failures.saturating_sub(1);
        }
        (now, asked)
    }
}

/// The status and the body to answer with, or nothing to hang up.
async fn answer(state: Arc<Mutex<State>>, head: String, body: String) -> Option<(u16, String)> {
    if !head.starts_with("POST /vies/rest-api/check-vat-number HTTP/1.1") {
        return Some((404, String::new()));
    }
    let Ok(request) = serde_json::from_str::<Value>(&body) else { return Some((400, failure("INVALID_INPUT"))) };
    let (behaviour, asked) = state.lock().expect("no panic before").next(&request);
    let has_requester = !request["requesterNumber"].is_null();
    Some(match behaviour {
        ViesBehaviour::Valid(name, address) => (200, found(&request, asked, true, name, address)),
        ViesBehaviour::Invalid => (200, found(&request, asked, false, "---", "---")),
        ViesBehaviour::Fails(status, code) => (status, failure(code)),
        ViesBehaviour::Stumbles(failures, code) if failures > 0 => (200, failure(code)),
        ViesBehaviour::NoRequester if has_requester => (200, failure("INVALID_REQUESTER_INFO")),
        ViesBehaviour::Stumbles(..) | ViesBehaviour::NoRequester => (200, found(&request, asked, true, "---", "---")),
        ViesBehaviour::Slow(time) => {
            tokio::time::sleep(time).await;
            (200, found(&request, asked, true, "---", "---"))
        }
        ViesBehaviour::HangUp => return None,
        ViesBehaviour::Says(text) => (200, text.to_owned()),
        ViesBehaviour::Large(bytes) => (200, "x".repeat(bytes)),
    })
}

const VALID: ViesBehaviour = ViesBehaviour::Valid("---", "---");

fn number(request: &Value) -> String {
    let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
    text("countryCode") + &text("vatNumber")
}

/// An answer as VIES gives it; the consultation number is for those who say who they are.
fn found(request: &Value, asked: usize, is_valid: bool, name: &str, address: &str) -> String {
    let has_requester = !request["requesterNumber"].is_null();
    json!({
        "countryCode": request["countryCode"],
        "vatNumber": request["vatNumber"],
        "requestDate": "2026-11-23T11:00:00.000Z",
        "valid": is_valid,
        "requestIdentifier": if has_requester { format!("WAPIAAAA{asked:04}") } else { String::new() },
        "name": name,
        "address": address,
        "traderName": "---",
        "traderNameMatch": "NOT_PROCESSED",
    })
    .to_string()
}

fn failure(code: &str) -> String {
    json!({ "actionSucceed": false, "errorWrappers": [{ "error": code }] }).to_string()
}
