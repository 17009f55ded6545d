//! API keys: made, changed, rotated and revoked, from where they work, and for whom staff asks.

use jiff::civil::date;
use perennial_app::NewKey;
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use perennial_web::{Limits, RateLimit};
use reqwest::Method;
use serde_json::{Value, json};

const KEYS: &str = "/api/v2/keys";
/// What is asked for with a key to see whether it works.
const PROBE: &str = "/api/client-accounts";

/// A call with a body.
async fn send(server: &TestServer, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    Answer::to(server.call(method, path, key).body(body.to_string())).await
}

/// The status that a key gets.
async fn works(server: &TestServer, key: &str) -> u16 {
    server.get(PROBE, key).await.status
}

/// What a problem document says: its status, its code, and the first field.
fn problem(answer: &Answer) -> (u16, &str, &str) {
    let text = |value: &'static str| answer.json.pointer(value).and_then(Value::as_str).unwrap_or_default();
    (answer.status, text("/code"), text("/errors/0/pointer"))
}

on_both_databases! {
    async fn a_key_is_made_changed_rotated_and_revoked(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let admin = provider.key("admin", None).await;
        let made = server.post_json(KEYS, &admin, &json!({"name": "Panel", "scopes": ["read:services"]})).await;
        assert_eq!((made.status, made.header("location")), (201, "/api/v2/keys/key_2"));
        let secret = made.json["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("pn_") && !secret.starts_with("pn_test_") && secret.len() == 51, "{secret}");
        assert_eq!(made.json["hint"], secret[..9]);
        assert_eq!((&made.json["id"], &made.json["state"]), (&json!("key_2"), &json!("active")));
        assert_eq!((&made.json["customer"], &made.json["scopes"]), (&Value::Null, &json!(["read:services"])));
        assert_eq!(works(&server, &secret).await, 200);

        let one = server.get("/api/v2/keys/key_2", &admin).await;
        assert_eq!((one.status, one.json["name"].as_str(), one.json.get("secret")), (200, Some("Panel"), None));
        let page = server.get("/api/v2/keys?limit=1", &admin).await;
        assert_eq!(page.json["data"][0]["id"], "key_2");
        let next = format!("/api/v2/keys?limit=1&cursor={}", page.json["nextCursor"].as_str().unwrap());
        let last = server.get(&next, &admin).await;
        assert_eq!((&last.json["data"][0]["id"], &last.json["nextCursor"]), (&json!("key_1"), &Value::Null));

        let patch = json!({
            "name": "Portal", "description": "of the shop", "scopes": ["read:services", "write:billing"],
            "expiresAt": "2026-12-01T00:00:00Z", "addresses": ["127.0.0.0/8", "2001:db8::1"],
        });
        let changed = send(&server, Method::PATCH, "/api/v2/keys/key_2", &admin, &patch).await;
        assert_eq!((changed.status, &changed.json["name"]), (200, &json!("Portal")));
        assert_eq!(changed.json["addresses"], json!(["127.0.0.0/8", "2001:db8::1"]));
        assert_eq!(changed.json["expiresAt"], "2026-12-01T00:00:00.000Z");
        assert_eq!(works(&server, &secret).await, 200);
        let open = json!({"expiresAt": null, "addresses": null, "description": null});
        let open = send(&server, Method::PATCH, "/api/v2/keys/key_2", &admin, &open).await;
        assert_eq!((&open.json["expiresAt"], &open.json["addresses"], &open.json["name"]), (&Value::Null, &json!([]), &json!("Portal")));

        // The old secret works for a day.
        let rotate = "/api/v2/keys/key_2/actions/rotate";
        let rotated = server.post_json(rotate, &admin, &json!({})).await;
        assert_eq!((rotated.status, &rotated.json["id"]), (200, &json!("key_2")));
        assert_eq!(rotated.json["previousUntil"], "2026-11-24T11:00:00.000Z");
        let second = rotated.json["secret"].as_str().unwrap().to_owned();
        assert_eq!((works(&server, &secret).await, works(&server, &second).await), (200, 200));
        provider.set_day(date(2026, 11, 24));
        assert_eq!((works(&server, &secret).await, works(&server, &second).await), (401, 200));
        // Each rotation replaces what the one before left.
        let third = server.post_json(rotate, &admin, &json!({"overlapHours": 720})).await;
        let fourth = server.post_json(rotate, &admin, &json!({"overlapHours": 1})).await;
        let (third, fourth) = (third.json["secret"].as_str().unwrap(), fourth.json["secret"].as_str().unwrap());
        let works_now = [works(&server, &second).await, works(&server, third).await, works(&server, fourth).await];
        assert_eq!(works_now, [401, 200, 200]);
        let fifth = server.post_json(rotate, &admin, &json!({"overlapHours": 0})).await;
        let fifth = fifth.json["secret"].as_str().unwrap();
        assert_eq!((works(&server, fourth).await, works(&server, fifth).await), (401, 200));

        let kept = provider.database.sql("select * from api_keys").unwrap();
        assert!([&*secret, fourth, fifth].iter().all(|secret| !kept.contains(&secret[10..])), "no secret is kept");

        for _ in 0..2 {
            assert_eq!(Answer::to(server.call(Method::DELETE, "/api/v2/keys/key_2", &admin)).await.status, 204);
        }
        assert_eq!(works(&server, fifth).await, 401);
        assert_eq!(server.get("/api/v2/keys/key_2", &admin).await.json["state"], "revoked");
        for answer in [
            send(&server, Method::PATCH, "/api/v2/keys/key_2", &admin, &json!({"name": "x"})).await,
            server.post_json(rotate, &admin, &json!({})).await,
        ] {
            assert_eq!(problem(&answer), (409, "conflict", ""));
        }
    }

    async fn what_cannot_be_a_key_is_refused(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let anna = provider.customer("Anna Ek").await;
        let admin = provider.key("admin", None).await;
        let many: Vec<String> = (0..51).map(|n| format!("10.0.0.{n}")).collect();
        for (body, expected) in [
            (json!({"scopes": ["admin"]}), (400, "invalid_request", "/name")),
            (json!({"name": "", "scopes": ["admin"]}), (422, "invalid_value", "/name")),
            (json!({"name": "x", "scopes": []}), (422, "invalid_value", "/scopes")),
            (json!({"name": "x", "scopes": ["root"]}), (400, "invalid_request", "/scopes/0")),
            (json!({"name": "x", "scopes": ["admin"], "customer": format!("cus_{anna}")}), (422, "invalid_value", "/scopes")),
            (json!({"name": "x", "scopes": ["read:billing"], "customer": "cus_99"}), (404, "not_found", "")),
            (json!({"name": "x", "scopes": ["admin"], "expiresAt": "2026-11-23T11:00:00Z"}), (422, "invalid_value", "/expiresAt")),
            (json!({"name": "x", "scopes": ["admin"], "addresses": ["host"]}), (422, "invalid_value", "/addresses")),
            (json!({"name": "x", "scopes": ["admin"], "addresses": ["192.0.2.7/24"]}), (422, "invalid_value", "/addresses")),
            (json!({"name": "x", "scopes": ["admin"], "addresses": many}), (422, "invalid_value", "/addresses")),
            (json!({"name": "x", "scopes": ["admin"], "secret": "pn_mine"}), (400, "invalid_request", "/secret")),
        ] {
            let answer = server.post_json(KEYS, &admin, &body).await;
            assert_eq!(problem(&answer), expected, "{body}: {}", answer.text);
        }
        let rotate = |hours: i64| json!({"overlapHours": hours});
        let long = server.post_json("/api/v2/keys/key_1/actions/rotate", &admin, &rotate(721)).await;
        assert_eq!(problem(&long), (422, "invalid_value", "/overlapHours"));
        assert_eq!(server.post_json("/api/v2/keys/key_1/actions/rotate", &admin, &rotate(-1)).await.status, 400);
        for (method, path) in [
            (Method::GET, "/api/v2/keys/key_99"),
            (Method::PATCH, "/api/v2/keys/key_99"),
            (Method::DELETE, "/api/v2/keys/key_99"),
            (Method::POST, "/api/v2/keys/key_99/actions/rotate"),
        ] {
            assert_eq!(Answer::to(server.call(method.clone(), path, &admin)).await.status, 404, "{method} {path}");
        }
        // Staff only, with the scope for it.
        let hers = provider.key("read:keys write:keys", Some(anna)).await;
        let reader = provider.key("read:keys", None).await;
        assert_eq!(server.get(KEYS, &hers).await.status, 403);
        assert_eq!(server.get(KEYS, &reader).await.status, 200);
        assert_eq!(server.post_json(KEYS, &reader, &json!({"name": "x", "scopes": ["read:keys"]})).await.status, 403);
    }

    async fn a_key_gives_no_more_than_its_maker_has(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        provider.key("admin", None).await;
        let maker = provider.key("write:keys read:all", None).await;
        let make = async |scopes: &[&str]| {
            server.post_json(KEYS, &maker, &json!({"name": "x", "scopes": scopes})).await
        };
        assert_eq!(make(&["write:keys", "read:billing"]).await.status, 201);
        for scopes in [&["admin"][..], &["write:all"], &["read:all", "write:billing"]] {
            assert_eq!(problem(&make(scopes).await), (422, "invalid_value", "/scopes"), "{scopes:?}");
        }
        // Nor by way of a key that has more.
        let rotated = server.post_json("/api/v2/keys/key_1/actions/rotate", &maker, &json!({})).await;
        assert_eq!(problem(&rotated), (422, "invalid_value", "/scopes"));
        let opened = send(&server, Method::PATCH, "/api/v2/keys/key_1", &maker, &json!({"addresses": []})).await;
        assert_eq!(problem(&opened), (422, "invalid_value", "/scopes"));
        let raised = send(&server, Method::PATCH, "/api/v2/keys/key_2", &maker, &json!({"scopes": ["admin"]})).await;
        assert_eq!(problem(&raised), (422, "invalid_value", "/scopes"));
    }

    async fn a_key_works_from_its_addresses_only(kind) {
        let provider = Provider::new(kind).await;
        let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        let server = TestServer::start_with(&provider, Limits { trusted_proxies, ..Limits::default() }).await;
        let addresses = vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()];
        let new = NewKey { addresses, ..NewKey::of("panel", "admin".parse().unwrap()) };
        let key = provider.app.create_key(&provider.staff(), new).await.unwrap().secret;
        for (forwarded, status) in [
            (None, 401),
            (Some("192.0.2.9"), 200),
            (Some("198.51.100.1"), 401),
            (Some("192.0.2.9, 198.51.100.1"), 401),
            (Some("198.51.100.1, 192.0.2.9"), 200),
            (Some("2001:db8:7::1"), 200),
        ] {
            let mut request = server.call(Method::GET, PROBE, &key);
            if let Some(forwarded) = forwarded {
                request = request.header("x-forwarded-for", forwarded);
            }
            assert_eq!(Answer::to(request).await.status, status, "{forwarded:?}");
        }
        // Nobody but a trusted proxy tells where a request comes from.
        let plain = TestServer::start(&provider).await;
        let forged = plain.call(Method::GET, PROBE, &key).header("x-forwarded-for", "192.0.2.9");
        assert_eq!(Answer::to(forged).await.status, 401);
    }

    async fn a_test_key_opens_a_sandbox_only(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let admin = provider.key("admin", None).await;
        let made = server.post_json(KEYS, &admin, &json!({"name": "x", "scopes": ["admin"], "isTest": true})).await;
        assert_eq!((made.status, &made.json["isTest"]), (201, &json!(true)));
        let secret = made.json["secret"].as_str().unwrap();
        assert!(secret.starts_with("pn_test_") && secret.len() == 56, "{secret}");
        assert_eq!(works(&server, secret).await, 401, "this is a real installation");
        provider.app.make_sandbox().await.unwrap();
        assert_eq!((works(&server, secret).await, works(&server, &admin).await), (200, 200));
    }

    async fn it_is_told_when_a_key_was_used(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let admin = provider.key("admin", None).await;
        provider.key("read:services", None).await;
        assert_eq!(server.get("/api/v2/keys/key_1", &admin).await.json["lastUsedAt"], Value::Null);
        provider.app.write_key_uses().await.unwrap();
        let used = server.get("/api/v2/keys/key_1", &admin).await;
        assert_eq!(used.json["lastUsedAt"], "2026-11-23T11:00:00.000Z");
        assert_eq!(server.get("/api/v2/keys/key_2", &admin).await.json["lastUsedAt"], Value::Null);
    }

    async fn staff_asks_on_behalf_of_a_customer(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let product = provider.product("Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Ek").await);
        let hers = provider.service(anna, product, date(2026, 12, 1)).await;
        let his = provider.service(bo, product, date(2026, 12, 1)).await;
        let admin = provider.key("admin", None).await;
        let on_behalf = |method: Method, path: &str, customer: &str| {
            Answer::to(server.call(method, path, &admin).header("x-on-behalf-of", customer))
        };
        let renew = |service| format!("/api/services/{service}/renew");
        for customer in [format!("cus_{anna}"), anna.to_string()] {
            assert_eq!(on_behalf(Method::POST, &renew(hers), &customer).await.status, 200);
            assert_eq!(on_behalf(Method::POST, &renew(his), &customer).await.status, 404, "it is not Anna's");
        }
        assert_eq!(on_behalf(Method::GET, "/api/billing/account-summary", &anna.to_string()).await.json["data"]["name"], "Anna Ek");
        let contact = server.call(Method::POST, "/api/account/billing-cc", &admin).header("x-on-behalf-of", anna.to_string());
        let contact = Answer::to(contact.body(r#"{"email":"a@example.com","description":""}"#)).await;
        assert_eq!(contact.status, 200, "{}", contact.text);
        let trail = "select action, actor, on_behalf_of from audit where on_behalf_of is not null order by id";
        let trail = provider.database.sql(trail).unwrap();
        let expected = [format!("service.renewed|key:1|{anna}"), format!("contact.put|key:1|{anna}")];
        assert_eq!(trail.lines().collect::<Vec<_>>(), expected);

        assert_eq!(on_behalf(Method::GET, "/api/v2/runs", &anna.to_string()).await.status, 403, "a customer may not either");
        for nobody in ["cus_99", "99", "0", "inv_1", "", "anna"] {
            assert_eq!(on_behalf(Method::GET, PROBE, nobody).await.status, 400, "{nobody:?}");
        }
        let own = provider.key("read:services", Some(anna)).await;
        let own = server.call(Method::GET, PROBE, &own).header("x-on-behalf-of", anna.to_string());
        assert_eq!(Answer::to(own).await.status, 403);
    }

    async fn keys_of_v1_are_as_documented(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let anna = provider.customer("Anna Ek").await;
        let bo = provider.customer("Bo Ek").await;
        let staff = provider.key("admin", None).await;
        let hers = provider.key("read:keys write:keys read:services", Some(anna)).await;
        let his = provider.key("read:keys write:keys", Some(bo)).await;
        let new = json!({
            "name": "ci", "scopes": ["read:services"], "is_test": false, "description": "builds", "expires_in_days": 30,
            "allowed_dns_zones": [], "dns_permissions": [],
        });
        let made = server.post_json("/api/keys", &hers, &new).await;
        let data = &made.json["data"];
        assert_eq!((made.status, &data["key_id"], &data["name"]), (200, &json!("key_4"), &json!("ci")), "{}", made.text);
        assert_eq!((&data["scopes"], &data["dns_permissions"]), (&json!(["read:services"]), &json!([])));
        assert_eq!((&data["description"], &data["created_at"]), (&json!("builds"), &json!("2026-11-23T11:00:00.000Z")));
        let secret = data["key"].as_str().unwrap();
        assert_eq!(works(&server, secret).await, 200);

        // Her keys are hers, and she makes no others.
        let listed = server.get("/api/keys", &hers).await;
        let ids = |answer: &Answer| -> Vec<String> {
            let keys = answer.json["data"]["keys"].as_array().unwrap();
            keys.iter().map(|key| key["key_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(&listed), ["key_4", "key_2"]);
        assert_eq!(listed.json["data"]["keys"][0]["expires_at"], "2026-12-23T11:00:00.000Z");
        assert_eq!(ids(&server.get("/api/keys", &staff).await), ["key_4", "key_3", "key_2", "key_1"]);
        assert_eq!(ids(&server.get("/api/keys", &his).await), ["key_3"]);
        let detail = server.get("/api/v2/keys/key_4", &staff).await;
        assert_eq!(detail.json["customer"], format!("cus_{anna}"));
        let more = json!({"name": "more", "scopes": ["write:billing"], "is_test": false});
        assert_eq!(server.post_json("/api/keys", &hers, &more).await.status, 400);

        let scopes = server.get("/api/keys/scopes", &hers).await;
        assert!(scopes.json["data"]["scopes"].as_array().unwrap().contains(&json!("read:billing")), "{}", scopes.text);

        let rolled = server.post("/api/keys/key_4/roll", &hers).await;
        assert_eq!((rolled.status, &rolled.json["data"]["key_id"]), (200, &json!("key_4")));
        let fresh = rolled.json["data"]["key"].as_str().unwrap();
        assert_eq!((works(&server, secret).await, works(&server, fresh).await), (200, 200));
        let change = json!({"name": "cd", "scopes": ["read:keys"], "is_active": true, "allowed_dns_zones": [], "dns_permissions": []});
        let changed = send(&server, Method::PUT, "/api/keys/key_4", &hers, &change).await;
        assert_eq!((changed.status, changed.json["data"]["message"].is_string()), (200, true), "{}", changed.text);
        assert_eq!(works(&server, fresh).await, 403, "it may see services no more");

        for (method, path) in [(Method::PUT, "/api/keys/key_4"), (Method::POST, "/api/keys/key_4/roll"), (Method::DELETE, "/api/keys?key_id=key_4")] {
            assert_eq!(send(&server, method.clone(), path, &his, &change).await.status, 404, "{method} {path}");
        }
        for body in [
            json!({"name": "x", "scopes": ["read:services"]}),
            json!({"name": "x", "scopes": ["read:dns"], "is_test": false}),
            json!({"name": "x", "scopes": ["read:services"], "is_test": false, "expires_in_days": 0}),
            json!({"name": "x", "scopes": ["read:services"], "is_test": false, "allowed_dns_zones": ["example.com"]}),
        ] {
            let refused = server.post_json("/api/keys", &hers, &body).await;
            assert_eq!((refused.status, &refused.json["code"]), (400, &json!("BAD_REQUEST")), "{body}");
        }
        for path in ["/api/keys", "/api/keys?key_id=", "/api/keys?key_id=inv_1"] {
            assert_eq!(Answer::to(server.call(Method::DELETE, path, &hers)).await.status, 400, "{path}");
        }
        let deleted = Answer::to(server.call(Method::DELETE, "/api/keys?key_id=key_4", &hers)).await;
        assert_eq!((deleted.status, deleted.json["data"]["message"].is_string()), (200, true));
        assert_eq!((works(&server, secret).await, works(&server, fresh).await), (401, 401));
        let off = json!({"name": "x", "scopes": ["read:services"], "is_active": false});
        assert_eq!(send(&server, Method::PUT, "/api/keys/2", &hers, &off).await.status, 200);
        assert_eq!(works(&server, &hers).await, 401, "it revoked itself");
        let reader = provider.key("read:services", Some(anna)).await;
        assert_eq!(server.get("/api/keys", &reader).await.status, 403);
    }

    async fn an_address_has_a_limit_before_its_key_is_looked_at(kind) {
        let provider = Provider::new(kind).await;
        let limits = Limits {
            per_address: RateLimit(Some(2)),
            trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
            ..Limits::default()
        };
        let server = TestServer::start_with(&provider, limits).await;
        let key = provider.key("admin", None).await;
        let from = |address: &str, path: &str| {
            Answer::to(server.call(Method::GET, path, &key).header("x-forwarded-for", address))
        };
        assert_eq!(from("192.0.2.7", PROBE).await.status, 200);
        assert_eq!(from("192.0.2.7", "/nothing").await.status, 404);
        let refused = from("192.0.2.7", PROBE).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
        assert_eq!((&refused.json["retryAfter"], refused.header("x-ratelimit-limit")), (&json!("60"), ""));
        let refused = from("192.0.2.7", KEYS).await;
        assert_eq!((refused.status, &refused.json["code"]), (429, &json!("too_many_requests")));
        assert_eq!(from("192.0.2.7", "/healthz").await.status, 200, "that is not limited");
        assert_eq!(from("192.0.2.8", PROBE).await.status, 200, "nobody else pays for it");
        // All of a /64 is one.
        let all = [from("2001:db8::1", PROBE).await, from("2001:db8::2", PROBE).await, from("2001:db8::3", PROBE).await];
        assert_eq!(all.map(|answer| answer.status), [200, 200, 429]);
        assert_eq!(from("2001:db8:0:1::1", PROBE).await.status, 200);
    }

    async fn who_guesses_keys_has_to_wait(kind) {
        let provider = Provider::new(kind).await;
        let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        let server = TestServer::start_with(&provider, Limits { trusted_proxies, ..Limits::default() }).await;
        let good = provider.key("admin", None).await;
        let with = |key: &str, address: &str| {
            Answer::to(server.call(Method::GET, PROBE, key).header("x-forwarded-for", address))
        };
        for _ in 0..20 {
            let none = server.request(Method::GET, PROBE).header("x-forwarded-for", "192.0.2.7");
            assert_eq!(Answer::to(none).await.status, 401, "no key is no guess");
        }
        for guess in 0..20 {
            assert_eq!(with(&format!("pn_{guess:048x}"), "192.0.2.7").await.status, 401);
        }
        let refused = with(&good, "192.0.2.7").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "600"), "with a good key too");
        assert_eq!(with(&good, "192.0.2.8").await.status, 200);
        let later = provider.app.clock.now() + jiff::SignedDuration::from_mins(10);
        provider.app.clock.set(later);
        assert_eq!(with(&good, "192.0.2.7").await.status, 200);
    }

    async fn every_answer_tells_browsers_to_keep_and_guess_nothing(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let key = provider.key("admin", None).await;
        for (path, key) in [(PROBE, &*key), ("/api/v2/runs", &*key), ("/nothing", ""), ("/healthz", ""), (PROBE, "")] {
            let answer = server.get(path, key).await;
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("cache-control", "no-store"),
                ("referrer-policy", "no-referrer"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("access-control-allow-origin", ""),
            ] {
                assert_eq!(answer.header(name), value, "{path}: {name}");
            }
        }
    }
}
