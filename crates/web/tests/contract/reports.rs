//! Sums for accountants in v2, and the ledger they are made of.

use jiff::civil::date;
use perennial_billing::InvoiceId;
use perennial_testkit::{Answer, Kind, Provider, TestServer, on_both_databases};
use serde_json::{Value, json};

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

/// Anna owes two invoices of 125.00 and Bo one, of which one of Anna's is paid.
async fn a_year(kind: Kind) -> (Provider, TestServer, String) {
    let provider = Provider::new(kind).await;
    let product = provider.product("Cloud Server", "100.00").await;
    let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
    for (customer, day) in [(anna, 1), (anna, 2), (bo, 3)] {
        let service = provider.service(customer, product, date(2026, 12, day)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
    }
    provider.settle(InvoiceId(1)).await;
    let server = TestServer::start(&provider).await;
    let key = provider.key("read:reports", None).await;
    (provider, server, key)
}

on_both_databases! {
    async fn tax_is_summed_by_the_day_of_issue(kind) {
        let (_provider, server, key) = a_year(kind).await;
        let report = server.get("/api/v2/reports/vat?from=2026-11-01&through=2026-11-30", &key).await;
        assert_eq!(report.json, json!({
            "from": "2026-11-01", "through": "2026-11-30", "currency": "SEK",
            "rows": [{"country": "SE", "category": "S", "ratePercent": "25", "documents": 3, "base": "300.00", "tax": "75.00"}],
            "unconverted": [],
        }));
        let none = server.get("/api/v2/reports/vat?from=2026-12-01&through=2026-12-31", &key).await;
        assert_eq!((none.status, &none.json["rows"]), (200, &json!([])));
        for (query, expected) in [
            ("from=2026-11-30&through=2026-11-01", (422, "invalid_value")),
            ("from=2026-11-30", (400, "invalid_request")),
            ("from=20261101&through=2026-11-30", (400, "invalid_request")),
        ] {
            assert_eq!(code(&server.get(&format!("/api/v2/reports/vat?{query}"), &key).await), expected, "{query}");
            assert_eq!(code(&server.get(&format!("/api/v2/reports/ledger?{query}"), &key).await), expected, "{query}");
        }
    }

    async fn what_is_owed_is_told_by_customer_and_age(kind) {
        let (provider, server, key) = a_year(kind).await;
        let first = server.get("/api/v2/reports/ageing?limit=1", &key).await;
        assert_eq!(first.json["data"], json!([{"customer": "cus_1", "owed": [{
            "currency": "SEK", "notDue": "125.00", "days1To30": "0.00", "days31To60": "0.00", "days61To90": "0.00",
            "older": "0.00", "total": "125.00",
        }]}]));
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let last = server.get(&format!("/api/v2/reports/ageing?limit=1&cursor={cursor}"), &key).await;
        assert_eq!((&last.json["data"][0]["customer"], &last.json["nextCursor"]), (&json!("cus_2"), &Value::Null));
        provider.set_day(date(2027, 12, 1));
        let late = server.get("/api/v2/reports/ageing", &key).await;
        assert_eq!((&late.json["data"][1]["owed"][0]["older"], &late.json["nextCursor"]), (&json!("125.00"), &Value::Null));
    }

    async fn series_have_no_gaps_and_name_what_is_void(kind) {
        let (provider, server, key) = a_year(kind).await;
        provider.app.void_invoice(&provider.staff(), InvoiceId(3)).await.unwrap();
        let report = server.get("/api/v2/reports/series", &key).await;
        assert_eq!(report.json["data"], json!([{
            "kind": "invoice", "year": report.json["data"][0]["year"], "first": 1, "last": 3, "documents": 3,
            "firstNumber": "202600001", "lastNumber": "202600003", "firstIssuedOn": "2026-11-23",
            "lastIssuedOn": "2026-11-23", "voids": ["202600003"], "gaps": [],
        }]), "{}", report.text);
    }

    async fn the_ledger_is_read_page_by_page(kind) {
        let (_provider, server, key) = a_year(kind).await;
        let path = "/api/v2/reports/ledger?from=2026-11-23&through=2026-11-23";
        let all = server.get(path, &key).await;
        let all = all.json["data"].as_array().unwrap().clone();
        assert_eq!(all.len(), 7, "revenue and tax of each invoice, and a payment");
        let mut rows = Vec::new();
        let mut next = path.to_owned() + "&limit=2";
        loop {
            let page = server.get(&next, &key).await;
            rows.extend(page.json["data"].as_array().unwrap().clone());
            let Some(cursor) = page.json["nextCursor"].as_str() else { break };
            next = format!("{path}&limit=2&cursor={cursor}");
        }
        assert_eq!(rows, all);
        let paid = rows.last().unwrap();
        assert_eq!(paid, &json!({
            "source": "payment", "sourceId": "pay_1", "entry": 1, "number": "invoice 202600001", "customer": "cus_1",
            "bookedOn": "2026-11-23", "debit": "bank", "credit": "receivable", "amount": "125.00", "currency": "SEK",
            "product": null, "taxCountry": null, "taxCategory": null, "taxRatePercent": null,
        }));
        let earned = &rows[0];
        assert_eq!((&earned["sourceId"], &earned["number"], &earned["product"]), (&json!("inv_1"), &json!("202600001"), &json!("prd_1")));
        assert_eq!((&earned["debit"], &earned["credit"], &earned["amount"]), (&json!("receivable"), &json!("revenue"), &json!("100.00")));
        assert_eq!((&earned["taxCountry"], &earned["taxRatePercent"]), (&json!("SE"), &json!("25")));
        assert_eq!(code(&server.get(&format!("{path}&cursor=MQ"), &key).await), (422, "invalid_cursor"));
    }

    async fn reports_are_for_staff_who_may_read_them(kind) {
        let (provider, server, _) = a_year(kind).await;
        let anna = provider.customer("Anna Berg").await;
        let own = provider.key("read:reports", Some(anna)).await;
        let narrow = provider.key("read:billing", None).await;
        for path in ["vat?from=2026-11-01&through=2026-11-30", "ageing", "series", "ledger?from=2026-11-01&through=2026-11-30"] {
            for key in [&own, &narrow] {
                assert_eq!(code(&server.get(&format!("/api/v2/reports/{path}"), key).await), (403, "forbidden"), "{path}");
            }
        }
    }
}
