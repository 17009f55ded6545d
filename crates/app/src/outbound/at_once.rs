//! Mails to the seller's own people, at once and past the outbox: to try the mail server, and to say that something is wrong.

use jiff::Timestamp;
use perennial_render::mail::{Envelope, Mailbox, Written};
use perennial_store::sellers::{self, SellerParty};

use super::letter::address;
use super::relay::Verdict;
use super::{Mailer, NO_DOMAIN};
use crate::{App, AppError, Caller, Problem, Result};

impl App {
    /// Sends a mail that says that mail can be sent, at once and past the outbox. Tells what the server said.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is no address; [`AppError::Conflict`] when mail is not configured, or the server does
    /// not take it, saying why.
    pub async fn try_mail(&self, caller: &Caller, to: &str) -> Result<String> {
        let Some(mailer) = &self.mailer else {
            let why = "mail is not configured: set host in the section [mail] of perennial.toml";
            return Err(AppError::Conflict(why.to_owned()));
        };
        let seller = sellers::get(&mut self.store.read().await?, caller.seller).await?;
        let seller = seller.ok_or(AppError::NotFound("Seller"))?.party;
        let subject = format!("Mail from {} can be sent", seller.name);
        let text = format!("{subject}.\n");
        self.mail_at_once(mailer, seller, to, subject, text).await
    }

    /// Sends a plain mail from the seller. Tells what the server said.
    ///
    /// # Errors
    /// As [`App::try_mail`].
    pub(crate) async fn mail_at_once(
        &self,
        mailer: &Mailer,
        seller: SellerParty,
        to: &str,
        subject: String,
        text: String,
    ) -> Result<String> {
        let recipient = address(to).map_err(|error| AppError::Invalid(vec![Problem::new("address", error)]))?;
        let from = mailer.bounces_to.clone().unwrap_or_else(|| seller.email.clone());
        let sender =
            address(&from).map_err(|error| AppError::Conflict(format!("the seller's own address: {error}")))?;
        let now: Timestamp = self.clock.now();
        let html = text.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('\n', "<br>");
        let written = Written { subject, html: format!("<p>{html}</p>"), text };
        let unique: u64 = self.random.below(u64::MAX)?;
        let envelope = Envelope {
            from: Mailbox { name: seller.name, email: seller.email },
            to: Mailbox { name: String::new(), email: to.to_owned() },
            copies: Vec::new(),
            message_id: format!("<once.{unique:x}@{NO_DOMAIN}>"),
            date: now,
        };
        let sealed = envelope.seal(&written, None, Vec::new());
        let bytes = sealed.map_err(|error| AppError::Conflict(error.to_string()))?;
        let failed = |error: super::RelayError| AppError::Conflict(error.to_string());
        let mut link = mailer.relay.connect().await.map_err(failed)?;
        let verdicts = mailer.relay.hand_over(&mut link, &sender, &[recipient], &bytes).await.map_err(failed)?;
        link.close(mailer.times.command).await;
        match verdicts.into_iter().next() {
            Some(Verdict::Accepted(reply)) => Ok(reply),
            Some(Verdict::Deferred(reply) | Verdict::Refused(reply)) => {
                Err(AppError::Conflict(format!("the mail server does not take it: {reply}")))
            }
            None => Err(AppError::Conflict("the mail server said nothing".to_owned())),
        }
    }
}
