//! `perennial draft list|create|issue|delete`.

use anyhow::{Context as _, Result, bail};
use perennial_app::DraftPreview;
use perennial_billing::{Currency, CustomerId, DraftId, Money, TaxClass};
use perennial_store::customers;
use perennial_store::drafts::DraftLine;
use serde::Serialize;

use crate::args::{Args, DraftCommand, Format};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    customer_id: String,
    net: String,
    tax: String,
    total: String,
    currency: String,
    lines: Vec<String>,
}

impl Row {
    fn of(preview: &DraftPreview) -> Self {
        let amounts = &preview.amounts;
        let line = |line: &perennial_store::invoices::InvoiceLine| {
            let (quantity, price) = (line.quantity, line.unit_price.amount());
            format!("{}: {quantity} × {price}, VAT {} {}", line.description, line.tax.category, line.tax.rate)
        };
        Self {
            id: preview.draft.id.to_string(),
            customer_id: preview.draft.customer.to_string(),
            net: amounts.net.amount(),
            tax: amounts.tax.amount(),
            total: amounts.total.amount(),
            currency: amounts.total.currency.to_string(),
            lines: preview.lines.iter().map(line).collect(),
        }
    }
}

/// Invoices in the making.
pub async fn run(args: &Args, command: &DraftCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        DraftCommand::List(format) => {
            let rows: Vec<Row> = app.drafts(&caller).await?.iter().map(Row::of).collect();
            match format.format {
                Format::Json => output::json(&rows)?,
                Format::Table => {
                    let cells =
                        |r: Row| vec![r.id, r.customer_id, r.lines.join("; "), r.net, r.tax, r.total, r.currency];
                    let heads = ["id", "customer", "lines", "net", "VAT", "total", ""];
                    output::table(&heads, &[3, 4, 5], rows.into_iter().map(cells))?;
                }
            }
        }
        DraftCommand::Create { customer, lines } => {
            let customer: CustomerId = open::id("customer", customer)?;
            let known = customers::get(&mut app.store.read().await?, caller.seller, customer).await?;
            let currency = known.with_context(|| format!("there is no customer {customer}"))?.currency;
            let lines = lines.iter().map(|text| line(text, currency)).collect::<Result<Vec<_>>>()?;
            let draft = app.create_draft(&caller, customer, lines).await?;
            output::note(format!("Draft {0}. Look: perennial draft list. Issue: perennial draft issue {0}", draft.id));
        }
        DraftCommand::Issue { draft } => {
            let draft: DraftId = open::id("draft", draft)?;
            let written = app.issue_draft(&caller, draft).await?;
            output::note(format!("Draft {draft} is invoice {} (id {}).", written.number, written.id));
        }
        DraftCommand::Delete { draft } => {
            let draft: DraftId = open::id("draft", draft)?;
            app.delete_draft(&caller, draft).await?;
            output::note(format!("Draft {draft} is thrown away."));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

/// `DESCRIPTION | QUANTITY | PRICE`, and if need be `| CLASS`.
fn line(text: &str, currency: Currency) -> Result<DraftLine> {
    let parts: Vec<&str> = text.split('|').map(str::trim).collect();
    let (description, quantity, price, class) = match parts[..] {
        [description, quantity, price] => (description, quantity, price, "standard"),
        [description, quantity, price, class] => (description, quantity, price, class),
        _ => bail!("line {text:?}: write DESCRIPTION | QUANTITY | PRICE, and if need be | CLASS"),
    };
    let class = TaxClass::from_word(class);
    Ok(DraftLine {
        description: description.to_owned(),
        quantity: quantity.parse().with_context(|| format!("quantity {quantity:?}"))?,
        unit_price_minor: Money::parse(price, currency).with_context(|| format!("price {price:?}"))?.minor,
        tax_class: class.with_context(|| {
            format!("line {text:?}: the class is standard, service, goods, exempt, zero or outside")
        })?,
    })
}
