//! Renewals: gathering facts, locking, claiming periods, taking numbers.

use std::collections::HashMap;

use jiff::civil::date;
use perennial_billing::renewal::{Addon, Item, Policy, Term};
use perennial_billing::{
    AddonId, AmountRules, Currency, CustomerId, DayCount, InvoiceId, Money, PeriodNumber, PriceRule, PriceSource,
    PriceVersion, ProductId, Quantity, Schedule, ServiceId, ServiceStatus, TaxClass, Taxation,
};
use perennial_store::invoices::{self, InvoiceFilter, InvoiceStatus};
use perennial_store::renewals::{self, NewInvoice, WrittenInvoice};
use perennial_store::services::{self, Service};
use perennial_store::{StoreError, addons, audit, customers, ids, outbox, prices, products, sellers};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{
    ANCHOR, ASTRID, SERVER, SERVICE, Shop, addon, customer, cycle, noon, numbering, price, product, sek, seller,
    service,
};

const BERTIL: CustomerId = CustomerId(8);
const DOMAIN: ProductId = ProductId(9);

/// A price of its own, for ever.
fn at(minor: i64, currency: Currency) -> PriceRule {
    PriceRule::Own { price: Money::new(minor, currency), through: None }
}

/// Astrid's server and three more of hers, 1 to 3.
async fn four_servers(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    shop.put_services(&[1, 2, 3].map(|id| service(id, ASTRID, SERVER))).await;
    shop
}

fn numbers(written: &[WrittenInvoice]) -> Vec<&str> {
    written.iter().map(|invoice| invoice.number.as_str()).collect()
}

/// Everything that a renewal writes, counted.
fn traces(shop: &Shop) -> Vec<i64> {
    let tables =
        ["invoices", "invoice_lines", "invoice_taxes", "periods", "ledger", "outbox", "audit", "number_series"];
    tables.iter().map(|table| shop.look_number(&format!("select count(*) from {table}"))).collect()
}

fn assert_claimed_already(error: &StoreError) {
    assert!(matches!(error, StoreError::Unique { table, .. } if table.starts_with("periods")), "{error}");
}

async fn gather_one(shop: &Shop, id: ServiceId) -> renewals::Gathered {
    let mut conn = shop.read().await;
    renewals::gather(&mut conn, &shop.seller, &[id]).await.unwrap().remove(&id).unwrap()
}

async fn versions(shop: &Shop, services: &[i64]) -> HashMap<i64, i64> {
    let mut tx = shop.begin().await;
    let services: Vec<ServiceId> = services.iter().copied().map(ServiceId).collect();
    let found = renewals::lock(&mut tx, shop.id(), &services).await.unwrap();
    found.into_iter().map(|(service, version)| (service.0, version)).collect()
}

// Gathering.

on_both_databases! {
    async fn what_is_gathered_is_what_was_written_letter_for_letter(kind) {
        let shop = Shop::new(kind).await;
        let mut sold = service(SERVICE.0, ASTRID, SERVER);
        sold.label = "\"Å\\ \u{1}\t\u{7f} 💾 </script> {in $1}".to_owned();
        sold.own_price_minor = Some(9_007_199_254_740_993);
        sold.billed_through = None;
        shop.put_services(std::slice::from_ref(&sold)).await;
        let found = gather_one(&shop, SERVICE).await.facts;
        assert_eq!((found.label, found.schedule.anchor), (sold.label, ANCHOR));
        assert_eq!(found.item.rule, at(9_007_199_254_740_993, sek()));
    }

    async fn everything_that_decides_a_renewal_is_gathered(kind) {
        let shop = Shop::new(kind).await;
        let later = PriceVersion { starts: date(2027, 1, 1), ..price(2, SERVER, 11_000) };
        let mut tx = shop.begin().await;
        let mut fed = product(DOMAIN.0, ".se domain");
        fed.price_source = PriceSource::Feed("registrar".to_owned());
        products::upsert(&mut tx, shop.id(), &[fed, product(10, "Backup")]).await.unwrap();
        prices::insert(&mut tx, shop.id(), &[later, price(3, ProductId(10), 1_000)]).await.unwrap();
        tx.commit().await.unwrap();
        let mut cancelled = addon(4, SERVICE, ProductId(10));
        cancelled.active = false;
        let mut own = addon(3, SERVICE, SERVER);
        own.own_price_minor = Some(0);
        let mut backups = addon(1, SERVICE, ProductId(10));
        backups.quantity = "2.5".parse().unwrap();
        let schedule = Schedule { first: PeriodNumber(2), ..Schedule::new(ANCHOR, cycle("1y")) };
        let yearly = Term { schedule, next_period: PeriodNumber(3) };
        let fed = addons::Addon { term: Some(yearly), ..addon(2, SERVICE, DOMAIN) };
        shop.put_addons(&[cancelled, own, fed, backups.clone()]).await;

        let found = gather_one(&shop, SERVICE).await;
        assert_eq!((found.version, found.service_type), (1, 3));
        assert_eq!(found.customer, customer(ASTRID.0, "Astrid Nyman"));
        assert_eq!(found.price_source, PriceSource::Catalogue);
        let feed = PriceSource::Feed("registrar".to_owned());
        assert_eq!(found.addon_price_sources, [PriceSource::Catalogue, feed, PriceSource::Catalogue]);
        // The server was changed by two price lists, the backup by one; the domain's price is fed, and the last add-on
        // has its own.
        let catalogue: Vec<_> = found.catalogue_products().collect();
        assert_eq!((found.seller_version, catalogue), (1, vec![(SERVER, 3), (ProductId(10), 2)]));
        let facts = found.facts;
        let sold = service(SERVICE.0, ASTRID, SERVER);
        assert_eq!((facts.service, facts.status, facts.label), (SERVICE, ServiceStatus::Active, sold.label));
        assert_eq!((facts.schedule, facts.next_period, facts.open_invoice), (sold.schedule, PeriodNumber(0), None));
        assert_eq!((facts.currency, facts.home_rates), (sek(), None));
        assert_eq!(facts.tax, Taxation::at_home("SE".parse().unwrap(), None));
        let policy = Policy {
            payment_terms_days: 10,
            renew_ahead_months: 12,
            amounts: AmountRules::default(),
            day_count: DayCount::Actual,
            renew_suspended: true,
            max_periods_behind: 3,
            consolidation_days: 0,
        };
        assert_eq!(facts.policy, policy);
        let item = |product, name: &str| Item {
            product,
            name: name.to_owned(),
            tax_class: TaxClass::Standard,
            quantity: Quantity::ONE,
            rule: PriceRule::Follow,
            campaign: None,
            fed_price: None,
            is_fed: false,
        };
        assert_eq!(facts.item, item(SERVER, "Cloud Server"));
        let addons = [
            (1, Item { quantity: backups.quantity, ..item(ProductId(10), "Backup") }, None),
            (2, Item { is_fed: true, ..item(DOMAIN, ".se domain") }, Some(yearly)),
            (3, Item { rule: at(0, sek()), ..item(SERVER, "Cloud Server") }, None),
        ];
        let addons = addons.map(|(id, item, term)| Addon { id: AddonId(id), item, term });
        assert_eq!(facts.addons, addons);
        assert_eq!(facts.prices, [], "prices hardly ever change: whoever knows their product's version knows them");
    }

    async fn a_service_with_its_own_price_is_gathered_in_its_customers_currency(kind) {
        let shop = Shop::new(kind).await;
        let eur: Currency = "EUR".parse().unwrap();
        let mut tx = shop.begin().await;
        let mut bertil = customer(BERTIL.0, "Bertil Berg");
        bertil.currency = eur;
        customers::upsert(&mut tx, shop.id(), &[bertil]).await.unwrap();
        tx.commit().await.unwrap();
        let service =
            Service { own_price_minor: Some(i64::MAX), quantity: "0.5".parse().unwrap(), ..service(1, BERTIL, SERVER) };
        shop.put_services(std::slice::from_ref(&service)).await;
        let found = gather_one(&shop, ServiceId(1)).await;
        assert_eq!(found.catalogue_products().count(), 0);
        let item = found.facts.item;
        assert_eq!((item.rule, item.quantity), (at(i64::MAX, eur), service.quantity));
        assert_eq!(found.facts.currency, eur);
    }

    async fn what_is_remembered_is_known_to_be_old(kind) {
        let shop = Shop::new(kind).await;
        let versions = async || {
            let found = gather_one(&shop, SERVICE).await;
            (found.seller_version, found.catalogue_products().collect::<Vec<_>>(), found.version)
        };
        assert_eq!(versions().await, (1, vec![(SERVER, 2)], 1));
        let mut tx = shop.begin().await;
        sellers::update(&mut tx, &seller(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(versions().await, (2, vec![(SERVER, 2)], 1));
        let mut tx = shop.begin().await;
        products::upsert(&mut tx, shop.id(), &[product(SERVER.0, "Cloud Server")]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(versions().await, (2, vec![(SERVER, 3)], 1));
        let mut tx = shop.begin().await;
        let later = PriceVersion { starts: date(2027, 1, 1), ..price(2, SERVER, 11_000) };
        prices::insert(&mut tx, shop.id(), &[later]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(versions().await, (2, vec![(SERVER, 4)], 1));
        shop.renew().await;
        assert_eq!(versions().await, (2, vec![(SERVER, 4)], 2), "a renewal changes its service and nothing else");
    }

    async fn a_fed_service_needs_nothing_from_the_catalogue(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        let mut fed = product(SERVER.0, ".se domain");
        fed.price_source = PriceSource::Feed("registrar".to_owned());
        products::upsert(&mut tx, shop.id(), std::slice::from_ref(&fed)).await.unwrap();
        tx.commit().await.unwrap();
        let found = gather_one(&shop, SERVICE).await;
        assert_eq!(found.price_source, fed.price_source);
        assert!(found.facts.item.is_fed);
        assert_eq!(found.catalogue_products().count(), 0);
    }

    async fn only_services_that_exist_are_gathered(kind) {
        let shop = four_servers(kind).await;
        let gather = async |ids: &[i64]| {
            let ids: Vec<ServiceId> = ids.iter().copied().map(ServiceId).collect();
            let found = renewals::gather(&mut shop.read().await, &shop.seller, &ids).await.unwrap();
            let mut found: Vec<i64> = found.into_keys().map(|service| service.0).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(gather(&[3, 1, 1, 99, i64::MIN, i64::MAX]).await, [1, 3]);
        assert_eq!(gather(&[99]).await, [0; 0]);
        assert_eq!(gather(&[]).await, [0; 0]);
    }

    async fn what_is_never_renewed_is_gathered_too(kind) {
        let shop = Shop::new(kind).await;
        let mut free = service(1, ASTRID, SERVER);
        free.schedule.cycle = cycle("free");
        (free.billed_through, free.paid_through) = (None, None);
        shop.put_services(&[free]).await;
        shop.put_addons(&[addon(1, ServiceId(1), SERVER)]).await;
        let facts = gather_one(&shop, ServiceId(1)).await.facts;
        assert_eq!((facts.schedule.cycle, facts.addons.len()), (cycle("free"), 1));
    }

    async fn an_open_invoice_is_gathered_until_it_is_paid(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        let found = gather_one(&shop, SERVICE).await;
        assert_eq!((found.facts.open_invoice, found.facts.next_period), (Some(invoice.id), PeriodNumber(1)));
        shop.pay(invoice.id).await;
        let found = gather_one(&shop, SERVICE).await;
        assert_eq!(found.facts.open_invoice, None);
        assert!(found.version > 2, "whoever planned before the payment sees that something moved");
    }
}

// Locking and writing.

mod writing {
    use super::*;

    on_both_databases! {
        async fn locking_tells_the_versions_of_what_exists(kind) {
            let shop = four_servers(kind).await;
            shop.put_services(&[service(2, ASTRID, SERVER)]).await;
            assert_eq!(versions(&shop, &[2, 1, 99, 1]).await, HashMap::from([(1, 1), (2, 2)]));
            assert_eq!(versions(&shop, &[]).await, HashMap::new());
        }

        async fn a_renewal_advances_the_service_and_opens_its_invoice(kind) {
            let shop = four_servers(kind).await;
            let invoice = shop.renew().await;
            let server = shop.server().await;
            assert_eq!(server.next_period, PeriodNumber(1));
            assert_eq!((server.billed_through, server.paid_through), (Some(date(2027, 1, 1)), Some(ANCHOR)));
            let page = services::page(&mut shop.read().await, shop.id(), Default::default(), 10, 0).await.unwrap();
            let open: Vec<_> = page.iter().map(|view| view.open_invoice).collect();
            assert_eq!(open, [None, None, None, Some(invoice.id)]);
            assert_eq!(versions(&shop, &[1, SERVICE.0]).await, HashMap::from([(1, 1), (SERVICE.0, 2)]));
        }

        async fn a_renewal_is_booked_queued_and_noted(kind) {
            let shop = Shop::new(kind).await;
            let invoice = shop.renew().await;
            let books = "select source, source_id, entry, debit, credit, currency, amount_minor, booked_on, product_id, \
                tax_country, tax_category, tax_rate_ppm from ledger order by entry";
            let entries = [
                "invoice|1|1|receivable|revenue|SEK|10000|2026-11-23|1912|SE|S|250000",
                "invoice|1|2|receivable|vat|SEK|2500|2026-11-23||SE|S|250000",
            ];
            assert_eq!(shop.look(books), entries);
            let trail = "select actor, action, subject, subject_id from audit";
            assert_eq!(shop.look(trail), ["cli|service.renewed|service|20000"]);
            let claim = "select service_id, period, invoice_id, starts, ends, state from periods";
            assert_eq!(shop.look(claim), ["20000|0|1|2026-12-01|2027-01-01|invoiced"]);
            let price = "select addon_id, price_origin, price_id from invoice_lines";
            assert_eq!(shop.look(price), ["|catalogue|1"]);
            let mut conn = shop.read().await;
            assert_eq!(audit::count(&mut conn, shop.id(), "service.renewed").await.unwrap(), 1);
            let mails = outbox::mails_of(&mut conn, shop.id(), invoice.id).await.unwrap();
            assert_eq!(mails.iter().map(|mail| mail.created_at).collect::<Vec<_>>(), [noon()]);
        }

        async fn who_wants_no_mail_gets_none(kind) {
            let shop = four_servers(kind).await;
            let mut batch = shop.planned(&[ServiceId(1), ServiceId(2)]).await;
            batch[0].mail = false;
            let written = shop.write(&batch).await.unwrap();
            let mut conn = shop.read().await;
            let mut mails = Vec::new();
            for invoice in &written {
                mails.push(outbox::mails_of(&mut conn, shop.id(), invoice.id).await.unwrap().len());
            }
            assert_eq!(mails, [0, 1]);
        }

        async fn everyone_in_a_batch_is_named(kind) {
            let shop = four_servers(kind).await;
            let mut batch = shop.planned(&[ServiceId(1), ServiceId(2)]).await;
            batch[1].actor = "key:7".to_owned();
            shop.write(&batch).await.unwrap();
            assert_eq!(shop.look("select actor, subject_id from audit order by id"), ["cli|1", "key:7|2"]);
        }

        async fn an_addon_is_a_line_of_its_service_s_invoice(kind) {
            let shop = Shop::new(kind).await;
            let mut extra = addon(5, SERVICE, SERVER);
            extra.quantity = "3".parse().unwrap();
            extra.own_price_minor = Some(333);
            shop.put_addons(&[extra]).await;
            let invoice = shop.renew().await;
            let lines = invoices::lines(&mut shop.read().await, shop.id(), &invoice).await.unwrap();
            let read: Vec<_> = lines.iter().map(|l| (l.line, l.addon, l.net.minor, l.price_origin.as_str())).collect();
            assert_eq!(read, [(1, None, 10_000, "catalogue"), (2, Some(AddonId(5)), 999, "own")]);
        }

        async fn nothing_to_pay_is_paid_at_once(kind) {
            let shop = Shop::new(kind).await;
            let gift = Service { own_price_minor: Some(0), ..service(SERVICE.0, ASTRID, SERVER) };
            shop.put_services(&[gift]).await;
            let invoice = shop.renew().await;
            assert_eq!((invoice.total.minor, invoice.status, invoice.paid_at), (0, InvoiceStatus::Paid, Some(noon())));
            let server = shop.server().await;
            assert_eq!((server.billed_through, server.paid_through), (Some(date(2027, 1, 1)), Some(date(2027, 1, 1))));
            assert_eq!(gather_one(&shop, SERVICE).await.facts.open_invoice, None);
            assert_eq!(shop.look("select state from periods"), ["paid"]);
            assert_eq!(shop.look("select * from ledger"), [""; 0], "nothing moved, so nothing is booked");
        }

        async fn the_day_a_service_is_found_by_waits_until_its_invoice_is_paid(kind) {
            let shop = Shop::new(kind).await;
            let gift = Service { own_price_minor: Some(0), ..service(1, ASTRID, SERVER) };
            shop.put_services(&[gift]).await;
            let days = |id: i64| shop.look(&format!("select renew_on, due_from from services where id = {id}")).remove(0);
            assert_eq!((days(SERVICE.0), days(1)), ("2026-11-17|2026-11-17".to_owned(), "2026-11-17|2026-11-17".to_owned()));
            let written = shop.write(&shop.planned(&[SERVICE]).await).await.unwrap();
            assert_eq!(days(SERVICE.0), "2026-12-18|2026-11-17");
            shop.pay(written[0].id).await;
            assert_eq!(days(SERVICE.0), "2026-12-18|2026-12-18");
            // One with nothing to pay does not wait, nor do those that are renewed with it.
            shop.write(&shop.planned(&[SERVICE, ServiceId(1)]).await).await.unwrap();
            assert_eq!((days(SERVICE.0), days(1)), ("2027-01-18|2027-01-18".to_owned(), "2026-12-18|2026-12-18".to_owned()));
        }

        async fn an_empty_batch_writes_nothing_and_takes_no_number(kind) {
            let shop = Shop::new(kind).await;
            assert_eq!(shop.write(&[]).await.unwrap(), []);
            assert_eq!(traces(&shop), [0; 8]);
        }

        async fn a_large_batch_is_written_whole(kind) {
            let shop = Shop::new(kind).await;
            let ids: Vec<ServiceId> = (1..=500).map(ServiceId).collect();
            let all: Vec<Service> = ids.iter().map(|id| service(id.0, ASTRID, SERVER)).collect();
            shop.put_services(&all).await;
            let written = shop.write(&shop.planned(&ids).await).await.unwrap();
            let expected: Vec<WrittenInvoice> =
                (1..=500).map(|n| WrittenInvoice { id: InvoiceId(n), number: format!("2026{n:05}") }).collect();
            assert_eq!(written, expected);
            assert_eq!(traces(&shop), [500, 500, 500, 500, 1000, 500, 500, 1]);
        }
    }
}

// The claim.

mod claim {
    use super::*;

    on_both_databases! {
        async fn a_period_is_billed_once(kind) {
            let shop = Shop::new(kind).await;
            let new = shop.plan().await;
            let claims = std::slice::from_ref(&new);
            shop.write(claims).await.unwrap();
            let before = traces(&shop);
            assert_claimed_already(&shop.write(claims).await.unwrap_err());
            assert_eq!(traces(&shop), before);
        }

        async fn a_period_is_billed_once_within_a_batch(kind) {
            let shop = Shop::new(kind).await;
            let new = shop.plan().await;
            assert_claimed_already(&shop.write(&[new.clone(), new]).await.unwrap_err());
            assert_eq!(traces(&shop), [0; 8]);
        }

        async fn a_paid_period_stays_billed(kind) {
            let shop = Shop::new(kind).await;
            let new = shop.plan().await;
            let invoice = shop.renew().await;
            shop.pay(invoice.id).await;
            assert_claimed_already(&shop.write(&[new]).await.unwrap_err());
        }

        async fn a_void_invoice_frees_its_period_once(kind) {
            let shop = Shop::new(kind).await;
            let new = shop.plan().await;
            for _ in 0..2 {
                let invoice = shop.renew_again(&new).await;
                shop.take_back(invoice.id).await;
            }
            shop.renew_again(&new).await;
            assert_claimed_already(&shop.write(&[new]).await.unwrap_err());
            assert_eq!(shop.look("select state from periods order by invoice_id"), ["void", "void", "invoiced"]);
        }

        async fn other_periods_and_other_services_are_free(kind) {
            let shop = four_servers(kind).await;
            shop.write(&shop.planned(&[ServiceId(1), ServiceId(2)]).await).await.unwrap();
            shop.write(&shop.planned(&[ServiceId(3)]).await).await.unwrap();
            let first = shop.renew().await;
            shop.pay(first.id).await;
            let second = shop.renew().await;
            assert_eq!(second.number, "202600005");
            assert_eq!(shop.server().await.billed_through, Some(date(2027, 2, 1)));
        }

        async fn of_many_claims_at_once_one_is_kept(kind) {
            let shop = Shop::new(kind).await;
            let new = [shop.plan().await];
            let claim = async || shop.round().await.commit(&shop.seller, &new, noon(), None, None).await.unwrap().remove(0);
            let (a, b, c, d) = tokio::join!(claim(), claim(), claim(), claim());
            assert_eq!([a, b, c, d].iter().flatten().count(), 1, "the others saw that the service had moved");
            assert_eq!(traces(&shop), [1, 1, 1, 1, 2, 1, 1, 1]);
            assert_eq!(shop.look("select number from invoices"), ["202600001"]);
        }

        async fn what_moved_is_left_out_and_the_others_are_written(kind) {
            let shop = four_servers(kind).await;
            let mut new = shop.planned(&[ServiceId(1), ServiceId(2), ServiceId(3)]).await;
            new[1].versions[0] += 1;
            let written = shop.round().await.commit(&shop.seller, &new, noon(), None, None).await.unwrap();
            let numbers: Vec<_> = written.iter().map(|w| w.as_ref().map(|w| w.number.as_str())).collect();
            assert_eq!(numbers, [Some("202600001"), None, Some("202600002")]);
            assert_eq!(shop.look("select service_id from periods order by service_id"), ["1", "3"]);
        }

        async fn the_answer_is_what_was_written(kind) {
            let shop = four_servers(kind).await;
            for pattern in ["{YYYY}{NNNNN}", "F-{YY}{MM}-{N}/x", "{N:03}.{YYYY}", "{YYYY}{NNNNNNNNNNNN}"] {
                let seller = sellers::Seller { numbering: numbering(pattern), ..seller(1) };
                shop.meddle("update services set open_invoice_id = null");
                let new = shop.planned_for(&seller, &[ServiceId(3), ServiceId(1)]).await;
                for written in shop.write_for(&seller, &new).await.unwrap() {
                    assert_eq!(shop.invoice(written.id).await.number, written.number, "{pattern}");
                }
            }
        }
    }

    impl Shop {
        /// Writes the same renewal as if the service had not moved.
        async fn renew_again(&self, new: &NewInvoice) -> WrittenInvoice {
            self.write(std::slice::from_ref(new)).await.unwrap().remove(0)
        }
    }
}

// Legal numbers.

mod numbering {
    use super::*;

    /// The same renewal, issued on another day.
    fn issued_in(year: i16, mut new: NewInvoice) -> NewInvoice {
        new.plan.issued_on = date(year, 1, 1);
        new
    }

    on_both_databases! {
        async fn numbers_follow_the_order_of_the_batch(kind) {
            let shop = four_servers(kind).await;
            let first = shop.write(&shop.planned(&[ServiceId(3), ServiceId(1)]).await).await.unwrap();
            let second = shop.write(&shop.planned(&[ServiceId(2)]).await).await.unwrap();
            assert_eq!((numbers(&first), numbers(&second)), (vec!["202600001", "202600002"], vec!["202600003"]));
            let on = |sql: &str| shop.look(sql);
            assert_eq!(on("select service_id from invoice_lines order by invoice_id"), ["3", "1", "2"]);
            assert_eq!(on("select series_number from invoices order by id"), ["1", "2", "3"]);
            assert_eq!(on("select first_number, next_number from number_series"), ["1|4"]);
        }

        async fn a_batch_that_fails_leaves_nothing_behind_and_no_gap(kind) {
            let shop = four_servers(kind).await;
            let [one, two, three] = [1, 2, 3].map(ServiceId);
            let stale = shop.planned(&[one]).await.remove(0);
            shop.write(std::slice::from_ref(&stale)).await.unwrap();
            let before = (traces(&shop), versions(&shop, &[1, 2, 3]).await);
            // Two good renewals share a batch with one that came too late.
            let mut batch = shop.planned(&[two, three]).await;
            batch.insert(1, stale);
            assert_claimed_already(&shop.write(&batch).await.unwrap_err());
            assert_eq!((traces(&shop), versions(&shop, &[1, 2, 3]).await), before);
            let written = shop.write(&shop.planned(&[two, three]).await).await.unwrap();
            assert_eq!(numbers(&written), ["202600002", "202600003"]);
        }

        async fn a_batch_that_fails_at_its_very_last_step_gives_its_numbers_back(kind) {
            let shop = four_servers(kind).await;
            // Two years that share two digits, and a pattern that shows only those: the invoice itself is refused,
            // after everything else was written and the number was taken.
            let short = sellers::Seller { numbering: numbering("{YY}{NNNNN}"), ..seller(1) };
            let renewal = async |id| shop.planned(&[ServiceId(id)]).await.remove(0);
            shop.write_for(&short, &[issued_in(2026, renewal(1).await)]).await.unwrap();
            let before = traces(&shop);
            let clash = [issued_in(2126, renewal(2).await), issued_in(2126, renewal(3).await)];
            let error = shop.write_for(&short, &clash).await.unwrap_err();
            assert!(matches!(&error, StoreError::Unique { table, .. } if table == "invoices"), "{error}");
            assert_eq!(traces(&shop), before);
            let written = shop.write_for(&seller(1), &clash).await.unwrap();
            assert_eq!(numbers(&written), ["212600001", "212600002"]);
        }

        async fn each_year_begins_at_one(kind) {
            let shop = four_servers(kind).await;
            let mut written = Vec::new();
            for (id, year) in [(1, 2026), (2, 2027), (3, 2027), (SERVICE.0, 2026)] {
                let new = issued_in(year, shop.planned(&[ServiceId(id)]).await.remove(0));
                written.extend(shop.write(&[new]).await.unwrap());
            }
            assert_eq!(numbers(&written), ["202600001", "202700001", "202700002", "202600002"]);
        }

        async fn a_series_goes_on_where_another_system_stopped(kind) {
            let shop = Shop::new(kind).await;
            shop.meddle("insert into number_series values (1, 'invoice', 2026, 49961, 49961)");
            let mut tx = shop.begin().await;
            ids::skip_past(&mut tx, ids::IdKind::Invoice, 70_000).await.unwrap();
            tx.commit().await.unwrap();
            let invoice = shop.renew().await;
            assert_eq!((invoice.id, invoice.number.as_str()), (InvoiceId(70_001), "202649961"));
        }

        async fn writers_at_once_leave_no_gap(kind) {
            let shop = four_servers(kind).await;
            let ids = [1, 2, 3, SERVICE.0].map(ServiceId);
            let new = shop.planned(&ids).await;
            // The second of the four comes too late.
            let renew = async |nth: usize| {
                let mut new = new[nth].clone();
                new.versions[0] += i64::from(nth == 1);
                shop.round().await.commit(&shop.seller, &[new], noon(), None, None).await.unwrap();
            };
            tokio::join!(renew(0), renew(1), renew(2), renew(3));
            let taken = shop.look("select number from invoices order by number");
            assert_eq!(taken, ["202600001", "202600002", "202600003"]);
            let count = invoices::count(&mut shop.read().await, shop.id(), InvoiceFilter::default()).await.unwrap();
            assert_eq!(count, 3);
        }

        async fn the_same_facts_give_the_same_plan(kind) {
            let shop = Shop::new(kind).await;
            let preview = shop.plan().await.plan;
            let invoice = shop.renew().await;
            assert_eq!((invoice.net, invoice.tax, invoice.total), (preview.net, preview.tax, preview.total));
        }
    }
}
