//! `perennial product list`.

use anyhow::Result;
use perennial_store::products;
use serde::Serialize;

use crate::args::{Args, Format, ProductCommand};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    kind: String,
    service_type: i64,
    tax_class: String,
    price_source: String,
}

/// Lists what is sold.
pub async fn run(args: &Args, command: &ProductCommand) -> Result<Exit> {
    let ProductCommand::List(format) = command;
    let (app, caller) = open::for_staff(args).await?;
    let products = products::all(&mut app.store.read().await?, caller.seller).await?;
    app.store.close().await;
    let rows = products.into_iter().map(|product| Row {
        id: product.id.to_string(),
        name: product.name,
        kind: product.kind,
        service_type: product.service_type,
        tax_class: product.tax_class,
        price_source: product.price_source.to_string(),
    });
    match format.format {
        Format::Json => output::json(&rows.collect::<Vec<_>>())?,
        Format::Table => {
            let lines = rows.map(|row| {
                let service_type = row.service_type.to_string();
                vec![row.id, row.name, row.kind, service_type, row.tax_class, row.price_source]
            });
            output::table(&["id", "name", "kind", "type", "tax class", "price from"], &[0, 3], lines)?;
        }
    }
    Ok(Exit::Done)
}
