//! Sellers.

use jiff::civil::date;
use jiff::tz::TimeZone;
use perennial_billing::campaign::PriceEnding;
use perennial_billing::{
    AmountRules, CustomerId, DayCount, ExchangeRate, Invoicing, LatePayment, LeadScope, LeadTime, NumberPattern,
    NumberReset, OwnRate, ProductId, Rate, Rounding, SellerId, TaxRounding, UnitRate, VatNumberPolicy,
};
use perennial_store::StoreError;
use perennial_store::sellers::{
    self, EInvoicePolicy, MailRules, MailXml, Numbering, OpenInvoicePolicy, RunRules, Seller, SellerParty, TaxSettings,
};
use perennial_testkit::on_both_databases;

use crate::shop::{ODD_TEXTS, Shop, at, far_instants, numbering, seller};

/// A seller who differs from [`seller`] in every field but the id.
fn moved_and_renamed(id: i64) -> Seller {
    Seller {
        id: SellerId(id),
        party: SellerParty {
            name: "Nordlicht Hosting GmbH".to_owned(),
            address1: "Lange Straße 3".to_owned(),
            address2: String::new(),
            postcode: "10243".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            vat_number: "DE123456788".to_owned(),
            company_number: "HRB 12345".to_owned(),
            email: "hallo@nordlicht.example".to_owned(),
            iban: "DE89370400440532013000".to_owned(),
            bic: "COBADEFF".to_owned(),
            bankgiro: String::new(),
            phone: "+49 30 1234".to_owned(),
            website: "nordlicht.example".to_owned(),
            plusgiro: String::new(),
            swish: String::new(),
            fik_creditor: "80123456".to_owned(),
            payment_reference: "rf".to_owned(),
            brand: 0,
        },
        currency: "EUR".parse().unwrap(),
        time_zone: TimeZone::get("Europe/Berlin").unwrap(),
        tax: TaxSettings {
            is_registered: false,
            home_rate: Some(Rate::parse_percent("7").unwrap()),
            own_rates: Vec::new(),
            oss_from: Some(date(2026, 7, 1)),
            number_policy: VatNumberPolicy::Require,
        },
        numbering: Numbering {
            invoices: "RE-{FY}{MM}-{N:07}".parse().unwrap(),
            credit_notes: "GS-{FY}-{N}".parse().unwrap(),
            deposits: "A-{FY}-{N}".parse().unwrap(),
            reset: NumberReset::Yearly { month: 7 },
        },
        payment_terms_days: 365,
        renew_ahead_months: 120,
        open_invoice_policy: OpenInvoicePolicy::Conflict,
        mail_invoices: false,
        mail: MailRules { quiet_hours: Some("22:00-07:30".parse().unwrap()), xml: MailXml::Ubl },
        e_invoices: EInvoicePolicy::Block,
        amounts: AmountRules {
            rounding: Rounding::HalfEven,
            tax_rounding: TaxRounding::Line,
            includes_tax: true,
            payable_step: 5,
        },
        applies_credit: true,
        late_payment: LatePayment::Skip,
        day_count: DayCount::ThirtyDayMonths,
        price_notice_days: 365,
        converts_prices: true,
        converted_ending: PriceEnding::Hundredths(99),
        exchange_rates: Vec::new(),
        runs: RunRules {
            lead_days: 365,
            lead_times: Vec::new(),
            is_daily: false,
            minute: 1_439,
            renew_suspended: false,
            max_periods_behind: 1_000,
            consolidation_days: 31,
            invoicing: Invoicing::Separate,
        },
        created_at: at("1999-12-31T23:59:59.999999Z"),
        version: 1,
    }
}

on_both_databases! {
    async fn lead_times_are_kept_by_what_they_hold_for(kind) {
        let shop = Shop::new(kind).await;
        let (monthly, yearly) = ("1m".parse().unwrap(), "1y".parse().unwrap());
        let scopes = [
            LeadScope::Cycle(monthly),
            LeadScope::Product(ProductId(3)),
            LeadScope::ProductCycle(ProductId(3), yearly),
            LeadScope::Customer(CustomerId(7)),
        ];
        let mut tx = shop.begin().await;
        for (scope, days) in scopes.into_iter().zip(1..) {
            sellers::set_lead_time(&mut tx, shop.id(), scope, Some(99)).await.unwrap();
            sellers::set_lead_time(&mut tx, shop.id(), scope, Some(days)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let read = async || sellers::get(&mut shop.read().await, shop.id()).await.unwrap().unwrap();
        let mut kept = read().await;
        assert_eq!(kept.version, 9, "what is remembered about the seller is known to be old");
        kept.runs.lead_times.sort_by_key(|set| set.scope);
        let expected: Vec<LeadTime> = scopes.into_iter().zip(1..).map(|(scope, days)| LeadTime { scope, days }).collect();
        assert_eq!(kept.runs.lead_times, expected);
        assert_eq!(kept.runs.lead(CustomerId(1), ProductId(3), yearly).days, 3);
        assert_eq!(kept.runs.lead(CustomerId(1), ProductId(4), yearly).days, 14, "nothing is set for it");
        let mut tx = shop.begin().await;
        for scope in scopes {
            sellers::set_lead_time(&mut tx, shop.id(), scope, None).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(read().await.runs.lead_times, []);
    }

    async fn a_seller_is_read_as_it_was_written(kind) {
        let shop = Shop::bare(kind).await;
        let berlin = moved_and_renamed(2);
        shop.open_for(&berlin).await;
        let mut conn = shop.read().await;
        assert_eq!(sellers::get(&mut conn, SellerId(1)).await.unwrap(), Some(seller(1)));
        assert_eq!(sellers::get(&mut conn, SellerId(2)).await.unwrap(), Some(berlin));
        assert_eq!(sellers::get(&mut conn, SellerId(3)).await.unwrap(), None);
    }

    async fn the_ids_of_sellers_ascend(kind) {
        let shop = Shop::bare(kind).await;
        for id in [i64::MAX, 30, 4] {
            shop.open_for(&seller(id)).await;
        }
        let mut conn = shop.read().await;
        assert_eq!(sellers::ids(&mut conn).await.unwrap(), [1, 4, 30, i64::MAX].map(SellerId));
    }

    async fn an_update_changes_every_field_of_one_seller(kind) {
        let shop = Shop::bare(kind).await;
        shop.open_for(&seller(2)).await;
        let mut tx = shop.begin().await;
        assert!(sellers::update(&mut tx, &moved_and_renamed(1)).await.unwrap());
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let moved = Seller { version: 2, ..moved_and_renamed(1) };
        assert_eq!(sellers::get(&mut conn, SellerId(1)).await.unwrap(), Some(moved));
        assert_eq!(sellers::get(&mut conn, SellerId(2)).await.unwrap(), Some(seller(2)));
    }

    async fn every_update_moves_the_version_whatever_the_caller_believes(kind) {
        let shop = Shop::bare(kind).await;
        shop.open_for(&Seller { version: 99, ..seller(2) }).await;
        for believed in [1, 1, 99] {
            let mut tx = shop.begin().await;
            assert!(sellers::update(&mut tx, &Seller { version: believed, ..seller(2) }).await.unwrap());
            tx.commit().await.unwrap();
        }
        let mut conn = shop.read().await;
        assert_eq!(sellers::get(&mut conn, SellerId(2)).await.unwrap(), Some(Seller { version: 4, ..seller(2) }));
        assert_eq!(sellers::get(&mut conn, SellerId(1)).await.unwrap(), Some(seller(1)));
    }

    async fn updating_nobody_says_so_and_makes_nobody(kind) {
        let shop = Shop::bare(kind).await;
        let mut tx = shop.begin().await;
        assert!(!sellers::update(&mut tx, &seller(99)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(sellers::ids(&mut shop.read().await).await.unwrap(), [SellerId(1)]);
    }

    async fn odd_texts_and_far_instants_survive(kind) {
        let shop = Shop::bare(kind).await;
        let mut odd: Vec<Seller> = Vec::new();
        for (id, text) in (2..).zip(ODD_TEXTS) {
            let text = || text.to_owned();
            let party = SellerParty {
                name: text(),
                address1: text(),
                address2: text(),
                postcode: text(),
                city: text(),
                country: text(),
                vat_number: text(),
                company_number: text(),
                email: text(),
                iban: text(),
                bic: text(),
                bankgiro: text(),
                phone: text(),
                website: text(),
                plusgiro: text(),
                swish: text(),
                fik_creditor: text(),
                payment_reference: text(),
                brand: i64::MAX,
            };
            odd.push(Seller { party, ..seller(id) });
        }
        odd.extend((100..).zip(far_instants()).map(|(id, created_at)| Seller { created_at, ..seller(id) }));
        for seller in &odd {
            shop.open_for(seller).await;
        }
        let mut conn = shop.read().await;
        for seller in odd {
            assert_eq!(sellers::get(&mut conn, seller.id).await.unwrap(), Some(seller));
        }
    }

    async fn nanoseconds_are_cut_the_same_way_everywhere(kind) {
        let shop = Shop::bare(kind).await;
        let exact = Seller { created_at: at("2026-11-23T11:00:00.123456999Z"), ..seller(2) };
        shop.open_for(&exact).await;
        let kept = sellers::get(&mut shop.read().await, SellerId(2)).await.unwrap().unwrap();
        assert_eq!(kept.created_at, at("2026-11-23T11:00:00.123456Z"));
    }

    async fn rates_and_patterns_reach_their_limits(kind) {
        let shop = Shop::bare(kind).await;
        let pattern: NumberPattern = format!("{}{{YY}}{{N:012}}", "Ö".repeat(28)).parse().unwrap();
        let rate = |ppm| TaxSettings { home_rate: Some(Rate::from_parts_per_million(ppm)), ..TaxSettings::default() };
        let nothing = Seller { tax: rate(0), payment_terms_days: 0, renew_ahead_months: 0, ..seller(2) };
        let numbering = Numbering { invoices: pattern, ..numbering("{YYYY}{NNNNN}") };
        let all = Seller { tax: rate(1_000_000), numbering, ..seller(3) };
        shop.open_for(&nothing).await;
        shop.open_for(&all).await;
        let mut conn = shop.read().await;
        assert_eq!(sellers::get(&mut conn, SellerId(2)).await.unwrap(), Some(nothing));
        assert_eq!(sellers::get(&mut conn, SellerId(3)).await.unwrap(), Some(all));
    }

    async fn tax_rates_come_with_the_seller(kind) {
        let shop = Shop::bare(kind).await;
        let rate = |code: &str, starts, ppm| OwnRate {
            country: code.parse().unwrap(),
            starts,
            rate: Rate::from_parts_per_million(ppm),
        };
        let rates = [rate("DE", date(2026, 1, 1), 0), rate("FI", date(1, 1, 1), 1_000_000), rate("FI", date(2027, 1, 1), 255_000)];
        let mut tx = shop.begin().await;
        for rate in rates.iter().rev() {
            sellers::add_tax_rate(&mut tx, shop.id(), rate).await.unwrap();
        }
        tx.commit().await.unwrap();
        let known = sellers::get(&mut shop.read().await, shop.id()).await.unwrap().unwrap();
        assert_eq!((known.version, &known.tax.own_rates[..]), (4, &rates[..]));
        let again = sellers::add_tax_rate(&mut shop.begin().await, shop.id(), &rates[0]).await;
        assert!(matches!(again, Err(StoreError::Unique { .. })), "{again:?}");
        // They are not written with the seller, and so not lost with it either.
        let mut tx = shop.begin().await;
        sellers::update(&mut tx, &seller(1)).await.unwrap();
        tx.commit().await.unwrap();
        let known = sellers::get(&mut shop.read().await, shop.id()).await.unwrap().unwrap();
        assert_eq!((known.version, &known.tax.own_rates[..]), (5, &rates[..]));
    }

    async fn exchange_rates_come_with_the_seller_who_converts_or_not(kind) {
        let shop = Shop::new(kind).await;
        let rate = |code: &str, starts, billionths| ExchangeRate {
            currency: code.parse().unwrap(),
            starts,
            rate: UnitRate::from_billionths(billionths),
            source: ODD_TEXTS[3].to_owned(),
        };
        let rates = [rate("EUR", date(2026, 1, 1), 1), rate("EUR", date(2026, 11, 20), i64::MAX), rate("JPY", date(1, 1, 1), 2)];
        let mut tx = shop.begin().await;
        for rate in rates.iter().rev() {
            sellers::add_exchange_rate(&mut tx, shop.id(), rate).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(sellers::exchange_rates(&mut shop.read().await, shop.id()).await.unwrap(), rates);
        assert_eq!(sellers::exchange_rates(&mut shop.read().await, SellerId(2)).await.unwrap(), []);
        let known = sellers::get(&mut shop.read().await, shop.id()).await.unwrap().unwrap();
        assert_eq!((known.version, &known.exchange_rates[..]), (4, &rates[..]));
        assert_eq!(known.conversion(), None, "it converts nothing");
        let mut tx = shop.begin().await;
        let again = sellers::add_exchange_rate(&mut tx, shop.id(), &rates[0]).await;
        assert!(matches!(again, Err(StoreError::Unique { .. })), "{again:?}");
        drop(tx);
        let mut tx = shop.begin().await;
        sellers::update(&mut tx, &Seller { converts_prices: true, ..seller(1) }).await.unwrap();
        tx.commit().await.unwrap();
        let known = sellers::get(&mut shop.read().await, shop.id()).await.unwrap().unwrap();
        assert_eq!(known.conversion().unwrap().rates, rates);
    }
}

#[test]
fn policies_have_the_words_of_the_database() {
    assert_eq!(
        [OpenInvoicePolicy::Return, OpenInvoicePolicy::Conflict].map(OpenInvoicePolicy::as_str),
        ["return", "conflict"]
    );
}
