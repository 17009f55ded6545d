//! Which tax a supply bears: every case that we know of, as a table that a tax adviser can read.
//!
//! Columns: seller (country, and what it has chosen) | customer (country and postcode where it matters, private or company,
//! VAT number and what is known about it) | what is sold | tax on 2026-11-26: whose, category, rate in per cent.

use std::sync::Arc;

use jiff::civil::{Date, date};
use perennial_billing::{
    Country, CustomerKind, NumberStatus, TaxClass, TaxRules, Taxation, TaxedCustomer, VatNumberPolicy, is_in_vat_area,
};

const TABLE: &str = "
    # At home everybody pays the rate of the country.
    SE            | SE private                  | standard | SE S 25
    SE            | SE company                  | standard | SE S 25
    SE            | SE company SE               | standard | SE S 25
    SE            | SE private                  | service  | SE S 25
    SE            | SE company SE               | goods    | SE S 25
    FI            | FI private                  | standard | FI S 25.5
    FI            | FI company FI               | standard | FI S 25.5
    DE            | DE private                  | standard | DE S 19
    EE            | EE company EE               | standard | EE S 24
    SK            | SK private                  | standard | SK S 23
    RO            | RO private                  | standard | RO S 21
    LU            | LU private                  | standard | LU S 17
    HU            | HU private                  | standard | HU S 27
    NO            | NO private                  | standard | NO S 25
    CH            | CH company                  | standard | CH S 8.1
    GB            | GB private                  | standard | GB S 20
    # A company in another member state accounts for it itself, if its number counts.
    SE            | DE company DE               | standard | SE AE 0
    SE            | DE company DE valid         | standard | SE AE 0
    SE            | DE company DE invalid       | standard | SE S 25
    SE            | DE company                  | standard | SE S 25
    SE            | GR company EL               | standard | SE AE 0
    SE            | FI company FI               | service  | SE AE 0
    SE            | FI company FI               | goods    | SE K 0
    SE            | FI company FI invalid       | goods    | SE S 25
    FI            | SE company SE               | standard | FI AE 0
    DE            | AT company AT               | standard | DE AE 0
    SE require    | DE company DE               | standard | SE S 25
    SE require    | DE company DE valid         | standard | SE AE 0
    SE require    | DE company DE valid         | goods    | SE K 0
    SE require    | DE company DE invalid       | standard | SE S 25
    # A number tells about the company only if it is of its own country.
    SE            | DE company SE               | standard | SE S 25
    SE            | DE company FR               | standard | SE S 25
    SE            | SE company DE               | standard | SE S 25
    SE            | DE company XI               | standard | SE S 25
    # A consumer's number tells nothing.
    SE            | DE private DE               | standard | SE S 25
    SE            | DE private DE valid         | standard | SE S 25
    # Consumers in other member states: the seller's rate below the threshold, theirs in the one-stop shop.
    SE            | DE private                  | standard | SE S 25
    SE            | FI private                  | standard | SE S 25
    SE oss        | DE private                  | standard | DE S 19
    SE oss        | FI private                  | standard | FI S 25.5
    SE oss        | EE private                  | standard | EE S 24
    SE oss        | HU private                  | standard | HU S 27
    SE oss        | LU private                  | standard | LU S 17
    SE oss        | IE private                  | standard | IE S 23
    SE oss        | SE private                  | standard | SE S 25
    SE oss        | DE private                  | goods    | DE S 19
    SE oss        | DE private                  | service  | SE S 25
    SE oss        | DE company                  | standard | DE S 19
    SE oss        | DE company DE invalid       | standard | DE S 19
    SE oss        | DE company DE               | standard | SE AE 0
    SE oss        | NO private                  | standard | SE G 0
    SE oss-later  | DE private                  | standard | SE S 25
    DE oss        | SE private                  | standard | SE S 25
    DE oss        | DK private                  | standard | DK S 25
    # Outside the EU.
    SE            | NO private                  | standard | SE G 0
    SE            | NO company NO               | standard | SE G 0
    SE            | CH private                  | standard | SE G 0
    SE            | GB company GB               | standard | SE G 0
    SE            | GB company XI               | standard | SE G 0
    SE            | US private                  | standard | SE G 0
    SE            | US company                  | goods    | SE G 0
    SE            | US company                  | service  | SE G 0
    SE            | US private                  | service  | SE S 25
    SE            | NO private                  | service  | SE S 25
    # Parts of member states that are outside the VAT area, and parts of others that are inside.
    SE            | ES 35001 private            | standard | SE G 0
    SE            | ES 28001 private            | standard | SE S 25
    SE oss        | ES 28001 private            | standard | ES S 21
    SE oss        | ES 38001 private            | standard | SE G 0
    SE            | ES 35001 company ES         | standard | SE G 0
    SE            | FI 22100 private            | standard | SE G 0
    SE            | AX 22100 private            | standard | SE G 0
    SE            | DE 78266 private            | standard | SE G 0
    SE            | FR 97400 private            | standard | SE G 0
    SE            | IT 23041 company IT         | standard | SE G 0
    ES 28001      | ES 35001 private            | standard | ES G 0
    ES 35001      | ES 28001 private            | standard | ES G 0
    SE            | MC 98000 private            | standard | SE S 25
    # Sellers outside the EU.
    NO            | SE private                  | standard | NO G 0
    NO            | SE company SE               | standard | NO G 0
    CH            | DE company DE               | standard | CH G 0
    GB            | IE private                  | service  | GB S 20
    GB            | US company                  | standard | GB G 0
    # What is sold may be taxed otherwise by itself.
    SE            | SE private                  | zero     | SE Z 0
    SE oss        | DE private                  | zero     | DE Z 0
    SE            | DE company DE               | zero     | SE AE 0
    SE            | SE private                  | exempt   | SE E 0
    SE            | DE company DE               | exempt   | SE E 0
    SE            | US private                  | exempt   | SE E 0
    SE            | SE private                  | outside  | SE O 0
    SE oss        | DE private                  | outside  | SE O 0
    # Customers who are exempt, and sellers who are not registered.
    SE            | SE company exempt           | standard | SE E 0
    SE            | DE company DE exempt        | standard | SE E 0
    SE            | US private exempt           | standard | SE E 0
    SE none       | SE private                  | standard | SE O 0
    SE none       | DE company DE               | standard | SE O 0
    SE none       | SE company exempt           | standard | SE O 0
    # Countries of which the program knows no rate.
    US            | US private                  | standard | US Z 0
    US 7          | US private                  | standard | US S 7
    SE 12         | SE private                  | standard | SE S 12
    SE 12 oss     | DE private                  | standard | DE S 19
";

const TODAY: Date = date(2026, 11, 26);

fn seller(text: &str) -> TaxRules {
    let mut words = text.split_whitespace().peekable();
    let country: Country = words.next().unwrap().parse().unwrap();
    let postcode = words.next_if(|word| word.len() == 5 && word.bytes().all(|b| b.is_ascii_digit())).unwrap_or("");
    let mut rules = TaxRules {
        country,
        is_in_vat_area: is_in_vat_area(country.code(), postcode),
        is_registered: true,
        home_rate: None,
        own_rates: Vec::new(),
        oss_from: None,
        number_policy: VatNumberPolicy::Trust,
    };
    for word in words {
        match word {
            "oss" => rules.oss_from = Some(TODAY),
            "oss-later" => rules.oss_from = Some(date(2026, 11, 27)),
            "require" => rules.number_policy = VatNumberPolicy::Require,
            "none" => rules.is_registered = false,
            rate => rules.home_rate = Some(perennial_billing::Rate::parse_percent(rate).unwrap()),
        }
    }
    rules
}

fn customer(text: &str) -> TaxedCustomer {
    let mut words = text.split_whitespace().peekable();
    let country: Country = words.next().unwrap().parse().unwrap();
    let postcode = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("");
    let kind = CustomerKind::from_word(words.next().unwrap()).unwrap();
    let mut customer = TaxedCustomer::at(country, postcode, kind);
    for word in words {
        match (word, customer.number) {
            ("exempt", _) => customer.is_exempt = true,
            ("valid", Some((of, _))) => customer.number = Some((of, NumberStatus::Valid)),
            ("invalid", Some((of, _))) => customer.number = Some((of, NumberStatus::Invalid)),
            (prefix, _) => {
                let of = Country::of_vat_prefix(prefix).expect("a country's prefix");
                customer.number = Some((of, NumberStatus::Unchecked));
            }
        }
    }
    customer
}

#[test]
fn every_case_is_taxed_as_the_table_says() {
    let rows = TABLE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [seller_text, customer_text, class, expected] = cells[..] else { panic!("{row}") };
        let taxation = Taxation { rules: Arc::new(seller(seller_text)), customer: customer(customer_text) };
        let tax = taxation.on(TaxClass::from_word(class).expect(class), TODAY);
        let found = format!("{} {} {}", tax.country, tax.category, tax.rate.percent());
        if found != expected {
            wrong.push(format!("{row}: {found}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count >= 80, "{count} rows");
}

#[test]
fn a_rate_is_that_of_the_day() {
    let taxation = Taxation::at_home("FI".parse().unwrap(), None);
    let rate = |day| taxation.on(TaxClass::Standard, day).rate.percent();
    assert_eq!([date(2024, 8, 31), date(2024, 9, 1)].map(rate), ["24", "25.5"]);
    let germany = Taxation::at_home("DE".parse().unwrap(), None);
    let rate = |day| germany.on(TaxClass::Standard, day).rate.percent();
    assert_eq!(
        [date(2020, 6, 30), date(2020, 7, 1), date(2020, 12, 31), date(2021, 1, 1)].map(rate),
        ["19", "16", "16", "19"]
    );
}
