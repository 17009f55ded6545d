//! The books, for other programs.

use std::io::Write;

use jiff::civil::Date;
use perennial_billing::ledger::Source;
use perennial_render::{Books, Chart, Export, ExportError, Format, Voucher};
use perennial_store::ledger::{self, Booked};
use perennial_store::reports;
use perennial_store::sellers;

use crate::report::check_days;
use crate::{App, AppError, Caller, Result};

/// Bookings that are read together.
const PAGE_BOOKINGS: i64 = 5_000;

impl App {
    /// Writes what was booked from one day through another. Tells how many vouchers that were.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when the days are the wrong way round; [`AppError::Conflict`] when the format cannot hold it, such
    /// as a foreign currency without a rate of exchange.
    pub async fn export_ledger<W: Write + Send>(
        &self,
        caller: &Caller,
        (from, through): (Date, Date),
        format: Format,
        chart: Chart,
        out: W,
    ) -> Result<u64> {
        check_days(from, through)?;
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let books = Books {
            seller_name: seller.party.name.clone(),
            company_number: seller.party.company_number.clone(),
            currency: seller.currency,
            exported_on: self.clock.today(&seller.time_zone),
            from,
            through,
            fiscal_year_month: seller.numbering.reset.month(),
            chart,
            rates: seller.exchange_rates.clone(),
            rounding: seller.amounts.rounding,
        };
        let mut export = Export::new(format, &books, out).map_err(refused)?;
        let (mut after, mut written) = (None, 0);
        let mut waiting: Vec<Booked> = Vec::new();
        loop {
            let page = ledger::page(&mut conn, seller.id, (from, through), after, PAGE_BOOKINGS).await?;
            let is_last = page.is_empty();
            after = page.last().map(|last| (last.source, last.source_id, last.entry));
            waiting.extend(page);
            // What the last event of a page has booked may go on in the next one.
            let event = |booked: &Booked| (booked.source, booked.source_id);
            let goes_on = if is_last { None } else { waiting.last().map(event) };
            let whole = waiting.iter().position(|booked| Some(event(booked)) == goes_on).unwrap_or(waiting.len());
            for voucher in self.vouchers(&mut conn, caller, waiting.drain(..whole).collect()).await? {
                export.add(&voucher).map_err(refused)?;
                written += 1;
            }
            if is_last {
                export.finish().map_err(refused)?;
                return Ok(written);
            }
        }
    }

    /// Bookings, put together by event and day, with what the events are called.
    async fn vouchers(
        &self,
        conn: &mut perennial_store::Conn,
        caller: &Caller,
        booked: Vec<Booked>,
    ) -> Result<Vec<Voucher>> {
        let mut vouchers = Vec::new();
        let sources = [Source::Invoice, Source::CreditNote, Source::Payment, Source::Refund, Source::Settlement];
        for source in sources {
            let of_it: Vec<&Booked> = booked.iter().filter(|booked| booked.source == source).collect();
            let mut ids: Vec<i64> = of_it.iter().map(|booked| booked.source_id).collect();
            ids.dedup();
            if ids.is_empty() {
                continue;
            }
            let called = reports::called(conn, caller.seller, source, &ids).await?;
            let mut of_source: Vec<Voucher> = Vec::new();
            for booked in of_it {
                let is_same =
                    |voucher: &&mut Voucher| voucher.id == booked.source_id && voucher.booked_on == booked.booked_on;
                if let Some(voucher) = of_source.iter_mut().rev().take(2).find(is_same) {
                    voucher.entries.push(booked.moved);
                    continue;
                }
                let known = called.get(&booked.source_id);
                of_source.push(Voucher {
                    source,
                    id: booked.source_id,
                    number: known.map(|known| known.number.clone()).unwrap_or_default(),
                    customer: known.map_or(0, |known| known.customer.0),
                    customer_name: known.map(|known| known.name.clone()).unwrap_or_default(),
                    booked_on: booked.booked_on,
                    entries: vec![booked.moved],
                });
            }
            vouchers.extend(of_source);
        }
        Ok(vouchers)
    }
}

fn refused(error: ExportError) -> AppError {
    AppError::Conflict(error.to_string())
}
