//! `perennial tax-rate list|add`.

use anyhow::{Context as _, Result};
use perennial_app::Actor;
use perennial_billing::{Country, OwnRate, Rate, standard_rate_countries, standard_rates};
use perennial_store::sellers;
use serde::Serialize;

use crate::args::{Args, Format, TaxRateCommand};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    country: String,
    from: String,
    rate_percent: String,
    source: &'static str,
}

/// Standard VAT rates.
pub async fn run(args: &Args, command: &TaxRateCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        TaxRateCommand::List { country, format } => {
            let seller =
                sellers::get(&mut app.store.read().await?, caller.seller).await?.context("the seller is gone")?;
            let is_wanted = |code: &str| country.as_deref().is_none_or(|wanted| wanted == code);
            let mut rows: Vec<Row> = Vec::new();
            for code in standard_rate_countries().filter(|code| is_wanted(code)) {
                rows.extend(standard_rates(code).iter().map(|known| Row {
                    country: code.to_owned(),
                    from: known.from.to_string(),
                    rate_percent: known.rate.percent(),
                    source: "program",
                }));
            }
            let own = seller.tax.own_rates.iter().filter(|own| is_wanted(own.country.code()));
            rows.extend(own.map(|own| Row {
                country: own.country.to_string(),
                from: own.starts.to_string(),
                rate_percent: own.rate.percent(),
                source: "own",
            }));
            rows.sort_by(|a, b| (&a.country, &a.from).cmp(&(&b.country, &b.from)));
            match format.format {
                Format::Json => output::json(&rows)?,
                Format::Table => {
                    let cells = |r: Row| vec![r.country, r.from, r.rate_percent, r.source.to_owned()];
                    output::table(&["country", "from", "rate %", "source"], &[2], rows.into_iter().map(cells))?;
                }
            }
        }
        TaxRateCommand::Add { country, rate, from } => {
            let country: Country = open::id("country", country)?;
            let rate = Rate::parse_percent(rate).with_context(|| format!("rate {rate:?}"))?;
            app.add_tax_rate(caller.seller, Actor::Cli, &OwnRate { country, starts: *from, rate }).await?;
            output::note(format!("From {from} on, the standard VAT rate of {country} is {rate}."));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}
