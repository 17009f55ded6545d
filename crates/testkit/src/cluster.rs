//! A PostgreSQL cluster of its own, for tests and the benchmark.
//!
//! It is made by `initdb` in a temporary folder, listens on a socket in that folder only, and is stopped and removed when
//! its owner ends, however it ends: a small shell waits on a pipe that closes with the process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

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
    /// Makes and starts one with these settings (`-c name=value …`) besides its socket.
    ///
    /// # Errors
    /// When PostgreSQL is missing or does not start; the text says what it complained about.
    pub fn start(settings: &str) -> io::Result<Self> {
        let folder = TempDir::with_prefix("perennial-pg-")?.keep();
        let bin = bin_folder()?;
        // PostgreSQL refuses to run as root; Debian's package brings a user for it.
        let is_root = run(Command::new("id").arg("-u"))?.trim() == "0";
        let become_user = if is_root { "setpriv --reuid=postgres --regid=postgres --clear-groups" } else { "" };
        if is_root {
            run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let (bin, data, root) = (bin.display(), folder.join("data"), folder.display());
        let data = data.display();
        let script = format!(
            "cd /; \
             {become_user} {bin}/initdb -D {data} -U postgres -A trust --no-sync -E UTF8 --locale=C >{root}/initdb.log 2>&1 && \
             {become_user} {bin}/postgres -D {data} -k {root} -c listen_addresses= {settings} >{root}/postgres.log 2>&1 & \
             server=$!; cat >/dev/null; \
             pid=$(head -n 1 {data}/postmaster.pid 2>/dev/null); [ -n \"$pid\" ] && kill -INT \"$pid\"; \
             wait $server; rm -rf {root}"
        );
        let mut keeper = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let alive = keeper.stdin.take();
        let cluster = Self { folder, alive, keeper };
        for _ in 0..PATIENCE_TENTHS {
            if cluster.sql("postgres", "select 1").is_ok() {
                return Ok(cluster);
            }
            sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(cluster.folder.join("postgres.log")).unwrap_or_default();
        Err(io::Error::other(format!("PostgreSQL did not start in {}: {log}", cluster.folder.display())))
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{socket}/{database}")
    }

    /// Runs SQL in one of its databases and gives back what it printed, one row a line, columns parted by `|`.
    ///
    /// # Errors
    /// With the complaint of the client.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        psql(&self.url(database), sql)
    }

    /// The process that all others of the cluster descend from.
    ///
    /// # Errors
    /// When the cluster does not run.
    pub fn postmaster(&self) -> io::Result<u32> {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        text.lines().next().unwrap_or_default().trim().parse().map_err(io::Error::other)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.alive.take());
        // The shell may have been ended by the same signal as its owner.
        let _ = self.keeper.wait();
    }
}

/// Runs SQL in the database at this address.
pub(crate) fn psql(url: &str, sql: &str) -> io::Result<String> {
    run(Command::new("psql").args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]))
}

/// The newest PostgreSQL that Debian installed.
fn bin_folder() -> io::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| version_of(path));
    newest
        .map(|path| path.join("bin"))
        .ok_or_else(|| io::Error::other("there is no PostgreSQL: scripts/test installs it"))
}

fn version_of(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// Runs a program and gives back what it printed; a program that fails is an error with its complaint.
///
/// # Errors
/// When it cannot be run or fails.
pub fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output().map_err(|error| io::Error::other(format!("cannot run {command:?}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(io::Error::other(format!("{command:?} failed ({}): {}", output.status, String::from_utf8_lossy(&said).trim())))
}
