//! What goes wrong has the same name on both databases.

use perennial_billing::{CustomerId, ProductId, Quantity, SellerId, ServiceId};
use perennial_store::services::Service;
use perennial_store::{
    Store, StoreError, addons, contacts, customers, keys, prices, products, renewals, sellers, services,
};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{
    ASTRID, SERVER, SERVICE, Shop, TODAY, addon, contact, customer, noon, price, product, seller, service,
};

fn assert_reference(outcome: perennial_store::Result<()>) {
    assert!(matches!(outcome, Err(StoreError::Reference(_))), "{outcome:?}");
}

on_both_databases! {
    async fn what_refers_to_nothing_is_a_reference(kind) {
        let shop = Shop::new(kind).await;
        let (nobody, nothing) = (CustomerId(99), ProductId(99));
        let one = shop.id();
        let key = keys::ApiKey {
            seller: one,
            id: perennial_billing::ApiKeyId(1),
            name: String::new(),
            hint: String::new(),
            scopes: String::new(),
            customer: Some(nobody),
            created_at: noon(),
            expires_at: None,
            revoked_at: None,
            is_test: false,
            description: String::new(),
            addresses: String::new(),
            previous_until: None,
            last_used_at: None,
        };
        // A transaction each: after an error PostgreSQL takes nothing more.
        let mut tx = shop.begin().await;
        assert_reference(customers::upsert(&mut tx, SellerId(99), &[customer(1, "Nils Nemo")]).await);
        drop(tx);
        let mut tx = shop.begin().await;
        assert_reference(products::upsert(&mut tx, SellerId(99), &[product(1, "Nothing")]).await);
        drop(tx);
        let mut tx = shop.begin().await;
        assert_reference(contacts::insert(&mut tx, one, &[contact(1, nobody, "nils@example.com")]).await);
        drop(tx);
        let mut tx = shop.begin().await;
        assert_reference(prices::insert(&mut tx, one, &[price(9, nothing, 1)]).await);
        drop(tx);
        for orphan in [service(1, nobody, SERVER), service(1, ASTRID, nothing)] {
            assert_reference(services::upsert(&mut shop.begin().await, one, &[orphan]).await);
        }
        for orphan in [addon(1, ServiceId(99), SERVER), addon(1, SERVICE, nothing)] {
            assert_reference(addons::upsert(&mut shop.begin().await, one, &[orphan]).await);
        }
        assert_reference(keys::insert(&mut shop.begin().await, &key, "aa").await);
    }

    async fn a_renewal_for_nobody_is_a_reference(kind) {
        let shop = Shop::new(kind).await;
        let mut new = shop.plan().await;
        new.customer.id = CustomerId(99);
        let error = shop.write(&[new]).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
    }

    async fn a_taken_key_is_unique_and_names_its_table(kind) {
        let shop = Shop::new(kind).await;
        let again = sellers::insert(&mut shop.begin().await, &seller(1)).await.unwrap_err();
        assert!(matches!(&again, StoreError::Unique { table, .. } if table == "sellers"), "{again}");
        let again = prices::insert(&mut shop.begin().await, shop.id(), &[price(1, SERVER, 1)]).await.unwrap_err();
        assert!(matches!(&again, StoreError::Unique { table, .. } if table == "prices"), "{again}");
        assert_eq!(again.to_string(), "a row with this key exists already in `prices`");
    }

    async fn a_value_that_a_table_forbids_is_a_mistake_of_ours(kind) {
        let shop = Shop::new(kind).await;
        let of_none = Service { quantity: Quantity::from_millionths(0), ..service(1, ASTRID, SERVER) };
        let below_zero = Service { own_price_minor: Some(-1), ..service(1, ASTRID, SERVER) };
        let zeroth = service(0, ASTRID, SERVER);
        let until = Service { own_price_through: Some(TODAY), ..service(1, ASTRID, SERVER) };
        let both = Service { own_price_minor: Some(1), price_kept_on: Some(TODAY), ..service(1, ASTRID, SERVER) };
        for forbidden in [of_none, below_zero, zeroth, until, both] {
            let error = services::upsert(&mut shop.begin().await, shop.id(), &[forbidden]).await.unwrap_err();
            assert!(matches!(error, StoreError::Statement(_)), "{error}");
            assert!(!error.is_unavailable());
        }
    }

    async fn a_value_of_another_program_is_corrupt_and_named(kind) {
        let shop = Shop::new(kind).await;
        let asked = async || services::get(&mut shop.read().await, shop.id(), SERVICE).await.unwrap_err();
        shop.meddle("update services set cycle = 'fortnightly'");
        let error = asked().await;
        assert!(
            matches!(&error, StoreError::Corrupt { column: "cycle", value, .. } if value == "fortnightly"),
            "{error}"
        );
        shop.meddle("update services set cycle = '1m', next_period = 4294967296");
        let error = asked().await;
        assert!(matches!(&error, StoreError::Corrupt { column: "next_period", .. }), "{error}");
        shop.meddle("update sellers set time_zone = 'Mars/Olympus_Mons'");
        let error = sellers::get(&mut shop.read().await, shop.id()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { column: "time_zone", .. }), "{error}");
        shop.meddle("update customers set currency = 'XXX'");
        let error = customers::get(&mut shop.read().await, shop.id(), ASTRID).await.unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { column: "currency", .. }), "{error}");
    }

    async fn a_database_that_went_away_is_unavailable_and_comes_back(kind) {
        let shop = Shop::new(kind).await;
        let away = shop.database.take_away();
        let write = async || sellers::get(&mut *shop.store.begin().await?, shop.id()).await;
        let error = write().await.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
        drop(away);
        let invoice = shop.renew().await;
        assert_eq!(invoice.number, "202600001");
    }

    async fn a_closed_store_is_unavailable(kind) {
        let shop = Shop::new(kind).await;
        let copy = shop.store.clone();
        shop.store.close().await;
        let (read, begun) = (copy.read().await.map(drop), copy.begin().await.map(drop));
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
        assert!(matches!(begun, Err(StoreError::Unavailable(_))), "{begun:?}");
    }
}

#[tokio::test]
async fn an_address_of_another_kind_is_refused() {
    let table =
        ["", "perennial.db", "mysql://root@localhost/billing", "sqlite3:x.db", "SQLITE:x.db", "postgres", "file:x"];
    for url in table {
        for outcome in [Store::connect(url).await, Store::create(url).await] {
            match outcome {
                // `postgres` alone is a scheme without an address: it is read as one, and cannot be.
                Err(StoreError::Address(message)) => assert!(message.contains("address"), "{url}: {message}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_address_is_refused_without_repeating_its_password() {
    for url in ["postgres://ada:hunter2@host:port/db", "mysql://ada:hunter2@host/db", "postgres://ada:hunter2@[::/db"] {
        let error = Store::connect(url).await.unwrap_err();
        assert!(matches!(error, StoreError::Address(_)), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_file_is_not_made_by_connecting() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("missing.db");
    let url = format!("sqlite:{}", path.display());
    let error = Store::connect(&url).await.unwrap_err();
    match error {
        StoreError::Address(message) => {
            assert!(message.contains("missing.db") && message.contains("perennial init"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(!path.exists());
    Store::create(&url).await.unwrap().close().await;
    assert!(path.exists());
    Store::connect(&url).await.unwrap().close().await;
}

#[tokio::test]
async fn an_absolute_file_may_be_written_with_slashes() {
    let folder = tempfile::TempDir::new().unwrap();
    // Three slashes as a URL has them, four as people who come from Python write them; a path that begins with two is
    // the same as with one.
    for (slashes, name) in [("", "a"), ("//", "b c\u{e5}"), ("///", "d")] {
        let path = folder.path().join(name);
        Store::create(&format!("sqlite:{slashes}{}", path.display())).await.unwrap().close().await;
        assert!(path.exists(), "sqlite:{slashes}{}", path.display());
    }
}

/// A database holds hashes of keys and the names of customers.
#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().unwrap();
    let store = Store::create(&format!("sqlite:{}", folder.path().join("new.db").display())).await.unwrap();
    store.apply_migrations().await.unwrap();
    store.begin().await.unwrap().commit().await.unwrap();
    // The file itself and what SQLite keeps beside it while it is open.
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    store.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_taken_for_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("letter.db");
    let letter = "Dear Astrid, this is a letter and no database. ".repeat(100);
    std::fs::write(&path, &letter).unwrap();
    assert!(Store::connect(&format!("sqlite:{}", path.display())).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), letter);
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = folder.path().display().to_string().replace('/', "%2F");
    let error = Store::connect(&format!("postgres://ada@{socket}/billing")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

/// SQLite has one writer, so nobody can wait for anybody in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn writers_who_wait_for_each_other_are_told_to_try_again() {
    let shop = Shop::new(Kind::Postgres).await;
    shop.put_services(&[service(1, ASTRID, SERVER)]).await;
    let (mut a, mut b) = (shop.begin().await, shop.begin().await);
    renewals::lock(&mut a, shop.id(), &[ServiceId(1)]).await.unwrap();
    renewals::lock(&mut b, shop.id(), &[SERVICE]).await.unwrap();
    // Each ends its transaction when it has its answer, so that the other goes on.
    let first = async {
        let outcome = renewals::lock(&mut a, shop.id(), &[SERVICE]).await.map(drop);
        drop(a);
        outcome
    };
    let second = async {
        let outcome = renewals::lock(&mut b, shop.id(), &[ServiceId(1)]).await.map(drop);
        drop(b);
        outcome
    };
    let outcomes = tokio::join!(first, second);
    let ((Err(error), Ok(())) | (Ok(()), Err(error))) = outcomes else { panic!("{outcomes:?}") };
    assert!(matches!(error, StoreError::Retry(_)), "{error:?}");
}
