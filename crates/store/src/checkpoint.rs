//! Moving SQLite's log into the database beside the writer, and not in its way.
//!
//! By default whoever commits also copies the log's pages back when there are many, and waits for two flushes. Here a reader
//! copies them while the writer goes on. The log begins anew only when all of it was copied
//! (<https://www.sqlite.org/wal.html>, 2.3), and a busy writer always adds a little more; so the little that came meanwhile is
//! copied while the writer is kept out.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::writer::Writer;

/// Pages in the log from which on they are copied back: 8 MiB.
pub const LONG_LOG_PAGES: i64 = 2_048;
/// Pages in the log from which on the writer copies them itself, because nobody else has.
pub const OVERLONG_LOG_PAGES: i64 = 8 * LONG_LOG_PAGES;
/// How often the log is copied before the writer is kept out: each time what came during the time before, so that little is left.
const COPIES_BESIDE_THE_WRITER: usize = 2;
/// How often the log of a busy writer is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Looks after the log until it is dropped.
#[derive(Debug)]
pub(crate) struct Checkpoints(JoinHandle<()>);

impl Checkpoints {
    /// Begins to look after the log, whenever something was `written` to it.
    pub fn keep(written: Arc<Notify>, writer: Writer, readers: SqlitePool) -> Self {
        Self(tokio::spawn(async move {
            loop {
                written.notified().await;
                sleep(LOOK_INTERVAL).await;
                // One that fails now is made later, at worst by the writer itself.
                if let Err(error) = shorten(&writer, &readers).await {
                    tracing::debug!(%error, "the log was not copied into the database: {error}");
                }
            }
        }))
    }

    /// Stops.
    pub fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn shorten(writer: &Writer, readers: &SqlitePool) -> crate::Result<()> {
    let mut reader = readers.acquire().await?;
    if Log::look(&mut reader, LOOK).await?.left() < LONG_LOG_PAGES {
        return Ok(());
    }
    for _ in 0..COPIES_BESIDE_THE_WRITER {
        // It tells of what was there when it began. If some of that is left, somebody reads the database as it was: to keep the
        // writer out would help nobody.
        if Log::look(&mut reader, COPY).await?.left() > 0 {
            return Ok(());
        }
    }
    let _turn = writer.turn().await?;
    Log::look(&mut reader, COPY).await?;
    Ok(())
}

/// Copies nothing.
const LOOK: &str = "pragma wal_checkpoint(noop)";
/// Copies what can be copied without being in anybody's way.
const COPY: &str = "pragma wal_checkpoint(passive)";

/// Pages in the log, and how many of them were copied.
struct Log {
    pages: i64,
    copied: i64,
}

impl Log {
    async fn look(reader: &mut SqliteConnection, sql: &'static str) -> crate::Result<Self> {
        let (_busy, pages, copied): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(reader).await?;
        Ok(Self { pages, copied })
    }

    fn left(&self) -> i64 {
        self.pages - self.copied
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;
    use crate::value::params;
    use crate::{Result, Store};

    /// Until then the log was looked at, on any machine.
    const PATIENCE: Duration = Duration::from_secs(30);
    /// Bytes of a row that fills a little more than 256 pages.
    const ROW_BYTES: i64 = 1 << 20;

    async fn log(store: &Store) -> Result<Log> {
        let rows = store.read().await?.rows(LOOK, Vec::new()).await?;
        Ok(Log { pages: rows[0].int("log")?, copied: rows[0].int("checkpointed")? })
    }

    /// A file with an empty table.
    async fn heap(folder: &Path) -> Result<Store> {
        let store = Store::create(&format!("sqlite:{}", folder.join("a.db").display())).await?;
        let mut tx = store.begin().await?;
        tx.execute("create table heap (bytes blob)", Vec::new()).await?;
        tx.commit().await?;
        Ok(store)
    }

    async fn write(store: &Store, bytes: i64) -> Result<()> {
        let mut tx = store.begin().await?;
        tx.execute("insert into heap values (randomblob($1))", params![bytes]).await?;
        tx.commit().await
    }

    async fn wait_for_a_short_log(store: &Store) -> Result<Log> {
        let begun = Instant::now();
        loop {
            let log = log(store).await?;
            if log.left() < LONG_LOG_PAGES {
                return Ok(log);
            }
            assert!(begun.elapsed() < PATIENCE, "{} pages are not copied", log.left());
            sleep(LOOK_INTERVAL).await;
        }
    }

    #[tokio::test]
    async fn a_long_log_is_copied_and_begins_anew() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let store = heap(folder.path()).await?;
        let (mut before, mut anew) = (0, 0);
        // Enough for two logs and a half.
        for _ in 0..LONG_LOG_PAGES / 256 * 5 / 2 {
            write(&store, ROW_BYTES).await?;
            let log = wait_for_a_short_log(&store).await?;
            anew += usize::from(log.pages < before);
            before = log.pages;
        }
        assert_eq!(anew, 2);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_who_never_rests_has_a_short_log_too() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let store = heap(folder.path()).await?;
        let (mut before, mut anew) = (0, 0);
        while anew < 3 {
            write(&store, ROW_BYTES / 16).await?;
            let pages = log(&store).await?.pages;
            assert!(pages < OVERLONG_LOG_PAGES, "the writer had to copy it");
            anew += usize::from(pages < before);
            before = pages;
        }
        Ok(())
    }

    #[tokio::test]
    async fn who_reads_the_database_as_it_was_is_waited_for() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let store = heap(folder.path()).await?;
        let mut reader = store.read().await?;
        reader.rows("begin", Vec::new()).await?;
        reader.rows("select count(*) as rows from heap", Vec::new()).await?;
        for _ in 0..=LONG_LOG_PAGES / 256 {
            write(&store, ROW_BYTES).await?;
        }
        sleep(10 * LOOK_INTERVAL).await;
        assert!(log(&store).await?.left() >= LONG_LOG_PAGES, "it still reads without these pages");
        // It keeps nobody from writing meanwhile.
        write(&store, ROW_BYTES).await?;
        let rows = reader.rows("select count(*) as rows from heap", Vec::new()).await?;
        assert_eq!(rows[0].int("rows")?, 0);
        reader.rows("commit", Vec::new()).await?;
        drop(reader);
        write(&store, ROW_BYTES).await?;
        wait_for_a_short_log(&store).await.map(drop)
    }
}
