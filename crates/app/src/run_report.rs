//! What a run did, and what one would do.

use jiff::civil::Date;
use perennial_billing::{Money, RunId, SellerId};
use perennial_store::runs::{self, Run, RunCounts, RunProblem, RunTotal};

use crate::run::Looked;
use crate::{App, AppError, Result};

/// What is not renewed that a dry run tells in detail; more is only counted.
pub const MAX_DRY_RUN_PROBLEMS: usize = 1_000;

/// What a run has done so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// The run.
    pub run: Run,
    /// Periods that were renewed.
    pub renewed: i64,
    /// What was not, and what is left.
    pub counts: RunCounts,
    /// What was issued, by currency.
    pub totals: Vec<RunTotal>,
    /// The first and the last legal number it used.
    pub numbers: Option<(String, String)>,
}

impl RunReport {
    /// How many invoices it has issued.
    #[must_use]
    pub fn invoices(&self) -> i64 {
        self.totals.iter().map(|total| total.invoices).sum()
    }
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun {
    /// The seller's day.
    pub day: Date,
    /// What falls due through this day would be renewed.
    pub through: Date,
    /// Services whose cancellation would take effect.
    pub ending: i64,
    /// Periods that are due.
    pub found: i64,
    /// Periods that would be renewed.
    pub renewed: i64,
    /// Periods that would be left alone, as it should be.
    pub skipped: i64,
    /// Periods that could not be renewed although they should be.
    pub failed: i64,
    /// What would be issued, by currency.
    pub totals: Vec<RunTotal>,
    /// Why periods would not be renewed, at most [`MAX_DRY_RUN_PROBLEMS`] of them.
    pub problems: Vec<RunProblem>,
}

impl DryRun {
    /// How many invoices it would issue.
    #[must_use]
    pub fn invoices(&self) -> i64 {
        self.totals.iter().map(|total| total.invoices).sum()
    }

    pub(crate) fn new(day: Date, through: Date) -> Self {
        let (totals, problems) = (Vec::new(), Vec::new());
        Self { day, through, ending: 0, found: 0, renewed: 0, skipped: 0, failed: 0, totals, problems }
    }

    pub(crate) fn add(&mut self, found: usize, looked: &Looked) {
        let count = |things: usize| i64::try_from(things).unwrap_or(i64::MAX);
        self.found += count(found);
        self.renewed += looked.invoices.iter().map(|new| count(new.plan.claims.len())).sum::<i64>();
        let failed = count(looked.problems.iter().filter(|problem| problem.is_failure).count());
        self.failed += failed;
        self.skipped += count(looked.problems.len()) - failed;
        let room = MAX_DRY_RUN_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(looked.problems.iter().take(room).cloned());
        for new in &looked.invoices {
            let plan = &new.plan;
            add_total(&mut self.totals, plan.net, plan.tax, plan.total);
        }
    }
}

/// Adds an invoice to the totals of its currency.
pub(crate) fn add_total(totals: &mut Vec<RunTotal>, net: Money, tax: Money, total: Money) {
    let zero = Money::zero(net.currency);
    let place = match totals.binary_search_by(|known| known.net.currency.code().cmp(net.currency.code())) {
        Ok(place) => place,
        Err(place) => {
            totals.insert(place, RunTotal { invoices: 0, net: zero, tax: zero, total: zero });
            place
        }
    };
    let sum = &mut totals[place];
    let plus = |a: Money, b: Money| a.plus(b).unwrap_or(a);
    sum.invoices += 1;
    (sum.net, sum.tax, sum.total) = (plus(sum.net, net), plus(sum.tax, tax), plus(sum.total, total));
}

impl App {
    /// What a run has done so far.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown run.
    pub async fn run_report(&self, seller: SellerId, run: RunId) -> Result<RunReport> {
        let mut conn = self.store.read().await?;
        let run = runs::get(&mut conn, seller, run).await?.ok_or(AppError::NotFound("Run"))?;
        let counts = runs::counts(&mut conn, seller, run.id).await?;
        let renewed = run.found - counts.left - counts.skipped - counts.failed;
        let totals = runs::totals(&mut conn, seller, run.id).await?;
        let numbers = runs::numbers(&mut conn, seller, run.id).await?;
        Ok(RunReport { run, renewed, counts, totals, numbers })
    }
}
