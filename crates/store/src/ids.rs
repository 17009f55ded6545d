//! Integer ids, handed out in blocks. Ids may have gaps; legal numbers may not and live in `invoices.rs`.

use crate::dialect::Dialect;
use crate::value::params;
use crate::{Result, StoreError, Tx};

/// What an id is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// [`SellerId`](perennial_billing::SellerId)
    Seller,
    /// [`CustomerId`](perennial_billing::CustomerId)
    Customer,
    /// [`ContactId`](perennial_billing::ContactId)
    Contact,
    /// [`ProductId`](perennial_billing::ProductId)
    Product,
    /// [`PriceId`](perennial_billing::PriceId)
    Price,
    /// [`ServiceId`](perennial_billing::ServiceId)
    Service,
    /// [`AddonId`](perennial_billing::AddonId)
    Addon,
    /// [`InvoiceId`](perennial_billing::InvoiceId)
    Invoice,
    /// [`OutboxId`](perennial_billing::OutboxId)
    Outbox,
    /// A row of the audit trail.
    Audit,
    /// [`ApiKeyId`](perennial_billing::ApiKeyId)
    ApiKey,
    /// [`RunId`](perennial_billing::RunId)
    Run,
    /// [`CancellationId`](perennial_billing::CancellationId)
    Cancellation,
    /// [`ServiceChangeId`](perennial_billing::ServiceChangeId)
    ServiceChange,
    /// [`CouponId`](perennial_billing::CouponId)
    Coupon,
    /// [`CampaignId`](perennial_billing::CampaignId)
    Campaign,
    /// [`PaymentId`](perennial_billing::PaymentId)
    Payment,
    /// [`RefundId`](perennial_billing::RefundId)
    Refund,
    /// What took something off what is to be paid for an invoice.
    Settlement,
    /// A move of a customer's credit.
    CreditEntry,
    /// [`EventId`](perennial_billing::EventId)
    Event,
    /// [`DraftId`](perennial_billing::DraftId)
    Draft,
    /// A check of a VAT number.
    VatCheck,
    /// [`WebhookId`](perennial_billing::WebhookId)
    Webhook,
}

impl IdKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Customer => "customer",
            Self::Contact => "contact",
            Self::Product => "product",
            Self::Price => "price",
            Self::Service => "service",
            Self::Addon => "addon",
            Self::Invoice => "invoice",
            Self::Outbox => "outbox",
            Self::Audit => "audit",
            Self::ApiKey => "api_key",
            Self::Run => "run",
            Self::Cancellation => "cancellation",
            Self::ServiceChange => "service_change",
            Self::Coupon => "coupon",
            Self::Campaign => "campaign",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Settlement => "settlement",
            Self::CreditEntry => "credit_entry",
            Self::Event => "event",
            Self::Draft => "draft",
            Self::VatCheck => "vat_check",
            Self::Webhook => "webhook",
        }
    }
}

/// `count` new ids, ascending.
pub async fn take(tx: &mut Tx, kind: IdKind, count: usize) -> Result<Vec<i64>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(Vec::new());
    }
    match tx.dialect() {
        Dialect::Sqlite => {
            let sql = "update ids set next = next + $1 where kind = $2 returning next as past";
            let row = tx.row(sql, params![count, kind.as_str()]).await?;
            let past = row.map(|row| row.int("past")).transpose()?.unwrap_or(count + 1);
            Ok((past - count..past).collect())
        }
        Dialect::Postgres => {
            let sql = "select nextval('ids_' || $2::text) as id from generate_series(1, $1::bigint)";
            let rows = tx.rows(sql, params![count, kind.as_str()]).await?;
            rows.iter().map(|row| row.int("id")).collect()
        }
    }
}

/// One new id.
pub async fn take_one(tx: &mut Tx, kind: IdKind) -> Result<i64> {
    let id = take(tx, kind, 1).await?.pop();
    id.ok_or(StoreError::Statement(sqlx::Error::RowNotFound))
}

/// Makes sure that ids handed out from now on are above `taken`, which an import brought along.
pub async fn skip_past(tx: &mut Tx, kind: IdKind, taken: i64) -> Result<()> {
    match tx.dialect() {
        Dialect::Sqlite => {
            let sql = "update ids set next = max(next, $1 + 1) where kind = $2";
            tx.execute(sql, params![taken, kind.as_str()]).await?;
        }
        Dialect::Postgres => {
            // nextval makes the sequence usable and never goes back; a gap in ids is harmless.
            let sql = "select setval('ids_' || $2::text, greatest($1::bigint, nextval('ids_' || $2::text)))";
            tx.rows(sql, params![taken, kind.as_str()]).await?;
        }
    }
    Ok(())
}
