//! Documents as files: PDF and e-invoice.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use perennial_app::Scope;
use perennial_render::einvoice::Syntax;
use serde::Deserialize;

use super::{Query, path_id};
use crate::ApiError;
use crate::context::Context;

/// Which syntax; UBL if it is not said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Ubl,
    Cii,
}

/// The PDF of a document.
pub(crate) async fn pdf(context: Context, path: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    context.require(Scope::ReadBilling)?;
    let file = context.app.paper(&context.caller, path_id("inv_", path)?).await?;
    Ok(download("application/pdf", &file.name, file.paper.bytes))
}

/// The e-invoice of a document.
pub(crate) async fn xml(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    Query(Wanted { format }): Query<Wanted>,
) -> Result<Response, ApiError> {
    context.require(Scope::ReadBilling)?;
    let syntax = match format {
        Format::Ubl => Syntax::Ubl,
        Format::Cii => Syntax::Cii,
    };
    let file = context.app.e_invoice(&context.caller, path_id("inv_", path)?, syntax).await?;
    Ok(download("application/xml", &file.name, file.text.into_bytes()))
}

/// A file with its name. Names are made of letters, digits and hyphens; those outside ASCII are written as RFC 8187 has it.
fn download(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let encoded: String =
        name.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    let disposition = format!("inline; filename*=UTF-8''{encoded}");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response()
}
