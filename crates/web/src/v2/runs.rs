//! `/api/v2/runs`: what renewal runs have done, and starting one.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use perennial_app::{DryRun, RunReport, Scope};
use perennial_billing::{RunId, ServiceId};
use perennial_store::runs::{self, Run, RunOrigin, RunProblem, RunTotal};
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::{Json, Nothing, Page, Paging, Query, path_id};
use crate::context::Context;
use crate::v1::envelope::iso;
use crate::{ApiError, Web};

const PREFIX: &str = "run_";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    id: String,
    day: Date,
    through: Date,
    origin: &'static str,
    state: &'static str,
    started_at: String,
    finished_at: Option<String>,
    duration_seconds: Option<i64>,
    found: i64,
    renewed: i64,
    left: i64,
    skipped: i64,
    failed: i64,
    invoices: i64,
    totals: Vec<Total>,
    numbers: Option<Numbers>,
}

#[derive(Debug, Serialize)]
struct Total {
    currency: String,
    invoices: i64,
    net: String,
    tax: String,
    total: String,
}

#[derive(Debug, Serialize)]
struct Numbers {
    first: String,
    last: String,
}

#[derive(Debug, Serialize)]
struct NotRenewed {
    service: String,
    outcome: &'static str,
    reason: String,
    failures: i64,
}

/// A run that was started.
#[derive(Debug, Serialize)]
struct Started {
    id: String,
    state: &'static str,
    day: Date,
    through: Date,
    found: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dry {
    dry_run: bool,
    day: Date,
    through: Date,
    found: i64,
    renewed: i64,
    skipped: i64,
    failed: i64,
    invoices: i64,
    totals: Vec<Total>,
    problems: Vec<NotRenewed>,
}

/// What to run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRun {
    until: Option<Day>,
    #[serde(default)]
    dry_run: bool,
}

/// A page of runs, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let limit = paging.limit()?;
    let seller = context.caller.seller;
    let mut conn = context.app.store.read().await?;
    let page = runs::page(&mut conn, seller, paging.cursor.map(RunId), limit + 1).await?;
    drop(conn);
    let mut reports = Vec::new();
    for run in page {
        reports.push(context.app.run_report(seller, run.id).await?);
    }
    Ok(context.plain(Page::of(reports, limit, |report| report.run.id.0, report)))
}

/// One run.
pub(crate) async fn detail(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let found = context.app.run_report(context.caller.seller, path_id(PREFIX, path)?).await?;
    Ok(context.plain(report(found)))
}

/// A page of what a run did not renew, by service.
pub(crate) async fn problems(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    Query(paging): Query<Paging>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let (seller, limit) = (context.caller.seller, paging.limit()?);
    let id: RunId = path_id(PREFIX, path)?;
    let mut conn = context.app.store.read().await?;
    runs::get(&mut conn, seller, id).await?.ok_or_else(|| ApiError::not_found("Run not found"))?;
    let after = ServiceId(paging.cursor.unwrap_or(0));
    let page = runs::problems(&mut conn, seller, id, after, limit + 1).await?;
    Ok(context.plain(Page::of(page, limit, |problem| problem.service.0, not_renewed)))
}

/// Starts a run, which then goes on by itself, or tells what one would do.
pub(crate) async fn start(
    State(web): State<Web>,
    context: Context,
    _: Query<Nothing>,
    Json(new): Json<NewRun>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    let seller = context.caller.seller;
    let until = new.until.map(|Day(day)| day);
    if new.dry_run {
        return Ok(context.plain(dry(context.app.preview_run(seller, until, |_| {}).await?)));
    }
    let (run, is_new) = context.app.start_run(seller, RunOrigin::Request, until).await?;
    // One that was there before has somebody who works on it, or is gone on with at the next look of the schedule.
    if is_new {
        let (app, run) = (context.app.clone(), run.clone());
        tokio::spawn(async move {
            if let Err(error) = app.resume_run(seller, run, web.stop).await {
                tracing::error!(%error, "a run of seller {seller} stopped: {error}");
            }
        });
    }
    let location = format!("{}/runs/{PREFIX}{}", super::ROOT, run.id);
    // It was just written down; what it has found is known to the database.
    let found =
        runs::get(&mut context.app.store.read().await?, seller, run.id).await?.map_or(run.found, |run| run.found);
    let started = Started { id: id(&run), state: state(&run), day: run.day, through: run.through, found };
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], context.plain(started)).into_response())
}

fn id(run: &Run) -> String {
    format!("{PREFIX}{}", run.id)
}

fn state(run: &Run) -> &'static str {
    if run.finished_at.is_some() { "finished" } else { "running" }
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

fn report(report: RunReport) -> Report {
    let run = &report.run;
    Report {
        id: id(run),
        day: run.day,
        through: run.through,
        origin: run.origin.as_str(),
        state: state(run),
        started_at: iso(run.started_at),
        finished_at: run.finished_at.map(iso),
        duration_seconds: run.finished_at.map(|at| at.duration_since(run.started_at).as_secs()),
        found: run.found,
        renewed: report.renewed,
        left: report.counts.left,
        skipped: report.counts.skipped,
        failed: report.counts.failed,
        invoices: report.invoices(),
        totals: report.totals.iter().map(total).collect(),
        numbers: report.numbers.map(|(first, last)| Numbers { first, last }),
    }
}

fn not_renewed(problem: RunProblem) -> NotRenewed {
    NotRenewed {
        service: format!("svc_{}", problem.service),
        outcome: if problem.is_failure { "failed" } else { "skipped" },
        reason: problem.reason,
        failures: problem.failures,
    }
}

fn dry(report: DryRun) -> Dry {
    Dry {
        dry_run: true,
        day: report.day,
        through: report.through,
        found: report.found,
        renewed: report.renewed,
        skipped: report.skipped,
        failed: report.failed,
        invoices: report.invoices(),
        totals: report.totals.iter().map(total).collect(),
        problems: report.problems.into_iter().map(not_renewed).collect(),
    }
}
