//! Reading a provider's data from CSV files, all or nothing.
//!
//! Every bad row is reported with its file, line, column and reason, not only the first; nothing is written while there is
//! one. Ids are kept. A service's `next_due` must be a day on which one of its periods starts; the periods before it count
//! as billed and paid elsewhere.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use jiff::civil::Date;
use perennial_billing::renewal::Term;
use perennial_billing::{
    Currency, CustomerId, CustomerKind, Cycle, Money, NumberStatus, PeriodNumber, PriceSource, ProductId, Quantity,
    Schedule, SellerId, ServiceId, TaxClass,
};
use perennial_store::addons::Addon;
use perennial_store::customers::{self, Customer, CustomerParty};
use perennial_store::products::{self, Product};
use perennial_store::services::{self, Service};

use crate::csv_file::{CsvProblem, CsvRow, Problems, date, rows};
use crate::error::check_email;
use crate::{Actor, App, AppError, LoadReport, NewPrice, ProviderData, customer, price, product, service};

/// Extra recipients of one customer at most.
const MAX_CONTACTS: usize = 20;
/// The files of a folder and their columns. The last ones of some may be left out: see [`CSV_COLUMNS_ADDED`].
pub const CSV_FILES: [(&str, &[&str]); 5] = [
    (
        "customers.csv",
        &[
            "id",
            "kind",
            "name",
            "company",
            "email",
            "cc_emails",
            "address1",
            "address2",
            "postcode",
            "city",
            "country",
            "vat_number",
            "language",
            "currency",
            "tax_exempt",
            "created",
        ],
    ),
    ("products.csv", &["id", "name", "service_type", "kind", "tax_class", "price_source"]),
    ("prices.csv", &["product_id", "cycle", "currency", "amount", "starts", "from_quantity"]),
    (
        "services.csv",
        &[
            "id",
            "customer_id",
            "product_id",
            "label",
            "status",
            "cycle",
            "anchor",
            "next_due",
            "quantity",
            "own_price",
            "auto_renew",
        ],
    ),
    ("addons.csv", &["id", "service_id", "product_id", "quantity", "own_price", "cycle", "anchor", "next_due"]),
];
/// Columns at the end of a file that came later: files without them are read as if they were empty.
pub const CSV_COLUMNS_ADDED: [(&str, usize); 2] = [("prices.csv", 1), ("addons.csv", 3)];

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The files have problems.
    #[error("{total} problems; nothing was imported")]
    Problems {
        /// The first of them, at most [`MAX_PROBLEMS_KEPT`](crate::MAX_PROBLEMS_KEPT).
        problems: Vec<CsvProblem>,
        /// How many there are.
        total: usize,
    },
    /// Writing failed.
    #[error(transparent)]
    App(#[from] AppError),
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Rows written and kept.
    pub report: LoadReport,
    /// Rows in the files.
    pub rows: usize,
}

impl App {
    /// Imports the CSV files of a folder. Rows whose ids are there already stay as they are, so importing twice changes
    /// nothing. `progress` is told how many rows are written of how many.
    ///
    /// # Errors
    /// [`ImportError::Problems`] with every bad row, and nothing is written.
    pub async fn import_csv(
        &self,
        seller: SellerId,
        folder: &Path,
        mut progress: impl FnMut(usize, usize) + Send,
    ) -> Result<Imported, ImportError> {
        let known = self.known(seller).await?;
        let data = known.read(folder)?;
        let rows =
            data.customers.len() + data.products.len() + data.prices.len() + data.services.len() + data.addons.len();
        let report = self.load(seller, Actor::Import, data, |done| progress(done, rows)).await?;
        Ok(Imported { report, rows })
    }

    async fn known(&self, seller: SellerId) -> Result<Known, AppError> {
        let mut conn = self.store.read().await?;
        let customers = customers::all(&mut conn, seller).await?;
        let products = products::all(&mut conn, seller).await?;
        let services = services::all(&mut conn, seller).await?;
        Ok(Known {
            currencies: customers.into_iter().map(|c| (c.id, c.currency)).collect(),
            products: products.into_iter().map(|p| p.id).collect(),
            owners: services.into_iter().map(|s| (s.id, s.customer)).collect(),
            feeds: self.feeds.names().map(str::to_owned).collect(),
        })
    }
}

/// What rows may refer to: what the database has, and what earlier files bring.
struct Known {
    currencies: HashMap<CustomerId, Currency>,
    products: HashSet<ProductId>,
    owners: HashMap<ServiceId, CustomerId>,
    feeds: HashSet<String>,
}

impl Known {
    fn read(mut self, folder: &Path) -> Result<ProviderData, ImportError> {
        let mut problems = Problems::default();
        let [customers, products, prices, services, addons] = CSV_FILES;
        let customers = rows(
            folder,
            customers,
            &mut problems,
            |(customer, _): &(Customer, Vec<String>)| customer.id.to_string(),
            |row| self.customer(row),
        );
        // What the database has stays as it is, so rows of the files are read by it.
        for (customer, _) in &customers {
            self.currencies.entry(customer.id).or_insert(customer.currency);
        }
        let products =
            rows(folder, products, &mut problems, |product: &Product| product.id.to_string(), |row| self.product(row));
        self.products.extend(products.iter().map(|p| p.id));
        let prices = rows(folder, prices, &mut problems, price_key, |row| self.price(row));
        let services =
            rows(folder, services, &mut problems, |service: &Service| service.id.to_string(), |row| self.service(row));
        for service in &services {
            self.owners.entry(service.id).or_insert(service.customer);
        }
        let addons = rows(folder, addons, &mut problems, |addon: &Addon| addon.id.to_string(), |row| self.addon(row));
        match problems.found() {
            Some((problems, total)) => Err(ImportError::Problems { problems, total }),
            None => Ok(ProviderData { customers, products, prices, services, addons }),
        }
    }

    fn customer(&self, row: &mut CsvRow<'_>) -> Option<(Customer, Vec<String>)> {
        let id = row.parsed("id");
        let kind = row.read("kind", |text| CustomerKind::from_word(text).ok_or("must be private or company"));
        let currency: Option<Currency> = row.parsed("currency");
        let is_exempt = row.flag("tax_exempt");
        let created_on = row.date("created");
        let party = CustomerParty {
            kind: kind?,
            name: row.text("name"),
            company: row.text("company"),
            email: row.text("email"),
            address1: row.text("address1"),
            address2: row.text("address2"),
            postcode: row.text("postcode"),
            city: row.text("city"),
            country: row.text("country"),
            vat_number: row.text("vat_number"),
            exemption_reason: String::new(),
        };
        let emails: Vec<String> =
            row.text("cc_emails").split([';', ',', ' ']).filter(|e| !e.is_empty()).map(str::to_lowercase).collect();
        let mut contact_problems = Vec::new();
        emails.iter().for_each(|email| check_email(&mut contact_problems, "cc_emails", email));
        row.report(contact_problems);
        if emails.len() > MAX_CONTACTS {
            row.complain::<()>("cc_emails", format!("are {}, at most {MAX_CONTACTS} are possible", emails.len()));
        }
        let mut customer = Customer {
            id: id?,
            party,
            language: row.text("language"),
            currency: currency?,
            tax_exempt: is_exempt?,
            vat_number_status: NumberStatus::Unchecked,
            vat_checked_at: None,
            invoicing: None,
            created_on: created_on?,
            version: 1,
        };
        if let Some(known) = self.currencies.get(&customer.id).filter(|known| **known != customer.currency) {
            let reason = format!("customer {} is in the database with {known}", customer.id);
            row.complain::<()>("currency", reason);
        }
        customer::canonical_vat_number(&mut customer.party.vat_number);
        row.report(customer::problems(&customer));
        let mut seen = HashSet::new();
        Some((customer, emails.into_iter().filter(|email| seen.insert(email.clone())).collect()))
    }

    fn product(&self, row: &mut CsvRow<'_>) -> Option<Product> {
        let (id, service_type, price_source) =
            (row.parsed("id"), row.parsed("service_type"), row.parsed::<PriceSource>("price_source"));
        if let Some(PriceSource::Feed(name)) = &price_source
            && !self.feeds.contains(name)
        {
            let reason = format!("no price feed `{name}` is configured: add [feeds.{name}] to the configuration");
            row.complain::<()>("price_source", reason);
        }
        let tax_class = row.read("tax_class", |text| {
            TaxClass::from_word(text).ok_or("must be standard, service, goods, exempt, zero or outside")
        });
        let product = Product {
            id: id?,
            name: row.text("name"),
            service_type: service_type?,
            kind: row.text("kind"),
            tax_class: tax_class?,
            late_payment: None,
            price_source: price_source?,
        };
        row.report(product::problems(&product));
        Some(product)
    }

    fn price(&self, row: &mut CsvRow<'_>) -> Option<NewPrice> {
        let (product, cycle, starts) = (self.product_of(row), row.parsed("cycle"), row.date("starts"));
        let currency: Currency = row.parsed("currency")?;
        let amount = row.read("amount", |text| Money::parse(text, currency))?;
        let from_quantity = row.optional("from_quantity", str::parse::<Quantity>)?.unwrap_or(Quantity::ZERO);
        row.report(price::problems(amount, from_quantity));
        Some(NewPrice { product: product?, cycle: cycle?, amount, starts: starts?, from_quantity })
    }

    fn service(&self, row: &mut CsvRow<'_>) -> Option<Service> {
        let (id, status, cycle) = (row.parsed("id"), row.parsed("status"), row.parsed::<Cycle>("cycle"));
        let customer = row.known("customer_id", "customers.csv", |id| self.currencies.contains_key(id));
        let product = self.product_of(row);
        let (anchor, quantity, auto_renew) = (row.date("anchor"), row.quantity(), row.flag("auto_renew"));
        let next_due = row.optional("next_due", date);
        let currency = *self.currencies.get(&customer?)?;
        let own_price = row.optional("own_price", |text| Money::parse(text, currency));
        let schedule = Schedule::new(anchor?, cycle?);
        let next_period = next_period(row, &schedule, next_due?);
        let service = Service {
            id: id?,
            customer: customer?,
            product: product?,
            label: row.text("label"),
            status: status?,
            schedule,
            next_period: next_period?,
            billed_through: next_due?,
            paid_through: next_due?,
            quantity: quantity?,
            own_price_minor: own_price?.map(|price| price.minor),
            own_price_through: None,
            price_kept_on: None,
            discount: None,
            campaign: None,
            auto_renew: auto_renew?,
            renew_on: None,
            ends_on: None,
        };
        row.report(service::problems(&service));
        Some(service)
    }

    fn addon(&self, row: &mut CsvRow<'_>) -> Option<Addon> {
        let (id, quantity) = (row.parsed("id"), row.quantity());
        let service = row.known("service_id", "services.csv", |id| self.owners.contains_key(id));
        let product = self.product_of(row);
        let currency = *self.currencies.get(self.owners.get(&service?)?)?;
        let own_price = row.optional("own_price", |text| Money::parse(text, currency));
        let addon = Addon {
            id: id?,
            service: service?,
            product: product?,
            quantity: quantity?,
            own_price_minor: own_price?.map(|price| price.minor),
            term: own_term(row)?,
            active: true,
        };
        row.report(service::quantity_and_price(addon.quantity, addon.own_price_minor));
        Some(addon)
    }

    fn product_of(&self, row: &mut CsvRow<'_>) -> Option<ProductId> {
        row.known("product_id", "products.csv", |id| self.products.contains(id))
    }
}

/// What makes a price version unique.
fn price_key(price: &NewPrice) -> String {
    let NewPrice { product, cycle, amount, starts, from_quantity } = price;
    let many = if *from_quantity == Quantity::ZERO { String::new() } else { format!(", for {from_quantity}") };
    format!("{product} {cycle} {} from {starts}{many}", amount.currency)
}

/// The periods of its own that an add-on has, if its row names a cycle.
fn own_term(row: &mut CsvRow<'_>) -> Option<Option<Term>> {
    let Some(cycle) = row.optional("cycle", str::parse::<Cycle>)? else { return Some(None) };
    if !cycle.is_recurring() {
        return row.complain("cycle", format!("{cycle} does not recur; leave it empty to bill it with its service"));
    }
    let schedule = Schedule::new(row.date("anchor")?, cycle);
    let next_due = row.date("next_due")?;
    next_period(row, &schedule, Some(next_due)).map(|next_period| Some(Term { schedule, next_period }))
}

/// The period that starts on `next_due`; the first one for a service that has no periods.
fn next_period(row: &mut CsvRow<'_>, schedule: &Schedule, next_due: Option<Date>) -> Option<PeriodNumber> {
    let Schedule { anchor, cycle, .. } = schedule;
    match (cycle.is_recurring(), next_due) {
        (false, None) => Some(PeriodNumber(0)),
        (false, Some(_)) => row.complain("next_due", format!("must be empty, because the cycle is {cycle}")),
        (true, None) => row.complain("next_due", format!("is missing, although the cycle is {cycle}")),
        (true, Some(due)) => schedule.number_starting(due).or_else(|| {
            row.complain("next_due", format!("{due} is not {anchor} plus a whole number of cycles of {cycle}"))
        }),
    }
}
