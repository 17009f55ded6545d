//! Opening the database and putting the program together.

use anyhow::Result;
use perennial_app::{App, Caller, Clock, Mailer, PriceFeeds, Random, Stop, VatChecker, WebhookSender};
use perennial_billing::SellerId;
use perennial_store::{Store, sandbox, sellers};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::Args;
use crate::config::Config;
use crate::exit::UsageError;

/// Opens the configured database, which must have this program's schema.
pub async fn app(config: &Config) -> Result<App> {
    let store = Store::connect(&config.database_url()).await?;
    store.require_current_schema().await?;
    assemble(config, store).await
}

/// Puts the program together around an open database. In a sandbox, the clock is the sandbox's.
pub async fn assemble(config: &Config, store: Store) -> Result<App> {
    let feeds = PriceFeeds::new(config.feeds(), Random::System).map_err(|error| UsageError(error.to_string()))?;
    let ahead = sandbox::ahead(&mut store.read().await?).await?;
    let clock = ahead.map_or(Clock::System, Clock::ahead);
    let mut app = App::new(store, clock, Random::System, feeds);
    if let Some(mail) = config.mail()? {
        let mailer = Mailer::new(&mail, Random::System).map_err(|error| UsageError(error.to_string()))?;
        app = app.with_mailer(mailer);
    }
    let Some(checks) = config.vat_checks() else { return Ok(app) };
    let checker = VatChecker::new(&checks, Random::System).map_err(|error| UsageError(error.to_string()))?;
    Ok(app.with_vat_checks(checker))
}

/// The same program, able to send webhooks. Everything else works without.
pub fn with_webhooks(app: App, config: &Config) -> Result<App, UsageError> {
    match WebhookSender::new(&config.webhooks()?) {
        Ok(sender) => Ok(app.with_webhooks(sender)),
        Err(error) if config.webhooks.certificates.is_some() => Err(UsageError(error.to_string())),
        Err(error) => {
            tracing::warn!("no webhooks are sent: {error}");
            Ok(app)
        }
    }
}

/// Tells a long command at Ctrl-C or SIGTERM that it is time to stop.
pub fn stop_on_signal() -> Result<Stop> {
    let (told, stop) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        told.send_replace(true);
    });
    Ok(stop)
}

/// The seller that was asked for, or the only one.
pub async fn seller(app: &App, args: &Args) -> Result<SellerId> {
    let ids = sellers::ids(&mut app.store.read().await?).await?;
    match (args.seller.map(SellerId), ids.as_slice()) {
        (Some(wanted), known) if known.contains(&wanted) => Ok(wanted),
        (Some(wanted), known) => Err(UsageError(format!("there is no seller {wanted}; known: {}", list(known))).into()),
        (None, [only]) => Ok(*only),
        (None, []) => Err(UsageError("the database has no seller: run `perennial init`".to_owned()).into()),
        (None, known) => Err(UsageError(format!("which seller? Add --seller ID, one of {}", list(known))).into()),
    }
}

fn list(ids: &[SellerId]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}

/// The program, and a caller who may do everything for the seller at hand.
pub async fn for_staff(args: &Args) -> Result<(App, Caller)> {
    let config = Config::load(&args.config)?;
    let app = app(&config).await?;
    let seller = seller(&app, args).await?;
    Ok((app, Caller::cli(seller)))
}

/// An id from the command line.
pub fn id<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(what: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| UsageError(format!("{what} {text:?}: {error}")).into())
}
