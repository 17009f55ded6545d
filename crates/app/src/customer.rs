//! Taking in a customer and changing one.

use perennial_billing::{Currency, CustomerId, CustomerKind, Invoicing, NumberStatus, SellerId, VatNumber};
use perennial_store::customers::{self, Customer, CustomerParty, KnownCustomer};
use perennial_store::ids::{self, IdKind};
use perennial_store::services::{self, ServiceFilter};
use perennial_store::{Conn, sellers};

use crate::error::{check_country, check_email, check_text, check_vat_number, check_version, refuse};
use crate::{Actor, App, AppError, Caller, Problem, Result};

/// What is needed to take in a customer.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    /// Who it is.
    pub party: CustomerParty,
    /// The language it is written to in (BCP 47).
    pub language: String,
    /// The currency it is billed in.
    pub currency: Currency,
    /// Whether it is exempt from tax.
    pub tax_exempt: bool,
    /// How what falls due together is invoiced; the seller's way if it says nothing.
    pub invoicing: Option<Invoicing>,
}

impl App {
    /// Takes in a customer. How it is taxed follows from the two countries, its kind, its VAT number and its exemption, on the
    /// day of each invoice.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when a field cannot be accepted.
    pub async fn create_customer(&self, seller: SellerId, actor: Actor, new: NewCustomer) -> Result<Customer> {
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let mut customer = Customer {
            id: CustomerId(ids::take(&mut tx, IdKind::Customer, 1).await?[0]),
            party: new.party,
            language: new.language,
            currency: new.currency,
            tax_exempt: new.tax_exempt,
            vat_number_status: NumberStatus::Unchecked,
            vat_checked_at: None,
            invoicing: new.invoicing,
            created_on: self.clock.today(&seller.time_zone),
            version: 1,
        };
        customer.party.email = customer.party.email.trim().to_owned();
        canonical_vat_number(&mut customer.party.vat_number);
        refuse(problems(&customer))?;
        customers::upsert(&mut tx, seller.id, std::slice::from_ref(&customer)).await?;
        self.note(&mut tx, seller.id, actor, "customer.created", "customer", customer.id.0).await?;
        tx.commit().await?;
        Ok(customer)
    }

    /// Changes a customer, whatever it is by now. What is known about a VAT number goes with the number. Invoices that were
    /// issued keep their copy.
    ///
    /// # Errors
    /// As [`App::edit_customer`].
    pub async fn change_customer(&self, seller: SellerId, actor: Actor, changed: Customer) -> Result<Customer> {
        let id = changed.id;
        let edited = self.edit_customer(seller, actor, id, None, |known| known.customer = changed).await?;
        Ok(edited.customer)
    }

    /// Changes what is said of a customer and its group in one go: `edit` is given the customer as it is, and nobody else
    /// changes it meanwhile. With `expected`, only if that is its version still.
    ///
    /// # Errors
    /// [`AppError::Invalid`], [`AppError::NotFound`], [`AppError::Changed`]; [`AppError::Conflict`] for a change of currency
    /// while it has services, because their own prices are in the old one.
    pub async fn edit_customer(
        &self,
        seller: SellerId,
        actor: Actor,
        id: CustomerId,
        expected: Option<i64>,
        edit: impl FnOnce(&mut KnownCustomer) + Send,
    ) -> Result<KnownCustomer> {
        let mut tx = self.store.begin().await?;
        let held = customers::hold(&mut tx, seller, id).await?;
        let known = customers::known(&mut tx, seller, id).await?.filter(|_| held);
        let known = known.ok_or(AppError::NotFound("Customer"))?;
        check_version(expected, known.customer.version)?;
        let mut changed = known.clone();
        edit(&mut changed);
        let KnownCustomer { customer, group } = &mut changed;
        // Those are not for its caller to say.
        (customer.id, customer.version) = (id, known.customer.version);
        if known.customer.currency != customer.currency
            && services::count(&mut tx, seller, ServiceFilter { customer: Some(id), kind: None }).await? > 0
        {
            return Err(AppError::Conflict(format!(
                "customer {id} has services priced in {}; end them before the currency changes",
                known.customer.currency
            )));
        }
        canonical_vat_number(&mut customer.party.vat_number);
        *group = group.trim().to_owned();
        let mut problems = problems(customer);
        check_text(&mut problems, "group", group, false);
        refuse(problems)?;
        if *customer != known.customer {
            customers::upsert(&mut tx, seller, std::slice::from_ref(customer)).await?;
            self.note(&mut tx, seller, actor, "customer.changed", "customer", id.0).await?;
        }
        if *group != known.group {
            customers::set_group(&mut tx, seller, id, group).await?;
            self.note(&mut tx, seller, actor, "customer.grouped", "customer", id.0).await?;
        }
        let written = customers::known(&mut tx, seller, id).await?.ok_or(AppError::NotFound("Customer"))?;
        tx.commit().await?;
        Ok(written)
    }

    /// Puts a customer into a group of the seller's own, by which campaigns choose; an empty one is none.
    ///
    /// # Errors
    /// [`AppError::NotFound`], [`AppError::Invalid`].
    pub async fn set_customer_group(&self, caller: &Caller, customer: CustomerId, group: &str) -> Result<()> {
        let mut problems = Vec::new();
        check_text(&mut problems, "group", group, false);
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        if !customers::set_group(&mut tx, caller.seller, customer, group.trim()).await? {
            return Err(AppError::NotFound("Customer"));
        }
        self.note(&mut tx, caller.seller, caller, "customer.grouped", "customer", customer.0).await?;
        Ok(tx.commit().await?)
    }
}

/// A VAT number as its tax authority writes it; one that is none stays as it is, and is complained about.
pub(crate) fn canonical_vat_number(number: &mut String) {
    if let Ok(known) = number.parse::<VatNumber>() {
        *number = known.to_string();
    }
}

/// What cannot be accepted about a customer; the fields are named as in `customers.csv`.
pub(crate) fn problems(customer: &Customer) -> Vec<Problem> {
    let party = &customer.party;
    let mut problems = Vec::new();
    for (field, text, is_needed) in [
        ("name", &party.name, party.kind == CustomerKind::Private),
        ("company", &party.company, party.kind == CustomerKind::Company),
        ("address1", &party.address1, false),
        ("address2", &party.address2, false),
        ("postcode", &party.postcode, false),
        ("city", &party.city, false),
    ] {
        check_text(&mut problems, field, text, is_needed);
    }
    if !party.email.is_empty() {
        check_email(&mut problems, "email", &party.email);
    }
    check_country(&mut problems, "country", &party.country);
    check_vat_number(&mut problems, "vat_number", &party.vat_number);
    check_text(&mut problems, "exemption_reason", &party.exemption_reason, false);
    let is_language =
        |text: &str| (2..=35).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_language(&customer.language) {
        problems
            .push(Problem::new("language", format!("must be a language tag such as sv, not {:?}", customer.language)));
    }
    problems
}

/// A customer that the caller may see.
pub(crate) async fn visible(conn: &mut Conn, caller: &Caller, id: CustomerId) -> Result<Customer> {
    let known = customers::get(conn, caller.seller, id).await?;
    known.filter(|known| caller.may_see(known.id)).ok_or(AppError::NotFound("Customer"))
}
