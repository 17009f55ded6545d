//! `PATCH /api/v2/services/{id}`: the auto-renew switch.

use jiff::civil::Date;
use perennial_store::services::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Json, Text, maybe};
use perennial_billing::ServiceId;

/// What to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Change {
    auto_renew: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    id: Text<ServiceId>,
    status: &'static str,
    auto_renew: bool,
    billed_through: Option<Text<Date>>,
    paid_through: Option<Text<Date>>,
    renew_on: Option<Text<Date>>,
    ends_on: Option<Text<Date>>,
}

/// Switches whether the run renews a service.
pub(crate) async fn change(
    context: Context,
    At(id): At<ServiceId>,
    Json(change): Json<Change>,
) -> Result<Answer<Shown>, ApiError> {
    let changed = context.app.set_auto_renew(&context.caller, id, change.auto_renew).await?;
    Ok(Answer(shown(changed)))
}

fn shown(service: Service) -> Shown {
    Shown {
        id: Text(service.id),
        status: service.status.as_str(),
        auto_renew: service.auto_renew,
        billed_through: maybe(service.billed_through),
        paid_through: maybe(service.paid_through),
        renew_on: maybe(service.renew_on),
        ends_on: maybe(service.ends_on),
    }
}
