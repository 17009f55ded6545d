//! Another product, quantity or cycle in the middle of what is billed, and add-ons sold meanwhile.

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use perennial_app::{AppError, ChangeRequest, Changed, NewAddon, Outcome};
use perennial_billing::{InvoiceId, ProductId, Quantity, ServiceId};
use perennial_store::{addons, invoices, services};
use perennial_testkit::{FeedBehaviour, Provider, TestFeed, on_both_databases};

use crate::{ledger_of, outcome};

async fn renew(provider: &Provider, service: ServiceId) -> InvoiceId {
    let renewed = outcome(provider.app.renew(&provider.staff(), &[service]).await);
    let Outcome::Renewed(renewed) = renewed else { panic!("{renewed:?}") };
    renewed.invoice.id
}

/// Renews a service and takes the invoice for paid.
async fn renew_and_pay(provider: &Provider, service: ServiceId) {
    let invoice = renew(provider, service).await;
    provider.settle(invoice).await;
}

fn to_product(product: ProductId) -> ChangeRequest {
    ChangeRequest { product: Some(product), ..ChangeRequest::default() }
}

fn to_cycle(cycle: &str) -> ChangeRequest {
    ChangeRequest { cycle: Some(cycle.parse().unwrap()), ..ChangeRequest::default() }
}

fn to_quantity(quantity: &str) -> ChangeRequest {
    ChangeRequest { quantity: Some(quantity.parse().unwrap()), ..ChangeRequest::default() }
}

/// Previews a change and makes it: the invoice is the one that was shown.
async fn change(provider: &Provider, service: ServiceId, request: ChangeRequest) -> Result<Changed, AppError> {
    let promised = provider.app.preview_change(&provider.staff(), service, request).await;
    let made = provider.app.change(&provider.staff(), service, request).await;
    if let (Ok(promised), Ok(made)) = (&promised, &made) {
        assert_eq!(promised.change, made.change, "what was shown is what was done");
        if let Some(invoice) = &made.invoice {
            let mut conn = provider.app.store.read().await.unwrap();
            let written = invoices::get(&mut conn, provider.id(), invoice.id).await.unwrap().unwrap();
            assert_eq!(Some(written.total), promised.change.invoice.as_ref().map(|plan| plan.total));
        }
    }
    made
}

/// Where a service stands: what it is, from when the next period runs, and the lines of what was billed.
async fn story(provider: &Provider, service: ServiceId) -> String {
    let mut conn = provider.app.store.read().await.unwrap();
    let known = services::get(&mut conn, provider.id(), service).await.unwrap().unwrap();
    drop(conn);
    let next = known.schedule.period(known.next_period).unwrap().unwrap();
    format!(
        "{} × product {}, {}; next {} to {}, paid through {}\n{}",
        known.quantity,
        known.product,
        known.schedule.cycle,
        next.starts,
        next.last_day(),
        known.paid_through.unwrap(),
        ledger_of(provider).await
    )
}

/// Erik's web hosting, sold on a day and renewed on it.
async fn erik(provider: &Provider, anchor: Date) -> (ServiceId, ProductId, ProductId) {
    provider.set_day(anchor);
    let small = provider.product("Web S", "100.00").await;
    let large = provider.product("Web L", "250.00").await;
    provider.price(small, "1y", "1000.00", date(2020, 1, 1)).await;
    provider.price(large, "1y", "2500.00", date(2020, 1, 1)).await;
    let customer = provider.customer("Erik Ek").await;
    let service = provider.service(customer, small, anchor).await;
    renew_and_pay(provider, service).await;
    (service, small, large)
}

on_both_databases! {
    async fn erik_outgrows_his_hosting_in_the_middle_of_a_month(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        provider.set_day(date(2026, 12, 11));
        let changed = change(&provider, service, to_product(large)).await.unwrap();
        assert_eq!(changed.change.effective_on, date(2026, 12, 11));
        assert_snapshot!(story(&provider, service).await, @"
        1 × product 2, 1m; next 2027-01-01 to 2027-01-31, paid through 2027-01-01
        202600001 Erik Ek: issued 2026-12-01, due 2026-12-15, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Erik Ek: issued 2026-12-11, due 2026-12-25, 101.61 + 25.40 VAT = 127.01 SEK
          Unused: Web S vps.example.net, 2026-12-11 – 2026-12-31: 100.00 × 21/31 | -1 × 67.74 = -67.74 | S 25 %
          Web L vps.example.net, 2026-12-11 – 2026-12-31: 250.00 × 21/31 | 1 × 169.35 = 169.35 | S 25 %
        ");
        // The next renewal is what it is now, from where the periods were.
        provider.settle(changed.invoice.unwrap().id).await;
        renew_and_pay(&provider, service).await;
        assert_snapshot!(story(&provider, service).await.lines().next().unwrap(), @"1 × product 2, 1m; next 2027-02-01 to 2027-02-28, paid through 2027-02-01");
        provider.assert_well().await;
    }

    async fn what_costs_less_waits_for_the_next_period(kind) {
        let provider = Provider::new(kind).await;
        let (service, small, large) = erik(&provider, date(2026, 12, 1)).await;
        provider.set_day(date(2026, 12, 5));
        change(&provider, service, to_product(large)).await.unwrap();
        provider.set_day(date(2026, 12, 20));
        let back = change(&provider, service, to_product(small)).await.unwrap();
        assert_eq!((back.invoice, back.change.effective_on), (None, date(2027, 1, 1)));
        assert_eq!(back.change.difference.amount(), "-58.06");
        // He thinks again: what is billed is the large one, so that nothing is to pay.
        let again = change(&provider, service, to_product(large)).await.unwrap();
        assert_eq!(again.change.difference.amount(), "0.00");
        assert_eq!(change(&provider, service, to_product(large)).await.unwrap_err().to_string(),
            "Service is so already: nothing changes");
        change(&provider, service, to_product(small)).await.unwrap();
        renew_and_pay(&provider, service).await;
        assert_snapshot!(story(&provider, service).await, @"
        1 × product 1, 1m; next 2027-02-01 to 2027-02-28, paid through 2027-02-01
        202600001 Erik Ek: issued 2026-12-01, due 2026-12-15, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Erik Ek: issued 2026-12-05, due 2026-12-19, 130.64 + 32.66 VAT = 163.30 SEK
          Unused: Web S vps.example.net, 2026-12-05 – 2026-12-31: 100.00 × 27/31 | -1 × 87.10 = -87.10 | S 25 %
          Web L vps.example.net, 2026-12-05 – 2026-12-31: 250.00 × 27/31 | 1 × 217.74 = 217.74 | S 25 %
        202600003 Erik Ek: issued 2026-12-20, due 2027-01-03, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn a_year_instead_of_months_begins_today_and_a_month_instead_of_years_later(kind) {
        let provider = Provider::new(kind).await;
        let (service, ..) = erik(&provider, date(2026, 12, 31)).await;
        provider.set_day(date(2027, 1, 10));
        let changed = change(&provider, service, to_cycle("1y")).await.unwrap();
        assert_snapshot!(story(&provider, service).await, @"
        1 × product 1, 1y; next 2028-01-10 to 2029-01-09, paid through 2027-01-10
        202600001 Erik Ek: issued 2026-12-31, due 2027-01-14, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-31 – 2027-01-30 | 1 × 100.00 = 100.00 | S 25 %
        202700001 Erik Ek: issued 2027-01-10, due 2027-01-24, 932.26 + 233.07 VAT = 1165.33 SEK
          Unused: Web S vps.example.net, 2027-01-10 – 2027-01-30: 100.00 × 21/31 | -1 × 67.74 = -67.74 | S 25 %
          Web S vps.example.net, 2027-01-10 – 2028-01-09 | 1 × 1000.00 = 1000.00 | S 25 %
        ");
        // The invoice of the new year is a renewal invoice: it is in the way until it is paid.
        let error = change(&provider, service, to_cycle("1m")).await.unwrap_err();
        assert!(matches!(error, AppError::Blocked(invoice) if Some(invoice) == changed.invoice.as_ref().map(|i| i.id)));
        provider.settle(changed.invoice.unwrap().id).await;
        let later = change(&provider, service, to_cycle("1m")).await.unwrap();
        assert_eq!((later.invoice, later.change.effective_on), (None, date(2028, 1, 10)));
        provider.set_day(date(2028, 1, 10));
        renew_and_pay(&provider, service).await;
        assert_snapshot!(story(&provider, service).await.lines().next().unwrap(), @"1 × product 1, 1m; next 2028-02-10 to 2028-03-09, paid through 2028-02-10");
        provider.assert_well().await;
    }

    async fn more_of_it_is_billed_for_all_that_is_billed_ahead(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, _) = erik(&provider, date(2026, 12, 1)).await;
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2026, 12, 16));
        change(&provider, service, to_quantity("3")).await.unwrap();
        assert_snapshot!(story(&provider, service).await, @"
        3 × product 1, 1m; next 2027-02-01 to 2027-02-28, paid through 2027-02-01
        202600001 Erik Ek: issued 2026-12-01, due 2026-12-15, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Erik Ek: issued 2026-12-01, due 2027-01-01, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
        202600003 Erik Ek: issued 2026-12-16, due 2026-12-30, 303.23 + 75.81 VAT = 379.04 SEK
          Unused: Web S vps.example.net, 2026-12-16 – 2026-12-31: 100.00 × 16/31 | -1 × 51.61 = -51.61 | S 25 %
          Unused: Web S vps.example.net, 2027-01-01 – 2027-01-31: 100.00 × 31/31 | -1 × 100.00 = -100.00 | S 25 %
          Web S vps.example.net, 2026-12-16 – 2026-12-31: 3 × 100.00 = 300.00; 300.00 × 16/31 | 1 × 154.84 = 154.84 | S 25 %
          Web S vps.example.net, 2027-01-01 – 2027-01-31: 3 × 100.00 = 300.00; 300.00 × 31/31 | 1 × 300.00 = 300.00 | S 25 %
        ");
        // A year from today: two months are given back, one of them whole.
        provider.set_day(date(2026, 12, 21));
        change(&provider, service, to_cycle("1y")).await.unwrap();
        assert_snapshot!(story(&provider, service).await, @"
        3 × product 1, 1y; next 2027-12-21 to 2028-12-20, paid through 2026-12-21
        202600001 Erik Ek: issued 2026-12-01, due 2026-12-15, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Erik Ek: issued 2026-12-01, due 2027-01-01, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
        202600003 Erik Ek: issued 2026-12-16, due 2026-12-30, 303.23 + 75.81 VAT = 379.04 SEK
          Unused: Web S vps.example.net, 2026-12-16 – 2026-12-31: 100.00 × 16/31 | -1 × 51.61 = -51.61 | S 25 %
          Unused: Web S vps.example.net, 2027-01-01 – 2027-01-31: 100.00 × 31/31 | -1 × 100.00 = -100.00 | S 25 %
          Web S vps.example.net, 2026-12-16 – 2026-12-31: 3 × 100.00 = 300.00; 300.00 × 16/31 | 1 × 154.84 = 154.84 | S 25 %
          Web S vps.example.net, 2027-01-01 – 2027-01-31: 3 × 100.00 = 300.00; 300.00 × 31/31 | 1 × 300.00 = 300.00 | S 25 %
        202600004 Erik Ek: issued 2026-12-21, due 2027-01-04, 2593.55 + 648.39 VAT = 3241.94 SEK
          Unused: Web S vps.example.net, 2026-12-21 – 2026-12-31: 300.00 × 11/31 | -1 × 106.45 = -106.45 | S 25 %
          Unused: Web S vps.example.net, 2027-01-01 – 2027-01-31: 300.00 × 31/31 | -1 × 300.00 = -300.00 | S 25 %
          Web S vps.example.net, 2026-12-21 – 2027-12-20 | 3 × 1000.00 = 3000.00 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn what_was_given_back_whole_is_not_given_back_again(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2026, 12, 21));
        let year = change(&provider, service, to_cycle("1y")).await.unwrap();
        provider.settle(year.invoice.unwrap().id).await;
        provider.set_day(date(2026, 12, 25));
        let upgraded = change(&provider, service, to_product(large)).await.unwrap();
        let lines = upgraded.change.invoice.unwrap().lines;
        let told: Vec<_> = lines.iter().map(|line| format!("{} = {}", line.description, line.net)).collect();
        assert_snapshot!(told.join("\n"), @"
        Unused: Web S vps.example.net, 2026-12-25 – 2027-12-20: 1000.00 × 361/365 = -989.04 SEK
        Web L vps.example.net, 2026-12-25 – 2027-12-20: 2500.00 × 361/365 = 2472.60 SEK
        ");
        provider.assert_well().await;
    }

    async fn while_another_cycle_waits_nothing_is_priced_by_it(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 31)).await;
        provider.set_day(date(2027, 1, 10));
        let year = change(&provider, service, to_cycle("1y")).await.unwrap();
        provider.settle(year.invoice.unwrap().id).await;
        let before = story(&provider, service).await;
        change(&provider, service, to_cycle("1m")).await.unwrap();
        let backup = provider.product("Backup", "31.00").await;
        let new = NewAddon { service, product: backup, quantity: Quantity::ONE, own_price_minor: None, cycle: None };
        let mut said = vec![provider.app.sell_addon(&provider.staff(), new).await.unwrap_err().to_string()];
        for request in [to_product(large), to_quantity("2")] {
            said.push(change(&provider, service, request).await.unwrap_err().to_string());
        }
        assert_snapshot!(said.join("\n"), @"
        Service becomes 1m on 2028-01-10: change it from then on, or give it back the cycle that is billed first
        Service becomes 1m on 2028-01-10: change it from then on, or give it back the cycle that is billed first
        Service becomes 1m on 2028-01-10: change it from then on, or give it back the cycle that is billed first
        ");
        // He thinks again: the year goes on as if nothing had been, and nothing is billed.
        provider.set_day(date(2027, 1, 20));
        let back = change(&provider, service, to_cycle("1y")).await.unwrap();
        assert_eq!((back.invoice, back.change.difference.minor), (None, 0));
        assert_eq!(story(&provider, service).await, before);
        change(&provider, service, to_product(large)).await.unwrap();
        provider.assert_well().await;
    }

    async fn a_coupon_for_later_takes_nothing_off_what_is_billed(kind) {
        let provider = Provider::new(kind).await;
        let (service, small, large) = erik(&provider, date(2026, 12, 1)).await;
        let off = perennial_billing::Off::Percent(perennial_billing::Rate::parse_percent("50").unwrap());
        let coupon = perennial_app::NewCoupon {
            code: "HALF".to_owned(), off, currency: None, periods: Some(1), through: None, product: None, customer: None,
            redeem_through: None, max_uses: None,
        };
        provider.app.create_coupon(provider.id(), perennial_app::Actor::Cli, coupon).await.unwrap();
        provider.app.redeem_coupon(&provider.staff(), service, "HALF").await.unwrap();
        let doubled = change(&provider, service, to_quantity("2")).await.unwrap();
        assert_eq!(doubled.change.difference.amount(), "100.00", "December costs twice as much, whole");
        // January is billed with the coupon; what it becomes within January is, too, though the coupon is used up.
        provider.set_day(date(2027, 1, 1));
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2027, 1, 17));
        let upgraded = change(&provider, service, ChangeRequest { product: Some(large), ..ChangeRequest::default() }).await.unwrap();
        let lines = upgraded.change.invoice.unwrap().lines;
        let told: Vec<_> = lines.iter().map(|line| format!("{} = {}", line.description, line.net)).collect();
        assert_snapshot!(told.join("\n"), @"
        Unused: Web S vps.example.net, 2027-01-17 – 2027-01-31: 100.00 × 15/31 = -48.39 SEK
        Web L vps.example.net, 2027-01-17 – 2027-01-31: 2 × 250.00 − 250.00 (HALF: 50 %) = 250.00; 250.00 × 15/31 = 120.97 SEK
        ");
        // A price that rose meanwhile is not charged to who calls a change off.
        change(&provider, service, to_product(small)).await.unwrap();
        provider.price(large, "1m", "400.00", date(2027, 1, 1)).await;
        let back = change(&provider, service, to_product(large)).await.unwrap();
        assert_eq!((back.invoice, back.change.difference.minor), (None, 0));
        provider.assert_well().await;
    }

    async fn an_invoice_that_an_addon_was_billed_beside_is_not_taken_back(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        let backup = provider.product("Backup", "31.00").await;
        provider.set_day(date(2026, 12, 20));
        renew(&provider, service).await;
        let new = NewAddon { service, product: backup, quantity: Quantity::ONE, own_price_minor: None, cycle: None };
        provider.app.sell_addon(&provider.staff(), new).await.unwrap();
        let request = ChangeRequest { takes_back: true, ..to_product(large) };
        assert!(matches!(change(&provider, service, request).await, Err(AppError::Conflict(_))));
        provider.assert_well().await;
    }

    async fn what_is_given_back_is_taxed_as_it_was(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        let moved = "update customers set country = 'DE', kind = 'company', vat_number = 'DE136695976'";
        provider.database.sql(moved).unwrap();
        provider.set_day(date(2026, 12, 11));
        change(&provider, service, to_product(large)).await.unwrap();
        assert_snapshot!(ledger_of(&provider).await.lines().skip(2).collect::<Vec<_>>().join("\n"), @"
        202600002 Erik Ek: issued 2026-12-11, due 2026-12-25, 101.61 + -16.94 VAT = 84.67 SEK
          Unused: Web S vps.example.net, 2026-12-11 – 2026-12-31: 100.00 × 21/31 | -1 × 67.74 = -67.74 | S 25 %
          Web L vps.example.net, 2026-12-11 – 2026-12-31: 250.00 × 21/31 | 1 × 169.35 = 169.35 | AE 0 %
        ");
        provider.assert_well().await;
    }

    async fn what_has_begun_unbilled_is_renewed_before_it_is_changed(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        provider.set_day(date(2027, 1, 5));
        let error = change(&provider, service, to_product(large)).await.unwrap_err();
        assert_snapshot!(error, @"Service is not billed from 2027-01-01 on, which is over: renew it first");
    }

    async fn an_unpaid_renewal_is_in_the_way_unless_it_is_taken_back(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        provider.set_day(date(2026, 12, 20));
        let open = renew(&provider, service).await;
        let error = change(&provider, service, to_product(large)).await.unwrap_err();
        assert!(matches!(error, AppError::Blocked(invoice) if invoice == open), "{error}");
        let request = ChangeRequest { takes_back: true, ..to_product(large) };
        let changed = change(&provider, service, request).await.unwrap();
        assert_eq!(changed.taken_back, Some(open));
        let mut conn = provider.app.store.read().await.unwrap();
        let invoice = invoices::get(&mut conn, provider.id(), open).await.unwrap().unwrap();
        assert_eq!(invoice.status, invoices::InvoiceStatus::Void);
        drop(conn);
        // January is free again, and billed as what the service is now.
        provider.settle(changed.invoice.unwrap().id).await;
        renew_and_pay(&provider, service).await;
        assert_snapshot!(story(&provider, service).await, @"
        1 × product 2, 1m; next 2027-02-01 to 2027-02-28, paid through 2027-02-01
        202600001 Erik Ek: issued 2026-12-01, due 2026-12-15, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Erik Ek: issued 2026-12-20, due 2027-01-03, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
        202600003 Erik Ek: issued 2026-12-20, due 2027-01-03, 58.06 + 14.52 VAT = 72.58 SEK
          Unused: Web S vps.example.net, 2026-12-20 – 2026-12-31: 100.00 × 12/31 | -1 × 38.71 = -38.71 | S 25 %
          Web L vps.example.net, 2026-12-20 – 2026-12-31: 250.00 × 12/31 | 1 × 96.77 = 96.77 | S 25 %
        202600004 Erik Ek: issued 2026-12-20, due 2027-01-03, 250.00 + 62.50 VAT = 312.50 SEK
          Web L vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 250.00 = 250.00 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn what_is_taken_back_gives_addons_their_periods_and_coupons_their_uses_back(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        let certificate = provider.product_from("Certificate", "catalogue").await;
        provider.price(certificate, "1y", "365.00", date(2020, 1, 1)).await;
        provider.database.sql("insert into addons values (1, 50, 1, 3, 1000000, null, 'active', '1y', '2027-01-10', 0, 0)").unwrap();
        let off = perennial_billing::Off::Percent(perennial_billing::Rate::parse_percent("50").unwrap());
        let coupon = perennial_app::NewCoupon {
            code: "HALF".to_owned(), off, currency: None, periods: Some(2), through: None, product: None, customer: None,
            redeem_through: None, max_uses: None,
        };
        provider.app.create_coupon(provider.id(), perennial_app::Actor::Cli, coupon).await.unwrap();
        provider.app.redeem_coupon(&provider.staff(), service, "HALF").await.unwrap();
        provider.set_day(date(2026, 12, 20));
        let stands = || provider.database.sql(
            "select a.next_period, s.discount_periods, s.next_period from addons a join services s on s.id = a.service_id",
        ).unwrap().trim().to_owned();
        assert_eq!(stands(), "0|2|1");
        renew(&provider, service).await;
        assert_eq!(stands(), "1|1|2");
        let request = ChangeRequest { takes_back: true, ..to_product(large) };
        let changed = change(&provider, service, request).await.unwrap();
        assert_eq!(stands(), "0|2|1");
        let waiting = "select state from outbox where invoice_id = 2";
        assert_eq!(provider.database.sql(waiting).unwrap().trim(), "called_off");
        provider.settle(changed.invoice.unwrap().id).await;
        renew(&provider, service).await;
        assert_eq!(stands(), "1|1|2");
        provider.assert_well().await;
    }

    async fn the_invoice_of_a_change_is_not_taken_back(kind) {
        let provider = Provider::new(kind).await;
        let (service, ..) = erik(&provider, date(2026, 12, 1)).await;
        provider.set_day(date(2026, 12, 10));
        change(&provider, service, to_cycle("1y")).await.unwrap();
        let request = ChangeRequest { takes_back: true, ..to_quantity("2") };
        assert_snapshot!(change(&provider, service, request).await.unwrap_err(), @"Invoice 2 bills other services too, or what an earlier change costs, and cannot be taken back for this one: have it paid first");
        provider.assert_well().await;
    }

    async fn an_invoice_that_bills_others_too_is_not_taken_back(kind) {
        let provider = Provider::new(kind).await;
        let (service, small, large) = erik(&provider, date(2026, 12, 1)).await;
        let mut conn = provider.app.store.read().await.unwrap();
        let owner = services::get(&mut conn, provider.id(), service).await.unwrap().unwrap().customer;
        drop(conn);
        let other = provider.service(owner, small, date(2027, 1, 1)).await;
        provider.set_day(date(2026, 12, 20));
        let (_, stop) = tokio::sync::watch::channel(false);
        let origin = perennial_store::runs::RunOrigin::Request;
        provider.app.run(provider.id(), origin, None, stop, |_| {}).await.unwrap();
        let request = ChangeRequest { takes_back: true, ..to_product(large) };
        assert_snapshot!(change(&provider, service, request).await.unwrap_err(), @"Invoice 2 bills other services too, or what an earlier change costs, and cannot be taken back for this one: have it paid first");
        assert!(change(&provider, other, to_product(large)).await.is_err());
        provider.assert_well().await;
    }

    async fn sixty_four_changes_at_once_are_one(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (app, caller) = (provider.app.clone(), provider.staff());
            calls.spawn(async move { app.change(&caller, service, to_product(large)).await });
        }
        let outcomes = calls.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for error in outcomes.into_iter().filter_map(Result::err) {
            let text = error.to_string();
            assert!(matches!(error, AppError::Contention) || text.starts_with("Service is so already"), "{text}");
        }
        assert_eq!(ledger_of(&provider).await.lines().count(), 5, "one renewal of a line and one change of two");
        provider.assert_well().await;
    }

    async fn what_is_left_of_what_is_billed_is_told_before_it_ends(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, large) = erik(&provider, date(2026, 12, 1)).await;
        renew_and_pay(&provider, service).await;
        provider.set_day(date(2026, 12, 11));
        change(&provider, service, to_product(large)).await.unwrap();
        provider.set_day(date(2026, 12, 22));
        let (left, lines) = provider.app.unused(&provider.staff(), service).await.unwrap();
        let lines: Vec<_> = lines.iter().map(|line| line.description.as_str()).collect();
        assert_snapshot!(format!("{}\n{left}", lines.join("\n")), @"
        Unused: Web L vps.example.net, 2026-12-22 – 2026-12-31: 250.00 × 10/31
        Unused: Web L vps.example.net, 2027-01-01 – 2027-01-31: 250.00 × 31/31
        330.65 SEK
        ");
        provider.set_day(date(2027, 2, 1));
        let (nothing, _) = provider.app.unused(&provider.staff(), service).await.unwrap();
        assert_eq!(nothing.minor, 0);
    }

    async fn what_was_billed_elsewhere_is_given_back_at_what_it_costs(kind) {
        let provider = Provider::new(kind).await;
        let small = provider.product("Web S", "100.00").await;
        let large = provider.product("Web L", "250.00").await;
        let customer = provider.customer("Ines Ek").await;
        let service = provider.service(customer, small, date(2026, 11, 1)).await;
        // As an import brings it: November was billed and paid before.
        provider.database.sql(
            "update services set next_period = 1, billed_through = '2026-12-01', paid_through = '2026-12-01'",
        ).unwrap();
        change(&provider, service, to_product(large)).await.unwrap();
        assert_snapshot!(story(&provider, service).await, @"
        1 × product 2, 1m; next 2026-12-01 to 2026-12-31, paid through 2026-12-01
        202600001 Ines Ek: issued 2026-11-23, due 2026-12-07, 40.00 + 10.00 VAT = 50.00 SEK
          Unused: Web S vps.example.net, 2026-11-23 – 2026-11-30: 100.00 × 8/30 | -1 × 26.67 = -26.67 | S 25 %
          Web L vps.example.net, 2026-11-23 – 2026-11-30: 250.00 × 8/30 | 1 × 66.67 = 66.67 | S 25 %
        ");
        // What the change has billed is known from then on.
        provider.set_day(date(2026, 11, 27));
        let more = change(&provider, service, to_quantity("2")).await.unwrap();
        let lines = more.change.invoice.unwrap().lines;
        let told: Vec<_> = lines.iter().map(|line| format!("{} = {}", line.description, line.net)).collect();
        assert_snapshot!(told.join("\n"), @"
        Unused: Web L vps.example.net, 2026-11-27 – 2026-11-30: 250.00 × 4/30 = -33.33 SEK
        Web L vps.example.net, 2026-11-27 – 2026-11-30: 2 × 250.00 = 500.00; 500.00 × 4/30 = 66.67 SEK
        ");
        provider.assert_well().await;
    }

    async fn a_feed_prices_what_a_service_becomes(kind) {
        let feed = TestFeed::start("129.00").await;
        let provider = Provider::with_feed(kind, Some(feed.url())).await;
        let (service, small, _) = erik(&provider, date(2026, 12, 1)).await;
        let domain = provider.product_from("Domain .se", "feed:registrar").await;
        feed.behave(FeedBehaviour::HangUp);
        let error = change(&provider, service, to_product(domain)).await.unwrap_err();
        assert!(matches!(error, AppError::PriceUnavailable(_)), "{error}");
        feed.set_price("129.00");
        change(&provider, service, to_product(domain)).await.unwrap();
        assert_snapshot!(story(&provider, service).await, @"
        1 × product 3, 1m; next 2027-01-01 to 2027-01-31, paid through 2027-01-01
        202600001 Erik Ek: issued 2026-12-01, due 2026-12-15, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Erik Ek: issued 2026-12-01, due 2026-12-15, 29.00 + 7.25 VAT = 36.25 SEK
          Unused: Web S vps.example.net, 2026-12-01 – 2026-12-31: 100.00 × 31/31 | -1 × 100.00 = -100.00 | S 25 %
          Domain .se vps.example.net, 2026-12-01 – 2026-12-31: 129.00 × 31/31 | 1 × 129.00 = 129.00 | S 25 %
        ");
        let error = change(&provider, service, ChangeRequest { product: Some(small), ..to_cycle("2y") }).await.unwrap_err();
        assert_snapshot!(error, @"There is no price for product 1, cycle 2y, currency SEK on 2026-12-01");
        provider.assert_well().await;
    }

    async fn services_that_cannot_be_changed_say_why(kind) {
        let provider = Provider::new(kind).await;
        let (service, small, large) = erik(&provider, date(2026, 12, 1)).await;
        let staff = provider.staff();
        let mut said = Vec::new();
        for request in [to_product(small), to_product(ProductId(999)), to_cycle("once"), to_quantity("0"), to_quantity("-1")] {
            said.push(change(&provider, service, request).await.unwrap_err().to_string());
        }
        said.push(change(&provider, ServiceId(999), to_product(large)).await.unwrap_err().to_string());
        let request = perennial_app::CancelRequest {
            timing: perennial_store::cancellations::CancellationTiming::EndOfPeriod,
            reason: String::new(),
            other_reason: String::new(),
        };
        provider.app.cancel_service(&staff, service, request.clone()).await.unwrap();
        said.push(change(&provider, service, to_product(large)).await.unwrap_err().to_string());
        let now = perennial_store::cancellations::CancellationTiming::Immediate;
        provider.app.cancel_service(&staff, service, perennial_app::CancelRequest { timing: now, ..request }).await.unwrap();
        said.push(change(&provider, service, to_product(large)).await.unwrap_err().to_string());
        assert_snapshot!(said.join("\n"), @"
        Service is so already: nothing changes
        Product not found
        Service cannot become once: choose a cycle that recurs
        `quantity` must be more than 0
        `quantity` must be more than 0
        Service not found
        Service is cancelled and ends on 2027-01-01: take the cancellation back to renew it
        Service is cancelled and cannot be renewed
        ");
    }

    async fn an_addon_in_the_middle_of_a_month_is_billed_for_the_rest_of_it(kind) {
        let provider = Provider::new(kind).await;
        let (service, small, _) = erik(&provider, date(2026, 12, 1)).await;
        let backup = provider.product("Backup", "31.00").await;
        provider.set_day(date(2026, 12, 22));
        let new = NewAddon { service, product: backup, quantity: Quantity::ONE, own_price_minor: None, cycle: None };
        let promised = provider.app.preview_addon(&provider.staff(), new).await.unwrap();
        let sold = provider.app.sell_addon(&provider.staff(), new).await.unwrap();
        assert_eq!(promised.plan.map(|plan| plan.total), sold.plan.map(|plan| plan.total));
        renew_and_pay(&provider, service).await;
        assert_snapshot!(story(&provider, service).await, @"
        1 × product 1, 1m; next 2027-02-01 to 2027-02-28, paid through 2027-02-01
        202600001 Erik Ek: issued 2026-12-01, due 2026-12-15, 100.00 + 25.00 VAT = 125.00 SEK
          Web S vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Erik Ek: issued 2026-12-22, due 2027-01-05, 10.00 + 2.50 VAT = 12.50 SEK
          + Backup, 2026-12-22 – 2026-12-31: 31.00 × 10/31 | 1 × 10.00 = 10.00 | S 25 %
        202600003 Erik Ek: issued 2026-12-22, due 2027-01-05, 131.00 + 32.75 VAT = 163.75 SEK
          Web S vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2027-01-01 – 2027-01-31 | 1 × 31.00 = 31.00 | S 25 %
        ");
        // It goes with the service into the year, and what was billed of both is given back.
        provider.set_day(date(2027, 1, 11));
        provider.price(backup, "1y", "310.00", date(2020, 1, 1)).await;
        change(&provider, service, to_cycle("1y")).await.unwrap();
        let lines = ledger_of(&provider).await;
        assert_snapshot!(lines.lines().filter(|line| line.contains("2027-01-11")).collect::<Vec<_>>().join("\n"), @"
        202700001 Erik Ek: issued 2027-01-11, due 2027-01-25, 1221.26 + 305.32 VAT = 1526.58 SEK
          Unused: Web S vps.example.net, 2027-01-11 – 2027-01-31: 100.00 × 21/31 | -1 × 67.74 = -67.74 | S 25 %
          Unused: + Backup, 2027-01-11 – 2027-01-31: 31.00 × 21/31 | -1 × 21.00 = -21.00 | S 25 %
          Web S vps.example.net, 2027-01-11 – 2028-01-10 | 1 × 1000.00 = 1000.00 | S 25 %
          + Backup, 2027-01-11 – 2028-01-10 | 1 × 310.00 = 310.00 | S 25 %
        ");
        let _ = small;
        provider.assert_well().await;
    }

    async fn a_certificate_for_a_year_on_a_monthly_service(kind) {
        let provider = Provider::new(kind).await;
        let (service, _, _) = erik(&provider, date(2026, 12, 1)).await;
        let certificate = provider.product_from("Certificate", "catalogue").await;
        provider.price(certificate, "1y", "365.00", date(2020, 1, 1)).await;
        provider.set_day(date(2026, 12, 15));
        let cycle = Some("1y".parse().unwrap());
        let new = NewAddon { service, product: certificate, quantity: Quantity::ONE, own_price_minor: None, cycle };
        let sold = provider.app.sell_addon(&provider.staff(), new).await.unwrap();
        // It begins today, whole, and then stays silent until the month in which its year ends.
        assert_eq!(sold.plan.unwrap().net.amount(), "365.00");
        for _ in 0..13 {
            let mut conn = provider.app.store.read().await.unwrap();
            let known = services::get(&mut conn, provider.id(), service).await.unwrap().unwrap();
            drop(conn);
            provider.set_day(known.billed_through.unwrap());
            renew_and_pay(&provider, service).await;
        }
        let lines = ledger_of(&provider).await;
        assert_snapshot!(lines.lines().filter(|line| line.contains("Certificate")).collect::<Vec<_>>().join("\n"), @"
        + Certificate, 2026-12-15 – 2027-12-14 | 1 × 365.00 = 365.00 | S 25 %
        + Certificate, 2027-12-15 – 2028-12-14 | 1 × 365.00 = 365.00 | S 25 %
        ");
        let mut conn = provider.app.store.read().await.unwrap();
        let addon = addons::get(&mut conn, provider.id(), sold.addon.id).await.unwrap().unwrap();
        assert_eq!(addon.term.unwrap().billed_through().unwrap(), Some(date(2028, 12, 15)));
        drop(conn);
        provider.app.end_addon(&provider.staff(), addon.id).await.unwrap();
        provider.assert_well().await;
    }
}
