//! A seller's logo: a picture of pixels, or one that is drawn.

use std::sync::Arc;

use jiff::civil::Date;
use krilla::Document as Pdf;
use krilla::geom::{Size, Transform};
use krilla::image::Image;
use krilla::metadata::Metadata;
use krilla::surface::Surface;
use krilla::tagging::TagTree;
use krilla_svg::{SurfaceExt, SvgSettings};
use usvg::{ImageHrefResolver, Options, Tree};

use super::fonts::Fonts;
use super::sheet::{MARGIN, Sheets};
use super::{PdfError, layout, noon, settings};

/// The longest side of a logo, in pixels.
pub const MAX_LOGO_PIXELS: u32 = 4_000;

/// A logo.
#[derive(Clone)]
pub(super) enum Logo {
    /// PNG or JPEG.
    Pixels(Image),
    /// SVG.
    Drawing(Arc<Tree>),
}

impl Logo {
    /// Reads one.
    ///
    /// # Errors
    /// [`PdfError::Logo`].
    pub fn read(bytes: &[u8]) -> Result<Self, PdfError> {
        let read = match bytes {
            [0x89, b'P', b'N', b'G', ..] => Image::from_png(bytes.to_vec().into(), false).map(Self::Pixels),
            [0xFF, 0xD8, ..] => Image::from_jpeg(bytes.to_vec().into(), false).map(Self::Pixels),
            _ => match svg_text(bytes) {
                Some(text) => drawing(text).map(|tree| Self::Drawing(Arc::new(tree))),
                None => Err("it is neither a PNG, a JPEG nor an SVG".to_owned()),
            },
        };
        read.map_err(PdfError::Logo)
    }

    /// How wide and how high it is; only the two beside each other mean something.
    pub fn size(&self) -> (f32, f32) {
        match self {
            Self::Pixels(image) => {
                let side = |pixels: u32| f32::from(u16::try_from(pixels).unwrap_or(u16::MAX)).max(1.0);
                let (width, height) = image.size();
                (side(width), side(height))
            }
            Self::Drawing(tree) => (tree.size().width(), tree.size().height()),
        }
    }

    /// Draws it in this size.
    pub fn draw(&self, surface: &mut Surface<'_>, x: f32, y: f32, width: f32, height: f32) {
        let Some(size) = Size::from_wh(width, height) else { return };
        surface.push_transform(&Transform::from_translate(x, y));
        match self {
            Self::Pixels(image) => surface.draw_image(image.clone(), size),
            // It was drawn once when it was taken.
            Self::Drawing(tree) => drop(surface.draw_svg(tree, size, SvgSettings::default())),
        }
        surface.pop();
    }
}

/// The text of what looks like an SVG.
pub(crate) fn svg_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
    (text.starts_with('<') && text.contains("<svg")).then_some(text)
}

/// Reads a drawing. It refers to nothing outside of itself, and brings no fonts.
fn drawing(text: &str) -> Result<Tree, String> {
    for (element, why) in [
        ("<text", "it has text, which needs a font: convert it to paths"),
        ("<image", "it has a picture in it: use that one, or draw it"),
    ] {
        if text.contains(element) {
            return Err(why.to_owned());
        }
    }
    let image_href_resolver =
        ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let tree = Tree::from_str(text, &Options { image_href_resolver, ..Options::default() });
    let tree = tree.map_err(|error| format!("it is no SVG: {error}"))?;
    if tree.root().has_children() { Ok(tree) } else { Err("it draws nothing".to_owned()) }
}

/// Whether a logo can be printed: what is in it is only looked at when a file is written, so one is.
///
/// # Errors
/// [`PdfError::Logo`].
pub fn check_logo(bytes: &[u8]) -> Result<(), PdfError> {
    let logo = Logo::read(bytes)?;
    if let Logo::Pixels(image) = &logo {
        let (width, height) = image.size();
        if width.max(height) > MAX_LOGO_PIXELS {
            return Err(PdfError::Logo(format!("it is more than {MAX_LOGO_PIXELS} pixels wide or high")));
        }
    }
    let mut pdf = Pdf::new_with(settings()?);
    let mut sheets = Sheets::new();
    let picture = sheets.picture(logo, MARGIN, MARGIN, 10.0, 10.0);
    let mut tree = TagTree::new().with_lang(Some("en".to_owned()));
    for node in sheets.draw(&mut pdf, &mut Fonts::of_nothing(), vec![layout::logo_part(picture, "logo")])? {
        tree.push(node);
    }
    pdf.set_tag_tree(tree);
    pdf.set_metadata(
        Metadata::new()
            .title("logo".to_owned())
            .language("en".to_owned())
            .creation_date(noon(Date::constant(2000, 1, 1))),
    );
    pdf.finish().map(|_| ()).map_err(|error| PdfError::Logo(format!("it cannot be printed: {error:?}")))
}
