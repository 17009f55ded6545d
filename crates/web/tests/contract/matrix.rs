//! Who may call what: every operation of the served document, by every sort of key.

use jiff::civil::date;
use perennial_app::{NewWebhook, Wanted};
use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use perennial_web::Limits;
use reqwest::Method;
use serde_json::Value;

/// An operation that needs a key.
struct Operation {
    method: Method,
    path: String,
    /// One that opens it.
    scope: String,
    is_staff: bool,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let scope = &operation["security"][0]["bearer"][0];
            let Some(scope) = scope.as_str() else { continue };
            let is_staff = operation["description"].as_str().unwrap().contains("for keys of staff");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            found.push(Operation { method, path: path.clone(), scope: scope.to_owned(), is_staff });
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    // First what is about one thing: later, another seller may have made one of its own with the same id.
    found.sort_by_key(|operation| !operation.path.contains('{'));
    found
}

/// The path of the first of each kind of thing, which is Anna's.
fn first(path: &str) -> String {
    let mut filled = String::new();
    for part in path.split('/').skip(1) {
        filled.push('/');
        filled.push_str(if part.starts_with('{') { "1" } else { part });
    }
    filled
}

on_both_databases! {
    async fn no_key_opens_what_is_not_its_own(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        provider.addon(service, product, "1").await;
        let bo = provider.customer("Bo Dahl").await;
        let hook = NewWebhook { url: "https://hooks.example/".to_owned(), description: String::new(), events: Wanted::All };
        provider.app.create_webhook(&provider.staff(), hook).await.unwrap();
        // Each operation is asked from an address of its own, because who guesses keys is locked out.
        let limits = Limits { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..Limits::default() };
        let server = TestServer::start_with(&provider, limits).await;
        let admin = provider.key("admin", None).await;
        server.post(&format!("/api/services/{service}/renew"), &admin).await;
        let expired = provider.expired_key().await;
        let stranger = provider.other_sellers_key("admin").await;
        // All that a customer's key can have.
        let bos = provider.key("read:all write:all", Some(bo)).await;
        let document = Answer::to(server.request(Method::GET, "/api/openapi.json")).await.json;
        // What needs no key shows nothing of Anna's to who has no link, whatever key comes along.
        let mut public = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, _) in methods.as_object().unwrap().iter().filter(|(_, one)| one["security"] == serde_json::json!([])) {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let place = path.replace("{uuid}", "4a56e669-6799-42b5-915a-e87d09b28015");
                for key in [None, Some("pn_000000000000000000000000000000000000000000000000"), Some(&*expired), Some(&*admin)] {
                    let request = server.request(method.clone(), &place).header("x-forwarded-for", "198.51.100.7");
                    let request = key.iter().fold(request, |request, key| request.header("x-api-key", *key));
                    assert_eq!(Answer::to(request).await.status, 404, "{method} {place} with {key:?}");
                }
                public += 1;
            }
        }
        assert_eq!(public, 2, "operations for everybody");
        for (nth, Operation { method, path, scope, is_staff }) in operations(&document).into_iter().enumerate() {
            let place = first(&path);
            let call = async |key: &str| {
                let request = server.call(method.clone(), &place, key).header("content-type", "application/json");
                let request = request.header("x-forwarded-for", format!("192.0.2.{}", nth % 250));
                Answer::to(request.body(if method == Method::GET { "" } else { "{}" })).await
            };
            let shown = format!("{method} {place}");
            assert_eq!(Answer::to(server.request(method.clone(), &place)).await.status, 401, "{shown} without a key");
            assert_eq!(call("pn_000000000000000000000000000000000000000000000000").await.status, 401, "{shown}, unknown");
            assert_eq!(call(&expired).await.status, 401, "{shown}, expired");
            // Every scope but those that open it.
            let alternatives = document["paths"][&path][method.as_str().to_lowercase()]["security"].as_array().unwrap();
            let opening: Vec<&str> = alternatives.iter().filter_map(|one| one["bearer"][0].as_str()).collect();
            let verb = scope.split(':').next().unwrap();
            let wrong = ["read:billing", "write:billing", "read:services", "write:services", "read:customers", "read:audit"]
                .into_iter().filter(|known| !opening.contains(known)).collect::<Vec<_>>().join(" ");
            let wrong = provider.key(&wrong, None).await;
            let refused = call(&wrong).await;
            assert_eq!(refused.status, 403, "{shown} with the scope of something else ({verb}): {}", refused.text);
            let other = call(&bos).await;
            if is_staff {
                assert_eq!(other.status, 403, "{shown} by a customer: {}", other.text);
            } else if path.contains('{') && !path.contains("products") {
                assert!(matches!(other.status, 400 | 404 | 422), "{shown} of Anna by Bo: {} {}", other.status, other.text);
            }
            // Another seller's administrator finds nothing here: what exists is Norrsken's.
            let foreign = call(&stranger).await;
            if path.contains('{') && !path.contains("sellers") && !path.contains("keys") {
                assert!(matches!(foreign.status, 400 | 404 | 422), "{shown} by another seller: {} {}", foreign.status, foreign.text);
            }
            for text in [&other.text, &foreign.text] {
                assert!(!text.contains("Anna") && !text.contains("anna@"), "{shown} tells of Anna: {text}");
            }
        }
        provider.assert_well().await;
    }
}
