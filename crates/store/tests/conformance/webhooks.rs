//! Who is told what happens, and what is on its way to them.

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{EventId, InvoiceId, SellerId, WebhookId};
use perennial_store::events::{self, EventType, NewEvent};
use perennial_store::webhook_deliveries::{self, DeliveryState, Told, WebhookDelivery};
use perennial_store::webhooks::{self, Webhook};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ODD_TEXTS, Shop, noon, seller};

fn webhook(id: i64, events: &str) -> Webhook {
    Webhook {
        seller: SellerId(1),
        id: WebhookId(id),
        url: "https://hooks.example/".to_owned(),
        description: String::new(),
        events: events.to_owned(),
        is_enabled: true,
        disabled_at: None,
        disabled_reason: String::new(),
        failing_since: None,
        previous_until: None,
        created_at: noon(),
        version: 1,
    }
}

async fn put(shop: &Shop, webhook: &Webhook) {
    let mut tx = shop.begin().await;
    webhooks::insert(&mut tx, webhook, "c2VjcmV0").await.unwrap();
    tx.commit().await.unwrap();
}

/// Something happens to each of these invoices.
async fn happens(shop: &Shop, name: EventType, invoices: &[i64]) {
    let mut tx = shop.begin().await;
    let new: Vec<NewEvent> = invoices.iter().map(|id| NewEvent::of_invoice(name, InvoiceId(*id))).collect();
    events::insert(&mut tx, shop.id(), &new, noon()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn claimed(shop: &Shop, id: i64, node: &str, now: Timestamp, limit: i64) -> Vec<i64> {
    let mut tx = shop.begin().await;
    let until = now + SignedDuration::from_secs(60);
    let place = (shop.id(), WebhookId(id));
    let claimed = webhook_deliveries::claim(&mut tx, place, node, now, until, limit).await.unwrap();
    tx.commit().await.unwrap();
    claimed.into_iter().map(|delivery| delivery.event.0).collect()
}

fn told(event: i64, state: DeliveryState, next: Timestamp) -> Told {
    Told {
        event: EventId(event),
        round: 1,
        state,
        attempts: 1,
        first_attempt_at: noon(),
        next_attempt_at: next,
        status: Some(200),
        milliseconds: 7,
        reason: String::new(),
    }
}

async fn record(shop: &Shop, id: i64, node: &str, told: &[Told]) {
    let mut tx = shop.begin().await;
    webhook_deliveries::record(&mut tx, (shop.id(), WebhookId(id)), node, told, noon()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn page(shop: &Shop, id: i64, state: Option<DeliveryState>) -> Vec<WebhookDelivery> {
    let place = (shop.id(), WebhookId(id));
    webhook_deliveries::page(&mut shop.read().await, place, state, None, 100).await.unwrap()
}

async fn ids(shop: &Shop, id: i64, state: DeliveryState) -> Vec<i64> {
    page(shop, id, Some(state)).await.into_iter().map(|delivery| delivery.event.0).collect()
}

async fn listening(kind: Kind, events: &str) -> Shop {
    let shop = Shop::bare(kind).await;
    put(&shop, &webhook(1, events)).await;
    shop
}

on_both_databases! {
    async fn a_webhook_is_read_as_it_was_written_without_its_secret(kind) {
        let shop = Shop::bare(kind).await;
        for (id, text) in (1..).zip(ODD_TEXTS) {
            let odd = Webhook { url: text.to_owned(), description: text.to_owned(), ..webhook(id, "*") };
            put(&shop, &odd).await;
            assert_eq!(webhooks::get(&mut shop.read().await, shop.id(), odd.id).await.unwrap(), Some(odd));
        }
        let mut changed = webhook(1, "invoice.paid");
        changed.is_enabled = false;
        changed.disabled_at = Some(noon());
        changed.disabled_reason = "why".to_owned();
        let mut tx = shop.begin().await;
        webhooks::change(&mut tx, &changed).await.unwrap();
        changed.version = 2;
        assert_eq!(webhooks::hold(&mut tx, shop.id(), changed.id).await.unwrap(), Some(changed));
        tx.commit().await.unwrap();
        let all = webhooks::all(&mut shop.read().await, shop.id()).await.unwrap();
        assert_eq!(all.len(), ODD_TEXTS.len());
        assert_eq!(webhooks::all(&mut shop.read().await, SellerId(2)).await.unwrap(), []);
        assert_eq!(webhooks::get(&mut shop.read().await, SellerId(2), WebhookId(1)).await.unwrap(), None);
    }

    async fn the_secret_before_the_present_one_signs_until_its_time_is_over(kind) {
        let shop = listening(kind, "*").await;
        let secrets = async |at| webhooks::secrets(&mut shop.read().await, shop.id(), WebhookId(1), at).await.unwrap().0;
        assert_eq!(secrets(noon()).await, ["c2VjcmV0"]);
        let hour = SignedDuration::from_hours(1);
        let mut tx = shop.begin().await;
        webhooks::rotate(&mut tx, shop.id(), WebhookId(1), "bmV3", Some(noon() + hour)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(secrets(noon()).await, ["bmV3", "c2VjcmV0"]);
        assert_eq!(secrets(noon() + hour).await, ["bmV3"]);
        let mut tx = shop.begin().await;
        webhooks::rotate(&mut tx, shop.id(), WebhookId(1), "bmV3ZXI=", None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(secrets(noon()).await, ["bmV3ZXI="]);
    }

    async fn an_event_is_queued_for_those_who_want_it(kind) {
        let shop = listening(kind, "*").await;
        put(&shop, &webhook(2, "invoice.issued invoice.paid")).await;
        put(&shop, &webhook(3, "invoice.voided")).await;
        put(&shop, &Webhook { is_enabled: false, ..webhook(4, "*") }).await;
        shop.open_for(&seller(2)).await;
        put(&shop, &Webhook { seller: SellerId(2), ..webhook(5, "*") }).await;
        happens(&shop, EventType::InvoicePaid, &[1, 2]).await;
        happens(&shop, EventType::InvoiceVoided, &[1]).await;
        let queued = shop.look("select webhook_id, event_id from webhook_deliveries order by webhook_id, event_id");
        assert_eq!(queued, ["1|1", "1|2", "1|3", "2|1", "2|2", "3|3"]);
        let waiting = webhooks::waiting(&mut shop.read().await, noon()).await.unwrap();
        assert_eq!(waiting.iter().map(|(_, id)| id.0).collect::<Vec<_>>(), [1, 2, 3]);
        let early = noon() - SignedDuration::from_secs(1);
        assert_eq!(webhooks::waiting(&mut shop.read().await, early).await.unwrap(), []);
    }

    async fn an_issued_invoice_is_told_with_it(kind) {
        let shop = Shop::new(kind).await;
        put(&shop, &webhook(1, "*")).await;
        shop.renew().await;
        let told = shop.look("select name, subject, subject_id, data from events");
        assert_eq!(told, ["invoice.issued|invoice|1|{}"]);
        assert_eq!(page(&shop, 1, Some(DeliveryState::Queued)).await.len(), 1);
    }

    async fn for_each_thing_only_its_first_event_is_taken_and_by_one_node(kind) {
        let shop = listening(kind, "*").await;
        happens(&shop, EventType::InvoiceIssued, &[1, 2, 3]).await;
        happens(&shop, EventType::InvoicePaid, &[1, 2]).await;
        assert_eq!(claimed(&shop, 1, "a", noon(), 2).await, [1, 2]);
        assert_eq!(claimed(&shop, 1, "b", noon(), 10).await, [3]);
        assert_eq!(claimed(&shop, 1, "b", noon(), 10).await, [0; 0]);
        // Invoice 2 is put off; what comes after it waits.
        let later = noon() + SignedDuration::from_secs(5);
        let tries = [told(1, DeliveryState::Delivered, noon()), told(2, DeliveryState::Queued, later)];
        record(&shop, 1, "a", &tries).await;
        assert_eq!(claimed(&shop, 1, "a", noon(), 10).await, [4]);
        assert_eq!(claimed(&shop, 1, "a", later, 10).await, [2]);
        record(&shop, 1, "a", &[told(2, DeliveryState::Failed, later)]).await;
        assert_eq!(claimed(&shop, 1, "b", later, 10).await, [4, 5], "who is given up holds nobody up");
    }

    async fn what_a_dead_node_held_is_taken_by_another_and_taken_stays_taken(kind) {
        let shop = listening(kind, "*").await;
        happens(&shop, EventType::InvoiceIssued, &[1, 2]).await;
        assert_eq!(claimed(&shop, 1, "a", noon(), 10).await, [1, 2]);
        let minute = noon() + SignedDuration::from_secs(60);
        assert_eq!(claimed(&shop, 1, "b", minute, 10).await, [1, 2]);
        // The one that was thought dead says what it did.
        record(&shop, 1, "a", &[told(1, DeliveryState::Delivered, noon()), told(2, DeliveryState::Failed, noon())]).await;
        assert_eq!(ids(&shop, 1, DeliveryState::Delivered).await, [1]);
        assert_eq!(ids(&shop, 1, DeliveryState::Queued).await, [2]);
        record(&shop, 1, "b", &[told(1, DeliveryState::Failed, noon()), told(2, DeliveryState::Delivered, noon())]).await;
        assert_eq!(ids(&shop, 1, DeliveryState::Delivered).await, [2, 1]);
    }

    async fn what_was_not_tried_is_given_back_at_once(kind) {
        let shop = listening(kind, "*").await;
        happens(&shop, EventType::InvoiceIssued, &[1, 2]).await;
        assert_eq!(claimed(&shop, 1, "a", noon(), 10).await, [1, 2]);
        record(&shop, 1, "a", &[told(1, DeliveryState::Delivered, noon())]).await;
        assert_eq!(claimed(&shop, 1, "b", noon(), 10).await, [2]);
    }

    async fn a_disabled_webhook_gives_up_what_waits_and_remembers_why(kind) {
        let shop = listening(kind, "*").await;
        happens(&shop, EventType::InvoiceIssued, &[1, 2]).await;
        assert_eq!(claimed(&shop, 1, "a", noon(), 1).await, [1]);
        record(&shop, 1, "a", &[told(1, DeliveryState::Delivered, noon())]).await;
        let mut tx = shop.begin().await;
        webhooks::mark_failing(&mut tx, shop.id(), WebhookId(1), Some(noon())).await.unwrap();
        assert!(webhooks::disable(&mut tx, shop.id(), WebhookId(1), "silence", noon()).await.unwrap());
        assert!(!webhooks::disable(&mut tx, shop.id(), WebhookId(1), "again", noon()).await.unwrap());
        tx.commit().await.unwrap();
        let found = webhooks::get(&mut shop.read().await, shop.id(), WebhookId(1)).await.unwrap().unwrap();
        assert_eq!((found.is_enabled, found.disabled_at, found.disabled_reason.as_str()), (false, Some(noon()), "silence"));
        assert_eq!(found.failing_since, Some(noon()));
        assert_eq!(ids(&shop, 1, DeliveryState::Failed).await, [2]);
        assert_eq!(webhook_deliveries::counts(&mut shop.read().await, shop.id(), WebhookId(1)).await.unwrap(), (0, 1));
        assert_eq!(webhooks::waiting(&mut shop.read().await, noon()).await.unwrap(), []);
    }

    async fn what_happened_is_told_again_from_an_event_on(kind) {
        let shop = listening(kind, "invoice.issued").await;
        happens(&shop, EventType::InvoiceIssued, &[1, 2, 3]).await;
        happens(&shop, EventType::InvoicePaid, &[1]).await;
        happens(&shop, EventType::InvoiceIssued, &[4]).await;
        assert_eq!(claimed(&shop, 1, "a", noon(), 10).await, [1, 2, 3, 5]);
        let all = [1, 2, 3, 5].map(|event| told(event, DeliveryState::Delivered, noon()));
        record(&shop, 1, "a", &all).await;
        let place = (shop.id(), WebhookId(1));
        let mut tx = shop.begin().await;
        let again = webhook_deliveries::replay(&mut tx, place, (EventId(2), EventId(5)), noon()).await.unwrap();
        assert_eq!(again, 3, "what it does not want is left out");
        tx.commit().await.unwrap();
        assert_eq!(ids(&shop, 1, DeliveryState::Queued).await, [5, 3, 2]);
        // The end of a try that began before does not count for it.
        record(&shop, 1, "a", &all).await;
        assert_eq!(ids(&shop, 1, DeliveryState::Queued).await, [5, 3, 2]);
        let mut tx = shop.begin().await;
        let unwanted = webhook_deliveries::again(&mut tx, place, EventId(4), noon()).await.unwrap();
        assert_eq!((unwanted.event, unwanted.state, unwanted.attempts), (EventId(4), DeliveryState::Queued, 0));
        tx.commit().await.unwrap();
        assert_eq!(page(&shop, 1, None).await.len(), 5);
    }

    async fn what_is_settled_is_forgotten_when_it_is_old(kind) {
        let shop = listening(kind, "*").await;
        happens(&shop, EventType::InvoiceIssued, &[1, 2, 3]).await;
        assert_eq!(claimed(&shop, 1, "a", noon(), 2).await, [1, 2]);
        let tries = [told(1, DeliveryState::Delivered, noon()), told(2, DeliveryState::Failed, noon())];
        record(&shop, 1, "a", &tries).await;
        let forget = async |before, limit| {
            let mut tx = shop.begin().await;
            let forgotten = webhook_deliveries::forget(&mut tx, before, limit).await.unwrap();
            tx.commit().await.unwrap();
            forgotten
        };
        assert_eq!(forget(noon(), 10).await, 0);
        let after = noon() + SignedDuration::from_secs(1);
        assert_eq!(forget(after, 1).await, 1);
        assert_eq!(forget(after, 10).await, 1);
        assert_eq!(page(&shop, 1, None).await.len(), 1, "what waits is not forgotten");
        let mut tx = shop.begin().await;
        webhooks::remove(&mut tx, shop.id(), WebhookId(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(shop.look_number("select count(*) from webhook_deliveries"), 0);
        assert_eq!(shop.look_number("select count(*) from events"), 3);
    }
}
