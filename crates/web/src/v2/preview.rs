//! The invoices to come, of a customer or of one service.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use jiff::civil::Date;
use perennial_app::{Preview, PreviewOf, Scope};
use perennial_billing::Plan;
use perennial_billing::forecast::Held;
use perennial_billing::line::Line;
use serde::Serialize;

use super::day::Day;
use super::{On, Query, path_id};
use crate::ApiError;
use crate::context::Context;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    from: Date,
    until: Date,
    is_complete: bool,
    invoices: Vec<Invoice>,
    not_renewed: Vec<NotRenewed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invoice {
    issued_on: Date,
    due_on: Date,
    currency: String,
    net: String,
    tax: String,
    total: String,
    lines: Vec<InvoiceLine>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvoiceLine {
    service: String,
    addon: Option<String>,
    description: String,
    quantity: String,
    unit_price: String,
    /// What is taken off, without tax.
    allowance: Option<Allowance>,
    net: String,
    tax_category: &'static str,
    tax_rate_percent: String,
    period_starts: Date,
    period_ends: Date,
    /// What it is a part of, if it bills a part of a period or gives one back.
    part: Option<Part>,
}

/// So much, and why.
#[derive(Debug, Serialize)]
struct Allowance {
    amount: String,
    reason: String,
}

/// `days` of `of` days of a period that costs `whole`.
#[derive(Debug, Serialize)]
struct Part {
    whole: String,
    days: u32,
    of: u32,
}

#[derive(Debug, Serialize)]
struct NotRenewed {
    service: String,
    from: Date,
    reason: String,
}

/// Of all services of a customer.
pub(crate) async fn of_customer(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    Query(on): Query<On>,
) -> Result<Response, ApiError> {
    let of = PreviewOf::Customer(path_id("cus_", path)?);
    show(context, of, on).await
}

/// Of one service by itself.
pub(crate) async fn of_service(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    Query(on): Query<On>,
) -> Result<Response, ApiError> {
    let of = PreviewOf::Service(path_id("svc_", path)?);
    show(context, of, on).await
}

async fn show(context: Context, of: PreviewOf, On { on }: On) -> Result<Response, ApiError> {
    context.require(Scope::ReadBilling)?;
    let Preview { from, until, forecast } = context.app.preview(&context.caller, of, on.map(|Day(day)| day)).await?;
    let held =
        |Held { service, from, hold }| NotRenewed { service: format!("svc_{service}"), from, reason: hold.to_string() };
    Ok(context.plain(Shown {
        from,
        until,
        is_complete: !forecast.is_cut,
        invoices: forecast.invoices.iter().map(invoice).collect(),
        not_renewed: forecast.held.into_iter().map(held).collect(),
    }))
}

pub(super) fn invoice(plan: &Plan) -> Invoice {
    Invoice {
        issued_on: plan.issued_on,
        due_on: plan.due_on,
        currency: plan.total.currency.to_string(),
        net: plan.net.amount(),
        tax: plan.tax.amount(),
        total: plan.total.amount(),
        lines: plan.lines.iter().map(line).collect(),
    }
}

pub(super) fn line(line: &Line) -> InvoiceLine {
    InvoiceLine {
        service: format!("svc_{}", line.service),
        addon: line.addon.filter(|addon| addon.0 > 0).map(|addon| format!("add_{addon}")),
        description: line.description.clone(),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_price.amount(),
        allowance: line
            .allowance
            .as_ref()
            .map(|off| Allowance { amount: off.amount.amount(), reason: off.reason.clone() }),
        net: line.net.amount(),
        tax_category: line.tax.category.code(),
        tax_rate_percent: line.tax.rate.percent(),
        period_starts: line.period.starts,
        period_ends: line.period.ends,
        part: line.part.map(|part| Part { whole: part.whole.amount(), days: part.share.days, of: part.share.of }),
    }
}
