//! The floor on SQLite: one writer thread, prepared statements, one durable transaction for each renewal.

use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use perennial_app::Clock;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Row, Statement, params};
use tokio::sync::{mpsc, oneshot};

use crate::digest::{Bytes, NOTHING_IN_HEAD, NOTHING_IN_LINE, day};

/// What the program sets too: only the durable writing of each commit.
const SETTINGS: &str = "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
    pragma recursive_triggers = on; pragma busy_timeout = 5000;";

/// Hands renewals to the thread that writes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer(mpsc::UnboundedSender<Job>);

#[derive(Debug)]
struct Job {
    service: i64,
    reply: oneshot::Sender<Result<i64>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(file: PathBuf) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        thread::spawn(move || {
            if let Err(error) = write(&file, receiver) {
                eprintln!("the writer ended: {error:#}");
            }
        });
        Self(sender)
    }

    /// Renews one service, after those that were asked for before it.
    pub async fn renew(&self, service: i64) -> Result<i64> {
        let (reply, outcome) = oneshot::channel();
        self.0.send(Job { service, reply }).ok().context("the writer has ended")?;
        outcome.await.context("the writer has ended")?
    }
}

fn write(file: &std::path::Path, mut jobs: mpsc::UnboundedReceiver<Job>) -> Result<()> {
    let connection = open(file)?;
    let mut statements = Statements::prepare(&connection)?;
    while let Some(job) = jobs.blocking_recv() {
        let outcome = statements.renew(job.service);
        if outcome.is_err() && !connection.is_autocommit() {
            connection.execute_batch("rollback")?;
        }
        // A caller that went away is not told.
        let _ = job.reply.send(outcome);
    }
    Ok(())
}

/// Opens the file as the program does.
pub fn open(file: &std::path::Path) -> Result<Connection> {
    let connection = Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

/// Every statement of a renewal of seller 1, prepared once.
struct Statements<'c> {
    begin: Statement<'c>,
    facts: Statement<'c>,
    addons: Statement<'c>,
    ids: Statement<'c>,
    period: Statement<'c>,
    line: Statement<'c>,
    tax: Statement<'c>,
    entries: Statement<'c>,
    addon_entry: Statement<'c>,
    advance: Statement<'c>,
    outbox: Statement<'c>,
    audit: Statement<'c>,
    number: Statement<'c>,
    invoice: Statement<'c>,
    commit: Statement<'c>,
}

// At home all standard supplies bear the seller's rate; who is taxed otherwise is not renewed here.
const FACTS: &str = "select s.customer_id, s.product_id, s.status, s.cycle, s.next_period, s.billed_through, \
    date(s.anchor, '+' || (s.next_period + 1) || ' months'), s.quantity_millionths, s.open_invoice_id, \
    coalesce(s.own_price_minor, v.amount_minor), case when s.own_price_minor is null then v.id end, \
    c.currency, e.country, case when e.vat_registered and p.tax_class = 'standard' and c.country = e.country \
    and not c.tax_exempt then coalesce((select r.rate_ppm from tax_rates r where r.seller_id = 1 and r.country = e.country \
    and r.starts <= ?2 order by r.starts desc limit 1), \
    case when e.own_tax_rate then e.tax_rate_ppm when e.country = 'SE' then 250000 end) end, e.rounding, \
    p.name || ' ' || s.label || ', ' || s.billed_through || ' – ' \
    || date(s.anchor, '+' || (s.next_period + 1) || ' months', '-1 day'), \
    max(s.billed_through, date(?2, '+' || e.payment_terms_days || ' days')), \
    s.billed_through <= date(?2, '+' || e.renew_ahead_months || ' months'), \
    json_object('name', e.name, 'address1', e.address1, 'address2', e.address2, 'postcode', e.postcode, 'city', e.city, \
    'country', e.country, 'vatNumber', e.vat_number, 'companyNumber', e.company_number, 'email', e.email, \
    'iban', e.iban, 'bic', e.bic, 'bankgiro', e.bankgiro), \
    json_object('kind', c.kind, 'name', c.name, 'company', c.company, 'email', c.email, 'address1', c.address1, \
    'address2', c.address2, 'postcode', c.postcode, 'city', c.city, 'country', c.country, 'vatNumber', c.vat_number, \
    'language', c.language) \
    from services s join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
    join products p on p.seller_id = s.seller_id and p.id = s.product_id \
    join sellers e on e.id = s.seller_id \
    left join prices v on v.seller_id = 1 and v.product_id = s.product_id and v.cycle = s.cycle \
    and v.currency = c.currency and v.starts = (select max(starts) from prices where seller_id = 1 \
    and product_id = s.product_id and cycle = s.cycle and currency = c.currency and starts <= s.billed_through) \
    where s.seller_id = 1 and s.id = ?1";
// The plus keeps SQLite from walking through all add-ons by id to spare itself the sorting of one.
const ADDONS: &str = "select a.id, a.product_id, a.quantity_millionths, \
    coalesce(a.own_price_minor, v.amount_minor), case when a.own_price_minor is null then v.id end, \
    '+ ' || p.name || ', ' || ?4 || ' – ' || date(?5, '-1 day') \
    from addons a join products p on p.seller_id = a.seller_id and p.id = a.product_id \
    left join prices v on v.seller_id = 1 and v.product_id = a.product_id and v.cycle = ?2 and v.currency = ?3 \
    and v.starts = (select max(starts) from prices where seller_id = 1 and product_id = a.product_id and cycle = ?2 \
    and currency = ?3 and starts <= ?4) \
    where a.seller_id = 1 and a.service_id = ?1 and a.status = 'active' order by +a.id";
const LINE: &str = "insert into invoice_lines (seller_id, invoice_id, line, service_id, addon_id, product_id, \
    description, quantity_millionths, unit_price_minor, net_minor, tax_country, tax_category, tax_rate_ppm, period_starts, \
    period_ends, price_origin, price_id) values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'S', ?11, ?12, ?13, ?14, ?15)";
const ENTRIES: &str = "insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, \
    booked_on, product_id, tax_country, tax_category, tax_rate_ppm) \
    values (1, 'invoice', ?1, 1, 'receivable', 'revenue', ?3, ?4, ?5, ?6, ?7, 'S', ?8), \
    (1, 'invoice', ?1, ?2, 'receivable', 'vat', ?3, ?9, ?5, null, ?7, 'S', ?8)";
const ADDON_ENTRY: &str = "insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, \
    booked_on, product_id, tax_country, tax_category, tax_rate_ppm) \
    values (1, 'invoice', ?1, ?2, 'receivable', 'revenue', ?3, ?4, ?5, ?6, ?7, 'S', ?8)";
const INVOICE: &str = "insert into invoices (seller_id, id, kind, fiscal_year, series_number, number, customer_id, \
    issued_on, due_on, issued_at, currency, net_minor, tax_minor, rounding_minor, total_minor, rounding, tax_rounding, \
    includes_tax, seller, buyer, digest, status, paid_at, open_minor) values (1, ?1, 'invoice', ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
    ?9, ?10, ?11, 0, ?10 + ?11, ?12, 'group', 0, ?13, ?14, ?15, 'issued', null, ?10 + ?11)";

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> Result<Self> {
        let prepare = |sql: &str| connection.prepare(sql).with_context(|| format!("cannot prepare {sql}"));
        Ok(Self {
            begin: prepare("begin immediate")?,
            facts: prepare(FACTS)?,
            addons: prepare(ADDONS)?,
            ids: prepare(
                "update ids set next = next + 1 where kind in ('invoice', 'outbox', 'audit') returning kind, next - 1",
            )?,
            period: prepare(
                "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
                values (1, ?1, ?2, ?3, ?4, ?5, 'invoiced')",
            )?,
            line: prepare(LINE)?,
            tax: prepare(
                "insert into invoice_taxes (seller_id, invoice_id, tax_country, tax_category, tax_rate_ppm, base_minor, \
                tax_minor) values (1, ?1, ?2, 'S', ?3, ?4, ?5)",
            )?,
            entries: prepare(ENTRIES)?,
            addon_entry: prepare(ADDON_ENTRY)?,
            advance: prepare(
                "update services set next_period = next_period + 1, billed_through = ?2, \
                renew_on = date(?2, '-' || (select lead_days from sellers where id = 1) || ' days'), open_invoice_id = ?3, \
                version = version + 1 where seller_id = 1 and id = ?1",
            )?,
            outbox: prepare(
                "insert into outbox (seller_id, id, kind, invoice_id, customer_id, state, attempts, created_at, \
                next_attempt_at) values (1, ?1, 'invoice_mail', ?2, ?4, 'queued', 0, ?3, ?3)",
            )?,
            audit: prepare(
                "insert into audit (seller_id, id, at, actor, action, subject, subject_id) \
                values (1, ?1, ?2, 'key:1', 'service.renewed', 'service', ?3)",
            )?,
            number: prepare(
                "insert into number_series (seller_id, kind, fiscal_year, first_number, next_number) \
                values (1, 'invoice', ?1, 1, 2) on conflict (seller_id, kind, fiscal_year) \
                do update set next_number = next_number + 1 returning next_number - 1",
            )?,
            invoice: prepare(INVOICE)?,
            commit: prepare("commit")?,
        })
    }

    fn renew(&mut self, service: i64) -> Result<i64> {
        let now = Clock::System.now();
        let zone = jiff::tz::TimeZone::UTC;
        let today = Clock::System.today(&zone);
        self.begin.execute([])?;
        let invoice = self.write(service, now, today)?;
        self.commit.execute([])?;
        Ok(invoice)
    }

    fn write(&mut self, service: i64, now: Timestamp, today: jiff::civil::Date) -> Result<i64> {
        let (issued_on, issued_at, year) = (today.to_string(), now.as_microsecond(), i64::from(today.year()));
        let mut rows = self.facts.query(params![service, issued_on])?;
        let f = rows.next()?.with_context(|| format!("service {service} not found"))?;
        if let Some(open) = f.get::<_, Option<i64>>(8)? {
            bail!("invoice {open} is open");
        }
        let (status, is_near): (&str, bool) = (f.get_ref(2)?.as_str()?, f.get(17)?);
        ensure!(status == "active" && is_near, "service {service} cannot be renewed");
        let (starts, ends) = (f.get_ref(5)?.as_str()?, f.get_ref(6)?.as_str()?);
        let (quantity, price): (i64, i64) = (f.get(7)?, f.get(9)?);
        let (currency, country) = (f.get_ref(11)?.as_str()?, f.get_ref(12)?.as_str()?);
        let rate = f.get::<_, Option<i64>>(13)?.with_context(|| format!("service {service} is taxed abroad"))?;
        let price_id: Option<i64> = f.get(10)?;
        let (product, description): (i64, &str) = (f.get(1)?, f.get_ref(15)?.as_str()?);

        let (mut id, mut outbox_id, mut audit_id) = (0, 0, 0);
        let mut ids = self.ids.query([])?;
        while let Some(row) = ids.next()? {
            let taken: i64 = row.get(1)?;
            match row.get_ref(0)?.as_str()? {
                "invoice" => id = taken,
                "outbox" => outbox_id = taken,
                _ => audit_id = taken,
            }
        }
        drop(ids);
        self.period.execute(params![service, as_is(f, 4)?, id, starts, ends])?;

        let mut net = times(price, quantity);
        self.line.execute(params![
            id,
            1,
            service,
            None::<i64>,
            product,
            description,
            quantity,
            price,
            net,
            country,
            rate,
            starts,
            ends,
            origin(price_id),
            price_id
        ])?;
        let service_net = net;
        // What the digest is of, in the order of the program's.
        let (starts_day, ends_day) = (day(starts), day(ends));
        let mut lines = Bytes::default();
        lines.int(service).nothing(1).int(product).text(description).int(quantity).int(price).int(net);
        lines.text(country).text("S").int(rate).int(starts_day).int(ends_day).text(origin(price_id)).opt_int(price_id);
        lines.nothing(NOTHING_IN_LINE);
        let mut addons = self.addons.query(params![service, as_is(f, 3)?, currency, starts, ends])?;
        let mut line = 1;
        while let Some(a) = addons.next()? {
            line += 1;
            let (quantity, price): (i64, i64) = (a.get(2)?, a.get(3)?);
            let line_net = times(price, quantity);
            net += line_net;
            let (addon, product, price_id): (i64, i64, Option<i64>) = (a.get(0)?, a.get(1)?, a.get(4)?);
            let description = a.get_ref(5)?.as_str()?;
            self.line.execute(params![
                id,
                line,
                service,
                addon,
                product,
                description,
                quantity,
                price,
                line_net,
                country,
                rate,
                starts,
                ends,
                origin(price_id),
                price_id
            ])?;
            self.addon_entry.execute(params![id, line, currency, line_net, issued_on, product, country, rate])?;
            lines.int(service).int(addon).int(product).text(description).int(quantity).int(price).int(line_net);
            lines
                .text(country)
                .text("S")
                .int(rate)
                .int(starts_day)
                .int(ends_day)
                .text(origin(price_id))
                .opt_int(price_id);
            lines.nothing(NOTHING_IN_LINE);
        }
        drop(addons);
        let tax = times(net, rate);
        self.tax.execute(params![id, country, rate, net, tax])?;
        self.entries.execute(params![id, line + 1, currency, service_net, issued_on, product, country, rate, tax])?;
        self.advance.execute(params![service, ends, id])?;
        let (customer, due_on, rounding): (i64, &str, &str) =
            (f.get(0)?, f.get_ref(16)?.as_str()?, f.get_ref(14)?.as_str()?);
        self.outbox.execute(params![outbox_id, id, issued_at, customer])?;
        self.audit.execute(params![audit_id, issued_at, service])?;
        let (seller, buyer) = (f.get_ref(18)?.as_str()?, f.get_ref(19)?.as_str()?);
        let mut document = Bytes::default();
        document.text("invoice").int(customer).int(day(&issued_on)).int(day(due_on)).int(issued_at).text(currency);
        document.int(net).int(tax).int(0).int(net + tax).text(rounding).text("group").int(0).text(seller).text(buyer);
        document.nothing(NOTHING_IN_HEAD).all_of(&lines);
        document.text(country).text("S").int(rate).int(net).int(tax);
        let nth: i64 = self.number.query_row([year], |row| row.get(0))?;
        self.invoice.execute(params![
            id,
            year,
            nth,
            format!("{year}{nth:05}"),
            customer,
            issued_on,
            due_on,
            issued_at,
            currency,
            net,
            tax,
            rounding,
            seller,
            buyer,
            document.digest()
        ])?;
        Ok(id)
    }
}

/// A column handed on without a look at it.
fn as_is<'r>(row: &'r Row<'_>, column: usize) -> Result<ToSqlOutput<'r>> {
    Ok(ToSqlOutput::Borrowed(row.get_ref(column)?))
}

/// Where a price came from.
fn origin(price_id: Option<i64>) -> &'static str {
    if price_id.is_some() { "catalogue" } else { "own" }
}

/// An amount times a quantity in millionths or a rate in parts per million, rounded half up.
fn times(minor: i64, millionths: i64) -> i64 {
    (minor * millionths + 500_000) / 1_000_000
}
