//! A receiver of webhooks in another language, which checks them with a library that is not ours.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::oracles;

/// A running receiver: `scripts/oracles/webhooks.py`.
#[derive(Debug)]
pub struct WebhookVerifier {
    /// Where it listens.
    pub port: u16,
    folder: TempDir,
    server: Child,
}

impl WebhookVerifier {
    /// Starts one that answers the first try of every `fail_each`th message with 500; none for nought. Nothing if the oracles
    /// are to be skipped.
    #[must_use]
    pub fn start(fail_each: u32) -> Option<Self> {
        let python = oracles()?.join("bin/python");
        let folder = TempDir::new().expect("a folder");
        let mut server = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/oracles/webhooks.py"))
            .arg(folder.path())
            .args(["--fail-each", &fail_each.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        let port = line.trim().parse().expect("a port: run scripts/test, which installs standardwebhooks");
        Some(Self { port, folder, server })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// What messages are to be signed with.
    pub fn knows(&self, secrets: &[&str]) {
        std::fs::write(self.folder.path().join("secrets"), secrets.join("\n")).expect("a file");
    }

    /// Every message that came, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        // Its last line may be half written.
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The messages that it took.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        self.received().into_iter().filter(|message| message["taken"] == true).collect()
    }
}

impl Drop for WebhookVerifier {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
