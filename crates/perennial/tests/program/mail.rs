//! kill -9 in the middle of a thousand mails: none is lost, and only what nobody could know about is sent again, by the
//! same name and to the byte.

use std::collections::HashMap;
use std::time::Duration;

use perennial_testkit::{Guard, Kind, MailServer};

use crate::crash::stocked;
use crate::run::Installation;

/// Invoices that are mailed.
const MAILS: usize = 1_000;
/// Mails that a server sends before it is killed, about.
const BEFORE_THE_KILL: usize = 90;
/// For how long mails are waited for, in tenths of a second.
const PATIENCE_TENTHS: u32 = 1_200;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_sqlite_loses_no_mail() {
    kill_while_mailing(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_postgres_loses_no_mail() {
    kill_while_mailing(Kind::Postgres).await;
}

/// Says in the configuration by which server mail is sent, as fast as it takes it.
fn configure(installation: &Installation, server: &MailServer) {
    let file = installation.folder.path().join("perennial.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let host = format!("host = \"localhost\"\nport = {}\nsecurity = \"none\"", server.port);
    let text = text.replace("security = \"starttls\"", &host).replace("\nper_minute = 1200\n", "\nper_minute = 0\n");
    std::fs::write(&file, text).unwrap();
}

async fn wait_for(server: &MailServer, mails: usize) {
    for _ in 0..PATIENCE_TENTHS {
        if server.taken().len() >= mails {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} of {mails} mails", server.taken().len());
}

async fn kill_while_mailing(kind: Kind) {
    let Some(server) = MailServer::start(Guard::Open) else { return };
    let installation = stocked(kind).await;
    configure(&installation, &server);
    let set = installation.run(&["seller", "set", "--email", "faktura@norrsken.example"]);
    assert_eq!(set.code, 0, "{}", set.shown());
    let mut next = 20_000;
    let count = "select count(*) from outbox";
    while installation.database.sql(count).unwrap().trim().parse::<usize>().unwrap() < MAILS {
        let ids: Vec<String> = (next..next + 100).map(|id: u64| id.to_string()).collect();
        let mut args = vec!["renew"];
        args.extend(ids.iter().map(String::as_str));
        // Some services of a provider cannot be renewed.
        installation.run(&args);
        next += 100;
    }
    let queued: usize = installation.database.sql(count).unwrap().trim().parse().unwrap();
    let mut kills = 0;
    while server.taken().len() + BEFORE_THE_KILL < queued {
        let mut serving = installation.serve();
        wait_for(&server, server.taken().len() + BEFORE_THE_KILL).await;
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        kills += 1;
        let doctor = installation.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "after kill {kills}: {}", doctor.shown());
        // The time goes by in which nobody else takes what the dead server held.
        installation
            .database
            .sql("update outbox set claimed_until = created_at where claimed_until is not null")
            .unwrap();
    }
    assert!(kills > 5, "{kills} kills");
    let mut serving = installation.serve();
    let waiting = "select count(*) from outbox where state <> 'sent'";
    for _ in 0..PATIENCE_TENTHS {
        if installation.database.sql(waiting).unwrap().trim() == "0" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    assert_eq!(installation.database.sql(waiting).unwrap().trim(), "0", "every mail was sent");

    let taken = server.taken();
    let mut by_name: HashMap<&str, Vec<&serde_json::Value>> = HashMap::new();
    for mail in &taken {
        by_name.entry(mail["messageId"].as_str().unwrap()).or_default().push(mail);
    }
    assert_eq!(by_name.len(), queued, "none is lost, and none has two names");
    for copies in by_name.values() {
        for copy in &copies[1..] {
            assert_eq!(copy["to"], copies[0]["to"]);
            assert!(server.bytes(copy) == server.bytes(copies[0]), "a repeat is the same to the byte");
        }
    }
    let repeats = taken.len() - queued;
    // No connection sends another mail before it is written down what became of the last one.
    assert!(repeats <= kills * 4, "{repeats} repeats of {queued} after {kills} kills");
    let doctor = installation.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.shown());
}
