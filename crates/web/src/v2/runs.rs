//! `/api/v2/runs`: what renewal runs have done, and starting one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::{DryRun, RunReport};
use perennial_billing::{Currency, RunId, ServiceId};
use perennial_store::runs::{self, Run, RunOrigin, RunProblem, RunTotal};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::describe::{Answer, Answers, Shape, json_given};
use crate::wire::{Amount, At, Json, Page, Paging, Query, Text};
use crate::{ApiError, Web};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Run")]
pub(crate) struct Report {
    id: Text<RunId>,
    day: Text<Date>,
    through: Text<Date>,
    origin: &'static str,
    state: &'static str,
    started_at: Text<Timestamp>,
    finished_at: Option<Text<Timestamp>>,
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

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunTotal")]
struct Total {
    currency: Text<Currency>,
    invoices: i64,
    net: Amount,
    tax: Amount,
    total: Amount,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunNumbers")]
struct Numbers {
    first: String,
    last: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunProblem")]
pub(crate) struct NotRenewed {
    service: Text<ServiceId>,
    outcome: &'static str,
    reason: String,
    failures: i64,
}

/// A run that was started.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunStarted")]
pub(crate) struct Started {
    id: Text<RunId>,
    state: &'static str,
    day: Text<Date>,
    through: Text<Date>,
    found: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RunPreview")]
pub(crate) struct Dry {
    dry_run: bool,
    day: Text<Date>,
    through: Text<Date>,
    found: i64,
    renewed: i64,
    skipped: i64,
    failed: i64,
    invoices: i64,
    totals: Vec<Total>,
    problems: Vec<NotRenewed>,
}

/// A run that goes on by itself, or what one would do.
#[derive(Debug)]
pub(crate) enum RunAnswer {
    /// 202, with its place.
    Started(String, Started),
    /// 200.
    Dry(Dry),
}

impl IntoResponse for RunAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::Started(place, started) => {
                (StatusCode::ACCEPTED, [(LOCATION, place)], axum::Json(started)).into_response()
            }
            Self::Dry(report) => Answer(report).into_response(),
        }
    }
}

impl Answers for RunAnswer {
    fn describe(shape: &mut Shape, schemas: &mut SchemaGenerator) {
        let mut started = json_given::<Started>("It is started, or was under way, and goes on by itself.", schemas);
        started.headers.push(("Location", "Where its report is."));
        shape.answers.insert(202, started);
        shape.answers.insert(200, json_given::<Dry>("With `dryRun`: what a run would do.", schemas));
    }
}

/// What to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRun {
    until: Option<Text<Date>>,
    #[serde(default)]
    dry_run: bool,
}

/// A page of runs, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Report>>, ApiError> {
    let limit = paging.limit();
    let seller = context.caller.seller;
    let mut conn = context.app.store.read().await?;
    let page = runs::page(&mut conn, seller, paging.after()?.map(RunId), limit + 1).await?;
    drop(conn);
    let mut reports = Vec::new();
    for run in page {
        reports.push(context.app.run_report(seller, run.id).await?);
    }
    Ok(Answer(Page::of(reports, limit, |report| report.run.id.0, report)))
}

/// One run.
pub(crate) async fn detail(context: Context, At(id): At<RunId>) -> Result<Answer<Report>, ApiError> {
    let found = context.app.run_report(context.caller.seller, id).await?;
    Ok(Answer(report(found)))
}

/// A page of what a run did not renew, by service.
pub(crate) async fn problems(
    context: Context,
    At(id): At<RunId>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Page<NotRenewed>>, ApiError> {
    let (seller, limit) = (context.caller.seller, paging.limit());
    let mut conn = context.app.store.read().await?;
    runs::get(&mut conn, seller, id).await?.ok_or_else(|| ApiError::not_found("Run not found"))?;
    let after = ServiceId(paging.after()?.unwrap_or(0));
    let page = runs::problems(&mut conn, seller, id, after, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |problem| problem.service.0, not_renewed)))
}

/// Starts a run, which then goes on by itself, or tells what one would do.
pub(crate) async fn start(
    State(web): State<Web>,
    context: Context,
    Json(new): Json<NewRun>,
) -> Result<RunAnswer, ApiError> {
    let seller = context.caller.seller;
    let until = new.until.map(|Text(day)| day);
    if new.dry_run {
        return Ok(RunAnswer::Dry(dry(context.app.preview_run(seller, until, |_| {}).await?)));
    }
    let (run, is_new) = context.app.start_run(seller, RunOrigin::Request, until).await?;
    // One that was there before has somebody who works on it, or is gone on with at the next look of the schedule.
    if is_new {
        let (app, run) = (web.app.clone(), run.clone());
        context.afterwards(async move {
            if let Err(error) = app.resume_run(seller, run, web.stop).await {
                tracing::error!(%error, "a run of seller {seller} stopped: {error}");
            }
        });
    }
    let location = format!("{}/runs/{}", super::ROOT, Text(run.id));
    // It was just written down; what it has found is known to the database.
    let found =
        runs::get(&mut context.app.store.read().await?, seller, run.id).await?.map_or(run.found, |run| run.found);
    let started =
        Started { id: Text(run.id), state: state(&run), day: Text(run.day), through: Text(run.through), found };
    Ok(RunAnswer::Started(location, started))
}

fn state(run: &Run) -> &'static str {
    if run.finished_at.is_some() { "finished" } else { "running" }
}

fn total(total: &RunTotal) -> Total {
    Total {
        currency: Text(total.net.currency),
        invoices: total.invoices,
        net: total.net.into(),
        tax: total.tax.into(),
        total: total.total.into(),
    }
}

fn report(report: RunReport) -> Report {
    let run = &report.run;
    Report {
        id: Text(run.id),
        day: Text(run.day),
        through: Text(run.through),
        origin: run.origin.as_str(),
        state: state(run),
        started_at: Text(run.started_at),
        finished_at: run.finished_at.map(Text),
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
        service: Text(problem.service),
        outcome: if problem.is_failure { "failed" } else { "skipped" },
        reason: problem.reason,
        failures: problem.failures,
    }
}

fn dry(report: DryRun) -> Dry {
    Dry {
        dry_run: true,
        day: Text(report.day),
        through: Text(report.through),
        found: report.found,
        renewed: report.renewed,
        skipped: report.skipped,
        failed: report.failed,
        invoices: report.invoices(),
        totals: report.totals.iter().map(total).collect(),
        problems: report.problems.into_iter().map(not_renewed).collect(),
    }
}
