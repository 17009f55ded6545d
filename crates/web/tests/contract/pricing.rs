//! v2: several periods in one call, discounts, campaigns, and services brought to one day.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{Actor, NewCoupon};
use perennial_billing::{CustomerId, Off, ProductId, Rate, ServiceId};
use perennial_testkit::{Answer, Kind, Provider, TestServer, on_both_databases};
use reqwest::Method;

/// Anna's server, which follows the catalogue.
async fn anna(kind: Kind) -> (Provider, TestServer, CustomerId, ProductId, ServiceId) {
    let provider = Provider::new(kind).await;
    let server = TestServer::start(&provider).await;
    let product = provider.product("Server", "100.00").await;
    let anna = provider.customer("Anna Ek").await;
    let service = provider.service(anna, product, date(2026, 12, 11)).await;
    (provider, server, anna, product, service)
}

on_both_databases! {
    async fn several_periods_with_chosen_addons(kind) {
        let (provider, server, anna, product, service) = anna(kind).await;
        let addon = provider.addon(service, product, "2").await;
        let key = provider.key("write:billing", Some(anna)).await;
        let path = format!("/api/v2/services/svc_{service}/actions/renew");
        let post = |body: String| Answer::to(server.call(Method::POST, &path, &key).body(body));
        let shown = post(r#"{"periods":2,"addonIds":[],"dryRun":true}"#.to_owned()).await;
        let done = post(r#"{"periods":2,"addonIds":[]}"#.to_owned()).await;
        assert_eq!(done.json["billed"], shown.json["billed"], "what was shown is what was billed");
        assert_snapshot!(done.text, @r#"{"dryRun":false,"service":"svc_1","invoice":"inv_1","invoiceNumber":"202600001","isMailed":true,"billed":{"issuedOn":"2026-11-23","dueOn":"2026-12-11","currency":"SEK","net":"200.00","tax":"50.00","total":"250.00","lines":[{"service":"svc_1","addon":null,"description":"Server vps.example.net, 2026-12-11 – 2027-01-10","quantity":"1","unitPrice":"100.00","allowance":null,"net":"100.00","taxCategory":"S","taxRatePercent":"25","periodStarts":"2026-12-11","periodEnds":"2027-01-11","part":null},{"service":"svc_1","addon":null,"description":"Server vps.example.net, 2027-01-11 – 2027-02-10","quantity":"1","unitPrice":"100.00","allowance":null,"net":"100.00","taxCategory":"S","taxRatePercent":"25","periodStarts":"2027-01-11","periodEnds":"2027-02-11","part":null}]}}"#);
        assert_snapshot!(post(format!(r#"{{"addonIds":["add_{addon}"]}}"#)).await.text, @r#"{"type":"/docs/errors/existing_invoice_blocking","title":"An unpaid invoice is in the way","status":409,"detail":"An unpaid renewal invoice exists for this service","code":"existing_invoice_blocking","instance":"/api/v2/services/svc_1/actions/renew","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z","invoice":"inv_1"}"#);
        let mut said = Vec::new();
        for body in [r#"{"periods":0}"#, r#"{"periods":121}"#, r#"{"periods":-1}"#, r#"{"addonIds":["x"]}"#, r#"{"addons":[]}"#] {
            let answer = post(body.to_owned()).await;
            said.push(format!("{body}: {} {}", answer.status, answer.json["detail"]));
        }
        provider.settle(perennial_billing::InvoiceId(1)).await;
        for body in [r#"{"addonIds":["add_99"]}"#, r#"{"periods":60}"#] {
            let answer = post(body.to_owned()).await;
            said.push(format!("{body}: {} {}", answer.status, answer.json["detail"]));
        }
        assert_snapshot!(said.join("\n"), @r#"
        {"periods":0}: 422 "`periods` must be from 1 to 120"
        {"periods":121}: 422 "`periods` must be from 1 to 120"
        {"periods":-1}: 400 "The request body is not as documented: `periods` invalid value: integer `-1`, expected u16"
        {"addonIds":["x"]}: 400 "The request body is not as documented: `addonIds/0` must be add_ and an integer of at least 1, such as add_7"
        {"addons":[]}: 400 "The request body is not as documented: unknown field `addons`, expected one of `periods`, `addonIds`, `dryRun`"
        {"addonIds":["add_99"]}: 409 "Service has no active add-on 99"
        {"periods":60}: 409 "Only 34 of these periods can be renewed now: the others start too far ahead"
        "#);
        assert_eq!(post(String::new()).await.status, 200, "no body: one period, with everything");
        provider.assert_well().await;
    }

    async fn a_coupon_is_used_and_ended(kind) {
        let (provider, server, anna, _, service) = anna(kind).await;
        let new = NewCoupon {
            code: "WELCOME".to_owned(), off: Off::Percent(Rate::parse_percent("20").unwrap()), currency: None,
            periods: Some(3), through: None, product: None, customer: None, redeem_through: None, max_uses: None,
        };
        provider.app.create_coupon(provider.id(), Actor::Cli, new).await.unwrap();
        let key = provider.key("read:billing,write:billing", Some(anna)).await;
        let staff = provider.key("read:billing,write:billing", None).await;
        let path = format!("/api/v2/services/svc_{service}/discount");
        let call = |method, key: &str, body: &'static str| Answer::to(server.call(method, &path, key).body(body));
        assert_snapshot!(call(Method::POST, &key, r#"{"code":"welcome"}"#).await.text, @r#"{"service":"svc_1","code":"WELCOME","periods":3,"through":null}"#);
        assert_snapshot!(call(Method::POST, &key, r#"{"code":"welcome"}"#).await.text, @r#"{"type":"/docs/errors/conflict","title":"Conflict","status":409,"detail":"Service has coupon WELCOME, for 3 more periods already","code":"conflict","instance":"/api/v2/services/svc_1/discount","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        assert_snapshot!(call(Method::POST, &key, r#"{"code":"NONE"}"#).await.text, @r#"{"type":"/docs/errors/not_found","title":"Not found","status":404,"detail":"Coupon not found","code":"not_found","instance":"/api/v2/services/svc_1/discount","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        let preview = server.get(&format!("/api/v2/services/svc_{service}/preview"), &key).await;
        assert_snapshot!(preview.json["invoices"][0]["lines"][0], @r#"{"addon":null,"allowance":{"amount":"20.00","reason":"WELCOME: 20 %"},"description":"Server vps.example.net, 2026-12-11 – 2027-01-10","net":"80.00","part":null,"periodEnds":"2027-01-11","periodStarts":"2026-12-11","quantity":"1","service":"svc_1","taxCategory":"S","taxRatePercent":"25","unitPrice":"100.00"}"#);
        let explained = server.get(&format!("/api/v2/services/svc_{service}/explanation"), &staff).await;
        assert_snapshot!(explained.json["sentences"].as_array().unwrap().last().unwrap(), @r#""Server vps.example.net: 1 × 100.00 SEK, version 1 of the catalogue's price, valid from 2020-01-01, less 20.00 (WELCOME: 20 %).""#);
        assert_eq!(call(Method::DELETE, &key, "").await.status, 403, "a customer does not end it");
        assert_snapshot!(call(Method::DELETE, &staff, "").await.text, @r#"{"service":"svc_1","code":null,"periods":null,"through":null}"#);
    }

    async fn a_campaign_is_shown_started_looked_at_and_undone(kind) {
        let (provider, server, anna, product, _) = anna(kind).await;
        let second = provider.service(anna, product, date(2026, 12, 15)).await;
        let key = provider.key("read:billing,write:billing", None).await;
        let call = async |method, path: &str, body: String| Answer::to(server.call(method, path, &key).body(body)).await;
        let rules = |more: &str| format!(
            r#"{{"name":"New Year","product":"prd_{product}","percent":"6","ending":90,"from":"2027-01-01"{more}}}"#
        );
        let shown = call(Method::POST, "/api/v2/campaigns", rules(r#","dryRun":true"#)).await;
        assert_snapshot!(shown.text, @r#"{"dryRun":true,"campaign":null,"chosen":2,"changed":2,"customers":1,"left":[],"yearlyDifference":[{"currency":"SEK","net":"141.60"}],"services":[{"service":"svc_1","customer":"cus_1","oldPrice":"100.00","newPrice":"105.90","currency":"SEK","firstPeriodStarts":"2027-01-11","yearlyDifference":"70.80","state":"planned"},{"service":"svc_2","customer":"cus_1","oldPrice":"100.00","newPrice":"105.90","currency":"SEK","firstPeriodStarts":"2027-01-15","yearlyDifference":"70.80","state":"planned"}]}"#);
        let started = call(Method::POST, "/api/v2/campaigns", rules("")).await;
        assert_eq!(started.json["services"], shown.json["services"], "what was shown is what was done");
        assert_snapshot!(started.json["campaign"], @r#"{"actor":"key:1","at":"2026-11-23T11:00:00.000Z","by":null,"currency":null,"ending":90,"from":"2027-01-01","id":"cmp_1","name":"New Year","percent":"6","state":"planned","to":null}"#);
        assert_snapshot!(call(Method::GET, "/api/v2/campaigns?limit=1", String::new()).await.text, @r#"{"data":[{"id":"cmp_1","name":"New Year","percent":"6","by":null,"to":null,"currency":null,"ending":90,"from":"2027-01-01","at":"2026-11-23T11:00:00.000Z","actor":"key:1","state":"planned"}],"nextCursor":null}"#);
        let out = format!(r#"{{"services":["svc_{second}"]}}"#);
        assert_snapshot!(call(Method::POST, "/api/v2/campaigns/cmp_1/opt-outs", out.clone()).await.text, @r#"{"returned":1}"#);
        assert_snapshot!(call(Method::POST, "/api/v2/campaigns/cmp_1/opt-outs", out).await.text, @r#"{"type":"/docs/errors/not_found","title":"Not found","status":404,"detail":"Service in this campaign not found","code":"not_found","instance":"/api/v2/campaigns/cmp_1/opt-outs","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        assert_snapshot!(call(Method::GET, "/api/v2/campaigns/cmp_1/services", String::new()).await.text, @r#"{"data":[{"service":"svc_1","customer":"cus_1","oldPrice":"100.00","newPrice":"105.90","currency":"SEK","firstPeriodStarts":"2027-01-11","yearlyDifference":"70.80","state":"planned"},{"service":"svc_2","customer":"cus_1","oldPrice":"100.00","newPrice":"105.90","currency":"SEK","firstPeriodStarts":"2027-01-15","yearlyDifference":"70.80","state":"opted_out"}],"nextCursor":null}"#);
        assert_eq!(call(Method::DELETE, "/api/v2/campaigns/cmp_1", String::new()).await.status, 204);
        assert_snapshot!(call(Method::DELETE, "/api/v2/campaigns/cmp_1", String::new()).await.text, @r#"{"type":"/docs/errors/conflict","title":"Conflict","status":409,"detail":"Campaign 1 was taken back already","code":"conflict","instance":"/api/v2/campaigns/cmp_1","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}"#);
        assert_snapshot!(call(Method::GET, "/api/v2/campaigns/cmp_1", String::new()).await.json["state"], @r#""undone""#);
        let mut said = Vec::new();
        for body in [
            rules(r#","by":"1""#), rules(r#","currency":"XXX""#), rules(r#","below":"100""#),
            r#"{"name":"x","from":"2027-01-01"}"#.to_owned(), r#"{"name":"","percent":"6","from":"2027-01-01"}"#.to_owned(),
            r#"{"name":"x","percent":"6","from":"01/01/2027"}"#.to_owned(),
            r#"{"name":"x","percent":"6","from":"2026-12-01"}"#.to_owned(),
            r#"{"name":"x","product":"prd_99","percent":"6","from":"2027-01-01"}"#.to_owned(),
            r#"{"name":"x","percent":"6","ending":100,"from":"2027-01-01"}"#.to_owned(),
        ] {
            let answer = call(Method::POST, "/api/v2/campaigns", body).await;
            said.push(format!("{} {}", answer.status, answer.json["detail"]));
        }
        said.push(call(Method::GET, "/api/v2/campaigns/cmp_9", String::new()).await.status.to_string());
        assert_snapshot!(said.join("\n"), @r#"
        422 "percent: say how prices change: one of percent, by and to"
        400 "The request body is not as documented: `currency` `XXX` is not an active ISO 4217 currency code"
        422 "below: needs currency"
        422 "percent: say how prices change: one of percent, by and to"
        422 "`name` is missing"
        400 "The request body is not as documented: `from` must be a day such as 2026-11-30"
        409 "customers have to be told 30 days before: begin on 2026-12-23 or later, or set the seller's price notice"
        409 "the campaign chooses no service: nothing would change"
        422 "ending: must be hundredths, from 0 to 99"
        404
        "#);
        let customer = provider.key("read:billing,write:billing", Some(anna)).await;
        assert_eq!(server.get("/api/v2/campaigns", &customer).await.status, 403);
        provider.assert_well().await;
    }

    async fn services_are_brought_to_one_day(kind) {
        let (provider, server, anna, ..) = anna(kind).await;
        let key = provider.key("write:billing", Some(anna)).await;
        let path = format!("/api/v2/customers/cus_{anna}/actions/align");
        let post = |body: &'static str| Answer::to(server.call(Method::POST, &path, &key).body(body));
        let shown = post(r#"{"day":"2027-01-01","dryRun":true}"#).await;
        let done = post(r#"{"day":"2027-01-01"}"#).await;
        assert_eq!(done.json["billed"], shown.json["billed"], "what was shown is what was billed");
        assert_snapshot!(done.text, @r#"{"dryRun":false,"services":[{"service":"svc_1","nextPeriodStarts":"2027-01-01"}],"left":[],"invoice":"inv_1","invoiceNumber":"202600001","billed":{"issuedOn":"2026-11-23","dueOn":"2026-12-11","currency":"SEK","net":"67.74","tax":"16.94","total":"84.68","lines":[{"service":"svc_1","addon":null,"description":"Server vps.example.net, 2026-12-11 – 2026-12-31: 100.00 × 21/31","quantity":"1","unitPrice":"67.74","allowance":null,"net":"67.74","taxCategory":"S","taxRatePercent":"25","periodStarts":"2026-12-11","periodEnds":"2027-01-01","part":{"whole":"100.00","days":21,"of":31}}]}}"#);
        let mut said = Vec::new();
        for body in [r#"{"day":"2027-01-01"}"#, r#"{"day":"2027-01-31"}"#, r#"{"day":"x"}"#, "{}",
            r#"{"day":"2027-01-01","services":["svc_99"]}"#] {
            let answer = post(body).await;
            said.push(format!("{} {}", answer.status, answer.json["detail"]));
        }
        assert_snapshot!(said.join("\n"), @r#"
        409 "no service is brought to that day (service 1: invoice 1 is not paid yet)"
        422 "`day` must be a day that every month has, from 1 to 28"
        400 "The request body is not as documented: `day` must be a day such as 2026-11-30"
        400 "The request body is not as documented: missing field `day`"
        404 "Service not found"
        "#);
        let stranger = provider.key("write:billing", Some(provider.customer("Bo Dahl").await)).await;
        let refused = Answer::to(server.call(Method::POST, &path, &stranger).body(r#"{"day":"2027-01-01"}"#)).await;
        assert_eq!(refused.status, 404);
        provider.assert_well().await;
    }
}
