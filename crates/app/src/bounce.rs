//! Mails that come back: what a report of non-delivery says (RFC 3464).

use perennial_billing::{OutboxId, SellerId};
use perennial_store::deliveries::{self, Delivery, DeliveryOutcome};
use perennial_store::outbox::{self, Mail};

use crate::{App, AppError, Result};

/// The largest report that is read, in bytes: what was sent may hang on it.
pub const MAX_REPORT_BYTES: usize = 2 * 1024 * 1024;
/// The longest reason that is kept, in characters.
const MAX_REASON_CHARACTERS: usize = 500;

/// A mail that came back from an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// Which mail.
    pub mail: OutboxId,
    /// From which address.
    pub email: String,
    /// Why.
    pub reason: String,
}

/// What a report says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    /// All `Message-ID`s that stand in it: its own, and that of the mail it is about.
    ids: Vec<String>,
    /// Addresses that the mail came back from for good, and why.
    failed: Vec<(String, String)>,
}

impl App {
    /// Notes what a report of non-delivery says. Addresses that are only late are none of its matter.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when it is no such report, or about no mail of ours.
    pub async fn take_bounce(&self, report: &str) -> Result<Vec<Bounce>> {
        let Report { ids, failed } = read(report);
        if failed.is_empty() {
            let why = "this is no report of a mail that came back for good (RFC 3464)";
            return Err(AppError::Conflict(why.to_owned()));
        }
        for id in &ids {
            let mut bounces = Vec::new();
            for (email, reason) in &failed {
                match self.bounce_mail(id, email, reason).await {
                    Ok(mail) => {
                        bounces.push(Bounce { mail: mail.id, email: email.clone(), reason: reason.clone() });
                    }
                    Err(AppError::NotFound(_)) => break,
                    Err(error) => return Err(error),
                }
            }
            if !bounces.is_empty() {
                return Ok(bounces);
            }
        }
        Err(AppError::Conflict("the report is about no mail of this installation".to_owned()))
    }

    /// Notes that a mail came back after a server had taken it. Which mail it was is read from its `Message-ID`.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when it is none of ours.
    async fn bounce_mail(&self, message_id: &str, email: &str, reply: &str) -> Result<Mail> {
        let message_id = message_id.trim();
        let mut numbers = message_id.trim_start_matches('<').split('.').map(str::parse::<i64>);
        let (Some(Ok(id)), Some(Ok(seller))) = (numbers.next(), numbers.next()) else {
            return Err(AppError::NotFound("Mail with this Message-ID"));
        };
        let id = OutboxId(id);
        let mut tx = self.store.begin().await?;
        let mail = outbox::get(&mut tx, SellerId(seller), id).await?.filter(|mail| mail.message_id == message_id);
        let mail = mail.ok_or(AppError::NotFound("Mail with this Message-ID"))?;
        let known = deliveries::of_mails(&mut tx, mail.seller, &[id]).await?;
        let of_it = known.iter().rev().find(|delivery| delivery.email.eq_ignore_ascii_case(email));
        let bounced = Delivery {
            mail: id,
            attempt: of_it.map_or(mail.attempts.max(1), |delivery| delivery.attempt),
            email: of_it.map_or_else(|| email.to_lowercase(), |delivery| delivery.email.clone()),
            is_copy: of_it.is_some_and(|delivery| delivery.is_copy),
            outcome: DeliveryOutcome::Bounced,
            reply: reply.to_owned(),
            at: self.clock.now(),
        };
        deliveries::add(&mut tx, &[(mail.seller, &bounced)]).await?;
        tx.commit().await?;
        Ok(mail)
    }
}

/// The fields of a report, wherever in it they stand; a field may go on on the next line.
fn read(text: &str) -> Report {
    let mut report = Report::default();
    let mut group = Group::default();
    let mut field = String::new();
    for line in text.lines().chain([""]) {
        if line.starts_with([' ', '\t']) && !field.is_empty() {
            field.push(' ');
            field.push_str(line.trim());
            continue;
        }
        take(&mut report, &mut group, &field);
        field.clear();
        if line.trim().is_empty() {
            group.end(&mut report);
        } else {
            line.clone_into(&mut field);
        }
    }
    report
}

/// What is said about one recipient.
#[derive(Default)]
struct Group {
    recipient: Option<String>,
    has_failed: bool,
    status: Option<String>,
    diagnosis: Option<String>,
}

impl Group {
    fn end(&mut self, report: &mut Report) {
        let Self { recipient, has_failed, status, diagnosis } = std::mem::take(self);
        if let (Some(recipient), true) = (recipient, has_failed) {
            let reason = diagnosis.or(status).unwrap_or_default();
            report.failed.push((recipient, reason.chars().take(MAX_REASON_CHARACTERS).collect()));
        }
    }
}

fn take(report: &mut Report, group: &mut Group, field: &str) {
    let Some((name, value)) = field.split_once(':') else { return };
    let value = value.trim();
    // `rfc822; anna@example.com`, `smtp; 550 No such user`
    let typed = || value.split_once(';').map_or(value, |(_, value)| value).trim();
    match name.trim().to_ascii_lowercase().as_str() {
        "message-id" => report.ids.push(value.to_owned()),
        "final-recipient" => {
            let address = typed().trim_matches(['<', '>']).to_owned();
            group.recipient = group.recipient.take().or(Some(address));
        }
        // What we wrote to, where that is told: the other end may have forwarded it.
        "original-recipient" => group.recipient = Some(typed().trim_matches(['<', '>']).to_owned()),
        "action" => group.has_failed = value.eq_ignore_ascii_case("failed"),
        "status" => group.status = Some(value.to_owned()),
        "diagnostic-code" => group.diagnosis = Some(typed().to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_which_mail_came_back_from_where() {
        let report = read(
            "From: MAILER-DAEMON@mx.example.org\r\nMessage-ID: <20261127.bounce@mx.example.org>\r\n\
            Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"xx\"\r\n\r\n\
            --xx\r\n\r\nI could not deliver your mail.\r\n\r\n--xx\r\nContent-Type: message/delivery-status\r\n\r\n\
            Reporting-MTA: dns; mx.example.org\r\n\r\n\
            Final-Recipient: rfc822; anna@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\
            Diagnostic-Code: smtp; 550 5.1.1 <anna@example.com>:\r\n    no such user\r\n\r\n\
            Original-Recipient: rfc822;bo@example.com\r\nFinal-Recipient: rfc822; bo@elsewhere.example\r\n\
            Action: failed\r\nStatus: 5.2.2\r\n\r\n\
            Final-Recipient: rfc822; cecilia@example.com\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n\
            --xx\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <7.1.6ab@example.net>\r\n\r\n--xx--\r\n",
        );
        assert_eq!(report.ids, ["<20261127.bounce@mx.example.org>", "<7.1.6ab@example.net>"]);
        let failed = [("anna@example.com", "550 5.1.1 <anna@example.com>: no such user"), ("bo@example.com", "5.2.2")];
        assert_eq!(report.failed, failed.map(|(email, reason)| (email.to_owned(), reason.to_owned())));
        assert_eq!(read("Subject: lunch?\n\nAre you coming?\n"), Report::default());
    }
}
