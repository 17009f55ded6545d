//! A fresh database per test: a SQLite file, or a database in a private PostgreSQL cluster.
//!
//! The cluster is made when a test process first asks for one, and ends with the process.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use perennial_store::Store;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::cluster::{Cluster, psql, run};

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
                let database = Self::empty(kind).await;
                let store = Store::create(&database.url).await.expect("a SQLite file");
                store.apply_migrations().await.expect("migrations");
                store.close().await;
                database
            }
            Kind::Postgres => {
                let cluster = cluster().await;
                let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
                obey(cluster, &format!("create database {name} template {TEMPLATE}"));
                Self { url: cluster.url(&name), _folder: None }
            }
        }
    }

    /// Makes one without a schema. A SQLite file is not there yet: `Store::create` makes it.
    pub async fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = TempDir::with_prefix("perennial-test-").expect("a temporary folder");
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                Self { url, _folder: Some(folder) }
            }
            Kind::Postgres => {
                let cluster = cluster().await;
                let name = format!("empty_{}", NEXT.fetch_add(1, Ordering::Relaxed));
                obey(cluster, &format!("create database {name}"));
                Self { url: cluster.url(&name), _folder: None }
            }
        }
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
        let said = match self.url.strip_prefix("sqlite:") {
            // The program may be writing at the moment, so this waits for its turn.
            Some(path) => run(Command::new("sqlite3")
                .args(["-cmd", ".timeout 10000", "-cmd", "pragma foreign_keys = on"])
                .args([path, sql])),
            None => psql(&self.url, sql),
        };
        said.map_err(|complaint| complaint.to_string())
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
                psql(admin, &sql).expect("the cluster obeys");
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
/// Durability is tested by killing our program, not the database's machine, so the cluster need not flush.
const SETTINGS: &str = "-c fsync=off -c full_page_writes=off -c max_connections=200";

fn obey(cluster: &Cluster, sql: &str) {
    cluster.sql("postgres", sql).expect("the private cluster does as it is told");
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let cluster = Cluster::start(SETTINGS).expect("a private cluster");
            obey(&cluster, &format!("create database {TEMPLATE}"));
            let store = Store::connect(&cluster.url(TEMPLATE)).await.expect("the new cluster");
            store.apply_migrations().await.expect("migrations");
            store.close().await;
            cluster
        })
        .await
}
