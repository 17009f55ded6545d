//! Renewals: reading all that decides them, and writing all that they issue, each in a constant number of statements
//! whatever the size of the batch.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use perennial_billing::renewal::{Facts, Item, Line, Plan, Policy, PriceOrigin};
use perennial_billing::{
    AddonId, InvoiceId, Money, PeriodNumber, PriceSource, ProductId, Quantity, SellerId, ServiceId,
};

use crate::audit::{self, AuditEntry};
use crate::customers::{self, Customer};
use crate::dialect::Dialect;
use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::sellers::Seller;
use crate::services;
use crate::value::{Row, params};
use crate::{Conn, Result, Store, StoreError, outbox};

mod postgres;
mod sqlite;

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
        let addons = self.facts.addons.iter().map(|(_, item)| item).zip(self.addon_product_versions.iter().copied());
        let needs = |(item, _): &(&Item, i64)| item.own_price.is_none() && !item.is_fed;
        own.chain(addons).filter(needs).map(|(item, version)| (item.product, version))
    }
}

/// Reads services and what decides their renewal, but for the price versions, which hardly ever change. Services that do
/// not exist are left out.
pub async fn gather(conn: &mut Conn, seller: &Seller, services: &[ServiceId]) -> Result<HashMap<ServiceId, Gathered>> {
    let policy = Policy {
        payment_terms_days: seller.payment_terms_days,
        renew_ahead_months: seller.renew_ahead_months,
        rounding: seller.rounding,
    };
    // One row for each add-on, or one if there is none: a second trip for the add-ons would cost more.
    let sql = "select s.id, s.customer_id, s.product_id, s.label, s.status, s.cycle, s.anchor, s.first_period, \
        s.next_period, s.billed_through, s.paid_through, s.quantity_millionths, s.own_price_minor, s.auto_renew, \
        s.open_invoice_id, s.free_invoice_id, s.version, p.name as product_name, p.service_type, p.price_source, \
        p.version as product_version, sl.version as seller_version, \
        c.kind, c.name, c.company, c.email, c.address1, c.address2, c.postcode, c.city, c.country, c.vat_number, \
        c.language, c.currency, c.tax_exempt, c.tax_category, c.tax_rate_ppm, c.created_on, \
        a.id as addon_id, a.product_id as addon_product_id, a.quantity_millionths as addon_quantity_millionths, \
        a.own_price_minor as addon_own_price_minor, ap.name as addon_product_name, \
        ap.price_source as addon_price_source, ap.version as addon_product_version \
        from services s join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
        join products p on p.seller_id = s.seller_id and p.id = s.product_id \
        join sellers sl on sl.id = s.seller_id \
        left join addons a on a.seller_id = s.seller_id and a.service_id = s.id and a.status = 'active' \
        left join products ap on ap.seller_id = a.seller_id and ap.id = a.product_id \
        where s.seller_id = $1 and s.id {in $2}";
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    let rows = conn.rows(sql, params![seller.id.0, ids]).await?;
    let mut rows = rows.iter().map(|row| Ok((row.opt_int("addon_id")?, row))).collect::<Result<Vec<_>>>()?;
    rows.sort_by_key(|(addon, _)| *addon);
    let mut gathered: HashMap<ServiceId, Gathered> = HashMap::with_capacity(services.len());
    for (addon, row) in rows {
        let found = match gathered.entry(ServiceId(row.int("id")?)) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert(read(row, policy)?),
        };
        if let Some(addon) = addon {
            add(row, AddonId(addon), found)?;
        }
    }
    Ok(gathered)
}

fn read(row: &Row, policy: Policy) -> Result<Gathered> {
    let service = services::read(row)?;
    let customer = customers::read(row, "customer_id")?;
    let price_source: PriceSource = row.parsed("price_source")?;
    let item = Item {
        product: service.product,
        name: row.text("product_name")?,
        quantity: service.quantity,
        own_price: row.opt_int("own_price_minor")?.map(|minor| Money::new(minor, customer.currency)),
        fed_price: None,
        is_fed: price_source != PriceSource::Catalogue,
    };
    Ok(Gathered {
        facts: Facts {
            service: service.id,
            status: service.status,
            label: service.label,
            schedule: service.schedule,
            next_period: service.next_period,
            open_invoice: row.opt_int("open_invoice_id")?.map(InvoiceId),
            free_invoice: row.opt_int("free_invoice_id")?.map(InvoiceId),
            item,
            addons: Vec::new(),
            currency: customer.currency,
            tax: customer.tax,
            prices: Vec::new(),
            policy,
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
fn add(row: &Row, id: AddonId, service: &mut Gathered) -> Result<()> {
    let source: PriceSource = row.parsed("addon_price_source")?;
    let currency = service.facts.currency;
    let item = Item {
        product: ProductId(row.int("addon_product_id")?),
        name: row.text("addon_product_name")?,
        quantity: Quantity::from_millionths(row.int("addon_quantity_millionths")?),
        own_price: row.opt_int("addon_own_price_minor")?.map(|minor| Money::new(minor, currency)),
        fed_price: None,
        is_fed: source != PriceSource::Catalogue,
    };
    service.facts.addons.push((id, item));
    service.addon_price_sources.push(source);
    service.addon_product_versions.push(row.int("addon_product_version")?);
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

/// A planned renewal that is to be written.
#[derive(Debug, Clone)]
pub struct NewRenewal {
    /// What it issues.
    pub plan: Plan,
    /// The version of the service that the plan was made from.
    pub version: i64,
    /// Who is billed.
    pub customer: Customer,
    /// Whether the invoice is mailed.
    pub mail: bool,
    /// Who asked for it.
    pub actor: String,
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
}

impl Round {
    /// Begins a round.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no connection.
    pub async fn begin(store: &Store) -> Result<Self> {
        Ok(Self { store: store.clone(), conn: Some(store.read_to_write().await?), read: HashMap::new() })
    }

    /// Begins a round that only looks: it keeps nobody out, and cannot commit.
    ///
    /// # Errors
    /// As [`Round::begin`].
    pub async fn look(store: &Store) -> Result<Self> {
        Ok(Self { store: store.clone(), conn: Some(store.read().await?), read: HashMap::new() })
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

    /// Writes renewals: claims, lines, tax, ledger, outbox, audit, advanced services, and last of all the numbers and the
    /// invoices, because the series is what other writers wait for. All of it in one transaction, which ends with it. The
    /// answer has one entry per renewal; it is `None`, and nothing is written, for a service that changed since its plan
    /// was made.
    ///
    /// # Errors
    /// [`StoreError::Unique`] for `periods` when a period is billed already, [`StoreError::Retry`] when others were in the
    /// way; then nothing is written at all.
    pub async fn commit(
        mut self,
        seller: &Seller,
        renewals: &[NewRenewal],
        at: Timestamp,
    ) -> Result<Vec<Option<WrittenInvoice>>> {
        let mut current: Vec<(usize, &NewRenewal)> = renewals.iter().enumerate().collect();
        let mut written: Vec<Option<WrittenInvoice>> = renewals.iter().map(|_| None).collect();
        while !current.is_empty() {
            let new: Vec<&NewRenewal> = current.iter().map(|(_, new)| *new).collect();
            let outcome = match self.store.dialect() {
                Dialect::Sqlite => sqlite::in_one_visit(&mut self, seller, &new, at).await?,
                Dialect::Postgres => postgres::in_one_call(&mut self, seller, &new, at).await?,
            };
            match outcome {
                Attempt::Written { ids, first_number } => {
                    for (((place, new), id), nth) in current.iter().zip(ids).zip(first_number..) {
                        let number = seller.number_pattern.format(new.plan.issued_on, nth);
                        written[*place] = Some(WrittenInvoice { id, number });
                    }
                    break;
                }
                Attempt::Stale(stale) => current.retain(|(_, new)| !stale.contains(&new.plan.service)),
            }
        }
        if let Some(conn) = self.conn {
            self.store.keep(conn);
        }
        Ok(written)
    }

    /// The services whose version is not the one that was planned from. What this round has read itself needs no look.
    async fn stale(&mut self, seller: SellerId, renewals: &[&NewRenewal]) -> Result<HashSet<ServiceId>> {
        let unread: Vec<ServiceId> =
            renewals.iter().map(|new| new.plan.service).filter(|service| !self.read.contains_key(service)).collect();
        if !unread.is_empty() {
            let versions = lock(self.conn().await?, seller, &unread).await?;
            self.read.extend(versions);
        }
        Ok(stale(&self.read, renewals))
    }
}

/// What one transaction came to.
enum Attempt {
    /// Everything is written and durable.
    Written { ids: Vec<InvoiceId>, first_number: i64 },
    /// These services changed; nothing is written.
    Stale(HashSet<ServiceId>),
}

/// One statement after another, where they cannot be sent together.
async fn step_by_step(store: &Store, seller: &Seller, renewals: &[&NewRenewal], at: Timestamp) -> Result<Attempt> {
    let mut tx = store.begin().await?;
    let services: Vec<ServiceId> = renewals.iter().map(|new| new.plan.service).collect();
    let stale = stale(&lock(&mut tx, seller.id, &services).await?, renewals);
    if !stale.is_empty() {
        return Ok(Attempt::Stale(stale));
    }
    let ids = ids::take(&mut tx, IdKind::Invoice, renewals.len()).await?;
    let ids: Vec<InvoiceId> = ids.into_iter().map(InvoiceId).collect();
    let invoices: Vec<New<'_>> = ids.iter().copied().zip(renewals.iter().copied()).collect();
    let outbox_ids = ids::take(&mut tx, IdKind::Outbox, mails(renewals)).await?;
    let audit_ids = ids::take(&mut tx, IdKind::Audit, renewals.len()).await?;
    for (sql, rows) in before_the_number(seller.id, &invoices, at, outbox_ids, audit_ids) {
        tx.execute_with(sql, rows).await?;
    }
    let values = params![seller.id.0, fiscal_year(renewals), count(renewals)];
    let first_number = tx.row(TAKE_NUMBERS, values).await?.map_or(Ok(1), |row| row.int("first"))?;
    let numbers =
        (first_number..).zip(renewals).map(|(nth, new)| seller.number_pattern.format(new.plan.issued_on, nth));
    let rows = invoice_rows(seller, &invoices, at, first_number, numbers)?;
    tx.execute_with(INSERT_INVOICES, rows).await?;
    tx.commit().await?;
    Ok(Attempt::Written { ids, first_number })
}

/// What a column of a step holds when the rows are sent by place ([`by_place`]).
enum Given {
    /// What it says.
    AsSent,
    /// The place of an invoice among the new ones.
    Invoice,
    /// A new row of the outbox.
    Outbox,
    /// A new entry of the trail.
    Audit,
    /// The distance of a legal number from the first of the group's.
    SeriesNumber,
    /// Nothing: the text of the number at that distance.
    Number,
}

impl Given {
    fn of(text: &str, column: &str) -> Self {
        match column {
            "invoice_id" | "open_invoice_id" | "free_invoice_id" => Self::Invoice,
            "id" if text.starts_with("insert into outbox") => Self::Outbox,
            "id" if text.starts_with("insert into audit") => Self::Audit,
            "series_number" => Self::SeriesNumber,
            "number" => Self::Number,
            _ => Self::AsSent,
        }
    }
}

/// What stands before and after the digits of this group's numbers, and how many digits there are at least.
fn around_numbers(seller: &Seller, renewals: &[&NewRenewal]) -> (String, i64, String) {
    let (before, width, after) =
        renewals.first().map_or_else(Default::default, |new| seller.number_pattern.around(new.plan.issued_on));
    (before, i64::try_from(width).unwrap_or(0), after)
}

/// The same statements for a database that gives ids and numbers itself: the rows name an invoice, a mail and an entry of
/// the trail by its place, from 1, and a legal number by its distance from the first.
fn by_place(seller: &Seller, renewals: &[&NewRenewal], at: Timestamp) -> Result<Vec<(&'static str, Rows)>> {
    let invoices: Vec<New<'_>> = (1..).map(InvoiceId).zip(renewals.iter().copied()).collect();
    let places = |count| (1..).take(count).collect();
    let steps = before_the_number(seller.id, &invoices, at, places(mails(renewals)), places(renewals.len()));
    let numbers = renewals.iter().map(|_| String::new());
    let mut steps = Vec::from(steps);
    steps.push((INSERT_INVOICES, invoice_rows(seller, &invoices, at, 0, numbers)?));
    Ok(steps)
}

/// The services whose version is not the one that was planned from.
fn stale(versions: &HashMap<ServiceId, i64>, renewals: &[&NewRenewal]) -> HashSet<ServiceId> {
    let is_stale = |new: &&&NewRenewal| versions.get(&new.plan.service) != Some(&new.version);
    renewals.iter().filter(is_stale).map(|new| new.plan.service).collect()
}

/// Locks services until the transaction ends and tells their versions. Locks are always taken in the order of ids.
pub async fn lock(conn: &mut Conn, seller: SellerId, services: &[ServiceId]) -> Result<HashMap<ServiceId, i64>> {
    let sql = "select id, version from services where seller_id = $1 and id {in $2} order by id {for update}";
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    let rows = conn.rows(sql, params![seller.0, ids]).await?;
    rows.iter().map(|row| Ok((ServiceId(row.int("id")?), row.int("version")?))).collect()
}

type New<'a> = (InvoiceId, &'a NewRenewal);

/// All plans of a batch are made on the same day of the same seller.
fn fiscal_year(renewals: &[&NewRenewal]) -> i64 {
    renewals.first().map_or(0, |new| i64::from(new.plan.issued_on.year()))
}

/// That day.
fn issued_on(invoices: &[New<'_>]) -> Option<Date> {
    invoices.first().map(|(_, new)| new.plan.issued_on)
}

/// How many of them are mailed.
fn mails(renewals: &[&NewRenewal]) -> usize {
    renewals.iter().filter(|new| new.mail).count()
}

/// How many they are, as a parameter.
fn count(renewals: &[&NewRenewal]) -> i64 {
    i64::try_from(renewals.len()).unwrap_or(i64::MAX)
}

/// Nothing to pay is paid.
fn is_settled(plan: &Plan) -> bool {
    plan.total.minor == 0
}

/// Takes `$3` numbers of a year's series, which the transaction then holds. One that fails gives them back.
const TAKE_NUMBERS: &str = "insert into number_series (seller_id, kind, fiscal_year, first_number, next_number) \
    values ($1, 'invoice', $2, 1, 1 + $3) on conflict (seller_id, kind, fiscal_year) \
    do update set next_number = number_series.next_number + $3 returning next_number - $3 as first";

const INSERT_INVOICES: &str = "insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, \
    customer_id, issued_on, due_on, issued_at, currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, \
    status, paid_at) select seller_id, invoice_id, 'invoice', fiscal_year, series_number, number, customer_id, \
    issued_on, due_on, issued_at, currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, status, paid_at \
    from {rows}";

/// Everything that belongs to the invoices and needs no number.
fn before_the_number(
    seller: SellerId,
    invoices: &[New<'_>],
    at: Timestamp,
    outbox_ids: Vec<i64>,
    audit_ids: Vec<i64>,
) -> [(&'static str, Rows); 7] {
    let mailed: Vec<InvoiceId> = invoices.iter().filter(|(_, new)| new.mail).map(|(id, _)| *id).collect();
    let trail: Vec<AuditEntry> = invoices.iter().map(|(_, new)| renewed(new, at)).collect();
    [
        periods(seller, invoices),
        lines(seller, invoices),
        taxes(seller, invoices),
        entries(seller, invoices),
        advanced_services(seller, invoices),
        outbox::invoice_mails(seller, &mailed, at, outbox_ids),
        audit::entries(seller, &trail, audit_ids),
    ]
}

fn renewed(new: &NewRenewal, at: Timestamp) -> AuditEntry {
    let service = new.plan.service.0;
    AuditEntry { at, actor: new.actor.clone(), action: "service.renewed", subject: "service", subject_id: service }
}

fn periods(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let i = || invoices.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("service_id", i().map(|(_, new)| new.plan.service.0))
        .int("period", i().map(|(_, new)| i64::from(new.plan.number.0)))
        .int("invoice_id", i().map(|(id, _)| id.0))
        .date("starts", i().map(|(_, new)| new.plan.period.starts))
        .date("ends", i().map(|(_, new)| new.plan.period.ends))
        .text("state", i().map(|(_, new)| (if is_settled(&new.plan) { "paid" } else { "invoiced" }).to_owned()));
    let sql = "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
        select seller_id, service_id, period, invoice_id, starts, ends, state from {rows}";
    (sql, rows)
}

fn lines(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let lines: Vec<(InvoiceId, i64, &Plan, &Line)> = invoices
        .iter()
        .flat_map(|(id, new)| (1..).zip(&new.plan.lines).map(|(number, line)| (*id, number, &new.plan, line)))
        .collect();
    let l = || lines.iter();
    let origin = |line: &Line| match line.price_origin {
        PriceOrigin::Own => ("own", None),
        PriceOrigin::Catalogue(version) => ("catalogue", Some(version.0)),
        PriceOrigin::Feed => ("feed", None),
    };
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", l().map(|(id, ..)| id.0))
        .int("line", l().map(|(_, number, ..)| *number))
        .int("service_id", l().map(|(_, _, plan, _)| plan.service.0))
        .int("addon_id", l().map(|(.., line)| line.addon.map(|addon| addon.0)))
        .int("product_id", l().map(|(.., line)| line.product.0))
        .text("description", l().map(|(.., line)| line.description.clone()))
        .int("quantity_millionths", l().map(|(.., line)| line.quantity.millionths()))
        .int("unit_price_minor", l().map(|(.., line)| line.unit_price.minor))
        .int("net_minor", l().map(|(.., line)| line.net.minor))
        .text("tax_category", l().map(|(.., line)| line.tax.category.code().to_owned()))
        .int("tax_rate_ppm", l().map(|(.., line)| line.tax.rate.parts_per_million()))
        .date("period_starts", l().map(|(_, _, plan, _)| plan.period.starts))
        .date("period_ends", l().map(|(_, _, plan, _)| plan.period.ends))
        .text("price_origin", l().map(|(.., line)| origin(line).0.to_owned()))
        .int("price_id", l().map(|(.., line)| origin(line).1));
    let sql = "insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, description, \
        quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, \
        price_origin, price_id) select seller_id, invoice_id, line, service_id, addon_id, product_id, description, \
        quantity_millionths, unit_price_minor, net_minor, tax_category, tax_rate_ppm, period_starts, period_ends, \
        price_origin, price_id from {rows}";
    (sql, rows)
}

fn taxes(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let groups: Vec<_> =
        invoices.iter().flat_map(|(id, new)| new.plan.tax_groups.iter().map(|group| (*id, *group))).collect();
    let g = || groups.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", g().map(|(id, _)| id.0))
        .text("tax_category", g().map(|(_, group)| group.profile.category.code().to_owned()))
        .int("tax_rate_ppm", g().map(|(_, group)| group.profile.rate.parts_per_million()))
        .int("base_minor", g().map(|(_, group)| group.base.minor))
        .int("tax_minor", g().map(|(_, group)| group.tax.minor));
    let sql = "insert into invoice_taxes (seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor) \
        select seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor from {rows}";
    (sql, rows)
}

/// Double entry: the customer owes the total (debit), the seller earned the net and owes the tax (credit).
fn entries(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let entries: Vec<_> = invoices
        .iter()
        .flat_map(|(id, new)| {
            let plan = &new.plan;
            let sides = [("receivable", plan.total.minor), ("revenue", -plan.net.minor), ("vat", -plan.tax.minor)];
            let booked = sides.into_iter().filter(|(_, minor)| *minor != 0);
            (1i64..).zip(booked).map(move |(entry, (account, minor))| (*id, plan, entry, account, minor))
        })
        .collect();
    let e = || entries.iter();
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("invoice_id", e().map(|(id, ..)| id.0))
        .int("entry", e().map(|(_, _, entry, ..)| *entry))
        .text("account", e().map(|(_, _, _, account, _)| (*account).to_owned()))
        .text("currency", e().map(|(_, plan, ..)| plan.total.currency.code().to_owned()))
        .int("amount_minor", e().map(|(.., minor)| *minor))
        .same("booked_on", issued_on(invoices));
    let sql = "insert into ledger_entries (seller_id, invoice_id, entry, account, currency, amount_minor, booked_on) \
        select seller_id, invoice_id, entry, account, currency, amount_minor, booked_on from {rows}";
    (sql, rows)
}

fn advanced_services(seller: SellerId, invoices: &[New<'_>]) -> (&'static str, Rows) {
    let i = || invoices.iter();
    let rows = Rows::new()
        .int("seller_id", i().map(|_| seller.0))
        .int("id", i().map(|(_, new)| new.plan.service.0))
        .int("next_period", i().map(|(_, new)| i64::from(new.plan.number.next().0)))
        .date("billed_through", i().map(|(_, new)| new.plan.period.ends))
        .date("paid_through", i().map(|(_, new)| is_settled(&new.plan).then_some(new.plan.period.ends)))
        .int("open_invoice_id", i().map(|(id, new)| (!is_settled(&new.plan)).then_some(id.0)))
        .int("free_invoice_id", i().map(|(id, new)| is_settled(&new.plan).then_some(id.0)));
    let sql = "update services set next_period = n.next_period, billed_through = n.billed_through, \
        paid_through = coalesce(n.paid_through, services.paid_through), open_invoice_id = n.open_invoice_id, \
        free_invoice_id = n.free_invoice_id, \
        version = services.version + 1 from {rows} where services.seller_id = n.seller_id and services.id = n.id";
    (sql, rows)
}

/// The invoices under their numbers, which begin with `first_number`.
fn invoice_rows(
    seller: &Seller,
    invoices: &[New<'_>],
    at: Timestamp,
    first_number: i64,
    numbers: impl Iterator<Item = String>,
) -> Result<Rows> {
    let seller_copy = frozen(&seller.party)?;
    let buyers = invoices.iter().map(|(_, new)| frozen(&new.customer.party)).collect::<Result<Vec<_>>>()?;
    let i = || invoices.iter();
    Ok(Rows::new()
        .same("seller_id", seller.id.0)
        .int("invoice_id", i().map(|(id, _)| id.0))
        .same("fiscal_year", issued_on(invoices).map(|day| i64::from(day.year())))
        .int("series_number", i().zip(first_number..).map(|(_, nth)| nth))
        .text("number", numbers)
        .int("customer_id", i().map(|(_, new)| new.customer.id.0))
        .same("issued_on", issued_on(invoices))
        .date("due_on", i().map(|(_, new)| new.plan.due_on))
        .same("issued_at", at)
        .text("currency", i().map(|(_, new)| new.plan.total.currency.code().to_owned()))
        .int("net_minor", i().map(|(_, new)| new.plan.net.minor))
        .int("tax_minor", i().map(|(_, new)| new.plan.tax.minor))
        .int("total_minor", i().map(|(_, new)| new.plan.total.minor))
        .text("rounding", i().map(|(_, new)| new.plan.rounding.as_str().to_owned()))
        .same("seller", seller_copy)
        .text("buyer", buyers)
        .text("status", i().map(|(_, new)| (if is_settled(&new.plan) { "paid" } else { "issued" }).to_owned()))
        .instant("paid_at", i().map(|(_, new)| is_settled(&new.plan).then_some(at))))
}

/// A party as it is copied into an invoice.
fn frozen(party: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(party).map_err(|error| StoreError::Statement(sqlx::Error::Encode(error.into())))
}
