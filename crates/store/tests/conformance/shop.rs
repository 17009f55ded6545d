//! Where the stories play: Norrsken Hosting in Sundsvall sells a server to Astrid, through the store's functions only.

use jiff::civil::{Date, date};
use jiff::{Timestamp, tz::TimeZone};
use perennial_billing::{
    AddonId, AmountRules, Amounts, ContactId, Currency, CustomerId, CustomerKind, Cycle, DayCount, DocumentKind,
    InvoiceId, LatePayment, Money, NumberReset, NumberStatus, PaymentId, PriceId, PriceSource, PriceVersion, ProductId,
    Quantity, Rate, Schedule, SellerId, ServiceId, ServiceStatus, TaxCategory, TaxClass, TaxGroup, TaxProfile, renewal,
};
use perennial_store::addons::{self, Addon};
use perennial_store::changes;
use perennial_store::contacts::BillingContact;
use perennial_store::customers::{self, Customer, CustomerParty};
use perennial_store::documents::{self, NewDocument};
use perennial_store::ids::{self, IdKind};
use perennial_store::invoices::{self, Invoice, InvoiceLine};
use perennial_store::payments::Payment;
use perennial_store::prices;
use perennial_store::products::{self, Product};
use perennial_store::renewals::{self, NewInvoice, Round, WrittenInvoice};
use perennial_store::sellers::{
    self, EInvoicePolicy, MailRules, Numbering, OpenInvoicePolicy, RunRules, Seller, SellerParty, TaxSettings,
};
use perennial_store::services::{self, Service};
use perennial_store::settlements;
use perennial_store::{Result, Store, Tx};
use perennial_testkit::{Kind, TestDatabase};

/// The day on which every story plays.
pub const TODAY: Date = Date::constant(2026, 11, 23);
/// The first day of the first period of everything that is sold.
pub const ANCHOR: Date = Date::constant(2026, 12, 1);
/// From which day the run renews it: the default lead time before [`ANCHOR`].
pub const RENEW_ON: Date = Date::constant(2026, 11, 17);
/// The customer in most stories.
pub const ASTRID: CustomerId = CustomerId(7);
/// What she bought.
pub const SERVER: ProductId = ProductId(1912);
/// Her server, which the v1 API would call her account.
pub const SERVICE: ServiceId = ServiceId(20000);

/// Texts that a careless statement would trip over: quotes, escapes, comments, placeholders, JSON that must stay text,
/// and letters from elsewhere. No NUL, which PostgreSQL cannot keep.
pub const ODD_TEXTS: [&str; 18] = [
    "",
    " leading and trailing ",
    "Åsa Öström-Łukasz",
    "O'Hara \"the boss\" `x`",
    "'; drop table sellers; --",
    "/* not a comment */",
    "back\\slash \\n \\u0041 \\'",
    "$1 $2 ?1 :name @p {rows} {in $1} {for update} %s",
    "null",
    "[1,\"two\"]",
    "{\"key\":null}",
    "0042",
    "1e3",
    "\u{1f9a5}\u{200d}\u{1f4bb} \u{10ffff}",
    "e\u{301} is not \u{e9}",
    "\u{202e}backwards\u{202c} \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "\u{feff}\u{2028}\u{2029}\u{a0}",
    "tab\there\u{1}\u{7f}",
];

/// Days from the first one both databases and ISO 8601 agree on to the last one there is.
pub const FAR_DAYS: [Date; 7] = [
    Date::constant(1, 1, 1),
    Date::constant(1582, 10, 10),
    Date::constant(1969, 12, 31),
    Date::constant(1970, 1, 1),
    Date::constant(2000, 2, 29),
    Date::constant(2262, 4, 12),
    Date::constant(9999, 12, 31),
];

/// Instants with microseconds, on both sides of 1970 and of 2000, where the two databases count from.
pub fn far_instants() -> Vec<Timestamp> {
    let texts = [
        "0001-01-01T00:00:00.000001Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59.999999Z",
        "2026-11-23T11:00:00.123456Z",
        "9999-12-30T21:59:59.999999Z",
    ];
    texts.map(at).to_vec()
}

/// The instant that is written so.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Noon in Sundsvall on [`TODAY`], with microseconds.
pub fn noon() -> Timestamp {
    at("2026-11-23T11:00:00.123456Z")
}

/// Swedish kronor.
pub fn sek() -> Currency {
    "SEK".parse().expect("a currency")
}

/// The cycle that is written so.
pub fn cycle(text: &str) -> Cycle {
    text.parse().expect("a cycle")
}

/// Norrsken Hosting, under any id.
pub fn seller(id: i64) -> Seller {
    Seller {
        id: SellerId(id),
        party: SellerParty {
            name: "Norrsken Hosting AB".to_owned(),
            address1: "Hamngatan 12".to_owned(),
            address2: "2 tr".to_owned(),
            postcode: "852 29".to_owned(),
            city: "Sundsvall".to_owned(),
            country: "SE".to_owned(),
            vat_number: "SE556123456701".to_owned(),
            company_number: "556123-4567".to_owned(),
            email: "hej@norrsken.example".to_owned(),
            iban: "SE4550000000058398257466".to_owned(),
            bic: "ESSESESS".to_owned(),
            bankgiro: "123-4567".to_owned(),
            plusgiro: "4 15 00 72-9".to_owned(),
            swish: "1231234567".to_owned(),
            ..SellerParty::default()
        },
        currency: sek(),
        time_zone: TimeZone::get("Europe/Stockholm").expect("a zone"),
        tax: TaxSettings::default(),
        numbering: numbering("{YYYY}{NNNNN}"),
        payment_terms_days: 10,
        renew_ahead_months: 12,
        open_invoice_policy: OpenInvoicePolicy::Return,
        mail_invoices: true,
        mail: MailRules::default(),
        e_invoices: EInvoicePolicy::Warn,
        amounts: AmountRules::default(),
        applies_credit: false,
        late_payment: LatePayment::Keep,
        day_count: DayCount::Actual,
        price_notice_days: 30,
        converts_prices: false,
        converted_ending: perennial_billing::campaign::PriceEnding::Any,
        exchange_rates: Vec::new(),
        runs: RunRules::default(),
        created_at: noon(),
        version: 1,
    }
}

/// Numbers of invoices by a pattern, and those of the others as they are by default.
pub fn numbering(invoices: &str) -> Numbering {
    let pattern = |text: &str| text.parse().expect("a pattern");
    Numbering {
        invoices: pattern(invoices),
        credit_notes: pattern("CN-{YYYY}-{NNNNN}"),
        deposits: pattern("DEP-{YYYY}-{NNNNN}"),
        reset: NumberReset::CALENDAR_YEAR,
    }
}

/// A consumer in Sweden who is billed in kronor.
pub fn customer(id: i64, name: &str) -> Customer {
    Customer {
        id: CustomerId(id),
        party: CustomerParty {
            kind: CustomerKind::Private,
            name: name.to_owned(),
            company: String::new(),
            email: "kund@example.com".to_owned(),
            address1: "Storgatan 1".to_owned(),
            address2: String::new(),
            postcode: "852 30".to_owned(),
            city: "Sundsvall".to_owned(),
            country: "SE".to_owned(),
            vat_number: String::new(),
            exemption_reason: String::new(),
        },
        language: "sv".to_owned(),
        currency: sek(),
        tax_exempt: false,
        invoicing: None,
        vat_number_status: NumberStatus::Unchecked,
        vat_checked_at: None,
        created_on: date(2020, 2, 29),
        version: 1,
    }
}

/// What a consumer in Sweden pays on everything here.
pub fn swedish_vat() -> TaxProfile {
    let rate = Rate::parse_percent("25").expect("a rate");
    TaxProfile { country: "SE".parse().expect("a country"), category: TaxCategory::S, rate }
}

/// Another recipient of a customer's invoices.
pub fn contact(id: i64, customer: CustomerId, email: &str) -> BillingContact {
    BillingContact { id: ContactId(id), customer, email: email.to_owned(), description: "Bookkeeping".to_owned() }
}

/// Something from the catalogue.
pub fn product(id: i64, name: &str) -> Product {
    Product {
        id: ProductId(id),
        name: name.to_owned(),
        service_type: 3,
        kind: "vps".to_owned(),
        tax_class: TaxClass::Standard,
        late_payment: None,
        price_source: PriceSource::Catalogue,
    }
}

/// A monthly price in kronor since 2020.
pub fn price(id: i64, product: ProductId, minor: i64) -> PriceVersion {
    PriceVersion {
        id: PriceId(id),
        product,
        cycle: cycle("1m"),
        amount: Money::new(minor, sek()),
        starts: date(2020, 1, 1),
        from_quantity: Quantity::ZERO,
    }
}

/// One of something, each month from [`ANCHOR`] on.
pub fn service(id: i64, customer: CustomerId, product: ProductId) -> Service {
    let schedule = Schedule::new(ANCHOR, cycle("1m"));
    Service {
        id: ServiceId(id),
        customer,
        product,
        label: "vps.example.net".to_owned(),
        status: ServiceStatus::Active,
        schedule,
        next_period: schedule.first,
        billed_through: Some(ANCHOR),
        paid_through: Some(ANCHOR),
        quantity: Quantity::ONE,
        own_price_minor: None,
        own_price_through: None,
        price_kept_on: None,
        discount: None,
        campaign: None,
        auto_renew: true,
        renew_on: Some(RENEW_ON),
        ends_on: None,
    }
}

/// One of something on top of a service.
pub fn addon(id: i64, service: ServiceId, product: ProductId) -> Addon {
    let quantity = Quantity::ONE;
    Addon { id: AddonId(id), service, product, quantity, own_price_minor: None, term: None, active: true }
}

/// A document that a person writes for Astrid: one line of this much, and Swedish tax on it. It books nothing yet.
pub fn document(kind: DocumentKind, minor: i64) -> NewDocument {
    let (net, tax) = (Money::new(minor, sek()), Money::new(minor / 4, sek()));
    let line = InvoiceLine::written(1, "By hand".to_owned(), Quantity::ONE, net, net, swedish_vat());
    NewDocument {
        kind,
        customer: customer(ASTRID.0, "Astrid Nyman"),
        issued_on: TODAY,
        due_on: date(2026, 12, 3),
        lines: vec![line],
        amounts: Amounts {
            tax_groups: vec![TaxGroup { profile: swedish_vat(), base: net, tax }],
            net,
            tax,
            rounding: Money::zero(sek()),
            total: Money::new(net.minor + tax.minor, sek()),
        },
        rules: AmountRules::default(),
        home_tax: None,
        corrects: None,
        reason: None,
        entries: Vec::new(),
        mail: false,
    }
}

/// A database in which Norrsken Hosting sells Astrid a server for 100 kronor a month.
pub struct Shop {
    pub database: TestDatabase,
    pub store: Store,
    pub seller: Seller,
}

impl Shop {
    /// Norrsken Hosting, with nothing to sell and nobody to sell it to.
    pub async fn bare(kind: Kind) -> Self {
        let database = TestDatabase::new(kind).await;
        let store = database.open().await;
        let shop = Self { database, store, seller: seller(1) };
        shop.open_for(&shop.seller).await;
        shop
    }

    /// With Astrid and her server.
    pub async fn new(kind: Kind) -> Self {
        let shop = Self::bare(kind).await;
        shop.stock(shop.seller.id, "Astrid Nyman", "Cloud Server").await;
        shop
    }

    /// Another seller moves in.
    pub async fn open_for(&self, seller: &Seller) {
        let mut tx = self.begin().await;
        sellers::insert(&mut tx, seller).await.expect("a seller");
        tx.commit().await.expect("a seller");
    }

    /// Fills a seller's shelves: customer, product, price and service under the ids above.
    pub async fn stock(&self, seller: SellerId, name: &str, product_name: &str) {
        let mut tx = self.begin().await;
        customers::upsert(&mut tx, seller, &[customer(ASTRID.0, name)]).await.expect("a customer");
        products::upsert(&mut tx, seller, &[product(SERVER.0, product_name)]).await.expect("a product");
        prices::insert(&mut tx, seller, &[price(1, SERVER, 10_000)]).await.expect("a price");
        services::upsert(&mut tx, seller, &[service(SERVICE.0, ASTRID, SERVER)]).await.expect("a service");
        tx.commit().await.expect("a full shelf");
    }

    /// Norrsken's id.
    pub fn id(&self) -> SellerId {
        self.seller.id
    }

    /// A transaction to write with.
    pub async fn begin(&self) -> Tx {
        self.store.begin().await.expect("a transaction")
    }

    /// A connection to read with.
    pub async fn read(&self) -> perennial_store::Conn {
        self.store.read().await.expect("a connection")
    }

    /// Writes services: new ones or changed ones.
    pub async fn put_services(&self, services: &[Service]) {
        let mut tx = self.begin().await;
        services::upsert(&mut tx, self.id(), services).await.expect("services");
        tx.commit().await.expect("services");
    }

    /// Writes add-ons: new ones or changed ones.
    pub async fn put_addons(&self, addons: &[Addon]) {
        let mut tx = self.begin().await;
        addons::upsert(&mut tx, self.id(), addons).await.expect("add-ons");
        tx.commit().await.expect("add-ons");
    }

    /// Astrid's server as it stands now.
    pub async fn server(&self) -> Service {
        let mut conn = self.read().await;
        services::get(&mut conn, self.id(), SERVICE).await.expect("a read").expect("Astrid's server")
    }

    /// What renewing these services of a seller would write today.
    pub async fn planned_for(&self, seller: &Seller, ids: &[ServiceId]) -> Vec<NewInvoice> {
        let mut conn = self.read().await;
        let mut gathered = renewals::gather(&mut conn, seller, ids).await.expect("facts");
        let needed = gathered.values().flat_map(|found| found.catalogue_products().map(|(product, _)| product));
        let needed: Vec<ProductId> = needed.collect();
        let prices = prices::of_products(&mut conn, seller.id, &needed).await.expect("prices");
        let plan = |id| {
            let mut found = gathered.remove(id).expect("a service that exists");
            found.facts.prices.clone_from(&prices);
            let plan = renewal::plan(&found.facts, TODAY).expect("a service that can be renewed");
            NewInvoice {
                plan,
                versions: vec![found.version],
                customer: found.customer,
                mail: true,
                actor: "cli".to_owned(),
                on_behalf_of: None,
            }
        };
        ids.iter().map(plan).collect()
    }

    /// What renewing these services of Norrsken's would write today.
    pub async fn planned(&self, ids: &[ServiceId]) -> Vec<NewInvoice> {
        self.planned_for(&self.seller, ids).await
    }

    /// What renewing Astrid's server would write today.
    pub async fn plan(&self) -> NewInvoice {
        self.planned(&[SERVICE]).await.remove(0)
    }

    /// Writes renewals in a transaction of their own.
    pub async fn write(&self, renewals: &[NewInvoice]) -> Result<Vec<WrittenInvoice>> {
        self.write_for(&self.seller, renewals).await
    }

    /// Writes renewals of a seller in a transaction of their own, as if no service had moved since they were planned: what
    /// is tested here is the claim, not the version that stands in front of it.
    pub async fn write_for(&self, seller: &Seller, renewals: &[NewInvoice]) -> Result<Vec<WrittenInvoice>> {
        let claims = renewals.iter().flat_map(|new| &new.plan.claims);
        let services: Vec<ServiceId> = claims.map(|claim| claim.service).collect();
        let mut tx = self.begin().await;
        let versions = renewals::lock(&mut tx, seller.id, &services).await?;
        drop(tx);
        let unmoved = |new: &NewInvoice| {
            let now = new.plan.claims.iter().map(|claim| versions.get(&claim.service).copied().unwrap_or(0));
            NewInvoice { versions: now.collect(), ..new.clone() }
        };
        let renewals: Vec<NewInvoice> = renewals.iter().map(unmoved).collect();
        let written = self.round().await.commit(seller, &renewals, noon(), None, None).await?;
        Ok(written.into_iter().map(|written| written.expect("no service moved")).collect())
    }

    /// A round of renewing that has read nothing yet.
    pub async fn round(&self) -> Round {
        Round::begin(&self.store).await.expect("a round")
    }

    /// Renews Astrid's server and reads the invoice.
    pub async fn renew(&self) -> Invoice {
        let written = self.write(&[self.plan().await]).await.expect("a renewal").remove(0);
        self.invoice(written.id).await
    }

    /// Issues a document of Norrsken's.
    pub async fn issue(&self, new: &NewDocument) -> WrittenInvoice {
        let mut tx = self.begin().await;
        let written = documents::issue(&mut tx, &self.seller, new, noon()).await.expect("a document");
        tx.commit().await.expect("a document");
        written
    }

    /// An invoice of Norrsken's.
    pub async fn invoice(&self, id: InvoiceId) -> Invoice {
        let mut conn = self.read().await;
        invoices::get(&mut conn, self.id(), id).await.expect("a read").expect("an invoice")
    }

    /// What a person with a database client reads, one row a line.
    pub fn look(&self, sql: &str) -> Vec<String> {
        let printed = self.database.sql(sql).expect("a statement that the client can run");
        printed.lines().map(str::to_owned).collect()
    }

    /// The only number a person with a database client reads.
    pub fn look_number(&self, sql: &str) -> i64 {
        self.look(sql).concat().parse().expect("a number")
    }

    /// Changes rows behind the program's back.
    pub fn meddle(&self, sql: &str) {
        self.database.sql(sql).expect("a change that nothing forbids");
    }

    /// Tries to change rows behind the program's back and asserts that a guard says this.
    pub fn assert_refused(&self, sql: &str, guard: &str) {
        match self.database.sql(sql) {
            Ok(_) => panic!("nothing stopped `{sql}`"),
            Err(complaint) => assert!(complaint.contains(guard), "`{sql}` was stopped by another thing: {complaint}"),
        }
    }

    /// A payment of Astrid's that has not come in yet, by a transfer that is known by its id.
    pub async fn payment(&self, tx: &mut Tx, amount: Money) -> Payment {
        let id = ids::take_one(tx, IdKind::Payment).await.expect("an id");
        Payment {
            id: PaymentId(id),
            customer: ASTRID,
            amount,
            method: "bank".to_owned(),
            reference: format!("transfer {id}"),
            paid_on: TODAY,
            at: noon(),
            actor: "cli".to_owned(),
        }
    }

    /// Pays an invoice of Astrid's in full.
    pub async fn pay(&self, invoice: InvoiceId) {
        let mut tx = self.begin().await;
        let open = settlements::hold(&mut tx, self.id(), &[invoice]).await.expect("a read").remove(0);
        let payment = self.payment(&mut tx, open.open).await;
        settlements::pay_in_full(&mut tx, self.id(), &[(open, payment)]).await.expect("a payment");
        tx.commit().await.expect("a payment");
    }

    /// Takes an invoice back of which nothing is paid.
    pub async fn take_back(&self, invoice: InvoiceId) {
        let mut tx = self.begin().await;
        assert!(
            changes::take_back(&mut tx, self.id(), invoice, (TODAY, noon())).await.expect("a change"),
            "it was unpaid"
        );
        tx.commit().await.expect("a change");
    }

    /// 1970-01-01T00:00:00Z as this database's client writes it.
    pub fn epoch(&self) -> &'static str {
        if self.is_sqlite() { "0" } else { "to_timestamp(0)" }
    }

    /// Whether the database is a file.
    pub fn is_sqlite(&self) -> bool {
        self.store.kind() == "SQLite"
    }

    /// The names of a table's columns, in order.
    pub fn columns(&self, table: &str) -> Vec<String> {
        self.look(&if self.is_sqlite() {
            format!("select name from pragma_table_info('{table}') order by cid")
        } else {
            format!(
                "select column_name from information_schema.columns \
                 where table_schema = 'public' and table_name = '{table}' order by ordinal_position"
            )
        })
    }
}
