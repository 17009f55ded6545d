//! Price campaigns: choosing, writing, and putting back.

use jiff::civil::date;
use perennial_billing::campaign::{PriceChange, PriceEnding};
use perennial_billing::{CampaignId, CampaignPrice, CustomerId, Money, Rate, SellerId, ServiceId};
use perennial_store::campaigns::{self, Campaign, CampaignService, CampaignState, PriceColumns, Returning, Selection};
use perennial_store::customers;
use perennial_store::services::{self, Service};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ANCHOR, ASTRID, SERVER, SERVICE, Shop, customer, cycle, noon, sek, service};

const BERTIL: CustomerId = CustomerId(8);
const ALL: (CustomerId, ServiceId) = (CustomerId(0), ServiceId(0));

fn campaign(id: i64, change: PriceChange) -> Campaign {
    Campaign {
        id: CampaignId(id),
        name: "New Year".to_owned(),
        change,
        ending: PriceEnding::Any,
        from: date(2027, 1, 1),
        at: noon(),
        actor: "key:7".to_owned(),
        state: CampaignState::Planned,
    }
}

fn money(minor: i64) -> Money {
    Money::new(minor, sek())
}

fn percent() -> PriceChange {
    PriceChange::Percent(Rate::from_parts_per_million(-60_000))
}

fn changed(service: ServiceId, customer: CustomerId) -> CampaignService {
    CampaignService {
        service,
        customer,
        old: money(10_000),
        new: money(10_600),
        yearly: money(-7_200),
        first_starts: ANCHOR,
        state: CampaignState::Planned,
    }
}

fn columns(campaign: Option<i64>) -> PriceColumns {
    PriceColumns {
        own_price_minor: Some(7),
        own_price_through: Some(date(2027, 5, 31)),
        price_kept_on: None,
        campaign: campaign.map(|id| CampaignPrice { campaign: CampaignId(id), minor: 10_600, from: date(2027, 1, 1) }),
    }
}

/// Astrid's server, a yearly one of hers, a cancelled one; and Bertil's, who is in a group.
async fn four_servers(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let mut tx = shop.begin().await;
    customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
    assert!(customers::set_group(&mut tx, shop.id(), BERTIL, "resellers").await.unwrap());
    assert!(!customers::set_group(&mut tx, SellerId(2), BERTIL, "resellers").await.unwrap());
    tx.commit().await.unwrap();
    let mut yearly = service(1, ASTRID, SERVER);
    yearly.schedule.cycle = cycle("1y");
    let mut ended = service(2, ASTRID, SERVER);
    ended.status = perennial_billing::ServiceStatus::Cancelled;
    shop.put_services(&[yearly, ended, service(3, BERTIL, SERVER)]).await;
    shop
}

on_both_databases! {
    async fn campaigns_are_read_as_they_were_written(kind) {
        let shop = Shop::new(kind).await;
        let written = [
            campaign(1, percent()),
            Campaign { ending: PriceEnding::Hundredths(99), ..campaign(2, PriceChange::By(money(-1))) },
            Campaign { ending: PriceEnding::Hundredths(0), ..campaign(3, PriceChange::To(money(i64::MAX))) },
        ];
        let mut tx = shop.begin().await;
        for new in &written {
            campaigns::insert(&mut tx, shop.id(), new).await.unwrap();
        }
        assert!(campaigns::undo(&mut tx, shop.id(), CampaignId(2)).await.unwrap());
        assert!(!campaigns::undo(&mut tx, shop.id(), CampaignId(2)).await.unwrap(), "it is undone already");
        tx.commit().await.unwrap();
        let [first, second, third] = written;
        let second = Campaign { state: CampaignState::Undone, ..second };
        let mut conn = shop.read().await;
        assert_eq!(campaigns::page(&mut conn, shop.id(), None, 2).await.unwrap(), [third, second]);
        assert_eq!(campaigns::page(&mut conn, shop.id(), Some(CampaignId(2)), 2).await.unwrap(), std::slice::from_ref(&first));
        assert_eq!(campaigns::get(&mut conn, shop.id(), CampaignId(1)).await.unwrap(), Some(first));
        assert_eq!(campaigns::get(&mut conn, SellerId(2), CampaignId(1)).await.unwrap(), None);
    }

    async fn services_are_chosen_by_what_they_are_and_whose(kind) {
        let shop = four_servers(kind).await;
        let chosen = async |selection: Selection| {
            let found = campaigns::select(&mut shop.read().await, shop.id(), &selection, ALL, 9).await.unwrap();
            found.into_iter().map(|(_, service)| service.0).collect::<Vec<_>>()
        };
        assert_eq!(chosen(Selection::default()).await, [1, SERVICE.0, 3]);
        assert_eq!(chosen(Selection { product: Some(SERVER), ..Selection::default() }).await.len(), 3);
        assert_eq!(chosen(Selection { cycle: Some(cycle("1y")), ..Selection::default() }).await, [1]);
        assert_eq!(chosen(Selection { group: Some("resellers".to_owned()), ..Selection::default() }).await, [3]);
        let euro = Selection { currency: Some("EUR".parse().unwrap()), ..Selection::default() };
        assert_eq!(chosen(euro).await, [0; 0]);
        let all = Selection::default();
        let page = campaigns::select(&mut shop.read().await, shop.id(), &all, (ASTRID, ServiceId(1)), 1).await.unwrap();
        assert_eq!(page, [(ASTRID, SERVICE)]);
        assert_eq!(campaigns::select(&mut shop.read().await, SellerId(2), &all, ALL, 9).await.unwrap(), []);
    }

    async fn services_of_a_campaign_are_put_back(kind) {
        let shop = four_servers(kind).await;
        let (id, seller) = (CampaignId(5), shop.id());
        let mut tx = shop.begin().await;
        campaigns::insert(&mut tx, seller, &campaign(id.0, percent())).await.unwrap();
        let (hers, his) = (changed(SERVICE, ASTRID), changed(ServiceId(3), BERTIL));
        let before = columns(Some(4));
        campaigns::insert_services(&mut tx, seller, id, &[(hers.clone(), before), (his.clone(), columns(None))]).await.unwrap();
        campaigns::set_prices(&mut tx, seller, &[(SERVICE, columns(Some(id.0)))]).await.unwrap();
        campaigns::queue_notices(&mut tx, seller, id, &[ASTRID, BERTIL], (noon(), noon())).await.unwrap();
        tx.commit().await.unwrap();
        let of = async |after| campaigns::services(&mut shop.read().await, seller, id, ServiceId(after), 9).await.unwrap();
        assert_eq!(of(0).await, [his.clone(), hers.clone()]);
        assert_eq!(of(3).await, [hers]);
        let known = services::get(&mut shop.read().await, seller, SERVICE).await.unwrap().unwrap();
        assert_eq!(PriceColumns::of(&known), columns(Some(id.0)));
        let mut tx = shop.begin().await;
        let all = campaigns::returning(&mut tx, seller, id, None, ServiceId(0), 9).await.unwrap();
        let of_his = Returning { service: ServiceId(3), before: columns(None), is_billed: false, is_its_own: false, is_built_on: false };
        let of_hers = Returning { service: SERVICE, before, is_billed: false, is_its_own: true, is_built_on: false };
        assert_eq!(all, [of_his.clone(), of_hers]);
        let named = campaigns::returning(&mut tx, seller, id, Some(&[ServiceId(3)]), ServiceId(0), 9).await.unwrap();
        assert_eq!(named, [of_his]);
        campaigns::let_go(&mut tx, seller, id, &[ServiceId(3)], CampaignState::OptedOut).await.unwrap();
        assert_eq!(campaigns::call_off_notices(&mut tx, seller, id, noon()).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(of(0).await[0].state, CampaignState::OptedOut);
        let states = shop.look("select customer_id, state from outbox where campaign_id = 5 order by id");
        assert_eq!(states, ["7|queued", "8|called_off"]);
    }

    async fn a_period_that_was_billed_is_noticed(kind) {
        let shop = Shop::new(kind).await;
        let (id, seller) = (CampaignId(5), shop.id());
        let mut tx = shop.begin().await;
        campaigns::insert(&mut tx, seller, &campaign(id.0, percent())).await.unwrap();
        campaigns::insert_services(&mut tx, seller, id, &[(changed(SERVICE, ASTRID), columns(None))]).await.unwrap();
        tx.commit().await.unwrap();
        shop.renew().await;
        let mut tx = shop.begin().await;
        let all = campaigns::returning(&mut tx, seller, id, None, ServiceId(0), 9).await.unwrap();
        assert!(all[0].is_billed);
        drop(tx);
        let known: Service = services::get(&mut shop.read().await, seller, SERVICE).await.unwrap().unwrap();
        assert_eq!(known.campaign, None);
    }
}
