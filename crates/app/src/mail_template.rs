//! What a seller's mails say instead of the usual.

use perennial_billing::{DocumentKind, Money};
use perennial_render::mail::{
    Letter, LetterKind, MAX_TEMPLATE_BYTES, NewPrice, PriceNotice, TemplateError, TemplateName, TemplatePart,
    Templates, Written, usual_template,
};
use perennial_render::sample::sample;
use perennial_render::words;
use perennial_store::mail_templates;

use crate::{App, AppError, Caller, Problem, Result};

/// A template as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTemplate {
    /// Its name: `invoice.html`, `reminder.sv.txt`.
    pub name: String,
    /// Whether the seller wrote it.
    pub is_own: bool,
    /// What it says.
    pub body: String,
}

impl App {
    /// The templates that are used, by name: the usual ones and the seller's own.
    ///
    /// # Errors
    /// The database's.
    pub async fn mail_templates(&self, caller: &Caller) -> Result<Vec<MailTemplate>> {
        let own = mail_templates::all(&mut self.store.read().await?, caller.seller).await?;
        let mut all: Vec<MailTemplate> =
            own.into_iter().map(|(name, body)| MailTemplate { name, is_own: true, body }).collect();
        for kind in LetterKind::ALL {
            for part in TemplatePart::ALL {
                let name = format!("{kind}.{}", part.ending());
                if !all.iter().any(|known| known.name == name) {
                    all.push(MailTemplate { name, is_own: false, body: usual_template(kind, part).to_owned() });
                }
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Writes a template of the seller's own, after it was filled in once in each language it is for.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a name that is none, and for a text that is too large or cannot be filled in.
    pub async fn set_mail_template(&self, caller: &Caller, name: &str, body: &str) -> Result<()> {
        let read = TemplateName::read(name).map_err(|error| invalid(&error))?;
        if body.len() > MAX_TEMPLATE_BYTES {
            return Err(invalid(&TemplateError::TooLarge(name.to_owned())));
        }
        let own = mail_templates::all(&mut self.store.read().await?, caller.seller).await?;
        let with_it = own.into_iter().filter(|(known, _)| known != name);
        let templates = Templates::with(with_it.chain([(name.to_owned(), body.to_owned())]));
        let brand = self.brand(caller).await?;
        let languages = match read.language {
            Some(language) => vec![language],
            None => words::ALL.into_iter().map(|words| words.language).collect(),
        };
        for language in languages {
            let letter = self.sample_letter(caller, read.kind, language).await?;
            letter.write(&templates, &brand).map_err(|error| invalid(&error))?;
        }
        let mut tx = self.store.begin().await?;
        mail_templates::put(&mut tx, caller.seller, name, body, self.clock.now()).await?;
        self.note(&mut tx, caller.seller, caller, "mail_template.set", "seller", caller.seller.0).await?;
        Ok(tx.commit().await?)
    }

    /// Goes back to the usual text.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when the seller has no such template.
    pub async fn reset_mail_template(&self, caller: &Caller, name: &str) -> Result<()> {
        let mut tx = self.store.begin().await?;
        if !mail_templates::remove(&mut tx, caller.seller, name).await? {
            return Err(AppError::NotFound("Mail template"));
        }
        self.note(&mut tx, caller.seller, caller, "mail_template.reset", "seller", caller.seller.0).await?;
        Ok(tx.commit().await?)
    }

    /// A mail of a kind in a language, as it would be with the seller's templates, about a sample.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when it cannot be written.
    pub async fn sample_mail(&self, caller: &Caller, kind: LetterKind, language: &str) -> Result<Written> {
        let own = mail_templates::all(&mut self.store.read().await?, caller.seller).await?;
        let letter = self.sample_letter(caller, kind, language).await?;
        let brand = self.brand(caller).await?;
        letter.write(&Templates::with(own), &brand).map_err(|error| AppError::Conflict(error.to_string()))
    }

    async fn sample_letter(&self, caller: &Caller, kind: LetterKind, language: &str) -> Result<Letter> {
        let issuer = self.sample_issuer(caller).await?;
        let document = match kind {
            LetterKind::CreditNote => DocumentKind::CreditNote,
            LetterKind::Deposit => DocumentKind::Deposit,
            LetterKind::Invoice | LetterKind::Reminder | LetterKind::PriceNotice => DocumentKind::Invoice,
        };
        let mut document = sample(&issuer, document, language)?;
        if kind == LetterKind::PriceNotice {
            let price = |line: &perennial_render::document::Line| NewPrice {
                service: line.description.clone(),
                old: line.unit_price,
                new: Money::new(line.unit_price.minor.saturating_mul(11) / 10, issuer.currency),
                from: document.due_on,
            };
            return Ok(Letter::PriceNotice(Box::new(PriceNotice {
                prices: document.lines.iter().map(price).collect(),
                seller: document.seller,
                customer: document.buyer,
                customer_number: document.buyer_reference,
                language: document.language,
                more: 3,
                includes_tax: issuer.rules.includes_tax,
            })));
        }
        if kind == LetterKind::Reminder {
            document.reminded_on = Some(document.due_on);
        }
        let open = document.to_pay();
        Ok(Letter::Document { document: Box::new(document), open })
    }
}

fn invalid(error: &TemplateError) -> AppError {
    AppError::Invalid(vec![Problem::new("template", error.to_string())])
}
