//! Sending webhooks: what happened is told to those who want to know it, each event at least once and in order for each thing.
//!
//! A delivery is claimed, sent and written down; none of it inside a transaction that waits for the network. Whoever dies
//! between a receiver's answer and the note of it leaves a delivery that is sent again under the same `webhook-id`.

mod address;
mod message;
mod notice;
mod post;
mod retry;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::JoinHandle;

use self::address::Reach;
use self::worker::Worker;
use crate::{App, Network, Stop};

pub(crate) use self::address::check_url;
pub use self::message::{Message, WebhookSecret};
pub use self::post::{MAX_REASON_CHARACTERS, Tried};
pub use self::retry::{MAX_WEBHOOK_REST, WEBHOOK_RETRY_AFTER, WEBHOOK_RETRY_FOR};

/// How long a receiver may take for everything: name, connection, TLS, and its answer.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to be connected.
pub const WEBHOOK_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked whether something is to be sent.
pub const WEBHOOK_POLL: Duration = Duration::from_secs(1);
/// How long a node that died keeps others from what it has claimed.
pub const WEBHOOK_LEASE: Duration = Duration::from_secs(60);
/// Deliveries that are claimed together, for one webhook.
pub const CLAIM_DELIVERIES: usize = 20;
/// Messages on their way to one webhook at the same time.
pub const MAX_MESSAGES_AT_ONCE: usize = 4;
/// Webhooks that a node works for at the same time.
pub const MAX_WEBHOOKS_AT_ONCE: usize = 64;
/// How often it is tried to tell somebody that a webhook was disabled.
pub const WEBHOOK_NOTICE_INTERVAL: Duration = Duration::from_secs(60);
/// How long a delivery is remembered after it was settled.
pub const WEBHOOK_DELIVERY_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How webhooks are sent.
#[derive(Debug, Clone, Default)]
pub struct WebhookConfig {
    /// Private networks that messages may go to, without TLS too.
    pub private_networks: Vec<Network>,
    /// Certificates in PEM that are trusted besides the machine's.
    pub certificates: Option<Vec<u8>>,
    /// How long is waited.
    pub times: WebhookTimes,
}

/// How long is waited; other than by default only in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookTimes {
    /// For all of an answer.
    pub answer: Duration,
    /// Between two looks.
    pub poll: Duration,
    /// Until others may take what a node has claimed.
    pub lease: Duration,
    /// Before a webhook that takes nothing is tried again, the first time.
    pub rest: Duration,
    /// Between two looks whether somebody is to be told that a webhook was disabled.
    pub notice: Duration,
}

impl Default for WebhookTimes {
    fn default() -> Self {
        Self {
            answer: WEBHOOK_TIMEOUT,
            poll: WEBHOOK_POLL,
            lease: WEBHOOK_LEASE,
            rest: retry::FIRST_REST,
            notice: WEBHOOK_NOTICE_INTERVAL,
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[webhooks] cannot be used: {0}")]
pub struct WebhookConfigError(String);

/// What sends messages.
#[derive(Debug)]
pub struct WebhookSender {
    /// For receivers with TLS.
    safe: reqwest::Client,
    /// For receivers without, in private networks alone.
    plain: reqwest::Client,
    private_networks: Arc<[Network]>,
    times: WebhookTimes,
}

impl WebhookSender {
    /// Prepares to send.
    ///
    /// # Errors
    /// [`WebhookConfigError`] for certificates that cannot be read, and on a machine without root certificates.
    pub fn new(config: &WebhookConfig) -> Result<Self, WebhookConfigError> {
        let private: Arc<[Network]> = config.private_networks.clone().into();
        let client = |is_open| {
            let reach = Reach { private: Arc::clone(&private), is_open };
            post::client(reach, config.certificates.as_deref(), config.times.answer).map_err(WebhookConfigError)
        };
        Ok(Self { safe: client(true)?, plain: client(false)?, private_networks: private, times: config.times })
    }

    /// One that a person has told where to send: to any address, with and without TLS. For trying out what a receiver does.
    ///
    /// # Errors
    /// As [`WebhookSender::new`].
    pub fn to_anywhere() -> Result<Self, WebhookConfigError> {
        let everything = ["0.0.0.0/0", "::/0"].iter().filter_map(|text| text.parse().ok()).collect();
        Self::new(&WebhookConfig { private_networks: everything, ..WebhookConfig::default() })
    }
}

impl App {
    /// The same with somebody who sends its webhooks.
    #[must_use]
    pub fn with_webhooks(mut self, sender: WebhookSender) -> Self {
        self.webhook_sender = Some(Arc::new(sender));
        self
    }

    /// What sends webhooks, if something does.
    pub(crate) fn webhook_sender(&self) -> Option<&WebhookSender> {
        self.webhook_sender.as_deref()
    }

    /// The private networks that messages may go to.
    pub(crate) fn private_networks(&self) -> &[Network] {
        self.webhook_sender().map_or(&[], |sender| &sender.private_networks)
    }
}

/// Sends what there is to be told until it is told to stop; what is on its way then is finished. Nothing if there is nobody who
/// could send.
pub fn start_webhooks(app: &App, stop: Stop) -> Option<JoinHandle<()>> {
    let sender = Arc::clone(app.webhook_sender.as_ref()?);
    Some(tokio::spawn(Worker::new(app.clone(), sender).run(stop)))
}
