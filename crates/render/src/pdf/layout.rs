//! Where what stands on a document.

use std::num::NonZeroU16;

use krilla::tagging::{TableHeaderScope, Tag};
use perennial_billing::DocumentKind;

use super::fonts::{Block, Color, Fonts, Style};
use super::logo::Logo;
use super::sheet::{HEIGHT, INNER, MARGIN, Part, Sheets, WIDTH};
use super::{Brand, Column};
use crate::document::{Document, Line};
use crate::qr::{payment_code, squares};
use crate::words::{Words, fill};

const BLACK: Color = (24, 24, 27);
const GREY: Color = (95, 99, 107);
const PALE: Color = (243, 244, 246);
const RULE: Color = (214, 217, 222);
/// Sizes of letters, in points.
const SMALL: f32 = 7.5;
const NORMAL: f32 = 9.0;
const LARGE: f32 = 20.0;
/// Between what flows and the foot.
const ABOVE_FOOT: f32 = 26.0;
/// What stays white under the foot.
const BELOW_FOOT: f32 = 30.0;
/// Widths of columns.
const AMOUNT_WIDTH: f32 = 82.0;
const GAP: f32 = 8.0;
/// Above and below the text of a row.
const ROW_PADDING: f32 = 4.0;
/// The right half of the page.
const HALF: f32 = MARGIN + INNER / 2.0 + 12.0;
const HALF_WIDTH: f32 = INNER / 2.0 - 12.0;
/// The foot, beside the page's number.
const FOOT_WIDTH: f32 = INNER - 90.0;
/// A payment code's side, with its border.
const CODE_SIZE: f32 = 108.0;
/// The most room that a logo gets.
const LOGO_WIDTH: f32 = 180.0;
const LOGO_HEIGHT: f32 = 48.0;

/// A document that is being set.
pub(super) struct Layout<'a> {
    pub document: &'a Document,
    pub brand: &'a Brand,
    pub words: &'static Words,
    pub fonts: &'a mut Fonts,
    pub sheets: &'a mut Sheets,
    /// Where pages end for what flows: above the foot.
    pub bottom: f32,
}

/// A name and what it stands for, not yet set.
struct Pair {
    name: Block,
    value: Block,
    height: f32,
}

fn style(size: f32, color: Color) -> Style {
    Style { size, is_bold: false, color, is_right: false }
}

fn bold(style: Style) -> Style {
    Style { is_bold: true, ..style }
}

fn right(style: Style) -> Style {
    Style { is_right: true, ..style }
}

fn paragraph(parts: Vec<Part>) -> Part {
    Part::Group(Tag::P.into(), parts)
}

impl Layout<'_> {
    /// Sets all of it; what it gives is the document as it is read.
    pub fn set(mut self, logo: Option<Logo>) -> Vec<Part> {
        let foot = self.foot();
        let foot_top = HEIGHT - BELOW_FOOT - self.block(&foot, style(SMALL, GREY), FOOT_WIDTH).height();
        self.bottom = foot_top - ABOVE_FOOT;
        let mut parts = self.head(logo);
        parts.extend(self.parties());
        parts.extend(self.notes());
        parts.push(self.lines());
        parts.extend(self.totals());
        parts.extend(self.wordings());
        parts.extend(self.payment());
        self.feet(&foot, foot_top);
        parts
    }

    fn block(&mut self, text: &str, style: Style, width: f32) -> Block {
        self.fonts.block(text, style, width)
    }

    /// Sets a text here.
    fn text(&mut self, text: &str, style: Style, x: f32, y: f32, width: f32) -> (Part, f32) {
        let block = self.block(text, style, width);
        let height = block.height();
        (self.sheets.text(block, x, y), height)
    }

    /// Makes room for so much on one page.
    fn room(&mut self, height: f32) {
        if self.sheets.y + height > self.bottom && self.sheets.y > MARGIN {
            self.continued();
            self.sheets.turn();
        }
    }

    /// Who it is from, and what it is.
    fn head(&mut self, logo: Option<Logo>) -> Vec<Part> {
        let mut parts = Vec::new();
        let top = self.sheets.y;
        let mut height = LARGE;
        match logo {
            Some(logo) => {
                let (width, tall) = logo.size();
                let scale = (LOGO_WIDTH / width).min(LOGO_HEIGHT / tall);
                let (width, tall) = (width * scale, tall * scale);
                let picture = self.sheets.picture(logo, MARGIN, top, width, tall);
                parts.push(logo_part(picture, &self.document.seller.name));
                height = height.max(tall);
            }
            None => {
                let name = bold(style(15.0, self.brand.accent));
                let (name, tall) = self.text(&self.document.seller.name, name, MARGIN, top, HALF_WIDTH);
                parts.push(paragraph(vec![name]));
                height = height.max(tall);
            }
        }
        let title = match self.document.reminded_on {
            Some(_) => self.words.reminder,
            None => self.words.title(self.document.kind),
        };
        let (title, tall) = self.text(title, bold(right(style(LARGE, BLACK))), HALF, top - 4.0, HALF_WIDTH);
        let level = NonZeroU16::MIN;
        parts.push(Part::Group(Tag::Hn(level, None).into(), vec![title]));
        self.sheets.y += height.max(tall) + 22.0;
        parts
    }

    /// Whom it is for, and the facts.
    fn parties(&mut self) -> Vec<Part> {
        let top = self.sheets.y;
        let mut buyer = self.document.buyer.address();
        // Letters within a country do not name it.
        if self.document.buyer.country == self.document.seller.country {
            buyer.pop();
        }
        let buyer = buyer.join("\n");
        let (buyer, left) = self.text(&buyer, style(10.5, BLACK), MARGIN, top, HALF_WIDTH - 12.0);
        let mut parts = vec![paragraph(vec![buyer])];
        let mut y = top;
        let mut rows = Vec::new();
        for (name, value) in self.facts() {
            let value_width = HALF_WIDTH - 112.0;
            let pair = self.pair((name, style(NORMAL, GREY), 108.0), (&value, style(NORMAL, BLACK), value_width));
            let height = pair.height + 2.0;
            rows.push(self.put(pair, HALF, HALF + 112.0, y));
            y += height;
        }
        parts.push(Part::Group(Tag::Table.into(), rows));
        self.sheets.y = (top + left).max(y) + 20.0;
        parts
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let (document, words) = (self.document, self.words);
        let number = if document.reminded_on.is_some() { words.invoice } else { words.number };
        let mut facts = vec![(number, document.number.clone()), (words.date, words.day(document.issued_on))];
        facts.extend(document.reminded_on.map(|day| (words.reminder, words.day(day))));
        if document.kind != DocumentKind::CreditNote {
            facts.push((words.due, words.day(document.due_on)));
        }
        facts.push((words.customer, document.buyer_reference.clone()));
        facts.push((words.attention, document.buyer.contact.clone()));
        facts.push((words.your_vat_number, document.buyer.vat_number.clone()));
        facts.push((words.company_number, document.buyer.company_number.clone()));
        facts.retain(|(_, value)| !value.trim().is_empty());
        facts
    }

    /// What it corrects, and why.
    fn notes(&mut self) -> Vec<Part> {
        let mut texts = Vec::new();
        if let Some(corrected) = &self.document.corrects {
            let day = self.words.day(corrected.issued_on);
            texts.push(fill(self.words.corrects, &[&corrected.number, &day]));
        }
        texts.push(self.document.note.clone());
        let parts = self.paragraphs(&texts, style(NORMAL, BLACK));
        if !parts.is_empty() {
            self.sheets.y += 6.0;
        }
        parts
    }

    /// Paragraphs over the whole width, which may go on on the next page.
    fn paragraphs(&mut self, texts: &[String], style: Style) -> Vec<Part> {
        let mut parts = Vec::new();
        for text in texts.iter().filter(|text| !text.trim().is_empty()) {
            let block = self.block(text, style, INNER);
            let flowed = self.sheets.flow(block, MARGIN, self.bottom);
            parts.push(paragraph(flowed));
            self.sheets.y += 5.0;
        }
        parts
    }

    /// The columns after the text: what they are called, their width, and what they say of a line.
    fn columns(&self) -> Vec<(&'static str, f32, Option<Column>)> {
        let words = self.words;
        let chosen = self.brand.columns.iter().map(|column| match column {
            Column::Quantity => (words.quantity, 48.0, Some(*column)),
            Column::Price => (words.price, 70.0, Some(*column)),
            Column::Vat => (words.vat, 44.0, Some(*column)),
        });
        chosen.chain([(words.amount, AMOUNT_WIDTH, None)]).collect()
    }

    fn lines(&mut self) -> Part {
        let columns = self.columns();
        let widths: f32 = columns.iter().map(|(_, width, _)| width + GAP).sum();
        let text_width = INNER - widths - 2.0 * GAP;
        let mut rows = vec![self.table_head(&columns, text_width)];
        for place in 0..self.document.lines.len() {
            let line = &self.document.lines[place];
            let (description, detail) = (line.description.clone(), line.detail(self.words));
            let cells: Vec<String> = columns.iter().map(|(_, _, column)| self.cell(line, *column)).collect();
            let look = right(style(NORMAL, BLACK));
            let cells: Vec<Block> =
                columns.iter().zip(&cells).map(|((_, width, _), cell)| self.block(cell, look, *width)).collect();
            let description = self.block(&description, style(NORMAL, BLACK), text_width);
            let detail = detail.map(|detail| self.block(&detail, style(SMALL, GREY), text_width));
            let text = description.height() + detail.as_ref().map_or(0.0, Block::height);
            let height = cells.iter().map(Block::height).fold(text, f32::max) + 2.0 * ROW_PADDING;
            if self.sheets.y + height > self.bottom {
                self.continued();
                self.sheets.turn();
                rows.push(self.table_head(&columns, text_width));
            }
            rows.push(self.row(&columns, description, detail, cells, height));
        }
        self.sheets.y += 10.0;
        Part::Group(Tag::Table.into(), rows)
    }

    fn table_head(&mut self, columns: &[(&'static str, f32, Option<Column>)], text_width: f32) -> Part {
        let top = self.sheets.y;
        let head = bold(style(SMALL, self.brand.accent));
        let first = self.block(self.words.description, head, text_width);
        let height = first.height() + 2.0 * ROW_PADDING;
        self.sheets.fill(MARGIN, top, INNER, height, PALE);
        let y = top + ROW_PADDING;
        let th = |part| Part::Group(Tag::TH(TableHeaderScope::Column).into(), vec![part]);
        let mut cells = vec![th(self.sheets.text(first, MARGIN + GAP, y))];
        let mut x = MARGIN + 2.0 * GAP + text_width;
        for (name, width, _) in columns {
            let block = self.block(name, right(head), *width);
            cells.push(th(self.sheets.text(block, x, y)));
            x += width + GAP;
        }
        self.sheets.y += height;
        Part::Group(Tag::TR.into(), cells)
    }

    fn row(
        &mut self,
        columns: &[(&'static str, f32, Option<Column>)],
        description: Block,
        detail: Option<Block>,
        cells: Vec<Block>,
        height: f32,
    ) -> Part {
        let y = self.sheets.y + ROW_PADDING;
        let widths: f32 = columns.iter().map(|(_, width, _)| width + GAP).sum();
        let below = y + description.height();
        let mut texts = vec![self.sheets.text(description, MARGIN + GAP, y)];
        texts.extend(detail.map(|detail| self.sheets.text(detail, MARGIN + GAP, below)));
        let td = |parts| Part::Group(Tag::TD.into(), parts);
        let mut row = vec![td(texts)];
        let mut x = MARGIN + INNER - widths;
        for ((_, width, _), cell) in columns.iter().zip(cells) {
            row.push(td(vec![self.sheets.text(cell, x, y)]));
            x += width + GAP;
        }
        self.sheets.y += height;
        self.sheets.fill(MARGIN, self.sheets.y - 0.25, INNER, 0.5, RULE);
        Part::Group(Tag::TR.into(), row)
    }

    fn cell(&self, line: &Line, column: Option<Column>) -> String {
        let words = self.words;
        match column {
            Some(Column::Quantity) => words.number(&line.quantity.to_string()),
            Some(Column::Price) => words.amount(line.unit_price),
            Some(Column::Vat) => line.tax_rate(words),
            None => words.amount(line.gross.unwrap_or(line.net)),
        }
    }

    fn continued(&mut self) {
        let block = self.block(self.words.continued, right(style(SMALL, GREY)), INNER);
        self.sheets.running(self.sheets.page, block, MARGIN, self.bottom + 4.0);
    }

    /// What it comes to.
    fn totals(&mut self) -> Vec<Part> {
        let (document, words) = (self.document, self.words);
        let sums = document.sums(words);
        let last = document.last_sum(words);
        let value_width = AMOUNT_WIDTH + 30.0;
        let name_width = HALF_WIDTH - value_width - 3.0 * GAP;
        let mut rows = Vec::new();
        for (name, value) in &sums {
            rows.push(
                self.pair((name, style(NORMAL, BLACK), name_width), (value, right(style(NORMAL, BLACK)), value_width)),
            );
        }
        let strong = bold(style(11.0, (255, 255, 255)));
        let last = self.pair((last.0, strong, name_width), (&last.1, right(strong), value_width));
        self.room(rows.iter().map(|row| row.height + 3.0).sum::<f32>() + last.height + 27.0);
        let (left, value_x) = (HALF + GAP, MARGIN + INNER - GAP - value_width);
        let mut parts = Vec::new();
        for row in rows {
            let height = row.height + 3.0;
            let y = self.sheets.y;
            parts.push(self.put(row, left, value_x, y));
            self.sheets.y += height;
        }
        let (y, height) = (self.sheets.y + 4.0, last.height + 9.0);
        self.sheets.fill(HALF, y, HALF_WIDTH, height, self.brand.accent);
        parts.push(self.put(last, left, value_x, y + 4.5));
        self.sheets.y = y + height + 14.0;
        vec![Part::Group(Tag::Table.into(), parts)]
    }

    /// A name and what it stands for, beside each other: each with its look and the width it has.
    fn pair(&mut self, name: (&str, Style, f32), value: (&str, Style, f32)) -> Pair {
        let (name, value) = (self.block(name.0, name.1, name.2), self.block(value.0, value.1, value.2));
        Pair { height: name.height().max(value.height()), name, value }
    }

    /// Sets them here, as a row of a table.
    fn put(&mut self, pair: Pair, name_x: f32, value_x: f32, y: f32) -> Part {
        let name = self.sheets.text(pair.name, name_x, y);
        let value = self.sheets.text(pair.value, value_x, y);
        let head = Part::Group(Tag::TH(TableHeaderScope::Row).into(), vec![name]);
        Part::Group(Tag::TR.into(), vec![head, Part::Group(Tag::TD.into(), vec![value])])
    }

    /// What the law wants to be said, and what the seller wants to say.
    fn wordings(&mut self) -> Vec<Part> {
        let (document, words) = (self.document, self.words);
        let mut texts: Vec<String> = Vec::new();
        for tax in &document.taxes {
            let reason = tax.reason(words.language).unwrap_or_default();
            if !texts.contains(&reason) {
                texts.push(reason);
            }
        }
        if let Some(home) = &document.home_tax {
            let currency = home.tax.currency.code();
            let (tax, rate, day) = (words.amount(home.tax), words.number(&home.rate), words.day(home.rate_on));
            texts.push(fill(words.home_tax, &[currency, &tax, &rate, &day, &home.source]));
        }
        texts.push(self.brand.closing.clone());
        self.paragraphs(&texts, style(NORMAL, BLACK))
    }

    /// How it is paid.
    fn payment(&mut self) -> Vec<Part> {
        let (document, words) = (self.document, self.words);
        let is_open = document.to_pay().minor > 0 && document.kind != DocumentKind::CreditNote;
        if !is_open {
            return Vec::new();
        }
        let ways = document.ways_to_pay(document.to_pay(), words);
        if ways.is_empty() {
            return Vec::new();
        }
        let squares = payment_code(document).and_then(|code| Some((code.kind, squares(&code.text)?)));
        let mut rows = Vec::new();
        for (name, value) in &ways {
            let name = (*name, style(NORMAL, GREY), 110.0);
            rows.push(self.pair(name, (value, bold(style(NORMAL, BLACK)), 220.0)));
        }
        let text_height = 30.0 + rows.iter().map(|row| row.height + 2.0).sum::<f32>();
        let height = if squares.is_some() { text_height.max(CODE_SIZE + 34.0) } else { text_height };
        self.room(height + 8.0);
        let top = self.sheets.y + 4.0;
        self.sheets.fill(MARGIN, top, INNER, height, PALE);
        self.sheets.fill(MARGIN, top, 3.0, height, self.brand.accent);
        let (title, _) = self.text(words.payment, bold(style(10.5, BLACK)), MARGIN + 14.0, top + 8.0, HALF_WIDTH);
        let mut parts = vec![paragraph(vec![title])];
        let mut y = top + 26.0;
        let mut set = Vec::new();
        for row in rows {
            let height = row.height + 2.0;
            set.push(self.put(row, MARGIN + 14.0, MARGIN + 128.0, y));
            y += height;
        }
        parts.push(Part::Group(Tag::Table.into(), set));
        if let Some((kind, squares)) = squares {
            let x = MARGIN + INNER - CODE_SIZE - 14.0;
            self.sheets.fill(x, top + 10.0, CODE_SIZE, CODE_SIZE, (255, 255, 255));
            let code = self.sheets.code(squares, x, top + 10.0, CODE_SIZE);
            let title = format!("{}: {}", kind.title(), words.scan);
            parts.push(Part::Group(Tag::Figure(Some(title)).into(), vec![code]));
            let look = Style { is_right: true, ..style(SMALL, GREY) };
            let (scan, _) = self.text(words.scan, look, x - 40.0, top + CODE_SIZE + 14.0, CODE_SIZE + 40.0);
            parts.push(paragraph(vec![scan]));
        }
        self.sheets.y = top + height + 8.0;
        parts
    }

    /// Who the seller is, for the foot of every page.
    fn foot(&self) -> String {
        let seller = &self.document.seller;
        let facts = seller.facts(self.words);
        let lines = [seller.address().join(", "), facts.join(" · "), self.brand.footer.clone()];
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        lines.join("\n")
    }

    /// Puts it there, with the page's number.
    fn feet(&mut self, text: &str, top: f32) {
        let words = self.words;
        let pages = self.sheets.page + 1;
        for page in 0..pages {
            let foot = self.block(text, style(SMALL, GREY), FOOT_WIDTH);
            self.sheets.running(page, foot, MARGIN, top);
            let place = fill(words.page, &[&(page + 1).to_string(), &pages.to_string()]);
            let place = self.block(&place, right(style(SMALL, GREY)), 84.0);
            self.sheets.running(page, place, WIDTH - MARGIN - 84.0, top);
            if page > 0 {
                let head = format!("{} {}", words.title(self.document.kind), self.document.number);
                let head = self.block(&head, right(style(SMALL, GREY)), INNER);
                self.sheets.running(page, head, MARGIN, MARGIN - 18.0);
            }
        }
    }
}

/// A logo, with what it shows.
pub(super) fn logo_part(picture: Part, name: &str) -> Part {
    Part::Group(Tag::Figure(Some(name.to_owned())).into(), vec![picture])
}
