//! Documents that nobody was sent, to look at.

use jiff::civil::Date;
use perennial_billing::{
    AmountOutOfRange, AmountRules, Currency, DocumentKind, Money, Period, Quantity, Rate, TaxProfile, TaxedAmount,
};

use crate::document::{Document, Line, Party, Payment, Preceding, Tax};

/// Who issues a sample, and how.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The seller.
    pub seller: Party,
    /// How it is paid.
    pub payment: Payment,
    /// Its currency.
    pub currency: Currency,
    /// How a consumer at home is taxed.
    pub tax: TaxProfile,
    /// The rate that prices contain, where they do.
    pub contained: Rate,
    /// How amounts are made.
    pub rules: AmountRules,
    /// Today.
    pub day: Date,
}

/// What is sold in a sample: a text, a price in whole units of the currency, how many.
const SOLD: [(&str, i64, &str); 4] = [
    ("VPS S vps20000.example.net", 1_196, "1"),
    ("Extra storage 50 GB", 348, "2"),
    ("example.net", 149, "1"),
    (
        "A longer text: managed backups, kept for ninety days in another place, with a copy by post every quarter",
        79,
        "12.5",
    ),
];

/// A sample of a kind in a language.
///
/// # Errors
/// [`AmountOutOfRange`] when its amounts do not fit into the currency.
pub fn sample(issuer: &Issuer, kind: DocumentKind, language: &str) -> Result<Document, AmountOutOfRange> {
    let Issuer { currency, day, tax, rules, .. } = *issuer;
    let ends = day.saturating_add(jiff::Span::new().years(1));
    let mut lines = Vec::new();
    for (text, price, pieces) in SOLD {
        let unit_price = Money::new(price * 10i64.pow(currency.exponent()), currency);
        let quantity: Quantity = pieces.parse().unwrap_or(Quantity::ONE);
        lines.push(Line {
            description: text.to_owned(),
            quantity,
            unit_price,
            net: unit_price.times(quantity, rules.rounding)?,
            gross: None,
            allowance: None,
            tax,
            period: Some(Period { starts: day, ends }),
        });
    }
    let mut taxed: Vec<TaxedAmount> = lines
        .iter()
        .map(|line| TaxedAmount { tax: line.tax, contained: issuer.contained, net: line.net, gross: None })
        .collect();
    let amounts = rules.amounts(currency, &mut taxed)?;
    for (line, taxed) in lines.iter_mut().zip(&taxed) {
        (line.net, line.gross) = (taxed.net, taxed.gross);
    }
    Ok(Document {
        kind,
        number: "SAMPLE-00001".to_owned(),
        issued_on: day,
        due_on: day.saturating_add(jiff::Span::new().days(14)),
        currency,
        language: language.to_owned(),
        note: String::new(),
        corrects: (kind == DocumentKind::CreditNote)
            .then(|| Preceding { number: "SAMPLE-00000".to_owned(), issued_on: day }),
        seller: issuer.seller.clone(),
        buyer: Party {
            name: "Anna Müller & Søn Łódź".to_owned(),
            address1: "Storgatan 1".to_owned(),
            postcode: issuer.seller.postcode.clone(),
            city: issuer.seller.city.clone(),
            country: issuer.seller.country.clone(),
            ..Party::default()
        },
        buyer_reference: "1001".to_owned(),
        payment: issuer.payment.clone(),
        lines,
        taxes: amounts
            .tax_groups
            .iter()
            .map(|group| Tax { profile: group.profile, base: group.base, tax: group.tax, own_reason: String::new() })
            .collect(),
        net: amounts.net,
        tax: amounts.tax,
        rounding: amounts.rounding,
        total: amounts.total,
        paid: Money::zero(currency),
        reminded_on: None,
        home_tax: None,
    })
}
