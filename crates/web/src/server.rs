//! Listening, and stopping without dropping what was accepted.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long a stopping server waits for the requests it has accepted.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers requests until `stop` is over, then takes no new connections and finishes the requests it has accepted, for at
/// most [`DRAIN_TIMEOUT`].
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        // Whoever waits for it may be gone; then there is nobody to tell.
        let _ = stopping.send(());
    });
    let server = server.into_future();
    tokio::pin!(server);
    tokio::select! {
        outcome = &mut server => return outcome,
        _ = stopped => {}
    }
    if tokio::time::timeout(DRAIN_TIMEOUT, server).await.is_err() {
        tracing::warn!("requests were still running after {} s", DRAIN_TIMEOUT.as_secs());
    }
    Ok(())
}
