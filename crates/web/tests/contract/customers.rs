//! Customers in v2: taking in, finding, looking at, changing.

use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

/// A partial update, of this version if one is given.
async fn patch(server: &TestServer, path: &str, key: &str, tag: Option<&str>, body: &Value) -> Answer {
    let call = server.call(Method::PATCH, path, key).body(body.to_string());
    Answer::to(match tag {
        Some(tag) => call.header("if-match", tag),
        None => call,
    })
    .await
}

on_both_databases! {
    async fn a_customer_is_taken_in_and_found(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:customers write:customers", None).await;
        let full = json!({
            "name": "Bertil Berg", "company": "Berg & Söner AB", "email": " faktura@berg.example ", "address1": "Kungsgatan 2",
            "address2": "Box 17", "postcode": "852 31", "city": "Sundsvall", "country": "SE", "vatNumber": "SE 556123456701",
            "taxExempt": true, "exemptionReason": "Article 151", "language": "sv", "currency": "EUR", "invoicing": "separate",
        });
        let made = server.post_json("/api/v2/customers", &staff, &full).await;
        assert_eq!((made.status, made.header("location")), (201, "/api/v2/customers/cus_1"), "{}", made.text);
        let shown = json!({
            "id": "cus_1", "kind": "company", "name": "Bertil Berg", "company": "Berg & Söner AB",
            "email": "faktura@berg.example", "address1": "Kungsgatan 2", "address2": "Box 17", "postcode": "852 31",
            "city": "Sundsvall", "country": "SE", "vatNumber": "SE556123456701", "vatNumberStatus": "unchecked",
            "vatCheckedAt": null, "taxExempt": true, "exemptionReason": "Article 151", "language": "sv", "currency": "EUR",
            "invoicing": "separate", "group": "", "createdOn": "2026-11-23",
        });
        assert_eq!(made.json, shown);
        // A name is enough: the rest is as with the seller.
        let made = server.post_json("/api/v2/customers", &staff, &json!({"name": "Anna Ek"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        for (field, value) in [("kind", "private"), ("country", "SE"), ("currency", "SEK"), ("language", "en"), ("email", "")] {
            assert_eq!(made.json[field], value, "{field}");
        }
        assert_eq!((&made.json["taxExempt"], &made.json["invoicing"]), (&json!(false), &json!(null)));

        let one = server.get("/api/v2/customers/cus_1", &staff).await;
        assert_eq!((one.status, one.header("etag"), &one.json), (200, "\"1\"", &shown));
        let page = server.get("/api/v2/customers?limit=1", &staff).await;
        assert_eq!(page.json["data"][0]["id"], "cus_2");
        let cursor = page.json["nextCursor"].as_str().unwrap();
        let page = server.get(&format!("/api/v2/customers?limit=1&cursor={cursor}"), &staff).await;
        assert_eq!((&page.json["data"][0], &page.json["nextCursor"]), (&shown, &json!(null)));
        let found = server.get("/api/v2/customers?email=faktura@berg.example", &staff).await;
        assert_eq!(found.json["data"], json!([shown]));
        let found = server.get("/api/v2/customers?email=nobody@berg.example", &staff).await;
        assert_eq!(found.json["data"], json!([]));
        for (path, status, code) in [
            ("/api/v2/customers?cursor=x", 422, "invalid_cursor"),
            ("/api/v2/customers?limit=0", 400, "invalid_request"),
            ("/api/v2/customers?name=Anna", 400, "invalid_request"),
        ] {
            let refused = server.get(path, &staff).await;
            assert_eq!((refused.status, refused.json["code"].as_str()), (status, Some(code)), "{path}");
        }
    }

    async fn what_cannot_be_a_customer_is_refused(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("write:customers", None).await;
        for (body, status, pointer) in [
            (json!({}), 422, "/name"),
            (json!({"kind": "company", "name": "Anna Ek"}), 422, "/company"),
            (json!({"name": "Anna Ek", "country": "Sweden"}), 422, "/country"),
            (json!({"name": "Anna Ek", "vatNumber": "SE1"}), 422, "/vatNumber"),
            (json!({"name": "Anna Ek", "email": "anna"}), 422, "/email"),
            (json!({"name": "Anna Ek", "currency": "XXY"}), 400, "/currency"),
            (json!({"name": "Anna Ek", "kind": "club"}), 400, "/kind"),
            (json!({"name": "Anna Ek", "vat": ""}), 400, "/vat"),
        ] {
            let refused = server.post_json("/api/v2/customers", &staff, &body).await;
            assert_eq!(refused.status, status, "{body}: {}", refused.text);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}");
        }
        let reader = provider.key("read:customers", None).await;
        assert_eq!(server.post_json("/api/v2/customers", &reader, &json!({"name": "Anna Ek"})).await.status, 403);
    }

    async fn a_customer_is_changed_as_it_was_read(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:customers write:customers", None).await;
        let path = format!("/api/v2/customers/cus_{anna}");
        let body = json!({"name": "Anna Dahl", "email": null, "invoicing": "separate", "group": "resellers"});
        let changed = patch(&server, &path, &staff, Some("\"1\""), &body).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        for (field, value) in [("name", "Anna Dahl"), ("email", ""), ("invoicing", "separate"), ("group", "resellers"), ("city", "Sundsvall")] {
            assert_eq!(changed.json[field], value, "{field}");
        }
        let tag = changed.header("etag").to_owned();
        assert_ne!(tag, "\"1\"");
        assert_eq!(server.get(&path, &staff).await.header("etag"), tag);
        // Whoever read it before has to read it again.
        let late = patch(&server, &path, &staff, Some("\"1\""), &json!({"name": "Anna Ek"})).await;
        assert_eq!((late.status, &late.json["code"]), (412, &json!("precondition_failed")));
        // What changes nothing is no change.
        let same = patch(&server, &path, &staff, Some(&tag), &json!({"name": "Anna Dahl"})).await;
        assert_eq!((same.status, same.header("etag")), (200, tag.as_str()));
        let emptied = patch(&server, &path, &staff, Some("*"), &json!({"invoicing": null, "group": null})).await;
        assert_eq!((&emptied.json["invoicing"], &emptied.json["group"]), (&json!(null), &json!("")));
        for tag in ["7", "\"1\", \"2\"", "\"x\""] {
            let refused = patch(&server, &path, &staff, Some(tag), &json!({})).await;
            assert_eq!((refused.status, &refused.json["code"]), (400, &json!("invalid_request")), "{tag}");
        }
        // Nothing of it is done if a part cannot be.
        for (body, status) in [
            (json!({"name": "Anna Ek", "group": "x".repeat(300)}), 422),
            (json!({"group": "friends", "name": null}), 422),
            (json!({"group": "friends", "country": null}), 400),
            (json!({"group": "friends", "id": "cus_2"}), 400),
        ] {
            assert_eq!(patch(&server, &path, &staff, None, &body).await.status, status, "{body}");
        }
        let known = server.get(&path, &staff).await;
        assert_eq!((&known.json["name"], &known.json["group"]), (&json!("Anna Dahl"), &json!("")));
        let product = provider.product("Server", "100.00").await;
        provider.service(anna, product, date(2026, 12, 1)).await;
        let refused = patch(&server, &path, &staff, None, &json!({"currency": "EUR"})).await;
        assert_eq!((refused.status, &refused.json["code"]), (409, &json!("conflict")));
        assert_eq!(patch(&server, "/api/v2/customers/cus_99", &staff, None, &json!({})).await.status, 404);
    }

    async fn a_customers_key_sees_that_customer_and_no_other(kind) {
        let provider = Provider::new(kind).await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        provider.app.set_customer_group(&provider.staff(), anna, "resellers").await.unwrap();
        let server = TestServer::start(&provider).await;
        let hers = provider.key("read:billing write:customers", Some(anna)).await;
        let (own, other) = (format!("/api/v2/customers/cus_{anna}"), format!("/api/v2/customers/cus_{bo}"));
        let seen = server.get(&own, &hers).await;
        assert_eq!((seen.status, &seen.json["name"], &seen.json["group"]), (200, &json!("Anna Ek"), &json!(null)));
        let unseen = server.get(&other, &hers).await;
        assert_eq!((unseen.status, &unseen.json["code"]), (404, &json!("not_found")));
        assert_eq!(server.get("/api/v2/customers", &hers).await.status, 403);
        assert_eq!(server.post_json("/api/v2/customers", &hers, &json!({"name": "Cia Ek"})).await.status, 403);
        assert_eq!(patch(&server, &own, &hers, None, &json!({"name": "Anna Dahl"})).await.status, 403);
    }
}
