//! Coupons and volume prices.

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use perennial_app::{Actor, AppError, ChangeRequest, NewCoupon, NewPrice, Order, Outcome, PreviewOf};
use perennial_billing::{CustomerId, Money, Off, ProductId, Rate, ServiceId};
use perennial_testkit::{Kind, Provider, on_both_databases};

use crate::{ledger_of, outcome};

fn percent(code: &str, percent: &str) -> NewCoupon {
    NewCoupon {
        code: code.to_owned(),
        off: Off::Percent(Rate::parse_percent(percent).unwrap()),
        currency: None,
        periods: None,
        through: None,
        product: None,
        customer: None,
        redeem_through: None,
        max_uses: None,
    }
}

fn amount(code: &str, minor: i64) -> NewCoupon {
    let currency = Some("SEK".parse().unwrap());
    NewCoupon { off: Off::Amount(minor), currency, ..percent(code, "1") }
}

async fn coupon(provider: &Provider, new: NewCoupon) {
    provider.app.create_coupon(provider.id(), Actor::Cli, new).await.unwrap();
}

async fn redeem(provider: &Provider, service: ServiceId, code: &str) -> Result<(), AppError> {
    provider.app.redeem_coupon(&provider.staff(), service, code).await.map(|_| ())
}

async fn renew_and_pay(provider: &Provider, service: ServiceId) -> Money {
    let renewed = outcome(provider.app.renew(&provider.staff(), &[service]).await);
    let Outcome::Renewed(renewed) = renewed else { panic!("{renewed:?}") };
    provider.settle(renewed.invoice.id).await;
    renewed.plan.net
}

async fn vera(kind: Kind) -> (Provider, CustomerId, ProductId, ServiceId) {
    let provider = Provider::new(kind).await;
    let product = provider.product("Server", "79.00").await;
    let vera = provider.customer("Vera Lund").await;
    let service = provider.service(vera, product, date(2026, 12, 1)).await;
    (provider, vera, product, service)
}

/// The lines that begin on this day.
async fn lines_from(provider: &Provider, day: Date) -> String {
    let text = ledger_of(provider).await;
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(&format!(", {day} –"))).collect();
    lines.join("\n")
}

on_both_databases! {
    async fn a_third_off_for_two_months(kind) {
        let (provider, vera, _, service) = vera(kind).await;
        coupon(&provider, NewCoupon { periods: Some(2), ..percent("welcome", "33.3333") }).await;
        redeem(&provider, service, " Welcome ").await.unwrap();
        let of = PreviewOf::Customer(vera);
        let preview = provider.app.preview(&provider.staff(), of, Some(date(2027, 2, 28))).await.unwrap();
        let promised: Vec<String> = preview.forecast.invoices.iter().map(|plan| plan.net.amount()).collect();
        let mut billed = Vec::new();
        for _ in 0..promised.len() {
            billed.push(renew_and_pay(&provider, service).await.amount());
        }
        assert_eq!(promised, billed, "what was shown is what was billed");
        assert_eq!(billed[..3], ["52.67", "52.67", "79.00"]);
        let off = "select period_starts, unit_price_minor, allowance_minor, allowance_reason, net_minor from invoice_lines \
            order by invoice_id limit 3";
        assert_snapshot!(provider.database.sql(off).unwrap().trim(), @"
        2026-12-01|7900|2633|WELCOME: 33.3333 %|5267
        2027-01-01|7900|2633|WELCOME: 33.3333 %|5267
        2027-02-01|7900|||7900
        ");
        provider.assert_well().await;
    }

    async fn for_ever_until_a_day_and_more_than_there_is(kind) {
        let (provider, vera, product, forever) = vera(kind).await;
        coupon(&provider, percent("FOREVER", "10")).await;
        coupon(&provider, NewCoupon { through: Some(date(2027, 1, 1)), ..amount("UNTIL", 2_000) }).await;
        coupon(&provider, amount("MORE", 10_000)).await;
        let mut totals = Vec::new();
        for code in ["FOREVER", "UNTIL", "MORE"] {
            let service = match code {
                "FOREVER" => forever,
                _ => provider.service(vera, product, date(2026, 12, 1)).await,
            };
            redeem(&provider, service, code).await.unwrap();
            // All four in one call: each period by its own first day.
            let order = Order { periods: 4, addons: None };
            let renewed = outcome(provider.app.renew_ordered(&provider.staff(), &[service], &order).await);
            let Outcome::Renewed(renewed) = renewed else { panic!("{renewed:?}") };
            let nets: Vec<String> = renewed.plan.lines.iter().map(|line| line.net.amount()).collect();
            totals.push(format!("{code}: {}", nets.join(" ")));
        }
        assert_snapshot!(totals.join("\n"), @"
        FOREVER: 71.10 71.10 71.10 71.10
        UNTIL: 59.00 59.00 79.00 79.00
        MORE: 0.00 0.00 0.00 0.00
        ");
        provider.assert_well().await;
    }

    async fn a_coupon_that_cannot_be_used_says_why(kind) {
        let (provider, vera, product, service) = vera(kind).await;
        let other = provider.product("Other", "10.00").await;
        let bo = provider.customer("Bo Dahl").await;
        for new in [
            NewCoupon { product: Some(other), ..percent("OTHER-PRODUCT", "10") },
            NewCoupon { customer: Some(bo), ..percent("BOS-OWN", "10") },
            NewCoupon { redeem_through: Some(date(2026, 11, 23)), ..percent("LATE", "10") },
            NewCoupon { through: Some(date(2026, 11, 30)), ..percent("OVER", "10") },
            NewCoupon { currency: Some("EUR".parse().unwrap()), ..amount("EURO", 100) },
            NewCoupon { max_uses: Some(1), ..percent("ONCE", "10") },
            percent("GOOD", "10"),
        ] {
            coupon(&provider, new).await;
        }
        let second = provider.service(vera, product, date(2026, 12, 1)).await;
        redeem(&provider, second, "ONCE").await.unwrap();
        provider.set_day(date(2026, 11, 24));
        let mut said = Vec::new();
        for code in ["NONE", "OTHER-PRODUCT", "BOS-OWN", "LATE", "OVER", "EURO", "ONCE"] {
            said.push(format!("{code}: {}", redeem(&provider, service, code).await.unwrap_err()));
        }
        redeem(&provider, service, "GOOD").await.unwrap();
        said.push(format!("GOOD: {}", redeem(&provider, service, "GOOD").await.unwrap_err()));
        provider.app.end_discount(&provider.staff(), service).await.unwrap();
        said.push(format!("GOOD: {}", redeem(&provider, service, "GOOD").await.unwrap_err()));
        said.push(provider.app.end_discount(&provider.staff(), service).await.unwrap_err().to_string());
        for bad in [percent("no spaces", "10"), percent("P", "0"), percent("P", "100.0001"), amount("P", 0),
            NewCoupon { periods: Some(0), ..percent("P", "1") },
            NewCoupon { through: Some(date(2026, 11, 23)), ..percent("P", "1") },
            NewCoupon { product: Some(ProductId(99)), ..percent("P", "1") }, percent("good", "5")] {
            said.push(provider.app.create_coupon(provider.id(), Actor::Cli, bad).await.unwrap_err().to_string());
        }
        assert_snapshot!(said.join("\n"), @"
        NONE: Coupon not found
        OTHER-PRODUCT: coupon OTHER-PRODUCT is for another product
        BOS-OWN: Coupon not found
        LATE: coupon LATE could be used through 2026-11-23
        OVER: coupon OVER ends before the next period of this service, which begins on 2026-12-01
        EURO: coupon EURO is for another currency than SEK
        ONCE: coupon ONCE was used as often as it can be
        GOOD: Service has coupon GOOD already
        GOOD: coupon GOOD was used for this service already
        Service has no discount
        `code` must be letters, digits and `-`, at most 40 characters
        `percent` must be more than 0 and at most 100
        `percent` must be more than 0 and at most 100
        `amount` must be more than 0
        `periods` must be at least 1
        `through` is over
        Product not found
        there is a coupon GOOD already
        ");
        assert_eq!(renew_and_pay(&provider, service).await.amount(), "79.00");
        provider.assert_well().await;
    }

    async fn a_limit_holds_whoever_asks_at_the_same_time(kind) {
        let (provider, vera, product, _) = vera(kind).await;
        coupon(&provider, NewCoupon { max_uses: Some(5), ..percent("FIVE", "50") }).await;
        let mut services = Vec::new();
        for _ in 0..16 {
            services.push(provider.service(vera, product, date(2026, 12, 1)).await);
        }
        let mut calls = tokio::task::JoinSet::new();
        for service in services {
            let (app, caller) = (provider.app.clone(), provider.staff());
            calls.spawn(async move { app.redeem_coupon(&caller, service, "FIVE").await });
        }
        let outcomes = calls.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
        assert_eq!(provider.database.sql("select uses from coupons").unwrap().trim(), "5");
        provider.assert_well().await;
    }

    async fn who_takes_many_pays_less_for_each(kind) {
        let (provider, _, product, service) = vera(kind).await;
        for (quantity, minor) in [("10", 7_000), ("100", 6_000)] {
            let new = NewPrice {
                product,
                cycle: "1m".parse().unwrap(),
                amount: Money::new(minor, "SEK".parse().unwrap()),
                starts: date(2020, 1, 1),
                from_quantity: quantity.parse().unwrap(),
            };
            provider.app.create_price(provider.id(), Actor::Cli, new).await.unwrap();
        }
        assert_eq!(renew_and_pay(&provider, service).await.amount(), "79.00");
        provider.set_day(date(2026, 12, 1));
        let mut told = Vec::new();
        for quantity in ["9", "10", "99.5", "100"] {
            let request = ChangeRequest { quantity: Some(quantity.parse().unwrap()), ..ChangeRequest::default() };
            let preview = provider.app.preview_change(&provider.staff(), service, request).await.unwrap();
            let lines = preview.change.invoice.unwrap().lines;
            told.push(lines.last().unwrap().description.clone());
        }
        assert_snapshot!(told.join("\n"), @"
        Server vps.example.net, 2026-12-01 – 2026-12-31: 9 × 79.00 = 711.00; 711.00 × 31/31
        Server vps.example.net, 2026-12-01 – 2026-12-31: 10 × 70.00 = 700.00; 700.00 × 31/31
        Server vps.example.net, 2026-12-01 – 2026-12-31: 99.5 × 70.00 = 6965.00; 6965.00 × 31/31
        Server vps.example.net, 2026-12-01 – 2026-12-31: 100 × 60.00 = 6000.00; 6000.00 × 31/31
        ");
        provider.assert_well().await;
    }

    async fn an_upgrade_keeps_the_discount(kind) {
        let (provider, _, _, service) = vera(kind).await;
        let large = provider.product("Large server", "200.00").await;
        coupon(&provider, percent("TEN", "10")).await;
        redeem(&provider, service, "TEN").await.unwrap();
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2026, 12, 11));
        let request = ChangeRequest { product: Some(large), ..ChangeRequest::default() };
        provider.app.change(&provider.staff(), service, request).await.unwrap();
        renew_and_pay(&provider, service).await;
        let text = [lines_from(&provider, date(2026, 12, 11)).await, lines_from(&provider, date(2027, 1, 1)).await];
        assert_snapshot!(text.join("\n"), @"
        Unused: Server vps.example.net, 2026-12-11 – 2026-12-31: 71.10 × 21/31 | -1 × 48.16 = -48.16 | S 25 %
        Large server vps.example.net, 2026-12-11 – 2026-12-31: 1 × 200.00 − 20.00 (TEN: 10 %) = 180.00; 180.00 × 21/31 | 1 × 121.94 = 121.94 | S 25 %
        Large server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 200.00 − 20.00 (TEN: 10 %) = 180.00 | S 25 %
        ");
        provider.assert_well().await;
    }
}
