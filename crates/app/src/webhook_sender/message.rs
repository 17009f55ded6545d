//! What a message says, and what it is signed with: [Standard Webhooks](https://www.standardwebhooks.com), version 1.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_billing::{CustomerId, InvoiceId, Money, PaymentId, RefundId, SellerId, ServiceId, WebhookId};
use perennial_store::events::Event;
use perennial_store::webhooks::{self, Secrets, Webhook};
use perennial_store::{Conn, customers, invoices, payments, services};
use ring::hmac;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Random, Result};

/// What stands before a secret, so that people and secret scanners recognise one.
const SECRET_PREFIX: &str = "whsec_";
/// Random bytes in a secret; the scheme wants 24 to 64.
const SECRET_BYTES: usize = 32;

/// The type of a message that tells nothing. It is no event: nothing happened.
const TEST: &str = "webhook.test";

/// What messages are signed with; it is written as receivers' libraries take it.
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// A new one.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(random: &Random) -> Result<Self> {
        Ok(Self(STANDARD.encode(random.bytes::<SECRET_BYTES>()?)))
    }

    /// What signs with it, and with nothing else.
    #[must_use]
    pub fn signing(&self) -> Secrets {
        Secrets(vec![self.0.clone()])
    }

    /// As it is kept.
    pub(crate) fn kept(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is shown to whom it belongs, and not in a log.
        f.write_str("WebhookSecret")
    }
}

impl fmt::Display for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SECRET_PREFIX}{}", self.0)
    }
}

/// A message that is ready to be signed and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is known by: `webhook-id`. The same for each try, so that a receiver knows a repeat.
    pub id: String,
    /// The JSON that is sent.
    pub body: String,
}

/// The JSON of a message.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: String,
    data: Map<String, Value>,
}

impl Message {
    fn new(id: String, name: &str, at: Timestamp, data: Map<String, Value>) -> Self {
        let body = Body { r#type: name, timestamp: instant(at), data };
        Self { id, body: serde_json::to_string(&body).unwrap_or_default() }
    }

    /// One that tells nothing.
    pub(crate) fn test(id: String, webhook: &Webhook, at: Timestamp) -> Self {
        let mut data = Map::new();
        put(&mut data, "webhook", &ShownWebhook::of(webhook));
        Self::new(id, TEST, at, data)
    }

    /// The message that tells an event: what is known of it, and what it happened to, as that is now.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn of(conn: &mut Conn, seller: SellerId, event: &Event) -> Result<Self> {
        let mut data = Map::new();
        match event.subject.as_str() {
            "invoice" => {
                let invoice = invoices::get(conn, seller, InvoiceId(event.subject_id)).await?;
                put(&mut data, "invoice", &invoice.map(|invoice| ShownInvoice::of(&invoice)));
            }
            "service" => {
                let service = services::get(conn, seller, ServiceId(event.subject_id)).await?;
                put(&mut data, "service", &service.map(|service| ShownService::of(&service)));
            }
            "customer" => {
                let customer = customers::get(conn, seller, CustomerId(event.subject_id)).await?;
                put(&mut data, "customer", &customer.map(|customer| ShownCustomer::of(&customer)));
            }
            "payment" => {
                let payment = payments::get(conn, seller, PaymentId(event.subject_id)).await?;
                put(&mut data, "payment", &payment.map(|payment| ShownPayment::of(&payment)));
            }
            "refund" => {
                let refund = payments::refund(conn, seller, RefundId(event.subject_id)).await?;
                put(&mut data, "refund", &refund.map(|refund| ShownRefund::of(&refund)));
            }
            "webhook" => {
                let webhook = webhooks::get(conn, seller, WebhookId(event.subject_id)).await?;
                put(&mut data, "webhook", &webhook.as_ref().map(ShownWebhook::of));
            }
            _ => {}
        }
        if let Some(invoice) = event.invoice {
            put(&mut data, "invoiceId", &invoice.prefixed());
        }
        if let Ok(Value::Object(more)) = serde_json::from_str(&event.data) {
            data.extend(more);
        }
        Ok(Self::new(event.id.prefixed(), &event.name, event.at, data))
    }

    /// What proves to a receiver who has the secret that the message is ours, and when it was sent: `webhook-signature`. With
    /// several secrets there are several, of which one is enough.
    pub(crate) fn signature(&self, sent_at: Timestamp, secrets: &Secrets) -> String {
        let signed = format!("{}.{}.{}", self.id, sent_at.as_second(), self.body);
        let sign = |secret: &String| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).unwrap_or_default());
            format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes())))
        };
        secrets.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

fn put(data: &mut Map<String, Value>, name: &str, value: &impl Serialize) {
    data.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// As amounts are in v2 of the API.
#[derive(Serialize)]
struct Amount {
    amount: String,
    currency: String,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency.code().to_owned() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownInvoice {
    id: String,
    kind: &'static str,
    number: String,
    customer_id: String,
    status: &'static str,
    issued_on: Date,
    due_on: Date,
    total: Amount,
    open: Amount,
    corrects_id: Option<String>,
}

impl ShownInvoice {
    fn of(invoice: &invoices::Invoice) -> Self {
        Self {
            id: invoice.id.prefixed(),
            kind: invoice.kind.as_str(),
            number: invoice.number.clone(),
            customer_id: invoice.customer.prefixed(),
            status: invoice.status.as_str(),
            issued_on: invoice.issued_on,
            due_on: invoice.due_on,
            total: invoice.total.into(),
            open: invoice.open.into(),
            corrects_id: invoice.corrects.map(InvoiceId::prefixed),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownService {
    id: String,
    customer_id: String,
    product_id: String,
    label: String,
    status: &'static str,
    billed_through: Option<Date>,
    paid_through: Option<Date>,
    ends_on: Option<Date>,
}

impl ShownService {
    fn of(service: &services::Service) -> Self {
        Self {
            id: service.id.prefixed(),
            customer_id: service.customer.prefixed(),
            product_id: service.product.prefixed(),
            label: service.label.clone(),
            status: service.status.as_str(),
            billed_through: service.billed_through,
            paid_through: service.paid_through,
            ends_on: service.ends_on,
        }
    }
}

#[derive(Serialize)]
struct ShownCustomer {
    id: String,
    name: String,
    company: String,
    email: String,
}

impl ShownCustomer {
    fn of(customer: &customers::Customer) -> Self {
        let party = &customer.party;
        Self {
            id: customer.id.prefixed(),
            name: party.name.clone(),
            company: party.company.clone(),
            email: party.email.clone(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPayment {
    id: String,
    customer_id: String,
    amount: Amount,
    method: String,
    reference: String,
    paid_on: Date,
}

impl ShownPayment {
    fn of(payment: &payments::Payment) -> Self {
        Self {
            id: payment.id.prefixed(),
            customer_id: payment.customer.prefixed(),
            amount: payment.amount.into(),
            method: payment.method.clone(),
            reference: payment.reference.clone(),
            paid_on: payment.paid_on,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRefund {
    id: String,
    customer_id: String,
    payment_id: Option<String>,
    amount: Amount,
    method: String,
    reference: String,
    paid_on: Date,
}

impl ShownRefund {
    fn of(refund: &payments::Refund) -> Self {
        Self {
            id: refund.id.prefixed(),
            customer_id: refund.customer.prefixed(),
            payment_id: refund.payment.map(PaymentId::prefixed),
            amount: refund.amount.into(),
            method: refund.method.clone(),
            reference: refund.reference.clone(),
            paid_on: refund.paid_on,
        }
    }
}

#[derive(Serialize)]
struct ShownWebhook<'a> {
    id: String,
    description: &'a str,
}

impl<'a> ShownWebhook<'a> {
    fn of(webhook: &'a Webhook) -> Self {
        Self { id: webhook.id.prefixed(), description: &webhook.description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the scheme's own specification and libraries.
    #[test]
    fn a_message_is_signed_as_the_scheme_wants_it() {
        let message =
            Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(), body: r#"{"test": 2432232314}"#.to_owned() };
        let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signature = message.signature(at, &Secrets(vec![secret.clone()]));
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = message.signature(at, &Secrets(vec!["AAAA".to_owned(), secret]));
        assert!(both.starts_with("v1,") && both.ends_with(&format!(" {signature}")), "{both}");
    }
}
