//! What was booked, row by row, for who looks at it in pages.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use perennial_billing::ledger::Source;
use perennial_store::ledger::{self, Booked};
use perennial_store::reports::{self, Called};

use crate::report::check_days;
use crate::{App, Caller, Result};

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// What was booked.
    pub booked: Booked,
    /// What it was booked for, and whose that is.
    pub called: Option<Called>,
}

impl App {
    /// What was booked from one day through another, by kind of event, its id, and the place within it: from after this place
    /// on, at most so many rows.
    ///
    /// # Errors
    /// [`AppError::Invalid`](crate::AppError::Invalid) when the days are the wrong way round.
    pub async fn journal(
        &self,
        caller: &Caller,
        (from, through): (Date, Date),
        after: Option<(Source, i64, i64)>,
        limit: i64,
    ) -> Result<Vec<JournalRow>> {
        check_days(from, through)?;
        let mut conn = self.store.read().await?;
        let page = ledger::page(&mut conn, caller.seller, (from, through), after, limit).await?;
        let mut ids: BTreeMap<Source, Vec<i64>> = BTreeMap::new();
        for booked in &page {
            ids.entry(booked.source).or_default().push(booked.source_id);
        }
        let mut called: HashMap<(Source, i64), Called> = HashMap::new();
        for (source, mut ids) in ids {
            ids.dedup();
            let known = reports::called(&mut conn, caller.seller, source, &ids).await?;
            called.extend(known.into_iter().map(|(id, known)| ((source, id), known)));
        }
        let row = |booked: Booked| {
            let called = called.get(&(booked.source, booked.source_id)).cloned();
            JournalRow { booked, called }
        };
        Ok(page.into_iter().map(row).collect())
    }
}
