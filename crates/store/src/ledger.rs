//! The ledger: rows that each move an amount from one account to another.

use jiff::civil::Date;
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{Country, Money, ProductId, Rate, SellerId, TaxCategory, TaxProfile};

use crate::rows::Rows;
use crate::value::{Row, params};
use crate::{Conn, Result, Tx};

/// What one event has booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// What it was.
    pub source: Source,
    /// Its id among those.
    pub source_id: i64,
    /// Its place within what that event has booked.
    pub entry: i64,
    /// The day for which it was booked.
    pub booked_on: Date,
    /// The move.
    pub moved: Entry,
}

/// Books what an event moves.
pub async fn book(
    tx: &mut Tx,
    seller: SellerId,
    source: Source,
    source_id: i64,
    booked_on: Date,
    entries: impl IntoIterator<Item = Entry>,
) -> Result<()> {
    let entries = (1..).zip(entries).map(|(entry, moved)| (source_id, entry, moved)).collect();
    let (sql, rows) = entry_rows(seller, source, booked_on, entries);
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Entries of one kind of event on one day: the id of the event, the place within it, and the move.
pub(crate) fn entry_rows(
    seller: SellerId,
    source: Source,
    booked_on: Date,
    entries: Vec<(i64, i64, Entry)>,
) -> (&'static str, Rows) {
    let e = || entries.iter();
    let tax = || e().map(|(.., moved)| moved.tax);
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .same("source", source.as_str())
        .int("invoice_id", e().map(|(id, ..)| *id))
        .int("entry", e().map(|(_, entry, _)| *entry))
        .text("debit", e().map(|(.., moved)| moved.debit.as_str().to_owned()))
        .text("credit", e().map(|(.., moved)| moved.credit.as_str().to_owned()))
        .text("currency", e().map(|(.., moved)| moved.amount.currency.code().to_owned()))
        .int("amount_minor", e().map(|(.., moved)| moved.amount.minor))
        .same("booked_on", booked_on)
        .int("product_id", e().map(|(.., moved)| moved.product.map(|product| product.0)))
        .text("tax_country", tax().map(|tax| tax.map(|tax| tax.country.code().to_owned())))
        .text("tax_category", tax().map(|tax| tax.map(|tax| tax.category.code().to_owned())))
        .int("tax_rate_ppm", tax().map(|tax| tax.map(|tax| tax.rate.parts_per_million())));
    let sql = "insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on, \
        product_id, tax_country, tax_category, tax_rate_ppm) select seller_id, source, invoice_id, entry, debit, credit, \
        currency, amount_minor, booked_on, product_id, tax_country, tax_category, tax_rate_ppm from {rows}";
    (sql, rows)
}

/// Books the opposite of all that an event has booked.
pub(crate) async fn undo(tx: &mut Tx, seller: SellerId, source: Source, source_id: i64, booked_on: Date) -> Result<()> {
    let booked = of_event(tx, seller, source, source_id).await?;
    let after = booked.iter().map(|booked| booked.entry).max().unwrap_or(0);
    let undone = booked.iter().map(|booked| (source_id, after + booked.entry, booked.moved.undone())).collect();
    let (sql, rows) = entry_rows(seller, source, booked_on, undone);
    tx.execute_with(sql, rows).await?;
    Ok(())
}

/// Reads what was booked: all columns that make an entry.
macro_rules! select_booked {
    ($which:literal) => {
        concat!(
            "select source, source_id, entry, debit, credit, currency, amount_minor, booked_on, product_id, tax_country, ",
            "tax_category, tax_rate_ppm from ledger ",
            $which
        )
    };
}

/// What one event has booked, in order.
pub async fn of_event(conn: &mut Conn, seller: SellerId, source: Source, source_id: i64) -> Result<Vec<Booked>> {
    let sql = select_booked!("where seller_id = $1 and source = $2 and source_id = $3 order by entry");
    conn.rows(sql, params![seller.0, source.as_str(), source_id]).await?.iter().map(read).collect()
}

/// What was booked in a stretch of days, by kind of event and its id: one page, after this place.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    (from, through): (Date, Date),
    after: Option<(Source, i64, i64)>,
    limit: i64,
) -> Result<Vec<Booked>> {
    let sql = select_booked!(
        "where seller_id = $1 and (source, source_id, entry) > ($2, $3, $4) \
            and booked_on >= $5 and booked_on <= $6 order by source, source_id, entry limit $7"
    );
    let (source, source_id, entry) = after.map_or(("", 0, 0), |(source, id, entry)| (source.as_str(), id, entry));
    let values = params![seller.0, source, source_id, entry, from, through, limit];
    conn.rows(sql, values).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Booked> {
    let tax = match row.opt_text("tax_country")? {
        None => None,
        Some(_) => Some(TaxProfile {
            country: row.parsed::<Country>("tax_country")?,
            category: row.word("tax_category", TaxCategory::from_code)?,
            rate: Rate::from_parts_per_million(row.int("tax_rate_ppm")?),
        }),
    };
    Ok(Booked {
        source: row.word("source", Source::from_word)?,
        source_id: row.int("source_id")?,
        entry: row.int("entry")?,
        booked_on: row.date("booked_on")?,
        moved: Entry {
            debit: row.word("debit", Account::from_word)?,
            credit: row.word("credit", Account::from_word)?,
            amount: Money::new(row.int("amount_minor")?, row.parsed("currency")?),
            product: row.opt_int("product_id")?.map(ProductId),
            tax,
        },
    })
}
