//! Mail: what renewals lose while it is sent, how fast it can be sent, and how fast documents are made.

use std::io::Write as _;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tempfile::TempDir;

use crate::callers::{Callers, Question};
use crate::database::{Kind, Prepared};
use crate::process::{Usage, peak_rss_bytes};
use crate::report::Spread;
use crate::server::{Program, Server};
use crate::sink::Sink;
use crate::{Databases, number, run};

/// Callers that renew.
const CALLERS: usize = 32;
/// Documents that are put on paper.
const PAPERS: usize = 1_000;
/// Requests that warm up, and how long that may take.
const WARM_UP: (usize, Duration) = (256, Duration::from_secs(2));
/// How long the whole of the mails may take to be sent.
const PATIENCE: Duration = Duration::from_secs(600);
/// Mails that wait, untried.
const QUEUE: &str = "update outbox set state = 'queued', attempts = 0, next_attempt_at = created_at";

#[derive(Debug, Args)]
pub struct Post {
    /// Services in each database
    #[arg(long, value_name = "NUMBER", default_value_t = 60_000, value_parser = number(2_000..=10_000_000))]
    services: u64,
    /// Mails that wait when the renewals begin
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = number(1_000..=1_000_000))]
    mails: u64,
    /// Which databases
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// How often each is measured
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = number(1..=100))]
    repeat: u64,
    /// Seconds of load
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = number(1..=3_600))]
    seconds: u64,
    /// Measure this program instead of building the workspace's own
    #[arg(long, value_name = "FILE")]
    program: Option<std::path::PathBuf>,
}

/// What one server does about mail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// Nothing.
    Nothing,
    /// As many a minute as by default.
    Usual,
    /// As many as it can.
    Unlimited,
}

impl Sending {
    const ALL: [Self; 3] = [Self::Nothing, Self::Usual, Self::Unlimited];

    fn config(self, sink: &Sink) -> String {
        let server = format!("[mail]\nhost = \"localhost\"\nport = {}\nsecurity = \"none\"\n", sink.port);
        match self {
            Self::Nothing => String::new(),
            Self::Usual => server,
            Self::Unlimited => server + "per_minute = 0\n",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no mail",
            Self::Usual => "mail at its usual pace",
            Self::Unlimited => "mail without a limit",
        }
    }
}

impl Post {
    pub async fn all(&self) -> Result<()> {
        eprintln!("building perennial");
        let program = Program::at_or_built(self.program.as_deref())?;
        say(format!("{}, {} mails wait, {CALLERS} callers", program.origin, self.mails))?;
        for kind in self.database.kinds() {
            let (services, mails) = (usize::try_from(self.services)?, usize::try_from(self.mails)?);
            eprintln!("{}: making {services} services", kind.name());
            let database = Prepared::make(kind, services, mails.min(services / 2)).await?;
            self.renewals(&database, &program).await.with_context(|| kind.name())?;
            self.sending(&database, &program, kind).with_context(|| kind.name())?;
            papers(&database, &program, kind).with_context(|| kind.name())?;
        }
        Ok(())
    }

    /// Renewals while mails are sent, beside renewals while none is.
    async fn renewals(&self, database: &Prepared, program: &Program) -> Result<()> {
        let mut rates = [const { Vec::new() }; 3];
        let mut sent = [const { Vec::new() }; 3];
        for _ in 0..self.repeat {
            // In turns, so that a noisy neighbour disturbs all alike.
            for (place, sending) in Sending::ALL.into_iter().enumerate() {
                let (rate, mails) = self.round(database, program, sending).await?;
                eprintln!("{}: {rate:.0} renewals/s, {mails:.0} mails/s", sending.name());
                rates[place].push(rate);
                sent[place].push(mails);
            }
        }
        let alone = Spread::of(rates[0].iter().copied()).median;
        for (place, sending) in Sending::ALL.into_iter().enumerate() {
            let rate = Spread::of(rates[place].iter().copied());
            let mails = Spread::of(sent[place].iter().copied()).median;
            say(format!(
                "{}, {}: {:.0} ({:.0}–{:.0}) renewals/s, {:.2} of those without mail, beside {mails:.0} mails/s",
                database.kind().name(),
                sending.name(),
                rate.median,
                rate.min,
                rate.max,
                rate.median / alone
            ))?;
        }
        Ok(())
    }

    async fn round(&self, database: &Prepared, program: &Program, sending: Sending) -> Result<(f64, f64)> {
        let copy = database.copy()?;
        copy.sql(QUEUE)?;
        let sink = Sink::start()?;
        let server = program.serve_with(&copy.url, &sending.config(&sink))?;
        let api_key = database.provider.api_key.clone();
        let question = Question::Renew { api_key, services: Arc::clone(&database.provider.services) };
        let mut callers = Callers::connect(server.address, CALLERS, question).await?;
        callers.ask(WARM_UP.0, WARM_UP.1).await?;
        let before = sink.mails();
        let answers = callers.ask(usize::MAX, Duration::from_secs(self.seconds)).await?;
        let mails = sink.mails() - before;
        ensure!(!callers.are_done(), "the services ran out: there have to be more");
        ensure!((mails > 0) == (sending != Sending::Nothing), "{mails} mails: {}", server.log());
        drop(callers);
        server.stop()?;
        program.doctor(&copy.url)?;
        copy.remove()?;
        Ok((answers.rate(), mails as f64 / answers.wall.as_secs_f64()))
    }

    /// All mails as fast as they can be sent.
    fn sending(&self, database: &Prepared, program: &Program, kind: Kind) -> Result<()> {
        let copy = database.copy()?;
        copy.sql(QUEUE)?;
        let sink = Sink::start()?;
        let waiting = copy.sql("select count(*) from outbox where state = 'queued'")?.trim().parse::<u64>()?;
        let server: Server = program.serve_with(&copy.url, &Sending::Unlimited.config(&sink))?;
        let before = Usage::of(server.pid())?;
        let begun = Instant::now();
        while sink.mails() < waiting {
            ensure!(begun.elapsed() < PATIENCE, "{} of {waiting} mails: {}", sink.mails(), server.log());
            sleep(Duration::from_millis(5));
        }
        let seconds = begun.elapsed().as_secs_f64();
        let cpu = Usage::of(server.pid())?.since(before).cpu_seconds;
        let peak = peak_rss_bytes(server.pid())? / 1_048_576;
        server.stop()?;
        let left = copy.sql("select count(*) from outbox where state <> 'sent'")?;
        ensure!(left.trim() == "0" && sink.mails() == waiting, "{left} left, {} taken", sink.mails());
        copy.remove()?;
        say(format!(
            "{}: {waiting} mails of {} KiB in {seconds:.1} s = {:.0}/s, {:.1} ms CPU each, {peak} MiB",
            kind.name(),
            sink.bytes() / waiting / 1_024,
            waiting as f64 / seconds,
            cpu * 1e3 / waiting as f64
        ))?;
        Ok(())
    }
}

/// Documents on paper, each with its e-invoice inside.
fn papers(database: &Prepared, program: &Program, kind: Kind) -> Result<()> {
    let copy = database.copy()?;
    let folder = TempDir::with_prefix("perennial-bench-")?;
    let ids = copy.sql(&format!("select id from invoices order by id limit {PAPERS}"))?;
    let ids: Vec<&str> = ids.lines().collect();
    let out = folder.path().join("papers");
    let out = out.to_str().context("a path")?;
    let arguments = [&["invoice", "pdf"], ids.as_slice(), &["--out", out]].concat();
    let begun = Instant::now();
    let mut child = program.start(folder.path(), &copy.url, &arguments)?;
    let peak = run::wait(&mut child)? / 1_048_576;
    let seconds = begun.elapsed().as_secs_f64();
    let made = std::fs::read_dir(out)?.count();
    ensure!(made == ids.len(), "{made} documents");
    copy.remove()?;
    say(format!(
        "{}: {made} PDFs with their e-invoices in {seconds:.2} s = {:.0}/s, {peak} MiB",
        kind.name(),
        made as f64 / seconds
    ))?;
    Ok(())
}

/// A line of the result.
fn say(line: String) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
