//! Keys of staff.

use super::story::Story;

pub async fn make(story: &mut Story) {
    let panel = r#"{"name":"Panel","description":"The customers' pages","scopes":["read:services","write:billing"],
        "expiresAt":"2027-11-23T00:00:00.000Z"}"#;
    let made = story.call("createKey").body(panel).told().await;
    let id = made.json["id"].as_str().unwrap();
    story.call("listKeys").with([("limit", "2")]).told().await;
    story.call("getKey").of([id]).told().await;
    let narrower = r#"{"scopes":["read:services"],"addresses":["192.0.2.0/24"]}"#;
    story.call("changeKey").of([id]).body(narrower).told().await;
    story.call("rotateKey").of([id]).body(r#"{"overlapHours":48}"#).told().await;
    story.call("revokeKey").of([id]).told().await;
}
