//! Who is told what happens, on a free port, and does not always want to hear it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use crate::listener::answer_all;

/// What a receiver does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverBehaviour {
    /// Takes it.
    Take,
    /// Answers with this status.
    Answer(u16),
    /// Takes it after this long.
    Slow(Duration),
    /// Closes the connection.
    HangUp,
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The JSON, to the byte.
    pub body: String,
    /// Whether it was taken.
    pub is_taken: bool,
}

impl Received {
    /// The JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// What it tells.
    #[must_use]
    pub fn name(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }
}

/// A running receiver.
#[derive(Debug, Clone)]
pub struct TestReceiver {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    behaviour: ReceiverBehaviour,
    /// For messages with this text in them.
    special: HashMap<String, ReceiverBehaviour>,
    received: Vec<Received>,
}

impl TestReceiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let state = State { behaviour: ReceiverBehaviour::Take, special: HashMap::new(), received: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let told = state.clone();
        let address = answer_all(move |head, body| answer(told.clone(), head, body)).await;
        Self { address, state }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// From now on it does this.
    pub fn behave(&self, behaviour: ReceiverBehaviour) {
        self.state().behaviour = behaviour;
    }

    /// From now on it does this with messages that have this text in them.
    pub fn behave_for(&self, text: &str, behaviour: ReceiverBehaviour) {
        self.state().special.insert(text.to_owned(), behaviour);
    }

    /// Every message, in the order in which it came.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// The messages that it took.
    #[must_use]
    pub fn taken(&self) -> Vec<Received> {
        self.received().into_iter().filter(|message| message.is_taken).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic before")
    }
}

async fn answer(state: Arc<Mutex<State>>, head: String, body: String) -> Option<(u16, String)> {
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")));
        line.map(|line| line[name.len() + 2..].to_owned()).unwrap_or_default()
    };
    let behaviour = {
        let mut state = state.lock().expect("no panic before");
        let special = state.special.iter().find(|(text, _)| body.contains(&***text)).map(|(_, behaviour)| *behaviour);
        let behaviour = special.unwrap_or(state.behaviour);
        state.received.push(Received {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp").parse().unwrap_or_default(),
            signature: header("webhook-signature"),
            body,
            is_taken: matches!(behaviour, ReceiverBehaviour::Take),
        });
        behaviour
    };
    match behaviour {
        ReceiverBehaviour::Take => Some((204, String::new())),
        ReceiverBehaviour::Answer(status) => Some((status, "not today".to_owned())),
        ReceiverBehaviour::Slow(time) => {
            tokio::time::sleep(time).await;
            Some((204, String::new()))
        }
        ReceiverBehaviour::HangUp => None,
    }
}
