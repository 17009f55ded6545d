//! `perennial explain`.

use anyhow::Result;
use jiff::civil::Date;
use serde::Serialize;

use crate::args::{Args, Format};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    service: String,
    day: String,
    renew_on: Option<String>,
    lead_days: u16,
    lead_set_for: String,
    /// Why the run of that day leaves it alone.
    reason: Option<String>,
    total: Option<String>,
    currency: Option<String>,
    sentences: Vec<String>,
}

/// Says when and why a service will be renewed.
pub async fn run(args: &Args, service: &str, day: Option<Date>, format: Format) -> Result<Exit> {
    let service = open::id("service", service)?;
    let (app, caller) = open::for_staff(args).await?;
    let explanation = app.explain(&caller, service, day).await?;
    app.store.close().await;
    match format {
        Format::Table => {
            for sentence in explanation.sentences {
                output::line(sentence)?;
            }
        }
        Format::Json => {
            let total = explanation.plan.as_ref().ok().map(|plan| plan.total);
            output::json(&Explained {
                service: explanation.service.to_string(),
                day: explanation.day.to_string(),
                renew_on: explanation.renew_on.map(|day| day.to_string()),
                lead_days: explanation.lead.days,
                lead_set_for: explanation.lead.scope.to_string(),
                reason: explanation.hold.map(|hold| hold.to_string()),
                total: total.map(|total| total.amount()),
                currency: total.map(|total| total.currency.to_string()),
                sentences: explanation.sentences,
            })?;
        }
    }
    Ok(Exit::Done)
}
