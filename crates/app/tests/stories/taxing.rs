//! How a seller taxes, rounds and numbers reaches the invoice, and its credit note.

use insta::assert_snapshot;
use jiff::civil::date;
use perennial_app::{Actor, AppError, CreditOf, NewCustomer};
use perennial_billing::{
    CustomerKind, DocumentKind, ExchangeRate, NumberReset, OwnRate, Rate, Rounding, TaxClass, TaxRounding,
    VatNumberPolicy,
};
use perennial_store::invoices;
use perennial_store::sellers::Seller;
use perennial_testkit::{Provider, on_both_databases};

use crate::paying::renewed;

async fn seller_with(provider: &Provider, change: impl FnOnce(&mut Seller)) {
    let mut seller = provider.seller.clone();
    change(&mut seller);
    provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
}

/// All documents, as they say themselves.
async fn documents(provider: &Provider) -> String {
    let filter = invoices::InvoiceFilter { with_credit_notes: true, ..invoices::InvoiceFilter::default() };
    let mut conn = provider.read().await;
    let mut all = invoices::page(&mut conn, provider.id(), filter, 100, 0).await.unwrap();
    all.reverse();
    let mut shown = Vec::new();
    for document in all {
        let rounding =
            if document.rounding.minor == 0 { String::new() } else { format!(" + {}", document.rounding.amount()) };
        let home = document.home_tax.as_ref().map(|home| format!(" (VAT {})", home.tax)).unwrap_or_default();
        shown.push(format!(
            "{} {}: {} + {}{rounding} = {}{home}",
            document.number,
            document.buyer.display_name(),
            document.net.amount(),
            document.tax.amount(),
            document.total
        ));
        for line in invoices::lines(&mut conn, provider.id(), &document).await.unwrap() {
            let gross = line.gross.map(|gross| format!(" of {}", gross.amount())).unwrap_or_default();
            let tax = line.tax;
            shown.push(format!(
                "  {} × {} = {}{gross}, {} {} {}",
                line.quantity,
                line.unit_price.amount(),
                line.net.amount(),
                tax.country,
                tax.category,
                tax.rate
            ));
        }
    }
    shown.join("\n")
}

fn german(new: &mut NewCustomer) {
    new.party.country = "DE".to_owned();
    new.party.postcode = "10243".to_owned();
}

fn company(new: &mut NewCustomer) {
    german(new);
    new.party.kind = CustomerKind::Company;
    new.party.company = "Deutsch GmbH".to_owned();
    new.party.vat_number = "de 136 695 976".to_owned();
}

on_both_databases! {
    async fn who_pays_which_tax_follows_from_who_and_where_they_are(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let work = provider.product("Work", "50.00").await;
        let known = perennial_store::products::get(&mut provider.read().await, provider.id(), work).await.unwrap().unwrap();
        let product = perennial_store::products::Product { tax_class: TaxClass::Service, ..known.0 };
        provider.app.change_product(provider.id(), Actor::Cli, &product).await.unwrap();
        seller_with(&provider, |seller| {
            seller.tax.oss_from = Some(date(2026, 11, 23));
            seller.tax.number_policy = VatNumberPolicy::Require;
        })
        .await;
        let gerd = provider.customer_with("Gerd Deutsch", german).await;
        let unchecked = provider.customer_with("Ute Deutsch", company).await;
        let exempt = provider.customer_with("Embassy of Peru", |new| {
            new.tax_exempt = true;
            new.party.exemption_reason = "Article 151".to_owned();
        });
        for customer in [gerd, unchecked, exempt.await] {
            let service = provider.service(customer, server, date(2026, 12, 1)).await;
            provider.addon(service, work, "1").await;
            renewed(&provider, service).await;
        }
        // A rate that the program does not know yet.
        let rate = OwnRate { country: "DE".parse().unwrap(), starts: date(2026, 12, 1), rate: Rate::parse_percent("20").unwrap() };
        provider.app.add_tax_rate(provider.id(), Actor::Cli, &rate).await.unwrap();
        let again = provider.app.add_tax_rate(provider.id(), Actor::Cli, &rate).await;
        assert!(matches!(again, Err(AppError::Conflict(_))));
        provider.set_day(date(2026, 12, 2));
        let service = provider.service(gerd, server, date(2026, 12, 5)).await;
        renewed(&provider, service).await;
        assert_snapshot!(documents(&provider).await, @"
        202600001 Gerd Deutsch: 150.00 + 31.50 = 181.50 SEK
          1 × 100.00 = 100.00, DE S 19 %
          1 × 50.00 = 50.00, SE S 25 %
        202600002 Deutsch GmbH: 150.00 + 31.50 = 181.50 SEK
          1 × 100.00 = 100.00, DE S 19 %
          1 × 50.00 = 50.00, SE S 25 %
        202600003 Embassy of Peru: 150.00 + 0.00 = 150.00 SEK
          1 × 100.00 = 100.00, SE E 0 %
          1 × 50.00 = 50.00, SE E 0 %
        202600004 Gerd Deutsch: 100.00 + 20.00 = 120.00 SEK
          1 × 100.00 = 100.00, DE S 20 %
        ");
        let report = provider.app.tax_report(&provider.staff(), date(2026, 11, 1), date(2026, 12, 31)).await.unwrap();
        let shop: Vec<String> = report
            .one_stop_shop("SE")
            .map(|row| format!("{} {}: {} + {}", row.profile.country, row.profile.rate, row.base, row.tax))
            .collect();
        assert_snapshot!(shop.join("\n"), @"
        DE 19 %: 200.00 SEK + 38.00 SEK
        DE 20 %: 100.00 SEK + 20.00 SEK
        ");
        provider.assert_well().await;
    }

    async fn prices_with_vat_in_them_are_what_is_paid(kind) {
        let provider = Provider::new(kind).await;
        seller_with(&provider, |seller| seller.amounts.includes_tax = true).await;
        let server = provider.product("Cloud Server", "99.99").await;
        let backup = provider.product("Backup", "33.33").await;
        let anna = provider.customer("Anna Ek").await;
        let ute = provider.customer_with("Ute Deutsch", company).await;
        for customer in [anna, ute] {
            let service = provider.service(customer, server, date(2026, 12, 1)).await;
            provider.addon(service, backup, "2").await;
            let invoice = renewed(&provider, service).await;
            provider.app.credit_invoice(&provider.staff(), invoice, &CreditOf::Lines(vec![2]), "Not used").await.unwrap();
        }
        assert_snapshot!(documents(&provider).await, @"
        202600001 Anna Ek: 133.32 + 33.33 = 166.65 SEK
          1 × 99.99 = 79.99 of 99.99, SE S 25 %
          2 × 33.33 = 53.33 of 66.66, SE S 25 %
        CN-2026-00001 Anna Ek: 53.33 + 13.33 = 66.66 SEK
          2 × 33.33 = 53.33 of 66.66, SE S 25 %
        202600002 Deutsch GmbH: 133.32 + 0.00 = 133.32 SEK
          1 × 99.99 = 79.99 of 99.99, SE AE 0 %
          2 × 33.33 = 53.33 of 66.66, SE AE 0 %
        CN-2026-00002 Deutsch GmbH: 53.33 + 0.00 = 53.33 SEK
          2 × 33.33 = 53.33 of 66.66, SE AE 0 %
        ");
        let mut other = provider.seller.clone();
        other.amounts.includes_tax = false;
        assert!(matches!(provider.app.change_seller(Actor::Cli, &other).await, Err(AppError::Conflict(_))));
        provider.assert_well().await;
    }

    async fn totals_are_rounded_as_the_seller_wants_and_corrected_by_the_invoices_own_rules(kind) {
        let provider = Provider::new(kind).await;
        seller_with(&provider, |seller| {
            seller.amounts.payable_step = 100;
            seller.amounts.tax_rounding = TaxRounding::Line;
            seller.amounts.rounding = Rounding::HalfEven;
        })
        .await;
        let server = provider.product("Cloud Server", "10.02").await;
        let backup = provider.product("Backup", "10.02").await;
        let anna = provider.customer("Anna Ek").await;
        let service = provider.service(anna, server, date(2026, 12, 1)).await;
        provider.addon(service, backup, "1").await;
        let invoice = renewed(&provider, service).await;
        seller_with(&provider, |_| ()).await;
        provider.app.credit_invoice(&provider.staff(), invoice, &CreditOf::Lines(vec![1]), "Not used").await.unwrap();
        provider.app.credit_invoice(&provider.staff(), invoice, &CreditOf::Everything, "Not used").await.unwrap();
        assert_snapshot!(documents(&provider).await, @"
        202600001 Anna Ek: 20.04 + 5.00 + -0.04 = 25.00 SEK
          1 × 10.02 = 10.02, SE S 25 %
          1 × 10.02 = 10.02, SE S 25 %
        CN-2026-00001 Anna Ek: 10.02 + 2.50 = 12.52 SEK
          1 × 10.02 = 10.02, SE S 25 %
        CN-2026-00002 Anna Ek: 10.02 + 2.50 + -0.04 = 12.48 SEK
          1 × 10.02 = 10.02, SE S 25 %
        ");
        provider.assert_well().await;
    }

    async fn vat_is_told_in_the_sellers_currency_too(kind) {
        let provider = Provider::new(kind).await;
        let rate = ExchangeRate {
            currency: "EUR".parse().unwrap(),
            starts: date(2026, 11, 1),
            rate: "0.0876".parse().unwrap(),
            source: "ECB".to_owned(),
        };
        provider.app.add_exchange_rate(provider.id(), Actor::Cli, &rate).await.unwrap();
        let server = provider.product("Cloud Server", "100.00").await;
        let gerd = provider.customer_with("Gerd Deutsch", |new| {
            german(new);
            new.currency = "EUR".parse().unwrap();
        });
        let gerd = gerd.await;
        let price = perennial_billing::Money::parse("9.00", "EUR".parse().unwrap()).unwrap();
        let service = provider.service_with(gerd, server, date(2026, 12, 1), |new| new.own_price_minor = Some(price.minor)).await;
        let invoice = renewed(&provider, service).await;
        provider.app.credit_invoice(&provider.staff(), invoice, &CreditOf::Amount(500), "Was down").await.unwrap();
        assert_snapshot!(documents(&provider).await, @"
        202600001 Gerd Deutsch: 9.00 + 2.25 = 11.25 EUR (VAT 25.68 SEK)
          1 × 9.00 = 9.00, SE S 25 %
        CN-2026-00001 Gerd Deutsch: 4.00 + 1.00 = 5.00 EUR (VAT 11.42 SEK)
          1 × 4.00 = 4.00, SE S 25 %
        ");
        let report = provider.app.tax_report(&provider.staff(), date(2026, 11, 1), date(2026, 11, 30)).await.unwrap();
        assert_snapshot!(format!("{} {} {}", report.rows[0].base, report.rows[0].tax, report.unconverted.len()), @"57.08 SEK 14.27 SEK 0");
        provider.assert_well().await;
    }

    async fn numbers_follow_fiscal_years_or_never_start_anew(kind) {
        for (reset, pattern) in [(NumberReset::Yearly { month: 7 }, "{FY}-{NNN}"), (NumberReset::Never, "F{NNNN}")] {
            let provider = Provider::new(kind).await;
            seller_with(&provider, |seller| {
                seller.numbering.reset = reset;
                seller.numbering.invoices = pattern.parse().unwrap();
                seller.numbering.credit_notes = format!("K{pattern}").parse().unwrap();
                seller.numbering.deposits = format!("D{pattern}").parse().unwrap();
            })
            .await;
            let server = provider.product("Cloud Server", "100.00").await;
            let anna = provider.customer("Anna Ek").await;
            let (app, staff) = (&provider.app, provider.staff());
            // A provider who moves in goes on where the old system stopped.
            for first in [4_711, 41] {
                app.start_series(&staff, DocumentKind::Invoice, first, Some(date(2026, 12, 31))).await.unwrap();
            }
            for day in [date(2026, 12, 31), date(2027, 1, 1), date(2027, 7, 1)] {
                provider.set_day(day);
                let service = provider.service(anna, server, day).await;
                let invoice = renewed(&provider, service).await;
                provider.app.credit_invoice(&provider.staff(), invoice, &CreditOf::Everything, "Test").await.unwrap();
            }
            let numbers = provider.database.sql("select number from invoices order by id").unwrap();
            let numbers = numbers.lines().collect::<Vec<_>>().join(" ");
            match reset {
                NumberReset::Never => assert_eq!(numbers, "F0041 KF0001 F0042 KF0002 F0043 KF0003"),
                NumberReset::Yearly { .. } => {
                    assert_eq!(numbers, "2026-041 K2026-001 2026-042 K2026-002 2027-001 K2027-001");
                }
            }
            let again = app.start_series(&staff, DocumentKind::Invoice, 1, Some(date(2026, 12, 31))).await;
            assert!(matches!(again, Err(AppError::Conflict(_))));
            let series = provider.app.series_report(&provider.staff()).await.unwrap();
            assert!(series.iter().all(|series| series.gaps.is_empty()), "{series:?}");
            let mut other = provider.seller.clone();
            other.numbering.reset = NumberReset::CALENDAR_YEAR;
            assert!(matches!(provider.app.change_seller(Actor::Cli, &other).await, Err(AppError::Conflict(_))));
            provider.assert_well().await;
        }
    }
}
