//! The API, driven by what its own document says: schemathesis makes requests that fit it and requests that do not, and judges
//! every answer by it. No 5xx, no status and no shape that is not documented, nothing accepted that is not. And the example of a
//! client that the documentation has, in another language than ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use perennial_testkit::{Kind, client};

use crate::crash::stocked;

/// Made-up requests for each operation, beside those that go through its boundaries, unless the environment says otherwise:
/// `PERENNIAL_TEST_REQUESTS=400`.
const REQUESTS: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn the_document_holds_on_sqlite() {
    drive(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_holds_on_postgres() {
    drive(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_client_goes_all_the_way_on_sqlite() {
    show_the_example(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_client_goes_all_the_way_on_postgres() {
    show_the_example(Kind::Postgres).await;
}

/// How many are made up, and what else is done: where more are asked for than the suite makes, requests also follow one
/// another, each with what the one before answered.
fn effort() -> (u32, &'static str) {
    match std::env::var("PERENNIAL_TEST_REQUESTS").ok().and_then(|text| text.parse().ok()) {
        None => (REQUESTS, "examples,coverage,fuzzing"),
        Some(requests) => (requests, "examples,coverage,fuzzing,stateful"),
    }
}

/// Where the oracles are; none if they are left out.
fn oracles() -> Option<PathBuf> {
    let oracles = std::env::var_os("PERENNIAL_ORACLES").expect(
        "PERENNIAL_ORACLES is not set: run scripts/test, which installs what this compares with, or set it to `skip`",
    );
    (oracles != "skip").then(|| oracles.into())
}

async fn show_the_example(kind: Kind) {
    let Some(oracles) = oracles() else { return };
    let installation = stocked(kind).await;
    let serving = installation.serve();
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api/examples/client.py");
    let mut python = Command::new(oracles.join("bin/python"));
    let address = format!("http://{}", serving.address);
    let ended = python.arg(client).args([&address, &installation.key]).output().expect("Python");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    for part in ["renewed svc_", "mailed again to ", "its PDF has ", "payment link: ", "credited by "] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let notes = "select count(*) from invoices where kind = 'credit_note'";
    assert_eq!(installation.database.sql(notes).unwrap().trim(), "1");
    let doctor = installation.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.shown());
}

async fn drive(kind: Kind) {
    let Some(oracles) = oracles() else { return };
    let installation = stocked(kind).await;
    let file = installation.folder.path().join("perennial.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let unlimited = ["rate_limit_per_minute = 6000", "address_limit_per_minute = 12000", "guess_limit = 20"];
    let text = unlimited.iter().fold(text, |text, limit| {
        assert!(text.contains(limit), "{limit}");
        text.replace(limit, &format!("{} = 0", limit.split(' ').next().unwrap()))
    });
    std::fs::write(&file, text).unwrap();
    let serving = installation.serve();
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/oracles/schemathesis.toml");
    let program = oracles.join("bin/schemathesis");
    let (requests, phases) = effort();
    // What is done with keys comes last: one of those requests revokes the key that all of them have.
    for (which, enough) in [("--exclude-path-regex", 3_000), ("--include-path-regex", 300)] {
        let ended = Command::new(&program)
            .arg("--config-file")
            .arg(&settings)
            .args(["run", &format!("http://{}/api/openapi.json", serving.address), which, "/keys"])
            .args(["--header", &format!("Authorization: Bearer {}", installation.key)])
            .args(["--phases", phases, "--max-examples", &requests.to_string(), "--continue-on-failure"])
            .args(["--workers", "2", "--no-color", "--seed", "20261127"])
            .current_dir(installation.folder.path())
            .output()
            .expect("schemathesis");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
        // "6858 generated, 6858 passed"
        let mut words = said.split_whitespace().skip_while(|word| *word != "cases:").skip(1);
        let made: u32 = words.next().and_then(|made| made.parse().ok()).unwrap_or_default();
        assert!(made > enough, "{made} requests were made\n{said}");
        eprintln!("{kind:?}, {which} /keys: {made} requests\n{said}");
        if which == "--exclude-path-regex" {
            let me = format!("http://{}/api/v2/me", serving.address);
            let me = client().get(me).bearer_auth(&installation.key).send().await.unwrap();
            assert_eq!(me.status().as_u16(), 200, "the key was lost on the way\n{said}");
        }
    }
    let doctor = installation.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.shown());
}
