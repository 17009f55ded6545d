//! `perennial doctor`.

use anyhow::Result;
use perennial_store::doctor::Finding;
use serde::Serialize;

use crate::args::{Args, Format};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
struct Row {
    code: &'static str,
    check: &'static str,
    ok: bool,
    count: i64,
    problems: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

/// Checks the database.
pub async fn run(args: &Args, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let findings = app.store.examine(caller.seller).await?;
    app.store.close().await;
    let is_well = findings.iter().all(Finding::is_well);
    match format {
        Format::Json => {
            let rows = findings.into_iter().map(|finding| Row {
                code: finding.code,
                check: finding.check,
                ok: finding.is_well(),
                advice: (!finding.is_well()).then_some(finding.advice),
                count: finding.count,
                problems: finding.problems,
            });
            output::json(&rows.collect::<Vec<_>>())?;
        }
        Format::Table => {
            for finding in findings {
                if finding.is_well() {
                    output::line(format!("{:<8}{}", "ok", finding.check))?;
                    continue;
                }
                output::line(format!("{:<8}{} ({}, {} times)", "WRONG", finding.check, finding.code, finding.count))?;
                for problem in &finding.problems {
                    output::line(format!("        {problem}"))?;
                }
                output::line(format!("        What to do: {}", finding.advice))?;
            }
        }
    }
    Ok(if is_well { Exit::Done } else { Exit::Incomplete })
}
