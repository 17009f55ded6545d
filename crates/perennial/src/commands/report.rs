//! `perennial report vat|oss|ageing`.

use anyhow::{Context as _, Result};
use perennial_app::{App, Caller, TaxReport, TaxRow};
use perennial_store::sellers;
use serde::Serialize;

use crate::args::{Args, Days, Format, ReportCommand};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tax {
    country: String,
    category: &'static str,
    rate_percent: String,
    documents: i64,
    base: String,
    tax: String,
    currency: String,
}

impl Tax {
    fn of(row: &TaxRow) -> Self {
        Self {
            country: row.profile.country.to_string(),
            category: row.profile.category.code(),
            rate_percent: row.profile.rate.percent(),
            documents: row.documents,
            base: row.base.amount(),
            tax: row.tax.amount(),
            currency: row.base.currency.to_string(),
        }
    }
}

#[derive(Serialize)]
struct VatReport {
    from: String,
    through: String,
    rows: Vec<Tax>,
    unconverted: Vec<Tax>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Owing {
    customer_id: String,
    currency: String,
    not_due: String,
    days1_to30: String,
    days31_to60: String,
    days61_to90: String,
    older: String,
    total: String,
}

/// Sums for accountants and tax authorities.
pub async fn run(args: &Args, command: &ReportCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let exit = match command {
        ReportCommand::Vat { days, format } => vat(&app, &caller, days, format.format, false).await?,
        ReportCommand::Oss { days, format } => vat(&app, &caller, days, format.format, true).await?,
        ReportCommand::Ageing { format } => ageing(&app, &caller, format.format).await?,
    };
    app.store.close().await;
    Ok(exit)
}

async fn vat(app: &App, caller: &Caller, days: &Days, format: Format, is_oss: bool) -> Result<Exit> {
    let report = app.tax_report(caller, days.from, days.through).await?;
    let seller = sellers::get(&mut app.store.read().await?, caller.seller).await?.context("the seller is gone")?;
    let rows: Vec<Tax> = match is_oss {
        true => report.one_stop_shop(&seller.party.country).map(Tax::of).collect(),
        false => report.rows.iter().map(Tax::of).collect(),
    };
    let unconverted: Vec<Tax> = unconverted(&report);
    let is_whole = unconverted.is_empty();
    if format == Format::Json {
        let (from, through) = (days.from.to_string(), days.through.to_string());
        output::json(&VatReport { from, through, rows, unconverted })?;
    } else {
        let cells = |t: Tax| {
            vec![t.country, t.category.to_owned(), t.rate_percent, t.documents.to_string(), t.base, t.tax, t.currency]
        };
        let heads = ["country", "category", "rate %", "documents", "base", "VAT", ""];
        output::table(&heads, &[2, 3, 4, 5], rows.into_iter().map(cells))?;
        for missing in unconverted {
            output::note(format!(
                "Not in the sums, because no rate was known when it was issued: {} {} with {} VAT ({} {} {} %)",
                missing.base, missing.currency, missing.tax, missing.country, missing.category, missing.rate_percent
            ));
        }
        if !is_whole {
            output::note("Add rates before invoices are issued: perennial exchange-rate add");
        }
    }
    Ok(if is_whole { Exit::Done } else { Exit::Incomplete })
}

fn unconverted(report: &TaxReport) -> Vec<Tax> {
    let of = |(profile, base, tax): &(_, _, _)| TaxRow { profile: *profile, documents: 0, base: *base, tax: *tax };
    report.unconverted.iter().map(|sum| Tax::of(&of(sum))).collect()
}

async fn ageing(app: &App, caller: &Caller, format: Format) -> Result<Exit> {
    let owing = app.ageing(caller).await?;
    let rows = owing.iter().map(|one| {
        let amount = |nth: usize| perennial_billing::Money::new(one.minor[nth], one.currency).amount();
        Owing {
            customer_id: one.customer.to_string(),
            currency: one.currency.to_string(),
            not_due: amount(0),
            days1_to30: amount(1),
            days31_to60: amount(2),
            days61_to90: amount(3),
            older: amount(4),
            total: one.total().amount(),
        }
    });
    if format == Format::Json {
        output::json(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let cells = |o: Owing| {
        vec![o.customer_id, o.not_due, o.days1_to30, o.days31_to60, o.days61_to90, o.older, o.total, o.currency]
    };
    let heads = ["customer", "not due", "1-30 days", "31-60", "61-90", "older", "total", ""];
    output::table(&heads, &[1, 2, 3, 4, 5, 6], rows.map(cells))?;
    Ok(Exit::Done)
}
