//! Documentation that the server has in it, and the checked-in copy of it.

use std::path::Path;

use perennial_testkit::{Answer, Provider, TestServer, on_both_databases};
use reqwest::Method;

#[test]
fn the_checked_in_document_is_what_the_code_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api");
    let known = std::fs::read_to_string(folder.join("openapi.json")).unwrap_or_default();
    let hint = "run `cargo run -p perennial -- openapi --folder docs/api`";
    assert!(known == perennial_web::openapi(), "docs/api/openapi.json is old: {hint}");
    for (name, text) in perennial_web::reference() {
        let known = std::fs::read_to_string(folder.join(format!("reference/{name}.md"))).unwrap_or_default();
        assert!(known == text, "docs/api/reference/{name}.md is old: {hint}");
    }
}

on_both_databases! {
    async fn every_page_is_there_as_html_and_as_markdown(kind) {
        let provider = Provider::new(kind).await;
        let server = TestServer::start(&provider).await;
        let get = async |path: &str| Answer::to(server.request(Method::GET, path)).await;
        let index = get("/llms.txt").await;
        assert_eq!((index.status, index.header("content-type")), (200, "text/markdown; charset=utf-8"));
        let places: Vec<&str> = index.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(places.len() > 25, "{places:?}");
        for place in places {
            assert_eq!(get(place).await.status, 200, "{place}");
            if let Some(page) = place.strip_suffix(".md") {
                let page = get(page).await;
                assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{place}");
                assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
                assert!(!page.text.contains("<script") && !page.text.contains("http://") || place.contains("/v"), "{place}");
            }
        }
        assert_eq!(get("/docs").await.status, 200);
        assert_eq!(get("/docs/none").await.status, 404);
        assert_eq!(get("/docs/errors/none").await.status, 404);
        // The page that an error names is there.
        let refused = server.get("/api/v2/runs", "none").await;
        let about = get(refused.json["type"].as_str().unwrap()).await;
        assert!(about.text.contains("unauthorized"), "{}", about.text);
    }
}
