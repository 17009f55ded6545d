//! The verbs: one file each, and the place that opens write transactions.
//!
//! An [`App`] is what every door holds: the database, the clock, randomness and the price feeds. A verb is a method on it
//! that checks what it is given, does all of its work in one transaction, and leaves an audit row. Nothing here waits for
//! the network inside a transaction.
//!
//! To add a verb: a file named after it, a method on [`App`] that takes a [`Caller`] or an [`Actor`], and a story in
//! `tests/`.

mod addon;
mod address_list;
mod align;
mod bounce;
mod brand;
mod caller;
mod campaign;
mod cancellation;
mod change;
mod clock;
mod contact;
mod coupon;
mod credit;
mod credit_note;
mod csv_file;
mod customer;
mod demo;
mod document;
mod draft;
mod e_invoice;
mod error;
mod explain;
mod export;
mod fed;
mod feed;
mod freed;
mod http;
mod import;
mod invoice;
mod journal;
mod key;
mod key_cache;
mod key_use;
mod known;
mod late_payment;
mod lead_time;
mod load;
mod mail;
mod mail_template;
mod once;
mod outbound;
mod outbox;
mod overdue;
mod panic_text;
mod paper;
mod payment;
mod payment_link;
mod press;
mod preview;
mod price;
mod product;
mod random;
mod renew;
mod renewal_queue;
mod report;
mod run;
mod run_report;
mod run_schedule;
mod sandbox;
mod seller;
mod service;
mod simulate;
mod vat_check;
mod void;
mod webhook;
mod webhook_delivery;
mod webhook_sender;
mod write_off;

use std::sync::Arc;

use perennial_store::Store;

use crate::key_cache::KeyCache;
use crate::key_use::KeyUses;
use crate::known::Known;

pub use addon::{AddonSold, NewAddon};
pub use address_list::{MAX_KEY_ADDRESSES, Network, ParseNetworkError};
pub use align::Alignment;
pub use bounce::{Bounce, MAX_REPORT_BYTES};
pub use brand::{MAX_CLOSING_CHARACTERS, MAX_FOOTER_CHARACTERS, MAX_LOGO_BYTES, read_color};
pub use caller::{Actor, Caller, ParseScopeError, Scope, Scopes};
pub use campaign::{
    CampaignEffect, MAX_CAMPAIGN_MONTHS, MAX_CAMPAIGN_REMARKS, MAX_CAMPAIGN_SERVICES, MAX_OPT_OUTS, NewCampaign,
};
pub use cancellation::{CancelRequest, Cancelled};
pub use change::{ChangeRequest, Changed, CycleOffer, MAX_CHANGES_LISTED};
pub use clock::Clock;
pub use contact::{MAX_CONTACT_DESCRIPTION_CHARACTERS, MAX_CONTACTS};
pub use coupon::{MAX_COUPON_CODE_CHARACTERS, NewCoupon};
pub use credit::{MAX_DEPOSIT_MAJOR, NewRefund};
pub use credit_note::{CreditNoted, CreditOf};
pub use csv_file::{CsvProblem, MAX_PROBLEMS_KEPT};
pub use customer::NewCustomer;
pub use demo::{DEMO_SERVICE, demo_data, demo_seller};
pub use draft::{DraftPreview, MAX_DRAFT_LINES, MAX_DRAFTS_LISTED};
pub use error::{AppError, Problem, Result};
pub use explain::Explanation;
pub use feed::{
    FEED_ATTEMPT_TIMEOUT, FEED_BULK_DEADLINE, FEED_DEADLINE, FEED_FAILURES_TO_REST, FEED_REST, FEED_RETRIES,
    FEED_TIME_CLASSES_MS, FeedConfig, FeedConfigError, FeedOutcome, FeedReport, MAX_BULK_PRICES, PriceFeeds,
    PriceUnavailable,
};
pub use import::{CSV_COLUMNS_ADDED, CSV_FILES, ImportError, Imported};
pub use journal::JournalRow;
pub use key::{CreatedKey, DEFAULT_KEY_OVERLAP, KeyChange, KeyState, MAX_CUSTOMER_KEYS, MAX_KEY_OVERLAP, NewKey};
pub use key_cache::KEY_CACHE_TIME;
pub use key_use::{KEY_USE_INTERVAL, start_key_uses};
pub use late_payment::LatePeriod;
pub use load::{LOAD_BATCH_ROWS, LoadReport, ProviderData, Tally};
pub use mail::{Reminded, Resent};
pub use mail_template::MailTemplate;
pub use once::{ANSWER_KEPT, Answered, KnownAnswer, Once, OnceRenewal};
pub use outbound::{
    CLAIM_MAILS, DEFAULT_CONNECTIONS, DEFAULT_MAILS_PER_MINUTE, MAIL_LEASE, MAIL_POLL, MAX_CONNECTIONS,
    MAX_MAIL_ATTEMPTS, MAX_MAIL_DELAY, MAX_MAILS_A_CONNECTION, MAX_RELAY_REST, MadeMail, MailConfig, MailConfigError,
    MailTimes, Mailer, RELAY_COMMAND_TIMEOUT, RELAY_CONNECT_TIMEOUT, RELAY_DATA_TIMEOUT, RELAY_IDLE_TIME, RELAY_REST,
    RETRY_AFTER_MINUTES, RelayError, Security, start_outbound,
};
pub use outbox::{MAX_MAILS_LISTED, MailHistory};
pub use panic_text::panic_text;
pub use paper::{MAX_PAPERS_TOGETHER, PaperFile, XmlFile};
pub use payment::{MAX_PAID_INVOICES, NewPayment, Recorded};
pub use payment_link::{FoundLink, LinkStatus, MAX_PREVIOUS_LINKS, MadeLink, PAYMENT_LINK_LIFE, PreviousLink};
pub use preview::{MAX_PREVIEW_INVOICES, MAX_PREVIEW_MONTHS, MAX_PREVIEW_SERVICES, Preview, PreviewOf};
pub use price::NewPrice;
pub use product::NewProduct;
pub use random::Random;
pub use renew::{MAX_BATCH_SERVICES, Order, Outcome, Renewal, Renewed};
pub use renewal_queue::{
    MAX_GROUP_REQUESTS, MAX_WAITING_FOR_PRICES, QUEUE_CAPACITY_REQUESTS, RenewalQueue, RenewalWorkers,
};
pub use report::{Ageing, TaxReport, TaxRow};
pub use run::{RETRY_AFTER_DAYS, RUN_LEASE, RunProgress, Stop};
pub use run_report::{DryRun, MAX_DRY_RUN_PROBLEMS, RunReport};
pub use run_schedule::{SANDBOX_INTERVAL, SCHEDULE_INTERVAL, start_schedule};
pub use sandbox::MAX_ADVANCE_DAYS;
pub use seller::{MAX_FIRST_NUMBER, NewSeller};
pub use service::{MAX_QUANTITY, NewService, ServiceChange};
pub use simulate::{MAX_SIMULATED_MONTHS, MonthTotal};
pub use vat_check::{
    AwayReach, COUNTRY_FAILURES_TO_SKIP, DEFAULT_RECHECK_DAYS, MAX_RECHECK_DAYS, MAX_VAT_CHECKS_A_PASS, VAT_CHECK_HOUR,
    VAT_CHECK_PAUSE, VIES_ATTEMPT_TIMEOUT, VIES_DEADLINE, VIES_FAILURES_TO_STOP, VIES_RETRIES, VIES_RETRY_PAUSE,
    VIES_URL, VatCheckConfig, VatCheckConfigError, VatCheckTimes, VatChecked, VatChecker, VatOutcome, VatPass,
    VatPassEnd, VatUnavailable,
};
pub use webhook::{
    CreatedWebhook, DEFAULT_SECRET_OVERLAP, MAX_SECRET_OVERLAP, MAX_WEBHOOK_URL_CHARACTERS, MAX_WEBHOOKS, NewWebhook,
    Wanted, WebhookChange, WebhookStanding,
};
pub use webhook_delivery::{MAX_REPLAYED_EVENTS, ReplayFrom, Replayed, ShownDelivery};
pub use webhook_sender::{
    CLAIM_DELIVERIES, MAX_MESSAGES_AT_ONCE, MAX_REASON_CHARACTERS, MAX_WEBHOOK_REST, MAX_WEBHOOKS_AT_ONCE, Message,
    Tried, WEBHOOK_CONNECT_TIMEOUT, WEBHOOK_DELIVERY_KEPT, WEBHOOK_LEASE, WEBHOOK_NOTICE_INTERVAL, WEBHOOK_POLL,
    WEBHOOK_RETRY_AFTER, WEBHOOK_RETRY_FOR, WEBHOOK_TIMEOUT, WebhookConfig, WebhookConfigError, WebhookSecret,
    WebhookSender, WebhookTimes, start_webhooks,
};

/// What every door holds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    feeds: Arc<PriceFeeds>,
    keys: Arc<KeyCache>,
    key_uses: Arc<KeyUses>,
    known: Arc<Known>,
    vat_checker: Option<Arc<VatChecker>>,
    mailer: Option<Arc<Mailer>>,
    webhook_sender: Option<Arc<WebhookSender>>,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Store, clock: Clock, random: Random, feeds: PriceFeeds) -> Self {
        Self {
            store,
            clock,
            random,
            feeds: Arc::new(feeds),
            keys: Arc::default(),
            key_uses: Arc::default(),
            known: Arc::default(),
            vat_checker: None,
            mailer: None,
            webhook_sender: None,
        }
    }
}
