//! Ids with a prefix: `svc_20000` is the integer 20000 of the v1 API.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use perennial_billing::{
    AddonId, ApiKeyId, CampaignId, ContactId, CreditMoveId, CustomerId, DraftId, EventId, InvoiceId, OutboxId,
    PaymentId, PriceId, ProductId, RefundId, RunId, SellerId, ServiceChangeId, ServiceId, SettlementId, WebhookId,
};
use schemars::{Schema, json_schema};

use super::OnWire;
use crate::ApiError;

/// An id that has a prefix of its own.
trait Prefixed: Copy + Display + FromStr {
    /// What stands before the integer.
    const PREFIX: &'static str;
}

macro_rules! prefixed {
    ($($id:ident),+ $(,)?) => {
        $(
            impl Prefixed for $id {
                const PREFIX: &'static str = $id::PREFIX;
            }

            impl OnWire for $id {
                fn read(text: &str) -> Result<Self, String> {
                    read(text)
                }

                fn write(&self) -> String {
                    self.prefixed()
                }

                fn schema() -> Schema {
                    schema::<Self>()
                }
            }
        )+
    };
}

prefixed! {
    SellerId,
    CustomerId,
    ContactId,
    ProductId,
    PriceId,
    ServiceId,
    AddonId,
    ServiceChangeId,
    CampaignId,
    InvoiceId,
    DraftId,
    PaymentId,
    RefundId,
    SettlementId,
    CreditMoveId,
    RunId,
    OutboxId,
    ApiKeyId,
    EventId,
    WebhookId,
}

/// Reads an id with its prefix, or the bare integer.
fn read<T: Prefixed>(text: &str) -> Result<T, String> {
    let digits = text.strip_prefix(T::PREFIX).unwrap_or(text);
    let id = if digits.starts_with('0') { None } else { digits.parse().ok() };
    id.ok_or_else(|| format!("must be {prefix} and an integer of at least 1, such as {prefix}7", prefix = T::PREFIX))
}

fn schema<T: Prefixed>() -> Schema {
    let prefix = T::PREFIX;
    json_schema!({"type": "string", "pattern": format!("^({prefix})?[1-9][0-9]{{0,14}}$"), "examples": [format!("{prefix}7")]})
}

/// The id in the path.
#[derive(Debug)]
pub(crate) struct At<T>(pub T);

/// The two ids in the path.
#[derive(Debug)]
pub(crate) struct At2<A, B>(pub A, pub B);

impl<T: OnWire, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let mut params = params.iter();
        Ok(Self(value(params.next())?))
    }
}

impl<A: OnWire, B: OnWire, S: Send + Sync> FromRequestParts<S> for At2<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let mut params = params.iter();
        Ok(Self(value(params.next())?, value(params.next())?))
    }
}

async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, ApiError> {
    let refused = |_| ApiError::bad_request("The path is not valid UTF-8");
    RawPathParams::from_request_parts(parts, state).await.map_err(refused)
}

fn value<T: OnWire>(param: Option<(&str, &str)>) -> Result<T, ApiError> {
    let (name, text) = param.ok_or_else(ApiError::internal)?;
    T::read(text).map_err(|reason| ApiError::bad_request(format!("{name} {reason}")))
}
