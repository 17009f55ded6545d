//! Money that comes in and goes back in v2, and customers' credit.

use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use serde_json::{Value, json};

const BILLING: &str = "read:billing write:billing";

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

fn payment(customer: &str, amount: &str, reference: &str) -> Value {
    json!({ "customer": customer, "amount": amount, "currency": "SEK", "method": "bank", "reference": reference })
}

on_both_databases! {
    async fn a_payment_is_recorded_once_and_pays_what_is_owed(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        let server = TestServer::start(&provider).await;
        let staff = provider.key(BILLING, None).await;
        let (hers, his) = (provider.key(BILLING, Some(anna)).await, provider.key(BILLING, Some(bo)).await);
        let path = "/api/v2/payments";
        let mut new = payment("cus_1", "130.00", "b1");
        new["paidOn"] = json!("2026-11-20");
        let recorded = server.post_json(path, &staff, &new).await;
        assert_eq!((recorded.status, recorded.header("location")), (201, "/api/v2/payments/pay_1"), "{}", recorded.text);
        let json = &recorded.json;
        assert_eq!((&json["id"], &json["amount"], &json["paidOn"]), (&json!("pay_1"), &json!("130.00"), &json!("2026-11-20")));
        assert_eq!((&json["paid"], &json["credited"]), (&json!([{"invoice": "inv_1", "amount": "125.00"}]), &json!("5.00")));
        assert_eq!(json["isKnown"], false);
        let again = server.post_json(path, &staff, &new).await;
        assert_eq!((again.status, &again.json["isKnown"], &again.json["id"]), (200, &json!(true), &json!("pay_1")));
        assert_eq!((&again.json["paid"], &again.json["credited"]), (&json["paid"], &json["credited"]));
        for (new, expected) in [
            (payment("cus_1", "131.00", "b1"), (409, "conflict")),
            (payment("cus_99", "1", "b2"), (404, "not_found")),
            (payment("cus_1", "0", "b2"), (422, "invalid_value")),
            (payment("cus_1", "1.001", "b2"), (422, "invalid_value")),
            (payment("cus_1", "1", ""), (422, "invalid_value")),
            (json!({ "customer": "cus_1" }), (400, "invalid_request")),
            (json!({ "customer": "cus_1", "amount": "1", "currency": "XXX", "method": "bank", "reference": "b2" }), (400, "invalid_request")),
        ] {
            assert_eq!(code(&server.post_json(path, &staff, &new).await), expected, "{new}");
        }
        assert_eq!(code(&server.post_json(path, &hers, &payment("cus_1", "1", "b2")).await), (403, "forbidden"));
        for (customer, reference) in [("cus_2", "b3"), ("cus_1", "b4")] {
            assert_eq!(server.post_json(path, &staff, &payment(customer, "10.00", reference)).await.status, 201);
        }

        let ids = |list: &Answer| -> Vec<String> {
            list.json["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
        };
        let first = server.get(&format!("{path}?limit=2"), &staff).await;
        assert_eq!(ids(&first), ["pay_3", "pay_2"]);
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let last = server.get(&format!("{path}?limit=2&cursor={cursor}"), &staff).await;
        assert_eq!((ids(&last), &last.json["nextCursor"]), (vec!["pay_1".to_owned()], &Value::Null));
        assert_eq!(ids(&server.get(&format!("{path}?customer=cus_2"), &staff).await), ["pay_2"]);
        assert_eq!(ids(&server.get(path, &hers).await), ["pay_3", "pay_1"]);
        assert_eq!(code(&server.get(&format!("{path}?customer=cus_2"), &hers).await), (404, "not_found"));
        assert_eq!(code(&server.get(&format!("{path}?cursor=!!"), &staff).await), (422, "invalid_cursor"));

        let detail = server.get("/api/v2/payments/pay_1", &hers).await;
        assert_eq!((&detail.json["paid"], &detail.json["credited"]), (&json["paid"], &json["credited"]), "{}", detail.text);
        assert_eq!((&detail.json["method"], &detail.json["reference"]), (&json!("bank"), &json!("b1")));
        for path in ["/api/v2/payments/pay_1", "/api/v2/payments/pay_99"] {
            assert_eq!(code(&server.get(path, &his).await), (404, "not_found"), "{path}");
        }
        provider.assert_well().await;
    }

    async fn credit_is_asked_for_moved_and_given_back(kind) {
        let provider = Provider::new(kind).await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
        let server = TestServer::start(&provider).await;
        let staff = provider.key(BILLING, None).await;
        let (hers, his) = (provider.key(BILLING, Some(anna)).await, provider.key(BILLING, Some(bo)).await);
        let credit = "/api/v2/customers/cus_1/credit";
        assert_eq!(server.get(credit, &hers).await.json, json!({ "customer": "cus_1", "balances": [] }));

        let funds = "/api/v2/customers/cus_1/actions/add-funds";
        let asked = server.post_json(funds, &hers, &json!({ "amount": "500", "currency": "SEK" })).await;
        assert_eq!((asked.status, asked.header("location")), (201, "/api/v2/invoices/inv_1"), "{}", asked.text);
        assert_eq!((&asked.json["kind"], &asked.json["total"], &asked.json["tax"]), (&json!("deposit"), &json!("500.00"), &json!("0.00")));
        for (body, expected) in [
            (json!({ "amount": "0", "currency": "SEK" }), (422, "invalid_value")),
            (json!({ "amount": "100000.01", "currency": "SEK" }), (422, "invalid_value")),
            (json!({ "amount": "5", "currency": "EUR" }), (422, "invalid_value")),
            (json!({ "amount": "5" }), (400, "invalid_request")),
        ] {
            assert_eq!(code(&server.post_json(funds, &hers, &body).await), expected, "{body}");
        }
        assert_eq!(code(&server.post_json(funds, &his, &json!({ "amount": "5", "currency": "SEK" })).await), (404, "not_found"));

        let mut new = payment("cus_1", "500.00", "b1");
        new["invoices"] = json!(["inv_1"]);
        assert_eq!(server.post_json("/api/v2/payments", &staff, &new).await.status, 201);
        assert_eq!(server.get(credit, &hers).await.json["balances"], json!([{"amount": "500.00", "currency": "SEK"}]));

        let refund = |amount: &str| json!({
            "customer": "cus_1", "amount": amount, "currency": "SEK", "method": "bank", "reference": "r1", "payment": "pay_1",
        });
        let refunds = "/api/v2/refunds";
        assert_eq!(code(&server.post_json(refunds, &staff, &refund("500.01")).await), (409, "conflict"));
        assert_eq!(code(&server.post_json(refunds, &staff, &refund("0")).await), (422, "invalid_value"));
        assert_eq!(code(&server.post_json(refunds, &hers, &refund("1")).await), (403, "forbidden"));
        let back = server.post_json(refunds, &staff, &refund("75.00")).await;
        assert_eq!((back.status, &back.json["amount"]), (201, &json!("75.00")), "{}", back.text);
        assert_eq!((&back.json["payment"], &back.json["customer"]), (&json!("pay_1"), &json!("cus_1")));
        assert_eq!(server.post_json(refunds, &staff, &refund("75.00")).await.json, back.json, "it goes once");
        assert_eq!(code(&server.post_json(refunds, &staff, &refund("76.00")).await), (409, "conflict"));

        let moves = format!("{credit}/moves");
        let first = server.get(&format!("{moves}?limit=1"), &hers).await;
        let newest = &first.json["data"][0];
        assert_eq!((&newest["reason"], &newest["amount"], &newest["balance"]), (&json!("refunded"), &json!("-75.00"), &json!("425.00")));
        assert_eq!((&newest["refund"], &newest["payment"], &newest["invoice"]), (&back.json["id"], &json!("pay_1"), &Value::Null));
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let last = server.get(&format!("{moves}?limit=1&cursor={cursor}"), &hers).await;
        assert_eq!((&last.json["data"][0]["reason"], &last.json["nextCursor"]), (&json!("deposited"), &Value::Null));
        for path in [credit, &moves, "/api/v2/customers/cus_99/credit"] {
            assert_eq!(code(&server.get(path, &his).await), (404, "not_found"), "{path}");
        }
        provider.assert_well().await;
    }
}
