//! The mail server that takes our mail: one conversation of SMTP (RFC 5321) after another.

use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use lettre::transport::smtp::{Error, SUBMISSION_PORT, SUBMISSIONS_PORT};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{MAX_MAILS_A_CONNECTION, MailConfig, MailTimes, RELAY_IDLE_TIME};

/// The longest answer of a server that is kept, in characters.
const MAX_REPLY_CHARACTERS: usize = 500;

/// How the way to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// It begins in the clear and goes on in TLS, or not at all (RFC 3207).
    StartTls,
    /// It is TLS from the first byte (RFC 8314).
    Tls,
    /// It stays in the clear: only for a server on the same machine or network.
    None,
}

/// A mail server cannot be talked to: what waits is as good as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mail server {host}:{port} {reason}")]
pub struct RelayError {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What is wrong, reading on from its name.
    pub reason: String,
}

/// What a server said to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has taken the mail.
    Accepted(String),
    /// Not now; or nobody knows whether it has.
    Deferred(String),
    /// Never.
    Refused(String),
}

/// A mail server.
pub(super) struct Relay {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    hello: ClientId,
    times: MailTimes,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// An open conversation.
pub(super) struct Link {
    connection: AsyncSmtpConnection,
    /// Mails that went through it.
    mails: u32,
    used_at: Instant,
    /// Whether nothing more can be said through it.
    is_broken: bool,
}

impl Relay {
    /// Prepares to connect.
    ///
    /// # Errors
    /// What of the configuration cannot be used, reading on from its name.
    pub fn new(config: &MailConfig) -> Result<Self, String> {
        if config.host.trim().is_empty() {
            return Err("its host is missing".to_owned());
        }
        let credentials = match (&config.user, &config.password) {
            (None, _) => None,
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.clone())),
            (Some(user), None) => {
                return Err(format!("user {user} has no password: set PERENNIAL_MAIL_PASSWORD in the environment"));
            }
        };
        if credentials.is_some() && config.security == Security::None {
            return Err("a password is not sent in the clear: set its security to \"starttls\" or \"tls\"".to_owned());
        }
        let mut tls = TlsParameters::builder(config.host.clone());
        if let Some(pem) = &config.certificates {
            let certificate = Certificate::from_pem(pem).map_err(|error| format!("its certificates: {error}"))?;
            tls = tls.add_root_certificate(certificate);
        }
        let tls = tls.build().map_err(|error| format!("TLS cannot be prepared: {error}"))?;
        let hello = config.hello.clone().filter(|name| !name.is_empty());
        Ok(Self {
            host: config.host.clone(),
            port: config.port.unwrap_or(match config.security {
                Security::StartTls => SUBMISSION_PORT,
                Security::Tls => SUBMISSIONS_PORT,
                Security::None => 25,
            }),
            security: config.security,
            tls,
            credentials,
            hello: hello.map_or_else(ClientId::default, ClientId::Domain),
            times: config.times,
        })
    }

    /// Opens a conversation.
    ///
    /// # Errors
    /// [`RelayError`] when the server cannot be reached, or does not want us.
    pub async fn connect(&self) -> Result<Link, RelayError> {
        let opened = timeout(self.times.connect, self.open()).await;
        let connection = match opened {
            Ok(opened) => opened.map_err(|reason| self.failed(reason))?,
            Err(_) => return Err(self.failed(format!("did not answer within {:?}", self.times.connect))),
        };
        Ok(Link { connection, mails: 0, used_at: Instant::now(), is_broken: false })
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, String> {
        let address = (self.host.as_str(), self.port);
        let connected = if self.security == Security::Tls {
            let (patience, tls) = (Some(self.times.connect), Some(self.tls.clone()));
            AsyncSmtpConnection::connect_tokio1(address, patience, &self.hello, tls, None).await
        } else {
            let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot be reached: {error}"))?;
            // A command is one small packet, and waits for nobody.
            stream.set_nodelay(true).map_err(|error| format!("cannot be reached: {error}"))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await
        };
        let mut connection = connected.map_err(|error| format!("cannot be reached: {}", told(&error)))?;
        if self.security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(
                    "offers no STARTTLS: set security in [mail] to \"tls\", or to \"none\" on a network that is yours"
                        .to_owned(),
                );
            }
            let upgraded = connection.starttls(self.tls.clone(), &self.hello).await;
            upgraded.map_err(|error| format!("and TLS: {}", told(&error)))?;
        }
        if let Some(credentials) = &self.credentials {
            let known = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            known.map_err(|error| format!("does not take the user and password: {}", told(&error)))?;
        }
        Ok(connection)
    }

    fn failed(&self, reason: String) -> RelayError {
        RelayError { host: self.host.clone(), port: self.port, reason }
    }

    /// Hands over a mail. A server that cannot be talked to any more before it was told whom the mail is for has done
    /// nothing with it.
    ///
    /// # Errors
    /// [`RelayError`], then.
    pub async fn hand_over(
        &self,
        link: &mut Link,
        from: &Address,
        to: &[Address],
        mail: &[u8],
    ) -> Result<Vec<Verdict>, RelayError> {
        let handed = link.hand_over(from, to, mail, &self.times).await;
        handed.map_err(|reason| self.failed(reason))
    }
}

/// What became of a command.
enum Said {
    Yes(String),
    Later(String),
    Never(String),
    /// There is no more conversation.
    Gone(String),
}

impl Link {
    /// Whether a mail went through it before the last one.
    pub fn is_used(&self) -> bool {
        self.mails > 1
    }

    /// Whether another mail may go through it.
    pub fn is_good(&self) -> bool {
        !self.is_broken && self.mails < MAX_MAILS_A_CONNECTION && self.used_at.elapsed() < RELAY_IDLE_TIME
    }

    /// Takes leave, if the server still listens.
    pub async fn close(mut self, patience: Duration) {
        if !self.is_broken {
            let _ = timeout(patience, self.connection.quit()).await;
        }
    }

    async fn hand_over(
        &mut self,
        from: &Address,
        to: &[Address],
        mail: &[u8],
        times: &MailTimes,
    ) -> Result<Vec<Verdict>, String> {
        self.mails += 1;
        let mut parameters = Vec::new();
        let needs_utf8 = std::iter::once(from).chain(to).any(|address| !AsRef::<str>::as_ref(address).is_ascii());
        if needs_utf8 {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the mail server takes no addresses with other letters than English ones (SMTPUTF8)";
                return Ok(vec![Verdict::Refused(why.to_owned()); to.len()]);
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        match self.say(Mail::new(Some(from.clone()), parameters), times.command).await {
            Said::Yes(_) => {}
            Said::Gone(reason) => return Err(reason),
            Said::Later(reply) => {
                self.reset(times).await;
                return Ok(vec![Verdict::Deferred(reply); to.len()]);
            }
            Said::Never(reply) => {
                self.reset(times).await;
                return Ok(vec![Verdict::Refused(format!("to mails from {from}: {reply}")); to.len()]);
            }
        }
        let mut verdicts = Vec::with_capacity(to.len());
        for address in to {
            verdicts.push(match self.say(Rcpt::new(address.clone(), Vec::new()), times.command).await {
                Said::Yes(reply) => Verdict::Accepted(reply),
                Said::Later(reply) => Verdict::Deferred(reply),
                Said::Never(reply) => Verdict::Refused(reply),
                Said::Gone(reason) => {
                    // It was told nothing of what the mail says.
                    for verdict in verdicts.iter_mut().filter(|verdict| matches!(verdict, Verdict::Accepted(_))) {
                        *verdict = Verdict::Deferred(reason.clone());
                    }
                    verdicts.resize(to.len(), Verdict::Deferred(reason));
                    return Ok(verdicts);
                }
            });
        }
        if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Accepted(_))) {
            let taken = self.give(mail, times).await;
            for verdict in &mut verdicts {
                if matches!(verdict, Verdict::Accepted(_)) {
                    *verdict = taken.clone();
                }
            }
        } else {
            self.reset(times).await;
        }
        self.used_at = Instant::now();
        Ok(verdicts)
    }

    /// Gives the mail itself.
    async fn give(&mut self, mail: &[u8], times: &MailTimes) -> Verdict {
        match self.say(Data, times.command).await {
            Said::Yes(_) => {}
            Said::Gone(reason) => return Verdict::Deferred(reason),
            Said::Later(reply) => {
                self.reset(times).await;
                return Verdict::Deferred(reply);
            }
            Said::Never(reply) => {
                self.reset(times).await;
                return Verdict::Refused(reply);
            }
        }
        let answered = match std::str::from_utf8(mail) {
            Ok(text) => timeout(times.data, self.connection.command(ended(text))).await,
            Err(_) => timeout(times.data, self.connection.message(mail)).await,
        };
        match self.understood(answered, times.data) {
            Said::Yes(reply) => Verdict::Accepted(reply),
            Said::Never(reply) => Verdict::Refused(reply),
            Said::Later(reply) | Said::Gone(reply) => Verdict::Deferred(reply),
        }
    }

    async fn say(&mut self, command: impl std::fmt::Display, patience: Duration) -> Said {
        let answered = timeout(patience, self.connection.command(command)).await;
        self.understood(answered, patience)
    }

    /// After what it did not take, the conversation starts anew.
    async fn reset(&mut self, times: &MailTimes) {
        if !self.is_broken && !matches!(self.say(Rset, times.command).await, Said::Yes(_)) {
            self.is_broken = true;
        }
    }

    fn understood(
        &mut self,
        answered: Result<Result<Response, Error>, tokio::time::error::Elapsed>,
        patience: Duration,
    ) -> Said {
        let error = match answered {
            Ok(Ok(response)) => {
                let text: Vec<&str> = response.message().collect();
                return Said::Yes(reply(&format!("{} {}", response.code(), text.join(" "))));
            }
            Ok(Err(error)) => error,
            Err(_) => {
                self.is_broken = true;
                return Said::Gone(format!("did not answer within {patience:?}"));
            }
        };
        // One that says 421 closes the conversation (RFC 5321, section 3.8).
        if error.status().is_some_and(|code| u16::from(code) == 421) {
            self.is_broken = true;
            return Said::Gone(format!("closes the conversation: {}", told(&error)));
        }
        if error.is_permanent() {
            return Said::Never(told(&error));
        }
        if error.is_transient() {
            return Said::Later(told(&error));
        }
        self.is_broken = true;
        Said::Gone(format!("broke off: {}", told(&error)))
    }
}

/// A mail as it is given, with its end (RFC 5321, section 4.5.2), to be sent as one: an end that comes alone waits until the rest
/// was acknowledged, which the other side puts off.
fn ended(mail: &str) -> String {
    let mut text = String::with_capacity(mail.len() + mail.len() / 64 + 5);
    for line in mail.split_inclusive("\r\n") {
        if line.starts_with('.') {
            text.push('.');
        }
        text.push_str(line);
    }
    if !text.ends_with("\r\n") {
        text.push_str("\r\n");
    }
    text.push_str(".\r\n");
    text
}

/// What went wrong: the server's own words, if it said something.
fn told(error: &Error) -> String {
    let said = std::error::Error::source(error).map(ToString::to_string);
    match (error.status(), said) {
        (Some(code), Some(said)) => reply(&format!("{code} {said}")),
        (Some(code), None) => code.to_string(),
        (None, Some(said)) => reply(&said),
        (None, None) => reply(&error.to_string()),
    }
}

/// An answer in one line, and not the longest.
fn reply(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(MAX_REPLY_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_the_beginning_of_a_line_is_not_the_end() {
        assert_eq!(ended("a\r\n"), "a\r\n.\r\n");
        assert_eq!(ended("a"), "a\r\n.\r\n");
        assert_eq!(ended(".\r\n..b\r\nc.\r\n"), "..\r\n...b\r\nc.\r\n.\r\n");
        assert_eq!(ended(""), "\r\n.\r\n");
    }
}
