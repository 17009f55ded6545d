//! Services.

use jiff::civil::date;
use perennial_billing::{
    CampaignId, CampaignPrice, CustomerId, Discount, Off, PeriodNumber, ProductId, Quantity, Schedule, ServiceId,
    ServiceStatus,
};
use perennial_store::services::{self, Service, ServiceFilter, ServiceView};
use perennial_store::{customers, products, renewals};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, FAR_DAYS, ODD_TEXTS, SERVER, SERVICE, Shop, customer, cycle, product, sek, service};

const BERTIL: CustomerId = CustomerId(8);
const MAIL: ProductId = ProductId(9);

/// A service that differs from [`service`] in every field but the id and the customer.
fn suspended_domain(id: i64) -> Service {
    Service {
        product: MAIL,
        label: "bertil.se".to_owned(),
        status: ServiceStatus::Suspended,
        schedule: Schedule { anchor: date(2024, 1, 31), cycle: cycle("3m"), first: PeriodNumber(4) },
        next_period: PeriodNumber(6),
        billed_through: Some(date(2024, 7, 31)),
        paid_through: Some(date(2024, 4, 30)),
        quantity: "2.5".parse().unwrap(),
        own_price_minor: Some(12_345),
        own_price_through: Some(date(2025, 1, 31)),
        discount: Some(Discount {
            code: "JUL26".to_owned(),
            off: Off::Amount(i64::MAX),
            periods: Some(u16::MAX),
            through: Some(date(9999, 12, 31)),
        }),
        campaign: Some(CampaignPrice { campaign: CampaignId(i64::MAX), minor: i64::MAX, from: date(2024, 7, 31) }),
        auto_renew: false,
        renew_on: Some(date(2024, 7, 1)),
        ends_on: Some(date(2024, 7, 31)),
        ..service(id, ASTRID, SERVER)
    }
}

/// Astrid has two servers and a mailbox, Bertil a mailbox.
async fn four_services(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let mut tx = shop.begin().await;
    let mut bertil = customer(BERTIL.0, "Bertil Berg");
    bertil.party.company = "Berg Bygg AB".to_owned();
    bertil.currency = "EUR".parse().unwrap();
    customers::upsert(&mut tx, shop.id(), &[bertil]).await.unwrap();
    let mut mail = product(MAIL.0, "Mailbox");
    mail.kind = "mail".to_owned();
    mail.service_type = 11;
    products::upsert(&mut tx, shop.id(), &[mail]).await.unwrap();
    let more = [service(3, BERTIL, MAIL), service(2, ASTRID, MAIL), service(1, ASTRID, SERVER)];
    services::upsert(&mut tx, shop.id(), &more).await.unwrap();
    tx.commit().await.unwrap();
    shop
}

fn of(customer: Option<CustomerId>, kind: Option<&'static str>) -> ServiceFilter {
    ServiceFilter { customer, kind }
}

on_both_databases! {
    async fn services_are_read_as_they_were_written(kind) {
        let shop = four_services(kind).await;
        let once = Service {
            schedule: Schedule::new(date(2026, 1, 1), cycle("once")),
            billed_through: None,
            paid_through: None,
            ..service(i64::MAX, ASTRID, SERVER)
        };
        let written = [once.clone(), suspended_domain(4)];
        shop.put_services(&written).await;
        let mut conn = shop.read().await;
        let [once, domain] = written;
        let all = services::all(&mut conn, shop.id()).await.unwrap();
        let expected = [
            service(1, ASTRID, SERVER),
            service(2, ASTRID, MAIL),
            service(3, BERTIL, MAIL),
            domain.clone(),
            service(SERVICE.0, ASTRID, SERVER),
            once.clone(),
        ];
        assert_eq!(all, expected);
        assert_eq!(services::get(&mut conn, shop.id(), ServiceId(4)).await.unwrap(), Some(domain));
        assert_eq!(services::get(&mut conn, shop.id(), ServiceId(i64::MAX)).await.unwrap(), Some(once));
        assert_eq!(services::get(&mut conn, shop.id(), ServiceId(5)).await.unwrap(), None);
    }

    async fn a_change_reaches_every_field_and_only_the_services_named(kind) {
        let shop = four_services(kind).await;
        shop.put_services(&[suspended_domain(1), suspended_domain(5)]).await;
        shop.put_services(&[]).await;
        let all = services::all(&mut shop.read().await, shop.id()).await.unwrap();
        let expected = [
            suspended_domain(1),
            service(2, ASTRID, MAIL),
            service(3, BERTIL, MAIL),
            suspended_domain(5),
            service(SERVICE.0, ASTRID, SERVER),
        ];
        assert_eq!(all, expected);
    }

    async fn what_was_there_can_be_taken_away(kind) {
        let shop = four_services(kind).await;
        shop.put_services(&[suspended_domain(1)]).await;
        let bare = Service {
            billed_through: None,
            paid_through: None,
            own_price_minor: None,
            own_price_through: None,
            price_kept_on: Some(date(2024, 1, 31)),
            ..suspended_domain(1)
        };
        shop.put_services(std::slice::from_ref(&bare)).await;
        assert_eq!(services::get(&mut shop.read().await, shop.id(), ServiceId(1)).await.unwrap(), Some(bare));
    }

    async fn a_service_stays_with_its_customer(kind) {
        let shop = four_services(kind).await;
        shop.put_services(&[Service { label: "moved".to_owned(), ..service(1, BERTIL, SERVER) }]).await;
        let kept = services::get(&mut shop.read().await, shop.id(), ServiceId(1)).await.unwrap().unwrap();
        assert_eq!((kept.customer, kept.label.as_str()), (ASTRID, "moved"));
    }

    async fn every_change_moves_the_version_of_what_was_changed(kind) {
        let shop = four_services(kind).await;
        let versions = async || {
            let mut tx = shop.begin().await;
            let found = renewals::lock(&mut tx, shop.id(), &[ServiceId(1), ServiceId(2)]).await.unwrap();
            (found[&ServiceId(1)], found[&ServiceId(2)])
        };
        assert_eq!(versions().await, (1, 1));
        // Even one that changes nothing: comparing is the reader's work, not the database's.
        shop.put_services(&[service(1, ASTRID, SERVER)]).await;
        shop.put_services(&[service(1, ASTRID, SERVER), suspended_domain(4)]).await;
        assert_eq!(versions().await, (3, 1));
    }

    async fn a_change_leaves_the_open_invoice_alone(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        let renamed = Service { label: "new.example.net".to_owned(), ..shop.server().await };
        shop.put_services(&[renamed]).await;
        let page = services::page(&mut shop.read().await, shop.id(), of(None, None), 10, 0).await.unwrap();
        assert_eq!(page[0].open_invoice, Some(invoice.id));
    }

    async fn a_list_shows_names(kind) {
        let shop = four_services(kind).await;
        let page = services::page(&mut shop.read().await, shop.id(), of(None, None), 10, 0).await.unwrap();
        assert_eq!(page.iter().map(|view| view.service.id.0).collect::<Vec<_>>(), [1, 2, 3, SERVICE.0]);
        let bertils = ServiceView {
            service: service(3, BERTIL, MAIL),
            version: 1,
            open_invoice: None,
            product_name: "Mailbox".to_owned(),
            service_type: 11,
            customer_name: "Bertil Berg".to_owned(),
            company: "Berg Bygg AB".to_owned(),
            currency: "EUR".parse().unwrap(),
        };
        assert_eq!(page[2], bertils);
        let astrids = (page[3].customer_name.as_str(), page[3].company.as_str(), page[3].currency);
        assert_eq!(astrids, ("Astrid Nyman", "", sek()));
    }

    async fn the_newest_come_first_whatever_they_are_narrowed_to(kind) {
        let shop = four_services(kind).await;
        let mut conn = shop.read().await;
        let newest = async |conn: &mut perennial_store::Conn, customer, status, before: Option<i64>, limit| {
            let page = services::newest(conn, shop.id(), customer, status, before.map(ServiceId), limit).await.unwrap();
            page.iter().map(|view| view.service.id.0).collect::<Vec<_>>()
        };
        let active = Some(ServiceStatus::Active);
        let all = newest(&mut conn, None, None, None, 10).await;
        assert_eq!(all, [SERVICE.0, 3, 2, 1]);
        assert_eq!(newest(&mut conn, None, None, Some(3), 1).await, [2]);
        assert_eq!(newest(&mut conn, Some(ASTRID), None, None, 10).await, [SERVICE.0, 2, 1]);
        assert_eq!(newest(&mut conn, Some(BERTIL), None, Some(3), 10).await, [0; 0]);
        let alive = newest(&mut conn, None, active, None, 10).await;
        let suspended = newest(&mut conn, None, Some(ServiceStatus::Suspended), None, 10).await;
        assert_eq!(alive.len() + suspended.len(), all.len(), "{alive:?} {suspended:?}");
        assert!(!alive.is_empty() && !suspended.iter().any(|id| alive.contains(id)));
        let hers = newest(&mut conn, Some(ASTRID), active, None, 10).await;
        assert!(hers.iter().all(|id| alive.contains(id)));
        let one = services::view(&mut conn, shop.id(), ServiceId(3)).await.unwrap().unwrap();
        assert_eq!((one.version, one.product_name.as_str()), (1, "Mailbox"));
        assert_eq!(services::view(&mut conn, shop.id(), ServiceId(99)).await.unwrap(), None);
    }

    async fn filters_narrow_the_list_and_the_count_alike(kind) {
        let shop = four_services(kind).await;
        let mut conn = shop.read().await;
        let table: [(ServiceFilter, &[i64]); 9] = [
            (of(None, None), &[1, 2, 3, SERVICE.0]),
            (of(Some(ASTRID), None), &[1, 2, SERVICE.0]),
            (of(Some(BERTIL), None), &[3]),
            (of(None, Some("mail")), &[2, 3]),
            (of(Some(ASTRID), Some("mail")), &[2]),
            (of(Some(ASTRID), Some("vps")), &[1, SERVICE.0]),
            (of(Some(BERTIL), Some("vps")), &[]),
            (of(Some(CustomerId(99)), None), &[]),
            (of(None, Some("' or 1=1 --")), &[]),
        ];
        for (filter, expected) in table {
            let page = services::page(&mut conn, shop.id(), filter, 10, 0).await.unwrap();
            let ids: Vec<i64> = page.iter().map(|view| view.service.id.0).collect();
            assert_eq!(ids, expected, "{filter:?}");
            let count = services::count(&mut conn, shop.id(), filter).await.unwrap();
            assert_eq!(count, i64::try_from(expected.len()).unwrap(), "{filter:?}");
        }
    }

    async fn pages_follow_each_other_without_overlap(kind) {
        let shop = four_services(kind).await;
        let mut conn = shop.read().await;
        let table: [(i64, i64, &[i64]); 6] = [
            (2, 0, &[1, 2]),
            (2, 2, &[3, SERVICE.0]),
            (3, 3, &[SERVICE.0]),
            (2, 4, &[]),
            (0, 0, &[]),
            (i64::MAX, 1, &[2, 3, SERVICE.0]),
        ];
        for (limit, offset, expected) in table {
            let page = services::page(&mut conn, shop.id(), ServiceFilter::default(), limit, offset).await.unwrap();
            let ids: Vec<i64> = page.iter().map(|view| view.service.id.0).collect();
            assert_eq!(ids, expected, "limit {limit}, offset {offset}");
        }
    }

    async fn odd_texts_far_days_and_large_numbers_survive(kind) {
        let shop = four_services(kind).await;
        let odd =
            (1..).zip(ODD_TEXTS).map(|(id, text)| Service { label: text.to_owned(), ..service(id, ASTRID, SERVER) });
        let far = (100..).zip(FAR_DAYS).map(|(id, day)| Service {
            schedule: Schedule::new(day, cycle("1m")),
            billed_through: Some(day),
            paid_through: Some(day),
            ..service(id, ASTRID, SERVER)
        });
        let most = Service {
            schedule: Schedule { first: PeriodNumber(u32::MAX), ..Schedule::new(FAR_DAYS[0], cycle("1000y")) },
            next_period: PeriodNumber(u32::MAX),
            quantity: Quantity::from_millionths(i64::MAX),
            own_price_minor: Some(i64::MAX),
            ..service(200, ASTRID, SERVER)
        };
        let least = Service {
            quantity: Quantity::from_millionths(1),
            own_price_minor: Some(0),
            ..service(201, ASTRID, SERVER)
        };
        let large = [most, least];
        let mut all: Vec<Service> = odd.chain(far).chain(large).collect();
        shop.put_services(&all).await;
        all.push(service(SERVICE.0, ASTRID, SERVER));
        // Service 3 was Bertil's before and stays his.
        all[2].customer = BERTIL;
        assert_eq!(services::all(&mut shop.read().await, shop.id()).await.unwrap(), all);
    }

    async fn every_status_and_cycle_has_its_word(kind) {
        use ServiceStatus::{Active, Cancelled, Fraud, Pending, Suspended, Terminated};
        let shop = four_services(kind).await;
        let statuses = [Pending, Active, Suspended, Cancelled, Terminated, Fraud];
        let statuses = (1000..).zip(statuses).map(|(id, status)| Service { status, ..service(id, ASTRID, SERVER) });
        let cycles = ["1d", "30d", "2w", "1m", "3m", "1y", "1000y", "once", "free"];
        let cycles = (2000..).zip(cycles).map(|(id, text)| Service {
            schedule: Schedule::new(date(2026, 1, 1), cycle(text)),
            ..service(id, ASTRID, SERVER)
        });
        for service in statuses.chain(cycles).collect::<Vec<_>>() {
            shop.put_services(std::slice::from_ref(&service)).await;
            let read = services::get(&mut shop.read().await, shop.id(), service.id).await.unwrap();
            assert_eq!(read, Some(service));
        }
    }
}
