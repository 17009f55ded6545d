//! `PATCH /api/v2/services/{id}`: the auto-renew switch.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use jiff::civil::Date;
use perennial_app::Scope;
use perennial_store::services::Service;
use serde::{Deserialize, Serialize};

use super::{Json, Nothing, Query, path_id};
use crate::ApiError;
use crate::context::Context;

/// What to change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Change {
    auto_renew: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    status: &'static str,
    auto_renew: bool,
    billed_through: Option<Date>,
    paid_through: Option<Date>,
    renew_on: Option<Date>,
    ends_on: Option<Date>,
}

/// Switches whether the run renews a service.
pub(crate) async fn change(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(change): Json<Change>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let changed = context.app.set_auto_renew(&context.caller, path_id("svc_", path)?, change.auto_renew).await?;
    Ok(context.plain(shown(changed)))
}

fn shown(service: Service) -> Shown {
    Shown {
        id: format!("svc_{}", service.id),
        status: service.status.as_str(),
        auto_renew: service.auto_renew,
        billed_through: service.billed_through,
        paid_through: service.paid_through,
        renew_on: service.renew_on,
        ends_on: service.ends_on,
    }
}
