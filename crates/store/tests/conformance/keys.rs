//! API keys.

use perennial_billing::{ApiKeyId, SellerId};
use perennial_store::StoreError;
use perennial_store::keys::{self, ApiKey};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, ODD_TEXTS, Shop, at, far_instants, noon};

fn staff_key(id: i64) -> ApiKey {
    ApiKey {
        seller: SellerId(1),
        id: ApiKeyId(id),
        name: "Billing desk".to_owned(),
        hint: "pk_live_a1".to_owned(),
        scopes: "read write".to_owned(),
        customer: None,
        created_at: noon(),
        expires_at: None,
        revoked_at: None,
    }
}

async fn put(shop: &Shop, key: &ApiKey, hash: &str) {
    let mut tx = shop.begin().await;
    keys::insert(&mut tx, key, hash).await.unwrap();
    tx.commit().await.unwrap();
}

on_both_databases! {
    async fn a_key_is_found_by_its_hash_only(kind) {
        let shop = Shop::new(kind).await;
        let hers = ApiKey {
            customer: Some(ASTRID),
            expires_at: Some(at("2027-01-01T00:00:00.000001Z")),
            ..staff_key(i64::MAX)
        };
        put(&shop, &hers, "aa").await;
        put(&shop, &staff_key(1), "bb").await;
        let mut conn = shop.read().await;
        assert_eq!(keys::by_hash(&mut conn, "aa").await.unwrap(), Some(hers.clone()));
        assert_eq!(keys::by_hash(&mut conn, "bb").await.unwrap(), Some(staff_key(1)));
        for other in ["", "AA", "a", "aaa", "%", "' or '1'='1"] {
            assert_eq!(keys::by_hash(&mut conn, other).await.unwrap(), None, "{other}");
        }
        assert_eq!(keys::all(&mut conn, shop.id()).await.unwrap(), [staff_key(1), hers]);
    }

    async fn there_may_be_none(kind) {
        let shop = Shop::bare(kind).await;
        assert_eq!(keys::all(&mut shop.read().await, shop.id()).await.unwrap(), []);
    }

    async fn a_revoked_key_keeps_the_time_it_was_revoked_first(kind) {
        let shop = Shop::new(kind).await;
        put(&shop, &staff_key(1), "aa").await;
        put(&shop, &staff_key(2), "bb").await;
        let first = at("2026-11-23T11:00:00.000001Z");
        for when in [first, at("2026-11-24T00:00:00Z")] {
            let mut tx = shop.begin().await;
            assert!(keys::revoke(&mut tx, shop.id(), ApiKeyId(1), when).await.unwrap());
            assert!(!keys::revoke(&mut tx, shop.id(), ApiKeyId(99), when).await.unwrap());
            tx.commit().await.unwrap();
        }
        let all = keys::all(&mut shop.read().await, shop.id()).await.unwrap();
        assert_eq!(all, [ApiKey { revoked_at: Some(first), ..staff_key(1) }, staff_key(2)]);
    }

    async fn no_two_keys_have_one_hash_even_of_two_sellers(kind) {
        let shop = Shop::new(kind).await;
        shop.open_for(&crate::shop::seller(2)).await;
        put(&shop, &staff_key(1), "aa").await;
        let mut tx = shop.begin().await;
        let copy = ApiKey { seller: SellerId(2), ..staff_key(1) };
        let error = keys::insert(&mut tx, &copy, "aa").await.unwrap_err();
        assert!(matches!(&error, StoreError::Unique { table, .. } if table == "api_keys"), "{error}");
    }

    async fn odd_texts_and_far_instants_survive(kind) {
        let shop = Shop::new(kind).await;
        let odd = (1..).zip(ODD_TEXTS).map(|(id, text)| ApiKey {
            name: text.to_owned(),
            hint: text.to_owned(),
            scopes: text.to_owned(),
            ..staff_key(id)
        });
        let far = (100..).zip(far_instants()).map(|(id, when)| ApiKey {
            created_at: when,
            expires_at: Some(when),
            ..staff_key(id)
        });
        let all: Vec<ApiKey> = odd.chain(far).collect();
        for key in &all {
            put(&shop, key, &format!("{} {}", key.id, key.name)).await;
        }
        let mut conn = shop.read().await;
        assert_eq!(keys::all(&mut conn, shop.id()).await.unwrap(), all);
        for key in all {
            let hash = format!("{} {}", key.id, key.name);
            assert_eq!(keys::by_hash(&mut conn, &hash).await.unwrap(), Some(key));
        }
    }
}
