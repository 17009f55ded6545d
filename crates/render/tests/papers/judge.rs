//! Judges: scripts in `scripts/oracles`, run with the Python of the virtual environment in `PERENNIAL_ORACLES`;
//! `PERENNIAL_ORACLES=skip` leaves them out.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles");

/// What a script says to each of these questions; none if judges are to be left out.
pub fn answers(script: &str, questions: Vec<serde_json::Value>) -> Option<Vec<serde_json::Value>> {
    let folder = std::env::var_os("PERENNIAL_ORACLES").expect(
        "PERENNIAL_ORACLES is not set: run scripts/test, which installs what this compares with, or set it to `skip`",
    );
    if folder == "skip" {
        return None;
    }
    let mut judge = Command::new(Path::new(&folder).join("bin/python"))
        .arg(Path::new(SCRIPTS).join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{script} does not start: {error}. Run scripts/test."));
    let mut stdin = judge.stdin.take().unwrap();
    let count = questions.len();
    let asking = std::thread::spawn(move || questions.iter().try_for_each(|question| writeln!(stdin, "{question}")));
    let output = judge.wait_with_output().unwrap();
    asking.join().unwrap().unwrap();
    assert!(output.status.success(), "{script} failed");
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), count, "{script} did not answer everything");
    Some(answers)
}
