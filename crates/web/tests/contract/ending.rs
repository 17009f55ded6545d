//! v1: cancelling a service, and its auto-renew.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;

on_both_databases! {
    async fn a_service_is_cancelled_at_the_end_of_what_is_billed_or_at_once(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let [first, second, of_bo] = [
            provider.service(anna, product, date(2026, 12, 1)).await,
            provider.service(anna, product, date(2026, 12, 1)).await,
            provider.service(bo, product, date(2026, 12, 1)).await,
        ];
        let key = provider.key("write:billing,read:services", Some(anna)).await;
        let cancel = |body: String| Answer::to(server.call(Method::POST, "/api/cancel-hosting", &key).body(body));
        let end = |service, kind: &str| format!(r#"{{"accountId":"{service}","type":"{kind}","reason":"Too expensive"}}"#);
        assert_snapshot!(cancel(end(first, "End of billing period")).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"message":"Cancellation request submitted successfully","info":["Cancelation request submitted"]}}
        "#);
        assert_eq!(cancel(end(second, "Immediate")).await.status, 200);
        assert_snapshot!(cancel(end(first, "Now")).await.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"Invalid cancellation type. Must be \"Immediate\" or \"End of billing period\"","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_snapshot!(cancel(end(of_bo, "Immediate")).await.shown(), @r#"
        404
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Not Found","message":"Service not found","code":"NOT_FOUND","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_snapshot!(cancel(end(second, "Immediate")).await.text, @r#"{"error":"Conflict","message":"Service is cancelled already","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}"#);
        assert_eq!(cancel(r#"{"type":"Immediate"}"#.to_owned()).await.status, 400);
        assert_eq!(cancel(r#"{"accountId":"x","type":"Immediate"}"#.to_owned()).await.status, 400);
        assert_eq!(cancel(format!(r#"{{"accountId":{first},"type":"End of billing period"}}"#)).await.status, 200, "again");
        let left = "select id, status, ends_on from services order by id";
        assert_eq!(provider.database.sql(left).unwrap().trim(), "1|active|2026-12-01\n2|cancelled|\n3|active|");
        let renewed = server.post(&format!("/api/services/{second}/renew"), &key).await;
        assert_eq!(renewed.status, 409);
        let reader = provider.key("read:services", Some(anna)).await;
        let refused = server.call(Method::POST, "/api/cancel-hosting", &reader).body(end(first, "Immediate"));
        assert_eq!(Answer::to(refused).await.status, 403);
    }

    async fn auto_renew_is_read(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let on = provider.service(anna, product, date(2026, 12, 31)).await;
        let off = provider.service_with(anna, product, date(2026, 12, 31), |new| new.auto_renew = false).await;
        let of_bo = provider.service(bo, product, date(2026, 12, 31)).await;
        let key = provider.key("read:services", Some(anna)).await;
        assert_snapshot!(server.get(&format!("/api/vm/{on}/autorenew"), &key).await.text, @r#"{"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"autorenew":true,"autorenewRaw":"1","nextDue":"2026-12-31","nextInvoice":"2026-12-17"}}"#);
        assert_snapshot!(server.get(&format!("/api/vm/{off}/autorenew"), &key).await.text, @r#"{"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"autorenew":false,"autorenewRaw":"0","nextDue":"2026-12-31","nextInvoice":null}}"#);
        assert_eq!(server.get(&format!("/api/vm/{of_bo}/autorenew"), &key).await.status, 404);
        assert_eq!(server.get("/api/vm/0/autorenew", &key).await.status, 400);
        let writer = provider.key("write:billing", Some(anna)).await;
        assert_eq!(server.get(&format!("/api/vm/{on}/autorenew"), &writer).await.status, 403);
    }
}
