//! What customers have with the seller.

use perennial_billing::{Currency, CustomerId, InvoiceId, Money, PaymentId, RefundId, SellerId};
use perennial_store::credits::{self, CreditMove, CreditReason, NewCreditMove};
use perennial_store::{StoreError, customers};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, ODD_TEXTS, Shop, at, customer, far_instants, noon, sek};

const BERTIL: CustomerId = CustomerId(8);

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn moving(minor: i64) -> NewCreditMove {
    NewCreditMove {
        customer: ASTRID,
        amount: Money::new(minor, sek()),
        reason: if minor < 0 { CreditReason::Applied } else { CreditReason::Overpaid },
        invoice: None,
        payment: None,
        refund: None,
        at: noon(),
        actor: "cli".to_owned(),
    }
}

impl Shop {
    /// Moves credit in a transaction of its own, and tells what is left, if it could.
    async fn move_credit(&self, new: &NewCreditMove) -> Option<i64> {
        let mut tx = self.begin().await;
        let left = credits::move_credit(&mut tx, self.id(), new).await.unwrap();
        tx.commit().await.unwrap();
        left.map(|left| left.minor)
    }

    async fn credit_log(&self, limit: i64, offset: i64) -> Vec<CreditMove> {
        credits::log(&mut self.read().await, self.id(), ASTRID, limit, offset).await.unwrap()
    }

    async fn credit(&self, currency: Currency) -> i64 {
        credits::balance(&mut self.read().await, self.id(), ASTRID, currency).await.unwrap().minor
    }
}

on_both_databases! {
    async fn credit_moves_up_and_down_and_every_move_says_what_is_left(kind) {
        let shop = Shop::new(kind).await;
        let mut left = Vec::new();
        for minor in [500, -200, 1, -301, 7] {
            left.push(shop.move_credit(&moving(minor)).await);
        }
        assert_eq!(left, [500, 300, 301, 0, 7].map(Some));
        let log = shop.credit_log(9, 0).await;
        let read: Vec<_> = log.iter().map(|entry| (entry.id, entry.moved.amount.minor, entry.balance.minor)).collect();
        assert_eq!(read, [(5, 7, 7), (4, -301, 0), (3, 1, 301), (2, -200, 300), (1, 500, 500)], "newest first");
        assert_eq!(shop.credit(sek()).await, 7);
    }

    async fn credit_never_becomes_less_than_nothing_and_then_nothing_is_written(kind) {
        let shop = Shop::new(kind).await;
        let written = || (shop.look("select * from credits"), shop.look("select * from credit_entries"));
        assert_eq!(shop.move_credit(&moving(-1)).await, None);
        assert_eq!(written(), (Vec::new(), Vec::new()), "who never had anything has no row either");
        shop.move_credit(&moving(500)).await.unwrap();
        let before = written();
        for too_much in [-501, i64::MIN] {
            assert_eq!(shop.move_credit(&moving(too_much)).await, None, "{too_much}");
        }
        let euros = NewCreditMove { amount: Money::new(-1, euro()), ..moving(-1) };
        assert_eq!(shop.move_credit(&euros).await, None, "kronor are no euros");
        assert_eq!(written(), before);
        // The transaction goes on, on both databases.
        let mut tx = shop.begin().await;
        assert_eq!(credits::move_credit(&mut tx, shop.id(), &moving(-501)).await.unwrap(), None);
        let rest = credits::move_credit(&mut tx, shop.id(), &moving(-500)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(rest, Some(Money::zero(sek())));
        assert_eq!(shop.credit(sek()).await, 0);
    }

    async fn of_two_who_take_it_all_one_gets_it(kind) {
        let shop = Shop::new(kind).await;
        shop.move_credit(&moving(500)).await.unwrap();
        let take = async || shop.move_credit(&moving(-300)).await;
        let (a, b, c) = tokio::join!(take(), take(), take());
        let got: Vec<i64> = [a, b, c].into_iter().flatten().collect();
        assert_eq!(got, [200]);
        assert_eq!(shop.look("select balance_minor from credits"), ["200"]);
        assert_eq!(shop.credit_log(9, 0).await.len(), 2);
    }

    async fn of_two_who_bring_the_first_credit_both_are_counted(kind) {
        let shop = Shop::new(kind).await;
        let bring = async || shop.move_credit(&moving(300)).await;
        let (a, b) = tokio::join!(bring(), bring());
        let mut left = [a, b];
        left.sort_unstable();
        assert_eq!(left, [Some(300), Some(600)]);
        assert_eq!(shop.credit(sek()).await, 600);
    }

    async fn a_balance_that_was_read_in_a_transaction_stays_until_it_ends(kind) {
        let shop = Shop::new(kind).await;
        shop.move_credit(&moving(500)).await.unwrap();
        // Each takes all that it finds; so one finds nothing.
        let empty = async || {
            let mut tx = shop.begin().await;
            let has = credits::balance(&mut tx, shop.id(), ASTRID, sek()).await.unwrap().minor;
            if has > 0 {
                credits::move_credit(&mut tx, shop.id(), &moving(-has)).await.unwrap().expect("it is held");
            }
            tx.commit().await.unwrap();
            has
        };
        let (a, b) = tokio::join!(empty(), empty());
        assert_eq!(a + b, 500);
        assert_eq!(shop.credit(sek()).await, 0);
    }

    async fn balances_are_by_currency_and_customer_and_nothing_is_left_out(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
        tx.commit().await.unwrap();
        for (customer, code, minor) in [(ASTRID, "SEK", 5), (ASTRID, "EUR", 6), (ASTRID, "NOK", 7), (ASTRID, "NOK", -7), (BERTIL, "SEK", 8)] {
            let amount = Money::new(minor, code.parse().unwrap());
            shop.move_credit(&NewCreditMove { customer, amount, ..moving(minor) }).await.unwrap();
        }
        let of = async |seller, customer| credits::balances(&mut shop.read().await, seller, customer).await.unwrap();
        assert_eq!(of(shop.id(), ASTRID).await, [Money::new(6, euro()), Money::new(5, sek())]);
        assert_eq!(of(shop.id(), BERTIL).await, [Money::new(8, sek())]);
        assert_eq!(of(shop.id(), CustomerId(99)).await, []);
        assert_eq!(of(SellerId(2), ASTRID).await, []);
        assert_eq!((shop.credit(euro()).await, shop.credit("JPY".parse().unwrap()).await), (6, 0));
    }

    async fn the_log_is_read_as_it_was_written_page_by_page(kind) {
        use CreditReason::{Applied, Credited, Deposited, Overpaid, Refunded};
        let shop = Shop::new(kind).await;
        let mut balance = 0;
        let mut expected = Vec::new();
        let reasons = [Overpaid, Deposited, Credited, Applied, Refunded];
        for ((reason, at), (id, actor)) in reasons.into_iter().zip(far_instants()).zip((1..).zip(ODD_TEXTS)) {
            let amount = if matches!(reason, Applied | Refunded) { -10 } else { 100 };
            let new = NewCreditMove {
                reason,
                invoice: (id % 2 == 0).then_some(InvoiceId(i64::MAX - id)),
                payment: (id % 3 == 0).then_some(PaymentId(i64::MAX - id)),
                refund: (id % 5 == 0).then_some(RefundId(i64::MAX - id)),
                at,
                actor: actor.to_owned(),
                ..moving(amount)
            };
            balance += amount;
            assert_eq!(shop.move_credit(&new).await, Some(balance));
            expected.push(CreditMove { id, balance: Money::new(balance, sek()), moved: new });
        }
        expected.reverse();
        assert_eq!(shop.credit_log(9, 0).await, expected);
        assert_eq!(shop.credit_log(2, 0).await, expected[..2]);
        assert_eq!(shop.credit_log(2, 2).await, expected[2..4]);
        assert_eq!(shop.credit_log(2, 5).await, []);
        assert_eq!(credits::log(&mut shop.read().await, SellerId(2), ASTRID, 9, 0).await.unwrap(), []);
    }

    async fn the_newest_moves_are_found_from_anywhere(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
        tx.commit().await.unwrap();
        for id in 1..=6 {
            let customer = if id % 3 == 0 { BERTIL } else { ASTRID };
            shop.move_credit(&NewCreditMove { customer, ..moving(id) }).await.unwrap();
        }
        let newest = async |seller, customer, before, limit| {
            let mut conn = shop.read().await;
            let moves = credits::newest(&mut conn, seller, customer, before, limit).await.unwrap();
            moves.iter().map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!(newest(shop.id(), ASTRID, None, 9).await, [5, 4, 2, 1]);
        assert_eq!(newest(shop.id(), ASTRID, None, 2).await, [5, 4]);
        assert_eq!(newest(shop.id(), ASTRID, Some(4), 2).await, [2, 1]);
        assert_eq!(newest(shop.id(), ASTRID, Some(1), 2).await, [0; 0]);
        assert_eq!(newest(shop.id(), BERTIL, None, 9).await, [6, 3]);
        assert_eq!(newest(SellerId(2), ASTRID, None, 9).await, [0; 0]);
        let all = credits::newest(&mut shop.read().await, shop.id(), ASTRID, None, 9).await.unwrap();
        assert_eq!(all, shop.credit_log(9, 0).await);
    }

    async fn what_cannot_be_is_refused_and_nothing_is_written(kind) {
        let shop = Shop::new(kind).await;
        shop.move_credit(&moving(i64::MAX)).await.unwrap();
        for wrong in [moving(1), moving(0)] {
            let mut tx = shop.begin().await;
            let error = credits::move_credit(&mut tx, shop.id(), &wrong).await.unwrap_err();
            assert!(matches!(error, StoreError::Statement(_)), "{error}");
        }
        let nobody = NewCreditMove { customer: CustomerId(99), ..moving(1) };
        let mut tx = shop.begin().await;
        let error = credits::move_credit(&mut tx, shop.id(), &nobody).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        drop(tx);
        assert_eq!(shop.credit(sek()).await, i64::MAX);
        assert_eq!(shop.credit_log(9, 0).await.len(), 1);
    }

    async fn a_move_that_was_not_committed_did_not_happen(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        let new = NewCreditMove { at: at("2026-11-23T11:00:00Z"), ..moving(5) };
        assert!(credits::move_credit(&mut tx, shop.id(), &new).await.unwrap().is_some());
        drop(tx);
        assert_eq!((shop.credit(sek()).await, shop.credit_log(9, 0).await), (0, Vec::new()));
    }
}

#[test]
fn every_reason_has_a_word_and_a_title() {
    use CreditReason::{Applied, Credited, Deposited, Overpaid, Refunded};
    let words = [Overpaid, Deposited, Credited, Applied, Refunded].map(CreditReason::as_str);
    assert_eq!(words, ["overpaid", "deposited", "credited", "applied", "refunded"]);
}
