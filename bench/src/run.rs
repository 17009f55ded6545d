//! The renewal run: a fresh database in which everything is due, `perennial run`, and the check of what it wrote.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tempfile::TempDir;

use crate::database::Prepared;
use crate::process::peak_rss_bytes;
use crate::report::Spread;
use crate::server::Program;

/// How often the program's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What the runs of one database came to.
#[derive(Debug, Clone, Serialize)]
pub struct Runs {
    /// Services that were due, each with an invoice of its own.
    pub due: usize,
    /// Renewals per second, from the start of the program to its end.
    pub rate: Spread,
    /// The most memory the program had resident, in mebibytes.
    pub peak_rss_mib: Spread,
    /// The rate in parts of the ceiling.
    pub ceiling_ratio: f64,
}

impl Runs {
    /// Runs that took so long and so much memory.
    pub fn of(due: usize, seconds: &[f64], peaks_mib: &[f64], ceiling: Spread) -> Self {
        let rate = Spread::of(seconds.iter().map(|seconds| due as f64 / seconds));
        let peak_rss_mib = Spread::of(peaks_mib.iter().copied());
        Self { due, ceiling_ratio: rate.median / ceiling.median, rate, peak_rss_mib }
    }
}

/// Renews everything by one run; its seconds and its memory in mebibytes.
pub fn renew(database: &Prepared, program: &Program, is_last: bool) -> Result<(f64, f64)> {
    let copy = database.copy()?;
    let folder = TempDir::with_prefix("perennial-bench-")?;
    let begun = Instant::now();
    let mut child = program.start(folder.path(), &copy.url, &["run"])?;
    let peak = wait(&mut child)?;
    let seconds = begun.elapsed().as_secs_f64();
    copy.check(database.provider.services.iter().copied(), None).context("the run")?;
    if is_last {
        program.doctor(&copy.url).context("the run")?;
    }
    copy.remove()?;
    Ok((seconds, peak as f64 / (1024.0 * 1024.0)))
}

/// Waits for a program that must succeed, and tells the most memory it was seen with.
pub fn wait(child: &mut Child) -> Result<u64> {
    let mut peak = 0;
    loop {
        // It may end between two looks.
        peak = peak_rss_bytes(child.id()).unwrap_or(peak).max(peak);
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "perennial failed ({status})");
            return Ok(peak);
        }
        sleep(LOOK_EVERY);
    }
}

impl Program {
    /// Starts a command on a database, its configuration in this folder, its output unread.
    pub fn start(&self, folder: &Path, database: &str, arguments: &[&str]) -> Result<Child> {
        let mut command = self.with_config(folder, database)?;
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().with_context(|| format!("cannot run {command:?}"))
    }
}
