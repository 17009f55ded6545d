//! Why a service will be renewed, when and for how much, or why not.

use jiff::civil::Date;
use perennial_billing::ServiceId;
use schemars::JsonSchema;
use serde::Serialize;

use super::On;
use crate::ApiError;
use crate::context::Context;
use crate::describe::Answer;
use crate::wire::{At, Query, Text, maybe};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Explanation")]
pub(crate) struct Explained {
    service: Text<ServiceId>,
    day: Text<Date>,
    renew_on: Option<Text<Date>>,
    lead_days: u16,
    lead_set_for: String,
    /// Why the run of that day leaves it alone.
    reason: Option<String>,
    sentences: Vec<String>,
}

/// What the run of a day does with a service.
pub(crate) async fn explain(
    context: Context,
    At(id): At<ServiceId>,
    Query(On { on }): Query<On>,
) -> Result<Answer<Explained>, ApiError> {
    let day = on.map(|Text(day)| day);
    let explanation = context.app.explain(&context.caller, id, day).await?;
    Ok(Answer(Explained {
        service: Text(explanation.service),
        day: Text(explanation.day),
        renew_on: maybe(explanation.renew_on),
        lead_days: explanation.lead.days,
        lead_set_for: explanation.lead.scope.to_string(),
        reason: explanation.hold.map(|hold| hold.to_string()),
        sentences: explanation.sentences,
    }))
}
