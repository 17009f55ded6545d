//! A document as others read it, in the terms of EN 16931, as plain data.

use jiff::civil::Date;
use perennial_billing::{
    Bankgiro, Bic, Currency, DocumentKind, FikCreditor, Iban, Money, PaymentReference, Period, Plusgiro, Quantity,
    SwishNumber, TaxCategory, TaxProfile, exemption_code, untaxed_reason,
};

use crate::words::{Words, fill};

/// An invoice, a credit note or a deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is (BT-3).
    pub kind: DocumentKind,
    /// Its legal number (BT-1).
    pub number: String,
    /// The legal issue date (BT-2).
    pub issued_on: Date,
    /// When it is due (BT-9).
    pub due_on: Date,
    /// The currency of its amounts (BT-5).
    pub currency: Currency,
    /// The language of its reader: a tag such as `sv` or `de-AT`.
    pub language: String,
    /// Why it was issued (BT-22), or empty.
    pub note: String,
    /// What it corrects (BG-3).
    pub corrects: Option<Preceding>,
    /// Who issued it (BG-4).
    pub seller: Party,
    /// Who is billed (BG-7).
    pub buyer: Party,
    /// What the buyer wants to read (BT-10), or its number as a customer.
    pub buyer_reference: String,
    /// How it is paid (BG-16).
    pub payment: Payment,
    /// The lines (BG-25).
    pub lines: Vec<Line>,
    /// The tax, a group for each category and rate (BG-23).
    pub taxes: Vec<Tax>,
    /// Without tax (BT-109).
    pub net: Money,
    /// The tax (BT-110).
    pub tax: Money,
    /// What the total is rounded by (BT-114).
    pub rounding: Money,
    /// What it asks for, rounded.
    pub total: Money,
    /// What is paid already (BT-113).
    pub paid: Money,
    /// When it is reminded of, on a reminder.
    pub reminded_on: Option<Date>,
    /// The tax in the seller's own currency (BT-111), where that is another one.
    pub home_tax: Option<HomeTax>,
}

impl Document {
    /// What is still to be paid, or, of a credit note, what is given back (BT-115).
    #[must_use]
    pub fn to_pay(&self) -> Money {
        Money::new(self.total.minor.saturating_sub(self.paid.minor), self.currency)
    }

    /// Where to pay so much to and what to write, each with its name; nothing if there is no account.
    #[must_use]
    pub fn ways_to_pay(&self, open: Money, words: &Words) -> Vec<(&'static str, String)> {
        let payment = &self.payment;
        let mut ways: Vec<(&'static str, String)> = Vec::new();
        let mut add = |name, value: Option<String>| ways.extend(value.map(|value| (name, value)));
        add("Bankgiro", payment.bankgiro.as_ref().map(ToString::to_string));
        add("Plusgiro", payment.plusgiro.as_ref().map(ToString::to_string));
        add("IBAN", payment.iban.as_ref().map(ToString::to_string));
        add("BIC", payment.iban.as_ref().and(payment.bic.as_ref()).map(ToString::to_string));
        add("Swish", payment.swish.as_ref().map(ToString::to_string));
        let card = payment.reference.as_ref().and_then(|reference| reference.scheme().card_type());
        match (&payment.fik, card, &payment.reference) {
            (Some(creditor), Some(card), Some(reference)) => {
                add("FI", Some(format!("+{card}<{reference}+{creditor}<")));
            }
            _ => {
                let has_ways = payment.has_account() || payment.swish.is_some();
                add(words.reference, payment.reference.as_ref().filter(|_| has_ways).map(ToString::to_string));
            }
        }
        if !ways.is_empty() {
            ways.push((words.to_pay, words.money(open)));
            ways.push((words.due, words.day(self.due_on)));
        }
        ways
    }

    /// What leads from the lines to what is to be paid, each with its name.
    pub(crate) fn sums(&self, words: &Words) -> Vec<(String, String)> {
        let mut sums = vec![(words.net.to_owned(), words.amount(self.net))];
        for tax in self.taxes.iter().filter(|tax| tax.profile.category != TaxCategory::O) {
            let rate = words.number(&tax.profile.rate.percent());
            let mut name = fill(words.vat_of, &[&rate, &words.amount(tax.base)]);
            // Whose VAT it is, where that is not the seller's country.
            if tax.profile.category == TaxCategory::S && tax.profile.country.code() != self.seller.country {
                name = format!("{} {name}", tax.profile.country.code());
            }
            sums.push((name, words.amount(tax.tax)));
        }
        if self.rounding.minor != 0 {
            sums.push((words.rounding.to_owned(), words.amount(self.rounding)));
        }
        if self.paid.minor != 0 {
            sums.push((words.total.to_owned(), words.money(self.total)));
            sums.push((words.paid.to_owned(), words.amount(Money::new(-self.paid.minor, self.currency))));
        }
        sums
    }

    /// What they lead to, with its name.
    pub(crate) fn last_sum(&self, words: &Words) -> (&'static str, String) {
        let name = if self.kind == DocumentKind::CreditNote { words.credited } else { words.to_pay };
        (name, words.money(self.to_pay()))
    }
}

/// The document that another one corrects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preceding {
    /// Its number (BT-25).
    pub number: String,
    /// Its date (BT-26).
    pub issued_on: Date,
}

/// The tax in the seller's own currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeTax {
    /// How much.
    pub tax: Money,
    /// What one of the document's currency was worth in it, as text.
    pub rate: String,
    /// Of which day.
    pub rate_on: Date,
    /// Who says so.
    pub source: String,
}

/// A seller or a buyer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// Legal name (BT-27, BT-44).
    pub name: String,
    /// Who there to speak to, or empty (BT-41, BT-56).
    pub contact: String,
    /// Street (BT-35, BT-50).
    pub address1: String,
    /// Second line, or empty (BT-36, BT-51).
    pub address2: String,
    /// Postal code (BT-38, BT-53).
    pub postcode: String,
    /// City (BT-37, BT-52).
    pub city: String,
    /// ISO 3166-1 (BT-40, BT-55).
    pub country: String,
    /// VAT number (BT-31, BT-48), or empty.
    pub vat_number: String,
    /// Registration number (BT-30, BT-47), or empty.
    pub company_number: String,
    /// Mail address (BT-43, BT-58), or empty.
    pub email: String,
    /// Telephone (BT-42), or empty.
    pub phone: String,
    /// Where more is to be read, or empty.
    pub website: String,
}

impl Party {
    /// Name and address, line by line.
    pub(crate) fn address(&self) -> Vec<String> {
        let town = format!("{} {}", self.postcode, self.city);
        let lines = [self.name.clone(), self.address1.clone(), self.address2.clone(), town, self.country.clone()];
        lines.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Its numbers, and how it is reached.
    pub(crate) fn facts(&self, words: &Words) -> Vec<String> {
        let numbers = [
            (words.company_number, &self.company_number),
            (words.vat_number, &self.vat_number),
            (words.phone, &self.phone),
        ];
        let numbers = numbers.into_iter().filter(|(_, value)| !value.is_empty());
        let places = [&self.email, &self.website].into_iter().filter(|text| !text.is_empty()).cloned();
        numbers.map(|(name, value)| format!("{name} {value}")).chain(places).collect()
    }
}

/// How a document is paid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payment {
    /// The account (BT-84).
    pub iban: Option<Iban>,
    /// Its bank (BT-86).
    pub bic: Option<Bic>,
    /// A Swedish giro.
    pub bankgiro: Option<Bankgiro>,
    /// The other one.
    pub plusgiro: Option<Plusgiro>,
    /// A Danish creditor.
    pub fik: Option<FikCreditor>,
    /// A payee of Swish.
    pub swish: Option<SwishNumber>,
    /// What the payer has to write (BT-83).
    pub reference: Option<PaymentReference>,
}

impl Payment {
    /// Whether it says where to pay to.
    #[must_use]
    pub fn has_account(&self) -> bool {
        self.iban.is_some() || self.bankgiro.is_some() || self.plusgiro.is_some() || self.fik.is_some()
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What the buyer reads (BT-153).
    pub description: String,
    /// How many (BT-129).
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: Money,
    /// Without tax, less the allowance (BT-131).
    pub net: Money,
    /// The same with tax, where prices contain it.
    pub gross: Option<Money>,
    /// What is taken off, and why (BG-27).
    pub allowance: Option<(Money, String)>,
    /// Country, category and rate (BG-30).
    pub tax: TaxProfile,
    /// The days it is about (BG-26).
    pub period: Option<Period>,
}

impl Line {
    /// Its days, and what was taken off it.
    pub(crate) fn detail(&self, words: &Words) -> Option<String> {
        let days = self.period.map(|period| (words.day(period.starts), words.day(period.last_day())));
        // A text that names the days already does not need them again.
        let days =
            days.filter(|_| self.period.is_some_and(|period| !self.description.contains(&period.starts.to_string())));
        let days = days.map(|(from, through)| if from == through { from } else { format!("{from} – {through}") });
        let off = self.allowance.as_ref().map(|(off, reason)| {
            let off = words.amount(Money::new(-off.minor, off.currency));
            let reason = if reason.is_empty() { words.allowance } else { reason };
            format!("{reason}: {off}")
        });
        let texts: Vec<String> = days.into_iter().chain(off).collect();
        (!texts.is_empty()).then(|| texts.join(" · "))
    }

    /// Its tax in per cent.
    pub(crate) fn tax_rate(&self, words: &Words) -> String {
        match self.tax.category {
            TaxCategory::O => "–".to_owned(),
            _ => format!("{}\u{a0}%", words.number(&self.tax.rate.percent())),
        }
    }
}

/// The tax of one category and rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// Country, category and rate.
    pub profile: TaxProfile,
    /// The sum of its lines (BT-116).
    pub base: Money,
    /// The tax (BT-117).
    pub tax: Money,
    /// Why the buyer is exempt, if it is by a reason of its own; or empty.
    pub own_reason: String,
}

impl Tax {
    /// Why no tax is charged, in the language of the reader (BT-120).
    #[must_use]
    pub fn reason(&self, language: &str) -> Option<String> {
        untaxed_reason(self.profile.category, &self.own_reason, language)
    }

    /// The same as a code (BT-121), where there is one.
    #[must_use]
    pub fn reason_code(&self) -> Option<&'static str> {
        exemption_code(self.profile.category)
    }
}
