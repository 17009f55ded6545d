//! Pages: what is drawn where, and what it is for those who cannot see it.

use krilla::Document as Pdf;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Identifier, Node, SpanTag, TagGroup, TagKind};

use super::PdfError;
use super::fonts::{Block, Color, Fonts};
use super::logo::Logo;

/// A4 in points, of which an inch has 72.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;
/// What stays white on each side.
pub(super) const MARGIN: f32 = 48.0;
/// Between the margins.
pub(super) const INNER: f32 = WIDTH - 2.0 * MARGIN;

/// Something that is drawn.
enum Ink {
    /// Lines of a block: the first, and how many. The block's own top is at `y`.
    Text { block: usize, first: usize, count: usize, x: f32, y: f32 },
    /// A filled rectangle.
    Fill { x: f32, y: f32, width: f32, height: f32, color: Color },
    /// A code of black squares.
    Code { x: f32, y: f32, size: f32, squares: Vec<Vec<bool>> },
    /// A picture.
    Picture { x: f32, y: f32, width: f32, height: f32, logo: Logo },
}

/// What a part of the document is, and what it holds: for those who have it read to them.
pub(super) enum Part {
    /// A part that holds others.
    Group(TagKind, Vec<Part>),
    /// What was drawn under this number.
    Ink(usize),
}

/// The pages as far as they are made.
pub(super) struct Sheets {
    blocks: Vec<Block>,
    /// Each with its page.
    inks: Vec<(usize, Ink)>,
    /// What is only there to be seen.
    ornaments: Vec<(usize, Ink)>,
    /// The last page, from 0.
    pub page: usize,
    /// How far down the last page is full.
    pub y: f32,
}

impl Sheets {
    pub fn new() -> Self {
        Self { blocks: Vec::new(), inks: Vec::new(), ornaments: Vec::new(), page: 0, y: MARGIN }
    }

    /// Begins another page.
    pub fn turn(&mut self) {
        self.page += 1;
        self.y = MARGIN;
    }

    fn ink(&mut self, ink: Ink) -> Part {
        self.inks.push((self.page, ink));
        Part::Ink(self.inks.len() - 1)
    }

    /// Draws a text with its top left corner here.
    pub fn text(&mut self, block: Block, x: f32, y: f32) -> Part {
        let count = block.line_count();
        self.blocks.push(block);
        self.ink(Ink::Text { block: self.blocks.len() - 1, first: 0, count, x, y })
    }

    /// Draws a text that may go on on the next page, from where the page is full; it ends at `bottom`.
    pub fn flow(&mut self, block: Block, x: f32, bottom: f32) -> Vec<Part> {
        let heights: Vec<f32> = block.layout.lines().map(|line| line.metrics().line_height).collect();
        self.blocks.push(block);
        let block = self.blocks.len() - 1;
        let (mut parts, mut first, mut above) = (Vec::new(), 0, 0.0);
        while first < heights.len() {
            let mut count = 0;
            let mut height = 0.0;
            while first + count < heights.len() && self.y + height + heights[first + count] <= bottom {
                height += heights[first + count];
                count += 1;
            }
            if count == 0 && self.y > MARGIN {
                self.turn();
                continue;
            }
            // A line that is higher than a page is drawn all the same.
            let count = count.max(1);
            parts.push(self.ink(Ink::Text { block, first, count, x, y: self.y - above }));
            let drawn: f32 = heights[first..first + count].iter().sum();
            self.y += drawn;
            above += drawn;
            first += count;
            if first < heights.len() {
                self.turn();
            }
        }
        parts
    }

    pub fn picture(&mut self, logo: Logo, x: f32, y: f32, width: f32, height: f32) -> Part {
        self.ink(Ink::Picture { x, y, width, height, logo })
    }

    pub fn code(&mut self, squares: Vec<Vec<bool>>, x: f32, y: f32, size: f32) -> Part {
        self.ink(Ink::Code { x, y, size, squares })
    }

    /// Fills a rectangle that says nothing.
    pub fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, color: Color) {
        self.ornaments.push((self.page, Ink::Fill { x, y, width, height, color }));
    }

    /// Draws a text on a page that is no part of the document: a head or a foot that is on each.
    pub fn running(&mut self, page: usize, block: Block, x: f32, y: f32) {
        let count = block.line_count();
        self.blocks.push(block);
        self.ornaments.push((page, Ink::Text { block: self.blocks.len() - 1, first: 0, count, x, y }));
    }

    /// Draws everything, and tells what it is for those who have it read to them.
    pub fn draw(&self, pdf: &mut Pdf, fonts: &mut Fonts, parts: Vec<Part>) -> Result<Vec<Node>, PdfError> {
        let mut identifiers: Vec<Option<Identifier>> = vec![None; self.inks.len()];
        for page in 0..=self.page {
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(PdfError::Geometry)?;
            let mut sheet = pdf.start_page_with(settings);
            let mut surface = sheet.surface();
            for (_, ornament) in self.ornaments.iter().filter(|(of, _)| *of == page) {
                surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)));
                self.draw_ink(&mut surface, fonts, ornament);
                surface.end_tagged();
            }
            for (place, (_, ink)) in self.inks.iter().enumerate().filter(|(_, (of, _))| *of == page) {
                let tag = match ink {
                    Ink::Text { .. } => ContentTag::Span(SpanTag::empty()),
                    _ => ContentTag::Other,
                };
                identifiers[place] = Some(surface.start_tagged(tag));
                self.draw_ink(&mut surface, fonts, ink);
                surface.end_tagged();
            }
            surface.finish();
            sheet.finish();
        }
        Ok(parts.into_iter().filter_map(|part| node(part, &mut identifiers)).collect())
    }

    fn draw_ink(&self, surface: &mut Surface<'_>, fonts: &mut Fonts, ink: &Ink) {
        match ink {
            Ink::Text { block, first, count, x, y } => {
                let Some(block) = self.blocks.get(*block) else { return };
                surface.set_fill(Some(paint(block.style.color)));
                for line in block.layout.lines().skip(*first).take(*count) {
                    let baseline = y + line.metrics().baseline;
                    for letters in fonts.letters(&line) {
                        let start = Point::from_xy(x + letters.x, baseline);
                        surface.draw_glyphs(start, &letters.glyphs, letters.font, &block.text, letters.size, false);
                    }
                }
            }
            Ink::Fill { x, y, width, height, color } => {
                surface.set_fill(Some(paint(*color)));
                rectangles(surface, [(*x, *y, *width, *height)]);
            }
            Ink::Code { x, y, size, squares } => {
                surface.set_fill(Some(paint((0, 0, 0))));
                // A code has at most 177 squares a side.
                let side = size / f32::from(u16::try_from(squares.len()).unwrap_or(1));
                let place = |index: usize| f32::from(u16::try_from(index).unwrap_or(0));
                let dark = squares.iter().enumerate().flat_map(|(row, squares)| {
                    let dark = squares.iter().enumerate().filter(|(_, is_dark)| **is_dark);
                    dark.map(move |(column, _)| (x + place(column) * side, y + place(row) * side, side, side))
                });
                rectangles(surface, dark);
            }
            Ink::Picture { x, y, width, height, logo } => logo.draw(surface, *x, *y, *width, *height),
        }
    }
}

fn rectangles(surface: &mut Surface<'_>, all: impl IntoIterator<Item = (f32, f32, f32, f32)>) {
    let mut path = PathBuilder::new();
    for (x, y, width, height) in all {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            path.push_rect(rect);
        }
    }
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}

fn paint((red, green, blue): Color) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}

/// A part as the document's structure has it; nothing if it is empty.
fn node(part: Part, identifiers: &mut [Option<Identifier>]) -> Option<Node> {
    match part {
        Part::Ink(place) => identifiers.get_mut(place)?.take().map(Node::from),
        Part::Group(kind, parts) => {
            let children: Vec<Node> = parts.into_iter().filter_map(|part| node(part, identifiers)).collect();
            (!children.is_empty()).then(|| Node::from(TagGroup::with_children(kind, children)))
        }
    }
}
