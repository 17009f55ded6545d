//! A server on a free port, and a client that reads what came back.

use std::net::SocketAddr;

use axum::Router;
use perennial_app::{App, RenewalQueue};
use perennial_web::{Limits, Web, guarded, router};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Provider;

/// The request id of every call of a story.
const REQUEST_ID: &str = "2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba";

/// A running server.
#[derive(Debug)]
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    client: Client,
    _stop: oneshot::Sender<()>,
}

/// The renewal workers end with the test's runtime.
fn web(app: &App, limits: Limits) -> Web {
    let (renewals, workers) = RenewalQueue::start(app);
    workers.detach();
    // Nobody tells it to stop.
    let stop = tokio::sync::watch::channel(false).1;
    Web::new(app.clone(), renewals, limits, stop)
}

/// An HTTP client, also where no server of this process has set up TLS.
#[must_use]
pub fn client() -> Client {
    // A second installation is refused and that is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

/// What every answer says to browsers; it is tested by itself and shown nowhere.
const SECURITY_HEADERS: [&str; 4] =
    ["cache-control", "content-security-policy", "referrer-policy", "x-content-type-options"];

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
        Self::start_with(provider, Limits::default()).await
    }

    /// Serves a provider within these limits.
    pub async fn start_with(provider: &Provider, limits: impl Into<Limits>) -> Self {
        Self::serve(router(web(&provider.app, limits.into()))).await
    }

    /// Serves a provider that is found at this address from outside.
    pub async fn start_at(provider: &Provider, public_url: &str) -> Self {
        let web = web(&provider.app, Limits::default()).found_at(Some(public_url.to_owned()));
        Self::serve(router(web)).await
    }

    /// Serves another node of a provider.
    pub async fn start_node(node: &App) -> Self {
        Self::serve(router(web(node, Limits::default()))).await
    }

    async fn serve(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(perennial_web::serve(listener, router, async move {
            let _ = stopped.await;
        }));
        Self { address, client: client(), _stop: stop }
    }

    /// Serves these routes instead of the program's, behind the same guards.
    pub async fn start_routes(provider: &Provider, routes: Router<Web>) -> Self {
        Self::serve(guarded(routes, web(&provider.app, Limits::default()))).await
    }

    /// A request that can still be changed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A request with a key and a known request id, so that the answer is the same each time.
    pub fn call(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.request(method, path).header("x-api-key", key).header("x-request-id", REQUEST_ID)
    }

    /// `GET` with a key.
    pub async fn get(&self, path: &str, key: &str) -> Answer {
        Answer::to(self.call(Method::GET, path, key)).await
    }

    /// `POST` with a key and no body.
    pub async fn post(&self, path: &str, key: &str) -> Answer {
        Answer::to(self.call(Method::POST, path, key)).await
    }

    /// `POST` with a key and a JSON body.
    pub async fn post_json(&self, path: &str, key: &str, body: &Value) -> Answer {
        Answer::to(self.call(Method::POST, path, key).body(body.to_string())).await
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

    /// The whole answer for a snapshot: status, headers that mean something, and the body as it came.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "content-length"))
            .filter(|(name, _)| !SECURITY_HEADERS.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
            .collect();
        headers.sort();
        format!("{}\n{}\n\n{}", self.status, headers.join("\n"), self.text)
    }

    /// A header's text; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
