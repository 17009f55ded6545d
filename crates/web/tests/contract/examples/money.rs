//! Money that comes in, goes back, and is kept for the customer.

use super::story::Story;

/// Hugo pays more than he owes.
pub async fn pay(story: &mut Story) {
    let payment = r#"{"customer":"cus_1","amount":"500.00","currency":"SEK","method":"bankgiro","reference":"BG-20261123-17",
        "paidOn":"2026-11-23","invoices":["inv_1"]}"#;
    story.call("recordPayment").body(payment).told().await;
    story.call("getPayment").of(["pay_1"]).told().await;
    story.call("listPayments").with([("customer", "cus_1")]).told().await;
    story.call("getCredit").of(["cus_1"]).told().await;
    let refund = r#"{"customer":"cus_1","amount":"100.00","currency":"SEK","method":"bankgiro","reference":"BG-20261123-18",
        "payment":"pay_1"}"#;
    story.call("recordRefund").body(refund).told().await;
    story.call("listCreditMoves").of(["cus_1"]).told().await;
    story.call("addFunds").of(["cus_1"]).body(r#"{"amount":"250.00","currency":"SEK"}"#).told().await;
}

/// What the change of his server has cost is paid with what is left.
pub async fn use_credit(story: &mut Story, invoice: &str) {
    story.call("applyCredit").of([invoice]).body(r#"{"amount":"25.00"}"#).told().await;
}
