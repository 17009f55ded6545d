//! `/api/v2/services/{id}/discount`: using a coupon, and ending what it gives.

use jiff::civil::Date;
use perennial_billing::{Discount, ServiceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Json, Text, maybe};

/// Which coupon.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CouponUse {
    code: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceDiscount")]
pub(crate) struct Shown {
    service: Text<ServiceId>,
    code: Option<String>,
    /// How many periods are still to be billed with it; none is any number.
    periods: Option<u16>,
    through: Option<Text<Date>>,
}

/// Uses a coupon for a service.
pub(crate) async fn redeem(
    context: Context,
    At(id): At<ServiceId>,
    Json(coupon): Json<CouponUse>,
) -> Result<Answer<Shown>, ApiError> {
    let service = context.app.redeem_coupon(&context.caller, id, &coupon.code).await?;
    Ok(Answer(shown(id, service.discount)))
}

/// Ends the discount of a service.
pub(crate) async fn end(context: Context, At(id): At<ServiceId>) -> Result<Answer<Shown>, ApiError> {
    let service = context.app.end_discount(&context.caller, id).await?;
    Ok(Answer(shown(id, service.discount)))
}

fn shown(service: ServiceId, discount: Option<Discount>) -> Shown {
    Shown {
        service: Text(service),
        code: discount.as_ref().map(|discount| discount.code.clone()),
        periods: discount.as_ref().and_then(|discount| discount.periods),
        through: maybe(discount.and_then(|discount| discount.through)),
    }
}
