//! `perennial series report|start`.

use anyhow::Result;
use serde::Serialize;

use crate::args::{Args, Format, SeriesCommand};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    kind: &'static str,
    series: i64,
    first: i64,
    last: i64,
    documents: i64,
    numbers: Option<(String, String)>,
    days: Option<(String, String)>,
    voids: Vec<String>,
    gaps: Vec<(i64, i64)>,
}

/// Number series.
pub async fn run(args: &Args, command: &SeriesCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let format = match command {
        SeriesCommand::Report { format } => format.format,
        SeriesCommand::Start { kind, number, on } => {
            app.start_series(&caller, (*kind).into(), *number, *on).await?;
            app.store.close().await;
            output::note(format!("The next number of this series is {number}."));
            return Ok(Exit::Done);
        }
    };
    let found = app.series_report(&caller).await?;
    app.store.close().await;
    let is_whole = found.iter().all(|series| series.gaps.is_empty());
    let rows = found.into_iter().map(|one| Series {
        kind: one.kind.as_str(),
        series: one.series,
        first: one.first,
        last: one.last,
        documents: one.documents,
        numbers: one.numbers,
        days: one.days.map(|(first, last)| (first.to_string(), last.to_string())),
        voids: one.voids,
        gaps: one.gaps,
    });
    if format == Format::Json {
        output::json(&rows.collect::<Vec<_>>())?;
    } else {
        let pair = |pair: Option<(String, String)>| pair.map_or(String::new(), |(a, b)| format!("{a} to {b}"));
        let gap = |(from, to): &(i64, i64)| if from == to { from.to_string() } else { format!("{from} to {to}") };
        let cells = |s: Series| {
            let gaps: Vec<String> = s.gaps.iter().map(gap).collect();
            let gaps = if gaps.is_empty() { "none".to_owned() } else { gaps.join(", ") };
            let voids = if s.voids.is_empty() { "none".to_owned() } else { s.voids.join(", ") };
            let series = if s.series == 0 { String::new() } else { s.series.to_string() };
            vec![s.kind.to_owned(), series, s.documents.to_string(), pair(s.numbers), pair(s.days), voids, gaps]
        };
        output::table(&["kind", "year", "documents", "numbers", "issued", "void", "gaps"], &[2], rows.map(cells))?;
    }
    Ok(if is_whole { Exit::Done } else { Exit::Incomplete })
}
