//! `/billing/pay/{uuid}`: what opens at a payment link. A page without script, for whoever has the address; it is kept nowhere
//! and found by no search engine.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use perennial_app::{AppError, FoundLink};
use perennial_render::payment_page::{Places, STYLE, link_over_page, link_unknown_page, payment_page};

use crate::describe::Pdf;
use crate::{ApiError, Web};

/// Where the pages are.
const ROOT: &str = "/billing/pay";
/// Where the way they look is: beside them, so that they need not know what stands before it in an address.
const STYLE_FROM_PAGE: &str = "../style.css";
const STYLE_FROM_PAPER: &str = "../../style.css";
/// No search engine keeps what is there.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The address of a payment link on a server that is found at `base`.
#[must_use]
pub fn payment_link_url(base: &str, uuid: &str) -> String {
    format!("{}{ROOT}/{uuid}", base.trim_end_matches('/'))
}

/// Where all of it is.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/billing/style.css", get(async || ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)))
        .route("/billing/pay/{uuid}", get(page))
        .route("/billing/pay/{uuid}/invoice.pdf", get(paper))
}

/// The document, and how to pay it. That it was opened is counted.
async fn page(State(web): State<Web>, Path(uuid): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    match web.app.open_payment_link(&uuid).await {
        Ok(found) if found.is_valid => {
            let document = web.app.linked_document(&found).await?;
            let pdf = format!("{}/invoice.pdf", found.link.uuid);
            let text = payment_page(&document, Places { style: STYLE_FROM_PAGE, pdf: &pdf });
            Ok(html(StatusCode::OK, text))
        }
        outcome => closed(&web, outcome, &headers, STYLE_FROM_PAGE).await,
    }
}

/// The document as a PDF.
async fn paper(State(web): State<Web>, Path(uuid): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    match web.app.find_payment_link(&uuid).await {
        Ok(found) if found.is_valid => {
            let file = web.app.linked_paper(&found).await?;
            let mut response = Pdf(file.name, file.paper.bytes).into_response();
            response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
            Ok(response)
        }
        outcome => closed(&web, outcome, &headers, STYLE_FROM_PAPER).await,
    }
}

/// What is shown where nothing opens: in the language of the document, or in the browser's where there is none.
async fn closed(
    web: &Web,
    outcome: Result<FoundLink, AppError>,
    headers: &HeaderMap,
    style: &str,
) -> Result<Response, ApiError> {
    match outcome {
        Ok(found) => {
            let document = web.app.linked_document(&found).await?;
            Ok(html(StatusCode::GONE, link_over_page(&document.language, &document.seller, style)))
        }
        Err(AppError::NotFound(_)) => {
            let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let first = accepted.split([',', ';']).next().unwrap_or_default().trim();
            Ok(html(StatusCode::NOT_FOUND, link_unknown_page(first, style)))
        }
        Err(error) => Err(error.into()),
    }
}

fn html(status: StatusCode, text: String) -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY), (ROBOTS, "noindex")];
    let mut response = (status, headers, text).into_response();
    response.extensions_mut().insert(Page);
    response
}

/// An answer that is a page, whatever its status: it keeps its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page;
