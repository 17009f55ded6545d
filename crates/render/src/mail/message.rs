//! A mail as it goes over the wire.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment as Attached, Body, Mailbox as LettreMailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use super::{LOGO_ID, Written};

/// Somebody with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// What they are called, or empty.
    pub name: String,
    /// The address.
    pub email: String,
}

/// A file that goes with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is called.
    pub name: String,
    /// What it is: `application/pdf`.
    pub kind: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Who writes to whom, and by what the mail is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who it is from, and who is answered to.
    pub from: Mailbox,
    /// Whom it is for.
    pub to: Mailbox,
    /// Who gets a copy.
    pub copies: Vec<String>,
    /// By which its repeats are known, in angle brackets.
    pub message_id: String,
    /// When it was written.
    pub date: Timestamp,
}

/// A mail cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// An address is none.
    #[error("{0:?} is no mail address")]
    Address(String),
    /// Anything else.
    #[error("the mail cannot be put together: {0}")]
    Message(String),
}

/// Says to programs that answer by themselves that nobody wrote this by hand (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Envelope {
    /// Puts a mail together: text and HTML, the picture that the HTML shows, and files.
    ///
    /// # Errors
    /// [`MessageError::Address`] for an address that is none.
    pub fn seal(
        &self,
        written: &Written,
        logo: Option<&[u8]>,
        attachments: Vec<Attachment>,
    ) -> Result<Vec<u8>, MessageError> {
        let mut builder = Message::builder()
            .message_id(Some(self.message_id.clone()))
            .date(SystemTime::from(self.date))
            .from(mailbox(&self.from)?)
            .to(mailbox(&self.to)?)
            .subject(written.subject.as_str())
            .header(AutoSubmitted);
        for copy in &self.copies {
            builder = builder.cc(LettreMailbox::new(None, address(copy)?));
        }
        let html = text(ContentType::TEXT_HTML, &written.html)?;
        // Files that mention no picture need none.
        let logo = logo.filter(|_| written.html.contains(LOGO_ID));
        let html = match logo {
            None => Reading::Html(html),
            Some(logo) => {
                let picture =
                    Attached::new_inline(LOGO_ID.to_owned()).body(encoded(logo.to_vec())?, kind(picture_kind(logo))?);
                Reading::Pictured(self.parts("related").singlepart(html).singlepart(picture))
            }
        };
        let plain = self.parts("alternative").singlepart(text(ContentType::TEXT_PLAIN, &written.text)?);
        let reading = match html {
            Reading::Html(html) => plain.singlepart(html),
            Reading::Pictured(parts) => plain.multipart(parts),
        };
        let body = if attachments.is_empty() {
            reading
        } else {
            let mut mixed = self.parts("mixed").multipart(reading);
            for attachment in attachments {
                let Attachment { name, kind: media, bytes } = attachment;
                mixed = mixed.singlepart(Attached::new(name).body(encoded(bytes)?, kind(media)?));
            }
            mixed
        };
        let message = builder.multipart(body).map_err(|error| MessageError::Message(error.to_string()))?;
        Ok(message.formatted())
    }

    /// Parts with a mark between them that cannot stand in one: all are encoded, and `=_` is neither quoted-printable nor
    /// Base64.
    fn parts(&self, kind: &str) -> lettre::message::MultiPartBuilder {
        let builder = match kind {
            "mixed" => MultiPart::mixed(),
            "related" => MultiPart::related(),
            _ => MultiPart::alternative(),
        };
        let id: String = self.message_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').take(40).collect();
        builder.boundary(format!("=_{kind}_{id}"))
    }
}

/// What is read: HTML, or HTML with its picture.
enum Reading {
    Html(SinglePart),
    Pictured(MultiPart),
}

fn text(kind: ContentType, text: &str) -> Result<SinglePart, MessageError> {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable);
    let body = body.map_err(|_| MessageError::Message("its text cannot be encoded".to_owned()))?;
    Ok(SinglePart::builder().header(kind).body(body))
}

fn encoded(bytes: Vec<u8>) -> Result<Body, MessageError> {
    let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64);
    body.map_err(|_| MessageError::Message("a file cannot be encoded".to_owned()))
}

fn kind(media: &str) -> Result<ContentType, MessageError> {
    ContentType::parse(media).map_err(|error| MessageError::Message(error.to_string()))
}

/// PNG or JPEG: others are not taken for a look.
fn picture_kind(picture: &[u8]) -> &'static str {
    if picture.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
}

fn mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, MessageError> {
    let name: String = mailbox.name.chars().filter(|c| !c.is_control()).collect();
    Ok(LettreMailbox::new(Some(name).filter(|name| !name.trim().is_empty()), address(&mailbox.email)?))
}

fn address(email: &str) -> Result<Address, MessageError> {
    email.parse().map_err(|_| MessageError::Address(email.to_owned()))
}

/// Complains about what no mail can be sent to.
///
/// # Errors
/// [`MessageError::Address`].
pub fn check_address(email: &str) -> Result<(), MessageError> {
    address(email).map(drop)
}
