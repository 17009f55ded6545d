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
            let counted = [words.vat_of, words.corrects, words.home_tax, words.page].map(places);
            assert_eq!(counted, [2, 2, 5, 2], "{}", words.language);
        }
        assert_eq!(fill("VAT {} of {}", &["25", "100"]), "VAT 25 of 100");
    }
}
