//! Issued invoices, read.

use jiff::civil::date;
use perennial_billing::line::{Allowance, Line, PriceOrigin};
use perennial_billing::renewal::{Claim, Plan};
use perennial_billing::{
    AddonId, AmountRules, Country, CustomerId, DocumentKind, HomeRate, HomeTax, InvoiceId, Money, Part, Period,
    PeriodNumber, PriceId, ProductId, Quantity, Rate, Rounding, SellerId, ServiceId, Share, TaxCategory, TaxGroup,
    TaxProfile, TaxRounding, UnitRate,
};
use perennial_store::invoices::{self, Invoice, InvoiceFilter, InvoiceLine, InvoiceQuery, InvoiceStatus, Standing};
use perennial_store::renewals::NewInvoice;
use perennial_store::{customers, sellers, services};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{
    ASTRID, FAR_DAYS, ODD_TEXTS, SERVER, SERVICE, Shop, TODAY, customer, document, noon, sek, seller, service,
    swedish_vat,
};

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
    shop.pay(InvoiceId(3)).await;
    shop.take_back(InvoiceId(4)).await;
    shop
}

fn of(customer: Option<CustomerId>, status: Option<InvoiceStatus>) -> InvoiceFilter {
    InvoiceFilter { customer, status, ..Default::default() }
}

/// An invoice that no rule would make, with everything in it that a row can hold.
fn extreme(new: NewInvoice) -> NewInvoice {
    let yen = "JPY".parse().unwrap();
    let country = |n: i64| -> Country { if n % 2 == 0 { "FI" } else { "SE" }.parse().unwrap() };
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
        net: Money::new(if n == 1 { i64::MAX - 2 } else { 0 }, yen),
        gross: (n % 2 == 0).then(|| Money::new(i64::MIN + n, yen)),
        contained: Rate::ZERO,
        discount: (n % 5 == 0).then(|| text.to_owned()),
        allowance: (n % 4 == 0).then(|| Allowance { amount: Money::new(i64::MAX - n, yen), reason: text.to_owned() }),
        part: (n % 3 == 0).then(|| Part {
            whole: Money::new(i64::MAX, yen),
            starts: FAR_DAYS[2],
            share: Share { days: u32::MAX - 1, of: u32::MAX },
        }),
        tax: TaxProfile { country: country(n), category: TaxCategory::S, rate: Rate::from_parts_per_million(n) },
    };
    let profile =
        |n, category, ppm| TaxProfile { country: country(n), category, rate: Rate::from_parts_per_million(ppm) };
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
            group(profile(2, TaxCategory::S, 250_000), 7, 0),
            group(profile(1, TaxCategory::AE, 0), i64::MIN, 0),
            group(profile(1, TaxCategory::S, 60_000), i64::MAX, -1),
            group(profile(1, TaxCategory::S, 250_000), -1, 2),
        ],
        net: Money::new(i64::MAX - 2, yen),
        tax: Money::new(1, yen),
        rounding: Money::new(1, yen),
        total: Money::new(i64::MAX, yen),
        home_tax: Some(HomeTax {
            rate: HomeRate {
                home: sek(),
                rate: UnitRate::from_billionths(i64::MAX),
                starts: FAR_DAYS[0],
                source: ODD_TEXTS.concat(),
            },
            tax: Money::new(i64::MIN, sek()),
        }),
        rules: AmountRules {
            rounding: Rounding::HalfEven,
            tax_rounding: TaxRounding::Line,
            includes_tax: true,
            payable_step: 5,
        },
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
            kind: DocumentKind::Invoice,
            number: "202600001".to_owned(),
            customer: ASTRID,
            issued_on: TODAY,
            due_on: date(2026, 12, 3),
            issued_at: noon(),
            net: new.plan.net,
            tax: new.plan.tax,
            rounding: Money::zero(sek()),
            total: new.plan.total,
            open: new.plan.total,
            rules: AmountRules::default(),
            home_tax: None,
            corrects: None,
            reason: None,
            seller: shop.seller.party.clone(),
            buyer: new.customer.party.clone(),
            language: "sv".to_owned(),
            status: InvoiceStatus::Issued,
            paid_at: None,
        };
        assert_eq!(invoice, expected);
        assert_eq!((invoice.net.minor, invoice.tax.minor, invoice.total.minor), (10_000, 2_500, 12_500));
        let mut conn = shop.read().await;
        let line = InvoiceLine {
            line: 1,
            service: Some(SERVICE),
            addon: None,
            product: Some(SERVER),
            description: new.plan.lines[0].description.clone(),
            quantity: Quantity::ONE,
            unit_price: new.plan.net,
            net: new.plan.net,
            gross: None,
            tax: swedish_vat(),
            period: Some(Period { starts: date(2026, 12, 1), ends: date(2027, 1, 1) }),
            price_origin: "catalogue".to_owned(),
            price_id: Some(1),
            discount: None,
            corrects_line: None,
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
        assert_eq!((invoice.rounding, invoice.open, &invoice.home_tax), (new.plan.rounding, new.plan.total, &new.plan.home_tax));
        assert_eq!((invoice.issued_on, invoice.due_on), (date(9999, 1, 1), FAR_DAYS[6]));
        // To which step the total was rounded is not kept: what it was rounded by is.
        assert_eq!(invoice.rules, AmountRules { payable_step: 1, ..new.plan.rules });
        let invoice = shop.invoice(written[0].id).await;
        let mut conn = shop.read().await;
        let lines: Vec<InvoiceLine> = (1..)
            .zip(&new.plan.lines)
            .map(|(n, line)| InvoiceLine {
                line: n,
                service: Some(SERVICE),
                addon: line.addon,
                product: Some(line.product),
                description: line.description.clone(),
                quantity: line.quantity,
                unit_price: line.unit_price,
                net: line.net,
                gross: line.gross,
                tax: line.tax,
                period: Some(line.period),
                price_origin: ["own", "feed", "catalogue"][usize::try_from(n).unwrap() % 3].to_owned(),
                price_id: (n % 3 == 2).then_some(n),
                discount: line.discount.clone(),
                corrects_line: None,
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

    async fn the_newest_are_found_by_customer_status_and_kind_from_anywhere(kind) {
        use DocumentKind::{CreditNote, Deposit};
        let shop = four_invoices(kind).await;
        // A credit note, 5, and two deposits, 6 and 7, of which the first is paid.
        for (kind, minor) in [(CreditNote, 400), (Deposit, 800), (Deposit, 1_200)] {
            shop.issue(&document(kind, minor)).await;
        }
        shop.pay(InvoiceId(6)).await;
        let mut conn = shop.read().await;
        let mut all = Vec::new();
        for id in (1..=7).rev() {
            all.push(shop.invoice(InvoiceId(id)).await);
        }
        for customer in [None, Some(ASTRID.0), Some(BERTIL.0), Some(99)] {
            for status in [None].into_iter().chain(InvoiceStatus::ALL.map(Some)) {
                for kind in [None].into_iter().chain(DocumentKind::ALL.map(Some)) {
                    for before in [None, Some(6), Some(3), Some(1)] {
                        let query = InvoiceQuery { customer: customer.map(CustomerId), status, kind };
                        let is_wanted = |invoice: &&Invoice| {
                            query.customer.is_none_or(|customer| invoice.customer == customer)
                                && status.is_none_or(|status| invoice.status == status)
                                && kind.is_none_or(|kind| invoice.kind == kind)
                                && before.is_none_or(|before| invoice.id.0 < before)
                        };
                        let expected: Vec<Invoice> = all.iter().filter(is_wanted).take(2).cloned().collect();
                        let before = before.map(InvoiceId);
                        let found = invoices::newest(&mut conn, shop.id(), query, before, 2).await.unwrap();
                        assert_eq!(found, expected, "{query:?} before {before:?}");
                    }
                }
            }
        }
        let none = invoices::newest(&mut conn, SellerId(2), InvoiceQuery::default(), None, 9).await.unwrap();
        assert_eq!(none, []);
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
        assert_eq!((paid.status, paid.paid_at), (InvoiceStatus::Paid, Some(noon())));
    }

    async fn a_document_is_voided_while_nothing_of_it_is_paid(kind) {
        let shop = four_invoices(kind).await;
        let void = async |id| {
            let mut tx = shop.begin().await;
            let voided = invoices::void_unpaid(&mut tx, shop.id(), InvoiceId(id), noon()).await.unwrap();
            tx.commit().await.unwrap();
            voided
        };
        shop.meddle("update invoices set open_minor = open_minor - 1 where id = 2");
        assert_eq!((void(2).await, void(3).await, void(4).await, void(99).await), (false, false, false, false));
        assert!(void(1).await);
        let now = shop.invoice(InvoiceId(1)).await;
        assert_eq!((now.status, now.open), (InvoiceStatus::Void, Money::zero(sek())));
        assert!(!void(1).await, "once");
        let mails = shop.look("select invoice_id, state from outbox order by invoice_id");
        assert_eq!(mails, ["1|called_off", "2|queued", "3|queued", "4|called_off"]);
    }

    async fn only_the_last_of_a_series_that_nobody_was_sent_may_be_voided(kind) {
        let shop = four_invoices(kind).await;
        shop.put_services(&[service(5, ASTRID, SERVER)]).await;
        let last = shop.write(&shop.planned(&[ServiceId(5)]).await).await.unwrap()[0].id;
        let may = async |id| invoices::may_be_voided(&mut shop.begin().await, shop.id(), id).await.unwrap();
        for early in [1, 2, 3, 4, 99] {
            assert!(!may(InvoiceId(early)).await, "{early}");
        }
        assert!(may(last).await);
        for sent in ["sent", "failed"] {
            shop.meddle(&format!("update outbox set state = '{sent}' where invoice_id = {last}"));
            assert!(!may(last).await, "{sent}");
        }
        shop.meddle(&format!("update outbox set state = 'called_off' where invoice_id = {last}"));
        assert!(may(last).await);
        shop.meddle(&format!("update invoices set open_minor = 1 where id = {last}"));
        assert!(!may(last).await, "some of it is paid");
    }

    async fn invoices_are_due_on_their_days(kind) {
        let shop = four_invoices(kind).await;
        let wanted = [1, 4, 99].map(InvoiceId);
        let days = invoices::due_days(&mut shop.read().await, shop.id(), &wanted).await.unwrap();
        assert_eq!(days, [1, 4].map(|id| (InvoiceId(id), date(2026, 12, 3))).into());
        assert!(invoices::due_days(&mut shop.read().await, shop.id(), &[]).await.unwrap().is_empty());
    }

    async fn where_an_invoice_stands_depends_on_the_day_and_on_what_is_paid(kind) {
        let shop = four_invoices(kind).await;
        let (due, late) = (date(2026, 12, 3), date(2026, 12, 4));
        let standing = async |id, day| shop.invoice(InvoiceId(id)).await.standing(day);
        assert_eq!((standing(1, due).await, standing(1, late).await), (Standing::Open, Standing::Overdue));
        shop.meddle("update invoices set open_minor = 1 where id = 1");
        assert_eq!((standing(1, due).await, standing(1, late).await), (Standing::PartlyPaid, Standing::Overdue));
        assert_eq!((standing(3, late).await, standing(4, late).await), (Standing::Paid, Standing::Void));
        for (word, expected) in [("credited", Standing::Credited), ("written_off", Standing::WrittenOff)] {
            shop.meddle(&format!("update invoices set open_minor = 0, status = '{word}' where id = 1"));
            assert_eq!(standing(1, late).await, expected);
            assert_eq!(expected.as_str(), word);
        }
    }
}

#[test]
fn statuses_have_a_word_for_the_database_and_a_title_for_the_api() {
    use InvoiceStatus::{Credited, Issued, Paid, Void, WrittenOff};
    let table = [
        (Issued, "issued", "Unpaid"),
        (Paid, "paid", "Paid"),
        (Credited, "credited", "Refunded"),
        (WrittenOff, "written_off", "Collections"),
        (Void, "void", "Cancelled"),
    ];
    for (status, word, title) in table {
        assert_eq!((status.as_str(), status.title()), (word, title));
        for spelling in [title.to_owned(), title.to_lowercase(), title.to_uppercase()] {
            assert_eq!(InvoiceStatus::from_title(&spelling), Some(status), "{spelling}");
        }
    }
    assert_eq!(["", "issued", "void", "Paid "].map(InvoiceStatus::from_title), [None; 4]);
}
