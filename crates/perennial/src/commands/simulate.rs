//! `perennial simulate`.

use anyhow::Result;
use jiff::civil::Date;
use perennial_app::MonthTotal;
use serde::Serialize;

use crate::args::{Args, SimulationFormat};
use crate::chart::{Bar, chart};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
struct Row {
    month: String,
    currency: String,
    invoices: i64,
    net: String,
    tax: String,
    total: String,
}

/// Sums up what will be issued.
pub async fn run(args: &Args, until: Date, format: SimulationFormat) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let bar = output::progress_bar("services");
    let months = app
        .simulate(caller.seller, until, |done, of| {
            bar.set_length(of.unsigned_abs());
            bar.set_position(done.unsigned_abs());
        })
        .await?;
    bar.finish_and_clear();
    app.store.close().await;
    match format {
        SimulationFormat::Table => {
            let cells = |row: Row| vec![row.month, row.currency, row.invoices.to_string(), row.net, row.tax, row.total];
            let head = ["month", "", "invoices", "net", "VAT", "total"];
            output::table(&head, &[2, 3, 4, 5], rows(&months).map(cells))?;
        }
        SimulationFormat::Json => output::json(&rows(&months).collect::<Vec<_>>())?,
        SimulationFormat::Csv => {
            // Months, codes and numbers need no quoting.
            output::line("month,currency,invoices,net,vat,total")?;
            for row in rows(&months) {
                let Row { month, currency, invoices, net, tax, total } = row;
                output::line(format!("{month},{currency},{invoices},{net},{tax},{total}"))?;
            }
        }
        SimulationFormat::Svg => output::line(svg(&months))?,
    }
    Ok(Exit::Done)
}

fn rows(months: &[MonthTotal]) -> impl Iterator<Item = Row> {
    months.iter().map(|of| Row {
        month: of.month.strftime("%Y-%m").to_string(),
        currency: of.total.net.currency.to_string(),
        invoices: of.total.invoices,
        net: of.total.net.amount(),
        tax: of.total.tax.amount(),
        total: of.total.total.amount(),
    })
}

/// A chart for each currency, one below the other, that with the most invoices first.
fn svg(months: &[MonthTotal]) -> String {
    let mut currencies: Vec<(String, i64)> = Vec::new();
    for of in months {
        let code = of.total.net.currency.to_string();
        match currencies.iter_mut().find(|(known, _)| *known == code) {
            Some((_, invoices)) => *invoices += of.total.invoices,
            None => currencies.push((code, of.total.invoices)),
        }
    }
    currencies.sort_by_key(|(_, invoices)| -invoices);
    let charts = currencies.iter().map(|(code, _)| {
        let of_currency = || months.iter().filter(|of| of.total.net.currency.code() == code);
        let tallest = of_currency().max_by_key(|of| of.total.net.minor);
        let tallest = tallest.map(|of| format!("; the tallest bar is {}", of.total.net.amount())).unwrap_or_default();
        let bars = of_currency().map(|of| Bar {
            label: of.month.strftime("%Y-%m").to_string(),
            value: of.total.net.minor,
            text: format!("{} {code} net on {} invoices", of.total.net.amount(), of.total.invoices),
        });
        (format!("Net income by month, {code}{tallest}"), bars.collect())
    });
    chart(&charts.collect::<Vec<_>>())
}
