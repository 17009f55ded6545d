//! What only a database to rehearse in can do.

use perennial_store::sandbox;
use perennial_testkit::on_both_databases;

use crate::shop::Shop;

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
}
