//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::output;

/// Starts logging, unless it was started before.
pub fn start(log: &Log) {
    let ours = format!("{},sqlx=warn", log.level.as_str());
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty()) {
        Some(text) => EnvFilter::try_new(&text).or_else(|error| {
            output::note(format!("RUST_LOG {text:?} is ignored: {error}"));
            EnvFilter::try_new(&ours)
        }),
        None => EnvFilter::try_new(&ours),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter.unwrap_or_default()).with_writer(std::io::stderr);
    // A second start is refused and that is fine.
    let _ = match log.format {
        LogFormat::Text => builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
