//! The seller in v2: who it is, and its rules.

use jiff::civil::date;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

async fn patch(server: &TestServer, key: &str, tag: &str, body: &Value) -> Answer {
    let call = server.call(Method::PATCH, "/api/v2/sellers/sel_1", key).header("if-match", tag);
    Answer::to(call.body(body.to_string())).await
}

/// The fields of two objects.
fn both(mut one: Value, other: Value) -> Value {
    let Value::Object(fields) = other else { panic!("an object") };
    one.as_object_mut().expect("an object").extend(fields);
    one
}

on_both_databases! {
    async fn a_seller_is_seen_with_all_its_rules(kind) {
        let provider = Provider::new(kind).await;
        let anna = provider.customer("Anna Ek").await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:sellers", None).await;
        let seen = server.get("/api/v2/sellers/sel_1", &staff).await;
        assert_eq!((seen.status, seen.header("etag")), (200, "\"1\""), "{}", seen.text);
        let expected = json!({
            "id": "sel_1", "name": "Norrsken Hosting AB", "address1": "Hamngatan 12", "address2": "", "postcode": "852 29",
            "city": "Sundsvall", "country": "SE", "vatNumber": "SE556123456701", "companyNumber": "", "email": "", "phone": "",
            "website": "", "iban": "", "bic": "", "bankgiro": "", "plusgiro": "", "swish": "", "fikCreditor": "",
            "paymentReference": null, "currency": "SEK", "timeZone": "Europe/Stockholm",
            "createdAt": "2026-11-23T11:00:00.000Z",
        });
        let rules = json!({
            "vatRegistered": true, "vatRate": null, "ossFrom": null,
            "vatNumbers": "trust", "pricesIncludeVat": false, "rounding": "half_up", "vatRounding": "group", "cashRounding": 1,
            "numberPattern": "{YYYY}{NNNNN}", "creditNotePattern": "CN-{YYYY}-{NNNNN}", "depositPattern": "DEP-{YYYY}-{NNNNN}",
            "numberReset": "1", "applyCredit": false, "latePayment": "keep", "paymentTermsDays": 14, "renewAheadMonths": 36,
            "openInvoice": "return", "eInvoices": "warn", "mailInvoices": true, "quietHours": null, "mailXml": "off",
            "leadDays": 14, "dailyRun": true, "runAt": "03:00", "renewSuspended": true, "maxPeriodsBehind": 3,
            "consolidationDays": 0, "invoicing": "together", "dayCount": "actual", "priceNoticeDays": 30,
            "convertPrices": false, "convertedEnding": null,
        });
        let expected = both(expected, rules);
        assert_eq!(seen.json, expected);
        assert_eq!(server.get("/api/v2/sellers", &staff).await.json, json!({"data": [expected]}));
        let other = server.get("/api/v2/sellers/sel_2", &staff).await;
        assert_eq!((other.status, &other.json["code"]), (404, &json!("not_found")));
        assert_eq!(patch(&server, &staff, "*", &json!({})).await.status, 403);
        let hers = provider.key("read:sellers write:sellers", Some(anna)).await;
        assert_eq!(server.get("/api/v2/sellers/sel_1", &hers).await.status, 403);
        assert_eq!(server.get("/api/v2/sellers", &hers).await.status, 403);
        assert_eq!(patch(&server, &hers, "*", &json!({"name": "Mine"})).await.status, 403);
    }

    async fn a_seller_is_changed_as_it_was_read(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let staff = provider.key("read:sellers write:sellers", None).await;
        let all = json!({
            "name": "Norrsken AB", "address1": "Hamngatan 13", "address2": "2 tr", "postcode": "852 30", "city": "Umeå",
            "companyNumber": "556123-4567", "email": "hej@norrsken.example", "phone": "+46 60 12 34 56",
            "website": "https://norrsken.example", "paymentReference": "ocr",
        });
        let rules = json!({
            "vatRegistered": true, "vatRate": "25",
            "ossFrom": "2027-01-01", "vatNumbers": "require", "pricesIncludeVat": true, "rounding": "half_even",
            "vatRounding": "line", "cashRounding": 100, "numberPattern": "F{FY}-{NNNN}", "creditNotePattern": "K{FY}-{NNNN}",
            "depositPattern": "D{FY}-{NNNN}", "numberReset": "7", "applyCredit": true, "latePayment": "skip",
            "paymentTermsDays": 30, "renewAheadMonths": 12, "openInvoice": "conflict", "eInvoices": "off",
            "mailInvoices": false, "quietHours": "22:00-07:00", "mailXml": "ubl", "leadDays": 20, "dailyRun": false,
            "runAt": "04:30", "renewSuspended": false, "maxPeriodsBehind": 5, "consolidationDays": 7,
            "invoicing": "separate", "dayCount": "thirty_day_months", "priceNoticeDays": 60, "convertPrices": true,
            "convertedEnding": 90,
        });
        let all = both(all, rules);
        let changed = patch(&server, &staff, "\"1\"", &all).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        for (field, value) in all.as_object().unwrap() {
            assert_eq!(&changed.json[field], value, "{field}");
        }
        assert_eq!((&changed.json["vatNumber"], &changed.json["currency"]), (&json!("SE556123456701"), &json!("SEK")));
        let known = server.get("/api/v2/sellers/sel_1", &staff).await;
        assert_eq!((known.header("etag"), &known.json), (changed.header("etag"), &changed.json));
        let late = patch(&server, &staff, "\"1\"", &json!({"leadDays": 3})).await;
        assert_eq!((late.status, &late.json["code"]), (412, &json!("precondition_failed")));
        let emptied = json!({"vatRate": null, "ossFrom": null, "quietHours": null, "paymentReference": null, "convertedEnding": null, "phone": null});
        let emptied = patch(&server, &staff, changed.header("etag"), &emptied).await;
        assert_eq!(emptied.status, 200, "{}", emptied.text);
        for field in ["vatRate", "ossFrom", "quietHours", "paymentReference", "convertedEnding"] {
            assert_eq!(emptied.json[field], json!(null), "{field}");
        }
        assert_eq!((&emptied.json["phone"], &emptied.json["leadDays"]), (&json!(""), &json!(20)));
        for (body, status, pointer) in [
            (json!({"name": " "}), 422, "/name"),
            (json!({"iban": "SE1"}), 422, "/iban"),
            (json!({"vatRate": "101"}), 422, "/vatRate"),
            (json!({"paymentTermsDays": 366}), 422, "/paymentTermsDays"),
            (json!({"renewAheadMonths": 121}), 422, "/renewAheadMonths"),
            (json!({"maxPeriodsBehind": 1001}), 422, "/maxPeriodsBehind"),
            (json!({"consolidationDays": 32}), 422, "/consolidationDays"),
            (json!({"leadDays": 366}), 422, "/leadDays"),
            (json!({"priceNoticeDays": 366}), 422, "/priceNoticeDays"),
            (json!({"cashRounding": 0}), 422, "/cashRounding"),
            (json!({"convertedEnding": 100}), 422, "/convertedEnding"),
            (json!({"numberPattern": "{NNNN}"}), 422, "/numberPattern"),
            (json!({"numberPattern": "{X}"}), 400, "/numberPattern"),
            (json!({"leadDays": -1}), 400, "/leadDays"),
            (json!({"name": null}), 400, "/name"),
            (json!({"runAt": "25:00"}), 400, "/runAt"),
            (json!({"runAt": "3:00"}), 400, "/runAt"),
            (json!({"quietHours": "22:00"}), 400, "/quietHours"),
            (json!({"quietHours": "22:00-7:00"}), 400, "/quietHours"),
            (json!({"quietHours": "22:00-22:00"}), 400, "/quietHours"),
            (json!({"numberReset": "13"}), 400, "/numberReset"),
            (json!({"rounding": "down"}), 400, "/rounding"),
            (json!({"currency": "EUR"}), 400, "/currency"),
        ] {
            let refused = patch(&server, &staff, "*", &body).await;
            assert_eq!(refused.status, status, "{body}: {}", refused.text);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}");
        }
        let known = server.get("/api/v2/sellers/sel_1", &staff).await;
        assert_eq!(known.header("etag"), emptied.header("etag"), "nothing of that was done");
    }

    async fn what_prices_mean_is_settled_with_the_first_invoice(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        provider.app.renew(&provider.staff(), &[service]).await.unwrap();
        let server = TestServer::start(&provider).await;
        let staff = provider.key("admin", None).await;
        for body in [json!({"pricesIncludeVat": true}), json!({"numberReset": "never"})] {
            let refused = patch(&server, &staff, "*", &body).await;
            assert_eq!((refused.status, &refused.json["code"]), (409, &json!("conflict")), "{body}");
        }
        assert_eq!(patch(&server, &staff, "*", &json!({"pricesIncludeVat": false, "leadDays": 3})).await.status, 200);
        provider.assert_well().await;
    }
}
