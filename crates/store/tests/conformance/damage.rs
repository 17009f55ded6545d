//! `doctor` notices what is broken: each check is shown damage that it must find, and a sound database.

use perennial_billing::{SellerId, ServiceId};
use perennial_store::doctor::{Finding, PROBLEMS_LISTED};
use perennial_store::{customers, services};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, SERVER, Shop, addon, customer, service};

const GAPS: &str = "numbers have no gaps";
const SERIES: &str = "every invoice belongs to a series";
const ONCE: &str = "every period is billed at most once";
const LINES: &str = "every total equals its lines";
const TAXES: &str = "every total equals its tax groups";
const BOOKS: &str = "the books balance";
const CLAIMS: &str = "every line of an invoice has claimed its period";
const PAID: &str = "a period is paid when its invoice is";
const PARTS: &str = "every part of a period is of its whole";
const TWICE: &str = "no day of a service is billed twice";
const OPEN: &str = "a service knows its open invoice";
const RUNS: &str = "a finished run has renewed what it found or says why not";
const OUTBOX: &str = "every outbox row has its invoice";
const COUPONS: &str = "a coupon was used as often as it says";
const SCHEDULE: &str = "billed through is where the next period starts";

/// Every check there is. A new one belongs here and gets its damage below.
const CHECKS: [&str; 15] =
    [GAPS, SERIES, ONCE, LINES, TAXES, BOOKS, CLAIMS, PARTS, TWICE, PAID, OPEN, RUNS, OUTBOX, COUPONS, SCHEDULE];

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
    shop.settle(perennial_billing::InvoiceId(1));
    shop.meddle(
        "update invoices set status = 'void' where id = 5; update periods set state = 'void' where invoice_id = 5; \
        insert into ledger_entries select seller_id, invoice_id, entry + 3, account, currency, -amount_minor, booked_on \
        from ledger_entries where invoice_id = 5",
    );
    shop.write(&batch[4..]).await.unwrap();
    shop
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
    let shop = lived_in(kind).await;
    shop.damage(damage);
    assert_eq!(shop.complaints().await, [Finding { check, problems: vec![problem.to_owned()] }], "{damage}");
}

on_both_databases! {
    async fn a_sound_database_has_no_problems_and_every_check_is_listed(kind) {
        let shop = lived_in(kind).await;
        let sound = CHECKS.map(|check| Finding { check, problems: Vec::new() });
        assert_eq!(shop.store.examine(shop.id()).await.unwrap(), sound);
    }

    async fn a_number_that_nobody_has(kind) {
        let damage = "update number_series set next_number = next_number + 1";
        assert_reported(kind, damage, GAPS, "2026: 6 invoices for the numbers 1 to 7").await;
    }

    async fn an_invoice_that_vanished_without_a_trace(kind) {
        let damage = "delete from invoice_lines where invoice_id = 3; delete from invoice_taxes where invoice_id = 3; \
            delete from ledger_entries where invoice_id = 3; delete from outbox where invoice_id = 3; \
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
        assert_noticed(kind, damage, &[ONCE, TWICE]).await;
    }

    async fn a_line_that_was_changed_added_or_lost(kind) {
        let changed = "update invoice_lines set net_minor = net_minor + 1 where invoice_id = 3";
        assert_reported(kind, changed, LINES, "invoice 202600003: net 10000, lines 10001").await;
        let lost = "delete from invoice_lines where invoice_id = 3";
        assert_reported(kind, lost, LINES, "invoice 202600003: net 10000, lines 0").await;
        let added = "insert into invoice_lines select seller_id, invoice_id, 9, service_id, addon_id, product_id, \
            description, quantity_millionths, unit_price_minor, -1, tax_category, tax_rate_ppm, period_starts, \
            period_ends, price_origin, price_id, null, null, null, null, null, null, null from invoice_lines where invoice_id = 3";
        assert_reported(kind, added, LINES, "invoice 202600003: net 10000, lines 9999").await;
    }

    async fn a_tax_group_that_was_changed_or_lost(kind) {
        let tax = "update invoice_taxes set tax_minor = 0 where invoice_id = 3";
        let problem = "invoice 202600003: net 10000, bases 10000, tax 2500, groups 0";
        assert_reported(kind, tax, TAXES, problem).await;
        let base = "update invoice_taxes set base_minor = 1 where invoice_id = 3";
        assert_reported(kind, base, TAXES, "invoice 202600003: net 10000, bases 1, tax 2500, groups 2500").await;
        assert_noticed(kind, "delete from invoice_taxes where invoice_id = 3", &[TAXES]).await;
    }

    async fn books_that_do_not_balance(kind) {
        let changed =
            "update ledger_entries set amount_minor = amount_minor + 1 where invoice_id = 3 and account = 'vat'";
        assert_reported(kind, changed, BOOKS, "invoice 202600003: entries sum to 1").await;
    }

    async fn books_that_balance_about_another_sum(kind) {
        let halved = "update ledger_entries set amount_minor = amount_minor / 2 where invoice_id = 3";
        assert_reported(kind, halved, BOOKS, "invoice 202600003: entries sum to 0").await;
        assert_noticed(kind, "delete from ledger_entries where invoice_id = 3", &[BOOKS]).await;
        let still_owed = "delete from ledger_entries where invoice_id = 5 and entry > 3";
        assert_noticed(kind, still_owed, &[BOOKS]).await;
        // The customer of a free gift owes nothing, whatever the seller earned.
        let gift = "insert into ledger_entries values (1, 4, 1, 'receivable', 'SEK', 5, '2026-11-23'), \
            (1, 4, 2, 'revenue', 'SEK', -5, '2026-11-23')";
        assert_noticed(kind, gift, &[BOOKS]).await;
    }

    async fn a_line_that_claimed_nothing(kind) {
        let moved = "update invoice_lines set period_ends = '2027-06-01' where invoice_id = 3";
        assert_reported(kind, moved, CLAIMS, "invoice 202600003, line 1").await;
        let early = "update periods set starts = '2026-11-30' where invoice_id = 3";
        assert_reported(kind, early, CLAIMS, "invoice 202600003, line 1").await;
        let other = "update invoice_lines set service_id = 6 where invoice_id = 2 and line = 2";
        assert_reported(kind, other, CLAIMS, "invoice 202600002, line 2").await;
        // The claim of a paid invoice, so that no open invoice is missed as well.
        assert_reported(kind, "delete from periods where invoice_id = 1", CLAIMS, "invoice 202600001, line 1").await;
    }

    async fn an_addon_is_billed_within_the_period_of_its_service(kind) {
        let own_days = "update invoice_lines set period_starts = '2026-12-15', period_ends = '2027-12-15' \
            where invoice_id = 2 and line = 2";
        assert_noticed(kind, own_days, &[]).await;
        let outside = "update invoice_lines set period_starts = '2027-01-01' where invoice_id = 2 and line = 2";
        assert_reported(kind, outside, CLAIMS, "invoice 202600002, line 2").await;
    }

    async fn a_part_that_is_more_than_its_whole(kind) {
        let part = |whole, days, of| format!(
            "update invoice_lines set whole_minor = {whole}, share_days = {days}, share_of = {of} where invoice_id = 3"
        );
        assert_noticed(kind, &part(10_000, 31, 31), &[]).await;
        assert_noticed(kind, &part(20_000, 16, 31), &[]).await;
        for damage in [part(9_999, 16, 31), part(20_000, 31, 31), part(20_000, 32, 31), part(20_000, 0, 0)] {
            assert_reported(kind, &damage, PARTS, "invoice 202600003, line 1").await;
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
        let paid = "update invoices set status = 'paid' where id = 3";
        assert_reported(kind, paid, PAID, "invoice 202600003 is paid, its period is invoiced").await;
        let void = "update invoices set status = 'void' where id = 1";
        assert_noticed(kind, void, &[BOOKS, PAID]).await;
        let revived = "update invoices set status = 'paid' where id = 5";
        assert_noticed(kind, revived, &[BOOKS, PAID]).await;
        assert_noticed(kind, "update periods set state = 'paid' where invoice_id = 3", &[PAID, OPEN]).await;
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

    async fn a_run_that_lost_something(kind) {
        let lost = "insert into runs (seller_id, id, day, through, origin, started_at, finished_at, found, chunks) \
            select 1, 1, '2026-11-23', '2026-11-23', 'request', issued_at, issued_at, 3, 1 from invoices where id = 1; \
            update invoices set run_id = 1 where id = 2; \
            insert into run_services (seller_id, run_id, customer_id, service_id, state, reason, failures) \
            values (1, 1, 7, 9, 'failed', 'no price', 1)";
        assert_reported(kind, lost, RUNS, "run 1: found 3, renewed 1, told 1").await;
    }

    async fn a_mail_about_nothing(kind) {
        let orphan = "update outbox set invoice_id = 99 where invoice_id = 3";
        assert_reported(kind, orphan, OUTBOX, "outbox row 3").await;
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
        assert_eq!(listed, [(OPEN, PROBLEMS_LISTED), (SCHEDULE, PROBLEMS_LISTED)]);
    }
}
