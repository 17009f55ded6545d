//! One cell of the table: a fresh database, a fresh server, one number of callers, a few seconds of load, and the check of
//! what was written.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::callers::{Answers, Callers, Question};
use crate::database::Prepared;
use crate::process::{self, Usage};
use crate::server::{Program, Server};

/// Requests that open connections, prepare statements and fill caches, and are not measured.
const WARM_UP_REQUESTS: usize = 256;
/// Of the services at most this part is spent on warming up.
const WARM_UP_PART: usize = 10;
/// How long warming up may take.
const WARM_UP_TIME: Duration = Duration::from_secs(2);

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// The program.
    Ours,
    /// The floor's server.
    Floor,
}

impl Contender {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Floor => "floor",
        }
    }
}

/// What one cell came to.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// Requests measured.
    pub requests: usize,
    /// From the first question to the last answer, in seconds.
    pub seconds: f64,
    /// Requests per second.
    pub rate: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile.
    pub p999_us: f64,
    /// CPU time of the server per request, in milliseconds.
    pub server_cpu_ms: f64,
    /// CPU time of the database's own processes per request, in milliseconds.
    pub database_cpu_ms: f64,
    /// CPU time of the load generator per request, in milliseconds.
    pub callers_cpu_ms: f64,
    /// The most memory the server had resident, in mebibytes.
    pub peak_rss_mib: f64,
    /// Bytes written by the server and the database's own processes, per request, its answer included.
    pub written_bytes: f64,
    /// Bytes of the page cache they made dirty, per request, as the kernel counts them.
    pub dirtied_bytes: f64,
    /// The part of the machine's cores, in per cent, that was used by processes which are no part of this.
    pub others_percent: f64,
    /// The load average just before.
    pub load_average: String,
    /// Whether the services ran out before the time did.
    pub ran_out: bool,
}

/// Counters of everyone who takes part.
#[derive(Clone, Copy)]
struct Counters {
    server: Usage,
    database: Usage,
    callers: Usage,
    machine_seconds: f64,
}

impl Counters {
    fn read(server: &Server, database: &Prepared) -> Result<Self> {
        Ok(Self {
            server: Usage::of(server.pid())?,
            database: database.usage()?,
            callers: Usage::of(std::process::id())?,
            machine_seconds: process::machine_busy_seconds()?,
        })
    }
}

/// Measures one cell and checks every row it wrote; `is_last` has `perennial doctor` look at the database too.
pub async fn renewals(
    database: &Prepared,
    program: &Program,
    contender: Contender,
    callers: usize,
    time: Duration,
    is_last: bool,
) -> Result<Cell> {
    let copy = database.copy()?;
    let load_average = process::load_average();
    let server = match contender {
        Contender::Ours => program.serve(&copy.url)?,
        Contender::Floor => Server::floor(&copy.url)?,
    };
    let api_key = database.provider.api_key.clone();
    let question = Question::Renew { api_key, services: Arc::clone(&database.provider.services) };
    let outcome = async {
        let mut callers = Callers::connect(server.address, callers, question).await?;
        let warm_up = WARM_UP_REQUESTS.min(database.provider.services.len() / WARM_UP_PART);
        let warmed = callers.ask(warm_up, WARM_UP_TIME).await.context("while warming up")?;
        let before = Counters::read(&server, database)?;
        let answers = callers.ask(usize::MAX, time).await?;
        let after = Counters::read(&server, database)?;
        anyhow::Ok((warmed, answers, before, after, callers.are_done()))
    };
    let (warmed, answers, before, after, ran_out) =
        outcome.await.with_context(|| format!("the server said: {}", server.log()))?;
    let peak_rss_bytes = process::peak_rss_bytes(server.pid())?;
    server.stop()?;
    let invoices = [warmed.invoices, answers.invoices.clone()].concat();
    copy.check(invoices.iter().map(|(service, _)| *service), Some(&invoices))?;
    if is_last {
        program.doctor(&copy.url)?;
    }
    copy.remove()?;
    Ok(Cell { peak_rss_mib: mebibytes(peak_rss_bytes), load_average, ran_out, ..cell(&answers, before, after) })
}

/// Measures the smallest answer a server can give: what HTTP itself costs.
pub async fn fixed_answers(database: &Prepared, callers: usize, time: Duration) -> Result<Cell> {
    let copy = database.copy()?;
    let load_average = process::load_average();
    let server = Server::floor(&copy.url)?;
    let mut callers = Callers::connect(server.address, callers, Question::Static).await?;
    callers.ask(WARM_UP_REQUESTS, WARM_UP_TIME).await?;
    let before = Counters::read(&server, database)?;
    let answers = callers.ask(usize::MAX, time).await?;
    let after = Counters::read(&server, database)?;
    let peak_rss_bytes = process::peak_rss_bytes(server.pid())?;
    drop(callers);
    server.stop()?;
    copy.remove()?;
    Ok(Cell { peak_rss_mib: mebibytes(peak_rss_bytes), load_average, ..cell(&answers, before, after) })
}

fn cell(answers: &Answers, before: Counters, after: Counters) -> Cell {
    let requests = answers.latencies.len();
    let seconds = answers.wall.as_secs_f64();
    let server = after.server.since(before.server);
    let database = after.database.since(before.database);
    let callers = after.callers.since(before.callers);
    let ours = server.cpu_seconds + database.cpu_seconds + callers.cpu_seconds;
    let cores = available_parallelism().map_or(1, usize::from) as f64;
    let others = (after.machine_seconds - before.machine_seconds - ours).max(0.0) / (seconds * cores);
    let each = |total: f64| total / requests.max(1) as f64;
    Cell {
        requests,
        seconds,
        rate: answers.rate(),
        p50_us: answers.latency_us(500),
        p99_us: answers.latency_us(990),
        p999_us: answers.latency_us(999),
        server_cpu_ms: each(server.cpu_seconds * 1e3),
        database_cpu_ms: each(database.cpu_seconds * 1e3),
        callers_cpu_ms: each(callers.cpu_seconds * 1e3),
        peak_rss_mib: 0.0,
        written_bytes: each((server.written_bytes + database.written_bytes) as f64),
        dirtied_bytes: each((server.dirtied_bytes + database.dirtied_bytes) as f64),
        others_percent: others * 100.0,
        load_average: String::new(),
        ran_out: false,
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
