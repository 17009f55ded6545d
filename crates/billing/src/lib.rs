//! The rules of renewal and invoicing, pure: no I/O, no async, no clock, no randomness.
//!
//! A service is a row of numbered [`Period`]s computed from its [`Schedule`]; [`renewal::plan`] turns the facts about a
//! service into the invoice that renewing it would issue, or into a named [`Refusal`]. Everything else in this crate is
//! what that one function needs: exact [`Money`], [`Cycle`]s, price versions, tax groups, legal numbers.
//!
//! To add a rule: write it as a function from data to data in the file of its noun, with a property or a table as test.

mod account;
pub mod align;
mod amounts;
pub mod campaign;
pub mod change;
mod check_digits;
mod conversion;
mod country;
mod currency;
mod customer;
mod cycle;
mod decimal;
mod discount;
mod document;
mod due;
pub mod forecast;
mod ids;
mod invoicing;
mod late;
mod lead;
pub mod ledger;
pub mod line;
mod money;
mod number;
mod price;
mod proration;
mod quantity;
mod quiet_hours;
mod rate;
mod reference;
pub mod renewal;
mod rounding;
pub mod run;
mod schedule;
mod service;
mod tax;
mod taxation;
mod vat_area;
mod vat_number;
mod vat_rates;
mod wording;

pub use account::{AccountError, Bankgiro, Bic, FikCreditor, Iban, Plusgiro, SwishNumber, entered_account};
pub use amounts::{AmountRules, Amounts, TaxRounding, TaxedAmount, credited_shares};
pub use conversion::{Conversion, ExchangeRate, HomeRate, HomeRates, HomeTax, UnitRate};
pub use country::{Country, UnknownCountry};
pub use currency::{Currency, UnknownCurrency};
pub use customer::CustomerKind;
pub use cycle::{Cycle, CycleUnit, ParseCycleError};
pub use decimal::ParseDecimalError;
pub use discount::{Discount, Off};
pub use document::DocumentKind;
pub use due::due_date;
pub use ids::{
    AddonId, ApiKeyId, CampaignId, CancellationId, ContactId, CouponId, CreditMoveId, CustomerId, DraftId, EventId,
    InvoiceId, MAX_ID, OutboxId, ParseIdError, PaymentId, PriceId, ProductId, RefundId, RunId, SellerId,
    ServiceChangeId, ServiceId, SettlementId, WebhookId,
};
pub use invoicing::Invoicing;
pub use late::{LatePayment, Moved};
pub use lead::{LeadScope, LeadTime};
pub use money::{AmountOutOfRange, Money};
pub use number::{NumberPattern, NumberPatternError, NumberReset};
pub use price::{CampaignPrice, PriceRule, PriceSource, PriceTerms, PriceVersion, price_on};
pub use proration::{DayCount, Part, Share};
pub use quantity::Quantity;
pub use quiet_hours::{QuietHours, QuietHoursError};
pub use rate::Rate;
pub use reference::{PaymentReference, ReferenceError, ReferenceScheme};
pub use renewal::{Plan, Refusal};
pub use rounding::Rounding;
pub use schedule::{DateOutOfRange, Period, PeriodNumber, Schedule};
pub use service::{ParseStatusError, ServiceStatus};
pub use tax::{TaxCategory, TaxGroup, TaxProfile};
pub use taxation::{NumberStatus, OwnRate, TaxClass, TaxRules, Taxation, TaxedCustomer, VatNumberPolicy};
pub use vat_area::is_in_vat_area;
pub use vat_number::{VatNumber, VatNumberError};
pub use vat_rates::{
    STANDARD_RATES, STANDARD_RATES_FROM, StandardRate, standard_rate, standard_rate_countries, standard_rates,
};
pub use wording::{exemption_code, exemption_reason, untaxed_reason};
