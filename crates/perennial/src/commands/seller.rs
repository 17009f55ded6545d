//! `perennial seller show|set`.

use anyhow::{Context, Result};
use perennial_app::{Actor, App, Caller};
use perennial_billing::NumberReset;
use perennial_billing::campaign::PriceEnding;
use perennial_render::pdf::Brand;
use perennial_store::sellers::{self, Seller, SellerParty};
use serde::Serialize;

use crate::args::{Args, Format, Look, SellerCommand, SellerRules};
use crate::exit::Exit;
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: String,
    #[serde(flatten)]
    party: &'a SellerParty,
    currency: String,
    time_zone: String,
    vat_registered: bool,
    vat_rate_percent: Option<String>,
    oss_from: Option<String>,
    vat_numbers: &'static str,
    prices_include_vat: bool,
    rounding: &'static str,
    vat_rounding: &'static str,
    cash_rounding: i64,
    number_pattern: String,
    credit_note_pattern: String,
    deposit_pattern: String,
    number_reset: String,
    apply_credit: bool,
    late_payment: &'static str,
    payment_terms_days: u16,
    renew_ahead_months: u16,
    open_invoice: &'static str,
    mail_invoices: bool,
    quiet_hours: Option<String>,
    mail_xml: &'static str,
    e_invoices: &'static str,
    lead_days: u16,
    daily_run: bool,
    run_at: String,
    renew_suspended: bool,
    max_periods_behind: u16,
    consolidation_days: u16,
    invoicing: &'static str,
    day_count: &'static str,
    price_notice_days: u16,
    convert_prices: bool,
    converted_ending: String,
}

/// Shows a seller, or changes its rules.
pub async fn run(args: &Args, command: &SellerCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let mut conn = app.store.read().await?;
    let mut seller = sellers::get(&mut conn, caller.seller).await?.context("the seller is gone")?;
    drop(conn);
    let format = match command {
        SellerCommand::Show { format } => format.format,
        SellerCommand::Brand { look, format } => {
            let brand = brand(&app, &caller, look).await?;
            app.store.close().await;
            print_brand(&brand, format.format)?;
            return Ok(Exit::Done);
        }
        SellerCommand::Set { rules, format } => {
            apply(&mut seller, rules);
            app.change_seller(Actor::Cli, &seller).await?;
            format.format
        }
    };
    app.store.close().await;
    print(&seller, format)?;
    Ok(Exit::Done)
}

fn apply(seller: &mut Seller, rules: &SellerRules) {
    let party = &mut seller.party;
    for (field, given) in [
        (&mut party.name, &rules.name),
        (&mut party.address1, &rules.address),
        (&mut party.address2, &rules.address2),
        (&mut party.postcode, &rules.postcode),
        (&mut party.city, &rules.city),
        (&mut party.vat_number, &rules.vat_number),
        (&mut party.company_number, &rules.company_number),
        (&mut party.email, &rules.email),
        (&mut party.phone, &rules.phone),
        (&mut party.website, &rules.website),
        (&mut party.iban, &rules.iban),
        (&mut party.bic, &rules.bic),
        (&mut party.bankgiro, &rules.bankgiro),
        (&mut party.plusgiro, &rules.plusgiro),
        (&mut party.swish, &rules.swish),
        (&mut party.fik_creditor, &rules.fik_creditor),
        (&mut party.payment_reference, &rules.payment_reference),
    ] {
        if let Some(given) = given {
            given.trim().clone_into(field);
        }
    }
    if party.payment_reference == "country" {
        party.payment_reference.clear();
    }
    seller.payment_terms_days = rules.payment_terms_days.unwrap_or(seller.payment_terms_days);
    seller.renew_ahead_months = rules.renew_ahead_months.unwrap_or(seller.renew_ahead_months);
    seller.open_invoice_policy = rules.open_invoice.map_or(seller.open_invoice_policy, Into::into);
    seller.mail_invoices = rules.mail_invoices.unwrap_or(seller.mail_invoices);
    seller.mail.quiet_hours = rules.quiet_hours.map_or(seller.mail.quiet_hours, |quiet| quiet.0);
    seller.mail.xml = rules.mail_xml.map_or(seller.mail.xml, Into::into);
    seller.e_invoices = rules.e_invoices.map_or(seller.e_invoices, Into::into);
    seller.day_count = rules.day_count.map_or(seller.day_count, Into::into);
    seller.price_notice_days = rules.price_notice_days.unwrap_or(seller.price_notice_days);
    seller.converts_prices = rules.convert_prices.unwrap_or(seller.converts_prices);
    seller.converted_ending = rules.converted_ending.unwrap_or(seller.converted_ending);
    let tax = &mut seller.tax;
    tax.home_rate = rules.vat_rate.map_or(tax.home_rate, |rate| rate.0);
    tax.is_registered = rules.vat_registered.unwrap_or(tax.is_registered);
    tax.oss_from = rules.oss_from.map_or(tax.oss_from, |day| day.0);
    tax.number_policy = rules.vat_numbers.map_or(tax.number_policy, Into::into);
    let amounts = &mut seller.amounts;
    amounts.includes_tax = rules.prices_include_vat.unwrap_or(amounts.includes_tax);
    amounts.rounding = rules.rounding.map_or(amounts.rounding, Into::into);
    amounts.tax_rounding = rules.vat_rounding.map_or(amounts.tax_rounding, Into::into);
    amounts.payable_step = rules.cash_rounding.unwrap_or(amounts.payable_step);
    seller.applies_credit = rules.apply_credit.unwrap_or(seller.applies_credit);
    seller.late_payment = rules.late_payment.map_or(seller.late_payment, Into::into);
    let numbering = &mut seller.numbering;
    numbering.invoices = rules.number_pattern.clone().unwrap_or_else(|| numbering.invoices.clone());
    numbering.credit_notes = rules.credit_note_pattern.clone().unwrap_or_else(|| numbering.credit_notes.clone());
    numbering.deposits = rules.deposit_pattern.clone().unwrap_or_else(|| numbering.deposits.clone());
    numbering.reset = rules.number_reset.unwrap_or(numbering.reset);
    let runs = &mut seller.runs;
    runs.lead_days = rules.lead_days.unwrap_or(runs.lead_days);
    runs.is_daily = rules.daily_run.unwrap_or(runs.is_daily);
    runs.minute = rules.run_at.unwrap_or(runs.minute);
    runs.renew_suspended = rules.renew_suspended.unwrap_or(runs.renew_suspended);
    runs.max_periods_behind = rules.max_periods_behind.unwrap_or(runs.max_periods_behind);
    runs.consolidation_days = rules.consolidation_days.unwrap_or(runs.consolidation_days);
    runs.invoicing = rules.invoicing.map_or(runs.invoicing, Into::into);
}

/// The look as it is, with what was given.
async fn brand(app: &App, caller: &Caller, look: &Look) -> Result<Brand> {
    let mut brand = app.brand(caller).await?;
    let before = brand.clone();
    brand.accent = look.accent.unwrap_or(brand.accent);
    match look.logo.as_deref() {
        None => {}
        Some("none") => brand.logo = None,
        Some(path) => brand.logo = Some(std::fs::read(path).with_context(|| format!("cannot read {path}"))?),
    }
    for (field, given) in [(&mut brand.footer, &look.footer), (&mut brand.closing, &look.closing)] {
        if let Some(given) = given {
            given.trim().clone_into(field);
        }
    }
    brand.columns = look.columns.clone().unwrap_or(brand.columns);
    if brand != before {
        app.set_brand(caller, &brand).await?;
    }
    Ok(brand)
}

fn print_brand(brand: &Brand, format: Format) -> Result<()> {
    let (red, green, blue) = brand.accent;
    let columns: Vec<&str> = brand.columns.iter().map(|column| column.as_str()).collect();
    let logo = brand.logo.as_ref().map(Vec::len);
    if format == Format::Json {
        return output::json(&serde_json::json!({
            "accent": format!("#{red:02x}{green:02x}{blue:02x}"),
            "logoBytes": logo,
            "footer": brand.footer,
            "closing": brand.closing,
            "columns": columns,
        }));
    }
    let rows = [
        ("accent", format!("#{red:02x}{green:02x}{blue:02x}")),
        ("logo", logo.map_or_else(String::new, |bytes| format!("{bytes} bytes"))),
        ("footer", brand.footer.clone()),
        ("closing", brand.closing.clone()),
        ("columns", columns.join(",")),
    ];
    output::table(&["look", "value"], &[], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

fn print(seller: &Seller, format: Format) -> Result<()> {
    let shown = Shown {
        id: seller.id.to_string(),
        party: &seller.party,
        currency: seller.currency.to_string(),
        time_zone: seller.time_zone.iana_name().unwrap_or("UTC").to_owned(),
        vat_registered: seller.tax.is_registered,
        vat_rate_percent: seller.tax.home_rate.map(|rate| rate.percent()),
        oss_from: seller.tax.oss_from.map(|day| day.to_string()),
        vat_numbers: seller.tax.number_policy.as_str(),
        prices_include_vat: seller.amounts.includes_tax,
        rounding: seller.amounts.rounding.as_str(),
        vat_rounding: seller.amounts.tax_rounding.as_str(),
        cash_rounding: seller.amounts.payable_step,
        number_pattern: seller.numbering.invoices.to_string(),
        credit_note_pattern: seller.numbering.credit_notes.to_string(),
        deposit_pattern: seller.numbering.deposits.to_string(),
        number_reset: match seller.numbering.reset {
            NumberReset::Never => "never".to_owned(),
            NumberReset::Yearly { month } => month.to_string(),
        },
        apply_credit: seller.applies_credit,
        late_payment: seller.late_payment.as_str(),
        payment_terms_days: seller.payment_terms_days,
        renew_ahead_months: seller.renew_ahead_months,
        open_invoice: seller.open_invoice_policy.as_str(),
        mail_invoices: seller.mail_invoices,
        quiet_hours: seller.mail.quiet_hours.map(|hours| hours.to_string()),
        mail_xml: seller.mail.xml.as_str(),
        e_invoices: seller.e_invoices.as_str(),
        lead_days: seller.runs.lead_days,
        daily_run: seller.runs.is_daily,
        run_at: seller.runs.time_of_day(),
        renew_suspended: seller.runs.renew_suspended,
        max_periods_behind: seller.runs.max_periods_behind,
        consolidation_days: seller.runs.consolidation_days,
        invoicing: seller.runs.invoicing.as_str(),
        day_count: seller.day_count.as_str(),
        price_notice_days: seller.price_notice_days,
        convert_prices: seller.converts_prices,
        converted_ending: match seller.converted_ending {
            PriceEnding::Any => "any".to_owned(),
            PriceEnding::Hundredths(hundredths) => format!("{hundredths:02}"),
        },
    };
    if format == Format::Json {
        return output::json(&shown);
    }
    let serde_json::Value::Object(fields) = serde_json::to_value(&shown)? else { return Ok(()) };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        value => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    output::table(&["rule", "value"], &[], fields.into_iter().map(|(name, value)| vec![name, text(value)]))
}
