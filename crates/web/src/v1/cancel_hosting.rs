//! `POST /api/cancel-hosting`: ending a service.

use perennial_app::{AppError, CancelRequest};
use perennial_billing::ServiceId;
use perennial_store::cancellations::CancellationTiming;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::ApiError;
use crate::context::Context;
use crate::v1::envelope::Success;

/// A wish to end a service; the documented id is a string.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelHosting {
    account_id: AccountId,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    other_reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum AccountId {
    Text(String),
    Number(i64),
}

impl AccountId {
    /// The service that it names.
    pub fn read(self) -> Result<ServiceId, ApiError> {
        let text = match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        };
        text.parse().map_err(|_| ApiError::bad_request("accountId must be an integer of at least 1"))
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CancellationSubmitted {
    success: bool,
    message: &'static str,
    info: [&'static str; 1],
}

/// Cancels a service at once, or at the end of what is billed.
pub(crate) async fn cancel_hosting(
    context: Context,
    Json(wish): Json<CancelHosting>,
) -> Result<Success<CancellationSubmitted>, ApiError> {
    let service = wish.account_id.read()?;
    let timing = match wish.r#type.as_str() {
        "Immediate" => CancellationTiming::Immediate,
        "End of billing period" => CancellationTiming::EndOfPeriod,
        _ => {
            let message = "Invalid cancellation type. Must be \"Immediate\" or \"End of billing period\"";
            return Err(ApiError::bad_request(message));
        }
    };
    let (reason, other_reason) = (wish.reason.unwrap_or_default(), wish.other_reason.unwrap_or_default());
    let request = CancelRequest { timing, reason, other_reason };
    match context.app.cancel_service(&context.caller, service, request).await {
        Ok(_) => Ok(context.success(CancellationSubmitted {
            success: true,
            message: "Cancellation request submitted successfully",
            info: ["Cancelation request submitted"],
        })),
        Err(AppError::NotFound(_)) => Err(ApiError::not_found("Service not found")),
        Err(error) => Err(error.into()),
    }
}
