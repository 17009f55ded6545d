//! Renewals: reading all that decides them, and writing all that they issue, each in a constant number of statements
//! whatever the size of the batch.

use std::collections::HashMap;

use jiff::Timestamp;
use perennial_billing::renewal::{Facts, Item, Line, Plan, Policy, PriceOrigin};
use perennial_billing::{AddonId, Currency, InvoiceId, Money, PriceSource, ProductId, Quantity, SellerId, ServiceId};

use crate::audit::{self, AuditEntry};
use crate::customers::{self, Customer};
use crate::ids::{self, IdKind};
use crate::rows::Rows;
use crate::sellers::Seller;
use crate::services;
use crate::value::{Row, params};
use crate::{Conn, Result, StoreError, Tx, outbox};

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
    let sql = "select s.id, s.customer_id, s.product_id, s.label, s.status, s.cycle, s.anchor, s.first_period, \
        s.next_period, s.billed_through, s.paid_through, s.quantity_millionths, s.own_price_minor, s.auto_renew, \
        s.open_invoice_id, s.version, p.name as product_name, p.service_type, p.price_source, \
        p.version as product_version, sl.version as seller_version, exists (select 1 from addons a \
        where a.seller_id = s.seller_id and a.service_id = s.id) as has_addons, \
        c.kind, c.name, c.company, c.email, c.address1, c.address2, c.postcode, c.city, c.country, c.vat_number, \
        c.language, c.currency, c.tax_exempt, c.tax_category, c.tax_rate_ppm, c.created_on \
        from services s join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
        join products p on p.seller_id = s.seller_id and p.id = s.product_id \
        join sellers sl on sl.id = s.seller_id where s.seller_id = $1 and s.id {in $2}";
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    let rows = conn.rows(sql, params![seller.id.0, ids]).await?;
    let mut with_addons = Vec::new();
    let mut gathered = HashMap::with_capacity(rows.len());
    for row in &rows {
        let found = read(row, policy)?;
        if row.bool("has_addons")? {
            with_addons.push(found.facts.service.0);
        }
        gathered.insert(found.facts.service, found);
    }
    if !with_addons.is_empty() {
        gather_addons(conn, seller.id, with_addons, &mut gathered).await?;
    }
    Ok(gathered)
}

fn read(row: &Row, policy: Policy) -> Result<Gathered> {
    let service = services::read(row)?;
    let customer = customers::read(row, "customer_id")?;
    let price_source: PriceSource = row.parsed("price_source")?;
    let item = item(row, service.product, customer.currency, &price_source)?;
    Ok(Gathered {
        facts: Facts {
            service: service.id,
            status: service.status,
            label: service.label,
            schedule: service.schedule,
            next_period: service.next_period,
            open_invoice: row.opt_int("open_invoice_id")?.map(InvoiceId),
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

fn item(row: &Row, product: ProductId, currency: Currency, source: &PriceSource) -> Result<Item> {
    Ok(Item {
        product,
        name: row.text("product_name")?,
        quantity: Quantity::from_millionths(row.int("quantity_millionths")?),
        own_price: row.opt_int("own_price_minor")?.map(|minor| Money::new(minor, currency)),
        fed_price: None,
        is_fed: *source != PriceSource::Catalogue,
    })
}

async fn gather_addons(
    conn: &mut Conn,
    seller: SellerId,
    services: Vec<i64>,
    gathered: &mut HashMap<ServiceId, Gathered>,
) -> Result<()> {
    let sql = "select a.id, a.service_id, a.product_id, a.quantity_millionths, a.own_price_minor, \
        p.name as product_name, p.price_source, p.version as product_version from addons a \
        join products p on p.seller_id = a.seller_id and p.id = a.product_id \
        where a.seller_id = $1 and a.service_id {in $2} and a.status = 'active' order by a.id";
    for row in conn.rows(sql, params![seller.0, services]).await? {
        let Some(service) = gathered.get_mut(&ServiceId(row.int("service_id")?)) else { continue };
        let source: PriceSource = row.parsed("price_source")?;
        let item = item(&row, ProductId(row.int("product_id")?), service.facts.currency, &source)?;
        service.facts.addons.push((AddonId(row.int("id")?), item));
        service.addon_price_sources.push(source);
        service.addon_product_versions.push(row.int("product_version")?);
    }
    Ok(())
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

/// Locks services until the transaction ends and tells their versions. Locks are always taken in the order of ids.
pub async fn lock(tx: &mut Tx, seller: SellerId, services: &[ServiceId]) -> Result<HashMap<ServiceId, i64>> {
    let sql = "select id, version from services where seller_id = $1 and id {in $2} order by id {for update}";
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    let rows = tx.rows(sql, params![seller.0, ids]).await?;
    rows.iter().map(|row| Ok((ServiceId(row.int("id")?), row.int("version")?))).collect()
}

/// Writes renewals of locked services: claims, lines, ledger, outbox, audit, advanced services, and last of all the
/// numbers and the invoices, because the series is what other writers wait for.
///
/// # Errors
/// [`StoreError::Unique`] for `periods` when a period is billed already.
pub async fn write(
    tx: &mut Tx,
    seller: &Seller,
    renewals: &[NewRenewal],
    at: Timestamp,
) -> Result<Vec<WrittenInvoice>> {
    if renewals.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids::take(tx, IdKind::Invoice, renewals.len()).await?;
    let invoices: Vec<(InvoiceId, &NewRenewal)> = ids.into_iter().map(InvoiceId).zip(renewals).collect();
    insert_periods(tx, seller.id, &invoices).await?;
    insert_lines(tx, seller.id, &invoices).await?;
    insert_taxes(tx, seller.id, &invoices).await?;
    insert_entries(tx, seller.id, &invoices).await?;
    advance_services(tx, seller.id, &invoices).await?;
    let mailed: Vec<_> = invoices.iter().filter(|(_, new)| new.mail).map(|(id, _)| *id).collect();
    outbox::queue_invoice_mails(tx, seller.id, &mailed, at).await?;
    let trail: Vec<_> = invoices.iter().map(|(_, new)| renewed(new.plan.service, at, &new.actor)).collect();
    audit::append(tx, seller.id, &trail).await?;
    insert_invoices(tx, seller, &invoices, at).await
}

fn renewed(service: ServiceId, at: Timestamp, actor: &str) -> AuditEntry {
    AuditEntry { at, actor: actor.to_owned(), action: "service.renewed", subject: "service", subject_id: service.0 }
}

type New<'a> = (InvoiceId, &'a NewRenewal);

/// Nothing to pay is paid.
fn is_settled(plan: &Plan) -> bool {
    plan.total.minor == 0
}

async fn insert_periods(tx: &mut Tx, seller: SellerId, invoices: &[New<'_>]) -> Result<()> {
    let i = || invoices.iter();
    let rows = Rows::new()
        .int("seller_id", i().map(|_| seller.0))
        .int("service_id", i().map(|(_, new)| new.plan.service.0))
        .int("period", i().map(|(_, new)| i64::from(new.plan.number.0)))
        .int("invoice_id", i().map(|(id, _)| id.0))
        .date("starts", i().map(|(_, new)| new.plan.period.starts))
        .date("ends", i().map(|(_, new)| new.plan.period.ends))
        .text("state", i().map(|(_, new)| (if is_settled(&new.plan) { "paid" } else { "invoiced" }).to_owned()));
    let sql = "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
        select seller_id, service_id, period, invoice_id, starts, ends, state from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

async fn insert_lines(tx: &mut Tx, seller: SellerId, invoices: &[New<'_>]) -> Result<()> {
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
        .int("seller_id", l().map(|_| seller.0))
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
    tx.execute_with(sql, rows).await?;
    Ok(())
}

async fn insert_taxes(tx: &mut Tx, seller: SellerId, invoices: &[New<'_>]) -> Result<()> {
    let groups: Vec<_> =
        invoices.iter().flat_map(|(id, new)| new.plan.tax_groups.iter().map(|group| (*id, *group))).collect();
    let g = || groups.iter();
    let rows = Rows::new()
        .int("seller_id", g().map(|_| seller.0))
        .int("invoice_id", g().map(|(id, _)| id.0))
        .text("tax_category", g().map(|(_, group)| group.profile.category.code().to_owned()))
        .int("tax_rate_ppm", g().map(|(_, group)| group.profile.rate.parts_per_million()))
        .int("base_minor", g().map(|(_, group)| group.base.minor))
        .int("tax_minor", g().map(|(_, group)| group.tax.minor));
    let sql = "insert into invoice_taxes (seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor) \
        select seller_id, invoice_id, tax_category, tax_rate_ppm, base_minor, tax_minor from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Double entry: the customer owes the total (debit), the seller earned the net and owes the tax (credit).
async fn insert_entries(tx: &mut Tx, seller: SellerId, invoices: &[New<'_>]) -> Result<()> {
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
        .int("seller_id", e().map(|_| seller.0))
        .int("invoice_id", e().map(|(id, ..)| id.0))
        .int("entry", e().map(|(_, _, entry, ..)| *entry))
        .text("account", e().map(|(_, _, _, account, _)| (*account).to_owned()))
        .text("currency", e().map(|(_, plan, ..)| plan.total.currency.code().to_owned()))
        .int("amount_minor", e().map(|(.., minor)| *minor))
        .date("booked_on", e().map(|(_, plan, ..)| plan.issued_on));
    let sql = "insert into ledger_entries (seller_id, invoice_id, entry, account, currency, amount_minor, booked_on) \
        select seller_id, invoice_id, entry, account, currency, amount_minor, booked_on from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

async fn advance_services(tx: &mut Tx, seller: SellerId, invoices: &[New<'_>]) -> Result<()> {
    let i = || invoices.iter();
    let rows = Rows::new()
        .int("seller_id", i().map(|_| seller.0))
        .int("id", i().map(|(_, new)| new.plan.service.0))
        .int("next_period", i().map(|(_, new)| i64::from(new.plan.number.next().0)))
        .date("billed_through", i().map(|(_, new)| new.plan.period.ends))
        .date("paid_through", i().map(|(_, new)| is_settled(&new.plan).then_some(new.plan.period.ends)))
        .int("open_invoice_id", i().map(|(id, new)| (!is_settled(&new.plan)).then_some(id.0)));
    let sql = "update services set next_period = n.next_period, billed_through = n.billed_through, \
        paid_through = coalesce(n.paid_through, services.paid_through), open_invoice_id = n.open_invoice_id, \
        version = services.version + 1 from {rows} where services.seller_id = n.seller_id and services.id = n.id";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Takes the next numbers of the series and writes the invoices under them. A transaction that fails gives them back.
async fn insert_invoices(
    tx: &mut Tx,
    seller: &Seller,
    invoices: &[New<'_>],
    at: Timestamp,
) -> Result<Vec<WrittenInvoice>> {
    let json =
        |value: serde_json::Result<String>| value.map_err(|e| StoreError::Statement(sqlx::Error::Encode(e.into())));
    let seller_copy = json(serde_json::to_string(&seller.party))?;
    let buyers =
        invoices.iter().map(|(_, new)| json(serde_json::to_string(&new.customer.party))).collect::<Result<Vec<_>>>()?;
    // All plans of a batch are made on the same day of the same seller.
    let year = i64::from(invoices[0].1.plan.issued_on.year());
    let first = take_numbers(tx, seller.id, year, invoices.len()).await?;
    let written: Vec<WrittenInvoice> = invoices
        .iter()
        .zip(first..)
        .map(|((id, new), nth)| WrittenInvoice {
            id: *id,
            number: seller.number_pattern.format(new.plan.issued_on, nth),
        })
        .collect();
    let i = || invoices.iter();
    let rows = Rows::new()
        .int("seller_id", i().map(|_| seller.id.0))
        .int("id", i().map(|(id, _)| id.0))
        .int("fiscal_year", i().map(|_| year))
        .int("series_number", i().zip(first..).map(|(_, nth)| nth))
        .text("number", written.iter().map(|w| w.number.clone()))
        .int("customer_id", i().map(|(_, new)| new.customer.id.0))
        .date("issued_on", i().map(|(_, new)| new.plan.issued_on))
        .date("due_on", i().map(|(_, new)| new.plan.due_on))
        .instant("issued_at", i().map(|_| at))
        .text("currency", i().map(|(_, new)| new.plan.total.currency.code().to_owned()))
        .int("net_minor", i().map(|(_, new)| new.plan.net.minor))
        .int("tax_minor", i().map(|(_, new)| new.plan.tax.minor))
        .int("total_minor", i().map(|(_, new)| new.plan.total.minor))
        .text("rounding", i().map(|(_, new)| new.plan.rounding.as_str().to_owned()))
        .text("seller", i().map(|_| seller_copy.clone()))
        .text("buyer", buyers)
        .text("status", i().map(|(_, new)| (if is_settled(&new.plan) { "paid" } else { "issued" }).to_owned()))
        .instant("paid_at", i().map(|(_, new)| is_settled(&new.plan).then_some(at)));
    let sql = "insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, customer_id, issued_on, \
        due_on, issued_at, currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, status, paid_at) \
        select seller_id, id, 'invoice', fiscal_year, series_number, number, customer_id, issued_on, due_on, issued_at, \
        currency, net_minor, tax_minor, total_minor, rounding, seller, buyer, status, paid_at from {rows}";
    tx.execute_with(sql, rows).await?;
    Ok(written)
}

/// The first of `count` numbers of the year's series, which this transaction now holds.
async fn take_numbers(tx: &mut Tx, seller: SellerId, year: i64, count: usize) -> Result<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let sql = "insert into number_series (seller_id, kind, fiscal_year, first_number, next_number) \
        values ($1, 'invoice', $2, 1, 1 + $3) on conflict (seller_id, kind, fiscal_year) \
        do update set next_number = number_series.next_number + $3 returning next_number - $3 as first";
    let row = tx.row(sql, params![seller.0, year, count]).await?;
    row.map_or(Ok(1), |row| row.int("first"))
}
