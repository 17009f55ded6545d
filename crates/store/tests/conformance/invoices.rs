//! Issued invoices, read.

use jiff::civil::date;
use perennial_billing::line::{Allowance, Line, PriceOrigin};
use perennial_billing::renewal::{Claim, Plan};
use perennial_billing::{
    AddonId, CustomerId, InvoiceId, Money, Part, Period, PeriodNumber, PriceId, ProductId, Quantity, Rate, Rounding,
    ServiceId, Share, TaxCategory, TaxGroup, TaxProfile,
};
use perennial_store::invoices::{self, Invoice, InvoiceFilter, InvoiceLine, InvoiceStatus};
use perennial_store::renewals::NewInvoice;
use perennial_store::{customers, sellers, services};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, FAR_DAYS, ODD_TEXTS, SERVER, SERVICE, Shop, TODAY, customer, noon, seller, service};

const BERTIL: CustomerId = CustomerId(8);

/// Invoices 1, 3 and 4 are Astrid's, 2 is Bertil's; 3 is paid, 4 is void.
async fn four_invoices(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let mut tx = shop.begin().await;
    customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
    let more = [service(1, ASTRID, SERVER), service(2, BERTIL, SERVER), service(3, ASTRID, SERVER)];
    services::upsert(&mut tx, shop.id(), &more).await.unwrap();
    tx.commit().await.unwrap();
    for id in [1, 2, 3, SERVICE.0] {
        shop.write(&shop.planned(&[ServiceId(id)]).await).await.unwrap();
    }
    shop.settle(InvoiceId(3));
    shop.meddle(
        "update invoices set status = 'void' where id = 4; update periods set state = 'void' where invoice_id = 4",
    );
    shop
}

fn of(customer: Option<CustomerId>, status: Option<InvoiceStatus>) -> InvoiceFilter {
    InvoiceFilter { customer, status }
}

/// An invoice that no rule would make, with everything in it that a row can hold.
fn extreme(new: NewInvoice) -> NewInvoice {
    let yen = "JPY".parse().unwrap();
    let line = |(n, text): (i64, &str)| Line {
        service: SERVICE,
        period: Period { starts: FAR_DAYS[0], ends: FAR_DAYS[6] },
        addon: (n > 1).then_some(AddonId(i64::MAX - n)),
        product: ProductId(n),
        description: text.to_owned(),
        quantity: Quantity::from_millionths(if n % 2 == 0 { i64::MIN } else { i64::MAX }),
        unit_price: Money::new(if n % 2 == 0 { i64::MAX } else { i64::MIN }, yen),
        price_origin: match n % 3 {
            0 => PriceOrigin::Own,
            1 => PriceOrigin::Feed,
            _ => PriceOrigin::Catalogue(PriceId(n)),
        },
        net: Money::new(if n == 1 { i64::MAX - 1 } else { 0 }, yen),
        discount: (n % 5 == 0).then(|| text.to_owned()),
        allowance: (n % 4 == 0).then(|| Allowance { amount: Money::new(i64::MAX - n, yen), reason: text.to_owned() }),
        part: (n % 3 == 0).then(|| Part {
            whole: Money::new(i64::MAX, yen),
            starts: FAR_DAYS[2],
            share: Share { days: u32::MAX - 1, of: u32::MAX },
        }),
        tax: TaxProfile { category: TaxCategory::S, rate: Rate::from_parts_per_million(n) },
    };
    let profile = |category, ppm| TaxProfile { category, rate: Rate::from_parts_per_million(ppm) };
    let group = |profile, base, tax| TaxGroup { profile, base: Money::new(base, yen), tax: Money::new(tax, yen) };
    let plan = Plan {
        claims: vec![Claim {
            service: SERVICE,
            number: PeriodNumber(u32::MAX - 1),
            period: Period { starts: FAR_DAYS[0], ends: FAR_DAYS[6] },
            next_renew_on: FAR_DAYS[5],
            discount_periods: None,
        }],
        terms: Vec::new(),
        issued_on: date(9999, 1, 1),
        due_on: FAR_DAYS[6],
        lines: (1..).zip(ODD_TEXTS).map(line).collect(),
        tax_groups: vec![
            group(profile(TaxCategory::AE, 0), i64::MIN, 0),
            group(profile(TaxCategory::S, 60_000), i64::MAX, -1),
            group(profile(TaxCategory::S, 250_000), -1, 2),
        ],
        net: Money::new(i64::MAX - 1, yen),
        tax: Money::new(1, yen),
        total: Money::new(i64::MAX, yen),
        rounding: Rounding::HalfEven,
    };
    NewInvoice { plan, ..new }
}

on_both_databases! {
    async fn an_invoice_keeps_what_was_planned(kind) {
        let shop = Shop::new(kind).await;
        let new = shop.plan().await;
        let invoice = shop.renew().await;
        let expected = Invoice {
            id: InvoiceId(1),
            number: "202600001".to_owned(),
            customer: ASTRID,
            issued_on: TODAY,
            due_on: date(2026, 12, 3),
            issued_at: noon(),
            net: new.plan.net,
            tax: new.plan.tax,
            total: new.plan.total,
            rounding: Rounding::HalfUp,
            seller: shop.seller.party.clone(),
            buyer: new.customer.party.clone(),
            status: InvoiceStatus::Issued,
            paid_at: None,
        };
        assert_eq!(invoice, expected);
        assert_eq!((invoice.net.minor, invoice.tax.minor, invoice.total.minor), (10_000, 2_500, 12_500));
        let mut conn = shop.read().await;
        let line = InvoiceLine {
            line: 1,
            service: SERVICE,
            addon: None,
            product: SERVER,
            description: new.plan.lines[0].description.clone(),
            quantity: Quantity::ONE,
            unit_price: new.plan.net,
            net: new.plan.net,
            tax: new.customer.tax,
            period: Period { starts: date(2026, 12, 1), ends: date(2027, 1, 1) },
            price_origin: "catalogue".to_owned(),
            allowance: None,
            part: None,
        };
        assert_eq!(invoices::lines(&mut conn, shop.id(), &invoice).await.unwrap(), [line]);
        assert_eq!(invoices::taxes(&mut conn, shop.id(), &invoice).await.unwrap(), new.plan.tax_groups);
    }

    async fn the_copies_do_not_follow_their_originals(kind) {
        let shop = Shop::new(kind).await;
        let before = shop.renew().await;
        let mut tx = shop.begin().await;
        let mut moved = seller(1);
        moved.party.name = "Another Name AB".to_owned();
        sellers::update(&mut tx, &moved).await.unwrap();
        customers::upsert(&mut tx, shop.id(), &[customer(ASTRID.0, "Astrid Lind")]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(shop.invoice(before.id).await, before);
        assert_eq!(before.buyer.name, "Astrid Nyman");
    }

    async fn odd_texts_far_days_and_large_amounts_survive(kind) {
        let shop = Shop::new(kind).await;
        let mut new = extreme(shop.plan().await);
        let odd = ODD_TEXTS.concat();
        new.customer.party.name.clone_from(&odd);
        let mut issuer = seller(1);
        issuer.party.name.clone_from(&odd);
        let written = shop.write_for(&issuer, std::slice::from_ref(&new)).await.unwrap();
        assert_eq!(written[0].number, "999900001");
        let invoice = shop.invoice(written[0].id).await;
        assert_eq!((invoice.seller, invoice.buyer), (issuer.party, new.customer.party.clone()));
        assert_eq!((invoice.net, invoice.tax, invoice.total), (new.plan.net, new.plan.tax, new.plan.total));
        assert_eq!(
            (invoice.issued_on, invoice.due_on, invoice.rounding),
            (date(9999, 1, 1), FAR_DAYS[6], Rounding::HalfEven)
        );
        let invoice = shop.invoice(written[0].id).await;
        let mut conn = shop.read().await;
        let lines: Vec<InvoiceLine> = (1..)
            .zip(&new.plan.lines)
            .map(|(n, line)| InvoiceLine {
                line: n,
                service: SERVICE,
                addon: line.addon,
                product: line.product,
                description: line.description.clone(),
                quantity: line.quantity,
                unit_price: line.unit_price,
                net: line.net,
                tax: line.tax,
                period: line.period,
                price_origin: ["own", "feed", "catalogue"][usize::try_from(n).unwrap() % 3].to_owned(),
                allowance: line.allowance.clone(),
                part: line.part,
            })
            .collect();
        assert_eq!(invoices::lines(&mut conn, shop.id(), &invoice).await.unwrap(), lines);
        assert_eq!(invoices::taxes(&mut conn, shop.id(), &invoice).await.unwrap(), new.plan.tax_groups);
    }

    async fn an_unknown_invoice_is_none_and_has_nothing(kind) {
        let shop = Shop::new(kind).await;
        let mut unknown = shop.renew().await;
        unknown.id = InvoiceId(99);
        let mut conn = shop.read().await;
        assert_eq!(invoices::get(&mut conn, shop.id(), unknown.id).await.unwrap(), None);
        assert_eq!(invoices::lines(&mut conn, shop.id(), &unknown).await.unwrap(), []);
        assert_eq!(invoices::taxes(&mut conn, shop.id(), &unknown).await.unwrap(), []);
    }

    async fn filters_narrow_the_list_and_the_count_alike(kind) {
        use InvoiceStatus::{Issued, Paid, Void};
        let shop = four_invoices(kind).await;
        let mut conn = shop.read().await;
        let table: [(InvoiceFilter, &[i64]); 9] = [
            (of(None, None), &[4, 3, 2, 1]),
            (of(Some(ASTRID), None), &[4, 3, 1]),
            (of(Some(BERTIL), None), &[2]),
            (of(None, Some(Issued)), &[2, 1]),
            (of(None, Some(Paid)), &[3]),
            (of(None, Some(Void)), &[4]),
            (of(Some(ASTRID), Some(Issued)), &[1]),
            (of(Some(BERTIL), Some(Paid)), &[]),
            (of(Some(CustomerId(99)), None), &[]),
        ];
        for (filter, expected) in table {
            let page = invoices::page(&mut conn, shop.id(), filter, 10, 0).await.unwrap();
            assert_eq!(page.iter().map(|invoice| invoice.id.0).collect::<Vec<_>>(), expected, "{filter:?}");
            let count = invoices::count(&mut conn, shop.id(), filter).await.unwrap();
            assert_eq!(count, i64::try_from(expected.len()).unwrap(), "{filter:?}");
        }
    }

    async fn pages_follow_each_other_newest_first(kind) {
        let shop = four_invoices(kind).await;
        let mut conn = shop.read().await;
        let table: [(i64, i64, &[i64]); 5] =
            [(3, 0, &[4, 3, 2]), (3, 3, &[1]), (3, 4, &[]), (0, 0, &[]), (i64::MAX, 1, &[3, 2, 1])];
        for (limit, offset, expected) in table {
            let page = invoices::page(&mut conn, shop.id(), InvoiceFilter::default(), limit, offset).await.unwrap();
            let ids: Vec<i64> = page.iter().map(|invoice| invoice.id.0).collect();
            assert_eq!(ids, expected, "limit {limit}, offset {offset}");
        }
    }

    async fn a_list_shows_what_the_invoice_shows(kind) {
        let shop = four_invoices(kind).await;
        let page = invoices::page(&mut shop.read().await, shop.id(), of(None, None), 10, 0).await.unwrap();
        for invoice in page {
            assert_eq!(shop.invoice(invoice.id).await, invoice);
        }
        let paid = shop.invoice(InvoiceId(3)).await;
        assert_eq!((paid.status, paid.paid_at), (InvoiceStatus::Paid, Some(jiff::Timestamp::UNIX_EPOCH)));
    }
}

#[test]
fn statuses_have_a_word_for_the_database_and_a_title_for_the_api() {
    use InvoiceStatus::{Issued, Paid, Void};
    let table = [(Issued, "issued", "Unpaid"), (Paid, "paid", "Paid"), (Void, "void", "Cancelled")];
    for (status, word, title) in table {
        assert_eq!((status.as_str(), status.title()), (word, title));
        for spelling in [title.to_owned(), title.to_lowercase(), title.to_uppercase()] {
            assert_eq!(InvoiceStatus::from_title(&spelling), Some(status), "{spelling}");
        }
    }
    assert_eq!(["", "issued", "void", "Paid "].map(InvoiceStatus::from_title), [None; 4]);
}
