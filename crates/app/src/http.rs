//! Asking others over HTTP: how a client is made, and how much of an answer is read.

use std::time::Duration;

use reqwest::{ClientBuilder, Response, redirect};

/// Why an answer was not read.
pub(crate) enum Unread {
    /// It broke off; another try may help.
    Broken(String),
    /// It is larger than so many bytes.
    TooLarge(usize),
}

/// A client that gives up after these times, and that follows nobody elsewhere.
///
/// # Errors
/// What is missing on this machine, for people.
pub(crate) fn client(connect_timeout: Duration, attempt_timeout: Duration) -> Result<reqwest::Client, String> {
    built(builder(connect_timeout, attempt_timeout))
}

/// What such a client is made from.
pub(crate) fn builder(connect_timeout: Duration, attempt_timeout: Duration) -> ClientBuilder {
    // One provider for the whole process; a second installation is refused and that is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .timeout(attempt_timeout)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("perennial/", env!("CARGO_PKG_VERSION")))
}

/// The client that it makes.
///
/// # Errors
/// What is missing on this machine, for people.
pub(crate) fn built(builder: ClientBuilder) -> Result<reqwest::Client, String> {
    builder.build().map_err(|error| format!("no HTTP client can be made, are root certificates installed? {error}"))
}

/// What went wrong, without the address, in which there may be a secret.
pub(crate) fn told(error: reqwest::Error) -> String {
    error.without_url().to_string()
}

/// The body of an answer, if it is not larger than so many bytes.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Unread> {
    // One that says so itself is not read at all: what is on its way would keep the machine busy.
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(Unread::TooLarge(limit));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unread::Broken(told(error)))? {
        body.extend_from_slice(&chunk);
        if body.len() > limit {
            return Err(Unread::TooLarge(limit));
        }
    }
    Ok(body)
}
