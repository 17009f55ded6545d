//! A PostgreSQL cluster of its own, with durability on: what is committed has reached the disk.
//!
//! It is made by `initdb` in a temporary folder, listens on a socket in that folder only, and is stopped and removed when
//! the benchmark ends, however it ends: a small shell waits on a pipe that closes with the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::shell;

/// What differs from the defaults, besides the socket; the first three are the defaults, written down.
const SETTINGS: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=512MB";
/// How long a new cluster may take to answer, in tenths of a second.
const PATIENCE_TENTHS: u32 = 300;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    /// While this pipe is open, the cluster runs.
    alive: Option<ChildStdin>,
    keeper: Child,
}

impl Cluster {
    /// Makes and starts one.
    pub fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("perennial-bench-pg-").context("cannot make a folder")?.keep();
        let bin = bin_folder()?;
        // PostgreSQL refuses to run as root; Debian's package brings a user for it.
        let is_root = shell::run(Command::new("id").arg("-u"))?.trim() == "0";
        let become_user = if is_root { "setpriv --reuid=postgres --regid=postgres --clear-groups" } else { "" };
        if is_root {
            shell::run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let (bin, data, root) = (bin.display(), folder.join("data"), folder.display());
        let data = data.display();
        let script = format!(
            "cd /; \
             {become_user} {bin}/initdb -D {data} -U postgres -A trust --no-sync -E UTF8 --locale=C >{root}/initdb.log 2>&1 && \
             {become_user} {bin}/postgres -D {data} -k {root} -c listen_addresses= {SETTINGS} >{root}/postgres.log 2>&1 & \
             server=$!; cat >/dev/null; \
             pid=$(head -n 1 {data}/postmaster.pid 2>/dev/null); [ -n \"$pid\" ] && kill -INT \"$pid\"; \
             wait $server; rm -rf {root}"
        );
        let mut keeper = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a shell")?;
        let alive = keeper.stdin.take();
        let cluster = Self { folder, alive, keeper };
        for _ in 0..PATIENCE_TENTHS {
            if cluster.sql("postgres", "select 1").is_ok() {
                return Ok(cluster);
            }
            sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(cluster.folder.join("postgres.log")).unwrap_or_default();
        bail!("PostgreSQL did not start in {}: {log}", cluster.folder.display());
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{socket}/{database}")
    }

    /// Runs SQL in one of its databases and gives back what it printed, one row a line, columns parted by `|`.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let url = self.url(database);
        shell::run(Command::new("psql").args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", sql]))
    }

    /// The process all others of the cluster descend from.
    pub fn postmaster(&self) -> Result<u32> {
        let file = self.folder.join("data/postmaster.pid");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        text.lines().next().unwrap_or_default().trim().parse().context("postmaster.pid has no process id")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.alive.take());
        // The shell may have been ended by the same signal as the benchmark.
        let _ = self.keeper.wait();
    }
}

/// The newest PostgreSQL that Debian installed.
fn bin_folder() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| version_of(path));
    newest.map(|path| path.join("bin")).context("there is no PostgreSQL: scripts/test installs it")
}

fn version_of(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).unwrap_or(0)
}
