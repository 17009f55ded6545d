//! Mails: what they say in each language, and that nothing in them can be taken for something else.

use jiff::civil::date;
use perennial_billing::{AmountRules, DocumentKind, Money, Rate, TaxCategory, TaxProfile};
use perennial_render::document::{Document, Party, Payment};
use perennial_render::mail::{
    Attachment, Envelope, Letter, LetterKind, MAX_SUBJECT_CHARACTERS, Mailbox, MessageError, NewPrice, PriceNotice,
    TemplateError, TemplateName, TemplatePart, Templates, Written, check_address,
};
use perennial_render::pdf::Brand;
use perennial_render::sample::{Issuer, sample};
use perennial_render::words;

fn issuer() -> Issuer {
    let rate = Rate::from_parts_per_million(250_000);
    Issuer {
        seller: Party {
            name: "Norrsken & Söner <AB>".to_owned(),
            address1: "Hamngatan 12".to_owned(),
            postcode: "852 29".to_owned(),
            city: "Sundsvall".to_owned(),
            country: "SE".to_owned(),
            email: "faktura@norrsken.example".to_owned(),
            ..Party::default()
        },
        payment: Payment { bankgiro: Some("5050-1055".parse().unwrap()), ..Payment::default() },
        currency: "SEK".parse().unwrap(),
        tax: TaxProfile { country: "SE".parse().unwrap(), category: TaxCategory::S, rate },
        contained: rate,
        rules: AmountRules::default(),
        day: date(2026, 11, 23),
    }
}

fn document(kind: DocumentKind, language: &str) -> Document {
    sample(&issuer(), kind, language).unwrap()
}

fn letter(kind: LetterKind, language: &str) -> Letter {
    let of = |kind| {
        let document = document(kind, language);
        Letter::Document { open: document.to_pay(), document: Box::new(document) }
    };
    match kind {
        LetterKind::Invoice => of(DocumentKind::Invoice),
        LetterKind::CreditNote => of(DocumentKind::CreditNote),
        LetterKind::Deposit => of(DocumentKind::Deposit),
        LetterKind::Reminder => {
            let mut document = document(DocumentKind::Invoice, language);
            document.reminded_on = Some(date(2026, 12, 20));
            Letter::Document { open: Money::new(10_050, document.currency), document: Box::new(document) }
        }
        LetterKind::PriceNotice => {
            let document = document(DocumentKind::Invoice, language);
            let price = |minor| Money::new(minor, document.currency);
            let from = date(2027, 3, 1);
            Letter::PriceNotice(Box::new(PriceNotice {
                prices: vec![NewPrice { service: "VPS <S>".to_owned(), old: price(10_000), new: price(11_000), from }],
                seller: document.seller.clone(),
                customer: document.buyer.clone(),
                customer_number: "1001".to_owned(),
                language: language.to_owned(),
                more: 2,
                includes_tax: false,
            }))
        }
    }
}

fn written(kind: LetterKind, language: &str) -> Written {
    letter(kind, language).write(&Templates::default(), &Brand::default()).unwrap()
}

fn envelope() -> Envelope {
    Envelope {
        from: Mailbox { name: "Norrsken".to_owned(), email: "faktura@norrsken.example".to_owned() },
        to: Mailbox { name: "Anna Ek".to_owned(), email: "anna@example.com".to_owned() },
        copies: vec!["books@example.com".to_owned()],
        message_id: "<1.1.abc@norrsken.example>".to_owned(),
        date: "2026-11-23T11:00:00Z".parse().unwrap(),
    }
}

#[test]
fn every_mail_says_what_it_is_about_in_every_language() {
    let mut openings = Vec::new();
    for words in words::ALL {
        let total = words.money(document(DocumentKind::Invoice, words.language).total);
        for kind in LetterKind::ALL {
            let Written { subject, text, html } = written(kind, words.language);
            let about = format!("{kind} in {}: {subject}\n{text}", words.language);
            assert!(subject.contains("Norrsken & Söner <AB>"), "{about}");
            assert!(html.contains("Norrsken &amp; Söner &lt;AB&gt;") && !html.contains("<AB>"), "{about}");
            for part in [&subject, &text, &html] {
                assert!(!part.contains("{}") && !part.contains("{{") && !part.contains("none"), "{about}\n{html}");
            }
            let facts: &[&str] = match kind {
                LetterKind::Reminder => &["SAMPLE-00001", &words.money(Money::new(10_050, "SEK".parse().unwrap()))],
                LetterKind::PriceNotice => &["VPS", "100", "110", &words.day(date(2027, 3, 1))],
                _ => &["SAMPLE-00001", &total],
            };
            let html_text = html.replace("&#x2f;", "/");
            for fact in facts {
                assert!(text.contains(fact) && html_text.contains(fact), "{fact}: {about}");
            }
            // Only who has to pay is told how.
            let pays = !matches!(kind, LetterKind::CreditNote | LetterKind::PriceNotice);
            assert_eq!(text.contains("5050-1055"), pays, "{about}");
            assert!(html.starts_with("<!doctype html>") && html.contains(&format!("lang=\"{}\"", words.language)));
            openings.push(text.lines().nth(2).unwrap().to_owned());
        }
    }
    let all = openings.len();
    openings.sort();
    openings.dedup();
    assert_eq!(openings.len(), all, "no two languages and mails say the same");
}

#[test]
fn a_mail_about_what_is_paid_asks_for_nothing() {
    let document = document(DocumentKind::Invoice, "en");
    let open = Money::zero(document.currency);
    let paid = Letter::Document { document: Box::new(document.clone()), open };
    let text = paid.write(&Templates::default(), &Brand::default()).unwrap().text;
    assert!(text.contains("It is paid already") && !text.contains("5050-1055"), "{text}");
    let part = Letter::Document { open: Money::new(10_000, document.currency), document: Box::new(document) };
    let text = part.write(&Templates::default(), &Brand::default()).unwrap().text;
    assert!(text.contains("Already paid: 3,685.63") && text.contains("To pay: 100.00"), "{text}");
}

#[test]
fn the_same_letter_gives_the_same_bytes_and_its_parts_cannot_be_mistaken() {
    let written = written(LetterKind::Invoice, "fr");
    let files = || {
        // What would end a part, if it were not encoded.
        let bytes = b"--=_mixed_1.1.abcnorrsken.example--\r\n".repeat(20);
        vec![Attachment { name: "F\u{e4}ktura \"1\".pdf".to_owned(), kind: "application/pdf", bytes }]
    };
    let sealed = envelope().seal(&written, None, files()).unwrap();
    assert_eq!(sealed, envelope().seal(&written, None, files()).unwrap());
    let text = String::from_utf8(sealed).expect("ASCII");
    assert!(text.is_ascii());
    assert_eq!(text.matches("--=_mixed_1.1.abcnorrsken.example").count(), 3, "two parts, and the end");
    assert!(text.lines().all(|line| line.len() <= 998), "RFC 5322, section 2.1.1");
    assert!(text.contains("Date: Mon, 23 Nov 2026 11:00:00 +0000\r\n"));
    assert!(text.contains("Message-ID: <1.1.abc@norrsken.example>\r\n"));
}

#[test]
fn nobody_writes_headers_by_what_they_are_called() {
    let mut hostile = envelope();
    hostile.to.name = "Anna\r\nBcc: all@example.com\r\n\r\nHello".to_owned();
    hostile.from.name = "Norrsken\nX-Spam: no".to_owned();
    let written =
        Written { subject: "Invoice\r\nBcc: all@example.com".to_owned(), ..written(LetterKind::Invoice, "en") };
    let text = String::from_utf8(hostile.seal(&written, None, Vec::new()).unwrap()).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap();
    let names: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap())
        .collect();
    let expected =
        ["Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "Cc", "MIME-Version", "Content-Type"];
    assert_eq!(names, expected, "{head}");
    for address in ["", "anna", "anna@", "@example.com", "anna@example.com\r\nRCPT TO:<x@y.z>", "a b@example.com"] {
        assert_eq!(check_address(address), Err(MessageError::Address(address.to_owned())));
    }
    check_address("anna@example.com").unwrap();
    check_address("åsa@exämple.se").unwrap();
}

#[test]
fn a_picture_goes_along_if_the_text_shows_it() {
    let logo = include_bytes!("papers/logo.jpg");
    let brand = Brand { logo: Some(logo.to_vec()), accent: (1, 2, 254), ..Brand::default() };
    let written = letter(LetterKind::Invoice, "sv").write(&Templates::default(), &brand).unwrap();
    assert!(written.html.contains("src=\"cid:logo@perennial\"") && written.html.contains("#0102fe"));
    let mail = String::from_utf8(envelope().seal(&written, Some(logo), Vec::new()).unwrap()).unwrap();
    assert!(mail.contains("Content-ID: <logo@perennial>") && mail.contains("image/jpeg"));
    let plain = Written { html: "<p>No picture".to_owned(), ..written };
    let mail = String::from_utf8(envelope().seal(&plain, Some(logo), Vec::new()).unwrap()).unwrap();
    assert!(!mail.contains("image/jpeg"));
}

#[test]
fn templates_have_names_and_the_nearest_is_used() {
    let name = |text| TemplateName::read(text);
    let known = TemplateName { kind: LetterKind::Reminder, language: Some("nb"), part: TemplatePart::Text };
    assert_eq!(name("reminder.nb.txt"), Ok(known));
    for wrong in ["", "invoice", "invoice.pdf", "invoice.xx.txt", "invoice.sv.de.txt", "Invoice.txt", "invoice..txt"] {
        assert_eq!(name(wrong), Err(TemplateError::Name(wrong.to_owned())));
    }
    let own = |name: &str, body: &str| (name.to_owned(), body.to_owned());
    let templates = Templates::with([
        own("invoice.txt", "all {{ document.total }}"),
        own("invoice.sv.txt", "svenska {{ document.lines|length }}"),
        own("invoice.subject", "{% for x in range(300) %}x {% endfor %}\n\u{7}y"),
        own("credit-note.html", "{{ wrong }}"),
    ]);
    let write = |kind, language| letter(kind, language).write(&templates, &Brand::default());
    assert_eq!(write(LetterKind::Invoice, "en").unwrap().text, "all 3,785.63\u{a0}SEK");
    let swedish = write(LetterKind::Invoice, "sv-SE").unwrap();
    assert_eq!(swedish.text, "svenska 4");
    assert_eq!(swedish.subject.chars().count(), MAX_SUBJECT_CHARACTERS);
    assert!(!swedish.subject.contains(char::is_control));
    let wrong = write(LetterKind::CreditNote, "en").unwrap_err();
    assert_eq!(wrong.to_string(), "template credit-note.html: line 1: undefined value");
    // One that goes on and on is stopped.
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    let templates = Templates::with([own("deposit.html", endless)]);
    let stopped = letter(LetterKind::Deposit, "en").write(&templates, &Brand::default()).unwrap_err();
    assert!(stopped.to_string().contains("fuel"), "{stopped}");
    assert!(write(LetterKind::Deposit, "en").is_ok());
}
