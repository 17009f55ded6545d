//! The doors: HTTP in, verbs called, the documented shapes out.
//!
//! `v1/routes.rs` and `v2/routes.rs` name every route, who may call it and what it is for. A handler asks its `Context` who is
//! calling, calls one verb or reads from the store, and answers with a typed struct; errors are [`ApiError`]s and get their body
//! in one place for each surface. To add a route: a handler in the file of its noun, a line in `routes.rs`, a story in `tests/`.

mod address;
mod body;
mod context;
mod describe;
mod docs;
mod error;
mod examples;
mod health;
mod idempotency;
mod limit;
mod linger;
mod metrics;
mod openapi;
mod operation;
mod pay;
mod public_url;
mod reference;
mod request_id;
mod router;
mod security_headers;
mod server;
mod v1;
mod v2;
mod wire;

pub use body::{BODY_TIMEOUT, MAX_BODY_BYTES};
pub use error::ApiError;
pub use limit::{GUESS_REST, GUESS_WINDOW, Limits, MAX_GUESSES, MAX_WINDOWS, RateLimit, RateLimits, WINDOW};
pub use linger::{LINGER_TIMEOUT, MAX_LINGER_BYTES};
pub use openapi::openapi;
pub use pay::payment_link_url;
pub use reference::reference;
pub use router::{REQUEST_TIMEOUT, guarded, router};
pub use server::{DRAIN_TIMEOUT, HEAD_TIMEOUT, MAX_CONNECTIONS, MAX_HEAD_BYTES, serve};

use std::sync::Arc;

use perennial_app::{App, RenewalQueue, Stop};

/// What every handler holds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Web {
    /// The verbs.
    pub app: Arc<App>,
    /// Where renewals are asked for.
    pub renewals: RenewalQueue,
    /// How often each key and each address may call.
    pub limits: Arc<RateLimits>,
    /// Named requests that are under way here.
    running: Arc<idempotency::Running>,
    /// Where it is found from outside, if that is configured.
    public_url: Option<Arc<str>>,
    /// Tells work in the background that it is time to stop.
    pub stop: Stop,
}

impl Web {
    /// A web server's state.
    #[must_use]
    pub fn new(app: App, renewals: RenewalQueue, limits: Limits, stop: Stop) -> Self {
        let limits = Arc::new(RateLimits::new(limits));
        Self { app: Arc::new(app), renewals, limits, running: Arc::default(), public_url: None, stop }
    }

    /// The same, found at this address from outside: absolute addresses begin with it, whatever a request says.
    #[must_use]
    pub fn found_at(self, public_url: Option<String>) -> Self {
        Self { public_url: public_url.map(Arc::from), ..self }
    }
}
