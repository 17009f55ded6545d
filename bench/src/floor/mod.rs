//! The floor: what a careful person writes by hand for one renewal on this schema, behind the smallest server that
//! answers. No key is checked, no limit counted, no price source asked, and nothing is committed together.

mod sqlite;

pub use sqlite::open as open_sqlite;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::digest::{DIGITS_OF_DIGEST, Head, Line, Profile, Sql};

/// Connections to PostgreSQL: on two cores more are slower (reference/perf.md, 1c).
const POSTGRES_CONNECTIONS: u32 = 8;
/// Bytes of the answer to `GET /static`: about as long as the answer to a renewal.
const STATIC_BYTES: usize = 417;

/// Makes the function that renews one service on PostgreSQL.
pub fn postgres_function() -> String {
    let tax = Profile { country: "f.country", category: "'S'", rate: "f.rate" };
    let line = Line {
        service: "the_service",
        addon: None,
        product: "f.product_id",
        description: "line_text",
        quantity: "f.quantity_millionths",
        price: "f.price",
        net: "net",
        tax,
        starts: "starts_number",
        ends: "ends_number",
        origin: "origin",
        price_id: "f.price_id",
    };
    let addon = Line {
        addon: Some("a.id"),
        product: "a.product_id",
        quantity: "a.quantity_millionths",
        price: "a.price",
        net: "line_net",
        price_id: "a.price_id",
        ..line
    };
    let head = Head {
        customer: "f.customer_id",
        issued_on: "today_number",
        due_on: "to_char(due_day, 'YYYYMMDD')::bigint",
        issued_at: "microseconds",
        currency: "f.currency",
        net: "net",
        tax: "tax",
        total: "total",
        rounding: "f.rounding",
        seller: "f.seller",
        buyer: "f.buyer",
    };
    let sql = Sql::Postgres;
    include_str!("renew.postgres.sql")
        .replace("{digits}", &DIGITS_OF_DIGEST.to_string())
        .replace("{line bytes}", &sql.line(line))
        .replace("{addon bytes}", &sql.line(addon))
        .replace("{tax bytes}", &sql.tax(tax, "net", "tax"))
        .replace("{head bytes}", &sql.head(head))
}

/// How one renewal is written.
#[derive(Debug, Clone)]
enum Writer {
    /// One call of one function, through a pool.
    Postgres(PgPool),
    /// One thread with one connection.
    Sqlite(sqlite::Writer),
}

/// Answers until SIGTERM.
pub async fn serve(url: &str, listen: SocketAddr) -> Result<()> {
    let writer = match url.strip_prefix("sqlite:") {
        Some(file) => Writer::Sqlite(sqlite::Writer::start(file.into())),
        None => {
            let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).connect(url).await;
            Writer::Postgres(pool.context("cannot connect to the database")?)
        }
    };
    let fixed: Arc<str> = static_body().into();
    let router = Router::new()
        .route("/static", get(async move || json(fixed.to_string())))
        .route("/api/services/{id}/renew", post(renew))
        .with_state(writer);
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        terminate.recv().await;
    };
    let listener = TcpListener::bind(listen).await.context("cannot listen")?;
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop).await?)
}

async fn renew(State(writer): State<Writer>, Path(service): Path<i64>) -> Response {
    match writer.renew(service).await {
        Ok(invoice) => json(body(&invoice.to_string())),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

impl Writer {
    async fn renew(&self, service: i64) -> Result<i64> {
        match self {
            Self::Postgres(pool) => {
                Ok(sqlx::query_scalar("select bench_renew($1)").bind(service).fetch_one(pool).await?)
            }
            Self::Sqlite(writer) => writer.renew(service).await,
        }
    }
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The documented answer with everything fixed but the invoice.
fn body(invoice: &str) -> String {
    format!(
        "{{\"success\":true,\"timestamp\":\"2026-02-10T00:00:00.000Z\",\
         \"requestId\":\"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba\",\"data\":{{\"success\":true,\"invoiceId\":\"{invoice}\",\
         \"message\":\"Renewal invoice generated successfully\",\
         \"info\":[\"Invoice sent to client\",\"Invoice generated\"],\"serviceType\":\"3\",\
         \"raw\":{{\"success\":true,\"invoice_id\":\"{invoice}\",\"call\":\"generateNextInvoice\",\
         \"server_time\":1768288786,\"info\":[\"Invoice sent to client\",\"Invoice generated\"]}}}}}}"
    )
}

/// An answer of exactly [`STATIC_BYTES`].
fn static_body() -> String {
    let (before, after) = ("{\"success\":true,\"data\":\"", "\"}");
    let filling = "-".repeat(STATIC_BYTES - before.len() - after.len());
    format!("{before}{filling}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_static_answer_has_the_length_it_claims() {
        assert_eq!(static_body().len(), STATIC_BYTES);
    }
}
