//! Which addresses with a member's country code lie inside the EU's VAT area.

use crate::Country;

/// Postcodes of one country that lie outside the VAT area: the first digits, and how many digits a whole code has.
struct Outside {
    country: &'static str,
    prefix: &'static str,
    digits: usize,
}

const fn outside(country: &'static str, prefix: &'static str, digits: usize) -> Outside {
    Outside { country, prefix, digits }
}

/// The territories of article 6 of Directive 2006/112/EC, and the Faroes and Greenland, where the treaties do not hold at
/// all (article 355 (5)(a) TFEU). Those with a country code of their own (`AX`, `FO`, `GL`, `GP`, `RE` and others) are no
/// members by it already; here is how they look under the code of the state they belong to.
const OUTSIDE: &[Outside] = &[
    outside("DE", "27498", 5), // Heligoland: article 6 (2)(a)
    outside("DE", "78266", 5), // Büsingen: article 6 (2)(b)
    outside("DK", "", 3),      // the Faroes have three digits, Denmark four
    outside("DK", "39", 4),    // Greenland
    outside("ES", "35", 5),    // Canary Islands, Las Palmas: article 6 (1)(b)
    outside("ES", "38", 5),    // Canary Islands, Santa Cruz de Tenerife
    outside("ES", "51", 5),    // Ceuta: article 6 (2)(c)
    outside("ES", "52", 5),    // Melilla: article 6 (2)(d)
    outside("FI", "22", 5),    // Åland: article 6 (1)(d)
    outside("FR", "97", 5),    // overseas departments and territories: article 6 (1)(c)
    outside("FR", "98", 5),    // overseas territories; `INSIDE` has Monaco
    outside("GR", "63086", 5), // Mount Athos: article 6 (1)(a)
    outside("IT", "22061", 5), // Campione d'Italia: article 6 (1)(f), by Directive (EU) 2019/475
    outside("IT", "23041", 5), // Livigno: article 6 (2)(e)
];

/// What lies inside although [`OUTSIDE`] covers it: Monaco, whose codes begin with 980 and which article 7 treats as
/// France, written under the code of France.
const INSIDE: &[Outside] = &[outside("FR", "980", 5)];

impl Outside {
    fn covers(&self, country: &str, postcode: &str) -> bool {
        self.country == country && postcode.len() == self.digits && postcode.starts_with(self.prefix)
    }
}

/// Whether an address lies in the EU's VAT area, which decides for a service whether it is supplied in the EU. The
/// country is ISO 3166-1, two capitals; the postcode may have spaces or a country before it (`630 86`, `F-97400`).
///
/// - Countries that are no members are outside, but for Monaco (article 7 of Directive 2006/112/EC).
/// - Northern Ireland (`GB` with a postcode that begins with `BT`) is inside for goods only, by the protocol to the
///   withdrawal agreement. What a hosting provider sells is services, so it is outside here.
/// - The old codes 23030 (Livigno) and 22060 (Campione d'Italia) belong to many communes that are inside, and so are
///   inside here.
/// - A missing or incomplete postcode does not lead outside: tax is charged unless the address says otherwise.
#[must_use]
pub fn is_in_vat_area(country: &str, postcode: &str) -> bool {
    if country == "MC" {
        return true;
    }
    let digits: String = postcode.chars().filter(char::is_ascii_digit).collect();
    let listed = |list: &[Outside]| list.iter().any(|codes| codes.covers(country, &digits));
    country.parse().is_ok_and(Country::is_eu_member) && (!listed(OUTSIDE) || listed(INSIDE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_the_vat_area_or_not() {
        for (place, country, postcode, inside) in [
            ("Stockholm", "SE", "111 20", true),
            ("nowhere in particular", "SE", "", true),
            ("Hamburg", "DE", "20095", true),
            ("Heligoland", "DE", "27498", false),
            ("Cuxhaven", "DE", "27499", true),
            ("Büsingen", "DE", "D-78266", false),
            ("Gailingen, beside it", "DE", "78262", true),
            ("Copenhagen", "DK", "1050", true),
            ("Tórshavn", "DK", "FO-100", false),
            ("Nuuk", "DK", "3900", false),
            ("Bornholm", "DK", "3700", true),
            ("Barcelona", "ES", "08001", true),
            ("Palma de Mallorca", "ES", "07001", true),
            ("Las Palmas", "ES", "35001", false),
            ("Tenerife", "ES", "38 001", false),
            ("half a postcode", "ES", "380", true),
            ("Ceuta", "ES", "51001", false),
            ("Melilla", "ES", "52001", false),
            ("Helsinki", "FI", "00100", true),
            ("Mariehamn", "FI", "22100", false),
            ("Mariehamn", "AX", "22100", false),
            ("Turku", "FI", "20100", true),
            ("Paris", "FR", "75001", true),
            ("Ajaccio", "FR", "20000", true),
            ("Guadeloupe", "FR", "97110", false),
            ("Réunion", "FR", "F-97400", false),
            ("Réunion", "RE", "97400", false),
            ("Nouméa", "FR", "98800", false),
            ("Monaco", "FR", "98000", true),
            ("Monaco", "MC", "98000", true),
            ("Athens", "GR", "105 57", true),
            ("Mount Athos", "GR", "630 86", false),
            ("Ouranoupoli, beside it", "GR", "630 75", true),
            ("Milan", "IT", "20121", true),
            ("Livigno", "IT", "23041", false),
            ("Valdidentro, beside it", "IT", "23038", true),
            ("what was Livigno's with others", "IT", "23030", true),
            ("Campione d'Italia", "IT", "I-22061", false),
            ("what was Campione's with others", "IT", "22060", true),
            ("Lisbon", "PT", "1100-148", true),
            ("Madeira", "PT", "9000-018", true),
            ("Azores", "PT", "9500-150", true),
            ("Jungholz", "AT", "6691", true),
            ("London", "GB", "SW1A 1AA", false),
            ("Belfast", "GB", "BT1 5GS", false),
            ("Isle of Man", "IM", "IM1 1AA", false),
            ("Oslo", "NO", "0150", false),
            ("Zürich", "CH", "8001", false),
            ("New York", "US", "10001", false),
            ("not a code of ISO 3166-1", "EL", "105 57", false),
            ("not in capitals", "se", "111 20", false),
        ] {
            assert_eq!(is_in_vat_area(country, postcode), inside, "{place}: {country} {postcode}");
        }
    }
}
