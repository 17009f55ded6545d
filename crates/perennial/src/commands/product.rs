//! `perennial product list|set`.

use anyhow::{Context as _, Result};
use perennial_app::Actor;
use perennial_billing::ProductId;
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
    tax_class: &'static str,
    price_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_payment: Option<&'static str>,
}

/// Lists what is sold, or changes how it is taxed.
pub async fn run(args: &Args, command: &ProductCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let format = match command {
        ProductCommand::List(format) => format,
        ProductCommand::Set { product, tax_class, late_payment } => {
            let id: ProductId = open::id("product", product)?;
            let known = products::get(&mut app.store.read().await?, caller.seller, id).await?;
            let (mut changed, _) = known.with_context(|| format!("there is no product {id}"))?;
            changed.tax_class = tax_class.map_or(changed.tax_class, Into::into);
            changed.late_payment = late_payment.map_or(changed.late_payment, Into::into);
            app.change_product(caller.seller, Actor::Cli, &changed).await?;
            app.store.close().await;
            let late = changed.late_payment.map_or("as the seller's rules say", |policy| policy.as_str());
            output::note(format!("{}: tax class {}, late payment {late}.", changed.name, changed.tax_class.as_str()));
            return Ok(Exit::Done);
        }
    };
    let products = products::all(&mut app.store.read().await?, caller.seller).await?;
    app.store.close().await;
    let rows = products.into_iter().map(|product| Row {
        id: product.id.to_string(),
        name: product.name,
        kind: product.kind,
        service_type: product.service_type,
        tax_class: product.tax_class.as_str(),
        price_source: product.price_source.to_string(),
        late_payment: product.late_payment.map(|policy| policy.as_str()),
    });
    match format.format {
        Format::Json => output::json(&rows.collect::<Vec<_>>())?,
        Format::Table => {
            let lines = rows.map(|row| {
                let service_type = row.service_type.to_string();
                vec![row.id, row.name, row.kind, service_type, row.tax_class.to_owned(), row.price_source]
            });
            output::table(&["id", "name", "kind", "type", "tax class", "price from"], &[0, 3], lines)?;
        }
    }
    Ok(Exit::Done)
}
