//! `perennial import csv`.

use std::path::Path;

use anyhow::Result;
use perennial_app::{ImportError, LoadReport, Tally};
use serde::Serialize;

use crate::args::{Args, Format, ImportCommand};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    added: usize,
    kept: usize,
}

/// Imports a folder.
pub async fn run(args: &Args, from: &ImportCommand) -> Result<Exit> {
    let ImportCommand::Csv { dir, format } = from;
    if !dir.is_dir() {
        return Err(UsageError(format!("{} is no folder", dir.display())).into());
    }
    let (app, caller) = open::for_staff(args).await?;
    let bar = output::progress_bar("rows");
    let outcome = app
        .import_csv(caller.seller, Path::new(dir), |done, of| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        })
        .await;
    bar.finish_and_clear();
    app.store.close().await;
    match outcome {
        Ok(imported) => {
            print(&imported.report, format.format)?;
            Ok(Exit::Done)
        }
        Err(ImportError::Problems { problems, total }) => {
            let shown = problems.len();
            for problem in problems {
                output::note(problem.to_string());
            }
            if shown < total {
                output::note(format!("… and {} more", total - shown));
            }
            Err(anyhow::anyhow!("{total} problems; nothing was imported"))
        }
        Err(ImportError::App(error)) => Err(error.into()),
    }
}

fn print(report: &LoadReport, format: Format) -> Result<()> {
    let row = |kind, tally: Tally| Row { kind, added: tally.added, kept: tally.kept };
    let rows = [
        row("customers", report.customers),
        row("products", report.products),
        row("prices", report.prices),
        row("services", report.services),
        row("addons", report.addons),
    ];
    match format {
        Format::Json => output::json(&rows),
        Format::Table => {
            let lines = rows.iter().map(|r| vec![r.kind.to_owned(), r.added.to_string(), r.kept.to_string()]);
            output::table(&["", "added", "already there"], &[1, 2], lines)
        }
    }
}
