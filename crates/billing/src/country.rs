//! Countries of ISO 3166-1.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A country by its ISO 3166-1 code of two capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// The code is not an officially assigned one of ISO 3166-1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a country code of two capitals (ISO 3166-1) such as SE, not {0:?}{hint}", hint = hint(.0))]
pub struct UnknownCountry(pub String);

/// What people write instead.
fn hint(code: &str) -> &'static str {
    match code {
        "EL" => "; Greece is GR",
        "UK" => "; the United Kingdom is GB",
        _ => "",
    }
}

/// The officially assigned codes.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS \
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM \
US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// The member states of the European Union.
const EU_MEMBERS: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";

impl Country {
    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        // Codes come from the constant above, which is ASCII.
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// The country whose VAT numbers begin with this prefix: Greece has its own, and Northern Ireland one for goods.
    #[must_use]
    pub fn of_vat_prefix(prefix: &str) -> Option<Self> {
        match prefix {
            "EL" => Some(Self(*b"GR")),
            "XI" => Some(Self(*b"GB")),
            prefix => prefix.parse().ok(),
        }
    }

    /// Whether it is a member state of the European Union.
    #[must_use]
    pub fn is_eu_member(self) -> bool {
        EU_MEMBERS.split(' ').any(|member| member == self.code())
    }
}

/// The codes stand in their order, each with a space after it.
fn is_assigned(code: &str) -> bool {
    let (codes, code) = (CODES.as_bytes(), code.as_bytes());
    let (mut low, mut high) = (0, codes.len().div_ceil(3));
    while low < high {
        let middle = low.midpoint(high);
        match codes[middle * 3..middle * 3 + 2].cmp(code) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return true,
        }
    }
    false
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(code: &str) -> Result<Self, UnknownCountry> {
        match code.as_bytes() {
            [first, second] if is_assigned(code) => Ok(Self([*first, *second])),
            _ => Err(UnknownCountry(code.to_owned())),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_codes_are_countries() {
        let country = |code: &str| code.parse::<Country>();
        assert!(country("SE").unwrap().is_eu_member() && !country("NO").unwrap().is_eu_member());
        for bad in ["", "S", "se", "EU", "XI", "SWE", "AT BE"] {
            assert_eq!(country(bad), Err(UnknownCountry(bad.to_owned())));
        }
        assert!(country("UK").unwrap_err().to_string().ends_with("; the United Kingdom is GB"));
        assert_eq!(CODES.split(' ').count(), 249);
    }
}
