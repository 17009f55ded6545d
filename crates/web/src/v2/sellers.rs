//! `/api/v2/sellers`: who issues invoices, and by which rules.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{
    Currency, DayCount, Invoicing, LatePayment, LeadTime, NumberPattern, NumberReset, QuietHours, Rate,
    ReferenceScheme, Rounding, SellerId, TaxRounding, VatNumberPolicy,
};
use perennial_store::sellers::{self, EInvoicePolicy, MailXml, OpenInvoicePolicy, RunRules, Seller};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Versioned};
use crate::wire::{At, Edit, IfMatch, Json, List, Patch, Text, Word, maybe};

/// Minutes of an hour.
const MINUTES_PER_HOUR: u16 = 60;
/// Hundredths that prices end in at most.
const MAX_ENDING: u8 = 99;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Seller")]
pub(crate) struct Shown {
    id: Text<SellerId>,
    /// Legal name.
    name: String,
    address1: String,
    address2: String,
    postcode: String,
    city: String,
    /// ISO 3166-1, two capitals.
    country: String,
    vat_number: String,
    /// Registration number.
    company_number: String,
    /// Where customers write to.
    email: String,
    phone: String,
    website: String,
    iban: String,
    bic: String,
    bankgiro: String,
    plusgiro: String,
    /// Payee's number for Swish.
    swish: String,
    /// Danish creditor number for FIK payments.
    fik_creditor: String,
    /// What payers write; null for what is usual in its country.
    payment_reference: Option<Word<ReferenceScheme>>,
    /// Of its books, and of new customers who say nothing.
    currency: Text<Currency>,
    /// In which its days begin.
    time_zone: String,
    created_at: Text<Timestamp>,
    /// Whether it is registered for VAT; one that is not charges none.
    vat_registered: bool,
    /// Its own standard rate in per cent; null for the one that its country has on the day of an invoice.
    vat_rate: Option<Text<Rate>>,
    /// From which day it declares in the one-stop shop what consumers in other member states pay.
    oss_from: Option<Text<Date>>,
    /// Whether a VAT number has to be found valid before the customer accounts for the tax.
    vat_numbers: Word<VatNumberPolicy>,
    /// Whether prices contain the VAT of its country.
    prices_include_vat: bool,
    /// How fractions of a minor unit are rounded.
    rounding: Word<Rounding>,
    /// What VAT is rounded for.
    vat_rounding: Word<TaxRounding>,
    /// Minor units of which a total is a multiple: 100 for whole crowns.
    cash_rounding: i64,
    number_pattern: Text<NumberPattern>,
    credit_note_pattern: Text<NumberPattern>,
    deposit_pattern: Text<NumberPattern>,
    /// When numbers start anew: `never`, or the month in which the fiscal year begins.
    number_reset: Text<NumberReset>,
    /// Whether a new invoice is paid from the customer's credit, as far as that goes.
    apply_credit: bool,
    /// What becomes of a service's dates when a renewal is paid late.
    late_payment: Word<LatePayment>,
    /// Days a customer has to pay, at least.
    payment_terms_days: u16,
    /// Months ahead of today in which a period may start to be renewed.
    renew_ahead_months: u16,
    /// What renewing does while a renewal invoice is unpaid.
    open_invoice: Word<OpenInvoicePolicy>,
    /// What becomes of an invoice for a company whose e-invoice the rules of EN 16931 would refuse.
    e_invoices: Word<EInvoicePolicy>,
    /// Whether an issued invoice is mailed at once.
    mail_invoices: bool,
    /// When the run mails nobody, in its time zone; null for never.
    quiet_hours: Option<Text<QuietHours>>,
    /// Which e-invoice goes along with a company's invoice as a file of its own.
    mail_xml: Word<MailXml>,
    /// Days before a period begins in which the run bills it, where no nearer lead time is set.
    lead_days: u16,
    /// Whether the server starts a run every day.
    daily_run: bool,
    /// When it does, in its time zone.
    run_at: Text<Time>,
    /// Whether the run renews services that are suspended.
    renew_suspended: bool,
    /// Periods of a service that may have begun unbilled; the run parks one that is further behind.
    max_periods_behind: u16,
    /// Days after today in which what falls due joins an invoice that the run issues today.
    consolidation_days: u16,
    /// How what falls due together is invoiced, unless a customer wants it otherwise.
    invoicing: Word<Invoicing>,
    /// How the days of a period are counted when a part of it is billed or given back.
    day_count: Word<DayCount>,
    /// Days in which customers have to be told before their price changes.
    price_notice_days: u16,
    /// Whether a price that the catalogue does not have in a customer's currency is converted from the seller's own.
    convert_prices: bool,
    /// The hundredths that converted prices end in; null for any.
    converted_ending: Option<u8>,
}

/// What to change; what is left out stays. Documents that were issued keep what they were issued with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct SellerChange {
    /// Legal name.
    name: Edit<String>,
    address1: Edit<String>,
    address2: Patch<String>,
    postcode: Patch<String>,
    city: Edit<String>,
    /// With its country prefix.
    vat_number: Patch<String>,
    /// Registration number.
    company_number: Patch<String>,
    /// Where customers write to.
    email: Patch<String>,
    phone: Patch<String>,
    website: Patch<String>,
    iban: Patch<String>,
    bic: Patch<String>,
    bankgiro: Patch<String>,
    plusgiro: Patch<String>,
    /// Payee's number for Swish.
    swish: Patch<String>,
    /// Danish creditor number for FIK payments.
    fik_creditor: Patch<String>,
    /// What payers write; null for what is usual in its country.
    payment_reference: Patch<Word<ReferenceScheme>>,
    vat_registered: Edit<bool>,
    /// In per cent; null for the one that its country has on the day of an invoice.
    vat_rate: Patch<Text<Rate>>,
    /// From which day it declares in the one-stop shop what consumers in other member states pay; null for never.
    oss_from: Patch<Text<Date>>,
    vat_numbers: Edit<Word<VatNumberPolicy>>,
    /// Only before the first invoice.
    prices_include_vat: Edit<bool>,
    rounding: Edit<Word<Rounding>>,
    vat_rounding: Edit<Word<TaxRounding>>,
    /// Minor units of which a total is a multiple: 100 for whole crowns.
    cash_rounding: Edit<i64>,
    number_pattern: Edit<Text<NumberPattern>>,
    credit_note_pattern: Edit<Text<NumberPattern>>,
    deposit_pattern: Edit<Text<NumberPattern>>,
    /// Only before the first invoice.
    number_reset: Edit<Text<NumberReset>>,
    apply_credit: Edit<bool>,
    late_payment: Edit<Word<LatePayment>>,
    #[schemars(range(max = LeadTime::MAX_DAYS))]
    payment_terms_days: Edit<u16>,
    #[schemars(range(max = perennial_app::NewSeller::MAX_RENEW_AHEAD_MONTHS))]
    renew_ahead_months: Edit<u16>,
    open_invoice: Edit<Word<OpenInvoicePolicy>>,
    e_invoices: Edit<Word<EInvoicePolicy>>,
    mail_invoices: Edit<bool>,
    /// Null for never.
    quiet_hours: Patch<Text<QuietHours>>,
    mail_xml: Edit<Word<MailXml>>,
    #[schemars(range(max = LeadTime::MAX_DAYS))]
    lead_days: Edit<u16>,
    daily_run: Edit<bool>,
    run_at: Edit<Text<Time>>,
    renew_suspended: Edit<bool>,
    #[schemars(range(max = RunRules::MAX_PERIODS_BEHIND))]
    max_periods_behind: Edit<u16>,
    #[schemars(range(max = RunRules::MAX_CONSOLIDATION_DAYS))]
    consolidation_days: Edit<u16>,
    invoicing: Edit<Word<Invoicing>>,
    day_count: Edit<Word<DayCount>>,
    #[schemars(range(max = LeadTime::MAX_DAYS))]
    price_notice_days: Edit<u16>,
    convert_prices: Edit<bool>,
    /// The hundredths that converted prices end in; null for any.
    #[schemars(range(max = MAX_ENDING))]
    converted_ending: Patch<u8>,
}

/// The seller to whom the key belongs.
pub(crate) async fn list(context: Context) -> Result<Answer<List<Shown>>, ApiError> {
    let known = sellers::get(&mut context.app.store.read().await?, context.caller.seller).await?;
    Ok(Answer(List::of(known, shown)))
}

/// One seller.
pub(crate) async fn detail(context: Context, At(id): At<SellerId>) -> Result<Versioned<Shown>, ApiError> {
    own(&context, id)?;
    let known = sellers::get(&mut context.app.store.read().await?, id).await?.ok_or_else(unknown)?;
    Ok(Versioned(known.version, shown(known)))
}

/// Changes a seller.
pub(crate) async fn change(
    context: Context,
    At(id): At<SellerId>,
    IfMatch(expected): IfMatch,
    Json(change): Json<SellerChange>,
) -> Result<Versioned<Shown>, ApiError> {
    own(&context, id)?;
    if matches!(change.converted_ending, Patch::Set(hundredths) if hundredths > MAX_ENDING) {
        return Err(ApiError::invalid_value("convertedEnding", "must be hundredths, from 0 to 99"));
    }
    let changed = context.app.edit_seller(context.caller.actor, id, expected, |seller| change.apply(seller)).await?;
    Ok(Versioned(changed.version, shown(changed)))
}

/// Whether it is the seller to whom the key belongs: another one is not there.
fn own(context: &Context, id: SellerId) -> Result<(), ApiError> {
    if context.caller.seller == id { Ok(()) } else { Err(unknown()) }
}

fn unknown() -> ApiError {
    ApiError::not_found("Seller not found")
}

impl SellerChange {
    fn apply(self, seller: &mut Seller) {
        let party = &mut seller.party;
        for (field, given) in [
            (&mut party.address2, self.address2),
            (&mut party.postcode, self.postcode),
            (&mut party.vat_number, self.vat_number),
            (&mut party.company_number, self.company_number),
            (&mut party.email, self.email),
            (&mut party.phone, self.phone),
            (&mut party.website, self.website),
            (&mut party.iban, self.iban),
            (&mut party.bic, self.bic),
            (&mut party.bankgiro, self.bankgiro),
            (&mut party.plusgiro, self.plusgiro),
            (&mut party.swish, self.swish),
            (&mut party.fik_creditor, self.fik_creditor),
            (&mut party.payment_reference, self.payment_reference.map(|Word(scheme)| scheme.as_str().to_owned())),
        ] {
            given.map(|text| text.trim().to_owned()).onto(field);
        }
        for (field, given) in
            [(&mut party.name, self.name), (&mut party.address1, self.address1), (&mut party.city, self.city)]
        {
            given.onto(field, |text| text.trim().to_owned());
        }
        let tax = &mut seller.tax;
        self.vat_registered.onto(&mut tax.is_registered, same);
        tax.home_rate = self.vat_rate.map(|Text(rate)| rate).over(tax.home_rate);
        tax.oss_from = self.oss_from.map(|Text(day)| day).over(tax.oss_from);
        self.vat_numbers.onto(&mut tax.number_policy, word);
        let amounts = &mut seller.amounts;
        self.prices_include_vat.onto(&mut amounts.includes_tax, same);
        self.rounding.onto(&mut amounts.rounding, word);
        self.vat_rounding.onto(&mut amounts.tax_rounding, word);
        self.cash_rounding.onto(&mut amounts.payable_step, same);
        let numbering = &mut seller.numbering;
        self.number_pattern.onto(&mut numbering.invoices, text);
        self.credit_note_pattern.onto(&mut numbering.credit_notes, text);
        self.deposit_pattern.onto(&mut numbering.deposits, text);
        self.number_reset.onto(&mut numbering.reset, text);
        self.apply_credit.onto(&mut seller.applies_credit, same);
        self.late_payment.onto(&mut seller.late_payment, word);
        self.payment_terms_days.onto(&mut seller.payment_terms_days, same);
        self.renew_ahead_months.onto(&mut seller.renew_ahead_months, same);
        self.open_invoice.onto(&mut seller.open_invoice_policy, word);
        self.e_invoices.onto(&mut seller.e_invoices, word);
        self.mail_invoices.onto(&mut seller.mail_invoices, same);
        seller.mail.quiet_hours = self.quiet_hours.map(|Text(hours)| hours).over(seller.mail.quiet_hours);
        self.mail_xml.onto(&mut seller.mail.xml, word);
        self.day_count.onto(&mut seller.day_count, word);
        self.price_notice_days.onto(&mut seller.price_notice_days, same);
        self.convert_prices.onto(&mut seller.converts_prices, same);
        match self.converted_ending {
            Patch::Keep => {}
            Patch::Clear => seller.converted_ending = PriceEnding::Any,
            Patch::Set(hundredths) => seller.converted_ending = PriceEnding::Hundredths(hundredths),
        }
        let runs = &mut seller.runs;
        self.lead_days.onto(&mut runs.lead_days, same);
        self.daily_run.onto(&mut runs.is_daily, same);
        self.run_at.onto(&mut runs.minute, |Text(time)| minute_of(time));
        self.renew_suspended.onto(&mut runs.renew_suspended, same);
        self.max_periods_behind.onto(&mut runs.max_periods_behind, same);
        self.consolidation_days.onto(&mut runs.consolidation_days, same);
        self.invoicing.onto(&mut runs.invoicing, word);
    }
}

fn same<T>(value: T) -> T {
    value
}

fn word<T>(Word(value): Word<T>) -> T {
    value
}

fn text<T>(Text(value): Text<T>) -> T {
    value
}

/// Minutes since midnight.
fn minute_of(time: Time) -> u16 {
    let part = |part: i8| u16::try_from(part).unwrap_or(0);
    part(time.hour()) * MINUTES_PER_HOUR + part(time.minute())
}

/// The time of day so many minutes after midnight.
fn time_at(minute: u16) -> Time {
    let part = |part: u16| i8::try_from(part).unwrap_or(0);
    Time::new(part(minute / MINUTES_PER_HOUR), part(minute % MINUTES_PER_HOUR), 0, 0).unwrap_or(Time::midnight())
}

fn shown(seller: Seller) -> Shown {
    let Seller { party, tax, amounts, numbering, runs, .. } = seller;
    Shown {
        id: Text(seller.id),
        name: party.name,
        address1: party.address1,
        address2: party.address2,
        postcode: party.postcode,
        city: party.city,
        country: party.country,
        vat_number: party.vat_number,
        company_number: party.company_number,
        email: party.email,
        phone: party.phone,
        website: party.website,
        iban: party.iban,
        bic: party.bic,
        bankgiro: party.bankgiro,
        plusgiro: party.plusgiro,
        swish: party.swish,
        fik_creditor: party.fik_creditor,
        payment_reference: ReferenceScheme::from_word(&party.payment_reference).map(Word),
        currency: Text(seller.currency),
        time_zone: seller.time_zone.iana_name().unwrap_or("UTC").to_owned(),
        created_at: Text(seller.created_at),
        vat_registered: tax.is_registered,
        vat_rate: maybe(tax.home_rate),
        oss_from: maybe(tax.oss_from),
        vat_numbers: Word(tax.number_policy),
        prices_include_vat: amounts.includes_tax,
        rounding: Word(amounts.rounding),
        vat_rounding: Word(amounts.tax_rounding),
        cash_rounding: amounts.payable_step,
        number_pattern: Text(numbering.invoices),
        credit_note_pattern: Text(numbering.credit_notes),
        deposit_pattern: Text(numbering.deposits),
        number_reset: Text(numbering.reset),
        apply_credit: seller.applies_credit,
        late_payment: Word(seller.late_payment),
        payment_terms_days: seller.payment_terms_days,
        renew_ahead_months: seller.renew_ahead_months,
        open_invoice: Word(seller.open_invoice_policy),
        e_invoices: Word(seller.e_invoices),
        mail_invoices: seller.mail_invoices,
        quiet_hours: maybe(seller.mail.quiet_hours),
        mail_xml: Word(seller.mail.xml),
        lead_days: runs.lead_days,
        daily_run: runs.is_daily,
        run_at: Text(time_at(runs.minute)),
        renew_suspended: runs.renew_suspended,
        max_periods_behind: runs.max_periods_behind,
        consolidation_days: runs.consolidation_days,
        invoicing: Word(runs.invoicing),
        day_count: Word(seller.day_count),
        price_notice_days: seller.price_notice_days,
        convert_prices: seller.converts_prices,
        converted_ending: match seller.converted_ending {
            PriceEnding::Any => None,
            PriceEnding::Hundredths(hundredths) => Some(hundredths),
        },
    }
}
