//! Opening the database and putting the program together.

use anyhow::Result;
use perennial_app::{App, Caller, Clock, PriceFeeds, Random};
use perennial_billing::SellerId;
use perennial_store::{Store, sellers};

use crate::args::Args;
use crate::config::Config;
use crate::exit::UsageError;

/// Opens the configured database, which must have this program's schema.
pub async fn app(config: &Config) -> Result<App> {
    let store = Store::connect(&config.database_url()).await?;
    store.require_current_schema().await?;
    assemble(config, store)
}

/// Puts the program together around an open database.
pub fn assemble(config: &Config, store: Store) -> Result<App> {
    let feeds = PriceFeeds::new(config.feeds(), Random::System).map_err(|error| UsageError(error.to_string()))?;
    Ok(App::new(store, Clock::System, Random::System, feeds))
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
