//! The seller, who did what, and what is counted.

use super::story::Story;

pub async fn settle_in(story: &mut Story) {
    story.call("getMe").told().await;
    story.call("listSellers").told().await;
    story.call("getSeller").of(["sel_1"]).told().await;
    let change = story.call("changeSeller").of(["sel_1"]).header("If-Match", "\"1\"");
    let change = change.body(r#"{"email":"faktura@norrsken.example","bankgiro":"5050-1055","paymentReference":"ocr"}"#);
    change.told().await;
}

pub async fn look_back(story: &mut Story) {
    story.call("getVatReport").with([("from", "2026-11-01"), ("through", "2026-11-30")]).told().await;
    story.call("getAgeingReport").with([("limit", "2")]).told().await;
    story.call("getSeriesReport").told().await;
    let ledger = [("from", "2026-11-01"), ("through", "2026-11-30"), ("limit", "2")];
    story.call("getLedger").with(ledger).told().await;
    story.call("listAudit").with([("limit", "2")]).told().await;
    story.call("getMetrics").told().await;
}
