//! Money that came in, and money that went back.

use perennial_billing::{CustomerId, DocumentKind, InvoiceId, Money, PaymentId, RefundId, SellerId};
use perennial_store::payments::{self, Payment, Refund};
use perennial_store::settlements::{self, SettledBy};
use perennial_store::{StoreError, customers};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, FAR_DAYS, ODD_TEXTS, Shop, TODAY, at, customer, document, far_instants, noon, sek, seller};

const BERTIL: CustomerId = CustomerId(8);

fn payment(id: i64, reference: &str) -> Payment {
    Payment {
        id: PaymentId(id),
        customer: ASTRID,
        amount: Money::new(100, sek()),
        method: "bank".to_owned(),
        reference: reference.to_owned(),
        paid_on: TODAY,
        at: noon(),
        actor: "cli".to_owned(),
    }
}

fn refund(id: i64, reference: &str) -> Refund {
    let Payment { customer, amount, method, reference, paid_on, at, actor, .. } = payment(id, reference);
    Refund { id: RefundId(id), customer, payment: None, amount, method, reference, paid_on, at, actor }
}

async fn shop_with_two_customers(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let mut tx = shop.begin().await;
    customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
    tx.commit().await.unwrap();
    shop
}

impl Shop {
    async fn record(&self, payments: &[Payment]) {
        let mut tx = self.begin().await;
        for payment in payments {
            payments::insert(&mut tx, self.id(), payment).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

/// What cannot be written at all, by an amount or a customer that cannot be.
fn assert_refused(outcome: Result<(), StoreError>, is_reference: bool) {
    match outcome {
        Err(StoreError::Reference(_)) if is_reference => {}
        Err(StoreError::Statement(_)) if !is_reference => {}
        other => panic!("{other:?}"),
    }
}

on_both_databases! {
    async fn payments_are_read_as_they_were_written(kind) {
        let shop = Shop::new(kind).await;
        let days = FAR_DAYS.into_iter().cycle();
        let instants = far_instants().into_iter().cycle();
        let all: Vec<Payment> = (1..)
            .zip(ODD_TEXTS)
            .zip(days.zip(instants))
            .map(|((id, text), (paid_on, at))| Payment {
                id: PaymentId(i64::MAX - id),
                amount: Money::new(i64::MAX - id, if id % 2 == 0 { sek() } else { "JPY".parse().unwrap() }),
                method: text.to_owned(),
                paid_on,
                at,
                actor: text.to_owned(),
                ..payment(id, text)
            })
            .collect();
        shop.record(&all).await;
        let mut conn = shop.read().await;
        for payment in &all {
            assert_eq!(payments::get(&mut conn, shop.id(), payment.id).await.unwrap().as_ref(), Some(payment));
            let known = payments::known_as(&mut conn, shop.id(), &payment.method, &payment.reference).await.unwrap();
            assert_eq!(known.as_ref(), Some(payment));
        }
        assert_eq!(payments::get(&mut conn, shop.id(), PaymentId(1)).await.unwrap(), None);
        assert_eq!(payments::get(&mut conn, SellerId(2), all[0].id).await.unwrap(), None);
    }

    async fn the_newest_payments_are_found_from_anywhere(kind) {
        let shop = shop_with_two_customers(kind).await;
        let of = |id: i64| Payment {
            customer: if id % 2 == 0 { BERTIL } else { ASTRID },
            ..payment(id, &format!("A-{id}"))
        };
        shop.record(&[1, 2, 3, 4, 5].map(of)).await;
        let mut conn = shop.read().await;
        let table: [(_, _, _, &[i64]); 8] = [
            (None, None, 9, &[5, 4, 3, 2, 1]),
            (None, None, 2, &[5, 4]),
            (None, Some(4), 2, &[3, 2]),
            (None, Some(1), 2, &[]),
            (Some(ASTRID), None, 2, &[5, 3]),
            (Some(ASTRID), Some(3), 2, &[1]),
            (Some(BERTIL), None, 9, &[4, 2]),
            (Some(CustomerId(99)), None, 9, &[]),
        ];
        for (customer, before, limit, expected) in table {
            let before = before.map(PaymentId);
            let found = payments::newest(&mut conn, shop.id(), customer, before, limit).await.unwrap();
            let expected: Vec<Payment> = expected.iter().map(|id| of(*id)).collect();
            assert_eq!(found, expected, "{customer:?} before {before:?}");
        }
        assert_eq!(payments::newest(&mut conn, SellerId(2), None, None, 9).await.unwrap(), []);
    }

    async fn a_payment_comes_in_once(kind) {
        let shop = Shop::new(kind).await;
        shop.open_for(&seller(2)).await;
        shop.stock(SellerId(2), "Astrid Nyman", "Mailbox").await;
        shop.record(&[payment(1, "A-1")]).await;
        let again = payments::insert(&mut shop.begin().await, shop.id(), &payment(2, "A-1")).await;
        assert!(matches!(&again, Err(StoreError::Unique { table, .. }) if table == "payments"), "{again:?}");
        // By another way, under another word, or to another seller it is another one.
        let card = Payment { method: "card".to_owned(), ..payment(2, "A-1") };
        shop.record(&[card.clone(), payment(3, "a-1"), payment(4, "A-1 ")]).await;
        let mut tx = shop.begin().await;
        payments::insert(&mut tx, SellerId(2), &payment(1, "A-1")).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        assert_eq!(payments::known_as(&mut conn, shop.id(), "bank", "A-1").await.unwrap(), Some(payment(1, "A-1")));
        assert_eq!(payments::known_as(&mut conn, shop.id(), "card", "A-1").await.unwrap(), Some(card));
        assert_eq!(payments::known_as(&mut conn, shop.id(), "card", "A-2").await.unwrap(), None);
        assert_eq!(payments::known_as(&mut conn, SellerId(3), "bank", "A-1").await.unwrap(), None);
    }

    async fn of_two_who_record_it_at_once_one_does(kind) {
        let shop = Shop::new(kind).await;
        let record = async |id| {
            let mut tx = shop.begin().await;
            payments::insert(&mut tx, shop.id(), &payment(id, "A-1")).await?;
            tx.commit().await
        };
        let (a, b) = tokio::join!(record(1), record(2));
        let lost: Vec<StoreError> = [a, b].into_iter().filter_map(Result::err).collect();
        assert!(matches!(&lost[..], [StoreError::Unique { table, .. }] if table == "payments"), "{lost:?}");
        assert_eq!(shop.look("select count(*) from payments"), ["1"]);
    }

    async fn nothing_and_less_than_nothing_is_no_payment_and_no_refund(kind) {
        let shop = Shop::new(kind).await;
        for minor in [0, -1, i64::MIN] {
            let amount = Money::new(minor, sek());
            let wrong = Payment { amount, ..payment(1, "A-1") };
            assert_refused(payments::insert(&mut shop.begin().await, shop.id(), &wrong).await, false);
            let wrong = Refund { amount, ..refund(1, "A-1") };
            assert_refused(payments::insert_refund(&mut shop.begin().await, shop.id(), &wrong).await, false);
        }
        let nobody = CustomerId(99);
        let wrong = Payment { customer: nobody, ..payment(1, "A-1") };
        assert_refused(payments::insert(&mut shop.begin().await, shop.id(), &wrong).await, true);
        let wrong = Refund { customer: nobody, ..refund(1, "A-1") };
        assert_refused(payments::insert_refund(&mut shop.begin().await, shop.id(), &wrong).await, true);
        assert_eq!(shop.look("select id from payments union all select id from refunds"), [""; 0]);
    }

    async fn refunds_are_read_as_they_were_written_and_go_once(kind) {
        let shop = Shop::new(kind).await;
        let mut all = Vec::new();
        let mut tx = shop.begin().await;
        for ((id, text), (paid_on, at)) in (1..).zip(ODD_TEXTS).zip(FAR_DAYS.into_iter().zip(far_instants()).cycle()) {
            let new = Refund {
                payment: (id % 2 == 0).then_some(PaymentId(i64::MAX - id)),
                amount: Money::new(i64::MAX - id, sek()),
                method: text.to_owned(),
                actor: text.to_owned(),
                paid_on,
                at,
                ..refund(id, text)
            };
            payments::insert_refund(&mut tx, shop.id(), &new).await.unwrap();
            all.push(new);
        }
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        for refund in &all {
            let known = payments::refund_known_as(&mut conn, shop.id(), &refund.method, &refund.reference).await.unwrap();
            assert_eq!(known.as_ref(), Some(refund));
        }
        assert_eq!(payments::refund_known_as(&mut conn, shop.id(), "bank", "").await.unwrap(), None);
        assert_eq!(payments::refund_known_as(&mut conn, SellerId(2), "", "").await.unwrap(), None);
        drop(conn);
        let mut tx = shop.begin().await;
        payments::insert_refund(&mut tx, shop.id(), &refund(900, "A-1")).await.unwrap();
        // A payment that is known by the same word is another thing.
        payments::insert(&mut tx, shop.id(), &payment(900, "A-1")).await.unwrap();
        let again = payments::insert_refund(&mut tx, shop.id(), &refund(901, "A-1")).await;
        assert!(matches!(&again, Err(StoreError::Unique { table, .. }) if table == "refunds"), "{again:?}");
    }

    async fn money_in_and_out_stands_in_one_list_newest_first(kind) {
        let shop = shop_with_two_customers(kind).await;
        let when = |minute: i64| at(&format!("2026-11-23T11:0{minute}:00Z"));
        let in_at = |id: i64, minute| Payment { at: when(minute), ..payment(id, &format!("in {id}")) };
        shop.record(&[in_at(1, 0), in_at(2, 1), Payment { customer: BERTIL, ..in_at(3, 3) }]).await;
        let back = Refund { payment: Some(PaymentId(2)), at: when(2), ..refund(1, "out 1") };
        let mut tx = shop.begin().await;
        payments::insert_refund(&mut tx, shop.id(), &back).await.unwrap();
        tx.commit().await.unwrap();
        // The first payment paid two invoices.
        let invoices = [shop.issue(&document(DocumentKind::Invoice, 40)).await.id, shop.issue(&document(DocumentKind::Invoice, 40)).await.id];
        let mut tx = shop.begin().await;
        for open in settlements::hold(&mut tx, shop.id(), &invoices).await.unwrap().iter().rev() {
            let amount = Money::new(50, sek());
            settlements::settle(&mut tx, shop.id(), open, amount, SettledBy::Payment, Some(1), noon()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let list = async |customer, limit, offset| {
            let found = payments::transactions(&mut shop.read().await, shop.id(), customer, limit, offset).await.unwrap();
            found.iter().map(|t| (t.id, t.is_refund, t.is_refunded, t.customer, t.invoice)).collect::<Vec<_>>()
        };
        let first = (1, false, false, ASTRID, Some(InvoiceId(1)));
        let second = (2, false, true, ASTRID, None);
        let (bertils, out) = ((3, false, false, BERTIL, None), (1, true, false, ASTRID, None));
        assert_eq!(list(None, 9, 0).await, [bertils, out, second, first]);
        assert_eq!(list(None, 2, 1).await, [out, second]);
        assert_eq!(list(Some(ASTRID), 9, 0).await, [out, second, first]);
        assert_eq!(list(Some(BERTIL), 9, 0).await, [bertils]);
        assert_eq!(list(Some(CustomerId(99)), 9, 0).await, []);
        let whole = payments::transactions(&mut shop.read().await, shop.id(), None, 1, 1).await.unwrap().remove(0);
        assert_eq!((whole.amount, whole.method, whole.reference, whole.at), (back.amount, back.method, back.reference, back.at));
        assert_eq!(payments::transactions(&mut shop.read().await, SellerId(2), None, 9, 0).await.unwrap(), []);
    }
}
