//! Asking VIES, the European Commission's VAT Information Exchange System, which asks the member state's own register.
//!
//! `POST {url}/check-vat-number` with the country and the rest of the number, and the seller's own number as requester, so
//! that a consultation number comes back with which the question can be proved. The answer tells `valid`, or what was in the
//! way: `{"actionSucceed":false,"errorWrappers":[{"error":"MS_UNAVAILABLE"}]}`, with a status of 200 or another one. The
//! codes are those of the Commission's page "VIES on-the-Web: technical information".

use std::time::Duration;

use perennial_billing::VatNumber;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{VatCheckConfig, VatCheckConfigError, VatCheckTimes, VatOutcome};
use crate::Random;
use crate::http::{self, Unread};

/// How long connecting to VIES may take.
const VIES_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one try may take: VIES waits for the member state's register.
pub const VIES_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take, all tries together.
pub const VIES_DEADLINE: Duration = Duration::from_secs(25);
/// Tries after the first, when another one may help.
pub const VIES_RETRIES: u32 = 2;
/// The pause before the first retry; it doubles with each, and up to as much again is added at random.
pub const VIES_RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Questions at the same time; more wait for their turn. VIES refuses those who ask too much at once.
const MAX_VIES_QUESTIONS: usize = 4;
/// How long a question waits for its turn.
const VIES_QUESTION_WAIT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read at most.
const MAX_VIES_ANSWER_BYTES: usize = 16 * 1024;
/// Characters of a code that are repeated to people.
const MAX_VIES_CODE_CHARACTERS: usize = 80;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct VatUnavailable {
    /// For people.
    pub reason: String,
    /// What it says about other questions.
    pub reach: AwayReach,
}

/// How far it reaches that there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwayReach {
    /// This question only.
    Number,
    /// The register of the number's country.
    Country,
    /// All of VIES.
    Service,
}

/// What one try came to when there is no answer.
struct Failure {
    away: VatUnavailable,
    /// Whether asking again may help.
    may_pass: bool,
    /// Whether it is the seller's own number that VIES does not take.
    is_requester: bool,
}

/// VIES, or what speaks like it, at a configured address.
#[derive(Debug)]
pub(super) struct Vies {
    client: reqwest::Client,
    url: reqwest::Url,
    questions: Semaphore,
    times: VatCheckTimes,
    random: Random,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    country_code: &'a str,
    vat_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester_member_state_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester_number: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    country_code: Option<String>,
    vat_number: Option<String>,
    valid: Option<bool>,
    request_identifier: Option<String>,
    name: Option<String>,
    address: Option<String>,
    action_succeed: Option<bool>,
    error_wrappers: Option<Vec<ErrorWrapper>>,
}

#[derive(Deserialize)]
struct ErrorWrapper {
    error: String,
}

impl Vies {
    pub fn new(config: &VatCheckConfig, random: Random) -> Result<Self, VatCheckConfigError> {
        let base = config.url.trim_end_matches('/');
        let url = reqwest::Url::parse(&format!("{base}/check-vat-number"))
            .map_err(|error| VatCheckConfigError(format!("its url is not valid: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(VatCheckConfigError("its url must begin with http:// or https://".to_owned()));
        }
        let client = http::client(VIES_CONNECT_TIMEOUT, config.times.attempt).map_err(VatCheckConfigError)?;
        Ok(Self { client, url, questions: Semaphore::new(MAX_VIES_QUESTIONS), times: config.times, random })
    }

    /// Who is asked: the host.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Asks about a number that VIES can be asked about, for a requester. Takes [`VIES_DEADLINE`] at most once it is its turn.
    pub async fn ask(&self, number: &VatNumber, requester: Option<&VatNumber>) -> VatOutcome {
        let away = |reason: &str, reach| VatOutcome::Unavailable(VatUnavailable { reason: reason.to_owned(), reach });
        let Some((country_code, vat_number)) = number.vies() else {
            return away("VIES knows members of the EU and Northern Ireland only", AwayReach::Number);
        };
        // Nobody closes it, so it is time that is up. That many ask is not VIES's fault.
        let Ok(_turn) = timeout(VIES_QUESTION_WAIT, self.questions.acquire()).await else {
            return away("too many other questions are under way", AwayReach::Number);
        };
        let requester = requester.and_then(VatNumber::vies);
        let (requester_member_state_code, requester_number) = requester.unzip();
        let asked = Asked { country_code, vat_number, requester_member_state_code, requester_number };
        match timeout(self.times.deadline, self.ask_again(asked)).await {
            Ok(outcome) => outcome,
            Err(_) => away(&format!("no answer within {} s", self.times.deadline.as_secs()), AwayReach::Service),
        }
    }

    async fn ask_again(&self, mut asked: Asked<'_>) -> VatOutcome {
        let mut pause = self.times.retry_pause;
        let mut tries = 0;
        loop {
            match self.ask_once(&asked).await {
                Ok(outcome) => return outcome,
                // An answer without a consultation number is better than none.
                Err(failure) if failure.is_requester && asked.requester_number.is_some() => {
                    tracing::warn!("VIES does not take the seller's own VAT number as requester: {}", failure.away);
                    (asked.requester_member_state_code, asked.requester_number) = (None, None);
                }
                Err(failure) if failure.may_pass && tries < VIES_RETRIES => {
                    tries += 1;
                    let most = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                    sleep(pause + Duration::from_millis(self.random.below(most).unwrap_or(0))).await;
                    pause *= 2;
                }
                Err(failure) => return VatOutcome::Unavailable(failure.away),
            }
        }
    }

    async fn ask_once(&self, asked: &Asked<'_>) -> Result<VatOutcome, Failure> {
        let request = self.client.post(self.url.clone()).header("accept", "application/json").json(asked);
        let response = request.send().await.map_err(|error| Failure::passing(http::told(error)))?;
        let status = response.status();
        let body = http::body(response, MAX_VIES_ANSWER_BYTES).await.map_err(Failure::unread)?;
        // What was in the way stands in the body, whatever the status is.
        let answer: Result<Answer, serde_json::Error> = serde_json::from_slice(&body);
        match answer {
            Ok(answer) if answer.code().is_some() || status == StatusCode::OK => answer.read(asked),
            Err(error) if status == StatusCode::OK => {
                Err(Failure::passing(format!("its answer cannot be read: {error}")))
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::passing(format!("it answered {status}")))
            }
            _ => Err(Failure { may_pass: false, ..Failure::passing(format!("it answered {status}")) }),
        }
    }
}

impl Answer {
    /// What was in the way, if something was.
    fn code(&self) -> Option<&str> {
        let first = self.error_wrappers.as_deref().and_then(<[ErrorWrapper]>::first);
        match (first, self.action_succeed) {
            (Some(wrapper), _) => Some(&wrapper.error),
            (None, Some(false)) => Some("NO_REASON"),
            (None, _) => None,
        }
    }

    fn read(self, asked: &Asked<'_>) -> Result<VatOutcome, Failure> {
        if let Some(code) = self.code() {
            return Err(Failure::of_code(code));
        }
        let differs = |told: &Option<String>, asked| told.as_deref().is_some_and(|told| plain(told) != plain(asked));
        if differs(&self.country_code, asked.country_code) || differs(&self.vat_number, asked.vat_number) {
            return Err(Failure::passing("it answered about another number".to_owned()));
        }
        match self.valid {
            Some(true) => Ok(VatOutcome::Valid {
                name: clean(self.name),
                address: clean(self.address),
                consultation: clean(self.request_identifier),
            }),
            Some(false) => Ok(VatOutcome::Invalid { consultation: clean(self.request_identifier) }),
            None => Err(Failure::passing("its answer does not say whether the number is valid".to_owned())),
        }
    }
}

impl Failure {
    /// Something that may be over the next time.
    fn passing(reason: String) -> Self {
        let away = VatUnavailable { reason, reach: AwayReach::Service };
        Self { away, may_pass: true, is_requester: false }
    }

    /// An answer that cannot be taken.
    fn unread(why: Unread) -> Self {
        match why {
            Unread::Broken(reason) => Self::passing(reason),
            Unread::TooLarge(limit) => {
                Self { may_pass: false, ..Self::passing(format!("its answer is larger than {limit} bytes")) }
            }
        }
    }

    /// What VIES says about itself. A register that is away stays away for hours, so it is not asked again at once.
    fn of_code(code: &str) -> Self {
        let (reach, may_pass) = match code {
            "INVALID_INPUT" => (AwayReach::Number, false),
            "MS_UNAVAILABLE" => (AwayReach::Country, false),
            "MS_MAX_CONCURRENT_REQ" | "MS_MAX_CONCURRENT_REQ_TIME" | "TIMEOUT" => (AwayReach::Country, true),
            "SERVICE_UNAVAILABLE" | "GLOBAL_MAX_CONCURRENT_REQ" | "GLOBAL_MAX_CONCURRENT_REQ_TIME" => {
                (AwayReach::Service, true)
            }
            // INVALID_REQUESTER_INFO, VAT_BLOCKED, IP_BLOCKED, and what is not known yet.
            _ => (AwayReach::Service, false),
        };
        let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let shown: String = code.chars().filter(plain).take(MAX_VIES_CODE_CHARACTERS).collect();
        let away = VatUnavailable { reason: format!("it answered {shown}"), reach };
        Self { away, may_pass, is_requester: code == "INVALID_REQUESTER_INFO" }
    }
}

/// A code or a number without what may be written in it or not.
fn plain(text: &str) -> String {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    plain.trim_start_matches('0').to_ascii_uppercase()
}

/// A text to keep: without control characters but for ends of lines; `---` stands for nothing.
fn clean(text: Option<String>) -> String {
    let text: String = text.unwrap_or_default().chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let text = text.trim();
    if text.bytes().all(|b| b == b'-') { String::new() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<VatOutcome, (String, AwayReach, bool)> {
        let asked = Asked {
            country_code: "DE",
            vat_number: "136695976",
            requester_member_state_code: None,
            requester_number: None,
        };
        let told = |failure: Failure| (failure.away.reason, failure.away.reach, failure.may_pass);
        serde_json::from_str::<Answer>(body).expect("JSON").read(&asked).map_err(told)
    }

    #[test]
    fn an_answer_is_about_the_number_or_none() {
        let valid = VatOutcome::Valid {
            name: "Kraut & Rüben GmbH".to_owned(),
            address: "Hauptstr. 1\n10115 Berlin".to_owned(),
            consultation: "WAPIAAAAW1".to_owned(),
        };
        let body = r#"{"countryCode":"DE","vatNumber":"136695976","requestDate":"2026-11-23T11:00:00.000Z","valid":true,
            "requestIdentifier":"WAPIAAAAW1","name":" Kraut & Rüben\u0000 GmbH","address":"Hauptstr. 1\n10115 Berlin\n",
            "traderName":"---"}"#;
        assert_eq!(read(body), Ok(valid));
        let nothing = (String::new(), String::new(), String::new());
        let (name, address, consultation) = nothing;
        assert_eq!(
            read(r#"{"valid":true,"name":"---","address":"---","requestIdentifier":""}"#),
            Ok(VatOutcome::Valid { name, address, consultation })
        );
        assert_eq!(read(r#"{"valid":false}"#), Ok(VatOutcome::Invalid { consultation: String::new() }));
        for other in [
            r#"{"countryCode":"AT","vatNumber":"136695976","valid":true}"#,
            r#"{"countryCode":"DE","vatNumber":"136695975","valid":true}"#,
            r#"{"countryCode":"DE","vatNumber":"136695976"}"#,
            "{}",
        ] {
            assert!(matches!(read(other), Err((_, AwayReach::Service, true))), "{other}");
        }
    }

    #[test]
    fn a_code_says_how_far_it_reaches_and_whether_it_may_pass() {
        for (code, reach, may_pass) in [
            ("INVALID_INPUT", AwayReach::Number, false),
            ("MS_UNAVAILABLE", AwayReach::Country, false),
            ("MS_MAX_CONCURRENT_REQ", AwayReach::Country, true),
            ("TIMEOUT", AwayReach::Country, true),
            ("SERVICE_UNAVAILABLE", AwayReach::Service, true),
            ("GLOBAL_MAX_CONCURRENT_REQ", AwayReach::Service, true),
            ("INVALID_REQUESTER_INFO", AwayReach::Service, false),
            ("VAT_BLOCKED", AwayReach::Service, false),
            ("IP_BLOCKED", AwayReach::Service, false),
            ("SOMETHING_NEW", AwayReach::Service, false),
        ] {
            let body = format!(r#"{{"actionSucceed":false,"errorWrappers":[{{"error":"{code}"}}],"valid":false}}"#);
            assert_eq!(read(&body), Err((format!("it answered {code}"), reach, may_pass)));
        }
        let bare = read(r#"{"actionSucceed":false,"valid":false}"#);
        assert!(matches!(bare, Err((_, AwayReach::Service, false))), "{bare:?}");
    }
}
