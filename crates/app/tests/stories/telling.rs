//! What happened is told to who listens: signed, in order for each thing, until it is taken or three days are over.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::SignedDuration;
use jiff::civil::date;
use perennial_app::{
    Actor, App, AppError, CreatedWebhook, Mailer, NewWebhook, Outcome, Random, ReplayFrom, Stop, Wanted, WebhookChange,
    WebhookConfig, WebhookSender, WebhookTimes, start_webhooks,
};
use perennial_billing::{InvoiceId, ServiceId, WebhookId};
use perennial_store::events::EventType;
use perennial_store::sellers;
use perennial_store::webhook_deliveries::DeliveryState;
use perennial_testkit::{
    Guard, Kind, MailServer, Provider, Received, ReceiverBehaviour, TestReceiver, on_both_databases,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::outcome;

/// For how long something is waited for that comes at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a receiver may take.
const ANSWER: Duration = Duration::from_secs(2);

/// Sends to this machine, and does not make a test wait.
fn config() -> WebhookConfig {
    let times = WebhookTimes {
        answer: ANSWER,
        poll: Duration::from_millis(10),
        lease: Duration::from_secs(20),
        rest: Duration::from_micros(20),
        notice: Duration::from_millis(20),
    };
    WebhookConfig { private_networks: vec!["127.0.0.0/8".parse().unwrap()], certificates: None, times }
}

async fn provider(kind: Kind) -> Provider {
    let mut provider = Provider::new(kind).await;
    provider.app = provider.app.with_webhooks(WebhookSender::new(&config()).unwrap());
    provider
}

/// A node that sends webhooks.
struct Node {
    stop: watch::Sender<bool>,
    sending: JoinHandle<()>,
}

fn node(app: &App) -> Node {
    let (stop, told): (_, Stop) = watch::channel(false);
    Node { stop, sending: start_webhooks(app, told).expect("somebody sends") }
}

impl Node {
    async fn end(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.sending).await.expect("it stops").unwrap();
    }
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it happens soon");
}

async fn listens(provider: &Provider, receiver: &TestReceiver, events: Wanted) -> CreatedWebhook {
    let new = NewWebhook { url: receiver.url(), description: "the panel".to_owned(), events };
    provider.app.create_webhook(&provider.staff(), new).await.unwrap()
}

async fn sold(provider: &Provider, name: &str) -> ServiceId {
    let customer = provider.customer(name).await;
    let product = provider.product("Web hosting", "100.00").await;
    provider.service(customer, product, date(2026, 12, 1)).await
}

async fn renewed(provider: &Provider, service: ServiceId) -> InvoiceId {
    match outcome(provider.app.renew(&provider.staff(), &[service]).await) {
        Outcome::Renewed(renewed) => renewed.invoice.id,
        other => panic!("{other:?}"),
    }
}

/// What came, a line each: what it tells of which thing.
fn lines(messages: &[Received]) -> String {
    let line = |message: &Received| {
        let json = message.json();
        let about =
            json["data"].as_object().unwrap().values().find_map(|thing| thing["id"].as_str().map(str::to_owned));
        format!("{} {} {}", message.id, message.name(), about.unwrap_or_default())
    };
    messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Deliveries, oldest first: event, state, tries and why.
async fn stands(provider: &Provider, webhook: WebhookId) -> String {
    let mut page = provider.app.webhook_deliveries(&provider.staff(), webhook, None, None, 100).await.unwrap();
    page.reverse();
    let line = |shown: &perennial_app::ShownDelivery| {
        let delivery = &shown.delivery;
        format!("{} {} {} {}", shown.event.name, delivery.state.as_str(), delivery.attempts, delivery.reason)
    };
    page.iter().map(|shown| line(shown).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

async fn queued(provider: &Provider, webhook: WebhookId) -> i64 {
    provider.app.webhook(&provider.staff(), webhook).await.unwrap().queued
}

/// Tries that are written down.
async fn tries(provider: &Provider, webhook: WebhookId) -> i64 {
    let page = provider.app.webhook_deliveries(&provider.staff(), webhook, None, None, 100).await.unwrap();
    page.iter().map(|shown| shown.delivery.attempts).sum()
}

fn pass(provider: &Provider, time: SignedDuration) {
    provider.app.clock.set(provider.app.clock.now() + time);
}

on_both_databases! {
    async fn the_panel_hears_that_anna_has_paid(kind) {
        let provider = provider(kind).await;
        let service = sold(&provider, "Anna Ek").await;
        let receiver = TestReceiver::start().await;
        let hook = listens(&provider, &receiver, Wanted::All).await;
        assert!(hook.secret.starts_with("whsec_") && hook.secret.len() > 40, "{}", hook.secret.len());
        let few = TestReceiver::start().await;
        listens(&provider, &few, Wanted::Only(vec![EventType::ServiceRenewed, EventType::CreditNoteIssued])).await;
        let node = node(&provider.app);
        let invoice = renewed(&provider, service).await;
        until(async || receiver.taken().len() == 1).await;
        provider.settle(invoice).await;
        until(async || receiver.taken().len() == 4 && few.taken().len() == 1).await;
        let mut taken = receiver.taken();
        taken.sort_by_key(|message| message.id.clone());
        assert_snapshot!(lines(&taken), @"
        evt_3 invoice.issued inv_1
        evt_4 invoice.paid inv_1
        evt_5 service.renewed svc_1
        evt_6 payment.recorded pay_1
        ");
        let told = taken.iter().find(|message| message.name() == "invoice.issued").unwrap();
        assert_snapshot!(serde_json::to_string_pretty(&told.json()).unwrap(), @r#"
        {
          "data": {
            "invoice": {
              "correctsId": null,
              "customerId": "cus_1",
              "dueOn": "2026-12-07",
              "id": "inv_1",
              "issuedOn": "2026-11-23",
              "kind": "invoice",
              "number": "202600001",
              "open": {
                "amount": "125.00",
                "currency": "SEK"
              },
              "status": "issued",
              "total": {
                "amount": "125.00",
                "currency": "SEK"
              }
            }
          },
          "timestamp": "2026-11-23T11:00:00.000Z",
          "type": "invoice.issued"
        }
        "#);
        let told = few.taken().remove(0);
        assert_snapshot!(serde_json::to_string_pretty(&told.json()).unwrap(), @r#"
        {
          "data": {
            "invoiceId": "inv_1",
            "paidThrough": "2027-01-01",
            "service": {
              "billedThrough": "2027-01-01",
              "customerId": "cus_1",
              "endsOn": null,
              "id": "svc_1",
              "label": "vps.example.net",
              "paidThrough": "2027-01-01",
              "productId": "prd_1",
              "status": "active"
            }
          },
          "timestamp": "2026-11-23T11:00:00.000Z",
          "type": "service.renewed"
        }
        "#);
        for message in &taken {
            assert!(message.signature.starts_with("v1,"), "{}", message.signature);
        }
        // It is the same for all who hear it.
        assert!(taken.iter().any(|one| one.id == told.id && one.body == told.body));
        node.end().await;
        assert_eq!(queued(&provider, hook.webhook.id).await, 0);
        provider.assert_well().await;
    }

    async fn one_that_is_not_taken_holds_up_its_own_service_and_no_other(kind) {
        let provider = provider(kind).await;
        let receiver = TestReceiver::start().await;
        let (anna, bo) = (sold(&provider, "Anna Ek").await, sold(&provider, "Bo Ek").await);
        let hook = listens(&provider, &receiver, Wanted::All).await.webhook.id;
        let annas = format!("\"svc_{anna}\"");
        receiver.behave_for(&annas, ReceiverBehaviour::Answer(500));
        let node = node(&provider.app);
        let staff = provider.staff();
        for service in [anna, bo] {
            provider.app.set_auto_renew(&staff, service, false, None).await.unwrap();
            provider.app.set_auto_renew(&staff, service, true, None).await.unwrap();
        }
        until(async || tries(&provider, hook).await == 3).await;
        assert_snapshot!(stands(&provider, hook).await, @"
        service.changed queued 1 500 Internal Server Error: not today
        service.changed queued 0
        service.changed delivered 1
        service.changed delivered 1
        ");
        // Five seconds later it is tried again, and half a minute after that.
        pass(&provider, SignedDuration::from_secs(6));
        until(async || tries(&provider, hook).await == 4).await;
        receiver.behave_for(&annas, ReceiverBehaviour::Take);
        pass(&provider, SignedDuration::from_secs(34));
        until(async || queued(&provider, hook).await == 0).await;
        assert_snapshot!(stands(&provider, hook).await, @"
        service.changed delivered 3
        service.changed delivered 1
        service.changed delivered 1
        service.changed delivered 1
        ");
        let of_anna = receiver.received().into_iter().filter(|message| message.body.contains(&annas));
        assert_snapshot!(lines(&of_anna.collect::<Vec<_>>()), @"
        evt_5 service.changed svc_1
        evt_5 service.changed svc_1
        evt_5 service.changed svc_1
        evt_6 service.changed svc_1
        ");
        node.end().await;
        provider.assert_well().await;
    }

    async fn whatever_a_receiver_does_wrong_the_message_is_kept(kind) {
        let provider = provider(kind).await;
        let service = sold(&provider, "Anna Ek").await;
        let receiver = TestReceiver::start().await;
        let hook = listens(&provider, &receiver, Wanted::All).await.webhook.id;
        receiver.behave(ReceiverBehaviour::Answer(500));
        let node = node(&provider.app);
        let mut told = Vec::new();
        renewed(&provider, service).await;
        for behaviour in [
            ReceiverBehaviour::Answer(500),
            ReceiverBehaviour::Answer(302),
            ReceiverBehaviour::Answer(404),
            ReceiverBehaviour::Slow(ANSWER * 3),
            ReceiverBehaviour::HangUp,
        ] {
            receiver.behave(behaviour);
            pass(&provider, SignedDuration::from_mins(30));
            let before = i64::try_from(told.len()).unwrap();
            until(async || tries(&provider, hook).await > before).await;
            told.push(stands(&provider, hook).await);
        }
        assert_snapshot!(told.join("\n"), @"
        invoice.issued queued 1 500 Internal Server Error: not today
        invoice.issued queued 2 302 Found: messages do not follow to another address
        invoice.issued queued 3 404 Not Found: not today
        invoice.issued queued 4 no answer in time: operation timed out
        invoice.issued queued 5 no answer: connection closed before message completed
        ");
        let failing = provider.app.webhook(&provider.staff(), hook).await.unwrap().webhook.failing_since;
        assert!(failing.is_some());
        receiver.behave(ReceiverBehaviour::Take);
        pass(&provider, SignedDuration::from_hours(2));
        until(async || queued(&provider, hook).await == 0).await;
        let webhook = provider.app.webhook(&provider.staff(), hook).await.unwrap().webhook;
        assert!(webhook.is_enabled && webhook.failing_since.is_none());
        // Each try was by the same name and to the byte.
        let received = receiver.received();
        assert!(received.iter().all(|one| one.id == received[0].id && one.body == received[0].body));
        node.end().await;
        provider.assert_well().await;
    }

    async fn after_three_days_nobody_is_told_any_more_and_another_webhook_tells_so(kind) {
        let provider = provider(kind).await;
        let service = sold(&provider, "Anna Ek").await;
        let (gone, watch) = (TestReceiver::start().await, TestReceiver::start().await);
        let hook = listens(&provider, &gone, Wanted::All).await.webhook.id;
        listens(&provider, &watch, Wanted::Only(vec![EventType::WebhookDisabled])).await;
        gone.behave(ReceiverBehaviour::HangUp);
        pass(&provider, SignedDuration::from_secs(1));
        let began = provider.app.clock.now();
        let node = node(&provider.app);
        let invoice = renewed(&provider, service).await;
        // Nobody looks for a while, and nothing is lost.
        let is_enabled = async || provider.app.webhook(&provider.staff(), hook).await.unwrap().webhook.is_enabled;
        while is_enabled().await {
            let tried = gone.received().len();
            pass(&provider, SignedDuration::from_hours(1));
            assert!(provider.app.clock.now().duration_since(began) < SignedDuration::from_hours(90), "three days and some hours");
            let _ = tokio::time::timeout(Duration::from_millis(100), async {
                while gone.received().len() == tried && is_enabled().await {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
        }
        let hours = provider.app.clock.now().duration_since(began).as_hours();
        assert!((60..=90).contains(&hours), "{hours}");
        until(async || watch.taken().len() == 1).await;
        let told = watch.taken().remove(0).json();
        assert_eq!(told["data"]["webhook"], serde_json::json!({ "id": "whk_1", "description": "the panel" }));
        assert!(told["data"]["reason"].as_str().unwrap().starts_with("nothing was taken for 3 days: no answer"), "{told}");
        // What happens now is not for it, until it is enabled and asks for what it has missed.
        provider.settle(invoice).await;
        assert_eq!(queued(&provider, hook).await, 0);
        let staff = provider.staff();
        let refused = provider.app.replay(&staff, hook, ReplayFrom::Instant(began)).await;
        assert!(matches!(refused, Err(AppError::Conflict(_))));
        gone.behave(ReceiverBehaviour::Take);
        let change = WebhookChange { is_enabled: Some(true), ..WebhookChange::default() };
        provider.app.change_webhook(&staff, hook, change).await.unwrap();
        let replayed = provider.app.replay(&staff, hook, ReplayFrom::Instant(began)).await.unwrap();
        assert_eq!((replayed.queued, replayed.next), (5, None));
        until(async || gone.taken().len() == 5).await;
        let mut taken = gone.taken();
        taken.sort_by_key(|message| message.id.clone());
        assert_snapshot!(lines(&taken), @"
        evt_3 invoice.issued inv_1
        evt_4 webhook.disabled whk_1
        evt_5 invoice.paid inv_1
        evt_6 service.renewed svc_1
        evt_7 payment.recorded pay_1
        ");
        node.end().await;
        provider.assert_well().await;
    }

    async fn one_message_that_is_never_taken_does_not_silence_the_others(kind) {
        let provider = provider(kind).await;
        let receiver = TestReceiver::start().await;
        let (anna, bo) = (sold(&provider, "Anna Ek").await, sold(&provider, "Bo Ek").await);
        let hook = listens(&provider, &receiver, Wanted::All).await.webhook.id;
        receiver.behave_for(&format!("\"svc_{anna}\""), ReceiverBehaviour::Answer(500));
        let node = node(&provider.app);
        let staff = provider.staff();
        provider.app.set_auto_renew(&staff, anna, false, None).await.unwrap();
        until(async || tries(&provider, hook).await == 1).await;
        let failed = async || provider.app.webhook(&staff, hook).await.unwrap().failed;
        let mut is_on = false;
        while failed().await == 0 {
            // Something about Bo is taken, and then it is tried again to tell of Anna, again and again.
            let taken = receiver.taken().len();
            provider.app.set_auto_renew(&staff, bo, is_on, None).await.unwrap();
            is_on = !is_on;
            until(async || receiver.taken().len() > taken && provider.app.webhook(&staff, hook).await.unwrap().queued <= 1).await;
            let before = tries(&provider, hook).await;
            pass(&provider, SignedDuration::from_hours(9));
            until(async || tries(&provider, hook).await > before).await;
        }
        let webhook = provider.app.webhook(&staff, hook).await.unwrap().webhook;
        assert!(webhook.is_enabled, "{}", webhook.disabled_reason);
        // What comes after it is told.
        receiver.behave_for(&format!("\"svc_{anna}\""), ReceiverBehaviour::Take);
        provider.app.set_auto_renew(&staff, anna, true, None).await.unwrap();
        until(async || queued(&provider, hook).await == 0).await;
        assert_eq!(failed().await, 1);
        node.end().await;
        provider.assert_well().await;
    }

    async fn a_receiver_that_is_gone_for_good_says_so(kind) {
        let provider = provider(kind).await;
        let service = sold(&provider, "Anna Ek").await;
        let receiver = TestReceiver::start().await;
        let hook = listens(&provider, &receiver, Wanted::All).await.webhook.id;
        receiver.behave(ReceiverBehaviour::Answer(410));
        let node = node(&provider.app);
        renewed(&provider, service).await;
        until(async || !provider.app.webhook(&provider.staff(), hook).await.unwrap().webhook.is_enabled).await;
        let webhook = provider.app.webhook(&provider.staff(), hook).await.unwrap().webhook;
        assert_eq!(webhook.disabled_reason, "the receiver answers that it is gone (410)");
        assert_snapshot!(stands(&provider, hook).await, @"invoice.issued failed 1 410 Gone: not today");
        node.end().await;
    }

    async fn the_sellers_people_get_a_mail_about_it(kind) {
        let Some(post) = MailServer::start(Guard::Open) else { return };
        let mut provider = provider(kind).await;
        let mut seller = sellers::get(&mut provider.read().await, provider.id()).await.unwrap().unwrap();
        seller.party.email = "drift@norrsken.example".to_owned();
        provider.app.change_seller(Actor::Cli, &seller).await.unwrap();
        provider.app = provider.app.with_mailer(Mailer::new(&post.config(), Random::System).unwrap());
        let service = sold(&provider, "Anna Ek").await;
        let receiver = TestReceiver::start().await;
        listens(&provider, &receiver, Wanted::All).await;
        receiver.behave(ReceiverBehaviour::Answer(410));
        let node = node(&provider.app);
        renewed(&provider, service).await;
        until(async || !post.taken().is_empty()).await;
        node.end().await;
        assert_eq!(post.recipients(), ["drift@norrsken.example"]);
        let mail = String::from_utf8(post.bytes(&post.taken()[0])).unwrap();
        assert!(mail.contains("Subject: Webhook 1 is disabled"), "{mail}");
        assert!(mail.contains("perennial webhook replay 1 --from 2026-11-23T11:00:00Z"), "{mail}");
    }

    async fn one_event_can_be_sent_again_and_a_test_at_any_time(kind) {
        let provider = provider(kind).await;
        let service = sold(&provider, "Anna Ek").await;
        let receiver = TestReceiver::start().await;
        let hook = listens(&provider, &receiver, Wanted::Only(vec![EventType::InvoicePaid])).await.webhook.id;
        let staff = provider.staff();
        let node = node(&provider.app);
        let invoice = renewed(&provider, service).await;
        let issued = provider.told_of("invoice", invoice.0).await.remove(0);
        provider.app.redeliver(&staff, hook, issued.id).await.unwrap();
        until(async || receiver.taken().len() == 1).await;
        provider.app.redeliver(&staff, hook, issued.id).await.unwrap();
        until(async || receiver.taken().len() == 2).await;
        let taken = receiver.taken();
        assert_eq!((&taken[0].id, &taken[0].body), (&taken[1].id, &taken[1].body));
        let tried = provider.app.test_webhook(&staff, hook).await.unwrap();
        assert!(tried.is_taken() && tried.reason.is_empty());
        let last = receiver.taken().pop().unwrap();
        assert_eq!((last.name().as_str(), &last.json()["data"]["webhook"]["id"]), ("webhook.test", &"whk_1".into()));
        receiver.behave(ReceiverBehaviour::Answer(503));
        let tried = provider.app.test_webhook(&staff, hook).await.unwrap();
        assert_eq!((tried.status, tried.reason.as_str()), (Some(503), "503 Service Unavailable: not today"));
        let unknown = provider.app.redeliver(&staff, WebhookId(9), issued.id).await;
        assert!(matches!(unknown, Err(AppError::NotFound("Webhook"))));
        assert!(matches!(
            provider.app.redeliver(&staff, hook, perennial_billing::EventId(9_999)).await,
            Err(AppError::NotFound("Event"))
        ));
        node.end().await;
    }

    async fn a_new_secret_and_the_old_one_sign_together_for_a_while(kind) {
        let provider = provider(kind).await;
        let receiver = TestReceiver::start().await;
        let hook = listens(&provider, &receiver, Wanted::All).await;
        let staff = provider.staff();
        let id = hook.webhook.id;
        let signatures = async || {
            provider.app.test_webhook(&staff, id).await.unwrap();
            receiver.taken().pop().unwrap().signature.split(' ').count()
        };
        assert_eq!(signatures().await, 1);
        let rotated = provider.app.rotate_webhook(&staff, id, SignedDuration::from_hours(24)).await.unwrap();
        assert_ne!(rotated.secret, hook.secret);
        assert_eq!(signatures().await, 2);
        pass(&provider, SignedDuration::from_hours(25));
        assert_eq!(signatures().await, 1);
        provider.app.rotate_webhook(&staff, id, SignedDuration::ZERO).await.unwrap();
        assert_eq!(signatures().await, 1);
        let too_long = provider.app.rotate_webhook(&staff, id, SignedDuration::from_hours(721)).await;
        assert!(matches!(too_long, Err(AppError::Invalid(_))));
    }

    async fn nobody_looks_into_the_providers_network_by_a_webhook(kind) {
        let provider = provider(kind).await;
        let receiver = TestReceiver::start().await;
        let hook = listens(&provider, &receiver, Wanted::All).await.webhook.id;
        let staff = provider.staff();
        // Another configuration reaches the public Internet alone, also where a name leads elsewhere.
        let strict = Provider::new(kind).await;
        let app = strict.app.clone().with_webhooks(WebhookSender::new(&WebhookConfig { private_networks: Vec::new(), ..config() }).unwrap());
        let port = receiver.address.port();
        for url in [receiver.url(), format!("https://127.0.0.1:{port}/"), format!("https://[::1]:{port}/"), "https://10.0.0.7/".to_owned()] {
            let new = NewWebhook { url: url.clone(), description: String::new(), events: Wanted::All };
            assert!(matches!(app.create_webhook(&strict.staff(), new).await, Err(AppError::Invalid(_))), "{url}");
        }
        let named = NewWebhook { url: format!("https://localhost:{port}/"), description: String::new(), events: Wanted::All };
        let named = app.create_webhook(&strict.staff(), named).await.unwrap().webhook.id;
        let tried = app.test_webhook(&strict.staff(), named).await.unwrap();
        assert!(!tried.is_taken() && tried.reason.contains("is a private address"), "{}", tried.reason);
        // One that was made when it was allowed.
        let later = provider.app.clone().with_webhooks(WebhookSender::new(&WebhookConfig { private_networks: Vec::new(), ..config() }).unwrap());
        let tried = later.test_webhook(&staff, hook).await.unwrap();
        assert!(!tried.is_taken() && tried.reason.contains("must begin with https://"), "{}", tried.reason);
        assert!(receiver.received().is_empty());
    }

    async fn what_is_not_paid_in_time_is_told_once(kind) {
        let provider = provider(kind).await;
        let service = sold(&provider, "Anna Ek").await;
        let paid = sold(&provider, "Bo Ek").await;
        let seller = provider.id();
        assert_eq!(provider.app.tell_overdue(seller).await.unwrap(), 0);
        let invoice = renewed(&provider, service).await;
        let settled = renewed(&provider, paid).await;
        provider.settle(settled).await;
        for (day, overdue) in [(7, 0), (8, 1), (8, 0), (9, 0)] {
            provider.set_day(date(2026, 12, day));
            assert_eq!(provider.app.tell_overdue(seller).await.unwrap(), overdue, "{day}");
        }
        let of_invoice = provider.told_of("invoice", invoice.0).await;
        let names: Vec<&str> = of_invoice.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, ["invoice.issued", "invoice.overdue"]);
        let of_service = provider.told_of("service", service.0).await;
        let last = of_service.last().unwrap();
        assert_eq!((last.name.as_str(), last.invoice), ("service.overdue", Some(invoice)));
        assert!(provider.told_of("invoice", settled.0).await.iter().all(|event| event.name != "invoice.overdue"));
        provider.assert_well().await;
    }

    async fn two_nodes_tell_everything_once_and_in_order(kind) {
        let provider = provider(kind).await;
        let receiver = TestReceiver::start().await;
        let mut services = Vec::new();
        for nth in 0..6 {
            services.push(sold(&provider, &format!("Customer {nth}")).await);
        }
        let hook = listens(&provider, &receiver, Wanted::All).await.webhook.id;
        let other = provider.second_node().await.with_webhooks(WebhookSender::new(&config()).unwrap());
        let nodes = [node(&provider.app), node(&other)];
        let staff = provider.staff();
        for turn in 0..20 {
            for service in &services {
                provider.app.set_auto_renew(&staff, *service, turn % 2 == 1, None).await.unwrap();
            }
        }
        until(async || queued(&provider, hook).await == 0).await;
        for node in nodes {
            node.end().await;
        }
        let received = receiver.received();
        assert_eq!(received.len(), 120);
        for service in services {
            let own = format!("\"svc_{service}\"");
            let ids: Vec<u64> = received
                .iter()
                .filter(|message| message.body.contains(&own))
                .map(|message| message.id.trim_start_matches("evt_").parse().unwrap())
                .collect();
            assert!(ids.len() == 20 && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        }
    }

    async fn what_was_settled_long_ago_is_forgotten_and_the_events_stay(kind) {
        let provider = provider(kind).await;
        let service = sold(&provider, "Anna Ek").await;
        let receiver = TestReceiver::start().await;
        let hook = listens(&provider, &receiver, Wanted::All).await.webhook.id;
        let node = node(&provider.app);
        let invoice = renewed(&provider, service).await;
        until(async || queued(&provider, hook).await == 0).await;
        node.end().await;
        pass(&provider, SignedDuration::from_hours(29 * 24));
        assert_eq!(provider.app.forget_deliveries().await.unwrap(), 0);
        pass(&provider, SignedDuration::from_hours(2 * 24));
        provider.settle(invoice).await;
        assert_eq!(provider.app.forget_deliveries().await.unwrap(), 1);
        let left = provider.app.webhook_deliveries(&provider.staff(), hook, None, None, 10).await.unwrap();
        assert!(left.iter().all(|shown| shown.delivery.state == DeliveryState::Queued), "{left:?}");
        assert_eq!(provider.told_of("invoice", invoice.0).await.len(), 2);
    }

    async fn a_webhook_wants_an_address_and_events_and_there_are_not_too_many(kind) {
        let provider = provider(kind).await;
        let receiver = TestReceiver::start().await;
        let staff = provider.staff();
        let new = |url: &str, events: Wanted| NewWebhook { url: url.to_owned(), description: String::new(), events };
        for (url, events) in [
            ("", Wanted::All),
            ("ftp://hooks.example/", Wanted::All),
            ("https://name:word@hooks.example/", Wanted::All),
            ("https://hooks.example/", Wanted::Only(Vec::new())),
            (&format!("https://hooks.example/{}", "x".repeat(1_000)), Wanted::All),
        ] {
            assert!(matches!(provider.app.create_webhook(&staff, new(url, events)).await, Err(AppError::Invalid(_))), "{url}");
        }
        for _ in 0..20 {
            listens(&provider, &receiver, Wanted::All).await;
        }
        let one_more = provider.app.create_webhook(&staff, new("https://hooks.example/", Wanted::All)).await;
        assert!(matches!(one_more, Err(AppError::Conflict(_))));
        provider.app.remove_webhook(&staff, WebhookId(1)).await.unwrap();
        assert!(matches!(provider.app.webhook(&staff, WebhookId(1)).await, Err(AppError::NotFound(_))));
        assert_eq!(provider.app.webhooks(&staff).await.unwrap().len(), 19);
        let stale = WebhookChange { description: Some("x".to_owned()), expected: Some(7), ..WebhookChange::default() };
        assert!(matches!(provider.app.change_webhook(&staff, WebhookId(2), stale).await, Err(AppError::Changed)));
    }
}
