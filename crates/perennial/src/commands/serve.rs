//! `perennial serve`.

use anyhow::{Context, Result};
use perennial_app::{App, RenewalQueue};
use perennial_web::{Web, router};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, ServeArgs};
use crate::config::Config;
use crate::exit::Exit;
use crate::{logging, open};

/// Answers requests until it is told to stop.
pub async fn run(args: &Args, serve: &ServeArgs) -> Result<Exit> {
    let config = Config::load(&args.config)?;
    logging::start(&config.log);
    let app = open::app(&config).await?;
    let address = serve.listen.unwrap_or(config.server.listen);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    answer(app, &config, listener).await
}

/// Answers requests on a socket until SIGTERM or Ctrl-C, then finishes what was accepted.
pub async fn answer(app: App, config: &Config, listener: TcpListener) -> Result<Exit> {
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping: finishing the requests that were accepted");
    };
    let store = app.store.clone();
    tracing::info!("listening on http://{} with {}", listener.local_addr()?, store.kind());
    let (renewals, workers) = RenewalQueue::start(&app);
    perennial_web::serve(listener, router(Web::new(app, renewals, config.rate_limit())), stop).await?;
    // The router held the way in; what was queued through it is done before the database is closed.
    workers.finish().await;
    store.close().await;
    Ok(Exit::Done)
}
