//! Integer ids.

use perennial_store::ids::{self, IdKind};
use perennial_testkit::on_both_databases;

use crate::shop::Shop;

const KINDS: [IdKind; 16] = [
    IdKind::Seller,
    IdKind::Customer,
    IdKind::Contact,
    IdKind::Product,
    IdKind::Price,
    IdKind::Service,
    IdKind::Addon,
    IdKind::Invoice,
    IdKind::Outbox,
    IdKind::Audit,
    IdKind::ApiKey,
    IdKind::Run,
    IdKind::Cancellation,
    IdKind::ServiceChange,
    IdKind::Coupon,
    IdKind::Campaign,
];

on_both_databases! {
    async fn each_kind_counts_from_one_by_itself(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        for kind in KINDS {
            assert_eq!(ids::take(&mut tx, kind, 3).await.unwrap(), [1, 2, 3], "{kind:?}");
        }
        for kind in KINDS {
            assert_eq!(ids::take(&mut tx, kind, 1).await.unwrap(), [4], "{kind:?}");
        }
    }

    async fn taking_none_takes_none(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        assert_eq!(ids::take(&mut tx, IdKind::Customer, 0).await.unwrap(), [0; 0]);
        assert_eq!(ids::take(&mut tx, IdKind::Customer, 1).await.unwrap(), [1]);
    }

    async fn blocks_of_thousands_do_not_overlap(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        let first = ids::take(&mut tx, IdKind::Invoice, 5_000).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = shop.begin().await;
        let second = ids::take(&mut tx, IdKind::Invoice, 5_000).await.unwrap();
        assert_eq!([first, second].concat(), (1..=10_000).collect::<Vec<_>>());
    }

    async fn ids_an_import_brought_along_are_not_handed_out_again(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        ids::skip_past(&mut tx, IdKind::Service, 20_000).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = shop.begin().await;
        assert_eq!(ids::take(&mut tx, IdKind::Service, 2).await.unwrap(), [20_001, 20_002]);
        assert_eq!(ids::take(&mut tx, IdKind::Customer, 1).await.unwrap(), [1], "another kind was skipped too");
        // A later import of older rows never goes back. PostgreSQL may leave a gap.
        ids::skip_past(&mut tx, IdKind::Service, 7).await.unwrap();
        let next = ids::take(&mut tx, IdKind::Service, 1).await.unwrap()[0];
        assert!((20_003..=20_004).contains(&next), "{next}");
        ids::skip_past(&mut tx, IdKind::Service, next).await.unwrap();
        assert!(ids::take(&mut tx, IdKind::Service, 1).await.unwrap()[0] > next);
    }

    async fn the_last_ids_can_be_taken(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        ids::skip_past(&mut tx, IdKind::Customer, i64::MAX - 3).await.unwrap();
        assert_eq!(ids::take(&mut tx, IdKind::Customer, 2).await.unwrap(), [i64::MAX - 2, i64::MAX - 1]);
    }

    async fn two_writers_at_once_get_different_ids(kind) {
        let shop = Shop::bare(kind).await;
        let take = async || {
            let mut tx = shop.begin().await;
            let taken = ids::take(&mut tx, IdKind::Audit, 50).await.unwrap();
            tx.commit().await.unwrap();
            taken
        };
        let (a, b, c) = tokio::join!(take(), take(), take());
        let mut all = [a, b, c].concat();
        all.sort_unstable();
        assert_eq!(all, (1..=150).collect::<Vec<_>>());
    }
}
