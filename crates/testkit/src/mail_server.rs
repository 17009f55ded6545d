//! A real mail server (Python's aiosmtpd) that does what the address says it should.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use perennial_app::{MailConfig, MailTimes, Security};
use serde_json::Value;
use tempfile::TempDir;

/// Times that do not make a test wait.
pub const QUICK: MailTimes = MailTimes {
    connect: Duration::from_secs(5),
    command: Duration::from_secs(5),
    data: Duration::from_secs(5),
    poll: Duration::from_millis(20),
    lease: Duration::from_secs(20),
    rest: Duration::from_millis(50),
};

/// The folder of the oracles, or nothing if they are to be skipped.
#[must_use]
pub fn oracles() -> Option<PathBuf> {
    let folder = std::env::var_os("PERENNIAL_ORACLES").expect(
        "PERENNIAL_ORACLES is not set: run scripts/test, which installs what this compares with, or set it to `skip`",
    );
    (folder != "skip").then(|| folder.into())
}

/// What is trusted, who the server is, and its key: for tests, and for a hundred years.
fn tls(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tls")).join(file)
}

/// How the server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Not at all.
    Open,
    /// STARTTLS and a password.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// It takes connections and says nothing.
    Silent,
}

/// A running mail server. What it does with a mail is in the address: `scripts/oracles/smtp.py`.
#[derive(Debug)]
pub struct MailServer {
    /// Where it listens.
    pub port: u16,
    guard: Guard,
    folder: TempDir,
    server: Child,
}

/// Who it knows.
const USER: &str = "perennial";
/// By which password.
const PASSWORD: &str = "correct horse";

impl MailServer {
    /// Starts one; nothing if the oracles are to be skipped.
    #[must_use]
    pub fn start(guard: Guard) -> Option<Self> {
        Self::start_at(guard, 0)
    }

    /// As [`MailServer::start`], on this port.
    #[must_use]
    pub fn start_at(guard: Guard, port: u16) -> Option<Self> {
        let python = oracles()?.join("bin/python");
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(python);
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/smtp.py"))
            .arg(folder.path())
            .args(["--port", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        match guard {
            Guard::Open => {}
            Guard::StartTls => {
                command.arg("--starttls").args(["--auth", &format!("{USER}:{PASSWORD}")]);
            }
            Guard::Tls => {
                command.arg("--tls");
            }
            Guard::Silent => {
                command.arg("--silent");
            }
        }
        command.arg("--cert").arg(tls("server.pem")).arg("--key").arg(tls("server.key"));
        let mut server = command.spawn().expect("Python starts");
        let mut line = String::new();
        let stdout = server.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("its port");
        let port = line.trim().parse().expect("a port: run scripts/test, which installs aiosmtpd");
        Some(Self { port, guard, folder, server })
    }

    /// How mail is sent through it.
    #[must_use]
    pub fn config(&self) -> MailConfig {
        let is_known = self.guard == Guard::StartTls;
        MailConfig {
            port: Some(self.port),
            security: match self.guard {
                Guard::Open | Guard::Silent => Security::None,
                Guard::StartTls => Security::StartTls,
                Guard::Tls => Security::Tls,
            },
            user: is_known.then(|| USER.to_owned()),
            password: is_known.then(|| PASSWORD.to_owned()),
            certificates: Some(std::fs::read(tls("ca.pem")).expect("a certificate")),
            per_minute: 0,
            times: QUICK,
            ..MailConfig::of_host("localhost")
        }
    }

    /// The certificate of who vouches for it.
    #[must_use]
    pub fn certificates() -> PathBuf {
        tls("ca.pem")
    }

    /// Who it is, and its key.
    #[must_use]
    pub fn identity() -> (PathBuf, PathBuf) {
        (tls("server.pem"), tls("server.key"))
    }

    /// From now on it refuses every mail because it is about to close; or does not any more.
    pub fn closing(&self, is_closing: bool) {
        let file = self.folder.path().join("down");
        if is_closing {
            std::fs::write(file, "").expect("a file");
        } else {
            std::fs::remove_file(file).expect("a file");
        }
    }

    /// How many mails it has the text of; it may not have said yet what it does with them.
    #[must_use]
    pub fn begun(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("begun")).unwrap_or_default().lines().count()
    }

    /// What it has taken, in order: who, whom, the `Message-ID`, the file.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        // The last line may still be on its way.
        log.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Whom it has taken mails for, in order: one entry for each recipient of each.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        let taken = self.taken();
        let all = taken.iter().flat_map(|mail| mail["to"].as_array().expect("a list"));
        all.map(|to| to.as_str().expect("an address").to_owned()).collect()
    }

    /// A mail it has taken, as it came over the wire.
    #[must_use]
    pub fn bytes(&self, mail: &Value) -> Vec<u8> {
        let file = mail["file"].as_str().expect("a name");
        std::fs::read(self.folder.path().join(file)).expect("a mail")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
