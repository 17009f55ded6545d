//! A whole provider, day by day, from 22 November 2026 to 31 March 2028.

use std::collections::BTreeMap;
use std::fmt::Write;

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use perennial_app::{PreviewOf, Stop};
use perennial_billing::{Plan, ServiceId};
use perennial_store::invoices::{self, InvoiceFilter};
use perennial_store::runs::RunOrigin;
use perennial_store::{customers, services};
use perennial_testkit::{Provider, on_both_databases, provider_csv};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

const FIRST_DAY: Date = date(2026, 11, 22);
const LAST_DAY: Date = date(2028, 3, 31);

on_both_databases! {
    async fn sixteen_months_of_a_provider(kind) {
        let provider = Provider::new(kind).await;
        provider.set_day(FIRST_DAY);
        provider.app.make_sandbox().await.unwrap();
        provider.app.import_csv(provider.id(), provider_csv(), |_, _| {}).await.unwrap();
        let foretold = foretold(&provider).await;
        let mut days = 0;
        let mut day = FIRST_DAY;
        while day <= LAST_DAY {
            provider.set_day(day);
            provider.app.settle_rehearsed(provider.id()).await.unwrap();
            let preview = provider.app.preview_run(provider.id(), None, |_| {}).await.unwrap();
            let report = provider.app.run(provider.id(), RunOrigin::Schedule, None, never(), |_| {}).await.unwrap();
            assert_eq!(
                (preview.found, preview.renewed, preview.skipped, preview.failed, &preview.totals),
                (report.run.found, report.renewed, report.counts.skipped, report.counts.failed, &report.totals),
                "the preview of {day} equals what the run wrote"
            );
            days += 1;
            day = day.tomorrow().unwrap();
        }
        let issued = issued(&provider).await;
        let (mut early, mut late) = (foretold.iter(), issued.iter());
        loop {
            match (early.next(), late.next()) {
                (None, None) => break,
                (early, late) => assert_eq!(early, late, "what was foretold on the first day was issued"),
            }
        }
        assert_eq!(days, 496);
        assert_snapshot!(summary(&issued), @"
        17346 invoices, 42aee5f4c89105c48ffe0225faf5ba67b1e3d5e17355428213646bb59f13d700
        2026-11: 393
        2026-12: 918
        2027-01: 1035
        2027-02: 969
        2027-03: 1052
        2027-04: 1032
        2027-05: 1053
        2027-06: 1041
        2027-07: 1098
        2027-08: 1095
        2027-09: 1058
        2027-10: 1105
        2027-11: 1066
        2027-12: 1106
        2028-01: 1125
        2028-02: 1076
        2028-03: 1124
        ");
        assert_snapshot!(story_of(&provider, ServiceId(20001)).await, @"
        2026-11-22|63|2026-11-30|2026-12-31|2026-12-06|paid
        2026-12-17|64|2026-12-31|2027-01-31|2026-12-31|paid
        2027-01-17|65|2027-01-31|2027-02-28|2027-01-31|paid
        2027-02-14|66|2027-02-28|2027-03-31|2027-02-28|paid
        2027-03-17|67|2027-03-31|2027-04-30|2027-03-31|paid
        2027-04-16|68|2027-04-30|2027-05-31|2027-04-30|paid
        2027-05-17|69|2027-05-31|2027-06-30|2027-05-31|paid
        2027-06-16|70|2027-06-30|2027-07-31|2027-06-30|paid
        2027-07-17|71|2027-07-31|2027-08-31|2027-07-31|paid
        2027-08-17|72|2027-08-31|2027-09-30|2027-08-31|paid
        2027-09-16|73|2027-09-30|2027-10-31|2027-09-30|paid
        2027-10-17|74|2027-10-31|2027-11-30|2027-10-31|paid
        2027-11-16|75|2027-11-30|2027-12-31|2027-11-30|paid
        2027-12-17|76|2027-12-31|2028-01-31|2027-12-31|paid
        2028-01-17|77|2028-01-31|2028-02-29|2028-01-31|paid
        2028-02-15|78|2028-02-29|2028-03-31|2028-02-29|paid
        2028-03-17|79|2028-03-31|2028-04-30|2028-03-31|paid
        ");
        assert_snapshot!(story_of(&provider, ServiceId(20006)).await, @"
        2027-02-14|12|2027-02-28|2027-05-29|2027-02-28|paid
        2027-05-15|13|2027-05-29|2027-08-29|2027-05-29|paid
        2027-08-15|14|2027-08-29|2027-11-29|2027-08-29|paid
        2027-11-15|15|2027-11-29|2028-02-29|2027-11-29|paid
        2028-02-15|16|2028-02-29|2028-05-29|2028-02-29|paid
        ");
        every_period_is_billed(&provider).await;
        provider.assert_well().await;
    }
}

/// Nobody tells it to stop.
fn never() -> Stop {
    watch::channel(false).1
}

/// Every invoice of these months as it is foretold on the first day, as text, sorted.
async fn foretold(provider: &Provider) -> Vec<String> {
    let all = customers::all(&mut provider.app.store.read().await.unwrap(), provider.id()).await.unwrap();
    let mut foretold = Vec::new();
    for customer in all {
        let of = PreviewOf::Customer(customer.id);
        let preview = provider.app.preview(&provider.staff(), of, Some(LAST_DAY)).await.unwrap();
        assert!(!preview.forecast.is_cut);
        foretold.extend(preview.forecast.invoices.iter().map(|plan| plan_text(customer.id.0, plan)));
    }
    foretold.sort();
    foretold
}

fn plan_text(customer: i64, plan: &Plan) -> String {
    let mut text =
        format!("{} {customer} due {} {} + {} = {}", plan.issued_on, plan.due_on, plan.net, plan.tax, plan.total);
    for line in &plan.lines {
        let _ = write!(text, " | {} × {} = {}", line.description, line.quantity, line.net);
    }
    text
}

/// Every invoice that was issued, in the same form.
async fn issued(provider: &Provider) -> Vec<String> {
    let mut conn = provider.app.store.read().await.unwrap();
    let all = invoices::page(&mut conn, provider.id(), InvoiceFilter::default(), i64::from(u32::MAX), 0).await.unwrap();
    let mut issued = Vec::new();
    for invoice in all {
        let mut text = format!(
            "{} {} due {} {} + {} = {}",
            invoice.issued_on, invoice.customer, invoice.due_on, invoice.net, invoice.tax, invoice.total
        );
        for line in invoices::lines(&mut conn, provider.id(), &invoice).await.unwrap() {
            let _ = write!(text, " | {} × {} = {}", line.description, line.quantity, line.net);
        }
        issued.push(text);
    }
    issued.sort();
    issued
}

/// How many, and a digest of every word: the same on both databases.
fn summary(issued: &[String]) -> String {
    let mut hasher = Sha256::new();
    issued.iter().for_each(|text| hasher.update(text));
    let mut months: BTreeMap<&str, usize> = BTreeMap::new();
    issued.iter().for_each(|text| *months.entry(&text[..7]).or_default() += 1);
    let months: Vec<String> = months.into_iter().map(|(month, count)| format!("{month}: {count}")).collect();
    format!("{} invoices, {:x}\n{}", issued.len(), hasher.finalize(), months.join("\n"))
}

/// The invoices of one service, as its customer saw them come.
async fn story_of(provider: &Provider, service: ServiceId) -> String {
    let sql = format!(
        "select i.issued_on, p.period, p.starts, p.ends, i.due_on, p.state from periods p join invoices i on i.id = p.invoice_id \
         where p.service_id = {service} order by p.period"
    );
    provider.database.sql(&sql).unwrap().trim().to_owned()
}

/// What is renewed by itself is billed for every period that begins within the lead time, and for no other.
async fn every_period_is_billed(provider: &Provider) {
    let all = services::all(&mut provider.app.store.read().await.unwrap(), provider.id()).await.unwrap();
    let horizon = LAST_DAY.checked_add(jiff::Span::new().days(14)).unwrap();
    let is_renewed = |service: &&services::Service| {
        let is_on = matches!(service.status.as_str(), "active" | "suspended") && service.auto_renew;
        is_on && service.schedule.cycle.is_recurring()
    };
    let mut renewed = 0;
    for service in all.iter().filter(is_renewed) {
        renewed += 1;
        assert!(
            service.billed_through.unwrap() > horizon,
            "service {} is billed through {:?}",
            service.id,
            service.billed_through
        );
    }
    assert!(renewed > 2_000, "{renewed}");
    let lists = provider.database.sql("select count(*) from run_services").unwrap();
    assert_eq!(lists.trim(), "0", "nothing failed, nothing is left");
}
