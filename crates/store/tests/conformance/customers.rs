//! Customers.

use jiff::civil::date;
use perennial_billing::{CustomerId, CustomerKind, Invoicing, NumberStatus};
use perennial_store::customers::{self, Customer, CustomerParty};
use perennial_testkit::on_both_databases;

use crate::shop::{FAR_DAYS, ODD_TEXTS, Shop, customer, noon};

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
            exemption_reason: "Article 151".to_owned(),
        },
        language: "fi".to_owned(),
        currency: "EUR".parse().unwrap(),
        tax_exempt: true,
        invoicing: Some(Invoicing::Separate),
        vat_number_status: NumberStatus::Unchecked,
        vat_checked_at: None,
        created_on: date(2020, 2, 29),
        version: 1,
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
        assert_eq!(all, [Customer { version: 2, ..company(1) }, customer(2, "Cecilia Dahl"), company(3)]);
    }

    async fn every_change_moves_the_version(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(1, "Astrid Nyman"), customer(2, "Cecilia Dahl")]).await.unwrap();
        let known = customers::known(&mut tx, shop.id(), CustomerId(1)).await.unwrap().unwrap();
        assert_eq!((known.customer.version, known.group.as_str()), (1, ""));
        // What its caller takes for its version is not written.
        customers::upsert(&mut tx, shop.id(), &[Customer { version: 7, ..customer(1, "Astrid Lind") }]).await.unwrap();
        assert_eq!(customers::get(&mut tx, shop.id(), CustomerId(1)).await.unwrap().unwrap().version, 2);
        assert!(customers::set_group(&mut tx, shop.id(), CustomerId(1), "resellers").await.unwrap());
        let known = customers::known(&mut tx, shop.id(), CustomerId(1)).await.unwrap().unwrap();
        assert_eq!((known.customer.version, known.group.as_str()), (3, "resellers"));
        assert_eq!(customers::get(&mut tx, shop.id(), CustomerId(2)).await.unwrap().unwrap().version, 1);
        assert_eq!(customers::known(&mut tx, shop.id(), CustomerId(3)).await.unwrap(), None);
    }

    async fn customers_are_listed_newest_first_and_found_by_their_address(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        let all = [customer(1, "Astrid Nyman"), company(2), customer(3, "Cecilia Dahl"), company(4)];
        customers::upsert(&mut tx, shop.id(), &all).await.unwrap();
        tx.commit().await.unwrap();
        let page = async |email: Option<&str>, before: Option<i64>, limit| {
            let before = before.map(CustomerId);
            let page = customers::page(&mut shop.read().await, shop.id(), email, before, limit).await.unwrap();
            page.iter().map(|known| known.customer.id.0).collect::<Vec<_>>()
        };
        assert_eq!(page(None, None, 3).await, [4, 3, 2]);
        assert_eq!(page(None, Some(2), 3).await, [1]);
        assert_eq!(page(Some("kund@example.com"), None, 9).await, [3, 1]);
        assert_eq!(page(Some("kund@example.com"), Some(3), 9).await, [1]);
        assert_eq!(page(Some("Kund@example.com"), None, 9).await, [0_i64; 0]);
        assert_eq!(page(Some(""), None, 9).await, [0_i64; 0]);
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
                exemption_reason: text(),
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

    async fn what_is_known_about_a_number_goes_with_it(kind) {
        let shop = Shop::bare(kind).await;
        let write = async |customer: Customer| {
            let mut tx = shop.begin().await;
            customers::upsert(&mut tx, shop.id(), &[customer]).await.unwrap();
            tx.commit().await.unwrap();
        };
        let known = async || {
            let found = customers::get(&mut shop.read().await, shop.id(), CustomerId(1)).await.unwrap().unwrap();
            (found.vat_number_status, found.vat_checked_at)
        };
        // What a caller believes is not written: only a check says what a number is worth.
        let believed = Customer { vat_number_status: NumberStatus::Valid, vat_checked_at: Some(noon()), ..company(1) };
        write(believed).await;
        assert_eq!(known().await, (NumberStatus::Unchecked, None));
        let checked = |status| format!("update customers set vat_number_status = '{status}', vat_checked_at = {}", shop.epoch());
        for (word, status) in [("valid", NumberStatus::Valid), ("invalid", NumberStatus::Invalid)] {
            write(company(1)).await;
            shop.meddle(&checked(word));
            assert_eq!(known().await, (status, Some(jiff::Timestamp::UNIX_EPOCH)));
            write(Customer { language: "sv".to_owned(), ..company(1) }).await;
            assert_eq!(known().await.0, status, "the number is the same");
            let mut another = company(1);
            another.party.vat_number = format!("FI1234567{}", word.len());
            write(another).await;
            assert_eq!(known().await, (NumberStatus::Unchecked, None));
        }
        assert!(shop.database.sql(&checked("maybe")).is_err(), "there are three words");
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
