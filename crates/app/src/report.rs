//! Sums for accountants and tax authorities.

use std::collections::BTreeMap;

use jiff::civil::Date;
use perennial_billing::{Currency, CustomerId, InvoiceId, Money, TaxCategory, TaxProfile};
use perennial_store::reports::{self, Owed, SeriesReport};
use perennial_store::sellers;

use crate::{App, AppError, Caller, Problem, Result};

/// Rows that are read together.
const PAGE_ROWS: i64 = 5_000;

/// The tax of a stretch of days in the seller's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxReport {
    /// The seller's currency.
    pub currency: Currency,
    /// By country, category and rate.
    pub rows: Vec<TaxRow>,
    /// What could not be converted, because no rate of exchange was known: by currency, without tax and the tax.
    pub unconverted: Vec<(TaxProfile, Money, Money)>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRow {
    /// Whose tax, which category and rate.
    pub profile: TaxProfile,
    /// How many documents.
    pub documents: i64,
    /// Without tax.
    pub base: Money,
    /// The tax.
    pub tax: Money,
}

impl TaxReport {
    /// The lines that a seller in this country declares in the one-stop shop: what other member states' consumers paid of
    /// their own countries' tax.
    pub fn one_stop_shop<'a>(&'a self, home: &'a str) -> impl Iterator<Item = &'a TaxRow> {
        let is_foreign =
            move |row: &&TaxRow| row.profile.category == TaxCategory::S && row.profile.country.code() != home;
        self.rows.iter().filter(is_foreign)
    }
}

/// What a customer owes, by how long it is overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ageing {
    /// Who.
    pub customer: CustomerId,
    /// In which currency.
    pub currency: Currency,
    /// Not due yet, then overdue for up to 30, 60, 90 days, and for longer: in minor units.
    pub minor: [i64; 5],
}

impl Ageing {
    /// All that is owed.
    #[must_use]
    pub fn total(&self) -> Money {
        Money::new(self.minor.iter().sum(), self.currency)
    }
}

impl App {
    /// The tax on what was invoiced from one day through another, in the seller's currency; credit notes are off.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when the days are the wrong way round.
    pub async fn tax_report(&self, caller: &Caller, from: Date, through: Date) -> Result<TaxReport> {
        check_days(from, through)?;
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let mut report = TaxReport { currency: seller.currency, rows: Vec::new(), unconverted: Vec::new() };
        for sum in reports::tax(&mut conn, seller.id, from, through).await? {
            let home = |amount: Money| match &sum.rate {
                _ if amount.currency == seller.currency => Some(amount),
                Some(rate) => rate.home_amount(amount, seller.amounts.rounding).ok(),
                None => None,
            };
            let (Some(base), Some(tax)) = (home(sum.base), home(sum.tax)) else {
                report.unconverted.push((sum.profile, sum.base, sum.tax));
                continue;
            };
            match report.rows.iter_mut().find(|row| row.profile == sum.profile) {
                Some(row) => {
                    row.documents += sum.documents;
                    row.base.minor += base.minor;
                    row.tax.minor += tax.minor;
                }
                None => report.rows.push(TaxRow { profile: sum.profile, documents: sum.documents, base, tax }),
            }
        }
        Ok(report)
    }

    /// What is owed, by customer and currency, and for how long it is overdue today.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn ageing(&self, caller: &Caller) -> Result<Vec<Ageing>> {
        self.ageing_page(caller, CustomerId(0), usize::MAX).await
    }

    /// The same for the customers after this one who owe something: at most so many of them, each with all currencies.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn ageing_page(&self, caller: &Caller, after: CustomerId, customers: usize) -> Result<Vec<Ageing>> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let today = self.clock.today(&seller.time_zone);
        let mut sums: BTreeMap<(CustomerId, Currency), [i64; 5]> = BTreeMap::new();
        let (mut current, mut found) = (after, 0);
        let mut after = (after, InvoiceId(i64::MAX));
        'customers: loop {
            let page = reports::owed(&mut conn, seller.id, after, PAGE_ROWS).await?;
            let Some(last) = page.last() else { break };
            after = (last.customer, last.invoice);
            for owed in &page {
                if owed.customer != current {
                    if found == customers {
                        break 'customers;
                    }
                    (current, found) = (owed.customer, found + 1);
                }
                let sum = sums.entry((owed.customer, owed.open.currency)).or_default();
                sum[bucket(owed, today)] += owed.open.minor;
            }
        }
        Ok(sums.into_iter().map(|((customer, currency), minor)| Ageing { customer, currency, minor }).collect())
    }

    /// The series of numbers, for an auditor: ranges, void documents, gaps.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn series_report(&self, caller: &Caller) -> Result<Vec<SeriesReport>> {
        let mut conn = self.store.read().await?;
        Ok(reports::series(&mut conn, caller.seller).await?)
    }
}

/// Refuses a stretch of days that ends before it begins.
pub(crate) fn check_days(from: Date, through: Date) -> Result<()> {
    if from <= through {
        return Ok(());
    }
    Err(AppError::Invalid(vec![Problem::new("through", format!("is before {from}"))]))
}

fn bucket(owed: &Owed, today: Date) -> usize {
    let days = owed.due_on.until(today).map_or(0, |span| span.get_days());
    match days {
        ..=0 => 0,
        1..=30 => 1,
        31..=60 => 2,
        61..=90 => 3,
        _ => 4,
    }
}
