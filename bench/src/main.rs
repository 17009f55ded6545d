//! Measures the renew call: the real server over HTTP, beside a floor written by hand for the same schema, on the same
//! machine, in the same minutes. A run that wrote anything wrong has no table.

#![allow(clippy::disallowed_types, clippy::float_arithmetic, reason = "ratios of measurements")]

mod callers;
mod ceiling;
mod cell;
mod database;
mod digest;
mod floor;
mod post;
mod process;
mod provider;
mod report;
mod run;
mod server;
mod sink;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use perennial_app::Clock;

use crate::ceiling::CEILING_RENEWALS;
use crate::cell::{Cell, Contender};
use crate::database::{Kind, Prepared};
use crate::report::{Conditions, DatabaseReport, Pair, Report, Row, Spread};
use crate::run::Runs;
use crate::server::Program;

/// Callers of the fixed answer.
const FIXED_CONNECTIONS: [usize; 2] = [32, 128];

/// Measure the renew call of the real server beside a hand-written floor on the same schema and machine.
///
/// Builds and starts `perennial serve` on a fresh database for every cell, renews over HTTP, checks every row that was
/// written, and compares with a bare server that does one hand-written transaction per renewal (F) and with set-based SQL
/// in one transaction (C). Needs PostgreSQL's programs, psql and sqlite3, as scripts/test does.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 measured, 1 something failed or was written wrong (and no table), 2 wrong usage.\n\
                  Data is kept in the temporary folder: set TMPDIR to measure another disk."
)]
struct Arguments {
    #[command(subcommand)]
    child: Option<Child>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Child {
    /// Measure mail: what renewals lose while thousands of mails are sent, how fast those can be sent, and how fast papers
    /// are made
    Post(post::Post),
    /// The floor's server; started by the benchmark itself
    #[command(hide = true)]
    FloorServer {
        #[arg(long)]
        url: String,
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

impl Databases {
    /// Each of them.
    fn kinds(self) -> Vec<Kind> {
        match self {
            Self::Sqlite => vec![Kind::Sqlite],
            Self::Postgres => vec![Kind::Postgres],
            Self::Both => vec![Kind::Sqlite, Kind::Postgres],
        }
    }
}

#[derive(Debug, Args)]
struct Run {
    /// Services in each database; a cell ends early when all of them are renewed
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = number(10..=10_000_000))]
    services: u64,
    /// Of these, how many were renewed and paid once before: an installation that has been in use
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    history: u64,
    /// Which databases
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// Numbers of callers, each with one connection
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_values_t = [1, 8, 32, 128], value_parser = number(1..=2_000))]
    connections: Vec<u64>,
    /// How often each cell is measured
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = number(1..=100))]
    repeat: u64,
    /// Seconds of load in each cell
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = number(1..=3_600))]
    seconds: u64,
    /// Also write everything that was measured to this file, as JSON
    #[arg(long, visible_alias = "out", value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the tables to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Measure this program instead of building the workspace's own
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

fn number(range: std::ops::RangeInclusive<u64>) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(range)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.child {
        Some(Child::FloorServer { url, listen }) => {
            runtime(tokio::runtime::Builder::new_multi_thread(), floor::serve(&url, listen))
        }
        Some(Child::Post(post)) => runtime(tokio::runtime::Builder::new_current_thread(), post.all()),
        // One thread is enough to ask, and leaves the cores to those who answer.
        None => runtime(tokio::runtime::Builder::new_current_thread(), arguments.run.all()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime(mut builder: tokio::runtime::Builder, work: impl Future<Output = Result<()>>) -> Result<()> {
    builder.enable_all().build().context("cannot start")?.block_on(work)
}

impl Run {
    async fn all(&self) -> Result<()> {
        eprintln!("building perennial");
        let program = Program::at_or_built(self.program.as_deref())?;
        let mut fixed_answers = Vec::new();
        let mut databases = Vec::new();
        for kind in self.database.kinds() {
            eprintln!("{}: making {} services", kind.name(), self.services);
            let database = Prepared::make(kind, usize::try_from(self.services)?, self.history()?).await?;
            if fixed_answers.is_empty() {
                fixed_answers = self.fixed_answers(&database).await?;
            }
            databases.push(self.database(&database, &program).await.with_context(|| kind.name())?);
        }
        let report = Report { conditions: self.conditions(&program)?, fixed_answers, databases };
        let markdown = report.markdown();
        if let Some(file) = &self.json {
            write(file, &(serde_json::to_string_pretty(&report)? + "\n"))?;
        }
        if let Some(file) = &self.markdown {
            write(file, &markdown)?;
        }
        std::io::stdout().write_all(markdown.as_bytes()).context("cannot print")
    }

    fn history(&self) -> Result<usize> {
        Ok(usize::try_from(self.history.min(self.services))?)
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    async fn fixed_answers(&self, database: &Prepared) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for connections in FIXED_CONNECTIONS {
            let mut cells = Vec::new();
            for _ in 0..self.repeat {
                let cell = cell::fixed_answers(database, connections, self.time()).await?;
                tell("fixed answer", connections, &cell);
                cells.push(cell);
            }
            rows.push(Row::of(connections, cells));
        }
        Ok(rows)
    }

    async fn database(&self, database: &Prepared, program: &Program) -> Result<DatabaseReport> {
        let ceiling_renewals = database.provider.services.len().min(CEILING_RENEWALS);
        let ceiling = self.ceiling(database, program, ceiling_renewals).await?;
        let runs = self.runs(database, program, ceiling)?;
        let mut rows = Vec::new();
        for connections in &self.connections {
            let connections = usize::try_from(*connections)?;
            let (mut ours, mut floor) = (Vec::new(), Vec::new());
            for turn in 1..=self.repeat {
                // In turns, so that a noisy neighbour disturbs both alike.
                for (contender, cells) in [(Contender::Floor, &mut floor), (Contender::Ours, &mut ours)] {
                    let is_last = turn == self.repeat;
                    let cell = cell::renewals(database, program, contender, connections, self.time(), is_last).await;
                    let cell = cell.with_context(|| format!("{}, {connections} connections", contender.name()))?;
                    tell(contender.name(), connections, &cell);
                    cells.push(cell);
                }
            }
            rows.push(Pair::of(connections, Row::of(connections, ours), Row::of(connections, floor), ceiling));
        }
        Ok(DatabaseReport {
            database: database.kind(),
            version: database.version()?,
            ceiling,
            ceiling_renewals,
            runs,
            rows,
        })
    }

    fn runs(&self, database: &Prepared, program: &Program, ceiling: Spread) -> Result<Runs> {
        let due = database.provider.services.len();
        let (mut seconds, mut peaks) = (Vec::new(), Vec::new());
        for turn in 1..=self.repeat {
            let (took, peak) = run::renew(database, program, turn == self.repeat)?;
            eprintln!("run: {due} renewals in {took:.2} s = {:.0}/s, {peak:.0} MiB", due as f64 / took);
            seconds.push(took);
            peaks.push(peak);
        }
        Ok(Runs::of(due, &seconds, &peaks, ceiling))
    }

    async fn ceiling(&self, database: &Prepared, program: &Program, renewals: usize) -> Result<Spread> {
        let mut rates = Vec::new();
        for turn in 1..=self.repeat {
            let copy = database.copy()?;
            let took = ceiling::renew(&copy.url, renewals).await?;
            // The first ones by id.
            let mut services = database.provider.services.to_vec();
            services.sort_unstable();
            copy.check(services.into_iter().take(renewals), None).context("the ceiling")?;
            if turn == self.repeat {
                program.doctor(&copy.url).context("the ceiling")?;
            }
            copy.remove()?;
            rates.push(renewals as f64 / took.as_secs_f64());
            eprintln!("ceiling: {renewals} renewals in {:.2} s", took.as_secs_f64());
        }
        Ok(Spread::of(rates.into_iter()))
    }

    fn conditions(&self, program: &Program) -> Result<Conditions> {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Conditions {
            at: Clock::System.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            program: program.origin.clone(),
            cpu: cpu.map_or("unknown", |(_, name)| name).to_owned(),
            cores: available_parallelism().map_or(1, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            services: usize::try_from(self.services)?,
            history: self.history()?,
            seconds: self.seconds,
            repeat: usize::try_from(self.repeat)?,
        })
    }
}

fn tell(who: &str, connections: usize, cell: &Cell) {
    let Cell { requests, seconds, rate, p50_us, p99_us, others_percent, ran_out, .. } = cell;
    let note = if *ran_out { ", out of services" } else { "" };
    eprintln!(
        "{who}, {connections} connections: {requests} in {seconds:.2} s = {rate:.0}/s, p50 {p50_us:.0} µs, \
         p99 {p99_us:.0} µs, others {others_percent:.0} %{note}"
    );
}

fn write(file: &Path, text: &str) -> Result<()> {
    ensure!(!file.is_dir(), "{} is a folder", file.display());
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
