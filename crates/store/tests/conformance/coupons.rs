//! Coupons, and how often they are used.

use jiff::civil::date;
use perennial_billing::{CouponId, CustomerId, Discount, Off, ProductId, Rate, SellerId};
use perennial_store::StoreError;
use perennial_store::coupons::{self, Coupon};
use perennial_store::services;
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, SERVER, SERVICE, Shop, noon, sek, service};

fn coupon(id: i64, code: &str) -> Coupon {
    Coupon {
        id: CouponId(id),
        code: code.to_owned(),
        off: Off::Percent(Rate::from_parts_per_million(1)),
        currency: None,
        periods: None,
        through: None,
        product: None,
        customer: None,
        redeem_through: None,
        max_uses: None,
        uses: 0,
    }
}

/// A coupon that differs from [`coupon`] in every field.
fn narrow(id: i64, code: &str) -> Coupon {
    Coupon {
        off: Off::Amount(i64::MAX),
        currency: Some(sek()),
        periods: Some(u16::MAX),
        through: Some(date(9999, 12, 31)),
        product: Some(ProductId(9)),
        customer: Some(CustomerId(8)),
        redeem_through: Some(date(2026, 12, 31)),
        max_uses: Some(2),
        uses: 0,
        ..coupon(id, code)
    }
}

on_both_databases! {
    async fn coupons_are_read_as_they_were_written(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        for new in [narrow(2, "B"), coupon(1, "A-1")] {
            coupons::insert(&mut tx, shop.id(), &new).await.unwrap();
        }
        let twice = coupons::insert(&mut tx, shop.id(), &coupon(3, "B")).await;
        assert!(matches!(twice, Err(StoreError::Unique { .. })), "{twice:?}");
        drop(tx);
        let mut tx = shop.begin().await;
        for new in [narrow(2, "B"), coupon(1, "A-1")] {
            coupons::insert(&mut tx, shop.id(), &new).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        assert_eq!(coupons::all(&mut conn, shop.id()).await.unwrap(), [coupon(1, "A-1"), narrow(2, "B")]);
        assert_eq!(coupons::get(&mut conn, shop.id(), "B").await.unwrap(), Some(narrow(2, "B")));
        assert_eq!(coupons::get(&mut conn, shop.id(), "C").await.unwrap(), None);
        assert_eq!(coupons::get(&mut conn, SellerId(2), "B").await.unwrap(), None, "another seller's");
    }

    async fn uses_are_counted_up_to_the_limit_and_once_a_service(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        coupons::insert(&mut tx, shop.id(), &narrow(2, "B")).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = shop.begin().await;
        let mut counted = Vec::new();
        for _ in 0..3 {
            counted.push(coupons::count_use(&mut tx, shop.id(), CouponId(2)).await.unwrap());
        }
        assert_eq!(counted, [true, true, false]);
        assert!(!coupons::count_use(&mut tx, SellerId(2), CouponId(2)).await.unwrap());
        coupons::note_use(&mut tx, shop.id(), CouponId(2), SERVICE, noon(), "cli").await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = shop.begin().await;
        let again = coupons::note_use(&mut tx, shop.id(), CouponId(2), SERVICE, noon(), "cli").await;
        assert!(matches!(again, Err(StoreError::Unique { .. })), "{again:?}");
    }

    async fn a_renewal_moves_what_is_left_of_a_discount(kind) {
        let shop = Shop::new(kind).await;
        let discount = Discount {
            code: "B".to_owned(),
            off: Off::Percent(Rate::from_parts_per_million(500_000)),
            periods: Some(2),
            through: Some(date(2027, 12, 31)),
        };
        shop.put_services(&[services::Service { discount: Some(discount.clone()), ..service(SERVICE.0, ASTRID, SERVER) }]).await;
        let invoice = shop.renew().await;
        assert_eq!(invoice.net.minor, 5_000);
        let left = services::get(&mut shop.read().await, shop.id(), SERVICE).await.unwrap().unwrap().discount;
        assert_eq!(left, Some(Discount { periods: Some(1), ..discount }));
    }
}
