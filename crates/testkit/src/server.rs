//! A server on a free port, and a client that reads what came back.

use std::net::SocketAddr;

use perennial_web::{RateLimit, Web, router};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Provider;

/// A running server.
#[derive(Debug)]
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    client: Client,
    _stop: oneshot::Sender<()>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl TestServer {
    /// Serves a provider, with no limit on calls.
    pub async fn start(provider: &Provider) -> Self {
        Self::start_with(provider, RateLimit(None)).await
    }

    /// Serves a provider.
    pub async fn start_with(provider: &Provider, limit: RateLimit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router(Web::new(provider.app.clone(), limit));
        tokio::spawn(perennial_web::serve(listener, router, async move {
            let _ = stopped.await;
        }));
        Self { address, client: Client::new(), _stop: stop }
    }

    /// A request that can still be changed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// `GET` with a key.
    pub async fn get(&self, path: &str, key: &str) -> Answer {
        Answer::to(self.request(Method::GET, path).header("x-api-key", key)).await
    }

    /// `POST` with a key and no body.
    pub async fn post(&self, path: &str, key: &str) -> Answer {
        Answer::to(self.request(Method::POST, path).header("x-api-key", key)).await
    }
}

impl Answer {
    /// Sends a request and reads its answer.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, json }
    }

    /// A header's text; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
