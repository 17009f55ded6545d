//! Customers: who is billed.

use jiff::{Timestamp, civil::Date};
use perennial_billing::{
    Country, Currency, CustomerId, CustomerKind, Invoicing, NumberStatus, SellerId, TaxedCustomer,
};
use serde::{Deserialize, Serialize};

use crate::rows::Rows;
use crate::value::{Row, corrupt, params};
use crate::{Conn, Result, Tx};

/// Who is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Who it is, as invoices show it.
    pub party: CustomerParty,
    /// The language it is written to in (BCP 47).
    pub language: String,
    /// The currency it is billed in.
    pub currency: Currency,
    /// Whether it is exempt from tax.
    pub tax_exempt: bool,
    /// What a check of its VAT number came to.
    pub vat_number_status: NumberStatus,
    /// When that was.
    pub vat_checked_at: Option<Timestamp>,
    /// How what falls due together is invoiced; the seller's way if it says nothing.
    pub invoicing: Option<Invoicing>,
    /// Since when it is a customer.
    pub created_on: Date,
    /// Moves with every change; the database's own counting.
    pub version: i64,
}

/// A customer, and what only its seller knows about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCustomer {
    /// Who it is.
    pub customer: Customer,
    /// The group that the seller has put it into, or empty.
    pub group: String,
}

/// The customer as an invoice freezes it (EN 16931 BG-7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerParty {
    /// Consumer or company.
    pub kind: CustomerKind,
    /// The person's name.
    pub name: String,
    /// The company's name, or empty.
    pub company: String,
    /// Where invoices are mailed to, or empty.
    pub email: String,
    /// Street.
    pub address1: String,
    /// Second line.
    pub address2: String,
    /// Postal code.
    pub postcode: String,
    /// City.
    pub city: String,
    /// ISO 3166-1, two capitals.
    pub country: String,
    /// VAT number, or empty.
    pub vat_number: String,
    /// Why it is exempt from tax, as the invoice has to say; or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub exemption_reason: String,
}

impl CustomerParty {
    /// The person's first names and last name: everything before the last space, and what follows it.
    #[must_use]
    pub fn first_and_last_name(&self) -> (&str, &str) {
        self.name.rsplit_once(' ').unwrap_or((&self.name, ""))
    }

    /// The name to show: the company's, or the person's.
    #[must_use]
    pub fn display_name(&self) -> &str {
        if self.company.is_empty() { &self.name } else { &self.company }
    }
}

impl Customer {
    /// What of it decides its tax.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`](crate::StoreError::Corrupt) when its country is none.
    pub fn taxed(&self) -> Result<TaxedCustomer> {
        let party = &self.party;
        let country: Country = party.country.parse().map_err(|error| corrupt("country", &party.country, error))?;
        let prefix = party.vat_number.get(..2);
        let number = prefix.and_then(Country::of_vat_prefix).map(|country| (country, self.vat_number_status));
        Ok(TaxedCustomer {
            number,
            is_exempt: self.tax_exempt,
            ..TaxedCustomer::at(country, &party.postcode, party.kind)
        })
    }
}

/// The columns of a customer, for statements that join it as `c`; its id and version may go by other names there.
pub(crate) fn read(row: &Row, id: &'static str, version: &'static str) -> Result<Customer> {
    Ok(Customer {
        id: CustomerId(row.int(id)?),
        party: CustomerParty {
            kind: row.word("kind", CustomerKind::from_word)?,
            name: row.text("name")?,
            company: row.text("company")?,
            email: row.text("email")?,
            address1: row.text("address1")?,
            address2: row.text("address2")?,
            postcode: row.text("postcode")?,
            city: row.text("city")?,
            country: row.text("country")?,
            vat_number: row.text("vat_number")?,
            exemption_reason: row.text("exemption_reason")?,
        },
        language: row.text("language")?,
        currency: row.parsed("currency")?,
        tax_exempt: row.bool("tax_exempt")?,
        vat_number_status: row.word("vat_number_status", NumberStatus::from_word)?,
        vat_checked_at: row.opt_instant("vat_checked_at")?,
        invoicing: row.opt_word("invoicing", Invoicing::from_word)?,
        created_on: row.date("created_on")?,
        version: row.int(version)?,
    })
}

fn read_known(row: &Row) -> Result<KnownCustomer> {
    Ok(KnownCustomer { customer: read(row, "id", "version")?, group: row.text("customer_group")? })
}

macro_rules! customers_where {
    () => {
        "select id, kind, name, company, email, address1, address2, postcode, city, country, vat_number, language, \
        currency, tax_exempt, exemption_reason, vat_number_status, vat_checked_at, invoicing, created_on, version, \
        customer_group from customers where seller_id = $1 "
    };
}

/// Holds a customer until the transaction ends, so that one after the other changes what it has.
pub async fn hold(tx: &mut Tx, seller: SellerId, id: CustomerId) -> Result<bool> {
    let sql = "select id from customers where seller_id = $1 and id = $2 {for update}";
    Ok(tx.row(sql, params![seller.0, id.0]).await?.is_some())
}

/// The customer with this id.
pub async fn get(conn: &mut Conn, seller: SellerId, id: CustomerId) -> Result<Option<Customer>> {
    Ok(known(conn, seller, id).await?.map(|known| known.customer))
}

/// The customer with this id, and what its seller knows about it.
pub async fn known(conn: &mut Conn, seller: SellerId, id: CustomerId) -> Result<Option<KnownCustomer>> {
    let sql = concat!(customers_where!(), "and id = $2");
    conn.row(sql, params![seller.0, id.0]).await?.map(|row| read_known(&row)).transpose()
}

/// All customers of a seller, by id.
pub async fn all(conn: &mut Conn, seller: SellerId) -> Result<Vec<Customer>> {
    let sql = concat!(customers_where!(), "order by id");
    conn.rows(sql, params![seller.0]).await?.iter().map(|row| read(row, "id", "version")).collect()
}

/// A page of a seller's customers, newest first; only those with exactly this address, if one is given.
pub async fn page(
    conn: &mut Conn,
    seller: SellerId,
    email: Option<&str>,
    before: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<KnownCustomer>> {
    let of_all = concat!(customers_where!(), "and id < $2 order by id desc limit $3");
    let of_address = concat!(customers_where!(), "and id < $2 and email = $4 order by id desc limit $3");
    let mut values = params![seller.0, before.map_or(i64::MAX, |id| id.0), limit];
    let rows = match email {
        Some(email) => {
            values.push(email.into());
            conn.rows(of_address, values).await?
        }
        None => conn.rows(of_all, values).await?,
    };
    rows.iter().map(read_known).collect()
}

/// Puts a customer into a group of the seller's own; an empty one is none. Tells whether there is such a customer.
pub async fn set_group(tx: &mut Tx, seller: SellerId, id: CustomerId, group: &str) -> Result<bool> {
    let sql = "update customers set customer_group = $3, version = version + 1 where seller_id = $1 and id = $2";
    Ok(tx.execute(sql, params![seller.0, id.0, group]).await? == 1)
}

/// Writes customers: new ones at version 1, and what has changed about known ones, which moves their versions. Issued invoices keep their copies. What is known about
/// a VAT number goes with the number.
pub async fn upsert(tx: &mut Tx, seller: SellerId, customers: &[Customer]) -> Result<()> {
    let c = || customers.iter();
    let party = |field: fn(&CustomerParty) -> &String| c().map(move |c| field(&c.party).clone());
    let rows = Rows::new()
        .same("seller_id", seller.0)
        .int("id", c().map(|c| c.id.0))
        .text("kind", c().map(|c| c.party.kind.as_str().to_owned()))
        .text("name", party(|p| &p.name))
        .text("company", party(|p| &p.company))
        .text("email", party(|p| &p.email))
        .text("address1", party(|p| &p.address1))
        .text("address2", party(|p| &p.address2))
        .text("postcode", party(|p| &p.postcode))
        .text("city", party(|p| &p.city))
        .text("country", party(|p| &p.country))
        .text("vat_number", party(|p| &p.vat_number))
        .text("language", c().map(|c| c.language.clone()))
        .text("currency", c().map(|c| c.currency.code().to_owned()))
        .bool("tax_exempt", c().map(|c| c.tax_exempt))
        .text("exemption_reason", party(|p| &p.exemption_reason))
        .text("invoicing", c().map(|c| c.invoicing.map(|way| way.as_str().to_owned())))
        .date("created_on", c().map(|c| c.created_on));
    let sql = "insert into customers (seller_id, id, kind, name, company, email, address1, address2, postcode, city, \
        country, vat_number, language, currency, tax_exempt, exemption_reason, invoicing, created_on) \
        select seller_id, id, kind, name, company, email, address1, address2, postcode, city, country, vat_number, \
        language, currency, tax_exempt, exemption_reason, invoicing, created_on from {rows} where true \
        on conflict (seller_id, id) do update set kind = excluded.kind, name = excluded.name, \
        company = excluded.company, email = excluded.email, address1 = excluded.address1, address2 = excluded.address2, \
        postcode = excluded.postcode, city = excluded.city, country = excluded.country, \
        vat_number = excluded.vat_number, language = excluded.language, currency = excluded.currency, \
        tax_exempt = excluded.tax_exempt, exemption_reason = excluded.exemption_reason, invoicing = excluded.invoicing, \
        vat_number_status = case when customers.vat_number = excluded.vat_number then customers.vat_number_status \
        else 'unchecked' end, vat_checked_at = case when customers.vat_number = excluded.vat_number \
        then customers.vat_checked_at end, version = customers.version + 1";
    tx.execute_with(sql, rows).await?;
    Ok(())
}
