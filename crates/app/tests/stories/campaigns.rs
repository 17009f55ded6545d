//! Price campaigns: what is shown is what is billed, and what is taken back is as if it had never been.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use perennial_app::{Actor, AppError, ChangeRequest, NewCampaign, Outcome, ServiceChange, Stop};
use perennial_billing::campaign::{PriceChange, PriceEnding};
use perennial_billing::{CampaignId, Money, PriceRule, ProductId, Rate, ServiceId};
use perennial_store::campaigns::Selection;
use perennial_store::runs::RunOrigin;
use perennial_testkit::{Provider, on_both_databases, provider_csv};

use crate::outcome;

const FROM: Date = date(2027, 1, 1);

/// Six per cent more from New Year on.
fn rise(selection: Selection) -> NewCampaign {
    NewCampaign {
        name: "New Year".to_owned(),
        selection,
        below: None,
        above: None,
        change: PriceChange::Percent(Rate::parse_percent("6").unwrap()),
        ending: PriceEnding::Any,
        from: FROM,
    }
}

fn of_product(product: ProductId) -> Selection {
    Selection { product: Some(product), ..Selection::default() }
}

fn sek(minor: i64) -> Money {
    Money::new(minor, "SEK".parse().unwrap())
}

async fn renew_and_pay(provider: &Provider, service: ServiceId) -> (String, String) {
    let renewed = outcome(provider.app.renew(&provider.staff(), &[service]).await);
    let Outcome::Renewed(renewed) = renewed else { panic!("{renewed:?}") };
    provider.settle(renewed.invoice.id).await;
    let line = &renewed.plan.lines[0];
    (line.period.starts.to_string(), line.unit_price.amount())
}

fn never() -> Stop {
    tokio::sync::watch::channel(false).1
}

/// Everything that says what services cost.
fn prices(provider: &Provider) -> String {
    let sql = "select id, own_price_minor, own_price_through, price_kept_on, campaign_id, campaign_price_minor, \
        campaign_price_from from services order by id";
    provider.database.sql(sql).unwrap()
}

on_both_databases! {
    async fn what_a_campaign_shows_is_what_the_next_renewals_bill_and_undoing_restores(kind) {
        let provider = Provider::new(kind).await;
        provider.app.import_csv(provider.id(), provider_csv(), |_, _| {}).await.unwrap();
        let staff = provider.staff();
        let mut new = rise(Selection { currency: Some("SEK".parse().unwrap()), ..Selection::default() });
        new.ending = PriceEnding::Hundredths(90);
        new.above = Some(sek(5_000));
        let before = prices(&provider);
        let shown = provider.app.preview_campaign(provider.id(), &new, |_| {}).await.unwrap();
        assert_eq!(prices(&provider), before, "a preview writes nothing");
        let (campaign, effect) = provider.app.start_campaign(&staff, &new, |_| {}).await.unwrap();
        assert_eq!(shown, effect, "what was shown is what was done");
        assert!(effect.services.len() > 500, "{} services change", effect.services.len());
        assert_snapshot!(format!(
            "{} of {} change, of {} customers; in a year {:?}; left alone {:?}",
            effect.services.len(), effect.chosen, effect.customers, effect.yearly, effect.left
        ), @"1255 of 1255 change, of 575 customers; in a year {SEK: 243343.90 SEK}; left alone {}");
        let notices = "select count(*) from outbox where kind = 'price_notice' and state = 'queued'";
        assert_eq!(provider.database.sql(notices).unwrap().trim(), effect.customers.to_string());

        // Taken back: every service is as it was, and no notice waits.
        assert_eq!(provider.app.undo_campaign(&staff, campaign.id).await.unwrap(), effect.services.len());
        assert_eq!(prices(&provider), before);
        assert_eq!(provider.database.sql(notices).unwrap().trim(), "0");

        // Once more, and then three months pass: the first period of each at the new price is billed as it was shown.
        let (campaign, effect) = provider.app.start_campaign(&staff, &new, |_| {}).await.unwrap();
        provider.app.make_sandbox().await.unwrap();
        let mut day = date(2026, 11, 23);
        while day < date(2027, 3, 1) {
            provider.set_day(day);
            provider.app.settle_rehearsed(provider.id()).await.unwrap();
            provider.app.run(provider.id(), RunOrigin::Schedule, None, never(), |_| {}).await.unwrap();
            day = day.tomorrow().unwrap();
        }
        let billed = provider.database.sql(
            "select service_id, period_starts, unit_price_minor, price_origin from invoice_lines where addon_id is null \
            order by service_id, period_starts",
        ).unwrap();
        let billed: BTreeMap<(i64, String), (i64, String)> = billed.lines().map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            let price = (cells[2].parse().unwrap(), cells[3].to_owned());
            ((cells[0].parse().unwrap(), cells[1].to_owned()), price)
        }).collect();
        let mut compared = 0;
        for service in &effect.services {
            let first = billed.get(&(service.service.0, service.first_starts.to_string()));
            let Some((minor, origin)) = first else { continue };
            assert_eq!((*minor, origin.as_str()), (service.new.minor, "campaign"), "service {}", service.service);
            compared += 1;
        }
        assert!(compared > 400, "{compared} services were billed");
        let before_it = billed.iter().filter(|((_, starts), (_, origin))| *starts < FROM.to_string() && origin == "campaign");
        assert_eq!(before_it.count(), 0, "nothing is billed at the new price before its day");
        let error = provider.app.undo_campaign(&staff, campaign.id).await.unwrap_err();
        assert!(error.to_string().contains("has been billed at the price of campaign 2"), "{error}");
        provider.assert_well().await;
    }

    async fn who_follows_keeps_a_price_or_has_one_of_its_own(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let mut services = Vec::new();
        for rule in [PriceRule::Follow, PriceRule::Kept(date(2026, 11, 1)),
            PriceRule::Own { price: sek(9_000), through: None },
            PriceRule::Own { price: sek(5_000), through: Some(date(2027, 1, 15)) }] {
            let service = provider.service(anna, product, date(2026, 12, 1)).await;
            let change = ServiceChange { price: Some(rule), ..ServiceChange::default() };
            provider.app.change_service(provider.id(), Actor::Cli, service, change).await.unwrap();
            services.push(service);
        }
        provider.app.start_campaign(&provider.staff(), &rise(of_product(product)), |_| {}).await.unwrap();
        // A later price of the catalogue ends it for those that follow, and for no others.
        provider.price(product, "1m", "120.00", date(2027, 3, 1)).await;
        // A second one, from April on; the first holds until then.
        let mut second = rise(of_product(product));
        (second.from, second.change) = (date(2027, 4, 1), PriceChange::By(sek(100)));
        second.selection.currency = Some("SEK".parse().unwrap());
        let early = provider.app.preview_campaign(provider.id(), &second, |_| {}).await.unwrap();
        assert_snapshot!(format!("{:?}", early.left), @r#"{"campaign 1 changes its price already, from 2027-01-01": 3}"#);
        let mut told = Vec::new();
        for round in 0..5 {
            for service in &services {
                let (starts, price) = renew_and_pay(&provider, *service).await;
                told.push(format!("{service}: {starts} {price}"));
            }
            if round == 1 {
                provider.set_day(date(2027, 1, 2));
                provider.app.start_campaign(&provider.staff(), &second, |_| {}).await.unwrap();
            }
        }
        told.sort();
        assert_snapshot!(told.join("\n"), @"
        1: 2026-12-01 100.00
        1: 2027-01-01 106.00
        1: 2027-02-01 106.00
        1: 2027-03-01 120.00
        1: 2027-04-01 121.00
        2: 2026-12-01 100.00
        2: 2027-01-01 106.00
        2: 2027-02-01 106.00
        2: 2027-03-01 106.00
        2: 2027-04-01 107.00
        3: 2026-12-01 90.00
        3: 2027-01-01 95.40
        3: 2027-02-01 95.40
        3: 2027-03-01 95.40
        3: 2027-04-01 96.40
        4: 2026-12-01 50.00
        4: 2027-01-01 50.00
        4: 2027-02-01 100.00
        4: 2027-03-01 120.00
        4: 2027-04-01 121.00
        ");
        provider.assert_well().await;
    }

    async fn a_campaign_that_touches_nothing_is_an_error(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        provider.service(anna, product, date(2026, 12, 1)).await;
        let staff = provider.staff();
        let mut said = Vec::new();
        let group = Selection { group: Some("resellers".to_owned()), ..Selection::default() };
        let (mut cheap, mut soon, mut same, mut past) =
            (rise(of_product(product)), rise(of_product(product)), rise(of_product(product)), rise(of_product(product)));
        cheap.selection.currency = Some("SEK".parse().unwrap());
        cheap.below = Some(sek(10_000));
        soon.from = date(2026, 12, 22);
        same.change = PriceChange::Percent(Rate::ZERO);
        past.from = date(2026, 11, 22);
        let mut euro = rise(of_product(product));
        euro.change = PriceChange::By(Money::new(100, "EUR".parse().unwrap()));
        let mut unbound = rise(of_product(product));
        unbound.above = Some(sek(1));
        for new in [rise(of_product(ProductId(99))), rise(group.clone()), cheap, same, soon, past, euro, unbound] {
            said.push(provider.app.start_campaign(&staff, &new, |_| {}).await.unwrap_err().to_string());
        }
        assert_snapshot!(said.join("\n"), @"
        the campaign chooses no service: nothing would change
        the campaign chooses no service: nothing would change
        the campaign chooses no service: nothing would change
        the campaign changes none of 1 services (1: its price stays as it is)
        customers have to be told 30 days before: begin on 2026-12-23 or later, or set the seller's price notice
        `from` must be a day from 2026-11-23 to 2029-11-23
        the campaign changes none of 1 services (1: its customer pays in SEK)
        `above` needs the currency to choose by
        ");
        assert_eq!(provider.database.sql("select count(*) from campaigns").unwrap().trim(), "0");
        provider.app.set_customer_group(&staff, anna, "resellers").await.unwrap();
        let (_, effect) = provider.app.start_campaign(&staff, &rise(group), |_| {}).await.unwrap();
        assert_eq!(effect.services.len(), 1);
        provider.assert_well().await;
    }

    async fn single_services_are_left_out(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Server", "100.00").await;
        let (anna, bo) = (provider.customer("Anna Ek").await, provider.customer("Bo Dahl").await);
        let mut services = Vec::new();
        for customer in [anna, anna, bo] {
            services.push(provider.service(customer, product, date(2026, 12, 1)).await);
        }
        let staff = provider.staff();
        let (campaign, _) = provider.app.start_campaign(&staff, &rise(of_product(product)), |_| {}).await.unwrap();
        assert_eq!(provider.app.opt_out(&staff, campaign.id, &[services[0]]).await.unwrap(), 1);
        let waiting = "select customer_id from outbox where state = 'queued' order by id";
        assert_eq!(provider.database.sql(waiting).unwrap().trim(), "1\n2");
        // The last one of his: he is told nothing.
        assert_eq!(provider.app.opt_out(&staff, campaign.id, &[services[2]]).await.unwrap(), 1);
        assert_eq!(provider.database.sql(waiting).unwrap().trim(), "1");
        let again = provider.app.opt_out(&staff, campaign.id, &[services[2]]).await.unwrap_err();
        assert!(matches!(again, AppError::NotFound(_)), "{again}");
        let unknown = provider.app.opt_out(&staff, CampaignId(9), &[services[2]]).await.unwrap_err();
        assert!(matches!(unknown, AppError::NotFound("Campaign")), "{unknown}");
        assert!(provider.app.opt_out(&staff, campaign.id, &[]).await.is_err());
        // Whoever becomes another product has its price, and is not put back.
        let other = provider.product("Other", "500.00").await;
        let request = ChangeRequest { product: Some(other), ..ChangeRequest::default() };
        provider.app.change(&staff, services[1], request).await.unwrap();
        assert_eq!(provider.app.undo_campaign(&staff, campaign.id).await.unwrap(), 0);
        let twice = provider.app.undo_campaign(&staff, campaign.id).await.unwrap_err();
        assert_snapshot!(twice, @"Campaign 1 was taken back already");
        assert_snapshot!(prices(&provider).trim(), @"
        1||||||
        2||||||
        3||||||
        ");
        provider.assert_well().await;
    }

    async fn a_campaign_that_is_started_twice_rises_once_and_layers_come_off_from_above(kind) {
        let provider = Provider::new(kind).await;
        let product = provider.product("Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, product, date(2026, 12, 1)).await;
        let staff = provider.staff();
        let first = rise(of_product(product));
        provider.app.start_campaign(&staff, &first, |_| {}).await.unwrap();
        let again = provider.app.start_campaign(&staff, &first, |_| {}).await.unwrap_err();
        assert_snapshot!(again, @"the campaign changes none of 1 services (1: campaign 1 changes its price already, from 2027-01-01)");
        // Billed at it, the next one may come on top.
        for _ in 0..2 {
            renew_and_pay(&provider, service).await;
        }
        let second = NewCampaign { from: date(2027, 3, 1), ..first };
        provider.app.start_campaign(&staff, &second, |_| {}).await.unwrap();
        let under = provider.app.opt_out(&staff, CampaignId(1), &[service]).await.unwrap_err();
        assert_snapshot!(under, @"a later campaign has changed the price of service 1, too: take that one back first");
        assert_eq!(provider.app.undo_campaign(&staff, CampaignId(2)).await.unwrap(), 1);
        assert_eq!(renew_and_pay(&provider, service).await, ("2027-02-01".to_owned(), "106.00".to_owned()));
        assert_eq!(renew_and_pay(&provider, service).await, ("2027-03-01".to_owned(), "106.00".to_owned()));
        provider.assert_well().await;
    }
}
