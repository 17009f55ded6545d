//! What documents say, in the languages of their readers, and how those write numbers and days.

use jiff::civil::Date;
use perennial_billing::{DocumentKind, Money};

/// The words of one language. `{}` stands for what is filled in.
#[derive(Debug)]
pub struct Words {
    /// The language: an ISO 639-1 code, `nb` for Norwegian.
    pub language: &'static str,
    decimal: char,
    thousands: char,
    /// As `strftime` has it.
    day: &'static str,
    pub(crate) invoice: &'static str,
    pub(crate) credit_note: &'static str,
    pub(crate) deposit: &'static str,
    pub(crate) reminder: &'static str,
    pub(crate) number: &'static str,
    pub(crate) date: &'static str,
    pub(crate) due: &'static str,
    pub(crate) customer: &'static str,
    pub(crate) attention: &'static str,
    pub(crate) vat_number: &'static str,
    pub(crate) your_vat_number: &'static str,
    pub(crate) company_number: &'static str,
    pub(crate) description: &'static str,
    pub(crate) quantity: &'static str,
    pub(crate) price: &'static str,
    pub(crate) vat: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) allowance: &'static str,
    pub(crate) net: &'static str,
    /// A rate, and what it is taken of.
    pub(crate) vat_of: &'static str,
    pub(crate) rounding: &'static str,
    pub(crate) total: &'static str,
    pub(crate) paid: &'static str,
    pub(crate) to_pay: &'static str,
    pub(crate) credited: &'static str,
    /// A number and a day.
    pub(crate) corrects: &'static str,
    pub(crate) payment: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) scan: &'static str,
    /// A currency, an amount, a rate, a day and a source.
    pub(crate) home_tax: &'static str,
    pub(crate) continued: &'static str,
    /// A page, and of how many.
    pub(crate) page: &'static str,
    pub(crate) phone: &'static str,
    pub(crate) download: &'static str,
    /// Of a payment link that is not good any more.
    pub(crate) link_over: &'static str,
    /// Whom to ask.
    pub(crate) link_over_advice: &'static str,
    pub(crate) link_unknown: &'static str,
    pub(crate) link_unknown_advice: &'static str,
}

impl Words {
    /// The words for a language tag such as `sv` or `de-AT`; English if they are not known.
    #[must_use]
    pub fn of(language: &str) -> &'static Self {
        let primary = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let primary = if matches!(primary.as_str(), "no" | "nn") { "nb" } else { &primary };
        ALL.into_iter().find(|words| words.language == primary).unwrap_or(&ENGLISH)
    }

    /// What a kind of document is called.
    #[must_use]
    pub fn title(&self, kind: DocumentKind) -> &'static str {
        match kind {
            DocumentKind::Invoice => self.invoice,
            DocumentKind::CreditNote => self.credit_note,
            DocumentKind::Deposit => self.deposit,
        }
    }

    /// A day.
    #[must_use]
    pub fn day(&self, date: Date) -> String {
        date.strftime(self.day).to_string()
    }

    /// An amount without its currency.
    #[must_use]
    pub fn amount(&self, money: Money) -> String {
        self.number(&money.amount())
    }

    /// An amount with the code of its currency.
    #[must_use]
    pub fn money(&self, money: Money) -> String {
        format!("{}\u{a0}{}", self.amount(money), money.currency.code())
    }

    /// A decimal that is written with a point.
    #[must_use]
    pub fn number(&self, plain: &str) -> String {
        let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("\u{2212}", digits));
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let mut text = sign.to_owned();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place) % 3 == 0 {
                text.push(self.thousands);
            }
            text.push(digit);
        }
        if let Some(fraction) = fraction {
            text.push(self.decimal);
            text.push_str(fraction);
        }
        text
    }
}

/// A text with each `{}` filled in, in order.
pub(crate) fn fill(text: &str, with: &[&str]) -> String {
    let mut with = with.iter();
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        filled.push_str(with.next().copied().unwrap_or_default());
        filled.push_str(part);
    }
    filled
}

/// A blank that no line ends at.
const NBSP: char = '\u{a0}';

/// All languages that are known.
pub static ALL: [&Words; 9] = [&ENGLISH, &SWEDISH, &GERMAN, &DANISH, &NORWEGIAN, &FINNISH, &DUTCH, &FRENCH, &POLISH];

static ENGLISH: Words = Words {
    language: "en",
    decimal: '.',
    thousands: ',',
    day: "%-d %b %Y",
    invoice: "Invoice",
    credit_note: "Credit note",
    deposit: "Payment request",
    reminder: "Payment reminder",
    number: "Number",
    date: "Date",
    due: "Due",
    customer: "Customer",
    attention: "Attention",
    vat_number: "VAT number",
    your_vat_number: "Your VAT number",
    company_number: "Company number",
    description: "Description",
    quantity: "Quantity",
    price: "Price",
    vat: "VAT",
    amount: "Amount",
    allowance: "Discount",
    net: "Net",
    vat_of: "VAT {}\u{a0}% of {}",
    rounding: "Rounding",
    total: "Total",
    paid: "Already paid",
    to_pay: "To pay",
    credited: "Credited",
    corrects: "Credits invoice {} of {}.",
    payment: "Payment",
    reference: "Reference",
    scan: "Scan to pay",
    home_tax: "VAT in {}: {} (rate {} of {}, {}).",
    continued: "Continued on the next page",
    page: "Page {} of {}",
    phone: "Phone",
    download: "Download as PDF",
    link_over: "This payment link is no longer valid",
    link_over_advice: "The invoice may be paid already, or there may be a newer link. If in doubt, ask {}.",
    link_unknown: "There is no such payment link",
    link_unknown_advice: "Check that the address is complete.",
};

static SWEDISH: Words = Words {
    language: "sv",
    decimal: ',',
    thousands: NBSP,
    day: "%Y-%m-%d",
    invoice: "Faktura",
    credit_note: "Kreditfaktura",
    deposit: "Betalningsbegäran",
    reminder: "Betalningspåminnelse",
    number: "Nummer",
    date: "Datum",
    due: "Förfaller",
    customer: "Kundnummer",
    attention: "Er referens",
    vat_number: "Momsreg.nr",
    your_vat_number: "Ert momsreg.nr",
    company_number: "Org.nr",
    description: "Beskrivning",
    quantity: "Antal",
    price: "Pris",
    vat: "Moms",
    amount: "Belopp",
    allowance: "Rabatt",
    net: "Netto",
    vat_of: "Moms {}\u{a0}% av {}",
    rounding: "Avrundning",
    total: "Summa",
    paid: "Redan betalt",
    to_pay: "Att betala",
    credited: "Krediteras",
    corrects: "Krediterar faktura {} av den {}.",
    payment: "Betalning",
    reference: "Referens",
    scan: "Skanna för att betala",
    home_tax: "Moms i {}: {} (kurs {} den {}, {}).",
    continued: "Fortsätter på nästa sida",
    page: "Sida {} av {}",
    phone: "Telefon",
    download: "Ladda ner som PDF",
    link_over: "Betalningslänken gäller inte längre",
    link_over_advice: "Fakturan kan redan vara betald, eller så finns det en nyare länk. Fråga {} om du är osäker.",
    link_unknown: "Betalningslänken finns inte",
    link_unknown_advice: "Kontrollera att adressen är fullständig.",
};

static GERMAN: Words = Words {
    language: "de",
    decimal: ',',
    thousands: '.',
    day: "%d.%m.%Y",
    invoice: "Rechnung",
    credit_note: "Rechnungskorrektur",
    deposit: "Zahlungsanforderung",
    reminder: "Zahlungserinnerung",
    number: "Nummer",
    date: "Datum",
    due: "Fällig am",
    customer: "Kundennummer",
    attention: "Zu Händen von",
    vat_number: "USt-IdNr.",
    your_vat_number: "Ihre USt-IdNr.",
    company_number: "Registernummer",
    description: "Beschreibung",
    quantity: "Menge",
    price: "Preis",
    vat: "USt.",
    amount: "Betrag",
    allowance: "Rabatt",
    net: "Nettobetrag",
    vat_of: "USt. {}\u{a0}% auf {}",
    rounding: "Rundung",
    total: "Gesamtbetrag",
    paid: "Bereits bezahlt",
    to_pay: "Zu zahlen",
    credited: "Gutgeschrieben",
    corrects: "Korrigiert Rechnung {} vom {}.",
    payment: "Zahlung",
    reference: "Verwendungszweck",
    scan: "Zum Bezahlen scannen",
    home_tax: "USt. in {}: {} (Kurs {} vom {}, {}).",
    continued: "Fortsetzung auf der nächsten Seite",
    page: "Seite {} von {}",
    phone: "Telefon",
    download: "Als PDF herunterladen",
    link_over: "Dieser Zahlungslink ist nicht mehr gültig",
    link_over_advice: "Vielleicht ist die Rechnung schon bezahlt, oder es gibt einen neueren Link. Wenden Sie sich im Zweifel an {}.",
    link_unknown: "Diesen Zahlungslink gibt es nicht",
    link_unknown_advice: "Prüfen Sie, ob die Adresse vollständig ist.",
};

static DANISH: Words = Words {
    language: "da",
    decimal: ',',
    thousands: '.',
    day: "%d.%m.%Y",
    invoice: "Faktura",
    credit_note: "Kreditnota",
    deposit: "Betalingsanmodning",
    reminder: "Betalingspåmindelse",
    number: "Nummer",
    date: "Dato",
    due: "Forfalder",
    customer: "Kundenummer",
    attention: "Att.",
    vat_number: "Momsnr.",
    your_vat_number: "Jeres momsnr.",
    company_number: "Registreringsnr.",
    description: "Beskrivelse",
    quantity: "Antal",
    price: "Pris",
    vat: "Moms",
    amount: "Beløb",
    allowance: "Rabat",
    net: "Netto",
    vat_of: "Moms {}\u{a0}% af {}",
    rounding: "Afrunding",
    total: "I alt",
    paid: "Allerede betalt",
    to_pay: "At betale",
    credited: "Krediteres",
    corrects: "Krediterer faktura {} af {}.",
    payment: "Betaling",
    reference: "Reference",
    scan: "Scan for at betale",
    home_tax: "Moms i {}: {} (kurs {} den {}, {}).",
    continued: "Fortsættes på næste side",
    page: "Side {} af {}",
    phone: "Telefon",
    download: "Download som PDF",
    link_over: "Betalingslinket gælder ikke længere",
    link_over_advice: "Fakturaen er måske allerede betalt, eller der findes et nyere link. Spørg {}, hvis du er i tvivl.",
    link_unknown: "Betalingslinket findes ikke",
    link_unknown_advice: "Kontrollér, at adressen er fuldstændig.",
};

static NORWEGIAN: Words = Words {
    language: "nb",
    decimal: ',',
    thousands: NBSP,
    day: "%d.%m.%Y",
    invoice: "Faktura",
    credit_note: "Kreditnota",
    deposit: "Betalingsanmodning",
    reminder: "Betalingspåminnelse",
    number: "Nummer",
    date: "Dato",
    due: "Forfaller",
    customer: "Kundenummer",
    attention: "Deres referanse",
    vat_number: "MVA-nr.",
    your_vat_number: "Deres MVA-nr.",
    company_number: "Org.nr.",
    description: "Beskrivelse",
    quantity: "Antall",
    price: "Pris",
    vat: "MVA",
    amount: "Beløp",
    allowance: "Rabatt",
    net: "Netto",
    vat_of: "MVA {}\u{a0}% av {}",
    rounding: "Avrunding",
    total: "Sum",
    paid: "Allerede betalt",
    to_pay: "Å betale",
    credited: "Krediteres",
    corrects: "Krediterer faktura {} av {}.",
    payment: "Betaling",
    reference: "Referanse",
    scan: "Skann for å betale",
    home_tax: "MVA i {}: {} (kurs {} den {}, {}).",
    continued: "Fortsetter på neste side",
    page: "Side {} av {}",
    phone: "Telefon",
    download: "Last ned som PDF",
    link_over: "Betalingslenken gjelder ikke lenger",
    link_over_advice: "Fakturaen kan allerede være betalt, eller det finnes en nyere lenke. Spør {} hvis du er i tvil.",
    link_unknown: "Betalingslenken finnes ikke",
    link_unknown_advice: "Kontroller at adressen er fullstendig.",
};

static FINNISH: Words = Words {
    language: "fi",
    decimal: ',',
    thousands: NBSP,
    day: "%-d.%-m.%Y",
    invoice: "Lasku",
    credit_note: "Hyvityslasku",
    deposit: "Maksupyyntö",
    reminder: "Maksumuistutus",
    number: "Numero",
    date: "Päiväys",
    due: "Eräpäivä",
    customer: "Asiakasnumero",
    attention: "Yhteyshenkilö",
    vat_number: "ALV-numero",
    your_vat_number: "ALV-numeronne",
    company_number: "Rekisterinumero",
    description: "Kuvaus",
    quantity: "Määrä",
    price: "Hinta",
    vat: "ALV",
    amount: "Summa",
    allowance: "Alennus",
    net: "Veroton summa",
    vat_of: "ALV {}\u{a0}% summasta {}",
    rounding: "Pyöristys",
    total: "Yhteensä",
    paid: "Jo maksettu",
    to_pay: "Maksettavaa",
    credited: "Hyvitetään",
    corrects: "Hyvittää laskun {}, {}.",
    payment: "Maksu",
    reference: "Viitenumero",
    scan: "Maksa skannaamalla",
    home_tax: "ALV valuutassa {}: {} (kurssi {}, {}, {}).",
    continued: "Jatkuu seuraavalla sivulla",
    page: "Sivu {}/{}",
    phone: "Puhelin",
    download: "Lataa PDF-tiedostona",
    link_over: "Maksulinkki ei ole enää voimassa",
    link_over_advice: "Lasku voi olla jo maksettu, tai siitä on uudempi linkki. Jos olet epävarma, ota yhteyttä: {}.",
    link_unknown: "Maksulinkkiä ei ole",
    link_unknown_advice: "Tarkista, että osoite on kokonainen.",
};

static DUTCH: Words = Words {
    language: "nl",
    decimal: ',',
    thousands: '.',
    day: "%d-%m-%Y",
    invoice: "Factuur",
    credit_note: "Creditfactuur",
    deposit: "Betaalverzoek",
    reminder: "Betalingsherinnering",
    number: "Nummer",
    date: "Datum",
    due: "Vervaldatum",
    customer: "Klantnummer",
    attention: "Ter attentie van",
    vat_number: "Btw-nummer",
    your_vat_number: "Uw btw-nummer",
    company_number: "Registratienummer",
    description: "Omschrijving",
    quantity: "Aantal",
    price: "Prijs",
    vat: "Btw",
    amount: "Bedrag",
    allowance: "Korting",
    net: "Netto",
    vat_of: "Btw {}\u{a0}% over {}",
    rounding: "Afronding",
    total: "Totaal",
    paid: "Al betaald",
    to_pay: "Te betalen",
    credited: "Gecrediteerd",
    corrects: "Crediteert factuur {} van {}.",
    payment: "Betaling",
    reference: "Betalingskenmerk",
    scan: "Scan om te betalen",
    home_tax: "Btw in {}: {} (koers {} van {}, {}).",
    continued: "Vervolg op de volgende pagina",
    page: "Pagina {} van {}",
    phone: "Telefoon",
    download: "Downloaden als pdf",
    link_over: "Deze betaallink is niet meer geldig",
    link_over_advice: "Misschien is de factuur al betaald of is er een nieuwere link. Neem bij twijfel contact op met {}.",
    link_unknown: "Deze betaallink bestaat niet",
    link_unknown_advice: "Controleer of het adres volledig is.",
};

static FRENCH: Words = Words {
    language: "fr",
    decimal: ',',
    thousands: NBSP,
    day: "%d/%m/%Y",
    invoice: "Facture",
    credit_note: "Avoir",
    deposit: "Demande de paiement",
    reminder: "Rappel de paiement",
    number: "Numéro",
    date: "Date",
    due: "Échéance",
    customer: "Numéro de client",
    attention: "À l’attention de",
    vat_number: "N° de TVA",
    your_vat_number: "Votre n° de TVA",
    company_number: "N° d’entreprise",
    description: "Désignation",
    quantity: "Quantité",
    price: "Prix",
    vat: "TVA",
    amount: "Montant",
    allowance: "Remise",
    net: "Total HT",
    vat_of: "TVA {}\u{a0}% sur {}",
    rounding: "Arrondi",
    total: "Total TTC",
    paid: "Déjà réglé",
    to_pay: "À payer",
    credited: "À votre crédit",
    corrects: "Avoir sur la facture {} du {}.",
    payment: "Paiement",
    reference: "Référence",
    scan: "Scannez pour payer",
    home_tax: "TVA en {} : {} (cours {} du {}, {}).",
    continued: "Suite à la page suivante",
    page: "Page {} sur {}",
    phone: "Téléphone",
    download: "Télécharger en PDF",
    link_over: "Ce lien de paiement n’est plus valable",
    link_over_advice: "La facture est peut-être déjà réglée, ou il existe un lien plus récent. En cas de doute, contactez {}.",
    link_unknown: "Ce lien de paiement n’existe pas",
    link_unknown_advice: "Vérifiez que l’adresse est complète.",
};

static POLISH: Words = Words {
    language: "pl",
    decimal: ',',
    thousands: NBSP,
    day: "%d.%m.%Y",
    invoice: "Faktura",
    credit_note: "Faktura korygująca",
    deposit: "Prośba o płatność",
    reminder: "Przypomnienie o płatności",
    number: "Numer",
    date: "Data wystawienia",
    due: "Termin płatności",
    customer: "Numer klienta",
    attention: "Do rąk",
    vat_number: "Numer VAT",
    your_vat_number: "Numer VAT nabywcy",
    company_number: "Numer rejestrowy",
    description: "Nazwa",
    quantity: "Ilość",
    price: "Cena",
    vat: "VAT",
    amount: "Wartość",
    allowance: "Rabat",
    net: "Wartość netto",
    vat_of: "VAT {}\u{a0}% od {}",
    rounding: "Zaokrąglenie",
    total: "Razem",
    paid: "Zapłacono",
    to_pay: "Do zapłaty",
    credited: "Do zwrotu",
    corrects: "Koryguje fakturę {} z dnia {}.",
    payment: "Płatność",
    reference: "Tytuł płatności",
    scan: "Zeskanuj, aby zapłacić",
    home_tax: "VAT w {}: {} (kurs {} z dnia {}, {}).",
    continued: "Ciąg dalszy na następnej stronie",
    page: "Strona {} z {}",
    phone: "Telefon",
    download: "Pobierz jako PDF",
    link_over: "Ten link do płatności nie jest już ważny",
    link_over_advice: "Faktura może być już opłacona albo istnieje nowszy link. W razie wątpliwości prosimy o kontakt: {}.",
    link_unknown: "Nie ma takiego linku do płatności",
    link_unknown_advice: "Prosimy sprawdzić, czy adres jest kompletny.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_writes_its_own_way() {
        let amount = Money::new(-123_456_789, "SEK".parse().unwrap());
        let day = jiff::civil::date(2026, 3, 7);
        let written = ["sv-SE", "en", "de-AT", "nn", "fi", "th"].map(|language| {
            let words = Words::of(language);
            format!("{}: {}, {}", words.language, words.money(amount), words.day(day)).replace('\u{a0}', "_")
        });
        let expected = [
            "sv: −1_234_567,89_SEK, 2026-03-07",
            "en: −1,234,567.89_SEK, 7 Mar 2026",
            "de: −1.234.567,89_SEK, 07.03.2026",
            "nb: −1_234_567,89_SEK, 07.03.2026",
            "fi: −1_234_567,89_SEK, 7.3.2026",
            "en: −1,234,567.89_SEK, 7 Mar 2026",
        ];
        assert_eq!(written, expected);
        assert_eq!(Words::of("sv").number("1000"), "1\u{a0}000");
    }

    #[test]
    fn what_is_filled_in_has_its_places() {
        for words in ALL {
            let places = |text: &str| text.matches("{}").count();
            let texts = [words.vat_of, words.corrects, words.home_tax, words.page, words.link_over_advice];
            assert_eq!(texts.map(places), [2, 2, 5, 2, 1], "{}", words.language);
        }
        assert_eq!(fill("VAT {} of {}", &["25", "100"]), "VAT 25 of 100");
    }
}
