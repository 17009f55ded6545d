//! Documents as files: `POST /api/billing/invoice/pdf` as it is documented, and the downloads of v2.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_testkit::{Provider, TestServer, on_both_databases};
use serde_json::json;

on_both_databases! {
    async fn invoices_come_as_pdf_and_as_xml(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Maria Ek").await;
        let bo = provider.customer("Bo Ek").await;
        for (customer, day) in [(anna, 1), (anna, 2), (bo, 3)] {
            let service = provider.service(customer, product, date(2026, 12, day)).await;
            provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        }
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:billing", Some(anna)).await;
        let path = "/api/billing/invoice/pdf";
        let ask = async |ids: &[&str]| server.post_json(path, &key, &json!({ "invoiceIds": ids })).await;

        let one = ask(&["1"]).await;
        assert_eq!(one.status, 200);
        let keys: Vec<&String> = one.json["data"].as_object().unwrap().keys().collect();
        assert_eq!((keys, &one.json["data"]["success"]), (vec![&"pdf".to_owned(), &"success".to_owned()], &json!(true)));
        // `%PDF-` in base64.
        let alone = one.json["data"]["pdf"].as_str().unwrap().to_owned();
        assert!(alone.starts_with("JVBERi0"));
        assert!(one.text.contains("\"data\":{\"pdf\":\"JVBERi0"), "keys are in the documented order");
        let both = ask(&["1", "2"]).await;
        assert!(both.json["data"]["pdf"].as_str().unwrap().starts_with("JVBERi0"));

        // Another customer's is not there; neither are those that are none.
        assert_eq!(ask(&["1", "3"]).await.status, 404);
        assert_eq!(ask(&["4711"]).await.status, 404);
        assert_snapshot!(ask(&["x"]).await.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"invoiceIds: \"x\" is not an integer of at least 1","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_snapshot!(ask(&[]).await.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"`invoiceIds` must be from 1 to 50","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        let empty = server.post_json(path, &key, &json!({})).await;
        assert_eq!(empty.status, 400);
        let narrow = provider.key("read:services", Some(anna)).await;
        let refused = server.post_json(path, &narrow, &json!({ "invoiceIds": ["1"] })).await;
        assert_eq!(refused.status, 403);

        let pdf = server.get("/api/v2/invoices/inv_1/pdf", &key).await;
        assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"));
        assert_eq!(pdf.header("content-disposition"), "inline; filename*=UTF-8''202600001.pdf");
        let xml = server.get("/api/v2/invoices/inv_1/xml", &key).await;
        assert_eq!((xml.status, xml.header("content-type")), (200, "application/xml"));
        assert!(xml.text.contains("<cbc:ID>202600001</cbc:ID>"), "{}", xml.text);
        let cii = server.get("/api/v2/invoices/inv_1/xml?format=cii", &key).await;
        assert!(cii.text.contains("rsm:CrossIndustryInvoice"));
        assert_eq!(server.get("/api/v2/invoices/inv_1/xml?format=edifact", &key).await.status, 400);
        assert_eq!(server.get("/api/v2/invoices/inv_3/pdf", &key).await.status, 404);
        assert_eq!(server.get("/api/v2/invoices/svc_1/pdf", &key).await.status, 400);
    }
}
