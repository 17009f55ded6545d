//! Creating and changing what is sold, to whom.

use jiff::civil::date;
use perennial_app::{Actor, AppError, NewKey, NewPrice, Scope, Scopes};
use perennial_billing::{AddonId, ApiKeyId, CustomerId, Money, PriceSource, ProductId, Quantity, ServiceId};
use perennial_store::addons::Addon;
use perennial_store::{audit, customers, keys, products};
use perennial_testkit::{Provider, on_both_databases};

on_both_databases! {
    async fn what_cannot_be_accepted_is_named_field_by_field(kind) {
        let provider = Provider::new(kind).await;
        let mut customer = {
            let anna = provider.customer("Anna Ek").await;
            let mut conn = provider.app.store.read().await.unwrap();
            customers::get(&mut conn, provider.id(), anna).await.unwrap().unwrap()
        };
        customer.party.country = "Sweden".to_owned();
        customer.party.email = "not an address".to_owned();
        customer.party.name = " ".to_owned();
        customer.language = "svenska!".to_owned();
        let error = provider.app.change_customer(provider.id(), Actor::Cli, customer).await.unwrap_err();
        let AppError::Invalid(problems) = error else { panic!("invalid") };
        let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["name", "email", "country", "language"]);
    }

    async fn a_customer_with_services_keeps_its_currency(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let bo = provider.customer("Bo Dahl").await;
        let mut conn = provider.app.store.read().await.unwrap();
        let mut customer = customers::get(&mut conn, provider.id(), bo).await.unwrap().unwrap();
        customer.currency = "EUR".parse().unwrap();
        provider.app.change_customer(provider.id(), Actor::Cli, customer.clone()).await.unwrap();
        provider.service(bo, server, date(2026, 12, 1)).await;
        customer.currency = "SEK".parse().unwrap();
        let error = provider.app.change_customer(provider.id(), Actor::Cli, customer).await.unwrap_err();
        assert!(matches!(error, AppError::Conflict(_)), "{error}");
    }

    async fn what_has_changed_since_it_was_read_is_not_changed(kind) {
        let provider = Provider::new(kind).await;
        let (app, seller, actor) = (&provider.app, provider.id(), Actor::Cli);
        let product = provider.product("Cloud Server", "100.00").await;
        let bo = provider.customer("Bo Dahl").await;
        let renamed = app.edit_customer(seller, actor, bo, Some(1), |known| known.customer.party.name = "Bo Ek".to_owned());
        let renamed = renamed.await.unwrap();
        assert_eq!((renamed.customer.party.name.as_str(), renamed.customer.version), ("Bo Ek", 2));
        let error = app.edit_customer(seller, actor, bo, Some(1), |known| known.group.push('x')).await.unwrap_err();
        assert!(matches!(error, AppError::Changed), "{error}");
        // Without a change there is no new version, and nothing to write down.
        assert_eq!(app.edit_customer(seller, actor, bo, Some(2), |_| {}).await.unwrap(), renamed);
        let changes = audit::count(&mut provider.read().await, seller, "customer.changed").await.unwrap();
        assert_eq!(changes, 1);
        // A price has moved the version of its product.
        let error = app.edit_product(seller, actor, product, Some(1), |known| known.name.clear()).await.unwrap_err();
        assert!(matches!(error, AppError::Changed), "{error}");
        let (changed, version) =
            app.edit_product(seller, actor, product, Some(2), |known| known.name = "Server".to_owned()).await.unwrap();
        assert_eq!((changed.name.as_str(), version), ("Server", 3));
        let changed = app.edit_seller(actor, seller, Some(1), |known| known.runs.lead_days = 3).await.unwrap();
        assert_eq!((changed.runs.lead_days, changed.version), (3, 2));
        let error = app.edit_seller(actor, seller, Some(1), |known| known.runs.lead_days = 4).await.unwrap_err();
        assert!(matches!(error, AppError::Changed), "{error}");
        let error = app.edit_seller(actor, seller, None, |known| known.payment_terms_days = 366).await.unwrap_err();
        assert!(matches!(error, AppError::Invalid(_)), "{error}");
    }

    async fn two_prices_cannot_start_on_the_same_day(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let new = |minor| NewPrice {
            product: server,
            cycle: "1m".parse().unwrap(),
            amount: Money::new(minor, "SEK".parse().unwrap()),
            from_quantity: Quantity::ZERO,
            starts: date(2020, 1, 1),
        };
        let again = provider.app.create_price(provider.id(), Actor::Cli, new(500)).await.unwrap_err();
        assert!(matches!(again, AppError::Conflict(_)), "{again}");
        let negative = provider.app.create_price(provider.id(), Actor::Cli, new(-1)).await.unwrap_err();
        assert!(matches!(negative, AppError::Invalid(_)), "{negative}");
        let unknown = NewPrice { product: ProductId(999), ..new(1) };
        let unknown = provider.app.create_price(provider.id(), Actor::Cli, unknown).await.unwrap_err();
        assert!(matches!(unknown, AppError::NotFound("Product")), "{unknown}");
    }

    async fn a_product_is_renamed_and_moved_to_a_feed(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let mut conn = provider.app.store.read().await.unwrap();
        let mut product = products::all(&mut conn, provider.id()).await.unwrap().remove(0);
        product.name = "Cloud Server 2".to_owned();
        product.price_source = PriceSource::Feed("registrar".to_owned());
        provider.app.change_product(provider.id(), Actor::Cli, &product).await.unwrap();
        let known = products::all(&mut conn, provider.id()).await.unwrap();
        assert_eq!((known[0].id, known[0].name.as_str()), (server, "Cloud Server 2"));
        product.id = ProductId(999);
        let unknown = provider.app.change_product(provider.id(), Actor::Cli, &product).await.unwrap_err();
        assert!(matches!(unknown, AppError::NotFound("Product")), "{unknown}");
    }

    async fn an_addon_belongs_to_one_service_of_this_seller(kind) {
        let provider = Provider::new(kind).await;
        let server = provider.product("Cloud Server", "100.00").await;
        let clara = provider.customer("Clara Friis").await;
        let (first, second) =
            (provider.service(clara, server, date(2026, 12, 1)).await, provider.service(clara, server, date(2026, 12, 1)).await);
        let id = provider.addon(first, server, "1").await;
        let addon = |id, service| Addon {
            id, service, product: server, quantity: "2".parse().unwrap(), own_price_minor: Some(5), term: None, active: true,
        };
        provider.app.change_addon(provider.id(), Actor::Cli, &addon(id, first)).await.unwrap();
        for (addon, expected) in [
            (addon(id, second), "an add-on cannot move to another service"),
            (addon(AddonId(99), first), "Add-on not found"),
            (addon(id, ServiceId(99)), "Service not found"),
        ] {
            let error = provider.app.change_addon(provider.id(), Actor::Cli, &addon).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    async fn a_key_opens_until_it_expires_or_is_revoked(kind) {
        let provider = Provider::new(kind).await;
        let (app, seller) = (&provider.app, provider.id());
        let new = |scopes: &[Scope], customer| NewKey {
            customer,
            expires_at: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            ..NewKey::of("panel", Scopes::of(scopes))
        };
        let staff = &provider.staff();
        let created = app.create_key(staff, new(&[Scope::ReadBilling], None)).await.unwrap();
        assert!(app.authenticate(&created.secret, None).await.unwrap().is_some());
        for wrong in ["", "pn_", &created.secret[..20], &format!("{}0", created.secret), &"x".repeat(10_000)] {
            assert!(app.authenticate(wrong, None).await.unwrap().is_none());
        }
        let everything = provider.database.sql("select * from api_keys").unwrap();
        assert!(!everything.contains(&created.secret[10..]), "the secret is not kept");

        provider.set_day(date(2026, 11, 30));
        assert!(app.authenticate(&created.secret, None).await.unwrap().is_some());
        provider.set_day(date(2026, 12, 1));
        assert!(app.authenticate(&created.secret, None).await.unwrap().is_none(), "expired");

        provider.set_day(date(2026, 11, 30));
        app.revoke_key(staff, created.key.id).await.unwrap();
        assert!(app.authenticate(&created.secret, None).await.unwrap().is_none(), "revoked");
        let mut conn = app.store.read().await.unwrap();
        assert!(keys::all(&mut conn, seller).await.unwrap()[0].revoked_at.is_some());

        let unknown = app.revoke_key(staff, ApiKeyId(99)).await.unwrap_err();
        assert!(matches!(unknown, AppError::NotFound("API key")), "{unknown}");
        let nobody = app.create_key(staff, new(&[Scope::ReadBilling], Some(CustomerId(99)))).await.unwrap_err();
        assert!(matches!(nobody, AppError::NotFound("Customer")), "{nobody}");
        let admin = app.create_key(staff, new(&[Scope::Admin], Some(CustomerId(1)))).await.unwrap_err();
        assert!(matches!(admin, AppError::Invalid(_)), "a customer is never admin: {admin}");
        let empty = app.create_key(staff, new(&[], None)).await.unwrap_err();
        assert!(matches!(empty, AppError::Invalid(_)), "{empty}");
    }

    async fn a_new_rate_reaches_every_customer_it_concerns(kind) {
        let provider = Provider::new(kind).await;
        let home = provider.customer("Elsa Svensk").await;
        let abroad = provider.customer_with("Nils Norsk", |new| new.party.country = "NO".to_owned()).await;
        let odd = provider
            .customer_with("Gerd Deutsch", |new| {
                new.party.kind = perennial_billing::CustomerKind::Company;
                new.party.company = "Deutsch GmbH".to_owned();
                new.party.country = "DE".to_owned();
                new.party.vat_number = "SE556000016701".to_owned();
            })
            .await;
        let mut seller = provider.seller.clone();
        seller.tax.home_rate = Some(perennial_billing::Rate::parse_percent("25.5").unwrap());
        provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
        let mut conn = provider.app.store.read().await.unwrap();
        let mut taxed = Vec::new();
        for customer in [home, abroad, odd] {
            let known = customers::get(&mut conn, provider.id(), customer).await.unwrap().unwrap();
            let rules = std::sync::Arc::new(seller.tax_rules().unwrap());
            let taxation = perennial_billing::Taxation { rules, customer: known.taxed().unwrap() };
            let tax = taxation.on(perennial_billing::TaxClass::Standard, date(2026, 11, 23));
            taxed.push(format!("{} {}", tax.category, tax.rate));
        }
        // A Swedish number says nothing about a German company.
        assert_eq!(taxed, ["S 25.5 %", "G 0 %", "S 25.5 %"]);
    }
}
