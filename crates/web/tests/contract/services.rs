//! Services in v2: sold, listed, looked at, changed.

use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::json;

on_both_databases! {
    async fn a_service_is_sold_listed_and_changed(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let server = TestServer::start(&provider).await;
        let staff = provider.key("admin", None).await;
        let new = json!({"customer": format!("cus_{anna}"), "product": format!("prd_{product}"), "label": "vps.example.net",
            "cycle": "1m", "starts": "2026-12-01", "price": "80.00"});
        let made = server.post_json("/api/v2/services", &staff, &new).await;
        assert_eq!((made.status, made.header("location")), (201, "/api/v2/services/svc_1"));
        let known = &made.json;
        assert_eq!((&known["ownPrice"], &known["currency"], &known["status"]), (&json!("80.00"), &json!("SEK"), &json!("active")));
        assert_eq!((&known["billedThrough"], &known["autoRenew"]), (&json!("2026-12-01"), &json!(true)));
        provider.service(bo, product, date(2026, 12, 1)).await;
        let list = server.get("/api/v2/services?limit=1", &staff).await;
        assert_eq!((&list.json["data"][0]["id"], list.json["data"].as_array().unwrap().len()), (&json!("svc_2"), 1));
        let next = format!("/api/v2/services?limit=1&cursor={}", list.json["nextCursor"].as_str().unwrap());
        let next = server.get(&next, &staff).await;
        assert_eq!((&next.json["data"][0], &next.json["nextCursor"]), (known, &json!(null)));

        // Anna sees her own, and switches nothing but auto-renew.
        let hers = provider.key("read:services write:services", Some(anna)).await;
        assert_eq!(server.get("/api/v2/services", &hers).await.json["data"].as_array().unwrap().len(), 1);
        assert_eq!(server.get(&format!("/api/v2/services?customer=cus_{bo}"), &hers).await.status, 404);
        assert_eq!(server.get("/api/v2/services/svc_2", &hers).await.status, 404);
        let patch = async |key: &str, etag: &str, body: &str| {
            let call = server.call(Method::PATCH, "/api/v2/services/svc_1", key).body(body.to_owned());
            Answer::to(if etag.is_empty() { call } else { call.header("if-match", etag) }).await
        };
        let before = server.get("/api/v2/services/svc_1", &hers).await;
        let etag = before.header("etag").to_owned();
        assert_eq!(etag, "\"1\"");
        assert_eq!(patch(&hers, "", r#"{"label":"mine"}"#).await.status, 403);
        let off = patch(&hers, &etag, r#"{"autoRenew":false}"#).await;
        assert_eq!((off.status, &off.json["autoRenew"], off.header("etag")), (200, &json!(false), "\"2\""));
        for (key, body) in [(&hers, r#"{"autoRenew":true}"#), (&staff, r#"{"label":"x"}"#)] {
            let late = patch(key, &etag, body).await;
            assert_eq!((late.status, &late.json["code"]), (412, &json!("precondition_failed")));
        }
        let changed = patch(&staff, off.header("etag"), r#"{"label":null,"status":"suspended","price":null}"#).await;
        assert_eq!((&changed.json["label"], &changed.json["status"], &changed.json["ownPrice"]), (&json!(""), &json!("suspended"), &json!(null)));
        let suspended = server.get("/api/v2/services?status=suspended", &staff).await;
        assert_eq!(suspended.json["data"][0]["id"], "svc_1");
        let fixed = patch(&staff, "", r#"{"price":"75.00","priceThrough":"2027-12-31"}"#).await;
        assert_eq!((&fixed.json["ownPrice"], &fixed.json["ownPriceThrough"]), (&json!("75.00"), &json!("2027-12-31")));
        for (body, status) in [
            (r#"{"autoRenew":null}"#, 400), (r#"{"status":"gone"}"#, 400), (r#"{"quantity":"2"}"#, 400),
            (r#"{"priceThrough":"2027-12-31"}"#, 422), (r#"{"price":"1.234"}"#, 422),
            (r#"{"price":"1.00","priceKeptOn":"2026-01-01"}"#, 422), (r#"{"priceKeptOn":"1999-01-01"}"#, 422),
        ] {
            let refused = patch(&staff, "", body).await;
            assert_eq!((refused.status, refused.header("content-type")), (status, "application/problem+json"), "{body}: {}", refused.text);
        }
        let tag = patch(&staff, "seven", "{}").await;
        assert_eq!(tag.status, 400);
        for (field, value, status) in [("customer", "cus_9", 404), ("product", "prd_9", 404), ("cycle", "Monthly", 400), ("price", "x", 422)] {
            let mut body = new.clone();
            body[field] = json!(value);
            assert_eq!(server.post_json("/api/v2/services", &staff, &body).await.status, status, "{field}");
        }
        assert_eq!(server.post_json("/api/v2/services", &hers, &new).await.status, 403);
    }
}
