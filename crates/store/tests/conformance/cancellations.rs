//! Cancellations.

use jiff::civil::date;
use perennial_billing::{CancellationId, SellerId, ServiceId};
use perennial_store::StoreError;
use perennial_store::cancellations::{self, Cancellation, CancellationState, CancellationTiming};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, SERVER, SERVICE, Shop, noon, service};

fn cancellation(id: i64, service: ServiceId) -> Cancellation {
    Cancellation {
        id: CancellationId(id),
        service,
        timing: CancellationTiming::EndOfPeriod,
        reason: "Too expensive".to_owned(),
        other_reason: "Flyttar till Umeå".to_owned(),
        actor: "key:7".to_owned(),
        requested_at: noon(),
        ends_on: date(2026, 12, 1),
        state: CancellationState::Pending,
    }
}

on_both_databases! {
    async fn the_last_one_is_read_as_it_was_written(kind) {
        let shop = Shop::new(kind).await;
        let last = async |seller| cancellations::last(&mut shop.read().await, seller, SERVICE).await.unwrap();
        assert_eq!(last(shop.id()).await, None);
        let done = Cancellation {
            timing: CancellationTiming::Immediate,
            state: CancellationState::Done,
            ..cancellation(2, SERVICE)
        };
        for new in [cancellation(1, SERVICE), done.clone()] {
            let mut tx = shop.begin().await;
            cancellations::insert(&mut tx, shop.id(), &new).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(last(shop.id()).await, Some(new));
        }
        assert_eq!(last(SellerId(2)).await, None, "another seller's");
    }

    async fn one_is_pending_at_most_until_it_is_revoked(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        cancellations::insert(&mut tx, shop.id(), &cancellation(1, SERVICE)).await.unwrap();
        assert!(!cancellations::revoke(&mut tx, SellerId(2), SERVICE).await.unwrap(), "another seller's");
        tx.commit().await.unwrap();
        let mut tx = shop.begin().await;
        let second = cancellations::insert(&mut tx, shop.id(), &cancellation(2, SERVICE)).await;
        assert!(matches!(second, Err(StoreError::Unique { .. })), "{second:?}");
        drop(tx);
        let mut tx = shop.begin().await;
        assert!(cancellations::revoke(&mut tx, shop.id(), SERVICE).await.unwrap());
        assert!(!cancellations::revoke(&mut tx, shop.id(), SERVICE).await.unwrap());
        cancellations::insert(&mut tx, shop.id(), &cancellation(2, SERVICE)).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn services_end_on_their_day_a_few_at_a_time(kind) {
        let shop = Shop::new(kind).await;
        let ending = |id, day| {
            let mut service = service(id, ASTRID, SERVER);
            service.ends_on = Some(date(2026, 12, day));
            service
        };
        shop.put_services(&[ending(81, 1), ending(82, 1), ending(83, 2), service(84, ASTRID, SERVER)]).await;
        let mut tx = shop.begin().await;
        cancellations::insert(&mut tx, shop.id(), &cancellation(1, ServiceId(81))).await.unwrap();
        tx.commit().await.unwrap();
        let end = async |seller, day| {
            let mut tx = shop.begin().await;
            let ended = cancellations::end_due(&mut tx, seller, date(2026, 12, day), 1).await.unwrap();
            tx.commit().await.unwrap();
            ended.into_iter().map(|service| service.0).collect::<Vec<_>>()
        };
        assert_eq!(end(SellerId(2), 31).await, [0; 0], "another seller's");
        let count = cancellations::ending(&mut shop.read().await, shop.id(), date(2026, 12, 1)).await.unwrap();
        assert_eq!(count, 2);
        let mut ended = Vec::new();
        for _ in 0..3 {
            ended.push(end(shop.id(), 1).await);
        }
        assert_eq!(ended, [vec![81], vec![82], vec![]]);
        let look = "select id, status, ends_on from services where id between 81 and 84 order by id";
        assert_eq!(shop.look(look), ["81|cancelled|", "82|cancelled|", "83|active|2026-12-02", "84|active|"]);
        assert_eq!(shop.look("select state from cancellations"), ["done"]);
    }
}
