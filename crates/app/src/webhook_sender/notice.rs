//! Telling the seller's people that a webhook is told nothing any more.

use perennial_store::sellers;
use perennial_store::webhooks::{self, Webhook};

use crate::{App, Mailer, Result};

impl App {
    /// Mails each seller about its webhooks that were disabled because they failed: once each, and later if mail cannot be
    /// sent now. Nothing where no mail is sent.
    pub(super) async fn announce_disabled(&self) -> Result<()> {
        let is_sandbox = self.clock.microseconds_ahead().is_some();
        let Some(mailer) = self.mailer().filter(|mailer| mailer.may_send(is_sandbox)) else { return Ok(()) };
        let unannounced = webhooks::unannounced(&mut self.store.read().await?).await?;
        for webhook in unannounced {
            // Who writes it down first sends the mail.
            if !self.remember_notice(&webhook, false).await? {
                continue;
            }
            if let Err(error) = self.announce(mailer, &webhook).await {
                tracing::warn!(%error, "the mail about webhook {} could not be sent: {error}", webhook.id);
                self.remember_notice(&webhook, true).await?;
            }
        }
        Ok(())
    }

    async fn remember_notice(&self, webhook: &Webhook, is_due: bool) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let is_news = webhooks::announce(&mut tx, webhook.seller, webhook.id, is_due).await?;
        tx.commit().await?;
        Ok(is_news)
    }

    async fn announce(&self, mailer: &Mailer, webhook: &Webhook) -> Result<()> {
        let seller = sellers::get(&mut self.store.read().await?, webhook.seller).await?.map(|seller| seller.party);
        let Some(seller) = seller.filter(|seller| !seller.email.is_empty()) else { return Ok(()) };
        let to = mailer.redirected(&seller.email).to_owned();
        let Webhook { id, url, disabled_reason, .. } = webhook;
        let subject = format!("Webhook {id} is disabled");
        let since = webhook.failing_since.or(webhook.disabled_at).unwrap_or(webhook.created_at);
        let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
        let text = format!(
            "{url}\n\nIt is told nothing any more: {disabled_reason}.\n\nWhen its receiver works again:\n\n    perennial \
             webhook enable {id}\n    perennial webhook replay {id} --from {since}\n"
        );
        self.mail_at_once(mailer, seller, &to, subject, text).await?;
        Ok(())
    }
}
