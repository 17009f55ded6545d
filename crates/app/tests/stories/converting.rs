//! Prices in a currency in which the catalogue has none.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{Actor, AppError, NewPrice, Outcome, PreviewOf};
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{ExchangeRate, Money, Quantity};
use perennial_store::sellers;
use perennial_testkit::{Provider, on_both_databases};

use crate::{ledger_of, outcome};

fn rate(code: &str, day: jiff::civil::Date, rate: &str) -> ExchangeRate {
    ExchangeRate { currency: code.parse().unwrap(), starts: day, rate: rate.parse().unwrap(), source: "ECB".to_owned() }
}

on_both_databases! {
    async fn a_customer_in_finland_pays_in_euro_what_costs_kronor(kind) {
        let provider = Provider::new(kind).await;
        let (app, seller) = (&provider.app, provider.id());
        let server = provider.product("Server", "79.00").await;
        let aino = provider.customer_with("Aino Laine", |new| {
            new.currency = "EUR".parse().unwrap();
            new.party.country = "FI".to_owned();
        }).await;
        let service = provider.service(aino, server, date(2026, 12, 1)).await;
        app.add_exchange_rate(seller, Actor::Cli, &rate("EUR", date(2026, 11, 20), "0.0912")).await.unwrap();
        // Off, unless the seller wants it.
        let none = outcome(app.renew(&provider.staff(), &[service]).await);
        assert!(matches!(none, Outcome::PriceUnavailable(_)), "{none:?}");
        let mut rules = sellers::get(&mut app.store.read().await.unwrap(), seller).await.unwrap().unwrap();
        (rules.converts_prices, rules.converted_ending) = (true, PriceEnding::Hundredths(90));
        app.change_seller(Actor::Cli, &rules).await.unwrap();
        // A rate that begins later holds for the periods from then on.
        app.add_exchange_rate(seller, Actor::Cli, &rate("EUR", date(2026, 12, 15), "0.1012")).await.unwrap();
        let of = PreviewOf::Customer(aino);
        let preview = app.preview(&provider.staff(), of, Some(date(2027, 1, 18))).await.unwrap();
        let promised: Vec<Money> = preview.forecast.invoices.iter().map(|plan| plan.total).collect();
        let mut billed = Vec::new();
        for nth in 0..3 {
            if nth == 2 {
                // A price of its own in the catalogue beats what is converted.
                let (amount, starts) = (Money::new(850, "EUR".parse().unwrap()), date(2027, 2, 1));
                let cycle = "1m".parse().unwrap();
                let new = NewPrice { product: server, cycle, amount, starts, from_quantity: Quantity::ZERO };
                app.create_price(seller, Actor::Cli, new).await.unwrap();
            }
            let Outcome::Renewed(renewed) = outcome(app.renew(&provider.staff(), &[service]).await) else { panic!() };
            provider.settle(renewed.invoice.id).await;
            billed.push(renewed.plan.total);
        }
        assert_eq!(promised[..2], billed[..2], "what was shown is what was billed");
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Aino Laine: issued 2026-11-23, due 2026-12-07, 6.90 + 1.73 VAT = 8.63 EUR
          Server vps.example.net, 2026-12-01 – 2026-12-31; 1 SEK = 0.0912 EUR (ECB, 2026-11-20) | 1 × 6.90 = 6.90 | S 25 %
        202600002 Aino Laine: issued 2026-11-23, due 2027-01-01, 7.90 + 1.98 VAT = 9.88 EUR
          Server vps.example.net, 2027-01-01 – 2027-01-31; 1 SEK = 0.1012 EUR (ECB, 2026-12-15) | 1 × 7.90 = 7.90 | S 25 %
        202600003 Aino Laine: issued 2026-11-23, due 2027-02-01, 8.50 + 2.13 VAT = 10.63 EUR
          Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 8.50 = 8.50 | S 25 %
        ");
        let origins = provider.database.sql("select price_origin, price_id from invoice_lines order by invoice_id").unwrap();
        assert_snapshot!(origins.trim(), @"
        converted|1
        converted|1
        catalogue|2
        ");
        let explained = app.explain(&provider.staff(), service, None).await.unwrap();
        assert!(explained.plan.is_ok());
        provider.assert_well().await;
    }

    async fn a_rate_that_cannot_be_is_refused(kind) {
        let provider = Provider::new(kind).await;
        let (app, seller) = (&provider.app, provider.id());
        let day = date(2026, 11, 20);
        app.add_exchange_rate(seller, Actor::Cli, &rate("EUR", day, "0.0912")).await.unwrap();
        let mut said = Vec::new();
        for bad in [rate("EUR", day, "0.0913"), rate("SEK", day, "1"), rate("USD", day, "0"), rate("USD", day, "-1"),
            ExchangeRate { source: String::new(), ..rate("USD", day, "0.1") }] {
            said.push(app.add_exchange_rate(seller, Actor::Cli, &bad).await.unwrap_err().to_string());
        }
        assert_snapshot!(said.join("\n"), @"
        there is a rate for EUR from 2026-11-20 already; give the new one another start
        `currency` is the seller's own
        `rate` must be more than 0
        `rate` must be more than 0
        `source` is missing
        ");
        let rates = sellers::exchange_rates(&mut app.store.read().await.unwrap(), seller).await.unwrap();
        assert_eq!(rates, [rate("EUR", day, "0.0912")]);
        let unknown = app.add_exchange_rate(perennial_billing::SellerId(9), Actor::Cli, &rate("USD", day, "0.1")).await;
        assert!(matches!(unknown, Err(AppError::NotFound("Seller"))));
    }
}
