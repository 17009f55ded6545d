//! `perennial export ledger`.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use anyhow::{Context as _, Result};
use perennial_render::{Chart, Format};

use crate::args::{Args, ExportCommand, LedgerFormat};
use crate::exit::Exit;
use crate::{open, output};

/// Writes the books.
pub async fn run(args: &Args, command: &ExportCommand) -> Result<Exit> {
    let ExportCommand::Ledger { days, format, accounts, output: to } = command;
    let chart = match accounts {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            text.parse::<Chart>().with_context(|| format!("{}", file.display()))?
        }
        None => Chart::default(),
    };
    let format = match format {
        LedgerFormat::Hledger => Format::PlainText,
        LedgerFormat::Sie => Format::Sie,
        LedgerFormat::Csv => Format::Csv,
    };
    let (app, caller) = open::for_staff(args).await?;
    let days = (days.from, days.through);
    let written = match to {
        Some(file) => {
            // Beside it first, so that no half of it is taken for the whole.
            let part = file.with_extension("part");
            let created = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
            let mut out = BufWriter::new(created);
            let written = app.export_ledger(&caller, days, format, chart, &mut out).await;
            let done = written.map_err(anyhow::Error::from).and_then(|written| {
                out.flush()?;
                std::fs::rename(&part, file)?;
                Ok(written)
            });
            if done.is_err() {
                // What is left of it is of no use; that it may stay there is no second error.
                let _ = std::fs::remove_file(&part);
            }
            done.with_context(|| format!("cannot write {}", file.display()))?
        }
        None => {
            let mut out = BufWriter::new(std::io::stdout());
            let written = app.export_ledger(&caller, days, format, chart, &mut out).await?;
            out.flush()?;
            written
        }
    };
    app.store.close().await;
    output::note(format!("{written} vouchers."));
    Ok(Exit::Done)
}
