//! `/api/v2/customers`: who is billed.

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::NewCustomer;
use perennial_billing::{Currency, CustomerId, CustomerKind, Invoicing, NumberStatus};
use perennial_store::customers::{self, CustomerParty, KnownCustomer};
use perennial_store::sellers;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ROOT;
use crate::ApiError;
use crate::context::Context;
use crate::describe::{Answer, Created, Versioned};
use crate::wire::{At, Cursor, Edit, IfMatch, Json, Limit, Page, Paging, Patch, Query, Text, Word, maybe};

/// The language of a customer of whom none is said.
const DEFAULT_LANGUAGE: &str = "en";

/// Which customers, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomersWanted {
    /// Exactly this address.
    email: Option<String>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

/// A customer to take in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewCustomer")]
pub(crate) struct NewCustomerBody {
    /// Without it, a customer with a company's name is a company.
    kind: Option<Word<CustomerKind>>,
    /// The person's name; a consumer has one.
    #[serde(default)]
    name: String,
    /// The company's name; a company has one.
    #[serde(default)]
    company: String,
    /// Where its invoices are mailed to.
    #[serde(default)]
    email: String,
    #[serde(default)]
    address1: String,
    #[serde(default)]
    address2: String,
    #[serde(default)]
    postcode: String,
    #[serde(default)]
    city: String,
    /// ISO 3166-1, two capitals; the seller's, if it is left out.
    country: Option<String>,
    /// With its country prefix.
    #[serde(default)]
    vat_number: String,
    #[serde(default)]
    tax_exempt: bool,
    /// Why it is exempt from tax, as its invoices have to say.
    #[serde(default)]
    exemption_reason: String,
    /// The language it is written to in (BCP 47); English, if it is left out.
    language: Option<String>,
    /// The currency it is billed in; the seller's, if it is left out.
    currency: Option<Text<Currency>>,
    /// How what falls due together is invoiced; as the seller does, if it is left out.
    invoicing: Option<Word<Invoicing>>,
}

/// What to change; what is left out stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct CustomerChange {
    kind: Edit<Word<CustomerKind>>,
    name: Patch<String>,
    company: Patch<String>,
    email: Patch<String>,
    address1: Patch<String>,
    address2: Patch<String>,
    postcode: Patch<String>,
    city: Patch<String>,
    /// ISO 3166-1, two capitals.
    country: Edit<String>,
    /// With its country prefix. What is known about a number goes with it.
    vat_number: Patch<String>,
    tax_exempt: Edit<bool>,
    exemption_reason: Patch<String>,
    /// BCP 47.
    language: Edit<String>,
    /// Only of a customer without services.
    currency: Edit<Text<Currency>>,
    /// Null for the seller's way.
    invoicing: Patch<Word<Invoicing>>,
    /// A group of the seller's own, by which price campaigns choose.
    group: Patch<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Customer")]
pub(crate) struct Shown {
    id: Text<CustomerId>,
    kind: Word<CustomerKind>,
    name: String,
    company: String,
    /// Where its invoices are mailed to, or empty.
    email: String,
    address1: String,
    address2: String,
    postcode: String,
    city: String,
    /// ISO 3166-1, two capitals.
    country: String,
    vat_number: String,
    /// What a check of the number came to.
    vat_number_status: Word<NumberStatus>,
    vat_checked_at: Option<Text<Timestamp>>,
    tax_exempt: bool,
    exemption_reason: String,
    /// BCP 47.
    language: String,
    currency: Text<Currency>,
    /// How what falls due together is invoiced; null for the seller's way.
    invoicing: Option<Word<Invoicing>>,
    /// The group of the seller's own, or empty; null for a customer's own key.
    group: Option<String>,
    created_on: Text<Date>,
}

/// A page of customers, newest first.
pub(crate) async fn list(
    context: Context,
    Query(wanted): Query<CustomersWanted>,
) -> Result<Answer<Page<Shown>>, ApiError> {
    let paging = Paging::of(wanted.limit, wanted.cursor);
    let (limit, before) = (paging.limit(), paging.after()?.map(CustomerId));
    let mut conn = context.app.store.read().await?;
    let email = wanted.email.as_deref();
    let page = customers::page(&mut conn, context.caller.seller, email, before, limit + 1).await?;
    Ok(Answer(Page::of(page, limit, |known| known.customer.id.0, |known| shown(&context, known))))
}

/// Takes a customer in.
pub(crate) async fn create(context: Context, Json(new): Json<NewCustomerBody>) -> Result<Created<Shown>, ApiError> {
    let (seller, actor) = (context.caller.seller, context.caller.actor);
    let rules = sellers::get(&mut context.app.store.read().await?, seller).await?.ok_or_else(ApiError::internal)?;
    let usual = if new.company.trim().is_empty() { CustomerKind::Private } else { CustomerKind::Company };
    let new = NewCustomer {
        party: CustomerParty {
            kind: new.kind.map_or(usual, |Word(kind)| kind),
            name: new.name,
            company: new.company,
            email: new.email,
            address1: new.address1,
            address2: new.address2,
            postcode: new.postcode,
            city: new.city,
            country: new.country.unwrap_or(rules.party.country),
            vat_number: new.vat_number,
            exemption_reason: new.exemption_reason,
        },
        language: new.language.unwrap_or_else(|| DEFAULT_LANGUAGE.to_owned()),
        currency: new.currency.map_or(rules.currency, |Text(currency)| currency),
        tax_exempt: new.tax_exempt,
        invoicing: new.invoicing.map(|Word(way)| way),
    };
    let customer = context.app.create_customer(seller, actor, new).await?;
    let place = format!("{ROOT}/customers/{}", Text(customer.id));
    Ok(Created { place, body: shown(&context, KnownCustomer { customer, group: String::new() }) })
}

/// One customer.
pub(crate) async fn detail(context: Context, At(id): At<CustomerId>) -> Result<Versioned<Shown>, ApiError> {
    let known = customers::known(&mut context.app.store.read().await?, context.caller.seller, id).await?;
    let known =
        known.filter(|_| context.caller.may_see(id)).ok_or_else(|| ApiError::not_found("Customer not found"))?;
    Ok(Versioned(known.customer.version, shown(&context, known)))
}

/// Changes a customer.
pub(crate) async fn change(
    context: Context,
    At(id): At<CustomerId>,
    IfMatch(expected): IfMatch,
    Json(change): Json<CustomerChange>,
) -> Result<Versioned<Shown>, ApiError> {
    let (seller, actor) = (context.caller.seller, context.caller.actor);
    let changed = context.app.edit_customer(seller, actor, id, expected, |known| change.apply(known)).await?;
    Ok(Versioned(changed.customer.version, shown(&context, changed)))
}

impl CustomerChange {
    fn apply(self, known: &mut KnownCustomer) {
        let KnownCustomer { customer, group } = known;
        let party = &mut customer.party;
        for (field, given) in [
            (&mut party.name, self.name),
            (&mut party.company, self.company),
            (&mut party.email, self.email.map(|email| email.trim().to_owned())),
            (&mut party.address1, self.address1),
            (&mut party.address2, self.address2),
            (&mut party.postcode, self.postcode),
            (&mut party.city, self.city),
            (&mut party.vat_number, self.vat_number.map(|number| number.trim().to_owned())),
            (&mut party.exemption_reason, self.exemption_reason),
            (group, self.group),
        ] {
            given.onto(field);
        }
        self.kind.onto(&mut party.kind, |Word(kind)| kind);
        self.country.onto(&mut party.country, |country| country);
        self.tax_exempt.onto(&mut customer.tax_exempt, |is_exempt| is_exempt);
        self.language.onto(&mut customer.language, |language| language);
        self.currency.onto(&mut customer.currency, |Text(currency)| currency);
        customer.invoicing = self.invoicing.map(|Word(way)| way).over(customer.invoicing);
    }
}

fn shown(context: &Context, known: KnownCustomer) -> Shown {
    let KnownCustomer { customer, group } = known;
    let party = customer.party;
    Shown {
        id: Text(customer.id),
        kind: Word(party.kind),
        name: party.name,
        company: party.company,
        email: party.email,
        address1: party.address1,
        address2: party.address2,
        postcode: party.postcode,
        city: party.city,
        country: party.country,
        vat_number: party.vat_number,
        vat_number_status: Word(customer.vat_number_status),
        vat_checked_at: maybe(customer.vat_checked_at),
        tax_exempt: customer.tax_exempt,
        exemption_reason: party.exemption_reason,
        language: customer.language,
        currency: Text(customer.currency),
        invoicing: customer.invoicing.map(Word),
        group: Some(group).filter(|_| context.caller.customer.is_none()),
        created_on: Text(customer.created_on),
    }
}
