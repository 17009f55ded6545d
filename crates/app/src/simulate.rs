//! What the runs of the coming months will issue for a whole seller, month by month. Nothing is written.

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::Date;
use perennial_billing::forecast::{Subject, forecast};
use perennial_billing::{CustomerId, SellerId, ServiceId};
use perennial_store::runs::RunTotal;
use perennial_store::services;

use crate::run_report::add_total;
use crate::{App, AppError, MAX_BATCH_SERVICES, Problem, Result};

/// How far ahead a seller can be simulated.
pub const MAX_SIMULATED_MONTHS: i32 = 120;

/// What is issued in one month in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthTotal {
    /// The first day of the month.
    pub month: Date,
    /// What is issued in it.
    pub total: RunTotal,
}

impl App {
    /// The invoices of every run from today through a day, summed by month and currency, in that order. Every invoice is
    /// taken for paid on the day it is due. `progress` is told how many services of how many were looked at.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for a day before today or more than [`MAX_SIMULATED_MONTHS`] ahead.
    pub async fn simulate(
        &self,
        seller: SellerId,
        until: Date,
        mut progress: impl FnMut(i64, i64),
    ) -> Result<Vec<MonthTotal>> {
        let from = self.today(seller).await?;
        let latest = from.saturating_add(Span::new().months(MAX_SIMULATED_MONTHS));
        if until < from || until > latest {
            let reason = format!("must be a day from {from} to {latest}");
            return Err(AppError::Invalid(vec![Problem::new("until", reason)]));
        }
        let all = services::count(&mut self.store.read().await?, seller, services::ServiceFilter::default()).await?;
        let mut months: BTreeMap<Date, Vec<RunTotal>> = BTreeMap::new();
        let mut after = (CustomerId(0), ServiceId(0));
        let mut looked_at = 0;
        // The services of the last customer of a page wait for the next one, where the others of theirs may be.
        let mut waiting: Vec<Subject> = Vec::new();
        loop {
            let limit = i64::try_from(MAX_BATCH_SERVICES).unwrap_or(i64::MAX);
            let page = services::ids_by_customer(&mut self.store.read().await?, seller, None, after, limit).await?;
            let ids: Vec<ServiceId> = page.iter().map(|(_, service)| *service).collect();
            waiting.extend(self.subjects(seller, &ids).await?.1);
            let last = page.last().copied();
            let goes_on = |subject: &Subject| last.is_some_and(|(customer, _)| subject.facts.customer == customer);
            let (later, now): (Vec<Subject>, Vec<Subject>) = waiting.into_iter().partition(goes_on);
            waiting = later;
            looked_at += i64::try_from(now.len()).unwrap_or(0);
            for subjects in now.chunk_by(|a, b| a.facts.customer == b.facts.customer) {
                for plan in forecast(subjects.to_vec(), from, until, usize::MAX).invoices {
                    add_total(
                        months.entry(plan.issued_on.first_of_month()).or_default(),
                        plan.net,
                        plan.tax,
                        plan.total,
                    );
                }
            }
            progress(looked_at, all);
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
        let of_month =
            |(month, totals): (Date, Vec<RunTotal>)| totals.into_iter().map(move |total| MonthTotal { month, total });
        Ok(months.into_iter().flat_map(of_month).collect())
    }
}
