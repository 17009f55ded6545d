//! At which price: services that follow the catalogue, keep a price, or have one of their own.

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use perennial_app::{Actor, AppError, PreviewOf, ServiceChange};
use perennial_billing::{Money, PriceRule, ServiceId};
use perennial_testkit::{Provider, on_both_databases};

use crate::{ledger_of, outcome};

async fn set(provider: &Provider, service: ServiceId, rule: PriceRule) -> Result<(), AppError> {
    let change = ServiceChange { price: Some(rule), ..ServiceChange::default() };
    provider.app.change_service(provider.id(), Actor::Cli, service, change).await.map(|_| ())
}

fn own(amount: &str, through: Option<Date>) -> PriceRule {
    PriceRule::Own { price: Money::parse(amount, "SEK".parse().unwrap()).unwrap(), through }
}

on_both_databases! {
    async fn a_price_rises_twice_and_each_pays_what_was_agreed(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let start = date(2026, 12, 1);
        let mut services = Vec::new();
        for (name, rule) in [
            ("Follows", PriceRule::Follow),
            ("Keeps", PriceRule::Kept(date(2026, 12, 1))),
            ("Campaign", own("59.00", Some(date(2027, 1, 1)))),
            ("Forever", own("79.00", None)),
        ] {
            let customer = provider.customer(name).await;
            let service = provider.service(customer, server, start).await;
            set(&provider, service, rule).await.unwrap();
            services.push((customer, service));
        }
        // Both within January: that of the first of February counts from then on.
        provider.price(server, "1m", "110.00", date(2027, 1, 10)).await;
        provider.price(server, "1m", "120.00", date(2027, 2, 1)).await;

        let mut promised = Vec::new();
        for (customer, _) in &services {
            let of = PreviewOf::Customer(*customer);
            let preview = provider.app.preview(&provider.staff(), of, Some(date(2027, 1, 25))).await.unwrap();
            promised.push(preview.forecast.invoices.iter().map(|plan| plan.total).collect::<Vec<_>>());
        }
        let mut billed = vec![Vec::new(); services.len()];
        for day in [date(2026, 11, 23), date(2026, 12, 20), date(2027, 1, 20)] {
            provider.set_day(day);
            for ((_, service), billed) in services.iter().zip(&mut billed) {
                let renewed = outcome(provider.app.renew(&provider.staff(), &[*service]).await);
                let perennial_app::Outcome::Renewed(renewed) = renewed else { panic!("{renewed:?}") };
                billed.push(renewed.plan.total);
                provider.settle(renewed.invoice.id).await;
            }
        }
        assert_eq!(promised, billed, "what was shown before is what was billed");
        let lines = ledger_of(&provider).await;
        let last: Vec<&str> = lines.lines().filter(|line| line.contains("2027-02-01")).collect();
        assert_snapshot!(last.join("\n"), @"
        Cloud Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 120.00 = 120.00 | S 25 %
        Cloud Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 100.00 = 100.00 | S 25 %
        Cloud Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 120.00 = 120.00 | S 25 %
        Cloud Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 79.00 = 79.00 | S 25 %
        ");
        assert_snapshot!(lines.lines().filter(|line| line.contains("2027-01-01 ")).collect::<Vec<_>>().join("\n"), @"
        Cloud Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
        Cloud Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
        Cloud Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 59.00 = 59.00 | S 25 %
        Cloud Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 79.00 = 79.00 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn what_cannot_be_billed_is_not_agreed(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let refused = async |rule| match set(&provider, service, rule).await {
            Err(AppError::Invalid(problems)) => problems.iter().map(|p| format!("{} {}", p.field, p.reason)).collect(),
            other => vec![format!("{other:?}")],
        };
        let euro = PriceRule::Own { price: Money::new(100, "EUR".parse().unwrap()), through: None };
        let mut told: Vec<String> = refused(euro).await;
        told.extend(refused(own("-1.00", None)).await);
        told.extend(refused(own("1.00", Some(date(2026, 11, 30)))).await);
        told.extend(refused(PriceRule::Kept(date(2019, 12, 31))).await);
        assert_snapshot!(told.join("\n"), @"
        price must be in SEK, the currency of customer 1
        own_price must not be negative
        until is before the next period, which begins on 2026-12-01
        as_of product 1 had no price for 1m in SEK on 2019-12-31; the first one is valid from 2020-01-01
        ");
        assert!(set(&provider, service, own("1.00", Some(date(2026, 12, 1)))).await.is_ok());
    }

    async fn it_is_explained_where_a_price_comes_from(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        provider.price(server, "1m", "110.00", date(2026, 11, 1)).await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        let mut told = Vec::new();
        for rule in [
            PriceRule::Follow,
            PriceRule::Kept(date(2025, 6, 1)),
            own("59.00", None),
            own("59.00", Some(date(2027, 6, 1))),
        ] {
            set(&provider, service, rule).await.unwrap();
            let explained = provider.app.explain(&provider.staff(), service, None).await.unwrap();
            told.push(format!("{rule}\n  {}", explained.sentences.last().unwrap()));
        }
        assert_snapshot!(told.join("\n"), @"
        what its product costs
          Cloud Server vps.example.net: 1 × 110.00 SEK, version 2 of the catalogue's price, valid from 2026-11-01.
        what its product cost on 2025-06-01
          Cloud Server vps.example.net: 1 × 100.00 SEK, version 1 of the catalogue's price, valid from 2020-01-01; it keeps the price of 2025-06-01.
        59.00 SEK, a price of its own
          Cloud Server vps.example.net: 1 × 59.00 SEK, its own price.
        59.00 SEK, a price of its own for periods that begin through 2027-06-01; then what its product costs
          Cloud Server vps.example.net: 1 × 59.00 SEK, its own price, for periods that begin through 2027-06-01.
        ");
    }
}
