//! Stories: people, days, and what came out. Each runs on SQLite and on PostgreSQL.

mod aligning;
mod books;
mod campaigns;
mod catalogue;
mod changing;
mod converting;
mod crediting;
mod discounts;
mod drafting;
mod feeds;
mod grouping;
mod importing;
mod linking;
mod lives;
mod mailing;
mod ordering;
mod papers;
mod paying;
mod pricing;
mod races;
mod renewing;
mod running;
mod taxing;
mod telling;
mod vat_checking;
mod year;

use perennial_app::{Outcome, Renewal};
use perennial_store::invoices;
use perennial_testkit::Provider;

/// The only outcome of a call for one service.
fn outcome(renewals: perennial_app::Result<Vec<Renewal>>) -> Outcome {
    renewals.expect("an answer").remove(0).outcome
}

/// Everything that was issued, as a person would read it.
async fn ledger_of(provider: &Provider) -> String {
    let mut conn = provider.app.store.read().await.expect("a connection");
    let mut text = Vec::new();
    let issued = invoices::page(&mut conn, provider.id(), invoices::InvoiceFilter::default(), 1000, 0).await;
    for invoice in issued.expect("invoices").iter().rev() {
        text.push(format!(
            "{} {}: issued {}, due {}, {} + {} VAT = {}",
            invoice.number,
            invoice.buyer.display_name(),
            invoice.issued_on,
            invoice.due_on,
            invoice.net.amount(),
            invoice.tax.amount(),
            invoice.total
        ));
        for line in invoices::lines(&mut conn, provider.id(), invoice).await.expect("lines") {
            let off = line.allowance.map(|off| format!(" − {} ({})", off.amount.amount(), off.reason));
            text.push(format!(
                "  {} | {} × {}{} = {} | {} {}",
                line.description,
                line.quantity,
                line.unit_price.amount(),
                off.unwrap_or_default(),
                line.net.amount(),
                line.tax.category,
                line.tax.rate
            ));
        }
    }
    text.join("\n")
}
