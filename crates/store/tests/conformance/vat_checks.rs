//! Checks of VAT numbers.

use jiff::Timestamp;
use perennial_billing::{CustomerId, NumberStatus, SellerId};
use perennial_store::customers::{self, Customer};
use perennial_store::vat_checks::{self, DueNumber, VatCheck};
use perennial_testkit::on_both_databases;

use crate::shop::{ODD_TEXTS, Shop, at, customer, noon, seller};

fn with_number(id: i64, number: &str) -> Customer {
    let mut known = customer(id, "Bertil Berg");
    known.party.vat_number = number.to_owned();
    known
}

fn check(id: i64, number: &str, at: Timestamp, outcome: NumberStatus) -> VatCheck {
    VatCheck {
        id: 0,
        customer: CustomerId(id),
        number: number.to_owned(),
        at,
        checker: "vies.example".to_owned(),
        outcome,
        name: "Berg Oy".to_owned(),
        address: "Kungsgatan 2\nHelsinki".to_owned(),
        consultation: "WAPIAAAA1".to_owned(),
    }
}

async fn shop_with(kind: perennial_testkit::Kind, customers: &[Customer]) -> Shop {
    let shop = Shop::bare(kind).await;
    let mut tx = shop.begin().await;
    customers::upsert(&mut tx, shop.id(), customers).await.unwrap();
    tx.commit().await.unwrap();
    shop
}

on_both_databases! {
    async fn evidence_is_read_as_it_was_written_and_never_changes(kind) {
        let shop = shop_with(kind, &[with_number(1, "FI12345671"), with_number(2, "FI12345671")]).await;
        let mut tx = shop.begin().await;
        let mut written = Vec::new();
        for text in ODD_TEXTS {
            let mut one = check(1, "FI12345671", noon(), NumberStatus::Invalid);
            (one.name, one.address, one.consultation) = (text.to_owned(), text.to_owned(), text.to_owned());
            vat_checks::insert(&mut tx, shop.id(), &mut one).await.unwrap();
            written.insert(0, one);
        }
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        assert_eq!(vat_checks::of_customer(&mut conn, shop.id(), CustomerId(1), 100).await.unwrap(), written);
        assert_eq!(vat_checks::of_customer(&mut conn, shop.id(), CustomerId(1), 2).await.unwrap(), written[..2]);
        assert_eq!(vat_checks::of_customer(&mut conn, shop.id(), CustomerId(2), 100).await.unwrap(), []);
        assert_eq!(vat_checks::of_customer(&mut conn, SellerId(2), CustomerId(1), 100).await.unwrap(), []);
        for meddling in ["update vat_checks set name = ''", "delete from vat_checks"] {
            assert!(shop.database.sql(meddling).unwrap_err().contains("evidence never changes"));
        }
    }

    async fn a_status_is_written_for_the_number_that_was_asked_about(kind) {
        let shop = shop_with(kind, &[with_number(1, "FI12345671")]).await;
        shop.open_for(&seller(2)).await;
        let valid = check(1, "FI12345671", noon(), NumberStatus::Valid);
        let other = VatCheck { number: "FI20774740".to_owned(), ..valid.clone() };
        let mut tx = shop.begin().await;
        assert_eq!(vat_checks::set_status(&mut tx, shop.id(), &other).await.unwrap(), None);
        assert_eq!(vat_checks::set_status(&mut tx, SellerId(2), &valid).await.unwrap(), None);
        assert_eq!(vat_checks::set_status(&mut tx, shop.id(), &valid).await.unwrap(), Some(NumberStatus::Unchecked));
        let invalid = VatCheck { outcome: NumberStatus::Invalid, ..valid };
        assert_eq!(vat_checks::set_status(&mut tx, shop.id(), &invalid).await.unwrap(), Some(NumberStatus::Valid));
        tx.commit().await.unwrap();
        let known = customers::get(&mut shop.read().await, shop.id(), CustomerId(1)).await.unwrap().unwrap();
        assert_eq!((known.vat_number_status, known.vat_checked_at), (NumberStatus::Invalid, Some(noon())));
    }

    async fn what_is_due_comes_in_pages_the_oldest_first(kind) {
        let numbers = [(1, "FI12345671"), (2, "FI20774740"), (3, ""), (4, "DE136695976"), (5, "GB980780684"), (6, "DE811569869")];
        let shop = shop_with(kind, &numbers.map(|(id, number)| with_number(id, number))).await;
        let days = [(1, "2026-09-01T00:00:00Z"), (4, "2026-08-01T00:00:00.000001Z"), (6, "2026-11-01T00:00:00Z")];
        let mut tx = shop.begin().await;
        for (id, day) in days {
            let number = numbers.iter().find(|known| known.0 == id).unwrap().1;
            let done = check(id, number, at(day), NumberStatus::Valid);
            vat_checks::set_status(&mut tx, shop.id(), &done).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        for limit in 1..=5 {
            let (mut found, mut last): (Vec<DueNumber>, Option<DueNumber>) = (Vec::new(), None);
            loop {
                let before = at("2026-11-01T00:00:00Z");
                let page = vat_checks::due(&mut conn, shop.id(), before, last.as_ref(), limit).await.unwrap();
                if page.is_empty() {
                    break;
                }
                last = page.last().cloned();
                found.extend(page);
            }
            assert_eq!(found.iter().map(|due| due.customer.0).collect::<Vec<_>>(), [2, 5, 4, 1], "{limit} a page");
            assert_eq!(found[0].checked_at, None);
            assert_eq!(found[2].checked_at, Some(at(days[1].1)));
            assert_eq!(found[2].number, "DE136695976");
        }
        assert_eq!(vat_checks::due(&mut conn, SellerId(2), noon(), None, 10).await.unwrap(), []);
    }
}
