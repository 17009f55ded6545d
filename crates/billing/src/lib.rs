//! The rules of renewal and invoicing, pure: no I/O, no async, no clock, no randomness.
//!
//! A service is a row of numbered [`Period`]s computed from its [`Schedule`]; [`renewal::plan`] turns the facts about a
//! service into the invoice that renewing it would issue, or into a named [`Refusal`]. Everything else in this crate is
//! what that one function needs: exact [`Money`], [`Cycle`]s, price versions, tax groups, legal numbers.
//!
//! To add a rule: write it as a function from data to data in the file of its noun, with a property or a table as test.

pub mod align;
pub mod campaign;
pub mod change;
mod conversion;
mod currency;
mod customer;
mod cycle;
mod decimal;
mod discount;
mod due;
pub mod forecast;
mod ids;
mod invoicing;
mod lead;
pub mod line;
mod money;
mod number;
mod price;
mod proration;
mod quantity;
mod rate;
pub mod renewal;
mod rounding;
pub mod run;
mod schedule;
mod service;
mod tax;

pub use conversion::{Conversion, ExchangeRate, UnitRate};
pub use currency::{Currency, UnknownCurrency};
pub use customer::CustomerKind;
pub use cycle::{Cycle, CycleUnit, ParseCycleError};
pub use decimal::ParseDecimalError;
pub use discount::{Discount, Off};
pub use due::due_date;
pub use ids::{
    AddonId, ApiKeyId, CampaignId, CancellationId, ContactId, CouponId, CustomerId, InvoiceId, MAX_ID, OutboxId,
    ParseIdError, PriceId, ProductId, RunId, SellerId, ServiceChangeId, ServiceId,
};
pub use invoicing::Invoicing;
pub use lead::{LeadScope, LeadTime};
pub use money::{AmountOutOfRange, Money};
pub use number::{NumberPattern, NumberPatternError};
pub use price::{CampaignPrice, PriceRule, PriceSource, PriceTerms, PriceVersion, price_on};
pub use proration::{DayCount, Part, Share};
pub use quantity::Quantity;
pub use rate::Rate;
pub use renewal::{Plan, Refusal};
pub use rounding::Rounding;
pub use schedule::{DateOutOfRange, Period, PeriodNumber, Schedule};
pub use service::{ParseStatusError, ServiceStatus};
pub use tax::{TaxCategory, TaxGroup, TaxProfile, is_eu_member};
