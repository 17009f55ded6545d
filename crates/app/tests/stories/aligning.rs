//! Services of a customer brought to one day.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{AppError, ChangeRequest, Outcome};
use perennial_billing::CustomerId;
use perennial_store::runs::RunOrigin;
use perennial_testkit::{Provider, on_both_databases};

use crate::{ledger_of, outcome};

on_both_databases! {
    async fn three_services_begin_together_from_new_year_on(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let backup = provider.product("Backup", "31.00").await;
        let domain = provider.product_from("Domain", "catalogue").await;
        provider.price(domain, "1y", "120.00", date(2020, 1, 1)).await;
        let ida = provider.customer("Ida Berg").await;
        let first = provider.service(ida, server, date(2026, 12, 11)).await;
        provider.addon(first, backup, "1").await;
        let second = provider.service(ida, server, date(2027, 1, 1)).await;
        provider.service_with(ida, domain, date(2026, 12, 20), |new| new.cycle = "1y".parse().unwrap()).await;
        let day = date(2027, 1, 1);
        let shown = provider.app.preview_alignment(&provider.staff(), ida, day, None).await.unwrap();
        assert_eq!(ledger_of(&provider).await, "", "a preview writes nothing");
        let done = provider.app.align(&provider.staff(), ida, day, None).await.unwrap();
        assert_eq!((&shown.plan, &shown.services, &shown.left), (&done.plan, &done.services, &done.left));
        assert_snapshot!(format!("{:?} {:?}", done.services, done.left), @r#"[(ServiceId(1), 2027-01-01), (ServiceId(3), 2027-01-01)] [(ServiceId(2), "its periods begin on that day already")]"#);
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Ida Berg: issued 2026-11-23, due 2026-12-11, 92.69 + 23.17 VAT = 115.86 SEK
          Server vps.example.net, 2026-12-11 – 2026-12-31: 100.00 × 21/31 | 1 × 67.74 = 67.74 | S 25 %
          + Backup, 2026-12-11 – 2026-12-31: 31.00 × 21/31 | 1 × 21.00 = 21.00 | S 25 %
          Domain vps.example.net, 2026-12-20 – 2026-12-31: 120.00 × 12/365 | 1 × 3.95 = 3.95 | S 25 %
        ");
        // Until it is paid, they are renewed by nobody; then all of them are on one invoice.
        let open = outcome(provider.app.renew(&provider.staff(), &[first]).await);
        assert!(matches!(open, Outcome::Open { .. }), "{open:?}");
        provider.settle(done.invoice.unwrap().id).await;
        provider.set_day(date(2026, 12, 18));
        let stop = tokio::sync::watch::channel(false).1;
        provider.app.run(provider.id(), RunOrigin::Request, None, stop, |_| {}).await.unwrap();
        assert_snapshot!(ledger_of(&provider).await.lines().skip(4).collect::<Vec<_>>().join("\n"), @"
        202600002 Ida Berg: issued 2026-12-18, due 2027-01-01, 351.00 + 87.75 VAT = 438.75 SEK
          Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
          + Backup, 2027-01-01 – 2027-01-31 | 1 × 31.00 = 31.00 | S 25 %
          Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | S 25 %
          Domain vps.example.net, 2027-01-01 – 2027-12-31 | 1 × 120.00 = 120.00 | S 25 %
        ");
        let again = provider.app.align(&provider.staff(), ida, day, Some(&[second])).await.unwrap_err();
        assert!(matches!(again, AppError::Conflict(_)), "{again}");
        provider.assert_well().await;
    }

    async fn a_short_period_is_changed_like_any_other(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let large = provider.product("Large", "310.00").await;
        let ida = provider.customer("Ida Berg").await;
        let service = provider.service(ida, server, date(2026, 12, 11)).await;
        let done = provider.app.align(&provider.staff(), ida, date(2027, 1, 1), None).await.unwrap();
        provider.settle(done.invoice.unwrap().id).await;
        provider.set_day(date(2026, 12, 22));
        let request = ChangeRequest { product: Some(large), ..ChangeRequest::default() };
        provider.app.change(&provider.staff(), service, request).await.unwrap();
        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Ida Berg: issued 2026-11-23, due 2026-12-11, 67.74 + 16.94 VAT = 84.68 SEK
          Server vps.example.net, 2026-12-11 – 2026-12-31: 100.00 × 21/31 | 1 × 67.74 = 67.74 | S 25 %
        202600002 Ida Berg: issued 2026-12-22, due 2027-01-05, 67.74 + 16.94 VAT = 84.68 SEK
          Unused: Server vps.example.net, 2026-12-22 – 2026-12-31: 100.00 × 10/31 | -1 × 32.26 = -32.26 | S 25 %
          Large vps.example.net, 2026-12-22 – 2026-12-31: 310.00 × 10/31 | 1 × 100.00 = 100.00 | S 25 %
        ");
        provider.assert_well().await;
    }

    async fn what_cannot_be_aligned_says_why(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Server", "100.00").await;
        let ida = provider.customer("Ida Berg").await;
        let bo = provider.customer("Bo Dahl").await;
        let other = provider.service(bo, server, date(2026, 12, 1)).await;
        let staff = provider.staff();
        let new_year = date(2027, 1, 1);
        let mut said = Vec::new();
        said.push(provider.app.align(&staff, ida, new_year, None).await.unwrap_err().to_string());
        provider.service_with(ida, server, date(2026, 12, 1), |new| new.cycle = "once".parse().unwrap()).await;
        let open = provider.service(ida, server, date(2026, 12, 11)).await;
        provider.app.renew(&staff, &[open]).await.unwrap();
        let unpriced = provider.product_from("Unpriced", "catalogue").await;
        provider.service(ida, unpriced, date(2026, 12, 11)).await;
        said.push(provider.app.align(&staff, ida, new_year, None).await.unwrap_err().to_string());
        said.push(provider.app.align(&staff, ida, date(2026, 12, 29), None).await.unwrap_err().to_string());
        said.push(provider.app.align(&staff, ida, new_year, Some(&[other])).await.unwrap_err().to_string());
        said.push(provider.app.align(&staff, CustomerId(99), new_year, None).await.unwrap_err().to_string());
        assert_snapshot!(said.join("\n"), @"
        there is no service to bring to that day
        no service is brought to that day (service 2: Service is one-time and has nothing to renew; service 3: invoice 1 is not paid yet; service 4: no price for product 2, cycle 1m, currency SEK on 2026-12-11)
        `day` must be a day that every month has, from 1 to 28
        Service not found
        Customer not found
        ");
        provider.assert_well().await;
    }
}
