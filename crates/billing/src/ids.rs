//! Identifiers: `i64` newtypes, so that the compiler refuses a customer's id where a service's is wanted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest id: every JSON reader keeps integers up to here exactly (RFC 8259, section 6).
pub const MAX_ID: i64 = (1 << 53) - 1;

/// The text is not an integer from 1 to [`MAX_ID`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a whole number from 1 to {MAX_ID}")]
pub struct ParseIdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident = $prefix:literal) => {
        id!($(#[$doc])* $name);

        impl $name {
            /// What stands before the integer where kinds of ids are told apart: in v2 of the API and in webhooks.
            pub const PREFIX: &'static str = $prefix;

            /// It with its prefix.
            #[must_use]
            pub fn prefixed(self) -> String {
                format!("{}{self}", Self::PREFIX)
            }
        }
    };
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                match text.parse::<i64>() {
                    Ok(id) if (1..=MAX_ID).contains(&id) && text.as_bytes()[0].is_ascii_digit() => Ok(Self(id)),
                    _ => Err(ParseIdError),
                }
            }
        }
    };
}

id!(
    /// A legal entity that issues invoices.
    SellerId = "sel_"
);
id!(
    /// Who is billed.
    CustomerId = "cus_"
);
id!(
    /// What is sold.
    ProductId = "prd_"
);
id!(
    /// One version of a price.
    PriceId = "prc_"
);
id!(
    /// One sold thing of one customer; the v1 API calls it an account.
    ServiceId = "svc_"
);
id!(
    /// Something sold on top of a service.
    AddonId = "add_"
);
id!(
    /// An invoice's integer id; its legal number is text, see [`NumberPattern`](crate::NumberPattern).
    InvoiceId = "inv_"
);
id!(
    /// An API key's id; the key itself is stored only as a hash.
    ApiKeyId = "key_"
);
id!(
    /// An extra recipient of a customer's invoices.
    ContactId = "con_"
);
id!(
    /// One renewal run of a seller.
    RunId = "run_"
);
id!(
    /// A change of the prices of many services.
    CampaignId = "cmp_"
);
id!(
    /// Something that takes off a part of a price.
    CouponId
);
id!(
    /// A wish to end a service.
    CancellationId
);
id!(
    /// A change of a service's product, quantity or cycle, or the sale of an add-on.
    ServiceChangeId = "chg_"
);
id!(
    /// Money that came in.
    PaymentId = "pay_"
);
id!(
    /// Money that went back.
    RefundId = "rfd_"
);
id!(
    /// What took something off what is to be paid for an invoice.
    SettlementId = "stl_"
);
id!(
    /// A move of a customer's credit.
    CreditMoveId = "crm_"
);
id!(
    /// An invoice in the making.
    DraftId = "drf_"
);
id!(
    /// A row that is delivered after the business change it was written with.
    OutboxId = "mail_"
);
id!(
    /// Something that happened.
    EventId = "evt_"
);
id!(
    /// Who wants to be told what happens.
    WebhookId = "whk_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_from_one_are_ids() {
        assert_eq!("20000".parse(), Ok(ServiceId(20000)));
        for bad in ["", "0", "-1", "+1", "1.0", "abc", " 1", "9007199254740992", "9223372036854775808"] {
            assert_eq!(bad.parse::<ServiceId>(), Err(ParseIdError), "{bad:?}");
        }
    }
}
