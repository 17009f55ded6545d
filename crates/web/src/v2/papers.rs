//! Documents as files: PDF and e-invoice.

use perennial_render::einvoice::Syntax;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ApiError;
use crate::context::Context;
use crate::describe::{Pdf, Xml};
use crate::wire::{At, Query};
use perennial_billing::InvoiceId;

/// Which syntax; UBL if it is not said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Ubl,
    Cii,
}

/// The PDF of a document.
pub(crate) async fn pdf(context: Context, At(id): At<InvoiceId>) -> Result<Pdf, ApiError> {
    let file = context.app.paper(&context.caller, id).await?;
    Ok(Pdf(file.name, file.paper.bytes))
}

/// The e-invoice of a document.
pub(crate) async fn xml(
    context: Context,
    At(id): At<InvoiceId>,
    Query(Wanted { format }): Query<Wanted>,
) -> Result<Xml, ApiError> {
    let syntax = match format {
        Format::Ubl => Syntax::Ubl,
        Format::Cii => Syntax::Cii,
    };
    let file = context.app.e_invoice(&context.caller, id, syntax).await?;
    Ok(Xml(file.name, file.text.into_bytes()))
}
