//! Invoices in the making.

use perennial_billing::{DraftId, Quantity, SellerId, TaxClass};
use perennial_store::drafts::{self, Draft, DraftLine};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, ODD_TEXTS, Shop, noon};

/// A draft with a line for each kind of supply.
fn draft(id: i64) -> Draft {
    let line = |(n, (tax_class, text)): (i64, (TaxClass, &str))| DraftLine {
        description: text.to_owned(),
        quantity: Quantity::from_millionths(i64::MAX - n),
        unit_price_minor: n,
        tax_class,
    };
    let lines = (0..).zip(TaxClass::ALL.into_iter().zip(ODD_TEXTS)).map(line).collect();
    Draft { id: DraftId(id), customer: ASTRID, created_at: noon(), actor: "cli".to_owned(), lines }
}

on_both_databases! {
    async fn drafts_are_read_as_they_were_written_page_by_page(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        for id in [2, 1, 9, 4] {
            drafts::insert(&mut tx, shop.id(), &draft(id)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        assert_eq!(drafts::get(&mut conn, shop.id(), DraftId(9)).await.unwrap(), Some(draft(9)));
        assert_eq!(drafts::get(&mut conn, SellerId(2), DraftId(9)).await.unwrap(), None);
        let table: [(i64, i64, &[i64]); 4] = [(0, 9, &[1, 2, 4, 9]), (0, 2, &[1, 2]), (2, 2, &[4, 9]), (9, 2, &[])];
        for (after, limit, expected) in table {
            let found = drafts::page(&mut conn, shop.id(), DraftId(after), limit).await.unwrap();
            let expected: Vec<Draft> = expected.iter().map(|id| draft(*id)).collect();
            assert_eq!(found, expected, "after {after}");
        }
        assert_eq!(drafts::page(&mut conn, SellerId(2), DraftId(0), 9).await.unwrap(), []);
    }

    async fn a_draft_is_thrown_away_once(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        drafts::insert(&mut tx, shop.id(), &draft(1)).await.unwrap();
        assert!(!drafts::delete(&mut tx, SellerId(2), DraftId(1)).await.unwrap());
        assert!(drafts::delete(&mut tx, shop.id(), DraftId(1)).await.unwrap());
        assert!(!drafts::delete(&mut tx, shop.id(), DraftId(1)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(shop.look("select line from draft_lines"), [""; 0]);
    }
}
