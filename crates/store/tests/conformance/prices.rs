//! Price versions.

use jiff::civil::date;
use perennial_billing::{
    Currency, Cycle, Money, PriceId, PriceVersion, ProductId, Quantity, Schedule, ServiceId, ServiceStatus,
};
use perennial_store::addons::{self, Addon};
use perennial_store::prices::{self, PriceReach};
use perennial_store::services::Service;
use perennial_store::{StoreError, products};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, FAR_DAYS, SERVER, Shop, addon, cycle, price, product, sek, service};

/// A shop whose price list is exactly this, written in this order.
async fn with_list(kind: perennial_testkit::Kind, list: &[PriceVersion]) -> Shop {
    let shop = Shop::bare(kind).await;
    let mut tx = shop.begin().await;
    products::upsert(&mut tx, shop.id(), &[product(SERVER.0, "Cloud Server"), product(9, "Mail")]).await.unwrap();
    prices::insert(&mut tx, shop.id(), list).await.unwrap();
    tx.commit().await.unwrap();
    shop
}

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

on_both_databases! {
    async fn the_list_is_ordered_by_product_cycle_currency_and_start(kind) {
        let mail = price(1, ProductId(9), 2_900);
        let yearly = PriceVersion { id: PriceId(2), cycle: cycle("1y"), ..price(2, SERVER, 100_000) };
        let monthly_later = PriceVersion { starts: date(2026, 3, 1), ..price(3, SERVER, 10_500) };
        let monthly = price(4, SERVER, 10_000);
        let in_euro = PriceVersion { amount: Money::new(999, eur()), ..price(5, SERVER, 0) };
        let for_many = PriceVersion { from_quantity: Quantity::from_millionths(i64::MAX), ..price(6, SERVER, 9_000) };
        let shop = with_list(kind, &[yearly, for_many, monthly_later, monthly, in_euro, mail]).await;
        let all = prices::all(&mut shop.read().await, shop.id()).await.unwrap();
        assert_eq!(all, [mail, in_euro, monthly, for_many, monthly_later, yearly]);
    }

    async fn only_the_versions_asked_for_are_read(kind) {
        let first = price(1, SERVER, 10_000);
        let second = PriceVersion { starts: date(2026, 3, 1), ..price(2, SERVER, 10_500) };
        let yearly = PriceVersion { cycle: cycle("1y"), ..price(3, SERVER, 100_000) };
        let in_euro = PriceVersion { amount: Money::new(999, eur()), ..price(4, SERVER, 0) };
        let mail = price(5, ProductId(9), 2_900);
        let shop = with_list(kind, &[first, second, yearly, in_euro, mail]).await;
        let ask = async |wanted: &[(ProductId, Cycle, Currency)]| {
            let mut found = prices::versions(&mut shop.read().await, shop.id(), wanted).await.unwrap();
            found.sort_by_key(|version| version.id);
            found
        };
        assert_eq!(ask(&[(SERVER, cycle("1m"), sek())]).await, [first, second]);
        assert_eq!(ask(&[(SERVER, cycle("1y"), sek()), (ProductId(9), cycle("1m"), sek())]).await, [yearly, mail]);
        // Three right answers do not make a fourth: no cycle, currency or product is taken from another question.
        assert_eq!(ask(&[(SERVER, cycle("1y"), eur()), (ProductId(9), cycle("1m"), eur())]).await, []);
        assert_eq!(ask(&[]).await, []);
    }

    async fn a_price_reaches_what_follows_it(kind) {
        let shop = Shop::new(kind).await;
        let (own, kept) = (Some(7_500), Some(date(2026, 1, 1)));
        let like = |id| service(id, ASTRID, SERVER);
        shop.put_services(&[
            like(21),
            Service { status: ServiceStatus::Suspended, ..like(22) },
            Service { status: ServiceStatus::Cancelled, ..like(23) },
            Service { own_price_minor: own, ..like(24) },
            Service { price_kept_on: kept, ..like(25) },
            Service { schedule: Schedule::new(date(2026, 1, 1), cycle("1y")), ..like(26) },
        ])
        .await;
        let mut tx = shop.begin().await;
        let gone = Addon { active: false, ..addon(33, ServiceId(21), SERVER) };
        let cheap = Addon { own_price_minor: own, ..addon(32, ServiceId(21), SERVER) };
        addons::upsert(&mut tx, shop.id(), &[addon(31, ServiceId(21), SERVER), cheap, gone]).await.unwrap();
        tx.commit().await.unwrap();
        let reach = async |cycle, currency| {
            prices::reach(&mut shop.read().await, shop.id(), SERVER, cycle, currency).await.unwrap()
        };
        // Astrid's first server, 21, 22, and the add-on 31.
        let monthly = reach(cycle("1m"), sek()).await;
        assert_eq!(monthly, PriceReach { following: 4, keeping: 1, own: 2 });
        assert_eq!(reach(cycle("1y"), sek()).await, PriceReach { following: 1, keeping: 0, own: 0 });
        assert_eq!(reach(cycle("1m"), eur()).await, PriceReach { following: 0, keeping: 0, own: 0 });
    }

    async fn all_versions_of_the_products_asked_for_are_read(kind) {
        let first = price(1, SERVER, 10_000);
        let yearly_in_euro = PriceVersion {
            cycle: cycle("1y"),
            amount: Money::new(999, eur()),
            starts: date(2030, 1, 1),
            ..price(2, SERVER, 0)
        };
        let mail = price(3, ProductId(9), 2_900);
        let shop = with_list(kind, &[first, yearly_in_euro, mail]).await;
        let ask = async |products: &[i64]| {
            let products: Vec<ProductId> = products.iter().copied().map(ProductId).collect();
            let mut found = prices::of_products(&mut shop.read().await, shop.id(), &products).await.unwrap();
            found.sort_by_key(|version| version.id);
            found
        };
        assert_eq!(ask(&[SERVER.0]).await, [first, yearly_in_euro]);
        assert_eq!(ask(&[9, SERVER.0, 9, 99]).await, [first, yearly_in_euro, mail]);
        assert_eq!(ask(&[99]).await, []);
        assert_eq!(ask(&[]).await, []);
    }

    async fn the_versions_of_a_product_are_listed_newest_first(kind) {
        let first = price(1, SERVER, 10_000);
        let second = PriceVersion { starts: date(2026, 3, 1), ..price(2, SERVER, 10_500) };
        let mail = price(3, ProductId(9), 2_900);
        let in_euro = PriceVersion { amount: Money::new(999, eur()), ..price(4, SERVER, 0) };
        let shop = with_list(kind, &[first, second, mail, in_euro]).await;
        let page = async |product, before: Option<i64>, limit| {
            prices::page(&mut shop.read().await, shop.id(), product, before.map(PriceId), limit).await.unwrap()
        };
        assert_eq!(page(SERVER, None, 2).await, [in_euro, second]);
        assert_eq!(page(SERVER, Some(2), 2).await, [first]);
        assert_eq!(page(ProductId(9), None, 2).await, [mail]);
        assert_eq!(page(ProductId(99), None, 2).await, []);
    }

    async fn a_new_price_moves_the_version_of_its_product_once(kind) {
        let shop = with_list(kind, &[]).await;
        let versions = || shop.look("select id, version from products order by id");
        assert_eq!(versions(), ["9|1", "1912|1"]);
        let mut tx = shop.begin().await;
        let later = PriceVersion { starts: date(2027, 1, 1), ..price(2, SERVER, 11_000) };
        prices::insert(&mut tx, shop.id(), &[price(1, SERVER, 10_000), later]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(versions(), ["9|1", "1912|2"]);
        let mut tx = shop.begin().await;
        prices::insert(&mut tx, shop.id(), &[]).await.unwrap();
        prices::insert(&mut tx, shop.id(), &[price(3, ProductId(9), 2_900)]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(versions(), ["9|2", "1912|2"]);
    }

    async fn amounts_and_starts_reach_their_limits(kind) {
        let starts = (1..).zip(FAR_DAYS).map(|(id, starts)| PriceVersion { starts, ..price(id, SERVER, i64::MAX) });
        let coins = [("JPY", 0), ("KWD", 1), ("ISK", i64::MAX)].into_iter().zip(100..).map(|((code, minor), id)| {
            PriceVersion { amount: Money::new(minor, code.parse().unwrap()), ..price(id, SERVER, 0) }
        });
        let cycles = ["1d", "1000d", "2w", "3m", "1000y", "once", "free"];
        let cycles = cycles
            .into_iter()
            .zip(200..)
            .map(|(text, id)| PriceVersion { cycle: cycle(text), ..price(id, ProductId(9), 0) });
        let mut all: Vec<PriceVersion> = starts.chain(coins).chain(cycles).collect();
        let shop = with_list(kind, &all).await;
        let mut read = prices::all(&mut shop.read().await, shop.id()).await.unwrap();
        read.sort_by_key(|version| version.id);
        all.sort_by_key(|version| version.id);
        assert_eq!(read, all);
    }

    async fn a_product_has_one_price_a_day(kind) {
        let shop = with_list(kind, &[price(1, SERVER, 10_000)]).await;
        let mut tx = shop.begin().await;
        let error = prices::insert(&mut tx, shop.id(), &[price(2, SERVER, 1)]).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unique { table, .. } if table == "prices"), "{error}");
        drop(tx);
        assert_eq!(prices::all(&mut shop.read().await, shop.id()).await.unwrap(), [price(1, SERVER, 10_000)]);
    }

    async fn no_versions_are_written(kind) {
        let shop = with_list(kind, &[]).await;
        assert_eq!(prices::all(&mut shop.read().await, shop.id()).await.unwrap(), []);
    }
}
