//! A price feed on a free port that can be made to fail in every way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let feed =
            Self { address, state: Arc::new(Mutex::new(State { behaviour: answer(price), requests: Vec::new() })) };
        let served = feed.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().converse(stream));
            }
        });
        feed
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

    /// Notes the request and tells what to do now.
    fn next(&self, request: String) -> FeedBehaviour {
        let mut state = self.state.lock().expect("no panic before");
        state.requests.push(request);
        let now = state.behaviour.clone();
        if let FeedBehaviour::Flaky(failures, _) = &mut state.behaviour {
            *failures = failures.saturating_sub(1);
        }
        now
    }

    async fn converse(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 {
                return;
            }
            read.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&read);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() < length.unwrap_or(0) {
                continue;
            }
            let line = head.lines().next().unwrap_or_default();
            let request = if body.is_empty() { line.to_owned() } else { format!("{line} {body}") };
            read.clear();
            let (status, body) = match self.next(request) {
                FeedBehaviour::Answer(status, body) => (status, body),
                FeedBehaviour::Flaky(failures, _) if failures > 0 => (503, String::new()),
                FeedBehaviour::Flaky(_, body) => (200, body),
                FeedBehaviour::Slow(time, body) => {
                    tokio::time::sleep(time).await;
                    (200, body)
                }
                FeedBehaviour::Silent(time) => {
                    tokio::time::sleep(time).await;
                    return;
                }
                FeedBehaviour::HangUp => return,
            };
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            if stream.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

fn answer(price: &str) -> FeedBehaviour {
    FeedBehaviour::Answer(200, format!(r#"{{"price":"{price}","currency":"SEK"}}"#))
}
