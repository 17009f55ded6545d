//! `perennial coupon list|add|use|end`.

use anyhow::{Context, Result};
use perennial_app::{Actor, NewCoupon};
use perennial_billing::{Money, Off, Rate, ServiceId};
use perennial_store::coupons::Coupon;
use perennial_store::sellers;
use serde::Serialize;

use crate::args::{Args, CouponCommand, CouponOff, Format};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    code: String,
    off: String,
    periods: Option<u16>,
    through: Option<String>,
    product_id: Option<String>,
    customer_id: Option<String>,
    redeem_through: Option<String>,
    uses: u32,
    max_uses: Option<u32>,
}

/// Lists coupons, makes one, or uses one.
pub async fn run(args: &Args, command: &CouponCommand) -> Result<Exit> {
    match command {
        CouponCommand::List(format) => {
            let (app, caller) = open::for_staff(args).await?;
            let coupons = app.coupons(caller.seller).await?;
            app.store.close().await;
            print(coupons, format.format)?;
        }
        CouponCommand::Add {
            code,
            off,
            currency,
            periods,
            through,
            product,
            customer,
            redeem_through,
            max_uses,
            format,
        } => {
            let (app, caller) = open::for_staff(args).await?;
            let seller =
                sellers::get(&mut app.store.read().await?, caller.seller).await?.context("the seller is gone")?;
            let currency = currency.as_deref().map(|code| open::id("currency", code)).transpose()?;
            let currency = currency.unwrap_or(seller.currency);
            let new = NewCoupon {
                code: code.clone(),
                off: read_off(off, currency)?,
                currency: Some(currency),
                periods: *periods,
                through: *through,
                product: product.as_deref().map(|text| open::id("product", text)).transpose()?,
                customer: customer.as_deref().map(|text| open::id("customer", text)).transpose()?,
                redeem_through: *redeem_through,
                max_uses: *max_uses,
            };
            let coupon = app.create_coupon(caller.seller, Actor::Cli, new).await?;
            app.store.close().await;
            match format.format {
                Format::Json => output::json(&row(&coupon))?,
                Format::Table => output::note(format!(
                    "Coupon {} takes off {}. Use it: perennial coupon use {} ACCOUNT_ID",
                    coupon.code,
                    off_of(&coupon),
                    coupon.code
                )),
            }
        }
        CouponCommand::Use { code, service } => {
            let service: ServiceId = open::id("service", service)?;
            let (app, caller) = open::for_staff(args).await?;
            let service = app.redeem_coupon(&caller, service, code).await?;
            app.store.close().await;
            let discount = service.discount.map(|discount| discount.to_string()).unwrap_or_default();
            output::note(format!("Service {} is billed with {discount}.", service.id));
        }
        CouponCommand::End { service } => {
            let service: ServiceId = open::id("service", service)?;
            let (app, caller) = open::for_staff(args).await?;
            app.end_discount(&caller, service).await?;
            app.store.close().await;
            output::note(format!("Service {service} is billed without a discount."));
        }
    }
    Ok(Exit::Done)
}

fn read_off(off: &CouponOff, currency: perennial_billing::Currency) -> Result<Off> {
    if let Some(percent) = &off.percent {
        let rate = Rate::parse_percent(percent);
        return Ok(Off::Percent(rate.map_err(|error| UsageError(format!("percent {percent:?}: {error}")))?));
    }
    let amount = off.amount.as_deref().unwrap_or_default();
    let money = Money::parse(amount, currency).map_err(|error| UsageError(format!("amount {amount:?}: {error}")))?;
    Ok(Off::Amount(money.minor))
}

fn print(coupons: Vec<Coupon>, format: Format) -> Result<()> {
    let rows = coupons.iter().map(row);
    if format == Format::Json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let head = ["code", "off", "periods", "through", "product", "customer", "usable through", "used", "of"];
    let text = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let cells = |row: Row| {
        vec![
            row.code,
            row.off,
            text(row.periods.map(u32::from)),
            row.through.unwrap_or_default(),
            row.product_id.unwrap_or_default(),
            row.customer_id.unwrap_or_default(),
            row.redeem_through.unwrap_or_default(),
            row.uses.to_string(),
            text(row.max_uses),
        ]
    };
    output::table(&head, &[2, 7, 8], rows.map(cells))
}

fn row(coupon: &Coupon) -> Row {
    Row {
        code: coupon.code.clone(),
        off: off_of(coupon),
        periods: coupon.periods,
        through: coupon.through.map(|day| day.to_string()),
        product_id: coupon.product.map(|product| product.to_string()),
        customer_id: coupon.customer.map(|customer| customer.to_string()),
        redeem_through: coupon.redeem_through.map(|day| day.to_string()),
        uses: coupon.uses,
        max_uses: coupon.max_uses,
    }
}

fn off_of(coupon: &Coupon) -> String {
    match (coupon.off, coupon.currency) {
        (Off::Percent(rate), _) => rate.to_string(),
        (Off::Amount(minor), Some(currency)) => Money::new(minor, currency).to_string(),
        (Off::Amount(minor), None) => minor.to_string(),
    }
}
