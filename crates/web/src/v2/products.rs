//! `/api/v2/products`: what is sold, and for how much.

use jiff::civil::Date;
use perennial_app::{NewPrice, NewProduct};
use perennial_billing::{
    Currency, Cycle, LatePayment, PriceId, PriceSource, PriceVersion, ProductId, Quantity, TaxClass,
};
use perennial_store::prices;
use perennial_store::products::{self, Product};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created, Versioned};
use crate::wire::{Amount, At, Edit, IfMatch, Json, Page, Paging, Patch, Query, Text, Word};

/// A product to add to the catalogue.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewProduct")]
pub(crate) struct NewProductBody {
    /// As lines of invoices show it.
    name: String,
    /// The provider's own word for what it is, such as hosting, vps or domain.
    kind: String,
    /// The number that v1 shows as `serviceType`.
    #[serde(default)]
    #[schemars(range(min = 0))]
    service_type: i64,
    /// `standard`, if it is left out.
    tax_class: Option<Word<TaxClass>>,
    /// The catalogue, if it is left out.
    price_source: Option<Text<PriceSource>>,
}

/// What to change; what is left out stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ProductChange {
    /// Lines that were issued keep the old one.
    name: Edit<String>,
    kind: Edit<String>,
    #[schemars(range(min = 0))]
    service_type: Edit<i64>,
    tax_class: Edit<Word<TaxClass>>,
    price_source: Edit<Text<PriceSource>>,
    /// Null for the seller's way.
    late_payment: Patch<Word<LatePayment>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Product")]
pub(crate) struct Shown {
    id: Text<ProductId>,
    name: String,
    /// The provider's own word for what it is.
    kind: String,
    /// The number that v1 shows as `serviceType`.
    service_type: i64,
    tax_class: Word<TaxClass>,
    /// Where its current price comes from.
    price_source: Text<PriceSource>,
    /// What becomes of a service's dates when it is paid late; null for the seller's way.
    late_payment: Option<Word<LatePayment>>,
}

/// A price to add. Those that are there stay: a new price is another version with a later start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewPrice")]
pub(crate) struct NewPriceBody {
    cycle: Text<Cycle>,
    /// Of one, for one period, without tax unless the seller's prices contain it.
    amount: Amount,
    currency: Text<Currency>,
    /// The first day it is valid.
    starts: Text<Date>,
    /// From how many on one costs so much: a volume price. Left out for the price that all pay.
    from_quantity: Option<Text<Quantity>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Price")]
pub(crate) struct Priced {
    id: Text<PriceId>,
    product: Text<ProductId>,
    cycle: Text<Cycle>,
    /// Of one, for one period, without tax unless the seller's prices contain it.
    amount: Amount,
    currency: Text<Currency>,
    /// The first day it is valid.
    starts: Text<Date>,
    /// From how many on one costs so much; null for the price that all pay.
    from_quantity: Option<Text<Quantity>>,
}

/// A page of products, newest first.
pub(crate) async fn list(context: Context, Query(paging): Query<Paging>) -> Result<Answer<Page<Shown>>, ApiError> {
    let (limit, before) = (paging.limit(), paging.after()?.map(ProductId));
    let page = products::page(&mut context.app.store.read().await?, context.caller.seller, before, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |product| product.id.0, shown)))
}

/// Adds a product.
pub(crate) async fn create(context: Context, Json(new): Json<NewProductBody>) -> Result<Created<Shown>, ApiError> {
    let new = NewProduct {
        name: new.name,
        service_type: new.service_type,
        kind: new.kind,
        tax_class: new.tax_class.map_or_else(TaxClass::default, |Word(class)| class),
        price_source: new.price_source.map_or(PriceSource::Catalogue, |Text(source)| source),
    };
    let product = context.app.create_product(context.caller.seller, context.caller.actor, new).await?;
    Ok(Created { place: format!("{ROOT}/products/{}", Text(product.id)), body: shown(product) })
}

/// One product.
pub(crate) async fn detail(context: Context, At(id): At<ProductId>) -> Result<Versioned<Shown>, ApiError> {
    let known = products::get(&mut context.app.store.read().await?, context.caller.seller, id).await?;
    let (product, version) = known.ok_or_else(unknown)?;
    Ok(Versioned(version, shown(product)))
}

/// Changes a product.
pub(crate) async fn change(
    context: Context,
    At(id): At<ProductId>,
    IfMatch(expected): IfMatch,
    Json(change): Json<ProductChange>,
) -> Result<Versioned<Shown>, ApiError> {
    let (seller, actor) = (context.caller.seller, context.caller.actor);
    let (product, version) =
        context.app.edit_product(seller, actor, id, expected, |product| change.apply(product)).await?;
    Ok(Versioned(version, shown(product)))
}

/// A page of the price versions of a product, newest first.
pub(crate) async fn prices(
    context: Context,
    At(id): At<ProductId>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Page<Priced>>, ApiError> {
    let (seller, limit) = (context.caller.seller, paging.limit());
    let before = paging.after()?.map(PriceId);
    let mut conn = context.app.store.read().await?;
    products::get(&mut conn, seller, id).await?.ok_or_else(unknown)?;
    let page = prices::page(&mut conn, seller, id, before, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |price| price.id.0, priced)))
}

/// Adds a price version.
pub(crate) async fn create_price(
    context: Context,
    At(id): At<ProductId>,
    Json(new): Json<NewPriceBody>,
) -> Result<Created<Priced>, ApiError> {
    let new = NewPrice {
        product: id,
        cycle: new.cycle.0,
        amount: new.amount.read("amount", new.currency.0)?,
        starts: new.starts.0,
        from_quantity: new.from_quantity.map_or(Quantity::ZERO, |Text(quantity)| quantity),
    };
    let price = context.app.create_price(context.caller.seller, context.caller.actor, new).await?;
    Ok(Created { place: format!("{ROOT}/products/{}/prices", Text(id)), body: priced(price) })
}

impl ProductChange {
    fn apply(self, product: &mut Product) {
        self.name.onto(&mut product.name, |name| name);
        self.kind.onto(&mut product.kind, |kind| kind);
        self.service_type.onto(&mut product.service_type, |number| number);
        self.tax_class.onto(&mut product.tax_class, |Word(class)| class);
        self.price_source.onto(&mut product.price_source, |Text(source)| source);
        product.late_payment = self.late_payment.map(|Word(policy)| policy).over(product.late_payment);
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("Product not found")
}

fn shown(product: Product) -> Shown {
    Shown {
        id: Text(product.id),
        name: product.name,
        kind: product.kind,
        service_type: product.service_type,
        tax_class: Word(product.tax_class),
        price_source: Text(product.price_source),
        late_payment: product.late_payment.map(Word),
    }
}

fn priced(price: PriceVersion) -> Priced {
    Priced {
        id: Text(price.id),
        product: Text(price.product),
        cycle: Text(price.cycle),
        amount: price.amount.into(),
        currency: Text(price.amount.currency),
        starts: Text(price.starts),
        from_quantity: Some(Text(price.from_quantity)).filter(|Text(quantity)| *quantity != Quantity::ZERO),
    }
}
