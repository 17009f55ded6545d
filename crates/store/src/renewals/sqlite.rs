//! Writing renewals on SQLite: one visit to the thread that owns the connection, which ends the transaction too.
//!
//! The script is made from the very steps that PostgreSQL's function is made from. Nobody else writes meanwhile, so it
//! finds ids and numbers where the counters stand, and moves the counters at the end.

use jiff::Timestamp;
use perennial_billing::{InvoiceId, RunId};

use super::steps::{Given, TAKE_NUMBERS, Way, around_numbers, by_place, claims, count, events, mails, series};
use super::{Attempt, NewInvoice, Round};
use crate::dialect::json_table;
use crate::documents::INSERT_INVOICES;
use crate::rows::Rows;
use crate::sellers::Seller;
use crate::value::params;
use crate::{Result, StoreError};

/// Parameters before the rows: seller, year, how many invoices, mails and claims, what stands around a number, and how many
/// events.
const SCALARS: usize = 9;

/// Moves the counters of ids past those that were used, and tells the first of the invoices'.
const USE_IDS: &str = "update ids set next = next + case kind when 'outbox' then $4 when 'audit' then $5 \
    when 'event' then $9 else $3 end where kind in ('invoice', 'outbox', 'audit', 'event');\n\
    select next - $3 as first_id from ids where kind = 'invoice'";

/// How a script ends that ends its transaction.
const COMMIT: &str = ";\ncommit";

/// Writes these renewals in one visit.
pub(super) async fn in_one_visit(
    round: &mut Round,
    seller: &Seller,
    new: &[&NewInvoice],
    at: Timestamp,
    run: Option<RunId>,
    stays_open: bool,
) -> Result<Attempt> {
    let stale = round.stale(seller.id, new).await?;
    if !stale.is_empty() {
        return Ok(Attempt::Stale(stale));
    }
    let steps = by_place(seller, new, at, run)?;
    let make = async || Ok::<_, StoreError>(Some(&*Box::leak(script(&steps).into_boxed_str())));
    let way = Way::of(new.iter().copied(), run);
    let script = round.store.renewal_call(way).get_or_try_init(make).await?.unwrap_or_default();
    let (before, width, after) = around_numbers(seller, new);
    let values = params![
        seller.id.0,
        series(seller, new),
        count(new.len()),
        count(mails(new)),
        count(claims(new)),
        before,
        width,
        after,
        count(events(new)),
    ];
    let rows = steps.into_iter().map(|(_, rows)| rows).collect();
    let answered = if stays_open {
        round.is_open = true;
        round.conn().await?.call(script.strip_suffix(COMMIT).unwrap_or(script), values, rows).await?
    } else {
        round.conn().await?.finish(script, values, rows).await?
    };
    let one = |name| {
        let row = answered.iter().find(|row| row.has(name));
        row.ok_or_else(|| StoreError::Statement(sqlx::Error::RowNotFound))?.int(name)
    };
    let first_number = one("first")?;
    let first_id = one("first_id")?;
    Ok(Attempt::Written { ids: (first_id..).take(new.len()).map(InvoiceId).collect(), first_number })
}

/// All steps, the counters, and the commit.
fn script(steps: &[(&'static str, Rows)]) -> String {
    let mut script = Vec::new();
    let mut parameter = SCALARS + 1;
    for (text, rows) in steps {
        if *text == INSERT_INVOICES {
            script.push(TAKE_NUMBERS.to_owned());
        }
        let distance = rows.fields(parameter).find(|(name, _)| *name == "series_number").map(|(_, field)| field);
        let columns = rows.fields(parameter).map(|(name, field)| {
            let value = match Given::of(text, name) {
                Given::AsSent => field,
                Given::Invoice => id_at("invoice", &field),
                Given::Outbox => id_at("outbox", &field),
                Given::Audit => id_at("audit", &field),
                Given::Event => id_at("event", &field),
                Given::SeriesNumber => number_at(&field),
                Given::Number => {
                    format!("$6 || printf('%0*d', $7, {}) || $8", number_at(distance.as_deref().unwrap_or("0")))
                }
            };
            format!("{value} as {name}")
        });
        script.push(text.replace("{rows}", &json_table(parameter, columns)));
        parameter += 1 + rows.same.len();
    }
    script.push(USE_IDS.to_owned());
    script.join(";\n") + COMMIT
}

/// The legal number at this distance from the first of those that were just taken.
fn number_at(distance: &str) -> String {
    format!(
        "((select next_number - $3 from number_series where seller_id = $1 and kind = 'invoice' and fiscal_year = $2) \
        + {distance})"
    )
}

/// The id at this place, from 1, among those that will be used up.
fn id_at(kind: &str, place: &str) -> String {
    format!("(select next - 1 from ids where kind = '{kind}') + {place}")
}
