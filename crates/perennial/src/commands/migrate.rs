//! `perennial migrate`.

use anyhow::Result;
use perennial_store::Store;

use crate::args::Args;
use crate::config::Config;
use crate::exit::Exit;
use crate::output;

/// Applies the steps that the database lacks.
pub async fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(&args.config)?;
    let store = Store::connect(&config.database_url()).await?;
    let before = store.schema_state().await?;
    store.apply_migrations().await?;
    let after = store.schema_state().await?;
    store.close().await;
    let done = after.applied - before.applied;
    output::note(match done {
        0 => format!("The {} database is at schema {}: nothing to do.", store.kind(), after.applied),
        _ => format!("The {} database is now at schema {} ({done} steps applied).", store.kind(), after.applied),
    });
    Ok(Exit::Done)
}
