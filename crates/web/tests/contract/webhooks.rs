//! `/api/v2/webhooks` and `/api/v2/events`.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{WebhookConfig, WebhookSender};
use perennial_testkit::{Answer, Kind, Provider, ReceiverBehaviour, TestReceiver, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

/// A provider whose messages may go to this machine.
async fn provider(kind: Kind) -> Provider {
    let mut provider = Provider::new(kind).await;
    let config = WebhookConfig { private_networks: vec!["127.0.0.0/8".parse().unwrap()], ..WebhookConfig::default() };
    provider.app = provider.app.with_webhooks(WebhookSender::new(&config).unwrap());
    provider
}

on_both_databases! {
    async fn a_webhook_is_made_looked_at_changed_and_removed(kind) {
        let provider = provider(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:webhooks write:webhooks", None).await;
        let new = json!({ "url": "https://hooks.example/in", "description": "the panel", "events": ["service.renewed", "invoice.paid"] });
        let made = server.post_json("/api/v2/webhooks", &key, &new).await;
        assert_eq!((made.status, made.header("location")), (201, "/api/v2/webhooks/whk_1"));
        let secret = made.json["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_"), "{secret}");
        let shown = server.get("/api/v2/webhooks/whk_1", &key).await;
        assert_eq!(shown.header("etag"), "\"1\"");
        assert!(!shown.text.contains(secret));
        assert_snapshot!(shown.shown(), @r#"
        200
        content-type: application/json
        etag: "1"
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"id":"whk_1","url":"https://hooks.example/in","description":"the panel","events":["invoice.paid","service.renewed"],"isEnabled":true,"disabledAt":null,"disabledReason":null,"failingSince":null,"previousUntil":null,"createdAt":"2026-11-23T11:00:00.000Z","queued":0,"failed":0}
        "#);
        let patched = |body: Value, tag: &'static str| {
            let call = server.call(Method::PATCH, "/api/v2/webhooks/whk_1", &key).header("if-match", tag);
            Answer::to(call.body(body.to_string()))
        };
        let changed = patched(json!({ "events": null, "isEnabled": false }), "\"1\"").await;
        assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
        assert_snapshot!(changed.shown(), @r#"
        200
        content-type: application/json
        etag: "2"
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"id":"whk_1","url":"https://hooks.example/in","description":"the panel","events":null,"isEnabled":false,"disabledAt":"2026-11-23T11:00:00.000Z","disabledReason":"switched off","failingSince":null,"previousUntil":null,"createdAt":"2026-11-23T11:00:00.000Z"}
        "#);
        assert_eq!(patched(json!({ "description": "x" }), "\"1\"").await.status, 412);
        let all = server.get("/api/v2/webhooks", &key).await;
        assert_eq!(all.json["data"][0]["isEnabled"], false);
        let rotated = server.post_json("/api/v2/webhooks/whk_1/actions/rotate-secret", &key, &json!({ "overlapHours": 1 })).await;
        assert_eq!(rotated.status, 200);
        assert_ne!(rotated.json["secret"], made.json["secret"]);
        assert_eq!(rotated.json["previousUntil"], "2026-11-23T12:00:00.000Z");
        assert_eq!(Answer::to(server.call(Method::DELETE, "/api/v2/webhooks/whk_1", &key)).await.status, 204);
        assert_eq!(server.get("/api/v2/webhooks/whk_1", &key).await.status, 404);
    }

    async fn what_cannot_be_accepted_is_said_by_its_field(kind) {
        let provider = provider(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:webhooks write:webhooks", None).await;
        let mut told = Vec::new();
        for new in [
            json!({}),
            json!({ "url": "hooks.example" }),
            json!({ "url": "https://10.0.0.1/" }),
            json!({ "url": "http://8.8.8.8/" }),
            json!({ "url": "https://hooks.example/", "events": [] }),
            json!({ "url": "https://hooks.example/", "events": ["invoice.eaten"] }),
            json!({ "url": "https://hooks.example/", "secret": "mine" }),
        ] {
            let refused = server.post_json("/api/v2/webhooks", &key, &new).await;
            told.push(format!("{} {} {}", refused.status, refused.json["code"], refused.json["errors"][0]["pointer"]));
        }
        assert_snapshot!(told.join("\n"), @r#"
        400 "invalid_request" "/url"
        422 "invalid_value" "/url"
        422 "invalid_value" "/url"
        422 "invalid_value" "/url"
        422 "invalid_value" "/events"
        400 "invalid_request" "/events/0"
        400 "invalid_request" "/secret"
        "#);
        server.post_json("/api/v2/webhooks", &key, &json!({ "url": "https://hooks.example/" })).await;
        for body in [json!({}), json!({ "from": "2026-11-23T00:00:00Z", "fromEvent": "evt_1" })] {
            let refused = server.post_json("/api/v2/webhooks/whk_1/actions/replay", &key, &body).await;
            assert_eq!((refused.status, &refused.json["code"]), (422, &"invalid_value".into()));
        }
    }

    async fn events_are_listed_sent_again_and_tried(kind) {
        let provider = provider(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:webhooks write:webhooks", None).await;
        let customer = provider.customer("Anna Ek").await;
        let product = provider.product("Web hosting", "100.00").await;
        let service = provider.service(customer, product, date(2026, 12, 1)).await;
        let receiver = TestReceiver::start().await;
        server.post_json("/api/v2/webhooks", &key, &json!({ "url": receiver.url() })).await;
        let renewed = provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        assert_eq!(renewed.len(), 1);
        let first = server.get("/api/v2/events?limit=2", &key).await;
        assert_snapshot!(first.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"data":[{"id":"evt_3","type":"invoice.issued","at":"2026-11-23T11:00:00.000Z","subject":"invoice","subjectId":"inv_1","invoice":null},{"id":"evt_2","type":"service.created","at":"2026-11-23T11:00:00.000Z","subject":"service","subjectId":"svc_1","invoice":null}],"nextCursor":"Mg"}
        "#);
        let cursor = first.json["nextCursor"].as_str().unwrap();
        let second = server.get(&format!("/api/v2/events?limit=2&cursor={cursor}"), &key).await;
        assert_eq!((second.json["data"].as_array().unwrap().len(), &second.json["nextCursor"]), (1, &Value::Null));
        assert_snapshot!(server.get("/api/v2/events/evt_3", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"id":"evt_3","type":"invoice.issued","at":"2026-11-23T11:00:00.000Z","subject":"invoice","subjectId":"inv_1","invoice":null,"message":{"type":"invoice.issued","timestamp":"2026-11-23T11:00:00.000Z","data":{"invoice":{"correctsId":null,"customerId":"cus_1","dueOn":"2026-12-07","id":"inv_1","issuedOn":"2026-11-23","kind":"invoice","number":"202600001","open":{"amount":"125.00","currency":"SEK"},"status":"issued","total":{"amount":"125.00","currency":"SEK"}}}}}
        "#);
        assert_eq!(server.get("/api/v2/events/evt_9", &key).await.status, 404);
        let deliveries = server.get("/api/v2/webhooks/whk_1/deliveries?state=queued", &key).await;
        assert_snapshot!(deliveries.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"data":[{"event":{"id":"evt_3","type":"invoice.issued","at":"2026-11-23T11:00:00.000Z","subject":"invoice","subjectId":"inv_1","invoice":null},"state":"queued","attempts":0,"queuedAt":"2026-11-23T11:00:00.000Z","nextAttemptAt":"2026-11-23T11:00:00.000Z","status":null,"milliseconds":null,"reason":null,"settledAt":null}],"nextCursor":null}
        "#);
        let replayed = server.post_json("/api/v2/webhooks/whk_1/actions/replay", &key, &json!({ "from": "2026-11-23T00:00:00Z" })).await;
        assert_eq!((replayed.status, &replayed.json), (200, &json!({ "queued": 3, "nextEvent": null })));
        let replayed = server.post_json("/api/v2/webhooks/whk_1/actions/replay", &key, &json!({ "fromEvent": "evt_3" })).await;
        assert_eq!(replayed.json, json!({ "queued": 1, "nextEvent": null }));
        let again = server.post("/api/v2/webhooks/whk_1/deliveries/evt_1/actions/retry", &key).await;
        assert_eq!((again.status, &again.json["event"]["type"]), (200, &"customer.created".into()));
        let tested = server.post("/api/v2/webhooks/whk_1/actions/test", &key).await;
        assert_eq!((tested.status, &tested.json["isTaken"], &tested.json["status"]), (200, &true.into(), &204.into()));
        receiver.behave(ReceiverBehaviour::Answer(503));
        let tested = server.post("/api/v2/webhooks/whk_1/actions/test", &key).await;
        assert_eq!(tested.json["reason"], "503 Service Unavailable: not today");
    }
}
