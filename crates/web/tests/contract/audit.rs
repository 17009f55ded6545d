//! Who did what, and who asks.

use perennial_testkit::{Provider, TestServer, on_both_databases};
use serde_json::json;

on_both_databases! {
    async fn the_trail_tells_who_did_what(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:audit write:customers", None).await;
        let made = server.post_json("/api/v2/customers", &staff, &json!({"name": "Bo Dahl"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let page = server.get("/api/v2/audit?limit=2", &staff).await;
        let last = &page.json["data"][0];
        assert_eq!(last["id"].as_str().map(|id| id.parse::<i64>().is_ok()), Some(true));
        let expected = json!({
            "id": last["id"], "at": "2026-11-23T11:00:00.000Z", "actor": "key:1", "onBehalfOf": null,
            "action": "customer.created", "subject": "customer", "subjectId": made.json["id"],
        });
        assert_eq!(*last, expected);
        assert_eq!((&page.json["data"][1]["subject"], &page.json["data"][1]["subjectId"]), (&json!("api_key"), &json!("key_1")));
        assert_eq!(page.json["data"][1]["actor"], "cli");
        let cursor = page.json["nextCursor"].as_str().unwrap();
        let rest = server.get(&format!("/api/v2/audit?cursor={cursor}"), &staff).await;
        let subjects: Vec<_> = rest.json["data"].as_array().unwrap().iter().map(|entry| &entry["subjectId"]).collect();
        assert_eq!(subjects, [&json!(format!("cus_{anna}")), &json!("sel_1")]);
        assert_eq!(rest.json["nextCursor"], json!(null));
        assert_eq!(server.get("/api/v2/audit?cursor=x", &staff).await.json["code"], "invalid_cursor");
        assert_eq!(server.get("/api/v2/audit?actor=cli", &staff).await.status, 400);
        for key in [provider.key("read:audit", Some(anna)).await, provider.key("read:billing", None).await] {
            let refused = server.get("/api/v2/audit", &key).await;
            assert_eq!((refused.status, &refused.json["code"]), (403, &json!("forbidden")));
        }
    }

    async fn a_key_is_told_what_it_is(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:billing write:services", None).await;
        let me = server.get("/api/v2/me", &staff).await;
        let scopes = ["read:billing", "write:services"];
        assert_eq!(me.json, json!({"key": "key_1", "scopes": scopes, "seller": "sel_1", "customer": null}));
        let hers = provider.key("read:services", Some(anna)).await;
        let me = server.get("/api/v2/me", &hers).await;
        assert_eq!((me.status, &me.json["customer"]), (200, &json!(format!("cus_{anna}"))));
        assert_eq!(server.get("/api/v2/me", "pn_wrong").await.json["code"], "unauthorized");
        assert_eq!(server.get("/api/v2/me?x=1", &hers).await.status, 400);
    }
}
