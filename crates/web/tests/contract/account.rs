//! The v1 calls about one account, and about cards, of which none is stored.

use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use serde_json::{Value, json};

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

/// Asserts that fields come in this order.
fn assert_order(answer: &Answer, fields: &[&str]) {
    let mut from = 0;
    for field in fields {
        let found = answer.text[from..].find(&format!("\"{field}\":"));
        from += found.unwrap_or_else(|| panic!("{field} is not where it is documented: {}", answer.text));
    }
}

on_both_databases! {
    async fn one_account_is_told_in_the_documented_shape(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Maria Ek").await, provider.customer("Bo Ek").await);
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:services", Some(anna)).await;
        let path = "/api/get-account-details";
        let account = server.post_json(path, &key, &json!({ "accountId": service.to_string() })).await;
        assert_eq!(account.status, 200, "{}", account.text);
        assert_order(&account, &["success", "timestamp", "requestId", "data", "details", "id", "domain", "billingcycle", "next_due", "product_name", "ip", "currency", "code", "sign", "iso", "id", "rate", "decimal", "format", "rounding", "rounding_mode", "product_stats"]);
        assert_eq!(account.json["data"]["details"], json!({
            "id": "1", "domain": "vps.example.net", "billingcycle": "Monthly", "next_due": "2026-12-01",
            "product_name": "Cloud Server", "ip": null, "product_stats": null,
            "currency": {
                "code": "kr", "sign": "", "iso": "SEK", "id": "0", "rate": "1", "decimal": "2", "format": "1 234,56",
                "rounding": "2", "rounding_mode": "HALF_UP",
            },
        }));
        assert_eq!(server.post_json(path, &key, &json!({ "accountId": service.0 })).await.status, 200);
        let his = provider.key("read:services", Some(bo)).await;
        let refused = server.post_json(path, &his, &json!({ "accountId": "1" })).await;
        assert_eq!((code(&refused), &refused.json["message"]), ((404, "NOT_FOUND"), &json!("Service not found")));
        for body in [json!({}), json!({ "accountId": "x" }), json!({ "accountId": 0 }), json!([])] {
            assert_eq!(code(&server.post_json(path, &key, &body).await), (400, "BAD_REQUEST"), "{body}");
        }
        let narrow = provider.key("write:services", Some(anna)).await;
        assert_eq!(code(&server.post_json(path, &narrow, &json!({ "accountId": "1" })).await), (403, "FORBIDDEN"));
    }

    async fn a_customer_reads_its_own_data_and_no_secrets(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Maria Ek").await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:billing", Some(anna)).await;
        let path = "/api/account/details";
        let details = server.get(path, &key).await;
        assert_eq!(details.status, 200, "{}", details.text);
        let client = details.json["data"]["client"].as_object().unwrap();
        for (field, expected) in [
            ("id", "1"), ("firstname", "Anna Maria"), ("lastname", "Ek"), ("companyname", ""), ("email", "anna@example.com"),
            ("city", "Sundsvall"), ("country", "SE"), ("credit", "0.00"), ("currency_id", "0"), ("taxrateoverride", "0"),
            ("billing_contact_id", "0"), ("datecreated", "2026-11-23"),
        ] {
            assert_eq!(client[field], expected, "{field}");
        }
        assert!(client.values().all(Value::is_string), "{}", details.text);
        for secret in ["password", "reset_token", "reset_expiry"] {
            assert!(!client.contains_key(secret), "{secret}");
        }
        let staff = provider.key("admin", None).await;
        assert_eq!(code(&server.get(path, &staff).await), (400, "BAD_REQUEST"), "it is about a customer's own account");
        assert_eq!(code(&server.get(path, "").await), (401, "UNAUTHORIZED"));
        let narrow = provider.key("read:services", Some(anna)).await;
        assert_eq!(code(&server.get(path, &narrow).await), (403, "FORBIDDEN"));
    }

    async fn no_card_is_stored_and_none_is_charged(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:billing write:billing", Some(anna)).await;
        let cards = server.get("/api/billing/cards", &key).await;
        assert_eq!((cards.status, &cards.json["data"]), (200, &json!({ "cards": [], "success": true })));
        assert_order(&cards, &["success", "timestamp", "requestId", "data", "cards", "success"]);

        let path = "/api/billing/pay";
        let pay = |invoice: &str| json!({ "invoiceId": invoice, "cardId": "primary" });
        let refused = server.post_json(path, &key, &pay("1")).await;
        assert_eq!(code(&refused), (400, "BAD_REQUEST"));
        assert_eq!(refused.json["message"], "No payment card is stored for this account.");
        let unknown = server.post_json(path, &key, &pay("99")).await;
        assert_eq!((code(&unknown), &unknown.json["message"]), ((404, "NOT_FOUND"), &json!("Invoice not found")));
        let his = provider.key("read:billing write:billing", Some(bo)).await;
        assert_eq!(code(&server.post_json(path, &his, &pay("1")).await), (404, "NOT_FOUND"));
        for body in [json!({ "invoiceId": "1" }), json!({ "cardId": "primary" }), pay("x"), json!({ "invoiceId": 1, "cardId": "primary" })] {
            assert_eq!(code(&server.post_json(path, &key, &body).await), (400, "BAD_REQUEST"), "{body}");
        }
        let reader = provider.key("read:billing", Some(anna)).await;
        assert_eq!(code(&server.post_json(path, &reader, &pay("1")).await), (403, "FORBIDDEN"));
    }
}
