//! `/api/v2/services/{id}/discount`: using a coupon, and ending what it gives.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use jiff::civil::Date;
use perennial_app::Scope;
use perennial_billing::{Discount, ServiceId};
use serde::{Deserialize, Serialize};

use super::{Json, Nothing, Query, path_id};
use crate::ApiError;
use crate::context::Context;

/// Which coupon.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Use {
    code: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    service: String,
    code: Option<String>,
    /// How many periods are still to be billed with it; none is any number.
    periods: Option<u16>,
    through: Option<Date>,
}

/// Uses a coupon for a service.
pub(crate) async fn redeem(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(coupon): Json<Use>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let id: ServiceId = path_id("svc_", path)?;
    let service = context.app.redeem_coupon(&context.caller, id, &coupon.code).await?;
    Ok(context.plain(shown(id, service.discount)))
}

/// Ends the discount of a service.
pub(crate) async fn end(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require_staff(Scope::WriteBilling)?;
    let id: ServiceId = path_id("svc_", path)?;
    let service = context.app.end_discount(&context.caller, id).await?;
    Ok(context.plain(shown(id, service.discount)))
}

fn shown(service: ServiceId, discount: Option<Discount>) -> Shown {
    Shown {
        service: format!("svc_{service}"),
        code: discount.as_ref().map(|discount| discount.code.clone()),
        periods: discount.as_ref().and_then(|discount| discount.periods),
        through: discount.and_then(|discount| discount.through),
    }
}
