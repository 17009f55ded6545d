//! Writing renewals on PostgreSQL: one call, one trip, one transaction.
//!
//! A trip to the server costs more than the statement it carries, so the steps are the body of a function here. Its text
//! is made from the very same statements. It is kept in the database under a name that ends with
//! a hash of its text, so that programs of different versions never use each other's; where the role may not create
//! functions, the steps are run one by one.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use perennial_billing::{InvoiceId, RunId, ServiceId};

use super::steps::{
    New, NewIds, TAKE_NUMBERS, Way, before_the_number, claims, count, events, invoice_rows, mails, series,
};
use super::{Attempt, NewInvoice, Round, step_by_step};
use crate::dialect::unnest;
use crate::documents::INSERT_INVOICES;
use crate::events::{INSERT_DELIVERIES, INSERT_EVENTS};
use crate::rows::{Column, Rows};
use crate::sellers::Seller;
use crate::value::params;
use crate::{Result, Store, StoreError};

/// Arguments before the rows: seller, services, versions, how many invoices and events, year, and what stands around a number.
const SCALARS: &str = "seller bigint, services bigint[], versions bigint[], count bigint, events bigint, year bigint, before text, \
    width bigint, after text";

/// How many those are.
const SCALAR_COUNT: usize = 9;

/// Claims `services` in the order of their ids, or tells which of them changed.
const PRELUDE: &str = "
    perform 1 from services s where s.seller_id = seller and s.id = any(services) order by s.id for update;
    select array_agg(n.id) into stale from unnest(services, versions) as n(id, version)
    left join services s on s.seller_id = seller and s.id = n.id where s.version is distinct from n.version;
    if stale is not null then return; end if;
    select array_agg(nextval('ids_invoice')) into ids from generate_series(1, count);
    select array_agg(nextval('ids_event')) into event_ids from generate_series(1, events);
";

/// Writes these renewals in one call.
pub(super) async fn in_one_call(
    round: &mut Round,
    seller: &Seller,
    new: &[&NewInvoice],
    at: Timestamp,
    run: Option<RunId>,
    stays_open: bool,
) -> Result<Attempt> {
    let (texts, rows): (Vec<&str>, Vec<Rows>) = by_place(seller, new, at, run)?.into_iter().unzip();
    let way = Way::of(new.iter().copied(), run);
    if round.store.renewal_call(way).get().is_none_or(Option::is_none) {
        round.conn = None;
    }
    let Some(call) = function(&round.store, &texts, &rows, way).await? else {
        return step_by_step(round, seller, new, at, run).await;
    };
    let (before, width, after) = around_numbers(seller, new);
    let values = params![
        seller.id.0,
        new.iter().flat_map(|new| new.services()).map(|(service, _)| service.0).collect::<Vec<i64>>(),
        new.iter().flat_map(|new| new.services()).map(|(_, version)| version).collect::<Vec<i64>>(),
        count(new.len()),
        count(events(new)),
        series(seller, new),
        before,
        width,
        after,
    ];
    let answered = if stays_open {
        // What was read with goes back first: who holds one connection and waits for a second may wait for ever.
        round.conn = None;
        let mut tx = round.store.begin().await?;
        let answered = tx.call(call, values, rows).await?;
        round.leave_open(tx);
        answered
    } else {
        round.conn().await?.call(call, values, rows).await?
    };
    let row = answered.first().ok_or_else(|| StoreError::Statement(sqlx::Error::RowNotFound))?;
    let stale = row.ints("stale")?;
    if stale.is_empty() {
        let ids = row.ints("ids")?.into_iter().map(InvoiceId).collect();
        return Ok(Attempt::Written { ids, first_number: row.int("first")? });
    }
    Ok(Attempt::Stale(stale.into_iter().map(ServiceId).collect()))
}

/// The steps, whose rows name an invoice, a mail and an entry of the trail by its place, from 1, and a legal number by its distance
/// from the first: the function gives ids and numbers itself.
fn by_place(
    seller: &Seller,
    new: &[&NewInvoice],
    at: Timestamp,
    run: Option<RunId>,
) -> Result<Vec<(&'static str, Rows)>> {
    let invoices: Vec<New<'_>> = (1..).map(InvoiceId).zip(new.iter().copied()).collect();
    let places = |count| (1..).take(count).collect();
    let ids = NewIds { outbox: places(mails(new)), audit: places(claims(new)), events: places(events(new)) };
    let mut steps = before_the_number(seller, &invoices, at, run, ids);
    let numbers = new.iter().map(|_| String::new());
    steps.push((INSERT_INVOICES, invoice_rows(seller, &invoices, at, run, 0, numbers)?));
    Ok(steps)
}

/// What stands before and after the digits of this group's numbers, and how many digits there are at least.
fn around_numbers(seller: &Seller, new: &[&NewInvoice]) -> (String, i64, String) {
    let (before, width, after) = new.first().map_or_else(Default::default, |new| {
        seller.numbering.invoices.around(new.plan.issued_on, seller.numbering.reset)
    });
    (before, i64::try_from(width).unwrap_or(0), after)
}

/// The statement that calls the function, which is made if it is not there yet; none where this role may not make it.
async fn function(store: &Store, texts: &[&str], rows: &[Rows], way: Way) -> Result<Option<&'static str>> {
    let make = || async {
        let (arguments, body) = text(texts, rows);
        let mut hasher = DefaultHasher::new();
        (&arguments, &body).hash(&mut hasher);
        let name = format!("perennial_renew_{:016x}", hasher.finish());
        let count = SCALAR_COUNT + rows.iter().map(|rows| kinds(rows).len() + rows.same.len()).sum::<usize>();
        let places: Vec<String> = (1..=count).map(|n| format!("${n}")).collect();
        // A plan is made once for a connection, perhaps while what a run has found is little, and then kept.
        let settings = if way == Way::Run { " set enable_seqscan = off" } else { "" };
        let create =
            format!("create or replace function {name}({arguments}) language plpgsql{settings} as $body${body}$body$");
        match store.create_function(&name, &create).await {
            Ok(()) => {}
            Err(StoreError::Statement(error)) => {
                tracing::warn!(%error, "cannot create a function in this database, renewals take more trips: {error}");
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let call = format!("select stale, ids, first from {name}({})", places.join(", "));
        Ok(Some(&*Box::leak(call.into_boxed_str())))
    };
    store.renewal_call(way).get_or_try_init(make).await.copied()
}

/// The function's arguments and body, made from the steps.
fn text(texts: &[&str], rows: &[Rows]) -> (String, String) {
    let mut arguments = SCALARS.to_owned();
    let mut body = format!("\n#variable_conflict use_column\ndeclare event_ids bigint[];\nbegin{PRELUDE}");
    for (step, (text, rows)) in texts.iter().zip(rows).enumerate() {
        if *text == INSERT_INVOICES {
            let take = TAKE_NUMBERS.replace("$1", "seller").replace("$2", "year").replace("$3", "count");
            // Writing to a string cannot fail.
            let _ = writeln!(body, "    {take} into first;");
        }
        for (nth, kind) in kinds(rows).iter().enumerate() {
            let _ = write!(arguments, ", a{step}_{nth} {}", kind.postgres_array());
        }
        for (name, value) in &rows.same {
            let _ = write!(arguments, ", a{step}_{name} {}", value.postgres_type());
        }
        let columns = rows.columns.iter().map(|(column, _)| value_of(text, column));
        let same = rows.same.iter().map(|(name, _)| format!("a{step}_{name} as {name}"));
        let columns: Vec<String> = columns.chain(same).collect();
        let table = unnest(&rows.columns, &slices(step, rows));
        let statement = text.replace("{rows}", &format!("(select {} from {table}) as n", columns.join(", ")));
        let _ = writeln!(body, "    {statement};");
    }
    body.push_str("end ");
    arguments.push_str(", out stale bigint[], out ids bigint[], out first bigint");
    (arguments, body)
}

/// One column of each type that there is, in the order in which [`Rows::packed`] has them.
fn kinds(rows: &Rows) -> Vec<&Column> {
    let mut kinds: Vec<&Column> = Vec::new();
    for (_, column) in &rows.columns {
        if !kinds.iter().any(|known| known.is_like(column)) {
            kinds.push(column);
        }
    }
    kinds
}

/// Where in the arguments of a step each of its columns lies: a slice of the array of its type.
fn slices(step: usize, rows: &Rows) -> Vec<String> {
    let kinds = kinds(rows);
    let of_kind = |kind: &Column| rows.columns.iter().filter(|(_, column)| column.is_like(kind)).count();
    let mut taken = vec![0; kinds.len()];
    let slice = |(_, column): &(&'static str, Column)| {
        let nth = kinds.iter().position(|kind| kind.is_like(column)).unwrap_or(0);
        let (place, columns) = (taken[nth], of_kind(column));
        taken[nth] += 1;
        let rows = format!("(cardinality(a{step}_{nth}) / {columns})");
        match columns {
            1 => format!("a{step}_{nth}"),
            _ => format!("a{step}_{nth}[{place} * {rows} + 1 : {} * {rows}]", place + 1),
        }
    };
    rows.columns.iter().map(slice).collect()
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
    /// A new event.
    Event,
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
            "id" if text.starts_with(INSERT_EVENTS) || text.starts_with(INSERT_DELIVERIES) => Self::Event,
            "series_number" => Self::SeriesNumber,
            "number" => Self::Number,
            _ => Self::AsSent,
        }
    }
}

/// A column of a step: as it was sent, or what only the function knows.
fn value_of(text: &str, column: &str) -> String {
    match Given::of(text, column) {
        Given::AsSent => column.to_owned(),
        Given::Invoice => format!("ids[{column}] as {column}"),
        Given::Outbox => "nextval('ids_outbox') as id".to_owned(),
        Given::Event => format!("event_ids[{column}] as {column}"),
        Given::Audit => "nextval('ids_audit') as id".to_owned(),
        Given::SeriesNumber => "first + series_number as series_number".to_owned(),
        Given::Number => "before || lpad((first + series_number)::text, \
            greatest(width::integer, length((first + series_number)::text)), '0') || after as number"
            .to_owned(),
    }
}
