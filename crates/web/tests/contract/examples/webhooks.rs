//! The panel is told what happens.

use super::story::Story;

pub async fn listen(story: &mut Story) {
    let url = story.receiver.url();
    let new = format!(r#"{{"url":"{url}","description":"The panel","events":["invoice.issued","service.renewed"]}}"#);
    story.call("createWebhook").body(new).told().await;
}

pub async fn look(story: &mut Story) {
    story.call("listWebhooks").told().await;
    story.call("getWebhook").of(["whk_1"]).told().await;
    let all = story.call("changeWebhook").of(["whk_1"]).header("If-Match", "\"1\"");
    all.body(r#"{"events":["invoice.issued","invoice.paid","service.renewed"]}"#).told().await;
    let deliveries =
        story.call("listDeliveries").of(["whk_1"]).with([("state", "queued"), ("limit", "2")]).told().await;
    let event = deliveries.json["data"][0]["event"]["id"].as_str().unwrap();
    story.call("retryDelivery").of(["whk_1", event]).told().await;
    story.call("listEvents").with([("limit", "2")]).told().await;
    story.call("getEvent").of([event]).told().await;
    story.call("testWebhook").of(["whk_1"]).told().await;
    story.call("replayEvents").of(["whk_1"]).body(r#"{"from":"2026-11-23T00:00:00.000Z"}"#).told().await;
    story.call("rotateWebhookSecret").of(["whk_1"]).body(r#"{"overlapHours":24}"#).told().await;
    story.call("removeWebhook").of(["whk_1"]).told().await;
}
