//! `/api/v2/services/{id}/cancellation`: ending a service, and taking that back.

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::CancelRequest;
use perennial_billing::ServiceId;
use perennial_store::cancellations::{Cancellation, CancellationState, CancellationTiming};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, NoContent};
use crate::wire::{At, Json, Text};

/// A wish to end a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewCancellation {
    timing: Timing,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    other_reason: String,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(inline)]
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

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Cancellation")]
pub(crate) struct Shown {
    service: Text<ServiceId>,
    status: &'static str,
    timing: Option<&'static str>,
    ends_on: Option<Text<Date>>,
    requested_at: Option<Text<Timestamp>>,
    reason: Option<String>,
    other_reason: Option<String>,
}

/// Cancels a service.
pub(crate) async fn request(
    context: Context,
    At(id): At<ServiceId>,
    Json(new): Json<NewCancellation>,
) -> Result<Answer<Shown>, ApiError> {
    let NewCancellation { timing, reason, other_reason } = new;
    let request = CancelRequest { timing: timing.into(), reason, other_reason };
    let cancelled = context.app.cancel_service(&context.caller, id, request).await?;
    Ok(Answer(shown(id, Some(cancelled.cancellation))))
}

/// The last cancellation there was.
pub(crate) async fn detail(context: Context, At(id): At<ServiceId>) -> Result<Answer<Shown>, ApiError> {
    let (_, cancellation) = context.app.service_of(&context.caller, id).await?;
    Ok(Answer(shown(id, cancellation)))
}

/// Takes it back.
pub(crate) async fn revoke(context: Context, At(id): At<ServiceId>) -> Result<NoContent, ApiError> {
    context.app.keep_service(&context.caller, id).await?;
    Ok(NoContent)
}

fn shown(service: ServiceId, cancellation: Option<Cancellation>) -> Shown {
    let status = cancellation.as_ref().map_or("none", |cancellation| match cancellation.state {
        CancellationState::Pending => "scheduled",
        CancellationState::Done => "completed",
        CancellationState::Revoked => "revoked",
    });
    let (timing, ends_on) = cancellation.as_ref().map(|known| (known.timing.as_str(), Text(known.ends_on))).unzip();
    let requested_at = cancellation.as_ref().map(|known| Text(known.requested_at));
    let (reason, other_reason) = cancellation.map(|known| (known.reason, known.other_reason)).unzip();
    Shown { service: Text(service), status, timing, ends_on, requested_at, reason, other_reason }
}
