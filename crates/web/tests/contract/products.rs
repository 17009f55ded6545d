//! Products and their prices in v2.

use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

async fn patch(server: &TestServer, path: &str, key: &str, tag: &str, body: &Value) -> Answer {
    Answer::to(server.call(Method::PATCH, path, key).header("if-match", tag).body(body.to_string())).await
}

on_both_databases! {
    async fn a_product_is_added_seen_and_changed(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:catalog write:catalog", None).await;
        let new = json!({"name": "Cloud Server", "kind": "vps", "serviceType": 3, "taxClass": "service"});
        let made = server.post_json("/api/v2/products", &staff, &new).await;
        let shown = json!({
            "id": "prd_1", "name": "Cloud Server", "kind": "vps", "serviceType": 3, "taxClass": "service",
            "priceSource": "catalogue", "latePayment": null,
        });
        assert_eq!((made.status, made.header("location"), &made.json), (201, "/api/v2/products/prd_1", &shown));
        let fed = json!({"name": "Domain", "kind": "domain", "priceSource": "feed:registrar"});
        let made = server.post_json("/api/v2/products", &staff, &fed).await;
        assert_eq!((&made.json["taxClass"], &made.json["priceSource"]), (&json!("standard"), &json!("feed:registrar")));
        // Customers may look at the catalogue.
        let hers = provider.key("read:services write:catalog", Some(anna)).await;
        for key in [&staff, &hers] {
            let one = server.get("/api/v2/products/prd_1", key).await;
            assert_eq!((one.status, one.header("etag"), &one.json), (200, "\"1\"", &shown));
            let page = server.get("/api/v2/products?limit=1", key).await;
            assert_eq!(page.json["data"][0]["id"], "prd_2");
            let cursor = page.json["nextCursor"].as_str().unwrap();
            let page = server.get(&format!("/api/v2/products?limit=1&cursor={cursor}"), key).await;
            assert_eq!((&page.json["data"][0], &page.json["nextCursor"]), (&shown, &json!(null)));
        }
        assert_eq!(server.post_json("/api/v2/products", &hers, &new).await.status, 403);
        assert_eq!(patch(&server, "/api/v2/products/prd_1", &hers, "*", &json!({"name": "Mine"})).await.status, 403);

        let change = json!({"name": "Server", "latePayment": "restart", "taxClass": "goods"});
        let changed = patch(&server, "/api/v2/products/prd_1", &staff, "\"1\"", &change).await;
        assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.text);
        for (field, value) in [("name", "Server"), ("kind", "vps"), ("latePayment", "restart"), ("taxClass", "goods")] {
            assert_eq!(changed.json[field], value, "{field}");
        }
        let late = patch(&server, "/api/v2/products/prd_1", &staff, "\"1\"", &change).await;
        assert_eq!((late.status, &late.json["code"]), (412, &json!("precondition_failed")));
        let back = patch(&server, "/api/v2/products/prd_1", &staff, "*", &json!({"latePayment": null})).await;
        assert_eq!(back.json["latePayment"], json!(null));
        for (body, status, pointer) in [
            (json!({"name": ""}), 422, "/name"),
            (json!({"serviceType": -1}), 422, "/serviceType"),
            (json!({"name": null}), 400, "/name"),
            (json!({"priceSource": "feed:"}), 400, "/priceSource"),
            (json!({"price": "1.00"}), 400, "/price"),
        ] {
            let refused = patch(&server, "/api/v2/products/prd_1", &staff, "*", &body).await;
            assert_eq!(refused.status, status, "{body}: {}", refused.text);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}");
        }
        assert_eq!(server.get("/api/v2/products/prd_9", &staff).await.status, 404);
        assert_eq!(patch(&server, "/api/v2/products/prd_9", &staff, "*", &json!({})).await.status, 404);
        let stranger = provider.key("read:billing", None).await;
        assert_eq!(server.get("/api/v2/products", &stranger).await.status, 403);
    }

    async fn a_price_is_added_and_all_versions_are_seen(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let product = provider.product_from("Cloud Server", "catalogue").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:catalog write:catalog", None).await;
        let path = format!("/api/v2/products/prd_{product}/prices");
        let new = json!({"cycle": "1m", "amount": "100.00", "currency": "SEK", "starts": "2020-01-01"});
        let made = server.post_json(&path, &staff, &new).await;
        let first = json!({
            "id": "prc_1", "product": format!("prd_{product}"), "cycle": "1m", "amount": "100.00", "currency": "SEK",
            "starts": "2020-01-01", "fromQuantity": null,
        });
        assert_eq!((made.status, made.header("location"), &made.json), (201, path.as_str(), &first));
        let many = json!({"cycle": "1m", "amount": "90.00", "currency": "SEK", "starts": "2020-01-01", "fromQuantity": "10"});
        let made = server.post_json(&path, &staff, &many).await;
        assert_eq!((made.status, &made.json["fromQuantity"]), (201, &json!("10")));
        // The product's version moves with its prices.
        assert_eq!(server.get(&format!("/api/v2/products/prd_{product}"), &staff).await.header("etag"), "\"3\"");
        let hers = provider.key("read:services write:catalog", Some(anna)).await;
        let page = server.get(&format!("{path}?limit=1"), &hers).await;
        assert_eq!(page.json["data"][0]["id"], "prc_2");
        let cursor = page.json["nextCursor"].as_str().unwrap();
        let page = server.get(&format!("{path}?limit=1&cursor={cursor}"), &hers).await;
        assert_eq!((&page.json["data"], &page.json["nextCursor"]), (&json!([first]), &json!(null)));
        assert_eq!(server.post_json(&path, &hers, &new).await.status, 403);

        let again = server.post_json(&path, &staff, &new).await;
        assert_eq!((again.status, &again.json["code"]), (409, &json!("conflict")));
        for (field, value, status) in [
            ("amount", "-1.00", 422),
            ("amount", "1.005", 422),
            ("fromQuantity", "0", 400),
            ("cycle", "monthly", 400),
            ("starts", "2026-02-30", 400),
            ("currency", "KRONOR", 400),
        ] {
            let mut body = new.clone();
            body[field] = json!(value);
            let refused = server.post_json(&path, &staff, &body).await;
            assert_eq!(refused.status, status, "{field}: {}", refused.text);
            assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"));
        }
        for answer in [
            server.get("/api/v2/products/prd_9/prices", &staff).await,
            server.post_json("/api/v2/products/prd_9/prices", &staff, &new).await,
        ] {
            assert_eq!((answer.status, &answer.json["code"]), (404, &json!("not_found")));
        }
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        provider.assert_well().await;
    }
}
