//! `POST /api/services/{accountId}/renew`: the documented answer and every row of the error table.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::Actor;
use perennial_billing::{CustomerId, ServiceStatus};
use perennial_store::sellers::OpenInvoicePolicy;
use perennial_testkit::{Answer, FeedBehaviour, Provider, TestFeed, TestServer, on_both_databases};
use perennial_web::RateLimit;
use reqwest::Method;
use tokio::task::JoinSet;

/// The keys of an object, in the order they were sent.
fn keys(text: &str, object: &str) -> Vec<String> {
    let inside = if object.is_empty() { text } else { text.split_once(&format!("\"{object}\":")).unwrap().1 };
    let mut keys = Vec::new();
    let (mut depth, mut rest) = (0, inside);
    while let Some(at) = rest.find(['{', '}', '[', ']', '"']) {
        let (symbol, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        match symbol {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {
                let (string, tail) = after.split_once('"').unwrap();
                if depth == 1 && tail.starts_with(':') {
                    keys.push(string.to_owned());
                }
                rest = tail;
                continue;
            }
        }
        rest = after;
        if depth == 0 {
            break;
        }
    }
    keys
}

async fn anna(provider: &Provider) -> (CustomerId, String) {
    let server = provider.product("Cloud Server", "100.00").await;
    let anna = provider.customer("Anna Ek").await;
    let service = provider.service(anna, server, date(2026, 12, 1)).await;
    (anna, format!("/api/services/{service}/renew"))
}

on_both_databases! {
    async fn the_documented_example(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;

        let first = server.post(&path, &key).await;
        assert_snapshot!(first.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"invoiceId":"1","message":"Renewal invoice generated successfully","info":["Invoice sent to client","Invoice generated"],"serviceType":"3","raw":{"success":true,"invoice_id":"1","call":"generateNextInvoice","server_time":1795431600,"info":["Invoice sent to client","Invoice generated"]}}}
        "#);
        // The documented answer, key by key and type by type.
        let documented = r#"{"success":true,"timestamp":"2026-02-10T00:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"invoiceId":"49961","message":"Renewal invoice generated successfully","info":["Invoice sent to client","Invoice generated"],"serviceType":"3","raw":{"success":true,"invoice_id":"49961","call":"generateNextInvoice","server_time":1768288786,"info":["Invoice sent to client","Invoice generated"]}}}"#;
        for object in ["", "data", "raw"] {
            assert_eq!(keys(&first.text, object), keys(documented, object), "{object}");
        }
        let documented: serde_json::Value = serde_json::from_str(documented).unwrap();
        let (ours, theirs) = (&first.json["data"], &documented["data"]);
        for field in ["success", "invoiceId", "message", "info", "serviceType"] {
            assert_eq!(std::mem::discriminant(&ours[field]), std::mem::discriminant(&theirs[field]), "{field}");
        }
        for field in ["success", "invoice_id", "call", "server_time", "info"] {
            assert_eq!(std::mem::discriminant(&ours["raw"][field]), std::mem::discriminant(&theirs["raw"][field]), "{field}");
        }

        let second = server.post(&path, &key).await;
        assert_snapshot!(second.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"invoiceId":"1","message":"Renewal invoice already exists","info":["Existing unpaid invoice returned"],"serviceType":"3","raw":{"success":true,"invoice_id":"1","call":"generateNextInvoice","server_time":1795431600,"info":["Existing unpaid invoice returned"]}}}
        "#);
        provider.assert_well().await;
    }

    async fn no_mail_no_mention_of_it(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let silent = provider.customer_with("No Mail", |new| new.party.email.clear()).await;
        let service = provider.service(silent, server, date(2026, 12, 1)).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        let answer = server.post(&format!("/api/services/{service}/renew"), &key).await;
        assert_eq!(answer.json["data"]["info"], serde_json::json!(["Invoice generated"]));
        assert_eq!(answer.json["data"]["raw"]["info"], serde_json::json!(["Invoice generated"]));
    }

    async fn bodies_and_headers_of_real_clients_are_welcome(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        let post = || server.request(Method::POST, &path);
        for request in [
            post().header("x-api-key", &key).header("content-type", "application/json"),
            post().header("x-api-key", &key).header("content-type", "application/json, charset=UTF-8").body("{}"),
            post().header("authorization", format!("Bearer {key}")).body("anything, really"),
            post().header("authorization", format!("bearer {key}")).body(vec![0xff, 0x00]),
        ] {
            let answer = Answer::to(request).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json["data"]["invoiceId"], "1");
        }
    }

    async fn without_a_valid_key_nobody_comes_in(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let server = TestServer::start(&provider).await;
        let unknown = server.post(&path, "pn_unknown").await;
        assert_snapshot!(unknown.shown(), @r#"
        401
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Unauthorized","message":"Authentication required","code":"UNAUTHORIZED","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        let missing = Answer::to(server.request(Method::POST, &path)).await;
        let basic = Answer::to(server.request(Method::POST, &path).header("authorization", "Basic abc")).await;
        let empty = server.post(&path, "").await;
        for answer in [missing, basic, empty] {
            assert_eq!((answer.status, answer.json["message"].as_str()), (401, Some("Authentication required")));
        }
        let narrow = provider.key("read:billing read:services", None).await;
        assert_snapshot!(server.post(&path, &narrow).await.shown(), @r#"
        403
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Forbidden","message":"This API key lacks the scope write:billing","code":"FORBIDDEN","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
    }

    async fn what_is_no_account_id_is_a_bad_request(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        assert_snapshot!(server.post("/api/services/abc/renew", &key).await.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"accountId must be an integer of at least 1","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        for bad in ["0", "-1", "1.0", "%31%00", "%ff", "99999999999999999999", "1e3", "%20", "0x10"] {
            let answer = server.post(&format!("/api/services/{bad}/renew"), &key).await;
            assert_eq!((answer.status, answer.json["code"].as_str()), (400, Some("BAD_REQUEST")), "{bad}: {}", answer.text);
        }
    }

    async fn unknown_and_foreign_services_look_the_same(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let bo = provider.customer("Bo Dahl").await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", Some(bo)).await;
        let unknown = server.post("/api/services/999999/renew", &key).await;
        let foreign = server.post(&path, &key).await;
        assert_eq!(foreign.shown(), unknown.shown());
        assert_snapshot!(unknown.shown(), @r#"
        404
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Not Found","message":"Service not found","code":"NOT_FOUND","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
    }

    async fn what_cannot_be_renewed_says_why(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        let mut told = Vec::new();
        for status in [ServiceStatus::Cancelled, ServiceStatus::Terminated, ServiceStatus::Fraud, ServiceStatus::Pending] {
            let service = provider.service_with(anna, product, date(2026, 12, 1), |new| new.status = status).await;
            told.push(server.post(&format!("/api/services/{service}/renew"), &key).await.shown());
        }
        for cycle in ["free", "once"] {
            let change = |new: &mut perennial_app::NewService| new.cycle = cycle.parse().unwrap();
            let service = provider.service_with(anna, product, date(2026, 12, 1), change).await;
            told.push(server.post(&format!("/api/services/{service}/renew"), &key).await.shown());
        }
        let far = provider.service(anna, product, date(2030, 12, 1)).await;
        told.push(server.post(&format!("/api/services/{far}/renew"), &key).await.shown());
        assert_snapshot!(told.join("\n\n"), @r#"
        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Service is cancelled and cannot be renewed","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}

        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Service is terminated and cannot be renewed","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}

        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Service is marked as fraud and cannot be renewed","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}

        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Service is pending and cannot be renewed before it is active","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}

        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Service is free and has nothing to renew","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}

        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Service is one-time and has nothing to renew","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}

        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Service is billed through 2030-12-01, too far ahead: it can be renewed from 2027-12-01","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
    }

    async fn a_seller_may_want_a_conflict_for_an_open_invoice(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let mut seller = provider.seller.clone();
        seller.open_invoice_policy = OpenInvoicePolicy::Conflict;
        provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        assert_eq!(server.post(&path, &key).await.status, 200);
        assert_snapshot!(server.post(&path, &key).await.shown(), @r#"
        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"An unpaid renewal invoice exists for this service","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","invoiceId":"1"}
        "#);
    }

    async fn a_failing_price_source_is_the_documented_500(kind) {
        let feed = TestFeed::start("149.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, domain, date(2026, 12, 1)).await;
        let unpriced = provider.product_from("Unpriced", "catalogue").await;
        let unpriced = provider.service(anna, unpriced, date(2026, 12, 1)).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        let path = format!("/api/services/{service}/renew");

        feed.behave(FeedBehaviour::HangUp);
        let down = server.post(&path, &key).await;
        assert_snapshot!(down.shown(), @r#"
        500
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Internal Server Error","message":"Could not refresh pricing for this service. Please try again later.","code":"INTERNAL_ERROR","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        feed.behave(FeedBehaviour::Silent(Duration::from_secs(60)));
        assert_eq!(server.post(&path, &key).await.shown(), down.shown(), "slow");
        feed.behave(FeedBehaviour::Answer(404, "{}".to_owned()));
        assert_eq!(server.post(&path, &key).await.shown(), down.shown(), "without the price");
        feed.behave(FeedBehaviour::Answer(200, "<html>".to_owned()));
        assert_eq!(server.post(&path, &key).await.shown(), down.shown(), "a bad answer");
        let no_price = server.post(&format!("/api/services/{unpriced}/renew"), &key).await;
        assert_eq!(no_price.shown(), down.shown(), "no price in the catalogue");
        assert_eq!(provider.database.sql("select count(*) from invoices").unwrap().trim(), "0");

        feed.set_price("149.00");
        assert_eq!(server.post(&path, &key).await.status, 200, "the same call succeeds later");
        provider.assert_well().await;
    }

    async fn too_many_requests_are_told_when_to_come_back(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let server = TestServer::start_with(&provider, RateLimit(Some(2))).await;
        let key = provider.key("write:billing", None).await;
        assert_eq!(server.post(&path, &key).await.header("x-ratelimit-remaining"), "1");
        assert_eq!(server.post(&path, &key).await.header("x-ratelimit-remaining"), "0");
        assert_snapshot!(server.post(&path, &key).await.shown(), @r#"
        429
        content-type: application/json
        retry-after: 60
        x-ratelimit-limit: 2
        x-ratelimit-remaining: 0
        x-ratelimit-reset: 2026-11-23T11:01:00.000Z
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Too Many Requests","message":"Too many requests. Please try again in 60 seconds.","retryAfter":"60","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        let other = provider.key("write:billing", None).await;
        assert_eq!(server.post(&path, &other).await.status, 200, "another key has its own limit");
        provider.app.clock.set("2026-11-23T11:01:00Z".parse().unwrap());
        assert_eq!(server.post(&path, &key).await.status, 200, "a minute later");
    }

    async fn while_the_database_is_away_callers_are_asked_to_come_back(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        let away = provider.database.take_away();
        assert_snapshot!(server.post(&path, &key).await.shown(), @r#"
        503
        content-type: application/json
        retry-after: 5
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Service Unavailable","message":"The service is temporarily unavailable. Please try again later.","code":"SERVICE_UNAVAILABLE","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        drop(away);
        assert_eq!(server.post(&path, &key).await.status, 200, "the same call succeeds later");
        provider.assert_well().await;
    }

    async fn sixty_four_calls_at_once_get_the_same_invoice(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        let mut calls = JoinSet::new();
        for _ in 0..64 {
            calls.spawn(Answer::to(server.call(Method::POST, &path, &key)));
        }
        let answers = calls.join_all().await;
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.json["data"]["invoiceId"] == "1"));
        let made = |answer: &&Answer| answer.json["data"]["message"] == "Renewal invoice generated successfully";
        assert_eq!(answers.iter().filter(made).count(), 1);
        assert_eq!(provider.database.sql("select count(*) from invoices").unwrap().trim(), "1");
        provider.assert_well().await;
    }

    async fn a_caller_that_hangs_up_neither_loses_nor_doubles_its_renewal(kind) {
        let provider = Provider::new(kind).await;
        let (_, path) = anna(&provider).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        for microseconds in [50, 200, 800, 2_000, 5_000] {
            let call = server.call(Method::POST, &path, &key).timeout(Duration::from_micros(microseconds)).send();
            // Whether it got its answer is not the point.
            let _ = call.await;
        }
        let answer = server.post(&path, &key).await;
        assert_eq!((answer.status, answer.json["data"]["invoiceId"].as_str()), (200, Some("1")));
        assert_eq!(provider.database.sql("select count(*) from invoices").unwrap().trim(), "1");
        provider.assert_well().await;
    }
}
