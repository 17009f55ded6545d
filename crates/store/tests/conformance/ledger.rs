//! The ledger.

use jiff::civil::{Date, date};
use perennial_billing::ledger::{Account, Entry, Source};
use perennial_billing::{Money, ProductId, Rate, SellerId, TaxCategory, TaxProfile};
use perennial_store::StoreError;
use perennial_store::ledger::{self, Booked};
use perennial_testkit::on_both_databases;

use crate::shop::{FAR_DAYS, Shop, TODAY, sek};

const SOURCES: [Source; 5] = [Source::Invoice, Source::CreditNote, Source::Payment, Source::Refund, Source::Settlement];

fn moving(debit: Account, credit: Account, minor: i64) -> Entry {
    Entry::moving(debit, credit, Money::new(minor, sek())).unwrap()
}

/// A move between each account and the next, with and without what it was for.
fn every_move() -> Vec<Entry> {
    use TaxCategory::{AE, E, G, K, O, S, Z};
    let tax = |(category, rate)| TaxProfile {
        country: "DE".parse().unwrap(),
        category,
        rate: Rate::from_parts_per_million(rate),
    };
    let taxes = [S, Z, E, AE, K, G, O].into_iter().zip([1_000_000, 0, 1, 2, 3, 4, 5]).map(tax);
    let pairs = Account::ALL.into_iter().zip(Account::ALL.into_iter().cycle().skip(1));
    let entry = |((n, (debit, credit)), tax): ((i64, (Account, Account)), TaxProfile)| Entry {
        product: (n % 2 == 0).then_some(ProductId(i64::MAX - n)),
        tax: (n % 3 > 0).then_some(tax),
        ..moving(debit, credit, i64::MAX - n)
    };
    (0..).zip(pairs).zip(taxes).map(entry).collect()
}

/// Books a move for each kind of event, with two ids each, on far days; by source word, id and entry.
async fn many(shop: &Shop) -> Vec<Booked> {
    let mut all = Vec::new();
    let mut tx = shop.begin().await;
    for (source, booked_on) in SOURCES.into_iter().zip(FAR_DAYS) {
        for source_id in [2, 10, i64::MAX] {
            let entries = [moving(Account::Bank, Account::Credit, source_id), moving(Account::Vat, Account::Bank, 1)];
            ledger::book(&mut tx, shop.id(), source, source_id, booked_on, entries).await.unwrap();
            all.extend((1..).zip(entries).map(|(entry, moved)| Booked { source, source_id, entry, booked_on, moved }));
        }
    }
    tx.commit().await.unwrap();
    all.sort_by_key(|booked| (booked.source.as_str(), booked.source_id, booked.entry));
    all
}

async fn page(shop: &Shop, days: (Date, Date), after: Option<(Source, i64, i64)>, limit: i64) -> Vec<Booked> {
    ledger::page(&mut shop.read().await, shop.id(), days, after, limit).await.unwrap()
}

on_both_databases! {
    async fn moves_are_read_as_they_were_booked(kind) {
        let shop = Shop::bare(kind).await;
        let moves = every_move();
        let mut tx = shop.begin().await;
        for source in SOURCES {
            ledger::book(&mut tx, shop.id(), source, 7, FAR_DAYS[0], moves.iter().copied()).await.unwrap();
        }
        ledger::book(&mut tx, shop.id(), Source::Payment, 8, FAR_DAYS[6], []).await.unwrap();
        tx.commit().await.unwrap();
        for source in SOURCES {
            let expected: Vec<Booked> = (1..)
                .zip(&moves)
                .map(|(entry, moved)| Booked { source, source_id: 7, entry, booked_on: FAR_DAYS[0], moved: *moved })
                .collect();
            assert_eq!(ledger::of_event(&mut shop.read().await, shop.id(), source, 7).await.unwrap(), expected);
        }
        let mut conn = shop.read().await;
        assert_eq!(ledger::of_event(&mut conn, shop.id(), Source::Payment, 8).await.unwrap(), [], "it moved nothing");
        assert_eq!(ledger::of_event(&mut conn, SellerId(2), Source::Payment, 7).await.unwrap(), []);
    }

    async fn an_event_is_booked_once(kind) {
        let shop = Shop::bare(kind).await;
        let entry = [moving(Account::Bank, Account::Receivable, 1)];
        let mut tx = shop.begin().await;
        ledger::book(&mut tx, shop.id(), Source::Payment, 7, TODAY, entry).await.unwrap();
        ledger::book(&mut tx, shop.id(), Source::Refund, 7, TODAY, entry).await.unwrap();
        let again = ledger::book(&mut tx, shop.id(), Source::Payment, 7, TODAY, entry).await;
        assert!(matches!(&again, Err(StoreError::Unique { table, .. }) if table == "ledger"), "{again:?}");
    }

    async fn pages_follow_each_other_without_a_gap(kind) {
        let shop = Shop::bare(kind).await;
        let all = many(&shop).await;
        let ever = (FAR_DAYS[0], FAR_DAYS[6]);
        for limit in [1, 4, 29, 30, 31] {
            let mut read = Vec::new();
            loop {
                let after = read.last().map(|last: &Booked| (last.source, last.source_id, last.entry));
                let next = page(&shop, ever, after, limit).await;
                assert!(i64::try_from(next.len()).unwrap() <= limit);
                if next.is_empty() {
                    break;
                }
                read.extend(next);
            }
            assert_eq!(read, all, "{limit} at a time");
        }
        assert_eq!(page(&shop, ever, None, 0).await, []);
    }

    async fn a_page_is_of_its_days_the_first_and_the_last_among_them(kind) {
        let shop = Shop::bare(kind).await;
        let all = many(&shop).await;
        let stretches = [
            (FAR_DAYS[0], FAR_DAYS[0]),
            (FAR_DAYS[1], FAR_DAYS[3]),
            (date(1582, 10, 11), date(1969, 12, 30)),
            (FAR_DAYS[2], date(1969, 12, 31)),
            (FAR_DAYS[4], FAR_DAYS[6]),
            (FAR_DAYS[4], FAR_DAYS[3]),
        ];
        for (from, through) in stretches {
            let within = |booked: &&Booked| from <= booked.booked_on && booked.booked_on <= through;
            let expected: Vec<Booked> = all.iter().filter(within).cloned().collect();
            assert_eq!(page(&shop, (from, through), None, 99).await, expected, "{from} to {through}");
            if let Some(first) = expected.first() {
                let after = Some((first.source, first.source_id, first.entry));
                assert_eq!(page(&shop, (from, through), after, 99).await, expected[1..]);
            }
        }
        let others = ledger::page(&mut shop.read().await, SellerId(2), (FAR_DAYS[0], FAR_DAYS[6]), None, 99).await;
        assert_eq!(others.unwrap(), []);
    }
}
