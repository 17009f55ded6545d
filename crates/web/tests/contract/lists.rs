//! The calls around renewing: accounts, invoices, mailing again.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_billing::InvoiceId;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases, provider_csv};
use reqwest::Method;
use tokio::task::JoinSet;

on_both_databases! {
    async fn an_account_is_found_renewed_looked_at_and_mailed_again(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let backup = provider.product("Backup", "39.50").await;
        let anna = provider.customer("Anna Maria Ek").await;
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        provider.addon(service, backup, "2").await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:services read:billing write:billing", Some(anna)).await;

        assert_snapshot!(server.get("/api/client-accounts", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"accounts":[{"id":"1","manual":"0","domain":"vps.example.net","billingcycle":"Monthly","qty":"1","status":"Active","total":"100.00","next_due":"2026-12-01","product_id":"1","name":"Cloud Server","type":"3","lastname":"Ek","firstname":"Anna Maria","companyname":"","client_id":"1","currency_id":"0","group_id":"0","service_group_id":"0","sort_order":"0","label":"vps.example.net","paytype":"Regular","component_form_name":"","component_value_name":"","extra_details":[]}]}}
        "#);
        assert_eq!(server.post(&format!("/api/services/{service}/renew"), &key).await.status, 200);
        assert_snapshot!(server.get("/api/billing/invoices", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"invoices":[{"id":"1","locked":"0","currency_id":"0","date":"2026-11-23","dateorig":"2026-11-23","duedate":"2026-12-07","paybefore":"2026-12-07","datepaid":"0000-00-00 00:00:00","subtotal2":"179.00","credit":"0.00","total":"223.75","grandtotal":"223.75","paid_id":"202600001","status":"Unpaid","firstname":"Anna Maria","client_id":"1","flags":"0","lastname":"Ek","companyname":"","module":"","recid":"0","group_id":"0","formatted_id":"202600001"}],"hasMore":false,"total":"1","pages":1,"currentPage":0,"success":true}}
        "#);
        assert_snapshot!(server.get("/api/billing/invoice/1", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"invoice":{"id":"1","paid_id":"202600001","recurring_id":"0","status":"Unpaid","client_id":"1","contact_id":"0","date":"2026-11-23","duedate":"2026-12-07","paybefore":"2026-12-07","datepaid":"0000-00-00 00:00:00","subtotal":179,"credit":0,"tax":44.75,"taxrate":25,"tax2":0,"taxrate2":0,"taxexempt":"0","total":223.75,"grandtotal":223.75,"payment_module":"0","currency_id":"0","currency":"SEK","rate":1,"rate2":0,"rate3":0,"notes":"","locked":"0","items":[{"id":"1","invoice_id":"1","type":"Hosting","item_id":"1","description":"Cloud Server vps.example.net, 2026-12-01 – 2026-12-31","amount":"100.00","taxed":"1","qty":"1","linetotal":100},{"id":"2","invoice_id":"1","type":"Addon","item_id":"1","description":"+ Backup, 2026-12-01 – 2026-12-31","amount":"39.50","taxed":"1","qty":"2","linetotal":79}],"metadata":{"taxconfig":{"CompoundL2":"0","TaxType":"exclusive","TaxRounding":"total","AllowNegativeTax":"0","TaxCredited":"1"},"client":{"id":"1","firstname":"Anna Maria","lastname":"Ek","companyname":"","email":"anna@example.com","address1":"Storgatan 1","address2":"","city":"Sundsvall","postcode":"852 30","country":"SE","vat_number":""}}}}}
        "#);
        assert_snapshot!(server.post("/api/billing/invoice/1/resend-email", &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"sentTo":"anna@example.com","message":"Invoice email queued"}}
        "#);
        let mails = || provider.database.sql("select count(*) from outbox where invoice_id = 1").unwrap();
        assert_eq!(mails().trim(), "1", "the one of the renewal still waits");
        provider.database.sql("update outbox set state = 'sent'").unwrap();
        for _ in 0..3 {
            assert_eq!(server.post("/api/billing/invoice/1/resend-email", &key).await.status, 200);
        }
        assert_eq!(mails().trim(), "2", "one again, and not three");
        provider.settle(InvoiceId(1)).await;
        let paid = server.get("/api/billing/invoice/1", &key).await;
        assert_eq!(paid.json["data"]["invoice"]["status"], "Paid");
        provider.assert_well().await;
    }

    async fn hosting_accounts_are_those_whose_product_is_hosting(kind) {
        let provider = Provider::new(kind).await;
        provider.app.import_csv(provider.id(), provider_csv(), |_, _| {}).await.unwrap();
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:services", None).await;
        let first = server.get("/api/hosting-accounts?perPage=2", &key).await;
        assert_snapshot!(first.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"hosting_accounts":[{"id":"20001","name":"Start (cPanel)","domain":"jensen20001.se","status":"Active","type":"1","billingCycle":"Monthly","price":83.74,"currency":"SEK","nextDue":"2026-11-30","expires":"2026-11-30","product_id":"1912","tags":[]},{"id":"20010","name":"Business (cPanel)","domain":"šimková20010.se","status":"Active","type":"1","billingCycle":"Biennially","price":239.23,"currency":"EUR","nextDue":"2028-08-31","expires":"2028-08-31","product_id":"1913","tags":[]}],"pagination":{"currentPage":1,"perPage":2,"totalPages":375,"totalRecords":749,"totalAllAccounts":3691}}}
        "#);
        let last = server.get("/api/hosting-accounts?perPage=2&page=375", &key).await;
        assert_eq!(last.json["data"]["hosting_accounts"].as_array().unwrap().len(), 1);
        let all = server.get("/api/client-accounts", &key).await;
        assert_eq!(all.json["data"]["accounts"].as_array().unwrap().len(), 1000, "a page has a limit");
        let rest = server.get("/api/client-accounts?page=4", &key).await;
        assert_eq!(rest.json["data"]["accounts"].as_array().unwrap().len(), 691);
        for bad in ["page=0", "perPage=0", "page=x", "page=-1"] {
            assert_eq!(server.get(&format!("/api/client-accounts?{bad}"), &key).await.status, 400, "{bad}");
        }
        // More at once than there are connections: none holds one while it waits for another.
        let mut calls = JoinSet::new();
        for _ in 0..24 {
            calls.spawn(Answer::to(server.call(Method::GET, "/api/client-accounts?perPage=20", &key)));
        }
        assert!(calls.join_all().await.iter().all(|answer| answer.status == 200));
        let far = server.get("/api/client-accounts?page=9223372036854775807", &key).await;
        assert_eq!((far.status, far.json["data"]["accounts"].as_array().map(Vec::len)), (200, Some(0)));
    }

    async fn invoices_are_paged_and_filtered_by_a_body(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let bo = provider.customer("Bo Dahl").await;
        let mut services = Vec::new();
        for _ in 0..5 {
            services.push(provider.service(bo, product, date(2026, 12, 1)).await);
        }
        provider.app.renew(&provider.staff(), &services).await.unwrap();
        provider.settle(InvoiceId(2)).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("read:billing", None).await;
        let query = |body: &'static str| Answer::to(server.call(Method::POST, "/api/billing/invoices", &key).body(body));
        let ids = |answer: &Answer| -> Vec<String> {
            let invoices = answer.json["data"]["invoices"].as_array().expect("a list");
            invoices.iter().map(|invoice| invoice["id"].as_str().unwrap().to_owned()).collect()
        };
        let unpaid = query(r#"{"filters":{"status":"Unpaid","limit":3,"page":0},"skipCache":true}"#).await;
        assert_eq!(ids(&unpaid), ["5", "4", "3"]);
        let data = &unpaid.json["data"];
        assert_eq!((&data["hasMore"], &data["total"], &data["pages"], &data["currentPage"], &data["success"]),
            (&true.into(), &"4".into(), &2.into(), &0.into(), &true.into()));
        assert_eq!(ids(&query(r#"{"filters":{"status":"Unpaid","limit":3,"page":1}}"#).await), ["1"]);
        assert_eq!(ids(&query(r#"{"filters":{"status":"paid"}}"#).await), ["2"]);
        assert_eq!(ids(&query(r#"{"filters":{}}"#).await).len(), 5);
        assert_eq!(ids(&server.get("/api/billing/invoices?limit=1&page=4", &key).await), ["1"]);
        for bad in [
            "", "{", "[]", "{}", r#"{"filters":null}"#, r#"{"filters":{"status":"Odd"}}"#, r#"{"filters":{"limit":-1}}"#,
            r#"{"filters":{"page":-1}}"#, r#"{"filters":{"page":1.5}}"#, "\u{feff}{}",
        ] {
            let answer = query(bad).await;
            assert_eq!((answer.status, answer.json["code"].as_str()), (400, Some("BAD_REQUEST")), "{bad}");
        }
    }

    async fn nobody_sees_what_is_not_theirs(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let hers = provider.service(anna, product, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[hers]).await.unwrap();
        let server = TestServer::start(&provider).await;
        let his = provider.key("read:services read:billing write:billing", Some(bo)).await;
        assert_eq!(server.get("/api/client-accounts", &his).await.json["data"]["accounts"], serde_json::json!([]));
        assert_eq!(server.get("/api/billing/invoices", &his).await.json["data"]["total"], "0");
        assert_snapshot!(server.get("/api/billing/invoice/1", &his).await.shown(), @r#"
        404
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Not Found","message":"Invoice not found","code":"NOT_FOUND","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_eq!(server.post("/api/billing/invoice/1/resend-email", &his).await.status, 404);
        assert_eq!(server.get("/api/billing/invoice/x", &his).await.status, 400);
        let blind = provider.key("write:billing", None).await;
        for path in ["/api/client-accounts", "/api/hosting-accounts", "/api/billing/invoices", "/api/billing/invoice/1"] {
            assert_eq!(server.get(path, &blind).await.status, 403, "{path}");
        }
        let reader = provider.key("read:billing", None).await;
        assert_eq!(server.post("/api/billing/invoice/1/resend-email", &reader).await.status, 403);
    }

    async fn a_customer_without_an_address_cannot_be_mailed(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let silent = provider.customer_with("No Mail", |new| new.party.email.clear()).await;
        let service = provider.service(silent, product, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        let server = TestServer::start(&provider).await;
        let key = provider.key("write:billing", None).await;
        assert_snapshot!(server.post("/api/billing/invoice/1/resend-email", &key).await.shown(), @r#"
        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"The customer has no email address","code":"CONFLICT","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
    }
}
