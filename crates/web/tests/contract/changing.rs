//! v1: the billing cycle of a service. v2: changes and add-ons.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_billing::{ProductId, ServiceId};
use perennial_testkit::{Answer, Kind, Provider, TestServer, on_both_databases};
use reqwest::Method;

/// Anna's hosting at 79 a month or 708 a year, renewed for December and paid; and a larger one.
async fn anna(kind: Kind) -> (Provider, TestServer, ServiceId, ProductId) {
    let provider = Provider::new(kind).await;
    let server = TestServer::start(&provider).await;
    let product = provider.product("Web S", "79.00").await;
    provider.price(product, "1y", "708.00", date(2020, 1, 1)).await;
    let larger = provider.product("Web L", "149.00").await;
    let anna = provider.customer("Anna Ek").await;
    let service = provider.service(anna, product, date(2026, 12, 1)).await;
    (provider, server, service, larger)
}

async fn renew_and_pay(provider: &Provider, service: ServiceId) {
    let renewed = provider.app.renew(&provider.staff(), &[service]).await.unwrap();
    let perennial_app::Outcome::Renewed(renewed) = &renewed[0].outcome else { panic!("{renewed:?}") };
    provider.settle(renewed.invoice.id).await;
}

on_both_databases! {
    async fn the_billing_cycle_is_read_and_changed(kind) {
        let (provider, server, service, _) = anna(kind).await;
        let key = provider.key("read:services,write:billing", None).await;
        let path = format!("/api/hosting/{service}/billing-cycle");
        let post = |path: String, body: &'static str| Answer::to(server.call(Method::POST, &path, &key).body(body));
        assert_snapshot!(server.get(&path, &key).await.text, @r#"{"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"current":"m","currentName":"Monthly","cycles":[{"id":"m","name":"Monthly","price":"79.00","isCurrent":true,"billingCycle":"Monthly"},{"id":"a","name":"Annually","price":"708.00","isCurrent":false,"billingCycle":"Annually"}],"productId":"1","accountId":"1","accountDetails":{"name":"Web S","domain":"vps.example.net","total":"79.00"}}}"#);
        assert_snapshot!(server.get(&format!("/api/vm/{service}/billing-cycle"), &key).await.json["data"], @r#"{"accountId":"1","current":"m","currentName":"Monthly","cycles":[{"billingCycle":"Monthly","id":"m","isCurrent":true,"name":"Monthly","price":"79.00"},{"billingCycle":"Annually","id":"a","isCurrent":false,"name":"Annually","price":"708.00"}],"productId":"1"}"#);
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2026, 12, 11));
        assert_snapshot!(post(path.clone(), r#"{"cycle":"a"}"#).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-12-11T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"success":true,"message":"Billing cycle changed successfully","newCycle":"Annually","total":"708.00","info":["Account #1 changes saved"]}}
        "#);
        let lines = "select description, net_minor from invoice_lines where invoice_id = 2 order by line";
        assert_snapshot!(provider.database.sql(lines).unwrap().trim(), @"
        Unused: Web S vps.example.net, 2026-12-11 – 2026-12-31: 79.00 × 21/31|-5352
        Web S vps.example.net, 2026-12-11 – 2027-12-10|70800
        ");
        // Until the difference is paid, its invoice is in the way, and is named.
        assert_snapshot!(post(path.clone(), r#"{"cycle":"m"}"#).await.shown(), @r#"
        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"An unpaid renewal invoice exists for this service","code":"CONFLICT","timestamp":"2026-12-11T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","invoiceId":"2"}
        "#);
        provider.settle(perennial_billing::InvoiceId(2)).await;
        // The spelling of an earlier version of the documented API; a shorter period begins with the next renewal.
        assert_snapshot!(post(path.clone(), r#"{"cycleId":"m"}"#).await.json["data"], @r#"{"info":["Account #1 changes saved"],"message":"Billing cycle changed successfully","newCycle":"Monthly","success":true,"total":"79.00"}"#);
        assert_snapshot!(server.get(&path, &key).await.json["data"]["currentName"], @r#""Monthly""#);
        let schedule = "select cycle, anchor, next_period, billed_through from services";
        assert_snapshot!(provider.database.sql(schedule).unwrap().trim(), @"1m|2027-12-11|2|2027-12-11");
        provider.assert_well().await;
    }

    async fn a_billing_cycle_that_cannot_be_is_refused(kind) {
        let (provider, server, service, _) = anna(kind).await;
        let stranger = provider.customer("Bo Dahl").await;
        let key = provider.key("read:services,write:billing", None).await;
        let of_bo = provider.key("read:services,write:billing", Some(stranger)).await;
        let reader = provider.key("read:services", None).await;
        let path = format!("/api/hosting/{service}/billing-cycle");
        let post = |key: &str, body: &'static str| Answer::to(server.call(Method::POST, &path, key).body(body));
        let mut said = Vec::new();
        for body in [r#"{"cycle":"x"}"#, r#"{"cycle":"q"}"#, r#"{"cycle":"once"}"#, r#"{"cycle":7}"#, "{}", "", r#"{"cycle":"m"}"#] {
            let answer = post(&key, body).await;
            said.push(format!("{body}: {} {}", answer.status, answer.json["message"]));
        }
        for key in [&of_bo, &reader] {
            let answer = post(key, r#"{"cycle":"a"}"#).await;
            said.push(format!("{} {}", answer.status, answer.json["message"]));
        }
        said.push(server.get(&path, &of_bo).await.status.to_string());
        said.push(server.get("/api/hosting/0/billing-cycle", &key).await.status.to_string());
        said.push(Answer::to(server.call(Method::PUT, &path, &key)).await.header("allow").to_owned());
        assert_snapshot!(said.join("\n"), @r#"
        {"cycle":"x"}: 400 "cycle must be one of d, w, m, q, s, a, b, t, or a length such as 30d"
        {"cycle":"q"}: 400 "This service has no price for that cycle; it has m, a"
        {"cycle":"once"}: 400 "This service has no price for that cycle; it has m, a"
        {"cycle":7}: 400 "The request body is not of the documented shape at line 1, column 10"
        {}: 400 "The request body is not of the documented shape at line 1, column 2"
        : 400 "The request body is not valid JSON at line 1, column 0"
        {"cycle":"m"}: 409 "Service is so already: nothing changes"
        404 "Service not found"
        403 "This API key lacks the scope write:billing or write:services"
        404
        400
        GET,HEAD,POST
        "#);
    }

    async fn cycles_are_not_told_without_a_price(kind) {
        let (provider, server, _, _) = anna(kind).await;
        let customer = provider.customer("Bo Dahl").await;
        let product = provider.product_from("Not sold yet", "catalogue").await;
        let service = provider.service(customer, product, date(2026, 12, 1)).await;
        let key = provider.key("read:services", None).await;
        let mut said = Vec::new();
        for path in ["/api/hosting", "/api/vm"] {
            let answer = server.get(&format!("{path}/{service}/billing-cycle"), &key).await;
            said.push(format!("{} {}", answer.status, answer.json["message"]));
        }
        assert_snapshot!(said.join("\n"), @r#"
        409 "There is no price for product 3, cycle 1m, currency SEK on 2026-11-23"
        409 "There is no price for product 3, cycle 1m, currency SEK on 2026-11-23"
        "#);
    }

    async fn a_change_is_shown_made_and_listed(kind) {
        let (provider, server, service, larger) = anna(kind).await;
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2026, 12, 11));
        let key = provider.key("read:services,write:billing", None).await;
        let path = format!("/api/v2/services/svc_{service}/changes");
        let post = |body: String| Answer::to(server.call(Method::POST, &path, &key).body(body));
        let shown = post(format!(r#"{{"product":"prd_{larger}","dryRun":true}}"#)).await;
        assert_snapshot!(shown.text, @r#"{"dryRun":true,"service":"svc_1","from":{"product":"prd_1","quantity":"1","cycle":"1m"},"to":{"product":"prd_2","quantity":"1","cycle":"1m"},"effectiveOn":"2026-12-11","difference":"47.42","currency":"SEK","invoice":null,"invoiceNumber":null,"takenBackInvoice":null,"billedNow":{"issuedOn":"2026-12-11","dueOn":"2026-12-25","currency":"SEK","net":"47.42","tax":"11.86","total":"59.28","lines":[{"service":"svc_1","addon":null,"description":"Unused: Web S vps.example.net, 2026-12-11 – 2026-12-31: 79.00 × 21/31","quantity":"-1","unitPrice":"53.52","allowance":null,"net":"-53.52","taxCategory":"S","taxRatePercent":"25","periodStarts":"2026-12-11","periodEnds":"2027-01-01","part":{"whole":"79.00","days":21,"of":31}},{"service":"svc_1","addon":null,"description":"Web L vps.example.net, 2026-12-11 – 2026-12-31: 149.00 × 21/31","quantity":"1","unitPrice":"100.94","allowance":null,"net":"100.94","taxCategory":"S","taxRatePercent":"25","periodStarts":"2026-12-11","periodEnds":"2027-01-01","part":{"whole":"149.00","days":21,"of":31}}]}}"#);
        let made = post(format!(r#"{{"product":"prd_{larger}"}}"#)).await;
        assert_eq!(made.json["billedNow"], shown.json["billedNow"], "what was shown is what was billed");
        assert_snapshot!(made.json["invoiceNumber"], @r#""202600002""#);
        assert_snapshot!(server.get(&path, &key).await.text, @r#"{"data":[{"id":"chg_1","at":"2026-12-11T11:00:00.000Z","actor":"key:1","addon":null,"from":{"product":"prd_1","quantity":"1","cycle":"1m"},"to":{"product":"prd_2","quantity":"1","cycle":"1m"},"effectiveOn":"2026-12-11","invoice":"inv_2","takenBackInvoice":null}],"nextCursor":null}"#);
        let open = provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        assert!(matches!(open[0].outcome, perennial_app::Outcome::Renewed(_)));
        assert_snapshot!(post(r#"{"quantity":"2"}"#.to_owned()).await.shown(), @r#"
        409
        content-type: application/problem+json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/existing_invoice_blocking","title":"An unpaid invoice is in the way","status":409,"detail":"An unpaid renewal invoice exists for this service","code":"existing_invoice_blocking","instance":"/api/v2/services/svc_1/changes","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-12-11T11:00:00.000Z","invoice":"inv_3"}
        "#);
        assert_snapshot!(post(r#"{"quantity":"2","takeBackOpenInvoice":true}"#.to_owned()).await.text, @r#"{"dryRun":false,"service":"svc_1","from":{"product":"prd_2","quantity":"1","cycle":"1m"},"to":{"product":"prd_2","quantity":"2","cycle":"1m"},"effectiveOn":"2026-12-11","difference":"100.93","currency":"SEK","invoice":"inv_4","invoiceNumber":"202600004","takenBackInvoice":"inv_3","billedNow":{"issuedOn":"2026-12-11","dueOn":"2026-12-25","currency":"SEK","net":"100.93","tax":"25.23","total":"126.16","lines":[{"service":"svc_1","addon":null,"description":"Unused: Web L vps.example.net, 2026-12-11 – 2026-12-31: 149.00 × 21/31","quantity":"-1","unitPrice":"100.94","allowance":null,"net":"-100.94","taxCategory":"S","taxRatePercent":"25","periodStarts":"2026-12-11","periodEnds":"2027-01-01","part":{"whole":"149.00","days":21,"of":31}},{"service":"svc_1","addon":null,"description":"Web L vps.example.net, 2026-12-11 – 2026-12-31: 2 × 149.00 = 298.00; 298.00 × 21/31","quantity":"1","unitPrice":"201.87","allowance":null,"net":"201.87","taxCategory":"S","taxRatePercent":"25","periodStarts":"2026-12-11","periodEnds":"2027-01-01","part":{"whole":"298.00","days":21,"of":31}}]}}"#);
        let mut said = Vec::new();
        for body in [
            r#"{"quantity":"-2"}"#, r#"{"quantity":2}"#, r#"{"product":"svc_1"}"#, r#"{"product":"prd_99"}"#,
            r#"{"cycle":"2y"}"#, r#"{"cycle":"free"}"#, r#"{"speed":"9"}"#, "{}",
        ] {
            let answer = post(body.to_owned()).await;
            said.push(format!("{body}: {} {} {}", answer.status, answer.json["code"], answer.json["detail"]));
        }
        assert_snapshot!(said.join("\n"), @r#"
        {"quantity":"-2"}: 400 "invalid_request" "The request body is not as documented: `quantity` must be a decimal above 0 with at most six digits after the point, such as 1 or 2.5"
        {"quantity":2}: 400 "invalid_request" "The request body is not as documented: `quantity` invalid type: integer `2`, expected a string"
        {"product":"svc_1"}: 400 "invalid_request" "The request body is not as documented: `product` must be prd_ and an integer of at least 1, such as prd_7"
        {"product":"prd_99"}: 404 "not_found" "Product not found"
        {"cycle":"2y"}: 409 "conflict" "There is no price for product 2, cycle 2y, currency SEK on 2026-12-11"
        {"cycle":"free"}: 409 "conflict" "Service cannot become free: choose a cycle that recurs"
        {"speed":"9"}: 400 "invalid_request" "The request body is not as documented: unknown field `speed`, expected one of `product`, `quantity`, `cycle`, `takeBackOpenInvoice`, `dryRun`"
        {}: 409 "conflict" "Service is so already: nothing changes"
        "#);
        provider.assert_well().await;
    }

    async fn a_customer_changes_the_cycle_and_nothing_else(kind) {
        let (provider, server, service, larger) = anna(kind).await;
        let owner = perennial_billing::CustomerId(1);
        let key = provider.key("read:services,write:billing", Some(owner)).await;
        let path = format!("/api/v2/services/svc_{service}/changes");
        let post = |body: String| Answer::to(server.call(Method::POST, &path, &key).body(body));
        assert_eq!(post(format!(r#"{{"product":"prd_{larger}"}}"#)).await.status, 403);
        assert_eq!(post(r#"{"quantity":"2"}"#.to_owned()).await.status, 403);
        let changed = post(r#"{"cycle":"1y"}"#.to_owned()).await;
        // Nothing is billed yet: its first period is a year.
        assert_eq!((changed.status, &changed.json["effectiveOn"], &changed.json["billedNow"]),
            (200, &serde_json::json!("2026-12-01"), &serde_json::Value::Null));
        let other = provider.key("read:services,write:billing", Some(provider.customer("Bo Dahl").await)).await;
        let refused = Answer::to(server.call(Method::POST, &path, &other).body(r#"{"cycle":"1m"}"#)).await;
        assert_eq!(refused.status, 404);
        assert_eq!(server.get(&path, &other).await.status, 404);
    }

    async fn an_addon_is_shown_sold_listed_and_ended(kind) {
        let (provider, server, service, larger) = anna(kind).await;
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2026, 12, 22));
        let backup = provider.product("Backup", "31.00").await;
        let key = provider.key("read:services,write:billing", None).await;
        let path = format!("/api/v2/services/svc_{service}/addons");
        let post = |body: String| Answer::to(server.call(Method::POST, &path, &key).body(body));
        let shown = post(format!(r#"{{"product":"prd_{backup}","dryRun":true}}"#)).await;
        assert_snapshot!(shown.text, @r#"{"dryRun":true,"addon":null,"invoice":null,"invoiceNumber":null,"billedNow":{"issuedOn":"2026-12-22","dueOn":"2027-01-05","currency":"SEK","net":"10.00","tax":"2.50","total":"12.50","lines":[{"service":"svc_1","addon":null,"description":"+ Backup, 2026-12-22 – 2026-12-31: 31.00 × 10/31","quantity":"1","unitPrice":"10.00","allowance":null,"net":"10.00","taxCategory":"S","taxRatePercent":"25","periodStarts":"2026-12-22","periodEnds":"2027-01-01","part":{"whole":"31.00","days":10,"of":31}}]}}"#);
        let sold = post(format!(r#"{{"product":"prd_{backup}"}}"#)).await;
        assert_eq!(sold.json["billedNow"]["total"], shown.json["billedNow"]["total"]);
        let yearly = post(format!(r#"{{"product":"prd_{larger}","cycle":"1m","quantity":"2"}}"#)).await;
        assert_snapshot!(yearly.json["addon"], @r#"{"billedThrough":"2027-01-22","cycle":"1m","id":"add_2","product":"prd_2","quantity":"2","service":"svc_1","status":"active"}"#);
        let addon = sold.json["addon"]["id"].as_str().unwrap().to_owned();
        let ended = Answer::to(server.call(Method::DELETE, &format!("/api/v2/addons/{addon}"), &key)).await;
        assert_eq!((ended.status, &ended.json["status"]), (200, &serde_json::json!("ended")));
        assert_snapshot!(server.get(&path, &key).await.text, @r#"{"data":[{"id":"add_1","service":"svc_1","product":"prd_3","quantity":"1","cycle":null,"billedThrough":null,"status":"ended"},{"id":"add_2","service":"svc_1","product":"prd_2","quantity":"2","cycle":"1m","billedThrough":"2027-01-22","status":"active"}]}"#);
        let mut said = Vec::new();
        for body in [r#"{"product":"prd_999"}"#, r#"{"product":"x"}"#, r#"{"product":"prd_1","cycle":"once"}"#,
            r#"{"product":"prd_1","quantity":"0"}"#, "{}"] {
            let answer = post(body.to_owned()).await;
            said.push(format!("{body}: {} {}", answer.status, answer.json["detail"]));
        }
        let unknown = Answer::to(server.call(Method::DELETE, "/api/v2/addons/add_99", &key)).await;
        said.push(format!("{} {}", unknown.status, unknown.json["detail"]));
        assert_snapshot!(said.join("\n"), @r#"
        {"product":"prd_999"}: 404 "Product not found"
        {"product":"x"}: 400 "The request body is not as documented: `product` must be prd_ and an integer of at least 1, such as prd_7"
        {"product":"prd_1","cycle":"once"}: 422 "`cycle` must recur, which once does not; leave it out to bill it with its service"
        {"product":"prd_1","quantity":"0"}: 400 "The request body is not as documented: `quantity` must be a decimal above 0 with at most six digits after the point, such as 1 or 2.5"
        {}: 400 "The request body is not as documented: missing field `product`"
        404 "Add-on not found"
        "#);
        provider.assert_well().await;
    }
}
