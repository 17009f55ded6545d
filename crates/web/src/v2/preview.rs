//! The invoices to come, of a customer or of one service.

use jiff::civil::Date;
use perennial_app::{Preview, PreviewOf};
use perennial_billing::forecast::Held;
use perennial_billing::line::Line;
use perennial_billing::{AddonId, Currency, CustomerId, Plan, Quantity, Rate, ServiceId, TaxCategory};
use schemars::JsonSchema;
use serde::Serialize;

use super::On;
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{Amount, At, Query, Text, Word};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Preview")]
pub(crate) struct Shown {
    from: Text<Date>,
    until: Text<Date>,
    is_complete: bool,
    invoices: Vec<Invoice>,
    not_renewed: Vec<NotRenewed>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PlannedInvoice")]
pub(super) struct Invoice {
    issued_on: Text<Date>,
    due_on: Text<Date>,
    currency: Text<Currency>,
    net: Amount,
    tax: Amount,
    total: Amount,
    lines: Vec<InvoiceLine>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PlannedLine")]
pub(super) struct InvoiceLine {
    service: Text<ServiceId>,
    addon: Option<Text<AddonId>>,
    description: String,
    #[schemars(schema_with = "crate::wire::signed_quantity")]
    quantity: Text<Quantity>,
    unit_price: Amount,
    /// What is taken off, without tax.
    allowance: Option<Allowance>,
    net: Amount,
    /// As EN 16931 has it (UNTDID 5305).
    tax_category: Word<TaxCategory>,
    tax_rate_percent: Text<Rate>,
    period_starts: Text<Date>,
    period_ends: Text<Date>,
    /// What it is a part of, if it bills a part of a period or gives one back.
    part: Option<Part>,
}

/// So much, and why.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Allowance {
    amount: Amount,
    reason: String,
}

impl From<&perennial_billing::line::Allowance> for Allowance {
    fn from(off: &perennial_billing::line::Allowance) -> Self {
        Self { amount: off.amount.into(), reason: off.reason.clone() }
    }
}

/// `days` of `of` days of a period that costs `whole`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Part {
    whole: Amount,
    days: u32,
    of: u32,
}

impl From<perennial_billing::Part> for Part {
    fn from(part: perennial_billing::Part) -> Self {
        Self { whole: part.whole.into(), days: part.share.days, of: part.share.of }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct NotRenewed {
    service: Text<ServiceId>,
    from: Text<Date>,
    reason: String,
}

/// Of all services of a customer.
pub(crate) async fn of_customer(
    context: Context,
    At(id): At<CustomerId>,
    Query(on): Query<On>,
) -> Result<Answer<Shown>, ApiError> {
    let of = PreviewOf::Customer(id);
    show(context, of, on).await
}

/// Of one service by itself.
pub(crate) async fn of_service(
    context: Context,
    At(id): At<ServiceId>,
    Query(on): Query<On>,
) -> Result<Answer<Shown>, ApiError> {
    let of = PreviewOf::Service(id);
    show(context, of, on).await
}

async fn show(context: Context, of: PreviewOf, On { on }: On) -> Result<Answer<Shown>, ApiError> {
    let Preview { from, until, forecast } = context.app.preview(&context.caller, of, on.map(|Text(day)| day)).await?;
    let held = |Held { service, from, hold }| NotRenewed {
        service: Text(service),
        from: Text(from),
        reason: hold.to_string(),
    };
    Ok(Answer(Shown {
        from: Text(from),
        until: Text(until),
        is_complete: !forecast.is_cut,
        invoices: forecast.invoices.iter().map(invoice).collect(),
        not_renewed: forecast.held.into_iter().map(held).collect(),
    }))
}

pub(super) fn invoice(plan: &Plan) -> Invoice {
    Invoice {
        issued_on: Text(plan.issued_on),
        due_on: Text(plan.due_on),
        currency: Text(plan.total.currency),
        net: plan.net.into(),
        tax: plan.tax.into(),
        total: plan.total.into(),
        lines: plan.lines.iter().map(line).collect(),
    }
}

pub(super) fn line(line: &Line) -> InvoiceLine {
    InvoiceLine {
        service: Text(line.service),
        addon: line.addon.filter(|addon| addon.0 > 0).map(Text),
        description: line.description.clone(),
        quantity: Text(line.quantity),
        unit_price: line.unit_price.into(),
        allowance: line.allowance.as_ref().map(Allowance::from),
        net: line.net.into(),
        tax_category: Word(line.tax.category),
        tax_rate_percent: Text(line.tax.rate),
        period_starts: Text(line.period.starts),
        period_ends: Text(line.period.ends),
        part: line.part.map(Part::from),
    }
}
