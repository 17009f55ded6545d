//! Setting up a seller and changing its rules.

use jiff::tz::TimeZone;
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{Currency, DayCount, ExchangeRate, NumberPattern, Rate, Rounding, SellerId};
use perennial_store::audit::{self, AuditEntry};
use perennial_store::ids::{self, IdKind};
use perennial_store::sellers::{self, OpenInvoicePolicy, RunRules, Seller, SellerParty};
use perennial_store::{StoreError, customers};

use crate::customer::tax_of;
use crate::error::{check_country, check_email, check_text, check_vat_number, refuse};
use crate::{Actor, App, AppError, LOAD_BATCH_ROWS, Result};

/// What is needed to set up a seller.
#[derive(Debug, Clone)]
pub struct NewSeller {
    /// Who it is.
    pub party: SellerParty,
    /// Its currency.
    pub currency: Currency,
    /// Its time zone.
    pub time_zone: TimeZone,
    /// The standard VAT rate of its country.
    pub tax_rate: Rate,
    /// The pattern of its invoice numbers.
    pub number_pattern: NumberPattern,
}

impl NewSeller {
    /// Days to pay unless the seller says otherwise.
    pub const DEFAULT_PAYMENT_TERMS_DAYS: u16 = 14;
    /// Months to renew ahead unless the seller says otherwise.
    pub const DEFAULT_RENEW_AHEAD_MONTHS: u16 = 36;
    /// Days to tell customers before their price changes unless the seller says otherwise. Directive (EU) 2018/1972, article
    /// 105, gives end-users of electronic communications a month; other contracts have their own terms.
    pub const DEFAULT_PRICE_NOTICE_DAYS: u16 = 30;
    /// The pattern of invoice numbers unless the seller says otherwise: `202600001`.
    pub const DEFAULT_NUMBER_PATTERN: &'static str = "{YYYY}{NNNNN}";

    /// Whether a seller can be set up so.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted.
    pub fn check(&self) -> Result<()> {
        check(&self.party, self.tax_rate, &self.time_zone)
    }
}

impl App {
    /// Sets up a seller with default rules.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted.
    pub async fn create_seller(&self, actor: Actor, new: NewSeller) -> Result<Seller> {
        new.check()?;
        let mut seller = Seller {
            id: SellerId(0),
            party: new.party,
            currency: new.currency,
            time_zone: new.time_zone,
            tax_rate: new.tax_rate,
            number_pattern: new.number_pattern,
            payment_terms_days: NewSeller::DEFAULT_PAYMENT_TERMS_DAYS,
            renew_ahead_months: NewSeller::DEFAULT_RENEW_AHEAD_MONTHS,
            open_invoice_policy: OpenInvoicePolicy::Return,
            mail_invoices: true,
            rounding: Rounding::HalfUp,
            day_count: DayCount::Actual,
            price_notice_days: NewSeller::DEFAULT_PRICE_NOTICE_DAYS,
            converts_prices: false,
            converted_ending: PriceEnding::Any,
            exchange_rates: Vec::new(),
            runs: RunRules::default(),
            created_at: self.clock.now(),
            version: 1,
        };
        let mut tx = self.store.begin().await?;
        seller.id = SellerId(ids::take(&mut tx, IdKind::Seller, 1).await?[0]);
        sellers::insert(&mut tx, &seller).await?;
        self.note_seller(&mut tx, actor, "seller.created", seller.id).await?;
        tx.commit().await?;
        Ok(seller)
    }

    /// Changes who a seller is or its rules. Invoices that were issued keep their copy; how customers are taxed is decided
    /// anew.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted, [`AppError::NotFound`] when there is no such seller.
    pub async fn change_seller(&self, actor: Actor, seller: &Seller) -> Result<()> {
        check(&seller.party, seller.tax_rate, &seller.time_zone)?;
        let mut tx = self.store.begin().await?;
        let before = sellers::get(&mut tx, seller.id).await?.ok_or(AppError::NotFound("Seller"))?;
        if !sellers::update(&mut tx, seller).await? {
            return Err(AppError::NotFound("Seller"));
        }
        let mut taxed_otherwise = customers::all(&mut tx, seller.id).await?;
        taxed_otherwise.retain_mut(|customer| {
            let tax = tax_of(seller, &customer.party, customer.tax_exempt);
            std::mem::replace(&mut customer.tax, tax) != tax
        });
        for chunk in taxed_otherwise.chunks(LOAD_BATCH_ROWS) {
            customers::upsert(&mut tx, seller.id, chunk).await?;
        }
        self.note_seller(&mut tx, actor, "seller.changed", seller.id).await?;
        tx.commit().await?;
        if before.runs.lead_days != seller.runs.lead_days {
            self.apply_lead_times(seller.id).await?;
        }
        Ok(())
    }

    /// Says what a unit of the seller's currency is worth in another one, from a day on.
    ///
    /// # Errors
    /// [`AppError::Invalid`], and [`AppError::Conflict`] when there is a rate that starts on that day.
    pub async fn add_exchange_rate(&self, id: SellerId, actor: Actor, rate: &ExchangeRate) -> Result<()> {
        let mut problems = Vec::new();
        check_text(&mut problems, "source", &rate.source, true);
        if rate.rate.billionths() <= 0 {
            problems.push(crate::Problem::new("rate", "must be more than 0"));
        }
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, id).await?.ok_or(AppError::NotFound("Seller"))?;
        if rate.currency == seller.currency {
            problems.push(crate::Problem::new("currency", "is the seller's own"));
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
        actor: Actor,
        action: &'static str,
        subject: &'static str,
        subject_id: i64,
    ) -> Result<()> {
        let entry = AuditEntry { at: self.clock.now(), actor: actor.to_string(), action, subject, subject_id };
        Ok(audit::append(tx, seller, &[entry]).await?)
    }
}

fn check(party: &SellerParty, tax_rate: Rate, time_zone: &TimeZone) -> Result<()> {
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
    ] {
        check_text(&mut problems, field, text, is_needed);
    }
    check_country(&mut problems, "country", &party.country);
    check_vat_number(&mut problems, "vat_number", &party.vat_number);
    if !party.email.is_empty() {
        check_email(&mut problems, "email", &party.email);
    }
    if !(0..=1_000_000).contains(&tax_rate.parts_per_million()) {
        problems.push(crate::Problem::new("tax_rate", "must lie between 0 and 100 %"));
    }
    if time_zone.iana_name().is_none() {
        problems.push(crate::Problem::new("time_zone", "must be a name such as Europe/Stockholm"));
    }
    refuse(problems)
}
