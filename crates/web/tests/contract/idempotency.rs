//! `Idempotency-Key`: one effect and one answer, however often a request is sent, and to whichever node.

use jiff::civil::date;
use perennial_app::{Actor, ServiceChange};
use perennial_billing::{InvoiceId, ServiceStatus};
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

/// Sends a request under a name.
async fn named(server: &TestServer, method: Method, path: &str, key: &str, name: &str, body: &str) -> Answer {
    Answer::to(server.call(method, path, key).header("idempotency-key", name).body(body.to_owned())).await
}

async fn post(server: &TestServer, path: &str, key: &str, name: &str, body: &str) -> Answer {
    named(server, Method::POST, path, key, name, body).await
}

on_both_databases! {
    async fn a_repeat_gets_the_first_answer_whatever_happened_since(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing read:billing", None).await;
        let path = format!("/api/services/{service}/renew");

        let first = post(&server, &path, &key, "first", "").await;
        assert_eq!((first.status, first.json["data"]["invoiceId"].as_str()), (200, Some("1")));
        assert_eq!(first.header("idempotent-replayed"), "");
        // It is paid, so that without a name the next period would be renewed.
        provider.settle(InvoiceId(1)).await;
        let again = post(&server, &path, &key, "first", "").await;
        assert_eq!(again.text, first.text, "to the byte");
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
        assert_eq!(again.header("content-type"), "application/json");

        // The same name from another key is another request.
        let other = provider.key("write:billing", None).await;
        let next = post(&server, &path, &other, "first", "").await;
        assert_eq!(next.json["data"]["invoiceId"], "2");
        // An answer that names the open invoice is kept too.
        let open = post(&server, &path, &other, "open", "").await;
        assert_eq!(open.json["data"]["message"], "Renewal invoice already exists");
        provider.settle(InvoiceId(2)).await;
        let open_again = post(&server, &path, &other, "open", "").await;
        assert_eq!((&open_again.text, open_again.header("idempotent-replayed")), (&open.text, "true"));

        // The same name with another body, or for another service, is a mistake.
        let reused = post(&server, &path, &key, "first", "{}").await;
        assert_eq!((reused.status, reused.json["code"].as_str()), (422, Some("IDEMPOTENCY_KEY_REUSED")));
        let v2 = format!("/api/v2/services/svc_{service}/actions/renew");
        let reused = post(&server, &v2, &key, "first", "").await;
        assert_eq!((reused.status, reused.json["code"].as_str()), (422, Some("idempotency_key_reused")));
        assert_eq!(reused.json["type"], "/docs/errors/idempotency_key_reused");
        let renewed = post(&server, &v2, &key, "v2", "").await;
        assert_eq!((renewed.status, renewed.json["invoice"].as_str()), (200, Some("inv_3")));
        provider.settle(InvoiceId(3)).await;
        let again = post(&server, &v2, &key, "v2", "").await;
        assert_eq!(again.text, renewed.text);
        provider.assert_well().await;
    }

    async fn an_error_is_not_kept(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service_with(anna, product, date(2026, 12, 1), |new| new.status = ServiceStatus::Pending).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        let path = format!("/api/v2/services/svc_{service}/actions/renew");
        assert_eq!(post(&server, &path, &key, "one", "").await.status, 409);
        let change = ServiceChange { status: Some(ServiceStatus::Active), ..ServiceChange::default() };
        provider.app.change_service(provider.id(), Actor::Cli, service, change).await.unwrap();
        assert_eq!(post(&server, &path, &key, "one", "").await.json["invoice"], "inv_1");
        // What failed half-way is undone: the coupon is unknown, and the name is free.
        let discount = format!("/api/v2/services/svc_{service}/discount");
        assert_eq!(post(&server, &discount, &key, "two", r#"{"code":"NONE"}"#).await.status, 404);
        let contacts = format!("/api/v2/customers/cus_{anna}/contacts");
        let made = post(&server, &contacts, &key, "two", r#"{"email":"b@example.com"}"#).await;
        assert_eq!((made.status, made.json["id"].as_str()), (201, Some("con_1")));
        let again = post(&server, &contacts, &key, "two", r#"{"email":"b@example.com"}"#).await;
        assert_eq!((again.status, &again.text, again.header("location")), (201, &made.text, made.header("location")));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }

    async fn all_sorts_of_requests_are_carried_out_once(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let backup = provider.product("Backup", "20.00").await;
        let anna = provider.customer("Anna Ek").await;
        let mut services = Vec::new();
        for _ in 0..3 {
            services.push(provider.service(anna, product, date(2026, 12, 1)).await);
        }
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        let [a, b, c] = services[..] else { panic!("three services") };
        let many = json!({"services": [format!("svc_{a}"), format!("svc_{b}"), "svc_999"]}).to_string();
        let renewed = post(&server, "/api/v2/renewals", &key, "many", &many).await;
        let outcomes: Vec<_> = renewed.json["data"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["renewed", "renewed", "not_found"]);
        for invoice in [1, 2] {
            provider.settle(InvoiceId(invoice)).await;
        }
        assert_eq!(post(&server, "/api/v2/renewals", &key, "many", &many).await.text, renewed.text);
        let addon = json!({"product": format!("prd_{backup}")}).to_string();
        let sold = post(&server, &format!("/api/v2/services/svc_{c}/addons"), &key, "addon", &addon).await;
        assert_eq!(sold.json["addon"]["id"], "add_1");
        let again = post(&server, &format!("/api/v2/services/svc_{c}/addons"), &key, "addon", &addon).await;
        assert_eq!(again.text, sold.text);
        let list = server.get(&format!("/api/v2/services/svc_{c}/addons"), &key).await;
        assert_eq!(list.json["data"].as_array().unwrap().len(), 1);
        let run = post(&server, "/api/v2/runs", &key, "run", "").await;
        assert_eq!((run.status, run.json["id"].as_str()), (202, Some("run_1")));
        let mut state = String::new();
        for _ in 0..100 {
            state = server.get("/api/v2/runs/run_1", &key).await.json["state"].as_str().unwrap_or_default().to_owned();
            if state == "finished" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(state, "finished", "it went on by itself");
        let again = post(&server, "/api/v2/runs", &key, "run", "").await;
        assert_eq!((again.status, &again.text, again.header("location")), (202, &run.text, "/api/v2/runs/run_1"));
        let off = named(&server, Method::PATCH, &format!("/api/v2/services/svc_{a}"), &key, "off", r#"{"autoRenew":false}"#).await;
        assert_eq!(off.json["autoRenew"], false);
        named(&server, Method::PATCH, &format!("/api/v2/services/svc_{a}"), &key, "on", r#"{"autoRenew":true}"#).await;
        let again = named(&server, Method::PATCH, &format!("/api/v2/services/svc_{a}"), &key, "off", r#"{"autoRenew":false}"#).await;
        assert_eq!((&again.text, again.header("idempotent-replayed")), (&off.text, "true"));
        let now = server.get(&format!("/api/vm/{a}/autorenew"), &key).await;
        assert_eq!(now.json["data"]["autorenew"], true, "the repeat did nothing");
        provider.assert_well().await;
    }

    async fn sixty_four_at_once_on_two_nodes_are_one(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let renewed = provider.service(anna, product, date(2026, 12, 1)).await;
        let server = TestServer::start(&provider).await;
        // A file belongs to one process; PostgreSQL serves several.
        let second = match kind {
            perennial_testkit::Kind::Sqlite => TestServer::start(&provider).await,
            perennial_testkit::Kind::Postgres => TestServer::start_node(&provider.second_node().await).await,
        };
        let key = provider.key("admin", None).await;
        let addon = (format!("/api/v2/services/svc_{renewed}/addons"), json!({"product": format!("prd_{product}")}).to_string());
        let renewal = (format!("/api/services/{renewed}/renew"), String::new());
        for (path, body) in [renewal, addon] {
            let mut calls = JoinSet::new();
            for nth in 0..64 {
                let node = if nth % 2 == 0 { &server } else { &second };
                let call = node.call(Method::POST, &path, &key).header("idempotency-key", &path).body(body.clone());
                calls.spawn(Answer::to(call));
            }
            let mut texts = std::collections::HashSet::new();
            let mut busy = 0;
            while let Some(answer) = calls.join_next().await {
                let answer = answer.unwrap();
                match answer.status {
                    200 => drop(texts.insert(answer.text)),
                    // It is under way; or a node that has just started has not opened its connections yet.
                    409 | 503 => {
                        assert!(matches!(answer.header("retry-after"), "1" | "5"), "{}", answer.text);
                        busy += 1;
                    }
                    status => panic!("{status}: {}", answer.text),
                }
            }
            assert_eq!(texts.len(), 1, "one answer to {path}: {texts:?}");
            assert!(busy < 64);
            let again = post(&server, &path, &key, &path, &body).await;
            assert!(texts.contains(&again.text));
        }
        let list = server.get(&format!("/api/v2/services/svc_{renewed}/addons"), &key).await;
        assert_eq!(list.json["data"].as_array().unwrap().len(), 1);
        let invoices = server.get("/api/billing/invoices", &key).await;
        assert!(invoices.json["data"]["total"].as_str().unwrap().parse::<i64>().unwrap() <= 2);
        provider.assert_well().await;
    }

    async fn a_name_is_one_short_text(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        for name in ["", "with space", &"x".repeat(256)] {
            let refused = post(&server, "/api/v2/runs", &key, name, "").await;
            assert_eq!((refused.status, refused.json["code"].as_str()), (400, Some("invalid_request")), "{name:?}");
        }
        let twice = server.call(Method::POST, "/api/v2/runs", &key).header("idempotency-key", "a").header("idempotency-key", "b");
        assert_eq!(Answer::to(twice).await.status, 400);
        assert_eq!(post(&server, "/api/v2/runs", "pn_none", "a", "").await.status, 401);
        let reader = provider.key("read:billing", None).await;
        assert_eq!(post(&server, "/api/v2/runs", &reader, "a", "").await.status, 403);
        let large = "x".repeat(perennial_web::MAX_BODY_BYTES + 1);
        assert_eq!(post(&server, "/api/v2/runs", &key, "a", &large).await.status, 413);
        // A question needs no memory.
        let question = r#"{"filters":{}}"#;
        for _ in 0..2 {
            let list = post(&server, "/api/billing/invoices", &key, "q", question).await;
            assert_eq!((list.status, list.header("idempotent-replayed")), (200, ""));
        }
    }

    async fn answers_are_forgotten_after_two_days(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        let path = format!("/api/v2/customers/cus_{anna}/contacts");
        post(&server, &path, &key, "a", r#"{"email":"b@example.com"}"#).await;
        provider.set_day(date(2026, 11, 24));
        assert_eq!(provider.app.forget_answers().await.unwrap(), 0, "for a day it is kept for sure");
        provider.set_day(date(2026, 11, 26));
        assert_eq!(provider.app.forget_answers().await.unwrap(), 1);
        let anew = post(&server, &path, &key, "a", r#"{"email":"c@example.com"}"#).await;
        assert_eq!(anew.status, 201);
    }
}
