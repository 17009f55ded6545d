//! What was measured, as a table for people and as JSON for programs.

use std::fmt::Write;

use serde::Serialize;

use crate::cell::Cell;
use crate::database::Kind;
use crate::run::Runs;

/// A cell in which others used more of the machine than this says little.
const NOISY_PERCENT: f64 = 10.0;

/// Everything that one run measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where and how.
    pub conditions: Conditions,
    /// What HTTP itself costs: the floor server's fixed answer.
    pub fixed_answers: Vec<Row>,
    /// Each database by itself.
    pub databases: Vec<DatabaseReport>,
}

/// Where and how a run was made.
#[derive(Debug, Serialize)]
pub struct Conditions {
    /// When it ended.
    pub at: String,
    /// The program that was measured: the commit it was built from, with `+` if files had been changed since, or its path.
    pub program: String,
    /// The processor.
    pub cpu: String,
    /// Its cores.
    pub cores: usize,
    /// The kernel.
    pub kernel: String,
    /// Services in each prepared database.
    pub services: usize,
    /// Of these, how many had been renewed and paid once before.
    pub history: usize,
    /// Seconds of load in each cell, unless the services run out.
    pub seconds: u64,
    /// How often each cell was measured.
    pub repeat: usize,
}

/// One database.
#[derive(Debug, Serialize)]
pub struct DatabaseReport {
    /// Which.
    pub database: Kind,
    /// Its version.
    pub version: String,
    /// Renewals per second, written by a handful of statements in one transaction without HTTP.
    pub ceiling: Spread,
    /// Renewals in that transaction.
    pub ceiling_renewals: usize,
    /// The renewal run.
    pub runs: Runs,
    /// By the number of callers.
    pub rows: Vec<Pair>,
}

/// The program and its floor with the same number of callers.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// Callers, each with one connection.
    pub connections: usize,
    /// The program.
    pub ours: Row,
    /// The floor.
    pub floor: Row,
    /// The program's rate in parts of the floor's.
    pub rate_ratio: f64,
    /// The program's median latency in parts of the floor's.
    pub p50_ratio: f64,
    /// The program's CPU time, with the database's, in parts of the floor's.
    pub cpu_ratio: f64,
    /// The program's rate in parts of the ceiling.
    pub ceiling_ratio: f64,
}

/// One contender with one number of callers, over all repeats.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Callers.
    pub connections: usize,
    /// Requests per second.
    pub rate: Spread,
    /// Latencies in microseconds.
    pub p50_us: Spread,
    /// 99th percentile.
    pub p99_us: Spread,
    /// 99.9th percentile.
    pub p999_us: Spread,
    /// CPU time per request, in milliseconds.
    pub server_cpu_ms: Spread,
    /// Of the database's own processes.
    pub database_cpu_ms: Spread,
    /// Of the load generator.
    pub callers_cpu_ms: Spread,
    /// The server's memory, in mebibytes.
    pub peak_rss_mib: Spread,
    /// Bytes written per request.
    pub written_bytes: Spread,
    /// Bytes of the page cache made dirty per request, as the kernel counts them.
    pub dirtied_bytes: Spread,
    /// The part of the machine others used, in per cent.
    pub others_percent: Spread,
    /// Each cell by itself.
    pub cells: Vec<Cell>,
}

/// The middle one of several measurements, and the extremes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// The middle one; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one measurement.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self { median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, min: at(0), max: at(last) }
    }
}

impl Row {
    /// All repeats of one cell.
    pub fn of(connections: usize, cells: Vec<Cell>) -> Self {
        let spread = |value: fn(&Cell) -> f64| Spread::of(cells.iter().map(value));
        Self {
            connections,
            rate: spread(|c| c.rate),
            p50_us: spread(|c| c.p50_us),
            p99_us: spread(|c| c.p99_us),
            p999_us: spread(|c| c.p999_us),
            server_cpu_ms: spread(|c| c.server_cpu_ms),
            database_cpu_ms: spread(|c| c.database_cpu_ms),
            callers_cpu_ms: spread(|c| c.callers_cpu_ms),
            peak_rss_mib: spread(|c| c.peak_rss_mib),
            written_bytes: spread(|c| c.written_bytes),
            dirtied_bytes: spread(|c| c.dirtied_bytes),
            others_percent: spread(|c| c.others_percent),
            cells,
        }
    }

    fn cpu_ms(&self) -> f64 {
        self.server_cpu_ms.median + self.database_cpu_ms.median
    }
}

impl Pair {
    /// Compares the two by their medians.
    pub fn of(connections: usize, ours: Row, floor: Row, ceiling: Spread) -> Self {
        Self {
            connections,
            rate_ratio: ours.rate.median / floor.rate.median,
            p50_ratio: ours.p50_us.median / floor.p50_us.median,
            cpu_ratio: ours.cpu_ms() / floor.cpu_ms(),
            ceiling_ratio: ours.rate.median / ceiling.median,
            ours,
            floor,
        }
    }
}

impl Report {
    /// The tables, as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Conditions { at, program, cpu, cores, kernel, services, history, seconds, repeat } = &self.conditions;
        writeln!(out, "{at}, {program}, {cores} × {cpu}, Linux {kernel}.")?;
        writeln!(
            out,
            "{} services, {} of them renewed once before, in a fresh database for each cell; {seconds} s of load after warming up; median (min–max) of \
             {repeat}, ratios of medians. Callers, server and database share the cores.",
            whole(*services as f64),
            whole(*history as f64)
        )?;
        writeln!(
            out,
            "Ours: `perennial serve`. F: hand-written SQL, one transaction per renewal, behind a bare axum server."
        )?;
        writeln!(out, "C: hand-written set-based SQL, all in one transaction, without HTTP.")?;
        for database in &self.databases {
            database.write(out)?;
        }
        writeln!(out, "\n### HTTP alone: GET of a fixed answer of 417 bytes\n")?;
        writeln!(out, "| connections | requests/s | p50 µs | p99 µs | server CPU µs | callers' CPU µs |")?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
        for row in &self.fixed_answers {
            let Row { connections, rate, p50_us, p99_us, server_cpu_ms, callers_cpu_ms, .. } = row;
            writeln!(
                out,
                "| {connections} | {} | {} | {} | {:.1} | {:.1} |",
                spread(*rate),
                whole(p50_us.median),
                whole(p99_us.median),
                server_cpu_ms.median * 1e3,
                callers_cpu_ms.median * 1e3
            )?;
        }
        Ok(())
    }
}

impl DatabaseReport {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n### {} {}\n", self.database.name(), self.version)?;
        let rows = &self.rows;
        writeln!(
            out,
            "C = {} renewals/s ({} in one transaction).\n",
            spread(self.ceiling),
            whole(self.ceiling_renewals as f64)
        )?;
        let Runs { due, rate, peak_rss_mib, ceiling_ratio } = &self.runs;
        writeln!(
            out,
            "`perennial run` with {} due, an invoice each: {} renewals/s = **{ceiling_ratio:.2}** × C, {:.0} MiB resident.\n",
            whole(*due as f64),
            spread(*rate),
            peak_rss_mib.median
        )?;
        writeln!(
            out,
            "| connections | ours/s | F/s | ours ÷ F | ours ÷ C | ours p50 µs | p99 | p99.9 | F p50 µs | p99 | p99.9 \
             | p50 ours ÷ F |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for Pair { connections, ours, floor, rate_ratio, p50_ratio, ceiling_ratio, .. } in rows {
            writeln!(
                out,
                "| {connections} | {} | {} | **{rate_ratio:.2}** | {ceiling_ratio:.3} | {} | {} | {} | {} | {} | {} | {p50_ratio:.2} |",
                spread(ours.rate),
                spread(floor.rate),
                spread(ours.p50_us),
                whole(ours.p99_us.median),
                whole(ours.p999_us.median),
                spread(floor.p50_us),
                whole(floor.p99_us.median),
                whole(floor.p999_us.median),
            )?;
        }
        writeln!(
            out,
            "\n| connections | ours: CPU ms per renewal, server + database | F | ours ÷ F | ours: RSS MiB | F | ours: bytes \
             written per renewal | F | callers' CPU ms | others' part of the machine, % (worst) |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for Pair { connections, ours, floor, cpu_ratio, .. } in rows {
            writeln!(
                out,
                "| {connections} | {} | {} | {cpu_ratio:.2} | {:.1} | {:.1} | {} | {} | {:.3} | {:.0} ({:.0}) |",
                self.cpu(ours),
                self.cpu(floor),
                ours.peak_rss_mib.median,
                floor.peak_rss_mib.median,
                whole(ours.written_bytes.median),
                whole(floor.written_bytes.median),
                ours.callers_cpu_ms.median,
                (ours.others_percent.median + floor.others_percent.median) / 2.0,
                ours.others_percent.max.max(floor.others_percent.max),
            )?;
        }
        let noisy = |row: &Row| row.cells.iter().filter(|cell| cell.others_percent > NOISY_PERCENT).count();
        let cells: usize = rows.iter().map(|pair| pair.ours.cells.len() + pair.floor.cells.len()).sum();
        let disturbed: usize = rows.iter().map(|pair| noisy(&pair.ours) + noisy(&pair.floor)).sum();
        if disturbed > 0 {
            writeln!(
                out,
                "\n**Disturbed: others used more than {NOISY_PERCENT:.0} % of the machine in {disturbed} of {cells} cells.** \
                 Rates and latencies of these are not to be quoted, nor their ratios, which neighbours have been seen to \
                 turn in favour of ours."
            )?;
        }
        let ran_out = |row: &Row| row.cells.iter().filter(|cell| cell.ran_out).count();
        let short: usize = rows.iter().map(|pair| ran_out(&pair.ours) + ran_out(&pair.floor)).sum();
        if short > 0 {
            writeln!(
                out,
                "\n{short} cells ran out of services before their time was over: give more with --services."
            )?;
        }
        Ok(())
    }

    fn cpu(&self, row: &Row) -> String {
        match self.database {
            Kind::Sqlite => format!("{:.3}", row.server_cpu_ms.median),
            Kind::Postgres => format!("{:.3} + {:.3}", row.server_cpu_ms.median, row.database_cpu_ms.median),
        }
    }
}

fn spread(spread: Spread) -> String {
    format!("{} ({}–{})", whole(spread.median), whole(spread.min), whole(spread.max))
}

/// A rounded number with its thousands parted.
fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_middle_and_the_extremes() {
        let of = |values: &[f64]| {
            let Spread { median, min, max } = Spread::of(values.iter().copied());
            (median, min, max)
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(of(&[4.0, 1.0]), (2.5, 1.0, 4.0));
        assert_eq!(of(&[7.0]), (7.0, 7.0, 7.0));
    }

    #[test]
    fn thousands_are_parted() {
        assert_eq!([0.4, 999.0, 1_000.0, 1_234_567.0].map(whole), ["0", "999", "1,000", "1,234,567"]);
    }
}
