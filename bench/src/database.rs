//! The prepared database of each kind, a fresh copy of it for every cell, and the check of what a cell wrote.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use perennial_store::Store;
use perennial_testkit::{Cluster, run};
use serde::Serialize;
use tempfile::TempDir;

use crate::ceiling;
use crate::floor;
use crate::process::Usage;
use crate::provider::{Expected, Provider};

/// Durability is on; what differs from the defaults is the memory, and the first three are the defaults, written down.
const SETTINGS: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=512MB";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A cluster of its own.
    Postgres,
}

impl Kind {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A database with services that are due, and nothing renewed. It is only ever copied.
#[derive(Debug)]
pub struct Prepared {
    /// What is in it.
    pub provider: Provider,
    /// Services that were renewed and paid once before, the first by id.
    history: Vec<i64>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Sqlite(TempDir),
    Postgres(Cluster),
}

/// Has all that was renewed paid, each invoice by a payment of its own under the same id, and mailed.
const PAY: &str = "insert into payments (seller_id, id, customer_id, currency, amount_minor, method, reference, paid_on, at, \
    actor) select seller_id, id, customer_id, currency, total_minor, 'bank', 'invoice ' || number, issued_on, issued_at, \
    'bench' from invoices order by id; \
    insert into settlements (seller_id, id, invoice_id, source, source_id, amount_minor, at) \
    select seller_id, id, id, 'payment', id, amount_minor, at from payments order by id; \
    insert into ledger (seller_id, source, source_id, entry, debit, credit, currency, amount_minor, booked_on) \
    select seller_id, 'payment', id, 1, 'bank', 'receivable', currency, amount_minor, paid_on from payments order by id; \
    update periods set state = 'paid'; \
    update invoices set status = 'paid', paid_at = issued_at, open_minor = 0; \
    update services set paid_through = billed_through, open_invoice_id = null, due_from = renew_on \
    where open_invoice_id is not null; \
    update outbox set state = 'sent', attempts = 1";

/// The ids of payments and settlements are used up.
const USE_IDS_POSTGRES: &str = "select setval('ids_payment', max(id)), setval('ids_settlement', max(id)) from payments";
const USE_IDS_SQLITE: &str =
    "update ids set next = (select max(id) + 1 from payments) where kind in ('payment', 'settlement')";

/// What autovacuum would have seen to by now when nothing has been renewed yet. The other tables are empty: vacuumed, they
/// would be planned for as if they stayed so, and every look-up in them would read them whole.
const LOADED_TABLES: &str = "sellers, customers, products, prices, services, addons, api_keys";

/// What the prepared database is called, as a file and as a database.
const PREPARED: &str = "prepared";
/// What a copy is called; there is one at a time.
const COPY: &str = "cell";

impl Prepared {
    /// Makes a database with this many services, some of which were renewed and paid once before.
    pub async fn make(kind: Kind, services: usize, history: usize) -> Result<Self> {
        let place = match kind {
            Kind::Sqlite => {
                Place::Sqlite(TempDir::with_prefix("perennial-bench-sqlite-").context("cannot make a folder")?)
            }
            Kind::Postgres => {
                let cluster = Cluster::start(SETTINGS)?;
                cluster.sql("postgres", &format!("create database {PREPARED}"))?;
                Place::Postgres(cluster)
            }
        };
        // The program's own settings: WAL and synchronous=full.
        let store = Store::create(&place.url(PREPARED)).await?;
        store.apply_migrations().await?;
        let provider = Provider::load(store.clone(), services).await?;
        store.close().await;
        if history > 0 {
            ceiling::renew(&place.url(PREPARED), history).await.context("the history")?;
            place.sql(PREPARED, PAY)?;
            place.sql(PREPARED, if kind == Kind::Sqlite { USE_IDS_SQLITE } else { USE_IDS_POSTGRES })?;
        }
        match &place {
            // The last connection to a file leaves no WAL behind.
            Place::Sqlite(_) => {}
            Place::Postgres(cluster) => {
                cluster.sql(PREPARED, &floor::postgres_function())?;
                let tables = if history > 0 { "" } else { LOADED_TABLES };
                cluster.sql(PREPARED, &format!("vacuum (analyze) {tables}"))?;
            }
        }
        let mut by_id = provider.services.to_vec();
        by_id.sort_unstable();
        by_id.truncate(history);
        Ok(Self { provider, history: by_id, place })
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        match self.place {
            Place::Sqlite(_) => Kind::Sqlite,
            Place::Postgres(_) => Kind::Postgres,
        }
    }

    /// A fresh copy, on disk and not merely on its way there, so that writing it does not disturb what is measured next.
    pub fn copy(&self) -> Result<Copy<'_>> {
        match &self.place {
            Place::Sqlite(_) => {
                let file = self.place.file(COPY);
                fs::copy(self.place.file(PREPARED), &file).context("cannot copy the prepared file")?;
                fs::File::open(&file)?.sync_all()?;
            }
            Place::Postgres(cluster) => {
                cluster.sql("postgres", &format!("create database {COPY} template {PREPARED}"))?;
                cluster.sql("postgres", "checkpoint")?;
            }
        }
        Ok(Copy { prepared: self, url: self.place.url(COPY) })
    }

    /// What the database's own processes have used so far; nothing where it has none.
    pub fn usage(&self) -> Result<Usage> {
        match &self.place {
            Place::Sqlite(_) => Ok(Usage::default()),
            Place::Postgres(cluster) => Usage::of_family(cluster.postmaster()?),
        }
    }

    /// The version of the database, as it says itself.
    pub fn version(&self) -> Result<String> {
        match &self.place {
            Place::Sqlite(_) => Ok(rusqlite::version().to_owned()),
            Place::Postgres(cluster) => Ok(cluster.sql("postgres", "show server_version")?.trim().to_owned()),
        }
    }
}

impl Place {
    fn file(&self, name: &str) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join(format!("{name}.db")),
            Self::Postgres(_) => PathBuf::new(),
        }
    }

    fn url(&self, name: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite:{}", self.file(name).display()),
            Self::Postgres(cluster) => cluster.url(name),
        }
    }

    fn sql(&self, name: &str, sql: &str) -> Result<String> {
        match self {
            Self::Sqlite(_) => Ok(run(Command::new("sqlite3").arg(self.file(name)).arg(sql))?),
            Self::Postgres(cluster) => Ok(cluster.sql(name, sql)?),
        }
    }
}

/// The database of one cell.
#[derive(Debug)]
pub struct Copy<'a> {
    prepared: &'a Prepared,
    /// Where it is.
    pub url: String,
}

impl Copy<'_> {
    /// Checks that exactly these renewals were written on top of what was there, each with all its rows, under numbers
    /// without a gap, and that they are what was answered. Nobody may be connected any more.
    pub fn check(&self, renewed: impl Iterator<Item = i64>, answered: Option<&[(i64, i64)]>) -> Result<()> {
        let renewed: Vec<i64> = renewed.collect();
        let past = self.prepared.history.iter().copied();
        let Expected { invoices, lines, total_minor } = Expected::of(past.chain(renewed.iter().copied()));
        let open = i64::try_from(renewed.len())?;
        for (what, sql, wanted) in [
            ("invoices", "select count(*) from invoices", invoices),
            ("the first number", "select coalesce(min(series_number), 0) from invoices", invoices.min(1)),
            ("the last number", "select coalesce(max(series_number), 0) from invoices", invoices),
            ("distinct numbers", "select count(distinct number) from invoices", invoices),
            ("next number", "select coalesce(max(next_number), 1) from number_series", invoices + 1),
            ("sum of totals", "select coalesce(sum(total_minor), 0) from invoices", total_minor),
            ("lines", "select count(*) from invoice_lines", lines),
            ("tax rows", "select count(*) from invoice_taxes", invoices),
            // What each line earned, and the tax.
            ("booked for invoices", "select count(*) from ledger where source = 'invoice'", lines + invoices),
            ("digests", "select count(*) from invoices where length(digest) = 32", invoices),
            ("to be paid", "select count(*) from invoices where status = 'issued' and open_minor = total_minor", open),
            ("claimed periods", "select count(*) from periods", invoices),
            ("mails", "select count(*) from outbox", invoices),
            ("queued mails", "select count(*) from outbox where state = 'queued'", open),
            ("audit rows", "select count(*) from audit where action = 'service.renewed'", invoices),
            ("open invoices", "select count(*) from services where open_invoice_id is not null", open),
        ] {
            let found: i64 = self.prepared.place.sql(COPY, sql)?.trim().parse()?;
            ensure!(found == wanted, "{what}: {found} in the database, {wanted} expected");
        }
        if let Some(answered) = answered {
            let mut answered = answered.to_vec();
            answered.sort_unstable();
            let sql = "select service_id, invoice_id from periods where state = 'invoiced' order by service_id";
            let written = self.prepared.place.sql(COPY, sql)?;
            let written: Vec<(i64, i64)> = written
                .lines()
                .map(|line| {
                    let (service, invoice) = line.split_once('|').context("two columns")?;
                    Ok((service.parse()?, invoice.parse()?))
                })
                .collect::<Result<_>>()?;
            ensure!(answered == written, "the invoices in the answers are not those in the database");
        }
        Ok(())
    }

    /// Asks it something, or changes it by hand.
    pub fn sql(&self, sql: &str) -> Result<String> {
        self.prepared.place.sql(COPY, sql)
    }

    /// Removes it.
    pub fn remove(self) -> Result<()> {
        match &self.prepared.place {
            Place::Sqlite(_) => {
                let file = self.prepared.place.file(COPY).display().to_string();
                fs::remove_file(&file)?;
                for suffix in ["-wal", "-shm"] {
                    // Who closed the file last has removed these, unless it was killed.
                    let _ = fs::remove_file(format!("{file}{suffix}"));
                }
            }
            Place::Postgres(cluster) => {
                cluster.sql("postgres", &format!("drop database {COPY} with (force)"))?;
            }
        }
        Ok(())
    }
}
