//! The outbox: what waits, who takes it, what came of it.

use jiff::{Timestamp, ToSpan as _};
use perennial_billing::{CustomerId, InvoiceId, OutboxId};
use perennial_store::deliveries::{self, Delivery, DeliveryOutcome};
use perennial_store::outbox::{self, Mail, MailBacklog, MailFilter, MailKind, MailState, Tried};
use perennial_store::{StoreError, customers, invoices, mail_templates};
use perennial_testkit::on_both_databases;

use crate::shop::{ASTRID, Shop, at, customer, noon};

const BERTIL: CustomerId = CustomerId(8);

/// A shop with one invoice of Astrid's, a second customer, and the outbox emptied.
async fn quiet(kind: perennial_testkit::Kind) -> (Shop, InvoiceId) {
    let shop = Shop::new(kind).await;
    let invoice = shop.renew().await.id;
    shop.meddle("delete from outbox");
    let mut tx = shop.begin().await;
    customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
    tx.commit().await.unwrap();
    (shop, invoice)
}

/// Queues a mail for each of these customers, a second apart.
async fn queue(shop: &Shop, invoice: InvoiceId, customers: &[CustomerId]) {
    for (place, customer) in (0..).zip(customers) {
        let mut tx = shop.begin().await;
        outbox::queue_invoice_mails(&mut tx, shop.id(), &[(invoice, *customer)], noon() + place.seconds())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

async fn claim(shop: &Shop, node: &str, now: Timestamp, limit: i64) -> Vec<Mail> {
    let mut tx = shop.begin().await;
    let mails = outbox::claim(&mut tx, node, now, now + 1.minute(), limit).await.unwrap();
    tx.commit().await.unwrap();
    mails
}

fn ids(mails: &[Mail]) -> Vec<i64> {
    mails.iter().map(|mail| mail.id.0).collect()
}

fn tried(shop: &Shop, mail: &Mail, state: MailState, next: Timestamp) -> Tried {
    let outcome = match state {
        MailState::Sent => DeliveryOutcome::Accepted,
        MailState::Queued => DeliveryOutcome::Deferred,
        MailState::Failed | MailState::CalledOff => DeliveryOutcome::Refused,
    };
    let attempt = mail.attempts + 1;
    let delivery = |email: &str, is_copy, outcome| Delivery {
        mail: mail.id,
        attempt,
        email: email.to_owned(),
        is_copy,
        outcome,
        reply: format!("{} said", outcome.as_str()),
        at: noon() + 1.hour(),
    };
    Tried {
        seller: shop.id(),
        mail: mail.id,
        state,
        attempts: attempt,
        next_attempt_at: next,
        reason: if state == MailState::Sent { String::new() } else { "says no".to_owned() },
        deliveries: vec![
            delivery("astrid@example.com", false, outcome),
            delivery("books@example.com", true, DeliveryOutcome::Accepted),
        ],
    }
}

async fn record(shop: &Shop, node: &str, what: &[Tried]) {
    let mut tx = shop.begin().await;
    outbox::record(&mut tx, node, what, noon() + 1.hour()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn get(shop: &Shop, id: i64) -> Mail {
    outbox::get(&mut shop.read().await, shop.id(), OutboxId(id)).await.unwrap().unwrap()
}

on_both_databases! {
    async fn a_renewal_queues_its_mail_and_more_can_follow(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        let later = at("2026-12-01T00:00:00.000001Z");
        let both = [(invoice.id, ASTRID), (invoice.id, ASTRID)];
        let mut tx = shop.begin().await;
        outbox::queue_invoice_mails(&mut tx, shop.id(), &both, later).await.unwrap();
        outbox::queue_invoice_mails(&mut tx, shop.id(), &[], later).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let mail = |id, created_at| Mail {
            seller: shop.id(),
            id: OutboxId(id),
            kind: MailKind::Invoice,
            customer: ASTRID,
            invoice: Some(invoice.id),
            campaign: None,
            state: MailState::Queued,
            attempts: 0,
            attempts_before: 0,
            created_at,
            next_attempt_at: created_at,
            message_id: String::new(),
            settled_at: None,
            reason: String::new(),
        };
        let mails = outbox::mails_of(&mut conn, shop.id(), invoice.id).await.unwrap();
        assert_eq!(mails, [mail(1, noon()), mail(2, later), mail(3, later)]);
        assert_eq!(outbox::mails_of(&mut conn, shop.id(), InvoiceId(99)).await.unwrap(), []);
    }

    async fn a_mail_that_was_sent_no_longer_waits(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        shop.meddle("update outbox set state = 'sent', attempts = 1");
        assert_eq!(outbox::mails_of(&mut shop.read().await, shop.id(), invoice.id).await.unwrap(), []);
    }

    async fn a_mail_without_its_invoice_cannot_be_committed(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        outbox::queue_invoice_mails(&mut tx, shop.id(), &[(InvoiceId(99), ASTRID)], noon()).await.unwrap();
        let error = tx.commit().await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        assert_eq!(outbox::mails_of(&mut shop.read().await, shop.id(), InvoiceId(99)).await.unwrap(), []);
    }

    async fn what_is_due_is_claimed_once_in_the_order_in_which_it_was_queued(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID, BERTIL, ASTRID, BERTIL]).await;
        assert_eq!(claim(&shop, "a", noon() - 1.second(), 10).await, []);
        assert_eq!(ids(&claim(&shop, "a", noon() + 2.seconds(), 2).await), [2, 3]);
        // What follows for the same customers waits for what is under way.
        assert_eq!(claim(&shop, "b", noon() + 30.seconds(), 10).await, []);
        // A lease that is over is anybody's, and what comes first goes first.
        assert_eq!(ids(&claim(&shop, "b", noon() + 2.minutes(), 10).await), [2, 3]);
    }

    async fn what_follows_goes_when_what_came_first_is_settled(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID, ASTRID, BERTIL]).await;
        let first = claim(&shop, "a", noon() + 1.minute(), 1).await;
        let other = claim(&shop, "b", noon() + 1.minute(), 10).await;
        assert_eq!(ids(&other), [4], "another customer does not wait");
        record(&shop, "b", &[tried(&shop, &other[0], MailState::Sent, noon())]).await;
        let put_off = tried(&shop, &first[0], MailState::Queued, noon() + 2.hours());
        record(&shop, "a", &[put_off]).await;
        assert_eq!(claim(&shop, "a", noon() + 65.minutes(), 10).await, []);
        let again = claim(&shop, "a", noon() + 2.hours(), 1).await;
        assert_eq!((ids(&again), again[0].attempts), (vec![2], 1));
        record(&shop, "a", &[tried(&shop, &again[0], MailState::Sent, noon())]).await;
        assert_eq!(ids(&claim(&shop, "a", noon() + 2.hours(), 1).await), [3]);
    }

    async fn what_is_held_stays_held_and_what_is_given_back_is_anybodys(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID, BERTIL]).await;
        assert_eq!(claim(&shop, "a", noon() + 1.minute(), 10).await.len(), 2);
        let mut tx = shop.begin().await;
        outbox::hold(&mut tx, "a", noon() + 10.minutes()).await.unwrap();
        outbox::hold(&mut tx, "b", noon() + 20.minutes()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&shop, "b", noon() + 9.minutes(), 10).await, []);
        let mut tx = shop.begin().await;
        outbox::release(&mut tx, "b", &[(shop.id(), OutboxId(2))]).await.unwrap();
        outbox::release(&mut tx, "a", &[(shop.id(), OutboxId(3))]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ids(&claim(&shop, "b", noon() + 9.minutes(), 10).await), [3]);
    }

    async fn a_message_id_is_given_once(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID]).await;
        let mut mail = claim(&shop, "a", noon(), 1).await.remove(0);
        for name in ["<first@norrsken.example>", "<second@norrsken.example>"] {
            mail.message_id = name.to_owned();
            let mut tx = shop.begin().await;
            outbox::name_messages(&mut tx, &[&mail]).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(get(&shop, 2).await.message_id, "<first@norrsken.example>");
        assert_eq!(claim(&shop, "b", noon() + 5.minutes(), 1).await[0].message_id, "<first@norrsken.example>");
    }

    async fn what_a_try_came_to_is_kept_address_by_address(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID, BERTIL]).await;
        let mails = claim(&shop, "a", noon() + 1.minute(), 10).await;
        let what = [
            tried(&shop, &mails[0], MailState::Sent, noon()),
            tried(&shop, &mails[1], MailState::Failed, noon()),
        ];
        record(&shop, "a", &what).await;
        // Told twice, it is the same.
        record(&shop, "a", &what).await;
        let sent = get(&shop, 2).await;
        let settled = Some(noon() + 1.hour());
        assert_eq!((sent.state, sent.attempts, sent.settled_at, &*sent.reason), (MailState::Sent, 1, settled, ""));
        let failed = get(&shop, 3).await;
        assert_eq!((failed.state, failed.settled_at, &*failed.reason), (MailState::Failed, settled, "says no"));
        let mut conn = shop.read().await;
        let found = deliveries::of_mails(&mut conn, shop.id(), &[OutboxId(2), OutboxId(3)]).await.unwrap();
        assert_eq!(found, [what[0].deliveries.clone(), what[1].deliveries.clone()].concat());
        let bad = deliveries::bad_addresses(&mut conn, shop.id(), noon(), 10).await.unwrap();
        assert_eq!(bad.len(), 1);
        assert_eq!((bad[0].customer, &bad[0].delivery), (BERTIL, &what[1].deliveries[0]));
        assert_eq!(deliveries::bad_addresses(&mut conn, shop.id(), noon() + 2.hours(), 10).await.unwrap(), []);
    }

    async fn sent_is_sent_whoever_says_otherwise_later(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID, BERTIL]).await;
        let mails = claim(&shop, "a", noon() + 1.minute(), 10).await;
        // Node a is slow; node b takes over and is refused; then a tells that it had sent it.
        assert_eq!(claim(&shop, "b", noon() + 5.minutes(), 10).await.len(), 2);
        record(&shop, "a", &[tried(&shop, &mails[0], MailState::Queued, noon() + 1.hour())]).await;
        assert_eq!(get(&shop, 2).await.attempts, 0, "it is b's now");
        record(&shop, "a", &[tried(&shop, &mails[0], MailState::Sent, noon())]).await;
        record(&shop, "b", &[tried(&shop, &mails[0], MailState::Failed, noon())]).await;
        assert_eq!(get(&shop, 2).await.state, MailState::Sent);
        // One that was called off meanwhile did go out.
        shop.meddle("update outbox set state = 'called_off' where id = 3");
        record(&shop, "b", &[tried(&shop, &mails[1], MailState::Queued, noon() + 1.hour())]).await;
        assert_eq!(get(&shop, 3).await.state, MailState::CalledOff);
        record(&shop, "b", &[tried(&shop, &mails[1], MailState::Sent, noon())]).await;
        assert_eq!(get(&shop, 3).await.state, MailState::Sent);
    }

    async fn what_was_given_up_can_be_tried_again_and_what_waits_called_off(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID, BERTIL, ASTRID]).await;
        let mails = claim(&shop, "a", noon() + 1.minute(), 2).await;
        record(&shop, "a", &[tried(&shop, &mails[0], MailState::Failed, noon())]).await;
        let later = noon() + 3.hours();
        let mut tx = shop.begin().await;
        assert!(!outbox::call_off(&mut tx, shop.id(), OutboxId(3), later).await.unwrap(), "it is being sent");
        assert!(outbox::call_off(&mut tx, shop.id(), OutboxId(4), later).await.unwrap());
        assert!(!outbox::call_off(&mut tx, shop.id(), OutboxId(4), later).await.unwrap());
        assert_eq!(outbox::retry(&mut tx, shop.id(), Some(&[OutboxId(3), OutboxId(4)]), later).await.unwrap(), 0);
        assert_eq!(outbox::retry(&mut tx, shop.id(), None, later).await.unwrap(), 1);
        assert_eq!(outbox::retry(&mut tx, shop.id(), Some(&[OutboxId(2)]), later).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let again = get(&shop, 2).await;
        assert_eq!((again.state, again.attempts, again.attempts_before), (MailState::Queued, 1, 1));
        assert_eq!((again.next_attempt_at, again.settled_at), (later, None));
        assert_eq!(get(&shop, 4).await.state, MailState::CalledOff);
    }

    async fn mails_are_listed_by_state_by_invoice_and_by_page(kind) {
        let (shop, invoice) = quiet(kind).await;
        queue(&shop, invoice, &[ASTRID, BERTIL, ASTRID, BERTIL, ASTRID]).await;
        shop.meddle("update outbox set state = 'sent' where id = 3");
        shop.meddle("update outbox set state = 'failed' where id in (4, 5)");
        let mut conn = shop.read().await;
        for (state, invoice, before, limit, expected) in [
            (None, None, i64::MAX, 10, vec![6, 5, 4, 3, 2]),
            (None, None, 5, 2, vec![4, 3]),
            (Some(MailState::Queued), None, i64::MAX, 10, vec![6, 2]),
            (Some(MailState::Failed), None, i64::MAX, 1, vec![5]),
            (Some(MailState::Sent), None, i64::MAX, 10, vec![3]),
            (Some(MailState::CalledOff), None, i64::MAX, 10, vec![]),
            (None, Some(invoice), 6, 2, vec![5, 4]),
            (Some(MailState::Failed), Some(invoice), i64::MAX, 10, vec![5, 4]),
            (None, Some(InvoiceId(99)), i64::MAX, 10, vec![]),
        ] {
            let filter = MailFilter { state, invoice };
            let page = outbox::page(&mut conn, shop.id(), filter, OutboxId(before), limit).await.unwrap();
            assert_eq!(ids(&page), expected, "{filter:?} before {before}");
        }
        let backlog = outbox::backlog(&mut conn, Some(shop.id()), noon()).await.unwrap();
        assert_eq!(backlog, MailBacklog { due: 1, later: 1, failed: 2, oldest: Some(noon()) });
        assert_eq!(outbox::backlog(&mut conn, None, noon() - 1.hour()).await.unwrap().oldest, None);
    }

    async fn a_reminder_and_a_bounce_are_kept(kind) {
        let (shop, invoice) = quiet(kind).await;
        let mut tx = shop.begin().await;
        let id = outbox::queue_reminder(&mut tx, shop.id(), (invoice, ASTRID), noon()).await.unwrap();
        tx.commit().await.unwrap();
        let mail = claim(&shop, "a", noon(), 10).await.remove(0);
        assert_eq!((mail.id, mail.kind), (id, MailKind::Reminder));
        record(&shop, "a", &[tried(&shop, &mail, MailState::Sent, noon())]).await;
        let came_back = Delivery {
            mail: id,
            attempt: 1,
            email: "astrid@example.com".to_owned(),
            is_copy: false,
            outcome: DeliveryOutcome::Bounced,
            reply: "550 no such user".to_owned(),
            at: noon() + 2.hours(),
        };
        let mut tx = shop.begin().await;
        deliveries::add(&mut tx, &[(shop.id(), &came_back), (shop.id(), &came_back)]).await.unwrap();
        tx.commit().await.unwrap();
        let known = deliveries::of_mails(&mut shop.read().await, shop.id(), &[id]).await.unwrap();
        assert_eq!(known.len(), 3);
        assert_eq!(known[1], came_back, "beside what was accepted first");
    }

    async fn an_invoice_that_somebody_was_sent_or_is_about_to_be_is_not_voided(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await.id;
        let may_be = async |shop: &Shop| {
            let mut tx = shop.begin().await;
            let may_be = invoices::may_be_voided(&mut tx, shop.id(), invoice).await.unwrap();
            // What it holds is let go before the next step.
            tx.commit().await.unwrap();
            may_be
        };
        assert!(may_be(&shop).await);
        let mails = claim(&shop, "a", noon(), 10).await;
        assert!(!may_be(&shop).await, "it is being sent");
        let mut tx = shop.begin().await;
        outbox::release(&mut tx, "a", &[(shop.id(), mails[0].id)]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(may_be(&shop).await, "nothing was done with it");
        let mails = claim(&shop, "a", noon(), 10).await;
        record(&shop, "a", &[tried(&shop, &mails[0], MailState::Queued, noon())]).await;
        assert!(!may_be(&shop).await, "nobody knows what the other side has of it");
    }

    async fn templates_are_kept_by_name(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        mail_templates::put(&mut tx, shop.id(), "invoice.txt", "Hej", noon()).await.unwrap();
        mail_templates::put(&mut tx, shop.id(), "invoice.html", "<p>Hej", noon()).await.unwrap();
        mail_templates::put(&mut tx, shop.id(), "invoice.txt", "Hej då", noon()).await.unwrap();
        let two = |html: &str| {
            vec![("invoice.html".to_owned(), html.to_owned()), ("invoice.txt".to_owned(), "Hej då".to_owned())]
        };
        assert_eq!(mail_templates::all(&mut tx, shop.id()).await.unwrap(), two("<p>Hej"));
        assert!(mail_templates::remove(&mut tx, shop.id(), "invoice.html").await.unwrap());
        assert!(!mail_templates::remove(&mut tx, shop.id(), "invoice.html").await.unwrap());
        assert_eq!(mail_templates::all(&mut tx, shop.id()).await.unwrap(), two("")[1..]);
    }
}
