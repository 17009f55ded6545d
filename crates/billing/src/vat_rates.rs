//! The standard rates of value added tax in Europe, each with the day it began.
//!
//! A rate that changes gets another row; no row is edited, because invoices that were issued under it are asked about
//! again. `tests/vat_rates.rs` compares the table with two others.

use jiff::civil::{Date, date};

use crate::Rate;

/// A country's standard rate from a day on, until its next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandardRate {
    /// ISO 3166-1, two capitals: Greece is `GR`, not `EL`.
    pub country: &'static str,
    /// The first day on which tax falls due at this rate.
    pub from: Date,
    /// The rate.
    pub rate: Rate,
}

/// The day the table begins. The first row of each country holds on it and is usually older.
pub const STANDARD_RATES_FROM: Date = date(2020, 1, 1);

/// The rate that a country had when the table begins.
const fn first(country: &'static str, parts_per_million: i64) -> StandardRate {
    changed(country, STANDARD_RATES_FROM, parts_per_million)
}

/// A rate that began later.
const fn changed(country: &'static str, from: Date, parts_per_million: i64) -> StandardRate {
    StandardRate { country, from, rate: Rate::from_parts_per_million(parts_per_million) }
}

/// The standard rates, by country and day: the EU's 27 members, the United Kingdom and the Isle of Man, Iceland,
/// Liechtenstein, Monaco, Norway and Switzerland.
///
/// Beside each row stands the law that sets the rate, and for a first row the year since which it has. Rows of members
/// agree with the European Commission's "Taxes in Europe" database. Regional standard rates have no country code and are
/// not here: Jungholz and Mittelberg (19 %), Madeira (22 %), the Azores (16 %), and the reduced rates of some Greek
/// islands. What lies outside the EU's VAT area is told by [`is_in_vat_area`](crate::is_in_vat_area).
pub const STANDARD_RATES: &[StandardRate] = &[
    first("AT", 200_000),                     // UStG 1994 § 10 (1); since 1984
    first("BE", 210_000),                     // Royal Decree no. 20 of 20 July 1970, article 1; since 1996
    first("BG", 200_000),                     // VAT Act (ЗДДС), article 66; since 1999
    first("CH", 77_000),                      // MWSTG article 25 (1); since 2018
    changed("CH", date(2024, 1, 1), 81_000),  // federal decree on financing the AHV, vote of 25 September 2022
    first("CY", 190_000),                     // VAT Law 95(I)/2000; since 2014
    first("CZ", 210_000),                     // Act 235/2004, § 47 (1); since 2013
    first("DE", 190_000),                     // UStG § 12 (1); since 2007
    changed("DE", date(2020, 7, 1), 160_000), // Second Corona Tax Relief Act of 29 June 2020: UStG § 28 (1)
    changed("DE", date(2021, 1, 1), 190_000), // the same act: through 31 December 2020 only
    first("DK", 250_000),                     // momsloven § 33; since 1992
    first("EE", 200_000),                     // käibemaksuseadus § 15 (1); since 2009
    changed("EE", date(2024, 1, 1), 220_000), // the same, as amended in June 2023
    changed("EE", date(2025, 7, 1), 240_000), // the same, as amended with the security tax act of 11 December 2024
    first("ES", 210_000),                     // Ley 37/1992, article 90; since 2012
    first("FI", 240_000),                     // arvonlisäverolaki (1501/1993) § 84; since 2013
    changed("FI", date(2024, 9, 1), 255_000), // the same, as amended by government proposal HE 61/2024
    first("FR", 200_000),                     // CGI article 278; since 2014
    first("GB", 200_000),                     // Value Added Tax Act 1994, section 2 (1); since 2011
    first("GR", 240_000),                     // Law 4389/2016, VAT Code article 21; since 2016
    first("HR", 250_000),                     // Zakon o PDV, article 38 (1); since 2012
    first("HU", 270_000),                     // Act CXXVII of 2007, § 82 (1); since 2012
    first("IE", 230_000),                     // Value-Added Tax Consolidation Act 2010, section 46 (1)(a); since 2012
    changed("IE", date(2020, 9, 1), 210_000), // Financial Provisions (Covid-19) (No. 2) Act 2020, section 12
    changed("IE", date(2021, 3, 1), 230_000), // the same act: through 28 February 2021 only
    first("IM", 200_000),                     // Value Added Tax Act 1996 (of Tynwald): as in the UK; since 2011
    first("IS", 240_000),                     // Act 50/1988, article 14; since 2015
    first("IT", 220_000),                     // DPR 633/1972, article 16; since 2013
    first("LI", 77_000),                      // MWSTG (LGBl. 2009 no. 330) article 25; treaty of 1994: as Switzerland
    changed("LI", date(2024, 1, 1), 81_000),  // the same; with Switzerland
    first("LT", 210_000),                     // PVM įstatymas, article 19 (1); since 2009
    first("LU", 170_000),                     // VAT Law of 12 February 1979, article 39; since 2015
    changed("LU", date(2023, 1, 1), 160_000), // Law of 26 October 2022
    changed("LU", date(2024, 1, 1), 170_000), // the same law: through 31 December 2023 only
    first("LV", 210_000),                     // PVN likums, article 41; since 2012
    first("MC", 200_000), // turnover tax code, by the convention of 18 May 1963 as in France; since 2014
    first("MT", 180_000), // Value Added Tax Act (chapter 406), article 19; since 2004
    first("NL", 210_000), // Wet OB 1968, article 9 (1); since 2012
    first("NO", 250_000), // merverdiavgiftsloven § 5-1, set each year by the Storting; since 2005
    first("PL", 230_000), // VAT Act of 11 March 2004, articles 41 and 146a and after; since 2011
    first("PT", 230_000), // CIVA article 18 (1)(c), the mainland; since 2011
    first("RO", 190_000), // Tax Code (Law 227/2015), article 291 (1); since 2017
    changed("RO", date(2025, 8, 1), 210_000), // the same, as amended by Law 141/2025
    first("SE", 250_000), // mervärdesskattelagen, now 2023:200, chapter 9 § 2; since 1990
    first("SI", 220_000), // ZDDV-1, article 41; since 2013
    first("SK", 200_000), // Act 222/2004, § 27 (1); since 2011
    changed("SK", date(2025, 1, 1), 230_000), // the same, as amended by Act 278/2024
];

/// The standard rates of a country, the oldest first; none for a country that is not in the table.
#[must_use]
pub fn standard_rates(country: &str) -> &'static [StandardRate] {
    let start = STANDARD_RATES.partition_point(|row| row.country < country);
    let end = STANDARD_RATES.partition_point(|row| row.country <= country);
    &STANDARD_RATES[start..end]
}

/// The standard rate of a country on a day. None for a country that is not in the table, and for days before
/// [`STANDARD_RATES_FROM`].
#[must_use]
pub fn standard_rate(country: &str, day: Date) -> Option<Rate> {
    standard_rates(country).iter().rev().find(|row| row.from <= day).map(|row| row.rate)
}

/// The countries of the table, in the order of their codes.
pub fn standard_rate_countries() -> impl Iterator<Item = &'static str> {
    STANDARD_RATES.iter().filter(|row| row.from == STANDARD_RATES_FROM).map(|row| row.country)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Country;

    #[test]
    fn rows_are_in_order_and_each_country_has_a_first() {
        assert!(STANDARD_RATES.is_sorted_by(|a, b| (a.country, a.from) < (b.country, b.from)));
        for row in STANDARD_RATES {
            assert_eq!(standard_rates(row.country)[0].from, STANDARD_RATES_FROM, "{}", row.country);
        }
        assert!(STANDARD_RATES.windows(2).all(|w| w[0].country != w[1].country || w[0].rate != w[1].rate));
    }

    #[test]
    fn every_member_and_seven_neighbours_are_in_the_table() {
        let (members, others): (Vec<_>, Vec<_>) =
            standard_rate_countries().partition(|country| country.parse().is_ok_and(Country::is_eu_member));
        assert_eq!(members.len(), 27);
        assert_eq!(others, ["CH", "GB", "IM", "IS", "LI", "MC", "NO"]);
    }

    /// Article 97 of Directive 2006/112/EC: no member's standard rate may be below 15 %. Nor was any above 27 %.
    #[test]
    fn members_keep_to_the_directive() {
        for row in STANDARD_RATES.iter().filter(|row| row.country.parse().is_ok_and(Country::is_eu_member)) {
            assert!((150_000..=270_000).contains(&row.rate.parts_per_million()), "{row:?}");
        }
    }

    #[test]
    fn a_rate_holds_from_its_first_day() {
        for (country, day, percent) in [
            ("DE", date(2020, 6, 30), "19"),
            ("DE", date(2020, 7, 1), "16"),
            ("DE", date(2020, 12, 31), "16"),
            ("DE", date(2021, 1, 1), "19"),
            ("FI", date(2024, 8, 31), "24"),
            ("FI", date(2024, 9, 1), "25.5"),
            ("CH", date(2023, 12, 31), "7.7"),
            ("LI", date(2024, 1, 1), "8.1"),
            ("RO", date(2025, 7, 31), "19"),
            ("RO", date(2025, 8, 1), "21"),
            ("SE", date(2020, 1, 1), "25"),
            ("SE", Date::MAX, "25"),
        ] {
            let rate = standard_rate(country, day).map(Rate::percent);
            assert_eq!(rate.as_deref(), Some(percent), "{country} {day}");
        }
    }

    #[test]
    fn there_is_no_rate_elsewhere_or_before() {
        for country in ["US", "EL", "UK", "XI", "JE", "AX", "se", ""] {
            assert_eq!(standard_rate(country, date(2026, 1, 1)), None, "{country:?}");
            assert!(standard_rates(country).is_empty(), "{country:?}");
        }
        assert_eq!(standard_rate("SE", date(2019, 12, 31)), None);
    }
}
