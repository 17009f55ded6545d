//! A price feed on a free port that can be made to fail in every way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::listener::answer_all;

/// What the feed does when it is asked.
#[derive(Debug, Clone)]
pub enum FeedBehaviour {
    /// Answers with this status and body.
    Answer(u16, String),
    /// Answers 503 this many times, then 200 with this body.
    Flaky(u32, String),
    /// Takes the request and says nothing for this long.
    Silent(Duration),
    /// Answers 200 with this body after this long.
    Slow(Duration, String),
    /// Closes the connection.
    HangUp,
}

/// A running feed.
#[derive(Debug, Clone)]
pub struct TestFeed {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    behaviour: FeedBehaviour,
    requests: Vec<String>,
}

impl TestFeed {
    /// Starts one that answers 200 with this price in SEK.
    pub async fn start(price: &str) -> Self {
        let state = Arc::new(Mutex::new(State { behaviour: answer(price), requests: Vec::new() }));
        let asked = state.clone();
        let address = answer_all(move |head, body| give(asked.clone(), head, body)).await;
        Self { address, state }
    }

    /// The address to configure.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/price?product={{product}}&cycle={{cycle}}&currency={{currency}}", self.address)
    }

    /// From now on it does this.
    pub fn behave(&self, behaviour: FeedBehaviour) {
        self.state.lock().expect("no panic before").behaviour = behaviour;
    }

    /// From now on it answers with this price in SEK.
    pub fn set_price(&self, price: &str) {
        self.behave(answer(price));
    }

    /// The address to configure for many prices at once.
    #[must_use]
    pub fn bulk_url(&self) -> String {
        format!("http://{}/prices", self.address)
    }

    /// The request lines of what it was asked, with their bodies.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().expect("no panic before").requests.clone()
    }
}

impl State {
    /// Notes the request and tells what to do now.
    fn next(&mut self, request: String) -> FeedBehaviour {
        self.requests.push(request);
        let now = self.behaviour.clone();
        if let FeedBehaviour::Flaky(failures, _) = &mut self.behaviour {
            *failures = failures.saturating_sub(1);
        }
        now
    }
}

/// The status and the body to answer with, or nothing to hang up.
async fn give(state: Arc<Mutex<State>>, head: String, body: String) -> Option<(u16, String)> {
    let line = head.lines().next().unwrap_or_default();
    let request = if body.is_empty() { line.to_owned() } else { format!("{line} {body}") };
    let behaviour = state.lock().expect("no panic before").next(request);
    match behaviour {
        FeedBehaviour::Answer(status, body) => Some((status, body)),
        FeedBehaviour::Flaky(failures, _) if failures > 0 => Some((503, String::new())),
        FeedBehaviour::Flaky(_, body) => Some((200, body)),
        FeedBehaviour::Slow(time, body) => {
            tokio::time::sleep(time).await;
            Some((200, body))
        }
        FeedBehaviour::Silent(time) => {
            tokio::time::sleep(time).await;
            None
        }
        FeedBehaviour::HangUp => None,
    }
}

fn answer(price: &str) -> FeedBehaviour {
    FeedBehaviour::Answer(200, format!(r#"{{"price":"{price}","currency":"SEK"}}"#))
}
