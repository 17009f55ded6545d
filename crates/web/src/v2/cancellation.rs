//! `/api/v2/services/{id}/cancellation`: ending a service, and taking that back.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use perennial_app::{CancelRequest, Scope};
use perennial_billing::ServiceId;
use perennial_store::cancellations::{Cancellation, CancellationState, CancellationTiming};
use serde::{Deserialize, Serialize};

use super::{Json, Nothing, Query, path_id};
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::iso;

/// A wish to end a service.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewCancellation {
    timing: Timing,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    other_reason: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Timing {
    Immediate,
    EndOfPeriod,
}

impl From<Timing> for CancellationTiming {
    fn from(timing: Timing) -> Self {
        match timing {
            Timing::Immediate => Self::Immediate,
            Timing::EndOfPeriod => Self::EndOfPeriod,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    service: String,
    status: &'static str,
    timing: Option<&'static str>,
    ends_on: Option<Date>,
    requested_at: Option<String>,
    reason: Option<String>,
    other_reason: Option<String>,
}

/// Cancels a service.
pub(crate) async fn request(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
    Json(new): Json<NewCancellation>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    let id: ServiceId = path_id("svc_", path)?;
    let NewCancellation { timing, reason, other_reason } = new;
    let request = CancelRequest { timing: timing.into(), reason, other_reason };
    let cancelled = context.app.cancel_service(&context.caller, id, request).await?;
    Ok(context.plain(shown(id, Some(cancelled.cancellation))))
}

/// The last cancellation there was.
pub(crate) async fn detail(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadServices)?;
    let id: ServiceId = path_id("svc_", path)?;
    let (_, cancellation) = context.app.service_of(&context.caller, id).await?;
    Ok(context.plain(shown(id, cancellation)))
}

/// Takes it back.
pub(crate) async fn revoke(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    _: Query<Nothing>,
) -> Result<Response, ApiError> {
    context.require(Scope::WriteBilling)?;
    context.app.keep_service(&context.caller, path_id("svc_", path)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(service: ServiceId, cancellation: Option<Cancellation>) -> Shown {
    let status = cancellation.as_ref().map_or("none", |cancellation| match cancellation.state {
        CancellationState::Pending => "scheduled",
        CancellationState::Done => "completed",
        CancellationState::Revoked => "revoked",
    });
    let (timing, ends_on) = cancellation.as_ref().map(|known| (known.timing.as_str(), known.ends_on)).unzip();
    let requested_at = cancellation.as_ref().map(|known| iso(known.requested_at));
    let (reason, other_reason) = cancellation.map(|known| (known.reason, known.other_reason)).unzip();
    Shown { service: format!("svc_{service}"), status, timing, ends_on, requested_at, reason, other_reason }
}
