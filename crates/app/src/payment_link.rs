//! Payment links: addresses at which an invoice is looked at and paid without a key.
//!
//! A link is good until it expires, is revoked, or nothing is to be paid for its invoice any more. The last is seen by the
//! invoice itself, so that no way of paying has to think of links.

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{DocumentKind, InvoiceId, Money, SellerId};
use perennial_render::document::Document;
use perennial_store::invoices::{self, Invoice, InvoiceStatus};
use perennial_store::payment_links::{self, LinkEnd, PaymentLink};
use perennial_store::settlements;
use uuid::Uuid;

use crate::document::document;
use crate::paper::PaperFile;
use crate::{App, AppError, Caller, Result, invoice};

/// How long a link opens something.
pub const PAYMENT_LINK_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Links of before that are told of an invoice at most, the newest.
pub const MAX_PREVIOUS_LINKS: i64 = 20;

/// A link that was made, or was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeLink {
    /// The link.
    pub link: PaymentLink,
    /// The invoice that it leads to.
    pub invoice: Invoice,
    /// Whether it was there already.
    pub is_known: bool,
}

/// Where the links to an invoice stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkStatus {
    /// The one that opens it now.
    pub active: Option<PaymentLink>,
    /// Those that do not any more, the newest first.
    pub previous: Vec<PreviousLink>,
}

/// A link that opens nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousLink {
    /// The link.
    pub link: PaymentLink,
    /// Whether its time had run out by then.
    pub is_expired: bool,
    /// Since when, where that is known.
    pub invalidated_at: Option<Timestamp>,
    /// Why: `replaced`, `revoked`, `expired`, or what became of the invoice.
    pub reason: &'static str,
}

/// A link that somebody has opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLink {
    /// Whose invoice it leads to.
    pub seller: SellerId,
    /// The link.
    pub link: PaymentLink,
    /// The invoice.
    pub invoice: Invoice,
    /// Whether it opens it. Of one that does not, no more is told than that.
    pub is_valid: bool,
}

impl FoundLink {
    /// The same if it is good.
    ///
    /// # Errors
    /// [`AppError::Gone`] if it is not any more.
    pub fn valid(self) -> Result<Self> {
        if self.is_valid { Ok(self) } else { Err(AppError::Gone("payment link")) }
    }
}

impl App {
    /// The link to an invoice that is to be paid: the one that is there, or a new one if there is none or it has expired.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown invoice or another customer's; [`AppError::Conflict`] when nothing is to be paid
    /// for it.
    pub async fn make_payment_link(&self, caller: &Caller, id: InvoiceId) -> Result<MadeLink> {
        let mut tx = self.store.begin().await?;
        invoice::visible(&mut tx, caller, id).await?;
        // Held, so that two cannot both make the first one, and nobody pays it meanwhile.
        settlements::lock(&mut tx, caller.seller, id).await?;
        let invoice = invoice::visible(&mut tx, caller, id).await?;
        payable(&invoice)?;
        let now = self.clock.now();
        let known = payment_links::unended(&mut tx, caller.seller, id).await?;
        if let Some(link) = known {
            if now < link.expires_at {
                return Ok(MadeLink { link, invoice, is_known: true });
            }
            payment_links::end(&mut tx, caller.seller, id, LinkEnd::Replaced, now).await?;
        }
        let link = PaymentLink {
            uuid: uuid::Builder::from_random_bytes(self.random.bytes()?).into_uuid().to_string(),
            invoice: id,
            created_at: now,
            expires_at: now.saturating_add(PAYMENT_LINK_LIFE).unwrap_or(Timestamp::MAX),
            views: 0,
            last_viewed_at: None,
            ended: None,
        };
        payment_links::insert(&mut tx, caller.seller, &link).await?;
        self.note(&mut tx, caller.seller, caller, "payment_link.made", "invoice", id.0).await?;
        tx.commit().await?;
        Ok(MadeLink { link, invoice, is_known: false })
    }

    /// Ends the link to an invoice before its time.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown invoice or another customer's, and when no link opens it.
    pub async fn revoke_payment_link(&self, caller: &Caller, id: InvoiceId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        invoice::visible(&mut tx, caller, id).await?;
        settlements::lock(&mut tx, caller.seller, id).await?;
        let invoice = invoice::visible(&mut tx, caller, id).await?;
        let now = self.clock.now();
        let known = payment_links::unended(&mut tx, caller.seller, id).await?;
        known.filter(|link| opens(link, &invoice, now)).ok_or(AppError::NotFound("Payment link"))?;
        payment_links::end(&mut tx, caller.seller, id, LinkEnd::Revoked, now).await?;
        self.note(&mut tx, caller.seller, caller, "payment_link.revoked", "invoice", id.0).await?;
        Ok(tx.commit().await?)
    }

    /// Where the links to an invoice stand: the one that opens it, and those of before.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown invoice or another customer's.
    pub async fn payment_links(&self, caller: &Caller, id: InvoiceId) -> Result<LinkStatus> {
        let mut conn = self.store.read().await?;
        let invoice = invoice::visible(&mut conn, caller, id).await?;
        let unended = payment_links::unended(&mut conn, caller.seller, id).await?;
        let links = payment_links::of_invoice(&mut conn, caller.seller, id, MAX_PREVIOUS_LINKS + 1).await?;
        let now = self.clock.now();
        let active = unended.filter(|link| opens(link, &invoice, now));
        let kept = usize::try_from(MAX_PREVIOUS_LINKS).unwrap_or(usize::MAX);
        let previous = links.into_iter().filter(|link| Some(&link.uuid) != active.as_ref().map(|active| &active.uuid));
        let previous = previous.take(kept).map(|link| previous_link(link, &invoice, now)).collect();
        Ok(LinkStatus { active, previous })
    }

    /// The link with this UUID, whoever asks, and whether it is good.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that never was.
    pub async fn find_payment_link(&self, uuid: &str) -> Result<FoundLink> {
        let uuid = spelled(uuid).ok_or(AppError::NotFound("Payment link"))?;
        let mut conn = self.store.read().await?;
        let known = payment_links::by_uuid(&mut conn, &uuid).await?;
        let (seller, link) = known.ok_or(AppError::NotFound("Payment link"))?;
        let invoice =
            invoices::get(&mut conn, seller, link.invoice).await?.ok_or(AppError::NotFound("Payment link"))?;
        let is_valid = opens(&link, &invoice, self.clock.now());
        Ok(FoundLink { seller, link, invoice, is_valid })
    }

    /// The same, and counts that it was opened if it is good. That changes nothing of the seller's, so the audit trail does not
    /// tell of it.
    ///
    /// # Errors
    /// As [`App::find_payment_link`].
    pub async fn open_payment_link(&self, uuid: &str) -> Result<FoundLink> {
        let mut found = self.find_payment_link(uuid).await?;
        if found.is_valid {
            let now = self.clock.now();
            let mut tx = self.store.begin().await?;
            payment_links::viewed(&mut tx, found.seller, &found.link.uuid, now).await?;
            tx.commit().await?;
            (found.link.views, found.link.last_viewed_at) = (found.link.views + 1, Some(now));
        }
        Ok(found)
    }

    /// The document that a link leads to, as it stands now: what was paid since it was issued is off what is to be paid.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn linked_document(&self, found: &FoundLink) -> Result<Document> {
        let invoice = &found.invoice;
        let mut document = document(&mut self.store.read().await?, found.seller, invoice).await?;
        let paid = invoice.total.minor.saturating_sub(invoice.open.minor);
        document.paid = Money::new(paid, invoice.total.currency);
        Ok(document)
    }

    /// The document that a link leads to, as it was put on paper when it was issued.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when it cannot be put on paper, saying why.
    pub async fn linked_paper(&self, found: &FoundLink) -> Result<PaperFile> {
        self.paper_of(found.seller, &found.invoice).await
    }
}

/// A UUID as it is kept; none for what is none.
fn spelled(text: &str) -> Option<String> {
    let uuid = Uuid::try_parse(text).ok()?.to_string();
    // Other notations of the same number are no address of ours.
    uuid.eq_ignore_ascii_case(text).then_some(uuid)
}

/// Whether a link opens its invoice.
fn opens(link: &PaymentLink, invoice: &Invoice, now: Timestamp) -> bool {
    link.ended.is_none() && now < link.expires_at && payable(invoice).is_ok()
}

/// Refuses what nobody can pay.
fn payable(invoice: &Invoice) -> Result<()> {
    let number = &invoice.number;
    if invoice.kind == DocumentKind::CreditNote {
        return Err(AppError::Conflict(format!("{number} is a credit note: there is nothing to pay")));
    }
    let why = match invoice.status {
        InvoiceStatus::Issued => return Ok(()),
        InvoiceStatus::Paid => "is paid already",
        InvoiceStatus::Credited => "has been credited",
        InvoiceStatus::WrittenOff => "has been written off",
        InvoiceStatus::Void => "is void",
    };
    Err(AppError::Conflict(format!("Invoice {number} {why}: there is nothing to pay")))
}

/// What became of a link that opens nothing any more.
fn previous_link(link: PaymentLink, invoice: &Invoice, now: Timestamp) -> PreviousLink {
    let (invalidated_at, reason) = match link.ended {
        Some((at, end)) => (Some(at), end.as_str()),
        // Whichever came first.
        None if link.expires_at <= invoice.paid_at.unwrap_or(now) => (Some(link.expires_at), "expired"),
        None => (invoice.paid_at, invoice.status.as_str()),
    };
    let is_expired = link.expires_at <= invalidated_at.unwrap_or(now);
    PreviousLink { link, is_expired, invalidated_at, reason }
}
