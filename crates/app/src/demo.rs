//! A believable provider to try the program with: the same one every time, around the given day.

use jiff::{Span, civil::Date, tz::TimeZone};
use perennial_billing::{
    AddonId, Currency, CustomerId, CustomerKind, Cycle, Money, NumberStatus, PriceSource, ProductId, Quantity,
    Schedule, ServiceId, ServiceStatus, TaxClass,
};
use perennial_store::addons::Addon;
use perennial_store::customers::{Customer, CustomerParty};
use perennial_store::products::Product;
use perennial_store::sellers::SellerParty;
use perennial_store::services::Service;

use crate::{AppError, NewPrice, NewSeller, ProviderData, Random, Result};

/// The service that the documented call renews.
pub const DEMO_SERVICE: ServiceId = ServiceId(20_000);

const CUSTOMERS: i64 = 140;
const FIRST_CUSTOMER: i64 = 30_000;
const SEED: u64 = 2026;

type DemoProduct = (i64, &'static str, i64, &'static str, Option<&'static str>, Option<&'static str>);

/// Id, name, v1 service type, kind, and monthly and yearly price in SEK.
const PRODUCTS: [DemoProduct; 8] = [
    (101, "Web Hosting Start", 1, "hosting", Some("59.00"), Some("590.00")),
    (102, "Web Hosting Plus", 1, "hosting", Some("119.00"), Some("1190.00")),
    (103, "Cloud Server 2 GB", 3, "vps", Some("95.00"), Some("1045.00")),
    (104, "Cloud Server 8 GB", 3, "vps", Some("329.00"), Some("3619.00")),
    (105, "Dedicated Server R6", 4, "server", Some("1690.00"), None),
    (106, ".se domain", 5, "domain", None, Some("149.00")),
    (107, ".com domain", 5, "domain", None, Some("189.00")),
    (108, "Daily backup 50 GB", 7, "addon", Some("39.00"), Some("429.00")),
];
const BACKUP: ProductId = ProductId(108);

const FIRST_NAMES: [&str; 12] =
    ["Astrid", "Björn", "Clara", "Daniel", "Elsa", "Farid", "Greta", "Hugo", "Ines", "Johan", "Katja", "Lars"];
const LAST_NAMES: [&str; 10] =
    ["Almgren", "Bergström", "Dahl", "Ek", "Friis", "Grönlund", "Hakimi", "Isaksson", "Järvinen", "Kowalska"];
const COMPANIES: [&str; 10] = [
    "Fjällbageriet AB",
    "Nordan Studio AB",
    "Havsvik Marin AB",
    "Tallkotte Förlag AB",
    "Rimfrost Design AB",
    "Kvarnens Bygg AB",
    "Solstigen Resor AB",
    "Lindö Optik AB",
    "Stenmur Arkitekter AB",
    "Blåsippan Kläder AB",
];
/// Country, city, postcode, a VAT number for companies there.
const PLACES: [(&str, &str, &str, &str); 5] = [
    ("SE", "Göteborg", "411 04", "SE556677889901"),
    ("SE", "Umeå", "903 27", "SE556012345601"),
    ("SE", "Lund", "222 22", ""),
    ("DE", "Hamburg", "20095", "DE123456788"),
    ("NO", "Bergen", "5003", ""),
];

/// The demo's seller.
///
/// # Errors
/// None in practice: its fields are constants of this file.
pub fn demo_seller() -> Result<NewSeller> {
    let party = SellerParty {
        name: "Norrsken Hosting AB".to_owned(),
        address1: "Hamngatan 12".to_owned(),
        postcode: "852 29".to_owned(),
        city: "Sundsvall".to_owned(),
        country: "SE".to_owned(),
        vat_number: "SE556123456701".to_owned(),
        company_number: "556123-4567".to_owned(),
        email: "billing@norrsken.example".to_owned(),
        iban: "SE3550000000054910000003".to_owned(),
        bic: "ESSESESS".to_owned(),
        bankgiro: "5050-1055".to_owned(),
        ..SellerParty::default()
    };
    Ok(NewSeller {
        party,
        currency: constant("SEK")?,
        time_zone: TimeZone::get("Europe/Stockholm").map_err(broken)?,
        tax_rate: None,
        number_pattern: constant(NewSeller::DEFAULT_NUMBER_PATTERN)?,
    })
}

/// The demo's customers, catalogue and a few hundred services, some of them due around `today`.
///
/// # Errors
/// None in practice: its fields are constants of this file.
pub fn demo_data(today: Date) -> Result<ProviderData> {
    let random = Random::seeded(SEED);
    let mut data = ProviderData { products: products(), prices: prices()?, ..ProviderData::default() };
    for nth in 0..CUSTOMERS {
        let customer = demo_customer(&random, nth, today)?;
        for _ in 0..=random.below(4)? {
            let service = demo_service(&random, &data, customer.id, today)?;
            let has_addon = matches!(service.product.0, 101..=104) && random.below(4)? == 0;
            if has_addon || service.id == DEMO_SERVICE {
                data.addons.push(Addon {
                    id: AddonId(700 + i64::try_from(data.addons.len()).unwrap_or(0)),
                    service: service.id,
                    product: BACKUP,
                    quantity: Quantity::ONE,
                    own_price_minor: None,
                    term: None,
                    active: true,
                });
            }
            data.services.push(service);
        }
        data.customers.push((customer, Vec::new()));
    }
    Ok(data)
}

fn products() -> Vec<Product> {
    let product = |(id, name, service_type, kind, ..): DemoProduct| Product {
        id: ProductId(id),
        name: name.to_owned(),
        service_type,
        kind: kind.to_owned(),
        tax_class: TaxClass::Standard,
        late_payment: None,
        price_source: PriceSource::Catalogue,
    };
    PRODUCTS.into_iter().map(product).collect()
}

fn prices() -> Result<Vec<NewPrice>> {
    let sek: Currency = constant("SEK")?;
    let mut prices = Vec::new();
    for (product, _, _, _, monthly, yearly) in PRODUCTS {
        for (cycle, amount) in [("1m", monthly), ("1y", yearly)] {
            if let Some(amount) = amount {
                prices.push(NewPrice {
                    product: ProductId(product),
                    cycle: constant(cycle)?,
                    amount: Money::parse(amount, sek).map_err(broken)?,
                    from_quantity: Quantity::ZERO,
                    starts: Date::constant(2020, 1, 1),
                });
            }
        }
    }
    Ok(prices)
}

fn demo_customer(random: &Random, nth: i64, today: Date) -> Result<Customer> {
    let is_company = nth > 0 && random.below(2)? == 0;
    let place = if nth == 0 { 0 } else { pick(random, PLACES.len())? };
    let (country, city, postcode, vat_number) = PLACES[place];
    let first = FIRST_NAMES[pick(random, FIRST_NAMES.len())?];
    let last = LAST_NAMES[pick(random, LAST_NAMES.len())?];
    let company = if is_company { COMPANIES[pick(random, COMPANIES.len())?] } else { "" };
    let id = FIRST_CUSTOMER + nth;
    let party = CustomerParty {
        kind: if is_company { CustomerKind::Company } else { CustomerKind::Private },
        name: format!("{first} {last}"),
        company: company.to_owned(),
        email: format!("customer{id}@example.com"),
        address1: format!("Storgatan {}", 1 + random.below(90)?),
        address2: String::new(),
        postcode: postcode.to_owned(),
        city: city.to_owned(),
        country: country.to_owned(),
        vat_number: (if is_company { vat_number } else { "" }).to_owned(),
        exemption_reason: String::new(),
    };
    Ok(Customer {
        id: CustomerId(id),
        party,
        language: if country == "SE" { "sv" } else { "en" }.to_owned(),
        currency: constant("SEK")?,
        tax_exempt: false,
        vat_number_status: NumberStatus::Unchecked,
        vat_checked_at: None,
        invoicing: None,
        created_on: days(today, -i64::try_from(random.below(2000)?).unwrap_or(0))?,
        version: 1,
    })
}

fn demo_service(random: &Random, data: &ProviderData, customer: CustomerId, today: Date) -> Result<Service> {
    let id = ServiceId(DEMO_SERVICE.0 + i64::try_from(data.services.len()).unwrap_or(0));
    let is_documented = id == DEMO_SERVICE;
    // Everything but the add-on at the end of the list.
    let product = if is_documented { ProductId(103) } else { data.products[pick(random, PRODUCTS.len() - 1)?].id };
    let cycles: Vec<Cycle> = data.prices.iter().filter(|p| p.product == product).map(|p| p.cycle).collect();
    let cycle = if is_documented { cycles[0] } else { cycles[pick(random, cycles.len())?] };
    // The next period starts within the next weeks for most, and the anchor lies whole cycles before it.
    let due = days(today, if is_documented { 9 } else { i64::try_from(random.below(60)?).unwrap_or(0) })?;
    let years = 1 + i64::try_from(random.below(5)?).unwrap_or(0);
    let anchor = due.checked_sub(Span::new().years(years)).map_err(broken)?;
    let schedule = Schedule::new(anchor, cycle);
    let next_period = schedule.number_starting(due);
    // A 29 February has no day a whole year before it: such a service starts today instead.
    let (schedule, due) = if next_period.is_some() { (schedule, due) } else { (Schedule::new(today, cycle), today) };
    let status = match random.below(20)? {
        _ if is_documented => ServiceStatus::Active,
        0 => ServiceStatus::Suspended,
        1 => ServiceStatus::Cancelled,
        2 => ServiceStatus::Pending,
        _ => ServiceStatus::Active,
    };
    let host = match product.0 {
        103..=105 => format!("host{id}.norrsken.example"),
        107 => format!("shop{id}.com"),
        _ => format!("site{id}.se"),
    };
    Ok(Service {
        id,
        customer,
        product,
        label: host,
        status,
        schedule,
        next_period: next_period.unwrap_or(schedule.first),
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

fn pick(random: &Random, len: usize) -> Result<usize> {
    Ok(usize::try_from(random.below(len as u64)?).unwrap_or(0))
}

fn days(from: Date, count: i64) -> Result<Date> {
    from.checked_add(Span::new().days(count)).map_err(broken)
}

fn constant<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> AppError {
    AppError::Conflict(format!("the demo's data is broken: {error}"))
}
