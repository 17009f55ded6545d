//! `perennial invoice list|show|pdf|preview|xml|mail|remind|credit|void|payment-link|write-off|late-payment`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use perennial_app::{App, Caller, CreditOf, MailHistory};
use perennial_billing::{
    CustomerId, DocumentKind, InvoiceId, Money, PeriodNumber, ServiceId, TaxGroup, exemption_code, untaxed_reason,
};
use perennial_render::einvoice::Syntax;
use perennial_store::deliveries::DeliveryOutcome;
use perennial_store::invoices::{self, Invoice, InvoiceFilter, InvoiceLine, InvoiceStatus};
use perennial_store::outbox::{MailKind, MailState};
use perennial_store::settlements::{self, Settlement};
use perennial_store::{Conn, sellers};
use serde::Serialize;

use super::outbox::Shown as ShownMail;
use crate::args::{Args, CreditArgs, Format, InvoiceCommand, XmlFormat};
use crate::exit::Exit;
use crate::{open, output};

/// Documents that are made at the same time.
const PAPERS_AT_ONCE: usize = 8;

/// Looks at invoices.
pub async fn run(args: &Args, command: &InvoiceCommand) -> Result<Exit> {
    match command {
        InvoiceCommand::List { customer, status, limit, format } => {
            let filter = InvoiceFilter {
                customer: customer.as_deref().map(|text| open::id::<CustomerId>("customer", text)).transpose()?,
                status: status.as_deref().and_then(InvoiceStatus::from_title),
                with_credit_notes: true,
            };
            list(args, filter, *limit, format.format).await
        }
        InvoiceCommand::Show { invoice, format } => show(args, open::id("invoice", invoice)?, format.format).await,
        InvoiceCommand::Pdf { invoices, out } => pdf(args, invoices, out.as_deref()).await,
        InvoiceCommand::Preview { sample: _, out } => sample(args, out).await,
        InvoiceCommand::Xml { invoice, format, out } => {
            xml(args, open::id("invoice", invoice)?, *format, out.as_deref()).await
        }
        InvoiceCommand::Mail { invoice } => {
            let (app, caller) = open::for_staff(args).await?;
            let resent = app.resend_invoice(&caller, open::id("invoice", invoice)?).await?;
            app.store.close().await;
            output::note(format!("Invoice {invoice} is mailed to {}.", resent.sent_to));
            Ok(Exit::Done)
        }
        InvoiceCommand::Remind { invoice } => {
            let (app, caller) = open::for_staff(args).await?;
            let reminded = app.remind(&caller, open::id("invoice", invoice)?).await?;
            app.store.close().await;
            let (to, open) = (reminded.sent_to, reminded.open);
            output::note(format!("A reminder of invoice {invoice}, {open} to pay, is mailed to {to}."));
            Ok(Exit::Done)
        }
        InvoiceCommand::Credit(credit) => give_back(args, credit).await,
        InvoiceCommand::Void { invoice } => void(args, open::id("invoice", invoice)?).await,
        InvoiceCommand::PaymentLink { invoice, revoke, format } => {
            let id = open::id("invoice", invoice)?;
            if *revoke {
                super::payment_link::revoke(args, id).await
            } else {
                super::payment_link::make(args, id, format.format).await
            }
        }
        InvoiceCommand::WriteOff { invoice } => write_off(args, open::id("invoice", invoice)?).await,
        InvoiceCommand::LatePayment { invoice, paid_on, format } => {
            late_payment(args, open::id("invoice", invoice)?, *paid_on, format.format).await
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    id: String,
    kind: &'static str,
    number: String,
    status: &'static str,
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrects: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    customer_id: String,
    customer: String,
    issued_on: String,
    due_on: String,
    net: String,
    tax: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rounding_amount: Option<String>,
    total: String,
    open: String,
    currency: String,
}

impl Summary {
    fn of(invoice: &Invoice, today: Date) -> Self {
        Self {
            standing: invoice.standing(today).as_str(),
            id: invoice.id.to_string(),
            kind: invoice.kind.as_str(),
            number: invoice.number.clone(),
            status: if invoice.kind == DocumentKind::CreditNote { "Issued" } else { invoice.status.title() },
            corrects: invoice.corrects.map(|id| id.to_string()),
            reason: invoice.reason.clone(),
            customer_id: invoice.customer.to_string(),
            customer: invoice.buyer.display_name().to_owned(),
            issued_on: invoice.issued_on.to_string(),
            due_on: invoice.due_on.to_string(),
            net: invoice.net.amount(),
            tax: invoice.tax.amount(),
            rounding_amount: (invoice.rounding.minor != 0).then(|| invoice.rounding.amount()),
            total: invoice.total.amount(),
            open: invoice.open.amount(),
            currency: invoice.total.currency.to_string(),
        }
    }
}

/// Today, where the seller is.
async fn today(app: &App, conn: &mut Conn, caller: &Caller) -> Result<Date> {
    let seller = sellers::get(conn, caller.seller).await?.context("the seller is gone")?;
    Ok(app.clock.today(&seller.time_zone))
}

/// Writes documents as PDF and tells where they are.
async fn pdf(args: &Args, invoices: &[String], out: Option<&Path>) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let is_folder = invoices.len() > 1 || out.is_some_and(Path::is_dir);
    if is_folder && let Some(folder) = out {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let ids = invoices.iter().map(|text| open::id::<InvoiceId>("invoice", text)).collect::<Result<Vec<_>>>()?;
    for together in ids.chunks(PAPERS_AT_ONCE) {
        let make = |id: &InvoiceId| {
            let (app, id) = (app.clone(), *id);
            tokio::spawn(async move { app.paper(&caller, id).await })
        };
        for made in together.iter().map(make).collect::<Vec<_>>() {
            let file = made.await??;
            let path = match out {
                Some(folder) if is_folder => folder.join(&file.name),
                Some(path) => path.to_owned(),
                None => PathBuf::from(&file.name),
            };
            write_file(&path, &file.paper.bytes)?;
            if let Some(lacking) = file.paper.lacking() {
                output::note(lacking);
            }
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

/// Writes samples into a folder.
async fn sample(args: &Args, folder: &Path) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let files = app.sample_papers(&caller).await?;
    app.store.close().await;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for file in files {
        write_file(&folder.join(&file.name), &file.paper.bytes)?;
    }
    Ok(Exit::Done)
}

/// Writes an e-invoice, and tells what is wrong with it.
async fn xml(args: &Args, invoice: InvoiceId, format: XmlFormat, out: Option<&Path>) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let syntax = match format {
        XmlFormat::Ubl => Syntax::Ubl,
        XmlFormat::Cii => Syntax::Cii,
    };
    let file = app.e_invoice(&caller, invoice, syntax).await?;
    app.store.close().await;
    write_file(out.unwrap_or(Path::new(&file.name)), file.text.as_bytes())?;
    for problem in &file.problems {
        output::note(format!(
            "{} ({}): {}. Mend it for the next invoice: {}",
            problem.rule, problem.term, problem.problem, problem.mend
        ));
    }
    Ok(if file.problems.is_empty() { Exit::Done } else { Exit::Incomplete })
}

/// Writes a file and tells where it is; `-` is standard output.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if path == Path::new("-") {
        return std::io::stdout().write_all(bytes).context("cannot write to standard output");
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    output::line(path.display().to_string())
}

async fn list(args: &Args, filter: InvoiceFilter, limit: i64, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let found = invoices::page(&mut conn, caller.seller, filter, limit, 0).await?;
    let total = invoices::count(&mut conn, caller.seller, filter).await?;
    let today = today(&app, &mut conn, &caller).await?;
    let rows: Vec<Summary> = found.iter().map(|invoice| Summary::of(invoice, today)).collect();
    if format == Format::Json {
        output::json(&rows)?;
        return Ok(Exit::Done);
    }
    let shown = rows.len();
    let lines = rows.into_iter().map(|r| {
        let kind = if r.kind == "invoice" { String::new() } else { r.kind.replace('_', " ") };
        let (status, open) = (r.status.to_owned(), r.open);
        vec![r.id, r.number, kind, status, r.customer, r.issued_on, r.due_on, r.total, open, r.currency]
    });
    let heads = ["id", "number", "", "status", "customer", "issued", "due", "total", "to pay", ""];
    output::table(&heads, &[7, 8], lines)?;
    output::note(format!("{shown} of {total} invoices"));
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    summary: Summary,
    rounding: &'static str,
    vat_rounding: &'static str,
    prices_include_vat: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    vat_in_home_currency: Option<HomeVat>,
    seller: &'a perennial_store::sellers::SellerParty,
    buyer: &'a perennial_store::customers::CustomerParty,
    lines: Vec<Line>,
    taxes: Vec<Tax>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settlements: Vec<Settled>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    credit_notes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mails: Vec<ShownMail>,
}

/// The VAT in the seller's currency, and how it was converted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HomeVat {
    amount: String,
    currency: String,
    rate: String,
    rate_from: String,
    source: String,
}

/// What took something off what is to be paid.
#[derive(Serialize)]
struct Settled {
    by: &'static str,
    id: String,
    amount: String,
    at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    service_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addon_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_starts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ends: Option<String>,
    quantity: String,
    unit_price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowance: Option<Allowance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<Part>,
    net: String,
    tax_category: &'static str,
    tax_rate_percent: String,
    price_origin: String,
}

/// What is taken off a line, and why.
#[derive(Serialize)]
struct Allowance {
    amount: String,
    reason: String,
}

/// What a line is a part of: `days` of `of` days of a period that costs `whole`.
#[derive(Serialize)]
struct Part {
    whole: String,
    days: u32,
    of: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tax {
    country: String,
    category: &'static str,
    rate_percent: String,
    base: String,
    tax: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemption_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemption_reason: Option<String>,
}

/// Why no tax is charged.
fn why_untaxed(invoice: &Invoice, group: &TaxGroup) -> Option<String> {
    untaxed_reason(group.profile.category, &invoice.buyer.exemption_reason, "en")
}

async fn show(args: &Args, id: InvoiceId, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let invoice = invoices::get(&mut conn, caller.seller, id).await?;
    let invoice = invoice.ok_or_else(|| anyhow::anyhow!("there is no invoice {id}: see `perennial invoice list`"))?;
    let lines = invoices::lines(&mut conn, caller.seller, &invoice).await?;
    let taxes = invoices::taxes(&mut conn, caller.seller, &invoice).await?;
    let settled = settlements::of_invoice(&mut conn, caller.seller, id, invoice.total.currency).await?;
    let notes = invoices::correcting(&mut conn, caller.seller, id).await?;
    let today = today(&app, &mut conn, &caller).await?;
    drop(conn);
    let mails = app.mails_of_invoice(&caller, id).await?;
    match format {
        Format::Json => {
            let settlement = |one: &Settlement| Settled {
                by: one.by.as_str(),
                id: one.source.to_string(),
                amount: one.amount.amount(),
                at: one.at.to_string(),
            };
            output::json(&Document {
                settlements: settled.iter().map(settlement).collect(),
                credit_notes: notes.iter().map(|note| note.id.to_string()).collect(),
                mails: mails.iter().map(Into::into).collect(),
                ..document(&invoice, &lines, &taxes, today)
            })?;
        }
        Format::Table => {
            print(&invoice, &lines, &taxes)?;
            for one in &settled {
                let by = one.by.as_str().replace('_', " ");
                output::line(format!("less {} by {by} {}", one.amount, one.source))?;
            }
            for history in &mails {
                output::line(mailed(history))?;
            }
            for note in &notes {
                output::line(format!("credit note {} (id {}): {}", note.number, note.id, note.total))?;
            }
            if !settled.is_empty() {
                output::line(format!("to pay {}", invoice.open))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// What became of a mail, in one line.
fn mailed(history: &MailHistory) -> String {
    let mail = &history.mail;
    let to: Vec<&str> = history
        .deliveries
        .iter()
        .filter(|delivery| delivery.outcome == DeliveryOutcome::Accepted)
        .map(|delivery| delivery.email.as_str())
        .collect();
    let what = if mail.kind == MailKind::Reminder { "reminder" } else { "mail" };
    match mail.state {
        MailState::Sent => {
            let at = mail.settled_at.map(|at| at.to_string()).unwrap_or_default();
            format!("{what} {} was sent to {} at {at}", mail.id, to.join(", "))
        }
        MailState::Queued if mail.reason.is_empty() => format!("{what} {} waits to be sent", mail.id),
        MailState::Queued => format!("{what} {} is tried again at {}: {}", mail.id, mail.next_attempt_at, mail.reason),
        MailState::Failed => format!("{what} {} was given up: {}", mail.id, mail.reason),
        MailState::CalledOff => format!("{what} {} was called off", mail.id),
    }
}

fn document<'a>(invoice: &'a Invoice, lines: &[InvoiceLine], taxes: &[TaxGroup], today: Date) -> Document<'a> {
    let line = |line: &InvoiceLine| Line {
        service_id: line.service.map(|service| service.to_string()),
        addon_id: line.addon.map(|addon| addon.to_string()),
        product_id: line.product.map(|product| product.to_string()),
        description: line.description.clone(),
        period_starts: line.period.map(|period| period.starts.to_string()),
        period_ends: line.period.map(|period| period.ends.to_string()),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_price.amount(),
        allowance: line
            .allowance
            .as_ref()
            .map(|off| Allowance { amount: off.amount.amount(), reason: off.reason.clone() }),
        part: line.part.map(|part| Part { whole: part.whole.amount(), days: part.share.days, of: part.share.of }),
        net: line.net.amount(),
        tax_category: line.tax.category.code(),
        tax_rate_percent: line.tax.rate.percent(),
        price_origin: line.price_origin.clone(),
    };
    let tax = |group: &TaxGroup| Tax {
        country: group.profile.country.to_string(),
        exemption_code: exemption_code(group.profile.category),
        exemption_reason: why_untaxed(invoice, group),
        category: group.profile.category.code(),
        rate_percent: group.profile.rate.percent(),
        base: group.base.amount(),
        tax: group.tax.amount(),
    };
    Document {
        summary: Summary::of(invoice, today),
        rounding: invoice.rules.rounding.as_str(),
        vat_rounding: invoice.rules.tax_rounding.as_str(),
        prices_include_vat: invoice.rules.includes_tax,
        vat_in_home_currency: invoice.home_tax.as_ref().map(|home| HomeVat {
            amount: home.tax.amount(),
            currency: home.tax.currency.to_string(),
            rate: home.rate.rate.to_string(),
            rate_from: home.rate.starts.to_string(),
            source: home.rate.source.clone(),
        }),
        settlements: Vec::new(),
        credit_notes: Vec::new(),
        mails: Vec::new(),
        seller: &invoice.seller,
        buyer: &invoice.buyer,
        lines: lines.iter().map(line).collect(),
        taxes: taxes.iter().map(tax).collect(),
    }
}

fn print(invoice: &Invoice, lines: &[InvoiceLine], taxes: &[TaxGroup]) -> Result<()> {
    let (seller, buyer) = (&invoice.seller, &invoice.buyer);
    let (kind, standing) = match invoice.kind {
        DocumentKind::Invoice => ("INVOICE", invoice.status.title()),
        DocumentKind::CreditNote => ("CREDIT NOTE", ""),
        DocumentKind::Deposit => ("DEPOSIT", invoice.status.title()),
    };
    output::line(format!("{kind} {}   id {}   {standing}", invoice.number, invoice.id).trim_end())?;
    if let (Some(corrects), Some(reason)) = (invoice.corrects, &invoice.reason) {
        output::line(format!("corrects invoice id {corrects}: {reason}"))?;
    }
    output::line(format!("issued {}   due {}\n", invoice.issued_on, invoice.due_on))?;
    let address = |street: &str, postcode: &str, city: &str, country: &str| {
        [street, &format!("{postcode} {city}"), country].map(str::trim).join(", ")
    };
    let from = address(&seller.address1, &seller.postcode, &seller.city, &seller.country);
    output::line(format!("from  {}, {from}{}", seller.name, vat(&seller.vat_number)))?;
    let person = if buyer.company.is_empty() { String::new() } else { format!(" ({})", buyer.name) };
    let to = address(&buyer.address1, &buyer.postcode, &buyer.city, &buyer.country);
    output::line(format!("to    {}{person}, {to}{}", buyer.display_name(), vat(&buyer.vat_number)))?;
    output::line(format!("      customer {}\n", invoice.customer))?;
    let rows = lines.iter().map(|line| {
        let off = line.allowance.as_ref().map(|off| format!("; less {} ({})", off.amount.amount(), off.reason));
        vec![
            format!("{}{}", line.description, off.unwrap_or_default()),
            line.quantity.to_string(),
            line.unit_price.amount(),
            format!("{} {}", line.tax.category, line.tax.rate),
            line.net.amount(),
        ]
    });
    output::table(&["", "quantity", "price", "VAT", "net"], &[1, 2, 4], rows)?;
    output::line("")?;
    for group in taxes {
        let profile = group.profile;
        let abroad =
            if profile.country.code() == seller.country { String::new() } else { format!("{} ", profile.country) };
        output::line(format!("VAT {abroad}{} {} on {}: {}", profile.category, profile.rate, group.base, group.tax))?;
        if let Some(reason) = why_untaxed(invoice, group) {
            output::line(format!("    {reason}"))?;
        }
    }
    if let Some(home) = &invoice.home_tax {
        output::line(format!(
            "VAT in {}: {} (1 {} = {} {}, {}, {})",
            home.tax.currency,
            home.tax,
            home.rate.home,
            home.rate.rate,
            invoice.total.currency,
            home.rate.source,
            home.rate.starts
        ))?;
    }
    let rounding =
        if invoice.rounding.minor == 0 { String::new() } else { format!("   rounding {}", invoice.rounding) };
    output::line(format!("net {}   VAT {}{rounding}   TOTAL {}", invoice.net, invoice.tax, invoice.total))
}

async fn give_back(args: &Args, credit: &CreditArgs) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let id: InvoiceId = open::id("invoice", &credit.invoice)?;
    let of = match &credit.amount {
        Some(text) => {
            let known = invoices::get(&mut app.store.read().await?, caller.seller, id).await?;
            let currency = known.with_context(|| format!("there is no invoice {id}"))?.total.currency;
            CreditOf::Amount(Money::parse(text, currency).with_context(|| format!("amount {text:?}"))?.minor)
        }
        None if credit.lines.is_empty() => CreditOf::Everything,
        None => CreditOf::Lines(credit.lines.clone()),
    };
    let noted = app.credit_invoice(&caller, id, &of, &credit.reason).await?;
    app.store.close().await;
    if credit.format.format == Format::Json {
        let freed: Vec<String> = noted.freed.iter().map(|(service, _)| service.to_string()).collect();
        output::json(&serde_json::json!({
            "creditNoteId": noted.note.id.to_string(),
            "number": noted.note.number,
            "total": noted.total.amount(),
            "offInvoice": noted.settled.amount(),
            "toCredit": noted.credited.amount(),
            "currency": noted.total.currency.code(),
            "freedServices": freed,
        }))?;
        return Ok(Exit::Done);
    }
    output::note(format!("Credit note {} (id {}) over {}.", noted.note.number, noted.note.id, noted.total));
    if noted.settled.minor > 0 {
        output::note(format!("  {} less is to be paid for invoice {id}", noted.settled));
    }
    if noted.credited.minor > 0 {
        output::note(format!(
            "  {} more is the customer's credit; to send it back: perennial payment refund",
            noted.credited
        ));
    }
    told_freed(&noted.freed);
    Ok(Exit::Done)
}

fn told_freed(freed: &[(ServiceId, PeriodNumber)]) {
    for (service, period) in freed {
        output::note(format!("  period {period} of service {service} can be billed again"));
    }
}

async fn void(args: &Args, id: InvoiceId) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let freed = app.void_invoice(&caller, id).await?;
    app.store.close().await;
    output::note(format!("Invoice {id} is void; its number stays used."));
    told_freed(&freed);
    Ok(Exit::Done)
}

async fn write_off(args: &Args, id: InvoiceId) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let given_up = app.write_off(&caller, id).await?;
    app.store.close().await;
    output::note(format!("{given_up} of invoice {id} is written off."));
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LatePeriod {
    service_id: String,
    policy: &'static str,
    is_chosen: bool,
    starts: String,
    last_day: String,
    next_starts: String,
}

async fn late_payment(args: &Args, id: InvoiceId, paid_on: Option<Date>, format: Format) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let found = app.preview_late_payment(&caller, id, paid_on).await?;
    app.store.close().await;
    let rows = found.into_iter().map(|late| LatePeriod {
        service_id: late.service.to_string(),
        policy: late.policy.as_str(),
        is_chosen: late.is_chosen,
        starts: late.period.starts.to_string(),
        last_day: late.period.last_day().to_string(),
        next_starts: late.period.ends.to_string(),
    });
    if format == Format::Json {
        output::json(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let cells = |l: LatePeriod| {
        let chosen = if l.is_chosen { "this one" } else { "" };
        vec![l.service_id, l.policy.to_owned(), l.starts, l.last_day, chosen.to_owned()]
    };
    output::table(&["service", "policy", "first day", "last day", ""], &[], rows.map(cells))?;
    Ok(Exit::Done)
}

fn vat(number: &str) -> String {
    if number.is_empty() { String::new() } else { format!(", VAT {number}") }
}
