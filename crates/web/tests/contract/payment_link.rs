//! Payment links: the four calls of v1, those of v2, and the page that opens at one.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{Actor, MAX_PREVIOUS_LINKS, NewPayment, PAYMENT_LINK_LIFE};
use perennial_billing::{CustomerId, InvoiceId, Money};
use perennial_store::sellers;
use perennial_testkit::{Answer, Kind, Provider, TestServer, on_both_databases};
use perennial_web::{Limits, RateLimit};
use reqwest::Method;
use serde_json::json;

/// Anna's server, renewed, by a seller that can be paid.
async fn invoiced(kind: Kind) -> (Provider, TestServer, CustomerId) {
    let provider = Provider::new(kind).await;
    let mut seller = sellers::get(&mut provider.read().await, provider.id()).await.unwrap().unwrap();
    seller.party.bankgiro = "5050-1055".to_owned();
    seller.party.swish = "1231234567".to_owned();
    seller.party.email = "hej@norrsken.example".to_owned();
    provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
    let product = provider.product("Cloud <Server> & \"more\"", "100.00").await;
    let anna = provider.customer("Anna Maria Ek").await;
    let service = provider.service(anna, product, date(2026, 12, 1)).await;
    provider.app.renew(&provider.staff(), &[service]).await.unwrap();
    let server = TestServer::start(&provider).await;
    (provider, server, anna)
}

/// The UUID of the link to it.
async fn linked(provider: &Provider) -> String {
    provider.app.make_payment_link(&provider.staff(), InvoiceId(1)).await.unwrap().link.uuid
}

/// An answer without what is another one each time: where the server is, and the link.
fn plain(answer: &Answer, server: &TestServer, uuid: &str) -> String {
    answer.shown().replace(&server.address.to_string(), "HOST").replace(uuid, "UUID")
}

async fn paid(provider: &Provider, customer: CustomerId, amount: &str, reference: &str) {
    let payment = NewPayment {
        customer,
        amount: Money::parse(amount, "SEK".parse().unwrap()).unwrap(),
        method: "bank".to_owned(),
        reference: reference.to_owned(),
        paid_on: None,
        invoices: Vec::new(),
    };
    provider.app.record_payment(&provider.staff(), &payment).await.unwrap();
}

on_both_databases! {
    async fn v1_makes_a_link_and_tells_where_it_stands(kind) {
        let (provider, server, anna) = invoiced(kind).await;
        let key = provider.key("read:billing write:billing", Some(anna)).await;
        let path = "/api/billing/invoice/1/payment-link";
        assert_snapshot!(server.get(path, &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"hasActiveLink":false,"viewCount":0,"lastViewed":null,"previousLinks":[]}}
        "#);
        let made = server.post(path, &key).await;
        let uuid = made.json["data"]["uuid"].as_str().unwrap().to_owned();
        assert_snapshot!(plain(&made, &server, &uuid), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"paymentUrl":"http://HOST/billing/pay/UUID","uuid":"UUID","expiresAt":"2026-12-23T11:00:00.000Z","created":"2026-11-23T11:00:00.000Z","message":"New payment link created","invoice":{"id":"1","status":"Unpaid","currency":"SEK","total":125}}}
        "#);
        assert_snapshot!(plain(&server.post(path, &key).await, &server, &uuid), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"paymentUrl":"http://HOST/billing/pay/UUID","uuid":"UUID","expiresAt":"2026-12-23T11:00:00.000Z","created":"2026-11-23T11:00:00.000Z","message":"Using existing active payment link","invoice":{"id":"1","status":"Unpaid","currency":"SEK","total":125}}}
        "#);
        server.get(&format!("/api/billing/payment-link/{uuid}"), "").await;
        assert_snapshot!(plain(&server.get(path, &key).await, &server, &uuid), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"hasActiveLink":true,"paymentUrl":"http://HOST/billing/pay/UUID","uuid":"UUID","expiresAt":"2026-12-23T11:00:00.000Z","viewCount":1,"lastViewed":"2026-11-23T11:00:00.000Z","previousLinks":[]}}
        "#);
        provider.app.clock.set(provider.app.clock.now() + PAYMENT_LINK_LIFE);
        let second = server.post(path, &key).await.json["data"]["uuid"].as_str().unwrap().to_owned();
        assert_snapshot!(plain(&server.get(path, &key).await, &server, &second), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-12-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"hasActiveLink":true,"paymentUrl":"http://HOST/billing/pay/UUID","uuid":"UUID","expiresAt":"2027-01-22T11:00:00.000Z","viewCount":0,"lastViewed":null,"previousLinks":[{"createdAt":"2026-11-23T11:00:00.000Z","expired":true,"invalidatedAt":"2026-12-23T11:00:00.000Z","invalidationReason":"replaced","views":1}]}}
        "#);

        let bo = provider.customer("Bo Ek").await;
        let others = provider.key("read:billing write:billing", Some(bo)).await;
        let narrow = provider.key("read:billing", Some(anna)).await;
        for (method, path, key, status) in [
            (Method::POST, path, &others, 404),
            (Method::GET, path, &others, 404),
            (Method::POST, path, &narrow, 403),
            (Method::POST, "/api/billing/invoice/x/payment-link", &key, 400),
            (Method::POST, "/api/billing/invoice/99/payment-link", &key, 404),
        ] {
            let answer = Answer::to(server.call(method.clone(), path, key)).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.shown());
        }
        paid(&provider, anna, "125", "all").await;
        assert_snapshot!(server.post(path, &key).await.shown(), @r#"
        409
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Conflict","message":"Invoice 202600001 is paid already: there is nothing to pay","code":"CONFLICT","timestamp":"2026-12-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        provider.assert_well().await;
    }

    async fn v1_opens_a_link_without_a_key(kind) {
        let (provider, server, anna) = invoiced(kind).await;
        let uuid = linked(&provider).await;
        let path = format!("/api/billing/payment-link/{uuid}");
        let request = || server.request(Method::GET, &path).header("x-request-id", "2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba");
        paid(&provider, anna, "25", "part").await;
        assert_snapshot!(plain(&Answer::to(request()).await, &server, &uuid), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"success":true,"timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","data":{"invoice":{"id":"1","number":"202600001","total":125,"subtotal":100,"tax":"25.00","currency":"SEK","dueDate":"2026-12-07","status":"Unpaid","dateCreated":"2026-11-23","amountPaid":25,"creditApplied":0,"outstanding":100,"items":[{"description":"Cloud <Server> & \"more\" vps.example.net, 2026-12-01 – 2026-12-31","amount":"100.00","quantity":"1","price":"100.00"}]},"token":"UUID","isLoggedIn":false,"clientEmail":"a•••@example.com"}}
        "#);
        // A key that may see the invoice anyway sees whose it is; another one, or one that does not work, is as good as none.
        let whose = async |key: &str| {
            let data = server.get(&path, key).await.json["data"].clone();
            format!("{} {}", data["isLoggedIn"], data["clientEmail"].as_str().unwrap())
        };
        let bo = provider.customer("Bo Ek").await;
        assert_eq!(whose(&provider.key("read:billing", Some(anna)).await).await, "true anna@example.com");
        assert_eq!(whose(&provider.key("read:services", Some(anna)).await).await, "false a•••@example.com");
        assert_eq!(whose(&provider.key("read:all", Some(bo)).await).await, "false a•••@example.com");
        assert_eq!(whose(&provider.other_sellers_key("admin").await).await, "false a•••@example.com");
        assert_eq!(whose("pn_wrong").await, "false a•••@example.com");

        let pay = format!("{path}/pay");
        let stripe = json!({ "paymentMethod": "stripe" });
        assert_snapshot!(server.post_json(&pay, "", &stripe).await.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"The payment method \"stripe\" is not available. Please pay it this way instead: Bankgiro 5050-1055, Swish 1231234567, Reference 133, To pay 100.00 SEK, Due 7 Dec 2026.","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_snapshot!(server.post_json(&pay, "", &json!({})).await.shown(), @r#"
        400
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Bad Request","message":"The request body is not of the documented shape at line 1, column 2","code":"BAD_REQUEST","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_eq!(server.post(&pay, "").await.status, 400);
        let unknown = "/api/billing/payment-link/550e8400-e29b-41d4-a716-446655440000";
        assert_snapshot!(server.get(unknown, "").await.shown(), @r#"
        404
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Not Found","message":"Payment link not found","code":"NOT_FOUND","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_eq!(server.get("/api/billing/payment-link/x", "").await.status, 404);
        assert_eq!(server.post_json(&format!("{unknown}/pay"), "", &json!({})).await.status, 404);
        provider.settle(InvoiceId(1)).await;
        assert_snapshot!(server.get(&path, "").await.shown(), @r#"
        410
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"error":"Gone","message":"This payment link is no longer valid","code":"GONE","timestamp":"2026-11-23T11:00:00.000Z","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba"}
        "#);
        assert_eq!(server.post_json(&pay, "", &json!({})).await.status, 410);
        provider.assert_well().await;
    }

    async fn v2_makes_shows_and_revokes_a_link(kind) {
        let (provider, server, anna) = invoiced(kind).await;
        let key = provider.key("read:billing write:billing", Some(anna)).await;
        let path = "/api/v2/invoices/inv_1/payment-link";
        assert_snapshot!(server.get(path, &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"hasActiveLink":false,"paymentUrl":null,"expiresAt":null,"viewCount":0,"lastViewedAt":null,"previousLinks":[]}
        "#);
        let made = server.post(path, &key).await;
        let url = made.json["paymentUrl"].as_str().unwrap().to_owned();
        let uuid = url.rsplit('/').next().unwrap().to_owned();
        assert_snapshot!(plain(&made, &server, &uuid), @r#"
        201
        content-type: application/json
        location: /api/v2/invoices/inv_1/payment-link
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"paymentUrl":"http://HOST/billing/pay/UUID","expiresAt":"2026-12-23T11:00:00.000Z","invoice":{"id":"inv_1","number":"202600001","kind":"invoice","customer":"cus_1","status":"issued","standing":"open","issuedOn":"2026-11-23","dueOn":"2026-12-07","currency":"SEK","net":"100.00","tax":"25.00","total":"125.00","open":"125.00","paidAt":null}}
        "#);
        let again = server.post(path, &key).await;
        assert_eq!((again.status, again.header("location"), &again.text), (200, "", &made.text));
        server.get(&format!("/billing/pay/{uuid}"), "").await;
        assert_snapshot!(plain(&server.get(path, &key).await, &server, &uuid), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"hasActiveLink":true,"paymentUrl":"http://HOST/billing/pay/UUID","expiresAt":"2026-12-23T11:00:00.000Z","viewCount":1,"lastViewedAt":"2026-11-23T11:00:00.000Z","previousLinks":[]}
        "#);
        let revoke = async || Answer::to(server.call(Method::DELETE, path, &key)).await;
        assert_snapshot!(revoke().await.shown(), @r#"
        204
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba
        "#);
        assert_snapshot!(revoke().await.shown(), @r#"
        404
        content-type: application/problem+json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/not_found","title":"Not found","status":404,"detail":"Payment link not found","code":"not_found","instance":"/api/v2/invoices/inv_1/payment-link","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}
        "#);
        assert_snapshot!(server.get(path, &key).await.shown(), @r#"
        200
        content-type: application/json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"hasActiveLink":false,"paymentUrl":null,"expiresAt":null,"viewCount":0,"lastViewedAt":null,"previousLinks":[{"createdAt":"2026-11-23T11:00:00.000Z","expired":false,"invalidatedAt":"2026-11-23T11:00:00.000Z","invalidationReason":"revoked","views":1}]}
        "#);
        // A name makes it once; a link that was made by it is told again, to the byte.
        let named = async || Answer::to(server.call(Method::POST, path, &key).header("idempotency-key", "one")).await;
        let (first, second) = (named().await, named().await);
        assert_eq!((first.status, second.status, &first.text), (201, 201, &second.text));
        assert_eq!(second.header("idempotent-replayed"), "true");
        for _ in 0..=MAX_PREVIOUS_LINKS {
            assert_eq!(revoke().await.status, 204);
            assert_eq!(server.post(path, &key).await.status, 201);
        }
        let previous = server.get(path, &key).await.json["previousLinks"].as_array().unwrap().len();
        assert_eq!(i64::try_from(previous).unwrap(), MAX_PREVIOUS_LINKS);
        paid(&provider, anna, "125", "all").await;
        assert_snapshot!(server.post(path, &key).await.shown(), @r#"
        409
        content-type: application/problem+json
        x-request-id: 2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba

        {"type":"/docs/errors/conflict","title":"Conflict","status":409,"detail":"Invoice 202600001 is paid already: there is nothing to pay","code":"conflict","instance":"/api/v2/invoices/inv_1/payment-link","requestId":"2121ae20-bd9d-41e9-aeeb-5dd1dd1a24ba","timestamp":"2026-11-23T11:00:00.000Z"}
        "#);
        provider.assert_well().await;
    }

    async fn the_page_shows_the_invoice_and_how_to_pay_it(kind) {
        let (provider, server, anna) = invoiced(kind).await;
        let uuid = linked(&provider).await;
        paid(&provider, anna, "25", "part").await;
        let get = async |path: &str| Answer::to(server.request(Method::GET, path).header("accept-language", "de-AT,en;q=0.5")).await;
        let page = get(&format!("/billing/pay/{uuid}")).await;
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "noindex"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(page.header(name), value, "{name}");
        }
        assert_eq!(page.status, 200);
        let (before, rest) = page.text.split_once("<svg ").unwrap();
        let (_, after) = rest.split_once("</svg>").unwrap();
        assert_snapshot!(format!("{before}<svg/>{after}").replace(&uuid, "UUID").replace("><", ">\n<"), @r#"
        <!doctype html>
        <html lang="sv">
        <head>
        <meta charset="utf-8">
        <title>Faktura 202600001 – Norrsken Hosting AB</title>
        <meta name="viewport" content="width=device-width">
        <meta name="robots" content="noindex">
        <link rel="stylesheet" href="../style.css">
        </head>
        <body>
        <main>
        <header>
        <p>Norrsken Hosting AB</p>
        <h1>Faktura 202600001</h1>
        </header>
        <dl>
        <dt>Datum</dt>
        <dd>2026-11-23</dd>
        <dt>Förfaller</dt>
        <dd>2026-12-07</dd>
        <dt>Kundnummer</dt>
        <dd>1</dd>
        </dl>
        <table>
        <thead>
        <tr>
        <th scope="col">Beskrivning</th>
        <th scope="col" class="number">Antal</th>
        <th scope="col" class="number wide">Pris</th>
        <th scope="col" class="number wide">Moms</th>
        <th scope="col" class="number">Belopp</th>
        </tr>
        </thead>
        <tbody>
        <tr>
        <td>Cloud &lt;Server&gt; &amp; &quot;more&quot; vps.example.net, 2026-12-01 – 2026-12-31</td>
        <td class="number">1</td>
        <td class="number wide">100,00</td>
        <td class="number wide">25 %</td>
        <td class="number">100,00</td>
        </tr>
        </tbody>
        <tfoot>
        <tr>
        <th scope="row" colspan="4">Netto</th>
        <td class="number">100,00</td>
        </tr>
        <tr>
        <th scope="row" colspan="4">Moms 25 % av 100,00</th>
        <td class="number">25,00</td>
        </tr>
        <tr>
        <th scope="row" colspan="4">Summa</th>
        <td class="number">125,00 SEK</td>
        </tr>
        <tr>
        <th scope="row" colspan="4">Redan betalt</th>
        <td class="number">−25,00</td>
        </tr>
        <tr>
        <th scope="row" colspan="4">Att betala</th>
        <td class="number">100,00 SEK</td>
        </tr>
        </tfoot>
        </table>
        <section>
        <div>
        <h2>Betalning</h2>
        <dl>
        <dt>Bankgiro</dt>
        <dd>5050-1055</dd>
        <dt>Swish</dt>
        <dd>1231234567</dd>
        <dt>Referens</dt>
        <dd>133</dd>
        <dt>Att betala</dt>
        <dd>100,00 SEK</dd>
        <dt>Förfaller</dt>
        <dd>2026-12-07</dd>
        </dl>
        </div>
        <figure>
        <svg/>
        <figcaption>Skanna för att betala</figcaption>
        </figure>
        </section>
        <p>
        <a href="UUID/invoice.pdf">Ladda ner som PDF</a>
        </p>
        <footer>
        <p>Norrsken Hosting AB, Hamngatan 12, 852 29 Sundsvall, SE</p>
        <p>Momsreg.nr SE556123456701 · hej@norrsken.example</p>
        </footer>
        </main>
        </body>
        </html>
        "#);
        assert!(!page.text.contains("<script") && !page.text.contains("<Server>") && !page.text.contains("http"));
        let pdf = get(&format!("/billing/pay/{uuid}/invoice.pdf")).await;
        assert_eq!((pdf.status, pdf.header("content-type"), pdf.header("x-robots-tag")), (200, "application/pdf", "noindex"));
        assert_eq!(pdf.header("content-disposition"), "inline; filename*=UTF-8''202600001.pdf");
        let style = get("/billing/style.css").await;
        assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
        let views = provider.app.payment_links(&provider.staff(), InvoiceId(1)).await.unwrap().active.unwrap().views;
        assert_eq!(views, 1, "the PDF is no view");

        let unknown = get("/billing/pay/550e8400-e29b-41d4-a716-446655440000").await;
        assert_eq!((unknown.status, unknown.header("x-robots-tag")), (404, "noindex"));
        assert_snapshot!(unknown.text.replace("><", ">\n<"), @r#"
        <!doctype html>
        <html lang="de">
        <head>
        <meta charset="utf-8">
        <title>Diesen Zahlungslink gibt es nicht</title>
        <meta name="viewport" content="width=device-width">
        <meta name="robots" content="noindex">
        <link rel="stylesheet" href="../style.css">
        </head>
        <body>
        <main>
        <h1>Diesen Zahlungslink gibt es nicht</h1>
        <p>Prüfen Sie, ob die Adresse vollständig ist.</p>
        </main>
        </body>
        </html>
        "#);
        assert_eq!(get("/billing/pay/x/invoice.pdf").await.status, 404);
        provider.settle(InvoiceId(1)).await;
        let gone = get(&format!("/billing/pay/{uuid}")).await;
        assert_eq!((gone.status, gone.header("cache-control")), (410, "no-store"));
        assert_snapshot!(gone.text.replace("><", ">\n<"), @r#"
        <!doctype html>
        <html lang="sv">
        <head>
        <meta charset="utf-8">
        <title>Betalningslänken gäller inte längre</title>
        <meta name="viewport" content="width=device-width">
        <meta name="robots" content="noindex">
        <link rel="stylesheet" href="../style.css">
        </head>
        <body>
        <main>
        <header>
        <p>Norrsken Hosting AB</p>
        <h1>Betalningslänken gäller inte längre</h1>
        </header>
        <p>Fakturan kan redan vara betald, eller så finns det en nyare länk. Fråga Norrsken Hosting AB, hej@norrsken.example om du är osäker.</p>
        </main>
        </body>
        </html>
        "#);
        assert!(!gone.text.contains("Anna") && !gone.text.contains("202600001"));
        let gone = get(&format!("/billing/pay/{uuid}/invoice.pdf")).await;
        assert_eq!((gone.status, gone.header("content-type")), (410, "text/html; charset=utf-8"));
        assert!(gone.text.contains("href=\"../../style.css\""));
    }

    async fn an_address_is_absolute_and_what_needs_no_key_is_limited_too(kind) {
        let (provider, server, anna) = invoiced(kind).await;
        let key = provider.key("read:billing write:billing", Some(anna)).await;
        let path = "/api/v2/invoices/inv_1/payment-link";
        let url = async |server: &TestServer, host: &str, proto: &str| {
            let request = server.call(Method::POST, path, &key).header("host", host).header("x-forwarded-proto", proto);
            let answer = Answer::to(request).await;
            let url = answer.json["paymentUrl"].as_str().unwrap_or_default();
            (answer.status, url.split("/billing/").next().unwrap().to_owned())
        };
        assert_eq!(url(&server, "pay.example.net", "http").await, (201, "http://pay.example.net".to_owned()));
        assert_eq!(url(&server, "pay.example.net:8443", "https").await, (200, "http://pay.example.net:8443".to_owned()), "not believed");
        assert_eq!(url(&server, "evil.example/x?", "http").await.0, 400);
        let trusted = Limits {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            per_address: RateLimit(Some(3)),
            ..Limits::default()
        };
        let behind = TestServer::start_with(&provider, trusted).await;
        assert_eq!(url(&behind, "pay.example.net", "https").await, (200, "https://pay.example.net".to_owned()));
        let uuid = linked(&provider).await;
        assert_eq!(behind.get(&format!("/api/billing/payment-link/{uuid}"), "").await.status, 200);
        assert_eq!(behind.get(&format!("/billing/pay/{uuid}"), "").await.status, 200);
        assert_eq!(behind.get(&format!("/api/billing/payment-link/{uuid}"), "").await.status, 429);
        let named = TestServer::start_at(&provider, "https://billing.example.net").await;
        assert_eq!(url(&named, "other.example", "http").await, (200, "https://billing.example.net".to_owned()));
    }
}
