//! The ceiling: many renewals written by a handful of statements in one transaction, without HTTP.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::digest::{self, DIGITS_OF_DIGEST, Head, Line, Profile, Sql};
use crate::floor;

/// Renewals in one transaction at most.
pub const CEILING_RENEWALS: usize = 100_000;

const SQL: &str = include_str!("ceiling.sql");
const SELLER_FIELDS: &str = "'name', e.name, 'address1', e.address1, 'address2', e.address2, 'postcode', e.postcode, \
    'city', e.city, 'country', e.country, 'vatNumber', e.vat_number, 'companyNumber', e.company_number, \
    'email', e.email, 'iban', e.iban, 'bic', e.bic, 'bankgiro', e.bankgiro";
const BUYER_FIELDS: &str = "'kind', c.kind, 'name', c.name, 'company', c.company, 'email', c.email, \
    'address1', c.address1, 'address2', c.address2, 'postcode', c.postcode, 'city', c.city, 'country', c.country, \
    'vatNumber', c.vat_number, 'language', c.language";

/// What the words of the text mean.
type Words = &'static [(&'static str, &'static str)];

const POSTGRES: Words = &[
    ("{begin}", "begin"),
    ("{next invoice}", "nextval('ids_invoice')"),
    ("{next outbox}", "nextval('ids_outbox')"),
    ("{next audit}", "nextval('ids_audit')"),
    ("{advance ids}", ""),
    ("{analyze}", "analyze bench_plan; analyze bench_lines; analyze bench_taxes;"),
    ("{no addon}", "null::bigint"),
    ("{net}", "sum(net)::bigint"),
    ("{join}", "string_agg"),
    ("{joined}", ", ''::bytea order by line"),
    ("{day of}", "to_char("),
    ("{as number}", ", 'YYYYMMDD')::bigint"),
    ("{today}", "current_date"),
    ("{now in microseconds}", "(extract(epoch from now()) * 1000000)::bigint"),
    ("{now}", "now()"),
    ("{false}", "false"),
    ("{year}", "extract(year from current_date)::bigint"),
    (
        "{number}",
        "extract(year from current_date)::text || lpad((n.taken + b.nth)::text, \
        greatest(5, length((n.taken + b.nth)::text)), '0')",
    ),
    ("{period end}", "(s.anchor + make_interval(months => s.next_period::int + 1))::date"),
    ("{last day}", "(s.anchor + make_interval(months => s.next_period::int + 1))::date - 1"),
    ("{due}", "greatest(s.billed_through, current_date + e.payment_terms_days::int)"),
    ("{renew on}", "b.ends - (select lead_days::int from sellers where id = 1)"),
    ("{horizon}", "current_date + make_interval(months => e.renew_ahead_months::int)"),
    ("{object}", "json_build_object"),
    ("{text}", "::text"),
];

const SQLITE: Words = &[
    ("{begin}", "begin immediate"),
    ("{next invoice}", "(select next - 1 from ids where kind = 'invoice') + row_number() over (order by s.id)"),
    ("{next outbox}", "(select next - 1 from ids where kind = 'outbox') + nth"),
    ("{next audit}", "(select next - 1 from ids where kind = 'audit') + nth"),
    (
        "{advance ids}",
        "update ids set next = next + (select count(*) from bench_plan) where kind in ('invoice', 'outbox', 'audit');",
    ),
    ("{analyze}", "create index bench_taxes_of_invoice on bench_taxes (invoice_id);"),
    ("{no addon}", "null"),
    ("{net}", "sum(net)"),
    ("{join}", "bench_join"),
    ("{joined}", "order by line"),
    ("{day of}", "cast(replace("),
    ("{as number}", ", '-', '') as integer)"),
    ("{today}", "date('now')"),
    ("{now in microseconds}", "unixepoch() * 1000000"),
    ("{now}", "unixepoch() * 1000000"),
    ("{false}", "0"),
    ("{year}", "cast(strftime('%Y', 'now') as integer)"),
    ("{number}", "printf('%s%05d', strftime('%Y', 'now'), n.taken + b.nth)"),
    ("{period end}", "date(s.anchor, '+' || (s.next_period + 1) || ' months')"),
    ("{last day}", "date(s.anchor, '+' || (s.next_period + 1) || ' months', '-1 day')"),
    ("{due}", "max(s.billed_through, date('now', '+' || e.payment_terms_days || ' days'))"),
    ("{renew on}", "date(b.ends, '-' || (select lead_days from sellers where id = 1) || ' days')"),
    ("{horizon}", "date('now', '+' || e.renew_ahead_months || ' months')"),
    ("{object}", "json_object"),
    ("{text}", ""),
];

/// Renews the first services of a database and tells how long it took, commit included.
pub async fn renew(url: &str, renewals: usize) -> Result<Duration> {
    if let Some(file) = url.strip_prefix("sqlite:") {
        let sql = text(Sql::Sqlite, renewals);
        let connection = floor::open_sqlite(Path::new(file))?;
        digest::teach(&connection)?;
        let begun = Instant::now();
        connection.execute_batch(&sql).context("the ceiling's statements")?;
        return Ok(begun.elapsed());
    }
    let sql = text(Sql::Postgres, renewals);
    let mut connection = PgConnection::connect(url).await?;
    let begun = Instant::now();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.context("the ceiling's statements")?;
    let took = begun.elapsed();
    connection.close().await?;
    Ok(took)
}

/// Where the statements have what the digest is of.
const LINE: Line<'_> = Line {
    service: "service_id",
    addon: Some("addon_id"),
    product: "product_id",
    description: "description",
    quantity: "quantity_millionths",
    price: "price",
    net: "net",
    tax: Profile { country: "tax_country", category: "tax_category", rate: "tax_rate_ppm" },
    starts: "{day of}starts{as number}",
    ends: "{day of}ends{as number}",
    origin: "origin",
    price_id: "price_id",
};
const HEAD: Head<'_> = Head {
    customer: "b.customer_id",
    issued_on: "{day of}{today}{as number}",
    due_on: "{day of}b.due_on{as number}",
    issued_at: "{now in microseconds}",
    currency: "b.currency",
    net: "t.net",
    tax: "t.tax",
    total: "t.net + t.tax",
    rounding: "b.rounding",
    seller: "b.seller",
    buyer: "b.buyer",
};
const TAX: Profile<'_> = Profile { country: "t.tax_country", category: "t.tax_category", rate: "t.tax_rate_ppm" };

fn text(database: Sql, renewals: usize) -> String {
    let (head, tax) = (database.head(HEAD), database.tax(TAX, "t.net", "t.tax"));
    let (words, digest) = match database {
        Sql::Postgres => {
            (POSTGRES, format!("left(encode(sha256({head} || t.bytes || {tax}), 'hex'), {DIGITS_OF_DIGEST})"))
        }
        Sql::Sqlite => (SQLITE, format!("bench_digest({head}, t.bytes, {tax})")),
    };
    let sql = SQL
        .replace("{digest}", &digest)
        .replace("{line bytes}", &database.line(LINE))
        .replace("{limit}", &renewals.to_string())
        .replace("{seller json}", &format!("{{object}}({SELLER_FIELDS}){{text}}"))
        .replace("{buyer json}", &format!("{{object}}({BUYER_FIELDS}){{text}}"));
    words.iter().fold(sql, |sql, (word, meaning)| sql.replace(word, meaning))
}
