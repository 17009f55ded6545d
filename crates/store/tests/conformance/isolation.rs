//! Two sellers with the same ids for everything do not see each other.

use perennial_billing::{AddonId, ApiKeyId, CustomerId, InvoiceId, PriceRule, PriceVersion, SellerId};
use perennial_store::audit::{self, AuditEntry};
use perennial_store::invoices::{self, InvoiceFilter};
use perennial_store::keys::{self, ApiKey};
use perennial_store::sellers::Seller;
use perennial_store::services::ServiceFilter;
use perennial_store::{addons, contacts, customers, outbox, prices, products, renewals, sellers, services};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{
    ASTRID, SERVER, SERVICE, Shop, TODAY, addon, contact, customer, cycle, noon, price, product, sek, seller, service,
};

/// Seller 2, which has the same ids and other names and amounts.
fn polaris() -> Seller {
    let mut polaris = seller(2);
    polaris.party.name = "Polaris Hosting AS".to_owned();
    polaris.payment_terms_days = 30;
    polaris
}

/// Norrsken sells Astrid a server, Polaris sells Bertil a mailbox, under the same ids down to the invoice's.
async fn two_sellers(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    shop.open_for(&polaris()).await;
    let mut tx = shop.begin().await;
    let two = SellerId(2);
    customers::upsert(&mut tx, two, &[customer(ASTRID.0, "Bertil Berg")]).await.unwrap();
    products::upsert(&mut tx, two, &[product(SERVER.0, "Mailbox")]).await.unwrap();
    prices::insert(&mut tx, two, &[price(1, SERVER, 2_000)]).await.unwrap();
    let mut mailbox = service(SERVICE.0, ASTRID, SERVER);
    mailbox.label = "bertil.example".to_owned();
    services::upsert(&mut tx, two, &[mailbox]).await.unwrap();
    for (seller, who) in [(SellerId(1), "a@example.com"), (two, "b@example.com")] {
        contacts::insert(&mut tx, seller, &[contact(1, ASTRID, who)]).await.unwrap();
        let mut extra = addon(1, SERVICE, SERVER);
        extra.own_price_minor = Some(seller.0 * 100);
        addons::upsert(&mut tx, seller, &[extra]).await.unwrap();
        keys::insert(&mut tx, &key(seller), who).await.unwrap();
    }
    tx.commit().await.unwrap();
    for seller in [seller(1), polaris()] {
        // Ids come from one counter for all sellers; setting it back makes even the invoices' ids the same.
        shop.meddle(if shop.is_sqlite() {
            "update ids set next = 1 where kind in ('invoice', 'outbox', 'audit')"
        } else {
            "alter sequence ids_invoice restart; alter sequence ids_outbox restart; alter sequence ids_audit restart"
        });
        let new = shop.planned_for(&seller, &[SERVICE]).await;
        let written = shop.write_for(&seller, &new).await.unwrap();
        assert_eq!((written[0].id, written[0].number.as_str()), (InvoiceId(1), "202600001"), "numbers are separate");
    }
    shop
}

fn key(seller: SellerId) -> ApiKey {
    ApiKey {
        seller,
        id: ApiKeyId(1),
        name: format!("key of {seller}"),
        hint: "pk".to_owned(),
        scopes: "read".to_owned(),
        customer: Some(ASTRID),
        created_at: noon(),
        expires_at: None,
        revoked_at: None,
        is_test: false,
        description: String::new(),
        addresses: String::new(),
        previous_until: None,
        last_used_at: None,
    }
}

/// What each of the two should see.
const SIGHTS: [(SellerId, &str, &str, &str, i64); 2] = [
    (SellerId(1), "Astrid Nyman", "Cloud Server", "vps.example.net", 10_000),
    (SellerId(2), "Bertil Berg", "Mailbox", "bertil.example", 2_000),
];

on_both_databases! {
    async fn each_sees_its_own_catalogue_and_people(kind) {
        let shop = two_sellers(kind).await;
        let mut conn = shop.read().await;
        for (seller, name, product, label, minor) in SIGHTS {
            let all = customers::all(&mut conn, seller).await.unwrap();
            assert_eq!(all.iter().map(|c| c.party.name.as_str()).collect::<Vec<_>>(), [name]);
            assert_eq!(customers::get(&mut conn, seller, ASTRID).await.unwrap().as_ref(), all.first());
            let page = customers::page(&mut conn, seller, Some("kund@example.com"), None, 10).await.unwrap();
            assert_eq!(page.iter().map(|known| &known.customer).collect::<Vec<_>>(), [&all[0]]);
            let all = contacts::all(&mut conn, seller).await.unwrap();
            let email = if seller.0 == 1 { "a@example.com" } else { "b@example.com" };
            assert_eq!(all, [contact(1, ASTRID, email)]);
            let all = products::all(&mut conn, seller).await.unwrap();
            assert_eq!(all.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), [product]);
            assert_eq!(products::page(&mut conn, seller, None, 10).await.unwrap(), all);
            let all = prices::all(&mut conn, seller).await.unwrap();
            assert_eq!(all.iter().map(|p| p.amount.minor).collect::<Vec<_>>(), [minor]);
            let wanted = [(SERVER, cycle("1m"), sek())];
            assert_eq!(prices::versions(&mut conn, seller, &wanted).await.unwrap(), all);
            assert_eq!(prices::page(&mut conn, seller, SERVER, None, 10).await.unwrap(), all);
            let all = services::all(&mut conn, seller).await.unwrap();
            assert_eq!(all.iter().map(|s| s.label.as_str()).collect::<Vec<_>>(), [label]);
            assert_eq!(services::get(&mut conn, seller, SERVICE).await.unwrap().as_ref(), all.first());
            let all = addons::all(&mut conn, seller).await.unwrap();
            assert_eq!(all.iter().map(|a| a.own_price_minor).collect::<Vec<_>>(), [Some(seller.0 * 100)]);
            assert_eq!(addons::get(&mut conn, seller, AddonId(1)).await.unwrap().as_ref(), all.first());
            assert_eq!(keys::all(&mut conn, seller).await.unwrap(), [key(seller)]);
            let found = keys::by_hash(&mut conn, email).await.unwrap();
            assert_eq!(found.map(|found| found.key), Some(key(seller)));
        }
    }

    async fn each_sees_its_own_lists_of_services(kind) {
        let shop = two_sellers(kind).await;
        let mut conn = shop.read().await;
        for (seller, name, product, label, _) in SIGHTS {
            for filter in [ServiceFilter::default(), ServiceFilter { customer: Some(ASTRID), kind: Some("vps") }] {
                assert_eq!(services::count(&mut conn, seller, filter).await.unwrap(), 1);
                let page = services::page(&mut conn, seller, filter, 10, 0).await.unwrap();
                let seen: Vec<_> = page
                    .iter()
                    .map(|view| (view.customer_name.as_str(), view.product_name.as_str(), view.service.label.as_str()))
                    .collect();
                assert_eq!(seen, [(name, product, label)]);
            }
        }
    }

    async fn each_sees_its_own_invoices(kind) {
        let shop = two_sellers(kind).await;
        let mut conn = shop.read().await;
        for (seller, name, _, _, minor) in SIGHTS {
            let addon = seller.0 * 100;
            for filter in [InvoiceFilter::default(), InvoiceFilter { customer: Some(ASTRID), ..Default::default() }] {
                assert_eq!(invoices::count(&mut conn, seller, filter).await.unwrap(), 1);
                let page = invoices::page(&mut conn, seller, filter, 10, 0).await.unwrap();
                let seen: Vec<_> = page.iter().map(|i| (i.buyer.name.as_str(), i.net.minor)).collect();
                assert_eq!(seen, [(name, minor + addon)]);
            }
            let invoice = invoices::get(&mut conn, seller, InvoiceId(1)).await.unwrap().unwrap();
            assert_eq!(invoice.buyer.name, name);
            let lines = invoices::lines(&mut conn, seller, &invoice).await.unwrap();
            assert_eq!(lines.iter().map(|line| line.net.minor).collect::<Vec<_>>(), [minor, addon]);
            let taxes = invoices::taxes(&mut conn, seller, &invoice).await.unwrap();
            assert_eq!(taxes.iter().map(|group| group.base.minor).collect::<Vec<_>>(), [minor + addon]);
            assert_eq!(outbox::mails_of(&mut conn, seller, InvoiceId(1)).await.unwrap().len(), 1);
            assert_eq!(audit::count(&mut conn, seller, "service.renewed").await.unwrap(), 1);
        }
    }

    async fn each_gathers_its_own_facts(kind) {
        let shop = two_sellers(kind).await;
        let mut conn = shop.read().await;
        for ((_, name, product, label, minor), seller) in SIGHTS.into_iter().zip([seller(1), polaris()]) {
            let gathered = renewals::gather(&mut conn, &seller, &[SERVICE]).await.unwrap();
            let found = &gathered[&SERVICE];
            let facts = &found.facts;
            assert_eq!((found.customer.party.name.as_str(), facts.item.name.as_str()), (name, product));
            assert_eq!((facts.label.as_str(), facts.policy.payment_terms_days), (label, seller.payment_terms_days));
            let catalogue: Vec<_> = found.catalogue_products().collect();
            assert_eq!((found.seller_version, catalogue), (1, vec![(SERVER, 2)]));
            let prices = prices::of_products(&mut conn, seller.id, &[SERVER]).await.unwrap();
            assert_eq!(prices.iter().map(|version| version.amount.minor).collect::<Vec<_>>(), [minor]);
            let addons: Vec<_> = facts.addons.iter().map(|addon| match addon.item.rule {
                PriceRule::Own { price, .. } => Some(price.minor),
                _ => None,
            }).collect();
            assert_eq!(addons, [Some(seller.id.0 * 100)]);
        }
    }

    async fn a_change_of_one_does_not_touch_the_other(kind) {
        let shop = two_sellers(kind).await;
        let two = SellerId(2);
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, two, &[customer(ASTRID.0, "Changed")]).await.unwrap();
        products::upsert(&mut tx, two, &[product(SERVER.0, "Changed")]).await.unwrap();
        let mut changed = service(SERVICE.0, ASTRID, SERVER);
        changed.label = "changed".to_owned();
        services::upsert(&mut tx, two, &[changed]).await.unwrap();
        addons::upsert(&mut tx, two, &[addon(1, SERVICE, SERVER)]).await.unwrap();
        keys::revoke(&mut tx, two, ApiKeyId(1), noon()).await.unwrap();
        let entry = AuditEntry { at: noon(), actor: "cli".to_owned(), action: "x", subject: "y", subject_id: 1, on_behalf_of: None };
        audit::append(&mut tx, two, &[entry]).await.unwrap();
        let mut renamed = polaris();
        renamed.party.name = "Changed".to_owned();
        sellers::update(&mut tx, &renamed).await.unwrap();
        prices::insert(&mut tx, two, &[PriceVersion { starts: TODAY, ..price(2, SERVER, 1) }]).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = shop.begin().await;
        let version = async |tx: &mut perennial_store::Tx, seller| {
            renewals::lock(tx, seller, &[SERVICE]).await.unwrap()[&SERVICE]
        };
        assert_eq!((version(&mut tx, SellerId(1)).await, version(&mut tx, two).await), (2, 3));
        drop(tx);
        let mut conn = shop.read().await;
        let one = SellerId(1);
        assert_eq!(customers::all(&mut conn, one).await.unwrap(), [customer(ASTRID.0, "Astrid Nyman")]);
        assert_eq!(products::all(&mut conn, one).await.unwrap(), [product(SERVER.0, "Cloud Server")]);
        assert_eq!(services::all(&mut conn, one).await.unwrap()[0].label, "vps.example.net");
        assert_eq!(addons::all(&mut conn, one).await.unwrap()[0].own_price_minor, Some(100));
        assert_eq!(keys::all(&mut conn, one).await.unwrap(), [key(one)]);
        assert_eq!(audit::count(&mut conn, one, "x").await.unwrap(), 0);
        assert_eq!(sellers::get(&mut conn, one).await.unwrap(), Some(seller(1)));
        let gathered = renewals::gather(&mut conn, &seller(1), &[SERVICE]).await.unwrap();
        assert_eq!(gathered[&SERVICE].catalogue_products().collect::<Vec<_>>(), [(SERVER, 2)]);
        assert_eq!(prices::of_products(&mut conn, one, &[SERVER]).await.unwrap(), [price(1, SERVER, 10_000)]);
    }

    async fn a_third_seller_sees_nothing(kind) {
        let shop = two_sellers(kind).await;
        let three = Seller { id: SellerId(3), ..polaris() };
        shop.open_for(&three).await;
        let mut conn = shop.read().await;
        let invoice = shop.invoice(InvoiceId(1)).await;
        assert_eq!(customers::all(&mut conn, three.id).await.unwrap(), []);
        assert_eq!(customers::get(&mut conn, three.id, ASTRID).await.unwrap(), None);
        assert_eq!(contacts::all(&mut conn, three.id).await.unwrap(), []);
        assert_eq!(products::all(&mut conn, three.id).await.unwrap(), []);
        assert_eq!(prices::all(&mut conn, three.id).await.unwrap(), []);
        assert_eq!(prices::versions(&mut conn, three.id, &[(SERVER, cycle("1m"), sek())]).await.unwrap(), []);
        assert_eq!(prices::of_products(&mut conn, three.id, &[SERVER]).await.unwrap(), []);
        assert_eq!(services::all(&mut conn, three.id).await.unwrap(), []);
        assert_eq!(services::get(&mut conn, three.id, SERVICE).await.unwrap(), None);
        assert_eq!(services::count(&mut conn, three.id, ServiceFilter::default()).await.unwrap(), 0);
        assert_eq!(services::page(&mut conn, three.id, ServiceFilter::default(), 10, 0).await.unwrap(), []);
        assert_eq!(addons::all(&mut conn, three.id).await.unwrap(), []);
        assert_eq!(addons::get(&mut conn, three.id, AddonId(1)).await.unwrap(), None);
        assert_eq!(keys::all(&mut conn, three.id).await.unwrap(), []);
        assert_eq!(invoices::get(&mut conn, three.id, InvoiceId(1)).await.unwrap(), None);
        assert_eq!(invoices::lines(&mut conn, three.id, &invoice).await.unwrap(), []);
        assert_eq!(invoices::taxes(&mut conn, three.id, &invoice).await.unwrap(), []);
        assert_eq!(invoices::count(&mut conn, three.id, InvoiceFilter::default()).await.unwrap(), 0);
        assert_eq!(invoices::page(&mut conn, three.id, InvoiceFilter::default(), 10, 0).await.unwrap(), []);
        assert_eq!(outbox::mails_of(&mut conn, three.id, InvoiceId(1)).await.unwrap(), []);
        assert_eq!(audit::count(&mut conn, three.id, "service.renewed").await.unwrap(), 0);
        assert!(renewals::gather(&mut conn, &three, &[SERVICE]).await.unwrap().is_empty());
        drop(conn);
        let mut tx = shop.begin().await;
        assert!(renewals::lock(&mut tx, three.id, &[SERVICE]).await.unwrap().is_empty());
        assert!(!keys::revoke(&mut tx, three.id, ApiKeyId(1), noon()).await.unwrap());
    }

    async fn nobody_sells_to_another_s_customer(kind) {
        let shop = Shop::new(kind).await;
        shop.open_for(&polaris()).await;
        let mut tx = shop.begin().await;
        products::upsert(&mut tx, SellerId(2), &[product(SERVER.0, "Mailbox")]).await.unwrap();
        let stolen = [service(1, CustomerId(ASTRID.0), SERVER)];
        let error = services::upsert(&mut tx, SellerId(2), &stolen).await.unwrap_err();
        assert!(matches!(error, perennial_store::StoreError::Reference(_)), "{error}");
    }

    async fn doctor_examines_one_seller(kind) {
        let shop = two_sellers(kind).await;
        shop.meddle("update services set open_invoice_id = null where seller_id = 2");
        let problems = async |seller| {
            let findings = shop.store.examine(seller).await.unwrap();
            findings.into_iter().flat_map(|finding| finding.problems).collect::<Vec<_>>()
        };
        assert_eq!(problems(SellerId(1)).await, [""; 0]);
        let forgotten = [
            "service 20000: open invoice none, unpaid 1",
            "service 20000: renewed from 2026-12-18, looked for from 2026-11-17",
        ];
        assert_eq!(problems(SellerId(2)).await, forgotten);
    }
}
