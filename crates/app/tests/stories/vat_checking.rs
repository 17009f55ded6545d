//! VAT numbers that VIES is asked about, and a VIES that does not answer.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use perennial_app::{
    Actor, AppError, COUNTRY_FAILURES_TO_SKIP, Caller, Outcome, Random, VIES_FAILURES_TO_STOP, VIES_RETRIES,
    VatCheckConfig, VatCheckTimes, VatChecked, VatChecker, VatOutcome, VatPass, VatPassEnd, start_schedule,
};
use perennial_billing::{CustomerId, CustomerKind, NumberStatus, ServiceId, VatNumberPolicy};
use perennial_store::customers::Customer;
use perennial_store::events::Event;
use perennial_store::{audit, customers};
use perennial_testkit::{Kind, Provider, TODAY, TestVies, ViesBehaviour, on_both_databases};

use crate::{ledger_of, outcome};

const DE: &str = "DE136695976";
const OTHER_DE: &str = "DE811569869";

/// A Swedish provider who asks this VIES, and wants numbers to be checked or trusts them.
async fn provider_asking(kind: Kind, vies: &TestVies, policy: VatNumberPolicy) -> Provider {
    let mut provider = Provider::new(kind).await;
    let times = VatCheckTimes {
        attempt: Duration::from_millis(500),
        retry_pause: Duration::from_millis(5),
        deadline: Duration::from_secs(5),
        between: Duration::from_millis(1),
    };
    let config = VatCheckConfig { url: vies.url(), recheck_days: 90, times };
    let checker = VatChecker::new(&config, Random::seeded(3)).unwrap();
    provider.app = provider.app.clone().with_vat_checks(checker);
    provider.seller.tax.number_policy = policy;
    provider.app.change_seller(Actor::Cli, &provider.seller).await.unwrap();
    provider
}

async fn company(provider: &Provider, name: &str, number: &str) -> CustomerId {
    let country = match &number[..2] {
        "EL" => "GR",
        prefix => prefix,
    };
    let change = |new: &mut perennial_app::NewCustomer| {
        new.party.kind = CustomerKind::Company;
        new.party.company = name.to_owned();
        new.party.country = country.to_owned();
        new.party.postcode = "10115".to_owned();
        new.party.vat_number = number.to_owned();
    };
    provider.customer_with("Karl Kraut", change).await
}

async fn known(provider: &Provider, customer: CustomerId) -> Customer {
    customers::get(&mut provider.app.store.read().await.unwrap(), provider.id(), customer).await.unwrap().unwrap()
}

async fn status(provider: &Provider, customer: CustomerId) -> NumberStatus {
    known(provider, customer).await.vat_number_status
}

async fn check(provider: &Provider, customer: CustomerId) -> VatChecked {
    provider.app.check_vat_number(&provider.staff(), customer).await.unwrap()
}

async fn check_due(provider: &Provider) -> VatPass {
    let stop = tokio::sync::watch::channel(false).1;
    provider.app.check_due_vat_numbers(&provider.staff(), stop, |_| {}).await.unwrap()
}

async fn told_of(provider: &Provider, customer: CustomerId) -> Vec<Event> {
    let told = provider.told_of("customer", customer.0).await;
    told.into_iter().filter(|event| event.name == "customer.vat_number_invalid").collect()
}

/// Renews a service and pays for it.
async fn renew(provider: &Provider, service: ServiceId) {
    let renewed = outcome(provider.app.renew(&provider.staff(), &[service]).await);
    let Outcome::Renewed(renewed) = renewed else { panic!("{renewed:?}") };
    provider.settle(renewed.invoice.id).await;
}

async fn sold(provider: &Provider, customer: CustomerId) -> ServiceId {
    let server = provider.product("Cloud Server", "100.00").await;
    provider.service(customer, server, date(2026, 12, 1)).await
}

fn reason(checked: &VatChecked) -> &str {
    match &checked.outcome {
        VatOutcome::Unavailable(away) => &away.reason,
        answered => panic!("{answered:?}"),
    }
}

on_both_databases! {
    async fn a_company_pays_vat_until_its_number_is_checked_and_again_when_it_is_invalid(kind) {
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Require).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        let service = sold(&provider, kraut).await;
        renew(&provider, service).await;

        vies.behave(ViesBehaviour::Valid("Kraut & Rüben GmbH", "Hauptstr. 1\n10115 Berlin"));
        let checked = check(&provider, kraut).await;
        assert_eq!((checked.status, checked.counts, checked.is_current), (NumberStatus::Valid, true, true));
        assert_eq!(known(&provider, kraut).await.vat_checked_at, Some(provider.app.clock.now()));
        renew(&provider, service).await;

        provider.set_day(date(2027, 1, 5));
        vies.behave(ViesBehaviour::Invalid);
        let checked = check(&provider, kraut).await;
        assert_eq!((checked.status, checked.counts, checked.became_invalid), (NumberStatus::Invalid, false, true));
        assert!(!check(&provider, kraut).await.became_invalid, "it was already");
        renew(&provider, service).await;

        assert_snapshot!(ledger_of(&provider).await, @"
        202600001 Kraut GmbH: issued 2026-11-23, due 2026-12-07, 100.00 + 25.00 VAT = 125.00 SEK
          Cloud Server vps.example.net, 2026-12-01 – 2026-12-31 | 1 × 100.00 = 100.00 | S 25 %
        202600002 Kraut GmbH: issued 2026-11-23, due 2027-01-01, 100.00 + 0.00 VAT = 100.00 SEK
          Cloud Server vps.example.net, 2027-01-01 – 2027-01-31 | 1 × 100.00 = 100.00 | AE 0 %
        202700001 Kraut GmbH: issued 2027-01-05, due 2027-02-01, 100.00 + 25.00 VAT = 125.00 SEK
          Cloud Server vps.example.net, 2027-02-01 – 2027-02-28 | 1 × 100.00 = 100.00 | S 25 %
        ");
        let told = told_of(&provider, kraut).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_snapshot!(format!("{} {}", told[0].name, told[0].data), @r#"customer.vat_number_invalid {"before":"valid","check":2,"number":"DE136695976"}"#);
        assert_snapshot!(vies.requests()[0], @r#"{"countryCode":"DE","requesterMemberStateCode":"SE","requesterNumber":"556123456701","vatNumber":"136695976"}"#);

        let evidence = provider.app.vat_checks_of(&provider.staff(), kraut, 10).await.unwrap();
        let lines: Vec<String> = evidence
            .iter()
            .map(|e| format!("{} {} {} {} {:?} {:?} {}", e.at, e.checker, e.number, e.outcome.as_str(), e.name, e.address, e.consultation))
            .collect();
        assert_snapshot!(lines.join("\n"), @r#"
        2027-01-05T11:00:00Z 127.0.0.1 DE136695976 invalid "" "" WAPIAAAA0003
        2027-01-05T11:00:00Z 127.0.0.1 DE136695976 invalid "" "" WAPIAAAA0002
        2026-11-23T11:00:00Z 127.0.0.1 DE136695976 valid "Kraut & Rüben GmbH" "Hauptstr. 1\n10115 Berlin" WAPIAAAA0001
        "#);
        for meddling in ["update vat_checks set outcome = 'valid'", "delete from vat_checks"] {
            let refused = provider.database.sql(meddling).unwrap_err();
            assert!(refused.contains("evidence never changes"), "{refused}");
        }
        let noted = audit::count(&mut provider.app.store.read().await.unwrap(), provider.id(), "vat_number.checked").await;
        assert_eq!(noted.unwrap(), 3);
        provider.assert_well().await;
    }

    async fn while_vies_is_away_a_number_is_worth_what_it_was(kind) {
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Require).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        let mut told = Vec::new();
        let ways = [
            ViesBehaviour::Fails(200, "MS_UNAVAILABLE"),
            ViesBehaviour::Fails(500, "SERVICE_UNAVAILABLE"),
            ViesBehaviour::Fails(400, "INVALID_INPUT"),
            ViesBehaviour::Fails(403, "IP_BLOCKED"),
            ViesBehaviour::Says("<html>Maintenance</html>"),
            ViesBehaviour::Says(r#"{"countryCode":"DE","vatNumber":"811569869","valid":true}"#),
            ViesBehaviour::Says("{}"),
            ViesBehaviour::Large(20_000),
        ];
        for behaviour in ways.clone() {
            vies.behave(behaviour);
            let checked = check(&provider, kraut).await;
            assert_eq!((checked.status, checked.counts), (NumberStatus::Unchecked, false));
            told.push(reason(&checked).to_owned());
        }
        assert_snapshot!(told.join("\n"), @"
        it answered MS_UNAVAILABLE
        it answered SERVICE_UNAVAILABLE
        it answered INVALID_INPUT
        it answered IP_BLOCKED
        its answer cannot be read: expected value at line 1 column 1
        it answered about another number
        its answer does not say whether the number is valid
        its answer is larger than 16384 bytes
        ");
        assert_eq!(provider.app.vat_checks_of(&provider.staff(), kraut, 10).await.unwrap(), []);

        vies.behave(ViesBehaviour::Valid("---", "---"));
        let before = check(&provider, kraut).await.evidence.unwrap();
        assert_eq!((before.name.as_str(), before.address.as_str()), ("", ""));
        provider.set_day(date(2026, 12, 24));
        let silent = [ViesBehaviour::HangUp, ViesBehaviour::Slow(Duration::from_secs(2))];
        for behaviour in ways.into_iter().chain(silent) {
            vies.behave(behaviour);
            let checked = check(&provider, kraut).await;
            assert!(!reason(&checked).is_empty());
            assert_eq!((checked.status, checked.counts, checked.evidence), (NumberStatus::Valid, true, None));
        }
        let after = known(&provider, kraut).await;
        assert_eq!((after.vat_number_status, after.vat_checked_at), (NumberStatus::Valid, Some(before.at)));
        assert_eq!(provider.app.vat_checks_of(&provider.staff(), kraut, 10).await.unwrap(), [before]);
        assert_eq!(told_of(&provider, kraut).await, []);

        // One that is trusted counts without a check, and not when it is invalid.
        let trusting = provider_asking(kind, &vies, VatNumberPolicy::Trust).await;
        let trusted = company(&trusting, "Kraut GmbH", DE).await;
        vies.behave(ViesBehaviour::Fails(200, "MS_UNAVAILABLE"));
        assert!(check(&trusting, trusted).await.counts);
        vies.behave(ViesBehaviour::Invalid);
        let checked = check(&trusting, trusted).await;
        assert_eq!((checked.counts, checked.became_invalid), (false, true));
        trusting.assert_well().await;
    }

    async fn a_stumble_is_retried_and_a_requester_who_is_not_known_is_left_out(kind) {
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Require).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        let asked = |since: usize| vies.requests().len() - since;
        vies.behave(ViesBehaviour::Stumbles(VIES_RETRIES, "MS_MAX_CONCURRENT_REQ"));
        assert_eq!(check(&provider, kraut).await.status, NumberStatus::Valid);
        assert_eq!(asked(0), 3, "two stumbles, then an answer");
        vies.behave(ViesBehaviour::Stumbles(VIES_RETRIES + 1, "GLOBAL_MAX_CONCURRENT_REQ"));
        assert_eq!(reason(&check(&provider, kraut).await), "it answered GLOBAL_MAX_CONCURRENT_REQ");
        assert_eq!(asked(3), 3, "and no more");
        vies.behave(ViesBehaviour::Fails(200, "MS_UNAVAILABLE"));
        check(&provider, kraut).await;
        assert_eq!(asked(6), 1, "a register that is away stays away for a while");
        vies.behave(ViesBehaviour::NoRequester);
        let checked = check(&provider, kraut).await;
        assert_eq!(checked.evidence.unwrap().consultation, "");
        assert_eq!(asked(7), 2);
    }

    async fn a_number_that_is_changed_meanwhile_is_not_marked(kind) {
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Require).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        vies.behave(ViesBehaviour::Slow(Duration::from_millis(300)));
        let (app, staff) = (provider.app.clone(), provider.staff());
        let asking = tokio::spawn(async move { app.check_vat_number(&staff, kraut).await });
        while vies.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut changed = known(&provider, kraut).await;
        changed.party.vat_number = OTHER_DE.to_owned();
        provider.app.change_customer(provider.id(), Actor::Cli, changed).await.unwrap();
        let checked = asking.await.unwrap().unwrap();
        assert!(!checked.is_current);
        assert_eq!(checked.evidence.unwrap().number, DE);
        let after = known(&provider, kraut).await;
        assert_eq!((after.vat_number_status, after.vat_checked_at), (NumberStatus::Unchecked, None));
        provider.assert_well().await;
    }

    async fn many_who_ask_at_once_write_one_event(kind) {
        const CALLERS: usize = 16;
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Trust).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        vies.behave(ViesBehaviour::Invalid);
        let calls = (0..CALLERS).map(|_| {
            let (app, staff) = (provider.app.clone(), provider.staff());
            tokio::spawn(async move { app.check_vat_number(&staff, kraut).await.unwrap() })
        });
        let mut became_invalid = 0;
        for call in calls.collect::<Vec<_>>() {
            let checked = call.await.unwrap();
            assert_eq!(checked.status, NumberStatus::Invalid);
            became_invalid += usize::from(checked.became_invalid);
        }
        let evidence = provider.app.vat_checks_of(&provider.staff(), kraut, 100).await.unwrap();
        assert_eq!((became_invalid, told_of(&provider, kraut).await.len(), evidence.len()), (1, 1, CALLERS));
        provider.assert_well().await;
    }

    async fn only_what_is_due_is_checked_again_and_the_oldest_first(kind) {
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Trust).await;
        let anna = provider.customer("Anna Ek").await;
        let alps = company(&provider, "Alpen AG", "CHE107787577MWST").await;
        let (german, french) = (company(&provider, "Kraut GmbH", DE).await, company(&provider, "Chou SARL", "FR40303265045").await);
        let (greek, dutch) = (company(&provider, "Elia AE", "EL094259216").await, company(&provider, "Kaas BV", "NL004495445B01").await);
        let visit = |day: Date| provider.set_day(day);
        visit(date(2026, 11, 20));
        check(&provider, french).await;
        visit(date(2026, 11, 10));
        check(&provider, german).await;
        visit(TODAY);
        let asked = vies.numbers().len();
        let pass = check_due(&provider).await;
        assert_eq!((pass.valid, pass.invalid, pass.unanswered, &pass.end), (2, 0, 0, &VatPassEnd::Done));
        assert_eq!(vies.numbers()[asked..], ["EL094259216", "NL004495445B01"], "the ones that never were");
        assert_eq!(check_due(&provider).await, VatPass::default(), "nothing is left");

        // Ninety days later all of them are old, and one is gone.
        visit(date(2027, 2, 19));
        vies.behave_for("EL094259216", ViesBehaviour::Invalid);
        let asked = vies.numbers().len();
        let pass = check_due(&provider).await;
        assert_eq!(vies.numbers()[asked..], [DE, "FR40303265045"], "those of 23 November are ninety days old on the 21st");
        visit(date(2027, 2, 22));
        let pass = (pass, check_due(&provider).await);
        assert_eq!((pass.0.valid, pass.1.valid, pass.1.invalid), (2, 1, 1));
        assert_eq!(pass.1.became_invalid, [greek]);
        assert_eq!(told_of(&provider, greek).await.len(), 1);
        assert_eq!(told_of(&provider, dutch).await.len(), 0);
        for never in [anna, alps] {
            assert_eq!(known(&provider, never).await.vat_checked_at, None);
        }
        let staff = provider.staff();
        let refused = provider.app.check_vat_number(&staff, alps).await.unwrap_err();
        assert_snapshot!(refused, @"`vat_number` cannot be checked, only those of the EU and of Northern Ireland can: CHE107787577MWST");
        assert_snapshot!(provider.app.check_vat_number(&staff, anna).await.unwrap_err(), @"`vat_number` is missing");
        let gone = provider.app.check_vat_number(&staff, CustomerId(9_999)).await;
        assert!(matches!(gone, Err(AppError::NotFound("Customer"))));
        let stranger = Caller { customer: Some(anna), ..staff };
        assert!(matches!(provider.app.check_vat_number(&stranger, greek).await, Err(AppError::NotFound("Customer"))));
        provider.assert_well().await;
    }

    async fn a_pass_leaves_a_silent_country_alone_and_ends_when_vies_is_away(kind) {
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Trust).await;
        let numbers = ["DE136695976", "DE811569869", "DE129273398", "DE136695976", "DE811569869"];
        for number in numbers {
            company(&provider, "Kraut GmbH", number).await;
            vies.behave_for(number, ViesBehaviour::Fails(200, "MS_UNAVAILABLE"));
        }
        let french = company(&provider, "Chou SARL", "FR40303265045").await;
        let pass = check_due(&provider).await;
        assert_eq!((pass.valid, pass.unanswered, &pass.end), (1, 5, &VatPassEnd::Done));
        assert_eq!(vies.requests().len(), COUNTRY_FAILURES_TO_SKIP as usize + 1);
        assert_eq!(status(&provider, french).await, NumberStatus::Valid);

        // What was not answered is due the next time.
        for number in numbers {
            vies.behave_for(number, ViesBehaviour::Fails(403, "IP_BLOCKED"));
        }
        company(&provider, "Senf KG", "ATU13585627").await;
        let asked = vies.requests().len();
        let pass = check_due(&provider).await;
        assert_eq!(pass.end, VatPassEnd::Away("it answered IP_BLOCKED".to_owned()));
        assert_eq!(vies.requests().len() - asked, VIES_FAILURES_TO_STOP as usize);
        let stop = tokio::sync::watch::channel(true).1;
        let stopped = provider.app.check_due_vat_numbers(&provider.staff(), stop, |_| {}).await.unwrap();
        assert_eq!(stopped.end, VatPassEnd::Stopped);

        for number in numbers {
            vies.behave_for(number, ViesBehaviour::Valid("---", "---"));
        }
        assert_eq!(check_due(&provider).await.valid, 6);
        provider.assert_well().await;
    }

    async fn the_server_checks_what_is_due_once_a_day_from_nine_on(kind) {
        let vies = TestVies::start().await;
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Require).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        let early = TODAY.at(8, 59, 0, 0).to_zoned(provider.seller.time_zone.clone()).unwrap();
        for (now, is_checked) in [(early.timestamp(), false), (provider.app.clock.now(), true)] {
            provider.app.clock.set(now);
            let (told, stop) = tokio::sync::watch::channel(false);
            let schedule = start_schedule(&provider.app, stop);
            for _ in 0..100 {
                if status(&provider, kraut).await == NumberStatus::Valid {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(if is_checked { 50 } else { 3 })).await;
            }
            told.send_replace(true);
            schedule.await.unwrap();
            assert_eq!(status(&provider, kraut).await == NumberStatus::Valid, is_checked);
        }
        assert_eq!(vies.numbers(), [DE]);
        let actor = provider.database.sql("select actor from audit where action = 'vat_number.checked'").unwrap();
        assert_eq!(actor.trim(), "schedule");
        provider.assert_well().await;
    }

    async fn a_run_waits_for_no_vies(kind) {
        let vies = TestVies::start().await;
        vies.behave(ViesBehaviour::Slow(Duration::from_secs(60)));
        let provider = provider_asking(kind, &vies, VatNumberPolicy::Trust).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        sold(&provider, kraut).await;
        provider.set_day(date(2026, 11, 24));
        let (told, stop) = tokio::sync::watch::channel(false);
        let schedule = start_schedule(&provider.app, stop);
        for _ in 0..100 {
            if !ledger_of(&provider).await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        told.send_replace(true);
        schedule.await.unwrap();
        assert!(ledger_of(&provider).await.contains("AE 0 %"));
        assert_eq!(status(&provider, kraut).await, NumberStatus::Unchecked);
        provider.assert_well().await;
    }

    async fn without_an_address_it_says_what_to_configure(kind) {
        let provider = Provider::new(kind).await;
        let kraut = company(&provider, "Kraut GmbH", DE).await;
        let refused = provider.app.check_vat_number(&provider.staff(), kraut).await.unwrap_err();
        assert_snapshot!(refused, @r#"
        VAT numbers are not checked; to check them, set url in the section vat_checks of perennial.toml:

        [vat_checks]
        url = "https://ec.europa.eu/taxation_customs/vies/rest-api"
        "#);
    }
}
