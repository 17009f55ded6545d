//! Documentation that the server has in it: the OpenAPI document, its reference as pages, and a page for each error. Nothing is
//! loaded from elsewhere, and there is no script.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pulldown_cmark::{Options, Parser, html};

use crate::v2::problem::{Code, PAGES};
use crate::{ApiError, Web, openapi, reference};

const STYLE: &str = include_str!("docs.css");
const MARKDOWN: &str = "text/markdown; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Guides that are written by hand.
const GUIDES: [(&str, &str, &str); 2] = [
    ("v2", "The v2 API", include_str!("../../../docs/api/v2.md")),
    ("v1", "The v1 API", include_str!("../../../docs/api/v1.md")),
];

/// Where all of it is.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/api/openapi.json", get(async || ([(CONTENT_TYPE, "application/json")], openapi::openapi())))
        .route("/docs", get(async |headers: HeaderMap| page(&headers, "Perennial", &index(""), false)))
        .route("/docs/style.css", get(async || ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)))
        .route("/docs/{page}", get(guide))
        .route("/docs/errors/{code}", get(error))
        .route("/llms.txt", get(async || ([(CONTENT_TYPE, MARKDOWN)], index(".md"))))
}

/// What there is to read; with `.md` at the end of each address, or without.
fn index(suffix: &str) -> String {
    let mut text = "# Perennial\n\n> Renewals and invoices of hosting providers: the API.\n\n".to_owned();
    text.push_str("- [OpenAPI 3.1](/api/openapi.json): every operation, for machines\n");
    for (slug, title, _) in GUIDES {
        text.push_str(&format!("- [{title}](/docs/{slug}{suffix}): what holds for every request\n"));
    }
    text.push_str("\n## Reference\n\n");
    for page in reference::pages() {
        text.push_str(&format!("- [{}](/docs/{}{suffix})\n", page.title, page.slug));
    }
    text.push_str("\n## Errors\n\n");
    for code in Code::ALL {
        let word = code.as_str();
        text.push_str(&format!("- [{word}]({PAGES}/{word}{suffix}): {}\n", code.title()));
    }
    text
}

async fn guide(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let (slug, is_markdown) = split(&name);
    if let Some((_, title, text)) = GUIDES.into_iter().find(|(known, ..)| *known == slug) {
        return Ok(page(&headers, title, text, is_markdown));
    }
    let known = reference::pages().iter().find(|page| page.slug == slug);
    let known = known.ok_or_else(|| ApiError::not_found("There is no such page; /docs lists them"))?;
    Ok(page(&headers, &known.title, &known.text, is_markdown))
}

async fn error(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let (word, is_markdown) = split(&name);
    let code = Code::from_word(word).ok_or_else(|| ApiError::not_found("There is no such code; /docs lists them"))?;
    Ok(page(&headers, code.title(), code.page(), is_markdown))
}

/// The name of a page, and whether it is wanted as it is written.
fn split(name: &str) -> (&str, bool) {
    name.strip_suffix(".md").map_or((name, false), |name| (name, true))
}

/// Markdown for who asks for it, HTML for everybody else.
fn page(headers: &HeaderMap, title: &str, text: &str, is_markdown: bool) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if is_markdown || accepts.contains("text/markdown") {
        return ([(CONTENT_TYPE, MARKDOWN), (VARY, "Accept")], text.to_owned()).into_response();
    }
    let mut body = String::new();
    html::push_html(&mut body, Parser::new_ext(text, Options::ENABLE_TABLES));
    let links: String = reference::pages()
        .iter()
        .map(|page| format!("<li><a href=\"/docs/{}\">{}</a></li>", page.slug, escaped(&page.title)))
        .collect();
    let guides: String =
        GUIDES.iter().map(|(slug, title, _)| format!("<li><a href=\"/docs/{slug}\">{title}</a></li>")).collect();
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{} – Perennial</title>\
        <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs/style.css\"></head>\
        <body><nav><a href=\"/docs\"><strong>Perennial</strong></a><ul>{guides}</ul><ul>{links}</ul>\
        <ul><li><a href=\"/api/openapi.json\">OpenAPI</a></li></ul></nav><main>{body}</main></body></html>\n",
        escaped(title)
    );
    let mut response = ([(CONTENT_TYPE, HTML), (VARY, "Accept")], text).into_response();
    let policy =
        HeaderValue::from_static("default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
