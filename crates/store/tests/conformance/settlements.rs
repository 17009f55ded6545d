//! What takes something off what is to be paid, and what becomes of periods and services then.

use jiff::civil::{Date, date};
use perennial_billing::ledger::{Account, Source};
use perennial_billing::renewal::Plan;
use perennial_billing::{
    Currency, CustomerId, DocumentKind, InvoiceId, LatePayment, Money, Moved, Period, PeriodNumber, Schedule, SellerId,
    ServiceId,
};
use perennial_store::documents::NewDocument;
use perennial_store::invoices::{self, InvoiceStatus};
use perennial_store::payments::Payment;
use perennial_store::renewals::NewInvoice;
use perennial_store::services::{self, Service};
use perennial_store::settlements::{self, BilledPeriod, OpenInvoice, SettledBy, Settlement};
use perennial_store::{StoreError, changes, customers, events, ledger};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ANCHOR, ASTRID, FAR_DAYS, SERVER, Shop, TODAY, at, customer, cycle, document, noon, sek, service};

const BERTIL: CustomerId = CustomerId(8);
const JANUARY: Date = Date::constant(2027, 1, 1);
const FEBRUARY: Date = Date::constant(2027, 2, 1);

/// An invoice by hand that asks for this much with tax, due on a day.
fn due_on(due_on: Date, total: i64) -> NewDocument {
    let mut new = document(DocumentKind::Invoice, total);
    new.due_on = due_on;
    new.amounts.tax = Money::zero(sek());
    new.amounts.tax_groups[0].tax = Money::zero(sek());
    new.amounts.total = new.amounts.net;
    new
}

/// Services 1 to 4 of Astrid's: 1 and 2 are billed by invoice 1 together, 3 by invoice 2, 4 by invoice 3.
async fn four_services(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    shop.put_services(&[1, 2, 3, 4].map(|id| service(id, ASTRID, SERVER))).await;
    let [one, two, three, four] =
        <[NewInvoice; 4]>::try_from(shop.planned(&[1, 2, 3, 4].map(ServiceId)).await).unwrap();
    let versions = [one.versions.clone(), two.versions].concat();
    let plan = Plan::together(vec![one.plan.clone(), two.plan]).unwrap();
    let together = NewInvoice { plan, versions, ..one };
    shop.write(&[together, three, four]).await.unwrap();
    shop
}

impl Shop {
    async fn hold_all(&self, ids: &[i64]) -> Vec<OpenInvoice> {
        let ids: Vec<InvoiceId> = ids.iter().copied().map(InvoiceId).collect();
        settlements::hold(&mut self.begin().await, self.id(), &ids).await.unwrap()
    }

    /// Takes an amount off an invoice, in a transaction of its own.
    async fn settle_part(&self, invoice: InvoiceId, minor: i64, by: SettledBy, source: Option<i64>) -> (i64, bool) {
        let mut tx = self.begin().await;
        let open = settlements::hold(&mut tx, self.id(), &[invoice]).await.unwrap().remove(0);
        let amount = Money::new(minor, open.open.currency);
        let settled = settlements::settle(&mut tx, self.id(), &open, amount, by, source, noon()).await.unwrap();
        tx.commit().await.unwrap();
        settled
    }

    /// What follows when the last of these invoices is paid.
    async fn after_payment(&self, invoices: &[i64]) {
        let invoices: Vec<InvoiceId> = invoices.iter().copied().map(InvoiceId).collect();
        let mut tx = self.begin().await;
        settlements::paid(&mut tx, self.id(), &invoices, noon()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn service(&self, id: i64) -> Service {
        services::get(&mut self.read().await, self.id(), ServiceId(id)).await.unwrap().unwrap()
    }

    async fn periods_of(&self, invoice: i64) -> Vec<BilledPeriod> {
        settlements::periods(&mut self.read().await, self.id(), InvoiceId(invoice)).await.unwrap()
    }

    /// Everything that was told, by subject, but that invoices were issued.
    fn told(&self) -> Vec<String> {
        self.look(
            "select name, subject, subject_id, invoice_id, data from events where name <> 'invoice.issued' \
                order by subject, subject_id, id",
        )
    }
}

fn open(id: i64, minor: i64, due_on: Date) -> OpenInvoice {
    OpenInvoice { id: InvoiceId(id), customer: ASTRID, open: Money::new(minor, sek()), due_on, is_deposit: false }
}

// What is to be paid.

on_both_databases! {
    async fn what_a_customer_has_to_pay_is_listed_the_oldest_due_first(kind) {
        let shop = Shop::new(kind).await;
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
        tx.commit().await.unwrap();
        let euro: Currency = "EUR".parse().unwrap();
        let mut in_euro = due_on(FAR_DAYS[0], 100);
        for money in [&mut in_euro.amounts.net, &mut in_euro.amounts.tax, &mut in_euro.amounts.rounding, &mut in_euro.amounts.total] {
            money.currency = euro;
        }
        let bertils = NewDocument { customer: customer(BERTIL.0, "Bertil Berg"), ..due_on(FAR_DAYS[0], 100) };
        let deposit = NewDocument { kind: DocumentKind::Deposit, ..due_on(FAR_DAYS[0], 100) };
        let note = NewDocument { kind: DocumentKind::CreditNote, ..due_on(FAR_DAYS[0], 100) };
        let (early, late) = (date(2026, 12, 1), date(2026, 12, 2));
        for new in [due_on(late, 1), due_on(early, 2), due_on(FAR_DAYS[6], 3), due_on(early, 4), due_on(FAR_DAYS[0], 0), in_euro, bertils, deposit, note] {
            shop.issue(&new).await;
        }
        shop.settle_part(InvoiceId(4), 3, SettledBy::Payment, Some(1)).await;
        let of = async |customer, currency| {
            settlements::open_of_customer(&mut shop.read().await, shop.id(), customer, currency).await.unwrap()
        };
        let expected = [open(2, 2, early), open(4, 1, early), open(1, 1, late), open(3, 3, FAR_DAYS[6])];
        assert_eq!(of(ASTRID, sek()).await, expected, "what is paid, asks for nothing or is a deposit is left out");
        let in_euro = OpenInvoice { open: Money::new(100, euro), ..open(6, 100, FAR_DAYS[0]) };
        assert_eq!(of(ASTRID, euro).await, [in_euro]);
        let bertils = OpenInvoice { customer: BERTIL, ..open(7, 100, FAR_DAYS[0]) };
        assert_eq!(of(BERTIL, sek()).await, [bertils]);
        assert_eq!(of(CustomerId(99), sek()).await, []);
        let others = settlements::open_of_customer(&mut shop.read().await, SellerId(2), ASTRID, sek()).await.unwrap();
        assert_eq!(others, []);
    }

    async fn what_is_due_by_a_day_is_listed_so_many_at_most(kind) {
        let shop = Shop::new(kind).await;
        let deposit = NewDocument { kind: DocumentKind::Deposit, ..due_on(FAR_DAYS[0], 100) };
        for new in [due_on(JANUARY, 1), due_on(TODAY, 2), due_on(FAR_DAYS[0], 3), due_on(FEBRUARY, 4), deposit] {
            shop.issue(&new).await;
        }
        shop.settle_part(InvoiceId(2), 2, SettledBy::WriteOff, None).await;
        let due = async |day, limit| {
            let found = settlements::due(&mut shop.read().await, shop.id(), day, limit).await.unwrap();
            found.iter().map(|id| id.0).collect::<Vec<_>>()
        };
        assert_eq!(due(FAR_DAYS[6], 9).await, [1, 3, 4]);
        assert_eq!(due(JANUARY, 9).await, [1, 3]);
        assert_eq!(due(date(2026, 12, 31), 9).await, [3]);
        assert_eq!(due(FAR_DAYS[6], 2).await, [1, 3]);
        assert_eq!(settlements::due(&mut shop.read().await, SellerId(2), FAR_DAYS[6], 9).await.unwrap(), []);
    }

    async fn who_holds_invoices_learns_what_is_open(kind) {
        let shop = Shop::new(kind).await;
        shop.renew().await;
        shop.issue(&NewDocument { kind: DocumentKind::Deposit, ..due_on(JANUARY, 100) }).await;
        shop.issue(&due_on(FEBRUARY, 7)).await;
        shop.issue(&due_on(FEBRUARY, 7)).await;
        shop.settle_part(InvoiceId(3), 7, SettledBy::Payment, Some(1)).await;
        shop.settle_part(InvoiceId(4), 6, SettledBy::Payment, Some(2)).await;
        let deposit = OpenInvoice { is_deposit: true, ..open(2, 100, JANUARY) };
        let expected = [open(1, 12_500, date(2026, 12, 3)), deposit, open(4, 1, FEBRUARY)];
        assert_eq!(shop.hold_all(&[4, 99, 2, 3, 1, 1]).await, expected);
        assert_eq!(shop.hold_all(&[]).await, []);
        let mut tx = shop.begin().await;
        settlements::lock(&mut tx, shop.id(), InvoiceId(3)).await.unwrap();
        settlements::lock(&mut tx, shop.id(), InvoiceId(99)).await.unwrap();
        assert_eq!(settlements::hold(&mut tx, SellerId(2), &[InvoiceId(1)]).await.unwrap(), []);
    }

    async fn of_many_who_pay_the_same_invoice_at_once_one_does(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await.id;
        let pay = async || {
            let mut tx = shop.begin().await;
            let Some(open) = settlements::hold(&mut tx, shop.id(), &[invoice]).await.unwrap().pop() else { return 0 };
            let payment = shop.payment(&mut tx, open.open).await;
            settlements::pay_in_full(&mut tx, shop.id(), &[(open, payment)]).await.unwrap();
            tx.commit().await.unwrap();
            1
        };
        let (a, b, c, d) = tokio::join!(pay(), pay(), pay(), pay());
        assert_eq!(a + b + c + d, 1);
        assert_eq!(shop.look("select count(*) from payments"), ["1"]);
        assert_eq!(shop.look("select count(*) from settlements"), ["1"]);
        assert_eq!(shop.look("select open_minor from invoices"), ["0"]);
    }

    async fn parts_of_an_invoice_paid_at_once_are_all_taken_off(kind) {
        let shop = Shop::new(kind).await;
        let invoice = shop.renew().await.id;
        let part = async |source| shop.settle_part(invoice, 2_500, SettledBy::Payment, Some(source)).await.1;
        let (a, b, c, d, e) = tokio::join!(part(1), part(2), part(3), part(4), part(5));
        assert_eq!([a, b, c, d, e].iter().filter(|is_last| **is_last).count(), 1);
        let paid = shop.invoice(invoice).await;
        assert_eq!((paid.open.minor, paid.status), (0, InvoiceStatus::Paid));
    }
}

// Settling.

mod settling {
    use super::*;

    on_both_databases! {
        async fn a_part_leaves_an_invoice_open_and_the_last_closes_it_by_what_it_was(kind) {
            let shop = Shop::new(kind).await;
            let table = [
                (SettledBy::Payment, InvoiceStatus::Paid, Some(noon())),
                (SettledBy::Credit, InvoiceStatus::Paid, Some(noon())),
                (SettledBy::CreditNote, InvoiceStatus::Credited, None),
                (SettledBy::WriteOff, InvoiceStatus::WrittenOff, None),
            ];
            for (by, status, paid_at) in table {
                let invoice = shop.issue(&due_on(JANUARY, 100)).await.id;
                let has_source = matches!(by, SettledBy::Payment | SettledBy::CreditNote);
                let (part, is_last) = shop.settle_part(invoice, 99, by, has_source.then_some(i64::MAX)).await;
                let now = shop.invoice(invoice).await;
                assert_eq!((is_last, now.open.minor, now.status, now.paid_at), (false, 1, InvoiceStatus::Issued, None));
                let (last, is_last) = shop.settle_part(invoice, 1, by, has_source.then_some(7)).await;
                let now = shop.invoice(invoice).await;
                assert_eq!((is_last, now.open.minor, now.status, now.paid_at), (true, 0, status, paid_at), "{by:?}");
                let settlement = |id, source, minor| Settlement {
                    id,
                    invoice,
                    by,
                    source: if has_source { source } else { id },
                    amount: Money::new(minor, sek()),
                    at: noon(),
                };
                let found = settlements::of_invoice(&mut shop.read().await, shop.id(), invoice, sek()).await.unwrap();
                assert_eq!(found, [settlement(part, i64::MAX, 99), settlement(last, 7, 1)]);
                assert_eq!(shop.hold_all(&[invoice.0]).await, []);
            }
            assert_eq!(settlements::of_invoice(&mut shop.read().await, SellerId(2), InvoiceId(1), sek()).await.unwrap(), []);
        }

        async fn who_paid_the_last_decides_how_it_is_closed(kind) {
            let shop = Shop::new(kind).await;
            let table = [
                (SettledBy::Payment, SettledBy::CreditNote, InvoiceStatus::Credited),
                (SettledBy::CreditNote, SettledBy::Payment, InvoiceStatus::Paid),
                (SettledBy::Credit, SettledBy::WriteOff, InvoiceStatus::WrittenOff),
            ];
            for (first, last, status) in table {
                let invoice = shop.issue(&due_on(JANUARY, 100)).await.id;
                shop.settle_part(invoice, 40, first, None).await;
                shop.settle_part(invoice, 60, last, None).await;
                assert_eq!(shop.invoice(invoice).await.status, status);
            }
            let of = [1, 2, 3].map(InvoiceId);
            let by_credit = invoices::paid_from_credit(&mut shop.read().await, shop.id(), &of).await.unwrap();
            assert_eq!(by_credit, [(InvoiceId(3), 40)].into());
        }

        async fn what_a_payment_settled_is_found_by_it(kind) {
            let shop = Shop::new(kind).await;
            for _ in 0..3 {
                shop.issue(&due_on(JANUARY, 100)).await;
            }
            for (invoice, by, source) in [(2, SettledBy::Payment, 7), (1, SettledBy::Payment, 7), (3, SettledBy::Payment, 8), (3, SettledBy::CreditNote, 7)] {
                shop.settle_part(InvoiceId(invoice), 10, by, Some(source)).await;
            }
            let of = async |seller, payment| {
                let found = settlements::of_payment(&mut shop.read().await, seller, payment, sek()).await.unwrap();
                found.iter().map(|settlement| (settlement.invoice.0, settlement.amount.minor)).collect::<Vec<_>>()
            };
            assert_eq!(of(shop.id(), 7).await, [(2, 10), (1, 10)]);
            assert_eq!(of(shop.id(), 8).await, [(3, 10)]);
            assert_eq!((of(shop.id(), 9).await, of(SellerId(2), 7).await), (Vec::new(), Vec::new()));
        }

        async fn no_more_is_taken_off_than_is_open_and_no_less_than_something(kind) {
            let shop = Shop::new(kind).await;
            shop.issue(&due_on(JANUARY, 100)).await;
            for wrong in [101, 0, -1, i64::MIN, i64::MAX] {
                let mut tx = shop.begin().await;
                let open = settlements::hold(&mut tx, shop.id(), &[InvoiceId(1)]).await.unwrap().remove(0);
                let amount = Money::new(wrong, sek());
                let error = settlements::settle(&mut tx, shop.id(), &open, amount, SettledBy::Payment, Some(1), noon()).await;
                assert!(matches!(error, Err(StoreError::Statement(_))), "{wrong}: {error:?}");
            }
            assert_eq!(shop.look("select open_minor, status from invoices"), ["100|issued"]);
            assert_eq!(shop.look("select * from settlements"), [""; 0]);
        }
    }
}

// What follows.

mod following {
    use super::*;

    on_both_databases! {
        async fn what_is_paid_moves_its_periods_and_services_and_is_told_once(kind) {
            let shop = four_services(kind).await;
            shop.after_payment(&[1, 2]).await;
            let periods = "select service_id, state from periods order by service_id";
            assert_eq!(shop.look(periods), ["1|paid", "2|paid", "3|paid", "4|invoiced"]);
            let services = "select id, paid_through, open_invoice_id from services where id < 9 order by id";
            assert_eq!(shop.look(services), ["1|2027-01-01|", "2|2027-01-01|", "3|2027-01-01|", "4|2026-12-01|3"]);
            let expected = [
                "invoice.paid|invoice|1||{}",
                "invoice.paid|invoice|2||{}",
                "service.renewed|service|1|1|{\"paidThrough\":\"2027-01-01\"}",
                "service.renewed|service|2|1|{\"paidThrough\":\"2027-01-01\"}",
                "service.renewed|service|3|2|{\"paidThrough\":\"2027-01-01\"}",
            ];
            assert_eq!(shop.told(), expected);
            let found = events::page(&mut shop.read().await, shop.id(), None, 3).await.unwrap();
            assert_eq!(found.iter().map(|event| event.at).collect::<Vec<_>>(), [noon(), noon(), noon()]);
            let version = shop.look("select id from services where version > 2 order by id");
            assert_eq!(version, ["1", "2", "3"], "whoever planned before sees that they moved");
        }

        async fn of_several_periods_the_last_counts_and_a_service_is_told_of_once(kind) {
            let shop = Shop::new(kind).await;
            shop.renew().await;
            shop.meddle("update services set open_invoice_id = null");
            shop.renew().await;
            shop.after_payment(&[2, 1]).await;
            let server = shop.server().await;
            assert_eq!((server.paid_through, server.billed_through), (Some(FEBRUARY), Some(FEBRUARY)));
            let expected = [
                "invoice.paid|invoice|1||{}",
                "invoice.paid|invoice|2||{}",
                "service.renewed|service|20000|2|{\"paidThrough\":\"2027-02-01\"}",
            ];
            assert_eq!(shop.told(), expected);
        }

        async fn an_earlier_period_that_is_paid_later_sets_nothing_back(kind) {
            let shop = Shop::new(kind).await;
            shop.renew().await;
            shop.meddle("update services set open_invoice_id = null");
            shop.renew().await;
            shop.after_payment(&[2]).await;
            assert_eq!(shop.server().await.paid_through, Some(FEBRUARY));
            shop.after_payment(&[1]).await;
            assert_eq!(shop.server().await.paid_through, Some(FEBRUARY));
            assert_eq!(shop.look("select state from periods"), ["paid", "paid"]);
        }

        async fn a_payment_does_not_close_what_another_invoice_has_open(kind) {
            let shop = Shop::new(kind).await;
            shop.renew().await;
            shop.meddle("update services set open_invoice_id = null");
            shop.renew().await;
            shop.after_payment(&[1]).await;
            assert_eq!(shop.look("select open_invoice_id from services"), ["2"]);
        }

        async fn nothing_is_paid_beyond_what_is_billed(kind) {
            let shop = four_services(kind).await;
            shop.meddle("update services set billed_through = '2026-12-10' where id = 1; \
                update services set billed_through = null, paid_through = null where id = 2");
            shop.after_payment(&[1]).await;
            assert_eq!(shop.service(1).await.paid_through, Some(date(2026, 12, 10)));
            assert_eq!(shop.service(2).await.paid_through, Some(JANUARY));
        }

        async fn what_was_given_back_or_is_free_again_is_not_renewed(kind) {
            let shop = four_services(kind).await;
            let mut tx = shop.begin().await;
            changes::give_back(&mut tx, shop.id(), ServiceId(1), &[(PeriodNumber(0), date(2026, 12, 10))]).await.unwrap();
            tx.commit().await.unwrap();
            let [one, two] = <[BilledPeriod; 2]>::try_from(shop.periods_of(1).await).unwrap();
            assert_eq!((one.is_given_back, two.is_given_back), (true, false));
            let mut tx = shop.begin().await;
            settlements::free(&mut tx, shop.id(), InvoiceId(1), &[two]).await.unwrap();
            tx.commit().await.unwrap();
            shop.after_payment(&[1]).await;
            assert_eq!(shop.told(), ["invoice.paid|invoice|1||{}"]);
            assert_eq!(shop.look("select state from periods where invoice_id = 1 order by service_id"), ["paid", "void"]);
            assert_eq!((shop.service(1).await.paid_through, shop.service(2).await.paid_through), (Some(ANCHOR), Some(ANCHOR)));
            assert_eq!(shop.look("select id from services where open_invoice_id = 1"), [""; 0]);
        }

        async fn an_invoice_about_no_service_is_told_of_all_the_same(kind) {
            let shop = Shop::new(kind).await;
            shop.issue(&due_on(JANUARY, 100)).await;
            shop.pay(InvoiceId(1)).await;
            assert_eq!(shop.told(), ["invoice.paid|invoice|1||{}"]);
            assert_eq!(shop.look("select version from services"), ["1"]);
        }

        async fn nothing_paid_is_nothing_told(kind) {
            let shop = four_services(kind).await;
            shop.after_payment(&[]).await;
            let mut tx = shop.begin().await;
            settlements::pay_in_full(&mut tx, shop.id(), &[]).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(shop.told(), [""; 0]);
        }

        async fn many_invoices_are_paid_in_full_each_by_its_payment(kind) {
            let shop = four_services(kind).await;
            shop.settle_part(InvoiceId(2), 500, SettledBy::Credit, None).await;
            let mut tx = shop.begin().await;
            let held = settlements::hold(&mut tx, shop.id(), &[1, 2].map(InvoiceId)).await.unwrap();
            let mut paid: Vec<(OpenInvoice, Payment)> = Vec::new();
            for open in held {
                paid.push((open, shop.payment(&mut tx, open.open).await));
            }
            settlements::pay_in_full(&mut tx, shop.id(), &paid).await.unwrap();
            tx.commit().await.unwrap();
            for (invoice, whole) in [(1, 25_000), (2, 12_000)] {
                let now = shop.invoice(InvoiceId(invoice)).await;
                assert_eq!((now.status, now.open.minor, now.paid_at), (InvoiceStatus::Paid, 0, Some(noon())));
                let found = settlements::of_payment(&mut shop.read().await, shop.id(), invoice, sek()).await.unwrap();
                assert_eq!(found.iter().map(|s| (s.invoice.0, s.amount.minor, s.at)).collect::<Vec<_>>(), [(invoice, whole, noon())]);
                let booked = ledger::of_event(&mut shop.read().await, shop.id(), Source::Payment, invoice).await.unwrap();
                let moved: Vec<_> = booked.iter().map(|b| (b.entry, b.moved.debit, b.moved.credit, b.moved.amount.minor, b.booked_on)).collect();
                assert_eq!(moved, [(1, Account::Bank, Account::Receivable, whole, TODAY)]);
            }
            assert_eq!(shop.invoice(InvoiceId(3)).await.status, InvoiceStatus::Issued);
            assert_eq!(shop.told().len(), 5, "{:?}", shop.told());
            assert_eq!(shop.look("select id from services where open_invoice_id is not null"), ["4"]);
        }

        async fn a_payment_that_is_known_pays_nothing_twice(kind) {
            let shop = four_services(kind).await;
            let mut tx = shop.begin().await;
            let held = settlements::hold(&mut tx, shop.id(), &[2, 3].map(InvoiceId)).await.unwrap();
            let one = shop.payment(&mut tx, held[0].open).await;
            let two = Payment { reference: one.reference.clone(), ..shop.payment(&mut tx, held[1].open).await };
            let error = settlements::pay_in_full(&mut tx, shop.id(), &[(held[0], one), (held[1], two)]).await.unwrap_err();
            assert!(matches!(&error, StoreError::Unique { table, .. } if table == "payments"), "{error}");
            drop(tx);
            assert_eq!(shop.look("select id from payments"), [""; 0]);
            assert_eq!(shop.look("select status from invoices order by id"), ["issued", "issued", "issued"]);
        }
    }
}

// Freeing, releasing, moving.

mod moving {
    use super::*;

    on_both_databases! {
        async fn the_periods_of_an_invoice_are_listed_by_service_without_those_that_are_free(kind) {
            let shop = four_services(kind).await;
            let days = Period { starts: ANCHOR, ends: JANUARY };
            let billed = |service| BilledPeriod {
                invoice: InvoiceId(1),
                service: ServiceId(service),
                number: PeriodNumber(0),
                period: days,
                is_given_back: false,
            };
            assert_eq!(shop.periods_of(1).await, [billed(1), billed(2)]);
            assert_eq!(shop.periods_of(99).await, []);
            let mut tx = shop.begin().await;
            settlements::free(&mut tx, shop.id(), InvoiceId(1), &[billed(1)]).await.unwrap();
            settlements::free(&mut tx, shop.id(), InvoiceId(1), &[]).await.unwrap();
            // What another invoice has billed is not its to free.
            settlements::free(&mut tx, shop.id(), InvoiceId(2), &[billed(2)]).await.unwrap();
            settlements::free(&mut tx, SellerId(2), InvoiceId(1), &[billed(2)]).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(shop.periods_of(1).await, [billed(2)]);
            assert_eq!(shop.look("select state from periods order by service_id"), ["void", "invoiced", "invoiced", "invoiced"]);
        }

        async fn a_period_that_is_free_again_is_billed_again(kind) {
            let shop = Shop::new(kind).await;
            let new = shop.plan().await;
            shop.renew().await;
            let billed = shop.periods_of(1).await;
            assert!(matches!(shop.write(std::slice::from_ref(&new)).await, Err(StoreError::Unique { .. })));
            let mut tx = shop.begin().await;
            settlements::free(&mut tx, shop.id(), InvoiceId(1), &billed).await.unwrap();
            tx.commit().await.unwrap();
            let again = shop.write(&[new]).await.unwrap().remove(0);
            assert_eq!(shop.look("select invoice_id, state from periods order by invoice_id"), ["1|void", &format!("{}|invoiced", again.id)]);
        }

        async fn an_invoice_that_nobody_will_pay_holds_no_service_up(kind) {
            let shop = four_services(kind).await;
            let version = |id: i64| shop.look_number(&format!("select version from services where id = {id}"));
            let before = [1, 2, 3, 4].map(version);
            let mut tx = shop.begin().await;
            settlements::release_services(&mut tx, SellerId(2), InvoiceId(3)).await.unwrap();
            settlements::release_services(&mut tx, shop.id(), InvoiceId(1)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(shop.look("select id, open_invoice_id from services where open_invoice_id is not null order by id"), ["3|2", "4|3"]);
            assert_eq!([1, 2, 3, 4].map(version), [before[0] + 1, before[1] + 1, before[2], before[3]]);
            assert_eq!(shop.look("select state from periods where invoice_id = 1"), ["invoiced", "invoiced"]);
        }

        async fn a_service_waits_for_an_invoice_while_it_has_a_period_on_it(kind) {
            let shop = four_services(kind).await;
            let release = async |service| {
                let mut tx = shop.begin().await;
                settlements::release_freed(&mut tx, shop.id(), ServiceId(service), InvoiceId(1)).await.unwrap();
                tx.commit().await.unwrap();
            };
            let waiting = || shop.look("select id from services where open_invoice_id = 1 order by id");
            release(1).await;
            assert_eq!(waiting(), ["1", "2"]);
            let billed = shop.periods_of(1).await;
            let mut tx = shop.begin().await;
            settlements::free(&mut tx, shop.id(), InvoiceId(1), &billed[..1]).await.unwrap();
            tx.commit().await.unwrap();
            release(2).await;
            assert_eq!(waiting(), ["1", "2"]);
            release(1).await;
            assert_eq!(waiting(), ["2"]);
            // A service that waits for another invoice goes on waiting.
            release(3).await;
            assert_eq!(shop.look("select open_invoice_id from services where id = 3"), ["2"]);
        }

        async fn a_period_that_is_paid_late_moves_and_its_invoice_s_days_are_remembered(kind) {
            let shop = four_services(kind).await;
            let schedule = |anchor, first| Schedule { anchor, cycle: cycle("1m"), first };
            // On 10 February: from that day on, or the period in which that lies.
            let late = date(2027, 2, 10);
            let restart = Moved {
                number: PeriodNumber(0),
                period: Period { starts: late, ends: date(2027, 3, 10) },
                schedule: schedule(late, PeriodNumber(0)),
            };
            let skip = Moved {
                number: PeriodNumber(2),
                period: Period { starts: FEBRUARY, ends: date(2027, 3, 1) },
                schedule: schedule(ANCHOR, PeriodNumber(0)),
            };
            let [one, two] = <[BilledPeriod; 2]>::try_from(shop.periods_of(1).await).unwrap();
            let when = at("2027-02-10T08:00:00.000001Z");
            let mut tx = shop.begin().await;
            let (seller, invoice) = (shop.id(), InvoiceId(1));
            settlements::move_period(&mut tx, seller, invoice, &one, &restart, LatePayment::Restart, when).await.unwrap();
            settlements::move_period(&mut tx, seller, invoice, &two, &skip, LatePayment::Skip, when).await.unwrap();
            tx.commit().await.unwrap();
            let moved = |billed: BilledPeriod, to: Moved| BilledPeriod { number: to.number, period: to.period, ..billed };
            assert_eq!(shop.periods_of(1).await, [moved(one, restart), moved(two, skip)]);
            let remembered = "select invoice_id, service_id, period, starts, ends, to_period, policy from moved_periods \
                order by service_id";
            let expected = ["1|1|0|2026-12-01|2027-01-01|0|restart", "1|2|0|2026-12-01|2027-01-01|2|skip"];
            assert_eq!(shop.look(remembered), expected);
            // The claim moved with it: the days it left can be billed, those it came to cannot.
            let claim = |period: u32| {
                format!(
                    "insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
                    values (1, 2, {period}, 2, '2026-12-01', '2027-01-01', 'invoiced')"
                )
            };
            assert!(shop.database.sql(&claim(2)).is_err());
            shop.meddle(&claim(0));
            let second = BilledPeriod { invoice: InvoiceId(2), ..two };
            let mut tx = shop.begin().await;
            let onto = settlements::move_period(&mut tx, seller, second.invoice, &second, &skip, LatePayment::Skip, when).await;
            assert!(matches!(&onto, Err(StoreError::Unique { table, .. }) if table.starts_with("periods")), "{onto:?}");
        }

        async fn what_moved_is_paid_through_its_new_end(kind) {
            let shop = four_services(kind).await;
            let late = date(2027, 2, 10);
            let [billed] = <[BilledPeriod; 1]>::try_from(shop.periods_of(2).await).unwrap();
            let period = Period { starts: late, ends: date(2027, 3, 10) };
            let schedule = Schedule { anchor: late, cycle: cycle("1m"), first: PeriodNumber(0) };
            let to = Moved { number: PeriodNumber(0), period, schedule };
            let mut server = shop.service(3).await;
            (server.schedule, server.billed_through) = (schedule, Some(period.ends));
            shop.put_services(&[server]).await;
            let mut tx = shop.begin().await;
            settlements::move_period(&mut tx, shop.id(), InvoiceId(2), &billed, &to, LatePayment::Restart, noon()).await.unwrap();
            tx.commit().await.unwrap();
            shop.after_payment(&[2]).await;
            assert_eq!(shop.service(3).await.paid_through, Some(period.ends));
            let told = shop.told();
            let expected = "service.renewed|service|3|2|{\"paidThrough\":\"2027-03-10\"}";
            assert_eq!(told.last().map(String::as_str), Some(expected));
            assert_eq!(shop.look("select state from periods where invoice_id = 2"), ["paid"]);
        }
    }
}

#[test]
fn what_settles_has_a_word() {
    let all = [SettledBy::Payment, SettledBy::Credit, SettledBy::CreditNote, SettledBy::WriteOff];
    assert_eq!(all.map(SettledBy::as_str), ["payment", "credit", "credit_note", "write_off"]);
}
