//! What stands before every route: unknown paths, wrong methods, limits, request ids, panics, health.

use axum::Router;
use axum::routing::get;
use insta::assert_snapshot;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use perennial_web::{MAX_BODY_BYTES, MAX_LINGER_BYTES};
use reqwest::Method;

on_both_databases! {
    async fn what_is_not_there_or_not_so_is_said_in_the_same_five_fields(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        assert_snapshot!(server.get("/api/nothing", &key).await.shown(), @r#"
        404
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Not Found","message":"The requested resource was not found","code":"NOT_FOUND","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_snapshot!(server.get("/api/services/1/renew", &key).await.shown(), @r#"
        405
        allow: POST
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Method Not Allowed","message":"This method is not allowed for this resource","code":"METHOD_NOT_ALLOWED","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        let delete = Answer::to(server.call(Method::DELETE, "/api/billing/invoices", &key)).await;
        assert_eq!((delete.status, delete.header("allow")), (405, "GET,HEAD,POST"));
    }

    async fn a_body_has_a_limit(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        let post = |bytes| server.call(Method::POST, "/api/services/7/renew", &key).body(vec![b' '; bytes]);
        assert_eq!(Answer::to(post(MAX_BODY_BYTES)).await.status, 404, "within it");
        assert_snapshot!(Answer::to(post(MAX_BODY_BYTES + 1)).await.shown(), @r#"
        413
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Payload Too Large","message":"The request body is too large","code":"PAYLOAD_TOO_LARGE","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
    }

    async fn who_sends_too_much_hears_why(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        let path = "/api/services/7/renew";
        for _ in 0..20 {
            let post = |key| server.call(Method::POST, path, key).body(vec![b' '; MAX_LINGER_BYTES]);
            assert_eq!(Answer::to(post(&key)).await.status, 413);
            assert_eq!(Answer::to(post("pn_none")).await.status, 401);
        }
    }

    async fn a_request_id_is_taken_over_or_made(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let ask = |id: &str| Answer::to(server.request(Method::GET, "/api/nothing").header("x-request-id", id));
        let given = ask("panel-42.a_b").await;
        assert_eq!((given.header("x-request-id"), given.json["requestId"].as_str()), ("panel-42.a_b", Some("panel-42.a_b")));
        for odd in ["", "with space", "quote\"", &"x".repeat(65)] {
            let made = ask(odd).await.header("x-request-id").to_owned();
            assert_eq!(made.len(), 36, "{odd:?} became {made}");
        }
    }

    async fn a_panic_is_a_500_without_detail(kind) {
        let provider = Provider::new(kind).await;
        let routes = Router::new().route("/boom", get(|| async { if true { panic!("secret detail") } }));
        let server = TestServer::start_routes(&provider, routes).await;
        assert_snapshot!(server.get("/boom", "").await.shown(), @r#"
        500
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Internal Server Error","message":"An unexpected error occurred","code":"INTERNAL_ERROR","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
    }

    async fn health_tells_living_from_working(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        assert_eq!(server.get("/healthz", "").await.json["status"], "ok");
        assert_eq!(server.get("/readyz", "").await.json["status"], "ok");
        provider.database.sql("update _sqlx_migrations set version = version + 1000").unwrap();
        assert_eq!(server.get("/healthz", "").await.status, 200);
        assert_eq!(server.get("/readyz", "").await.status, 503, "another program's schema");
    }
}
