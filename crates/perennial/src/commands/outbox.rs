//! `perennial outbox list|show|print|retry|call-off|refused|bounce`.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result};
use perennial_app::{MAX_REPORT_BYTES, MailHistory};
use perennial_billing::OutboxId;
use perennial_store::deliveries::Delivery;
use perennial_store::outbox::{MailFilter, MailState};
use serde::Serialize;

use crate::args::{Args, Format, MailView, OutboxCommand};
use crate::config::Config;
use crate::exit::{Exit, UsageError};
use crate::{open, output};

/// Looks at mails, and does something about them.
pub async fn run(args: &Args, command: &OutboxCommand) -> Result<Exit> {
    match command {
        OutboxCommand::List { state, invoice, before, limit, format } => {
            let filter = MailFilter {
                state: state.as_deref().and_then(MailState::from_word),
                invoice: invoice.as_deref().map(|text| open::id("invoice", text)).transpose()?,
            };
            let before = before.as_deref().map(|text| open::id("mail", text)).transpose()?;
            list(args, filter, before, *limit, format.format).await
        }
        OutboxCommand::Show { mail, format } => show(args, open::id("mail", mail)?, format.format).await,
        OutboxCommand::Print { mail, view } => print(args, open::id("mail", mail)?, *view).await,
        OutboxCommand::Retry { mails, .. } => {
            let mails = mails.iter().map(|text| open::id("mail", text)).collect::<Result<Vec<OutboxId>>>()?;
            let (app, caller) = open::for_staff(args).await?;
            let tried = app.retry_mails(&caller, Some(mails.as_slice()).filter(|mails| !mails.is_empty())).await?;
            app.store.close().await;
            output::note(match tried {
                0 => "No mail is tried again.".to_owned(),
                1 => "1 mail is tried again by the server.".to_owned(),
                tried => format!("{tried} mails are tried again by the server."),
            });
            Ok(Exit::Done)
        }
        OutboxCommand::CallOff { mail } => {
            let (app, caller) = open::for_staff(args).await?;
            app.call_off_mail(&caller, open::id("mail", mail)?).await?;
            app.store.close().await;
            output::note(format!("Mail {mail} is not sent."));
            Ok(Exit::Done)
        }
        OutboxCommand::Refused { limit, format } => refused(args, *limit, format.format).await,
        OutboxCommand::Bounce => bounce(args).await,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    id: String,
    kind: &'static str,
    customer_id: String,
    invoice_id: Option<String>,
    campaign_id: Option<String>,
    state: &'static str,
    reason: String,
    attempts: i64,
    created_at: String,
    next_attempt_at: Option<String>,
    settled_at: Option<String>,
    message_id: String,
    deliveries: Vec<ShownDelivery>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownDelivery {
    attempt: i64,
    email: String,
    copy: bool,
    outcome: &'static str,
    reply: String,
    at: String,
}

impl From<&Delivery> for ShownDelivery {
    fn from(delivery: &Delivery) -> Self {
        Self {
            attempt: delivery.attempt,
            email: delivery.email.clone(),
            copy: delivery.is_copy,
            outcome: delivery.outcome.as_str(),
            reply: delivery.reply.clone(),
            at: delivery.at.to_string(),
        }
    }
}

impl From<&MailHistory> for Shown {
    fn from(history: &MailHistory) -> Self {
        let mail = &history.mail;
        Self {
            id: mail.id.to_string(),
            kind: mail.kind.as_str(),
            customer_id: mail.customer.to_string(),
            invoice_id: mail.invoice.map(|id| id.to_string()),
            campaign_id: mail.campaign.map(|id| id.to_string()),
            state: mail.state.as_str(),
            reason: mail.reason.clone(),
            attempts: mail.attempts,
            created_at: mail.created_at.to_string(),
            next_attempt_at: (mail.state == MailState::Queued).then(|| mail.next_attempt_at.to_string()),
            settled_at: mail.settled_at.map(|at| at.to_string()),
            message_id: mail.message_id.clone(),
            deliveries: history.deliveries.iter().map(Into::into).collect(),
        }
    }
}

impl Shown {
    fn cells(self) -> Vec<String> {
        let about = match (self.invoice_id, self.campaign_id) {
            (Some(invoice), _) => format!("invoice {invoice}"),
            (None, Some(campaign)) => format!("campaign {campaign}"),
            (None, None) => String::new(),
        };
        let when = self.settled_at.or(self.next_attempt_at).unwrap_or_default();
        let (kind, state) = (self.kind.replace('_', " "), self.state.replace('_', " "));
        vec![self.id, kind, about, self.customer_id, state, self.attempts.to_string(), when, self.reason]
    }
}

const HEAD: [&str; 8] = ["mail", "kind", "about", "customer", "state", "tries", "sent or next", ""];

async fn list(args: &Args, filter: MailFilter, before: Option<OutboxId>, limit: i64, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let found = app.mails(&caller, filter, before, limit).await?;
    let backlog = app.mail_backlog(Some(caller.seller)).await?;
    app.store.close().await;
    let rows: Vec<Shown> = found.iter().map(Into::into).collect();
    if format == Format::Json {
        output::json(&rows)?;
        return Ok(Exit::Done);
    }
    let last = rows.last().map(|row| row.id.clone());
    let is_full = i64::try_from(rows.len()).is_ok_and(|shown| shown == limit);
    output::table(&HEAD, &[5], rows.into_iter().map(Shown::cells))?;
    if let (Some(last), true) = (last, is_full) {
        output::note(format!("There may be more: --before {last}"));
    }
    if backlog.failed > 0 {
        output::note(format!(
            "{} were given up: `perennial outbox list --state failed`, then `retry`.",
            backlog.failed
        ));
    }
    if backlog.due > 0 && Config::load(&args.config)?.mail()?.is_none() {
        let due = backlog.due;
        output::note(format!(
            "{due} wait, and mail is not configured: set host in the section [mail] of perennial.toml."
        ));
    }
    Ok(Exit::Done)
}

async fn show(args: &Args, id: OutboxId, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let history = app.mail(&caller, id).await?;
    app.store.close().await;
    let shown = Shown::from(&history);
    if format == Format::Json {
        output::json(&shown)?;
        return Ok(Exit::Done);
    }
    let deliveries: Vec<ShownDelivery> = history.deliveries.iter().map(Into::into).collect();
    output::table(&HEAD, &[5], std::iter::once(shown.cells()))?;
    if !deliveries.is_empty() {
        output::line("")?;
        let cells = |d: ShownDelivery| {
            let copy = if d.copy { "copy" } else { "" };
            vec![d.attempt.to_string(), d.at, d.email, copy.to_owned(), d.outcome.to_owned(), d.reply]
        };
        output::table(&["try", "at", "address", "", "outcome", "reply"], &[0], deliveries.into_iter().map(cells))?;
    }
    Ok(Exit::Done)
}

async fn print(args: &Args, id: OutboxId, view: MailView) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let made = app.preview_mail(&caller, id).await?;
    app.store.close().await;
    match view {
        MailView::Text => {
            output::line(format!("To: {}", made.to))?;
            for copy in &made.copies {
                output::line(format!("Cc: {copy}"))?;
            }
            output::line(format!("Subject: {}\n\n{}", made.written.subject, made.written.text))?;
        }
        MailView::Html => output::line(made.written.html)?,
        MailView::Eml => std::io::stdout().write_all(&made.bytes).context("cannot write to standard output")?,
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    customer_id: String,
    mail_id: String,
    #[serde(flatten)]
    delivery: ShownDelivery,
}

async fn refused(args: &Args, limit: i64, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let found = app.bad_addresses(&caller, limit).await?;
    app.store.close().await;
    let rows: Vec<Refused> = found
        .iter()
        .map(|bad| Refused {
            customer_id: bad.customer.to_string(),
            mail_id: bad.delivery.mail.to_string(),
            delivery: (&bad.delivery).into(),
        })
        .collect();
    if format == Format::Json {
        output::json(&rows)?;
        return Ok(Exit::Done);
    }
    let cells = |r: Refused| {
        let Refused { customer_id, mail_id, delivery } = r;
        vec![delivery.email, customer_id, delivery.outcome.to_owned(), delivery.at, mail_id, delivery.reply]
    };
    output::table(&["address", "customer", "", "at", "mail", "reply"], &[], rows.into_iter().map(cells))?;
    Ok(Exit::Done)
}

async fn bounce(args: &Args) -> Result<Exit> {
    let mut report = Vec::new();
    let limit = u64::try_from(MAX_REPORT_BYTES).unwrap_or(u64::MAX);
    std::io::stdin().lock().take(limit).read_to_end(&mut report).context("cannot read standard input")?;
    if report.is_empty() {
        return Err(
            UsageError("the report comes on standard input: perennial outbox bounce < report.eml".to_owned()).into()
        );
    }
    // The Message-ID says whose mail it is; several sellers may have one address for what comes back.
    let app = open::app(&Config::load(&args.config)?).await?;
    let bounces = app.take_bounce(&String::from_utf8_lossy(&report)).await?;
    app.store.close().await;
    for bounce in bounces {
        output::note(format!("Mail {} came back from {}: {}", bounce.mail, bounce.email, bounce.reason));
    }
    Ok(Exit::Done)
}
