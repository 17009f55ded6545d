//! Sending mail: what the outbox holds is handed to a mail server, each of it once.
//!
//! A mail is claimed, made and sent outside any transaction, and what came of it is written afterwards. Whoever dies between
//! the server's `250` and that write leaves a mail that is sent again by the same `Message-ID`: nothing else repeats one.

mod at_once;
mod backoff;
mod letter;
mod relay;
mod sender;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use perennial_render::mail::check_address;
use tokio::task::JoinHandle;

use self::backoff::Rest;
use self::relay::Relay;
use self::sender::Sender;
use crate::{App, Random, Stop};

pub use self::backoff::{MAX_MAIL_ATTEMPTS, MAX_RELAY_REST, RELAY_REST, RETRY_AFTER_MINUTES};
pub use self::letter::MadeMail;
pub(crate) use self::letter::NoMail;
pub use self::relay::{RelayError, Security};

/// Stands for a domain where there is none (RFC 2606).
pub(crate) const NO_DOMAIN: &str = "perennial.invalid";
/// How many mails a node claims at a time.
pub const CLAIM_MAILS: i64 = 50;
/// How long a node that died keeps others from its mails.
pub const MAIL_LEASE: Duration = Duration::from_secs(60);
/// How often the outbox is looked at that was empty.
pub const MAIL_POLL: Duration = Duration::from_secs(1);
/// How long a connection to a mail server may take to be made, its greeting and TLS included.
pub const RELAY_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a mail server may take to answer a command.
pub const RELAY_COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
/// How long it may take to accept a mail it was given. It is long, because a server that is merely slow has taken it
/// (RFC 5321, section 4.5.3.2.6 has ten minutes).
pub const RELAY_DATA_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a connection is kept that nothing is sent through.
pub const RELAY_IDLE_TIME: Duration = Duration::from_secs(20);
/// Mails that go through one connection at most; then another one is made.
pub const MAX_MAILS_A_CONNECTION: u32 = 100;
/// A mail that waited longer than this without having been tried is not sent before somebody says so: what it says may not be
/// true any more, and an outbox that was never emptied would be sent all at once.
pub const MAX_MAIL_DELAY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Connections to a mail server at the same time, by default.
pub const DEFAULT_CONNECTIONS: u16 = 4;
/// The most of them.
pub const MAX_CONNECTIONS: u16 = 32;
/// Mails per minute, by default.
pub const DEFAULT_MAILS_PER_MINUTE: u32 = 1_200;

/// How mail is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// The mail server's name.
    pub host: String,
    /// Its port, if it is not the usual one.
    pub port: Option<u16>,
    /// How the way to it is protected.
    pub security: Security,
    /// Who we are to it, if it asks.
    pub user: Option<String>,
    /// What proves it.
    pub password: Option<String>,
    /// Certificates in PEM that are trusted besides the machine's.
    pub certificates: Option<Vec<u8>>,
    /// What this node calls itself.
    pub hello: Option<String>,
    /// Connections at the same time.
    pub connections: u16,
    /// Mails per minute; nought is as many as can be sent.
    pub per_minute: u32,
    /// Where mails come back to that cannot be delivered; the seller's own address if it is not said.
    pub bounces_to: Option<String>,
    /// Where all mails go instead of to customers.
    pub redirect_to: Option<String>,
    /// How long is waited.
    pub times: MailTimes,
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password is nobody's to read.
        f.debug_struct("MailConfig").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl MailConfig {
    /// A server on this host, asked as it is usual.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            port: None,
            security: Security::StartTls,
            user: None,
            password: None,
            certificates: None,
            hello: None,
            connections: DEFAULT_CONNECTIONS,
            per_minute: DEFAULT_MAILS_PER_MINUTE,
            bounces_to: None,
            redirect_to: None,
            times: MailTimes::default(),
        }
    }
}

/// How long is waited; other than by default only in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailTimes {
    /// For a connection.
    pub connect: Duration,
    /// For the answer to a command.
    pub command: Duration,
    /// For the answer to a mail.
    pub data: Duration,
    /// Between two looks at an empty outbox.
    pub poll: Duration,
    /// Until others may take what a node has claimed.
    pub lease: Duration,
    /// Before a server is asked again that could not be reached, the first time.
    pub rest: Duration,
}

impl Default for MailTimes {
    fn default() -> Self {
        Self {
            connect: RELAY_CONNECT_TIMEOUT,
            command: RELAY_COMMAND_TIMEOUT,
            data: RELAY_DATA_TIMEOUT,
            poll: MAIL_POLL,
            lease: MAIL_LEASE,
            rest: RELAY_REST,
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[mail] cannot be used: {0}")]
pub struct MailConfigError(String);

/// What sends mail.
#[derive(Debug)]
pub struct Mailer {
    relay: Relay,
    connections: u16,
    per_minute: u32,
    bounces_to: Option<String>,
    redirect_to: Option<String>,
    times: MailTimes,
    rest: Rest,
}

impl Mailer {
    /// Prepares to send.
    ///
    /// # Errors
    /// [`MailConfigError`] for certificates that cannot be read, addresses that are none, and a user without a password.
    pub fn new(config: &MailConfig, random: Random) -> Result<Self, MailConfigError> {
        let relay = Relay::new(config).map_err(MailConfigError)?;
        if !(1..=MAX_CONNECTIONS).contains(&config.connections) {
            return Err(MailConfigError(format!("its connections must be from 1 to {MAX_CONNECTIONS}")));
        }
        for (name, address) in [("bounces_to", &config.bounces_to), ("redirect_to", &config.redirect_to)] {
            if let Some(address) = address {
                check_address(address).map_err(|error| MailConfigError(format!("its {name}: {error}")))?;
            }
        }
        Ok(Self {
            relay,
            connections: config.connections,
            per_minute: config.per_minute,
            bounces_to: config.bounces_to.clone(),
            redirect_to: config.redirect_to.clone(),
            times: config.times,
            rest: Rest::new(random, config.times.rest),
        })
    }

    /// Why mails wait although they are due, if the server cannot be reached.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.rest.reason()
    }
}

impl App {
    /// The same with somebody who sends its mail.
    #[must_use]
    pub fn with_mailer(mut self, mailer: Mailer) -> Self {
        self.mailer = Some(Arc::new(mailer));
        self
    }

    /// What sends mail, if something does.
    #[must_use]
    pub fn mailer(&self) -> Option<&Mailer> {
        self.mailer.as_deref()
    }
}

impl Mailer {
    /// Whether mails leave: not from a sandbox, unless all of them are redirected.
    pub(crate) fn may_send(&self, is_sandbox: bool) -> bool {
        !is_sandbox || self.redirect_to.is_some()
    }

    /// Where a mail to somebody goes.
    pub(crate) fn redirected<'a>(&'a self, to: &'a str) -> &'a str {
        self.redirect_to.as_deref().unwrap_or(to)
    }
}

/// Sends what the outbox holds until it is told to stop; what is on its way then is finished. Nothing if mail is not
/// configured, or if this is a sandbox and its mails are not redirected: what is tried out there is nobody's mail.
pub fn start_outbound(app: &App, stop: Stop) -> Option<JoinHandle<()>> {
    let mailer = Arc::clone(app.mailer.as_ref()?);
    if !mailer.may_send(app.clock.microseconds_ahead().is_some()) {
        tracing::info!("this is a sandbox: no mail is sent unless redirect_to in [mail] says where to");
        return None;
    }
    Some(tokio::spawn(Sender::new(app.clone(), mailer).run(stop)))
}
