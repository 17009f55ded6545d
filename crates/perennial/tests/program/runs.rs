//! Renewal runs that are killed: what they come to in the end is what an undisturbed one comes to.

use std::fmt::Write;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use perennial_app::{Clock, Random};
use perennial_testkit::Kind;
use serde_json::Value;
use tempfile::TempDir;

use crate::run::Installation;

/// Times a run is killed.
const KILLS: u64 = 20;
/// Services that are due, unless the environment says otherwise: `PERENNIAL_TEST_DUE=100000`.
const DUE: usize = 4_000;

/// Every claim with what its invoice says, but for ids and numbers, which follow from who was faster.
const CLAIMS: &str = "select p.service_id, p.period, p.starts, p.ends, i.customer_id, i.issued_on, i.due_on, i.currency, \
    i.net_minor, i.tax_minor, i.total_minor, \
    (select count(*) from periods q where q.seller_id = p.seller_id and q.invoice_id = p.invoice_id) as together \
    from periods p join invoices i on i.seller_id = p.seller_id and i.id = p.invoice_id order by 1, 2";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_sqlite_that_is_killed_again_and_again_comes_to_the_same() {
    kill_again_and_again(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_postgres_that_is_killed_again_and_again_comes_to_the_same() {
    kill_again_and_again(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_share_a_run_one_is_killed() {
    let (undisturbed, took) = undisturbed(Kind::Postgres).await;
    let installation = stocked(Kind::Postgres).await;
    let (mut first, mut second) = (installation.start(&["run"]), installation.start(&["run"]));
    std::thread::sleep(took / 3);
    kill(&mut first);
    assert!(second.wait().unwrap().success(), "the other one finishes the run");
    assert_same(&installation, &undisturbed);
    assert_eq!(runs(&installation).len(), 1, "it was one run");
}

async fn kill_again_and_again(kind: Kind) {
    let (undisturbed, took) = undisturbed(kind).await;
    let installation = stocked(kind).await;
    let random = Random::seeded(11);
    let mut in_the_middle = 0;
    for nth in 0..KILLS {
        let before = claims(&installation);
        let mut run = installation.start(&["run"]);
        if nth % 2 == 0 {
            // This one is killed after it has written something, however slow the machine is today. It may also wait in
            // vain, for parts that those who were killed still hold.
            let begun = Instant::now();
            while claims(&installation) == before && begun.elapsed() < took {}
        }
        let most = u64::try_from(took.as_micros() / 10).unwrap();
        std::thread::sleep(Duration::from_micros(random.below(most).unwrap()));
        kill(&mut run);
        let doctor = installation.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "{}", doctor.shown());
        in_the_middle += usize::from((1..due()).contains(&claims(&installation)));
    }
    let last = installation.run(&["run", "--format", "json"]);
    assert_eq!(last.code, 0, "{}", last.shown());
    assert!(in_the_middle >= 5, "{in_the_middle} kills were in the middle of the work");
    assert_same(&installation, &undisturbed);
    let found: u64 = runs(&installation).iter().map(|run| run["found"].as_u64().unwrap()).sum();
    assert_eq!(found, due() as u64, "the report of the run that died was gone on with");
}

/// What a run that nobody disturbs comes to, and how long it takes.
async fn undisturbed(kind: Kind) -> (String, Duration) {
    let installation = stocked(kind).await;
    let begun = Instant::now();
    let ended = installation.run(&["run"]);
    let took = begun.elapsed();
    assert_eq!(ended.code, 0, "{}", ended.shown());
    let claims = installation.database.sql(CLAIMS).unwrap();
    assert_eq!(claims.lines().count(), due());
    (claims, took)
}

fn assert_same(installation: &Installation, undisturbed: &str) {
    let claims = installation.database.sql(CLAIMS).unwrap();
    let differs = claims.lines().zip(undisturbed.lines()).find(|(ours, theirs)| ours != theirs);
    assert_eq!(differs, None);
    assert_eq!(claims.lines().count(), undisturbed.lines().count());
    let doctor = installation.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.shown());
}

/// How many periods are billed.
fn claims(installation: &Installation) -> usize {
    installation.database.sql("select count(*) from periods").unwrap().trim().parse().unwrap()
}

fn runs(installation: &Installation) -> Vec<Value> {
    let listed = installation.run(&["run", "list", "--format", "json"]);
    let Value::Array(runs) = serde_json::from_str(&listed.stdout).unwrap() else { panic!("{}", listed.shown()) };
    runs
}

fn kill(child: &mut Child) {
    // It may have ended by itself just before.
    let _ = child.kill();
    child.wait().unwrap();
}

fn due() -> usize {
    std::env::var("PERENNIAL_TEST_DUE").ok().and_then(|due| due.parse().ok()).unwrap_or(DUE)
}

/// A seller with customers of one, two and three services each, all due by today.
async fn stocked(kind: Kind) -> Installation {
    let installation = Installation::new(kind).await;
    let folder = TempDir::new().unwrap();
    let today = Clock::System.today(&TimeZone::get("Europe/Stockholm").unwrap());
    let (customers, services) = provider(due(), today);
    let files = [
        (
            "products.csv",
            "id,name,service_type,kind,tax_class,price_source\n1,Server,3,vps,standard,catalogue\n".to_owned(),
        ),
        (
            "prices.csv",
            "product_id,cycle,currency,amount,starts\n1,1m,SEK,99.90,2020-01-01\n1,1m,EUR,9.99,2020-01-01\n".to_owned(),
        ),
        ("customers.csv", customers),
        ("services.csv", services),
        ("addons.csv", "id,service_id,product_id,quantity,own_price\n".to_owned()),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let imported = installation.run(&["import", "csv", folder.path().to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.shown());
    installation
}

fn provider(due: usize, today: Date) -> (String, String) {
    let mut customers =
        "id,kind,name,company,email,cc_emails,address1,address2,postcode,city,country,vat_number,language,\
        currency,tax_exempt,created\n"
            .to_owned();
    let mut services =
        "id,customer_id,product_id,label,status,cycle,anchor,next_due,quantity,own_price,auto_renew\n".to_owned();
    let (mut customer, mut left) = (0, 0);
    for nth in 0..due {
        if left == 0 {
            customer += 1;
            left = 1 + customer % 3;
            let currency = if customer % 4 == 0 { "EUR" } else { "SEK" };
            let _ = writeln!(
                customers,
                "{customer},private,Customer {customer},,c{customer}@example.com,,Street 1,,111 11,Town,SE,,sv,{currency},0,2024-01-01"
            );
        }
        left -= 1;
        let starts = today.checked_add(Span::new().days(i64::try_from(nth % 14).unwrap())).unwrap();
        let id = nth + 1;
        let _ = writeln!(services, "{id},{customer},1,host{id}.example.com,active,1m,{starts},{starts},1,,1");
    }
    (customers, services)
}
