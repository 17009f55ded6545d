//! What opens at a payment link: the document as a page, with how to pay it. There is no script in it, and nothing is loaded
//! from elsewhere; all that it shows is escaped.

use std::fmt::Write as _;

use crate::document::{Document, Line, Party};
use crate::qr::{PaymentCode, payment_code, squares};
use crate::words::{Words, fill};

/// How the pages look. They name the file that has it.
pub const STYLE: &str = include_str!("payment_page.css");

/// Where what a page needs is found, as it stands in the page.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// [`STYLE`].
    pub style: &'a str,
    /// The document as a PDF.
    pub pdf: &'a str,
}

/// The page of a document of which something is to be paid.
#[must_use]
pub fn payment_page(document: &Document, places: Places<'_>) -> String {
    let words = Words::of(&document.language);
    let title = format!("{} {}", words.title(document.kind), document.number);
    let facts = [
        (words.date, words.day(document.issued_on)),
        (words.due, words.day(document.due_on)),
        (words.customer, document.buyer_reference.clone()),
    ];
    let body = format!(
        "{head}{facts}{table}{payment}<p><a href=\"{pdf}\">{download}</a></p>",
        head = head(&document.seller.name, &title),
        facts = pairs(facts),
        table = table(document, words),
        payment = payment(document, words),
        pdf = escaped(places.pdf),
        download = escaped(words.download),
    );
    page(words, &format!("{title} – {}", document.seller.name), &body, &foot(&document.seller, words), places.style)
}

/// The page of a link that is not good any more; it says no more of the document than whom to ask.
#[must_use]
pub fn link_over_page(language: &str, seller: &Party, style: &str) -> String {
    let words = Words::of(language);
    let whom = [&seller.name, &seller.email].into_iter().filter(|text| !text.is_empty()).cloned();
    let advice = fill(words.link_over_advice, &[&whom.collect::<Vec<_>>().join(", ")]);
    let body = format!("{}<p>{}</p>", head(&seller.name, words.link_over), escaped(&advice));
    page(words, words.link_over, &body, "", style)
}

/// The page of a link that never was.
#[must_use]
pub fn link_unknown_page(language: &str, style: &str) -> String {
    let words = Words::of(language);
    let body = format!("<h1>{}</h1><p>{}</p>", escaped(words.link_unknown), escaped(words.link_unknown_advice));
    page(words, words.link_unknown, &body, "", style)
}

fn page(words: &Words, title: &str, body: &str, foot: &str, style: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\"><title>{title}</title>\
        <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
        <link rel=\"stylesheet\" href=\"{style}\"></head><body><main>{body}{foot}</main></body></html>\n",
        language = words.language,
        title = escaped(title),
        style = escaped(style),
    )
}

fn head(seller: &str, title: &str) -> String {
    format!("<header><p>{}</p><h1>{}</h1></header>", escaped(seller), escaped(title))
}

/// Names and what they stand for.
fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows = pairs.into_iter().map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(&value)));
    format!("<dl>{}</dl>", rows.collect::<String>())
}

/// The lines, and what they come to.
fn table(document: &Document, words: &Words) -> String {
    let lines: String = document.lines.iter().map(|line| row(line, words)).collect();
    let (last, to_pay) = document.last_sum(words);
    let sums = document.sums(words).into_iter().chain([(last.to_owned(), to_pay)]);
    let sums: String = sums
        .map(|(name, value)| {
            let (name, value) = (escaped(&name), escaped(&value));
            format!("<tr><th scope=\"row\" colspan=\"4\">{name}</th><td class=\"number\">{value}</td></tr>")
        })
        .collect();
    format!(
        "<table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\" class=\"number\">{}</th>\
        <th scope=\"col\" class=\"number wide\">{}</th><th scope=\"col\" class=\"number wide\">{}</th>\
        <th scope=\"col\" class=\"number\">{}</th></tr></thead><tbody>{lines}</tbody><tfoot>{sums}</tfoot></table>",
        escaped(words.description),
        escaped(words.quantity),
        escaped(words.price),
        escaped(words.vat),
        escaped(words.amount),
    )
}

fn row(line: &Line, words: &Words) -> String {
    let detail = line.detail(words).map(|detail| format!("<span class=\"detail\">{}</span>", escaped(&detail)));
    format!(
        "<tr><td>{}{}</td><td class=\"number\">{}</td><td class=\"number wide\">{}</td><td class=\"number wide\">{}</td>\
        <td class=\"number\">{}</td></tr>",
        escaped(&line.description),
        detail.unwrap_or_default(),
        escaped(&words.number(&line.quantity.to_string())),
        escaped(&words.amount(line.unit_price)),
        escaped(&line.tax_rate(words)),
        escaped(&words.amount(line.gross.unwrap_or(line.net))),
    )
}

/// Where to pay to, and the code that a telephone reads.
fn payment(document: &Document, words: &Words) -> String {
    let ways = document.ways_to_pay(document.to_pay(), words);
    if ways.is_empty() {
        return String::new();
    }
    let code = payment_code(document).and_then(|code| figure(&code, words)).unwrap_or_default();
    format!("<section><div><h2>{}</h2>{}</div>{code}</section>", escaped(words.payment), pairs(ways))
}

/// A payment code as a drawing: a path along the black squares of each row.
fn figure(code: &PaymentCode, words: &Words) -> Option<String> {
    let squares = squares(&code.text)?;
    let mut path = String::new();
    for (y, row) in squares.iter().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, next| one == next) {
            if run.first() == Some(&true) {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{x} {y}h{length}v1h-{length}z", length = run.len());
            }
            x += run.len();
        }
    }
    let side = squares.len();
    Some(format!(
        "<figure><svg viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{}\" shape-rendering=\"crispEdges\">\
        <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>\
        <figcaption>{}</figcaption></figure>",
        escaped(code.kind.title()),
        escaped(words.scan),
    ))
}

/// Who the seller is.
fn foot(seller: &Party, words: &Words) -> String {
    let (address, facts) = (seller.address().join(", "), seller.facts(words).join(" · "));
    let lines = [address, facts].into_iter().filter(|line| !line.is_empty());
    format!("<footer>{}</footer>", lines.map(|line| format!("<p>{}</p>", escaped(&line))).collect::<String>())
}

/// A text as it stands in HTML, in an attribute too.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
