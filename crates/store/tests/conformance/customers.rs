//! Customers.

use jiff::civil::date;
use perennial_billing::{CustomerId, CustomerKind, Invoicing, Rate, TaxCategory, TaxProfile};
use perennial_store::customers::{self, Customer, CustomerParty};
use perennial_testkit::on_both_databases;

use crate::shop::{FAR_DAYS, ODD_TEXTS, Shop, customer};

/// A customer who differs from [`customer`] in every field but the id and the day of joining.
fn company(id: i64) -> Customer {
    Customer {
        id: CustomerId(id),
        party: CustomerParty {
            kind: CustomerKind::Company,
            name: "Bertil Ångström".to_owned(),
            company: "Ångström & Söner AB".to_owned(),
            email: "faktura@angstrom.example".to_owned(),
            address1: "Kungsgatan 2".to_owned(),
            address2: "Box 17".to_owned(),
            postcode: "00100".to_owned(),
            city: "Helsinki".to_owned(),
            country: "FI".to_owned(),
            vat_number: "FI12345671".to_owned(),
        },
        language: "fi".to_owned(),
        currency: "EUR".parse().unwrap(),
        tax_exempt: true,
        invoicing: Some(Invoicing::Separate),
        tax: TaxProfile { category: TaxCategory::AE, rate: Rate::ZERO },
        created_on: date(2020, 2, 29),
    }
}

on_both_databases! {
    async fn customers_are_read_as_they_were_written(kind) {
        let shop = Shop::bare(kind).await;
        let both = [customer(i64::MAX, "Astrid Nyman"), company(1)];
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &both).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let [astrid, bertil] = both;
        assert_eq!(customers::get(&mut conn, shop.id(), CustomerId(i64::MAX)).await.unwrap(), Some(astrid.clone()));
        assert_eq!(customers::get(&mut conn, shop.id(), CustomerId(1)).await.unwrap(), Some(bertil.clone()));
        assert_eq!(customers::get(&mut conn, shop.id(), CustomerId(2)).await.unwrap(), None);
        assert_eq!(customers::all(&mut conn, shop.id()).await.unwrap(), [bertil, astrid]);
    }

    async fn nobody_is_written_and_nobody_is_read(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(customers::all(&mut shop.read().await, shop.id()).await.unwrap(), []);
    }

    async fn a_known_customer_is_changed_and_a_new_one_joins_in_one_go(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        let first = [customer(1, "Astrid Nyman"), customer(2, "Cecilia Dahl")];
        customers::upsert(&mut tx, shop.id(), &first).await.unwrap();
        // Whoever is a customer has been one since the first day: an import cannot rejuvenate Astrid.
        let married = Customer { created_on: date(2026, 11, 23), ..company(1) };
        customers::upsert(&mut tx, shop.id(), &[married, company(3)]).await.unwrap();
        tx.commit().await.unwrap();
        let all = customers::all(&mut shop.read().await, shop.id()).await.unwrap();
        assert_eq!(all, [company(1), customer(2, "Cecilia Dahl"), company(3)]);
    }

    async fn odd_texts_and_far_days_survive(kind) {
        let shop = Shop::bare(kind).await;
        let odd = (1..).zip(ODD_TEXTS).map(|(id, text)| {
            let text = || text.to_owned();
            let party = CustomerParty {
                kind: CustomerKind::Company,
                name: text(),
                company: text(),
                email: text(),
                address1: text(),
                address2: text(),
                postcode: text(),
                city: text(),
                country: text(),
                vat_number: text(),
            };
            Customer { party, language: text(), ..company(id) }
        });
        let far = (100..).zip(FAR_DAYS).map(|(id, created_on)| Customer { created_on, ..customer(id, "Sten Ur") });
        let all: Vec<Customer> = odd.chain(far).collect();
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &all).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(customers::all(&mut shop.read().await, shop.id()).await.unwrap(), all);
    }

    async fn every_tax_category_has_its_word(kind) {
        use TaxCategory::{AE, E, G, K, O, S, Z};
        let shop = Shop::bare(kind).await;
        let taxed = |(id, category)| Customer {
            tax: TaxProfile { category, rate: Rate::from_parts_per_million(id) },
            ..customer(id, "Astrid Nyman")
        };
        let all: Vec<Customer> = (1..).zip([S, Z, E, AE, K, G, O]).map(taxed).collect();
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &all).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(customers::all(&mut shop.read().await, shop.id()).await.unwrap(), all);
    }
}

#[test]
fn a_person_has_first_names_and_a_last_name() {
    let named = |name: &str| CustomerParty { company: String::new(), ..customer(1, name).party };
    assert_eq!(named("Astrid Anna Emilia Lindgren").first_and_last_name(), ("Astrid Anna Emilia", "Lindgren"));
    assert_eq!(named("Madonna").first_and_last_name(), ("Madonna", ""));
    assert_eq!(named("").first_and_last_name(), ("", ""));
}

#[test]
fn a_company_is_shown_by_its_own_name() {
    assert_eq!(company(1).party.display_name(), "Ångström & Söner AB");
    assert_eq!(customer(1, "Astrid Nyman").party.display_name(), "Astrid Nyman");
}
