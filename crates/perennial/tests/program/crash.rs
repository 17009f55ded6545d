//! kill -9 in the middle of renewals, again and again: nothing that was answered is lost, nothing is doubled, no number is
//! missing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use perennial_testkit::{Client, Kind, client, provider_csv};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::run::Installation;

/// Times the server is killed.
const KILLS: u64 = 20;
/// How long to wait for the load to flow before the kill, in tenths of a millisecond.
const PATIENCE_TENTHS_OF_MS: u32 = 50_000;
/// Callers at once.
const CALLERS: usize = 128;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_sqlite_loses_and_doubles_nothing() {
    kill_again_and_again(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_postgres_loses_and_doubles_nothing() {
    kill_again_and_again(Kind::Postgres).await;
}

/// Services that are asked for at two servers.
const SHARED: std::ops::Range<u64> = 20_000..20_600;
/// Answers of one of the two before it is killed.
const ENOUGH_BEFORE_THE_KILL: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_postgres_renew_the_same_services_and_one_is_killed() {
    let installation = stocked(Kind::Postgres).await;
    let servers = [installation.serve(), installation.serve()];
    // By server: what it answered.
    let answered: [Arc<Mutex<HashMap<u64, String>>>; 2] = Default::default();
    let client = client();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS as u64 {
        // Both servers are asked for the same services at the same time.
        let nth = usize::try_from(caller % 2).unwrap();
        let (address, key, answered) = (servers[nth].address, installation.key.clone(), answered[nth].clone());
        let client = client.clone();
        callers.spawn(async move {
            for service in SHARED.skip(usize::try_from(caller / 2).unwrap()).step_by(CALLERS / 2) {
                let Some(invoice) = renew(&client, address, &key, service).await else { return };
                if let Some(invoice) = invoice {
                    answered.lock().unwrap().insert(service, invoice);
                }
            }
        });
    }
    let [mut first, second] = servers;
    wait_for(&answered[0], ENOUGH_BEFORE_THE_KILL).await;
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    callers.join_all().await;
    drop(second);
    let doctor = installation.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.shown());
    for answered in &answered {
        assert_all_is_there(&installation, &answered.lock().unwrap());
    }
    let (killed, left) = (answered[0].lock().unwrap().len(), answered[1].lock().unwrap().len());
    assert!(killed < left, "one was killed on the way: {killed} and {left} answers");
}

/// The invoice that renewing a service came to, if any; none when the server is gone.
async fn renew(client: &Client, address: SocketAddr, key: &str, service: u64) -> Option<Option<String>> {
    let call = client.post(format!("http://{address}/api/services/{service}/renew")).header("x-api-key", key);
    let body = call.send().await.ok()?.json::<Value>().await.ok()?;
    Some(body["data"]["invoiceId"].as_str().map(str::to_owned))
}

/// Waits until so many answers were read.
async fn wait_for(answered: &Mutex<HashMap<u64, String>>, enough: usize) {
    for _ in 0..PATIENCE_TENTHS_OF_MS {
        if answered.lock().unwrap().len() >= enough {
            break;
        }
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
}

/// An installation with a whole provider in it.
pub async fn stocked(kind: Kind) -> Installation {
    let installation = Installation::new(kind).await;
    let imported = installation.run(&["import", "csv", provider_csv().to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.shown());
    installation
}

async fn kill_again_and_again(kind: Kind) {
    let installation = stocked(kind).await;
    // Every answer that a caller has read: service to invoice.
    let answered: Arc<Mutex<HashMap<u64, String>>> = Arc::default();
    let mut next = 20_000;
    let client = client();
    for kill in 0..KILLS {
        let mut serving = installation.serve();
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS as u64 {
            let (address, key, answered) = (serving.address, installation.key.clone(), answered.clone());
            let client = client.clone();
            callers.spawn(async move {
                // Each walks through services of its own until the server is gone.
                for service in (next + caller..23_691).step_by(CALLERS) {
                    let Some(invoice) = renew(&client, address, &key, service).await else { return };
                    if let Some(invoice) = invoice {
                        answered.lock().unwrap().insert(service, invoice);
                    }
                }
            });
        }
        // In the middle of the load, at a different moment each time.
        let before = answered.lock().unwrap().len();
        wait_for(&answered, before + 3 + usize::try_from(kill * 7 % 40).unwrap()).await;
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        callers.join_all().await;
        let doctor = installation.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "after kill {kill}: {}", doctor.shown());
        // The next round overlaps with this one: what was lost on the way is asked for again.
        next += 30;
    }
    assert_all_is_there(&installation, &answered.lock().unwrap());
}

/// Every answer that was read is in the database, nothing is doubled, no number is missing.
fn assert_all_is_there(installation: &Installation, answered: &HashMap<u64, String>) {
    assert!(answered.len() > 100, "the load was real: {} answers", answered.len());
    let rows = installation.database.sql("select service_id, invoice_id from periods order by 1").unwrap();
    let written: HashMap<u64, String> = rows
        .lines()
        .map(|row| row.split_once('|').unwrap())
        .map(|(service, invoice)| (service.parse().unwrap(), invoice.to_owned()))
        .collect();
    assert_eq!(rows.lines().count(), written.len(), "one claim per service");
    for (service, invoice) in answered.iter() {
        assert_eq!(written.get(service), Some(invoice), "the answer for service {service} is in the database");
    }
    let numbers =
        installation.database.sql("select min(series_number), max(series_number), count(*) from invoices").unwrap();
    let numbers: Vec<u64> = numbers.trim().split('|').map(|number| number.parse().unwrap()).collect();
    assert_eq!((numbers[0], numbers[1]), (1, numbers[2]), "no number is missing");
}
