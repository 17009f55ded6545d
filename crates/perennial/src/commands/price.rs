//! `perennial price list|add`.

use anyhow::Result;
use jiff::civil::Date;
use perennial_app::{Actor, AppError, NewPrice};
use perennial_billing::{Currency, Cycle, Money, PriceSource, PriceVersion, ProductId, Quantity, price_on};
use perennial_store::prices::PriceReach;
use perennial_store::{prices, products, sellers};
use serde::Serialize;

use crate::args::{Args, Format, PriceCommand};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    product_id: String,
    product: String,
    cycle: String,
    amount: String,
    currency: String,
    starts: String,
    from_quantity: String,
    /// `past`, `valid` or `coming`.
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    id: String,
    starts: String,
    following: i64,
    keeping: i64,
    own: i64,
}

/// Lists prices, or adds one.
pub async fn run(args: &Args, command: &PriceCommand) -> Result<Exit> {
    match command {
        PriceCommand::List { product, format } => {
            let product = product.as_deref().map(|text| open::id("product", text)).transpose()?;
            list(args, product, format.format).await
        }
        PriceCommand::Add { product, cycle, amount, currency, from, from_quantity, format } => {
            let product: ProductId = open::id("product", product)?;
            let cycle: Cycle = open::id("cycle", cycle)?;
            let currency = currency.as_deref().map(|code| open::id("currency", code)).transpose()?;
            let from_quantity = from_quantity.as_deref().map(|text| open::id("quantity", text)).transpose()?;
            let from = (*from, from_quantity.unwrap_or(Quantity::ZERO));
            add(args, (product, cycle), (amount, currency), from, format.format).await
        }
    }
}

async fn list(args: &Args, of: Option<ProductId>, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let versions = prices::all(&mut conn, caller.seller).await?;
    let products = products::all(&mut conn, caller.seller).await?;
    let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
    drop(conn);
    app.store.close().await;
    let today = app.clock.today(&seller.time_zone);
    if let Some(of) = of.filter(|of| products.iter().all(|known| known.id != *of)) {
        return Err(UsageError(format!("there is no product {of}: `perennial product list` has them all")).into());
    }
    let wanted = versions.iter().filter(|version| of.is_none_or(|of| version.product == of));
    let rows: Vec<Row> = wanted
        .map(|version| Row {
            id: version.id.to_string(),
            product_id: version.product.to_string(),
            product: products
                .iter()
                .find(|known| known.id == version.product)
                .map_or_else(String::new, |p| p.name.clone()),
            cycle: version.cycle.to_string(),
            amount: version.amount.amount().to_string(),
            currency: version.amount.currency.to_string(),
            starts: version.starts.to_string(),
            from_quantity: version.from_quantity.to_string(),
            state: state(&versions, version, today),
        })
        .collect();
    match format {
        Format::Json => output::json(&rows)?,
        Format::Table => {
            let lines = rows.into_iter().map(|row| {
                let price = format!("{} {}", row.amount, row.currency);
                let many = if row.from_quantity == "0" { String::new() } else { row.from_quantity };
                vec![row.id, row.product_id, row.product, row.cycle, price, many, row.starts, row.state.to_owned()]
            });
            output::table(&["id", "product", "", "cycle", "price", "for at least", "from", ""], &[0, 1, 4, 5], lines)?;
        }
    }
    Ok(Exit::Done)
}

/// Whether a version is valid today.
fn state(versions: &[PriceVersion], version: &PriceVersion, today: Date) -> &'static str {
    let (currency, quantity) = (version.amount.currency, version.from_quantity);
    let valid = price_on(versions, version.product, version.cycle, currency, quantity, today);
    match valid {
        _ if version.starts > today => "coming",
        Some(valid) if valid.id == version.id => "valid",
        _ => "past",
    }
}

async fn add(
    args: &Args,
    (product, cycle): (ProductId, Cycle),
    (amount, currency): (&str, Option<Currency>),
    (from, from_quantity): (Option<Date>, Quantity),
    format: Format,
) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
    let known = products::all(&mut conn, caller.seller).await?.into_iter().find(|known| known.id == product);
    drop(conn);
    let currency = currency.unwrap_or(seller.currency);
    let amount = Money::parse(amount, currency).map_err(|error| UsageError(format!("amount {amount:?}: {error}")))?;
    let starts = from.unwrap_or_else(|| app.clock.today(&seller.time_zone));
    let new = NewPrice { product, cycle, amount, starts, from_quantity };
    let version = app.create_price(caller.seller, Actor::Cli, new).await?;
    let reach = app.price_reach(caller.seller, product, cycle, currency).await?;
    app.store.close().await;
    if format == Format::Json {
        let PriceReach { following, keeping, own } = reach;
        output::json(&Added { id: version.id.to_string(), starts: starts.to_string(), following, keeping, own })?;
        return Ok(Exit::Done);
    }
    let many = if from_quantity == Quantity::ZERO { String::new() } else { format!(", for {from_quantity} or more") };
    output::note(format!("Price {}: product {product} costs {amount} for {cycle} from {starts}{many}.", version.id));
    match known.map(|product| product.price_source) {
        Some(PriceSource::Feed(feed)) => output::note(format!(
            "Nothing is billed at it but what keeps it: the product's price comes from the feed {feed}."
        )),
        _ => output::note(told(reach)),
    }
    Ok(Exit::Done)
}

fn told(reach: PriceReach) -> String {
    let following = match reach.following {
        0 => "Nothing that is sold now follows it".to_owned(),
        1 => "1 service or add-on follows it, with its first period from that day on".to_owned(),
        many => format!("{many} services and add-ons follow it, each with its first period from that day on"),
    };
    match (reach.keeping, reach.own) {
        (0, 0) => format!("{following}."),
        (keeping, own) => format!("{following}; {keeping} keep an earlier price, {own} have one of their own."),
    }
}
