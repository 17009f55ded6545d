//! The standard rates, compared with what two packages of other people say.
//!
//! `scripts/test` installs the packages and sets `PERENNIAL_ORACLES` to the folder they are in; `PERENNIAL_ORACLES=skip`
//! leaves the comparison out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::civil::{Date, date};
use perennial_billing::{Rate, standard_rate, standard_rate_countries};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles");

/// The last day the pinned sales-tax is asked about. It was published on 19 May 2026 and knows nothing of what came
/// after: a newer pin moves this.
const SALES_TAX_LAST_DAY: &str = "2026-05-15";

/// A rate that an oracle has wrong, from one day through another.
struct Error {
    country: &'static str,
    from: Date,
    through: Date,
    /// What it says instead, in per cent.
    says: &'static str,
}

/// sales-tax 2.23.0.
const SALES_TAX_ERRORS: &[Error] = &[
    // It has Switzerland's rise to 8.1 % and forgot that Liechtenstein's law follows it.
    Error { country: "LI", from: date(2024, 1, 1), through: Date::MAX, says: "7.7" },
    // It switches at midnight after the first day of Law 141/2025.
    Error { country: "RO", from: date(2025, 8, 1), through: date(2025, 8, 1), says: "19" },
];

/// eu-vat-rates-data 2026.9.29 has none.
const EU_VAT_RATES_DATA_ERRORS: &[Error] = &[];

/// The folder of the oracles, or nothing if they are to be skipped.
fn oracles() -> Option<PathBuf> {
    let folder = std::env::var_os("PERENNIAL_ORACLES").expect(
        "PERENNIAL_ORACLES is not set: run scripts/test, which installs what this compares with, or set it to `skip`",
    );
    (folder != "skip").then(|| folder.into())
}

/// What an oracle printed: country, day, rate.
fn answers(oracle: &mut Command) -> Vec<(String, Date, Rate)> {
    let output = oracle.output().unwrap_or_else(|e| panic!("{oracle:?} does not start: {e}. Run scripts/test."));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{oracle:?} failed. Run scripts/test.\n{error}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let line = |line: &str| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("not `CC YYYY-MM-DD rate`: {line}"));
        let (country, day, rate) = (word().to_owned(), word(), word());
        (country, day.parse().expect("a day"), Rate::parse_percent(rate).expect("a rate"))
    };
    text.lines().map(line).collect()
}

/// Compares every answer with the table, and wants the known errors to be there still: one that is gone is taken out.
fn compare(answers: &[(String, Date, Rate)], errors: &[Error]) {
    let mut seen = BTreeSet::new();
    let mut differences = Vec::new();
    for (country, day, theirs) in answers {
        let known = errors.iter().position(|e| e.country == country && (e.from..=e.through).contains(day));
        let ours = standard_rate(country, *day);
        let expected = match known {
            Some(error) => {
                seen.insert(error);
                Some(Rate::parse_percent(errors[error].says).expect("a rate"))
            }
            None => ours,
        };
        if expected != Some(*theirs) || known.is_some() && ours == expected {
            let ours = ours.map_or("none".to_owned(), Rate::percent);
            differences.push(format!("{country} {day}: ours {ours}, theirs {}", theirs.percent()));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(seen.len(), errors.len(), "an error that is listed was not met");
}

fn countries(answers: &[(String, Date, Rate)]) -> BTreeSet<&str> {
    answers.iter().map(|(country, ..)| country.as_str()).collect()
}

#[test]
fn rates_are_those_of_eu_vat_rates_data() {
    let Some(oracles) = oracles() else { return };
    let mut answers = answers(Command::new(oracles.join("bin/python")).arg(Path::new(SCRIPTS).join("vat_rates.py")));
    // It has more countries than the table, and leaves out the Isle of Man, whose tax is that of the United Kingdom.
    let ours: BTreeSet<&str> = standard_rate_countries().collect();
    answers.retain(|(country, ..)| ours.contains(country.as_str()));
    let missing: Vec<_> = ours.difference(&countries(&answers)).copied().collect();
    assert_eq!(missing, ["IM"]);
    compare(&answers, EU_VAT_RATES_DATA_ERRORS);
}

#[test]
fn rates_since_2020_are_those_of_sales_tax() {
    let Some(oracles) = oracles() else { return };
    let answers = answers(
        Command::new("node")
            .env("NODE_PATH", oracles.join("node_modules"))
            .arg(Path::new(SCRIPTS).join("vat_rates.js"))
            .arg(SALES_TAX_LAST_DAY)
            .args(standard_rate_countries()),
    );
    assert_eq!(countries(&answers), standard_rate_countries().collect());
    // Two days a month from January 2020 through May 2026.
    assert_eq!(answers.len(), standard_rate_countries().count() * (6 * 12 + 5) * 2);
    compare(&answers, SALES_TAX_ERRORS);
}
