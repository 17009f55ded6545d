//! Letters: which font has them, and where lines end.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use parley::fontique::{Blob, Collection, CollectionOptions, SourceCache};
use parley::layout::{Alignment, AlignmentOptions, Layout, Line};
use parley::style::{FontFamily, FontFamilyName, FontWeight, LineHeight, OverflowWrap, StyleProperty};
use parley::{FontContext, LayoutContext};

/// Latin, Greek and Cyrillic letters, and Chinese, Japanese and Korean ones; see `fonts/README.md`.
static BUILT_IN: [&[u8]; 3] = [
    include_bytes!("../../fonts/Roboto-Regular.ttf"),
    include_bytes!("../../fonts/Roboto-Bold.ttf"),
    include_bytes!("../../fonts/DroidSansFallback.ttf"),
];
const FAMILIES: [FontFamilyName<'static>; 2] =
    [FontFamilyName::Named(Cow::Borrowed("Roboto")), FontFamilyName::Named(Cow::Borrowed("Droid Sans Fallback"))];
/// The distance of lines, as a multiple of the size of the letters.
const LINE_HEIGHT: f32 = 1.35;

/// Red, green and blue.
pub type Color = (u8, u8, u8);

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// In points.
    pub size: f32,
    pub is_bold: bool,
    pub color: Color,
    pub is_right: bool,
}

/// A text in lines.
pub(super) struct Block {
    pub layout: Layout<()>,
    pub text: String,
    pub style: Style,
}

impl Block {
    pub fn height(&self) -> f32 {
        self.layout.height()
    }

    pub fn line_count(&self) -> usize {
        self.layout.len()
    }
}

/// Letters of one font that stand beside each other.
pub(super) struct Letters {
    pub font: Font,
    pub size: f32,
    /// The left end, from that of the line.
    pub x: f32,
    pub glyphs: Vec<KrillaGlyph>,
}

/// The fonts that are built in, and those of the machine for letters that these lack.
pub(super) struct Fonts {
    context: FontContext,
    layouts: LayoutContext<()>,
    faces: HashMap<(u64, u32), Font>,
    /// Letters that no font has.
    missing: Vec<char>,
}

impl Fonts {
    pub fn new() -> Self {
        let mut collection = Collection::new(CollectionOptions { shared: false, system_fonts: true });
        for font in &BUILT_IN {
            collection.register_fonts(Blob::new(Arc::new(*font)), None);
        }
        Self { context: FontContext { collection, source_cache: SourceCache::default() }, ..Self::of_nothing() }
    }

    /// No fonts at all, for what has no letters.
    pub fn of_nothing() -> Self {
        let collection = Collection::new(CollectionOptions { shared: false, system_fonts: false });
        Self {
            context: FontContext { collection, source_cache: SourceCache::default() },
            layouts: LayoutContext::new(),
            faces: HashMap::new(),
            missing: Vec::new(),
        }
    }

    /// Letters that no font had, since this was last asked.
    pub fn take_missing(&mut self) -> Vec<char> {
        std::mem::take(&mut self.missing)
    }

    /// Sets a text in lines of at most this width. Letters that no font has are written in Latin ones.
    pub fn block(&mut self, text: &str, style: Style, width: f32) -> Block {
        let block = self.set(text, style, width);
        let lacking = lacking(&block);
        if lacking.is_empty() {
            return block;
        }
        let latin: String = text
            .chars()
            .map(|letter| match lacking.contains(&letter) {
                true => Cow::Borrowed(deunicode::deunicode_char(letter).unwrap_or("?")),
                false => Cow::Owned(letter.to_string()),
            })
            .collect();
        self.missing.extend(lacking);
        self.set(&latin, style, width)
    }

    fn set(&mut self, text: &str, style: Style, width: f32) -> Block {
        let mut builder = self.layouts.ranged_builder(&mut self.context, text, 1.0, false);
        builder.push_default(StyleProperty::FontFamily(FontFamily::List(Cow::Borrowed(&FAMILIES))));
        builder.push_default(StyleProperty::FontSize(style.size));
        builder.push_default(StyleProperty::LineHeight(LineHeight::FontSizeRelative(LINE_HEIGHT)));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        let weight = if style.is_bold { FontWeight::BOLD } else { FontWeight::NORMAL };
        builder.push_default(StyleProperty::FontWeight(weight));
        let mut layout: Layout<()> = builder.build(text);
        layout.break_all_lines(Some(width));
        let alignment = if style.is_right { Alignment::Right } else { Alignment::Start };
        layout.align(alignment, AlignmentOptions::default());
        Block { layout, text: text.to_owned(), style }
    }

    /// The letters of a line, font by font.
    pub fn letters(&mut self, line: &Line<'_, ()>) -> Vec<Letters> {
        let mut x = line.metrics().offset;
        let mut all = Vec::new();
        for run in line.runs() {
            let data = run.font();
            let face = self.faces.entry((data.data.id(), data.index));
            let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(data.data.clone());
            let font = match face {
                std::collections::hash_map::Entry::Occupied(known) => known.get().clone(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    let Some(font) = Font::new(bytes.into(), data.index) else { continue };
                    new.insert(font).clone()
                }
            };
            let size = run.font_size();
            let starts = x;
            let mut glyphs: Vec<KrillaGlyph> = Vec::new();
            // Where the letters run to the left, the rest of a ligature comes before its beginning.
            let mut rest: Option<usize> = None;
            for cluster in run.visual_clusters() {
                let mut range = cluster.text_range();
                if cluster.is_ligature_continuation() {
                    match glyphs.last_mut() {
                        _ if run.is_rtl() => rest = Some(rest.map_or(range.end, |end| end.max(range.end))),
                        Some(glyph) => glyph.text_range.end = range.end,
                        None => {}
                    }
                    continue;
                }
                if let Some(end) = rest.take() {
                    range.end = range.end.max(end);
                }
                for glyph in cluster.glyphs() {
                    let id = GlyphId::new(glyph.id);
                    let (advance, right, up) = (glyph.advance / size, glyph.x / size, glyph.y / size);
                    glyphs.push(KrillaGlyph::new(id, advance, right, up, 0.0, range.clone(), None));
                    x += glyph.advance;
                }
            }
            if !glyphs.is_empty() {
                all.push(Letters { font, size, x: starts, glyphs });
            }
        }
        all
    }
}

/// The letters that no font has.
fn lacking(block: &Block) -> Vec<char> {
    let mut lacking = Vec::new();
    for line in block.layout.lines() {
        for run in line.runs() {
            for cluster in run.clusters() {
                if cluster.glyphs().any(|glyph| glyph.id == 0) {
                    let text = block.text.get(cluster.text_range()).unwrap_or_default();
                    lacking.extend(text.chars().filter(|letter| !letter.is_control()));
                }
            }
        }
    }
    lacking
}
