//! Products.

use perennial_billing::{LatePayment, PriceSource, ProductId, TaxClass};
use perennial_store::products::{self, Product};
use perennial_testkit::on_both_databases;

use crate::shop::{ODD_TEXTS, Shop, product};

/// A product that differs from [`product`] in every field but the id.
fn domain(id: i64) -> Product {
    Product {
        id: ProductId(id),
        name: ".se domain".to_owned(),
        service_type: i64::MAX,
        kind: "domain".to_owned(),
        tax_class: TaxClass::Goods,
        late_payment: Some(LatePayment::Restart),
        price_source: PriceSource::Feed("registrar-2_b".to_owned()),
    }
}

on_both_databases! {
    async fn a_known_product_is_changed_and_a_new_one_joins_in_one_go(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        products::upsert(&mut tx, shop.id(), &[product(2, "Mail"), product(1, "Cloud Server")]).await.unwrap();
        products::upsert(&mut tx, shop.id(), &[domain(1), domain(i64::MAX)]).await.unwrap();
        products::upsert(&mut tx, shop.id(), &[]).await.unwrap();
        tx.commit().await.unwrap();
        let all = products::all(&mut shop.read().await, shop.id()).await.unwrap();
        assert_eq!(all, [domain(1), product(2, "Mail"), domain(i64::MAX)]);
    }

    async fn every_change_moves_the_version_of_what_was_changed(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        products::upsert(&mut tx, shop.id(), &[product(1, "Cloud Server"), product(2, "Mail")]).await.unwrap();
        products::upsert(&mut tx, shop.id(), &[product(1, "Cloud Server"), product(3, "Backup")]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(shop.look("select id, version from products order by id"), ["1|2", "2|1", "3|1"]);
    }

    async fn products_are_listed_newest_first(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        products::upsert(&mut tx, shop.id(), &[product(1, "Cloud Server"), product(2, "Mail"), domain(3)]).await.unwrap();
        assert!(products::hold(&mut tx, shop.id(), ProductId(1)).await.unwrap());
        assert!(!products::hold(&mut tx, shop.id(), ProductId(4)).await.unwrap());
        tx.commit().await.unwrap();
        let page = async |before: Option<i64>, limit| {
            products::page(&mut shop.read().await, shop.id(), before.map(ProductId), limit).await.unwrap()
        };
        assert_eq!(page(None, 2).await, [domain(3), product(2, "Mail")]);
        assert_eq!(page(Some(2), 2).await, [product(1, "Cloud Server")]);
        assert_eq!(page(Some(1), 2).await, []);
    }

    async fn there_may_be_none(kind) {
        let shop = Shop::bare(kind).await;
        assert_eq!(products::all(&mut shop.read().await, shop.id()).await.unwrap(), []);
    }

    async fn every_tax_class_and_way_with_late_payments_has_its_word(kind) {
        use TaxClass::{Exempt, Goods, Outside, Service, Standard, Zero};
        let shop = Shop::bare(kind).await;
        let classes = [Standard, Service, Goods, Exempt, Zero, Outside];
        let ways = [None, Some(LatePayment::Keep), Some(LatePayment::Restart), Some(LatePayment::Skip)];
        let all: Vec<Product> = (1..)
            .zip(classes.into_iter().zip(ways.into_iter().cycle()))
            .map(|(id, (tax_class, late_payment))| Product { tax_class, late_payment, ..product(id, "Cloud Server") })
            .collect();
        let mut tx = shop.begin().await;
        products::upsert(&mut tx, shop.id(), &all).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(products::all(&mut shop.read().await, shop.id()).await.unwrap(), all);
        let last = products::get(&mut shop.read().await, shop.id(), ProductId(6)).await.unwrap();
        assert_eq!(last, Some((all[5].clone(), 1)));
    }

    async fn odd_texts_survive(kind) {
        let shop = Shop::bare(kind).await;
        let odd = |(id, text): (i64, &str)| Product {
            kind: text.to_owned(),
            service_type: 0,
            ..product(id, text)
        };
        let all: Vec<Product> = (1..).zip(ODD_TEXTS).map(odd).collect();
        let mut tx = shop.begin().await;
        products::upsert(&mut tx, shop.id(), &all).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(products::all(&mut shop.read().await, shop.id()).await.unwrap(), all);
    }
}
