//! The outbox.

use perennial_billing::{InvoiceId, OutboxId};
use perennial_store::StoreError;
use perennial_store::outbox::{self, QueuedMail};
use perennial_testkit::on_both_databases;

use crate::shop::{Shop, at, noon};

on_both_databases! {
    async fn a_renewal_queues_its_mail_and_more_can_follow(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await;
        let later = at("2026-12-01T00:00:00.000001Z");
        let mut tx = shop.begin().await;
        outbox::queue_invoice_mails(&mut tx, shop.id(), &[invoice.id, invoice.id], later).await.unwrap();
        outbox::queue_invoice_mails(&mut tx, shop.id(), &[], later).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = shop.read().await;
        let mail = |id, created_at| QueuedMail { id: OutboxId(id), invoice: invoice.id, created_at };
        let mails = outbox::mails_of(&mut conn, shop.id(), invoice.id).await.unwrap();
        assert_eq!(mails, [mail(1, noon()), mail(2, later), mail(3, later)]);
        assert_eq!(outbox::mails_of(&mut conn, shop.id(), InvoiceId(99)).await.unwrap(), []);
    }

    async fn a_new_mail_is_due_at_once_and_was_never_tried(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        let queued =
            "select count(*) from outbox where state = 'queued' and attempts = 0 and next_attempt_at = created_at";
        assert_eq!(shop.look_number(queued), 1);
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
        outbox::queue_invoice_mails(&mut tx, shop.id(), &[InvoiceId(99)], noon()).await.unwrap();
        let error = tx.commit().await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        assert_eq!(outbox::mails_of(&mut shop.read().await, shop.id(), InvoiceId(99)).await.unwrap(), []);
    }
}
