//! Compares every verdict on VAT numbers with python-stdnum, which was written by others from the same rules.
//!
//! Candidates come from templates: for each, some numbers are drawn from a fixed seed, and of every one all check digits
//! are tried, so that valid ones are among them whatever the rule is. `scripts/oracles/vat_numbers.py` judges them with the
//! Python of the virtual environment in `PERENNIAL_ORACLES`; `PERENNIAL_ORACLES=skip` leaves this test out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use perennial_billing::VatNumber;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/vat_numbers.py");

/// How many candidates and draws a template gives at least, before slips of the pen.
const CANDIDATES: usize = 200;
const DRAWS: usize = 8;

/// Numbers with places to fill: `#` a digit at random and `@` a letter; `?` each digit in turn and `!` each letter.
const TEMPLATES: [&str; 96] = [
    "ATU#######?",
    "BE0#######??",
    "BE1#######??",
    "BE13772254??",
    "BG########?",
    "BG##0#1####?",
    "BG##1#0####?",
    "BG##3#0####?",
    "BG##5#2####?",
    "BG#########?",
    "CY########!",
    "CY12######!",
    "CZ#######?",
    "CZ6#######?",
    "CZ4#0#1####",
    "CZ3#6#2####",
    "CZ8#1#0####",
    "CZ5#0#0####",
    "CZ##0#1####?",
    "CZ##5#2####?",
    "CZ0#2#1####?",
    "CZ1#7#0####?",
    "CZ#########?",
    "DE########?",
    "DK#######?",
    "EE########?",
    "EE10######?",
    "EL########?",
    "ES########!",
    "ES@#######!",
    "ES@#######?",
    "ESA######?",
    "ESA00#####!",
    "ESH#######!",
    "ESR#######?",
    "ESX#######!",
    "ESY#######!",
    "ESZ#######!",
    "ESK#######!",
    "FI#######?",
    "FR??########?",
    "FR??000######",
    "FR#!########?",
    "FR!#########?",
    "FR!@########?",
    "HR##########?",
    "HU#######?",
    "IE#######!",
    "IE#######!@",
    "IE#######!A",
    "IE#######!W",
    "IE#@#####!",
    "IE#+#####!",
    "IE#*#####!",
    "IT##########?",
    "IT#######0##?",
    "IT#######12??",
    "LT#######1?",
    "LT##########1?",
    "LT###########?",
    "LU######??",
    "LV4#########?",
    "LV##########?",
    "LV1#0###1###?",
    "LV2#1###2###?",
    "LV3########??",
    "LV1#0#7#3###?",
    "MT######??",
    "NL########?B##",
    "NL#########B??",
    "PL#########?",
    "PL000000000?",
    "PT########?",
    "RO#########?",
    "RO#####?",
    "RO#?",
    "SE#########?01",
    "SE556677889?##",
    "SI#######?",
    "SK##2######?",
    "SK##7######?",
    "SK8#5#1####?",
    "XI#######??",
    "GB#######??",
    "GB0######??",
    "GB#######??001",
    "GBGD??#",
    "GBHA??#",
    "CHE########?MWST",
    "CHE########?IVA",
    "CHE########?TVA",
    "CHE########?TPV",
    "CHE########?",
    "NO########?MVA",
    "IS####?",
    "IS#####?",
];

/// Where we and python-stdnum differ on purpose.
struct Exception {
    /// Who takes such a number: we, or python-stdnum.
    only: Taker,
    /// Which numbers.
    what: fn(&str) -> bool,
    /// Why we are right.
    why: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taker {
    We,
    Stdnum,
}

const EXCEPTIONS: [Exception; 11] = [
    Exception {
        only: Taker::We,
        what: |number| number.starts_with("SE") && !number.ends_with("01"),
        why: "one person may have registrations from 01 to 94; stdnum takes 01 only",
    },
    Exception {
        only: Taker::We,
        what: |number| number.starts_with("CHE") && number.len() == 12,
        why: "MWST, TVA, IVA or TPV is often left out, and the nine digits say all; stdnum wants it",
    },
    Exception {
        only: Taker::We,
        what: |number| number.starts_with("LV3") && number.as_bytes()[3] >= b'2',
        why: "Latvia's register of persons draws all digits after 32 to 39 at random (pmlp.gov.lv, \"Personas koda \
              maiņa\"); stdnum knows 32 only and wants a check digit",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| number[2..].bytes().all(|b| b == b'0'),
        why: "zeros are what people write who have no number; stdnum takes them where the sum is right",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| number.starts_with("LV") && value(&number[2..4]) < 32 && value(&number[8..9]) > 2,
        why: "the seventh digit is the century of the birthday, 0 to 2; stdnum takes any",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| number.starts_with("BE") && matches!(&number[number.len() - 2..], "00" | "98" | "99"),
        why: "97 less a rest is 01 to 97; stdnum takes 00, 98 and 99 for 97, 01 and 02",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| number.starts_with("CZ") && number.len() == 12 && value(number) % 11 == 1,
        why: "a birth number that leaves 10 has had no zero as check digit since 1985; stdnum takes it of any year",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| number.starts_with("SK") && (1..=12).contains(&(value(&number[4..6]) % 50 % 20)),
        why: "Slovakia gives persons a tax number of their own; stdnum takes birth numbers too",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| matches!((&number[..2], number.len()), ("BE" | "EL", 10 | 11) | ("NL", 13)),
        why: "VIES wants all digits; stdnum puts zeros in front where some lack",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| {
            let kinds = if number.ends_with(|c: char| c.is_ascii_digit()) { "NPQRSW" } else { "ABEH" };
            number.starts_with("ES") && kinds.contains(&number[2..3])
        },
        why: "whether the control of an entity is a digit or a letter follows from its kind; stdnum takes either",
    },
    Exception {
        only: Taker::Stdnum,
        what: |number| matches!(&number[..2], "GB" | "XI") && british_remainder(number) == Some(55),
        why: "the check digits are modulus 97, or 55 less; stdnum takes 42 less, too",
    },
];

/// The digits of a text as one number.
fn value(text: &str) -> u64 {
    text.chars().filter_map(|c| c.to_digit(10)).fold(0, |value, digit| value * 10 + u64::from(digit))
}

/// The weighted sum of a British number modulo 97: 0 for modulus 97, and 42 if its check digits are 55 less.
fn british_remainder(number: &str) -> Option<u32> {
    let digits: Vec<u32> = number.get(2..11)?.chars().filter_map(|c| c.to_digit(10)).collect();
    Some(digits.iter().zip([8, 7, 6, 5, 4, 3, 2, 10, 1]).map(|(digit, weight)| digit * weight).sum::<u32>() % 97)
}

/// Digits from a seed (SplitMix64), the same in each run.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn one_of(&mut self, characters: &str) -> char {
        char::from(characters.as_bytes()[self.below(characters.len())])
    }
}

const DIGITS: &str = "0123456789";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// One draw of a template, with every check digit.
fn fill(template: &str, drawn: &mut Drawn) -> Vec<String> {
    let mut numbers = vec![String::new()];
    for place in template.chars() {
        let choices = match place {
            '#' => drawn.one_of(DIGITS).to_string(),
            '@' => drawn.one_of(LETTERS).to_string(),
            '?' => DIGITS.to_owned(),
            '!' => LETTERS.to_owned(),
            other => other.to_string(),
        };
        numbers = numbers.iter().flat_map(|number| choices.chars().map(move |c| format!("{number}{c}"))).collect();
    }
    numbers
}

/// The slips of the pen in one number: a wrong digit, two neighbours swapped, one character lost, one doubled.
fn slips(number: &str, drawn: &mut Drawn) -> [String; 4] {
    let at = 2 + drawn.below(number.len() - 3);
    let (before, after) = number.split_at(at);
    let (one, two, rest) = (&after[..1], &after[1..2], &after[2..]);
    let wrong = drawn.one_of(DIGITS);
    [
        format!("{before}{wrong}{two}{rest}"),
        format!("{before}{two}{one}{rest}"),
        format!("{before}{two}{rest}"),
        format!("{before}{one}{one}{two}{rest}"),
    ]
}

fn candidates(template: &str, drawn: &mut Drawn) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    // Short templates run dry, so the number of draws is bounded.
    for draw in 0..CANDIDATES {
        if draw >= DRAWS && numbers.len() >= CANDIDATES {
            break;
        }
        numbers.extend(fill(template, drawn));
    }
    let valid: Vec<String> = numbers.iter().filter(|number| is_valid(number)).take(30).cloned().collect();
    numbers.extend(valid.iter().flat_map(|number| slips(number, drawn)));
    numbers
}

/// Our verdict.
fn is_valid(number: &str) -> bool {
    number.parse::<VatNumber>().is_ok()
}

/// The verdicts of python-stdnum, in the order of the numbers.
fn ask(oracles: &str, numbers: &[String]) -> Vec<bool> {
    let mut child = Command::new(format!("{oracles}/bin/python"))
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the Python in PERENNIAL_ORACLES starts");
    let mut input = child.stdin.take().expect("its input");
    let lines = numbers.join("\n");
    // It answers while it reads, so writing waits for nobody who waits for the answers.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("the script ends");
    writer.join().expect("the writer ends").expect("the script reads all numbers");
    assert!(output.status.success(), "{SCRIPT} failed");
    let answers = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<bool> = answers.lines().map(|line| line == "valid").collect();
    assert_eq!(answers.len(), numbers.len(), "one answer for each number");
    answers
}

/// The place of the exception that explains why only this one takes the number.
fn exception(number: &str, only: Taker) -> Option<usize> {
    EXCEPTIONS.iter().position(|exception| exception.only == only && (exception.what)(number))
}

#[test]
fn verdicts_are_those_of_python_stdnum() {
    let oracles = std::env::var("PERENNIAL_ORACLES").unwrap_or_default();
    assert!(
        !oracles.is_empty(),
        "PERENNIAL_ORACLES is not set: run scripts/test, which installs what this compares with, or set it to `skip`"
    );
    if oracles == "skip" {
        return;
    }
    let mut drawn = Drawn(20_260_101);
    let numbers: Vec<(&str, String)> = TEMPLATES
        .into_iter()
        .flat_map(|template| candidates(template, &mut drawn).into_iter().map(move |number| (template, number)))
        .collect();
    let texts: Vec<String> = numbers.iter().map(|(_, number)| number.clone()).collect();

    let mut shares: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut used = [0; EXCEPTIONS.len()];
    let mut differences = Vec::new();
    for ((template, number), theirs) in numbers.iter().zip(ask(&oracles, &texts)) {
        let ours = is_valid(number);
        shares.entry(&template[..2]).or_default()[usize::from(ours)] += 1;
        if ours == theirs {
            continue;
        }
        let only = if ours { Taker::We } else { Taker::Stdnum };
        match exception(number, only) {
            Some(place) => used[place] += 1,
            None => differences.push(format!("{number} ({template}) is taken by {only:?} only")),
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    for (exception, used) in EXCEPTIONS.iter().zip(used) {
        println!("{used} numbers: {}", exception.why);
        assert!(used > 0, "no longer needed: {}", exception.why);
    }
    for (prefix, [invalid, valid]) in shares {
        println!("{prefix}: {valid} valid, {invalid} invalid");
        assert!(invalid >= 5 && valid >= 5, "{prefix} gives {valid} valid and {invalid} invalid numbers");
    }
}
