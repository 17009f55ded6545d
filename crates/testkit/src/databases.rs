//! A fresh database per test: a SQLite file, or a database in a private PostgreSQL cluster.
//!
//! The cluster is made by `initdb` in a temporary folder when a test process first asks for one, listens on a socket in
//! that folder only, and is stopped and removed when the process ends, however it ends: a small shell waits on a pipe that
//! closes with the process.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use perennial_store::Store;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database in the process's private cluster.
    Postgres,
}

/// A migrated, empty database of one test.
#[derive(Debug)]
pub struct TestDatabase {
    /// Where it is, for `Store::connect` and the program.
    pub url: String,
    _folder: Option<TempDir>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    /// Makes one.
    pub async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = TempDir::with_prefix("perennial-test-").expect("a temporary folder");
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                let store = Store::create(&url).await.expect("a SQLite file");
                store.apply_migrations().await.expect("migrations");
                store.close().await;
                Self { url, _folder: Some(folder) }
            }
            Kind::Postgres => {
                let cluster = cluster().await;
                let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
                cluster.sql(&format!("create database {name} template {TEMPLATE}"));
                Self { url: cluster.url(&name), _folder: None }
            }
        }
    }

    /// An empty PostgreSQL database without a schema.
    pub async fn empty_postgres() -> Self {
        let cluster = cluster().await;
        let name = format!("empty_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.sql(&format!("create database {name}"));
        Self { url: cluster.url(&name), _folder: None }
    }

    /// Opens it.
    pub async fn open(&self) -> Store {
        Store::connect(&self.url).await.expect("the test's database")
    }

    /// Takes the database away from the program until the guard is dropped: PostgreSQL lets nobody in, a SQLite file is
    /// held by another writer.
    pub fn take_away(&self) -> Away {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => {
                let mut holder = Command::new("sqlite3")
                    .arg(path)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("sqlite3: run scripts/test, which installs it");
                let mut input = holder.stdin.take().expect("its input");
                input.write_all(b"begin immediate;\nselect 'held';\n").expect("a lock");
                let mut said = [0; 4];
                holder.stdout.take().expect("its output").read_exact(&mut said).expect("the lock is held");
                Away::Held { _input: input, holder }
            }
            None => {
                let name = self.url.rsplit('/').next().unwrap_or_default().to_owned();
                let admin = self.url.replace(&format!("/{name}"), "/postgres");
                let away = Away::Closed { name, admin };
                away.allow(false);
                away
            }
        }
    }

    /// Runs SQL behind the program's back, as a person with a database client would. Answers with what the client printed,
    /// or with its complaint.
    pub fn sql(&self, sql: &str) -> Result<String, String> {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => run(Command::new("sqlite3").args(["-cmd", "pragma foreign_keys = on", path, sql])),
            None => run(Command::new("psql").args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &self.url,
                "-c",
                sql,
            ])),
        }
    }
}

/// A database that is away while this lives.
#[derive(Debug)]
pub enum Away {
    /// Another writer holds the file.
    Held {
        /// Its input; it ends when this closes.
        _input: ChildStdin,
        /// The other writer.
        holder: Child,
    },
    /// Nobody is let in.
    Closed {
        /// The database.
        name: String,
        /// Where one can still ask.
        admin: String,
    },
}

impl Away {
    fn allow(&self, is_allowed: bool) {
        if let Self::Closed { name, admin } = self {
            let sql = format!("alter database {name} with allow_connections {is_allowed}");
            let kick = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
            for sql in [sql, kick] {
                run(Command::new("psql").args(["-X", "-q", "-d", admin, "-c", &sql])).expect("the cluster obeys");
            }
        }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        match self {
            Self::Held { holder, .. } => {
                // It may be gone already; then there is nothing to end.
                let _ = holder.kill();
                let _ = holder.wait();
            }
            Self::Closed { .. } => self.allow(true),
        }
    }
}

/// The migrated database that the others are copied from.
const TEMPLATE: &str = "migrated";
/// How long a new cluster may take to answer, in tenths of a second.
const PATIENCE_TENTHS: u32 = 300;

#[derive(Debug)]
struct Cluster {
    folder: PathBuf,
    /// While this pipe is open, the cluster runs.
    _alive: ChildStdin,
    _keeper: Child,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let cluster = Cluster::start();
            cluster.sql(&format!("create database {TEMPLATE}"));
            let store = Store::connect(&cluster.url(TEMPLATE)).await.expect("the new cluster");
            store.apply_migrations().await.expect("migrations");
            store.close().await;
            cluster
        })
        .await
}

impl Cluster {
    fn start() -> Self {
        let folder = TempDir::with_prefix("perennial-pg-").expect("a temporary folder").keep();
        let bin = bin_folder();
        // PostgreSQL refuses to run as root; Debian's package brings a user for it.
        let is_root = run(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
        let become_user = if is_root { "setpriv --reuid=postgres --regid=postgres --clear-groups" } else { "" };
        if is_root {
            run(Command::new("chown").arg("postgres").arg(&folder))
                .expect("the user postgres, from Debian's postgresql");
        }
        let (bin, data, root) = (bin.display(), folder.join("data"), folder.display());
        let data = data.display();
        // Durability is tested by killing our program, not the database's machine, so the cluster need not flush.
        let script = format!(
            "cd /; \
             {become_user} {bin}/initdb -D {data} -U postgres -A trust --no-sync -E UTF8 --locale=C >{root}/initdb.log 2>&1 && \
             {become_user} {bin}/postgres -D {data} -k {root} -c listen_addresses= -c fsync=off -c full_page_writes=off \
             -c max_connections=200 >{root}/postgres.log 2>&1 & \
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
            .expect("a shell");
        let alive = keeper.stdin.take().expect("the shell's input");
        let cluster = Self { folder, _alive: alive, _keeper: keeper };
        for _ in 0..PATIENCE_TENTHS {
            if cluster.try_sql("select 1").is_ok() {
                return cluster;
            }
            sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(cluster.folder.join("postgres.log")).unwrap_or_default();
        panic!("PostgreSQL did not start in {}: {log}", cluster.folder.display());
    }

    fn url(&self, database: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{socket}/{database}")
    }

    fn try_sql(&self, sql: &str) -> Result<String, String> {
        run(Command::new("psql").args(["-X", "-q", "-d", &self.url("postgres"), "-c", sql]))
    }

    fn sql(&self, sql: &str) {
        self.try_sql(sql).expect("the private cluster does as it is told");
    }
}

/// The newest PostgreSQL that Debian installed.
fn bin_folder() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| version_of(path));
    newest.map(|path| path.join("bin")).expect("PostgreSQL: run scripts/test, which installs it")
}

fn version_of(path: &Path) -> u32 {
    path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).unwrap_or(0)
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
