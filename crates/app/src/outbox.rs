//! What waits to be sent, what was sent, and what was given up.

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{InvoiceId, OutboxId, SellerId};
use perennial_store::deliveries::{self, BadAddress, Delivery};
use perennial_store::outbox::{self, Mail, MailBacklog, MailFilter, MailState};

use crate::outbound::{MadeMail, NO_DOMAIN, NoMail};
use crate::{App, AppError, Caller, Result, invoice};

/// Mails that are listed at a time at most.
pub const MAX_MAILS_LISTED: i64 = 1_000;
/// For how long an address that was refused is told of.
const BAD_ADDRESS_TIME: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A mail and what became of it, address by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailHistory {
    /// The mail.
    pub mail: Mail,
    /// What became of each address at each try, in order.
    pub deliveries: Vec<Delivery>,
}

impl App {
    /// A page of mails, newest first, before this one.
    ///
    /// # Errors
    /// The database's.
    pub async fn mails(
        &self,
        caller: &Caller,
        filter: MailFilter,
        before: Option<OutboxId>,
        limit: i64,
    ) -> Result<Vec<MailHistory>> {
        let mut conn = self.store.read().await?;
        let before = before.unwrap_or(OutboxId(i64::MAX));
        let limit = limit.clamp(1, MAX_MAILS_LISTED);
        let mails = outbox::page(&mut conn, caller.seller, filter, before, limit).await?;
        let ids: Vec<OutboxId> = mails.iter().map(|mail| mail.id).collect();
        let mut deliveries = deliveries::of_mails(&mut conn, caller.seller, &ids).await?;
        let mut of = |id: OutboxId| deliveries.extract_if(.., |delivery| delivery.mail == id).collect();
        Ok(mails.into_iter().map(|mail| MailHistory { deliveries: of(mail.id), mail }).collect())
    }

    /// All mails with a document, newest first.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown document or another customer's.
    pub async fn mails_of_invoice(&self, caller: &Caller, id: InvoiceId) -> Result<Vec<MailHistory>> {
        invoice::visible(&mut self.store.read().await?, caller, id).await?;
        let filter = MailFilter { invoice: Some(id), ..MailFilter::default() };
        self.mails(caller, filter, None, MAX_MAILS_LISTED).await
    }

    /// One mail.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn mail(&self, caller: &Caller, id: OutboxId) -> Result<MailHistory> {
        let mut conn = self.store.read().await?;
        let mail = outbox::get(&mut conn, caller.seller, id).await?.ok_or(AppError::NotFound("Mail"))?;
        let deliveries = deliveries::of_mails(&mut conn, caller.seller, &[id]).await?;
        Ok(MailHistory { mail, deliveries })
    }

    /// A mail as it would be sent now.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when it cannot be made, saying why.
    pub async fn preview_mail(&self, caller: &Caller, id: OutboxId) -> Result<MadeMail> {
        let mut conn = self.store.read().await?;
        let mut mail = outbox::get(&mut conn, caller.seller, id).await?.ok_or(AppError::NotFound("Mail"))?;
        drop(conn);
        if mail.message_id.is_empty() {
            mail.message_id = format!("<{id}.preview@{NO_DOMAIN}>");
        }
        self.make_mail(self.mailer(), &mail).await.map_err(|none| match none {
            NoMail::CalledOff(reason) => AppError::Conflict(format!("Mail {id} is not sent: {reason}")),
            NoMail::Impossible(reason) => AppError::Conflict(format!("Mail {id} cannot be sent: {reason}")),
            NoMail::Failed(error) => error,
        })
    }

    /// Tries mails again, now and for a full round: these, or all that were given up. Tells how many.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when one of them is unknown; [`AppError::Conflict`] when none of them was given up or waits.
    pub async fn retry_mails(&self, caller: &Caller, mails: Option<&[OutboxId]>) -> Result<u64> {
        let mut tx = self.store.begin().await?;
        for id in mails.unwrap_or_default() {
            let known = outbox::get(&mut tx, caller.seller, *id).await?.ok_or(AppError::NotFound("Mail"))?;
            if matches!(known.state, MailState::Sent | MailState::CalledOff) {
                let state = known.state.as_str().replace('_', " ");
                return Err(AppError::Conflict(format!("Mail {id} is {state}: resend its invoice instead")));
            }
        }
        let tried = outbox::retry(&mut tx, caller.seller, mails, self.clock.now()).await?;
        for id in mails.unwrap_or_default() {
            self.note(&mut tx, caller.seller, caller, "mail.retried", "mail", id.0).await?;
        }
        if mails.is_none() && tried > 0 {
            self.note(&mut tx, caller.seller, caller, "mails.retried", "seller", caller.seller.0).await?;
        }
        tx.commit().await?;
        Ok(tried)
    }

    /// Calls a mail off that waits or was given up.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when it was sent, or is being sent.
    pub async fn call_off_mail(&self, caller: &Caller, id: OutboxId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let known = outbox::get(&mut tx, caller.seller, id).await?.ok_or(AppError::NotFound("Mail"))?;
        if !outbox::call_off(&mut tx, caller.seller, id, self.clock.now()).await? {
            let why = match known.state {
                MailState::Sent => "was sent",
                MailState::CalledOff => "is called off already",
                MailState::Queued | MailState::Failed => "is being sent",
            };
            return Err(AppError::Conflict(format!("Mail {id} {why}")));
        }
        self.note(&mut tx, caller.seller, caller, "mail.called_off", "mail", id.0).await?;
        Ok(tx.commit().await?)
    }

    /// Addresses that were refused or came back in the last ninety days, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn bad_addresses(&self, caller: &Caller, limit: i64) -> Result<Vec<BadAddress>> {
        let now = self.clock.now();
        let since = now.checked_sub(BAD_ADDRESS_TIME).unwrap_or(Timestamp::MIN);
        let limit = limit.clamp(1, MAX_MAILS_LISTED);
        Ok(deliveries::bad_addresses(&mut self.store.read().await?, caller.seller, since, limit).await?)
    }

    /// How many mails of a seller, or of all, wait, and since when.
    ///
    /// # Errors
    /// The database's.
    pub async fn mail_backlog(&self, seller: Option<SellerId>) -> Result<MailBacklog> {
        Ok(outbox::backlog(&mut self.store.read().await?, seller, self.clock.now()).await?)
    }
}
