//! Renewals: reading all that decides them, and writing all that they issue, each in a constant number of statements
//! whatever the size of the batch.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use perennial_billing::renewal::{Addon, Facts, Item, Plan, Policy};
use perennial_billing::{
    AddonId, Conversion, CustomerId, Cycle, InvoiceId, Money, PeriodNumber, PriceRule, PriceSource, ProductId,
    Quantity, RunId, SellerId, ServiceId, TaxClass, TaxRules, Taxation,
};

use crate::addons;
use crate::answers::{self, Answer};
use crate::customers::{self, Customer};
use crate::dialect::Dialect;
use crate::documents::INSERT_INVOICES;
use crate::ids::{self, IdKind};
use crate::products::Product;
use crate::rows::Rows;
use crate::sellers::Seller;
use crate::services;
use crate::value::{Row, corrupt, params};
use crate::{Conn, Result, Store, StoreError, Tx};

mod postgres;
mod steps;

use steps::{New, NewIds, TAKE_NUMBERS};

pub(crate) use steps::Way;

/// A service and everything that decides its renewal.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// What the plan is made from.
    pub facts: Facts,
    /// The service's version when it was read.
    pub version: i64,
    /// Who is billed.
    pub customer: Customer,
    /// The number the v1 API shows as `serviceType`.
    pub service_type: i64,
    /// Where the price of the service comes from.
    pub price_source: PriceSource,
    /// Where the prices of its add-ons come from, in the order of `facts.addons`.
    pub addon_price_sources: Vec<PriceSource>,
    /// The version of the seller at that time.
    pub seller_version: i64,
    /// The version of the product at that time.
    product_version: i64,
    /// The versions of its add-ons' products, in the order of `facts.addons`.
    addon_product_versions: Vec<i64>,
}

impl Gathered {
    /// The products whose catalogue prices its lines need, each with its version.
    pub fn catalogue_products(&self) -> impl Iterator<Item = (ProductId, i64)> {
        let own = std::iter::once((&self.facts.item, self.product_version));
        let addons = self.facts.addons.iter().map(|addon| &addon.item).zip(self.addon_product_versions.iter().copied());
        let needs = |(item, _): &(&Item, i64)| item.needs_catalogue();
        own.chain(addons).filter(needs).map(|(item, version)| (item.product, version))
    }

    /// Makes it another product, which is at this version. Its price is that product's.
    pub fn becomes(&mut self, product: &Product, version: i64) {
        let item = &mut self.facts.item;
        item.product = product.id;
        item.name.clone_from(&product.name);
        item.tax_class = product.tax_class;
        item.rule = PriceRule::Follow;
        item.campaign = None;
        item.is_fed = product.price_source != PriceSource::Catalogue;
        self.price_source = product.price_source.clone();
        self.service_type = product.service_type;
        self.product_version = version;
    }

    /// Gives it another cycle. A price of its own was for a period of the old one.
    pub fn recurs(&mut self, cycle: Cycle) {
        self.facts.schedule.cycle = cycle;
        self.facts.item.campaign = None;
        if matches!(self.facts.item.rule, PriceRule::Own { .. }) {
            self.facts.item.rule = PriceRule::Follow;
        }
    }

    /// Leaves out all add-ons but these.
    ///
    /// # Errors
    /// One that is none of its active ones.
    pub fn choose(&mut self, chosen: &[AddonId]) -> std::result::Result<(), AddonId> {
        let is_known = |id: &&AddonId| !self.facts.addons.iter().any(|addon| addon.id == **id);
        if let Some(unknown) = chosen.iter().find(is_known) {
            return Err(*unknown);
        }
        let is_chosen: Vec<bool> = self.facts.addons.iter().map(|addon| chosen.contains(&addon.id)).collect();
        let mut keeps = is_chosen.iter();
        self.facts.addons.retain(|_| keeps.next() == Some(&true));
        let mut keeps = is_chosen.iter();
        self.addon_price_sources.retain(|_| keeps.next() == Some(&true));
        let mut keeps = is_chosen.iter();
        self.addon_product_versions.retain(|_| keeps.next() == Some(&true));
        Ok(())
    }

    /// Sells an add-on on it, of a product that is at this version.
    pub fn add(&mut self, addon: Addon, source: PriceSource, version: i64) {
        self.facts.addons.push(addon);
        self.addon_price_sources.push(source);
        self.addon_product_versions.push(version);
    }
}

/// One row for each add-on, or one if there is none: a second trip for the add-ons would cost more.
const GATHER: &str = "select s.id, s.customer_id, s.product_id, s.label, s.status, s.cycle, s.anchor, s.first_period, \
    s.next_period, s.billed_through, s.paid_through, s.quantity_millionths, s.own_price_minor, \
    s.own_price_through, s.price_kept_on, s.discount_code, s.discount_ppm, s.discount_minor, s.discount_periods, \
    s.discount_through, s.campaign_id, s.campaign_price_minor, s.campaign_price_from, s.auto_renew, s.renew_on, \
    s.ends_on, s.open_invoice_id, s.free_invoice_id, s.version, p.name as product_name, p.service_type, \
    p.tax_class, p.price_source, p.version as product_version, sl.version as seller_version, \
    c.kind, c.name, c.company, c.email, c.address1, c.address2, c.postcode, c.city, c.country, c.vat_number, \
    c.language, c.currency, c.tax_exempt, c.exemption_reason, c.vat_number_status, c.vat_checked_at, c.invoicing, \
    c.created_on, c.version as customer_version, \
    a.id as addon_id, a.product_id as addon_product_id, a.quantity_millionths as addon_quantity_millionths, \
    a.own_price_minor as addon_own_price_minor, a.cycle as addon_cycle, a.anchor as addon_anchor, \
    a.first_period as addon_first_period, a.next_period as addon_next_period, ap.name as addon_product_name, \
    ap.tax_class as addon_tax_class, ap.price_source as addon_price_source, ap.version as addon_product_version \
    from services s join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
    join products p on p.seller_id = s.seller_id and p.id = s.product_id \
    join sellers sl on sl.id = s.seller_id \
    left join addons a on a.seller_id = s.seller_id and a.service_id = s.id and a.status = 'active' \
    left join products ap on ap.seller_id = a.seller_id and ap.id = a.product_id \
    where s.seller_id = $1 and s.id {in $2}";

/// Reads services and what decides their renewal, but for the price versions, which hardly ever change. Services that do
/// not exist are left out.
pub async fn gather(conn: &mut Conn, seller: &Seller, services: &[ServiceId]) -> Result<HashMap<ServiceId, Gathered>> {
    let policy = Policy {
        payment_terms_days: seller.payment_terms_days,
        renew_ahead_months: seller.renew_ahead_months,
        amounts: seller.amounts,
        day_count: seller.day_count,
        renew_suspended: seller.runs.renew_suspended,
        max_periods_behind: seller.runs.max_periods_behind,
        consolidation_days: seller.runs.consolidation_days,
    };
    let shared = Shared {
        policy,
        conversion: seller.conversion().map(Arc::new),
        tax_rules: Arc::new(seller.tax_rules().map_err(|error| corrupt("country", &seller.party.country, error))?),
    };
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    let rows = conn.rows(GATHER, params![seller.id.0, ids]).await?;
    let mut rows = rows.iter().map(|row| Ok((row.opt_int("addon_id")?, row))).collect::<Result<Vec<_>>>()?;
    rows.sort_by_key(|(addon, _)| *addon);
    let mut gathered: HashMap<ServiceId, Gathered> = HashMap::with_capacity(services.len());
    for (addon, row) in rows {
        let found = match gathered.entry(ServiceId(row.int("id")?)) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert(read(row, seller, &shared)?),
        };
        if let Some(addon) = addon {
            read_addon(row, AddonId(addon), found)?;
        }
    }
    Ok(gathered)
}

/// What all services of a seller share.
struct Shared {
    policy: Policy,
    conversion: Option<Arc<Conversion>>,
    tax_rules: Arc<TaxRules>,
}

fn read(row: &Row, seller: &Seller, shared: &Shared) -> Result<Gathered> {
    let service = services::read(row)?;
    let customer = customers::read(row, "customer_id", "customer_version")?;
    let price_source: PriceSource = row.parsed("price_source")?;
    let item = Item {
        product: service.product,
        name: row.text("product_name")?,
        tax_class: row.word("tax_class", TaxClass::from_word)?,
        quantity: service.quantity,
        rule: service.price_rule(customer.currency),
        campaign: service.campaign,
        fed_price: None,
        is_fed: price_source != PriceSource::Catalogue,
    };
    Ok(Gathered {
        facts: Facts {
            service: service.id,
            customer: customer.id,
            status: service.status,
            label: service.label,
            schedule: service.schedule,
            next_period: service.next_period,
            open_invoice: row.opt_int("open_invoice_id")?.map(InvoiceId),
            free_invoice: row.opt_int("free_invoice_id")?.map(InvoiceId),
            auto_renew: service.auto_renew,
            ends_on: service.ends_on,
            renew_on: service.renew_on,
            lead: seller.runs.lead(customer.id, service.product, service.schedule.cycle),
            invoicing: customer.invoicing.unwrap_or(seller.runs.invoicing),
            item,
            discount: service.discount,
            addons: Vec::new(),
            currency: customer.currency,
            tax: Taxation { rules: shared.tax_rules.clone(), customer: customer.taxed()? },
            home_rates: seller.home_rates(customer.currency),
            prices: Vec::new(),
            conversion: shared.conversion.clone(),
            policy: shared.policy,
        },
        version: row.int("version")?,
        customer,
        service_type: row.int("service_type")?,
        price_source,
        addon_price_sources: Vec::new(),
        seller_version: row.int("seller_version")?,
        product_version: row.int("product_version")?,
        addon_product_versions: Vec::new(),
    })
}

/// The add-on in this row.
fn read_addon(row: &Row, id: AddonId, service: &mut Gathered) -> Result<()> {
    let source: PriceSource = row.parsed("addon_price_source")?;
    let currency = service.facts.currency;
    let own = row.opt_int("addon_own_price_minor")?;
    let item = Item {
        product: ProductId(row.int("addon_product_id")?),
        name: row.text("addon_product_name")?,
        tax_class: row.word("addon_tax_class", TaxClass::from_word)?,
        quantity: Quantity::from_millionths(row.int("addon_quantity_millionths")?),
        rule: own
            .map_or(PriceRule::Follow, |minor| PriceRule::Own { price: Money::new(minor, currency), through: None }),
        campaign: None,
        fed_price: None,
        is_fed: source != PriceSource::Catalogue,
    };
    let term = addons::term(row, "addon_cycle", "addon_anchor", "addon_first_period", "addon_next_period")?;
    service.add(Addon { id, item, term }, source, row.int("addon_product_version")?);
    Ok(())
}

/// The invoices that bill these periods of these services, where there are any.
pub async fn billed(
    conn: &mut Conn,
    seller: SellerId,
    claims: &[(ServiceId, PeriodNumber)],
) -> Result<HashMap<(ServiceId, PeriodNumber), InvoiceId>> {
    let rows = Rows::new()
        .int("seller_id", claims.iter().map(|_| seller.0))
        .int("service_id", claims.iter().map(|(service, _)| service.0))
        .int("period", claims.iter().map(|(_, period)| i64::from(period.0)));
    let sql = "select p.service_id, p.period, p.invoice_id from {rows} join periods p on p.seller_id = n.seller_id \
        and p.service_id = n.service_id and p.period = n.period and p.state <> 'void'";
    let found = conn.rows_with(sql, rows).await?;
    found
        .iter()
        .map(|row| {
            let claim = (ServiceId(row.int("service_id")?), PeriodNumber(row.small("period")?));
            Ok((claim, InvoiceId(row.int("invoice_id")?)))
        })
        .collect()
}

/// A planned invoice that is to be written.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    /// What it issues.
    pub plan: Plan,
    /// The versions of the services that the plan was made from, in the order of its claims.
    pub versions: Vec<i64>,
    /// Who is billed.
    pub customer: Customer,
    /// Whether the invoice is mailed.
    pub mail: bool,
    /// Who asked for it.
    pub actor: String,
    /// For which customer staff asked, if they said so.
    pub on_behalf_of: Option<CustomerId>,
}

impl NewInvoice {
    /// The services it renews, each with the version that the plan was made from.
    fn services(&self) -> impl Iterator<Item = (ServiceId, i64)> {
        self.plan.claims.iter().map(|claim| claim.service).zip(self.versions.iter().copied())
    }
}

/// An invoice that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenInvoice {
    /// Its integer id.
    pub id: InvoiceId,
    /// Its legal number.
    pub number: String,
}

/// One round of renewing: what is read decides what is written.
///
/// A SQLite file has one writer at a time anyway, so there a round is one transaction, and nothing can change in between.
/// On PostgreSQL nobody waits while a round reads and plans; instead, what it writes is checked against the versions it
/// has read.
#[derive(Debug)]
pub struct Round {
    store: Store,
    /// None when it was handed back, because another one is needed: who holds one and waits for a second may wait for a
    /// third who does the same.
    conn: Option<Conn>,
    /// The versions of the services it has read.
    read: HashMap<ServiceId, i64>,
    /// Whether what was written is still to be committed.
    is_open: bool,
}

impl Round {
    /// Begins a round.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no connection.
    pub async fn begin(store: &Store) -> Result<Self> {
        Ok(Self {
            store: store.clone(),
            conn: Some(store.read_to_write().await?),
            read: HashMap::new(),
            is_open: false,
        })
    }

    /// Begins a round that only looks: it keeps nobody out, and cannot commit.
    ///
    /// # Errors
    /// As [`Round::begin`].
    pub async fn look(store: &Store) -> Result<Self> {
        Ok(Self { store: store.clone(), conn: Some(store.read().await?), read: HashMap::new(), is_open: false })
    }

    /// What to read with.
    ///
    /// # Errors
    /// As [`Round::begin`].
    pub async fn conn(&mut self) -> Result<&mut Conn> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.store.read_to_write().await?,
        };
        Ok(self.conn.insert(conn))
    }

    /// As [`gather`].
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn gather(&mut self, seller: &Seller, services: &[ServiceId]) -> Result<HashMap<ServiceId, Gathered>> {
        let gathered = gather(self.conn().await?, seller, services).await?;
        self.read.extend(gathered.iter().map(|(service, found)| (*service, found.version)));
        Ok(gathered)
    }

    /// Writes invoices: claims, lines, tax, ledger, outbox, audit, events, advanced services, and last of all the numbers and the
    /// invoices, because the series is what other writers wait for. If a run writes them, what it has found of them is done.
    /// All of it in one transaction, which ends with it, together with the answers that tell of it. The result has one entry
    /// per invoice; it is `None`, and nothing is written, for one with a service that changed since its plan was made.
    ///
    /// # Errors
    /// [`StoreError::Unique`] for `periods` when a period is billed already, for `answers` when a request was answered already,
    /// [`StoreError::Retry`] when others were in the way; then nothing is written at all.
    pub async fn commit(
        mut self,
        seller: &Seller,
        invoices: &[NewInvoice],
        at: Timestamp,
        run: Option<RunId>,
        answers: Option<&AnswersFor<'_>>,
    ) -> Result<Vec<Option<WrittenInvoice>>> {
        // Something else is to be written in the same transaction, so that it cannot end with the invoices.
        let stays_open = answers.is_some() || self.store.is_joint();
        let mut current: Vec<(usize, &NewInvoice)> = invoices.iter().enumerate().collect();
        let mut written: Vec<Option<WrittenInvoice>> = invoices.iter().map(|_| None).collect();
        while !current.is_empty() {
            let new: Vec<&NewInvoice> = current.iter().map(|(_, new)| *new).collect();
            let outcome = match self.store.dialect() {
                Dialect::Sqlite => step_by_step(&mut self, seller, &new, at, run).await?,
                Dialect::Postgres => postgres::in_one_call(&mut self, seller, &new, at, run, stays_open).await?,
            };
            match outcome {
                Attempt::Written { ids, first_number } => {
                    for (((place, new), id), nth) in current.iter().zip(ids).zip(first_number..) {
                        let number = seller.invoice_number(new.plan.issued_on, nth);
                        written[*place] = Some(WrittenInvoice { id, number });
                    }
                    break;
                }
                Attempt::Stale(stale) => {
                    current.retain(|(_, new)| new.services().all(|(service, _)| !stale.contains(&service)));
                }
            }
        }
        match self.conn {
            Some(conn) if self.is_open => {
                let mut tx = conn.into_tx();
                for answer in answers.map(|answers| answers(&written)).unwrap_or_default() {
                    answers::insert(&mut tx, seller.id, &answer).await?;
                }
                tx.commit().await?;
            }
            Some(conn) => self.store.keep(conn),
            None => {}
        }
        Ok(written)
    }

    /// Keeps a transaction for what else is to be written in it.
    fn leave_open(&mut self, tx: Tx) {
        self.conn = Some(tx.into_conn());
        self.is_open = true;
    }

    /// The services whose version is not the one that was planned from. What this round has read itself needs no look.
    async fn stale(&mut self, seller: SellerId, new: &[&NewInvoice]) -> Result<HashSet<ServiceId>> {
        let services = new.iter().flat_map(|new| new.services()).map(|(service, _)| service);
        let unread: Vec<ServiceId> = services.filter(|service| !self.read.contains_key(service)).collect();
        if !unread.is_empty() {
            let versions = lock(self.conn().await?, seller, &unread).await?;
            self.read.extend(versions);
        }
        Ok(stale(&self.read, new))
    }
}

/// Makes the answers that tell of what is written, when it is known what that is: one entry for each invoice.
pub type AnswersFor<'a> = dyn Fn(&[Option<WrittenInvoice>]) -> Vec<Answer> + Send + Sync + 'a;

/// What one transaction came to.
enum Attempt {
    /// Everything is written, and durable unless the round stays open.
    Written { ids: Vec<InvoiceId>, first_number: i64 },
    /// These services changed; nothing is written.
    Stale(HashSet<ServiceId>),
}

/// One statement after another: on SQLite, where the round is a transaction, and where a role may not make functions on PostgreSQL,
/// where it becomes one. The transaction is left open.
async fn step_by_step(
    round: &mut Round,
    seller: &Seller,
    new: &[&NewInvoice],
    at: Timestamp,
    run: Option<RunId>,
) -> Result<Attempt> {
    if round.store.dialect() == Dialect::Postgres {
        let mut tx = round.store.begin().await?;
        let services: Vec<ServiceId> = new.iter().flat_map(|new| new.services()).map(|(service, _)| service).collect();
        round.read = lock(&mut tx, seller.id, &services).await?;
        round.conn = Some(tx.into_conn());
    }
    let stale = round.stale(seller.id, new).await?;
    if !stale.is_empty() {
        return Ok(Attempt::Stale(stale));
    }
    let mut tx = match round.conn.take() {
        Some(conn) => conn.into_tx(),
        None => round.store.begin().await?,
    };
    let (ids, first_number) = write(&mut tx, seller, new, at, run).await?;
    round.leave_open(tx);
    Ok(Attempt::Written { ids, first_number })
}

/// Issues an invoice within a transaction that holds its services: what a change of a service bills.
pub async fn issue(tx: &mut Tx, seller: &Seller, new: &NewInvoice, at: Timestamp) -> Result<WrittenInvoice> {
    let (ids, first_number) = write(tx, seller, &[new], at, None).await?;
    let id = ids.first().copied().ok_or_else(|| StoreError::Statement(sqlx::Error::RowNotFound))?;
    Ok(WrittenInvoice { id, number: seller.invoice_number(new.plan.issued_on, first_number) })
}

/// Writes invoices, and tells their ids and the first of their numbers.
async fn write(
    tx: &mut Tx,
    seller: &Seller,
    new: &[&NewInvoice],
    at: Timestamp,
    run: Option<RunId>,
) -> Result<(Vec<InvoiceId>, i64)> {
    let ids = ids::take(tx, IdKind::Invoice, new.len()).await?;
    let ids: Vec<InvoiceId> = ids.into_iter().map(InvoiceId).collect();
    let invoices: Vec<New<'_>> = ids.iter().copied().zip(new.iter().copied()).collect();
    let beside = NewIds {
        outbox: ids::take(tx, IdKind::Outbox, steps::mails(new)).await?,
        audit: ids::take(tx, IdKind::Audit, steps::claims(new)).await?,
        events: ids::take(tx, IdKind::Event, steps::events(new)).await?,
    };
    for (sql, rows) in steps::before_the_number(seller, &invoices, at, run, beside) {
        tx.execute_with(sql, rows).await?;
    }
    let values = params![seller.id.0, steps::series(seller, new), steps::count(new.len())];
    let first_number = tx.row(TAKE_NUMBERS, values).await?.map_or(Ok(1), |row| row.int("first"))?;
    let numbers = (first_number..).zip(new).map(|(nth, new)| seller.invoice_number(new.plan.issued_on, nth));
    let rows = steps::invoice_rows(seller, &invoices, at, run, first_number, numbers)?;
    tx.execute_with(INSERT_INVOICES, rows).await?;
    Ok((ids, first_number))
}

/// The services whose version is not the one that was planned from.
fn stale(versions: &HashMap<ServiceId, i64>, new: &[&NewInvoice]) -> HashSet<ServiceId> {
    let planned = new.iter().flat_map(|new| new.services());
    planned.filter(|(service, version)| versions.get(service) != Some(version)).map(|(service, _)| service).collect()
}

/// Locks services until the transaction ends and tells their versions. Locks are always taken in the order of ids.
pub async fn lock(conn: &mut Conn, seller: SellerId, services: &[ServiceId]) -> Result<HashMap<ServiceId, i64>> {
    let sql = "select id, version from services where seller_id = $1 and id {in $2} order by id {for update}";
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    let rows = conn.rows(sql, params![seller.0, ids]).await?;
    rows.iter().map(|row| Ok((ServiceId(row.int("id")?), row.int("version")?))).collect()
}
