//! First answers, and verbs that share a transaction.

use jiff::Timestamp;
use perennial_billing::{ApiKeyId, CustomerId, SellerId};
use perennial_store::answers::{self, Answer};
use perennial_store::keys::{self, ApiKey};
use perennial_store::{StoreError, customers};
use perennial_testkit::on_both_databases;

use crate::shop::{Shop, noon};

const KEY: ApiKeyId = ApiKeyId(1);

async fn shop_with_a_key(kind: perennial_testkit::Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let key = ApiKey {
        seller: shop.seller.id,
        id: KEY,
        name: "test".to_owned(),
        hint: "pn_test".to_owned(),
        scopes: "admin".to_owned(),
        customer: None,
        created_at: noon(),
        expires_at: None,
        revoked_at: None,
        description: String::new(),
        addresses: String::new(),
        is_test: false,
        last_used_at: None,
        previous_until: None,
    };
    let mut tx = shop.store.begin().await.unwrap();
    keys::insert(&mut tx, &key, "hash").await.unwrap();
    tx.commit().await.unwrap();
    shop
}

fn answer(key: &str, at: Timestamp) -> Answer {
    let (fingerprint, headers, body) = ("f".to_owned(), "{}".to_owned(), "[\u{e5}]".to_owned());
    Answer { api_key: KEY, key: key.to_owned(), fingerprint, status: 201, headers, body, at }
}

on_both_databases! {
    async fn an_answer_is_kept_once_and_forgotten_by_age(kind) {
        let shop = shop_with_a_key(kind).await;
        let seller = shop.seller.id;
        let later = noon() + jiff::SignedDuration::from_hours(1);
        let mut tx = shop.store.begin().await.unwrap();
        answers::insert(&mut tx, seller, &answer("a", noon())).await.unwrap();
        answers::insert(&mut tx, seller, &answer("b", later)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = shop.store.begin().await.unwrap();
        let twice = answers::insert(&mut tx, seller, &answer("a", later)).await;
        assert!(matches!(twice, Err(StoreError::Unique { ref table, .. }) if table.starts_with("answers")), "{twice:?}");
        drop(tx);
        let mut conn = shop.store.read().await.unwrap();
        assert_eq!(answers::get(&mut conn, seller, KEY, "a").await.unwrap(), Some(answer("a", noon())));
        assert_eq!(answers::get(&mut conn, seller, ApiKeyId(2), "a").await.unwrap(), None);
        assert_eq!(answers::get(&mut conn, SellerId(9), KEY, "a").await.unwrap(), None);
        drop(conn);
        let mut tx = shop.store.begin().await.unwrap();
        assert_eq!(answers::prune(&mut tx, noon(), 10).await.unwrap(), 0);
        assert_eq!(answers::prune(&mut tx, later, 10).await.unwrap(), 1);
        assert_eq!(answers::prune(&mut tx, later + jiff::SignedDuration::from_secs(1), 0).await.unwrap(), 0);
        tx.commit().await.unwrap();
    }

    async fn verbs_share_a_transaction_and_each_can_fail_by_itself(kind) {
        let shop = shop_with_a_key(kind).await;
        let seller = shop.seller.id;
        let joint = shop.store.jointly();
        let group = async |store: &perennial_store::Store| {
            let sql_sees = customers::get(&mut store.read().await.unwrap(), seller, CustomerId(7)).await.unwrap();
            sql_sees.map(|customer| customer.id)
        };
        assert_eq!(group(&joint).await, Some(CustomerId(7)), "before anything is written it reads as ever");
        // The first verb writes and commits; the second fails; the third writes what the second could not.
        let mut first = joint.begin().await.unwrap();
        answers::insert(&mut first, seller, &answer("one", noon())).await.unwrap();
        assert!(answers::get(&mut first, seller, KEY, "one").await.unwrap().is_some());
        first.commit().await.unwrap();
        let mut second = joint.begin().await.unwrap();
        answers::insert(&mut second, seller, &answer("lost", noon())).await.unwrap();
        assert!(answers::insert(&mut second, seller, &answer("one", noon())).await.is_err());
        drop(second);
        let mut third = joint.begin().await.unwrap();
        assert_eq!(answers::get(&mut third, seller, KEY, "lost").await.unwrap(), None, "undone");
        answers::insert(&mut third, seller, &answer("three", noon())).await.unwrap();
        third.commit().await.unwrap();
        assert!(answers::get(&mut joint.read().await.unwrap(), seller, KEY, "three").await.unwrap().is_some());
        let outside = answers::get(&mut shop.store.read().await.unwrap(), seller, KEY, "one").await.unwrap();
        assert_eq!(outside, None, "nobody else sees it yet");
        let fourth = joint.begin().await.unwrap();
        drop(fourth);
        joint.settle().await.unwrap();
        for key in ["one", "three"] {
            assert!(answers::get(&mut shop.store.read().await.unwrap(), seller, KEY, key).await.unwrap().is_some());
        }
        // What is never settled never was.
        let lost = shop.store.jointly();
        let mut tx = lost.begin().await.unwrap();
        answers::insert(&mut tx, seller, &answer("never", noon())).await.unwrap();
        tx.commit().await.unwrap();
        drop(lost);
        let mut tx = shop.store.begin().await.unwrap();
        assert_eq!(answers::get(&mut tx, seller, KEY, "never").await.unwrap(), None);
    }
}
