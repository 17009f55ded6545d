//! What Hugo's own scripts do, in the shapes of v1.

use perennial_app::NewKey;
use perennial_billing::CustomerId;
use serde_json::Value;

use super::invoices::LINK;
use super::story::Story;

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// All that his key sees.
pub async fn look(story: &mut Story, key: &str) {
    story.call("v1ListClientAccounts").by(key).with([("page", "1"), ("perPage", "1")]).told().await;
    story.call("v1ListHostingAccounts").by(key).told().await;
    story.call("v1GetAccountDetails").by(key).body(r#"{"accountId":"1"}"#).told().await;
    story.call("v1GetCustomerDetails").by(key).told().await;
    story.call("v1AccountSummary").by(key).told().await;
    story.call("v1CreditLog").by(key).with([("page", "0")]).told().await;
    story.call("v1ListTransactions").by(key).body(r#"{"filters":{"limit":1}}"#).told().await;
    story.call("v1ListCards").by(key).told().await;
    story.call("v1AddBillingCc").by(key).body(r#"{"email":"kopia@example.com","description":""}"#).told().await;
}

/// He has a second server, with another cycle, renews it and pays for it.
pub async fn renew(story: &mut Story, key: &str) {
    let new =
        r#"{"customer":"cus_1","product":"prd_1","cycle":"1y","label":"host2.norrsken.example","starts":"2026-12-10"}"#;
    let service = story.call("createService").body(new).done().await;
    let id = text(&service.json["id"]).trim_start_matches("svc_").to_owned();
    story.call("v1GetVmCycle").by(key).of([&id]).told().await;
    story.call("v1ChangeVmCycle").by(key).of([&id]).body(r#"{"cycle":"m"}"#).told().await;
    story.call("v1GetAutoRenew").by(key).of([&id]).told().await;
    let renewed = story.call("v1Renew").by(key).of([&id]).told().await;
    let invoice = text(&renewed.json["data"]["invoiceId"]).to_owned();
    story.call("v1ListInvoices").by(key).with([("status", "Unpaid"), ("limit", "1"), ("page", "0")]).told().await;
    let query = r#"{"filters":{"status":"Unpaid","limit":1,"page":0},"skipCache":true}"#;
    story.call("v1QueryInvoices").by(key).body(query).told().await;
    story.call("v1GetInvoice").by(key).of([&invoice]).told().await;
    story.call("v1InvoicePdf").by(key).body(format!(r#"{{"invoiceIds":["{invoice}"]}}"#)).told().await;
    story.call("v1ResendEmail").by(key).of([&invoice]).told().await;
    let link = story.call("v1MakePaymentLink").by(key).of([&invoice]).told().await;
    let uuid = text(&link.json["data"]["uuid"]);
    story.hide(uuid, LINK);
    story.call("v1OpenPaymentLink").by("").of([uuid]).told().await;
    story.call("v1GetPaymentLink").by(key).of([&invoice]).told().await;
    story.call("v1PayByLink").by("").of([uuid]).body(r#"{"paymentMethod":"stripe"}"#).refused(400).await;
    let card = format!(r#"{{"invoiceId":"{invoice}","cardId":"primary"}}"#);
    story.call("v1PayByCard").by(key).body(card).refused(400).await;
    story.call("v1ApplyCredit").by(key).of([&invoice]).body(r#"{"amount":"10.00"}"#).told().await;
    let funds = story.call("v1AddFunds").by(key).body(r#"{"amount":"125.50"}"#).told().await;
    story.call("v1CancelInvoice").by(key).of([text(&funds.json["data"]["invoiceId"])]).told().await;
}

/// His web hosting is billed by the year, and then no more.
pub async fn end(story: &mut Story, key: &str) {
    story.call("v1GetHostingCycle").by(key).of(["2"]).told().await;
    story.call("v1ChangeHostingCycle").by(key).of(["2"]).body(r#"{"cycle":"a"}"#).told().await;
    let end = r#"{"accountId":"2","type":"End of billing period","reason":"Too expensive","otherReason":""}"#;
    story.call("v1CancelHosting").by(key).body(end).told().await;
}

/// He makes a key for a script, and takes it away again.
pub async fn make_keys(story: &mut Story, key: &str) {
    story.call("v1ListScopes").by(key).told().await;
    let new = r#"{"name":"ci","scopes":["read:services"],"is_test":false,"description":"builds","expires_in_days":30,
        "allowed_dns_zones":[],"dns_permissions":[]}"#;
    let made = story.call("v1CreateKey").by(key).body(new).told().await;
    let id = text(&made.json["data"]["key_id"]);
    story.call("v1ListKeys").by(key).told().await;
    let change = r#"{"name":"ci","scopes":["read:services","read:billing"],"is_active":true,"allowed_dns_zones":[],
        "dns_permissions":[]}"#;
    story.call("v1ChangeKey").by(key).of([id]).body(change).told().await;
    story.call("v1RollKey").by(key).of([id]).told().await;
    story.call("v1DeleteKey").by(key).with([("key_id", id)]).told().await;
}

/// A key of Hugo's that may do all that a customer may.
pub async fn key(story: &Story) -> String {
    let scopes = "read:all write:all".parse().unwrap();
    let new = NewKey { customer: Some(CustomerId(1)), ..NewKey::of("scripts", scopes) };
    story.provider.app.create_key(&story.provider.staff(), new).await.unwrap().secret
}
