//! The v2 API: runs, previews, explanations, cancellation, and its errors.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use insta::assert_snapshot;
use jiff::civil::date;
use perennial_store::runs::RunOrigin;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use perennial_web::{MAX_BODY_BYTES, RateLimit};
use reqwest::Method;
use serde_json::json;

/// How often a run in the background is asked for, a tenth of a second apart.
const PATIENCE_TENTHS: u32 = 100;

impl Calls<'_> {
    async fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        Answer::to(self.server.call(method, path, self.key).body(body.to_owned())).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.server.get(path, self.key).await
    }

    /// Starts a run and waits for its end.
    async fn run(&self, body: &str) -> Answer {
        let started = self.send(Method::POST, "/api/v2/runs", body).await;
        assert_eq!(started.status, 202, "{}", started.text);
        let place = started.header("location").to_owned();
        for _ in 0..PATIENCE_TENTHS {
            let run = self.get(&place).await;
            if run.json["state"] == "finished" {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the run {place} does not end");
    }
}

/// A key at a server.
struct Calls<'a> {
    server: &'a TestServer,
    key: &'a str,
}

on_both_databases! {
    async fn a_run_is_started_watched_and_looked_at(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let unpriced = provider.product_from("Domain", "catalogue").await;
        let anna = provider.customer("Anna Ek").await;
        provider.service(anna, product, date(2026, 12, 1)).await;
        provider.service(anna, product, date(2026, 12, 2)).await;
        provider.service(anna, unpriced, date(2026, 12, 3)).await;
        provider.service(anna, product, date(2026, 9, 1)).await;
        provider.service(anna, product, date(2026, 7, 1)).await;
        provider.service(anna, product, date(2026, 12, 20)).await;
        let key = provider.key("read:billing,write:billing", None).await;
        let staff = Calls { server: &server, key: &key };
        let dry = staff.send(Method::POST, "/api/v2/runs", r#"{"dryRun":true}"#).await;
        assert_snapshot!(serde_json::to_string_pretty(&dry.json).unwrap(), @r#"
        {
          "day": "2026-11-23",
          "dryRun": true,
          "failed": 1,
          "found": 5,
          "invoices": 1,
          "problems": [
            {
              "failures": 1,
              "outcome": "failed",
              "reason": "no price for product 2, cycle 1m, currency SEK on 2026-12-03",
              "service": "svc_3"
            },
            {
              "failures": 1,
              "outcome": "skipped",
              "reason": "more than 3 of its periods have begun and are not billed: it is parked; renew it by hand, or raise the number of periods behind",
              "service": "svc_5"
            }
          ],
          "renewed": 3,
          "skipped": 1,
          "through": "2026-11-23",
          "totals": [
            {
              "currency": "SEK",
              "invoices": 1,
              "net": "300.00",
              "tax": "75.00",
              "total": "375.00"
            }
          ]
        }
        "#);
        let run = staff.run("").await;
        assert_snapshot!(run.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"id":"run_1","day":"2026-11-23","through":"2026-11-23","origin":"request","state":"finished","startedAt":"2026-11-23T11:00:00.000Z","finishedAt":"2026-11-23T11:00:00.000Z","durationSeconds":0,"found":5,"renewed":3,"left":0,"skipped":1,"failed":1,"invoices":1,"totals":[{"currency":"SEK","invoices":1,"net":"300.00","tax":"75.00","total":"375.00"}],"numbers":{"first":"202600001","last":"202600001"}}
        "#);
        for field in ["found", "renewed", "skipped", "failed", "totals"] {
            assert_eq!(dry.json[field], run.json[field], "{field}");
        }
        assert_snapshot!(staff.get("/api/v2/runs/run_1/problems?limit=1").await.text, @r#"{"data":[{"service":"svc_3","outcome":"failed","reason":"no price for product 2, cycle 1m, currency SEK on 2026-12-03","failures":1}],"nextCursor":"Mw"}"#);
        let rest = staff.get("/api/v2/runs/1/problems?limit=1&cursor=Mw").await;
        assert_eq!((rest.json["data"][0]["service"].as_str(), &rest.json["nextCursor"]), (Some("svc_5"), &json!(null)));
        // What falls due through Christmas is renewed today as well.
        let until = staff.run(r#"{"until":"2026-12-24"}"#).await;
        assert_eq!((&until.json["through"], &until.json["renewed"]), (&"2026-12-24".into(), &1.into()));
        let page = staff.get("/api/v2/runs?limit=1").await;
        assert_eq!((&page.json["data"][0]["id"], &page.json["nextCursor"]), (&"run_2".into(), &"Mg".into()));
        let page = staff.get("/api/v2/runs?limit=1&cursor=Mg").await;
        assert_eq!((&page.json["data"][0]["id"], &page.json["nextCursor"]), (&"run_1".into(), &json!(null)));
        provider.assert_well().await;
    }

    async fn what_is_asked_wrongly_is_a_problem_document(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let anna = provider.customer("Anna Ek").await;
        let admin = provider.key("admin", None).await;
        let staff = Calls { server: &server, key: &admin };
        assert_snapshot!(staff.get("/api/v2/nothing").await.shown(), @r#"
        404
        content-type: application/problem+json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/not_found","title":"Not found","status":404,"detail":"The requested resource was not found","code":"not_found","instance":"/api/v2/nothing","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}
        "#);
        assert_snapshot!(staff.send(Method::PUT, "/api/v2/runs", "").await.shown(), @r#"
        405
        allow: GET,HEAD,POST
        content-type: application/problem+json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/method_not_allowed","title":"Method not allowed","status":405,"detail":"This method is not allowed for this resource","code":"method_not_allowed","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}
        "#);
        assert_snapshot!(staff.get("/api/v2/runs?limit=0").await.text, @r#"{"type":"/docs/errors/invalid_request","title":"Invalid request","status":400,"detail":"The query string is not as documented: limit: must be an integer from 1 to 100","code":"invalid_request","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        assert_snapshot!(staff.send(Method::POST, "/api/v2/runs", r#"{"untl":"2026-12-24"}"#).await.text, @r#"{"type":"/docs/errors/invalid_request","title":"Invalid request","status":400,"detail":"The request body is not as documented: unknown field `untl`, expected `until` or `dryRun`","code":"invalid_request","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z","errors":[{"pointer":"/untl","detail":"unknown field `untl`, expected `until` or `dryRun`","code":"unknown_field"}]}"#);
        assert_snapshot!(staff.send(Method::POST, "/api/v2/runs", r#"{"until":"2026-11-01"}"#).await.text, @r#"{"type":"/docs/errors/invalid_value","title":"Invalid value","status":422,"detail":"`until` must not be before today, 2026-11-23: what is overdue is renewed anyway","code":"invalid_value","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z","errors":[{"pointer":"/until","detail":"must not be before today, 2026-11-23: what is overdue is renewed anyway","code":"invalid_value"}]}"#);
        assert_snapshot!(staff.get("/api/v2/runs/run_x").await.text, @r#"{"type":"/docs/errors/invalid_request","title":"Invalid request","status":400,"detail":"id must be run_ and an integer of at least 1, such as run_7","code":"invalid_request","instance":"/api/v2/runs/run_x","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        assert_snapshot!(staff.get("/api/v2/runs/run_9").await.text, @r#"{"type":"/docs/errors/not_found","title":"Not found","status":404,"detail":"Run not found","code":"not_found","instance":"/api/v2/runs/run_9","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        assert_snapshot!(server.get("/api/v2/runs", "pn_wrong").await.text, @r#"{"type":"/docs/errors/unauthorized","title":"Authentication required","status":401,"detail":"Authentication required","code":"unauthorized","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        for (path, status) in [
            ("/api/v2/runs?cursor=x", 422),
            ("/api/v2/runs?page=2", 400),
            ("/api/v2/runs/run_9/problems", 404),
            ("/api/v2/services/svc_9/preview", 404),
            ("/api/v2/customers/cus_1/preview?on=2026-02-30", 400),
            ("/api/v2/customers/cus_1/preview?on=2026-11-22", 422),
            ("/api/v2/customers/cus_1/preview?on=2029-11-24", 422),
        ] {
            let answer = staff.get(path).await;
            let shown = answer.shown();
            assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{path}: {shown}");
            assert_eq!(answer.json["status"], status, "{path}");
        }
        let large = "x".repeat(MAX_BODY_BYTES + 1);
        assert_eq!(staff.send(Method::POST, "/api/v2/runs", &large).await.json["code"], "payload_too_large");
        // What belongs to staff is not a customer's, whatever the key allows.
        let key = provider.key("read:billing,write:billing", Some(anna)).await;
        let customer = Calls { server: &server, key: &key };
        for path in ["/api/v2/runs", "/api/v2/runs/run_1", "/api/v2/services/svc_1/explanation"] {
            assert_eq!(customer.get(path).await.json["code"], "forbidden", "{path}");
        }
        assert_eq!(customer.send(Method::POST, "/api/v2/runs", "").await.status, 403);
    }

    async fn too_many_calls_are_told_when_to_come_back(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start_with(&provider, RateLimit(Some(1))).await;
        let key = provider.key("admin", None).await;
        assert_eq!(server.get("/api/v2/runs", &key).await.status, 200);
        assert_snapshot!(server.get("/api/v2/runs", &key).await.shown(), @r#"
        429
        content-type: application/problem+json
        retry-after: 60
        x-ratelimit-limit: 1
        x-ratelimit-remaining: 0
        x-ratelimit-reset: 2026-11-23T11:01:00.000Z
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/too_many_requests","title":"Too many requests","status":429,"detail":"Too many requests. Please try again in 60 seconds.","code":"too_many_requests","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z","retryAfter":60}
        "#);
    }

    async fn a_customer_sees_the_invoices_to_come(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let backup = provider.product("Backup", "39.50").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let service = provider.service(anna, product, date(2026, 12, 31)).await;
        provider.addon(service, backup, "2").await;
        provider.service_with(anna, product, date(2027, 1, 31), |new| new.auto_renew = false).await;
        let of_bo = provider.service(bo, product, date(2026, 12, 31)).await;
        let key = provider.key("read:billing", Some(anna)).await;
        let customer = Calls { server: &server, key: &key };
        let next = customer.get(&format!("/api/v2/customers/cus_{anna}/preview")).await;
        assert_snapshot!(serde_json::to_string_pretty(&next.json).unwrap(), @r#"
        {
          "from": "2026-11-23",
          "invoices": [
            {
              "currency": "SEK",
              "dueOn": "2026-12-31",
              "issuedOn": "2026-12-17",
              "lines": [
                {
                  "addon": null,
                  "allowance": null,
                  "description": "Server vps.example.net, 2026-12-31 – 2027-01-30",
                  "net": "100.00",
                  "part": null,
                  "periodEnds": "2027-01-31",
                  "periodStarts": "2026-12-31",
                  "quantity": "1",
                  "service": "svc_1",
                  "taxCategory": "S",
                  "taxRatePercent": "25",
                  "unitPrice": "100.00"
                },
                {
                  "addon": "add_1",
                  "allowance": null,
                  "description": "+ Backup, 2026-12-31 – 2027-01-30",
                  "net": "79.00",
                  "part": null,
                  "periodEnds": "2027-01-31",
                  "periodStarts": "2026-12-31",
                  "quantity": "2",
                  "service": "svc_1",
                  "taxCategory": "S",
                  "taxRatePercent": "25",
                  "unitPrice": "39.50"
                }
              ],
              "net": "179.00",
              "tax": "44.75",
              "total": "223.75"
            }
          ],
          "isComplete": true,
          "notRenewed": [
            {
              "from": "2026-11-23",
              "reason": "auto-renew is off",
              "service": "svc_2"
            }
          ],
          "until": "2026-12-17"
        }
        "#);
        let until = customer.get(&format!("/api/v2/services/svc_{service}/preview?on=2027-02-28")).await;
        let days: Vec<_> = until.json["invoices"].as_array().unwrap().iter().map(|i| i["issuedOn"].clone()).collect();
        assert_eq!(days, ["2026-12-17", "2027-01-17", "2027-02-14"]);
        assert_eq!(customer.get(&format!("/api/v2/services/svc_{of_bo}/preview")).await.status, 404);
        assert_eq!(customer.get(&format!("/api/v2/customers/{bo}/preview")).await.status, 404);
        let admin = provider.key("admin", None).await;
        let staff = Calls { server: &server, key: &admin };
        let why = staff.get(&format!("/api/v2/services/svc_{service}/explanation?on=2026-12-01")).await;
        assert_snapshot!(serde_json::to_string_pretty(&why.json).unwrap(), @r#"
        {
          "day": "2026-12-01",
          "leadDays": 14,
          "leadSetFor": "the seller",
          "reason": "it is not due before 2026-12-17",
          "renewOn": "2026-12-17",
          "sentences": [
            "Service 1 (Server vps.example.net) of customer 1 is active, is renewed monthly, and billed up to 2026-12-31.",
            "From 2026-12-17 on, 14 days before its next period begins on 2026-12-31; that lead time is set for the seller, the run at 03:00 renews it.",
            "A run on 2026-12-01 leaves it alone: it is not due before 2026-12-17.",
            "Renewing it on 2026-12-01 bills 2026-12-31 to 2027-01-30 for 179.00 + 44.75 VAT = 223.75 SEK, due on 2026-12-31.",
            "Server vps.example.net: 1 × 100.00 SEK, version 1 of the catalogue's price, valid from 2020-01-01.",
            "+ Backup: 2 × 39.50 SEK, version 2 of the catalogue's price, valid from 2020-01-01."
          ],
          "service": "svc_1"
        }
        "#);
    }

    async fn a_customer_switches_cancels_and_stays(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let service = provider.service(anna, product, date(2026, 12, 31)).await;
        let of_bo = provider.service(bo, product, date(2026, 12, 31)).await;
        let key = provider.key("read:services,write:billing", Some(anna)).await;
        let customer = Calls { server: &server, key: &key };
        let path = format!("/api/v2/services/svc_{service}");
        let cancellation = format!("{path}/cancellation");
        assert_snapshot!(customer.send(Method::PATCH, &path, r#"{"autoRenew":false}"#).await.text, @r#"{"id":"svc_1","customer":"cus_1","product":"prd_1","productName":"Server","label":"vps.example.net","status":"active","cycle":"1m","quantity":"1","currency":"SEK","ownPrice":null,"ownPriceThrough":null,"priceKeptOn":null,"autoRenew":false,"billedThrough":"2026-12-31","paidThrough":"2026-12-31","renewOn":"2026-12-17","endsOn":null,"openInvoice":null}"#);
        assert_eq!(customer.send(Method::PATCH, &path, r#"{"autoRenew":true}"#).await.json["autoRenew"], true);
        assert_eq!(customer.send(Method::PATCH, &path, r#"{"autoRenew":null}"#).await.status, 400, "what?");
        assert_eq!(customer.get(&cancellation).await.json["status"], "none");
        let wish = r#"{"timing":"end_of_period","reason":"moving","otherReason":"Till Umeå"}"#;
        assert_snapshot!(customer.send(Method::POST, &cancellation, wish).await.text, @r#"{"service":"svc_1","status":"scheduled","timing":"end_of_period","endsOn":"2026-12-31","requestedAt":"2026-11-23T11:00:00.000Z","reason":"moving","otherReason":"Till Umeå"}"#);
        assert_eq!(customer.send(Method::DELETE, &cancellation, "").await.status, 204);
        assert_snapshot!(customer.send(Method::DELETE, &cancellation, "").await.text, @r#"{"type":"/docs/errors/conflict","title":"Conflict","status":409,"detail":"No cancellation of this service is pending","code":"conflict","instance":"/api/v2/services/svc_1/cancellation","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        assert_eq!(customer.get(&cancellation).await.json["status"], "revoked");
        let now = customer.send(Method::POST, &cancellation, r#"{"timing":"immediate"}"#).await;
        assert_eq!((&now.json["status"], &now.json["endsOn"]), (&"completed".into(), &"2026-11-23".into()));
        assert_eq!(customer.send(Method::POST, &cancellation, wish).await.json["code"], "conflict", "it has ended");
        assert_eq!(customer.send(Method::POST, &cancellation, r#"{"timing":"soon"}"#).await.status, 400);
        let long = format!(r#"{{"timing":"immediate","otherReason":"{}"}}"#, "x".repeat(501));
        assert_eq!(customer.send(Method::POST, &cancellation, &long).await.status, 422);
        let other = format!("/api/v2/services/svc_{of_bo}");
        assert_eq!(customer.send(Method::PATCH, &other, r#"{"autoRenew":false}"#).await.status, 404);
        assert_eq!(customer.send(Method::POST, &format!("{other}/cancellation"), wish).await.status, 404);
        provider.assert_well().await;
    }

    async fn each_route_wants_its_scope_and_keeps_to_the_callers_own(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let service = provider.service(bo, product, date(2026, 12, 31)).await;
        let all = "read:billing read:services write:billing";
        let foreign = provider.key(all, Some(anna)).await;
        let own = provider.key(all, Some(bo)).await;
        let path = format!("/api/v2/services/svc_{service}");
        let cancellation = format!("{path}/cancellation");
        let (off, end) = (r#"{"autoRenew":false}"#, r#"{"timing":"end_of_period"}"#);
        let routes = [
            // method, path, body; the scope; whether a customer may ask, and what the owner hears
            (Method::GET, "/api/v2/runs".to_owned(), "", "read:billing", None),
            (Method::GET, "/api/v2/runs/run_1".to_owned(), "", "read:billing", None),
            (Method::GET, "/api/v2/runs/run_1/problems".to_owned(), "", "read:billing", None),
            (Method::POST, "/api/v2/runs".to_owned(), "", "write:billing", None),
            (Method::GET, format!("{path}/explanation"), "", "read:billing", None),
            (Method::GET, format!("{path}/preview"), "", "read:billing", Some(200)),
            (Method::GET, format!("/api/v2/customers/cus_{bo}/preview"), "", "read:billing", Some(200)),
            (Method::PATCH, path.clone(), off, "write:billing", Some(200)),
            (Method::POST, cancellation.clone(), end, "write:billing", Some(200)),
            (Method::GET, cancellation.clone(), "", "read:services", Some(200)),
            (Method::DELETE, cancellation, "", "write:billing", Some(204)),
        ];
        for (method, path, body, scope, of_owner) in routes {
            let others: Vec<_> = all.split(' ').filter(|other| *other != scope).collect();
            let narrow = provider.key(&others.join(" "), None).await;
            let send = async |key| Answer::to(server.call(method.clone(), &path, key).body(body)).await;
            let refused = send(&narrow).await;
            let names_it = refused.json["scopes"].as_array().unwrap().contains(&json!(scope));
            assert!(refused.status == 403 && names_it, "{method} {path}: {}", refused.text);
            let to_others = if of_owner.is_some() { (404, "not_found") } else { (403, "forbidden") };
            let answer = send(&foreign).await;
            assert_eq!((answer.status, answer.json["code"].as_str().unwrap()), to_others, "{method} {path}");
            assert_eq!(send(&own).await.status, of_owner.unwrap_or(403), "{method} {path}");
            let unknown = format!("{path}?pretty=1");
            let answer = Answer::to(server.call(method.clone(), &unknown, &own).body(body)).await;
            // Who may not ask at all is told that first.
            let wrong = if of_owner.is_some() { (400, Some("invalid_request")) } else { (403, Some("forbidden")) };
            assert_eq!((answer.status, answer.json["code"].as_str()), wrong, "{method} {unknown}");
        }
        assert_eq!(provider.database.sql("select count(*) from runs").unwrap().trim(), "0");
    }

    async fn what_could_be_misread_is_refused(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let service = provider.service(provider.customer("Anna Ek").await, product, date(2026, 12, 31)).await;
        let admin = provider.key("admin", None).await;
        let staff = Calls { server: &server, key: &admin };
        for day in ["20261224", "2026-12-24T00:00:00", "2026-12-24T00:00Z", "24.12.2026", "2026-13-01", "tomorrow", ""] {
            for path in ["preview", "explanation"] {
                let answer = staff.get(&format!("/api/v2/services/{service}/{path}?on={day}")).await;
                assert_eq!((answer.status, answer.json["code"].as_str()), (400, Some("invalid_request")), "{path} {day:?}");
            }
            let body = json!({ "until": day, "dryRun": true }).to_string();
            assert_eq!(staff.send(Method::POST, "/api/v2/runs", &body).await.status, 400, "{day:?}");
        }
        let bad_day = staff.get(&format!("/api/v2/services/{service}/preview?on=20261224")).await;
        assert_snapshot!(bad_day.json["detail"].as_str().unwrap(), @"The query string is not as documented: on: must be a day such as 2026-11-30");
        for body in ["[null,true]", " []", "null", "{", "{} x", r#"{"dryRun":1}"#, r#"{"dryRun":true,"dryRun":true}"#] {
            let answer = staff.send(Method::POST, "/api/v2/runs", body).await;
            assert_eq!((answer.status, answer.json["code"].as_str()), (400, Some("invalid_request")), "{body}");
        }
        for id in ["0", "-1", "svc_", "svc_0", "SVC_1", "run_1", "svc_svc_1", "%ff", "9007199254740992"] {
            assert_eq!(staff.get(&format!("/api/v2/services/{id}/preview")).await.status, 400, "{id}");
        }
        assert_eq!(provider.database.sql("select count(*) from runs").unwrap().trim(), "0");
    }

    async fn a_run_that_is_under_way_is_the_answer_and_no_other_is_started(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        provider.service(provider.customer("Anna Ek").await, product, date(2026, 12, 1)).await;
        let key = provider.key("write:billing", None).await;
        let (open, _) = provider.app.start_run(provider.id(), RunOrigin::Schedule, None).await.unwrap();
        for body in ["", r#"{"until":"2026-12-24"}"#] {
            let answer = Answer::to(server.call(Method::POST, "/api/v2/runs", &key).body(body)).await;
            assert_snapshot!(answer.shown(), @r#"
            202
            content-type: application/json
            location: /api/v2/runs/run_1
            x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

            {"id":"run_1","state":"running","day":"2026-11-23","through":"2026-11-23","found":1}
            "#);
        }
        assert_eq!(provider.database.sql("select count(*) from runs").unwrap().trim(), "1");
        let stop = tokio::sync::watch::channel(false).1;
        let report = provider.app.run(provider.id(), RunOrigin::Request, None, stop, |_| {}).await.unwrap();
        assert_eq!((report.run.id, report.renewed), (open.id, 1));
        provider.assert_well().await;
    }

    async fn every_error_is_a_problem_document(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        for path in ["/api/v2", "/api/v2/", "/api/v2/runs/"] {
            let answer = server.get(path, &key).await;
            assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{path}");
        }
        assert_eq!(server.get("/api/v20", &key).await.header("content-type"), "application/json", "not of v2");
        assert_snapshot!(server.get("/api/v2/runs", "").await.shown(), @r#"
        401
        content-type: application/problem+json
        www-authenticate: Bearer
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/unauthorized","title":"Authentication required","status":401,"detail":"Authentication required","code":"unauthorized","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}
        "#);
        let bearer = server.request(Method::GET, "/api/v2/runs").header("authorization", format!("Bearer {key}"));
        assert_eq!(Answer::to(bearer).await.json, json!({ "data": [], "nextCursor": null }));
        let away = provider.database.take_away();
        assert_snapshot!(server.post("/api/v2/runs", &key).await.shown(), @r#"
        503
        content-type: application/problem+json
        retry-after: 5
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/service_unavailable","title":"Unavailable for the moment","status":503,"detail":"The service is temporarily unavailable. Please try again later.","code":"service_unavailable","instance":"/api/v2/runs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z","retryAfter":5}
        "#);
        drop(away);
        let boom = Router::new().route("/api/v2/boom", get(|| async { if true { panic!("secret detail") } }));
        let server = TestServer::start_routes(&provider, boom).await;
        assert_snapshot!(server.get("/api/v2/boom", "").await.text, @r#"{"type":"/docs/errors/internal_error","title":"Internal error","status":500,"detail":"An unexpected error occurred","code":"internal_error","instance":"/api/v2/boom","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
    }

    async fn what_feeds_do_is_counted_for_staff(kind) {
        let feed = perennial_testkit::TestFeed::start("9.90").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let server = TestServer::start(&provider).await;
        let anna = provider.customer("Anna Ek").await;
        let domain = provider.product_from(".se domain", "feed:registrar").await;
        let service = provider.service(anna, domain, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        let key = provider.key("read:billing", None).await;
        let metrics = server.get("/metrics", &key).await;
        assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        // How long it took is another matter each time.
        let of_feeds = metrics.text.lines().filter(|line| line.contains("perennial_feed_"));
        let lines = of_feeds.filter(|line| !line.contains("_sum{") && !line.contains("le=\"0."));
        assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
        # HELP perennial_feed_prices_total Prices asked of a feed, by how that ended.
        # TYPE perennial_feed_prices_total counter
        perennial_feed_prices_total{feed="registrar",outcome="answered"} 1
        perennial_feed_prices_total{feed="registrar",outcome="refused"} 0
        perennial_feed_prices_total{feed="registrar",outcome="failed"} 0
        perennial_feed_prices_total{feed="registrar",outcome="resting"} 0
        perennial_feed_prices_total{feed="registrar",outcome="busy"} 0
        # HELP perennial_feed_known_prices_total Prices that an earlier answer of a feed gave.
        # TYPE perennial_feed_known_prices_total counter
        perennial_feed_known_prices_total{feed="registrar",age="good"} 0
        perennial_feed_known_prices_total{feed="registrar",age="stale"} 0
        # HELP perennial_feed_resting Whether a feed is left alone because it did not answer.
        # TYPE perennial_feed_resting gauge
        perennial_feed_resting{feed="registrar"} 0
        # HELP perennial_feed_seconds How long questions to a feed took, their repetitions included.
        # TYPE perennial_feed_seconds histogram
        perennial_feed_seconds_bucket{feed="registrar",le="1"} 1
        perennial_feed_seconds_bucket{feed="registrar",le="2.5"} 1
        perennial_feed_seconds_bucket{feed="registrar",le="+Inf"} 1
        perennial_feed_seconds_count{feed="registrar"} 1
        "#);
        let customer = provider.key("read:billing", Some(anna)).await;
        assert_eq!(server.get("/metrics", &customer).await.status, 403);
        assert_eq!(server.get("/metrics", "").await.status, 401);
    }
}
