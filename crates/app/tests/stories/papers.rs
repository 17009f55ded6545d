//! What a customer gets on paper stays as it was, whatever changes afterwards.

use jiff::civil::date;
use perennial_app::{Actor, AppError, Caller, CreditOf, MAX_LOGO_BYTES, Outcome};
use perennial_billing::{CustomerId, CustomerKind, InvoiceId, Money, ReferenceScheme, ServiceId};
use perennial_render::einvoice::{Mend, Syntax};
use perennial_render::pdf::{Brand, Column};
use perennial_store::sellers::{self, EInvoicePolicy};
use perennial_testkit::{Provider, on_both_databases};

use crate::outcome;

/// Gives the seller accounts, and a scheme of references if it does not want its country's.
async fn with_accounts(provider: &Provider, scheme: &str) {
    let mut seller = sellers::get(&mut provider.read().await, provider.id()).await.unwrap().unwrap();
    seller.party.iban = "SE45 5000 0000 0583 9825 7466".to_owned();
    seller.party.bic = "ESSESESS".to_owned();
    seller.party.bankgiro = "5050-1055".to_owned();
    seller.party.swish = "123 123 45 67".to_owned();
    seller.party.payment_reference = scheme.to_owned();
    provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
}

/// Renews a new service of a customer and tells the invoice.
async fn invoiced(provider: &Provider, customer: CustomerId) -> InvoiceId {
    let product = provider.product("Web hosting", "100.00").await;
    let service = provider.service(customer, product, date(2026, 12, 1)).await;
    renewed(provider, service).await
}

/// Renews a service and tells the invoice.
async fn renewed(provider: &Provider, service: ServiceId) -> InvoiceId {
    match outcome(provider.app.renew(&provider.staff(), &[service]).await) {
        Outcome::Renewed(renewed) => renewed.invoice.id,
        other => panic!("{other:?}"),
    }
}

on_both_databases! {
    async fn a_document_looks_as_it_did_when_it_was_issued(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        with_accounts(&provider, "").await;
        let red = Brand { accent: (180, 20, 20), closing: "Thank you!".to_owned(), ..Brand::default() };
        app.set_brand(&staff, &red).await.unwrap();
        let anna = provider.customer("Anna Ek").await;
        let invoice = invoiced(&provider, anna).await;
        let before = app.paper(&staff, invoice).await.unwrap();
        assert_eq!((before.name.as_str(), before.paper.pages), ("202600001.pdf", 1));

        // Everything moves on: the look, the accounts, the address, the language.
        let blue = Brand { accent: (20, 20, 180), columns: vec![Column::Vat], ..Brand::default() };
        app.set_brand(&staff, &blue).await.unwrap();
        assert_eq!(app.brand(&staff).await.unwrap(), blue);
        with_accounts(&provider, "rf").await;
        let moved = "update customers set city = 'Umeå', language = 'de'";
        provider.database.sql(moved).unwrap();
        assert_eq!(app.paper(&staff, invoice).await.unwrap(), before);

        let note = app.credit_invoice(&staff, invoice, &CreditOf::Everything, "Was down").await.unwrap();
        let document = app.document(&staff, note.note.id).await.unwrap();
        assert_eq!((document.language.as_str(), document.note.as_str()), ("de", "Was down"));
        assert_eq!(document.corrects.as_ref().map(|corrected| corrected.number.as_str()), Some("202600001"));
        assert_eq!(app.paper(&staff, note.note.id).await.unwrap().name, "CN-2026-00001.pdf");
        assert_eq!(app.papers(&staff, &[invoice]).await.unwrap(), before.paper.bytes);
        assert!(app.papers(&staff, &[invoice, note.note.id]).await.unwrap().len() > 10_000);
        assert!(matches!(app.papers(&staff, &[]).await, Err(AppError::Invalid(_))));
        provider.assert_well().await;
    }

    async fn payers_are_offered_what_their_banks_know(kind) {
        let provider = Provider::new(kind).await;
        with_accounts(&provider, "").await;
        let anna = provider.customer("Anna Ek").await;
        let swedish = invoiced(&provider, anna).await;
        let renee = provider.customer_with("Renée", |new| {
            new.party.country = "FR".to_owned();
            new.currency = "EUR".parse().unwrap();
        }).await;
        let product = provider.product("Web hosting", "100.00").await;
        let service =
            provider.service_with(renee, product, date(2026, 12, 1), |new| new.own_price_minor = Some(900)).await;
        let french = renewed(&provider, service).await;
        let payment = |document: perennial_render::document::Document| document.payment;
        let at_home = payment(provider.app.document(&provider.staff(), swedish).await.unwrap());
        let abroad = payment(provider.app.document(&provider.staff(), french).await.unwrap());
        assert_eq!(at_home.reference.unwrap().scheme(), ReferenceScheme::Ocr);
        assert!(at_home.bankgiro.is_some() && at_home.swish.is_some() && at_home.iban.is_some());
        assert_eq!(abroad.reference.unwrap().scheme(), ReferenceScheme::Rf);
        assert!(abroad.bankgiro.is_none() && abroad.swish.is_none() && abroad.iban.is_some());
    }

    async fn what_an_e_invoice_lacks_is_told_with_where_to_mend_it(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let anna = provider.customer("Anna Ek").await;
        let other = provider.customer("Bo Ek").await;
        let invoice = invoiced(&provider, anna).await;
        assert_eq!(app.e_invoice(&staff, invoice, Syntax::Ubl).await.unwrap().problems, []);
        let stranger = Caller { customer: Some(other), ..staff };
        assert!(matches!(app.e_invoice(&stranger, invoice, Syntax::Ubl).await, Err(AppError::NotFound(_))));
        assert!(matches!(app.paper(&stranger, invoice).await, Err(AppError::NotFound(_))));

        // Without a VAT number, nobody who charges VAT can be named.
        let mut seller = sellers::get(&mut provider.read().await, provider.id()).await.unwrap().unwrap();
        seller.party.vat_number = String::new();
        app.change_seller(Actor::Cli, &seller).await.unwrap();
        let invoice = invoiced(&provider, anna).await;
        let problems = app.e_invoice(&staff, invoice, Syntax::Cii).await.unwrap().problems;
        let told: Vec<_> = problems.iter().map(|problem| (problem.rule, problem.mend)).collect();
        assert_eq!(
            told,
            [("BR-CO-26", Mend::Seller("--company-number")), ("BR-S-02", Mend::Seller("--vat-number"))]
        );
        // It is a PDF all the same, without an e-invoice inside.
        assert_eq!(app.paper(&staff, invoice).await.unwrap().paper.pages, 1);
        let deposit = app.add_funds(&staff, anna, Money::new(10_000, "SEK".parse().unwrap())).await.unwrap().id;
        assert!(matches!(app.e_invoice(&staff, deposit, Syntax::Ubl).await, Err(AppError::Conflict(_))));
        assert_eq!(app.paper(&staff, deposit).await.unwrap().paper.pages, 1);
    }

    async fn an_invoice_waits_for_what_its_e_invoice_lacks_if_the_seller_wants_it(kind) {
        let provider = Provider::new(kind).await;
        let (app, staff) = (&provider.app, provider.staff());
        let product = provider.product("Web hosting", "100.00").await;
        let company = provider.customer_with("Bo Ek", |new| {
            new.party.kind = CustomerKind::Company;
            new.party.company = "Bolaget AB".to_owned();
        }).await;
        let anna = provider.customer("Anna Ek").await;
        let mut seller = sellers::get(&mut provider.read().await, provider.id()).await.unwrap().unwrap();
        seller.party.vat_number = String::new();
        let services = [
            provider.service(company, product, date(2026, 12, 1)).await,
            provider.service(anna, product, date(2026, 12, 1)).await,
        ];
        seller.e_invoices = EInvoicePolicy::Block;
        app.change_seller(Actor::Cli, &seller).await.unwrap();
        let outcomes = app.renew(&staff, &services).await.unwrap();
        let Outcome::Refused(refusal) = &outcomes[0].outcome else { panic!("{:?}", outcomes[0]) };
        insta::assert_snapshot!(refusal, @"The e-invoice would be refused: BR-CO-26 (BT-30): the seller has neither a registration number nor a VAT number that may be shown; mend `perennial seller set --company-number`; BR-S-02 (BT-31): the seller has no VAT number; mend `perennial seller set --vat-number`");
        assert!(matches!(outcomes[1].outcome, Outcome::Renewed(_)), "a consumer gets no e-invoice");
        assert_eq!(provider.database.sql("select count(*) from invoices").unwrap().trim(), "1");

        // The run says the same, and goes on.
        provider.set_day(date(2026, 12, 1));
        let report = app.run_if_due(provider.id(), tokio::sync::watch::channel(false).1).await.unwrap().unwrap();
        assert_eq!((report.renewed, report.counts.failed), (0, 1));
        seller.e_invoices = EInvoicePolicy::Warn;
        app.change_seller(Actor::Cli, &seller).await.unwrap();
        assert!(matches!(outcome(app.renew(&staff, &services[..1]).await), Outcome::Renewed(_)));
        provider.assert_well().await;
    }

    async fn samples_show_every_language_before_a_customer_sees_one(kind) {
        let provider = Provider::new(kind).await;
        with_accounts(&provider, "").await;
        let samples = provider.app.sample_papers(&provider.staff()).await.unwrap();
        assert_eq!((samples.len(), samples[0].name.as_str()), (18, "invoice-en.pdf"));
        assert!(samples.iter().all(|file| file.paper.pages == 1 && file.paper.missing.is_empty()));
        assert_eq!(provider.database.sql("select count(*) from invoices").unwrap().trim(), "0");
    }

    async fn accounts_with_a_wrong_digit_are_refused(kind) {
        let provider = Provider::new(kind).await;
        let mut seller = sellers::get(&mut provider.read().await, provider.id()).await.unwrap().unwrap();
        seller.party.iban = "SE46 5000 0000 0583 9825 7466".to_owned();
        seller.party.bankgiro = "5050-1056".to_owned();
        seller.party.payment_reference = "ocrr".to_owned();
        let Err(AppError::Invalid(problems)) = provider.app.change_seller(Actor::Cli, &seller).await else {
            panic!("accepted")
        };
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["iban", "bankgiro", "payment_reference"]);
        let huge = Brand { logo: Some(vec![0; MAX_LOGO_BYTES + 1]), ..Brand::default() };
        assert!(matches!(provider.app.set_brand(&provider.staff(), &huge).await, Err(AppError::Invalid(_))));
    }
}
