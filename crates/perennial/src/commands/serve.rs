//! `perennial serve`.

use anyhow::{Context, Result};
use perennial_app::{App, RenewalQueue, RunReport, start_key_uses, start_outbound, start_schedule, start_webhooks};
use perennial_store::sellers;
use perennial_web::{Web, router};
use tokio::net::TcpListener;

use crate::args::{Args, ServeArgs};
use crate::config::Config;
use crate::exit::Exit;
use crate::{logging, open};

/// Answers requests until it is told to stop.
pub async fn run(args: &Args, serve: &ServeArgs) -> Result<Exit> {
    let config = Config::load(&args.config)?;
    logging::start(&config.log);
    let app = open::app(&config).await?;
    if let Some(day) = serve.clock {
        let seller = match args.seller {
            Some(_) => open::seller(&app, args).await?,
            // They share the clock; the day is the first one's.
            None => *sellers::ids(&mut app.store.read().await?).await?.first().context("there is no seller yet")?,
        };
        let stop = open::stop_on_signal()?;
        let told = |report: &RunReport| {
            tracing::info!("run {} of {}: {} renewed", report.run.id, report.run.day, report.renewed);
        };
        app.turn_clock_to(seller, day, stop, told).await?;
    }
    let address = serve.listen.unwrap_or(config.server.listen);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    answer(app, &config, listener).await
}

/// Answers requests on a socket and starts the daily runs, and sends mail and webhooks, until SIGTERM or Ctrl-C, then finishes what was accepted.
pub async fn answer(app: App, config: &Config, listener: TcpListener) -> Result<Exit> {
    let (limits, public_url) = (config.limits()?, config.public_url()?);
    let app = open::with_webhooks(app, config)?;
    let stop = open::stop_on_signal()?;
    let mut told = stop.clone();
    let stopping = async move {
        // It is told once; if nobody can tell it any more, it is over as well.
        let _ = told.wait_for(|stop| *stop).await;
        tracing::info!("stopping: finishing the requests that were accepted");
    };
    let store = app.store.clone();
    tracing::info!("listening on http://{} with {}", listener.local_addr()?, store.kind());
    let (renewals, workers) = RenewalQueue::start(&app);
    let schedule = start_schedule(&app, stop.clone());
    let outbound = start_outbound(&app, stop.clone());
    let webhooks = start_webhooks(&app, stop.clone());
    let key_uses = start_key_uses(&app, stop.clone());
    let web = Web::new(app.clone(), renewals, limits, stop).found_at(public_url);
    perennial_web::serve(listener, router(web), stopping).await?;
    // The router held the way in; what was queued through it is done before the database is closed.
    workers.finish().await;
    // A run that is under way ends with its present part, and is resumed by the next start.
    let _ = schedule.await;
    // Mails that are on their way are finished; the others are left to the next start.
    if let Some(outbound) = outbound {
        let _ = outbound.await;
    }
    if let Some(webhooks) = webhooks {
        let _ = webhooks.await;
    }
    let _ = key_uses.await;
    if let Err(error) = app.write_key_uses().await {
        tracing::warn!(%error, "it could not be written down when keys were last used: {error}");
    }
    store.close().await;
    Ok(Exit::Done)
}
