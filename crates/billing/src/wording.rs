//! What an invoice has to say about tax that it does not charge, in the language of its reader.

use crate::TaxCategory;

/// A reason why no tax is charged, as a code of the European Commission's VATEX list (EN 16931 BT-121).
#[must_use]
pub fn exemption_code(category: TaxCategory) -> Option<&'static str> {
    match category {
        TaxCategory::S | TaxCategory::Z | TaxCategory::E => None,
        TaxCategory::AE => Some("VATEX-EU-AE"),
        TaxCategory::K => Some("VATEX-EU-IC"),
        TaxCategory::G => Some("VATEX-EU-G"),
        TaxCategory::O => Some("VATEX-EU-O"),
    }
}

/// What the law wants to read (BT-120): Directive 2006/112/EC, article 226 (11a), names "Reverse charge", and (11) a reference
/// to the provision under which a supply is exempt. What makes a customer exempt is the customer's own reason. The language is
/// a tag such as `sv` or `sv-SE`; those that are not known are answered in English.
#[must_use]
pub fn exemption_reason(category: TaxCategory, language: &str) -> Option<&'static str> {
    let texts = match category {
        TaxCategory::S | TaxCategory::Z => return None,
        TaxCategory::AE => &REVERSE_CHARGE,
        TaxCategory::K => &INTRA_COMMUNITY,
        TaxCategory::G => &EXPORT,
        TaxCategory::E => &EXEMPT,
        TaxCategory::O => &OUTSIDE,
    };
    let primary = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let primary = if primary == "no" { "nb" } else { &primary };
    let find = |wanted: &str| texts.iter().find(|(language, _)| *language == wanted).map(|(_, text)| *text);
    find(primary).or_else(|| find("en"))
}

/// The same, where a customer who is exempt by a reason of its own says that instead.
#[must_use]
pub fn untaxed_reason(category: TaxCategory, own: &str, language: &str) -> Option<String> {
    let is_own = category == TaxCategory::E && !own.is_empty();
    if is_own { Some(own.to_owned()) } else { exemption_reason(category, language).map(str::to_owned) }
}

type Texts = [(&'static str, &'static str); 9];

const REVERSE_CHARGE: Texts = [
    ("en", "Reverse charge: the customer accounts for the VAT (Directive 2006/112/EC, articles 44 and 196)"),
    ("sv", "Omvänd betalningsskyldighet: köparen redovisar momsen (direktiv 2006/112/EG, artiklarna 44 och 196)"),
    ("de", "Steuerschuldnerschaft des Leistungsempfängers (Richtlinie 2006/112/EG, Artikel 44 und 196)"),
    ("da", "Omvendt betalingspligt: køber afregner momsen (direktiv 2006/112/EF, artikel 44 og 196)"),
    ("nb", "Omvendt avgiftsplikt: kjøperen beregner merverdiavgiften (direktiv 2006/112/EF, artikkel 44 og 196)"),
    ("fi", "Käännetty verovelvollisuus: ostaja maksaa arvonlisäveron (direktiivi 2006/112/EY, artiklat 44 ja 196)"),
    ("nl", "Btw verlegd: de afnemer voldoet de btw (Richtlijn 2006/112/EG, artikelen 44 en 196)"),
    ("fr", "Autoliquidation : la TVA est due par le preneur (directive 2006/112/CE, articles 44 et 196)"),
    ("pl", "Odwrotne obciążenie: VAT rozlicza nabywca (dyrektywa 2006/112/WE, art. 44 i 196)"),
];

const INTRA_COMMUNITY: Texts = [
    ("en", "Intra-Community supply, exempt (Directive 2006/112/EC, article 138)"),
    ("sv", "Gemenskapsintern leverans, undantagen från moms (direktiv 2006/112/EG, artikel 138)"),
    ("de", "Steuerfreie innergemeinschaftliche Lieferung (Richtlinie 2006/112/EG, Artikel 138)"),
    ("da", "Momsfri levering inden for EU (direktiv 2006/112/EF, artikel 138)"),
    ("nb", "Avgiftsfri levering innen EU (direktiv 2006/112/EF, artikkel 138)"),
    ("fi", "Veroton yhteisömyynti (direktiivi 2006/112/EY, artikla 138)"),
    ("nl", "Intracommunautaire levering, vrijgesteld (Richtlijn 2006/112/EG, artikel 138)"),
    ("fr", "Livraison intracommunautaire exonérée (directive 2006/112/CE, article 138)"),
    ("pl", "Wewnątrzwspólnotowa dostawa towarów, zwolniona (dyrektywa 2006/112/WE, art. 138)"),
];

const EXPORT: Texts = [
    ("en", "Supplied outside the EU: no VAT is charged (Directive 2006/112/EC, articles 44, 59 and 146)"),
    ("sv", "Tillhandahållet utanför EU: ingen moms tas ut (direktiv 2006/112/EG, artiklarna 44, 59 och 146)"),
    ("de", "Außerhalb der EU erbracht: keine Umsatzsteuer (Richtlinie 2006/112/EG, Artikel 44, 59 und 146)"),
    ("da", "Leveret uden for EU: der opkræves ikke moms (direktiv 2006/112/EF, artikel 44, 59 og 146)"),
    ("nb", "Levert utenfor EU: ingen merverdiavgift beregnes (direktiv 2006/112/EF, artikkel 44, 59 og 146)"),
    ("fi", "Suoritettu EU:n ulkopuolelle: arvonlisäveroa ei peritä (direktiivi 2006/112/EY, artiklat 44, 59 ja 146)"),
    ("nl", "Buiten de EU verricht: geen btw (Richtlijn 2006/112/EG, artikelen 44, 59 en 146)"),
    ("fr", "Fourni hors de l’Union européenne : sans TVA (directive 2006/112/CE, articles 44, 59 et 146)"),
    ("pl", "Świadczone poza UE: VAT nie jest naliczany (dyrektywa 2006/112/WE, art. 44, 59 i 146)"),
];

const EXEMPT: Texts = [
    ("en", "Exempt from VAT"),
    ("sv", "Undantaget från moms"),
    ("de", "Von der Umsatzsteuer befreit"),
    ("da", "Fritaget for moms"),
    ("nb", "Fritatt for merverdiavgift"),
    ("fi", "Arvonlisäveroton"),
    ("nl", "Vrijgesteld van btw"),
    ("fr", "Exonéré de TVA"),
    ("pl", "Zwolnione z VAT"),
];

const OUTSIDE: Texts = [
    ("en", "Not subject to VAT"),
    ("sv", "Omfattas inte av moms"),
    ("de", "Nicht umsatzsteuerbar"),
    ("da", "Ikke omfattet af moms"),
    ("nb", "Ikke omfattet av merverdiavgift"),
    ("fi", "Ei kuulu arvonlisäveron piiriin"),
    ("nl", "Niet aan btw onderworpen"),
    ("fr", "Non soumis à la TVA"),
    ("pl", "Nie podlega VAT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_charged_is_explained_in_the_readers_language() {
        let reason = |category, language| exemption_reason(category, language).unwrap_or("-");
        assert!(reason(TaxCategory::AE, "sv-SE").starts_with("Omvänd betalningsskyldighet"));
        assert!(reason(TaxCategory::AE, "no").starts_with("Omvendt avgiftsplikt"));
        assert!(reason(TaxCategory::G, "th").starts_with("Supplied outside the EU"));
        assert_eq!(reason(TaxCategory::S, "sv"), "-");
        for texts in [REVERSE_CHARGE, INTRA_COMMUNITY, EXPORT, EXEMPT, OUTSIDE] {
            let mut languages = texts.map(|(language, _)| language);
            languages.sort_unstable();
            assert_eq!(languages, ["da", "de", "en", "fi", "fr", "nb", "nl", "pl", "sv"]);
        }
    }
}
