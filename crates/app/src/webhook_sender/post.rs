//! One message on its way: signed, sent, and what came back.

use std::error::Error;
use std::time::Duration;

use perennial_store::webhooks::Secrets;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Response, StatusCode};
use tokio::time::Instant;

use super::address::{Reach, check_url};
use super::message::Message;
use super::{WEBHOOK_CONNECT_TIMEOUT, WebhookSender};
use crate::{Clock, http};

/// Characters of a reason that are kept.
pub const MAX_REASON_CHARACTERS: usize = 300;
/// Bytes of an answer that are read, to say why it is no success.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
    /// Why it is no success, or empty.
    pub reason: String,
}

impl Tried {
    /// Whether the receiver has the message.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the receiver says that it wants no more messages, ever (410).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }
}

/// A client that reaches only so far, follows nobody elsewhere, and asks no proxy, which would look names up itself.
pub(super) fn client(reach: Reach, certificates: Option<&[u8]>, answer: Duration) -> Result<reqwest::Client, String> {
    let mut builder = http::builder(WEBHOOK_CONNECT_TIMEOUT.min(answer), answer).no_proxy().dns_resolver(reach);
    if let Some(pem) = certificates {
        for certificate in Certificate::from_pem_bundle(pem).map_err(|error| format!("its certificates: {error}"))? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    http::built(builder)
}

impl WebhookSender {
    /// Sends a message once.
    pub async fn send(&self, url: &str, message: &Message, secrets: &Secrets) -> Tried {
        let begun = Instant::now();
        let (status, reason) = match self.answered(url, message, secrets).await {
            Ok(answer) => (Some(answer.status().as_u16()), refusal(answer).await),
            Err(reason) => (None, reason),
        };
        let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON_CHARACTERS).collect();
        Tried { status, took: begun.elapsed(), reason }
    }

    async fn answered(&self, url: &str, message: &Message, secrets: &Secrets) -> Result<Response, String> {
        // Where it may go may have been changed since the webhook was made.
        let url = check_url(url, &self.private_networks).map_err(|reason| format!("the url {reason}"))?;
        let client = if url.scheme() == "https" { &self.safe } else { &self.plain };
        // Receivers compare it with their own clocks, also when ours is a sandbox's.
        let sent_at = Clock::System.now();
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", sent_at.as_second())
            .header("webhook-signature", message.signature(sent_at, secrets))
            .body(message.body.clone());
        request.send().await.map_err(|error| {
            let reason = if error.is_timeout() { "no answer in time" } else { "no answer" };
            format!("{reason}: {}", cause(error))
        })
    }
}

/// Why an answer is no success; empty if it is one.
async fn refusal(answer: Response) -> String {
    let status = answer.status();
    if status.is_success() {
        return String::new();
    }
    if status.is_redirection() {
        return format!("{status}: messages do not follow to another address");
    }
    let text = match http::body(answer, MAX_ANSWER_BYTES).await {
        Ok(body) => String::from_utf8_lossy(&body).trim().to_owned(),
        Err(_) => String::new(),
    };
    if text.is_empty() { status.to_string() } else { format!("{status}: {text}") }
}

/// The innermost cause, without the address, in which there may be a secret.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
