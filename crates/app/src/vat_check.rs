//! Checking VAT numbers with VIES.
//!
//! A check that is answered is evidence (Implementing Regulation (EU) 282/2011, article 18) and says what the customer's
//! number is worth from then on. One that is not answered changes nothing: a number that was valid stays so, and one that was
//! never checked counts as the seller's policy has it. Nobody waits for VIES inside a transaction, and no renewal does.

mod daily;
mod vies;

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{CustomerId, NumberStatus, VatNumber};
use perennial_store::customers::Customer;
use perennial_store::events::{self, EventType, NewEvent};
use perennial_store::sellers::{self, Seller};
use perennial_store::vat_checks::{self, DueNumber, VatCheck};

use self::vies::Vies;
use crate::{App, AppError, Caller, Problem, Random, Result, Stop, customer};

pub use self::daily::VAT_CHECK_HOUR;
pub(crate) use self::daily::start_daily_vat_checks;
pub use self::vies::{AwayReach, VIES_ATTEMPT_TIMEOUT, VIES_DEADLINE, VIES_RETRIES, VIES_RETRY_PAUSE, VatUnavailable};

/// Where VIES is.
pub const VIES_URL: &str = "https://ec.europa.eu/taxation_customs/vies/rest-api";
/// Days after which a number is checked again, by default.
pub const DEFAULT_RECHECK_DAYS: u16 = 90;
/// The longest such time, ten years.
pub const MAX_RECHECK_DAYS: u16 = 3_660;
/// The pause between two numbers of a pass.
pub const VAT_CHECK_PAUSE: Duration = Duration::from_secs(1);
/// Numbers that one pass asks about at most.
pub const MAX_VAT_CHECKS_A_PASS: usize = 2_000;
/// Customers whose numbers a pass reads together.
const VAT_CHECK_PAGE: i64 = 200;
/// Questions in a row without an answer after which a pass ends.
pub const VIES_FAILURES_TO_STOP: u32 = 5;
/// Questions about one country in a row without an answer after which a pass leaves that country alone.
pub const COUNTRY_FAILURES_TO_SKIP: u32 = 3;

/// How VAT numbers are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatCheckConfig {
    /// Where VIES is: [`VIES_URL`].
    pub url: String,
    /// Days after which a number is checked again.
    pub recheck_days: u16,
    /// How long is waited.
    pub times: VatCheckTimes,
}

/// How long is waited; other than by default only in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VatCheckTimes {
    /// For one try.
    pub attempt: Duration,
    /// Before the first retry.
    pub retry_pause: Duration,
    /// For an answer, all tries together.
    pub deadline: Duration,
    /// Between two numbers of a pass.
    pub between: Duration,
}

impl Default for VatCheckTimes {
    fn default() -> Self {
        Self {
            attempt: VIES_ATTEMPT_TIMEOUT,
            retry_pause: VIES_RETRY_PAUSE,
            deadline: VIES_DEADLINE,
            between: VAT_CHECK_PAUSE,
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[vat_checks] cannot be used: {0}")]
pub struct VatCheckConfigError(pub(crate) String);

/// Who checks VAT numbers.
#[derive(Debug)]
pub struct VatChecker {
    vies: Vies,
    recheck_days: u16,
    between: Duration,
}

impl VatChecker {
    /// Prepares to ask.
    ///
    /// # Errors
    /// [`VatCheckConfigError`] for an address that is no HTTP URL, and for a number of days that makes no sense.
    pub fn new(config: &VatCheckConfig, random: Random) -> std::result::Result<Self, VatCheckConfigError> {
        let recheck_days = config.recheck_days;
        if !(1..=MAX_RECHECK_DAYS).contains(&recheck_days) {
            let reason = format!("its recheck_days must lie between 1 and {MAX_RECHECK_DAYS}");
            return Err(VatCheckConfigError(reason));
        }
        Ok(Self { vies: Vies::new(config, random)?, recheck_days, between: config.times.between })
    }

    /// Who is asked: the host of the address.
    #[must_use]
    pub fn name(&self) -> &str {
        self.vies.host()
    }
}

/// What asking about a number came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VatOutcome {
    /// Its tax authority knows it.
    Valid {
        /// Whose it is, or empty where the authority does not tell.
        name: String,
        /// Where they are, or empty.
        address: String,
        /// What the question can be proved by, or empty.
        consultation: String,
    },
    /// Its tax authority does not know it.
    Invalid {
        /// What the question can be proved by, or empty.
        consultation: String,
    },
    /// Nobody could say.
    Unavailable(VatUnavailable),
}

/// A customer's number that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatChecked {
    /// Whose it is.
    pub customer: CustomerId,
    /// The number.
    pub number: VatNumber,
    /// What it came to.
    pub outcome: VatOutcome,
    /// What was written as evidence; nothing if nobody could say.
    pub evidence: Option<VatCheck>,
    /// Whether the customer still had this number when the answer came. Otherwise only the evidence was written.
    pub is_current: bool,
    /// What is known about the number now.
    pub status: NumberStatus,
    /// Whether it counts, by that and by the seller's policy, so that the customer may account for the tax.
    pub counts: bool,
    /// Whether it is invalid and was not before.
    pub became_invalid: bool,
}

/// What checking all that is due came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VatPass {
    /// Numbers that are valid.
    pub valid: usize,
    /// Numbers that are not.
    pub invalid: usize,
    /// Numbers about which nobody could say anything, or of countries that were left alone.
    pub unanswered: usize,
    /// The customers whose numbers became invalid.
    pub became_invalid: Vec<CustomerId>,
    /// How it ended.
    pub end: VatPassEnd,
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum VatPassEnd {
    /// Nothing more is due.
    #[default]
    Done,
    /// It was told to stop.
    Stopped,
    /// It asked about as many as one pass may; the next goes on.
    Full,
    /// VIES did not answer again and again; for the last question because of this.
    Away(String),
}

/// What a pass has seen so far of VIES being away, in a row.
#[derive(Debug, Default)]
struct Silence {
    service: u32,
    countries: HashMap<String, u32>,
}

impl App {
    /// Lets it check VAT numbers.
    #[must_use]
    pub fn with_vat_checks(self, checker: VatChecker) -> Self {
        Self { vat_checker: Some(std::sync::Arc::new(checker)), ..self }
    }

    /// Who checks VAT numbers, if somebody does.
    #[must_use]
    pub fn vat_checker(&self) -> Option<&VatChecker> {
        self.vat_checker.as_deref()
    }

    /// Asks whether a customer's VAT number is valid, and keeps the answer as evidence and with the customer. If nobody can say,
    /// nothing is written, and the number is worth what it was.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when nobody is configured who could be asked; [`AppError::NotFound`]; [`AppError::Invalid`] when
    /// the customer has no number of a member of the EU or Northern Ireland.
    pub async fn check_vat_number(&self, caller: &Caller, customer: CustomerId) -> Result<VatChecked> {
        let checker = self.required_checker()?;
        let (seller, customer) = self.customer_to_check(caller, customer).await?;
        let number = checkable(&customer.party.vat_number).ok_or_else(|| {
            let reason = match customer.party.vat_number.as_str() {
                "" => "is missing".to_owned(),
                number => format!("cannot be checked, only those of the EU and of Northern Ireland can: {number}"),
            };
            AppError::Invalid(vec![Problem::new("vat_number", reason)])
        })?;
        self.check(checker, caller, &seller, &customer, number).await
    }

    /// Checks the numbers of a seller's customers that never were or not for as long as is configured, one after the other,
    /// those that never were first and then the oldest. Doing it twice does no harm: what is answered is not due any more.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when nobody is configured who could be asked; those of the database. That VIES is away is none.
    pub async fn check_due_vat_numbers(
        &self,
        caller: &Caller,
        mut stop: Stop,
        mut progress: impl FnMut(&VatPass),
    ) -> Result<VatPass> {
        let checker = self.required_checker()?;
        let age = SignedDuration::from_hours(24 * i64::from(checker.recheck_days));
        let before = self.clock.now().saturating_sub(age).unwrap_or(Timestamp::MIN);
        let (mut pass, mut silence) = (VatPass::default(), Silence::default());
        let mut asked = 0;
        let mut last: Option<DueNumber> = None;
        loop {
            let mut conn = self.store.read().await?;
            let page = vat_checks::due(&mut conn, caller.seller, before, last.as_ref(), VAT_CHECK_PAGE).await?;
            drop(conn);
            if page.is_empty() {
                return Ok(pass);
            }
            for due in &page {
                let Some(number) = checkable(&due.number) else { continue };
                if silence.is_left_alone(&number) {
                    pass.unanswered += 1;
                    continue;
                }
                if asked == MAX_VAT_CHECKS_A_PASS {
                    return Ok(VatPass { end: VatPassEnd::Full, ..pass });
                }
                let pause = if asked == 0 { Duration::ZERO } else { checker.between };
                if is_told_to_stop(&mut stop, pause).await {
                    return Ok(VatPass { end: VatPassEnd::Stopped, ..pass });
                }
                let Some(checked) = self.check_if_still_due(checker, caller, due, number).await? else { continue };
                asked += 1;
                pass.add(&checked);
                progress(&pass);
                if let Some(reason) = silence.hears(&checked) {
                    return Ok(VatPass { end: VatPassEnd::Away(reason), ..pass });
                }
            }
            last = page.into_iter().next_back();
        }
    }

    /// The evidence of checks of a customer's numbers, newest first.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn vat_checks_of(&self, caller: &Caller, customer: CustomerId, limit: i64) -> Result<Vec<VatCheck>> {
        let (seller, customer) = self.customer_to_check(caller, customer).await?;
        Ok(vat_checks::of_customer(&mut self.store.read().await?, seller.id, customer.id, limit).await?)
    }

    /// As [`App::check_vat_number`], unless another node has checked the number meanwhile, or it is another one.
    async fn check_if_still_due(
        &self,
        checker: &VatChecker,
        caller: &Caller,
        due: &DueNumber,
        number: VatNumber,
    ) -> Result<Option<VatChecked>> {
        let (seller, customer) = self.customer_to_check(caller, due.customer).await?;
        if customer.vat_checked_at != due.checked_at || customer.party.vat_number != due.number {
            return Ok(None);
        }
        self.check(checker, caller, &seller, &customer, number).await.map(Some)
    }

    async fn check(
        &self,
        checker: &VatChecker,
        caller: &Caller,
        seller: &Seller,
        customer: &Customer,
        number: VatNumber,
    ) -> Result<VatChecked> {
        let requester = checkable(&seller.party.vat_number);
        let outcome = checker.vies.ask(&number, requester.as_ref()).await;
        let status = customer.vat_number_status;
        let mut checked = VatChecked {
            customer: customer.id,
            number,
            outcome,
            evidence: None,
            is_current: true,
            status,
            counts: seller.tax.number_policy.accepts(status),
            became_invalid: false,
        };
        if let Some(evidence) = checked.outcome.evidence(checker.name(), customer, self.clock.now()) {
            self.keep(caller, seller, &mut checked, evidence).await?;
        }
        Ok(checked)
    }

    /// Writes an answer down.
    async fn keep(
        &self,
        caller: &Caller,
        seller: &Seller,
        checked: &mut VatChecked,
        mut evidence: VatCheck,
    ) -> Result<()> {
        let mut tx = self.store.begin().await?;
        // The customer is locked first: evidence that is written before would hold it for others, who want to lock it too.
        let before = vat_checks::set_status(&mut tx, seller.id, &evidence).await?;
        vat_checks::insert(&mut tx, seller.id, &mut evidence).await?;
        let became_invalid =
            evidence.outcome == NumberStatus::Invalid && before.is_some_and(|before| before != NumberStatus::Invalid);
        if became_invalid {
            let data = serde_json::json!({
                "number": evidence.number,
                "before": before.unwrap_or_default().as_str(),
                "check": evidence.id,
            });
            let event = NewEvent {
                data: data.to_string(),
                ..NewEvent::of(EventType::VatNumberInvalid, "customer", checked.customer.0)
            };
            events::insert(&mut tx, seller.id, &[event], evidence.at).await?;
        }
        self.note(&mut tx, seller.id, caller, "vat_number.checked", "customer", checked.customer.0).await?;
        tx.commit().await?;
        checked.is_current = before.is_some();
        checked.status = evidence.outcome;
        checked.counts = seller.tax.number_policy.accepts(evidence.outcome);
        checked.became_invalid = became_invalid;
        checked.evidence = Some(evidence);
        Ok(())
    }

    async fn customer_to_check(&self, caller: &Caller, customer: CustomerId) -> Result<(Seller, Customer)> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let customer = customer::visible(&mut conn, caller, customer).await?;
        Ok((seller, customer))
    }

    fn required_checker(&self) -> Result<&VatChecker> {
        self.vat_checker().ok_or_else(|| {
            let section = format!("[vat_checks]\nurl = \"{VIES_URL}\"");
            AppError::Conflict(format!(
                "VAT numbers are not checked; to check them, set url in the section vat_checks of perennial.toml:\n\n{section}"
            ))
        })
    }
}

impl VatOutcome {
    /// What it leaves as evidence, if it was an answer.
    fn evidence(&self, checker: &str, customer: &Customer, at: Timestamp) -> Option<VatCheck> {
        let nothing = String::new;
        let (outcome, name, address, consultation) = match self {
            Self::Valid { name, address, consultation } => {
                (NumberStatus::Valid, name.clone(), address.clone(), consultation.clone())
            }
            Self::Invalid { consultation } => (NumberStatus::Invalid, nothing(), nothing(), consultation.clone()),
            Self::Unavailable(_) => return None,
        };
        let (checker, number) = (checker.to_owned(), customer.party.vat_number.clone());
        Some(VatCheck { id: 0, customer: customer.id, number, at, checker, outcome, name, address, consultation })
    }
}

impl VatPass {
    /// Numbers that were answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.valid + self.invalid
    }

    fn add(&mut self, checked: &VatChecked) {
        match checked.outcome {
            VatOutcome::Valid { .. } => self.valid += 1,
            VatOutcome::Invalid { .. } => self.invalid += 1,
            VatOutcome::Unavailable(_) => self.unanswered += 1,
        }
        if checked.became_invalid {
            self.became_invalid.push(checked.customer);
        }
    }
}

impl Silence {
    /// Whether the country of this number did not answer so often that it is left alone.
    fn is_left_alone(&self, number: &VatNumber) -> bool {
        self.countries.get(number.prefix()).is_some_and(|failures| *failures >= COUNTRY_FAILURES_TO_SKIP)
    }

    /// Takes note of an answer, or that there was none; tells why if that is the end.
    fn hears(&mut self, checked: &VatChecked) -> Option<String> {
        let prefix = checked.number.prefix();
        match &checked.outcome {
            VatOutcome::Unavailable(away) if away.reach == AwayReach::Service => {
                self.service += 1;
                return (self.service >= VIES_FAILURES_TO_STOP).then(|| away.reason.clone());
            }
            VatOutcome::Unavailable(away) if away.reach == AwayReach::Country => {
                // Only VIES itself knows that a country is away.
                self.service = 0;
                *self.countries.entry(prefix.to_owned()).or_default() += 1;
            }
            VatOutcome::Unavailable(_) => {}
            VatOutcome::Valid { .. } | VatOutcome::Invalid { .. } => {
                self.service = 0;
                self.countries.remove(prefix);
            }
        }
        None
    }
}

/// Whether it is told to stop within a pause.
async fn is_told_to_stop(stop: &mut Stop, pause: Duration) -> bool {
    let told = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.map(|told| told.is_ok());
    if told == Ok(false) {
        // Nobody can tell it any more.
        tokio::time::sleep(pause).await;
    }
    told == Ok(true)
}

/// The number, if VIES can be asked about it.
fn checkable(number: &str) -> Option<VatNumber> {
    number.parse::<VatNumber>().ok().filter(|number| number.vies().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_number_of_days_that_make_sense_are_needed() {
        let checker = |url: &str, recheck_days| {
            let config = VatCheckConfig { url: url.to_owned(), recheck_days, times: VatCheckTimes::default() };
            VatChecker::new(&config, Random::seeded(1)).map(|checker| checker.name().to_owned())
        };
        assert_eq!(checker(VIES_URL, DEFAULT_RECHECK_DAYS), Ok("ec.europa.eu".to_owned()));
        assert_eq!(checker("http://127.0.0.1:8080/", 1), Ok("127.0.0.1".to_owned()));
        for (url, days) in
            [("", 90), ("ec.europa.eu", 90), ("ftp://ec.europa.eu", 90), (VIES_URL, 0), (VIES_URL, 3_661)]
        {
            assert!(checker(url, days).is_err(), "{url:?} {days}");
        }
    }
}
