//! What only a database to rehearse in can do.

use jiff::civil::date;
use perennial_billing::ServiceId;
use perennial_store::{sandbox, services};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, SERVER, Shop, noon, service};

on_both_databases! {
    async fn a_real_database_has_no_clock_of_its_own(kind) {
        let shop = Shop::new(kind).await;
        assert_eq!(sandbox::ahead(&mut shop.read().await).await.unwrap(), None);
        let mut tx = shop.begin().await;
        sandbox::set_ahead(&mut tx, 5).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(sandbox::ahead(&mut shop.read().await).await.unwrap(), None);
    }

    async fn a_sandbox_clock_never_goes_back(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        sandbox::create(&mut tx).await.unwrap();
        for ahead in [7, 5] {
            sandbox::set_ahead(&mut tx, ahead).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(sandbox::ahead(&mut shop.read().await).await.unwrap(), Some(7));
    }

    async fn what_is_due_is_taken_for_paid_and_nothing_else(kind) {
        let shop = Shop::new(kind).await;
        let mut later = service(71, ASTRID, SERVER);
        later.schedule.anchor = date(2026, 12, 20);
        (later.billed_through, later.paid_through) = (Some(date(2026, 12, 20)), Some(date(2026, 12, 20)));
        shop.put_services(&[service(70, ASTRID, SERVER), later]).await;
        let new = shop.planned(&[70, 71].map(ServiceId)).await;
        assert_eq!((new[0].plan.due_on, new[1].plan.due_on), (date(2026, 12, 3), date(2026, 12, 20)));
        shop.write(&new).await.unwrap();
        let settle = async |day| {
            let mut tx = shop.begin().await;
            let settled = sandbox::settle_due(&mut tx, shop.id(), day, noon()).await.unwrap();
            tx.commit().await.unwrap();
            settled
        };
        assert_eq!((settle(date(2026, 12, 2)).await, settle(date(2026, 12, 3)).await, settle(date(2026, 12, 3)).await), (0, 1, 0));
        let paid = async |id| services::get(&mut shop.read().await, shop.id(), ServiceId(id)).await.unwrap().unwrap().paid_through;
        assert_eq!((paid(70).await, paid(71).await), (Some(date(2027, 1, 1)), Some(date(2026, 12, 20))));
        assert_eq!(shop.look("select id, open_invoice_id from services where id >= 70 order by id"), ["70|", "71|2"]);
        let findings = shop.store.examine(shop.id()).await.unwrap();
        assert!(findings.iter().all(|finding| finding.problems.is_empty()), "{findings:?}");
    }
}
