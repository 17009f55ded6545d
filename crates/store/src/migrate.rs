//! The schema's numbered steps, forward only; a published one is never edited.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::dialect::Dialect;
use crate::{Result, Store, StoreError};

/// One step: a text for both databases, or a pair where they part.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const STEPS: [Step; 21] = [
    Step {
        version: 1,
        name: "foundation",
        sqlite: include_str!("../migrations/0001_foundation.sql"),
        postgres: include_str!("../migrations/0001_foundation.sql"),
    },
    Step {
        version: 2,
        name: "guards",
        sqlite: include_str!("../migrations/0002_guards.sqlite.sql"),
        postgres: include_str!("../migrations/0002_guards.postgres.sql"),
    },
    Step {
        version: 3,
        name: "fewer trees",
        sqlite: include_str!("../migrations/0003_fewer_trees.sqlite.sql"),
        postgres: include_str!("../migrations/0003_fewer_trees.postgres.sql"),
    },
    Step {
        version: 4,
        name: "renewal runs",
        sqlite: include_str!("../migrations/0004_renewal_runs.sql"),
        postgres: include_str!("../migrations/0004_renewal_runs.sql"),
    },
    Step {
        version: 5,
        name: "run days",
        sqlite: include_str!("../migrations/0005_run_days.sqlite.sql"),
        postgres: include_str!("../migrations/0005_run_days.postgres.sql"),
    },
    Step {
        version: 6,
        name: "price rules",
        sqlite: include_str!("../migrations/0006_price_rules.sql"),
        postgres: include_str!("../migrations/0006_price_rules.sql"),
    },
    Step {
        version: 7,
        name: "changes",
        sqlite: include_str!("../migrations/0007_changes.sql"),
        postgres: include_str!("../migrations/0007_changes.sql"),
    },
    Step {
        version: 8,
        name: "change ids",
        sqlite: include_str!("../migrations/0008_change_ids.sqlite.sql"),
        postgres: include_str!("../migrations/0008_change_ids.postgres.sql"),
    },
    Step {
        version: 9,
        name: "volume prices",
        sqlite: include_str!("../migrations/0009_volume_prices.sqlite.sql"),
        postgres: include_str!("../migrations/0009_volume_prices.postgres.sql"),
    },
    Step {
        version: 10,
        name: "discounts and campaigns",
        sqlite: include_str!("../migrations/0010_discounts_and_campaigns.sql"),
        postgres: include_str!("../migrations/0010_discounts_and_campaigns.sql"),
    },
    Step {
        version: 11,
        name: "books",
        sqlite: include_str!("../migrations/0011_books.sqlite.sql"),
        postgres: include_str!("../migrations/0011_books.postgres.sql"),
    },
    Step {
        version: 12,
        name: "tax and money",
        sqlite: include_str!("../migrations/0012_tax_and_money.sql"),
        postgres: include_str!("../migrations/0012_tax_and_money.sql"),
    },
    Step {
        version: 13,
        name: "money guards",
        sqlite: include_str!("../migrations/0013_money_guards.sqlite.sql"),
        postgres: include_str!("../migrations/0013_money_guards.postgres.sql"),
    },
    Step {
        version: 14,
        name: "open invoices",
        sqlite: include_str!("../migrations/0014_open_invoices.sql"),
        postgres: include_str!("../migrations/0014_open_invoices.sql"),
    },
    Step {
        version: 15,
        name: "papers",
        sqlite: include_str!("../migrations/0015_papers.sql"),
        postgres: include_str!("../migrations/0015_papers.sql"),
    },
    Step {
        version: 16,
        name: "brand guards",
        sqlite: include_str!("../migrations/0016_brand_guards.sqlite.sql"),
        postgres: include_str!("../migrations/0016_brand_guards.postgres.sql"),
    },
    Step {
        version: 17,
        name: "post",
        sqlite: include_str!("../migrations/0017_post.sqlite.sql"),
        postgres: include_str!("../migrations/0017_post.postgres.sql"),
    },
    Step {
        version: 18,
        name: "api",
        sqlite: include_str!("../migrations/0018_api.sql"),
        postgres: include_str!("../migrations/0018_api.sql"),
    },
    Step {
        version: 19,
        name: "webhooks",
        sqlite: include_str!("../migrations/0019_webhooks.sqlite.sql"),
        postgres: include_str!("../migrations/0019_webhooks.postgres.sql"),
    },
    Step {
        version: 20,
        name: "payment links",
        sqlite: include_str!("../migrations/0020_payment_links.sql"),
        postgres: include_str!("../migrations/0020_payment_links.sql"),
    },
    Step {
        version: 21,
        name: "due from",
        sqlite: include_str!("../migrations/0021_due_from.sql"),
        postgres: include_str!("../migrations/0021_due_from.sql"),
    },
];

/// Where a database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// The newest step that was applied; 0 for an empty database.
    pub applied: i64,
    /// The newest step this program knows.
    pub newest: i64,
}

impl Store {
    /// Applies every step that is missing. Several nodes may try at once; one does it.
    ///
    /// # Errors
    /// [`StoreError::Schema`] when the database was migrated by a newer program or by another one.
    pub async fn apply_migrations(&self) -> Result<()> {
        self.migrate_to(STEPS.iter().map(|step| step.version).max().unwrap_or(0)).await
    }

    /// As [`Store::apply_migrations`], but no further than this step: for trying what becomes of an older installation.
    ///
    /// # Errors
    /// As [`Store::apply_migrations`].
    pub async fn migrate_to(&self, version: i64) -> Result<()> {
        let dialect = self.dialect();
        let migrations = STEPS.iter().filter(|step| step.version <= version).map(|step| {
            let text = if dialect == Dialect::Sqlite { step.sqlite } else { step.postgres };
            let sql = AssertSqlSafe(dialect.schema(text)).into_sql_str();
            Migration::new(step.version, Cow::Borrowed(step.name), MigrationType::Simple, sql, false)
        });
        self.migrate(&Migrator::with_migrations(migrations.collect())).await
    }

    /// Where this database stands.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        let newest = STEPS[STEPS.len() - 1].version;
        let mut conn = self.read().await?;
        let table = match self.dialect() {
            Dialect::Sqlite => "select name from sqlite_master where type = 'table' and name = '_sqlx_migrations'",
            Dialect::Postgres => "select 1 where to_regclass('_sqlx_migrations') is not null",
        };
        if conn.row(table, Vec::new()).await?.is_none() {
            return Ok(SchemaState { applied: 0, newest });
        }
        let row = conn.row("select max(version) as applied from _sqlx_migrations where success", Vec::new()).await?;
        let applied = row.map(|row| row.opt_int("applied")).transpose()?.flatten().unwrap_or(0);
        Ok(SchemaState { applied, newest })
    }

    /// Refuses to work with a schema that is not this program's.
    ///
    /// # Errors
    /// [`StoreError::Schema`], saying what to do.
    pub async fn require_current_schema(&self) -> Result<()> {
        let state = self.schema_state().await?;
        let complaint = match state.applied.cmp(&state.newest) {
            std::cmp::Ordering::Equal => return Ok(()),
            std::cmp::Ordering::Less if state.applied == 0 => "the database is empty: run `perennial init`".to_owned(),
            std::cmp::Ordering::Less => {
                format!("the database is at schema {} of {}: run `perennial migrate`", state.applied, state.newest)
            }
            std::cmp::Ordering::Greater => format!(
                "the database is at schema {}, newer than this program's {}: run a newer perennial",
                state.applied, state.newest
            ),
        };
        Err(StoreError::Schema(complaint))
    }
}
