//! `doctor` notices what is broken: each check is shown damage that it must find, and a sound database.

use perennial_billing::ledger::Account::{self, Bank, Credit, Receivable, Revenue, Vat};
use perennial_billing::ledger::{Entry, Source};
use perennial_billing::{DocumentKind, InvoiceId, Money, RefundId, SellerId, ServiceId};
use perennial_store::credits::{self, CreditReason, NewCreditMove};
use perennial_store::doctor::{Finding, PROBLEMS_LISTED};
use perennial_store::documents::NewDocument;
use perennial_store::payments::{self, Refund};
use perennial_store::settlements::{self, SettledBy};
use perennial_store::{customers, ledger, services};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, SERVER, Shop, TODAY, addon, customer, document, noon, sek, service};

const GAPS: &str = "numbers have no gaps";
const SERIES: &str = "every invoice belongs to a series";
const ONCE: &str = "every period is billed at most once";
const LINES: &str = "every total equals its lines";
const TAXES: &str = "every total equals its tax groups";
const BOOKS: &str = "every invoice is booked";
const CLAIMS: &str = "every line of an invoice has claimed its period";
const PAID: &str = "a period is paid when its invoice is";
const PARTS: &str = "every part of a period is of its whole";
const TWICE: &str = "no day of a service is billed twice";
const OPEN: &str = "a service knows its open invoice";
const DUE: &str = "a service without an open invoice is found on the day from which it is renewed";
const RUNS: &str = "a finished run has renewed what it found or says why not";
const OUTBOX: &str = "every outbox row has its invoice";
const EVENT: &str = "every delivery to a webhook has its event";
const TAKEN: &str = "every mail that was sent was taken by a mail server";
const COUPONS: &str = "a coupon was used as often as it says";
const SCHEDULE: &str = "billed through is where the next period starts";
const TAX_LINES: &str = "every tax group's base equals its lines";
const NOTES: &str = "every credit note is booked";
const OWED: &str = "what the books say is owed equals what is to be paid";
const CREDIT: &str = "what the books say of credit equals what customers have";
const PAYMENTS: &str = "every payment is booked";
const REFUNDS: &str = "every refund is booked";
const EVENTS: &str = "every booking has what it was for";
const SETTLED: &str = "what is to be paid is what is not settled";
const VOID: &str = "nothing was paid for a void invoice";
const WHOLE: &str = "every payment went somewhere whole";
const SOURCES: &str = "every settlement has what settled it";
const BALANCES: &str = "what a customer has equals its moves";
const MOVES: &str = "every move of credit leaves what it says";
const TOO_MUCH: &str = "no more is given back than was asked for";
const CORRECTED: &str = "every credit note corrects an invoice of its customer";
const ORPHANS: &str = "every line and tax group has its invoice";
const ORPHANED: &str = "every period has its invoice";
const PAID_THROUGH: &str = "a service is paid through its paid periods";
const BEYOND: &str = "no service is paid beyond what is billed";
const CHANGED: &str = "no document has changed since it was issued";
const RATES: &str = "the tax of every group follows from its rate";

/// Every check there is. A new one belongs here and gets its damage below.
const CHECKS: [&str; 39] = [
    GAPS,
    SERIES,
    ONCE,
    LINES,
    TAXES,
    BOOKS,
    CLAIMS,
    PARTS,
    TWICE,
    PAID,
    OPEN,
    DUE,
    RUNS,
    OUTBOX,
    TAKEN,
    EVENT,
    COUPONS,
    TAX_LINES,
    NOTES,
    OWED,
    CREDIT,
    PAYMENTS,
    REFUNDS,
    EVENTS,
    SETTLED,
    VOID,
    WHOLE,
    SOURCES,
    BALANCES,
    MOVES,
    TOO_MUCH,
    CORRECTED,
    ORPHANS,
    ORPHANED,
    PAID_THROUGH,
    BEYOND,
    CHANGED,
    RATES,
    SCHEDULE,
];

/// A shop with a past. Services 1 to 5 were renewed by invoices 1 to 5: the first is paid, 2 (with an add-on) and 3 are
/// open, 4 cost nothing, 5 is void and 6 billed its period again. Service 6 was never renewed, service 7 is free.
async fn lived_in(kind: Kind) -> Shop {
    let shop = Shop::bare(kind).await;
    shop.stock(shop.id(), "Astrid Nyman", "Cloud Server").await;
    let mut free = service(7, ASTRID, SERVER);
    free.schedule.cycle = crate::shop::cycle("free");
    (free.billed_through, free.paid_through) = (None, None);
    let mut gift = service(4, ASTRID, SERVER);
    gift.own_price_minor = Some(0);
    let plain = [1, 2, 3, 5, 6].map(|id| service(id, ASTRID, SERVER));
    let mut tx = shop.begin().await;
    customers::upsert(&mut tx, shop.id(), &[customer(8, "Bertil Berg")]).await.unwrap();
    services::upsert(&mut tx, shop.id(), &[&plain[..], &[gift, free]].concat()).await.unwrap();
    tx.commit().await.unwrap();
    shop.put_addons(&[addon(1, ServiceId(2), SERVER)]).await;
    let batch = shop.planned(&[1, 2, 3, 4, 5].map(ServiceId)).await;
    shop.write(&batch).await.unwrap();
    shop.pay(InvoiceId(1)).await;
    shop.take_back(InvoiceId(5)).await;
    shop.write(&batch[4..]).await.unwrap();
    shop
}

/// A shop where money moved. Invoice 1 is a renewal of Astrid's server, and paid; 2 is by hand for 10,000, of which a payment
/// took 4,000, credit note 3 took 1,000 and her credit 300. She paid 500 too much, and 100 of that went back.
async fn with_money(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    let invoice = shop.renew().await;
    shop.pay(invoice.id).await;
    let by_hand = booked(document(DocumentKind::Invoice, 8_000), Account::Receivable, Account::Revenue);
    let by_hand = shop.issue(&by_hand).await.id;
    let mut note = booked(document(DocumentKind::CreditNote, 800), Account::Revenue, Account::Receivable);
    note.corrects = Some(by_hand);
    let note = shop.issue(&note).await.id;
    let (seller, at) = (shop.id(), noon());
    let kronor = |minor| Money::new(minor, sek());
    let moving = |debit, credit, minor| [Entry::moving(debit, credit, kronor(minor)).unwrap()];
    let mut tx = shop.begin().await;
    let payment = shop.payment(&mut tx, kronor(4_500)).await;
    payments::insert(&mut tx, seller, &payment).await.unwrap();
    for (minor, by, source) in [
        (4_000, SettledBy::Payment, Some(payment.id.0)),
        (1_000, SettledBy::CreditNote, Some(note.0)),
        (300, SettledBy::Credit, None),
    ] {
        let open = settlements::hold(&mut tx, seller, &[by_hand]).await.unwrap().remove(0);
        settlements::settle(&mut tx, seller, &open, kronor(minor), by, source, at).await.unwrap();
    }
    let paid = [moving(Bank, Receivable, 4_000), moving(Bank, Credit, 500)].concat();
    ledger::book(&mut tx, seller, Source::Payment, payment.id.0, TODAY, paid).await.unwrap();
    ledger::book(&mut tx, seller, Source::Settlement, 4, TODAY, moving(Credit, Receivable, 300)).await.unwrap();
    let refund = Refund {
        id: RefundId(1),
        customer: ASTRID,
        payment: Some(payment.id),
        amount: kronor(100),
        method: "bank".to_owned(),
        reference: "back".to_owned(),
        paid_on: TODAY,
        at,
        actor: "cli".to_owned(),
    };
    payments::insert_refund(&mut tx, seller, &refund).await.unwrap();
    ledger::book(&mut tx, seller, Source::Refund, 1, TODAY, moving(Credit, Bank, 100)).await.unwrap();
    for (minor, reason, payment, refund) in [
        (500, CreditReason::Overpaid, Some(payment.id), None),
        (-300, CreditReason::Applied, None, None),
        (-100, CreditReason::Refunded, None, Some(refund.id)),
    ] {
        let (amount, actor) = (kronor(minor), "cli".to_owned());
        let new = NewCreditMove { customer: ASTRID, amount, reason, invoice: None, payment, refund, at, actor };
        credits::move_credit(&mut tx, seller, &new).await.unwrap().unwrap();
    }
    tx.commit().await.unwrap();
    shop
}

/// A document that is booked: its net and its tax.
fn booked(new: NewDocument, debit: Account, credit: Account) -> NewDocument {
    let vat = |account| if account == Revenue { Vat } else { account };
    let net = Entry::moving(debit, credit, new.amounts.net).unwrap();
    let tax = Entry::moving(vat(debit), vat(credit), new.amounts.tax).unwrap();
    NewDocument { entries: vec![net, tax], ..new }
}

/// Does damage to a shop where money moved and asserts that these checks report it, and no others.
async fn assert_money_noticed(kind: Kind, damage: &str, checks: &[&str]) {
    let shop = with_money(kind).await;
    shop.damage(damage);
    let complaints = shop.complaints().await;
    let noticed: Vec<&str> = complaints.iter().map(|finding| finding.check).collect();
    assert_eq!(noticed, checks, "{damage}: {complaints:#?}");
}

impl Shop {
    /// Breaks the database as only a person with every right could: no triggers, no references.
    fn damage(&self, sql: &str) {
        if self.is_sqlite() {
            let triggers = self.look("select 'drop trigger ' || name || ';' from sqlite_master where type = 'trigger'");
            self.meddle(&format!("pragma foreign_keys = off; {} {sql}", triggers.concat()));
        } else {
            self.meddle(&format!("set session_replication_role = replica; {sql}"));
        }
    }

    /// The checks that found something, with what they found.
    async fn complaints(&self) -> Vec<Finding> {
        let findings = self.store.examine(self.id()).await.unwrap();
        findings.into_iter().filter(|finding| !finding.problems.is_empty()).collect()
    }
}

/// Does damage to a lived-in shop and asserts that these checks, and no others, report it.
async fn assert_noticed(kind: Kind, damage: &str, checks: &[&str]) {
    let shop = lived_in(kind).await;
    shop.damage(damage);
    let complaints = shop.complaints().await;
    let noticed: Vec<&str> = complaints.iter().map(|finding| finding.check).collect();
    assert_eq!(noticed, checks, "{damage}: {complaints:#?}");
}

/// As [`assert_noticed`], by one check with one problem, which reads so.
async fn assert_reported(kind: Kind, damage: &str, check: &'static str, problem: &str) {
    assert_reported_with(kind, damage, (check, problem), &[]).await;
}

/// As [`assert_reported`], by these checks too.
async fn assert_reported_with(kind: Kind, damage: &str, (check, problem): (&str, &str), others: &[&str]) {
    let shop = lived_in(kind).await;
    shop.damage(damage);
    let complaints = shop.complaints().await;
    let (told, rest): (Vec<_>, Vec<_>) = complaints.iter().partition(|finding| finding.check == check);
    assert_eq!(rest.iter().map(|finding| finding.check).collect::<Vec<_>>(), others, "{damage}: {complaints:#?}");
    let read: Vec<_> = told.iter().map(|finding| (finding.count, &finding.problems[..])).collect();
    assert_eq!(read, [(1, &[problem.to_owned()][..])], "{damage}");
}

on_both_databases! {
    async fn a_sound_database_has_no_problems_and_every_check_is_listed(kind) {
        let shop = lived_in(kind).await;
        assert_eq!(shop.complaints().await, []);
        let findings = shop.store.examine(shop.id()).await.unwrap();
        assert_eq!(findings.iter().map(|finding| finding.check).collect::<Vec<_>>(), CHECKS);
    }

    async fn a_sound_database_where_money_moved_has_no_problems(kind) {
        let shop = with_money(kind).await;
        assert_eq!(shop.complaints().await, []);
        assert_eq!(shop.look("select id, open_minor from invoices order by id"), ["1|0", "2|4700", "3|0"]);
        assert_eq!(shop.look("select balance_minor from credits"), ["100"]);
    }

    async fn a_document_that_was_changed_behind_the_guards(kind) {
        let changes = [
            "update invoices set due_on = '2030-01-01' where id = 2",
            "update invoices set buyer = replace(buyer, 'Astrid', 'Anna') where id = 2",
            "update invoices set reason = 'x' where id = 2",
            "update invoices set issued_at = {epoch} where id = 2",
            "update invoice_lines set description = 'x' where invoice_id = 2",
            "update invoice_lines set gross_minor = 1 where invoice_id = 2",
            "update invoices set digest = 'x' where id = 2",
        ];
        for change in changes {
            let shop = with_money(kind).await;
            shop.damage(&change.replace("{epoch}", shop.epoch()));
            let complaints = shop.complaints().await;
            let read: Vec<_> = complaints.iter().map(|finding| (finding.check, &finding.problems[..])).collect();
            assert_eq!(read, [(CHANGED, &["202600002 is not as it was issued".to_owned()][..])], "{change}");
        }
        // Who has no digest, from before there were any, cannot be compared.
        assert_money_noticed(kind, "update invoices set digest = null, due_on = '2030-01-01'", &[]).await;
    }

    async fn tax_that_does_not_follow_from_its_rate(kind) {
        let damage = "update invoices set digest = null, tax_minor = 2001, total_minor = 10001, open_minor = 4701 where id = 2; \
            update invoice_taxes set tax_minor = 2001 where invoice_id = 2; \
            update ledger set amount_minor = 2001 where source = 'invoice' and source_id = 2 and credit = 'vat'";
        assert_money_noticed(kind, damage, &[RATES]).await;
    }

    async fn money_that_was_not_booked_or_settled(kind) {
        let table: &[(&str, &[&str])] = &[
            ("delete from ledger where source = 'payment' and source_id = 1", &[OWED, PAYMENTS]),
            ("delete from ledger where source = 'refund'", &[CREDIT, REFUNDS]),
            ("delete from ledger where source = 'credit_note'", &[NOTES, OWED]),
            ("update payments set amount_minor = 4501 where id = 2", &[PAYMENTS, WHOLE]),
            ("update refunds set amount_minor = 101", &[REFUNDS]),
            ("delete from refunds", &[EVENTS]),
            ("update ledger set source_id = 9 where source = 'settlement'", &[EVENTS]),
            ("update invoices set open_minor = 4699 where id = 2", &[OWED, SETTLED]),
            ("delete from settlements where source = 'credit'", &[EVENTS, SETTLED]),
            ("update settlements set amount_minor = 3999 where source = 'payment' and source_id = 2", &[SETTLED, WHOLE]),
            ("update settlements set source_id = 9 where source = 'credit_note'", &[SOURCES]),
            ("update settlements set source_id = 9 where source = 'payment' and source_id = 1", &[WHOLE, SOURCES]),
        ];
        for (damage, checks) in table {
            assert_money_noticed(kind, damage, checks).await;
        }
    }

    async fn credit_that_does_not_add_up(kind) {
        let table: &[(&str, &[&str])] = &[
            ("update credits set balance_minor = 101", &[CREDIT, BALANCES]),
            ("delete from credits", &[CREDIT, BALANCES]),
            ("update credit_entries set balance_minor = 201 where kind = 'applied'", &[MOVES]),
            ("update credit_entries set amount_minor = -301, balance_minor = 199 where kind = 'applied'", &[BALANCES, MOVES]),
            ("update credit_entries set kind = 'deposited' where kind = 'overpaid'", &[WHOLE]),
        ];
        for (damage, checks) in table {
            assert_money_noticed(kind, damage, checks).await;
        }
    }

    async fn a_credit_note_that_gives_too_much_or_corrects_nothing(kind) {
        let nothing = "update invoices set corrects_id = 9 where id = 3";
        assert_money_noticed(kind, nothing, &[CORRECTED, CHANGED]).await;
        let another = "update invoices set corrects_id = 3 where id = 3";
        assert_money_noticed(kind, another, &[CORRECTED, CHANGED]).await;
        let too_much = "update invoices set digest = null, net_minor = 8001, tax_minor = 2000, total_minor = 10001 where id = 3; \
            update invoice_lines set net_minor = 8001 where invoice_id = 3; \
            update invoice_taxes set base_minor = 8001, tax_minor = 2000 where invoice_id = 3; \
            update ledger set amount_minor = 8001 where source = 'credit_note' and debit = 'revenue'; \
            update ledger set amount_minor = 2000 where source = 'credit_note' and debit = 'vat'";
        assert_money_noticed(kind, too_much, &[OWED, TOO_MUCH]).await;
    }

    async fn rows_that_lost_their_invoice(kind) {
        let shop = with_money(kind).await;
        shop.damage("update invoice_lines set invoice_id = 9 where invoice_id = 2; \
            update invoice_taxes set invoice_id = 9 where invoice_id = 2; update periods set invoice_id = 8");
        let problems: Vec<_> = shop.complaints().await.into_iter().filter(|f| [ORPHANS, ORPHANED].contains(&f.check)).collect();
        let read: Vec<_> = problems.iter().map(|finding| finding.problems.iter().map(String::as_str).collect::<Vec<_>>()).collect();
        assert_eq!(read, [vec!["line 1 of invoice id 9", "tax S of invoice id 9"], vec!["service 20000, period 0, invoice id 8"]]);
    }

    async fn a_service_that_is_paid_through_another_day(kind) {
        let behind = "update services set paid_through = '2026-12-01'";
        assert_money_noticed(kind, behind, &[PAID_THROUGH]).await;
        let beyond = "update services set paid_through = '2027-01-02'";
        assert_money_noticed(kind, beyond, &[BEYOND]).await;
    }

    async fn a_number_that_nobody_has(kind) {
        let damage = "update number_series set next_number = next_number + 1";
        assert_reported(kind, damage, GAPS, "2026: 6 invoices for the numbers 1 to 7").await;
    }

    async fn an_invoice_that_vanished_without_a_trace(kind) {
        let damage = "delete from invoice_lines where invoice_id = 3; delete from invoice_taxes where invoice_id = 3; \
            delete from ledger where source_id = 3; delete from outbox where invoice_id = 3; \
            delete from periods where invoice_id = 3; delete from invoices where id = 3; \
            update services set next_period = 0, billed_through = anchor, open_invoice_id = null where id = 3";
        assert_reported(kind, damage, GAPS, "2026: 5 invoices for the numbers 1 to 6").await;
    }

    async fn a_number_that_was_moved(kind) {
        // Still as many invoices as numbers, but other ones.
        assert_noticed(kind, "update invoices set series_number = 7 where id = 1", &[GAPS, SERIES]).await;
    }

    async fn a_series_without_invoices(kind) {
        let damage = "insert into number_series values (1, 'invoice', 2025, 1, 3)";
        assert_reported(kind, damage, GAPS, "2025: 0 invoices for the numbers 1 to 2").await;
    }

    async fn a_series_that_was_opened_and_not_used_is_sound(kind) {
        assert_noticed(kind, "insert into number_series values (1, 'invoice', 2025, 49961, 49961)", &[]).await;
    }

    async fn an_invoice_of_no_series(kind) {
        assert_noticed(kind, "delete from number_series", &[SERIES]).await;
        let strayed = "update invoices set fiscal_year = 2025 where id = 6; update number_series set next_number = 6";
        assert_noticed(kind, strayed, &[SERIES]).await;
    }

    async fn an_invoice_past_the_end_of_its_series(kind) {
        // The next renewal would be given a number that is taken.
        let damage = "update number_series set next_number = next_number - 1";
        assert_noticed(kind, damage, &[GAPS, SERIES]).await;
    }

    async fn a_period_that_is_billed_twice(kind) {
        let damage = "drop index periods_claim; \
            insert into periods select seller_id, service_id, period, 1, starts, ends, 'paid', null from periods \
            where service_id = 2";
        assert_noticed(kind, damage, &[ONCE, TWICE, PAID_THROUGH]).await;
    }

    async fn a_line_that_was_changed_added_or_lost(kind) {
        let changed = "update invoice_lines set net_minor = net_minor + 1 where invoice_id = 3";
        let others = [TAX_LINES, CHANGED];
        assert_reported_with(kind, changed, (LINES, "invoice 202600003: net 10000, lines 10001"), &others).await;
        let lost = "delete from invoice_lines where invoice_id = 3";
        assert_reported_with(kind, lost, (LINES, "invoice 202600003: net 10000, lines 0"), &others).await;
        let added = "insert into invoice_lines select seller_id, invoice_id, 9, service_id, addon_id, product_id, \
            description, quantity_millionths, unit_price_minor, -1, tax_category, tax_rate_ppm, period_starts, \
            period_ends, price_origin, price_id, null, null, null, null, null, null, null, \
            tax_country, null, null from invoice_lines where invoice_id = 3";
        assert_reported_with(kind, added, (LINES, "invoice 202600003: net 10000, lines 9999"), &others).await;
    }

    async fn a_tax_group_that_was_changed_or_lost(kind) {
        let tax = "update invoice_taxes set tax_minor = 0 where invoice_id = 3";
        let problem = "invoice 202600003: net 10000, bases 10000, tax 2500, groups 0";
        assert_reported_with(kind, tax, (TAXES, problem), &[CHANGED, RATES]).await;
        let base = "update invoice_taxes set base_minor = 1 where invoice_id = 3";
        let problem = "invoice 202600003: net 10000, bases 1, tax 2500, groups 2500";
        assert_reported_with(kind, base, (TAXES, problem), &[TAX_LINES, CHANGED]).await;
        assert_noticed(kind, "delete from invoice_taxes where invoice_id = 3", &[TAXES, CHANGED]).await;
    }

    async fn books_that_are_about_another_sum(kind) {
        let changed = "update ledger set amount_minor = amount_minor + 1 where source_id = 3 and credit = 'vat'";
        let problem = "invoice 202600003: receivable 12501, revenue 10000, VAT 2501";
        assert_reported_with(kind, changed, (BOOKS, problem), &[OWED]).await;
        let swapped = "update ledger set credit = 'rounding' where source_id = 3 and credit = 'vat'";
        assert_reported(kind, swapped, BOOKS, "invoice 202600003: receivable 12500, revenue 10000, VAT 0").await;
        assert_noticed(kind, "delete from ledger where source_id = 3", &[BOOKS, OWED]).await;
        let still_owed = "delete from ledger where source_id = 5 and entry > 2";
        assert_noticed(kind, still_owed, &[BOOKS, OWED]).await;
        // The customer of a free gift owes nothing, whatever the seller earned.
        let gift = "insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on) \
            values (1, 'invoice', 4, 1, 'receivable', 'revenue', 'SEK', 5, '2026-11-23')";
        assert_noticed(kind, gift, &[BOOKS, OWED]).await;
    }

    async fn a_line_that_claimed_nothing(kind) {
        let moved = "update invoice_lines set period_ends = '2027-06-01' where invoice_id = 3";
        assert_reported_with(kind, moved, (CLAIMS, "invoice 202600003, line 1"), &[CHANGED]).await;
        let early = "update periods set starts = '2026-11-30' where invoice_id = 3";
        assert_reported(kind, early, CLAIMS, "invoice 202600003, line 1").await;
        let other = "update invoice_lines set service_id = 6 where invoice_id = 2 and line = 2";
        assert_reported_with(kind, other, (CLAIMS, "invoice 202600002, line 2"), &[CHANGED]).await;
        // The claim of a paid invoice, so that no open invoice is missed as well.
        assert_reported(kind, "delete from periods where invoice_id = 1", CLAIMS, "invoice 202600001, line 1").await;
    }

    async fn an_addon_is_billed_within_the_period_of_its_service(kind) {
        let own_days = "update invoice_lines set period_starts = '2026-12-15', period_ends = '2027-12-15' \
            where invoice_id = 2 and line = 2";
        assert_noticed(kind, own_days, &[CHANGED]).await;
        let outside = "update invoice_lines set period_starts = '2027-01-01' where invoice_id = 2 and line = 2";
        assert_reported_with(kind, outside, (CLAIMS, "invoice 202600002, line 2"), &[CHANGED]).await;
    }

    async fn a_part_that_is_more_than_its_whole(kind) {
        let part = |whole, days, of| format!(
            "update invoice_lines set whole_minor = {whole}, share_days = {days}, share_of = {of} where invoice_id = 3"
        );
        assert_noticed(kind, &part(10_000, 31, 31), &[CHANGED]).await;
        assert_noticed(kind, &part(20_000, 16, 31), &[CHANGED]).await;
        for damage in [part(9_999, 16, 31), part(20_000, 31, 31), part(20_000, 32, 31), part(20_000, 0, 0)] {
            assert_reported_with(kind, &damage, (PARTS, "invoice 202600003, line 1"), &[CHANGED]).await;
        }
    }

    async fn days_that_are_billed_twice(kind) {
        let earlier = "insert into periods values (1, 1, 1, 3, '2026-12-20', '2027-01-20', 'invoiced', null)";
        assert_noticed(kind, earlier, &[TWICE, OPEN]).await;
        // A day that was given back is billed again.
        let given_back = format!("{earlier}; update periods set given_back_from = '2026-12-20' where service_id = 1 and period = 0");
        assert_noticed(kind, &given_back, &[OPEN]).await;
        let all_of_it = format!("{earlier}; update periods set given_back_from = '2026-12-01', ends = '2027-02-01' \
            where service_id = 1 and period = 0");
        assert_noticed(kind, &all_of_it, &[CLAIMS, OPEN]).await;
    }

    async fn an_invoice_and_a_period_that_disagree(kind) {
        let paid = "update invoices set status = 'paid', open_minor = 0 where id = 3";
        let problem = "invoice 202600003 is paid, its period is invoiced";
        assert_reported_with(kind, paid, (PAID, problem), &[OPEN, OWED, SETTLED]).await;
        let void = "update invoices set status = 'void' where id = 1";
        assert_noticed(kind, void, &[BOOKS, PAID, VOID]).await;
        let revived = "update invoices set status = 'paid' where id = 5";
        assert_noticed(kind, revived, &[BOOKS, SETTLED]).await;
        assert_noticed(kind, "update periods set state = 'paid' where invoice_id = 3", &[PAID, OPEN, PAID_THROUGH]).await;
    }

    async fn a_service_that_forgot_its_open_invoice(kind) {
        let forgot = "update services set open_invoice_id = null where id = 3";
        assert_reported(kind, forgot, OPEN, "service 3: open invoice none, unpaid 3").await;
    }

    async fn a_service_that_invented_an_open_invoice(kind) {
        let invented = "update services set open_invoice_id = 1 where id = 1";
        assert_reported(kind, invented, OPEN, "service 1: open invoice 1, unpaid none").await;
    }

    async fn a_service_that_took_another_s_open_invoice_for_its_own(kind) {
        let mistaken = "update services set open_invoice_id = 2 where id = 3";
        assert_reported(kind, mistaken, OPEN, "service 3: open invoice 2, unpaid 3").await;
    }

    async fn a_service_that_no_run_would_find(kind) {
        let hidden = "update services set due_from = null where id = 1";
        assert_reported(kind, hidden, DUE, "service 1: renewed from 2026-12-18, looked for from never").await;
    }

    async fn a_run_that_lost_something(kind) {
        let lost = "insert into runs (seller_id, id, day, through, origin, started_at, finished_at, found, chunks) \
            select 1, 1, '2026-11-23', '2026-11-23', 'request', issued_at, issued_at, 3, 1 from invoices where id = 1; \
            update invoices set run_id = 1 where id = 2; \
            insert into run_services (seller_id, run_id, customer_id, service_id, state, reason, failures) \
            values (1, 1, 7, 9, 'failed', 'no price', 1)";
        assert_reported_with(kind, lost, (RUNS, "run 1: found 3, renewed 1, told 1"), &[CHANGED]).await;
    }

    async fn a_mail_about_nothing(kind) {
        let orphan = "update outbox set invoice_id = 99 where invoice_id = 3";
        assert_reported(kind, orphan, OUTBOX, "outbox row 3").await;
    }

    async fn a_mail_that_nobody_took(kind) {
        let untaken = "update outbox set state = 'sent', message_id = '<3.1.1@norrsken.example>' where id = 3";
        assert_reported(kind, untaken, TAKEN, "mail 3").await;
    }

    async fn a_message_that_tells_nothing(kind) {
        let lost = "insert into webhooks (seller_id, id, url, description, events, secret, is_enabled, created_at, version) \
            select 1, 1, 'https://hooks.example/', '', '*', 'AAAA', s.mail_invoices, i.issued_at, 1 from invoices i, sellers s \
            where i.id = 1 and s.id = 1; \
            insert into webhook_deliveries (seller_id, webhook_id, event_id, subject, subject_id, state, queued_at, \
            next_attempt_at) select 1, 1, 9999, 'invoice', 1, 'queued', issued_at, issued_at from invoices where id = 1";
        assert_reported(kind, lost, EVENT, "webhook 1, event 9999").await;
    }

    async fn a_coupon_that_was_miscounted(kind) {
        let miscounted = "insert into coupons (seller_id, id, code, percent_ppm, uses) values (1, 1, 'TEN', 100000, 1)";
        assert_reported(kind, miscounted, COUPONS, "coupon TEN: used 1 times, for 0 services").await;
    }

    async fn a_service_whose_dates_do_not_follow_its_schedule(kind) {
        let day = "update services set billed_through = '2027-01-02' where id = 3";
        let problem = "service 3: period 1 starts 2027-01-01, billed through 2027-01-02";
        assert_reported(kind, day, SCHEDULE, problem).await;
        let number = "update services set next_period = 5 where id = 3";
        let problem = "service 3: period 5 starts 2027-05-01, billed through 2027-01-01";
        assert_reported(kind, number, SCHEDULE, problem).await;
        let never = "update services set billed_through = null where id = 6";
        assert_reported(kind, never, SCHEDULE, "service 6: period 0 starts 2026-12-01, billed through never").await;
        let free = "update services set billed_through = '2027-01-01' where id = 7";
        assert_reported(kind, free, SCHEDULE, "service 7: period 0 starts never, billed through 2027-01-01").await;
        assert_noticed(kind, "update services set anchor = '2026-12-02' where id = 6", &[SCHEDULE]).await;
        assert_noticed(kind, "update services set cycle = '2m' where id = 3", &[SCHEDULE]).await;
    }

    async fn a_seller_that_does_not_exist(kind) {
        let shop = lived_in(kind).await;
        let findings = shop.store.examine(SellerId(99)).await.unwrap();
        let problems: Vec<String> = findings.into_iter().flat_map(|finding| finding.problems).collect();
        assert_eq!(problems, ["seller 99 does not exist"]);
    }

    async fn a_long_list_is_cut(kind) {
        let shop = Shop::new(kind).await;
        let many = i64::try_from(PROBLEMS_LISTED).unwrap() + 1;
        let services: Vec<_> = (1..=many).map(|id| service(id, ASTRID, SERVER)).collect();
        shop.put_services(&services).await;
        shop.damage("update services set open_invoice_id = 1, billed_through = '1999-01-01'");
        let complaints = shop.complaints().await;
        let listed: Vec<_> = complaints.iter().map(|finding| (finding.check, finding.problems.len())).collect();
        assert_eq!(listed, [OPEN, BEYOND, SCHEDULE].map(|check| (check, PROBLEMS_LISTED)));
    }
}
