//! `perennial lead-time list|set|remove`.

use anyhow::{Context, Result};
use perennial_app::Actor;
use perennial_billing::{Cycle, LeadScope, LeadTime};
use perennial_store::sellers;
use serde::Serialize;

use crate::args::{Args, Format, LeadTimeCommand, LeadTimeScope};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
struct Row {
    scope: String,
    days: u16,
}

/// Lists lead times, or changes one.
pub async fn run(args: &Args, command: &LeadTimeCommand) -> Result<Exit> {
    match command {
        LeadTimeCommand::List { format } => list(args, format.format).await,
        LeadTimeCommand::Set { scope, days } => set(args, scope, Some(*days)).await,
        LeadTimeCommand::Remove { scope } => set(args, scope, None).await,
    }
}

async fn list(args: &Args, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let seller = sellers::get(&mut app.store.read().await?, caller.seller).await?.context("the seller is gone")?;
    app.store.close().await;
    let own = LeadTime { scope: LeadScope::Seller, days: seller.runs.lead_days };
    let all = std::iter::once(own).chain(seller.runs.lead_times);
    let rows: Vec<Row> = all.map(|set| Row { scope: set.scope.to_string(), days: set.days }).collect();
    match format {
        Format::Json => output::json(&rows)?,
        Format::Table => {
            let lines = rows.into_iter().map(|row| vec![row.scope, row.days.to_string()]);
            output::table(&["for", "days"], &[1], lines)?;
        }
    }
    Ok(Exit::Done)
}

async fn set(args: &Args, scope: &LeadTimeScope, days: Option<u16>) -> Result<Exit> {
    let scope = read(scope)?;
    let (app, caller) = open::for_staff(args).await?;
    app.set_lead_time(caller.seller, Actor::Cli, scope, days).await?;
    app.store.close().await;
    output::note(match days {
        Some(days) => format!("The run bills a period of {scope} {days} days before it begins."),
        None => format!("For {scope}, the next nearest lead time holds."),
    });
    Ok(Exit::Done)
}

fn read(scope: &LeadTimeScope) -> Result<LeadScope> {
    let cycle: Option<Cycle> = scope.cycle.as_deref().map(|text| open::id("cycle", text)).transpose()?;
    let product = scope.product.as_deref().map(|text| open::id("product", text)).transpose()?;
    match (&scope.customer, product, cycle) {
        (Some(customer), ..) => Ok(LeadScope::Customer(open::id("customer", customer)?)),
        (None, Some(product), None) => Ok(LeadScope::Product(product)),
        (None, Some(product), Some(cycle)) => Ok(LeadScope::ProductCycle(product, cycle)),
        (None, None, Some(cycle)) => Ok(LeadScope::Cycle(cycle)),
        (None, None, None) => Err(UsageError("name a customer, a product or a cycle".to_owned()).into()),
    }
}
