//! `perennial clock show|advance`.

use anyhow::Result;
use jiff::Span;
use jiff::civil::Date;
use perennial_billing::{Cycle, CycleUnit};
use perennial_store::sellers;

use crate::args::{Args, ClockCommand};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

/// Shows the clock, or turns it on.
pub async fn run(args: &Args, command: &ClockCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let seller = sellers::get(&mut app.store.read().await?, caller.seller).await?;
    let zone = seller.map(|seller| seller.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    if let ClockCommand::Advance { by } = command {
        let day = day(by, app.clock.today(&zone))?;
        let stop = open::stop_on_signal()?;
        app.advance_clock(caller.seller, day, stop, |report| {
            if report.run.found > 0 {
                let failed =
                    if report.counts.failed > 0 { format!(", {} failed", report.counts.failed) } else { String::new() };
                let (renewed, invoices) = (report.renewed, report.invoices());
                output::note(format!("{}: {renewed} renewed on {invoices} invoices{failed}", report.run.day));
            }
        })
        .await?;
    }
    let now = app.clock.now().to_zoned(zone);
    let kind = if app.clock.microseconds_ahead().is_some() { "a sandbox's clock" } else { "the machine's clock" };
    app.store.close().await;
    output::line(format!("{} ({kind})", now.strftime("%Y-%m-%d %H:%M %Z")))?;
    Ok(Exit::Done)
}

/// A date, or a number of days, weeks, months or years from today.
fn day(text: &str, today: Date) -> Result<Date> {
    if let Ok(day) = text.parse::<Date>() {
        return Ok(day);
    }
    let refused = || UsageError(format!("{text:?} is neither a date nor a length of time such as 40d, 6w, 3m or 1y"));
    let Ok(Cycle::Every { count, unit }) = text.parse::<Cycle>() else { return Err(refused().into()) };
    let count = i64::from(count);
    let span = match unit {
        CycleUnit::Day => Span::new().days(count),
        CycleUnit::Week => Span::new().weeks(count),
        CycleUnit::Month => Span::new().months(count),
        CycleUnit::Year => Span::new().years(count),
    };
    Ok(today.checked_add(span).map_err(|_| refused())?)
}
