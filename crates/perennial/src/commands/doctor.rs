//! `perennial doctor`.

use anyhow::Result;
use serde::Serialize;

use crate::args::{Args, Format};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
struct Row {
    check: &'static str,
    ok: bool,
    problems: Vec<String>,
}

/// Checks the database.
pub async fn run(args: &Args, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let findings = app.store.examine(caller.seller).await?;
    app.store.close().await;
    let is_well = findings.iter().all(|finding| finding.problems.is_empty());
    match format {
        Format::Json => {
            let rows =
                findings.into_iter().map(|f| Row { check: f.check, ok: f.problems.is_empty(), problems: f.problems });
            output::json(&rows.collect::<Vec<_>>())?;
        }
        Format::Table => {
            for finding in findings {
                output::line(format!(
                    "{:<8}{}",
                    if finding.problems.is_empty() { "ok" } else { "WRONG" },
                    finding.check
                ))?;
                for problem in finding.problems {
                    output::line(format!("        {problem}"))?;
                }
            }
        }
    }
    Ok(if is_well { Exit::Done } else { Exit::Incomplete })
}
