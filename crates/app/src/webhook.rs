//! Webhooks: who is told what happens, where, and signed with what.

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{SellerId, WebhookId};
use perennial_store::events::EventType;
use perennial_store::ids::{self, IdKind};
use perennial_store::webhooks::{self, Webhook};
use perennial_store::{Conn, Tx, webhook_deliveries};

use crate::error::{check_text, check_version, refuse};
use crate::webhook_sender::{WebhookSecret, check_url};
use crate::{App, AppError, Caller, Problem, Result};

/// Webhooks of one seller at most: each is one row more with every event.
pub const MAX_WEBHOOKS: usize = 20;
/// Characters of an address at most.
pub const MAX_WEBHOOK_URL_CHARACTERS: usize = 1_000;
/// How long messages are signed with the old secret too unless somebody says otherwise.
pub const DEFAULT_SECRET_OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// How long at most.
pub const MAX_SECRET_OVERLAP: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What stands for all events, those too that do not exist yet.
const ALL_EVENTS: &str = "*";

/// Which events a webhook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All, those too that do not exist yet.
    All,
    /// These.
    Only(Vec<EventType>),
}

impl Wanted {
    /// As it is kept.
    fn kept(&self) -> String {
        match self {
            Self::All => ALL_EVENTS.to_owned(),
            // In the order of the list, each once.
            Self::Only(some) => {
                let chosen = EventType::ALL.into_iter().filter(|event| some.contains(event)).map(EventType::as_str);
                chosen.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// What a webhook is told. Events that only another program knows are left out.
    #[must_use]
    pub fn by(webhook: &Webhook) -> Self {
        match webhook.events.as_str() {
            ALL_EVENTS => Self::All,
            some => Self::Only(some.split(' ').filter_map(EventType::from_word).collect()),
        }
    }
}

/// A webhook that is to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where messages go.
    pub url: String,
    /// What it is for, or empty.
    pub description: String,
    /// What it is told.
    pub events: Wanted,
}

/// What is to change of a webhook; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Where messages go.
    pub url: Option<String>,
    /// What it is for, or empty.
    pub description: Option<String>,
    /// What it is told.
    pub events: Option<Wanted>,
    /// Whether it is told anything.
    pub is_enabled: Option<bool>,
    /// The version that the caller has read.
    pub expected: Option<i64>,
}

/// A webhook with a secret that was just made: the only time it can be seen.
#[derive(Clone)]
pub struct CreatedWebhook {
    /// What else is kept of it.
    pub webhook: Webhook,
    /// What messages are signed with, as receivers' libraries take it: `whsec_…`.
    pub secret: String,
}

impl std::fmt::Debug for CreatedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedWebhook").field("webhook", &self.webhook).finish_non_exhaustive()
    }
}

/// A webhook, and how much is on its way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookStanding {
    /// The webhook.
    pub webhook: Webhook,
    /// Deliveries that wait.
    pub queued: i64,
    /// Deliveries that were given up.
    pub failed: i64,
}

impl App {
    /// Makes a webhook. It is told what happens from now on.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for an address that nothing may be sent to, and without events; [`AppError::Conflict`] when there
    /// are [`MAX_WEBHOOKS`].
    pub async fn create_webhook(&self, caller: &Caller, new: NewWebhook) -> Result<CreatedWebhook> {
        let secret = WebhookSecret::new(&self.random)?;
        let mut webhook = Webhook {
            seller: caller.seller,
            id: WebhookId(0),
            url: new.url,
            description: new.description,
            events: new.events.kept(),
            is_enabled: true,
            disabled_at: None,
            disabled_reason: String::new(),
            failing_since: None,
            previous_until: None,
            created_at: self.clock.now(),
            version: 1,
        };
        refuse(self.webhook_problems(&webhook))?;
        let mut tx = self.store.begin().await?;
        if webhooks::all(&mut tx, caller.seller).await?.len() >= MAX_WEBHOOKS {
            return Err(AppError::Conflict(format!(
                "There are {MAX_WEBHOOKS} webhooks already: remove one, or let one receiver hand on what it is told"
            )));
        }
        webhook.id = WebhookId(ids::take_one(&mut tx, IdKind::Webhook).await?);
        webhooks::insert(&mut tx, &webhook, secret.kept()).await?;
        self.note(&mut tx, caller.seller, caller, "webhook.created", "webhook", webhook.id.0).await?;
        tx.commit().await?;
        Ok(CreatedWebhook { webhook, secret: secret.to_string() })
    }

    /// Changes a webhook. One that is disabled is told nothing, not later either, and what was on its way is given up; one
    /// that is enabled again is told what happens from then on, and what it has missed by [`App::replay`].
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`] as for a new one; [`AppError::Changed`].
    pub async fn change_webhook(&self, caller: &Caller, id: WebhookId, change: WebhookChange) -> Result<Webhook> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut webhook = held(&mut tx, caller.seller, id).await?;
        check_version(change.expected, webhook.version)?;
        webhook.url = change.url.unwrap_or(webhook.url);
        webhook.description = change.description.unwrap_or(webhook.description);
        webhook.events = change.events.map_or(webhook.events, |events| events.kept());
        match change.is_enabled {
            Some(true) if !webhook.is_enabled => {
                (webhook.is_enabled, webhook.failing_since) = (true, None);
                (webhook.disabled_at, webhook.disabled_reason) = (None, String::new());
            }
            Some(false) if webhook.is_enabled => {
                (webhook.is_enabled, webhook.disabled_at) = (false, Some(now));
                webhook.disabled_reason = "switched off".to_owned();
                webhooks::give_up(&mut tx, caller.seller, id, now).await?;
            }
            _ => {}
        }
        refuse(self.webhook_problems(&webhook))?;
        webhooks::change(&mut tx, &webhook).await?;
        self.note(&mut tx, caller.seller, caller, "webhook.changed", "webhook", id.0).await?;
        tx.commit().await?;
        webhook.version += 1;
        Ok(webhook)
    }

    /// Gives a webhook a new secret. For `overlap`, messages are signed with the one that it had, too; the one that it had
    /// before that is gone.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`] for an overlap that is negative or longer than [`MAX_SECRET_OVERLAP`].
    pub async fn rotate_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        overlap: SignedDuration,
    ) -> Result<CreatedWebhook> {
        if overlap.is_negative() || overlap > MAX_SECRET_OVERLAP {
            let most = MAX_SECRET_OVERLAP.as_hours();
            return Err(AppError::Invalid(vec![Problem::new("overlap_hours", format!("must be from 0 to {most}"))]));
        }
        let secret = WebhookSecret::new(&self.random)?;
        let until = self.clock.now().saturating_add(overlap).unwrap_or(Timestamp::MAX);
        let mut tx = self.store.begin().await?;
        let mut webhook = held(&mut tx, caller.seller, id).await?;
        webhook.previous_until = Some(until).filter(|_| !overlap.is_zero());
        webhook.version += 1;
        webhooks::rotate(&mut tx, caller.seller, id, secret.kept(), webhook.previous_until).await?;
        self.note(&mut tx, caller.seller, caller, "webhook.rotated", "webhook", id.0).await?;
        tx.commit().await?;
        Ok(CreatedWebhook { webhook, secret: secret.to_string() })
    }

    /// Removes a webhook, with what was on its way to it.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn remove_webhook(&self, caller: &Caller, id: WebhookId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        held(&mut tx, caller.seller, id).await?;
        webhooks::remove(&mut tx, caller.seller, id).await?;
        self.note(&mut tx, caller.seller, caller, "webhook.removed", "webhook", id.0).await?;
        Ok(tx.commit().await?)
    }

    /// All webhooks of a seller, by id, with what is on its way to them.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<WebhookStanding>> {
        let mut conn = self.store.read().await?;
        let mut standing = Vec::new();
        for webhook in webhooks::all(&mut conn, caller.seller).await? {
            standing.push(stands(&mut conn, webhook).await?);
        }
        Ok(standing)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<WebhookStanding> {
        let mut conn = self.store.read().await?;
        let webhook = webhooks::get(&mut conn, caller.seller, id).await?.ok_or(AppError::NotFound("Webhook"))?;
        stands(&mut conn, webhook).await
    }

    fn webhook_problems(&self, webhook: &Webhook) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_text(&mut problems, "description", &webhook.description, false);
        if webhook.url.chars().count() > MAX_WEBHOOK_URL_CHARACTERS {
            problems.push(Problem::new("url", format!("is longer than {MAX_WEBHOOK_URL_CHARACTERS} characters")));
        } else if let Err(reason) = check_url(&webhook.url, self.private_networks()) {
            problems.push(Problem::new("url", reason));
        }
        if webhook.events.is_empty() {
            problems.push(Problem::new("events", "is empty: name at least one, or * for all"));
        }
        problems
    }
}

async fn held(tx: &mut Tx, seller: SellerId, id: WebhookId) -> Result<Webhook> {
    webhooks::hold(tx, seller, id).await?.ok_or(AppError::NotFound("Webhook"))
}

async fn stands(conn: &mut Conn, webhook: Webhook) -> Result<WebhookStanding> {
    let (queued, failed) = webhook_deliveries::counts(conn, webhook.seller, webhook.id).await?;
    Ok(WebhookStanding { webhook, queued, failed })
}
