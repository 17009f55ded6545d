//! Documents on paper, as readers of PDF see them (`scripts/oracles/paper.py`): qpdf, poppler, pikepdf, zxing and factur-x.

use perennial_billing::{DocumentKind, InvoiceId, Money, PaymentReference, ReferenceScheme, TaxCategory};
use perennial_render::document::{Document, Line};
use perennial_render::einvoice::{Syntax, xml};
use perennial_render::pdf::{Brand, Column, PdfError, Press, check_logo};
use perennial_render::qr::{CodeKind, payment_code};
use perennial_render::words::{self, Words};

use crate::documents::{all, buyer, document, totalled};
use crate::judge::answers;

fn find(name: &str) -> Document {
    all().into_iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no document `{name}`")).1
}

/// A document in euros that can be paid by scanning.
fn payable() -> Document {
    let mut payable = find("reverse charge, invoice");
    payable.payment.bankgiro = None;
    payable.payment.reference = Some(PaymentReference::of(ReferenceScheme::Rf, InvoiceId(49_961)));
    payable
}

/// What others read in these documents, with their e-invoices; none if judges are to be left out.
fn read(documents: &[(String, Document)], brand: &Brand) -> Option<Vec<serde_json::Value>> {
    let folder = tempfile::tempdir().unwrap();
    let mut press = Press::new();
    let mut questions = Vec::new();
    for (place, (name, document)) in documents.iter().enumerate() {
        let inside = xml(document, Syntax::Cii).unwrap();
        let paper = press.pdf(document, brand, Some(&inside)).unwrap();
        let path = folder.path().join(format!("{place}.pdf"));
        std::fs::write(&path, &paper.bytes).unwrap();
        questions.push(serde_json::json!({ "name": name, "path": path, "xml": inside, "pages": paper.pages }));
    }
    let answers = answers("paper.py", questions)?;
    for answer in &answers {
        assert_eq!(answer["faults"], serde_json::json!([]), "{}", answer["name"]);
        assert_eq!(answer["outside"], serde_json::json!([]), "{}", answer["name"]);
    }
    Some(answers)
}

/// The text without the blanks that layout puts into it.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_document_is_a_sound_pdf_with_its_e_invoice_inside() {
    let documents = all();
    let Some(answers) = read(&documents, &Brand::default()) else { return };
    for ((name, document), answer) in documents.iter().zip(&answers) {
        let text = squeezed(answer["text"].as_str().unwrap());
        let words = Words::of("en");
        let to_pay = Money::new(document.total.minor - document.paid.minor, document.currency);
        for said in [words.title(document.kind), &document.number, &words.money(to_pay), &document.seller.vat_number] {
            assert!(text.contains(&squeezed(said)), "{name} does not say {said}: {text}");
        }
        for tax in &document.taxes {
            let reason = tax.reason("en").unwrap_or_default();
            assert!(text.contains(&squeezed(&reason)), "{name} does not say {reason}: {text}");
        }
    }
}

#[test]
fn every_language_has_its_words_and_its_code_can_be_scanned() {
    let documents: Vec<(String, Document)> = words::ALL
        .iter()
        .map(|words| (words.language.to_owned(), Document { language: words.language.to_owned(), ..payable() }))
        .collect();
    let Some(answers) = read(&documents, &Brand::default()) else { return };
    for ((language, document), answer) in documents.iter().zip(&answers) {
        let text = squeezed(answer["text"].as_str().unwrap());
        let words = Words::of(language);
        let reason = document.taxes[0].reason(language).unwrap();
        for said in [words.title(document.kind), &words.day(document.due_on), &words.money(document.total), &reason] {
            assert!(text.contains(&squeezed(said)), "{language} does not say {said}: {text}");
        }
        let code = payment_code(document).unwrap();
        assert_eq!((code.kind, &answer["codes"]), (CodeKind::Epc, &serde_json::json!([code.text])));
    }
}

#[test]
fn codes_say_what_their_guides_want() {
    let mut swish = find("at home, invoice");
    swish.payment.swish = Some("123 123 45 67".parse().unwrap());
    let mut swiss = document(DocumentKind::Invoice, buyer("DE", ""), "CHF", &[(TaxCategory::G, "0", "1", 19_995)]);
    swiss.payment.iban = Some("CH9300762011623852957".parse().unwrap());
    swiss.payment.reference = Some(PaymentReference::of(ReferenceScheme::Rf, InvoiceId(49_961)));
    let text = |document: &Document| payment_code(document).unwrap().text;
    assert_eq!(text(&swish), "C1231234567;170,03;4996179;0");
    assert_eq!(
        text(&payable()),
        "BCD\n002\n1\nSCT\nESSESESS\nNordic Hosting AB\nSE4550000000058398257466\nEUR100.67\n\nRF3649961"
    );
    insta::assert_snapshot!(text(&swiss));
    let documents = [("swish".to_owned(), swish), ("swiss".to_owned(), swiss)];
    let Some(answers) = read(&documents, &Brand::default()) else { return };
    for ((_, document), answer) in documents.iter().zip(&answers) {
        assert_eq!(answer["codes"], serde_json::json!([text(document)]));
    }
    // Nothing is to be paid, or in no currency that has a code.
    assert_eq!(payment_code(&find("at home, credit_note")), None);
    assert_eq!(payment_code(&find("no digits, invoice")), None);
}

#[test]
fn many_lines_go_on_under_the_same_head() {
    let mut many = find("at home, invoice");
    let line = many.lines[0].clone();
    let numbered =
        |nth: usize| Line { description: format!("Web hosting, customer-{nth}.example.net"), ..line.clone() };
    many.lines = (1..=200).map(numbered).collect();
    let Some(answers) = read(&[("many".to_owned(), totalled(many))], &Brand::default()) else { return };
    let text = answers[0]["text"].as_str().unwrap();
    let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
    assert!(pages.len() > 5, "{}", pages.len());
    for (place, page) in (1..).zip(&pages) {
        assert_eq!(page.contains("customer-"), page.contains("Description"), "page {place} has no head");
        assert!(page.contains(&format!("Page {place} of {}", pages.len())), "page {place} has no foot");
        assert_eq!(page.contains("Continued on the next page"), place < pages.len());
    }
    for nth in 1..=200 {
        assert_eq!(text.matches(&format!("customer-{nth}.example.net")).count(), 1, "line {nth}");
    }
}

#[test]
fn names_in_many_scripts_and_endless_words_have_letters() {
    let mut odd = payable();
    odd.buyer.name = "Müller Ελλάδα Україна 株式会社山田 한국어".to_owned();
    odd.buyer.address1 = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);
    odd.lines[0].description = format!("https://example.net/{}", "a".repeat(300));
    let paper = Press::new().pdf(&odd, &Brand::default(), None).unwrap();
    assert!(paper.missing.is_empty(), "the built-in fonts have them: {:?}", paper.missing);
    // A script that nobody has a font for, in the private part of Unicode.
    odd.buyer.name = "Tengwar \u{e000}\u{e001}".to_owned();
    let paper = Press::new().pdf(&odd, &Brand::default(), None).unwrap();
    assert_eq!(paper.missing, ['\u{e000}', '\u{e001}']);
    let Some(answers) = read(&[("odd".to_owned(), odd)], &Brand::default()) else { return };
    let text = squeezed(answers[0]["text"].as_str().unwrap());
    assert!(text.contains("Tengwar ??"), "{text}");
    assert!(text.matches('a').count() >= 300, "something is cut off: {text}");
}

#[test]
fn the_same_document_is_the_same_file() {
    let (document, brand) = (payable(), Brand::default());
    let inside = xml(&document, Syntax::Cii).unwrap();
    let mut press = Press::new();
    let first = press.pdf(&document, &brand, Some(&inside)).unwrap();
    press.pdf(&find("at home, credit_note"), &brand, None).unwrap();
    assert_eq!(press.pdf(&document, &brand, Some(&inside)).unwrap(), first);
    assert_eq!(Press::new().pdf(&document, &brand, Some(&inside)).unwrap(), first);
}

#[test]
fn a_seller_has_its_own_look() {
    // One red pixel.
    const PNG: &[u8] = &[
        0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1,
        8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 0x0c, b'I', b'D', b'A', b'T', 0x08, 0xd7, 0x63, 0xf8, 0xcf,
        0xc0, 0, 0, 3, 1, 1, 0, 0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
    ];
    let brand = Brand {
        accent: (180, 20, 20),
        logo: Some(PNG.to_vec()),
        footer: "Godkänd för F-skatt".to_owned(),
        closing: "Tack för att du är kund hos oss.".to_owned(),
        columns: vec![Column::Price],
    };
    check_logo(PNG).unwrap();
    let broken = Brand { logo: Some(b"GIF89a".to_vec()), ..brand.clone() };
    assert!(matches!(Press::new().pdf(&payable(), &broken, None), Err(PdfError::Logo(_))));
    let Some(answers) = read(&[("look".to_owned(), payable())], &brand) else { return };
    let text = squeezed(answers[0]["text"].as_str().unwrap());
    assert!(text.contains("Godkänd för F-skatt") && text.contains("Tack för att du är kund hos oss."), "{text}");
    assert!(text.contains("Price") && !text.contains("Quantity"), "{text}");
}

#[test]
fn a_logo_that_cannot_be_printed_is_refused_before_it_is_frozen() {
    // It brings metadata of its own, as picture programs write it.
    let photo: &[u8] = include_bytes!("logo.jpg");
    check_logo(photo).unwrap();
    let brand = Brand { logo: Some(photo.to_vec()), ..Brand::default() };
    read(&[("photo".to_owned(), payable())], &brand);

    let cmyk: &[u8] = include_bytes!("cmyk.jpg");
    for broken in [cmyk, &photo[..photo.len() / 2], b"\x89PNG\r\n\x1a\n", b"<svg/>", b""] {
        let told = check_logo(broken);
        assert!(matches!(told, Err(PdfError::Logo(_))), "{} bytes: {told:?}", broken.len());
    }
}

#[test]
fn a_logo_may_be_a_drawing_that_needs_nothing_from_outside() {
    const DRAWING: &str = r##"<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 60"><defs><linearGradient id="g"><stop stop-color="#174"/>
<stop offset="1" stop-color="#8c2"/></linearGradient></defs><g opacity="0.8"><rect width="60" height="60" rx="9" fill="url(#g)"/>
<path d="M70 50 L100 10 L130 50 Z" stroke="#123" stroke-width="3" fill="none"/></g></svg>"##;
    check_logo(DRAWING.as_bytes()).unwrap();
    let with = |what: &str| DRAWING.replace("</svg>", &format!("{what}</svg>"));
    let picture = "<image href=\"/etc/passwd\" width=\"9\" height=\"9\"/>";
    let entity = "<!DOCTYPE svg [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
    for (broken, why) in [
        (with("<text x=\"1\" y=\"9\">Norrsken</text>"), "convert it to paths"),
        (with(picture), "a picture in it"),
        (DRAWING.replace("<svg", &format!("{entity}<svg")).replace("#174", "&a;"), "it is no SVG"),
        (DRAWING.replace("</g>", ""), "it is no SVG"),
        ("<html><p>no</p></html>".to_owned(), "neither a PNG, a JPEG nor an SVG"),
    ] {
        let told = check_logo(broken.as_bytes()).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
    let brand = Brand { logo: Some(DRAWING.as_bytes().to_vec()), ..Brand::default() };
    let mut press = Press::new();
    let paper = press.pdf(&payable(), &brand, None).unwrap();
    assert_eq!(paper, press.pdf(&payable(), &brand, None).unwrap());
    read(&[("drawing".to_owned(), payable())], &brand);
}

#[test]
fn endless_numbers_addresses_and_feet_stay_on_their_page() {
    let mut odd = payable();
    odd.lines[0].quantity = "123456.789123".parse().unwrap();
    odd.lines[0].unit_price = Money::new(i64::MAX / 1_000, odd.currency);
    let long = |word: &str| vec![word; 40].join(" ");
    (odd.seller.name, odd.seller.address1, odd.seller.address2) = (long("Name"), long("Street"), long("Second"));
    (odd.seller.city, odd.seller.email, odd.seller.website) = (long("City"), long("mail"), long("site"));
    odd.buyer.name = long("Buyer");
    let brand = Brand { footer: long("foot"), closing: "Thank you. ".repeat(800), ..Brand::default() };
    let Some(answers) = read(&[("odd".to_owned(), odd)], &brand) else { return };
    let text = squeezed(answers[0]["text"].as_str().unwrap());
    assert!(text.contains("123,456.789123") || text.contains("123,456.7"), "{text}");
    assert_eq!(text.matches("SE556677889901").count() as u64, answers[0]["pages"].as_u64().unwrap());
}

#[test]
fn several_documents_are_one_file() {
    let (first, second) = (payable(), find("at home, credit_note"));
    let brand = Brand::default();
    let mut press = Press::new();
    let paper = press.bundle(&[(&first, &brand), (&second, &brand)]).unwrap();
    assert_eq!(paper.pages, 2);
    assert!(matches!(press.bundle(&[]), Err(PdfError::Nothing)));
}
