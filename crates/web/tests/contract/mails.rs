//! Who else gets mails, and what became of them.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::json;

/// A delete.
async fn delete(server: &TestServer, path: &str, key: &str) -> u16 {
    Answer::to(server.call(Method::DELETE, path, key)).await.status
}

on_both_databases! {
    async fn a_recipient_of_copies_is_added_as_documented(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", Some(anna)).await;
        let path = "/api/account/billing-cc";
        let added = server.post_json(path, &key, &json!({"email": "Ekonomi@Example.com", "description": ""})).await;
        assert_snapshot!(added.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"message":"Billing CC email added successfully","contact":{"id":1,"email":"ekonomi@example.com","description":""}}}
        "#);
        // The same once more is the same contact, by another name.
        let again = json!({"email": "ekonomi@example.com", "description": " Books\u{7} "});
        let again = server.post_json(path, &key, &again).await;
        assert_eq!(again.json["data"]["contact"], json!({"id": 1, "email": "ekonomi@example.com", "description": "Books"}));
        let nobody = server.post_json(path, &key, &json!({"email": "nobody", "description": ""})).await;
        assert_snapshot!(nobody.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"`email` is not a mail address: \"nobody\"","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_eq!(server.post_json(path, &key, &json!({"email": "a@example.com"})).await.status, 400);
        let reader = provider.key("read:billing", Some(anna)).await;
        assert_eq!(server.post_json(path, &reader, &json!({"email": "a@example.com", "description": ""})).await.status, 403);
        let staff = provider.key("admin", None).await;
        assert_eq!(server.post_json(path, &staff, &json!({"email": "a@example.com", "description": ""})).await.status, 400);
        for number in 2..=20 {
            let body = json!({"email": format!("c{number}@example.com"), "description": "x".repeat(300)});
            assert_eq!(server.post_json(path, &key, &body).await.json["data"]["contact"]["description"].as_str().unwrap().len(), 255);
        }
        let body = json!({"email": "c21@example.com", "description": ""});
        assert_eq!(server.post_json(path, &key, &body).await.status, 409, "there are enough");

        let mine = format!("/api/v2/customers/cus_{anna}/contacts");
        let reads = provider.key("read:billing write:billing", Some(anna)).await;
        let list = server.get(&mine, &reads).await;
        assert_eq!(list.json["data"].as_array().unwrap().len(), 20);
        assert_eq!(list.json["data"][0], json!({"id": "con_1", "email": "ekonomi@example.com", "description": "Books"}));
        assert_eq!(delete(&server, &format!("{mine}/con_1"), &reads).await, 204);
        assert_eq!(delete(&server, &format!("{mine}/con_1"), &reads).await, 404);
        let created = server.post_json(&mine, &reads, &json!({"email": "new@example.com"})).await;
        assert_eq!((created.status, &created.json["email"]), (201, &json!("new@example.com")));
        // Another customer's are not there.
        let bo = provider.customer("Bo Ek").await;
        let his = provider.key("read:billing write:billing", Some(bo)).await;
        assert_eq!(server.get(&mine, &his).await.status, 404);
        assert_eq!(server.post_json(&mine, &his, &json!({"email": "new@example.com"})).await.status, 404);
        assert_eq!(delete(&server, &format!("{mine}/con_2"), &his).await, 404);
        assert_eq!(delete(&server, &format!("/api/v2/customers/cus_{bo}/contacts/con_2"), &his).await, 404);
    }

    async fn what_became_of_a_mail_is_told_and_it_can_be_tried_again(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        for day in [1, 2] {
            let service = provider.service(anna, product, date(2026, 12, day)).await;
            provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        }
        let epoch = if kind == perennial_testkit::Kind::Sqlite { "1795431600000000" } else { "'2026-11-23 11:00:00+00'" };
        let no = if kind == perennial_testkit::Kind::Sqlite { "0" } else { "false" };
        provider.database.sql(&format!(
            "update outbox set state = 'failed', attempts = 1, settled_at = {epoch}, reason = 'anna@example.com: 550 no', \
             message_id = '<1.1.1@norrsken.example>' where id = 1; insert into deliveries \
             values (1, 1, 1, 'anna@example.com', {no}, 'refused', '550 no', {epoch})"
        )).unwrap();
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:billing write:billing", Some(anna)).await;
        let staff = provider.key("admin", None).await;
        assert_snapshot!(server.get("/api/v2/invoices/inv_1/mails", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"data":[{"id":"mail_1","kind":"invoice_mail","customer":"cus_1","invoice":"inv_1","campaign":null,"state":"failed","reason":"anna@example.com: 550 no","attempts":1,"queuedAt":"2026-11-23T11:00:00.000Z","nextAttemptAt":null,"settledAt":"2026-11-23T11:00:00.000Z","messageId":"<1.1.1@norrsken.example>","deliveries":[{"attempt":1,"email":"anna@example.com","isCopy":false,"outcome":"refused","reply":"550 no","at":"2026-11-23T11:00:00.000Z"}]}]}
        "#);
        let all = server.get("/api/v2/mails?limit=1", &staff).await;
        assert_eq!((&all.json["data"][0]["id"], &all.json["nextCursor"]), (&json!("mail_2"), &json!("Mg")));
        assert_eq!(server.get("/api/v2/mails?limit=1&cursor=Mg", &staff).await.json["data"][0]["id"], "mail_1");
        assert_eq!(server.get("/api/v2/mails?state=failed", &staff).await.json["data"].as_array().unwrap().len(), 1);
        assert_eq!(server.get("/api/v2/mails?invoice=inv_2", &staff).await.json["data"][0]["id"], "mail_2");
        assert_eq!(server.get("/api/v2/mails?state=lost", &staff).await.status, 400);
        assert_eq!(server.get("/api/v2/mails?limit=1000", &staff).await.status, 400);
        assert_eq!(server.get("/api/v2/mails", &key).await.status, 403, "a list of all is for staff");

        let retried = server.post("/api/v2/mails/mail_1/actions/retry", &staff).await;
        assert_eq!((retried.status, &retried.json["state"]), (200, &json!("queued")));
        assert_eq!(delete(&server, "/api/v2/mails/mail_2", &staff).await, 204);
        assert_eq!(delete(&server, "/api/v2/mails/mail_2", &staff).await, 409);
        assert_eq!(server.post("/api/v2/mails/mail_2/actions/retry", &staff).await.status, 409);
        assert_eq!(server.get("/api/v2/mails/mail_2", &staff).await.json["state"], "called_off");
        assert_eq!(server.get("/api/v2/mails/mail_99", &staff).await.status, 404);

        let resent = server.post("/api/v2/invoices/inv_2/actions/mail", &key).await;
        assert_eq!(resent.json, json!({"queuedAt": "2026-11-23T11:00:00.000Z", "email": "anna@example.com"}));
        assert_eq!(server.post("/api/v2/invoices/inv_2/actions/remind", &staff).await.status, 409, "it is not late");
        provider.set_day(date(2027, 1, 15));
        assert_eq!(server.post("/api/v2/invoices/inv_2/actions/remind", &staff).await.status, 200);
        assert_eq!(server.post("/api/v2/invoices/inv_2/actions/remind", &key).await.status, 403);
        let bo = provider.customer("Bo Ek").await;
        let his = provider.key("read:billing write:billing", Some(bo)).await;
        for path in ["/api/v2/invoices/inv_1/mails", "/api/v2/invoices/inv_1/mails"] {
            assert_eq!(server.get(path, &his).await.status, 404);
        }
        assert_eq!(server.post("/api/v2/invoices/inv_2/actions/mail", &his).await.status, 404);
        let metrics = server.get("/metrics", &staff).await.text;
        assert!(metrics.contains("perennial_mails{state=\"due\"} 3"), "{metrics}");
        assert!(metrics.contains("perennial_mail_server_resting 0"), "{metrics}");
    }
}
