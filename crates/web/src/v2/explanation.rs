//! Why a service will be renewed, when and for how much, or why not.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use jiff::civil::Date;
use perennial_app::Scope;
use serde::Serialize;

use super::day::Day;
use super::{On, Query, path_id};
use crate::ApiError;
use crate::context::Context;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    service: String,
    day: Date,
    renew_on: Option<Date>,
    lead_days: u16,
    lead_set_for: String,
    /// Why the run of that day leaves it alone.
    reason: Option<String>,
    sentences: Vec<String>,
}

/// What the run of a day does with a service.
pub(crate) async fn explain(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    Query(On { on }): Query<On>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::ReadBilling)?;
    let day = on.map(|Day(day)| day);
    let explanation = context.app.explain(&context.caller, path_id("svc_", path)?, day).await?;
    Ok(context.plain(Explained {
        service: format!("svc_{}", explanation.service),
        day: explanation.day,
        renew_on: explanation.renew_on,
        lead_days: explanation.lead.days,
        lead_set_for: explanation.lead.scope.to_string(),
        reason: explanation.hold.map(|hold| hold.to_string()),
        sentences: explanation.sentences,
    }))
}
