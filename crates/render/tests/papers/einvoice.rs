//! E-invoices, and what the schemas and the official rules of EN 16931 say of them (`scripts/oracles/en16931.py`).

use perennial_billing::{DocumentKind, TaxCategory};
use perennial_render::document::{Document, Party};
use perennial_render::einvoice::{Syntax, XmlError, problems, xml};

use crate::documents::{all, buyer, document, totalled};
use crate::judge::answers;

/// What is said of a text: the rules it breaks, by the official ones and by a second opinion.
struct Verdict {
    name: String,
    faults: Vec<String>,
    second: Vec<String>,
}

/// What is said of each of these texts; none if the judges are to be left out.
fn verdicts(texts: &[(String, Syntax, String)]) -> Option<Vec<Verdict>> {
    let questions = texts.iter().map(|(name, syntax, xml)| {
        let syntax = if *syntax == Syntax::Ubl { "ubl" } else { "cii" };
        serde_json::json!({ "name": name, "syntax": syntax, "xml": xml })
    });
    let answers = answers("en16931.py", questions.collect())?;
    let read = |answer: &serde_json::Value| {
        let list = |field: &str| {
            let all = answer[field].as_array().unwrap().iter();
            all.map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        Verdict { name: answer["name"].as_str().unwrap().to_owned(), faults: list("faults"), second: list("second") }
    };
    Some(answers.iter().map(read).collect())
}

/// A document in both syntaxes.
fn both(name: &str, document: &Document) -> Vec<(String, Syntax, String)> {
    [(Syntax::Ubl, "UBL"), (Syntax::Cii, "CII")]
        .map(|(syntax, word)| (format!("{name}: {word}"), syntax, xml(document, syntax).unwrap()))
        .into()
}

#[test]
fn every_document_passes_the_official_rules() {
    let documents = all();
    for (name, document) in &documents {
        assert_eq!(problems(document), [], "{name}");
    }
    let texts: Vec<_> = documents.iter().flat_map(|(name, document)| both(name, document)).collect();
    let Some(verdicts) = verdicts(&texts) else { return };
    assert_eq!(verdicts.len(), texts.len());
    let refused: Vec<_> = verdicts
        .iter()
        .filter(|said| !said.faults.is_empty() || !said.second.is_empty())
        .map(|said| (&said.name, &said.faults, &said.second))
        .collect();
    assert!(refused.is_empty(), "{} of {}: {refused:#?}", refused.len(), verdicts.len());
}

/// A document with a fault, and the rule that finds it.
type Fault = (&'static str, Document);

fn faults() -> Vec<Fault> {
    use TaxCategory::{AE, E, G, K, O, S, Z};

    fn invoice(buyer: Party, lines: &[(TaxCategory, &str, &str, i64)]) -> Document {
        document(DocumentKind::Invoice, buyer, "EUR", lines)
    }
    let of = |category| invoice(buyer("DE", "DE136695976"), &[(category, "0", "1", 9_900)]);
    let without_seller_vat = |mut document: Document| {
        document.seller.vat_number = String::new();
        document
    };
    let without_buyer_vat = |mut document: Document| {
        document.buyer.vat_number = String::new();
        document
    };
    let taxed = || invoice(buyer("DE", ""), &[(S, "25", "1", 9_900)]);
    let changed = |mut document: Document, change: fn(&mut Document)| {
        change(&mut document);
        document
    };
    vec![
        ("BR-S-02", without_seller_vat(taxed())),
        ("BR-Z-02", without_seller_vat(of(Z))),
        ("BR-E-02", without_seller_vat(of(E))),
        ("BR-AE-02", without_seller_vat(of(AE))),
        ("BR-AE-02", without_buyer_vat(of(AE))),
        ("BR-IC-02", without_buyer_vat(of(K))),
        ("BR-G-02", without_seller_vat(of(G))),
        ("BR-O-11", invoice(buyer("DE", ""), &[(O, "0", "1", 9_900), (S, "25", "1", 100)])),
        ("BR-06", changed(taxed(), |document| document.seller.name = String::new())),
        ("BR-07", changed(taxed(), |document| document.buyer.name = String::new())),
        ("BR-25", changed(taxed(), |document| document.lines[0].description = " ".to_owned())),
        ("BR-CO-09", changed(taxed(), |document| document.buyer.vat_number = "136695976".to_owned())),
        ("BR-CO-26", changed(of(O), |document| document.seller.company_number = String::new())),
        ("BR-DEC-12", totalled(document(DocumentKind::Invoice, buyer("KW", ""), "KWD", &[(G, "0", "1", 12_345)]))),
    ]
}

#[test]
fn what_is_missing_is_found_before_the_official_rules_find_it() {
    let faults = faults();
    for (rule, document) in &faults {
        let found: Vec<&str> = problems(document).iter().map(|problem| problem.rule).collect();
        assert_eq!(found, [*rule], "{rule}");
    }
    let texts: Vec<_> = faults.iter().flat_map(|(rule, document)| both(rule, document)).collect();
    let Some(verdicts) = verdicts(&texts) else { return };
    for Verdict { name, faults, second } in verdicts {
        let rule = name.split(':').next().unwrap();
        assert!(faults.iter().any(|fault| fault.contains(rule)), "{name} is found as {faults:?}");
        assert!(!second.is_empty(), "{name}: the second opinion finds nothing");
    }
}

#[test]
fn the_judge_notices_wrong_sums() {
    let (_, right) = all().swap_remove(0);
    let wrong = |change: fn(&str) -> String| {
        both("", &right).into_iter().map(move |(name, syntax, text)| (name, syntax, change(&text)))
    };
    let total = wrong(|text| text.replace("170.03", "170.04"));
    let tax = wrong(|text| text.replace("34.01", "34.51"));
    let texts: Vec<_> = total.chain(tax).collect();
    let Some(verdicts) = verdicts(&texts) else { return };
    for Verdict { name, faults, second } in verdicts {
        for found in [faults, second] {
            assert!(found.iter().any(|fault| fault.starts_with("BR-")), "{name}: {found:?}");
        }
    }
}

#[test]
fn a_deposit_is_no_invoice() {
    let (_, mut deposit) = all().swap_remove(0);
    deposit.kind = DocumentKind::Deposit;
    assert!(matches!(xml(&deposit, Syntax::Ubl), Err(XmlError::NoInvoice)));
    assert_eq!(problems(&deposit).len(), 1);
}

#[test]
fn the_same_document_is_the_same_text() {
    let (_, document) = all().swap_remove(0);
    insta::assert_snapshot!("invoice.ubl", xml(&document, Syntax::Ubl).unwrap());
    insta::assert_snapshot!("invoice.cii", xml(&document, Syntax::Cii).unwrap());
    let credit_note = all().into_iter().find(|(name, _)| name == "an allowance, credit_note").unwrap().1;
    insta::assert_snapshot!("credit_note.ubl", xml(&credit_note, Syntax::Ubl).unwrap());
}
