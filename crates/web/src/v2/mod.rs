//! The v2 API: our own. Plain bodies, ids with a prefix, amounts as text, cursor pages, problem documents for errors.

pub(crate) mod addons;
pub(crate) mod alignment;
pub(crate) mod audit;
pub(crate) mod campaigns;
pub(crate) mod cancellation;
pub(crate) mod changes;
pub(crate) mod contacts;
pub(crate) mod credit;
pub(crate) mod customers;
pub(crate) mod discount;
pub(crate) mod drafts;
pub(crate) mod events;
pub(crate) mod explanation;
pub(crate) mod invoice_actions;
pub(crate) mod invoices;
pub(crate) mod keys;
pub(crate) mod mails;
pub(crate) mod me;
pub(crate) mod papers;
pub(crate) mod payment_link;
pub(crate) mod payments;
pub(crate) mod preview;
pub(crate) mod problem;
pub(crate) mod products;
pub(crate) mod refunds;
pub(crate) mod renew;
pub(crate) mod reports;
mod routes;
pub(crate) mod runs;
pub(crate) mod sellers;
pub(crate) mod services;
pub(crate) mod webhooks;

use jiff::civil::Date;
use perennial_billing::CustomerId;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ApiError;
use crate::context::Context;
use crate::wire::Text;
pub(crate) use routes::operations;

/// Where its routes begin.
pub(crate) const ROOT: &str = "/api/v2";

/// Whether a path belongs to this API, known or not.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A day to look at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct On {
    /// Through which day.
    on: Option<Text<Date>>,
}

/// Whose rows a list has: those of the customer that is asked for, or of the one whose key it is. Another one is not there.
pub(crate) fn whose(context: &Context, wanted: Option<Text<CustomerId>>) -> Result<Option<CustomerId>, ApiError> {
    match wanted {
        Some(Text(customer)) if !context.caller.may_see(customer) => Err(ApiError::not_found("Customer not found")),
        Some(Text(customer)) => Ok(Some(customer)),
        None => Ok(context.caller.customer),
    }
}
