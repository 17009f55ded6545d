//! Issued documents in v2, and what is done with them.

use jiff::civil::date;
use perennial_billing::InvoiceId;
use perennial_testkit::{Answer, Kind, Provider, TestServer, on_both_databases};
use serde_json::{Value, json};

const BILLING: &str = "read:billing write:billing";

/// Invoices 1 and 2 are Anna's, 3 is Bo's; each asks for 125.00.
async fn three_invoices(kind: Kind) -> (Provider, TestServer, [String; 3]) {
    let provider = Provider::new(kind).await;
    let product = provider.product("Cloud Server", "100.00").await;
    let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
    for (customer, day) in [(anna, 1), (anna, 2), (bo, 3)] {
        let service = provider.service(customer, product, date(2026, 12, day)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
    }
    let server = TestServer::start(&provider).await;
    let keys = [
        provider.key("admin", None).await,
        provider.key(BILLING, Some(anna)).await,
        provider.key(BILLING, Some(bo)).await,
    ];
    (provider, server, keys)
}

fn ids(list: &Answer) -> Vec<&str> {
    assert_eq!(list.status, 200, "{}", list.text);
    list.json["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

on_both_databases! {
    async fn documents_are_listed_newest_first_and_narrowed(kind) {
        let (provider, server, [staff, anna, bo]) = three_invoices(kind).await;
        let noted = server.post_json("/api/v2/invoices/inv_1/actions/credit", &staff, &json!({ "reason": "Mistake" })).await;
        assert_eq!((noted.status, &noted.json["creditNote"]), (200, &json!("inv_4")), "{}", noted.text);
        provider.settle(InvoiceId(2)).await;

        let first = server.get("/api/v2/invoices?limit=3", &staff).await;
        assert_eq!(ids(&first), ["inv_4", "inv_3", "inv_2"]);
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let last = server.get(&format!("/api/v2/invoices?limit=3&cursor={cursor}"), &staff).await;
        assert_eq!((ids(&last), &last.json["nextCursor"]), (vec!["inv_1"], &Value::Null));
        for (query, expected) in [
            ("status=issued", vec!["inv_3"]),
            ("status=credited", vec!["inv_1"]),
            ("status=void", vec![]),
            ("kind=credit_note", vec!["inv_4"]),
            ("kind=deposit", vec![]),
            ("kind=invoice", vec!["inv_3", "inv_2", "inv_1"]),
            ("kind=invoice&status=paid", vec!["inv_2"]),
            ("customer=cus_2", vec!["inv_3"]),
            ("customer=cus_1&kind=invoice", vec!["inv_2", "inv_1"]),
        ] {
            assert_eq!(ids(&server.get(&format!("/api/v2/invoices?{query}"), &staff).await), expected, "{query}");
        }
        let row = server.get("/api/v2/invoices?status=issued", &staff).await.json["data"][0].clone();
        assert_eq!(row, json!({
            "id": "inv_3", "number": "202600003", "kind": "invoice", "customer": "cus_2", "status": "issued",
            "standing": "open", "issuedOn": "2026-11-23", "dueOn": row["dueOn"], "currency": "SEK", "net": "100.00",
            "tax": "25.00", "total": "125.00", "open": "125.00", "paidAt": null,
        }));
        // A customer's own key sees that customer's.
        assert_eq!(ids(&server.get("/api/v2/invoices", &anna).await), ["inv_4", "inv_2", "inv_1"]);
        assert_eq!(ids(&server.get("/api/v2/invoices?customer=cus_2", &bo).await), ["inv_3"]);
        assert_eq!(code(&server.get("/api/v2/invoices?customer=cus_2", &anna).await), (404, "not_found"));
        for (query, expected) in [
            ("status=unpaid", "invalid_request"),
            ("kind=receipt", "invalid_request"),
            ("limit=0", "invalid_request"),
            ("limit=101", "invalid_request"),
            ("offset=3", "invalid_request"),
            ("customer=inv_1", "invalid_request"),
        ] {
            assert_eq!(code(&server.get(&format!("/api/v2/invoices?{query}"), &staff).await), (400, expected), "{query}");
        }
        assert_eq!(code(&server.get("/api/v2/invoices?cursor=!!", &staff).await), (422, "invalid_cursor"));
        let narrow = provider.key("write:billing", None).await;
        assert_eq!(code(&server.get("/api/v2/invoices", &narrow).await), (403, "forbidden"));
        provider.set_day(date(2027, 3, 1));
        let late = server.get("/api/v2/invoices/inv_3", &staff).await;
        assert_eq!((&late.json["status"], &late.json["standing"]), (&json!("issued"), &json!("overdue")));
        provider.assert_well().await;
    }

    async fn a_document_tells_all_that_was_issued_and_what_became_of_it(kind) {
        let (_provider, server, [staff, anna, bo]) = three_invoices(kind).await;
        let path = "/api/v2/invoices/inv_1";
        let noted = server.post_json(&format!("{path}/actions/credit"), &staff, &json!({ "reason": "Mistake", "lines": [1] })).await;
        assert_eq!(noted.status, 200, "{}", noted.text);
        let invoice = server.get(path, &anna).await;
        assert_eq!(invoice.status, 200, "{}", invoice.text);
        let json = &invoice.json;
        assert_eq!((&json["id"], &json["total"], &json["standing"]), (&json!("inv_1"), &json!("125.00"), &json!("credited")));
        assert_eq!((&json["corrects"], &json["correctedBy"]), (&Value::Null, &json!(["inv_4"])));
        let line = &json["lines"][0];
        assert_eq!(json["lines"].as_array().unwrap().len(), 1);
        for (field, expected) in [
            ("line", json!(1)),
            ("service", json!("svc_1")),
            ("addon", Value::Null),
            ("quantity", json!("1")),
            ("unitPrice", json!("100.00")),
            ("net", json!("100.00")),
            ("taxCountry", json!("SE")),
            ("taxCategory", json!("S")),
            ("taxRatePercent", json!("25")),
            ("periodStarts", json!("2026-12-01")),
            ("periodEnds", json!("2027-01-01")),
        ] {
            assert_eq!(line[field], expected, "{field}");
        }
        let tax = json!([{"country": "SE", "category": "S", "ratePercent": "25", "base": "100.00", "tax": "25.00"}]);
        assert_eq!(json["taxes"], tax);
        let settled = &json["settlements"][0];
        assert_eq!((&settled["by"], &settled["creditNote"]), (&json!("credit_note"), &json!("inv_4")));
        assert_eq!((&settled["payment"], &settled["amount"]), (&Value::Null, &json!("125.00")));
        assert_eq!((&json["buyer"]["name"], &json["buyer"]["kind"]), (&json!("Anna Ek"), &json!("private")));
        assert_eq!((&json["seller"]["name"], &json["seller"]["vatNumber"]), (&json!("Norrsken Hosting AB"), &json!("SE556123456701")));
        let note = server.get("/api/v2/invoices/4", &anna).await.json;
        assert_eq!((&note["kind"], &note["corrects"], &note["reason"]), (&json!("credit_note"), &json!("inv_1"), &json!("Mistake")));
        assert_eq!(note["lines"][0]["correctsLine"], 1);
        for path in [path, "/api/v2/invoices/inv_4", "/api/v2/invoices/inv_99"] {
            assert_eq!(code(&server.get(path, &bo).await), (404, "not_found"), "{path}");
        }
        assert_eq!(code(&server.get("/api/v2/invoices/pay_1", &staff).await), (400, "invalid_request"));
    }

    async fn an_invoice_is_given_back_as_a_whole_by_line_or_by_amount(kind) {
        let (provider, server, [staff, anna, _]) = three_invoices(kind).await;
        let credit = async |id: u8, key: &str, body: Value| {
            server.post_json(&format!("/api/v2/invoices/inv_{id}/actions/credit"), key, &body).await
        };
        let all = credit(1, &staff, json!({ "reason": "Mistake" })).await;
        assert_eq!(all.status, 200, "{}", all.text);
        for (field, expected) in [("currency", "SEK"), ("total", "125.00"), ("settled", "125.00"), ("credited", "0.00")] {
            assert_eq!(all.json[field], expected, "{field}");
        }
        assert_eq!((&all.json["freed"][0]["service"], &all.json["invoice"]["standing"]), (&json!("svc_1"), &json!("credited")));
        assert_eq!(all.json["invoice"]["open"], "0.00");
        let part = credit(3, &staff, json!({ "reason": "Sorry", "amount": "10.00" })).await;
        assert_eq!((&part.json["total"], &part.json["freed"]), (&json!("10.00"), &json!([])), "{}", part.text);
        assert_eq!((&part.json["invoice"]["open"], &part.json["invoice"]["standing"]), (&json!("115.00"), &json!("partly_paid")));
        // What is paid becomes credit.
        provider.settle(InvoiceId(2)).await;
        let paid = credit(2, &staff, json!({ "reason": "Sorry", "lines": [1] })).await;
        assert_eq!((&paid.json["settled"], &paid.json["credited"]), (&json!("0.00"), &json!("125.00")), "{}", paid.text);
        assert_eq!(server.get("/api/v2/customers/cus_1/credit", &anna).await.json["balances"][0]["amount"], "125.00");
        for (id, body, expected) in [
            (1, json!({ "reason": "Again" }), (409, "conflict")),
            (3, json!({ "reason": "x", "lines": [9] }), (409, "conflict")),
            (3, json!({ "reason": "x", "amount": "115.01" }), (409, "conflict")),
            (3, json!({ "reason": "x", "lines": [] }), (422, "invalid_value")),
            (3, json!({ "reason": "x", "lines": [1], "amount": "1" }), (422, "invalid_value")),
            (3, json!({ "reason": "x", "amount": "1.001" }), (422, "invalid_value")),
            (3, json!({ "reason": "" }), (422, "invalid_value")),
            (3, json!({}), (400, "invalid_request")),
            (3, json!({ "reason": "x", "line": 1 }), (400, "invalid_request")),
            (4, json!({ "reason": "x" }), (409, "conflict")),
            (99, json!({ "reason": "x" }), (404, "not_found")),
            (99, json!({ "reason": "x", "amount": "1" }), (404, "not_found")),
        ] {
            assert_eq!(code(&credit(id, &staff, body.clone()).await), expected, "{id} {body}");
        }
        assert_eq!(code(&credit(3, &anna, json!({ "reason": "x" })).await), (403, "forbidden"));
        provider.assert_well().await;
    }

    async fn an_invoice_is_voided_or_written_off_by_staff(kind) {
        let (provider, server, [staff, anna, _]) = three_invoices(kind).await;
        let act = async |id: u8, action: &str, key: &str| {
            server.post(&format!("/api/v2/invoices/inv_{id}/actions/{action}"), key).await
        };
        assert_eq!(code(&act(2, "void", &staff).await), (409, "conflict"), "another number follows");
        assert_eq!(code(&act(3, "void", &anna).await), (403, "forbidden"));
        let voided = act(3, "void", &staff).await;
        assert_eq!((voided.status, &voided.json["invoice"]["standing"]), (200, &json!("void")), "{}", voided.text);
        assert_eq!(voided.json["freed"], json!([{"service": "svc_3", "period": 0}]));
        assert_eq!(code(&act(3, "void", &staff).await), (409, "conflict"));
        let lost = act(1, "write-off", &staff).await;
        assert_eq!((lost.status, &lost.json["writtenOff"], &lost.json["currency"]), (200, &json!("125.00"), &json!("SEK")));
        assert_eq!((&lost.json["invoice"]["standing"], &lost.json["invoice"]["open"]), (&json!("written_off"), &json!("0.00")));
        assert_eq!(code(&act(1, "write-off", &staff).await), (409, "conflict"));
        assert_eq!(code(&act(2, "write-off", &anna).await), (403, "forbidden"));
        for action in ["void", "write-off"] {
            assert_eq!(code(&act(99, action, &staff).await), (404, "not_found"), "{action}");
        }
        provider.assert_well().await;
    }

    async fn a_customer_pays_with_its_credit(kind) {
        let (provider, server, [staff, anna, bo]) = three_invoices(kind).await;
        let apply = async |id: u8, key: &str, body: Value| {
            server.post_json(&format!("/api/v2/invoices/inv_{id}/actions/apply-credit"), key, &body).await
        };
        assert_eq!(code(&apply(1, &anna, json!({})).await), (422, "invalid_value"), "there is none");
        // Invoice 1 is paid, and 200.00 is left.
        let payment = json!({
            "customer": "cus_1", "amount": "325.00", "currency": "SEK", "method": "bank", "reference": "b1",
            "invoices": ["inv_1"],
        });
        assert_eq!(server.post_json("/api/v2/payments", &staff, &payment).await.status, 201);
        let part = apply(2, &anna, json!({ "amount": "25.00" })).await;
        assert_eq!((part.status, &part.json["applied"]), (200, &json!("25.00")), "{}", part.text);
        assert_eq!((&part.json["invoice"]["open"], &part.json["invoice"]["standing"]), (&json!("100.00"), &json!("partly_paid")));
        for (body, expected) in [
            (json!({ "amount": "100.01" }), (409, "conflict")),
            (json!({ "amount": "0" }), (422, "invalid_value")),
            (json!({ "amount": "x" }), (422, "invalid_value")),
            (json!({ "amount": 5 }), (400, "invalid_request")),
        ] {
            assert_eq!(code(&apply(2, &anna, body.clone()).await), expected, "{body}");
        }
        assert_eq!(code(&apply(2, &bo, json!({})).await), (404, "not_found"));
        assert_eq!(code(&apply(2, &bo, json!({ "amount": "1" })).await), (404, "not_found"));
        let rest = apply(2, &anna, json!({})).await;
        assert_eq!((&rest.json["applied"], &rest.json["invoice"]["standing"]), (&json!("100.00"), &json!("paid")), "{}", rest.text);
        assert_eq!(code(&apply(2, &anna, json!({})).await), (409, "conflict"));
        provider.assert_well().await;
    }
}
