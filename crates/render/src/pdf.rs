//! Documents on paper: PDF/A-3b, tagged, with the e-invoice inside (Factur-X).
//!
//! The same document and brand give the same bytes, on one machine: letters that the built-in fonts lack come from the fonts
//! that are installed.
#![allow(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    reason = "places on paper are measured in fractions of a point; amounts are texts here"
)]

mod facturx;
mod fonts;
mod layout;
mod logo;
mod sheet;

use jiff::civil::Date;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::metadata::{DateTime, Metadata};
use krilla::tagging::{Tag, TagGroup, TagTree};
use krilla::{Document as Pdf, SerializeSettings};

pub use fonts::Color;
pub(crate) use logo::svg_text;
pub use logo::{MAX_LOGO_PIXELS, check_logo};

use self::fonts::Fonts;
use self::layout::Layout;
use self::logo::Logo;
use self::sheet::Sheets;
use crate::document::Document;
use crate::words::Words;

/// Sets documents. One is made once for each thread: it knows the fonts.
pub struct Press {
    fonts: Fonts,
}

/// How a seller's documents look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// The colour of what stands out.
    pub accent: Color,
    /// A picture instead of the seller's name: a PNG, a JPEG or an SVG.
    pub logo: Option<Vec<u8>>,
    /// What the foot of each page says besides who the seller is.
    pub footer: String,
    /// What stands under the amounts: terms, thanks.
    pub closing: String,
    /// The columns between a line's text and its amount.
    pub columns: Vec<Column>,
}

impl Default for Brand {
    fn default() -> Self {
        Self {
            accent: (31, 78, 121),
            logo: None,
            footer: String::new(),
            closing: String::new(),
            columns: Column::ALL.into(),
        }
    }
}

/// A column that a seller may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// How many.
    Quantity,
    /// The price of one.
    Price,
    /// The rate of the tax.
    Vat,
}

impl Column {
    /// All of them, in their usual order.
    pub const ALL: [Self; 3] = [Self::Quantity, Self::Price, Self::Vat];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quantity => "quantity",
            Self::Price => "price",
            Self::Vat => "vat",
        }
    }

    /// The column with that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.as_str() == word)
    }
}

/// A document as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// The PDF.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// Letters that no font on this machine has; they were written in Latin ones.
    pub missing: Vec<char>,
}

impl Paper {
    /// Which letters no font has, and what to do about it; nothing if all are there.
    #[must_use]
    pub fn lacking(&self) -> Option<String> {
        let letters: String = self.missing.iter().collect();
        (!letters.is_empty()).then(|| {
            format!(
                "no font on this machine has the letters {letters}; they were written in Latin ones. Install one, such as \
                 Debian's fonts-noto-core"
            )
        })
    }
}

/// Why no PDF could be made.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The logo is no PNG, JPEG or SVG, or cannot be printed.
    #[error("cannot read the logo: {0}")]
    Logo(String),
    /// There is no document.
    #[error("there is nothing to print")]
    Nothing,
    /// A measure is none.
    #[error("a page cannot be measured out")]
    Geometry,
    /// The library refuses.
    #[error("cannot write a PDF/A-3b: {0}")]
    Write(String),
}

impl Default for Press {
    fn default() -> Self {
        Self::new()
    }
}

impl Press {
    /// A press with all its fonts.
    #[must_use]
    pub fn new() -> Self {
        Self { fonts: Fonts::new() }
    }

    /// Sets a document, with its e-invoice in CII syntax inside if that is given.
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn pdf(&mut self, document: &Document, brand: &Brand, e_invoice: Option<&str>) -> Result<Paper, PdfError> {
        self.print(&[(document, brand)], e_invoice)
    }

    /// Sets several documents one after the other in one file, without e-invoices: a file holds at most one.
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn bundle(&mut self, documents: &[(&Document, &Brand)]) -> Result<Paper, PdfError> {
        self.print(documents, None)
    }

    fn print(&mut self, documents: &[(&Document, &Brand)], e_invoice: Option<&str>) -> Result<Paper, PdfError> {
        let Some((first, _)) = documents.first() else { return Err(PdfError::Nothing) };
        let words = Words::of(&first.language);
        let mut pdf = Pdf::new_with(settings()?);
        // What a document that failed lacked is not told of this one.
        self.fonts.take_missing();
        let mut tree = TagTree::new().with_lang(Some(words.language.to_owned()));
        let mut pages = 0;
        for (document, brand) in documents {
            let words = Words::of(&document.language);
            let logo = brand.logo.as_deref().map(Logo::read).transpose()?;
            let mut sheets = Sheets::new();
            let layout = Layout { document, brand, words, fonts: &mut self.fonts, sheets: &mut sheets, bottom: 0.0 };
            let parts = layout.set(logo);
            let nodes = sheets.draw(&mut pdf, &mut self.fonts, parts)?;
            let part = Tag::Part.with_lang(Some(words.language.to_owned()));
            tree.push(TagGroup::with_children(part, nodes));
            pages += sheets.page + 1;
        }
        pdf.set_tag_tree(tree);
        let made_at = noon(first.issued_on);
        let numbers: Vec<&str> = documents.iter().map(|(document, _)| document.number.as_str()).collect();
        pdf.set_metadata(
            Metadata::new()
                .title(format!("{} {}", words.title(first.kind), numbers.join(", ")))
                .authors(vec![first.seller.name.clone()])
                .creator("Perennial".to_owned())
                .language(words.language.to_owned())
                .document_id(format!("{} {}", first.seller.name, numbers.join(" ")))
                .creation_date(made_at),
        );
        if let Some(text) = e_invoice {
            let file = EmbeddedFile {
                path: facturx::FILE_NAME.to_owned(),
                mime_type: MimeType::new("text/xml"),
                description: Some("Factur-X".to_owned()),
                association_kind: AssociationKind::Alternative,
                data: text.as_bytes().to_vec().into(),
                modification_date: Some(made_at),
                compress: Some(true),
                location: None,
            };
            pdf.embed_file(file).ok_or_else(|| PdfError::Write("the e-invoice is there already".to_owned()))?;
        }
        let bytes = pdf.finish().map_err(|error| PdfError::Write(format!("{error:?}")))?;
        let bytes = if e_invoice.is_some() { facturx::declared(bytes)? } else { bytes };
        Ok(Paper { bytes, pages, missing: self.fonts.take_missing() })
    }
}

/// A file has a moment; the law knows a day.
fn noon(date: Date) -> DateTime {
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    let year = u16::try_from(date.year()).unwrap_or(1);
    DateTime::new(year).month(part(date.month())).day(part(date.day())).hour(12).minute(0).second(0).utc_offset_hour(0)
}

fn settings() -> Result<SerializeSettings, PdfError> {
    let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A3_B).finish();
    Ok(SerializeSettings {
        compress_content_streams: true,
        enable_tagging: true,
        configuration: configuration.map_err(|error| PdfError::Write(format!("{error:?}")))?,
        ..SerializeSettings::default()
    })
}
