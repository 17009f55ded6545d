//! A provider of any size, the same every time: what both sides renew.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::{Span, civil::Date};
use perennial_app::{
    Actor, App, Caller, Clock, NewKey, NewPrice, PriceFeeds, ProviderData, Random, Scope, Scopes, demo_seller,
};
use perennial_billing::{
    AddonId, Currency, CustomerId, CustomerKind, Cycle, Invoicing, Money, NumberStatus, PriceSource, ProductId,
    Quantity, Schedule, ServiceId, ServiceStatus, TaxClass,
};
use perennial_store::Store;
use perennial_store::addons::Addon;
use perennial_store::customers::{Customer, CustomerParty};
use perennial_store::products::Product;
use perennial_store::services::Service;

/// Services loaded in one transaction at most, so that a million of them do not stand in memory at once.
const CHUNK_SERVICES: usize = 250_000;
/// Services a customer has.
const SERVICES_PER_CUSTOMER: usize = 3;
/// Every tenth service has one add-on.
const SERVICES_PER_ADDON: usize = 10;
const FIRST_SERVICE: i64 = 20_000;
const FIRST_CUSTOMER: i64 = 30_000;
const FIRST_ADDON: i64 = 700;
/// Days that every month has, so that the floor's calendar in SQL needs no clamping.
const LAST_SAFE_DAY: i8 = 28;
/// Next periods start within this many days.
const DUE_WITHIN_DAYS: usize = 30;
/// Within which a run renews; more than the services renewed before are ahead.
const LEAD_DAYS: u16 = 90;
const MONTHLY: &str = "1m";
/// Decides the order in which services are renewed.
const SEED: u64 = 2026;

/// Id, name, service type, kind, and the monthly price in öre before and since 2024.
type CatalogueRow = (i64, &'static str, i64, &'static str, [i64; 2]);
const CATALOGUE: [CatalogueRow; 4] = [
    (101, "Web Hosting Start", 1, "hosting", [4_900, 5_900]),
    (102, "Web Hosting Plus", 1, "hosting", [9_900, 11_900]),
    (103, "Cloud Server 2 GB", 3, "vps", [8_900, 9_500]),
    (104, "Cloud Server 8 GB", 3, "vps", [29_900, 32_900]),
];
const BACKUP: CatalogueRow = (108, "Daily backup 50 GB", 7, "addon", [3_500, 3_900]);
const PRICES_START: [Date; 2] = [Date::constant(2020, 1, 1), Date::constant(2024, 1, 1)];

const FIRST_NAMES: [&str; 12] =
    ["Astrid", "Björn", "Clara", "Daniel", "Elsa", "Farid", "Greta", "Hugo", "Ines", "Johan", "Katja", "Lars"];
const LAST_NAMES: [&str; 10] =
    ["Almgren", "Bergström", "Dahl", "Ek", "Friis", "Grönlund", "Hakimi", "Isaksson", "Järvinen", "Kowalska"];

/// What was loaded, as far as the measurement needs it.
#[derive(Debug)]
pub struct Provider {
    /// A staff key that may renew.
    pub api_key: String,
    /// Every service, in the order they are to be renewed.
    pub services: Arc<Vec<i64>>,
}

/// What renewing some services must have written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// Invoices.
    pub invoices: i64,
    /// Lines: one for the service and one for its add-on.
    pub lines: i64,
    /// The sum of all totals, with tax.
    pub total_minor: i64,
}

impl Provider {
    /// Loads a provider with this many services into an empty, migrated database.
    pub async fn load(store: Store, services: usize) -> Result<Self> {
        let app = App::new(store, Clock::System, Random::System, PriceFeeds::new(BTreeMap::new(), Random::System)?);
        let mut seller = app.create_seller(Actor::Import, demo_seller()?).await?;
        // Everything is due for a run, and each renewal has an invoice of its own, as the others' have.
        seller.runs.lead_days = LEAD_DAYS;
        seller.runs.invoicing = Invoicing::Separate;
        seller.runs.is_daily = false;
        app.change_seller(Actor::Import, &seller).await?;
        let key = NewKey::of("bench", Scopes::of(&[Scope::WriteBilling]));
        let api_key = app.create_key(&Caller::cli(seller.id), key).await?.secret;
        let today = app.clock.today(&seller.time_zone);
        let mut first = 0;
        while first < services {
            let past = (first + CHUNK_SERVICES).min(services);
            app.load(seller.id, Actor::Import, chunk(first..past, today)?, |_| {}).await?;
            first = past;
        }
        let mut services: Vec<i64> = (0..services).map(service_id).collect();
        shuffle(&mut services)?;
        Ok(Self { api_key, services: Arc::new(services) })
    }
}

impl Expected {
    /// After these services were renewed once.
    pub fn of(services: impl Iterator<Item = i64>) -> Self {
        services.fold(Self::default(), |sum, service| {
            let nth = usize::try_from(service - FIRST_SERVICE).unwrap_or(0);
            let (.., [_, price]) = product_of(nth);
            let (.., [_, backup]) = BACKUP;
            let net = price + if has_addon(nth) { backup } else { 0 };
            // 25 % of a multiple of 100 öre is whole.
            let total = net + net / 4;
            Self {
                invoices: sum.invoices + 1,
                lines: sum.lines + 1 + i64::from(has_addon(nth)),
                total_minor: sum.total_minor + total,
            }
        })
    }
}

fn service_id(nth: usize) -> i64 {
    FIRST_SERVICE + nth as i64
}

fn product_of(nth: usize) -> CatalogueRow {
    CATALOGUE[nth % CATALOGUE.len()]
}

fn has_addon(nth: usize) -> bool {
    nth.is_multiple_of(SERVICES_PER_ADDON)
}

/// An order as callers out in the world would have it: none. Fisher and Yates.
fn shuffle(services: &mut [i64]) -> Result<()> {
    let random = Random::seeded(SEED);
    for place in (1..services.len()).rev() {
        services.swap(place, usize::try_from(random.below(place as u64 + 1)?)?);
    }
    Ok(())
}

fn chunk(range: std::ops::Range<usize>, today: Date) -> Result<ProviderData> {
    let customers = range.start.div_ceil(SERVICES_PER_CUSTOMER)..range.end.div_ceil(SERVICES_PER_CUSTOMER);
    Ok(ProviderData {
        customers: customers.map(|nth| Ok((customer(nth, today)?, Vec::new()))).collect::<Result<_>>()?,
        products: CATALOGUE.iter().chain([&BACKUP]).map(product).collect(),
        prices: CATALOGUE.iter().chain([&BACKUP]).flat_map(prices).collect::<Result<_>>()?,
        services: range.clone().map(|nth| service(nth, today)).collect::<Result<_>>()?,
        addons: range.filter(|nth| has_addon(*nth)).map(addon).collect(),
    })
}

fn product((id, name, service_type, kind, _): &CatalogueRow) -> Product {
    Product {
        id: ProductId(*id),
        name: (*name).to_owned(),
        service_type: *service_type,
        kind: (*kind).to_owned(),
        tax_class: TaxClass::Standard,
        price_source: PriceSource::Catalogue,
        late_payment: None,
    }
}

fn prices((id, .., amounts): &CatalogueRow) -> impl Iterator<Item = Result<NewPrice>> {
    amounts.iter().zip(PRICES_START).map(|(minor, starts)| {
        let amount = Money::new(*minor, sek()?);
        Ok(NewPrice { product: ProductId(*id), cycle: monthly()?, amount, starts, from_quantity: Quantity::ZERO })
    })
}

fn customer(nth: usize, today: Date) -> Result<Customer> {
    let id = FIRST_CUSTOMER + nth as i64;
    let party = CustomerParty {
        kind: CustomerKind::Private,
        name: format!("{} {}", FIRST_NAMES[nth % FIRST_NAMES.len()], LAST_NAMES[nth % LAST_NAMES.len()]),
        company: String::new(),
        email: format!("customer{id}@example.com"),
        address1: format!("Storgatan {}", 1 + nth % 90),
        address2: String::new(),
        postcode: "411 04".to_owned(),
        city: "Göteborg".to_owned(),
        country: "SE".to_owned(),
        vat_number: String::new(),
        exemption_reason: String::new(),
    };
    Ok(Customer {
        id: CustomerId(id),
        party,
        language: "sv".to_owned(),
        currency: sek()?,
        tax_exempt: false,
        vat_number_status: NumberStatus::Unchecked,
        vat_checked_at: None,
        invoicing: None,
        created_on: today,
        version: 1,
    })
}

fn service(nth: usize, today: Date) -> Result<Service> {
    let soon = today.checked_add(Span::new().days((1 + nth % DUE_WITHIN_DAYS) as i64))?;
    let due = soon.with().day(soon.day().min(LAST_SAFE_DAY)).build()?;
    let schedule = Schedule::new(due.checked_sub(Span::new().years(1 + (nth % 4) as i64))?, monthly()?);
    let id = service_id(nth);
    Ok(Service {
        id: ServiceId(id),
        customer: CustomerId(FIRST_CUSTOMER + (nth / SERVICES_PER_CUSTOMER) as i64),
        product: ProductId(product_of(nth).0),
        label: format!("host{id}.example.com"),
        status: ServiceStatus::Active,
        schedule,
        next_period: schedule.number_starting(due).context("a period starts on the due day")?,
        billed_through: Some(due),
        paid_through: Some(due),
        quantity: Quantity::ONE,
        own_price_minor: None,
        own_price_through: None,
        price_kept_on: None,
        discount: None,
        campaign: None,
        auto_renew: true,
        renew_on: None,
        ends_on: None,
    })
}

fn addon(nth: usize) -> Addon {
    Addon {
        id: AddonId(FIRST_ADDON + nth as i64),
        service: ServiceId(service_id(nth)),
        product: ProductId(BACKUP.0),
        quantity: Quantity::ONE,
        own_price_minor: None,
        term: None,
        active: true,
    }
}

fn sek() -> Result<Currency> {
    Ok("SEK".parse()?)
}

fn monthly() -> Result<Cycle> {
    Ok(MONTHLY.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_part_the_customers_between_them() {
        let customers = |range: std::ops::Range<usize>| {
            range.start.div_ceil(SERVICES_PER_CUSTOMER)..range.end.div_ceil(SERVICES_PER_CUSTOMER)
        };
        assert_eq!((customers(0..100), customers(100..200)), (0..34, 34..67));
    }

    #[test]
    fn what_is_expected_is_the_sum_of_prices_and_tax() {
        let with_addon = Expected::of(std::iter::once(FIRST_SERVICE));
        assert_eq!(with_addon, Expected { invoices: 1, lines: 2, total_minor: (5_900 + 3_900) * 5 / 4 });
        let without = Expected::of(std::iter::once(FIRST_SERVICE + 1));
        assert_eq!(without, Expected { invoices: 1, lines: 1, total_minor: 11_900 * 5 / 4 });
    }
}
