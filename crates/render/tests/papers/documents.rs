//! Documents of many kinds, from few words.

use jiff::civil::{Date, date};
use perennial_billing::{
    AmountRules, Currency, DocumentKind, InvoiceId, Money, PaymentReference, Period, Quantity, Rate, ReferenceScheme,
    TaxCategory, TaxProfile, TaxedAmount,
};
use perennial_render::document::{Document, HomeTax, Line, Party, Payment, Preceding, Tax};

pub const DAY: Date = date(2026, 11, 26);

pub fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub fn seller() -> Party {
    Party {
        name: "Nordic Hosting AB".to_owned(),
        contact: String::new(),
        address1: "Storgatan 1".to_owned(),
        postcode: "111 22".to_owned(),
        city: "Stockholm".to_owned(),
        country: "SE".to_owned(),
        vat_number: "SE556677889901".to_owned(),
        company_number: "5566778899".to_owned(),
        email: "invoices@nordic.example".to_owned(),
        ..Party::default()
    }
}

pub fn buyer(country: &str, vat_number: &str) -> Party {
    Party {
        name: "Müller & Søn <Łódź>".to_owned(),
        contact: "Jürgen \"JJ\" Müller".to_owned(),
        address1: "Große Straße 7".to_owned(),
        address2: "2. OG".to_owned(),
        postcode: "10115".to_owned(),
        city: "Berlin".to_owned(),
        country: country.to_owned(),
        vat_number: vat_number.to_owned(),
        email: "books@mueller.example".to_owned(),
        ..Party::default()
    }
}

/// A document that bills lines: category, rate in per cent, quantity and price of one in minor units.
pub fn document(kind: DocumentKind, buyer: Party, money: &str, lines: &[(TaxCategory, &str, &str, i64)]) -> Document {
    let currency = currency(money);
    let period = Period { starts: date(2026, 12, 1), ends: date(2027, 1, 1) };
    let lines: Vec<Line> = lines
        .iter()
        .map(|(category, rate, quantity, price)| {
            let (quantity, unit_price) = (quantity.parse().unwrap(), Money::new(*price, currency));
            let rate = Rate::parse_percent(rate).unwrap();
            Line {
                description: "Webbhotell Start & domän exempel.se".to_owned(),
                quantity,
                unit_price,
                net: unit_price.times(quantity, AmountRules::default().rounding).unwrap(),
                gross: None,
                allowance: None,
                tax: TaxProfile { country: "SE".parse().unwrap(), category: *category, rate },
                period: Some(period),
            }
        })
        .collect();
    totalled(Document {
        kind,
        number: "202600001".to_owned(),
        issued_on: DAY,
        due_on: date(2026, 12, 10),
        currency,
        language: "en".to_owned(),
        note: String::new(),
        corrects: (kind == DocumentKind::CreditNote)
            .then(|| Preceding { number: "202600000".to_owned(), issued_on: date(2026, 11, 1) }),
        seller: seller(),
        buyer,
        buyer_reference: "1001".to_owned(),
        payment: payment(),
        taxes: Vec::new(),
        net: Money::zero(currency),
        tax: Money::zero(currency),
        rounding: Money::zero(currency),
        total: Money::zero(currency),
        paid: Money::zero(currency),
        reminded_on: None,
        home_tax: None,
        lines,
    })
}

pub fn payment() -> Payment {
    Payment {
        iban: Some("SE4550000000058398257466".parse().unwrap()),
        bic: Some("ESSESESS".parse().unwrap()),
        bankgiro: Some("5050-1055".parse().unwrap()),
        reference: Some(PaymentReference::of(ReferenceScheme::Ocr, InvoiceId(49_961))),
        ..Payment::default()
    }
}

/// With the sums of its lines, as the program makes them.
pub fn totalled(document: Document) -> Document {
    rounded(document, AmountRules::default())
}

pub fn rounded(mut document: Document, rules: AmountRules) -> Document {
    let mut lines: Vec<TaxedAmount> = document
        .lines
        .iter()
        .map(|line| TaxedAmount { tax: line.tax, contained: line.tax.rate, net: line.net, gross: None })
        .collect();
    let amounts = rules.amounts(document.currency, &mut lines).unwrap();
    document.taxes = amounts
        .tax_groups
        .iter()
        .map(|group| Tax {
            profile: group.profile,
            base: group.base,
            tax: group.tax,
            own_reason: "Article 151, Directive 2006/112/EC".to_owned(),
        })
        .collect();
    (document.net, document.tax, document.rounding, document.total) =
        (amounts.net, amounts.tax, amounts.rounding, amounts.total);
    document
}

/// Every kind of document that EN 16931 can express, by name.
pub fn all() -> Vec<(String, Document)> {
    use TaxCategory::{AE, E, G, K, O, S, Z};
    let mut all = Vec::new();
    for kind in [DocumentKind::Invoice, DocumentKind::CreditNote] {
        let mut add = |name: &str, document: Document| all.push((format!("{name}, {}", kind.as_str()), document));
        let german = || buyer("DE", "DE136695976");
        let consumer = || Party { contact: String::new(), ..buyer("SE", "") };
        add("at home", document(kind, consumer(), "SEK", &[(S, "25", "1", 9_900), (S, "25", "3", 1_234)]));
        add(
            "several rates",
            document(kind, consumer(), "SEK", &[(S, "25", "1", 9_900), (S, "12", "1", 1), (S, "6", "1", 333)]),
        );
        add("zero rated", document(kind, consumer(), "SEK", &[(Z, "0", "1", 9_900)]));
        add("exempt", document(kind, consumer(), "SEK", &[(E, "0", "1", 9_900), (S, "25", "1", 100)]));
        add("reverse charge", document(kind, german(), "EUR", &[(AE, "0", "1", 9_900), (AE, "0", "0.5", 333)]));
        add("goods to a company", document(kind, german(), "EUR", &[(K, "0", "2", 4_999)]));
        add("export", document(kind, buyer("US", ""), "USD", &[(G, "0", "1", 9_900)]));
        add("outside the scope", document(kind, consumer(), "SEK", &[(O, "0", "1", 9_900)]));
        add("no digits", document(kind, buyer("JP", ""), "JPY", &[(G, "0", "7", 1_200)]));
        add("half pieces", document(kind, consumer(), "SEK", &[(S, "25", "2.5", 333), (S, "25", "0.333333", 100)]));
        add(
            "given back and billed",
            document(kind, consumer(), "SEK", &[(S, "25", "-1", 6_774), (S, "25", "1", 16_935)]),
        );
        add("Finland's rate", document(kind, buyer("FI", ""), "EUR", &[(S, "25.5", "1", 9_999)]));
        let base = || document(kind, consumer(), "SEK", &[(S, "25", "2", 9_999)]);
        let mut with = base();
        with.lines[0].allowance = Some((Money::new(1_999, with.currency), "Coupon AUTUMN, 10 %".to_owned()));
        with.lines[0].net = Money::new(17_999, with.currency);
        add("an allowance", totalled(with));
        let whole = AmountRules { payable_step: 100, ..AmountRules::default() };
        add("rounded to crowns", rounded(base(), whole));
        let mut with = base();
        with.note = "Rättelse <av> fel & brister".to_owned();
        with.paid = Money::new(5_000, with.currency);
        add("paid in part, with a note", with);
        let mut with = document(kind, german(), "EUR", &[(S, "25", "1", 9_900)]);
        with.home_tax = Some(HomeTax {
            tax: Money::new(28_000, currency("SEK")),
            rate: "11.3".to_owned(),
            rate_on: DAY,
            source: "ECB".to_owned(),
        });
        add("VAT in crowns too", with);
        let mut with = base();
        with.lines[0].gross = Some(Money::new(24_998, with.currency));
        with.lines[0].unit_price = Money::new(12_499, with.currency);
        add("prices with VAT in them", with);
        let mut with = base();
        with.payment = Payment::default();
        add("nowhere to pay to", with);
        let mut with = base();
        with.lines[0].period = None;
        with.lines[0].quantity = Quantity::ONE;
        with.lines[0].net = with.lines[0].unit_price;
        add("a line without days", totalled(with));
        let mut with = document(kind, buyer("DK", "DK13585628"), "DKK", &[(S, "25", "1", 9_900)]);
        (with.seller.country, with.seller.vat_number, with.seller.company_number) =
            ("DK".to_owned(), "DK13585628".to_owned(), "13585628".to_owned());
        with.payment = Payment {
            fik: Some("80123456".parse().unwrap()),
            reference: Some(PaymentReference::of(ReferenceScheme::Fik71, InvoiceId(49_961))),
            ..Payment::default()
        };
        add("paid by FIK", with);
        let mut with = base();
        with.lines[0].gross = Some(Money::new(22_498, with.currency));
        with.lines[0].allowance = Some((Money::new(2_500, with.currency), "Coupon".to_owned()));
        with.lines[0].net = Money::new(17_998, with.currency);
        add("prices with VAT in them and a coupon", totalled(with));
        for (country, number) in [("NO", "NO995525828MVA"), ("CH", "CHE107787577"), ("GB", "GB980780684")] {
            let mut with = base();
            (with.seller.country, with.seller.vat_number) = (country.to_owned(), number.to_owned());
            with.seller.company_number = number.chars().filter(char::is_ascii_digit).collect();
            add(&format!("a seller in {country}"), with);
        }
    }
    all
}
