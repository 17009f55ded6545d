//! Add-ons.

use jiff::civil::date;
use perennial_billing::renewal::Term;
use perennial_billing::{AddonId, PeriodNumber, ProductId, Quantity, Schedule, ServiceId};
use perennial_store::addons::{self, Addon};
use perennial_store::products;
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, SERVER, SERVICE, Shop, addon, cycle, product, service};

const BACKUP: ProductId = ProductId(9);

/// An add-on that differs from [`addon`] in every field but the id and the service.
fn cancelled(id: i64) -> Addon {
    Addon {
        product: BACKUP,
        quantity: "0.000001".parse().unwrap(),
        own_price_minor: Some(0),
        term: Some(Term {
            schedule: Schedule { first: PeriodNumber(7), ..Schedule::new(date(2027, 1, 31), cycle("3m")) },
            next_period: PeriodNumber(9),
        }),
        active: false,
        ..addon(id, SERVICE, SERVER)
    }
}

/// Astrid's server, another of hers, and a product to put on top.
async fn two_servers(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let mut tx = shop.begin().await;
    products::upsert(&mut tx, shop.id(), &[product(BACKUP.0, "Backup")]).await.unwrap();
    tx.commit().await.unwrap();
    shop.put_services(&[service(2, ASTRID, SERVER)]).await;
    shop
}

on_both_databases! {
    async fn addons_are_read_as_they_were_written(kind) {
        let shop = two_servers(kind).await;
        let most = Addon {
            quantity: Quantity::from_millionths(i64::MAX),
            own_price_minor: Some(i64::MAX),
            ..addon(i64::MAX, ServiceId(2), BACKUP)
        };
        shop.put_addons(&[most.clone(), cancelled(2), addon(1, SERVICE, BACKUP)]).await;
        shop.put_addons(&[]).await;
        let mut conn = shop.read().await;
        let all = addons::all(&mut conn, shop.id()).await.unwrap();
        assert_eq!(all, [addon(1, SERVICE, BACKUP), cancelled(2), most.clone()]);
        assert_eq!(addons::get(&mut conn, shop.id(), AddonId(i64::MAX)).await.unwrap(), Some(most));
        assert_eq!(addons::get(&mut conn, shop.id(), AddonId(3)).await.unwrap(), None);
        let of_service = addons::of_service(&mut conn, shop.id(), SERVICE).await.unwrap();
        assert_eq!(of_service, [addon(1, SERVICE, BACKUP), cancelled(2)]);
    }

    async fn a_change_reaches_every_field_and_only_the_addons_named(kind) {
        let shop = two_servers(kind).await;
        shop.put_addons(&[addon(1, SERVICE, SERVER), addon(2, SERVICE, SERVER)]).await;
        shop.put_addons(&[cancelled(1), cancelled(3)]).await;
        let all = addons::all(&mut shop.read().await, shop.id()).await.unwrap();
        assert_eq!(all, [cancelled(1), addon(2, SERVICE, SERVER), cancelled(3)]);
        // And back: a price of its own can be given up for the catalogue's.
        shop.put_addons(&[addon(1, SERVICE, SERVER)]).await;
        let first = addons::get(&mut shop.read().await, shop.id(), AddonId(1)).await.unwrap();
        assert_eq!(first, Some(addon(1, SERVICE, SERVER)));
    }

    async fn an_addon_stays_on_its_service(kind) {
        let shop = two_servers(kind).await;
        shop.put_addons(&[addon(1, SERVICE, BACKUP)]).await;
        shop.put_addons(&[addon(1, ServiceId(2), BACKUP)]).await;
        let kept = addons::get(&mut shop.read().await, shop.id(), AddonId(1)).await.unwrap();
        assert_eq!(kept, Some(addon(1, SERVICE, BACKUP)));
    }
}
