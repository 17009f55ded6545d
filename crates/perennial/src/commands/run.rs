//! `perennial run`, `run list` and `run show`.

use anyhow::Result;
use indicatif::ProgressBar;
use perennial_app::{App, Caller, DryRun, RunProgress, RunReport};
use perennial_billing::{RunId, ServiceId};
use perennial_store::runs::{self, RunOrigin, RunProblem, RunTotal};
use serde::Serialize;

use crate::args::{Args, Format, RunArgs, RunCommand};
use crate::exit::Exit;
use crate::{open, output};

/// Services that were not renewed and are listed when a run ends; `run show` lists more.
const PROBLEMS_LISTED: i64 = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    day: String,
    through: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<i64>,
    found: i64,
    renewed: i64,
    left: i64,
    skipped: i64,
    failed: i64,
    invoices: i64,
    totals: Vec<Total>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_number: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    currency: String,
    invoices: i64,
    net: String,
    tax: String,
    total: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    service: String,
    outcome: &'static str,
    times: i64,
    reason: String,
}

/// Renews what is due, or looks at what was.
pub async fn run(args: &Args, run: &RunArgs) -> Result<Exit> {
    match &run.command {
        Some(RunCommand::List { limit, format }) => list(args, *limit, format.format).await,
        Some(RunCommand::Show { run, problems, format }) => {
            let id = open::id("run", run)?;
            let (app, caller) = open::for_staff(args).await?;
            let report = app.run_report(caller.seller, id).await?;
            let problems = problems_of(&app, &caller, id, *problems).await?;
            app.store.close().await;
            print(shown(&report, problems), format.format)?;
            Ok(Exit::Done)
        }
        None if run.dry_run => {
            let (app, caller) = open::for_staff(args).await?;
            let bar = output::progress_bar("services");
            let report = app.preview_run(caller.seller, run.until, |progress| advance(&bar, progress)).await?;
            bar.finish_and_clear();
            app.store.close().await;
            let is_complete = report.failed == 0;
            print(shown_dry(report), run.format.format)?;
            Ok(if is_complete { Exit::Done } else { Exit::Incomplete })
        }
        None => {
            let (app, caller) = open::for_staff(args).await?;
            let stop = open::stop_on_signal()?;
            let bar = output::progress_bar("services");
            let progress = |progress| advance(&bar, progress);
            let report = app.run(caller.seller, RunOrigin::Request, run.until, stop, progress).await?;
            bar.finish_and_clear();
            let problems = problems_of(&app, &caller, report.run.id, PROBLEMS_LISTED).await?;
            app.store.close().await;
            let is_complete = report.counts.failed == 0 && report.run.finished_at.is_some();
            print(shown(&report, problems), run.format.format)?;
            if report.run.finished_at.is_none() {
                output::note("It was stopped before its end: perennial run goes on with it.");
            }
            Ok(if is_complete { Exit::Done } else { Exit::Incomplete })
        }
    }
}

async fn list(args: &Args, limit: i64, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let page = runs::page(&mut app.store.read().await?, caller.seller, None, limit).await?;
    let mut reports = Vec::new();
    for run in page {
        reports.push(shown(&app.run_report(caller.seller, run.id).await?, Vec::new()));
    }
    app.store.close().await;
    match format {
        Format::Json => output::json(&reports)?,
        Format::Table => {
            let row = |run: Shown| {
                let numbers = run.first_number.zip(run.last_number);
                let totals = run.totals.iter().map(|total| format!("{} {}", total.total, total.currency));
                vec![
                    run.id.unwrap_or_default(),
                    run.day,
                    run.origin.unwrap_or_default().to_owned(),
                    run.state.to_owned(),
                    run.found.to_string(),
                    run.renewed.to_string(),
                    run.skipped.to_string(),
                    run.failed.to_string(),
                    run.invoices.to_string(),
                    totals.collect::<Vec<_>>().join(", "),
                    numbers.map(|(first, last)| format!("{first} – {last}")).unwrap_or_default(),
                ]
            };
            let head =
                ["run", "day", "by", "", "found", "renewed", "skipped", "failed", "invoices", "total", "numbers"];
            output::table(&head, &[4, 5, 6, 7, 8], reports.into_iter().map(row))?;
        }
    }
    Ok(Exit::Done)
}

/// The first problems of a run, by service.
async fn problems_of(app: &App, caller: &Caller, run: RunId, limit: i64) -> Result<Vec<Problem>> {
    let mut conn = app.store.read().await?;
    let problems = runs::problems(&mut conn, caller.seller, run, ServiceId(0), limit).await?;
    Ok(problems.into_iter().map(problem).collect())
}

fn problem(problem: RunProblem) -> Problem {
    Problem {
        service: problem.service.to_string(),
        outcome: if problem.is_failure { "failed" } else { "skipped" },
        times: problem.failures,
        reason: problem.reason,
    }
}

fn total(total: &RunTotal) -> Total {
    Total {
        currency: total.net.currency.to_string(),
        invoices: total.invoices,
        net: total.net.amount(),
        tax: total.tax.amount(),
        total: total.total.amount(),
    }
}

fn shown(report: &RunReport, problems: Vec<Problem>) -> Shown {
    let run = &report.run;
    let numbers = report.numbers.clone();
    Shown {
        id: Some(run.id.to_string()),
        day: run.day.to_string(),
        through: run.through.to_string(),
        origin: Some(run.origin.as_str()),
        state: if run.finished_at.is_some() { "finished" } else { "open" },
        started_at: Some(run.started_at.to_string()),
        finished_at: run.finished_at.map(|at| at.to_string()),
        duration_seconds: run.finished_at.map(|at| at.duration_since(run.started_at).as_secs()),
        found: run.found,
        renewed: report.renewed,
        left: report.counts.left,
        skipped: report.counts.skipped,
        failed: report.counts.failed,
        invoices: report.invoices(),
        totals: report.totals.iter().map(total).collect(),
        first_number: numbers.as_ref().map(|(first, _)| first.clone()),
        last_number: numbers.map(|(_, last)| last),
        problems,
    }
}

fn shown_dry(report: DryRun) -> Shown {
    Shown {
        id: None,
        day: report.day.to_string(),
        through: report.through.to_string(),
        origin: None,
        state: "dry run, nothing was written",
        started_at: None,
        finished_at: None,
        duration_seconds: None,
        found: report.found,
        renewed: report.renewed,
        left: 0,
        skipped: report.skipped,
        failed: report.failed,
        invoices: report.invoices(),
        totals: report.totals.iter().map(total).collect(),
        first_number: None,
        last_number: None,
        problems: report.problems.into_iter().map(problem).collect(),
    }
}

fn print(shown: Shown, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(&shown);
    }
    let name = shown.id.map_or_else(|| "run".to_owned(), |id| format!("run {id}"));
    let duration = shown.duration_seconds.map(|seconds| format!(" in {seconds} s")).unwrap_or_default();
    output::line(format!("{name} of {}, due through {}: {}{duration}", shown.day, shown.through, shown.state))?;
    let numbers = shown.first_number.zip(shown.last_number);
    let numbers = numbers.map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
    output::line(format!("found    {:>9}", shown.found))?;
    output::line(format!("renewed  {:>9}   on {} invoices{numbers}", shown.renewed, shown.invoices))?;
    for (what, count) in [("skipped", shown.skipped), ("failed", shown.failed), ("left", shown.left)] {
        if count > 0 {
            output::line(format!("{what:<8} {count:>9}"))?;
        }
    }
    if !shown.totals.is_empty() {
        output::line("")?;
        let row = |total: Total| vec![total.currency, total.invoices.to_string(), total.net, total.tax, total.total];
        output::table(&["", "invoices", "net", "VAT", "total"], &[1, 2, 3, 4], shown.totals.into_iter().map(row))?;
    }
    if !shown.problems.is_empty() {
        output::line("")?;
        let (listed, all) = (shown.problems.len(), shown.skipped + shown.failed);
        let row = |problem: Problem| {
            vec![problem.service, problem.outcome.to_owned(), problem.times.to_string(), problem.reason]
        };
        output::table(&["service", "", "times", "reason"], &[2], shown.problems.into_iter().map(row))?;
        let more = all - i64::try_from(listed).unwrap_or(all);
        if more > 0 {
            output::note(format!("… and {more} more: perennial run show RUN_ID --problems {all}"));
        }
    }
    Ok(())
}

fn advance(bar: &ProgressBar, progress: RunProgress) {
    bar.set_length(progress.found.unsigned_abs());
    bar.set_position((progress.found - progress.left).unsigned_abs());
}
