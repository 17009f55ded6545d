//! Compares every verdict on payment references and accounts with python-stdnum and norwegian-numbers.
//!
//! Of many numbers, every last digit is tried, so that valid and invalid ones are among them whatever the rule is.
//! `scripts/oracles/references.py` judges them with the Python of the virtual environment in `PERENNIAL_ORACLES`;
//! `PERENNIAL_ORACLES=skip` leaves this test out.

use std::io::Write;
use std::process::{Command, Stdio};

use perennial_billing::{Bankgiro, Bic, Iban, InvoiceId, PaymentReference, Plusgiro, ReferenceScheme};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/references.py");

/// What others say of each of these; none if they are to be left out.
fn verdicts(questions: &[(&str, String)]) -> Option<Vec<bool>> {
    let folder = std::env::var_os("PERENNIAL_ORACLES").expect(
        "PERENNIAL_ORACLES is not set: run scripts/test, which installs what this compares with, or set it to `skip`",
    );
    if folder == "skip" {
        return None;
    }
    let python = std::path::Path::new(&folder).join("bin/python");
    let mut judge = Command::new(python)
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("the oracle does not start: {error}. Run scripts/test."));
    let text: String = questions.iter().map(|(kind, number)| format!("{kind} {number}\n")).collect();
    let mut stdin = judge.stdin.take().unwrap();
    let asking = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = judge.wait_with_output().unwrap();
    asking.join().unwrap().unwrap();
    assert!(output.status.success(), "the oracle failed");
    let verdicts: Vec<bool> = String::from_utf8(output.stdout).unwrap().lines().map(|line| line == "valid").collect();
    assert_eq!(verdicts.len(), questions.len());
    Some(verdicts)
}

/// A number and all that differ from it in the last digit, or in the check digits of an IBAN or RF.
fn variants(text: &str, place: usize) -> impl Iterator<Item = String> {
    (0..10).map(move |digit| format!("{}{digit}{}", &text[..place], &text[place + 1..]))
}

/// Some thousand ids, from small ones to large ones.
fn ids() -> impl Iterator<Item = InvoiceId> {
    (0..200i64).map(|nth| InvoiceId(nth * nth * nth * 7_919 + nth + 1))
}

#[test]
fn references_are_judged_alike() {
    let mut asked = Vec::new();
    let mut ours = Vec::new();
    for scheme in ReferenceScheme::ALL {
        let kind = match scheme {
            ReferenceScheme::Rf => "rf",
            ReferenceScheme::Kid => "kid",
            ReferenceScheme::KidMod11 => "kid-mod11",
            // Nobody but us knows the weights 7, 3, 1: the examples of the norm are in the unit tests.
            ReferenceScheme::Viitenumero => continue,
            _ => "luhn",
        };
        for id in ids() {
            let made = PaymentReference::of(scheme, id).as_str().to_owned();
            let place = if scheme == ReferenceScheme::Rf { 3 } else { made.len() - 1 };
            for text in variants(&made, place) {
                ours.push(PaymentReference::read(scheme, &text).is_ok());
                asked.push((kind, text));
            }
        }
    }
    let Some(theirs) = verdicts(&asked) else { return };
    assert!(theirs.iter().filter(|valid| **valid).count() > 1_000, "too few are valid to say anything");
    let differing: Vec<_> =
        asked.iter().zip(ours.iter().zip(&theirs)).filter(|(_, (ours, theirs))| ours != theirs).collect();
    assert!(
        differing.is_empty(),
        "{} of {}: {:?}",
        differing.len(),
        asked.len(),
        &differing[..differing.len().min(10)]
    );
}

#[test]
fn accounts_are_judged_alike() {
    let mut asked = Vec::new();
    let mut ours = Vec::new();
    // Accounts of many countries, as the registry's examples are formed.
    for iban in [
        "SE4550000000058398257466",
        "NO9386011117947",
        "DK5000400440116243",
        "FI2112345600000785",
        "DE89370400440532013000",
        "NL91ABNA0417164300",
        "FR1420041010050500013M02606",
        "PL61109010140000071219812874",
        "CH9300762011623852957",
        "GB29NWBK60161331926819",
        "MT84MALT011000012345MTLCAST001S",
        "EE382200221020145685",
    ] {
        for text in variants(iban, 3) {
            ours.push(text.parse::<Iban>().is_ok());
            asked.push(("iban", text));
        }
    }
    for bic in ["ESSESESS", "ESSESESSXXX", "COBADEFF", "ESSE5ESS", "ESSESES", "NDEANOKK123"] {
        ours.push(bic.parse::<Bic>().is_ok());
        asked.push(("bic", bic.to_owned()));
    }
    for number in (0..300i64).map(|nth| 1_000_000 + nth * 23_291) {
        let text = number.to_string();
        ours.push(text.parse::<Bankgiro>().is_ok());
        asked.push(("luhn", text.clone()));
        ours.push(text.parse::<Plusgiro>().is_ok());
        asked.push(("luhn", text));
    }
    let Some(theirs) = verdicts(&asked) else { return };
    assert!(theirs.iter().filter(|valid| **valid).count() > 60, "too few are valid to say anything");
    let differing: Vec<_> =
        asked.iter().zip(ours.iter().zip(&theirs)).filter(|(_, (ours, theirs))| ours != theirs).collect();
    assert!(differing.is_empty(), "{differing:?}");
}
