//! Renewal runs: what they have found, who works on which part, and what came of it.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use perennial_billing::run::{PART_SERVICES, cut_part};
use perennial_billing::{Currency, CustomerId, Invoicing, Money, PeriodNumber, RunId, SellerId, ServiceId};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, StoreError, Tx};

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The seller's day on which it began.
    pub day: Date,
    /// What falls due through this day is renewed.
    pub through: Date,
    /// What started it.
    pub origin: RunOrigin,
    /// When it began.
    pub started_at: Timestamp,
    /// When everything was done; none while it is under way, or waits to be resumed.
    pub finished_at: Option<Timestamp>,
    /// Periods that were found due.
    pub found: i64,
    /// Parts it was divided into.
    pub chunks: i64,
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOrigin {
    /// The seller's time of day.
    Schedule,
    /// Somebody.
    Request,
}

impl RunOrigin {
    /// The word kept in the database: `schedule` or `request`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Request => "request",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Schedule, Self::Request].into_iter().find(|origin| origin.as_str() == word)
    }
}

/// What falls due.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// Through this day.
    pub through: Date,
    /// Through this day for customers of whom something falls due through the first and who want it on one invoice.
    pub joined_through: Date,
    /// The seller's way of invoicing, for customers who say nothing.
    pub invoicing: Invoicing,
    /// Whether suspended services are renewed.
    pub suspended: bool,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 0.
    pub chunk: i64,
    /// The first of what it was made of.
    pub from: (CustomerId, ServiceId),
    /// The last of it.
    pub to: (CustomerId, ServiceId),
}

/// A period that was found and not renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunProblem {
    /// Whose service it is.
    pub customer: CustomerId,
    /// The service.
    pub service: ServiceId,
    /// The period, if it is known.
    pub period: Option<PeriodNumber>,
    /// Whether somebody should look at it, or it is as it should be.
    pub is_failure: bool,
    /// Why, in words.
    pub reason: String,
    /// How often in a row it was not renewed.
    pub failures: i64,
}

/// What became of what a run has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Not looked at yet.
    pub left: i64,
    /// Left alone, as it should be.
    pub skipped: i64,
    /// Not renewed although it should have been.
    pub failed: i64,
}

/// What a run has issued in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTotal {
    /// How many invoices.
    pub invoices: i64,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
}

/// Writes a new run. Only one of a seller may be open, and only one a day scheduled.
pub async fn insert(tx: &mut Tx, seller: SellerId, run: &Run) -> Result<()> {
    let sql = "insert into runs (seller_id, id, day, through, origin, started_at, found, chunks) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let (origin, started_at) = (run.origin.as_str(), run.started_at);
    let values = params![seller.0, run.id.0, run.day, run.through, origin, started_at, run.found, run.chunks];
    tx.execute(sql, values).await?;
    Ok(())
}

/// What is due ([`Due`]: `$2` and `$3`), by the day of the index, which is `renew_on` for what has no open invoice. The lower
/// bound is for PostgreSQL, which cannot know how much lies below a day that it is not told when it plans.
macro_rules! due {
    () => {
        "from services s where s.seller_id = $1 and s.auto_renew and s.status in ('active', 'suspended') \
        and (s.status = 'active' or $2) and s.open_invoice_id is null and s.ends_on is null \
        and s.due_from > '0001-01-01' and s.due_from <= $3"
    };
}

/// What falls due later (`$3` to `$4`) of customers who want one invoice; `$5` is the way of those who say nothing.
macro_rules! later {
    () => {
        "from services s join customers c on c.seller_id = s.seller_id and c.id = s.customer_id \
        where s.seller_id = $1 and s.auto_renew and s.status in ('active', 'suspended') \
        and (s.status = 'active' or $2) and s.open_invoice_id is null and s.ends_on is null \
        and s.due_from > $3 and s.due_from <= $4 and s.free_invoice_id is null \
        and coalesce(c.invoicing, $5) = 'together'"
    };
}

/// Finds what is due, adds it to the run in parts, and tells how many periods were added. Nothing is sorted and little is
/// kept in memory, however much is due.
pub async fn find(tx: &mut Tx, seller: SellerId, run: &Run, due: Due) -> Result<i64> {
    let sql = concat!(
        "insert into run_services (seller_id, run_id, customer_id, service_id, state, reason, failures) \
        select $1, $4, s.customer_id, s.id, 'todo', '', 0 ",
        due!(),
        " on conflict do nothing"
    );
    let mut found = tx.execute(sql, params![seller.0, due.suspended, due.through, run.id.0]).await?;
    if found > 0 && due.joined_through > due.through {
        let sql = concat!(
            "insert into run_services (seller_id, run_id, customer_id, service_id, state, reason, failures) \
            select $1, $6, s.customer_id, s.id, 'todo', '', 0 ",
            later!(),
            " and exists (select 1 from run_services r where r.seller_id = $1 and r.run_id = $6 \
            and r.customer_id = s.customer_id and r.state = 'todo') on conflict do nothing"
        );
        let days = params![seller.0, due.suspended, due.through, due.joined_through, due.invoicing.as_str(), run.id.0];
        found += tx.execute(sql, days).await?;
    }
    let found = i64::try_from(found).unwrap_or(i64::MAX);
    if found > 0 {
        let chunks = divide(tx, seller, run).await?;
        let sql = "update runs set found = found + $3, chunks = chunks + $4 where seller_id = $1 and id = $2";
        tx.execute(sql, params![seller.0, run.id.0, found, chunks]).await?;
    }
    Ok(found)
}

/// Divides what is to do into parts, and tells how many.
async fn divide(tx: &mut Tx, seller: SellerId, run: &Run) -> Result<i64> {
    let sql = "select customer_id, service_id from run_services where seller_id = $1 and run_id = $2 \
        and (customer_id, service_id) > ($3, $4) and state = 'todo' order by customer_id, service_id limit $5";
    let limit = i64::try_from(PART_SERVICES + 1).unwrap_or(i64::MAX);
    let mut after = (CustomerId(0), ServiceId(0));
    let mut chunks = 0;
    loop {
        let rows = tx.rows(sql, params![seller.0, run.id.0, after.0.0, after.1.0, limit]).await?;
        let mut part = rows.iter().map(|row| key(row, "service_id")).collect::<Result<Vec<_>>>()?;
        cut_part(&mut part);
        let (Some(first), Some(last)) = (part.first(), part.last()) else { return Ok(chunks) };
        let insert = "insert into run_chunks (seller_id, run_id, chunk, from_customer, from_service, to_customer, \
            to_service) values ($1, $2, $3, $4, $5, $6, $7)";
        let chunk = run.chunks + chunks;
        let values = params![seller.0, run.id.0, chunk, first.0.0, first.1.0, last.0.0, last.1.0];
        tx.execute(insert, values).await?;
        chunks += 1;
        after = *last;
    }
}

fn key(row: &Row, service: &'static str) -> Result<(CustomerId, ServiceId)> {
    Ok((CustomerId(row.int("customer_id")?), ServiceId(row.int(service)?)))
}

/// A page of what is due, by customer and service, after this one: what [`find`] finds, without writing.
pub async fn due_page(
    conn: &mut Conn,
    seller: SellerId,
    due: Due,
    after: (CustomerId, ServiceId),
    limit: i64,
) -> Result<Vec<(CustomerId, ServiceId)>> {
    let today = concat!(
        "select s.customer_id, s.id ",
        due!(),
        " and (s.customer_id, s.id) > ($4, $5) order by s.customer_id, s.id limit $6"
    );
    let with_later = concat!(
        "select customer_id, id from (select s.customer_id, s.id ",
        due!(),
        " union all select s.customer_id, s.id ",
        later!(),
        " and s.customer_id in (select s.customer_id ",
        due!(),
        ")) found where (customer_id, id) > ($6, $7) order by customer_id, id limit $8"
    );
    let (customer, service) = (after.0.0, after.1.0);
    let mut values = params![seller.0, due.suspended, due.through];
    let rows = if due.joined_through > due.through {
        values.extend(params![due.joined_through, due.invoicing.as_str(), customer, service, limit]);
        conn.rows(with_later, values).await?
    } else {
        values.extend(params![customer, service, limit]);
        conn.rows(today, values).await?
    };
    rows.iter().map(|row| key(row, "id")).collect()
}

/// How many periods are due.
pub async fn count_due(conn: &mut Conn, seller: SellerId, due: Due) -> Result<i64> {
    let sql = concat!("select count(*) as due ", due!());
    let row = conn.row(sql, params![seller.0, due.suspended, due.through]).await?;
    row.map_or(Ok(0), |row| row.int("due"))
}

/// Takes a part of a run that nobody works on, until this moment.
pub async fn claim(
    tx: &mut Tx,
    seller: SellerId,
    run: RunId,
    node: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Part>> {
    let sql = "update run_chunks set held_by = $3, held_until = $4 where seller_id = $1 and run_id = $2 and chunk = \
        (select chunk from run_chunks where seller_id = $1 and run_id = $2 and (held_until is null or held_until <= $5) \
        order by chunk limit 1 {for update skip locked}) \
        returning chunk, from_customer, from_service, to_customer, to_service";
    let row = tx.row(sql, params![seller.0, run.0, node, until, now]).await?;
    let end = |row: &Row, customer, service| {
        Ok::<_, StoreError>((CustomerId(row.int(customer)?), ServiceId(row.int(service)?)))
    };
    row.map(|row| {
        let (from, to) = (end(&row, "from_customer", "from_service")?, end(&row, "to_customer", "to_service")?);
        Ok(Part { chunk: row.int("chunk")?, from, to })
    })
    .transpose()
}

/// Gives up the parts that a node works on: it stops, and another may go on at once.
pub async fn release(tx: &mut Tx, seller: SellerId, run: RunId, node: &str) -> Result<()> {
    let sql = "update run_chunks set held_by = null, held_until = null \
        where seller_id = $1 and run_id = $2 and held_by = $3";
    tx.execute(sql, params![seller.0, run.0, node]).await?;
    Ok(())
}

/// Ends a part of a run, if nothing is left of it.
pub async fn finish_part(tx: &mut Tx, seller: SellerId, run: RunId, part: Part) -> Result<()> {
    let sql = "delete from run_chunks where seller_id = $1 and run_id = $2 and chunk = $3 and not exists \
        (select 1 from run_services where seller_id = $1 and run_id = $2 and (customer_id, service_id) >= ($4, $5) \
        and (customer_id, service_id) <= ($6, $7) and state = 'todo')";
    let Part { chunk, from, to } = part;
    tx.execute(sql, params![seller.0, run.0, chunk, from.0.0, from.1.0, to.0.0, to.1.0]).await?;
    Ok(())
}

/// How many parts are left that this node does not hold.
pub async fn chunks_of_others(conn: &mut Conn, seller: SellerId, run: RunId, node: &str) -> Result<i64> {
    let sql = "select count(*) as chunks from run_chunks where seller_id = $1 and run_id = $2 \
        and held_by is distinct from $3";
    conn.row(sql, params![seller.0, run.0, node]).await?.map_or(Ok(0), |row| row.int("chunks"))
}

/// What is left to do of a part, by customer and service.
pub async fn todo(conn: &mut Conn, seller: SellerId, run: RunId, part: Part) -> Result<Vec<(CustomerId, ServiceId)>> {
    let sql = "select customer_id, service_id from run_services where seller_id = $1 and run_id = $2 \
        and (customer_id, service_id) >= ($3, $4) and (customer_id, service_id) <= ($5, $6) and state = 'todo' \
        order by customer_id, service_id";
    let Part { from, to, .. } = part;
    let rows = conn.rows(sql, params![seller.0, run.0, from.0.0, from.1.0, to.0.0, to.1.0]).await?;
    rows.iter().map(|row| key(row, "service_id")).collect()
}

/// The step of writing invoices that takes what they renew off the run's list.
pub(crate) fn renewed(
    seller: SellerId,
    run: RunId,
    services: impl Iterator<Item = (CustomerId, ServiceId)>,
) -> (&'static str, Rows) {
    let services: Vec<(CustomerId, ServiceId)> = services.collect();
    let rows = Rows::new()
        .int("seller_id", services.iter().map(|_| seller.0))
        .int("run_id", services.iter().map(|_| run.0))
        .int("customer_id", services.iter().map(|(customer, _)| customer.0))
        .int("service_id", services.iter().map(|(_, service)| service.0));
    let sql = "delete from run_services where (seller_id, run_id, customer_id, service_id) in \
        (select seller_id, run_id, customer_id, service_id from {rows})";
    (sql, rows)
}

/// Keeps why periods were not renewed, and puts off the next try. What was settled meanwhile stays as it is.
pub async fn record(tx: &mut Tx, seller: SellerId, run: &Run, problems: &[(RunProblem, Date)]) -> Result<()> {
    let p = || problems.iter().map(|(problem, _)| problem);
    let rows = Rows::new()
        .int("seller_id", p().map(|_| seller.0))
        .int("run_id", p().map(|_| run.id.0))
        .int("customer_id", p().map(|p| p.customer.0))
        .int("service_id", p().map(|p| p.service.0))
        .text("state", p().map(|p| (if p.is_failure { "failed" } else { "skipped" }).to_owned()))
        .text("reason", p().map(|p| p.reason.clone()))
        .int("period", p().map(|p| p.period.map(|period| i64::from(period.0))))
        .int("failures", p().map(|p| p.failures));
    let sql = "update run_services set state = n.state, reason = n.reason, period = n.period, failures = n.failures \
        from {rows} where run_services.seller_id = n.seller_id and run_services.run_id = n.run_id \
        and run_services.customer_id = n.customer_id and run_services.service_id = n.service_id \
        and run_services.state = 'todo'";
    tx.execute_with(sql, rows).await?;
    let rows = Rows::new()
        .int("seller_id", p().map(|_| seller.0))
        .int("id", p().map(|p| p.service.0))
        .int("period", p().map(|p| p.period.map(|period| i64::from(period.0))))
        .date("retry_on", problems.iter().map(|(_, retry_on)| *retry_on));
    // One whose period could not even be read is put off as well.
    let sql = "update services set renew_on = n.retry_on, due_from = n.retry_on from {rows} \
        where services.seller_id = n.seller_id and services.id = n.id \
        and services.next_period = coalesce(n.period, services.next_period) \
        and services.open_invoice_id is null and services.renew_on < n.retry_on";
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// The last problem that a run had with each of these services, and in which run.
pub async fn last_problems(
    conn: &mut Conn,
    seller: SellerId,
    services: &[ServiceId],
) -> Result<HashMap<ServiceId, (RunProblem, RunId)>> {
    let sql = "select customer_id, service_id, run_id, state, reason, period, failures from run_services \
        where seller_id = $1 and service_id {in $2} and state <> 'todo' order by service_id, run_id";
    let ids: Vec<i64> = services.iter().map(|service| service.0).collect();
    let rows = conn.rows(sql, params![seller.0, ids]).await?;
    // The last one of a service stays.
    rows.iter().map(|row| Ok((ServiceId(row.int("service_id")?), (problem(row)?, RunId(row.int("run_id")?))))).collect()
}

/// A page of what a run did not renew, by service, after this one.
pub async fn problems(
    conn: &mut Conn,
    seller: SellerId,
    run: RunId,
    after: ServiceId,
    limit: i64,
) -> Result<Vec<RunProblem>> {
    let sql = "select customer_id, service_id, state, reason, period, failures from run_services \
        where seller_id = $1 and run_id = $2 and state <> 'todo' and service_id > $3 order by service_id limit $4";
    conn.rows(sql, params![seller.0, run.0, after.0, limit]).await?.iter().map(problem).collect()
}

fn problem(row: &Row) -> Result<RunProblem> {
    let period = row.opt_int("period")?.map(|_| row.small("period")).transpose()?;
    Ok(RunProblem {
        customer: CustomerId(row.int("customer_id")?),
        service: ServiceId(row.int("service_id")?),
        period: period.map(PeriodNumber),
        is_failure: row.text("state")? == "failed",
        reason: row.text("reason")?,
        failures: row.int("failures")?,
    })
}

/// The runs of a seller, which is `$1`, that are as the rest says.
macro_rules! runs_where {
    () => {
        "select id, day, through, origin, started_at, finished_at, found, chunks from runs where seller_id = $1 "
    };
}

/// Ends a run, if nothing is left of it. Tells whether this call did.
pub async fn finish(tx: &mut Tx, seller: SellerId, run: RunId, at: Timestamp) -> Result<bool> {
    let sql = "update runs set finished_at = $3 where seller_id = $1 and id = $2 and finished_at is null and not exists \
        (select 1 from run_chunks where seller_id = $1 and run_id = $2)";
    Ok(tx.execute(sql, params![seller.0, run.0, at]).await? == 1)
}

/// Holds a run until the transaction ends, so that only one node divides it or ends it. None if it is finished.
pub async fn hold_open(tx: &mut Tx, seller: SellerId, run: RunId) -> Result<Option<Run>> {
    let sql = concat!(runs_where!(), "and id = $2 and finished_at is null {for update}");
    tx.row(sql, params![seller.0, run.0]).await?.map(|row| read(&row)).transpose()
}

/// The run that is not finished, if there is one.
pub async fn open(conn: &mut Conn, seller: SellerId) -> Result<Option<Run>> {
    let sql = concat!(runs_where!(), "and finished_at is null");
    conn.row(sql, params![seller.0]).await?.map(|row| read(&row)).transpose()
}

/// The run with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: RunId) -> Result<Option<Run>> {
    let sql = concat!(runs_where!(), "and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read(&row)).transpose()
}

/// A page of runs, newest first, before this one.
pub async fn page(conn: &mut Conn, seller: SellerId, before: Option<RunId>, limit: i64) -> Result<Vec<Run>> {
    let sql = concat!(runs_where!(), "and id < $2 order by id desc limit $3");
    let before = before.map_or(i64::MAX, |run| run.0);
    conn.rows(sql, params![seller.0, before, limit]).await?.iter().map(read).collect()
}

/// Whether the run of this day was started by the seller's time of day.
pub async fn is_scheduled(conn: &mut Conn, seller: SellerId, day: Date) -> Result<bool> {
    let sql = "select id from runs where seller_id = $1 and day = $2 and origin = 'schedule'";
    Ok(conn.row(sql, params![seller.0, day]).await?.is_some())
}

/// How much is left, and how much was not renewed.
pub async fn counts(conn: &mut Conn, seller: SellerId, run: RunId) -> Result<RunCounts> {
    // Not grouped by state: SQLite would sort all of them in memory, once a second while a run goes on.
    let sql = "select count(*) filter (where state = 'todo') as todo, count(*) filter (where state = 'skipped') as skipped, \
        count(*) filter (where state = 'failed') as failed from run_services where seller_id = $1 and run_id = $2";
    let Some(row) = conn.row(sql, params![seller.0, run.0]).await? else { return Ok(RunCounts::default()) };
    Ok(RunCounts { left: row.int("todo")?, skipped: row.int("skipped")?, failed: row.int("failed")? })
}

/// What a run has issued, by currency.
pub async fn totals(conn: &mut Conn, seller: SellerId, run: RunId) -> Result<Vec<RunTotal>> {
    // PostgreSQL sums bigint to numeric.
    let sql = "select currency, count(*) as invoices, cast(sum(net_minor) as bigint) as net, \
        cast(sum(tax_minor) as bigint) as tax, cast(sum(total_minor) as bigint) as total from invoices \
        where seller_id = $1 and run_id = $2 group by currency order by currency";
    let rows = conn.rows(sql, params![seller.0, run.0]).await?;
    rows.iter()
        .map(|row| {
            let currency: Currency = row.parsed("currency")?;
            Ok(RunTotal {
                invoices: row.int("invoices")?,
                net: Money::new(row.int("net")?, currency),
                tax: Money::new(row.int("tax")?, currency),
                total: Money::new(row.int("total")?, currency),
            })
        })
        .collect()
}

/// The first and the last legal number that a run has used, in the order of issue.
pub async fn numbers(conn: &mut Conn, seller: SellerId, run: RunId) -> Result<Option<(String, String)>> {
    let first = "select number from invoices where seller_id = $1 and run_id = $2 \
        order by fiscal_year, series_number limit 1";
    let last = "select number from invoices where seller_id = $1 and run_id = $2 \
        order by fiscal_year desc, series_number desc limit 1";
    let first = conn.row(first, params![seller.0, run.0]).await?.map(|row| row.text("number")).transpose()?;
    let last = conn.row(last, params![seller.0, run.0]).await?.map(|row| row.text("number")).transpose()?;
    Ok(first.zip(last))
}

fn read(row: &Row) -> Result<Run> {
    Ok(Run {
        id: RunId(row.int("id")?),
        day: row.date("day")?,
        through: row.date("through")?,
        origin: row.word("origin", RunOrigin::from_word)?,
        started_at: row.instant("started_at")?,
        finished_at: row.opt_instant("finished_at")?,
        found: row.int("found")?,
        chunks: row.int("chunks")?,
    })
}
