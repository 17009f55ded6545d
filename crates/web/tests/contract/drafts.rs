//! Invoices that a person writes, in v2.

use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

on_both_databases! {
    async fn a_draft_is_written_looked_at_and_issued(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:billing write:billing", None).await;
        let path = "/api/v2/drafts";
        let new = json!({ "customer": "cus_1", "currency": "SEK", "lines": [
            { "description": "Moving a server", "quantity": "2.5", "unitPrice": "900.00", "taxClass": "service" },
            { "description": "Stamps", "unitPrice": "50", "taxClass": "outside" },
        ] });
        let created = server.post_json(path, &staff, &new).await;
        assert_eq!((created.status, created.header("location")), (201, "/api/v2/drafts/drf_1"), "{}", created.text);
        for (field, expected) in [("net", "2300.00"), ("tax", "562.50"), ("total", "2862.50"), ("currency", "SEK"), ("customer", "cus_1")] {
            assert_eq!(created.json[field], expected, "{field}");
        }
        let line = &created.json["lines"][1];
        assert_eq!((&line["quantity"], &line["net"], &line["taxClass"], &line["taxCategory"]), (&json!("1"), &json!("50.00"), &json!("outside"), &json!("O")));
        assert_eq!(server.get("/api/v2/drafts/drf_1", &staff).await.json, created.json);
        assert_eq!(server.post_json(path, &staff, &new).await.status, 201);
        let first = server.get(&format!("{path}?limit=1"), &staff).await;
        assert_eq!(first.json["data"], json!([created.json]));
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let last = server.get(&format!("{path}?limit=1&cursor={cursor}"), &staff).await;
        assert_eq!((&last.json["data"][0]["id"], &last.json["nextCursor"]), (&json!("drf_2"), &Value::Null));

        let delete = async |key: &str| Answer::to(server.call(Method::DELETE, "/api/v2/drafts/drf_2", key)).await;
        assert_eq!((delete(&staff).await.status, delete(&staff).await.status), (204, 404));
        let issued = server.post("/api/v2/drafts/drf_1/actions/issue", &staff).await;
        assert_eq!((issued.status, issued.header("location")), (201, "/api/v2/invoices/inv_1"), "{}", issued.text);
        assert_eq!((&issued.json["number"], &issued.json["total"]), (&json!("202600001"), &json!("2862.50")));
        assert_eq!(code(&server.post("/api/v2/drafts/drf_1/actions/issue", &staff).await), (404, "not_found"));
        assert_eq!(code(&server.get("/api/v2/drafts/drf_1", &staff).await), (404, "not_found"));
        assert_eq!(server.get(path, &staff).await.json["data"], json!([]));

        let own = provider.key("read:billing write:billing", Some(anna)).await;
        assert_eq!(code(&server.post_json(path, &own, &new).await), (403, "forbidden"));
        assert_eq!(code(&server.get(path, &own).await), (403, "forbidden"));
        assert_eq!(delete(&own).await.status, 403);
        provider.assert_well().await;
    }

    async fn what_cannot_be_a_draft_is_refused(kind) {
        let provider = Provider::new(kind).await;
        provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("admin", None).await;
        let draft = |customer: &str, currency: &str, lines: Value| {
            json!({ "customer": customer, "currency": currency, "lines": lines })
        };
        let line = json!({ "description": "Work", "unitPrice": "1.00" });
        let priced = |price: &str| json!([line, { "description": "Work", "unitPrice": price }]);
        for (new, expected, pointer) in [
            (draft("cus_99", "SEK", json!([line])), (404, "not_found"), None),
            (draft("cus_1", "EUR", json!([line])), (422, "invalid_value"), Some("/currency")),
            (draft("cus_1", "SEK", json!([])), (422, "invalid_value"), Some("/lines")),
            (draft("cus_1", "SEK", json!(vec![line.clone(); 101])), (422, "invalid_value"), Some("/lines")),
            (draft("cus_1", "SEK", priced("1.001")), (422, "invalid_value"), Some("/lines/1/unitPrice")),
            (draft("cus_1", "SEK", priced("-1")), (422, "invalid_value"), Some("/lines/1/unitPrice")),
            (draft("cus_1", "SEK", json!([{ "description": "", "unitPrice": "1" }])), (422, "invalid_value"), Some("/description")),
            (draft("cus_1", "SEK", json!([{ "description": "Work" }])), (400, "invalid_request"), Some("/lines/0/unitPrice")),
            (draft("cus_1", "SEK", json!([{ "description": "Work", "unitPrice": "1", "taxClass": "luxury" }])), (400, "invalid_request"), Some("/lines/0/taxClass")),
        ] {
            let answer = server.post_json("/api/v2/drafts", &staff, &new).await;
            assert_eq!(code(&answer), expected, "{new}: {}", answer.text);
            assert_eq!(answer.json["errors"][0]["pointer"].as_str(), pointer, "{new}");
        }
        assert_eq!(server.get("/api/v2/drafts", &staff).await.json["data"], json!([]));
    }
}
