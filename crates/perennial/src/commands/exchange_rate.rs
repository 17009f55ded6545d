//! `perennial exchange-rate list|add`.

use anyhow::{Context, Result};
use perennial_app::Actor;
use perennial_billing::ExchangeRate;
use perennial_store::sellers;
use serde::Serialize;

use crate::args::{Args, ExchangeRateCommand, Format};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
struct Row {
    currency: String,
    rate: String,
    starts: String,
    source: String,
}

/// Lists exchange rates, or adds one.
pub async fn run(args: &Args, command: &ExchangeRateCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    match command {
        ExchangeRateCommand::List(format) => {
            let rates = sellers::exchange_rates(&mut conn, caller.seller).await?;
            drop(conn);
            let rows = rates.into_iter().map(|rate| Row {
                currency: rate.currency.to_string(),
                rate: rate.rate.to_string(),
                starts: rate.starts.to_string(),
                source: rate.source,
            });
            match format.format {
                Format::Json => output::json(&rows.collect::<Vec<_>>())?,
                Format::Table => {
                    let cells = |row: Row| vec![row.currency, row.rate, row.starts, row.source];
                    output::table(&["currency", "rate", "from", "source"], &[1], rows.map(cells))?;
                }
            }
        }
        ExchangeRateCommand::Add { currency, rate, source, from } => {
            let seller = sellers::get(&mut conn, caller.seller).await?.context("the seller is gone")?;
            drop(conn);
            let new = ExchangeRate {
                currency: open::id("currency", currency)?,
                starts: from.unwrap_or_else(|| app.clock.today(&seller.time_zone)),
                rate: open::id("rate", rate)?,
                source: source.clone(),
            };
            app.add_exchange_rate(caller.seller, Actor::Cli, &new).await?;
            let used = if seller.converts_prices {
                ""
            } else {
                " It is not used yet: perennial seller set --convert-prices true"
            };
            output::note(format!(
                "From {} on, 1 {} is {} {}, says {}.{used}",
                new.starts, seller.currency, new.rate, new.currency, new.source
            ));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}
