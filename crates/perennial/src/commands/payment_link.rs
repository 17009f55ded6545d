//! `perennial invoice payment-link`.

use anyhow::Result;
use perennial_app::MadeLink;
use perennial_billing::InvoiceId;
use perennial_web::payment_link_url;

use crate::args::{Args, Format};
use crate::config::Config;
use crate::exit::Exit;
use crate::{open, output};

/// Makes a link, or shows the one there is.
pub async fn make(args: &Args, invoice: InvoiceId, format: Format) -> Result<Exit> {
    let config = Config::load(&args.config)?;
    // Where nobody has said how customers find the server, it is where it listens.
    let base = config.public_url()?.unwrap_or_else(|| format!("http://{}", config.server.listen));
    let (app, caller) = open::for_staff(args).await?;
    let MadeLink { link, invoice, is_known } = app.make_payment_link(&caller, invoice).await?;
    app.store.close().await;
    let url = payment_link_url(&base, &link.uuid);
    if format == Format::Json {
        output::json(&serde_json::json!({
            "paymentUrl": url,
            "expiresAt": link.expires_at.to_string(),
            "isKnown": is_known,
            "viewCount": link.views,
            "invoiceId": invoice.id.to_string(),
            "number": invoice.number,
            "open": invoice.open.amount(),
            "currency": invoice.open.currency.code(),
        }))?;
        return Ok(Exit::Done);
    }
    output::line(url)?;
    let views = match link.views {
        0 => "was never opened".to_owned(),
        1 => "was opened once".to_owned(),
        views => format!("was opened {views} times"),
    };
    output::note(format!(
        "It opens invoice {}, {} to pay, until {:.0}; it {views}.",
        invoice.number, invoice.open, link.expires_at
    ));
    Ok(Exit::Done)
}

/// Ends the link there is.
pub async fn revoke(args: &Args, invoice: InvoiceId) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    app.revoke_payment_link(&caller, invoice).await?;
    app.store.close().await;
    output::note(format!("The payment link of invoice {invoice} opens nothing any more."));
    Ok(Exit::Done)
}
