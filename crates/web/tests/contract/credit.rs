//! The calls about credit and money, as they are documented.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{NewPayment, NewRefund};
use perennial_billing::{InvoiceId, Money};
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::json;

on_both_databases! {
    async fn a_customer_adds_funds_and_pays_with_them(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Maria Ek").await;
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:billing write:billing", Some(anna)).await;
        let funds = server.post_json("/api/credit/add-funds", &key, &json!({ "amount": "500" })).await;
        assert_snapshot!(funds.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"invoiceId":"1","amount":500,"message":"Add Funds invoice has been created"}}
        "#);
        // A second one is called off; a paid one cannot be.
        let other = server.post_json("/api/credit/add-funds", &key, &json!({ "amount": 0.5 })).await;
        assert_eq!(other.json["data"]["amount"].to_string(), "0.5");
        assert_snapshot!(server.post("/api/billing/invoice/2/cancel", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"message":"Add Funds invoice has been cancelled","invoice_id":"2"}}
        "#);
        let sek = |minor| Money::new(minor, "SEK".parse().unwrap());
        let payment = NewPayment {
            customer: anna,
            amount: sek(50_000),
            method: "Swish".to_owned(),
            reference: "ch_1".to_owned(),
            paid_on: None,
            invoices: vec![InvoiceId(1)],
        };
        let recorded = provider.app.record_payment(&provider.staff(), &payment).await.unwrap();
        assert_eq!(server.post("/api/billing/invoice/1/cancel", &key).await.status, 409);
        assert_snapshot!(server.get("/api/billing/account-summary", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"credit":"500.00","email":"anna@example.com","name":"Anna Maria Ek","country":"SE"}}
        "#);

        assert_eq!(server.post(&format!("/api/services/{service}/renew"), &key).await.status, 200);
        assert_eq!(server.post("/api/billing/invoice/3/cancel", &key).await.status, 409);
        let apply = |amount: &str| json!({ "amount": amount });
        assert_snapshot!(server.post_json("/api/billing/invoice/3/apply-credit", &key, &apply("100.00")).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"message":"Credit has been applied to invoice","invoiceId":"3","amount":"100.00"}}
        "#);
        assert_snapshot!(server.post_json("/api/billing/invoice/3/apply-credit", &key, &apply("25.01")).await.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"Failed to apply credit: Only 25.00 SEK is to be paid for invoice 3","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_eq!(server.post_json("/api/billing/invoice/3/apply-credit", &key, &apply("25.00")).await.status, 200);
        let paid = server.get("/api/billing/invoice/3", &key).await;
        assert_eq!(paid.json["data"]["invoice"]["status"], "Paid");
        assert_eq!(paid.json["data"]["invoice"]["credit"].to_string(), "125");
        let refund = NewRefund {
            customer: anna,
            amount: sek(7_500),
            method: "Swish".to_owned(),
            reference: "re_1".to_owned(),
            payment: Some(recorded.payment.id),
        };
        provider.app.refund(&provider.staff(), &refund).await.unwrap();
        assert_snapshot!(server.get("/api/billing/credit-log?page=0", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"hasMore":false,"success":true,"log":[{"id":"4","date":"2026-11-23 12:00:00","client_id":"1","in":"0.00","out":"75.00","balance":"300.00","description":"Credit refunded","invoice_id":"0","transaction_id":"1","currency_id":"0","admin_id":"0","admin_name":"","brand_id":"0","client_brand_id":"0","data_edit":{"balance":"300.00","client_id":"1","date":"23/11/2026","description":"Credit refunded","id":"4","in":"0.00","invoice_id":"0","out":"75.00","transaction_id":"1"}},{"id":"3","date":"2026-11-23 12:00:00","client_id":"1","in":"0.00","out":"25.00","balance":"375.00","description":"Credit applied to invoice","invoice_id":"3","transaction_id":"0","currency_id":"0","admin_id":"0","admin_name":"","brand_id":"0","client_brand_id":"0","data_edit":{"balance":"375.00","client_id":"1","date":"23/11/2026","description":"Credit applied to invoice","id":"3","in":"0.00","invoice_id":"3","out":"25.00","transaction_id":"0"}},{"id":"2","date":"2026-11-23 12:00:00","client_id":"1","in":"0.00","out":"100.00","balance":"400.00","description":"Credit applied to invoice","invoice_id":"3","transaction_id":"0","currency_id":"0","admin_id":"0","admin_name":"","brand_id":"0","client_brand_id":"0","data_edit":{"balance":"400.00","client_id":"1","date":"23/11/2026","description":"Credit applied to invoice","id":"2","in":"0.00","invoice_id":"3","out":"100.00","transaction_id":"0"}},{"id":"1","date":"2026-11-23 12:00:00","client_id":"1","in":"500.00","out":"0.00","balance":"500.00","description":"Funds added","invoice_id":"1","transaction_id":"1","currency_id":"0","admin_id":"0","admin_name":"","brand_id":"0","client_brand_id":"0","data_edit":{"balance":"500.00","client_id":"1","date":"23/11/2026","description":"Funds added","id":"1","in":"500.00","invoice_id":"1","out":"0.00","transaction_id":"1"}}]}}
        "#);
        let filters = json!({ "filters": {} });
        assert_snapshot!(server.post_json("/api/billing/transactions", &key, &filters).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"hasMore":false,"transactions":[{"id":"1","in":"0.00","out":"75.00","fee":"0.00","type":"credit","status":"Refunded","module":"Swish","trans_id":"re_1","invoice_id":"0","date":"2026-11-23 12:00:00","description":"Refund","client_id":"1","currency_id":"0","firstname":"Anna Maria","lastname":"Ek","companyname":""},{"id":"1","in":"500.00","out":"0.00","fee":"0.00","type":"invoice","status":"Refunded","module":"Swish","trans_id":"ch_1","invoice_id":"1","date":"2026-11-23 12:00:00","description":"Invoice payment","client_id":"1","currency_id":"0","firstname":"Anna Maria","lastname":"Ek","companyname":""}]}}
        "#);
        provider.assert_well().await;
    }

    async fn what_is_wrong_or_not_theirs_is_refused(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:billing write:billing", Some(anna)).await;
        let (others, narrow) = (
            provider.key("read:billing write:billing", Some(bo)).await,
            provider.key("read:services", Some(anna)).await,
        );
        let staff = provider.key("read:billing write:billing", None).await;
        server.post(&format!("/api/services/{service}/renew"), &key).await;
        let one = json!({ "amount": "1" });
        for (path, body, key, status) in [
            ("/api/billing/invoice/1/apply-credit", &one, &others, 404),
            ("/api/billing/invoice/1/apply-credit", &one, &narrow, 403),
            ("/api/billing/invoice/1/apply-credit", &one, &key, 400),
            ("/api/billing/invoice/1/apply-credit", &json!({}), &key, 400),
            ("/api/billing/invoice/1/apply-credit", &json!({ "amount": "1.001" }), &key, 400),
            ("/api/billing/invoice/1/apply-credit", &json!({ "amount": "-1" }), &key, 400),
            ("/api/billing/invoice/1/apply-credit", &json!({ "amount": null }), &key, 400),
            ("/api/billing/invoice/99/apply-credit", &one, &key, 404),
            ("/api/billing/invoice/x/apply-credit", &one, &key, 400),
            ("/api/billing/invoice/1/cancel", &one, &others, 404),
            ("/api/credit/add-funds", &json!({ "amount": "0" }), &key, 400),
            ("/api/credit/add-funds", &json!({ "amount": "100000.01" }), &key, 400),
            ("/api/credit/add-funds", &json!({ "amount": [] }), &key, 400),
            ("/api/credit/add-funds", &one, &staff, 400),
            ("/api/credit/add-funds", &one, &narrow, 403),
            ("/api/billing/transactions", &json!({}), &key, 400),
            ("/api/billing/transactions", &json!({ "filters": { "limit": -1 } }), &key, 400),
            ("/api/billing/transactions", &json!({ "filters": {} }), &narrow, 403),
        ] {
            let answer = server.post_json(path, key, body).await;
            assert_eq!(answer.status, status, "{path} {body}: {}", answer.shown());
        }
        for (path, key, status) in [
            ("/api/billing/account-summary", &staff, 400),
            ("/api/billing/account-summary", &narrow, 403),
            ("/api/billing/credit-log?page=-1", &key, 400),
            ("/api/billing/credit-log?page=99999999999", &key, 400),
            ("/api/billing/credit-log?page=4000000", &key, 200),
            ("/api/billing/credit-log", &staff, 400),
        ] {
            let answer = server.get(path, key).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.shown());
        }
        let wrong = Answer::to(server.call(Method::PUT, "/api/credit/add-funds", &key)).await;
        assert_eq!(wrong.status, 405);
        provider.assert_well().await;
    }
}
