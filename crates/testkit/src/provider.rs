//! A provider with a few people in it, on a day of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use perennial_app::{
    Actor, App, Caller, Clock, FeedConfig, NewAddon, NewCustomer, NewKey, NewPayment, NewPrice, NewProduct, NewSeller,
    NewService, PriceFeeds, Random,
};
use perennial_billing::{
    AddonId, CustomerId, CustomerKind, Cycle, EventId, InvoiceId, LatePayment, Money, PriceSource, ProductId, Quantity,
    SellerId, ServiceId, ServiceStatus, TaxClass,
};
use perennial_store::customers::CustomerParty;
use perennial_store::events::{self, Event};
use perennial_store::sellers::{Seller, SellerParty};
use perennial_store::{invoices, products};

use crate::{Kind, TestDatabase};

/// The day on which every story begins.
pub const TODAY: Date = Date::constant(2026, 11, 23);

/// Norrsken Hosting in Sundsvall: an app on a fresh database, and verbs to tell stories with.
#[derive(Debug)]
pub struct Provider {
    /// The verbs under test.
    pub app: App,
    /// The seller.
    pub seller: Seller,
    /// Where the rows are.
    pub database: TestDatabase,
    /// How many nodes it has.
    nodes: AtomicU64,
}

impl Provider {
    /// A provider without price feeds.
    pub async fn new(kind: Kind) -> Self {
        Self::with_feed(kind, None).await
    }

    /// A provider whose feed `registrar` is at this address and never cached.
    pub async fn with_feed(kind: Kind, url: Option<String>) -> Self {
        Self::with_stale_feed(kind, url, Duration::ZERO).await
    }

    /// A provider whose feed `registrar` is at this address; an answer that is not older than this is taken when it is away.
    pub async fn with_stale_feed(kind: Kind, url: Option<String>, stale_for: Duration) -> Self {
        let feed = url.map(|url| FeedConfig { url, bulk_url: None, cache_for: Duration::ZERO, stale_for, token: None });
        Self::with_configured_feed(kind, feed).await
    }

    /// A provider whose feed `registrar` is configured so.
    pub async fn with_configured_feed(kind: Kind, feed: Option<FeedConfig>) -> Self {
        let database = TestDatabase::new(kind).await;
        let app = app(&database, feed, 0).await;
        let new = NewSeller {
            party: SellerParty {
                name: "Norrsken Hosting AB".to_owned(),
                address1: "Hamngatan 12".to_owned(),
                postcode: "852 29".to_owned(),
                city: "Sundsvall".to_owned(),
                country: "SE".to_owned(),
                vat_number: "SE556123456701".to_owned(),
                ..SellerParty::default()
            },
            currency: "SEK".parse().unwrap(),
            time_zone: TimeZone::get("Europe/Stockholm").unwrap(),
            tax_rate: None,
            number_pattern: NewSeller::DEFAULT_NUMBER_PATTERN.parse().unwrap(),
        };
        let seller = app.create_seller(Actor::Cli, new).await.expect("a seller");
        Self { app, seller, database, nodes: AtomicU64::new(1) }
    }

    /// Another node of the same installation, at the same moment.
    pub async fn second_node(&self) -> App {
        let place = self.nodes.fetch_add(1, Ordering::Relaxed);
        let node = app(&self.database, None, place).await;
        node.clock.set(self.app.clock.now());
        node
    }

    /// The seller's id.
    #[must_use]
    pub fn id(&self) -> SellerId {
        self.seller.id
    }

    /// Staff at the command line.
    #[must_use]
    pub fn staff(&self) -> Caller {
        Caller::cli(self.seller.id)
    }

    /// Makes it noon of a day in Sundsvall.
    pub fn set_day(&self, day: Date) {
        let noon = day.at(12, 0, 0, 0).to_zoned(self.seller.time_zone.clone()).expect("a noon");
        self.app.clock.set(noon.timestamp());
    }

    /// A private customer in Sweden who is billed in SEK.
    pub async fn customer(&self, name: &str) -> CustomerId {
        self.customer_with(name, |_| {}).await
    }

    /// A customer, changed before it is taken in.
    pub async fn customer_with(&self, name: &str, change: impl FnOnce(&mut NewCustomer)) -> CustomerId {
        let mut new = NewCustomer {
            party: CustomerParty {
                kind: CustomerKind::Private,
                name: name.to_owned(),
                company: String::new(),
                email: format!("{}@example.com", name.split(' ').next().unwrap_or("x").to_lowercase()),
                address1: "Storgatan 1".to_owned(),
                address2: String::new(),
                postcode: "852 30".to_owned(),
                city: "Sundsvall".to_owned(),
                country: "SE".to_owned(),
                vat_number: String::new(),
                exemption_reason: String::new(),
            },
            language: "sv".to_owned(),
            currency: "SEK".parse().unwrap(),
            tax_exempt: false,
            invoicing: None,
        };
        change(&mut new);
        self.app.create_customer(self.id(), Actor::Cli, new).await.expect("a customer").id
    }

    /// A product from the catalogue, type 3, with this monthly price since 2020.
    pub async fn product(&self, name: &str, monthly: &str) -> ProductId {
        let product = self.product_from(name, "catalogue").await;
        self.price(product, "1m", monthly, Date::constant(2020, 1, 1)).await;
        product
    }

    /// A product with this price source.
    pub async fn product_from(&self, name: &str, source: &str) -> ProductId {
        let new = NewProduct {
            name: name.to_owned(),
            service_type: 3,
            kind: "vps".to_owned(),
            tax_class: TaxClass::Standard,
            price_source: source.parse::<PriceSource>().unwrap(),
        };
        self.app.create_product(self.id(), Actor::Cli, new).await.expect("a product").id
    }

    /// A price version in SEK.
    pub async fn price(&self, product: ProductId, cycle: &str, amount: &str, starts: Date) {
        let amount = Money::parse(amount, "SEK".parse().unwrap()).unwrap();
        let (cycle, from_quantity) = (cycle.parse().unwrap(), Quantity::ZERO);
        let new = NewPrice { product, cycle, amount, starts, from_quantity };
        self.app.create_price(self.id(), Actor::Cli, new).await.expect("a price");
    }

    /// An active monthly service whose first period starts on this day.
    pub async fn service(&self, customer: CustomerId, product: ProductId, anchor: Date) -> ServiceId {
        self.service_with(customer, product, anchor, |_| {}).await
    }

    /// A service, changed before it is sold.
    pub async fn service_with(
        &self,
        customer: CustomerId,
        product: ProductId,
        anchor: Date,
        change: impl FnOnce(&mut NewService),
    ) -> ServiceId {
        let mut new = NewService {
            customer,
            product,
            label: "vps.example.net".to_owned(),
            status: ServiceStatus::Active,
            cycle: "1m".parse::<Cycle>().unwrap(),
            anchor,
            quantity: Quantity::ONE,
            own_price_minor: None,
            auto_renew: true,
        };
        change(&mut new);
        self.app.create_service(self.id(), Actor::Cli, new).await.expect("a service").id
    }

    /// One add-on of a service.
    pub async fn addon(&self, service: ServiceId, product: ProductId, quantity: &str) -> AddonId {
        let new =
            NewAddon { service, product, quantity: quantity.parse().unwrap(), own_price_minor: None, cycle: None };
        self.app.sell_addon(&self.staff(), new).await.expect("an add-on").addon.id
    }

    /// An API key; of a customer, or of staff.
    pub async fn key(&self, scopes: &str, customer: Option<CustomerId>) -> String {
        let new = NewKey { customer, ..NewKey::of("test", scopes.parse().unwrap()) };
        self.app.create_key(&self.staff(), new).await.expect("a key").secret
    }

    /// A key that may do everything and has just expired: a second passes.
    pub async fn expired_key(&self) -> String {
        let now = self.app.clock.now();
        let expires_at = Some(now + Duration::from_millis(500));
        let new = NewKey { expires_at, ..NewKey::of("old", "admin".parse().unwrap()) };
        let key = self.app.create_key(&self.staff(), new).await.expect("a key").secret;
        self.app.clock.set(now + Duration::from_secs(1));
        key
    }

    /// A key of the staff of another seller of the same installation.
    pub async fn other_sellers_key(&self, scopes: &str) -> String {
        let party = SellerParty { name: "Fjord Servers AS".to_owned(), ..self.seller.party.clone() };
        let new = NewSeller {
            party,
            currency: self.seller.currency,
            time_zone: self.seller.time_zone.clone(),
            tax_rate: None,
            number_pattern: NewSeller::DEFAULT_NUMBER_PATTERN.parse().unwrap(),
        };
        let seller = self.app.create_seller(Actor::Cli, new).await.expect("another seller");
        let new = NewKey::of("other", scopes.parse().unwrap());
        self.app.create_key(&Caller::cli(seller.id), new).await.expect("a key").secret
    }

    /// The customer pays what is to be paid for an invoice.
    pub async fn settle(&self, invoice: InvoiceId) {
        let mut conn = self.app.store.read().await.expect("a connection");
        let known = invoices::get(&mut conn, self.id(), invoice).await.expect("a look").expect("an invoice");
        drop(conn);
        let new = NewPayment {
            customer: known.customer,
            amount: known.open,
            method: "bank".to_owned(),
            reference: format!("invoice {}", known.number),
            paid_on: None,
            invoices: vec![invoice],
        };
        self.app.record_payment(&self.staff(), &new).await.expect("a payment");
    }

    /// Says what becomes of the dates of a product's services when they are paid late.
    pub async fn late_payment(&self, product: ProductId, policy: Option<LatePayment>) {
        let known = products::get(&mut self.read().await, self.id(), product).await.expect("a look");
        let (mut changed, _) = known.expect("a product");
        changed.late_payment = policy;
        self.app.change_product(self.id(), Actor::Cli, &changed).await.expect("a change");
    }

    /// A connection to look with.
    pub async fn read(&self) -> perennial_store::Conn {
        self.app.store.read().await.expect("a connection")
    }

    /// What happened to one thing, in order.
    pub async fn told_of(&self, subject: &str, id: i64) -> Vec<Event> {
        let all = events::after(&mut self.read().await, self.id(), EventId(0), 10_000).await.expect("events");
        all.into_iter().filter(|event| event.subject == subject && event.subject_id == id).collect()
    }

    /// Asserts that `doctor` finds nothing.
    pub async fn assert_well(&self) {
        let findings = self.app.store.examine(self.id()).await.expect("an examination");
        let problems: Vec<_> = findings.into_iter().filter(|finding| !finding.problems.is_empty()).collect();
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

/// An app on a test's database at 12:00 of [`TODAY`] in Sundsvall, with predictable randomness, which is another one on each
/// node: nodes tell each other apart by it.
async fn app(database: &TestDatabase, feed: Option<FeedConfig>, node: u64) -> App {
    let feeds: BTreeMap<String, FeedConfig> = feed.map(|feed| ("registrar".to_owned(), feed)).into_iter().collect();
    let random = Random::seeded(7 + node);
    let feeds = PriceFeeds::new(feeds, random.clone()).expect("a feed's configuration");
    let clock = Clock::manual("2026-11-23T11:00:00Z".parse().unwrap());
    App::new(database.open().await, clock, random, feeds)
}

/// A provider's folder of CSV files: 1,500 customers, 3,691 services, eight currencies.
#[must_use]
pub fn provider_csv() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/provider"))
}
