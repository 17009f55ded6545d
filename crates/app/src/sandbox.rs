//! Rehearsing: in a sandbox the clock can be turned on, and what would have run meanwhile runs.

use jiff::civil::{Date, Time};
use jiff::{Span, Timestamp};
use perennial_billing::{PaymentId, SellerId};
use perennial_store::ids::{self, IdKind};
use perennial_store::payments::Payment;
use perennial_store::sandbox;
use perennial_store::sellers::{self, Seller};
use perennial_store::settlements::{self, OpenInvoice};

use crate::run::run_at;
use crate::run_report::RunReport;
use crate::{Actor, App, AppError, Result, Stop};

/// How far a sandbox's clock can be turned on at once.
pub const MAX_ADVANCE_DAYS: i32 = 366 * 10;
/// The time of day that a clock is turned to when only a day is named.
const NOON: Time = Time::constant(12, 0, 0, 0);
/// Invoices that are paid in one transaction of a rehearsal.
const SETTLED_TOGETHER: i64 = 1_000;

impl App {
    /// Makes a new database a sandbox.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn make_sandbox(&self) -> Result<()> {
        let mut tx = self.store.begin().await?;
        sandbox::create(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// Turns a sandbox's clock on to noon of a day in this seller's time zone, and runs on the way what would have run:
    /// every day, invoices that are due are taken for paid, and at its time of day each seller's run is started.
    /// `progress` is told each run.
    ///
    /// # Errors
    /// [`AppError::Conflict`] for a database that is no sandbox, and for a day that lies behind or too far ahead.
    pub async fn advance_clock(
        &self,
        seller: SellerId,
        day: Date,
        stop: Stop,
        mut progress: impl FnMut(&RunReport),
    ) -> Result<Timestamp> {
        self.require_sandbox().await?;
        let rules = self.seller_rules(seller).await?;
        let today = self.clock.today(&rules.time_zone);
        if day <= today {
            let hint = "a clock only goes on; to start over, make another sandbox";
            return Err(AppError::Conflict(format!("it is {today} already: {hint}")));
        }
        if day > today.saturating_add(Span::new().days(MAX_ADVANCE_DAYS)) {
            return Err(AppError::Conflict(format!("a clock can be turned on by {MAX_ADVANCE_DAYS} days at once")));
        }
        let noon = day.to_datetime(NOON).to_zoned(rules.time_zone.clone());
        let noon = noon.map_err(|_| AppError::Conflict(format!("the clock cannot be turned to {day}")))?.timestamp();
        while let Some((at, next)) = self.next_runs(noon).await? {
            self.set_sandbox_clock(at).await?;
            for seller in next {
                if let Some(report) = self.run_if_due(seller, stop.clone()).await? {
                    progress(&report);
                }
            }
            if *stop.borrow() {
                return Ok(self.clock.now());
            }
        }
        self.set_sandbox_clock(noon).await?;
        for seller in sellers::ids(&mut self.store.read().await?).await? {
            self.settle_rehearsed(seller).await?;
        }
        Ok(noon)
    }

    /// As [`App::advance_clock`], but leaves a clock alone that shows this day already: serving it again is no mistake.
    ///
    /// # Errors
    /// As [`App::advance_clock`].
    pub async fn turn_clock_to(
        &self,
        seller: SellerId,
        day: Date,
        stop: Stop,
        progress: impl FnMut(&RunReport),
    ) -> Result<Timestamp> {
        self.require_sandbox().await?;
        if self.today(seller).await? == day {
            return Ok(self.clock.now());
        }
        self.advance_clock(seller, day, stop, progress).await
    }

    /// In a sandbox, pays every invoice that is due today; elsewhere it does nothing.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn settle_rehearsed(&self, seller: SellerId) -> Result<()> {
        if sandbox::ahead(&mut self.store.read().await?).await?.is_none() {
            return Ok(());
        }
        let today = self.today(seller).await?;
        loop {
            let mut tx = self.store.begin().await?;
            let due = settlements::due(&mut tx, seller, today, SETTLED_TOGETHER).await?;
            if due.is_empty() {
                return Ok(());
            }
            let held = settlements::hold(&mut tx, seller, &due).await?;
            let ids = ids::take(&mut tx, IdKind::Payment, held.len()).await?;
            let payment = |(open, id): (OpenInvoice, i64)| {
                let payment = Payment {
                    id: PaymentId(id),
                    customer: open.customer,
                    amount: open.open,
                    method: "rehearsal".to_owned(),
                    reference: format!("invoice {}", open.id),
                    paid_on: today,
                    at: self.clock.now(),
                    actor: Actor::Schedule.to_string(),
                };
                (open, payment)
            };
            let paid: Vec<_> = held.into_iter().zip(ids).map(payment).collect();
            settlements::pay_in_full(&mut tx, seller, &paid).await?;
            tx.commit().await?;
        }
    }

    async fn require_sandbox(&self) -> Result<()> {
        match sandbox::ahead(&mut self.store.read().await?).await? {
            Some(_) => Ok(()),
            None => Err(AppError::Conflict(
                "this database is no sandbox, and its clock is the real one: make one with `perennial init --sandbox`, or \
                 try `perennial demo`"
                    .to_owned(),
            )),
        }
    }

    /// The next moment up to `end` at which runs start, and whose.
    async fn next_runs(&self, end: Timestamp) -> Result<Option<(Timestamp, Vec<SellerId>)>> {
        let mut conn = self.store.read().await?;
        let now = self.clock.now();
        let mut next: Option<(Timestamp, Vec<SellerId>)> = None;
        for id in sellers::ids(&mut conn).await? {
            let Some(seller) = sellers::get(&mut conn, id).await?.filter(|seller| seller.runs.is_daily) else {
                continue;
            };
            let Some(at) = next_run(&seller, now).filter(|at| *at <= end) else { continue };
            match &mut next {
                Some((first, sellers)) if *first == at => sellers.push(id),
                Some((first, _)) if *first < at => {}
                _ => next = Some((at, vec![id])),
            }
        }
        Ok(next)
    }

    async fn set_sandbox_clock(&self, now: Timestamp) -> Result<()> {
        self.clock.set(now);
        let mut tx = self.store.begin().await?;
        sandbox::set_ahead(&mut tx, self.clock.microseconds_ahead().unwrap_or(0)).await?;
        Ok(tx.commit().await?)
    }
}

/// The next time after `now` at which a seller's run starts.
fn next_run(seller: &Seller, now: Timestamp) -> Option<Timestamp> {
    let today = seller.time_zone.to_datetime(now).date();
    let days = [today, today.tomorrow().ok()?, today.saturating_add(Span::new().days(2))];
    days.into_iter().filter_map(|day| run_at(seller, day)).find(|at| *at > now)
}
