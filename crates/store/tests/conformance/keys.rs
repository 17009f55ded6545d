//! API keys.

use perennial_billing::{ApiKeyId, CustomerId, SellerId};
use perennial_store::StoreError;
use perennial_store::keys::{self, ApiKey, FoundKey};
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
        is_test: false,
        description: String::new(),
        addresses: String::new(),
        previous_until: None,
        last_used_at: None,
    }
}

/// A key that is found by its present secret.
fn found(key: ApiKey) -> Option<FoundKey> {
    Some(FoundKey { key, until: None })
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
            is_test: true,
            description: "For the panel, \u{1f511}".to_owned(),
            addresses: "192.0.2.0/24 2001:db8::1".to_owned(),
            ..staff_key(i64::MAX)
        };
        put(&shop, &hers, "aa").await;
        put(&shop, &staff_key(1), "bb").await;
        let mut conn = shop.read().await;
        assert_eq!(keys::by_hash(&mut conn, "aa").await.unwrap(), found(hers.clone()));
        assert_eq!(keys::by_hash(&mut conn, "bb").await.unwrap(), found(staff_key(1)));
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

    async fn pages_begin_with_the_newest_and_may_be_of_one_customer(kind) {
        let shop = Shop::new(kind).await;
        shop.open_for(&crate::shop::seller(2)).await;
        for id in 1..=5 {
            let customer = (id % 2 == 0).then_some(ASTRID);
            put(&shop, &ApiKey { customer, ..staff_key(id) }, &format!("h{id}")).await;
        }
        put(&shop, &ApiKey { seller: SellerId(2), ..staff_key(9) }, "other").await;
        let mut conn = shop.read().await;
        for (customer, before, limit, expected) in [
            (None, None, 9, &[5, 4, 3, 2, 1][..]),
            (None, None, 2, &[5, 4]),
            (None, Some(4), 2, &[3, 2]),
            (None, Some(1), 2, &[]),
            (Some(ASTRID), None, 9, &[4, 2]),
            (Some(ASTRID), Some(4), 9, &[2]),
            (Some(CustomerId(99)), None, 9, &[]),
        ] {
            let page = keys::page(&mut conn, shop.id(), customer, before.map(ApiKeyId), limit).await.unwrap();
            assert_eq!(page.iter().map(|key| key.id.0).collect::<Vec<_>>(), expected, "{customer:?} {before:?} {limit}");
        }
        assert_eq!(keys::get(&mut conn, shop.id(), ApiKeyId(5)).await.unwrap(), Some(staff_key(5)));
        assert_eq!(keys::get(&mut conn, shop.id(), ApiKeyId(9)).await.unwrap(), None, "another seller's");
        assert_eq!(keys::count_of_customer(&mut conn, shop.id(), ASTRID).await.unwrap(), 2);
        drop(conn);
        let mut tx = shop.begin().await;
        assert_eq!(keys::hold(&mut tx, shop.id(), ApiKeyId(5)).await.unwrap(), Some(staff_key(5)));
        assert_eq!(keys::hold(&mut tx, shop.id(), ApiKeyId(9)).await.unwrap(), None);
        keys::revoke(&mut tx, shop.id(), ApiKeyId(2), noon()).await.unwrap();
        assert_eq!(keys::count_of_customer(&mut tx, shop.id(), ASTRID).await.unwrap(), 1, "what is revoked does not count");
        assert_eq!(keys::count_of_customer(&mut tx, SellerId(2), ASTRID).await.unwrap(), 0);
    }

    async fn what_may_change_of_a_key_is_changed(kind) {
        let shop = Shop::new(kind).await;
        put(&shop, &staff_key(1), "aa").await;
        put(&shop, &staff_key(2), "bb").await;
        let changed = ApiKey {
            name: "Desk".to_owned(),
            description: "Upstairs".to_owned(),
            scopes: "read:billing".to_owned(),
            addresses: "192.0.2.7".to_owned(),
            expires_at: Some(noon()),
            ..staff_key(1)
        };
        let mut tx = shop.begin().await;
        assert!(keys::change(&mut tx, &changed).await.unwrap());
        assert!(!keys::change(&mut tx, &staff_key(99)).await.unwrap());
        assert!(!keys::change(&mut tx, &ApiKey { seller: SellerId(2), ..staff_key(2) }).await.unwrap());
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        assert_eq!(keys::all(&mut conn, shop.id()).await.unwrap(), [changed.clone(), staff_key(2)]);
        assert_eq!(keys::by_hash(&mut conn, "aa").await.unwrap(), found(changed), "the secret stays");
    }

    async fn a_rotated_key_is_found_by_its_last_two_secrets(kind) {
        let shop = Shop::new(kind).await;
        put(&shop, &staff_key(1), "aa").await;
        let rotate = async |hash: &str, until| {
            let mut tx = shop.begin().await;
            assert!(keys::rotate(&mut tx, shop.id(), ApiKeyId(1), hash, "pn_new", until).await.unwrap());
            assert!(!keys::rotate(&mut tx, shop.id(), ApiKeyId(99), "zz", "pn_new", until).await.unwrap());
            tx.commit().await.unwrap();
        };
        let look = async |hash: &str| keys::by_hash(&mut shop.read().await, hash).await.unwrap();
        let until = Some(at("2026-11-24T11:00:00.000001Z"));
        let rotated = ApiKey { hint: "pn_new".to_owned(), previous_until: until, ..staff_key(1) };
        rotate("bb", until).await;
        assert_eq!(look("bb").await, found(rotated.clone()));
        assert_eq!(look("aa").await, Some(FoundKey { key: rotated.clone(), until }));
        rotate("cc", until).await;
        assert_eq!((look("cc").await, look("aa").await), (found(rotated.clone()), None), "only the one before");
        assert_eq!(look("bb").await, Some(FoundKey { key: rotated.clone(), until }));
        rotate("dd", None).await;
        assert_eq!(look("dd").await, found(ApiKey { previous_until: None, ..rotated }));
        assert_eq!((look("cc").await, look("bb").await), (None, None));
    }

    async fn the_last_use_only_goes_on(kind) {
        let shop = Shop::new(kind).await;
        put(&shop, &staff_key(1), "aa").await;
        put(&shop, &staff_key(2), "bb").await;
        let (early, late) = (at("2026-11-23T11:00:00.000001Z"), at("2026-11-23T12:00:00Z"));
        for (uses, expected) in [
            (vec![], None),
            (vec![(shop.id(), ApiKeyId(1), early), (shop.id(), ApiKeyId(99), early)], Some(early)),
            (vec![(shop.id(), ApiKeyId(1), late), (SellerId(2), ApiKeyId(2), late)], Some(late)),
            (vec![(shop.id(), ApiKeyId(1), early)], Some(late)),
        ] {
            let mut tx = shop.begin().await;
            keys::used(&mut tx, &uses).await.unwrap();
            tx.commit().await.unwrap();
            let all = keys::all(&mut shop.read().await, shop.id()).await.unwrap();
            assert_eq!(all, [ApiKey { last_used_at: expected, ..staff_key(1) }, staff_key(2)]);
        }
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
            description: text.to_owned(),
            addresses: text.to_owned(),
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
            assert_eq!(keys::by_hash(&mut conn, &hash).await.unwrap(), found(key));
        }
    }
}
