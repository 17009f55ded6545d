use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<VatNumber, VatNumberError> {
    text.parse()
}

/// A verdict in a word.
fn verdict(text: &str) -> &'static str {
    match read(text) {
        Ok(_) => "valid",
        Err(VatNumberError::UnknownPrefix) => "prefix",
        Err(VatNumberError::OneStopShop) => "one-stop shop",
        Err(VatNumberError::Malformed { .. }) => "form",
        Err(VatNumberError::WrongCheckDigit { .. }) => "check digit",
    }
}

/// Numbers and what is wrong with them, country by country. The valid ones are published examples or follow from the rule.
#[rustfmt::skip]
const TABLE: [(&str, &str, &[&str]); 39] = [
    ("Austria", "valid", &["ATU13585627", "ATU66889218"]),
    ("Austria", "form", &["AT13585627", "ATU1358562", "ATU135856270", "ATX13585627"]),
    ("Austria", "check digit", &["ATU13585626", "ATU00000000"]),
    ("Belgium", "valid", &["BE0428759497", "BE0403019261", "BE1000000021"]),
    ("Belgium", "form", &["BE428759497", "BE2428759497", "BE04287594970"]),
    ("Belgium", "check digit", &["BE0428759498", "BE0428759400"]),
    // A legal entity; a person born in 1975; one born in 2003; a foreigner; another.
    ("Bulgaria", "valid", &["BG175074752", "BG7523169263", "BG0041010002", "BG7111042925", "BG7542011030"]),
    ("Bulgaria", "form", &["BG17507475", "BG17507475X", "BG75231692630"]),
    ("Bulgaria", "check digit", &["BG175074751", "BG7542011031"]),
    ("Cyprus", "valid", &["CY10259033P"]),
    ("Cyprus", "form", &["CY12000139V", "CY102590334", "CY1025903P"]),
    ("Cyprus", "check digit", &["CY10259033Z"]),
    // A company; special cases; persons born in 1970, in 1982, and in 1952 without a check digit.
    ("Czechia", "valid", &["CZ25123891", "CZ640903926", "CZ7103192745", "CZ8160080610", "CZ520113123"]),
    ("Czechia", "form", &["CZ92345678", "CZ7113192745", "CZ571332123", "CZ2512389"]),
    ("Czechia", "check digit", &["CZ25123890", "CZ640903927", "CZ7103192746"]),
    // Digits; a person; a resident foreigner; a company, by digit; an association and a foreign company, by letter.
    ("Spain", "valid", &["ES54362315K", "ESX2482300W", "ESB64717838", "ESJ99216582", "ESA0011012B", "ESM1234567L"]),
    ("Spain", "form", &["ESB6471783", "ESI64717838", "ESP64717838", "ESB6471783H", "ES543623155"]),
    ("Spain", "check digit", &["ES54362315Z", "ESX2482300A", "ESB64717839"]),
    // A key of digits; of letters; Monaco.
    ("France", "valid", &["FR40303265045", "FR23334175221", "FRK7399859412", "FR83404833048", "FR53000004605"]),
    ("France", "form", &["FRKO399859412", "FR4030326504", "FRI7399859412"]),
    ("France", "check digit", &["FR84323140391", "FRK6399859412", "FR40303265054"]),
    // Since 2013 with one letter and two; before.
    ("Ireland", "valid", &["IE6433435F", "IE6433435OA", "IE8D79739I", "IE8+79739I"]),
    ("Ireland", "form", &["IE643343F", "IE6433435FX", "IE8D79739IA", "IE64334355", "IE8#79739I"]),
    ("Ireland", "check digit", &["IE6433435E", "IE6433435OB", "IE8D79737J"]),
    ("Lithuania", "valid", &["LT119511515", "LT100001919017", "LT100004801610"]),
    ("Lithuania", "form", &["LT119511525", "LT1195115151", "LT100001919027"]),
    ("Lithuania", "check digit", &["LT100001919018", "LT119511516"]),
    // A company; a person born in 1974; one without a birthday.
    ("Latvia", "valid", &["LV40003521600", "LV16117519997", "LV32000000001"]),
    ("Latvia", "form", &["LV16137519997", "LV4000352160"]),
    ("Latvia", "check digit", &["LV40003521601", "LV16117519996"]),
    // A company, and a sole trader since 2020.
    ("the Netherlands", "valid", &["NL004495445B01", "NL123456789B13", "NL000099998B57"]),
    ("the Netherlands", "form", &["NL004495445B00", "NL004495445", "NL00449544B012", "NL4495445B01", "NL004495445X01"]),
    ("the Netherlands", "check digit", &["NL123456789B12", "NL004495446B01"]),
    ("Romania", "valid", &["RO18547290", "RO19"]),
    ("Romania", "form", &["RO1", "RO018547290", "RO1630615123457"]),
    ("Sweden", "valid", &["SE556677889901", "SE556677889994", "SE556188840401"]),
    ("Sweden", "form", &["SE5566778899", "SE556677889900", "SE556677889995", "SE55667788990X", "SE000000000000"]),
    ("Sweden", "check digit", &["SE556677889801"]),
    ("Iceland", "valid", &["IS00621", "IS123456"]),
];

#[test]
fn numbers_are_told_apart() {
    let wrong: Vec<_> = TABLE
        .iter()
        .flat_map(|(country, expected, numbers)| numbers.iter().map(move |number| (country, *expected, *number)))
        .filter(|(_, expected, number)| verdict(number) != *expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn numbers_of_neighbours_outside_the_union_are_checked() {
    for (number, expected) in [
        ("GB980780684", "valid"),
        ("GB980780684001", "valid"),
        ("GB100000034", "valid"), // 97 less 55
        ("GBGD001", "valid"),
        ("GBHA599", "valid"),
        ("XI980780684", "valid"),
        ("XIGD499", "valid"),
        ("GB802311781", "check digit"),
        ("GBGD500", "form"),
        ("GBHA499", "form"),
        ("GB98078068", "form"),
        ("GB98078068400", "form"),
        ("CHE107787577", "valid"),
        ("CHE107787577TPV", "valid"),
        ("CHE107787578IVA", "check digit"),
        ("CHE107787577VAT", "form"),
        ("CH107787577", "form"),
        ("NO995525828MVA", "valid"),
        ("NO995525829MVA", "check digit"),
        ("NO99552582MVA", "form"),
        ("IS0062", "form"),
        ("IS0062A", "form"),
    ] {
        assert_eq!(verdict(number), expected, "{number}");
    }
}

#[test]
fn every_example_is_right_and_is_named_in_its_message() {
    for scheme in &SCHEMES {
        assert_eq!(read(scheme.example).as_ref().map(VatNumber::as_str), Ok(scheme.example));
        let error = read(&format!("{}1", scheme.prefix)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("is not a VAT number of {}: it looks like {}", scheme.name, scheme.example)
        );
    }
}

#[test]
fn the_union_is_the_one_of_tax() {
    let members: Vec<_> = SCHEMES.iter().filter(|s| s.vies && s.prefix != "XI").map(|s| s.country).collect();
    assert_eq!(members.len(), 27);
    assert!(members.into_iter().all(|country| country.parse().is_ok_and(crate::Country::is_eu_member)));
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (written, canonical) in [
        ("se 556677-8899 01", "SE556677889901"),
        ("BE 0428.759.497", "BE0428759497"),
        ("GR 094259216", "EL094259216"),
        ("uk 980 7806 84", "GB980780684"),
        ("CHE-107.787.577 MwSt", "CHE107787577MWST"),
        ("CHE-107.787.577", "CHE107787577"),
        ("NO 995 525 828", "NO995525828MVA"),
        ("NO 995 525 828 mva", "NO995525828MVA"),
        ("DE136/695/976", "DE136695976"),
    ] {
        assert_eq!(read(written).unwrap().to_string(), canonical);
    }
}

#[test]
fn a_number_knows_its_country() {
    for (number, prefix, country, is_known, vies) in [
        ("SE556677889901", "SE", "SE", true, Some(("SE", "556677889901"))),
        ("EL094259216", "EL", "GR", true, Some(("EL", "094259216"))),
        ("XI980780684", "XI", "GB", true, Some(("XI", "980780684"))),
        ("GB980780684", "GB", "GB", true, None),
        ("CHE107787577MWST", "CH", "CH", true, None),
        ("NO995525828MVA", "NO", "NO", true, None),
        ("US123456789", "US", "US", false, None),
    ] {
        let read = read(number).unwrap();
        assert_eq!((read.prefix(), read.country()), (prefix, country), "{number}");
        assert_eq!((read.is_known_scheme(), read.vies()), (is_known, vies), "{number}");
    }
}

#[test]
fn what_is_no_customers_number_is_refused() {
    for (text, message) in [
        ("", "must begin with the two letters of its country, such as SE"),
        ("S", "must begin with the two letters of its country, such as SE"),
        ("556677889901", "must begin with the two letters of its country, such as SE"),
        ("ÅÄ123", "must begin with the two letters of its country, such as SE"),
        ("DE136695975", "has a wrong check digit for Germany"),
        ("US1", "is not a VAT number of any country: it looks like US123456789"),
        ("US12345678901234", "is not a VAT number of any country: it looks like US123456789"),
        ("USé12345", "is not a VAT number of any country: it looks like US123456789"),
        (
            "EU372001951",
            "is a number of the one-stop shop, under which nobody buys: give the number of the customer's own country",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), message, "{text:?}");
    }
    assert_eq!(verdict("IM3720000224"), "one-stop shop");
    assert_eq!(verdict("DE000000000"), "form");
    assert_eq!(verdict("PL0000000000"), "form");
}

/// Countries whose rule catches every single wrong digit, and how many characters of the example it covers.
const CATCH_A_WRONG_DIGIT: [(&str, usize); 21] = [
    ("ATU13585627", 11),
    ("BE0428759497", 12),
    ("CY10259033P", 11),
    ("DE136695976", 11),
    ("DK13585628", 10),
    ("EE100931558", 11),
    ("ES54362315K", 11),
    ("FI20774740", 10),
    ("FR40303265045", 13),
    ("HR33392005961", 13),
    ("HU12892312", 10),
    ("IE6433435F", 10),
    ("IT00743110157", 13),
    ("LU15027442", 10),
    ("MT11679112", 10),
    ("PL8567346215", 12),
    ("SE556677889901", 12),
    ("SI50223054", 10),
    ("SK2022749619", 12),
    ("CHE107787577", 12),
    ("NO995525828MVA", 14),
];

#[test]
fn a_wrong_digit_is_caught() {
    for (number, covered) in CATCH_A_WRONG_DIGIT {
        assert_eq!(verdict(number), "valid");
        for (at, right) in number.char_indices().take(covered).filter(|(_, c)| c.is_ascii_digit()) {
            for wrong in ('0'..='9').filter(|wrong| *wrong != right) {
                let mut changed = number.to_owned();
                changed.replace_range(at..=at, &wrong.to_string());
                assert!(read(&changed).is_err(), "{changed} for {number}");
            }
        }
    }
}

proptest! {
    #[test]
    fn reading_twice_changes_nothing(at in 0..SCHEMES.len(), places in prop::collection::vec(0..20usize, 0..6), lower: bool) {
        let mut written = SCHEMES[at].example.to_owned();
        for (place, mark) in places.into_iter().zip([' ', '.', '-', '/', ' ', ' ']) {
            written.insert(place.min(written.len()), mark);
        }
        let once = read(&if lower { written.to_lowercase() } else { written }).unwrap();
        prop_assert_eq!(once.as_str(), SCHEMES[at].example);
        prop_assert_eq!(read(once.as_str()).unwrap(), once);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,16}|[A-Z]{2}[0-9A-Z+* ]{0,14}") {
        if let Ok(number) = read(&text) {
            prop_assert!(number.as_str().is_ascii());
            prop_assert_eq!(read(number.as_str()).unwrap(), number);
        }
    }
}
