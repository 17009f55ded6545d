//! kill -9 while customers renew, pay from their credit, ask for more, and the bank's payments are recorded: no amount is
//! lost, none is doubled, and the books are right.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use perennial_testkit::{Client, Kind, client};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crash::stocked;
use crate::run::Installation;

/// Times everything is killed.
const KILLS: u64 = 8;
/// Callers at once, each a customer of its own with its services.
const CALLERS: u64 = 24;
/// How long everything runs before it is killed, in milliseconds, and how much longer each time.
const RUNS_FOR_MS: u64 = 900;
const LONGER_MS: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn money_survives_kills_on_sqlite() {
    kill_while_money_moves(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_survives_kills_on_postgres() {
    kill_while_money_moves(Kind::Postgres).await;
}

/// One call by a staff key; none when the server is gone.
async fn post(client: &Client, address: SocketAddr, key: &str, path: &str, body: &Value) -> Option<Value> {
    let call = client.post(format!("http://{address}{path}")).header("x-api-key", key);
    call.json(body).send().await.ok()?.json::<Value>().await.ok()
}

async fn kill_while_money_moves(kind: Kind) {
    let installation = stocked(kind).await;
    // Customers with a service of their own, and credit to pay with.
    let rows = "select s.customer_id, min(s.id), min(c.currency) from services s join customers c on c.id = s.customer_id \
        where s.status = 'active' and s.cycle = '1m' group by s.customer_id order by 1 limit 24";
    let rows = installation.database.sql(rows).unwrap();
    let customers: Vec<(String, String)> = rows
        .lines()
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            let (customer, service) = (cells[0].to_owned(), cells[1].to_owned());
            let funds = ["payment", "record", "--customer", &customer, "--amount", "100000", "--reference", &customer];
            let funded = installation.run(&funds);
            assert_eq!(funded.code, 0, "{}", funded.shown());
            (customer, service)
        })
        .collect();
    assert_eq!(customers.len(), usize::try_from(CALLERS).unwrap());
    // By invoice: what a caller was told is paid of it from credit.
    let applied: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let client = client();
    let mut payments = 0;
    for kill in 0..KILLS {
        let mut serving = installation.serve();
        let mut callers = JoinSet::new();
        for (_, service) in &customers {
            let (address, key, applied) = (serving.address, installation.key.clone(), applied.clone());
            let (client, service) = (client.clone(), service.clone());
            callers.spawn(async move {
                loop {
                    let renew = format!("/api/services/{service}/renew");
                    let Some(renewed) = post(&client, address, &key, &renew, &json!({})).await else { return };
                    let Some(invoice) = renewed["data"]["invoiceId"].as_str() else { return };
                    let apply = format!("/api/billing/invoice/{invoice}/apply-credit");
                    for _ in 0..3 {
                        let Some(done) = post(&client, address, &key, &apply, &json!({ "amount": "1" })).await else {
                            return;
                        };
                        if done["success"] == true {
                            *applied.lock().unwrap().entry(invoice.to_owned()).or_default() += 1;
                        }
                    }
                }
            });
        }
        // The bank's payments, each recorded twice, by programs that are killed as well.
        let mut children = Vec::new();
        let until = tokio::time::Instant::now() + Duration::from_millis(RUNS_FOR_MS + kill * LONGER_MS);
        while tokio::time::Instant::now() < until {
            for (customer, _) in &customers[..1] {
                let reference = format!("bank {}", payments / 2);
                let record = [
                    "payment",
                    "record",
                    "--customer",
                    customer,
                    "--amount",
                    "7",
                    "--reference",
                    &format!("{reference} {customer}"),
                ];
                children.push(installation.start(&record));
                children.push(installation.start(&record));
            }
            payments += 1;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        for child in &mut children {
            let _ = child.kill();
            let _ = child.wait();
        }
        callers.join_all().await;
        let doctor = installation.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "after kill {kill}: {}", doctor.shown());
    }
    // What callers were told is there; a call that was cut off may have been done as well.
    let rows = "select invoice_id, count(*) from settlements where source = 'credit' group by invoice_id";
    let rows = installation.database.sql(rows).unwrap();
    let written: HashMap<String, u32> = rows
        .lines()
        .filter_map(|row| row.split_once('|'))
        .map(|(invoice, count)| (invoice.to_owned(), count.parse().unwrap()))
        .collect();
    let applied = applied.lock().unwrap();
    assert!(applied.values().sum::<u32>() > 50, "the load was real: {applied:?}");
    for (invoice, told) in applied.iter() {
        let there = written.get(invoice).copied().unwrap_or(0);
        assert!(
            (*told..=told + u32::try_from(KILLS).unwrap()).contains(&there),
            "invoice {invoice}: told {told}, {there} there"
        );
    }
    assert_only_one_of_each(&installation);
}

/// No payment came in twice, whoever recorded it how often.
fn assert_only_one_of_each(installation: &Installation) {
    let doubled = "select count(*) from (select reference from payments group by reference having count(*) > 1) d";
    assert_eq!(installation.database.sql(doubled).unwrap().trim(), "0");
    let known = installation.database.sql("select count(*) from payments where amount_minor = 700").unwrap();
    assert!(known.trim().parse::<u32>().unwrap() > 0, "payments were recorded");
}
