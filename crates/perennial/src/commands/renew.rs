//! `perennial renew`.

use anyhow::Result;
use perennial_app::{MAX_BATCH_SERVICES, Order, Outcome, Renewal};
use perennial_billing::{Plan, ServiceId};
use serde::Serialize;

use crate::args::{Args, Format, RenewArgs};
use crate::exit::Exit;
use crate::{open, output};

/// What became of one service.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Row {
    service: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_starts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ends: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Renews services, or shows what renewing them would issue.
pub async fn run(args: &Args, renew: &RenewArgs) -> Result<Exit> {
    let services: Vec<ServiceId> =
        renew.services.iter().map(|text| open::id("service", text)).collect::<Result<_>>()?;
    let addons = (!renew.addons.is_empty() || renew.no_addons).then_some(&renew.addons);
    let addons = addons.map(|ids| ids.iter().map(|text| open::id("add-on", text)).collect::<Result<Vec<_>>>());
    let order = Order { periods: renew.periods, addons: addons.transpose()? };
    let (app, caller) = open::for_staff(args).await?;
    let mut rows = Vec::new();
    for batch in services.chunks(MAX_BATCH_SERVICES) {
        let renewals = match renew.dry_run {
            true => app.preview_ordered(&caller, batch, &order).await,
            false => app.renew_ordered(&caller, batch, &order).await,
        };
        match renewals {
            Ok(renewals) => rows.extend(renewals.into_iter().map(row)),
            // What is issued already must be shown.
            Err(error) if !rows.is_empty() => {
                let failed =
                    |service: &ServiceId| Renewal { service: *service, outcome: Outcome::Failed(error.to_string()) };
                rows.extend(batch.iter().map(failed).map(row));
            }
            Err(error) => return Err(error.into()),
        }
    }
    app.store.close().await;
    let is_complete = rows.iter().all(|row| matches!(row.outcome, "renewed" | "would renew"));
    match renew.format.format {
        Format::Json => output::json(&rows)?,
        Format::Table => print(rows)?,
    }
    Ok(if is_complete { Exit::Done } else { Exit::Incomplete })
}

fn row(renewal: Renewal) -> Row {
    let service = renewal.service.to_string();
    let row = Row { service, ..Row::default() };
    match renewal.outcome {
        Outcome::Renewed(renewed) => Row {
            outcome: "renewed",
            invoice_id: Some(renewed.invoice.id.to_string()),
            number: Some(renewed.invoice.number),
            ..planned(row, &renewed.plan)
        },
        Outcome::Planned(plan) => Row { outcome: "would renew", ..planned(row, &plan) },
        Outcome::Open { invoice, .. } => Row {
            outcome: "open invoice",
            invoice_id: Some(invoice.to_string()),
            reason: Some("an unpaid renewal invoice exists".to_owned()),
            ..row
        },
        Outcome::Refused(refusal) => Row { outcome: "refused", reason: Some(refusal.to_string()), ..row },
        Outcome::PriceUnavailable(reason) => Row { outcome: "no price", reason: Some(reason), ..row },
        Outcome::Failed(reason) => Row { outcome: "failed", reason: Some(reason), ..row },
        Outcome::NotFound => Row { outcome: "not found", reason: Some("Service not found".to_owned()), ..row },
    }
}

fn planned(row: Row, plan: &Plan) -> Row {
    Row {
        period_starts: plan.claims.first().map(|claim| claim.period.starts.to_string()),
        period_ends: plan.claims.last().map(|claim| claim.period.ends.to_string()),
        due_on: Some(plan.due_on.to_string()),
        total: Some(plan.total.amount()),
        currency: Some(plan.total.currency.to_string()),
        ..row
    }
}

fn print(rows: Vec<Row>) -> Result<()> {
    let lines = rows.into_iter().map(|row| {
        let period = match (row.period_starts, row.period_ends) {
            (Some(starts), Some(ends)) => format!("{starts} up to {ends}"),
            _ => String::new(),
        };
        let total = match (row.total, row.currency) {
            (Some(total), Some(currency)) => format!("{total} {currency}"),
            _ => String::new(),
        };
        vec![
            row.service,
            row.outcome.to_owned(),
            row.invoice_id.unwrap_or_default(),
            row.number.unwrap_or_default(),
            period,
            row.due_on.unwrap_or_default(),
            total,
            row.reason.unwrap_or_default(),
        ]
    });
    output::table(&["service", "", "invoice", "number", "period", "due", "total", ""], &[6], lines)
}
