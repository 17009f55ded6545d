//! Renewal runs: what they find, who works on what, and what is kept of it.

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use perennial_billing::renewal::Plan;
use perennial_billing::{CustomerId, Invoicing, PeriodNumber, RunId, SellerId, ServiceId, ServiceStatus};
use perennial_store::renewals::NewInvoice;
use perennial_store::runs::{self, Due, Part, Run, RunCounts, RunOrigin, RunProblem};
use perennial_store::services::Service;
use perennial_store::{StoreError, audit, customers, outbox};
use perennial_testkit::{Kind, on_both_databases};

use crate::shop::{ASTRID, RENEW_ON, SERVER, Shop, customer, noon, service};

const BERTIL: CustomerId = CustomerId(8);
const ONE: RunId = RunId(1);

fn run(id: i64) -> Run {
    Run {
        id: RunId(id),
        day: RENEW_ON,
        through: RENEW_ON,
        origin: RunOrigin::Request,
        started_at: noon(),
        finished_at: None,
        found: 0,
        chunks: 0,
    }
}

/// What falls due through this day, and later ones of the same customers through that one.
fn due(through: Date, joined_through: Date) -> Due {
    Due { through, joined_through, invoicing: Invoicing::Together, suspended: true }
}

/// A service that the run renews from this day on.
fn from(id: i64, customer: CustomerId, renew_on: Date) -> Service {
    Service { renew_on: Some(renew_on), ..service(id, customer, SERVER) }
}

/// Astrid and Bertil, and none of the shop's own services due.
async fn quiet(kind: Kind) -> Shop {
    let shop = Shop::new(kind).await;
    shop.meddle("update services set auto_renew = false");
    let mut tx = shop.begin().await;
    customers::upsert(&mut tx, shop.id(), &[customer(BERTIL.0, "Bertil Berg")]).await.unwrap();
    tx.commit().await.unwrap();
    shop
}

impl Shop {
    /// Starts a run with what is due.
    async fn start(&self, id: i64, due: Due) -> Run {
        let mut tx = self.begin().await;
        runs::insert(&mut tx, self.id(), &run(id)).await.expect("no run is open");
        runs::find(&mut tx, self.id(), &run(id), due).await.expect("what is due");
        tx.commit().await.expect("a run");
        runs::get(&mut self.read().await, self.id(), RunId(id)).await.expect("a read").expect("the run")
    }

    /// What is on a run's list, by customer.
    fn list(&self) -> Vec<String> {
        self.look("select customer_id, service_id from run_services where state = 'todo' order by 1, 2")
    }

    /// Takes the next part of a run for some seconds.
    async fn claim(&self, node: &str, now: Timestamp) -> Option<Part> {
        let until = now + SignedDuration::from_secs(20);
        let mut tx = self.begin().await;
        let part = runs::claim(&mut tx, self.id(), ONE, node, now, until).await.expect("a claim");
        tx.commit().await.expect("a claim");
        part
    }
}

on_both_databases! {
    async fn only_what_is_due_is_found(kind) {
        let shop = quiet(kind).await;
        let day = RENEW_ON;
        let with = |id, change: fn(&mut Service)| {
            let mut service = from(id, ASTRID, RENEW_ON);
            change(&mut service);
            service
        };
        shop.put_services(&[
            from(101, ASTRID, day),
            from(102, BERTIL, day.yesterday().unwrap()),
            from(103, ASTRID, day.tomorrow().unwrap()),
            with(104, |s| s.auto_renew = false),
            with(105, |s| s.status = ServiceStatus::Pending),
            with(106, |s| s.status = ServiceStatus::Cancelled),
            with(107, |s| s.status = ServiceStatus::Suspended),
            with(108, |s| s.ends_on = s.billed_through),
            with(109, |s| s.renew_on = None),
            from(110, ASTRID, day),
        ])
        .await;
        shop.write(&shop.planned(&[ServiceId(110)]).await).await.unwrap();
        let started = shop.start(1, due(day, day)).await;
        assert_eq!((started.found, started.chunks), (3, 1));
        assert_eq!(shop.list(), ["7|101", "7|107", "8|102"]);
        let active = Due { suspended: false, ..due(day, day) };
        let mut conn = shop.read().await;
        assert_eq!(runs::count_due(&mut conn, shop.id(), active).await.unwrap(), 2);
        assert_eq!(runs::count_due(&mut conn, shop.id(), due(day, day)).await.unwrap(), 3);
        let part = shop.claim("a", noon()).await.unwrap();
        assert_eq!((part.chunk, part.from, part.to), (0, (ASTRID, ServiceId(101)), (BERTIL, ServiceId(102))));
        let todo = runs::todo(&mut conn, shop.id(), ONE, part).await.unwrap();
        assert_eq!(todo, [(ASTRID, ServiceId(101)), (ASTRID, ServiceId(107)), (BERTIL, ServiceId(102))]);
        assert_eq!(runs::count_due(&mut conn, SellerId(2), due(day, day)).await.unwrap(), 0, "another seller's");
        assert_eq!(runs::todo(&mut conn, SellerId(2), ONE, part).await.unwrap(), []);
    }

    async fn what_falls_due_soon_joins_what_is_due_today(kind) {
        let shop = quiet(kind).await;
        let apart = customers::Customer { invoicing: Some(Invoicing::Separate), ..customer(9, "Cecilia Apart") };
        let mut tx = shop.begin().await;
        customers::upsert(&mut tx, shop.id(), &[apart]).await.unwrap();
        tx.commit().await.unwrap();
        let (today, soon, late) = (RENEW_ON, date(2026, 11, 20), date(2026, 11, 21));
        shop.put_services(&[
            from(101, ASTRID, today), from(102, ASTRID, soon), from(103, ASTRID, late), from(104, ASTRID, soon),
            from(105, BERTIL, soon),
            from(106, CustomerId(9), today), from(107, CustomerId(9), soon),
        ])
        .await;
        shop.meddle("update services set free_invoice_id = 1 where id = 104");
        let found = async |due| runs::due_page(&mut shop.read().await, shop.id(), due, (CustomerId(0), ServiceId(0)), 99).await;
        let ids = |page: Vec<(CustomerId, ServiceId)>| page.into_iter().map(|(_, service)| service.0).collect::<Vec<_>>();
        assert_eq!(ids(found(due(today, today)).await.unwrap()), [101, 106]);
        assert_eq!(ids(found(due(today, soon)).await.unwrap()), [101, 102, 106]);
        let separate = Due { invoicing: Invoicing::Separate, ..due(today, soon) };
        assert_eq!(ids(found(separate).await.unwrap()), [101, 106]);
        shop.start(1, due(today, soon)).await;
        assert_eq!(shop.list(), ["7|101", "7|102", "9|106"], "the same");
    }

    async fn parts_keep_a_customer_whole_as_far_as_one_invoice_goes(kind) {
        let shop = quiet(kind).await;
        let many = (1..=1_200).map(|id| from(1_000 + id, if id <= 300 { ASTRID } else { BERTIL }, RENEW_ON));
        let few = (1..=20).map(|id| from(5_000 + id, ASTRID, RENEW_ON));
        shop.put_services(&many.chain(few).collect::<Vec<_>>()).await;
        let started = shop.start(1, due(RENEW_ON, RENEW_ON)).await;
        assert_eq!((started.found, started.chunks), (1_220, 3));
        // Astrid's 320; then Bertil's 900, more than go on one invoice.
        let parts = shop.look("select from_customer, from_service, to_customer, to_service from run_chunks order by chunk");
        assert_eq!(parts, ["7|1001|7|5020", "8|1301|8|1800", "8|1801|8|2200"]);
        let mut sizes = Vec::new();
        while let Some(part) = shop.claim("a", noon()).await {
            sizes.push(runs::todo(&mut shop.read().await, shop.id(), ONE, part).await.unwrap().len());
        }
        assert_eq!(sizes, [320, 500, 400]);
        let all = shop.look("select service_id from run_services");
        let mut paged = Vec::new();
        let mut after = (CustomerId(0), ServiceId(0));
        loop {
            let mut conn = shop.read().await;
            let page = runs::due_page(&mut conn, shop.id(), due(RENEW_ON, RENEW_ON), after, 333).await.unwrap();
            let Some(last) = page.last() else { break };
            after = *last;
            paged.extend(page);
        }
        assert!(paged.is_sorted() && paged.len() == all.len());
    }

    async fn a_run_that_looks_again_finds_only_what_is_new(kind) {
        let shop = quiet(kind).await;
        shop.put_services(&[from(101, ASTRID, RENEW_ON)]).await;
        let first = shop.start(1, due(RENEW_ON, RENEW_ON)).await;
        shop.put_services(&[from(102, BERTIL, RENEW_ON)]).await;
        let again = async || {
            let mut tx = shop.begin().await;
            let run = runs::hold_open(&mut tx, shop.id(), ONE).await.unwrap().unwrap();
            let found = runs::find(&mut tx, shop.id(), &run, due(RENEW_ON, RENEW_ON)).await.unwrap();
            tx.commit().await.unwrap();
            found
        };
        assert!(shop.claim("a", noon()).await.is_some());
        let mut tx = shop.begin().await;
        shop_done(&mut tx, &shop, 101).await;
        tx.commit().await.unwrap();
        assert_eq!((first.found, again().await, again().await), (1, 1, 0));
        assert_eq!(shop.look("select found, chunks from runs"), ["2|2"]);
    }

    async fn a_part_is_held_by_one_node_for_a_while(kind) {
        let shop = quiet(kind).await;
        let many = (1..=1_200).map(|id| from(1_000 + id, CustomerId(if id % 2 == 0 { 7 } else { 8 }), RENEW_ON));
        shop.put_services(&many.collect::<Vec<_>>()).await;
        shop.start(1, due(RENEW_ON, RENEW_ON)).await;
        let later = noon().checked_add(SignedDuration::from_secs(20)).unwrap();
        let claim = async |node, now| shop.claim(node, now).await.map(|part| part.chunk);
        assert_eq!((claim("a", noon()).await, claim("b", noon()).await), (Some(0), Some(1)), "each another one");
        let others = async |node| runs::chunks_of_others(&mut shop.read().await, shop.id(), ONE, node).await.unwrap();
        assert_eq!((others("a").await, others("c").await), (3, 4));
        while claim("c", noon()).await.is_some() {}
        assert_eq!(claim("d", noon()).await, None, "all are held");
        let first = shop.claim("d", later).await.unwrap();
        assert_eq!(first.chunk, 0, "until their time is over");
        let mut tx = shop.begin().await;
        runs::release(&mut tx, shop.id(), ONE, "b").await.unwrap();
        runs::finish_part(&mut tx, shop.id(), ONE, first).await.unwrap();
        assert!(!runs::finish(&mut tx, shop.id(), ONE, noon()).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(claim("e", noon()).await, Some(1), "what was given up");
        assert_eq!(shop.look("select count(*) from run_chunks"), ["4"], "what has something left stays");
        shop.meddle("delete from run_services");
        let mut tx = shop.begin().await;
        runs::finish_part(&mut tx, shop.id(), ONE, first).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(shop.look("select count(*) from run_chunks"), ["3"]);
    }

    async fn an_invoice_takes_what_it_renews_off_the_list(kind) {
        let shop = quiet(kind).await;
        shop.put_services(&[1, 2, 3, 4].map(|id| from(100 + id, ASTRID, RENEW_ON))).await;
        shop.start(1, due(RENEW_ON, RENEW_ON)).await;
        let new = together(&shop, &[101, 102, 103]).await;
        assert_eq!((new.plan.claims.len(), new.plan.net.minor, new.plan.tax.minor), (3, 30_000, 7_500));
        let mut stale = shop.planned(&[ServiceId(104)]).await.remove(0);
        stale.versions[0] += 1;
        let written = shop.round().await.commit(&shop.seller, &[stale, new], noon(), Some(ONE), None).await.unwrap();
        assert_eq!(written[0], None, "it has changed: it is left, and nothing else with it");
        let invoice = written[1].as_ref().unwrap();
        assert_eq!(shop.list(), ["7|104"]);
        assert_eq!(shop.look("select id, run_id from invoices"), ["1|1"]);
        assert_eq!(shop.look("select service_id, period, invoice_id, state from periods order by 1"),
            ["101|0|1|invoiced", "102|0|1|invoiced", "103|0|1|invoiced"]);
        let advanced = "select id, next_period, billed_through, renew_on, open_invoice_id from services \
            where id between 101 and 103 order by 1";
        assert_eq!(shop.look(advanced),
            [101, 102, 103].map(|id| format!("{id}|1|2027-01-01|2026-12-18|{}", invoice.id)));
        let mut conn = shop.read().await;
        assert_eq!(audit::count(&mut conn, shop.id(), "service.renewed").await.unwrap(), 3);
        assert_eq!(outbox::mails_of(&mut conn, shop.id(), invoice.id).await.unwrap().len(), 1);
        let totals = runs::totals(&mut conn, shop.id(), ONE).await.unwrap();
        assert_eq!((totals.len(), totals[0].invoices, totals[0].total.minor), (1, 1, 37_500));
        let numbers = runs::numbers(&mut conn, shop.id(), ONE).await.unwrap();
        assert_eq!(numbers, Some(("202600001".to_owned(), "202600001".to_owned())));
        assert_eq!(runs::counts(&mut conn, shop.id(), ONE).await.unwrap(), RunCounts { left: 1, ..RunCounts::default() });
        assert_eq!(runs::totals(&mut conn, SellerId(2), ONE).await.unwrap(), [], "another seller's");
        assert_eq!(runs::numbers(&mut conn, SellerId(2), ONE).await.unwrap(), None);
        shop.assert_refused("update invoices set run_id = 2", "an issued invoice never changes");
        let findings = shop.store.examine(shop.id()).await.unwrap();
        assert!(findings.iter().all(|finding| finding.problems.is_empty()), "{findings:?}");
    }

    async fn a_refused_commit_leaves_the_list_as_it_was(kind) {
        let shop = quiet(kind).await;
        shop.put_services(&[from(101, ASTRID, RENEW_ON), from(102, BERTIL, RENEW_ON)]).await;
        shop.start(1, due(RENEW_ON, RENEW_ON)).await;
        let new = shop.planned(&[101, 102].map(ServiceId)).await;
        shop.meddle("insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
            select 1, 102, 0, id, '2026-12-01', '2027-01-01', 'invoiced' from invoices");
        shop.put_services(&[from(103, BERTIL, RENEW_ON)]).await;
        shop.write(&shop.planned(&[ServiceId(103)]).await).await.unwrap();
        shop.meddle("insert into periods (seller_id, service_id, period, invoice_id, starts, ends, state) \
            select 1, 102, 0, id, '2026-12-01', '2027-01-01', 'invoiced' from invoices");
        let refused = shop.round().await.commit(&shop.seller, &new, noon(), Some(ONE), None).await;
        assert!(matches!(refused, Err(StoreError::Unique { .. })), "{refused:?}");
        assert_eq!(shop.list(), ["7|101", "8|102"]);
        assert_eq!(shop.look("select count(*) from invoices where run_id is not null"), ["0"]);
    }

    async fn a_problem_is_kept_and_puts_off_the_next_try(kind) {
        let shop = quiet(kind).await;
        shop.put_services(&[1, 2, 3].map(|id| from(100 + id, ASTRID, RENEW_ON))).await;
        let started = shop.start(1, due(RENEW_ON, RENEW_ON)).await;
        // Somebody renews one of them meanwhile.
        shop.write(&shop.planned(&[ServiceId(103)]).await).await.unwrap();
        let problem = |id, period: Option<u32>, is_failure| RunProblem {
            customer: ASTRID,
            service: ServiceId(id),
            period: period.map(PeriodNumber),
            is_failure,
            reason: "nobody knows".to_owned(),
            failures: 4,
        };
        let problems = [problem(101, Some(0), true), problem(102, None, false), problem(103, Some(0), true)];
        let put_off: Vec<_> = problems.iter().map(|problem| (problem.clone(), date(2026, 11, 24))).collect();
        let mut tx = shop.begin().await;
        runs::record(&mut tx, shop.id(), &started, &put_off).await.unwrap();
        tx.commit().await.unwrap();
        let days = shop.look("select id, renew_on from services where id between 101 and 103 order by id");
        assert_eq!(days, ["101|2026-11-24", "102|2026-11-24", "103|2026-12-18"]);
        let mut conn = shop.read().await;
        assert_eq!(runs::counts(&mut conn, shop.id(), ONE).await.unwrap(), RunCounts { left: 0, skipped: 1, failed: 2 });
        let page = async |after, limit| {
            runs::problems(&mut shop.read().await, shop.id(), ONE, ServiceId(after), limit).await.unwrap()
        };
        assert_eq!((page(0, 2).await, page(102, 2).await), (problems[..2].to_vec(), problems[2..].to_vec()));
        let last = runs::last_problems(&mut conn, shop.id(), &[101, 102].map(ServiceId)).await.unwrap();
        assert_eq!(last[&ServiceId(101)], (problems[0].clone(), ONE));
        assert!(runs::last_problems(&mut conn, SellerId(2), &[ServiceId(101)]).await.unwrap().is_empty());
        // What is recorded is done with: a second word about it changes nothing.
        let again = [(RunProblem { reason: "another".to_owned(), ..problems[0].clone() }, date(2027, 1, 1))];
        let mut tx = shop.begin().await;
        runs::record(&mut tx, shop.id(), &started, &again).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(page(0, 1).await[0].reason, "nobody knows");
    }

    async fn one_run_is_open_and_one_a_day_is_scheduled(kind) {
        let shop = quiet(kind).await;
        let scheduled = |id, day| Run { origin: RunOrigin::Schedule, day, through: day, ..run(id) };
        let insert = async |run: Run| {
            let mut tx = shop.begin().await;
            let outcome = runs::insert(&mut tx, shop.id(), &run).await;
            if outcome.is_ok() {
                tx.commit().await.unwrap();
            }
            outcome
        };
        let finish = async |id| {
            let mut tx = shop.begin().await;
            let finished = runs::finish(&mut tx, shop.id(), RunId(id), noon()).await.unwrap();
            tx.commit().await.unwrap();
            finished
        };
        insert(scheduled(1, RENEW_ON)).await.unwrap();
        assert!(matches!(insert(run(2)).await, Err(StoreError::Unique { .. })), "one is open");
        assert_eq!(runs::open(&mut shop.read().await, shop.id()).await.unwrap(), Some(scheduled(1, RENEW_ON)));
        assert!(finish(1).await && !finish(1).await);
        assert_eq!(runs::open(&mut shop.read().await, shop.id()).await.unwrap(), None);
        assert!(matches!(insert(scheduled(2, RENEW_ON)).await, Err(StoreError::Unique { .. })), "one is scheduled");
        insert(run(3)).await.unwrap();
        assert!(finish(3).await);
        insert(scheduled(4, RENEW_ON.tomorrow().unwrap())).await.unwrap();
        let mut conn = shop.read().await;
        let ids = |page: Vec<Run>| page.into_iter().map(|run| run.id.0).collect::<Vec<_>>();
        assert_eq!(ids(runs::page(&mut conn, shop.id(), None, 2).await.unwrap()), [4, 3]);
        assert_eq!(ids(runs::page(&mut conn, shop.id(), Some(RunId(3)), 2).await.unwrap()), [1]);
        assert!(runs::is_scheduled(&mut conn, shop.id(), RENEW_ON).await.unwrap());
        assert!(!runs::is_scheduled(&mut conn, shop.id(), date(2026, 11, 19)).await.unwrap());
        for two in [SellerId(2)] {
            assert_eq!(runs::open(&mut conn, two).await.unwrap(), None, "another seller's");
            assert_eq!(runs::get(&mut conn, two, ONE).await.unwrap(), None);
            assert_eq!(runs::page(&mut conn, two, None, 9).await.unwrap(), []);
            assert!(!runs::is_scheduled(&mut conn, two, RENEW_ON).await.unwrap());
        }
    }
}

/// A service is off the list.
async fn shop_done(tx: &mut perennial_store::Tx, shop: &Shop, service: i64) {
    let run = run(1);
    let problem = RunProblem {
        customer: ASTRID,
        service: ServiceId(service),
        period: None,
        is_failure: false,
        reason: String::new(),
        failures: 1,
    };
    runs::record(tx, shop.id(), &run, &[(problem, date(2026, 11, 24))]).await.unwrap();
}

/// One invoice for several services of Astrid's.
async fn together(shop: &Shop, ids: &[i64]) -> NewInvoice {
    let apart = shop.planned(&ids.iter().copied().map(ServiceId).collect::<Vec<_>>()).await;
    let versions = apart.iter().flat_map(|new| new.versions.clone()).collect();
    let first = apart[0].clone();
    let plan = Plan::together(apart.into_iter().map(|new| new.plan).collect()).expect("they belong together");
    NewInvoice { plan, versions, ..first }
}
