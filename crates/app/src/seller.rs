//! Setting up a seller and changing its rules.

use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{
    AccountError, AmountRules, Bankgiro, Bic, Currency, DayCount, DocumentKind, ExchangeRate, FikCreditor, Iban,
    LatePayment, LeadTime, NumberPattern, NumberPatternError, NumberReset, OwnRate, Plusgiro, Rate, ReferenceScheme,
    SellerId, SwishNumber, Taxation, entered_account, standard_rate, standard_rates,
};
use perennial_store::audit::{self, AuditEntry};
use perennial_store::customers::Customer;
use perennial_store::ids::{self, IdKind};
use perennial_store::invoices::{self, InvoiceFilter};
use perennial_store::sellers::{
    self, EInvoicePolicy, MailRules, Numbering, OpenInvoicePolicy, RunRules, Seller, SellerParty, TaxSettings,
};
use perennial_store::{StoreError, documents};

use crate::caller::DoneBy;
use crate::customer::canonical_vat_number;
use crate::error::{check_country, check_email, check_text, check_vat_number, check_version, refuse};
use crate::{Actor, App, AppError, Caller, Problem, Result};

/// What is needed to set up a seller.
#[derive(Debug, Clone)]
pub struct NewSeller {
    /// Who it is.
    pub party: SellerParty,
    /// Its currency.
    pub currency: Currency,
    /// Its time zone.
    pub time_zone: TimeZone,
    /// Its standard VAT rate, if it is not the one that its country has.
    pub tax_rate: Option<Rate>,
    /// The pattern of its invoice numbers.
    pub number_pattern: NumberPattern,
}

impl NewSeller {
    /// Days to pay unless the seller says otherwise.
    pub const DEFAULT_PAYMENT_TERMS_DAYS: u16 = 14;
    /// Months to renew ahead unless the seller says otherwise.
    pub const DEFAULT_RENEW_AHEAD_MONTHS: u16 = 36;
    /// Months to renew ahead at most.
    pub const MAX_RENEW_AHEAD_MONTHS: u16 = 120;
    /// Days to tell customers before their price changes unless the seller says otherwise. Directive (EU) 2018/1972, article
    /// 105, gives end-users of electronic communications a month; other contracts have their own terms.
    pub const DEFAULT_PRICE_NOTICE_DAYS: u16 = 30;
    /// The pattern of invoice numbers unless the seller says otherwise: `202600001`.
    pub const DEFAULT_NUMBER_PATTERN: &'static str = "{YYYY}{NNNNN}";
    /// The pattern of credit notes' numbers unless the seller says otherwise: `CN-2026-00001`.
    pub const DEFAULT_CREDIT_NOTE_PATTERN: &'static str = "CN-{YYYY}-{NNNNN}";
    /// The pattern of deposits' numbers unless the seller says otherwise: `DEP-2026-00001`.
    pub const DEFAULT_DEPOSIT_PATTERN: &'static str = "DEP-{YYYY}-{NNNNN}";

    /// Whether a seller can be set up so.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted.
    pub fn check(&self) -> Result<()> {
        check(&self.party, &TaxSettings { home_rate: self.tax_rate, ..TaxSettings::default() }, &self.time_zone)
    }
}

impl App {
    /// Sets up a seller with default rules.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted.
    pub async fn create_seller(&self, actor: Actor, mut new: NewSeller) -> Result<Seller> {
        new.check()?;
        canonical_vat_number(&mut new.party.vat_number);
        let today = self.clock.today(&new.time_zone);
        // A rate that is the country's own changes with it.
        let home_rate = new.tax_rate.filter(|rate| standard_rate(&new.party.country, today) != Some(*rate));
        let pattern =
            |text: &str| text.parse().map_err(|error: NumberPatternError| AppError::Conflict(error.to_string()));
        let mut seller = Seller {
            id: SellerId(0),
            party: new.party,
            currency: new.currency,
            time_zone: new.time_zone,
            tax: TaxSettings { home_rate, ..TaxSettings::default() },
            numbering: Numbering {
                invoices: new.number_pattern,
                credit_notes: pattern(NewSeller::DEFAULT_CREDIT_NOTE_PATTERN)?,
                deposits: pattern(NewSeller::DEFAULT_DEPOSIT_PATTERN)?,
                reset: NumberReset::CALENDAR_YEAR,
            },
            payment_terms_days: NewSeller::DEFAULT_PAYMENT_TERMS_DAYS,
            renew_ahead_months: NewSeller::DEFAULT_RENEW_AHEAD_MONTHS,
            open_invoice_policy: OpenInvoicePolicy::Return,
            mail_invoices: true,
            mail: MailRules::default(),
            e_invoices: EInvoicePolicy::Warn,
            amounts: AmountRules::default(),
            applies_credit: false,
            late_payment: LatePayment::Keep,
            day_count: DayCount::Actual,
            price_notice_days: NewSeller::DEFAULT_PRICE_NOTICE_DAYS,
            converts_prices: false,
            converted_ending: PriceEnding::Any,
            exchange_rates: Vec::new(),
            runs: RunRules::default(),
            created_at: self.clock.now(),
            version: 1,
        };
        check_numbering(&seller.numbering)?;
        let mut tx = self.store.begin().await?;
        seller.id = SellerId(ids::take(&mut tx, IdKind::Seller, 1).await?[0]);
        sellers::insert(&mut tx, &seller).await?;
        self.note_seller(&mut tx, actor, "seller.created", seller.id).await?;
        tx.commit().await?;
        Ok(seller)
    }

    /// Changes who a seller is or its rules, whatever they are by now. Documents that were issued keep their copy; how
    /// customers are taxed is decided with each invoice.
    ///
    /// # Errors
    /// As [`App::edit_seller`].
    pub async fn change_seller(&self, actor: Actor, seller: &Seller) -> Result<()> {
        self.edit_seller(actor, seller.id, None, |known| known.clone_from(seller)).await?;
        Ok(())
    }

    /// Changes who a seller is or its rules: `edit` is given them as they are, and nobody else changes them meanwhile. With
    /// `expected`, only if that is the seller's version still.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted, [`AppError::NotFound`] when there is no such seller,
    /// [`AppError::Changed`], [`AppError::Conflict`] when what its prices mean, or how its numbers go on, would change
    /// although there are invoices.
    pub async fn edit_seller(
        &self,
        actor: Actor,
        id: SellerId,
        expected: Option<i64>,
        edit: impl FnOnce(&mut Seller) + Send,
    ) -> Result<Seller> {
        let mut tx = self.store.begin().await?;
        let held = sellers::hold(&mut tx, id).await?;
        let before = sellers::get(&mut tx, id).await?.filter(|_| held).ok_or(AppError::NotFound("Seller"))?;
        check_version(expected, before.version)?;
        let mut seller = before.clone();
        edit(&mut seller);
        // Those are not for its caller to say.
        (seller.id, seller.version) = (id, before.version);
        canonical_vat_number(&mut seller.party.vat_number);
        check(&seller.party, &seller.tax, &seller.time_zone)?;
        check_numbering(&seller.numbering)?;
        check_amounts(&seller)?;
        check_times(&seller)?;
        let means = |seller: &Seller| (seller.amounts.includes_tax, seller.numbering.reset);
        if means(&before) != means(&seller) && invoices::count(&mut tx, id, InvoiceFilter::default()).await? > 0 {
            return Err(AppError::Conflict(
                "There are invoices already: whether prices contain tax, and when numbers start anew, can only be set before \
                 the first one"
                    .to_owned(),
            ));
        }
        if seller == before {
            return Ok(before);
        }
        sellers::update(&mut tx, &seller).await?;
        self.note_seller(&mut tx, actor, "seller.changed", id).await?;
        let written = sellers::get(&mut tx, id).await?.ok_or(AppError::NotFound("Seller"))?;
        tx.commit().await?;
        if before.runs.lead_days != seller.runs.lead_days {
            self.apply_lead_times(id).await?;
        }
        Ok(written)
    }

    /// Says what a unit of the seller's currency is worth in another one, from a day on.
    ///
    /// # Errors
    /// [`AppError::Invalid`], and [`AppError::Conflict`] when there is a rate that starts on that day.
    pub async fn add_exchange_rate(&self, id: SellerId, actor: Actor, rate: &ExchangeRate) -> Result<()> {
        let mut problems = Vec::new();
        check_text(&mut problems, "source", &rate.source, true);
        if rate.rate.billionths() <= 0 {
            problems.push(Problem::new("rate", "must be more than 0"));
        }
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, id).await?.ok_or(AppError::NotFound("Seller"))?;
        if rate.currency == seller.currency {
            problems.push(Problem::new("currency", "is the seller's own"));
        }
        refuse(problems)?;
        match sellers::add_exchange_rate(&mut tx, id, rate).await {
            Err(StoreError::Unique { .. }) => Err(AppError::Conflict(format!(
                "there is a rate for {} from {} already; give the new one another start",
                rate.currency, rate.starts
            ))),
            outcome => {
                outcome?;
                self.note_seller(&mut tx, actor, "exchange_rate.added", id).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    /// Says which standard rate a country has, from a day on: what the program does not know, or not yet.
    ///
    /// # Errors
    /// [`AppError::Invalid`], and [`AppError::Conflict`] when there is one for the country that starts on that day.
    pub async fn add_tax_rate(&self, id: SellerId, actor: Actor, rate: &OwnRate) -> Result<()> {
        if !(0..=1_000_000).contains(&rate.rate.parts_per_million()) {
            return Err(AppError::Invalid(vec![Problem::new("rate", "must lie between 0 and 100 %")]));
        }
        let mut tx = self.store.begin().await?;
        match sellers::add_tax_rate(&mut tx, id, rate).await {
            Err(StoreError::Unique { .. }) => Err(AppError::Conflict(format!(
                "there is a rate for {} from {} already; give the new one another start",
                rate.country, rate.starts
            ))),
            outcome => {
                outcome?;
                self.note_seller(&mut tx, actor, "tax_rate.added", id).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    /// Lets the numbers of a kind of document begin with this one, in the series to which a day belongs: a provider who moves
    /// in goes on where the old system stopped.
    ///
    /// # Errors
    /// [`AppError::Invalid`]; [`AppError::Conflict`] when numbers of that series were given already.
    pub async fn start_series(&self, caller: &Caller, kind: DocumentKind, first: i64, on: Option<Date>) -> Result<()> {
        if !(1..=MAX_FIRST_NUMBER).contains(&first) {
            let reason = format!("must be from 1 to {MAX_FIRST_NUMBER}");
            return Err(AppError::Invalid(vec![Problem::new("number", reason)]));
        }
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let series = seller.numbering.reset.series(on.unwrap_or_else(|| self.clock.today(&seller.time_zone)));
        if !documents::start_series(&mut tx, seller.id, kind, series, first).await? {
            return Err(AppError::Conflict(
                "Numbers of this series were given already: it cannot start anew".to_owned(),
            ));
        }
        self.note_seller(&mut tx, caller.actor, "series.started", seller.id).await?;
        Ok(tx.commit().await?)
    }

    async fn note_seller(
        &self,
        tx: &mut perennial_store::Tx,
        actor: Actor,
        action: &'static str,
        id: SellerId,
    ) -> Result<()> {
        self.note(tx, id, actor, action, "seller", id.0).await
    }

    /// Adds one row to the audit trail.
    pub(crate) async fn note(
        &self,
        tx: &mut perennial_store::Tx,
        seller: SellerId,
        by: impl Into<DoneBy>,
        action: &'static str,
        subject: &'static str,
        subject_id: i64,
    ) -> Result<()> {
        let DoneBy { actor, on_behalf_of } = by.into();
        let (at, actor) = (self.clock.now(), actor.to_string());
        let entry = AuditEntry { at, actor, action, subject, subject_id, on_behalf_of };
        Ok(audit::append(tx, seller, &[entry]).await?)
    }
}

/// The largest number that a series begins with.
pub const MAX_FIRST_NUMBER: i64 = 1_000_000_000;

/// Complains about patterns by which two documents could get the same number.
fn check_numbering(numbering: &Numbering) -> Result<()> {
    let mut problems = Vec::new();
    let Numbering { invoices, credit_notes, deposits, reset } = numbering;
    let patterns = [("number_pattern", invoices), ("credit_note_pattern", credit_notes), ("deposit_pattern", deposits)];
    for (place, (field, pattern)) in patterns.iter().enumerate() {
        if let Err(error) = pattern.check(*reset) {
            problems.push(Problem::new(field, format!("{pattern}: {error}")));
        }
        if patterns[..place].iter().any(|(_, other)| other == pattern) {
            problems.push(Problem::new(field, format!("{pattern} is that of another kind of document")));
        }
    }
    if !(1..=12).contains(&reset.month()) {
        problems.push(Problem::new("fiscal_year_month", "must be from 1 to 12"));
    }
    refuse(problems)
}

/// The largest step to which totals are rounded, in minor units: a hundred crowns.
const MAX_PAYABLE_STEP: i64 = 10_000;

fn check_amounts(seller: &Seller) -> Result<()> {
    let step = seller.amounts.payable_step;
    let mut problems = Vec::new();
    if !(1..=MAX_PAYABLE_STEP).contains(&step) {
        problems.push(Problem::new("cash_rounding", format!("must be from 1 to {MAX_PAYABLE_STEP} minor units")));
    }
    refuse(problems)
}

/// Complains about days, months and periods that are too many.
fn check_times(seller: &Seller) -> Result<()> {
    let (runs, max_days) = (&seller.runs, LeadTime::MAX_DAYS);
    let mut problems = Vec::new();
    for (field, given, max) in [
        ("payment_terms_days", seller.payment_terms_days, max_days),
        ("renew_ahead_months", seller.renew_ahead_months, NewSeller::MAX_RENEW_AHEAD_MONTHS),
        ("price_notice_days", seller.price_notice_days, max_days),
        ("lead_days", runs.lead_days, max_days),
        ("max_periods_behind", runs.max_periods_behind, RunRules::MAX_PERIODS_BEHIND),
        ("consolidation_days", runs.consolidation_days, RunRules::MAX_CONSOLIDATION_DAYS),
    ] {
        if given > max {
            problems.push(Problem::new(field, format!("must be from 0 to {max}")));
        }
    }
    refuse(problems)
}

/// Complains about accounts that are none: a wrong digit sends a customer's money to somebody else.
fn check_accounts(problems: &mut Vec<Problem>, party: &SellerParty) {
    fn check<T: FromStr<Err = AccountError>>(problems: &mut Vec<Problem>, field: &'static str, text: &str) {
        if let Err(error) = entered_account::<T>(text) {
            problems.push(Problem::new(field, format!("{error}: {text:?}")));
        }
    }
    check::<Iban>(problems, "iban", &party.iban);
    check::<Bic>(problems, "bic", &party.bic);
    check::<Bankgiro>(problems, "bankgiro", &party.bankgiro);
    check::<Plusgiro>(problems, "plusgiro", &party.plusgiro);
    check::<SwishNumber>(problems, "swish", &party.swish);
    check::<FikCreditor>(problems, "fik_creditor", &party.fik_creditor);
    let scheme = &party.payment_reference;
    if !scheme.is_empty() && ReferenceScheme::from_word(scheme).is_none() {
        let words = ReferenceScheme::ALL.map(ReferenceScheme::as_str).join(", ");
        problems.push(Problem::new("payment_reference", format!("must be one of {words}")));
    }
}

fn check(party: &SellerParty, tax: &TaxSettings, time_zone: &TimeZone) -> Result<()> {
    let mut problems = Vec::new();
    for (field, text, is_needed) in [
        ("name", &party.name, true),
        ("address1", &party.address1, true),
        ("address2", &party.address2, false),
        ("postcode", &party.postcode, false),
        ("city", &party.city, true),
        ("company_number", &party.company_number, false),
        ("iban", &party.iban, false),
        ("bic", &party.bic, false),
        ("bankgiro", &party.bankgiro, false),
        ("phone", &party.phone, false),
        ("website", &party.website, false),
    ] {
        check_text(&mut problems, field, text, is_needed);
    }
    check_country(&mut problems, "country", &party.country);
    check_vat_number(&mut problems, "vat_number", &party.vat_number);
    check_accounts(&mut problems, party);
    if !party.email.is_empty() {
        check_email(&mut problems, "email", &party.email);
    }
    if tax.home_rate.is_some_and(|rate| !(0..=1_000_000).contains(&rate.parts_per_million())) {
        problems.push(Problem::new("vat_rate", "must lie between 0 and 100 %"));
    }
    if tax.home_rate.is_none() && standard_rates(&party.country).is_empty() {
        problems.push(Problem::new("vat_rate", format!("is needed: none is known for {}", party.country)));
    }
    if time_zone.iana_name().is_none() {
        problems.push(Problem::new("time_zone", "must be a name such as Europe/Stockholm"));
    }
    refuse(problems)
}

/// How a seller taxes a customer.
///
/// # Errors
/// [`AppError::Conflict`] when the seller's country is none.
pub(crate) fn taxation(seller: &Seller, customer: &Customer) -> Result<Taxation> {
    let rules = seller.tax_rules().map_err(|error| AppError::Conflict(format!("The seller's country {error}")))?;
    Ok(Taxation { rules: Arc::new(rules), customer: customer.taxed()? })
}
