//! Changes of services: the trail of them, what is billed ahead, what is given back and taken back.

use jiff::civil::date;
use perennial_billing::change::{Sold, TakenBack};
use perennial_billing::{AddonId, InvoiceId, Money, PeriodNumber, SellerId, ServiceChangeId, ServiceId};
use perennial_store::changes::{self, ServiceChange};
use perennial_store::invoices::InvoiceStatus;
use perennial_testkit::on_both_databases;

use crate::shop::{ANCHOR, ASTRID, SERVER, SERVICE, Shop, TODAY, addon, cycle, noon, sek, service};

fn change(id: i64) -> ServiceChange {
    let sold =
        |quantity: &str, length| Sold { product: SERVER, quantity: quantity.parse().unwrap(), cycle: cycle(length) };
    ServiceChange {
        id: ServiceChangeId(id),
        service: SERVICE,
        addon: None,
        at: noon(),
        actor: "key:7".to_owned(),
        effective_on: TODAY,
        from: sold("0.000001", "1m"),
        to: sold("9223372036854.775807", "30d"),
        invoice: None,
        taken_back: None,
    }
}

on_both_databases! {
    async fn changes_are_read_as_they_were_written_newest_first(kind) {
        let shop = Shop::new(kind).await;
        let most = ServiceChange {
            addon: Some(AddonId(7)),
            invoice: Some(InvoiceId(8)),
            taken_back: Some(InvoiceId(9)),
            ..change(2)
        };
        let mut tx = shop.begin().await;
        for new in [change(1), most.clone(), change(3)] {
            changes::insert(&mut tx, shop.id(), &new).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let of = changes::of_service(&mut conn, shop.id(), SERVICE, None, 2).await.unwrap();
        assert_eq!(of, [change(3), most.clone()]);
        let before = Some(ServiceChangeId(2));
        assert_eq!(changes::of_service(&mut conn, shop.id(), SERVICE, before, 9).await.unwrap(), [change(1)]);
        assert_eq!(changes::of_service(&mut conn, SellerId(2), SERVICE, None, 9).await.unwrap(), []);
    }

    async fn what_is_billed_ahead_is_read_by_period_and_addon(kind) {
        let shop = Shop::new(kind).await;
        shop.put_addons(&[addon(1, SERVICE, SERVER)]).await;
        let billed = async |after| {
            let mut conn = shop.read().await;
            let found = changes::billed(&mut conn, shop.id(), SERVICE, sek(), &[], after).await.unwrap();
            found.iter().map(|b| (b.number.0, b.addon.map(|id| id.0), b.period.starts, b.whole.minor)).collect::<Vec<_>>()
        };
        assert_eq!(billed(TODAY).await, []);
        let invoice = shop.renew().await;
        assert_eq!(billed(TODAY).await, [(0, None, ANCHOR, 10_000), (0, Some(1), ANCHOR, 10_000)]);
        assert_eq!(billed(date(2026, 12, 31)).await.len(), 2);
        assert_eq!(billed(date(2027, 1, 1)).await, [], "the last day is over");
        // A period that was given back is billed no more, even in part.
        let mut tx = shop.begin().await;
        changes::give_back(&mut tx, shop.id(), SERVICE, &[(PeriodNumber(0), date(2026, 12, 10))]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(billed(TODAY).await, []);
        assert_eq!(invoice.status, InvoiceStatus::Issued);
    }

    async fn an_unpaid_invoice_is_taken_back_whole(kind) {
        let shop = Shop::new(kind).await;
        shop.put_services(&[service(2, ASTRID, SERVER)]).await;
        let both = shop.planned(&[SERVICE, ServiceId(2)]).await;
        let written = shop.write(&both).await.unwrap();
        let invoice = written[0].id;
        let mut tx = shop.begin().await;
        let can = changes::can_take_back(&mut tx, shop.id(), SERVICE, invoice).await.unwrap();
        let (addons, discounts) = (Vec::new(), Vec::new());
        assert_eq!(can, Some(TakenBack { invoice, from: PeriodNumber(0), addons, discounts }));
        let other = changes::can_take_back(&mut tx, shop.id(), ServiceId(2), invoice).await.unwrap();
        assert_eq!(other, None, "it bills another service");
        assert!(changes::take_back(&mut tx, shop.id(), invoice, (date(2026, 11, 24), noon())).await.unwrap());
        assert!(!changes::take_back(&mut tx, shop.id(), invoice, (TODAY, noon())).await.unwrap(), "it is void");
        tx.commit().await.unwrap();
        assert_eq!(shop.invoice(invoice).await.status, InvoiceStatus::Void);
        assert_eq!(shop.invoice(written[1].id).await.status, InvoiceStatus::Issued);
        let mut tx = shop.begin().await;
        assert_eq!(changes::can_take_back(&mut tx, shop.id(), SERVICE, invoice).await.unwrap(), None, "it is void");
        let booked = "select source_id, entry, debit, credit, amount_minor, booked_on, product_id, tax_rate_ppm from ledger \
            where source = 'invoice' order by source_id, entry";
        let expected = [
            "1|1|receivable|revenue|10000|2026-11-23|1912|250000",
            "1|2|receivable|vat|2500|2026-11-23||250000",
            "1|3|revenue|receivable|10000|2026-11-24|1912|250000",
            "1|4|vat|receivable|2500|2026-11-24||250000",
            "2|1|receivable|revenue|10000|2026-11-23|1912|250000",
            "2|2|receivable|vat|2500|2026-11-23||250000",
        ];
        assert_eq!(shop.look(booked), expected);
        assert_eq!(shop.invoice(invoice).await.open, Money::zero(sek()));
        assert_eq!(shop.look("select id from services where open_invoice_id is not null"), ["2"]);
    }
}
